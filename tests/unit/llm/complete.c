/* Whole calls against the scripted provider, in its own process over a real socket, in both formats. */
#include <string.h>

#include "call.h"
#include "lib/arena.h"
#include "lib/log.h"
#include "support/provider.h"
#include "unit.h"

static const char *url;

static int start(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	llm_init();
	url = provider_exists() ? provider_start("tests/unit/llm/scenario.json") : NULL;
	return 0;
}

static int stop(void **state)
{
	(void)state;
	provider_stop();
	return 0;
}

static struct llm_request request_of(struct arena *a, const char *format, const char *question)
{
	if (!url)
		unit_skip("no scripted-provider beside the test program");
	return llm_call_request(a, format, url, question);
}

static const char *const formats[] = {"anthropic", "openai"};

static void a_reply_streams(const char *format)
{
	struct arena *a = arena_create();
	struct ctx ctx = llm_call_ctx(a);
	struct llm_request req = request_of(a, format, "hello");
	struct llm_heard h;
	struct llm_sink sink = llm_call_sink(a, &h, false);
	struct llm_reply *r;

	assert_ok(llm_complete(&ctx, &req, &sink, &r));
	assert_string_equal(buf_cstr(&h.text), "Grüße, hello!");
	assert_int_equal(r->nblocks, 1);
	assert_str(r->blocks[0].text, "Grüße, hello!");
	assert_int_equal(r->stop, LLM_STOP_END);
	assert_string_equal(r->model, "claude-test");
	assert_int_equal(r->usage.input_tokens, 1050);
	assert_int_equal(r->usage.cached_tokens, 1000);
	assert_int_equal(r->usage.output_tokens, 7);
	assert_false(r->fell_back);
	arena_free(a);
}

static void test_llm__a_reply_streams_and_is_counted(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2; f++)
		a_reply_streams(formats[f]);
}

static void calls_go_there_and_back(const char *format)
{
	static const struct llm_tool tool = {"f", "does f", "{\"type\":\"object\",\"properties\":{}}"};
	struct arena *a = arena_create();
	struct ctx ctx = llm_call_ctx(a);
	struct llm_request req = request_of(a, format, "use the tool");
	struct llm_message messages[3] = {req.messages[0]};
	struct llm_block results[2] = {
	        {.kind = LLM_TOOL_RESULT, .text = STR("{\"rows\":[]}"), .is_error = true},
	        {.kind = LLM_TOOL_RESULT, .text = STR("{\"rows\":[[1,42.5]],\"row_count\":1}")}};
	struct llm_reply *r;

	req.tools = &tool;
	req.ntools = 1;
	assert_ok(llm_complete(&ctx, &req, NULL, &r));
	assert_int_equal(r->stop, LLM_STOP_TOOL);
	assert_int_equal(r->nblocks, 3);
	assert_str(r->blocks[1].input, "{\"x\":\"ä\\n1\"}");
	assert_str(r->blocks[2].input, "{}");
	messages[1] = (struct llm_message){LLM_ASSISTANT, r->blocks, r->nblocks};
	results[0].id = r->blocks[1].id;
	results[1].id = r->blocks[2].id;
	messages[2] = (struct llm_message){LLM_USER, results, 2};
	req.messages = messages;
	req.nmessages = 3;
	assert_ok(llm_complete(&ctx, &req, NULL, &r));
	assert_str(r->blocks[0].text, "It is 42.5 of 1.");
	req.nmessages = 2;
	assert_int_equal(llm_complete(&ctx, &req, NULL, &r)->kind, ERR_PROVIDER);
	arena_free(a);
}

static void test_llm__tool_calls_go_there_and_back(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2; f++)
		calls_go_there_and_back(formats[f]);
}

static void test_llm__what_passes_is_tried_again(void **state)
{
	static const struct {
		const char *question, *text;
	} cases[] = {{"later", "now"}, {"limit", "now"}, {"closed", "open"}, {"drip", "slowly"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct ctx ctx = llm_call_ctx(a);
		struct llm_request req = request_of(a, formats[i % 2], cases[i].question);
		struct llm_reply *r;

		assert_ok(llm_complete(&ctx, &req, NULL, &r));
		assert_str(r->blocks[0].text, cases[i].text);
		arena_free(a);
	}
}

static const struct wrong {
	const char *question, *key, *model;
	enum err_kind kind;
	const char *code;
	const char *heard; /* text before the failure: passed on once, so not tried again */
} wrong[] = {
        {"hello", "", "m", ERR_PROVIDER, "key_refused", ""},
        {"hello", "bad-key", "m", ERR_PROVIDER, "key_refused", ""},
        {"hello", "k", "unknown-model", ERR_PROVIDER, "unknown_model", ""},
        {"key words", "sk-secret-7", "m", ERR_PROVIDER, "bad_request", ""},
        {"far", "k", "m", ERR_RATE_LIMITED, "rate_limit", ""},
        {"half", "k", "m", ERR_PROVIDER, "stream_broken", "one two"},
        {"over", "k", "m", ERR_UNAVAILABLE, "overloaded", "one two"},
        {"garbage", "k", "m", ERR_PROVIDER, "stream_broken", "one two"},
        {"wrong json", "k", "m", ERR_PROVIDER, "stream_broken", "one two"},
        {"away", "k", "m", ERR_PROVIDER, "redirected", ""},
        {"page", "k", "m", ERR_PROVIDER, "stream_broken", ""},
        {"too much", "k", "m", ERR_TOO_LARGE, "request_too_large", ""},
        {"poor", "k", "m", ERR_PROVIDER, "billing", ""},
};

static void fails_in_words(const struct wrong *w, const char *format)
{
	struct arena *a = arena_create();
	struct ctx ctx = llm_call_ctx(a);
	struct llm_request req = request_of(a, format, w->question);
	struct llm_heard h;
	struct llm_sink sink = llm_call_sink(a, &h, false);
	struct llm_reply *r;
	struct err *e;

	req.provider.key = w->key;
	/* Whoever fails often is left alone: a model for each. */
	req.provider.model = arena_printf(a, "%s %s %s", w->model, format, w->question);
	e = llm_complete(&ctx, &req, &sink, &r);
	if (!e || e->kind != w->kind || strcmp(e->code, w->code) != 0)
		fail_msg("%s, %s: %s", format, w->question, e ? err_text(e) : "no error");
	assert_str(buf_str(&h.text), w->heard);
	if (*w->key)
		assert_null(strstr(err_text(e), "sk-secret-7"));
	arena_free(a);
}

static void test_llm__failures_are_errors_in_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong) * 2; i++)
		fails_in_words(&wrong[i / 2], formats[i % 2]);
}

static void test_llm__nobody_there_is_unavailable(void **state)
{
	static const char *const urls[] = {"http://127.0.0.1:1", "ftp://127.0.0.1/", "file:///etc/passwd",
	                                   "not a url"};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct arena *a = arena_create();
		struct ctx ctx = llm_call_ctx(a);
		struct llm_request req = request_of(a, formats[i % 2], "hello");
		struct llm_reply *r;
		struct err *e;

		req.provider.url = urls[i];
		e = llm_complete(&ctx, &req, NULL, &r);
		assert_non_null(e);
		assert_int_equal(e->kind, ERR_UNAVAILABLE);
		assert_string_equal(e->code, "provider_unreachable");
		arena_free(a);
	}
}

static void test_llm__the_whole_call_has_a_deadline(void **state)
{
	struct arena *a = arena_create();
	struct ctx ctx = llm_call_ctx(a);
	struct llm_request req = request_of(a, "openai", "silent");
	struct llm_reply *r;

	(void)state;
	req.timeout_ms = 500;
	assert_int_equal(llm_complete(&ctx, &req, NULL, &r)->kind, ERR_TIMEOUT);
	arena_free(a);
}

static void test_llm__a_stop_ends_the_call(void **state)
{
	struct arena *a = arena_create();
	atomic_bool flag = false;
	struct ctx ctx = llm_call_ctx(a);
	struct llm_request req = request_of(a, "anthropic", "stuck");
	struct llm_heard h;
	struct llm_sink sink = llm_call_sink(a, &h, true);
	struct llm_provider fallback = req.provider;
	struct llm_reply *r;

	(void)state;
	h.stop = &flag;
	ctx.stop = &flag;
	req.fallback = &fallback;
	assert_int_equal(llm_complete(&ctx, &req, &sink, &r)->kind, ERR_CANCELLED);
	assert_string_equal(buf_cstr(&h.text), "one");
	assert_int_equal(h.sent, 1);
	arena_free(a);
}

/* Larger than what fits between here and there at once. */
static void test_llm__tells_when_the_request_is_sent(void **state)
{
	struct arena *a = arena_create();
	struct ctx ctx = llm_call_ctx(a);
	struct llm_request req = request_of(a, "anthropic", "hello");
	struct llm_provider fallback = req.provider;
	struct llm_heard h;
	struct llm_sink sink = llm_call_sink(a, &h, false);
	char *large = arena_alloc(a, (3 << 20) + 1);
	struct llm_reply *r;

	(void)state;
	memset(large, 'x', 3 << 20);
	req.system = large;
	assert_ok(llm_complete(&ctx, &req, &sink, &r));
	assert_int_equal(h.sent, 1);
	assert_int_equal(h.heard_before_sent, 0);
	sink = llm_call_sink(a, &h, false);
	h.refuse_sent = err_new(a, ERR_CONFLICT, "somebody else goes on with it");
	req.fallback = &fallback;
	assert_ptr_equal(llm_complete(&ctx, &req, &sink, &r), h.refuse_sent);
	assert_int_equal(h.sent, 1);
	assert_int_equal(h.text.n, 0);
	arena_free(a);
}

static void test_llm__a_cut_reply_says_so(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct arena *a = arena_create();
		struct ctx ctx = llm_call_ctx(a);
		struct llm_request req = request_of(a, formats[f], "long");
		struct llm_reply *r;

		assert_ok(llm_complete(&ctx, &req, NULL, &r));
		assert_int_equal(r->stop, LLM_STOP_LENGTH);
		arena_free(a);
	}
}

static const struct CMUnitTest llm_complete_tests[] = {
        cmocka_unit_test_setup(test_llm__a_reply_streams_and_is_counted, start),
        cmocka_unit_test(test_llm__tool_calls_go_there_and_back),
        cmocka_unit_test(test_llm__what_passes_is_tried_again),
        cmocka_unit_test(test_llm__failures_are_errors_in_words),
        cmocka_unit_test(test_llm__nobody_there_is_unavailable),
        cmocka_unit_test(test_llm__the_whole_call_has_a_deadline),
        cmocka_unit_test(test_llm__a_stop_ends_the_call),
        cmocka_unit_test(test_llm__tells_when_the_request_is_sent),
        cmocka_unit_test_teardown(test_llm__a_cut_reply_says_so, stop),
};
UNIT_SUITE(llm_complete_tests);
