/*
 * The scripted model provider: speaks the Anthropic Messages format, answers from a scenario file, and
 * refuses requests that the real one would refuse. One thread, epoll and a heap of timers, so that
 * thousands of slow streams cost little. README.md describes scenarios.
 */
#ifndef PROVIDER_H
#define PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/str.h"

struct arena;
struct json_object;

/* scenario.c -------------------------------------------------------------------------------------------- */

struct scenario;
/* Exits with words on standard error when the file is wrong. path NULL: only the default answer. */
struct scenario *scenario_load(struct arena *a, const char *path);
/* The reply for the question's call number `call`; never NULL. Counts the use of a rule. */
struct json_object *scenario_reply(struct scenario *s, const char *question, int64_t call);

/* request.c --------------------------------------------------------------------------------------------- */

/* An HTTP request, parsed. Views into the connection's buffer. */
struct http_in {
	struct str method;
	struct str path;
	struct str key;     /* x-api-key */
	struct str version; /* anthropic-version */
	struct str type;    /* content-type */
	struct str body;
	size_t total; /* bytes of head and body */
};

/* 1: whole, 0: more bytes are needed, -1: not HTTP. */
int http_parse(struct str bytes, struct http_in *out);

/* What a request asks, once it has passed every check. */
struct question {
	struct json_object *body;
	const char *text;   /* last text of the user */
	int64_t call;       /* tool results since */
	const char *result; /* last tool result, "" if none */
	const char *model;
	bool stream;
	size_t bytes;
};

/* How a request is refused; status 0 when it is good. */
struct refused {
	int status;
	const char *type;
	const char *message;
};
struct refused question_read(struct arena *a, const struct http_in *in, struct question *out);

/* reply.c ----------------------------------------------------------------------------------------------- */

enum act_kind { ACT_SEND, ACT_DRIP, ACT_BENCH, ACT_HANG, ACT_CLOSE };

/* One thing to do on the connection, delay_ns after the one before. */
struct act {
	enum act_kind kind;
	int64_t delay_ns;
	struct str bytes; /* SEND, DRIP: as they go out; DRIP one at a time */
	int64_t count;    /* BENCH: deltas to send, one each delay_ns */
};

struct plan {
	struct act *acts;
	size_t n;
	size_t room;
};

void plan_refusal(struct arena *a, const struct refused *r, int retry_after, struct plan *out);
void plan_reply(struct arena *a, const struct question *q, struct json_object *reply, struct plan *out);
/* A delta that carries the time `now_ns`, framed for the wire, into out; its length. */
size_t plan_bench_delta(char *out, size_t size, int64_t now_ns);

/* fill.c: a text with its {{placeholders}} filled from the last tool result. */
char *fill(struct arena *a, const struct question *q, const char *text);

/* server.c: serves for ever. */
void server_run(int listener, struct scenario *s);

#endif
