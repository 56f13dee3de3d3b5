/*
 * Answers from the rows of an earlier run. The key is a digest of everything that the rows depend on but the
 * data itself, so rows never cross from one policy, source, person's filter or time zone to another; how old the
 * data may be is the project's choice.
 */
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "query/query_priv.h"

static struct str key_of(struct query_work *work)
{
	const struct sql_statement *s = work->statement;
	const struct project_source *source = work->scope->source;
	struct buf b = buf_init(work->ctx->a, BUF_PAGE);
	unsigned char *hash = arena_alloc(work->ctx->a, CRYPTO_HASH_BYTES);

	buf_printf(&b, "%lld %lld %lld %lld %lld ", (long long)source->id, (long long)source->version,
	           (long long)work->scope->policy->version, (long long)work->caps.bytes,
	           (long long)work->caps.cell_bytes);
	buf_add_json(&b, str_of(query_zone(work->scope)));
	buf_add_json(&b, str_of(s->sql));
	for (size_t i = 0; i < s->nparams; i++) {
		if (s->params[i])
			buf_add_json(&b, str_of(s->params[i]));
		else
			buf_add_char(&b, '-');
	}
	if (b.full)
		return (struct str){0};
	crypto_sha256(hash, buf_str(&b));
	return (struct str){(const char *)hash, CRYPTO_HASH_BYTES};
}

struct err *query_cache_find(struct query_work *work, bool *found)
{
	const struct policy *p = work->scope->policy;
	struct query_result *r;

	*found = false;
	if (!work->statement->repeatable || p->cache_seconds <= 0 || work->sink || work->plan ||
	    !work->scope->source->id || !p->version)
		return NULL;
	work->cache_key = key_of(work);
	if (!work->cache_key.p || work->scope->fresh || work->background)
		return NULL;
	TRY(query_load_cached(work->ctx, work->cache_key, p->cache_seconds, &r));
	if (!r)
		return NULL;
	r->sql_asked = work->r->sql_asked;
	r->ncaveats = 0;
	r->caveats = NULL;
	*work->r = *r;
	*found = true;
	return NULL;
}
