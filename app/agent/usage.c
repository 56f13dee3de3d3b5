/* What the turns of a project took since the month began. */
#include "agent/agent.h"
#include "db/db.h"
#include "lib/ctx.h"

DB_STMT(agent_usage_month,
        "SELECT u.email, t.model, count(*), sum(t.input_tokens)::bigint, sum(t.cached_tokens)::bigint,"
        " sum(t.output_tokens)::bigint, sum(t.cost)::bigint"
        " FROM conversations c JOIN turns t ON t.conversation_id = c.id JOIN users u ON u.id = c.user_id"
        " WHERE c.project_id = $1 AND t.started_at >= date_trunc('month', now(), 'UTC')"
        " GROUP BY u.email, t.model ORDER BY 7 DESC, 3 DESC, 1, 2",
        DB_I64);

static const struct db_row usage_row =
        DB_ROW(struct agent_usage, DB_COL_TEXT(struct agent_usage, email), DB_COL_TEXT(struct agent_usage, model),
               DB_COL_I64(struct agent_usage, turns), DB_COL_I64(struct agent_usage, input_tokens),
               DB_COL_I64(struct agent_usage, cached_tokens), DB_COL_I64(struct agent_usage, output_tokens),
               DB_COL_I64(struct agent_usage, cost));

struct err *agent_usage(struct ctx *ctx, int64_t project_id, struct agent_usage **out, size_t *n)
{
	return db_all(ctx, &agent_usage_month, DB_ARGS(db_i64(project_id)), &usage_row, out, n);
}
