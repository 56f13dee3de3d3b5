/* Recorded runs as they are shown again. A run whose worker is gone counts as failed, whoever looks first. */
#include <string.h>

#include "lib/arena.h"
#include "query/query_priv.h"

/* $1 may be NULL for the run that a cache key stands for; the row's own time is that of its rows. */
#define COLUMNS \
	"r.id, r.project_id, r.user_id, r.conversation_id, r.origin, r.outcome, r.error, r.sql_asked," \
	" r.sql_run, r.tables, r.rows, r.bytes, r.truncated, r.took_us," \
	" coalesce(o.at, r.at), coalesce(r.result, o.result), r.cached_from," \
	" r.time_zone, r.plan_cost, r.caveats, r.outcome = 'running'" \
	" AND coalesce(r.heartbeat_at, r.at) < now() - interval '30 seconds', p.tells_hidden"
#define RUNS \
	" FROM query_runs r LEFT JOIN query_runs o ON o.id = r.cached_from JOIN projects p ON p.id = r.project_id"

DB_STMT(query_run_by_id,
        "SELECT " COLUMNS RUNS " WHERE r.id = $1 AND r.user_id IS NOT DISTINCT FROM $2"
        " AND ($2 IS NULL OR" PROJECT_SEEN("r.project_id", "$2") ")",
        DB_I64, DB_I64);

DB_STMT(query_run_cached,
        "SELECT " COLUMNS RUNS " WHERE r.outcome = 'done' AND r.cached_from IS NULL"
        " AND r.cache_key = $1 AND r.at > now() - make_interval(secs => $2) AND r.at <= now()"
        " ORDER BY r.at DESC LIMIT 1",
        DB_BYTES, DB_I64);

struct run_row {
	int64_t id, project_id, user_id, conversation_id;
	const char *origin, *outcome, *error, *sql_asked, *sql_run;
	struct db_texts tables;
	int64_t rows, bytes;
	bool truncated;
	int64_t took_us, at;
	const char *result;
	int64_t cached_from;
	const char *time_zone;
	double plan_cost;
	const char *caveats;
	bool gone;
	bool tells;
};
static const struct db_row run_row =
        DB_ROW(struct run_row, DB_COL_I64(struct run_row, id), DB_COL_I64(struct run_row, project_id),
               DB_COL_I64(struct run_row, user_id), DB_COL_I64(struct run_row, conversation_id),
               DB_COL_TEXT(struct run_row, origin), DB_COL_TEXT(struct run_row, outcome),
               DB_COL_JSON(struct run_row, error), DB_COL_TEXT(struct run_row, sql_asked),
               DB_COL_TEXT(struct run_row, sql_run), DB_COL_TEXTS(struct run_row, tables),
               DB_COL_I64(struct run_row, rows), DB_COL_I64(struct run_row, bytes),
               DB_COL_BOOL(struct run_row, truncated), DB_COL_I64(struct run_row, took_us),
               DB_COL_TIME(struct run_row, at), DB_COL_JSON(struct run_row, result),
               DB_COL_I64(struct run_row, cached_from), DB_COL_TEXT(struct run_row, time_zone),
               DB_COL_F64(struct run_row, plan_cost), DB_COL_JSON(struct run_row, caveats),
               DB_COL_BOOL(struct run_row, gone), DB_COL_BOOL(struct run_row, tells));

static struct err *read_caveats(struct arena *a, const char *json, struct query_result *r)
{
	struct json_object *o;

	TRY(json_read(a, str_of(json), JSON_DEPTH, &o));
	r->ncaveats = json_length(o);
	r->caveats = ARENA_ARRAY(a, struct query_caveat, r->ncaveats);
	for (size_t i = 0; i < r->ncaveats; i++) {
		struct json_object *c = json_object_array_get_idx(o, i);
		const char *code = json_get_str(c, "code"), *text = json_get_str(c, "text");

		r->caveats[i] = (struct query_caveat){code ? code : "", text ? text : ""};
	}
	return NULL;
}

static struct err *result_of(struct arena *a, const struct run_row *row, struct query_result **out)
{
	struct json_object *o;

	if (row->result) {
		TRY(json_read(a, str_of(row->result), JSON_DEPTH, &o));
		TRY(query_read_json(a, o, out));
	} else {
		*out = ARENA_NEW(a, struct query_result);
		(*out)->truncated = row->rows > 0;
		(*out)->cut = row->rows > 0 ? "the rows were not kept" : NULL;
	}
	(*out)->run_id = row->id;
	(*out)->sql_asked = row->sql_asked;
	(*out)->sql_run = row->sql_run;
	(*out)->tables = row->tables.p;
	(*out)->ntables = row->tables.n;
	(*out)->bytes = row->bytes;
	(*out)->took_us = row->took_us;
	(*out)->at = row->at;
	(*out)->cached_from = row->cached_from;
	(*out)->time_zone = row->time_zone;
	(*out)->plan_cost = row->plan_cost;
	return read_caveats(a, row->caveats, *out);
}

struct err *query_load(struct ctx *ctx, int64_t run_id, struct query_run_record *run,
                       struct query_result **out)
{
	struct run_row row;

	TRY(db_one(ctx, &query_run_by_id, DB_ARGS(db_i64(run_id), db_id(ctx->user_id)), &run_row, "query run",
	           &row));
	if (row.gone) {
		struct err *e = err_new(ctx->a, ERR_UNAVAILABLE, "the worker that ran it is gone");

		row.outcome = "failed";
		row.error = query_error_json(ctx, err_hint(err_code(e, "worker_gone"), "Run it again."));
	}
	TRY(result_of(ctx->a, &row, out));
	if (!row.tells)
		(*out)->sql_run = NULL;
	*run = (struct query_run_record){.id = row.id,
	                                 .project_id = row.project_id,
	                                 .user_id = row.user_id,
	                                 .conversation_id = row.conversation_id,
	                                 .outcome = row.outcome,
	                                 .origin = row.origin,
	                                 .error = row.error};
	return NULL;
}

struct err *query_load_cached(struct ctx *ctx, struct str key, int64_t seconds, struct query_result **out)
{
	struct run_row row;
	bool found;

	*out = NULL;
	TRY(db_find(ctx, &query_run_cached, DB_ARGS(db_bytes(key), db_i64(seconds)), &run_row, &row, &found));
	if (!found || !row.result)
		return NULL;
	row.cached_from = row.id;
	row.id = 0;
	return result_of(ctx->a, &row, out);
}
