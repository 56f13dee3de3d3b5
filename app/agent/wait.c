/*
 * Turns that wait, for a person's word or a query in the background, are rows and nothing else: no thread, no
 * connection, no worker. With the answer they are running turns that nobody holds, and the next worker goes on with them.
 * Also here: what tools change, once for each call.
 */
#include <inttypes.h>

#include "agent/agent_priv.h"
#include "audit/audit.h"
#include "lib/arena.h"

enum { ANSWER_BYTES = 4000 };

#define GO_ON " SET status = 'running', waits_for = NULL, waits_run_id = NULL, stop_requested = false,"

DB_STMT(agent_wait_answer,
        "WITH t AS (UPDATE turns" GO_ON
        " wait = wait || jsonb_build_object('kind', waits_for, 'answer', $4::text)"
        " WHERE id = $1 AND status = 'waiting' AND waits_for <> 'run' AND $3 IN ('', wait->>'id')"
        " AND coalesce(wait->>'hash', '') = $5"
        " AND EXISTS (SELECT FROM conversations c WHERE c.id = conversation_id AND c.user_id = $2) RETURNING id)"
        " SELECT pg_notify('turn_due', id::text), pg_notify('turn', id::text) FROM t",
        DB_I64, DB_I64, DB_TEXT, DB_TEXT, DB_TEXT);
DB_STMT(agent_wait_over,
        "WITH t AS (UPDATE turns" GO_ON
        " wait = wait || jsonb_build_object('kind', waits_for, 'answer', '', 'run_id', waits_run_id)"
        " WHERE status = 'waiting' AND waits_for = 'run' AND NOT EXISTS (SELECT FROM query_runs q"
        " WHERE q.id = waits_run_id AND q.outcome = 'running' AND q.heartbeat_at > now() - interval '30 seconds')"
        " RETURNING id) SELECT pg_notify('turn_due', id::text) FROM t");

struct answer {
	int64_t turn_id;
	const char *call_id;
	const char *text;
	const char *hash;
};

static struct err *record_answer(struct ctx *ctx, void *arg)
{
	const struct answer *a = arg;
	int64_t rows = 0;

	TRY(db_run(ctx, &agent_wait_answer,
	           DB_ARGS(db_i64(a->turn_id), db_i64(ctx->user_id), db_text(a->call_id), db_text(a->text),
	                   db_text(a->hash)),
	           &rows));
	if (rows == 0)
		return err_hint(err_new(ctx->a, ERR_CONFLICT, "nothing waits for this answer any more"),
		                "It was answered or stopped meanwhile. Reload the page to see how it went on.");
	return audit_log(ctx, "turn.answer", arena_printf(ctx->a, "turn:%" PRId64, a->turn_id), NULL);
}

struct err *agent_turn_answer(struct ctx *ctx, int64_t turn_id, const char *call_id, struct str answer,
                              const char *hash)
{
	struct str text = str_trim(answer);
	struct answer a = {turn_id, call_id, str_dup(ctx->a, text), hash};

	if (text.n == 0)
		return err_new(ctx->a, ERR_INVALID, "the answer is empty");
	if (text.n > ANSWER_BYTES || !str_utf8_valid(text) || str_has_nul(text))
		return err_new(ctx->a, ERR_INVALID, "the answer is longer than %d bytes or no valid text",
		               ANSWER_BYTES);
	return db_transact(ctx, record_answer, &a);
}

struct err *agent_wait_look(struct ctx *ctx)
{
	return db_run(ctx, &agent_wait_over, DB_NO_ARGS, NULL);
}

/* Effects of tools --------------------------------------------------------------------------------------- */

DB_STMT(agent_effect_fence, "SELECT id FROM turns WHERE id = $1 AND fence = $2 AND status = 'running' FOR NO KEY UPDATE",
        DB_I64, DB_I64);
DB_STMT(agent_effect_find, "SELECT result FROM turn_effects WHERE turn_id = $1 AND call_id = $2", DB_I64, DB_TEXT);
DB_STMT(agent_effect_insert, "INSERT INTO turn_effects (turn_id, call_id, result) VALUES ($1, $2, $3)", DB_I64, DB_TEXT,
        DB_JSON);

static const struct db_row json_row = DB_ROW(const char *, {DB_JSON, 0});

struct effect {
	struct tool_env *env;
	struct err *(*fn)(struct ctx *ctx, void *arg, const char **result);
	void *arg;
	const char *result;
};

/* The turn's row is locked first: it orders two workers that think that they hold it. */
static struct err *take_effect(struct ctx *ctx, void *arg)
{
	struct effect *f = arg;
	const struct tool_env *env = f->env;
	bool found;
	int64_t id;

	TRY(db_find(ctx, &agent_effect_fence, DB_ARGS(db_i64(env->turn_id), db_i64(env->fence)), &db_id_row, &id,
	            &found));
	if (!found)
		return err_new(ctx->a, ERR_CONFLICT, "the turn is worked on elsewhere");
	TRY(db_find(ctx, &agent_effect_find, DB_ARGS(db_i64(env->turn_id), db_text(env->call_id)), &json_row,
	            &f->result, &found));
	if (found)
		return NULL;
	TRY(f->fn(ctx, f->arg, &f->result));
	return db_run(ctx, &agent_effect_insert,
	              DB_ARGS(db_i64(env->turn_id), db_text(env->call_id), db_json(f->result)), NULL);
}

struct err *agent_effect(struct tool_env *env, struct err *(*fn)(struct ctx *ctx, void *arg, const char **result),
                         void *arg, const char **result)
{
	struct effect f = {.env = env, .fn = fn, .arg = arg};

	TRY(db_transact(env->ctx, take_effect, &f));
	*result = f.result;
	return NULL;
}
