/* Guard, run, record: the one way from a statement to people's rows. */
#include <ctype.h>
#include <string.h>

#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "query/query_priv.h"

enum { SLACK_MS = 1000, ZONE_BYTES = 64, HOLD_MS = 5000 };

static struct query_caps caps_of(const struct policy *p)
{
	return (struct query_caps){p->max_rows ? p->max_rows : SQL_ROWS,
	                           p->max_bytes ? p->max_bytes : POLICY_MAX_BYTES,
	                           p->max_cell_bytes ? p->max_cell_bytes : POLICY_MAX_CELL_BYTES};
}

/* A name that could be one of a time zone, or NULL. */
static const char *zone_of(const struct query_scope *scope)
{
	const char *zone = scope->time_zone;
	size_t n = zone ? strlen(zone) : 0;

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)zone[i]) && !strchr("_+/-", zone[i]))
			return NULL;
	return n && n <= ZONE_BYTES ? zone : NULL;
}

/* The server's words on a value may repeat it; where the policy keeps something back that could be of a row or
 * a column that is hidden. */
static struct err *discreet(const struct query_work *work, struct err *e)
{
	const struct sql_statement *s = work->statement;
	struct err *plain;

	if (!e || e->kind != ERR_QUERY || (!s->nfiltered && !s->nmasked))
		return e;
	plain = err_code(err_new(work->ctx->a, ERR_QUERY, "the database could not calculate a value"), e->code);
	return err_hint(plain, "Look at casts, divisions and functions in the statement; what the database said"
	                       " is not shown, because it may repeat values that are hidden.");
}

static struct err *work_on(struct query_work *work, struct query_conn *conn, const PGresult *shape)
{
	struct query_wait w = query_wait_ms(work->ctx, work->scope->policy->timeout_ms + SLACK_MS);
	double cost;

	if (work->plan)
		return query_plan_ask(&w, conn, work, work->plan, &cost);
	return query_fetch(work, conn, shape);
}

/* Errors while the statement is described have a position in the guard's text; people see the one that they
 * wrote. */
static struct err *execute(struct query_work *work)
{
	struct query_result *r = work->r;
	struct query_opening opening = {.timeout_ms = work->scope->policy->timeout_ms,
	                                .time_zone = zone_of(work->scope),
	                                .sql = work->statement->sql};
	struct query_conn *conn;
	struct err *e;

	e = query_transaction_begin(work->ctx, work->scope->source, &opening, &conn);
	if (e) {
		e->position = query_position(str_of(r->sql_asked), str_of(r->sql_run), e->position);
		return e;
	}
	r->time_zone = opening.time_zone ? opening.time_zone : "UTC";
	e = work_on(work, conn, opening.shape);
	query_transaction_end(conn);
	PQclear(opening.shape);
	if (e)
		e->position = 0;
	return discreet(work, e);
}

static struct err *admitted(struct query_work *work)
{
	const struct policy *p = work->scope->policy;
	const struct audit_quota quota = {.project_id = work->scope->source->project_id,
	                                  .a_minute = p->a_minute,
	                                  .at_once = p->at_once,
	                                  .a_day = p->a_day,
	                                  .hold_ms = p->timeout_ms + HOLD_MS};
	int64_t place;
	struct err *e;

	TRY(audit_admit(work->ctx, &quota, &place));
	e = execute(work);
	audit_leave(work->ctx, place);
	return e;
}

static struct err *record(struct query_work *work, struct err *failed)
{
	struct err *e = query_record(work, failed);

	if (e && failed)
		log_err(LOG_ERROR, work->ctx->request_id, "recording a query run", e);
	return failed ? failed : e;
}

static struct err *run_all(struct query_work *work, const char *sql)
{
	struct query_result *r = work->r;
	int64_t started = clock_mono_us();
	struct err *e;

	r->sql_asked = arena_strdup(work->ctx->a, sql);
	r->at = clock_wall_us();
	r->time_zone = "UTC";
	e = query_guard(work, r->sql_asked);
	if (!e)
		e = admitted(work);
	if (!e && !work->plan)
		query_caveats(work->ctx->a, work->scope, work->statement, r);
	r->took_us = clock_mono_us() - started;
	TRY(record(work, e));
	LOG(LOG_INFO, work->ctx->request_id, "query run", LOG_I64("run", r->run_id),
	    LOG_I64("rows", (int64_t)r->nrows), LOG_I64("took_us", r->took_us));
	return NULL;
}

static struct query_work work_for(struct ctx *ctx, const struct query_scope *scope)
{
	return (struct query_work){.ctx = ctx,
	                           .scope = scope,
	                           .caps = caps_of(scope->policy),
	                           .r = ARENA_NEW(ctx->a, struct query_result)};
}

struct err *query_run(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                      struct query_result **out)
{
	struct query_work work = work_for(ctx, scope);

	*out = work.r;
	return run_all(&work, sql);
}

struct err *query_stream(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                         const struct query_caps *caps, const struct query_sink *sink,
                         struct query_result **out)
{
	struct query_work work = work_for(ctx, scope);

	work.caps = *caps;
	work.sink = sink;
	*out = work.r;
	return run_all(&work, sql);
}

struct err *query_explain(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                          struct query_plan **out)
{
	struct query_work work = work_for(ctx, scope);

	work.plan = *out = ARENA_NEW(ctx->a, struct query_plan);
	return run_all(&work, sql);
}
