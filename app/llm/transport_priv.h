/* Between transport.c, which knows what a call is, and carrier.c, the thread that carries all calls of a process. */
#ifndef LLM_TRANSPORT_PRIV_H
#define LLM_TRANSPORT_PRIV_H

#include <curl/curl.h>
#include <pthread.h>

#include "lib/arena.h"
#include "lib/crypto.h"
#include "llm/llm_priv.h"

enum llm_end {
	LLM_END_OVER,    /* the transfer is over as `result` says, or the reply is whole */
	LLM_END_REFUSED, /* by us: `err` says why */
	LLM_END_STOPPED,
	LLM_END_LATE,   /* the time for the whole call is up */
	LLM_END_SILENT, /* nothing was heard of the provider for too long */
};

/* A call, on the stack of the thread that waits for it. Until it is over, the carrier's thread alone touches what it
 * points to; not so while that thread does what it has to do once the request is sent. */
struct llm_call {
	struct ctx *ctx;
	const struct llm_format *format;
	struct llm_stream *s;
	struct llm_body *answer;
	struct buf refusal;
	long status;
	bool answered; /* the head of the answer has begun */
	size_t head_bytes;
	int64_t deadline_us, silence_us;

	enum llm_end end;
	CURLcode result;
	struct err *err;

	pthread_cond_t woken; /* these two under the carrier's lock */
	enum { LLM_CARRIED, LLM_SENT, LLM_OVER } phase;
};

/* The request on its way; the carrier's own. It may outlive its call for a moment: once the last bytes of the answer
 * have come, the next call has its connection. */
struct llm_transfer {
	struct llm_call *call; /* NULL once that is over */
	struct arena *a;       /* what it lives in */
	struct arena_mark bare; /* without the request's text */
	struct str body;
	unsigned char place[CRYPTO_HASH_BYTES]; /* only calls of the same place share connections */
	CURL *easy;
	struct curl_slist *headers;

	size_t group;
	bool sending;     /* some of it has not left yet */
	curl_off_t gone;  /* bytes that have */
	bool waits;       /* for the caller, who does something meanwhile */
	int64_t heard_us; /* when the provider last gave a sign of life */
	uint64_t signs;
	size_t extra; /* bytes behind the end of the reply */
	struct llm_transfer *next, **at;
	struct llm_transfer *queued;
};

/* Carries the transfer, which is its own from here on, until the call is over. Calls sink->sent. */
MUST_CHECK struct err *llm_carry(struct llm_call *c, struct llm_transfer *t);

/* What the carrier calls as an answer comes; false ends the call, with c->err where that has a reason. */
bool llm_take_header(struct llm_call *c, struct str line);
bool llm_take_bytes(struct llm_call *c, struct str bytes);

#endif
