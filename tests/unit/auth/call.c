#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/settings.h"
#include "support/pg.h"
#include "unit.h"

#define SECRET "a secret of nginx and worker"

void call_param(struct call *c, const char *name, const char *value)
{
	assert_true(c->n < CALL_PARAMS);
	c->params[c->n][0] = name;
	c->params[c->n++][1] = value;
}

static struct err *handle(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	(void)ctx;
	(void)req;
	(void)res;
	return NULL;
}

struct http_route call_route(int access, bool changes)
{
	bool of_project = access >= AUTH_VIEWER && access <= AUTH_PROJECT_ADMIN;

	return (struct http_route){changes ? HTTP_POST : HTTP_GET,
	                           of_project ? "/p/{project:slug}" : "/page",
	                           "handle",
	                           handle,
	                           HTTP_POOL_WEB,
	                           access,
	                           changes,
	                           0};
}

static void add_length(struct buf *b, size_t n)
{
	char four[4] = {(char)(0x80 | n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};

	if (n < 128)
		buf_add_char(b, (char)n);
	else
		buf_add(b, four, 4);
}

static void add(struct buf *b, const char *name, const char *value)
{
	add_length(b, strlen(name));
	add_length(b, strlen(value));
	buf_add_cstr(b, name);
	buf_add_cstr(b, value);
}

static struct str block(struct ctx *ctx, const struct http_route *route, const char *path,
                        const struct call *c)
{
	struct buf b = buf_init(ctx->a, BUF_PAGE);

	add(&b, "QUERN_SECRET", SECRET);
	add(&b, "REQUEST_METHOD", route->method == HTTP_GET ? "GET" : "POST");
	add(&b, "QUERN_URI", path);
	add(&b, "DOCUMENT_URI", path);
	add(&b, "QUERY_STRING", "");
	add(&b, "HTTP_HOST", "quern.example:8443");
	if (c->cookie)
		add(&b, "HTTP_COOKIE", arena_printf(ctx->a, "theme=dark; %s=%s", AUTH_COOKIE, c->cookie));
	for (size_t i = 0; i < c->n; i++)
		add(&b, c->params[i][0], c->params[i][1]);
	assert_false(b.full);
	return buf_str(&b);
}

struct http_request *call_request(struct ctx *ctx, const struct http_route *route, const char *path,
                                  const struct call *c)
{
	struct http_request *req = ARENA_NEW(ctx->a, struct http_request);

	assert_ok(http_request_open(ctx->a, req, block(ctx, route, path, c), STR(SECRET)));
	assert_ok(http_router_find(ctx->a, http_router_create(ctx->a, route, 1), route->pool, req));
	req->body = str_of(c->body);
	req->has_body = true;
	return req;
}

struct http_response *call_response(struct ctx *ctx)
{
	struct http_response *res = ARENA_NEW(ctx->a, struct http_response);

	http_response_init(res, ctx->a);
	return res;
}

int call_gate(struct ctx *ctx, const struct http_route *route, const char *path, const struct call *c,
              struct http_request **req)
{
	struct http_request *made = call_request(ctx, route, path, c);
	struct err *e;

	ctx->user_id = 0;
	e = auth_gate(ctx, made, route);
	if (req)
		*req = made;
	return e ? err_status(e->kind) : 200;
}

const char *call_cookie(struct ctx *ctx, const struct http_response *res)
{
	for (size_t i = 0; i < res->headers.n; i++) {
		struct str value = res->headers.v[i].value, pair;

		if (!str_is(res->headers.v[i].name, "Set-Cookie"))
			continue;
		pair = str_chop(&value, ';');
		if (str_is(str_chop(&pair, '='), AUTH_COOKIE))
			return str_dup(ctx->a, pair);
	}
	return NULL;
}

struct ctx *call_ctx(const char *auth, const char *roles, const char *admin_group)
{
	static const unsigned char key[CRYPTO_KEY_BYTES] = "a key of 32 bytes, more or less";
	struct ctx *ctx = pg_ctx();
	struct settings *s = ARENA_NEW(ctx->a, struct settings);

	crypto_init();
	memcpy(s, ctx->settings, sizeof(*s));
	s->key = key;
	s->url = "https://quern.example/";
	s->session_hours = 168;
	s->auth = auth ? auth : "local";
	s->auth_roles = roles ? roles : "";
	s->auth_admin_group = admin_group ? admin_group : "";
	ctx->settings = s;
	return ctx;
}

static int64_t number(const char *sql)
{
	return strtoll(pg_value(sql), NULL, 10);
}

int64_t call_user(struct ctx *ctx, const char *email, bool is_admin)
{
	static char hash[200];

	if (!hash[0])
		snprintf(hash, sizeof(hash), "%s", crypto_password_hash(ctx->a, STR(CALL_PASSWORD)));
	return number(arena_printf(ctx->a,
	                           "INSERT INTO users (email, name, origin, password_hash, is_admin) VALUES"
	                           " ('%s', 'N', 'local', '%s', %s) RETURNING id",
	                           email, hash, is_admin ? "true" : "false"));
}

int64_t call_project(const char *slug)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "INSERT INTO projects (slug, name) VALUES ('%s', 'The %s') RETURNING id",
	         slug, slug);
	return number(sql);
}

void call_member(int64_t project_id, int64_t user_id, const char *role)
{
	char sql[200];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO members (project_id, user_id, role) VALUES (%lld, %lld, '%s')",
	         (long long)project_id, (long long)user_id, role);
	pg_exec(sql);
}

const char *call_session(struct ctx *ctx, int64_t user_id)
{
	const char *cookie = crypto_token(ctx->a, 32);

	pg_exec(arena_printf(ctx->a,
	                     "INSERT INTO sessions (token_hash, user_id, csrf, expires_at, address) VALUES"
	                     " ('\\x%s', %lld, 'csrf-%lld', now() + interval '168 hours', '')",
	                     crypto_sha256_hex(ctx->a, str_of(cookie)), (long long)user_id,
	                     (long long)user_id));
	return cookie;
}
