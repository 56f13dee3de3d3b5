/*
 * Pictures and PDF files as rows: asked for, taken by a worker, done. The whole service makes only so many at once. A worker
 * that ends leaves its row behind, and another one makes it again, once: the page may be why it ended.
 */
#include <inttypes.h>
#include <string.h>

#include "artifact/artifact_priv.h"
#include "lib/arena.h"
#include "lib/log.h"
#include "lib/settings.h"

enum { MOST_EACH = 3, MOST_ALL = 30, MOST_KEPT = 10, TRIES = 2, LOCK = 740191 };

/* Nobody works on it: not yet, or not any more. */
#define LOST \
	"(e.state = 'running' AND (NOT EXISTS (SELECT FROM workers w WHERE w.id = e.worker_id)" \
	" OR e.taken_at < now() - interval '15 minutes'))"
#define OPEN "e.state IN ('queued', 'running')"
#define OLD "now() - interval '1 hour'"

DB_STMT(artifact_export_same,
        "SELECT id FROM artifact_exports e WHERE " OPEN
        " AND artifact_id = $1 AND user_id = $2 AND version = $3 AND format = $4 ORDER BY id LIMIT 1",
        DB_I64, DB_I64, DB_I64, DB_TEXT);
DB_STMT(artifact_export_insert,
        "INSERT INTO artifact_exports (artifact_id, user_id, version, format, page) SELECT $1, $2, $3, $4, $5"
        " WHERE (SELECT count(*) FROM artifact_exports e WHERE " OPEN " AND e.user_id = $2) < $6"
        " AND (SELECT count(*) FROM artifact_exports e WHERE " OPEN ") < $7 RETURNING id",
        DB_I64, DB_I64, DB_I64, DB_TEXT, DB_BYTES, DB_I64, DB_I64);
DB_STMT0(artifact_export_sweep,
         "DELETE FROM artifact_exports WHERE finished_at < " OLD " OR state = 'queued' AND created_at < " OLD);
DB_STMT(artifact_export_drop,
        "DELETE FROM artifact_exports WHERE id IN (SELECT id FROM artifact_exports WHERE user_id = $1 AND finished_at IS NOT NULL"
        " ORDER BY finished_at DESC, id DESC OFFSET $2)",
        DB_I64, DB_I64);
DB_STMT(artifact_export_find,
        "SELECT id, artifact_id, version, format, state, error, (SELECT count(*) FROM artifact_exports e WHERE " OPEN
        " AND e.id < x.id) FROM artifact_exports x WHERE artifact_id = $1 AND id = $2 AND user_id = $3 AND (finished_at IS NULL OR finished_at > " OLD ")",
        DB_I64, DB_I64, DB_I64);
DB_STMT(artifact_export_read,
        "SELECT file FROM artifact_exports WHERE artifact_id = $1 AND id = $2 AND user_id = $3 AND state = 'done'"
        " AND finished_at > " OLD,
        DB_I64, DB_I64, DB_I64);
DB_STMT0(artifact_export_due, "SELECT count(*) FROM artifact_exports e WHERE e.state = 'queued' OR " LOST);
DB_STMT(artifact_export_lock, "SELECT count(*) FROM (SELECT pg_advisory_xact_lock($1)) one", DB_I64);
/* 1: had; 0: somebody else has it. */
DB_STMT(artifact_export_try_lock, "SELECT pg_try_advisory_xact_lock($1)::integer::bigint", DB_I64);
DB_STMT(artifact_export_claim,
        "UPDATE artifact_exports x SET state = 'running', worker_id = $1, tries = tries + 1, taken_at = clock_timestamp()"
        " FROM artifacts a WHERE a.id = x.artifact_id AND x.id = (SELECT id FROM artifact_exports e WHERE e.state = 'queued' OR " LOST
        " ORDER BY id LIMIT 1)"
        " AND (SELECT count(*) FROM artifact_exports e WHERE e.state = 'running' AND NOT " LOST ") < $2"
        " RETURNING x.id, x.worker_id, x.tries, x.format, a.type, x.page",
        DB_I64, DB_I64);
DB_STMT(artifact_export_finish,
        "UPDATE artifact_exports SET state = CASE WHEN $3::bytea IS NULL THEN 'failed' ELSE 'done' END, file = $3, error = $4,"
        " page = NULL, finished_at = now() WHERE id = $1 AND worker_id = $2 AND state = 'running'",
        DB_I64, DB_I64, DB_BYTES, DB_TEXT);

static const struct db_row export_row =
        DB_ROW(struct artifact_export, DB_COL_I64(struct artifact_export, id),
               DB_COL_I64(struct artifact_export, artifact_id), DB_COL_I64(struct artifact_export, version),
               DB_COL_TEXT(struct artifact_export, format), DB_COL_TEXT(struct artifact_export, state),
               DB_COL_TEXT(struct artifact_export, error), DB_COL_I64(struct artifact_export, before));
static const struct db_row work_row =
        DB_ROW(struct artifact_export_work, DB_COL_I64(struct artifact_export_work, id),
               DB_COL_I64(struct artifact_export_work, worker_id), DB_COL_I64(struct artifact_export_work, tries),
               DB_COL_TEXT(struct artifact_export_work, format), DB_COL_TEXT(struct artifact_export_work, type),
               DB_COL_BYTES(struct artifact_export_work, page));
static const struct db_row bytes_row = DB_ROW(struct str, {DB_BYTES, 0});

/* Asking -------------------------------------------------------------------------------------------------- */

/* One after the other, so that all count the same. */
static struct err *lock(struct ctx *ctx)
{
	int64_t locked;

	return db_one(ctx, &artifact_export_lock, DB_ARGS(db_i64(LOCK)), &db_id_row, "lock", &locked);
}

struct asking {
	struct db_args same, args;
	int64_t *id;
	bool found;
};

static struct err *ask(struct ctx *ctx, void *arg)
{
	struct asking *x = arg;

	TRY(lock(ctx));
	TRY(db_run(ctx, &artifact_export_drop, DB_ARGS(db_i64(ctx->user_id), db_i64(MOST_KEPT)), NULL));
	/* Who clicks twice gets one. */
	TRY(db_find(ctx, &artifact_export_same, x->same, &db_id_row, x->id, &x->found));
	if (x->found)
		return NULL;
	TRY(db_find(ctx, &artifact_export_insert, x->args, &db_id_row, x->id, &x->found));
	/* Workers look at once after a notification of this name. */
	return x->found ? db_notify(ctx, "turn_due", 0) : NULL;
}

struct err *artifact_export_ask(struct ctx *ctx, const struct artifact *artifact, const char *format, struct str page,
                                int64_t *id)
{
	struct asking x = {.same = DB_ARGS(db_i64(artifact->id), db_i64(ctx->user_id), db_i64(artifact->version.n),
	                                   db_text(format)),
	                   .args = DB_ARGS(db_i64(artifact->id), db_i64(ctx->user_id), db_i64(artifact->version.n),
	                                   db_text(format), db_bytes(page), db_i64(MOST_EACH), db_i64(MOST_ALL)),
	                   .id = id};

	TRY(db_transact(ctx, ask, &x));
	if (x.found)
		return NULL;
	return err_hint(err_new(ctx->a, ERR_RATE_LIMITED, "too many files are being made"),
	                "Wait until one of yours is done.");
}

struct err *artifact_export_sweep_old(struct ctx *ctx)
{
	return db_run(ctx, &artifact_export_sweep, DB_NO_ARGS, NULL);
}

struct err *artifact_export_get(struct ctx *ctx, int64_t artifact_id, int64_t id, struct artifact_export *out)
{
	return db_one(ctx, &artifact_export_find, DB_ARGS(db_i64(artifact_id), db_i64(id), db_i64(ctx->user_id)), &export_row,
	              "file", out);
}

struct err *artifact_export_file(struct ctx *ctx, int64_t artifact_id, int64_t id, struct str *out)
{
	return db_one(ctx, &artifact_export_read, DB_ARGS(db_i64(artifact_id), db_i64(id), db_i64(ctx->user_id)), &bytes_row,
	              "file", out);
}

/* Making --------------------------------------------------------------------------------------------------- */

struct taking {
	int64_t worker_id;
	struct artifact_export_work *out;
	bool *found;
};

static struct err *claim(struct ctx *ctx, void *arg)
{
	struct taking *t = arg;
	int64_t locked;

	/* Who asks meanwhile tells the workers, and they look again anyway. */
	TRY(db_one(ctx, &artifact_export_try_lock, DB_ARGS(db_i64(LOCK)), &db_id_row, "lock", &locked));
	if (!locked)
		return NULL;
	return db_find(ctx, &artifact_export_claim, DB_ARGS(db_i64(t->worker_id), db_i64(ctx->settings->exports)), &work_row,
	               t->out, t->found);
}

struct err *artifact_export_waiting(struct ctx *ctx, int64_t *n)
{
	return db_one(ctx, &artifact_export_due, DB_NO_ARGS, &db_id_row, "count", n);
}

struct err *artifact_export_take(struct ctx *ctx, int64_t worker_id, struct artifact_export_work *out, bool *found)
{
	struct taking t = {worker_id, out, found};

	*found = false;
	return db_transact(ctx, claim, &t);
}

static struct err *make(struct ctx *ctx, const struct artifact_export_work *work, struct str *file)
{
	if (work->tries > TRIES)
		return err_new(ctx->a, ERR_INTERNAL, "the file could not be made");
	return artifact_browser(ctx, work->page, work->format, strcmp(work->type, "markdown") != 0, file);
}

/* What people read; details are for the log. */
static const char *told(const struct err *e)
{
	return e->kind == ERR_INTERNAL || e->kind == ERR_CONFIG ? "the file could not be made" : e->message;
}

struct err *artifact_export_make(struct ctx *ctx, const struct artifact_export_work *work)
{
	struct str file = {NULL, 0};
	struct err *e = make(ctx, work, &file);

	if (e)
		log_err(LOG_WARNING, ctx->request_id, "an artifact became no file", e);
	return db_run(ctx, &artifact_export_finish,
	              DB_ARGS(db_i64(work->id), db_i64(work->worker_id), db_bytes(e ? (struct str){NULL, 0} : file),
	                      db_text(e ? told(e) : NULL)),
	              NULL);
}
