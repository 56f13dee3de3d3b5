/*
 * An artifact as a picture or a PDF file: asked for here, made by a worker, and then here again. The page that says how far it is
 * loads itself anew until the file is there; static/artifact.js does the same without leaving the artifact. For programs one
 * request does both.
 */
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "web/alone_priv.h"
#include "web/artifact_export_priv.h"

static const struct {
	const char *format;
	const char *label;
	const char *media_type;
} formats[] = {{"png", "picture", "image/png"}, {"pdf", "PDF file", "application/pdf"}};
enum { FORMATS = sizeof(formats) / sizeof(*formats), LOOK_MS = 250 };

static size_t format_of(struct str name)
{
	size_t i = 0;

	while (i < FORMATS && !str_is(name, formats[i].format))
		i++;
	return i;
}

static const char *address(struct arena *a, int64_t artifact_id, int64_t id)
{
	return arena_printf(a, "/artifacts/%lld/exports/%lld", (long long)artifact_id, (long long)id);
}

/* {"state","before","error","file"}: file is there when it can be fetched. */
static void put_state(struct ctx *ctx, struct http_response *res, const struct artifact_export *x)
{
	struct json_writer w = {.b = http_out(res)};
	const char *at = address(ctx->a, x->artifact_id, x->id);

	http_type(res, "application/json");
	json_object_open(&w, NULL);
	json_put_cstr(&w, "address", at);
	json_put_cstr(&w, "state", x->state);
	json_put_i64(&w, "before", x->before);
	json_put_cstr(&w, "error", x->error);
	json_put_cstr(&w, "file", strcmp(x->state, "done") == 0 ? arena_printf(ctx->a, "%s/file", at) : NULL);
	json_object_close(&w);
}

static struct err *ask(struct ctx *ctx, struct http_request *req, const struct artifact_seen *seen, const char *format, int64_t *id)
{
	struct buf page = buf_init(ctx->a, WEB_ALONE_BYTES);

	TRY(artifact_export_check(ctx));
	TRY(web_alone(ctx, req, seen, format, &page));
	TRY(web_artifact_export_audit(ctx, seen, format, -1));
	return artifact_export_ask(ctx, &seen->a, format, buf_str(&page), id);
}

struct err *web_artifact_picture_ask(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact_export x;
	struct artifact_seen seen;
	size_t format;
	int64_t id;

	TRY(http_form(ctx, req));
	TRY(artifact_seen_load(ctx, req, &seen));
	TRY(web_artifact_may_export(ctx, &seen));
	format = format_of(http_field(req, "format"));
	if (format == FORMATS)
		return err_new(ctx->a, ERR_INVALID, "there is no such format");
	TRY(ask(ctx, req, &seen, formats[format].format, &id));
	if (!http_wants_json(req)) {
		http_redirect(res, address(ctx->a, seen.a.id, id));
		return NULL;
	}
	TRY(artifact_export_get(ctx, seen.a.id, id, &x));
	put_state(ctx, res, &x);
	return NULL;
}

/* How far it is ------------------------------------------------------------------------------------------ */

struct picture_view {
	struct web_layout *layout;
	int64_t artifact;
	int64_t version;
	const char *title;
	const char *label;
	const char *format;
	const char *file; /* NULL: not there */
	const char *error;
	const char *before; /* "2 files are made first", NULL for none */
	bool waits;
};
static const struct view picture_view =
        VIEW(struct picture_view, VIEW_ONE(struct picture_view, layout, &web_layout_view),
             VIEW_I64(struct picture_view, artifact), VIEW_I64(struct picture_view, version),
             VIEW_STR(struct picture_view, title), VIEW_STR(struct picture_view, label),
             VIEW_STR(struct picture_view, format), VIEW_STR(struct picture_view, file),
             VIEW_STR(struct picture_view, error), VIEW_STR(struct picture_view, before),
             VIEW_BOOL(struct picture_view, waits));
WEB_PAGE(picture_page, "artifact/picture", picture_view);

/* The file of the address, and the artifact in the version that it was made of: whatever version the address names, also that one has to
 * be theirs to export. */
static struct err *load(struct ctx *ctx, struct http_request *req, struct artifact_seen *seen, struct artifact_export *x)
{
	TRY(artifact_seen_load(ctx, req, seen));
	TRY(web_artifact_may_export(ctx, seen));
	TRY(artifact_export_get(ctx, seen->a.id, http_param_i64(req, "export"), x));
	TRY(artifact_get(ctx, seen->a.id, x->version, &seen->a));
	return web_artifact_may_export(ctx, seen);
}

struct err *web_artifact_picture(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact_seen seen;
	struct artifact_export x;
	bool done, failed;

	TRY(load(ctx, req, &seen, &x));
	if (http_wants_json(req)) {
		put_state(ctx, res, &x);
		return NULL;
	}
	done = strcmp(x.state, "done") == 0;
	failed = strcmp(x.state, "failed") == 0;
	if (!done && !failed)
		http_set_header(res, "Refresh", "2");
	return web_render(
	        ctx, res, &picture_page,
	        &(struct picture_view){
	                .layout = web_layout_in(ctx, req, &seen.project, seen.role, seen.a.title, "artifacts"),
	                .artifact = seen.a.id,
	                .version = x.version,
	                .title = seen.a.title,
	                .label = formats[format_of(str_of(x.format))].label,
	                .format = x.format,
	                .file = done ? arena_printf(ctx->a, "%s/file", address(ctx->a, seen.a.id, x.id)) : NULL,
	                .error = failed ? x.error : NULL,
	                .before = x.before ? web_count(ctx->a, x.before, "file is made first", "files are made first") : NULL,
	                .waits = !done && !failed});
}

static struct err *send_file(struct ctx *ctx, struct http_request *req, struct http_response *res, const struct artifact_seen *seen,
                             const struct artifact_export *x)
{
	struct web_download download = {ctx, req, res};
	struct str file;

	TRY(artifact_export_file(ctx, seen->a.id, x->id, &file));
	web_attach(ctx, res, seen->a.title, "artifact", x->format, formats[format_of(str_of(x->format))].media_type);
	return web_download_part(&download, file);
}

struct err *web_artifact_picture_file(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact_seen seen;
	struct artifact_export x;

	TRY(load(ctx, req, &seen, &x));
	return send_file(ctx, req, res, &seen, &x);
}

struct err *web_artifact_picture_wait(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                      const struct artifact_seen *seen, const char *format)
{
	struct artifact_export x;
	int64_t id;

	TRY(ask(ctx, req, seen, format, &id));
	for (;;) {
		TRY(artifact_export_get(ctx, seen->a.id, id, &x));
		if (strcmp(x.state, "done") == 0)
			return send_file(ctx, req, res, seen, &x);
		if (strcmp(x.state, "failed") == 0)
			return err_new(ctx->a, ERR_UNAVAILABLE, "%s", x.error);
		if (ctx_stopped(ctx))
			return err_new(ctx->a, ERR_CANCELLED, "stopped");
		nanosleep(&(struct timespec){0, LOOK_MS * 1000000L}, NULL);
	}
}
