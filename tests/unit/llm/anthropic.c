/* The Anthropic format: what the recordings do not show. */
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "play.h"
#include "unit.h"

static struct str all_text(struct arena *a, const struct llm_reply *r)
{
	struct buf b = buf_init(a, LLM_REPLY_BYTES);

	for (size_t i = 0; i < r->nblocks; i++)
		if (r->blocks[i].kind == LLM_TEXT)
			buf_add_str(&b, r->blocks[i].text);
	return buf_str(&b);
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
		char *path = arena_printf(a, "streams/anthropic-sdk-python/lib/streaming/fixtures/%s",
		                          cases[i].file);
		struct llm_play *p =
		        llm_play(a, "anthropic", unit_file(a, unit_shared_path(a, path)), LLM_PLAY_BYTES);
		struct llm_reply *r = p->reply;

		assert_null(p->e);
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

#define START(index, block) "{'type':'content_block_start','index':" #index ",'content_block':" block "}\n"
#define DELTA(index, delta) "{'type':'content_block_delta','index':" #index ",'delta':" delta "}\n"
#define STOP(reason) "{'type':'message_delta','delta':{'stop_reason':'" reason "'}}\n"

static void test_llm__anthropic_failures_in_the_stream_are_errors_in_words(void **state)
{
	static const struct {
		const char *lines;
		enum err_kind kind;
		const char *message;
		bool retry;
	} cases[] = {
	        {"{'type':'error','error':{'type':'overloaded_error','message':'Overloaded'}}",
	         ERR_UNAVAILABLE, "the model provider is overloaded", true},
	        {"{'type':'error','error':{'type':'api_error','message':'x'}}", ERR_PROVIDER,
	         "the model provider failed", true},
	        {"{'type':'error'}", ERR_PROVIDER, "the model provider failed", true},
	        {"{'type':'error','error':{'type':'invalid_request_error','message':'prompt is too long'}}",
	         ERR_TOO_LARGE, "the request is too large for the model", false},
	        {"{'type':'content_block_del", ERR_PROVIDER,
	         "the model provider sent an event that is not JSON", true},
	        {START(0, "{'type':'text'}") START(0, "{'type':'text'}"), ERR_PROVIDER,
	         "the reply of the model has too many blocks or repeats one", false},
	        {START(0, "{'type':'text'}"), ERR_PROVIDER, "the model provider's reply broke off", true},
	        {"", ERR_PROVIDER, "the model provider's reply broke off", true},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct llm_play *p = llm_play(a, "anthropic", llm_lines(a, cases[i].lines), LLM_PLAY_WHOLE);

		assert_non_null(p->e);
		assert_string_equal(p->e->message, cases[i].message);
		assert_int_equal(p->e->kind, cases[i].kind);
		assert_int_equal(p->s->retry, cases[i].retry);
	}
	arena_free(a);
}

static void test_llm__anthropic_unknown_events_and_blocks_are_passed_over(void **state)
{
	static const char lines[] = "{'type':'new_thing','x':[1]}\n{'type':'ping'}\n[1]\n{'type':7}\n" START(
	        0, "{'type':'server_tool_use','id':'s','name':'web_search','input':{'q':1}}")
	        DELTA(0, "{'type':'input_json_delta','partial_json':'{}'}")
	                START(1, "{'type':'web_search_tool_result','tool_use_id':'s','content':[]}")
	                        DELTA(9, "{'type':'text_delta','text':'lost'}")
	                                START(2, "{'type':'text','text':'a'},'new':1")
	                                        DELTA(2, "{'type':'citations_delta','citation':{'text':'c'}}")
	                                                DELTA(2, "{'type':'text_delta','text':'b'}")
	                                                        STOP("brand_new");
	struct arena *a = arena_create();
	struct llm_play *p = llm_play(a, "anthropic", llm_lines(a, lines), LLM_PLAY_BYTES);

	(void)state;
	assert_null(p->e);
	assert_int_equal(p->reply->nblocks, 1);
	assert_str(p->reply->blocks[0].text, "ab");
	assert_int_equal(p->reply->stop, LLM_STOP_OTHER);
	arena_free(a);
}

static void test_llm__anthropic_missing_and_wrong_fields_are_done_without(void **state)
{
	static const char lines[] =
	        "{'type':'message_start'}\n{'type':'message_start','message':{'usage':[1]}}\n"
	        "{'type':'content_block_start','content_block':7}\n{'type':'content_block_delta'}\n" START(
	                1, "{'type':'text','text':5}") DELTA(1, "{'type':'text_delta','text':['x']}")
	                DELTA(1, "null") START(2, "{'type':'tool_use','id':9,'name':'f','input':'no'}") DELTA(
	                        2, "{'type':'input_json_delta','partial_json':{}}")
	                        START(3, "{'type':'tool_use','id':'t','name':''}") START(
	                                4,
	                                "{'type':'thinking'}") "{'type':'content_block_delta','index':'x','delta':{'text':'y'}}\n"
	                                                       "{'type':'message_delta','usage':{'output_tokens':'many','input_tokens':-5}}\n" STOP(
	                                                               "tool_use");
	struct arena *a = arena_create();
	struct llm_play *p = llm_play(a, "anthropic", llm_lines(a, lines), LLM_PLAY_LINES);

	(void)state;
	assert_null(p->e);
	assert_int_equal(p->reply->nblocks, 1);
	assert_string_equal(p->reply->blocks[0].name, "f");
	assert_string_equal(p->reply->blocks[0].id, "call_0_");
	assert_str(p->reply->blocks[0].input, "{}");
	assert_int_equal(p->reply->usage.input_tokens, 0);
	arena_free(a);
}

static void test_llm__anthropic_thinking_is_kept_with_its_signature_in_its_place(void **state)
{
	static const char lines[] = START(0, "{'type':'thinking','thinking':'','signature':''}") DELTA(
	        0, "{'type':'thinking_delta','thinking':'let me '}")
	        DELTA(0, "{'type':'thinking_delta','thinking':'see'}") DELTA(
	                0, "{'type':'signature_delta','signature':'c2ln'}")
	                START(1, "{'type':'redacted_thinking','data':'ZGF0YQ=='}") START(
	                        2, "{'type':'text','text':'I look.'}")
	                        START(3, "{'type':'tool_use','id':'t1','name':'f','input':{}}") DELTA(
	                                3, "{'type':'input_json_delta','partial_json':'{\\'a\\':'}")
	                                START(4, "{'type':'tool_use','id':'t1','name':'g','input':{}}")
	                                        DELTA(3, "{'type':'input_json_delta','partial_json':'1}'}")
	                                                STOP("tool_use");
	struct arena *a = arena_create();
	struct llm_play *p = llm_play(a, "anthropic", llm_lines(a, lines), LLM_PLAY_RANDOM);
	const struct llm_block *b = p->reply->blocks;

	(void)state;
	assert_null(p->e);
	assert_str(buf_str(&p->thinking), "let me see");
	assert_str(buf_str(&p->text), "I look.");
	assert_int_equal(p->reply->nblocks, 5);
	assert_true(b[0].kind == LLM_THINKING && !b[0].is_redacted);
	assert_str(b[0].text, "let me see");
	assert_str(b[0].signature, "c2ln");
	assert_true(b[1].kind == LLM_THINKING && b[1].is_redacted);
	assert_str(b[1].signature, "ZGF0YQ==");
	assert_int_equal(b[2].kind, LLM_TEXT);
	assert_str(b[3].input, "{\"a\":1}");
	assert_string_equal(b[3].id, "t1");
	assert_string_not_equal(b[4].id, "t1");
	arena_free(a);
}

static void test_llm__anthropic_calls_that_come_whole_or_early_come_once(void **state)
{
	static const char lines[] =
	        "{'type':'message_start','message':{'content':[{'type':'tool_use','id':'a','name':'f','input':{'x':1}},"
	        "{'type':'tool_use','id':'b','name':'f','input':{'x':2}}]}}\n" START(
	                0, "{'type':'tool_use','id':'b','name':'f','input':{'x':2}}")
	                START(1, "{'type':'tool_use','id':'c','name':'f','input':{'x':3}}")
	                        DELTA(1, "{'type':'input_json_delta','partial_json':''}")
	                                DELTA(1, "{'type':'input_json_delta','partial_json':'{\\'x\\':'}")
	                                        DELTA(1, "{'type':'input_json_delta','partial_json':'4}'}")
	                                                STOP("tool_use");
	struct arena *a = arena_create();
	struct llm_play *p = llm_play(a, "anthropic", llm_lines(a, lines), LLM_PLAY_BYTES);
	const struct llm_block *b = p->reply->blocks;

	(void)state;
	assert_null(p->e);
	assert_int_equal(p->reply->nblocks, 3);
	assert_string_equal(b[0].id, "a");
	assert_str(b[0].input, "{\"x\":1}");
	assert_string_equal(b[1].id, "b");
	assert_str(b[1].input, "{\"x\":2}");
	assert_string_equal(b[2].id, "c");
	assert_str(b[2].input, "{\"x\":4}");
	arena_free(a);
}

static void test_llm__anthropic_a_long_reply_costs_about_its_text(void **state)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, 64 << 20);
	struct str bytes;
	struct llm_play *p;

	(void)state;
	buf_add_cstr(&b, START(0, "{'type':'text','text':''}"));
	for (int i = 0; i < 10000; i++)
		buf_add_cstr(&b, DELTA(0, "{'type':'text_delta','text':'0123456789'}"));
	buf_add_cstr(&b, STOP("end_turn"));
	bytes = llm_lines(a, buf_cstr(&b));
	p = llm_play(arena_create(), "anthropic", bytes, LLM_PLAY_WHOLE);
	assert_null(p->e);
	assert_int_equal(p->deltas, 10000);
	/* Twice the text for the reply, and as much again for what this test keeps. */
	assert_true(arena_used(p->s->a) < 6 * 100000);
	arena_free(p->s->a);
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
	llm_anthropic.build(a, &(struct llm_stream){.req = &req}, &b);
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
        cmocka_unit_test(test_llm__anthropic_fixtures_give_what_they_say),
        cmocka_unit_test(test_llm__anthropic_failures_in_the_stream_are_errors_in_words),
        cmocka_unit_test(test_llm__anthropic_unknown_events_and_blocks_are_passed_over),
        cmocka_unit_test(test_llm__anthropic_missing_and_wrong_fields_are_done_without),
        cmocka_unit_test(test_llm__anthropic_thinking_is_kept_with_its_signature_in_its_place),
        cmocka_unit_test(test_llm__anthropic_calls_that_come_whole_or_early_come_once),
        cmocka_unit_test(test_llm__anthropic_a_long_reply_costs_about_its_text),
        cmocka_unit_test(test_llm__anthropic_request_is_marked_for_caching_and_escapes),
};
UNIT_SUITE(llm_anthropic_tests);
