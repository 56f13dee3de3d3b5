/*
 * A form becomes a figure: the statement that gives its columns, and Plotly's JSON that refers to them. Series and
 * aggregates are computed by the database, over all rows and for whoever looks; neither holds a value of a row. Pure.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "sql/sql.h"
#include "web/chart_priv.h"
#include "web/keep_priv.h"

enum { SERIES = 8 }; /* of their own */

static const struct keep_choice kinds[] = {
#define KIND(name, label) {#name, label, NULL},
#include "web/keep.def"
#undef KIND
};
static const struct keep_choice formats[] = {
#define FORMAT(name, label, d3) {#name, label, d3},
#include "web/keep.def"
#undef FORMAT
};
static const struct keep_choice aggregates[] = {
#define AGGREGATE(name, label) {#name, label, NULL},
#include "web/keep.def"
#undef AGGREGATE
};
#define COUNT(list) (sizeof(list) / sizeof(*(list)))
static const struct {
	const struct keep_choice *p;
	size_t n;
} lists[KEEP_LIST__MAX] = {[KEEP_KINDS] = {kinds, COUNT(kinds)},
                           [KEEP_FORMATS] = {formats, COUNT(formats)},
                           [KEEP_AGGREGATES] = {aggregates, COUNT(aggregates)}};

const struct keep_choice *keep_choices(enum keep_list list, size_t *n)
{
	*n = lists[list].n;
	return lists[list].p;
}

const struct keep_choice *keep_choice(enum keep_list list, const char *name)
{
	for (size_t i = 0; name && i < lists[list].n; i++)
		if (!strcmp(lists[list].p[i].name, name))
			return &lists[list].p[i];
	return NULL;
}

static bool is(const char *text, const char *name)
{
	return !strcmp(text, name);
}

/* The form ------------------------------------------------------------------------------------------------ */

static const char *kind_of(const struct web_chart *c)
{
	if (!c)
		return "table";
	return c->kind == WEB_CHART_BAR && c->horizontal ? "lying" : web_chart_name(c->kind);
}

struct keep_form keep_default(struct arena *a, const struct query_result *r)
{
	const struct web_chart *c = web_chart(a, r, r->nrows);
	struct keep_form f = {.sql = r->sql_asked,
	                      .columns = r->columns,
	                      .ncolumns = r->ncolumns,
	                      .kind = kind_of(c),
	                      .x = c ? c->x_name : r->columns[0].name,
	                      .y = {ARENA_ARRAY(a, const char *, KEEP_MEASURES), 0},
	                      .series = c && c->by_name ? c->by_name : "",
	                      .aggregate = c && c->by_name ? "sum" : "none",
	                      .format = "plain"};

	if (c && c->y_name)
		f.y.p[f.y.n++] = c->y_name;
	for (size_t i = 0; c && !c->y_name && i < c->nseries && f.y.n < KEEP_MEASURES; i++)
		f.y.p[f.y.n++] = c->series[i].name;
	return f;
}

static const struct query_column *column(const struct keep_form *f, const char *name)
{
	for (size_t i = 0; i < f->ncolumns; i++)
		if (is(f->columns[i].name, name))
			return &f->columns[i];
	return NULL;
}

static struct err *wrong(struct arena *a, const char *field, const char *what)
{
	return err_code(err_new(a, ERR_INVALID, "%s", what), field);
}

static struct err *check_measures(struct arena *a, const struct keep_form *f)
{
	if (!f->y.n || f->y.n > KEEP_MEASURES)
		return wrong(a, "y", "a chart shows one to eight columns of numbers");
	for (size_t i = 0; i < f->y.n; i++) {
		const struct query_column *c = column(f, f->y.p[i]);

		if (!c)
			return wrong(a, "y", "there is no such column of numbers");
		if (c->kind != QUERY_NUMBER && !is(f->aggregate, "count"))
			return wrong(a, "y", "only numbers can be shown; others can be counted");
		if (is(f->y.p[i], f->x) || is(f->y.p[i], f->series))
			return wrong(a, "y", "a column cannot be shown against itself");
	}
	return NULL;
}

struct err *keep_check(struct arena *a, const struct keep_form *f)
{
	if (!keep_choice(KEEP_KINDS, f->kind))
		return wrong(a, "kind", "there is no such kind of chart");
	if (!keep_choice(KEEP_FORMATS, f->format))
		return wrong(a, "format", "there is no such format");
	if (!keep_choice(KEEP_AGGREGATES, f->aggregate))
		return wrong(a, "aggregate", "rows cannot be taken together like that");
	if (is(f->kind, "table"))
		return NULL;
	if (!column(f, f->x))
		return wrong(a, "x", "there is no such column");
	if (*f->series && (!column(f, f->series) || is(f->series, f->x)))
		return wrong(a, "series", "the series are the values of another column");
	if (*f->series && f->y.n > 1)
		return wrong(a, "series", "series are made of one column of numbers");
	if (*f->series && is(f->kind, "pie"))
		return wrong(a, "series", "a pie has no series");
	if (*f->series && is(f->aggregate, "none"))
		return wrong(a, "aggregate", "rows of a series that are alike become one: choose how, their sum for example");
	return check_measures(a, f);
}

/* The statements -------------------------------------------------------------------------------------------- */

static struct str rows_of(const struct keep_form *f)
{
	struct str sql = str_trim(str_of(f->sql));

	while (sql.n && sql.p[sql.n - 1] == ';')
		sql = str_trim((struct str){sql.p, sql.n - 1});
	return sql;
}

static void put_measure(struct arena *a, struct buf *b, const struct keep_form *f, const char *y)
{
	const char *name = sql_quote_ident(a, y);

	if (is(f->aggregate, "none"))
		buf_printf(b, ", %s", name);
	else if (is(f->aggregate, "count"))
		buf_printf(b, ", count(*) AS %s", name);
	else
		buf_printf(b, ", %s(%s) AS %s", f->aggregate, name, name);
}

static bool is_ordered(const struct keep_form *f)
{
	const struct query_column *x = column(f, f->x);

	return is(f->kind, "line") || is(f->kind, "area") || x->kind == QUERY_DATE || x->kind == QUERY_TIME;
}

/* The largest values are a series each, what is left is one more, so that nothing is missing from a sum. The rows stand on
 * lines of their own: they may end with a comment. */
static const char *series_sql(struct arena *a, const struct keep_form *f)
{
	struct buf b = buf_init(a, BUF_PAGE);
	const char *by = sql_quote_ident(a, f->series);

	buf_printf(&b, "WITH kept AS (\n%.*s\n), largest AS (SELECT %s FROM kept WHERE %s IS NOT NULL GROUP BY 1"
	           " ORDER BY count(*) DESC, 1 LIMIT %d)\nSELECT %s, CASE WHEN %s IN (SELECT %s FROM largest) THEN %s::text"
	           " ELSE 'all others' END AS %s", STR_ARG(rows_of(f)), by, by, SERIES, sql_quote_ident(a, f->x), by, by, by, by);
	put_measure(a, &b, f, f->y.p[0]);
	buf_add_cstr(&b, " FROM kept GROUP BY 1, 2 ORDER BY ");
	buf_add_cstr(&b, is_ordered(f) ? "1, 3 DESC NULLS LAST" : "3 DESC NULLS LAST, 1");
	return buf_cstr(&b);
}

static const char *plain_sql(struct arena *a, const struct keep_form *f)
{
	struct buf b = buf_init(a, BUF_PAGE);
	bool grouped = !is(f->aggregate, "none");

	buf_printf(&b, "SELECT %s", sql_quote_ident(a, f->x));
	for (size_t i = 0; i < f->y.n; i++)
		put_measure(a, &b, f, f->y.p[i]);
	buf_printf(&b, " FROM (\n%.*s\n) AS kept", STR_ARG(rows_of(f)));
	if (grouped)
		buf_add_cstr(&b, " GROUP BY 1");
	if (is_ordered(f))
		buf_add_cstr(&b, " ORDER BY 1");
	else if (grouped)
		buf_add_cstr(&b, " ORDER BY 2 DESC NULLS LAST, 1");
	return buf_cstr(&b);
}

const char *keep_sql(struct arena *a, const struct keep_form *f)
{
	if (is(f->kind, "table"))
		return f->sql;
	return *f->series ? series_sql(a, f) : plain_sql(a, f);
}

/* The figure ------------------------------------------------------------------------------------------------ */

struct figure {
	struct arena *a;
	struct json_writer w;
	const struct keep_form *f;
	const char *d3;
};

static void put_reference(struct figure *g, const char *key, const char *name)
{
	json_object_open(&g->w, key);
	json_put_cstr(&g->w, "$data", arena_printf(g->a, KEEP_SOURCE ".%s", name));
	json_object_close(&g->w);
}

static void put_name(struct figure *g, const char *name)
{
	if (!*g->f->series) {
		json_put_cstr(&g->w, "name", name);
		return;
	}
	json_put_cstr(&g->w, "$each", arena_printf(g->a, KEEP_SOURCE ".%s", g->f->series));
	json_object_open(&g->w, "name");
	json_put_bool(&g->w, "$value", true);
	json_object_close(&g->w);
}

static void put_trace(struct figure *g, const char *name)
{
	static const struct {
		const char *kind, *type, *mode;
	} types[] = {{"line", "scatter", "lines"}, {"area", "scatter", "lines"}, {"scatter", "scatter", "markers"},
	             {"bar", "bar", NULL},         {"lying", "bar", NULL},       {"pie", "pie", NULL}};
	const struct keep_form *f = g->f;
	bool lying = is(f->kind, "lying"), pie = is(f->kind, "pie");
	struct json_writer *w = &g->w;

	json_object_open(w, NULL);
	for (size_t i = 0; i < COUNT(types); i++)
		if (is(types[i].kind, f->kind)) {
			json_put_cstr(w, "type", types[i].type);
			if (types[i].mode)
				json_put_cstr(w, "mode", types[i].mode);
		}
	put_name(g, name);
	put_reference(g, pie ? "labels" : lying ? "y" : "x", f->x);
	put_reference(g, pie ? "values" : lying ? "x" : "y", name);
	if (lying)
		json_put_cstr(w, "orientation", "h");
	if (is(f->kind, "area"))
		json_put_cstr(w, f->stacked ? "stackgroup" : "fill", f->stacked ? "one" : "tozeroy");
	json_object_close(w);
}

/* Numbers that name things have no separators. */
static const char *table_format(const struct figure *g, const struct query_column *c)
{
	if (c->kind != QUERY_NUMBER || web_number_kind(c->name) != WEB_MEASURE)
		return "";
	return *g->d3 ? g->d3 : ",";
}

static void put_alignment(struct figure *g)
{
	json_array_open(&g->w, "align");
	for (size_t i = 0; i < g->f->ncolumns; i++)
		json_put_cstr(&g->w, NULL, g->f->columns[i].kind == QUERY_NUMBER ? "right" : "left");
	json_array_close(&g->w);
}

static void put_table(struct figure *g)
{
	const struct keep_form *f = g->f;
	struct json_writer *w = &g->w;

	json_object_open(w, NULL);
	json_put_cstr(w, "type", "table");
	json_object_open(w, "header");
	json_array_open(w, "values");
	for (size_t i = 0; i < f->ncolumns; i++)
		json_put_cstr(w, NULL, f->columns[i].name);
	json_array_close(w);
	put_alignment(g);
	json_object_close(w);
	json_object_open(w, "cells");
	json_array_open(w, "values");
	for (size_t i = 0; i < f->ncolumns; i++)
		put_reference(g, NULL, f->columns[i].name);
	json_array_close(w);
	json_array_open(w, "format");
	for (size_t i = 0; i < f->ncolumns; i++)
		json_put_cstr(w, NULL, table_format(g, &f->columns[i]));
	json_array_close(w);
	put_alignment(g);
	json_put_i64(w, "height", 26);
	json_object_close(w);
	json_object_close(w);
}

static void put_title(struct json_writer *w, const char *text)
{
	json_object_open(w, "title");
	json_put_cstr(w, "text", text);
	json_object_close(w);
}

static void put_axis(struct figure *g, const char *key, const char *title, bool values)
{
	const struct query_column *x = column(g->f, g->f->x);
	struct json_writer *w = &g->w;

	json_object_open(w, key);
	json_put_bool(w, "automargin", true);
	if (title)
		put_title(w, title);
	if (values && *g->d3)
		json_put_cstr(w, "tickformat", g->d3);
	if (!values && is(g->f->kind, "lying"))
		json_put_cstr(w, "autorange", "reversed");
	if (!values && (x->kind == QUERY_TEXT || x->kind == QUERY_BOOL))
		json_put_cstr(w, "type", "category");
	json_object_close(w);
}

static void put_layout(struct figure *g)
{
	static const char *const colours[] = {"#2f87a8", "#c9974b", "#3ba499", "#8d5a86", "#6978ae", "#c9422f", "#a4502f", "#7a52c9"};
	const struct keep_form *f = g->f;
	const char *alone = f->y.n == 1 ? f->y.p[0] : NULL;
	bool lying = is(f->kind, "lying");
	struct json_writer *w = &g->w;

	json_object_open(w, "layout");
	json_array_open(w, "colorway");
	for (size_t i = 0; i < COUNT(colours); i++)
		json_put_cstr(w, NULL, colours[i]);
	json_array_close(w);
	if (!is(f->kind, "table") && !is(f->kind, "pie")) {
		put_axis(g, lying ? "yaxis" : "xaxis", lying ? NULL : f->x, false);
		put_axis(g, lying ? "xaxis" : "yaxis", alone, true);
		json_put_cstr(w, "barmode", f->stacked ? "stack" : "group");
		json_put_cstr(w, "hovermode", is(f->kind, "scatter") ? "closest" : lying ? "y unified" : "x unified");
	}
	json_object_open(w, "margin");
	json_put_i64(w, "t", 32);
	json_put_i64(w, "r", 24);
	json_put_i64(w, "b", 48);
	if (is(f->kind, "table"))
		json_put_i64(w, "l", 24);
	json_object_close(w);
	json_put_bool(w, "showlegend", *f->series || f->y.n > 1 || is(f->kind, "pie"));
	json_object_close(w);
}

const char *keep_figure(struct arena *a, const struct keep_form *f)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct figure g = {a, {.b = &b}, f, keep_choice(KEEP_FORMATS, f->format)->d3};

	json_object_open(&g.w, NULL);
	json_array_open(&g.w, "data");
	if (is(f->kind, "table"))
		put_table(&g);
	else
		for (size_t i = 0; i < f->y.n; i++)
			put_trace(&g, f->y.p[i]);
	json_array_close(&g.w);
	put_layout(&g);
	json_object_close(&g.w);
	return buf_cstr(&b);
}
