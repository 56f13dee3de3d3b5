/* A new project: where its data is, and what it is. */
#include "catalog/catalog.h"
#include "lib/arena.h"
#include "web/form_priv.h"

struct new_view {
	struct web_layout *layout;
	struct web_problem *problem;
	struct web_project_form *project;
	struct web_source_form *source;
	struct web_probe *probe;
};

static const struct view new_view = VIEW(struct new_view, VIEW_ONE(struct new_view, layout, &web_layout_view),
                                         VIEW_ONE(struct new_view, problem, &web_problem_view),
                                         VIEW_ONE(struct new_view, project, &web_project_form_view),
                                         VIEW_ONE(struct new_view, source, &web_source_form_view),
                                         VIEW_ONE(struct new_view, probe, &web_probe_view));
WEB_PAGE(new_page, "settings/new", new_view);

static struct err *show_new(struct ctx *ctx, struct http_request *req, struct http_response *res,
                            const struct project *p, const struct project_source *s, struct web_probe *probe,
                            const struct err *problem)
{
	struct new_view v = {
	        .layout = web_layout(ctx, req, "New project", "home"),
	        .problem = web_problem(ctx, problem),
	        .project = web_project_form(ctx, p),
	        .source = web_source_form(ctx, s),
	        .probe = probe,
	};
	v.source->has_password = false; /* nothing is stored yet */
	web_problem_status(ctx, res, problem);
	return web_render(ctx, res, &new_page, &v);
}

struct err *web_project_new(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project p = project_new();
	const struct project_source s = {.host = "",
	                                 .port = 5432,
	                                 .database = "",
	                                 .username = "",
	                                 .sslmode = "prefer",
	                                 .schema = "public"};

	return show_new(ctx, req, res, &p, &s, NULL, NULL);
}

struct err *web_project_create(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct project p = project_new();
	struct project_source s = {0};
	struct query_probe found = {0};
	struct catalog *c;

	TRY(http_form(ctx, req));
	web_project_sent(ctx, req, &p);
	web_source_sent(ctx, req, &s);
	struct err *e = web_only_test(req) ? query_probe(ctx, &s, &found) : project_create(ctx, &p, &s);
	if (e && !web_mendable(e))
		return e;
	if (e || web_only_test(req))
		return show_new(ctx, req, res, &p, &s, e ? NULL : web_probe(ctx, &found), e);

	/* The dictionary makes it usable at once; where the database cannot be reached, the settings say why. */
	e = catalog_generate(ctx, &p, &s, &c);
	http_redirect(res, e ? arena_printf(ctx->a, "/p/%s/settings?done=created", p.slug)
	                     : arena_printf(ctx->a, "/p/%s", p.slug));
	return NULL;
}
