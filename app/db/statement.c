/*
 * Statements: arguments, a connection for as long as one of them runs, rows out. A read on a connection that
 * turns out to be dead is asked once more; a write is not, it may have been done before the answer was lost.
 */
#include "db/db_priv.h"

#include <assert.h>
#include <inttypes.h>

#include "lib/arena.h"
#include "lib/str.h"

DB_STMT0(ping, "SELECT 1::bigint");
DB_STMT(notify, "SELECT pg_notify($1, $2)", DB_TEXT, DB_TEXT);

const struct db_row db_id_row = DB_ROW(int64_t, {DB_I64, 0});

struct db_arg db_i64(int64_t v)
{
	return (struct db_arg){.type = DB_I64, .i = v};
}

struct db_arg db_id(int64_t v)
{
	return (struct db_arg){.type = DB_I64, .null = v == 0, .i = v};
}

struct db_arg db_f64(double v)
{
	return (struct db_arg){.type = DB_F64, .f = v};
}

struct db_arg db_bool(bool v)
{
	return (struct db_arg){.type = DB_BOOL, .i = v};
}

struct db_arg db_text(const char *v)
{
	return (struct db_arg){.type = DB_TEXT, .null = !v, .s = str_of(v)};
}

struct db_arg db_str(struct str v)
{
	return (struct db_arg){.type = DB_TEXT, .null = !v.p, .s = v};
}

struct db_arg db_bytes(struct str v)
{
	return (struct db_arg){.type = DB_BYTES, .null = !v.p, .s = v};
}

struct db_arg db_json(const char *v)
{
	return (struct db_arg){.type = DB_JSON, .null = !v, .s = str_of(v)};
}

struct db_arg db_time(int64_t wall_us)
{
	return (struct db_arg){.type = DB_TIME, .null = wall_us == 0, .i = wall_us};
}

struct db_arg db_texts(const char **p, size_t n)
{
	return (struct db_arg){.type = DB_TEXTS, .null = !p, .texts = {p, n}};
}

static void check_args(const struct db_stmt *stmt, struct db_args args)
{
	assert(args.n == stmt->nparams);
	for (size_t i = 0; i < args.n; i++)
		assert(args.p[i].type == stmt->params[i]);
}

static struct err *run_pooled(struct ctx *ctx, const struct db_stmt *stmt, const struct db_wire *w,
                              bool *lost, PGresult **res)
{
	struct db_conn *conn;
	struct err *e;

	TRY(db_pool_get(ctx, &conn));
	e = db_pg_run(ctx->a, conn, stmt, w, res);
	*lost = conn->lost;
	db_pool_put(conn);
	return e;
}

static struct err *run(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args, PGresult **res)
{
	struct db_wire w;
	bool lost = false;
	struct err *e;

	check_args(stmt, args);
	TRY(db_wire_encode(ctx->a, args, &w));
	if (ctx->tx)
		return db_pg_run(ctx->a, ctx->tx, stmt, &w, res);
	e = run_pooled(ctx, stmt, &w, &lost, res);
	if (e && lost && stmt->reads)
		e = run_pooled(ctx, stmt, &w, &lost, res);
	return e;
}

struct err *db_all(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args, const struct db_row *row,
                   void *rows, size_t *n)
{
	PGresult *res;
	struct err *e;
	char *out;

	TRY(run(ctx, stmt, args, &res));
	e = db_wire_columns(ctx->a, stmt->name, res, row);
	if (!e) {
		*n = (size_t)PQntuples(res);
		*(void **)rows = out = arena_array(ctx->a, *n, row->size);
		for (size_t i = 0; i < *n; i++)
			db_wire_decode(ctx->a, res, (int)i, row, out + i * row->size);
	}
	PQclear(res);
	return e;
}

struct err *db_find(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args,
                    const struct db_row *row, void *out, bool *found)
{
	PGresult *res;
	struct err *e;

	TRY(run(ctx, stmt, args, &res));
	e = db_wire_columns(ctx->a, stmt->name, res, row);
	*found = !e && PQntuples(res) > 0;
	if (*found)
		db_wire_decode(ctx->a, res, 0, row, out);
	PQclear(res);
	return e;
}

struct err *db_one(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args, const struct db_row *row,
                   const char *what, void *out)
{
	bool found;

	TRY(db_find(ctx, stmt, args, row, out, &found));
	return found ? NULL : err_new(ctx->a, ERR_NOT_FOUND, "%s not found", what);
}

struct err *db_run(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args, int64_t *affected)
{
	PGresult *res;

	TRY(run(ctx, stmt, args, &res));
	if (affected && !str_to_i64(str_of(PQcmdTuples(res)), affected))
		*affected = 0;
	PQclear(res);
	return NULL;
}

struct err *db_notify(struct ctx *ctx, const char *channel, int64_t id)
{
	const char *payload = arena_printf(ctx->a, "%" PRId64, id);

	return db_run(ctx, &notify, DB_ARGS(db_text(channel), db_text(payload)), NULL);
}

struct err *db_ping(struct ctx *ctx)
{
	return db_run(ctx, &ping, DB_NO_ARGS, NULL);
}
