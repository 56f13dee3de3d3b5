/*
 * Keys and indexes. One that has a column or refers to a table that may not be read is left out, with
 * everything that it would tell of them.
 */
#include <string.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"

static const char constraints_sql[] =
        "SELECT k.conrelid::pg_catalog.int8, k.contype::pg_catalog.text, k.conkey::pg_catalog.text,"
        " k.confrelid::pg_catalog.int8, k.confkey::pg_catalog.text, pg_catalog.pg_get_constraintdef(k.oid)"
        " FROM pg_catalog.pg_constraint k WHERE k.conrelid = ANY ($1::pg_catalog.oid[])"
        " AND k.contype IN ('p', 'u', 'f') ORDER BY k.conrelid, k.contype, k.conname";

static const char indexes_sql[] =
        "SELECT i.indrelid::pg_catalog.int8, i.indkey::pg_catalog.text,"
        " CASE WHEN i.indisunique THEN i.indnkeyatts ELSE 0 END::pg_catalog.int8,"
        " i.indexprs IS NOT NULL OR i.indpred IS NOT NULL, pg_catalog.pg_get_indexdef(i.indexrelid)"
        " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = ANY ($1::pg_catalog.oid[]) AND NOT i.indisprimary AND i.indisvalid"
        " ORDER BY i.indrelid, c.relname";

/* Appends to a list in the arena; lists of keys are short, so each grows one by one. */
static void add_text(struct arena *a, const char ***list, size_t n, const char *text)
{
	*list = arena_grow(a, *list, n * sizeof(**list), (n + 1) * sizeof(**list));
	(*list)[n] = text;
}

static void add_constraint(struct catalog_read *r, struct catalog_table *t, const char *text,
                           const char *refers_to)
{
	add_text(r->a, &t->constraints, t->nconstraints, arena_strdup(r->a, text));
	add_text(r->a, &t->constraint_tables, t->nconstraints, refers_to);
	t->nconstraints++;
}

static void add_primary(struct catalog_read *r, size_t table, const size_t *columns, size_t n)
{
	struct catalog_table *t = &r->c->tables[table];

	t->primary_key = ARENA_ARRAY(r->a, const char *, n);
	t->nprimary_key = n;
	for (size_t i = 0; i < n; i++) {
		t->primary_key[i] = t->columns[columns[i]].name;
		t->columns[columns[i]].primary = true;
		r->raw[table].columns[columns[i]].key = true;
	}
}

static void add_foreign(struct catalog_read *r, const struct query_result *rows, size_t row, size_t table,
                        const size_t *columns, size_t n)
{
	struct catalog_table *t = &r->c->tables[table];
	ptrdiff_t other = catalog_table_by_oid(r, catalog_cell_i64(rows, row, 3));
	size_t *others, nothers;

	if (other < 0 ||
	    !catalog_columns_by_attnums(r, (size_t)other, catalog_cell(rows, row, 4), &others, &nothers))
		return;
	for (size_t i = 0; i < n; i++)
		r->raw[table].columns[columns[i]].key = true;
	const struct catalog_table *o = &r->c->tables[other];
	struct catalog_column *c = &t->columns[columns[0]];
	if (n > 1 || c->references) {
		add_constraint(r, t, catalog_word(rows, row, 5), o->name);
		return;
	}
	c->references = arena_printf(r->a, "%s.%s", o->ident, o->columns[others[0]].ident);
	c->references_table = o->name;
}

struct err *catalog_read_constraints(struct catalog_read *r)
{
	const char *params[] = {r->oids};
	struct query_result *rows;

	TRY(catalog_rows(r, constraints_sql, params, 1, 6, &rows));
	for (size_t i = 0; i < rows->nrows; i++) {
		ptrdiff_t table = catalog_table_by_oid(r, catalog_cell_i64(rows, i, 0));
		char type = *catalog_word(rows, i, 1);
		size_t *columns, n;

		if (table < 0 ||
		    !catalog_columns_by_attnums(r, (size_t)table, catalog_cell(rows, i, 2), &columns, &n))
			continue;
		if (type == 'p')
			add_primary(r, (size_t)table, columns, n);
		else if (type == 'f')
			add_foreign(r, rows, i, (size_t)table, columns, n);
		else if (n > 1)
			add_constraint(r, &r->c->tables[table], catalog_word(rows, i, 5), NULL);
	}
	return NULL;
}

/* The first n columns of a unique index; what else it holds is no part of the key. */
static void add_unique(struct catalog_read *r, struct catalog_table *t, const size_t *columns, int64_t n)
{
	struct db_texts key = {ARENA_ARRAY(r->a, const char *, (size_t)n), (size_t)n};

	if (n == 1)
		t->columns[columns[0]].unique = true;
	if (n < 2)
		return;
	for (size_t i = 0; i < key.n; i++)
		key.p[i] = t->columns[columns[i]].name;
	t->unique_keys = arena_grow(r->a, t->unique_keys, t->nunique_keys * sizeof(key),
	                            (t->nunique_keys + 1) * sizeof(key));
	t->unique_keys[t->nunique_keys++] = key;
}

/* A unique constraint of one column shows as its index. */
struct err *catalog_read_indexes(struct catalog_read *r)
{
	const char *params[] = {r->oids};
	struct query_result *rows;

	TRY(catalog_rows(r, indexes_sql, params, 1, 5, &rows));
	for (size_t i = 0; i < rows->nrows; i++) {
		ptrdiff_t table = catalog_table_by_oid(r, catalog_cell_i64(rows, i, 0));
		bool expressions = catalog_cell_bool(rows, i, 3), plain;
		size_t *columns, n;

		if (table < 0)
			continue;
		struct catalog_table *t = &r->c->tables[table];
		plain = catalog_columns_by_attnums(r, (size_t)table, catalog_cell(rows, i, 1), &columns, &n);
		if (!r->raw[table].all && (!plain || expressions))
			continue;
		if (plain && !expressions)
			add_unique(r, t, columns, catalog_cell_i64(rows, i, 2));
		add_text(r->a, &t->indexes, t->nindexes++, arena_strdup(r->a, catalog_word(rows, i, 4)));
	}
	return NULL;
}
