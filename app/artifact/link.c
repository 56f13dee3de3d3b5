/*
 * Links by which others see an artifact. A token is 256 random bits; only its keyed hash is stored, so that nobody who reads
 * the database, or guesses with a copy of it, can open a link. Whatever stands against showing an artifact is part of one
 * statement, so that all of it looks the same and takes the same work; and it is asked again for each request.
 */
#include <inttypes.h>
#include <string.h>

#include "artifact/artifact_priv.h"
#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/settings.h"

enum { TOKEN_BYTES = 32, US = 1000000 };

/* Purposes of keys, 8 characters each. */
#define KEY_TOKEN "qlnktokn"
#define KEY_GRANT "qlnkgrnt"

#define COLUMNS \
	"l.id, l.artifact_id, a.project_id, l.user_id, coalesce(nullif(m.name, ''), m.email), a.title, p.name, l.audience," \
	" l.people, coalesce(l.version, 0), l.frozen IS NOT NULL, l.frozen_at, l.password_hash, l.embed_origins," \
	" l.expires_at, l.revoked_at, l.views, l.viewed_at, l.created_at, p.slug, coalesce(v.sources <> '[]', false)"
#define TABLES \
	" FROM artifact_links l JOIN artifacts a ON a.id = l.artifact_id JOIN projects p ON p.id = a.project_id" \
	" JOIN users m ON m.id = l.user_id"
#define LISTED TABLES " LEFT JOIN artifact_versions v ON v.artifact_id = a.id AND v.n = coalesce(l.version, a.n)"
#define OPEN " l.revoked_at IS NULL AND (l.expires_at IS NULL OR l.expires_at > now()) AND a.deleted_at IS NULL"
/* The maker still sees the project; and may export, as when the link was made, where rows of theirs are shown to others. */
#define VOUCHED \
	" EXISTS (SELECT FROM users maker LEFT JOIN members its ON its.user_id = maker.id AND its.project_id = a.project_id" \
	" WHERE maker.id = l.user_id AND maker.disabled_at IS NULL AND (maker.is_admin OR its.role IN ('analyst', 'admin')" \
	" OR (its.role = 'viewer' AND (l.frozen IS NULL OR (l.audience <> 'public' AND NOT EXISTS (SELECT FROM" \
	" artifact_versions f WHERE f.artifact_id = a.id AND f.n = l.frozen_version AND f.sources <> '[]'))))))"
/* May be shown to $2, with public links or without ($3): the maker vouches for it, and it is meant for $2. */
#define SHOWN \
	" AND" OPEN " AND" VOUCHED " AND CASE l.audience WHEN 'public' THEN $3" \
	" WHEN 'project' THEN" PROJECT_SEEN("a.project_id", "$2") \
	" ELSE EXISTS (SELECT FROM users who WHERE who.id = $2 AND who.disabled_at IS NULL AND who.email = ANY (l.people)) END"
/* The newest version; with frozen data the newest that needs no other data than was frozen. */
#define NEWEST \
	" CASE WHEN l.frozen IS NULL THEN a.n ELSE (SELECT max(x.n) FROM artifact_versions x JOIN artifact_versions y" \
	" ON y.artifact_id = x.artifact_id AND y.n = l.frozen_version WHERE x.artifact_id = a.id AND x.n >= y.n" \
	" AND (x.data IS NULL OR x.data = y.data) AND NOT EXISTS (SELECT FROM jsonb_array_elements(x.sources) s" \
	" WHERE NOT y.sources @> jsonb_build_array(s - 'run_id'))) END"
#define FOUND \
	"SELECT " COLUMNS ", a.type, a.n, v.n, coalesce(w.email, ''), v.created_at" TABLES \
	" JOIN artifact_versions v ON v.artifact_id = a.id AND v.n = coalesce(l.version," NEWEST ")" \
	" LEFT JOIN users w ON w.id = v.user_id WHERE "

DB_STMT(artifact_link_by_token, FOUND "l.token_hash = $1" SHOWN, DB_BYTES, DB_I64, DB_BOOL);
DB_STMT(artifact_link_by_id, FOUND "l.id = $1" SHOWN, DB_I64, DB_I64, DB_BOOL);
DB_STMT(artifact_link_body,
        "SELECT v.code, v.sources, v.data, l.frozen FROM artifact_links l JOIN artifact_versions v"
        " ON v.artifact_id = l.artifact_id AND v.n = $2 WHERE l.id = $1",
        DB_I64, DB_I64);
DB_STMT(artifact_link_lock, "SELECT id FROM artifacts WHERE id = $1 FOR UPDATE", DB_I64);
DB_STMT(artifact_link_insert,
        "INSERT INTO artifact_links (artifact_id, user_id, token_hash, audience, people, version, frozen, frozen_at,"
        " password_hash, embed_origins, expires_at, frozen_version) SELECT a.id, $1, $3, $4, $5, nullif($6, 0), $7, $8, $9,"
        " $10, $11, CASE WHEN $7 IS NOT NULL THEN $12 END"
        " FROM artifacts a WHERE a.id = $2 AND a.user_id = $1 AND a.deleted_at IS NULL"
        " AND ($6 = 0 OR EXISTS (SELECT FROM artifact_versions v WHERE v.artifact_id = a.id AND v.n = $6))"
        " AND" PROJECT_SEEN("a.project_id", "$1") " RETURNING id",
        DB_I64, DB_I64, DB_BYTES, DB_TEXT, DB_TEXTS, DB_I64, DB_JSON, DB_TIME, DB_TEXT, DB_TEXTS, DB_TIME,
        DB_I64);
DB_STMT(artifact_link_list,
        "SELECT " COLUMNS LISTED " WHERE ($1 = 0 OR a.project_id = $1) AND ($2 = 0 OR l.artifact_id = $2)"
        " ORDER BY (" OPEN ") DESC, l.id DESC LIMIT $3 OFFSET $4",
        DB_I64, DB_I64, DB_I64, DB_I64);
DB_STMT(artifact_link_open_count,
        "SELECT count(*) FROM artifact_links l JOIN artifacts a ON a.id = l.artifact_id WHERE a.id = $1 AND" OPEN, DB_I64);
DB_STMT(artifact_link_end,
        "UPDATE artifact_links l SET revoked_at = now(), frozen = CASE WHEN l.frozen IS NOT NULL THEN '{}'::jsonb END"
        " FROM artifacts a WHERE l.id = $1 AND a.id = l.artifact_id"
        " AND l.revoked_at IS NULL AND EXISTS (SELECT FROM users u WHERE u.id = $2 AND u.disabled_at IS NULL"
        " AND (u.is_admin OR u.id IN (l.user_id, a.user_id) OR EXISTS (SELECT FROM members x WHERE x.user_id = u.id"
        " AND x.project_id = a.project_id AND x.role = 'admin')))",
        DB_I64, DB_I64);
DB_STMT(artifact_link_one, "SELECT " COLUMNS LISTED " WHERE l.id = $1", DB_I64);
DB_STMT0(artifact_view_forget, "DELETE FROM artifact_views WHERE at < now() - interval '2 days'");
/* The size tells whether there is anything to empty without reading it. */
DB_STMT0(artifact_link_sweep,
         "UPDATE artifact_links l SET frozen = '{}',"
         " revoked_at = coalesce(l.revoked_at, CASE WHEN a.deleted_at IS NOT NULL THEN now() END) FROM artifacts a"
         " WHERE a.id = l.artifact_id AND pg_column_size(l.frozen) > 16 AND (l.revoked_at IS NOT NULL"
         " OR l.expires_at <= now() OR a.deleted_at < now() - interval '7 days')");

struct found {
	struct artifact_link link;
	const char *type;
	int64_t newest;
	struct artifact_version version;
};

#define LINK_COLS(t, f) \
	DB_COL_I64(t, f id), DB_COL_I64(t, f artifact_id), DB_COL_I64(t, f project_id), DB_COL_I64(t, f user_id), \
	        DB_COL_TEXT(t, f by), DB_COL_TEXT(t, f title), DB_COL_TEXT(t, f project), DB_COL_TEXT(t, f audience), \
	        DB_COL_TEXTS(t, f people), DB_COL_I64(t, f version), DB_COL_BOOL(t, f is_frozen), \
	        DB_COL_TIME(t, f frozen_at), DB_COL_TEXT(t, f password_hash), DB_COL_TEXTS(t, f embed_origins), \
	        DB_COL_TIME(t, f expires_at), DB_COL_TIME(t, f revoked_at), DB_COL_I64(t, f views), \
	        DB_COL_TIME(t, f viewed_at), DB_COL_TIME(t, f created_at), DB_COL_TEXT(t, f slug), DB_COL_BOOL(t, f sourced)
static const struct db_row link_row = DB_ROW(struct artifact_link, LINK_COLS(struct artifact_link, ));
static const struct db_row found_row =
        DB_ROW(struct found, LINK_COLS(struct found, link.), DB_COL_TEXT(struct found, type),
               DB_COL_I64(struct found, newest), DB_COL_I64(struct found, version.n),
               DB_COL_TEXT(struct found, version.by), DB_COL_TIME(struct found, version.at));

struct body {
	const char *code, *sources, *data, *frozen;
};
static const struct db_row body_row = DB_ROW(struct body, DB_COL_TEXT(struct body, code), DB_COL_JSON(struct body, sources),
                                             DB_COL_JSON(struct body, data), DB_COL_JSON(struct body, frozen));

static struct str token_hash(struct ctx *ctx, struct str token)
{
	unsigned char key[CRYPTO_KEY_BYTES], *hash = arena_alloc(ctx->a, CRYPTO_HASH_BYTES);

	crypto_subkey(key, ctx->settings->key, KEY_TOKEN);
	crypto_mac(hash, key, token);
	return (struct str){(const char *)hash, CRYPTO_HASH_BYTES};
}

static bool public_links(const struct ctx *ctx)
{
	return strcmp(ctx->settings->public_links, "on") == 0;
}

/* Making ------------------------------------------------------------------------------------------------- */

struct making {
	struct artifact_link *link;
	struct str hash;
};

static const char *object(struct arena *a, const struct artifact_link *link)
{
	return arena_printf(a, "artifact:%" PRId64, link->artifact_id);
}

/* What can be told of a link: not its token, nor whom it is for. */
static const char *facts(struct arena *a, const struct artifact_link *link)
{
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "link", link->id);
	json_put_cstr(&w, "audience", link->audience);
	if (link->version)
		json_put_i64(&w, "version", link->version);
	json_put_bool(&w, "frozen", link->frozen || link->is_frozen);
	json_put_bool(&w, "password", link->password_hash);
	if (link->expires_at)
		json_put_cstr(&w, "expires", clock_rfc3339(a, link->expires_at));
	json_object_close(&w);
	return buf_cstr(&b);
}

/* An empty list, too, and not null. */
static struct db_arg texts(const struct db_texts *list)
{
	static const char *none[] = {NULL};

	return db_texts(list->n ? list->p : none, list->n);
}

/* One after the other, so that all count the same. */
static struct err *check_room(struct ctx *ctx, int64_t artifact_id)
{
	int64_t locked, n;

	TRY(db_one(ctx, &artifact_link_lock, DB_ARGS(db_i64(artifact_id)), &db_id_row, "artifact", &locked));
	TRY(artifact_links_open(ctx, artifact_id, &n));
	if (n < ARTIFACT_LINKS)
		return NULL;
	return err_hint(err_new(ctx->a, ERR_CONFLICT, "the artifact has %d open links, and no room for more", ARTIFACT_LINKS),
	                "Take back those that nobody needs any more.");
}

static struct err *make(struct ctx *ctx, void *arg)
{
	const struct making *m = arg;
	struct artifact_link *l = m->link;

	TRY(check_room(ctx, l->artifact_id));
	TRY(db_one(ctx, &artifact_link_insert,
	           DB_ARGS(db_i64(ctx->user_id), db_i64(l->artifact_id), db_bytes(m->hash), db_text(l->audience),
	                   texts(&l->people), db_i64(l->version), db_json(l->frozen), db_time(l->frozen_at),
	                   db_text(l->password_hash), texts(&l->embed_origins), db_time(l->expires_at),
	                   db_i64(l->frozen_version)),
	           &db_id_row, "artifact", &l->id));
	return artifact_link_log(ctx, "artifact.link.create", l);
}

struct err *artifact_link_create(struct ctx *ctx, struct artifact_link *link, const char **token)
{
	struct making m = {.link = link};

	TRY(artifact_link_check(ctx->a, link));
	if (!strcmp(link->audience, "public") && !public_links(ctx))
		return err_hint(err_new(ctx->a, ERR_FORBIDDEN, "links for everybody are forbidden here"),
		                "Share it with the members of the project, or with people who have an account here.");
	*token = crypto_token(ctx->a, TOKEN_BYTES);
	m.hash = token_hash(ctx, str_of(*token));
	return db_transact(ctx, make, &m);
}

/* Seeing and ending -------------------------------------------------------------------------------------- */

struct err *artifact_links(struct ctx *ctx, int64_t project_id, int64_t artifact_id, int64_t from, int64_t most,
                           struct artifact_link **out, size_t *n)
{
	return db_all(ctx, &artifact_link_list,
	              DB_ARGS(db_i64(project_id), db_i64(artifact_id), db_i64(most), db_i64(from)), &link_row, out, n);
}

struct err *artifact_links_open(struct ctx *ctx, int64_t artifact_id, int64_t *n)
{
	return db_one(ctx, &artifact_link_open_count, DB_ARGS(db_i64(artifact_id)), &db_id_row, "artifact", n);
}

struct err *artifact_links_sweep(struct ctx *ctx)
{
	TRY(db_run(ctx, &artifact_link_sweep, DB_NO_ARGS, NULL));
	return db_run(ctx, &artifact_view_forget, DB_NO_ARGS, NULL);
}

struct ending {
	int64_t id;
	struct artifact_link *out;
};

static struct err *end(struct ctx *ctx, void *arg)
{
	const struct ending *e = arg;
	int64_t n = 0;

	TRY(db_run(ctx, &artifact_link_end, DB_ARGS(db_i64(e->id), db_i64(ctx->user_id)), &n));
	if (!n)
		return err_new(ctx->a, ERR_NOT_FOUND, "link not found");
	TRY(db_one(ctx, &artifact_link_one, DB_ARGS(db_i64(e->id)), &link_row, "link", e->out));
	return artifact_link_log(ctx, "artifact.link.revoke", e->out);
}

struct err *artifact_link_revoke(struct ctx *ctx, int64_t link_id, struct artifact_link *out)
{
	return db_transact(ctx, end, &(struct ending){link_id, out});
}

struct err *artifact_link_log(struct ctx *ctx, const char *action, const struct artifact_link *link)
{
	return audit_log(ctx, action, object(ctx->a, link), facts(ctx->a, link));
}

/* Opening ------------------------------------------------------------------------------------------------ */

static struct err *find(struct ctx *ctx, const struct db_stmt *stmt, struct db_arg key, struct artifact_link *link,
                        struct artifact *artifact)
{
	struct found f = {0};

	TRY(db_one(ctx, stmt, DB_ARGS(key, db_i64(ctx->user_id), db_bool(public_links(ctx))), &found_row, "shared page", &f));
	*link = f.link;
	*artifact = (struct artifact){.id = link->artifact_id,
	                              .project_id = link->project_id,
	                              .title = link->title,
	                              .type = f.type,
	                              .n = f.newest,
	                              .version = f.version};
	return NULL;
}

struct err *artifact_link_open(struct ctx *ctx, struct str token, struct artifact_link *link, struct artifact *artifact)
{
	return find(ctx, &artifact_link_by_token, db_bytes(token_hash(ctx, token)), link, artifact);
}

/* "<until>.<password given>.<MAC of both and the link's id>" */
static const char *grant_of(struct ctx *ctx, int64_t link_id, int64_t until, bool password)
{
	const char *said = arena_printf(ctx->a, "%" PRId64 ".%d", until, password);
	unsigned char key[CRYPTO_KEY_BYTES];

	crypto_subkey(key, ctx->settings->key, KEY_GRANT);
	return arena_printf(ctx->a, "%s.%s", said,
	                    crypto_keyed_hex(ctx->a, key, str_of(arena_printf(ctx->a, "%" PRId64 ".%s", link_id, said))));
}

const char *artifact_link_grant(struct ctx *ctx, const struct artifact_link *link, bool password)
{
	return grant_of(ctx, link->id, clock_wall_us() / US + ARTIFACT_GRANT_SECONDS, password);
}

/* Whether it is one of ours for this link; what it does not say is false. */
static bool grant_holds(struct ctx *ctx, int64_t link_id, struct str grant, bool *password)
{
	struct str rest = grant;
	int64_t until = 0;
	bool dated = str_to_i64(str_chop(&rest, '.'), &until);

	*password = str_starts(rest, STR("1."));
	return crypto_equal(grant, str_of(grant_of(ctx, link_id, until, *password))) && dated &&
	       until > clock_wall_us() / US;
}

struct err *artifact_link_use(struct ctx *ctx, int64_t link_id, struct str grant, struct artifact_link *link,
                              struct artifact *artifact, bool *password)
{
	bool holds = grant_holds(ctx, link_id, grant, password);

	TRY(find(ctx, &artifact_link_by_id, db_i64(holds ? link_id : 0), link, artifact));
	*password = *password || !link->password_hash;
	return NULL;
}

struct err *artifact_link_content(struct ctx *ctx, struct artifact_link *link, struct artifact *artifact)
{
	struct body body;

	TRY(db_one(ctx, &artifact_link_body, DB_ARGS(db_i64(link->id), db_i64(artifact->version.n)), &body_row,
	           "shared page", &body));
	link->frozen = body.frozen;
	artifact->version.code = body.code;
	artifact->version.data = body.data;
	return artifact_sources_read(ctx->a, body.sources, &artifact->version);
}
