/* Conversations branch: questions asked again stand beside the first one, and one path is shown. */
#include <string.h>

#include "agent/agent_priv.h"
#include "agent/scene.h"
#include "lib/arena.h"
#include "support/pg.h"
#include "unit.h"

static int64_t ask_at(struct scene *s, struct agent_place place, const char *question)
{
	int64_t id;

	assert_ok(agent_turn_start_at(&s->ctx, &s->project, s->conversation_id, place, str_of(question), &id));
	pg_exec(arena_printf(s->ctx.a,
	                     "UPDATE turns SET status = 'done', finished_at = now(), answer = 'to ' || question"
	                     " WHERE id = %lld",
	                     (long long)id));
	return id;
}

static int64_t ask(struct scene *s, const char *question)
{
	return ask_at(s, (struct agent_place){0}, question);
}

/* The ids of the path to `end`, as "1 2 3". */
static const char *path(struct scene *s, int64_t end, int64_t limit)
{
	struct buf b = buf_init(s->ctx.a, BUF_LINE);
	struct agent_turn_head *heads;
	size_t n;

	assert_ok(agent_turn_heads(&s->ctx, s->conversation_id, end, limit, &heads, &n));
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%lld", i ? " " : "", (long long)heads[i].id);
	return buf_cstr(&b);
}

static const char *ids(struct scene *s, int64_t a, int64_t b, int64_t c)
{
	return c ? arena_printf(s->ctx.a, "%lld %lld %lld", (long long)a, (long long)b, (long long)c)
	         : arena_printf(s->ctx.a, "%lld %lld", (long long)a, (long long)b);
}

static void test_agent__a_question_asked_again_stands_beside_the_first(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_turn_head *heads;
	int64_t one, two, three, other, below;
	size_t n;

	(void)state;
	one = ask(s, "one");
	two = ask(s, "two");
	three = ask(s, "three");
	assert_string_equal(path(s, 0, 50), ids(s, one, two, three));
	assert_string_equal(path(s, 0, 2), ids(s, two, three, 0));
	assert_string_equal(path(s, two, 50), ids(s, one, two, 0));
	other = ask_at(s, (struct agent_place){.beside = two}, "other two");
	assert_string_equal(path(s, 0, 50), ids(s, one, other, 0));
	below = ask(s, "below");
	assert_string_equal(path(s, 0, 50), ids(s, one, other, below));
	assert_ok(agent_turn_heads(&s->ctx, s->conversation_id, 0, 50, &heads, &n));
	assert_int_equal(heads[0].siblings, 1);
	assert_int_equal(heads[0].parent_id, 0);
	assert_int_equal(heads[1].siblings, 2);
	assert_int_equal(heads[1].place, 2);
	assert_int_equal(heads[1].previous, two);
	assert_int_equal(heads[1].next, 0);
	assert_int_equal(heads[2].place, 1);
	assert_true(heads[2].over);
	/* The first question has siblings, too; a tab that shows another branch goes on with that one. */
	assert_string_equal(path(s, ask_at(s, (struct agent_place){.beside = one}, "other one"), 50),
	                    arena_printf(s->ctx.a, "%lld", (long long)below + 1));
	assert_string_equal(path(s, ask_at(s, (struct agent_place){.after = three}, "four"), 3),
	                    ids(s, two, three, below + 2));
}

static void test_agent__a_place_is_in_the_conversation(void **state)
{
	struct scene *s = scene_make(NULL);
	int64_t one = ask(s, "one"), first = s->conversation_id, id, leaf;

	(void)state;
	assert_ok(agent_conversation_create(&s->ctx, s->project.id, "Second", &s->conversation_id));
	assert_int_equal(agent_turn_start_at(&s->ctx, &s->project, s->conversation_id,
	                                     (struct agent_place){.after = one}, STR("x"), &id)
	                         ->kind,
	                 ERR_NOT_FOUND);
	assert_int_equal(agent_turn_start_at(&s->ctx, &s->project, s->conversation_id,
	                                     (struct agent_place){.beside = one}, STR("x"), &id)
	                         ->kind,
	                 ERR_NOT_FOUND);
	assert_string_equal(path(s, one, 50), "");
	assert_ok(agent_branch_end(&s->ctx, s->conversation_id, 0, &leaf));
	assert_int_equal(leaf, 0);
	assert_int_equal(agent_branch_end(&s->ctx, s->conversation_id, one, &leaf)->kind, ERR_NOT_FOUND);
	assert_int_equal(agent_branch_show(&s->ctx, s->project.id, s->conversation_id, one)->kind,
	                 ERR_NOT_FOUND);
	s->ctx.user_id = 2;
	assert_int_equal(agent_branch_show(&s->ctx, s->project.id, first, one)->kind, ERR_NOT_FOUND);
}

static void test_agent__a_branch_is_chosen_by_one_of_its_turns(void **state)
{
	struct scene *s = scene_make(NULL);
	int64_t one = ask(s, "one"), two = ask(s, "two"), three = ask(s, "three");
	int64_t other = ask_at(s, (struct agent_place){.beside = two}, "other"), leaf;

	(void)state;
	assert_ok(agent_branch_end(&s->ctx, s->conversation_id, one, &leaf));
	assert_int_equal(leaf, other);
	assert_ok(agent_branch_end(&s->ctx, s->conversation_id, two, &leaf));
	assert_int_equal(leaf, three);
	assert_ok(agent_branch_show(&s->ctx, s->project.id, s->conversation_id, two));
	assert_string_equal(path(s, 0, 50), ids(s, one, two, three));
	assert_int_equal(ask(s, "four"), other + 1);
	assert_string_equal(path(s, 0, 3), ids(s, two, three, other + 1));
	/* Choosing what both branches have leads to what was asked last. */
	assert_ok(agent_branch_show(&s->ctx, s->project.id, s->conversation_id, one));
	assert_string_equal(path(s, 0, 3), ids(s, two, three, other + 1));
}

static void test_agent__any_turn_of_a_long_branch_is_found(void **state)
{
	struct scene *s = scene_make(NULL);
	int64_t end, leaf;

	(void)state;
	pg_exec("INSERT INTO turns (conversation_id, question, status, answer)"
	        " SELECT 1, 'q ' || n, 'done', 'a ' || n FROM generate_series(1, 3000) n;"
	        "UPDATE turns SET parent_id = id - 1 WHERE id > 1;"
	        "UPDATE conversations SET leaf_id = 3000 WHERE id = 1");
	assert_string_equal(path(s, 0, 3), "2998 2999 3000");
	assert_ok(agent_branch_end(&s->ctx, 1, 7, &leaf));
	assert_int_equal(leaf, 3000);
	assert_ok(agent_branch_window(&s->ctx, 1, leaf, 7, 25, &end));
	assert_int_equal(end, 32);
	assert_ok(agent_branch_window(&s->ctx, 1, leaf, 2990, 25, &end));
	assert_int_equal(end, 3000);
	pg_exec("UPDATE conversations SET leaf_id = NULL");
	assert_string_equal(path(s, 0, 2), "2999 3000");
}

/* What the model is told went before is what the person sees above the question. */
static void test_agent__the_history_is_that_of_the_branch(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_run r = {.ctx = s->ctx, .project = &s->project, .question = "now"};
	const struct llm_message *m;
	int64_t two;

	(void)state;
	ask(s, "one");
	two = ask(s, "two");
	ask(s, "three");
	r.live.turn_id = ask_at(s, (struct agent_place){.beside = two}, "other");
	r.conversation_id = s->conversation_id;
	assert_ok(agent_history(&r));
	m = r.messages.p;
	assert_int_equal(r.messages.n, 3);
	assert_string_equal(str_dup(s->ctx.a, m[0].blocks[0].text), "one");
	assert_string_equal(str_dup(s->ctx.a, m[1].blocks[0].text), "to one");
	assert_string_equal(str_dup(s->ctx.a, m[2].blocks[0].text), "now");
}

static const struct CMUnitTest agent_branch_tests[] = {
        cmocka_unit_test(test_agent__a_question_asked_again_stands_beside_the_first),
        cmocka_unit_test(test_agent__a_place_is_in_the_conversation),
        cmocka_unit_test(test_agent__a_branch_is_chosen_by_one_of_its_turns),
        cmocka_unit_test(test_agent__any_turn_of_a_long_branch_is_found),
        cmocka_unit_test(test_agent__the_history_is_that_of_the_branch),
};
UNIT_SUITE(agent_branch_tests);
