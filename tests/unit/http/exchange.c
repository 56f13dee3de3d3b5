/* Whole requests, as nginx sends them and as nobody should, over a pair of sockets. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct err *echo(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct str body;

	TRY(http_body(ctx, req, &body));
	http_type(res, "text/plain");
	buf_printf(http_out(res), "%s|%.*s|%.*s|%.*s|%.*s", ctx->address, STR_ARG(http_query(req, "q")),
	           STR_ARG(http_header(req, "accept-language")), STR_ARG(http_cookie(req, "c")),
	           STR_ARG(body));
	return NULL;
}

static struct err *form(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct str second = STR("-");

	TRY(http_form(ctx, req));
	(void)http_field_at(req, "a", 1, &second);
	buf_printf(http_out(res), "%.*s %.*s %d", STR_ARG(http_field(req, "a")), STR_ARG(second),
	           http_has_field(req, "b"));
	return NULL;
}

static struct err *big(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	int i;

	(void)ctx;
	(void)req;
	for (i = 0; i < 20000; i++)
		buf_add_cstr(http_out(res), "0123456789");
	return NULL;
}

static struct err *leave(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	(void)ctx;
	(void)req;
	http_set_cookie(res, "__Host-quern", "abc", 60);
	http_set_cookie(res, "other", "", 0);
	http_set_header(res, "Cache-Control", "private");
	http_set_header(res, "X-Frame-Options", "");
	http_redirect(res, "/p/shop");
	return NULL;
}

static struct err *busy(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	buf_add_cstr(http_out(res), "half a page");
	(void)req;
	return err_new(ctx->a, ERR_UNAVAILABLE, "the mill stands still");
}

static struct err *events(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct http_stream *s = http_stream_start(ctx, req, res);

	if (!http_stream_gone(s))
		http_stream_event(s, 7, "delta", STR("{\"a\":1}"));
	return NULL;
}

/* A download of two parts; "?fail" breaks off after the first, "?early" before it. */
static struct err *download(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	http_type(res, "text/csv");
	http_set_attachment(res, STR("a \xc3\xa4\"\r\n/;.csv"));
	if (http_query(req, "early").p)
		return err_new(ctx->a, ERR_UNAVAILABLE, "the mill stands still");
	if (!http_download(ctx, req, res, STR("a,b\r\n")))
		return err_new(ctx->a, ERR_CANCELLED, "gone");
	if (http_query(req, "fail").p)
		return err_new(ctx->a, ERR_UNAVAILABLE, "the mill stands still");
	(void)http_download(ctx, req, res, STR("1,2\r\n"));
	return NULL;
}

/* The answer is out before the work is done, and what happens then does not change it. */
static atomic_int finished;
static struct err *finish(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	http_redirect(res, "/leave");
	http_finish(ctx, req, res);
	/* nginx must see the end now: until then it keeps a short answer back. */
	if (send(req->f->fd, "", 1, MSG_NOSIGNAL) >= 0 || errno != EPIPE)
		return NULL;
	buf_add_cstr(http_out(res), "too late");
	atomic_fetch_add(&finished, 1);
	return err_new(ctx->a, ERR_UNAVAILABLE, "the mill stands still");
}

/* Works until its client is gone; "?stay" only looks once. */
static struct err *mill(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	http_stop_when_gone(ctx, req);
	for (int i = 0; i < 3000 && !ctx_stopped(ctx) && !http_query(req, "stay").p; i++)
		usleep(10000);
	atomic_store(&finished, ctx_stopped(ctx) ? 2 : 1);
	buf_add_cstr(http_out(res), "ground");
	return NULL;
}

static const struct http_route routes[] = {
        {HTTP_GET, "/finish", "finish", finish, HTTP_POOL_WEB, 1, false, 0},
        {HTTP_GET, "/mill", "mill", mill, HTTP_POOL_WEB, 1, false, 0},
        {HTTP_GET, "/echo", "echo", echo, HTTP_POOL_WEB, 1, false, 0},
        {HTTP_POST, "/echo", "echo_post", echo, HTTP_POOL_WEB, 1, true, 10},
        {HTTP_POST, "/form", "form", form, HTTP_POOL_WEB, 1, true, 0},
        {HTTP_GET, "/big", "big", big, HTTP_POOL_WEB, 1, false, 0},
        {HTTP_GET, "/leave", "leave", leave, HTTP_POOL_WEB, 1, false, 0},
        {HTTP_GET, "/busy", "busy", busy, HTTP_POOL_WEB, 1, false, 0},
        {HTTP_GET, "/api/busy", "api_busy", busy, HTTP_POOL_WEB, 1, false, 0},
        {HTTP_GET, "/events", "events", events, HTTP_POOL_WEB, 1, false, 0},
        {HTTP_GET, "/download", "download", download, HTTP_POOL_WEB, 1, false, 0},
        {HTTP_GET, "/closed", "closed", echo, HTTP_POOL_WEB, 2, false, 0},
};

static struct err *gate(struct ctx *ctx, struct http_request *req, const struct http_route *route)
{
	(void)req;
	return route->access == 1 ? NULL : err_new(ctx->a, ERR_FORBIDDEN, "the gate is closed");
}

static void error_page(struct ctx *ctx, struct http_request *req, struct http_response *res,
                       const struct err *e)
{
	(void)ctx;
	(void)req;
	buf_add_cstr(http_out(res), "page: ");
	buf_add_html(http_out(res), str_of(e->message));
}

/* Records ------------------------------------------------------------------------------------------------ */

static void add_record(struct buf *b, int type, struct str content)
{
	const unsigned char h[8] = {
	        1, (unsigned char)type, 0, 1, (unsigned char)(content.n >> 8), (unsigned char)content.n, 3,
	        0};

	buf_add(b, h, sizeof(h));
	buf_add_str(b, content);
	buf_add(b, "\0\0\0", 3);
}

static void add_length(struct buf *b, size_t n)
{
	const unsigned char wide[4] = {(unsigned char)(0x80 | n >> 24), (unsigned char)(n >> 16),
	                               (unsigned char)(n >> 8), (unsigned char)n};

	if (n < 128)
		buf_add_char(b, (char)n);
	else
		buf_add(b, wide, sizeof(wide));
}

static void add_param(struct buf *b, const char *name, const char *value)
{
	add_length(b, strlen(name));
	add_length(b, strlen(value));
	buf_add_cstr(b, name);
	buf_add_cstr(b, value);
}

/* A request line "POST /form?q=1", headers "NAME=value" up to NULL, and a body. */
static struct buf request(struct arena *a, const char *line, const char *const *headers, const char *body)
{
	struct buf params = buf_init(a, BUF_LINE), b = buf_init(a, BUF_PAGE);
	struct str rest = str_of(line), method = str_chop(&rest, ' '), uri = rest,
	           path = str_chop(&rest, '?');

	add_param(&params, "QUERN_SECRET", "a secret of nginx");
	add_param(&params, "REMOTE_ADDR", "192.0.2.1");
	add_param(&params, "REQUEST_METHOD", str_dup(a, method));
	add_param(&params, "QUERN_URI", str_dup(a, uri));
	add_param(&params, "DOCUMENT_URI", str_dup(a, path));
	add_param(&params, "QUERY_STRING", rest.p ? str_dup(a, rest) : "");
	add_param(&params, "CONTENT_LENGTH", body ? arena_printf(a, "%zu", strlen(body)) : "");
	for (; headers && *headers; headers++) {
		struct str value = str_of(*headers), name = str_chop(&value, '=');

		add_param(&params, str_dup(a, name), str_dup(a, value));
	}
	add_record(&b, 1, STR("\0\1\0\0\0\0\0\0"));
	add_record(&b, 4, buf_str(&params));
	add_record(&b, 4, STR(""));
	if (body)
		add_record(&b, 5, str_of(body));
	add_record(&b, 5, STR(""));
	return b;
}

/* Whether the last answer had an end. */
static bool ended;

/* The contents of all STDOUT records; fails if the answer is not well-formed up to its end, or up to where it
 * breaks off. */
static const char *unpack(struct arena *a, struct str raw)
{
	struct buf b = buf_init(a, BUF_PAGE);

	ended = false;
	while (raw.n > 0) {
		const unsigned char *h = (const unsigned char *)raw.p;
		size_t n = raw.n >= 8 ? (size_t)(h[4] << 8 | h[5]) : 0,
		       whole = 8 + n + (raw.n >= 8 ? h[6] : 0);

		assert_true(raw.n >= 8 && raw.n >= whole && h[0] == 1 && h[3] == 1);
		if (h[1] == 3) {
			assert_int_equal(raw.n, whole);
			ended = true;
			return b.n ? buf_cstr(&b) : "";
		}
		assert_int_equal(h[1], 6);
		buf_add(&b, raw.p + 8, n);
		raw.p += whole;
		raw.n -= whole;
	}
	return b.n ? buf_cstr(&b) : "";
}

static const struct settings *settings_of(struct arena *a)
{
	struct settings *s = ARENA_NEW(a, struct settings);

	s->fastcgi_secret = "a secret of nginx";
	return s;
}

/* Sends the bytes and perhaps hangs up, lets a request be handled, returns what came back; "" for a closed
 * connection. */
static const char *converse(struct arena *a, struct str bytes, bool hang_up)
{
	const struct http_app app = {.routes = routes,
	                             .nroutes = COUNT(routes),
	                             .gate = gate,
	                             .error_page = error_page,
	                             .settings = settings_of(a)};
	const struct http_server server = {&app, http_router_create(a, routes, COUNT(routes))};
	struct buf got = buf_init(a, BUF_PAGE);
	struct http_slot slot = {0};
	char part[4096];
	int fd[2], size = 4 << 20;
	ssize_t n;

	crypto_init();
	log_set_level(LOG_ERROR + 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	assert_int_equal(write(fd[0], bytes.p, bytes.n), bytes.n);
	if (hang_up)
		shutdown(fd[0], SHUT_WR);
	http_exchange(&server, HTTP_POOL_WEB, NULL, &slot, fd[1]);
	while ((n = read(fd[0], part, sizeof(part))) > 0)
		buf_add(&got, part, (size_t)n);
	close(fd[0]);
	log_set_level(LOG_INFO);
	return got.n ? unpack(a, buf_str(&got)) : "";
}

static const char *send_bytes(struct arena *a, struct str bytes)
{
	return converse(a, bytes, true);
}

static const char *ask(struct arena *a, const char *line, const char *const *headers, const char *body)
{
	struct buf b = request(a, line, headers, body);

	return send_bytes(a, buf_str(&b));
}

#define HEADERS(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}
#define assert_has(text, part) assert_non_null(strstr((text), (part)))
#define assert_lacks(text, part) assert_null(strstr((text), (part)))

/* Tests -------------------------------------------------------------------------------------------------- */

static void test_http__a_request_reaches_its_handler(void **state)
{
	struct arena *a = arena_create();
	const char *got =
	        ask(a, "GET /echo?q=a+b", HEADERS("HTTP_ACCEPT_LANGUAGE=de", "HTTP_COOKIE=c=1"), NULL);

	(void)state;
	assert_has(got, "Status: 200 OK\r\n");
	assert_has(got, "Content-Type: text/plain\r\n");
	assert_has(got, "Content-Length: 19\r\n");
	assert_has(got, "\r\n\r\n192.0.2.1|a b|de|1|");
	assert_has(got, "X-Request-Id: ");
	assert_has(got, "Content-Security-Policy: default-src 'none'; ");
	assert_has(got, "X-Content-Type-Options: nosniff\r\n");
	assert_has(got, "Cache-Control: no-store\r\n");
	got = ask(a, "POST /echo", NULL, "0123456789");
	assert_has(got, "192.0.2.1||||0123456789");
	arena_free(a);
}

static void test_http__head_is_get_without_a_body(void **state)
{
	struct arena *a = arena_create();
	const char *got = ask(a, "HEAD /big", NULL, NULL);

	(void)state;
	assert_has(got, "Content-Length: 200000\r\n");
	assert_has(got, "\r\n\r\n");
	assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n");
	arena_free(a);
}

static void test_http__an_answer_larger_than_a_record_arrives_whole(void **state)
{
	struct arena *a = arena_create();
	const char *body = strstr(ask(a, "GET /big", NULL, NULL), "\r\n\r\n");

	(void)state;
	assert_non_null(body);
	assert_int_equal(strlen(body + 4), 200000);
	assert_memory_equal(body + 4 + 199990, "0123456789", 10);
	arena_free(a);
}

static void test_http__headers_of_the_handler_replace_standard_ones(void **state)
{
	struct arena *a = arena_create();
	const char *got = ask(a, "GET /leave", NULL, NULL);

	(void)state;
	assert_has(got, "Status: 303 See Other\r\n");
	assert_has(got, "Location: /p/shop\r\n");
	assert_has(got,
	           "Set-Cookie: __Host-quern=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60\r\n");
	assert_has(got, "Set-Cookie: other=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0\r\n");
	assert_has(got, "Cache-Control: private\r\n");
	assert_lacks(got, "no-store");
	assert_lacks(got, "X-Frame-Options");
	arena_free(a);
}

static void test_http__a_redirect_stays_here(void **state)
{
	static const char *const elsewhere[] = {
	        "//evil.example", "/\\evil.example", "https://evil.example/", "", "x", "/a\r\nX: y",
	        "/a b",           "/\t/evil.example"};
	struct arena *a = arena_create();
	struct http_response res;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(elsewhere); i++) {
		http_response_init(&res, a);
		http_redirect(&res, elsewhere[i]);
		assert_has(unit_cstr(http_response_head(&res, "x", 0)), "Location: /\r\n");
	}
	arena_free(a);
}

static void test_http__refusals_have_their_status(void **state)
{
	static const struct {
		const char *line;
		const char *headers[3];
		const char *body;
		const char *status, *has;
	} cases[] = {
	        {"GET /nope", {0}, NULL, "404", "page: there is no such page"},
	        {"POST /big", {0}, "x", "405", "Allow: GET, HEAD\r\n"},
	        {"PUT /echo", {0}, NULL, "405", "Allow: GET, HEAD, POST\r\n"},
	        {"OPTIONS /echo", {0}, NULL, "405", "Allow: GET, HEAD, POST\r\n"},
	        {"get /echo", {0}, NULL, "405", "Allow"},
	        {"GET /closed", {0}, NULL, "403", "page: the gate is closed"},
	        {"POST /echo", {0}, "01234567890", "413", "page: the request body is too large"},
	        {"GET /busy", {0}, NULL, "503", "Retry-After: 5\r\n"},
	        {"GET /api/busy", {0}, NULL, "503", "{\"error\":{"},
	        {"GET /busy", {"HTTP_ACCEPT=application/json"}, NULL, "503", "{\"error\":{"},
	        {"GET /busy",
	         {"HTTP_ACCEPT=text/html,application/json"},
	         NULL,
	         "503",
	         "page: the mill stands still"},
	        {"GET /echo", {"HTTP_X=1", "HTTP_X=2"}, NULL, "400", "twice"},
	        {"GET /echo", {"QUERN_AUTH_USER=a", "QUERN_AUTH_USER=b"}, NULL, "400", "twice"},
	        {"GET /echo", {"HTTP_COOKIE=__Host-quern=a; __Host-quern=b"}, NULL, "400", "cookie"},
	        {"GET /echo?q=%ff", {0}, NULL, "400", "UTF-8"},
	        {"GET /%65cho", {0}, NULL, "400", "malformed path"},
	        {"POST /form", {"CONTENT_TYPE=text/plain"}, "a=1", "400", "not a form"},
	        {"POST /form", {"CONTENT_TYPE=multipart/form-data"}, "a=1", "400", "boundary"},
	};
	struct arena *a = arena_create();
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		const char *got = ask(a, cases[i].line, cases[i].headers, cases[i].body);

		if (!strstr(got, arena_printf(a, "Status: %s ", cases[i].status)) ||
		    !strstr(got, cases[i].has))
			fail_msg("case %zu, %s: %s", i, cases[i].line, got);
		assert_lacks(got, "half a page");
	}
	arena_free(a);
}

static void test_http__forms_are_read_in_both_encodings(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_has(
	        ask(a, "POST /form", HEADERS("CONTENT_TYPE=application/x-www-form-urlencoded"), "a=x&a=y&b="),
	        "x y 1");
	assert_has(ask(a, "POST /form", HEADERS("CONTENT_TYPE=multipart/form-data; boundary=B"),
	               "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--B--\r\n"),
	           "x - 0");
	assert_has(ask(a, "POST /form", NULL, NULL), " - 0");
	arena_free(a);
}

static void test_http__a_body_of_another_length_is_refused(void **state)
{
	static const char *const bodies[] = {"01234", "0123456789"};
	struct arena *a = arena_create();
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bodies); i++) {
		struct buf b = request(a, "POST /echo", NULL, "01234567");

		b.n -= 2 * 11 + 8;
		add_record(&b, 5, str_of(bodies[i]));
		add_record(&b, 5, STR(""));
		assert_has(send_bytes(a, buf_str(&b)), "not as long as announced");
	}
	arena_free(a);
}

static void test_http__who_lacks_the_secret_learns_nothing(void **state)
{
	struct arena *a = arena_create();
	struct buf b = request(a, "GET /echo", NULL, NULL);
	char *at = memmem(b.p, b.n, "secret of", 9);
	const char *got;

	(void)state;
	*at = 'S';
	got = send_bytes(a, buf_str(&b));
	assert_has(got, "Status: 403 Forbidden\r\n");
	assert_has(got, "\r\n\r\nNot allowed\n");
	assert_lacks(got, "page");
	arena_free(a);
}

static void test_http__too_many_headers_are_refused(void **state)
{
	struct arena *a = arena_create();
	const char **headers = ARENA_ARRAY(a, const char *, HTTP_HEADERS + 2);
	char *value = arena_alloc(a, HTTP_PARAM_BYTES + 1);
	int i;

	(void)state;
	for (i = 0; i < HTTP_HEADERS; i++)
		headers[i] = arena_printf(a, "HTTP_X_%d=1", i);
	assert_has(ask(a, "GET /echo", headers, NULL), "Status: 200");
	headers[HTTP_HEADERS] = "HTTP_X_Y=1";
	assert_has(ask(a, "GET /echo", headers, NULL), "Status: 400");
	memset(value, 'a', HTTP_PARAM_BYTES);
	assert_has(ask(a, "GET /echo", HEADERS(arena_printf(a, "HTTP_X=%s", value)), NULL), "Status: 400");
	arena_free(a);
}

static void test_http__events_are_streamed(void **state)
{
	struct arena *a = arena_create();
	struct buf b = request(a, "GET /events", NULL, NULL);
	const char *got = converse(a, buf_str(&b), false);

	(void)state;
	assert_has(got, "Content-Type: text/event-stream\r\n");
	assert_has(got, "X-Accel-Buffering: no\r\n");
	assert_has(got, "\r\n\r\nid: 7\nevent: delta\ndata: {\"a\":1}\n\n");
	assert_lacks(got, "Content-Length");
	arena_free(a);
}

static void test_http__a_stream_knows_that_its_client_left(void **state)
{
	struct arena *a = arena_create();
	struct buf b;
	const char *got;

	(void)state;
	assert_lacks(ask(a, "GET /events", NULL, NULL), "event: delta");
	b = request(a, "HEAD /events", NULL, NULL);
	got = converse(a, buf_str(&b), false);
	assert_has(got, "text/event-stream");
	assert_lacks(got, "event: delta");
	arena_free(a);
}

static void test_http__half_a_download_has_no_end(void **state)
{
	struct arena *a = arena_create();
	const char *got = ask(a, "GET /download", NULL, NULL);

	(void)state;
	assert_has(got, "Status: 200 OK\r\nContent-Type: text/csv\r\n");
	assert_has(
	        got,
	        "Content-Disposition: attachment; filename=\"a_______.csv\"; filename*=UTF-8''a_%C3%A4_____.csv\r\n");
	assert_has(got, "\r\n\r\na,b\r\n1,2\r\n");
	assert_lacks(got, "Content-Length");
	assert_true(ended);
	got = ask(a, "GET /download?fail=1", NULL, NULL);
	assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\na,b\r\n");
	assert_false(ended);
	got = ask(a, "GET /download?early=1", NULL, NULL);
	assert_has(got, "Status: 503");
	assert_has(got, "page: the mill stands still");
	assert_lacks(got, "attachment");
	assert_true(ended);
	got = ask(a, "HEAD /download", NULL, NULL);
	assert_has(got, "Content-Type: text/csv\r\n");
	assert_string_equal(strstr(got, "\r\n\r\n"), "\r\n\r\n");
	assert_true(ended);
	arena_free(a);
}

static void test_http__a_connection_cut_anywhere_harms_nobody(void **state)
{
	struct arena *a = arena_create();
	struct buf b = request(a, "POST /form", HEADERS("CONTENT_TYPE=application/x-www-form-urlencoded"),
	                       "a=1&b=2");
	size_t n;

	(void)state;
	for (n = 0; n < b.n; n++) {
		const char *got = send_bytes(a, (struct str){b.p, n});

		assert_true(*got == '\0' || strstr(got, "Status: 400") || strstr(got, "Status: 200"));
	}
	arena_free(a);
}

#define BEGIN "\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"
#define QUESTION "\16\0FCGI_MAX_CONNS"
#define QUESTIONS "\1\11\0\0\0\140\0\0" QUESTION QUESTION QUESTION QUESTION QUESTION QUESTION

static void test_http__records_that_nginx_would_not_send_end_the_connection(void **state)
{
	static const struct str cases[] = {
	        STR("GET / HTTP/1.1\r\n\r\n"),
	        STR("\2\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0"), /* version */
	        STR("\1\1\0\0\0\10\0\0\0\1\0\0\0\0\0\0"), /* request 0 */
	        STR("\1\1\0\1\0\10\0\0\0\2\0\0\0\0\0\0"), /* role */
	        STR("\1\1\0\1\0\7\0\0\0\1\0\0\0\0\0"),    /* short begin */
	        STR("\1\4\0\1\0\0\0\0"),                  /* parameters first */
	        STR("\1\11\0\0\0\0\0\0"),                 /* management */
	        STR(QUESTIONS BEGIN),                     /* more answers than one record holds */
	        STR(BEGIN QUESTIONS BEGIN),
	        STR(BEGIN BEGIN),
	        STR(BEGIN "\1\4\0\2\0\0\0\0"), /* another request */
	        STR(BEGIN "\1\2\0\1\0\0\0\0"), /* abort */
	};
	struct arena *a = arena_create();
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_string_equal(send_bytes(a, cases[i]), "");
	arena_free(a);
}

static void test_http__parameters_with_lengths_that_lie_are_refused(void **state)
{
	static const struct str cases[] = {
	        STR("\5\5ab"),       STR("\5"), STR("\200\0\0"), STR("\377\377\377\377\377\377\377\377ab"),
	        STR("\0\200\0\0\1"),
	};
	struct arena *a = arena_create();
	struct http_fields f;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_non_null(http_params_parse(a, cases[i], &f));
	assert_null(http_params_parse(a, STR("\1\2abc\0\0\1\200\0\0\1xy"), &f));
	assert_int_equal(f.n, 3);
	assert_str(f.v[0].value, "bc");
	assert_str(f.v[2].value, "y");
	arena_free(a);
}

static void test_http__a_finished_answer_is_out_while_the_handler_goes_on(void **state)
{
	struct arena *a = arena_create();
	const char *answer;

	(void)state;
	atomic_store(&finished, 0);
	answer = ask(a, "GET /finish", NULL, NULL);
	assert_true(ended);
	assert_has(answer, "Status: 303 ");
	assert_has(answer, "Location: /leave\r\n");
	assert_lacks(answer, "too late");
	assert_lacks(answer, "mill");
	assert_int_equal(atomic_load(&finished), 1);
	arena_free(a);
}

static void test_http__work_stops_when_its_client_left(void **state)
{
	struct arena *a = arena_create();
	struct buf b = request(a, "GET /mill", NULL, NULL), stay = request(a, "GET /mill?stay=1", NULL, NULL);

	(void)state;
	atomic_store(&finished, 0);
	(void)converse(a, buf_str(&b), true);
	assert_int_equal(atomic_load(&finished), 2);
	/* Descriptors come back with the same numbers: an old watch stops nobody. */
	for (int i = 0; i < 50; i++) {
		(void)converse(a, buf_str(&b), true);
		assert_int_equal(atomic_load(&finished), 2);
		assert_has(converse(a, buf_str(&stay), false), "ground");
		assert_int_equal(atomic_load(&finished), 1);
	}
	arena_free(a);
}

static const struct CMUnitTest http_exchange_tests[] = {
        cmocka_unit_test(test_http__a_request_reaches_its_handler),
        cmocka_unit_test(test_http__head_is_get_without_a_body),
        cmocka_unit_test(test_http__an_answer_larger_than_a_record_arrives_whole),
        cmocka_unit_test(test_http__headers_of_the_handler_replace_standard_ones),
        cmocka_unit_test(test_http__a_redirect_stays_here),
        cmocka_unit_test(test_http__refusals_have_their_status),
        cmocka_unit_test(test_http__forms_are_read_in_both_encodings),
        cmocka_unit_test(test_http__a_body_of_another_length_is_refused),
        cmocka_unit_test(test_http__who_lacks_the_secret_learns_nothing),
        cmocka_unit_test(test_http__too_many_headers_are_refused),
        cmocka_unit_test(test_http__events_are_streamed),
        cmocka_unit_test(test_http__a_stream_knows_that_its_client_left),
        cmocka_unit_test(test_http__a_finished_answer_is_out_while_the_handler_goes_on),
        cmocka_unit_test(test_http__work_stops_when_its_client_left),
        cmocka_unit_test(test_http__half_a_download_has_no_end),
        cmocka_unit_test(test_http__a_connection_cut_anywhere_harms_nobody),
        cmocka_unit_test(test_http__records_that_nginx_would_not_send_end_the_connection),
        cmocka_unit_test(test_http__parameters_with_lengths_that_lie_are_refused),
};
UNIT_SUITE(http_exchange_tests);
