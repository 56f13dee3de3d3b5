/*
 * The version of a policy is a digest of everything in it that decides which rows and values are seen, and what is
 * said of the others, so that a cache key that holds it can never serve what another policy allowed. Who asks is not in it: what a filter says of
 * them is bound to the statement and part of such a key by itself.
 */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "policy/policy_priv.h"

static void add_text(struct buf *b, const char *text)
{
	if (text)
		buf_add_json(b, str_of(text));
	else
		buf_add_cstr(b, "none");
}

static void add_texts(struct buf *b, struct db_texts t)
{
	size_t i;

	if (!t.p) {
		buf_add_cstr(b, "all");
		return;
	}
	buf_add_cstr(b, "list");
	for (i = 0; i < t.n; i++)
		add_text(b, t.p[i]);
}

static void add_table(struct buf *b, const struct policy_table *t)
{
	size_t i;

	buf_add_cstr(b, "table");
	add_text(b, t->name);
	add_text(b, t->filter);
	for (i = 0; i < t->nmasks; i++) {
		add_text(b, t->masks[i].column);
		add_text(b, t->masks[i].kind);
	}
}

int64_t policy_version(struct arena *a, const struct policy *p, const struct project_source *source,
                       enum project_role role)
{
	struct arena_mark mark = arena_mark(a);
	struct buf b = buf_init(a, BUF_RESULT);
	unsigned char hash[CRYPTO_HASH_BYTES];
	uint64_t v;

	buf_printf(&b, "%d %d %lld %lld %lld %lld %lld %lld ", (int)role, p->tells_hidden, (long long)source->id,
	           (long long)source->version, (long long)p->max_rows, (long long)p->max_bytes,
	           (long long)p->max_cell_bytes, (long long)p->timeout_ms);
	add_text(&b, p->schema);
	add_text(&b, p->mask_key);
	add_texts(&b, p->allowed);
	add_texts(&b, p->excluded);
	for (size_t i = 0; i < p->ntables; i++)
		add_table(&b, &p->tables[i]);
	assert(!b.full);
	crypto_sha256(hash, buf_str(&b));
	memcpy(&v, hash, sizeof(v));
	arena_reset(a, mark);
	return (int64_t)(v >> 1) | 1;
}
