/*
 * Requests for the tests of auth: made of FastCGI parameters, as nginx would send them, and read by
 * app/http's own code. Nothing listens.
 */
#ifndef AUTH_CALL_H
#define AUTH_CALL_H

#include "auth/auth.h"
#include "http/http.h"

enum { CALL_PARAMS = 16 };

/* What a client and nginx say. */
struct call {
	const char *params[CALL_PARAMS][2]; /* more FastCGI parameters: "HTTP_ORIGIN", "QUERN_AUTH_EMAIL" */
	size_t n;
	const char *cookie; /* session cookie, or NULL */
	const char *body;   /* or NULL */
};

void call_param(struct call *c, const char *name, const char *value);

/* A route with that access; changes decides between GET and POST. The pattern has {project:slug} where the
 * access asks for a role. */
struct http_route call_route(int access, bool changes);

struct http_request *call_request(struct ctx *ctx, const struct http_route *route, const char *path,
                                  const struct call *c);
struct http_response *call_response(struct ctx *ctx);

/* The gate's answer as a status: 200 when the request may go on. Leaves the request in *req unless NULL. */
int call_gate(struct ctx *ctx, const struct http_route *route, const char *path, const struct call *c,
              struct http_request **req);

/* The session cookie that a response sets, in the arena; NULL when it sets none, "" when it deletes it. */
const char *call_cookie(struct ctx *ctx, const struct http_response *res);

/* A context on a fresh database with these settings; fields that are NULL stay. */
struct ctx *call_ctx(const char *auth, const char *roles, const char *admin_group);

/* Accounts with the password "correct horse" (hashed once for all), projects, members, sessions, by SQL. */
#define CALL_PASSWORD "correct horse"
int64_t call_user(struct ctx *ctx, const char *email, bool is_admin);
int64_t call_project(const char *slug);
void call_member(int64_t project_id, int64_t user_id, const char *role);
/* A running session with the token "csrf-<user id>"; returns its cookie. */
const char *call_session(struct ctx *ctx, int64_t user_id);

#endif
