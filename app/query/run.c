/* Guard, run, record: the one way from a statement to people's rows. */
#include <ctype.h>
#include <string.h>

#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "query/query_priv.h"

enum { ZONE_BYTES = 64, HOLD_MS = 5000 };

static struct query_caps caps_of(const struct policy *p)
{
	return (struct query_caps){p->max_rows ? p->max_rows : SQL_ROWS,
	                           p->max_bytes ? p->max_bytes : POLICY_MAX_BYTES,
	                           p->max_cell_bytes ? p->max_cell_bytes : POLICY_MAX_CELL_BYTES};
}

const char *query_zone(const struct query_scope *scope)
{
	const char *zone = scope->time_zone;
	size_t n = zone ? strlen(zone) : 0;

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)zone[i]) && !strchr("_+/-", zone[i]))
			return "UTC";
	return n && n <= ZONE_BYTES ? zone : "UTC";
}

/* The server's words on a value may repeat it; where the policy keeps something back that could be of a row or
 * a column that is hidden. */
static struct err *discreet(const struct query_work *work, struct err *e)
{
	const struct sql_statement *s = work->statement;
	struct err *plain;

	if (!e || e->kind != ERR_QUERY || (!s->nfiltered && !s->nmasked))
		return e;
	plain = err_code(err_new(work->ctx->a, ERR_QUERY, "the database could not calculate a value"),
	                 e->code);
	return err_hint(plain,
	                "Look at casts, divisions and functions in the statement; what the database said"
	                " is not shown, because it may repeat values that are hidden.");
}

static struct err *work_on(struct query_work *work, struct query_conn *conn, const PGresult *shape)
{
	struct query_wait w = query_wait_ms(work->ctx, work->timeout_ms + QUERY_SLACK_MS);
	struct query_plan plan;

	if (work->plan)
		return query_plan_ask(&w, conn, work, work->plan);
	if (work->scope->policy->max_cost > 0)
		TRY(query_plan_ask(&w, conn, work, &plan));
	return query_fetch(work, conn, shape);
}

/* Errors while the statement is described have a position in the guard's text; people see the one that they
 * wrote. */
static struct err *execute(struct query_work *work)
{
	struct query_result *r = work->r;
	struct query_opening opening = {.timeout_ms = work->timeout_ms,
	                                .time_zone = query_zone(work->scope),
	                                .slow = work->background,
	                                .sql = work->statement->sql};
	struct query_conn *conn;
	struct err *e;

	e = query_transaction_begin(work->ctx, work->scope->source, &opening, &conn);
	if (e) {
		e->position = query_position(str_of(r->sql_asked), str_of(r->sql_run), e->position);
		return query_no_table(work, e);
	}
	r->time_zone = opening.time_zone ? opening.time_zone : "UTC";
	e = work_on(work, conn, opening.shape);
	query_transaction_end(conn);
	PQclear(opening.shape);
	if (e)
		e->position = 0;
	return discreet(work, e);
}

static struct err *admit(struct query_work *work, int64_t *place)
{
	const struct policy *p = work->scope->policy;
	const struct audit_quota quota = {.project_id = work->scope->source->project_id,
	                                  .a_minute = p->a_minute,
	                                  .at_once = p->at_once,
	                                  .a_day = p->a_day,
	                                  .hold_ms = work->timeout_ms + HOLD_MS};

	return audit_admit(work->ctx, &quota, place);
}

static struct err *record(struct query_work *work, struct err *failed)
{
	struct query_result *r = work->r;
	struct err *e;

	r->took_us = clock_mono_us() - work->started;
	e = query_record(work, failed);
	if (e && failed)
		log_err(LOG_ERROR, work->ctx->request_id, "recording a query run", e);
	/* A filter stands in the statement. */
	if (!work->scope->policy->tells_hidden)
		r->sql_run = NULL;
	LOG(LOG_INFO, work->ctx->request_id, "query run", LOG_I64("run", r->run_id),
	    LOG_I64("rows", (int64_t)r->nrows), LOG_I64("took_us", r->took_us),
	    LOG_I64("cached_from", r->cached_from));
	return failed ? failed : e;
}

struct err *query_work_prepare(struct query_work *work, const char *sql, int64_t *place)
{
	struct query_result *r = work->r;
	bool cached = false;
	struct err *e;

	*place = 0;
	work->started = clock_mono_us();
	work->at = r->at = clock_wall_us();
	r->sql_asked = arena_strdup(work->ctx->a, sql);
	r->time_zone = "UTC";
	e = query_guard(work, r->sql_asked);
	if (!e)
		e = query_cache_find(work, &cached);
	if (!e && !cached)
		e = admit(work, place);
	if (e)
		return record(work, e);
	work->running = work->background;
	e = work->running ? query_record(work, NULL) : NULL;
	work->running = false;
	if (e)
		audit_leave(work->ctx, *place);
	return e;
}

struct err *query_work_finish(struct query_work *work, int64_t place)
{
	struct err *e = NULL;

	if (!work->r->cached_from) {
		e = execute(work);
		audit_leave(work->ctx, place);
	} else {
		work->hash = query_hash_of(work->ctx->a, work->r);
	}
	if (!e && !work->plan)
		query_caveats(work->ctx->a, work->scope, work->statement, work->r);
	return record(work, e);
}

static struct err *run_all(struct query_work *work, const char *sql)
{
	int64_t place;

	TRY(query_work_prepare(work, sql, &place));
	return query_work_finish(work, place);
}

struct query_work query_work_for(struct ctx *ctx, const struct query_scope *scope)
{
	return (struct query_work){.ctx = ctx,
	                           .scope = scope,
	                           .caps = caps_of(scope->policy),
	                           .timeout_ms = scope->policy->timeout_ms,
	                           .r = ARENA_NEW(ctx->a, struct query_result)};
}

struct err *query_run(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                      struct query_result **out)
{
	struct query_work work = query_work_for(ctx, scope);

	*out = work.r;
	return run_all(&work, sql);
}

struct err *query_stream(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                         const struct query_caps *caps, const struct query_sink *sink,
                         struct query_result **out)
{
	struct query_work work = query_work_for(ctx, scope);

	work.caps = *caps;
	work.sink = sink;
	*out = work.r;
	return run_all(&work, sql);
}

struct err *query_explain(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                          struct query_plan **out)
{
	struct query_work work = query_work_for(ctx, scope);

	work.plan = *out = ARENA_NEW(ctx->a, struct query_plan);
	return run_all(&work, sql);
}
