/* What a step works on: source, policy, dictionary. And the one way in which a turn runs a statement. */
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

static struct err *load_catalog(struct ctx *ctx, const struct project *project, struct agent_scene *s)
{
	struct err *e = catalog_load(ctx, project, &s->source, s->policy, &s->catalog);

	if (!e || e->kind != ERR_NOT_FOUND)
		return e;
	TRY(catalog_generate(ctx, project, &s->source, &s->catalog));
	return catalog_load(ctx, project, &s->source, s->policy, &s->catalog);
}

struct err *agent_scene_load(struct ctx *ctx, const struct project *project, enum project_role role,
                             struct agent_scene **out)
{
	struct agent_scene *s = ARENA_NEW(ctx->a, struct agent_scene);

	TRY(project_source_get(ctx, project->id, &s->source));
	TRY(policy_for(ctx, project, &s->source, role, &s->policy));
	TRY(load_catalog(ctx, project, s));
	s->scope.source = &s->source;
	s->scope.policy = s->policy;
	catalog_scope(ctx->a, s->catalog, &s->scope);
	*out = s;
	return NULL;
}

bool agent_is_hidden(const struct agent_scene *scene, const char *table)
{
	return scene->policy->tells_hidden && policy_hides_table(scene->policy, table);
}

static const char *cut_cell(struct arena *a, struct str cell)
{
	return arena_printf(a, "%.*s… [cut here, %zu" AGENT_CELL_CUT,
	                    STR_ARG(str_utf8_cut(cell, AGENT_PREVIEW_CELL_BYTES)), str_utf8_count(cell));
}

/* The first rows, long cells cut: a record is read with every page that shows the turn. */
static struct str preview(struct ctx *ctx, const struct query_result *result)
{
	struct query_result cut = *result;
	struct buf b = buf_init(ctx->a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	if (cut.nrows > AGENT_PREVIEW_ROWS)
		cut.nrows = AGENT_PREVIEW_ROWS;
	cut.cells = ARENA_ARRAY(ctx->a, const char *, cut.nrows *cut.ncolumns);
	for (size_t i = 0; i < cut.nrows * cut.ncolumns; i++) {
		struct str cell = str_of(result->cells[i]);

		cut.cells[i] = cell.n <= AGENT_PREVIEW_CELL_BYTES ? result->cells[i] : cut_cell(ctx->a, cell);
	}
	query_put_json(&w, NULL, &cut, AGENT_PREVIEW_ROWS);
	return b.full ? STR("") : buf_str(&b);
}

void agent_asked_add(struct tool_env *env, const char *sql, const struct query_result *result)
{
	struct agent_asked *q = agent_list_add(env->ctx->a, &env->queries, sizeof(*q));

	*q = (struct agent_asked){
	        .sql = sql,
	        .sql_run = result->sql_run,
	        .run_id = result->run_id,
	        .rows = (int64_t)result->nrows,
	        .ms = (result->took_us + 500) / 1000,
	        .ok = true,
	        .truncated = result->truncated,
	        .cut = result->cut,
	        .at = result->at,
	        .cached = result->cached_from != 0,
	        .caveats = result->caveats,
	        .ncaveats = result->ncaveats,
	        .preview = preview(env->ctx, result),
	};
	for (size_t i = 0; i < result->ntables; i++)
		agent_table_add(env->ctx->a, &env->tables, result->tables[i]);
}

void agent_asked_failed(struct tool_env *env, const char *sql, const struct err *e)
{
	struct agent_asked *q = agent_list_add(env->ctx->a, &env->queries, sizeof(*q));

	*q = (struct agent_asked){.sql = sql, .error = e->message};
}

/* A database that ends or starts in the middle of it: again, a query only reads. */
static struct err *ask_surely(struct tool_env *env, const struct query_scope *scope, const char *sql,
                              struct query_result **out)
{
	struct agent_patience patience = {0};
	struct err *e;

	while ((e = query_run(env->ctx, scope, sql, out)) != NULL &&
	       agent_again(env->ctx, e, env->deadline_us, &patience))
		;
	return e;
}

/* What is left of the turn's time, where that is less than a query may take. */
static int64_t time_left(const struct tool_env *env, int64_t timeout_ms)
{
	int64_t left_ms = (env->deadline_us - clock_mono_us()) / 1000;

	return left_ms < 1 ? 1 : left_ms < timeout_ms ? left_ms : timeout_ms;
}

struct err *agent_ask(struct tool_env *env, const struct agent_scene *scene, const char *sql,
                      struct query_result **out)
{
	struct query_scope scope = scene->scope;
	struct policy policy = *scope.policy;
	struct err *e;

	policy.timeout_ms = time_left(env, policy.timeout_ms);
	scope.policy = &policy;
	scope.conversation_id = env->conversation_id;
	scope.turn_id = env->turn_id;
	scope.time_zone = env->time_zone;
	e = ask_surely(env, &scope, sql, out);
	if (e)
		agent_asked_failed(env, sql, e);
	else
		agent_asked_add(env, sql, *out);
	return e;
}
