/* From a rule's reply to a plan, in the format of the question: a stream in chunked encoding, one JSON body, or a
 * failure. */
#include <string.h>

#include "lib/arena.h"
#include "provider.h"

enum { CHUNK = 24, DELAY_MS = 15, MS = 1000000 };

const char *out_text(struct out *o)
{
	const char *text = json_get_str(o->reply, "text");

	return text ? fill(o->a, o->q, text) : "";
}

const char *out_input(struct out *o, struct json_object *tool)
{
	struct json_object *input = json_get(tool, "input");

	return input ? fill(o->a, o->q, json_object_to_json_string_ext(input, JSON_C_TO_STRING_PLAIN)) : "{}";
}

const char *out_call_id(struct out *o, struct json_object *tool, int64_t i)
{
	const char *id = json_get_str(tool, "id");

	return id ? id : arena_printf(o->a, "toolu_%lld_%lld", (long long)o->q->call, (long long)i);
}

int64_t out_usage(struct out *o, const char *name, int64_t dflt)
{
	return json_get_i64(json_get(o->reply, "usage"), name, dflt);
}

void out_deltas(struct out *o, struct str rest,
                void (*delta)(struct out *o, int64_t delay_ns, struct str piece))
{
	while (rest.n) {
		struct str piece = str_utf8_cut(rest, o->chunk < 4 ? 4 : o->chunk);

		delta(o, o->delay_ns, piece);
		o->bytes += piece.n;
		rest = (struct str){rest.p + piece.n, rest.n - piece.n};
	}
}

void out_bench(struct out *o)
{
	struct json_object *bench = json_get(o->reply, "bench");
	int64_t rate = json_get_i64(bench, "per_second", 20);

	if (bench)
		plan_act(o->a, o->plan,
		         (struct act){ACT_BENCH,
		                      1000000000 / (rate > 0 ? rate : 1),
		                      {NULL, 0},
		                      json_get_i64(bench, "deltas", 100)});
}

static void stream(struct out *o)
{
	const struct format *f = o->q->format;
	struct json_object *tools = json_get_array(o->reply, "tools");
	const char *thinking = json_get_str(o->reply, "thinking"),
	           *sealed = json_get_str(o->reply, "redacted"), *then = json_get_str(o->reply, "then");

	plan_text(o->a, o->plan, 0,
	          "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
	          "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
	f->begin(o);
	if (thinking)
		f->thinking(o, thinking);
	if (sealed && f->redacted)
		f->redacted(o, sealed);
	f->text(o);
	if (then) {
		fault_after(o, then);
		return;
	}
	for (size_t i = 0; i < json_length(tools); i++)
		f->tool(o, json_object_array_get_idx(tools, i), (int64_t)i);
	f->end(o);
	plan_text(o->a, o->plan, 0, "0\r\n\r\n");
}

static void whole(struct out *o)
{
	struct buf b = o->q->format->whole(o);

	plan_json(o->a, o->plan, 200, "", &b);
}

/* An HTTP status in place of an answer. */
static void refuse(struct arena *a, const struct format *format, int status, struct json_object *reply,
                   struct plan *out)
{
	struct json_object *error = json_get(reply, "error"), *after = json_get(reply, "retry_after"),
	                   *after_ms = json_get(reply, "retry_after_ms");
	const char *type = json_get_str(error, "type"), *message = json_get_str(error, "message");
	const char *headers = "";

	if (after)
		headers = arena_printf(a, "retry-after: %s\r\n", json_object_get_string(after));
	if (after_ms)
		headers = arena_printf(a, "%sretry-after-ms: %s\r\n", headers,
		                       json_object_get_string(after_ms));
	plan_refusal(
	        a, format,
	        &(struct refused){status, type ? type : "api_error", message ? message : "Scripted failure"},
	        headers, out);
}

static void make_drip(struct plan *p, int64_t delay_ms)
{
	for (size_t i = 0; delay_ms && i < p->n; i++)
		if (p->acts[i].kind == ACT_SEND) {
			p->acts[i].kind = ACT_DRIP;
			p->acts[i].delay_ns = delay_ms * MS;
		}
}

void plan_reply(struct arena *a, const struct question *q, struct json_object *reply, struct plan *out)
{
	struct out o = {.a = a, .plan = out, .q = q, .reply = reply};
	int64_t status = json_get_i64(reply, "status", 0);
	const char *fail = json_get_str(reply, "fail");

	out->format = q->format;
	if (status)
		refuse(a, q->format, (int)status, reply, out);
	else if (fail)
		fault_instead(a, reply, fail, out);
	if (status || fail)
		return;
	o.delay_ns = json_get_i64(reply, "delay", DELAY_MS) * MS;
	o.chunk = (size_t)json_get_i64(reply, "chunk", CHUNK);
	if (q->stream && !json_get_bool(reply, "whole", false))
		stream(&o);
	else
		whole(&o);
	if (out->n)
		out->acts[0].delay_ns = json_get_i64(reply, "headers_delay", 0) * MS;
	make_drip(out, json_get_i64(reply, "drip", 0));
}
