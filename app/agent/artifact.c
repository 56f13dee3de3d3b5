/*
 * Artifacts as the model makes them. Its data comes from queries by reference: a run, or a statement that is tried here
 * first, so that rows never pass through the model. What a figure refers to is looked up before it is kept. A call makes one
 * version, however often it is made.
 */
#include <json-c/linkhash.h>
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"

enum { LISTED = 10, CODE_TOLD = 16 << 10, NAMES_TOLD = 40 };

/* Sources ------------------------------------------------------------------------------------------------ */

static struct err *by_run(struct tool_env *env, int64_t run_id, struct query_result **q)
{
	struct query_run_record record;

	TRY(query_load(env->ctx, run_id, &record, q));
	if (record.project_id == env->project->id && !strcmp(record.outcome, "done") && (*q)->ncolumns)
		return NULL;
	return err_new(env->ctx->a, ERR_NOT_FOUND, "run %lld has no rows here", (long long)run_id);
}

/* Tried as any other statement of the model: what is wrong with it is diagnosed. *q is NULL then. */
static struct err *by_sql(struct tool_env *env, const char *sql, struct tool_result *out, struct query_result **q)
{
	struct agent_scene *scene;
	struct query_run_record record;

	*q = NULL;
	TRY(agent_scene_load(env->ctx, env->project, env->role, &scene));
	TRY(tool_query(env, scene, sql, out));
	return out->ok ? query_load(env->ctx, out->run_id, &record, q) : NULL;
}

struct err *tool_artifact_sources(struct tool_env *env, struct json_object *list, struct tool_result *out,
                                  struct tool_sources *s)
{
	struct arena *a = env->ctx->a;

	s->n = json_length(list);
	s->p = ARENA_ARRAY(a, struct artifact_source, s->n);
	s->of = ARENA_ARRAY(a, struct query_result *, s->n);
	for (size_t i = 0; i < s->n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *sql = json_get_str(o, "sql");
		int64_t run_id = json_get_i64(o, "run", 0);

		if (!sql == !run_id)
			return err_new(a, ERR_INVALID, "argument \"sources[%zu]\" needs either a run or SQL", i);
		if (run_id)
			TRY(by_run(env, run_id, &s->of[i]));
		else
			TRY(by_sql(env, sql, out, &s->of[i]));
		if (!s->of[i])
			return NULL;
		s->p[i] = (struct artifact_source){json_get_str(o, "name"), s->of[i]->sql_asked, s->of[i]->run_id};
	}
	return NULL;
}

void tool_artifact_kept(struct tool_env *env, const struct artifact_version *old, struct tool_sources *s)
{
	struct query_run_record record;

	*s = (struct tool_sources){old->sources, old->nsources, ARENA_ARRAY(env->ctx->a, struct query_result *, old->nsources)};
	for (size_t i = 0; i < s->n; i++)
		if (!old->sources[i].run_id || query_load(env->ctx, old->sources[i].run_id, &record, &s->of[i]) ||
		    !s->of[i]->ncolumns)
			s->of[i] = NULL;
}

/* What a figure refers to ---------------------------------------------------------------------------------- */

struct references {
	struct arena *a;
	const struct tool_sources *sources;
	struct json_object *own; /* the data that came with the code, or NULL */
	const char *wrong;
};

static bool has_column(const struct query_result *q, const char *name)
{
	for (size_t i = 0; i < q->ncolumns; i++)
		if (!strcmp(q->columns[i].name, name))
			return true;
	return false;
}

static bool leads_somewhere(const struct references *r, const char *path)
{
	const char *dot = strchr(path, '.');
	struct str name = {path, dot ? (size_t)(dot - path) : strlen(path)};

	for (size_t i = 0; i < r->sources->n; i++)
		if (str_is(name, r->sources->p[i].name))
			return !dot || !r->sources->of[i] || has_column(r->sources->of[i], dot + 1);
	return r->own && json_object_object_get_ex(r->own, path, NULL);
}

static void look(struct references *r, struct json_object *o)
{
	const char *paths[] = {json_get_str(o, "$data"), json_get_str(o, "$each")};

	for (size_t i = 0; i < 2; i++)
		if (paths[i] && !r->wrong && !leads_somewhere(r, paths[i]))
			r->wrong = paths[i];
	for (size_t i = 0; json_object_is_type(o, json_type_array) && i < json_length(o); i++)
		look(r, json_object_array_get_idx(o, i));
	if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, value)
		{
			(void)key;
			look(r, value);
		}
	}
}

static void put_names(struct buf *b, const struct tool_sources *s)
{
	size_t told = 0;

	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; s->of[i] && k < s->of[i]->ncolumns && told < NAMES_TOLD; k++)
			buf_printf(b, "%s%s.%s", told++ ? ", " : "", s->p[i].name, s->of[i]->columns[k].name);
}

static struct err *check_references(struct arena *a, const char *type, const struct artifact_draft *d,
                                    const struct tool_sources *s)
{
	struct references r = {.a = a, .sources = s};
	struct buf names = buf_init(a, BUF_LINE);
	struct json_object *figure;

	if (strcmp(type, "plotly") != 0 && strcmp(type, "echarts") != 0)
		return NULL;
	if (json_read(a, str_of(d->code), JSON_DEPTH_TREE, &figure))
		return NULL; /* artifact_save() says what is wrong */
	if (d->data && json_read(a, str_of(d->data), JSON_DEPTH, &r.own))
		return NULL;
	look(&r, figure);
	if (!r.wrong)
		return NULL;
	put_names(&names, s);
	return err_hint(err_new(a, ERR_INVALID, "the figure refers to \"%s\", which its data does not have", r.wrong),
	                "There is: %s.", names.n ? buf_cstr(&names) : "nothing; name the queries in \"sources\"");
}

struct err *tool_artifact_get(struct tool_env *env, int64_t id, struct artifact *out)
{
	TRY(artifact_get(env->ctx, id, 0, out));
	if (out->project_id != env->project->id || out->user_id != env->ctx->user_id)
		return err_hint(err_new(env->ctx->a, ERR_NOT_FOUND, "artifact %lld is not this person's own here", (long long)id),
		                "Make a new one with create_artifact.");
	return NULL;
}

/* Saving ------------------------------------------------------------------------------------------------- */

static struct err *save(struct ctx *ctx, void *arg, const char **result)
{
	struct buf b = buf_init(ctx->a, BUF_LINE);
	struct json_writer w = {.b = &b};
	struct artifact made;

	TRY(artifact_save(ctx, arg, &made));
	json_object_open(&w, NULL);
	json_put_i64(&w, "id", made.id);
	json_put_i64(&w, "version", made.version.n);
	json_put_cstr(&w, "title", made.title);
	json_put_cstr(&w, "type", made.type);
	json_object_close(&w);
	*result = buf_cstr(&b);
	return NULL;
}

static struct str told(struct arena *a, const char *made, const struct tool_sources *s)
{
	struct buf b = buf_init(a, BUF_LINE);

	buf_printf(&b, "%s\nThe person sees it beside your answer. Do not repeat its code or its rows there.", made);
	if (s->n) {
		buf_add_cstr(&b, " Its data: ");
		put_names(&b, s);
	}
	return buf_str(&b);
}

struct err *tool_artifact_save(struct tool_env *env, const char *type, struct artifact_draft *d,
                               const struct tool_sources *s, struct tool_result *out)
{
	struct arena *a = env->ctx->a;
	const char *made;
	struct json_object *o;

	d->project_id = env->project->id;
	d->conversation_id = env->conversation_id;
	d->turn_id = env->turn_id;
	d->sources = s->p;
	d->nsources = s->n;
	TRY(check_references(a, type, d, s));
	TRY(agent_effect(env, save, d, &made));
	TRY(json_read(a, str_of(made), JSON_DEPTH, &o));
	*out = (struct tool_result){
	        .ok = true,
	        .rows = -1,
	        .text = told(a, made, s),
	        .artifact = made,
	        .detail = arena_printf(a, "%s, version %lld", json_get_str(o, "title"),
	                               (long long)json_get_i64(o, "version", 1)),
	};
	return NULL;
}

/* What a conversation has ---------------------------------------------------------------------------------- */

static void put_listed(struct json_writer *w, const struct artifact *x)
{
	json_put_i64(w, "id", x->id);
	json_put_cstr(w, "title", x->title);
	json_put_cstr(w, "type", x->type);
	json_put_i64(w, "version", x->n);
}

void agent_artifact_put(struct json_writer *w, const struct artifact *x)
{
	json_object_open(w, NULL);
	put_listed(w, x);
	json_array_open(w, "sources");
	for (size_t i = 0; i < x->version.nsources; i++) {
		json_object_open(w, NULL);
		json_put_cstr(w, "name", x->version.sources[i].name);
		json_put_cstr(w, "sql", x->version.sources[i].sql);
		json_object_close(w);
	}
	json_array_close(w);
	json_put_cstr(w, "code", x->version.code);
	json_object_close(w);
}

struct err *agent_artifacts_of(struct ctx *ctx, int64_t conversation_id, const char **out)
{
	struct buf b = buf_init(ctx->a, BUF_PAGE);
	struct json_writer w = {.b = &b};
	struct artifact *list, newest;
	size_t n;

	*out = NULL;
	TRY(artifact_of_conversation(ctx, conversation_id, LISTED, &list, &n));
	if (!n)
		return NULL;
	TRY(artifact_get(ctx, list[0].id, 0, &newest));
	json_array_open(&w, NULL);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 && strlen(newest.version.code) <= CODE_TOLD) {
			agent_artifact_put(&w, &newest);
			continue;
		}
		json_object_open(&w, NULL);
		put_listed(&w, &list[i]);
		json_object_close(&w);
	}
	json_array_close(&w);
	*out = buf_cstr(&b);
	return NULL;
}
