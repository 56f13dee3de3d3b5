/*
 * What a link shows: one artifact on a page of its own. The token of the address is exchanged for a cookie that holds for
 * this link alone, so that it stands in no address, log or history after the first one. Each request asks the database
 * again whether the link still holds. Whatever stands against it is the same page.
 */
#include <inttypes.h>
#include <string.h>

#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "markdown/markdown.h"
#include "web/artifact_priv.h"
#include "web/sandbox_priv.h"
#include "web/share_priv.h"

enum { WINDOW_SECONDS = 15 * 60, ADDRESS_MISSES = 60, LINK_PASSWORDS = 100, VISITOR_PASSWORDS = 10, NEXT_SECONDS = 900 };

#define NEXT_COOKIE "__Secure-quern-next"

/* A link as somebody opened it. */
struct shared {
	struct artifact_link link;
	struct artifact a;
	bool password; /* given, or none is needed */
};

struct shared_view {
	struct web_layout *layout;
	struct web_problem *problem;
	int64_t id;
	const char *title;
	const char *kind;
	const char *label;
	const char *by;
	const char *made;   /* when, of what no query is behind, else NULL */
	const char *frozen; /* when, NULL: live */
	const char *ends;   /* when, NULL: never */
	bool framed;
	bool reads; /* data as whoever looks */
	const char *html;
};
static const struct view shared_view =
        VIEW(struct shared_view, VIEW_ONE(struct shared_view, layout, &web_layout_view),
             VIEW_ONE(struct shared_view, problem, &web_problem_view), VIEW_I64(struct shared_view, id),
             VIEW_STR(struct shared_view, title), VIEW_STR(struct shared_view, kind), VIEW_STR(struct shared_view, label),
             VIEW_STR(struct shared_view, by), VIEW_STR(struct shared_view, made),
             VIEW_STR(struct shared_view, frozen), VIEW_STR(struct shared_view, ends),
             VIEW_BOOL(struct shared_view, framed), VIEW_BOOL(struct shared_view, reads),
             VIEW_HTML(struct shared_view, html));
WEB_PAGE(shared_page, "share/show", shared_view);
WEB_PAGE(shared_none, "share/none", shared_view);
WEB_PAGE(shared_ask, "share/password", shared_view);
WEB_PAGE(shared_preview, "share/preview", shared_view);

/* Headers ------------------------------------------------------------------------------------------------ */

static void set_headers(struct http_response *res)
{
	http_set_header(res, "Referrer-Policy", "no-referrer");
	http_set_header(res, "X-Robots-Tag", "noindex, nofollow, noarchive");
}

/* The sites that may show the link in a frame, as a policy names them; "'none'" for none. */
static const char *ancestors(struct arena *a, const struct artifact_link *link)
{
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < link->embed_origins.n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", link->embed_origins.p[i]);
	return b.n ? buf_cstr(&b) : "'none'";
}

static void set_frames(struct ctx *ctx, struct http_response *res, const struct artifact_link *link)
{
	http_set_header(res, "Content-Security-Policy",
	                arena_printf(ctx->a, HTTP_PAGE_CSP_IN("%s") "; frame-src 'self'", ancestors(ctx->a, link)));
	if (link->embed_origins.n)
		http_set_header(res, "X-Frame-Options", "");
}

/* One for who has the link, another for who gave its password, too: so that whoever opens the link again, which cannot be told
 * from the first time, need not give it again. */
static const char *cookie_name(struct arena *a, int64_t link_id, bool password)
{
	return arena_printf(a, "__Secure-quern-shared-%" PRId64 "%s", link_id, password ? "-in" : "");
}

/* For the addresses of this link alone. A page inside another site gets a cookie only if it says that it is one of those. */
static void set_cookie(struct ctx *ctx, struct http_response *res, const struct artifact_link *link, bool password)
{
	http_set_header(res, "Set-Cookie",
	                arena_printf(ctx->a, "%s=%s; Path=/shared/%" PRId64 "; Secure; HttpOnly; Max-Age=%d; SameSite=%s",
	                             cookie_name(ctx->a, link->id, password), artifact_link_grant(ctx, link, password), link->id,
	                             ARTIFACT_GRANT_SECONDS, link->embed_origins.n ? "None; Partitioned" : "Lax"));
}

/* Opening ------------------------------------------------------------------------------------------------ */

/* A path of links as it may stand in a cookie. */
static bool is_plain(struct str path)
{
	for (size_t i = 0; i < path.n; i++)
		if (!path.p[i] || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/", path.p[i]))
			return false;
	return str_starts(path, STR(SHARE_NEXT));
}

/* Who is led to sign in comes back here, and the token is in no address meanwhile: not of ours, nor of single sign-on. */
static void remember(struct ctx *ctx, const struct http_request *req, struct http_response *res)
{
	struct str path = http_path(req);

	if (is_plain(path))
		http_set_header(res, "Set-Cookie",
		                arena_printf(ctx->a, NEXT_COOKIE "=%.*s; Path=/sign-in; Secure; HttpOnly; SameSite=Lax; Max-Age=%d",
		                             STR_ARG(path), NEXT_SECONDS));
}

const char *share_next(struct ctx *ctx, const struct http_request *req, const char *next)
{
	struct str path = http_cookie(req, NEXT_COOKIE);

	return !strcmp(next, SHARE_NEXT) && is_plain(path) ? str_dup(ctx->a, path) : next;
}

static struct err *none(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct shared_view v = {.layout = web_layout(ctx, req, "Nothing to see here", "shared")};

	if (!v.layout->signed_in)
		remember(ctx, req, res);
	set_headers(res);
	http_status(res, 404);
	return web_render(ctx, res, &shared_none, &v);
}

/* By the cookies: the one of the password, if there is one that holds. */
static struct err *use_cookie(struct ctx *ctx, const struct http_request *req, struct shared *s)
{
	int64_t id = http_param_i64(req, "link");
	struct str in = http_cookie(req, cookie_name(ctx->a, id, true));

	if (in.n) {
		struct err *e = artifact_link_use(ctx, id, in, &s->link, &s->a, &s->password);

		if (!e || e->kind != ERR_NOT_FOUND)
			return e;
	}
	return artifact_link_use(ctx, id, http_cookie(req, cookie_name(ctx->a, id, false)), &s->link, &s->a, &s->password);
}

/* *shown false: the page that says nothing was written. */
static struct err *use(struct ctx *ctx, struct http_request *req, struct http_response *res, struct shared *s, bool *shown)
{
	struct err *e = use_cookie(ctx, req, s);

	*shown = !e;
	set_headers(res);
	if (!e || e->kind != ERR_NOT_FOUND || http_wants_json(req))
		return e;
	return none(ctx, req, res);
}

static const char *miss_bucket(struct ctx *ctx)
{
	return arena_printf(ctx->a, "shared:address:%s", auth_network(ctx->a, ctx->address));
}

/* A counter too high by one is not worth a failure. */
static void uncount(struct ctx *ctx, const char *bucket)
{
	struct err *e = audit_rate_undo(ctx, bucket);

	if (e)
		log_err(LOG_WARNING, ctx->request_id, "could not take back a counted attempt", e);
}

static void fill(struct ctx *ctx, struct http_request *req, const struct shared *s, struct shared_view *v)
{
	const struct artifact_type *type = artifact_type(s->a.type);

	*v = (struct shared_view){
	        .layout = web_layout(ctx, req, s->link.title, "shared"),
	        .id = s->link.id,
	        .title = s->link.title,
	        .kind = s->a.type,
	        .label = type->label,
	        .by = s->link.by,
	        .made = s->link.sourced ? NULL : web_time(ctx->a, s->a.version.at),
	        .frozen = s->link.sourced && s->link.is_frozen ? web_time(ctx->a, s->link.frozen_at) : NULL,
	        .ends = s->link.expires_at ? web_time(ctx->a, s->link.expires_at) : NULL,
	        .framed = type->framed,
	        .reads = s->link.sourced && !s->link.is_frozen,
	};
}

/* Programs that show what is behind a link, such as chats, keep no cookies: they get title and kind, of what is open to all, and a
 * way on for a person whose browser was taken for one. */
static struct err *preview(struct ctx *ctx, struct http_request *req, struct http_response *res, const struct shared *s)
{
	struct shared_view v;

	fill(ctx, req, s, &v);
	return web_render(ctx, res, &shared_preview, &v);
}

struct err *web_shared_token(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const char *bucket = miss_bucket(ctx);
	struct shared s = {0};
	struct err *e;

	TRY(audit_rate(ctx, bucket, ADDRESS_MISSES, WINDOW_SECONDS));
	e = artifact_link_open(ctx, http_param(req, "token"), &s.link, &s.a);
	if (e)
		return e->kind == ERR_NOT_FOUND ? none(ctx, req, res) : e;
	uncount(ctx, bucket);
	set_headers(res);
	set_frames(ctx, res, &s.link);
	set_cookie(ctx, res, &s.link, false);
	if (share_is_robot(req) && !strcmp(s.link.audience, "public") && !s.link.password_hash)
		return preview(ctx, req, res, &s);
	http_redirect(res, arena_printf(ctx->a, "/shared/%" PRId64, s.link.id));
	return NULL;
}

/* The page ----------------------------------------------------------------------------------------------- */

static struct err *ask_password(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                const struct shared *s, const struct err *problem)
{
	struct shared_view v = {.layout = web_layout(ctx, req, "A password is needed", "shared"),
	                        .problem = web_problem(ctx, problem),
	                        .id = s->link.id};

	set_frames(ctx, res, &s->link);
	/* With "no-referrer" a browser does not say where its form comes from, either. */
	http_set_header(res, "Referrer-Policy", "same-origin");
	web_problem_status(ctx, res, problem);
	return web_render(ctx, res, &shared_ask, &v);
}

/* A visit that cannot be counted is one all the same. */
static void count(struct ctx *ctx, const struct http_request *req, const struct artifact_link *link)
{
	struct err *e = share_is_robot(req) || share_is_prefetch(req) ?
	                        NULL :
	                        artifact_link_viewed(ctx, link, http_header(req, "user-agent"));

	if (e)
		log_err(LOG_WARNING, ctx->request_id, "could not count a view", e);
}

struct err *web_shared_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct shared s = {0};
	struct shared_view v;
	bool shown;

	TRY(use(ctx, req, res, &s, &shown));
	if (!shown)
		return NULL;
	if (!s.password)
		return ask_password(ctx, req, res, &s, NULL);
	fill(ctx, req, &s, &v);
	if (!v.framed) {
		TRY(artifact_link_content(ctx, &s.link, &s.a));
		v.html = artifact_html(ctx->a, s.a.version.code);
	}
	set_frames(ctx, res, &s.link);
	count(ctx, req, &s.link);
	return web_render(ctx, res, &shared_page, &v);
}

/* By the cookie with the password, for what is no page of its own. */
static struct err *use_whole(struct ctx *ctx, struct http_request *req, struct http_response *res, struct shared *s)
{
	TRY(use_cookie(ctx, req, s));
	set_headers(res);
	return s->password ? NULL : err_new(ctx->a, ERR_NOT_FOUND, "shared page not found");
}

struct err *web_shared_sandbox(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct shared s = {0};

	TRY(use_whole(ctx, req, res, &s));
	if (!s.link.embed_origins.n)
		return web_sandbox_send(ctx, res, "'self'");
	return web_sandbox_send(ctx, res, arena_printf(ctx->a, "'self' %s", ancestors(ctx->a, &s.link)));
}

/* Who was named need not be a member; the page says so in place of the data. */
static struct err *check_member(struct ctx *ctx, struct err *e)
{
	if (!e || e->kind != ERR_NOT_FOUND)
		return e;
	return err_hint(err_new(ctx->a, ERR_FORBIDDEN, "the data is for members of the project"),
	                "Whoever shared it can add you, or share the data as they see it.");
}

/* As whoever looks, under their rules in the project: nobody's rows but theirs. */
static struct err *read_live(struct ctx *ctx, struct http_request *req, const struct shared *s, struct buf *data, int64_t *at)
{
	const struct auth_person *person = auth_person(req);
	struct artifact_seen seen = {.a = s->a};
	struct query_scope scope = {0};

	http_stop_when_gone(ctx, req);
	if (s->a.version.nsources) {
		TRY(check_member(ctx, project_access_by_id(ctx, s->a.project_id, person->id, person->is_admin, &seen.project,
		                                           &seen.role)));
		TRY(artifact_scope(ctx, req, &seen, &scope));
	}
	return artifact_data(ctx, &scope, &s->a.version, data, at, NULL);
}

struct err *web_shared_data(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct buf data = buf_init(ctx->a, BUF_RESULT);
	struct json_writer w = {.b = http_out(res)};
	struct shared s = {0};
	int64_t at;

	TRY(use_whole(ctx, req, res, &s));
	TRY(artifact_link_content(ctx, &s.link, &s.a));
	at = s.link.frozen_at;
	if (s.link.frozen)
		buf_add_cstr(&data, s.link.frozen);
	else
		TRY(read_live(ctx, req, &s, &data, &at));
	http_type(res, "application/json");
	artifact_put(ctx->a, &w, &s.a, at, buf_str(&data));
	return NULL;
}

/* The password ------------------------------------------------------------------------------------------- */

/* As for accounts: counted before the attempt and taken back when it succeeds. */
static struct err *try_password(struct ctx *ctx, const struct artifact_link *link, struct str password, bool *ok)
{
	const char *all = arena_printf(ctx->a, "shared:link:%" PRId64, link->id);
	const char *one = arena_printf(ctx->a, "shared:link:%" PRId64 ":%s", link->id, auth_network(ctx->a, ctx->address));

	TRY(audit_rate(ctx, one, VISITOR_PASSWORDS, WINDOW_SECONDS));
	TRY(audit_rate(ctx, all, LINK_PASSWORDS, WINDOW_SECONDS));
	struct err *e = auth_password_verify(ctx, link->password_hash, password, ok);
	if (e || *ok) {
		uncount(ctx, one);
		uncount(ctx, all);
	}
	return e;
}

struct err *web_shared_password(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct shared s = {0};
	bool shown, ok;

	TRY(http_form(ctx, req));
	TRY(use(ctx, req, res, &s, &shown));
	if (!shown)
		return NULL;
	if (!s.password) {
		struct err *e = try_password(ctx, &s.link, http_field(req, "password"), &ok);
		if (!e && !ok) {
			TRY(artifact_link_log(ctx, "artifact.link.refused", &s.link));
			e = err_new(ctx->a, ERR_UNAUTHENTICATED, "the password is wrong");
		}
		if (e)
			return web_mendable(e) ? ask_password(ctx, req, res, &s, e) : e;
		TRY(artifact_link_log(ctx, "artifact.link.open", &s.link));
		set_cookie(ctx, res, &s.link, true);
	}
	http_redirect(res, arena_printf(ctx->a, "/shared/%" PRId64, s.link.id));
	return NULL;
}
