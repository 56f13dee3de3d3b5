/* Between chart.c and chart_shape.c: the columns of a result by what they are to a chart. */
#ifndef WEB_CHART_SHAPE_PRIV_H
#define WEB_CHART_SHAPE_PRIV_H

#include "web/chart_priv.h"

struct chart_columns {
	size_t *p;
	size_t n;
};

struct chart_shape {
	struct arena *a;
	const struct query_result *r;
	size_t total;
	struct chart_columns ordered;  /* dates, times, years */
	struct chart_columns names;    /* texts and truth values */
	struct chart_columns measures; /* numbers that are not keys */
	bool listing;                  /* rows of a table, each with its own id */
};

void chart_shape_read(struct arena *a, const struct query_result *r, size_t total, struct chart_shape *s);

const char *chart_cell(const struct chart_shape *s, size_t row, size_t column);
/* False for NULL, NaN, infinity and what is no number. */
bool chart_number(const char *text, double *value);
/* The largest magnitude in a column, 0 for none. */
double chart_largest(const struct chart_shape *s, size_t column);

/* Different texts, numbered in the order in which they came. */
struct chart_index {
	struct arena *a;
	const char **keys;
	size_t n;
	size_t *slots; /* number + 1, 0 is free */
	size_t nslots;
};
struct chart_index chart_index(struct arena *a, size_t most);
size_t chart_index_of(struct chart_index *x, const char *key);
/* Different values of a column (NULL is one), and of the pairs of two. */
size_t chart_distinct(const struct chart_shape *s, size_t column);
size_t chart_distinct_pairs(const struct chart_shape *s, size_t one, size_t two);

#endif
