/*
 * The rules as admins keep them. They are checked before they are kept: what a role may not see must not depend on
 * a word that nothing understands.
 */
#include <string.h>

#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "policy/policy.h"
#include "sql/sql.h"

enum { MAX_NAME = 63, MAX_VALUE = 2000, MAX_RULES = 2000 };

DB_STMT(policy_rules_select,
        "SELECT id, role, table_name, kind, column_name, value FROM policy_rules WHERE project_id = $1"
        " ORDER BY table_name, kind, column_name, value, array_position(ARRAY['viewer', 'analyst', 'admin'], role)",
        DB_I64);
DB_STMT(policy_rules_count, "SELECT count(*) FROM policy_rules WHERE project_id = $1", DB_I64);
DB_STMT(policy_rules_upsert,
        "INSERT INTO policy_rules (project_id, role, table_name, kind, column_name, value)"
        " VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT ON CONSTRAINT policy_rules_key DO UPDATE SET value = excluded.value",
        DB_I64, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT);
DB_STMT(policy_rules_delete,
        "DELETE FROM policy_rules WHERE project_id = $1 AND id = $2"
        " RETURNING id, role, table_name, kind, column_name, value",
        DB_I64, DB_I64);

static const struct db_row rule_row =
        DB_ROW(struct policy_rule, DB_COL_I64(struct policy_rule, id), DB_COL_TEXT(struct policy_rule, role),
               DB_COL_TEXT(struct policy_rule, table), DB_COL_TEXT(struct policy_rule, kind),
               DB_COL_TEXT(struct policy_rule, column), DB_COL_TEXT(struct policy_rule, value));

struct err *policy_rules(struct ctx *ctx, int64_t project_id, struct policy_rule **out, size_t *n)
{
	return db_all(ctx, &policy_rules_select, DB_ARGS(db_i64(project_id)), &rule_row, out, n);
}

static struct err *wrong(struct arena *a, const char *field, const char *message)
{
	return err_code(err_new(a, ERR_INVALID, "%s", message), field);
}

static bool is_name(const char *name)
{
	int64_t chars = 0;
	size_t step;

	for (struct str s = str_of(name); s.n; s.p += step, s.n -= step, chars++) {
		step = str_utf8_step(s);
		if (!step || (unsigned char)*s.p < 0x20 || *s.p == 0x7f)
			return false;
	}
	return chars >= 1 && chars <= MAX_NAME;
}

static struct err *check_hide(struct arena *a, const struct policy_rule *rule)
{
	return *rule->value ? wrong(a, "value", "a rule that hides a table has no condition") : NULL;
}

static struct err *check_mask(struct arena *a, const struct policy_rule *rule)
{
	if (!is_name(rule->column))
		return wrong(a, "column", "choose the column to mask");
	if (sql_mask_kind_of(rule->value) == SQL_MASK__MAX)
		return wrong(a, "value", "choose full, email, last4, hash, year or null as the mask");
	return NULL;
}

/* The guard says of a filter what it would say in a query. */
static struct err *check_filter(struct arena *a, const struct policy_rule *rule)
{
	static const char *groups[1];
	const struct sql_table table = {.name = rule->table, .filter = rule->value};
	const struct sql_policy policy = {
	        .schema = "public", .tables = &table, .ntables = 1, .user_email = "", .user_groups = groups};
	const char *sql = arena_printf(a, "SELECT 1 FROM %s", sql_quote_ident(a, rule->table));
	struct sql_statement *statement;
	struct err *e;

	if (!str_trim(str_of(rule->value)).n || strlen(rule->value) > MAX_VALUE)
		return wrong(a, "value", "the condition must have 1 to 2000 characters");
	e = sql_guard(a, &policy, str_of(sql), &statement);
	if (!e)
		return NULL;
	return err_hint(wrong(a, "value", e->message), "%s",
	                "Write a condition over the columns of this table alone, such as region ="
	                " ANY({user.groups}) or owner = {user.email}.");
}

static const struct {
	const char *kind;
	struct err *(*check)(struct arena *a, const struct policy_rule *rule);
	bool column;
} kinds[] = {{"hide", check_hide, false}, {"filter", check_filter, false}, {"mask", check_mask, true}};

struct err *policy_rule_check(struct arena *a, const struct policy_rule *rule)
{
	if (project_role_of(rule->role) == PROJECT_NONE)
		return wrong(a, "role", "choose viewer, analyst or admin");
	if (!is_name(rule->table))
		return wrong(a, "table", "choose the table that the rule is about");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].kind, rule->kind) != 0)
			continue;
		if (!kinds[i].column && *rule->column)
			return wrong(a, "column", "only a mask is about a column");
		return kinds[i].check(a, rule);
	}
	return wrong(a, "kind", "choose whether to hide the table, some of its rows, or a column's values");
}

static struct err *log_rule(struct ctx *ctx, const char *action, int64_t project_id, const struct policy_rule *rule)
{
	struct buf b = buf_init(ctx->a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "role", rule->role);
	json_put_cstr(&w, "table", rule->table);
	json_put_cstr(&w, "kind", rule->kind);
	if (*rule->column)
		json_put_cstr(&w, "column", rule->column);
	if (*rule->value)
		json_put_cstr(&w, "value", rule->value);
	json_object_close(&w);
	return audit_log(ctx, action, project_object(ctx->a, project_id), buf_cstr(&b));
}

struct change {
	int64_t project_id;
	int64_t id;
	const struct policy_rule *rule;
};

static struct err *set(struct ctx *ctx, void *arg)
{
	const struct change *c = arg;
	const struct policy_rule *r = c->rule;
	int64_t count;

	TRY(db_one(ctx, &policy_rules_count, DB_ARGS(db_i64(c->project_id)), &db_id_row, "rules", &count));
	if (count >= MAX_RULES)
		return wrong(ctx->a, "table", "a project has at most 2000 rules");
	TRY(db_run(ctx, &policy_rules_upsert,
	           DB_ARGS(db_i64(c->project_id), db_text(r->role), db_text(r->table), db_text(r->kind),
	                   db_text(r->column), db_text(r->value)),
	           NULL));
	return log_rule(ctx, "policy.rule.set", c->project_id, r);
}

struct err *policy_rule_set(struct ctx *ctx, int64_t project_id, const struct policy_rule *rule)
{
	struct change c = {.project_id = project_id, .rule = rule};

	TRY(policy_rule_check(ctx->a, rule));
	return db_transact(ctx, set, &c);
}

static struct err *remove_rule(struct ctx *ctx, void *arg)
{
	const struct change *c = arg;
	struct policy_rule gone;

	TRY(db_one(ctx, &policy_rules_delete, DB_ARGS(db_i64(c->project_id), db_i64(c->id)), &rule_row, "rule",
	           &gone));
	return log_rule(ctx, "policy.rule.remove", c->project_id, &gone);
}

struct err *policy_rule_remove(struct ctx *ctx, int64_t project_id, int64_t id)
{
	struct change c = {.project_id = project_id, .id = id};

	return db_transact(ctx, remove_rule, &c);
}
