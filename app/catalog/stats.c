/*
 * Samples from the server's statistics: one query for all tables.
 */
#include "catalog/catalog_priv.h"
#include "lib/arena.h"
#include "lib/json.h"

/* Dates also have their first and last, as far as the statistics know. The most common values, else some from the whole range; null for a column that has no values or long
 * ones, which need not be looked at again. The view shows columns that the role may read, of tables whose
 * rows are not hidden from it. */
static const char stats_sql[] =
        "SELECT w.rel::pg_catalog.int8, w.att::pg_catalog.int8, pg_catalog.to_json(v.list)::pg_catalog.text,"
        " CASE WHEN ty.typcategory = 'D' THEN LEAST(l.h[1], (SELECT pg_catalog.min(x) FROM"
        "   pg_catalog.unnest(l.m) x)) END,"
        " CASE WHEN ty.typcategory = 'D' THEN GREATEST(l.h[pg_catalog.cardinality(l.h)],"
        "   (SELECT pg_catalog.max(x) FROM pg_catalog.unnest(l.m) x)) END"
        " FROM ROWS FROM (pg_catalog.unnest($2::pg_catalog.oid[]), pg_catalog.unnest($3::pg_catalog.int2[]))"
        " AS w(rel, att) JOIN pg_catalog.pg_class c ON c.oid = w.rel"
        " JOIN pg_catalog.pg_attribute a ON a.attrelid = w.rel AND a.attnum = w.att"
        " JOIN pg_catalog.pg_type ty ON ty.oid = a.atttypid"
        " JOIN pg_catalog.pg_stats s ON s.schemaname = $1 AND s.tablename = c.relname"
        " AND s.attname = a.attname"
        " CROSS JOIN LATERAL (SELECT s.most_common_vals::pg_catalog.text::pg_catalog.text[] AS m,"
        "   s.histogram_bounds::pg_catalog.text::pg_catalog.text[] AS h) AS l"
        " CROSS JOIN LATERAL (SELECT CASE WHEN s.avg_width > 64 THEN NULL WHEN l.m IS NOT NULL"
        " THEN l.m[1:8] ELSE ARRAY[l.h[1],"
        "   l.h[pg_catalog.cardinality(l.h) / 4 + 1], l.h[pg_catalog.cardinality(l.h) / 2 + 1],"
        "   l.h[pg_catalog.cardinality(l.h) * 3 / 4 + 1], l.h[pg_catalog.cardinality(l.h)]]"
        " END AS list) AS v"
        " WHERE l.m IS NOT NULL OR l.h IS NOT NULL OR s.null_frac = 1 OR s.avg_width > 64"
        " ORDER BY s.inherited";

/* The columns that samples are wanted of, as two arrays. Keys that are numbers say nothing. */
static bool wanted(struct catalog_read *r, const char **oids, const char **attnums)
{
	struct buf rel = buf_init(r->ctx->a, BUF_PAGE), att = buf_init(r->ctx->a, BUF_PAGE);

	for (size_t t = 0; t < r->c->ntables; t++)
		for (size_t i = 0; i < r->c->tables[t].ncolumns; i++) {
			struct catalog_raw_column *c = &r->raw[t].columns[i];

			c->samples = c->samples && !(c->number && c->key);
			if (!c->samples)
				continue;
			buf_printf(&rel, "%c%lld", rel.n ? ',' : '{', (long long)r->raw[t].oid);
			buf_printf(&att, "%c%lld", att.n ? ',' : '{', (long long)c->attnum);
		}
	buf_add_char(&rel, '}');
	buf_add_char(&att, '}');
	*oids = buf_cstr(&rel);
	*attnums = buf_cstr(&att);
	return rel.n > 1;
}

static struct err *take_stats(struct catalog_read *r, const struct query_result *rows, size_t row)
{
	ptrdiff_t table = catalog_table_by_oid(r, catalog_cell_i64(rows, row, 0));
	struct json_object *list = NULL;
	size_t *columns, n;

	if (table < 0 ||
	    !catalog_columns_by_attnums(r, (size_t)table, catalog_cell(rows, row, 1), &columns, &n))
		return NULL;
	struct catalog_raw_column *raw = &r->raw[table].columns[columns[0]];
	struct catalog_column *column = &r->c->tables[table].columns[columns[0]];
	struct catalog_samples s = {.a = r->a, .number = raw->number};
	if (!raw->samples)
		return NULL;
	if (catalog_cell(rows, row, 2))
		TRY(json_read(r->ctx->a, str_of(catalog_cell(rows, row, 2)), JSON_DEPTH, &list));
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++)
		catalog_samples_add(&s, json_object_get_string(json_object_array_get_idx(list, i)));
	catalog_samples_keep(column, raw, &s);
	if (!column->nsamples)
		return NULL;
	column->low = arena_strdup(r->a, catalog_cell(rows, row, 3));
	column->high = arena_strdup(r->a, catalog_cell(rows, row, 4));
	return NULL;
}

/* Where statistics cannot be read, tables are. */
struct err *catalog_read_stats(struct catalog_read *r)
{
	const char *params[] = {r->source->schema, NULL, NULL};
	struct query_result *rows;

	if (!wanted(r, &params[1], &params[2]))
		return NULL;
	struct err *e = catalog_rows(r, stats_sql, params, 3, 5, &rows);
	if (e)
		return e->kind == ERR_CANCELLED || e->kind == ERR_UNAVAILABLE ? e : NULL;
	for (size_t i = 0; i < rows->nrows; i++)
		TRY(take_stats(r, rows, i));
	return NULL;
}
