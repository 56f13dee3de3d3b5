/*
 * The thread that carries all calls of this process to models, over libcurl's sockets and epoll: thousands of replies
 * that stream cost one thread that is awake, and what arrives is passed on from here. Whoever makes a call sleeps until
 * it is over. Nothing here may wait: names are resolved by libcurl in threads of their own, and what is passed on must
 * not block.
 *
 * Connections are kept for the next call to the same place (address and key together, a group): the second call of a
 * turn needs no handshake.
 */
#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "llm/transport_priv.h"

enum {
	TICK_MS = 100, /* how often stops and times are looked at */
	EVENTS = 256,
	MANY = 200,      /* events within a tick; with more of them the thread */
	ROUND_US = 2000, /* takes what came in so long at once: it costs the machine much less */
	LINGER_US = 1000 * 1000, /* for the end of an answer whose reply is whole */
	LINGER_BYTES = 64 << 10,
	SPARE = 32, /* connections kept beyond those in use, of a group */
	IDLE_US = 120 * 1000 * 1000,
	STACK_BYTES = 256 << 10,
};
#define NEWS UINT64_MAX /* the mark of the event descriptor among the sockets */

struct group {
	CURLM *multi; /* NULL: the place is free */
	unsigned char place[CRYPTO_HASH_BYTES];
	size_t transfers;
	int64_t due_us;  /* when libcurl wants to be called, -1: not by the clock */
	int64_t idle_us; /* since when there are none */
};

static struct {
	pthread_once_t once;
	bool works;
	pthread_mutex_t lock;
	struct llm_transfer *queue; /* under the lock: new ones, and those whose caller is back */

	/* The thread's own. */
	int epoll, news;
	int64_t now_us, ticked_us;
	int events;      /* since then */
	bool busy;       /* they were many in the tick before */
	struct arena *a;
	struct group *groups;
	size_t ngroups;
	struct llm_transfer *all;
	size_t sending;
} carrier = {.once = PTHREAD_ONCE_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};

/* Calls ---------------------------------------------------------------------------------------------------- */

/* The call is the caller's again. */
static void part(struct llm_transfer *t, enum llm_end end, CURLcode result)
{
	struct llm_call *c = t->call;

	t->call = NULL;
	if (!c)
		return;
	pthread_mutex_lock(&carrier.lock);
	c->end = c->err ? LLM_END_REFUSED : end;
	c->result = result;
	c->phase = LLM_OVER;
	pthread_cond_signal(&c->woken);
	pthread_mutex_unlock(&carrier.lock);
}

static void tell_sent(struct llm_transfer *t)
{
	t->waits = true;
	pthread_mutex_lock(&carrier.lock);
	t->call->phase = LLM_SENT;
	pthread_cond_signal(&t->call->woken);
	pthread_mutex_unlock(&carrier.lock);
}

static void unlink_transfer(struct llm_transfer *t)
{
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	carrier.sending -= t->sending;
}

/* A caller may have come back to it just now. */
static void unqueue(const struct llm_transfer *t)
{
	struct llm_transfer **at = &carrier.queue;

	pthread_mutex_lock(&carrier.lock);
	while (*at && *at != t)
		at = &(*at)->queued;
	if (*at)
		*at = t->queued;
	pthread_mutex_unlock(&carrier.lock);
}

static void set_connections(struct group *g)
{
	curl_multi_setopt(g->multi, CURLMOPT_MAXCONNECTS, (long)(g->transfers + SPARE));
}

static void drop(struct llm_transfer *t)
{
	struct group *g = &carrier.groups[t->group];

	curl_multi_remove_handle(g->multi, t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	g->idle_us = carrier.now_us;
	g->transfers--;
	set_connections(g);
	unlink_transfer(t);
	unqueue(t);
	arena_free(t->a);
}

static void end(struct llm_transfer *t, enum llm_end how, CURLcode result)
{
	struct llm_call *c = t->call;

	if (c && !c->status)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &c->status);
	part(t, how, result);
	drop(t);
}

/* The last bytes wait in libcurl until the socket takes them: only its own count says that they are gone. */
static void look_at_sending(struct llm_transfer *t)
{
	const struct llm_sink *sink = t->call ? t->call->s->sink : NULL;
	curl_off_t gone = 0;

	curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &gone);
	if (gone > t->gone)
		t->heard_us = carrier.now_us;
	t->gone = gone;
	if ((size_t)gone < t->body.n)
		return;
	t->sending = false;
	carrier.sending--;
	if (sink && sink->sent)
		tell_sent(t);
}

/* What libcurl calls ----------------------------------------------------------------------------------------- */

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct llm_transfer *t = arg;

	if (!t->call)
		return size * n;
	if (!t->call->answered) {
		t->call->answered = true;
		t->heard_us = carrier.now_us;
	}
	return llm_take_header(t->call, (struct str){p, size * n}) ? size * n : 0;
}

/* The answer has begun: the request will not be sent once more. */
static void forget_request(struct llm_transfer *t)
{
	if (t->sending)
		look_at_sending(t);
	if (!t->body.p || t->sending)
		return;
	t->body.p = NULL;
	arena_reset(t->a, t->bare);
}

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct llm_transfer *t = arg;
	struct llm_call *c = t->call;
	size_t bytes = size * n;
	uint64_t signs;

	if (!c) {
		t->extra += bytes;
		return t->extra > LINGER_BYTES ? 0 : bytes;
	}
	forget_request(t);
	if (t->waits)
		return CURL_WRITEFUNC_PAUSE;
	if (!c->status)
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &c->status);
	if (!llm_take_bytes(c, (struct str){p, bytes}))
		return 0;
	signs = llm_body_signs(c->answer);
	if (signs != t->signs)
		t->heard_us = carrier.now_us;
	t->signs = signs;
	if (c->s->ended) {
		t->heard_us = carrier.now_us;
		part(t, LLM_END_OVER, CURLE_OK);
	}
	return bytes;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	uintptr_t group = (uintptr_t)arg;
	struct epoll_event event = {.data.u64 = (uint64_t)group << 32 | (uint32_t)fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(carrier.epoll, EPOLL_CTL_DEL, fd, NULL);
		curl_multi_assign(carrier.groups[group].multi, fd, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? (unsigned)EPOLLOUT : 0u);
	epoll_ctl(carrier.epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	curl_multi_assign(carrier.groups[group].multi, fd, &carrier);
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	(void)multi;
	carrier.groups[(uintptr_t)arg].due_us = ms < 0 ? -1 : clock_mono_us() + ms * 1000;
	return 0;
}

/* Groups ------------------------------------------------------------------------------------------------------ */

static size_t free_group(void)
{
	size_t old = carrier.ngroups, size = old ? 2 * old : 8;

	for (size_t i = 0; i < old; i++)
		if (!carrier.groups[i].multi)
			return i;
	carrier.groups = arena_grow(carrier.a, carrier.groups, old * sizeof(*carrier.groups),
	                            size * sizeof(*carrier.groups));
	carrier.ngroups = size;
	return old;
}

static void open_group(size_t i, const struct llm_transfer *t)
{
	struct group *g = &carrier.groups[i];

	*g = (struct group){.multi = curl_multi_init(), .due_us = -1};
	assert(g->multi);
	memcpy(g->place, t->place, sizeof(g->place));
	curl_multi_setopt(g->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(g->multi, CURLMOPT_SOCKETDATA, (void *)(uintptr_t)i);
	curl_multi_setopt(g->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(g->multi, CURLMOPT_TIMERDATA, (void *)(uintptr_t)i);
}

static size_t group_of(const struct llm_transfer *t)
{
	size_t i;

	for (i = 0; i < carrier.ngroups; i++)
		if (carrier.groups[i].multi &&
		    memcmp(carrier.groups[i].place, t->place, sizeof(t->place)) == 0)
			return i;
	i = free_group();
	open_group(i, t);
	return i;
}

static void close_idle_groups(void)
{
	for (size_t i = 0; i < carrier.ngroups; i++) {
		struct group *g = &carrier.groups[i];

		if (!g->multi || g->transfers || carrier.now_us - g->idle_us < IDLE_US)
			continue;
		curl_multi_cleanup(g->multi);
		g->multi = NULL;
	}
}

/* The loop ---------------------------------------------------------------------------------------------------- */

static void begin(struct llm_transfer *t)
{
	struct group *g;

	t->group = group_of(t);
	g = &carrier.groups[t->group];
	t->next = carrier.all;
	t->at = &carrier.all;
	if (t->next)
		t->next->at = &t->next;
	carrier.all = t;
	t->heard_us = carrier.now_us;
	t->sending = true;
	carrier.sending++;
	g->transfers++;
	set_connections(g);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	if (curl_multi_add_handle(g->multi, t->easy) != CURLM_OK)
		end(t, LLM_END_OVER, CURLE_FAILED_INIT);
}

/* Its caller has done what there was to do meanwhile. */
static void go_on(struct llm_transfer *t)
{
	t->waits = false;
	t->heard_us = carrier.now_us;
	if (!t->call->err)
		curl_easy_pause(t->easy, CURLPAUSE_CONT);
	if (t->call && t->call->err)
		end(t, LLM_END_REFUSED, CURLE_OK);
}

static void take_queue(void)
{
	struct llm_transfer *t;

	pthread_mutex_lock(&carrier.lock);
	t = carrier.queue;
	carrier.queue = NULL;
	pthread_mutex_unlock(&carrier.lock);
	while (t) {
		struct llm_transfer *next = t->queued;

		if (t->at)
			go_on(t);
		else
			begin(t);
		t = next;
	}
}

static void run_timers(void)
{
	int left;

	for (size_t i = 0; i < carrier.ngroups; i++) {
		struct group *g = &carrier.groups[i];

		if (!g->multi || g->due_us < 0 || g->due_us > clock_mono_us())
			continue;
		g->due_us = -1;
		curl_multi_socket_action(g->multi, CURL_SOCKET_TIMEOUT, 0, &left);
	}
}

static void take_ended(void)
{
	for (size_t i = 0; i < carrier.ngroups; i++) {
		CURLM *multi = carrier.groups[i].multi;
		struct llm_transfer *t;
		CURLMsg *m;
		int left;

		while (multi && (m = curl_multi_info_read(multi, &left)) != NULL) {
			CURLcode result = m->data.result;

			curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
			end(t, LLM_END_OVER, result);
		}
	}
}

static void look_at(struct llm_transfer *t)
{
	struct llm_call *c = t->call;
	int64_t now = carrier.now_us;

	if (!c && now - t->heard_us >= LINGER_US)
		drop(t);
	else if (c && ctx_stopped(c->ctx))
		end(t, LLM_END_STOPPED, CURLE_OK);
	else if (c && now >= c->deadline_us)
		end(t, LLM_END_LATE, CURLE_OK);
	else if (c && !t->waits && now - t->heard_us >= c->silence_us)
		end(t, LLM_END_SILENT, CURLE_OK);
}

static void tick(void)
{
	struct llm_transfer *next;

	carrier.ticked_us = carrier.now_us;
	carrier.busy = carrier.events > MANY;
	carrier.events = 0;
	for (struct llm_transfer *t = carrier.all; t; t = next) {
		next = t->next;
		look_at(t);
	}
	close_idle_groups();
}

/* The latest come first. */
static void look_at_all_sending(void)
{
	size_t left = carrier.sending;

	for (struct llm_transfer *t = carrier.all; t && left; t = t->next)
		if (t->sending) {
			left--;
			look_at_sending(t);
		}
}

static int wait_ms(void)
{
	int64_t now = clock_mono_us(), until = carrier.ticked_us + TICK_MS * 1000L;
	bool idle = true;

	for (size_t i = 0; i < carrier.ngroups; i++) {
		const struct group *g = &carrier.groups[i];

		idle = idle && !g->multi;
		if (g->multi && g->due_us >= 0 && g->due_us < until)
			until = g->due_us;
	}
	if (idle)
		return -1;
	return until <= now ? 0 : (int)((until - now + 999) / 1000);
}

static void on_event(const struct epoll_event *event)
{
	int bits = (event->events & EPOLLIN ? CURL_CSELECT_IN : 0) | (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
	           (event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
	struct group *g;
	uint64_t count;
	int left;

	if (event->data.u64 == NEWS) {
		(void)!read(carrier.news, &count, sizeof(count));
		return;
	}
	/* A group lives on after its last transfer, so that what comes late finds it. */
	g = &carrier.groups[event->data.u64 >> 32];
	if (g->multi)
		curl_multi_socket_action(g->multi, (curl_socket_t)(uint32_t)event->data.u64, bits, &left);
}

static void let_some_come(void)
{
	int64_t left_us = carrier.now_us + ROUND_US - clock_mono_us();

	if (carrier.busy && left_us > 0)
		nanosleep(&(struct timespec){0, left_us * 1000}, NULL);
}

static void *run(void *arg)
{
	struct epoll_event events[EVENTS];
	sigset_t none;

	sigfillset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	for (;;) {
		int n = epoll_wait(carrier.epoll, events, EVENTS, wait_ms());

		carrier.now_us = clock_mono_us();
		carrier.events += n;
		for (int i = 0; i < n; i++)
			on_event(&events[i]);
		take_queue();
		run_timers();
		look_at_all_sending();
		take_ended();
		if (carrier.now_us - carrier.ticked_us >= TICK_MS * 1000L)
			tick();
		let_some_come();
	}
	return arg;
}

static void start(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = NEWS};
	pthread_attr_t attr;
	pthread_t thread;

	carrier.a = arena_create();
	carrier.epoll = epoll_create1(EPOLL_CLOEXEC);
	carrier.news = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	carrier.works = carrier.epoll >= 0 && carrier.news >= 0 &&
	                epoll_ctl(carrier.epoll, EPOLL_CTL_ADD, carrier.news, &event) == 0 &&
	                pthread_create(&thread, &attr, run, NULL) == 0;
	pthread_attr_destroy(&attr);
}

/* The caller's side ------------------------------------------------------------------------------------------- */

/* Under the lock. */
static void hand_over(struct llm_transfer *t)
{
	const uint64_t one = 1;

	t->queued = carrier.queue;
	carrier.queue = t;
	(void)!write(carrier.news, &one, sizeof(one));
}

/* Under the lock, which it lets go meanwhile. The call may be over when the caller is back. */
static void while_it_thinks(struct llm_call *c, struct llm_transfer *t)
{
	const struct llm_sink *sink = c->s->sink;
	struct err *e;

	pthread_mutex_unlock(&carrier.lock);
	e = sink->sent(sink->arg);
	pthread_mutex_lock(&carrier.lock);
	if (e) {
		c->err = e;
		c->end = LLM_END_REFUSED;
	}
	if (c->phase == LLM_OVER)
		return;
	c->phase = LLM_CARRIED;
	hand_over(t);
}

struct err *llm_carry(struct llm_call *c, struct llm_transfer *t)
{
	pthread_once(&carrier.once, start);
	if (!carrier.works)
		return err_new(c->s->a, ERR_UNAVAILABLE, "could not start the thread for calls to models");
	t->call = c;
	c->phase = LLM_CARRIED;
	pthread_cond_init(&c->woken, NULL);
	pthread_mutex_lock(&carrier.lock);
	hand_over(t);
	while (c->phase != LLM_OVER) {
		pthread_cond_wait(&c->woken, &carrier.lock);
		if (c->phase == LLM_SENT)
			while_it_thinks(c, t);
	}
	pthread_mutex_unlock(&carrier.lock);
	pthread_cond_destroy(&c->woken);
	return NULL;
}
