/*
 * Connections at rest, for each source by its id and version: a changed source never gets a connection of
 * before. A source whose host does not answer is left alone for a growing while, so that it does not hold a
 * thread for each asker.
 */
#include <pthread.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "query/query_priv.h"

enum { WAIT_MS = 10000, SLOW_US = 1000000, BLOCK_US = 1000000, BLOCK_MOST_US = 15000000 };

struct slot {
	int64_t source_id;
	int64_t version;
	int open; /* at rest or in use */
	int slow; /* in use, or waited for, by slow ones */
	int nidle;
	struct query_conn *idle;
	int64_t blocked_until; /* monotonic */
	int64_t block_us;
	struct slot *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t freed = PTHREAD_COND_INITIALIZER;
static struct arena *slots_arena;
static struct slot *slots;
static int reaping; /* connections whose statements are being ended */

static struct slot *slot_of(int64_t source_id)
{
	struct slot *s = slots;

	while (s && s->source_id != source_id)
		s = s->next;
	if (s)
		return s;
	if (!slots_arena)
		slots_arena = arena_create();
	s = ARENA_NEW(slots_arena, struct slot);
	*s = (struct slot){.source_id = source_id, .next = slots};
	slots = s;
	return s;
}

/* Moves connections at rest since before `since`, or of another version, to *closing. */
static void sweep(struct slot *s, int64_t since, struct query_conn **closing)
{
	struct query_conn **at = &s->idle;

	while (*at) {
		struct query_conn *conn = *at;

		if (conn->idle_since >= since && conn->source.version == s->version) {
			at = &conn->next;
			continue;
		}
		*at = conn->next;
		conn->next = *closing;
		*closing = conn;
		s->nidle--;
		s->open--;
	}
}

static void sweep_all(int64_t since, struct query_conn **closing)
{
	for (struct slot *s = slots; s; s = s->next)
		sweep(s, since, closing);
}

static void close_all(struct query_conn *conn)
{
	while (conn) {
		struct query_conn *next = conn->next;

		query_conn_close(conn);
		conn = next;
	}
}

static struct err *unavailable(struct arena *a, const char *message, const char *hint, int64_t retry_us)
{
	struct err *e = err_hint(err_new(a, ERR_UNAVAILABLE, "%s", message), "%s", hint);

	e->retry_after = (int)(retry_us / 1000000) + 1;
	return e;
}

static struct err *unreachable(struct arena *a, int64_t retry_us)
{
	return err_code(unavailable(a, "could not connect to the project's database",
	                            "An admin of the project sees the reason by testing the connection.",
	                            retry_us),
	                "connection");
}

static void wait_a_slice(void)
{
	struct timespec slice;

	clock_gettime(CLOCK_REALTIME, &slice);
	slice.tv_nsec += 100000000;
	slice.tv_sec += slice.tv_nsec / 1000000000;
	slice.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&freed, &lock, &slice);
}

/* With the lock held: one slice of the waiting for a place. */
static struct err *wait_on(struct ctx *ctx, int64_t until)
{
	if (ctx_stopped(ctx))
		return err_code(err_new(ctx->a, ERR_CANCELLED, "the query was stopped"), "stopped");
	if (clock_mono_us() >= until)
		return err_code(unavailable(ctx->a,
		                            "too many queries run on the project's database right now",
		                            "Try again in a moment.", 2000000),
		                "busy");
	wait_a_slice();
	return NULL;
}

/* With the lock held: the right to be one of the slow ones. */
static struct err *claim_slow(struct ctx *ctx, struct slot *s, int64_t wait_ms)
{
	int64_t until = clock_mono_us() + wait_ms * 1000;

	while (s->slow >= QUERY_SLOW)
		TRY(wait_on(ctx, until));
	s->slow++;
	return NULL;
}

/* With the lock held: an idle connection, or the right to open one (*conn NULL). */
static struct err *claim(struct ctx *ctx, struct slot *s, int64_t version, struct query_conn **conn)
{
	int64_t until = clock_mono_us() + (int64_t)WAIT_MS * 1000;

	for (;;) {
		int64_t now = clock_mono_us();

		if (now < s->blocked_until && version == s->version)
			return unreachable(ctx->a, s->blocked_until - now);
		if (s->idle && version == s->version) {
			*conn = s->idle;
			s->idle = s->idle->next;
			s->nidle--;
			return NULL;
		}
		if (s->open < QUERY_CONNECTIONS) {
			s->open++;
			*conn = NULL;
			return NULL;
		}
		TRY(wait_on(ctx, until));
	}
}

/* After an attempt to connect: what it tells about the source. */
static void learn(struct slot *s, bool failed, int64_t took_us)
{
	pthread_mutex_lock(&lock);
	if (failed)
		s->open--;
	if (failed && took_us >= SLOW_US) {
		s->block_us = s->block_us ? s->block_us * 2 : BLOCK_US;
		if (s->block_us > BLOCK_MOST_US)
			s->block_us = BLOCK_MOST_US;
		s->blocked_until = clock_mono_us() + s->block_us;
	} else {
		s->block_us = 0;
	}
	pthread_cond_broadcast(&freed);
	pthread_mutex_unlock(&lock);
}

static struct err *connect_new(struct ctx *ctx, const struct project_source *source, struct slot *s,
                               struct query_conn **out)
{
	struct query_wait w = query_wait_ms(ctx, QUERY_CONNECT_MS);
	int64_t started = clock_mono_us();
	struct err *e = query_conn_open(&w, source, out);

	if (s)
		learn(s, e != NULL, e && e->kind == ERR_CANCELLED ? 0 : clock_mono_us() - started);
	if (!e || e->kind == ERR_CANCELLED)
		return e;
	return err_cause(unreachable(ctx->a, 1000000), e);
}

static void leave_slow(int64_t source_id)
{
	pthread_mutex_lock(&lock);
	slot_of(source_id)->slow--;
	pthread_cond_broadcast(&freed);
	pthread_mutex_unlock(&lock);
}

/* With the lock held. */
static struct err *claim_all(struct ctx *ctx, struct slot *s, int64_t version,
                             const struct query_opening *opening, struct query_conn **out)
{
	struct err *e;

	if (opening->slow)
		TRY(claim_slow(ctx, s, opening->timeout_ms));
	e = claim(ctx, s, version, out);
	if (e && opening->slow)
		s->slow--;
	return e;
}

/* The connection that was claimed, or a new one. */
static struct err *connect_claimed(struct ctx *ctx, const struct project_source *source, struct slot *s,
                                   struct query_conn **out)
{
	if (!*out)
		return connect_new(ctx, source, s, out);
	(*out)->reused = true;
	if (query_conn_alive(*out))
		return NULL;
	query_conn_close(*out);
	return connect_new(ctx, source, s, out);
}

struct err *query_pool_get(struct ctx *ctx, const struct project_source *source,
                           const struct query_opening *opening, struct query_conn **out)
{
	struct query_conn *closing = NULL;
	struct slot *s;
	struct err *e;

	if (!source->id)
		return connect_new(ctx, source, NULL, out);
	pthread_mutex_lock(&lock);
	s = slot_of(source->id);
	if (s->version < source->version) {
		s->version = source->version;
		s->blocked_until = 0;
	}
	sweep_all(clock_mono_us() - (int64_t)QUERY_IDLE_MS * 1000, &closing);
	e = claim_all(ctx, s, source->version, opening, out);
	pthread_mutex_unlock(&lock);
	close_all(closing);
	if (e)
		return e;
	e = connect_claimed(ctx, source, s, out);
	if (!e)
		(*out)->slow = opening->slow;
	else if (opening->slow)
		leave_slow(source->id);
	return e;
}

/* Until it is closed it counts as open: the server still has it. */
static bool start_reaping(struct query_conn *conn)
{
	bool started;

	pthread_mutex_lock(&lock);
	started = query_reap(conn);
	reaping += started;
	pthread_mutex_unlock(&lock);
	return started;
}

/* Whether it is at rest now. */
static bool put_to_rest(struct query_conn *conn, struct slot *s)
{
	if (conn->lost || s->nidle >= QUERY_IDLE || s->version != conn->source.version)
		return false;
	conn->idle_since = clock_mono_us();
	conn->next = s->idle;
	s->idle = conn;
	s->nidle++;
	return true;
}

void query_pool_put(struct query_conn *conn)
{
	bool rests = false;

	if (conn->slow && conn->source.id)
		leave_slow(conn->source.id);
	conn->slow = false;
	if (conn->unfinished && start_reaping(conn))
		return;
	if (conn->source.id) {
		pthread_mutex_lock(&lock);
		struct slot *s = slot_of(conn->source.id);

		rests = put_to_rest(conn, s);
		s->open -= !rests;
		pthread_cond_broadcast(&freed);
		pthread_mutex_unlock(&lock);
	}
	if (!rests)
		query_conn_close(conn);
}

void query_pool_closed(struct query_conn *conn)
{
	int64_t id = conn->source.id;

	query_conn_close(conn);
	pthread_mutex_lock(&lock);
	if (id)
		slot_of(id)->open--;
	reaping--;
	pthread_cond_broadcast(&freed);
	pthread_mutex_unlock(&lock);
}

void query_pool_drop(int64_t source_id)
{
	struct query_conn *closing = NULL;

	pthread_mutex_lock(&lock);
	sweep(slot_of(source_id), INT64_MAX, &closing);
	pthread_mutex_unlock(&lock);
	close_all(closing);
}

void query_close(void)
{
	int64_t until = clock_mono_us() + (int64_t)QUERY_GRACE_MS * 1000;
	struct query_conn *closing = NULL;

	pthread_mutex_lock(&lock);
	sweep_all(INT64_MAX, &closing);
	while (reaping && clock_mono_us() < until)
		wait_a_slice();
	pthread_mutex_unlock(&lock);
	close_all(closing);
}
