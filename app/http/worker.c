/*
 * A worker process: threads that each accept a connection, handle its one request and accept again. One
 * thread at a time waits at the socket, holding the accept lock; it lets go before it reads a byte, so that
 * a connection that says nothing costs one thread and not the process.
 *
 * SIGHUP: a new worker has taken over, finish what was accepted. SIGTERM: the service ends and nobody else
 * will accept, so what waits at the socket is still served.
 */
#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/log.h"
#include "lib/settings.h"

enum {
	THREADS_FIRST = 4,
	THREADS_IDLE = 8,
	STACK_BYTES = 256 << 10,
	MALLOC_ARENAS = 4,
	SHORTAGE_MS = 50,
};

enum { DRAIN_NO, DRAIN_REPLACED, DRAIN_STOPPING };

struct worker {
	const struct http_worker_plan *plan;
	atomic_int draining;
	int drain_fd; /* readable once the worker drains */
	pthread_mutex_t accept_lock;
	bool short_of_files; /* under accept_lock: said so in the log */

	pthread_mutex_t lock; /* for all below */
	pthread_cond_t ended;
	size_t threads, idle;
	unsigned *free_slots; /* a stack */
	size_t nfree;
};

struct thread {
	struct worker *w;
	unsigned slot;
};

static void *thread_main(void *arg);

/* Threads ------------------------------------------------------------------------------------------------ */

/* Under the lock. A thread that cannot be started is missed only if there is no other. */
static void spawn(struct worker *w)
{
	struct thread *t;
	pthread_attr_t attr;
	pthread_t id;

	if (w->threads == w->plan->threads || atomic_load(&w->draining))
		return;
	t = malloc(sizeof(*t));
	if (!t)
		return;
	*t = (struct thread){w, w->free_slots[--w->nfree]};
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	w->threads++;
	w->idle++;
	if (pthread_create(&id, &attr, thread_main, t) != 0) {
		w->threads--;
		w->idle--;
		w->free_slots[w->nfree++] = t->slot;
		free(t);
	}
	pthread_attr_destroy(&attr);
}

static void become_busy(struct worker *w)
{
	pthread_mutex_lock(&w->lock);
	if (--w->idle == 0)
		spawn(w);
	pthread_mutex_unlock(&w->lock);
}

/* False when there are idle threads enough. */
static bool become_idle(struct worker *w)
{
	bool stay;

	pthread_mutex_lock(&w->lock);
	stay = w->idle < THREADS_IDLE;
	w->idle++;
	pthread_mutex_unlock(&w->lock);
	return stay;
}

static void end_thread(struct worker *w, unsigned slot)
{
	pthread_mutex_lock(&w->lock);
	w->idle--;
	w->free_slots[w->nfree++] = slot;
	if (--w->threads == 0)
		pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
}

/* Accepting ---------------------------------------------------------------------------------------------- */

static void wait_for_files(struct worker *w)
{
	if (!w->short_of_files)
		LOG(LOG_ERROR, NULL, "could not accept", LOG_STR("cause", strerror(errno)));
	w->short_of_files = true;
	poll(NULL, 0, SHORTAGE_MS);
}

/* A connection, or -1 when the worker drains. Other processes wait at the same socket and may be quicker. */
static int next_connection(struct worker *w)
{
	struct pollfd p[] = {{w->plan->listen_fd, POLLIN, 0}, {w->drain_fd, POLLIN, 0}};

	for (;;) {
		int drain = atomic_load(&w->draining), fd;

		if (drain == DRAIN_REPLACED)
			return -1;
		fd = accept4(w->plan->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0) {
			w->short_of_files = false;
			return fd;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			wait_for_files(w);
		else if (drain == DRAIN_STOPPING)
			return -1;
		else if (errno == EAGAIN)
			poll(p, sizeof(p) / sizeof(p[0]), -1);
	}
}

static void *thread_main(void *arg)
{
	struct thread t = *(struct thread *)arg;
	struct worker *w = t.w;
	bool stay = true;

	free(arg);
	while (stay) {
		int fd;

		pthread_mutex_lock(&w->accept_lock);
		fd = next_connection(w);
		pthread_mutex_unlock(&w->accept_lock);
		if (fd < 0)
			break;
		become_busy(w);
		http_exchange(w->plan->server, w->plan->pool, &w->draining, &w->plan->slots[t.slot], fd);
		stay = become_idle(w);
	}
	end_thread(w, t.slot);
	return NULL;
}

/* Process ------------------------------------------------------------------------------------------------ */

size_t http_worker_threads(const struct settings *settings, enum http_pool_kind pool)
{
	return (size_t)(pool == HTTP_POOL_WEB ? settings->web_threads : settings->agent_threads);
}

static void start_threads(struct worker *w, struct arena *a)
{
	size_t i, most = w->plan->threads;

	w->free_slots = ARENA_ARRAY(a, unsigned, most);
	for (i = 0; i < most; i++)
		w->free_slots[i] = (unsigned)(most - 1 - i);
	w->nfree = most;
	pthread_mutex_lock(&w->lock);
	for (i = 0; i < THREADS_FIRST; i++)
		spawn(w);
	pthread_mutex_unlock(&w->lock);
}

static struct err *start(struct worker *w, struct arena *a)
{
	const struct http_app *app = w->plan->server->app;
	struct ctx ctx = {.a = a, .settings = app->settings, .address = ""};
	pid_t pid = getpid();

	mallopt(M_ARENA_MAX, MALLOC_ARENAS);
	if (app->worker_start)
		TRY(app->worker_start(&ctx, w->plan->pool));
	start_threads(w, a);
	if (w->threads == 0)
		return err_new(a, ERR_UNAVAILABLE, "could not start a thread");
	if (write(w->plan->ready_fd, &pid, sizeof(pid)) != sizeof(pid))
		return err_new(a, ERR_UNAVAILABLE, "could not reach the master");
	return NULL;
}

/* The master sends SIGKILL when the grace time is over. */
static void drain(struct worker *w, int how)
{
	const struct http_app *app = w->plan->server->app;
	const uint64_t one = 1;
	ssize_t n;

	atomic_store(&w->draining, how);
	n = write(w->drain_fd, &one, sizeof(one));
	assert(n == sizeof(one));
	if (app->worker_drain)
		app->worker_drain(how == DRAIN_REPLACED);
	pthread_mutex_lock(&w->lock);
	while (w->threads > 0)
		pthread_cond_wait(&w->ended, &w->lock);
	pthread_mutex_unlock(&w->lock);
	if (app->worker_end)
		app->worker_end();
}

int http_worker_run(const struct http_worker_plan *plan)
{
	struct worker w = {.plan = plan, .drain_fd = eventfd(0, EFD_CLOEXEC)};
	struct err *e;
	sigset_t set;
	int sig;

	assert(w.drain_fd >= 0);
	pthread_mutex_init(&w.accept_lock, NULL);
	pthread_mutex_init(&w.lock, NULL);
	pthread_cond_init(&w.ended, NULL);
	e = start(&w, plan->a);
	if (e) {
		log_err(LOG_ERROR, NULL, "worker cannot start", e);
		return 1;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigwait(&set, &sig);
	drain(&w, sig == SIGTERM ? DRAIN_STOPPING : DRAIN_REPLACED);
	return 0;
}
