/* Single sign-on: accounts made on the way, memberships that follow groups, identities that are refused. */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "support/pg.h"
#include "unit.h"

static int come(struct ctx *ctx, const char *email, const char *user, const char *groups,
                struct http_request **req)
{
	struct http_route route = call_route(AUTH_SIGNED_IN, false);
	struct call c = {.cookie = NULL};

	if (email)
		call_param(&c, "QUERN_AUTH_EMAIL", email);
	if (user)
		call_param(&c, "QUERN_AUTH_USER", user);
	if (groups)
		call_param(&c, "QUERN_AUTH_GROUPS", groups);
	return call_gate(ctx, &route, "/page", &c, req);
}

static const char *members(void)
{
	return pg_value("SELECT coalesce(string_agg(p.slug || ':' || m.role || ':' || m.origin, ' '"
	                " ORDER BY p.slug), '') FROM members m JOIN projects p ON p.id = m.project_id");
}

static void test_auth__an_account_is_made_on_first_sight(void **state)
{
	struct ctx *ctx = call_ctx("header", "analysts=shop:analyst", NULL);
	struct http_request *req;

	(void)state;
	call_project("shop");
	assert_int_equal(come(ctx, "Ann@Example.com", "Ann", "analysts", &req), 200);
	assert_string_equal(auth_person(req)->email, "ann@example.com");
	assert_string_equal(auth_person(req)->name, "Ann");
	assert_string_equal(auth_person(req)->origin, "header");
	assert_false(auth_person(req)->is_admin);
	assert_int_equal(strlen(auth_person(req)->csrf), 64);
	assert_int_equal(auth_person(req)->groups.n, 1);
	assert_string_equal(auth_person(req)->groups.p[0], "analysts");
	assert_string_equal(auth_person(req)->time_zone, "");
	assert_string_equal(members(), "shop:analyst:header");
	assert_string_equal(
	        pg_value("SELECT count(*) FROM users WHERE password_hash IS NULL AND origin = 'header'"),
	        "1");
	assert_string_equal(pg_value("SELECT string_agg(action, ' ') FROM audit_log"), "user.create");
}

static void test_auth__nothing_is_written_while_nothing_changes(void **state)
{
	struct ctx *ctx =
	        call_ctx("header", "analysts=shop:analyst,ghosts=nothing:admin,x=bank:viewer", "admins");
	int64_t shop = call_project("shop");
	const char *versions =
	        "SELECT string_agg(x, ' ') FROM (SELECT xmin::text || ctid::text AS x FROM users UNION ALL"
	        " SELECT xmin::text || ctid::text FROM members) t";
	char before[200];

	(void)state;
	(void)shop;
	call_project("bank");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "analysts,ghosts", NULL), 200);
	pg_exec("INSERT INTO members SELECT p.id, u.id, 'admin', 'local' FROM projects p, users u"
	        " WHERE p.slug = 'bank'");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "analysts,ghosts,x", NULL), 200);
	snprintf(before, sizeof(before), "%s", pg_value(versions));
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "analysts,ghosts,x", NULL), 200);
	assert_int_equal(come(ctx, "ANN@example.com", "Ann", " ghosts ,x, analysts,x", NULL), 200);
	assert_string_equal(pg_value(versions), before);
	assert_string_equal(pg_value("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_log"),
	                    "user.create user.groups");
	/* An hour later the last use is written. */
	pg_exec("UPDATE users SET last_seen_at = now() - interval '61 minutes'");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "analysts,ghosts,x", NULL), 200);
	assert_string_equal(pg_value("SELECT last_seen_at > now() - interval '1 minute' FROM users"), "t");
}

static void test_auth__memberships_follow_the_groups(void **state)
{
	struct ctx *ctx = call_ctx("header", "v=shop:viewer,a=shop:admin,b=bank:viewer", NULL);

	(void)state;
	call_project("shop");
	call_project("bank");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "v", NULL), 200);
	assert_string_equal(members(), "shop:viewer:header");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "v,a,b", NULL), 200);
	assert_string_equal(members(), "bank:viewer:header shop:admin:header");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "b", NULL), 200);
	assert_string_equal(members(), "bank:viewer:header");
	/* What an admin set by hand stays. */
	pg_exec("UPDATE members SET origin = 'local', role = 'admin'");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "v,b", NULL), 200);
	assert_string_equal(members(), "bank:admin:local shop:viewer:header");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", NULL, NULL), 200);
	assert_string_equal(members(), "bank:admin:local");
	assert_string_equal(pg_value("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_log"),
	                    "user.create user.groups user.groups user.groups user.groups");
}

static void test_auth__groups_are_kept_as_they_come(void **state)
{
	struct ctx *ctx = call_ctx("header", NULL, NULL);
	struct http_request *req;

	(void)state;
	assert_int_equal(come(ctx, "ann@example.com", "Ann", NULL, &req), 200);
	assert_int_equal(auth_person(req)->groups.n, 0);
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "north,/org/eu,it's {x}", &req), 200);
	assert_int_equal(auth_person(req)->groups.n, 3);
	assert_string_equal(auth_person(req)->groups.p[1], "it's {x}");
	assert_string_equal(pg_value("SELECT string_agg(g, '|' ORDER BY n) FROM users, unnest(groups)"
	                             " WITH ORDINALITY AS x (g, n)"),
	                    "/org/eu|it's {x}|north");
	assert_string_equal(pg_value("SELECT string_agg(action || (detail->>'groups'), ' ' ORDER BY id)"
	                             " FROM audit_log WHERE action = 'user.groups'"),
	                    "user.groups[\"/org/eu\", \"it's {x}\", \"north\"]");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "", &req), 200);
	assert_int_equal(auth_person(req)->groups.n, 0);
	assert_string_equal(pg_value("SELECT groups FROM users"), "{}");
}

static void test_auth__a_changed_role_counts_in_the_same_request(void **state)
{
	struct ctx *ctx = call_ctx("header", "v=shop:viewer,a=shop:analyst", NULL);
	struct http_route route = call_route(AUTH_ANALYST, false);
	struct call c = {.cookie = NULL};

	(void)state;
	call_project("shop");
	call_param(&c, "QUERN_AUTH_EMAIL", "ann@example.com");
	call_param(&c, "QUERN_AUTH_GROUPS", "v");
	assert_int_equal(call_gate(ctx, &route, "/p/shop", &c, NULL), 403);
	c.params[1][1] = "v,a";
	assert_int_equal(call_gate(ctx, &route, "/p/shop", &c, NULL), 200);
	c.params[1][1] = "";
	assert_int_equal(call_gate(ctx, &route, "/p/shop", &c, NULL), 404);
}

static void test_auth__the_admin_group_makes_and_unmakes_admins(void **state)
{
	struct ctx *ctx = call_ctx("header", NULL, "admins");
	struct http_request *req;

	(void)state;
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "x,admins", &req), 200);
	assert_true(auth_person(req)->is_admin);
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "x", &req), 200);
	assert_false(auth_person(req)->is_admin);
	ctx = call_ctx("header", NULL, NULL);
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "admins,,", &req), 200);
	assert_false(auth_person(req)->is_admin);
	pg_exec("UPDATE users SET is_admin = true");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "", &req), 200);
	assert_true(auth_person(req)->is_admin);
}

static void test_auth__a_local_account_is_never_taken_over(void **state)
{
	struct ctx *ctx = call_ctx("both", NULL, "admins");
	struct http_route page = call_route(AUTH_SIGNED_IN, false);
	int64_t boss = call_user(ctx, "boss@example.com", true);
	struct call c = {.cookie = call_session(ctx, boss)};
	struct http_request *req;
	struct err *e;

	(void)state;
	assert_int_equal(come(ctx, "boss@example.com", "Boss", "admins", &req), 403);
	assert_int_equal(auth_person(req)->id, 0);
	e = auth_gate(ctx, req, &page);
	assert_non_null(e);
	assert_string_equal(e->message, "this e-mail address belongs to a local account");
	assert_string_equal(pg_value("SELECT origin || (password_hash IS NOT NULL) FROM users"), "localtrue");
	/* With a session of its own the local account stays in use. */
	call_param(&c, "QUERN_AUTH_EMAIL", "boss@example.com");
	assert_int_equal(call_gate(ctx, &page, "/page", &c, &req), 200);
	assert_string_equal(auth_person(req)->origin, "local");
}

static void test_auth__a_disabled_account_stays_out(void **state)
{
	struct ctx *ctx = call_ctx("header", NULL, "admins");

	(void)state;
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "", NULL), 200);
	pg_exec("UPDATE users SET disabled_at = now()");
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "admins", NULL), 403);
	assert_string_equal(pg_value("SELECT disabled_at IS NOT NULL AND NOT is_admin FROM users"), "t");
}

struct unusable {
	const char *email, *user, *groups;
};

static char long_text[20000];
static const struct unusable unusables[] = {
        {NULL, "ann", NULL},
        {"", "ann", NULL},
        {"ann", "ann", NULL},
        {"a@b\nc", "ann", NULL},
        {"a@b,c@d", "ann", NULL},
        {"a@b c", NULL, NULL},
        {"ann@example.com", "a\x01n", NULL},
        {"ann@example.com", "a\xff", NULL},
        {"ann@example.com", "a\r\nb", NULL},
        {"ann@example.com", long_text, NULL},
        {long_text, "ann", NULL},
        {"ann@example.com", "ann", "a\nb"},
        {"ann@example.com", "ann", "a\xc3"},
        {"ann@example.com", "ann", long_text},
};

static void test_auth__unusable_identities_are_refused(void **state)
{
	struct ctx *ctx = call_ctx("header", "a=shop:viewer", NULL);

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	for (size_t i = 0; i < sizeof(unusables) / sizeof(*unusables); i++)
		if (come(ctx, unusables[i].email, unusables[i].user, unusables[i].groups, NULL) != 403)
			fail_msg("case %zu", i);
	assert_int_equal(come(ctx, NULL, NULL, "a", NULL), 401);
	assert_int_equal(come(ctx, "", "", "", NULL), 401);
	assert_string_equal(pg_value("SELECT count(*) FROM users"), "0");
}

static void test_auth__hostile_names_are_only_text(void **state)
{
	struct ctx *ctx = call_ctx("header", "a=shop:viewer", NULL);
	struct http_request *req;

	(void)state;
	assert_int_equal(come(ctx, "o'neil@example.com", "<b>'; DROP TABLE users --", "a", &req), 200);
	assert_string_equal(auth_person(req)->name, "<b>'; DROP TABLE users --");
	assert_string_equal(pg_value("SELECT email FROM users"), "o'neil@example.com");
}

static void test_auth__the_form_token_is_the_persons_own(void **state)
{
	struct ctx *ctx = call_ctx("header", NULL, NULL);
	struct http_route route = call_route(AUTH_SIGNED_IN, true);
	struct http_request *ann, *bob;
	struct call c = {.cookie = NULL};

	(void)state;
	assert_int_equal(come(ctx, "ann@example.com", "Ann", "", &ann), 200);
	assert_int_equal(come(ctx, "bob@example.com", "Bob", "", &bob), 200);
	assert_string_not_equal(auth_person(ann)->csrf, auth_person(bob)->csrf);
	call_param(&c, "QUERN_AUTH_EMAIL", "ann@example.com");
	call_param(&c, "QUERN_AUTH_USER", "Ann");
	call_param(&c, "HTTP_X_CSRF_TOKEN", auth_person(bob)->csrf);
	assert_int_equal(call_gate(ctx, &route, "/page", &c, NULL), 403);
	c.params[2][1] = auth_person(ann)->csrf;
	assert_int_equal(call_gate(ctx, &route, "/page", &c, NULL), 200);
}

static const struct CMUnitTest auth_header_tests[] = {
        cmocka_unit_test(test_auth__an_account_is_made_on_first_sight),
        cmocka_unit_test(test_auth__nothing_is_written_while_nothing_changes),
        cmocka_unit_test(test_auth__memberships_follow_the_groups),
        cmocka_unit_test(test_auth__groups_are_kept_as_they_come),
        cmocka_unit_test(test_auth__a_changed_role_counts_in_the_same_request),
        cmocka_unit_test(test_auth__the_admin_group_makes_and_unmakes_admins),
        cmocka_unit_test(test_auth__a_local_account_is_never_taken_over),
        cmocka_unit_test(test_auth__a_disabled_account_stays_out),
        cmocka_unit_test(test_auth__unusable_identities_are_refused),
        cmocka_unit_test(test_auth__hostile_names_are_only_text),
        cmocka_unit_test(test_auth__the_form_token_is_the_persons_own),
};
UNIT_SUITE(auth_header_tests);
