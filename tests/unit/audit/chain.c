/*
 * The chain against the database's owner: whatever is done to a row is found, in each column and at each place.
 * What is done is done in a transaction that looks and then goes back, so that one log serves for all of it. And
 * the chain under load, kills and a server that goes away: no gap, and no action without its entry.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit/audit.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "lib/settings.h"
#include "support/pg.h"
#include "unit.h"

enum { ENTRIES = 200, HALF = ENTRIES / 2 };

/* What an owner may do to entry $1. */
#define EDIT(name, set) DB_STMT(name, "UPDATE audit_log SET " set " WHERE seq = $1", DB_I64)
/* The column can only be inserted. */
DB_STMT(test_edit_id,
        "WITH d AS (DELETE FROM audit_log WHERE seq = $1 RETURNING *)"
        " INSERT INTO audit_log (id, at, user_id, email, action, object, detail, address, request_id, seq, hash)"
        " OVERRIDING SYSTEM VALUE SELECT id + 100000, at, user_id, email, action, object, detail, address,"
        " request_id, seq, hash FROM d",
        DB_I64);
EDIT(test_edit_at, "at = at + interval '1 microsecond'");
EDIT(test_edit_user, "user_id = coalesce(user_id, 0) + 1");
EDIT(test_edit_user_null, "user_id = CASE WHEN user_id IS NULL THEN 0 END");
EDIT(test_edit_email, "email = email || 'x'");
EDIT(test_edit_action, "action = upper(action)");
EDIT(test_edit_object, "object = 'user:' || object");
EDIT(test_edit_detail, "detail = detail || '{\"more\": 1}'");
EDIT(test_edit_detail_number, "detail = jsonb_set(detail, '{n}', to_jsonb((detail->>'n')::numeric + 0.0))");
EDIT(test_edit_address, "address = ''");
EDIT(test_edit_request, "request_id = request_id || ' '");
EDIT(test_edit_moved, "object = object || substr(address, 1, 1), address = substr(address, 2)");
EDIT(test_edit_seq, "seq = seq + 100000");
EDIT(test_edit_hash, "hash = set_byte(hash, 31, get_byte(hash, 31) # 1)");
EDIT(test_edit_hash_null, "hash = NULL");
EDIT(test_edit_unchained, "seq = NULL, hash = NULL");
DB_STMT(test_delete, "DELETE FROM audit_log WHERE seq = $1", DB_I64);
DB_STMT(test_delete_close,
        "WITH d AS (DELETE FROM audit_log WHERE seq = least($1, 199)) UPDATE audit_log SET seq = seq - 1"
        " WHERE seq > least($1, 199)",
        DB_I64);
DB_STMT(test_swap,
        "UPDATE audit_log a SET seq = b.seq, hash = b.hash FROM audit_log b"
        " WHERE a.seq IN ($1, $1 % 200 + 1) AND b.seq IN ($1, $1 % 200 + 1) AND a.seq <> b.seq",
        DB_I64);
DB_STMT(test_swap_whole,
        "UPDATE audit_log a SET seq = b.seq FROM audit_log b"
        " WHERE a.seq IN ($1, $1 % 200 + 1) AND b.seq IN ($1, $1 % 200 + 1) AND a.seq <> b.seq",
        DB_I64);
#define COPY \
	"INSERT INTO audit_log (at, user_id, email, action, object, detail, address, request_id, seq, hash)" \
	" SELECT at, user_id, email, action, object, detail, address, request_id, "
DB_STMT(test_insert_twin, COPY "seq, hash FROM audit_log WHERE seq = $1", DB_I64);
DB_STMT(test_insert_unchained, COPY "NULL, NULL FROM audit_log WHERE seq = $1", DB_I64);
DB_STMT(test_insert_between,
        "WITH u AS (UPDATE audit_log SET seq = seq + 1 WHERE seq > $1) " COPY
        "seq + 1, hash FROM audit_log WHERE seq = $1",
        DB_I64);
DB_STMT(test_cut, "DELETE FROM audit_log WHERE seq >= $1", DB_I64);
DB_STMT0(test_user_add, "INSERT INTO users (email, origin) VALUES ('new@x', 'header')");

static const struct db_stmt *const tampers[] = {
        &test_edit_id,
        &test_edit_at,
        &test_edit_user,
        &test_edit_user_null,
        &test_edit_email,
        &test_edit_action,
        &test_edit_object,
        &test_edit_detail,
        &test_edit_address,
        &test_edit_request,
        &test_edit_moved,
        &test_edit_seq,
        &test_edit_hash,
        &test_edit_hash_null,
        &test_edit_unchained,
        &test_delete,
        &test_delete_close,
        &test_swap,
        &test_swap_whole,
        &test_insert_twin,
        &test_insert_unchained,
        &test_insert_between,
        &test_cut,
        &test_edit_detail_number,
};

/* A file of heads of the test, removed before it is used. */
static const char *heads_path(struct ctx *ctx)
{
	char *path = arena_printf(ctx->a, "/tmp/quern-heads-%d", (int)getpid());

	unlink(path);
	return path;
}

static void write_entries(struct ctx *ctx, int n)
{
	for (int i = 0; i < n; i++) {
		ctx->user_id = i % 5;
		assert_ok(audit_log(
		        ctx, "project.update", arena_printf(ctx->a, "project:%d", i % 9),
		        arena_printf(ctx->a, "{\"n\": %d, \"a\": \"\\u00e4\", \"b\": [1.50, null]}", i)));
	}
}

/* The owner's way past what keeps others from changing the log. */
static void disarm(void)
{
	pg_exec("ALTER TABLE audit_log DISABLE TRIGGER USER");
	pg_exec("ALTER TABLE audit_log DROP CONSTRAINT audit_log_seq_key");
}

static void assert_whole(struct ctx *ctx, const char *heads, int64_t entries)
{
	struct audit_report r;

	assert_ok(audit_verify(ctx, heads, &r));
	if (!r.ok)
		fail_msg("%s", r.wrong);
	assert_null(r.wrong);
	assert_int_equal(r.entries, entries);
}

static void assert_wrong(struct ctx *ctx, const char *heads, const char *what)
{
	struct audit_report r;

	assert_ok(audit_verify(ctx, heads, &r));
	assert_false(r.ok);
	if (!strstr(r.wrong, what))
		fail_msg("\"%s\" is not in \"%s\"", what, r.wrong);
}

struct tamper {
	const struct db_stmt *stmt;
	int64_t seq;
	const char *heads;
};

static struct err *tamper_and_look(struct ctx *ctx, void *arg)
{
	const struct tamper *t = arg;
	struct audit_report r;
	int64_t affected;

	TRY(db_run(ctx, t->stmt, DB_ARGS(db_i64(t->seq)), &affected));
	if (affected == 0)
		fail_msg("%s of %d changed nothing", t->stmt->name, (int)t->seq);
	TRY(audit_verify(ctx, t->heads, &r));
	if (r.ok)
		fail_msg("%s of %d was not found", t->stmt->name, (int)t->seq);
	return err_new(ctx->a, ERR_CONFLICT, "%s", r.wrong);
}

static void test_audit__whatever_is_done_to_a_row_is_found(void **state)
{
	struct ctx *ctx = pg_ctx();
	const char *heads = heads_path(ctx);

	(void)state;
	pg_exec("INSERT INTO users (email, origin) SELECT 'u' || i || '@x', 'header' FROM generate_series(1, 5) i");
	write_entries(ctx, HALF);
	assert_ok(audit_heads(ctx, heads));
	write_entries(ctx, ENTRIES - HALF);
	assert_ok(audit_heads(ctx, heads));
	disarm();
	assert_whole(ctx, heads, ENTRIES);
	for (size_t i = 0; i < sizeof(tampers) / sizeof(tampers[0]); i++)
		for (int64_t seq = 1; seq <= ENTRIES; seq++) {
			struct ctx own = *ctx;
			struct tamper t = {tampers[i], seq, heads};

			own.a = arena_create();
			assert_err(db_transact(&own, tamper_and_look, &t), ERR_CONFLICT);
			arena_free(own.a);
		}
	assert_whole(ctx, heads, ENTRIES);
	unlink(heads);
}

static void test_audit__report_names_the_entry(void **state)
{
	static const struct {
		const char *sql, *wrong;
	} cases[] = {
	        {"UPDATE audit_log SET object = 'project:8' WHERE seq = 3", "entry 3 (id 3, 20"},
	        {"DELETE FROM audit_log WHERE seq = 4", "entry 4 is missing: entry 5 (id 5, 20"},
	        {"UPDATE audit_log SET seq = 6 WHERE seq = 7", "was put in"},
	        {"INSERT INTO audit_log (action) VALUES ('x')", "id 11 was put in beside the chain"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctx *ctx = pg_ctx();

		write_entries(ctx, 10);
		disarm();
		pg_exec(cases[i].sql);
		assert_wrong(ctx, NULL, cases[i].wrong);
	}
}

static void test_audit__log_is_append_only_for_the_program(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	write_entries(ctx, 2);
	assert_err(db_run(ctx, &test_edit_at, DB_ARGS(db_i64(1)), NULL), ERR_INTERNAL);
	assert_err(db_run(ctx, &test_delete, DB_ARGS(db_i64(1)), NULL), ERR_INTERNAL);
	assert_whole(ctx, NULL, 2);
}

static void test_audit__another_key_does_not_fit(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct settings other = *ctx->settings;
	struct audit_report r;

	(void)state;
	write_entries(ctx, 2);
	other.key = (const unsigned char *)"another key of thirty-two bytes.";
	ctx->settings = &other;
	assert_wrong(ctx, NULL, "entry 1");
	other.key = NULL;
	assert_err(audit_verify(ctx, NULL, &r), ERR_CONFIG);
	assert_err(audit_log(ctx, "project.update", "", NULL), ERR_CONFIG);
	assert_string_equal(pg_value("SELECT count(*) FROM audit_log"), "2");
}

static void test_audit__first_entry_seals_the_older_ones(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct audit_report r;

	(void)state;
	pg_exec("INSERT INTO audit_log (user_id, email, action) VALUES (1, 'a@x', 'old'), (NULL, '', 'older')");
	assert_ok(audit_verify(ctx, NULL, &r));
	assert_true(r.ok);
	assert_int_equal(r.unchained, 2);
	write_entries(ctx, 3);
	assert_whole(ctx, NULL, 3);
	disarm();
	pg_exec("UPDATE audit_log SET email = 'b@x' WHERE action = 'old'");
	assert_wrong(ctx, NULL, "one of the 2 older ones");
	pg_exec("UPDATE audit_log SET email = 'a@x' WHERE action = 'old'");
	assert_whole(ctx, NULL, 3);
}

/* Heads -------------------------------------------------------------------------------------------------- */

static int lines(struct ctx *ctx, const char *path)
{
	struct str text = unit_file(ctx->a, path);
	int n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static void append_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "a");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_audit__heads_are_noted_when_the_log_moved(void **state)
{
	struct ctx *ctx = pg_ctx();
	const char *heads = heads_path(ctx);

	(void)state;
	assert_ok(audit_heads(ctx, heads));
	assert_int_equal(lines(ctx, heads), 0);
	for (int i = 1; i <= 3; i++) {
		write_entries(ctx, 2);
		assert_ok(audit_heads(ctx, heads));
		assert_ok(audit_heads(ctx, heads));
		assert_int_equal(lines(ctx, heads), i);
	}
	assert_whole(ctx, heads, 6);
	unlink(heads);
	struct audit_report r;
	assert_err(audit_verify(ctx, heads, &r), ERR_UNAVAILABLE);
	assert_err(audit_heads(ctx, "/tmp/no such directory/heads"), ERR_UNAVAILABLE);
}

static void test_audit__end_that_was_cut_off_is_found(void **state)
{
	struct ctx *ctx = pg_ctx();
	const char *heads = heads_path(ctx);

	(void)state;
	write_entries(ctx, 10);
	assert_ok(audit_heads(ctx, heads));
	disarm();
	pg_exec("DELETE FROM audit_log WHERE seq > 7");
	assert_whole(ctx, NULL, 7);
	assert_wrong(ctx, heads, "the log ends with entry 7, but the file of heads has entry 10");
	assert_err(audit_heads(ctx, heads), ERR_CONFLICT);
	write_entries(ctx, 5);
	assert_whole(ctx, NULL, 12);
	assert_wrong(ctx, heads, "entry 10 (id 13");
	assert_ok(audit_heads(ctx, heads));
	assert_wrong(ctx, heads, "entry 10 (id 13");
	unlink(heads);
}

static void test_audit__file_of_heads_that_makes_no_sense(void **state)
{
	static const struct {
		const char *text, *wrong;
	} cases[] = {
	        {"nonsense\n", "line 2 of"},
	        {"2026-01-01T00:00:00Z 5", "line 2 of"},
	        {"\x1b]0;x\x07 5 0000000000000000000000000000000000000000000000000000000000000000\n", "line 2 of"},
	        {"2026-01-01T00:00:00Z -5 0000000000000000000000000000000000000000000000000000000000000000\n",
	         "line 2 of"},
	        {"2026-01-01T00:00:00Z 9 0000000000000000000000000000000000000000000000000000000000000000\n",
	         "the end was cut off"},
	        {"2026-01-01T00:00:00Z 2 0000000000000000000000000000000000000000000000000000000000000000\n"
	         "2026-01-01T00:00:00Z 9 0000000000000000000000000000000000000000000000000000000000000000\n",
	         "goes back to entry 2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctx *ctx = pg_ctx();
		const char *heads = heads_path(ctx);

		write_entries(ctx, 5);
		assert_ok(audit_heads(ctx, heads));
		append_text(heads, cases[i].text);
		write_entries(ctx, 3);
		assert_wrong(ctx, heads, cases[i].wrong);
		unlink(heads);
	}
}

/* A line that was cut short by a full disk stays alone. */
static void test_audit__heads_go_on_after_half_a_line(void **state)
{
	struct ctx *ctx = pg_ctx();
	const char *heads = heads_path(ctx);

	(void)state;
	append_text(heads, "2026-01-01T00:0");
	write_entries(ctx, 5);
	assert_ok(audit_heads(ctx, heads));
	assert_int_equal(lines(ctx, heads), 2);
	assert_wrong(ctx, heads, "line 1 of");
	unlink(heads);
}

/* Actions and their entries ------------------------------------------------------------------------------- */

static struct err *act(struct ctx *ctx, void *arg)
{
	TRY(audit_log(ctx, "user.create", "user:1", NULL));
	TRY(audit_log(ctx, "user.groups", "user:1", "{\"groups\": []}"));
	TRY(db_run(ctx, &test_user_add, DB_NO_ARGS, NULL));
	if (arg)
		pg_stop();
	return NULL;
}

static void test_audit__entries_of_a_transaction_keep_their_order(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	assert_ok(db_transact(ctx, act, NULL));
	assert_string_equal(
	        pg_value("SELECT string_agg(seq || ' ' || action, ', ' ORDER BY id) FROM audit_log"),
	        "1 user.create, 2 user.groups");
	assert_whole(ctx, NULL, 2);
}

static void test_audit__clash_does_not_double_an_entry(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	pg_exec("CREATE SEQUENCE tries");
	pg_exec("CREATE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
	        " IF nextval('tries') = 2 THEN RAISE 'clash' USING ERRCODE = '40001'; END IF; RETURN NEW; END$$");
	pg_exec("CREATE TRIGGER clash BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION clash()");
	assert_ok(db_transact(ctx, act, NULL));
	assert_string_equal(pg_value("SELECT last_value FROM tries"), "4");
	assert_string_equal(pg_value("SELECT count(*) FROM users"), "1");
	assert_whole(ctx, NULL, 2);
}

static void test_audit__no_action_without_an_entry(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	write_entries(ctx, 3);
	pg_exec("ALTER TABLE audit_log ADD CONSTRAINT none CHECK (action <> 'user.groups')");
	assert_err(db_transact(ctx, act, NULL), ERR_INVALID);
	assert_string_equal(pg_value("SELECT count(*) FROM users"), "0");
	pg_exec("ALTER TABLE audit_log DROP CONSTRAINT none");
	assert_ok(db_transact(ctx, act, NULL));
	assert_whole(ctx, NULL, 5);
}

static void test_audit__server_that_stops_leaves_no_gap(void **state)
{
	struct ctx *ctx = pg_ctx();
	bool stop = true;

	(void)state;
	write_entries(ctx, 3);
	assert_err(db_transact(ctx, act, &stop), ERR_UNAVAILABLE);
	pg_start();
	assert_string_equal(pg_value("SELECT count(*) FROM users"), "0");
	for (int i = 0; i < 100 && db_ping(ctx); i++)
		usleep(50000);
	assert_ok(db_transact(ctx, act, NULL));
	assert_whole(ctx, NULL, 5);
}

enum { THREADS = 8, EACH = 150, PROCESSES = 4 };

static void *write_many(void *arg)
{
	struct ctx ctx = *(const struct ctx *)arg;

	for (int i = 0; i < EACH; i++) {
		ctx.a = arena_create();
		assert_ok(audit_log(&ctx, "project.update", "project:1", NULL));
		arena_free(ctx.a);
	}
	return NULL;
}

static void test_audit__many_may_write_at_once(void **state)
{
	struct ctx *ctx = pg_ctx();
	pthread_t threads[THREADS];
	const char *url = pg_url();

	(void)state;
	db_close();
	db_open(url, THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, ctx), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_whole(ctx, NULL, THREADS * EACH);
}

static void test_audit__killed_processes_leave_no_gap(void **state)
{
	struct ctx *ctx = pg_ctx();
	const char *url = arena_strdup(ctx->a, pg_url());
	pid_t pids[PROCESSES];

	(void)state;
	db_close();
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			db_open(url, 1);
			while (!audit_log(ctx, "project.update", "project:1", NULL))
				;
			_exit(1);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		usleep(150000);
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	db_open(url, 4);
	write_entries(ctx, 1);
	assert_whole(ctx, NULL, atoi(pg_value("SELECT max(seq) FROM audit_log")));
	assert_string_equal(pg_value("SELECT count(*) = max(seq) AND count(*) > 20 FROM audit_log"), "t");
}

static const struct CMUnitTest audit_chain_tests[] = {
        cmocka_unit_test(test_audit__whatever_is_done_to_a_row_is_found),
        cmocka_unit_test(test_audit__report_names_the_entry),
        cmocka_unit_test(test_audit__log_is_append_only_for_the_program),
        cmocka_unit_test(test_audit__another_key_does_not_fit),
        cmocka_unit_test(test_audit__first_entry_seals_the_older_ones),
        cmocka_unit_test(test_audit__heads_are_noted_when_the_log_moved),
        cmocka_unit_test(test_audit__end_that_was_cut_off_is_found),
        cmocka_unit_test(test_audit__file_of_heads_that_makes_no_sense),
        cmocka_unit_test(test_audit__heads_go_on_after_half_a_line),
        cmocka_unit_test(test_audit__entries_of_a_transaction_keep_their_order),
        cmocka_unit_test(test_audit__clash_does_not_double_an_entry),
        cmocka_unit_test(test_audit__no_action_without_an_entry),
        cmocka_unit_test(test_audit__server_that_stops_leaves_no_gap),
        cmocka_unit_test(test_audit__many_may_write_at_once),
        cmocka_unit_test(test_audit__killed_processes_leave_no_gap),
};
UNIT_SUITE(audit_chain_tests);
