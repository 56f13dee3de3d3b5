/*
 * The examples of CommonMark. Those that differ do so by intent: raw HTML is shown as text, images are
 * links to where they are, addresses of other schemes are not linked, bare ones of ours are, and a class
 * has only what highlighters know. A few are a matter of md4c, and named entities that are rare are left to
 * the browser.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "markdown/markdown.h"
#include "safe_html.h"
#include "unit.h"

/* With rel taken out and ' written as itself, as the examples do. */
static const char *normal(struct arena *a, struct str html)
{
	static const struct {
		struct str from, to;
	} changes[] = {
	        {{" rel=\"noopener noreferrer nofollow\"", 35}, {"", 0}},
	        {{"&#39;", 5}, {"'", 1}},
	};
	struct buf b = buf_init(a, BUF_PAGE);

	buf_add_cstr(&b, "");
	while (html.n) {
		size_t skip = 0;

		for (size_t i = 0; i < 2 && !skip; i++) {
			if (str_starts(html, changes[i].from)) {
				buf_add_str(&b, changes[i].to);
				skip = changes[i].from.n;
			}
		}
		if (!skip) {
			buf_add_char(&b, *html.p);
			skip = 1;
		}
		html = (struct str){html.p + skip, html.n - skip};
	}
	return buf_cstr(&b);
}

/* How many examples of a section may differ, and why; none of any other section. */
static const struct {
	const char *section;
	size_t n;
} differ[] = {
        {"Autolinks", 6},                               /* other schemes; bare addresses */
        {"Backslash escapes", 1},                       /* raw HTML */
        {"Code spans", 1},                              /* raw HTML */
        {"Emphasis and strong emphasis", 4},            /* raw HTML 3; md4c on currency signs */
        {"Entity and numeric character references", 5}, /* rare names; raw HTML */
        {"Fenced code blocks", 1},                      /* "language-;" */
        {"HTML blocks", 46},
        {"Hard line breaks", 2}, /* raw HTML */
        {"Images", 19},
        {"Link reference definitions", 1}, /* raw HTML */
        {"Links", 8},                      /* raw HTML, images, a scheme */
        {"Lists", 2},                      /* raw HTML */
        {"Raw HTML", 13},
        {"Setext headings", 1}, /* md4c keeps a tab */
        {"Tabs", 1},            /* md4c keeps a tab */
};

static void count_difference(const char *section, size_t *counts)
{
	for (size_t i = 0; i < sizeof(differ) / sizeof(*differ); i++) {
		if (!strcmp(section, differ[i].section)) {
			counts[i]++;
			return;
		}
	}
	fail_msg("an example of \"%s\" differs", section);
}

static void test_markdown__the_examples_of_commonmark_render_as_expected(void **state)
{
	struct arena *a = arena_create();
	struct json_object *examples;
	size_t n, same = 0, counts[sizeof(differ) / sizeof(*differ)] = {0};
	struct err *e;

	(void)state;
	e = json_read(a, unit_file(a, unit_shared(a, "markdown-spec/commonmark/spec.json")), JSON_DEPTH,
	              &examples);
	assert_null(e);
	n = json_object_array_length(examples);
	for (size_t i = 0; i < n; i++) {
		struct json_object *example = json_object_array_get_idx(examples, i);
		struct buf out = buf_init(a, BUF_PAGE);
		size_t at;

		assert_null(markdown_html(a, str_of(json_get_str(example, "markdown")), &out));
		assert_null(safe_html_check(buf_str(&out), &at));
		if (!strcmp(normal(a, buf_str(&out)), json_get_str(example, "html")))
			same++;
		else
			count_difference(json_get_str(example, "section"), counts);
	}
	for (size_t i = 0; i < sizeof(differ) / sizeof(*differ); i++)
		assert_int_equal(counts[i], differ[i].n);
	assert_int_equal(n, 655);
	assert_int_equal(same, 544);
	arena_free(a);
}

static const struct CMUnitTest markdown_spec_tests[] = {
        cmocka_unit_test(test_markdown__the_examples_of_commonmark_render_as_expected),
};
UNIT_SUITE(markdown_spec_tests);
