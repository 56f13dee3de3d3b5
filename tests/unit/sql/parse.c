/* Size, depth and encoding: refused before the parser could be hurt; and threads. */
#include <pthread.h>
#include <stdlib.h>

#include "unit.h"

#include "lib/buf.h"
#include "sql/support.h"

static const struct {
	const char *head, *open, *middle, *close, *tail;
} families[] = {
        {"SELECT 1", "+1", "", "", ""},
        {"SELECT ", "(", "1", ")", ""},
        {"SELECT ", "NOT ", "true", "", ""},
        {"SELECT ", "- ", "1", "", ""},
        {"SELECT ", "CASE WHEN true THEN ", "1", " END", ""},
        {"SELECT ", "ARRAY[", "1", "]", ""},
        {"SELECT ", "ROW(", "1", ")", ""},
        {"SELECT ", "(SELECT ", "1", ")", ""},
        {"SELECT ", "abs(", "1", ")", ""},
        {"SELECT 1", "::int", "", "", ""},
        {"SELECT true", " AND true", "", "", ""},
        {"", "SELECT * FROM (", "SELECT 1", ") a", ""},
        {"", "(", "SELECT 1", " UNION SELECT 1)", ""},
        {"SELECT 1", " UNION SELECT 1", "", "", ""},
        {"", "WITH a AS (", "SELECT 1", ") SELECT 1", ""},
        {"SELECT 1 FROM orders a", " JOIN orders b ON true", "", "", ""},
        {"SELECT (tags)", "[1]", "", "", " FROM orders"},
        {"SELECT 'a'", " COLLATE \"C\"", "", "", ""},
        {"SELECT ", "/*", "1", "*/", ""},
        {"SELECT 1 ", "+", "1", "", ""},
        {"SELECT 1", ";", "", "", ""},
};

static const char *nested(struct arena *a, size_t family, size_t n)
{
	struct buf b = buf_init(a, BUF_RESULT);
	buf_add_cstr(&b, families[family].head);
	for (size_t i = 0; i < n; i++)
		buf_add_cstr(&b, families[family].open);
	buf_add_cstr(&b, families[family].middle);
	for (size_t i = 0; i < n; i++)
		buf_add_cstr(&b, families[family].close);
	buf_add_cstr(&b, families[family].tail);
	return buf_cstr(&b);
}

static void test_sql__deep_and_long_statements_are_survived(void **state)
{
	static const size_t depths[] = {10, 100, 700, 1490, 2900, 4400, 100000, 1000000};
	(void)state;
	for (size_t f = 0; f < sizeof(families) / sizeof(*families); f++)
		for (size_t d = 0; d < sizeof(depths) / sizeof(*depths); d++) {
			struct arena *a = arena_create();
			struct sql_statement *s;
			const char *code = shop_guard(a, SHOP, nested(a, f, depths[d]), &s);
			if (depths[d] >= 100000)
				assert_string_equal(code, "too_long");
			arena_free(a);
		}
}

/* Columns that double with every step would take all memory. */
static void test_sql__columns_do_not_grow_without_end(void **state)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, BUF_PAGE);
	struct sql_statement *s;
	(void)state;
	buf_add_cstr(&b, "WITH a0 AS (SELECT * FROM orders)");
	for (int i = 0; i < 60; i++)
		buf_printf(&b, ", a%d AS (SELECT *, * FROM a%d)", i + 1, i);
	buf_add_cstr(&b, " SELECT * FROM a60");
	assert_null(shop_guard(a, SHOP, buf_cstr(&b), &s));
	assert_true(arena_used(a) < 16 << 20);
	arena_free(a);
}

static void test_sql__only_text_is_read(void **state)
{
	static const struct {
		struct str sql;
		const char *code;
	} cases[] = {
	        {{"SELECT 1\0; DROP TABLE orders", 28}, "bad_encoding"},
	        {{"SELECT '\xc3'", 10}, "bad_encoding"},
	        {{"SELECT '\xed\xa0\x80'", 12}, "bad_encoding"},
	        {{"", 0}, "syntax_error"},
	        {{";", 1}, "syntax_error"},
	        {{"-- nothing", 10}, "syntax_error"},
	};
	struct arena *a = arena_create();
	struct sql_policy *p;
	(void)state;
	assert_null(sql_policy_read(a, str_of(SHOP), &p));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sql_statement *s;
		struct err *e = sql_guard(a, p, cases[i].sql, &s);
		assert_non_null(e);
		assert_int_equal(e->kind, ERR_REFUSED);
		assert_string_equal(e->code, cases[i].code);
	}
	arena_free(a);
}

static void test_sql__positions_count_characters(void **state)
{
	static const struct {
		const char *sql;
		int position;
	} cases[] = {
	        {"SELECT '\xc3\xa4', pg_sleep(1)", 13},
	        {"SELECT '\xc3\xa4' FRM customers", 16},
	        {"SELECT * FROM custmers", 15},
	};
	struct arena *a = arena_create();
	struct sql_policy *p;
	(void)state;
	assert_null(sql_policy_read(a, str_of(SHOP), &p));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sql_statement *s;
		struct err *e = sql_guard(a, p, str_of(cases[i].sql), &s);
		assert_non_null(e);
		assert_int_equal(e->position, cases[i].position);
		assert_non_null(e->hint);
	}
	arena_free(a);
}

static void *guard_many(void *arg)
{
	for (int i = 0; i < 200; i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;
		const char *code =
		        shop_guard(a, SHOP, i % 2 ? "SELECT count(*) FROM orders" : "SELECT pg_sleep(1)", &s);
		if (i % 2 ? code != NULL : strcmp(code, "function_not_allowed"))
			++*(int *)arg;
		arena_free(a);
	}
	return NULL;
}

static void test_sql__threads_do_not_meet(void **state)
{
	pthread_t threads[8];
	int wrong[8] = {0};
	(void)state;
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, guard_many, &wrong[i]), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

static const struct CMUnitTest sql_parse_tests[] = {
        cmocka_unit_test(test_sql__deep_and_long_statements_are_survived),
        cmocka_unit_test(test_sql__columns_do_not_grow_without_end),
        cmocka_unit_test(test_sql__only_text_is_read),
        cmocka_unit_test(test_sql__positions_count_characters),
        cmocka_unit_test(test_sql__threads_do_not_meet),
};
UNIT_SUITE(sql_parse_tests);
