/* OpenAI-compatible Chat Completions: the request. */
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "llm/llm_priv.h"

enum { ID_BYTES = 40 };

static void put_text_message(struct json_writer *w, const char *role, struct str text)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "role", role);
	json_put_str(w, "content", text);
	json_object_close(w);
}

/* The blocks of a kind as one text. */
static struct str text_of(struct arena *a, const struct llm_message *m, enum llm_block_kind kind)
{
	struct buf b = buf_init(a, BUF_PAGE);

	for (size_t i = 0; i < m->nblocks; i++) {
		if (m->blocks[i].kind != kind || m->blocks[i].text.n == 0)
			continue;
		if (b.n)
			buf_add_cstr(&b, "\n\n");
		buf_add_str(&b, m->blocks[i].text);
	}
	return buf_str(&b);
}

static bool has(const struct llm_message *m, enum llm_block_kind kind)
{
	for (size_t i = 0; i < m->nblocks; i++)
		if (m->blocks[i].kind == kind)
			return true;
	return false;
}

/* OpenAI takes no longer ones; calls of another provider may have some. Their ends tell them apart. */
static const char *short_id(const char *id)
{
	size_t n = strlen(id);

	return n > ID_BYTES ? id + n - ID_BYTES : id;
}

/* Each result is a message; what a person says with them comes behind. */
static void put_user(struct arena *a, struct json_writer *w, const struct llm_message *m)
{
	struct str text = text_of(a, m, LLM_TEXT);

	for (size_t i = 0; i < m->nblocks; i++) {
		if (m->blocks[i].kind != LLM_TOOL_RESULT)
			continue;
		json_object_open(w, NULL);
		json_put_cstr(w, "role", "tool");
		json_put_cstr(w, "tool_call_id", short_id(m->blocks[i].id));
		json_put_str(w, "content", m->blocks[i].text);
		json_object_close(w);
	}
	if (text.n)
		put_text_message(w, "user", text);
}

static void put_calls(struct arena *a, struct json_writer *w, const struct llm_message *m)
{
	json_array_open(w, "tool_calls");
	for (size_t i = 0; i < m->nblocks; i++) {
		const struct llm_block *b = &m->blocks[i];

		if (b->kind != LLM_TOOL_USE)
			continue;
		json_object_open(w, NULL);
		json_put_cstr(w, "id", short_id(b->id));
		json_put_cstr(w, "type", "function");
		json_object_open(w, "function");
		json_put_cstr(w, "name", b->name);
		json_put_str(w, "arguments", llm_sound_input(a, b->input));
		json_object_close(w);
		json_object_close(w);
	}
	json_array_close(w);
}

static void put_assistant(struct arena *a, struct json_writer *w, const struct llm_stream *s,
                          const struct llm_message *m)
{
	struct str text = text_of(a, m, LLM_TEXT);
	bool calls = has(m, LLM_TOOL_USE);

	if (!text.n && !calls)
		return;
	json_object_open(w, NULL);
	json_put_cstr(w, "role", "assistant");
	if (text.n)
		json_put_str(w, "content", text);
	else
		json_put_null(w, "content");
	if (calls && s->quirks & LLM_REASONING_BACK)
		json_put_str(w, "reasoning_content", text_of(a, m, LLM_THINKING));
	if (calls)
		put_calls(a, w, m);
	json_object_close(w);
}

static void put_messages(struct arena *a, struct json_writer *w, const struct llm_stream *s)
{
	const struct llm_request *req = s->req;

	json_array_open(w, "messages");
	if (req->system && *req->system)
		put_text_message(w, "system", str_of(req->system));
	for (size_t i = 0; i < req->nmessages; i++) {
		if (req->messages[i].role == LLM_USER)
			put_user(a, w, &req->messages[i]);
		else
			put_assistant(a, w, s, &req->messages[i]);
	}
	json_array_close(w);
}

static void put_tools(struct json_writer *w, const struct llm_request *req)
{
	if (req->ntools == 0)
		return;
	json_array_open(w, "tools");
	for (size_t i = 0; i < req->ntools; i++) {
		json_object_open(w, NULL);
		json_put_cstr(w, "type", "function");
		json_object_open(w, "function");
		json_put_cstr(w, "name", req->tools[i].name);
		json_put_cstr(w, "description", req->tools[i].description);
		json_put_raw(w, "parameters", str_of(req->tools[i].schema));
		json_object_close(w);
		json_object_close(w);
	}
	json_array_close(w);
}

/* OpenAI renamed the limit, and its newer models take only the new name; most others know only the old one. */
static const char *limit_name(const struct llm_stream *s)
{
	const char *url = s->req->provider.url;
	bool renamed = llm_host_is(url, "openai.com") || llm_host_is(url, "azure.com");

	if (s->quirks & LLM_OTHER_TOKENS)
		renamed = !renamed;
	return renamed ? "max_completion_tokens" : "max_tokens";
}

void llm_openai_build(struct arena *a, const struct llm_stream *s, struct buf *body)
{
	struct json_writer w = {.b = body};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "model", s->req->provider.model);
	json_put_i64(&w, limit_name(s), s->req->max_tokens);
	json_put_bool(&w, "stream", true);
	if (!(s->quirks & LLM_NO_STREAM_OPTIONS)) {
		json_object_open(&w, "stream_options");
		json_put_bool(&w, "include_usage", true);
		json_object_close(&w);
	}
	put_messages(a, &w, s);
	put_tools(&w, s->req);
	json_object_close(&w);
}
