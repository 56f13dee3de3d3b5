/*
 * The body of a request, read whole on first use. nginx has buffered it before it called, so that a slow
 * client never holds a thread here.
 */
#include "http/http_priv.h"
#include "lib/arena.h"

static size_t most_bytes(const struct http_request *req)
{
	return req->route && req->route->max_body ? req->route->max_body : HTTP_FORM_BYTES;
}

static struct err *read_length(struct ctx *ctx, const struct http_request *req, size_t *out)
{
	struct str text = http_fastcgi(req, "CONTENT_LENGTH");
	int64_t n = 0;

	if (text.n > 0 && (!str_to_i64(text, &n) || n < 0))
		return err_new(ctx->a, ERR_INVALID, "malformed content length");
	if ((uint64_t)n > most_bytes(req))
		return err_hint(err_new(ctx->a, ERR_TOO_LARGE, "the request body is too large"),
		                "At most %zu bytes are accepted here.", most_bytes(req));
	*out = (size_t)n;
	return NULL;
}

struct err *http_body(struct ctx *ctx, struct http_request *req, struct str *out)
{
	size_t n = 0;
	char *p;

	if (!req->has_body) {
		TRY(read_length(ctx, req, &n));
		p = arena_alloc(ctx->a, n + 1);
		if (!http_fcgi_read(req->f, p, n) || !http_fcgi_ended(req->f))
			return err_new(ctx->a, ERR_INVALID, "the request body is not as long as announced");
		req->body = (struct str){p, n};
		req->has_body = true;
	}
	*out = req->body;
	return NULL;
}

struct err *http_form(struct ctx *ctx, struct http_request *req)
{
	struct str type = http_header(req, "content-type"), body = {NULL, 0};

	if (req->has_form)
		return NULL;
	TRY(http_body(ctx, req, &body));
	if (http_media_is(type, "multipart/form-data"))
		TRY(http_multipart_parse(ctx->a, type, body, &req->form));
	else if (body.n == 0 || http_media_is(type, "application/x-www-form-urlencoded"))
		TRY(http_urlencoded_parse(ctx->a, body, &req->form));
	else
		return err_hint(err_new(ctx->a, ERR_INVALID, "the request body is not a form"),
		                "Send application/x-www-form-urlencoded or multipart/form-data.");
	req->has_form = true;
	return NULL;
}

bool http_field_at(const struct http_request *req, const char *name, size_t i, struct str *value)
{
	const struct http_field *f = http_fields_find(&req->form, str_of(name), i);

	if (f)
		*value = f->value;
	return f;
}

struct str http_field(const struct http_request *req, const char *name)
{
	struct str value = {NULL, 0};

	(void)http_field_at(req, name, 0, &value);
	return value;
}

bool http_has_field(const struct http_request *req, const char *name)
{
	return http_fields_find(&req->form, str_of(name), 0);
}
