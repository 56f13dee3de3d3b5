/*
 * Whether to try again what failed because something is away for a moment, and the pause before it. A turn outlives the
 * platform's database, so it waits for that for as long as somebody works on it; for a project's database a while; for
 * a person's turn among their own queries as long as the turn may take. Only what may be done twice is tried twice.
 */
#include <time.h>

#include "agent/agent_priv.h"
#include "db/db.h"
#include "lib/clock.h"

enum { SLICE_MS = 50, PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 1000, PROJECT_US = 15000000, TURN_MOST_S = 60 };

static int64_t pause_ms(struct agent_patience *p)
{
	int64_t ms = p->pause_ms ? p->pause_ms : PAUSE_FIRST_MS;

	p->pause_ms = ms * 2 < PAUSE_MOST_MS ? ms * 2 : PAUSE_MOST_MS;
	return ms;
}

/* False when somebody stopped the work meanwhile. */
static bool rest(const struct ctx *ctx, int64_t ms)
{
	int64_t until = clock_mono_us() + ms * 1000;

	while (clock_mono_us() < until) {
		if (ctx_stopped(ctx))
			return false;
		nanosleep(&(struct timespec){0, SLICE_MS * 1000000L}, NULL);
	}
	return !ctx_stopped(ctx);
}

/* Places among one's own queries become free by themselves; who is over the limit of a day waits in vain. */
static bool place_comes(const struct err *e, int64_t left_us)
{
	return e->retry_after <= TURN_MOST_S && (int64_t)e->retry_after * 1000000 < left_us;
}

bool agent_again(const struct ctx *ctx, const struct err *e, int64_t deadline_us, struct agent_patience *p)
{
	int64_t now = clock_mono_us();

	if (!p->since_us)
		p->since_us = now;
	if (db_is_away(e))
		return rest(ctx, pause_ms(p));
	if (e->kind == ERR_UNAVAILABLE && now - p->since_us < PROJECT_US)
		return rest(ctx, pause_ms(p));
	if (e->kind == ERR_RATE_LIMITED && place_comes(e, deadline_us - now))
		return rest(ctx, (int64_t)e->retry_after * 1000);
	return false;
}
