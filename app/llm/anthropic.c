/*
 * Anthropic Messages: the request as JSON, the stream's events, and its refusals. Events and fields that
 * are not known here are passed over, as the format asks of clients.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "llm/llm_priv.h"

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

/* Arguments that the model did not finish cannot be sent back as they are: the tool's answer says what was
 * wrong. */
static struct str sound_input(struct arena *a, struct str input)
{
	struct json_object *o = NULL;

	if (json_read(a, input, JSON_DEPTH, &o) || !json_object_is_type(o, json_type_object))
		return STR("{}");
	return input;
}

static void put_thinking(struct json_writer *w, const struct llm_block *b)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "type", b->is_redacted ? "redacted_thinking" : "thinking");
	if (!b->is_redacted)
		json_put_str(w, "thinking", b->text);
	json_put_str(w, b->is_redacted ? "data" : "signature", b->signature);
}

static void put_block(struct arena *a, struct json_writer *w, const struct llm_block *b)
{
	switch (b->kind) {
	case LLM_TEXT: put_text(w, b->text); break;
	case LLM_THINKING: put_thinking(w, b); break;
	case LLM_TOOL_USE:
		json_object_open(w, NULL);
		json_put_cstr(w, "type", "tool_use");
		json_put_cstr(w, "id", b->id);
		json_put_cstr(w, "name", b->name);
		json_put_raw(w, "input", sound_input(a, b->input));
		break;
	case LLM_TOOL_RESULT:
		json_object_open(w, NULL);
		json_put_cstr(w, "type", "tool_result");
		json_put_cstr(w, "tool_use_id", b->id);
		json_put_str(w, "content", b->text);
		if (b->is_error)
			json_put_bool(w, "is_error", true);
		break;
	}
	json_object_close(w);
}

static void put_message(struct arena *a, struct json_writer *w, const struct llm_message *m)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "role", m->role == LLM_USER ? "user" : "assistant");
	json_array_open(w, "content");
	for (size_t i = 0; i < m->nblocks; i++)
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

static void build(struct arena *a, const struct llm_request *req, struct buf *body)
{
	struct json_writer w = {.b = body};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "model", req->provider.model);
	json_put_i64(&w, "max_tokens", req->max_tokens);
	json_put_bool(&w, "stream", true);
	put_system(&w, req->system);
	put_tools(&w, req);
	json_array_open(&w, "messages");
	for (size_t i = 0; i < req->nmessages; i++)
		put_message(a, &w, &req->messages[i]);
	json_array_close(&w);
	json_object_close(&w);
}

static size_t headers(struct arena *a, const struct llm_provider *p, const char *out[LLM_HEADERS])
{
	out[0] = arena_printf(a, "x-api-key: %s", p->key);
	out[1] = "anthropic-version: 2023-06-01";
	return 2;
}

/* Errors, by type where there is one and by status otherwise. */
static const struct failure {
	const char *type;
	long status;
	enum err_kind kind;
	bool retry;
	const char *code;
	const char *what;
	const char *hint;
} failures[] = {
        {"authentication_error", 401, ERR_PROVIDER, false, "key_refused",
         "the model provider refused the key", "Check QUERN_LLM_KEY."},
        {"permission_error", 403, ERR_PROVIDER, false, "key_refused", "the model provider refused the key",
         "Check what the key in QUERN_LLM_KEY may do."},
        {"not_found_error", 404, ERR_PROVIDER, false, "unknown_model",
         "the model provider does not know this model or address",
         "Check the project's model, QUERN_LLM_MODEL and QUERN_LLM_URL."},
        {"rate_limit_error", 429, ERR_RATE_LIMITED, true, "rate_limit",
         "the model provider's rate limit is reached", "Try again in a minute."},
        {"overloaded_error", 529, ERR_UNAVAILABLE, true, "overloaded", "the model provider is overloaded",
         "Try again in a minute."},
        {"request_too_large", 413, ERR_TOO_LARGE, false, "request_too_large",
         "the request is too large for the model provider",
         "Start a new conversation, or ask about less data at once."},
        {"billing_error", 402, ERR_PROVIDER, false, "billing",
         "the model provider's account cannot pay for this request", NULL},
        {"timeout_error", 504, ERR_TIMEOUT, true, "provider_timeout", "the model provider took too long",
         "Try again."},
        {"api_error", 500, ERR_PROVIDER, true, "provider_error", "the model provider failed",
         "Try again in a minute."},
        {"invalid_request_error", 400, ERR_PROVIDER, false, "bad_request",
         "the model provider refused the request", NULL},
        {NULL, 408, ERR_PROVIDER, true, "provider_error",
         "the model provider did not get the request in time", "Try again."},
        {NULL, 409, ERR_PROVIDER, true, "provider_error", "the model provider could not take the request",
         "Try again."},
};

static const struct failure *failure_of(const char *type, long status)
{
	static const struct failure server = {NULL,
	                                      0,
	                                      ERR_PROVIDER,
	                                      true,
	                                      "provider_error",
	                                      "the model provider failed",
	                                      "Try again in a minute."};
	static const struct failure client = {
	        NULL, 0, ERR_PROVIDER, false, "bad_request", "the model provider refused the request", NULL};
	size_t n = sizeof(failures) / sizeof(*failures);

	for (size_t i = 0; type && i < n; i++)
		if (failures[i].type && strcmp(failures[i].type, type) == 0)
			return &failures[i];
	for (size_t i = 0; i < n; i++)
		if (failures[i].status == status)
			return &failures[i];
	return status >= 500 || status == 0 ? &server : &client;
}

static struct err *failed(struct llm_stream *s, struct json_object *error, long status)
{
	const struct failure *f = failure_of(json_get_str(error, "type"), status);
	struct err *e;

	s->retry = f->retry;
	e = llm_refused(s, f->kind, f->code, f->what, json_get_str(error, "message"));
	return f->hint ? err_hint(e, "%s", f->hint) : e;
}

static struct err *refusal(struct llm_stream *s, long status, struct str body)
{
	struct json_object *o = NULL;

	if (json_read(s->scratch, body, JSON_DEPTH, &o))
		o = NULL;
	return failed(s, json_get(o, "error"), status);
}

/* Cached input is counted apart by the provider; later figures replace earlier ones where they are given. */
static void read_usage(struct llm_stream *s, struct json_object *usage)
{
	struct llm_usage *u = &s->usage;
	int64_t plain;

	if (!usage)
		return;
	plain = json_get_i64(usage, "input_tokens", -1);
	if (plain >= 0) {
		u->cached_tokens = json_get_i64(usage, "cache_read_input_tokens", 0);
		u->input_tokens =
		        plain + u->cached_tokens + json_get_i64(usage, "cache_creation_input_tokens", 0);
	}
	u->output_tokens = json_get_i64(usage, "output_tokens", u->output_tokens);
}

static struct err *message_start(struct llm_stream *s, struct json_object *o)
{
	struct json_object *message = json_get(o, "message");

	s->model = arena_strdup(s->a, json_get_str(message, "model"));
	read_usage(s, json_get(message, "usage"));
	return NULL;
}

static int kind_of(const char *type)
{
	if (type && strcmp(type, "text") == 0)
		return LLM_TEXT;
	if (type && strcmp(type, "tool_use") == 0)
		return LLM_TOOL_USE;
	return -1;
}

static struct err *block_start(struct llm_stream *s, struct json_object *o)
{
	struct json_object *block = json_get(o, "content_block"), *input = json_get(block, "input");
	struct llm_part *part;

	part = llm_part_open(s, json_get_i64(o, "index", 0), kind_of(json_get_str(block, "type")));
	if (!part)
		return err_new(s->a, ERR_PROVIDER,
		               "the reply of the model has too many blocks or repeats one");
	part->id = arena_strdup(s->a, json_get_str(block, "id"));
	part->name = arena_strdup(s->a, json_get_str(block, "name"));
	TRY(llm_part_text(s, part, str_of(json_get_str(block, "text"))));
	if (input && json_object_is_type(input, json_type_object) && json_object_object_length(input))
		return llm_part_input(s, part, json_object_to_json_string_ext(input, JSON_C_TO_STRING_PLAIN));
	return NULL;
}

static struct err *block_delta(struct llm_stream *s, struct json_object *o)
{
	struct llm_part *part = llm_part_find(s, json_get_i64(o, "index", 0));
	struct json_object *delta = json_get(o, "delta");

	TRY(llm_part_text(s, part, str_of(json_get_str(delta, "text"))));
	return llm_part_input(s, part, json_get_str(delta, "partial_json"));
}

static enum llm_stop stop_of(const char *reason)
{
	static const struct {
		const char *reason;
		enum llm_stop stop;
	} reasons[] = {
	        {"end_turn", LLM_STOP_END},
	        {"stop_sequence", LLM_STOP_END},
	        {"tool_use", LLM_STOP_TOOL},
	        {"max_tokens", LLM_STOP_LENGTH},
	        {"model_context_window_exceeded", LLM_STOP_LENGTH},
	        {"refusal", LLM_STOP_REFUSAL},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			return reasons[i].stop;
	return LLM_STOP_OTHER;
}

static struct err *message_delta(struct llm_stream *s, struct json_object *o)
{
	const char *reason = json_get_str(json_get(o, "delta"), "stop_reason");

	if (reason) {
		s->stop = stop_of(reason);
		s->stopped = true;
	}
	read_usage(s, json_get(o, "usage"));
	return NULL;
}

static struct err *message_stop(struct llm_stream *s, struct json_object *o)
{
	(void)o;
	s->ended = true;
	return NULL;
}

static struct err *stream_error(struct llm_stream *s, struct json_object *o)
{
	return failed(s, json_get(o, "error"), 0);
}

static const struct {
	const char *type;
	struct err *(*handle)(struct llm_stream *s, struct json_object *o);
} events[] = {
        {"content_block_delta", block_delta}, {"content_block_start", block_start},
        {"message_start", message_start},     {"message_delta", message_delta},
        {"message_stop", message_stop},       {"error", stream_error},
};

/* A piece of text as it usually looks: nearly all events of a stream are such, and none of them needs a tree. */
static bool is_text_delta(struct llm_stream *s, struct str data, int64_t *index, struct str *text)
{
	struct json_pull event[] = {{"type", STR("")}, {"index", STR("")}, {"delta", STR("")}};
	struct json_pull delta[] = {{"type", STR("")}, {"text", STR("")}};

	return json_pull(data, event, 3) && str_is(event[0].raw, "\"content_block_delta\"") &&
	       str_to_i64(event[1].raw, index) && json_pull(event[2].raw, delta, 2) &&
	       str_is(delta[0].raw, "\"text_delta\"") && json_pull_str(s->scratch, delta[1].raw, text);
}

static struct err *handle(struct llm_stream *s, struct str data)
{
	struct json_object *o = NULL;
	const char *type;
	struct str text;
	int64_t index;

	if (is_text_delta(s, data, &index, &text))
		return llm_part_text(s, llm_part_find(s, index), text);
	if (json_read(s->scratch, data, JSON_DEPTH, &o)) {
		s->retry = true;
		return err_new(s->a, ERR_PROVIDER, "the model provider sent an event that is not JSON");
	}
	type = json_get_str(o, "type");
	for (size_t i = 0; type && i < sizeof(events) / sizeof(*events); i++)
		if (strcmp(events[i].type, type) == 0)
			return events[i].handle(s, o);
	return NULL;
}

static struct err *on_event(void *stream, const struct sse_event *event)
{
	struct llm_stream *s = stream;
	struct arena_mark mark = arena_mark(s->scratch);
	struct err *e = s->ended ? NULL : handle(s, event->data);

	arena_reset(s->scratch, mark);
	return e;
}

const struct llm_format llm_anthropic = {"anthropic", "/v1/messages", build, headers, on_event, refusal};
