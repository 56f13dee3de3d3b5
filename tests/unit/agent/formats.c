/* A turn of a model that thinks, calls side by side and corrects itself, in both formats: the scripted provider refuses
 * whatever does not come back to it as it was. */
#include <string.h>

#include "agent/scene.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "support/pg.h"
#include "support/provider.h"
#include "unit.h"

static void a_turn_in(const char *format, const char *model, int64_t thinking_tokens)
{
	struct scene *s = scene_make(provider_start("tests/unit/agent/formats.json"));
	struct scene_heard heard;
	struct agent_turn t;

	s->settings.llm_provider = format;
	s->settings.llm_model = model;
	s->settings.llm_thinking = thinking_tokens;
	t = scene_ask(s, PROJECT_VIEWER, "How much was sold?", &heard);
	if (t.error)
		fail_msg("%s, %s: %s", format, model, t.error);
	assert_string_equal(t.answer, "It is 550.00 euros.");
	assert_int_equal(t.nqueries, 3);
	assert_string_equal(t.model, model);
	assert_null(strstr(t.answer, "missing"));
	assert_string_equal(pg_value("SELECT count(*) FROM query_runs"), "3");
}

static void test_agent__a_turn_goes_the_same_way_in_both_formats(void **state)
{
	(void)state;
	if (!provider_exists())
		unit_skip("no scripted-provider beside the test program");
	a_turn_in("anthropic", "claude-test", 0);
	a_turn_in("anthropic", "claude-test", 2048);
	a_turn_in("anthropic", "adaptive-test", 2048);
	a_turn_in("openai", "gpt-test", 0);
	a_turn_in("openai", "o-test", 0);
	a_turn_in("openai", "reasoner-test", 0);
	provider_stop();
}

static const struct CMUnitTest agent_formats_tests[] = {
        cmocka_unit_test(test_agent__a_turn_goes_the_same_way_in_both_formats),
};
UNIT_SUITE(agent_formats_tests);
