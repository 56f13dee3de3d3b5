/* What a turn may cost: the limits that are looked at before each call of the model. */
#include "agent/agent_priv.h"
#include "lib/clock.h"
#include "lib/settings.h"

struct err *agent_limits(struct agent_run *r)
{
	const struct settings *s = r->ctx.settings;

	if (ctx_stopped(&r->ctx))
		return err_new(r->ctx.a, ERR_CANCELLED, "the turn was stopped");
	if (r->model_calls >= s->turn_steps)
		return err_hint(err_code(err_new(r->ctx.a, ERR_TOO_LARGE,
		                                 "the answer was not found within %lld steps",
		                                 (long long)s->turn_steps),
		                         "turn_steps"),
		                "Ask for less at once.");
	if (clock_mono_us() >= r->deadline_us)
		return err_hint(err_code(err_new(r->ctx.a, ERR_TIMEOUT,
		                                 "the answer was not found within %lld seconds",
		                                 (long long)s->turn_seconds),
		                         "turn_seconds"),
		                "Ask for less at once.");
	return NULL;
}
