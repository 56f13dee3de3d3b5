/* Rows of query_runs: what was asked, what was sent, what came of it. */
#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

DB_STMT(query_run_add,
        "INSERT INTO query_runs (project_id, user_id, conversation_id, turn_id, sql_asked, sql_run,"
        " fingerprint, tables, outcome, error, rows, bytes, truncated, took_us, result, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id",
        DB_I64, DB_I64, DB_I64, DB_I64, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXTS, DB_TEXT, DB_JSON, DB_I64, DB_I64,
        DB_BOOL, DB_I64, DB_JSON, DB_TIME);

static const char *outcome_of(const struct err *failed)
{
	if (!failed)
		return "done";
	if (failed->kind == ERR_REFUSED)
		return "refused";
	return failed->kind == ERR_CANCELLED ? "cancelled" : "failed";
}

/* As many rows as fit; a result that was cut for that says so. */
static const char *stored(struct ctx *ctx, const struct query_result *r)
{
	struct query_result kept = *r;

	for (;;) {
		struct buf b = buf_init(ctx->a, QUERY_STORED_BYTES);
		struct json_writer w = {.b = &b};

		query_put_json(&w, NULL, &kept, kept.nrows);
		if (!b.full)
			return buf_cstr(&b);
		if (!kept.nrows)
			return NULL;
		kept.nrows /= 2;
		kept.truncated = true;
		kept.cut = arena_printf(ctx->a, "only the first %zu rows were kept", kept.nrows);
	}
}

static const char *error_json(struct ctx *ctx, const struct err *failed)
{
	struct buf b = buf_init(ctx->a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_put_err(&w, failed, ctx->request_id);
	return b.full ? NULL : buf_cstr(&b);
}

struct err *query_record(struct query_work *work, const struct err *failed)
{
	struct ctx *ctx = work->ctx;
	const struct query_scope *scope = work->scope;
	const char *fingerprint = work->statement ? work->statement->fingerprint : NULL;
	struct query_result *r = work->r;
	/* A statement that the platform's encoding cannot hold is kept as far as it can. */
	struct str asked = str_of(str_utf8_clean(ctx->a, str_of(r->sql_asked)));

	return db_one(ctx, &query_run_add,
	              DB_ARGS(db_i64(scope->source->project_id), db_id(ctx->user_id),
	                      db_id(scope->conversation_id), db_id(scope->turn_id),
	                      db_str(str_utf8_cut(asked, SQL_BYTES)), db_text(r->sql_run),
	                      db_text(fingerprint),
	                      db_texts(r->tables ? r->tables : (const char *[]){NULL}, r->ntables),
	                      db_text(outcome_of(failed)), db_json(failed ? error_json(ctx, failed) : NULL),
	                      db_i64((int64_t)r->nrows), db_i64(r->bytes), db_bool(r->truncated),
	                      db_i64(r->took_us), db_json(failed || work->sink || work->plan ? NULL : stored(ctx, r)), db_time(r->at)),
	              &db_id_row, "query run", &r->run_id);
}

DB_STMT(query_run_by_id,
        "SELECT id, project_id, user_id, conversation_id, outcome, sql_asked, sql_run, tables, bytes,"
        " truncated, took_us, at, result FROM query_runs r WHERE id = $1 AND user_id IS NOT DISTINCT FROM $2"
        " AND ($2 IS NULL OR" PROJECT_SEEN("r.project_id", "$2") ")",
        DB_I64, DB_I64);

struct run_row {
	int64_t id, project_id, user_id, conversation_id;
	const char *outcome, *sql_asked, *sql_run;
	struct db_texts tables;
	int64_t bytes;
	bool truncated;
	int64_t took_us, at;
	const char *result;
};
static const struct db_row run_row =
        DB_ROW(struct run_row, DB_COL_I64(struct run_row, id), DB_COL_I64(struct run_row, project_id),
               DB_COL_I64(struct run_row, user_id), DB_COL_I64(struct run_row, conversation_id),
               DB_COL_TEXT(struct run_row, outcome), DB_COL_TEXT(struct run_row, sql_asked),
               DB_COL_TEXT(struct run_row, sql_run), DB_COL_TEXTS(struct run_row, tables),
               DB_COL_I64(struct run_row, bytes), DB_COL_BOOL(struct run_row, truncated),
               DB_COL_I64(struct run_row, took_us), DB_COL_TIME(struct run_row, at),
               DB_COL_JSON(struct run_row, result));

struct err *query_load(struct ctx *ctx, int64_t run_id, struct query_run_record *run,
                       struct query_result **out)
{
	struct json_object *o;
	struct run_row row;

	TRY(db_one(ctx, &query_run_by_id, DB_ARGS(db_i64(run_id), db_id(ctx->user_id)), &run_row, "query run",
	           &row));
	if (!row.result)
		return err_new(ctx->a, ERR_NOT_FOUND, "the query run has no stored result");
	TRY(json_read(ctx->a, str_of(row.result), JSON_DEPTH, &o));
	TRY(query_read_json(ctx->a, o, out));
	*run = (struct query_run_record){.id = row.id,
	                                 .project_id = row.project_id,
	                                 .user_id = row.user_id,
	                                 .conversation_id = row.conversation_id,
	                                 .outcome = row.outcome};
	(*out)->run_id = row.id;
	(*out)->sql_asked = row.sql_asked;
	(*out)->sql_run = row.sql_run;
	(*out)->tables = row.tables.p;
	(*out)->ntables = row.tables.n;
	(*out)->bytes = row.bytes;
	(*out)->took_us = row.took_us;
	(*out)->at = row.at;
	return NULL;
}
