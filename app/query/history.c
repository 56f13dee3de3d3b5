/* What somebody ran before on the SQL page. */
#include "lib/arena.h"
#include "query/query_priv.h"

DB_STMT(query_run_history,
        "SELECT r.id, r.sql_asked, r.outcome, r.rows, r.took_us, r.at,"
        " r.outcome = 'done' AND r.result IS NULL AND r.rows = 0 FROM query_runs r"
        " WHERE r.project_id = $1 AND r.user_id = $2 AND r.origin = 'sql' ORDER BY r.id DESC LIMIT $3",
        DB_I64, DB_I64, DB_I64);
DB_STMT(query_run_text,
        "SELECT r.sql_asked FROM query_runs r WHERE r.project_id = $1 AND r.user_id = $2 AND r.id = $3",
        DB_I64, DB_I64, DB_I64);

static const struct db_row past_row =
        DB_ROW(struct query_past, DB_COL_I64(struct query_past, id), DB_COL_TEXT(struct query_past, sql),
               DB_COL_TEXT(struct query_past, outcome), DB_COL_I64(struct query_past, rows),
               DB_COL_I64(struct query_past, took_us), DB_COL_TIME(struct query_past, at),
               DB_COL_BOOL(struct query_past, plan));
static const struct db_row text_row = DB_ROW(struct query_past, DB_COL_TEXT(struct query_past, sql));

struct err *query_history(struct ctx *ctx, int64_t project_id, int64_t most, struct query_past **out,
                          size_t *n)
{
	return db_all(ctx, &query_run_history,
	              DB_ARGS(db_i64(project_id), db_i64(ctx->user_id), db_i64(most)), &past_row, out, n);
}

struct err *query_history_text(struct ctx *ctx, int64_t project_id, int64_t run_id, const char **sql)
{
	struct query_past past;

	TRY(db_one(ctx, &query_run_text, DB_ARGS(db_i64(project_id), db_i64(ctx->user_id), db_i64(run_id)),
	           &text_row, "query run", &past));
	*sql = past.sql;
	return NULL;
}
