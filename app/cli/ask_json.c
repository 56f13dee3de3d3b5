/* A turn for programs: each event as a line of JSON when it happens, and the whole of it at the end. */
#include <stdio.h>

#include "cli/ask_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"

enum { LINE_BYTES = 16 << 20 };

static void put_line(int64_t id, const char *event, struct str json)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, LINE_BYTES);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	if (id)
		json_put_i64(&w, "id", id);
	else
		json_put_null(&w, "id");
	json_put_cstr(&w, "event", event);
	json_put_raw(&w, "data", json);
	json_object_close(&w);
	if (!b.full)
		puts(buf_cstr(&b));
	fflush(stdout);
	arena_free(a);
}

static void on_event(void *arg, int64_t id, const char *kind, struct str json)
{
	(void)arg;
	put_line(id, kind, json);
}

static void put_text(const char *event, struct str text)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, LINE_BYTES);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_str(&w, "text", text);
	json_object_close(&w);
	put_line(0, event, buf_str(&b));
	arena_free(a);
}

static void on_delta(void *arg, struct str text)
{
	(void)arg;
	put_text("delta", text);
}

static void on_thinking(void *arg, struct str text)
{
	(void)arg;
	put_text("thinking", text);
}

static void begun(int64_t conversation_id, int64_t turn_id)
{
	char json[100];

	snprintf(json, sizeof(json), "{\"conversation_id\":%lld,\"turn_id\":%lld}", (long long)conversation_id,
	         (long long)turn_id);
	put_line(0, "turn", str_of(json));
}

/* The result ----------------------------------------------------------------------------------------------- */

static void put_query(struct ctx *ctx, struct json_writer *w, const struct agent_query *q)
{
	struct query_result *result = q->ok ? ask_rows(ctx, q) : NULL;

	json_object_open(w, NULL);
	json_put_cstr(w, "sql", q->sql);
	json_put_i64(w, "run_id", q->run_id);
	json_put_i64(w, "rows", q->rows);
	json_array_open(w, "columns");
	for (size_t i = 0; result && i < result->ncolumns; i++)
		json_put_cstr(w, NULL, result->columns[i].name);
	json_array_close(w);
	json_array_open(w, "data");
	for (size_t r = 0; result && r < result->nrows; r++)
		query_put_row(w, result, r);
	json_array_close(w);
	if (q->error)
		json_put_cstr(w, "error", q->error);
	json_object_close(w);
}

static void put_result(struct ctx *ctx, struct json_writer *w, const struct agent_turn *t)
{
	json_put_cstr(w, "event", "result");
	json_put_i64(w, "conversation_id", t->conversation_id);
	json_put_i64(w, "turn_id", t->id);
	json_put_cstr(w, "status", t->status);
	if (t->wait)
		json_put_raw(w, "wait", str_of(t->wait));
	json_put_cstr(w, "answer", t->answer);
	json_array_open(w, "queries");
	for (size_t i = 0; i < t->nqueries; i++)
		put_query(ctx, w, &t->queries[i]);
	json_array_close(w);
	json_array_open(w, "tables");
	for (size_t i = 0; i < t->ntables; i++)
		json_put_cstr(w, NULL, t->tables[i]);
	json_array_close(w);
	json_put_i64(w, "unproven", t->numbers.unproven);
	json_put_cstr(w, "model", *t->model ? t->model : NULL);
	json_put_i64(w, "input_tokens", t->input_tokens);
	json_put_i64(w, "output_tokens", t->output_tokens);
	json_put_i64(w, "cost", t->cost);
	json_put_cstr(w, "currency", t->currency);
	json_put_i64(w, "ms", t->took_ms);
	json_put_cstr(w, "error", t->error);
}

static void over(struct ctx *ctx, const struct agent_turn *t)
{
	struct buf b = buf_init(ctx->a, BUF_RESULT);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	put_result(ctx, &w, t);
	json_object_close(&w);
	puts(b.full ? "{\"event\":\"result\",\"status\":\"failed\",\"error\":\"the result is too large to print\"}"
	            : buf_cstr(&b));
}

static const struct agent_sink sink = {.event = on_event, .delta = on_delta, .thinking = on_thinking};

const struct ask_view *ask_json(void)
{
	static const struct ask_view view = {&sink, begun, over};

	return &view;
}
