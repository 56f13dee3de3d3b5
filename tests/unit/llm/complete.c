/* Whole calls against the scripted provider, in its own process over a real socket. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "llm/llm.h"
#include "support/provider.h"
#include "unit.h"

static struct settings settings;
static const char *url;

struct heard {
	struct buf text;
	atomic_bool *stop;
};

static void on_text(void *arg, struct str delta)
{
	struct heard *h = arg;

	buf_add_str(&h->text, delta);
	if (h->stop)
		atomic_store(h->stop, true);
}

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

static struct ctx ctx_of(struct arena *a)
{
	return (struct ctx){.a = a, .settings = &settings, .request_id = "test", .address = ""};
}

static struct llm_request request_of(struct arena *a, const char *question)
{
	struct llm_block *b = ARENA_NEW(a, struct llm_block);
	struct llm_message *m = ARENA_NEW(a, struct llm_message);

	if (!url)
		unit_skip("no scripted-provider beside the test program");
	*b = (struct llm_block){.kind = LLM_TEXT, .text = str_of(question)};
	*m = (struct llm_message){LLM_USER, b, 1};
	return (struct llm_request){.provider = {"anthropic", url, "sk-secret-7", "claude-test"},
	                            .system = "Be good.",
	                            .messages = m,
	                            .nmessages = 1,
	                            .max_tokens = 100,
	                            .timeout_ms = 20000};
}

static void test_llm__a_reply_streams_and_is_counted(void **state)
{
	struct arena *a = arena_create();
	struct ctx ctx = ctx_of(a);
	struct llm_request req = request_of(a, "hello");
	struct heard h = {buf_init(a, BUF_LINE), NULL};
	struct llm_reply *r;

	(void)state;
	assert_null(llm_complete(&ctx, &req, &(struct llm_sink){.text = on_text, .arg = &h}, &r));
	assert_string_equal(buf_cstr(&h.text), "Grüße, hello!");
	assert_int_equal(r->nblocks, 1);
	assert_str(r->blocks[0].text, "Grüße, hello!");
	assert_int_equal(r->stop, LLM_STOP_END);
	assert_string_equal(r->model, "claude-test");
	assert_true(r->usage.input_tokens > 0 && r->usage.output_tokens > 0);
	arena_free(a);
}

static void test_llm__tool_calls_go_there_and_back(void **state)
{
	static const struct llm_tool tool = {"f", "does f", "{\"type\":\"object\",\"properties\":{}}"};
	struct arena *a = arena_create();
	struct ctx ctx = ctx_of(a);
	struct llm_request req = request_of(a, "use the tool");
	struct llm_message messages[3] = {req.messages[0]};
	struct llm_block results[2] = {
	        {.kind = LLM_TOOL_RESULT, .text = STR("{\"rows\":[]}"), .is_error = true},
	        {.kind = LLM_TOOL_RESULT, .text = STR("{\"rows\":[[1,42.5]],\"row_count\":1}")}};
	struct llm_reply *r;

	(void)state;
	req.tools = &tool;
	req.ntools = 1;
	assert_null(llm_complete(&ctx, &req, NULL, &r));
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
	assert_null(llm_complete(&ctx, &req, NULL, &r));
	assert_str(r->blocks[0].text, "It is 42.5 of 1.");
	req.nmessages = 2;
	assert_int_equal(llm_complete(&ctx, &req, NULL, &r)->kind, ERR_PROVIDER);
	arena_free(a);
}

static void test_llm__what_passes_is_tried_again(void **state)
{
	static const struct {
		const char *question, *text;
	} cases[] = {{"later", "now"}, {"limit", "now"}, {"closed", "open"}, {"drip", "slowly"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct ctx ctx = ctx_of(a);
		struct llm_request req = request_of(a, cases[i].question);
		struct llm_reply *r;

		assert_null(llm_complete(&ctx, &req, NULL, &r));
		assert_str(r->blocks[0].text, cases[i].text);
		arena_free(a);
	}
}

static void test_llm__failures_are_errors_in_words(void **state)
{
	static const struct {
		const char *question, *key, *model;
		enum err_kind kind;
		const char *code;
		const char *heard; /* text before the failure: passed on once, so not tried again */
	} cases[] = {
	        {"hello", "", "m", ERR_PROVIDER, "key_refused", ""},
	        {"hello", "bad-key", "m", ERR_PROVIDER, "key_refused", ""},
	        {"hello", "k", "unknown-model", ERR_PROVIDER, "unknown_model", ""},
	        {"key words", "sk-secret-7", "m", ERR_PROVIDER, "bad_request", ""},
	        {"far", "k", "m", ERR_RATE_LIMITED, "rate_limit", ""},
	        {"half", "k", "m", ERR_PROVIDER, "stream_broken", "one two"},
	        {"over", "k", "m", ERR_UNAVAILABLE, "overloaded", "one two"},
	        {"garbage", "k", "m", ERR_PROVIDER, "stream_broken", "one two"},
	        {"wrong json", "k", "m", ERR_PROVIDER, NULL, "one two"},
	        {"away", "k", "m", ERR_PROVIDER, "redirected", ""},
	        {"page", "k", "m", ERR_PROVIDER, "stream_broken", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct ctx ctx = ctx_of(a);
		struct llm_request req = request_of(a, cases[i].question);
		struct heard h = {buf_init(a, BUF_LINE), NULL};
		struct llm_reply *r;
		struct err *e;

		req.provider.key = cases[i].key;
		req.provider.model = cases[i].model;
		e = llm_complete(&ctx, &req, &(struct llm_sink){.text = on_text, .arg = &h}, &r);
		assert_non_null(e);
		if (e->kind != cases[i].kind)
			fail_msg("%s: %s", cases[i].question, err_text(e));
		if (cases[i].code)
			assert_string_equal(e->code, cases[i].code);
		assert_str(buf_str(&h.text), cases[i].heard);
		if (*cases[i].key)
			assert_null(strstr(err_text(e), "sk-secret-7"));
		arena_free(a);
	}
}

static void test_llm__nobody_there_is_unavailable(void **state)
{
	static const char *const urls[] = {"http://127.0.0.1:1", "ftp://127.0.0.1/", "file:///etc/passwd",
	                                   "not a url"};

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
		struct arena *a = arena_create();
		struct ctx ctx = ctx_of(a);
		struct llm_request req = request_of(a, "hello");
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
	struct ctx ctx = ctx_of(a);
	struct llm_request req = request_of(a, "silent");
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
	struct ctx ctx = ctx_of(a);
	struct llm_request req = request_of(a, "stuck");
	struct heard h = {buf_init(a, BUF_LINE), &flag};
	struct llm_reply *r;

	(void)state;
	ctx.stop = &flag;
	assert_int_equal(llm_complete(&ctx, &req, &(struct llm_sink){.text = on_text, .arg = &h}, &r)->kind,
	                 ERR_CANCELLED);
	assert_string_equal(buf_cstr(&h.text), "one");
	arena_free(a);
}

struct sending {
	int times;
	size_t heard; /* bytes of text before it */
	struct heard h;
	struct err *e;
};

static struct err *on_sent(void *arg)
{
	struct sending *s = arg;

	s->times++;
	s->heard += s->h.text.n;
	return s->e;
}

static void on_text_too(void *arg, struct str delta)
{
	on_text(&((struct sending *)arg)->h, delta);
}

/* Larger than what fits between here and there at once. */
static void test_llm__tells_when_the_request_is_sent(void **state)
{
	struct arena *a = arena_create();
	struct ctx ctx = ctx_of(a);
	struct llm_request req = request_of(a, "hello");
	struct sending s = {.h = {buf_init(a, BUF_LINE), NULL}};
	struct llm_sink sink = {.text = on_text_too, .sent = on_sent, .arg = &s};
	char *large = arena_alloc(a, (3 << 20) + 1);
	struct llm_reply *r;

	(void)state;
	memset(large, 'x', 3 << 20);
	large[3 << 20] = '\0';
	req.system = large;
	assert_null(llm_complete(&ctx, &req, &sink, &r));
	assert_int_equal(s.times, 1);
	assert_int_equal(s.heard, 0);
	s.e = err_new(a, ERR_CONFLICT, "somebody else goes on with it");
	s.h.text.n = 0;
	assert_ptr_equal(llm_complete(&ctx, &req, &sink, &r), s.e);
	assert_int_equal(s.times, 2);
	assert_int_equal(s.h.text.n, 0);
	arena_free(a);
}

static void test_llm__a_cut_reply_says_so(void **state)
{
	struct arena *a = arena_create();
	struct ctx ctx = ctx_of(a);
	struct llm_request req = request_of(a, "long");
	struct llm_reply *r;

	(void)state;
	assert_null(llm_complete(&ctx, &req, NULL, &r));
	assert_int_equal(r->stop, LLM_STOP_LENGTH);
	arena_free(a);
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
