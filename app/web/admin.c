/* Members of a project, people of the instance. */
#include <string.h>

#include "lib/arena.h"
#include "web/web_priv.h"

/* Members ------------------------------------------------------------------------------------------------ */

struct member_line {
	int64_t user_id;
	const char *email;
	const char *name;
	const char *role;
	bool viewer;
	bool analyst;
	bool admin;
	bool from_sso;
};

struct members_view {
	struct web_layout *layout;
	struct web_problem *problem;
	const char *slug;
	const char *email; /* as typed into the form that failed */
	struct member_line *members;
	size_t nmembers;
	bool none;
};

static const struct view member_view =
        VIEW(struct member_line, VIEW_I64(struct member_line, user_id), VIEW_STR(struct member_line, email),
             VIEW_STR(struct member_line, name), VIEW_STR(struct member_line, role),
             VIEW_BOOL(struct member_line, viewer), VIEW_BOOL(struct member_line, analyst),
             VIEW_BOOL(struct member_line, admin), VIEW_BOOL(struct member_line, from_sso));
static const struct view members_view = VIEW(
        struct members_view, VIEW_ONE(struct members_view, layout, &web_layout_view),
        VIEW_ONE(struct members_view, problem, &web_problem_view), VIEW_STR(struct members_view, slug),
        VIEW_STR(struct members_view, email), VIEW_LIST(struct members_view, members, nmembers, &member_view),
        VIEW_BOOL(struct members_view, none));
WEB_PAGE(members_page, "settings/members", members_view);

static struct err *show_members(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                const char *email, const struct err *problem)
{
	const struct project *p = &auth_person(req)->project;
	struct project_member *list;
	size_t n;

	TRY(project_members(ctx, p->id, &list, &n));
	struct members_view v = {
	        .layout = web_layout(ctx, req, "Members", "members"),
	        .problem = web_problem(ctx, problem),
	        .slug = p->slug,
	        .email = email,
	        .members = ARENA_ARRAY(ctx->a, struct member_line, n),
	        .nmembers = n,
	        .none = n == 0,
	};
	for (size_t i = 0; i < n; i++) {
		enum project_role role = project_role_of(list[i].role);
		v.members[i] =
		        (struct member_line){list[i].user_id,        list[i].email,
		                             list[i].name,           list[i].role,
		                             role == PROJECT_VIEWER, role == PROJECT_ANALYST,
		                             role == PROJECT_ADMIN,  !strcmp(list[i].origin, "header")};
	}
	web_problem_status(ctx, res, problem);
	return web_render(ctx, res, &members_page, &v);
}

struct err *web_members_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	return show_members(ctx, req, res, "", NULL);
}

/* After a change: back to the list, or the list with what went wrong. */
static struct err *members_done(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                struct err *e, const char *done)
{
	if (e && !web_mendable(e))
		return e;
	if (e)
		return show_members(ctx, req, res, web_field(ctx, req, "email"), e);
	http_redirect(res,
	              arena_printf(ctx->a, "/p/%s/members?done=%s", auth_person(req)->project.slug, done));
	return NULL;
}

struct err *web_member_set(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(http_form(ctx, req));
	enum project_role role = project_role_of(web_field(ctx, req, "role"));
	if (role == PROJECT_NONE)
		return err_new(ctx->a, ERR_INVALID, "choose viewer, analyst or admin");
	return members_done(
	        ctx, req, res,
	        project_member_set(ctx, auth_person(req)->project.id, web_field(ctx, req, "email"), role),
	        "saved");
}

struct err *web_member_remove(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(http_form(ctx, req));
	return members_done(
	        ctx, req, res,
	        project_member_remove(ctx, auth_person(req)->project.id, http_param_i64(req, "user")),
	        "removed");
}

/* People ------------------------------------------------------------------------------------------------- */

struct user_line {
	int64_t id;
	const char *email;
	const char *name;
	const char *groups; /* comma-separated */
	bool local;
	bool is_admin;
	bool disabled;
	const char *created;
	const char *seen;
};

struct users_view {
	struct web_layout *layout;
	struct web_problem *problem;
	const char *email;
	const char *name;
	const char *groups;
	struct user_line *users;
	size_t nusers;
};

static const struct view user_view =
        VIEW(struct user_line, VIEW_I64(struct user_line, id), VIEW_STR(struct user_line, email),
             VIEW_STR(struct user_line, name), VIEW_STR(struct user_line, groups),
             VIEW_BOOL(struct user_line, local), VIEW_BOOL(struct user_line, is_admin),
             VIEW_BOOL(struct user_line, disabled), VIEW_STR(struct user_line, created),
             VIEW_STR(struct user_line, seen));
static const struct view users_view =
        VIEW(struct users_view, VIEW_ONE(struct users_view, layout, &web_layout_view),
             VIEW_ONE(struct users_view, problem, &web_problem_view), VIEW_STR(struct users_view, email),
             VIEW_STR(struct users_view, name), VIEW_STR(struct users_view, groups),
             VIEW_LIST(struct users_view, users, nusers, &user_view));
WEB_PAGE(users_page, "admin/users", users_view);

/* The list; after a failed form with what was typed and what was wrong with it. */
static struct err *show_users(struct ctx *ctx, struct http_request *req, struct http_response *res,
                              const struct err *problem)
{
	struct auth_user *list;
	size_t n;

	TRY(auth_users(ctx, &list, &n));
	struct users_view v = {
	        .layout = web_layout(ctx, req, "Users", "users"),
	        .problem = web_problem(ctx, problem),
	        .email = problem ? web_field(ctx, req, "email") : "",
	        .name = problem ? web_field(ctx, req, "name") : "",
	        .groups = problem ? web_field(ctx, req, "groups") : "",
	        .users = ARENA_ARRAY(ctx->a, struct user_line, n),
	        .nusers = n,
	};
	for (size_t i = 0; i < n; i++)
		v.users[i] = (struct user_line){list[i].id,
		                                list[i].email,
		                                list[i].name,
		                                web_joined(ctx->a, list[i].groups),
		                                !strcmp(list[i].origin, "local"),
		                                list[i].is_admin,
		                                list[i].disabled,
		                                web_time(ctx->a, list[i].created_at),
		                                web_time(ctx->a, list[i].last_seen_at)};
	web_problem_status(ctx, res, problem);
	return web_render(ctx, res, &users_page, &v);
}

struct err *web_users_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	return show_users(ctx, req, res, NULL);
}

static struct err *users_done(struct ctx *ctx, struct http_request *req, struct http_response *res,
                              struct err *e, const char *done)
{
	if (e && !web_mendable(e))
		return e;
	if (e)
		return show_users(ctx, req, res, e);
	http_redirect(res, arena_printf(ctx->a, "/admin/users?done=%s", done));
	return NULL;
}

/* The fields of an account that a form has; where it has no groups, they stay. */
static struct auth_account account_sent(struct ctx *ctx, const struct http_request *req)
{
	return (struct auth_account){
	        .name = web_field(ctx, req, "name"),
	        .groups = http_has_field(req, "groups") ? web_field(ctx, req, "groups") : NULL,
	        .is_admin = http_has_field(req, "admin"),
	        .disabled = http_has_field(req, "disabled"),
	};
}

struct err *web_user_add(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct auth_account account;
	int64_t id;

	TRY(http_form(ctx, req));
	account = account_sent(ctx, req);
	return users_done(ctx, req, res,
	                  auth_user_add(ctx, web_field(ctx, req, "email"),
	                                str_dup(ctx->a, http_field(req, "password")), &account, &id),
	                  "created");
}

struct err *web_user_update(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct auth_account account;

	TRY(http_form(ctx, req));
	account = account_sent(ctx, req);
	return users_done(ctx, req, res, auth_user_update(ctx, http_param_i64(req, "user"), &account),
	                  "saved");
}

/* The e-mail of an account, which auth's functions go by. */
static struct err *email_of(struct ctx *ctx, int64_t id, const char **email)
{
	struct auth_user *list;
	size_t n;

	TRY(auth_users(ctx, &list, &n));
	for (size_t i = 0; i < n; i++)
		if (list[i].id == id) {
			*email = list[i].email;
			return NULL;
		}
	return err_new(ctx->a, ERR_NOT_FOUND, "user not found");
}

struct err *web_user_password(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const char *email = NULL;

	TRY(http_form(ctx, req));
	TRY(email_of(ctx, http_param_i64(req, "user"), &email));
	return users_done(ctx, req, res,
	                  auth_user_passwd(ctx, email, str_dup(ctx->a, http_field(req, "password"))),
	                  "saved");
}
