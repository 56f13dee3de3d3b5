/*
 * Queries that take longer than somebody waits. The row says 'running' from the start; a helper of the thread that
 * runs it tells every few seconds that it is still at work, and looks whether somebody asked for the end.
 */
#include <pthread.h>
#include <time.h>

#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "query/query_priv.h"

enum { TICK_MS = 100, LOOK_US = 1000000, HEARTBEAT_US = 5000000 };

DB_STMT(query_run_heartbeat,
        "UPDATE query_runs SET heartbeat_at = now() WHERE id = $1 AND outcome = 'running'", DB_I64);
DB_STMT(query_run_stop_asked,
        "SELECT count(*) FROM query_runs WHERE id = $1 AND outcome = 'running' AND NOT stop_asked", DB_I64);
DB_STMT(query_run_ask_stop,
        "UPDATE query_runs r SET stop_asked = true WHERE id = $1 AND user_id IS NOT DISTINCT FROM $2"
        " AND background AND ($2 IS NULL OR" PROJECT_SEEN("r.project_id", "$2") ")",
        DB_I64, DB_I64);

struct query_background {
	struct query_work work;
	struct query_scope scope;
	int64_t place;
};

/* What the helper knows. */
struct watch {
	const struct ctx *ctx; /* of the thread that runs the query */
	int64_t run_id;
	atomic_bool stop; /* the query's */
	atomic_bool over;
};

struct err *query_begin(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                        struct query_background **out, int64_t *run_id)
{
	struct query_background *q = ARENA_NEW(ctx->a, struct query_background);

	q->scope = *scope;
	q->work = query_work_for(ctx, &q->scope);
	q->work.background = true;
	q->work.timeout_ms = ctx->settings->background_seconds * 1000;
	TRY(query_work_prepare(&q->work, sql, &q->place));
	*run_id = q->work.r->run_id;
	*out = q;
	return NULL;
}

/* One look at the row; true when nobody wants the run any more. */
static bool unwanted(struct ctx *ctx, int64_t run_id, bool beat)
{
	int64_t wanted = 1;
	struct err *e = NULL;

	if (beat)
		e = db_run(ctx, &query_run_heartbeat, DB_ARGS(db_i64(run_id)), NULL);
	if (!e)
		e = db_one(ctx, &query_run_stop_asked, DB_ARGS(db_i64(run_id)), &db_id_row, "query run",
		           &wanted);
	if (e)
		log_err(LOG_WARNING, ctx->request_id, "looking after a query in the background", e);
	return !e && !wanted;
}

static void *look_after(void *arg)
{
	static const struct timespec tick = {0, TICK_MS * 1000000L};
	struct watch *w = arg;
	struct ctx ctx = *w->ctx;
	int64_t looked = clock_mono_us(), beaten = looked;

	ctx.a = arena_create();
	ctx.stop = NULL;
	ctx.tx = NULL;
	while (!atomic_load(&w->over) && !atomic_load(&w->stop)) {
		int64_t now = clock_mono_us();
		bool beat = now - beaten >= HEARTBEAT_US;

		nanosleep(&tick, NULL);
		if (ctx_stopped(w->ctx))
			atomic_store(&w->stop, true);
		if (now - looked < LOOK_US)
			continue;
		struct arena_mark mark = arena_mark(ctx.a);

		if (unwanted(&ctx, w->run_id, beat))
			atomic_store(&w->stop, true);
		arena_reset(ctx.a, mark);
		looked = now;
		beaten = beat ? now : beaten;
	}
	arena_free(ctx.a);
	return NULL;
}

struct err *query_finish(struct ctx *ctx, struct query_background *q)
{
	struct watch watch = {.ctx = ctx, .run_id = q->work.r->run_id};
	struct ctx own = *ctx;
	pthread_t helper;
	struct err *e;
	bool watched;

	own.stop = &watch.stop;
	q->work.ctx = &own;
	watched = pthread_create(&helper, NULL, look_after, &watch) == 0;
	e = query_work_finish(&q->work, q->place);
	atomic_store(&watch.over, true);
	if (watched)
		pthread_join(helper, NULL);
	return e;
}

struct err *query_cancel(struct ctx *ctx, int64_t run_id)
{
	int64_t found;

	TRY(db_run(ctx, &query_run_ask_stop, DB_ARGS(db_i64(run_id), db_id(ctx->user_id)), &found));
	return found ? NULL : err_new(ctx->a, ERR_NOT_FOUND, "query run not found");
}
