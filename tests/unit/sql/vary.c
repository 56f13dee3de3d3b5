/* Which statements give the same rows again over the same data. */
#include "unit.h"

#include "sql/support.h"

static void test_sql__chance_and_clocks_do_not_repeat(void **state)
{
	static const struct {
		const char *sql;
		bool repeatable;
	} cases[] = {
	        {"SELECT id, lower(name) FROM customers", true},
	        {"SELECT date_trunc('month', timestamp '2024-02-03')", true},
	        {"SELECT age(timestamp '2024-02-03', timestamp '2020-01-01')", true},
	        {"SELECT 'nowhere' || 'toady'", true},
	        {"SELECT id FROM orders TABLESAMPLE system (10) REPEATABLE (1)", true},
	        {"SELECT id FROM orders TABLESAMPLE system (10)", false},
	        {"SELECT random()", false},
	        {"SELECT id FROM orders ORDER BY random()", false},
	        {"SELECT pg_catalog.now()", false},
	        {"SELECT gen_random_uuid()", false},
	        {"SELECT clock_timestamp()", false},
	        {"SELECT statement_timestamp()", false},
	        {"SELECT transaction_timestamp()", false},
	        {"SELECT age(timestamp '2024-02-03')", false},
	        {"SELECT current_date", false},
	        {"SELECT localtimestamp(2)", false},
	        {"SELECT id FROM (SELECT id, current_timestamp FROM orders) q", false},
	        {"SELECT date 'today'", false},
	        {"SELECT 'Tomorrow 10:00'::timestamp", false},
	        {"SELECT CAST(' NOW ' AS timestamptz)", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;
		assert_null(shop_guard(a, SHOP, cases[i].sql, &s));
		if (s->repeatable != cases[i].repeatable)
			fail_msg("%s", cases[i].sql);
		arena_free(a);
	}
}

static const struct CMUnitTest sql_vary_tests[] = {
        cmocka_unit_test(test_sql__chance_and_clocks_do_not_repeat),
};
UNIT_SUITE(sql_vary_tests);
