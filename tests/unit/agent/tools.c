/* Tools in whole turns: what the model gets back, what is run and what is not, what is learnt. */
#include <string.h>

#include "agent/scene.h"
#include "agent/tool_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "support/pg.h"
#include "support/provider.h"
#include "unit.h"

static struct scene *with_tools(void)
{
	if (!provider_exists())
		unit_skip("no scripted-provider beside the test program");
	return scene_make(provider_start("tests/unit/agent/tools.json"));
}

static int stop_provider(void **state)
{
	(void)state;
	provider_stop();
	return 0;
}

static struct agent_turn done(struct scene *s, const char *question)
{
	struct agent_turn t = scene_ask(s, PROJECT_ANALYST, question, NULL);

	if (t.error)
		fail_msg("%s: %s", question, t.error);
	assert_string_equal(t.status, "done");
	return t;
}

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in: %s", part, text);
}

static void test_agent__a_wrong_column_is_diagnosed_and_corrected(void **state)
{
	struct scene *s = with_tools();
	struct agent_turn t = done(s, "the total of orders");
	const char *told;

	(void)state;
	assert_string_equal(t.answer, "It is 550.00.");
	assert_int_equal(t.nqueries, 2);
	assert_string_equal(t.queries[0].error, "orders has no column \"amount\"");
	told = pg_value("SELECT body->>'text' FROM turn_steps WHERE kind = 'result' ORDER BY n LIMIT 1");
	assert_holds(
	        told,
	        "FAILING PART: o.amount\nDIAGNOSIS: orders has no column amount. There is o.total (numeric");
	assert_holds(told, "Attempt 1 of 4.");
	assert_string_equal(
	        pg_value("SELECT origin || ' ' || state || ' ' || tables[1] || ' ' || text FROM learnings"),
	        "correction offered orders orders has no column amount: use total.");
	/* What was offered is not offered again. */
	done(s, "once more the total of orders");
	assert_string_equal(pg_value("SELECT count(*) FROM learnings"), "1");
}

static void test_agent__the_same_query_is_not_run_twice(void **state)
{
	struct scene *s = with_tools();
	struct agent_turn t = done(s, "wrong twice");

	(void)state;
	assert_holds(t.answer,
	             "this very statement was tried before and failed: orders has no column \"nam\"");
	assert_holds(t.answer, "It was not run again.");
	assert_int_equal(t.nqueries, 1);
	assert_string_equal(pg_value("SELECT count(*) FROM query_runs"), "1");
	t = done(s, "right twice");
	assert_holds(t.answer, "\"rows\":[[1,10.00]");
	assert_holds(t.answer, "\"row_count\":10");
	assert_holds(t.answer, "This query ran before in this answer");
	assert_int_equal(t.nqueries, 1);
	assert_string_equal(pg_value("SELECT count(*) FROM query_runs"), "2");
	assert_string_equal(
	        pg_value(
	                "SELECT count(*) FROM turn_events WHERE kind = 'tool_result' AND body->>'run_id' = '2'"),
	        "2");
}

static void test_agent__three_more_tries_and_no_more(void **state)
{
	struct scene *s = with_tools();
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "always wrong", NULL);

	(void)state;
	assert_string_equal(t.status, "failed");
	assert_string_equal(
	        t.error,
	        "could not find a query that works, after 4 tries in a row: orders has no column \"a4\"");
	assert_int_equal(t.nqueries, 4);
	assert_holds(
	        pg_value(
	                "SELECT body->>'text' FROM turn_steps WHERE kind = 'result' ORDER BY n DESC LIMIT 1"),
	        "TRIED BEFORE: SELECT a2 FROM orders -- orders has no column \"a2\"\n");
	t = done(s, "right at last");
	assert_string_equal(t.answer, "10");
	assert_int_equal(t.nqueries, 4);
}

static void test_agent__tools_of_one_reply_stand_for_themselves(void **state)
{
	struct scene *s = with_tools();
	struct agent_turn t = done(s, "side by side");

	(void)state;
	assert_string_equal(t.answer, "Last: 7");
	assert_int_equal(t.nqueries, 4);
	/* The order of the calls, whatever the order in which they ended. */
	assert_string_equal(t.queries[0].sql, "SELECT 1 AS a");
	assert_string_equal(t.queries[3].sql, "SELECT 7 AS a");
	assert_holds(
	        pg_value(
	                "SELECT body->>'text' FROM turn_steps WHERE kind = 'result' ORDER BY n OFFSET 2 LIMIT 1"),
	        "customers (table");
	/* Four failures at once are one try. */
	t = done(s, "all wrong at once");
	assert_string_equal(t.answer, "Went on.");
}

static void test_agent__calls_that_make_no_sense_are_told_so(void **state)
{
	struct scene *s = with_tools();

	(void)state;
	assert_holds(done(s, "bad list").answer,
	             "describe_table: argument \"tables[1]\" must be a string, got a number");
	assert_holds(done(s, "nearly a tool").answer,
	             "there is no tool \"execute_query\"\nHINT: Did you mean execute_sql");
	assert_string_equal(pg_value("SELECT count(*) FROM query_runs"), "0");
}

static void test_agent__the_dictionary_is_searched_by_meaning(void **state)
{
	struct scene *s = with_tools();
	struct agent_turn t = done(s, "search it");

	(void)state;
	assert_holds(t.answer, "customers (table, 2 columns)");
	assert_holds(t.answer, "orders (table, 3 columns): What | was *bought*.");
	assert_holds(t.answer, "customer_id integer, references customers.id");
	assert_null(strstr(t.answer, "salaries"));
}

static void test_agent__some_rows_under_the_policy(void **state)
{
	struct scene *s = with_tools();
	struct agent_turn t = done(s, "show some");

	(void)state;
	assert_holds(t.answer, "\"row_count\":2");
	assert_int_equal(t.nqueries, 1);
	assert_string_equal(t.tables[0], "shop.orders");
	t = done(s, "show salaries");
	assert_holds(t.answer, "this person may not see the table \"salaries\"");
	assert_null(strstr(t.answer, "99999"));
	s->project.tells_hidden = false;
	assert_holds(done(s, "show salaries").answer, "there is no table \"salaries\"");
}

static void test_agent__a_model_only_offers_learnings(void **state)
{
	struct scene *s = with_tools();
	struct agent_turn t = done(s, "note it");

	(void)state;
	assert_holds(t.answer, "save_learning: there is no table \"salaries\"");
	assert_string_equal(pg_value("SELECT origin || '|' || state || '|' || text FROM learnings"),
	                    "model|offered|Totals are in euros, with tax.");
	assert_string_equal(pg_value("SELECT count(*) FROM turn_effects"), "1");
}

/* The turn ends its work with the question, and goes on with the answer. */
static void test_agent__a_question_back_waits_for_its_answer(void **state)
{
	struct scene *s = with_tools();
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "which one", NULL);
	struct agent_claim *claims;
	const char *call;
	size_t n;

	(void)state;
	assert_string_equal(t.status, "waiting");
	assert_string_equal(t.waits_for, "clarification");
	assert_string_equal(pg_value("SELECT body->>'question' || (body->>'options') FROM turn_events"
	                             " WHERE kind = 'clarification'"),
	                    "Net or gross?[\"Net\", \"Gross\"]");
	call = arena_strdup(s->ctx.a, pg_value("SELECT wait->>'id' FROM turns"));
	assert_ok(agent_turn_answer(&s->ctx, t.id, call, STR("Gross"), ""));
	assert_ok(agent_lease_take(&s->ctx, 0, 10, false, &claims, &n));
	assert_int_equal(n, 1);
	assert_ok(agent_turn_resume(&s->ctx, claims[0], NULL));
	assert_ok(agent_turn_get(&s->ctx, t.id, &t));
	assert_string_equal(t.status, "done");
	assert_holds(t.answer, "The person answered: Gross");
	assert_int_equal(t.nqueries, 1);
}

static const struct CMUnitTest agent_tools_tests[] = {
        cmocka_unit_test_teardown(test_agent__a_wrong_column_is_diagnosed_and_corrected, stop_provider),
        cmocka_unit_test_teardown(test_agent__the_same_query_is_not_run_twice, stop_provider),
        cmocka_unit_test_teardown(test_agent__three_more_tries_and_no_more, stop_provider),
        cmocka_unit_test_teardown(test_agent__tools_of_one_reply_stand_for_themselves, stop_provider),
        cmocka_unit_test_teardown(test_agent__calls_that_make_no_sense_are_told_so, stop_provider),
        cmocka_unit_test_teardown(test_agent__the_dictionary_is_searched_by_meaning, stop_provider),
        cmocka_unit_test_teardown(test_agent__some_rows_under_the_policy, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_model_only_offers_learnings, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_question_back_waits_for_its_answer, stop_provider),
};
UNIT_SUITE(agent_tools_tests);
