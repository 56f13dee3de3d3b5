/*
 * The work on a turn, step by step (steps.def). A step does its part and names the next; an error is put
 * down in the run and ends it. While the model writes, the turn holds nothing but its text and the
 * messages.
 */
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/settings.h"

enum step {
#define STEP(name) STEP_##name,
#include "agent/steps.def"
#undef STEP
	STEP_END,
};

struct work {
	struct agent_run *r;
	struct agent_intent intent;
};

static enum step end_with(struct agent_run *r, struct err *e)
{
	r->error = e;
	return STEP_END;
}

#define STEP_TRY(r, call) \
	do { \
		struct err *step_err_ = (call); \
		if (step_err_) \
			return end_with((r), step_err_); \
	} while (0)

static void forget_scene(struct agent_run *r)
{
	arena_free(r->scene_arena);
	r->scene_arena = NULL;
	r->scene = NULL;
}

static struct err *surely(struct agent_run *r, struct err *(*read)(struct agent_run *r))
{
	struct agent_patience patience = {0};
	struct err *e;

	while ((e = read(r)) != NULL && agent_again(&r->ctx, e, r->deadline_us, &patience))
		;
	return e;
}

static struct err *load_scene(struct agent_run *r)
{
	struct ctx ctx = r->ctx;

	forget_scene(r);
	r->scene_arena = ctx.a = arena_create();
	return err_copy(r->ctx.a, agent_scene_load(&ctx, r->project, r->role, &r->scene));
}

static struct err *load_models(struct agent_run *r)
{
	return agent_models(&r->ctx, r->project->id, &r->models);
}

static bool has_calls(const struct llm_message *m)
{
	for (size_t i = 0; i < m->nblocks; i++)
		if (m->blocks[i].kind == LLM_TOOL_USE)
			return true;
	return false;
}

static enum step step_open(struct work *w)
{
	STEP_TRY(w->r, surely(w->r, load_scene));
	return STEP_intent;
}

static enum step step_intent(struct work *w)
{
	struct agent_run *r = w->r;

	w->intent = agent_intent_of(r->scene_arena, r->scene->catalog, str_of(r->question));
	if (w->intent.kind != AGENT_INTENT_NONE)
		return STEP_catalog;
	STEP_TRY(r, surely(r, load_models));
	return r->models.n ? STEP_prompt : STEP_no_model;
}

static enum step step_catalog(struct work *w)
{
	struct agent_run *r = w->r;
	struct buf answer = buf_init(r->scene_arena, AGENT_TEXT_BYTES);
	struct tool_call call = {0};
	struct err *e;

	r->from_catalog = true;
	agent_call_open(r, &call);
	call.env.n = agent_step_open(r, "catalog", "Looking in the data dictionary", NULL);
	e = err_copy(r->ctx.a, agent_catalog_answer(r, &call, &w->intent, &answer));
	agent_step_close(r, call.env.n, !e, NULL);
	arena_free(call.ctx.a);
	STEP_TRY(r, e);
	agent_text_add(r, buf_str(&answer));
	agent_message(r);
	return STEP_END;
}

static enum step step_no_model(struct work *w)
{
	struct agent_run *r = w->r;
	struct buf answer = buf_init(r->scene_arena, AGENT_TEXT_BYTES);

	agent_no_model_answer(r, &answer);
	agent_text_add(r, buf_str(&answer));
	agent_message(r);
	return STEP_END;
}

static enum step step_prompt(struct work *w)
{
	struct agent_run *r = w->r;

	STEP_TRY(r, surely(r, agent_prompt_make));
	forget_scene(r);
	STEP_TRY(r, surely(r, agent_history));
	return STEP_resume;
}

static bool checked_last(const struct agent_run *r)
{
	const struct agent_step *s = r->steps.p;

	return r->steps.n && strcmp(s[r->steps.n - 1].name, "check") == 0 && strcmp(s[r->steps.n - 1].state, "done") == 0;
}

/* Behind what was done before: the first worker of a turn finds nothing. */
static enum step step_resume(struct work *w)
{
	struct agent_run *r = w->r;

	if (r->live.fence > 1)
		STEP_TRY(r, surely(r, agent_resume));
	if (!r->reply)
		return r->doubt && !checked_last(r) ? STEP_check : STEP_model;
	return has_calls(r->reply) ? STEP_tools : STEP_answer;
}

static void on_text(void *arg, struct str delta)
{
	agent_delta(arg, delta);
}

/* The request has left: while the model thinks, what was done before it becomes rows. */
static struct err *on_sent(void *arg)
{
	return agent_flush(arg);
}

static void on_thinking(void *arg, struct str delta)
{
	agent_thinking(arg, delta);
}

/* The reply as it is kept, and as the turn goes on with it. */
static struct err *keep_reply(struct agent_run *r, struct arena *a, const struct llm_reply *reply)
{
	struct buf json = buf_init(a, BUF_PAGE);

	agent_reply_put(&json, r, reply);
	agent_keep(r, "reply", NULL, buf_str(&json));
	return agent_apply(r, "reply", buf_cstr(&json));
}

static void on_again(void *arg)
{
	struct agent_run *r = arg;

	agent_step_anew(r, (int64_t)r->steps.n);
}

static struct err *call_model(struct agent_run *r)
{
	struct llm_request req = {
	        .provider = r->models.at[0].provider,
	        .fallback = r->models.n > 1 ? &r->models.at[1].provider : NULL,
	        .system = r->system,
	        .nmessages = r->messages.n,
	        .max_tokens = agent_max_tokens(r),
	        .thinking_tokens = r->ctx.settings->llm_thinking,
	        .timeout_ms = (r->deadline_us - clock_mono_us()) / 1000,
	};
	const struct llm_sink sink = {.text = on_text, .arg = r, .thinking = on_thinking, .again = on_again, .sent = on_sent};
	struct ctx ctx = r->ctx;
	struct llm_reply *reply;
	struct err *e;

	ctx.a = arena_create();
	req.messages = agent_hurried(ctx.a, r, agent_fitting(ctx.a, r), req.nmessages);
	req.tools = agent_tools(ctx.a, &req.ntools);
	e = llm_complete(&ctx, &req, &sink, &reply);
	e = e ? err_copy(r->ctx.a, e) : keep_reply(r, ctx.a, reply);
	arena_free(ctx.a);
	return e;
}

static enum step step_model(struct work *w)
{
	struct agent_run *r = w->r;
	struct err *e, *limit;
	const char *near;
	int64_t n;

	STEP_TRY(r, agent_limits(r, AGENT_LIMIT_ALL));
	r->model_calls++;
	near = agent_near_limit(r->ctx.a, r);
	n = agent_step_open(r, "model", "Thinking", NULL);
	e = call_model(r);
	if (e && atomic_load(&r->live.give))
		return end_with(r, e);
	/* It was given the time that was left. */
	limit = e && e->kind == ERR_TIMEOUT ? agent_limits(r, AGENT_LIMIT_SECONDS) : NULL;
	e = limit ? limit : e;
	/* What a failed call said so far stays the answer of the turn. */
	agent_message(r);
	agent_step_close(r, n, !e, e ? NULL : r->instead_of ? agent_answered_by(r) : near);
	STEP_TRY(r, e);
	return has_calls(r->reply) ? STEP_tools : STEP_answer;
}

/* Why the last query did not work, in words; else what the last tool said. */
static struct str last_reason(const struct agent_run *r, const struct llm_block *last)
{
	const struct agent_asked *asked = r->queries.p;
	struct str text = str_trim(last->text), line = str_chop(&text, '\n');

	if (r->queries.n && !asked[r->queries.n - 1].ok && asked[r->queries.n - 1].error)
		return str_of(asked[r->queries.n - 1].error);
	return str_starts(line, STR("ERROR: ")) ? (struct str){line.p + 7, line.n - 7} : line;
}

static struct err *too_many_failures(struct agent_run *r, const struct llm_block *last)
{
	struct str line = last_reason(r, last);

	return err_hint(err_code(err_new(r->ctx.a, ERR_QUERY,
	                                 "could not find a query that works, after %d tries in a row: %.*s",
	                                 AGENT_FAILURES, STR_ARG(line)),
	                         "too_many_failures"),
	                "Ask the question in other words, or name the tables to use.");
}

static struct err *permitted(struct agent_run *r)
{
	return agent_turn_permitted(&r->ctx, r->project);
}

static enum step step_tools(struct work *w)
{
	struct agent_run *r = w->r;
	const struct llm_message *last;

	STEP_TRY(r, surely(r, permitted));
	STEP_TRY(r, agent_calls(r));
	if (r->wait) {
		r->outcome = AGENT_WAITS;
		return STEP_END;
	}
	last = (const struct llm_message *)r->messages.p + r->messages.n - 1;
	if (r->failures >= AGENT_FAILURES)
		return end_with(r, too_many_failures(r, &last->blocks[last->nblocks - 1]));
	return r->doubt ? STEP_check : STEP_model;
}

/* The model was told with the result; people see why it looks again. */
static enum step step_check(struct work *w)
{
	struct agent_run *r = w->r;
	const char *doubt = r->doubt;

	r->doubt = NULL;
	agent_step_close(r, agent_step_open(r, "check", "Checking the result", NULL), true, doubt);
	return STEP_model;
}

static enum step step_answer(struct work *w)
{
	struct agent_run *r = w->r;

	if (r->reply_stop == LLM_STOP_REFUSAL)
		return end_with(r, err_hint(err_new(r->ctx.a, ERR_PROVIDER,
		                                    "the model declined to answer this question"),
		                            "Ask it in other words."));
	if (r->reply->nblocks == 0)
		return end_with(r, err_hint(err_new(r->ctx.a, ERR_PROVIDER, "the model gave no answer"),
		                            "Ask the question again."));
	if (r->reply_stop == LLM_STOP_LENGTH)
		STEP_TRY(r, agent_limits(r, AGENT_LIMIT_SPENT));
	if (r->reply_stop == LLM_STOP_LENGTH)
		r->answer = arena_printf(
		        r->ctx.a, "%s\n\n*The answer was cut here: it reached the limit of %lld tokens.*",
		        r->answer, (long long)r->ctx.settings->llm_max_tokens);
	return STEP_END;
}

static enum step (*const steps[])(struct work *w) = {
#define STEP(name) [STEP_##name] = step_##name,
#include "agent/steps.def"
#undef STEP
};

/* Between two steps: a turn that is stopped ends, one that is to be given away leaves the next step to another worker. */
static enum step stopped(struct agent_run *r, enum step next)
{
	if (!ctx_stopped(&r->ctx) || atomic_load(&r->live.give))
		return next;
	return end_with(r, err_new(r->ctx.a, ERR_CANCELLED, "the turn was stopped"));
}

void agent_work(struct agent_run *r)
{
	struct work w = {.r = r};
	enum step step = stopped(r, 0);

	while (step != STEP_END && !r->error && !atomic_load(&r->live.give))
		step = stopped(r, steps[step](&w));
	forget_scene(r);
	if (r->lost || (atomic_load(&r->live.give) && (step != STEP_END || r->error)))
		r->outcome = AGENT_GIVEN;
	if (r->outcome == AGENT_OVER && r->error && r->error->kind != ERR_CANCELLED)
		log_err(LOG_WARNING, r->ctx.request_id, "turn failed", r->error);
}
