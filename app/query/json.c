/*
 * Results as JSON and back. A number is written as a JSON number only when reading it as a double and writing
 * it again gives the same; money and identifiers that would not survive stay text, and so does what has an
 * exponent: jsonb would spell out 1e+300 in 301 digits.
 */
#include <ctype.h>
#include <string.h>

#include "lib/arena.h"
#include "query/query_priv.h"

enum { DIGITS = 15 }; /* decimal digits that every double keeps */

static const char *skip_digits(const char *p)
{
	while (isdigit((unsigned char)*p))
		p++;
	return p;
}

/* Whether the text is a number by JSON's grammar, without exponent; *digits are those from the first that
 * is not 0. */
static bool json_number(const char *text, size_t *digits)
{
	const char *p = text + (*text == '-'), *end = skip_digits(p), *mantissa = p;

	if (end == p || (*p == '0' && end != p + 1))
		return false;
	if (*end == '.') {
		p = end + 1;
		end = skip_digits(p);
		if (end == p)
			return false;
	}
	*digits = 0;
	for (p = mantissa; p < end; p++)
		*digits += isdigit((unsigned char)*p) && (*digits || *p != '0');
	return *end == '\0';
}

static bool exact(const struct query_column *c, const char *cell)
{
	size_t digits;

	if (c->kind != QUERY_NUMBER || !json_number(cell, &digits))
		return false;
	return digits <= DIGITS || !strcmp(c->type, "real") || !strcmp(c->type, "double precision");
}

void query_put_row(struct json_writer *w, const struct query_result *r, size_t row)
{
	json_array_open(w, NULL);
	for (size_t i = 0; i < r->ncolumns; i++) {
		const char *cell = r->cells[row * r->ncolumns + i];

		if (cell && exact(&r->columns[i], cell))
			json_put_raw(w, NULL, str_of(cell));
		else
			json_put_cstr(w, NULL, cell);
	}
	json_array_close(w);
}

void query_put_json(struct json_writer *w, const char *key, const struct query_result *r, size_t max_rows)
{
	size_t rows = r->nrows < max_rows ? r->nrows : max_rows;

	json_object_open(w, key);
	json_array_open(w, "columns");
	for (size_t i = 0; i < r->ncolumns; i++) {
		json_object_open(w, NULL);
		json_put_cstr(w, "name", r->columns[i].name);
		json_put_cstr(w, "type", r->columns[i].type);
		json_put_cstr(w, "kind", query_kind_name(r->columns[i].kind));
		json_object_close(w);
	}
	json_array_close(w);
	json_array_open(w, "rows");
	for (size_t i = 0; i < rows; i++)
		query_put_row(w, r, i);
	json_array_close(w);
	json_put_bool(w, "truncated", r->truncated || rows < r->nrows);
	json_put_cstr(w, "cut", r->cut);
	json_object_close(w);
}

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
