/* Calls against servers that keep to no rule: what they send is written down here byte by byte. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "llm/llm_priv.h"
#include "unit.h"

#define HEAD "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
#define STREAM HEAD "connection: close\r\n\r\n"
#define CHUNKED HEAD "transfer-encoding: chunked\r\n\r\n"
#define START \
	"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
#define DELTA \
	"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n"
#define STOP "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n"
#define LAST "data: {\"type\":\"message_stop\"}\n\n"
#define EIGHT(s) s s s s s s s s
#define REPLY START DELTA STOP LAST

/* The server ------------------------------------------------------------------------------------------------- */

/* What follows the head of a case: `piece`, `times` times or for ever (0), each after `pause_ms`. */
static const struct manner {
	const char *name;
	const char *first;
	const char *piece;
	int times, pause_ms;
	bool again; /* the connection takes another request */
} manners[] = {
        {"whole", STREAM REPLY, "", 1, 0, false},
        {"kept", NULL, "", 1, 0, true},    /* one chunk, and the end of the answer */
        {"endless", NULL, "", 1, 0, true}, /* one chunk, and never an end */
        {"leaves", NULL, "", 1, 0, false}, /* as kept, and then the connection ends */
        {"silent", "", "", 0, 1000, false},
        {"hangs", STREAM START DELTA, "", 0, 1000, false},
        {"drips", STREAM, "d", 0, 50, false},
        {"lines", STREAM, "\n", 0, 50, false},
        {"comments", STREAM START, ": wait\n\n", 12, 200, false},
        {"line", STREAM "data: ", EIGHT(EIGHT(EIGHT(EIGHT("x")))), 0, 0, false},
        {"packed", HEAD "content-encoding: gzip\r\n\r\n\x1f\x8b\x08", "", 0, 1000, false},
        {"folded", HEAD "transfer-encoding: gzip, chunked\r\n\r\n", "", 0, 1000, false},
        {"heads", "HTTP/1.1 200 OK\r\n", "x-a: " EIGHT(EIGHT("b")) "\r\n", 0, 0, false},
        {"before", "HTTP/1.1 103 Early Hints\r\n\r\n" STREAM REPLY, "", 1, 0, false},
        {"error", "HTTP/1.1 500 No\r\ncontent-type: text/html\r\n\r\n<p>", "x", 0, 50, false},
};

static int listener, port;
static atomic_int accepted, requests;
static _Atomic size_t sent;

static bool put(int fd, const char *bytes, size_t n)
{
	sent += n;
	return n == 0 || send(fd, bytes, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Reads one request up to its end; the case is the first part of its path. */
static const struct manner *take_request(int fd)
{
	static const char length[] = "Content-Length: ";
	char bytes[65536], *body = NULL, *at;
	size_t n = 0, want = 0;

	while (!body || n < want) {
		ssize_t got = recv(fd, bytes + n, sizeof(bytes) - 1 - n, 0);

		if (got <= 0)
			return NULL;
		n += (size_t)got;
		bytes[n] = '\0';
		body = strstr(bytes, "\r\n\r\n");
		at = strstr(bytes, length);
		if (body && at)
			want = (size_t)(body + 4 - bytes) + strtoul(at + sizeof(length) - 1, NULL, 10);
	}
	requests++;
	for (size_t i = 0; i < sizeof(manners) / sizeof(*manners); i++)
		if (!strncmp(bytes + 6, manners[i].name, strlen(manners[i].name)) &&
		    bytes[6 + strlen(manners[i].name)] == '/')
			return &manners[i];
	return NULL;
}

static bool put_chunk(int fd, const char *after)
{
	char bytes[2000];
	int n = snprintf(bytes, sizeof(bytes), CHUNKED "%zx\r\n%s\r\n%s", strlen(REPLY), REPLY, after);

	return put(fd, bytes, (size_t)n);
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	const struct manner *m;

	while ((m = take_request(fd)) != NULL) {
		if (m->first)
			put(fd, m->first, strlen(m->first));
		else
			put_chunk(fd, strcmp(m->name, "endless") ? "0\r\n\r\n" : "");
		for (int i = 0; m->times == 0 || i < m->times; i++) {
			usleep((useconds_t)m->pause_ms * 1000);
			if (!put(fd, m->piece, strlen(m->piece)) ||
			    (m->times == 0 && recv(fd, (char[1]){0}, 1, MSG_PEEK | MSG_DONTWAIT) == 0))
				break;
		}
		if (!strcmp(m->name, "comments"))
			put(fd, DELTA STOP LAST, strlen(DELTA STOP LAST));
		if (!m->again)
			break;
	}
	close(fd);
	return NULL;
}

static void *accept_all(void *arg)
{
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		pthread_t thread;

		accepted++;
		pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd);
		pthread_detach(thread);
	}
	return arg;
}

static int start(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);
	pthread_t thread;

	(void)state;
	log_set_level(LOG_ERROR);
	crypto_init();
	llm_init();
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 100) ||
	    getsockname(listener, (struct sockaddr *)&at, &size))
		return -1;
	port = ntohs(at.sin_port);
	return pthread_create(&thread, NULL, accept_all, NULL) || pthread_detach(thread);
}

/* Calls ------------------------------------------------------------------------------------------------------ */

struct made {
	struct arena *a;
	struct settings settings;
	struct llm_sink sink;
	struct buf heard;
	struct llm_stream *s;
	atomic_bool stop;
	int asked;        /* times that sent was called */
	size_t before;    /* bytes heard by then */
	struct err *veto; /* what it says */
};

static void on_text(void *arg, struct str delta)
{
	buf_add_str(&((struct made *)arg)->heard, delta);
}

static struct err *on_sent(void *arg)
{
	struct made *m = arg;

	m->asked++;
	m->before += m->heard.n;
	usleep(30000);
	m->before += m->heard.n;
	return m->veto;
}

static struct err *call(struct made *m, const char *name, const char *key)
{
	struct llm_block *b = ARENA_NEW(m->a, struct llm_block);
	struct llm_message *message = ARENA_NEW(m->a, struct llm_message);
	struct llm_request *req = ARENA_NEW(m->a, struct llm_request);
	struct ctx ctx = {
	        .a = m->a, .settings = &m->settings, .request_id = "test", .address = "", .stop = &m->stop};
	struct err *e;

	*b = (struct llm_block){.kind = LLM_TEXT, .text = STR("hello")};
	*message = (struct llm_message){LLM_USER, b, 1};
	*req = (struct llm_request){
	        .provider = {"anthropic", arena_printf(m->a, "http://127.0.0.1:%d/%s", port, name), key, "m"},
	        .messages = message,
	        .nmessages = 1,
	        .max_tokens = 9};
	m->settings.llm_silence = m->settings.llm_silence ? m->settings.llm_silence : 1;
	m->heard = buf_init(m->a, BUF_LINE);
	m->sink.text = on_text;
	m->sink.arg = m;
	m->s = ARENA_NEW(m->a, struct llm_stream);
	*m->s = (struct llm_stream){
	        .a = m->a, .scratch = arena_create(), .req = req, .sink = &m->sink, .format = &llm_anthropic};
	e = llm_transport(&ctx, &llm_anthropic, m->s, clock_mono_us() + 20 * 1000000);
	arena_free(m->s->scratch);
	return e;
}

static struct made *make(void)
{
	struct arena *a = arena_create();
	struct made *m = ARENA_NEW(a, struct made);

	m->a = a;
	return m;
}

static void end(struct made *m)
{
	arena_free(m->a);
}

static void test_llm__who_does_not_answer_as_agreed_is_told_so(void **state)
{
	static const struct {
		const char *name;
		enum err_kind kind;
		const char *code, *says;
	} cases[] = {
	        {"silent", ERR_TIMEOUT, "provider_silent", "did not answer for 1 seconds"},
	        {"hangs", ERR_TIMEOUT, "provider_silent", "fell silent for 1 seconds"},
	        {"drips", ERR_TIMEOUT, "provider_silent", "fell silent"},
	        {"lines", ERR_TIMEOUT, "provider_silent", "fell silent"},
	        {"error", ERR_TIMEOUT, "provider_silent", "fell silent"},
	        {"line", ERR_TOO_LARGE, "reply_too_large", "too large"},
	        {"packed", ERR_PROVIDER, "provider_packed", "not asked for"},
	        {"folded", ERR_PROVIDER, "provider_packed", "not asked for"},
	        {"heads", ERR_PROVIDER, "provider_head", "too large"},
	        {"nowhere", ERR_UNAVAILABLE, "provider_unreachable", "broke"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct made *m = make();
		size_t before = sent;
		struct err *e = call(m, cases[i].name, "k");

		assert_non_null(e);
		if (e->kind != cases[i].kind || !e->code || strcmp(e->code, cases[i].code) ||
		    !strstr(e->message, cases[i].says))
			fail_msg("%s: %s (%s)", cases[i].name, err_text(e), e->code);
		/* What lies in sockets is all that a server gets rid of beyond what is read. */
		assert_true(sent - before < 16 << 20);
		assert_str(buf_str(&m->heard), strcmp(cases[i].name, "hangs") ? "" : "hi");
		end(m);
	}
}

static void test_llm__signs_of_life_are_waited_for(void **state)
{
	static const char *const names[] = {"whole", "comments", "before"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct made *m = make();

		assert_ok(call(m, names[i], "k"));
		assert_str(buf_str(&m->heard), "hi");
		end(m);
	}
}

static void test_llm__a_connection_is_used_again_by_its_own_key_only(void **state)
{
	struct made *m = make();
	int before = accepted;

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_ok(call(m, "kept", "one"));
	assert_int_equal(accepted - before, 1);
	assert_ok(call(m, "kept", "two"));
	assert_int_equal(accepted - before, 2);
	assert_ok(call(m, "leaves", "one"));
	assert_ok(call(m, "kept", "one"));
	assert_ok(call(m, "kept", "two"));
	end(m);
}

/* The reply is whole before the answer is; what never comes keeps nobody waiting. */
static void test_llm__the_end_of_an_answer_is_not_waited_for(void **state)
{
	struct made *m = make();

	(void)state;
	m->settings.llm_silence = 600;
	assert_ok(call(m, "endless", "k"));
	assert_ok(call(m, "endless", "k"));
	assert_str(buf_str(&m->heard), "hi");
	end(m);
}

static void test_llm__nothing_is_passed_on_while_the_caller_is_busy(void **state)
{
	struct made *m = make();

	(void)state;
	m->sink.sent = on_sent;
	for (int i = 0; i < 5; i++) {
		assert_ok(call(m, "kept", "k"));
		assert_str(buf_str(&m->heard), "hi");
	}
	assert_int_equal(m->asked, 5);
	assert_int_equal(m->before, 0);
	m->veto = err_new(m->a, ERR_CONFLICT, "no more");
	assert_ptr_equal(call(m, "kept", "k"), m->veto);
	assert_ptr_equal(call(m, "silent", "k"), m->veto);
	assert_str(buf_str(&m->heard), "");
	end(m);
}

static void *stop_it(void *arg)
{
	usleep(50000);
	atomic_store(&((struct made *)arg)->stop, true);
	return NULL;
}

static void test_llm__a_call_stops_wherever_it_is(void **state)
{
	static const char *const names[] = {"silent", "drips", "hangs", "error"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct made *m = make();
		pthread_t thread;

		m->settings.llm_silence = 600;
		pthread_create(&thread, NULL, stop_it, m);
		assert_err(call(m, names[i], "k"), ERR_CANCELLED);
		pthread_join(thread, NULL);
		assert_err(call(m, names[i], "k"), ERR_CANCELLED);
		end(m);
	}
}

static void *call_often(void *arg)
{
	static const char *const names[] = {"kept", "whole", "leaves", "endless", "packed"};
	size_t n = (size_t)(intptr_t)arg;

	for (size_t i = 0; i < 20; i++) {
		struct made *m = make();
		const char *name = names[(n + i) % 5];
		struct err *e;

		m->settings.llm_silence = 600;
		m->sink.sent = i % 2 ? on_sent : NULL;
		e = call(m, name, n % 3 ? "one" : "two");
		if (!strcmp(name, "packed") ? !e : e || !str_is(buf_str(&m->heard), "hi"))
			arg = NULL;
		end(m);
	}
	return arg;
}

static void test_llm__many_calls_at_once_do_not_mix(void **state)
{
	pthread_t threads[40];
	void *good;

	(void)state;
	for (size_t i = 0; i < 40; i++)
		pthread_create(&threads[i], NULL, call_often, (void *)(intptr_t)(i + 1));
	for (size_t i = 0; i < 40; i++) {
		pthread_join(threads[i], &good);
		assert_non_null(good);
	}
}

static const struct CMUnitTest llm_transport_tests[] = {
        cmocka_unit_test_setup(test_llm__who_does_not_answer_as_agreed_is_told_so, start),
        cmocka_unit_test(test_llm__signs_of_life_are_waited_for),
        cmocka_unit_test(test_llm__a_connection_is_used_again_by_its_own_key_only),
        cmocka_unit_test(test_llm__the_end_of_an_answer_is_not_waited_for),
        cmocka_unit_test(test_llm__nothing_is_passed_on_while_the_caller_is_busy),
        cmocka_unit_test(test_llm__a_call_stops_wherever_it_is),
        cmocka_unit_test(test_llm__many_calls_at_once_do_not_mix),
};
UNIT_SUITE(llm_transport_tests);
