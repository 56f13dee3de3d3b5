/* What was said before, within the model's window. */
#include <stdio.h>
#include <string.h>

#include "agent/agent_priv.h"
#include "agent/scene.h"
#include "lib/arena.h"
#include "support/pg.h"
#include "unit.h"

/* Turns 1 to n of conversation 1, each under the one before, with queries. */
static void make_turns(int n)
{
	char sql[2000];

	snprintf(
	        sql, sizeof(sql),
	        "INSERT INTO turns (conversation_id, question, status, answer, record) SELECT 1, 'question ' || n, 'done',"
	        " 'Answer ' || n || '. A second sentence. ' || repeat('And more words. ', 60), jsonb_build_object('steps',"
	        " '[]'::jsonb, 'tables', jsonb_build_array('shop.orders'), 'queries', jsonb_build_array("
	        "jsonb_build_object('run_id', n, 'sql', 'SELECT ' || n || ' AS a', 'ok', true, 'rows', 5, 'preview',"
	        " '{\"columns\":[{\"name\":\"a\",\"type\":\"integer\",\"kind\":\"number\"}],"
	        "\"rows\":[[1],[2],[3],[4],[5]],\"truncated\":false}'::jsonb),"
	        "jsonb_build_object('run_id', 0, 'sql', 'SELECT wrong', 'ok', false, 'error', 'no', 'rows', 0)))"
	        " FROM generate_series(1, %d) n; UPDATE turns SET parent_id = id - 1 WHERE id > 1;",
	        n);
	pg_exec(sql);
}

static struct agent_run *next_turn(struct scene *s, int64_t parent)
{
	struct agent_run *r = ARENA_NEW(s->ctx.a, struct agent_run);

	*r = (struct agent_run){
	        .ctx = s->ctx, .project = &s->project, .question = "and now?", .conversation_id = 1};
	r->live.turn_id = parent + 1;
	pg_exec(arena_printf(
	        s->ctx.a,
	        "INSERT INTO turns (conversation_id, question, status, answer, parent_id) VALUES (1, 'and"
	        " now?', 'running', '', %lld)",
	        (long long)parent));
	assert_ok(agent_history(r));
	return r;
}

static size_t bytes(const struct agent_run *r)
{
	const struct llm_message *m = r->messages.p;
	size_t n = 0;

	for (size_t i = 0; i < r->messages.n; i++)
		for (size_t k = 0; k < m[i].nblocks; k++)
			n += m[i].blocks[k].text.n;
	return n;
}

static const char *text(struct scene *s, const struct agent_run *r, size_t message, size_t block)
{
	return str_dup(s->ctx.a, ((const struct llm_message *)r->messages.p)[message].blocks[block].text);
}

static void test_agent__recent_turns_are_told_whole_with_their_queries(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_run *r;

	(void)state;
	make_turns(2);
	r = next_turn(s, 2);
	assert_int_equal(r->messages.n, 5);
	assert_string_equal(text(s, r, 0, 0), "question 1");
	assert_non_null(strstr(text(s, r, 1, 0), "Answer 1. A second sentence. And more words."));
	assert_string_equal(text(s, r, 2, 1), "question 2");
	assert_non_null(strstr(text(s, r, 2, 0),
	                       "<queries>\n[{\"run\":1,\"sql\":\"SELECT 1 AS a\",\"row_count\":5,\"columns\":[\"a\"],"
	                       "\"first_rows\":[[1],[2],[3]]}]\n</queries>"));
	assert_null(strstr(text(s, r, 2, 0), "SELECT wrong"));
	assert_non_null(strstr(text(s, r, 4, 0), "SELECT 2 AS a"));
	assert_string_equal(text(s, r, 4, 1), "and now?");
}

static void test_agent__long_conversations_are_told_within_the_window(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_run *r;
	const char *first;

	(void)state;
	make_turns(1000);
	s->settings.llm_context = 16000;
	r = next_turn(s, 1000);
	assert_true(bytes(r) < 16000 + 1000);
	assert_true(bytes(r) > 12000);
	/* Questions and answers take turns, a question is the last one. */
	assert_int_equal(r->messages.n % 2, 1);
	assert_true(r->messages.n >= 9);
	first = text(s, r, 0, 0);
	assert_non_null(
	        strstr(first, "<earlier>\n(what was said before that is left out)\n- asked: question "));
	assert_non_null(strstr(first, " -- answered: Answer "));
	assert_non_null(strstr(first, ". A second sentence. (from shop.orders)\n"));
	assert_null(strstr(first, "And more words"));
	assert_string_equal(text(s, r, r->messages.n - 1, 1), "and now?");
	/* The same questions are told in the same way. */
	assert_string_equal(first, text(s, r, 0, 0));
}

static void test_agent__old_results_of_a_long_turn_are_left_out(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_run r = {.ctx = s->ctx, .project = &s->project};
	char *large = arena_alloc(s->ctx.a, 9001);
	const struct llm_message *m;

	(void)state;
	s->settings.llm_context = 16000;
	memset(large, 'x', 9000);
	for (int i = 0; i < 10; i++) {
		struct llm_message *one = AGENT_ADD(&r, messages, struct llm_message);

		*one = (struct llm_message){i % 2 ? LLM_USER : LLM_ASSISTANT,
		                            ARENA_NEW(s->ctx.a, struct llm_block), 1};
		one->blocks[0] = (struct llm_block){.kind = i % 2 ? LLM_TOOL_RESULT : LLM_TOOL_USE,
		                                    .id = "a",
		                                    .text = i % 2 ? str_of(large) : STR("")};
	}
	m = agent_fitting(s->ctx.a, &r);
	assert_true(str_starts(m[1].blocks[0].text, STR("(This result is left out")));
	assert_string_equal(m[1].blocks[0].id, "a");
	assert_true(str_starts(m[3].blocks[0].text, STR("(This result is left out")));
	assert_int_equal(m[5].blocks[0].text.n, 9000);
	assert_int_equal(m[9].blocks[0].text.n, 9000);
	/* What is on record is whole. */
	assert_int_equal(((const struct llm_message *)r.messages.p)[1].blocks[0].text.n, 9000);
	s->settings.llm_context = 64000;
	assert_ptr_equal(agent_fitting(s->ctx.a, &r), r.messages.p);
}

static const struct CMUnitTest agent_context_tests[] = {
        cmocka_unit_test(test_agent__recent_turns_are_told_whole_with_their_queries),
        cmocka_unit_test(test_agent__long_conversations_are_told_within_the_window),
        cmocka_unit_test(test_agent__old_results_of_a_long_turn_are_left_out),
};
UNIT_SUITE(agent_context_tests);
