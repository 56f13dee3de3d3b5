/* Connections that are short, killed, or gone with their server. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "lib/log.h"
#include "support/pg.h"
#include "unit.h"

DB_STMT(test_pool_add, "INSERT INTO rate_limits (bucket, window_start, count) VALUES ($1, now(), 1)",
        DB_TEXT);
/* Ends its own server process the first time, after a row was made and before it was kept: every attempt
 * moves the sequence on. */
DB_STMT(test_pool_add_and_die_once,
        "INSERT INTO rate_limits (bucket, window_start, count)"
        " SELECT $1 || g, now(), CASE WHEN nextval('users_id_seq') = 1"
        " THEN pg_terminate_backend(pg_backend_pid())::int ELSE 1 END FROM generate_series(1, 2) g",
        DB_TEXT);
/* The same for a read. */
DB_STMT0(test_pool_die_once,
         "SELECT nextval('users_id_seq') AS n,"
         " CASE WHEN currval('users_id_seq') = 1 THEN pg_terminate_backend(pg_backend_pid()) END AS killed");
DB_STMT0(test_pool_die, "SELECT 1::bigint, pg_terminate_backend(pg_backend_pid())");
DB_STMT0(test_pool_backend, "SELECT pg_backend_pid()");

static const struct db_row i64_row = DB_ROW(int64_t, {DB_I64, 0});

struct attempt {
	int64_t n;
	bool killed;
};
static const struct db_row attempt_row =
        DB_ROW(struct attempt, DB_COL_I64(struct attempt, n), DB_COL_BOOL(struct attempt, killed));

static const char kill_all[] = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                               " WHERE datname = current_database() AND pid <> pg_backend_pid()";

static void assert_unavailable(const struct err *e)
{
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_UNAVAILABLE);
}

static struct err *ping_from_elsewhere(struct ctx *ctx, void *arg)
{
	struct ctx other = *ctx;

	(void)arg;
	other.tx = NULL;
	TRY(db_ping(ctx));
	return db_ping(&other);
}

static void test_db__exhausted_pool_is_unavailable(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	db_close();
	db_open(pg_url(), 1);
	assert_unavailable(db_transact(ctx, ping_from_elsewhere, NULL));
	assert_null(db_ping(ctx));
	db_close();
	db_open(pg_url(), 2);
	assert_null(db_transact(ctx, ping_from_elsewhere, NULL));
}

enum { THREADS = 12, PINGS = 200 };

static void *ping_often(void *failed)
{
	for (int i = 0; i < PINGS; i++) {
		struct arena *a = arena_create();
		struct ctx ctx = {.a = a};

		if (db_ping(&ctx))
			atomic_fetch_add((atomic_int *)failed, 1);
		arena_free(a);
	}
	return NULL;
}

static void test_db__many_threads_share_few_connections(void **state)
{
	pthread_t threads[THREADS];
	atomic_int failed = 0;

	(void)state;
	pg_ctx();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ping_often, &failed), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(failed, 0);
	assert_true(strcmp(pg_value("SELECT count(*) BETWEEN 1 AND 4 FROM pg_stat_activity"
	                            " WHERE datname = current_database() AND application_name = 'quern'"),
	                   "t") == 0);
}

static void test_db__idle_connection_that_was_killed_is_replaced(void **state)
{
	struct ctx *ctx = pg_ctx();
	int64_t before, after;

	(void)state;
	assert_null(db_one(ctx, &test_pool_backend, DB_NO_ARGS, &i64_row, "row", &before));
	pg_exec(kill_all);
	assert_null(db_run(ctx, &test_pool_add, DB_ARGS(db_text("x")), NULL));
	assert_null(db_one(ctx, &test_pool_backend, DB_NO_ARGS, &i64_row, "row", &after));
	assert_true(before != after);
	assert_string_equal(pg_value("SELECT count(*) FROM rate_limits"), "1");
}

static void test_db__read_whose_connection_dies_is_asked_again(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct attempt got;

	(void)state;
	assert_null(db_one(ctx, &test_pool_die_once, DB_NO_ARGS, &attempt_row, "row", &got));
	assert_int_equal(got.n, 2);
	assert_false(got.killed);
	/* Once, not for ever. */
	assert_unavailable(db_one(ctx, &test_pool_die, DB_NO_ARGS, &attempt_row, "row", &got));
	assert_null(db_ping(ctx));
}

static void test_db__write_whose_connection_dies_is_unavailable_and_not_repeated(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	assert_unavailable(db_run(ctx, &test_pool_add_and_die_once, DB_ARGS(db_text("x")), NULL));
	assert_string_equal(pg_value("SELECT count(*) FROM rate_limits"), "0");
	assert_null(db_run(ctx, &test_pool_add, DB_ARGS(db_text("x")), NULL));
	assert_string_equal(pg_value("SELECT count(*) FROM rate_limits"), "1");
}

static struct err *read_and_die(struct ctx *ctx, void *arg)
{
	struct attempt got;

	++*(int *)arg;
	TRY(db_run(ctx, &test_pool_add, DB_ARGS(db_text("x")), NULL));
	return db_one(ctx, &test_pool_die, DB_NO_ARGS, &attempt_row, "row", &got);
}

static void test_db__transaction_whose_connection_dies_is_unavailable(void **state)
{
	struct ctx *ctx = pg_ctx();
	int calls = 0;

	(void)state;
	assert_unavailable(db_transact(ctx, read_and_die, &calls));
	assert_int_equal(calls, 1);
	assert_null(ctx->tx);
	assert_string_equal(pg_value("SELECT count(*) FROM rate_limits"), "0");
}

static void test_db__server_that_stops_and_comes_back(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct err *e;

	(void)state;
	log_set_level(LOG_ERROR);
	assert_null(db_run(ctx, &test_pool_add, DB_ARGS(db_text("before")), NULL));
	pg_stop();
	for (int i = 0; i < 50; i++)
		assert_unavailable(db_ping(ctx));
	e = db_run(ctx, &test_pool_add, DB_ARGS(db_text("during")), NULL);
	assert_unavailable(e);
	assert_true(e->retry_after > 0);
	assert_null(strstr(e->message, "/tmp"));
	pg_start();
	for (int i = 0; i < 200 && db_ping(ctx); i++)
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	assert_null(db_run(ctx, &test_pool_add, DB_ARGS(db_text("after")), NULL));
	assert_string_equal(pg_value("SELECT string_agg(bucket, ' ' ORDER BY bucket) FROM rate_limits"),
	                    "after before");
	log_set_level(LOG_INFO);
}

static void test_db__wrong_address_is_unavailable(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	log_set_level(LOG_ERROR);
	db_close();
	db_open("postgresql://nobody:secret@/nowhere?host=/nonexistent", 2);
	assert_unavailable(db_ping(ctx));
	assert_unavailable(db_ping(ctx));
	log_set_level(LOG_INFO);
}

static void test_db__misread_address_is_config_and_not_repeated(void **state)
{
	static const char *const urls[] = {
	        "postgres:/user:sesame@host/db",
	        "postgresql://user:sesame/x@host/db",
	        "postgresql://user:a@sesame@host/db",
	        "postgresql://user:sesame%zz@host/db",
	};
	struct ctx *ctx = pg_ctx();

	(void)state;
	log_set_level(LOG_ERROR);
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct err *e;

		db_close();
		db_open(urls[i], 1);
		e = db_ping(ctx);
		assert_non_null(e);
		assert_int_equal(e->kind, ERR_CONFIG);
		for (const struct err *c = e; c; c = c->cause)
			assert_null(strstr(c->message, "sesame"));
	}
	log_set_level(LOG_INFO);
}

static const struct CMUnitTest db_pool_tests[] = {
        cmocka_unit_test(test_db__exhausted_pool_is_unavailable),
        cmocka_unit_test(test_db__many_threads_share_few_connections),
        cmocka_unit_test(test_db__idle_connection_that_was_killed_is_replaced),
        cmocka_unit_test(test_db__read_whose_connection_dies_is_asked_again),
        cmocka_unit_test(test_db__write_whose_connection_dies_is_unavailable_and_not_repeated),
        cmocka_unit_test(test_db__transaction_whose_connection_dies_is_unavailable),
        cmocka_unit_test(test_db__server_that_stops_and_comes_back),
        cmocka_unit_test(test_db__wrong_address_is_unavailable),
        cmocka_unit_test(test_db__misread_address_is_config_and_not_repeated),
};
UNIT_SUITE(db_pool_tests);
