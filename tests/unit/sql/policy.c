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

#define HIDDEN \
	"\"schema\":\"s\",\"excluded_tables\":[\"salaries\"],\"columns\":{\"salary_bands\":[\"id\"]," \
	"\"salaries\":[\"id\"]}"

static struct err *refusal(struct arena *a, const char *policy, const char *table)
{
	struct sql_policy *p;
	struct sql_statement *s;
	assert_null(sql_policy_read(a, str_of(policy), &p));
	struct err *e = sql_guard(a, p, str_of(arena_printf(a, "SELECT 1 FROM %s", table)), &s);
	assert_non_null(e);
	assert_string_equal(e->code, "table_not_allowed");
	assert_int_equal(e->position, 15);
	return e;
}

/* A table that is not there, in the same words with its name put in. */
static void test_sql__an_excluded_table_is_as_if_it_were_not(void **state)
{
	static const char *const policies[] = {
	        "{" HIDDEN ",\"allowed_tables\":[\"orders\",\"salaries\",\"salary_bands\"]}",
	        "{" HIDDEN "}",
	};
	static const char *const names[] = {"salaries", "s.salaries", "SALARIES", "\"Salaries\"",
	                                    "s.\"SALARIES\""};
	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++)
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++) {
			struct arena *a = arena_create();
			struct sql_policy *p;
			struct err *e = refusal(a, policies[i], names[k]);
			assert_null(sql_policy_read(a, str_of(policies[i]), &p));
			const char *name = k == 2   ? "salaries"
			                   : k == 3 ? "Salaries"
			                   : k == 4 ? "SALARIES"
			                            : "salaries";
			struct err *none =
			        sql_no_table(a, p, strstr(names[k], "s.") == names[k] ? "s" : "", name);
			assert_string_equal(e->message, none->message);
			assert_string_equal(e->hint, none->hint);
			assert_null(strstr(e->hint, "salaries"));
			arena_free(a);
		}
}

static void test_sql__a_hidden_table_may_be_told(void **state)
{
	struct arena *a = arena_create();
	const char *policy = "{" HIDDEN ",\"tells_hidden\":true,\"allowed_tables\":[\"orders\"]}";
	(void)state;
	struct err *e = refusal(a, policy, "\"Salaries\"");
	assert_string_equal(e->message, "table s.Salaries exists, but may not be read with this role");
	assert_non_null(strstr(e->hint, "administers"));
	e = refusal(a, policy, "t.salaries");
	assert_string_equal(e->message, "table t.salaries does not exist or may not be read");
	e = refusal(a, policy, "ordrs");
	assert_string_equal(e->message, "table s.ordrs does not exist or may not be read");
	assert_string_equal(e->hint, "Did you mean s.orders?");
	arena_free(a);
}

static void test_sql__catalogs_are_answered_by_the_dictionary(void **state)
{
	static const char *const names[] = {"pg_class", "pg_catalog.pg_class", "information_schema.tables",
	                                    "pg_toast.x", "s.pg_class"};
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct arena *a = arena_create();
		struct err *e = refusal(a, "{" HIDDEN "}", names[i]);
		assert_non_null(strstr(e->hint, "describe_table"));
		assert_non_null(strstr(e->hint, "Data page"));
		arena_free(a);
	}
}

static const struct CMUnitTest sql_policy_tests[] = {
        cmocka_unit_test(test_sql__a_policy_is_read_whole),
        cmocka_unit_test(test_sql__a_wrong_policy_is_not_read),
        cmocka_unit_test(test_sql__another_dialect_is_not_run),
        cmocka_unit_test(test_sql__excluded_beats_allowed),
        cmocka_unit_test(test_sql__an_excluded_table_is_as_if_it_were_not),
        cmocka_unit_test(test_sql__a_hidden_table_may_be_told),
        cmocka_unit_test(test_sql__catalogs_are_answered_by_the_dictionary),
};
UNIT_SUITE(sql_policy_tests);
