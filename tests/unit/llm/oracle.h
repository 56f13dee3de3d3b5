/*
 * What a provider's answer says, read a second time and in another way than the product does: all lines first, then
 * each as a tree, put together as the documents of the two formats describe.
 */
#ifndef TEST_LLM_ORACLE_H
#define TEST_LLM_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/str.h"
#include "llm/llm.h"

struct arena;
struct json_object;

enum { ORACLE_CALLS = 64 };

struct oracle {
	const char *format; /* "anthropic", "openai"; NULL: it is an answer in neither */
	struct str text, thinking, signature;
	struct {
		int64_t index;
		const char *id, *name;
		struct str input;
	} calls[ORACLE_CALLS];
	size_t ncalls;
	const char *reason; /* to stop, as the provider says it; NULL: none */
	int64_t input, output, cached;
	const char *model;
	bool failed; /* there is an error in it */
};

/* A stream, as SSE. */
struct oracle oracle_of_stream(struct arena *a, struct str bytes);
/* A reply that came whole. */
struct oracle oracle_of_whole(struct arena *a, struct json_object *o);
/* What the product should call the reason. */
enum llm_stop oracle_stop(const struct oracle *x);

#endif
