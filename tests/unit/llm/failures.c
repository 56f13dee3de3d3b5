/*
 * Providers that fail in every way that the scripted one knows, in both formats and all at once: each call ends in a
 * defined state, in time, and no redirect is followed. Then the fallback, and what refusals teach.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "llm/llm_priv.h"
#include "support/provider.h"
#include "unit.h"

enum { MOST_MB = 16, MALLOC_ARENAS = 4 /* as in a worker */ };

static const char *url;
static int deaf, trap; /* sockets that nobody accepts on */
static char deaf_url[64], trap_url[64];

static int listen_anywhere(char where[64])
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 64) == 0);
	getsockname(fd, (struct sockaddr *)&at, &len);
	snprintf(where, 64, "http://127.0.0.1:%d", ntohs(at.sin_port));
	return fd;
}

/* The scenario, with the trap's address in it. */
static void write_scenario(char path[64])
{
	struct arena *a = arena_create();
	struct str text = unit_file(a, "tests/unit/llm/failures.json");
	ptrdiff_t at = str_find(text, STR("{{trap}}"));
	FILE *f;

	snprintf(path, 64, "/tmp/quern-failures-%d.json", (int)getpid());
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%.*s%s%.*s", (int)at, text.p, trap_url, (int)(text.n - (size_t)at - 8), text.p + at + 8);
	fclose(f);
	arena_free(a);
}

static int start(void **state)
{
	char path[64];

	(void)state;
	mallopt(M_ARENA_MAX, MALLOC_ARENAS);
	log_set_level(LOG_ERROR);
	llm_init();
	deaf = listen_anywhere(deaf_url);
	trap = listen_anywhere(trap_url);
	if (!provider_exists())
		return 0;
	write_scenario(path);
	url = provider_start(path);
	unlink(path);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	provider_stop();
	close(deaf);
	close(trap);
	return 0;
}

static const char *const formats[] = {"anthropic", "openai"};

static struct llm_request request_of(struct arena *a, const char *format, const char *question)
{
	if (!url)
		unit_skip("no scripted-provider beside the test program");
	return llm_call_request(a, format, url, question);
}

/* The ways to fail. ------------------------------------------------------------------------------------- */

static const struct failing {
	const char *question;
	int64_t timeout_ms;
	enum err_kind kind;
	const char *code; /* NULL: none */
	const char *text; /* of the reply, or what was heard before the failure */
	int sent;         /* how often it was asked; at most */
	bool fails;
} failing[] = {
        {"deaf", 1500, ERR_TIMEOUT, NULL, "", 1, true},
        {"half headers", 1500, ERR_TIMEOUT, NULL, "", 1, true},
        {"one token", 1500, ERR_TIMEOUT, NULL, "one", 1, true},
        {"a byte a minute", 1500, ERR_TIMEOUT, NULL, "", 1, true},
        {"three times", 20000, 0, NULL, "now", 4, false},
        {"limited", 20000, 0, NULL, "now", 2, false},
        {"wrong json", 20000, ERR_PROVIDER, "stream_broken", "", 4, true},
        {"long line", 20000, ERR_TOO_LARGE, "reply_too_large", "", 1, true},
        {"no newline", 20000, ERR_PROVIDER, "stream_broken", "", 4, true},
        {"same ids", 20000, 0, NULL, "", 1, false},
        {"no such tool", 20000, 0, NULL, "", 1, false},
        {"half a character", 20000, ERR_PROVIDER, "stream_broken", "one two", 1, true},
        {"elsewhere", 20000, ERR_PROVIDER, "redirected", "", 1, true},
        {"bomb", 20000, ERR_PROVIDER, "provider_packed", "", 1, true},
        {"tls", 20000, ERR_UNAVAILABLE, "provider_unreachable", "", 0, true},
        {"shut", 20000, ERR_UNAVAILABLE, "provider_unreachable", "", 4, true},
};

enum { WAYS = sizeof(failing) / sizeof(*failing) };

struct attempt {
	const struct failing *way;
	const char *format;
	pthread_t thread;
	struct arena *a;
	struct llm_request req;
	struct llm_heard heard;
	struct llm_reply *reply;
	struct err *e;
	bool in_time;
};

static void *attempt_run(void *arg)
{
	struct attempt *t = arg;
	struct ctx ctx = llm_call_ctx(t->a);
	struct llm_sink sink = llm_call_sink(t->a, &t->heard, false);
	int64_t begin = clock_mono_us();

	t->e = llm_complete(&ctx, &t->req, &sink, &t->reply);
	/* Half a second for looking up, and for a machine that has other things to do. */
	t->in_time = clock_mono_us() - begin < (t->req.timeout_ms + 5000) * 1000;
	return NULL;
}

static void attempt_begin(struct attempt *t, const struct failing *way, const char *format, int round)
{
	t->way = way;
	t->format = format;
	t->a = arena_create();
	t->req = request_of(t->a, format, arena_printf(t->a, "%s %s %d", way->question, format, round));
	t->req.timeout_ms = way->timeout_ms;
	/* A model of its own each: nobody is left alone for what another one did. */
	t->req.provider.model = arena_printf(t->a, "m %s %d", way->question, round);
	if (strcmp(way->question, "deaf") == 0)
		t->req.provider.url = deaf_url;
	if (strcmp(way->question, "tls") == 0)
		t->req.provider.url = arena_printf(t->a, "https%s", url + 4);
	pthread_create(&t->thread, NULL, attempt_run, t);
}

static const char *text_of(const struct attempt *t)
{
	if (t->e)
		return t->heard.text.n ? buf_cstr(&t->heard.text) : "";
	for (size_t i = 0; i < t->reply->nblocks; i++)
		if (t->reply->blocks[i].kind == LLM_TEXT)
			return str_dup(t->a, t->reply->blocks[i].text);
	return "";
}

static void attempt_check(struct attempt *t)
{
	const struct failing *w = t->way;
	const char *where = arena_printf(t->a, "%s, %s", w->question, t->format);

	if (w->fails != (t->e != NULL) || (t->e && t->e->kind != w->kind))
		fail_msg("%s: %s", where, t->e ? err_text(t->e) : "no error");
	if (w->fails && w->code && (!t->e->code || strcmp(t->e->code, w->code) != 0))
		fail_msg("%s: code %s", where, t->e->code ? t->e->code : "none");
	if (strcmp(text_of(t), w->text) != 0)
		fail_msg("%s: \"%s\"", where, text_of(t));
	if (t->heard.sent > w->sent || (!w->fails && t->heard.sent != w->sent))
		fail_msg("%s: asked %d times", where, t->heard.sent);
	if (!t->in_time)
		fail_msg("%s: not in time", where);
}

/* In KB, of this process. */
static long memory(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name) + 1, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

/* What this process needs from now on is not what tests before it needed: 5 resets VmHWM, proc(5). */
static long memory_from_here(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "w");

	if (f) {
		fputs("5", f);
		fclose(f);
	}
	return memory("VmHWM:");
}

struct sum {
	int calls, most_sent;
	long before, most; /* memory in KB */
};

/* All ways in both formats at once. */
static void every_failure(int round, struct sum *sum)
{
	struct attempt *all = test_calloc(WAYS * 2, sizeof(*all));

	for (size_t i = 0; i < WAYS * 2; i++)
		attempt_begin(&all[i], &failing[i / 2], formats[i % 2], round);
	for (size_t i = 0; i < WAYS * 2; i++)
		pthread_join(all[i].thread, NULL);
	for (size_t i = 0; i < WAYS * 2; i++) {
		attempt_check(&all[i]);
		sum->most_sent = all[i].heard.sent > sum->most_sent ? all[i].heard.sent : sum->most_sent;
		sum->calls++;
		arena_free(all[i].a);
	}
	test_free(all);
	assert_int_equal(accept(trap, NULL, NULL), -1);
}

/* Of QUERN_ROUNDS, one if it is not set. */
static void test_llm__every_failure_ends_in_a_defined_state_in_time(void **state)
{
	const char *given = getenv("QUERN_ROUNDS");
	int rounds = given ? (int)strtol(given, NULL, 10) : 1;
	struct sum sum = {.before = memory_from_here()};

	for (int round = 0; round < rounds; round++)
		every_failure(round, &sum);
	(void)state;
	sum.most = memory("VmHWM:");
	print_message(
	        "# {\"calls\": %d, \"most_requests\": %d, \"redirects_followed\": 0, \"memory_kb\": %ld}\n",
	        sum.calls, sum.most_sent, sum.most - sum.before);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(sum.most - sum.before < MOST_MB * 1024);
#endif
}

static void test_llm__calls_of_one_reply_have_ids_of_their_own(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct arena *a = arena_create();
		struct ctx ctx = llm_call_ctx(a);
		struct llm_request req = request_of(a, formats[f], "same ids");
		struct llm_reply *r;

		assert_ok(llm_complete(&ctx, &req, NULL, &r));
		assert_int_equal(r->nblocks, 2);
		assert_string_equal(r->blocks[0].id, "same");
		assert_string_not_equal(r->blocks[1].id, "same");
		assert_str(r->blocks[1].input, "{\"b\":2}");
		arena_free(a);
	}
}

static void test_llm__a_reply_may_come_whole(void **state)
{
	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct arena *a = arena_create();
		struct ctx ctx = llm_call_ctx(a);
		struct llm_request req = request_of(a, formats[f], "whole");
		struct llm_heard h;
		struct llm_sink sink = llm_call_sink(a, &h, false);
		struct llm_reply *r;

		assert_ok(llm_complete(&ctx, &req, &sink, &r));
		assert_string_equal(buf_cstr(&h.text), "all at once");
		assert_string_equal(buf_cstr(&h.thinking), "hm");
		assert_int_equal(r->nblocks, 3);
		assert_str(r->blocks[2].input, "{\"a\":1}");
		assert_int_equal(r->stop, LLM_STOP_TOOL);
		assert_true(r->usage.input_tokens > 0 && r->usage.output_tokens > 0);
		arena_free(a);
	}
}

/* Again, and the fallback. ------------------------------------------------------------------------------ */

static void test_llm__who_can_take_back_is_served_anew(void **state)
{
	struct arena *a = arena_create();
	struct ctx ctx = llm_call_ctx(a);
	struct llm_request req = request_of(a, "anthropic", "breaks twice");
	struct llm_heard h;
	struct llm_sink sink = llm_call_sink(a, &h, true);
	struct llm_reply *r;

	(void)state;
	req.provider.model = "m again";
	assert_ok(llm_complete(&ctx, &req, &sink, &r));
	assert_int_equal(h.again, 2);
	assert_string_equal(buf_cstr(&h.text), "all of it");
	assert_string_equal(buf_cstr(&h.thinking), "aha");
	arena_free(a);
}

static const struct falling {
	const char *question;
	const char *text; /* NULL: it fails */
	bool with_again;
	bool fell_back;
} falling[] = {
        {"refused", "fine", false, true},      {"down", "fine", false, true},
        {"elsewhere", "fine", false, true},    {"breaks always", "fine", true, true},
        {"breaks always", NULL, false, false}, {"anything", "fine", false, false},
};

static void test_llm__the_fallback_is_asked_when_the_first_fails_for_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(falling) / sizeof(*falling); i++) {
		struct arena *a = arena_create();
		struct ctx ctx = llm_call_ctx(a);
		struct llm_request req = request_of(a, formats[i % 2], falling[i].question);
		struct llm_provider fallback = {formats[(i + 1) % 2], url, "k", "always-fine"};
		struct llm_heard h;
		struct llm_sink sink = llm_call_sink(a, &h, falling[i].with_again);
		struct llm_reply *r;
		struct err *e;

		req.provider.model = arena_printf(a, "m fall %zu", i);
		req.fallback = &fallback;
		e = llm_complete(&ctx, &req, &sink, &r);
		if (!falling[i].text) {
			assert_string_equal(e->code, "stream_broken");
			arena_free(a);
			continue;
		}
		if (e)
			fail_msg("%s: %s", falling[i].question, err_text(e));
		assert_int_equal(r->fell_back, falling[i].fell_back);
		assert_string_equal(buf_cstr(&h.text), falling[i].text);
		arena_free(a);
	}
}

static void test_llm__both_that_failed_are_named(void **state)
{
	struct arena *a = arena_create();
	struct ctx ctx = llm_call_ctx(a);
	struct llm_request req = request_of(a, "anthropic", "refused");
	struct llm_provider fallback = {"openai", url, "", "other"};
	struct llm_reply *r;
	struct err *e;

	(void)state;
	req.fallback = &fallback;
	e = llm_complete(&ctx, &req, NULL, &r);
	assert_non_null(e);
	assert_string_equal(e->message, "the model provider refused the key");
	assert_non_null(
	        strstr(e->detail, "The fallback model failed, too: the model provider refused the key"));
	arena_free(a);
}

static void test_llm__a_hanging_provider_leaves_time_for_the_fallback(void **state)
{
	struct arena *a = arena_create();
	struct ctx ctx = llm_call_ctx(a);
	struct llm_request req = request_of(a, "openai", "anything");
	struct llm_provider fallback = req.provider;
	struct llm_reply *r;

	(void)state;
	req.provider.url = deaf_url;
	req.fallback = &fallback;
	req.timeout_ms = 3000;
	assert_ok(llm_complete(&ctx, &req, NULL, &r));
	assert_true(r->fell_back);
	arena_free(a);
}

/* The fifth failure in a row is the last that anybody waits for. */
static void test_llm__who_keeps_failing_is_left_alone(void **state)
{
	struct arena *a = arena_create();
	struct ctx ctx = llm_call_ctx(a);
	struct llm_request req = request_of(a, "anthropic", "breaks always");
	struct llm_provider fallback = req.provider;
	struct llm_heard h;
	struct llm_sink sink;
	struct llm_reply *r;

	(void)state;
	req.provider.model = "m rests";
	for (int i = 0; i < 5; i++) {
		sink = llm_call_sink(a, &h, false);
		assert_string_equal(llm_complete(&ctx, &req, &sink, &r)->code, "stream_broken");
		assert_int_equal(h.sent, 1);
	}
	sink = llm_call_sink(a, &h, false);
	assert_string_equal(llm_complete(&ctx, &req, &sink, &r)->code, "provider_resting");
	assert_int_equal(h.sent, 0);
	fallback.model = "m works";
	req.fallback = &fallback;
	req.messages[0].blocks[0].text = STR("anything");
	assert_ok(llm_complete(&ctx, &req, &sink, &r));
	assert_true(r->fell_back);
	assert_int_equal(h.sent, 1);
	arena_free(a);
}

/* What refusals teach. ---------------------------------------------------------------------------------- */

static void test_llm__what_a_provider_wants_is_learnt_once(void **state)
{
	static const struct {
		const char *format, *model;
		int first, then;
	} cases[] = {
	        {"openai", "o-new", 2, 1},
	        {"openai", "old", 2, 1},
	        {"anthropic", "adaptive", 2, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct ctx ctx = llm_call_ctx(a);
		struct llm_request req = request_of(a, cases[i].format, "anything");
		struct llm_heard h;
		struct llm_sink sink = llm_call_sink(a, &h, false);
		struct llm_reply *r;

		req.provider.model = cases[i].model;
		req.thinking_tokens = 2048;
		assert_ok(llm_complete(&ctx, &req, &sink, &r));
		assert_int_equal(h.sent, cases[i].first);
		sink = llm_call_sink(a, &h, false);
		assert_ok(llm_complete(&ctx, &req, &sink, &r));
		assert_int_equal(h.sent, cases[i].then);
		arena_free(a);
	}
}

/* A call with a tool, its result, and what is said to it; the thinking of the reply may be another's. */
static struct err *think_and_go_on(struct arena *a, struct llm_request *req, const char *signature,
                                   struct llm_heard *h, struct llm_reply **r)
{
	static const struct llm_tool tool = {"f", "does f", "{\"type\":\"object\",\"properties\":{}}"};
	struct llm_message *m = ARENA_ARRAY(a, struct llm_message, 3);
	struct llm_block *result = ARENA_NEW(a, struct llm_block);
	struct ctx ctx = llm_call_ctx(a);
	struct llm_sink sink = llm_call_sink(a, h, false);

	req->tools = &tool;
	req->ntools = 1;
	TRY(llm_complete(&ctx, req, &sink, r));
	if (signature)
		(*r)->blocks[0].signature = str_of(signature);
	*result = (struct llm_block){.kind = LLM_TOOL_RESULT, .text = STR("1")};
	for (size_t i = 0; i < (*r)->nblocks; i++)
		if ((*r)->blocks[i].kind == LLM_TOOL_USE)
			result->id = (*r)->blocks[i].id;
	m[0] = req->messages[0];
	m[1] = (struct llm_message){LLM_ASSISTANT, (*r)->blocks, (*r)->nblocks};
	m[2] = (struct llm_message){LLM_USER, result, 1};
	req->messages = m;
	req->nmessages = 3;
	sink = llm_call_sink(a, h, false);
	return llm_complete(&ctx, req, &sink, r);
}

static void test_llm__thinking_goes_back_to_who_thought_it(void **state)
{
	static const struct {
		const char *format, *model, *signature;
		int64_t thinking;
		int sent; /* to go on */
	} cases[] = {
	        {"anthropic", "m thinks", NULL, 2048, 1},
	        {"anthropic", "m thinks", NULL, 0, 1},
	        {"anthropic", "m thinks", "of somebody else", 2048, 2},
	        {"anthropic", "m thinks", "", 2048, 1},
	        {"openai", "m thinks", NULL, 0, 1},
	        {"openai", "reasoner", NULL, 0, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct llm_request req = request_of(a, cases[i].format, "think");
		struct llm_heard h;
		struct llm_reply *r;
		struct err *e;

		req.provider.model = cases[i].model;
		req.thinking_tokens = cases[i].thinking;
		e = think_and_go_on(a, &req, cases[i].signature, &h, &r);
		if (e)
			fail_msg("case %zu: %s", i, err_text(e));
		assert_str(r->blocks[0].text, "done");
		assert_int_equal(h.sent, cases[i].sent);
		arena_free(a);
	}
}

static void test_llm__a_server_of_ones_own_needs_no_key(void **state)
{
	static const struct {
		const char *path, *key;
		bool fine;
	} cases[] = {
	        {"/local/v1", "", true},
	        {"/local/v1/chat/completions", "", true},
	        {"", "", false},
	        {"/v1", "k", true},
	        {"/v1/", "k", true},
	        {"", "with blank", false},
	        {"/openai/deployments/x", "k", false},
	};
	struct arena *a = arena_create();
	struct ctx ctx = llm_call_ctx(a);
	struct llm_reply *r;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct llm_request req = request_of(a, "openai", "anything");
		struct err *e;

		req.provider.url = arena_printf(a, "%s%s", url, cases[i].path);
		req.provider.key = cases[i].key;
		e = llm_complete(&ctx, &req, NULL, &r);
		if (!e != cases[i].fine)
			fail_msg("%s: %s", cases[i].path, e ? err_text(e) : "no error");
	}
	arena_free(a);
}

static const struct CMUnitTest llm_failures_tests[] = {
        cmocka_unit_test_setup(test_llm__every_failure_ends_in_a_defined_state_in_time, start),
        cmocka_unit_test(test_llm__calls_of_one_reply_have_ids_of_their_own),
        cmocka_unit_test(test_llm__a_reply_may_come_whole),
        cmocka_unit_test(test_llm__who_can_take_back_is_served_anew),
        cmocka_unit_test(test_llm__the_fallback_is_asked_when_the_first_fails_for_good),
        cmocka_unit_test(test_llm__both_that_failed_are_named),
        cmocka_unit_test(test_llm__a_hanging_provider_leaves_time_for_the_fallback),
        cmocka_unit_test(test_llm__who_keeps_failing_is_left_alone),
        cmocka_unit_test(test_llm__what_a_provider_wants_is_learnt_once),
        cmocka_unit_test(test_llm__thinking_goes_back_to_who_thought_it),
        cmocka_unit_test_teardown(test_llm__a_server_of_ones_own_needs_no_key, stop),
};
UNIT_SUITE(llm_failures_tests);
