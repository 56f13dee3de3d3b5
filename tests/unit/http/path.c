#include <string.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_http__a_path_is_decoded_once(void **state)
{
	static const struct {
		const char *target, *path;
	} cases[] = {
	        {"/", "/"},
	        {"/p/shop", "/p/shop"},
	        {"/p/shop?q=/../x", "/p/shop"},
	        {"/a%20b", "/a b"},
	        {"/%252e%252e", "/%2e%2e"},
	        {"/a+b", "/a+b"},
	        {"/gr%C3%BCn", "/gr\xc3\xbcn"},
	        {"/gr\xc3\xbcn", "/gr\xc3\xbcn"},
	        {"/...", "/..."},
	        {"/a/", "/a/"},
	        {"/A", "/A"},
	};
	struct arena *a = arena_create();
	struct str path;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_null(http_path_parse(a, str_of(cases[i].target), &path));
		assert_str(path, cases[i].path);
	}
	arena_free(a);
}

static void test_http__a_path_with_two_readings_is_refused(void **state)
{
	static const char *const targets[] = {
	        "",        "?",      "x",          "*",           "http://host/", "//",         "//a",
	        "/a//b",   "/a//",   "/.",         "/..",         "/./a",         "/a/.",       "/a/..",
	        "/a/../b", "/%2e",   "/%2E%2e",    "/a/%2e%2e/b", "/.%2e/",       "/a%2fb",     "/a%2Fb",
	        "/%2f",    "/a\\b",  "/a%5cb",     "/a;b",        "/a%3bb",       "/;",         "/a#b",
	        "/a%23b",  "/a%3fb", "/a%00",      "/a%0ab",      "/a%0d",        "/a%09",      "/a%1f",
	        "/a%7f",   "/a\tb",  "/a%",        "/a%2",        "/a%zz",        "/a%-1",      "/%c0%af",
	        "/%c0%ae", "/%ff",   "/%ed%a0%80", "/\xff",       "/a/%u0041",    "/%e0%80%af",
	};
	struct arena *a = arena_create();
	struct str path;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(targets); i++) {
		struct err *e = http_path_parse(a, str_of(targets[i]), &path);

		if (!e)
			fail_msg("\"%s\" was accepted", targets[i]);
		assert_int_equal(e->kind, ERR_INVALID);
	}
	arena_free(a);
}

static void test_http__a_path_has_a_longest_length(void **state)
{
	struct arena *a = arena_create();
	char target[2050] = "/";
	struct str path;

	(void)state;
	memset(target + 1, 'a', sizeof(target) - 1);
	assert_null(http_path_parse(a, (struct str){target, 2048}, &path));
	assert_non_null(http_path_parse(a, (struct str){target, 2049}, &path));
	arena_free(a);
}

static const struct CMUnitTest http_path_tests[] = {
        cmocka_unit_test(test_http__a_path_is_decoded_once),
        cmocka_unit_test(test_http__a_path_with_two_readings_is_refused),
        cmocka_unit_test(test_http__a_path_has_a_longest_length),
};
UNIT_SUITE(http_path_tests);
