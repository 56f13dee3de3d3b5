#include "oracle.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"

/* JSON by path: keys in a row; NULL where one is missing or null. */
static struct json_object *at(struct json_object *o, const char *path)
{
	char key[64];

	while (o && *path) {
		size_t n = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &o))
			return NULL;
		path += n + (path[n] == '.');
	}
	return o;
}

static const char *text_at(struct json_object *o, const char *path)
{
	o = at(o, path);
	return json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}

static bool is(struct json_object *o, const char *path, const char *value)
{
	const char *text = text_at(o, path);

	return text && strcmp(text, value) == 0;
}

static void number(struct json_object *o, const char *path, int64_t *to)
{
	o = at(o, path);
	if (json_object_is_type(o, json_type_int))
		*to = json_object_get_int64(o);
}

enum { EARLY = 4096 }; /* indexes of what comes with the message's start */

struct state {
	struct arena *a;
	struct oracle x;
	struct buf text, thinking, inputs[ORACLE_CALLS];
	int64_t fresh, stored;
	bool refused, given[ORACLE_CALLS];
	const char *kinds[EARLY + 64]; /* anthropic: of the block at each index */
};

static void add(struct buf *b, const char *text)
{
	if (text)
		buf_add_cstr(b, text);
}

static size_t call_at(struct state *s, int64_t index)
{
	for (size_t i = 0; i < s->x.ncalls; i++)
		if (s->x.calls[i].index == index)
			return i;
	s->inputs[s->x.ncalls] = buf_init(s->a, 8 << 20);
	s->x.calls[s->x.ncalls].index = index;
	return s->x.ncalls++;
}

static void name_call(struct state *s, size_t i, const char *id, const char *name)
{
	if (id && *id && !s->x.calls[i].id)
		s->x.calls[i].id = arena_strdup(s->a, id);
	if (name && *name && !s->x.calls[i].name)
		s->x.calls[i].name = arena_strdup(s->a, name);
}

static size_t length(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

/* Anthropic. -------------------------------------------------------------------------------------------- */

static void usage_a(struct state *s, struct json_object *usage)
{
	number(usage, "input_tokens", &s->fresh);
	number(usage, "cache_creation_input_tokens", &s->stored);
	number(usage, "cache_read_input_tokens", &s->x.cached);
	number(usage, "output_tokens", &s->x.output);
	s->x.input = s->fresh + s->stored + s->x.cached;
}

static void block_a(struct state *s, int64_t index, struct json_object *block)
{
	struct json_object *input = at(block, "input");
	size_t i;

	s->kinds[index] = arena_strdup(s->a, text_at(block, "type") ? text_at(block, "type") : "");
	if (is(block, "type", "text"))
		add(&s->text, text_at(block, "text"));
	if (is(block, "type", "thinking")) {
		add(&s->thinking, text_at(block, "thinking"));
		s->x.signature = str_of(arena_strdup(s->a, text_at(block, "signature")));
	}
	if (!is(block, "type", "tool_use"))
		return;
	i = call_at(s, index);
	name_call(s, i, text_at(block, "id"), text_at(block, "name"));
	s->given[i] = input && json_object_object_length(input);
	if (s->given[i])
		add(&s->inputs[i], json_object_to_json_string(input));
}

static void delta_a(struct state *s, int64_t index, struct json_object *delta)
{
	const char *kind = s->kinds[index] ? s->kinds[index] : "";

	if (is(delta, "type", "text_delta") && strcmp(kind, "text") == 0)
		add(&s->text, text_at(delta, "text"));
	if (is(delta, "type", "thinking_delta"))
		add(&s->thinking, text_at(delta, "thinking"));
	if (is(delta, "type", "signature_delta"))
		s->x.signature = str_of(arena_strdup(s->a, text_at(delta, "signature")));
	if (is(delta, "type", "input_json_delta") && strcmp(kind, "tool_use") == 0) {
		size_t i = call_at(s, index);

		if (s->given[i] && text_at(delta, "partial_json") && *text_at(delta, "partial_json"))
			s->inputs[i].n = s->given[i] = 0;
		add(&s->inputs[i], text_at(delta, "partial_json"));
	}
}

static void event_a(struct state *s, struct json_object *o)
{
	int64_t index = 0;

	number(o, "index", &index);
	s->x.failed |= is(o, "type", "error");
	if (is(o, "type", "message_start")) {
		struct json_object *content = at(o, "message.content");

		s->x.model = arena_strdup(s->a, text_at(o, "message.model"));
		usage_a(s, at(o, "message.usage"));
		for (size_t i = 0; i < length(content); i++)
			block_a(s, EARLY + (int64_t)i, json_object_array_get_idx(content, i));
	}
	if (is(o, "type", "content_block_start"))
		block_a(s, index, at(o, "content_block"));
	if (is(o, "type", "content_block_delta"))
		delta_a(s, index, at(o, "delta"));
	if (is(o, "type", "message_delta")) {
		if (text_at(o, "delta.stop_reason"))
			s->x.reason = arena_strdup(s->a, text_at(o, "delta.stop_reason"));
		usage_a(s, at(o, "usage"));
	}
}

static void whole_a(struct state *s, struct json_object *o)
{
	struct json_object *content = at(o, "content");

	s->x.model = arena_strdup(s->a, text_at(o, "model"));
	s->x.reason = arena_strdup(s->a, text_at(o, "stop_reason"));
	usage_a(s, at(o, "usage"));
	for (size_t i = 0; i < json_object_array_length(content); i++)
		block_a(s, (int64_t)i, json_object_array_get_idx(content, i));
}

/* OpenAI. ----------------------------------------------------------------------------------------------- */

static void content_o(struct state *s, struct json_object *delta)
{
	struct json_object *list = at(delta, "content");

	add(&s->text, text_at(delta, "content"));
	add(&s->text, text_at(delta, "refusal"));
	for (size_t i = 0; i < length(list); i++) {
		struct json_object *piece = json_object_array_get_idx(list, i),
		                   *inner = at(piece, "thinking");

		if (is(piece, "type", "text"))
			add(&s->text, text_at(piece, "text"));
		for (size_t j = 0; is(piece, "type", "thinking") && j < length(inner); j++)
			add(&s->thinking, text_at(json_object_array_get_idx(inner, j), "text"));
	}
}

static void reasoning_o(struct state *s, struct json_object *delta)
{
	struct json_object *details = at(delta, "reasoning_details");
	const char *one = text_at(delta, "reasoning_content"), *other = text_at(delta, "reasoning");

	if (one && *one)
		add(&s->thinking, one);
	else if (other && *other)
		add(&s->thinking, other);
	else
		for (size_t i = 0; i < length(details); i++) {
			add(&s->thinking, text_at(json_object_array_get_idx(details, i), "text"));
			add(&s->thinking, text_at(json_object_array_get_idx(details, i), "summary"));
		}
}

static void calls_o(struct state *s, struct json_object *delta)
{
	struct json_object *list = at(delta, "tool_calls");

	for (size_t i = 0; i < length(list); i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		int64_t index = (int64_t)i;
		size_t call;

		number(one, "index", &index);
		call = call_at(s, index);
		name_call(s, call, text_at(one, "id"), text_at(one, "function.name"));
		add(&s->inputs[call], text_at(one, "function.arguments"));
	}
	if (at(delta, "function_call")) {
		name_call(s, call_at(s, 0), NULL, text_at(delta, "function_call.name"));
		add(&s->inputs[call_at(s, 0)], text_at(delta, "function_call.arguments"));
	}
}

static void usage_o(struct state *s, struct json_object *usage)
{
	number(usage, "prompt_tokens", &s->x.input);
	number(usage, "completion_tokens", &s->x.output);
	number(usage, "prompt_cache_hit_tokens", &s->x.cached);
	number(usage, "prompt_tokens_details.cached_tokens", &s->x.cached);
}

/* Of several that were asked for, the first. */
static struct json_object *first_choice(struct json_object *o)
{
	struct json_object *choices = at(o, "choices");

	for (size_t i = 0; i < length(choices); i++) {
		int64_t index = 0;

		number(json_object_array_get_idx(choices, i), "index", &index);
		if (index == 0)
			return json_object_array_get_idx(choices, i);
	}
	return NULL;
}

static void chunk_o(struct state *s, struct json_object *o, const char *member)
{
	struct json_object *choice = first_choice(o), *delta = at(choice, member);

	s->x.failed |= at(o, "error") != NULL || is(choice, "finish_reason", "error");
	if (!s->x.model && text_at(o, "model") && *text_at(o, "model"))
		s->x.model = arena_strdup(s->a, text_at(o, "model"));
	content_o(s, delta);
	reasoning_o(s, delta);
	calls_o(s, delta);
	usage_o(s, at(o, "x_groq.usage"));
	usage_o(s, at(o, "usage"));
	s->refused |= text_at(delta, "refusal") && *text_at(delta, "refusal");
	if (text_at(choice, "finish_reason") && !s->x.reason)
		s->x.reason =
		        s->refused ? "content_filter" : arena_strdup(s->a, text_at(choice, "finish_reason"));
}

/* Both. ------------------------------------------------------------------------------------------------- */

static struct state *begin(struct arena *a)
{
	struct state *s = ARENA_NEW(a, struct state);

	s->a = a;
	s->text = s->thinking = buf_init(a, 8 << 20);
	return s;
}

static struct oracle finish(struct state *s)
{
	s->x.text = buf_str(&s->text);
	s->x.thinking = buf_str(&s->thinking);
	for (size_t i = 0; i < s->x.ncalls; i++)
		s->x.calls[i].input = s->inputs[i].n ? buf_str(&s->inputs[i]) : STR("{}");
	return s->x;
}

static void line_read(struct state *s, struct str line)
{
	struct json_object *o;

	if (!str_starts(line, STR("data:")))
		return;
	line = str_trim((struct str){line.p + 5, line.n - 5});
	if (str_is(line, "[DONE]") || !(o = json_tokener_parse(str_dup(s->a, line))))
		return;
	if (!s->x.format && (is(o, "type", "message_start") || is(o, "type", "error")))
		s->x.format = "anthropic";
	if (!s->x.format && (at(o, "choices") || is(o, "object", "chat.completion.chunk")))
		s->x.format = "openai";
	if (s->x.format && strcmp(s->x.format, "anthropic") == 0)
		event_a(s, o);
	else if (s->x.format)
		chunk_o(s, o, "delta");
	json_object_put(o);
}

struct oracle oracle_of_stream(struct arena *a, struct str bytes)
{
	struct state *s = begin(a);

	for (size_t from = 0, i = 0; i <= bytes.n; i++) {
		if (i < bytes.n && bytes.p[i] != '\n' && bytes.p[i] != '\r')
			continue;
		line_read(s, (struct str){bytes.p + from, i - from});
		from = i + 1;
	}
	return finish(s);
}

struct oracle oracle_of_whole(struct arena *a, struct json_object *o)
{
	struct state *s = begin(a);

	if (is(o, "type", "message") && at(o, "content")) {
		s->x.format = "anthropic";
		whole_a(s, o);
	} else if (at(o, "choices")) {
		s->x.format = "openai";
		chunk_o(s, o, "message");
	}
	return finish(s);
}

enum llm_stop oracle_stop(const struct oracle *x)
{
	static const struct {
		const char *reason;
		enum llm_stop stop;
	} all[] = {
	        {"end_turn", LLM_STOP_END},
	        {"stop_sequence", LLM_STOP_END},
	        {"tool_use", LLM_STOP_TOOL},
	        {"max_tokens", LLM_STOP_LENGTH},
	        {"refusal", LLM_STOP_REFUSAL},
	        {"pause_turn", LLM_STOP_PAUSE},
	        {"stop", LLM_STOP_END},
	        {"tool_calls", LLM_STOP_TOOL},
	        {"function_call", LLM_STOP_TOOL},
	        {"length", LLM_STOP_LENGTH},
	        {"model_length", LLM_STOP_LENGTH},
	        {"content_filter", LLM_STOP_REFUSAL},
	        {"model_context_window_exceeded", LLM_STOP_LENGTH},
	};
	bool called = x->ncalls && x->reason && strcmp(x->reason, "stop") == 0;

	for (size_t i = 0; x->reason && !called && i < sizeof(all) / sizeof(*all); i++)
		if (strcmp(all[i].reason, x->reason) == 0)
			return all[i].stop;
	return called ? LLM_STOP_TOOL : LLM_STOP_OTHER;
}
