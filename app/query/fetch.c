/* Runs what the guard returned, through a cursor, and reads its rows one by one, under caps. */
#include "lib/arena.h"
#include "query/query_priv.h"

/* Statements before the one that returns rows: they must only succeed. */
static struct err *pass(const struct query_wait *w, struct query_conn *conn, struct err **failed)
{
	PGresult *res;

	TRY(query_conn_next(w, conn, &res));
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		*failed = query_fail(w->a, conn, res);
	PQclear(res);
	if (conn->lost)
		return *failed;
	return query_conn_next(w, conn, &res);
}

static bool add_rows(struct query_builder *b, const PGresult *res)
{
	for (int i = 0; i < PQntuples(res); i++)
		if (!query_builder_row(b, res, i))
			return false;
	return true;
}

/* Reads the rows of the statement whose result is next, one by one; a result that reaches a cap is broken
 * off. */
static struct err *read_rows(const struct query_wait *w, struct query_conn *conn, struct query_builder *b)
{
	struct err *failed = NULL;
	PGresult *res;

	PQsetSingleRowMode(conn->pg);
	for (;;) {
		TRY(query_conn_next(w, conn, &res));
		ExecStatusType status = PQresultStatus(res);
		bool more;

		if (!res)
			return failed;
		if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK &&
		    status != PGRES_PIPELINE_ABORTED)
			failed = query_fail(w->a, conn, res);
		more = add_rows(b, res);
		PQclear(res);
		if (conn->lost)
			return failed;
		/* One row past the cap is the last one anyway; anything else is stopped at the server. */
		if (!more && (b->failed || (int64_t)b->r->nrows < b->caps.rows)) {
			query_conn_abort(conn);
			return b->failed;
		}
	}
}

static struct err *read_all(const struct query_wait *w, struct query_conn *conn, struct query_builder *b)
{
	struct err *e, *failed = NULL;
	PGresult *sync;

	TRY(pass(w, conn, &failed));
	e = read_rows(w, conn, b);
	if (!e)
		e = failed;
	if (!conn->lost) {
		struct err *end = query_conn_next(w, conn, &sync);

		PQclear(sync);
		e = e ? e : end;
	}
	return e;
}

static struct err *columns(struct query_work *work, const struct query_wait *w, struct query_conn *conn,
                           const PGresult *shape, struct query_builder *b)
{
	struct query_result *r = work->r;

	query_builder_columns(b, shape);
	TRY(query_result_types(w, conn, shape, r));
	for (size_t i = 0; i < r->ncolumns; i++)
		if (!r->columns[i].type)
			r->columns[i].type = "unknown";
	b->hash = query_hash_start(work->ctx->a, r);
	return work->sink ? work->sink->columns(work->sink->arg, r->columns, r->ncolumns) : NULL;
}

struct err *query_fetch(struct query_work *work, struct query_conn *conn, const PGresult *shape)
{
	struct ctx *ctx = work->ctx;
	const struct sql_statement *s = work->statement;
	struct query_builder b = {.a = ctx->a, .r = work->r, .caps = work->caps, .sink = work->sink};
	const char *sql = query_wrap(ctx->a, s->sql, shape, &b.caps);
	const struct query_step steps[] = {
	        {.sql = arena_printf(ctx->a, "DECLARE quern NO SCROLL CURSOR FOR %s", sql),
	         .params = s->params,
	         .nparams = s->nparams},
	        {.sql = arena_printf(ctx->a, "FETCH FORWARD %lld FROM quern", (long long)b.caps.rows + 1)},
	};
	struct query_wait w = query_wait_ms(ctx, work->timeout_ms + QUERY_SLACK_MS);
	struct err *e;

	TRY(columns(work, &w, conn, shape, &b));
	TRY(query_conn_send(&w, conn, steps, 2));
	b.row = arena_create();
	e = read_all(&w, conn, &b);
	arena_free(b.row);
	query_builder_finish(&b);
	work->hash = b.sink ? query_hash_end(ctx->a, b.hash) : query_hash_of(ctx->a, work->r);
	return e;
}
