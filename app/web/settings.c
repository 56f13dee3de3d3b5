/* A project's settings: what it is, where its data is, its dictionary. Each section saves by itself. */
#include <string.h>

#include "catalog/catalog.h"
#include "lib/arena.h"
#include "web/form_priv.h"

struct settings_view {
	struct web_layout *layout;
	struct web_project_form *project;
	struct web_problem *project_problem;
	struct web_source_form *source;
	struct web_problem *source_problem;
	struct web_probe *probe;
	struct web_problem *dictionary_problem;
	const char *dictionary; /* "12 tables with 90 columns, read in 80 ms"; NULL: none yet */
	const char *dictionary_read;
};

static const struct view settings_view =
        VIEW(struct settings_view, VIEW_ONE(struct settings_view, layout, &web_layout_view),
             VIEW_ONE(struct settings_view, project, &web_project_form_view),
             VIEW_ONE(struct settings_view, project_problem, &web_problem_view),
             VIEW_ONE(struct settings_view, source, &web_source_form_view),
             VIEW_ONE(struct settings_view, source_problem, &web_problem_view),
             VIEW_ONE(struct settings_view, probe, &web_probe_view),
             VIEW_ONE(struct settings_view, dictionary_problem, &web_problem_view),
             VIEW_STR(struct settings_view, dictionary), VIEW_STR(struct settings_view, dictionary_read));
WEB_PAGE(settings_page, "settings/show", settings_view);

/* What the page shows where nothing of it was just sent. */
static struct err *stored(struct ctx *ctx, struct http_request *req, struct project_source *source,
                          struct settings_view *v)
{
	const struct project *p = &auth_person(req)->project;
	struct catalog *c;

	TRY(project_source_get(ctx, p->id, source));
	v->layout = web_layout(ctx, req, "Settings", "settings");
	v->project = web_project_form(ctx, p);
	v->source = web_source_form(ctx, source);
	struct err *e = catalog_load(ctx, p, source, NULL, &c);
	if (e && e->kind != ERR_NOT_FOUND)
		return e;
	if (e)
		return NULL;
	v->dictionary = arena_printf(ctx->a, "%s with %s, read in %s",
	                             web_count(ctx->a, (int64_t)c->ntables, "table", "tables"),
	                             web_count(ctx->a, (int64_t)c->ncolumns, "column", "columns"),
	                             web_duration(ctx->a, c->took_ms));
	v->dictionary_read = web_time(ctx->a, c->generated_at);
	return NULL;
}

struct err *web_settings_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct settings_view v = {0};
	struct project_source source;

	TRY(stored(ctx, req, &source, &v));
	return web_render(ctx, res, &settings_page, &v);
}

static void back(struct ctx *ctx, struct http_response *res, const char *slug, const char *done)
{
	http_redirect(res, arena_printf(ctx->a, "/p/%s/settings?done=%s", slug, done));
}

struct err *web_settings_general(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct settings_view v = {0};
	struct project_source source;
	struct project sent = auth_person(req)->project;

	TRY(http_form(ctx, req));
	web_project_sent(ctx, req, &sent);
	struct err *e = project_update(ctx, &sent);
	if (e && !web_mendable(e))
		return e;
	if (!e) {
		back(ctx, res, sent.slug, "saved");
		return NULL;
	}
	TRY(stored(ctx, req, &source, &v));
	v.project = web_project_form(ctx, &sent);
	v.project_problem = web_problem(ctx, e);
	web_problem_status(ctx, res, e);
	return web_render(ctx, res, &settings_page, &v);
}

/* Whether the source is only to be tried: the "Test connection" button. */
static bool only_test(const struct http_request *req)
{
	return str_is(http_field(req, "action"), "test");
}

/* A test uses the stored password when none was typed; but only for the server that it was stored for, and
 * protected as it was meant to be. */
static struct err *probe_sent(struct ctx *ctx, const struct project_source *old,
                              const struct project_source *sent, struct web_probe **probe)
{
	struct project_source tried = *sent;
	bool same = !strcmp(old->host, sent->host) && old->port == sent->port &&
	            !strcmp(old->username, sent->username) && !strcmp(old->sslmode, sent->sslmode);

	if (!tried.password && same)
		tried.password = old->password;
	return web_probe(ctx, &tried, probe);
}

struct err *web_settings_source(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct settings_view v = {0};
	struct project_source old;
	struct err *e;

	TRY(http_form(ctx, req));
	TRY(stored(ctx, req, &old, &v));
	struct project_source sent = old;
	web_source_sent(ctx, req, &sent);
	if (only_test(req))
		e = probe_sent(ctx, &old, &sent, &v.probe);
	else
		e = project_source_update(ctx, &sent);
	if (e && !web_mendable(e))
		return e;
	if (!e && !only_test(req)) {
		back(ctx, res, auth_person(req)->project.slug, "saved");
		return NULL;
	}
	bool has_password = v.source->has_password;
	v.source = web_source_form(ctx, &sent);
	v.source->has_password = has_password;
	v.source_problem = web_problem(ctx, e);
	web_problem_status(ctx, res, e);
	return web_render(ctx, res, &settings_page, &v);
}

struct err *web_settings_dictionary(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project *p = &auth_person(req)->project;
	struct settings_view v = {0};
	struct project_source source;
	struct catalog *c;

	TRY(project_source_get(ctx, p->id, &source));
	struct err *e = catalog_generate(ctx, p, &source, &c);
	if (e && !web_mendable(e))
		return e;
	if (!e) {
		back(ctx, res, p->slug, "generated");
		return NULL;
	}
	TRY(stored(ctx, req, &source, &v));
	v.dictionary_problem = web_problem(ctx, e);
	web_problem_status(ctx, res, e);
	return web_render(ctx, res, &settings_page, &v);
}

struct err *web_settings_delete(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project *p = &auth_person(req)->project;

	TRY(http_form(ctx, req));
	if (!str_is(str_trim(http_field(req, "confirm")), p->slug))
		return err_hint(err_new(ctx->a, ERR_INVALID, "the project was not deleted"),
		                "type its short name \"%s\" to confirm", p->slug);
	TRY(project_delete(ctx, p->id));
	http_redirect(res, "/?done=removed");
	return NULL;
}

/* A new project ------------------------------------------------------------------------------------------ */

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
	struct web_probe *probe = NULL;
	struct catalog *c;

	TRY(http_form(ctx, req));
	web_project_sent(ctx, req, &p);
	web_source_sent(ctx, req, &s);
	struct err *e = only_test(req) ? web_probe(ctx, &s, &probe) : project_create(ctx, &p, &s);
	if (e && !web_mendable(e))
		return e;
	if (e || only_test(req))
		return show_new(ctx, req, res, &p, &s, probe, e);

	/* The dictionary makes it usable at once; where the database cannot be reached, the settings say why. */
	e = catalog_generate(ctx, &p, &s, &c);
	http_redirect(res, e ? arena_printf(ctx->a, "/p/%s/settings?done=created", p.slug)
	                     : arena_printf(ctx->a, "/p/%s", p.slug));
	return NULL;
}
