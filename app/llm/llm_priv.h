/* Inside llm/: wire formats, the reply under construction, and the one place that speaks HTTP. */
#ifndef LLM_LLM_PRIV_H
#define LLM_LLM_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/sse.h"
#include "llm/llm.h"

enum {
	LLM_BLOCKS = 64,              /* most blocks of a reply */
	LLM_REPLY_BYTES = 4 << 20,    /* longest text or arguments of one block */
	LLM_EVENT_BYTES = 1 << 20,    /* longest event of the stream */
	LLM_REFUSAL_BYTES = 16 << 10, /* of an error's body, the rest is not read */
	LLM_HEADERS = 4,
};

/* One block as it arrives; kind -1 is one that we have no use for (thinking, the provider's own tools). */
struct llm_part {
	int64_t index;
	int kind;
	const char *id;
	const char *name;
	struct buf content;
};

/* A reply as it arrives. a outlives the call; scratch is reset after each event, so that a long reply
 * costs no more memory than its text. */
struct llm_stream {
	struct arena *a;
	struct arena *scratch;
	const struct llm_request *req;
	const struct llm_sink *sink;
	struct llm_part parts[LLM_BLOCKS];
	size_t nparts;
	struct llm_usage usage;
	const char *model;
	enum llm_stop stop;
	bool stopped;    /* the provider gave its reason to stop: the reply is whole */
	bool ended;      /* nothing follows */
	bool passed;     /* text went to the sink */
	bool retry;      /* what on_event or refusal returned may be gone at the next try */
	int retry_after; /* seconds that the provider asked to wait, 0 if it did not */
};

/* A wire format: one row of the table in llm.c. */
struct llm_format {
	const char *name;
	const char *path; /* behind the base address */
	void (*build)(struct arena *a, const struct llm_request *req, struct buf *body);
	size_t (*headers)(struct arena *a, const struct llm_provider *p, const char *out[LLM_HEADERS]);
	struct err *(*on_event)(void *stream, const struct sse_event *event);
	/* The error for an answer that is not a stream; sets stream->retry. */
	struct err *(*refusal)(struct llm_stream *s, long status, struct str body);
};

extern const struct llm_format llm_anthropic;

/* transport.c: sends one request and feeds the stream. */
MUST_CHECK struct err *llm_transport(struct ctx *ctx, const struct llm_format *format, struct llm_stream *s,
                                     int64_t deadline_us);

/* reply.c: the parts, by the provider's index. */
struct llm_part *llm_part_open(struct llm_stream *s, int64_t index, int kind);
struct llm_part *llm_part_find(struct llm_stream *s, int64_t index);
/* Text of the model: kept, and passed on. Errors: TOO_LARGE. */
MUST_CHECK struct err *llm_part_text(struct llm_stream *s, struct llm_part *part, struct str text);
MUST_CHECK struct err *llm_part_input(struct llm_stream *s, struct llm_part *part, const char *json);
struct llm_reply *llm_reply_of(struct llm_stream *s);

/* An error of the provider in its words, without the key should it be among them. */
struct err *llm_refused(struct llm_stream *s, enum err_kind kind, const char *code, const char *what,
                        const char *words) __attribute__((returns_nonnull));

#endif
