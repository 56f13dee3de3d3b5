#include "lib/json.h"

#include <math.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "unit.h"

static struct arena *a;

static int setup(void **state)
{
	(void)state;
	a = arena_create();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static void test_lib__json_reads_what_the_standard_allows(void **state)
{
	static const struct str cases[] = {
	        STR("{}"),
	        STR("[]"),
	        STR(" [1, -0, 1.5e-3, 1E5, 0.0] "),
	        STR("\"x\""),
	        STR("12"),
	        STR("-1.25"),
	        STR("true"),
	        STR("false"),
	        STR("{\"a\":{\"a\":[{\"a\":1},{\"a\":2}]}}"),
	        STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\""),
	        STR("\"\xc3\xa9\xf0\x9f\x98\x80\""),
	        STR("[9223372036854775807,-9223372036854775808]"),
	        STR("{\"\":1}"),
	};
	struct json_object *o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err *e = json_read(a, cases[i], JSON_DEPTH, &o);

		if (e)
			fail_msg("%.*s: %s", STR_ARG(cases[i]), err_text(e));
		assert_non_null(o);
	}
	assert_null(json_read(a, STR("null"), JSON_DEPTH, &o));
	assert_null(o);
}

static void test_lib__json_refuses_what_json_c_lets_pass(void **state)
{
	static const struct {
		struct str text;
		int position;
	} cases[] = {
	        {STR(""), 1},
	        {STR("  "), 3},
	        {STR("{} x"), 4},
	        {STR("[1,]"), 4},
	        {STR("{\"a\":1,}"), 8},
	        {STR("{'a':1}"), 2},
	        {STR("[012]"), 3},
	        {STR("[-01]"), 4},
	        {STR("[1.]"), 4},
	        {STR("[.5]"), 2},
	        {STR("[+1]"), 2},
	        {STR("[1e]"), 4},
	        {STR("NaN"), 1},
	        {STR("-Infinity"), 2},
	        {STR("Infinity"), 1},
	        {STR("True"), 1},
	        {STR("nul"), 1},
	        {STR("/* x */ 1"), 1},
	        {STR("1 // x"), 3},
	        {STR("\"a\nb\""), 3},
	        {STR("\"\\u0000\""), 8},
	        {STR("\"\\x41\""), 3},
	        {STR("\"\\u12g4\""), 6},
	        {STR("\"abc"), 5},
	        {STR("\"\xc3\xa9\xff\""), 3},
	        {STR("{\"a\" 1}"), 6},
	        {STR("{\"a\"}"), 5},
	        {STR("[1 2]"), 4},
	        {STR("{1:2}"), 2},
	        {STR("[9223372036854775808]"), 21},
	        {STR("[1}"), 3},
	        {STR("["), 2},
	        {STR("\0"), 1},
	        {STR("{}\0"), 3},
	        {STR("{\"a\":1,\"a\":1}"), 0},
	        {STR("[{\"a\":1,\"\\u0061\":null}]"), 0},
	};
	struct json_object *o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err *e = json_read(a, cases[i].text, JSON_DEPTH, &o);

		if (!e || e->kind != ERR_INVALID || e->position != cases[i].position)
			fail_msg("%.*s: %s at %d", STR_ARG(cases[i].text), e ? err_text(e) : "accepted",
			         e ? e->position : 0);
		assert_null(o);
	}
}

static struct str nested(int depth)
{
	char *text = arena_alloc(a, (size_t)depth * 2 + 1);

	memset(text, '[', (size_t)depth);
	memset(text + depth, ']', (size_t)depth);
	return str_of(text);
}

static void test_lib__json_nests_as_deep_as_asked(void **state)
{
	static const int depths[] = {1, 2, JSON_DEPTH, JSON_DEPTH_TREE};
	struct json_object *o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
		assert_null(json_read(a, nested(depths[i]), depths[i], &o));
		assert_non_null(json_read(a, nested(depths[i] + 1), depths[i], &o));
	}
	assert_null(json_read(a, STR("[[1,\"x\",{\"a\":2}]]"), 3, &o));
	assert_non_null(json_read(a, nested(1000000), JSON_DEPTH_TREE, &o));
}

static void test_lib__json_members_by_type(void **state)
{
	struct json_object *o;

	(void)state;
	assert_null(json_read(a, STR("{\"s\":\"x\",\"i\":7,\"f\":1.5,\"b\":true,\"n\":null,\"l\":[1]}"),
	                      JSON_DEPTH, &o));
	assert_string_equal(json_get_str(o, "s"), "x");
	assert_null(json_get_str(o, "i"));
	assert_null(json_get_str(NULL, "s"));
	assert_int_equal(json_get_i64(o, "i", -1), 7);
	assert_int_equal(json_get_i64(o, "s", -1), -1);
	assert_int_equal(json_get_i64(o, "f", -1), -1);
	assert_true(json_get_bool(o, "b", false));
	assert_true(json_get_bool(o, "i", true));
	assert_non_null(json_get_array(o, "l"));
	assert_null(json_get_array(o, "s"));
	assert_null(json_get(o, "n"));
	assert_null(json_get(json_get(o, "l"), "x"));
}

static bool pull_two(const char *text, struct str *first, struct str *second)
{
	struct json_pull m[] = {{"a", STR("")}, {"b", STR("")}};
	bool ok = json_pull(str_of(text), m, 2);

	*first = m[0].raw;
	*second = m[1].raw;
	return ok;
}

static void test_lib__json_pull_takes_exactly_the_members_asked_for(void **state)
{
	static const char *const refused[] = {
	        "",
	        "{",
	        "{}",
	        "[]",
	        "null",
	        "{\"a\":1}",
	        "{\"a\":1,}",
	        "{\"a\":1,\"b\":2,}",
	        "{\"a\":1,\"b\":2,\"c\":3}",
	        "{\"a\":1,\"a\":2}",
	        "{\"a\":1,\"b\":2} x",
	        "{\"a\":1 \"b\":2}",
	        "{\"a\":1,\"b\":2",
	        "{\"a\":1,\"b\"}",
	        "{\"a\":01,\"b\":2}",
	        "{\"a\":\"\\u0000\",\"b\":2}",
	        "{\"a\":\"\\x\",\"b\":2}",
	        "{\"\\u0061\":1,\"b\":2}",
	        "{\"a\":\"\xff\",\"b\":2}",
	        "{\"a\":'x',\"b\":2}",
	        "{\"a\":\"x,\"b\":2}",
	        "{\"a\":1,,\"b\":2}",
	        "{,\"a\":1,\"b\":2}",
	};
	struct str x, y;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (pull_two(refused[i], &x, &y))
			fail_msg("taken: %s", refused[i]);
	assert_true(pull_two(" { \"b\" : {\"x\":[1,{}]} , \"a\" : \"q\\\"\" } ", &x, &y));
	assert_str(x, "\"q\\\"\"");
	assert_str(y, "{\"x\":[1,{}]}");
}

/* Every string says the same with and without a tree. */
static void test_lib__json_pull_str_reads_like_the_tree(void **state)
{
	static const char *const parts[] = {
	        "",         "a",          "\xc3\xa9",       "\xf0\x9f\x98\x80", "\\n",     "\\t\\b\\f\\r",
	        "\\\\",     "\\/",        "\\\"",           "\\u0041",          "\\u00e9", "\\u07ff",
	        "\\u0800",  "\\uFFFf",    "\\ud83d\\ude00", "\\udbff\\udfff",   "\\ud800", "\\udc00",
	        "\\ud800x", "\\ud800\\n", "\\ud83d\\u0041", "\\udc00\\ud800",
	};
	enum { N = sizeof(parts) / sizeof(*parts) };

	(void)state;
	for (size_t i = 0; i < N * N; i++) {
		const char *text = arena_printf(a, "{\"a\":\"%s%s\",\"b\":1}", parts[i / N], parts[i % N]);
		struct json_object *o;
		struct str raw, number, got;

		assert_null(json_read(a, str_of(text), JSON_DEPTH, &o));
		assert_true(pull_two(text, &raw, &number));
		assert_true(json_pull_str(a, raw, &got));
		if (!str_is(got, json_get_str(o, "a")))
			fail_msg("%s: %.*s and %s", text, STR_ARG(got), json_get_str(o, "a"));
		assert_false(json_pull_str(a, number, &got));
	}
}

static void test_lib__json_writer_writes_what_it_can_read(void **state)
{
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {&b, false};
	struct json_object *o;

	(void)state;
	json_object_open(&w, NULL);
	json_put_str(&w, "s", STR("a\"b"));
	json_put_cstr(&w, "no", NULL);
	json_put_i64(&w, "i", -5);
	json_array_open(&w, "l");
	json_put_i64(&w, NULL, INT64_MIN);
	json_object_open(&w, NULL);
	json_object_close(&w);
	json_array_open(&w, NULL);
	json_array_close(&w);
	json_array_close(&w);
	json_put_bool(&w, "b", true);
	json_put_null(&w, "n");
	json_put_raw(&w, "r", STR("[1]"));
	json_object_close(&w);
	assert_string_equal(buf_cstr(&b),
	                    "{\"s\":\"a\\\"b\",\"no\":null,\"i\":-5,\"l\":[-9223372036854775808,{},[]],"
	                    "\"b\":true,\"n\":null,\"r\":[1]}");
	assert_null(json_read(a, buf_str(&b), JSON_DEPTH, &o));
}

static void test_lib__json_writes_an_error(void **state)
{
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {&b, false};

	(void)state;
	json_put_err(&w, err_at(err_code(err_new(a, ERR_REFUSED, "no <b>"), "c"), 3), "r1");
	assert_string_equal(
	        buf_cstr(&b),
	        "{\"error\":{\"kind\":\"refused\",\"code\":\"c\",\"message\":\"no \\u003cb\\u003e\","
	        "\"detail\":null,\"hint\":null,\"position\":3,\"request_id\":\"r1\"}}");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest lib_json_tests[] = {
        TEST(test_lib__json_reads_what_the_standard_allows),
        TEST(test_lib__json_refuses_what_json_c_lets_pass),
        TEST(test_lib__json_nests_as_deep_as_asked),
        TEST(test_lib__json_members_by_type),
        TEST(test_lib__json_pull_takes_exactly_the_members_asked_for),
        TEST(test_lib__json_pull_str_reads_like_the_tree),
        TEST(test_lib__json_writer_writes_what_it_can_read),
        TEST(test_lib__json_writes_an_error),
};
UNIT_SUITE(lib_json_tests);
