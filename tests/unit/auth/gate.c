/* The gate: every access level against every kind of caller, and the proof of origin for changing
 * requests. */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "lib/crypto.h"
#include "support/pg.h"
#include "unit.h"

enum caller {
	NOBODY,
	GARBAGE,
	OUTSIDER,
	VIEWER,
	ANALYST,
	PROJECT_BOSS,
	BOSS,
	DISABLED,
	EXPIRED,
	FORGED,
	SSO_VIEWER,
	SSO_NEW,
	SSO_LOCAL,
	CALLERS
};

static const char *const caller_names[CALLERS] = {
        "nobody",
        "garbage cookie",
        "outsider",
        "viewer",
        "analyst",
        "project admin",
        "instance admin",
        "disabled",
        "expired session",
        "forged headers",
        "sign-on viewer",
        "sign-on newcomer",
        "sign-on with a local address",
};

/* Rows are access levels: public, signed in, viewer, analyst, project admin, admin. */
static const int expected[CALLERS][6] = {
        [NOBODY] = {200, 401, 401, 401, 401, 401},     [GARBAGE] = {200, 401, 401, 401, 401, 401},
        [OUTSIDER] = {200, 200, 404, 404, 404, 403},   [VIEWER] = {200, 200, 200, 403, 403, 403},
        [ANALYST] = {200, 200, 200, 200, 403, 403},    [PROJECT_BOSS] = {200, 200, 200, 200, 200, 403},
        [BOSS] = {200, 200, 200, 200, 200, 200},       [DISABLED] = {200, 401, 401, 401, 401, 401},
        [EXPIRED] = {200, 401, 401, 401, 401, 401},    [FORGED] = {200, 401, 401, 401, 401, 401},
        [SSO_VIEWER] = {200, 200, 200, 403, 403, 403}, [SSO_NEW] = {200, 200, 404, 404, 404, 403},
        [SSO_LOCAL] = {200, 403, 403, 403, 403, 403},
};

static const char *forged[][2] = {
        {"HTTP_QUERN_AUTH_EMAIL", "boss@example.com"},
        {"HTTP_QUERN_AUTH_USER", "boss"},
        {"HTTP_QUERN_AUTH_GROUPS", "admins"},
        {"HTTP_X_FORWARDED_EMAIL", "boss@example.com"},
        {"HTTP_X_FORWARDED_USER", "boss"},
        {"HTTP_X_AUTH_REQUEST_EMAIL", "boss@example.com"},
        {"HTTP_X_AUTH_REQUEST_GROUPS", "admins"},
        {"HTTP_REMOTE_USER", "boss"},
        {"REMOTE_USER", "boss@example.com"},
        {"HTTP_AUTHORIZATION", "Basic Ym9zczpib3Nz"},
};

static void sso(struct call *c, const char *email, const char *groups)
{
	call_param(c, "QUERN_AUTH_EMAIL", email);
	call_param(c, "QUERN_AUTH_USER", "Person");
	call_param(c, "QUERN_AUTH_GROUPS", groups);
}

static const char *session_of(struct ctx *ctx, int64_t project, const char *email, bool is_admin,
                              const char *role)
{
	int64_t user = call_user(ctx, email, is_admin);

	if (role)
		call_member(project, user, role);
	return call_session(ctx, user);
}

static void make_callers(struct ctx *ctx, struct call *calls)
{
	int64_t shop = call_project("shop"), other = call_project("bank");

	memset(calls, 0, CALLERS * sizeof(*calls));
	calls[GARBAGE].cookie = crypto_token(ctx->a, 32);
	calls[OUTSIDER].cookie = session_of(ctx, other, "outsider@example.com", false, "admin");
	calls[VIEWER].cookie = session_of(ctx, shop, "viewer@example.com", false, "viewer");
	calls[ANALYST].cookie = session_of(ctx, shop, "analyst@example.com", false, "analyst");
	calls[PROJECT_BOSS].cookie = session_of(ctx, shop, "pboss@example.com", false, "admin");
	calls[BOSS].cookie = session_of(ctx, shop, "boss@example.com", true, NULL);
	calls[DISABLED].cookie = session_of(ctx, shop, "disabled@example.com", true, "admin");
	pg_exec("UPDATE users SET disabled_at = now() WHERE email = 'disabled@example.com'");
	calls[EXPIRED].cookie = session_of(ctx, shop, "expired@example.com", true, "admin");
	pg_exec("UPDATE sessions SET expires_at = now() - interval '1 second'"
	        " WHERE user_id = (SELECT id FROM users WHERE email = 'expired@example.com')");
	for (size_t i = 0; i < sizeof(forged) / sizeof(*forged); i++)
		call_param(&calls[FORGED], forged[i][0], forged[i][1]);
	sso(&calls[SSO_VIEWER], "sso@example.com", "everybody, shop-viewers");
	sso(&calls[SSO_NEW], "new@example.com", "everybody");
	sso(&calls[SSO_LOCAL], "boss@example.com", "admins");
}

static void walk(struct ctx *ctx, bool changes)
{
	struct call calls[CALLERS];

	make_callers(ctx, calls);
	for (int who = 0; who < CALLERS; who++) {
		for (int access = AUTH_PUBLIC; access <= AUTH_ADMIN; access++) {
			struct http_route route = call_route(access, changes);
			const char *path = strchr(route.pattern, '{') ? "/p/shop" : "/page";
			struct http_request *req;
			int want = expected[who][access - 1], got;

			/* Without the token nobody changes anything but on public routes. */
			if (changes && want == 200 && access != AUTH_PUBLIC)
				want = 403;
			got = call_gate(ctx, &route, path, &calls[who], &req);
			if (got != want)
				fail_msg("%s, access %d, changes %d: %d instead of %d", caller_names[who],
				         access, changes, got, want);
			assert_non_null(auth_person(req));
			if (got == 404 || got == 401)
				assert_int_equal(auth_person(req)->project.id, 0);
			if (got == 200 && strchr(route.pattern, '{'))
				assert_string_equal(auth_person(req)->project.name, "The shop");
		}
	}
}

static void test_auth__every_access_level_and_every_caller(void **state)
{
	(void)state;
	walk(call_ctx("both", "shop-viewers=shop:viewer", "admins"), false);
	walk(call_ctx("both", "shop-viewers=shop:viewer", "admins"), true);
}

static void test_auth__a_hidden_project_looks_like_none(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	struct http_route route = call_route(AUTH_VIEWER, false);
	struct call c = {.cookie = NULL};
	struct err *hidden, *absent;

	(void)state;
	call_project("shop");
	c.cookie = call_session(ctx, call_user(ctx, "ann@example.com", false));
	hidden = auth_gate(ctx, call_request(ctx, &route, "/p/shop", &c), &route);
	absent = auth_gate(ctx, call_request(ctx, &route, "/p/nothing", &c), &route);
	assert_non_null(hidden);
	assert_non_null(absent);
	assert_string_equal(err_text(hidden), err_text(absent));
	assert_int_equal(hidden->kind, ERR_NOT_FOUND);
	assert_int_equal(absent->kind, ERR_NOT_FOUND);
}

static void test_auth__signed_in_routes_of_a_project_are_for_members(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	struct http_route route = call_route(AUTH_SIGNED_IN, false);
	struct call c = {.cookie = NULL};
	int64_t ann = call_user(ctx, "ann@example.com", false);

	(void)state;
	route.pattern = "/p/{project:slug}/x";
	c.cookie = call_session(ctx, ann);
	assert_int_equal(call_gate(ctx, &route, "/p/shop/x", &c, NULL), 404);
	call_member(call_project("shop"), ann, "viewer");
	assert_int_equal(call_gate(ctx, &route, "/p/shop/x", &c, NULL), 200);
}

static void test_auth__roles_and_disabling_take_effect_at_once(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	struct http_route page = call_route(AUTH_ANALYST, false), admin = call_route(AUTH_ADMIN, false);
	int64_t ann = call_user(ctx, "ann@example.com", true);
	struct call c = {.cookie = call_session(ctx, ann)};

	(void)state;
	call_member(call_project("shop"), ann, "analyst");
	assert_int_equal(call_gate(ctx, &admin, "/page", &c, NULL), 200);
	pg_exec("UPDATE users SET is_admin = false");
	assert_int_equal(call_gate(ctx, &admin, "/page", &c, NULL), 403);
	assert_int_equal(call_gate(ctx, &page, "/p/shop", &c, NULL), 200);
	pg_exec("UPDATE members SET role = 'viewer'");
	assert_int_equal(call_gate(ctx, &page, "/p/shop", &c, NULL), 403);
	pg_exec("DELETE FROM members");
	assert_int_equal(call_gate(ctx, &page, "/p/shop", &c, NULL), 404);
	pg_exec("UPDATE users SET disabled_at = now()");
	assert_int_equal(call_gate(ctx, &page, "/p/shop", &c, NULL), 401);
}

static void test_auth__modes_close_the_other_way(void **state)
{
	struct http_route page = call_route(AUTH_SIGNED_IN, false);
	struct call header = {.cookie = NULL}, cookie = {.cookie = NULL};
	struct ctx *ctx = call_ctx("local", NULL, NULL);

	(void)state;
	sso(&header, "sso@example.com", "");
	assert_int_equal(call_gate(ctx, &page, "/page", &header, NULL), 401);
	assert_string_equal(pg_value("SELECT count(*) FROM users"), "0");
	ctx = call_ctx("header", NULL, NULL);
	cookie.cookie = call_session(ctx, call_user(ctx, "ann@example.com", true));
	assert_int_equal(call_gate(ctx, &page, "/page", &cookie, NULL), 401);
	assert_int_equal(call_gate(ctx, &page, "/page", &header, NULL), 200);
	ctx = call_ctx("nonsense", NULL, NULL);
	cookie.cookie = call_session(ctx, call_user(ctx, "ann@example.com", true));
	assert_int_equal(call_gate(ctx, &page, "/page", &cookie, NULL), 401);
	assert_int_equal(call_gate(ctx, &page, "/page", &header, NULL), 401);
	assert_err(auth_check_settings(ctx), ERR_CONFIG);
}

struct proof {
	const char *origin, *site, *header_token, *type, *body;
	bool public, passes;
};

#define FORM "application/x-www-form-urlencoded"
#define OWN "https://quern.example"

/* "T" stands for the token of the session. */
static const struct proof proofs[] = {
        {NULL, NULL, "T", NULL, NULL, false, true},
        {OWN, NULL, "T", NULL, NULL, false, true},
        {"https://QUERN.example", "same-origin", "T", NULL, NULL, false, true},
        {"https://quern.example:8443", "same-origin", "T", NULL, NULL, false, true},
        {NULL, "none", "T", NULL, NULL, false, true},
        {OWN, "same-origin", NULL, FORM, "a=b&csrf=T", false, true},
        {OWN, "same-origin", NULL, FORM "; charset=utf-8", "csrf=T", false, true},
        {OWN, "same-origin", NULL, FORM, "a=b", false, false},
        {OWN, "same-origin", NULL, FORM, "csrf=", false, false},
        {OWN, "same-origin", NULL, FORM, "csrf=Tx", false, false},
        {OWN, "same-origin", NULL, FORM, "csrf=t", false, false},
        {OWN, "same-origin", NULL, NULL, NULL, false, false},
        {OWN, "same-origin", "", NULL, NULL, false, false},
        {OWN, "same-origin", "x", NULL, NULL, false, false},
        {NULL, NULL, NULL, "text/plain", "csrf=T", false, false},
        {NULL, NULL, NULL, "text/plain", "{\"csrf\":\"T\"}", false, false},
        {NULL, NULL, NULL, "application/json", "{\"csrf\":\"T\"}", false, false},
        {NULL, NULL, NULL, NULL, "csrf=T", false, false},
        {"https://evil.example", NULL, "T", NULL, NULL, false, false},
        {"https://quern.example.evil.example", NULL, "T", NULL, NULL, false, false},
        {"https://quern.example/", NULL, "T", NULL, NULL, false, false},
        {"http://quern.example", NULL, "T", NULL, NULL, false, false},
        {"https://quern.example:444", NULL, "T", NULL, NULL, false, false},
        {"null", NULL, "T", NULL, NULL, false, false},
        {"", NULL, "T", NULL, NULL, false, false},
        {OWN, "cross-site", "T", NULL, NULL, false, false},
        {OWN, "same-site", "T", NULL, NULL, false, false},
        {NULL, "cross-site", "T", NULL, NULL, false, false},
        {NULL, NULL, NULL, FORM, "a=b", true, true},
        {OWN, "same-origin", NULL, FORM, "a=b", true, true},
        {"https://evil.example", NULL, NULL, FORM, "a=b", true, false},
        {"null", NULL, NULL, FORM, "a=b", true, false},
        {NULL, "cross-site", NULL, FORM, "a=b", true, false},
};

/* The text with each "T" made the token. */
static const char *with_token(struct ctx *ctx, const char *text, const char *token)
{
	struct buf b = buf_init(ctx->a, BUF_LINE);

	for (; text && *text; text++) {
		if (*text == 'T')
			buf_add_cstr(&b, token);
		else
			buf_add_char(&b, *text);
	}
	return text ? buf_cstr(&b) : NULL;
}

static void test_auth__changing_requests_need_a_proof(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	int64_t ann = call_user(ctx, "ann@example.com", false);
	const char *token = arena_printf(ctx->a, "csrf-%lld", (long long)ann),
	           *cookie = call_session(ctx, ann);

	(void)state;
	for (size_t i = 0; i < sizeof(proofs) / sizeof(*proofs); i++) {
		const struct proof *p = &proofs[i];
		struct http_route route = call_route(p->public ? AUTH_PUBLIC : AUTH_SIGNED_IN, true);
		struct call c = {.cookie = p->public ? NULL : cookie,
		                 .body = with_token(ctx, p->body, token)};

		if (p->origin)
			call_param(&c, "HTTP_ORIGIN", p->origin);
		if (p->site)
			call_param(&c, "HTTP_SEC_FETCH_SITE", p->site);
		if (p->header_token)
			call_param(&c, "HTTP_X_CSRF_TOKEN", with_token(ctx, p->header_token, token));
		if (p->type)
			call_param(&c, "CONTENT_TYPE", p->type);
		if (call_gate(ctx, &route, "/page", &c, NULL) != (p->passes ? 200 : 403))
			fail_msg("case %zu", i);
	}
}

static void test_auth__the_token_of_another_session_is_refused(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	struct http_route route = call_route(AUTH_SIGNED_IN, true);
	int64_t ann = call_user(ctx, "ann@example.com", false),
	        bob = call_user(ctx, "bob@example.com", false);
	struct call c = {.cookie = call_session(ctx, ann)};

	(void)state;
	call_session(ctx, bob);
	call_param(&c, "HTTP_X_CSRF_TOKEN", arena_printf(ctx->a, "csrf-%lld", (long long)bob));
	assert_int_equal(call_gate(ctx, &route, "/page", &c, NULL), 403);
}

static void test_auth__a_post_needs_the_proof_even_where_the_route_forgot(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	struct http_route route = call_route(AUTH_SIGNED_IN, true);
	struct call c = {.cookie = call_session(ctx, call_user(ctx, "ann@example.com", false))};

	(void)state;
	route.changes = false;
	assert_int_equal(call_gate(ctx, &route, "/page", &c, NULL), 403);
}

static const struct CMUnitTest auth_gate_tests[] = {
        cmocka_unit_test(test_auth__every_access_level_and_every_caller),
        cmocka_unit_test(test_auth__a_hidden_project_looks_like_none),
        cmocka_unit_test(test_auth__signed_in_routes_of_a_project_are_for_members),
        cmocka_unit_test(test_auth__roles_and_disabling_take_effect_at_once),
        cmocka_unit_test(test_auth__modes_close_the_other_way),
        cmocka_unit_test(test_auth__changing_requests_need_a_proof),
        cmocka_unit_test(test_auth__the_token_of_another_session_is_refused),
        cmocka_unit_test(test_auth__a_post_needs_the_proof_even_where_the_route_forgot),
};
UNIT_SUITE(auth_gate_tests);
