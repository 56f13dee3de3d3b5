/* Inside web/: whether a result calls for a chart, which one, and its points. */
#ifndef WEB_CHART_PRIV_H
#define WEB_CHART_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "query/query.h"

struct arena;
struct json_writer;

enum { WEB_CHART_POINTS = 5000, WEB_CHART_SERIES = 8 };

enum web_chart_kind { WEB_CHART_LINE, WEB_CHART_BAR, WEB_CHART_SCATTER };

/* What stands along the x axis. */
enum web_chart_axis { WEB_CHART_DATES, WEB_CHART_CATEGORIES, WEB_CHART_NUMBERS };

struct web_chart_series {
	const char *name;
	const char **x;
	const char **y;     /* numbers as text; NULL where there is none */
	const char **label; /* what a point is, in a scatter plot; or NULL */
	size_t n;
};

struct web_chart {
	enum web_chart_kind kind;
	enum web_chart_axis axis;
	bool horizontal; /* bars, because their names are long */
	const char *x_name;
	const char *y_name; /* NULL where each series has its own */
	const char *by_name; /* the column whose values are the series; NULL where each is a column */
	struct web_chart_series *series;
	size_t nseries;
	const char *left_out; /* columns that have no place in it, "a, b"; or NULL */
	const char *label;    /* in words, for those who do not see it */
};

/* The chart of a result, NULL where its shape calls for none: dates and numbers are lines (a few points bars), names and
 * numbers bars in the order given, two columns of many numbers a scatter plot; a second column of names makes series. Never of
 * one row, of more than WEB_CHART_POINTS, or of numbers that only name things. r may hold the first rows alone: total is
 * how many there are. Pure. */
struct web_chart *web_chart(struct arena *a, const struct query_result *r, size_t total);

/* "line", "bar", "scatter". */
const char *web_chart_name(enum web_chart_kind kind);
/* The same as classes of its panel, "bar tall" where it needs more room; NULL for no chart. */
const char *web_chart_class(const struct web_chart *c, size_t rows);
/* The members of the open object: kind, axis, horizontal, x, y, label, left_out, series [{"name","x","y","label"}]. */
void web_chart_put(struct json_writer *w, const struct web_chart *c);

/* What the numbers of a column are by its name: something that is counted or measured, a key ("id", "zip_code"), or
 * a place in an order ("year", "hour"). */
enum web_number { WEB_MEASURE, WEB_KEY, WEB_ORDINAL };
enum web_number web_number_kind(const char *column);

#endif
