/* Plays bytes of a provider's answer to the readers of llm/, in one chunking, and keeps what came of it. */
#ifndef TEST_LLM_PLAY_H
#define TEST_LLM_PLAY_H

#include "llm/llm_priv.h"

enum llm_chunking { LLM_PLAY_WHOLE, LLM_PLAY_LINES, LLM_PLAY_BYTES, LLM_PLAY_RANDOM, LLM_PLAY_CHUNKINGS };

struct llm_play {
	struct llm_stream *s;
	struct llm_reply *reply;   /* also of a failed one: what there was */
	struct err *e;             /* NULL: the reply is whole */
	struct buf text, thinking; /* as the sink got them */
	size_t deltas;             /* of text */
};

/* In the arena; format "anthropic" or "openai". */
struct llm_play *llm_play(struct arena *a, const char *format, struct str bytes, enum llm_chunking chunking);

/* A stream of an event for each line, which is JSON with ' in place of " that may itself be escaped. */
struct str llm_lines(struct arena *a, const char *lines);

/* The same bytes, dressed as other servers send them; dress from 0 up, NULL behind the last one. */
struct llm_dress {
	const char *name;
	const char *line_end; /* in place of LF */
	const char *first;    /* in front of all */
	const char *between;  /* behind each event */
};
const struct llm_dress *llm_dress(size_t i);
struct str llm_dressed(struct arena *a, struct str bytes, const struct llm_dress *dress);

#endif
