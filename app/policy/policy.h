/* What is allowed: which tables, rows and values of a source a member may read, and within which limits. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "db/db.h"
#include "lib/ctx.h"
#include "lib/err.h"
#include "project/project.h"

/* What a role sees of one table where that is less than all of it. */
struct policy_mask {
	const char *column;
	const char *kind; /* "email", ...: a name of sql/masks */
};
struct policy_table {
	const char *name;
	const char *filter; /* SQL condition, may use {user.email} and {user.groups}; or NULL */
	struct policy_mask *masks;
	size_t nmasks;
};

struct policy {
	const char *schema;
	struct db_texts allowed;  /* p NULL: every table that is not excluded */
	struct db_texts excluded; /* of the source, and those that the role may not see */
	struct policy_table *tables;
	size_t ntables;
	const char *user_email; /* of the person that it is for; "" for nobody */
	struct db_texts user_groups;
	const char *mask_key; /* hex, of the project; a secret */
	int64_t max_rows;
	int64_t max_bytes;      /* of a result */
	int64_t max_cell_bytes; /* longer cells are cut and marked */
	int64_t timeout_ms;
	int64_t max_cost;      /* planner's units; 0: none */
	int64_t cache_seconds; /* 0: no cache */
	int64_t a_minute;      /* queries of a person in the project; 0: no limit, as in the next two */
	int64_t at_once;       /* of a person in the project */
	int64_t a_day;         /* of the project */
	bool tells_hidden;
	int64_t version; /* a digest of all that decides which rows and values are seen; part of every cache key */
};

enum { POLICY_MAX_BYTES = 16 << 20, POLICY_MAX_CELL_BYTES = 64 << 10 };

/* The policy of ctx->user_id with a role in a project; one statement. Errors: UNAVAILABLE. */
MUST_CHECK struct err *policy_for(struct ctx *ctx, const struct project *project,
                                  const struct project_source *source, enum project_role role,
                                  struct policy **out);
/* What the policy keeps back of a table, or NULL. */
const struct policy_table *policy_table(const struct policy *policy, const char *table);

/* The rules behind it, as admins keep them. kind: "hide", "filter" (value: the condition) or "mask" (column,
 * value: the mask's name). */
struct policy_rule {
	int64_t id;
	const char *role;
	const char *table;
	const char *kind;
	const char *column; /* "" but for masks */
	const char *value;  /* "" for hide */
};
MUST_CHECK struct err *policy_rules(struct ctx *ctx, int64_t project_id, struct policy_rule **out, size_t *n);
/* Adds a rule, or changes the one of the same role, table, kind and column; audited. Errors: INVALID, its code
 * the field that is wrong; a filter is tried by the guard's rules before it is kept. policy_rule_check() does
 * nothing but that. */
MUST_CHECK struct err *policy_rule_check(struct arena *a, const struct policy_rule *rule);
MUST_CHECK struct err *policy_rule_set(struct ctx *ctx, int64_t project_id, const struct policy_rule *rule);
MUST_CHECK struct err *policy_rule_remove(struct ctx *ctx, int64_t project_id, int64_t id);

/* Whether the policy excludes a table by its name, in any case of letters. */
bool policy_hides_table(const struct policy *policy, const char *table);

/* Whether the policy lets a table of its schema be read; table is the bare name. An exclusion counts in
 * any case of letters. */
bool policy_allows_table(const struct policy *policy, const char *table);

#endif
