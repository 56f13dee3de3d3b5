/*
 * One HTTP request through libcurl: how it is put, what of the answer is taken, and what is made of its end. carrier.c
 * carries it. Buffers are small and the request's text is given back as soon as an answer begins, because thousands of
 * calls may be under way at once. Nothing is redirected, proxied, unpacked or taken from a .netrc.
 */
#include <curl/curl.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "lib/settings.h"
#include "llm/transport_priv.h"

enum {
	CONNECT_MS = 10 * 1000,
	SILENCE_S = 60, /* where no setting says otherwise */
	RECEIVE_BYTES = 2 << 10,
	SEND_BYTES = 16 << 10, /* the least that libcurl takes */
	HEAD_BYTES = 64 << 10,
};

/* The answer -------------------------------------------------------------------------------------------------- */

static void refuse(struct llm_call *c, const char *code, const char *what)
{
	c->err = llm_refused(c->s, ERR_PROVIDER, code, what, NULL);
}

/* Small things can be large unpacked, and nobody asked for them. */
static bool is_packed(struct str name, struct str value)
{
	if (str_eq_nocase(name, STR("content-encoding")))
		return value.n && !str_eq_nocase(value, STR("identity"));
	return str_eq_nocase(name, STR("transfer-encoding")) && !str_eq_nocase(value, STR("chunked"));
}

bool llm_take_header(struct llm_call *c, struct str line)
{
	struct str rest = str_trim(line), name = str_chop(&rest, ':'), value = str_trim(rest);

	c->head_bytes += line.n;
	if (c->head_bytes > HEAD_BYTES)
		refuse(c, "provider_head", "the head of the model provider's answer is too large");
	else if (is_packed(name, value))
		refuse(c, "provider_packed", "the model provider packed its answer, which was not asked for");
	llm_header(c->s, name, value);
	return !c->err;
}

bool llm_take_bytes(struct llm_call *c, struct str bytes)
{
	size_t room = LLM_REFUSAL_BYTES - c->refusal.n;

	if (c->status == 200) {
		c->err = llm_body_feed(c->answer, bytes.p, bytes.n);
		return !c->err;
	}
	buf_add(&c->refusal, bytes.p, bytes.n < room ? bytes.n : room);
	return room > bytes.n;
}

/* The request ------------------------------------------------------------------------------------------------- */

static void set_limits(CURL *h)
{
	char *capath = NULL;

	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L); /* a name server that hangs holds up nobody */
	curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
	curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, (long)SEND_BYTES);
	/* A directory of certificates is searched for the one needed; the bundle would be parsed whole, a
	 * megabyte for each connection. */
	curl_easy_getinfo(h, CURLINFO_CAPATH, &capath);
	if (capath)
		curl_easy_setopt(h, CURLOPT_CAINFO, NULL);
}

static void set_request(struct llm_transfer *t, const struct llm_call *c)
{
	const struct llm_provider *p = &c->s->req->provider;
	const char *address = c->format->address(c->s->scratch, p), *own[LLM_HEADERS + 3];
	struct buf place = buf_init(c->s->scratch, BUF_LINE);
	size_t n = c->format->headers(c->s->scratch, p, own);

	own[n++] = "content-type: application/json";
	own[n++] = "accept: text/event-stream";
	own[n++] = "expect:";
	for (size_t i = 0; i < n; i++)
		t->headers = curl_slist_append(t->headers, own[i]);
	curl_easy_setopt(t->easy, CURLOPT_URL, address);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "quern");
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.n);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body.p);
	buf_printf(&place, "%s\n%s", address, p->key);
	crypto_sha256(t->place, buf_str(&place));
}

/* The request's text stands behind the mark: it can go before the rest. */
static struct err *prepare(struct llm_call *c, struct llm_transfer **out)
{
	struct arena *a = arena_create();
	struct llm_transfer *t = *out = ARENA_NEW(a, struct llm_transfer);
	struct buf body;

	t->a = a;
	t->bare = arena_mark(a);
	body = buf_init(a, BUF_PAGE);
	c->format->build(a, c->s, &body);
	t->body = buf_str(&body);
	t->easy = body.full ? NULL : curl_easy_init();
	if (t->easy) {
		set_limits(t->easy);
		set_request(t, c);
		return NULL;
	}
	arena_free(a);
	return body.full ? err_new(c->s->a, ERR_TOO_LARGE, "the request to the model is too large")
	                 : err_new(c->s->a, ERR_INTERNAL, "could not prepare a call");
}

/* The end ----------------------------------------------------------------------------------------------------- */

static struct err *stopped(struct llm_call *c)
{
	return err_new(c->s->a, ERR_CANCELLED, "the call to the model was stopped");
}

static struct err *late(struct llm_call *c)
{
	return err_hint(err_code(err_new(c->s->a, ERR_TIMEOUT, "the model took too long to answer"), "provider_late"),
	                "Ask for less at once, or raise QUERN_TURN_SECONDS.");
}

static struct err *silent(struct llm_call *c)
{
	long long s = c->silence_us / 1000000;

	c->s->retry = true;
	return err_hint(err_code(err_new(c->s->a, ERR_TIMEOUT,
	                                 c->answered ? "the model provider fell silent for %lld seconds"
	                                             : "the model provider did not answer for %lld seconds",
	                                 s),
	                         "provider_silent"),
	                "Try again.");
}

static struct err *not_reached(struct llm_call *c, CURLcode result)
{
	static const struct {
		CURLcode code;
		const char *what;
	} words[] = {
	        {CURLE_COULDNT_RESOLVE_HOST, "could not find the model provider's host"},
	        {CURLE_COULDNT_CONNECT, "could not connect to the model provider"},
	        {CURLE_OPERATION_TIMEDOUT, "could not connect to the model provider in time"},
	        {CURLE_PEER_FAILED_VERIFICATION, "could not trust the certificate of the model provider"},
	        {CURLE_SSL_CONNECT_ERROR, "could not open a TLS connection to the model provider"},
	        {CURLE_URL_MALFORMAT, "the address of the model provider is not a URL"},
	        {CURLE_UNSUPPORTED_PROTOCOL,
	         "the address of the model provider must begin with https:// or http://"},
	};
	const char *what = "the connection to the model provider broke";

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (words[i].code == result)
			what = words[i].what;
	c->s->retry = result != CURLE_URL_MALFORMAT && result != CURLE_UNSUPPORTED_PROTOCOL &&
	              result != CURLE_PEER_FAILED_VERIFICATION;
	return err_hint(llm_refused(c->s, ERR_UNAVAILABLE, "provider_unreachable", what, NULL),
	                "Check the model's address and this host's way out (%s).", curl_easy_strerror(result));
}

static struct err *refusal(struct llm_call *c)
{
	struct json_object *o;

	if (json_read(c->s->scratch, buf_str(&c->refusal), JSON_DEPTH, &o))
		o = NULL;
	return c->format->refusal(c->s, c->status, o);
}

/* The transfer came to its end. */
static struct err *over(struct llm_call *c)
{
	struct llm_stream *s = c->s;

	if (s->ended)
		return NULL;
	if (c->status == 0)
		return not_reached(c, c->result);
	if (c->status >= 300 && c->status < 400)
		return llm_refused(s, ERR_PROVIDER, "redirected",
		                   "the model provider answered with a redirect, which is not followed", NULL);
	return c->status == 200 ? llm_body_end(c->answer) : refusal(c);
}

static struct err *refused(struct llm_call *c)
{
	return c->err;
}

static struct err *(*const outcome[])(struct llm_call *c) = {
        [LLM_END_OVER] = over, [LLM_END_REFUSED] = refused, [LLM_END_STOPPED] = stopped,
        [LLM_END_LATE] = late, [LLM_END_SILENT] = silent,
};

static int64_t silence_us(const struct settings *settings)
{
	return (settings->llm_silence ? settings->llm_silence : SILENCE_S) * 1000000;
}

struct err *llm_transport(struct ctx *ctx, const struct llm_format *format, struct llm_stream *s,
                          int64_t deadline_us)
{
	struct llm_call c = {.ctx = ctx,
	                     .s = s,
	                     .format = format,
	                     .deadline_us = deadline_us,
	                     .silence_us = silence_us(ctx->settings),
	                     .refusal = buf_init(s->scratch, LLM_REFUSAL_BYTES),
	                     .answer = llm_body_create(s)};
	struct llm_transfer *t;

	if (ctx_stopped(ctx))
		return stopped(&c);
	TRY(prepare(&c, &t));
	TRY(llm_carry(&c, t));
	return outcome[c.end](&c);
}
