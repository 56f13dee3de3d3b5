/* Which chart a result calls for, by its shape; and that none is made where one would mislead. */
#include "web/chart_priv.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "unit.h"

/* "name:kind name:kind\n a|b\n ..."; kinds d(ate) t(ime) n(umber) w(ords) b(ool) j(son) u(uid); "-" is NULL. */
static struct query_result *result(struct arena *a, const char *text)
{
	struct query_result *r = ARENA_NEW(a, struct query_result);
	struct str rest = str_of(text), head = str_chop(&rest, '\n');

	r->columns = ARENA_ARRAY(a, struct query_column, 300);
	while (head.p) {
		struct str one = str_chop(&head, ' ');
		struct query_column *c = &r->columns[r->ncolumns++];
		c->name = str_dup(a, str_chop(&one, ':'));
		c->kind = *one.p == 'd'   ? QUERY_DATE
		          : *one.p == 't' ? QUERY_TIME
		          : *one.p == 'n' ? QUERY_NUMBER
		          : *one.p == 'b' ? QUERY_BOOL
		          : *one.p == 'j' ? QUERY_JSON
		                          : QUERY_TEXT;
		c->type = *one.p == 'u' ? "uuid" : NULL;
	}
	r->cells = ARENA_ARRAY(a, const char *, 8192 * r->ncolumns);
	while (rest.p) {
		struct str row = str_chop(&rest, '\n');
		if (!row.n)
			continue;
		for (size_t i = 0; i < r->ncolumns; i++) {
			struct str cell = str_chop(&row, '|');
			r->cells[r->nrows * r->ncolumns + i] = str_is(cell, "-") ? NULL : str_dup(a, cell);
		}
		r->nrows++;
	}
	return r;
}

/* Rows made of a printf format with one number, twice. */
static const char *rows(struct arena *a, const char *head, size_t n, const char *(*row)(struct arena *a, size_t i))
{
	struct buf b = buf_init(a, BUF_PAGE);

	buf_printf(&b, "%s\n", head);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s\n", row(a, i));
	return buf_cstr(&b);
}

/* "line date 12 x1 | name name" and so on: kind, axis, points, how many series, their names. */
static const char *words(struct arena *a, const struct web_chart *c)
{
	static const char *const axes[] = {"date", "category", "number"};
	struct buf b = buf_init(a, BUF_LINE);
	size_t n = 0;

	if (!c)
		return "none";
	for (size_t i = 0; i < c->nseries; i++)
		n += c->series[i].n;
	buf_printf(&b, "%s%s %s %zu:", c->horizontal ? "lying " : "", web_chart_name(c->kind), axes[c->axis], n);
	for (size_t i = 0; i < c->nseries; i++)
		buf_printf(&b, " %s", c->series[i].name);
	if (c->left_out)
		buf_printf(&b, " without %s", c->left_out);
	return buf_cstr(&b);
}

static void assert_chart(struct arena *a, const char *text, const char *expected)
{
	struct query_result *r = result(a, text);
	const char *got = words(a, web_chart(a, r, r->nrows));

	if (strcmp(got, expected) != 0)
		fail_msg("%s\ngives %s, not %s", text, got, expected);
}

static void test_chart__the_shape_decides(void **state)
{
	static const char *const cases[][2] = {
	        {"month:d revenue:n\n2025-01-01|10\n2025-02-01|12\n2025-03-01|-", "bar category 3: revenue"},
	        {"month:d revenue:n\n2025-01-01|1\n2025-02-01|1\n2025-03-01|1\n2025-04-01|1\n2025-05-01|1\n2025-06-01|1\n2025-07-01|1",
	         "line date 7: revenue"},
	        {"m:w n:n\n2025-01|1\n2025-02|1\n2025-03|1\n2025-04|1\n2025-05|1\n2025-06|1\n2025-07|1", "line date 7: n"},
	        {"q:w n:n\n2025-Q1|1\n2025-Q2|1\n2025-Q3|1\n2025-Q4|1\n2026-Q1|1\n2026-Q2|1\n2026-Q3|1", "line category 7: n"},
	        {"year:n orders:n\n2024|10\n2025|12", "bar category 2: orders"},
	        {"at:t a:n b:n\n2025-01-01 00:00:00|1|2\n2025-01-02 00:00:00|3|4", "bar category 4: a b"},
	        {"at:t revenue:n orders:n\n2025-01-01 00:00:00|100000|2\n2025-01-02 00:00:00|3|4", "bar category 2: revenue without orders"},
	        {"month:d orders:n gross:n refunded:n net:n\n2025-01-01|1000|300000|19000|280000\n2025-02-01|900|310000|39000|270000",
	         "bar category 6: gross refunded net without orders"},
	        {"month:d country:w revenue:n\n2025-01-01|DE|1\n2025-01-01|FR|2\n2025-02-01|DE|3", "bar category 3: DE FR"},
	        {"year:n month:n revenue:n\n2024|1|5\n2024|2|6\n2025|1|7", "bar category 3: 2024 2025"},
	        {"country:w revenue:n\nDE|10\nFR|12", "bar category 2: revenue"},
	        {"product:w revenue:n\nA very long name of a thing|1\nAnother very long name|2", "lying bar category 2: revenue"},
	        {"paid:b n:n\nt|10\nf|12", "bar category 2: n"},
	        {"country:w status:w n:n\nDE|paid|10\nDE|open|2\nFR|paid|12", "bar category 3: paid open"},
	        {"customer_id:n name:w revenue:n\n7|Ada|10\n9|Bob|12", "bar category 2: revenue"},
	        {"rank:n name:w revenue:n\n1|Ada|12\n2|Bob|10", "bar category 2: revenue"},
	        {"day:d orders_per_day:n\n2025-01-01|3\n2025-01-02|4", "bar category 2: orders_per_day"},
	        /* None. */
	        {"month:d revenue:n\n2025-01-01|10", "none"},
	        {"n:n\n1\n2", "none"},
	        {"a:w b:w\nx|y\nz|w", "none"},
	        {"id:n customer_id:n at:t status:w total:n\n1|2|2025-01-01 10:00:00|paid|5\n2|3|2025-01-02 10:00:00|paid|6", "none"},
	        {"order_id:n customer_id:n\n1|2\n2|3", "none"},
	        {"id:u n:n\n1|2\n2|3", "none"},
	        {"a:n b:n\n1|2\n2|3", "none"},
	        {"name:w price:n\nx|$1.00\ny|$2.00", "none"},
	        {"name:w price:n\nx|-\ny|-", "none"},
	        {"name:w doc:j\nx|1\ny|2", "none"},
	        {"country:w n:n\nDE|1\nDE|2", "none"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_chart(a, cases[i][0], cases[i][1]);
	arena_free(a);
}

static const char *pair(struct arena *a, size_t i)
{
	return arena_printf(a, "%zu|%zu", i % 97, i * i % 89);
}

static const char *named(struct arena *a, size_t i)
{
	return arena_printf(a, "name %zu|%zu|%zu", i, i, i * 2);
}

static const char *dated(struct arena *a, size_t i)
{
	return arena_printf(a, "%04zu-%02zu-%02zu|%zu", 2000 + i / 336, i / 28 % 12 + 1, i % 28 + 1, i);
}

static const char *by_country(struct arena *a, size_t i)
{
	return arena_printf(a, "2025-%02zu-01|country %zu|%zu", i / 12 + 1, i % 12, i);
}

static const char *long_named(struct arena *a, size_t i)
{
	return arena_printf(a, "a name of some length %zu|%zu", i, i);
}

static const char *class_of(struct arena *a, const char *text)
{
	struct query_result *r = result(a, text);

	return web_chart_class(web_chart(a, r, r->nrows), r->nrows);
}

static void test_chart__many_lying_bars_have_room(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_string_equal(class_of(a, rows(a, "name:w n:n", 16, long_named)), "bar");
	assert_string_equal(class_of(a, rows(a, "name:w n:n", 17, long_named)), "bar tall");
	assert_string_equal(class_of(a, rows(a, "name:w n:n", 41, long_named)), "bar");
	assert_null(class_of(a, "n:n\n1"));
	arena_free(a);
}

static void test_chart__the_size_decides_too(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_chart(a, rows(a, "a:n b:n", 300, pair), "scatter number 300: b");
	assert_chart(a, rows(a, "name:w a:n b:n", 60, named), "bar category 120: a b");
	assert_chart(a, rows(a, "name:w a:n b:n", 61, named), "scatter number 61: b");
	assert_chart(a, rows(a, "day:d n:n", 5000, dated), "line date 5000: n");
	assert_chart(a, rows(a, "day:d n:n", 5001, dated), "none");
	assert_chart(a, rows(a, "month:d country:w n:n", 48, by_country), "none"); /* more than eight */
	arena_free(a);
}

/* The first rows with the number of all tell the same as all of them. */
static void test_chart__the_first_rows_are_enough_to_offer_one(void **state)
{
	struct arena *a = arena_create();
	struct query_result *r = result(a, rows(a, "day:d n:n", 10, dated));

	(void)state;
	assert_string_equal(words(a, web_chart(a, r, 365)), "line date 10: n");
	assert_null(web_chart(a, r, 5001));
	arena_free(a);
}

static void test_chart__points_are_in_order_and_numbers_are_numbers(void **state)
{
	struct arena *a = arena_create();
	struct query_result *r = result(a, "day:t n:n\n2025-01-03 00:00:00+00|3\n2025-01-01 00:00:00+00|NaN\n-|5\n"
	                                   "infinity|6\n2025-01-02 08:30:00+00|1e300");
	struct web_chart *c = web_chart(a, r, r->nrows);
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {.b = &b};

	(void)state;
	assert_non_null(c);
	json_object_open(&w, NULL);
	web_chart_put(&w, c);
	json_object_close(&w);
	assert_string_equal(buf_cstr(&b),
	                    "{\"kind\":\"bar\",\"axis\":\"category\",\"horizontal\":false,\"x\":\"day\",\"y\":null,"
	                    "\"label\":\"Bar chart of n by day, 3 bars\",\"left_out\":null,\"series\":[{\"name\":\"n\","
	                    "\"x\":[\"2025-01-01\",\"2025-01-02 08:30\",\"2025-01-03\"],\"y\":[null,1e+300,3]}]}");
	arena_free(a);
}

static void test_chart__names_of_columns_tell_what_numbers_are(void **state)
{
	static const struct {
		const char *name;
		enum web_number kind;
	} cases[] = {
	        {"id", WEB_KEY},      {"customer_id", WEB_KEY},     {"Customer ID", WEB_KEY},  {"paid", WEB_MEASURE},
	        {"year", WEB_ORDINAL}, {"order_month", WEB_ORDINAL}, {"revenue", WEB_MEASURE}, {"zip_code", WEB_KEY},
	        {"per day", WEB_MEASURE}, {"orders_per_week", WEB_MEASURE}, {"", WEB_MEASURE}, {"holiday", WEB_MEASURE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (web_number_kind(cases[i].name) != cases[i].kind)
			fail_msg("%s", cases[i].name);
}

static const struct CMUnitTest chart_tests[] = {
        cmocka_unit_test(test_chart__the_shape_decides),
        cmocka_unit_test(test_chart__the_size_decides_too),
        cmocka_unit_test(test_chart__many_lying_bars_have_room),
        cmocka_unit_test(test_chart__the_first_rows_are_enough_to_offer_one),
        cmocka_unit_test(test_chart__points_are_in_order_and_numbers_are_numbers),
        cmocka_unit_test(test_chart__names_of_columns_tell_what_numbers_are),
};
UNIT_SUITE(chart_tests);
