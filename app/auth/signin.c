/*
 * Signing in with a password. Whatever is wrong - no such account, one that is switched off or belongs to
 * single sign-on, another password - takes the same time and is told in the same sentence. An attempt is
 * counted before it is made and taken back when it succeeds, so that many at the same moment cannot pass the
 * limit together.
 */
#include <arpa/inet.h>
#include <string.h>

#include "audit/audit.h"
#include "auth/auth.h"
#include "auth/auth_priv.h"
#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/log.h"

DB_STMT(auth_account_select,
        "SELECT id, password_hash FROM users WHERE email = $1 AND origin = 'local' AND disabled_at IS NULL",
        DB_TEXT);
DB_STMT(auth_password_replace, "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        DB_I64, DB_TEXT, DB_TEXT);

enum { WINDOW_SECONDS = 15 * 60, ACCOUNT_FAILURES = 10, ADDRESS_FAILURES = 30, PASSWORD_TRIED = 1000 };

struct account {
	int64_t id;
	const char *hash;
};
static const struct db_row account_row =
        DB_ROW(struct account, DB_COL_I64(struct account, id), DB_COL_TEXT(struct account, hash));

/* The two counters of an attempt. */
struct counters {
	const char *account;
	const char *address;
};

const char *auth_network(struct arena *a, const char *address)
{
	struct in6_addr v6;
	char text[INET6_ADDRSTRLEN];

	if (inet_pton(AF_INET6, address, &v6) != 1)
		return address;
	memset(v6.s6_addr + 8, 0, 8);
	return arena_strdup(a, inet_ntop(AF_INET6, &v6, text, sizeof(text)));
}

/* The address that was typed is hashed: it may be anything, even the password. */
static struct counters counters_of(struct ctx *ctx, const char *email)
{
	return (struct counters){
	        arena_printf(ctx->a, "sign-in:account:%s", crypto_sha256_hex(ctx->a, str_of(email))),
	        arena_printf(ctx->a, "sign-in:address:%s",
	                     auth_network(ctx->a, ctx->address ? ctx->address : "")),
	};
}

static struct err *count(struct ctx *ctx, const struct counters *c)
{
	TRY(audit_rate(ctx, c->address, ADDRESS_FAILURES, WINDOW_SECONDS));
	return audit_rate(ctx, c->account, ACCOUNT_FAILURES, WINDOW_SECONDS);
}

/* A counter too high by one is not worth a failure. */
static void uncount(struct ctx *ctx, const struct counters *c)
{
	struct err *e = audit_rate_undo(ctx, c->address);

	if (!e)
		e = audit_rate_undo(ctx, c->account);
	if (e)
		log_err(LOG_WARNING, ctx->request_id, "could not take back a counted attempt", e);
}

static struct err *verify(struct ctx *ctx, const char *email, struct str password, struct account *account,
                          bool *ok)
{
	bool found = false;

	*account = (struct account){0};
	if (email)
		TRY(db_find(ctx, &auth_account_select, DB_ARGS(db_text(email)), &account_row, account,
		            &found));
	if (password.n > PASSWORD_TRIED)
		password.n = 0;
	TRY(auth_password_verify(ctx, found ? account->hash : NULL, password, ok));
	*ok = *ok && found;
	return NULL;
}

struct err *auth_try_password(struct ctx *ctx, struct str email, struct str password, int64_t *user_id,
                              const char **hash, bool *ok)
{
	const char *address = auth_email(ctx->a, email);
	struct counters c = counters_of(ctx, address ? address : "");
	struct account account;
	struct err *e;

	TRY(count(ctx, &c));
	e = verify(ctx, address, password, &account, ok);
	if (e || *ok)
		uncount(ctx, &c);
	*user_id = account.id;
	*hash = account.hash;
	return e;
}

static struct err *failed(struct ctx *ctx, int64_t user_id)
{
	ctx->user_id = 0;
	TRY(audit_log(ctx, "auth.sign_in_failed", user_id ? auth_object(ctx->a, user_id) : "", NULL));
	return err_code(err_new(ctx->a, ERR_UNAUTHENTICATED, "the e-mail address or the password is wrong"),
	                "sign_in");
}

struct err *auth_sign_in(struct ctx *ctx, struct http_request *req, struct http_response *res,
                         struct str email, struct str password)
{
	int64_t user_id;
	const char *hash;
	bool ok;

	if (!auth_local(ctx))
		return err_hint(err_new(ctx->a, ERR_FORBIDDEN, "there is no signing in with a password here"),
		                "Sign in the way you do everywhere: single sign-on is used.");
	TRY(auth_try_password(ctx, email, password, &user_id, &hash, &ok));
	if (ok)
		TRY(auth_session_start(ctx, req, res, user_id, hash, &ok));
	return ok ? NULL : failed(ctx, user_id);
}

struct change {
	const struct http_request *req;
	int64_t user_id;
	const char *old_hash;
	const char *new_hash;
};

static struct err *change(struct ctx *ctx, void *arg)
{
	const struct change *c = arg;
	int64_t affected;

	TRY(db_run(ctx, &auth_password_replace,
	           DB_ARGS(db_i64(c->user_id), db_text(c->old_hash), db_text(c->new_hash)), &affected));
	if (!affected)
		return err_new(ctx->a, ERR_CONFLICT,
		               "the password was changed by somebody else at the same time");
	TRY(auth_session_end_others(ctx, c->req, c->user_id));
	return audit_log(ctx, "auth.change_password", auth_object(ctx->a, c->user_id), NULL);
}

struct err *auth_change_password(struct ctx *ctx, struct http_request *req, struct str old_password,
                                 struct str new_password)
{
	const struct auth_person *me = auth_person(req);
	struct change c = {.req = req};
	bool ok;

	if (strcmp(me->origin, "local") != 0)
		return err_new(ctx->a, ERR_FORBIDDEN, "single sign-on keeps your password, not Quern");
	TRY(auth_password_check(ctx->a, new_password));
	TRY(auth_try_password(ctx, str_of(me->email), old_password, &c.user_id, &c.old_hash, &ok));
	if (!ok)
		return err_code(err_new(ctx->a, ERR_INVALID, "the old password is wrong"), "old_password");
	TRY(auth_password_hash(ctx, new_password, &c.new_hash));
	return db_transact(ctx, change, &c);
}
