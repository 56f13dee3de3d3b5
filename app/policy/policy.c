/*
 * From a project, its source and a member's role to what may be read. Rules say what a role sees less of; they
 * are read anew for each policy, so a changed one counts from the next query.
 */
#include "policy/policy.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/settings.h"
#include "policy/policy_priv.h"

/* One row when there is no rule: its fields are null then. */
DB_STMT(policy_select,
        "SELECT coalesce(u.email, ''), coalesce(u.groups, '{}'), r.table_name, r.kind, r.column_name, r.value"
        " FROM (VALUES (true)) one LEFT JOIN users u ON u.id = $1"
        " LEFT JOIN policy_rules r ON r.project_id = $2 AND r.role = $3"
        " ORDER BY r.table_name, r.kind, r.column_name",
        DB_I64, DB_I64, DB_TEXT);

struct ruling {
	const char *email;
	struct db_texts groups;
	struct policy_rule rule;
};
static const struct db_row ruling_row =
        DB_ROW(struct ruling, DB_COL_TEXT(struct ruling, email), DB_COL_TEXTS(struct ruling, groups),
               DB_COL_TEXT(struct ruling, rule.table), DB_COL_TEXT(struct ruling, rule.kind),
               DB_COL_TEXT(struct ruling, rule.column), DB_COL_TEXT(struct ruling, rule.value));

/* Rules come in the order of their tables. */
static struct policy_table *table_of(struct policy *p, const struct policy_rule *rule)
{
	struct policy_table *last = p->ntables ? &p->tables[p->ntables - 1] : NULL;

	if (last && strcmp(last->name, rule->table) == 0)
		return last;
	p->tables[p->ntables] = (struct policy_table){.name = rule->table};
	return &p->tables[p->ntables++];
}

/* A kind that this version does not know hides the table. */
static void apply(struct arena *a, struct policy *p, const struct policy_rule *rule, size_t most)
{
	struct policy_table *t;

	if (strcmp(rule->kind, "filter") != 0 && strcmp(rule->kind, "mask") != 0) {
		p->excluded.p[p->excluded.n++] = rule->table;
		return;
	}
	t = table_of(p, rule);
	if (strcmp(rule->kind, "filter") == 0) {
		t->filter = rule->value;
		return;
	}
	if (!t->masks)
		t->masks = ARENA_ARRAY(a, struct policy_mask, most);
	t->masks[t->nmasks++] = (struct policy_mask){rule->column, rule->value};
}

static void apply_all(struct arena *a, struct policy *p, struct db_texts excluded, const struct ruling *rows,
                      size_t n)
{
	p->tables = ARENA_ARRAY(a, struct policy_table, n);
	p->excluded = (struct db_texts){ARENA_ARRAY(a, const char *, excluded.n + n), excluded.n};
	for (size_t i = 0; i < excluded.n; i++)
		p->excluded.p[i] = excluded.p[i];
	for (size_t i = 0; i < n; i++)
		if (rows[i].rule.table)
			apply(a, p, &rows[i].rule, n - i);
}

/* Another one for each project, so that what is hashed in one says nothing of another. */
static const char *mask_key(struct ctx *ctx, int64_t project_id)
{
	const char *context = arena_printf(ctx->a, "policy:mask:%lld", (long long)project_id);

	if (!ctx->settings || !ctx->settings->key)
		return NULL;
	return crypto_keyed_hex(ctx->a, ctx->settings->key, str_of(context));
}

static void set_limits(struct policy *p, const struct project *project)
{
	p->max_rows = project->row_cap;
	p->max_bytes = POLICY_MAX_BYTES;
	p->max_cell_bytes = POLICY_MAX_CELL_BYTES;
	p->timeout_ms = project->timeout_ms;
	p->max_cost = project->max_cost;
	p->cache_seconds = project->cache_seconds;
	p->a_minute = project->queries_a_minute;
	p->at_once = project->queries_at_once;
	p->a_day = project->queries_a_day;
	p->tells_hidden = project->tells_hidden;
}

struct err *policy_for(struct ctx *ctx, const struct project *project, const struct project_source *source,
                       enum project_role role, struct policy **out)
{
	static const char *nothing[1];
	struct policy *p = ARENA_NEW(ctx->a, struct policy);
	struct ruling *rows;
	size_t n;

	TRY(db_all(ctx, &policy_select,
	           DB_ARGS(db_i64(ctx->user_id), db_i64(project->id), db_text(project_role_name(role))),
	           &ruling_row, &rows, &n));
	p->schema = source->schema;
	p->allowed = role >= PROJECT_VIEWER ? source->allowed : (struct db_texts){nothing, 0};
	p->user_email = rows[0].email;
	p->user_groups = rows[0].groups;
	p->mask_key = mask_key(ctx, project->id);
	apply_all(ctx->a, p, source->excluded, rows, n);
	set_limits(p, project);
	p->version = policy_version(ctx->a, p, source, role);
	*out = p;
	return NULL;
}

const struct policy_table *policy_table(const struct policy *policy, const char *table)
{
	for (size_t i = 0; i < policy->ntables; i++)
		if (strcmp(policy->tables[i].name, table) == 0)
			return &policy->tables[i];
	return NULL;
}

static bool listed(struct db_texts t, struct str name, bool (*same)(struct str, struct str))
{
	size_t i;

	for (i = 0; i < t.n; i++)
		if (same(str_of(t.p[i]), name))
			return true;
	return false;
}

bool policy_hides_table(const struct policy *policy, const char *table)
{
	return listed(policy->excluded, str_of(table), str_eq_nocase);
}

bool policy_allows_table(const struct policy *policy, const char *table)
{
	/* An exclusion written in another case still excludes; a permission has to be exact. */
	if (policy_hides_table(policy, table))
		return false;
	return !policy->allowed.p || listed(policy->allowed, str_of(table), str_eq);
}
