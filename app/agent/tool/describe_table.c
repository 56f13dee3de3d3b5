/* describe_table: one table of the dictionary in full. */
#include "agent/agent_priv.h"
#include "lib/arena.h"

static struct err *not_found(struct arena *a, const struct agent_scene *scene, const char *name)
{
	const struct catalog *c = scene->catalog;
	struct buf names = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < c->ntables && i < 200; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", c->tables[i].name);
	if (agent_is_hidden(scene, name))
		return err_hint(err_new(a, ERR_NOT_FOUND, "this person may not see the table \"%s\"", name),
		                "Say so. The tables are: %s", buf_cstr(&names));
	return err_hint(err_new(a, ERR_NOT_FOUND, "there is no table \"%s\"", name), "The tables are: %s",
	                buf_cstr(&names));
}

static struct err *run(struct tool_env *env, struct json_object *args, struct tool_result *out)
{
	struct arena *a = env->ctx->a;
	const char *name = json_get_str(args, "table");
	const struct catalog_table *table;
	struct agent_scene *scene;
	struct buf b = buf_init(a, BUF_PAGE);

	TRY(agent_scene_load(env->ctx, env->project, env->role, &scene));
	table = catalog_find(scene->catalog, name);
	if (!table)
		return not_found(a, scene, name);
	catalog_describe(table, &b);
	out->text = buf_str(&b);
	out->detail = arena_printf(a, "%s: %zu columns", table->name, table->ncolumns);
	return NULL;
}

const struct tool tool_describe_table = {
        "describe_table",
        "Looking up a table",
        "Returns one table of the dictionary in full: columns, types, keys, comments, sample values.",
        "{\"type\":\"object\",\"properties\":{\"table\":{\"type\":\"string\",\"description\":\"The table's"
        " name.\"}},"
        "\"required\":[\"table\"]}",
        TOOL_READS,
        run,
};
