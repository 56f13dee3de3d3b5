/* A text that grows: its blocks together render as the whole, whatever the pieces, and what is under way looks calm. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "markdown/markdown.h"
#include "safe_html.h"
#include "unit.h"

/* The HTML of all blocks, found while the text grows by `step` bytes. */
static struct str by_blocks(struct arena *a, struct str text, size_t step, size_t *blocks)
{
	struct markdown_scan scan = {0};
	struct buf out = buf_init(a, BUF_PAGE);
	size_t start = 0, n;

	*blocks = 0;
	for (size_t end = 0; end < text.n;) {
		end = end + step < text.n ? end + step : text.n;
		while ((n = markdown_block(&scan, (struct str){text.p + start, end - start})) > 0) {
			assert_null(markdown_html(a, (struct str){text.p + start, n}, &out));
			assert_int_equal(scan.at, 0);
			start += n;
			++*blocks;
		}
	}
	assert_null(markdown_html(a, (struct str){text.p + start, text.n - start}, &out));
	return out.n ? buf_str(&out) : STR("");
}

static void assert_same(struct arena *a, struct str text, size_t step)
{
	struct buf whole = buf_init(a, BUF_PAGE);
	size_t blocks;

	assert_null(markdown_html(a, text, &whole));
	struct str parts = by_blocks(a, text, step, &blocks);
	if (!str_eq(parts, whole.n ? buf_str(&whole) : STR("")))
		fail_msg("%zu at once:\n%.*s\n-- is\n%.*s\n-- in blocks, and\n%.*s\n-- whole", step,
		         STR_ARG(text), STR_ARG(parts), STR_ARG(buf_str(&whole)));
}

static struct json_object *examples(struct arena *a)
{
	struct json_object *all;

	assert_null(json_read(a, unit_file(a, unit_shared(a, "markdown-spec/commonmark/spec.json")),
	                      JSON_DEPTH, &all));
	return all;
}

static struct str example(struct json_object *all, size_t i)
{
	size_t n = json_object_array_length(all);

	return str_of(json_get_str(json_object_array_get_idx(all, i % n), "markdown"));
}

/* Addresses that are defined elsewhere are the one thing that blocks do not know of each other. */
static bool defines(struct str text)
{
	return str_find(text, STR("]:")) >= 0;
}

static void test_markdown_block__blocks_render_as_the_whole_text_does(void **state)
{
	static const size_t steps[] = {1, 2, 3, 7, 1 << 20};
	struct arena *a = arena_create();
	struct json_object *all = examples(a);

	(void)state;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct arena_mark mark = arena_mark(a);
		for (size_t j = 0; j < 40; j++) {
			struct str one = example(all, i), two = example(all, j ? i + j * 17 : i);
			const char *between = j % 3 == 0 ? "\n\n" : j % 3 == 1 ? "\n" : "\n \nA word.\n\n";

			if (defines(one) || defines(two))
				continue;
			struct str text = str_of(
			        arena_printf(a, "%.*s%s%.*s", STR_ARG(one), between, STR_ARG(two)));
			assert_same(a, text, steps[j % 5]);
		}
		arena_reset(a, mark);
	}
	arena_free(a);
}

static void test_markdown_block__an_answer_is_cut_where_its_blocks_begin(void **state)
{
	static const struct {
		const char *text;
		size_t blocks; /* that are over */
	} cases[] = {
	        {"", 0},
	        {"one", 0},
	        {"one\n\n", 0},
	        {"one\n\nt", 1},
	        {"one\ntwo\n\nthree\n\n* * *", 2},
	        {"# Head\nt", 1},
	        {"text\n```sql\nSELECT 1\n\n\n# no\n", 1},
	        {"text\n```sql\nSELECT 1\n```\nt", 2},
	        {"- a\n\n- b\n\n  more\n", 0},
	        {"- a\n\n- b\n\nText", 1},
	        {"- a\n\n*", 0},
	        {"- a\n\n**", 1},
	        {"1. a\n   ```\n   x\n\ny", 1},
	        {"```\n    ```\nx\n\ny", 0},
	        {"| a |\n|---|\n| 1 |\n| 2 |", 0},
	        {"| a |\n|---|\n| 1 |\n\nT", 1},
	        {"> a\n\n> b", 1},
	        {"    a\n\n    b", 0},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t blocks;
		(void)by_blocks(a, str_of(cases[i].text), 1, &blocks);
		if (blocks != cases[i].blocks)
			fail_msg("%zu blocks of\n%s", blocks, cases[i].text);
	}
	arena_free(a);
}

static void test_markdown_block__what_is_under_way_looks_calm(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	        {"", ""},
	        {"plain", "plain"},
	        {"a **bold", "a **bold**"},
	        {"a **bold ", "a **bold**"},
	        {"a **bold*", "a **bold**"},
	        {"a **bold** and", "a **bold** and"},
	        {"a **", "a "},
	        {"**a *b", "**a *b***"},
	        {"a ~~b", "a ~~b~~"},
	        {"about ~5 days", "about ~5 days"},
	        {"5 * 3 and 2*3", "5 * 3 and 2*3"},
	        {"shop_orders _id", "shop_orders _id_"},
	        {"a `co", "a `co`"},
	        {"a `", "a "},
	        {"a ``co`", "a ``co``"},
	        {"a `code` b", "a `code` b"},
	        {"see [the te", "see the te"},
	        {"see [the **te", "see the **te**"},
	        {"see [the text]", "see the text"},
	        {"see [the text](https://exa", "see the text"},
	        {"see [the text](https://example.com) b", "see [the text](https://example.com) b"},
	        {"see ![an image](https://exa", "see an image"},
	        {"values[0", "values[0"},
	        {"text\n-", "text\n"},
	        {"text\n==", "text\n"},
	        {"- a\n- ", "- a\n"},
	        {"- a\n- **b", "- a\n- **b**"},
	        {"- **a\n- b", "- **a\n- b"},
	        {"# The *he", "# The *he*"},
	        {"##", ""},
	        {"12", ""},
	        {"text\n```sq", "text\n"},
	        {"```sql\nSELECT **", "```sql\nSELECT **"},
	        {"```sql\nSELECT 1\n``", "```sql\nSELECT 1\n"},
	        {"| a | b", ""},
	        {"| a | b |\n|--", ""},
	        {"| a | b |\n|---|---|\n", "| a | b |\n|---|---|\n"},
	        {"| a | b |\n|---|---|\n| 1 | **x", "| a | b |\n|---|---|\n| 1 | **x**"},
	        {"a\\", "a"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str calm = markdown_calm(a, str_of(cases[i].text));
		if (!str_is(calm, cases[i].expected))
			fail_msg("%s\nbecomes\n%.*s", cases[i].text, STR_ARG(calm));
	}
	arena_free(a);
}

/* Each beginning of each example: safe, and at most a little longer than it was. */
static void test_markdown_block__every_beginning_is_safe(void **state)
{
	struct arena *a = arena_create();
	struct json_object *all = examples(a);

	(void)state;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct str text = example(all, i);
		for (size_t n = 0; n <= text.n; n++) {
			struct arena_mark mark = arena_mark(a);
			struct str calm = markdown_calm(a, (struct str){text.p, n});
			struct buf out = buf_init(a, BUF_PAGE);
			size_t at;

			assert_true(calm.n <= 2 * n + 64);
			assert_null(markdown_html(a, calm, &out));
			const char *wrong = safe_html_check(buf_str(&out), &at);
			if (wrong)
				fail_msg("%s at %zu of\n%s\nfrom\n%.*s", wrong, at, buf_cstr(&out), STR_ARG(calm));
			arena_reset(a, mark);
		}
	}
	arena_free(a);
}

static const struct CMUnitTest markdown_block_tests[] = {
        cmocka_unit_test(test_markdown_block__blocks_render_as_the_whole_text_does),
        cmocka_unit_test(test_markdown_block__an_answer_is_cut_where_its_blocks_begin),
        cmocka_unit_test(test_markdown_block__what_is_under_way_looks_calm),
        cmocka_unit_test(test_markdown_block__every_beginning_is_safe),
};
UNIT_SUITE(markdown_block_tests);
