/*
 * Runs what the guard returned, through a cursor, and reads its rows one by one, under caps. For a sink the
 * cursor is fetched in parts, so that the server's time limit counts for a part and not for how fast somebody
 * takes the file; the time that the sink takes is not the query's.
 */
#include "lib/arena.h"
#include "query/query_priv.h"

enum { PART = 1000 }; /* rows of a stream in one round trip */

/* One reading under way. */
struct reading {
	struct query_wait w;
	struct query_conn *conn;
	struct query_builder b;
	int64_t asked; /* rows, so far */
	int64_t part;  /* rows asked for at once */
	bool cut;      /* no more rows are wanted */
	bool ended;    /* there are no more */
	struct err *failed;
};

/* Statements before the one that returns rows: they must only succeed. */
static struct err *pass(struct reading *f)
{
	PGresult *res;

	TRY(query_conn_next(&f->w, f->conn, &res));
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		f->failed = query_fail(f->w.a, f->conn, res);
	PQclear(res);
	if (f->conn->lost)
		return f->failed;
	return query_conn_next(&f->w, f->conn, &res);
}

static bool add_rows(struct reading *f, const PGresult *res)
{
	for (int i = 0; i < PQntuples(res); i++)
		if (!query_builder_row(&f->b, res, i))
			return false;
	f->w.until += f->b.elsewhere_us;
	f->b.elsewhere_us = 0;
	return true;
}

/* Reads the rows of the statement whose result is next, one by one; a result that reaches a cap is broken
 * off. */
static struct err *read_rows(struct reading *f)
{
	PGresult *res;

	PQsetSingleRowMode(f->conn->pg);
	for (;;) {
		TRY(query_conn_next(&f->w, f->conn, &res));
		ExecStatusType status = PQresultStatus(res);

		if (!res)
			return f->failed;
		if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK &&
		    status != PGRES_PIPELINE_ABORTED)
			f->failed = query_fail(f->w.a, f->conn, res);
		f->cut = f->cut || !add_rows(f, res);
		PQclear(res);
		if (f->conn->lost)
			return f->failed;
		/* One row past the cap is the last one anyway; anything else is stopped at the server. */
		if (f->cut && (f->b.failed || (int64_t)f->b.r->nrows < f->b.caps.rows)) {
			query_conn_abandon(f->conn);
			return f->b.failed;
		}
	}
}

/* A part, and the mark behind it. */
static struct err *read_part(struct reading *f)
{
	struct err *e = read_rows(f), *end;
	PGresult *sync;

	if (f->conn->lost)
		return e;
	end = query_conn_next(&f->w, f->conn, &sync);
	PQclear(sync);
	return e ? e : end;
}

static struct query_step next_part(struct reading *f)
{
	int64_t left = f->b.caps.rows + 1 - f->asked, n = left < f->part ? left : f->part;

	f->asked += n;
	return (struct query_step){
	        .sql = arena_printf(f->w.a, "FETCH FORWARD %lld FROM quern", (long long)n)};
}

static struct err *read_all(struct reading *f, const struct query_step *declare)
{
	struct query_step steps[] = {*declare, next_part(f)};
	size_t before;

	TRY(query_conn_send(&f->w, f->conn, steps, 2));
	TRY(pass(f));
	for (int parts = 1; parts && !f->conn->lost; parts--) {
		/* The server works on the next part while this one is taken. */
		if (!f->cut && !f->ended && f->asked <= f->b.caps.rows) {
			steps[1] = next_part(f);
			TRY(query_conn_send(&f->w, f->conn, &steps[1], 1));
			parts++;
		}
		before = f->b.r->nrows;
		struct err *e = read_part(f);
		/* Nobody reads what else is under way. */
		f->conn->lost = f->conn->lost || (e && parts > 1);
		TRY(e);
		f->ended = (int64_t)(f->b.r->nrows - before) < f->part;
	}
	return NULL;
}

static struct err *columns(struct query_work *work, struct reading *f, const PGresult *shape)
{
	struct query_result *r = work->r;

	query_builder_columns(&f->b, shape);
	TRY(query_result_types(&f->w, f->conn, shape, r));
	for (size_t i = 0; i < r->ncolumns; i++)
		if (!r->columns[i].type)
			r->columns[i].type = "unknown";
	f->b.hash = query_hash_start(work->ctx->a, r);
	return work->sink ? work->sink->columns(work->sink->arg, r->columns, r->ncolumns) : NULL;
}

/* With a sink: its cells have an arena of their own, and a stall is noticed. */
static struct err *stream(struct reading *f, const struct query_step *declare)
{
	struct err *e;

	f->b.row = arena_create();
	f->b.stall = query_stall_watch(f->w.a, f->conn);
	e = read_all(f, declare);
	arena_free(f->b.row);
	if (!query_stall_end(f->b.stall))
		return e;
	f->conn->lost = true;
	return err_hint(err_code(err_new(f->w.a, ERR_TIMEOUT, "the rows were not taken in time"), "stalled"),
	                "Try again over a faster connection, or ask for fewer rows.");
}

struct err *query_fetch(struct query_work *work, struct query_conn *conn, const PGresult *shape)
{
	struct ctx *ctx = work->ctx;
	const struct sql_statement *s = work->statement;
	struct reading f = {
	        .w = query_wait_ms(ctx, work->timeout_ms + QUERY_SLACK_MS),
	        .conn = conn,
	        .b = {.a = ctx->a, .r = work->r, .caps = work->caps, .sink = work->sink},
	        .part = work->sink ? PART : work->caps.rows + 1,
	};
	const char *sql = query_wrap(ctx->a, s->sql, shape, &f.b.caps);
	const struct query_step declare = {
	        .sql = arena_printf(ctx->a, "DECLARE quern NO SCROLL CURSOR FOR %s", sql),
	        .params = s->params,
	        .nparams = s->nparams};
	struct err *e;

	f.w.most = QUERY_MESSAGE_BYTES;
	TRY(columns(work, &f, shape));
	e = work->sink ? stream(&f, &declare) : read_all(&f, &declare);
	query_builder_finish(&f.b);
	work->hash = work->sink ? query_hash_end(ctx->a, f.b.hash) : query_hash_of(ctx->a, work->r);
	return e;
}
