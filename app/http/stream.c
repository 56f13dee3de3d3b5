/*
 * Event streams. Each event is one record to nginx and leaves at once, or waits for a client that is slow: whoever
 * writes never does. One that takes nothing for some seconds or falls too far behind is gone; it comes back and asks for
 * what it missed. Different threads write to a stream, and one thread a process keeps all of them: it sends what waits,
 * and a comment where nothing else was sent for a while, so that no proxy takes the stream for dead.
 */
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sse.h"

enum {
	SMALL_BYTES = 2 << 10,
	EVENT_BYTES = 16 << 20,
	UNSENT_MOST = 1 << 20, /* an event more is one too many */
	UNSENT_FEW = 64 << 10,
	TAKEN_MOST = 256 << 10, /* kept in front of what waits */
	TICK_MS = 1000,
	BEAT_US = 13 * 1000 * 1000, /* with the tick, and where the machine is busy, within 15 s */
	PATIENCE_US = 10 * 1000 * 1000,
	STACK_BYTES = 64 << 10,
	EVENTS = 64,
};

struct http_stream {
	struct http_fcgi *f;
	uint64_t id;
	struct http_stream *next, **at;

	pthread_mutex_t lock; /* for what follows, and for f */
	pthread_cond_t moved; /* the client took something, or is gone */
	struct buf unsent;    /* records, in an arena of their own while there are any */
	size_t taken;         /* of them */
	int64_t moved_us;
};

static struct {
	pthread_once_t once;
	pthread_mutex_t lock; /* taken before that of a stream */
	int epoll;
	uint64_t last_id;
	struct http_stream *all;
} keeper = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .epoll = -1};

/* Under the stream's lock ------------------------------------------------------------------------------------- */

static size_t unsent(const struct http_stream *s)
{
	return s->unsent.n - s->taken;
}

static void forget_unsent(struct http_stream *s)
{
	if (s->unsent.a)
		arena_free(s->unsent.a);
	s->unsent = (struct buf){0};
	s->taken = 0;
}

static void moved(struct http_stream *s)
{
	s->moved_us = clock_coarse_us();
	pthread_cond_broadcast(&s->moved);
}

/* nginx sees it, too, and lets the client go: whoever reads again comes back. */
static void lose(struct http_stream *s)
{
	s->f->gone = true;
	(void)shutdown(s->f->fd, SHUT_RDWR);
	forget_unsent(s);
	moved(s);
}

/* Asks the keeper to go on once the client takes more. */
static void ask_keeper(struct http_stream *s)
{
	struct epoll_event event = {.events = EPOLLOUT | EPOLLONESHOT, .data.u64 = s->id};

	if (keeper.epoll < 0 || epoll_ctl(keeper.epoll, EPOLL_CTL_MOD, s->f->fd, &event))
		lose(s);
}

static void close_up(struct http_stream *s)
{
	s->unsent.n -= s->taken;
	memmove(s->unsent.p, s->unsent.p + s->taken, s->unsent.n);
	s->taken = 0;
}

static void send_unsent(struct http_stream *s)
{
	struct str rest = {s->unsent.p + s->taken, unsent(s)};
	size_t had = rest.n;

	if (!http_fcgi_send_raw(s->f, &rest)) {
		lose(s);
		return;
	}
	s->taken = s->unsent.n - rest.n;
	if (rest.n < had)
		moved(s);
	if (rest.n == 0)
		forget_unsent(s);
	else if (s->taken > TAKEN_MOST)
		close_up(s);
}

static bool put(struct http_stream *s, struct str text)
{
	bool waits = unsent(s) > 0;

	if (s->f->gone)
		return false;
	if (waits && unsent(s) + text.n > UNSENT_MOST) {
		lose(s);
		return false;
	}
	if (!http_fcgi_send(s->f, text, &s->unsent)) {
		lose(s);
		return false;
	}
	if (!waits)
		s->moved_us = clock_coarse_us();
	if (!waits && unsent(s))
		ask_keeper(s);
	return !s->f->gone;
}

/* The keeper -------------------------------------------------------------------------------------------------- */

static void go_on(struct http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	if (!s->f->gone && unsent(s))
		send_unsent(s);
	if (!s->f->gone && unsent(s))
		ask_keeper(s);
	pthread_mutex_unlock(&s->lock);
}

static void look_at(struct http_stream *s, int64_t now)
{
	pthread_mutex_lock(&s->lock);
	if (!s->f->gone && unsent(s) && now - s->moved_us >= PATIENCE_US)
		lose(s);
	else if (!s->f->gone && !unsent(s) && now - s->moved_us >= BEAT_US)
		(void)put(s, STR(":\n\n"));
	pthread_mutex_unlock(&s->lock);
}

static void look_at_all(void)
{
	int64_t now = clock_coarse_us();

	pthread_mutex_lock(&keeper.lock);
	for (struct http_stream *s = keeper.all; s; s = s->next)
		look_at(s, now);
	pthread_mutex_unlock(&keeper.lock);
}

/* By a number that is never used again: the stream may be over. */
static void on_writable(uint64_t id)
{
	pthread_mutex_lock(&keeper.lock);
	for (struct http_stream *s = keeper.all; s; s = s->next)
		if (s->id == id) {
			go_on(s);
			break;
		}
	pthread_mutex_unlock(&keeper.lock);
}

static void *keep(void *arg)
{
	struct epoll_event events[EVENTS];
	int64_t due_us = 0;

	for (;;) {
		int64_t left_us = due_us - clock_mono_us();
		int n = epoll_wait(keeper.epoll, events, EVENTS, left_us > 0 ? (int)(left_us / 1000) + 1 : 0);

		for (int i = 0; i < n; i++)
			on_writable(events[i].data.u64);
		if (clock_mono_us() < due_us)
			continue;
		look_at_all();
		due_us = clock_mono_us() + TICK_MS * 1000L;
	}
	return arg;
}

static void start_keeper(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	keeper.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (keeper.epoll >= 0 && pthread_create(&thread, &attr, keep, NULL)) {
		close(keeper.epoll);
		keeper.epoll = -1;
	}
	pthread_attr_destroy(&attr);
	if (keeper.epoll < 0)
		LOG(LOG_ERROR, "", "could not start the thread that keeps streams");
}

static void hand_to_keeper(struct http_stream *s)
{
	struct epoll_event event = {.events = EPOLLONESHOT};

	pthread_once(&keeper.once, start_keeper);
	pthread_mutex_lock(&keeper.lock);
	s->id = event.data.u64 = ++keeper.last_id;
	s->next = keeper.all;
	s->at = &keeper.all;
	if (s->next)
		s->next->at = &s->next;
	keeper.all = s;
	pthread_mutex_unlock(&keeper.lock);
	(void)epoll_ctl(keeper.epoll, EPOLL_CTL_ADD, s->f->fd, &event);
}

static void take_from_keeper(struct http_stream *s)
{
	pthread_mutex_lock(&keeper.lock);
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	pthread_mutex_unlock(&keeper.lock);
}

/* Whoever writes ---------------------------------------------------------------------------------------------- */

struct http_stream *http_stream_start(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct http_stream *s = ARENA_NEW(ctx->a, struct http_stream);

	*s = (struct http_stream){.f = req->f, .moved_us = clock_coarse_us()};
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->moved, NULL);
	http_type(res, "text/event-stream");
	http_set_header(res, "Cache-Control", "no-store, no-transform");
	http_set_header(res, "X-Accel-Buffering", "no");
	res->streams = true;
	res->stream = s;
	(void)http_fcgi_write(s->f, http_response_head(res, ctx->request_id, -1), STR(""), req->head);
	if (req->head)
		s->f->gone = true;
	hand_to_keeper(s);
	return s;
}

static bool put_large(struct http_stream *s, int64_t id, const char *event, struct str json)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, EVENT_BYTES);
	bool ok;

	sse_add(&b, id, event, json);
	pthread_mutex_lock(&s->lock);
	if (b.full)
		lose(s);
	ok = put(s, buf_str(&b));
	pthread_mutex_unlock(&s->lock);
	arena_free(a);
	return ok;
}

/* Nearly all events are small, and there are many: they cost no memory. */
bool http_stream_event(struct http_stream *s, int64_t id, const char *event, struct str json)
{
	char memory[SMALL_BYTES];
	struct buf b = buf_on(memory, sizeof(memory));
	bool ok;

	sse_add(&b, id, event, json);
	if (b.full)
		return put_large(s, id, event, json);
	pthread_mutex_lock(&s->lock);
	ok = put(s, buf_str(&b));
	pthread_mutex_unlock(&s->lock);
	return ok;
}

void http_stream_wait(struct http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	while (!s->f->gone && unsent(s) > UNSENT_FEW)
		pthread_cond_wait(&s->moved, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

bool http_stream_gone(struct http_stream *s)
{
	bool gone;

	pthread_mutex_lock(&s->lock);
	gone = http_fcgi_hung_up(s->f);
	pthread_mutex_unlock(&s->lock);
	return gone;
}

/* The handler is done: what waits is all that follows, and its thread has the time. */
void http_stream_end(struct http_stream *s)
{
	pthread_mutex_lock(&s->lock);
	while (!s->f->gone && unsent(s))
		pthread_cond_wait(&s->moved, &s->lock);
	pthread_mutex_unlock(&s->lock);
	take_from_keeper(s);
	forget_unsent(s);
	(void)http_fcgi_write(s->f, STR(""), STR(""), true);
	pthread_cond_destroy(&s->moved);
	pthread_mutex_destroy(&s->lock);
}
