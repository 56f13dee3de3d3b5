/*
 * The FastCGI front: pools of worker processes and threads behind nginx, requests, responses, the router
 * and event streams. Knows no roles: a route row carries an access number that the application's gate
 * interprets.
 *
 * A thread accepts a connection, handles one request with blocking code, frees the request's arena and
 * accepts again. nginx opens a new connection a request (no fastcgi_keep_conn): a kept one would bind a
 * thread that serves nobody. A pool starts with few threads and adds one whenever the last
 * idle one becomes busy, up to its limit; idle ones beyond a handful end, so that memory follows load.
 */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/ctx.h"
#include "lib/err.h"
#include "lib/str.h"

struct http_request;
struct http_response;

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP__MAX };
enum http_pool_kind { HTTP_POOL_WEB, HTTP_POOL_AGENT, HTTP_POOL__MAX };

enum {
	HTTP_HEADERS = 100,          /* most request parameters starting with HTTP_ */
	HTTP_PARAM_BYTES = 32 << 10, /* all FastCGI parameters together */
	HTTP_FORM_BYTES = 64 << 10,  /* body cap of ordinary forms */
	HTTP_FIELDS = 200,           /* most form or query fields */
};

/* Handles one request. An error becomes the error page or JSON by Accept. */
typedef struct err *http_handler(struct ctx *ctx, struct http_request *req, struct http_response *res);

/* One row of the route table. The pattern is made of literal segments and typed parameters: {id:int} 1..18
 * digits, positive, no leading zero; {project:slug} [a-z0-9][a-z0-9-]{0,62}; {token:token} 43 of
 * [A-Za-z0-9_-]; {table:name} one segment of valid UTF-8 up to 128 bytes. What does not match its type is
 * 404. */
struct http_route {
	enum http_method method;
	const char *pattern;
	const char *name; /* of the handler */
	http_handler *handle;
	enum http_pool_kind pool;
	int access;      /* for the gate; 0 is refused at start */
	bool changes;    /* changes state: the gate asks for a CSRF proof */
	size_t max_body; /* 0: HTTP_FORM_BYTES */
};

/* Everything http needs to know of the application. */
struct http_app {
	const struct http_route *routes;
	size_t nroutes;
	/* Decides whether the request may go on, before its handler; may set ctx->user_id and
	 * http_request_set_data(). */
	struct err *(*gate)(struct ctx *ctx, struct http_request *req, const struct http_route *route);
	/* Writes the page for an error; JSON answers are written by http itself. May be called for requests
	 * that matched no route. Must not fail: it writes plain text at worst. */
	void (*error_page)(struct ctx *ctx, struct http_request *req, struct http_response *res,
	                   const struct err *e);
	/* Called once in each worker after fork, before the first request; or NULL. */
	struct err *(*worker_start)(struct ctx *ctx, enum http_pool_kind pool);
	/* Called when a worker drains, because another one took its place or because the service ends: long work that
	 * the handlers do is to end within the grace time; may be NULL. */
	void (*worker_drain)(bool replaced);
	/* Called when the last request of a draining worker is over: what goes on beside requests ends here. May be NULL. */
	void (*worker_end)(void);
	const struct settings *settings;
};

/* Request ------------------------------------------------------------------------------------------------ */

/* HTTP__MAX for a method that is none of ours, which only error_page() gets to see. HEAD is GET. */
enum http_method http_method_of(const struct http_request *req);
struct str http_path(const struct http_request *req);                     /* normalised, decoded once */
struct str http_param(const struct http_request *req, const char *name);  /* of the path; it must exist */
int64_t http_param_i64(const struct http_request *req, const char *name); /* of an {x:int} parameter */
struct str http_query(const struct http_request *req, const char *name);  /* first of that name, or empty */
struct str http_header(const struct http_request *req, const char *name); /* "accept-language"; or empty */
struct str http_cookie(const struct http_request *req, const char *name);
/* A FastCGI parameter that nginx set itself and that no client header can reach (no HTTP_ prefix). */
struct str http_fastcgi(const struct http_request *req, const char *name);
/* By path (/api/), type of the body, and Accept. */
bool http_wants_json(const struct http_request *req);
/* The worker has been told to end: a stream that only watches says goodbye, and its browser comes back. */
bool http_draining(const struct http_request *req);

/* Form fields of an application/x-www-form-urlencoded or multipart/form-data body, valid UTF-8 without NUL.
 * The body is read on first use up to the route's cap. Errors: INVALID, TOO_LARGE. */
MUST_CHECK struct err *http_form(struct ctx *ctx, struct http_request *req);
struct str http_field(const struct http_request *req, const char *name); /* after http_form(); or empty */
bool http_has_field(const struct http_request *req, const char *name);
/* The i-th value of a repeated field; false when there is none. */
bool http_field_at(const struct http_request *req, const char *name, size_t i, struct str *value);

/* From now on until the handler returns, ctx->stop tells that the client hung up: for work that nobody else wants. */
void http_stop_when_gone(struct ctx *ctx, struct http_request *req);

/* The raw body. */
MUST_CHECK struct err *http_body(struct ctx *ctx, struct http_request *req, struct str *out);

/* What the gate found out about the caller, for the handlers. */
void http_request_set_data(struct http_request *req, void *data);
void *http_request_data(const struct http_request *req);

/* Response ----------------------------------------------------------------------------------------------- */

/* The Content-Security-Policy of a page that sets none of its own; and of one that sites, a literal, may show in a frame. */
#define HTTP_PAGE_CSP_IN(ancestors) \
	"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self';" \
	" form-action 'self'; frame-ancestors " ancestors "; base-uri 'none'"
#define HTTP_PAGE_CSP HTTP_PAGE_CSP_IN("'none'")

/* Status 200, "text/html; charset=utf-8", and the security headers until told otherwise. */
void http_status(struct http_response *res, int status);
void http_type(struct http_response *res, const char *content_type);
/* Sets a header in place of one of the same name, the standard ones included ("" leaves it out); only
 * Set-Cookie adds up. Control characters end the process (our own code made it). */
void http_set_header(struct http_response *res, const char *name, const char *value);
/* Set-Cookie with Path=/; Secure; HttpOnly; SameSite=Lax; max_age in seconds, 0 deletes it. */
void http_set_cookie(struct http_response *res, const char *name, const char *value, int64_t max_age);
struct buf *http_out(struct http_response *res); /* the body under construction */
/* 303. What is not a printable path of this site leads to "/". */
void http_redirect(struct http_response *res, const char *local_path);

/* Downloads ---------------------------------------------------------------------------------------------- */

/* The body is a file of that name; what is not safe in a name becomes "_" (RFC 6266). */
void http_set_attachment(struct http_response *res, struct str name);
/* Sends a part of the body at once, before the first one the head; nothing else may be written to the response.
 * False when nobody reads it: then stop. After the first part an error of the handler ends the connection in
 * the middle of the body, and the browser shows a failed download: half a file never looks like a whole one. */
bool http_download(struct ctx *ctx, struct http_request *req, struct http_response *res, struct str part);

/* Sends the response now, whole. The handler goes on with what nobody waits for; an error of it is only logged. */
void http_finish(struct ctx *ctx, struct http_request *req, struct http_response *res);

/* Event streams (text/event-stream) ---------------------------------------------------------------------- */

struct http_stream;

/* Sends the head and turns the response into a stream; nothing else may be written to it. */
struct http_stream *http_stream_start(struct ctx *ctx, struct http_request *req, struct http_response *res);
/* Sends one event at once; id 0 for none. From any thread. Never waits: a client that takes nothing for 10 s or falls a
 * megabyte behind is gone. False then, and nothing more is sent. Where nothing else is, a comment goes out every 15 s. */
bool http_stream_event(struct http_stream *s, int64_t id, const char *event, struct str json);
/* Until the client has taken nearly all of that, or is gone: for who sends much and has nothing else to do. */
void http_stream_wait(struct http_stream *s);
bool http_stream_gone(struct http_stream *s);

/* Serving ------------------------------------------------------------------------------------------------ */

/* Runs the master: opens the sockets, forks the pools, restarts dead workers with back-off, reloads workers
 * on SIGHUP, drains on SIGTERM and SIGINT, returns the exit code. Logs "ready" once every worker accepts,
 * and writes "ready\n" to the descriptor named by the environment variable QUERN_READY_FD. Threads of
 * workers run with SIGTERM, SIGHUP and SIGINT blocked: who starts a program resets its mask. */
int http_serve(const struct http_app *app);

/* Checks the table (access set, pattern well-formed, no two rows alike) and returns an error naming the
 * row. */
MUST_CHECK struct err *http_routes_check(struct arena *a, const struct http_route *routes, size_t n);

#endif
