/* Connections: set up anew each time, replaced when dead, limited in number, and our own statements over
 * them. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "lib/log.h"
#include "query/place.h"
#include "query/query_priv.h"
#include "support/pg.h"
#include "unit.h"

/* Runs one statement on a connection, outside the guard, and gives its first value. */
static const char *direct(struct place *p, struct query_conn *conn, const char *sql)
{
	const struct query_step step = {.sql = sql};
	struct query_wait w = query_wait_ms(p->ctx, 10000);
	const char *value;
	PGresult *res;
	struct err *e = query_conn_trip(&w, conn, &step, 1, &res);

	if (e)
		return arena_printf(p->ctx->a, "error: %s", e->message);
	value = PQntuples(res) ? arena_strdup(p->ctx->a, PQgetvalue(res, 0, 0)) : "";
	PQclear(res);
	return value;
}

static struct err *begin(struct place *p, struct query_conn **conn)
{
	struct query_opening opening = {.timeout_ms = 5000};

	return query_transaction_begin(p->ctx, &p->source, &opening, conn);
}

static const char all_settings[] =
        "SELECT string_agg(name || '=' || setting, ';' ORDER BY name) || '|' || (SELECT count(*)"
        " FROM pg_locks WHERE locktype ="
        " 'advisory') || '|' || (SELECT count(*) FROM pg_prepared_statements) || '|' || (SELECT count(*)"
        " FROM pg_class WHERE relpersistence = 't') FROM pg_settings WHERE name <> 'transaction_read_only'";

static void test_query__a_session_is_rebuilt_for_each_query(void **state)
{
	static const char *const harm[] = {
	        "COMMIT",
	        "SET statement_timeout = 0",
	        "SET search_path = pg_temp",
	        "SET default_transaction_read_only = off",
	        "SET standard_conforming_strings = off",
	        "SET TimeZone = 'Asia/Tokyo'",
	        "SET work_mem = '1GB'",
	        "SELECT pg_advisory_lock(7)",
	        "PREPARE evil AS SELECT 1",
	        "CREATE TEMP TABLE orders (id integer)",
	        "LISTEN x",
	};
	struct place p = place_make();
	struct query_conn *conn;
	const char *before, *after;

	(void)state;
	assert_null(begin(&p, &conn));
	before = direct(&p, conn, all_settings);
	for (size_t i = 0; i < sizeof(harm) / sizeof(*harm); i++)
		assert_false(str_starts(str_of(direct(&p, conn, harm[i])), STR("error")));
	query_transaction_end(conn);
	assert_null(begin(&p, &conn));
	assert_true(conn->reused);
	after = direct(&p, conn, all_settings);
	query_transaction_end(conn);
	assert_string_equal(after, before);
}

/* Statements of all kinds of ends. */
static const struct {
	const char *sql;
	const char *zone;
	int64_t timeout_ms, bytes;
} mixed[] = {
        {"SELECT 1 AS x", NULL, 5000, 0},
        {"SELECT id, note, state FROM orders", "Asia/Tokyo", 5000, 0},
        {"SELECT * FROM orders ORDER BY random()", "Europe/Berlin", 5000, 0},
        {"SELECT 1 / (id - 500) FROM orders", "America/New_York", 5000, 0},
        {"SELECT gone FROM orders", NULL, 5000, 0},
        {"SELECT * FROM kinds", "Mars/Base", 5000, 0},
        {"SELECT count(*) FROM orders a JOIN orders b ON a.id = b.id", NULL, 4000, 0},
        {"SELECT repeat('x', 900) FROM orders", NULL, 5000, 100000},
        {"SELECT * FROM salaries", NULL, 5000, 0},
        {"SELECT count(*) FROM orders a, orders b, orders c WHERE a.id + b.id + c.id < 0", NULL, 5, 0},
        {"WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT * FROM n",
         "UTC", 5000, 0},
};

static void test_query__no_query_leaves_a_trace_in_its_session(void **state)
{
	enum { ROUNDS = 10000, KINDS = sizeof(mixed) / sizeof(*mixed) };
	struct place p = place_make();
	struct query_conn *conn;
	const char *before;
	size_t different = 0, reused = 0;

	(void)state;
	place_aim(&p);
	assert_null(begin(&p, &conn));
	before = direct(&p, conn, all_settings);
	query_transaction_end(conn);
	log_set_level(LOG_ERROR);
	for (size_t i = 0; i < ROUNDS; i++) {
		struct arena_mark mark = arena_mark(p.ctx->a);
		struct query_result *r;

		p.scope.time_zone = mixed[i % KINDS].zone;
		p.policy.timeout_ms = mixed[i % KINDS].timeout_ms;
		p.policy.max_bytes = mixed[i % KINDS].bytes;
		(void)!query_run(p.ctx, &p.scope, mixed[i % KINDS].sql, &r);
		assert_null(begin(&p, &conn));
		reused += conn->reused;
		different += strcmp(direct(&p, conn, all_settings), before) != 0;
		query_transaction_end(conn);
		arena_reset(p.ctx->a, mark);
	}
	log_set_level(LOG_INFO);
	printf("# %d queries, %zu sessions used again, %zu differences\n", ROUNDS, reused, different);
	assert_int_equal(different, 0);
	assert_true(reused > ROUNDS / 2);
}

static void test_query__a_transaction_only_reads(void **state)
{
	struct place p = place_make();
	struct query_conn *conn;

	(void)state;
	pg_exec("GRANT ALL ON shop.orders TO reader");
	assert_null(begin(&p, &conn));
	assert_string_equal(direct(&p, conn, "SELECT current_setting('statement_timeout')"), "5s");
	assert_string_equal(direct(&p, conn, "SELECT current_setting('search_path')"), "pg_catalog");
	assert_string_equal(direct(&p, conn, "DELETE FROM shop.orders"),
	                    "error: cannot execute DELETE in a read-only transaction");
	query_transaction_end(conn);
	assert_string_equal(pg_value("SELECT count(*) FROM shop.orders"), "1000");
}

#define KILL "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'"
#define ALIVE "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'"

static void test_query__a_dead_connection_is_replaced(void **state)
{
	struct place p = place_make();

	(void)state;
	place_run(&p, "SELECT 1");
	assert_string_equal(pg_value(ALIVE), "1");
	pg_exec(KILL);
	place_await(ALIVE, "0");
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
}

static void *killer(void *arg)
{
	(void)arg;
	place_await("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'",
	            "1");
	pg_exec(KILL);
	return NULL;
}

static void test_query__a_session_killed_at_work_is_an_error(void **state)
{
	struct place p = place_make();
	pthread_t thread;
	struct err *e;

	(void)state;
	pthread_create(&thread, NULL, killer, NULL);
	e = place_fail(&p, "SELECT count(*) FROM orders a, orders b, orders c, orders d");
	pthread_join(thread, NULL);
	assert_int_equal(e->kind, ERR_UNAVAILABLE);
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
}

static pid_t frozen;

static void *freezer(void *arg)
{
	(void)arg;
	place_await("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'",
	            "1");
	frozen = (pid_t)strtol(pg_value("SELECT pid FROM pg_stat_activity WHERE usename = 'reader'"), NULL,
	                       10);
	kill(frozen, SIGSTOP);
	return NULL;
}

/* A session that does not hear that it was cancelled. */
static void test_query__a_session_that_hears_nothing_is_left_behind(void **state)
{
	struct place p = place_make();
	pthread_t thread;
	struct err *e;

	(void)state;
	p.policy.timeout_ms = 2000;
	pthread_create(&thread, NULL, freezer, NULL);
	e = place_fail(&p, "SELECT count(*) FROM orders a, orders b, orders c, orders d");
	pthread_join(thread, NULL);
	assert_int_equal(e->kind, ERR_TIMEOUT);
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
	query_close();
	kill(frozen, SIGCONT);
	place_await(ALIVE, "0");
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
}

static void *slow_one(void *arg)
{
	struct place p = *(struct place *)arg;
	struct query_opening opening = {.timeout_ms = 20000, .slow = true};
	struct ctx ctx = *p.ctx;
	struct query_conn *conn;

	ctx.a = arena_create();
	p.ctx = &ctx;
	if (!query_transaction_begin(&ctx, &p.source, &opening, &conn)) {
		direct(&p, conn, "SELECT pg_sleep(2)");
		query_transaction_end(conn);
	}
	arena_free(ctx.a);
	return NULL;
}

static void test_query__slow_queries_leave_room_for_others(void **state)
{
	enum { MANY = QUERY_CONNECTIONS + 4 };
	struct place p = place_make();
	pthread_t threads[MANY];
	char half[8];

	(void)state;
	for (int i = 0; i < MANY; i++)
		pthread_create(&threads[i], NULL, slow_one, &p);
	snprintf(half, sizeof(half), "%d", QUERY_SLOW);
	place_await("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'",
	            half);
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
	assert_string_equal(
	        pg_value(
	                "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'"),
	        half);
	for (int i = 0; i < MANY; i++)
		pthread_join(threads[i], NULL);
}

static void test_query__a_server_that_comes_back_is_used_again(void **state)
{
	struct place p = place_make();
	struct err *e;

	(void)state;
	place_run(&p, "SELECT 1");
	log_set_level(LOG_ERROR + 1);
	pg_stop();
	e = place_fail(&p, "SELECT 1");
	assert_int_equal(e->kind, ERR_UNAVAILABLE);
	assert_null(strstr(err_text(e), "secret"));
	pg_start();
	for (int i = 0; i < 600 && (e = db_ping(p.ctx)) != NULL; i++)
		usleep(50000);
	assert_null(e);
	log_set_level(LOG_INFO);
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
}

static void test_query__a_changed_source_gets_new_connections(void **state)
{
	struct place p = place_make();

	(void)state;
	place_run(&p, "SELECT 1");
	p.source.version++;
	p.source.password = "wrong";
	assert_string_equal(place_fail(&p, "SELECT 1")->code, "connection");
	p.source.version++;
	p.source.password = "secret";
	place_run(&p, "SELECT 1");
	place_await(ALIVE, "1");
}

static void *hammer(void *arg)
{
	struct place p = *(struct place *)arg;
	struct ctx ctx = *p.ctx;
	size_t failed = 0;

	ctx.a = arena_create();
	p.ctx = &ctx;
	for (int i = 0; i < 20; i++) {
		struct query_conn *conn;

		struct query_opening opening = {.timeout_ms = 5000};

		if (query_transaction_begin(&ctx, &p.source, &opening, &conn)) {
			failed++;
			continue;
		}
		failed += strcmp(direct(&p, conn, "SELECT pg_sleep(0.001)"), "") != 0;
		query_transaction_end(conn);
	}
	arena_free(ctx.a);
	return (void *)failed;
}

static void test_query__no_more_connections_than_allowed(void **state)
{
	struct place p = place_make();
	pthread_t threads[16];

	(void)state;
	pg_exec("ALTER ROLE reader CONNECTION LIMIT 8");
	for (size_t i = 0; i < 16; i++)
		pthread_create(&threads[i], NULL, hammer, &p);
	for (size_t i = 0; i < 16; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_int_equal((size_t)failed, 0);
	}
	pg_exec("ALTER ROLE reader CONNECTION LIMIT -1");
	place_await("SELECT count(*) <= 4 FROM pg_stat_activity WHERE usename = 'reader'", "t");
}

static void test_query__a_session_survives_a_failed_statement(void **state)
{
	const char *params[] = {"2", NULL};
	struct place p = place_make();
	struct query_session *s;
	struct query_result *r;
	struct err *e;

	(void)state;
	assert_null(query_session_open(p.ctx, &p.source, 5000, &s));
	e = query_session_rows(p.ctx, s, "SELECT * FROM shop.salaries", NULL, 0, &r);
	assert_string_equal(e->code, "permission_denied");
	assert_null(query_session_rows(p.ctx, s, "SELECT $1::int + 1, $2::text", params, 2, &r));
	assert_string_equal(r->cells[0], "3");
	assert_null(r->cells[1]);
	assert_string_equal(r->columns[0].type, "integer");
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__a_session_is_rebuilt_for_each_query),
        cmocka_unit_test(test_query__no_query_leaves_a_trace_in_its_session),
        cmocka_unit_test(test_query__a_transaction_only_reads),
        cmocka_unit_test(test_query__a_dead_connection_is_replaced),
        cmocka_unit_test(test_query__a_session_killed_at_work_is_an_error),
        cmocka_unit_test(test_query__a_session_that_hears_nothing_is_left_behind),
        cmocka_unit_test(test_query__slow_queries_leave_room_for_others),
        cmocka_unit_test(test_query__a_server_that_comes_back_is_used_again),
        cmocka_unit_test(test_query__a_changed_source_gets_new_connections),
        cmocka_unit_test(test_query__no_more_connections_than_allowed),
        cmocka_unit_test(test_query__a_session_survives_a_failed_statement),
};
UNIT_SUITE(tests);
