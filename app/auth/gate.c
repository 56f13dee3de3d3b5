/*
 * The gate: one table says what each access level needs, one function goes through it. An outsider of a
 * project learns nothing: neither the answer nor the person that the error page sees differs from that for a
 * project that does not exist.
 */
#include "auth/auth.h"

#include <assert.h>
#include <string.h>

#include "auth/auth_priv.h"
#include "lib/arena.h"
#include "lib/settings.h"

static const struct {
	bool person;
	bool admin;
	enum project_role role;
} needs[] = {
        [AUTH_PUBLIC] = {false, false, PROJECT_NONE},        [AUTH_SIGNED_IN] = {true, false, PROJECT_NONE},
        [AUTH_VIEWER] = {true, false, PROJECT_VIEWER},       [AUTH_ANALYST] = {true, false, PROJECT_ANALYST},
        [AUTH_PROJECT_ADMIN] = {true, false, PROJECT_ADMIN}, [AUTH_ADMIN] = {true, true, PROJECT_NONE},
};

const struct db_row auth_found_row =
        DB_ROW(struct auth_found, DB_COL_I64(struct auth_found, id), DB_COL_TEXT(struct auth_found, email),
               DB_COL_TEXT(struct auth_found, name), DB_COL_TEXT(struct auth_found, origin),
               DB_COL_BOOL(struct auth_found, is_admin), DB_COL_BOOL(struct auth_found, disabled),
               DB_COL_TEXT(struct auth_found, time_zone), DB_COL_TEXTS(struct auth_found, groups),
               DB_COL_BOOL(struct auth_found, stale), DB_COL_TEXT(struct auth_found, csrf),
               PROJECT_COLS(struct auth_found, project), DB_COL_TEXT(struct auth_found, role));

bool auth_local(const struct ctx *ctx)
{
	return strcmp(ctx->settings->auth, "local") == 0 || strcmp(ctx->settings->auth, "both") == 0;
}

bool auth_header(const struct ctx *ctx)
{
	return strcmp(ctx->settings->auth, "header") == 0 || strcmp(ctx->settings->auth, "both") == 0;
}

struct err *auth_check_settings(struct ctx *ctx)
{
	if (!auth_local(ctx) && !auth_header(ctx))
		return err_hint(err_new(ctx->a, ERR_CONFIG, "QUERN_AUTH has no meaning"),
		                "Use local, header or both.");
	return auth_mapping_check(ctx->a, str_of(ctx->settings->auth_roles));
}

const char *auth_object(struct arena *a, int64_t id)
{
	return arena_printf(a, "user:%lld", (long long)id);
}

/* The slug in a route's path that the caller's role is asked for; NULL when it has none. */
static const char *slug_of(struct ctx *ctx, const struct http_request *req, const struct http_route *route)
{
	if (route->access == AUTH_PUBLIC || !strstr(route->pattern, "{project:slug}"))
		return NULL;
	return str_dup(ctx->a, http_param(req, "project"));
}

/* A session, which somebody asked for by signing in, counts before what single sign-on says of the
 * browser: so a local admin stays one behind a proxy. */
static struct err *find_caller(struct ctx *ctx, const struct http_request *req, const char *slug,
                               struct auth_found *found)
{
	if (auth_local(ctx))
		TRY(auth_session_find(ctx, req, slug, found));
	if (!found->id && auth_header(ctx))
		TRY(auth_header_find(ctx, req, slug, found));
	return NULL;
}

static void fill(struct auth_person *me, const struct auth_found *f)
{
	if (!f->id)
		return;
	me->id = f->id;
	me->email = f->email;
	me->name = f->name;
	me->origin = f->origin;
	me->is_admin = f->is_admin;
	me->time_zone = f->time_zone;
	me->groups = f->groups;
	me->csrf = f->csrf;
	me->role = project_role_of(f->role);
	if (me->role != PROJECT_NONE)
		me->project = f->project;
}

static struct err *identify(struct ctx *ctx, const struct http_request *req, const struct http_route *route,
                            struct auth_person *me)
{
	struct auth_found found = {0};
	struct err *e = find_caller(ctx, req, slug_of(ctx, req, route), &found);

	/* An identity that cannot be used does not close what is open to everybody, such as the sign-in
	 * page. */
	if (e && !(route->access == AUTH_PUBLIC && e->kind == ERR_FORBIDDEN))
		return e;
	if (!e)
		fill(me, &found);
	ctx->user_id = me->id;
	return NULL;
}

static struct err *permit(struct ctx *ctx, const struct http_route *route, const struct auth_person *me)
{
	bool of_project = strstr(route->pattern, "{project:slug}") != NULL;
	enum project_role role = needs[route->access].role;

	assert(of_project || role == PROJECT_NONE);
	if (!needs[route->access].person)
		return NULL;
	if (!me->id)
		return err_new(ctx->a, ERR_UNAUTHENTICATED, "this page is for people who are signed in");
	if (of_project && me->role == PROJECT_NONE)
		return err_new(ctx->a, ERR_NOT_FOUND, "project not found");
	if (needs[route->access].admin && !me->is_admin)
		return err_new(ctx->a, ERR_FORBIDDEN, "this page is for admins of this Quern");
	if (me->role < role)
		return err_hint(err_new(ctx->a, ERR_FORBIDDEN, "this takes the role %s in the project",
		                        project_role_name(role)),
		                "An admin of the project can give you that role.");
	return NULL;
}

struct err *auth_gate(struct ctx *ctx, struct http_request *req, const struct http_route *route)
{
	struct auth_person *me = ARENA_NEW(ctx->a, struct auth_person);

	assert(route->access >= AUTH_PUBLIC && route->access <= AUTH_ADMIN);
	*me = (struct auth_person){.email = "", .name = "", .origin = "", .time_zone = "", .csrf = ""};
	http_request_set_data(req, me);
	TRY(identify(ctx, req, route, me));
	TRY(permit(ctx, route, me));
	if (!route->changes && route->method == HTTP_GET)
		return NULL;
	return auth_csrf_check(ctx, req, needs[route->access].person ? me->csrf : NULL);
}

const struct auth_person *auth_person(const struct http_request *req)
{
	return http_request_data(req);
}
