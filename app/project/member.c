/* Members of projects. Rows with origin "header" follow single sign-on groups; one set by hand stays as it
 * is set. */
#include "project/project.h"

#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/str.h"
#include "project/project_priv.h"

DB_STMT(member_select_list,
        "SELECT m.user_id, u.email, u.name, m.role, m.origin FROM members m JOIN users u ON u.id = m.user_id"
        " WHERE m.project_id = $1 ORDER BY u.email",
        DB_I64);
DB_STMT(member_upsert,
        "INSERT INTO members (project_id, user_id, role) SELECT $1, id, $3 FROM users WHERE email = $2"
        " ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role, origin = 'local'"
        " RETURNING user_id",
        DB_I64, DB_TEXT, DB_TEXT);
DB_STMT(member_delete, "DELETE FROM members WHERE project_id = $1 AND user_id = $2", DB_I64, DB_I64);

static const struct db_row member_row =
        DB_ROW(struct project_member, DB_COL_I64(struct project_member, user_id),
               DB_COL_TEXT(struct project_member, email), DB_COL_TEXT(struct project_member, name),
               DB_COL_TEXT(struct project_member, role), DB_COL_TEXT(struct project_member, origin));

struct change {
	int64_t project_id;
	int64_t user_id;
	const char *email;
	enum project_role role;
};
static const struct db_row user_row = DB_ROW(struct change, DB_COL_I64(struct change, user_id));

struct err *project_members(struct ctx *ctx, int64_t project_id, struct project_member **out, size_t *n)
{
	return db_all(ctx, &member_select_list, DB_ARGS(db_i64(project_id)), &member_row, out, n);
}

static struct err *log_change(struct ctx *ctx, const char *action, const struct change *c)
{
	const char *detail = arena_printf(ctx->a, "{\"user_id\":%lld,\"role\":\"%s\"}", (long long)c->user_id,
	                                  project_role_name(c->role));

	return audit_log(ctx, action, project_object(ctx->a, c->project_id), detail);
}

static struct err *set(struct ctx *ctx, void *arg)
{
	const struct change *c = arg;
	struct change made;
	bool found;

	TRY(db_find(ctx, &member_upsert,
	            DB_ARGS(db_i64(c->project_id), db_text(c->email), db_text(project_role_name(c->role))),
	            &user_row, &made, &found));
	if (!found)
		return err_hint(err_code(err_new(ctx->a, ERR_NOT_FOUND, "no account has that e-mail address"),
		                         "email"),
		                "Ask an instance admin to add the account first.");
	made.project_id = c->project_id;
	made.role = c->role;
	return log_change(ctx, "project.member.set", &made);
}

struct err *project_member_set(struct ctx *ctx, int64_t project_id, const char *email, enum project_role role)
{
	struct change c = {.project_id = project_id, .role = role};

	if (role <= PROJECT_NONE || role >= PROJECT_ROLE__MAX)
		return err_code(err_new(ctx->a, ERR_INVALID, "a member is a viewer, an analyst or an admin"),
		                "role");
	c.email = str_lower(ctx->a, str_trim(str_of(email)));
	return db_transact(ctx, set, &c);
}

static struct err *remove_member(struct ctx *ctx, void *arg)
{
	const struct change *c = arg;
	int64_t affected;

	TRY(db_run(ctx, &member_delete, DB_ARGS(db_i64(c->project_id), db_i64(c->user_id)), &affected));
	if (!affected)
		return err_new(ctx->a, ERR_NOT_FOUND, "member not found");
	return log_change(ctx, "project.member.remove", c);
}

struct err *project_member_remove(struct ctx *ctx, int64_t project_id, int64_t user_id)
{
	struct change c = {.project_id = project_id, .user_id = user_id};

	return db_transact(ctx, remove_member, &c);
}
