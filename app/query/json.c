/*
 * Results as JSON and back. A number is written as a JSON number only when reading it as a double and writing
 * it again gives the same; money and identifiers that would not survive stay text, and so does what has an
 * exponent: jsonb would spell out 1e+300 in 301 digits.
 */
#include <string.h>

#include "lib/arena.h"
#include "query/query_priv.h"

enum { DIGITS = 15 }; /* decimal digits that every double keeps */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t query_digits(const char *cell, size_t *length)
{
	const char *p = cell + (*cell == '-'), *whole = p;
	size_t digits = 0;

	for (; is_digit(*p); p++)
		digits += digits || *p != '0';
	*length = 0;
	if (p == whole || (*whole == '0' && p != whole + 1))
		return 0;
	if (*p == '.') {
		const char *fraction = ++p;

		for (; is_digit(*p); p++)
			digits += digits || *p != '0';
		if (p == fraction)
			return 0;
	}
	if (*p)
		return 0;
	*length = (size_t)(p - cell);
	/* jsonb has no negative zero. */
	return digits ? digits : *cell != '-';
}

bool query_is_float(const struct query_column *c)
{
	return c->type && (!strcmp(c->type, "real") || !strcmp(c->type, "double precision"));
}

static void put_cell(struct json_writer *w, const struct query_column *c, const char *cell)
{
	size_t length, digits;

	if (cell && c->kind == QUERY_NUMBER) {
		digits = query_digits(cell, &length);
		if (digits && (digits <= DIGITS || query_is_float(c))) {
			json_put_raw(w, NULL, (struct str){cell, length});
			return;
		}
	}
	json_put_cstr(w, NULL, cell);
}

static void put_row(struct json_writer *w, const struct query_column *columns, size_t n,
                    const char *const *cells)
{
	json_array_open(w, NULL);
	for (size_t i = 0; i < n; i++)
		put_cell(w, &columns[i], cells[i]);
	json_array_close(w);
}

void query_put_row(struct json_writer *w, const struct query_result *r, size_t row)
{
	put_row(w, r->columns, r->ncolumns, r->cells + row * r->ncolumns);
}

static void put_head(struct json_writer *w, const struct query_column *columns, size_t n)
{
	json_array_open(w, "columns");
	for (size_t i = 0; i < n; i++) {
		json_object_open(w, NULL);
		json_put_cstr(w, "name", columns[i].name);
		json_put_cstr(w, "type", columns[i].type);
		json_put_cstr(w, "kind", query_kind_name(columns[i].kind));
		json_object_close(w);
	}
	json_array_close(w);
	json_array_open(w, "rows");
}

static void put_tail(struct json_writer *w, bool truncated, const char *cut)
{
	json_array_close(w);
	json_put_bool(w, "truncated", truncated);
	json_put_cstr(w, "cut", cut);
	json_object_close(w);
}

void query_put_json(struct json_writer *w, const char *key, const struct query_result *r, size_t max_rows)
{
	size_t rows = r->nrows < max_rows ? r->nrows : max_rows;

	json_object_open(w, key);
	put_head(w, r->columns, r->ncolumns);
	for (size_t i = 0; i < rows; i++)
		query_put_row(w, r, i);
	put_tail(w, r->truncated || rows < r->nrows, r->cut);
}

/* The same as a file, a line a row. */
static struct err *file_columns(struct query_file *f)
{
	struct json_writer w = {.b = &f->b};

	json_object_open(&w, NULL);
	put_head(&w, f->columns, f->ncolumns);
	return NULL;
}

static struct err *file_row(struct query_file *f, const char *const *cells)
{
	struct json_writer w = {.b = &f->b};

	buf_add_cstr(&f->b, f->rows ? ",\n" : "\n");
	put_row(&w, f->columns, f->ncolumns, cells);
	return NULL;
}

static struct err *file_close(struct query_file *f, const struct query_result *r)
{
	struct json_writer w = {.b = &f->b};

	put_tail(&w, r->truncated, r->cut);
	buf_add_char(&f->b, '\n');
	return NULL;
}

const struct query_writer query_json = {
        .format = {"json", "application/json", INT64_MAX},
        .columns = file_columns,
        .row = file_row,
        .close = file_close,
};

static const char *text_or(struct arena *a, struct json_object *o, const char *key, const char *dflt)
{
	const char *text = json_get_str(o, key);

	return arena_strdup(a, text ? text : dflt);
}

static void read_columns(struct arena *a, struct json_object *columns, struct query_result *r)
{
	r->ncolumns = json_object_array_length(columns);
	r->columns = ARENA_ARRAY(a, struct query_column, r->ncolumns);
	for (size_t i = 0; i < r->ncolumns; i++) {
		struct json_object *o = json_object_array_get_idx(columns, i);

		r->columns[i] =
		        (struct query_column){text_or(a, o, "name", ""), text_or(a, o, "type", "text"),
		                              query_kind_of(json_get_str(o, "kind"))};
	}
}

struct err *query_read_json(struct arena *a, struct json_object *o, struct query_result **out)
{
	struct json_object *columns = json_get_array(o, "columns"), *rows = json_get_array(o, "rows");
	struct query_result *r = ARENA_NEW(a, struct query_result);

	if (!columns || !rows)
		return err_new(a, ERR_INVALID, "a stored result needs \"columns\" and \"rows\"");
	read_columns(a, columns, r);
	r->nrows = json_object_array_length(rows);
	r->cells = arena_array(a, r->nrows * r->ncolumns, sizeof(*r->cells));
	for (size_t row = 0; row < r->nrows; row++) {
		struct json_object *cells = json_object_array_get_idx(rows, row);

		if (!json_object_is_type(cells, json_type_array) ||
		    json_object_array_length(cells) != r->ncolumns)
			return err_new(a, ERR_INVALID, "row %zu of a stored result does not fit its columns",
			               row + 1);
		for (size_t i = 0; i < r->ncolumns; i++) {
			struct json_object *cell = json_object_array_get_idx(cells, i);

			r->cells[row * r->ncolumns + i] =
			        cell ? arena_strdup(a, json_object_get_string(cell)) : NULL;
		}
	}
	r->truncated = json_get_bool(o, "truncated", false);
	r->cut = arena_strdup(a, json_get_str(o, "cut"));
	*out = r;
	return NULL;
}
