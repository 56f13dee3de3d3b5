/* A reply as the chunks of a Chat Completions stream, or as one completion. */
#include "lib/arena.h"
#include "provider.h"

enum { MS = 1000000 };

static struct json_writer completion_open(struct out *o, struct buf *b, const char *object)
{
	struct json_writer w = {.b = b};

	*b = buf_init(o->a, BUF_PAGE);
	json_object_open(&w, NULL);
	json_put_cstr(&w, "id", "chatcmpl-scripted");
	json_put_cstr(&w, "object", object);
	json_put_i64(&w, "created", 1700000000);
	json_put_cstr(&w, "model", o->q->model);
	json_array_open(&w, "choices");
	return w;
}

static void send_chunk(struct out *o, struct json_writer *w, int64_t delay_ns)
{
	json_object_close(w);
	plan_chunk(o->a, o->plan, delay_ns, str_of(arena_printf(o->a, "data: %s\n\n", buf_cstr(w->b))));
}

static struct json_writer delta_open(struct out *o, struct buf *b)
{
	struct json_writer w = completion_open(o, b, "chat.completion.chunk");

	json_object_open(&w, NULL);
	json_put_i64(&w, "index", 0);
	json_object_open(&w, "delta");
	return w;
}

static void delta_close(struct out *o, struct json_writer *w, int64_t delay_ns, const char *reason)
{
	json_object_close(w);
	json_put_null(w, "logprobs");
	json_put_cstr(w, "finish_reason", reason);
	json_object_close(w);
	json_array_close(w);
	send_chunk(o, w, delay_ns);
}

static void begin(struct out *o)
{
	struct buf b;
	struct json_writer w = delta_open(o, &b);

	json_put_cstr(&w, "role", "assistant");
	json_put_cstr(&w, "content", "");
	delta_close(o, &w, json_get_i64(o->reply, "first_delay", 0) * MS, NULL);
}

static void delta(struct out *o, int64_t delay_ns, const char *key, struct str piece)
{
	struct buf b;
	struct json_writer w = delta_open(o, &b);

	json_put_str(&w, key, piece);
	delta_close(o, &w, delay_ns, NULL);
}

static void text_delta(struct out *o, int64_t delay_ns, struct str piece)
{
	delta(o, delay_ns, "content", piece);
}

static void thinking_delta(struct out *o, int64_t delay_ns, struct str piece)
{
	delta(o, delay_ns, "reasoning_content", piece);
}

static void thinking(struct out *o, const char *text)
{
	out_deltas(o, str_of(text), thinking_delta);
}

static void text(struct out *o)
{
	out_deltas(o, str_of(out_text(o)), text_delta);
	out_bench(o);
}

static void call_open(struct json_writer *w, int64_t i)
{
	json_array_open(w, "tool_calls");
	json_object_open(w, NULL);
	if (i >= 0)
		json_put_i64(w, "index", i);
}

static void call_close(struct json_writer *w, struct str arguments)
{
	json_put_str(w, "arguments", arguments);
	json_object_close(w);
	json_object_close(w);
	json_array_close(w);
}

static void put_call(struct out *o, struct json_writer *w, struct json_object *call, int64_t i)
{
	json_put_cstr(w, "id", out_call_id(o, call, i));
	json_put_cstr(w, "type", "function");
	json_object_open(w, "function");
	json_put_cstr(w, "name", json_get_str(call, "name"));
}

static void input_delta(struct out *o, int64_t delay_ns, struct str piece)
{
	struct buf b;
	struct json_writer w = delta_open(o, &b);

	call_open(&w, o->index);
	json_object_open(&w, "function");
	call_close(&w, piece);
	delta_close(o, &w, delay_ns, NULL);
}

static void tool(struct out *o, struct json_object *call, int64_t i)
{
	struct buf b;
	struct json_writer w = delta_open(o, &b);

	o->index = i;
	call_open(&w, i);
	put_call(o, &w, call, i);
	call_close(&w, STR(""));
	delta_close(o, &w, 0, NULL);
	out_deltas(o, str_of(out_input(o, call)), input_delta);
}

static const char *finish_reason(struct json_object *reply)
{
	const char *reason = json_get_str(reply, "stop_reason");

	if (reason)
		return str_is(str_of(reason), "max_tokens") ? "length" : reason;
	return json_get_array(reply, "tools") ? "tool_calls" : "stop";
}

static void put_usage(struct out *o, struct json_writer *w)
{
	int64_t in = out_usage(o, "input", (int64_t)(o->q->bytes / 4)), cached = out_usage(o, "cached", 0),
	        out = out_usage(o, "output", (int64_t)(o->bytes / 4 + 1));

	json_object_open(w, "usage");
	json_put_i64(w, "prompt_tokens", in + cached);
	json_put_i64(w, "completion_tokens", out);
	json_put_i64(w, "total_tokens", in + cached + out);
	json_object_open(w, "prompt_tokens_details");
	json_put_i64(w, "cached_tokens", cached);
	json_object_close(w);
	json_object_close(w);
}

static void end(struct out *o)
{
	struct buf b;
	struct json_writer w = delta_open(o, &b);

	delta_close(o, &w, 0, finish_reason(o->reply));
	if (json_get_bool(json_get(o->q->body, "stream_options"), "include_usage", false)) {
		w = completion_open(o, &b, "chat.completion.chunk");
		json_array_close(&w);
		put_usage(o, &w);
		send_chunk(o, &w, 0);
	}
	plan_chunk(o->a, o->plan, 0, STR("data: [DONE]\n\n"));
}

static void put_calls(struct out *o, struct json_writer *w)
{
	struct json_object *tools = json_get_array(o->reply, "tools");

	if (!tools)
		return;
	json_array_open(w, "tool_calls");
	for (size_t i = 0; i < json_length(tools); i++) {
		json_object_open(w, NULL);
		put_call(o, w, json_object_array_get_idx(tools, i), (int64_t)i);
		json_put_cstr(w, "arguments", out_input(o, json_object_array_get_idx(tools, i)));
		json_object_close(w);
		json_object_close(w);
	}
	json_array_close(w);
}

static struct buf whole(struct out *o)
{
	const char *said = out_text(o), *thought = json_get_str(o->reply, "thinking");
	struct buf b;
	struct json_writer w = completion_open(o, &b, "chat.completion");

	o->bytes = str_of(said).n;
	json_object_open(&w, NULL);
	json_put_i64(&w, "index", 0);
	json_object_open(&w, "message");
	json_put_cstr(&w, "role", "assistant");
	json_put_cstr(&w, "content", *said ? said : NULL);
	if (thought)
		json_put_cstr(&w, "reasoning_content", thought);
	put_calls(o, &w);
	json_object_close(&w);
	json_put_cstr(&w, "finish_reason", finish_reason(o->reply));
	json_object_close(&w);
	json_array_close(&w);
	put_usage(o, &w);
	json_object_close(&w);
	return b;
}

static struct buf error(struct arena *a, const struct refused *r)
{
	struct buf b = buf_init(a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_object_open(&w, "error");
	json_put_cstr(&w, "message", r->message);
	json_put_cstr(&w, "type", r->status >= 500 ? "server_error" : "invalid_request_error");
	json_put_null(&w, "param");
	json_put_cstr(&w, "code", r->type);
	json_object_close(&w);
	json_object_close(&w);
	return b;
}

static void failure(struct out *o)
{
	struct buf b = error(o->a, &(struct refused){503, "overloaded_error", "Overloaded"});

	plan_chunk(o->a, o->plan, 0, str_of(arena_printf(o->a, "data: %s\n\n", buf_cstr(&b))));
}

#define CHUNK(content) \
	"data: {\"id\":\"chatcmpl-scripted\",\"object\":\"chat.completion.chunk\",\"created\":1700000000," \
	"\"model\":\"scripted\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" content

const struct format format_openai = {
        .head = openai_head,
        .check = openai_check,
        .begin = begin,
        .thinking = thinking,
        .text = text,
        .tool = tool,
        .end = end,
        .failure = failure,
        .half = CHUNK("gr\xc3"),
        .whole = whole,
        .error = error,
        .bench = {CHUNK(""), " \"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"},
};
