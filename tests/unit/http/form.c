#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* "name=value|name=value" */
static const char *flat(struct arena *a, const struct http_fields *f)
{
	struct buf b = buf_init(a, BUF_LINE);
	size_t i;

	for (i = 0; i < f->n; i++)
		buf_printf(&b, "%s%.*s=%.*s", i ? "|" : "", STR_ARG(f->v[i].name), STR_ARG(f->v[i].value));
	return b.n ? buf_cstr(&b) : "";
}

static void test_http__urlencoded_fields_are_read(void **state)
{
	static const struct {
		const char *text, *fields;
	} cases[] = {
	        {"", ""},
	        {"&&", ""},
	        {"a=1", "a=1"},
	        {"a=1&b=2&a=3", "a=1|b=2|a=3"},
	        {"a", "a="},
	        {"=x", "=x"},
	        {"a=b=c", "a=b=c"},
	        {"a+b=c+d%2B", "a b=c d+"},
	        {"q=%C3%A4%0A%26", "q=\xc3\xa4\n&"},
	};
	struct arena *a = arena_create();
	struct http_fields f;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_null(http_urlencoded_parse(a, str_of(cases[i].text), &f));
		assert_string_equal(flat(a, &f), cases[i].fields);
	}
	assert_null(http_urlencoded_parse(a, str_of(NULL), &f));
	assert_int_equal(f.n, 0);
	arena_free(a);
}

static void test_http__malformed_urlencoded_fields_are_refused(void **state)
{
	static const char *const texts[] = {"a=%",   "a=%1",  "a=%zz",    "%=a",   "a=%00",
	                                    "%00=a", "a=%ff", "a=%c0%80", "a=\xff"};
	struct arena *a = arena_create();
	struct http_fields f;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(texts); i++)
		assert_non_null(http_urlencoded_parse(a, str_of(texts[i]), &f));
	arena_free(a);
}

static void test_http__fields_are_counted(void **state)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, BUF_LINE);
	struct http_fields f;
	int i;

	(void)state;
	for (i = 0; i < HTTP_FIELDS; i++)
		buf_add_cstr(&b, "a=1&");
	assert_null(http_urlencoded_parse(a, buf_str(&b), &f));
	assert_int_equal(f.n, HTTP_FIELDS);
	buf_add_cstr(&b, "a=1");
	assert_non_null(http_urlencoded_parse(a, buf_str(&b), &f));
	arena_free(a);
}

static void test_http__media_types_are_compared_without_parameters(void **state)
{
	(void)state;
	assert_true(http_media_is(STR("application/json"), "application/json"));
	assert_true(http_media_is(STR("Application/JSON; charset=utf-8"), "application/json"));
	assert_false(http_media_is(STR("application/jsonx"), "application/json"));
	assert_false(http_media_is(STR("text/plain; application/json"), "application/json"));
	assert_false(http_media_is(str_of(NULL), "application/json"));
}

#define TYPE "multipart/form-data; boundary=XX"
#define PART(name, value) "--XX\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static void test_http__multipart_fields_are_read(void **state)
{
	static const struct {
		const char *type, *body, *fields;
	} cases[] = {
	        {TYPE, "--XX--\r\n", ""},
	        {TYPE, PART("a", "1") "--XX--\r\n", "a=1"},
	        {TYPE, PART("a", "1") "--XX--", "a=1"},
	        {TYPE, PART("a", "") PART("b", "x\r\ny") "--XX--\r\n", "a=|b=x\r\ny"},
	        {TYPE, PART("a", "--XX") "--XX--\r\n", "a=--XX"},
	        {"multipart/form-data; charset=utf-8; Boundary=\"X'X\"",
	         "--X'X\r\ncontent-disposition: form-data; name=\"a\"\r\ncontent-type:"
	         " text/plain\r\n\r\n1\r\n--X'X--\r\n",
	         "a=1"},
	};
	struct arena *a = arena_create();
	struct http_fields f;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_null(http_multipart_parse(a, str_of(cases[i].type), str_of(cases[i].body), &f));
		assert_string_equal(flat(a, &f), cases[i].fields);
	}
	arena_free(a);
}

static void test_http__malformed_multipart_is_refused(void **state)
{
	static const struct {
		const char *type, *body;
	} cases[] = {
	        {"multipart/form-data", "--XX--\r\n"},
	        {"multipart/form-data; boundary=", "----\r\n"},
	        {"multipart/form-data; boundary=\"X\nX\"", "--X\nX--\r\n"},
	        {"multipart/form-data; boundary="
	         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	         "--XX--\r\n"},
	        {TYPE, ""},
	        {TYPE, "preamble\r\n--XX--\r\n"},
	        {TYPE, "--XX--\r\nepilogue"},
	        {TYPE, PART("a", "1")},
	        {TYPE, PART("a", "1") "--XX-"},
	        {TYPE, "--XX\r\n\r\n1\r\n--XX--\r\n"},
	        {TYPE, "--XX\nContent-Disposition: form-data; name=\"a\"\n\n1\n--XX--\n"},
	        {TYPE, "--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--XX--\r\n"},
	        {TYPE,
	         "--XX\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x\"\r\n\r\n1\r\n--XX--\r\n"},
	        {TYPE, "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\nX-Y: z\r\n\r\n1\r\n--XX--\r\n"},
	        {TYPE, "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data;"
	               " name=\"b\"\r\n\r\n1\r\n--XX--\r\n"},
	        {TYPE, PART("a\\", "1") "--XX--\r\n"},
	        {TYPE, PART("a", "\xff") "--XX--\r\n"},
	        {TYPE, PART("\xff", "1") "--XX--\r\n"},
	};
	struct arena *a = arena_create();
	struct http_fields f;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct err *e = http_multipart_parse(a, str_of(cases[i].type), str_of(cases[i].body), &f);

		if (!e)
			fail_msg("case %zu was accepted", i);
		assert_int_equal(e->kind, ERR_INVALID);
	}
	assert_non_null(http_multipart_parse(a, STR(TYPE),
	                                     STR(PART("a", "1\0"
	                                                   "2") "--XX--\r\n"),
	                                     &f));
	arena_free(a);
}

static void test_http__cookies_are_found(void **state)
{
	(void)state;
	assert_str(http_cookie_find(STR("a=1; b=2"), STR("b")), "2");
	assert_str(http_cookie_find(STR("a=1;b=x=y"), STR("b")), "x=y");
	assert_str(http_cookie_find(STR("b=1; b=2"), STR("b")), "1");
	assert_str(http_cookie_find(STR("ab=1; b"), STR("b")), "");
	assert_str(http_cookie_find(STR("B=1"), STR("b")), "");
	assert_str(http_cookie_find(str_of(NULL), STR("b")), "");
}

static void test_http__a_planted_second_session_cookie_is_refused(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_null(http_cookie_check(a, STR("a=1; a=2; __Host-quern=x; __Host-other=x")));
	assert_null(http_cookie_check(a, str_of(NULL)));
	assert_non_null(http_cookie_check(a, STR("__Host-quern=x; a=1; __Host-quern=y")));
	assert_non_null(http_cookie_check(a, STR("__Host-quern=x;__Host-quern")));
	assert_non_null(http_cookie_check(a, STR("__Secure-a=x; __Secure-a=x")));
	arena_free(a);
}

static const struct CMUnitTest http_form_tests[] = {
        cmocka_unit_test(test_http__urlencoded_fields_are_read),
        cmocka_unit_test(test_http__malformed_urlencoded_fields_are_refused),
        cmocka_unit_test(test_http__fields_are_counted),
        cmocka_unit_test(test_http__media_types_are_compared_without_parameters),
        cmocka_unit_test(test_http__multipart_fields_are_read),
        cmocka_unit_test(test_http__malformed_multipart_is_refused),
        cmocka_unit_test(test_http__cookies_are_found),
        cmocka_unit_test(test_http__a_planted_second_session_cookie_is_refused),
};
UNIT_SUITE(http_form_tests);
