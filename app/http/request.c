/*
 * A request out of FastCGI parameters, and what handlers ask of it. Names with the prefix HTTP_ are the
 * client's own headers; every other name was set by nginx, which proves itself with the shared secret.
 */
#include <assert.h>
#include <string.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/json.h"

static const char *const method_names[HTTP__MAX] = {
        [HTTP_GET] = "GET",     [HTTP_POST] = "POST",     [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE",
};

const char *http_method_name(enum http_method method)
{
	return method < HTTP__MAX ? method_names[method] : "OTHER";
}

static struct str find(const struct http_fields *fields, struct str name)
{
	const struct http_field *f = http_fields_find(fields, name, 0);

	return f ? f->value : (struct str){NULL, 0};
}

/* Opening ------------------------------------------------------------------------------------------------ */

static struct err *check_secret(struct arena *a, struct http_request *req, struct str secret)
{
	assert(secret.n > 0);
	req->trusted = crypto_equal(find(&req->params, STR("QUERN_SECRET")), secret);
	return req->trusted ? NULL : err_new(a, ERR_FORBIDDEN, "the shared secret is missing or wrong");
}

/* What comes twice could be read in two ways. */
static struct err *check_headers(struct arena *a, const struct http_fields *params)
{
	size_t i, k, headers = 0;

	for (i = 0; i < params->n; i++) {
		headers += str_starts(params->v[i].name, STR("HTTP_"));
		if (str_has_nul(params->v[i].value))
			return err_new(a, ERR_INVALID, "a request header holds a NUL");
		for (k = 0; k < i; k++)
			if (str_eq(params->v[k].name, params->v[i].name))
				return err_new(a, ERR_INVALID, "a request header was sent twice");
	}
	if (headers > HTTP_HEADERS)
		return err_new(a, ERR_INVALID, "more than %d request headers", HTTP_HEADERS);
	return NULL;
}

static void read_method(struct http_request *req)
{
	struct str name = find(&req->params, STR("REQUEST_METHOD"));

	req->head = str_is(name, "HEAD");
	req->method = HTTP_GET;
	while (!req->head && req->method < HTTP__MAX && !str_is(name, method_names[req->method]))
		req->method++;
}

static struct err *read_path(struct arena *a, struct http_request *req)
{
	TRY(http_path_parse(a, req->target, &req->path));
	if (!str_eq(req->path, find(&req->params, STR("DOCUMENT_URI"))))
		return err_new(a, ERR_INVALID, "malformed path");
	return NULL;
}

struct err *http_request_open(struct arena *a, struct http_request *req, struct str block, struct str secret)
{
	req->method = HTTP__MAX;
	TRY(http_params_parse(a, block, &req->params));
	TRY(check_secret(a, req, secret));
	req->target = find(&req->params, STR("QUERN_URI"));
	read_method(req);
	TRY(check_headers(a, &req->params));
	TRY(read_path(a, req));
	TRY(http_cookie_check(a, find(&req->params, STR("HTTP_COOKIE"))));
	return http_urlencoded_parse(a, find(&req->params, STR("QUERY_STRING")), &req->query);
}

/* Reading ------------------------------------------------------------------------------------------------ */

enum http_method http_method_of(const struct http_request *req)
{
	return req->method;
}

struct str http_path(const struct http_request *req)
{
	return req->path;
}

struct str http_param(const struct http_request *req, const char *name)
{
	const struct http_field *f = http_fields_find(&req->captured, str_of(name), 0);

	assert(f);
	return f->value;
}

int64_t http_param_i64(const struct http_request *req, const char *name)
{
	int64_t v;
	bool ok = str_to_i64(http_param(req, name), &v);

	assert(ok);
	return v;
}

struct str http_query(const struct http_request *req, const char *name)
{
	return find(&req->query, str_of(name));
}

/* "accept-language" is the parameter HTTP_ACCEPT_LANGUAGE; the type of the body has no prefix. */
struct str http_header(const struct http_request *req, const char *name)
{
	char param[64] = "HTTP_";
	size_t i, n = strlen(name);

	if (strcmp(name, "content-type") == 0)
		return find(&req->params, STR("CONTENT_TYPE"));
	assert(n < sizeof(param) - 5);
	for (i = 0; i < n; i++) {
		bool lower = name[i] >= 'a' && name[i] <= 'z';

		param[5 + i] = name[i] == '-' ? '_' : (char)(lower ? name[i] - ('a' - 'A') : name[i]);
	}
	return find(&req->params, (struct str){param, 5 + n});
}

struct str http_cookie(const struct http_request *req, const char *name)
{
	return http_cookie_find(http_header(req, "cookie"), str_of(name));
}

struct str http_fastcgi(const struct http_request *req, const char *name)
{
	assert(strncmp(name, "HTTP_", 5) != 0);
	return find(&req->params, str_of(name));
}

bool http_wants_json(const struct http_request *req)
{
	struct str accept = http_header(req, "accept"), type = http_header(req, "content-type");

	if (str_starts(req->path, STR("/api/")) || http_media_is(type, "application/json"))
		return true;
	return str_find(accept, STR("text/html")) < 0 && (str_find(accept, STR("application/json")) >= 0 ||
	                                                  str_find(accept, STR("text/event-stream")) >= 0);
}

bool http_draining(const struct http_request *req)
{
	return req->draining && atomic_load(req->draining) != 0;
}

void http_request_set_data(struct http_request *req, void *data)
{
	req->data = data;
}

void *http_request_data(const struct http_request *req)
{
	return req->data;
}
