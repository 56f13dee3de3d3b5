/* Who is visible where: a name that resolved to something else than on the server would be a hole. */
#include "unit.h"

#include "sql/support.h"

#define OK(text) text " LIMIT 500"

static void test_sql__columns_are_those_of_their_alias(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT c.email FROM customers c", OK("SELECT c.email FROM shop.customers c")},
	        {"SELECT shop.customers.email FROM customers",
	         OK("SELECT customers.email FROM shop.customers")},
	        {"SELECT hr.customers.email FROM customers", "column_not_known"},
	        {"SELECT c.secret FROM customers c", "column_not_known"},
	        {"SELECT (c).secret FROM customers c", "column_not_known"},
	        {"SELECT (c).email FROM customers c", OK("SELECT (c).email FROM shop.customers c")},
	        {"SELECT (array_agg(c))[1].secret FROM customers c", "field_not_allowed"},
	        {"SELECT (SELECT c).secret FROM customers c", "field_not_allowed"},
	        {"SELECT (data).secret FROM orders", "field_not_allowed"},
	        {"SELECT secret FROM customers", "column_not_known"},
	        {"SELECT xmin FROM orders", "column_not_allowed"},
	        {"SELECT o.ctid FROM orders o", "column_not_allowed"},
	        {"SELECT c.id FROM customers c(a, b)", "column_not_known"},
	        {"SELECT c.email FROM customers c(a, b)", OK("SELECT c.email FROM shop.customers c(a, b)")},
	        {"SELECT s.x FROM (SELECT c AS x FROM customers c) s",
	         OK("SELECT s.x FROM (SELECT c AS x FROM (SELECT * FROM shop.customers) c) s")},
	        {"SELECT s.lower FROM (SELECT lower(name) FROM customers) s",
	         OK("SELECT s.lower FROM (SELECT lower(name) FROM shop.customers) s")},
	        {"SELECT s.pg_typeof FROM (SELECT (SELECT pg_typeof.* FROM (SELECT 1 AS a) pg_typeof)) s",
	         "column_not_known"},
	};
	(void)state;
	SHOP_CHECK(SHOP, cases);
}

static void test_sql__scopes_are_those_of_the_server(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT l.e FROM customers c, (SELECT c.email AS e) l", "column_not_known"},
	        {"SELECT l.e FROM customers c, LATERAL (SELECT c.email AS e) l",
	         OK("SELECT l.e FROM shop.customers c, LATERAL (SELECT c.email AS e) l")},
	        {"SELECT (SELECT c.id) FROM customers c", OK("SELECT (SELECT c.id) FROM shop.customers c")},
	        {"SELECT 1 FROM customers c, (orders o JOIN orders p ON o.id = c.id)", "column_not_known"},
	        {"SELECT c.id FROM (customers c CROSS JOIN orders o) j", "column_not_known"},
	        {"SELECT u.id FROM customers c JOIN orders o USING (id) AS u",
	         OK("SELECT u.id FROM shop.customers c JOIN shop.orders o USING (id) AS u")},
	        {"SELECT u.name FROM customers c JOIN orders o USING (id) AS u", "column_not_known"},
	        {"SELECT j.d FROM (customers c JOIN orders o USING (id)) j(a, b, c, d)",
	         OK("SELECT j.d FROM (shop.customers c JOIN shop.orders o USING (id) ) j(a, b, c, d)")},
	        {"SELECT j.name FROM (customers c JOIN orders o USING (id)) j(a, b, c, d)",
	         "column_not_known"},
	        {"WITH x AS (SELECT 1 AS a) SELECT x.a FROM x",
	         OK("WITH x AS (SELECT 1 AS a) SELECT x.a FROM x")},
	        {"WITH x AS (SELECT y.a FROM y), y AS (SELECT 1 AS a) SELECT x.a FROM x",
	         "table_not_allowed"},
	        {"WITH RECURSIVE x AS (SELECT y.a FROM y), y AS (SELECT 1 AS a) SELECT x.a FROM x",
	         OK("WITH RECURSIVE x AS (SELECT y.a FROM y), y AS (SELECT 1 AS a) SELECT x.a FROM x")},
	        {"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT t.n + 1 FROM t WHERE t.n < 9)"
	         " SELECT t.n FROM t",
	         OK("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT t.n + 1 FROM t WHERE t.n < 9)"
	            " SELECT t.n FROM t")},
	        {"SELECT salaries.a FROM (WITH salaries AS (SELECT 1 AS a) SELECT a"
	         " FROM salaries) q, salaries",
	         "table_not_allowed"},
	        {"SELECT id AS n FROM orders WHERE n > 1", "column_not_known"},
	        {"SELECT id AS n FROM orders ORDER BY n", OK("SELECT id AS n FROM shop.orders ORDER BY n")},
	};
	(void)state;
	SHOP_CHECK(SHOP, cases);
}

static void test_sql__functions_in_from_have_their_columns(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT e.key FROM orders o, jsonb_each(o.data) e",
	         OK("SELECT e.key FROM shop.orders o, jsonb_each(o.data) e")},
	        {"SELECT e.pg_typeof FROM orders o, jsonb_each(o.data) e", "column_not_known"},
	        {"SELECT (jsonb_each(data)).key FROM orders",
	         OK("SELECT (jsonb_each(data)).key FROM shop.orders")},
	        {"SELECT (jsonb_each(data)).secret FROM orders", "field_not_allowed"},
	        {"SELECT g.g FROM generate_series(1, 3) g", OK("SELECT g.g FROM generate_series(1, 3) g")},
	        {"SELECT g.secret FROM generate_series(1, 3) g", "column_not_known"},
	        {"SELECT s.s FROM unnest((SELECT array_agg(c) FROM customers c)) s",
	         OK("SELECT s.s FROM unnest((SELECT array_agg(c) FROM (SELECT * FROM shop.customers) c)) s(s)")},
	        {"SELECT x.a FROM json_to_recordset('[]') AS x(a int)",
	         OK("SELECT x.a FROM json_to_recordset('[]') x (a int)")},
	        {"SELECT x.a FROM json_to_recordset('[]') AS x(a regclass)", "type_not_allowed"},
	};
	(void)state;
	SHOP_CHECK(SHOP, cases);
}

#define ROW_OF "(SELECT * FROM shop.customers) "

/* A cast from the type of a table's rows would run somebody's function, so the row is made a record. */
static void test_sql__a_whole_row_is_a_record(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT c::int FROM customers c", OK("SELECT c::int FROM " ROW_OF "c")},
	        {"SELECT shop.customers.* FROM customers", OK("SELECT customers.* FROM shop.customers")},
	        {"SELECT max(customers.*::text) FROM customers",
	         OK("SELECT max(customers.*::text) FROM " ROW_OF "customers")},
	        {"SELECT (c).id, (c).* FROM customers c", OK("SELECT (c).id, (c).* FROM shop.customers c")},
	        {"SELECT 1 AS c FROM customers c ORDER BY c::int",
	         OK("SELECT 1 AS c FROM " ROW_OF "c ORDER BY c::int")},
	        {"SELECT x + 1 FROM customers x(a, b)", OK("SELECT x + 1 FROM " ROW_OF "x(a, b)")},
	        {"SELECT 1 FROM orders o JOIN customers c ON o.id = c::int",
	         OK("SELECT 1 FROM shop.orders o JOIN " ROW_OF "c ON o.id = c::int")},
	        {"SELECT c::int FROM customers c TABLESAMPLE system (10)",
	         OK("SELECT c::int FROM (SELECT * FROM shop.customers TABLESAMPLE system(10)) c")},
	        {"SELECT (SELECT c::int) FROM customers c", OK("SELECT (SELECT c::int) FROM " ROW_OF "c")},
	        {"SELECT id::int FROM customers id", OK("SELECT id::int FROM shop.customers id")},
	};
	static const struct shop_case unknown[] = {
	        {"SELECT c::int FROM customers c", OK("SELECT c::int FROM " ROW_OF "c")},
	};
	(void)state;
	SHOP_CHECK(SHOP, cases);
	SHOP_CHECK("{\"schema\":\"shop\"}", unknown);
}

/* Without columns in the policy the server is made to prove that a name is a column. */
static void test_sql__unknown_columns_are_proved_by_the_server(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT c.secret FROM customers c", OK("WITH _quern_1 AS (SELECT secret"
	                                                " FROM shop.customers _quern) SELECT c.secret"
	                                                " FROM shop.customers c")},
	        {"SELECT id FROM customers", OK("SELECT id FROM shop.customers")},
	        {"SELECT c.x FROM customers c(x)", OK("SELECT c.x FROM shop.customers c(x)")},
	        {"SELECT c.y FROM customers c(x)", "column_not_known"},
	        {"SELECT (c).secret FROM customers c", "field_not_allowed"},
	        {"SELECT s.secret FROM (SELECT * FROM customers, orders) s", "column_not_known"},
	        {"WITH _quern_1 AS (SELECT 1) SELECT 1", "statement_not_allowed"},
	        {"SELECT c._quern FROM customers c", "column_not_known"},
	};
	(void)state;
	SHOP_CHECK("{\"schema\":\"shop\"}", cases);
}

static void test_sql__what_was_used_is_told(void **state)
{
	struct arena *a = arena_create();
	struct sql_statement *s;
	(void)state;
	assert_null(shop_guard(a, SHOP,
	                       "SELECT lower(c.name), count(*) FROM orders JOIN customers c"
	                       " ON c.id = customer_id GROUP BY 1",
	                       &s));
	assert_int_equal(s->ntables, 2);
	assert_string_equal(s->tables[0], "shop.customers");
	assert_string_equal(s->tables[1], "shop.orders");
	assert_int_equal(s->ncolumns, 3);
	assert_string_equal(s->columns[0], "customers.id");
	assert_string_equal(s->columns[2], "orders.customer_id");
	assert_int_equal(s->nfunctions, 2);
	assert_string_equal(s->functions[1], "lower");
	assert_int_equal(strlen(s->fingerprint), 16);
	arena_free(a);
}

static const struct CMUnitTest sql_scope_tests[] = {
        cmocka_unit_test(test_sql__columns_are_those_of_their_alias),
        cmocka_unit_test(test_sql__scopes_are_those_of_the_server),
        cmocka_unit_test(test_sql__functions_in_from_have_their_columns),
        cmocka_unit_test(test_sql__a_whole_row_is_a_record),
        cmocka_unit_test(test_sql__unknown_columns_are_proved_by_the_server),
        cmocka_unit_test(test_sql__what_was_used_is_told),
};
UNIT_SUITE(sql_scope_tests);
