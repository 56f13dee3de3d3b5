/*
 * Rows of query_runs: what was asked, what was sent, what came of it. Values that were bound are not kept: they
 * tell who asked, and one is a secret.
 */
#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

DB_STMT(query_run_add,
        "INSERT INTO query_runs (project_id, user_id, conversation_id, turn_id, sql_asked, sql_run,"
        " fingerprint, tables, columns, source_id, origin, saved_query_id, outcome, error, rows, bytes,"
        " truncated, took_us, result, at, plan_cost, result_hash, cache_key, cached_from, caveats, time_zone,"
        " background, heartbeat_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,"
        " $21, $22, $23, $24, $25, $26, $27, CASE WHEN $27 THEN now() END) RETURNING id",
        DB_I64, DB_I64, DB_I64, DB_I64, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXTS, DB_TEXTS, DB_I64, DB_TEXT,
        DB_I64, DB_TEXT, DB_JSON, DB_I64, DB_I64, DB_BOOL, DB_I64, DB_JSON, DB_TIME, DB_F64, DB_BYTES,
        DB_BYTES, DB_I64, DB_JSON, DB_TEXT, DB_BOOL);

DB_STMT(query_run_finish,
        "UPDATE query_runs SET outcome = $2, error = $3, rows = $4, bytes = $5, truncated = $6, took_us = $7,"
        " result = $8, at = $9, plan_cost = $10, result_hash = $11, cache_key = $12, caveats = $13,"
        " time_zone = $14 WHERE id = $1 AND outcome = 'running'",
        DB_I64, DB_TEXT, DB_JSON, DB_I64, DB_I64, DB_BOOL, DB_I64, DB_JSON, DB_TIME, DB_F64, DB_BYTES,
        DB_BYTES, DB_JSON, DB_TEXT);

static const char *const origins[QUERY_ORIGIN__MAX] = {
        [QUERY_FROM_CHAT] = "chat",     [QUERY_FROM_SQL] = "sql", [QUERY_FROM_SAVED] = "saved",
        [QUERY_FROM_EXPORT] = "export", [QUERY_FROM_CLI] = "cli", [QUERY_FROM_DATA] = "data",
        [QUERY_FROM_ARTIFACT] = "artifact",
};

static const char *outcome_of(const struct err *failed)
{
	if (!failed)
		return "done";
	if (failed->kind == ERR_REFUSED)
		return "refused";
	return failed->kind == ERR_CANCELLED ? "cancelled" : "failed";
}

/* As many rows as fit; a result that was cut for that says so. */
static const char *stored(struct arena *a, const struct query_result *r, bool *whole)
{
	struct query_result kept = *r;

	for (;;) {
		struct buf b = buf_init(a, QUERY_STORED_BYTES);
		struct json_writer w = {.b = &b};

		query_put_json(&w, NULL, &kept, kept.nrows);
		if (!b.full)
			return buf_cstr(&b);
		*whole = false;
		if (!kept.nrows)
			return NULL;
		kept.nrows /= 2;
		kept.truncated = true;
		kept.cut = arena_printf(a, QUERY_FIRST_ROWS "%zu rows were kept", kept.nrows);
	}
}

const char *query_error_json(struct ctx *ctx, const struct err *failed)
{
	struct buf b = buf_init(ctx->a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_put_err(&w, failed, ctx->request_id);
	return b.full ? NULL : buf_cstr(&b);
}

static const char *caveats_json(struct arena *a, const struct query_result *r)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_array_open(&w, NULL);
	for (size_t i = 0; i < r->ncaveats; i++) {
		json_object_open(&w, NULL);
		json_put_cstr(&w, "code", r->caveats[i].code);
		json_put_cstr(&w, "text", r->caveats[i].text);
		json_object_close(&w);
	}
	json_array_close(&w);
	return b.full ? "[]" : buf_cstr(&b);
}

/* What came of it, as arguments. */
struct came {
	const char *outcome;
	struct db_arg error, result, cost, hash, key, caveats;
};

static struct came came_of(const struct query_work *work, const struct err *failed)
{
	static const struct str none;
	const struct query_result *r = work->r;
	struct arena *a = work->ctx->a;
	bool whole = true, rows = !failed && !work->running && !work->sink && !work->plan;
	struct came c = {.outcome = work->running ? "running" : outcome_of(failed)};

	c.error = db_json(failed ? query_error_json(work->ctx, failed) : NULL);
	/* Rows of another run are kept once, there. */
	c.result = db_json(rows && !r->cached_from ? stored(a, r, &whole) : NULL);
	c.cost = db_f64(r->plan_cost);
	c.cost.null = r->plan_cost <= 0;
	c.hash = db_bytes(failed ? none : work->hash);
	/* Rows that are not all there cannot stand for those of another run. */
	c.key = db_bytes(rows && whole ? work->cache_key : none);
	c.caveats = db_json(caveats_json(a, r));
	return c;
}

static struct err *add(struct query_work *work, const struct came *c)
{
	static const char *none[1];
	const struct query_scope *scope = work->scope;
	const struct sql_statement *s = work->statement;
	struct query_result *r = work->r;
	struct ctx *ctx = work->ctx;
	/* A statement that the platform's encoding cannot hold is kept as far as it can. */
	struct str asked = str_of(str_utf8_clean(ctx->a, str_of(r->sql_asked)));

	return db_one(
	        ctx, &query_run_add,
	        DB_ARGS(db_i64(scope->source->project_id), db_id(ctx->user_id), db_id(scope->conversation_id),
	                db_id(scope->turn_id), db_str(str_utf8_cut(asked, SQL_BYTES)), db_text(r->sql_run),
	                db_text(s ? s->fingerprint : NULL),
	                db_texts(r->tables ? r->tables : none, r->ntables),
	                db_texts(s && s->columns ? s->columns : none, s ? s->ncolumns : 0),
	                db_id(scope->source->id), db_text(origins[scope->origin]),
	                db_id(scope->saved_query_id), db_text(c->outcome), c->error,
	                db_i64((int64_t)r->nrows), db_i64(r->bytes), db_bool(r->truncated),
	                db_i64(r->took_us), c->result, db_time(work->at), c->cost, c->hash, c->key,
	                db_id(r->cached_from), c->caveats, db_text(r->time_zone), db_bool(work->running)),
	        &db_id_row, "query run", &r->run_id);
}

struct err *query_record(struct query_work *work, const struct err *failed)
{
	const struct query_result *r = work->r;
	struct came c = came_of(work, failed);

	if (!r->run_id)
		return add(work, &c);
	return db_run(work->ctx, &query_run_finish,
	              DB_ARGS(db_i64(r->run_id), db_text(c.outcome), c.error, db_i64((int64_t)r->nrows),
	                      db_i64(r->bytes), db_bool(r->truncated), db_i64(r->took_us), c.result,
	                      db_time(work->at), c.cost, c.hash, c.key, c.caveats, db_text(r->time_zone)),
	              NULL);
}
