#include "lib/str.h"

#include "lib/arena.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_lib__str_compares(void **state)
{
	(void)state;
	assert_true(str_eq(STR(""), str_of(NULL)));
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
	assert_false(str_eq(STR("a"), STR("ab")));
	assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
	assert_false(str_eq_nocase(STR("a@"), STR("a`")));
	assert_true(str_is(STR("x"), "x"));
	assert_false(str_is(STR("x"), NULL));
	assert_true(str_starts(STR("abc"), STR("ab")));
	assert_false(str_starts(STR("a"), STR("ab")));
	assert_true(str_ends(STR("abc"), STR("bc")));
	assert_false(str_ends(STR("c"), STR("bc")));
	assert_true(str_ends(str_of(NULL), STR("")));
	assert_true(str_has_nul(STR("a\0")));
	assert_false(str_has_nul(STR("a")));
}

static void test_lib__str_find_gives_the_first_index(void **state)
{
	(void)state;
	assert_int_equal(str_find(STR("banana"), STR("an")), 1);
	assert_int_equal(str_find(STR("banana"), STR("x")), -1);
	assert_int_equal(str_find(STR("banana"), STR("")), 0);
	assert_int_equal(str_find(str_of(NULL), STR("a")), -1);
}

static void test_lib__str_trim_takes_white_space_off_both_ends(void **state)
{
	(void)state;
	assert_str(str_trim(STR(" \t\r\na b\v\f ")), "a b");
	assert_str(str_trim(STR("  ")), "");
	assert_str(str_trim(str_of(NULL)), "");
}

static void test_lib__str_chop_walks_all_parts(void **state)
{
	struct str rest = STR("a,,b,");

	(void)state;
	assert_str(str_chop(&rest, ','), "a");
	assert_str(str_chop(&rest, ','), "");
	assert_str(str_chop(&rest, ','), "b");
	assert_non_null(rest.p);
	assert_str(str_chop(&rest, ','), "");
	assert_null(rest.p);
	assert_str(str_chop(&rest, ','), "");
}

static void test_lib__str_to_i64_takes_whole_numbers_only(void **state)
{
	static const struct {
		struct str text;
		bool ok;
		int64_t value;
	} cases[] = {
	        {STR("0"), true, 0},
	        {STR("-0"), true, 0},
	        {STR("007"), true, 7},
	        {STR("-42"), true, -42},
	        {STR("9223372036854775807"), true, INT64_MAX},
	        {STR("-9223372036854775808"), true, INT64_MIN},
	        {STR("9223372036854775808"), false, 0},
	        {STR("-9223372036854775809"), false, 0},
	        {STR("99999999999999999999"), false, 0},
	        {STR(""), false, 0},
	        {STR("-"), false, 0},
	        {STR("+1"), false, 0},
	        {STR(" 1"), false, 0},
	        {STR("1 "), false, 0},
	        {STR("1.0"), false, 0},
	        {STR("1e3"), false, 0},
	        {STR("0x1"), false, 0},
	        {STR("1\0"), false, 0},
	        {STR("--1"), false, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		int64_t value = 0;

		assert_int_equal(str_to_i64(cases[i].text, &value), cases[i].ok);
		assert_int_equal(value, cases[i].value);
	}
}

static void test_lib__str_utf8_follows_the_table(void **state)
{
	static const struct {
		struct str text;
		bool ok;
	} cases[] = {
	        {STR(""), true},
	        {STR("a\0b"), true},
	        {STR("\xc3\xa9"), true},
	        {STR("\xe2\x82\xac"), true},
	        {STR("\xf0\x9f\x98\x80"), true},
	        {STR("\xed\x9f\xbf"), true},
	        {STR("\xf4\x8f\xbf\xbf"), true},
	        {STR("\xc0\xaf"), false},
	        {STR("\xc1\xbf"), false},
	        {STR("\xe0\x9f\xbf"), false},
	        {STR("\xed\xa0\x80"), false},
	        {STR("\xf0\x8f\xbf\xbf"), false},
	        {STR("\xf4\x90\x80\x80"), false},
	        {STR("\xf5\x80\x80\x80"), false},
	        {STR("\x80"), false},
	        {STR("\xc3"), false},
	        {STR("\xe2\x82"), false},
	        {STR("\xe2\x82x"), false},
	        {STR("\xf0\x9f\x98"), false},
	        {STR("\xff"), false},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(str_utf8_valid(cases[i].text), cases[i].ok);
}

static void test_lib__str_utf8_cut_splits_no_character(void **state)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
	static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
	size_t max;

	(void)state;
	for (max = 0; max < COUNT(expected); max++)
		assert_int_equal(str_utf8_cut(str_of(text), max).n, expected[max]);
}

static void test_lib__str_lower_changes_ascii_only(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_string_equal(str_lower(a, STR("ABZ[\xc3\x89")), "abz[\xc3\x89");
	arena_free(a);
}

static void test_lib__str_utf8_count_and_clean(void **state)
{
	static const struct {
		const char *text, *clean;
		size_t count;
	} cases[] = {
	        {"", "", 0},
	        {"a\xc3\xa9\xe2\x82\xac", "a\xc3\xa9\xe2\x82\xac", 3},
	        {"\xff"
	         "a\xc3",
	         "?a?", 3},
	        {"\xf0\x9f\x98", "???", 1},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_string_equal(str_utf8_clean(a, str_of(cases[i].text)), cases[i].clean);
		assert_int_equal(str_utf8_count(str_of(cases[i].text)), cases[i].count);
	}
	arena_free(a);
}

static void test_lib__str_hex_digit_knows_both_cases(void **state)
{
	static const struct {
		char c;
		int value;
	} cases[] = {{'0', 0}, {'9', 9}, {'a', 10}, {'F', 15}, {'g', -1}, {'@', -1}, {'/', -1}, {'\xff', -1}};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(str_hex_digit(cases[i].c), cases[i].value);
}

static const struct CMUnitTest lib_str_tests[] = {
        cmocka_unit_test(test_lib__str_compares),
        cmocka_unit_test(test_lib__str_find_gives_the_first_index),
        cmocka_unit_test(test_lib__str_trim_takes_white_space_off_both_ends),
        cmocka_unit_test(test_lib__str_chop_walks_all_parts),
        cmocka_unit_test(test_lib__str_to_i64_takes_whole_numbers_only),
        cmocka_unit_test(test_lib__str_utf8_follows_the_table),
        cmocka_unit_test(test_lib__str_utf8_cut_splits_no_character),
        cmocka_unit_test(test_lib__str_utf8_count_and_clean),
        cmocka_unit_test(test_lib__str_hex_digit_knows_both_cases),
        cmocka_unit_test(test_lib__str_lower_changes_ascii_only),
};
UNIT_SUITE(lib_str_tests);
