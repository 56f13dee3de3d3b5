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

enum { CALLS_AT_ONCE = 8 };

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

static struct ctx scene_ctx(struct agent_run *r)
{
	struct ctx ctx = r->ctx;

	ctx.a = r->scene_arena;
	return ctx;
}

static void forget_scene(struct agent_run *r)
{
	arena_free(r->scene_arena);
	r->scene_arena = NULL;
	r->scene = NULL;
}

static enum step step_open(struct work *w)
{
	struct agent_run *r = w->r;
	struct ctx ctx;
	struct err *e;

	r->scene_arena = arena_create();
	ctx = scene_ctx(r);
	e = agent_scene_load(&ctx, r->project, r->role, &r->scene);
	return e ? end_with(r, err_copy(r->ctx.a, e)) : STEP_intent;
}

static enum step step_intent(struct work *w)
{
	struct agent_run *r = w->r;

	w->intent = agent_intent_of(r->scene_arena, r->scene->catalog, str_of(r->question));
	if (w->intent.kind != AGENT_INTENT_NONE)
		return STEP_catalog;
	STEP_TRY(r, agent_models(&r->ctx, r->project->id, &r->models));
	return r->models.n ? STEP_prompt : STEP_no_model;
}

static enum step step_catalog(struct work *w)
{
	struct agent_run *r = w->r;
	struct ctx ctx = scene_ctx(r);
	struct buf answer = buf_init(r->scene_arena, AGENT_TEXT_BYTES);
	struct err *e, *closing;
	int64_t n;

	r->from_catalog = true;
	STEP_TRY(r, agent_step_open(r, "catalog", "Looking in the data dictionary", &n));
	e = err_copy(r->ctx.a, agent_catalog_answer(r, &ctx, &w->intent, &answer));
	closing = agent_step_close(r, n, !e, NULL);
	STEP_TRY(r, e ? e : closing);
	agent_text_add(r, buf_str(&answer));
	return end_with(r, agent_message(r));
}

static enum step step_no_model(struct work *w)
{
	struct agent_run *r = w->r;
	struct buf answer = buf_init(r->scene_arena, AGENT_TEXT_BYTES);

	agent_no_model_answer(r, &answer);
	agent_text_add(r, buf_str(&answer));
	return end_with(r, agent_message(r));
}

static enum step step_prompt(struct work *w)
{
	struct agent_run *r = w->r;

	r->system = arena_strdup(r->ctx.a, agent_prompt(r->scene_arena, r->project, r->scene->catalog));
	forget_scene(r);
	STEP_TRY(r, agent_history(r));
	return STEP_model;
}

static void on_text(void *arg, struct str delta)
{
	agent_delta(arg, delta);
}

static bool id_is_used(const struct agent_run *r, const char *id)
{
	const struct llm_message *m = r->messages.p;

	for (size_t i = 0; i < r->messages.n; i++)
		for (size_t j = 0; j < m[i].nblocks; j++)
			if (m[i].blocks[j].kind == LLM_TOOL_USE && m[i].blocks[j].id &&
			    strcmp(m[i].blocks[j].id, id) == 0)
				return true;
	return false;
}

/* The provider takes each id once and only of these characters; a model that breaks that gets ids of ours. */
static const char *call_id(struct agent_run *r, const char *id, size_t i)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (*id && strspn(id, fine) == strlen(id) && strlen(id) <= 100 && !id_is_used(r, id))
		return arena_strdup(r->ctx.a, id);
	return arena_printf(r->ctx.a, "call_%lld_%zu", (long long)r->model_calls, i);
}

/* The reply becomes a message of the conversation, in the turn's arena. */
static void keep_reply(struct agent_run *r, const struct llm_reply *reply)
{
	struct llm_message *m = AGENT_ADD(r, messages, struct llm_message);

	m->role = LLM_ASSISTANT;
	m->blocks = ARENA_ARRAY(r->ctx.a, struct llm_block, reply->nblocks);
	for (size_t i = 0; i < reply->nblocks; i++) {
		const struct llm_block *from = &reply->blocks[i];
		struct llm_block *b = &m->blocks[m->nblocks];

		if (from->kind == LLM_THINKING)
			continue;
		*b = (struct llm_block){.kind = from->kind, .text = str_of(str_dup(r->ctx.a, from->text))};
		if (from->kind == LLM_TOOL_USE) {
			b->id = call_id(r, from->id, i);
			b->name = arena_strdup(r->ctx.a, from->name);
			b->input = str_of(str_dup(r->ctx.a, from->input));
		}
		m->nblocks++;
	}
	r->usage.input_tokens += reply->usage.input_tokens;
	r->usage.output_tokens += reply->usage.output_tokens;
	r->usage.cached_tokens += reply->usage.cached_tokens;
	r->cost += agent_cost(&r->models.at[reply->fell_back].price, &reply->usage);
	r->model = arena_strdup(r->ctx.a, reply->model);
	r->reply = m;
	r->reply_stop = reply->stop;
}

static struct err *call_model(struct agent_run *r)
{
	struct llm_request req = {
	        .provider = r->models.at[0].provider,
	        .fallback = r->models.n > 1 ? &r->models.at[1].provider : NULL,
	        .system = r->system,
	        .messages = r->messages.p,
	        .nmessages = r->messages.n,
	        .max_tokens = agent_max_tokens(r),
	        .timeout_ms = (r->deadline_us - clock_mono_us()) / 1000,
	};
	struct ctx ctx = r->ctx;
	struct llm_reply *reply;
	struct err *e;

	ctx.a = arena_create();
	req.tools = agent_tools(ctx.a, &req.ntools);
	e = llm_complete(&ctx, &req, &(struct llm_sink){.text = on_text, .arg = r}, &reply);
	if (!e)
		keep_reply(r, reply);
	e = err_copy(r->ctx.a, e);
	arena_free(ctx.a);
	return e;
}

static bool has_calls(const struct llm_message *m)
{
	for (size_t i = 0; i < m->nblocks; i++)
		if (m->blocks[i].kind == LLM_TOOL_USE)
			return true;
	return false;
}

static enum step step_model(struct work *w)
{
	struct agent_run *r = w->r;
	struct err *e, *limit, *closing;
	int64_t n;

	STEP_TRY(r, agent_limits(r, AGENT_LIMIT_ALL));
	r->model_calls++;
	STEP_TRY(r, agent_step_open(r, "model", "Thinking", &n));
	e = call_model(r);
	/* It was given the time that was left. */
	limit = e && e->kind == ERR_TIMEOUT ? agent_limits(r, AGENT_LIMIT_SECONDS) : NULL;
	e = limit ? limit : e;
	/* What a failed call said so far stays the answer of the turn. */
	if (!e)
		e = agent_message(r);
	closing = agent_step_close(r, n, !e, NULL);
	STEP_TRY(r, e ? e : closing);
	return has_calls(r->reply) ? STEP_tools : STEP_answer;
}

static struct err *call_one(struct agent_run *r, const struct llm_block *call, size_t done,
                            struct llm_block *result)
{
	if (done < CALLS_AT_ONCE)
		return agent_call(r, call, result);
	*result = (struct llm_block){.kind = LLM_TOOL_RESULT,
	                             .id = call->id,
	                             .is_error = true,
	                             .text = STR("ERROR: too many tool calls at once; call the tool again")};
	return NULL;
}

static struct err *too_many_failures(struct agent_run *r, const struct llm_block *last)
{
	struct str text = str_trim(last->text), line = str_chop(&text, '\n');

	if (str_starts(line, STR("ERROR: ")))
		line = (struct str){line.p + 7, line.n - 7};
	return err_hint(err_code(err_new(r->ctx.a, ERR_QUERY,
	                                 "could not find a query that works, after %d tries in a row: %.*s",
	                                 AGENT_FAILURES, STR_ARG(line)),
	                         "too_many_failures"),
	                "Ask the question in other words, or name the tables to use.");
}

static enum step step_tools(struct work *w)
{
	struct agent_run *r = w->r;
	const struct llm_message *reply = r->reply;
	struct llm_block *results = ARENA_ARRAY(r->ctx.a, struct llm_block, reply->nblocks);
	size_t n = 0;

	STEP_TRY(r, agent_turn_permitted(&r->ctx, r->project));
	for (size_t i = 0; i < reply->nblocks; i++) {
		if (reply->blocks[i].kind != LLM_TOOL_USE)
			continue;
		STEP_TRY(r, agent_limits(r, AGENT_LIMIT_SECONDS));
		STEP_TRY(r, call_one(r, &reply->blocks[i], n, &results[n]));
		r->failures = results[n].is_error ? r->failures + 1 : 0;
		n++;
	}
	if (r->failures >= AGENT_FAILURES)
		return end_with(r, too_many_failures(r, &results[n - 1]));
	*AGENT_ADD(r, messages, struct llm_message) = (struct llm_message){LLM_USER, results, n};
	return r->doubt ? STEP_check : STEP_model;
}

/* The model was told with the result; people see why it looks again. */
static enum step step_check(struct work *w)
{
	struct agent_run *r = w->r;
	const char *doubt = r->doubt;
	int64_t n;

	r->doubt = NULL;
	STEP_TRY(r, agent_step_open(r, "check", "Checking the result", &n));
	STEP_TRY(r, agent_step_close(r, n, true, doubt));
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

void agent_work(struct agent_run *r)
{
	struct work w = {.r = r};
	enum step step = 0;

	while (step != STEP_END && !r->error) {
		if (ctx_stopped(&r->ctx)) {
			end_with(r, err_new(r->ctx.a, ERR_CANCELLED, "the turn was stopped"));
			break;
		}
		step = steps[step](&w);
	}
	forget_scene(r);
	if (r->error && r->error->kind != ERR_CANCELLED)
		log_err(LOG_WARNING, r->ctx.request_id, "turn failed", r->error);
}
