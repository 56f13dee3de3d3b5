/*
 * Which provider, and one call to it: tries again while that can help, leaves alone who keeps failing, and turns to the
 * fallback in the end. What the sink was given of a call that is made again is void; who cannot take that back is
 * spared it.
 */
#include "llm/llm.h"

#include <curl/curl.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "llm/llm_priv.h"

/* With a fallback there is better to do than to wait long for the first. */
enum {
	TRIES = 4,
	TRIES_BEFORE_FALLBACK = 2,
	LONGEST_PAUSE_US = 60 * 1000 * 1000,
	LONGEST_PAUSE_BEFORE_FALLBACK_US = 5 * 1000 * 1000,
	STOP_LOOK_MS = 50,
};

/* The wire formats. */
static const struct llm_format *const formats[] = {&llm_anthropic, &llm_openai, NULL};

static const struct llm_format *format_of(const char *name)
{
	for (size_t i = 0; formats[i]; i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

bool llm_configured(const struct settings *settings)
{
	bool keyless = strcmp(settings->llm_provider, "openai") == 0 && *settings->llm_url;

	return *settings->llm_provider && (*settings->llm_key || keyless);
}

struct llm_provider llm_provider_of(const struct settings *settings, const char *model)
{
	const struct llm_format *format = format_of(settings->llm_provider);
	const char *own = format ? format->url : "";

	return (struct llm_provider){settings->llm_provider, *settings->llm_url ? settings->llm_url : own,
	                             settings->llm_key, model && *model ? model : settings->llm_model};
}

void llm_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* One request to one provider, with what may still be spent on it. */
struct call {
	struct ctx *ctx;
	const struct llm_format *format;
	struct llm_request req;
	const struct llm_sink *sink;
	struct llm_stream *s; /* of the last try */
	unsigned quirks;
	int tries, most_tries;
	int64_t longest_pause_us;
	int64_t deadline_us;
};

/* What a try says of its provider. A refusal speaks well of it: it is there. */
static enum llm_outcome outcome_of(const struct llm_stream *s, const struct err *e)
{
	if (!e || (s->theirs && !s->retry))
		return LLM_WELL;
	return s->retry && e->kind != ERR_RATE_LIMITED ? LLM_FAULT : LLM_NEITHER;
}

static struct err *try_once(struct call *c)
{
	struct llm_stream *s = c->s;
	struct err *e;

	*s = (struct llm_stream){.a = c->ctx->a,
	                         .req = &c->req,
	                         .sink = c->sink,
	                         .format = c->format,
	                         .quirks = c->quirks | llm_health_quirks(&c->req.provider),
	                         .stop = LLM_STOP_OTHER};
	s->scratch = arena_create();
	e = llm_transport(c->ctx, c->format, s, c->deadline_us);
	arena_free(s->scratch);
	s->scratch = NULL;
	llm_health_report(&c->req.provider, outcome_of(s, e), clock_mono_us());
	if (e && s->lesson) {
		c->quirks |= s->lesson;
		llm_health_learn(&c->req.provider, s->lesson);
	}
	return e;
}

static bool may_go_on(const struct call *c)
{
	return !c->s->passed || (c->sink && c->sink->again);
}

static bool worth_another(const struct call *c, int64_t pause_us)
{
	return ((c->s->retry && !c->req.once) || c->s->lesson) && may_go_on(c) && c->tries < c->most_tries &&
	       pause_us <= c->longest_pause_us && clock_mono_us() + pause_us < c->deadline_us;
}

static struct err *stopped(struct call *c)
{
	return err_new(c->ctx->a, ERR_CANCELLED, "the call to the model was stopped");
}

/* False when somebody stopped the work meanwhile. */
static bool wait_us(struct ctx *ctx, int64_t us)
{
	int64_t until = clock_mono_us() + us;

	while (clock_mono_us() < until) {
		if (ctx_stopped(ctx))
			return false;
		nanosleep(&(struct timespec){0, STOP_LOOK_MS * 1000000L}, NULL);
	}
	return true;
}

static void begin_again(struct call *c)
{
	if (c->s->passed && c->sink && c->sink->again)
		c->sink->again(c->sink->arg);
}

static struct err *resting(struct call *c, int64_t rest_us)
{
	struct err *e;

	c->s->theirs = true;
	e = err_code(
	        err_new(c->ctx->a, ERR_UNAVAILABLE,
	                "the model provider failed several times in a row and is left alone for %lld seconds",
	                (long long)((rest_us + 999999) / 1000000)),
	        "provider_resting");
	e->retry_after = (int)((rest_us + 999999) / 1000000);
	return err_hint(e, "Try again in a minute.");
}

static struct err *unsound(struct call *c)
{
	const struct llm_provider *p = &c->req.provider;

	if (!c->format)
		return err_hint(
		        err_new(c->ctx->a, ERR_CONFIG, "there is no model provider format \"%s\"", p->format),
		        "Set QUERN_LLM_PROVIDER to anthropic or openai.");
	for (const char *k = p->key ? p->key : ""; *k; k++)
		if (*k <= ' ' || *k > '~')
			return err_hint(err_new(c->ctx->a, ERR_CONFIG,
			                        "the model's key holds a character that no key has"),
			                "Copy the key again, without blanks around it.");
	return NULL;
}

static struct err *ask(struct call *c)
{
	int64_t rest_us, pause_us;
	struct err *e;

	TRY(unsound(c));
	rest_us = c->req.once ? 0 : llm_health_rest_us(&c->req.provider, clock_mono_us());
	if (rest_us)
		return resting(c, rest_us);
	for (c->tries = 1;; c->tries++) {
		e = try_once(c);
		pause_us = e ? llm_pause_us(c->s, c->tries) : 0;
		if (!e || !worth_another(c, pause_us))
			return e;
		log_err(LOG_WARNING, c->ctx->request_id, "call to the model failed, trying again", e);
		if (!wait_us(c->ctx, pause_us))
			return stopped(c);
		begin_again(c);
	}
}

static struct err *ask_fallback(struct call *c, const struct llm_provider *fallback, int64_t deadline_us,
                                struct err *first)
{
	struct err *e;

	log_err(LOG_WARNING, c->ctx->request_id, "the model failed, asking the fallback", first);
	begin_again(c);
	c->req.provider = *fallback;
	c->format = format_of(fallback->format);
	c->quirks = LLM_NO_THINKING_BACK;
	c->most_tries = TRIES;
	c->longest_pause_us = LONGEST_PAUSE_US;
	c->deadline_us = deadline_us;
	e = ask(c);
	if (!e || e->kind == ERR_CANCELLED)
		return e;
	return err_detail(first, "%s%sThe fallback model failed, too: %s.",
	                  first->detail ? first->detail : "", first->detail ? " " : "", e->message);
}

/* Not so when somebody stopped it, or we failed ourselves. */
static bool another_may(const struct call *c, const struct err *e)
{
	return c->s->theirs || c->s->retry || e->kind == ERR_TIMEOUT;
}

struct err *llm_complete(struct ctx *ctx, const struct llm_request *req, const struct llm_sink *sink,
                         struct llm_reply **out)
{
	int64_t now_us = clock_mono_us(), time_us = req->timeout_ms * 1000;
	struct call c = {.ctx = ctx,
	                 .format = format_of(req->provider.format),
	                 .req = *req,
	                 .sink = sink,
	                 .s = ARENA_NEW(ctx->a, struct llm_stream),
	                 .most_tries = req->fallback ? TRIES_BEFORE_FALLBACK : TRIES,
	                 .longest_pause_us =
	                         req->fallback ? LONGEST_PAUSE_BEFORE_FALLBACK_US : LONGEST_PAUSE_US,
	                 .deadline_us = now_us + (req->fallback ? time_us * 2 / 3 : time_us)};
	bool fell_back = false;
	struct err *e = ask(&c);

	if (e && req->fallback && another_may(&c, e) && may_go_on(&c)) {
		fell_back = true;
		e = ask_fallback(&c, req->fallback, now_us + time_us, e);
	}
	if (e)
		return e;
	*out = llm_reply_of(c.s);
	(*out)->fell_back = fell_back;
	return NULL;
}
