/* Marked stretches of text, and the pieces by which they are found. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "markdown/markdown.h"
#include "safe_html.h"
#include "unit.h"

static const char *marked(struct arena *a, const char *text, const struct markdown_mark *marks, size_t n)
{
	struct buf out = buf_init(a, BUF_RESULT);
	const char *wrong;
	size_t at = 0;

	assert_ok(markdown_html_marked(a, str_of(text), marks, n, &out));
	wrong = safe_html_check(buf_str(&out), &at);
	if (wrong)
		fail_msg("%s at %zu of\n%s\nfrom\n%s", wrong, at, buf_cstr(&out), text);
	return out.n ? buf_cstr(&out) : "";
}

/* A mark around each occurrence of a word. */
static size_t mark_word(const char *text, const char *word, struct markdown_mark *marks, size_t most)
{
	size_t n = 0;

	for (const char *p = text; n < most && (p = strstr(p, word)); p += strlen(word))
		marks[n++] = (struct markdown_mark){
		        .at = (size_t)(p - text), .n = strlen(word), .class = "num", .title = "t"};
	return n;
}

static void test_markdown__marks_stand_in_plain_text_only(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	        {"a 42, b 42",
	         "<p>a <span class=\"num\" title=\"t\">42</span>, b <span class=\"num\" title=\"t\">42</span></p>\n"},
	        {"**42**%", "<p><strong><span class=\"num\" title=\"t\">42</span></strong>%</p>\n"},
	        {"`42` [42](/x) ![42](/y)",
	         "<p><code>42</code> <a href=\"/x\" rel=\"noopener noreferrer nofollow\">42</a> <a href=\"/y\""
	         " rel=\"noopener noreferrer nofollow\">42 (/y)</a></p>\n"},
	        {"    42", "<pre><code>42\n</code></pre>\n"},
	        {"|a|\n|---|\n|42|",
	         "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td><span class=\"num\""
	         " title=\"t\">42</span></td>\n</tr>\n</tbody>\n</table>\n"},
	        {"4*2*", "<p>4<em>2</em></p>\n"},
	};
	struct arena *a = arena_create();
	struct markdown_mark marks[8];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(marked(a, cases[i].text, marks, mark_word(cases[i].text, "42", marks, 8)),
		                    cases[i].expected);
	arena_free(a);
}

static void test_markdown__a_mark_tells_and_is_cut_by_markup(void **state)
{
	static const struct markdown_datum data[] = {{"run", "7"}, {"row", "<\"'&>"}};
	const struct markdown_mark mark = {.at = 0,
	                                   .n = 5,
	                                   .class = "num unproven",
	                                   .title = "a \"b\"",
	                                   .aside = "(<no>)",
	                                   .data = data,
	                                   .ndata = 2};
	struct arena *a = arena_create();

	(void)state;
	assert_string_equal(
	        marked(a, "1**2**", &mark, 1),
	        "<p><span class=\"num unproven\" data-run=\"7\" data-row=\"&lt;&quot;&#39;&amp;&gt;\""
	        " title=\"a &quot;b&quot;\">1</span><strong><span class=\"num unproven\" data-run=\"7\""
	        " data-row=\"&lt;&quot;&#39;&amp;&gt;\" title=\"a &quot;b&quot;\">2</span></strong></p>\n");
	assert_string_equal(
	        marked(a, "12345 6", &mark, 1),
	        "<p><span class=\"num unproven\" data-run=\"7\" data-row=\"&lt;&quot;&#39;&amp;&gt;\""
	        " title=\"a &quot;b&quot;\">12345<span class=\"visually-hidden\"> (&lt;no&gt;)</span></span> 6</p>\n");
	/* Places that a text has not, and a text that is not UTF-8. */
	assert_string_equal(marked(a, "1", &(struct markdown_mark){.at = 9, .n = 5, .class = "num"}, 1),
	                    "<p>1</p>\n");
	assert_string_equal(marked(a, "\xff 1", &mark, 1), "<p>\ufffd 1</p>\n");
	arena_free(a);
}

/* Every payload as the text, marked in many places, with itself as what the marks say. */
static void try_payload(struct arena *a, const char *payload)
{
	struct arena_mark mark = arena_mark(a);
	const struct markdown_datum data[] = {{"run", payload}, {"row", "1"}, {"col", payload}};
	size_t step = strlen(payload) / 64 + 1, n = strlen(payload) / (2 * step);
	struct markdown_mark *marks = ARENA_ARRAY(a, struct markdown_mark, n);

	for (size_t i = 0; i < n; i++)
		marks[i] = (struct markdown_mark){.at = i * 2 * step,
		                                  .n = step + i % 2 * step,
		                                  .class = i % 3 ? "num" : "num unproven",
		                                  .stop = i % 3,
		                                  .title = payload,
		                                  .aside = payload,
		                                  .data = data,
		                                  .ndata = 3};
	marked(a, payload, marks, n);
	marked(a, arena_printf(a, "|%s|\n|---|\n|%s|", payload, payload), marks, n);
	arena_reset(a, mark);
}

static void test_markdown__no_payload_gets_out_of_a_mark(void **state)
{
	static const char *const own[] = {
	        "<script>alert(1)</script>",
	        "\"><img src=x onerror=alert(1)>",
	        "' onmouseover='alert(1)",
	        "[a](javascript:b)",
	        "**<b>** `\"` &quot; &#60;",
	        "<!--",
	        "]]>",
	        "\u202e<",
	        "http://a/\"onx=",
	        "ä<ö>ü\"",
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		try_payload(a, own[i]);
	arena_free(a);
}

static void test_markdown__no_known_payload_gets_out_of_a_mark(void **state)
{
	struct arena *a = arena_create();
	struct str rest;
	size_t n = 0;

	(void)state;
	rest = unit_file(a, unit_shared(a, "xss/dompurify.json"));
	while (rest.p) {
		const char *line = str_dup(a, str_chop(&rest, '\n'));

		if (!str_utf8_valid(str_of(line)))
			continue;
		try_payload(a, line);
		n++;
	}
	assert_true(n >= 100);
	arena_free(a);
}

static void put_piece(void *arg, const struct markdown_piece *p)
{
	static const char *const starts[] = {"", "[", "{", "("};
	static const char *const in[] = {"c", "l", "h", "t", "i"};
	struct buf *b = arg;

	buf_add_cstr(b, starts[p->start]);
	for (unsigned i = 0; i < 5 && p->start; i++)
		buf_add_cstr(b, p->in >> i & 1 ? in[i] : "");
	buf_add_cstr(b, p->start                   ? ":"
	                : p->in & MARKDOWN_IN_CODE ? "`"
	                : p->in & MARKDOWN_IN_LINK ? "@"
	                                           : "");
	buf_add_str(b, p->text);
}

static void test_markdown__pieces_are_what_is_shown(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	        {"a **b** `c` [d](e)\nf", "[:a b `c @d f"},
	        {"# a\n\n- b\n- c\n\n1. d", "[h:a[i:b[i:c[:[i:d[:"},
	        {"|a|b|\n|---|---|\n|1||\n\nx", "[:{t:(t:a(t:b{:(:1(:[:x"},
	        {"1&nbsp;2&lt;&foo;", "[:1\u00a02<&foo;"},
	        {"```\nx 1\n```\n> q", "[c:`x 1`\n[:q"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b = buf_init(a, BUF_PAGE);

		assert_ok(markdown_pieces(a, str_of(cases[i].text), put_piece, &b));
		assert_string_equal(buf_cstr(&b), cases[i].expected);
	}
	assert_err(markdown_pieces(a, (struct str){"x", MARKDOWN_BYTES + 1}, put_piece, NULL), ERR_TOO_LARGE);
	arena_free(a);
}

static const struct CMUnitTest markdown_mark_tests[] = {
        cmocka_unit_test(test_markdown__marks_stand_in_plain_text_only),
        cmocka_unit_test(test_markdown__a_mark_tells_and_is_cut_by_markup),
        cmocka_unit_test(test_markdown__no_payload_gets_out_of_a_mark),
        cmocka_unit_test(test_markdown__no_known_payload_gets_out_of_a_mark),
        cmocka_unit_test(test_markdown__pieces_are_what_is_shown),
};
UNIT_SUITE(markdown_mark_tests);
