/* What changed between two texts. */
#include <string.h>

#include "artifact/artifact.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "unit.h"

static const char *diff(struct arena *a, const char *before, const char *after)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct artifact_line *lines;
	size_t n = artifact_diff(a, before, after, &lines);

	for (size_t i = 0; i < n; i++)
		if (lines[i].change == ARTIFACT_SKIPPED)
			buf_printf(&b, "~%d ", (int)lines[i].lines);
		else
			buf_printf(&b, "%c%s ", " -+"[lines[i].change], lines[i].text);
	return buf_cstr(&b);
}

static void test_artifact__lines_are_old_new_or_the_same(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_string_equal(diff(a, "a\nb\nc\n", "a\nb\nc"), "");
	assert_string_equal(diff(a, "a\nb\nc", "a\nx\nc"), " a -b +x  c ");
	assert_string_equal(diff(a, "", "a"), "- +a ");
	assert_string_equal(diff(a, "a\nb", "b\na"), "-a  b +a ");
	assert_string_equal(diff(a, "1\n2\n3\n4\n5\n6", "0\n1\n2\n3\n4\n5\n6"), "+0  1  2  3 ~3 ");
	assert_string_equal(diff(a, "a\nb\nc\nd\ne", "a\nc\nd\nx\ne"), " a -b  c  d +x  e ");
	arena_free(a);
}

/* Whatever the texts: without the new lines it is the old text, without the old ones the new. */
static void test_artifact__both_texts_can_be_read_from_it(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed < 300; seed++) {
		struct arena *a = arena_create();
		struct buf text[2] = {buf_init(a, BUF_PAGE), buf_init(a, BUF_PAGE)}, back[2] = {text[0], text[1]};
		struct artifact_line *lines;
		unsigned x = seed * 2654435761u;

		for (int k = 0; k < 2; k++)
			for (unsigned i = 0; i < 3 + seed % 20; i++, x = x * 1103515245u + 12345u)
				buf_printf(&text[k], "%c\n", "abc"[x >> 16 & 1]);
		size_t n = artifact_diff(a, buf_cstr(&text[0]), buf_cstr(&text[1]), &lines);
		size_t at[2] = {0, 0};
		for (size_t i = 0; i < n; i++)
			for (int k = 0; k < 2; k++) {
				if (lines[i].change == (k ? ARTIFACT_OLD : ARTIFACT_NEW))
					continue;
				if (lines[i].change == ARTIFACT_SKIPPED)
					buf_add(&back[k], text[k].p + at[k], (size_t)lines[i].lines * 2);
				else
					buf_printf(&back[k], "%s\n", lines[i].text);
				at[k] = back[k].n;
			}
		for (int k = 0; n && k < 2; k++)
			assert_string_equal(buf_cstr(&back[k]), buf_cstr(&text[k]));
		arena_free(a);
	}
}

static const struct CMUnitTest artifact_diff_tests[] = {
        cmocka_unit_test(test_artifact__lines_are_old_new_or_the_same),
        cmocka_unit_test(test_artifact__both_texts_can_be_read_from_it),
};
UNIT_SUITE(artifact_diff_tests);
