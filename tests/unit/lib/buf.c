#include "lib/buf.h"

#include <string.h>

#include "lib/arena.h"
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

static void test_lib__buf_appends(void **state)
{
	struct buf b = buf_init(a, BUF_LINE);
	int i;

	(void)state;
	assert_string_equal(buf_cstr(&b), "");
	assert_str(buf_str(&b), "");
	buf_add(&b, "a\0b", 3);
	buf_add_str(&b, STR("c"));
	buf_add_cstr(&b, NULL);
	buf_add_cstr(&b, "d");
	buf_add_char(&b, 'e');
	buf_add_i64(&b, INT64_MIN);
	buf_printf(&b, "%5.1f", 2.25);
	assert_memory_equal(b.p, "a\0bcde-9223372036854775808  2.2", b.n + 1);
	for (i = 0; i < 1000; i++)
		buf_printf(&b, "%04d", i);
	assert_int_equal(b.n, 31 + 4000);
	assert_string_equal(b.p + b.n - 4, "0999");
}

static void test_lib__buf_stays_whole_when_full(void **state)
{
	struct buf b = buf_init(a, 10);

	(void)state;
	buf_add_cstr(&b, "12345678");
	assert_false(b.full);
	buf_printf(&b, "%s", "abc");
	assert_true(b.full);
	assert_string_equal(buf_cstr(&b), "12345678");
	buf_add_char(&b, 'x');
	assert_string_equal(buf_cstr(&b), "12345678");
	b = buf_init(a, 3);
	buf_add_cstr(&b, "123");
	assert_false(b.full);
	buf_add_cstr(&b, "");
	assert_false(b.full);
	buf_add(&b, "x", SIZE_MAX);
	assert_true(b.full);
}

typedef void appender(struct buf *b, struct str s);

static void csv_text(struct buf *b, struct str s)
{
	buf_add_csv(b, s, false);
}

static void csv_number(struct buf *b, struct str s)
{
	buf_add_csv(b, s, true);
}

static void test_lib__buf_on_memory_of_the_callers_has_no_more(void **state)
{
	char memory[8] = "1234567";
	struct buf b = buf_on(memory, sizeof(memory) - 1);

	(void)state;
	buf_add_cstr(&b, "abc");
	buf_add_char(&b, 'd');
	buf_printf(&b, "%d", 56);
	assert_string_equal(buf_cstr(&b), "abcd56");
	assert_false(b.full);
	buf_add_char(&b, 'e');
	assert_true(b.full);
	assert_string_equal(memory, "abcd56");
	assert_ptr_equal(b.p, memory);
}

static void test_lib__buf_escapes_for_the_context(void **state)
{
	static const struct {
		appender *add;
		struct str in;
		const char *out;
	} cases[] = {
	        {buf_add_html, STR("a<b>&\"'c"), "a&lt;b&gt;&amp;&quot;&#39;c"},
	        {buf_add_html, STR(""), ""},
	        {buf_add_url, STR("aZ09-._~ /?&=%+\xc3\xa9"), "aZ09-._~%20%2F%3F%26%3D%25%2B%C3%A9"},
	        {buf_add_json, STR(""), "\"\""},
	        {buf_add_json, STR("a\"b\\c/"), "\"a\\\"b\\\\c/\""},
	        {buf_add_json, STR("\b\f\n\r\t\x01\x1f\0x"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000x\""},
	        {buf_add_json, STR("</script>&"), "\"\\u003c/script\\u003e\\u0026\""},
	        {buf_add_json, STR("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"), "\"\\u2028\\u2029\xe2\x80\xaa\""},
	        {buf_add_json, STR("a\xff\xc3z\xf0\x9f\x98\x80"),
	         "\"a\xef\xbf\xbd\xef\xbf\xbdz\xf0\x9f\x98\x80\""},
	        {csv_text, STR("plain"), "plain"},
	        {csv_text, STR("a,b"), "\"a,b\""},
	        {csv_text, STR("say \"hi\""), "\"say \"\"hi\"\"\""},
	        {csv_text, STR("\""), "\"\"\"\""},
	        {csv_text, STR("a\nb"), "\"a\nb\""},
	        {csv_text, STR("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\""},
	        {csv_text, STR("+1"), "'+1"},
	        {csv_text, STR("-1"), "'-1"},
	        {csv_text, STR("@x"), "'@x"},
	        {csv_text, STR("\tx"), "\"'\tx\""},
	        {csv_text, STR("\rx"), "\"'\rx\""},
	        {csv_text, STR("\nx"), "\"'\nx\""},
	        {csv_number, STR("-1.5"), "-1.5"},
	        {csv_text, {NULL, 0}, ""},
        {csv_text, STR(""), "\"\""},
        {csv_text, STR("a;b"), "\"a;b\""},
        {csv_text, STR(" =1"), "\"' =1\""},
        {csv_text, STR("'=1"), "''=1"},
        {csv_text, STR("'s"), "'s"},
        {csv_text, STR("\"=1"), "\"'\"\"=1\""},
        {csv_text, STR("\xef\xbc\x9d!"), "'\xef\xbc\x9d!"},
        {csv_text, STR("\xe2\x80\x8b@x"), "'\xe2\x80\x8b@x"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b = buf_init(a, BUF_LINE);

		cases[i].add(&b, cases[i].in);
		assert_string_equal(buf_cstr(&b), cases[i].out);
		assert_int_equal(strlen(cases[i].out), b.n);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest lib_buf_tests[] = {
        TEST(test_lib__buf_appends),
        TEST(test_lib__buf_stays_whole_when_full),
        TEST(test_lib__buf_on_memory_of_the_callers_has_no_more),
        TEST(test_lib__buf_escapes_for_the_context),
};
UNIT_SUITE(lib_buf_tests);
