/* Row filters and masks: the table is replaced where it stands. */
#include "unit.h"

#include "lib/buf.h"
#include "sql/support.h"

#define FILTERED "(SELECT orders.id, orders.total FROM shop.orders WHERE orders.total > 5 OFFSET 0)"
#define SIMPLE \
	"{\"schema\":\"shop\",\"columns\":{\"orders\":[\"id\",\"total\"]},\"row_filters\":{\"orders\":" \
	"\"total > 5\"}}"

static void test_sql__a_filtered_table_is_a_subquery(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT id FROM orders", "SELECT id FROM " FILTERED " orders LIMIT 500"},
	        {"SELECT o.id FROM shop.orders o", "SELECT o.id FROM " FILTERED " o LIMIT 500"},
	        {"SELECT shop.orders.id FROM orders", "SELECT orders.id FROM " FILTERED " orders LIMIT 500"},
	        {"SELECT o.a FROM orders o(a)", "SELECT o.a FROM " FILTERED " o(a) LIMIT 500"},
	        {"SELECT 1 FROM orders TABLESAMPLE system (1)", "statement_not_allowed"},
	        {"SELECT 1 FROM ONLY orders",
	         "SELECT 1 FROM (SELECT orders.id, orders.total FROM ONLY shop.orders"
	         " WHERE orders.total > 5 OFFSET 0) orders LIMIT 500"},
	};
	(void)state;
	SHOP_CHECK(SIMPLE, cases);
}

#define POLICY(rest) "{\"schema\":\"shop\"," rest "}"
#define WITH_FILTER(text) \
	POLICY("\"columns\":{\"orders\":[\"id\"]},\"row_filters\":{\"orders\":\"" text "\"}")

static void test_sql__a_bad_policy_shows_nothing(void **state)
{
	static const char *const policies[] = {
	        WITH_FILTER("id > 5) OR (true"),
	        WITH_FILTER("1 FROM hr.employees"),
	        WITH_FILTER("nope > 5"),
	        WITH_FILTER("pg_sleep(5) IS NULL"),
	        WITH_FILTER("id IN (SELECT 1)"),
	        WITH_FILTER("c.id = 5"),
	        WITH_FILTER(""),
	        POLICY("\"masks\":{\"orders\":{\"id\":\"full\"}}"),
	};
	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;
		assert_non_null(shop_guard(a, policies[i], "SELECT id FROM orders", &s));
		arena_free(a);
	}
}

static void test_sql__a_filter_works_without_known_columns(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT id FROM orders",
	         "WITH _quern_1 AS (SELECT region FROM shop.orders _quern) SELECT id FROM (SELECT *"
	         " FROM shop.orders WHERE orders.region = 'US' OFFSET 0) orders LIMIT 500"},
	};
	(void)state;
	SHOP_CHECK(POLICY("\"row_filters\":{\"orders\":\"region = 'US'\"}"), cases);
}

static void test_sql__masks_replace_their_column(void **state)
{
	static const struct {
		const char *kind;
		const char *shown;
	} cases[] = {
	        {"full", "CASE WHEN orders.id IS NULL THEN NULL ELSE '***' END AS id"},
	        {"email", "ELSE '***' END AS id"},
	        {"last4", "WHEN length(orders.id::text) > 4 THEN '***' || \"right\"(orders.id::text, 4)"},
	        {"hash", "CASE WHEN orders.id IS NULL THEN NULL ELSE '***' END AS id"},
	        {"hash\"}},\"mask_key\":\"k\",\"x\":{\"x\":{\"x\":\"x",
	         "sha256(convert_to('k' || orders.id::text, 'UTF8'))"},
	        {"year", "make_date(extract"},
	        {"null", "NULL::text AS id"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;
		const char *policy = arena_printf(
		        a, POLICY("\"columns\":{\"orders\":[\"id\"]},\"masks\":{\"orders\":{\"id\":\"%s\"}}"),
		        cases[i].kind);
		assert_null(shop_guard(a, policy, "SELECT * FROM orders", &s));
		if (!strstr(s->sql, cases[i].shown))
			fail_msg("%s: %s", cases[i].kind, s->sql);
		assert_null(strstr(s->sql, "SELECT orders.id,"));
		arena_free(a);
	}
}

static const struct CMUnitTest sql_mask_tests[] = {
        cmocka_unit_test(test_sql__a_filtered_table_is_a_subquery),
        cmocka_unit_test(test_sql__a_bad_policy_shows_nothing),
        cmocka_unit_test(test_sql__a_filter_works_without_known_columns),
        cmocka_unit_test(test_sql__masks_replace_their_column),
};
UNIT_SUITE(sql_mask_tests);
