/* Which provider, and one call to it: tries again while that can help and nobody has seen text of it yet. */
#include "llm/llm.h"

#include <curl/curl.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "llm/llm_priv.h"

enum { TRIES = 4, FIRST_PAUSE_MS = 500, LONGEST_PAUSE_S = 60 };

/* The wire formats. */
static const struct llm_format *const formats[] = {&llm_anthropic, NULL};

static const struct llm_format *format_of(const char *name)
{
	for (size_t i = 0; formats[i]; i++)
		if (strcmp(formats[i]->name, name) == 0)
			return formats[i];
	return NULL;
}

bool llm_configured(const struct settings *settings)
{
	return *settings->llm_provider && *settings->llm_url && *settings->llm_key;
}

struct llm_provider llm_provider_of(const struct settings *settings, const char *model)
{
	return (struct llm_provider){settings->llm_provider, settings->llm_url, settings->llm_key,
	                             model && *model ? model : settings->llm_model};
}

void llm_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static struct err *try_once(struct ctx *ctx, const struct llm_format *format, struct llm_stream *s,
                            int64_t deadline_us)
{
	struct err *e;

	s->scratch = arena_create();
	e = llm_transport(ctx, format, s, deadline_us);
	arena_free(s->scratch);
	s->scratch = NULL;
	return e;
}

/* The pause before try number `tries`: what the provider asked for, or doubling, with up to half of it by
 * chance. */
static int64_t pause_us(const struct llm_stream *s, int tries)
{
	int64_t us = (int64_t)FIRST_PAUSE_MS * 1000 << (tries - 1);

	if (s->retry_after)
		return (int64_t)s->retry_after * 1000000;
	return us / 2 + us / 2 * (clock_mono_us() % 1000) / 1000;
}

/* False when somebody stopped the work meanwhile. */
static bool wait_us(struct ctx *ctx, int64_t us)
{
	int64_t until = clock_mono_us() + us;

	while (clock_mono_us() < until) {
		if (ctx_stopped(ctx))
			return false;
		nanosleep(&(struct timespec){0, 50L * 1000 * 1000}, NULL);
	}
	return true;
}

static bool worth_another(const struct llm_stream *s, int tries, int64_t deadline_us)
{
	return s->retry && !s->passed && tries < TRIES && s->retry_after <= LONGEST_PAUSE_S &&
	       clock_mono_us() + pause_us(s, tries) < deadline_us;
}

struct err *llm_complete(struct ctx *ctx, const struct llm_request *req, const struct llm_sink *sink,
                         struct llm_reply **out)
{
	const struct llm_format *format = format_of(req->provider.format);
	int64_t deadline_us = clock_mono_us() + req->timeout_ms * 1000;
	struct llm_stream *s = ARENA_NEW(ctx->a, struct llm_stream);
	struct err *e;
	int tries = 0;

	if (!format)
		return err_hint(err_new(ctx->a, ERR_CONFIG, "there is no model provider format \"%s\"",
		                        req->provider.format),
		                "Set QUERN_LLM_PROVIDER to anthropic.");
	for (;;) {
		*s = (struct llm_stream){.a = ctx->a, .req = req, .sink = sink, .stop = LLM_STOP_OTHER};
		e = try_once(ctx, format, s, deadline_us);
		if (!e) {
			*out = llm_reply_of(s);
			return NULL;
		}
		if (!worth_another(s, ++tries, deadline_us))
			return e;
		log_err(LOG_WARNING, ctx->request_id, "call to the model failed, trying again", e);
		if (!wait_us(ctx, pause_us(s, tries)))
			return err_new(ctx->a, ERR_CANCELLED, "the call to the model was stopped");
	}
}
