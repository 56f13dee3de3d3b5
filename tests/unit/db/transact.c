/* Transactions: all or nothing, once more after a clash, never nested. */
#include <string.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "support/pg.h"
#include "unit.h"

DB_STMT(test_tx_add, "INSERT INTO rate_limits (bucket, window_start, count) VALUES ($1, now(), 1)", DB_TEXT);
DB_STMT0(test_tx_count, "SELECT count(*) FROM rate_limits");
DB_STMT0(test_tx_bad, "SELECT 1 / count(*) FROM rate_limits WHERE false");
DB_STMT(test_tx_add_user, "INSERT INTO users (email, origin) VALUES ($1, 'header')", DB_TEXT);

static const struct db_row i64_row = DB_ROW(int64_t, {DB_I64, 0});

struct plan {
	int calls;
	enum err_kind fail; /* after the work; ERR__MAX: not */
	bool bad_statement; /* a failed statement whose error is not passed on */
	int64_t seen;
};

static struct err *work(struct ctx *ctx, void *arg)
{
	struct plan *plan = arg;
	int64_t n;

	plan->calls++;
	TRY(db_run(ctx, &test_tx_add, DB_ARGS(db_text("a")), NULL));
	TRY(db_one(ctx, &test_tx_count, DB_NO_ARGS, &i64_row, "row", &plan->seen));
	if (plan->bad_statement && !db_one(ctx, &test_tx_bad, DB_NO_ARGS, &i64_row, "row", &n))
		return err_new(ctx->a, ERR_CONFIG, "the bad statement went well");
	return plan->fail == ERR__MAX ? NULL : err_new(ctx->a, plan->fail, "made to fail");
}

static void test_db__transaction_keeps_all_or_nothing(void **state)
{
	static const struct {
		struct plan plan;
		bool ok;
		enum err_kind kind;
		const char *rows;
	} cases[] = {
	        {{0, ERR__MAX, false, 0}, true, 0, "1"},
	        {{0, ERR_CONFLICT, false, 0}, false, ERR_CONFLICT, "0"},
	        {{0, ERR_UNAVAILABLE, false, 0}, false, ERR_UNAVAILABLE, "0"},
	        {{0, ERR__MAX, true, 0}, false, ERR_INTERNAL, "0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctx *ctx = pg_ctx();
		struct plan plan = cases[i].plan;
		struct err *e = db_transact(ctx, work, &plan);

		assert_int_equal(e == NULL, cases[i].ok);
		if (e)
			assert_int_equal(e->kind, cases[i].kind);
		assert_int_equal(plan.calls, 1);
		assert_int_equal(plan.seen, 1);
		assert_null(ctx->tx);
		assert_string_equal(pg_value("SELECT count(*) FROM rate_limits"), cases[i].rows);
		assert_null(db_ping(ctx));
	}
}

static struct err *outer(struct ctx *ctx, void *arg)
{
	struct plan inner = {0, ERR__MAX, false, 0};

	TRY(db_transact(ctx, work, &inner));
	if (!ctx->tx)
		return err_new(ctx->a, ERR_CONFIG, "the transaction is gone");
	return *(bool *)arg ? err_new(ctx->a, ERR_CONFLICT, "made to fail") : NULL;
}

static void test_db__inner_transaction_belongs_to_the_outer(void **state)
{
	struct ctx *ctx = pg_ctx();
	bool fail = true;

	(void)state;
	assert_int_equal(db_transact(ctx, outer, &fail)->kind, ERR_CONFLICT);
	assert_string_equal(pg_value("SELECT count(*) FROM rate_limits"), "0");
	fail = false;
	assert_null(db_transact(ctx, outer, &fail));
	assert_string_equal(pg_value("SELECT count(*) FROM rate_limits"), "1");
}

/* From now on the first n users fail to be added with the SQLSTATE. */
static void clash(const char *state, int n)
{
	struct arena *a = arena_create();

	pg_exec("CREATE SEQUENCE tries");
	pg_exec(arena_printf(a,
	                     "CREATE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
	                     " IF nextval('tries') <= %d THEN RAISE 'clash' USING ERRCODE = '%s'; END IF;"
	                     " RETURN NEW; END$$",
	                     n, state));
	pg_exec("CREATE TRIGGER clash BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION clash()");
	arena_free(a);
}

static struct err *add_user(struct ctx *ctx, void *arg)
{
	++*(int *)arg;
	TRY(db_run(ctx, &test_tx_add, DB_ARGS(db_text("a")), NULL));
	return db_run(ctx, &test_tx_add_user, DB_ARGS(db_text("a@x")), NULL);
}

static void test_db__clash_is_tried_once_more(void **state)
{
	static const struct {
		const char *sqlstate;
		int times, calls;
		enum err_kind kind; /* ERR__MAX: none */
	} cases[] = {
	        {"40001", 1, 2, ERR__MAX},        {"40P01", 1, 2, ERR__MAX},
	        {"40001", 2, 2, ERR_UNAVAILABLE}, {"55P03", 1, 1, ERR_UNAVAILABLE},
	        {"57014", 1, 1, ERR_TIMEOUT},     {"53200", 1, 1, ERR_UNAVAILABLE},
	        {"22001", 1, 1, ERR_INVALID},     {"P0001", 1, 1, ERR_INTERNAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctx *ctx = pg_ctx();
		int calls = 0;
		struct err *e;

		clash(cases[i].sqlstate, cases[i].times);
		e = db_transact(ctx, add_user, &calls);
		assert_int_equal(e ? e->kind : ERR__MAX, cases[i].kind);
		assert_int_equal(calls, cases[i].calls);
		assert_string_equal(pg_value("SELECT count(*) FROM rate_limits"), e ? "0" : "1");
	}
}

/* What hooks saw and do. */
struct hooked {
	char order[8];
	bool fail;
	int calls;
};

static struct err *hook_a(struct ctx *ctx, void *arg)
{
	struct hooked *h = arg;

	h->order[strlen(h->order)] = 'a';
	return db_run(ctx, &test_tx_add, DB_ARGS(db_text("hook")), NULL);
}

static struct err *hook_b(struct ctx *ctx, void *arg)
{
	struct hooked *h = arg;

	h->order[strlen(h->order)] = 'b';
	if (strlen(h->order) < 3)
		db_before_commit(ctx, hook_b, arg);
	return h->fail ? err_new(ctx->a, ERR_CONFLICT, "made to fail") : NULL;
}

static struct err *with_hooks(struct ctx *ctx, void *arg)
{
	struct hooked *h = arg;
	int users = 0;

	h->calls++;
	h->order[0] = h->order[1] = h->order[2] = '\0';
	db_before_commit(ctx, hook_a, arg);
	db_before_commit(ctx, hook_b, arg);
	assert_string_equal(h->order, "");
	return add_user(ctx, &users);
}

static void test_db__before_commit_runs_in_the_transaction(void **state)
{
	static const struct {
		struct hooked h;
		int clashes, calls;
		const char *rows;
	} cases[] = {
	        {{.fail = false}, 0, 1, "2"},
	        {{.fail = true}, 0, 1, "0"},
	        {{.fail = false}, 1, 2, "2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ctx *ctx = pg_ctx();
		struct hooked h = cases[i].h;
		struct err *e;

		clash("40001", cases[i].clashes);
		e = db_transact(ctx, with_hooks, &h);
		assert_int_equal(e != NULL, h.fail);
		assert_int_equal(h.calls, cases[i].calls);
		assert_string_equal(h.order, h.fail ? "ab" : "abb");
		assert_string_equal(pg_value("SELECT count(*) FROM rate_limits"), cases[i].rows);
		assert_int_equal(db_transact(ctx, add_user, &(int){0}) == NULL, h.fail);
		assert_string_equal(h.order, h.fail ? "ab" : "abb");
	}
}

static const struct CMUnitTest db_transact_tests[] = {
        cmocka_unit_test(test_db__transaction_keeps_all_or_nothing),
        cmocka_unit_test(test_db__inner_transaction_belongs_to_the_outer),
        cmocka_unit_test(test_db__clash_is_tried_once_more),
        cmocka_unit_test(test_db__before_commit_runs_in_the_transaction),
};
UNIT_SUITE(db_transact_tests);
