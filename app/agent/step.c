/*
 * What a turn has done, so that it need not be done again: each reply of the model and each result of a tool as JSON. The
 * worker that did it applies the same JSON to its run as one that reads it later: there is one way from what happened
 * to what the turn knows.
 */
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

DB_STMT(agent_step_read, "SELECT kind, body FROM turn_steps WHERE turn_id = $1 ORDER BY n", DB_I64);
DB_STMT(agent_step_events,
        "SELECT coalesce(jsonb_agg(body ORDER BY seq), '[]') FROM turn_events WHERE turn_id = $1 AND kind = 'step'",
        DB_I64);

static int64_t spent_ms(const struct agent_run *r)
{
	return (clock_mono_us() - r->started_us) / 1000;
}

/* The model's replies ------------------------------------------------------------------------------------ */

static const char *const block_types[] = {
        [LLM_TEXT] = "text", [LLM_TOOL_USE] = "tool", [LLM_TOOL_RESULT] = "", [LLM_THINKING] = "thinking"};
enum { BLOCK_TYPES = sizeof(block_types) / sizeof(*block_types) };

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

static bool id_is_repeated(const struct llm_reply *reply, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (reply->blocks[j].kind == LLM_TOOL_USE && strcmp(reply->blocks[j].id, reply->blocks[i].id) == 0)
			return true;
	return false;
}

/* The provider takes each id once and only of these characters; a model that breaks that gets ids of ours. */
static const char *call_id(struct arena *a, const struct agent_run *r, const struct llm_reply *reply, size_t i)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	const char *id = reply->blocks[i].id;

	if (*id && strspn(id, fine) == strlen(id) && strlen(id) <= 100 && !id_is_used(r, id) &&
	    !id_is_repeated(reply, i))
		return id;
	return arena_printf(a, "call_%lld_%zu", (long long)r->model_calls, i);
}

static void put_block(struct json_writer *w, const struct agent_run *r, const struct llm_reply *reply, size_t i)
{
	const struct llm_block *b = &reply->blocks[i];

	json_object_open(w, NULL);
	json_put_cstr(w, "type", block_types[b->kind]);
	json_put_str(w, "text", b->text);
	if (b->kind == LLM_TOOL_USE) {
		json_put_cstr(w, "id", call_id(w->b->a, r, reply, i));
		json_put_cstr(w, "name", b->name);
		json_put_str(w, "input", b->input);
	}
	if (b->kind == LLM_THINKING) {
		json_put_str(w, "signature", b->signature);
		json_put_bool(w, "redacted", b->is_redacted);
	}
	json_object_close(w);
}

void agent_reply_put(struct buf *b, const struct agent_run *r, const struct llm_reply *reply)
{
	struct json_writer w = {.b = b};

	json_object_open(&w, NULL);
	json_array_open(&w, "blocks");
	for (size_t i = 0; i < reply->nblocks; i++)
		put_block(&w, r, reply, i);
	json_array_close(&w);
	json_put_i64(&w, "stop", reply->stop);
	json_put_cstr(&w, "model", reply->model);
	json_put_cstr(&w, "instead_of", reply->fell_back ? r->models.at[0].provider.model : NULL);
	json_put_i64(&w, "cost", agent_cost(&r->models.at[reply->fell_back].price, &reply->usage));
	json_put_i64(&w, "ms", spent_ms(r));
	json_object_open(&w, "usage");
	json_put_i64(&w, "input", reply->usage.input_tokens);
	json_put_i64(&w, "output", reply->usage.output_tokens);
	json_put_i64(&w, "cached", reply->usage.cached_tokens);
	json_object_close(&w);
	json_object_close(&w);
}

static const char *word(struct json_object *o, const char *key)
{
	const char *text = json_get_str(o, key);

	return text ? text : "";
}

static void read_block(struct json_object *o, struct llm_block *b)
{
	const char *type = word(o, "type");

	*b = (struct llm_block){.kind = LLM_TEXT, .text = str_of(word(o, "text"))};
	for (size_t i = 0; i < BLOCK_TYPES; i++)
		if (strcmp(block_types[i], type) == 0)
			b->kind = (enum llm_block_kind)i;
	if (b->kind == LLM_TOOL_USE) {
		b->id = word(o, "id");
		b->name = word(o, "name");
		b->input = str_of(word(o, "input"));
	}
	if (b->kind == LLM_THINKING) {
		b->signature = str_of(word(o, "signature"));
		b->is_redacted = json_get_bool(o, "redacted", false);
	}
}

/* What the reply says, or what was said before it. */
static const char *text_of(struct agent_run *r, const struct llm_message *m)
{
	struct buf b = buf_init(r->ctx.a, AGENT_TEXT_BYTES);
	struct str text;

	for (size_t i = 0; i < m->nblocks; i++)
		if (m->blocks[i].kind == LLM_TEXT)
			buf_add_str(&b, m->blocks[i].text);
	text = str_trim(buf_str(&b));
	return text.n ? str_dup(r->ctx.a, text) : r->answer;
}

static void apply_reply(struct agent_run *r, struct json_object *o)
{
	struct llm_message *m = AGENT_ADD(r, messages, struct llm_message);
	struct json_object *blocks = json_get_array(o, "blocks"), *usage = json_get(o, "usage");

	m->role = LLM_ASSISTANT;
	m->nblocks = json_length(blocks);
	m->blocks = ARENA_ARRAY(r->ctx.a, struct llm_block, m->nblocks);
	for (size_t i = 0; i < m->nblocks; i++)
		read_block(json_object_array_get_idx(blocks, i), &m->blocks[i]);
	r->usage.input_tokens += json_get_i64(usage, "input", 0);
	r->usage.output_tokens += json_get_i64(usage, "output", 0);
	r->usage.cached_tokens += json_get_i64(usage, "cached", 0);
	r->cost += json_get_i64(o, "cost", 0);
	r->model = word(o, "model");
	r->instead_of = json_get_str(o, "instead_of");
	r->reply = m;
	r->answer = text_of(r, m);
	r->reply_stop = (enum llm_stop)json_get_i64(o, "stop", LLM_STOP_OTHER);
	r->results = (struct agent_list){0};
	r->doubt = NULL;
}

/* Results of tools --------------------------------------------------------------------------------------- */

void agent_result_put(struct buf *b, const struct agent_run *r, const struct tool_call *call)
{
	struct json_writer w = {.b = b};
	const struct agent_asked *queries = call->env.queries.p;
	const char **tables = call->env.tables.p;

	json_object_open(&w, NULL);
	json_put_i64(&w, "n", call->env.n);
	json_put_cstr(&w, "id", call->block->id);
	json_put_str(&w, "text", call->out.text);
	json_put_bool(&w, "error", !call->out.ok);
	json_array_open(&w, "queries");
	for (size_t i = 0; i < call->env.queries.n; i++)
		agent_asked_put(&w, &queries[i]);
	json_array_close(&w);
	json_array_open(&w, "tables");
	for (size_t i = 0; i < call->env.tables.n; i++)
		json_put_cstr(&w, NULL, tables[i]);
	json_array_close(&w);
	json_put_i64(&w, "checked", (int64_t)atomic_load(&r->checked));
	json_put_cstr(&w, "doubt", call->out.doubt);
	json_put_i64(&w, "ms", spent_ms(r));
	json_object_close(&w);
}

void agent_table_add(struct arena *a, struct agent_list *list, const char *name)
{
	const char **tables = list->p;

	for (size_t i = 0; i < list->n; i++)
		if (strcmp(tables[i], name) == 0)
			return;
	*(const char **)agent_list_add(a, list, sizeof(char *)) = arena_strdup(a, name);
}

static size_t calls_of(const struct llm_message *m)
{
	size_t n = 0;

	for (size_t i = 0; m && i < m->nblocks; i++)
		n += m->blocks[i].kind == LLM_TOOL_USE;
	return n;
}

const struct llm_block *agent_result_of(const struct agent_run *r, const char *id)
{
	const struct llm_block *b = r->results.p;

	for (size_t i = 0; i < r->results.n; i++)
		if (strcmp(b[i].id, id) == 0)
			return &b[i];
	return NULL;
}

/* All results are there: they go to the model in the order in which it called. */
static void answer_calls(struct agent_run *r)
{
	bool failed = true;
	struct llm_block *results = ARENA_ARRAY(r->ctx.a, struct llm_block, r->results.n);
	const struct llm_message reply = *r->reply;
	size_t n = 0;

	for (size_t i = 0; i < reply.nblocks; i++) {
		const struct llm_block *result =
		        reply.blocks[i].kind == LLM_TOOL_USE ? agent_result_of(r, reply.blocks[i].id) : NULL;

		if (result)
			results[n++] = *result;
		if (result && !result->is_error)
			failed = false;
	}
	r->failures = failed ? r->failures + 1 : 0;
	*AGENT_ADD(r, messages, struct llm_message) = (struct llm_message){LLM_USER, results, n};
	r->reply = NULL;
}

static void apply_queries(struct agent_run *r, struct json_object *o)
{
	struct json_object *queries = json_get_array(o, "queries"), *tables = json_get_array(o, "tables");

	for (size_t i = 0; i < json_length(queries); i++)
		agent_asked_read(r->ctx.a, json_object_array_get_idx(queries, i),
		                 AGENT_ADD(r, queries, struct agent_asked));
	for (size_t i = 0; i < json_length(tables); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(tables, i));

		agent_table_add(r->ctx.a, &r->tables, name ? name : "");
	}
}

static void apply_result(struct agent_run *r, struct json_object *o)
{
	struct llm_block *b = AGENT_ADD(r, results, struct llm_block);
	const char *doubt = json_get_str(o, "doubt");

	*b = (struct llm_block){.kind = LLM_TOOL_RESULT,
	                        .id = word(o, "id"),
	                        .text = str_of(word(o, "text")),
	                        .is_error = json_get_bool(o, "error", false)};
	atomic_fetch_or(&r->checked, (unsigned)json_get_i64(o, "checked", 0));
	if (doubt)
		r->doubt = doubt;
	apply_queries(r, o);
	if (r->reply && r->results.n == calls_of(r->reply))
		answer_calls(r);
}

struct err *agent_apply(struct agent_run *r, const char *kind, const char *json)
{
	struct json_object *o;

	TRY(json_read(r->ctx.a, str_of(json), JSON_DEPTH, &o));
	if (strcmp(kind, "result") == 0)
		apply_result(r, o);
	else
		apply_reply(r, o);
	return NULL;
}

/* Taking a turn up --------------------------------------------------------------------------------------- */

struct done_row {
	const char *kind;
	const char *body;
};

static const struct db_row done_row =
        DB_ROW(struct done_row, DB_COL_TEXT(struct done_row, kind), DB_COL_JSON(struct done_row, body));
static const struct db_row json_row = DB_ROW(const char *, {DB_JSON, 0});

/* Steps as the events tell them; what was under way is to be begun again. */
static struct err *apply_steps(struct agent_run *r, const char *json)
{
	struct agent_turn t = {0};

	TRY(agent_steps_read(r->ctx.a, json, &t));
	for (size_t i = 0; i < t.nsteps; i++) {
		struct agent_step *s = AGENT_ADD(r, steps, struct agent_step);

		*s = t.steps[i];
		if (s->state && strcmp(s->state, "running") == 0)
			s->state = "begun";
	}
	return NULL;
}

/* The time that was spent counts; that in which nobody worked on the turn does not. */
static struct err *spend(struct agent_run *r, const char *json)
{
	struct json_object *o;
	int64_t us;

	TRY(json_read(r->ctx.a, str_of(json), JSON_DEPTH, &o));
	us = json_get_i64(o, "ms", 0) * 1000;
	r->deadline_us -= us - (clock_mono_us() - r->started_us);
	r->started_us = clock_mono_us() - us;
	return NULL;
}

/* All is read before anything of it is applied: what fails may be asked again. */
struct err *agent_resume(struct agent_run *r)
{
	struct done_row *rows;
	const char *steps;
	size_t n;

	TRY(db_one(&r->ctx, &agent_step_events, DB_ARGS(db_i64(r->live.turn_id)), &json_row, "turn", &steps));
	TRY(db_all(&r->ctx, &agent_step_read, DB_ARGS(db_i64(r->live.turn_id)), &done_row, &rows, &n));
	TRY(apply_steps(r, steps));
	for (size_t i = 0; i < n; i++) {
		r->model_calls += strcmp(rows[i].kind, "reply") == 0;
		TRY(agent_apply(r, rows[i].kind, rows[i].body));
	}
	r->steps_done = (int64_t)n;
	return n ? spend(r, rows[n - 1].body) : NULL;
}
