/*
 * Rows of the system catalogs by their place, and the way from object numbers to tables and columns:
 * tables are kept in the order of their numbers while a dictionary is read, so that one search by halves
 * finds each.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"

struct err *catalog_too_large(struct arena *a, const struct project_source *source)
{
	return err_hint(
	        err_new(a, ERR_TOO_LARGE, "schema \"%s\" is too large for a dictionary", source->schema),
	        "Name the tables that are needed in the project's list of allowed tables.");
}

struct err *catalog_rows(struct catalog_read *r, const char *sql, const char *const *params, size_t nparams,
                         size_t ncolumns, struct query_result **out)
{
	TRY(query_session_rows(r->ctx, r->session, sql, params, nparams, out));
	if ((*out)->ncolumns != ncolumns)
		return err_new(r->ctx->a, ERR_QUERY, "the database does not answer as PostgreSQL does");
	if (!(*out)->truncated)
		return NULL;
	return catalog_too_large(r->ctx->a, r->source);
}

const char *catalog_cell(const struct query_result *rows, size_t row, size_t column)
{
	return rows->cells[row * rows->ncolumns + column];
}

const char *catalog_word(const struct query_result *rows, size_t row, size_t column)
{
	const char *cell = catalog_cell(rows, row, column);

	return cell ? cell : "";
}

int64_t catalog_cell_i64(const struct query_result *rows, size_t row, size_t column)
{
	int64_t v = 0;

	return str_to_i64(str_of(catalog_cell(rows, row, column)), &v) ? v : 0;
}

bool catalog_cell_bool(const struct query_result *rows, size_t row, size_t column)
{
	return str_is(str_of(catalog_cell(rows, row, column)), "true");
}

static int compare_oid(const void *key, const void *element)
{
	int64_t oid = *(const int64_t *)key, other = ((const struct catalog_raw_table *)element)->oid;

	return (oid > other) - (oid < other);
}

ptrdiff_t catalog_table_by_oid(const struct catalog_read *r, int64_t oid)
{
	const struct catalog_raw_table *found =
	        r->c->ntables ? bsearch(&oid, r->raw, r->c->ntables, sizeof(*r->raw), compare_oid) : NULL;

	return found ? found - r->raw : -1;
}

static ptrdiff_t column_by_attnum(const struct catalog_read *r, size_t table, int64_t attnum)
{
	const struct catalog_raw_column *columns = r->raw[table].columns;

	for (size_t i = 0; i < r->c->tables[table].ncolumns; i++)
		if (columns[i].attnum == attnum)
			return (ptrdiff_t)i;
	return -1;
}

bool catalog_columns_by_attnums(const struct catalog_read *r, size_t table, const char *attnums,
                                size_t **columns, size_t *n)
{
	const char *p = attnums ? attnums : "";

	*n = 0;
	*columns = ARENA_ARRAY(r->ctx->a, size_t, strlen(p) + 1);
	while (*(p += strspn(p, "{, }"))) {
		struct str word = {p, strcspn(p, "{, }")};
		int64_t attnum;
		ptrdiff_t i = str_to_i64(word, &attnum) ? column_by_attnum(r, table, attnum) : -1;

		if (i < 0)
			return false;
		(*columns)[(*n)++] = (size_t)i;
		p += word.n;
	}
	return *n > 0;
}
