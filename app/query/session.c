/* Sessions for our own statements about a database. A statement that fails does not end the session. */
#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

struct query_session {
	struct query_conn *conn;
	const struct project_source *source;
	struct query_opening opening;
	bool failed; /* the transaction is of no more use */
};

enum { SLACK_MS = 1000, ROWS = 1000000, CELL_BYTES = 1 << 20 };

static void end(void *arg)
{
	struct query_session *s = arg;

	if (s->conn)
		query_transaction_end(s->conn);
}

struct err *query_session_open(struct ctx *ctx, const struct project_source *source, int64_t timeout_ms,
                               struct query_session **out)
{
	struct query_session *s = ARENA_NEW(ctx->a, struct query_session);

	s->source = source;
	s->opening.timeout_ms = timeout_ms;
	TRY(query_transaction_begin(ctx, source, &s->opening, &s->conn));
	arena_cleanup(ctx->a, end, s);
	*out = s;
	return NULL;
}

static struct err *renew(struct ctx *ctx, struct query_session *s)
{
	struct query_conn *conn = s->conn;

	s->conn = NULL;
	if (conn)
		query_transaction_end(conn);
	TRY(query_transaction_begin(ctx, s->source, &s->opening, &s->conn));
	s->failed = false;
	return NULL;
}

struct err *query_session_rows(struct ctx *ctx, struct query_session *s, const char *sql,
                               const char *const *params, size_t nparams, struct query_result **out)
{
	const struct query_step step = {.sql = sql, .params = params, .nparams = nparams};
	struct query_builder b = {.a = ctx->a, .caps = {ROWS, BUF_RESULT, CELL_BYTES}};
	struct query_wait w;
	PGresult *res;
	struct err *e;

	if (s->failed || !s->conn)
		TRY(renew(ctx, s));
	w = query_wait_ms(ctx, s->opening.timeout_ms + SLACK_MS);
	e = query_conn_trip(&w, s->conn, &step, 1, &res);
	if (e) {
		s->failed = true;
		return e;
	}
	b.r = ARENA_NEW(ctx->a, struct query_result);
	query_builder_columns(&b, res);
	for (int i = 0; i < PQntuples(res); i++)
		if (!query_builder_row(&b, res, i))
			break;
	query_builder_finish(&b);
	e = query_result_types(&w, s->conn, res, b.r);
	PQclear(res);
	s->failed = e != NULL;
	*out = b.r;
	return e;
}
