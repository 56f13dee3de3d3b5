/* sample_rows: a few rows of a table, as this person may see them. */
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"

enum { ROWS = 5 };

static struct err *no_table(struct arena *a, const struct agent_scene *scene, const char *name)
{
	if (agent_is_hidden(scene, name))
		return err_hint(err_new(a, ERR_NOT_FOUND, "this person may not see the table \"%s\"", name),
		                "Say so.");
	return err_hint(err_new(a, ERR_NOT_FOUND, "there is no table \"%s\"", name),
	                "search_schema finds tables by words.");
}

static struct err *run(struct tool_env *env, struct json_object *args, struct tool_result *out)
{
	struct arena *a = env->ctx->a;
	const char *name = json_get_str(args, "table");
	const struct catalog_table *t;
	struct agent_scene *scene;

	TRY(agent_scene_load(env->ctx, env->project, env->role, &scene));
	t = catalog_find(scene->catalog, name);
	if (!t)
		return no_table(a, scene, name);
	return tool_query(env, scene,
	                  arena_printf(a, "SELECT * FROM %s LIMIT %lld", t->ident,
	                               (long long)json_get_i64(args, "rows", ROWS)),
	                  out);
}

const struct tool tool_sample_rows = {
        "sample_rows",
        "Looking at some rows",
        "Returns a few rows of one table, in no particular order: how its values are written. Not for answers: use"
        " execute_sql for those.",
        "{\"type\":\"object\",\"properties\":{\"table\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200},"
        "\"rows\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":20,\"description\":\"How many; 5 if not"
        " given.\"}},\"required\":[\"table\"],\"additionalProperties\":false}",
        TOOL_READS,
        run,
};
