/* Rows, constraints and arguments of statements. */
#include <string.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "support/pg.h"
#include "unit.h"

DB_STMT(test_user_add, "INSERT INTO users (email, name, origin) VALUES ($1, $2, 'header')", DB_TEXT, DB_TEXT);
DB_STMT(test_user_by_email, "SELECT id, name, last_seen_at FROM users WHERE email = $1", DB_TEXT);
DB_STMT0(test_users, "SELECT id, name, last_seen_at FROM users ORDER BY email");
DB_STMT(test_users_rename, "UPDATE users SET name = $1", DB_TEXT);
DB_STMT(test_session_add,
        "INSERT INTO sessions (token_hash, user_id, csrf, expires_at, address) VALUES"
        " (decode(repeat('00', 32), 'hex'), $1, '', now(), '')",
        DB_I64);

struct user {
	int64_t id;
	const char *name;
	int64_t seen;
};

static const struct db_row user_row = DB_ROW(struct user, DB_COL_I64(struct user, id),
                                             DB_COL_TEXT(struct user, name), DB_COL_TIME(struct user, seen));

static void test_db__rows_fill_structs(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct user *users, one;
	int64_t affected;
	bool found;
	size_t n;

	(void)state;
	assert_null(db_all(ctx, &test_users, DB_NO_ARGS, &user_row, &users, &n));
	assert_int_equal(n, 0);
	assert_null(db_run(ctx, &test_user_add, DB_ARGS(db_text("b@x"), db_text("B")), &affected));
	assert_int_equal(affected, 1);
	assert_null(db_run(ctx, &test_user_add, DB_ARGS(db_text("a@x"), db_text("A")), NULL));
	assert_null(db_all(ctx, &test_users, DB_NO_ARGS, &user_row, &users, &n));
	assert_int_equal(n, 2);
	assert_string_equal(users[0].name, "A");
	assert_string_equal(users[1].name, "B");
	assert_int_equal(users[1].seen, 0);
	assert_null(db_find(ctx, &test_user_by_email, DB_ARGS(db_text("a@x")), &user_row, &one, &found));
	assert_true(found);
	assert_int_equal(one.id, users[0].id);
	assert_null(db_find(ctx, &test_user_by_email, DB_ARGS(db_text("c@x")), &user_row, &one, &found));
	assert_false(found);
	assert_null(db_run(ctx, &test_users_rename, DB_ARGS(db_text("C")), &affected));
	assert_int_equal(affected, 2);
}

static void test_db__no_row_is_not_found(void **state)
{
	struct user one;
	struct err *e =
	        db_one(pg_ctx(), &test_user_by_email, DB_ARGS(db_text("c@x")), &user_row, "person", &one);

	(void)state;
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_NOT_FOUND);
	assert_string_equal(e->message, "person not found");
}

static void test_db__violated_constraints_are_named(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct db_arg taken[] = {db_text("a@x"), db_text("A")};
	struct db_arg upper[] = {db_text("A@x"), db_text("A")};
	struct db_arg nobody[] = {db_i64(77)};
	struct db_arg null[] = {db_text("n@x"), db_text(NULL)};
	const struct {
		const struct db_stmt *stmt;
		struct db_args args;
		enum err_kind kind;
		const char *code;
	} cases[] = {
	        {&test_user_add, {taken, 2}, ERR_CONFLICT, "users_email_key"},
	        {&test_user_add, {upper, 2}, ERR_INVALID, "users_email_check"},
	        {&test_session_add, {nobody, 1}, ERR_CONFLICT, "sessions_user_id_fkey"},
	        {&test_user_add, {null, 2}, ERR_INTERNAL, NULL},
	};

	(void)state;
	assert_null(db_run(ctx, &test_user_add, (struct db_args){taken, 2}, NULL));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err *e = db_run(ctx, cases[i].stmt, cases[i].args, NULL);

		assert_non_null(e);
		assert_int_equal(e->kind, cases[i].kind);
		if (cases[i].code)
			assert_string_equal(e->code, cases[i].code);
		assert_null(strstr(e->message, "A@x"));
	}
	assert_string_equal(pg_value("SELECT count(*) FROM users"), "1");
}

static const struct CMUnitTest db_statement_tests[] = {
        cmocka_unit_test(test_db__rows_fill_structs),
        cmocka_unit_test(test_db__no_row_is_not_found),
        cmocka_unit_test(test_db__violated_constraints_are_named),
};
UNIT_SUITE(db_statement_tests);
