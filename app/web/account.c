/* Signing in and out, the list of projects, one's own account, and the health check. */
#include <string.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/settings.h"
#include "web/share_priv.h"
#include "web/web_priv.h"

struct err *web_health(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	(void)req;
	TRY(db_ping(ctx));
	http_type(res, "application/json");
	buf_add_cstr(http_out(res), "{\"ok\":true}\n");
	return NULL;
}

/* Signing in --------------------------------------------------------------------------------------------- */

struct sign_in_view {
	struct web_layout *layout;
	struct web_problem *problem;
	const char *email;
	const char *next;
	bool local;      /* there are accounts with passwords here */
	const char *sso; /* address of single sign-on where there is that, too, or NULL */
};

static const struct view sign_in_view =
        VIEW(struct sign_in_view, VIEW_ONE(struct sign_in_view, layout, &web_layout_view),
             VIEW_ONE(struct sign_in_view, problem, &web_problem_view), VIEW_STR(struct sign_in_view, email),
             VIEW_STR(struct sign_in_view, next), VIEW_BOOL(struct sign_in_view, local),
             VIEW_STR(struct sign_in_view, sso));
WEB_PAGE(sign_in_page, "sign-in", sign_in_view);

/* Only a path of ours: no scheme, no host. */
static const char *safe_next(struct ctx *ctx, struct str next)
{
	if (next.n < 1 || next.p[0] != '/' || (next.n > 1 && (next.p[1] == '/' || next.p[1] == '\\')))
		return "/";
	for (size_t i = 0; i < next.n; i++)
		if ((unsigned char)next.p[i] <= ' ' || next.p[i] == '\\' || next.p[i] == 0x7f)
			return "/";
	return str_dup(ctx->a, next);
}

/* oauth2-proxy's own address, which leads back to where the person wanted to go. */
static const char *sso_address(struct ctx *ctx, const char *next)
{
	struct buf b = buf_init(ctx->a, BUF_LINE);

	if (!str_is(str_of(ctx->settings->auth), "both"))
		return NULL;
	buf_add_cstr(&b, "/oauth2/start?rd=");
	buf_add_url(&b, str_of(next));
	return buf_cstr(&b);
}

static struct err *show_sign_in(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                const char *email, const char *next, const struct err *problem)
{
	struct sign_in_view v = {
	        .layout = web_layout(ctx, req, "Sign in", "sign-in"),
	        .problem = web_problem(ctx, problem),
	        .email = email,
	        .next = next,
	        .local = !str_is(str_of(ctx->settings->auth), "header"),
	        .sso = sso_address(ctx, strcmp(next, SHARE_NEXT) ? next : "/sign-in?next=" SHARE_NEXT),
	};
	web_problem_status(ctx, res, problem);
	return web_render(ctx, res, &sign_in_page, &v);
}

struct err *web_sign_in_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const char *next = safe_next(ctx, http_query(req, "next"));

	if (auth_person(req)->id) {
		http_redirect(res, share_next(ctx, req, next));
		return NULL;
	}
	return show_sign_in(ctx, req, res, "", next, NULL);
}

struct err *web_sign_in(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(http_form(ctx, req));
	const char *next = safe_next(ctx, http_field(req, "next"));
	struct err *e =
	        auth_sign_in(ctx, req, res, str_trim(http_field(req, "email")), http_field(req, "password"));
	if (e && (!web_mendable(e) || http_wants_json(req)))
		return e;
	if (e)
		return show_sign_in(ctx, req, res, web_field(ctx, req, "email"), next, e);
	http_redirect(res, share_next(ctx, req, next));
	return NULL;
}

struct err *web_sign_out(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	bool local = str_is(str_of(auth_person(req)->origin), "local");

	TRY(http_form(ctx, req));
	TRY(auth_sign_out(ctx, req, res, http_has_field(req, "everywhere")));
	http_redirect(res, local ? "/sign-in" : ctx->settings->signout_url);
	return NULL;
}

/* Home --------------------------------------------------------------------------------------------------- */

struct home_project {
	const char *slug;
	const char *name;
	const char *description;
	const char *role;
	bool can_write; /* and the person may mend it */
};

struct home_view {
	struct web_layout *layout;
	struct home_project *projects;
	size_t nprojects;
	bool none;
};

static const struct view home_project_view =
        VIEW(struct home_project, VIEW_STR(struct home_project, slug), VIEW_STR(struct home_project, name),
             VIEW_STR(struct home_project, description), VIEW_STR(struct home_project, role),
             VIEW_BOOL(struct home_project, can_write));
static const struct view home_view =
        VIEW(struct home_view, VIEW_ONE(struct home_view, layout, &web_layout_view),
             VIEW_LIST(struct home_view, projects, nprojects, &home_project_view),
             VIEW_BOOL(struct home_view, none));
WEB_PAGE(home_page, "home", home_view);

struct err *web_home(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct project_listed *list;
	size_t n;

	TRY(project_list(ctx, ctx->user_id, auth_person(req)->is_admin, &list, &n));
	struct home_view v = {
	        .layout = web_layout(ctx, req, "Projects", "home"),
	        .projects = ARENA_ARRAY(ctx->a, struct home_project, n),
	        .nprojects = n,
	        .none = n == 0,
	};
	for (size_t i = 0; i < n; i++)
		v.projects[i] = (struct home_project){
		        list[i].project.slug, list[i].project.name, list[i].project.description, list[i].role,
		        list[i].project.can_write && project_role_of(list[i].role) == PROJECT_ADMIN};
	return web_render(ctx, res, &home_page, &v);
}

/* One's own account -------------------------------------------------------------------------------------- */

struct account_view {
	struct web_layout *layout;
	const char *name;   /* NULL when it is only the e-mail */
	const char *groups; /* NULL: none */
	const char *time_zone;
	const char *now;
	struct web_problem *zone_problem;
	struct web_problem *problem; /* with the password */
};

static const struct view account_view =
        VIEW(struct account_view, VIEW_ONE(struct account_view, layout, &web_layout_view),
             VIEW_STR(struct account_view, name), VIEW_STR(struct account_view, groups),
             VIEW_STR(struct account_view, time_zone), VIEW_STR(struct account_view, now),
             VIEW_ONE(struct account_view, zone_problem, &web_problem_view),
             VIEW_ONE(struct account_view, problem, &web_problem_view));
WEB_PAGE(account_page, "account", account_view);

static struct account_view account(struct ctx *ctx, struct http_request *req)
{
	const struct auth_person *me = auth_person(req);

	return (struct account_view){
	        .layout = web_layout(ctx, req, "Your account", "account"),
	        .name = *me->name ? me->name : NULL,
	        .groups = me->groups.n ? web_joined(ctx->a, me->groups) : NULL,
	        .time_zone = me->time_zone,
	        .now = web_time(ctx->a, clock_wall_us()),
	};
}

struct err *web_account_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct account_view v = account(ctx, req);

	return web_render(ctx, res, &account_page, &v);
}

struct err *web_account_password(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(http_form(ctx, req));
	struct err *e = auth_change_password(ctx, req, http_field(req, "old"), http_field(req, "new"));
	if (e && !web_mendable(e))
		return e;
	if (!e) {
		http_redirect(res, "/account?done=password");
		return NULL;
	}
	struct account_view v = account(ctx, req);
	v.problem = web_problem(ctx, e);
	web_problem_status(ctx, res, e);
	return web_render(ctx, res, &account_page, &v);
}

/* What the browser tells by itself counts only where nothing was chosen, and nobody waits for an answer. */
struct err *web_account_time_zone(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(http_form(ctx, req));
	bool detected = http_has_field(req, "detected");
	struct err *e = auth_set_time_zone(ctx, web_field(ctx, req, "time_zone"), !detected);
	if (e && (detected || !web_mendable(e)))
		return e;
	if (detected) {
		http_status(res, 204);
		return NULL;
	}
	if (!e) {
		http_redirect(res, "/account?done=saved");
		return NULL;
	}
	struct account_view v = account(ctx, req);
	v.time_zone = web_field(ctx, req, "time_zone");
	v.zone_problem = web_problem(ctx, e);
	web_problem_status(ctx, res, e);
	return web_render(ctx, res, &account_page, &v);
}
