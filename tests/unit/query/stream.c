/* Rows on their way: sinks, values of any size in bounded memory, readers that stall, order. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/ctx.h"
#include "query/place.h"
#include "query/query_priv.h"
#include "support/pg.h"
#include "unit.h"

/* What a sink saw. */
struct seen {
	struct place *p;
	size_t columns, rows, of_columns;
	int64_t sum;
	size_t fail_at; /* row */
	int sleep_s;    /* in the first row */
};

static struct err *see_columns(void *arg, const struct query_column *columns, size_t n)
{
	struct seen *s = arg;

	s->columns++;
	s->of_columns = n;
	assert_non_null(columns[0].type);
	assert_int_equal(s->rows, 0);
	return NULL;
}

static struct err *see_row(void *arg, const char *const *cells)
{
	struct seen *s = arg;

	s->sum += cells[0] ? strtoll(cells[0], NULL, 10) : 0;
	if (++s->rows == s->fail_at)
		return err_new(s->p->ctx->a, ERR_CONFLICT, "the sink had enough");
	if (s->sleep_s && s->rows == 1)
		sleep((unsigned)s->sleep_s);
	return NULL;
}

static struct err *stream(struct place *p, const char *sql, struct query_caps caps, struct seen *s,
                          struct query_result **r)
{
	const struct query_sink sink = {see_columns, see_row, s};

	s->p = p;
	place_aim(p);
	return query_stream(p->ctx, &p->scope, sql, &caps, &sink, r);
}

static const struct query_caps wide = {1000000, 1LL << 40, 1 << 20};

static const char *sessions(void)
{
	return pg_value("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE usename = 'reader'");
}

static void test_query__a_stream_gives_every_row_and_keeps_none(void **state)
{
	struct place p = place_make();
	struct query_result *r, *loaded;
	struct query_run_record run;
	struct seen s = {0};
	char before[64];

	(void)state;
	place_run(&p, "SELECT 1");
	snprintf(before, sizeof(before), "%s", sessions());
	assert_ok(stream(&p, "SELECT a.id, b.note FROM orders a, orders b WHERE b.id <= 20", wide, &s, &r));
	assert_int_equal(s.columns, 1);
	assert_int_equal(s.of_columns, 2);
	assert_int_equal(s.rows, 20000);
	assert_int_equal(s.sum, 20 * 500500);
	assert_int_equal(r->nrows, 20000);
	assert_null(r->cells);
	assert_false(r->truncated);
	assert_ok(query_load(p.ctx, r->run_id, &run, &loaded));
	assert_int_equal(loaded->nrows, 0);
	/* A cursor that comes to its end is no reason to part with the connection. */
	assert_string_equal(sessions(), before);
	assert_string_equal(
	        pg_value("SELECT rows || ' ' || (result IS NULL) || ' ' || length(result_hash) FROM"
	                 " query_runs WHERE rows > 1"),
	        "20000 true 32");
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
}

static void test_query__a_stream_is_capped(void **state)
{
	static const struct {
		struct query_caps caps;
		size_t rows;
		const char *cut;
	} cases[] = {
	        {{1500, 1 << 30, 1000}, 1500, "only the first 1500 rows were fetched"},
	        {{2000, 1 << 30, 1000}, 2000, "only the first 2000 rows were fetched"},
	        {{20000, 1 << 30, 1000}, 20000, NULL},
	        {{20000, 1 << 20, 2000},
	         1165,
	         "only the first 1165 rows were fetched, all of them would be more"
	         " than 1 MB"},
	};
	struct place p = place_make();
	struct query_result *r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct seen s = {0};

		assert_ok(stream(&p,
		                 "SELECT repeat('1', 9) || repeat('x', 891) AS x FROM orders a, orders b"
		                 " WHERE b.id <= 20",
		                 cases[i].caps, &s, &r));
		assert_int_equal(s.rows, cases[i].rows);
		if (cases[i].cut)
			assert_string_equal(r->cut, cases[i].cut);
		else
			assert_null(r->cut);
	}
}

static void test_query__a_sink_that_fails_ends_the_query(void **state)
{
	struct place p = place_make();
	struct query_result *r;
	struct seen s = {.fail_at = 1700};
	struct err *e = stream(&p, "SELECT a.id FROM orders a, orders b", wide, &s, &r);

	(void)state;
	assert_int_equal(e->kind, ERR_CONFLICT);
	assert_int_equal(s.rows, 1700);
	place_await("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'",
	            "0");
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
}

static void test_query__a_reader_that_stalls_holds_no_session(void **state)
{
	struct place p = place_make();
	struct query_result *r;
	struct seen s = {.sleep_s = QUERY_STALL_MS / 1000 + 4};
	struct err *e;

	(void)state;
	p.policy.timeout_ms = 2000;
	e = stream(&p, "SELECT a.id, repeat('x', 2000) FROM orders a, orders b", wide, &s, &r);
	assert_non_null(e);
	assert_string_equal(e->code, "stalled");
	assert_string_equal(pg_value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader'"), "0");
	assert_int_equal(place_run(&p, "SELECT 1")->nrows, 1);
}

/* Memory ------------------------------------------------------------------------------------------------------- */

static long peak_kb(void)
{
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			kb = strtol(line + 6, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static void reset_peak(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "w");

	assert_non_null(f);
	fputs("5", f);
	fclose(f);
}

static const char *big_columns[] = {"t", "b", "j", "l", "n", "v", "c", "s"};
static const struct query_table big = {.name = "big", .columns = big_columns, .ncolumns = 8};

static struct place big_place(void)
{
	struct place p = place_make();

	pg_exec("CREATE TABLE shop.big (t text, b bytea, j jsonb, l text[], n numeric, v varchar(8000), c char(8),"
	        " s shop.state);"
	        "GRANT SELECT ON shop.big TO reader;"
	        "INSERT INTO shop.big VALUES (repeat('abcdefghij', 30000000), NULL, NULL, NULL,"
	        " ('1e' || 100000)::numeric, repeat('v', 8000), 'ab', 'paid');"
	        "UPDATE shop.big SET b = convert_to(left(t, 50000000), 'UTF8'),"
	        " j = to_jsonb(left(t, 50000000)), l = ARRAY[left(t, 50000000)]");
	p.scope.tables = &big;
	p.scope.ntables = 1;
	return p;
}

#ifdef __SANITIZE_ADDRESS__
enum { ERROR_KB = 384 << 10 }; /* what was freed is kept for a while */
#else
enum { ERROR_KB = 48 << 10 };
#endif

/* The server repeats the value in its message. */
static void giant_error(struct place *p)
{
	long before = (reset_peak(), peak_kb());
	struct err *e = place_fail(p, "SELECT t::integer FROM big");

	assert_string_equal(e->code, "too_big");
	query_close();
	printf("# giant error: %ld KB more\n", peak_kb() - before);
	assert_in_range(peak_kb() - before + 1, 0, ERROR_KB);
	assert_int_equal(place_run(p, "SELECT 1")->nrows, 1);
}

static void many_columns(struct place *p)
{
	struct buf b = buf_init(p->ctx->a, BUF_LINE);
	struct query_result *r;
	long before;

	buf_add_cstr(&b, "SELECT t AS c0");
	for (int i = 1; i < 600; i++)
		buf_printf(&b, ", t AS c%d", i);
	buf_add_cstr(&b, " FROM big");
	before = (reset_peak(), peak_kb());
	r = place_run(p, buf_cstr(&b));
	assert_int_equal(r->ncolumns, 600);
	assert_string_equal(r->columns[599].name, "c599");
	assert_string_equal(r->cut, "600 long values were cut to 3 KB");
	assert_in_range(peak_kb() - before + 1, 0, 48 << 10);
}

static void test_query__a_giant_value_costs_no_memory(void **state)
{
	static const char *const giants[] = {
	        "SELECT t FROM big",
	        "SELECT b FROM big",
	        "SELECT j FROM big",
	        "SELECT l FROM big",
	        "SELECT t, b, j, l, n, v, c, s FROM big",
	        "SELECT ROW(b, j) AS r FROM big",
	};
	struct place p = big_place();

	(void)state;
	p.policy.timeout_ms = 100000;
	place_run(&p, "SELECT 1");
	for (size_t i = 0; i < sizeof(giants) / sizeof(*giants); i++) {
		long before = (reset_peak(), peak_kb());
		struct query_result *r = place_run(&p, giants[i]);

		printf("# %s: %ld KB more, %s\n", giants[i], peak_kb() - before, r->cut);
		assert_in_range(peak_kb() - before + 1, 0, 16 << 10);
		assert_true(r->truncated);
	}
	many_columns(&p);
	giant_error(&p);
}

/* What is shown ------------------------------------------------------------------------------------------------ */

static void test_query__cut_at_the_server_looks_like_cut_here(void **state)
{
	static const struct {
		const char *sql, *cell, *type;
	} cases[] = {
	        {"SELECT 'abcdefgh'::text AS x", "abcd…", "text"},
	        {"SELECT 'abcd'::text AS x", "abcd", "text"},
	        {"SELECT ''::text AS x", "", "text"},
	        {"SELECT NULL::text AS x", NULL, "text"},
	        {"SELECT 'äöü'::text AS x", "äö…", "text"},
	        {"SELECT note AS x FROM orders LIMIT 1", NULL, "text"},
	        {"SELECT ARRAY['a', NULL, 'b'] AS x", "{a,N…", "text[]"},
	        {"SELECT NULL::text[] AS x", NULL, "text[]"},
	        {"SELECT '{\"a\": 1}'::jsonb AS x", "{\"a\"…", "jsonb"},
	        {"SELECT 1234567.5 AS x", "1234…", "numeric"},
	        {"SELECT 1.50::numeric(10,2) AS x", "1.50", "numeric"},
	        {"SELECT 'ab'::char(3) AS x", "ab ", "character"},
	        {"SELECT x AS x FROM kinds", "\\x00…", "bytea"},
	        {"SELECT s AS x FROM kinds", "paid", "shop.state"},
	        {"SELECT ROW(1, 2) AS x", "(1,2…", "record"},
	        {"SELECT ROW(NULL, NULL) AS x", "(,)", "record"},
	        {"SELECT count(*) > 0 AS x FROM orders", "true", "boolean"},
	        {"SELECT 'b' AS x UNION SELECT 'a' ORDER BY x DESC", "b", "text"},
	};
	struct place p = place_make();

	(void)state;
	p.policy.max_cell_bytes = 4;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct query_result *r = place_run(&p, cases[i].sql);

		assert_string_equal(r->columns[0].name, "x");
		assert_string_equal(r->columns[0].type, cases[i].type);
		if (!cases[i].cell)
			assert_null(r->cells[0]);
		else if (!r->cells[0] || strcmp(r->cells[0], cases[i].cell) != 0)
			fail_msg("%s: %s", cases[i].sql, r->cells[0]);
		assert_int_equal(r->truncated, cases[i].cell && strstr(cases[i].cell, "…") != NULL);
	}
}

/* A type's owner may define what a cast to text does; what is shown is the type's output, which runs nothing of
 * theirs. */
static void test_query__no_cast_of_theirs_is_called(void **state)
{
	static const char *pair_columns[] = {"p", "d"};
	static const struct query_table pairs = {.name = "pairs", .columns = pair_columns, .ncolumns = 2};
	struct place p = place_make();
	struct query_result *r;

	(void)state;
	pg_exec("CREATE TYPE shop.pair AS (a integer, b text);"
	        "CREATE FUNCTION shop.trap(shop.pair) RETURNS text LANGUAGE plpgsql AS"
	        " $$BEGIN RAISE EXCEPTION 'trapped'; END$$;"
	        "CREATE CAST (shop.pair AS text) WITH FUNCTION shop.trap(shop.pair) AS IMPLICIT;"
	        "CREATE FUNCTION shop.left(text, integer) RETURNS text LANGUAGE sql AS $$SELECT 'trapped'$$;"
	        "CREATE FUNCTION shop.format(text, text) RETURNS text LANGUAGE sql AS $$SELECT 'trapped'$$;"
	        "CREATE DOMAIN shop.code AS text;"
	        "CREATE TABLE shop.pairs (p shop.pair, d shop.code);"
	        "INSERT INTO shop.pairs VALUES (ROW(1, 'two'), 'x'); GRANT SELECT ON shop.pairs TO reader");
	p.scope.tables = &pairs;
	p.scope.ntables = 1;
	r = place_run(&p, "SELECT p, d FROM pairs");
	assert_string_equal(r->cells[0], "(1,two)");
	assert_string_equal(r->columns[0].type, "shop.pair");
	assert_string_equal(r->cells[1], "x");
	assert_string_equal(r->columns[1].type, "text");
}

static void test_query__order_and_names_survive(void **state)
{
	struct place p = place_make();
	struct query_result *r = place_run(&p, "SELECT note, id AS \"a \"\"b\", id, note AS id FROM orders"
	                                       " ORDER BY orders.id % 7 DESC, orders.id"),
	                    *none;
	int64_t last = 0, group = 6;

	(void)state;
	assert_int_equal(r->nrows, 500);
	assert_string_equal(r->columns[1].name, "a \"b");
	assert_string_equal(r->columns[2].name, "id");
	assert_string_equal(r->columns[3].name, "id");
	for (size_t i = 0; i < r->nrows; i++) {
		int64_t id = strtoll(r->cells[i * 4 + 1], NULL, 10);

		assert_true(id % 7 < group || (id % 7 == group && id > last));
		group = id % 7;
		last = id;
	}
	none = place_run(&p, "SELECT id, note FROM orders WHERE false");
	assert_int_equal(none->nrows, 0);
	assert_int_equal(none->ncolumns, 2);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__a_stream_gives_every_row_and_keeps_none),
        cmocka_unit_test(test_query__a_stream_is_capped),
        cmocka_unit_test(test_query__a_sink_that_fails_ends_the_query),
        cmocka_unit_test(test_query__a_reader_that_stalls_holds_no_session),
        cmocka_unit_test(test_query__a_giant_value_costs_no_memory),
        cmocka_unit_test(test_query__cut_at_the_server_looks_like_cut_here),
        cmocka_unit_test(test_query__no_cast_of_theirs_is_called),
        cmocka_unit_test(test_query__order_and_names_survive),
};
UNIT_SUITE(tests);
