/* Saved queries: who sees and changes which, two editors at once, undo, values, the trail; and the history. */
#include <string.h>

#include "lib/arena.h"
#include "lib/ctx.h"
#include "query/query.h"
#include "support/pg.h"
#include "unit.h"

enum { ANN = 1, BEN = 2 };

static struct ctx *two_people(void)
{
	struct ctx *ctx = pg_ctx();

	pg_exec("INSERT INTO projects (slug, name) VALUES ('shop', 'Shop'), ('bank', 'Bank');"
	        "INSERT INTO users (email, name, origin) VALUES ('ann@example.com', 'Ann', 'header'),"
	        " ('ben@example.com', '', 'header')");
	ctx->user_id = ANN;
	return ctx;
}

static struct query_saved made(struct ctx *ctx, const char *name, bool shared)
{
	struct query_saved s = {.project_id = 1,
	                        .name = name,
	                        .description = "about it",
	                        .sql = "SELECT 1",
	                        .shared = shared};

	assert_ok(query_saved_put(ctx, &s, false));
	assert_true(s.id > 0);
	assert_true(s.updated_at > 0);
	return s;
}

static size_t listed(struct ctx *ctx, int64_t project, const char *search)
{
	struct query_saved *list;
	size_t n;

	assert_ok(query_saved_list(ctx, project, search, &list, &n));
	return n;
}

static void test_query__saved_queries_are_seen_by_their_owner_and_shared_ones_by_all(void **state)
{
	struct ctx *ctx = two_people();
	struct query_saved mine = made(ctx, "mine", false), ours = made(ctx, "ours", true), got;

	(void)state;
	assert_int_equal(listed(ctx, 1, NULL), 2);
	assert_int_equal(listed(ctx, 1, "OURS about"), 1);
	assert_int_equal(listed(ctx, 1, "select"), 2);
	assert_int_equal(listed(ctx, 1, "%"), 0);
	assert_int_equal(listed(ctx, 2, NULL), 0);
	assert_err(query_saved_get(ctx, 2, ours.id, &got), ERR_NOT_FOUND);
	ctx->user_id = BEN;
	assert_int_equal(listed(ctx, 1, NULL), 1);
	assert_err(query_saved_get(ctx, 1, mine.id, &got), ERR_NOT_FOUND);
	assert_ok(query_saved_get(ctx, 1, ours.id, &got));
	assert_string_equal(got.owner, "Ann");
	assert_false(got.mine);
	assert_int_equal(got.updated_at, ours.updated_at);
}

static void test_query__saved_queries_are_changed_by_their_owner_and_shared_ones_by_who_manages(void **state)
{
	struct ctx *ctx = two_people();
	struct query_saved mine = made(ctx, "mine", false), ours = made(ctx, "ours", true), got;

	(void)state;
	ctx->user_id = BEN;
	assert_err(query_saved_put(ctx, &mine, true), ERR_NOT_FOUND);
	assert_err(query_saved_delete(ctx, 1, mine.id, true), ERR_NOT_FOUND);
	assert_err(query_saved_put(ctx, &ours, false), ERR_NOT_FOUND);
	assert_err(query_saved_delete(ctx, 1, ours.id, false), ERR_NOT_FOUND);
	ours.project_id = 2;
	assert_err(query_saved_put(ctx, &ours, true), ERR_NOT_FOUND);
	ours.project_id = 1;
	ours.name = "Ben's words";
	assert_ok(query_saved_put(ctx, &ours, true));
	assert_ok(query_saved_get(ctx, 1, ours.id, &got));
	assert_string_equal(got.name, "Ben's words");
	assert_string_equal(got.owner, "Ann");
	assert_ok(query_saved_delete(ctx, 1, ours.id, true));
}

static void test_query__who_saves_second_is_told(void **state)
{
	struct ctx *ctx = two_people();
	struct query_saved first = made(ctx, "q", false), second = first;

	(void)state;
	first.sql = "SELECT 2";
	assert_ok(query_saved_put(ctx, &first, false));
	assert_true(first.updated_at > second.updated_at);
	second.sql = "SELECT 3";
	struct err *e = query_saved_put(ctx, &second, false);
	assert_err(e, ERR_CONFLICT);
	assert_string_equal(e->code, "changed");
	assert_string_equal(pg_value("SELECT sql FROM saved_queries"), "SELECT 2");
	second.updated_at = first.updated_at;
	assert_ok(query_saved_put(ctx, &second, false));
	assert_ok(query_saved_delete(ctx, 1, second.id, false));
	assert_err(query_saved_put(ctx, &second, false), ERR_CONFLICT);
}

static void test_query__deleted_queries_come_back(void **state)
{
	struct ctx *ctx = two_people();
	struct query_saved s = made(ctx, "q", true), got;

	(void)state;
	assert_ok(query_saved_delete(ctx, 1, s.id, false));
	assert_err(query_saved_delete(ctx, 1, s.id, false), ERR_NOT_FOUND);
	assert_err(query_saved_get(ctx, 1, s.id, &got), ERR_NOT_FOUND);
	assert_int_equal(listed(ctx, 1, NULL), 0);
	assert_err(query_saved_restore(ctx, 2, s.id, true), ERR_NOT_FOUND);
	assert_ok(query_saved_restore(ctx, 1, s.id, false));
	assert_ok(query_saved_get(ctx, 1, s.id, &got));
	assert_err(query_saved_restore(ctx, 1, s.id, false), ERR_NOT_FOUND);
	assert_string_equal(
	        pg_value(
	                "SELECT string_agg(action || ' ' || object || ' ' || (detail->>'name'), ', ' ORDER BY id)"
	                " FROM audit_log"),
	        "query.save query:1 q, query.share query:1 q, query.delete query:1 q, query.restore query:1 q");
}

static void test_query__values_are_kept_by_who_may_change_it(void **state)
{
	struct ctx *ctx = two_people();
	struct query_saved s = made(ctx, "q", true), got;
	struct query_parameter values[] = {
	        {"from", "date", "2025-01-01"}, {"x", "text", "it's \"\\ {{x}}"}, {"y", "text", NULL}};

	(void)state;
	s.parameters = values;
	s.nparameters = 3;
	assert_ok(query_saved_ran(ctx, &s, false));
	assert_ok(query_saved_get(ctx, 1, s.id, &got));
	assert_int_equal(got.nparameters, 3);
	assert_string_equal(got.parameters[1].value, values[1].value);
	assert_null(got.parameters[2].value);
	assert_int_equal(got.updated_at, s.updated_at); /* no change of the query */
	values[1].value = "Ben's";
	ctx->user_id = BEN;
	assert_ok(query_saved_ran(ctx, &s, false));
	assert_ok(query_saved_get(ctx, 1, s.id, &got));
	assert_string_equal(got.parameters[1].value, "it's \"\\ {{x}}");
}

static void test_query__saved_queries_have_bounds(void **state)
{
	struct ctx *ctx = two_people();
	char *text = arena_alloc(ctx->a, 40000);

	(void)state;
	memset(text, 'a', 39999);
	const struct {
		const char *name, *description, *sql, *code;
	} cases[] = {
	        {"", "", "SELECT 1", "name"},
	        {arena_strndup(ctx->a, text, 201), "", "SELECT 1", "name"},
	        {"q", arena_strndup(ctx->a, text, 4001), "SELECT 1", "description"},
	        {"q", "", "", "sql"},
	        {"q", "", text, "sql"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct query_saved s = {.project_id = 1,
		                        .name = cases[i].name,
		                        .description = cases[i].description,
		                        .sql = cases[i].sql};
		struct err *e = query_saved_put(ctx, &s, false);

		assert_err(e, ERR_INVALID);
		assert_string_equal(e->code, cases[i].code);
	}
	assert_string_equal(pg_value("SELECT count(*) FROM saved_queries"), "0");
}

static void test_query__the_history_is_the_persons_own(void **state)
{
	struct ctx *ctx = two_people();
	struct query_past *runs;
	const char *sql;
	size_t n;

	(void)state;
	pg_exec("INSERT INTO query_runs (project_id, user_id, sql_asked, outcome, origin, result) VALUES"
	        " (1, 1, 'a', 'done', 'sql', '{}'), (1, 1, 'b', 'done', 'chat', '{}'), (1, 2, 'c', 'done', 'sql', '{}'),"
	        " (2, 1, 'd', 'done', 'sql', '{}'), (1, 1, 'e', 'failed', 'sql', NULL), (1, 1, 'f', 'done', 'sql', NULL)");
	assert_ok(query_history(ctx, 1, 10, &runs, &n));
	assert_int_equal(n, 3);
	assert_string_equal(runs[0].sql, "f");
	assert_true(runs[0].plan);
	assert_string_equal(runs[1].outcome, "failed");
	assert_false(runs[1].plan || runs[2].plan);
	assert_ok(query_history(ctx, 1, 1, &runs, &n));
	assert_int_equal(n, 1);
	assert_ok(query_history_text(ctx, 1, 2, &sql));
	assert_string_equal(sql, "b");
	assert_err(query_history_text(ctx, 1, 3, &sql), ERR_NOT_FOUND);
	assert_err(query_history_text(ctx, 1, 4, &sql), ERR_NOT_FOUND);
}

static const struct CMUnitTest query_saved_tests[] = {
        cmocka_unit_test(test_query__saved_queries_are_seen_by_their_owner_and_shared_ones_by_all),
        cmocka_unit_test(test_query__saved_queries_are_changed_by_their_owner_and_shared_ones_by_who_manages),
        cmocka_unit_test(test_query__who_saves_second_is_told),
        cmocka_unit_test(test_query__deleted_queries_come_back),
        cmocka_unit_test(test_query__values_are_kept_by_who_may_change_it),
        cmocka_unit_test(test_query__saved_queries_have_bounds),
        cmocka_unit_test(test_query__the_history_is_the_persons_own),
};
UNIT_SUITE(query_saved_tests);
