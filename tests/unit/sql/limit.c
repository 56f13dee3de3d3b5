/* LIMIT and the bounds on literals: the statement as it will be sent. */
#include "unit.h"

#include "sql/support.h"

static void test_sql__limit_is_added_or_capped(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT 1", "SELECT 1 LIMIT 500"},
	        {"SELECT 1 LIMIT 20", "SELECT 1 LIMIT 20"},
	        {"SELECT 1 LIMIT 501", "SELECT 1 LIMIT 500"},
	        {"SELECT 1 LIMIT 99999999999", "SELECT 1 LIMIT 500"},
	        {"SELECT 1 LIMIT ALL", "SELECT 1 LIMIT 500"},
	        {"SELECT 1 LIMIT NULL", "SELECT 1 LIMIT 500"},
	        {"SELECT 1 LIMIT 400 + 400", "SELECT 1 LIMIT 500"},
	        {"SELECT 1 LIMIT -1", "too_large"},
	        {"SELECT 1 FETCH FIRST 600 ROWS ONLY", "SELECT 1 LIMIT 500"},
	        {"SELECT 1 LIMIT (SELECT 900)", "SELECT 1 LIMIT LEAST((SELECT 900), 500)::bigint"},
	        {"SELECT id FROM orders ORDER BY id FETCH FIRST 9 ROWS WITH TIES",
	         "SELECT * FROM (SELECT id FROM shop.orders ORDER BY id FETCH FIRST 9 ROWS WITH TIES) result"
	         " LIMIT 500"},
	        {"SELECT 1 UNION SELECT 2", "SELECT 1 UNION SELECT 2 LIMIT 500"},
	        {"VALUES (1)", "VALUES (1) LIMIT 500"},
	        {"TABLE orders", "SELECT * FROM shop.orders LIMIT 500"},
	        {"SELECT 1 OFFSET 1000001", "too_large"},
	        {"SELECT * FROM (SELECT 1 OFFSET 1000001) q", "too_large"},
	};
	(void)state;
	SHOP_CHECK(SHOP, cases);
}

static void test_sql__literals_are_bounded(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT repeat('x', 10000)", "SELECT repeat('x', 10000) LIMIT 500"},
	        {"SELECT repeat('x', 10001)", "too_large"},
	        {"SELECT repeat('x', 1000 * 1000)", "too_large"},
	        {"SELECT rpad('x', '500000000')", "too_large"},
	        {"SELECT repeat(name, id) FROM customers",
	         "SELECT repeat(name, LEAST(id, 10000)) FROM shop.customers LIMIT 500"},
	        {"SELECT repeat(repeat('x', 9000), 9000)", "too_complex"},
	        {"SELECT rpad(repeat('x', 20), 30)", "SELECT rpad(repeat('x', 20), 30) LIMIT 500"},
	        {"SELECT repeat(rpad('x', 9000), 9000)", "too_complex"},
	        {"SELECT repeat(repeat('x', id), id) FROM orders", "too_complex"},
	        {"SELECT repeat(a, 10000) FROM (SELECT repeat('x', 10000) a) q",
	         "SELECT repeat(a, 10000) FROM (SELECT repeat('x', 10000) AS a) q LIMIT 500"},
	        {"SELECT repeat(b, 2) FROM (SELECT repeat(a, 10000) b FROM (SELECT repeat('x', 10000) a) q) q",
	         "too_complex"},
	        {"SELECT repeat('x', 9999) UNION SELECT repeat('x', 9999) UNION SELECT repeat('x', 9999)",
	         "(SELECT repeat('x', 9999) UNION SELECT repeat('x', 9999)) UNION SELECT repeat('x', 9999)"
	         " LIMIT 500"},
	        {"WITH a AS (SELECT repeat('x', 9999) a), b AS (SELECT repeat(a, 9999) b FROM a)"
	         " SELECT repeat(b, 99) FROM b",
	         "too_complex"},
	        {"SELECT replace(repeat('a', 10000), 'a', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'"
	         " || 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb')",
	         "too_complex"},
	        {"SELECT generate_series(1, 1000000)", "SELECT generate_series(1, 1000000) LIMIT 500"},
	        {"SELECT generate_series(1, 1000002)", "too_large"},
	        {"SELECT generate_series(1, 10 ^ 10)", "too_large"},
	        {"SELECT generate_series(1, 2, 0.0000001)", "too_large"},
	        {"SELECT generate_series(1, id) FROM orders",
	         "SELECT generate_series(1, LEAST(id, 1000001)) FROM shop.orders LIMIT 500"},
	        {"SELECT generate_series(date '2000-01-01', date '2100-01-01', '1 second')", "too_large"},
	        {"SELECT generate_series(date '2000-01-01', date '2100-01-01', '00:00:00.01')", "too_large"},
	        {"SELECT generate_series(date '2000-01-01', date '2100-01-01', interval '1' second)",
	         "too_large"},
	        {"SELECT generate_series(date '2024-01-01', date '2024-02-01', interval '1' day)",
	         "SELECT generate_series('2024-01-01'::date, '2024-02-01'::date, '1'::interval day) LIMIT 500"},
	        {"SELECT format('%999s', 1)", "SELECT format('%999s', 1) LIMIT 500"},
	        {"SELECT format('%1000s', 1)", "too_large"},
	        {"SELECT format('%*s', 1)", "too_large"},
	        {"SELECT format(name) FROM customers", "too_large"},
	        {"SELECT name ~ '(a{30}){30}' FROM customers",
	         "SELECT name ~ '(a{30}){30}' FROM shop.customers LIMIT 500"},
	        {"SELECT name ~ '(a{1,200}){200}' FROM customers", "too_large"},
	        {"SELECT regexp_replace(name, '(a{200}){200}', '') FROM customers", "too_large"},
	        {"SELECT name ~ ('(a{1,200})' || '{200}') FROM customers", "too_large"},
	        {"SELECT name ~ ANY (ARRAY['a', '(a{1,200}){200}']) FROM customers", "too_large"},
	        {"SELECT name SIMILAR TO '(a{1,200}){200}' FROM customers", "too_large"},
	        {"SELECT '1e131000'::numeric", "too_large"},
	        {"SELECT numeric '-1E+99999'", "too_large"},
	        {"SELECT 'infinity'::numeric", "SELECT 'infinity'::numeric LIMIT 500"},
	        {"SELECT 2 ^ 1000", "SELECT 2 ^ 1000 LIMIT 500"},
	        {"SELECT 2::numeric ^ 1001", "too_large"},
	        {"SELECT power(2, 100000)", "too_large"},
	        {"SELECT 1e999", "too_large"},
	        {"SELECT 'x'::char(10001)", "too_large"},
	};
	(void)state;
	SHOP_CHECK(SHOP, cases);
}

static const struct CMUnitTest sql_limit_tests[] = {
        cmocka_unit_test(test_sql__limit_is_added_or_capped),
        cmocka_unit_test(test_sql__literals_are_bounded),
};
UNIT_SUITE(sql_limit_tests);
