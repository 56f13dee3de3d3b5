/* From statement to rows: kinds, caps, time, stopping, errors in words, and what is recorded. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/ctx.h"
#include "query/place.h"
#include "support/pg.h"
#include "unit.h"

/* Keeps a server busy for ever, with allowed means. */
#define ENDLESS \
	"SELECT count(*) FROM orders a, orders b, orders c, orders d, orders e WHERE a.id + b.id + c.id + " \
	"d.id + e.id < 0"

static void test_query__each_type_has_its_kind_and_text(void **state)
{
	static const struct {
		const char *type, *text;
		enum query_kind kind;
	} cases[] = {
	        {"integer", "7", QUERY_NUMBER},
	        {"bigint", "9007199254740993", QUERY_NUMBER},
	        {"numeric", "12.50", QUERY_NUMBER},
	        {"double precision", "0.1", QUERY_NUMBER},
	        {"text", "a", QUERY_TEXT},
	        {"date", "2025-12-31", QUERY_DATE},
	        {"timestamp with time zone", "2025-12-31 22:00:00+00", QUERY_TIME},
	        {"boolean", "true", QUERY_BOOL},
	        {"jsonb", "{\"a\": 1}", QUERY_JSON},
	        {"bytea", "\\x00ff", QUERY_BYTES},
	        {"shop.state", "paid", QUERY_TEXT},
	        {"text[]", "{a,b}", QUERY_TEXT},
	        {"uuid", "00000000-0000-0000-0000-000000000001", QUERY_TEXT},
	        {"interval", "1 day", QUERY_TEXT},
	};
	struct place p = place_make();
	struct query_result *r = place_run(&p, "SELECT * FROM kinds");

	(void)state;
	assert_int_equal(r->nrows, 1);
	assert_int_equal(r->ncolumns, sizeof(cases) / sizeof(*cases));
	for (size_t i = 0; i < r->ncolumns; i++) {
		assert_string_equal(r->columns[i].type, cases[i].type);
		assert_int_equal(r->columns[i].kind, cases[i].kind);
		assert_string_equal(r->cells[i], cases[i].text);
	}
	assert_string_equal(r->tables[0], "shop.kinds");
}

static void test_query__caps_cut_and_say_so(void **state)
{
	static const struct {
		int64_t rows, bytes, cell;
		const char *sql, *cut;
		size_t nrows;
	} cases[] = {
	        {10, 1 << 20, 100, "SELECT id FROM orders ORDER BY id", "only the first 10 rows were fetched",
	         10},
	        {10, 1 << 20, 100, "SELECT id FROM orders ORDER BY id LIMIT 10", NULL, 10},
	        {10, 1 << 20, 100, "SELECT id FROM orders WHERE false", NULL, 0},
	        {1000, 1 << 20, 100, "SELECT id FROM orders", NULL, 1000},
	        {1000, 2 << 20, 9000, "SELECT repeat('x', 9000) FROM orders",
	         "only the first 233 rows were fetched, all of them would be more than 2 MB", 233},
	        {5, 1 << 20, 1024, "SELECT repeat('\xc3\xa4', 1000) FROM orders LIMIT 2",
	         "2 long values were cut to 1 KB", 2},
	};
	struct place p = place_make();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		p.policy.max_rows = cases[i].rows;
		p.policy.max_bytes = cases[i].bytes;
		p.policy.max_cell_bytes = cases[i].cell;
		struct query_result *r = place_run(&p, cases[i].sql);
		assert_int_equal(r->nrows, cases[i].nrows);
		assert_int_equal(r->truncated, cases[i].cut != NULL);
		if (cases[i].cut)
			assert_string_equal(r->cut, cases[i].cut);
		else
			assert_null(r->cut);
		if (r->nrows)
			assert_true(str_utf8_valid(str_of(r->cells[0])));
	}
}

static void test_query__a_query_ends_at_its_time(void **state)
{
	struct place p = place_make();
	struct err *e;

	(void)state;
	p.policy.timeout_ms = 300;
	e = place_fail(&p, ENDLESS);
	assert_int_equal(e->kind, ERR_TIMEOUT);
	assert_non_null(e->hint);
	assert_string_equal(pg_value("SELECT outcome FROM query_runs"), "failed");
	p.policy.timeout_ms = 20000;
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
}

#define BUSY "SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'"

static atomic_bool stop;
static int64_t stopped_at;

static void *stopper(void *arg)
{
	(void)arg;
	place_await(BUSY, "1");
	stopped_at = clock_mono_us();
	atomic_store(&stop, true);
	return NULL;
}

static void test_query__stopping_ends_the_query_on_the_server_too(void **state)
{
	struct place p = place_make();
	pthread_t thread;
	struct err *e;

	(void)state;
	atomic_store(&stop, false);
	p.ctx->stop = &stop;
	p.policy.timeout_ms = 500000;
	pthread_create(&thread, NULL, stopper, NULL);
	e = place_fail(&p, ENDLESS);
	int64_t now = clock_mono_us();
	pthread_join(thread, NULL);
	printf("# stopped after %lld ms\n", (long long)(now - stopped_at) / 1000);
	assert_int_equal(e->kind, ERR_CANCELLED);
	place_await(BUSY, "0");
	assert_string_equal(pg_value("SELECT outcome FROM query_runs"), "cancelled");
	p.ctx->stop = NULL;
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
}

static void test_query__errors_come_in_words(void **state)
{
	static const struct {
		const char *sql, *code;
		int kind, position;
	} cases[] = {
	        {"SELECT amount FROM vanished", "table_not_allowed", ERR_REFUSED, 20},
	        {"SELECT gone FROM orders", "undefined_column", ERR_QUERY, 8},
	        {"select gone, gone from orders", "undefined_column", ERR_QUERY, 0},
	        {"SELECT id / 0 FROM orders", "division_by_zero", ERR_QUERY, 0},
	        {"SELECT note::date FROM (SELECT 'x'::text AS note) s", "invalid_value", ERR_QUERY, 0},
	        {"SELECT id, count(*) FROM orders", "grouping", ERR_QUERY, 8},
	        {"SELECT upper(id) FROM orders", "undefined_function", ERR_QUERY, 8},
	        {"SELECT (SELECT id FROM orders) AS x", "cardinality", ERR_QUERY, 0},
	};
	struct place p = place_make();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err *e = place_fail(&p, cases[i].sql);

		if (!e->code || strcmp(e->code, cases[i].code) != 0 || (int)e->kind != cases[i].kind)
			fail_msg("%s: %s %s", cases[i].sql, e->code, err_text(e));
		assert_non_null(e->hint);
		if (e->position != cases[i].position)
			fail_msg("%s: at %d: %s", cases[i].sql, e->position, err_text(e));
	}
}

static void test_query__the_guard_and_the_role_refuse(void **state)
{
	struct place p = place_make();
	struct err *e;

	(void)state;
	e = place_fail(&p, "SELECT * FROM salaries");
	assert_int_equal(e->kind, ERR_REFUSED);
	assert_string_equal(pg_value("SELECT outcome || coalesce(sql_run, '-') FROM query_runs"), "refused-");
	/* A policy that is more open than the role: the database has the last word. */
	p.policy.excluded.n = 0;
	e = place_fail(&p, "SELECT * FROM salaries");
	assert_string_equal(e->code, "permission_denied");
	assert_string_equal(e->message, "permission denied for table salaries");
}

static void test_query__runs_are_recorded_and_loaded(void **state)
{
	struct place p = place_make();
	struct query_result *
	        r = place_run(&p, "SELECT id, total, state, note, total > 2 AS more FROM orders ORDER BY id"),
	       *again;
	struct query_run_record run;

	(void)state;
	assert_null(query_load(p.ctx, r->run_id, &run, &again));
	assert_int_equal(run.project_id, 1);
	assert_string_equal(run.outcome, "done");
	assert_string_equal(again->sql_asked, r->sql_asked);
	assert_string_equal(again->sql_run, r->sql_run);
	assert_int_equal(again->nrows, 500);
	assert_true(again->truncated);
	assert_string_equal(again->cut, r->cut);
	assert_int_equal(again->bytes, r->bytes);
	assert_int_equal(again->columns[1].kind, QUERY_NUMBER);
	for (size_t i = 0; i < r->nrows * r->ncolumns; i++) {
		if (r->cells[i])
			assert_string_equal(again->cells[i], r->cells[i]);
		else
			assert_null(again->cells[i]);
	}
	assert_int_equal(query_load(p.ctx, 999999, &run, &again)->kind, ERR_NOT_FOUND);
}

static void test_query__a_large_result_is_kept_in_part(void **state)
{
	struct place p = place_make();
	struct query_result *r = place_run(&p, "SELECT repeat('x', 9000) FROM orders"), *again;
	struct query_run_record run;

	(void)state;
	assert_int_equal(r->nrows, 500);
	assert_null(query_load(p.ctx, r->run_id, &run, &again));
	assert_int_equal(again->nrows, 125);
	assert_string_equal(again->cut, "only the first 125 rows were kept");
}

static void test_query__numbers_keep_their_text_in_json(void **state)
{
	struct place p = place_make();
	struct query_result *r = place_run(&p, "SELECT i, b, n, f, y, t FROM kinds");
	struct buf b = buf_init(p.ctx->a, BUF_PAGE);
	struct json_writer w = {.b = &b};
	const char *rows;

	(void)state;
	query_put_json(&w, NULL, r, 10);
	rows = strstr(buf_cstr(&b), "\"rows\":");
	assert_non_null(rows);
	assert_memory_equal(rows, "\"rows\":[[7,\"9007199254740993\",12.50,0.1,\"true\",\"a\"]]", 52);
}

static void test_query__times_are_in_the_zone_that_is_asked_for(void **state)
{
	static const struct {
		const char *zone, *shown, *taken;
	} cases[] = {
	        {NULL, "2025-12-31 22:00:00+00", "UTC"},
	        {"", "2025-12-31 22:00:00+00", "UTC"},
	        {"Asia/Tokyo", "2026-01-01 07:00:00+09", "Asia/Tokyo"},
	        {"europe/berlin", "2025-12-31 23:00:00+01", "europe/berlin"},
	        {"America/Argentina/Buenos_Aires", "2025-12-31 19:00:00-03", "America/Argentina/Buenos_Aires"},
	        {"Etc/GMT+3", "2025-12-31 19:00:00-03", "Etc/GMT+3"},
	        {"Mars/Base", "2025-12-31 22:00:00+00", "UTC"},
	        {"+99", "2025-12-31 22:00:00+00", "UTC"},
	        {"UTC'; SELECT 1 --", "2025-12-31 22:00:00+00", "UTC"},
	        {"../../etc/passwd", "2025-12-31 22:00:00+00", "UTC"},
	        {"Asia/Tokyo\n", "2025-12-31 22:00:00+00", "UTC"},
	};
	struct place p = place_make();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		p.scope.time_zone = cases[i].zone;
		struct query_result *r = place_run(&p, "SELECT z FROM kinds"), *loaded;
		struct query_run_record run;

		assert_string_equal(r->cells[0], cases[i].shown);
		assert_string_equal(r->time_zone, cases[i].taken);
		assert_ok(query_load(p.ctx, r->run_id, &run, &loaded));
		assert_string_equal(loaded->time_zone, cases[i].taken);
	}
}

static void test_query__a_plan_runs_nothing(void **state)
{
	struct place p = place_make();
	struct query_plan *plan;

	(void)state;
	place_run(&p, "SELECT 1");
	assert_null(query_explain(p.ctx, &p.scope, ENDLESS, &plan));
	assert_true(plan->nnodes > 3);
	assert_true(plan->cost > 0);
	assert_string_equal(plan->tables[0], "shop.orders");
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__each_type_has_its_kind_and_text),
        cmocka_unit_test(test_query__caps_cut_and_say_so),
        cmocka_unit_test(test_query__a_query_ends_at_its_time),
        cmocka_unit_test(test_query__stopping_ends_the_query_on_the_server_too),
        cmocka_unit_test(test_query__errors_come_in_words),
        cmocka_unit_test(test_query__the_guard_and_the_role_refuse),
        cmocka_unit_test(test_query__runs_are_recorded_and_loaded),
        cmocka_unit_test(test_query__a_large_result_is_kept_in_part),
        cmocka_unit_test(test_query__numbers_keep_their_text_in_json),
        cmocka_unit_test(test_query__times_are_in_the_zone_that_is_asked_for),
        cmocka_unit_test(test_query__a_plan_runs_nothing),
};
UNIT_SUITE(tests);
