/* What people think of answers: one verdict of each person on a turn, with a reason, for those who look after the data. */
#include "agent/agent_priv.h"

enum { REASON_CHARS = 2000 };

#define OWN_TURN \
	" FROM turns t JOIN conversations c ON c.id = t.conversation_id WHERE t.id = $1 AND c.user_id = $2" \
	" AND c.deleted_at IS NULL AND" PROJECT_SEEN("c.project_id", "$2")

DB_STMT(agent_feedback_put,
        "INSERT INTO turn_feedback (turn_id, user_id, good, reason) SELECT t.id, $2, $3, $4" OWN_TURN
        " AND t.status NOT IN ('running', 'waiting')"
        " ON CONFLICT (turn_id, user_id) DO UPDATE SET good = excluded.good, reason = excluded.reason, at = now()",
        DB_I64, DB_I64, DB_BOOL, DB_TEXT);
DB_STMT(agent_feedback_remove, "DELETE FROM turn_feedback WHERE user_id = $2 AND turn_id IN (SELECT t.id" OWN_TURN ")",
        DB_I64, DB_I64);
/* Of a conversation that its person deleted nothing is shown. */
DB_STMT(agent_feedback_list_all,
        "SELECT t.id, t.conversation_id, u.id, u.name, u.email, t.question, left(t.answer, 20000), f.good, f.reason, f.at FROM turn_feedback f"
        " JOIN turns t ON t.id = f.turn_id JOIN conversations c ON c.id = t.conversation_id"
        " JOIN users u ON u.id = f.user_id WHERE c.project_id = $1 AND c.deleted_at IS NULL"
        " AND ($2 = '' OR f.good = ($2 = 'good')) AND ($3 = 0 OR t.id < $3) ORDER BY t.id DESC LIMIT $4",
        DB_I64, DB_TEXT, DB_I64, DB_I64);

static const struct db_row feedback_row =
        DB_ROW(struct agent_feedback, DB_COL_I64(struct agent_feedback, turn_id),
               DB_COL_I64(struct agent_feedback, conversation_id), DB_COL_I64(struct agent_feedback, user_id),
               DB_COL_TEXT(struct agent_feedback, name), DB_COL_TEXT(struct agent_feedback, email),
               DB_COL_TEXT(struct agent_feedback, question), DB_COL_TEXT(struct agent_feedback, answer),
               DB_COL_BOOL(struct agent_feedback, good), DB_COL_TEXT(struct agent_feedback, reason),
               DB_COL_TIME(struct agent_feedback, at));

struct err *agent_feedback_give(struct ctx *ctx, int64_t turn_id, bool good, struct str reason)
{
	struct str said = str_trim(reason);
	int64_t n;

	if (str_utf8_count(said) > REASON_CHARS)
		return err_new(ctx->a, ERR_INVALID, "the reason is longer than %d characters", REASON_CHARS);
	TRY(db_run(ctx, &agent_feedback_put,
	           DB_ARGS(db_i64(turn_id), db_i64(ctx->user_id), db_bool(good), db_text(str_dup(ctx->a, said))), &n));
	return n ? NULL : err_new(ctx->a, ERR_NOT_FOUND, "finished turn not found");
}

struct err *agent_feedback_withdraw(struct ctx *ctx, int64_t turn_id)
{
	return db_run(ctx, &agent_feedback_remove, DB_ARGS(db_i64(turn_id), db_i64(ctx->user_id)), NULL);
}

struct err *agent_feedback_list(struct ctx *ctx, int64_t project_id, const char *verdict, int64_t before,
                                int64_t limit, struct agent_feedback **out, size_t *n)
{
	return db_all(ctx, &agent_feedback_list_all,
	              DB_ARGS(db_i64(project_id), db_text(verdict), db_i64(before), db_i64(limit)), &feedback_row,
	              out, n);
}
