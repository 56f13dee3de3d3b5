/* Finding tables by what people and models call them, and the dictionary in the guard's form. */
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"

static int compare_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct catalog_table *)element)->name);
}

static const struct catalog_table *find_exact(const struct catalog *c, const char *name)
{
	return c->ntables ? bsearch(name, c->tables, c->ntables, sizeof(*c->tables), compare_name) : NULL;
}

static const struct catalog_table *find_nocase(const struct catalog *c, struct str name)
{
	for (size_t i = 0; i < c->ntables; i++)
		if (str_eq_nocase(str_of(c->tables[i].name), name) ||
		    str_eq_nocase(str_of(c->tables[i].ident), name))
			return &c->tables[i];
	return NULL;
}

/* What stands behind the schema and its dot, or NULL. */
static const char *behind_schema(const struct catalog *c, const char *name)
{
	size_t n = strlen(c->schema), quote = *name == '"';

	if (strlen(name) <= n + 2 * quote || !str_eq_nocase((struct str){name + quote, n}, str_of(c->schema)))
		return NULL;
	if (quote && name[n + 1] != '"')
		return NULL;
	return name[n + 2 * quote] == '.' ? name + n + 2 * quote + 1 : NULL;
}

const struct catalog_table *catalog_find(const struct catalog *c, const char *name)
{
	const struct catalog_table *t = find_exact(c, name);
	const char *bare = behind_schema(c, name);

	if (!t)
		t = find_nocase(c, str_of(name));
	if (!t && bare)
		t = find_exact(c, bare);
	if (!t && bare)
		t = find_nocase(c, str_of(bare));
	/* Quotes that were not needed. */
	struct str inner = str_of(bare ? bare : name);
	if (!t && inner.n > 2 && *inner.p == '"' && inner.p[inner.n - 1] == '"')
		t = find_nocase(c, (struct str){inner.p + 1, inner.n - 2});
	return t;
}

/* Sets of columns that no two rows share. */
static const struct db_texts *keys_of(struct arena *a, const struct catalog_table *t, size_t *n)
{
	struct db_texts *keys = ARENA_ARRAY(a, struct db_texts, 1 + t->nunique_keys + t->ncolumns);

	*n = 0;
	if (t->nprimary_key)
		keys[(*n)++] = (struct db_texts){t->primary_key, t->nprimary_key};
	for (size_t i = 0; i < t->nunique_keys; i++)
		keys[(*n)++] = t->unique_keys[i];
	for (size_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].unique)
			keys[(*n)++] = (struct db_texts){&t->columns[i].name, 1};
	return keys;
}

static const struct db_texts *values_of(struct arena *a, const struct catalog_table *t)
{
	struct db_texts *values = ARENA_ARRAY(a, struct db_texts, t->ncolumns);

	for (size_t i = 0; i < t->ncolumns; i++) {
		const struct catalog_column *c = &t->columns[i];

		values[i] = c->nenum_values ? (struct db_texts){c->enum_values, c->nenum_values}
		                            : (struct db_texts){c->samples, c->nsamples};
	}
	return values;
}

void catalog_scope(struct arena *a, const struct catalog *c, struct query_scope *scope)
{
	struct query_table *tables = ARENA_ARRAY(a, struct query_table, c->ntables);
	const char **names = ARENA_ARRAY(a, const char *, c->ncolumns);

	for (size_t i = 0; i < c->ntables; i++) {
		const struct catalog_table *t = &c->tables[i];

		tables[i] = (struct query_table){.name = t->name,
		                                 .columns = names,
		                                 .ncolumns = t->ncolumns,
		                                 .values = values_of(a, t)};
		tables[i].keys = keys_of(a, t, &tables[i].nkeys);
		for (size_t k = 0; k < t->ncolumns; k++)
			*names++ = t->columns[k].name;
	}
	scope->tables = tables;
	scope->ntables = c->ntables;
}

struct err *catalog_scope_for(struct ctx *ctx, const struct project *project, enum project_role role,
                              struct query_scope *out)
{
	struct project_source *source = ARENA_NEW(ctx->a, struct project_source);
	struct catalog *catalog;
	struct policy *policy;

	TRY(project_source_get(ctx, project->id, source));
	TRY(policy_for(ctx, project, source, role, &policy));
	TRY(catalog_load(ctx, project, source, policy, &catalog));
	*out = (struct query_scope){.source = source, .policy = policy};
	catalog_scope(ctx->a, catalog, out);
	return NULL;
}
