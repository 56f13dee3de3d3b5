/*
 * The turns that this process works on, and the one thread that looks after them: the lease of all of them, stop
 * requests that a notification missed, their text, and turns that nobody holds.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "agent/agent_priv.h"
#include "artifact/artifact.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/settings.h"

enum { RENEW_US = 2000000, SECOND_US = 1000000, LOOK_US = 10000000, MINUTE_US = 60000000, BUCKETS = 256 };

#define HOUR_US INT64_C(3600000000)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct agent_live *buckets[BUCKETS];
static _Atomic int64_t count;

#define EACH_LIVE(l) \
	for (size_t each_ = 0; each_ < BUCKETS; each_++) \
		for (struct agent_live *l = buckets[each_]; l; l = l->next)

/* Wakes the thread before its second is over. */
static pthread_mutex_t due_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t due_cond = PTHREAD_COND_INITIALIZER;
static bool due;

static pthread_t looker;
static bool looks; /* it was started */

static struct {
	atomic_bool asked, over;
	int64_t at_us; /* when turns under way are given away in the middle of a step */
} ending;

DB_STMT(agent_live_stops,
        "SELECT id FROM turns WHERE worker_id = $1 AND status = 'running' AND stop_requested", DB_I64);
/* Turns that this process holds and does not work on: what it could not give back while the database was away. */
DB_STMT(agent_live_stray,
        "UPDATE turns SET worker_id = NULL WHERE worker_id = $1 AND status = 'running'"
        " AND taken_at < now() - interval '5 seconds' AND NOT id = ANY ($2::bigint[])",
        DB_I64, DB_TEXTS);

size_t agent_live_texts(struct arena *a, struct agent_text *texts, size_t most)
{
	size_t n = 0;

	pthread_mutex_lock(&lock);
	EACH_LIVE(l)
		if (n < most && l->run)
			n += agent_text_due(a, l->run, &texts[n]);
	pthread_mutex_unlock(&lock);
	return n;
}

static struct agent_live **bucket_of(int64_t turn_id)
{
	return &buckets[(uint64_t)turn_id % BUCKETS];
}

void agent_live_add(struct agent_live *live)
{
	struct agent_live **bucket = bucket_of(live->turn_id);

	pthread_mutex_lock(&lock);
	live->next = *bucket;
	*bucket = live;
	count++;
	pthread_mutex_unlock(&lock);
}

void agent_live_remove(struct agent_live *live)
{
	struct agent_live **p;

	pthread_mutex_lock(&lock);
	for (p = bucket_of(live->turn_id); *p != live; p = &(*p)->next)
		;
	*p = live->next;
	count--;
	pthread_mutex_unlock(&lock);
}

int64_t agent_live_count(void)
{
	return count;
}

static struct agent_live *find(int64_t turn_id)
{
	struct agent_live *l = *bucket_of(turn_id);

	while (l && l->turn_id != turn_id)
		l = l->next;
	return l;
}

/* One that this process lost and took up again is there twice for a while. */
void agent_live_stop(int64_t turn_id)
{
	pthread_mutex_lock(&lock);
	for (struct agent_live *l = *bucket_of(turn_id); l; l = l->next)
		if (l->turn_id == turn_id)
			atomic_store(&l->stop, true);
	pthread_mutex_unlock(&lock);
}

/* The text stands behind the newest event that is a row, and nowhere else. */
static bool text_behind(struct arena *a, struct agent_run *r, int64_t after, size_t from, struct str *out)
{
	bool there;

	pthread_mutex_lock(&r->text_lock);
	there = r->seq == after && r->text.n > from;
	if (there) {
		struct str rest = {r->text.p + from, r->text.n - from};

		*out = (struct str){str_dup(a, rest), rest.n};
	}
	pthread_mutex_unlock(&r->text_lock);
	return there;
}

bool agent_live_text(struct arena *a, int64_t turn_id, int64_t after, size_t from, struct str *out)
{
	struct agent_live *l;

	*out = STR("");
	pthread_mutex_lock(&lock);
	if ((l = find(turn_id)) != NULL && l->run)
		text_behind(a, l->run, after, from, out);
	pthread_mutex_unlock(&lock);
	return l != NULL;
}

/* Ending ------------------------------------------------------------------------------------------------- */

/* Turns go to other workers at the end of the step that they are in; `now`: at once. */
static void give_all(bool now)
{
	pthread_mutex_lock(&lock);
	EACH_LIVE(l)
	{
		atomic_store(&l->give, true);
		if (now)
			atomic_store(&l->stop, true);
	}
	pthread_mutex_unlock(&lock);
}

void agent_stop_all(void)
{
	pthread_mutex_lock(&lock);
	EACH_LIVE(l)
		atomic_store(&l->stop, true);
	pthread_mutex_unlock(&lock);
}

void agent_live_due(void)
{
	pthread_mutex_lock(&due_lock);
	due = true;
	pthread_cond_signal(&due_cond);
	pthread_mutex_unlock(&due_lock);
}

bool agent_ending(void)
{
	return atomic_load(&ending.asked);
}

void agent_drain(int64_t within_s)
{
	ending.at_us = clock_mono_us() + within_s * 1000000;
	atomic_store(&ending.asked, true);
	give_all(within_s == 0);
	agent_live_due();
}

void agent_end(const struct settings *settings)
{
	struct ctx ctx = {.a = arena_create(), .settings = settings, .request_id = "agent", .address = ""};

	while (agent_live_count() > 0)
		nanosleep(&(struct timespec){0, 20000000L}, NULL);
	atomic_store(&ending.over, true);
	agent_live_due();
	if (looks)
		pthread_join(looker, NULL);
	looks = false;
	agent_lease_end(&ctx);
	arena_free(ctx.a);
}

/* Looking after ------------------------------------------------------------------------------------------ */

static void pass_on_stops(void)
{
	pthread_mutex_lock(&lock);
	EACH_LIVE(l)
		if (l->outer && atomic_load(l->outer))
			atomic_store(&l->stop, true);
	pthread_mutex_unlock(&lock);
}

static struct db_texts ids(struct arena *a)
{
	struct db_texts t;

	pthread_mutex_lock(&lock);
	t.p = ARENA_ARRAY(a, const char *, (size_t)count + 1);
	t.n = 0;
	EACH_LIVE(l)
		t.p[t.n++] = arena_printf(a, "%lld", (long long)l->turn_id);
	pthread_mutex_unlock(&lock);
	return t;
}

static struct err *read_stops(struct ctx *ctx)
{
	int64_t *stops;
	size_t n;

	if (agent_live_count() == 0)
		return NULL;
	TRY(db_all(ctx, &agent_live_stops, DB_ARGS(db_i64(agent_worker())), &db_id_row, &stops, &n));
	for (size_t i = 0; i < n; i++)
		agent_live_stop(stops[i]);
	return NULL;
}

static struct err *drop_strays(struct ctx *ctx)
{
	struct db_texts t = ids(ctx->a);

	return db_run(ctx, &agent_live_stray, DB_ARGS(db_i64(agent_worker()), db_texts(t.p, t.n)), NULL);
}

/* The lease first: the others may take long. */
static struct {
	struct err *(*fn)(struct ctx *ctx);
	int64_t each_us;
	const char *what;
	int64_t next_us;
} chores[] = {
        {agent_lease_renew, RENEW_US, "could not renew the lease of running turns", 0},
        {read_stops, RENEW_US, "could not look for stopped turns", 0},
        {agent_checkpoint, SECOND_US, "could not store the text of running turns", 0},
        {agent_lease_claim, 0, "could not look for lost turns", 0},
        {drop_strays, RENEW_US, "could not give turns back", 0},
        {agent_wait_look, LOOK_US, "could not look for turns that waited", 0},
        {agent_exports_look, 0, "could not look for files of artifacts", 0},
        {artifact_links_sweep, HOUR_US, "could not empty links that ended", 0},
        {artifact_export_sweep_old, MINUTE_US, "could not delete old files of artifacts", 0},
};

static void do_chores(const struct settings *settings)
{
	for (size_t i = 0; i < sizeof(chores) / sizeof(*chores); i++) {
		struct ctx ctx = {.settings = settings, .request_id = "agent", .address = ""};
		int64_t now = clock_mono_us();
		struct err *e;

		if (now < chores[i].next_us)
			continue;
		chores[i].next_us = now + chores[i].each_us;
		ctx.a = arena_create();
		e = chores[i].fn(&ctx);
		if (e)
			log_err(LOG_WARNING, ctx.request_id, chores[i].what, e);
		arena_free(ctx.a);
	}
}

/* A second, or less when something is due. */
static void rest(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	pthread_mutex_lock(&due_lock);
	while (!due && pthread_cond_timedwait(&due_cond, &due_lock, &until) != ETIMEDOUT)
		;
	due = false;
	pthread_mutex_unlock(&due_lock);
}

static void *look_after(void *arg)
{
	while (!atomic_load(&ending.over)) {
		pass_on_stops();
		do_chores(arg);
		if (agent_ending() && clock_mono_us() >= ending.at_us)
			give_all(true);
		rest();
	}
	return NULL;
}

/* A worker before its first turn: what it asks for is its own from the start. */
static void enter(const struct settings *settings)
{
	struct ctx ctx = {.a = arena_create(), .settings = settings, .request_id = "agent", .address = ""};
	struct err *e = agent_lease_renew(&ctx);

	if (e)
		log_err(LOG_WARNING, ctx.request_id, "could not begin a worker", e);
	arena_free(ctx.a);
}

static atomic_bool started;

struct err *agent_live_ready(struct ctx *ctx)
{
	return agent_worker() || !atomic_load(&started) ? NULL : agent_lease_renew(ctx);
}

void agent_live_start(const struct settings *settings)
{
	enter(settings);
	atomic_store(&started, true);
	looks = pthread_create(&looker, NULL, look_after, (void *)settings) == 0;
	if (!looks)
		LOG(LOG_ERROR, NULL, "could not start the thread that looks after turns");
}
