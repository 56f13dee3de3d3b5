/*
 * Rate limits by a sliding window over two fixed ones. Counting is one statement that adds only where there
 * is room, so that simultaneous requests cannot pass the limit together; a refusal costs a second one, which
 * tells how long.
 */
#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "audit/audit_priv.h"
#include "db/db.h"
#include "lib/clock.h"
#include "lib/log.h"

/* The window of $2 seconds that it is now, the seconds left of it, its count and that of the one before. */
#define COUNTS \
	"WITH w AS (SELECT start, extract(epoch FROM start + len - now()) AS left_s," \
	" start - len AS start_before" \
	" FROM (SELECT to_timestamp(floor(extract(epoch FROM now()) / $2) * $2) AS start," \
	" make_interval(secs => $2) AS len) x)," \
	" c AS (SELECT start, left_s," \
	" coalesce((SELECT count FROM rate_limits WHERE bucket = $1 AND window_start = start), 0) AS count," \
	" coalesce((SELECT count FROM rate_limits WHERE bucket = $1 AND window_start = start_before), 0)" \
	" AS before" \
	" FROM w) "

DB_STMT(rate_add,
        COUNTS "INSERT INTO rate_limits (bucket, window_start, count)"
               " SELECT $1, start, 1 FROM c WHERE before * left_s / $2 + 1 <= $3"
               " ON CONFLICT (bucket, window_start, part) DO UPDATE SET count = rate_limits.count + 1"
               " WHERE rate_limits.count + 1 + (SELECT before * left_s / $2 FROM c) <= $3",
        DB_TEXT, DB_I64, DB_I64);
DB_STMT(rate_counts, COUNTS "SELECT count, before, left_s::float8 FROM c", DB_TEXT, DB_I64);
DB_STMT(rate_undo,
        "UPDATE rate_limits SET count = count - 1 WHERE bucket = $1 AND count > 0 AND window_start ="
        " (SELECT max(window_start) FROM rate_limits WHERE bucket = $1 AND count > 0)",
        DB_TEXT);
DB_STMT0(rate_sweep, "DELETE FROM rate_limits WHERE window_start < now() - interval '2 days'");
DB_STMT0(places_sweep, "DELETE FROM query_places WHERE until < now()");

static const struct db_row counts_row =
        DB_ROW(struct audit_counts, DB_COL_I64(struct audit_counts, now),
               DB_COL_I64(struct audit_counts, before), DB_COL_F64(struct audit_counts, left_s));

double audit_wait_seconds(const struct audit_counts *c, double limit, double window)
{
	double fits = limit - 1 - (double)c->now;

	/* The window before loses weight until `fits` is left of it; or this one does, once it is over. */
	if (fits >= 0)
		return c->before == 0 ? 0 : c->left_s - fits / (double)c->before * window;
	return c->left_s + window - (limit - 1) / (double)c->now * window;
}

static struct err *refused(struct ctx *ctx, double seconds)
{
	struct err *e = err_new(ctx->a, ERR_RATE_LIMITED, "too many attempts");

	e->retry_after = seconds < 1 ? 1 : (int)ceil(seconds);
	return err_hint(e, "try again in %d seconds", e->retry_after);
}

static struct err *look(struct ctx *ctx, const char *bucket, int64_t limit, int64_t window, double *wait)
{
	struct audit_counts c;

	TRY(db_one(ctx, &rate_counts, DB_ARGS(db_text(bucket), db_i64(window)), &counts_row, "counter", &c));
	*wait = audit_wait_seconds(&c, (double)limit, (double)window);
	return NULL;
}

/* True about once an hour in a process. */
static bool sweep_is_due(void)
{
	static atomic_llong next;
	long long now = clock_mono_us(), due = atomic_load(&next);

	return now >= due && atomic_compare_exchange_strong(&next, &due, now + 3600LL * 1000000);
}

struct err *audit_rate_sweep(struct ctx *ctx)
{
	TRY(db_run(ctx, &rate_sweep, DB_NO_ARGS, NULL));
	return db_run(ctx, &places_sweep, DB_NO_ARGS, NULL);
}

void audit_sweep_sometimes(struct ctx *ctx)
{
	struct err *e = sweep_is_due() ? audit_rate_sweep(ctx) : NULL;

	if (e)
		log_err(LOG_WARNING, ctx->request_id, "removing old rate limit counters and places", e);
}

struct err *audit_rate(struct ctx *ctx, const char *bucket, int64_t limit, int64_t window_seconds)
{
	int64_t counted;
	double wait;

	assert(limit > 0 && window_seconds > 0 && window_seconds <= AUDIT_WINDOW_MOST);
	audit_sweep_sometimes(ctx);
	TRY(db_run(ctx, &rate_add, DB_ARGS(db_text(bucket), db_i64(window_seconds), db_i64(limit)),
	           &counted));
	if (counted)
		return NULL;
	TRY(look(ctx, bucket, limit, window_seconds, &wait));
	return refused(ctx, wait);
}

struct err *audit_rate_undo(struct ctx *ctx, const char *bucket)
{
	return db_run(ctx, &rate_undo, DB_ARGS(db_text(bucket)), NULL);
}
