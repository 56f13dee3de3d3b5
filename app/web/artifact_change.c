/* What the owner of an artifact changes: a new version, an older one again, its title, who sees it, whether it is there. */
#include "lib/arena.h"
#include "web/artifact_priv.h"
#include "web/sql_priv.h"

/* Back to its page, or nothing more for a script. */
static struct err *go_back(struct ctx *ctx, struct http_request *req, struct http_response *res, const char *done)
{
	if (http_wants_json(req)) {
		http_status(res, 204);
		return NULL;
	}
	http_redirect(res, arena_printf(ctx->a, "/artifacts/%lld?done=%s", (long long)http_param_i64(req, "artifact"),
	                                done));
	return NULL;
}

/* A person's own change of the code; what it is made of stays as it was. */
struct err *web_artifact_save(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact_seen seen;
	struct artifact out;
	int64_t newest;

	TRY(http_form(ctx, req));
	TRY(artifact_seen_load(ctx, req, &seen));
	const struct artifact_version *old = &seen.a.version;
	TRY(artifact_save(ctx,
	                  &(struct artifact_draft){.artifact_id = seen.a.id,
	                                           .after = str_to_i64(http_field(req, "newest"), &newest) ? newest : 0,
	                                           .code = web_sql_field(ctx, req, "code"),
	                                           .sources = old->sources,
	                                           .nsources = old->nsources,
	                                           .data = old->data,
	                                           .note = web_field(ctx, req, "note")},
	                  &out));
	return go_back(ctx, req, res, "version");
}

struct err *web_artifact_restore(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact out;
	int64_t n;

	TRY(http_form(ctx, req));
	if (!str_to_i64(http_field(req, "version"), &n) || n < 1)
		return err_new(ctx->a, ERR_INVALID, "the version to restore is a number");
	TRY(artifact_restore(ctx, http_param_i64(req, "artifact"), n, &out));
	return go_back(ctx, req, res, "restored");
}

struct err *web_artifact_rename(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(http_form(ctx, req));
	TRY(artifact_rename(ctx, http_param_i64(req, "artifact"), web_field(ctx, req, "title")));
	return go_back(ctx, req, res, "saved");
}

struct err *web_artifact_visible(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	int64_t id = http_param_i64(req, "artifact"), links;

	TRY(http_form(ctx, req));
	TRY(artifact_show_to(ctx, id, web_field(ctx, req, "visible")));
	TRY(artifact_links_open(ctx, id, &links));
	if (str_is(http_field(req, "visible"), "project"))
		return go_back(ctx, req, res, "shown");
	return go_back(ctx, req, res, links ? "linked" : "unshown");
}

struct err *web_artifact_delete(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact_seen seen;

	TRY(http_form(ctx, req));
	TRY(artifact_seen_load(ctx, req, &seen));
	TRY(artifact_delete(ctx, seen.a.id, true));
	http_redirect(res, arena_printf(ctx->a, "/p/%s/artifacts?deleted=%lld", seen.project.slug, (long long)seen.a.id));
	return NULL;
}

struct err *web_artifact_undelete(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(http_form(ctx, req));
	TRY(artifact_delete(ctx, http_param_i64(req, "artifact"), false));
	return go_back(ctx, req, res, "");
}
