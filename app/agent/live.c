/*
 * The turns that this process works on, and the one thread that looks after them: heartbeats for all in one
 * statement, stop requests that a notification missed, and turns anywhere whose worker has died.
 */
#include <pthread.h>
#include <time.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/log.h"
#include "lib/settings.h"

enum { HEARTBEAT_S = 10, SWEEP_S = 15 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct agent_live *all;
static _Atomic int64_t count;

DB_STMT(agent_live_heartbeat,
        "UPDATE turns SET heartbeat_at = now() WHERE id = ANY ($1::bigint[]) AND status = 'running'"
        " RETURNING id, stop_requested",
        DB_TEXTS);
DB_STMT(agent_live_sweep,
        "WITH dead AS (UPDATE turns SET status = 'failed', finished_at = now(), error = $1"
        " WHERE status = 'running' AND heartbeat_at < now() - $2 * interval '1 second' RETURNING id),"
        " last AS (SELECT id, (SELECT coalesce(max(seq), 0) FROM turn_events e"
        " WHERE e.turn_id = dead.id) AS seq FROM dead) INSERT INTO turn_events (turn_id, seq, kind, body)"
        " SELECT id, seq + 1, 'error', $1 FROM last UNION ALL"
        " SELECT id, seq + 2, 'done', jsonb_build_object('turn_id', id, 'status', 'failed') FROM last"
        " RETURNING pg_notify('turn', turn_id::text) IS NULL",
        DB_JSON, DB_F64);

#define DEAD_WORKER \
	"{\"kind\":\"unavailable\",\"code\":\"worker_lost\",\"message\":\"the service was interrupted " \
	"while it worked" \
	" on this question\",\"hint\":\"Ask it again.\"}"

size_t agent_live_due(struct agent_run **runs, size_t most)
{
	size_t n = 0;

	pthread_mutex_lock(&lock);
	for (struct agent_live *l = all; l && n < most; l = l->next)
		if (agent_checkpoint_due(l->run) && pthread_mutex_trylock(&l->row) == 0)
			runs[n++] = l->run;
	pthread_mutex_unlock(&lock);
	return n;
}

void agent_live_release(struct agent_run *const *runs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pthread_mutex_unlock(&runs[i]->live.row);
}

void agent_live_add(struct agent_live *live)
{
	pthread_mutex_lock(&lock);
	live->next = all;
	all = live;
	count++;
	pthread_mutex_unlock(&lock);
}

void agent_live_remove(struct agent_live *live)
{
	struct agent_live **p;

	pthread_mutex_lock(&lock);
	for (p = &all; *p != live; p = &(*p)->next)
		;
	*p = live->next;
	count--;
	pthread_mutex_unlock(&lock);
	/* Whoever writes its row still holds it. */
	pthread_mutex_lock(&live->row);
	pthread_mutex_unlock(&live->row);
	pthread_mutex_destroy(&live->row);
}

void agent_live_stop(int64_t turn_id)
{
	pthread_mutex_lock(&lock);
	for (struct agent_live *l = all; l; l = l->next)
		if (turn_id == 0 || l->turn_id == turn_id)
			atomic_store(&l->stop, true);
	pthread_mutex_unlock(&lock);
}

int64_t agent_live_count(void)
{
	return count;
}

void agent_drain(void)
{
	agent_live_stop(0);
}

struct err *agent_sweep(struct ctx *ctx)
{
	return db_run(ctx, &agent_live_sweep, DB_ARGS(db_json(DEAD_WORKER), db_f64(AGENT_STALE_S)), NULL);
}

static void pass_on_stops(void)
{
	pthread_mutex_lock(&lock);
	for (struct agent_live *l = all; l; l = l->next)
		if (l->outer && atomic_load(l->outer))
			atomic_store(&l->stop, true);
	pthread_mutex_unlock(&lock);
}

static struct db_texts ids(struct arena *a)
{
	struct db_texts t;

	pthread_mutex_lock(&lock);
	t.p = ARENA_ARRAY(a, const char *, (size_t)count + 1);
	t.n = 0;
	for (struct agent_live *l = all; l; l = l->next)
		t.p[t.n++] = arena_printf(a, "%lld", (long long)l->turn_id);
	pthread_mutex_unlock(&lock);
	return t;
}

struct beat {
	int64_t id;
	bool stop;
};

static const struct db_row beat_row =
        DB_ROW(struct beat, DB_COL_I64(struct beat, id), DB_COL_BOOL(struct beat, stop));

static struct err *heartbeat(struct ctx *ctx)
{
	struct db_texts t = ids(ctx->a);
	struct beat *beats;
	size_t n;

	if (t.n == 0)
		return NULL;
	TRY(db_all(ctx, &agent_live_heartbeat, DB_ARGS(db_texts(t.p, t.n)), &beat_row, &beats, &n));
	for (size_t i = 0; i < n; i++)
		if (beats[i].stop)
			agent_live_stop(beats[i].id);
	return NULL;
}

static void now_and_then(const struct settings *settings, struct err *(*fn)(struct ctx *ctx),
                         const char *what)
{
	struct ctx ctx = {.a = arena_create(), .settings = settings, .request_id = "agent", .address = ""};
	struct err *e = fn(&ctx);

	if (e)
		log_err(LOG_WARNING, ctx.request_id, what, e);
	arena_free(ctx.a);
}

static void *look_after(void *arg)
{
	const struct settings *settings = arg;

	for (int64_t second = 0;; second++) {
		pass_on_stops();
		now_and_then(settings, agent_checkpoint, "could not store the text of running turns");
		if (second % HEARTBEAT_S == HEARTBEAT_S - 1)
			now_and_then(settings, heartbeat, "could not renew running turns");
		if (second % SWEEP_S == SWEEP_S - 1)
			now_and_then(settings, agent_sweep, "could not look for lost turns");
		nanosleep(&(struct timespec){1, 0}, NULL);
	}
	return NULL;
}

void agent_live_start(const struct settings *settings)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, look_after, (void *)settings))
		LOG(LOG_ERROR, NULL, "could not start the thread that looks after turns");
	pthread_attr_destroy(&attr);
}
