/* Anthropic Messages: the request. */
#include "lib/arena.h"
#include "lib/json.h"
#include "llm/llm_priv.h"

enum { LEAST_BUDGET = 1024 }; /* that the provider takes */

static void put_cache_mark(struct json_writer *w)
{
	json_object_open(w, "cache_control");
	json_put_cstr(w, "type", "ephemeral");
	json_object_close(w);
}

static void put_text(struct json_writer *w, struct str text)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "type", "text");
	json_put_str(w, "text", text);
}

static void put_thinking(struct json_writer *w, const struct llm_block *b)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "type", b->is_redacted ? "redacted_thinking" : "thinking");
	if (!b->is_redacted)
		json_put_str(w, "thinking", b->text);
	json_put_str(w, b->is_redacted ? "data" : "signature", b->signature);
}

static void put_call(struct arena *a, struct json_writer *w, const struct llm_block *b)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "type", "tool_use");
	json_put_cstr(w, "id", b->id);
	json_put_cstr(w, "name", b->name);
	json_put_raw(w, "input", llm_sound_input(a, b->input));
}

static void put_result(struct json_writer *w, const struct llm_block *b)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "type", "tool_result");
	json_put_cstr(w, "tool_use_id", b->id);
	json_put_str(w, "content", b->text);
	if (b->is_error)
		json_put_bool(w, "is_error", true);
}

static void put_block(struct arena *a, struct json_writer *w, const struct llm_block *b)
{
	switch (b->kind) {
	case LLM_TEXT: put_text(w, b->text); break;
	case LLM_THINKING: put_thinking(w, b); break;
	case LLM_TOOL_USE: put_call(a, w, b); break;
	case LLM_TOOL_RESULT: put_result(w, b); break;
	}
	json_object_close(w);
}

/* Thinking without a signature is another provider's. */
static bool goes_back(const struct llm_stream *s, const struct llm_block *b)
{
	return b->kind != LLM_THINKING || (b->signature.n && !(s->quirks & LLM_NO_THINKING_BACK));
}

static void put_message(struct arena *a, struct json_writer *w, const struct llm_stream *s,
                        const struct llm_message *m)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "role", m->role == LLM_USER ? "user" : "assistant");
	json_array_open(w, "content");
	for (size_t i = 0; i < m->nblocks; i++)
		if (goes_back(s, &m->blocks[i]))
			put_block(a, w, &m->blocks[i]);
	json_array_close(w);
	json_object_close(w);
}

static void put_tools(struct json_writer *w, const struct llm_request *req)
{
	if (req->ntools == 0)
		return;
	json_array_open(w, "tools");
	for (size_t i = 0; i < req->ntools; i++) {
		json_object_open(w, NULL);
		json_put_cstr(w, "name", req->tools[i].name);
		json_put_cstr(w, "description", req->tools[i].description);
		json_put_raw(w, "input_schema", str_of(req->tools[i].schema));
		if (i + 1 == req->ntools)
			put_cache_mark(w);
		json_object_close(w);
	}
	json_array_close(w);
}

static void put_system(struct json_writer *w, const char *system)
{
	if (!system || !*system)
		return;
	json_array_open(w, "system");
	put_text(w, str_of(system));
	put_cache_mark(w);
	json_object_close(w);
	json_array_close(w);
}

/* Calls that were made without thinking cannot be gone on from with it. */
static bool may_think(const struct llm_stream *s)
{
	const struct llm_request *req = s->req;
	bool calls = false, thought = false;

	if (req->thinking_tokens == 0 || s->quirks & LLM_NO_THINKING)
		return false;
	for (size_t i = req->nmessages; i > 0; i--) {
		const struct llm_message *m = &req->messages[i - 1];

		if (m->role != LLM_ASSISTANT)
			continue;
		for (size_t j = 0; j < m->nblocks; j++) {
			calls |= m->blocks[j].kind == LLM_TOOL_USE;
			thought |= m->blocks[j].kind == LLM_THINKING && goes_back(s, &m->blocks[j]);
		}
		break;
	}
	return !calls || thought;
}

static void put_limits(struct json_writer *w, const struct llm_stream *s)
{
	int64_t budget = s->req->thinking_tokens > LEAST_BUDGET ? s->req->thinking_tokens : LEAST_BUDGET;
	bool thinks = may_think(s), adaptive = s->quirks & LLM_ADAPTIVE;

	json_put_i64(w, "max_tokens", s->req->max_tokens + (thinks ? budget : 0));
	if (!thinks)
		return;
	json_object_open(w, "thinking");
	json_put_cstr(w, "type", adaptive ? "adaptive" : "enabled");
	if (!adaptive)
		json_put_i64(w, "budget_tokens", budget);
	json_object_close(w);
}

void llm_anthropic_build(struct arena *a, const struct llm_stream *s, struct buf *body)
{
	const struct llm_request *req = s->req;
	struct json_writer w = {.b = body};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "model", req->provider.model);
	put_limits(&w, s);
	json_put_bool(&w, "stream", true);
	put_system(&w, req->system);
	put_tools(&w, req);
	json_array_open(&w, "messages");
	for (size_t i = 0; i < req->nmessages; i++)
		put_message(a, &w, s, &req->messages[i]);
	json_array_close(&w);
	json_object_close(&w);
}
