/* What the record of a turn says of the numbers in its answer, from the rows of its queries and of those before. */
#include <string.h>

#include "agent/scene.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "support/pg.h"
#include "support/provider.h"
#include "unit.h"

static struct scene *with_model(void)
{
	if (!provider_exists())
		unit_skip("no scripted-provider beside the test program");
	return scene_make(provider_start("tests/unit/agent/prove.json"));
}

static int stop_provider(void **state)
{
	(void)state;
	provider_stop();
	return 0;
}

/* "220.00 euros: Query 1, row 1, column revenue: 220.00", one line each. */
static const char *told(struct scene *s, const struct agent_turn *t)
{
	struct buf b = buf_init(s->ctx.a, BUF_LINE);

	for (size_t i = 0; i < t->numbers.n; i++) {
		const struct agent_number *n = &t->numbers.p[i];

		buf_printf(&b, "%.*s: %s\n", (int)n->n, t->answer + n->at, n->says);
	}
	return b.n ? buf_cstr(&b) : "";
}

static void test_agent__numbers_of_an_answer_are_proven_from_its_rows(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "Revenue by customer?", NULL);

	(void)state;
	if (t.error)
		fail_msg("%s", t.error);
	assert_string_equal(t.status, "done");
	assert_string_equal(
	        told(s, &t),
	        "220.00 euros: Query 1, row 1, column revenue: 220.00\n"
	        "40%: Computed. The share of 220.00 (query 1, row 1, column revenue) in all of column"
	        " revenue of query 1\n"
	        "550: Computed. The sum of all of column revenue of query 1\n"
	        "180: Query 1, row 2, column revenue: 180.00\n"
	        "18.2%: Computed. The change from 220.00 (query 1, row 1, column revenue) to 180.00"
	        " (query 1, row 2, column revenue)\n"
	        "4,711 euros: Not from a query\n");
	assert_int_equal(t.numbers.unproven, 1);
	assert_int_equal(t.ncolumns, 4);
	assert_string_equal(t.columns[0], "customers.id");
	assert_string_equal(
	        pg_value("SELECT body->'numbers'->>'unproven' FROM turn_events WHERE kind = 'provenance'"),
	        "1");
	assert_string_equal(
	        pg_value("SELECT string_agg(x->>'kind', ' ' ORDER BY (x->>'at')::int) FROM turn_events,"
	                 " jsonb_array_elements(body->'numbers'->'list') x WHERE kind = 'provenance'"),
	        "cell computed computed cell computed none");
	assert_string_equal(pg_value("SELECT record->'columns'->>3 FROM turns"), "orders.total");
}

static void test_agent__numbers_of_earlier_answers_say_so(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t;

	(void)state;
	scene_ask(s, PROJECT_VIEWER, "Revenue by customer?", NULL);
	t = scene_ask(s, PROJECT_VIEWER, "Tell me once more", NULL);
	assert_string_equal(told(s, &t), "220.00 euros: An earlier answer, row 1, column revenue: 220.00\n"
	                                 "180: An earlier answer, row 2, column revenue: 180.00\n"
	                                 "155.00: Not from a query\n");
	assert_int_equal(t.numbers.p[0].of[0].query, 0);
	assert_true(t.numbers.p[0].of[0].run_id > 0);
	/* Another conversation has no part in it. */
	assert_ok(agent_conversation_create(&s->ctx, s->project.id, "Second", &s->conversation_id));
	t = scene_ask(s, PROJECT_VIEWER, "Tell me once more", NULL);
	assert_int_equal(t.numbers.unproven, 3);
}

static void test_agent__answers_without_a_query_prove_nothing(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "Something made up", NULL);

	(void)state;
	assert_string_equal(told(s, &t), "8,512 euros: Not from a query\n12.5%: Not from a query\n");
	t = scene_ask(s, PROJECT_VIEWER, "Something with no numbers", NULL);
	assert_int_equal(t.numbers.n, 0);
	assert_string_equal(pg_value("SELECT record ? 'numbers' FROM turns ORDER BY id DESC LIMIT 1"), "f");
	t = scene_ask(s, PROJECT_VIEWER, "Please add 37.5", NULL);
	assert_string_equal(told(s, &t), "37.5: From the question\n990: Not from a query\n");
	t = scene_ask(s, PROJECT_VIEWER, "What was that threshold?", NULL);
	assert_string_equal(told(s, &t), "37.5: From the question\n");
	/* What the program itself says is from the dictionary. */
	t = scene_ask(s, PROJECT_VIEWER, "Which tables are there?", NULL);
	assert_true(t.from_catalog && t.numbers.unproven == 0);
}

/* A worker that cannot read all the rows accuses nobody. */
static void test_agent__rows_that_are_gone_accuse_nobody(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t;

	(void)state;
	pg_exec("CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.result := NULL; RETURN NEW; END $$;"
	        " CREATE TRIGGER forget BEFORE INSERT OR UPDATE ON query_runs FOR EACH ROW EXECUTE FUNCTION forget()");
	t = scene_ask(s, PROJECT_VIEWER, "Revenue by customer?", NULL);
	assert_string_equal(t.status, "done");
	assert_int_equal(t.numbers.unproven, 0);
	assert_true(t.numbers.cut);
}

static const struct CMUnitTest agent_prove_tests[] = {
        cmocka_unit_test_teardown(test_agent__numbers_of_an_answer_are_proven_from_its_rows, stop_provider),
        cmocka_unit_test_teardown(test_agent__numbers_of_earlier_answers_say_so, stop_provider),
        cmocka_unit_test_teardown(test_agent__answers_without_a_query_prove_nothing, stop_provider),
        cmocka_unit_test_teardown(test_agent__rows_that_are_gone_accuse_nobody, stop_provider),
};
UNIT_SUITE(agent_prove_tests);
