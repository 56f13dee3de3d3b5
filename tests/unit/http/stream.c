/* Event streams and clients that read as they please: at once, slowly, never. */
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/sse.h"
#include "unit.h"

enum { TEXT_BYTES = 3000 };

/* One who reads: what came, taken apart. */
struct client {
	struct arena *a;
	int fd;
	int pause_us; /* before each read */
	int64_t last; /* id */
	int64_t events;
	bool in_order;
	bool ended; /* by the record that ends a request */
	unsigned char held[8];
	size_t nheld, content;
	struct sse_parser *parser;
};

static struct err *on_event(void *arg, const struct sse_event *e)
{
	struct client *c = arg;
	int64_t id = 0;

	if (!str_to_i64(e->id, &id) || id != c->last + 1 || e->data.n != TEXT_BYTES + 2)
		c->in_order = false;
	c->last = id;
	c->events++;
	return NULL;
}

/* Records, in whatever pieces they come. The head of the answer is an event of unknown fields to the parser. */
static void take(struct client *c, const char *p, size_t n)
{
	while (n > 0) {
		size_t part = n < c->content ? n : c->content;

		if (part) {
			if (c->held[1] == 6)
				assert_null(sse_feed(c->parser, p, part));
			c->content -= part;
		} else {
			part = 1;
			c->held[c->nheld++] = (unsigned char)*p;
		}
		if (c->nheld == 8) {
			c->nheld = 0;
			c->content = (size_t)(c->held[4] << 8 | c->held[5]) + c->held[6];
			c->ended = c->ended || c->held[1] == 3;
		}
		p += part;
		n -= part;
	}
}

static void *read_all(void *arg)
{
	struct client *c = arg;
	char bytes[4096];
	ssize_t n;

	for (;;) {
		if (c->pause_us)
			usleep((useconds_t)c->pause_us);
		n = read(c->fd, bytes, sizeof(bytes));
		if (n <= 0)
			return NULL;
		take(c, bytes, (size_t)n);
	}
}

struct pair {
	struct arena *a;
	struct client client;
	struct ctx ctx;
	struct http_fcgi f;
	struct http_request req;
	struct http_response res;
	struct http_stream *stream;
};

static struct pair *open_pair(int pause_us)
{
	struct arena *a = arena_create();
	struct pair *p = ARENA_NEW(a, struct pair);
	int fd[2], size = 8 << 10;

	p->a = a;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	setsockopt(fd[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	p->client = (struct client){.a = arena_create(), .fd = fd[0], .pause_us = pause_us, .in_order = true};
	p->client.parser = sse_parser_create(p->client.a, 1 << 20, on_event, &p->client);
	p->ctx = (struct ctx){.a = a, .request_id = "test", .address = ""};
	http_fcgi_init(&p->f, fd[1]);
	p->f.id = 1;
	p->req = (struct http_request){.f = &p->f};
	http_response_init(&p->res, a);
	p->stream = http_stream_start(&p->ctx, &p->req, &p->res);
	return p;
}

static void close_pair(struct pair *p)
{
	close(p->client.fd);
	arena_free(p->client.a);
	arena_free(p->a);
}

static struct str text_of(struct arena *a)
{
	char *text = arena_alloc(a, TEXT_BYTES + 3);

	memset(text, 'x', TEXT_BYTES + 2);
	text[0] = text[TEXT_BYTES + 1] = '"';
	return (struct str){text, TEXT_BYTES + 2};
}

/* Until it has sent that many or the client is gone. */
static int64_t send_events(struct pair *p, int64_t most, bool patient)
{
	struct str text = text_of(p->a);
	int64_t n = 0;

	while (n < most) {
		if (patient)
			http_stream_wait(p->stream);
		if (!http_stream_event(p->stream, n + 1, "delta", text))
			break;
		n++;
	}
	return n;
}

static int64_t converse(int pause_us, int64_t events, bool patient)
{
	struct pair *p = open_pair(pause_us);
	pthread_t thread;
	int64_t n;

	pthread_create(&thread, NULL, read_all, &p->client);
	n = send_events(p, events, patient);
	http_stream_end(p->stream);
	close(p->f.fd);
	pthread_join(thread, NULL);
	assert_int_equal(n, events);
	assert_true(p->client.in_order);
	assert_true(p->client.ended);
	n = p->client.events;
	close_pair(p);
	return n;
}

static void test_http__a_slow_client_gets_all_in_order(void **state)
{
	(void)state;
	assert_int_equal(converse(0, 300, false), 300);
	assert_int_equal(converse(200, 300, false), 300);
}

static void test_http__who_has_the_time_waits_for_a_slow_client(void **state)
{
	(void)state;
	assert_int_equal(converse(20, 3000, true), 3000);
}

static void test_http__who_does_not_read_is_gone_and_holds_up_nobody(void **state)
{
	struct pair *p = open_pair(0);
	int64_t n = send_events(p, 100000, false);

	(void)state;
	assert_in_range(n, (1 << 20) / TEXT_BYTES, (2 << 20) / TEXT_BYTES);
	assert_true(http_stream_gone(p->stream));
	http_stream_wait(p->stream);
	http_stream_end(p->stream);
	close(p->f.fd);
	/* What reached the socket is whole events up to a break, and no end. */
	read_all(&p->client);
	assert_true(p->client.in_order);
	assert_false(p->client.ended);
	close_pair(p);
}

static void test_http__who_leaves_in_the_middle_is_gone(void **state)
{
	struct pair *p = open_pair(0);

	(void)state;
	assert_int_equal(send_events(p, 100, false), 100);
	shutdown(p->client.fd, SHUT_RDWR);
	assert_true(http_stream_gone(p->stream));
	assert_int_equal(send_events(p, 100, true), 0);
	http_stream_end(p->stream);
	close(p->f.fd);
	close_pair(p);
}

static const struct CMUnitTest http_stream_tests[] = {
        cmocka_unit_test(test_http__a_slow_client_gets_all_in_order),
        cmocka_unit_test(test_http__who_has_the_time_waits_for_a_slow_client),
        cmocka_unit_test(test_http__who_does_not_read_is_gone_and_holds_up_nobody),
        cmocka_unit_test(test_http__who_leaves_in_the_middle_is_gone),
};
UNIT_SUITE(http_stream_tests);
