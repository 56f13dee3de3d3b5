/*
 * The hash chain. A row's hash is keyed and taken over the hash before it and every column of the row, each with
 * its length before it, so that no two rows are written alike. Who cannot read QUERN_KEY cannot make a row that
 * fits, nor take one away: the next would not fit. Rows from before the chain have no hash of their own; they are
 * taken together, and the first entry stands on them.
 */
#include "audit/audit_priv.h"

#include <string.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/settings.h"

#define COLUMNS "id, at, user_id::text, email, action, object, detail, address, request_id, seq, hash"

DB_STMT(chain_rows, "SELECT " COLUMNS " FROM audit_log WHERE (seq, id) > ($1, $2) ORDER BY seq, id LIMIT $3",
        DB_I64, DB_I64, DB_I64);
DB_STMT(chain_rows_before,
        "SELECT " COLUMNS " FROM audit_log WHERE seq IS NULL AND id > $1 ORDER BY id LIMIT $2", DB_I64,
        DB_I64);

static const struct db_row row_row =
        DB_ROW(struct audit_row, DB_COL_I64(struct audit_row, id), DB_COL_TIME(struct audit_row, at),
               DB_COL_TEXT(struct audit_row, user), DB_COL_TEXT(struct audit_row, email),
               DB_COL_TEXT(struct audit_row, action), DB_COL_TEXT(struct audit_row, object),
               DB_COL_JSON(struct audit_row, detail), DB_COL_TEXT(struct audit_row, address),
               DB_COL_TEXT(struct audit_row, request_id), DB_COL_I64(struct audit_row, seq),
               DB_COL_BYTES(struct audit_row, hash));

enum { PAGE_ROWS = 500, TEXTS = 7, NUMBERS = 3, NULL_LENGTH = -1 };

struct err *audit_chain_begin(struct ctx *ctx, struct audit_chain *c)
{
	*c = (struct audit_chain){.seq = 0};
	if (!ctx->settings || !ctx->settings->key)
		return err_hint(err_new(ctx->a, ERR_CONFIG, "cannot use the audit log without its key"),
		                "set QUERN_KEY");
	crypto_subkey(c->key, ctx->settings->key, "quernlog");
	return NULL;
}

/* Eight bytes, the highest first. */
static char *put_i64(char *p, int64_t v)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		*p++ = (char)(unsigned char)((uint64_t)v >> shift);
	return p;
}

static char *put_text(char *p, const char *s, size_t n)
{
	p = put_i64(p, s ? (int64_t)n : NULL_LENGTH);
	if (s)
		memcpy(p, s, n);
	return p + n;
}

void audit_chain_add(struct ctx *ctx, struct audit_chain *c, const struct audit_row *row)
{
	const char *texts[TEXTS] = {row->user,   row->email,   row->action,    row->object,
	                            row->detail, row->address, row->request_id};
	size_t lengths[TEXTS], size = sizeof(c->hash) + (NUMBERS + TEXTS) * sizeof(int64_t);
	char *whole, *p;

	for (int i = 0; i < TEXTS; i++)
		size += lengths[i] = str_of(texts[i]).n;
	whole = p = arena_alloc(ctx->a, size);
	memcpy(p, c->hash, sizeof(c->hash));
	p = put_i64(p + sizeof(c->hash), row->seq);
	p = put_i64(p, row->id);
	p = put_i64(p, row->at);
	for (int i = 0; i < TEXTS; i++)
		p = put_text(p, texts[i], lengths[i]);
	crypto_mac(c->hash, c->key, (struct str){whole, size});
	c->seq = row->seq;
	c->last_id = row->id;
}

/* One page: from is where the next begins. */
static struct err *walk_page(struct ctx *ctx, bool chained, struct audit_row *from,
                             bool (*fn)(struct ctx *ctx, void *arg, const struct audit_row *row), void *arg,
                             bool *over)
{
	struct audit_row *rows;
	size_t n, i;

	if (chained)
		TRY(db_all(ctx, &chain_rows, DB_ARGS(db_i64(from->seq), db_i64(from->id), db_i64(PAGE_ROWS)),
		           &row_row, &rows, &n));
	else
		TRY(db_all(ctx, &chain_rows_before, DB_ARGS(db_i64(from->id), db_i64(PAGE_ROWS)), &row_row,
		           &rows, &n));
	*over = n == 0;
	for (i = 0; i < n && !*over; i++)
		*over = fn(ctx, arg, &rows[i]);
	if (n)
		*from = (struct audit_row){.seq = rows[n - 1].seq, .id = rows[n - 1].id};
	return NULL;
}

struct err *audit_chain_walk(struct ctx *ctx, bool chained,
                             bool (*fn)(struct ctx *ctx, void *arg, const struct audit_row *row), void *arg)
{
	struct audit_row from = {.seq = INT64_MIN, .id = INT64_MIN};
	struct err *e = NULL;
	bool over = false;

	while (!e && !over) {
		struct ctx page = *ctx;

		page.a = arena_create();
		e = err_copy(ctx->a, walk_page(&page, chained, &from, fn, arg, &over));
		arena_free(page.a);
	}
	return e;
}

struct sealing {
	struct audit_chain *chain;
	int64_t *n;
};

static bool seal_one(struct ctx *ctx, void *arg, const struct audit_row *row)
{
	struct sealing *s = arg;

	audit_chain_add(ctx, s->chain, row);
	++*s->n;
	return false;
}

struct err *audit_chain_seal(struct ctx *ctx, struct audit_chain *c, int64_t *n)
{
	struct sealing s = {c, n};

	*n = 0;
	return audit_chain_walk(ctx, false, seal_one, &s);
}
