/*
 * Which chart a result calls for. The shapes are tried in the order of a table; the first that fits wins, and none is an
 * answer, too: better no chart than one that misleads.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "web/chart_shape_priv.h"

enum {
	FEW_POINTS = 6, /* in time that are bars rather than a line */
	MOST_BARS = 60,
	LONG_NAME = 14, /* characters on average: from here bars lie */
	LYING_BARS = 40,
	TALL_BARS = 16, /* that lie: from here they need more room */
	SCATTER_ROWS = 20,
	COMPARABLE = 25, /* times larger; beyond that two measures share no axis */
};

static struct web_chart *new_chart(const struct chart_shape *s, enum web_chart_kind kind, size_t x)
{
	struct web_chart *c = ARENA_NEW(s->a, struct web_chart);

	c->kind = kind;
	c->x_name = s->r->columns[x].name;
	c->series = ARENA_ARRAY(s->a, struct web_chart_series, WEB_CHART_SERIES);
	return c;
}

static struct web_chart_series *add_series(const struct chart_shape *s, struct web_chart *c, const char *name)
{
	struct web_chart_series *n = &c->series[c->nseries++];

	n->name = name;
	n->x = ARENA_ARRAY(s->a, const char *, s->r->nrows);
	n->y = ARENA_ARRAY(s->a, const char *, s->r->nrows);
	return n;
}

static const char *number_or_null(const char *text)
{
	double v;

	return chart_number(text, &v) ? text : NULL;
}

/* Rows in order ------------------------------------------------------------------------------------------ */

struct place {
	const char *x;
	size_t row;
	bool numbers;
};

static int by_x(const void *one, const void *two)
{
	const struct place *a = one, *b = two;
	double x, y;

	if (a->numbers && chart_number(a->x, &x) && chart_number(b->x, &y) && x != y)
		return x < y ? -1 : 1;
	int order = a->numbers ? 0 : strcmp(a->x, b->x);
	return order ? order : a->row < b->row ? -1 : a->row > b->row;
}

/* The rows as the column orders them; those without a date, or with one that is none (infinity, before Christ), are left out. */
static struct place *in_order(const struct chart_shape *s, size_t column, size_t *n)
{
	struct place *places = ARENA_ARRAY(s->a, struct place, s->r->nrows);
	bool numbers = s->r->columns[column].kind == QUERY_NUMBER;

	*n = 0;
	for (size_t i = 0; i < s->r->nrows; i++) {
		const char *x = chart_cell(s, i, column);
		if (x && *x != 'i' && *x != '-' && !str_ends(str_of(x), STR(" BC")))
			places[(*n)++] = (struct place){x, i, numbers};
	}
	qsort(places, *n, sizeof(*places), by_x);
	return places;
}

/* "2025-03-01 00:00:00+00" is "2025-03-01" where it is one of few names of bars. */
static const char *short_date(struct arena *a, const char *x)
{
	if (strlen(x) < 19 || x[10] != ' ')
		return x;
	return arena_strndup(a, x, !strncmp(x + 10, " 00:00:00", 9) ? 10 : 16);
}

/* Dates that a time axis can place: not "2025-Q1", not the number of a month. */
static bool on_time_axis(const struct chart_shape *s, size_t column)
{
	const struct query_column *c = &s->r->columns[column];

	if (c->kind == QUERY_DATE || c->kind == QUERY_TIME)
		return true;
	for (size_t i = 0; c->kind == QUERY_TEXT && i < s->r->nrows; i++) {
		const char *x = chart_cell(s, i, column);
		if (x && (strlen(x) < 7 || !strpbrk(x, "-") || strpbrk(x, "QW")))
			return false;
	}
	return c->kind == QUERY_TEXT;
}

/* Shapes ------------------------------------------------------------------------------------------------- */

static bool shares_axis(double largest, double top)
{
	return largest <= top && top <= COMPARABLE * largest;
}

/* The top of the axis that most measures can share; of equal ones the first measure's. */
static double axis_top(const double *largest, size_t n)
{
	size_t most = 0, best = 0;

	for (size_t i = 0; i < n; i++) {
		size_t together = 0;
		for (size_t k = 0; k < n; k++)
			together += shares_axis(largest[k], largest[i]);
		if (together > most) {
			most = together;
			best = i;
		}
	}
	return largest[best];
}

/* The measures that can share an axis; the names of the others. */
static struct chart_columns comparable(const struct chart_shape *s, const char **left_out)
{
	struct chart_columns list = {ARENA_ARRAY(s->a, size_t, s->measures.n), 0};
	double *largest = ARENA_ARRAY(s->a, double, s->measures.n), top;

	for (size_t i = 0; i < s->measures.n; i++)
		largest[i] = chart_largest(s, s->measures.p[i]);
	top = axis_top(largest, s->measures.n);
	for (size_t i = 0; i < s->measures.n; i++) {
		const char *name = s->r->columns[s->measures.p[i]].name;

		if (list.n < WEB_CHART_SERIES && shares_axis(largest[i], top))
			list.p[list.n++] = s->measures.p[i];
		else
			*left_out = *left_out ? arena_printf(s->a, "%s, %s", *left_out, name) : name;
	}
	return list;
}

static struct web_chart *time_chart(const struct chart_shape *s, size_t x, size_t points)
{
	struct web_chart *c = new_chart(s, points <= FEW_POINTS ? WEB_CHART_BAR : WEB_CHART_LINE, x);

	c->axis = c->kind == WEB_CHART_LINE && on_time_axis(s, x) ? WEB_CHART_DATES : WEB_CHART_CATEGORIES;
	return c;
}

static const char *x_text(const struct chart_shape *s, const struct web_chart *c, const char *x)
{
	return c->axis == WEB_CHART_DATES ? x : short_date(s->a, x);
}

/* One measure or several, over time. */
static struct web_chart *over_time(const struct chart_shape *s)
{
	size_t n;

	if (!s->ordered.n || chart_distinct(s, s->ordered.p[0]) < s->r->nrows)
		return NULL;
	struct place *places = in_order(s, s->ordered.p[0], &n);
	struct web_chart *c = time_chart(s, s->ordered.p[0], s->total);
	struct chart_columns list = comparable(s, &c->left_out);
	for (size_t m = 0; m < list.n; m++) {
		struct web_chart_series *y = add_series(s, c, s->r->columns[list.p[m]].name);
		for (size_t i = 0; i < n; i++, y->n++) {
			y->x[i] = x_text(s, c, places[i].x);
			y->y[i] = number_or_null(chart_cell(s, places[i].row, list.p[m]));
		}
	}
	return c;
}

/* The first measure, a series for each value of `by`. */
static void split(const struct chart_shape *s, struct web_chart *c, const struct place *places, size_t n, size_t by)
{
	struct chart_index names = chart_index(s->a, s->r->nrows);
	size_t measure = s->measures.p[0];

	c->y_name = s->r->columns[measure].name;
	c->by_name = s->r->columns[by].name;
	for (size_t i = 0; i < n; i++) {
		const char *name = chart_cell(s, places[i].row, by);
		size_t k = chart_index_of(&names, name ? name : "–");

		struct web_chart_series *y = k < c->nseries ? &c->series[k] : add_series(s, c, names.keys[k]);
		y->x[y->n] = x_text(s, c, places[i].x);
		y->y[y->n++] = number_or_null(chart_cell(s, places[i].row, measure));
	}
}

static struct web_chart *over_time_by(const struct chart_shape *s, size_t x, size_t by)
{
	size_t n;

	if (chart_distinct(s, by) > WEB_CHART_SERIES || chart_distinct_pairs(s, x, by) < s->r->nrows)
		return NULL;
	struct place *places = in_order(s, x, &n);
	struct web_chart *c = time_chart(s, x, chart_distinct(s, x));
	split(s, c, places, n, by);
	return c;
}

static struct web_chart *over_time_by_name(const struct chart_shape *s)
{
	return s->ordered.n && s->names.n ? over_time_by(s, s->ordered.p[0], s->names.p[0]) : NULL;
}

/* "year, month, revenue": the years beside each other. */
static struct web_chart *over_time_by_time(const struct chart_shape *s)
{
	return s->ordered.n > 1 ? over_time_by(s, s->ordered.p[1], s->ordered.p[0]) : NULL;
}

static bool long_names(const struct chart_shape *s, size_t column)
{
	size_t sum = 0;

	for (size_t i = 0; i < s->r->nrows; i++) {
		const char *text = chart_cell(s, i, column);
		sum += text ? str_utf8_count(str_of(text)) : 0;
	}
	return sum > LONG_NAME * s->r->nrows;
}

static struct place *as_given(const struct chart_shape *s, size_t column)
{
	struct place *places = ARENA_ARRAY(s->a, struct place, s->r->nrows);

	for (size_t i = 0; i < s->r->nrows; i++) {
		const char *name = chart_cell(s, i, column);
		places[i] = (struct place){name ? name : "–", i, false};
	}
	return places;
}

static struct web_chart *bars(const struct chart_shape *s, size_t x, size_t n)
{
	struct web_chart *c = new_chart(s, WEB_CHART_BAR, x);

	c->axis = WEB_CHART_CATEGORIES;
	c->horizontal = n <= LYING_BARS && long_names(s, x);
	return c;
}

/* Bars in the order of the rows. */
static struct web_chart *by_name(const struct chart_shape *s)
{
	size_t x = 0;

	while (x < s->names.n && chart_distinct(s, s->names.p[x]) < s->r->nrows)
		x++;
	if (s->ordered.n || x == s->names.n || s->total > MOST_BARS)
		return NULL;
	struct web_chart *c = bars(s, s->names.p[x], s->total);
	struct place *places = as_given(s, s->names.p[x]);
	struct chart_columns list = comparable(s, &c->left_out);
	for (size_t m = 0; m < list.n; m++) {
		struct web_chart_series *y = add_series(s, c, s->r->columns[list.p[m]].name);
		for (size_t i = 0; i < s->r->nrows; i++, y->n++) {
			y->x[i] = places[i].x;
			y->y[i] = number_or_null(chart_cell(s, i, list.p[m]));
		}
	}
	return c;
}

static struct web_chart *by_two_names(const struct chart_shape *s)
{
	if (s->ordered.n || s->names.n < 2 || s->total > (size_t)MOST_BARS * 2)
		return NULL;
	size_t x = s->names.p[0], by = s->names.p[1];
	if (chart_distinct(s, by) > WEB_CHART_SERIES || chart_distinct_pairs(s, x, by) < s->r->nrows)
		return NULL;
	struct web_chart *c = bars(s, x, s->total);
	split(s, c, as_given(s, x), s->r->nrows, by);
	return c;
}

/* Two measures of many things. */
static struct web_chart *scatter(const struct chart_shape *s)
{
	if (s->ordered.n || s->measures.n != 2 || s->total < SCATTER_ROWS)
		return NULL;
	struct web_chart *c = new_chart(s, WEB_CHART_SCATTER, s->measures.p[0]);
	struct web_chart_series *p = add_series(s, c, s->r->columns[s->measures.p[1]].name);
	c->axis = WEB_CHART_NUMBERS;
	c->y_name = p->name;
	p->label = s->names.n ? ARENA_ARRAY(s->a, const char *, s->r->nrows) : NULL;
	for (size_t i = 0; i < s->r->nrows; i++) {
		p->x[p->n] = number_or_null(chart_cell(s, i, s->measures.p[0]));
		p->y[p->n] = number_or_null(chart_cell(s, i, s->measures.p[1]));
		if (!p->x[p->n] || !p->y[p->n])
			continue;
		if (p->label)
			p->label[p->n] = chart_cell(s, i, s->names.p[0]);
		p->n++;
	}
	return c;
}

static struct web_chart *(*const shapes[])(const struct chart_shape *s) = {
        over_time, over_time_by_name, over_time_by_time, by_name, by_two_names, scatter,
};

/* Words -------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *title, *point, *points;
} kinds[] = {
        [WEB_CHART_LINE] = {"line", "Line chart", "point", "points"},
        [WEB_CHART_BAR] = {"bar", "Bar chart", "bar", "bars"},
        [WEB_CHART_SCATTER] = {"scatter", "Scatter plot", "point", "points"},
};

const char *web_chart_name(enum web_chart_kind kind)
{
	return kinds[kind].name;
}

const char *web_chart_class(const struct web_chart *c, size_t rows)
{
	return !c ? NULL : c->horizontal && rows > TALL_BARS ? "bar tall" : kinds[c->kind].name;
}

static const char *label_of(struct arena *a, const struct web_chart *c)
{
	struct buf b = buf_init(a, BUF_LINE);
	size_t n = 0;

	buf_printf(&b, "%s of ", kinds[c->kind].title);
	for (size_t i = 0; i < c->nseries; i++)
		n += c->series[i].n;
	for (size_t i = 0; !c->y_name && i < c->nseries; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", c->series[i].name);
	buf_printf(&b, "%s %s %s, %zu %s", c->y_name ? c->y_name : "",
	           c->kind == WEB_CHART_SCATTER ? "against" : "by", c->x_name, n,
	           n == 1 ? kinds[c->kind].point : kinds[c->kind].points);
	if (c->y_name && c->nseries > 1)
		buf_printf(&b, " in %zu series", c->nseries);
	return buf_cstr(&b);
}

struct web_chart *web_chart(struct arena *a, const struct query_result *r, size_t total)
{
	struct chart_shape s;
	struct web_chart *c = NULL;

	if (total < 2 || r->nrows < 2 || total > WEB_CHART_POINTS || r->ncolumns < 2)
		return NULL;
	chart_shape_read(a, r, total, &s);
	if (!s.measures.n || s.listing)
		return NULL;
	for (size_t i = 0; !c && i < sizeof(shapes) / sizeof(*shapes); i++)
		c = shapes[i](&s);
	if (c)
		c->label = label_of(a, c);
	return c;
}

/* JSON --------------------------------------------------------------------------------------------------- */

static void put_numbers(struct json_writer *w, const char *key, const char *const *list, size_t n)
{
	char text[32];
	double v;

	json_array_open(w, key);
	for (size_t i = 0; i < n; i++) {
		if (!chart_number(list[i], &v)) {
			json_put_null(w, NULL);
			continue;
		}
		int length = snprintf(text, sizeof(text), "%.15g", v);
		json_put_raw(w, NULL, (struct str){text, (size_t)length});
	}
	json_array_close(w);
}

static void put_texts(struct json_writer *w, const char *key, const char *const *list, size_t n)
{
	json_array_open(w, key);
	for (size_t i = 0; i < n; i++)
		json_put_cstr(w, NULL, list[i]);
	json_array_close(w);
}

void web_chart_put(struct json_writer *w, const struct web_chart *c)
{
	static const char *const axes[] = {"date", "category", "number"};

	json_put_cstr(w, "kind", kinds[c->kind].name);
	json_put_cstr(w, "axis", axes[c->axis]);
	json_put_bool(w, "horizontal", c->horizontal);
	json_put_cstr(w, "x", c->x_name);
	json_put_cstr(w, "y", c->y_name);
	json_put_cstr(w, "label", c->label);
	json_put_cstr(w, "left_out", c->left_out);
	json_array_open(w, "series");
	for (size_t i = 0; i < c->nseries; i++) {
		const struct web_chart_series *s = &c->series[i];

		json_object_open(w, NULL);
		json_put_cstr(w, "name", s->name);
		if (c->axis == WEB_CHART_NUMBERS)
			put_numbers(w, "x", s->x, s->n);
		else
			put_texts(w, "x", s->x, s->n);
		put_numbers(w, "y", s->y, s->n);
		if (s->label)
			put_texts(w, "label", s->label, s->n);
		json_object_close(w);
	}
	json_array_close(w);
}
