/* How providers fail, in words for people: by the name they give it, by the status, and by what they say. */
#include <string.h>

#include "lib/arena.h"
#include "llm/llm_priv.h"

enum { WORDS_BYTES = 600 };

#define CHECK_KEY "Check the model's key: in the project's settings, or QUERN_LLM_KEY."
#define CHECK_MODEL \
	"Check the model's name and address: in the project's settings, or QUERN_LLM_MODEL and QUERN_LLM_URL."
#define IN_A_MINUTE "Try again in a minute."
#define LESS_AT_ONCE "Start a new conversation, or ask about less data at once."

struct failure {
	const char *name; /* as type or code, NULL for any */
	long status;      /* 0: by its name only */
	enum err_kind kind;
	bool retry;
	const char *code;
	const char *what;
	const char *hint;
};

static const struct failure failures[] = {
        {"authentication_error", 401, ERR_PROVIDER, false, "key_refused",
         "the model provider refused the key", CHECK_KEY},
        {"invalid_api_key", 0, ERR_PROVIDER, false, "key_refused", "the model provider refused the key",
         CHECK_KEY},
        {"permission_error", 403, ERR_PROVIDER, false, "key_refused",
         "the model provider refused what was asked with this key", CHECK_KEY},
        {"not_found_error", 404, ERR_PROVIDER, false, "unknown_model",
         "the model provider does not know this model or address", CHECK_MODEL},
        {"model_not_found", 0, ERR_PROVIDER, false, "unknown_model",
         "the model provider does not know this model", CHECK_MODEL},
        {"insufficient_quota", 0, ERR_PROVIDER, false, "billing",
         "the model provider's account cannot pay for this request", NULL},
        {"billing_error", 402, ERR_PROVIDER, false, "billing",
         "the model provider's account cannot pay for this request", NULL},
        {"rate_limit_error", 429, ERR_RATE_LIMITED, true, "rate_limit",
         "the model provider's rate limit is reached", IN_A_MINUTE},
        {"rate_limit_exceeded", 0, ERR_RATE_LIMITED, true, "rate_limit",
         "the model provider's rate limit is reached", IN_A_MINUTE},
        {"overloaded_error", 529, ERR_UNAVAILABLE, true, "overloaded", "the model provider is overloaded",
         IN_A_MINUTE},
        {"service_unavailable", 503, ERR_UNAVAILABLE, true, "overloaded",
         "the model provider is not available right now", IN_A_MINUTE},
        {"insufficient_system_resource", 0, ERR_UNAVAILABLE, true, "overloaded",
         "the model provider is overloaded", IN_A_MINUTE},
        {"request_too_large", 413, ERR_TOO_LARGE, false, "request_too_large",
         "the request is too large for the model", LESS_AT_ONCE},
        {"context_length_exceeded", 0, ERR_TOO_LARGE, false, "request_too_large",
         "the request is too large for the model", LESS_AT_ONCE},
        {"content_filter", 0, ERR_PROVIDER, false, "filtered",
         "the model provider's filter refused the request", "Ask the question in other words."},
        {"content_policy_violation", 0, ERR_PROVIDER, false, "filtered",
         "the model provider's filter refused the request", "Ask the question in other words."},
        {"timeout_error", 504, ERR_TIMEOUT, true, "provider_timeout", "the model provider took too long",
         "Try again."},
        {"api_error", 500, ERR_PROVIDER, true, "provider_error", "the model provider failed", IN_A_MINUTE},
        {"server_error", 0, ERR_PROVIDER, true, "provider_error", "the model provider failed", IN_A_MINUTE},
        {NULL, 408, ERR_PROVIDER, true, "provider_error",
         "the model provider did not get the request in time", "Try again."},
        {NULL, 409, ERR_PROVIDER, true, "provider_error", "the model provider could not take the request",
         "Try again."},
};

static const struct failure server = {
        NULL, 0, ERR_PROVIDER, true, "provider_error", "the model provider failed", IN_A_MINUTE};
static const struct failure client = {
        NULL, 0, ERR_PROVIDER, false, "bad_request", "the model provider refused the request", NULL};
static const struct failure too_large = {
        NULL,        0, ERR_TOO_LARGE, false, "request_too_large", "the request is too large for the model",
        LESS_AT_ONCE};

enum { FAILURES = sizeof(failures) / sizeof(*failures) };

static const struct failure *by_name(const char *name)
{
	for (size_t i = 0; name && i < FAILURES; i++)
		if (failures[i].name && strcmp(failures[i].name, name) == 0)
			return &failures[i];
	return NULL;
}

static const struct failure *by_status(long status)
{
	for (size_t i = 0; i < FAILURES; i++)
		if (failures[i].status && failures[i].status == status)
			return &failures[i];
	return status >= 400 && status < 500 ? &client : &server;
}

static bool says(const char *words, const char *phrase)
{
	return words && strcasestr(words, phrase);
}

/* Nobody names this one alike; all say it. */
static bool says_too_large(const char *words)
{
	static const char *const phrases[] = {"prompt is too long", "maximum context length",
	                                      "context window",     "context size",
	                                      "context length",     "too many tokens"};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++)
		if (says(words, phrases[i]))
			return true;
	return false;
}

/* In mid-stream there is no status; what is wrong with a request would have been said before. */
static const struct failure *failure_of(const char *code, const char *type, long status, const char *words)
{
	const struct failure *f = by_name(code);

	if (!f)
		f = by_name(type);
	if (!f && status == 0 &&
	    ((code && strcmp(code, "invalid_request_error") == 0) ||
	     (type && strcmp(type, "invalid_request_error") == 0)))
		f = &client;
	if (!f)
		f = by_status(status);
	return f == &client && says_too_large(words) ? &too_large : f;
}

static unsigned lesson_of(const struct llm_stream *s, const char *words)
{
	for (const struct llm_lesson *l = s->format->lessons; l->words; l++)
		if (!(s->quirks & l->quirk) && says(words, l->words))
			return l->quirk;
	return 0;
}

struct err *llm_failed(struct llm_stream *s, const char *code, const char *type, long status,
                       const char *words)
{
	const struct failure *f = failure_of(code, type, status, words);
	struct err *e = llm_refused(s, f->kind, f->code, f->what, words);

	s->retry = f->retry;
	s->lesson = f == &client ? lesson_of(s, words) : 0;
	return f->hint ? err_hint(e, "%s", f->hint) : e;
}

static const char *without_key(struct llm_stream *s, const char *words)
{
	const char *key = s->req->provider.key;
	struct buf b = buf_init(s->a, LLM_REFUSAL_BYTES);
	struct str rest = str_utf8_cut(str_of(words), WORDS_BYTES);
	ptrdiff_t at;

	if (!key || strlen(key) < 4)
		return str_dup(s->a, rest);
	while ((at = str_find(rest, str_of(key))) >= 0) {
		buf_add(&b, rest.p, (size_t)at);
		buf_add_cstr(&b, "[key]");
		rest = (struct str){rest.p + at + strlen(key), rest.n - (size_t)at - strlen(key)};
	}
	buf_add_str(&b, rest);
	return buf_cstr(&b);
}

struct err *llm_refused(struct llm_stream *s, enum err_kind kind, const char *code, const char *what,
                        const char *words)
{
	struct err *e = err_code(err_new(s->a, kind, "%s", what), code);

	s->theirs = true;
	e->retry_after = (int)((s->retry_after_ms + 999) / 1000);
	return words && *words ? err_detail(e, "The provider said: %s", without_key(s, words)) : e;
}
