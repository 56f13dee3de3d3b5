/*
 * Who is asking: local accounts, sessions, header single sign-on, CSRF, and the gate that enforces a route
 * row. Identity from single sign-on comes only from FastCGI parameters that nginx sets (QUERN_AUTH_USER,
 * _EMAIL, _GROUPS), never from HTTP_*. A header identity never becomes a local account and the reverse.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http.h"
#include "lib/ctx.h"
#include "lib/err.h"
#include "project/project.h"

/* The access column of a route. A route whose pattern has {project:slug} and asks for a project role is
 * checked against that project: outsiders get 404, members with too little 403. */
enum auth_access {
	AUTH_PUBLIC = 1, /* anybody; changing routes still need a same-origin request */
	AUTH_SIGNED_IN,  /* with {project:slug}: a member of it */
	AUTH_VIEWER,
	AUTH_ANALYST,
	AUTH_PROJECT_ADMIN,
	AUTH_ADMIN, /* instance admin */
};

/* The caller, as the gate found it; handlers get it with auth_person(). */
struct auth_person {
	int64_t id; /* 0: nobody */
	const char *email;
	const char *name;
	const char *origin; /* "local" or "header" */
	bool is_admin;
	const char *time_zone;  /* IANA name; "": not chosen yet, so UTC */
	struct db_texts groups; /* sorted, each once */
	const char *csrf;       /* goes into every form as field "csrf" or header X-CSRF-Token */
	struct project project; /* of the route, id 0 when it has none or the caller is an outsider */
	enum project_role role;
};

struct auth_user {
	int64_t id;
	const char *email;
	const char *name;
	const char *origin;
	bool is_admin;
	bool disabled;
	const char *time_zone;
	struct db_texts groups;
	int64_t created_at;
	int64_t last_seen_at;
};

#define AUTH_COOKIE "__Host-quern"

/* The gate of http_app. Order: identity, account state, role for the route, then for changing routes and
 * all methods but GET the CSRF proof (token and Origin/Sec-Fetch-Site). Errors: UNAUTHENTICATED, FORBIDDEN
 * (code "origin", "csrf", "identity" or none), NOT_FOUND. One statement for a signed-in page, none for a
 * public one without a cookie. */
MUST_CHECK struct err *auth_gate(struct ctx *ctx, struct http_request *req, const struct http_route *route);

/* CONFIG when QUERN_AUTH or QUERN_AUTH_ROLES say something that means nothing: for the start and for
 * doctor. */
MUST_CHECK struct err *auth_check_settings(struct ctx *ctx);

/* The caller of this request; never NULL after the gate ran (id 0 for nobody); NULL before it. */
const struct auth_person *auth_person(const struct http_request *req);

/* Signs in with a local account: checks the rate limits by account and address, the password, makes a new
 * session and sets the cookie. Errors: UNAUTHENTICATED (one sentence for all causes), RATE_LIMITED,
 * UNAVAILABLE (too many at once), FORBIDDEN where local accounts are switched off. Audited. */
MUST_CHECK struct err *auth_sign_in(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                    struct str email, struct str password);
/* Ends this session; with everywhere, all of the person's. */
MUST_CHECK struct err *auth_sign_out(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                     bool everywhere);

/* Passwords of other things than accounts. Few at once in a process, because each takes 64 MB: waits, at most some seconds,
 * then UNAVAILABLE. With hash NULL the check takes as long as any other. A password has 10..200 bytes: INVALID (code
 * "password"). */
MUST_CHECK struct err *auth_password_check(struct arena *a, struct str password);
MUST_CHECK struct err *auth_password_hash(struct ctx *ctx, struct str password, const char **hash);
MUST_CHECK struct err *auth_password_verify(struct ctx *ctx, const char *hash, struct str password, bool *ok);

/* An address as limits count it: one of IPv6 by its network, for a client has 2^64 of them to choose from. */
const char *auth_network(struct arena *a, const char *address);

/* Accounts. E-mail is lower-cased and checked; a password has 10..200 bytes. Errors: INVALID, CONFLICT.
 * Audited. */
struct auth_account {
	const char *name;   /* NULL: none */
	const char *groups; /* comma-separated names; NULL: as they are */
	bool is_admin;
	bool disabled;
};
MUST_CHECK struct err *auth_user_add(struct ctx *ctx, const char *email, const char *password,
                                     const struct auth_account *account, int64_t *id);
/* Ends all sessions. CONFLICT for an account of single sign-on. */
MUST_CHECK struct err *auth_user_passwd(struct ctx *ctx, const char *email, const char *password);
MUST_CHECK struct err *auth_user_by_email(struct ctx *ctx, const char *email, struct auth_user *out);
MUST_CHECK struct err *auth_users(struct ctx *ctx, struct auth_user **out, size_t *n);
/* Changes what an admin may change; nobody can take the last admin away (CONFLICT). Disabling ends all
 * sessions. Groups of an account of single sign-on come from there and stay as they are. */
MUST_CHECK struct err *auth_user_update(struct ctx *ctx, int64_t id, const struct auth_account *account);

/* The time zone of ctx->user_id; "" is none. Unless replace, only where there is none yet. INVALID, code
 * "time_zone", for a name that PostgreSQL does not know. */
MUST_CHECK struct err *auth_set_time_zone(struct ctx *ctx, const char *name, bool replace);
/* The same error for a name that PostgreSQL does not know; "" is fine. */
MUST_CHECK struct err *auth_time_zone_check(struct ctx *ctx, const char *name);
/* Whether it could be the name of a zone, by its form. */
bool auth_time_zone_form(const char *name);

/* A person changes their own password; the old one is asked for. Other sessions end. Errors: INVALID with
 * code "old_password" or "password", FORBIDDEN for accounts of single sign-on, RATE_LIMITED. */
MUST_CHECK struct err *auth_change_password(struct ctx *ctx, struct http_request *req,
                                            struct str old_password, struct str new_password);

#endif
