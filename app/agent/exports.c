/*
 * Pictures and PDF files of artifacts, made beside the turns: each in a thread of its own, which waits for a browser most of the
 * time. How many there are at once, and what becomes of those whose worker ended, artifact/ knows.
 */
#include <pthread.h>

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

static bool start(struct making *m)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool started;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	started = pthread_create(&thread, &attr, make, m) == 0;
	pthread_attr_destroy(&attr);
	return started;
}

/* Without a thread the row waits until it counts as lost. */
struct err *agent_exports_look(struct ctx *ctx)
{
	bool found = agent_lease_serves();

	while (found) {
		struct arena *a = arena_create();
		struct making *m = ARENA_NEW(a, struct making);
		struct err *e;

		m->ctx = (struct ctx){.a = a, .settings = ctx->settings, .request_id = "export", .address = ""};
		e = artifact_export_take(&m->ctx, agent_worker(), &m->work, &found);
		if (e)
			e = err_copy(ctx->a, e);
		if (e || !found || !start(m))
			arena_free(a);
		if (e)
			return e;
	}
	return NULL;
}
