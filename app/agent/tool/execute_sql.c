/* execute_sql: one guarded statement. */
#include "agent/tool_priv.h"

static struct err *run(struct tool_env *env, struct json_object *args, struct tool_result *out)
{
	struct agent_scene *scene;

	TRY(agent_scene_load(env->ctx, env->project, env->role, &scene));
	return tool_query(env, scene, json_get_str(args, "sql"), out);
}

const struct tool tool_execute_sql = {
        "execute_sql",
        "Querying the database",
        "Runs one PostgreSQL SELECT statement, read-only, and returns its columns and rows. Tables of the"
        " dictionary only. A failed statement returns what was wrong and which names there are: correct it and try"
        " again; the same statement is never run twice.",
        "{\"type\":\"object\",\"properties\":{\"sql\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":32000,"
        "\"description\":\"One SELECT statement, without a semicolon.\"}},\"required\":[\"sql\"],"
        "\"additionalProperties\":false}",
        TOOL_READS,
        run,
};
