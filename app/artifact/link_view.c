/*
 * Views of links: once a day for each visitor. A visitor is a keyed digest of the link, the day, the address and the browser,
 * that tells nobody anything and is forgotten after two days.
 */
#include <inttypes.h>

#include "artifact/artifact.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/settings.h"

DB_STMT(artifact_view_count,
        "WITH new AS (INSERT INTO artifact_views (visitor) VALUES ($2) ON CONFLICT DO NOTHING RETURNING 1)"
        " UPDATE artifact_links SET views = views + 1, viewed_at = now() WHERE id = $1 AND EXISTS (SELECT FROM new)",
        DB_I64, DB_BYTES);

#define KEY_VIEW "qlnkview"
/* Who says another name each time counts no more than so often: names fall into so many kinds. */
enum { BROWSERS = 1024 };

#define DAY_US (INT64_C(86400) * 1000000)

static int browser(struct arena *a, struct str user_agent)
{
	struct crypto_hash *h = crypto_hash_new(a);
	unsigned char hash[CRYPTO_HASH_BYTES];

	crypto_hash_add(h, user_agent);
	crypto_hash_end(h, hash);
	return (hash[0] << 8 | hash[1]) % BROWSERS;
}

struct err *artifact_link_viewed(struct ctx *ctx, const struct artifact_link *link, struct str user_agent)
{
	unsigned char key[CRYPTO_KEY_BYTES], visitor[CRYPTO_HASH_BYTES];

	if (ctx->user_id == link->user_id)
		return NULL;
	crypto_subkey(key, ctx->settings->key, KEY_VIEW);
	crypto_mac(visitor, key,
	           str_of(arena_printf(ctx->a, "%" PRId64 " %" PRId64 " %s %d", link->id, clock_wall_us() / DAY_US,
	                               ctx->address, browser(ctx->a, user_agent))));
	return db_run(ctx, &artifact_view_count,
	              DB_ARGS(db_i64(link->id), db_bytes((struct str){(char *)visitor, sizeof(visitor)})), NULL);
}
