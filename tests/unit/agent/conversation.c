/* Conversations belong to one person; one question at a time is worked on in each. */
#include <string.h>

#include "agent/scene.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "support/pg.h"
#include "unit.h"

static void test_agent__a_conversation_is_its_persons_own(void **state)
{
	struct scene *s = scene_make(NULL);
	struct ctx bob = s->ctx;
	struct agent_conversation c, *list;
	struct err *e;
	int64_t id;
	size_t n;

	(void)state;
	bob.user_id = 2;
	assert_ok(agent_conversation_get(&s->ctx, s->project.id, s->conversation_id, &c));
	assert_string_equal(c.title, "First");
	e = agent_conversation_get(&bob, s->project.id, s->conversation_id, &c);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_NOT_FOUND);
	e = agent_conversation_get(&s->ctx, s->project.id + 1, s->conversation_id, &c);
	assert_int_equal(e->kind, ERR_NOT_FOUND);
	assert_int_equal(agent_conversation_rename(&bob, s->project.id, s->conversation_id, "x")->kind,
	                 ERR_NOT_FOUND);
	assert_int_equal(agent_conversation_delete(&bob, s->project.id, s->conversation_id)->kind,
	                 ERR_NOT_FOUND);
	assert_int_equal(agent_turn_start(&bob, &s->project, s->conversation_id, STR("hi"), &id)->kind,
	                 ERR_NOT_FOUND);
	assert_ok(agent_conversations(&bob, s->project.id, 10, &list, &n));
	assert_int_equal(n, 0);
}

static void test_agent__a_conversation_is_renamed_hidden_and_restored(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_conversation *list;
	int64_t id;
	size_t n;

	(void)state;
	assert_ok(agent_conversation_create(&s->ctx, s->project.id,
	                                    "  A question that is far too long to be a title, so very long"
	                                    " that it is cut\vat a word ",
	                                    &id));
	assert_ok(agent_conversation_rename(&s->ctx, s->project.id, s->conversation_id, " Renamed "));
	assert_int_equal(agent_conversation_rename(&s->ctx, s->project.id, s->conversation_id, " ")->kind,
	                 ERR_INVALID);
	assert_ok(agent_conversations(&s->ctx, s->project.id, 10, &list, &n));
	assert_int_equal(n, 2);
	assert_string_equal(
	        list[0].title,
	        "A question that is far too long to be a title, so very long that it is cut at a…");
	assert_string_equal(list[1].title, "Renamed");
	assert_ok(agent_conversation_delete(&s->ctx, s->project.id, id));
	assert_ok(agent_conversations(&s->ctx, s->project.id, 10, &list, &n));
	assert_int_equal(n, 1);
	assert_ok(agent_conversation_restore(&s->ctx, s->project.id, id));
	assert_ok(agent_conversations(&s->ctx, s->project.id, 1, &list, &n));
	assert_int_equal(n, 1);
}

static void test_agent__a_title_is_the_first_line_without_its_end(void **state)
{
	static const char *const titles[][2] = {
	        {"How did revenue develop in 2025?", "How did revenue develop in 2025"},
	        {"\n\n  top customers:\n- by revenue\n", "top customers"},
	        {"Wie viele Kund\u00f6nnen?!...", "Wie viele Kund\u00f6nnen"},
	        {"a\tb \x01 c -", "a b   c"},
	        {"???", "???"},
	        {"What is \"net\"?", "What is \"net\""},
	        {"Is it (really)?\r\nyes", "Is it (really)"},
	};
	struct scene *s = scene_make(NULL);
	struct agent_conversation c;
	int64_t id;

	(void)state;
	for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++) {
		assert_ok(agent_conversation_create(&s->ctx, s->project.id, titles[i][0], &id));
		assert_ok(agent_conversation_get(&s->ctx, s->project.id, id, &c));
		assert_string_equal(c.title, titles[i][1]);
	}
	char *word = arena_alloc(s->ctx.a, 300);
	memset(word, 'w', 299);
	word[299] = 0;
	assert_ok(agent_conversation_create(&s->ctx, s->project.id, word, &id));
	assert_ok(agent_conversation_get(&s->ctx, s->project.id, id, &c));
	assert_int_equal(strlen(c.title), 80 + strlen("\u2026"));
}

static void test_agent__the_list_tells_what_is_pinned_under_way_and_unread(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_conversation *list;
	int64_t second, turn;
	size_t n;

	(void)state;
	assert_ok(agent_conversation_create(&s->ctx, s->project.id, "Second", &second));
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &turn));
	assert_ok(agent_conversation_pin(&s->ctx, s->project.id, second, true));
	assert_ok(agent_conversations(&s->ctx, s->project.id, 10, &list, &n));
	assert_true(list[0].id == second && list[0].pinned && !list[0].running && !list[0].unread);
	assert_true(list[1].running && !list[1].waiting && !list[1].unread && !list[1].pinned);
	pg_exec("UPDATE turns SET status = 'waiting', waits_for = 'clarification'");
	assert_ok(agent_conversations(&s->ctx, s->project.id, 10, &list, &n));
	assert_true(list[1].waiting && !list[1].running);
	pg_exec("UPDATE turns SET waits_for = 'run'");
	assert_ok(agent_conversations(&s->ctx, s->project.id, 10, &list, &n));
	assert_true(!list[1].waiting && list[1].running);
	pg_exec("UPDATE turns SET status = 'done', waits_for = NULL, finished_at = clock_timestamp()");
	assert_ok(agent_conversation_pin(&s->ctx, s->project.id, second, false));
	assert_ok(agent_conversations(&s->ctx, s->project.id, 10, &list, &n));
	assert_true(list[0].id == s->conversation_id && list[0].unread && !list[0].running);
	assert_true(!list[1].pinned);
	assert_ok(agent_conversation_seen(&s->ctx, s->project.id, s->conversation_id));
	assert_ok(agent_conversations(&s->ctx, s->project.id, 10, &list, &n));
	assert_false(list[0].unread);
	/* An answer that nobody saw stays unread while the next one is under way. */
	pg_exec("UPDATE turns SET finished_at = clock_timestamp()");
	pg_exec("INSERT INTO turns (conversation_id, question) SELECT conversation_id, 'y' FROM turns");
	assert_ok(agent_conversations(&s->ctx, s->project.id, 10, &list, &n));
	assert_true(list[0].unread && list[0].running);
	s->ctx.user_id = 2;
	assert_int_equal(agent_conversation_pin(&s->ctx, s->project.id, second, true)->kind, ERR_NOT_FOUND);
	assert_int_equal(agent_conversation_seen(&s->ctx, s->project.id, second)->kind, ERR_NOT_FOUND);
}

/* Midnight is where the person is. */
static void test_agent__days_are_those_of_the_persons_calendar(void **state)
{
	static const char *const zones[] = {"Pacific/Kiritimati", "America/Los_Angeles", ""};
	struct scene *s = scene_make(NULL);
	struct agent_conversation c;

	(void)state;
	for (size_t i = 0; i < sizeof(zones) / sizeof(*zones); i++)
		for (int minutes = 0; minutes < 2; minutes++) {
			pg_exec(arena_printf(
			        s->ctx.a,
			        "UPDATE users SET time_zone = '%s'; UPDATE conversations SET updated_at ="
			        " date_trunc('day', now(), '%s') - %d * interval '1 minute'",
			        zones[i], *zones[i] ? zones[i] : "UTC", minutes));
			assert_ok(agent_conversation_get(&s->ctx, s->project.id, s->conversation_id, &c));
			assert_int_equal(c.days, minutes);
		}
}

static void test_agent__questions_are_checked(void **state)
{
	struct scene *s = scene_make(NULL);
	char *large = arena_alloc(s->ctx.a, 16002);
	const struct str wrong[] = {STR(""), STR("  \n"), STR("a\0b"), STR("\xff"), {large, 16001}};
	int64_t id;

	(void)state;
	memset(large, 'x', 16001);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct err *e = agent_turn_start(&s->ctx, &s->project, s->conversation_id, wrong[i], &id);

		assert_non_null(e);
		assert_int_equal(e->kind, ERR_INVALID);
	}
	assert_ok(
	        agent_turn_start(&s->ctx, &s->project, s->conversation_id, (struct str){large, 16000}, &id));
}

static void test_agent__one_question_at_a_time(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_conversation c;
	struct err *e;
	int64_t id, other;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("one"), &id));
	e = agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("two"), &other);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_CONFLICT);
	assert_ok(agent_conversation_get(&s->ctx, s->project.id, s->conversation_id, &c));
	assert_true(c.running);
}

static const struct CMUnitTest agent_conversation_tests[] = {
        cmocka_unit_test(test_agent__a_conversation_is_its_persons_own),
        cmocka_unit_test(test_agent__a_conversation_is_renamed_hidden_and_restored),
        cmocka_unit_test(test_agent__a_title_is_the_first_line_without_its_end),
        cmocka_unit_test(test_agent__the_list_tells_what_is_pinned_under_way_and_unread),
        cmocka_unit_test(test_agent__days_are_those_of_the_persons_calendar),
        cmocka_unit_test(test_agent__questions_are_checked),
        cmocka_unit_test(test_agent__one_question_at_a_time),
};
UNIT_SUITE(agent_conversation_tests);
