/*
 * Pictures and PDF files of artifacts, made beside the turns: each in a thread of its own, which waits for a browser most of the
 * time. How many there are at once, and what becomes of those whose worker ended, artifact/ knows. Whether this machine can make
 * any takes a while to tell, so they are taken in a thread of its own, too.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "agent/agent_priv.h"
#include "artifact/artifact.h"
#include "lib/arena.h"
#include "lib/log.h"

enum { STACK_BYTES = 512 << 10 };

struct making {
	struct ctx ctx;
	struct artifact_export_work work;
};

static void *make(void *arg)
{
	struct making *m = arg;
	struct arena *a = m->ctx.a;
	struct err *e = artifact_export_make(&m->ctx, &m->work);

	if (e)
		log_err(LOG_WARNING, m->ctx.request_id, "could not keep a file of an artifact", e);
	arena_free(a);
	agent_live_due();
	return NULL;
}

static bool start(void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool started;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	started = pthread_create(&thread, &attr, fn, arg) == 0;
	pthread_attr_destroy(&attr);
	return started;
}

static struct making *begin(const struct settings *settings)
{
	struct arena *a = arena_create();
	struct making *m = ARENA_NEW(a, struct making);

	m->ctx = (struct ctx){.a = a, .settings = settings, .request_id = "export", .address = ""};
	return m;
}

/* False when there is none for this worker. Without a thread the row waits until it counts as lost. */
static bool take_one(const struct settings *settings)
{
	struct making *m = begin(settings);
	bool found = false;
	struct err *e = artifact_export_take(&m->ctx, agent_worker(), &m->work, &found);

	if (e)
		log_err(LOG_WARNING, m->ctx.request_id, "could not take a file of an artifact", e);
	found = !e && found;
	if (!found || !start(make, m))
		arena_free(m->ctx.a);
	return found;
}

static atomic_bool takes;

/* A machine that cannot make them leaves them to others. */
static void *take(void *arg)
{
	struct making *m = arg;

	if (!artifact_export_check(&m->ctx))
		while (agent_lease_serves() && take_one(m->ctx.settings))
			;
	arena_free(m->ctx.a);
	atomic_store(&takes, false);
	return NULL;
}

struct err *agent_exports_look(struct ctx *ctx)
{
	struct making *m;
	int64_t n = 0;

	if (!agent_lease_serves())
		return NULL;
	TRY(artifact_export_waiting(ctx, &n));
	if (!n || atomic_exchange(&takes, true))
		return NULL;
	m = begin(ctx->settings);
	if (!start(take, m)) {
		arena_free(m->ctx.a);
		atomic_store(&takes, false);
	}
	return NULL;
}
