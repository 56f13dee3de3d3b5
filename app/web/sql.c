/* The SQL page: a text, what came of it, and what was run and kept before. The form works without script. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "web/sql_priv.h"

enum { HISTORY = 30, KEPT = 20, LABEL_BYTES = 90 };

/* Views -------------------------------------------------------------------------------------------------- */

struct past {
	int64_t id;
	const char *label; /* of its text, on one line */
	const char *outcome;
	const char *facts; /* "12 rows", or what became of it */
	const char *at;
	bool failed;
	bool running;
};
static const struct view past_view =
        VIEW(struct past, VIEW_I64(struct past, id), VIEW_STR(struct past, label),
             VIEW_STR(struct past, outcome), VIEW_STR(struct past, facts), VIEW_STR(struct past, at),
             VIEW_BOOL(struct past, failed), VIEW_BOOL(struct past, running));

struct kept {
	int64_t id;
	const char *name;
	bool current;
};
static const struct view kept_view = VIEW(struct kept, VIEW_I64(struct kept, id), VIEW_STR(struct kept, name),
                                          VIEW_BOOL(struct kept, current));

/* The saved query that the text was opened from, and the form that saves it. */
struct saved_form {
	int64_t id; /* 0: none */
	const char *name;
	const char *description;
	bool shared;
	const char *stamp; /* of what was read, to notice that somebody else saved meanwhile */
	bool editable;
	const char *owner;       /* somebody else's: who */
	const char *theirs_html; /* after a conflict: what is stored */
	bool open;
};
static const struct view saved_form_view =
        VIEW(struct saved_form, VIEW_I64(struct saved_form, id), VIEW_STR(struct saved_form, name),
             VIEW_STR(struct saved_form, description), VIEW_BOOL(struct saved_form, shared),
             VIEW_STR(struct saved_form, stamp), VIEW_BOOL(struct saved_form, editable),
             VIEW_STR(struct saved_form, owner), VIEW_HTML(struct saved_form, theirs_html),
             VIEW_BOOL(struct saved_form, open));

struct sql_view {
	struct web_layout *layout;
	int64_t person;
	const char *sql;
	struct saved_form *saved;
	struct web_problem *problem; /* of saving */
	struct web_params *params;
	struct web_answer *answer;
	struct past *history;
	size_t nhistory;
	struct kept *queries;
	size_t nqueries;
};
static const struct view sql_view = VIEW(struct sql_view, VIEW_ONE(struct sql_view, layout, &web_layout_view),
                                         VIEW_I64(struct sql_view, person), VIEW_STR(struct sql_view, sql),
                                         VIEW_ONE(struct sql_view, saved, &saved_form_view),
                                         VIEW_ONE(struct sql_view, problem, &web_problem_view),
                                         VIEW_ONE(struct sql_view, params, &web_params_view),
                                         VIEW_ONE(struct sql_view, answer, &web_answer_view),
                                         VIEW_LIST(struct sql_view, history, nhistory, &past_view),
                                         VIEW_LIST(struct sql_view, queries, nqueries, &kept_view));
WEB_PAGE(sql_page, "sql/show", sql_view);
WEB_PAGE(sql_partial, "sql/parts", sql_view);

/* Filling them ------------------------------------------------------------------------------------------- */

const char *web_sql_field(struct ctx *ctx, const struct http_request *req, const char *name)
{
	char *text = str_dup(ctx->a, http_field(req, name)), *to = text;

	for (const char *from = text; *from; from++)
		if (from[0] != '\r' || from[1] != '\n')
			*to++ = *from;
	*to = '\0';
	return text;
}

static const char *one_line(struct arena *a, const char *sql)
{
	struct buf b = buf_init(a, BUF_LINE);
	bool blank = false;

	for (const char *p = sql; *p && b.n < (size_t)LABEL_BYTES * 2; p++) {
		bool space = *p == ' ' || *p == '\n' || *p == '\t' || *p == '\r';

		if (!space && blank && b.n)
			buf_add_char(&b, ' ');
		if (!space)
			buf_add_char(&b, *p);
		blank = space;
	}
	struct str cut = str_utf8_cut(buf_str(&b), LABEL_BYTES);
	return arena_printf(a, "%.*s%s", STR_ARG(cut), cut.n < b.n ? "…" : "");
}

static struct err *fill_history(struct ctx *ctx, int64_t project_id, struct sql_view *v)
{
	struct query_past *runs;

	TRY(query_history(ctx, project_id, HISTORY, &runs, &v->nhistory));
	v->history = ARENA_ARRAY(ctx->a, struct past, v->nhistory);
	for (size_t i = 0; i < v->nhistory; i++) {
		const struct query_past *r = &runs[i];
		bool done = !strcmp(r->outcome, "done");

		v->history[i] = (struct past){
		        .id = r->id,
		        .label = one_line(ctx->a, r->sql),
		        .outcome = r->outcome,
		        .facts = r->plan ? "plan"
		                 : done  ? web_count(ctx->a, r->rows, "row", "rows")
		                         : r->outcome,
		        .at = web_time(ctx->a, r->at),
		        .failed = !done && strcmp(r->outcome, "running") != 0,
		        .running = !strcmp(r->outcome, "running"),
		};
	}
	return NULL;
}

static struct err *fill_kept(struct ctx *ctx, int64_t project_id, struct sql_view *v)
{
	struct query_saved *list;
	size_t n;

	TRY(query_saved_list(ctx, project_id, NULL, &list, &n));
	v->nqueries = n < KEPT ? n : KEPT;
	v->queries = ARENA_ARRAY(ctx->a, struct kept, v->nqueries);
	for (size_t i = 0; i < v->nqueries; i++)
		v->queries[i] = (struct kept){list[i].id, list[i].name, list[i].id == v->saved->id};
	return NULL;
}

static struct saved_form *form_of(struct ctx *ctx, const struct http_request *req,
                                  const struct query_saved *s)
{
	struct saved_form *f = ARENA_NEW(ctx->a, struct saved_form);

	*f = (struct saved_form){.name = "", .description = ""};
	if (!s)
		return f;
	*f = (struct saved_form){
	        .id = s->id,
	        .name = s->name,
	        .description = s->description,
	        .shared = s->shared,
	        .stamp = arena_printf(ctx->a, "%lld", (long long)s->updated_at),
	        .editable = s->mine || (s->shared && auth_person(req)->role >= PROJECT_ADMIN),
	        .owner = s->mine    ? NULL
	                 : s->owner ? s->owner
	                            : "somebody who left",
	};
	return f;
}

static struct sql_view *new_view(struct ctx *ctx, struct http_request *req, const char *sql,
                                 const struct query_saved *saved)
{
	struct sql_view *v = ARENA_NEW(ctx->a, struct sql_view);

	v->layout = web_layout(ctx, req, saved ? saved->name : "SQL", "sql");
	v->person = auth_person(req)->id;
	v->sql = sql;
	v->saved = form_of(ctx, req, saved);
	v->params = ARENA_NEW(ctx->a, struct web_params);
	v->answer = ARENA_NEW(ctx->a, struct web_answer);
	v->answer->background = true;
	return v;
}

static struct err *show(struct ctx *ctx, struct http_request *req, struct http_response *res,
                        struct sql_view *v)
{
	int64_t project_id = auth_person(req)->project.id;

	TRY(fill_history(ctx, project_id, v));
	if (web_partial(req))
		return web_render(ctx, res, &sql_partial, v);
	TRY(fill_kept(ctx, project_id, v));
	return web_render(ctx, res, &sql_page, v);
}

/* The page ----------------------------------------------------------------------------------------------- */

/* The saved query that a form or an address names; one that is gone is none. */
static struct err *find_saved(struct ctx *ctx, struct http_request *req, struct str id,
                              struct query_saved **out)
{
	struct query_saved *s = ARENA_NEW(ctx->a, struct query_saved);
	int64_t n;

	*out = NULL;
	if (!str_to_i64(id, &n) || n <= 0)
		return NULL;
	struct err *e = query_saved_get(ctx, auth_person(req)->project.id, n, s);
	if (!e)
		*out = s;
	return e && e->kind != ERR_NOT_FOUND ? e : NULL;
}

struct err *web_sql_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	int64_t run_id;
	struct query_saved *saved;
	const char *sql = "";

	TRY(find_saved(ctx, req, http_query(req, "query"), &saved));
	if (saved)
		sql = saved->sql;
	else if (str_to_i64(http_query(req, "run"), &run_id))
		TRY(query_history_text(ctx, auth_person(req)->project.id, run_id, &sql));
	struct sql_view *v = new_view(ctx, req, sql, saved);
	if (saved) {
		struct err *e =
		        web_params_read(ctx, req, sql, saved->parameters, saved->nparameters, &v->params);
		if (e)
			v->answer->problem = web_sql_problem(ctx->a, sql, NULL, e);
		v->params->asked = false; /* nothing was run yet */
	}
	return show(ctx, req, res, v);
}

struct err *web_sql_run(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct query_saved *saved;

	TRY(http_form(ctx, req));
	TRY(find_saved(ctx, req, http_field(req, "query"), &saved));
	const char *sql = web_sql_field(ctx, req, "sql");
	struct sql_view *v = new_view(ctx, req, sql, saved);
	const struct web_sql_run run = {.origin = QUERY_FROM_SQL,
	                                .sql = sql,
	                                .explain = str_is(http_field(req, "action"), "explain"),
	                                .saved = saved && !strcmp(saved->sql, sql) ? saved : NULL};
	TRY(web_sql_answer(ctx, req, res, &run, &v->params, v->answer));
	return show(ctx, req, res, v);
}

/* In the background -------------------------------------------------------------------------------------- */

static struct err *begin(struct ctx *ctx, struct http_request *req, const char *sql,
                         struct web_params **params, struct sql_bound *bound, struct query_background **query,
                         int64_t *run_id)
{
	struct query_scope scope;

	TRY(web_params_read(ctx, req, sql, NULL, 0, params));
	TRY(web_params_bind(ctx, *params, sql, bound));
	TRY(web_scope(ctx, req, QUERY_FROM_SQL, &scope));
	return query_begin(ctx, &scope, bound->sql, query, run_id);
}

/* The person is sent to the run's page at once; this thread goes on with the query. */
struct err *web_sql_background(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct query_background *query;
	struct sql_bound bound = {0};
	int64_t run_id;

	TRY(http_form(ctx, req));
	const char *sql = web_sql_field(ctx, req, "sql");
	struct sql_view *v = new_view(ctx, req, sql, NULL);
	struct err *e = begin(ctx, req, sql, &v->params, &bound, &query, &run_id);
	if (e) {
		v->answer->problem = web_sql_problem(ctx->a, sql, &bound, e);
		if (!v->answer->problem)
			return e;
		web_problem_status(ctx, res, e);
		return show(ctx, req, res, v);
	}
	http_redirect(res, arena_printf(ctx->a, "/runs/%lld", (long long)run_id));
	http_finish(ctx, req, res);
	return query_finish(ctx, query);
}

/* Saving ------------------------------------------------------------------------------------------------- */

/* Values of parameters that the form did not show stay what they were. */
static struct err *sent(struct ctx *ctx, struct http_request *req, int64_t id, struct query_saved *s)
{
	struct query_saved was = {0};
	struct web_params *params;
	int64_t stamp;

	*s = (struct query_saved){
	        .id = id,
	        .project_id = auth_person(req)->project.id,
	        .name = web_field(ctx, req, "name"),
	        .description = web_field(ctx, req, "description"),
	        .sql = web_sql_field(ctx, req, "sql"),
	        .shared = http_has_field(req, "shared"),
	        .updated_at = str_to_i64(http_field(req, "stamp"), &stamp) ? stamp : 0,
	};
	struct err *e = id ? query_saved_get(ctx, s->project_id, id, &was) : NULL;
	if (e && e->kind != ERR_NOT_FOUND)
		return e;
	TRY(web_params_read(ctx, req, s->sql, was.parameters, was.nparameters, &params));
	web_params_keep(ctx->a, params, s);
	return NULL;
}

/* What was typed stays. After a conflict the next save replaces the other's, which is shown. */
static struct err *show_unsaved(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                struct query_saved *typed, const struct err *failed)
{
	struct query_saved stored;
	struct sql_view *v = new_view(ctx, req, typed->sql, typed);
	bool conflict = failed->kind == ERR_CONFLICT;

	v->saved->editable = typed->id != 0;
	v->saved->owner = NULL;
	v->saved->open = true;
	v->problem = web_problem(ctx, failed);
	web_problem_status(ctx, res, failed);
	struct err *e = conflict ? query_saved_get(ctx, typed->project_id, typed->id, &stored) : NULL;
	if (conflict && e && e->kind == ERR_NOT_FOUND)
		v->saved->id = 0;
	else if (e)
		return e;
	else if (conflict) {
		v->saved->stamp = arena_printf(ctx->a, "%lld", (long long)stored.updated_at);
		v->saved->theirs_html = web_sql_html(ctx->a, stored.sql);
	}
	return show(ctx, req, res, v);
}

static struct err *save(struct ctx *ctx, struct http_request *req, struct http_response *res, int64_t id)
{
	const struct auth_person *person = auth_person(req);
	struct query_saved s;

	TRY(http_form(ctx, req));
	struct err *e = sent(ctx, req, id, &s);
	if (!e)
		e = query_saved_put(ctx, &s, person->role >= PROJECT_ADMIN);
	if (e && e->kind != ERR_INVALID && e->kind != ERR_CONFLICT)
		return e;
	if (e)
		return show_unsaved(ctx, req, res, &s, e);
	http_redirect(res, arena_printf(ctx->a, "/p/%s/sql?query=%lld&done=saved", person->project.slug,
	                                (long long)s.id));
	return NULL;
}

struct err *web_saved_add(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	return save(ctx, req, res, 0);
}

struct err *web_saved_save(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	return save(ctx, req, res, http_param_i64(req, "query"));
}
