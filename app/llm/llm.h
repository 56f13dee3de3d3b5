/*
 * Model providers: one interface, one struct of functions for each wire format. Knows nothing of Quern's
 * agent. Replies stream over libcurl; retries with back-off inside, stops within 200 ms of ctx->stop.
 */
#ifndef LLM_LLM_H
#define LLM_LLM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ctx.h"
#include "lib/err.h"
#include "lib/str.h"

enum llm_role { LLM_USER, LLM_ASSISTANT };
enum llm_block_kind { LLM_TEXT, LLM_THINKING, LLM_TOOL_USE, LLM_TOOL_RESULT };
/* PAUSE: the provider breaks a long reply off, to be gone on from by sending it back. */
enum llm_stop {
	LLM_STOP_END,
	LLM_STOP_TOOL,
	LLM_STOP_LENGTH,
	LLM_STOP_REFUSAL,
	LLM_STOP_PAUSE,
	LLM_STOP_OTHER
};

/* Blocks of a reply stand in the order in which they came. THINKING goes back to its provider as it is, at its place,
 * while the turn goes on with tools; a provider that does not want it is not sent it. */
struct llm_block {
	enum llm_block_kind kind;
	struct str text;      /* TEXT, THINKING: the text; TOOL_RESULT: what the tool says */
	const char *id;       /* TOOL_USE, TOOL_RESULT: the call's id */
	const char *name;     /* TOOL_USE */
	struct str input;     /* TOOL_USE: arguments as JSON text, "{}" when empty */
	bool is_error;        /* TOOL_RESULT */
	struct str signature; /* THINKING: what the provider wants back with it, opaque; may be empty */
	bool is_redacted;     /* THINKING: the provider keeps the text to itself, signature holds it sealed */
};

struct llm_message {
	enum llm_role role;
	struct llm_block *blocks;
	size_t nblocks;
};

struct llm_tool {
	const char *name;
	const char *description;
	const char *schema; /* JSON Schema of the arguments, as text */
};

/* Where the model is. */
struct llm_provider {
	const char *format; /* "anthropic" or "openai" */
	const char *url;    /* base address: with or without version, or the whole one; it may have a query */
	const char *key;    /* may be empty for "openai" */
	const char *model;
};

struct llm_request {
	struct llm_provider provider;
	const struct llm_provider *fallback; /* asked when the provider fails for good; NULL: none */
	const char *system;                  /* stable part first; marked for prompt caching */
	const struct llm_message *messages;
	size_t nmessages;
	const struct llm_tool *tools;
	size_t ntools;
	int64_t max_tokens;
	int64_t thinking_tokens; /* that an Anthropic model may think beside those; 0: it is not asked to think */
	int64_t timeout_ms;      /* whole call */
	bool once; /* a single try, and of a provider that is left alone, too: for who looks whether it is back */
};

struct llm_usage {
	int64_t input_tokens; /* cached ones included */
	int64_t output_tokens;
	int64_t cached_tokens;
};

struct llm_reply {
	struct llm_block *blocks;
	size_t nblocks;
	enum llm_stop stop;
	struct llm_usage usage;
	const char *model; /* as the provider names it */
	bool fell_back;    /* the fallback gave it */
};

/* Called as a reply arrives; views are valid during the call. Any may be NULL. text and thinking are called while the
 * calling thread waits, by the one that carries the replies of all calls: they must be quick and may not block. */
struct llm_sink {
	void (*text)(void *arg, struct str delta);
	void *arg;
	void (*thinking)(void *arg, struct str delta);
	/* All that was passed so far is void: the call is made again. Without it, a call of which text was passed
	 * is neither tried again nor given to the fallback. */
	void (*again)(void *arg);
	/* In the calling thread: the whole request has left this process and nothing of the reply was passed on yet,
	 * nor will be before this returns. Time for what can be done while the model thinks. Once for each try; its
	 * error ends the call. */
	struct err *(*sent)(void *arg);
};

/* True when the settings name a provider and a key, which an OpenAI-compatible one at an address of its own may do
 * without. */
bool llm_configured(const struct settings *settings);
/* The instance's provider with the given model ("" for the default). */
struct llm_provider llm_provider_of(const struct settings *settings, const char *model);

/* One call: tried again at most three times while that can help and the time allows it, then with the fallback. A
 * provider that keeps failing is left alone for a while (UNAVAILABLE, code "provider_resting"). Errors: PROVIDER (its
 * words, never the key), RATE_LIMITED, TIMEOUT, CANCELLED, UNAVAILABLE, TOO_LARGE, CONFIG, or what sink->sent gave. */
MUST_CHECK struct err *llm_complete(struct ctx *ctx, const struct llm_request *req,
                                    const struct llm_sink *sink, struct llm_reply **out);

/* Once in each process before threads start. */
void llm_init(void);

#endif
