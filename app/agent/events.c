/*
 * What a turn tells. Events are put down as they happen and become rows together with what the turn has done, in one
 * statement at the points where the turn may not go on without them; then they go to whoever listens. Text goes out
 * as it comes and is stored now and then (checkpoint.c).
 *
 * Every write asks for the fence: a worker that was given up for dead changes nothing any more. A database that is away
 * is waited for, because the work behind a write took longer than that.
 */
#include <string.h>
#include <time.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 1000, TRIES_STOPPED = 5 };

/* Written twice because its first answer was lost, a row is there already. */
#define EVENT_ROWS \
	" e AS (INSERT INTO turn_events (turn_id, seq, kind, body)" \
	" SELECT t.id, $3 + v.n, v.kind, v.body::jsonb FROM t," \
	" unnest($4::text[], $5::text[]) WITH ORDINALITY v (kind, body, n)" \
	" ON CONFLICT (turn_id, seq) DO NOTHING)," \
	" s AS (INSERT INTO turn_steps (turn_id, n, kind, call_id, body)" \
	" SELECT t.id, $6 + v.n, v.kind, nullif(v.call, ''), v.body::jsonb FROM t," \
	" unnest($7::text[], $8::text[], $9::text[]) WITH ORDINALITY v (kind, call, body, n)" \
	" ON CONFLICT (turn_id, n) DO NOTHING)" \
	" SELECT pg_notify('turn', id::text) FROM t"
#define EVENT_TYPES DB_I64, DB_I64, DB_I64, DB_TEXTS, DB_TEXTS, DB_I64, DB_TEXTS, DB_TEXTS, DB_TEXTS

DB_STMT(agent_events_flush,
        "WITH t AS (SELECT id FROM turns WHERE id = $1 AND fence = $2 AND status = 'running'"
        " FOR NO KEY UPDATE)," EVENT_ROWS,
        EVENT_TYPES);
DB_STMT(agent_events_wait,
        "WITH t AS (UPDATE turns SET status = 'waiting', waits_for = $10, wait = $11, waits_run_id = $12,"
        " worker_id = NULL WHERE id = $1 AND fence = $2 AND status = 'running' RETURNING id)," EVENT_ROWS,
        EVENT_TYPES, DB_TEXT, DB_JSON, DB_I64);
DB_STMT(agent_events_close,
        "WITH t AS (UPDATE turns SET status = $10, answer = $11, record = $12, error = $13, model = $14,"
        " input_tokens = $15, output_tokens = $16, cached_tokens = $17, cost = $18, finished_at = now(), worker_id = NULL,"
        " wait = NULL WHERE id = $1 AND fence = $2 AND status = 'running' RETURNING id, conversation_id),"
        " c AS (UPDATE conversations SET updated_at = now() FROM t WHERE conversations.id = t.conversation_id),"
        " x AS (DELETE FROM turn_texts WHERE turn_id = $1)," EVENT_ROWS,
        EVENT_TYPES, DB_TEXT, DB_TEXT, DB_JSON, DB_JSON, DB_TEXT, DB_I64, DB_I64, DB_I64, DB_I64);
DB_STMT(agent_events_mine,
        "SELECT count(*) FROM turns WHERE id = $1 AND fence = $2 AND status <> 'running' AND worker_id IS NULL",
        DB_I64, DB_I64);

/* Putting down ------------------------------------------------------------------------------------------- */

static struct arena *pending_arena(struct agent_run *r)
{
	if (!r->pending_arena)
		r->pending_arena = arena_create();
	return r->pending_arena;
}

void agent_emit(struct agent_run *r, const char *kind, struct str json)
{
	struct arena *a = pending_arena(r);
	struct agent_event *e = agent_list_add(a, &r->pending, sizeof(*e));

	*e = (struct agent_event){kind, str_dup(a, json)};
}

void agent_keep(struct agent_run *r, const char *kind, const char *call_id, struct str json)
{
	struct arena *a = pending_arena(r);
	struct agent_done *d = agent_list_add(a, &r->undone, sizeof(*d));

	*d = (struct agent_done){kind, call_id ? arena_strdup(a, call_id) : "", str_dup(a, json)};
}

void agent_delta(struct agent_run *r, struct str text)
{
	agent_text_add(r, text);
	if (r->sink && r->sink->delta)
		r->sink->delta(r->sink->arg, text);
	agent_wake(r->live.turn_id);
}

void agent_thinking(struct agent_run *r, struct str text)
{
	if (r->sink && r->sink->thinking)
		r->sink->thinking(r->sink->arg, text);
}

void agent_message(struct agent_run *r)
{
	struct arena *a;
	struct buf b;
	struct json_writer w = {.b = &b};

	if (r->text.n == 0)
		return;
	a = arena_create();
	b = buf_init(a, (size_t)AGENT_TEXT_BYTES * 2);
	json_object_open(&w, NULL);
	json_put_str(&w, "text", buf_str(&r->text));
	json_object_close(&w);
	r->answer = str_dup(r->ctx.a, str_trim(buf_str(&r->text)));
	agent_emit(r, "message", buf_str(&b));
	agent_text_clear(r);
	arena_free(a);
}

static void emit_step(struct agent_run *r, const struct agent_step *s)
{
	struct buf b = buf_init(pending_arena(r), BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "n", s->n);
	json_put_cstr(&w, "name", s->name);
	json_put_cstr(&w, "label", s->label);
	json_put_cstr(&w, "state", s->state);
	json_put_i64(&w, "ms", s->ms);
	json_put_cstr(&w, "detail", s->detail);
	json_object_close(&w);
	agent_emit(r, "step", buf_str(&b));
}

static struct agent_step *unfinished(struct agent_run *r, const char *name, const char *label)
{
	struct agent_step *s = r->steps.p;

	for (size_t i = 0; i < r->steps.n; i++)
		if (strcmp(s[i].state, "begun") == 0 && strcmp(s[i].name, name) == 0 &&
		    strcmp(s[i].label, label) == 0)
			return &s[i];
	return NULL;
}

int64_t agent_step_open(struct agent_run *r, const char *name, const char *label, bool *again)
{
	struct agent_step *s = unfinished(r, name, label);

	if (again)
		*again = s != NULL;
	if (!s) {
		s = AGENT_ADD(r, steps, struct agent_step);
		s->n = (int64_t)r->steps.n;
	}
	*s = (struct agent_step){s->n, name, label, "running", NULL, 0};
	emit_step(r, s);
	/* Until the step is over, ms is when it began. */
	s->ms = (clock_mono_us() - r->started_us) / 1000;
	return s->n;
}

void agent_step_anew(struct agent_run *r, int64_t n)
{
	struct agent_step s = ((struct agent_step *)r->steps.p)[n - 1];

	agent_text_clear(r);
	s.ms = 0;
	emit_step(r, &s);
}

void agent_step_close(struct agent_run *r, int64_t n, bool ok, const char *detail)
{
	struct agent_step *s = &((struct agent_step *)r->steps.p)[n - 1];

	s->state = ok ? "done" : "failed";
	s->detail = arena_strdup(r->ctx.a, detail);
	s->ms = (clock_mono_us() - r->started_us) / 1000 - s->ms;
	emit_step(r, s);
}

/* Writing ------------------------------------------------------------------------------------------------ */

enum { ARGS_SHARED = 9, ARGS_MOST = 18 };

/* One write of the turn: what is pending, and what the statement takes behind that. */
struct writing {
	struct agent_run *r;
	const struct db_stmt *stmt;
	struct db_arg own[ARGS_MOST - ARGS_SHARED];
	size_t n;
};

static void shared_args(struct arena *a, const struct agent_run *r, struct db_arg *args)
{
	const struct agent_event *e = r->pending.p;
	const struct agent_done *d = r->undone.p;
	const char **kinds = ARENA_ARRAY(a, const char *, r->pending.n + 1),
	           **bodies = ARENA_ARRAY(a, const char *, r->pending.n + 1),
	           **what = ARENA_ARRAY(a, const char *, r->undone.n + 1),
	           **calls = ARENA_ARRAY(a, const char *, r->undone.n + 1),
	           **states = ARENA_ARRAY(a, const char *, r->undone.n + 1);

	for (size_t i = 0; i < r->pending.n; i++) {
		kinds[i] = e[i].kind;
		bodies[i] = e[i].json;
	}
	for (size_t i = 0; i < r->undone.n; i++) {
		what[i] = d[i].kind;
		calls[i] = d[i].call_id;
		states[i] = d[i].json;
	}
	memcpy(args,
	       (struct db_arg[]){db_i64(r->live.turn_id), db_i64(r->live.fence), db_i64(r->seq),
	                         db_texts(kinds, r->pending.n), db_texts(bodies, r->pending.n),
	                         db_i64(r->steps_done), db_texts(what, r->undone.n),
	                         db_texts(calls, r->undone.n), db_texts(states, r->undone.n)},
	       ARGS_SHARED * sizeof(*args));
}

static struct err *write_once(const struct writing *w, bool again, int64_t *rows)
{
	struct ctx ctx = w->r->ctx;
	struct db_arg args[ARGS_MOST];
	struct err *e;

	ctx.a = arena_create();
	ctx.stop = NULL;
	shared_args(ctx.a, w->r, args);
	memcpy(args + ARGS_SHARED, w->own, w->n * sizeof(*args));
	e = db_run(&ctx, w->stmt, (struct db_args){args, ARGS_SHARED + w->n}, rows);
	/* The first answer may have been lost on its way. */
	if (!e && *rows == 0 && again && w->n)
		e = db_one(&ctx, &agent_events_mine,
		           DB_ARGS(db_i64(w->r->live.turn_id), db_i64(w->r->live.fence)), &db_id_row, "turn", rows);
	e = err_copy(w->r->ctx.a, e);
	arena_free(ctx.a);
	return e;
}

/* Called with what was written: it goes to whoever listens. */
static void pass_on(struct agent_run *r)
{
	const struct agent_event *e = r->pending.p;
	struct arena *a = r->pending_arena;

	pthread_mutex_lock(&r->text_lock);
	r->seq += (int64_t)r->pending.n;
	r->checkpoint_bytes = 0;
	pthread_mutex_unlock(&r->text_lock);
	for (size_t i = 0; r->sink && r->sink->event && i < r->pending.n; i++)
		r->sink->event(r->sink->arg, r->seq - (int64_t)r->pending.n + (int64_t)i + 1, e[i].kind,
		               str_of(e[i].json));
	r->steps_done += (int64_t)r->undone.n;
	r->pending = r->undone = (struct agent_list){0};
	r->pending_arena = NULL;
	arena_free(a);
}

static struct err *lost(struct agent_run *r)
{
	r->lost = true;
	return err_new(r->ctx.a, ERR_CONFLICT, "the turn is worked on elsewhere");
}

/* Nobody waits here for longer than the worker lives, or than a person who wants it to stop. */
static bool gives_up(const struct agent_run *r, int tries)
{
	return atomic_load(&r->live.give) || (tries >= TRIES_STOPPED && atomic_load(&r->live.stop));
}

static struct err *write_surely(const struct writing *w)
{
	struct agent_run *r = w->r;
	int64_t rows = 0, pause_ms = PAUSE_FIRST_MS;
	struct err *e;

	for (int tries = 1; (e = write_once(w, tries > 1, &rows)) != NULL; tries++) {
		if (e->kind != ERR_UNAVAILABLE || gives_up(r, tries))
			return e;
		nanosleep(&(struct timespec){pause_ms / 1000, pause_ms % 1000 * 1000000}, NULL);
		pause_ms = pause_ms * 2 < PAUSE_MOST_MS ? pause_ms * 2 : PAUSE_MOST_MS;
	}
	if (rows == 0)
		return lost(r);
	pass_on(r);
	return NULL;
}

struct err *agent_flush(struct agent_run *r)
{
	if (r->pending.n == 0 && r->undone.n == 0)
		return NULL;
	return write_surely(&(struct writing){.r = r, .stmt = &agent_events_flush});
}

/* Waiting ------------------------------------------------------------------------------------------------ */

static struct str wait_event(struct arena *a, const struct agent_wait *wait)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct str members = str_of(wait->json);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "n", wait->n);
	json_put_cstr(&w, "id", wait->call_id);
	/* The members of an object, behind ours. */
	if (members.n > 2)
		buf_printf(&b, ",%.*s", (int)members.n - 2, members.p + 1);
	json_object_close(&w);
	return buf_str(&b);
}

struct err *agent_wait(struct agent_run *r)
{
	const struct agent_wait *wait = r->wait;
	struct str event = wait_event(r->ctx.a, wait);

	agent_emit(r, wait->kind, event);
	return write_surely(&(struct writing){
	        r, &agent_events_wait, {db_text(wait->kind), db_json(event.p), db_id(wait->run_id)}, 3});
}

/* The end. ----------------------------------------------------------------------------------------------- */

static const char *status_of(const struct agent_run *r)
{
	if (!r->error)
		return "done";
	return r->error->kind == ERR_CANCELLED ? "stopped" : "failed";
}

static const char *error_json(struct arena *a, const struct err *e)
{
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_err_facts(&w, e);
	json_object_close(&w);
	return b.full ? "{\"kind\":\"internal\",\"message\":\"the turn failed\"}" : buf_cstr(&b);
}

static struct str usage_json(struct arena *a, const struct agent_run *r)
{
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "model", r->model);
	json_put_i64(&w, "input_tokens", r->usage.input_tokens);
	json_put_i64(&w, "output_tokens", r->usage.output_tokens);
	json_put_i64(&w, "cached_tokens", r->usage.cached_tokens);
	json_put_i64(&w, "cost", r->cost);
	json_put_cstr(&w, "currency", r->project->currency);
	json_object_close(&w);
	return buf_str(&b);
}

/* Those that a worker before this one began, and nobody will end. */
static void end_steps(struct agent_run *r)
{
	struct agent_step *s = r->steps.p;

	for (size_t i = 0; i < r->steps.n; i++)
		if (strcmp(s[i].state, "begun") == 0)
			agent_step_close(r, s[i].n, false, NULL);
}

static void tell(struct agent_run *r, struct arena *a, const char *error)
{
	struct buf b = buf_init(a, BUF_PAGE);

	agent_provenance_put(&b, r);
	agent_emit(r, "provenance", buf_str(&b));
	if (r->model_calls)
		agent_emit(r, "usage", usage_json(a, r));
	if (error)
		agent_emit(r, "error", str_of(error));
	agent_emit(r, "done",
	           str_of(arena_printf(a, "{\"turn_id\":%lld,\"status\":\"%s\"}", (long long)r->live.turn_id,
	                               status_of(r))));
}

struct err *agent_close(struct agent_run *r)
{
	struct arena *a = arena_create();
	struct buf record = buf_init(a, BUF_PAGE);
	const char *error = r->error && r->error->kind != ERR_CANCELLED ? error_json(a, r->error) : NULL;
	struct err *e;

	agent_message(r);
	end_steps(r);
	agent_prove(r);
	tell(r, a, error);
	agent_record_put(&record, r);
	e = write_surely(&(struct writing){
	        r,
	        &agent_events_close,
	        {db_text(status_of(r)), db_text(r->answer), db_json(record.full ? "{}" : buf_cstr(&record)),
	         db_json(error), db_text(r->model), db_i64(r->usage.input_tokens),
	         db_i64(r->usage.output_tokens), db_i64(r->usage.cached_tokens), db_i64(r->cost)},
	        9});
	arena_free(a);
	return e;
}
