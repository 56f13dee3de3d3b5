/*
 * Clients that leave while a handler works for them. One thread a process waits for all of them; a handler's
 * connection is known to it by a number that is never used again, so that a descriptor which was closed and taken anew
 * stops nobody else.
 */
#include <pthread.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/log.h"

struct watch {
	uint64_t id;
	atomic_bool gone;
	struct watch *next;
};

static struct {
	pthread_once_t once;
	pthread_mutex_t lock;
	int epoll;
	uint64_t last;
	struct watch *list;
} gone = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .epoll = -1};

static void tell(uint64_t id)
{
	pthread_mutex_lock(&gone.lock);
	for (struct watch *w = gone.list; w; w = w->next)
		if (w->id == id)
			atomic_store(&w->gone, true);
	pthread_mutex_unlock(&gone.lock);
}

static void *wait_for_all(void *arg)
{
	struct epoll_event events[16];

	for (;;) {
		int n = epoll_wait(gone.epoll, events, sizeof(events) / sizeof(*events), -1);

		for (int i = 0; i < n; i++)
			tell(events[i].data.u64);
	}
	return arg;
}

static void begin(void)
{
	pthread_t thread;

	gone.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (gone.epoll >= 0 && pthread_create(&thread, NULL, wait_for_all, NULL)) {
		close(gone.epoll);
		gone.epoll = -1;
	}
	if (gone.epoll < 0)
		LOG(LOG_WARNING, "", "clients that leave are not noticed");
	else
		pthread_detach(thread);
}

/* Closing the connection has taken it out of the epoll set. */
static void forget(void *arg)
{
	struct watch **at = &gone.list;

	pthread_mutex_lock(&gone.lock);
	while (*at != arg)
		at = &(*at)->next;
	*at = (*at)->next;
	pthread_mutex_unlock(&gone.lock);
}

void http_stop_when_gone(struct ctx *ctx, struct http_request *req)
{
	struct watch *w = ARENA_NEW(ctx->a, struct watch);
	struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT};

	pthread_once(&gone.once, begin);
	if (gone.epoll < 0)
		return;
	pthread_mutex_lock(&gone.lock);
	w->id = event.data.u64 = ++gone.last;
	w->next = gone.list;
	gone.list = w;
	pthread_mutex_unlock(&gone.lock);
	arena_cleanup(ctx->a, forget, w);
	ctx->stop = &w->gone;
	(void)epoll_ctl(gone.epoll, EPOLL_CTL_ADD, req->f->fd, &event);
}
