/* What queries of a project cost lately, by the planner's estimate: so that a ceiling can be set with sense. */
#include "query/query.h"

DB_STMT(query_costs_read,
        "SELECT count(*), coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY plan_cost), 0),"
        " coalesce(max(plan_cost), 0) FROM (SELECT plan_cost FROM query_runs WHERE project_id = $1"
        " AND outcome = 'done' AND plan_cost > 0 ORDER BY at DESC LIMIT 200) AS recent",
        DB_I64);

static const struct db_row costs_row =
        DB_ROW(struct query_costs, DB_COL_I64(struct query_costs, n), DB_COL_F64(struct query_costs, median),
               DB_COL_F64(struct query_costs, highest));

struct err *query_costs(struct ctx *ctx, int64_t project_id, struct query_costs *out)
{
	return db_one(ctx, &query_costs_read, DB_ARGS(db_i64(project_id)), &costs_row, "project", out);
}
