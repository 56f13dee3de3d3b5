/* read_artifact: the code and the sources of an artifact as it is now. */
#include "agent/tool_priv.h"
#include "lib/arena.h"

static struct err *run(struct tool_env *env, struct json_object *args, struct tool_result *out)
{
	struct buf b = buf_init(env->ctx->a, BUF_PAGE);
	struct json_writer w = {.b = &b};
	struct artifact x;

	TRY(tool_artifact_get(env, json_get_i64(args, "id", 0), &x));
	agent_artifact_put(&w, &x);
	out->text = buf_str(&b);
	out->detail = x.title;
	return NULL;
}

const struct tool tool_read_artifact = {
        "read_artifact",
        "Reading an artifact",
        "Returns the code and the queries of an artifact, its newest version.",
        "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\",\"minimum\":1}},\"required\":[\"id\"],"
        "\"additionalProperties\":false}",
        TOOL_READS,
        run,
};
