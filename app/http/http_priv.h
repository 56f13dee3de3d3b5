/*
 * What the files of http share: the FastCGI connection, the parsers of what clients send, requests,
 * responses and the router as the worker sees them.
 */
#ifndef HTTP_HTTP_PRIV_H
#define HTTP_HTTP_PRIV_H

#include <stdatomic.h>
#include <sys/types.h>

#include "http/http.h"

/* Name and value pairs, in the order in which they came. ------------------------------------------------- */

struct http_field {
	struct str name;
	struct str value;
};

struct http_fields {
	struct http_field *v;
	size_t n;
};

/* The i-th value of that name, or NULL. */
const struct http_field *http_fields_find(const struct http_fields *fields, struct str name, size_t i);

/* Parsers of client bytes; pure. Errors of all: INVALID, with a sentence for the client. ----------------- */

/* FastCGI name-value pairs (specification, section 3.4); views into the block. */
MUST_CHECK struct err *http_params_parse(struct arena *a, struct str block, struct http_fields *out);

/* The path of a raw request target: cut at '?', decoded once, NUL-terminated. Refuses everything that two
 * programs could understand in two ways: dot segments, "//", encoded slashes, backslashes, ';', '#', control
 * characters, invalid UTF-8. */
MUST_CHECK struct err *http_path_parse(struct arena *a, struct str target, struct str *out);

/* The byte that %XX at s.p[i] stands for; -1 if it is no such escape. */
int http_percent_byte(struct str s, size_t i);

/* application/x-www-form-urlencoded; names and values are NUL-terminated UTF-8. */
MUST_CHECK struct err *http_urlencoded_parse(struct arena *a, struct str text, struct http_fields *out);

/* multipart/form-data without files, strictly as browsers send it (RFC 7578). */
MUST_CHECK struct err *http_multipart_parse(struct arena *a, struct str content_type, struct str body,
                                            struct http_fields *out);

/* The media type without parameters equals `type`, in any case. */
bool http_media_is(struct str content_type, const char *type);

/* The value of the first cookie of that name in a Cookie header, or empty. */
struct str http_cookie_find(struct str header, struct str name);
/* A cookie whose name promises one origin (__Host-, __Secure-) comes once. */
MUST_CHECK struct err *http_cookie_check(struct arena *a, struct str header);

/* A FastCGI connection that carries one request. --------------------------------------------------------- */

struct http_fcgi {
	int fd;
	uint16_t id;
	bool gone;               /* the peer left, stalled or broke the protocol */
	bool input_done;         /* the record that ends the body was read */
	size_t content, padding; /* bytes left of the current record */
	uint64_t sent;           /* bytes of answer, without record headers */
	size_t at, have;         /* unread part of `input` */
	unsigned char input[2048];
};

enum http_begin { HTTP_BEGIN_OK, HTTP_BEGIN_GONE, HTTP_BEGIN_TOO_LARGE };

void http_fcgi_init(struct http_fcgi *f, int fd);
/* Reads up to the end of the parameters; *params lies in the arena. GONE: there is nobody to answer. */
enum http_begin http_fcgi_begin(struct arena *a, struct http_fcgi *f, struct str *params);
/* Reads exactly n bytes of the body; false when it ends before. */
bool http_fcgi_read(struct http_fcgi *f, void *p, size_t n);
/* The body ends here. */
bool http_fcgi_ended(struct http_fcgi *f);
/* Reads and forgets the rest of the body up to n bytes: a peer that still writes would not read the answer.
 * */
void http_fcgi_discard(struct http_fcgi *f, size_t n);
/* Sends head and body at once, and with `end` finishes the request. False when the peer is gone. */
bool http_fcgi_write(struct http_fcgi *f, struct str head, struct str body, bool end);
/* Sends the body without waiting. What the socket does not take now, or what is behind that, is added to *rest as it
 * stands on the wire; rest is empty ({0}) at first and gets an arena of its own. False when the peer is gone. */
bool http_fcgi_send(struct http_fcgi *f, struct str body, struct buf *rest);
/* Sends of such bytes what the socket takes, and chops it off. False when the peer is gone. */
bool http_fcgi_send_raw(struct http_fcgi *f, struct str *bytes);
/* Nothing more will be sent. nginx keeps a short answer back from an HTTP/1.1 client until it sees this. */
void http_fcgi_close_sending(struct http_fcgi *f);
/* Asks the socket, without waiting, whether the peer hung up. */
bool http_fcgi_hung_up(struct http_fcgi *f);

/* Requests and responses --------------------------------------------------------------------------------- */

struct http_request {
	struct http_fcgi *f;
	struct http_fields params; /* of FastCGI */
	struct http_fields query;
	struct http_fields form;
	struct http_fields captured; /* path parameters */
	struct str target;           /* as sent, for the log */
	struct str path;
	const struct http_route *route;
	enum http_method method; /* HTTP__MAX: none of ours */
	bool head;               /* HEAD, handled as GET */
	bool trusted;            /* carried the secret of nginx */
	bool has_body, has_form; /* already read */
	struct str body;
	unsigned allowed; /* methods of the path, bits; set with the METHOD error */
	const atomic_int *draining;
	void *data;
};

struct http_response {
	struct arena *a;
	int status;
	const char *type;
	struct http_fields headers;
	size_t headers_size;
	struct buf out;
	bool streams;       /* the head is on its way, the handler writes the body */
	struct http_stream *stream; /* or NULL */
	bool must_be_whole; /* a download: after an error its body gets no end */
	bool sent;          /* all of it is on its way */
};

/* Fills req from the parameters. Errors: INVALID; FORBIDDEN while req->trusted is false: answer without a
 * word. */
MUST_CHECK struct err *http_request_open(struct arena *a, struct http_request *req, struct str block,
                                         struct str secret);

void http_response_init(struct http_response *res, struct arena *a);
/* Once the handler is done: waits until the client has everything or is gone, and ends the request. */
void http_stream_end(struct http_stream *s);
/* Forgets what the handler built and turns the response into the answer for e. */
void http_response_fail(struct ctx *ctx, struct http_request *req, struct http_response *res,
                        const struct err *e, const struct http_app *app);
/* A line of plain text without any header that the application chose. */
void http_response_plain(struct http_response *res, int status, const char *text);
/* The head as FastCGI wants it: "Status: 200 OK", headers, empty line. length < 0 writes none. */
struct str http_response_head(struct http_response *res, const char *request_id, int64_t length);

/* Router ------------------------------------------------------------------------------------------------- */

struct http_router;

/* The table made quick, in the arena. Asserts what http_routes_check() has checked. */
struct http_router *http_router_create(struct arena *a, const struct http_route *routes, size_t n);
/* Finds the row for the request's method and path in this pool and captures its parameters.
 * Errors: NOT_FOUND, METHOD (then req->allowed is set). */
MUST_CHECK struct err *http_router_find(struct arena *a, const struct http_router *r,
                                        enum http_pool_kind pool, struct http_request *req);
const char *http_method_name(enum http_method method);

/* Workers ------------------------------------------------------------------------------------------------ */

/* What a thread is at, in memory shared with the master, which names it when the worker dies of it. */
struct http_slot {
	_Atomic unsigned busy;
	char request_id[17];
	char route[64];
};

struct http_server {
	const struct http_app *app;
	const struct http_router *router;
};

struct http_worker_plan {
	struct arena *a; /* lives as long as the process */
	const struct http_server *server;
	enum http_pool_kind pool;
	size_t threads; /* most of them, and slots */
	struct http_slot *slots;
	int listen_fd;
	int ready_fd; /* gets the process id once the worker accepts */
};

size_t http_worker_threads(const struct settings *settings, enum http_pool_kind pool);
/* The life of a worker process, after fork; returns its exit code. */
int http_worker_run(const struct http_worker_plan *plan);

/* One request, from its connection to its line in the log. Closes fd. */
void http_exchange(const struct http_server *server, enum http_pool_kind pool, const atomic_int *draining,
                   struct http_slot *slot, int fd);

/* Listening socket: a Unix socket of mode 0660. Errors: CONFIG, UNAVAILABLE (somebody listens there). */
MUST_CHECK struct err *http_listen(struct arena *a, const char *path, int *fd);

#endif
