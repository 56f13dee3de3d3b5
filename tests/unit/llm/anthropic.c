/* The Anthropic format, held against recorded streams in every chunking. */
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "llm/llm_priv.h"
#include "unit.h"

struct seen {
	struct buf text;
	size_t deltas;
};

static void on_text(void *arg, struct str delta)
{
	struct seen *seen = arg;

	seen->deltas++;
	buf_add_str(&seen->text, delta);
}

static struct err *feed(struct sse_parser *p, struct str bytes, int chunking)
{
	size_t from = 0;

	if (chunking == 0)
		return sse_feed(p, bytes.p, bytes.n);
	for (size_t i = 0; i < bytes.n; i++) {
		if (chunking == 1 && bytes.p[i] != '\n' && i + 1 < bytes.n)
			continue;
		TRY(sse_feed(p, bytes.p + from, i + 1 - from));
		from = i + 1;
	}
	return NULL;
}

/* Plays a stream; *e is what it failed with. chunking: 0 whole, 1 by line, 2 by byte. */
static struct llm_stream *play(struct arena *a, struct str bytes, int chunking, struct seen *seen,
                               struct err **e)
{
	static const struct llm_request req = {.provider = {"anthropic", "http://x", "sk-secret", "m"}};
	struct llm_sink *sink = ARENA_NEW(a, struct llm_sink);
	struct llm_stream *s = ARENA_NEW(a, struct llm_stream);
	struct arena *scratch = arena_create();

	seen->text = buf_init(a, LLM_REPLY_BYTES);
	*sink = (struct llm_sink){.text = on_text, .arg = seen};
	*s = (struct llm_stream){
	        .a = a, .scratch = scratch, .req = &req, .sink = sink, .stop = LLM_STOP_OTHER};
	*e = feed(sse_parser_create(scratch, LLM_EVENT_BYTES, llm_anthropic.on_event, s), bytes, chunking);
	arena_free(scratch);
	s->scratch = NULL;
	return s;
}

static struct str all_text(struct arena *a, const struct llm_reply *r)
{
	struct buf b = buf_init(a, LLM_REPLY_BYTES);

	for (size_t i = 0; i < r->nblocks; i++)
		if (r->blocks[i].kind == LLM_TEXT)
			buf_add_str(&b, r->blocks[i].text);
	return buf_str(&b);
}

static void same_reply(const struct llm_reply *x, const struct llm_reply *y)
{
	assert_int_equal(x->nblocks, y->nblocks);
	assert_int_equal(x->stop, y->stop);
	assert_int_equal(x->usage.input_tokens, y->usage.input_tokens);
	assert_int_equal(x->usage.output_tokens, y->usage.output_tokens);
	for (size_t i = 0; i < x->nblocks; i++) {
		assert_int_equal(x->blocks[i].kind, y->blocks[i].kind);
		assert_true(str_eq(x->blocks[i].text, y->blocks[i].text));
		assert_true(str_eq(x->blocks[i].input, y->blocks[i].input));
	}
}

/* All that the model said, blocks of white space too. */
static struct str said(struct arena *a, const struct llm_stream *s)
{
	struct buf b = buf_init(a, LLM_REPLY_BYTES);

	for (size_t i = 0; i < s->nparts; i++)
		if (s->parts[i].kind == LLM_TEXT)
			buf_add_str(&b, buf_str(&s->parts[i].content));
	return buf_str(&b);
}

/* Every chunking gives the same whole reply, and what was passed on is its text. */
static void check_recording(struct arena *a, const char *path)
{
	struct str bytes = unit_file(a, path);
	struct llm_reply *whole = NULL;

	for (int chunking = 0; chunking < 3; chunking++) {
		struct seen seen = {.deltas = 0};
		struct err *e;
		struct llm_stream *s = play(a, bytes, chunking, &seen, &e);
		struct llm_reply *r = llm_reply_of(s);

		if (e)
			fail_msg("%s: %s", path, err_text(e));
		assert_true(s->stopped);
		assert_true(str_eq(said(a, s), buf_str(&seen.text)));
		assert_true(r->usage.input_tokens > 0);
		if (whole)
			same_reply(whole, r);
		whole = r;
	}
}

static void test_llm__anthropic_recordings_read_the_same_in_every_chunking(void **state)
{
	struct arena *a = arena_create();
	char *index = unit_shared(a, "streams/recordings/index.json");
	struct json_object *o;
	size_t played = 0;

	(void)state;
	assert_null(json_read(a, unit_file(a, index), JSON_DEPTH, &o));
	for (size_t i = 0; i < json_object_array_length(o); i++) {
		struct json_object *e = json_object_array_get_idx(o, i);
		struct arena *one;

		if (!strstr(json_get_str(e, "uri"), "/v1/messages") || json_get_i64(e, "status", 0) != 200 ||
		    !json_get_bool(e, "stream", false))
			continue;
		one = arena_create();
		check_recording(
		        one, unit_shared_path(one, arena_printf(one, "streams/%s", json_get_str(e, "file"))));
		arena_free(one);
		played++;
	}
	assert_true(played >= 15);
	arena_free(a);
}

static void test_llm__anthropic_fixtures_give_what_they_say(void **state)
{
	static const struct {
		const char *file;
		enum llm_stop stop;
		size_t blocks;
		const char *text;
		const char *tool;
		const char *input;
		int64_t in, out;
	} cases[] = {
	        {"basic_response.txt", LLM_STOP_END, 1, "Hello there!", NULL, NULL, 11, 6},
	        {"tool_use_response.txt", LLM_STOP_TOOL, 2,
	         "I'll check the current weather in Paris for you.", "get_weather",
	         "{\"location\": \"Paris\"}", 377, 65},
	        {"refusal_response.txt", LLM_STOP_REFUSAL, 0, "", NULL, NULL, 20, 0},
	        {"incomplete_partial_json_response.txt", LLM_STOP_LENGTH, 2,
	         "I'll create a comprehensive tax guide for someone with multiple W2s and save it in a file"
	         " called taxes.txt. Let me do that for you now.",
	         "make_file", NULL, 450, 124},
	};
	struct arena *a = arena_create();

	(void)state;
	unit_shared(a, "streams/anthropic-sdk-python/lib/streaming/fixtures/basic_response.txt");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct seen seen = {.deltas = 0};
		struct err *e;
		struct llm_reply *r;

		r = llm_reply_of(play(
		        a,
		        unit_file(a,
		                  unit_shared_path(
		                          a,
		                          arena_printf(
		                                  a, "streams/anthropic-sdk-python/lib/streaming/fixtures/%s",
		                                  cases[i].file))),
		        2, &seen, &e));
		assert_null(e);
		assert_int_equal(r->stop, cases[i].stop);
		assert_int_equal(r->nblocks, cases[i].blocks);
		assert_str(all_text(a, r), cases[i].text);
		assert_int_equal(r->usage.input_tokens, cases[i].in);
		assert_int_equal(r->usage.output_tokens, cases[i].out);
		if (cases[i].tool)
			assert_string_equal(r->blocks[1].name, cases[i].tool);
		if (cases[i].input)
			assert_str(r->blocks[1].input, cases[i].input);
	}
	arena_free(a);
}

static void test_llm__anthropic_failures_in_the_stream_are_errors_in_words(void **state)
{
	static const struct {
		const char *stream;
		enum err_kind kind;
		const char *message;
		bool retry;
	} cases[] = {
	        {"data:"
	         " {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"
	         "\n\n",
	         ERR_UNAVAILABLE, "the model provider is overloaded", true},
	        {"data: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}\n\n",
	         ERR_PROVIDER, "the model provider failed", true},
	        {"data: {\"type\":\"content_block_del\n\n", ERR_PROVIDER,
	         "the model provider sent an event that is not JSON", true},
	        {"data:"
	         " {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\"}}\n\n"
	         "data:"
	         " {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\"}}\n\n",
	         ERR_PROVIDER, "the reply of the model has too many blocks or repeats one", false},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct seen seen = {.deltas = 0};
		struct err *e;
		struct llm_stream *s = play(a, str_of(cases[i].stream), 0, &seen, &e);

		assert_non_null(e);
		assert_int_equal(e->kind, cases[i].kind);
		assert_string_equal(e->message, cases[i].message);
		assert_int_equal(s->retry, cases[i].retry);
	}
	arena_free(a);
}

static void test_llm__anthropic_unknown_events_and_blocks_are_passed_over(void **state)
{
	static const char stream[] =
	        "event: new_thing\ndata: {\"type\":\"new_thing\",\"x\":[1]}\n\n"
	        "data: {\"type\":\"ping\"}\n\ndata: [1]\n\ndata: {\"type\":7}\n\n"
	        "data:"
	        " {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\","
	        "\"thinking\":\"\"}}\n\n"
	        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\","
	        "\"thinking\":\"hm\"}}\n\n"
	        "data:"
	        " {\"type\":\"content_block_delta\",\"index\":9,\"delta\":{\"type\":\"text_delta\",\"text\":"
	        "\"lost\"}}\n\n"
	        "data:"
	        " {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":"
	        "\"a\"},\"new\":1}\n\n"
	        "data:"
	        " {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":"
	        "\"b\"}}\n\n"
	        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"brand_new\"}}\n\n";
	struct arena *a = arena_create();
	struct seen seen = {.deltas = 0};
	struct err *e;
	struct llm_reply *r = llm_reply_of(play(a, str_of(stream), 2, &seen, &e));

	(void)state;
	assert_null(e);
	assert_int_equal(r->nblocks, 1);
	assert_str(r->blocks[0].text, "ab");
	assert_int_equal(r->stop, LLM_STOP_OTHER);
	arena_free(a);
}

static void test_llm__anthropic_a_long_reply_costs_about_its_text(void **state)
{
	static const char delta[] =
	        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
	        "\"text\":\"0123456789\"}}\n\n";
	struct arena *a = arena_create();
	struct buf b = buf_init(a, 64 << 20);
	struct arena *run = arena_create();
	struct seen seen = {.deltas = 0};
	struct err *e;
	size_t before;

	(void)state;
	buf_add_cstr(&b,
	             "data:"
	             " {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
	             "\"text\":\"\"}}\n\n");
	for (int i = 0; i < 10000; i++)
		buf_add_cstr(&b, delta);
	before = arena_used(run);
	play(run, buf_str(&b), 0, &seen, &e);
	assert_null(e);
	assert_int_equal(seen.deltas, 10000);
	/* Twice the text for the reply, and as much again for what this test keeps. */
	assert_true(arena_used(run) - before < 6 * 100000);
	arena_free(run);
	arena_free(a);
}

static void test_llm__anthropic_request_is_marked_for_caching_and_escapes(void **state)
{
	struct llm_block user = {.kind = LLM_TEXT, .text = STR("a \"quoted\"\nline")};
	struct llm_block call = {.kind = LLM_TOOL_USE, .id = "t1", .name = "f", .input = STR("{\"a\":")};
	struct llm_block result = {.kind = LLM_TOOL_RESULT, .id = "t1", .text = STR("no"), .is_error = true};
	struct llm_message messages[] = {
	        {LLM_USER, &user, 1}, {LLM_ASSISTANT, &call, 1}, {LLM_USER, &result, 1}};
	struct llm_tool tools[] = {{"f", "one", "{\"type\":\"object\"}"},
	                           {"g", "two", "{\"type\":\"object\"}"}};
	struct llm_request req = {.provider = {"anthropic", "", "k", "m"},
	                          .system = "s",
	                          .messages = messages,
	                          .nmessages = 3,
	                          .tools = tools,
	                          .ntools = 2,
	                          .max_tokens = 5};
	struct arena *a = arena_create();
	struct buf b = buf_init(a, BUF_PAGE);

	(void)state;
	llm_anthropic.build(a, &req, &b);
	assert_string_equal(buf_cstr(&b), "{\"model\":\"m\",\"max_tokens\":5,\"stream\":true,\"system\":[{"
	                                  "\"type\":\"text\",\"text\":\"s\",\"cache_control\":"
	                                  "{\"type\":\"ephemeral\"}}],\"tools\":[{\"name\":\"f\","
	                                  "\"description\":\"one\",\"input_schema\":{\"type\":\"object\"}},"
	                                  "{\"name\":\"g\",\"description\":\"two\",\"input_schema\":{"
	                                  "\"type\":\"object\"},\"cache_control\":{\"type\":\"ephemeral\"}}],"
	                                  "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
	                                  "\"text\":\"a \\\"quoted\\\"\\nline\"}]},"
	                                  "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","
	                                  "\"id\":\"t1\",\"name\":\"f\",\"input\":{}}]},"
	                                  "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_"
	                                  "use_id\":\"t1\",\"content\":\"no\",\"is_error\":true}]}]}");
	arena_free(a);
}

static const struct CMUnitTest llm_anthropic_tests[] = {
        cmocka_unit_test(test_llm__anthropic_recordings_read_the_same_in_every_chunking),
        cmocka_unit_test(test_llm__anthropic_fixtures_give_what_they_say),
        cmocka_unit_test(test_llm__anthropic_failures_in_the_stream_are_errors_in_words),
        cmocka_unit_test(test_llm__anthropic_unknown_events_and_blocks_are_passed_over),
        cmocka_unit_test(test_llm__anthropic_a_long_reply_costs_about_its_text),
        cmocka_unit_test(test_llm__anthropic_request_is_marked_for_caching_and_escapes),
};
UNIT_SUITE(llm_anthropic_tests);
