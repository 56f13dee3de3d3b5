/* Accounts: what is accepted, what a changed password or a disabled account ends, and the last admin. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "support/pg.h"
#include "unit.h"

static void test_auth__an_account_is_added(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	const struct auth_account plain = {.name = NULL};
	struct auth_user u, *all;
	size_t n;
	int64_t id;

	(void)state;
	assert_ok(auth_user_add(ctx, "Ann@Example.com", "correct horse",
	                        &(struct auth_account){.name = "Ann", .groups = " b,a ,,b, c d", .is_admin = true}, &id));
	assert_ok(auth_user_by_email(ctx, "ann@EXAMPLE.com ", &u));
	assert_int_equal(u.id, id);
	assert_string_equal(u.email, "ann@example.com");
	assert_string_equal(u.origin, "local");
	assert_true(u.is_admin);
	assert_string_equal(u.time_zone, "");
	assert_string_equal(pg_value("SELECT groups FROM users"), "{a,b,\"c d\"}");
	assert_int_equal(u.groups.n, 3);
	assert_string_equal(u.groups.p[1], "b");
	assert_false(u.disabled);
	assert_int_equal(u.last_seen_at, 0);
	assert_ok(auth_users(ctx, &all, &n));
	assert_int_equal(n, 1);
	assert_string_equal(pg_value("SELECT left(password_hash, 10) FROM users"), "$argon2id$");
	assert_string_equal(pg_value("SELECT action || ' ' || (detail->>'email') FROM audit_log"),
	                    "user.create ann@example.com");
	assert_string_equal(pg_value("SELECT detail->'groups' FROM audit_log"), "[\"a\", \"b\", \"c d\"]");
	assert_err(auth_user_add(ctx, "ann@example.com", "correct horse", &plain, &id), ERR_CONFLICT);
	assert_err(auth_user_by_email(ctx, "bob@example.com", &u), ERR_NOT_FOUND);
}

struct unfit {
	const char *email, *name, *password, *code, *groups;
};

static char long_text[1000], many_groups[1000];
static const struct unfit unfits[] = {
        {"ann", NULL, "correct horse", "email", NULL},
        {NULL, NULL, "correct horse", "email", NULL},
        {"a@b\n", "a\nb", "correct horse", "name", NULL},
        {"a@b", long_text, "correct horse", "name", NULL},
        {"a@b", "a\xff", "correct horse", "name", NULL},
        {"a@b", NULL, "ninechars", "password", NULL},
        {"a@b", NULL, "", "password", NULL},
        {"a@b", NULL, NULL, "password", NULL},
        {"a@b", NULL, long_text, "password", NULL},
        {"a@b", NULL, "ten bytes\xff", "password", NULL},
        {"a@b", NULL, "correct horse", "groups", "a,b\nc"},
        {"a@b", NULL, "correct horse", "groups", "a\xff"},
        {"a@b", NULL, "correct horse", "groups", long_text},
        {"a@b", NULL, "correct horse", "groups", many_groups},
};

static void test_auth__unfit_accounts_are_refused(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	int64_t id;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	for (int i = 0; i <= 100; i++)
		snprintf(many_groups + 4 * i, sizeof(many_groups) - 4 * (size_t)i, "%d,", 100 + i);
	for (size_t i = 0; i < sizeof(unfits) / sizeof(*unfits); i++) {
		struct err *e =
		        auth_user_add(ctx, unfits[i].email, unfits[i].password,
		                      &(struct auth_account){.name = unfits[i].name, .groups = unfits[i].groups}, &id);

		if (!e || e->kind != ERR_INVALID || !e->code || strcmp(e->code, unfits[i].code) != 0)
			fail_msg("case %zu: %s", i, e ? err_text(e) : "accepted");
	}
}

static void test_auth__a_new_password_ends_all_sessions(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	int64_t ann = call_user(ctx, "ann@example.com", false),
	        bob = call_user(ctx, "bob@example.com", false);

	(void)state;
	call_session(ctx, ann);
	call_session(ctx, bob);
	assert_err(auth_user_passwd(ctx, "ann@example.com", "short"), ERR_INVALID);
	assert_err(auth_user_passwd(ctx, "nobody@example.com", "correct horse"), ERR_NOT_FOUND);
	assert_string_equal(pg_value("SELECT count(*) FROM sessions"), "2");
	assert_ok(auth_user_passwd(ctx, "ann@example.com", "another horse"));
	assert_string_equal(
	        pg_value("SELECT string_agg(u.email, ' ') FROM sessions JOIN users u ON u.id = user_id"),
	        "bob@example.com");
	pg_exec("INSERT INTO users (email, origin) VALUES ('sso@example.com', 'header')");
	assert_err(auth_user_passwd(ctx, "sso@example.com", "correct horse"), ERR_CONFLICT);
}

static struct err *update(struct ctx *ctx, int64_t id, const char *name, bool is_admin, bool disabled)
{
	const struct auth_account account = {.name = name, .is_admin = is_admin, .disabled = disabled};

	return auth_user_update(ctx, id, &account);
}

static void test_auth__an_admin_sets_groups_of_local_accounts_only(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	struct http_route page = call_route(AUTH_SIGNED_IN, false);
	int64_t ann = call_user(ctx, "ann@example.com", false);
	struct call c = {.cookie = call_session(ctx, ann)};
	struct http_request *req;

	(void)state;
	assert_ok(auth_user_update(ctx, ann, &(struct auth_account){.groups = "eu, finance"}));
	assert_string_equal(pg_value("SELECT groups FROM users"), "{eu,finance}");
	assert_string_equal(pg_value("SELECT action || (detail->>'groups') FROM audit_log"),
	                    "user.update[\"eu\", \"finance\"]");
	assert_int_equal(call_gate(ctx, &page, "/page", &c, &req), 200);
	assert_int_equal(auth_person(req)->groups.n, 2);
	assert_string_equal(auth_person(req)->groups.p[0], "eu");
	assert_ok(auth_user_update(ctx, ann, &(struct auth_account){.name = "Ann"}));
	assert_string_equal(pg_value("SELECT groups FROM users"), "{eu,finance}");
	assert_err(auth_user_update(ctx, ann, &(struct auth_account){.groups = long_text}), ERR_INVALID);
	assert_ok(auth_user_update(ctx, ann, &(struct auth_account){.groups = ""}));
	assert_string_equal(pg_value("SELECT groups FROM users"), "{}");
	pg_exec("UPDATE users SET origin = 'header', password_hash = NULL, groups = '{sso}'");
	assert_ok(auth_user_update(ctx, ann, &(struct auth_account){.groups = "finance"}));
	assert_string_equal(pg_value("SELECT groups FROM users"), "{sso}");
}

static void test_auth__a_time_zone_is_one_that_there_is(void **state)
{
	static const char *const unfit[] = {"Mars/Olympus",  "europe berlin", "Europe/Berlin'", "../etc/passwd",
	                                    "Europe/Berlin\n", long_text};
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	struct http_route page = call_route(AUTH_SIGNED_IN, false);
	int64_t ann = call_user(ctx, "ann@example.com", false);
	struct call c = {.cookie = call_session(ctx, ann)};
	struct http_request *req;

	(void)state;
	ctx->user_id = ann;
	for (size_t i = 0; i < sizeof(unfit) / sizeof(*unfit); i++)
		assert_err(auth_set_time_zone(ctx, unfit[i], true), ERR_INVALID);
	assert_ok(auth_set_time_zone(ctx, "Europe/Berlin", false));
	assert_ok(auth_set_time_zone(ctx, "America/New_York", false));
	assert_int_equal(call_gate(ctx, &page, "/page", &c, &req), 200);
	assert_string_equal(auth_person(req)->time_zone, "Europe/Berlin");
	assert_ok(auth_set_time_zone(ctx, "America/New_York", true));
	assert_string_equal(pg_value("SELECT time_zone FROM users"), "America/New_York");
	assert_ok(auth_set_time_zone(ctx, "", true));
	assert_string_equal(pg_value("SELECT time_zone FROM users"), "");
}

static void test_auth__the_last_admin_stays(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	int64_t ann = call_user(ctx, "ann@example.com", true), bob = call_user(ctx, "bob@example.com", true);

	(void)state;
	call_session(ctx, ann);
	assert_ok(update(ctx, ann, "Ann", true, true));
	assert_string_equal(pg_value("SELECT count(*) FROM sessions"), "0");
	assert_err(update(ctx, bob, "Bob", false, false), ERR_CONFLICT);
	assert_err(update(ctx, bob, "Bob", true, true), ERR_CONFLICT);
	assert_string_equal(
	        pg_value("SELECT is_admin AND disabled_at IS NULL FROM users WHERE email LIKE 'bob%'"), "t");
	assert_ok(update(ctx, ann, "Ann", true, false));
	assert_ok(update(ctx, bob, "Bob", false, false));
	assert_err(update(ctx, bob + 1000, "X", false, false), ERR_NOT_FOUND);
	assert_err(update(ctx, bob, "a\nb", false, false), ERR_INVALID);
}

struct step_down {
	struct ctx ctx;
	int64_t id;
	bool done;
};

static void *step_down(void *arg)
{
	struct step_down *s = arg;

	s->done = !update(&s->ctx, s->id, "X", false, false);
	return NULL;
}

static void test_auth__two_admins_cannot_both_step_down(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	int64_t ids[2] = {call_user(ctx, "ann@example.com", true), call_user(ctx, "bob@example.com", true)};

	(void)state;
	for (int round = 0; round < 10; round++) {
		struct step_down steps[2];
		pthread_t threads[2];

		pg_exec("UPDATE users SET is_admin = true");
		for (int i = 0; i < 2; i++) {
			steps[i] = (struct step_down){.ctx = *ctx, .id = ids[i]};
			steps[i].ctx.a = arena_create();
			assert_int_equal(pthread_create(&threads[i], NULL, step_down, &steps[i]), 0);
		}
		for (int i = 0; i < 2; i++) {
			pthread_join(threads[i], NULL);
			arena_free(steps[i].ctx.a);
		}
		assert_int_equal(steps[0].done + steps[1].done, 1);
		assert_string_equal(pg_value("SELECT count(*) FROM users WHERE is_admin"), "1");
	}
}

static const struct CMUnitTest auth_user_tests[] = {
        cmocka_unit_test(test_auth__an_account_is_added),
        cmocka_unit_test(test_auth__unfit_accounts_are_refused),
        cmocka_unit_test(test_auth__a_new_password_ends_all_sessions),
        cmocka_unit_test(test_auth__an_admin_sets_groups_of_local_accounts_only),
        cmocka_unit_test(test_auth__a_time_zone_is_one_that_there_is),
        cmocka_unit_test(test_auth__the_last_admin_stays),
        cmocka_unit_test(test_auth__two_admins_cannot_both_step_down),
};
UNIT_SUITE(auth_user_tests);
