/*
 * Writing the trail. An entry waits until its transaction is about to commit; then the chain is locked, the entry
 * gets the place behind the last one, and the commit lets go. Nothing else is locked after that, so nobody waits in
 * a circle, and what cannot be written takes the action with it.
 */
#include "audit/audit_priv.h"

#include <inttypes.h>

#include "db/db.h"
#include "lib/arena.h"

/* A statement of its own: the next one then sees the entry of whoever held the chain. */
DB_STMT0(audit_lock, "SELECT pg_advisory_xact_lock(hashtextextended('audit_log', 0))");
DB_STMT(audit_next,
        "SELECT nextval(pg_get_serial_sequence('audit_log', 'id')), clock_timestamp(),"
        " coalesce((SELECT email FROM users WHERE id = $1), ''), coalesce($2, '{}'), last.seq, last.hash"
        " FROM (VALUES (1)) one LEFT JOIN"
        " (SELECT seq, hash FROM audit_log WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1) last ON true",
        DB_I64, DB_JSON);
DB_STMT(audit_add,
        "INSERT INTO audit_log (id, at, user_id, email, action, object, detail, address, request_id, seq, hash)"
        " OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        DB_I64, DB_TIME, DB_I64, DB_TEXT, DB_TEXT, DB_TEXT, DB_JSON, DB_TEXT, DB_TEXT, DB_I64, DB_BYTES);

/* What the database gives a new entry, and the last one. */
struct next {
	int64_t id;
	int64_t at;
	const char *email;
	const char *detail;
	int64_t last_seq;
	struct str last_hash;
};

static const struct db_row next_row =
        DB_ROW(struct next, DB_COL_I64(struct next, id), DB_COL_TIME(struct next, at),
               DB_COL_TEXT(struct next, email), DB_COL_JSON(struct next, detail),
               DB_COL_I64(struct next, last_seq), DB_COL_BYTES(struct next, last_hash));

/* An entry that waits for its transaction to end. */
struct pending {
	int64_t user_id;
	struct audit_row row;
};

/* The chain as far as it is; for the first entry the sealed rows before it. */
static struct err *stand_on(struct ctx *ctx, const struct next *next, struct audit_chain *chain)
{
	int64_t before;

	TRY(audit_chain_begin(ctx, chain));
	if (!next->last_seq)
		return audit_chain_seal(ctx, chain, &before);
	if (next->last_hash.n != sizeof(chain->hash))
		return err_new(ctx->a, ERR_INTERNAL, "the last entry of the audit log has no hash");
	for (size_t i = 0; i < sizeof(chain->hash); i++)
		chain->hash[i] = (unsigned char)next->last_hash.p[i];
	return NULL;
}

static struct err *write_entry(struct ctx *ctx, void *arg)
{
	struct pending *p = arg;
	struct audit_row *row = &p->row;
	struct audit_chain chain;
	struct next next;

	TRY(db_run(ctx, &audit_lock, DB_NO_ARGS, NULL));
	TRY(db_one(ctx, &audit_next, DB_ARGS(db_i64(p->user_id), db_json(row->detail)), &next_row, "entry",
	           &next));
	TRY(stand_on(ctx, &next, &chain));
	row->id = next.id;
	row->at = next.at;
	row->email = next.email;
	row->detail = next.detail;
	row->seq = next.last_seq + 1;
	audit_chain_add(ctx, &chain, row);
	return db_run(ctx, &audit_add,
	              DB_ARGS(db_i64(row->id), db_time(row->at), db_id(p->user_id), db_text(row->email),
	                      db_text(row->action), db_text(row->object), db_json(row->detail),
	                      db_text(row->address), db_text(row->request_id), db_i64(row->seq),
	                      db_bytes((struct str){(const char *)chain.hash, sizeof(chain.hash)})),
	              NULL);
}

static struct err *nothing_else(struct ctx *ctx, void *arg)
{
	db_before_commit(ctx, write_entry, arg);
	return NULL;
}

struct err *audit_log(struct ctx *ctx, const char *action, const char *object, const char *detail)
{
	struct pending *p = ARENA_NEW(ctx->a, struct pending);

	*p = (struct pending){
	        .user_id = ctx->user_id,
	        .row = {.user = ctx->user_id ? arena_printf(ctx->a, "%" PRId64, ctx->user_id) : NULL,
	                .action = action,
	                .object = object,
	                .detail = detail,
	                .address = ctx->address ? ctx->address : "",
	                .request_id = ctx->request_id ? ctx->request_id : ""},
	};
	return db_transact(ctx, nothing_else, p);
}

static struct err *change(struct ctx *ctx, void *arg)
{
	const struct audit_change *c = arg;
	int64_t n = 0;

	TRY(db_run(ctx, c->stmt, c->args, &n));
	if (!n)
		return err_new(ctx->a, ERR_NOT_FOUND, "%s not found", c->what);
	return audit_log(ctx, c->action, c->object, NULL);
}

struct err *audit_change(struct ctx *ctx, const struct audit_change *c)
{
	struct audit_change own = *c;

	return db_transact(ctx, change, &own);
}
