/*
 * From a project, its source and a member's role to what may be read. The version is a digest of everything
 * that the policy says, so that a cache key that holds it can never serve what another policy allowed.
 */
#include "policy/policy.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"

static void digest_texts(struct buf *b, struct db_texts t)
{
	size_t i;

	if (!t.p) {
		buf_add_cstr(b, "all");
		return;
	}
	buf_add_cstr(b, "list");
	for (i = 0; i < t.n; i++)
		buf_add_json(b, str_of(t.p[i]));
}

/* Positive, and another one whenever any field differs. */
static int64_t digest(struct arena *a, const struct policy *p, const struct project_source *source,
                      enum project_role role)
{
	struct arena_mark mark = arena_mark(a);
	struct buf b = buf_init(a, BUF_PAGE);
	unsigned char hash[CRYPTO_HASH_BYTES];
	uint64_t v;

	buf_printf(&b, "%d %lld %lld %lld %lld %lld ", (int)role, (long long)source->id,
	           (long long)source->version, (long long)p->max_rows, (long long)p->max_bytes,
	           (long long)p->timeout_ms);
	buf_add_json(&b, str_of(p->schema));
	digest_texts(&b, p->allowed);
	digest_texts(&b, p->excluded);
	assert(!b.full);
	crypto_sha256(hash, buf_str(&b));
	memcpy(&v, hash, sizeof(v));
	arena_reset(a, mark);
	return (int64_t)(v >> 1) | 1;
}

struct err *policy_for(struct ctx *ctx, const struct project *project, const struct project_source *source,
                       enum project_role role, struct policy **out)
{
	static const char *nothing[1];
	struct policy *p = ARENA_NEW(ctx->a, struct policy);

	*p = (struct policy){
	        .schema = source->schema,
	        .allowed = role >= PROJECT_VIEWER ? source->allowed : (struct db_texts){nothing, 0},
	        .excluded = source->excluded,
	        .max_rows = project->row_cap,
	        .max_bytes = POLICY_MAX_BYTES,
	        .max_cell_bytes = POLICY_MAX_CELL_BYTES,
	        .timeout_ms = project->timeout_ms,
	};
	p->version = digest(ctx->a, p, source, role);
	*out = p;
	return NULL;
}

static bool listed(struct db_texts t, struct str name, bool (*same)(struct str, struct str))
{
	size_t i;

	for (i = 0; i < t.n; i++)
		if (same(str_of(t.p[i]), name))
			return true;
	return false;
}

bool policy_allows_table(const struct policy *policy, const char *table)
{
	struct str name = str_of(table);

	/* An exclusion written in another case still excludes; a permission has to be exact. */
	if (listed(policy->excluded, name, str_eq_nocase))
		return false;
	return !policy->allowed.p || listed(policy->allowed, name, str_eq);
}
