/* Inside llm/: wire formats, the reply under construction, and the one place that speaks HTTP. */
#ifndef LLM_LLM_PRIV_H
#define LLM_LLM_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/sse.h"
#include "llm/llm.h"

struct json_object;

enum {
	LLM_BLOCKS = 2048,            /* most blocks of a reply */
	LLM_REPLY_BYTES = 4 << 20,    /* of a reply in all */
	LLM_EVENT_BYTES = 2 << 20,    /* longest event of the stream */
	LLM_REFUSAL_BYTES = 16 << 10, /* of an error's body, the rest is not read */
	LLM_HEADERS = 4,
};

/* What a provider turned out to want that its format leaves open; bits. Learnt from its refusals. */
enum {
	LLM_OTHER_TOKENS = 1,      /* max_completion_tokens where max_tokens is usual, and the reverse */
	LLM_NO_STREAM_OPTIONS = 2, /* it does not know them */
	LLM_REASONING_BACK = 4,    /* it wants its reasoning back with tool calls */
	LLM_ADAPTIVE = 8,          /* its models decide themselves how much they think */
	LLM_NO_THINKING = 16,      /* they do not think when asked to */
	LLM_NO_THINKING_BACK = 32, /* it does not take back the thinking of this conversation */
	LLM_LASTING = LLM_OTHER_TOKENS | LLM_NO_STREAM_OPTIONS | LLM_REASONING_BACK | LLM_ADAPTIVE |
	              LLM_NO_THINKING,
};

/* Words in a refusal, and what they teach; a list ends with NULL. */
struct llm_lesson {
	const char *words;
	unsigned quirk;
};

/* One block as it arrives; kind -1 is one that we have no use for (the provider's own tools). */
struct llm_part {
	int64_t index;
	int kind;
	bool is_redacted;
	bool is_given; /* content came with its beginning */
	const char *id;
	const char *name;
	struct buf content;
	struct str signature;
};

/* A reply as it arrives. a outlives the call; scratch is reset after each event, so that a long reply
 * costs no more memory than its text. */
struct llm_stream {
	struct arena *a;
	struct arena *scratch;
	const struct llm_request *req;
	const struct llm_sink *sink;
	const struct llm_format *format;
	unsigned quirks;
	struct llm_part *parts;
	size_t nparts;
	size_t room;  /* for parts */
	size_t bytes; /* of all parts */
	struct llm_usage usage;
	int64_t fresh_tokens,
	        stored_tokens; /* anthropic: input that was not cached, and that is from now on */
	const char *model;
	enum llm_stop stop;
	bool stopped; /* the provider gave its reason to stop: the reply is whole */
	bool ended;   /* nothing follows */
	bool passed;  /* something of it went to the sink */
	/* How a call failed. */
	bool retry;             /* may be gone at the next try */
	bool theirs;            /* the provider's doing: another one may do better */
	unsigned lesson;        /* what its refusal taught: try again with that in quirks */
	int64_t retry_after_ms; /* what the provider asked to wait, 0 if it did not */
};

/* A wire format: one row of the table in llm.c. */
struct llm_format {
	const char *name;
	const char *url; /* where the settings give none */
	const struct llm_lesson *lessons;
	char *(*address)(struct arena *a, const struct llm_provider *p);
	void (*build)(struct arena *a, const struct llm_stream *s, struct buf *body);
	size_t (*headers)(struct arena *a, const struct llm_provider *p, const char *out[LLM_HEADERS]);
	struct err *(*on_event)(void *stream, const struct sse_event *event);
	/* A reply that came whole. */
	struct err *(*whole)(struct llm_stream *s, struct json_object *o);
	/* The error for an answer that is none; o is its body, NULL where that is no JSON. */
	struct err *(*refusal)(struct llm_stream *s, long status, struct json_object *o);
};

extern const struct llm_format llm_anthropic, llm_openai;

/* anthropic_request.c, openai_request.c */
void llm_anthropic_build(struct arena *a, const struct llm_stream *s, struct buf *body);
void llm_openai_build(struct arena *a, const struct llm_stream *s, struct buf *body);

/* address.c: base as people write it (with or without version, whole, with a query), and path behind it. versioned:
 * a path without version gets one, too. */
char *llm_address(struct arena *a, const char *base, const char *path, bool versioned);
/* Whether the host of an address is this one or below it. */
bool llm_host_is(const char *address, const char *domain);

/* transport.c: sends one request and feeds the stream. */
MUST_CHECK struct err *llm_transport(struct ctx *ctx, const struct llm_format *format, struct llm_stream *s,
                                     int64_t deadline_us);

/* body.c: an answer of status 200 in any chunking: events, or one JSON text from those that do not stream. Errors are
 * those of the format, and PROVIDER for what is neither. */
struct llm_body;
struct llm_body *llm_body_create(struct llm_stream *s);
MUST_CHECK struct err *llm_body_feed(struct llm_body *b, const char *bytes, size_t n);
/* How many signs of life the provider gave with it: whole events and comments. */
unsigned long long llm_body_signs(const struct llm_body *b);
/* Nothing follows. */
MUST_CHECK struct err *llm_body_end(struct llm_body *b);

/* reply.c: the parts. */
struct llm_part *llm_part_find(struct llm_stream *s, int64_t index);
/* A new last part; NULL when there are too many. */
struct llm_part *llm_part_add(struct llm_stream *s, int64_t index, int kind);
/* Text or thinking of the model: kept, and passed on. Errors: TOO_LARGE. */
MUST_CHECK struct err *llm_part_text(struct llm_stream *s, struct llm_part *part, struct str text);
MUST_CHECK struct err *llm_part_input(struct llm_stream *s, struct llm_part *part, const char *json);
struct llm_reply *llm_reply_of(struct llm_stream *s);
/* The error for more blocks than LLM_BLOCKS, or one that comes twice. */
struct err *llm_part_refused(struct llm_stream *s) __attribute__((returns_nonnull));

/* clean.c: JSON from a provider, in scratch: what is not UTF-8, and NUL, becomes U+FFFD. */
MUST_CHECK struct err *llm_json_read(struct llm_stream *s, struct str text, struct json_object **out);
struct str llm_clean(struct arena *a, struct str json);
/* Arguments that the model did not finish cannot be sent back as they are ("{}" is): the tool's answer says what was
 * wrong. */
struct str llm_sound_input(struct arena *a, struct str input);

/* refusal.c: an error of the provider in its words, without the key should it be among them. */
struct err *llm_refused(struct llm_stream *s, enum err_kind kind, const char *code, const char *what,
                        const char *words) __attribute__((returns_nonnull));
/* The same by what the provider calls it (code, type; either may be NULL) and the status, 0 in mid-stream. */
struct err *llm_failed(struct llm_stream *s, const char *code, const char *type, long status,
                       const char *words) __attribute__((returns_nonnull));

/* retry.c: notes what a header of the answer says about trying again. */
void llm_header(struct llm_stream *s, struct str name, struct str value);
/* The pause before the next try in microseconds, tries being those made. */
int64_t llm_pause_us(const struct llm_stream *s, int tries);

/* health.c: how each provider (address and model) does, for all threads of the process. now_us is monotonic. */
enum llm_outcome { LLM_WELL, LLM_FAULT, LLM_NEITHER };
/* 0: ask it, and report; otherwise how many microseconds it is left alone still. */
int64_t llm_health_rest_us(const struct llm_provider *p, int64_t now_us);
void llm_health_report(const struct llm_provider *p, enum llm_outcome outcome, int64_t now_us);
unsigned llm_health_quirks(const struct llm_provider *p);
void llm_health_learn(const struct llm_provider *p, unsigned quirks);

#endif
