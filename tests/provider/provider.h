/*
 * The scripted model provider: speaks the formats of Anthropic Messages and of OpenAI's Chat Completions, answers from a
 * scenario file, fails in every way that it names, and refuses requests that the real ones would refuse. One thread,
 * epoll and a heap of timers, so that thousands of slow streams cost little. README.md describes scenarios.
 */
#ifndef PROVIDER_H
#define PROVIDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/str.h"

struct arena;
struct format;
struct out;

/* scenario.c -------------------------------------------------------------------------------------------- */

struct scenario;
/* Exits with words on standard error when the file is wrong. path NULL: only the default answer. */
struct scenario *scenario_load(struct arena *a, const char *path);
struct question;
/* The reply for a question; never NULL. Counts the use of a rule. */
struct json_object *scenario_reply(struct scenario *s, const struct question *q);

/* http.c ------------------------------------------------------------------------------------------------ */

/* An HTTP request, parsed. Views into the connection's buffer. */
struct http_in {
	struct str method;
	struct str path;    /* with its query */
	struct str key;     /* x-api-key, api-key */
	struct str bearer;  /* authorization, behind "Bearer " */
	struct str version; /* anthropic-version */
	struct str type;    /* content-type */
	struct str body;
	size_t total; /* bytes of head and body */
};

/* 1: whole, 0: more bytes are needed, -1: not HTTP. */
int http_parse(struct str bytes, struct http_in *out);

/* request.c --------------------------------------------------------------------------------------------- */

/* What a request asks, once it has passed every check. */
struct question {
	const struct format *format;
	struct json_object *body;
	const char *text;   /* last text of the user */
	int64_t call;       /* tool results since */
	const char *result; /* last tool result, "" if none */
	const char *model;
	bool stream;
	size_t bytes;
	int64_t asked_us; /* by the clock on the wall, when all of it was here */
};

/* How a request is refused; status 0 when it is good. */
struct refused {
	int status;
	const char *type;
	const char *message;
};
struct refused question_read(struct arena *a, const struct http_in *in, struct question *out);

/* Held against a request: each check gives the message of a refusal, or NULL. */
enum { CHECK_CALLS = 256 };
struct check {
	struct arena *a;
	const char *open[CHECK_CALLS]; /* calls that have no result yet */
	size_t nopen;
	const char *seen[CHECK_CALLS]; /* all calls */
	size_t nseen;
	bool answered; /* results of calls came since the model spoke */
	int marks; /* for the cache */
	bool has_tools;
	bool thinks;
	struct question *q;
};

/* check.c */
#define KEYS(...) \
	(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
bool check_known(const char *key, const char *const *known, size_t n);
/* The first key of the object that is not among the known ones. */
const char *check_unknown_key(struct json_object *o, const char *const *known, size_t n);
bool check_name(const char *name);
/* Notes a call; false when its id is there already or there are too many. */
bool check_call_open(struct check *c, const char *id);
/* Its result; false when it was not open. */
bool check_call_close(struct check *c, const char *id, const char *result);
void check_question(struct check *c, const char *text);

/* reply.c, plan.c ---------------------------------------------------------------------------------------- */

enum act_kind { ACT_SEND, ACT_DRIP, ACT_BENCH, ACT_HANG, ACT_CLOSE };

/* One thing to do on the connection, delay_ns after the one before. */
struct act {
	enum act_kind kind;
	int64_t delay_ns;
	struct str bytes; /* SEND, DRIP: as they go out; DRIP one at a time */
	int64_t count;    /* SEND: how often, 0 is once; BENCH: deltas to send, one each delay_ns */
};

struct plan {
	const struct format *format;
	struct act *acts;
	size_t n;
	size_t room;
};

void plan_act(struct arena *a, struct plan *p, struct act step);
void plan_text(struct arena *a, struct plan *p, int64_t delay_ns, const char *text);
/* One piece of a chunked body. */
void plan_chunk(struct arena *a, struct plan *p, int64_t delay_ns, struct str data);
void plan_json(struct arena *a, struct plan *p, int status, const char *headers, const struct buf *body);

void plan_refusal(struct arena *a, const struct format *format, const struct refused *r, const char *headers,
                  struct plan *out);
void plan_reply(struct arena *a, const struct question *q, struct json_object *reply, struct plan *out);
/* A delta that carries the time `now_ns`, framed for the wire, into out; its length. */
size_t plan_bench_delta(const struct format *format, char *out, size_t size, int64_t now_ns);

/* fault.c: the ways to fail instead of an answer, and behind its text. */
bool fault_is_known(const char *fail, const char *then);
void fault_instead(struct arena *a, struct json_object *reply, const char *fail, struct plan *out);
void fault_after(struct out *o, const char *then);

/* fill.c: a text with its {{placeholders}} filled from the last tool result. */
char *fill(struct arena *a, const struct question *q, const char *text);

/* A reply on its way into a plan. */
struct out {
	struct arena *a;
	struct plan *plan;
	const struct question *q;
	struct json_object *reply;
	int64_t delay_ns;
	size_t chunk;
	int64_t index; /* anthropic: of the block */
	size_t bytes;  /* of text and arguments */
};

const char *out_text(struct out *o);
const char *out_input(struct out *o, struct json_object *tool);
const char *out_call_id(struct out *o, struct json_object *tool, int64_t i);
int64_t out_usage(struct out *o, const char *name, int64_t dflt);
/* Pieces of a text, one for each delta. */
void out_deltas(struct out *o, struct str rest,
                void (*delta)(struct out *o, int64_t delay_ns, struct str piece));
void out_bench(struct out *o);

/* A wire format: anthropic_*.c, openai_*.c. */
struct format {
	struct refused (*head)(const struct http_in *in);
	const char *(*check)(struct check *c, struct json_object *body);
	/* The parts of a stream, in this order. */
	void (*begin)(struct out *o);
	void (*thinking)(struct out *o, const char *text);
	void (*redacted)(struct out *o, const char *data); /* NULL: has none */
	void (*text)(struct out *o);
	void (*tool)(struct out *o, struct json_object *tool, int64_t i);
	void (*end)(struct out *o);
	/* One event with an error in mid-stream, one that is cut in a character or before its end. */
	void (*failure)(struct out *o);
	const char *half;
	struct buf (*whole)(struct out *o);
	struct buf (*error)(struct arena *a, const struct refused *r);
	const char *bench[2]; /* an event, before and behind the time in it */
};
extern const struct format format_anthropic, format_openai;

/* What a scripted model signs its thinking with. */
#define SIGNATURE "c2lnbmVkIGJ5IHRoZSBzY3JpcHQ="

/* anthropic_request.c, openai_request.c */
struct refused anthropic_head(const struct http_in *in);
const char *anthropic_check(struct check *c, struct json_object *body);
struct refused openai_head(const struct http_in *in);
const char *openai_check(struct check *c, struct json_object *body);

/* server.c: serves for ever. */
void server_run(int listener, struct scenario *s);

#endif
