/*
 * Checking the chain: one pass over the log, a page of rows at a time, beside one pass over the file of heads. The
 * first thing that is wrong ends it; what comes after could not be told from it.
 */
#include "audit/audit_priv.h"

#include <inttypes.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"

struct check {
	struct ctx *ctx;
	struct audit_chain chain;
	int64_t sealed_id; /* the newest of those from before the chain */
	struct audit_heads_file *heads;
	struct audit_head head;
	struct audit_report *out;
};

/* Says what is wrong; true: the walk is over. */
static bool wrong(struct check *c, const char *text)
{
	c->out->ok = false;
	c->out->wrong = text;
	return true;
}

/* "entry 57 (id 61, 2026-11-21T06:30:00Z)", as it is stored now. */
static const char *named(struct check *c, const struct audit_row *row)
{
	return arena_printf(c->ctx->a, "entry %" PRId64 " (id %" PRId64 ", %s)", row->seq, row->id,
	                    clock_rfc3339(c->ctx->a, row->at));
}

static bool out_of_place(struct check *c, const struct audit_row *row)
{
	if (row->seq <= c->chain.seq)
		return wrong(c, arena_printf(c->ctx->a,
		                             "%s was put in: there is another one of that number, or "
		                             "the chain begins later",
		                             named(c, row)));
	return wrong(c, arena_printf(c->ctx->a, "entry %" PRId64 " is missing: %s comes next",
	                             c->chain.seq + 1, named(c, row)));
}

static bool changed(struct check *c, const struct audit_row *row)
{
	if (row->seq != 1 || !c->out->unchained)
		return wrong(c, arena_printf(c->ctx->a, "%s was changed, or another was put in its place",
		                             named(c, row)));
	if (c->sealed_id > row->id)
		return wrong(c, arena_printf(c->ctx->a,
		                             "the entry with id %" PRId64 " was put in beside the chain",
		                             c->sealed_id));
	return wrong(c, arena_printf(c->ctx->a, "%s, or one of the %" PRId64 " older ones, was changed",
	                             named(c, row), c->out->unchained));
}

/* Goes to the next head; false when its line makes no sense. */
static bool next_head(struct check *c)
{
	struct err *e = c->heads ? audit_heads_next(c->ctx->a, c->heads, &c->head) : NULL;

	if (e)
		wrong(c, e->message);
	return !e;
}

/* The row against the heads of its number. */
static bool not_the_head(struct ctx *ctx, struct check *c, const struct audit_row *row)
{
	const char *hash = crypto_hex(ctx->a, c->chain.hash);

	for (; c->head.seq == row->seq; c->out->heads++) {
		if (strcmp(hash, c->head.hash) != 0)
			return wrong(c, arena_printf(c->ctx->a,
			                             "%s is not the one that the file of heads has since %s",
			                             named(c, row), c->head.time));
		if (!next_head(c))
			return true;
	}
	if (c->head.seq && c->head.seq < row->seq)
		return wrong(c, arena_printf(c->ctx->a,
		                             "line %d of the file of heads goes back to entry %" PRId64
		                             ": the end of the log was cut off and has grown again",
		                             audit_heads_line(c->heads), c->head.seq));
	return false;
}

static bool check_row(struct ctx *ctx, void *arg, const struct audit_row *row)
{
	struct check *c = arg;

	if (row->seq != c->chain.seq + 1)
		return out_of_place(c, row);
	audit_chain_add(ctx, &c->chain, row);
	if (!crypto_equal(row->hash, (struct str){(const char *)c->chain.hash, sizeof(c->chain.hash)}))
		return changed(c, row);
	c->out->entries++;
	c->out->until = row->at;
	return c->head.seq && c->head.seq <= row->seq && not_the_head(ctx, c, row);
}

static void check_end(struct check *c)
{
	if (c->out->ok && c->head.seq)
		wrong(c, arena_printf(c->ctx->a,
		                      "the end was cut off: the log ends with entry %" PRId64
		                      ", but the file of heads has entry %" PRId64 " since %s",
		                      c->chain.seq, c->head.seq, c->head.time));
}

struct err *audit_verify(struct ctx *ctx, const char *heads, struct audit_report *out)
{
	struct check c = {.ctx = ctx, .out = out};

	*out = (struct audit_report){.ok = true};
	TRY(audit_chain_begin(ctx, &c.chain));
	if (heads)
		TRY(audit_heads_open(ctx->a, heads, &c.heads));
	if (!next_head(&c))
		return NULL;
	TRY(audit_chain_seal(ctx, &c.chain, &out->unchained));
	c.sealed_id = c.chain.last_id;
	c.chain.seq = 0;
	TRY(audit_chain_walk(ctx, true, check_row, &c));
	check_end(&c);
	return NULL;
}
