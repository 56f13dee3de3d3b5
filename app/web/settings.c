/* A project's settings: what it is, its limits, where its data is, its dictionary. Each section saves by itself. */
#include <string.h>

#include "catalog/catalog.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "web/form_priv.h"

static const int64_t DAY_US = 86400000000;

struct settings_view {
	struct web_layout *layout;
	struct web_project_form *project;
	struct web_problem *project_problem;
	struct web_limits *limits;
	struct web_problem *limits_problem;
	struct web_model_form *model;
	struct web_model_form *fallback;
	struct web_usage *usage;
	struct web_source_form *source;
	struct web_problem *source_problem;
	struct web_probe *probe; /* of what was sent */
	struct web_probe *kept;  /* of what is stored; NULL: not tested, or probe tells more */
	struct web_problem *dictionary_problem;
	const char *dictionary; /* "12 tables with 90 columns, read in 80 ms"; NULL: none yet */
	const char *dictionary_read;
};

static const struct view settings_view =
        VIEW(struct settings_view, VIEW_ONE(struct settings_view, layout, &web_layout_view),
             VIEW_ONE(struct settings_view, project, &web_project_form_view),
             VIEW_ONE(struct settings_view, project_problem, &web_problem_view),
             VIEW_ONE(struct settings_view, limits, &web_limits_view),
             VIEW_ONE(struct settings_view, limits_problem, &web_problem_view),
             VIEW_ONE(struct settings_view, model, &web_model_form_view),
             VIEW_ONE(struct settings_view, fallback, &web_model_form_view),
             VIEW_ONE(struct settings_view, usage, &web_usage_view),
             VIEW_ONE(struct settings_view, source, &web_source_form_view),
             VIEW_ONE(struct settings_view, source_problem, &web_problem_view),
             VIEW_ONE(struct settings_view, probe, &web_probe_view),
             VIEW_ONE(struct settings_view, kept, &web_probe_view),
             VIEW_ONE(struct settings_view, dictionary_problem, &web_problem_view),
             VIEW_STR(struct settings_view, dictionary), VIEW_STR(struct settings_view, dictionary_read));
WEB_PAGE(settings_page, "settings/show", settings_view);

/* What the last test found; it is made again when it is more than a day old. */
static struct err *kept_probe(struct ctx *ctx, const struct project_source *source, struct web_probe **out)
{
	struct query_probe found;

	TRY(query_probe_kept(ctx, source->project_id, &found));
	if (clock_wall_us() - found.at > DAY_US)
		TRY(query_probe_anew(ctx, source, &found));
	*out = web_probe(ctx, &found);
	return NULL;
}

/* What the page shows where nothing of it was just sent. */
static struct err *stored(struct ctx *ctx, struct http_request *req, struct project_source *source,
                          struct settings_view *v)
{
	const struct project *p = &auth_person(req)->project;
	struct catalog *c;

	/* A password that cannot be opened is set again on this page. */
	struct err *e = project_source_get(ctx, p->id, source);
	if (e && e->kind != ERR_CONFIG)
		return e;
	v->source_problem = web_problem(ctx, e);
	v->layout = web_layout(ctx, req, "Settings", "settings");
	v->project = web_project_form(ctx, p);
	TRY(web_limits(ctx, p, &v->limits));
	struct web_model_form *models[PROJECT_MODELS];
	TRY(web_model_forms(ctx, p, models));
	v->model = models[0];
	v->fallback = models[1];
	v->fallback->open = v->fallback->stored;
	TRY(web_usage(ctx, p, &v->usage));
	v->source = web_source_form(ctx, source);
	TRY(kept_probe(ctx, source, &v->kept));
	e = catalog_load(ctx, p, source, NULL, &c);
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
		back(ctx, res, sent.slug, "project");
		return NULL;
	}
	TRY(stored(ctx, req, &source, &v));
	v.project = web_project_form(ctx, &sent);
	v.project_problem = web_problem(ctx, e);
	web_problem_status(ctx, res, e);
	return web_render(ctx, res, &settings_page, &v);
}

struct err *web_settings_limits(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct settings_view v = {0};
	struct project_source source;
	struct project sent = auth_person(req)->project;

	TRY(http_form(ctx, req));
	web_limits_sent(req, &sent);
	struct err *e = project_update(ctx, &sent);
	if (e && !web_mendable(e))
		return e;
	if (!e) {
		back(ctx, res, sent.slug, "limits");
		return NULL;
	}
	TRY(stored(ctx, req, &source, &v));
	if (e->kind == ERR_INVALID)
		e->message = "the limits cannot be saved";
	web_limits_refused(ctx, req, v.limits, e);
	v.limits_problem = web_problem(ctx, e);
	web_problem_status(ctx, res, e);
	return web_render(ctx, res, &settings_page, &v);
}

/* Model -------------------------------------------------------------------------------------------------- */

struct model_change {
	const struct project *project; /* NULL: as it is */
	const struct project_model *model;
};

static struct err *change_model(struct ctx *ctx, void *arg)
{
	const struct model_change *c = arg;

	if (c->project)
		TRY(project_update(ctx, c->project));
	return project_model_save(ctx, c->model);
}

/* The currency is the project's, and stands with the first model. */
static struct err *save_model(struct ctx *ctx, const struct http_request *req, const struct project_model *sent)
{
	struct project p = auth_person(req)->project;
	struct model_change c = {NULL, sent};
	const char *currency = web_field(ctx, req, "currency");

	if (sent->place == 1 && strcmp(currency, p.currency) != 0) {
		p.currency = currency;
		c.project = &p;
	}
	return db_transact(ctx, change_model, &c);
}

/* A test uses the stored key when none was typed; but only for the server that it was stored for. */
static struct err *try_model(struct ctx *ctx, const struct project_model *sent, struct web_tried **out)
{
	struct project_model tried = *sent, *stored;
	struct agent_tried back = {0};
	size_t n;

	TRY(project_model_check(ctx->a, sent));
	struct err *e = project_models(ctx, sent->project_id, &stored, &n);
	if (e && e->kind != ERR_CONFIG)
		return e;
	for (size_t i = 0; i < n; i++)
		if (!tried.key && stored[i].place == tried.place && project_model_same_server(stored[i].url, tried.url))
			tried.key = stored[i].key;
	e = agent_model_try(ctx, &tried, &back);
	*out = web_model_tried(ctx, &back, sent->key && *sent->key, e);
	return NULL;
}

static struct err *act_on_model(struct ctx *ctx, struct http_request *req, const struct project_model *sent,
                                struct web_tried **tried)
{
	if (str_is(http_field(req, "action"), "remove"))
		return project_model_remove(ctx, sent->project_id, sent->place);
	if (web_only_test(req))
		return try_model(ctx, sent, tried);
	return save_model(ctx, req, sent);
}

struct err *web_settings_model(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project *p = &auth_person(req)->project;
	struct settings_view v = {0};
	struct project_source source;
	struct web_tried *tried = NULL;

	TRY(http_form(ctx, req));
	struct project_model sent = {.project_id = p->id, .place = str_is(http_field(req, "place"), "2") ? 2 : 1};
	web_model_sent(ctx, req, &sent);
	struct err *e = act_on_model(ctx, req, &sent, &tried);
	if (e && !web_mendable(e))
		return e;
	if (!e && !tried) {
		back(ctx, res, p->slug, "model");
		return NULL;
	}
	TRY(stored(ctx, req, &source, &v));
	struct web_model_form **form = sent.place == 1 ? &v.model : &v.fallback;
	struct web_model_form *shown = web_model_form(ctx, p, &sent, (*form)->stored);
	shown->has_key = (*form)->has_key;
	web_model_again(ctx, req, shown, e);
	shown->tried = tried;
	*form = shown;
	if (e && shown->problem && e->kind == ERR_INVALID)
		shown->problem->message = "the model cannot be saved";
	web_problem_status(ctx, res, e);
	return web_render(ctx, res, &settings_page, &v);
}

/* Database ----------------------------------------------------------------------------------------------- */

static bool same_texts(struct db_texts x, struct db_texts y)
{
	size_t i;

	for (i = 0; i < x.n && i < y.n && !strcmp(x.p[i], y.p[i]); i++)
		;
	return i == x.n && i == y.n && !x.p == !y.p;
}

static bool same_source(const struct project_source *x, const struct project_source *y)
{
	return !y->password && !strcmp(x->host, y->host) && x->port == y->port &&
	       !strcmp(x->database, y->database) && !strcmp(x->username, y->username) &&
	       !strcmp(x->sslmode, y->sslmode) && !strcmp(x->schema, y->schema) &&
	       same_texts(x->allowed, y->allowed) && same_texts(x->excluded, y->excluded);
}

/* A test uses the stored password when none was typed; but only for the server that it was stored for, and
 * protected as it was meant to be. */
static struct err *probe_sent(struct ctx *ctx, const struct project_source *old,
                              const struct project_source *sent, struct settings_view *v)
{
	struct project_source tried = *sent;
	struct query_probe found;
	bool same = !strcmp(old->host, sent->host) && old->port == sent->port &&
	            !strcmp(old->username, sent->username) && !strcmp(old->sslmode, sent->sslmode);

	if (!tried.password && same)
		tried.password = old->password;
	TRY(query_probe(ctx, &tried, &found));
	v->probe = web_probe(ctx, &found);
	v->kept = NULL;
	return same_source(old, sent) ? query_probe_keep(ctx, old, &found) : NULL;
}

/* Saves and tests; what the test finds is on the page that follows. */
static struct err *save_source(struct ctx *ctx, const struct project_source *sent)
{
	struct project_source saved;
	struct query_probe found;

	TRY(project_source_update(ctx, sent));
	TRY(project_source_get(ctx, sent->project_id, &saved));
	return query_probe_anew(ctx, &saved, &found);
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
	if (web_only_test(req))
		e = probe_sent(ctx, &old, &sent, &v);
	else
		e = save_source(ctx, &sent);
	if (e && !web_mendable(e))
		return e;
	if (!e && !web_only_test(req)) {
		back(ctx, res, auth_person(req)->project.slug, "source");
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
