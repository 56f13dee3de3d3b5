/*
 * Admission of queries, on the real database: what each limit lets through, how it is told, and that many who
 * come at once do not get past it. Windows are moved with rows, never by waiting for the clock.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit/audit.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "support/pg.h"
#include "unit.h"

enum { PERSON = 7, PROJECT = 3, HOLD_MS = 60000 };

static struct ctx *person(int64_t id)
{
	struct ctx *ctx = pg_ctx();

	ctx->user_id = id;
	return ctx;
}

/* Tests that need a minute to last do not begin near its end. */
static void away_from_the_minutes_end(void)
{
	while (atoi(pg_value("SELECT extract(second FROM clock_timestamp())::int")) > 40)
		usleep(500000);
}

static void assert_refused(const struct err *e, const char *message, int least, int most)
{
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_RATE_LIMITED);
	assert_string_equal(e->message, message);
	assert_in_range(e->retry_after, least, most);
}

static void test_audit__no_limit_counts_nothing(void **state)
{
	struct ctx *ctx = person(PERSON);
	struct audit_quota quota = {.project_id = PROJECT, .hold_ms = HOLD_MS};
	int64_t place = -1;

	(void)state;
	assert_ok(audit_admit(ctx, &quota, &place));
	assert_int_equal(place, 0);
	audit_leave(ctx, place);
	assert_string_equal(pg_value("SELECT (SELECT count(*) FROM rate_limits) +"
	                             " (SELECT count(*) FROM query_places)"),
	                    "0");
}

static void test_audit__queries_a_minute(void **state)
{
	struct ctx *ctx = person(PERSON);
	struct audit_quota quota = {.project_id = PROJECT, .a_minute = 3, .hold_ms = HOLD_MS};
	struct audit_quota elsewhere = {.project_id = PROJECT + 1, .a_minute = 3, .hold_ms = HOLD_MS};
	int64_t place;

	(void)state;
	away_from_the_minutes_end();
	for (int i = 0; i < 3; i++)
		assert_ok(audit_admit(ctx, &quota, &place));
	assert_int_equal(place, 0);
	for (int i = 0; i < 2; i++)
		assert_refused(audit_admit(ctx, &quota, &place),
		               "3 queries a minute is the limit for one person here", 20, 120);
	assert_string_equal(pg_value("SELECT sum(count) FROM rate_limits"), "3");
	assert_ok(audit_admit(ctx, &elsewhere, &place));
	ctx->user_id = PERSON + 1;
	assert_ok(audit_admit(ctx, &quota, &place));
}

/* The last minute is this one and the part of the one before that still lies in it. */
static void test_audit__minute_slides(void **state)
{
	struct ctx *ctx = person(PERSON);
	struct audit_quota quota = {.project_id = PROJECT, .a_minute = 60, .hold_ms = HOLD_MS};
	struct err *e;
	int64_t place;
	int wait;

	(void)state;
	away_from_the_minutes_end();
	pg_exec("INSERT INTO rate_limits VALUES ('query:minute:3:7',"
	        " date_trunc('minute', now()) - interval '1 minute', 100000)");
	e = audit_admit(ctx, &quota, &place);
	assert_refused(e, "60 queries a minute is the limit for one person here", 1, 60);
	/* Nearly all of it counts until the minute is over, so the wait is what is left of it. */
	wait = e->retry_after - atoi(pg_value("SELECT ceil(60 - extract(second FROM clock_timestamp()))"));
	assert_in_range(wait + 2, 0, 4);
	assert_string_equal(e->hint, arena_printf(ctx->a, "try again in %d second%s", e->retry_after,
	                                          e->retry_after == 1 ? "" : "s"));
	pg_exec("UPDATE rate_limits SET window_start = window_start - interval '1 minute'");
	assert_ok(audit_admit(ctx, &quota, &place));
}

static void test_audit__queries_at_once(void **state)
{
	struct ctx *ctx = person(PERSON);
	struct audit_quota quota = {.project_id = PROJECT, .at_once = 1, .hold_ms = HOLD_MS};
	int64_t first, second;

	(void)state;
	assert_ok(audit_admit(ctx, &quota, &first));
	assert_true(first > 0);
	assert_refused(audit_admit(ctx, &quota, &second), "1 query at once is the limit for one person here",
	               1, 2);
	assert_int_equal(second, 0);
	audit_leave(ctx, first);
	audit_leave(ctx, first);
	assert_ok(audit_admit(ctx, &quota, &second));
	assert_true(second > first);
}

static void test_audit__queries_a_day_of_a_project(void **state)
{
	struct ctx *ctx = person(PERSON);
	struct audit_quota quota = {.project_id = PROJECT, .a_day = 2, .hold_ms = HOLD_MS};
	struct err *e;
	int64_t place;

	(void)state;
	for (int64_t user = 0; user < 2; user++) {
		ctx->user_id = user;
		assert_ok(audit_admit(ctx, &quota, &place));
	}
	e = audit_admit(ctx, &quota, &place);
	assert_refused(e, "2 queries a day (UTC) is the limit for this project", 1, 86400);
	assert_string_equal(pg_value("SELECT sum(count) FROM rate_limits"), "2");
	pg_exec("UPDATE rate_limits SET window_start = window_start - interval '1 day'");
	assert_ok(audit_admit(ctx, &quota, &place));
}

static void test_audit__nobody_has_no_limits_of_a_person(void **state)
{
	struct ctx *ctx = person(0);
	struct audit_quota quota = {.project_id = PROJECT, .a_minute = 1, .at_once = 1, .hold_ms = HOLD_MS};
	int64_t place;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_ok(audit_admit(ctx, &quota, &place));
	quota.a_day = 1;
	assert_ok(audit_admit(ctx, &quota, &place));
	assert_err(audit_admit(ctx, &quota, &place), ERR_RATE_LIMITED);
	assert_string_equal(pg_value("SELECT count(*) FROM query_places"), "0");
}

/* One full limit keeps a query from being counted by the others. */
static void test_audit__what_is_refused_counts_nowhere(void **state)
{
	struct ctx *ctx = person(PERSON);
	struct audit_quota quota = {PROJECT, 5, 1, 5, HOLD_MS};
	int64_t place;

	(void)state;
	away_from_the_minutes_end();
	assert_ok(audit_admit(ctx, &quota, &place));
	assert_err(audit_admit(ctx, &quota, &place), ERR_RATE_LIMITED);
	assert_string_equal(pg_value("SELECT sum(count) FROM rate_limits"), "2");
	assert_string_equal(pg_value("SELECT count(*) FROM query_places"), "1");
}

static void test_audit__place_of_a_killed_process_expires(void **state)
{
	struct ctx *ctx = person(PERSON);
	struct audit_quota quota = {.project_id = PROJECT, .at_once = 1, .hold_ms = 1500};
	const char *url = arena_strdup(ctx->a, pg_url());
	int64_t place;
	int status;
	pid_t pid;

	(void)state;
	db_close();
	pid = fork();
	if (pid == 0) {
		db_open(url, 1);
		if (audit_admit(ctx, &quota, &place))
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	db_open(url, 4);
	assert_err(audit_admit(ctx, &quota, &place), ERR_RATE_LIMITED);
	usleep(1600000);
	assert_ok(audit_admit(ctx, &quota, &place));
	assert_string_equal(pg_value("SELECT count(*) FROM query_places"), "1");
}

static void test_audit__sweep_removes_old_places(void **state)
{
	struct ctx *ctx = person(PERSON);

	(void)state;
	pg_exec("INSERT INTO query_places (project_id, user_id, until) VALUES (1, 1, now() - interval '1 s'),"
	        " (1, 1, now() + interval '1 h')");
	assert_ok(audit_rate_sweep(ctx));
	assert_string_equal(pg_value("SELECT count(*) FROM query_places"), "1");
}

static void test_audit__leave_without_a_database_is_quiet(void **state)
{
	struct ctx *ctx = person(PERSON);
	struct audit_quota quota = {.project_id = PROJECT, .at_once = 1, .hold_ms = HOLD_MS};
	int64_t place;

	(void)state;
	assert_ok(audit_admit(ctx, &quota, &place));
	pg_stop();
	audit_leave(ctx, place);
	assert_err(audit_admit(ctx, &quota, &place), ERR_UNAVAILABLE);
	pg_start();
}

/* Many at once --------------------------------------------------------------------------------------------- */

enum { THREADS = 16, TRIES = 25, LIMIT = 150 };

struct crowd {
	struct audit_quota quota;
	bool many_people;
	atomic_int passed, within, most, next, failed;
};

static void note_most(struct crowd *c, int within)
{
	int most = atomic_load(&c->most);

	while (within > most && !atomic_compare_exchange_weak(&c->most, &most, within))
		;
}

static void try_once(struct crowd *c, struct ctx *ctx)
{
	struct err *e;
	int64_t place;

	e = audit_admit(ctx, &c->quota, &place);
	if (e) {
		atomic_fetch_add(&c->failed, e->kind != ERR_RATE_LIMITED);
		return;
	}
	atomic_fetch_add(&c->passed, 1);
	if (!place)
		return;
	note_most(c, atomic_fetch_add(&c->within, 1) + 1);
	usleep(2000);
	atomic_fetch_sub(&c->within, 1);
	audit_leave(ctx, place);
}

static void *try_often(void *arg)
{
	struct crowd *c = arg;
	int64_t user_id = c->many_people ? 100 + atomic_fetch_add(&c->next, 1) : PERSON;

	for (int i = 0; i < TRIES; i++) {
		struct ctx ctx = {.a = arena_create(), .user_id = user_id, .request_id = "x"};

		try_once(c, &ctx);
		arena_free(ctx.a);
	}
	return NULL;
}

static void run_crowd(struct crowd *c)
{
	const char *url = pg_url();
	pthread_t threads[THREADS];

	db_close();
	db_open(url, THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, try_often, c), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(c->failed, 0);
}

static void test_audit__minute_holds_when_all_come_at_once(void **state)
{
	struct crowd c = {.quota = {.project_id = PROJECT, .a_minute = LIMIT, .hold_ms = HOLD_MS}};

	(void)state;
	person(PERSON);
	away_from_the_minutes_end();
	run_crowd(&c);
	assert_int_equal(c.passed, LIMIT);
}

static void test_audit__places_hold_when_all_come_at_once(void **state)
{
	struct crowd c = {.quota = {.project_id = PROJECT, .at_once = 3, .hold_ms = HOLD_MS}};

	(void)state;
	person(PERSON);
	run_crowd(&c);
	assert_int_equal(c.most, 3);
	assert_string_equal(pg_value("SELECT count(*) FROM query_places"), "0");
}

static void test_audit__day_holds_when_all_come_at_once(void **state)
{
	struct crowd c = {.quota = {.project_id = PROJECT, .a_day = LIMIT, .hold_ms = HOLD_MS},
	                  .many_people = true};

	(void)state;
	person(PERSON);
	run_crowd(&c);
	assert_int_equal(c.passed, LIMIT);
}

/* Far from its limit the day is counted without a lock, near it with one: none is lost or doubled between. */
static void test_audit__day_is_counted_in_parts(void **state)
{
	struct crowd c = {.quota = {.project_id = PROJECT, .a_day = 1200, .hold_ms = HOLD_MS},
	                  .many_people = true};

	(void)state;
	person(PERSON);
	run_crowd(&c);
	assert_int_equal(c.passed, THREADS * TRIES);
	assert_int_equal(atoi(pg_value("SELECT sum(count) FROM rate_limits")), THREADS * TRIES);
	assert_true(atoi(pg_value("SELECT count(*) FROM rate_limits")) > 4);
}

static const struct CMUnitTest audit_admit_tests[] = {
        cmocka_unit_test(test_audit__no_limit_counts_nothing),
        cmocka_unit_test(test_audit__queries_a_minute),
        cmocka_unit_test(test_audit__minute_slides),
        cmocka_unit_test(test_audit__queries_at_once),
        cmocka_unit_test(test_audit__queries_a_day_of_a_project),
        cmocka_unit_test(test_audit__nobody_has_no_limits_of_a_person),
        cmocka_unit_test(test_audit__what_is_refused_counts_nowhere),
        cmocka_unit_test(test_audit__place_of_a_killed_process_expires),
        cmocka_unit_test(test_audit__sweep_removes_old_places),
        cmocka_unit_test(test_audit__leave_without_a_database_is_quiet),
        cmocka_unit_test(test_audit__minute_holds_when_all_come_at_once),
        cmocka_unit_test(test_audit__places_hold_when_all_come_at_once),
        cmocka_unit_test(test_audit__day_holds_when_all_come_at_once),
        cmocka_unit_test(test_audit__day_is_counted_in_parts),
};
UNIT_SUITE(audit_admit_tests);
