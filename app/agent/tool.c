/* The tools: what the model sees of them, and the one way in which a call of it is run. */
#include "agent/agent_priv.h"

#include <json-c/linkhash.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"

static const struct tool *const tools[] = {
#define TOOL(symbol) &symbol,
#include "agent/tools.def"
#undef TOOL
};

enum {
	TOOLS = 0
#define TOOL(symbol) +1
#include "agent/tools.def"
#undef TOOL
};

const struct llm_tool *agent_tools(struct arena *a, size_t *n)
{
	struct llm_tool *list = ARENA_ARRAY(a, struct llm_tool, TOOLS);

	for (size_t i = 0; i < TOOLS; i++)
		list[i] = (struct llm_tool){tools[i]->name, tools[i]->summary, tools[i]->schema};
	*n = TOOLS;
	return list;
}

static const struct tool *find(const char *name)
{
	for (size_t i = 0; i < TOOLS; i++)
		if (strcmp(tools[i]->name, name) == 0)
			return tools[i];
	return NULL;
}

static bool has_type(struct json_object *v, const char *type)
{
	static const struct {
		const char *name;
		enum json_type type;
	} types[] = {{"string", json_type_string},
	             {"integer", json_type_int},
	             {"boolean", json_type_boolean},
	             {"array", json_type_array},
	             {"object", json_type_object}};

	for (size_t i = 0; type && i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].name, type) == 0)
			return json_object_is_type(v, types[i].type);
	return false;
}

static struct err *wrong(struct arena *a, const struct tool *tool, const char *what, const char *name)
{
	return err_hint(err_code(err_new(a, ERR_INVALID, "%s: argument \"%s\" %s", tool->name, name, what),
	                         "arguments"),
	                "The arguments are: %s", tool->schema);
}

/* Holds arguments against the schema: required ones there, no unknown ones, each of its type. */
static struct err *check_args(struct arena *a, const struct tool *tool, struct json_object *args)
{
	struct json_object *schema, *properties, *required;

	TRY(json_read(a, str_of(tool->schema), JSON_DEPTH, &schema));
	properties = json_get(schema, "properties");
	required = json_get_array(schema, "required");
	for (size_t i = 0; required && i < json_object_array_length(required); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(required, i));

		if (!json_get(args, name))
			return wrong(a, tool, "is missing", name);
	}
	json_object_object_foreach(args, key, value) {
		struct json_object *property = json_get(properties, key);

		if (!property)
			return wrong(a, tool, "is unknown", key);
		if (!has_type(value, json_get_str(property, "type")))
			return wrong(a, tool, "has the wrong type", key);
	}
	return NULL;
}

static struct err *parse_args(struct arena *a, const struct llm_block *call, struct json_object **args)
{
	struct err *e = json_read(a, call->input, JSON_DEPTH, args);

	if (!e && json_object_is_type(*args, json_type_object))
		return NULL;
	*args = NULL;
	return err_code(
	        err_new(a, ERR_INVALID, "the arguments of %s are not a whole JSON object", call->name),
	        "arguments");
}

static struct err *run_tool(struct agent_run *r, struct ctx *ctx, const struct llm_block *call,
                            struct tool_result *out)
{
	const struct tool *tool = find(call->name);
	struct json_object *args;

	if (!tool)
		return err_hint(err_new(ctx->a, ERR_INVALID, "there is no tool \"%s\"", call->name),
		                "The tools are execute_sql and describe_table.");
	TRY(parse_args(ctx->a, call, &args));
	TRY(check_args(ctx->a, tool, args));
	return tool->run(r, ctx, args, out);
}

const char *agent_err_text(struct arena *a, const struct err *e)
{
	struct buf b = buf_init(a, BUF_LINE);

	buf_printf(&b, "ERROR: %s\n", e->message);
	if (e->detail)
		buf_printf(&b, "DETAIL: %s\n", e->detail);
	if (e->hint)
		buf_printf(&b, "HINT: %s\n", e->hint);
	if (e->position)
		buf_printf(&b, "POSITION: character %d of the statement\n", e->position);
	return b.full ? e->message : buf_cstr(&b);
}

struct err *agent_emit_call(struct agent_run *r, struct arena *a, int64_t n, const struct llm_block *call)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &b};
	struct json_object *args;
	bool sound = !parse_args(a, call, &args);

	json_object_open(&w, NULL);
	json_put_i64(&w, "n", n);
	json_put_cstr(&w, "id", call->id);
	json_put_cstr(&w, "tool", call->name);
	json_put_raw(&w, "input", sound ? call->input : STR("{}"));
	json_object_close(&w);
	return agent_emit(r, "tool_call", buf_str(&b));
}

struct err *agent_emit_result(struct agent_run *r, struct arena *a, int64_t n, const struct llm_block *call,
                              const struct tool_result *t, int64_t ms)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "n", n);
	json_put_cstr(&w, "id", call->id);
	json_put_bool(&w, "ok", t->ok);
	if (t->run_id)
		json_put_i64(&w, "run_id", t->run_id);
	if (t->rows >= 0)
		json_put_i64(&w, "rows", t->rows);
	json_put_bool(&w, "truncated", t->truncated);
	json_put_i64(&w, "ms", ms);
	agent_caveats_put(&w, t->caveats, t->ncaveats);
	if (t->error) {
		json_object_open(&w, "error");
		json_put_err_facts(&w, t->error);
		json_object_close(&w);
	}
	json_object_close(&w);
	return agent_emit(r, "tool_result", buf_str(&b));
}

/* The error as the tool's answer; an error that is not the model's business ends the turn instead. */
static struct err *answer_error(struct agent_run *r, struct arena *a, const struct err *e,
                                struct tool_result *out)
{
	if (!err_model_may_see(e->kind))
		return err_copy(r->ctx.a, e);
	out->ok = false;
	out->error = e;
	out->text = str_of(agent_err_text(a, e));
	out->detail = e->message;
	return NULL;
}

static struct err *call_in(struct agent_run *r, struct ctx *ctx, const struct llm_block *call,
                           struct llm_block *result)
{
	const struct tool *tool = find(call->name);
	struct tool_result out = {.ok = true, .rows = -1};
	int64_t n, began_us = clock_mono_us();
	struct err *e;

	TRY(agent_step_open(r, "tool", tool ? tool->label : "Calling a tool", &n));
	TRY(agent_emit_call(r, ctx->a, n, call));
	e = run_tool(r, ctx, call, &out);
	if (e && (e = answer_error(r, ctx->a, e, &out)) != NULL) {
		struct err *closing = agent_step_close(r, n, false, NULL);

		return closing ? closing : e;
	}
	TRY(agent_emit_result(r, ctx->a, n, call, &out, (clock_mono_us() - began_us) / 1000));
	TRY(agent_step_close(r, n, out.ok, out.detail));
	*result = (struct llm_block){.kind = LLM_TOOL_RESULT,
	                             .id = call->id,
	                             .is_error = !out.ok,
	                             .text = str_of(str_dup(r->ctx.a, out.text))};
	return NULL;
}

struct err *agent_call(struct agent_run *r, const struct llm_block *call, struct llm_block *result)
{
	struct ctx ctx = r->ctx;
	struct err *e;

	ctx.a = arena_create();
	e = call_in(r, &ctx, call, result);
	arena_free(ctx.a);
	return e;
}
