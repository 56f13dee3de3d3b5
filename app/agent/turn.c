/* Turns as rows: begun, read back for a page, asked to stop; and the run of one from its row to its
 * outcome. */
#include <inttypes.h>
#include <string.h>

#include "agent/agent_priv.h"
#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/settings.h"

enum { TRIES_MOST = 10 }; /* of taking a turn up without a step forward */

/* Behind turn $3, beside turn $4, or at the end of what the conversation shows. This worker's from the start, so that
 * nobody else takes it up before the first step. */
DB_STMT(agent_turn_insert,
        "INSERT INTO turns (conversation_id, question, parent_id, worker_id, fence)"
        " SELECT c.id, $2, p.id, nullif($5, 0), 1 FROM conversations c,"
        " LATERAL (SELECT t.id FROM turns t WHERE t.id = $3 AND t.conversation_id = c.id"
        " UNION ALL SELECT t.parent_id FROM turns t WHERE t.id = $4 AND t.conversation_id = c.id"
        " UNION ALL SELECT coalesce(c.leaf_id, (SELECT max(id) FROM turns WHERE conversation_id = c.id))"
        " WHERE $3 = 0 AND $4 = 0) p WHERE c.id = $1 RETURNING id",
        DB_I64, DB_TEXT, DB_I64, DB_I64, DB_I64);
DB_STMT(agent_turn_touch,
        "UPDATE conversations SET updated_at = now(), seen_at = now(), leaf_id = $2 WHERE id = $1", DB_I64,
        DB_I64);
DB_STMT(agent_turn_open,
        "SELECT conversation_id, question, stop_requested, fence, wait,"
        " (SELECT coalesce(max(seq), 0) FROM turn_events e WHERE e.turn_id = t.id)"
        " FROM turns t WHERE id = $1 AND status = 'running' AND worker_id IS NOT DISTINCT FROM nullif($2, 0)"
        " AND ($3 = 0 OR fence = $3)",
        DB_I64, DB_I64, DB_I64);
DB_STMT(agent_turn_person,
        "SELECT c.project_id, c.user_id, u.is_admin, u.time_zone FROM turns t"
        " JOIN conversations c ON c.id = t.conversation_id"
        " JOIN users u ON u.id = c.user_id WHERE t.id = $1",
        DB_I64);
/* One that waits is given to a worker, who ends it; the query that it waited for ends, too. */
DB_STMT(agent_turn_request_stop,
        "WITH old AS (SELECT id, waits_run_id FROM turns WHERE id = $1 AND status IN ('running', 'waiting') FOR UPDATE),"
        " t AS (UPDATE turns SET stop_requested = true, status = 'running', waits_for = NULL, waits_run_id = NULL"
        " FROM old WHERE turns.id = old.id RETURNING turns.id, coalesce(old.waits_run_id, 0) AS run_id)"
        " SELECT run_id, pg_notify('turn_stop', id::text) IS NULL, pg_notify('turn_due', id::text) IS NULL FROM t",
        DB_I64);

#define TURN_COLUMNS \
	"t.id, t.conversation_id, c.project_id, c.user_id, t.question, t.status," \
	" CASE WHEN t.status = 'running' THEN coalesce((SELECT x.text FROM turn_texts x WHERE x.turn_id = t.id" \
	" AND x.after = (SELECT max(e.seq) FROM turn_events e WHERE e.turn_id = t.id)), '') ELSE t.answer END," \
	" t.record, t.waits_for, t.wait," \
	" CASE WHEN t.status IN ('running', 'waiting') THEN (SELECT jsonb_agg(e.body ORDER BY e.seq) FROM turn_events e" \
	" WHERE e.turn_id = t.id AND e.kind = 'step') END," \
	" nullif(concat_ws('. ', t.error->>'message', t.error->>'detail'), ''), t.error->>'hint', t.model," \
	" t.input_tokens, t.cached_tokens, t.output_tokens, t.cost, t.started_at, t.finished_at," \
	" (SELECT coalesce(max(e.seq), 0) FROM turn_events e WHERE e.turn_id = t.id)"

DB_STMT(agent_turn_list,
        "SELECT " TURN_COLUMNS " FROM turns t JOIN conversations c ON c.id = t.conversation_id"
        " WHERE t.conversation_id = $1 AND t.id = ANY ($2::bigint[]) ORDER BY t.id",
        DB_I64, DB_TEXTS);
DB_STMT(agent_turn_find,
        "SELECT " TURN_COLUMNS " FROM turns t JOIN conversations c ON c.id = t.conversation_id"
        " WHERE t.id = $1 AND c.user_id = $2 AND c.deleted_at IS NULL AND" PROJECT_SEEN("c.project_id", "$2"),
        DB_I64, DB_I64);

struct turn_row {
	int64_t id, conversation_id, project_id, user_id;
	const char *question, *status, *answer, *record, *waits_for, *wait, *steps, *error, *hint, *model;
	int64_t input_tokens, cached_tokens, output_tokens, cost, started_at, finished_at, last_event;
};

static const struct db_row turn_row =
        DB_ROW(struct turn_row, DB_COL_I64(struct turn_row, id), DB_COL_I64(struct turn_row, conversation_id),
               DB_COL_I64(struct turn_row, project_id), DB_COL_I64(struct turn_row, user_id),
               DB_COL_TEXT(struct turn_row, question), DB_COL_TEXT(struct turn_row, status),
               DB_COL_TEXT(struct turn_row, answer), DB_COL_JSON(struct turn_row, record),
               DB_COL_TEXT(struct turn_row, waits_for), DB_COL_JSON(struct turn_row, wait),
               DB_COL_JSON(struct turn_row, steps), DB_COL_TEXT(struct turn_row, error),
               DB_COL_TEXT(struct turn_row, hint), DB_COL_TEXT(struct turn_row, model),
               DB_COL_I64(struct turn_row, input_tokens), DB_COL_I64(struct turn_row, cached_tokens),
               DB_COL_I64(struct turn_row, output_tokens), DB_COL_I64(struct turn_row, cost),
               DB_COL_TIME(struct turn_row, started_at), DB_COL_TIME(struct turn_row, finished_at),
               DB_COL_I64(struct turn_row, last_event));

/* What question and answer say does not depend on it: a record that cannot be read costs the rest only. */
static void read_record(struct arena *a, const struct turn_row *row, struct agent_turn *t)
{
	struct agent_turn known = *t;
	struct err *e = row->record  ? agent_record_read(a, row->record, t)
	                : row->steps ? agent_steps_read(a, row->steps, t)
	                             : NULL;

	if (!e)
		return;
	log_err(LOG_ERROR, "", "reading the record of a turn", e);
	*t = known;
	t->unreadable = true;
}

static void turn_read(struct arena *a, const struct turn_row *row, struct agent_turn *t)
{
	*t = (struct agent_turn){
	        .id = row->id,
	        .conversation_id = row->conversation_id,
	        .project_id = row->project_id,
	        .user_id = row->user_id,
	        .question = row->question,
	        .status = row->status,
	        .answer = row->answer,
	        .waits_for = row->waits_for,
	        .wait = row->wait,
	        .error = row->error,
	        .hint = row->hint,
	        .model = row->model,
	        .input_tokens = row->input_tokens,
	        .cached_tokens = row->cached_tokens,
	        .output_tokens = row->output_tokens,
	        .cost = row->cost,
	        .started_at = row->started_at,
	        .last_event = row->last_event,
	        .took_ms = row->finished_at ? (row->finished_at - row->started_at) / 1000 : 0,
	};
	read_record(a, row, t);
}

struct err *agent_turns(struct ctx *ctx, int64_t conversation_id, struct db_texts ids,
                        struct agent_turn **out, size_t *n)
{
	struct turn_row *rows;

	TRY(db_all(ctx, &agent_turn_list, DB_ARGS(db_i64(conversation_id), db_texts(ids.p, ids.n)), &turn_row,
	           &rows, n));
	*out = ARENA_ARRAY(ctx->a, struct agent_turn, *n);
	for (size_t i = 0; i < *n; i++)
		turn_read(ctx->a, &rows[i], &(*out)[i]);
	return NULL;
}

struct err *agent_turn_get(struct ctx *ctx, int64_t turn_id, struct agent_turn *out)
{
	struct turn_row row;

	TRY(db_one(ctx, &agent_turn_find, DB_ARGS(db_i64(turn_id), db_i64(ctx->user_id)), &turn_row, "turn",
	           &row));
	turn_read(ctx->a, &row, out);
	return NULL;
}

DB_STMT(agent_turn_may, "SELECT" PROJECT_SEEN("$1", "$2"), DB_I64, DB_I64);
static const struct db_row may_row = DB_ROW(bool, {DB_BOOL, 0});

struct err *agent_turn_permitted(struct ctx *ctx, const struct project *project)
{
	bool may = false;

	TRY(db_one(ctx, &agent_turn_may, DB_ARGS(db_i64(project->id), db_i64(ctx->user_id)), &may_row,
	           "project", &may));
	return may ? NULL : err_new(ctx->a, ERR_FORBIDDEN, "you may no longer see this project");
}

struct begin {
	int64_t conversation_id;
	struct agent_place place;
	struct str question;
	int64_t *turn_id;
};

static const char *turn_object(struct arena *a, int64_t id)
{
	return arena_printf(a, "turn:%" PRId64, id);
}

static struct err *insert(struct ctx *ctx, void *arg)
{
	struct begin *b = arg;

	TRY(db_one(ctx, &agent_turn_insert,
	           DB_ARGS(db_i64(b->conversation_id), db_str(b->question), db_i64(b->place.after),
	                   db_i64(b->place.beside), db_i64(agent_worker())),
	           &db_id_row, "turn", b->turn_id));
	TRY(db_run(ctx, &agent_turn_touch, DB_ARGS(db_i64(b->conversation_id), db_i64(*b->turn_id)), NULL));
	return audit_log(ctx, "turn.ask", turn_object(ctx->a, *b->turn_id), NULL);
}

static struct err *check_question(struct arena *a, struct str question)
{
	if (question.n == 0)
		return err_new(a, ERR_INVALID, "the question is empty");
	if (question.n > AGENT_QUESTION_BYTES)
		return err_new(a, ERR_INVALID, "the question is longer than %d bytes", AGENT_QUESTION_BYTES);
	if (str_has_nul(question) || !str_utf8_valid(question))
		return err_new(a, ERR_INVALID, "the question is not valid UTF-8 text");
	return NULL;
}

struct err *agent_turn_start_at(struct ctx *ctx, const struct project *project, int64_t conversation_id,
                                struct agent_place place, struct str question, int64_t *turn_id)
{
	struct agent_conversation conversation;
	struct begin b = {conversation_id, place, str_trim(question), turn_id};
	struct err *e;

	TRY(check_question(ctx->a, b.question));
	TRY(agent_live_ready(ctx));
	TRY(agent_conversation_get(ctx, project->id, conversation_id, &conversation));
	e = db_transact(ctx, insert, &b);
	if (e && e->kind == ERR_CONFLICT)
		return err_hint(err_new(ctx->a, ERR_CONFLICT,
		                        "a question is still being answered in this conversation"),
		                "Wait for its answer, or stop it.");
	return e;
}

struct err *agent_turn_start(struct ctx *ctx, const struct project *project, int64_t conversation_id,
                             struct str question, int64_t *turn_id)
{
	return agent_turn_start_at(ctx, project, conversation_id, (struct agent_place){0}, question, turn_id);
}

struct stopped {
	int64_t run_id;
	bool told, due;
};

static const struct db_row stopped_row =
        DB_ROW(struct stopped, DB_COL_I64(struct stopped, run_id), DB_COL_BOOL(struct stopped, told),
               DB_COL_BOOL(struct stopped, due));

struct stop {
	int64_t turn_id;
	int64_t run_id;
};

static struct err *request_stop(struct ctx *ctx, void *arg)
{
	struct stop *stop = arg;
	struct stopped row;
	bool found;

	TRY(db_find(ctx, &agent_turn_request_stop, DB_ARGS(db_i64(stop->turn_id)), &stopped_row, &row, &found));
	if (!found)
		return NULL;
	stop->run_id = row.run_id;
	return audit_log(ctx, "turn.stop", turn_object(ctx->a, stop->turn_id), NULL);
}

struct err *agent_turn_stop(struct ctx *ctx, int64_t turn_id)
{
	struct stop stop = {turn_id, 0};

	agent_live_stop(turn_id);
	TRY(db_transact(ctx, request_stop, &stop));
	return stop.run_id ? query_cancel(ctx, stop.run_id) : NULL;
}

/* Working ------------------------------------------------------------------------------------------------ */

struct open_row {
	int64_t conversation_id;
	const char *question;
	bool stop;
	int64_t fence;
	const char *wait;
	int64_t seq;
};

static const struct db_row open_row = DB_ROW(
        struct open_row, DB_COL_I64(struct open_row, conversation_id), DB_COL_TEXT(struct open_row, question),
        DB_COL_BOOL(struct open_row, stop), DB_COL_I64(struct open_row, fence), DB_COL_JSON(struct open_row, wait),
        DB_COL_I64(struct open_row, seq));

/* What the turn has waited for, when it is there. */
static struct err *read_answer(struct agent_run *r, const char *json)
{
	struct agent_wait *wait;
	struct json_object *o;
	const char *answer, *id;

	TRY(json_read(r->ctx.a, str_of(json), JSON_DEPTH, &o));
	answer = json_get_str(o, "answer");
	id = json_get_str(o, "id");
	if (!answer || !id)
		return NULL;
	wait = ARENA_NEW(r->ctx.a, struct agent_wait);
	*wait = (struct agent_wait){.kind = json_get_str(o, "kind"),
	                            .call_id = id,
	                            .json = json,
	                            .run_id = json_get_i64(o, "run_id", 0),
	                            .answer = answer};
	r->answered = wait;
	return NULL;
}

/* A stop may have been asked for before anybody listened. */
static struct err *open_turn(struct agent_run *r)
{
	struct open_row row;

	TRY(db_one(&r->ctx, &agent_turn_open,
	           DB_ARGS(db_i64(r->live.turn_id), db_i64(agent_worker()), db_i64(r->live.fence)), &open_row,
	           "running turn", &row));
	r->conversation_id = row.conversation_id;
	r->question = row.question;
	r->live.fence = row.fence;
	r->seq = row.seq;
	if (row.stop)
		atomic_store(&r->live.stop, true);
	return row.wait ? read_answer(r, row.wait) : NULL;
}

/* Nobody waits for the next worker longer than they must: what is pending is written if that can be done. */
static struct err *give(struct agent_run *r)
{
	struct err *e = NULL;

	if (r->lost)
		return NULL;
	atomic_store(&r->live.stop, true);
	if (!r->error)
		e = agent_flush(r);
	if (r->lost)
		return NULL;
	return e ? e : agent_lease_give(&r->ctx, r->live.turn_id, r->live.fence);
}

/* What the database does not take must not keep the turn from its end: it would be begun again for ever. */
static struct err *close_bare(struct agent_run *r, struct err *why)
{
	log_err(LOG_ERROR, r->ctx.request_id, "a turn could not be recorded", why);
	r->pending = r->undone = r->steps = r->queries = r->tables = (struct agent_list){0};
	agent_text_clear(r);
	r->answer = "";
	r->error = err_hint(err_new(r->ctx.a, ERR_INTERNAL, "the answer could not be recorded"),
	                    "Ask again. Should that happen once more, an admin finds the reason in the log.");
	return agent_close(r);
}

static struct err *conclude(struct agent_run *r)
{
	struct err *e;

	r->ctx.stop = NULL;
	switch (r->outcome) {
	case AGENT_GIVEN: return give(r);
	case AGENT_WAITS: e = agent_wait(r); break;
	default: e = agent_close(r);
	}
	if (e && !r->lost && !db_is_away(e))
		e = close_bare(r, e);
	return r->lost ? NULL : e;
}

static struct err *open_surely(struct agent_run *r)
{
	struct agent_patience patience = {0};
	struct err *e;

	while ((e = open_turn(r)) != NULL && agent_again(&r->ctx, e, r->deadline_us, &patience))
		;
	return e;
}

static struct err *run(struct agent_run *r)
{
	TRY(open_surely(r));
	agent_work(r);
	return conclude(r);
}

static void begin(struct agent_run *r, struct ctx *ctx, struct agent_claim claim)
{
	r->ctx = *ctx;
	r->ctx.stop = &r->live.stop;
	r->live.turn_id = claim.turn_id;
	r->live.fence = claim.fence;
	r->live.outer = ctx->stop;
	r->live.run = r;
	r->started_us = clock_mono_us();
	r->deadline_us = r->started_us + agent_turn_seconds(ctx->settings, r->project) * 1000000;
	r->checkpoint_us = r->started_us;
	r->text = buf_init(arena_create(), AGENT_TEXT_BYTES);
	r->model = "";
	r->answer = "";
	pthread_mutex_init(&r->text_lock, NULL);
	agent_live_add(&r->live);
	if (agent_ending())
		atomic_store(&r->live.give, true);
}

static void end(struct agent_run *r)
{
	agent_live_remove(&r->live);
	pthread_mutex_destroy(&r->text_lock);
	arena_free(r->text.a);
	if (r->pending_arena)
		arena_free(r->pending_arena);
	r->pending_arena = NULL;
}

static struct err *work(struct ctx *ctx, const struct project *project, enum project_role role,
                        const char *time_zone, struct agent_claim claim, const struct agent_sink *sink)
{
	struct agent_run *r = ARENA_NEW(ctx->a, struct agent_run);
	struct err *e;

	r->project = project;
	r->role = role;
	r->time_zone = time_zone;
	r->sink = sink;
	begin(r, ctx, claim);
	e = run(r);
	end(r);
	return e;
}

struct person {
	int64_t project_id;
	int64_t user_id;
	bool is_admin;
	const char *time_zone;
};

static const struct db_row person_row =
        DB_ROW(struct person, DB_COL_I64(struct person, project_id), DB_COL_I64(struct person, user_id),
               DB_COL_BOOL(struct person, is_admin), DB_COL_TEXT(struct person, time_zone));

/* A turn that nobody may or can go on with ends here. */
static struct err *close_for_good(struct ctx *ctx, struct agent_claim claim, struct err *why)
{
	struct agent_run *r = ARENA_NEW(ctx->a, struct agent_run);
	const struct project nobodys = project_new();
	struct err *e;

	r->project = &nobodys;
	begin(r, ctx, claim);
	e = open_surely(r);
	if (!e) {
		r->error = why;
		e = agent_close(r);
	}
	end(r);
	return r->lost ? NULL : e;
}

static struct err *find_person(struct ctx *ctx, int64_t turn_id, struct person *p, struct project *project,
                               enum project_role *role)
{
	TRY(db_one(ctx, &agent_turn_person, DB_ARGS(db_i64(turn_id)), &person_row, "turn", p));
	ctx->user_id = p->user_id;
	return project_access_by_id(ctx, p->project_id, p->user_id, p->is_admin, project, role);
}

static struct err *hopeless(struct ctx *ctx)
{
	return err_hint(err_code(err_new(ctx->a, ERR_INTERNAL, "the work on this answer broke off %d times at the same point",
	                                 TRIES_MOST),
	                         "broke_off"),
	                "Ask again. Should that happen once more, an admin finds the reason in the log.");
}

struct err *agent_turn_resume(struct ctx *ctx, struct agent_claim claim, const struct agent_sink *sink)
{
	struct project *project = ARENA_NEW(ctx->a, struct project);
	enum project_role role = PROJECT_VIEWER;
	struct agent_patience patience = {0};
	struct person p;
	struct err *e;

	if (claim.tries > TRIES_MOST)
		return close_for_good(ctx, claim, hopeless(ctx));
	while ((e = find_person(ctx, claim.turn_id, &p, project, &role)) != NULL && agent_again(ctx, e, 0, &patience))
		;
	if (e && e->kind == ERR_NOT_FOUND)
		return close_for_good(ctx, claim, err_new(ctx->a, ERR_FORBIDDEN, "you may no longer see this project"));
	return e ? e : work(ctx, project, role, p.time_zone, claim, sink);
}

struct err *agent_turn_take(struct ctx *ctx, int64_t turn_id, const struct agent_sink *sink, bool *taken)
{
	struct agent_claim claim;

	TRY(agent_lease_take_one(ctx, turn_id, &claim, taken));
	return *taken ? agent_turn_resume(ctx, claim, sink) : NULL;
}

struct err *agent_turn_run(struct ctx *ctx, const struct project *project, enum project_role role,
                           const char *time_zone, int64_t turn_id, const struct agent_sink *sink)
{
	return work(ctx, project, role, time_zone, (struct agent_claim){.turn_id = turn_id}, sink);
}
