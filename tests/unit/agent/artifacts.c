/* Artifacts that the model makes and changes: by reference, once for each call, and what it is told. */
#include <string.h>

#include "agent/scene.h"
#include "agent/tool_priv.h"
#include "lib/arena.h"
#include "support/pg.h"
#include "support/provider.h"
#include "unit.h"

static struct scene *scene_with_artifacts(void)
{
	if (!provider_exists())
		unit_skip("no scripted-provider beside the test program");
	return scene_make(provider_start("tests/unit/agent/artifacts.json"));
}

static int stop_provider(void **state)
{
	(void)state;
	provider_stop();
	return 0;
}

static const char *answer(struct scene *s, const char *question)
{
	struct agent_turn t = scene_ask(s, PROJECT_ANALYST, question, NULL);

	if (t.error)
		fail_msg("%s: %s", question, t.error);
	return t.answer;
}

static void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in: %s", part, text);
}

static void test_agent__an_artifact_names_the_run_that_its_data_comes_from(void **state)
{
	struct scene *s = scene_with_artifacts();
	const char *said = answer(s, "a chart by run");

	(void)state;
	assert_holds(said, "\"version\":1,\"title\":\"Orders\",\"type\":\"plotly\"");
	assert_holds(said, "orders.id, orders.total");
	assert_string_equal(pg_value("SELECT sources::text || data::text FROM artifact_versions"),
	                    "[{\"sql\": \"SELECT id, total FROM orders ORDER BY id\", \"name\": \"orders\", \"run_id\": 1}]"
	                    "{\"target\": 5}");
	assert_string_equal(pg_value("SELECT user_id || ' ' || conversation_id || ' ' || turn_id FROM artifacts"), "1 1 1");
	assert_string_equal(pg_value("SELECT body->>'artifact' FROM turn_events WHERE body ? 'artifact'"),
	                    "{\"id\": 1, \"type\": \"plotly\", \"title\": \"Orders\", \"version\": 1}");
	/* No rows in the call, none in what the model hears of it. */
	assert_string_equal(pg_value("SELECT count(*) FROM turn_steps WHERE call_id IS NOT NULL AND body->>'text' LIKE"
	                             " '%[10,100%' AND body->>'text' LIKE '%Orders%'"),
	                    "0");
	assert_string_equal(pg_value("SELECT count(*) FROM query_runs"), "1");
}

static void test_agent__a_statement_is_tried_before_it_is_kept(void **state)
{
	struct scene *s = scene_with_artifacts();

	(void)state;
	assert_holds(answer(s, "a chart by statement"), "orders.n");
	assert_string_equal(pg_value("SELECT sources->0->>'run_id' FROM artifact_versions"), "1");
	assert_holds(answer(s, "wrong statement"), "DIAGNOSIS: orders has no column amount");
	assert_holds(answer(s, "hidden table"), "salaries");
	assert_holds(answer(s, "both of them"), "needs either a run or SQL");
	assert_holds(answer(s, "run of another"), "not found");
	assert_string_equal(pg_value("SELECT count(*) FROM artifacts"), "1");
}

static void test_agent__a_figure_refers_only_to_what_its_data_has(void **state)
{
	struct scene *s = scene_with_artifacts();
	const char *said = answer(s, "wrong reference");

	(void)state;
	assert_holds(said, "the figure refers to \"orders.amount\"");
	assert_holds(said, "There is: orders.id, orders.total.");
	assert_string_equal(pg_value("SELECT count(*) FROM artifacts"), "0");
}

static void test_agent__a_change_is_a_version_and_keeps_what_is_not_said(void **state)
{
	struct scene *s = scene_with_artifacts();

	(void)state;
	answer(s, "a chart by run");
	assert_holds(answer(s, "change the colour"), "\"version\":2");
	assert_holds(pg_value("SELECT code FROM artifact_versions WHERE n = 2"), "{\"data\":[{\"type\":\"line\",");
	assert_string_equal(pg_value("SELECT count(DISTINCT sources::text || data::text) FROM artifact_versions"), "1");
	assert_string_equal(pg_value("SELECT note FROM artifact_versions WHERE n = 2"), "Lines");
	assert_holds(answer(s, "change what is not there"), "is not in the code");
	assert_holds(answer(s, "change what is twice"), "more than once");
	assert_holds(answer(s, "read it"), "\"code\":\"{\\\"data\\\":[{\\\"type\\\":\\\"line\\\"");
	answer(s, "change all of it");
	assert_string_equal(pg_value("SELECT title || n || (SELECT sources->0->>'name' FROM artifact_versions WHERE n = 3)"
	                             " FROM artifacts"),
	                    "Other3n");
}

static void test_agent__nobody_elses_artifact_is_changed(void **state)
{
	struct scene *s = scene_with_artifacts();

	(void)state;
	answer(s, "a chart by run");
	pg_exec("INSERT INTO artifacts (project_id, user_id, title, type, visible) VALUES (1, 2, 'Bobs', 'plotly', 'project');"
	        "INSERT INTO artifact_versions (artifact_id, n, user_id, code) VALUES (2, 1, 2, '{}')");
	assert_holds(answer(s, "change one of another"), "not this person's own");
	assert_string_equal(pg_value("SELECT n FROM artifacts WHERE id = 2"), "1");
}

static void test_agent__the_next_question_comes_with_what_was_made(void **state)
{
	struct scene *s = scene_with_artifacts();
	const char *text;

	(void)state;
	assert_ok(agent_artifacts_of(&s->ctx, s->conversation_id, &text));
	assert_null(text);
	answer(s, "a chart by run");
	answer(s, "a chart by statement");
	assert_ok(agent_artifacts_of(&s->ctx, s->conversation_id, &text));
	assert_holds(text, "{\"id\":2,\"title\":\"Orders\",\"type\":\"react\",\"version\":1,\"sources\":[{\"name\":\"orders\","
	                   "\"sql\":\"SELECT count(*) AS n FROM orders\"}],\"code\":\"export default () =\\u003e null\"}");
	assert_holds(text, "{\"id\":1,\"title\":\"Orders\",\"type\":\"plotly\",\"version\":1}");
}

/* A worker that dies behind the effect and one that comes after it: one version. */
static void test_agent__a_call_that_is_made_again_makes_nothing_more(void **state)
{
	struct scene *s = scene_with_artifacts();
	struct ctx ctx = s->ctx;
	struct tool_env env = {.ctx = &ctx, .project = &s->project, .conversation_id = s->conversation_id, .turn_id = 1, .fence = 3,
	                       .call_id = "call_1"};
	struct artifact_draft d = {.title = "Once", .type = "html", .code = "x"};
	struct tool_sources none = {0};
	struct tool_result first, second;

	(void)state;
	pg_exec("INSERT INTO turns (conversation_id, question, fence) VALUES (1, 'q', 3)");
	assert_ok(tool_artifact_save(&env, "html", &d, &none, &first));
	assert_ok(tool_artifact_save(&env, "html", &d, &none, &second));
	assert_holds(second.artifact, "\"version\"");
	assert_string_equal(pg_value("SELECT count(*) || ' ' || max(n) FROM artifact_versions"), "1 1");
	env.fence = 2;
	env.call_id = "call_2";
	assert_err(tool_artifact_save(&env, "html", &d, &none, &second), ERR_CONFLICT);
	assert_string_equal(pg_value("SELECT count(*) FROM artifacts"), "1");
}

static const struct CMUnitTest agent_artifacts_tests[] = {
        cmocka_unit_test_teardown(test_agent__an_artifact_names_the_run_that_its_data_comes_from, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_statement_is_tried_before_it_is_kept, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_figure_refers_only_to_what_its_data_has, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_change_is_a_version_and_keeps_what_is_not_said, stop_provider),
        cmocka_unit_test_teardown(test_agent__nobody_elses_artifact_is_changed, stop_provider),
        cmocka_unit_test_teardown(test_agent__the_next_question_comes_with_what_was_made, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_call_that_is_made_again_makes_nothing_more, stop_provider),
};
UNIT_SUITE(agent_artifacts_tests);
