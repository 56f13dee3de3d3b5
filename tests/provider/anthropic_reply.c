/* A reply as the events of a Messages stream, or as one message. */
#include "lib/arena.h"
#include "provider.h"

enum { MS = 1000000 };

static void send_event(struct out *o, int64_t delay_ns, const char *type, const struct buf *data)
{
	plan_chunk(o->a, o->plan, delay_ns,
	           str_of(arena_printf(o->a, "event: %s\ndata: %s\n\n", type, buf_cstr(data))));
}

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
	send_event(o, delay_ns, type, w->b);
}

static void put_usage(struct out *o, struct json_writer *w, size_t out_bytes)
{
	json_object_open(w, "usage");
	json_put_i64(w, "input_tokens", out_usage(o, "input", (int64_t)(o->q->bytes / 4)));
	json_put_i64(w, "cache_creation_input_tokens", 0);
	json_put_i64(w, "cache_read_input_tokens", out_usage(o, "cached", 0));
	json_put_i64(w, "output_tokens", out_usage(o, "output", (int64_t)(out_bytes / 4 + 1)));
	json_object_close(w);
}

static void put_head(struct out *o, struct json_writer *w)
{
	json_put_cstr(w, "id", "msg_scripted");
	json_put_cstr(w, "type", "message");
	json_put_cstr(w, "role", "assistant");
	json_put_cstr(w, "model", o->q->model);
}

static void begin(struct out *o)
{
	struct buf b;
	struct json_writer w = event_open(o, &b, "message_start");

	json_object_open(&w, "message");
	put_head(o, &w);
	json_array_open(&w, "content");
	json_array_close(&w);
	json_put_null(&w, "stop_reason");
	json_put_null(&w, "stop_sequence");
	put_usage(o, &w, 0);
	json_object_close(&w);
	event_close(o, &w, json_get_i64(o->reply, "first_delay", 0) * MS, "message_start");
	plan_chunk(o->a, o->plan, 0, STR("event: ping\ndata: {\"type\": \"ping\"}\n\n"));
}

static struct json_writer block_start(struct out *o, struct buf *b, const char *type)
{
	struct json_writer w = event_open(o, b, "content_block_start");

	json_put_i64(&w, "index", o->index);
	json_object_open(&w, "content_block");
	json_put_cstr(&w, "type", type);
	return w;
}

static void block_started(struct out *o, struct json_writer *w)
{
	json_object_close(w);
	event_close(o, w, 0, "content_block_start");
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
}

static void text_delta(struct out *o, int64_t delay_ns, struct str piece)
{
	delta(o, delay_ns, "text_delta", "text", piece);
}

static void thinking_delta(struct out *o, int64_t delay_ns, struct str piece)
{
	delta(o, delay_ns, "thinking_delta", "thinking", piece);
}

static void input_delta(struct out *o, int64_t delay_ns, struct str piece)
{
	delta(o, delay_ns, "input_json_delta", "partial_json", piece);
}

static void block_stop(struct out *o)
{
	struct buf b;
	struct json_writer w = event_open(o, &b, "content_block_stop");

	json_put_i64(&w, "index", o->index++);
	event_close(o, &w, 0, "content_block_stop");
}

static void thinking(struct out *o, const char *text)
{
	struct buf b;
	struct json_writer w = block_start(o, &b, "thinking");

	json_put_cstr(&w, "thinking", "");
	json_put_cstr(&w, "signature", "");
	block_started(o, &w);
	out_deltas(o, str_of(text), thinking_delta);
	delta(o, 0, "signature_delta", "signature", STR(SIGNATURE));
	block_stop(o);
}

static void redacted(struct out *o, const char *data)
{
	struct buf b;
	struct json_writer w = block_start(o, &b, "redacted_thinking");

	json_put_cstr(&w, "data", data);
	block_started(o, &w);
	block_stop(o);
}

static void text(struct out *o)
{
	const char *said = out_text(o);
	struct json_writer w;
	struct buf b;

	if (!*said && !json_get(o->reply, "bench"))
		return;
	w = block_start(o, &b, "text");
	json_put_cstr(&w, "text", "");
	block_started(o, &w);
	out_deltas(o, str_of(said), text_delta);
	out_bench(o);
	if (!json_get(o->reply, "then"))
		block_stop(o);
}

static void tool(struct out *o, struct json_object *call, int64_t i)
{
	struct buf b;
	struct json_writer w = block_start(o, &b, "tool_use");

	json_put_cstr(&w, "id", out_call_id(o, call, i));
	json_put_cstr(&w, "name", json_get_str(call, "name"));
	json_object_open(&w, "input");
	json_object_close(&w);
	block_started(o, &w);
	input_delta(o, 0, STR(""));
	out_deltas(o, str_of(out_input(o, call)), input_delta);
	block_stop(o);
}

static const char *stop_reason(struct json_object *reply)
{
	const char *reason = json_get_str(reply, "stop_reason");

	if (reason)
		return reason;
	return json_get_array(reply, "tools") ? "tool_use" : "end_turn";
}

static void end(struct out *o)
{
	struct buf b;
	struct json_writer w = event_open(o, &b, "message_delta");

	json_object_open(&w, "delta");
	json_put_cstr(&w, "stop_reason", stop_reason(o->reply));
	json_put_null(&w, "stop_sequence");
	json_object_close(&w);
	json_object_open(&w, "usage");
	json_put_i64(&w, "output_tokens", out_usage(o, "output", (int64_t)(o->bytes / 4 + 1)));
	json_object_close(&w);
	event_close(o, &w, 0, "message_delta");
	w = event_open(o, &b, "message_stop");
	event_close(o, &w, 0, "message_stop");
}

static void put_block(struct json_writer *w, const char *type, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	json_object_open(w, NULL);
	json_put_cstr(w, "type", type);
	json_put_cstr(w, key, value);
	if (str_is(str_of(type), "thinking"))
		json_put_cstr(w, "signature", SIGNATURE);
	json_object_close(w);
}

static struct buf whole(struct out *o)
{
	struct json_object *tools = json_get_array(o->reply, "tools");
	struct buf b = buf_init(o->a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	put_head(o, &w);
	json_array_open(&w, "content");
	put_block(&w, "thinking", "thinking", json_get_str(o->reply, "thinking"));
	put_block(&w, "redacted_thinking", "data", json_get_str(o->reply, "redacted"));
	put_block(&w, "text", "text", out_text(o));
	for (size_t i = 0; i < json_length(tools); i++) {
		struct json_object *call = json_object_array_get_idx(tools, i);

		json_object_open(&w, NULL);
		json_put_cstr(&w, "type", "tool_use");
		json_put_cstr(&w, "id", out_call_id(o, call, (int64_t)i));
		json_put_cstr(&w, "name", json_get_str(call, "name"));
		json_put_raw(&w, "input", str_of(out_input(o, call)));
		json_object_close(&w);
	}
	json_array_close(&w);
	json_put_cstr(&w, "stop_reason", stop_reason(o->reply));
	json_put_null(&w, "stop_sequence");
	put_usage(o, &w, str_of(out_text(o)).n);
	json_object_close(&w);
	return b;
}

static struct buf error(struct arena *a, const struct refused *r)
{
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "type", "error");
	json_object_open(&w, "error");
	json_put_cstr(&w, "type", r->type);
	json_put_cstr(&w, "message", r->message);
	json_object_close(&w);
	json_object_close(&w);
	return b;
}

static void failure(struct out *o)
{
	struct buf b = error(o->a, &(struct refused){529, "overloaded_error", "Overloaded"});

	send_event(o, 0, "error", &b);
}

const struct format format_anthropic = {
        .head = anthropic_head,
        .check = anthropic_check,
        .begin = begin,
        .thinking = thinking,
        .redacted = redacted,
        .text = text,
        .tool = tool,
        .end = end,
        .failure = failure,
        .half = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
                "{\"type\":\"text_delta\",\"text\":\"gr\xc3",
        .whole = whole,
        .error = error,
        .bench = {"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
                  "{\"type\":\"text_delta\",\"text\":\"",
                  " \"}}\n\n"},
};
