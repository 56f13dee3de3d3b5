/* Sessions and signing in: what is stored, what ends them, and how often one may try. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/ctx.h"
#include "support/pg.h"
#include "unit.h"

static struct err *sign_in(struct ctx *ctx, const char *old_cookie, const char *email, const char *password,
                           const char **cookie)
{
	struct http_route route = call_route(AUTH_PUBLIC, true);
	struct call c = {.cookie = old_cookie};
	struct http_response *res = call_response(ctx);
	struct http_request *req;
	struct err *e;

	assert_int_equal(call_gate(ctx, &route, "/page", &c, &req), 200);
	e = auth_sign_in(ctx, req, res, str_of(email), str_of(password));
	*cookie = call_cookie(ctx, res);
	return e;
}

static int status_with(struct ctx *ctx, const char *cookie, struct http_request **req)
{
	struct http_route route = call_route(AUTH_SIGNED_IN, false);
	struct call c = {.cookie = cookie};

	return call_gate(ctx, &route, "/page", &c, req);
}

static void test_auth__signing_in_makes_a_session(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	int64_t ann = call_user(ctx, "ann@example.com", false);
	struct http_request *req;
	const char *cookie;

	(void)state;
	assert_ok(sign_in(ctx, NULL, " ANN@example.com", CALL_PASSWORD, &cookie));
	assert_non_null(cookie);
	assert_int_equal(strlen(cookie), 43);
	assert_int_equal(status_with(ctx, cookie, &req), 200);
	assert_int_equal(auth_person(req)->id, ann);
	assert_int_equal(ctx->user_id, ann);
	assert_int_equal(strlen(auth_person(req)->csrf), 43);
	assert_string_not_equal(auth_person(req)->csrf, cookie);
	assert_string_equal(
	        pg_value(arena_printf(ctx->a, "SELECT count(*) FROM sessions WHERE token_hash = '\\x%s'",
	                              crypto_sha256_hex(ctx->a, str_of(cookie)))),
	        "1");
	assert_string_equal(
	        pg_value("SELECT action || ' ' || user_id || ' ' || object FROM audit_log"),
	        arena_printf(ctx->a, "auth.sign_in %lld user:%lld", (long long)ann, (long long)ann));
	assert_string_equal(pg_value("SELECT coalesce(sum(count), 0) FROM rate_limits"), "0");
	assert_string_equal(pg_value("SELECT last_seen_at IS NOT NULL FROM users"), "t");
}

struct refusal {
	const char *email, *password;
};

static const struct refusal refusals[] = {
        {"ann@example.com", "wrong horse!"},
        {"ann@example.com", ""},
        {"nobody@example.com", CALL_PASSWORD},
        {"off@example.com", CALL_PASSWORD},
        {"sso@example.com", CALL_PASSWORD},
        {"sso@example.com", ""},
        {"", ""},
        {"not an address", CALL_PASSWORD},
        {"ann@example.com\n", "x"},
};

static void test_auth__every_refusal_reads_the_same(void **state)
{
	struct ctx *ctx = call_ctx("both", NULL, NULL);

	(void)state;
	call_user(ctx, "ann@example.com", false);
	call_user(ctx, "off@example.com", false);
	pg_exec("UPDATE users SET disabled_at = now() WHERE email = 'off@example.com'");
	pg_exec("INSERT INTO users (email, origin) VALUES ('sso@example.com', 'header')");
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		const char *cookie;
		struct err *e = sign_in(ctx, NULL, refusals[i].email, refusals[i].password, &cookie);

		if (!e)
			fail_msg("%s got in", refusals[i].email);
		assert_int_equal(e->kind, ERR_UNAUTHENTICATED);
		assert_string_equal(err_text(e), "the e-mail address or the password is wrong");
		assert_null(cookie);
	}
	assert_string_equal(pg_value("SELECT count(*) FROM sessions"), "0");
	assert_string_equal(pg_value("SELECT count(*) FROM audit_log WHERE action = 'auth.sign_in_failed'"),
	                    "9");
	/* Nothing that was typed is kept. */
	assert_string_equal(pg_value("SELECT count(*) FROM audit_log WHERE detail <> '{}'"), "0");
}

static void test_auth__local_sign_in_is_off_with_single_sign_on(void **state)
{
	struct ctx *ctx = call_ctx("header", NULL, NULL);
	const char *cookie;

	(void)state;
	call_user(ctx, "ann@example.com", false);
	assert_err(sign_in(ctx, NULL, "ann@example.com", CALL_PASSWORD, &cookie), ERR_FORBIDDEN);
	assert_null(cookie);
}

static void test_auth__a_session_cannot_be_fixed_before_sign_in(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	const char *planted = crypto_token(ctx->a, 32), *first, *second;

	(void)state;
	call_user(ctx, "ann@example.com", false);
	assert_ok(sign_in(ctx, planted, "ann@example.com", CALL_PASSWORD, &first));
	assert_string_not_equal(first, planted);
	assert_int_equal(status_with(ctx, planted, NULL), 401);
	/* Signing in again ends the session that one came with. */
	assert_ok(sign_in(ctx, first, "ann@example.com", CALL_PASSWORD, &second));
	assert_string_not_equal(first, second);
	assert_int_equal(status_with(ctx, first, NULL), 401);
	assert_int_equal(status_with(ctx, second, NULL), 200);
}

static void sign_out(struct ctx *ctx, const char *cookie, bool everywhere)
{
	struct http_response *res = call_response(ctx);
	struct http_request *req;

	assert_int_equal(status_with(ctx, cookie, &req), 200);
	assert_ok(auth_sign_out(ctx, req, res, everywhere));
	assert_string_equal(call_cookie(ctx, res), "");
}

static void test_auth__a_session_cannot_be_used_after_sign_out(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	int64_t ann = call_user(ctx, "ann@example.com", false),
	        bob = call_user(ctx, "bob@example.com", false);
	const char *one = call_session(ctx, ann), *two = call_session(ctx, ann),
	           *three = call_session(ctx, ann), *others = call_session(ctx, bob);

	(void)state;
	sign_out(ctx, one, false);
	assert_int_equal(status_with(ctx, one, NULL), 401);
	assert_int_equal(status_with(ctx, two, NULL), 200);
	sign_out(ctx, two, true);
	assert_int_equal(status_with(ctx, two, NULL), 401);
	assert_int_equal(status_with(ctx, three, NULL), 401);
	assert_int_equal(status_with(ctx, others, NULL), 200);
}

static void test_auth__use_moves_the_end_at_most_once_an_hour(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	const char *cookie = call_session(ctx, call_user(ctx, "ann@example.com", false));
	const char *end = "SELECT round(extract(epoch FROM expires_at - now()) / 60) FROM sessions";

	(void)state;
	pg_exec("UPDATE sessions SET expires_at = now() + interval '167 hours 10 minutes'");
	assert_int_equal(status_with(ctx, cookie, NULL), 200);
	assert_string_equal(pg_value(end), "10030");
	pg_exec("UPDATE sessions SET expires_at = now() + interval '1 minute'");
	assert_int_equal(status_with(ctx, cookie, NULL), 200);
	assert_string_equal(pg_value(end), "10080");
	assert_string_equal(pg_value("SELECT last_seen_at IS NOT NULL FROM users"), "t");
}

static void test_auth__only_cookies_of_our_form_are_looked_up(void **state)
{
	static const char *const cookies[] = {"x", "", "0123456789012345678901234567890123456789012",
	                                      "01234567890123456789012345678901234567890123"};
	struct ctx *ctx = call_ctx("local", NULL, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(cookies) / sizeof(*cookies); i++)
		assert_int_equal(status_with(ctx, cookies[i], NULL), 401);
}

static void test_auth__an_account_has_ten_failures(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	const char *cookie;
	struct err *e;

	(void)state;
	call_user(ctx, "ann@example.com", false);
	call_user(ctx, "bob@example.com", false);
	for (int i = 0; i < 10; i++) {
		ctx->address = arena_printf(ctx->a, "203.0.113.%d", i);
		assert_err(sign_in(ctx, NULL, "ann@example.com", "wrong", &cookie), ERR_UNAUTHENTICATED);
	}
	ctx->address = "203.0.113.99";
	e = sign_in(ctx, NULL, "Ann@example.com", CALL_PASSWORD, &cookie);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_RATE_LIMITED);
	assert_in_range(e->retry_after, 1, 1800);
	assert_null(cookie);
	assert_ok(sign_in(ctx, NULL, "bob@example.com", CALL_PASSWORD, &cookie));
	assert_string_equal(pg_value("SELECT count(*) FROM rate_limits WHERE bucket LIKE '%example%'"), "0");
}

/* Counters at their limit, so that a test need not fail thirty times. */
static void fill(const char *bucket, int failures)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO rate_limits (bucket, window_start, count) VALUES ('%s',"
	         " to_timestamp(floor(extract(epoch FROM now()) / 900) * 900), %d)",
	         bucket, failures);
	pg_exec(sql);
}

static void test_auth__an_address_has_thirty_failures(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	const char *cookie;

	(void)state;
	call_user(ctx, "ann@example.com", false);
	ctx->address = "198.51.100.1";
	fill("sign-in:address:198.51.100.1", 30);
	assert_err(sign_in(ctx, NULL, "ann@example.com", CALL_PASSWORD, &cookie), ERR_RATE_LIMITED);
	ctx->address = "2001:db8:1:2:3:4:5:6";
	fill("sign-in:address:2001:db8:1:2::", 30);
	assert_err(sign_in(ctx, NULL, "ann@example.com", CALL_PASSWORD, &cookie), ERR_RATE_LIMITED);
	ctx->address = "2001:db8:1:3::1";
	assert_ok(sign_in(ctx, NULL, "ann@example.com", CALL_PASSWORD, &cookie));
}

enum { THREADS = 4, TRIES = 5 };

static void *burst(void *arg)
{
	const struct ctx *shared = arg;
	struct ctx own = *shared;
	intptr_t limited = 0;

	own.a = arena_create();
	for (int i = 0; i < TRIES; i++) {
		const char *cookie;
		struct err *e = sign_in(&own, NULL, "ann@example.com", "wrong", &cookie);

		limited += e && e->kind == ERR_RATE_LIMITED;
	}
	arena_free(own.a);
	return (void *)limited;
}

static void test_auth__a_burst_does_not_pass_the_limit(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	pthread_t threads[THREADS];
	intptr_t limited = 0;

	(void)state;
	call_user(ctx, "ann@example.com", false);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, burst, ctx), 0);
	for (int i = 0; i < THREADS; i++) {
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		limited += (intptr_t)result;
	}
	assert_int_equal(limited, THREADS * TRIES - 10);
	assert_string_equal(pg_value("SELECT count(*) FROM audit_log WHERE action = 'auth.sign_in_failed'"),
	                    "10");
}

static void test_auth__a_person_changes_their_password(void **state)
{
	struct ctx *ctx = call_ctx("local", NULL, NULL);
	int64_t ann = call_user(ctx, "ann@example.com", false);
	const char *here = call_session(ctx, ann), *elsewhere = call_session(ctx, ann), *cookie;
	struct http_request *req;

	(void)state;
	assert_int_equal(status_with(ctx, here, &req), 200);
	assert_err(auth_change_password(ctx, req, STR("wrong horse!"), STR("another horse")), ERR_INVALID);
	assert_err(auth_change_password(ctx, req, STR(CALL_PASSWORD), STR("short")), ERR_INVALID);
	assert_int_equal(status_with(ctx, elsewhere, NULL), 200);
	ctx->user_id = ann;
	assert_ok(auth_change_password(ctx, req, STR(CALL_PASSWORD), STR("another horse")));
	assert_int_equal(status_with(ctx, here, NULL), 200);
	assert_int_equal(status_with(ctx, elsewhere, NULL), 401);
	assert_err(sign_in(ctx, NULL, "ann@example.com", CALL_PASSWORD, &cookie), ERR_UNAUTHENTICATED);
	assert_ok(sign_in(ctx, NULL, "ann@example.com", "another horse", &cookie));
}

static const struct CMUnitTest auth_session_tests[] = {
        cmocka_unit_test(test_auth__signing_in_makes_a_session),
        cmocka_unit_test(test_auth__every_refusal_reads_the_same),
        cmocka_unit_test(test_auth__local_sign_in_is_off_with_single_sign_on),
        cmocka_unit_test(test_auth__a_session_cannot_be_fixed_before_sign_in),
        cmocka_unit_test(test_auth__a_session_cannot_be_used_after_sign_out),
        cmocka_unit_test(test_auth__use_moves_the_end_at_most_once_an_hour),
        cmocka_unit_test(test_auth__only_cookies_of_our_form_are_looked_up),
        cmocka_unit_test(test_auth__an_account_has_ten_failures),
        cmocka_unit_test(test_auth__an_address_has_thirty_failures),
        cmocka_unit_test(test_auth__a_burst_does_not_pass_the_limit),
        cmocka_unit_test(test_auth__a_person_changes_their_password),
};
UNIT_SUITE(auth_session_tests);
