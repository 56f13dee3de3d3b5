/* describe_table: tables of the dictionary in full, with what people have kept about them. */
#include "agent/tool_priv.h"
#include "lib/arena.h"

enum { NAME_WORDS = 8, NEAREST = 5, LEARNING_BYTES = 1000, MOST = 10, LISTED = 100 };

/* Those of a like name, or all where there are few. */
static const char *names_near(struct arena *a, const struct catalog *c, const char *name)
{
	struct agent_words asked = agent_words(a, str_of(name), NAME_WORDS);
	struct agent_fit best[NEAREST];
	struct buf b = buf_init(a, BUF_LINE);
	size_t n = 0;

	for (size_t i = 0; i < c->ntables; i++) {
		int score = agent_fit_table(a, &asked, &c->tables[i]);

		if (score >= AGENT_NEAR)
			n = agent_fit_add(best, n, NEAREST, (struct agent_fit){&c->tables[i], NULL, score});
	}
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "Near it: ", best[i].table->name);
	if (n)
		return buf_cstr(&b);
	for (size_t i = 0; i < c->ntables && i < LISTED; i++)
		buf_printf(&b, "%s%s", i ? ", " : "The tables are: ", c->tables[i].name);
	if (c->ntables > LISTED)
		buf_printf(&b, " and %zu more; search_schema finds them", c->ntables - LISTED);
	return b.n ? buf_cstr(&b) : "There are no tables.";
}

static void put_unknown(struct buf *b, struct arena *a, const struct agent_scene *scene, const char *name)
{
	const char *shown = str_dup(a, str_utf8_cut(str_of(name), 100));

	if (agent_is_hidden(scene, name))
		buf_printf(b, "this person may not see the table \"%s\". Say so. %s.\n\n", shown,
		           names_near(a, scene->catalog, name));
	else
		buf_printf(b, "there is no table \"%s\". %s.\n\n", shown,
		           names_near(a, scene->catalog, name));
}

static struct err *put_table(struct tool_env *env, const struct agent_scene *scene,
                             const struct catalog_table *t, struct buf *b)
{
	struct buf learnt = buf_init(env->ctx->a, BUF_LINE), table = buf_init(env->ctx->a, BUF_PAGE);

	catalog_describe(t, &table);
	agent_put_within(b, "table", buf_str(&table));
	TRY(agent_learnings_put(env->ctx, scene, env->project->id, env->question, t->name, LEARNING_BYTES,
	                        &learnt));
	if (learnt.n)
		agent_put_within(b, "learnings", buf_str(&learnt));
	return NULL;
}

static struct err *run(struct tool_env *env, struct json_object *args, struct tool_result *out)
{
	struct arena *a = env->ctx->a;
	struct json_object *names = json_get_array(args, "tables");
	struct buf b = buf_init(a, BUF_PAGE), found = buf_init(a, BUF_LINE);
	struct agent_scene *scene;
	size_t n = 0;

	TRY(agent_scene_load(env->ctx, env->project, env->role, &scene));
	for (size_t i = 0; i < json_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));
		const struct catalog_table *t = catalog_find(scene->catalog, name);

		if (t)
			TRY(put_table(env, scene, t, &b));
		else
			put_unknown(&b, a, scene, name);
		if (t)
			buf_printf(&found, "%s%s: %zu columns", n++ ? ", " : "", t->name, t->ncolumns);
	}
	if (!n)
		return err_new(a, ERR_NOT_FOUND, "%s", str_dup(a, str_trim(buf_str(&b))));
	out->text = buf_str(&b);
	out->detail = buf_cstr(&found);
	return NULL;
}

const struct tool tool_describe_table = {
        "describe_table",
        "Looking up tables",
        "Returns tables of the dictionary in full: columns, types, keys, comments, sample values, and what people have"
        " noted about them. Ask for all tables that you need at once.",
        "{\"type\":\"object\",\"properties\":{\"tables\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":10,"
        "\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200},\"description\":\"Names of the tables.\"}},"
        "\"required\":[\"tables\"],\"additionalProperties\":false}",
        TOOL_READS,
        run,
};
