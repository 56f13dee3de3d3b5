/* What a step works on: source, policy, dictionary. And the one way in which a turn runs a statement. */
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"

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

static void add_table(struct agent_run *r, const char *name)
{
	const char **tables = r->tables.p;

	for (size_t i = 0; i < r->tables.n; i++)
		if (strcmp(tables[i], name) == 0)
			return;
	*AGENT_ADD(r, tables, const char *) = arena_strdup(r->ctx.a, name);
}

static const char *cut_cell(struct arena *a, struct str cell)
{
	return arena_printf(a, "%.*s… [cut here, %zu" AGENT_CELL_CUT,
	                    STR_ARG(str_utf8_cut(cell, AGENT_PREVIEW_CELL_BYTES)), str_utf8_count(cell));
}

/* The first rows, long cells cut: a record is read with every page that shows the turn. */
static struct str preview(struct agent_run *r, struct ctx *ctx, const struct query_result *result)
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
	return b.full ? STR("") : (struct str){arena_strndup(r->ctx.a, b.p, b.n), b.n};
}

static struct query_caveat *kept_caveats(struct arena *a, const struct query_result *result)
{
	struct query_caveat *kept = ARENA_ARRAY(a, struct query_caveat, result->ncaveats);

	for (size_t i = 0; i < result->ncaveats; i++)
		kept[i] = (struct query_caveat){arena_strdup(a, result->caveats[i].code),
		                                arena_strdup(a, result->caveats[i].text)};
	return kept;
}

static void keep(struct agent_run *r, struct ctx *ctx, const char *sql, const struct query_result *result)
{
	struct agent_asked *q = AGENT_ADD(r, queries, struct agent_asked);

	*q = (struct agent_asked){
	        .sql = arena_strdup(r->ctx.a, sql),
	        .sql_run = arena_strdup(r->ctx.a, result->sql_run),
	        .run_id = result->run_id,
	        .rows = (int64_t)result->nrows,
	        .ms = (result->took_us + 500) / 1000,
	        .ok = true,
	        .truncated = result->truncated,
	        .cut = arena_strdup(r->ctx.a, result->cut),
	        .at = result->at,
	        .cached = result->cached_from != 0,
	        .caveats = kept_caveats(r->ctx.a, result),
	        .ncaveats = result->ncaveats,
	        .preview = preview(r, ctx, result),
	};
	for (size_t i = 0; i < result->ntables; i++)
		add_table(r, result->tables[i]);
}

static void keep_failed(struct agent_run *r, const char *sql, const struct err *e)
{
	struct agent_asked *q = AGENT_ADD(r, queries, struct agent_asked);

	*q = (struct agent_asked){.sql = arena_strdup(r->ctx.a, sql),
	                          .error = arena_strdup(r->ctx.a, e->message)};
}

struct err *agent_ask(struct agent_run *r, struct ctx *ctx, const struct agent_scene *scene, const char *sql,
                      struct query_result **out)
{
	struct query_scope scope = scene->scope;
	struct err *e;

	scope.conversation_id = r->conversation_id;
	scope.turn_id = r->live.turn_id;
	scope.time_zone = r->time_zone;
	e = query_run(ctx, &scope, sql, out);
	if (e)
		keep_failed(r, sql, e);
	else
		keep(r, ctx, sql, *out);
	return e;
}
