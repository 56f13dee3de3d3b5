/* The audit trail: one statement to write it, one to read it. */
#include "audit/audit.h"

#include "db/db.h"

DB_STMT(audit_add,
        "INSERT INTO audit_log (user_id, action, object, detail, address, request_id)"
        " VALUES ($1, $2, $3, coalesce($4, '{}'), coalesce($5, ''), coalesce($6, ''))",
        DB_I64, DB_TEXT, DB_TEXT, DB_JSON, DB_TEXT, DB_TEXT);
DB_STMT(audit_newest,
        "SELECT l.id, l.at, l.user_id, u.email, l.action, l.object, l.detail, l.address, l.request_id"
        " FROM audit_log l LEFT JOIN users u ON u.id = l.user_id ORDER BY l.id DESC LIMIT $1",
        DB_I64);

static const struct db_row entry_row =
        DB_ROW(struct audit_entry, DB_COL_I64(struct audit_entry, id), DB_COL_TIME(struct audit_entry, at),
               DB_COL_I64(struct audit_entry, user_id), DB_COL_TEXT(struct audit_entry, email),
               DB_COL_TEXT(struct audit_entry, action), DB_COL_TEXT(struct audit_entry, object),
               DB_COL_JSON(struct audit_entry, detail), DB_COL_TEXT(struct audit_entry, address),
               DB_COL_TEXT(struct audit_entry, request_id));

struct err *audit_log(struct ctx *ctx, const char *action, const char *object, const char *detail)
{
	return db_run(ctx, &audit_add,
	              DB_ARGS(db_id(ctx->user_id), db_text(action), db_text(object), db_json(detail),
	                      db_text(ctx->address), db_text(ctx->request_id)),
	              NULL);
}

struct err *audit_recent(struct ctx *ctx, int64_t most, struct audit_entry **entries, size_t *n)
{
	return db_all(ctx, &audit_newest, DB_ARGS(db_i64(most)), &entry_row, entries, n);
}
