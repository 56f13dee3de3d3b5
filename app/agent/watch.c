/*
 * Following a turn from its rows, wherever it runs. A watcher waits on a condition of its own, which the listener
 * signals. The text under way comes from memory where the turn runs in this process, else with its checkpoints. No
 * database connection is held meanwhile.
 */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

enum { BUCKETS = 256, POLL_MS = 1000, IDLE_US = 10 * 1000 * 1000, PAGE = 200 };

struct waiter {
	int64_t turn_id;
	bool woken;
	bool news; /* there may be new rows, not only more text */
	pthread_cond_t cond;
	struct waiter *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct waiter *waiters[BUCKETS];
static atomic_int waiting[BUCKETS]; /* how many, to be read without the lock */

/* The text stands on the first row only; without events there is one row, with seq 0. */
DB_STMT(agent_watch_read,
        "SELECT coalesce(e.seq, 0), coalesce(e.kind, ''), e.body, t.status,"
        " CASE WHEN row_number() OVER (ORDER BY e.seq) = 1 THEN x.text END, coalesce(x.after, -1)"
        " FROM turns t JOIN conversations c ON c.id = t.conversation_id"
        " LEFT JOIN turn_texts x ON x.turn_id = t.id"
        " LEFT JOIN turn_events e ON e.turn_id = t.id AND e.seq > $2"
        " WHERE t.id = $1 AND" PROJECT_SEEN("c.project_id", "$3") " ORDER BY e.seq LIMIT 200",
        DB_I64, DB_I64, DB_I64);

struct event_row {
	int64_t seq;
	const char *kind;
	const char *body;
	const char *status;
	const char *text;
	int64_t text_after;
};

static const struct db_row event_row =
        DB_ROW(struct event_row, DB_COL_I64(struct event_row, seq), DB_COL_TEXT(struct event_row, kind),
               DB_COL_JSON(struct event_row, body), DB_COL_TEXT(struct event_row, status),
               DB_COL_TEXT(struct event_row, text), DB_COL_I64(struct event_row, text_after));

static struct waiter **bucket_of(int64_t turn_id)
{
	return &waiters[(uint64_t)turn_id % BUCKETS];
}

static void wake_bucket(struct waiter *w, int64_t turn_id, bool news)
{
	for (; w; w = w->next) {
		if (turn_id && w->turn_id != turn_id)
			continue;
		w->woken = true;
		w->news |= news;
		pthread_cond_signal(&w->cond);
	}
}

static void wake(int64_t turn_id, bool news)
{
	pthread_mutex_lock(&lock);
	if (turn_id)
		wake_bucket(*bucket_of(turn_id), turn_id, news);
	for (size_t i = 0; turn_id == 0 && i < BUCKETS; i++)
		wake_bucket(waiters[i], 0, news);
	pthread_mutex_unlock(&lock);
}

void agent_wake(int64_t turn_id)
{
	if (atomic_load(&waiting[bucket_of(turn_id) - waiters]))
		wake(turn_id, false);
}

static void on_turn(void *arg, int64_t turn_id)
{
	(void)arg;
	wake(turn_id, true);
}

static void waiter_add(struct waiter *w, int64_t turn_id)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->cond, &attr);
	pthread_condattr_destroy(&attr);
	w->turn_id = turn_id;
	w->woken = false;
	w->news = true;
	pthread_mutex_lock(&lock);
	w->next = *bucket_of(turn_id);
	*bucket_of(turn_id) = w;
	atomic_fetch_add(&waiting[bucket_of(turn_id) - waiters], 1);
	pthread_mutex_unlock(&lock);
}

static void waiter_remove(struct waiter *w)
{
	struct waiter **p;

	pthread_mutex_lock(&lock);
	for (p = bucket_of(w->turn_id); *p != w; p = &(*p)->next)
		;
	*p = w->next;
	atomic_fetch_sub(&waiting[bucket_of(w->turn_id) - waiters], 1);
	pthread_mutex_unlock(&lock);
	pthread_cond_destroy(&w->cond);
}

/* Until something happened to the turn or it is time to look anyway; true when its rows are to be read. */
static bool waiter_wait(struct waiter *w)
{
	struct timespec until;
	bool read;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += POLL_MS / 1000;
	pthread_mutex_lock(&lock);
	while (!w->woken && pthread_cond_timedwait(&w->cond, &lock, &until) == 0)
		;
	read = w->news || !w->woken;
	w->woken = w->news = false;
	pthread_mutex_unlock(&lock);
	return read;
}

struct watch {
	struct ctx *ctx;
	int64_t turn_id;
	int64_t after;
	size_t sent; /* bytes of the running text */
	const struct agent_sink *sink;
	int64_t told_us; /* when something was last sent */
};

static void send_event(struct watch *w, const struct event_row *row)
{
	w->sink->event(w->sink->arg, row->seq, row->kind, str_of(row->body));
	w->after = row->seq;
	w->told_us = clock_mono_us();
	w->sent = 0;
}

static void send_text(struct watch *w, struct str more)
{
	if (more.n == 0)
		return;
	w->sink->delta(w->sink->arg, more);
	w->sent += more.n;
	w->told_us = clock_mono_us();
}

/* From memory when the turn runs here; else what was stored behind the newest event. */
static bool send_live(struct watch *w)
{
	struct arena *a = arena_create();
	struct str more;
	bool here = agent_live_text(a, w->turn_id, w->after, w->sent, &more);

	if (here)
		send_text(w, more);
	arena_free(a);
	return here;
}

static void send_stored(struct watch *w, const struct event_row *row)
{
	struct str text = str_of(row->text);

	if (row->text_after == w->after && text.n > w->sent)
		send_text(w, (struct str){text.p + w->sent, text.n - w->sent});
}

/* Sends what is new; *over when nothing follows, or nothing before somebody answers. */
static struct err *catch_up(struct watch *w, struct ctx *ctx, bool *over)
{
	struct event_row *rows;
	size_t n = PAGE;

	while (n == PAGE) {
		TRY(db_all(ctx, &agent_watch_read, DB_ARGS(db_i64(w->turn_id), db_i64(w->after), db_i64(ctx->user_id)),
		           &event_row, &rows, &n));
		if (n == 0)
			return err_new(ctx->a, ERR_NOT_FOUND, "turn not found");
		for (size_t i = 0; i < n; i++)
			if (rows[i].seq)
				send_event(w, &rows[i]);
	}
	*over = strcmp(rows[0].status, "running") != 0;
	if (!*over && !send_live(w))
		send_stored(w, &rows[0]);
	return NULL;
}

static struct err *look(struct watch *w, bool *over)
{
	struct ctx ctx = *w->ctx;
	struct err *e;

	ctx.a = arena_create();
	e = err_copy(w->ctx->a, catch_up(w, &ctx, over));
	arena_free(ctx.a);
	return e;
}

static struct err *follow(struct watch *w, struct waiter *waiter, bool (*gone)(void *), void (*idle)(void *))
{
	bool over = false, read = true;

	for (;;) {
		struct err *e = read || !send_live(w) ? look(w, &over) : NULL;

		/* A database that is away for a moment does not end the stream. */
		if (e && e->kind != ERR_UNAVAILABLE)
			return e;
		if (over || ctx_stopped(w->ctx) || (gone && gone(w->sink->arg)))
			return NULL;
		read = waiter_wait(waiter);
		if (idle && clock_mono_us() - w->told_us >= IDLE_US) {
			idle(w->sink->arg);
			w->told_us = clock_mono_us();
		}
	}
}

struct err *agent_turn_watch(struct ctx *ctx, int64_t turn_id, int64_t after, const struct agent_sink *sink,
                             bool (*gone)(void *arg), void (*idle)(void *arg))
{
	struct watch w = {
	        .ctx = ctx, .turn_id = turn_id, .after = after, .sink = sink, .told_us = clock_mono_us()};
	struct waiter waiter;
	struct err *e;

	waiter_add(&waiter, turn_id);
	e = follow(&w, &waiter, gone, idle);
	waiter_remove(&waiter);
	return e;
}

static void on_stop(void *arg, int64_t turn_id)
{
	(void)arg;
	if (turn_id)
		agent_live_stop(turn_id);
}

static void on_due(void *arg, int64_t turn_id)
{
	(void)arg;
	(void)turn_id;
	agent_live_due();
}

void agent_start(const struct settings *settings, bool serves)
{
	db_watch("turn", on_turn, NULL);
	db_watch("turn_stop", on_stop, NULL);
	db_watch("turn_due", on_due, NULL);
	db_watch_start();
	agent_lease_serve(serves);
	agent_live_start(settings);
}
