/* A result kept as an artifact: what the form begins with, what it refuses, and what statement and figure it becomes. */
#include "web/keep_priv.h"

#include <string.h>

#include "lib/arena.h"
#include "unit.h"

static struct query_column columns[] = {
        {"month", "date", QUERY_DATE}, {"country", "text", QUERY_TEXT}, {"revenue", "numeric", QUERY_NUMBER}, {"Odd \"name\"", "numeric", QUERY_NUMBER}};

static struct keep_form form(struct arena *a, const char *kind, const char *y, const char *series, const char *aggregate)
{
	struct keep_form f = {.sql = "SELECT 1 -- end ; \n ;",
	                      .columns = columns,
	                      .ncolumns = 4,
	                      .kind = kind,
	                      .x = "month",
	                      .y = {ARENA_ARRAY(a, const char *, 10), 0},
	                      .series = series,
	                      .aggregate = aggregate,
	                      .format = "whole"};

	for (struct str rest = str_of(y); rest.p;)
		f.y.p[f.y.n++] = str_dup(a, str_chop(&rest, '|'));
	return f;
}

static struct query_result *rows(struct arena *a, struct query_column *c, size_t n, const char **cells, size_t nrows)
{
	struct query_result *r = ARENA_NEW(a, struct query_result);

	*r = (struct query_result){.sql_asked = "SELECT", .columns = c, .ncolumns = n, .cells = cells, .nrows = nrows};
	return r;
}

static void test_web__the_form_begins_with_the_automatic_chart(void **state)
{
	struct arena *a = arena_create();
	const char *split[] = {"2025-01-01", "DE", "1", "2025-01-01", "FR", "2", "2025-02-01", "DE", "3", "2025-02-01", "FR", "4"};
	const char *plain[] = {"2025-01-01", "1", "2025-02-01", "3"}, *words[] = {"a", "b"};
	struct query_column two[] = {columns[0], columns[2]};
	struct keep_form f = keep_default(a, rows(a, columns, 3, split, 4));

	(void)state;
	assert_string_equal(f.kind, "bar");
	assert_string_equal(f.x, "month");
	assert_int_equal(f.y.n, 1);
	assert_string_equal(f.y.p[0], "revenue");
	assert_string_equal(f.series, "country");
	assert_string_equal(f.aggregate, "sum");
	assert_ok(keep_check(a, &f));
	f = keep_default(a, rows(a, two, 2, plain, 2));
	assert_string_equal(f.series, "");
	assert_string_equal(f.y.p[0], "revenue");
	assert_ok(keep_check(a, &f));
	f = keep_default(a, rows(a, &columns[1], 1, words, 2));
	assert_string_equal(f.kind, "table");
	assert_ok(keep_check(a, &f));
	arena_free(a);
}

static void test_web__a_form_that_makes_no_chart_says_why(void **state)
{
	static const struct {
		const char *kind, *y, *series, *aggregate, *field;
	} cases[] = {
	        {"rings", "revenue", "", "none", "kind"},      {"bar", "", "", "none", "y"},
	        {"bar", "nothing", "", "none", "y"},           {"bar", "country", "", "sum", "y"},
	        {"bar", "month", "", "count", "y"},            {"bar", "revenue", "nothing", "none", "series"},
	        {"bar", "country", "country", "count", "y"}, {"bar", "revenue", "country", "none", "aggregate"},
	        {"bar", "revenue", "month", "none", "series"}, {"bar", "revenue", "", "median", "aggregate"},
	        {"pie", "revenue", "country", "none", "series"}, {"bar", "revenue|Odd \"name\"", "country", "sum", "series"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct keep_form f = form(a, cases[i].kind, cases[i].y, cases[i].series, cases[i].aggregate);
		struct err *e = keep_check(a, &f);

		assert_err(e, ERR_INVALID);
		assert_string_equal(e->code, cases[i].field);
	}
	struct keep_form f = form(a, "bar", "country", "", "count");
	assert_ok(keep_check(a, &f));
	f.format = "roman";
	assert_err(keep_check(a, &f), ERR_INVALID);
	arena_free(a);
}

static void test_web__the_database_aggregates_and_makes_series(void **state)
{
	struct arena *a = arena_create();
	struct keep_form f = form(a, "line", "revenue|Odd \"name\"", "", "none");

	(void)state;
	assert_string_equal(keep_sql(a, &f), "SELECT month, revenue, \"Odd \"\"name\"\"\" FROM (\nSELECT 1 -- end\n) AS kept ORDER BY 1");
	f = form(a, "pie", "revenue", "", "sum");
	f.x = "country";
	assert_string_equal(keep_sql(a, &f), "SELECT country, sum(revenue) AS revenue FROM (\nSELECT 1 -- end\n) AS kept GROUP BY 1"
	                                     " ORDER BY 2 DESC NULLS LAST, 1");
	f = form(a, "bar", "revenue", "country", "avg");
	assert_string_equal(keep_sql(a, &f), "WITH kept AS (\nSELECT 1 -- end\n), largest AS (SELECT country FROM kept WHERE country IS NOT NULL"
	                                     " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 8)\nSELECT month, CASE WHEN country IN"
	                                     " (SELECT country FROM largest) THEN country::text ELSE 'all others' END AS country,"
	                                     " avg(revenue) AS revenue FROM kept GROUP BY 1, 2 ORDER BY 1, 3 DESC NULLS LAST");
	f = form(a, "bar", "revenue", "", "count");
	f.x = "country";
	assert_string_equal(keep_sql(a, &f), "SELECT country, count(*) AS revenue FROM (\nSELECT 1 -- end\n) AS kept GROUP BY 1"
	                                     " ORDER BY 2 DESC NULLS LAST, 1");
	f = form(a, "table", "", "", "none");
	assert_string_equal(keep_sql(a, &f), f.sql);
	arena_free(a);
}

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in: %s", part, text);
}

static void test_web__the_figure_refers_to_the_columns(void **state)
{
	struct arena *a = arena_create();
	struct keep_form f = form(a, "lying", "revenue", "", "none");
	struct json_object *o;

	(void)state;
	assert_holds(keep_figure(a, &f), "{\"data\":[{\"type\":\"bar\",\"name\":\"revenue\",\"y\":{\"$data\":\"rows.month\"},"
	                                 "\"x\":{\"$data\":\"rows.revenue\"},\"orientation\":\"h\"}]");
	assert_holds(keep_figure(a, &f), "\"tickformat\":\",.0f\"");
	f = form(a, "area", "revenue", "country", "sum");
	f.stacked = true;
	assert_holds(keep_figure(a, &f), "\"$each\":\"rows.country\",\"name\":{\"$value\":true},\"x\":{\"$data\":\"rows.month\"},"
	                                 "\"y\":{\"$data\":\"rows.revenue\"},\"stackgroup\":\"one\"");
	f = form(a, "table", "", "", "none");
	assert_holds(keep_figure(a, &f), "\"type\":\"table\"");
	for (size_t i = 0, n; i < 7; i++) {
		f = form(a, keep_choices(KEEP_KINDS, &n)[i].name, "revenue", "", "none");
		assert_int_equal(n, 7);
		assert_ok(json_read(a, str_of(keep_figure(a, &f)), JSON_DEPTH, &o));
	}
	arena_free(a);
}

static void test_web__a_form_is_opened_as_it_was_kept(void **state)
{
	struct arena *a = arena_create();
	struct keep_form f = form(a, "bar", "revenue", "country", "sum"), got;

	(void)state;
	f.stacked = true;
	assert_ok(keep_read(a, keep_json(a, &f), &got));
	assert_string_equal(keep_json(a, &got), keep_json(a, &f));
	assert_string_equal(keep_sql(a, &got), keep_sql(a, &f));
	assert_int_equal(got.columns[0].kind, QUERY_DATE);
	assert_ok(keep_read(a, "{}", &got));
	assert_err(keep_check(a, &got), ERR_INVALID);
	arena_free(a);
}

static const struct CMUnitTest web_keep_tests[] = {
        cmocka_unit_test(test_web__the_form_begins_with_the_automatic_chart),
        cmocka_unit_test(test_web__a_form_that_makes_no_chart_says_why),
        cmocka_unit_test(test_web__the_database_aggregates_and_makes_series),
        cmocka_unit_test(test_web__the_figure_refers_to_the_columns),
        cmocka_unit_test(test_web__a_form_is_opened_as_it_was_kept),
};
UNIT_SUITE(web_keep_tests);
