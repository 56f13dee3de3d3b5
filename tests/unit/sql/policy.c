/* The policy's JSON form. */
#include "unit.h"

#include "sql/support.h"

static void test_sql__a_policy_is_read_whole(void **state)
{
	struct arena *a = arena_create();
	struct sql_policy *p;
	(void)state;
	assert_null(sql_policy_read(
	        a,
	        str_of("{\"schema\":\"shop\",\"allowed_tables\":[\"a\",\"b\"],\"excluded_tables\":[\"c\"],"
	               "\"max_rows\":7,\"row_filters\":{\"a\":\"x = 1\"},\"masks\":{\"a\":{\"y\":\"last4\"}},"
	               "\"columns\":{\"a\":[\"x\",\"y\"]},\"tells_hidden\":true,\"dialect\":\"postgres\","
	               "\"user\":{\"email\":\"ann@example.com\",\"groups\":[\"sales\",\"eu\"]}}"),
	        &p));
	assert_string_equal(p->schema, "shop");
	assert_int_equal(p->nallowed, 2);
	assert_int_equal(p->nexcluded, 1);
	assert_int_equal(p->max_rows, 7);
	assert_int_equal(p->ntables, 1);
	assert_true(p->tells_hidden);
	assert_int_equal(p->dialect, SQL_POSTGRES);
	assert_string_equal(p->user_email, "ann@example.com");
	assert_int_equal(p->nuser_groups, 2);
	assert_string_equal(p->user_groups[1], "eu");
	assert_string_equal(p->tables[0].filter, "x = 1");
	assert_int_equal(p->tables[0].ncolumns, 2);
	assert_int_equal(p->tables[0].masks[0].kind, SQL_MASK_LAST4);
	arena_free(a);
}

static void test_sql__a_wrong_policy_is_not_read(void **state)
{
	static const char *const wrong[] = {
	        "",
	        "[]",
	        "{}",
	        "{\"schema\":1}",
	        "{\"schema\":\"s\",\"allowed_tables\":\"orders\"}",
	        "{\"schema\":\"s\",\"excluded_tables\":[1]}",
	        "{\"schema\":\"s\",\"max_rows\":0}",
	        "{\"schema\":\"s\",\"masks\":{\"a\":{\"y\":\"rot13\"}}}",
	        "{\"schema\":\"s\",\"masks\":{\"a\":\"y\"}}",
	        "{\"schema\":\"s\",\"row_filters\":{\"a\":1}}",
	        "{\"schema\":\"s\",\"columns\":[\"a\"]}",
	        "{\"schema\":\"s\",\"dialect\":\"mysql\"}",
	        "{\"schema\":\"s\",\"user\":\"ann\"}",
	        "{\"schema\":\"s\",\"user\":{\"email\":1}}",
	        "{\"schema\":\"s\",\"user\":{\"groups\":\"sales\"}}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct arena *a = arena_create();
		struct sql_policy *p;
		struct err *e = sql_policy_read(a, str_of(wrong[i]), &p);
		assert_non_null(e);
		assert_int_equal(e->kind, ERR_INVALID);
		arena_free(a);
	}
}

static void test_sql__another_dialect_is_not_run(void **state)
{
	static const struct shop_case cases[] = {{"SELECT 1", "policy_invalid"}};
	(void)state;
	SHOP_CHECK("{\"schema\":\"s\",\"dialect\":\"duckdb\"}", cases);
}

static void test_sql__excluded_beats_allowed(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT 1 FROM a", "SELECT 1 FROM s.a LIMIT 500"},
	        {"SELECT 1 FROM c", "table_not_allowed"},
	        {"SELECT 1 FROM s.c", "table_not_allowed"},
	        {"SELECT 1 FROM t.a", "table_not_allowed"},
	};
	(void)state;
	SHOP_CHECK("{\"schema\":\"s\",\"allowed_tables\":[\"a\",\"c\"],\"excluded_tables\":[\"c\"]}", cases);
	SHOP_CHECK("{\"schema\":\"s\",\"excluded_tables\":[\"c\"]}", cases);
}

static const struct CMUnitTest sql_policy_tests[] = {
        cmocka_unit_test(test_sql__a_policy_is_read_whole),
        cmocka_unit_test(test_sql__a_wrong_policy_is_not_read),
        cmocka_unit_test(test_sql__another_dialect_is_not_run),
        cmocka_unit_test(test_sql__excluded_beats_allowed),
};
UNIT_SUITE(sql_policy_tests);
