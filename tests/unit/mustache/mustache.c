/* What the specification leaves open: views, errors, limits, directories, the check against a view. */
#include "mustache/mustache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "unit.h"

struct row {
	const char *name;
	int64_t amount;
	const struct row *next;
};

struct page {
	const char *title;
	const char *body;
	int64_t count;
	bool open;
	const struct row *first;
	const struct row *rows;
	size_t nrows;
};

static const struct view row_view = VIEW(struct row, VIEW_STR(struct row, name), VIEW_I64(struct row, amount),
                                         VIEW_ONE(struct row, next, &row_view));
static const struct view page_view =
        VIEW(struct page, VIEW_STR(struct page, title), VIEW_HTML(struct page, body),
             VIEW_I64(struct page, count), VIEW_BOOL(struct page, open),
             VIEW_ONE(struct page, first, &row_view), VIEW_LIST(struct page, rows, nrows, &row_view));

static const struct row page_rows[] = {{"a&b", 1, NULL}, {NULL, -2, &page_rows[0]}};
static const struct page page = {"<T>", "<b>x</b>", 7, true, &page_rows[1], page_rows, 2};

struct fixture {
	struct arena *a;
	struct mustache_set *set;
	struct buf out;
};

static int set_up(void **state)
{
	struct arena *a = arena_create();
	struct fixture *f = ARENA_NEW(a, struct fixture);

	f->a = a;
	f->set = mustache_set_create(a);
	f->out = buf_init(a, BUF_PAGE);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	arena_free(((struct fixture *)*state)->a);
	return 0;
}

static void assert_says(const struct err *e, enum err_kind kind, const char *part)
{
	assert_non_null(e);
	assert_int_equal(e->kind, kind);
	if (!strstr(err_text(e), part))
		fail_msg("\"%s\" does not say \"%s\"", err_text(e), part);
}

static void add(struct fixture *f, const char *name, const char *text)
{
	assert_ok(mustache_add(f->set, name, str_of(text)));
}

static struct err *render_json(struct fixture *f, const char *name, const char *data)
{
	struct json_object *o;

	assert_ok(json_read(f->a, str_of(data), JSON_DEPTH, &o));
	f->out = buf_init(f->a, BUF_PAGE);
	return mustache_render_json(f->a, f->set, name, o, &f->out);
}

static void test_mustache__views_render_by_their_kinds(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	        {"{{title}}", "&lt;T&gt;"},
	        {"{{{title}}}", "&lt;T&gt;"},
	        {"{{{body}}}{{&body}}", "<b>x</b><b>x</b>"},
	        {"{{body}}", "&lt;b&gt;x&lt;/b&gt;"},
	        {"{{count}} {{open}}", "7 true"},
	        {"{{#rows}}[{{name}} {{amount}} {{title}}]{{/rows}}", "[a&amp;b 1 &lt;T&gt;][ -2 &lt;T&gt;]"},
	        {"{{#first}}{{amount}}{{#next}}{{amount}}{{#next}}never{{/next}}{{/next}}{{/first}}", "-21"},
	        {"{{first.next.name}}|{{first.next.next.name}}|{{rows.name}}", "a&amp;b||"},
	        {"{{#title}}{{.}}{{/title}}{{#rows}}{{.}}{{/rows}}{{rows}}", "&lt;T&gt;"},
	        {"{{#open}}o{{/open}}{{^open}}c{{/open}}{{#count}}n{{/count}}{{^rows}}none{{/rows}}", "on"},
	        {"{{nothing}}{{#nothing}}x{{/nothing}}{{^nothing}}y{{/nothing}}", "y"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		add(f, "page", cases[i].text);
		f->out = buf_init(f->a, BUF_PAGE);
		assert_ok(mustache_render(f->a, f->set, "page", &page_view, &page, &f->out));
		assert_string_equal(buf_cstr(&f->out), cases[i].expected);
	}
}

static void test_mustache__empty_view_fields_are_false(void **state)
{
	static const struct page empty = {.title = ""};
	struct fixture *f = *state;

	add(f, "page",
	    "{{^title}}t{{/title}}{{^body}}b{{/body}}{{^count}}c{{/count}}{{^open}}o{{/open}}"
	    "{{^first}}f{{/first}}{{^rows}}r{{/rows}}{{title}}{{{body}}}");
	assert_ok(mustache_render(f->a, f->set, "page", &page_view, &empty, &f->out));
	assert_string_equal(buf_cstr(&f->out), "tbcofr");
}

static void test_mustache__json_values_beyond_the_specification(void **state)
{
	static const struct {
		const char *text, *data, *expected;
	} cases[] = {
	        {"{{x}}", "{\"x\":\"'\\\"<\"}", "&#39;&quot;&lt;"},
	        {"{{x}}{{y}}", "{\"x\":{},\"y\":[1]}", ""},
	        {"{{#x}}a{{/x}}{{#y}}b{{/y}}{{^x}}c{{/x}}", "{\"x\":\"\",\"y\":0}", "c"},
	        {"{{#x}}{{.}},{{/x}}", "{\"x\":[true,null,1e3]}", "true,,1e3,"},
	        {"{{#a}}{{#b}}{{c}}{{/b}}{{/a}}", "{\"c\":1,\"a\":{\"b\":[{},{\"c\":null},{\"c\":2}]}}",
	         "12"},
	        {"{{a}}", "null", ""},
	        {"{{=<< >>=}}<<a>>{{a}}<<={{ }}=>>{{a}}", "{\"a\":1}", "1{{a}}1"},
	        {"{{ # a }}{{ . }}{{ / a }}", "{\"a\":[1,2]}", "12"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		add(f, "t", cases[i].text);
		assert_ok(render_json(f, "t", cases[i].data));
		assert_string_equal(buf_cstr(&f->out), cases[i].expected);
	}
}

/* The layout of pages: blocks on lines of their own, partials in blocks, parents in parents. */
static void test_mustache__inheritance_keeps_lines_and_indentation(void **state)
{
	struct fixture *f = *state;

	add(f, "layout", "<body>\n  {{$main}}\n    <p>none</p>\n  {{/main}}\n  {{>foot}}\n</body>\n");
	add(f, "foot", "<hr>\n<i>{{$note}}-{{/note}}</i>\n");
	add(f, "plain", "{{<layout}}{{/layout}}\n");
	add(f, "list",
	    "{{<layout}}\n  {{$main}}\n  {{#items}}\n    <b>{{.}}</b>\n  {{/items}}\n  {{>foot}}\n "
	    " {{/main}}\n"
	    "{{$note}}N{{/note}}\n{{/layout}}\n");
	add(f, "inline", "{{<layout}}{{$main}}x{{/main}}{{/layout}}");
	add(f, "twice",
	    "{{<layout}}{{$main}}\n{{<layout}}{{$note}}inner{{/note}}{{/layout}}\n{{/main}}{{/layout}}\n");
	assert_ok(render_json(f, "plain", "{}"));
	assert_string_equal(buf_cstr(&f->out), "<body>\n    <p>none</p>\n  <hr>\n  <i>-</i>\n</body>\n");
	assert_ok(render_json(f, "list", "{\"items\":[1,2]}"));
	assert_string_equal(buf_cstr(&f->out),
	                    "<body>\n      <b>1</b>\n      <b>2</b>\n    <hr>\n    <i>-</i>\n"
	                    "  <hr>\n  <i>N</i>\n</body>\n");
	assert_ok(render_json(f, "inline", "{}"));
	assert_string_equal(buf_cstr(&f->out), "<body>\n    x  <hr>\n  <i>-</i>\n</body>\n");
	assert_ok(render_json(f, "twice", "{}"));
	assert_string_equal(buf_cstr(&f->out),
	                    "<body>\n    <body>\n        <p>none</p>\n      <hr>\n      <i>inner</i>\n"
	                    "    </body>\n  <hr>\n  <i>-</i>\n</body>\n");
}

static void test_mustache__malformed_templates_are_refused_with_their_line(void **state)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
	        {"a\n{{b", "Line 2: a tag is not closed"},
	        {"a\n\n{{{b}}", "Line 3: a tag is not closed"},
	        {"{{#a}}\n{{^b}}\n{{/a}}", "Line 3: another tag is still open here: \"b\""},
	        {"\n{{#a}}\n\n", "Line 2: a tag is not closed: \"a\""},
	        {"\n{{<a}}\n{{$b}}{{/a}}", "Line 3: another tag is still open here: \"b\""},
	        {"{{/a}}", "Line 1: a tag closes what is not open: \"a\""},
	        {"{{}}", "Line 1: a tag has no name"},
	        {"{{# }}", "has no name"},
	        {"{{>}}", "has no name"},
	        {"{{>*}}", "has no name"},
	        {"{{a b}}", "white space"},
	        {"{{a..b}}", "empty part"},
	        {"{{.a}}", "empty part"},
	        {"{{=a=}}", "delimiters"},
	        {"{{= =}}", "delimiters"},
	        {"{{=a b c=}}", "delimiters"},
	        {"{{==}}", "delimiters"},
	        {"{{=}}", "not closed"},
	        {"{{=| = =}}", "delimiters"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_says(mustache_add(f->set, "broken", str_of(cases[i].text)), ERR_INVALID,
		            cases[i].part);
		assert_says(mustache_add(f->set, "broken", str_of(cases[i].text)), ERR_INVALID, "\"broken\"");
	}
	assert_says(mustache_add(f->set, "nul", STR("{{a\0b}}")), ERR_INVALID, "white space");
	assert_says(render_json(f, "broken", "{}"), ERR_NOT_FOUND, "\"broken\"");
}

static void test_mustache__what_is_missing_is_reported_behind_the_output(void **state)
{
	struct fixture *f = *state;

	add(f, "page", "a{{>gone}}b\n{{<lost}}{{/lost}}c{{>*name}}");
	assert_says(render_json(f, "page", "{\"name\":\"x\"}"), ERR_NOT_FOUND, "\"gone\"");
	assert_string_equal(buf_cstr(&f->out), "ab\nc");
	assert_says(render_json(f, "page", "{}"), ERR_NOT_FOUND, "\"page\" includes it in line 1");
	add(f, "page", "{{>*name}}");
	assert_ok(render_json(f, "page", "{}"));
}

static void test_mustache__endless_templates_end_in_an_error(void **state)
{
	static const struct {
		const char *text, *data;
	} cases[] = {
	        {"{{>t}}", "{}"},
	        {"{{<t}}{{/t}}", "{}"},
	        {"{{>t}}{{>t}}", "{}"},
	        {"{{$b}}{{<t}}{{$b}}{{>t}}{{/b}}{{/t}}{{/b}}", "{}"},
	        {"{{#a}}{{>t}}{{/a}}", "{\"a\":[1,2]}"},
	        {"{{>*n}}", "{\"n\":\"t\"}"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		add(f, "t", cases[i].text);
		assert_says(render_json(f, "t", cases[i].data), ERR_TOO_LARGE, "nested too deeply");
	}
}

static char *repeated(struct arena *a, const char *s, size_t times)
{
	struct buf b = buf_init(a, BUF_PAGE);

	for (size_t i = 0; i < times; i++)
		buf_add_cstr(&b, s);
	return (char *)(uintptr_t)buf_cstr(&b);
}

static void test_mustache__sections_that_multiply_are_stopped(void **state)
{
	struct fixture *f = *state;
	const char *text =
	        arena_printf(f->a, "%s%s", repeated(f->a, "{{#l}}", 20), repeated(f->a, "{{/l}}", 20));

	add(f, "t", text);
	assert_says(render_json(f, "t", "{\"l\":[1,2,3,4,5,6,7,8,9]}"), ERR_TOO_LARGE, "too many steps");
	assert_says(mustache_add(f->set, "deep", str_of(repeated(f->a, "{{#a}}", 65))), ERR_INVALID,
	            "too deeply");
	text = arena_printf(f->a, "%s!%s", repeated(f->a, "{{#a}}", 64), repeated(f->a, "{{/a}}", 64));
	add(f, "deep", text);
	assert_ok(render_json(f, "deep", "{\"a\":1}"));
	assert_string_equal(buf_cstr(&f->out), "!");
}

static void test_mustache__sizes_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct buf small = buf_init(f->a, 10);

	add(f, "t", "{{#rows}}0123456789{{/rows}}");
	assert_says(mustache_render(f->a, f->set, "t", &page_view, &page, &small), ERR_TOO_LARGE,
	            "output is too large");
	assert_says(mustache_add(f->set, "big", str_of(repeated(f->a, "0123456789abcdef", 65537))),
	            ERR_INVALID, "too large");
}

static void write_file(struct arena *a, const char *dir, const char *name, const char *text)
{
	FILE *file = fopen(arena_printf(a, "%s/%s", dir, name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static void test_mustache__a_directory_is_loaded_with_its_folders(void **state)
{
	static const char *const files[] = {"page.mustache", "project/show.mustache", "notes.txt",
	                                    ".hidden.mustache"};
	struct fixture *f = *state;
	char *dir = arena_strdup(f->a, "/tmp/quern-mustache-XXXXXX");
	const char *inner;

	assert_non_null(mkdtemp(dir));
	inner = arena_printf(f->a, "%s/project", dir);
	assert_int_equal(mkdir(inner, 0700), 0);
	write_file(f->a, dir, files[0], "[{{>project/show}}]");
	write_file(f->a, dir, files[1], "{{x}}");
	write_file(f->a, dir, files[2], "{{");
	write_file(f->a, dir, files[3], "{{");
	assert_ok(mustache_load(f->set, dir));
	assert_ok(render_json(f, "page", "{\"x\":1}"));
	assert_string_equal(buf_cstr(&f->out), "[1]");
	write_file(f->a, dir, files[1], "\n{{x");
	assert_says(mustache_load(f->set, dir), ERR_INVALID, "\"project/show\"");
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(arena_printf(f->a, "%s/%s", dir, files[i]));
	rmdir(inner);
	rmdir(dir);
	assert_says(mustache_load(f->set, dir), ERR_NOT_FOUND, dir);
}

static void test_mustache__check_finds_what_does_not_fit(void **state)
{
	static const struct {
		const char *text, *part;
	} cases[] = {
	        {"{{title}}{{{body}}}{{#rows}}{{name}}{{title}}{{/rows}}{{^first}}-{{/"
	         "first}}{{open}}{{count}}",
	         NULL},
	        {"{{#first}}{{#next}}{{>self}}{{/next}}{{/first}}{{first.next.name}}", NULL},
	        {"{{#title}}{{.}}{{/title}}{{<layout}}{{$b}}{{amount}}{{/b}}{{/layout}}", NULL},
	        {"a\n{{titel}}", "Line 2: \"titel\" is not a field"},
	        {"{{#titel}}{{/titel}}", "not a field"},
	        {"{{^titel}}{{/titel}}", "not a field"},
	        {"{{name}}", "not a field"},
	        {"{{#rows}}{{nam}}{{/rows}}", "\"nam\" is not a field"},
	        {"{{first.nam}}", "not a field"},
	        {"{{rows.name}}", "not one struct"},
	        {"{{title.name}}", "not one struct"},
	        {"{{rows}}", "has no text"},
	        {"{{first}}", "has no text"},
	        {"{{.}}", "has no text"},
	        {"{{{title}}}", "must be written escaped"},
	        {"{{body}}", "with three braces"},
	        {"{{#body}}{{.}}{{/body}}", "with three braces"},
	        {"{{>gone}}", "is not a template"},
	        {"{{<gone}}{{/gone}}", "is not a template"},
	        {"{{>*title}}", "dynamic"},
	        {"{{>row}}", "\"row\" does not fit its view: Line 1: \"amount\""},
	        {"{{<layout}}{{$b}}{{amont}}{{/b}}{{/layout}}", "\"amont\""},
	        {"{{#rows}}{{>row}}{{/rows}}{{<layout}}{{/layout}}", "\"layout\" does not fit"},
	};
	struct fixture *f = *state;

	add(f, "row", "{{amount}}");
	add(f, "self", "{{name}}{{#next}}{{>self}}{{/next}}");
	add(f, "layout", "{{#rows}}{{$b}}{{missing}}{{/b}}{{/rows}}");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		add(f, "page", cases[i].text);
		if (cases[i].part)
			assert_says(mustache_check(f->a, f->set, "page", &page_view, false), ERR_INVALID,
			            cases[i].part);
		else
			assert_ok(mustache_check(f->a, f->set, "page", &page_view, false));
	}
	assert_says(mustache_check(f->a, f->set, "none", &page_view, false), ERR_INVALID, "does not exist");
}

static void test_mustache__a_strict_check_wants_every_field(void **state)
{
	struct fixture *f = *state;

	add(f, "page", "{{title}}{{{body}}}{{count}}{{#open}}{{/open}}{{#first}}{{/first}}{{>rest}}");
	add(f, "rest", "{{count}}");
	assert_says(mustache_check(f->a, f->set, "page", &page_view, true), ERR_INVALID,
	            "does not use the field \"rows\"");
	add(f, "rest", "{{^rows}}{{/rows}}");
	assert_ok(mustache_check(f->a, f->set, "page", &page_view, true));
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_mustache__##name, set_up, tear_down)
static const struct CMUnitTest mustache_mustache_tests[] = {
        TEST(views_render_by_their_kinds),
        TEST(empty_view_fields_are_false),
        TEST(json_values_beyond_the_specification),
        TEST(inheritance_keeps_lines_and_indentation),
        TEST(malformed_templates_are_refused_with_their_line),
        TEST(what_is_missing_is_reported_behind_the_output),
        TEST(endless_templates_end_in_an_error),
        TEST(sections_that_multiply_are_stopped),
        TEST(sizes_are_bounded),
        TEST(a_directory_is_loaded_with_its_folders),
        TEST(check_finds_what_does_not_fit),
        TEST(a_strict_check_wants_every_field),
};
UNIT_SUITE(mustache_mustache_tests);
