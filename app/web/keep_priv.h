/* Between keep.c and keep_figure.c: the form by which a result becomes an artifact. */
#ifndef WEB_KEEP_PRIV_H
#define WEB_KEEP_PRIV_H

#include "lib/json.h"
#include "query/query.h"

enum { KEEP_MEASURES = 8 };
#define KEEP_SOURCE "rows" /* the name of the query in the data */

struct keep_choice {
	const char *name;
	const char *label;
	const char *d3; /* of a format */
};
enum keep_list { KEEP_KINDS, KEEP_FORMATS, KEEP_AGGREGATES, KEEP_LIST__MAX };
const struct keep_choice *keep_choices(enum keep_list list, size_t *n);
const struct keep_choice *keep_choice(enum keep_list list, const char *name);

struct keep_form {
	const char *sql; /* of the rows that are kept */
	struct query_column *columns;
	size_t ncolumns;
	const char *kind;
	const char *x;
	struct db_texts y;
	const char *series; /* a column, each of whose values is a series, or "" */
	const char *aggregate;
	const char *format;
	bool stacked;
};

/* What the chart of a result says, filled in; a table where it has none. */
struct keep_form keep_default(struct arena *a, const struct query_result *r);
/* INVALID, its code the field. */
MUST_CHECK struct err *keep_check(struct arena *a, const struct keep_form *f);
/* The statement behind the artifact. Which values make series is found anew for whoever looks. */
const char *keep_sql(struct arena *a, const struct keep_form *f);
/* The figure, Plotly's JSON with references to the data. */
const char *keep_figure(struct arena *a, const struct keep_form *f);
/* As it is stored, and back. */
const char *keep_json(struct arena *a, const struct keep_form *f);
MUST_CHECK struct err *keep_read(struct arena *a, const char *json, struct keep_form *out);

#endif
