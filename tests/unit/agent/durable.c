/* Turns that change hands: the race for one, the fence, going on behind what was done, waiting, effects. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/agent_priv.h"
#include "agent/scene.h"
#include "lib/arena.h"
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

/* Takes what nobody holds; fails unless it is exactly that turn. */
static struct agent_claim take(struct scene *s, int64_t turn_id)
{
	struct agent_claim *claims;
	size_t n;

	assert_ok(agent_lease_take(&s->ctx, 0, 10, false, &claims, &n));
	assert_int_equal(n, 1);
	assert_int_equal(claims[0].turn_id, turn_id);
	return claims[0];
}

static void go_on(struct scene *s, int64_t turn_id)
{
	struct ctx ctx = s->ctx;
	struct agent_claim claim = take(s, turn_id);

	ctx.user_id = 0;
	assert_ok(agent_turn_resume(&ctx, claim, NULL));
}

/* The race ------------------------------------------------------------------------------------------------ */

enum { RACERS = 4 };

struct racer {
	struct scene *s;
	int64_t taken, last_fence;
	bool fair; /* each fence it got was higher than the one before */
	const atomic_bool *over;
	pthread_t thread;
};

static void *race(void *arg)
{
	struct racer *r = arg;

	r->fair = true;
	while (!atomic_load(r->over)) {
		struct ctx ctx = r->s->ctx;
		struct agent_claim *claims;
		size_t n;

		ctx.a = arena_create();
		assert_null(agent_lease_take(&ctx, 7, 1, true, &claims, &n));
		if (n) {
			r->fair = r->fair && claims[0].fence > r->last_fence;
			r->last_fence = claims[0].fence;
			r->taken++;
		}
		arena_free(ctx.a);
	}
	return NULL;
}

/* Worker 7 is nobody: each who takes the turn leaves it an orphan, and the next takes it again. Whatever order the
 * racers come in, each fence is given once. QUERN_ROUNDS times, 3,000 if it is not set. */
static void test_agent__a_fence_is_given_once(void **state)
{
	struct scene *s = scene_make(NULL);
	struct racer racers[RACERS];
	const char *given = getenv("QUERN_ROUNDS");
	int64_t id, taken = 0, fence, rounds = given ? strtoll(given, NULL, 10) : 3000;
	atomic_bool over = false;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &id));
	pg_exec("UPDATE turns SET tries = 3");
	for (int i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){.s = s, .over = &over};
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	}
	do
		fence = strtoll(pg_value("SELECT fence FROM turns"), NULL, 10);
	while (fence < rounds);
	atomic_store(&over, true);
	for (int i = 0; i < RACERS; i++) {
		pthread_join(racers[i].thread, NULL);
		assert_true(racers[i].fair);
		taken += racers[i].taken;
	}
	assert_int_equal(strtoll(pg_value("SELECT fence FROM turns"), NULL, 10), taken + 1);
}

static void test_agent__a_living_workers_turn_is_not_taken(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_claim *claims;
	int64_t id;
	size_t n;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &id));
	pg_exec("INSERT INTO workers (place, pid, alive_until) VALUES ('here', 1, now() + interval '8 seconds');"
	        " UPDATE turns SET worker_id = (SELECT max(id) FROM workers)");
	assert_ok(agent_lease_take(&s->ctx, 0, 10, false, &claims, &n));
	assert_int_equal(n, 0);
	/* A lease that is over while nobody can be sure of it, and then; and one from before the clock was set back. */
	pg_exec("UPDATE workers SET alive_until = now() - interval '1 second'");
	assert_ok(agent_lease_bury_dead(&s->ctx, false));
	assert_ok(agent_lease_take(&s->ctx, 0, 10, false, &claims, &n));
	assert_int_equal(n, 0);
	assert_ok(agent_lease_bury_dead(&s->ctx, true));
	take(s, id);
	pg_exec("INSERT INTO workers (place, pid, alive_until) VALUES ('here', 1, now() + interval '1 day');"
	        " UPDATE turns SET worker_id = (SELECT max(id) FROM workers)");
	assert_ok(agent_lease_bury_dead(&s->ctx, true));
	take(s, id);
}

/* A turn that was taken up often is taken alone; a step forward makes it one of the others again. */
static void test_agent__a_doubtful_turn_is_taken_alone(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_claim *claims;
	int64_t ids[3];
	size_t n;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_ok(agent_conversation_create(&s->ctx, s->project.id, "x", &s->conversation_id));
		assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &ids[i]));
	}
	for (int i = 1; i <= 3; i++) {
		assert_ok(agent_lease_take(&s->ctx, 0, 10, false, &claims, &n));
		assert_int_equal(n, 3);
		assert_int_equal(claims[0].tries, i);
	}
	assert_ok(agent_lease_take(&s->ctx, 0, 10, false, &claims, &n));
	assert_int_equal(n, 0);
	pg_exec(arena_printf(s->ctx.a, "INSERT INTO turn_steps (turn_id, n, kind, body) VALUES (%lld, 1, 'reply', '{}')",
	                     (long long)ids[0]));
	assert_ok(agent_lease_take(&s->ctx, 0, 1, true, &claims, &n));
	assert_int_equal(n, 1);
	assert_int_equal(claims[0].turn_id, ids[0]);
	assert_int_equal(claims[0].tries, 1);
}

static void test_agent__a_hopeless_turn_ends(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_claim *claims;
	struct agent_turn t;
	int64_t id;
	size_t n;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &id));
	pg_exec("UPDATE turns SET tries = 10");
	assert_ok(agent_lease_take(&s->ctx, 0, 1, true, &claims, &n));
	assert_ok(agent_turn_resume(&s->ctx, claims[0], NULL));
	assert_ok(agent_turn_get(&s->ctx, id, &t));
	assert_string_equal(t.status, "failed");
	assert_string_equal(t.error, "the work on this answer broke off 10 times at the same point");
}

/* Not for ever, and not without a word. */
static void test_agent__an_answer_that_cannot_be_stored_ends(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t;

	(void)state;
	pg_exec("ALTER TABLE turn_events ADD CONSTRAINT no_messages CHECK (kind <> 'message') NOT VALID");
	t = scene_ask(s, PROJECT_VIEWER, "How much was sold?", NULL);
	pg_exec("ALTER TABLE turn_events DROP CONSTRAINT no_messages");
	assert_string_equal(t.status, "failed");
	assert_string_equal(t.error, "the answer could not be recorded");
	assert_string_equal(pg_value("SELECT max(kind) FILTER (WHERE kind = 'done') FROM turn_events"), "done");
}

/* The fence ----------------------------------------------------------------------------------------------- */

struct thief {
	struct scene_heard heard;
	bool done;
};

static void steal(void *arg, int64_t id, const char *kind, struct str json)
{
	struct thief *t = arg;

	(void)json;
	if (id == 1)
		pg_exec("UPDATE turns SET fence = fence + 1");
	t->heard.last = id;
	t->done |= strcmp(kind, "done") == 0;
}

static void test_agent__who_lost_a_turn_writes_nothing_more(void **state)
{
	struct scene *s = with_model();
	struct thief thief = {0};
	const struct agent_sink sink = {.event = steal, .arg = &thief};
	int64_t id;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("How much was sold?"), &id));
	assert_ok(agent_turn_run(&s->ctx, &s->project, PROJECT_VIEWER, "", id, &sink));
	assert_false(thief.done);
	assert_string_equal(pg_value("SELECT status || ' ' || answer FROM turns"), "running ");
	assert_string_equal(pg_value("SELECT count(*) FROM turn_steps"), "0");
	assert_int_equal(strtoll(pg_value("SELECT max(seq) FROM turn_events"), NULL, 10), thief.heard.last);
	go_on(s, id);
	assert_string_equal(pg_value("SELECT status || ' ' || answer FROM turns"), "done It is 550.00 euros.");
}

/* Going on ------------------------------------------------------------------------------------------------ */

#define COPY(table, columns) \
	"INSERT INTO " table " (turn_id, " columns ") SELECT %lld, " columns " FROM " table " WHERE turn_id = %lld"

/* A turn like another one, as it was when a worker died behind its first `steps` steps; `more` events further, which
 * told of what was begun. False when there is nothing so far on. */
static bool cut_copy(struct scene *s, int64_t from, int steps, int more, int64_t *id)
{
	struct arena *a = s->ctx.a;
	int64_t last;

	pg_exec("UPDATE turns SET status = 'failed' WHERE status = 'running'");
	*id = strtoll(pg_value(arena_printf(a,
	                                    "INSERT INTO turns (conversation_id, question, parent_id, fence)"
	                                    " SELECT conversation_id, question, parent_id, 1 FROM turns WHERE id = %lld RETURNING id",
	                                    (long long)from)),
	              NULL, 10);
	pg_exec(arena_printf(a, COPY("turn_events", "seq, kind, body") ";" COPY("turn_steps", "n, kind, call_id, body"),
	                     (long long)*id, (long long)from, (long long)*id, (long long)from));
	last = more + strtoll(pg_value(arena_printf(
	                              a,
	                              "SELECT coalesce((SELECT seq FROM turn_events WHERE turn_id = %lld AND kind = 'step'"
	                              " AND body->>'state' <> 'running' AND body->>'name' <> 'check'"
	                              " ORDER BY seq OFFSET %d - 1 LIMIT 1), 0)",
	                              (long long)*id, steps > 0 ? steps : 9999)),
	                      NULL, 10);
	pg_exec(arena_printf(a,
	                     "DELETE FROM turn_steps WHERE turn_id = %lld AND n > %d;"
	                     " DELETE FROM turn_events WHERE turn_id = %lld AND seq > %lld",
	                     (long long)*id, steps, (long long)*id, (long long)last));
	return strcmp(pg_value(arena_printf(a,
	                                    "SELECT count(*) FROM turn_events WHERE turn_id = %lld AND seq > %lld AND"
	                                    " kind <> 'tool_call' AND coalesce(body->>'state', '') <> 'running'",
	                                    (long long)*id, (long long)last - more)),
	              "0") == 0;
}

static void check_whole(struct scene *s, int64_t id, const struct agent_turn *like)
{
	struct agent_turn t;

	assert_ok(agent_turn_get(&s->ctx, id, &t));
	assert_string_equal(t.status, like->status);
	assert_string_equal(t.answer, like->answer);
	assert_int_equal(t.nqueries, like->nqueries);
	assert_int_equal(t.nsteps, like->nsteps);
	/* The numbers of runs, which are told, grow by a digit now and then. */
	assert_in_range(t.input_tokens, like->input_tokens, like->input_tokens + 20);
	for (size_t i = 0; i < t.nsteps; i++) {
		assert_string_equal(t.steps[i].label, like->steps[i].label);
		assert_string_equal(t.steps[i].state, like->steps[i].state);
	}
	assert_string_equal(pg_value(arena_printf(s->ctx.a,
	                                          "SELECT bool_and(seq = n) AND sum((kind = 'done')::int) = 1"
	                                          " AND count(*) FILTER (WHERE kind = 'tool_result') ="
	                                          " count(DISTINCT body->>'id') FILTER (WHERE kind = 'tool_result')"
	                                          " FROM (SELECT *, row_number() OVER (ORDER BY seq) AS n FROM turn_events"
	                                          " WHERE turn_id = %lld) x",
	                                          (long long)id)),
	                    "t");
}

/* Whatever a turn had done when its worker died, the next one comes to the same end. */
static void test_agent__a_turn_goes_on_behind_its_last_step(void **state)
{
	static const char *const questions[] = {"How much was sold?", "two at once", "what is counted twice"};
	struct scene *s = with_model();

	(void)state;
	for (size_t q = 0; q < sizeof(questions) / sizeof(*questions); q++) {
		struct agent_turn like = scene_ask(s, PROJECT_VIEWER, questions[q], NULL);
		int steps = (int)strtoll(pg_value(arena_printf(s->ctx.a, "SELECT count(*) FROM turn_steps WHERE turn_id = %lld",
		                                               (long long)like.id)),
		                         NULL, 10);
		int64_t id;

		assert_string_equal(like.status, "done");
		for (int k = 0; k <= steps; k++)
			for (int more = 0; more <= 2; more++) {
				if (!cut_copy(s, like.id, k, more, &id))
					continue;
				go_on(s, id);
				check_whole(s, id, &like);
			}
		pg_exec("UPDATE turns SET status = 'failed' WHERE status = 'running'");
	}
}

static void test_agent__a_turn_of_somebody_who_left_ends(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_turn t;
	int64_t id;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &id));
	pg_exec("UPDATE users SET is_admin = false; DELETE FROM members");
	go_on(s, id);
	pg_exec("UPDATE users SET is_admin = true");
	assert_ok(agent_turn_get(&s->ctx, id, &t));
	assert_string_equal(t.status, "failed");
	assert_string_equal(t.error, "you may no longer see this project");
}

/* Waiting ------------------------------------------------------------------------------------------------- */

static void test_agent__an_answer_is_taken_once(void **state)
{
	struct scene *s = scene_make(NULL);
	struct ctx bob = s->ctx;
	struct agent_claim *claims;
	struct agent_turn t;
	int64_t id;
	size_t n;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &id));
	pg_exec("UPDATE turns SET status = 'waiting', waits_for = 'approval', worker_id = NULL,"
	        " wait = '{\"id\": \"toolu_1\", \"n\": 2, \"hash\": \"abc\"}'");
	assert_ok(agent_lease_take(&s->ctx, 0, 10, false, &claims, &n));
	assert_int_equal(n, 0);
	bob.user_id = 2;
	assert_int_equal(agent_turn_answer(&bob, id, "toolu_1", STR("yes"), "abc")->kind, ERR_CONFLICT);
	assert_int_equal(agent_turn_answer(&s->ctx, id, "toolu_2", STR("yes"), "abc")->kind, ERR_CONFLICT);
	assert_int_equal(agent_turn_answer(&s->ctx, id, "toolu_1", STR("yes"), "other")->kind, ERR_CONFLICT);
	assert_int_equal(agent_turn_answer(&s->ctx, id, "toolu_1", STR(" "), "abc")->kind, ERR_INVALID);
	assert_ok(agent_turn_get(&s->ctx, id, &t));
	assert_string_equal(t.waits_for, "approval");
	assert_ok(agent_turn_answer(&s->ctx, id, "toolu_1", STR("yes"), "abc"));
	assert_int_equal(agent_turn_answer(&s->ctx, id, "toolu_1", STR("no"), "abc")->kind, ERR_CONFLICT);
	assert_string_equal(pg_value("SELECT status || ' ' || (wait->>'answer') FROM turns"), "running yes");
	take(s, id);
}

static void await(const char *sql, const char *value)
{
	for (int i = 0; i < 600; i++) {
		if (strcmp(pg_value(sql), value) == 0)
			return;
		nanosleep(&(struct timespec){0, 50 * 1000 * 1000}, NULL);
	}
	fail_msg("%s is not %s", sql, value);
}

static const char *hash_asked(void)
{
	return pg_value("SELECT wait->>'hash' FROM turns WHERE status = 'waiting'");
}

/* Asked for, approved, run without the turn, and taken up with its rows. */
static void test_agent__a_long_query_runs_once_it_is_approved(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "the long way", NULL);

	(void)state;
	assert_string_equal(t.status, "waiting");
	assert_string_equal(t.waits_for, "approval");
	assert_non_null(strstr(t.wait, "SELECT count(*) AS n FROM orders"));
	assert_string_equal(pg_value("SELECT count(*) FROM query_runs WHERE outcome = 'done' AND background"), "0");
	assert_ok(agent_turn_answer(&s->ctx, t.id, "", STR("yes"), hash_asked()));
	go_on(s, t.id);
	await("SELECT coalesce(waits_for, status) FROM turns", "running");
	go_on(s, t.id);
	assert_ok(agent_turn_get(&s->ctx, t.id, &t));
	assert_string_equal(t.status, "done");
	assert_string_equal(t.answer, "It is 10.");
	assert_int_equal(t.nqueries, 1);
	assert_string_equal(pg_value("SELECT count(*) FROM query_runs WHERE outcome = 'done' AND background"), "1");
	assert_string_equal(pg_value("SELECT string_agg(kind, ' ' ORDER BY seq) FROM turn_events WHERE kind <> 'step'"),
	                    "tool_call approval run tool_result message provenance usage done");
}

static void test_agent__a_long_query_may_be_declined(void **state)
{
	struct scene *s = with_model();
	struct agent_turn t = scene_ask(s, PROJECT_VIEWER, "not the long one", NULL);

	(void)state;
	assert_ok(agent_turn_answer(&s->ctx, t.id, "", STR("no"), hash_asked()));
	go_on(s, t.id);
	assert_ok(agent_turn_get(&s->ctx, t.id, &t));
	assert_non_null(strstr(t.answer, "decided not to run this query"));
	assert_int_equal(t.nqueries, 0);
}

/* Somebody who does not want to answer may stop the turn. */
static void test_agent__a_waiting_turn_can_be_stopped(void **state)
{
	struct scene *s = scene_make(NULL);
	struct agent_turn t;
	int64_t id;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &id));
	pg_exec("UPDATE turns SET status = 'waiting', waits_for = 'clarification', wait = '{\"id\": \"a\"}'");
	assert_ok(agent_turn_stop(&s->ctx, id));
	go_on(s, id);
	assert_ok(agent_turn_get(&s->ctx, id, &t));
	assert_string_equal(t.status, "stopped");
}

/* Effects ------------------------------------------------------------------------------------------------- */

static struct err *count_up(struct ctx *ctx, void *arg, const char **result)
{
	int *n = arg;

	*result = arena_printf(ctx->a, "{\"n\": %d}", ++*n);
	return NULL;
}

static void test_agent__an_effect_happens_once(void **state)
{
	struct scene *s = scene_make(NULL);
	struct tool_env env = {.ctx = &s->ctx, .fence = 1, .call_id = "toolu_1"};
	const char *result;
	int n = 0;

	(void)state;
	assert_ok(agent_turn_start(&s->ctx, &s->project, s->conversation_id, STR("x"), &env.turn_id));
	for (int i = 0; i < 2; i++) {
		assert_ok(agent_effect(&env, count_up, &n, &result));
		assert_string_equal(result, "{\"n\": 1}");
	}
	env.call_id = "toolu_2";
	env.fence = 0;
	assert_int_equal(agent_effect(&env, count_up, &n, &result)->kind, ERR_CONFLICT);
	assert_int_equal(n, 1);
	env.fence = 1;
	assert_ok(agent_effect(&env, count_up, &n, &result));
	assert_string_equal(pg_value("SELECT count(*) FROM turn_effects"), "2");
}

static const struct CMUnitTest agent_durable_tests[] = {
        cmocka_unit_test(test_agent__a_fence_is_given_once),
        cmocka_unit_test(test_agent__a_living_workers_turn_is_not_taken),
        cmocka_unit_test(test_agent__a_doubtful_turn_is_taken_alone),
        cmocka_unit_test(test_agent__a_hopeless_turn_ends),
        cmocka_unit_test_teardown(test_agent__an_answer_that_cannot_be_stored_ends, stop_provider),
        cmocka_unit_test_teardown(test_agent__who_lost_a_turn_writes_nothing_more, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_turn_goes_on_behind_its_last_step, stop_provider),
        cmocka_unit_test(test_agent__a_turn_of_somebody_who_left_ends),
        cmocka_unit_test(test_agent__an_answer_is_taken_once),
        cmocka_unit_test_teardown(test_agent__a_long_query_runs_once_it_is_approved, stop_provider),
        cmocka_unit_test_teardown(test_agent__a_long_query_may_be_declined, stop_provider),
        cmocka_unit_test(test_agent__a_waiting_turn_can_be_stopped),
        cmocka_unit_test(test_agent__an_effect_happens_once),
};
UNIT_SUITE(agent_durable_tests);
