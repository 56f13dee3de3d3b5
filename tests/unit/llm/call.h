/* A call to a scripted provider, and what its caller sees of it. */
#ifndef TEST_LLM_CALL_H
#define TEST_LLM_CALL_H

#include "lib/buf.h"
#include "lib/ctx.h"
#include "llm/llm.h"

struct ctx llm_call_ctx(struct arena *a);

/* One question, to a provider at this address. */
struct llm_request llm_call_request(struct arena *a, const char *format, const char *url,
                                    const char *question);

struct llm_heard {
	struct buf text, thinking;
	int sent; /* requests that left */
	size_t heard_before_sent;
	struct err *refuse_sent; /* given then, or NULL */
	int again;               /* how often what was heard became void; then text and thinking are empty */
	atomic_bool *stop;       /* set with the first text, or NULL */
};

/* What hears it; with_again: may take back what it heard. */
struct llm_sink llm_call_sink(struct arena *a, struct llm_heard *heard, bool with_again);

#endif
