/* Conversations are found by words of what was said in them, and the words are marked. */
#include <string.h>

#include "agent/scene.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "support/pg.h"
#include "unit.h"

static void say(struct scene *s, const char *title, const char *question, const char *answer)
{
	pg_exec(arena_printf(s->ctx.a,
	                     "WITH c AS (INSERT INTO conversations (project_id, user_id, title) VALUES (1, 1, $q$%s$q$)"
	                     " RETURNING id) INSERT INTO turns (conversation_id, question, answer, status)"
	                     " SELECT id, $q$%s$q$, $q$%s$q$, 'done' FROM c",
	                     title, question, answer));
}

/* What is found, as lines "title | text" with the words in brackets. */
static const char *found(struct scene *s, const char *words)
{
	struct buf b = buf_init(s->ctx.a, BUF_PAGE);
	struct agent_found *list;
	size_t n;

	assert_ok(agent_conversation_search(&s->ctx, s->project.id, str_of(words), 30, &list, &n));
	for (size_t i = 0; i < n; i++) {
		for (size_t p = 0; p < list[i].ntitle; p++)
			buf_printf(&b, list[i].title[p].match ? "[%s]" : "%s", list[i].title[p].text);
		buf_add_cstr(&b, " | ");
		for (size_t p = 0; p < list[i].ntext; p++)
			buf_printf(&b, list[i].text[p].match ? "[%s]" : "%s", list[i].text[p].text);
		buf_add_char(&b, '\n');
	}
	return buf_cstr(&b);
}

static void test_agent__conversations_are_found_by_what_was_said(void **state)
{
	struct scene *s = scene_make(NULL);

	(void)state;
	say(s, "Revenue 2025", "How did revenue develop?", "| month | revenue |\n|---|--:|\n| 2025-01-01 | 3,912.50 |");
	say(s, "Übersicht der Kunden", "Größte Kunden?", "Die **größten** Kunden stehen in `order_items`.");
	say(s, "Other", "Where is it?", "Nowhere.");
	assert_string_equal(found(s, "revenue"), "[Revenue] 2025 | month [revenue] 2025-01-01 3,912.50\n");
	assert_string_equal(found(s, "REVEN"), "[Reven]ue 2025 | month [reven]ue 2025-01-01 3,912.50\n");
	/* The last word may still be under way, the others are whole. */
	assert_string_equal(found(s, "reven month"), "");
	assert_string_equal(found(s, "3,912.50"), "Revenue 2025 | month revenue 2025-01-01 [3],[912].[50]\n");
	assert_string_equal(found(s, "2025-01"), "Revenue [2025] | month revenue [2025]-[01]-[01] 3,912.50\n");
	assert_string_equal(found(s, "GRÖßTE"), "Übersicht der Kunden | Die [größte]n Kunden stehen in order_items.\n");
	assert_string_equal(found(s, "items"), "Übersicht der Kunden | Die größten Kunden stehen in order_[items].\n");
	assert_string_equal(found(s, "übersicht"), "[Übersicht] der Kunden | \n");
	assert_string_equal(found(s, "where is it"), "Other | [Where] [is] [it]?\n");
	assert_string_equal(found(s, "absent"), "");
	assert_string_equal(found(s, " ,;! "), "");
	/* Nobody finds what others said. */
	s->ctx.user_id = 2;
	assert_string_equal(found(s, "revenue"), "");
}

static void test_agent__deleted_conversations_are_not_found(void **state)
{
	struct scene *s = scene_make(NULL);

	(void)state;
	say(s, "Gone", "gone?", "gone");
	pg_exec("UPDATE conversations SET deleted_at = now()");
	assert_string_equal(found(s, "gone"), "");
}

static void test_agent__a_search_takes_any_text(void **state)
{
	static const char *const odd[] = {"'", "a' | 'b", "!(x)", "a & b", "x:*", "\\", "\"", "a\tb\nc", "%_", "--",
	                                  "\u00a0", "a\u00a0b", "\u201cquoted\u201d", "<->", "\U0001f600", "a\x01"};
	struct scene *s = scene_make(NULL);
	char *large = arena_alloc(s->ctx.a, 5001);

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		assert_string_equal(found(s, odd[i]), "");
	memset(large, 'a', 5000);
	large[5000] = 0;
	assert_string_equal(found(s, large), "");
}

/* The index takes the largest answers, of the worst kind, too. */
static void test_agent__answers_of_any_size_can_be_stored(void **state)
{
	struct scene *s = scene_make(NULL);

	(void)state;
	pg_exec("INSERT INTO turns (conversation_id, question, answer, status) SELECT 1, 'q ' || k, a, 'done' FROM (VALUES"
	        " (1, (SELECT string_agg(chr(20000 + i / 100) || chr(20000 + i % 20000), ' ') FROM generate_series(1, 500000) i)),"
	        " (2, (SELECT string_agg(md5(i::text), ',') FROM generate_series(1, 30000) i)),"
	        " (3, repeat('x', 1000000))) v(k, a)");
	assert_string_equal(found(s, "c4ca4238a0b923820dcc509a6f75849b"),
	                    "First | [c4ca4238a0b923820dcc509a6f75849b],c81e728d9d4c2f636f067f89cc14862c,"
	                    "eccbc87e4b5ce2fe28308fd9f2a7baf3,a87ff679a2f3e71d9181a67b7542122c,"
	                    "e4da3b7fbbce2345d7772b0674a318d5,1679091c5a880fa…\n");
}

static void test_agent__the_text_around_a_word_is_cut_between_words(void **state)
{
	struct scene *s = scene_make(NULL);

	(void)state;
	say(s, "T", "q",
	    "one two three four five six seven eight nine ten eleven twelve needle thirteen fourteen <b>bold</b>");
	assert_string_equal(found(s, "needle"),
	                    "T | …six seven eight nine ten eleven twelve [needle] thirteen fourteen <b>bold</b>\n");
}

static const struct CMUnitTest agent_search_tests[] = {
        cmocka_unit_test(test_agent__conversations_are_found_by_what_was_said),
        cmocka_unit_test(test_agent__deleted_conversations_are_not_found),
        cmocka_unit_test(test_agent__a_search_takes_any_text),
        cmocka_unit_test(test_agent__answers_of_any_size_can_be_stored),
        cmocka_unit_test(test_agent__the_text_around_a_word_is_cut_between_words),
};
UNIT_SUITE(agent_search_tests);
