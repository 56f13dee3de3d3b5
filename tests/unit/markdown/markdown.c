/* What is shown, what is linked, and that nothing else can get out. */
#include "markdown/markdown.h"

#include <dirent.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "safe_html.h"
#include "unit.h"

#define REL " rel=\"noopener noreferrer nofollow\">"

/* The HTML of a text, which must pass the strict reader. */
static const char *html(struct arena *a, struct str text)
{
	struct buf out = buf_init(a, BUF_RESULT);
	struct err *e = markdown_html(a, text, &out);
	const char *wrong;
	size_t at = 0;

	if (e)
		fail_msg("%s", err_text(e));
	wrong = safe_html_check(buf_str(&out), &at);
	if (wrong)
		fail_msg("%s at %zu of\n%s\nfrom\n%.*s", wrong, at, buf_cstr(&out), STR_ARG(text));
	return out.n ? buf_cstr(&out) : "";
}

static void test_markdown__blocks_and_spans_render(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	        {"", ""},
	        {"a *b* **c** ~~d~~ `e<`",
	         "<p>a <em>b</em> <strong>c</strong> <del>d</del> <code>e&lt;</code></p>\n"},
	        {"a  \nb", "<p>a<br />\nb</p>\n"},
	        {"# a\n###### b", "<h1>a</h1>\n<h6>b</h6>\n"},
	        {"> a\n\n---", "<blockquote>\n<p>a</p>\n</blockquote>\n<hr />\n"},
	        {"3. a\n4. b", "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n"},
	        {"- [ ] a\n- [x] b",
	         "<ul>\n<li class=\"task\"><input type=\"checkbox\" disabled />a</li>\n"
	         "<li class=\"task\"><input type=\"checkbox\" disabled checked />b</li>\n</ul>\n"},
	        {"|a|b|\n|:--|--:|\n|1|<|",
	         "<table>\n<thead>\n<tr>\n<th align=\"left\">a</th>\n<th align=\"right\">b</th>\n</tr>\n"
	         "</thead>\n<tbody>\n<tr>\n<td align=\"left\">1</td>\n<td align=\"right\">&lt;</td>\n"
	         "</tr>\n</tbody>\n</table>\n"},
	        {"```SQL x\n<a>\n```", "<pre><code class=\"language-sql\">&lt;a&gt;\n</code></pre>\n"},
	        {"```c++\"onx=\n```", "<pre><code class=\"language-c++onx\"></code></pre>\n"},
	        {"```&quot;>\n```", "<pre><code></code></pre>\n"},
	        {"    a", "<pre><code>a\n</code></pre>\n"},
	        {"<b>a</b>", "<p>&lt;b&gt;a&lt;/b&gt;</p>\n"},
	        {"&lt;b&gt; &#60; &#x3c; &copy; &foo; &HilbertSpace;",
	         "<p>&lt;b&gt; &lt; &lt; © &foo; &HilbertSpace;</p>\n"},
	        {"&#0; &#xd800; &#99999999;", "<p>\ufffd \ufffd &amp;#99999999;</p>\n"},
	        {"\xff\xc3\xa4\xc3", "<p>\ufffdä\ufffd</p>\n"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(html(a, str_of(cases[i].text)), cases[i].expected);
	assert_string_equal(html(a, STR("a\0b")), "<p>a\ufffdb</p>\n");
	assert_string_equal(html(a, (struct str){"[a](b)", 5}), "<p>[a](b</p>\n");
	arena_free(a);
}

static void test_markdown__links_of_known_schemes_are_kept(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	        {"[a](http://x/y?z=1&w='2')",
	         "<p><a href=\"http://x/y?z=1&amp;w=&#39;2&#39;\"" REL "a</a></p>\n"},
	        {"[a](HTTPS://x)", "<p><a href=\"HTTPS://x\"" REL "a</a></p>\n"},
	        {"[a](mailto:a@b.c \"t<\")", "<p><a href=\"mailto:a@b.c\" title=\"t&lt;\"" REL "a</a></p>\n"},
	        {"<http://x>", "<p><a href=\"http://x\"" REL "http://x</a></p>\n"},
	        {"<a@b.c>", "<p><a href=\"mailto:a@b.c\"" REL "a@b.c</a></p>\n"},
	        {"see http://x.de/y.", "<p>see <a href=\"http://x.de/y\"" REL "http://x.de/y</a>.</p>\n"},
	        {"www.x.de", "<p><a href=\"http://www.x.de\"" REL "www.x.de</a></p>\n"},
	        {"[a](/b) [c](d/e:f) [g](#h) [i](?j) [k]()",
	         "<p><a href=\"/b\"" REL "a</a> <a href=\"d/e:f\"" REL "c</a> <a href=\"#h\"" REL "g</a> <a"
	         " href=\"?j\"" REL "i</a> <a href=\"\"" REL "k</a></p>\n"},
	        {"[a](<b c\"d>)", "<p><a href=\"b%20c%22d\"" REL "a</a></p>\n"},
	        {"[a](&auml;&#228;)", "<p><a href=\"%C3%A4%C3%A4\"" REL "a</a></p>\n"},
	        {"[a](b&unknown;c)", "<p><a href=\"b&amp;unknown;c\"" REL "a</a></p>\n"},
	        {"[**a**][r]\n\n[r]: http://x", "<p><a href=\"http://x\"" REL "<strong>a</strong></a></p>\n"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(html(a, str_of(cases[i].text)), cases[i].expected);
	arena_free(a);
}

static void test_markdown__other_addresses_are_not_linked(void **state)
{
	static const char *const addresses[] = {
	        "javascript:alert(1)",
	        "JaVaScRiPt:alert(1)",
	        "javascript&colon;alert(1)",
	        "javascript&#58;alert(1)",
	        "&#x6A;avascript:alert(1)",
	        "java&Tab;script:alert(1)",
	        "java&NewLine;script:a",
	        "java&#10;script:a",
	        "&#1;javascript:alert(1)",
	        "&#32;javascript:alert(1)",
	        "javascript%3Aalert(1)",
	        "javascript%253Aalert(1)",
	        "%6aavascript:a",
	        "java%0ascript:alert(1)",
	        "vbscript:x",
	        "data:text/html,x",
	        "DATA:text/html;base64,AA==",
	        "file:///etc/passwd",
	        "blob:x",
	        "ftp://x",
	        "//evil.example",
	        "/\\evil.example",
	        "\\\\\\\\evil.example",
	        "&#47;&#47;evil.example",
	        "&bsol;evil.example",
	        "&sol;&sol;evil",
	        "%2f%2fevil",
	        "/&#9;/evil",
	        "http:evil",
	        "http:///evil",
	        "https:/x",
	        "https:",
	        "x:y",
	        ":x",
	        "ht&#9;tp:x",
	        "feed:javascript:a",
	        "about:blank",
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		const char *link = html(a, str_of(arena_printf(a, "[a](%s)", addresses[i])));

		assert_string_equal(link, "<p>a</p>\n");
		link = html(a, str_of(arena_printf(a, "![a](%s)", addresses[i])));
		assert_null(strstr(link, "<a"));
		assert_null(strstr(html(a, str_of(arena_printf(a, "[a]\n\n[a]: %s", addresses[i]))), "<a"));
		html(a, str_of(arena_printf(a, "<%s>", addresses[i])));
	}
	arena_free(a);
}

static void test_markdown__images_show_where_they_are(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	        {"![a *b*](http://x/?q=secret)",
	         "<p><a href=\"http://x/?q=secret\"" REL "a b (http://x/?q=secret)</a></p>\n"},
	        {"![](http://x/a%20b)", "<p><a href=\"http://x/a%20b\"" REL " (http://x/a%20b)</a></p>\n"},
	        {"[![a](b)](c)", "<p><a href=\"c\"" REL "a (b)</a></p>\n"},
	        {"![a ![b](c) [d](e)](f)", "<p><a href=\"f\"" REL "a b d (f)</a></p>\n"},
	        {"![a](data:image/png;base64,AA)", "<p>a (data:image/png;base64,AA)</p>\n"},
	        {"![a`b`\nc](d \"t\")", "<p><a href=\"d\" title=\"t\"" REL "ab c (d)</a></p>\n"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(html(a, str_of(cases[i].text)), cases[i].expected);
	arena_free(a);
}

static struct str repeated(struct arena *a, const char *s, size_t bytes)
{
	struct buf b = buf_init(a, BUF_PAGE);

	while (b.n + strlen(s) <= bytes)
		buf_add_cstr(&b, s);
	return buf_str(&b);
}

/* Each of these takes hours when its cost is the square of its length; the runner of the tests gives up
 * before. */
static void test_markdown__hostile_texts_end_soon(void **state)
{
	static const char *const parts[] = {
	        "[",         "![",      "[](",          "[a](",         "[a][",     "*",
	        "*a ",       "a**b",    "*_",           "***a ",        "`a",       "``a`b",
	        "~a ",       "<",       "<a@",          "> ",           "- ",       "1. ",
	        "|",         "|x",      "http://a.b/(", "http://a.b ",  "www.a.b ", "www.",
	        "://",       "&",       "[a]: b\n",     "[a\n",         "\\",       "> a\n\n",
	        "- [ ] a\n", "~~~ a\n", "&#1",          "[![a](b)](c)",
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct arena_mark mark = arena_mark(a);
		struct buf out = buf_init(a, BUF_PAGE);
		struct err *e = markdown_html(a, repeated(a, parts[i], MARKDOWN_BYTES), &out);
		size_t at;

		if (e)
			assert_int_equal(e->kind, ERR_TOO_LARGE);
		else
			assert_null(safe_html_check(buf_str(&out), &at));
		arena_reset(a, mark);
	}
	arena_free(a);
}

static void test_markdown__sizes_are_bounded(void **state)
{
	struct arena *a = arena_create();
	struct buf out = buf_init(a, BUF_PAGE), small = buf_init(a, 8);
	struct str definition = STR("[x]: javascript:"), twice = repeated(a, "[x]", 900000);
	const char *text;

	(void)state;
	assert_int_equal(markdown_html(a, repeated(a, "a", MARKDOWN_BYTES + 1), &out)->kind, ERR_TOO_LARGE);
	assert_int_equal(markdown_html(a, STR("a longer one"), &small)->kind, ERR_TOO_LARGE);
	text = arena_printf(a, "%s%s\n\n%s", definition.p, repeated(a, "a", 8000).p, twice.p);
	assert_int_equal(markdown_html(a, str_of(text), &out)->kind, ERR_TOO_LARGE);
	text = arena_printf(a, "![a](http://x/%s)", repeated(a, "a", 9000).p);
	assert_string_equal(html(a, str_of(text)), "<p>a (its address is too long to show)</p>\n");
	arena_free(a);
}

/* The text as it is, and where an attacker would like it: in a link, an image, a title, a code block, a
 * table. */
static void try_payload(struct str text)
{
	static const char *const places[] = {
	        "%.*s",
	        "[a](%.*s)",
	        "[a](<%.*s>)",
	        "![a](%.*s)",
	        "![%.*s](b)",
	        "[a](b \"%.*s\")",
	        "[a](b '%.*s')",
	        "<%.*s>",
	        "```%.*s\nx\n```",
	        "|%.*s|\n|---|\n|x|",
	        "[a]: %.*s\n\n[a]",
	        "`%.*s`",
	        "# %.*s",
	        "[a](javascript:%.*s)",
	};
	struct arena *a = arena_create();

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		html(a, str_of(arena_printf(a, places[i], STR_ARG(text))));
#pragma GCC diagnostic pop
	}
	arena_free(a);
}

static size_t try_file(const char *path)
{
	struct arena *a = arena_create();
	struct str text = unit_file(a, path), rest = text;
	size_t n = 0;

	try_payload(text);
	if (!str_ends(str_of(path), STR(".md"))) {
		while (rest.p) {
			try_payload(str_chop(&rest, '\n'));
			n++;
		}
	}
	arena_free(a);
	return n;
}

static size_t try_folder(struct arena *a, const char *dir, size_t *lines)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	size_t n = 0;

	if (!d)
		return 0;
	while ((entry = readdir(d))) {
		const char *path = arena_printf(a, "%s/%s", dir, entry->d_name);

		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			n += try_folder(a, path, lines);
		if (entry->d_type != DT_REG)
			continue;
		*lines += try_file(path);
		n++;
	}
	closedir(d);
	return n;
}

static void test_markdown__no_known_payload_gets_out(void **state)
{
	struct arena *a = arena_create();
	size_t lines = 0;

	(void)state;
	assert_true(try_folder(a, unit_shared(a, "xss"), &lines) >= 30);
	assert_true(lines >= 3000);
	arena_free(a);
}

static void test_markdown__no_payload_for_sanitizers_gets_out(void **state)
{
	struct arena *a = arena_create();
	struct json_object *payloads;
	size_t n;

	(void)state;
	assert_null(json_read(a, unit_file(a, unit_shared(a, "xss/dompurify.json")), JSON_DEPTH, &payloads));
	n = json_object_array_length(payloads);
	assert_true(n >= 100);
	for (size_t i = 0; i < n; i++)
		try_payload(str_of(json_get_str(json_object_array_get_idx(payloads, i), "payload")));
	arena_free(a);
}

/* The reader itself must refuse what it is there to refuse. */
static void test_markdown__the_reader_of_these_tests_is_strict(void **state)
{
	static const char *const bad[] = {
	        "<script>",
	        "<p>",
	        "</p>",
	        "<p></em>",
	        "<p onclick=\"x\"></p>",
	        "<img src=\"x\" />",
	        "a & b",
	        "a > b",
	        "a \" b",
	        "<a href=\"/\">x</a>",
	        "<a href=\"javascript:a\"" REL "x</a>",
	        "<a href=\"//x\"" REL "x</a>",
	        "<a href=\"java\tscript:a\"" REL "x</a>",
	        "<a href=\"/\" rel=\"\">x</a>",
	        "<a href=\"&amp;\" x" REL "x</a>",
	        "<code class=\"x\"></code>",
	        "<code class=\"language-a b\"></code>",
	        "<p/>",
	        "<br>",
	        "<br / >",
	        "<!-- -->",
	        "<input type=\"text\" disabled />",
	        "<p",
	        "<a href=\"x",
	        "<a href=\"<\"" REL "x</a>",
	        "<li class=\"other\"></li>",
	};
	size_t at;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!safe_html_check(str_of(bad[i]), &at))
			fail_msg("accepted: %s", bad[i]);
}

static const struct CMUnitTest markdown_markdown_tests[] = {
        cmocka_unit_test(test_markdown__blocks_and_spans_render),
        cmocka_unit_test(test_markdown__links_of_known_schemes_are_kept),
        cmocka_unit_test(test_markdown__other_addresses_are_not_linked),
        cmocka_unit_test(test_markdown__images_show_where_they_are),
        cmocka_unit_test(test_markdown__hostile_texts_end_soon),
        cmocka_unit_test(test_markdown__sizes_are_bounded),
        cmocka_unit_test(test_markdown__no_known_payload_gets_out),
        cmocka_unit_test(test_markdown__no_payload_for_sanitizers_gets_out),
        cmocka_unit_test(test_markdown__the_reader_of_these_tests_is_strict),
};
UNIT_SUITE(markdown_markdown_tests);
