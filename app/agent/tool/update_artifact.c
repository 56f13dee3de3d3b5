/* update_artifact: a new version of an artifact, as a whole or by the places that change. */
#include <json-c/json_object.h>
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"

static struct err *replace(struct arena *a, size_t i, struct json_object *edit, struct str *code)
{
	struct str find = str_of(json_get_str(edit, "find"));
	ptrdiff_t at = str_find(*code, find);
	struct buf b = buf_init(a, BUF_PAGE);

	if (at < 0)
		return err_hint(err_new(a, ERR_INVALID, "the text of argument \"edits[%zu].find\" is not in the code", i),
		                "Read the code with read_artifact and copy the text exactly.");
	struct str behind = {code->p + (size_t)at + find.n, code->n - (size_t)at - find.n};
	if (str_find(behind, find) >= 0)
		return err_hint(err_new(a, ERR_INVALID, "the text of argument \"edits[%zu].find\" is in the code more than once", i),
		                "Give more of what stands around it.");
	buf_add(&b, code->p, (size_t)at);
	buf_add_cstr(&b, json_get_str(edit, "replace"));
	buf_add_str(&b, behind);
	*code = buf_str(&b);
	return NULL;
}

/* The code as it is to be: given whole, or the old one with its changes. */
static struct err *code_of(struct arena *a, struct json_object *args, const struct artifact *old, const char **out)
{
	struct json_object *edits = json_get_array(args, "edits");
	struct str code = str_of(old->version.code);

	*out = json_get_str(args, "code");
	if (*out && edits)
		return err_new(a, ERR_INVALID, "give either the whole code or edits of it");
	if (*out)
		return NULL;
	for (size_t i = 0; i < json_length(edits); i++)
		TRY(replace(a, i, json_object_array_get_idx(edits, i), &code));
	*out = str_dup(a, code);
	return NULL;
}

static struct err *run(struct tool_env *env, struct json_object *args, struct tool_result *out)
{
	struct json_object *data = json_get(args, "data"), *sources = json_get_array(args, "sources");
	struct artifact_draft d = {.artifact_id = json_get_i64(args, "id", 0),
	                           .title = json_get_str(args, "title"),
	                           .note = json_get_str(args, "note")};
	struct tool_sources s;
	struct artifact old;

	TRY(tool_artifact_get(env, d.artifact_id, &old));
	d.after = old.n;
	TRY(code_of(env->ctx->a, args, &old, &d.code));
	d.data = data ? json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN) : old.version.data;
	if (sources)
		TRY(tool_artifact_sources(env, sources, out, &s));
	else
		tool_artifact_kept(env, &old.version, &s);
	return out->ok ? tool_artifact_save(env, old.type, &d, &s, out) : NULL;
}

const struct tool tool_update_artifact = {
        "update_artifact",
        "Changing an artifact",
        "Makes a new version of an artifact; older ones are kept. What is left out stays as it was.",
        "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\",\"minimum\":1},\"note\":{\"type\":\"string\","
        "\"maxLength\":200,\"description\":\"What changes, in a few words.\"},\"title\":{\"type\":\"string\","
        "\"minLength\":1,\"maxLength\":100},\"edits\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":50,\"items\":{"
        "\"type\":\"object\",\"properties\":{\"find\":{\"type\":\"string\",\"minLength\":1,\"description\":\"A text that"
        " the code has exactly once.\"},\"replace\":{\"type\":\"string\"}},\"required\":[\"find\",\"replace\"],"
        "\"additionalProperties\":false},\"description\":\"For small changes.\"},\"code\":{\"type\":\"string\","
        "\"minLength\":1,\"description\":\"All of it, where much changes.\"}," TOOL_ARTIFACT_DATA
        "},\"required\":[\"id\",\"note\"],\"additionalProperties\":false}",
        TOOL_WRITES,
        run,
};
