/* The trail names who did what, from where, newest first. */
#include "audit/audit.h"

#include <string.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "support/pg.h"
#include "unit.h"

static struct err *newest(struct ctx *ctx, int64_t most, struct audit_entry **entries, size_t *n)
{
	return audit_search(ctx, &(struct audit_filter){.most = most}, entries, n);
}

static void test_audit__entries_come_back_newest_first(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct audit_entry *entries;
	size_t n;

	(void)state;
	pg_exec("INSERT INTO users (email, origin) VALUES ('a@x', 'header')");
	assert_null(newest(ctx, 10, &entries, &n));
	assert_int_equal(n, 0);
	assert_null(audit_log(ctx, "sign-in.fail", "", NULL));
	ctx->user_id = 1;
	assert_null(audit_log(ctx, "project.create", "project:7", "{\"slug\":\"s\"}"));
	assert_null(newest(ctx, 10, &entries, &n));
	assert_int_equal(n, 2);
	assert_string_equal(entries[0].action, "project.create");
	assert_string_equal(entries[0].object, "project:7");
	assert_string_equal(entries[0].detail, "{\"slug\": \"s\"}");
	assert_string_equal(entries[0].email, "a@x");
	assert_int_equal(entries[0].user_id, 1);
	assert_string_equal(entries[0].address, ctx->address);
	assert_string_equal(entries[0].request_id, ctx->request_id);
	assert_true(entries[0].at > entries[1].at);
	assert_string_equal(entries[1].email, "");
	assert_string_equal(entries[1].detail, "{}");
	assert_null(newest(ctx, 1, &entries, &n));
	assert_int_equal(n, 1);
	assert_string_equal(entries[0].action, "project.create");
}

static void test_audit__entry_outlives_the_person(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct audit_entry *entries;
	size_t n;

	(void)state;
	pg_exec("INSERT INTO users (email, origin) VALUES ('a@x', 'header')");
	ctx->user_id = 1;
	assert_null(audit_log(ctx, "user.disable", "user:1", NULL));
	pg_exec("DELETE FROM users");
	assert_null(newest(ctx, 10, &entries, &n));
	assert_int_equal(n, 1);
	assert_int_equal(entries[0].user_id, 1);
}

static struct err *act_and_fail(struct ctx *ctx, void *arg)
{
	(void)arg;
	TRY(audit_log(ctx, "project.create", "project:7", NULL));
	return err_new(ctx->a, ERR_CONFLICT, "made to fail");
}

static void test_audit__entry_goes_with_its_transaction(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	assert_non_null(db_transact(ctx, act_and_fail, NULL));
	assert_string_equal(pg_value("SELECT count(*) FROM audit_log"), "0");
}

static void test_audit__detail_that_is_not_json_is_invalid(void **state)
{
	struct err *e = audit_log(pg_ctx(), "project.create", "project:7", "{slug}");

	(void)state;
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_INVALID);
}

static const struct CMUnitTest audit_audit_tests[] = {
        cmocka_unit_test(test_audit__entries_come_back_newest_first),
        cmocka_unit_test(test_audit__entry_outlives_the_person),
        cmocka_unit_test(test_audit__entry_goes_with_its_transaction),
        cmocka_unit_test(test_audit__detail_that_is_not_json_is_invalid),
};
UNIT_SUITE(audit_audit_tests);
