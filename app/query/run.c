/* Guard, run, record: the one way from a statement to people's rows. */
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "query/query_priv.h"

static const char declare[] = "DECLARE quern NO SCROLL CURSOR FOR ";
static const char explain[] = "EXPLAIN ";

enum { SLACK_MS = 1000 };

/* One run under way. */
struct run {
	struct ctx *ctx;
	const struct query_scope *scope;
	struct sql_statement *statement; /* NULL until the guard accepted */
	struct query_caps caps;
	const char *prefix; /* what stands before the guard's text */
	struct query_result *r;
};

static struct query_caps caps_of(const struct policy *p)
{
	return (struct query_caps){p->max_rows ? p->max_rows : SQL_ROWS,
	                           p->max_bytes ? p->max_bytes : POLICY_MAX_BYTES,
	                           p->max_cell_bytes ? p->max_cell_bytes : POLICY_MAX_CELL_BYTES};
}

/* The guard's LIMIT is one more than what is shown, so that a cut can be told from an end. */
static struct err *guard(struct run *run, const char *sql)
{
	const struct query_scope *scope = run->scope;
	const struct policy *p = scope->policy;
	struct sql_table *tables = ARENA_ARRAY(run->ctx->a, struct sql_table, scope->ntables);
	const struct sql_policy policy = {
	        .dialect = SQL_POSTGRES,
	        .schema = p->schema,
	        .allowed = p->allowed.p,
	        .nallowed = p->allowed.n,
	        .excluded = p->excluded.p,
	        .nexcluded = p->excluded.n,
	        .tables = tables,
	        .ntables = scope->ntables,
	        .max_rows = run->caps.rows + 1,
	};

	for (size_t i = 0; i < scope->ntables; i++)
		tables[i] = (struct sql_table){.name = scope->tables[i].name,
		                               .columns = scope->tables[i].columns,
		                               .ncolumns = scope->tables[i].ncolumns};
	TRY(sql_guard(run->ctx->a, &policy, str_of(sql), &run->statement));
	run->r->sql_run = run->statement->sql;
	run->r->tables = run->statement->tables;
	run->r->ntables = run->statement->ntables;
	return NULL;
}

/* Reads the rows of the statement whose result is next, one by one; a result that reaches a cap is broken
 * off. */
static struct err *read_rows(const struct query_wait *w, struct query_conn *conn, struct query_builder *b,
                             PGresult **shape)
{
	struct err *failed = NULL;
	PGresult *res;

	PQsetSingleRowMode(conn->pg);
	for (;;) {
		TRY(query_conn_next(w, conn, &res));
		ExecStatusType status = PQresultStatus(res);
		if (!res)
			return failed;
		if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK &&
		    status != PGRES_PIPELINE_ABORTED)
			failed = query_fail(w->a, conn, res);
		if (!*shape && (status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK)) {
			query_builder_columns(b, res);
			*shape = PQcopyResult(res, PG_COPYRES_ATTRS);
		}
		bool more = true;
		for (int i = 0; more && i < PQntuples(res); i++)
			more = query_builder_row(b, res, i);
		PQclear(res);
		if (conn->lost)
			return failed;
		/* One row past the cap is the last one anyway; anything else is stopped at the server. */
		if (!more && (int64_t)b->r->nrows < b->caps.rows) {
			query_conn_abort(conn);
			return NULL;
		}
	}
}

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

static struct err *fetch(const struct query_wait *w, struct query_conn *conn, const struct query_step *steps,
                         size_t n, struct query_builder *b)
{
	PGresult *shape = NULL, *sync;
	struct err *e, *failed = NULL;

	TRY(query_conn_send(w, conn, steps, n));
	for (size_t i = 0; i + 1 < n; i++)
		TRY(pass(w, conn, &failed));
	e = read_rows(w, conn, b, &shape);
	if (!e)
		e = failed;
	if (!conn->lost) {
		struct err *end = query_conn_next(w, conn, &sync);

		PQclear(sync);
		e = e ? e : end;
	}
	if (!e && !conn->lost)
		e = query_result_types(w, conn, shape, b->r);
	for (size_t i = 0; i < b->r->ncolumns; i++)
		if (!b->r->columns[i].type)
			b->r->columns[i].type = "unknown";
	PQclear(shape);
	return e;
}

static struct err *execute(struct run *run)
{
	struct ctx *ctx = run->ctx;
	const struct policy *p = run->scope->policy;
	const char *text = arena_printf(ctx->a, "%s%s", run->prefix, run->statement->sql);
	const char *next =
	        arena_printf(ctx->a, "FETCH FORWARD %lld FROM quern", (long long)run->caps.rows + 1);
	const struct query_step steps[] = {{.sql = text}, {.sql = next}};
	struct query_builder b = {.a = ctx->a, .r = run->r, .caps = run->caps};
	struct query_conn *conn;
	struct query_wait w;
	struct err *e;

	TRY(query_transaction_begin(ctx, run->scope->source, p->timeout_ms, &conn));
	w = query_wait_ms(ctx, p->timeout_ms + SLACK_MS);
	e = fetch(&w, conn, steps, run->prefix == declare ? 2 : 1, &b);
	query_transaction_end(conn);
	query_builder_finish(&b);
	return e;
}

/* The server counts in the text that was sent; people see the one that they wrote. */
static void locate(const struct run *run, struct err *e)
{
	int position = e->position - (int)strlen(run->prefix);

	e->position = e->kind == ERR_QUERY ? query_position(str_of(run->r->sql_asked),
	                                                    str_of(run->statement->sql), position)
	                                   : 0;
}

static struct err *record(struct run *run, struct err *failed)
{
	const char *fingerprint = run->statement ? run->statement->fingerprint : NULL;
	struct err *e = query_record(run->ctx, run->scope, fingerprint, failed, run->r);

	if (e && failed)
		log_err(LOG_ERROR, run->ctx->request_id, "recording a query run", e);
	return failed ? failed : e;
}

static struct err *run_all(struct run *run, const char *sql)
{
	struct query_result *r = run->r;
	int64_t started = clock_mono_us();
	struct err *e;

	r->sql_asked = arena_strdup(run->ctx->a, sql);
	r->at = clock_wall_us();
	e = guard(run, r->sql_asked);
	if (!e) {
		e = execute(run);
		if (e)
			locate(run, e);
	}
	r->took_us = clock_mono_us() - started;
	TRY(record(run, e));
	LOG(LOG_INFO, run->ctx->request_id, "query run", LOG_I64("run", r->run_id),
	    LOG_I64("rows", (int64_t)r->nrows), LOG_I64("took_us", r->took_us));
	return NULL;
}

struct err *query_run(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                      struct query_result **out)
{
	struct run run = {.ctx = ctx,
	                  .scope = scope,
	                  .caps = caps_of(scope->policy),
	                  .prefix = declare,
	                  .r = ARENA_NEW(ctx->a, struct query_result)};

	*out = run.r;
	return run_all(&run, sql);
}

struct err *query_explain(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                          struct query_result **out)
{
	struct run run = {.ctx = ctx,
	                  .scope = scope,
	                  .caps = caps_of(scope->policy),
	                  .prefix = explain,
	                  .r = ARENA_NEW(ctx->a, struct query_result)};

	*out = run.r;
	return run_all(&run, sql);
}
