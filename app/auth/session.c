/*
 * Browser sessions. The cookie is 32 random bytes of which only the hash is stored, so that nobody who reads
 * the database can use one. The end of a session is kept by the database alone; it moves with use, written at
 * most once an hour. The cookie itself is made to outlive it.
 */
#include "auth/auth.h"

#include <string.h>

#include "audit/audit.h"
#include "auth/auth_priv.h"
#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/settings.h"

/* stale: an hour of its time has gone, or a quarter of a short one. */
DB_STMT(auth_session_select,
        "SELECT " AUTH_PERSON_COLUMNS " s.expires_at < now() + $3 * interval '1 hour'"
        " - least(interval '1 hour', $3 * interval '15 minutes'), s.csrf, " AUTH_PROJECT_COLUMNS
        " FROM sessions s JOIN users u ON u.id = s.user_id" AUTH_PROJECT_JOINS
        "WHERE s.token_hash = $1 AND s.expires_at > now() AND u.disabled_at IS NULL AND u.origin = 'local'",
        DB_BYTES, DB_TEXT, DB_I64);
DB_STMT(auth_session_extend,
        "WITH used AS (UPDATE sessions SET expires_at = now() + $2 * interval '1 hour' WHERE token_hash = $1"
        " RETURNING user_id) UPDATE users SET last_seen_at = now() FROM used WHERE id = used.user_id",
        DB_BYTES, DB_I64);
DB_STMT(auth_session_insert,
        "WITH owner AS (UPDATE users SET last_seen_at = now() WHERE id = $2 AND password_hash = $3"
        " AND disabled_at IS NULL RETURNING id)"
        " INSERT INTO sessions (token_hash, user_id, csrf, expires_at, address, user_agent)"
        " SELECT $1, id, $4, now() + $5 * interval '1 hour', $6, $7 FROM owner",
        DB_BYTES, DB_I64, DB_TEXT, DB_TEXT, DB_I64, DB_TEXT, DB_TEXT);
/* And some that are over; those that somebody else removes at this moment are left to them. */
DB_STMT(auth_session_delete,
        "DELETE FROM sessions WHERE token_hash = $1 OR token_hash IN (SELECT token_hash FROM sessions"
        " WHERE expires_at < now() LIMIT 1000 FOR UPDATE SKIP LOCKED)",
        DB_BYTES);
DB_STMT(auth_session_delete_others,
        "DELETE FROM sessions WHERE user_id = $1 AND token_hash IS DISTINCT FROM $2", DB_I64, DB_BYTES);

/* 400 days is the longest that browsers keep a cookie. */
enum { COOKIE_SECONDS = 400 * 86400, USER_AGENT_BYTES = 400 };

/* The stored hash of the request's session cookie; p NULL when it has none that could be ours. */
static struct str cookie_hash(struct ctx *ctx, const struct http_request *req)
{
	struct str cookie = http_cookie(req, AUTH_COOKIE);
	unsigned char *hash;

	if (cookie.n != AUTH_TOKEN_CHARS)
		return (struct str){NULL, 0};
	hash = arena_alloc(ctx->a, CRYPTO_HASH_BYTES);
	crypto_sha256(hash, cookie);
	return (struct str){(const char *)hash, CRYPTO_HASH_BYTES};
}

struct err *auth_session_find(struct ctx *ctx, const struct http_request *req, const char *slug,
                              struct auth_found *out)
{
	struct str hash = cookie_hash(ctx, req);
	int64_t hours = ctx->settings->session_hours;
	struct err *e;
	bool found;

	memset(out, 0, sizeof(*out));
	if (!hash.p)
		return NULL;
	TRY(db_find(ctx, &auth_session_select, DB_ARGS(db_bytes(hash), db_text(slug), db_i64(hours)),
	            &auth_found_row, out, &found));
	if (!found)
		memset(out, 0, sizeof(*out));
	if (!out->stale)
		return NULL;
	/* Who may read should be able to while nothing can be written. */
	e = db_run(ctx, &auth_session_extend, DB_ARGS(db_bytes(hash), db_i64(hours)), NULL);
	if (e)
		log_err(LOG_WARNING, ctx->request_id, "could not extend a session", e);
	return NULL;
}

struct start {
	struct str old; /* hash of the session that it replaces */
	struct str hash;
	int64_t user_id;
	const char *password_hash;
	const char *csrf;
	struct str user_agent;
	bool made;
};

static struct err *start(struct ctx *ctx, void *arg)
{
	struct start *s = arg;
	int64_t affected;

	TRY(db_run(ctx, &auth_session_delete, DB_ARGS(db_bytes(s->old)), NULL));
	TRY(db_run(ctx, &auth_session_insert,
	           DB_ARGS(db_bytes(s->hash), db_i64(s->user_id), db_text(s->password_hash), db_text(s->csrf),
	                   db_i64(ctx->settings->session_hours), db_text(ctx->address),
	                   db_str(s->user_agent)),
	           &affected));
	s->made = affected == 1;
	return s->made ? audit_log(ctx, "auth.sign_in", auth_object(ctx->a, s->user_id), NULL) : NULL;
}

/* A client's name for itself, made fit to be stored. */
static struct str user_agent(const struct http_request *req)
{
	struct str s = http_header(req, "user-agent");

	return str_utf8_valid(s) && s.p ? str_utf8_cut(s, USER_AGENT_BYTES) : STR("");
}

struct err *auth_session_start(struct ctx *ctx, struct http_request *req, struct http_response *res,
                               int64_t user_id, const char *password_hash, bool *made)
{
	const char *token = crypto_token(ctx->a, AUTH_TOKEN_BYTES);
	unsigned char hash[CRYPTO_HASH_BYTES];
	struct start s = {.old = cookie_hash(ctx, req),
	                  .hash = {(const char *)hash, sizeof(hash)},
	                  .user_id = user_id,
	                  .password_hash = password_hash,
	                  .csrf = crypto_token(ctx->a, AUTH_TOKEN_BYTES),
	                  .user_agent = user_agent(req)};

	crypto_sha256(hash, str_of(token));
	ctx->user_id = user_id;
	TRY(db_transact(ctx, start, &s));
	*made = s.made;
	if (s.made)
		http_set_cookie(res, AUTH_COOKIE, token, COOKIE_SECONDS);
	return NULL;
}

struct err *auth_session_end_others(struct ctx *ctx, const struct http_request *req, int64_t user_id)
{
	struct str keep = req ? cookie_hash(ctx, req) : (struct str){NULL, 0};

	return db_run(ctx, &auth_session_delete_others, DB_ARGS(db_i64(user_id), db_bytes(keep)), NULL);
}

struct end {
	struct str hash;
	bool everywhere;
};

static struct err *end(struct ctx *ctx, void *arg)
{
	const struct end *s = arg;

	TRY(db_run(ctx, &auth_session_delete, DB_ARGS(db_bytes(s->hash)), NULL));
	if (s->everywhere && ctx->user_id)
		TRY(auth_session_end_others(ctx, NULL, ctx->user_id));
	return ctx->user_id ? audit_log(ctx, "auth.sign_out", auth_object(ctx->a, ctx->user_id), NULL) : NULL;
}

struct err *auth_sign_out(struct ctx *ctx, struct http_request *req, struct http_response *res,
                          bool everywhere)
{
	struct end s = {cookie_hash(ctx, req), everywhere};

	TRY(db_transact(ctx, end, &s));
	http_set_cookie(res, AUTH_COOKIE, "", 0);
	return NULL;
}
