/* Verdicts on answers: one's own, changeable, for the project's admins to read. */
#include <string.h>

#include "agent/scene.h"
#include "lib/arena.h"
#include "support/pg.h"
#include "unit.h"

static void test_agent__a_verdict_is_given_changed_and_withdrawn(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "how many rows in orders", NULL);
	struct agent_turn_head *heads;
	struct agent_feedback *list;
	size_t n;

	(void)state;
	assert_ok(agent_feedback_give(&s->ctx, t.id, true, (struct str){0}));
	assert_ok(agent_feedback_give(&s->ctx, t.id, false, STR(" it counts <b>cancelled</b> ones \n")));
	assert_ok(agent_turn_heads(&s->ctx, s->conversation_id, 0, 1, &heads, &n));
	assert_true(heads[0].voted && !heads[0].good);
	assert_string_equal(heads[0].reason, "it counts <b>cancelled</b> ones");
	assert_ok(agent_feedback_list(&s->ctx, s->project.id, "", 0, 10, &list, &n));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].email, "ann@example.com");
	assert_string_equal(list[0].question, "how many rows in orders");
	assert_string_equal(list[0].answer, "`orders` has 10 rows.");
	assert_ok(agent_feedback_list(&s->ctx, s->project.id, "good", 0, 10, &list, &n));
	assert_int_equal(n, 0);
	assert_ok(agent_feedback_list(&s->ctx, s->project.id, "bad", t.id, 10, &list, &n));
	assert_int_equal(n, 0);
	assert_ok(agent_feedback_list(&s->ctx, s->project.id + 1, "", 0, 10, &list, &n));
	assert_int_equal(n, 0);
	assert_ok(agent_feedback_withdraw(&s->ctx, t.id));
	assert_ok(agent_turn_heads(&s->ctx, s->conversation_id, 0, 1, &heads, &n));
	assert_true(!heads[0].voted && !heads[0].good);
	assert_ok(agent_feedback_withdraw(&s->ctx, t.id));
}

static void test_agent__only_finished_turns_of_ones_own_are_judged(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "tables", NULL);
	struct ctx bob = s->ctx;
	struct agent_feedback *list;
	char *large = arena_alloc(s->ctx.a, 2002);
	int64_t running;
	size_t n;

	(void)state;
	bob.user_id = 2;
	assert_int_equal(agent_feedback_give(&bob, t.id, true, STR(""))->kind, ERR_NOT_FOUND);
	assert_ok(agent_feedback_give(&s->ctx, t.id, true, STR("")));
	assert_ok(agent_feedback_withdraw(&bob, t.id));
	assert_ok(agent_feedback_list(&s->ctx, s->project.id, "", 0, 10, &list, &n));
	assert_int_equal(n, 1);
	memset(large, 'x', 2001);
	assert_int_equal(agent_feedback_give(&s->ctx, t.id, true, (struct str){large, 2001})->kind, ERR_INVALID);
	assert_ok(agent_feedback_give(&s->ctx, t.id, true, (struct str){large, 2000}));
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &running));
	assert_int_equal(agent_feedback_give(&s->ctx, running, true, STR(""))->kind, ERR_NOT_FOUND);
	assert_ok(agent_conversation_delete(&s->ctx, s->project.id, s->conversation_id));
	assert_int_equal(agent_feedback_give(&s->ctx, t.id, true, STR(""))->kind, ERR_NOT_FOUND);
	assert_ok(agent_feedback_list(&s->ctx, s->project.id, "", 0, 10, &list, &n));
	assert_int_equal(n, 0);
}

static const struct CMUnitTest agent_feedback_tests[] = {
        cmocka_unit_test(test_agent__a_verdict_is_given_changed_and_withdrawn),
        cmocka_unit_test(test_agent__only_finished_turns_of_ones_own_are_judged),
};
UNIT_SUITE(agent_feedback_tests);
