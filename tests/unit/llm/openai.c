/* The OpenAI-compatible format: what servers make of it and the recordings do not show. */
#include <string.h>

#include "lib/arena.h"
#include "play.h"
#include "unit.h"

#define DELTA(delta) "{'choices':[{'index':0,'delta':" delta "}]}\n"
#define STOP(reason) "{'choices':[{'index':0,'delta':{},'finish_reason':'" reason "'}]}\n"
#define CALL(call) DELTA("{'tool_calls':[" call "]}")

static struct llm_play *play(struct arena *a, const char *lines)
{
	return llm_play(a, "openai", llm_lines(a, lines), LLM_PLAY_RANDOM);
}

/* The calls of a reply as "id name(input) ...", ids in brackets where they are ours. */
static const char *calls_of(struct arena *a, const struct llm_reply *r)
{
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < r->nblocks; i++)
		if (r->blocks[i].kind == LLM_TOOL_USE)
			buf_printf(&b, "%s%s %s(%.*s)", b.n ? " " : "", r->blocks[i].id, r->blocks[i].name,
			           STR_ARG(r->blocks[i].input));
	return b.n ? buf_cstr(&b) : "";
}

static const struct {
	const char *what, *lines, *calls;
} shapes[] = {
        {"as OpenAI sends them",
         CALL("{'index':0,'id':'a','type':'function','function':{'name':'f','arguments':''}}") CALL(
                 "{'index':0,'function':{'arguments':'[1'}}") CALL("{'index':0,'function':{'arguments':']'}}")
                 CALL("{'index':1,'id':'b','type':'function','function':{'name':'g','arguments':'{}'}}"),
         "a f([1]) b g({})"},
        {"side by side",
         CALL("{'index':0,'id':'a','function':{'name':'f'}},{'index':1,'id':'b','function':{'name':'g'}}")
                 CALL("{'index':1,'function':{'arguments':'[2]'}},{'index':0,'function':{'arguments':'[1]'}}"),
         "a f([1]) b g([2])"},
        {"all at one index, each whole",
         CALL("{'index':0,'id':'a','function':{'name':'f','arguments':'[1]'}}")
                 CALL("{'index':0,'id':'b','function':{'name':'f','arguments':'[2]'}}"),
         "a f([1]) b f([2])"},
        {"all at one index, without ids",
         CALL("{'index':0,'id':'','function':{'name':'f','arguments':'[1]'}}")
                 CALL("{'index':0,'id':'','function':{'name':'f','arguments':'[2]'}}"),
         "call_0_ f([1]) call_1_ f([2])"},
        {"another id in each delta",
         CALL("{'index':0,'id':'a','function':{'name':'f'}}")
                 CALL("{'index':0,'id':'b','function':{'name':null,'arguments':'[1'}}")
                         CALL("{'index':0,'id':'c','function':{'arguments':']'}}"),
         "a f([1])"},
        {"the name in each delta",
         CALL("{'index':0,'id':'a','function':{'name':'f','arguments':'[1'}}")
                 CALL("{'index':0,'function':{'name':'f','arguments':']'}}")
                         CALL("{'index':0,'id':'a','function':{'name':'f'}}"),
         "a f([1])"},
        {"without indexes",
         CALL("{'id':'a','function':{'name':'f','arguments':'[1'}}") CALL("{'function':{'arguments':']'}}")
                 CALL("{'id':'b','function':{'name':'g','arguments':'[2]'}}"),
         "a f([1]) b g([2])"},
        {"several whole in one delta, without indexes",
         CALL("{'id':'a','function':{'name':'f','arguments':'[1]'}},{'id':'b','function':{'name':'g'}}"),
         "a f([1]) b g({})"},
        {"arguments as an object", CALL("{'index':0,'id':'a','function':{'name':'f','arguments':{'x':1}}}"),
         "a f({\"x\":1})"},
        {"before there were several",
         DELTA("{'function_call':{'name':'f','arguments':''}}")
                 DELTA("{'function_call':{'arguments':'[1]'}}"),
         "call_0_ f([1])"},
        {"wrong types",
         CALL("7,null,{'index':'x','id':9,'function':'f'},{'index':-4,'function':{'name':[],'arguments':null}}")
                 DELTA("{'tool_calls':{},'content':7,'refusal':[],'reasoning':{},'function_call':'f'}"),
         ""},
        {"NUL in arguments",
         CALL("{'index':0,'id':'a','function':{'name':'f','arguments':'{\\'x\\':\\'\\\\u0000\\'}'}}"),
         "a f({\"x\":\"\xef\xbf\xbd\"})"},
};

static void test_llm__openai_calls_in_every_shape(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		struct arena *a = arena_create();
		struct llm_play *p = play(a, arena_printf(a, "%s%s", shapes[i].lines, STOP("stop")));

		if (p->e)
			fail_msg("%s: %s", shapes[i].what, err_text(p->e));
		if (strcmp(calls_of(a, p->reply), shapes[i].calls) != 0)
			fail_msg("%s: %s", shapes[i].what, calls_of(a, p->reply));
		assert_int_equal(p->reply->stop, *shapes[i].calls ? LLM_STOP_TOOL : LLM_STOP_END);
		arena_free(a);
	}
}

static const struct {
	const char *lines, *text, *thinking;
	enum llm_stop stop;
} saying[] = {
        {DELTA("{'role':'assistant','content':''}") DELTA("{'content':'a'}") DELTA("{'content':'b'}")
                 STOP("stop"),
         "ab", "", LLM_STOP_END},
        {DELTA("{'reasoning_content':'hm'}") DELTA("{'content':null,'reasoning_content':' so'}")
                 DELTA("{'content':'a','reasoning_content':null}") STOP("length"),
         "a", "hm so", LLM_STOP_LENGTH},
        {DELTA("{'reasoning':'hm','reasoning_details':[{'type':'reasoning.text','text':'hm'}]}") STOP("stop"),
         "", "hm", LLM_STOP_END},
        {DELTA("{'reasoning':'hm','reasoning_content':'hm'}") STOP("stop"), "", "hm", LLM_STOP_END},
        {DELTA("{'reasoning_details':[{'type':'reasoning.summary','summary':'s'},{'type':'reasoning.encrypted','data':'x'},"
               "{'type':'reasoning.text','text':'t'}]}") STOP("stop"),
         "", "st", LLM_STOP_END},
        {DELTA("{'content':[{'type':'thinking','thinking':[{'type':'text','text':'hm'}]},{'type':'text','text':'a'}]}")
                 STOP("model_length"),
         "a", "hm", LLM_STOP_LENGTH},
        {DELTA("{'content':'I '}") DELTA("{'refusal':'will not'}") STOP("stop"), "I will not", "",
         LLM_STOP_REFUSAL},
        {DELTA("{'content':'a'}") STOP("content_filter"), "a", "", LLM_STOP_REFUSAL},
        {DELTA("{'content':'a'}") STOP("brand_new"), "a", "", LLM_STOP_OTHER},
        {DELTA("{'content':'a'}") "[DONE]\n" DELTA("{'content':'b'}"), "a", "", LLM_STOP_OTHER},
        {"{'choices':[],'prompt_filter_results':[]}\n{'choices':null}\n{}\n[]\n7\nnull\n"
         "{'choices':[{'index':1,'delta':{'content':'x'}}]}\n{'choices':['x']}\n" DELTA("{'content':'a'}")
                 STOP("stop"),
         "a", "", LLM_STOP_END},
        {"{'choices':[{'message':{'content':'a'},'finish_reason':'stop'}]}", "a", "", LLM_STOP_END},
};

static void test_llm__openai_text_and_thinking_in_every_shape(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(saying) / sizeof(*saying); i++) {
		struct arena *a = arena_create();
		struct llm_play *p = play(a, saying[i].lines);

		if (p->e)
			fail_msg("%zu: %s", i, err_text(p->e));
		assert_str(buf_str(&p->text), saying[i].text);
		assert_str(buf_str(&p->thinking), saying[i].thinking);
		assert_int_equal(p->reply->stop, saying[i].stop);
		arena_free(a);
	}
}

#define USAGE(usage) "'usage':" usage "}\n"

static void test_llm__openai_usage_is_found_wherever_it_stands(void **state)
{
	static const struct {
		const char *lines;
		int64_t in, out, cached;
	} cases[] = {
	        {"{'choices':[]," USAGE(
	                 "{'prompt_tokens':9,'completion_tokens':3,'prompt_tokens_details':{'cached_tokens':4}}"),
	         9, 3, 4},
	        {"{'choices':[]," USAGE("{'prompt_tokens':9,'completion_tokens':1}") "{'choices':[]," USAGE(
	                 "null") "{'choices':[]," USAGE("{'prompt_tokens':9,'completion_tokens':3}"),
	         9, 3, 0},
	        {"{'x_groq':{'usage':{'prompt_tokens':9,'completion_tokens':3}},'choices':[]}\n", 9, 3, 0},
	        {"{'choices':[{'delta':{},'usage':{'prompt_tokens':9,'completion_tokens':3,'cached_tokens':2}}]}\n",
	         9, 3, 2},
	        {"{'choices':[]," USAGE(
	                 "{'prompt_tokens':9,'completion_tokens':3,'prompt_cache_hit_tokens':5}"),
	         9, 3, 5},
	        {"{'choices':[]," USAGE("{'prompt_tokens':-9,'completion_tokens':9000000000000000000}"), 0,
	         1000000000, 0},
	        {"{'choices':[]," USAGE(
	                 "{'prompt_tokens':'9','completion_tokens':3.5,'prompt_tokens_details':[]}"),
	         0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct llm_play *p = play(a, arena_printf(a, "%s%s", cases[i].lines, STOP("stop")));

		assert_null(p->e);
		assert_int_equal(p->reply->usage.input_tokens, cases[i].in);
		assert_int_equal(p->reply->usage.output_tokens, cases[i].out);
		assert_int_equal(p->reply->usage.cached_tokens, cases[i].cached);
		arena_free(a);
	}
}

static void test_llm__openai_failures_in_the_stream_are_errors_in_words(void **state)
{
	static const struct {
		const char *lines, *code, *words; /* "": the provider gave none */
		bool retry;
	} cases[] = {
	        {"{'error':{'message':'no','type':'server_error','code':null}}", "provider_error", "no",
	         true},
	        {"{'error':{'message':'no','code':429}}", "rate_limit", "no", true},
	        {"{'error':{'code':502,'message':'no','metadata':{'raw':'said so'}},'choices':[{'delta':{'content':''},"
	         "'finish_reason':'error'}]}",
	         "provider_error", "no: said so", true},
	        {"{'error':'no'}", "provider_error", "no", true},
	        {"{'object':'error','message':'no','type':'BadRequestError','code':400}", "bad_request", "no",
	         false},
	        {"{'x_groq':{'error':'no'}}", "provider_error", "no", true},
	        {"{'error':{'message':'This model has a maximum context length of 8 tokens','code':"
	         "'context_length_exceeded'}}",
	         "request_too_large", "This model has a maximum context length of 8 tokens", false},
	        {DELTA("{'content':'a'}") STOP("error"), "provider_error", "", true},
	        {STOP("insufficient_system_resource"), "overloaded", "", true},
	        {DELTA("{'content':'a'}"), "stream_broken", "", true},
	        {"not json", "stream_broken", "", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct llm_play *p = play(a, cases[i].lines);

		assert_non_null(p->e);
		assert_string_equal(p->e->code, cases[i].code);
		assert_int_equal(p->s->retry, cases[i].retry);
		if (*cases[i].words)
			assert_string_equal(p->e->detail,
			                    arena_printf(a, "The provider said: %s", cases[i].words));
		arena_free(a);
	}
}

/* Bodies of errors as servers send them. */
static void test_llm__openai_refusals_are_known_by_what_they_say(void **state)
{
	static const struct {
		long status;
		const char *body, *code, *words;
		bool retry;
	} cases[] = {
	        {401,
	         "{'error':{'message':'Incorrect API key','type':'invalid_request_error','code':'invalid_api_key'}}",
	         "key_refused", "Incorrect API key", false},
	        {401,
	         "{'error':{'message':'bad','type':'authentication_error','code':'invalid_request_error'}}",
	         "key_refused", "bad", false},
	        {404, "{'error':{'message':'none','type':'invalid_request_error','code':null}}",
	         "unknown_model", "none", false},
	        {404, "{'detail':'Not Found'}", "unknown_model", "Not Found", false},
	        {422, "{'detail':[{'loc':['body'],'msg':'x'}]}", "bad_request",
	         "[{\"loc\":[\"body\"],\"msg\":\"x\"}]", false},
	        {402, "{'error':{'message':'Insufficient Balance','type':'unknown_error'}}", "billing",
	         "Insufficient Balance", false},
	        {429, "{'error':{'message':'quota','type':'insufficient_quota','code':'insufficient_quota'}}",
	         "billing", "quota", false},
	        {429, "{'message':'Requests rate limit exceeded'}", "rate_limit",
	         "Requests rate limit exceeded", true},
	        {400, "[{'error':{'code':400,'message':'bad','status':'INVALID_ARGUMENT'}}]", "bad_request",
	         "bad", false},
	        {400, "{'error':{'code':'content_filter','message':'f'}}", "filtered", "f", false},
	        {503, "'busy'", "overloaded", "busy", true},
	        {500, "{}", "provider_error", NULL, true},
	        {418, "null", "bad_request", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static const struct llm_request req = {.provider = {"openai", "http://x", "sk-secret", "m"}};
		struct arena *a = arena_create();
		struct llm_stream s = {.a = a, .scratch = a, .req = &req, .format = &llm_openai};
		struct str line = llm_lines(a, cases[i].body);
		struct json_object *o = NULL;
		struct err *e;

		assert_ok(llm_json_read(&s, str_trim((struct str){line.p + 6, line.n - 6}), &o));
		e = llm_openai.refusal(&s, cases[i].status, o);
		assert_string_equal(e->code, cases[i].code);
		assert_int_equal(s.retry, cases[i].retry);
		if (cases[i].words)
			assert_string_equal(e->detail,
			                    arena_printf(a, "The provider said: %s", cases[i].words));
		else
			assert_null(e->detail);
		arena_free(a);
	}
}

static void test_llm__openai_the_request(void **state)
{
	struct llm_block user = {.kind = LLM_TEXT, .text = STR("a \"quoted\"\nline")};
	struct llm_block said[] = {
	        {.kind = LLM_THINKING, .text = STR("hm"), .signature = STR("s")},
	        {.kind = LLM_TEXT, .text = STR("I look.")},
	        {.kind = LLM_TOOL_USE, .id = "t1", .name = "f", .input = STR("{\"a\":")},
	        {.kind = LLM_TOOL_USE, .id = "t2", .name = "g", .input = STR("{\"b\":1}")}};
	struct llm_block results[] = {
	        {.kind = LLM_TOOL_RESULT, .id = "t1", .text = STR("no"), .is_error = true},
	        {.kind = LLM_TOOL_RESULT, .id = "t2", .text = STR("yes")},
	        {.kind = LLM_TEXT, .text = STR("go on")}};
	struct llm_message messages[] = {
	        {LLM_USER, &user, 1}, {LLM_ASSISTANT, said, 4}, {LLM_USER, results, 3}};
	struct llm_tool tool = {"f", "one", "{\"type\":\"object\"}"};
	struct llm_request req = {.provider = {"openai", "http://localhost:1/v1", "", "m"},
	                          .system = "s",
	                          .messages = messages,
	                          .nmessages = 3,
	                          .tools = &tool,
	                          .ntools = 1,
	                          .max_tokens = 5};
	struct arena *a = arena_create();
	struct buf b = buf_init(a, BUF_PAGE);

	(void)state;
	llm_openai.build(a, &(struct llm_stream){.req = &req}, &b);
	assert_string_equal(
	        buf_cstr(&b),
	        "{\"model\":\"m\",\"max_tokens\":5,\"stream\":true,\"stream_options\":{\"include_usage\":true},"
	        "\"messages\":[{\"role\":\"system\",\"content\":\"s\"},"
	        "{\"role\":\"user\",\"content\":\"a \\\"quoted\\\"\\nline\"},"
	        "{\"role\":\"assistant\",\"content\":\"I look.\",\"tool_calls\":["
	        "{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
	        "{\"id\":\"t2\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{\\\"b\\\":1}\"}}]},"
	        "{\"role\":\"tool\",\"tool_call_id\":\"t1\",\"content\":\"no\"},"
	        "{\"role\":\"tool\",\"tool_call_id\":\"t2\",\"content\":\"yes\"},"
	        "{\"role\":\"user\",\"content\":\"go on\"}],"
	        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"one\","
	        "\"parameters\":{\"type\":\"object\"}}}]}");
	arena_free(a);
}

static const struct CMUnitTest llm_openai_tests[] = {
        cmocka_unit_test(test_llm__openai_calls_in_every_shape),
        cmocka_unit_test(test_llm__openai_text_and_thinking_in_every_shape),
        cmocka_unit_test(test_llm__openai_usage_is_found_wherever_it_stands),
        cmocka_unit_test(test_llm__openai_failures_in_the_stream_are_errors_in_words),
        cmocka_unit_test(test_llm__openai_refusals_are_known_by_what_they_say),
        cmocka_unit_test(test_llm__openai_the_request),
};
UNIT_SUITE(llm_openai_tests);
