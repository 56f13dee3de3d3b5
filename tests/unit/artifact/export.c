/* The queue of pictures and PDF files: who takes what, how many at once, what becomes of lost ones. */
#include <libpq-fe.h>
#include <string.h>

#include "artifact/artifact.h"
#include "lib/arena.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "support/pg.h"
#include "unit.h"

static const char rows[] = "INSERT INTO projects (slug, name) VALUES ('shop', 'Shop');"
                           "INSERT INTO users (email, origin) VALUES ('ann@example.com', 'header'), ('bob@example.com', 'header');"
                           "INSERT INTO artifacts (project_id, user_id, title, type) VALUES (1, 1, 'Chart', 'plotly');"
                           "INSERT INTO artifact_versions (artifact_id, n, code) VALUES (1, 1, '{}');"
                           "INSERT INTO workers (place, pid, alive_until) VALUES ('here', 1, now() + interval '1 hour'),"
                           " ('here', 2, now() + interval '1 hour')";
static const struct artifact chart = {.id = 1, .type = "plotly", .version = {.n = 1}};

static struct ctx *begin(struct settings *settings, int64_t most)
{
	struct ctx *ctx = pg_ctx();

	log_set_level(LOG_ERROR);
	pg_exec(rows);
	*settings = (struct settings){.exports = most, .chromium = "/nowhere"};
	ctx->settings = settings;
	ctx->user_id = 1;
	return ctx;
}

static bool take(struct ctx *ctx, int64_t worker, struct artifact_export_work *work)
{
	bool found;

	assert_ok(artifact_export_take(ctx, worker, work, &found));
	return found;
}

/* Each time another version: the same would be found. */
static int64_t ask(struct ctx *ctx)
{
	static int64_t n = 1;
	struct artifact next = chart;
	int64_t id;

	next.version.n = ++n;
	assert_ok(artifact_export_ask(ctx, &next, "png", STR("<p>page"), &id));
	return id;
}

static void test_export__in_order_and_no_more_than_so_many_at_once(void **state)
{
	struct settings settings;
	struct ctx *ctx = begin(&settings, 2);
	struct artifact_export_work work;
	int64_t first = ask(ctx), second = ask(ctx);
	struct artifact_export x;

	(void)state;
	ask(ctx);
	assert_ok(artifact_export_get(ctx, 1, second, &x));
	assert_int_equal(x.before, 1);
	assert_true(take(ctx, 1, &work));
	assert_int_equal(work.id, first);
	assert_string_equal(work.type, "plotly");
	assert_str(work.page, "<p>page");
	assert_true(take(ctx, 2, &work));
	assert_int_equal(work.id, second);
	assert_false(take(ctx, 1, &work));
	assert_false(take(ctx, 2, &work));
}

static void test_export__two_clicks_are_one_file(void **state)
{
	struct settings settings;
	struct ctx *ctx = begin(&settings, 1);
	struct artifact_export_work work;
	int64_t first, second, other;

	(void)state;
	assert_ok(artifact_export_ask(ctx, &chart, "png", STR("<p>page"), &first));
	assert_ok(artifact_export_ask(ctx, &chart, "png", STR("<p>page"), &second));
	assert_int_equal(first, second);
	assert_true(take(ctx, 1, &work));
	assert_ok(artifact_export_ask(ctx, &chart, "png", STR("<p>page"), &second));
	assert_int_equal(first, second);
	assert_ok(artifact_export_ask(ctx, &chart, "pdf", STR("<p>page"), &other));
	assert_true(other > first);
	ctx->user_id = 2;
	assert_ok(artifact_export_ask(ctx, &chart, "png", STR("<p>page"), &other));
	assert_true(other > first);
	/* What is over is made anew: the rows may be others by now. */
	pg_exec("UPDATE artifact_exports SET state = 'done', finished_at = now()");
	assert_ok(artifact_export_ask(ctx, &chart, "png", STR("<p>page"), &second));
	assert_true(second > other);
}

static void test_export__one_person_has_a_few_under_way(void **state)
{
	struct settings settings;
	struct ctx *ctx = begin(&settings, 2);
	int64_t id;

	(void)state;
	for (int i = 0; i < 3; i++)
		ask(ctx);
	assert_err(artifact_export_ask(ctx, &chart, "pdf", STR("x"), &id), ERR_RATE_LIMITED);
	ctx->user_id = 2;
	assert_true(ask(ctx) > 0);
}

static void test_export__what_a_dead_worker_left_is_taken_again_once(void **state)
{
	struct settings settings;
	struct ctx *ctx = begin(&settings, 1);
	struct artifact_export_work first, second;
	int64_t id = ask(ctx);
	struct artifact_export x;

	(void)state;
	assert_true(take(ctx, 1, &first));
	assert_false(take(ctx, 2, &second));
	pg_exec("DELETE FROM workers WHERE id = 1");
	assert_true(take(ctx, 2, &second));
	assert_int_equal(second.id, id);
	assert_int_equal(second.tries, 2);
	/* What the first one says is not heard any more. */
	assert_ok(artifact_export_make(ctx, &first));
	assert_ok(artifact_export_get(ctx, 1, id, &x));
	assert_string_equal(x.state, "running");
	pg_exec("DELETE FROM workers; INSERT INTO workers (place, pid, alive_until) VALUES ('here', 3, now() + interval '1 hour')");
	assert_true(take(ctx, 3, &second));
	assert_ok(artifact_export_make(ctx, &second));
	assert_ok(artifact_export_get(ctx, 1, id, &x));
	assert_string_equal(x.state, "failed");
	assert_string_equal(x.error, "the file could not be made");
}

static void test_export__a_file_is_for_who_asked(void **state)
{
	struct settings settings;
	struct ctx *ctx = begin(&settings, 1);
	int64_t id = ask(ctx);
	struct artifact_export x;
	struct str file;

	(void)state;
	assert_err(artifact_export_file(ctx, 1, id, &file), ERR_NOT_FOUND);
	pg_exec("UPDATE artifact_exports SET state = 'done', file = 'bytes', finished_at = now()");
	assert_ok(artifact_export_file(ctx, 1, id, &file));
	assert_str(file, "bytes");
	ctx->user_id = 2;
	assert_err(artifact_export_file(ctx, 1, id, &file), ERR_NOT_FOUND);
	assert_err(artifact_export_get(ctx, 1, id, &x), ERR_NOT_FOUND);
}

static void test_export__an_hour_later_it_is_gone(void **state)
{
	struct settings settings;
	struct ctx *ctx = begin(&settings, 1);
	int64_t id = ask(ctx), unmade = ask(ctx);
	struct artifact_export x;
	struct str file;

	(void)state;
	pg_exec("UPDATE artifact_exports SET state = 'done', file = 'bytes', finished_at = now() - interval '61 minutes' WHERE id = 1");
	assert_err(artifact_export_get(ctx, 1, id, &x), ERR_NOT_FOUND);
	assert_err(artifact_export_file(ctx, 1, id, &file), ERR_NOT_FOUND);
	assert_ok(artifact_export_sweep_old(ctx));
	assert_string_equal(pg_value("SELECT count(*) FROM artifact_exports"), "1");
	assert_ok(artifact_export_get(ctx, 1, unmade, &x));
	pg_exec("UPDATE artifact_exports SET created_at = now() - interval '61 minutes'");
	assert_ok(artifact_export_sweep_old(ctx));
	assert_err(artifact_export_get(ctx, 1, unmade, &x), ERR_NOT_FOUND);
}

static void test_export__the_newest_ten_of_each_person_stay(void **state)
{
	struct settings settings;
	struct ctx *ctx = begin(&settings, 1);

	(void)state;
	pg_exec("INSERT INTO artifact_exports (artifact_id, user_id, version, format, state, file, finished_at)"
	        " SELECT 1, u, 1, 'png', 'done', 'bytes', now() - interval '1 minute' * n FROM generate_series(1, 14) n, generate_series(1, 2) u");
	ask(ctx);
	assert_string_equal(pg_value("SELECT string_agg(extract(minute FROM now() - finished_at)::text, ' ' ORDER BY finished_at DESC)"
	                             " FROM artifact_exports WHERE user_id = 1"),
	                    "1 2 3 4 5 6 7 8 9 10");
	assert_string_equal(pg_value("SELECT count(*) FROM artifact_exports WHERE user_id = 2"), "14");
}

/* The looker must not wait for who asks. */
static void test_export__nobody_waits_to_take_one(void **state)
{
	struct settings settings;
	struct ctx *ctx = begin(&settings, 1);
	PGconn *other = PQconnectdb(pg_url());
	struct artifact_export_work work;
	int64_t n;

	(void)state;
	ask(ctx);
	PQclear(PQexec(other, "BEGIN; SELECT pg_advisory_xact_lock(740191)"));
	assert_false(take(ctx, 1, &work));
	PQclear(PQexec(other, "COMMIT"));
	PQfinish(other);
	assert_ok(artifact_export_waiting(ctx, &n));
	assert_int_equal(n, 1);
	assert_true(take(ctx, 1, &work));
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export__in_order_and_no_more_than_so_many_at_once),
        cmocka_unit_test(test_export__two_clicks_are_one_file),
        cmocka_unit_test(test_export__one_person_has_a_few_under_way),
        cmocka_unit_test(test_export__what_a_dead_worker_left_is_taken_again_once),
        cmocka_unit_test(test_export__a_file_is_for_who_asked),
        cmocka_unit_test(test_export__an_hour_later_it_is_gone),
        cmocka_unit_test(test_export__the_newest_ten_of_each_person_stay),
        cmocka_unit_test(test_export__nobody_waits_to_take_one),
};
UNIT_SUITE(tests);
