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

static struct sql_policy policy_of(const struct query_work *work)
{
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

	add_tables(work->ctx->a, work->scope, &policy);
	return policy;
}

struct err *query_guard(struct query_work *work, const char *sql)
{
	struct sql_policy policy = policy_of(work);

	TRY(sql_guard(work->ctx->a, &policy, str_of(sql), &work->statement));
	work->r->sql_run = work->statement->sql;
	work->r->tables = work->statement->tables;
	work->r->ntables = work->statement->ntables;
	return NULL;
}

struct err *query_no_table(const struct query_work *work, struct err *e)
{
	struct sql_policy policy = policy_of(work);
	const char *prefix = arena_printf(work->ctx->a, "relation \"%s.", policy.schema);
	const char *name = e->message + strlen(prefix);
	const char *end = strncmp(e->message, prefix, strlen(prefix)) ? NULL : strrchr(name, '"');

	if (!e->code || strcmp(e->code, "undefined_table") != 0 || !end)
		return e;
	name = arena_strndup(work->ctx->a, name, (size_t)(end - name));
	return err_at(sql_no_table(work->ctx->a, &policy, policy.schema, name), e->position);
}
