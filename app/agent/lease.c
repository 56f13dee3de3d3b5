/*
 * Which process works on a turn. A process is a row of `workers`, renewed for all its turns at once; a turn belongs to the
 * worker that it names, for as long as that one is alive. Whoever finds a turn without a living worker takes it: the
 * fence grows, and every later write of the one before it is refused.
 *
 * A worker that died on the same machine is known by its process number and missed at once; one whose machine is gone
 * is missed when its lease is over. The times are the database's, so that no two machines' clocks have to agree; a lease
 * that seems to last longer than it can is one from before the database's clock was set back.
 *
 * A turn may be the reason why its workers die. One that was taken up a few times without a step forward is taken alone,
 * and after some more it ends with an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"

enum { CLAIM_MOST = 32, STACK_BYTES = 256 << 10, GAP_US = 6000000, STEADY_US = 3000000, DOUBTFUL_US = 1000000 };

#define LEASE "interval '8 seconds'"
#define OFTEN "3"
#define ALIVE(w) w ".alive_until BETWEEN now() AND now() + interval '1 minute'"

DB_STMT(agent_lease_enter,
        "INSERT INTO workers (place, pid, alive_until) VALUES ($1, $2, now() + " LEASE ") RETURNING id", DB_TEXT,
        DB_I64);
DB_STMT(agent_lease_keep,
        "UPDATE workers w SET alive_until = now() + " LEASE
        " FROM (SELECT set_config('synchronous_commit', 'off', true)) quick WHERE id = $1",
        DB_I64);
DB_STMT(agent_lease_leave, "DELETE FROM workers WHERE id = $1", DB_I64);
DB_STMT(agent_lease_neighbours, "SELECT id, pid FROM workers WHERE place = $1 AND id <> $2", DB_TEXT, DB_I64);
DB_STMT(agent_lease_bury,
        "DELETE FROM workers w WHERE id = ANY ($1::bigint[]) OR $3 AND NOT (" ALIVE("w") ") AND id <> $2", DB_TEXTS,
        DB_I64, DB_BOOL);
#define TAKE(which) \
	"UPDATE turns SET worker_id = nullif($1, 0), fence = fence + 1, taken_at = now(), tried_steps = o.steps," \
	" tries = CASE WHEN o.steps > tried_steps THEN 1 ELSE tries + 1 END" \
	" FROM (SELECT id AS orphan, (SELECT count(*) FROM turn_steps s WHERE s.turn_id = t.id) AS steps FROM turns t" \
	" WHERE status = 'running' AND NOT EXISTS (SELECT FROM workers w WHERE w.id = t.worker_id) AND " which \
	" FOR UPDATE SKIP LOCKED) o WHERE id = o.orphan RETURNING id, fence, tries"
/* Of those that were taken up often one is enough: should they be why workers end, the others are not taken along. */
DB_STMT(agent_lease_orphans, TAKE("(tries >= " OFTEN ") = $3 ORDER BY id LIMIT $2"), DB_I64, DB_I64, DB_BOOL);
DB_STMT(agent_lease_orphan, TAKE("id = $2"), DB_I64, DB_I64);
DB_STMT(agent_lease_put_down,
        "WITH t AS (UPDATE turns SET worker_id = NULL WHERE id = $1 AND fence = $2 AND status = 'running'"
        " RETURNING id) SELECT pg_notify('turn_due', id::text) FROM t",
        DB_I64, DB_I64);

static _Atomic int64_t worker;
static bool serves;
static int64_t renewed_us, steady_us; /* the last renewal; the first one since the database was away */

void agent_lease_serve(bool does)
{
	serves = does;
}

int64_t agent_worker(void)
{
	return worker;
}

/* Where one process can see that another one died: the same start of the same machine, the same view of processes. */
static const char *place(struct arena *a)
{
	char boot[64] = "", view[64] = "";
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, boot, sizeof(boot) - 1);

	if (fd >= 0)
		close(fd);
	if (readlink("/proc/self/ns/pid", view, sizeof(view) - 1) < 0 || n <= 0)
		return arena_printf(a, "unknown %" PRId64, (int64_t)getpid());
	return arena_printf(a, "%.*s %s", STR_ARG(str_trim((struct str){boot, (size_t)n})), view);
}

static struct err *enter(struct ctx *ctx)
{
	int64_t id;

	TRY(db_one(ctx, &agent_lease_enter, DB_ARGS(db_text(place(ctx->a)), db_i64(getpid())), &db_id_row, "worker",
	           &id));
	worker = id;
	return NULL;
}

/* Others took this worker for dead when its row is gone; what it still holds it goes on with until somebody takes it. */
struct err *agent_lease_renew(struct ctx *ctx)
{
	int64_t kept = 0;

	if (worker)
		TRY(db_run(ctx, &agent_lease_keep, DB_ARGS(db_i64(worker)), &kept));
	if (!kept && !agent_ending())
		TRY(enter(ctx));
	if (clock_mono_us() - renewed_us > GAP_US)
		steady_us = clock_mono_us();
	renewed_us = clock_mono_us();
	return NULL;
}

/* After a database was away, all renew before anybody is taken for dead. */
static bool steady(void)
{
	int64_t now = clock_mono_us();

	return now - renewed_us < GAP_US && now - steady_us >= STEADY_US;
}

struct neighbour {
	int64_t id;
	int64_t pid;
};

static const struct db_row neighbour_row =
        DB_ROW(struct neighbour, DB_COL_I64(struct neighbour, id), DB_COL_I64(struct neighbour, pid));

struct err *agent_lease_bury_dead(struct ctx *ctx, bool late)
{
	struct neighbour *others;
	struct db_texts dead;
	size_t n;

	TRY(db_all(ctx, &agent_lease_neighbours, DB_ARGS(db_text(place(ctx->a)), db_i64(worker)), &neighbour_row,
	           &others, &n));
	dead = (struct db_texts){ARENA_ARRAY(ctx->a, const char *, n + 1), 0};
	for (size_t i = 0; i < n; i++)
		if (kill((pid_t)others[i].pid, 0) && errno == ESRCH)
			dead.p[dead.n++] = arena_printf(ctx->a, "%" PRId64, others[i].id);
	return db_run(ctx, &agent_lease_bury, DB_ARGS(db_texts(dead.p, dead.n), db_i64(worker), db_bool(late)), NULL);
}

static const struct db_row claim_row =
        DB_ROW(struct agent_claim, DB_COL_I64(struct agent_claim, turn_id), DB_COL_I64(struct agent_claim, fence),
               DB_COL_I64(struct agent_claim, tries));

struct err *agent_lease_take(struct ctx *ctx, int64_t by, int64_t most, bool doubtful, struct agent_claim **out, size_t *n)
{
	return db_all(ctx, &agent_lease_orphans, DB_ARGS(db_i64(by), db_i64(most), db_bool(doubtful)), &claim_row, out,
	              n);
}

struct err *agent_lease_take_one(struct ctx *ctx, int64_t turn_id, struct agent_claim *out, bool *found)
{
	if (worker)
		TRY(agent_lease_bury_dead(ctx, steady()));
	return db_find(ctx, &agent_lease_orphan, DB_ARGS(db_i64(worker), db_i64(turn_id)), &claim_row, out, found);
}

struct err *agent_lease_give(struct ctx *ctx, int64_t turn_id, int64_t fence)
{
	return db_run(ctx, &agent_lease_put_down, DB_ARGS(db_i64(turn_id), db_i64(fence)), NULL);
}

/* Taken turns are worked on in threads of their own ------------------------------------------------------- */

struct taken {
	struct ctx ctx;
	struct agent_claim claim;
};

static void *work(void *arg)
{
	struct taken *t = arg;
	struct arena *a = t->ctx.a;
	struct err *e = agent_turn_resume(&t->ctx, t->claim, NULL);

	if (e)
		log_err(LOG_ERROR, t->ctx.request_id, "could not go on with a turn", e);
	arena_free(a);
	return NULL;
}

static bool start(const struct ctx *ctx, struct agent_claim claim)
{
	struct arena *a = arena_create();
	struct taken *t = ARENA_NEW(a, struct taken);
	pthread_attr_t attr;
	pthread_t thread;
	bool started;

	t->ctx = (struct ctx){.a = a,
	                      .settings = ctx->settings,
	                      .request_id = arena_printf(a, "turn-%" PRId64, claim.turn_id),
	                      .address = ""};
	t->claim = claim;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	started = pthread_create(&thread, &attr, work, t) == 0;
	pthread_attr_destroy(&attr);
	if (!started)
		arena_free(a);
	return started;
}

static struct err *claim(struct ctx *ctx, int64_t most, bool doubtful)
{
	struct agent_claim *claims;
	size_t n;

	TRY(agent_lease_take(ctx, worker, most, doubtful, &claims, &n));
	for (size_t i = 0; i < n; i++) {
		LOG(LOG_INFO, ctx->request_id, "going on with a turn", LOG_I64("turn", claims[i].turn_id),
		    LOG_I64("tries", claims[i].tries));
		if (!start(ctx, claims[i]))
			TRY(agent_lease_give(ctx, claims[i].turn_id, claims[i].fence));
	}
	if (n == CLAIM_MOST)
		agent_live_due();
	return NULL;
}

bool agent_lease_serves(void)
{
	return serves && worker && !agent_ending();
}

struct err *agent_lease_claim(struct ctx *ctx)
{
	static int64_t doubtful_us;

	if (!agent_lease_serves())
		return NULL;
	TRY(agent_lease_bury_dead(ctx, steady()));
	TRY(claim(ctx, CLAIM_MOST, false));
	if (clock_mono_us() - doubtful_us < DOUBTFUL_US)
		return NULL;
	doubtful_us = clock_mono_us();
	return claim(ctx, 1, true);
}

void agent_lease_end(struct ctx *ctx)
{
	struct err *e = worker ? db_run(ctx, &agent_lease_leave, DB_ARGS(db_i64(worker)), NULL) : NULL;

	worker = 0;
	if (e)
		log_err(LOG_WARNING, ctx->request_id, "could not end a worker", e);
}
