/* The tools: what the model sees of them, and the one way in which a call of it is run. */
#include "agent/agent_priv.h"

#include <pthread.h>
#include <string.h>

#include "agent/tool_priv.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/clock.h"

/* A person's limit on queries at once is four by default: one turn leaves room for another. */
enum { CALLS_AT_ONCE = 8, CALLS_SIDE_BY_SIDE = 3, CALL_STACK = 256 << 10 };

static const struct tool *const tools[] = {
#define TOOL(symbol) &symbol,
#include "agent/tools.def"
#undef TOOL
};

enum {
	TOOLS = 0
#define TOOL(symbol) +1
#include "agent/tools.def"
#undef TOOL
};

const struct llm_tool *agent_tools(struct arena *a, size_t *n)
{
	struct llm_tool *list = ARENA_ARRAY(a, struct llm_tool, TOOLS);

	for (size_t i = 0; i < TOOLS; i++)
		list[i] = (struct llm_tool){tools[i]->name, tools[i]->summary, tools[i]->schema};
	*n = TOOLS;
	return list;
}

static const struct tool *find(const char *name)
{
	for (size_t i = 0; i < TOOLS; i++)
		if (strcmp(tools[i]->name, name) == 0)
			return tools[i];
	return NULL;
}

static struct err *unknown(struct arena *a, const char *name)
{
	const char *names[TOOLS];

	for (size_t i = 0; i < TOOLS; i++)
		names[i] = tools[i]->name;
	return tool_unknown(a, name, names, TOOLS);
}

static struct err *run_once(struct tool_call *c)
{
	struct arena *a = c->ctx.a;
	struct json_object *args;

	if (!c->tool)
		return unknown(a, c->block->name);
	TRY(tool_arguments(a, c->tool->name, c->tool->schema, c->block->input, &args));
	return c->tool->run(&c->env, args, &c->out);
}

/* A tool reads, or changes what it changes once: it may be run again when our own database was away. */
static struct err *run_tool(struct tool_call *c)
{
	struct agent_patience patience = {0};
	struct err *e;

	while ((e = run_once(c)) != NULL && db_is_away(e) &&
	       agent_again(&c->ctx, e, c->env.deadline_us, &patience))
		c->env.queries = c->env.tables = (struct agent_list){0};
	return e;
}

const char *agent_err_text(struct arena *a, const struct err *e)
{
	struct buf b = buf_init(a, BUF_LINE);

	buf_printf(&b, "ERROR: %s\n", e->message);
	if (e->detail)
		buf_printf(&b, "DETAIL: %s\n", e->detail);
	if (e->hint)
		buf_printf(&b, "HINT: %s\n", e->hint);
	if (e->position)
		buf_printf(&b, "POSITION: character %d of the statement\n", e->position);
	return b.full ? e->message : buf_cstr(&b);
}

void agent_emit_call(struct agent_run *r, const struct tool_call *c)
{
	struct buf b = buf_init(c->ctx.a, BUF_PAGE);
	struct json_writer w = {.b = &b};
	struct json_object *args;
	struct err *e = json_read(c->ctx.a, c->block->input, JSON_DEPTH, &args);
	bool sound = !e && json_object_is_type(args, json_type_object);

	json_object_open(&w, NULL);
	json_put_i64(&w, "n", c->env.n);
	json_put_cstr(&w, "id", c->block->id);
	json_put_cstr(&w, "tool", c->block->name);
	json_put_raw(&w, "input", sound ? c->block->input : STR("{}"));
	json_object_close(&w);
	agent_emit(r, "tool_call", buf_str(&b));
}

void agent_emit_result(struct agent_run *r, const struct tool_call *c)
{
	const struct tool_result *t = &c->out;
	struct buf b = buf_init(c->ctx.a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "n", c->env.n);
	json_put_cstr(&w, "id", c->block->id);
	json_put_bool(&w, "ok", t->ok);
	if (t->run_id)
		json_put_i64(&w, "run_id", t->run_id);
	if (t->rows >= 0)
		json_put_i64(&w, "rows", t->rows);
	json_put_bool(&w, "truncated", t->truncated);
	json_put_i64(&w, "ms", c->ms);
	agent_caveats_put(&w, t->caveats, t->ncaveats);
	if (t->artifact)
		json_put_raw(&w, "artifact", str_of(t->artifact));
	if (t->error) {
		json_object_open(&w, "error");
		json_put_err_facts(&w, t->error);
		json_object_close(&w);
	}
	json_object_close(&w);
	agent_emit(r, "tool_result", buf_str(&b));
}

/* The error as the tool's answer; one that is not the model's business ends the turn instead. */
static void answer_error(struct tool_call *c, struct err *e)
{
	if (!err_model_may_see(e->kind)) {
		c->fatal = e;
		return;
	}
	c->out.ok = false;
	c->out.error = e;
	c->out.text = str_of(agent_err_text(c->ctx.a, e));
	c->out.detail = e->message;
}

static void *run_call(void *arg)
{
	struct tool_call *c = arg;
	int64_t began_us = clock_mono_us();
	struct err *e = run_tool(c);

	if (e)
		answer_error(c, e);
	c->ms = (clock_mono_us() - began_us) / 1000;
	return NULL;
}

void agent_call_open(struct agent_run *r, struct tool_call *c)
{
	c->ctx = r->ctx;
	c->ctx.a = arena_create();
	c->out = (struct tool_result){.ok = true, .rows = -1};
	c->env = (struct tool_env){
	        .ctx = &c->ctx,
	        .project = r->project,
	        .role = r->role,
	        .time_zone = r->time_zone,
	        .question = r->question,
	        .conversation_id = r->conversation_id,
	        .turn_id = r->live.turn_id,
	        .fence = r->live.fence,
	        .deadline_us = r->deadline_us,
	        .failures = r->failures,
	        .checked = &r->checked,
	        .asked = &r->queries,
	};
}

static void open_call(struct agent_run *r, struct tool_call *c, const struct llm_block *block)
{
	bool again;

	agent_call_open(r, c);
	c->block = block;
	c->tool = find(block->name);
	c->env.call_id = block->id;
	if (r->answered && strcmp(r->answered->call_id, block->id) == 0)
		c->env.answered = r->answered;
	c->env.n = agent_step_open(r, "tool", c->tool ? c->tool->label : "Calling a tool", &again);
	if (!again)
		agent_emit_call(r, c);
}

/* What came of it: for people, for the record, for the model. */
static struct err *close_call(struct agent_run *r, struct tool_call *c)
{
	struct buf json = buf_init(c->ctx.a, BUF_PAGE);

	if (c->fatal) {
		agent_step_close(r, c->env.n, false, NULL);
		return err_copy(r->ctx.a, c->fatal);
	}
	agent_emit_result(r, c);
	agent_step_close(r, c->env.n, c->out.ok, c->out.detail);
	agent_result_put(&json, r, c);
	agent_keep(r, "result", c->block->id, buf_str(&json));
	return agent_apply(r, "result", buf_cstr(&json));
}

/* Running ------------------------------------------------------------------------------------------------ */

static bool reads(const struct tool_call *c)
{
	return c->tool && c->tool->effect == TOOL_READS;
}

/* How many calls from the first on run side by side: those that only read. */
static size_t together(const struct tool_call *calls, size_t n)
{
	size_t k = 0;

	while (k < n && k < CALLS_SIDE_BY_SIDE && reads(&calls[k]))
		k++;
	return k ? k : 1;
}

/* The last of them runs in this thread. */
static void run_together(struct tool_call *calls, size_t n)
{
	pthread_t threads[CALLS_SIDE_BY_SIDE];
	bool started[CALLS_SIDE_BY_SIDE] = {false};
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, CALL_STACK);
	for (size_t i = 0; i + 1 < n; i++)
		started[i] = pthread_create(&threads[i], &attr, run_call, &calls[i]) == 0;
	for (size_t i = 0; i < n; i++)
		if (!started[i])
			run_call(&calls[i]);
	for (size_t i = 0; i < n; i++)
		if (started[i])
			pthread_join(threads[i], NULL);
	pthread_attr_destroy(&attr);
}

static struct agent_wait *kept_wait(struct agent_run *r, const struct tool_call *c)
{
	struct agent_wait *wait = ARENA_NEW(r->ctx.a, struct agent_wait);

	*wait = (struct agent_wait){
	        .kind = arena_strdup(r->ctx.a, c->out.wait->kind),
	        .call_id = c->block->id,
	        .n = c->env.n,
	        .json = arena_strdup(r->ctx.a, c->out.wait->json),
	        .run_id = c->out.wait->run_id,
	};
	return wait;
}

/* The first error ends the turn; what the others found is kept all the same. */
static struct err *close_calls(struct agent_run *r, struct tool_call *calls, size_t n)
{
	struct err *first = NULL;

	for (size_t i = 0; i < n; i++) {
		struct err *e = NULL;

		if (calls[i].out.wait && calls[i].out.ok && !calls[i].fatal)
			r->wait = kept_wait(r, &calls[i]);
		else
			e = close_call(r, &calls[i]);
		first = first ? first : e;
	}
	return first;
}

static struct err *run_calls(struct agent_run *r, struct tool_call *calls, size_t n)
{
	for (size_t done = 0, k; done < n && !r->wait; done += k) {
		k = together(calls + done, n - done);
		TRY(agent_limits(r, AGENT_LIMIT_SECONDS));
		run_together(calls + done, k);
		TRY(close_calls(r, calls + done, k));
	}
	return NULL;
}

static struct err *too_many(struct agent_run *r, const struct llm_block *block)
{
	struct tool_call c = {.block = block};
	struct err *e;

	agent_call_open(r, &c);
	c.env.n = agent_step_open(r, "tool", "Calling a tool", NULL);
	answer_error(&c, err_new(c.ctx.a, ERR_INVALID, "too many tool calls at once; call the tool again"));
	e = close_call(r, &c);
	arena_free(c.ctx.a);
	return e;
}

/* The next call of the reply, from *i on, that has no result yet. */
static const struct llm_block *next_call(const struct agent_run *r, const struct llm_message *reply, size_t *i)
{
	while (*i < reply->nblocks) {
		const struct llm_block *b = &reply->blocks[(*i)++];

		if (b->kind == LLM_TOOL_USE && !agent_result_of(r, b->id))
			return b;
	}
	return NULL;
}

struct err *agent_calls(struct agent_run *r)
{
	const struct llm_message reply = *r->reply;
	struct tool_call calls[CALLS_AT_ONCE] = {0};
	const struct llm_block *block;
	struct err *e;
	size_t n = 0, i = 0;

	r->wait = NULL;
	while (n < CALLS_AT_ONCE && (block = next_call(r, &reply, &i)) != NULL)
		open_call(r, &calls[n++], block);
	/* What a tool changes is known by its call, so that is a row before. */
	e = agent_flush(r);
	if (!e)
		e = run_calls(r, calls, n);
	for (size_t k = 0; k < n; k++)
		arena_free(calls[k].ctx.a);
	while (!e && !r->wait && (block = next_call(r, &reply, &i)) != NULL)
		e = too_many(r, block);
	return e;
}
