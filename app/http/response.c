/*
 * Answers. The headers that keep a page safe are there unless a handler sets its own of the same name; a
 * body goes out whole, with its length.
 */
#include <assert.h>
#include <string.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/json.h"

/* nginx passes the reason on as it is. */
static const struct {
	int status;
	const char *reason;
} reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
};

static const struct http_field standard[] = {
        {STR("Content-Security-Policy"), STR(HTTP_PAGE_CSP)},
        {STR("X-Content-Type-Options"), STR("nosniff")},
        {STR("Referrer-Policy"), STR("same-origin")},
        {STR("X-Frame-Options"), STR("DENY")},
        {STR("Cross-Origin-Opener-Policy"), STR("same-origin")},
        {STR("Cache-Control"), STR("no-store")},
};

enum { RETRY_SECONDS = 5, HEADERS_FIRST = 4 };

void http_response_init(struct http_response *res, struct arena *a)
{
	*res = (struct http_response){
	        .a = a, .status = 200, .type = "text/html; charset=utf-8", .out = buf_init(a, BUF_RESULT)};
}

void http_status(struct http_response *res, int status)
{
	assert(status >= 200 && status <= 599);
	res->status = status;
}

static void assert_header_text(const char *s)
{
	for (; *s; s++)
		assert((unsigned char)*s >= 0x20 && *s != 0x7f);
}

void http_type(struct http_response *res, const char *content_type)
{
	assert_header_text(content_type);
	res->type = content_type;
}

static struct http_field *header_of(struct http_response *res, struct str name)
{
	size_t i;

	for (i = 0; i < res->headers.n; i++)
		if (str_eq_nocase(res->headers.v[i].name, name))
			return &res->headers.v[i];
	return NULL;
}

static struct http_field *new_header(struct http_response *res)
{
	struct http_fields *h = &res->headers;
	size_t size = res->headers_size ? 2 * res->headers_size : HEADERS_FIRST;

	if (h->n == res->headers_size) {
		h->v = arena_grow(res->a, h->v, h->n * sizeof(*h->v), size * sizeof(*h->v));
		res->headers_size = size;
	}
	return &h->v[h->n++];
}

void http_set_header(struct http_response *res, const char *name, const char *value)
{
	struct http_field *h = header_of(res, str_of(name));

	assert_header_text(name);
	assert_header_text(value);
	if (!h || str_eq_nocase(str_of(name), STR("set-cookie")))
		h = new_header(res);
	h->name = str_of(arena_strdup(res->a, name));
	h->value = str_of(arena_strdup(res->a, value));
}

void http_set_cookie(struct http_response *res, const char *name, const char *value, int64_t max_age)
{
	assert(!strpbrk(value, " \",;\\"));
	http_set_header(res, "Set-Cookie",
	                arena_printf(res->a, "%s=%s; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=%lld",
	                             name, value, (long long)max_age));
}

struct buf *http_out(struct http_response *res)
{
	assert(!res->streams);
	return &res->out;
}

/* A path of this site in printable ASCII; "//x" and "/\x" would lead elsewhere. */
static bool is_local(const char *path)
{
	const char *p;

	for (p = path; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '\\')
			return false;
	return path[0] == '/' && path[1] != '/';
}

void http_redirect(struct http_response *res, const char *local_path)
{
	res->status = 303;
	http_set_header(res, "Location", is_local(local_path) ? local_path : "/");
}

/* Errors ------------------------------------------------------------------------------------------------- */

static const char *allow_header(struct arena *a, unsigned allowed)
{
	struct buf b = buf_init(a, BUF_LINE);
	unsigned m;

	for (m = 0; m < HTTP__MAX; m++) {
		if (!(allowed & 1u << m))
			continue;
		buf_printf(&b, "%s%s", b.n ? ", " : "", http_method_name(m));
		if (m == HTTP_GET)
			buf_add_cstr(&b, ", HEAD");
	}
	return buf_cstr(&b);
}

static void error_json(struct http_response *res, const struct err *e, const char *request_id)
{
	struct json_writer w = {&res->out, false};

	http_type(res, "application/json");
	json_put_err(&w, e, request_id);
}

void http_response_fail(struct ctx *ctx, struct http_request *req, struct http_response *res,
                        const struct err *e, const struct http_app *app)
{
	int status = err_status(e->kind), wait = e->retry_after > 0 ? e->retry_after : RETRY_SECONDS;

	http_response_init(res, ctx->a);
	res->status = status;
	if (status == 429 || status == 503)
		http_set_header(res, "Retry-After", arena_printf(ctx->a, "%d", wait));
	if (status == 405)
		http_set_header(res, "Allow", allow_header(ctx->a, req->allowed));
	if (http_wants_json(req))
		error_json(res, e, ctx->request_id);
	else
		app->error_page(ctx, req, res, e);
}

void http_response_plain(struct http_response *res, int status, const char *text)
{
	http_response_init(res, res->a);
	res->status = status;
	res->type = "text/plain; charset=utf-8";
	buf_add_cstr(&res->out, text);
	buf_add_char(&res->out, '\n');
}

/* Head --------------------------------------------------------------------------------------------------- */

static const char *reason_of(int status)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

static void add_header(struct buf *b, struct str name, struct str value)
{
	if (value.n == 0)
		return;
	buf_add_str(b, name);
	buf_add_cstr(b, ": ");
	buf_add_str(b, value);
	buf_add_cstr(b, "\r\n");
}

struct str http_response_head(struct http_response *res, const char *request_id, int64_t length)
{
	struct buf b = buf_init(res->a, BUF_LINE);
	size_t i;

	buf_printf(&b, "Status: %d %s\r\n", res->status, reason_of(res->status));
	add_header(&b, STR("Content-Type"), str_of(res->type));
	add_header(&b, STR("X-Request-Id"), str_of(request_id));
	for (i = 0; i < sizeof(standard) / sizeof(standard[0]); i++)
		if (!header_of(res, standard[i].name))
			add_header(&b, standard[i].name, standard[i].value);
	for (i = 0; i < res->headers.n; i++)
		add_header(&b, res->headers.v[i].name, res->headers.v[i].value);
	if (length >= 0)
		buf_printf(&b, "Content-Length: %lld\r\n", (long long)length);
	buf_add_cstr(&b, "\r\n");
	assert(!b.full);
	return buf_str(&b);
}
