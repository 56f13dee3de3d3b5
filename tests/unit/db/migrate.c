/* Migrations applied, refused and rolled back; and every statement of the program on the result. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/ctx.h"
#include "support/pg.h"
#include "unit.h"

struct sql_file {
	const char *name;
	const char *text;
};

static char dir[40];

static const char *path_of(struct ctx *ctx, const char *name)
{
	return arena_printf(ctx->a, "%s/%s", dir, name);
}

static void put(struct ctx *ctx, const char *name, const char *text)
{
	FILE *f = fopen(path_of(ctx, name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	fclose(f);
}

static int new_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/qmXXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"0001_a.sql", "0001_b.sql", "0002_b.sql",
	                                    "0003_c.sql", "README",     "b.sql"};
	char path[80];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* The database with two migrations. */
static struct ctx *two_applied(void)
{
	struct ctx *ctx = pg_ctx_empty();
	int applied;

	put(ctx, "0001_a.sql", "CREATE TABLE a (i int);\nINSERT INTO a VALUES (1); -- a comment\n");
	put(ctx, "0002_b.sql", "INSERT INTO a VALUES (2);");
	put(ctx, "README", "not SQL");
	assert_null(db_migrate(ctx, dir, &applied));
	assert_int_equal(applied, 2);
	return ctx;
}

static void assert_config(const struct err *e, const char *names)
{
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_CONFIG);
	if (!strstr(e->message, names))
		fail_msg("\"%s\" does not name %s", e->message, names);
	assert_non_null(e->hint);
}

static void test_db__migrations_are_applied_once(void **state)
{
	struct ctx *ctx = two_applied();
	int applied;

	(void)state;
	assert_null(db_migrated(ctx, dir));
	assert_null(db_migrate(ctx, dir, &applied));
	assert_int_equal(applied, 0);
	put(ctx, "0003_c.sql", "INSERT INTO a VALUES (3)");
	assert_config(db_migrated(ctx, dir), "0003_c.sql");
	assert_null(db_migrate(ctx, dir, &applied));
	assert_int_equal(applied, 1);
	assert_string_equal(pg_value("SELECT string_agg(i::text, ' ' ORDER BY i) FROM a"), "1 2 3");
	assert_string_equal(pg_value("SELECT string_agg(name, ' ' ORDER BY version) FROM migrations"),
	                    "0001_a.sql 0002_b.sql 0003_c.sql");
	assert_string_equal(pg_value("SELECT sha256 = encode(sha256('INSERT INTO a VALUES (3)'), 'hex')"
	                             " FROM migrations WHERE version = 3"),
	                    "t");
}

static void test_db__unmigrated_database_is_config(void **state)
{
	struct ctx *ctx = pg_ctx_empty();

	(void)state;
	put(ctx, "0001_a.sql", "SELECT 1");
	assert_config(db_migrated(ctx, dir), "0001_a.sql");
	assert_string_equal(pg_value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
}

static void test_db__files_that_do_not_fit_the_database_are_refused(void **state)
{
	static const struct {
		const char *drop;
		struct sql_file put;
		const char *names;
	} cases[] = {
	        {NULL, {"0002_b.sql", "INSERT INTO a VALUES (22)"}, "0002_b.sql"},
	        {"0002_b.sql", {NULL, NULL}, "0002_b.sql"},
	        {"0001_a.sql", {NULL, NULL}, "0002_b.sql"},
	        {NULL, {"0001_b.sql", "SELECT 1"}, "0001_b.sql"},
	        {NULL, {"b.sql", "SELECT 1"}, "b.sql"},
	};
	int applied;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctx *ctx = two_applied();

		if (cases[i].drop)
			unlink(path_of(ctx, cases[i].drop));
		if (cases[i].put.name)
			put(ctx, cases[i].put.name, cases[i].put.text);
		assert_config(db_migrate(ctx, dir, &applied), cases[i].names);
		assert_int_equal(applied, 0);
		assert_config(db_migrated(ctx, dir), cases[i].names);
		assert_string_equal(pg_value("SELECT count(*) FROM a"), "2");
		if (cases[i].put.name)
			unlink(path_of(ctx, cases[i].put.name));
	}
}

static void test_db__broken_migration_leaves_nothing(void **state)
{
	static const char *const texts[] = {
	        "CREATE TABLE c (i int); INSERT INTO c VALUES ('x')",
	        "CREATE TABLE c (i int); SELEC",
	        "CREATE TABLE c (i int); SELECT 1 / 0",
	};
	int applied;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct ctx *ctx = two_applied();

		put(ctx, "0003_c.sql", texts[i]);
		assert_config(db_migrate(ctx, dir, &applied), "0003_c.sql");
		assert_string_equal(pg_value("SELECT to_regclass('c') IS NULL"), "t");
		assert_string_equal(pg_value("SELECT max(version) FROM migrations"), "2");
		put(ctx, "0003_c.sql", "CREATE TABLE c (i int)");
		assert_null(db_migrate(ctx, dir, &applied));
		assert_int_equal(applied, 1);
		unlink(path_of(ctx, "0003_c.sql"));
	}
}

static void test_db__migration_that_ends_its_transaction_is_refused(void **state)
{
	struct ctx *ctx = two_applied();
	int applied;

	(void)state;
	put(ctx, "0003_c.sql", "COMMIT");
	assert_config(db_migrate(ctx, dir, &applied), "0003_c.sql");
	assert_string_equal(pg_value("SELECT max(version) FROM migrations"), "2");
}

static void test_db__no_files_is_config(void **state)
{
	struct ctx *ctx = pg_ctx_empty();
	int applied;

	(void)state;
	assert_config(db_migrate(ctx, dir, &applied), dir);
	assert_config(db_migrate(ctx, "/nonexistent", &applied), "/nonexistent");
}

static void test_db__every_statement_of_the_program_prepares(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct buf b = buf_init(ctx->a, BUF_PAGE);
	int failed;

	(void)state;
	assert_null(db_check_statements(ctx, &b, &failed));
	if (failed)
		fail_msg("%s", buf_cstr(&b));
}

static void test_db__statements_that_do_not_fit_are_named(void **state)
{
	struct ctx *ctx = pg_ctx_empty();
	struct buf b = buf_init(ctx->a, BUF_PAGE);
	int failed;

	(void)state;
	assert_null(db_check_statements(ctx, &b, &failed));
	assert_true(failed > 0);
	assert_non_null(strstr(buf_cstr(&b), "statement migrations_add: "));
	assert_null(strstr(buf_cstr(&b), "statement ping: "));
}

static const struct CMUnitTest db_migrate_tests[] = {
        cmocka_unit_test_setup_teardown(test_db__migrations_are_applied_once, new_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_db__unmigrated_database_is_config, new_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_db__files_that_do_not_fit_the_database_are_refused, new_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(test_db__broken_migration_leaves_nothing, new_dir, remove_dir),
        cmocka_unit_test_setup_teardown(test_db__migration_that_ends_its_transaction_is_refused, new_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(test_db__no_files_is_config, new_dir, remove_dir),
        cmocka_unit_test(test_db__every_statement_of_the_program_prepares),
        cmocka_unit_test(test_db__statements_that_do_not_fit_are_named),
};
UNIT_SUITE(db_migrate_tests);
