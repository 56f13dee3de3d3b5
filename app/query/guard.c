/* From a scope to what the guard asks for: the dictionary's tables, and what the policy keeps back of them. */
#include <string.h>

#include "lib/arena.h"
#include "query/query_priv.h"

/* The entry of that name; a table with rules that the dictionary does not know gets one, so that its rules
 * count all the same. */
static struct sql_table *entry_of(struct sql_policy *policy, struct sql_table *tables, const char *name)
{
	for (size_t i = 0; i < policy->ntables; i++)
		if (!strcmp(tables[i].name, name))
			return &tables[i];
	tables[policy->ntables] = (struct sql_table){.name = name};
	return &tables[policy->ntables++];
}

static const struct sql_mask *masks_of(struct arena *a, const struct policy_table *t)
{
	struct sql_mask *masks = ARENA_ARRAY(a, struct sql_mask, t->nmasks);

	for (size_t i = 0; i < t->nmasks; i++) {
		enum sql_mask_kind kind = sql_mask_kind_of(t->masks[i].kind);

		masks[i] =
		        (struct sql_mask){t->masks[i].column, kind == SQL_MASK__MAX ? SQL_MASK_NULL : kind};
	}
	return masks;
}

static void add_tables(struct arena *a, const struct query_scope *scope, struct sql_policy *policy)
{
	const struct policy *p = scope->policy;
	struct sql_table *tables = ARENA_ARRAY(a, struct sql_table, scope->ntables + p->ntables);

	for (size_t i = 0; i < scope->ntables; i++)
		tables[i] = (struct sql_table){.name = scope->tables[i].name,
		                               .columns = scope->tables[i].columns,
		                               .ncolumns = scope->tables[i].ncolumns};
	policy->tables = tables;
	policy->ntables = scope->ntables;
	for (size_t i = 0; i < p->ntables; i++) {
		struct sql_table *t = entry_of(policy, tables, p->tables[i].name);

		t->filter = p->tables[i].filter;
		t->masks = masks_of(a, &p->tables[i]);
		t->nmasks = p->tables[i].nmasks;
	}
}

struct err *query_guard(struct query_work *work, const char *sql)
{
	struct arena *a = work->ctx->a;
	const struct policy *p = work->scope->policy;
	struct sql_policy policy = {
	        .dialect = SQL_POSTGRES,
	        .schema = p->schema,
	        .allowed = p->allowed.p,
	        .nallowed = p->allowed.n,
	        .excluded = p->excluded.p,
	        .nexcluded = p->excluded.n,
	        .max_rows = work->caps.rows + 1,
	        .mask_key = p->mask_key,
	        .user_email = p->user_email,
	        .user_groups = p->user_groups.p,
	        .nuser_groups = p->user_groups.n,
	        .tells_hidden = p->tells_hidden,
	};

	add_tables(a, work->scope, &policy);
	TRY(sql_guard(a, &policy, str_of(sql), &work->statement));
	work->r->sql_run = work->statement->sql;
	work->r->tables = work->statement->tables;
	work->r->ntables = work->statement->ntables;
	return NULL;
}
