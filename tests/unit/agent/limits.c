/* A model that calls tools for ever, and each of the limits that stop it; what its tokens cost. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "agent/agent_priv.h"
#include "agent/scene.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "support/pg.h"
#include "support/provider.h"
#include "unit.h"

enum { PRICE_IN = 3000000, PRICE_CACHED = 300000, PRICE_OUT = 1500000 };

static struct scene *with_model(void)
{
	struct scene *s;
	struct project_model m = {.place = 1,
	                          .format = "",
	                          .url = "",
	                          .model = "",
	                          .price_in = PRICE_IN,
	                          .price_cached = PRICE_CACHED,
	                          .price_out = PRICE_OUT};

	if (!provider_exists())
		unit_skip("no scripted-provider beside the test program");
	s = scene_make(provider_start("tests/unit/agent/scenario.json"));
	s->settings.turn_steps = 100;
	m.project_id = s->project.id;
	assert_ok(project_model_save(&s->ctx, &m));
	return s;
}

static int stop_provider(void **state)
{
	(void)state;
	provider_stop();
	return 0;
}

/* In a conversation of its own: nothing that was said before makes a request longer. */
static struct agent_turn ask_anew(struct scene *s, const char *question)
{
	assert_ok(agent_conversation_create(&s->ctx, s->project.id, "Again", &s->conversation_id));
	return scene_ask(s, PROJECT_VIEWER, question, NULL);
}

static int calls(const struct agent_turn *t)
{
	int n = 0;

	for (size_t i = 0; i < t->nsteps; i++)
		n += !strcmp(t->steps[i].name, "model");
	return n;
}

static int64_t tokens(const struct agent_turn *t)
{
	return t->input_tokens + t->output_tokens;
}

/* The runaway is stopped by that limit after so many calls, and what it had found is there. */
static struct agent_turn stopped(struct scene *s, const char *code, int after)
{
	struct agent_turn t = ask_anew(s, "never ends");

	assert_string_equal(t.status, "failed");
	assert_string_equal(pg_value("SELECT error->>'code' FROM turns ORDER BY id DESC LIMIT 1"), code);
	assert_int_equal(calls(&t), after);
	assert_int_equal(t.nqueries, 1); /* the same statement again is answered from the first one's rows */
	for (size_t i = 0; i < t.nqueries; i++) {
		assert_true(t.queries[i].ok);
		assert_string_equal(t.queries[i].preview->cells[0], "1");
	}
	assert_non_null(strstr(t.error, "What was found until then is shown"));
	assert_non_null(strstr(t.hint, "admin of the project"));
	return t;
}

static void test_agent__a_runaway_is_stopped_by_its_steps(void **state)
{
	struct scene *s = with_model();

	(void)state;
	for (int limit = 1; limit <= 4; limit++) {
		struct agent_turn t;

		s->project.turn_steps = limit;
		t = stopped(s, "turn_steps", limit);
		assert_non_null(strstr(t.error, limit == 1 ? "limit of 1 step." : arena_printf(s->ctx.a, "limit of %d steps.", limit)));
	}
	s->project.turn_steps = 0;
	s->settings.turn_steps = 2;
	stopped(s, "turn_steps", 2);
}

static void test_agent__a_runaway_is_stopped_by_its_tokens(void **state)
{
	struct scene *s = with_model();
	struct agent_turn three;

	(void)state;
	s->project.turn_steps = 3;
	three = stopped(s, "turn_steps", 3);
	s->project.turn_steps = 0;
	for (int64_t more = -1; more <= 1; more++) {
		s->project.turn_tokens = tokens(&three) + more;
		stopped(s, "turn_tokens", more > 0 ? 4 : 3);
	}
	s->project.turn_tokens = 1;
	stopped(s, "turn_tokens", 1);
}

static void test_agent__a_runaway_is_stopped_by_its_cost(void **state)
{
	struct scene *s = with_model();
	struct agent_turn three;

	(void)state;
	s->project.turn_steps = 3;
	three = stopped(s, "turn_steps", 3);
	assert_true(three.cost > 0);
	s->project.turn_steps = 0;
	s->project.currency = "EUR";
	for (int64_t more = -1; more <= 1; more++) {
		struct agent_turn t;

		s->project.turn_cost = three.cost + more;
		t = stopped(s, "turn_cost", more > 0 ? 4 : 3);
		assert_non_null(strstr(t.error, " EUR"));
	}
}

static void test_agent__a_runaway_is_stopped_by_the_clock(void **state)
{
	struct scene *s = with_model();

	(void)state;
	for (int64_t limit = 3; limit <= 4; limit++) {
		struct agent_turn t;

		s->project.turn_seconds = limit;
		t = ask_anew(s, "takes its time");
		assert_string_equal(t.status, "failed");
		assert_string_equal(pg_value("SELECT error->>'code' FROM turns ORDER BY id DESC LIMIT 1"), "turn_seconds");
		assert_true(t.took_ms >= limit * 1000 - 50);
		assert_true(t.nqueries > 0);
		assert_true(t.queries[0].ok);
	}
}

/* A call that hangs, and one that says little by little, end at the limit as well. */
static void test_agent__the_clock_ends_a_call_too(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t;

	(void)state;
	s->project.turn_seconds = 1;
	t = ask_anew(s, "stuck");
	assert_string_equal(pg_value("SELECT error->>'code' FROM turns ORDER BY id DESC LIMIT 1"), "turn_seconds");
	assert_string_equal(t.answer, "begun");
	assert_null(strstr(t.error, "What was found"));
}

/* A query has no longer than the turn; what was found before it is kept. */
static void test_agent__the_clock_ends_a_query_too(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t;

	(void)state;
	s->project.turn_seconds = 3;
	s->project.timeout_ms = 60000;
	t = ask_anew(s, "quick and slow");
	assert_string_equal(t.status, "failed");
	assert_string_equal(pg_value("SELECT error->>'code' FROM turns ORDER BY id DESC LIMIT 1"), "turn_seconds");
	assert_int_equal(t.nqueries, 2);
	assert_true(t.queries[0].ok);
	assert_false(t.queries[1].ok);
	assert_non_null(strstr(t.queries[1].error, "took too long"));
	assert_non_null(strstr(t.error, "What was found until then is shown"));
}

struct asking {
	struct scene *s;
	struct ctx ctx;
	int64_t turn_id;
};

static void *run_turn(void *arg)
{
	struct asking *a = arg;

	return agent_turn_run(&a->ctx, &a->s->project, PROJECT_VIEWER, "", a->turn_id, NULL);
}

/* One that stops a turn in the middle of its tools keeps what the others found. */
static void test_agent__a_stop_among_tools_keeps_their_results(void **state)
{
	struct scene *s = with_model();
	struct asking a = {.s = s, .ctx = s->ctx};
	struct agent_turn t;
	pthread_t thread;
	void *e;

	(void)state;
	a.ctx.a = arena_create();
	s->project.timeout_ms = 60000;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("quick and slow"), &a.turn_id));
	assert_int_equal(pthread_create(&thread, NULL, run_turn, &a), 0);
	for (int i = 0; i < 400 && strcmp(pg_value("SELECT count(*) FROM query_runs WHERE outcome = 'done'"), "1"); i++)
		nanosleep(&(struct timespec){0, 50 * 1000 * 1000}, NULL);
	assert_ok(agent_turn_stop(&s->ctx, a.turn_id));
	pthread_join(thread, &e);
	assert_null(e);
	assert_ok(agent_turn_get(&s->ctx, a.turn_id, &t));
	assert_string_equal(t.status, "stopped");
	assert_true(t.nqueries >= 1);
	assert_true(t.queries[0].ok);
	assert_string_equal(t.queries[0].preview->cells[0], "1");
	arena_free(a.ctx.a);
}

/* With the prices of the one that answered. */
static void test_agent__the_fallback_answers_and_says_so(void **state)
{
	struct scene *s = with_model();
	struct project_model down = {.project_id = s->project.id,
	                             .place = 1,
	                             .format = "anthropic",
	                             .url = "http://127.0.0.1:1",
	                             .model = "claude-down",
	                             .key = "k",
	                             .price_in = 9000000000},
	                     up = {.project_id = s->project.id,
	                           .place = 2,
	                           .format = "",
	                           .url = "",
	                           .model = "claude-up",
	                           .price_in = 1000000,
	                           .price_out = 2000000};
	struct agent_turn t;

	(void)state;
	assert_ok(project_model_save(&s->ctx, &down));
	assert_ok(project_model_save(&s->ctx, &up));
	s->project.currency = "CHF";
	t = ask_anew(s, "How much was sold?");
	assert_string_equal(t.status, "done");
	assert_string_equal(t.model, "claude-up");
	assert_string_equal(t.instead_of, "claude-down");
	assert_string_equal(t.currency, "CHF");
	assert_int_equal(t.cost, t.input_tokens + 2 * t.output_tokens);
	assert_string_equal(t.steps[0].detail, "claude-up, because claude-down did not answer");
	assert_string_equal(pg_value("SELECT (body->>'cost')::bigint = (SELECT cost FROM turns ORDER BY id DESC LIMIT 1)"
	                             " AND body->>'currency' = 'CHF' FROM turn_events WHERE kind = 'usage'"
	                             " ORDER BY turn_id DESC LIMIT 1"),
	                    "t");
}

static void test_agent__a_reply_is_cut_to_what_is_left(void **state)
{
	struct agent_run r = {.ctx.settings = &(struct settings){.llm_max_tokens = 1000, .turn_steps = 5},
	                      .project = &(struct project){.turn_tokens = 0}};

	(void)state;
	assert_int_equal(agent_max_tokens(&r), 1000);
	r.usage = (struct llm_usage){.input_tokens = 300, .output_tokens = 100};
	r.project = &(struct project){.turn_tokens = 900};
	assert_int_equal(agent_max_tokens(&r), 500);
	r.project = &(struct project){.turn_tokens = 400};
	assert_int_equal(agent_max_tokens(&r), 1);
	r.cost = 4000;
	r.project = &(struct project){.turn_cost = 10000};
	assert_int_equal(agent_max_tokens(&r), 1000);
	r.models.n = 2;
	r.models.at[0].price.out = 1000000;
	r.models.at[1].price.out = 15000000;
	assert_int_equal(agent_max_tokens(&r), 400);
	r.project = &(struct project){.turn_cost = INT64_MAX};
	assert_int_equal(agent_max_tokens(&r), 1000);
}

/* The model gets to answer with what there is before it is cut off. */
static void test_agent__near_a_limit_the_model_is_asked_to_answer(void **state)
{
	struct arena *a = arena_create();
	struct llm_block result = {.kind = LLM_TOOL_RESULT, .id = "x", .text = STR("{}")};
	const struct llm_message messages[] = {{LLM_USER, NULL, 0}, {LLM_ASSISTANT, NULL, 0}, {LLM_USER, &result, 1}},
	                         *sent;
	struct project project = {.turn_steps = 4};
	struct agent_run r = {.ctx.settings = &(struct settings){.turn_seconds = 3600},
	                      .project = &project,
	                      .started_us = clock_mono_us()};
	static const struct {
		int64_t calls, tokens, cost, turn_tokens, turn_cost;
		const char *why;
	} cases[] = {
	        {1, 0, 0, 0, 0, NULL},
	        {3, 0, 0, 0, 0, NULL},
	        {4, 0, 0, 0, 0, "asked to finish near the limit of 4 steps"},
	        {3, 200, 0, 400, 0, NULL},
	        {3, 201, 0, 400, 0, "asked to finish near the limit of 400 tokens"},
	        {3, 0, 500000, 0, 1000000, NULL},
	        {3, 0, 500001, 0, 1000000, "asked to finish near the limit of 1.00 EUR"},
	        {1, 399, 0, 400, 0, NULL},
	};

	(void)state;
	project.currency = "EUR";
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *why;

		r.model_calls = cases[i].calls;
		r.usage.input_tokens = cases[i].tokens;
		r.cost = cases[i].cost;
		project.turn_tokens = cases[i].turn_tokens;
		project.turn_cost = cases[i].turn_cost;
		why = agent_near_limit(a, &r);
		assert_int_equal(why != NULL, cases[i].why != NULL);
		if (why)
			assert_string_equal(why, cases[i].why);
		sent = agent_hurried(a, &r, messages, 3);
		assert_int_equal(sent[2].nblocks, why ? 2 : 1);
		assert_int_equal(messages[2].nblocks, 1);
		if (why)
			assert_non_null(strstr(sent[2].blocks[1].text.p, "Answer now"));
	}
	arena_free(a);
}

static void test_agent__a_call_costs_what_its_tokens_cost(void **state)
{
	static const struct agent_price price = {PRICE_IN, PRICE_CACHED, PRICE_OUT}, free = {0};
	static const struct {
		struct llm_usage usage;
		int64_t cost;
	} cases[] = {
	        {{0, 0, 0}, 0},
	        {{.input_tokens = 1000}, 3000},
	        {{.input_tokens = 1000, .cached_tokens = 900}, 300 + 270},
	        {{.input_tokens = 1000, .cached_tokens = 900, .output_tokens = 10}, 300 + 270 + 15},
	        {{.input_tokens = 10, .cached_tokens = 900}, 3},
	        {{.input_tokens = -5, .cached_tokens = -7, .output_tokens = -9}, 6},
	};
	int64_t most;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(agent_cost(&price, &cases[i].usage), cases[i].cost);
	assert_int_equal(agent_cost(&(struct agent_price){.out = 1}, &(struct llm_usage){.output_tokens = 1}), 1);
	assert_int_equal(agent_cost(&free, &cases[3].usage), 0);
	most = agent_cost(&price, &(struct llm_usage){INT64_MAX, INT64_MAX, INT64_MAX});
	assert_true(most > 1000000000000 && most < INT64_MAX / 100);
}

static const struct CMUnitTest agent_limits_tests[] = {
        cmocka_unit_test_teardown(test_agent__a_runaway_is_stopped_by_its_steps, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_runaway_is_stopped_by_its_tokens, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_runaway_is_stopped_by_its_cost, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_runaway_is_stopped_by_the_clock, stop_provider),
        cmocka_unit_test_teardown(test_agent__the_clock_ends_a_call_too, stop_provider),
        cmocka_unit_test_teardown(test_agent__the_clock_ends_a_query_too, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_stop_among_tools_keeps_their_results, stop_provider),
        cmocka_unit_test_teardown(test_agent__the_fallback_answers_and_says_so, stop_provider),
        cmocka_unit_test(test_agent__a_reply_is_cut_to_what_is_left),
        cmocka_unit_test(test_agent__near_a_limit_the_model_is_asked_to_answer),
        cmocka_unit_test(test_agent__a_call_costs_what_its_tokens_cost),
};
UNIT_SUITE(agent_limits_tests);
