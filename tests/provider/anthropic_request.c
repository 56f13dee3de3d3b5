/* A Messages request held against the rules of the format: headers, fields, turns that alternate, a result for each tool
 * call, thinking that is sent back as it was. */
#include <string.h>

#include "lib/arena.h"
#include "provider.h"

enum { CACHE_MARKS = 4, LEAST_BUDGET = 1024 };

struct refused anthropic_head(const struct http_in *in)
{
	struct str path = in->path;

	if (!str_is(in->method, "POST") || !str_is(str_chop(&path, '?'), "/v1/messages"))
		return (struct refused){404, "not_found_error", "Not found"};
	if (in->key.n == 0)
		return (struct refused){401, "authentication_error", "x-api-key header is required"};
	if (str_is(in->key, "bad-key"))
		return (struct refused){401, "authentication_error", "invalid x-api-key"};
	if (!str_is(in->version, "2023-06-01"))
		return (struct refused){400, "invalid_request_error",
		                        "anthropic-version: header is required"};
	return (struct refused){0};
}

static const char *only_keys(struct check *c, struct json_object *o, const char *where,
                             const char *const *known, size_t n)
{
	const char *key, *all[24];

	memcpy(all, known, n * sizeof(*known));
	all[n] = "cache_control";
	if (json_get(o, "cache_control"))
		c->marks++;
	key = check_unknown_key(o, all, n + 1);
	return key ? arena_printf(c->a, "%s.%s: Extra inputs are not permitted", where, key) : NULL;
}

static const char *check_text(struct check *c, struct json_object *b, const char *where)
{
	const char *text = json_get_str(b, "text");

	if (!text || str_trim(str_of(text)).n == 0)
		return arena_printf(c->a, "%s: text content blocks must contain non-whitespace text", where);
	return only_keys(c, b, where, KEYS("type", "text"));
}

static const char *check_user_text(struct check *c, struct json_object *b, const char *where)
{
	check_question(c, json_get_str(b, "text"));
	return check_text(c, b, where);
}

static const char *check_thinking(struct check *c, struct json_object *b, const char *where)
{
	const char *signature = json_get_str(b, "signature");

	if (!json_get_str(b, "thinking") || !signature)
		return arena_printf(c->a, "%s: thinking needs thinking and signature", where);
	if (strcmp(signature, SIGNATURE) != 0)
		return arena_printf(c->a, "%s: Invalid `signature` in `thinking` block", where);
	return only_keys(c, b, where, KEYS("type", "thinking", "signature"));
}

static const char *check_redacted(struct check *c, struct json_object *b, const char *where)
{
	if (!json_get_str(b, "data") || !*json_get_str(b, "data"))
		return arena_printf(c->a, "%s.data: Field required", where);
	return only_keys(c, b, where, KEYS("type", "data"));
}

static const char *check_tool_use(struct check *c, struct json_object *b, const char *where)
{
	const char *id = json_get_str(b, "id"), *name = json_get_str(b, "name");
	struct json_object *input = json_get(b, "input");

	if (!id || !check_name(id) || !name || !input || !json_object_is_type(input, json_type_object))
		return arena_printf(c->a, "%s: tool_use needs id, name and an input object", where);
	if (!c->has_tools)
		return arena_printf(c->a, "%s: requests with tool use must define tools", where);
	if (!check_call_open(c, id))
		return arena_printf(c->a, "%s: `tool_use` ids must be unique", where);
	return only_keys(c, b, where, KEYS("type", "id", "name", "input"));
}

static const char *check_tool_result(struct check *c, struct json_object *b, const char *where)
{
	const char *id = json_get_str(b, "tool_use_id");

	if (!check_call_close(c, id, json_get_str(b, "content")))
		return arena_printf(c->a, "%s: unexpected `tool_use_id` found in `tool_result` blocks: %s",
		                    where, id ? id : "none");
	return only_keys(c, b, where, KEYS("type", "tool_use_id", "content", "is_error"));
}

static const struct {
	const char *type;
	bool user;
	const char *(*check)(struct check *c, struct json_object *b, const char *where);
} blocks[] = {
        {"text", true, check_user_text},     {"text", false, check_text},
        {"thinking", false, check_thinking}, {"redacted_thinking", false, check_redacted},
        {"tool_use", false, check_tool_use}, {"tool_result", true, check_tool_result},
};

static const char *check_block(struct check *c, struct json_object *b, bool user, const char *where)
{
	const char *type = json_get_str(b, "type");

	for (size_t i = 0; type && i < sizeof(blocks) / sizeof(*blocks); i++)
		if (blocks[i].user == user && strcmp(blocks[i].type, type) == 0)
			return blocks[i].check(c, b, where);
	return arena_printf(c->a, "%s: Input tag '%s' is not expected here", where, type ? type : "");
}

static bool is_thinking(struct json_object *b)
{
	const char *type = json_get_str(b, "type");

	return type && (strcmp(type, "thinking") == 0 || strcmp(type, "redacted_thinking") == 0);
}

static const char *check_blocks(struct check *c, struct json_object *content, bool user, size_t i, bool last)
{
	size_t n = json_object_array_length(content), open = c->nopen;

	if (n == 0)
		return arena_printf(c->a, "messages.%zu: all messages must have non-empty content", i);
	for (size_t j = 0; j < n; j++) {
		const char *where = arena_printf(c->a, "messages.%zu.content.%zu", i, j);
		const char *why = check_block(c, json_object_array_get_idx(content, j), user, where);

		if (why)
			return why;
	}
	if (!user && last && c->thinks && c->nopen > open &&
	    !is_thinking(json_object_array_get_idx(content, 0)))
		return arena_printf(
		        c->a,
		        "messages.%zu.content.0.type: Expected `thinking` or `redacted_thinking`, but"
		        " found `tool_use`",
		        i);
	return NULL;
}

static const char *check_message(struct check *c, struct json_object *m, size_t i, size_t n)
{
	const char *role = json_get_str(m, "role"), *why = NULL;
	struct json_object *content = json_get(m, "content");
	bool user = i % 2 == 0;

	c->answered = c->answered && user;
	if (!role || strcmp(role, user ? "user" : "assistant") != 0)
		return arena_printf(
		        c->a, "messages.%zu: roles must alternate between \"user\" and \"assistant\"", i);
	if (json_object_is_type(content, json_type_array))
		why = check_blocks(c, content, user, i, i + 2 == n);
	else if (!json_object_is_type(content, json_type_string) || !*json_object_get_string(content))
		why = arena_printf(c->a, "messages.%zu.content: Input should be a valid string or list", i);
	else if (user)
		check_question(c, json_object_get_string(content));
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
	size_t n = json_length(messages);

	if (n == 0)
		return "messages: at least one message is required";
	for (size_t i = 0; i < n; i++) {
		const char *why = check_message(c, json_object_array_get_idx(messages, i), i, n);

		if (why)
			return why;
	}
	return n % 2 ? NULL : "messages: the final message must be from the user";
}

static const char *check_tools(struct check *c, struct json_object *tools)
{
	c->has_tools = json_length(tools) > 0;
	for (size_t i = 0; i < json_length(tools); i++) {
		struct json_object *t = json_object_array_get_idx(tools, i);
		const char *where = arena_printf(c->a, "tools.%zu", i), *why;
		const char *type = json_get_str(json_get(t, "input_schema"), "type");

		if (!check_name(json_get_str(t, "name")))
			return arena_printf(
			        c->a, "%s.name: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'", where);
		if (!type || strcmp(type, "object") != 0)
			return arena_printf(c->a, "%s.input_schema.type: Field required", where);
		why = only_keys(c, t, where, KEYS("name", "description", "input_schema"));
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

static const char *check_limits(struct check *c, struct json_object *o)
{
	struct json_object *thinking = json_get(o, "thinking");
	const char *type = json_get_str(thinking, "type"), *model = json_get_str(o, "model");
	int64_t budget = json_get_i64(thinking, "budget_tokens", 0), most = json_get_i64(o, "max_tokens", 0);

	if (most < 1)
		return "max_tokens: Field required, at least 1";
	if (!thinking || (type && strcmp(type, "disabled") == 0))
		return NULL;
	c->thinks = true;
	if (type && strcmp(type, "adaptive") == 0)
		return NULL;
	if (str_starts(str_of(model), STR("adaptive")))
		return "\"thinking.type.enabled\" is not supported for this model. Use"
		       " \"thinking.type.adaptive\" to control thinking behavior.";
	if (!type || strcmp(type, "enabled") != 0 || budget < LEAST_BUDGET)
		return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
	return budget < most ? NULL : "`max_tokens` must be greater than `thinking.budget_tokens`";
}

const char *anthropic_check(struct check *c, struct json_object *body)
{
	const char *why = only_keys(c, body, "body",
	                            KEYS("model", "max_tokens", "messages", "system", "tools", "tool_choice",
	                                 "stream", "temperature", "stop_sequences", "metadata", "thinking"));

	if (!why && !json_get_str(body, "model"))
		why = "model: Field required";
	if (!why)
		why = check_limits(c, body);
	if (!why)
		why = check_system(c, json_get(body, "system"));
	if (!why)
		why = check_tools(c, json_get_array(body, "tools"));
	if (!why)
		why = check_messages(c, json_get_array(body, "messages"));
	if (!why && c->marks > CACHE_MARKS)
		why = "A maximum of 4 blocks with cache_control may be provided";
	return why;
}
