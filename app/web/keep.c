/*
 * A result kept as an artifact without a model: a small form, filled in as the automatic chart is, says what it becomes. The
 * form stays with the version and can be opened again.
 */
#include "lib/arena.h"
#include "web/artifact_priv.h"
#include "web/keep_priv.h"

struct option {
	const char *name;
	const char *label;
	bool chosen;
};
static const struct view option_view = VIEW(struct option, VIEW_STR(struct option, name),
                                            VIEW_STR(struct option, label), VIEW_BOOL(struct option, chosen));

struct keep_view {
	struct web_layout *layout;
	struct web_problem *problem;
	const char *action;
	const char *back; /* where it comes from */
	const char *title;
	bool again; /* it is opened again */
	struct option *kinds;
	size_t nkinds;
	struct option *xs;
	size_t nxs;
	struct option *ys;
	size_t nys;
	struct option *series;
	size_t nseries;
	struct option *aggregates;
	size_t naggregates;
	struct option *formats;
	size_t nformats;
	bool stacked;
};
static const struct view keep_view =
        VIEW(struct keep_view, VIEW_ONE(struct keep_view, layout, &web_layout_view),
             VIEW_ONE(struct keep_view, problem, &web_problem_view), VIEW_STR(struct keep_view, action),
             VIEW_STR(struct keep_view, back), VIEW_STR(struct keep_view, title), VIEW_BOOL(struct keep_view, again),
             VIEW_LIST(struct keep_view, kinds, nkinds, &option_view), VIEW_LIST(struct keep_view, xs, nxs, &option_view),
             VIEW_LIST(struct keep_view, ys, nys, &option_view),
             VIEW_LIST(struct keep_view, series, nseries, &option_view),
             VIEW_LIST(struct keep_view, aggregates, naggregates, &option_view),
             VIEW_LIST(struct keep_view, formats, nformats, &option_view), VIEW_BOOL(struct keep_view, stacked));
WEB_PAGE(keep_page, "artifact/keep", keep_view);

/* What is kept: a run, or an artifact whose form is opened again. */
struct keeping {
	struct artifact_seen seen; /* project and role; the artifact only when it is there already */
	int64_t conversation_id;
	const char *title;
	const char *action;
	const char *back;
	struct keep_form form;
};

/* The form ------------------------------------------------------------------------------------------------ */

static struct option *choices(struct arena *a, enum keep_list list, const char *chosen, size_t *n)
{
	const struct keep_choice *all = keep_choices(list, n);
	struct option *o = ARENA_ARRAY(a, struct option, *n);

	for (size_t i = 0; i < *n; i++)
		o[i] = (struct option){all[i].name, all[i].label, keep_choice(list, chosen) == &all[i]};
	return o;
}

static bool among(struct db_texts texts, const char *name)
{
	for (size_t i = 0; i < texts.n; i++)
		if (str_is(str_of(name), texts.p[i]))
			return true;
	return false;
}

static struct option *columns(struct arena *a, const struct keep_form *f, struct db_texts chosen, size_t *n)
{
	struct option *o = ARENA_ARRAY(a, struct option, f->ncolumns);

	*n = f->ncolumns;
	for (size_t i = 0; i < f->ncolumns; i++)
		o[i] = (struct option){f->columns[i].name, f->columns[i].name, among(chosen, f->columns[i].name)};
	return o;
}

static struct err *show(struct ctx *ctx, struct http_request *req, struct http_response *res, const struct keeping *k,
                        const struct err *problem)
{
	const struct keep_form *f = &k->form;
	struct keep_view v = {
	        .layout = web_layout_in(ctx, req, &k->seen.project, k->seen.role,
	                                k->seen.a.id ? k->title : "Keep a result", "artifacts"),
	        .problem = web_problem(ctx, problem),
	        .action = k->action,
	        .back = k->back,
	        .title = k->title,
	        .again = k->seen.a.id != 0,
	        .stacked = f->stacked,
	};

	v.kinds = choices(ctx->a, KEEP_KINDS, f->kind, &v.nkinds);
	v.formats = choices(ctx->a, KEEP_FORMATS, f->format, &v.nformats);
	v.aggregates = choices(ctx->a, KEEP_AGGREGATES, f->aggregate, &v.naggregates);
	v.xs = columns(ctx->a, f, (struct db_texts){(const char *[]){f->x}, 1}, &v.nxs);
	v.ys = columns(ctx->a, f, f->y, &v.nys);
	v.series = columns(ctx->a, f, (struct db_texts){(const char *[]){f->series}, 1}, &v.nseries);
	web_problem_status(ctx, res, problem);
	return web_render(ctx, res, &keep_page, &v);
}

static struct db_texts fields_of(struct ctx *ctx, const struct http_request *req, const char *name, size_t most)
{
	struct db_texts t = {ARENA_ARRAY(ctx->a, const char *, most + 1), 0};
	struct str value;

	while (t.n <= most && http_field_at(req, name, t.n, &value))
		t.p[t.n++] = str_dup(ctx->a, value);
	return t;
}

static void read_fields(struct ctx *ctx, const struct http_request *req, struct keeping *k)
{
	struct keep_form *f = &k->form;

	k->title = web_field(ctx, req, "title");
	f->kind = web_field(ctx, req, "kind");
	f->x = str_dup(ctx->a, http_field(req, "x"));
	f->y = fields_of(ctx, req, "y", KEEP_MEASURES);
	f->series = str_dup(ctx->a, http_field(req, "series"));
	f->aggregate = web_field(ctx, req, "aggregate");
	f->format = web_field(ctx, req, "format");
	f->stacked = http_has_field(req, "stacked");
}

/* Keeping ------------------------------------------------------------------------------------------------- */

/* The statement is run once, so that what cannot be shown is told here. */
static struct err *keep(struct ctx *ctx, struct http_request *req, struct keeping *k, struct artifact *out)
{
	struct query_scope scope;
	struct query_result *r;

	TRY(keep_check(ctx->a, &k->form));
	TRY(artifact_scope(ctx, req, &k->seen, &scope));
	TRY(query_run(ctx, &scope, keep_sql(ctx->a, &k->form), &r));
	struct artifact_source source = {KEEP_SOURCE, r->sql_asked, r->run_id};
	return artifact_save(ctx,
	                     &(struct artifact_draft){.artifact_id = k->seen.a.id,
	                                              .project_id = k->seen.project.id,
	                                              .conversation_id = k->conversation_id,
	                                              .title = k->title,
	                                              .type = "plotly",
	                                              .code = keep_figure(ctx->a, &k->form),
	                                              .sources = &source,
	                                              .nsources = 1,
	                                              .form = keep_json(ctx->a, &k->form),
	                                              .note = k->seen.a.id ? "By its form" : ""},
	                     out);
}

static bool is_mendable(const struct err *e)
{
	return web_mendable(e) || e->kind == ERR_REFUSED;
}

static struct err *take(struct ctx *ctx, struct http_request *req, struct http_response *res, struct keeping *k)
{
	struct artifact made;

	read_fields(ctx, req, k);
	struct err *e = keep(ctx, req, k, &made);
	if (e && is_mendable(e))
		return show(ctx, req, res, k, e);
	TRY(e);
	http_redirect(res, arena_printf(ctx->a, "/artifacts/%lld%s", (long long)made.id, k->seen.a.id ? "?done=version" : ""));
	return NULL;
}

/* Of a run ------------------------------------------------------------------------------------------------ */

static struct err *of_run(struct ctx *ctx, struct http_request *req, struct keeping *k)
{
	const struct auth_person *person = auth_person(req);
	struct query_run_record run;
	struct query_result *r;

	*k = (struct keeping){0};
	TRY(query_load(ctx, http_param_i64(req, "run"), &run, &r));
	if (!r->ncolumns)
		return err_hint(err_new(ctx->a, ERR_NOT_FOUND, "the rows of that query are not there any more"),
		                "Run it again and keep what comes then.");
	TRY(project_access_by_id(ctx, run.project_id, person->id, person->is_admin, &k->seen.project, &k->seen.role));
	TRY(agent_run_title(ctx, run.id, &k->title));
	k->conversation_id = run.conversation_id;
	k->action = arena_printf(ctx->a, "/runs/%lld/keep", (long long)run.id);
	k->back = arena_printf(ctx->a, "/runs/%lld", (long long)run.id);
	k->form = keep_default(ctx->a, r);
	return NULL;
}

struct err *web_run_keep_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct keeping k;

	TRY(of_run(ctx, req, &k));
	return show(ctx, req, res, &k, NULL);
}

struct err *web_run_keep(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct keeping k;

	TRY(http_form(ctx, req));
	TRY(of_run(ctx, req, &k));
	return take(ctx, req, res, &k);
}

/* Of an artifact that has one --------------------------------------------------------------------------------- */

static struct err *of_artifact(struct ctx *ctx, struct http_request *req, struct keeping *k)
{
	*k = (struct keeping){0};
	TRY(artifact_seen_load(ctx, req, &k->seen));
	if (!k->seen.mine || !k->seen.a.version.form)
		return err_new(ctx->a, ERR_NOT_FOUND, "this artifact has no form");
	k->title = k->seen.a.title;
	k->back = arena_printf(ctx->a, "/artifacts/%lld", (long long)k->seen.a.id);
	k->action = arena_printf(ctx->a, "%s/form", k->back);
	return keep_read(ctx->a, k->seen.a.version.form, &k->form);
}

struct err *web_artifact_form(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct keeping k;

	TRY(of_artifact(ctx, req, &k));
	return show(ctx, req, res, &k, NULL);
}

struct err *web_artifact_reform(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct keeping k;

	TRY(http_form(ctx, req));
	TRY(of_artifact(ctx, req, &k));
	return take(ctx, req, res, &k);
}
