/*
 * OpenAI-compatible Chat Completions: the chunks of a stream, and replies that come whole, which differ only in the name
 * of what they bring ("delta", "message"). Many servers speak it, each a little differently: what is missing is done
 * without, what is of another type is passed over.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "llm/llm_priv.h"

/* Indexes of parts that have none in the format. */
enum { TEXT_PART = -1, THINKING_PART = -2, NO_INDEX = -3 };

static char *address(struct arena *a, const struct llm_provider *p)
{
	return llm_address(a, p->url, "/chat/completions", false);
}

/* Azure knows keys by another header. */
static size_t headers(struct arena *a, const struct llm_provider *p, const char *out[LLM_HEADERS])
{
	bool azure = llm_host_is(p->url, "azure.com") || llm_host_is(p->url, "azure-api.net");

	if (!p->key || !*p->key)
		return 0;
	out[0] = arena_printf(a, azure ? "api-key: %s" : "authorization: Bearer %s", p->key);
	return 1;
}

/* Errors. ----------------------------------------------------------------------------------------------- */

/* What a server says about an error, wherever it says it; what is not text, as JSON. */
static const char *words_of(struct json_object *o)
{
	static const char *const keys[] = {"message", "detail", "error"};
	struct json_object *v = NULL;

	if (json_object_is_type(o, json_type_string))
		return json_object_get_string(o);
	for (size_t i = 0; !v && i < sizeof(keys) / sizeof(*keys); i++)
		v = json_get(o, keys[i]);
	if (!v)
		return NULL;
	return json_object_is_type(v, json_type_string)
	               ? json_object_get_string(v)
	               : json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN);
}

/* Routers say of whom they heard what. */
static const char *with_source(struct llm_stream *s, const char *words, struct json_object *error)
{
	const char *raw = json_get_str(json_get(error, "metadata"), "raw");

	return raw && words ? arena_printf(s->a, "%s: %s", words, raw) : words;
}

static struct err *failed(struct llm_stream *s, long status, struct json_object *o)
{
	struct json_object *error = json_get(o, "error");
	bool is_object = json_object_is_type(error, json_type_object);

	if (!is_object)
		error = o;
	if (status == 0)
		status = json_get_i64(error, "code", json_get_i64(error, "status_code", 0));
	return llm_failed(s, json_get_str(error, "code"), json_get_str(error, "type"), status,
	                  with_source(s, words_of(error), error));
}

static struct err *refusal(struct llm_stream *s, long status, struct json_object *o)
{
	if (json_object_is_type(o, json_type_array))
		o = json_object_array_get_idx(o, 0);
	return failed(s, status, o);
}

/* What a reply brings. ---------------------------------------------------------------------------------- */

static struct err *add_text(struct llm_stream *s, int64_t index, int kind, struct str text)
{
	struct llm_part *part = llm_part_find(s, index);

	if (text.n == 0)
		return NULL;
	if (!part)
		part = llm_part_add(s, index, kind);
	return part ? llm_part_text(s, part, text) : llm_part_refused(s);
}

static struct err *add_thinking(struct llm_stream *s, const char *text)
{
	return add_text(s, THINKING_PART, LLM_THINKING, str_of(text));
}

/* A piece of content or of details: text under one of several names, or again a list. */
static struct err *add_piece(struct llm_stream *s, struct json_object *piece, bool thinking)
{
	struct json_object *inner = json_get_array(piece, "thinking");
	const char *type = json_get_str(piece, "type"), *text = json_get_str(piece, "text");

	for (size_t i = 0; i < json_length(inner); i++)
		TRY(add_thinking(s, json_get_str(json_object_array_get_idx(inner, i), "text")));
	if (!text)
		text = json_get_str(piece, "summary");
	if (thinking || (type && strcmp(type, "thinking") == 0))
		return add_thinking(s, text);
	return add_text(s, TEXT_PART, LLM_TEXT, str_of(text));
}

static struct err *add_pieces(struct llm_stream *s, struct json_object *list, bool thinking)
{
	for (size_t i = 0; i < json_length(list); i++)
		TRY(add_piece(s, json_object_array_get_idx(list, i), thinking));
	return NULL;
}

/* Servers give the same under several names: the first that has something counts. */
static struct err *read_reasoning(struct llm_stream *s, struct json_object *delta)
{
	static const char *const keys[] = {"reasoning_content", "reasoning"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *text = json_get_str(delta, keys[i]);

		if (text && *text)
			return add_thinking(s, text);
	}
	return add_pieces(s, json_get_array(delta, "reasoning_details"), true);
}

static struct err *read_content(struct llm_stream *s, struct json_object *delta)
{
	const char *refused = json_get_str(delta, "refusal");

	TRY(add_text(s, TEXT_PART, LLM_TEXT, str_of(json_get_str(delta, "content"))));
	TRY(add_pieces(s, json_get_array(delta, "content"), false));
	if (!refused || !*refused)
		return NULL;
	s->stop = LLM_STOP_REFUSAL;
	return add_text(s, TEXT_PART, LLM_TEXT, str_of(refused));
}

/* Calls. ------------------------------------------------------------------------------------------------ */

static bool same(const char *x, const char *y)
{
	return x && y && strcmp(x, y) == 0;
}

static struct llm_part *last_call(struct llm_stream *s)
{
	for (size_t i = s->nparts; i > 0; i--)
		if (s->parts[i - 1].kind == LLM_TOOL_USE)
			return &s->parts[i - 1];
	return NULL;
}

static bool is_complete(struct llm_stream *s, const struct llm_part *part)
{
	struct json_object *o;

	return part->content.n && !json_read(s->scratch, buf_str(&part->content), JSON_DEPTH, &o);
}

/* Whether a delta with the place of a call begins another one: some servers give all calls of a reply the same place,
 * some of them without ids; and some give each delta of a call another id, but its name only once. */
static bool is_new(struct llm_stream *s, const struct llm_part *part, const char *id, const char *name)
{
	if (!name || !part->name || same(part->id, id))
		return false;
	return id ? part->id != NULL : is_complete(s, part);
}

/* Which call a delta goes on with; NULL: it begins one. */
static struct llm_part *call_of(struct llm_stream *s, int64_t index, const char *id, const char *name)
{
	struct llm_part *part = index == NO_INDEX ? last_call(s) : llm_part_find(s, index);

	return part && is_new(s, part, id, name) ? NULL : part;
}

static const char *filled(const char *s)
{
	return s && *s ? s : NULL;
}

static struct err *add_arguments(struct llm_stream *s, struct llm_part *part, struct json_object *v)
{
	if (!v)
		return NULL;
	if (json_object_is_type(v, json_type_string))
		return llm_part_input(s, part, json_object_get_string(v));
	return llm_part_input(s, part, json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN));
}

static struct err *read_call(struct llm_stream *s, struct json_object *call)
{
	struct json_object *function = json_get(call, "function");
	const char *id = filled(json_get_str(call, "id")), *name = filled(json_get_str(function, "name"));
	int64_t index = json_get_i64(call, "index", NO_INDEX);
	struct llm_part *part = call_of(s, index < 0 ? NO_INDEX : index, id, name);

	if (!part)
		part = llm_part_add(s, index < 0 ? NO_INDEX : index, LLM_TOOL_USE);
	if (!part)
		return llm_part_refused(s);
	if (!part->id)
		part->id = arena_strdup(s->a, id);
	if (!part->name)
		part->name = arena_strdup(s->a, name);
	return add_arguments(s, part, json_get(function, "arguments"));
}

/* As it was before there were several calls. */
static struct err *read_function_call(struct llm_stream *s, struct json_object *function)
{
	const char *name = filled(json_get_str(function, "name"));
	struct llm_part *part = last_call(s);

	if (!part)
		part = llm_part_add(s, 0, LLM_TOOL_USE);
	if (!part)
		return llm_part_refused(s);
	if (!part->name)
		part->name = arena_strdup(s->a, name);
	return add_arguments(s, part, json_get(function, "arguments"));
}

static struct err *read_calls(struct llm_stream *s, struct json_object *delta)
{
	struct json_object *calls = json_get_array(delta, "tool_calls"),
	                   *one = json_get(delta, "function_call");

	for (size_t i = 0; i < json_length(calls); i++)
		TRY(read_call(s, json_object_array_get_idx(calls, i)));
	return one ? read_function_call(s, one) : NULL;
}

/* Ends. ------------------------------------------------------------------------------------------------- */

static const struct {
	const char *reason;
	enum llm_stop stop;
} reasons[] = {
        {"stop", LLM_STOP_END},      {"tool_calls", LLM_STOP_TOOL},     {"function_call", LLM_STOP_TOOL},
        {"length", LLM_STOP_LENGTH}, {"model_length", LLM_STOP_LENGTH}, {"content_filter", LLM_STOP_REFUSAL},
};

static bool has_calls(const struct llm_stream *s)
{
	for (size_t i = 0; i < s->nparts; i++)
		if (s->parts[i].kind == LLM_TOOL_USE && s->parts[i].name)
			return true;
	return false;
}

/* A reply with calls stops for them, whatever the server calls it. */
static enum llm_stop stop_of(const struct llm_stream *s, const char *reason)
{
	enum llm_stop stop = LLM_STOP_OTHER;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			stop = reasons[i].stop;
	if (s->stop == LLM_STOP_REFUSAL)
		return LLM_STOP_REFUSAL;
	return stop == LLM_STOP_END && has_calls(s) ? LLM_STOP_TOOL : stop;
}

/* Where a reply was ended by a failure. */
static bool is_failure(const char *reason)
{
	return strcmp(reason, "error") == 0 || strcmp(reason, "insufficient_system_resource") == 0;
}

static struct err *read_stop(struct llm_stream *s, const char *reason)
{
	if (!reason || !*reason)
		return NULL;
	if (is_failure(reason))
		return llm_failed(s, reason, NULL, 0, NULL);
	s->stop = stop_of(s, reason);
	s->stopped = true;
	return NULL;
}

/* Figures are those of the whole call, whenever they come. */
static void read_usage(struct llm_stream *s, struct json_object *usage)
{
	struct json_object *details = json_get(usage, "prompt_tokens_details");
	struct llm_usage *u = &s->usage;

	u->input_tokens = json_get_i64(usage, "prompt_tokens", u->input_tokens);
	u->output_tokens = json_get_i64(usage, "completion_tokens", u->output_tokens);
	u->cached_tokens = json_get_i64(usage, "cached_tokens", u->cached_tokens);
	u->cached_tokens = json_get_i64(usage, "prompt_cache_hit_tokens", u->cached_tokens);
	u->cached_tokens = json_get_i64(details, "cached_tokens", u->cached_tokens);
}

/* Only one choice is ever asked for. */
static struct json_object *first_choice(struct json_object *o)
{
	struct json_object *choices = json_get_array(o, "choices"), *c = NULL;

	for (size_t i = 0; i < json_length(choices); i++) {
		c = json_object_array_get_idx(choices, i);
		if (json_get_i64(c, "index", 0) == 0)
			return c;
	}
	return NULL;
}

static struct err *read_choice(struct llm_stream *s, struct json_object *choice)
{
	struct json_object *delta = json_get(choice, "delta");

	if (!delta && s->nparts == 0)
		delta = json_get(choice, "message");
	TRY(read_reasoning(s, delta));
	TRY(read_content(s, delta));
	TRY(read_calls(s, delta));
	read_usage(s, json_get(choice, "usage"));
	return read_stop(s, json_get_str(choice, "finish_reason"));
}

static struct err *read_chunk(struct llm_stream *s, struct json_object *o)
{
	const char *model = json_get_str(o, "model"), *object = json_get_str(o, "object");
	struct json_object *groq = json_get(o, "x_groq");

	if (json_get(o, "error") || same(object, "error"))
		return failed(s, 0, o);
	if (json_get(groq, "error"))
		return failed(s, 0, groq);
	if (!s->model && model && *model)
		s->model = arena_strdup(s->a, model);
	read_usage(s, json_get(groq, "usage"));
	read_usage(s, json_get(o, "usage"));
	return read_choice(s, first_choice(o));
}

static struct err *handle(struct llm_stream *s, const struct sse_event *event, struct str data)
{
	struct json_object *o = NULL;

	if (str_is(data, "[DONE]")) {
		s->ended = s->stopped = true;
		return NULL;
	}
	TRY(llm_json_read(s, data, &o));
	return str_is(event->event, "error") ? failed(s, 0, o) : read_chunk(s, o);
}

static struct err *on_event(void *stream, const struct sse_event *event)
{
	struct llm_stream *s = stream;
	struct arena_mark mark = arena_mark(s->scratch);
	struct str data = str_trim(event->data);
	struct err *e = s->ended || data.n == 0 ? NULL : handle(s, event, data);

	arena_reset(s->scratch, mark);
	return e;
}

static struct err *whole(struct llm_stream *s, struct json_object *o)
{
	TRY(read_chunk(s, o));
	if (!first_choice(o))
		return failed(s, 0, o);
	s->stopped = s->ended = true;
	return NULL;
}

static const struct llm_lesson lessons[] = {
        {"max_completion_tokens", LLM_OTHER_TOKENS},
        {"stream_options", LLM_NO_STREAM_OPTIONS},
        {"reasoning_content", LLM_REASONING_BACK},
        {NULL, 0},
};

const struct llm_format llm_openai = {
        .name = "openai",
        .url = "https://api.openai.com/v1",
        .lessons = lessons,
        .address = address,
        .build = llm_openai_build,
        .headers = headers,
        .on_event = on_event,
        .whole = whole,
        .refusal = refusal,
};
