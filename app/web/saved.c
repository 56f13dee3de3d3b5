/* Saved queries: the list, the page that runs one with its parameters, deleting with undo. */
#include <string.h>

#include "lib/arena.h"
#include "web/sql_priv.h"

struct item {
	int64_t id;
	const char *name;
	const char *description;
	const char *owner;
	const char *at;
	bool shared;
};
static const struct view item_view = VIEW(struct item, VIEW_I64(struct item, id), VIEW_STR(struct item, name),
                                          VIEW_STR(struct item, description), VIEW_STR(struct item, owner),
                                          VIEW_STR(struct item, at), VIEW_BOOL(struct item, shared));

struct list_view {
	struct web_layout *layout;
	const char *search;
	struct item *queries;
	size_t nqueries;
	bool none;       /* nothing was saved yet */
	bool empty;      /* nothing was found */
	int64_t deleted; /* the one that can be brought back */
};
static const struct view list_view =
        VIEW(struct list_view, VIEW_ONE(struct list_view, layout, &web_layout_view),
             VIEW_STR(struct list_view, search), VIEW_LIST(struct list_view, queries, nqueries, &item_view),
             VIEW_BOOL(struct list_view, none), VIEW_BOOL(struct list_view, empty),
             VIEW_I64(struct list_view, deleted));
WEB_PAGE(list_page, "sql/list", list_view);

struct query_view {
	struct web_layout *layout;
	int64_t id;
	const char *name;
	const char *description;
	const char *owner;
	const char *at;
	bool shared;
	bool mine;
	bool editable;
	const char *sql;
	const char *sql_html;
	struct web_params *params;
	struct web_answer *answer;
};
static const struct view query_view =
        VIEW(struct query_view, VIEW_ONE(struct query_view, layout, &web_layout_view),
             VIEW_I64(struct query_view, id), VIEW_STR(struct query_view, name),
             VIEW_STR(struct query_view, description), VIEW_STR(struct query_view, owner),
             VIEW_STR(struct query_view, at), VIEW_BOOL(struct query_view, shared),
             VIEW_BOOL(struct query_view, mine), VIEW_BOOL(struct query_view, editable),
             VIEW_STR(struct query_view, sql), VIEW_HTML(struct query_view, sql_html),
             VIEW_ONE(struct query_view, params, &web_params_view),
             VIEW_ONE(struct query_view, answer, &web_answer_view));
WEB_PAGE(query_page, "sql/query", query_view);
WEB_PAGE(query_partial, "sql/query-parts", query_view);

static bool manages(struct http_request *req)
{
	return auth_person(req)->role >= PROJECT_ADMIN;
}

static const char *owner_of(const struct query_saved *s)
{
	return s->mine ? "you" : s->owner ? s->owner : "somebody who left";
}

struct err *web_saved_list(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct query_saved *list;
	struct list_view v = {.layout = web_layout(ctx, req, "Saved queries", "queries"),
	                      .search = str_dup(ctx->a, str_trim(http_query(req, "q")))};

	TRY(query_saved_list(ctx, auth_person(req)->project.id, v.search, &list, &v.nqueries));
	v.queries = ARENA_ARRAY(ctx->a, struct item, v.nqueries);
	for (size_t i = 0; i < v.nqueries; i++)
		v.queries[i] = (struct item){list[i].id,
		                             list[i].name,
		                             list[i].description,
		                             owner_of(&list[i]),
		                             web_time(ctx->a, list[i].updated_at),
		                             list[i].shared};
	v.none = !v.nqueries && !*v.search;
	v.empty = !v.nqueries && *v.search;
	if (!str_to_i64(http_query(req, "deleted"), &v.deleted))
		v.deleted = 0;
	return web_render(ctx, res, &list_page, &v);
}

/* One of them -------------------------------------------------------------------------------------------- */

static struct err *load(struct ctx *ctx, struct http_request *req, struct query_saved *s,
                        struct query_view *v)
{
	TRY(query_saved_get(ctx, auth_person(req)->project.id, http_param_i64(req, "query"), s));
	*v = (struct query_view){
	        .layout = web_layout(ctx, req, s->name, "queries"),
	        .id = s->id,
	        .name = s->name,
	        .description = s->description,
	        .owner = owner_of(s),
	        .at = web_time(ctx->a, s->updated_at),
	        .shared = s->shared,
	        .mine = s->mine,
	        .editable =
	                auth_person(req)->role >= PROJECT_ANALYST && (s->mine || (s->shared && manages(req))),
	        .sql = s->sql,
	        .sql_html = web_sql_html(ctx->a, s->sql),
	        .params = ARENA_NEW(ctx->a, struct web_params),
	        .answer = ARENA_NEW(ctx->a, struct web_answer),
	};
	return NULL;
}

struct err *web_saved_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct query_saved s;
	struct query_view v;

	TRY(load(ctx, req, &s, &v));
	struct err *e = web_params_read(ctx, req, s.sql, s.parameters, s.nparameters, &v.params);
	if (e)
		v.answer->problem = web_sql_problem(ctx->a, s.sql, NULL, e);
	v.params->asked = false; /* nothing was run yet */
	return web_render(ctx, res, &query_page, &v);
}

/* Whoever may open it may run it: the text is the stored one, only the values are the caller's. */
struct err *web_saved_run(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct query_saved s;
	struct query_view v;

	TRY(http_form(ctx, req));
	TRY(load(ctx, req, &s, &v));
	const struct web_sql_run run = {.origin = QUERY_FROM_SAVED, .sql = s.sql, .saved = &s};
	TRY(web_sql_answer(ctx, req, res, &run, &v.params, v.answer));
	return web_render(ctx, res, web_partial(req) ? &query_partial : &query_page, &v);
}

struct err *web_saved_delete(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project *project = &auth_person(req)->project;
	int64_t id = http_param_i64(req, "query");

	TRY(query_saved_delete(ctx, project->id, id, manages(req)));
	http_redirect(res, arena_printf(ctx->a, "/p/%s/queries?deleted=%lld", project->slug, (long long)id));
	return NULL;
}

struct err *web_saved_restore(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project *project = &auth_person(req)->project;
	int64_t id = http_param_i64(req, "query");

	TRY(query_saved_restore(ctx, project->id, id, manages(req)));
	http_redirect(res, arena_printf(ctx->a, "/p/%s/queries/%lld", project->slug, (long long)id));
	return NULL;
}
