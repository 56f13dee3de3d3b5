/* Quoting, and SQL as HTML. */
#include "unit.h"

#include "lib/buf.h"
#include "sql/support.h"

static void test_sql__names_and_literals_are_quoted(void **state)
{
	static const struct {
		const char *text, *ident, *literal;
	} cases[] = {
	        {"orders", "orders", "'orders'"},
	        {"Orders", "\"Orders\"", "'Orders'"},
	        {"select", "\"select\"", "'select'"},
	        {"left", "\"left\"", "'left'"},
	        {"system_user", "\"system_user\"", "'system_user'"},
	        {"name", "name", "'name'"},
	        {"a\"b", "\"a\"\"b\"", "'a\"b'"},
	        {"it's", "\"it's\"", "'it''s'"},
	        {"a\\'b", "\"a\\'b\"", "E'a\\\\''b'"},
	        {"", "\"\"", "''"},
	        {"1a", "\"1a\"", "'1a'"},
	};
	struct arena *a = arena_create();
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_string_equal(sql_quote_ident(a, cases[i].text), cases[i].ident);
		assert_string_equal(sql_quote_literal(a, cases[i].text), cases[i].literal);
	}
	arena_free(a);
}

/* What a later server would read as something else is written so that it cannot; the rest of that kind is refused. */
static void test_sql__every_version_reads_the_same(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT system_user FROM (SELECT 1 AS system_user) system_user",
	         "SELECT \"system_user\" FROM (SELECT 1 AS \"system_user\") \"system_user\" LIMIT 500"},
	        {"SELECT json_object('{a,b}'), 'system_user' FROM orders json_table",
	         "SELECT \"json_object\"('{a,b}'), 'system_user' FROM shop.orders \"json_table\" LIMIT 500"},
	        {"SELECT 1_000", "syntax_error"},
	        {"SELECT 0xFF", "syntax_error"},
	        {"SELECT 0o17", "syntax_error"},
	        {"SELECT 1abc", "syntax_error"},
	        {"SELECT * FROM (SELECT 1)", "syntax_error"},
	        {"SELECT '{}' IS JSON", "syntax_error"},
	        {"SELECT JSON_VALUE('{}', '$.a' RETURNING int)", "syntax_error"},
	        {"SELECT json_object('a': 1)", "syntax_error"},
	        {"SELECT now() AT LOCAL", "syntax_error"},
	        {"SELECT 5 !", "syntax_error"},
	        {"SELECT merge_action()", "function_not_allowed"},
	        {"SELECT json_value('{}', '$')", "function_not_allowed"},
	        {"SELECT 1 \v", "syntax_error"},
	};
	(void)state;
	SHOP_CHECK(SHOP, cases);
}

static void test_sql__highlighting_escapes_everything(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT 1", "<span class=\"k\">SELECT</span> <span class=\"n\">1</span>"},
	        {"a<b -- <i>", "a&lt;b <span class=\"c\">-- &lt;i&gt;</span>"},
	        {"'<b>'", "<span class=\"s\">&#39;&lt;b&gt;&#39;</span>"},
	        {"\"<b>\" /* & */", "&quot;&lt;b&gt;&quot; <span class=\"c\">/* &amp; */</span>"},
	        {"'open <b>", "&#39;open &lt;b&gt;"},
	        {"", ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct buf b = buf_init(a, BUF_LINE);
		sql_highlight(a, str_of(cases[i].sql), &b);
		assert_str(buf_str(&b), cases[i].expected);
		arena_free(a);
	}
}

static const struct CMUnitTest sql_quote_tests[] = {
        cmocka_unit_test(test_sql__names_and_literals_are_quoted),
        cmocka_unit_test(test_sql__every_version_reads_the_same),
        cmocka_unit_test(test_sql__highlighting_escapes_everything),
};
UNIT_SUITE(sql_quote_tests);
