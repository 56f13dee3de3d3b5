/* A query result as an HTML table. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "web/chart_priv.h"
#include "web/web_priv.h"

enum { CELL_CHARS = 300 };

static const struct view cell_view =
        VIEW(struct web_cell, VIEW_STR(struct web_cell, text), VIEW_STR(struct web_cell, kind),
             VIEW_STR(struct web_cell, exact), VIEW_BOOL(struct web_cell, null));
static const struct view row_view =
        VIEW(struct web_row, VIEW_I64(struct web_row, n), VIEW_LIST(struct web_row, cells, ncells, &cell_view));
static const struct view column_view =
        VIEW(struct web_column, VIEW_STR(struct web_column, name), VIEW_STR(struct web_column, type),
             VIEW_STR(struct web_column, kind), VIEW_STR(struct web_column, sorted));
const struct view web_table_view =
        VIEW(struct web_table, VIEW_LIST(struct web_table, columns, ncolumns, &column_view),
             VIEW_LIST(struct web_table, rows, nrows, &row_view), VIEW_BOOL(struct web_table, empty));

static const char *kind_class(const struct query_column *c)
{
	static const char *const classes[QUERY_KIND__MAX] = {
	        [QUERY_TEXT] = "words",  [QUERY_NUMBER] = "number", [QUERY_DATE] = "date",
	        [QUERY_TIME] = "time",   [QUERY_BOOL] = "bool",     [QUERY_JSON] = "json",
	        [QUERY_BYTES] = "bytes",
	};
	/* Numbers that name things are right-aligned but not grouped. */
	if (c->kind == QUERY_NUMBER && web_number_kind(c->name) != WEB_MEASURE)
		return "number plain";
	return classes[c->kind];
}

/* "2025-07-14 00:00:00+00" reads as "2025-07-14 00:00"; the whole of it stays in the title. */
static struct str readable_time(struct str v)
{
	if (str_ends(v, STR(" BC")))
		return v;
	return v.n >= 19 && v.p[4] == '-' && v.p[10] == ' ' && !memcmp(v.p + 16, ":00", 3)
	               ? (struct str){v.p, 16}
	       : v.n > 19 && v.p[4] == '-' && v.p[10] == ' ' ? (struct str){v.p, 19}
	                                                     : v;
}

static struct web_cell make_cell(struct arena *a, const struct query_column *c, const char *kind,
                                 const char *value)
{
	if (!value)
		return (struct web_cell){.text = "–", .kind = kind, .null = true};
	struct str v = str_of(value);
	struct str shown = c->kind == QUERY_TIME ? readable_time(v) : str_utf8_cut(v, CELL_CHARS);
	if (shown.n == v.n)
		return (struct web_cell){.text = value, .kind = kind};
	const char *text =
	        c->kind == QUERY_TIME ? str_dup(a, shown) : arena_printf(a, "%.*s…", STR_ARG(shown));
	return (struct web_cell){.text = text, .kind = kind, .exact = value};
}

struct web_table *web_table(struct arena *a, const struct query_result *r, size_t first, size_t count)
{
	struct web_table *t = ARENA_NEW(a, struct web_table);

	t->ncolumns = r->ncolumns;
	t->columns = ARENA_ARRAY(a, struct web_column, r->ncolumns);
	for (size_t c = 0; c < r->ncolumns; c++)
		t->columns[c] = (struct web_column){.name = r->columns[c].name,
		                                    .type = r->columns[c].type,
		                                    .kind = kind_class(&r->columns[c])};
	size_t left = first < r->nrows ? r->nrows - first : 0;
	t->nrows = left < count ? left : count;
	t->rows = ARENA_ARRAY(a, struct web_row, t->nrows);
	for (size_t i = 0; i < t->nrows; i++) {
		t->rows[i] = (struct web_row){(int64_t)(first + i), ARENA_ARRAY(a, struct web_cell, r->ncolumns),
		                              r->ncolumns};
		for (size_t c = 0; c < r->ncolumns; c++)
			t->rows[i].cells[c] = make_cell(a, &r->columns[c], t->columns[c].kind,
			                                r->cells[(first + i) * r->ncolumns + c]);
	}
	t->empty = t->nrows == 0;
	return t;
}
