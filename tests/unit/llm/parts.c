/* The small parts: addresses, headers that say when to come again, health, and text that is none. */
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "llm/llm_priv.h"
#include "play.h"
#include "unit.h"

static void test_llm__addresses_as_people_write_them(void **state)
{
	static const struct {
		const struct llm_format *format;
		const char *given, *called;
	} cases[] = {
	        {&llm_anthropic, "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"},
	        {&llm_anthropic, "https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"},
	        {&llm_anthropic, " https://api.anthropic.com/v1 ", "https://api.anthropic.com/v1/messages"},
	        {&llm_anthropic, "https://api.anthropic.com/v1/messages",
	         "https://api.anthropic.com/v1/messages"},
	        {&llm_anthropic, "https://api.deepseek.com/anthropic",
	         "https://api.deepseek.com/anthropic/v1/messages"},
	        {&llm_anthropic, "https://x/y?beta=true", "https://x/y/v1/messages?beta=true"},
	        {&llm_openai, "https://api.openai.com", "https://api.openai.com/v1/chat/completions"},
	        {&llm_openai, "https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"},
	        {&llm_openai, "https://api.openai.com/v1/chat/completions",
	         "https://api.openai.com/v1/chat/completions"},
	        {&llm_openai, "http://localhost:11434", "http://localhost:11434/v1/chat/completions"},
	        {&llm_openai, "http://localhost:11434/v1", "http://localhost:11434/v1/chat/completions"},
	        {&llm_openai, "https://openrouter.ai/api/v1",
	         "https://openrouter.ai/api/v1/chat/completions"},
	        {&llm_openai, "https://generativelanguage.googleapis.com/v1beta/openai/",
	         "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"},
	        {&llm_openai, "https://me.openai.azure.com/openai/deployments/gpt?api-version=2024-10-21",
	         "https://me.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21"},
	        {&llm_openai, "https://me.openai.azure.com/openai/v1",
	         "https://me.openai.azure.com/openai/v1/chat/completions"},
	        {&llm_openai, "", "/v1/chat/completions"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct llm_provider p = {"", cases[i].given, "k", "m"};

		assert_string_equal(cases[i].format->address(a, &p), cases[i].called);
		arena_free(a);
	}
	assert_true(llm_host_is("https://me.openai.azure.com/x", "azure.com"));
	assert_true(llm_host_is("https://AZURE.com:443", "azure.com"));
	assert_true(llm_host_is("https://azure.com?x", "azure.com"));
	assert_false(llm_host_is("https://notazure.com/", "azure.com"));
	assert_false(llm_host_is("https://example.com/azure.com", "azure.com"));
	assert_false(llm_host_is("azure.com", "azure.com"));
}

static void test_llm__keys_go_into_the_header_that_their_server_reads(void **state)
{
	static const struct {
		const struct llm_format *format;
		const char *url, *key, *header;
	} cases[] = {
	        {&llm_anthropic, "https://api.anthropic.com", "k", "x-api-key: k"},
	        {&llm_openai, "https://api.openai.com/v1", "k", "authorization: Bearer k"},
	        {&llm_openai, "https://me.openai.azure.com/openai/v1", "k", "api-key: k"},
	        {&llm_openai, "http://localhost:11434", "", NULL},
	        {&llm_openai, "http://localhost:11434", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct llm_provider p = {"", cases[i].url, cases[i].key, "m"};
		const char *headers[LLM_HEADERS];
		size_t n = cases[i].format->headers(a, &p, headers);

		assert_int_equal(n > 0, cases[i].header != NULL);
		if (cases[i].header)
			assert_string_equal(headers[0], cases[i].header);
		arena_free(a);
	}
}

static int64_t waits(struct arena *a, const char *name, const char *value)
{
	struct llm_stream s = {.a = a, .scratch = a};

	llm_header(&s, str_of(name), str_of(value));
	return s.retry_after_ms;
}

static void test_llm__when_to_come_again_in_every_form(void **state)
{
	struct arena *a = arena_create();
	struct llm_stream s = {.a = a, .scratch = a};
	time_t soon = time(NULL) + 30;
	char date[64];
	int64_t ms;

	(void)state;
	assert_int_equal(waits(a, "Retry-After", "7"), 7000);
	assert_int_equal(waits(a, "retry-after", "0.5"), 500);
	assert_int_equal(waits(a, "retry-after", "999999999999"), 86400000);
	assert_int_equal(waits(a, "retry-after-ms", "1250"), 1250);
	assert_int_equal(waits(a, "retry-after-ms", "-1"), 0);
	assert_int_equal(waits(a, "retry-after", "-5"), 0);
	assert_int_equal(waits(a, "retry-after", "soon"), 0);
	assert_int_equal(waits(a, "retry-after", "nan"), 0);
	assert_int_equal(waits(a, "retry-after", ""), 0);
	assert_int_equal(waits(a, "retry-later", "7"), 0);
	assert_int_equal(waits(a, "retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), 0);
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime(&soon));
	ms = waits(a, "retry-after", date);
	assert_true(ms > 0 && ms <= 30000);
	llm_header(&s, STR("retry-after-ms"), STR("100"));
	llm_header(&s, STR("retry-after"), STR("1"));
	assert_int_equal(s.retry_after_ms, 100);
	assert_int_equal(llm_pause_us(&s, 1), 100000);
	arena_free(a);
}

static void test_llm__pauses_double_and_differ_by_half(void **state)
{
	struct llm_stream s = {.a = NULL};
	int64_t most = 500000;

	(void)state;
	for (int tries = 1; tries <= 3; tries++, most *= 2) {
		int64_t us = llm_pause_us(&s, tries);

		assert_true(us >= most / 2 && us <= most);
	}
}

enum { SECOND = 1000000 };

static void fail_times(const struct llm_provider *p, int n, int64_t now)
{
	while (n-- > 0)
		llm_health_report(p, LLM_FAULT, now);
}

static void test_llm__five_failures_in_a_row_make_a_rest_of_half_a_minute(void **state)
{
	struct llm_provider p = {"anthropic", "http://rests", "k", "m"},
	                    other = {"anthropic", "http://rests", "k", "n"};
	int64_t now = 1000 * (int64_t)SECOND;

	(void)state;
	fail_times(&p, 4, now);
	assert_int_equal(llm_health_rest_us(&p, now), 0);
	llm_health_report(&p, LLM_WELL, now);
	fail_times(&p, 4, now);
	llm_health_report(&p, LLM_NEITHER, now);
	assert_int_equal(llm_health_rest_us(&p, now), 0);
	fail_times(&p, 1, now);
	assert_int_equal(llm_health_rest_us(&p, now + SECOND), 29 * SECOND);
	assert_int_equal(llm_health_rest_us(&other, now + SECOND), 0);
	now += 30 * (int64_t)SECOND;
	/* One is let through; who comes meanwhile waits for what becomes of it. */
	assert_int_equal(llm_health_rest_us(&p, now), 0);
	assert_true(llm_health_rest_us(&p, now) > 0);
	fail_times(&p, 1, now);
	assert_true(llm_health_rest_us(&p, now + 29 * (int64_t)SECOND) > 0);
	now += 30 * (int64_t)SECOND;
	assert_int_equal(llm_health_rest_us(&p, now), 0);
	llm_health_report(&p, LLM_NEITHER, now);
	assert_int_equal(llm_health_rest_us(&p, now), 0);
	llm_health_report(&p, LLM_WELL, now);
	assert_int_equal(llm_health_rest_us(&p, now), 0);
	assert_int_equal(llm_health_rest_us(&p, now), 0);
}

static void test_llm__of_many_providers_the_newest_are_remembered(void **state)
{
	struct llm_provider old = {"openai", "http://old", "", "m"},
	                    busy = {"openai", "http://busy", "", "m"};
	struct arena *a = arena_create();
	int64_t now = 2000 * (int64_t)SECOND;

	(void)state;
	llm_health_rest_us(&old, now);
	llm_health_learn(&old, LLM_NO_STREAM_OPTIONS | LLM_NO_THINKING_BACK);
	assert_int_equal(llm_health_quirks(&old), LLM_NO_STREAM_OPTIONS);
	for (int i = 0; i < 200; i++) {
		struct llm_provider p = {"openai", arena_printf(a, "http://many/%d", i), "", "m"};

		llm_health_rest_us(&p, now + 1 + i);
		llm_health_rest_us(&busy, now + 1 + i);
		llm_health_learn(&busy, LLM_OTHER_TOKENS);
	}
	assert_int_equal(llm_health_quirks(&old), 0);
	assert_int_equal(llm_health_quirks(&busy), LLM_OTHER_TOKENS);
	arena_free(a);
}

#define HEAD "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\""
#define TAIL "\"},\"finish_reason\":\"stop\"}]}\n\n"
#define FFFD "\xef\xbf\xbd"

static void test_llm__what_is_no_text_is_replaced(void **state)
{
	static const struct {
		struct str sent;
		const char *heard;
	} cases[] = {
	        {STR(HEAD "gr\xc3\xbc\xc3\x9f" TAIL), "gr\xc3\xbc\xc3\x9f"},
	        {STR(HEAD "a\xff"
	                  "b" TAIL),
	         "a" FFFD "b"},
	        {STR(HEAD "a\xc3" TAIL), "a" FFFD},
	        {STR(HEAD "\xf0\x9f\x98"
	                  "b" TAIL),
	         FFFD "b"},
	        {STR(HEAD "\xe2\x82"
	                  "b\xf0\x9f\x98\x80" TAIL),
	         FFFD "b\xf0\x9f\x98\x80"},
	        {STR(HEAD "\xed\xa0\x80" TAIL), FFFD FFFD FFFD},
	        {STR(HEAD "\xc0\x80\xf5" TAIL), FFFD FFFD FFFD},
	        {STR(HEAD "a\0b" TAIL), "a" FFFD "b"},
	        {STR(HEAD "a\\u0000b" TAIL), "a" FFFD "b"},
	        {STR(HEAD "a\\\\u0000b\\u0000" TAIL), "a\\u0000b" FFFD},
	        {STR(HEAD "a\\ud800b" TAIL), "a" FFFD "b"},
	        {STR(HEAD "a\\ud83d\\ude00b" TAIL), "a\xf0\x9f\x98\x80"
	                                            "b"},
	        {STR(HEAD "a\tb\x01" TAIL), "a b "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (int c = 0; c < LLM_PLAY_CHUNKINGS; c++) {
			struct arena *a = arena_create();
			struct llm_play *p = llm_play(a, "openai", cases[i].sent, c);

			if (p->e)
				fail_msg("%zu: %s", i, err_text(p->e));
			assert_str(buf_str(&p->text), cases[i].heard);
			arena_free(a);
		}
}

static struct str long_event(struct arena *a, size_t n)
{
	struct buf b = buf_init(a, 64 << 20);
	char *text = arena_alloc(a, n + 1);

	memset(text, 'x', n);
	buf_add_cstr(&b, HEAD);
	buf_add(&b, text, n);
	buf_add_cstr(&b, TAIL);
	return buf_str(&b);
}

static void test_llm__a_line_of_a_megabyte_is_read_and_a_longer_one_refused(void **state)
{
	struct arena *a = arena_create();
	struct llm_play *p = llm_play(a, "openai", long_event(a, 1 << 20), LLM_PLAY_RANDOM);

	(void)state;
	assert_null(p->e);
	assert_int_equal(p->text.n, 1 << 20);
	p = llm_play(a, "openai", long_event(a, LLM_EVENT_BYTES), LLM_PLAY_RANDOM);
	assert_int_equal(p->e->kind, ERR_TOO_LARGE);
	assert_string_equal(p->e->code, "reply_too_large");
	arena_free(a);
}

static void test_llm__a_reply_without_end_is_refused(void **state)
{
	struct arena *a = arena_create(), *b = arena_create();
	struct str event = long_event(a, 1 << 20);
	struct buf all = buf_init(a, 64 << 20);
	struct llm_play *p;

	(void)state;
	for (int i = 0; i < 6; i++)
		buf_add(&all, event.p, event.n);
	p = llm_play(b, "openai", buf_str(&all), LLM_PLAY_WHOLE);
	assert_int_equal(p->e->kind, ERR_TOO_LARGE);
	all.n = 0;
	for (int i = 0; i < LLM_BLOCKS + 1; i++)
		buf_printf(&all, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":%d}]}}]}\n\n",
		           i);
	p = llm_play(b, "openai", buf_str(&all), LLM_PLAY_WHOLE);
	assert_string_equal(p->e->code, "bad_reply");
	arena_free(b);
	arena_free(a);
}

/* Not the first event alone: what stands where events should be. */
static void test_llm__what_is_no_reply_is_said_to_be_none(void **state)
{
	static const char *const bodies[] = {
	        "",      "\n\n \r\n",    "<html>", "{\"hello\":1}", "{\"id\":", "[]", "[1,2]",
	        "hello", "\xef\xbb\xbf", "{}",     "null",          "\"x\""};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
		for (int c = 0; c < LLM_PLAY_CHUNKINGS * 2; c++) {
			struct arena *a = arena_create();
			struct llm_play *p =
			        llm_play(a, c % 2 ? "openai" : "anthropic", str_of(bodies[i]), c / 2);

			if (!p->e || p->e->kind != ERR_PROVIDER || !p->s->theirs)
				fail_msg("\"%s\": %s", bodies[i], p->e ? err_text(p->e) : "no error");
			arena_free(a);
		}
}

static const struct CMUnitTest llm_parts_tests[] = {
        cmocka_unit_test(test_llm__addresses_as_people_write_them),
        cmocka_unit_test(test_llm__keys_go_into_the_header_that_their_server_reads),
        cmocka_unit_test(test_llm__when_to_come_again_in_every_form),
        cmocka_unit_test(test_llm__pauses_double_and_differ_by_half),
        cmocka_unit_test(test_llm__five_failures_in_a_row_make_a_rest_of_half_a_minute),
        cmocka_unit_test(test_llm__of_many_providers_the_newest_are_remembered),
        cmocka_unit_test(test_llm__what_is_no_text_is_replaced),
        cmocka_unit_test(test_llm__a_line_of_a_megabyte_is_read_and_a_longer_one_refused),
        cmocka_unit_test(test_llm__a_reply_without_end_is_refused),
        cmocka_unit_test(test_llm__what_is_no_reply_is_said_to_be_none),
};
UNIT_SUITE(llm_parts_tests);
