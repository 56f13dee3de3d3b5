/*
 * run_long_query: a statement that needs longer than an answer may take. The person sees exactly what would run and says
 * yes or no; then it runs in the background and the turn waits as a row, for as long as it takes.
 */
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/settings.h"

/* What stands behind the approval: another statement has another digest. */
static const char *digest(struct arena *a, const struct tool_env *env, const char *sql)
{
	return crypto_sha256_hex(a, str_of(arena_printf(a, "%lld %s %s", (long long)env->turn_id, env->call_id, sql)));
}

static const char *approval_json(struct tool_env *env, const char *sql)
{
	struct arena *a = env->ctx->a;
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "tool", "run_long_query");
	json_put_cstr(&w, "sql", sql);
	json_put_cstr(&w, "summary",
	              arena_printf(a,
	                           "This query takes longer than an answer may. It would run in the background,"
	                           " for up to %lld minutes.",
	                           (long long)(env->ctx->settings->background_seconds + 59) / 60));
	json_put_cstr(&w, "hash", digest(a, env, sql));
	json_object_close(&w);
	return buf_cstr(&b);
}

static void wait_for(struct tool_env *env, struct tool_result *out, const char *kind, const char *json, int64_t run_id)
{
	out->wait = ARENA_NEW(env->ctx->a, struct agent_wait);
	*out->wait = (struct agent_wait){.kind = kind, .json = json, .run_id = run_id};
}

/* What the guard refuses or the database does not understand is not shown to anybody for approval. */
static struct err *ask(struct tool_env *env, const char *sql, struct tool_result *out)
{
	struct agent_scene *scene;
	struct query_scope scope;
	struct query_plan *plan;

	TRY(agent_scene_load(env->ctx, env->project, env->role, &scene));
	scope = scene->scope;
	scope.conversation_id = env->conversation_id;
	scope.turn_id = env->turn_id;
	TRY(query_explain(env->ctx, &scope, sql, &plan));
	wait_for(env, out, "approval", approval_json(env, sql), 0);
	return NULL;
}

static struct err *begin(struct tool_env *env, const char *sql, struct tool_result *out)
{
	int64_t run_id;

	TRY(agent_background(env, sql, &run_id));
	wait_for(env, out, "run", arena_printf(env->ctx->a, "{\"run_id\":%lld}", (long long)run_id), run_id);
	return NULL;
}

/* What was recorded of the run is what came of it. */
static struct err *failure(struct arena *a, const struct query_run_record *run)
{
	struct json_object *o = NULL, *e;
	const char *message;

	if (run->error && json_read(a, str_of(run->error), JSON_DEPTH, &o))
		o = NULL;
	e = json_get(o, "error");
	message = json_get_str(e ? e : o, "message");
	return err_new(a, strcmp(run->outcome, "cancelled") == 0 ? ERR_TIMEOUT : ERR_QUERY, "%s",
	               message ? message : "the query in the background did not finish");
}

static struct err *finish(struct tool_env *env, const char *sql, struct tool_result *out)
{
	struct query_run_record run;
	struct query_result *q;
	struct arena *a = env->ctx->a;

	TRY(query_load(env->ctx, env->answered->run_id, &run, &q));
	if (strcmp(run.outcome, "done") != 0) {
		struct err *e = failure(a, &run);

		agent_asked_failed(env, sql, e);
		return e;
	}
	agent_asked_add(env, sql, q);
	out->text = tool_rows(env, NULL, q, NULL, out);
	out->detail = arena_printf(a, q->nrows == 1 ? "1 row" : "%zu rows", q->nrows);
	return NULL;
}

static struct err *run(struct tool_env *env, struct json_object *args, struct tool_result *out)
{
	const char *sql = json_get_str(args, "sql");

	if (!env->answered)
		return ask(env, sql, out);
	if (strcmp(env->answered->kind, "run") == 0)
		return finish(env, sql, out);
	if (strcmp(env->answered->answer, "yes") == 0)
		return begin(env, sql, out);
	out->text = STR("The person decided not to run this query. Do not ask for it again: answer with what is known, or with"
	                " a query that needs less time.");
	out->detail = "not run: you decided against it";
	return NULL;
}

const struct tool tool_run_long_query = {
        "run_long_query",
        "Running a long query",
        "Runs one SELECT statement that timed out in execute_sql and cannot be made cheaper, in the background. The person"
        " is asked first and the answer waits for it, so use it only when nothing else answers the question.",
        "{\"type\":\"object\",\"properties\":{\"sql\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":32000,"
        "\"description\":\"One SELECT statement, without a semicolon.\"}},\"required\":[\"sql\"],"
        "\"additionalProperties\":false}",
        TOOL_WAITS,
        run,
};
