/* What is told about results over the demo shop: which caveats, and what they say. */
#include <string.h>

#include "catalog/shop.h"
#include "lib/buf.h"
#include "support/pg.h"
#include "unit.h"

static struct policy_mask masks[] = {{"email", "email"}};
static struct policy_table ruled[] = {
        {.name = "customers", .filter = "country_code = 'DE'", .masks = masks, .nmasks = 1},
        {.name = "refunds", .filter = "false"},
};

struct demo {
	struct ctx *ctx;
	struct project_source source;
	struct policy policy;
	struct query_scope scope;
};

static void load(struct ctx *ctx)
{
	static const char *const files[] = {"examples/shop/01_schema.sql", "examples/shop/02_data.sql",
	                                    "examples/shop/03_views.sql"};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		pg_exec(str_dup(ctx->a, unit_file(ctx->a, files[i])));
	pg_exec("ANALYZE; INSERT INTO projects (slug, name) VALUES ('shop', 'Shop')");
}

/* Made once for this file: its data takes seconds. */
static struct demo *demo_get(void)
{
	static struct demo *d;
	struct ctx *ctx;
	struct catalog *c;

	if (d)
		return d;
	ctx = pg_ctx();
	d = ARENA_NEW(ctx->a, struct demo);
	query_close();
	load(ctx);
	d->ctx = ctx;
	shop_source(ctx, &d->source, "shop", arena_strdup(ctx->a, pg_value("SELECT current_user")));
	d->source.project_id = 1;
	d->policy = (struct policy){.schema = "shop",
	                            .max_rows = 500,
	                            .timeout_ms = 20000,
	                            .max_bytes = POLICY_MAX_BYTES,
	                            .max_cell_bytes = POLICY_MAX_CELL_BYTES,
	                            .user_email = ""};
	assert_ok(catalog_introspect(ctx, &d->source, &c));
	d->scope = (struct query_scope){.source = &d->source, .policy = &d->policy};
	catalog_scope(ctx->a, c, &d->scope);
	return d;
}

/* "code: text", a line each. */
static const char *told(struct demo *d, const char *sql)
{
	struct buf b = buf_init(d->ctx->a, BUF_PAGE);
	struct query_result *r;

	assert_ok(query_run(d->ctx, &d->scope, sql, &r));
	for (size_t i = 0; i < r->ncaveats; i++)
		buf_printf(&b, "%s%s: %s", i ? "\n" : "", r->caveats[i].code, r->caveats[i].text);
	return buf_cstr(&b);
}

struct told_case {
	const char *sql;
	const char *expected;
};

static void check(struct demo *d, const struct told_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *text = told(d, cases[i].sql);

		if (strcmp(text, cases[i].expected) != 0)
			fail_msg("%s\n  told     %s\n  expected %s", cases[i].sql, text, cases[i].expected);
	}
}
#define CHECK(d, cases) check((d), (cases), sizeof(cases) / sizeof(*(cases)))

#define TOTAL_BY_ITEM \
	"fan_out: orders.total is added up once for each row of order_items that joins, not once for each row of" \
	" orders: the sum is too high unless that is meant."

static void test_catalog__sums_over_repeated_rows_are_told(void **state)
{
	static const struct told_case cases[] = {
	        {"SELECT sum(o.total) FROM orders o JOIN order_items i ON i.order_id = o.id", TOTAL_BY_ITEM},
	        {"SELECT p.category, sum(total) AS revenue FROM orders o JOIN order_items i ON i.order_id = o.id JOIN"
	         " products p ON p.id = product_id GROUP BY p.category",
	         TOTAL_BY_ITEM},
	        {"SELECT sum(o.total) FROM orders o JOIN order_items i ON i.order_id = o.id JOIN products p ON p.id ="
	         " i.product_id WHERE p.category = 'Kitchen'",
	         TOTAL_BY_ITEM},
	        {"WITH paid AS (SELECT * FROM orders WHERE status IN ('paid', 'shipped')) SELECT count(*) AS lines,"
	         " sum(total) AS revenue FROM paid JOIN order_items i ON i.order_id = paid.id",
	         TOTAL_BY_ITEM},
	        {"SELECT month, revenue FROM (SELECT date_trunc('month', o.ordered_at) AS month, sum(o.total) AS revenue"
	         " FROM orders o JOIN order_items i ON i.order_id = o.id GROUP BY 1) x ORDER BY 1",
	         TOTAL_BY_ITEM},
	        {"SELECT avg(o.shipping_fee) FROM orders o LEFT JOIN order_items i ON i.order_id = o.id",
	         "fan_out: orders.shipping_fee is averaged over each row of order_items that joins, not over each row"
	         " of orders: rows of orders with more of them weigh more, unless that is meant."},
	        {"SELECT c.id, count(o.id) AS orders FROM customers c JOIN orders o ON o.customer_id = c.id JOIN"
	         " order_items i ON i.order_id = o.id GROUP BY c.id LIMIT 5",
	         "fan_out: orders.id is counted once for each row of order_items that joins, not once for each row of"
	         " orders: count it with DISTINCT unless that is meant."},
	        /* two branches of one customer */
	        {"SELECT sum(o.total), count(t.id) AS tickets FROM customers c JOIN orders o ON o.customer_id = c.id JOIN"
	         " support_tickets t ON t.customer_id = c.id",
	         "fan_out: orders.total is added up once for each row of support_tickets that joins, not once for each"
	         " row of orders: the sum is too high unless that is meant.\n"
	         "fan_out: support_tickets.id is counted once for each row of orders that joins, not once for each"
	         " row of support_tickets: count it with DISTINCT unless that is meant."},
	};

	(void)state;
	CHECK(demo_get(), cases);
}

static void test_catalog__sound_queries_are_left_alone(void **state)
{
	static const struct told_case cases[] = {
	        {"SELECT sum(i.line_total) FROM orders o JOIN order_items i ON i.order_id = o.id", ""},
	        {"SELECT c.region, sum(o.total) FROM orders o JOIN countries c ON c.code = o.country_code GROUP BY 1",
	         ""},
	        {"SELECT sum(i.quantity * p.cost) FROM order_items i JOIN products p ON p.id = i.product_id",
	         ""},
	        {"SELECT count(*), count(DISTINCT o.id), max(o.total) FROM orders o JOIN order_items i ON i.order_id ="
	         " o.id",
	         ""},
	        {"SELECT i.id, sum(o.total) FROM orders o JOIN order_items i ON i.order_id = o.id GROUP BY i.id LIMIT 5",
	         ""},
	        /* (order_id, product_id) is a key */
	        {"SELECT p.id, sum(o.total) FROM orders o JOIN order_items i ON i.order_id = o.id JOIN products p ON"
	         " p.id = i.product_id GROUP BY p.id",
	         ""},
	        {"SELECT sum(o.total) FROM orders o JOIN order_items i ON i.order_id = o.id WHERE i.product_id = 7",
	         ""},
	        {"SELECT sum(o.total) FROM orders o JOIN order_items i ON i.order_id = o.id JOIN products p ON p.id ="
	         " i.product_id WHERE p.name = 'No Such Lamp'",
	         "all_null: sum: no value. There was no row to compute it from, or none with a value."},
	        /* at most one payment of an order succeeds: a condition on it may make it one */
	        {"SELECT sum(o.total) FROM orders o JOIN payments p ON p.order_id = o.id AND p.status = 'succeeded'",
	         ""},
	        {"SELECT sum(o.total) FROM orders o JOIN payments p ON p.order_id = o.id WHERE p.id = (SELECT max(id)"
	         " FROM payments x WHERE x.order_id = o.id)",
	         ""},
	        {"SELECT sum(o.total) FROM orders o JOIN (SELECT DISTINCT order_id FROM refunds) r ON r.order_id = o.id",
	         ""},
	        {"SELECT sum(o.total) FROM orders o WHERE o.id IN (SELECT order_id FROM order_items)", ""},
	        {"SELECT count(r.id) FROM order_items i LEFT JOIN refunds r ON r.order_item_id = i.id", ""},
	        {"SELECT sum(o.total) FROM orders o JOIN customer_value v ON v.customer_id = o.customer_id",
	         ""},
	};

	(void)state;
	CHECK(demo_get(), cases);
}

static void test_catalog__nothing_found_says_what_was_asked_for(void **state)
{
	static const struct told_case cases[] = {
	        {"SELECT * FROM products WHERE category = 'kitchen'",
	         "no_rows: No row fits what the query asks for. It asks for products.category = 'kitchen'."
	         " products.category is written 'Kitchen', not 'kitchen'."},
	        {"SELECT count(*) FROM products WHERE category = 'KITCHEN'",
	         "no_rows: Nothing was found to count. It asks for products.category = 'KITCHEN'."
	         " products.category is written 'Kitchen', not 'KITCHEN'."},
	        {"SELECT count(*) FROM orders WHERE total < 0", ""},
	        {"SELECT id FROM orders WHERE total < 0", "no_rows: No row fits what the query asks for."},
	        {"SELECT sum(total) AS revenue FROM orders WHERE total < 0",
	         "all_null: revenue: no value. There was no row to compute it from, or none with a value."},
	        {"SELECT id, failure_code FROM payments WHERE status = 'succeeded' LIMIT 5",
	         "all_null: failure_code: no value in any row."},
	        {"SELECT * FROM payments WHERE status = 'succeeded' LIMIT 5", ""},
	};

	(void)state;
	CHECK(demo_get(), cases);
}

static void test_catalog__values_hard_to_believe(void **state)
{
	static const struct told_case cases[] = {
	        {"SELECT 250 AS failed_percent",
	         "magnitude: failed_percent reaches 250: more than 100 percent."},
	        {"SELECT 250 AS growth_percent", ""},
	        {"SELECT -3 AS order_count",
	         "magnitude: order_count goes down to -3: there cannot be less than none."},
	        {"SELECT date '9999-12-31' AS ends",
	         "magnitude: ends holds 9999-12-31: perhaps it stands for a date that is not known."},
	        {"SELECT 'NaN'::float8 AS x", "magnitude: x holds NaN, which is not a number."},
	        {"SELECT CASE WHEN n = 7 THEN 2000000 ELSE n END AS amount FROM generate_series(1, 40) AS n",
	         "magnitude: amount has one value of 2000000, more than 1000 times what is usual in it."},
	        {"SELECT power(2, n) AS amount FROM generate_series(1, 40) AS n", ""},
	        {"SELECT o.country_code, i.quantity FROM orders o JOIN order_items i ON i.order_id = o.id WHERE o.id < 4"
	         " AND i.quantity > 100",
	         "no_rows: No row fits what the query asks for."},
	        {"SELECT 1 FROM orders o JOIN order_items i ON i.order_id = o.id LIMIT 3",
	         "duplicates: 2 of 3 rows repeat another row: the join gives the same row more than once."},
	        {"SELECT DISTINCT 1 FROM orders o JOIN order_items i ON i.order_id = o.id LIMIT 3", ""},
	        {"SELECT id FROM orders", "cut: Only the first 500 rows were fetched."},
	};

	(void)state;
	CHECK(demo_get(), cases);
}

/* Rows and values that the policy keeps back are told, unless it says to keep silent; values that the dictionary
 * knows of such tables are not. */
static void test_catalog__what_is_kept_back_is_told(void **state)
{
	static const struct told_case open[] = {
	        {"SELECT count(*) FROM customers",
	         "filtered: You see only some rows of customers: a rule of this project limits them."},
	        {"SELECT email FROM customers LIMIT 1",
	         "filtered: You see only some rows of customers: a rule of this project limits them.\n"
	         "masked: customers.email is masked for you."},
	        {"SELECT id FROM refunds WHERE reason = 'defective'",
	         "no_rows: No row fits what the query asks for. It asks for refunds.reason = 'defective'. There may be"
	         " rows that you may not see: a rule of this project limits refunds.\n"
	         "filtered: You see only some rows of refunds: a rule of this project limits them."},
	};
	static const struct told_case silent[] = {
	        {"SELECT count(*) FROM customers", ""},
	        {"SELECT id FROM refunds", "no_rows: No row fits what the query asks for."},
	};
	struct demo *d = demo_get();

	(void)state;
	d->policy.tables = ruled;
	d->policy.ntables = 2;
	d->policy.tells_hidden = true;
	CHECK(d, open);
	d->policy.tells_hidden = false;
	CHECK(d, silent);
}

static const struct CMUnitTest catalog_caveat_tests[] = {
        cmocka_unit_test(test_catalog__sums_over_repeated_rows_are_told),
        cmocka_unit_test(test_catalog__sound_queries_are_left_alone),
        cmocka_unit_test(test_catalog__nothing_found_says_what_was_asked_for),
        cmocka_unit_test(test_catalog__values_hard_to_believe),
        cmocka_unit_test(test_catalog__what_is_kept_back_is_told),
};
UNIT_SUITE(catalog_caveat_tests);
