/*
 * Anthropic Messages: the stream's events, and replies that come whole. Events, blocks and fields that are not known
 * here are passed over, as the format asks of clients.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "llm/llm_priv.h"

static char *address(struct arena *a, const struct llm_provider *p)
{
	return llm_address(a, p->url, "/messages", true);
}

static size_t headers(struct arena *a, const struct llm_provider *p, const char *out[LLM_HEADERS])
{
	out[0] = arena_printf(a, "x-api-key: %s", p->key);
	out[1] = "anthropic-version: 2023-06-01";
	return 2;
}

static struct err *failed(struct llm_stream *s, struct json_object *error, long status)
{
	return llm_failed(s, NULL, json_get_str(error, "type"), status, json_get_str(error, "message"));
}

static struct err *refusal(struct llm_stream *s, long status, struct json_object *o)
{
	return failed(s, json_get(o, "error"), status);
}

/* Cached input is counted apart by the provider; later figures replace earlier ones where they are given. */
static void read_usage(struct llm_stream *s, struct json_object *usage)
{
	struct llm_usage *u = &s->usage;

	s->fresh_tokens = json_get_i64(usage, "input_tokens", s->fresh_tokens);
	s->stored_tokens = json_get_i64(usage, "cache_creation_input_tokens", s->stored_tokens);
	u->cached_tokens = json_get_i64(usage, "cache_read_input_tokens", u->cached_tokens);
	u->input_tokens = s->fresh_tokens + s->stored_tokens + u->cached_tokens;
	u->output_tokens = json_get_i64(usage, "output_tokens", u->output_tokens);
}

static void read_model(struct llm_stream *s, struct json_object *message)
{
	const char *model = json_get_str(message, "model");

	if (model && *model)
		s->model = arena_strdup(s->a, model);
	read_usage(s, json_get(message, "usage"));
}

static const struct {
	const char *type;
	int kind;
	bool is_redacted;
} blocks[] = {
        {"text", LLM_TEXT, false},
        {"thinking", LLM_THINKING, false},
        {"redacted_thinking", LLM_THINKING, true},
        {"tool_use", LLM_TOOL_USE, false},
};

/* A call that came with the message's start, when it comes as a block of its own, too. */
static void forget_early(struct llm_stream *s, const char *id)
{
	for (size_t i = 0; id && i < s->nparts; i++)
		if (s->parts[i].index < 0 && s->parts[i].id && strcmp(s->parts[i].id, id) == 0)
			s->parts[i].kind = -1;
}

static struct llm_part *part_of(struct llm_stream *s, int64_t index, const char *type)
{
	struct llm_part *part = llm_part_find(s, index) ? NULL : llm_part_add(s, index, -1);

	for (size_t i = 0; part && type && i < sizeof(blocks) / sizeof(*blocks); i++)
		if (strcmp(blocks[i].type, type) == 0) {
			part->kind = blocks[i].kind;
			part->is_redacted = blocks[i].is_redacted;
		}
	return part;
}

/* What gives thinking its worth to the provider. */
static void sign(struct llm_stream *s, struct llm_part *part, const char *signature)
{
	if (part && part->kind == LLM_THINKING && signature && *signature)
		part->signature = str_of(arena_strdup(s->a, signature));
}

/* What a block has when it begins: nothing yet, or all of it. */
static struct err *open_block(struct llm_stream *s, int64_t index, struct json_object *block)
{
	struct json_object *input = json_get(block, "input");
	struct llm_part *part = part_of(s, index, json_get_str(block, "type"));

	if (!part)
		return llm_part_refused(s);
	part->id = arena_strdup(s->a, json_get_str(block, "id"));
	part->name = arena_strdup(s->a, json_get_str(block, "name"));
	sign(s, part, json_get_str(block, part->is_redacted ? "data" : "signature"));
	if (part->kind == LLM_TEXT)
		return llm_part_text(s, part, str_of(json_get_str(block, "text")));
	if (part->kind == LLM_THINKING && !part->is_redacted)
		return llm_part_text(s, part, str_of(json_get_str(block, "thinking")));
	part->is_given =
	        input && json_object_is_type(input, json_type_object) && json_object_object_length(input);
	if (part->is_given)
		return llm_part_input(s, part, json_object_to_json_string_ext(input, JSON_C_TO_STRING_PLAIN));
	return NULL;
}

static struct err *block_start(struct llm_stream *s, struct json_object *o)
{
	int64_t index = json_get_i64(o, "index", 0);

	forget_early(s, json_get_str(json_get(o, "content_block"), "id"));
	return open_block(s, index < 0 ? 0 : index, json_get(o, "content_block"));
}

/* Arguments that come in pieces replace what the block began with. */
static struct err *add_input(struct llm_stream *s, struct llm_part *part, const char *json)
{
	if (json && *json && part->is_given) {
		part->content.n = 0;
		part->is_given = false;
	}
	return llm_part_input(s, part, json);
}

static struct err *block_delta(struct llm_stream *s, struct json_object *o)
{
	struct llm_part *part = llm_part_find(s, json_get_i64(o, "index", 0));
	struct json_object *delta = json_get(o, "delta");

	if (!part)
		return NULL;
	if (part->kind == LLM_TOOL_USE)
		return add_input(s, part, json_get_str(delta, "partial_json"));
	sign(s, part, json_get_str(delta, "signature"));
	return llm_part_text(s, part,
	                     str_of(json_get_str(delta, part->kind == LLM_TEXT ? "text" : "thinking")));
}

static void read_stop(struct llm_stream *s, struct json_object *o)
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
	        {"pause_turn", LLM_STOP_PAUSE},
	};
	const char *reason = json_get_str(o, "stop_reason");

	if (!reason)
		return;
	s->stopped = true;
	s->stop = LLM_STOP_OTHER;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			s->stop = reasons[i].stop;
}

static struct err *message_start(struct llm_stream *s, struct json_object *o)
{
	struct json_object *message = json_get(o, "message"), *content = json_get_array(message, "content");

	read_model(s, message);
	for (size_t i = 0; i < json_length(content); i++)
		TRY(open_block(s, -1 - (int64_t)i, json_object_array_get_idx(content, i)));
	return NULL;
}

static struct err *message_delta(struct llm_stream *s, struct json_object *o)
{
	read_stop(s, json_get(o, "delta"));
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
	struct llm_part *part;
	const char *type;
	struct str text;
	int64_t index;

	if (is_text_delta(s, data, &index, &text)) {
		part = llm_part_find(s, index);
		return part && part->kind == LLM_TEXT ? llm_part_text(s, part, text) : NULL;
	}
	TRY(llm_json_read(s, data, &o));
	type = json_get_str(o, "type");
	for (size_t i = 0; type && i < sizeof(events) / sizeof(*events); i++)
		if (strcmp(events[i].type, type) == 0)
			return events[i].handle(s, o);
	return NULL;
}

/* Pings may come without data. */
static struct err *on_event(void *stream, const struct sse_event *event)
{
	struct llm_stream *s = stream;
	struct arena_mark mark = arena_mark(s->scratch);
	struct err *e = s->ended || str_trim(event->data).n == 0 ? NULL : handle(s, event->data);

	arena_reset(s->scratch, mark);
	return e;
}

static struct err *whole(struct llm_stream *s, struct json_object *o)
{
	struct json_object *content = json_get_array(o, "content");

	if (json_get(o, "error"))
		return failed(s, json_get(o, "error"), 0);
	if (!content)
		return llm_refused(s, ERR_PROVIDER, "bad_reply", "the model provider's answer is not a reply",
		                   NULL);
	read_model(s, o);
	for (size_t i = 0; i < json_length(content); i++)
		TRY(open_block(s, (int64_t)i, json_object_array_get_idx(content, i)));
	read_stop(s, o);
	s->stopped = s->ended = true;
	return NULL;
}

static const struct llm_lesson lessons[] = {
        {"adaptive", LLM_ADAPTIVE},
        {"signature", LLM_NO_THINKING_BACK},
        {"thinking", LLM_NO_THINKING},
        {NULL, 0},
};

const struct llm_format llm_anthropic = {
        .name = "anthropic",
        .url = "https://api.anthropic.com",
        .lessons = lessons,
        .address = address,
        .build = llm_anthropic_build,
        .headers = headers,
        .on_event = on_event,
        .whole = whole,
        .refusal = refusal,
};
