/* Answers from an earlier run's rows: when they may be given, and that they never cross what decides them. */
#include <string.h>

#include "lib/arena.h"
#include "lib/ctx.h"
#include "query/place.h"
#include "query/query_priv.h"
#include "support/pg.h"
#include "unit.h"

static const char sum[] = "SELECT state, sum(total) AS total FROM orders GROUP BY state ORDER BY state";

/* A place whose policy is the real one of a role. */
static void become(struct place *p, enum project_role role)
{
	struct project project;
	struct policy *policy;

	assert_ok(project_by_slug(p->ctx, "shop", &project));
	assert_ok(policy_for(p->ctx, &project, &p->source, role, &policy));
	p->policy = *policy;
	p->policy.cache_seconds = 300;
}

static struct place cached_place(void)
{
	static const char *columns[] = {"id", "total", "state", "note"};
	static const struct query_table orders = {.name = "orders", .columns = columns, .ncolumns = 4};
	struct place p = place_make();

	p.scope.tables = &orders;
	p.scope.ntables = 1;
	become(&p, PROJECT_ANALYST);
	return p;
}

static void rule(struct place *p, const char *role, const char *filter)
{
	pg_exec("DELETE FROM policy_rules");
	pg_exec(arena_printf(p->ctx->a,
	                     "INSERT INTO policy_rules (project_id, role, table_name, kind, value)"
	                     " VALUES (1, '%s', 'orders', 'filter', '%s')",
	                     role, filter));
}

static void test_query__a_repeated_question_gets_the_same_rows(void **state)
{
	struct place p = cached_place();
	struct query_result *first = place_run(&p, sum), *again, *loaded;
	struct query_run_record run;
	const char *bits;

	(void)state;
	pg_exec("UPDATE shop.orders SET total = total + 1");
	again = place_run(&p, "select state, sum(total) as total from orders group by state order by state");
	assert_int_equal(again->cached_from, first->run_id);
	assert_int_not_equal(again->run_id, first->run_id);
	assert_int_equal(again->at, first->at);
	assert_int_equal(again->nrows, first->nrows);
	for (size_t i = 0; i < first->nrows * first->ncolumns; i++)
		assert_string_equal(again->cells[i], first->cells[i]);
	bits = pg_value("SELECT count(*) || ' ' || count(DISTINCT result_hash) || ' ' || count(cached_from)"
	                " FROM query_runs");
	assert_string_equal(bits, "2 1 1");
	assert_ok(query_load(p.ctx, again->run_id, &run, &loaded));
	assert_int_equal(loaded->cached_from, first->run_id);
	assert_int_equal(loaded->at, first->at);
	assert_string_equal(loaded->cells[1], first->cells[1]);
}

static void test_query__what_decides_the_rows_decides_the_cache(void **state)
{
	struct place p = cached_place();
	int64_t first = place_run(&p, sum)->run_id;

	(void)state;
	become(&p, PROJECT_VIEWER);
	assert_int_equal(place_run(&p, sum)->cached_from, 0);
	become(&p, PROJECT_ANALYST);
	assert_int_equal(place_run(&p, sum)->cached_from, first);

	rule(&p, "analyst", "id <= 10");
	become(&p, PROJECT_ANALYST);
	struct query_result *r = place_run(&p, sum);
	assert_int_equal(r->cached_from, 0);
	assert_string_equal(r->cells[1], "37.50");
	rule(&p, "analyst", "id <= 20");
	become(&p, PROJECT_ANALYST);
	r = place_run(&p, sum);
	assert_int_equal(r->cached_from, 0);
	assert_string_equal(r->cells[1], "150.00");

	p.source.version++;
	assert_int_equal(place_run(&p, sum)->cached_from, 0);
	assert_int_not_equal(place_run(&p, sum)->cached_from, 0);
	p.scope.time_zone = "Asia/Tokyo";
	assert_int_equal(place_run(&p, sum)->cached_from, 0);
	assert_int_not_equal(place_run(&p, sum)->cached_from, 0);
}

static void test_query__a_filter_by_person_keeps_people_apart(void **state)
{
	struct place p = cached_place();

	(void)state;
	rule(&p, "analyst", "state::text = {user.email}");
	become(&p, PROJECT_ANALYST);
	p.policy.user_email = "paid";
	assert_string_equal(place_run(&p, sum)->cells[0], "paid");
	p.policy.user_email = "new";
	struct query_result *r = place_run(&p, sum);
	assert_int_equal(r->cached_from, 0);
	assert_string_equal(r->cells[0], "new");
	assert_int_equal(r->nrows, 1);
	assert_string_equal(
	        pg_value("SELECT count(*) FROM query_runs WHERE row(query_runs)::text LIKE '%{user%'"), "0");
}

static void test_query__some_runs_are_never_from_the_cache(void **state)
{
	static const char *const varying[] = {"SELECT random() AS x FROM orders LIMIT 3",
	                                      "SELECT now() AS x"};
	struct place p = cached_place();
	int64_t first = place_run(&p, sum)->run_id;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		place_run(&p, varying[i]);
		assert_int_equal(place_run(&p, varying[i])->cached_from, 0);
	}
	p.scope.fresh = true;
	assert_int_equal(place_run(&p, sum)->cached_from, 0);
	p.scope.fresh = false;
	assert_int_not_equal(place_run(&p, sum)->cached_from, first);
	pg_exec("UPDATE query_runs SET at = at - interval '10 minutes'");
	assert_int_equal(place_run(&p, sum)->cached_from, 0);
	p.policy.cache_seconds = 0;
	assert_int_equal(place_run(&p, sum)->cached_from, 0);
	/* What was kept in part stands for nobody's whole result. */
	p.policy.cache_seconds = 300;
	place_run(&p, "SELECT repeat('x', 9000) AS x FROM orders");
	assert_int_equal(place_run(&p, "SELECT repeat('x', 9000) AS x FROM orders")->cached_from, 0);
	/* Nor does one that failed. */
	place_fail(&p, "SELECT 1 / (id - 1) FROM orders");
	place_fail(&p, "SELECT 1 / (id - 1) FROM orders");
}

static void test_query__rows_of_the_cache_cost_no_admission(void **state)
{
	struct place p = cached_place();
	struct err *e;

	(void)state;
	pg_exec("INSERT INTO users (email, name, origin) VALUES ('ann@example.com', 'Ann', 'header')");
	p.ctx->user_id = 1;
	p.policy.a_minute = 1;
	place_run(&p, sum);
	assert_int_not_equal(place_run(&p, sum)->cached_from, 0);
	e = place_fail(&p, "SELECT count(*) FROM orders");
	assert_int_equal(e->kind, ERR_RATE_LIMITED);
	assert_true(e->retry_after > 0);
	assert_string_equal(pg_value("SELECT count(*) FROM query_places"), "0");
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__a_repeated_question_gets_the_same_rows),
        cmocka_unit_test(test_query__what_decides_the_rows_decides_the_cache),
        cmocka_unit_test(test_query__a_filter_by_person_keeps_people_apart),
        cmocka_unit_test(test_query__some_runs_are_never_from_the_cache),
        cmocka_unit_test(test_query__rows_of_the_cache_cost_no_admission),
};
UNIT_SUITE(tests);
