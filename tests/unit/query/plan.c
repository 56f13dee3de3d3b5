/* Plans in words, the cost ceiling, and what neither may tell. */
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/ctx.h"
#include "query/place.h"
#include "support/pg.h"
#include "unit.h"

static const char *columns[] = {"id", "total", "state", "note"};
static const struct query_table orders = {.name = "orders", .columns = columns, .ncolumns = 4};

static struct place plan_place(void)
{
	struct place p = place_make();

	pg_exec("ANALYZE shop.orders");
	p.scope.tables = &orders;
	p.scope.ntables = 1;
	return p;
}

static const char *written(struct place *p, const struct query_plan *plan)
{
	struct buf b = buf_init(p->ctx->a, BUF_PAGE);

	for (size_t i = 0; i < plan->nnodes; i++)
		buf_printf(&b, "%lld %s%s%s%s\n", (long long)plan->nodes[i].depth, plan->nodes[i].what,
		           plan->nodes[i].detail ? " | " : "",
		           plan->nodes[i].detail ? plan->nodes[i].detail : "",
		           plan->nodes[i].costly ? " !" : "");
	return buf_cstr(&b);
}

static void test_query__a_plan_reads_in_words(void **state)
{
	static const struct {
		const char *sql, *plan;
	} cases[] = {
	        {"SELECT * FROM orders", "0 Stops after enough rows\n1 Reads all of orders !\n"},
	        {"SELECT note FROM orders WHERE id = 7",
	         "0 Stops after enough rows\n"
	         "1 Looks up rows by index in orders | index orders_pkey; looked up by (id = 7) !\n"},
	        {"SELECT state, count(*) FROM orders GROUP BY state",
	         "0 Stops after enough rows\n1 Aggregates | strategy Hashed; by state\n2 Reads all of orders !\n"},
	        {"SELECT count(*) FROM orders a, orders b WHERE a.id <> b.id",
	         "0 Stops after enough rows\n1 Aggregates | strategy Plain\n"
	         "2 Joins each row with each that fits | join Inner; where (a.id <> b.id) !\n"
	         "3 Reads all of orders\n3 Keeps rows to read them again\n4 Reads all of orders\n"},
	};
	struct place p = plan_place();

	(void)state;
	place_aim(&p);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct query_plan *plan;

		assert_ok(query_explain(p.ctx, &p.scope, cases[i].sql, &plan));
		assert_string_equal(written(&p, plan), cases[i].plan);
		assert_true(plan->cost > 0);
		assert_false(plan->withheld);
	}
	assert_string_equal(pg_value("SELECT count(*) || ' ' || count(plan_cost) || ' ' || count(result) FROM"
	                             " query_runs WHERE outcome = 'done'"),
	                    "4 4 0");
}

static void test_query__a_query_that_costs_too_much_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *sql, *detail, *hint;
	} cases[] = {
	        {"SELECT count(*) FROM orders a, orders b WHERE a.id <> b.id",
	         "Most of it is one step: Joins each row with each that fits, about 999,000 rows.",
	         "Join by"},
	        {"SELECT a.note FROM orders a WHERE a.total > 100000 OR a.id IN (SELECT id FROM orders b)",
	         "Reads all of orders", "Narrow what is read"},
	};
	struct place p = plan_place();

	(void)state;
	p.policy.max_cost = 20;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err *e = place_fail(&p, cases[i].sql);

		printf("# %s\n", err_text(e));
		assert_int_equal(e->kind, ERR_REFUSED);
		assert_string_equal(e->code, "too_dear");
		assert_non_null(strstr(e->message, "this project allows 20"));
		assert_non_null(strstr(e->detail, cases[i].detail));
		assert_non_null(strstr(e->hint, cases[i].hint));
	}
	assert_string_equal(
	        pg_value("SELECT count(*) FROM query_runs WHERE outcome = 'refused' AND plan_cost > 20"),
	        "2");
	p.policy.max_cost = 100000;
	struct query_result *r = place_run(&p, cases[0].sql);
	assert_string_equal(r->cells[0], "999000");
	assert_true(r->plan_cost > 20);
}

/* Statistics count all rows, also those that are kept back; conditions show the values that were bound. */
static void test_query__plans_tell_nothing_of_what_is_kept_back(void **state)
{
	static struct policy_mask mask = {"note", "hash"};
	static struct policy_table filtered = {.name = "orders", .filter = "state::text = {user.email}"},
	                           masked = {.name = "orders", .masks = &mask, .nmasks = 1};
	struct place p = plan_place();
	struct query_plan *plan;
	struct err *e;

	(void)state;
	place_aim(&p);
	p.policy.user_email = "ann@example.com";
	p.policy.mask_key = "5ec2e7";
	p.policy.ntables = 1;
	for (int i = 0; i < 2; i++) {
		p.policy.tables = i ? &masked : &filtered;
		p.policy.max_cost = 0;
		assert_ok(query_explain(
		        p.ctx, &p.scope,
		        "SELECT note, count(*) FROM orders WHERE total > 10 GROUP BY note ORDER BY"
		        " note",
		        &plan));
		assert_true(plan->withheld);
		assert_true(plan->cost == 0);
		for (size_t n = 0; n < plan->nnodes; n++)
			assert_true(plan->nodes[n].cost == 0 && plan->nodes[n].rows == 0);
		assert_null(strstr(written(&p, plan), "ann@example.com"));
		assert_null(strstr(written(&p, plan), "5ec2e7"));
		assert_null(strstr(written(&p, plan), "where"));
		p.policy.max_cost = 1;
		e = place_fail(&p, "SELECT count(note) FROM orders");
		assert_string_equal(e->message,
		                    "the query would cost more than the 1 that this project allows");
		assert_null(e->detail);
	}
	assert_string_equal(pg_value("SELECT count(plan_cost) FROM query_runs"), "0");
	assert_string_equal(
	        pg_value("SELECT count(*) FROM query_runs q WHERE q::text LIKE '%5ec2e7%' OR q::text"
	                 " LIKE '%ann@%'"),
	        "0");
	/* What the database says of a value is not passed on either. */
	p.policy.max_cost = 0;
	p.policy.tables = &filtered;
	p.policy.user_email = "paid";
	e = place_fail(&p, "SELECT state::text::integer FROM orders");
	assert_null(strstr(err_text(e), "paid"));
	assert_null(e->cause);
}

/* A view's plan goes through to the tables behind it, which may be hidden or have rules. */
static void test_query__plans_of_views_tell_nothing_of_what_is_behind_them(void **state)
{
	static const struct query_table known[] = {{.name = "orders", .columns = columns, .ncolumns = 4},
	                                           {.name = "pay", .columns = columns, .ncolumns = 1},
	                                           {.name = "bills", .columns = columns, .ncolumns = 1}};
	static struct policy_table filtered = {.name = "Orders", .filter = "id > 5"};
	struct place p = plan_place();
	struct query_plan *plan;

	(void)state;
	pg_exec("CREATE INDEX salaries_amount ON shop.salaries (amount);"
	        "CREATE VIEW shop.pay AS SELECT amount AS id FROM shop.salaries WHERE amount > 69000;"
	        "CREATE VIEW shop.bills AS SELECT id FROM shop.orders; GRANT SELECT ON shop.pay, shop.bills TO reader");
	p.scope.tables = known;
	p.scope.ntables = 3;
	place_aim(&p);
	for (int i = 0; i < 2; i++) {
		assert_ok(query_explain(p.ctx, &p.scope, i ? "SELECT * FROM pay WHERE id = 70000" : "SELECT * FROM pay",
		                        &plan));
		assert_true(plan->withheld && plan->cost == 0);
		assert_null(strstr(written(&p, plan), "salaries"));
		assert_null(strstr(written(&p, plan), "69000"));
		assert_non_null(strstr(written(&p, plan), "a table behind a view"));
	}
	assert_ok(query_explain(p.ctx, &p.scope, "SELECT * FROM bills", &plan));
	assert_false(plan->withheld);
	p.policy.tables = &filtered;
	p.policy.ntables = 1;
	assert_ok(query_explain(p.ctx, &p.scope, "SELECT * FROM bills", &plan));
	assert_true(plan->withheld);
	p.policy.max_cost = 1;
	struct err *e = place_fail(&p, "SELECT count(*) FROM pay");
	assert_null(strstr(err_text(e), "salaries"));
	assert_null(e->detail);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__a_plan_reads_in_words),
        cmocka_unit_test(test_query__a_query_that_costs_too_much_is_refused_with_its_reason),
        cmocka_unit_test(test_query__plans_tell_nothing_of_what_is_kept_back),
        cmocka_unit_test(test_query__plans_of_views_tell_nothing_of_what_is_behind_them),
};
UNIT_SUITE(tests);
