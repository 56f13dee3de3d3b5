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
DB_STMT0(artifact_view_forget, "DELETE FROM artifact_views WHERE at < now() - interval '2 days'");

#define KEY_VIEW "qlnkview"
#define DAY_US (INT64_C(86400) * 1000000)

struct err *artifact_link_viewed(struct ctx *ctx, const struct artifact_link *link, struct str user_agent)
{
	unsigned char key[CRYPTO_KEY_BYTES], visitor[CRYPTO_HASH_BYTES];
	int64_t counted = 0;

	if (ctx->user_id == link->user_id)
		return NULL;
	crypto_subkey(key, ctx->settings->key, KEY_VIEW);
	crypto_mac(visitor, key,
	           str_of(arena_printf(ctx->a, "%" PRId64 " %" PRId64 " %s %.*s", link->id, clock_wall_us() / DAY_US,
	                               ctx->address, STR_ARG(user_agent))));
	TRY(db_run(ctx, &artifact_view_count, DB_ARGS(db_i64(link->id), db_bytes((struct str){(char *)visitor, sizeof(visitor)})),
	           &counted));
	/* About one new visitor of 256 clears away behind all. */
	return counted && visitor[0] == 0 ? db_run(ctx, &artifact_view_forget, DB_NO_ARGS, NULL) : NULL;
}
