/*
 * What comes in: HTTP/1.1 with a Content-Length, and a Messages request that is held against the rules of the
 * format: headers, fields, turns that alternate, a result for each tool call.
 */
#include <json-c/linkhash.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "provider.h"

enum { HEAD_BYTES = 32 << 10, BODY_BYTES = 16 << 20, CALLS = 64, CACHE_MARKS = 4 };

static const struct {
	struct str name;
	size_t offset;
} headers[] = {
        {STR("x-api-key"), offsetof(struct http_in, key)},
        {STR("anthropic-version"), offsetof(struct http_in, version)},
        {STR("content-type"), offsetof(struct http_in, type)},
};

static bool header_read(struct str line, struct http_in *out, int64_t *length)
{
	struct str name = str_chop(&line, ':'), value = str_trim(line);

	if (str_eq_nocase(name, STR("content-length")))
		return str_to_i64(value, length) && *length >= 0 && *length <= BODY_BYTES;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		if (str_eq_nocase(name, headers[i].name))
			*(struct str *)((char *)out + headers[i].offset) = value;
	return true;
}

int http_parse(struct str bytes, struct http_in *out)
{
	ptrdiff_t end = str_find(bytes, STR("\r\n\r\n"));
	struct str head, line;
	int64_t length = 0;

	*out = (struct http_in){0};
	if (end < 0)
		return bytes.n > HEAD_BYTES ? -1 : 0;
	head = (struct str){bytes.p, (size_t)end};
	line = str_chop(&head, '\n');
	out->method = str_chop(&line, ' ');
	out->path = str_chop(&line, ' ');
	if (!str_starts(line, STR("HTTP/1.")))
		return -1;
	while (head.p)
		if (!header_read(str_trim(str_chop(&head, '\n')), out, &length))
			return -1;
	out->total = (size_t)end + 4 + (size_t)length;
	out->body = (struct str){bytes.p + end + 4, (size_t)length};
	return bytes.n >= out->total;
}

/* The checks: each gives the message of a refusal, or NULL. --------------------------------------------- */

struct check {
	struct arena *a;
	const char *open[CALLS]; /* calls of the assistant message before that have no result yet */
	size_t nopen;
	const char *seen[CALLS * 4]; /* all calls */
	size_t nseen;
	int marks;
	bool has_tools;
	struct question *q;
};

static bool known_key(const char *key, const char *const *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(key, known[i]) == 0)
			return true;
	return false;
}

#define KEYS(...) \
	(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

static const char *only_keys(struct check *c, struct json_object *o, const char *where,
                             const char *const *known, size_t n)
{
	json_object_object_foreach(o, key, value) {
		(void)value;
		if (strcmp(key, "cache_control") == 0 && ++c->marks <= CACHE_MARKS)
			continue;
		if (!known_key(key, known, n))
			return arena_printf(c->a, "%s.%s: Extra inputs are not permitted", where, key);
	}
	return NULL;
}

static const char *check_text(struct check *c, struct json_object *b, const char *where)
{
	const char *text = json_get_str(b, "text");

	if (!text || str_trim(str_of(text)).n == 0)
		return arena_printf(c->a, "%s: text content blocks must contain non-whitespace text", where);
	return only_keys(c, b, where, KEYS("type", "text"));
}

static const char *check_tool_use(struct check *c, struct json_object *b, const char *where)
{
	const char *id = json_get_str(b, "id"), *name = json_get_str(b, "name");
	struct json_object *input = json_get(b, "input");

	if (!id || !name || !input || !json_object_is_type(input, json_type_object))
		return arena_printf(c->a, "%s: tool_use needs id, name and an input object", where);
	if (known_key(id, c->seen, c->nseen) || c->nseen == CALLS * 4 || c->nopen == CALLS)
		return arena_printf(c->a, "%s: `tool_use` ids must be unique", where);
	if (!c->has_tools)
		return arena_printf(c->a, "%s: requests with tool use must define tools", where);
	c->seen[c->nseen++] = c->open[c->nopen++] = id;
	return only_keys(c, b, where, KEYS("type", "id", "name", "input"));
}

static const char *check_tool_result(struct check *c, struct json_object *b, const char *where)
{
	const char *id = json_get_str(b, "tool_use_id"), *content = json_get_str(b, "content");

	for (size_t i = 0; id && i < c->nopen; i++) {
		if (strcmp(c->open[i], id) != 0)
			continue;
		c->open[i] = c->open[--c->nopen];
		c->q->call++;
		c->q->result = content ? content : "";
		return only_keys(c, b, where, KEYS("type", "tool_use_id", "content", "is_error"));
	}
	return arena_printf(c->a, "%s: unexpected `tool_use_id` found in `tool_result` blocks: %s", where,
	                    id ? id : "none");
}

static const char *check_block(struct check *c, struct json_object *b, bool user, const char *where)
{
	const char *type = json_get_str(b, "type");

	if (type && strcmp(type, "text") == 0) {
		if (user) {
			c->q->text = json_get_str(b, "text");
			c->q->call = 0;
			c->q->result = "";
		}
		return check_text(c, b, where);
	}
	if (type && !user && strcmp(type, "tool_use") == 0)
		return check_tool_use(c, b, where);
	if (type && user && strcmp(type, "tool_result") == 0)
		return check_tool_result(c, b, where);
	return arena_printf(c->a, "%s: Input tag '%s' is not expected here", where, type ? type : "");
}

static const char *check_blocks(struct check *c, struct json_object *content, bool user, size_t i)
{
	if (json_object_array_length(content) == 0)
		return arena_printf(c->a, "messages.%zu: all messages must have non-empty content", i);
	for (size_t j = 0; j < json_object_array_length(content); j++) {
		const char *where = arena_printf(c->a, "messages.%zu.content.%zu", i, j);
		const char *why = check_block(c, json_object_array_get_idx(content, j), user, where);

		if (why)
			return why;
	}
	return NULL;
}

static const char *check_message(struct check *c, struct json_object *m, size_t i)
{
	const char *role = json_get_str(m, "role"), *why = NULL;
	struct json_object *content = json_get(m, "content");
	bool user = i % 2 == 0;

	if (!role || strcmp(role, user ? "user" : "assistant") != 0)
		return arena_printf(
		        c->a, "messages.%zu: roles must alternate between \"user\" and \"assistant\"", i);
	if (json_object_is_type(content, json_type_array))
		why = check_blocks(c, content, user, i);
	else if (!json_object_is_type(content, json_type_string) || !*json_object_get_string(content))
		why = arena_printf(c->a, "messages.%zu.content: Input should be a valid string or list", i);
	else if (user)
		c->q->text = json_object_get_string(content);
	if (why)
		return why;
	if (user && c->nopen)
		return arena_printf(c->a,
		                    "messages.%zu: `tool_use` ids were found without `tool_result` blocks"
		                    " immediately after: %s",
		                    i, c->open[0]);
	return only_keys(c, m, arena_printf(c->a, "messages.%zu", i), KEYS("role", "content"));
}

static const char *check_messages(struct check *c, struct json_object *messages)
{
	size_t n = messages ? json_object_array_length(messages) : 0;

	if (n == 0)
		return "messages: at least one message is required";
	for (size_t i = 0; i < n; i++) {
		const char *why = check_message(c, json_object_array_get_idx(messages, i), i);

		if (why)
			return why;
	}
	return n % 2 ? NULL : "messages: the final message must be from the user";
}

static bool name_ok(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	return n >= 1 && n <= 64 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static const char *check_tool(struct check *c, struct json_object *t, size_t i)
{
	const char *where = arena_printf(c->a, "tools.%zu", i);
	const char *type = json_get_str(json_get(t, "input_schema"), "type");

	if (!name_ok(json_get_str(t, "name")))
		return arena_printf(c->a, "%s.name: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'",
		                    where);
	if (!type || strcmp(type, "object") != 0)
		return arena_printf(c->a, "%s.input_schema.type: Field required", where);
	return only_keys(c, t, where, KEYS("name", "description", "input_schema"));
}

static const char *check_tools(struct check *c, struct json_object *tools)
{
	size_t n = tools ? json_object_array_length(tools) : 0;

	c->has_tools = n > 0;
	for (size_t i = 0; i < n; i++) {
		const char *why = check_tool(c, json_object_array_get_idx(tools, i), i);

		if (why)
			return why;
	}
	return NULL;
}

static const char *check_system(struct check *c, struct json_object *system)
{
	if (!system || json_object_is_type(system, json_type_string))
		return NULL;
	if (!json_object_is_type(system, json_type_array))
		return "system: Input should be a valid string or list";
	for (size_t i = 0; i < json_object_array_length(system); i++) {
		const char *why = check_text(c, json_object_array_get_idx(system, i), "system");

		if (why)
			return why;
	}
	return NULL;
}

static const char *check_body(struct check *c, struct json_object *o)
{
	const char *why = only_keys(c, o, "body",
	                            KEYS("model", "max_tokens", "messages", "system", "tools", "tool_choice",
	                                 "stream", "temperature", "stop_sequences", "metadata"));

	if (!why && !json_get_str(o, "model"))
		why = "model: Field required";
	if (!why && json_get_i64(o, "max_tokens", 0) < 1)
		why = "max_tokens: Field required, at least 1";
	if (!why)
		why = check_system(c, json_get(o, "system"));
	if (!why)
		why = check_tools(c, json_get_array(o, "tools"));
	if (!why)
		why = check_messages(c, json_get_array(o, "messages"));
	if (!why && c->marks > CACHE_MARKS)
		why = "A maximum of 4 blocks with cache_control may be provided";
	return why;
}

static struct refused check_head(const struct http_in *in)
{
	if (!str_is(in->method, "POST") ||
	    !(str_is(in->path, "/v1/messages") || str_starts(in->path, STR("/v1/messages?"))))
		return (struct refused){404, "not_found_error", "Not found"};
	if (in->key.n == 0)
		return (struct refused){401, "authentication_error", "x-api-key header is required"};
	if (str_is(in->key, "bad-key"))
		return (struct refused){401, "authentication_error", "invalid x-api-key"};
	if (!str_is(in->version, "2023-06-01"))
		return (struct refused){400, "invalid_request_error",
		                        "anthropic-version: header is required"};
	if (!str_starts(in->type, STR("application/json")))
		return (struct refused){400, "invalid_request_error",
		                        "content-type must be application/json"};
	return (struct refused){0};
}

struct refused question_read(struct arena *a, const struct http_in *in, struct question *out)
{
	struct check c = {.a = a, .q = out};
	struct refused r = check_head(in);
	const char *why;

	*out = (struct question){.text = "", .result = "", .bytes = in->body.n};
	if (r.status)
		return r;
	if (json_read(a, in->body, JSON_DEPTH, &out->body) ||
	    !json_object_is_type(out->body, json_type_object))
		return (struct refused){400, "invalid_request_error", "The request body is not valid JSON"};
	why = check_body(&c, out->body);
	if (why)
		return (struct refused){400, "invalid_request_error", why};
	out->model = json_get_str(out->body, "model");
	out->stream = json_get_bool(out->body, "stream", false);
	if (str_starts(str_of(out->model), STR("unknown")))
		return (struct refused){404, "not_found_error", arena_printf(a, "model: %s", out->model)};
	return (struct refused){0};
}
