/*
 * A query that takes longer than a turn should hold a thread for: it runs in a thread of its own and the turn waits as a
 * row. Whoever sees the end of the query, this thread or a worker that finds that nobody runs it any more, lets the
 * turn go on.
 */
#include <pthread.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/log.h"

enum { STACK_BYTES = 256 << 10 };

/* Lives in its ctx's arena, which ends with the query. */
struct background {
	struct ctx ctx;
	struct query_background *query;
	struct query_scope scope;
	const char *sql;
};

static void *run(void *arg)
{
	struct background *b = arg;
	struct arena *a = b->ctx.a;
	struct err *e = query_finish(&b->ctx, b->query);

	if (e)
		log_err(LOG_WARNING, b->ctx.request_id, "a turn's query in the background failed", e);
	e = agent_wait_look(&b->ctx);
	if (e)
		log_err(LOG_WARNING, b->ctx.request_id, "could not tell the end of a query in the background", e);
	arena_free(a);
	return NULL;
}

static struct err *begin(struct background *b, const struct tool_env *env, int64_t *run_id)
{
	struct agent_scene *scene;

	TRY(agent_scene_load(&b->ctx, env->project, env->role, &scene));
	b->scope = scene->scope;
	b->scope.conversation_id = env->conversation_id;
	b->scope.turn_id = env->turn_id;
	b->scope.time_zone = arena_strdup(b->ctx.a, env->time_zone);
	return query_begin(&b->ctx, &b->scope, b->sql, &b->query, run_id);
}

/* Without a thread it runs here: the turn waits for it all the same. */
static void start(struct background *b)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (pthread_create(&thread, &attr, run, b))
		run(b);
	pthread_attr_destroy(&attr);
}

struct err *agent_background(struct tool_env *env, const char *sql, int64_t *run_id)
{
	struct arena *a = arena_create();
	struct background *b = ARENA_NEW(a, struct background);
	struct err *e;

	b->ctx = *env->ctx;
	b->ctx.a = a;
	b->ctx.stop = NULL;
	b->ctx.request_id = arena_strdup(a, env->ctx->request_id);
	b->sql = arena_strdup(a, sql);
	e = begin(b, env, run_id);
	if (e) {
		e = err_copy(env->ctx->a, e);
		arena_free(a);
		return e;
	}
	start(b);
	return NULL;
}
