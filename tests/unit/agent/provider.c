/* Which models a project's questions go to, with the instance's settings and without, and the call that tries one. */
#include <string.h>

#include "agent/agent_priv.h"
#include "agent/scene.h"
#include "lib/arena.h"
#include "support/pg.h"
#include "support/provider.h"
#include "unit.h"

static void save(struct scene *s, int64_t place, const char *format, const char *model)
{
	struct project_model m = {.project_id = s->project.id,
	                          .place = place,
	                          .format = format,
	                          .url = *format ? "https://models.example/v1" : "",
	                          .model = model,
	                          .key = *format ? "own-key" : NULL,
	                          .price_in = place * 100,
	                          .price_cached = place * 10,
	                          .price_out = place * 1000};

	assert_ok(project_model_save(&s->ctx, &m));
}

static struct agent_models models_of(struct scene *s, bool has)
{
	struct agent_models m;
	bool told = !has;

	assert_ok(agent_models(&s->ctx, s->project.id, &m));
	assert_ok(agent_has_model(&s->ctx, s->project.id, &told));
	assert_int_equal(told, has);
	return m;
}

static void test_agent__the_instances_model_is_asked_where_a_project_has_none(void **state)
{
	struct scene *s = scene_make("http://127.0.0.1:1");
	struct agent_models m = models_of(s, true);

	(void)state;
	assert_int_equal(m.n, 1);
	assert_string_equal(m.at[0].provider.url, "http://127.0.0.1:1");
	assert_string_equal(m.at[0].provider.model, "claude-test");
	assert_string_equal(m.at[0].provider.key, "k");
	assert_int_equal(m.at[0].price.out, 0);
	save(s, 1, "", "other");
	m = models_of(s, true);
	assert_int_equal(m.n, 1);
	assert_string_equal(m.at[0].provider.model, "other");
	assert_string_equal(m.at[0].provider.key, "k");
	assert_int_equal(m.at[0].price.in, 100);
	assert_int_equal(m.at[0].price.cached, 10);
	assert_int_equal(m.at[0].price.out, 1000);
	s->settings.llm_key = "";
	assert_int_equal(models_of(s, false).n, 0);
}

static void test_agent__a_project_has_its_own_and_one_to_fall_back_to(void **state)
{
	struct scene *s = scene_make("http://127.0.0.1:1");
	struct agent_models m;

	(void)state;
	save(s, 2, "openai", "second");
	m = models_of(s, true);
	assert_int_equal(m.n, 2);
	assert_string_equal(m.at[0].provider.model, "claude-test");
	assert_string_equal(m.at[1].provider.model, "second");
	assert_string_equal(m.at[1].provider.format, "openai");
	assert_string_equal(m.at[1].provider.key, "own-key");
	save(s, 1, "anthropic", "first");
	m = models_of(s, true);
	assert_int_equal(m.n, 2);
	assert_string_equal(m.at[0].provider.url, "https://models.example/v1");
	assert_string_equal(m.at[0].provider.model, "first");
	assert_int_equal(m.at[1].price.out, 2000);
	s->settings.llm_key = "";
	assert_int_equal(models_of(s, true).n, 2);
	assert_ok(project_model_remove(&s->ctx, s->project.id, 1));
	m = models_of(s, true);
	assert_int_equal(m.n, 1);
	assert_string_equal(m.at[0].provider.model, "second");
}

/* The instance's key is for the instance's provider alone. */
static void test_agent__a_model_without_a_key_gets_none(void **state)
{
	struct scene *s = scene_make("http://127.0.0.1:1");
	struct project_model m = {.project_id = s->project.id,
	                          .place = 1,
	                          .format = "openai",
	                          .url = "http://127.0.0.1:1",
	                          .model = "local"};
	struct agent_models models;

	(void)state;
	assert_ok(project_model_save(&s->ctx, &m));
	assert_ok(agent_models(&s->ctx, s->project.id, &models));
	assert_string_equal(models.at[0].provider.key, "");
}

static void test_agent__a_key_that_cannot_be_opened_is_no_missing_model(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_models m;
	struct agent_turn t;
	bool has = false;

	(void)state;
	save(s, 1, "openai", "first");
	s->settings.key = (const unsigned char *)"another key for tests, no secret";
	assert_err(agent_models(&s->ctx, s->project.id, &m), ERR_CONFIG);
	assert_ok(agent_has_model(&s->ctx, s->project.id, &has));
	assert_true(has);
	pg_exec("UPDATE sources SET password_sealed = NULL");
	t = scene_ask(s, PROJECT_VIEWER, "Why did revenue fall?", NULL);
	assert_string_equal(t.status, "failed");
	assert_non_null(strstr(t.error, "key of the project's model cannot be opened"));
}

static void test_agent__a_model_is_tried_once(void **state)
{
	struct project_model m = {.place = 1, .format = "anthropic", .model = "claude-try", .key = "k"};
	struct agent_tried tried = {0};
	struct scene *s;

	(void)state;
	if (!provider_exists())
		unit_skip("no scripted-provider beside the test program");
	m.url = provider_start("tests/unit/agent/scenario.json");
	s = scene_make(NULL);
	assert_err(agent_model_try(&s->ctx, &m, &tried), ERR_UNAVAILABLE);
	assert_string_equal(tried.asked, "claude-try");
	assert_string_equal(tried.url, m.url);
	assert_ok(agent_model_try(&s->ctx, &m, &tried));
	assert_string_equal(tried.model, "claude-try");
	m.key = "bad-key";
	assert_err(agent_model_try(&s->ctx, &m, &tried), ERR_PROVIDER);
	m.format = m.url = m.model = "";
	assert_err(agent_model_try(&s->ctx, &m, &tried), ERR_CONFIG);
	provider_stop();
}

static const struct CMUnitTest agent_provider_tests[] = {
        cmocka_unit_test(test_agent__the_instances_model_is_asked_where_a_project_has_none),
        cmocka_unit_test(test_agent__a_project_has_its_own_and_one_to_fall_back_to),
        cmocka_unit_test(test_agent__a_model_without_a_key_gets_none),
        cmocka_unit_test(test_agent__a_key_that_cannot_be_opened_is_no_missing_model),
        cmocka_unit_test(test_agent__a_model_is_tried_once),
};
UNIT_SUITE(agent_provider_tests);
