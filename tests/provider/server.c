/*
 * Connections and time. A connection reads a request, then works off its plan; while it waits for its next
 * act it stands in a heap ordered by when that is due. A peer that does not read is waited for with
 * EPOLLOUT.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <time.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "provider.h"

enum { EVENTS = 512, READ_BYTES = 64 << 10, FIRST_ROOM = 4 << 10 };

struct conn {
	int fd;
	bool blocked; /* the peer does not read */
	char *in;
	size_t nin, room;
	struct arena *a; /* of the request under way, or NULL */
	struct plan plan;
	size_t at;     /* next act */
	int64_t count; /* how much of the act is done: deltas of a BENCH, bytes of a DRIP, times of a SEND */
	struct str rest; /* not yet taken by the socket */
	char bench[512];
	int64_t due_ns;
	size_t heap_at; /* place in the heap, 0: not in it */
	bool dead;
};

static struct {
	struct conn **p; /* from 1 */
	size_t n, room;
} heap;
static int epoll_fd;
static struct scenario *scenario;
static void conn_close(struct conn *c);
static void begin(struct conn *c);

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void heap_set(size_t i, struct conn *c)
{
	heap.p[i] = c;
	c->heap_at = i;
}

static void heap_up(size_t i, struct conn *c)
{
	for (; i > 1 && heap.p[i / 2]->due_ns > c->due_ns; i /= 2)
		heap_set(i, heap.p[i / 2]);
	heap_set(i, c);
}

static void heap_down(size_t i, struct conn *c)
{
	size_t child;

	for (; (child = i * 2) <= heap.n; i = child) {
		if (child < heap.n && heap.p[child + 1]->due_ns < heap.p[child]->due_ns)
			child++;
		if (heap.p[child]->due_ns >= c->due_ns)
			break;
		heap_set(i, heap.p[child]);
	}
	heap_set(i, c);
}

static void heap_add(struct conn *c)
{
	if (heap.n + 1 >= heap.room) {
		heap.room = heap.room ? heap.room * 2 : 1024;
		heap.p = realloc(heap.p, heap.room * sizeof(*heap.p));
	}
	heap_up(++heap.n, c);
}

static void heap_remove(struct conn *c)
{
	size_t i = c->heap_at;
	struct conn *last = heap.p[heap.n--];

	c->heap_at = 0;
	if (last == c)
		return;
	if (i > 1 && heap.p[i / 2]->due_ns > last->due_ns)
		heap_up(i, last);
	else
		heap_down(i, last);
}

static void watch(struct conn *c, int op)
{
	struct epoll_event ev = {.events = EPOLLIN | (c->blocked ? (unsigned)EPOLLOUT : 0), .data.ptr = c};

	epoll_ctl(epoll_fd, op, c->fd, &ev);
}

static void set_blocked(struct conn *c, bool blocked)
{
	if (c->blocked == blocked)
		return;
	c->blocked = blocked;
	watch(c, EPOLL_CTL_MOD);
}

/* Hands c->rest to the socket; false while some of it is left or when the connection died. */
static bool flush(struct conn *c)
{
	while (c->rest.n) {
		ssize_t n = send(c->fd, c->rest.p, c->rest.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			set_blocked(c, true);
			return false;
		}
		if (n < 0) {
			conn_close(c);
			return false;
		}
		c->rest = (struct str){c->rest.p + n, c->rest.n - (size_t)n};
	}
	set_blocked(c, false);
	return true;
}

static void request_done(struct conn *c)
{
	arena_free(c->a);
	c->a = NULL;
	c->plan = (struct plan){0};
	c->at = 0;
}

/* The bytes of the act that is due; true when the act is finished with them. */
static bool perform(struct conn *c, const struct act *act)
{
	switch (act->kind) {
	case ACT_SEND: c->rest = act->bytes; return ++c->count >= act->count;
	case ACT_DRIP:
		c->rest = (struct str){act->bytes.p + c->count, 1};
		return (size_t)++c->count >= act->bytes.n;
	case ACT_BENCH:
		c->rest = (struct str){
		        c->bench, plan_bench_delta(c->plan.format, c->bench, sizeof(c->bench), now_ns())};
		return ++c->count >= act->count;
	case ACT_HANG: return false;
	case ACT_CLOSE: conn_close(c); return false;
	}
	return true;
}

/* Does what is due, until something is due later or cannot be sent yet. */
static void proceed(struct conn *c, int64_t now)
{
	while (!c->dead && c->a && flush(c)) {
		const struct act *act;

		if (c->at == c->plan.n) {
			request_done(c);
			if (c->nin)
				begin(c);
			return;
		}
		act = &c->plan.acts[c->at];
		if (c->due_ns > now) {
			heap_add(c);
			return;
		}
		if (act->kind == ACT_HANG)
			return;
		if (perform(c, act)) {
			c->at++;
			c->count = 0;
		}
		/* A bench keeps its rate; everything else waits from now on. */
		if (!c->dead && c->at < c->plan.n)
			c->due_ns = (act->kind == ACT_BENCH ? c->due_ns : now) + c->plan.acts[c->at].delay_ns;
	}
}

/* Begins the next request once it is whole. */
static void begin(struct conn *c)
{
	struct http_in in;
	struct question q;
	struct refused r;
	int state = http_parse((struct str){c->in, c->nin}, &in);
	int64_t asked_us = clock_wall_us();

	if (state < 0)
		conn_close(c);
	if (state <= 0)
		return;
	c->a = arena_create();
	r = question_read(c->a, &in, &q);
	q.asked_us = asked_us;
	if (r.status)
		plan_refusal(c->a, q.format, &r, "", &c->plan);
	else
		plan_reply(c->a, &q, scenario_reply(scenario, &q), &c->plan);
	c->nin -= in.total;
	memmove(c->in, c->in + in.total, c->nin);
	if (c->nin == 0) {
		free(c->in);
		c->in = NULL;
		c->room = 0;
	}
	c->due_ns = now_ns() + c->plan.acts[0].delay_ns;
	proceed(c, c->due_ns);
}

static void conn_close(struct conn *c)
{
	if (c->dead)
		return;
	c->dead = true;
	close(c->fd);
	if (c->heap_at)
		heap_remove(c);
}

/* After the events of one round: nobody holds c any more. */
static void conn_free(struct conn *c)
{
	arena_free(c->a);
	free(c->in);
	free(c);
}

static void on_readable(struct conn *c)
{
	static char bytes[READ_BYTES];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			conn_close(c);
		return;
	}
	if (c->nin + (size_t)n > c->room) {
		c->room = (c->nin + (size_t)n) * 2 + FIRST_ROOM;
		c->in = realloc(c->in, c->room);
	}
	memcpy(c->in + c->nin, bytes, (size_t)n);
	c->nin += (size_t)n;
	if (!c->a)
		begin(c);
}

static void on_accept(int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct conn *c = calloc(1, sizeof(*c));

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		watch(c, EPOLL_CTL_ADD);
	}
}

static void on_event(struct conn *c, unsigned events)
{
	if (events & (EPOLLERR | EPOLLHUP))
		conn_close(c);
	if (!c->dead && events & EPOLLIN)
		on_readable(c);
	if (!c->dead && events & EPOLLOUT && c->blocked)
		proceed(c, now_ns());
	if (c->dead)
		conn_free(c);
}

static int until_next(void)
{
	int64_t ns;

	if (heap.n == 0)
		return -1;
	ns = heap.p[1]->due_ns - now_ns();
	return ns <= 0 ? 0 : (int)((ns + 999999) / 1000000);
}

static void run_due(void)
{
	int64_t now = now_ns();

	while (heap.n && heap.p[1]->due_ns <= now) {
		struct conn *c = heap.p[1];

		heap_remove(c);
		proceed(c, now);
		if (c->dead)
			conn_free(c);
	}
}

void server_run(int listener, struct scenario *s)
{
	struct epoll_event events[EVENTS], listening = {.events = EPOLLIN, .data.ptr = NULL};

	scenario = s;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &listening);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, until_next());

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				on_event(events[i].data.ptr, events[i].events);
			else
				on_accept(listener);
		}
		run_due();
	}
}
