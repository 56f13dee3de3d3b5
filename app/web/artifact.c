/*
 * An artifact: its page, and its data for whoever looks. Code and data are text on the page and JSON beside it; only the
 * frame runs them. Text (Markdown) is rendered here, like answers.
 */
#include "web/artifact_priv.h"

#include <string.h>

#include "catalog/catalog.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "markdown/markdown.h"
#include "web/artifact_export_priv.h"
#include "web/sandbox_priv.h"
#include "web/sql_priv.h"

struct version_line {
	int64_t n;
	const char *at;
	const char *by;
	const char *note;
	bool shown;
	bool newest;
	bool first;
};
static const struct view version_view =
        VIEW(struct version_line, VIEW_I64(struct version_line, n), VIEW_STR(struct version_line, at),
             VIEW_STR(struct version_line, by), VIEW_STR(struct version_line, note),
             VIEW_BOOL(struct version_line, shown), VIEW_BOOL(struct version_line, newest),
             VIEW_BOOL(struct version_line, first));

struct diff_line {
	const char *kind; /* CSS class: "same", "old", "new", "skipped" */
	const char *text;
	const char *sign;
};
static const struct view line_view = VIEW(struct diff_line, VIEW_STR(struct diff_line, kind),
                                          VIEW_STR(struct diff_line, text), VIEW_STR(struct diff_line, sign));

struct source_line {
	const char *name;
	const char *sql;
	const char *sql_html;
};
static const struct view source_view =
        VIEW(struct source_line, VIEW_STR(struct source_line, name), VIEW_STR(struct source_line, sql),
             VIEW_HTML(struct source_line, sql_html));

struct artifact_view {
	struct web_layout *layout;
	int64_t id;
	int64_t version;
	const char *title;
	const char *kind;
	const char *label;
	const char *by; /* of this version */
	const char *at;
	const char *note;
	int64_t newest; /* 0: this one is */
	bool mine;
	bool shared;
	bool framed;
	const char *html; /* of what is not framed */
	const char *code;
	int64_t before; /* the version that the lines compare with, 0: none */
	struct diff_line *lines;
	size_t nlines;
	bool same; /* as the version before */
	struct source_line *sources;
	size_t nsources;
	bool live;        /* there are some */
	const char *data; /* that came with the code */
	struct version_line *versions;
	size_t nversions;
	int64_t chat;
	bool formed;   /* its form can be opened again */
	bool repairable; /* the model may be asked to repair it */
	struct web_artifact_files *exports;
};
static const struct view artifact_view = VIEW(
        struct artifact_view, VIEW_ONE(struct artifact_view, layout, &web_layout_view),
        VIEW_I64(struct artifact_view, id), VIEW_I64(struct artifact_view, version),
        VIEW_STR(struct artifact_view, title), VIEW_STR(struct artifact_view, kind),
        VIEW_STR(struct artifact_view, label), VIEW_STR(struct artifact_view, by),
        VIEW_STR(struct artifact_view, at), VIEW_STR(struct artifact_view, note),
        VIEW_I64(struct artifact_view, newest), VIEW_BOOL(struct artifact_view, mine),
        VIEW_BOOL(struct artifact_view, shared), VIEW_BOOL(struct artifact_view, framed),
        VIEW_HTML(struct artifact_view, html), VIEW_STR(struct artifact_view, code),
        VIEW_I64(struct artifact_view, before), VIEW_LIST(struct artifact_view, lines, nlines, &line_view),
        VIEW_BOOL(struct artifact_view, same), VIEW_LIST(struct artifact_view, sources, nsources, &source_view),
        VIEW_BOOL(struct artifact_view, live), VIEW_STR(struct artifact_view, data),
        VIEW_LIST(struct artifact_view, versions, nversions, &version_view), VIEW_I64(struct artifact_view, chat),
        VIEW_BOOL(struct artifact_view, formed), VIEW_BOOL(struct artifact_view, repairable),
        VIEW_ONE(struct artifact_view, exports, &web_artifact_files_view));
WEB_PAGE(artifact_page, "artifact/show", artifact_view);
WEB_PAGE(artifact_part, "artifact/part", artifact_view);

/* Who looks at which ------------------------------------------------------------------------------------- */

static int64_t version_asked(const struct http_request *req)
{
	struct str text = http_method_of(req) == HTTP_POST ? http_field(req, "version") : http_query(req, "version");
	int64_t n;

	return str_to_i64(text, &n) && n > 0 ? n : 0;
}

struct err *artifact_seen_load(struct ctx *ctx, struct http_request *req, struct artifact_seen *out)
{
	const struct auth_person *person = auth_person(req);

	TRY(artifact_get(ctx, http_param_i64(req, "artifact"), version_asked(req), &out->a));
	TRY(project_access_by_id(ctx, out->a.project_id, person->id, person->is_admin, &out->project, &out->role));
	out->mine = out->a.user_id == person->id;
	return NULL;
}

struct err *artifact_scope(struct ctx *ctx, const struct http_request *req, const struct artifact_seen *seen,
                           struct query_scope *out)
{
	TRY(catalog_scope_for(ctx, &seen->project, seen->role, out));
	out->origin = QUERY_FROM_ARTIFACT;
	out->time_zone = auth_person(req)->time_zone;
	return NULL;
}

/* The page ------------------------------------------------------------------------------------------------ */

const char *artifact_html(struct arena *a, const char *code)
{
	struct buf html = buf_init(a, BUF_PAGE);
	struct err *e = markdown_html(a, str_of(code), &html);

	return e ? NULL : str_dup(a, web_code_html(a, buf_str(&html)));
}

/* Code as it is read: a figure in lines. */
static const char *code_of(struct arena *a, const struct artifact *x)
{
	struct json_object *o;

	if (strcmp(artifact_type(x->type)->ending, "json") != 0 || json_read(a, str_of(x->version.code), JSON_DEPTH_TREE, &o))
		return x->version.code;
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
}

static void fill_lines(struct arena *a, const char *before, const char *after, struct artifact_view *v)
{
	static const struct {
		const char *kind, *sign;
	} kinds[] = {[ARTIFACT_SAME] = {"same", " "},
	             [ARTIFACT_OLD] = {"old", "-"},
	             [ARTIFACT_NEW] = {"new", "+"},
	             [ARTIFACT_SKIPPED] = {"skipped", " "}};
	struct artifact_line *lines;

	v->nlines = artifact_diff(a, before, after, &lines);
	v->same = v->nlines == 0;
	v->lines = ARENA_ARRAY(a, struct diff_line, v->nlines);
	for (size_t i = 0; i < v->nlines; i++)
		v->lines[i] = (struct diff_line){
		        kinds[lines[i].change].kind,
		        lines[i].text ? lines[i].text : web_count(a, lines[i].lines, "line", "lines"),
		        kinds[lines[i].change].sign};
}

static struct err *fill_versions(struct ctx *ctx, const struct artifact_seen *seen, struct artifact_view *v)
{
	const struct artifact *a = &seen->a;
	struct artifact_version *list;
	struct artifact before;

	TRY(artifact_versions(ctx, a->id, &list, &v->nversions));
	v->versions = ARENA_ARRAY(ctx->a, struct version_line, v->nversions);
	for (size_t i = 0; i < v->nversions; i++)
		v->versions[i] = (struct version_line){list[i].n,
		                                       web_time(ctx->a, list[i].at),
		                                       list[i].by,
		                                       list[i].note,
		                                       list[i].n == a->version.n,
		                                       list[i].n == a->n,
		                                       list[i].n == 1};
	v->before = a->version.n - 1;
	if (!v->before)
		return NULL;
	TRY(artifact_get(ctx, a->id, v->before, &before));
	fill_lines(ctx->a, code_of(ctx->a, &before), v->code, v);
	return NULL;
}

static void fill_sources(struct arena *a, const struct artifact_version *version, struct artifact_view *v)
{
	v->nsources = version->nsources;
	v->live = v->nsources > 0;
	v->sources = ARENA_ARRAY(a, struct source_line, v->nsources);
	for (size_t i = 0; i < v->nsources; i++)
		v->sources[i] = (struct source_line){version->sources[i].name, version->sources[i].sql,
		                                     web_sql_html(a, version->sources[i].sql)};
}

static struct err *fill(struct ctx *ctx, struct http_request *req, const struct artifact_seen *seen,
                        struct artifact_view *v)
{
	const struct artifact *a = &seen->a;
	const struct artifact_type *type = artifact_type(a->type);

	*v = (struct artifact_view){
	        .layout = web_layout_in(ctx, req, &seen->project, seen->role, a->title, "artifacts"),
	        .id = a->id,
	        .version = a->version.n,
	        .title = a->title,
	        .kind = a->type,
	        .label = type->label,
	        .by = a->version.by,
	        .at = web_time(ctx->a, a->version.at),
	        .note = a->version.note,
	        .newest = a->version.n < a->n ? a->n : 0,
	        .mine = seen->mine,
	        .shared = strcmp(a->visible, "project") == 0,
	        .framed = type->framed,
	        .code = code_of(ctx->a, a),
	        .data = a->version.data,
	        .chat = seen->mine ? a->conversation_id : 0,
	        .formed = seen->mine && a->version.form,
	        .repairable = seen->mine && a->conversation_id && a->version.turn_id && a->version.n == a->n,
	        .exports = web_artifact_files(ctx, seen),
	};
	if (!v->framed)
		v->html = artifact_html(ctx->a, a->version.code);
	fill_sources(ctx->a, &a->version, v);
	return fill_versions(ctx, seen, v);
}

struct err *web_artifact_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact_seen seen;
	struct artifact_view v;

	TRY(artifact_seen_load(ctx, req, &seen));
	if (http_query(req, "card").n)
		return artifact_card_render(ctx, res, &seen.a);
	TRY(fill(ctx, req, &seen, &v));
	web_sandbox_allow(res);
	return web_render(ctx, res, web_partial(req) ? &artifact_part : &artifact_page, &v);
}

/* Its data ------------------------------------------------------------------------------------------------ */

void artifact_put(struct arena *a, struct json_writer *w, const struct artifact *artifact, int64_t at, struct str data)
{
	json_object_open(w, NULL);
	json_put_i64(w, "id", artifact->id);
	json_put_cstr(w, "type", artifact->type);
	json_put_cstr(w, "title", artifact->title);
	json_put_i64(w, "version", artifact->version.n);
	json_put_cstr(w, "code", artifact->version.code);
	json_put_cstr(w, "at", at ? clock_rfc3339(a, at) : NULL);
	json_put_raw(w, "data", data);
	json_object_close(w);
}

struct err *web_artifact_data(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct buf data = buf_init(ctx->a, BUF_RESULT);
	struct json_writer w = {.b = http_out(res)};
	struct artifact_seen seen;
	struct query_scope scope = {0};
	int64_t at;

	TRY(artifact_seen_load(ctx, req, &seen));
	http_stop_when_gone(ctx, req);
	if (seen.a.version.nsources)
		TRY(artifact_scope(ctx, req, &seen, &scope));
	TRY((http_query(req, "glance").n ? artifact_glance : artifact_data)(ctx, &scope, &seen.a.version, &data, &at, NULL));
	http_type(res, "application/json");
	artifact_put(ctx->a, &w, &seen.a, at, buf_str(&data));
	return NULL;
}

struct rows_part {
	const char *name;
	struct web_result *result;
	struct web_problem *problem;
};
static const struct view rows_part_view =
        VIEW(struct rows_part, VIEW_STR(struct rows_part, name),
             VIEW_ONE(struct rows_part, result, &web_result_view),
             VIEW_ONE(struct rows_part, problem, &web_problem_view));

struct rows_view {
	struct web_layout *layout;
	int64_t id;
	int64_t version;
	const char *title;
	struct rows_part *parts;
	size_t nparts;
};
static const struct view rows_view =
        VIEW(struct rows_view, VIEW_ONE(struct rows_view, layout, &web_layout_view), VIEW_I64(struct rows_view, id),
             VIEW_I64(struct rows_view, version), VIEW_STR(struct rows_view, title),
             VIEW_LIST(struct rows_view, parts, nparts, &rows_part_view));
WEB_PAGE(rows_page, "artifact/rows", rows_view);
WEB_PAGE(rows_tables, "artifact/tables", rows_view);

/* The rows of each statement as a table; what this person may not run says why. */
struct err *web_artifact_rows(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact_seen seen;
	struct query_scope scope;

	TRY(artifact_seen_load(ctx, req, &seen));
	TRY(artifact_scope(ctx, req, &seen, &scope));
	scope.fresh = http_query(req, "fresh").n > 0;
	http_stop_when_gone(ctx, req);
	struct rows_view v = {.layout = web_layout_in(ctx, req, &seen.project, seen.role, seen.a.title, "artifacts"),
	                      .id = seen.a.id,
	                      .version = seen.a.version.n,
	                      .title = seen.a.title,
	                      .nparts = seen.a.version.nsources};
	v.parts = ARENA_ARRAY(ctx->a, struct rows_part, v.nparts);
	for (size_t i = 0; i < v.nparts; i++) {
		const struct artifact_source *s = &seen.a.version.sources[i];
		struct query_result *r;
		struct err *e = query_run(ctx, &scope, s->sql, &r);

		v.parts[i] = (struct rows_part){s->name, e ? NULL : web_result(ctx->a, r, 0), web_problem(ctx, e)};
	}
	return web_render(ctx, res, web_partial(req) ? &rows_tables : &rows_page, &v);
}
