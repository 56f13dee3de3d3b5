/*
 * A turn's events on their way to one browser. A program gets them as they are. A page gets text as HTML, block by block:
 * only the block under way is rendered again, about ten times a second, less often the longer it is, so that the work for
 * an answer grows with its length and no faster.
 *
 * What arrives too early for the next rendering waits for more text, or for the one thread that sends what waited
 * long enough. A relay is used by its own thread and by that one, under its lock.
 */
#include "web/relay_priv.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "markdown/markdown.h"
#include "web/web_priv.h"

enum { EACH_US = 100 * 1000, BYTE_US = 16, TICK_US = 50 * 1000 };

struct web_relay {
	const struct http_request *req;
	struct http_stream *stream;
	struct agent_sink sink;
	bool html;
	bool patient; /* nothing is held up by waiting for a slow client */
	pthread_mutex_t lock;
	struct arena *a;         /* given back after each event */
	struct buf text;         /* the block under way, in an arena of its own */
	struct markdown_scan scan;
	int64_t block;           /* its number */
	size_t taken;            /* bytes of the message so far */
	bool stale;              /* there is more than was sent of it */
	int64_t due_us;          /* when it may be sent again */
	/* Under the lock of the list: */
	bool listed;
	int64_t at_us; /* when it is to be looked at */
	struct web_relay *next;
};

/* Relays whose text waits to be sent. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t some, free;
	struct web_relay *first;
	struct web_relay *busy; /* the one that is being looked at */
	bool runs;
} waiting = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, NULL, false};

/* Blocks ----------------------------------------------------------------------------------------------- */

static void send_block(struct web_relay *r, struct str text)
{
	struct arena_mark mark = arena_mark(r->a);
	struct buf html = buf_init(r->a, BUF_PAGE), b = buf_init(r->a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	if (!markdown_html(r->a, text, &html) && html.n) {
		json_object_open(&w, NULL);
		json_put_i64(&w, "i", r->block);
		json_put_str(&w, "html", web_code_html(r->a, buf_str(&html)));
		json_object_close(&w);
		http_stream_event(r->stream, 0, "block", buf_str(&b));
	}
	arena_reset(r->a, mark);
}

/* The block under way as it is now; whole: nothing is added to it any more. */
static void send_open(struct web_relay *r, bool whole)
{
	struct arena_mark mark = arena_mark(r->a);
	struct str text = buf_str(&r->text);

	if (r->stale && text.n)
		send_block(r, whole ? text : markdown_calm(r->a, text));
	r->stale = false;
	r->due_us = clock_mono_us() + EACH_US + (int64_t)text.n * BYTE_US;
	arena_reset(r->a, mark);
}

static void send_whole_blocks(struct web_relay *r)
{
	size_t done = 0, n;

	while ((n = markdown_block(&r->scan, (struct str){r->text.p + done, r->text.n - done})) > 0) {
		send_block(r, (struct str){r->text.p + done, n});
		done += n;
		r->block++;
		r->due_us = 0;
	}
	if (done)
		memmove(r->text.p, r->text.p + done, r->text.n - done);
	r->text.n -= done;
}

static void take_text(struct web_relay *r, struct str text)
{
	buf_add_str(&r->text, text);
	r->taken += text.n;
	r->stale = true;
	send_whole_blocks(r);
}

/* The next text is another message, or the same once more from its beginning. */
static void forget_text(struct web_relay *r)
{
	r->text.n = 0;
	r->text.full = false;
	r->scan = (struct markdown_scan){0};
	r->block = 0;
	r->taken = 0;
	r->stale = false;
	r->due_us = 0;
}

/* Waiting ---------------------------------------------------------------------------------------------- */

/* Takes one off the list whose time has come. */
static struct web_relay *next_due(int64_t now)
{
	for (struct web_relay **p = &waiting.first; *p; p = &(*p)->next) {
		struct web_relay *r = *p;

		if (r->at_us > now)
			continue;
		*p = r->next;
		r->listed = false;
		return r;
	}
	return NULL;
}

/* Its own thread sends what there is when it is just there. */
static void send_late(struct web_relay *r)
{
	if (pthread_mutex_trylock(&r->lock))
		return;
	send_open(r, false);
	pthread_mutex_unlock(&r->lock);
}

static void *send_what_waits(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&waiting.lock);
	for (;;) {
		struct web_relay *r;

		while (!waiting.first)
			pthread_cond_wait(&waiting.some, &waiting.lock);
		while ((r = next_due(clock_mono_us())) != NULL) {
			waiting.busy = r;
			pthread_mutex_unlock(&waiting.lock);
			send_late(r);
			pthread_mutex_lock(&waiting.lock);
			waiting.busy = NULL;
			pthread_cond_broadcast(&waiting.free);
		}
		pthread_mutex_unlock(&waiting.lock);
		nanosleep(&(struct timespec){0, TICK_US * 1000L}, NULL);
		pthread_mutex_lock(&waiting.lock);
	}
	return NULL;
}

static void start_thread(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	waiting.runs = pthread_create(&thread, &attr, send_what_waits, NULL) == 0;
	if (!waiting.runs)
		LOG(LOG_ERROR, NULL, "could not start the thread that sends text which waits");
	pthread_attr_destroy(&attr);
}

static void wait_to_send(struct web_relay *r)
{
	pthread_mutex_lock(&waiting.lock);
	if (!waiting.runs)
		start_thread();
	if (!r->listed) {
		r->listed = true;
		r->at_us = r->due_us;
		r->next = waiting.first;
		waiting.first = r;
		pthread_cond_signal(&waiting.some);
	}
	pthread_mutex_unlock(&waiting.lock);
}

static void wait_no_more(struct web_relay *r)
{
	pthread_mutex_lock(&waiting.lock);
	for (struct web_relay **p = &waiting.first; *p; p = &(*p)->next) {
		if (*p == r) {
			*p = r->next;
			break;
		}
	}
	while (waiting.busy == r)
		pthread_cond_wait(&waiting.free, &waiting.lock);
	pthread_mutex_unlock(&waiting.lock);
}

/* Events ------------------------------------------------------------------------------------------------ */

static void put_text(struct buf *b, struct str text)
{
	struct json_writer w = {.b = b};

	json_object_open(&w, NULL);
	json_put_str(&w, "text", text);
	json_object_close(&w);
}

static void send_long_text(struct web_relay *r, const char *kind, struct str text)
{
	struct arena_mark mark = arena_mark(r->a);
	struct buf b = buf_init(r->a, BUF_PAGE);

	put_text(&b, text);
	http_stream_event(r->stream, 0, kind, buf_str(&b));
	arena_reset(r->a, mark);
}

/* A piece of text is a word or two, as a rule. */
static void send_text(struct web_relay *r, const char *kind, struct str text)
{
	char memory[1000];
	struct buf b = buf_on(memory, sizeof(memory));

	put_text(&b, text);
	if (b.full)
		send_long_text(r, kind, text);
	else
		http_stream_event(r->stream, 0, kind, buf_str(&b));
}

static void on_delta(void *arg, struct str text)
{
	struct web_relay *r = arg;

	pthread_mutex_lock(&r->lock);
	if (!r->html) {
		send_text(r, "delta", text);
	} else {
		take_text(r, text);
		if (clock_mono_us() >= r->due_us)
			send_open(r, false);
		else
			wait_to_send(r);
	}
	pthread_mutex_unlock(&r->lock);
}

static void on_thinking(void *arg, struct str text)
{
	struct web_relay *r = arg;

	pthread_mutex_lock(&r->lock);
	send_text(r, "thinking", text);
	pthread_mutex_unlock(&r->lock);
}

/* A whole message: what the deltas did not bring of it, perhaps all, and the end. */
static void end_message(struct web_relay *r, struct json_object *o)
{
	const char *text = json_get_str(o, "text");
	struct str all = str_of(text ? text : "");

	if (all.n > r->taken)
		take_text(r, (struct str){all.p + r->taken, all.n - r->taken});
	r->stale = true; /* it may have been sent as what is under way */
	send_open(r, true);
	forget_text(r);
}

/* What an event says about the text that is under way. */
static void before_event(struct web_relay *r, const char *kind, struct str json)
{
	struct arena *a;
	struct json_object *o;
	const char *name, *state;

	if (strcmp(kind, "message") != 0 && strcmp(kind, "step") != 0) {
		send_open(r, false);
		return;
	}
	a = arena_create();
	if (!json_read(a, json, JSON_DEPTH, &o)) {
		name = json_get_str(o, "name");
		state = json_get_str(o, "state");
		if (!strcmp(kind, "message"))
			end_message(r, o);
		else if (name && state && !strcmp(name, "model") && !strcmp(state, "running"))
			forget_text(r);
		else
			send_open(r, false);
	}
	arena_free(a);
}

static void on_event(void *arg, int64_t id, const char *kind, struct str json)
{
	struct web_relay *r = arg;

	if (r->patient)
		http_stream_wait(r->stream);
	pthread_mutex_lock(&r->lock);
	if (r->html && id)
		before_event(r, kind, json);
	http_stream_event(r->stream, id, kind, json);
	pthread_mutex_unlock(&r->lock);
}

void web_relay_send(struct web_relay *r, const char *kind, struct str json)
{
	on_event(r, 0, kind, json);
}

bool web_relay_gone(void *relay)
{
	struct web_relay *r = relay;

	pthread_mutex_lock(&r->lock);
	bool gone = http_stream_gone(r->stream) || http_draining(r->req);
	pthread_mutex_unlock(&r->lock);
	return gone;
}

/* Opening and closing ---------------------------------------------------------------------------------- */

static void free_relay(void *arg)
{
	struct web_relay *r = arg;

	arena_free(r->text.a);
	arena_free(r->a);
	pthread_mutex_destroy(&r->lock);
}

struct web_relay *web_relay_open(struct ctx *ctx, struct http_request *req, struct http_response *res, bool html)
{
	struct web_relay *r = ARENA_NEW(ctx->a, struct web_relay);

	*r = (struct web_relay){.req = req,
	                        .stream = http_stream_start(ctx, req, res),
	                        .sink = {.event = on_event,
	                                 .delta = on_delta,
	                                 .thinking = html ? on_thinking : NULL,
	                                 .arg = r},
	                        .html = html,
	                        .a = arena_create(),
	                        .text = buf_init(arena_create(), MARKDOWN_BYTES)};
	pthread_mutex_init(&r->lock, NULL);
	arena_cleanup(ctx->a, free_relay, r);
	return r;
}

void web_relay_be_patient(struct web_relay *r)
{
	r->patient = true;
}

const struct agent_sink *web_relay_sink(struct web_relay *r)
{
	return &r->sink;
}

void web_relay_close(struct web_relay *r)
{
	if (!r->html)
		return;
	wait_no_more(r);
	pthread_mutex_lock(&r->lock);
	send_open(r, false);
	pthread_mutex_unlock(&r->lock);
}
