/*
 * From a rule's reply to what goes over the wire: the events of a Messages stream in chunked encoding, or
 * one JSON body; and the ways in which a provider fails.
 */
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "provider.h"

enum { CHUNK = 24, DELAY_MS = 15, MS = 1000000 };

static void act(struct arena *a, struct plan *p, struct act step)
{
	if (p->n == p->room) {
		p->acts = arena_grow(a, p->acts, p->room * sizeof(*p->acts),
		                     (p->room * 2 + 8) * sizeof(*p->acts));
		p->room = p->room * 2 + 8;
	}
	p->acts[p->n++] = step;
}

static void send_text(struct arena *a, struct plan *p, int64_t delay_ns, const char *text)
{
	act(a, p, (struct act){ACT_SEND, delay_ns, str_of(text), 0});
}

/* One piece of a chunked body. */
static void send_chunk(struct arena *a, struct plan *p, int64_t delay_ns, struct str data)
{
	send_text(a, p, delay_ns, arena_printf(a, "%zx\r\n%.*s\r\n", data.n, STR_ARG(data)));
}

static void send_event(struct arena *a, struct plan *p, int64_t delay_ns, const char *type,
                       const struct buf *data)
{
	send_chunk(a, p, delay_ns, str_of(arena_printf(a, "event: %s\ndata: %s\n\n", type, buf_cstr(data))));
}

static void send_json(struct arena *a, struct plan *p, int status, int retry_after, const struct buf *body)
{
	const char *extra = retry_after ? arena_printf(a, "retry-after: %d\r\n", retry_after) : "";

	send_text(a, p, 0,
	          arena_printf(a,
	                       "HTTP/1.1 %d %s\r\ncontent-type: application/json\r\n"
	                       "content-length: %zu\r\nrequest-id: req_scripted\r\n%s\r\n%s",
	                       status, status == 200 ? "OK" : "Error", body->n, extra, buf_cstr(body)));
}

static struct buf error_body(struct arena *a, const char *type, const char *message)
{
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "type", "error");
	json_object_open(&w, "error");
	json_put_cstr(&w, "type", type);
	json_put_cstr(&w, "message", message);
	json_object_close(&w);
	json_object_close(&w);
	return b;
}

void plan_refusal(struct arena *a, const struct refused *r, int retry_after, struct plan *out)
{
	struct buf b = error_body(a, r->type, r->message);

	send_json(a, out, r->status, retry_after, &b);
}

/* The reply as blocks. ---------------------------------------------------------------------------------- */

struct out {
	struct arena *a;
	struct plan *plan;
	const struct question *q;
	struct json_object *reply;
	int64_t delay_ns;
	size_t chunk;
	int64_t index;
	size_t bytes;
};

static struct json_writer event_open(struct out *o, struct buf *b, const char *type)
{
	struct json_writer w = {.b = b};

	*b = buf_init(o->a, BUF_PAGE);
	json_object_open(&w, NULL);
	json_put_cstr(&w, "type", type);
	return w;
}

static void event_close(struct out *o, struct json_writer *w, int64_t delay_ns, const char *type)
{
	json_object_close(w);
	send_event(o->a, o->plan, delay_ns, type, w->b);
}

static void put_usage(struct json_writer *w, size_t in_bytes, size_t out_bytes)
{
	json_object_open(w, "usage");
	json_put_i64(w, "input_tokens", (int64_t)(in_bytes / 4));
	json_put_i64(w, "cache_creation_input_tokens", 0);
	json_put_i64(w, "cache_read_input_tokens", 0);
	json_put_i64(w, "output_tokens", (int64_t)(out_bytes / 4 + 1));
	json_object_close(w);
}

static void put_head(struct out *o, struct json_writer *w)
{
	json_put_cstr(w, "id", "msg_scripted");
	json_put_cstr(w, "type", "message");
	json_put_cstr(w, "role", "assistant");
	json_put_cstr(w, "model", o->q->model);
}

static void message_start(struct out *o)
{
	struct buf b;
	struct json_writer w = event_open(o, &b, "message_start");

	json_object_open(&w, "message");
	put_head(o, &w);
	json_array_open(&w, "content");
	json_array_close(&w);
	json_put_null(&w, "stop_reason");
	json_put_null(&w, "stop_sequence");
	put_usage(&w, o->q->bytes, 0);
	json_object_close(&w);
	event_close(o, &w, json_get_i64(o->reply, "first_delay", 0) * MS, "message_start");
	send_chunk(o->a, o->plan, 0, STR("event: ping\ndata: {\"type\": \"ping\"}\n\n"));
}

static struct json_writer block_start(struct out *o, struct buf *b, const char *type)
{
	struct json_writer w = event_open(o, b, "content_block_start");

	json_put_i64(&w, "index", o->index);
	json_object_open(&w, "content_block");
	json_put_cstr(&w, "type", type);
	return w;
}

static void delta(struct out *o, int64_t delay_ns, const char *type, const char *key, struct str piece)
{
	struct buf b;
	struct json_writer w = event_open(o, &b, "content_block_delta");

	json_put_i64(&w, "index", o->index);
	json_object_open(&w, "delta");
	json_put_cstr(&w, "type", type);
	json_put_str(&w, key, piece);
	json_object_close(&w);
	event_close(o, &w, delay_ns, "content_block_delta");
	o->bytes += piece.n;
}

static void deltas(struct out *o, const char *type, const char *key, struct str rest)
{
	while (rest.n) {
		struct str piece = str_utf8_cut(rest, o->chunk < 4 ? 4 : o->chunk);

		delta(o, o->delay_ns, type, key, piece);
		rest = (struct str){rest.p + piece.n, rest.n - piece.n};
	}
}

static void block_stop(struct out *o)
{
	struct buf b;
	struct json_writer w = event_open(o, &b, "content_block_stop");

	json_put_i64(&w, "index", o->index++);
	event_close(o, &w, 0, "content_block_stop");
}

static void text_start(struct out *o)
{
	struct buf b;
	struct json_writer w = block_start(o, &b, "text");

	json_put_cstr(&w, "text", "");
	json_object_close(&w);
	event_close(o, &w, 0, "content_block_start");
}

static const char *call_id(struct out *o, int64_t i)
{
	return arena_printf(o->a, "toolu_%lld_%lld", (long long)o->q->call, (long long)i);
}

static const char *input_of(struct out *o, struct json_object *tool)
{
	struct json_object *input = json_get(tool, "input");

	return input ? fill(o->a, o->q, json_object_to_json_string_ext(input, JSON_C_TO_STRING_PLAIN)) : "{}";
}

static void tool_block(struct out *o, struct json_object *tool, int64_t i)
{
	struct buf b;
	struct json_writer w = block_start(o, &b, "tool_use");

	json_put_cstr(&w, "id", call_id(o, i));
	json_put_cstr(&w, "name", json_get_str(tool, "name"));
	json_object_open(&w, "input");
	json_object_close(&w);
	json_object_close(&w);
	event_close(o, &w, 0, "content_block_start");
	delta(o, 0, "input_json_delta", "partial_json", STR(""));
	deltas(o, "input_json_delta", "partial_json", str_of(input_of(o, tool)));
	block_stop(o);
}

static const char *stop_reason(struct json_object *reply)
{
	const char *reason = json_get_str(reply, "stop_reason");

	if (reason)
		return reason;
	return json_get_array(reply, "tools") ? "tool_use" : "end_turn";
}

static void message_end(struct out *o)
{
	struct buf b;
	struct json_writer w = event_open(o, &b, "message_delta");

	json_object_open(&w, "delta");
	json_put_cstr(&w, "stop_reason", stop_reason(o->reply));
	json_put_null(&w, "stop_sequence");
	json_object_close(&w);
	json_object_open(&w, "usage");
	json_put_i64(&w, "output_tokens", (int64_t)(o->bytes / 4 + 1));
	json_object_close(&w);
	event_close(o, &w, 0, "message_delta");
	w = event_open(o, &b, "message_stop");
	event_close(o, &w, 0, "message_stop");
	send_text(o->a, o->plan, 0, "0\r\n\r\n");
}

static const char *text_of(struct out *o)
{
	const char *text = json_get_str(o->reply, "text");

	return text ? fill(o->a, o->q, text) : "";
}

static void add_bench(struct out *o, struct json_object *bench)
{
	int64_t rate = json_get_i64(bench, "per_second", 20);

	act(o->a, o->plan,
	    (struct act){ACT_BENCH,
	                 1000000000 / (rate > 0 ? rate : 1),
	                 {NULL, 0},
	                 json_get_i64(bench, "deltas", 100)});
}

static void text_block(struct out *o)
{
	struct json_object *bench = json_get(o->reply, "bench");
	const char *text = text_of(o);

	if (!*text && !bench)
		return;
	text_start(o);
	deltas(o, "text_delta", "text", str_of(text));
	if (bench)
		add_bench(o, bench);
	block_stop(o);
}

/* What goes wrong after the text; true when nothing may follow. */
static bool goes_wrong(struct out *o)
{
	const char *then = json_get_str(o->reply, "then");
	struct buf b;

	if (!then)
		return false;
	if (strcmp(then, "error") == 0) {
		b = error_body(o->a, "overloaded_error", "Overloaded");
		send_event(o->a, o->plan, 0, "error", &b);
		send_text(o->a, o->plan, 0, "0\r\n\r\n");
		return true;
	}
	if (strcmp(then, "garbage") == 0)
		send_chunk(o->a, o->plan, 0, STR("\x01\x02 no event \xff\n\n"));
	if (strcmp(then, "wrong_json") == 0)
		send_chunk(o->a, o->plan, 0,
		           STR("event: content_block_delta\ndata: {\"type\":\"content_block_del\n\n"));
	act(o->a, o->plan, (struct act){strcmp(then, "hang") == 0 ? ACT_HANG : ACT_CLOSE, 0, {NULL, 0}, 0});
	return true;
}

static void stream(struct out *o)
{
	struct json_object *tools = json_get_array(o->reply, "tools");

	send_text(o->a, o->plan, 0,
	          "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
	          "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
	message_start(o);
	text_block(o);
	if (goes_wrong(o))
		return;
	for (size_t i = 0; tools && i < json_object_array_length(tools); i++)
		tool_block(o, json_object_array_get_idx(tools, i), (int64_t)i);
	message_end(o);
}

static void whole(struct out *o)
{
	struct json_object *tools = json_get_array(o->reply, "tools");
	struct buf b = buf_init(o->a, BUF_PAGE);
	struct json_writer w = {.b = &b};
	const char *text = text_of(o);

	json_object_open(&w, NULL);
	put_head(o, &w);
	json_array_open(&w, "content");
	if (*text) {
		json_object_open(&w, NULL);
		json_put_cstr(&w, "type", "text");
		json_put_cstr(&w, "text", text);
		json_object_close(&w);
	}
	for (size_t i = 0; tools && i < json_object_array_length(tools); i++) {
		struct json_object *tool = json_object_array_get_idx(tools, i);

		json_object_open(&w, NULL);
		json_put_cstr(&w, "type", "tool_use");
		json_put_cstr(&w, "id", call_id(o, (int64_t)i));
		json_put_cstr(&w, "name", json_get_str(tool, "name"));
		json_put_raw(&w, "input", str_of(input_of(o, tool)));
		json_object_close(&w);
	}
	json_array_close(&w);
	json_put_cstr(&w, "stop_reason", stop_reason(o->reply));
	json_put_null(&w, "stop_sequence");
	put_usage(&w, o->q->bytes, strlen(text));
	json_object_close(&w);
	send_json(o->a, o->plan, 200, 0, &b);
}

/* Failures before any event: an HTTP status, silence, a closed door, a redirect, a page. */
static bool fails_at_once(struct arena *a, struct json_object *reply, struct plan *out)
{
	int64_t status = json_get_i64(reply, "status", 0);
	const char *fail = json_get_str(reply, "fail"),
	           *type = json_get_str(json_get(reply, "error"), "type");
	const char *message = json_get_str(json_get(reply, "error"), "message");

	if (status) {
		plan_refusal(a,
		             &(struct refused){(int)status, type ? type : "api_error",
		                               message ? message : "Scripted failure"},
		             (int)json_get_i64(reply, "retry_after", 0), out);
		return true;
	}
	if (!fail)
		return false;
	if (strcmp(fail, "redirect") == 0)
		send_text(a, out, 0,
		          "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
	if (strcmp(fail, "page") == 0)
		send_text(a, out, 0,
		          "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length:"
		          " 13\r\n\r\n<p>Hello.</p>");
	if (strcmp(fail, "garbage") == 0)
		send_text(a, out, 0, "\x16\x03\x01 this is not HTTP\r\n\r\n");
	act(a, out, (struct act){strcmp(fail, "hang") == 0 ? ACT_HANG : ACT_CLOSE, 0, {NULL, 0}, 0});
	return true;
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

	if (fails_at_once(a, reply, out))
		return;
	o.delay_ns = json_get_i64(reply, "delay", DELAY_MS) * MS;
	o.chunk = (size_t)json_get_i64(reply, "chunk", CHUNK);
	if (q->stream)
		stream(&o);
	else
		whole(&o);
	make_drip(out, json_get_i64(reply, "drip", 0));
}

size_t plan_bench_delta(char *out, size_t size, int64_t now_ns)
{
	char event[256];
	int n = snprintf(event, sizeof(event),
	                 "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
	                 "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%lld \"}}\n\n",
	                 (long long)now_ns);

	return (size_t)snprintf(out, size, "%x\r\n%s\r\n", (unsigned)n, event);
}
