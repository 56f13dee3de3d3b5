/* A Chat Completions request held against the rules of the format: fields, the name of the limit, roles, an answer to
 * each tool call before anything else is said. */
#include <string.h>

#include "lib/arena.h"
#include "provider.h"

enum { ID_BYTES = 40 };

/* "/local/..." is a server of one's own, which asks for no key; "/openai/deployments/..." is Azure. */
struct refused openai_head(const struct http_in *in)
{
	bool local = str_starts(in->path, STR("/local/")),
	     azure = str_starts(in->path, STR("/openai/deployments/"));
	struct str key = azure ? in->key : in->bearer;

	if (!str_is(in->method, "POST"))
		return (struct refused){404, "invalid_request_error", "Not found"};
	if (azure && str_find(in->path, STR("?api-version=")) < 0)
		return (struct refused){404, "404", "Resource not found"};
	if (!local && key.n == 0)
		return (struct refused){401, "invalid_api_key", "You didn't provide an API key."};
	if (str_is(key, "bad-key"))
		return (struct refused){401, "invalid_api_key", "Incorrect API key provided: bad-key."};
	return (struct refused){0};
}

static bool is_role(struct json_object *m, const char *role)
{
	const char *is = json_get_str(m, "role");

	return is && strcmp(is, role) == 0;
}

static const char *check_call(struct check *c, struct json_object *call, const char *where)
{
	struct json_object *function = json_get(call, "function");
	const char *id = json_get_str(call, "id"), *type = json_get_str(call, "type");
	const char *arguments = json_get_str(function, "arguments");

	if (!id || !type || strcmp(type, "function") != 0)
		return arena_printf(c->a, "Missing required parameter: '%s.id' or '%s.type'.", where, where);
	if (strlen(id) > ID_BYTES)
		return arena_printf(
		        c->a, "Invalid '%s.id': string too long. Expected a string with maximum length %d.",
		        where, ID_BYTES);
	if (!check_name(json_get_str(function, "name")) || !arguments)
		return arena_printf(c->a, "Invalid '%s.function': it needs a name and arguments as a string.",
		                    where);
	if (!check_call_open(c, id))
		return arena_printf(c->a, "Duplicate value for 'tool_call_id' of '%s' in '%s'.", id, where);
	return check_unknown_key(call, KEYS("id", "type", "function"))
	               ? "Unrecognized request argument supplied"
	               : NULL;
}

/* Models whose name begins with "reasoner" want their reasoning back with calls; the others do not know it. */
static const char *check_reasoning(struct check *c, struct json_object *m, size_t i)
{
	const char *model = json_get_str(c->q->body, "model");
	bool wanted = str_starts(str_of(model), STR("reasoner")) && json_get(m, "tool_calls"),
	     given = json_get(m, "reasoning_content");

	if (wanted && !given)
		return arena_printf(
		        c->a,
		        "Missing `reasoning_content` field in the assistant message at message index %zu", i);
	if (given && !wanted)
		return arena_printf(
		        c->a, "Unrecognized request argument supplied: messages[%zu].reasoning_content", i);
	return NULL;
}

static const char *check_assistant(struct check *c, struct json_object *m, size_t i)
{
	struct json_object *calls = json_get_array(m, "tool_calls");

	c->answered = false;
	if (calls && json_length(calls) == 0)
		return arena_printf(c->a, "[] is too short - 'messages.%zu.tool_calls'", i);
	if (!calls && !json_get_str(m, "content"))
		return arena_printf(
		        c->a, "Invalid value for 'messages[%zu].content': expected a string, got null.", i);
	for (size_t j = 0; j < json_length(calls); j++) {
		const char *where = arena_printf(c->a, "messages[%zu].tool_calls[%zu]", i, j);
		const char *why = check_call(c, json_object_array_get_idx(calls, j), where);

		if (why)
			return why;
	}
	return check_reasoning(c, m, i);
}

static const char *check_tool(struct check *c, struct json_object *m, size_t i)
{
	if (!json_get_str(m, "content"))
		return arena_printf(c->a, "Invalid value for 'messages[%zu].content': expected a string.", i);
	if (!check_call_close(c, json_get_str(m, "tool_call_id"), json_get_str(m, "content")))
		return "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with"
		       " 'tool_calls'.";
	return NULL;
}

static const char *check_message(struct check *c, struct json_object *m, size_t i)
{
	const char *key = check_unknown_key(
	        m, KEYS("role", "content", "tool_calls", "tool_call_id", "name", "reasoning_content"));

	if (key)
		return arena_printf(c->a, "Unrecognized request argument supplied: messages[%zu].%s", i, key);
	if (is_role(m, "tool"))
		return check_tool(c, m, i);
	if (c->nopen)
		return arena_printf(
		        c->a,
		        "An assistant message with 'tool_calls' must be followed by tool messages responding"
		        " to each 'tool_call_id'. The following tool_call_ids did not have response"
		        " messages: %s",
		        c->open[0]);
	if (is_role(m, "assistant"))
		return check_assistant(c, m, i);
	if (!json_get_str(m, "content"))
		return arena_printf(c->a, "Invalid value for 'messages[%zu].content': expected a string.", i);
	if (is_role(m, "user"))
		check_question(c, json_get_str(m, "content"));
	else if (!is_role(m, "system"))
		return arena_printf(c->a, "Invalid value for 'messages[%zu].role'.", i);
	return NULL;
}

static const char *check_messages(struct check *c, struct json_object *messages)
{
	if (json_length(messages) == 0)
		return "[] is too short - 'messages'";
	for (size_t i = 0; i < json_length(messages); i++) {
		const char *why = check_message(c, json_object_array_get_idx(messages, i), i);

		if (why)
			return why;
	}
	return c->nopen ? "An assistant message with 'tool_calls' must be followed by tool messages" : NULL;
}

static const char *check_tools(struct check *c, struct json_object *tools)
{
	if (tools && json_length(tools) == 0)
		return "[] is too short - 'tools'";
	for (size_t i = 0; i < json_length(tools); i++) {
		struct json_object *t = json_object_array_get_idx(tools, i),
		                   *function = json_get(t, "function");
		const char *type = json_get_str(json_get(function, "parameters"), "type");

		if (!check_name(json_get_str(function, "name")))
			return arena_printf(c->a, "Invalid 'tools[%zu].function.name'.", i);
		if (!type || strcmp(type, "object") != 0)
			return arena_printf(
			        c->a, "Invalid schema for function '%s': schema must be of type 'object'.",
			        json_get_str(function, "name"));
	}
	return NULL;
}

/* Models whose name begins with "o" take the new name of the limit only, those with "old" the old one. */
static const char *check_limits(struct json_object *body)
{
	const char *model = json_get_str(body, "model");
	bool is_old = str_starts(str_of(model), STR("old")),
	     is_new = str_starts(str_of(model), STR("o")) && !is_old;

	if (is_new && json_get(body, "max_tokens"))
		return "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
		       " 'max_completion_tokens' instead.";
	if (is_old && json_get(body, "max_completion_tokens"))
		return "Unrecognized request argument supplied: max_completion_tokens";
	if (is_old && json_get(body, "stream_options"))
		return "Unrecognized request argument supplied: stream_options";
	if (json_get(body, "stream_options") && !json_get_bool(body, "stream", false))
		return "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
	return NULL;
}

const char *openai_check(struct check *c, struct json_object *body)
{
	const char *key = check_unknown_key(body, KEYS("model", "max_tokens", "max_completion_tokens",
	                                               "messages", "tools", "tool_choice", "stream",
	                                               "stream_options", "temperature"));
	const char *why = key ? arena_printf(c->a, "Unrecognized request argument supplied: %s", key) : NULL;

	if (!why && !json_get_str(body, "model"))
		why = "you must provide a model parameter";
	if (!why)
		why = check_limits(body);
	if (!why)
		why = check_tools(c, json_get_array(body, "tools"));
	if (!why)
		why = check_messages(c, json_get_array(body, "messages"));
	return why;
}
