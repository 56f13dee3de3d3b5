/*
 * One request from its connection to its line in the log: read, check, route, gate, handle, send.
 * Everything it allocates lives in one arena.
 */
#include <stdio.h>
#include <unistd.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/settings.h"

enum {
	ID_CHARS = 16,
	LOGGED_PATH_BYTES = 60,
	DISCARD_BYTES = 64 << 20, /* unread body that is worth reading away */
};

struct exchange {
	const struct http_server *server;
	enum http_pool_kind pool;
	struct http_slot *slot;
	struct http_fcgi *f;
	struct ctx ctx;
	struct http_request req;
	struct http_response res;
	bool done;   /* nobody is left to be answered */
	bool broken; /* the body that is under way gets no end */
};

static void note_route(struct http_slot *slot, const struct http_route *route)
{
	(void)snprintf(slot->route, sizeof(slot->route), "%s %s", http_method_name(route->method),
	               route->pattern);
}

/* The pattern, or for what matched no route the first part of what was asked for: what follows may be a mistyped token. */
static const char *route_name(const struct exchange *x)
{
	struct str target = x->req.target, path = str_chop(&target, '?');

	if (x->req.route)
		return x->req.route->pattern;
	if (path.n < 1)
		return "-";
	struct str rest = {path.p + 1, path.n - 1}, first = str_chop(&rest, '/');
	return str_dup(x->ctx.a, str_utf8_cut((struct str){path.p, first.n + 1}, LOGGED_PATH_BYTES));
}

static void log_request(const struct exchange *x, int64_t started)
{
	LOG(LOG_INFO, x->ctx.request_id, "request", LOG_STR("method", http_method_name(x->req.method)),
	    LOG_STR("route", route_name(x)), LOG_I64("status", x->res.status),
	    LOG_I64("us", clock_mono_us() - started), LOG_I64("bytes", (int64_t)x->f->sent));
}

static struct err *handle(struct exchange *x)
{
	const struct http_app *app = x->server->app;
	struct http_request *req = &x->req;

	TRY(http_router_find(x->ctx.a, x->server->router, x->pool, req));
	note_route(x->slot, req->route);
	TRY(app->gate(&x->ctx, req, req->route));
	TRY(req->route->handle(&x->ctx, req, &x->res));
	if (x->res.out.full)
		return err_new(x->ctx.a, ERR_INTERNAL, "the answer is larger than %d bytes", BUF_RESULT);
	return NULL;
}

static struct err *answer(struct exchange *x, struct str params)
{
	TRY(http_request_open(x->ctx.a, &x->req, params, str_of(x->server->app->settings->fastcgi_secret)));
	x->ctx.address = str_dup(x->ctx.a, http_fastcgi(&x->req, "REMOTE_ADDR"));
	return handle(x);
}

/* Whoever does not know the secret learns nothing, not even how our pages look. */
static void fail(struct exchange *x, const struct err *e)
{
	const struct http_app *app = x->server->app;
	int status = err_status(e->kind);

	if (status >= 500)
		log_err(LOG_ERROR, x->ctx.request_id, "request failed", e);
	if (x->res.sent)
		return;
	if (x->res.streams) {
		x->broken = x->res.must_be_whole;
		return;
	}
	if (x->req.trusted)
		http_response_fail(&x->ctx, &x->req, &x->res, e, app);
	else
		http_response_plain(&x->res, status, err_title(e->kind));
}

void http_finish(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct str body = buf_str(&res->out), head;

	if (req->trusted)
		http_fcgi_discard(req->f, DISCARD_BYTES);
	head = http_response_head(res, ctx->request_id, res->status == 204 || res->status == 304 ? -1 : (int64_t)body.n);
	if (req->head || res->status == 204 || res->status == 304)
		body.n = 0;
	(void)http_fcgi_write(req->f, head, body, true);
	http_fcgi_close_sending(req->f);
	res->sent = true;
}

static void send_answer(struct exchange *x)
{
	if (x->broken || x->res.sent)
		return;
	if (x->res.stream)
		http_stream_end(x->res.stream);
	else if (x->res.streams)
		(void)http_fcgi_write(x->f, STR(""), STR(""), true);
	else
		http_finish(&x->ctx, &x->req, &x->res);
}

static void run(struct exchange *x)
{
	struct str params = {NULL, 0};
	struct err *e = NULL;

	switch (http_fcgi_begin(x->ctx.a, x->f, &params)) {
	case HTTP_BEGIN_GONE: x->done = true; return;
	case HTTP_BEGIN_TOO_LARGE:
		e = err_new(x->ctx.a, ERR_INVALID, "the request headers are too large");
		break;
	case HTTP_BEGIN_OK: e = answer(x, params);
	}
	if (e)
		fail(x, e);
	send_answer(x);
}

void http_exchange(const struct http_server *server, enum http_pool_kind pool, const atomic_int *draining,
                   struct http_slot *slot, int fd)
{
	struct arena *a = arena_create();
	struct http_fcgi f;
	struct exchange x = {.server = server, .pool = pool, .slot = slot, .f = &f};
	int64_t started = clock_mono_us();

	crypto_id(slot->request_id, ID_CHARS);
	slot->route[0] = '\0';
	atomic_store(&slot->busy, 1);
	x.ctx = (struct ctx){
	        .a = a, .settings = server->app->settings, .request_id = slot->request_id, .address = ""};
	x.req = (struct http_request){.f = &f, .method = HTTP__MAX, .draining = draining};
	http_response_init(&x.res, a);
	http_fcgi_init(&f, fd);
	run(&x);
	close(fd);
	if (!x.done)
		log_request(&x, started);
	arena_free(a);
	atomic_store(&slot->busy, 0);
}
