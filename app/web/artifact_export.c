/*
 * An artifact as a file: the rows behind it, its text, or all of it as one page. Rows are read anew for whoever asks, as on
 * its page; who may not export results gets none of them here either.
 */
#include <string.h>

#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "web/alone_priv.h"
#include "web/artifact_export_priv.h"

struct err *web_artifact_may_export(struct ctx *ctx, const struct artifact_seen *seen)
{
	return seen->a.version.nsources ? web_check_export(ctx, &seen->project, seen->role) : NULL;
}

struct err *web_artifact_export_audit(struct ctx *ctx, const struct artifact_seen *seen, const char *as, int64_t rows)
{
	struct buf b = buf_init(ctx->a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "version", seen->a.version.n);
	json_put_cstr(&w, "format", as);
	if (rows >= 0)
		json_put_i64(&w, "rows", rows);
	json_object_close(&w);
	return audit_log(ctx, "artifact.export", arena_printf(ctx->a, "artifact:%lld", (long long)seen->a.id), buf_cstr(&b));
}

struct export_to {
	struct ctx *ctx;
	struct http_request *req;
	struct http_response *res;
	struct artifact_seen seen;
};

/* Rows --------------------------------------------------------------------------------------------------- */

/* The statement that ?source= names, else the first; NULL: there is none. */
static const struct artifact_source *source_of(const struct export_to *x)
{
	const struct artifact_version *v = &x->seen.a.version;
	struct str name = http_query(x->req, "source");

	for (size_t i = 0; i < v->nsources; i++)
		if (!name.n || str_is(name, v->sources[i].name))
			return &v->sources[i];
	return NULL;
}

static struct err *send_rows(struct export_to *x, const char *ending)
{
	const struct query_format *format = query_format(str_of(ending));
	struct web_download download = {x->ctx, x->req, x->res};
	const struct query_output out = {web_download_part, &download};
	const struct query_caps caps = web_export_caps(&x->seen.project, format);
	const struct artifact_source *source = source_of(x);
	struct query_scope scope;
	struct query_file *file;
	struct query_result *r;
	const char *title = x->seen.a.title;
	struct err *e, *unwritten;

	if (!source)
		return err_hint(err_new(x->ctx->a, ERR_NOT_FOUND, "the artifact has no such rows"),
		                x->seen.a.version.nsources ? "Its page lists the queries behind it." : "No query is behind it.");
	TRY(artifact_scope(x->ctx, x->req, &x->seen, &scope));
	scope.origin = QUERY_FROM_EXPORT;
	if (x->seen.a.version.nsources > 1)
		title = arena_printf(x->ctx->a, "%s %s", title, source->name);
	web_attach(x->ctx, x->res, title, "artifact", format->name, format->media_type);
	TRY(query_file_open(x->ctx, format, &out, &file));
	e = query_stream(x->ctx, &scope, source->sql, &caps, query_file_sink(file), &r);
	if (e && !r->nrows)
		return e;
	/* The trail has it also when it broke off: rows have left by then. */
	unwritten = web_artifact_export_audit(x->ctx, &x->seen, ending, (int64_t)r->nrows);
	if (e || unwritten)
		return e ? e : unwritten;
	return query_file_close(file, r);
}

/* Everything else ---------------------------------------------------------------------------------------- */

static struct err *send_text(struct export_to *x, const char *ending)
{
	if (artifact_type(x->seen.a.type)->framed)
		return err_hint(err_new(x->ctx->a, ERR_NOT_FOUND, "the artifact is no text"),
		                "Its page shows its code.");
	TRY(web_artifact_export_audit(x->ctx, &x->seen, ending, -1));
	web_attach(x->ctx, x->res, x->seen.a.title, "artifact", ending, "text/markdown; charset=utf-8");
	buf_add_cstr(http_out(x->res), x->seen.a.version.code);
	return NULL;
}

static struct err *send_page(struct export_to *x, const char *ending)
{
	struct buf page = buf_init(x->ctx->a, WEB_ALONE_BYTES);
	struct web_download download = {x->ctx, x->req, x->res};

	TRY(web_alone(x->ctx, x->req, &x->seen, ending, &page));
	TRY(web_artifact_export_audit(x->ctx, &x->seen, ending, -1));
	web_attach(x->ctx, x->res, x->seen.a.title, "artifact", ending, "text/html; charset=utf-8");
	return web_download_part(&download, buf_str(&page));
}

static struct err *send_picture(struct export_to *x, const char *ending)
{
	return web_artifact_picture_wait(x->ctx, x->req, x->res, &x->seen, ending);
}

static const struct {
	const char *ending;
	struct err *(*send)(struct export_to *x, const char *ending);
} files[] = {{"csv", send_rows},  {"xlsx", send_rows},   {"md", send_text},
             {"html", send_page}, {"png", send_picture}, {"pdf", send_picture}};

/* What the page offers ------------------------------------------------------------------------------------ */

struct file_source {
	const char *name;
	bool many; /* there are others */
};
static const struct view file_source_view =
        VIEW(struct file_source, VIEW_STR(struct file_source, name), VIEW_BOOL(struct file_source, many));

struct web_artifact_files {
	bool text;
	const char *missing; /* why no picture can be made, or NULL */
	struct file_source *sources;
	size_t nsources;
};
const struct view web_artifact_files_view =
        VIEW(struct web_artifact_files, VIEW_BOOL(struct web_artifact_files, text),
             VIEW_STR(struct web_artifact_files, missing),
             VIEW_LIST(struct web_artifact_files, sources, nsources, &file_source_view));

struct web_artifact_files *web_artifact_files(struct ctx *ctx, const struct artifact_seen *seen)
{
	struct arena *a = ctx->a;
	const struct artifact_version *v = &seen->a.version;
	struct web_artifact_files *f = ARENA_NEW(a, struct web_artifact_files);
	struct err *e;

	if (v->nsources && !web_may_export(seen->role))
		return NULL;
	e = artifact_export_check(ctx);
	f->missing = e ? e->message : NULL;
	f->text = !artifact_type(seen->a.type)->framed;
	f->nsources = v->nsources;
	f->sources = ARENA_ARRAY(a, struct file_source, v->nsources);
	for (size_t i = 0; i < v->nsources; i++)
		f->sources[i] = (struct file_source){v->sources[i].name, v->nsources > 1};
	return f;
}

struct err *web_artifact_export(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct export_to x = {.ctx = ctx, .req = req, .res = res};
	struct str ending = http_path(req);

	(void)str_chop(&ending, '.');
	TRY(artifact_seen_load(ctx, req, &x.seen));
	TRY(web_artifact_may_export(ctx, &x.seen));
	http_stop_when_gone(ctx, req);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (str_is(ending, files[i].ending))
			return files[i].send(&x, files[i].ending);
	return err_new(ctx->a, ERR_NOT_FOUND, "there is no such file");
}
