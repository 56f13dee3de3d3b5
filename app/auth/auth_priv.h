/* Inside auth/: identities as the database knows them, and the pieces that the gate puts together. */
#ifndef AUTH_AUTH_PRIV_H
#define AUTH_AUTH_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/auth.h"
#include "lib/json.h"

enum { AUTH_TOKEN_BYTES = 32, AUTH_TOKEN_CHARS = 43 };

/* What one statement tells about a caller and the project of the route; id 0: nobody. */
struct auth_found {
	int64_t id;
	const char *email;
	const char *name;
	const char *origin;
	bool is_admin;
	bool disabled;
	const char *time_zone;
	struct db_texts groups;
	bool stale; /* something has to be written: last use, groups */
	const char *csrf;
	struct project project;
	const char *role; /* NULL: none */
};

/* Columns and joins of such a statement over "users u"; $2 is the slug of the project, or null. */
#define AUTH_PERSON_COLUMNS \
	"u.id, u.email, u.name, u.origin, u.is_admin, u.disabled_at IS NOT NULL, u.time_zone, u.groups, "
#define AUTH_PROJECT_COLUMNS \
	PROJECT_COLUMNS ", CASE WHEN p.id IS NULL THEN NULL WHEN u.is_admin THEN 'admin' ELSE m.role END "
#define AUTH_PROJECT_JOINS \
	" LEFT JOIN projects p ON p.slug = $2" \
	" LEFT JOIN members m ON m.project_id = p.id AND m.user_id = u.id "
extern const struct db_row auth_found_row;

/* session.c: the person of the session cookie; *out is zero when there is none. slug may be NULL. */
MUST_CHECK struct err *auth_session_find(struct ctx *ctx, const struct http_request *req, const char *slug,
                                         struct auth_found *out);
/* Makes a session in place of the one that the request came with and sets the cookie. *made is false when
 * the account was disabled or got another password meanwhile: then nothing was done. */
MUST_CHECK struct err *auth_session_start(struct ctx *ctx, struct http_request *req,
                                          struct http_response *res, int64_t user_id,
                                          const char *password_hash, bool *made);
/* Ends all sessions of a person but the one of the request; req may be NULL. */
MUST_CHECK struct err *auth_session_end_others(struct ctx *ctx, const struct http_request *req,
                                               int64_t user_id);

/* header.c: the person of the single sign-on parameters; *out is zero when they are absent. Makes the
 * account and follows the groups. FORBIDDEN for identities that cannot be used. */
MUST_CHECK struct err *auth_header_find(struct ctx *ctx, const struct http_request *req, const char *slug,
                                        struct auth_found *out);

/* csrf.c: FORBIDDEN unless the request was made by our own pages. A request of AUTH_PUBLIC carries no
 * token. */
MUST_CHECK struct err *auth_csrf_check(struct ctx *ctx, struct http_request *req, const char *token);

/* groups.c, pure but for the arena. What groups give by the mapping of QUERN_AUTH_ROLES: each project
 * once, with the highest role; malformed entries give nothing. */
struct auth_grants {
	struct db_texts slugs; /* p is never NULL */
	struct db_texts roles; /* of the same index */
};
struct auth_grants auth_grants_of(struct arena *a, struct str mapping, struct str groups);
/* The names of a comma-separated list, sorted, each once; p is never NULL. */
struct db_texts auth_group_list(struct arena *a, struct str groups);
/* As the member "groups" of an audit row's detail. */
void auth_put_groups(struct json_writer *w, struct db_texts groups);
/* Whether the comma-separated list holds the group. */
bool auth_has_group(struct str groups, struct str group);
/* CONFIG naming the first malformed entry. */
MUST_CHECK struct err *auth_mapping_check(struct arena *a, struct str mapping);

/* An address as accounts have it: lower case, in the arena; NULL when it is none. */
const char *auth_email(struct arena *a, struct str text);

/* signin.c: whether the password is that of the local account that may sign in with this address. Counts
 * failures by account and address: RATE_LIMITED. *user_id is 0 when there is no such account. */
MUST_CHECK struct err *auth_try_password(struct ctx *ctx, struct str email, struct str password,
                                         int64_t *user_id, const char **hash, bool *ok);

/* Which ways of identification are switched on. */
bool auth_local(const struct ctx *ctx);
bool auth_header(const struct ctx *ctx);

/* "user:7", in the arena: the object of an audit row. */
const char *auth_object(struct arena *a, int64_t id);

#endif
