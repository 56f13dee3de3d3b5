/*
 * The proof that a changing request was made by one of our own pages: the browser's own words about where it
 * comes from (Origin, Sec-Fetch-Site), and the token that only our pages know. Requests that carry no token,
 * because nobody is signed in yet, have the first alone.
 */
#include "auth/auth_priv.h"
#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/settings.h"

/* "https://quern.example:8443" of "https://quern.example:8443/any/path". */
static struct str origin_of(struct str url, struct str *scheme)
{
	ptrdiff_t at = str_find(url, STR("://"));
	struct str rest;

	*scheme = (struct str){url.p, at < 0 ? 0 : (size_t)at};
	if (at < 0)
		return *scheme;
	rest = (struct str){url.p + at + 3, url.n - (size_t)at - 3};
	return (struct str){url.p, (size_t)at + 3 + str_chop(&rest, '/').n};
}

/* Our own address is the one in the settings, or the one under which this request reached us. */
static bool origin_ok(struct ctx *ctx, const struct http_request *req)
{
	struct str origin = http_header(req, "origin"), host = http_header(req, "host"), scheme, own;

	if (!origin.p)
		return true;
	own = origin_of(str_of(ctx->settings->url), &scheme);
	if (own.n && str_eq_nocase(origin, own))
		return true;
	return host.n && scheme.n &&
	       str_eq_nocase(origin,
	                     str_of(arena_printf(ctx->a, "%.*s://%.*s", STR_ARG(scheme), STR_ARG(host))));
}

static bool site_ok(const struct http_request *req)
{
	struct str site = http_header(req, "sec-fetch-site");

	return !site.p || str_is(site, "same-origin") || str_is(site, "none");
}

/* The token from the header or, in a form, from its field. */
static struct err *sent_token(struct ctx *ctx, struct http_request *req, struct str *out)
{
	struct str type = http_header(req, "content-type");

	*out = http_header(req, "x-csrf-token");
	if (out->n)
		return NULL;
	type = str_trim(str_chop(&type, ';'));
	if (!str_eq_nocase(type, STR("application/x-www-form-urlencoded")) &&
	    !str_eq_nocase(type, STR("multipart/form-data")))
		return NULL;
	TRY(http_form(ctx, req));
	*out = http_field(req, "csrf");
	return NULL;
}

struct err *auth_csrf_check(struct ctx *ctx, struct http_request *req, const char *token)
{
	struct str sent;

	if (!origin_ok(ctx, req) || !site_ok(req))
		return err_code(err_new(ctx->a, ERR_FORBIDDEN, "the request came from another site"),
		                "origin");
	if (!token)
		return NULL;
	TRY(sent_token(ctx, req, &sent));
	if (!sent.n || !crypto_equal(sent, str_of(token)))
		return err_hint(
		        err_code(err_new(ctx->a, ERR_FORBIDDEN, "the page is too old to be sent"), "csrf"),
		        "Load it again and repeat what you did.");
	return NULL;
}
