/*
 * What a turn may take: model calls, time, tokens and cost, as its project says or else the instance. Looked at
 * before each call of the model; a call that has begun counts in full, and its reply is cut to what was left.
 */
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/settings.h"

enum { STEPS, SECONDS, TOKENS, COST, MEASURES };
enum { CLOSE_US = 20000 }; /* a call that was given the time left ends so close to it */

static const struct measure {
	unsigned bit;
	enum err_kind kind;
	const char *code;
	const char *name;
	const char *one; /* unit */
} measures[MEASURES] = {
        [STEPS] = {AGENT_LIMIT_STEPS, ERR_TOO_LARGE, "turn_steps", "steps", "step"},
        [SECONDS] = {AGENT_LIMIT_SECONDS, ERR_TIMEOUT, "turn_seconds", "time", "second"},
        [TOKENS] = {AGENT_LIMIT_TOKENS, ERR_TOO_LARGE, "turn_tokens", "tokens", "token"},
        [COST] = {AGENT_LIMIT_COST, ERR_TOO_LARGE, "turn_cost", "cost", NULL},
};

int64_t agent_turn_seconds(const struct settings *settings, const struct project *project)
{
	return project->turn_seconds ? project->turn_seconds : settings->turn_seconds;
}

/* 0: none. */
static int64_t limit_of(const struct agent_run *r, int measure)
{
	switch (measure) {
	case STEPS: return r->project->turn_steps ? r->project->turn_steps : r->ctx.settings->turn_steps;
	case SECONDS: return agent_turn_seconds(r->ctx.settings, r->project);
	case TOKENS: return r->project->turn_tokens;
	default: return r->project->turn_cost;
	}
}

/* In the limit's own unit. */
static int64_t used_of(const struct agent_run *r, int measure)
{
	switch (measure) {
	case STEPS: return r->model_calls;
	case SECONDS: return (clock_mono_us() - r->started_us + CLOSE_US) / 1000000;
	case TOKENS: return r->usage.input_tokens + r->usage.output_tokens;
	default: return r->cost;
	}
}

static int64_t left_of(const struct agent_run *r, int measure)
{
	int64_t limit = limit_of(r, measure);

	return limit ? limit - used_of(r, measure) : INT64_MAX;
}

static const char *words(struct arena *a, const struct agent_run *r, int measure)
{
	int64_t limit = limit_of(r, measure);

	if (measure == COST)
		return project_money(a, limit, r->project->currency);
	return arena_printf(a, "%lld %s%s", (long long)limit, measures[measure].one, limit == 1 ? "" : "s");
}

static bool found_something(const struct agent_run *r)
{
	const struct agent_asked *queries = r->queries.p;

	for (size_t i = 0; i < r->queries.n; i++)
		if (queries[i].ok)
			return true;
	return false;
}

static struct err *reached(struct agent_run *r, int measure)
{
	const struct measure *m = &measures[measure];
	struct err *e = err_new(r->ctx.a, m->kind, "the answer was stopped at the limit of %s",
	                        words(r->ctx.a, r, measure));

	if (found_something(r))
		err_detail(e, "What was found until then is shown");
	return err_hint(err_code(e, m->code),
	                "Ask for less at once, or ask an admin of the project to raise the %s that an answer may take.",
	                m->name);
}

struct err *agent_limits(struct agent_run *r, unsigned which)
{
	if (ctx_stopped(&r->ctx))
		return err_new(r->ctx.a, ERR_CANCELLED, "the turn was stopped");
	for (int i = 0; i < MEASURES; i++)
		if ((which & measures[i].bit) && left_of(r, i) <= 0)
			return reached(r, i);
	return NULL;
}

/* Near a limit -------------------------------------------------------------------------------------------- */

/* Whether another call like those before it, and one to answer after that, would go beyond; the call that is made now
 * counts as a step already. */
static bool is_near(const struct agent_run *r, int measure)
{
	int64_t calls = r->model_calls - 1;

	if (calls < 1 || !limit_of(r, measure))
		return false;
	if (measure == STEPS)
		return left_of(r, STEPS) <= 0;
	return left_of(r, measure) < 2 * used_of(r, measure) / calls;
}

const char *agent_near_limit(struct arena *a, const struct agent_run *r)
{
	for (int i = 0; i < MEASURES; i++)
		if (is_near(r, i))
			return arena_printf(a, "asked to finish near the limit of %s", words(a, r, i));
	return NULL;
}

const struct llm_message *agent_hurried(struct arena *a, const struct agent_run *r,
                                        const struct llm_message *messages, size_t n)
{
	static const struct llm_block finish = {
	        .kind = LLM_TEXT,
	        .text = STR("A limit of this turn is near: you are not asked again. Call no more tools. Answer now from"
	                    " the results above, and say what is missing.")};
	struct llm_message *copy = ARENA_ARRAY(a, struct llm_message, n), *last = &copy[n - 1];
	struct llm_block *blocks = ARENA_ARRAY(a, struct llm_block, messages[n - 1].nblocks + 1);

	if (!agent_near_limit(a, r))
		return messages;
	memcpy(copy, messages, n * sizeof(*copy));
	memcpy(blocks, last->blocks, last->nblocks * sizeof(*blocks));
	blocks[last->nblocks] = finish;
	*last = (struct llm_message){last->role, blocks, last->nblocks + 1};
	return copy;
}

/* The next reply ------------------------------------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The dearest model that may come to answer counts. */
static int64_t tokens_for(const struct agent_run *r, int64_t cost)
{
	int64_t price = 0;

	for (size_t i = 0; i < r->models.n; i++)
		if (r->models.at[i].price.out > price)
			price = r->models.at[i].price.out;
	if (!price || cost > INT64_MAX / AGENT_PRICED_TOKENS)
		return INT64_MAX;
	return cost * AGENT_PRICED_TOKENS / price;
}

int64_t agent_max_tokens(const struct agent_run *r)
{
	int64_t most = least(r->ctx.settings->llm_max_tokens, left_of(r, TOKENS));

	most = least(most, tokens_for(r, left_of(r, COST)));
	return most > 1 ? most : 1;
}
