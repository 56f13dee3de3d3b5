/*
 * The pool of this process: connections at rest, and how many exist. Who finds none waits a while in a queue,
 * and a connection that is given back goes to the first in it: hundreds may wait, and only one is woken.
 * After a failed attempt to connect nobody tries until the back-off is over, so that requests fail at once
 * while the database is away, and then one tries alone.
 */
#include "db/db_priv.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"

enum { WAIT_SECONDS = 5, BACKOFF_FIRST_MS = 250, BACKOFF_MOST_MS = 1000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Somebody who waits for a connection, on the waiting thread's stack. */
struct waiter {
	pthread_cond_t woken;
	bool out;             /* of the queue */
	struct db_conn *conn; /* what it was given; NULL: it is to look again */
	struct waiter *next;
};

static struct {
	struct arena *a; /* holds url; NULL while closed */
	const char *url;
	int most;
	int count; /* connections of this generation, idle, in use or being opened */
	struct db_conn *idle;
	struct waiter *first, **last; /* the queue; while it is not empty, idle is */
	unsigned generation;          /* grows with each db_close() */
	int64_t backoff_ms;           /* 0 while connecting works */
	int64_t closed_until_us;
	bool probing; /* one connects after a back-off, the others fail at once */
} pool;

void db_open(const char *url, int connections)
{
	assert(connections > 0);
	pthread_mutex_lock(&lock);
	assert(!pool.a);
	pool.a = arena_create();
	pool.url = arena_strdup(pool.a, url);
	pool.most = connections;
	pthread_mutex_unlock(&lock);
}

static void close_idle(void)
{
	while (pool.idle) {
		struct db_conn *conn = pool.idle;

		pool.idle = conn->next;
		pool.count--;
		db_pg_close(conn);
	}
}

void db_close(void)
{
	db_watch_stop();
	pthread_mutex_lock(&lock);
	close_idle();
	arena_free(pool.a);
	pool.a = NULL;
	pool.url = NULL;
	pool.count = 0;
	pool.generation++;
	pool.backoff_ms = 0;
	pool.closed_until_us = 0;
	pthread_mutex_unlock(&lock);
}

const char *db_pool_url(struct arena *a)
{
	char *url;

	pthread_mutex_lock(&lock);
	assert(pool.a);
	url = arena_strdup(a, pool.url);
	pthread_mutex_unlock(&lock);
	return url;
}

/* An idle connection that still lives, or NULL. */
static struct db_conn *take_idle(void)
{
	struct db_conn *conn;

	while ((conn = pool.idle) != NULL) {
		pool.idle = conn->next;
		conn->next = NULL;
		if (db_pg_alive(conn))
			return conn;
		pool.count--;
		db_pg_close(conn);
	}
	return NULL;
}

/* The queue ---------------------------------------------------------------------------------------------- */

static void join_queue(struct waiter *w)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->woken, &attr);
	pthread_condattr_destroy(&attr);
	if (!pool.first)
		pool.last = &pool.first;
	*pool.last = w;
	pool.last = &w->next;
}

static void leave_queue(struct waiter *w)
{
	struct waiter **p;

	for (p = &pool.first; *p != w; p = &(*p)->next)
		;
	*p = w->next;
	if (pool.last == &w->next)
		pool.last = p;
	w->out = true;
}

/* False when there is nobody. */
static bool wake_first(struct db_conn *conn)
{
	struct waiter *w = pool.first;

	if (!w)
		return false;
	leave_queue(w);
	w->conn = conn;
	pthread_cond_signal(&w->woken);
	return true;
}

static void wake_all(void)
{
	while (wake_first(NULL))
		;
}

/* Until it is one's turn; false when that takes too long. *out is what was given, or NULL to look again. */
static bool wait_in_queue(const struct timespec *until, struct db_conn **out)
{
	struct waiter w = {.out = false};
	bool late = false;

	join_queue(&w);
	while (!w.out && !late)
		late = pthread_cond_timedwait(&w.woken, &lock, until) == ETIMEDOUT;
	if (w.out)
		late = false;
	else
		leave_queue(&w);
	pthread_cond_destroy(&w.woken);
	*out = w.conn;
	return !late; /* NOLINT(clang-analyzer-core.StackAddressEscape): w has left the queue either way */
}

/* Connecting --------------------------------------------------------------------------------------------- */

static bool backing_off(void)
{
	return pool.backoff_ms && (pool.probing || clock_mono_us() < pool.closed_until_us);
}

static void note_outcome(bool connected)
{
	if (connected) {
		pool.backoff_ms = 0;
		return;
	}
	pool.backoff_ms = pool.backoff_ms ? pool.backoff_ms * 2 : BACKOFF_FIRST_MS;
	if (pool.backoff_ms > BACKOFF_MOST_MS)
		pool.backoff_ms = BACKOFF_MOST_MS;
	pool.closed_until_us = clock_mono_us() + pool.backoff_ms * 1000;
}

/* Opens one more, without the lock; it is held on entry and on return. */
static struct err *open_one(struct ctx *ctx, struct db_conn **out)
{
	const char *url = arena_strdup(ctx->a, pool.url);
	unsigned generation = pool.generation;
	bool probe = pool.backoff_ms != 0;
	struct err *e;

	pool.count++;
	pool.probing = pool.probing || probe;
	pthread_mutex_unlock(&lock);
	e = db_pg_connect(ctx->a, url, out);
	if (e)
		log_err(LOG_WARNING, ctx->request_id, "connecting to the platform database", e);
	else
		(*out)->generation = generation;
	pthread_mutex_lock(&lock);
	if (probe)
		pool.probing = false;
	if (generation != pool.generation)
		return e;
	note_outcome(!e);
	if (e) {
		pool.count--;
		wake_all();
	}
	return e;
}

static struct err *get_locked(struct ctx *ctx, struct db_conn **out)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_SECONDS;
	for (;;) {
		assert(pool.a);
		*out = take_idle();
		if (*out)
			return NULL;
		if (backing_off())
			return db_unavailable(ctx->a, "an attempt to connect failed a moment ago");
		if (pool.count < pool.most)
			return open_one(ctx, out);
		if (!wait_in_queue(&until, out))
			return db_unavailable(ctx->a, "all connections of the pool are in use");
		if (*out)
			return NULL;
	}
}

struct err *db_pool_get(struct ctx *ctx, struct db_conn **out)
{
	struct err *e;

	pthread_mutex_lock(&lock);
	e = get_locked(ctx, out);
	pthread_mutex_unlock(&lock);
	return e;
}

void db_pool_put(struct db_conn *conn)
{
	bool lost = conn->lost || PQtransactionStatus(conn->pg) != PQTRANS_IDLE;

	pthread_mutex_lock(&lock);
	if (conn->generation != pool.generation) {
		lost = true;
	} else if (lost) {
		pool.count--;
		close_idle();
		wake_all();
	} else {
		conn->clash = false;
		conn->next = NULL;
		if (!wake_first(conn)) {
			conn->next = pool.idle;
			pool.idle = conn;
		}
	}
	pthread_mutex_unlock(&lock);
	if (lost)
		db_pg_close(conn);
}
