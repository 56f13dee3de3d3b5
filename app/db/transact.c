/*
 * Transactions: BEGIN, the caller's function, COMMIT, on one connection. What fails because others did the
 * same at once is tried a second time.
 */
#include "db/db_priv.h"

#include <assert.h>

#include "lib/arena.h"

/* A connection with an open transaction. Nothing was asked of it yet, so a dead one is replaced once. */
static struct err *begin(struct ctx *ctx, struct db_conn **out)
{
	struct err *e = NULL;

	for (int i = 0; i < 2; i++) {
		bool lost;

		TRY(db_pool_get(ctx, out));
		e = db_pg_command(ctx->a, *out, "begin", "BEGIN");
		if (!e)
			return NULL;
		lost = (*out)->lost;
		db_pool_put(*out);
		if (!lost)
			break;
	}
	return e;
}

static void roll_back(struct ctx *ctx, struct db_conn *conn)
{
	if (!conn->lost && db_pg_command(ctx->a, conn, "rollback", "ROLLBACK"))
		conn->lost = true;
}

void db_before_commit(struct ctx *ctx, struct err *(*fn)(struct ctx *ctx, void *arg), void *arg)
{
	struct db_hook *hook = ARENA_NEW(ctx->a, struct db_hook), **last;

	assert(ctx->tx);
	*hook = (struct db_hook){.fn = fn, .arg = arg};
	for (last = &ctx->tx->hooks; *last; last = &(*last)->next)
		;
	*last = hook;
}

/* Those that are added meanwhile run as well. */
static struct err *run_hooks(struct ctx *ctx)
{
	for (const struct db_hook *hook = ctx->tx->hooks; hook; hook = hook->next)
		TRY(hook->fn(ctx, hook->arg));
	return NULL;
}

static struct err *attempt(struct ctx *ctx, struct err *(*fn)(struct ctx *ctx, void *arg), void *arg,
                           bool *clash)
{
	struct db_conn *conn;
	struct err *e;

	*clash = false;
	TRY(begin(ctx, &conn));
	ctx->tx = conn;
	conn->hooks = NULL;
	e = fn(ctx, arg);
	if (!e)
		e = run_hooks(ctx);
	conn->hooks = NULL;
	ctx->tx = NULL;
	if (!e)
		e = db_pg_commit(ctx->a, conn);
	if (e)
		roll_back(ctx, conn);
	*clash = conn->clash;
	db_pool_put(conn);
	return e;
}

struct err *db_transact(struct ctx *ctx, struct err *(*fn)(struct ctx *ctx, void *arg), void *arg)
{
	struct err *e;
	bool clash;

	if (ctx->tx)
		return fn(ctx, arg);
	e = attempt(ctx, fn, arg, &clash);
	if (e && clash)
		e = attempt(ctx, fn, arg, &clash);
	return e;
}
