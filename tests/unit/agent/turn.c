/* Whole turns: real PostgreSQL, the guard, and the scripted provider in its own process. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "agent/scene.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "support/pg.h"
#include "support/provider.h"
#include "unit.h"

static struct scene *with_model(void)
{
	if (!provider_exists())
		unit_skip("no scripted-provider beside the test program");
	return scene_make(provider_start("tests/unit/agent/scenario.json"));
}

static int stop_provider(void **state)
{
	(void)state;
	provider_stop();
	return 0;
}

static void test_agent__catalog_questions_need_no_model(void **state)
{
	struct scene *s = scene_make(NULL);
	struct scene_heard heard;
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "Which tables are there?", &heard);

	(void)state;
	assert_string_equal(t.status, "done");
	assert_true(t.from_catalog);
	assert_string_equal(t.answer, "The schema `shop` has 2 tables and views.\n\n| Table | Rows (about) |"
	                              " Columns | What it holds |\n"
	                              "|---|--:|--:|---|\n| `customers` | 3 | 2 |  |\n| `orders` | 10 | 3 |"
	                              " What \\| was \\*bought\\*. |");
	assert_string_equal(buf_cstr(heard.lines), "1 step\n2 step\n3 message\n4 provenance\n5 done\n");
	assert_int_equal(t.last_event, 5);
	assert_int_equal(t.nsteps, 1);
	assert_int_equal(t.nqueries, 0);
	t = scene_ask(s, PROJECT_VIEWER, "Show me the salaries table", NULL);
	assert_string_equal(t.answer, "You may not read the table `salaries`. An admin of this project decides who may.");
	s->project.tells_hidden = false;
	t = scene_ask(s, PROJECT_VIEWER, "Show me the salaries table", NULL);
	assert_string_equal(t.answer, "There is no table `salaries` that you can read here. The tables are:"
	                              " `customers`, `orders`.");
	assert_string_equal(pg_value("SELECT count(*) FROM dictionaries"), "1");
}

static void test_agent__rows_from_the_catalog_have_proof(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "show me 4 rows of orders", NULL);

	(void)state;
	assert_string_equal(t.status, "done");
	assert_string_equal(t.answer, "Here are 4 rows of `orders`, in no particular order.");
	assert_int_equal(t.nqueries, 1);
	assert_true(t.queries[0].ok);
	assert_true(t.queries[0].run_id > 0);
	assert_int_equal(t.queries[0].rows, 4);
	assert_int_equal(t.queries[0].preview->nrows, 4);
	assert_string_equal(t.queries[0].preview->columns[2].name, "total");
	assert_int_equal(t.ntables, 1);
	assert_string_equal(t.tables[0], "shop.orders");
	t = scene_ask(s, PROJECT_VIEWER, "How many orders are there?", NULL);
	assert_string_equal(t.answer, "`orders` has 10 rows.");
	assert_string_equal(
	        pg_value("SELECT count(*) FROM query_runs WHERE outcome = 'done' AND turn_id IS NOT NULL"),
	        "2");
}

static void test_agent__without_a_model_other_questions_get_a_plain_sentence(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "Why did revenue fall?", NULL);

	(void)state;
	assert_string_equal(t.status, "done");
	assert_non_null(strstr(t.answer, "needs a language model"));
	assert_non_null(strstr(t.answer, "Describe customers"));
	assert_null(strstr(t.answer, "QUERN_LLM_KEY"));
	assert_false(t.from_catalog);
	t = scene_ask(s, PROJECT_ADMIN, "Why did revenue fall?", NULL);
	assert_non_null(strstr(t.answer, "(/p/shop/settings#model)"));
}

static void test_agent__a_wrong_query_is_corrected(void **state)
{
	struct scene *s = with_model();
	struct scene_heard heard;
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "How much was sold?", &heard);

	(void)state;
	if (t.error)
		fail_msg("%s", t.error);
	assert_string_equal(t.status, "done");
	assert_string_equal(t.answer, "It is 550.00 euros.");
	assert_int_equal(t.nqueries, 3);
	assert_false(t.queries[0].ok);
	assert_false(t.queries[1].ok);
	assert_non_null(strstr(t.queries[1].error, "totl"));
	assert_true(t.queries[2].ok);
	assert_string_equal(t.queries[2].preview->cells[0], "550.00");
	assert_int_equal(t.nsteps, 7);
	assert_string_equal(t.model, "claude-test");
	assert_true(t.input_tokens > 0 && t.output_tokens > 0);
	assert_int_equal(heard.last, t.last_event);
	assert_non_null(strstr(buf_cstr(heard.lines), "delta It is 550.00 euros.\n"));
	assert_string_equal(pg_value("SELECT count(*) FROM query_runs"), "3");
	assert_string_equal(
	        pg_value("SELECT bool_and(seq = n) FROM (SELECT seq, row_number() OVER (ORDER BY seq) AS n"
	                 " FROM turn_events) x"),
	        "t");
}

static const struct agent_step *step_named(const struct agent_turn *t, const char *name)
{
	for (size_t i = 0; i < t->nsteps; i++)
		if (!strcmp(t->steps[i].name, name))
			return &t->steps[i];
	return NULL;
}

/* What is doubtful goes to the model with the result, once for each kind, and to people as a step and a caveat. */
static void test_agent__doubtful_results_are_looked_at_again(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "what is counted twice", NULL);

	(void)state;
	assert_string_equal(t.status, "done");
	assert_string_equal(t.answer, "6");
	assert_int_equal(t.nqueries, 2);
	assert_int_equal(t.queries[0].ncaveats, 1);
	assert_string_equal(t.queries[0].caveats[0].code, "fan_out");
	assert_non_null(
	        strstr(t.queries[0].caveats[0].text, "customers.id is added up once for each row of orders"));
	assert_int_equal(t.queries[1].ncaveats, 0);
	assert_true(t.queries[0].at > 0);
	assert_non_null(step_named(&t, "check"));
	assert_string_equal(step_named(&t, "check")->detail, "rows may be counted more than once");
	assert_string_equal(
	        pg_value("SELECT count(*) FROM turn_events WHERE kind = 'message' AND body->>'text' LIKE"
	                 " '%\"check\":\"Look at the joins before you answer.%'"),
	        "1");
	t = scene_ask(s, PROJECT_VIEWER, "is nothing there", NULL);
	assert_string_equal(t.queries[1].caveats[0].code, "no_rows");
	assert_non_null(strstr(t.answer, "\"code\":\"no_rows\""));
	assert_null(strstr(t.answer, "\"check\"")); /* said with the first result */
	assert_string_equal(
	        pg_value("SELECT count(*) FROM turn_events WHERE kind = 'step' AND body->>'name' = 'check'"
	                 " AND body->>'state' = 'done'"),
	        "2");
}

/* What is damaged is one turn's steps, not the conversation. */
static void test_agent__a_record_that_cannot_be_read_costs_no_more_than_itself(void **state)
{
	static const char *const damaged[] = {
	        "{\"queries\":[{\"ok\":true,\"preview\":{}}]}", "[]", "7",
	        "{\"queries\":[7,null,{}],\"steps\":[null,{\"n\":\"x\"}],\"tables\":[null]}"};
	struct scene *s = scene_make(NULL);
	struct agent_turn whole = scene_ask(s, PROJECT_VIEWER, "show me 4 rows of orders", NULL), t;

	(void)state;
	for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
		pg_exec(arena_printf(s->ctx.a, "UPDATE turns SET record = '%s'", damaged[i]));
		assert_ok(agent_turn_get(&s->ctx, whole.id, &t));
		assert_string_equal(t.question, whole.question);
		assert_string_equal(t.answer, whole.answer);
		assert_true(t.unreadable == (i == 0));
		assert_int_equal(t.nqueries, i == 3 ? 3 : 0);
	}
}

static void test_agent__answers_of_one_call(void **state)
{
	static const struct {
		const char *question, *status, *answer, *error;
	} cases[] = {
	        {"please describe first", "done", "customer_id", NULL},
	        {"two at once", "done", "Last: 2", NULL},
	        {"what are the salaries", "done", "Not for you: ERROR: ", NULL},
	        {"never right", "failed", "", "could not find a query that works, after 4 tries in a row: orders has no column \"nothing\""},
	        {"never ends", "failed", "", "the answer was stopped at the limit of 12 steps"},
	        {"bad arguments", "done", "execute_sql: argument \"sql\" must be a string, got a number", NULL},
	        {"no such tool", "done", "there is no tool \"rm\"", NULL},
	        {"breaks", "failed", "half an ans", "the model provider's reply broke off"},
	        {"no key", "failed", "", "the model provider refused the key"},
	        {"too long", "done", "reached the limit of 1000 tokens", NULL},
	        {"refuse", "failed", "", "the model declined to answer"},
	        {"empty", "failed", "", "the model gave no answer"},
	        {"and what came before", "done", "Fine.", NULL},
	};
	struct scene *s = with_model();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct agent_turn t = scene_ask(s, PROJECT_VIEWER, cases[i].question, NULL);

		if (strcmp(t.status, cases[i].status) != 0)
			fail_msg("%s: %s %s", cases[i].question, t.status, t.error ? t.error : "");
		if (!strstr(t.answer, cases[i].answer))
			fail_msg("%s: %s", cases[i].question, t.answer);
		if (cases[i].error && (!t.error || !strstr(t.error, cases[i].error)))
			fail_msg("%s: %s", cases[i].question, t.error);
		assert_null(strstr(t.answer, "99999"));
	}
}

struct runner {
	struct scene *s;
	struct ctx ctx;
	int64_t turn_id;
	struct agent_sink sink;
	struct err *err;
	pthread_t thread;
};

static void *run(void *arg)
{
	struct runner *r = arg;

	r->err = agent_turn_run(&r->ctx, &r->s->project, PROJECT_VIEWER, "", r->turn_id, &r->sink);
	return NULL;
}

/* Starts a turn in a thread with an arena of its own. */
static void start(struct runner *r, struct scene *s, const char *question, struct scene_heard *heard)
{
	r->s = s;
	r->ctx = s->ctx;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, str_of(question), &r->turn_id));
	r->ctx.a = arena_create();
	r->sink = scene_sink(&(struct scene){.ctx = r->ctx}, heard);
	assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
}

static void finish(struct runner *r)
{
	pthread_join(r->thread, NULL);
	assert_ok(r->err);
}

/* Waits until the database says so; fails after 30 s. */
static void await(const char *sql, const char *value)
{
	for (int i = 0; i < 600; i++) {
		if (strcmp(pg_value(sql), value) == 0)
			return;
		nanosleep(&(struct timespec){0, 50 * 1000 * 1000}, NULL);
	}
	fail_msg("%s is not %s", sql, value);
}

static void test_agent__a_stop_ends_a_turn_with_what_it_has(void **state)
{
	struct scene *s = with_model();
	struct scene_heard heard;
	struct agent_turn t;
	struct runner r;

	(void)state;
	start(&r, s, "stuck", &heard);
	await("SELECT count(*) FROM turn_events WHERE kind = 'step'", "1");
	nanosleep(&(struct timespec){0, 500 * 1000 * 1000}, NULL);
	assert_ok(agent_turn_stop(&s->ctx, r.turn_id));
	finish(&r);
	assert_ok(agent_turn_get(&s->ctx, r.turn_id, &t));
	assert_string_equal(t.status, "stopped");
	assert_string_equal(t.answer, "begun");
	assert_null(t.error);
	assert_int_equal(t.nsteps, 1);
	arena_free(r.ctx.a);
}

static void test_agent__a_stop_before_the_start_counts(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t;
	int64_t id;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("slowly"), &id));
	assert_ok(agent_turn_stop(&s->ctx, id));
	assert_ok(agent_turn_run(&s->ctx, &s->project, PROJECT_VIEWER, "", id, NULL));
	assert_ok(agent_turn_get(&s->ctx, id, &t));
	assert_string_equal(t.status, "stopped");
	assert_string_equal(t.answer, "");
}

static void test_agent__a_running_turn_shows_its_steps(void **state)
{
	struct scene *s = with_model();
	struct scene_heard heard;
	struct agent_turn t;
	struct runner r;

	(void)state;
	start(&r, s, "stuck", &heard);
	await("SELECT count(*) FROM turn_events WHERE kind = 'step'", "1");
	assert_ok(agent_turn_get(&s->ctx, r.turn_id, &t));
	assert_string_equal(t.status, "running");
	assert_int_equal(t.nsteps, 1);
	assert_string_equal(t.steps[0].state, "running");
	assert_string_equal(t.steps[0].label, "Thinking");
	agent_stop_all();
	finish(&r);
	arena_free(r.ctx.a);
}

static void test_agent__an_interrupt_stops_turns(void **state)
{
	struct scene *s = with_model();
	struct scene_heard heard;
	struct agent_turn t;
	struct runner r;

	(void)state;
	start(&r, s, "stuck", &heard);
	await("SELECT count(*) FROM turn_events WHERE kind = 'step'", "1");
	agent_stop_all();
	finish(&r);
	assert_ok(agent_turn_get(&s->ctx, r.turn_id, &t));
	assert_string_equal(t.status, "stopped");
	arena_free(r.ctx.a);
}

/* All deltas of a watcher, joined. */
static const char *joined(struct scene *s, struct scene_heard *heard)
{
	struct buf b = buf_init(s->ctx.a, BUF_LINE);
	struct str lines = buf_str(heard->lines), line;

	while (lines.p) {
		line = str_chop(&lines, '\n');
		if (str_starts(line, STR("delta ")))
			buf_add(&b, line.p + 6, line.n - 6);
	}
	return b.n ? buf_cstr(&b) : "";
}

static void test_agent__a_watcher_sees_what_the_asker_sees(void **state)
{
	struct scene *s = with_model();
	struct scene_heard heard, watched, later;
	struct agent_sink watcher = scene_sink(s, &watched), late = scene_sink(s, &later);
	struct agent_turn t;
	struct runner r;

	(void)state;
	start(&r, s, "slowly", &heard);
	assert_ok(agent_turn_watch(&s->ctx, r.turn_id, 0, &watcher, NULL, NULL));
	finish(&r);
	assert_ok(agent_turn_get(&s->ctx, r.turn_id, &t));
	assert_string_equal(t.answer, "one two three four five six seven eight nine ten");
	assert_string_equal(joined(s, &heard), t.answer);
	assert_true(strncmp(t.answer, joined(s, &watched), strlen(joined(s, &watched))) == 0);
	assert_int_equal(watched.last, heard.last);
	assert_ok(agent_turn_watch(&s->ctx, r.turn_id, watched.last - 2, &late, NULL, NULL));
	assert_string_equal(buf_cstr(later.lines),
	                    arena_printf(s->ctx.a, "%lld usage\n%lld done\n", (long long)watched.last - 1,
	                                 (long long)watched.last));
	arena_free(r.ctx.a);
}

static void test_agent__turns_are_read_back_in_order(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_turn_head *heads;
	struct agent_turn *turns;
	struct db_texts ids = {ARENA_ARRAY(s->ctx.a, const char *, 2), 0};
	struct ctx bob = s->ctx;
	struct agent_turn t;
	size_t n;

	(void)state;
	scene_ask(s, PROJECT_VIEWER, "tables", NULL);
	scene_ask(s, PROJECT_VIEWER, "describe orders", NULL);
	scene_ask(s, PROJECT_VIEWER, "how many rows in customers", NULL);
	assert_ok(agent_turn_heads(&s->ctx, s->conversation_id, 0, 2, &heads, &n));
	assert_int_equal(n, 2);
	assert_true(heads[0].over && heads[0].id < heads[1].id);
	ids.p[ids.n++] = arena_printf(s->ctx.a, "%lld", (long long)heads[0].id);
	ids.p[ids.n++] = arena_printf(s->ctx.a, "%lld", (long long)heads[1].id);
	assert_ok(agent_turns(&s->ctx, s->conversation_id, ids, &turns, &n));
	assert_int_equal(n, 2);
	assert_string_equal(turns[0].question, "describe orders");
	assert_string_equal(turns[1].answer, "`customers` has 3 rows.");
	assert_string_equal(turns[1].queries[0].preview->cells[0], "3");
	assert_null(turns[1].error);
	assert_ok(agent_turn_heads(&s->ctx, s->conversation_id, heads[0].parent_id, 9, &heads, &n));
	assert_int_equal(n, 1);
	assert_true(heads[0].id < turns[0].id);
	bob.user_id = 2;
	assert_int_equal(agent_turn_get(&bob, turns[0].id, &t)->kind, ERR_NOT_FOUND);
}

static bool gone(void *arg)
{
	(void)arg;
	return true;
}

static void test_agent__a_watcher_that_left_is_let_go(void **state)
{
	struct scene *s = scene_make(NULL);
	struct scene_heard heard;
	struct agent_sink sink = scene_sink(s, &heard);
	int64_t id;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &id));
	assert_ok(agent_turn_watch(&s->ctx, id, 0, &sink, gone, NULL));
	assert_int_equal(agent_turn_watch(&s->ctx, id + 1, 0, &sink, gone, NULL)->kind, ERR_NOT_FOUND);
}

static const struct CMUnitTest agent_turn_tests[] = {
        cmocka_unit_test(test_agent__catalog_questions_need_no_model),
        cmocka_unit_test(test_agent__rows_from_the_catalog_have_proof),
        cmocka_unit_test(test_agent__without_a_model_other_questions_get_a_plain_sentence),
        cmocka_unit_test(test_agent__a_wrong_query_is_corrected),

        cmocka_unit_test(test_agent__doubtful_results_are_looked_at_again),

        cmocka_unit_test(test_agent__a_record_that_cannot_be_read_costs_no_more_than_itself),
        cmocka_unit_test(test_agent__answers_of_one_call),
        cmocka_unit_test(test_agent__a_stop_ends_a_turn_with_what_it_has),
        cmocka_unit_test(test_agent__a_stop_before_the_start_counts),
        cmocka_unit_test(test_agent__a_running_turn_shows_its_steps),
        cmocka_unit_test(test_agent__an_interrupt_stops_turns),
        cmocka_unit_test(test_agent__a_watcher_sees_what_the_asker_sees),
        cmocka_unit_test(test_agent__turns_are_read_back_in_order),
        cmocka_unit_test_teardown(test_agent__a_watcher_that_left_is_let_go, stop_provider),
};
UNIT_SUITE(agent_turn_tests);
