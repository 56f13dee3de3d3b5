/*
 * Rate limits. Windows of a day keep the tests from crossing an edge in all but one second of it; how the
 * window before counts is shown with rows put into it.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "audit/audit.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "support/pg.h"
#include "unit.h"

enum { DAY = 86400 };

static void assert_limited(const struct err *e, int least, int most)
{
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_RATE_LIMITED);
	assert_in_range(e->retry_after, least, most);
}

static void test_audit__rate_refuses_above_the_limit(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_null(audit_rate(ctx, "a", 3, DAY));
	assert_limited(audit_rate(ctx, "a", 3, DAY), 1, 2 * DAY);
	assert_limited(audit_rate(ctx, "a", 3, DAY), 1, 2 * DAY);
	assert_null(audit_rate(ctx, "b", 3, DAY));
	/* What was refused is not counted. */
	assert_string_equal(pg_value("SELECT count FROM rate_limits WHERE bucket = 'a'"), "3");
	assert_null(audit_rate(ctx, "a", 4, DAY));
}

static void test_audit__rate_limit_of_one(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	assert_null(audit_rate(ctx, "a", 1, DAY));
	assert_limited(audit_rate(ctx, "a", 1, DAY), DAY, 2 * DAY);
}

static void test_audit__undone_events_do_not_count(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	assert_null(audit_rate_undo(ctx, "a"));
	for (int i = 0; i < 10; i++) {
		assert_null(audit_rate(ctx, "a", 2, DAY));
		assert_null(audit_rate_undo(ctx, "a"));
	}
	assert_null(audit_rate_undo(ctx, "a"));
	assert_null(audit_rate(ctx, "a", 2, DAY));
	assert_null(audit_rate(ctx, "a", 2, DAY));
	assert_limited(audit_rate(ctx, "a", 2, DAY), 1, 2 * DAY);
}

/* Puts n events into the window that lies `back` windows before the current one. */
static void put_events(struct ctx *ctx, int n, int back)
{
	pg_exec(arena_printf(ctx->a,
	                     "INSERT INTO rate_limits VALUES ('a',"
	                     " to_timestamp((floor(extract(epoch FROM now()) / 86400) - %d) * 86400), %d)",
	                     back, n));
}

static void test_audit__window_before_counts_in_part(void **state)
{
	static const struct {
		int events, back;
		bool limited;
	} cases[] = {
	        {1000000, 1, true},
	        {1000000, 2, false},
	        {0, 1, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctx *ctx = pg_ctx();

		put_events(ctx, cases[i].events, cases[i].back);
		if (!cases[i].limited) {
			assert_null(audit_rate(ctx, "a", 1, DAY));
			continue;
		}
		assert_limited(audit_rate(ctx, "a", 10, DAY), 1, DAY);
	}
}

static void test_audit__bucket_that_is_too_long_is_invalid(void **state)
{
	struct ctx *ctx = pg_ctx();
	char *bucket = arena_alloc(ctx->a, 402);
	struct err *e;

	(void)state;
	memset(bucket, 'x', 401);
	e = audit_rate(ctx, bucket, 1, DAY);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_INVALID);
}

static void test_audit__sweep_removes_what_is_old(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	put_events(ctx, 1, 0);
	put_events(ctx, 1, 1);
	put_events(ctx, 1, 3);
	assert_null(audit_rate_sweep(ctx));
	assert_string_equal(pg_value("SELECT count(*) FROM rate_limits"), "2");
}

enum { THREADS = 4, TRIES = 25, LIMIT = 40 };

static void *try_often(void *passed)
{
	for (int i = 0; i < TRIES; i++) {
		struct arena *a = arena_create();
		struct ctx ctx = {.a = a};

		if (!audit_rate(&ctx, "a", LIMIT, DAY))
			atomic_fetch_add((atomic_int *)passed, 1);
		arena_free(a);
	}
	return NULL;
}

static void test_audit__limit_holds_when_all_come_at_once(void **state)
{
	pthread_t threads[THREADS];
	atomic_int passed = 0;

	(void)state;
	pg_ctx();
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, try_often, &passed), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(passed, LIMIT);
}

static const struct CMUnitTest audit_rate_tests[] = {
        cmocka_unit_test(test_audit__rate_refuses_above_the_limit),
        cmocka_unit_test(test_audit__rate_limit_of_one),
        cmocka_unit_test(test_audit__undone_events_do_not_count),
        cmocka_unit_test(test_audit__window_before_counts_in_part),
        cmocka_unit_test(test_audit__bucket_that_is_too_long_is_invalid),
        cmocka_unit_test(test_audit__sweep_removes_what_is_old),
        cmocka_unit_test(test_audit__limit_holds_when_all_come_at_once),
};
UNIT_SUITE(audit_rate_tests);
