/* Queries that nobody waits for: what the row says meanwhile, how they end. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/ctx.h"
#include "lib/settings.h"
#include "query/place.h"
#include "support/pg.h"
#include "unit.h"

#define ENDLESS \
	"SELECT count(*) FROM orders a, orders b, orders c, orders d, orders e WHERE a.id + b.id + c.id + " \
	"d.id + e.id < 0"
#define OUTCOME "SELECT outcome FROM query_runs"

/* A query that another thread runs. */
struct job {
	struct ctx ctx;
	struct query_background *query;
	struct err *e;
	pthread_t thread;
};

static void *finish(void *arg)
{
	struct job *j = arg;

	j->e = query_finish(&j->ctx, j->query);
	return NULL;
}

static int64_t begin(struct place *p, struct job *j, const char *sql)
{
	int64_t run_id;

	place_aim(p);
	*j = (struct job){.ctx = *p->ctx};
	j->ctx.a = arena_create();
	assert_ok(query_begin(&j->ctx, &p->scope, sql, &j->query, &run_id));
	assert_int_equal(pthread_create(&j->thread, NULL, finish, j), 0);
	return run_id;
}

static void end(struct job *j)
{
	pthread_join(j->thread, NULL);
	arena_free(j->ctx.a);
}

static struct settings patience = {.background_seconds = 600};

static void test_query__a_background_run_is_loaded_while_and_after_it_runs(void **state)
{
	struct place p = place_make();
	struct query_run_record run;
	struct query_result *r;
	struct job j;

	(void)state;
	p.ctx->settings = &patience;
	p.policy.timeout_ms = 100; /* not its limit */
	int64_t id = begin(&p, &j, "SELECT count(*) AS n FROM orders a, orders b, orders c WHERE c.id < 30");

	assert_ok(query_load(p.ctx, id, &run, &r));
	assert_true(!strcmp(run.outcome, "running") || !strcmp(run.outcome, "done"));
	pthread_join(j.thread, NULL);
	assert_null(j.e);
	arena_free(j.ctx.a);
	assert_ok(query_load(p.ctx, id, &run, &r));
	assert_string_equal(run.outcome, "done");
	assert_string_equal(r->cells[0], "29000000");
	assert_string_equal(pg_value("SELECT count(*) FROM query_runs"), "1");
	assert_string_equal(pg_value("SELECT background FROM query_runs"), "t");
}

static void test_query__a_background_run_is_cancelled_through_its_row(void **state)
{
	struct place p = place_make();
	struct query_run_record run;
	struct query_result *r;
	struct job j;

	(void)state;
	p.ctx->settings = &patience;
	int64_t id = begin(&p, &j, ENDLESS);
	assert_ok(query_load(p.ctx, id, &run, &r));
	assert_string_equal(run.outcome, "running");
	assert_int_equal(r->nrows, 0);
	assert_int_equal(r->ncolumns, 0);
	assert_ok(query_cancel(p.ctx, id));
	pthread_join(j.thread, NULL);
	assert_int_equal(j.e->kind, ERR_CANCELLED);
	arena_free(j.ctx.a);
	assert_string_equal(pg_value(OUTCOME), "cancelled");
	assert_ok(query_load(p.ctx, id, &run, &r));
	assert_non_null(strstr(run.error, "stopped"));
	place_await("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'",
	            "0");
	/* One that is over stays as it is; somebody else's is not there. */
	assert_ok(query_cancel(p.ctx, id));
	assert_string_equal(pg_value(OUTCOME), "cancelled");
	pg_exec("INSERT INTO users (email, name, origin) VALUES ('ann@example.com', 'Ann', 'header')");
	p.ctx->user_id = 1;
	assert_err(query_cancel(p.ctx, id), ERR_NOT_FOUND);
}

static void test_query__a_background_run_ends_with_its_worker(void **state)
{
	static atomic_bool stop;
	struct place p = place_make();
	struct job j;

	(void)state;
	p.ctx->settings = &patience;
	atomic_store(&stop, false);
	p.ctx->stop = &stop;
	begin(&p, &j, ENDLESS);
	atomic_store(&stop, true);
	end(&j);
	assert_string_equal(pg_value(OUTCOME), "cancelled");
}

static void test_query__a_run_whose_worker_died_counts_as_failed(void **state)
{
	struct place p = place_make();
	struct query_background *q;
	struct query_run_record run;
	struct query_result *r;
	int64_t id;

	(void)state;
	p.ctx->settings = &patience;
	place_aim(&p);
	assert_ok(query_begin(p.ctx, &p.scope, "SELECT 1 AS one", &q, &id));
	pg_exec("UPDATE query_runs SET heartbeat_at = now() - interval '31 seconds'");
	assert_ok(query_load(p.ctx, id, &run, &r));
	assert_string_equal(run.outcome, "failed");
	assert_non_null(strstr(run.error, "the worker that ran it is gone"));
	/* It was only slow. */
	assert_ok(query_finish(p.ctx, q));
	assert_ok(query_load(p.ctx, id, &run, &r));
	assert_string_equal(run.outcome, "done");
}

static void test_query__a_background_run_has_a_limit_and_is_refused_at_once(void **state)
{
	static struct settings hasty = {.background_seconds = 1};
	struct place p = place_make();
	struct query_background *q;
	int64_t id;

	(void)state;
	p.ctx->settings = &hasty;
	place_aim(&p);
	assert_err(query_begin(p.ctx, &p.scope, "SELECT * FROM salaries", &q, &id), ERR_REFUSED);
	assert_string_equal(pg_value(OUTCOME), "refused");
	assert_ok(query_begin(p.ctx, &p.scope, ENDLESS, &q, &id));
	assert_err(query_finish(p.ctx, q), ERR_TIMEOUT);
	assert_string_equal(pg_value("SELECT count(*) FROM query_places"), "0");
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__a_background_run_is_loaded_while_and_after_it_runs),
        cmocka_unit_test(test_query__a_background_run_is_cancelled_through_its_row),
        cmocka_unit_test(test_query__a_background_run_ends_with_its_worker),
        cmocka_unit_test(test_query__a_run_whose_worker_died_counts_as_failed),
        cmocka_unit_test(test_query__a_background_run_has_a_limit_and_is_refused_at_once),
};
UNIT_SUITE(tests);
