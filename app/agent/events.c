/*
 * What a turn tells: durable events are rows first and then go to whoever listens; text goes out as it
 * comes and is stored now and then (checkpoint.c). Every write is conditional on the turn still running, so that
 * a worker that was given up for dead cannot write into a turn that is over; it is tried again while the database
 * is busy or away for seconds, because the work behind it took longer than that.
 */
#include <string.h>
#include <time.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"

enum { TRIES = 5 };

DB_STMT(agent_event_insert,
        "WITH t AS (UPDATE turns SET answer = '', heartbeat_at = now() WHERE id = $1"
        " AND status = 'running' RETURNING id)"
        " INSERT INTO turn_events (turn_id, seq, kind, body) SELECT id, $2, $3, $4 FROM t"
        " ON CONFLICT (turn_id, seq) DO UPDATE SET kind = excluded.kind, body = excluded.body"
        " RETURNING pg_notify('turn', turn_id::text) IS NULL",
        DB_I64, DB_I64, DB_TEXT, DB_JSON);
DB_STMT(agent_event_close,
        "WITH t AS (UPDATE turns SET status = $3, answer = $4, record = $5, error = $6, model = $7,"
        " input_tokens = $8,"
        " output_tokens = $9, heartbeat_at = now(), finished_at = now() WHERE id = $1 AND status = 'running'"
        " RETURNING id, conversation_id),"
        " c AS (UPDATE conversations SET updated_at = now() FROM t"
        " WHERE conversations.id = t.conversation_id)"
        " INSERT INTO turn_events (turn_id, seq, kind, body) SELECT id, $2, 'done', $10 FROM t"
        " RETURNING pg_notify('turn', turn_id::text) IS NULL",
        DB_I64, DB_I64, DB_TEXT, DB_TEXT, DB_JSON, DB_JSON, DB_TEXT, DB_I64, DB_I64, DB_JSON);

static struct ctx scratch_of(const struct agent_run *r)
{
	struct ctx ctx = r->ctx;

	ctx.a = arena_create();
	return ctx;
}

static void send(struct agent_run *r, const char *kind, struct str json)
{
	if (r->sink && r->sink->event)
		r->sink->event(r->sink->arg, r->seq, kind, json);
}

static struct err *lost(struct agent_run *r)
{
	return err_new(r->ctx.a, ERR_CONFLICT, "the turn is no longer running");
}

/* One write of the turn in its own scratch. */
struct writing {
	struct agent_run *r;
	struct err *(*write)(struct writing *w, struct ctx *ctx, int64_t *rows);
	const char *kind;
	struct str json;
	const char *record;
};

static struct err *write_once(struct writing *w, int64_t *rows)
{
	struct ctx ctx = scratch_of(w->r);
	struct err *e = err_copy(w->r->ctx.a, w->write(w, &ctx, rows));

	arena_free(ctx.a);
	return e;
}

/* Tries again while that can help; the event goes to whoever listens once it is a row. */
static struct err *write_surely(struct writing *w)
{
	struct agent_run *r = w->r;
	int64_t rows = 0;
	struct err *e;

	for (int i = 1; (e = write_once(w, &rows)) != NULL; i++) {
		if (e->kind != ERR_UNAVAILABLE || i == TRIES || ctx_stopped(&r->ctx))
			return e;
		nanosleep(&(struct timespec){i, 0}, NULL);
	}
	if (rows == 0)
		return lost(r);
	r->seq++;
	send(r, w->kind, w->json);
	return NULL;
}

/* Takes the text out of the row, too: a checkpoint may not put it back. */
static struct err *insert(struct writing *w, struct ctx *ctx, int64_t *rows)
{
	struct agent_run *r = w->r;
	struct err *e;

	pthread_mutex_lock(&r->live.row);
	e = db_run(ctx, &agent_event_insert,
	           DB_ARGS(db_i64(r->live.turn_id), db_i64(r->seq + 1), db_text(w->kind),
	                   db_json(str_dup(ctx->a, w->json))),
	           rows);
	agent_text_unstored(r);
	pthread_mutex_unlock(&r->live.row);
	return e;
}

struct err *agent_emit(struct agent_run *r, const char *kind, struct str json)
{
	return write_surely(&(struct writing){r, insert, kind, json, NULL});
}

void agent_delta(struct agent_run *r, struct str text)
{
	agent_text_add(r, text);
	if (r->sink && r->sink->delta)
		r->sink->delta(r->sink->arg, text);
}

struct err *agent_message(struct agent_run *r)
{
	struct arena *a;
	struct buf b;
	struct json_writer w = {.b = &b};
	struct err *e;

	if (r->text.n == 0)
		return NULL;
	a = arena_create();
	b = buf_init(a, BUF_PAGE);
	json_object_open(&w, NULL);
	json_put_str(&w, "text", buf_str(&r->text));
	json_object_close(&w);
	r->answer = str_dup(r->ctx.a, str_trim(buf_str(&r->text)));
	agent_text_clear(r);
	e = agent_emit(r, "message", buf_str(&b));
	arena_free(a);
	return e;
}

static struct err *emit_step(struct agent_run *r, const struct agent_step *s)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {.b = &b};
	struct err *e;

	json_object_open(&w, NULL);
	json_put_i64(&w, "n", s->n);
	json_put_cstr(&w, "name", s->name);
	json_put_cstr(&w, "label", s->label);
	json_put_cstr(&w, "state", s->state);
	json_put_i64(&w, "ms", s->ms);
	json_put_cstr(&w, "detail", s->detail);
	json_object_close(&w);
	e = agent_emit(r, "step", buf_str(&b));
	arena_free(a);
	return e;
}

struct err *agent_step_open(struct agent_run *r, const char *name, const char *label, int64_t *n)
{
	struct agent_step *s = AGENT_ADD(r, steps, struct agent_step);

	*n = (int64_t)r->steps.n;
	*s = (struct agent_step){*n, name, label, "running", NULL, 0};
	/* Until the step is over, ms is when it began. */
	s->ms = (clock_mono_us() - r->started_us) / 1000;
	return emit_step(r, &(struct agent_step){*n, name, label, "running", NULL, 0});
}

struct err *agent_step_close(struct agent_run *r, int64_t n, bool ok, const char *detail)
{
	struct agent_step *s = &((struct agent_step *)r->steps.p)[n - 1];

	s->state = ok ? "done" : "failed";
	s->detail = arena_strdup(r->ctx.a, detail);
	s->ms = (clock_mono_us() - r->started_us) / 1000 - s->ms;
	return emit_step(r, s);
}

/* The end. ---------------------------------------------------------------------------------------------- */

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
	json_object_close(&w);
	return buf_str(&b);
}

static struct err *tell(struct agent_run *r, struct arena *a)
{
	struct buf b = buf_init(a, BUF_PAGE);

	agent_provenance_put(&b, r);
	TRY(agent_emit(r, "provenance", buf_str(&b)));
	if (r->model_calls)
		TRY(agent_emit(r, "usage", usage_json(a, r)));
	if (r->error && r->error->kind != ERR_CANCELLED)
		TRY(agent_emit(r, "error", str_of(error_json(a, r->error))));
	return NULL;
}

static struct err *finish(struct writing *w, struct ctx *ctx, int64_t *rows)
{
	struct agent_run *r = w->r;
	const char *error = r->error && r->error->kind != ERR_CANCELLED ? error_json(ctx->a, r->error) : NULL;

	return db_run(ctx, &agent_event_close,
	              DB_ARGS(db_i64(r->live.turn_id), db_i64(r->seq + 1), db_text(status_of(r)),
	                      db_text(r->answer), db_json(w->record), db_json(error), db_text(r->model),
	                      db_i64(r->usage.input_tokens), db_i64(r->usage.output_tokens),
	                      db_json(str_dup(ctx->a, w->json))),
	              rows);
}

struct err *agent_close(struct agent_run *r)
{
	struct ctx ctx = scratch_of(r);
	struct buf record = buf_init(ctx.a, BUF_PAGE);
	const char *done;
	struct err *e;

	r->ctx.stop = NULL;
	if (r->text.n)
		r->answer = str_dup(r->ctx.a, str_trim(buf_str(&r->text)));
	if (agent_message(r) || tell(r, ctx.a))
		LOG(LOG_WARNING, ctx.request_id, "a turn ends without its last events");
	done = arena_printf(ctx.a, "{\"turn_id\":%lld,\"status\":\"%s\"}", (long long)r->live.turn_id,
	                    status_of(r));
	agent_record_put(&record, r);
	e = write_surely(
	        &(struct writing){r, finish, "done", str_of(done), record.full ? "{}" : buf_cstr(&record)});
	arena_free(ctx.a);
	return e;
}
