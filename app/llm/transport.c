/*
 * One HTTP request through libcurl, blocking in the calling thread but looking up every 150 ms: for a stop,
 * for the deadline, and for a provider that has gone quiet. Buffers are small and the request's text is
 * given back as soon as it is sent, because thousands of calls may be under way at once. Nothing is
 * redirected, proxied or taken from a .netrc.
 */
#include <curl/curl.h>
#include <poll.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "llm/llm_priv.h"

enum {
	CONNECT_MS = 10 * 1000,
	SILENCE_US = 60 * 1000 * 1000,
	POLL_MS = 150,
	RECEIVE_BYTES = 2 << 10,
	SEND_BYTES = 16 << 10, /* the least that libcurl takes */
};

struct call {
	struct ctx *ctx;
	struct llm_stream *s;
	const struct llm_format *format;
	struct arena *body_arena; /* NULL once the request is sent */
	struct str rest;          /* of the request */
	curl_off_t bytes;         /* of the request in all */
	bool told;                /* the sink knows that it is sent */
	struct llm_body *answer;
	struct buf refusal;
	long status;
	curl_socket_t socket; /* of a stream that has begun */
	int64_t heard_us;
	struct err *err;
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers;
};

static size_t on_send(char *to, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	size_t take = size * n < c->rest.n ? size * n : c->rest.n;

	if (take)
		memcpy(to, c->rest.p, take);
	c->rest = (struct str){c->rest.p + take, c->rest.n - take};
	c->heard_us = clock_mono_us();
	if (c->rest.n == 0) {
		arena_free(c->body_arena);
		c->body_arena = NULL;
	}
	return take;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	struct str line = str_trim((struct str){p, size * n}), name = str_chop(&line, ':'),
	           value = str_trim(line);

	c->heard_us = clock_mono_us();
	llm_header(c->s, name, value);
	return size * n;
}

/* The last bytes wait in libcurl until the socket takes them: only its own count says that they are gone. */
static void tell_sent(struct call *c)
{
	const struct llm_sink *sink = c->s->sink;
	curl_off_t gone = 0;

	if (c->told || curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &gone) || gone < c->bytes)
		return;
	c->told = true;
	if (sink && sink->sent)
		c->err = sink->sent(sink->arg);
}

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct call *c = arg;
	size_t bytes = size * n, room = LLM_REFUSAL_BYTES - c->refusal.n;

	c->heard_us = clock_mono_us();
	if (!c->status) {
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->status);
		curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &c->socket);
	}
	if (c->status == 200) {
		tell_sent(c);
		if (!c->err)
			c->err = llm_body_feed(c->answer, p, bytes);
		return c->err || c->s->ended ? 0 : bytes;
	}
	buf_add(&c->refusal, p, bytes < room ? bytes : room);
	return room > bytes ? bytes : 0;
}

static void set_limits(CURL *h)
{
	char *capath = NULL;

	curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_PROXY, "");
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
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

static void add_header(struct call *c, const char *line)
{
	c->headers = curl_slist_append(c->headers, line);
}

static void set_request(struct call *c)
{
	const struct llm_provider *p = &c->s->req->provider;
	const char *own[LLM_HEADERS];
	size_t n = c->format->headers(c->s->scratch, p, own);

	add_header(c, "content-type: application/json");
	add_header(c, "accept: text/event-stream");
	add_header(c, "expect:");
	for (size_t i = 0; i < n; i++)
		add_header(c, own[i]);
	curl_easy_setopt(c->easy, CURLOPT_URL, c->format->address(c->s->scratch, p));
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "quern");
	curl_easy_setopt(c->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->rest.n);
	curl_easy_setopt(c->easy, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(c->easy, CURLOPT_READDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
}

static struct err *look_up(struct call *c, int64_t deadline_us)
{
	int64_t now = clock_mono_us();

	if (ctx_stopped(c->ctx))
		return err_new(c->s->a, ERR_CANCELLED, "the call to the model was stopped");
	if (now >= deadline_us)
		return err_hint(err_new(c->s->a, ERR_TIMEOUT, "the model took too long to answer"),
		                "Ask for less at once, or raise QUERN_TURN_SECONDS.");
	if (now - c->heard_us >= SILENCE_US) {
		c->s->retry = true;
		return err_hint(
		        err_new(c->s->a, ERR_TIMEOUT, "the model provider sent nothing for 60 seconds"),
		        "Try again.");
	}
	return NULL;
}

/* A stream that has begun waits for its socket alone: of libcurl's own wait, which watches more, comes half the
 * cost of a piece of text. What libcurl still means to send or to time is seen to at the next look. */
static void wait_for_more(struct call *c)
{
	struct pollfd p = {c->socket, POLLIN, 0};
	long ms = -1;

	if (c->socket == CURL_SOCKET_BAD) {
		curl_multi_poll(c->multi, NULL, 0, POLL_MS, NULL);
		return;
	}
	curl_multi_timeout(c->multi, &ms);
	(void)poll(&p, 1, ms < 0 || ms > POLL_MS ? POLL_MS : (int)ms);
}

/* Until the transfer is over; *result is how. */
static struct err *drive(struct call *c, int64_t deadline_us, CURLcode *result)
{
	int running = 1, left;
	CURLMsg *m;

	while (running) {
		TRY(look_up(c, deadline_us));
		if (curl_multi_perform(c->multi, &running) != CURLM_OK)
			return err_new(c->s->a, ERR_INTERNAL, "could not run the call to the model");
		tell_sent(c);
		if (c->err)
			return c->err;
		if (running)
			wait_for_more(c);
	}
	m = curl_multi_info_read(c->multi, &left);
	*result = m ? m->data.result : CURLE_FAILED_INIT;
	return NULL;
}

static struct err *not_reached(struct call *c, CURLcode result)
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
	                "Check the model's address and this host's way out (%s).",
	                curl_easy_strerror(result));
}

static struct err *refusal(struct call *c)
{
	struct json_object *o;

	if (json_read(c->s->scratch, buf_str(&c->refusal), JSON_DEPTH, &o))
		o = NULL;
	return c->format->refusal(c->s, c->status, o);
}

/* What the transfer came to. */
static struct err *outcome(struct call *c, CURLcode result)
{
	struct llm_stream *s = c->s;

	if (c->err)
		return c->err;
	if (s->ended)
		return NULL;
	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->status);
	if (c->status == 0)
		return not_reached(c, result);
	if (c->status >= 300 && c->status < 400)
		return llm_refused(s, ERR_PROVIDER, "redirected",
		                   "the model provider answered with a redirect, which is not followed",
		                   NULL);
	if (c->status != 200)
		return refusal(c);
	return llm_body_end(c->answer);
}

static struct err *perform(struct call *c, int64_t deadline_us)
{
	CURLcode result = CURLE_OK;

	set_limits(c->easy);
	set_request(c);
	if (curl_multi_add_handle(c->multi, c->easy) != CURLM_OK)
		return err_new(c->s->a, ERR_INTERNAL, "could not start the call to the model");
	TRY(drive(c, deadline_us, &result));
	return outcome(c, result);
}

struct err *llm_transport(struct ctx *ctx, const struct llm_format *format, struct llm_stream *s,
                          int64_t deadline_us)
{
	struct call c = {
	        .ctx = ctx, .s = s, .format = format, .socket = CURL_SOCKET_BAD, .heard_us = clock_mono_us()};
	struct buf body;
	struct err *e;

	c.body_arena = arena_create();
	body = buf_init(c.body_arena, BUF_PAGE);
	format->build(c.body_arena, s, &body);
	c.rest = buf_str(&body);
	c.bytes = (curl_off_t)body.n;
	c.refusal = buf_init(s->scratch, LLM_REFUSAL_BYTES);
	c.answer = llm_body_create(s);
	c.easy = curl_easy_init();
	c.multi = curl_multi_init();
	if (body.full)
		e = err_new(s->a, ERR_TOO_LARGE, "the request to the model is too large");
	else
		e = c.easy && c.multi ? perform(&c, deadline_us)
		                      : err_new(s->a, ERR_INTERNAL, "could not prepare a call");
	if (c.multi && c.easy)
		curl_multi_remove_handle(c.multi, c.easy);
	curl_easy_cleanup(c.easy);
	curl_multi_cleanup(c.multi);
	curl_slist_free_all(c.headers);
	arena_free(c.body_arena);
	return e;
}
