/* What the facts of a statement say, as one line: tables (* picked), joins, aggregates, groups, shape. */
#include "unit.h"

#include "lib/buf.h"
#include "sql/support.h"

#define STORE \
	"{\"schema\":\"shop\",\"columns\":{\"customers\":[\"id\",\"name\",\"city\",\"active\"]," \
	"\"orders\":[\"id\",\"customer_id\",\"total\",\"status\",\"at\",\"until\"]," \
	"\"items\":[\"id\",\"order_id\",\"product_id\",\"quantity\"]," \
	"\"products\":[\"id\",\"title\",\"price\"]}}"

static void put_column(struct buf *b, const struct sql_facts *f, struct sql_column c)
{
	size_t nth = 1;
	for (size_t i = 0; i < c.table; i++)
		nth += !strcmp(f->tables[i], f->tables[c.table]);
	buf_add_cstr(b, f->tables[c.table]);
	if (nth > 1)
		buf_printf(b, "#%zu", nth);
	buf_printf(b, ".%s", c.name ? c.name : "-");
}

static void put_aggregate(struct buf *b, const struct sql_facts *f, const struct sql_aggregate *agg)
{
	buf_printf(b, " %s(%s", agg->function, agg->distinct ? "distinct " : "");
	for (size_t i = 0; i < agg->ncolumns; i++) {
		buf_add_cstr(b, i ? "," : "");
		put_column(b, f, agg->columns[i]);
	}
	buf_add_cstr(b, agg->plain ? ")" : "..)");
}

static void put_level(struct buf *b, const struct sql_facts *f)
{
	for (size_t i = 0; i < f->ntables; i++)
		buf_printf(b, "%s%s%s", i ? " " : "", f->tables[i], f->picked[i] ? "*" : "");
	for (size_t i = 0; i < f->njoins; i++) {
		buf_add_char(b, ' ');
		put_column(b, f, f->joins[i].left);
		buf_add_char(b, '=');
		put_column(b, f, f->joins[i].right);
	}
	for (size_t i = 0; i < f->naggregates; i++)
		put_aggregate(b, f, &f->aggregates[i]);
	for (size_t i = 0; i < f->nfixed; i++) {
		buf_add_cstr(b, " by ");
		put_column(b, f, f->fixed[i]);
	}
	for (size_t i = 0; i < f->nconditions; i++) {
		buf_add_char(b, ' ');
		put_column(b, f, f->conditions[i].column);
		buf_printf(b, "='%s'%s", f->conditions[i].value, f->conditions[i].only ? "" : "?");
	}
	buf_printf(b, "%s%s%s%s", f->grouped ? " grouped" : "", f->distinct ? " distinct" : "",
	           f->limited ? " limited" : "", f->star ? " star" : "");
}

static const char *facts_line(struct arena *a, const char *sql)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct sql_statement *s = NULL;
	const char *code = shop_guard(a, STORE, sql, &s);
	if (code)
		return code;
	for (const struct sql_facts *f = s->facts; f; f = f->next) {
		buf_add_cstr(&b, f == s->facts ? "" : " | ");
		put_level(&b, f);
	}
	return buf_cstr(&b);
}

#define OI "orders items orders.id=items.order_id"

static const struct shop_case cases[] = {
        {"SELECT 1", ""},
        {"SELECT * FROM orders LIMIT 3", "orders limited star"},
        {"SELECT id FROM orders LIMIT ALL", "orders"},
        {"SELECT o.id FROM orders o JOIN items i ON i.order_id = o.id",
         "orders items items.order_id=orders.id"},
        {"SELECT o.id FROM orders o, items i WHERE o.id = i.order_id AND o.total > 3", OI},
        {"SELECT total FROM orders JOIN items ON orders.id = order_id", OI},
        {"SELECT orders.id FROM orders JOIN items USING (id)", "orders items orders.id=items.id"},
        {"SELECT o.id FROM orders o LEFT JOIN items USING (id) JOIN products USING (id)",
         "orders items products orders.id=items.id items.id=products.id"},
        {"SELECT shop.orders.id FROM shop.orders JOIN shop.items ON shop.orders.id = shop.items.order_id",
         OI},
        {"SELECT a.id FROM orders a JOIN orders b ON a.id = b.customer_id",
         "orders orders orders.id=orders#2.customer_id"},
        /* what is added up */
        {"SELECT sum(o.total) FROM orders o JOIN items i ON o.id = i.order_id",
         OI " sum(orders.total) grouped"},
        {"SELECT SUM(DISTINCT total), count(*), count(orders.id), max(at) FROM orders",
         "orders sum(distinct orders.total) count(..) count(orders.id) max(orders.at) grouped"},
        {"SELECT sum(total * 2 - coalesce(total, 0)::numeric) FROM orders",
         "orders sum(orders.total,orders.total..) grouped"},
        {"SELECT sum(CASE WHEN status = 'x' THEN 1 ELSE 0 END) FROM orders", "orders sum(..) grouped"},
        {"SELECT sum(i.quantity * p.price) FROM items i JOIN products p ON p.id = i.product_id",
         "items products products.id=items.product_id sum(items.quantity,products.price..) grouped"},
        {"SELECT sum(o.total) FILTER (WHERE i.quantity > 1) FROM orders o JOIN items i ON o.id = i.order_id",
         OI " sum(orders.total,items.-) grouped"},
        {"SELECT 1 FROM orders HAVING sum(total) > 1", "orders sum(orders.total) grouped"},
        {"SELECT status FROM orders GROUP BY status ORDER BY avg(total)",
         "orders avg(orders.total) by orders.status grouped"},
        {"SELECT sum(total) OVER () FROM orders", "orders"},
        {"SELECT sum(sum(total)) OVER () FROM orders", "orders sum(orders.total) grouped"},
        {"SELECT (SELECT sum(total) FROM orders) FROM items", "items"},
        /* groups */
        {"SELECT status AS s, city, count(*) FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY s, 2",
         "orders customers customers.id=orders.customer_id count(..) by orders.status by customers.city"
         " grouped"},
        {"SELECT date_trunc('month', at), count(*) FROM orders GROUP BY 1", "orders count(..) grouped"},
        {"SELECT count(*) FROM orders GROUP BY ROLLUP (status)", "orders count(..) grouped"},
        {"SELECT DISTINCT status FROM orders", "orders distinct"},
        /* conditions */
        {"SELECT id FROM orders WHERE status = 'Shipped' AND 'x' = status AND id = 7",
         "orders* orders.status='Shipped' orders.status='x' orders.id='7'"},
        {"SELECT id FROM orders WHERE status IN ('a', 'b')", "orders orders.status='a'? orders.status='b'?"},
        {"SELECT id FROM orders WHERE status = 'a' OR id = 1", "orders"},
        {"SELECT id FROM customers WHERE active", "customers*"},
        {"SELECT id FROM orders WHERE until IS NULL", "orders*"},
        {"SELECT id FROM orders WHERE until IS NOT NULL AND total > 3", "orders"},
        {"SELECT o.id FROM orders o JOIN customers c ON o.at BETWEEN c.id AND c.name", "orders* customers*"},
        {"SELECT o.id FROM orders o WHERE o.at = (SELECT max(at) FROM orders p WHERE p.customer_id = o.customer_id)",
         "orders*"},
        {"SELECT id FROM orders WHERE EXISTS (SELECT 1 FROM items WHERE order_id = orders.id)", "orders*"},
        /* WITH and subqueries */
        {"WITH paid AS (SELECT * FROM orders WHERE total > 0) SELECT sum(paid.total) FROM paid JOIN items i ON"
         " i.order_id = paid.id",
         "orders items items.order_id=orders.id sum(orders.total) grouped | orders star"},
        {"SELECT sum(t) FROM (SELECT id AS k, total AS t FROM orders) x JOIN items ON order_id = x.k",
         "orders items items.order_id=orders.id sum(orders.total) grouped | orders"},
        {"WITH last AS (SELECT *, row_number() OVER (PARTITION BY order_id) AS n FROM items) SELECT sum(total)"
         " FROM orders o JOIN last l ON l.order_id = o.id AND l.n = 1",
         "orders* sum(orders.total) grouped | items star"},
        {"WITH m AS (SELECT o.customer_id, sum(o.total) AS s FROM orders o JOIN items i ON o.id = i.order_id GROUP"
         " BY 1) SELECT * FROM m",
         " star | " OI " sum(orders.total) by orders.customer_id grouped"},
        {"SELECT sum(o.total) FROM orders o JOIN (SELECT DISTINCT order_id FROM items) i ON i.order_id = o.id",
         "orders* sum(orders.total) grouped | items distinct"},
        {"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT sum(n) FROM r",
         " sum(..) grouped |  |  | "},
        {"SELECT id FROM orders UNION SELECT id FROM items", " distinct | orders | items"},
        {"SELECT id FROM orders UNION ALL SELECT id FROM items", " | orders | items"},
        {"SELECT o.id FROM generate_series(1, 3) AS n JOIN orders o ON o.id = n", "orders*"},
        {"SELECT o.id FROM orders o CROSS JOIN LATERAL (SELECT * FROM items i WHERE i.order_id = o.id LIMIT 1) l",
         "orders | items* limited star"},
        /* names that cannot be told: no joins, no sums */
        {"SELECT sum(total) FROM orders NATURAL JOIN items", "orders items grouped"},
        {"SELECT sum(x) FROM orders JOIN other ON id2 = x", "orders other grouped"},
};

static void test_sql__facts_of_statements(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		const char *line = facts_line(a, cases[i].sql);
		if (strcmp(line, cases[i].expected) != 0)
			fail_msg("%s\n  facts    %s\n  expected %s", cases[i].sql, line, cases[i].expected);
		arena_free(a);
	}
}

/* Facts are bounded whatever the statement. */
static void test_sql__facts_of_huge_statements(void **state)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, BUF_RESULT);
	(void)state;
	buf_add_cstr(&b, "SELECT sum(o0.total) FROM orders o0");
	for (int i = 1; i < 90; i++)
		buf_printf(&b, " JOIN orders o%d ON o%d.id = o%d.id", i, i, i - 1);
	assert_string_not_equal(facts_line(a, buf_cstr(&b)), "");
	b = buf_init(a, BUF_RESULT);
	for (int i = 0; i < 60; i++)
		buf_add_cstr(&b, "SELECT * FROM (");
	buf_add_cstr(&b, "SELECT id FROM orders");
	for (int i = 0; i < 60; i++)
		buf_printf(&b, ") t%d", i);
	assert_string_not_equal(facts_line(a, buf_cstr(&b)), "");
	arena_free(a);
}

static const struct CMUnitTest sql_facts_tests[] = {
        cmocka_unit_test(test_sql__facts_of_statements),
        cmocka_unit_test(test_sql__facts_of_huge_statements),
};
UNIT_SUITE(sql_facts_tests);
