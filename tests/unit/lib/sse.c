#include "lib/sse.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "unit.h"

static struct arena *a;

static int setup(void **state)
{
	(void)state;
	a = arena_create();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

/* Each event as a line "event|data|id", with line ends shown as \n. */
static struct err *record(void *arg, const struct sse_event *e)
{
	struct buf *b = arg;

	buf_printf(b, "%.*s|", STR_ARG(e->event));
	buf_add_json(b, e->data);
	buf_printf(b, "|%.*s\n", STR_ARG(e->id));
	return NULL;
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

enum chunking { WHOLE, LINES, BYTES, RANDOM, CHUNKINGS };

static size_t chunk_length(enum chunking how, const char *p, size_t left, unsigned *seed)
{
	const char *end = memchr(p, '\n', left);
	size_t n = left;

	if (how == LINES && end)
		n = (size_t)(end - p) + 1;
	if (how == BYTES)
		n = 1;
	if (how == RANDOM)
		n = next_random(seed) % 7;
	return n < left ? n : left;
}

/* Each chunk is a copy of its own, so that reading past one is seen by the sanitizer. */
static const char *events_of(struct str text, enum chunking how, unsigned seed)
{
	struct buf out = buf_init(a, BUF_PAGE);
	struct sse_parser *p = sse_parser_create(a, BUF_LINE, record, &out);

	while (text.n) {
		size_t n = chunk_length(how, text.p, text.n, &seed);

		assert_null(sse_feed(p, arena_strndup(a, text.p, n), n));
		text.p += n;
		text.n -= n;
	}
	return buf_cstr(&out);
}

static void check_every_chunking(struct str text, const char *expected)
{
	int how;
	unsigned seed;

	for (how = 0; how < CHUNKINGS; how++)
		for (seed = 1; seed <= (how == RANDOM ? 20 : 1); seed++)
			assert_string_equal(events_of(text, (enum chunking)how, seed), expected);
}

static void test_lib__sse_follows_the_standard(void **state)
{
	static const struct {
		struct str in;
		const char *out;
	} cases[] = {
	        {STR("data: a\n\n"), "message|\"a\"|\n"},
	        {STR("data:a\ndata:  b\n\n"), "message|\"a\\n b\"|\n"},
	        {STR("data\n\n"), "message|\"\"|\n"},
	        {STR("data\ndata\n\n"), "message|\"\\n\"|\n"},
	        {STR("data: a\r\n\r\ndata: b\r\rdata: c\n\n"),
	         "message|\"a\"|\nmessage|\"b\"|\nmessage|\"c\"|\n"},
	        {STR("\xef\xbb\xbf"
	             "data: a\n\n\xef\xbb\xbf"
	             "data: b\n\n"),
	         "message|\"a\"|\n"},
	        {STR(": comment\n\nretry: 5\nfoo: bar\n\nid: 3\n\ndata: x\n\n"), "message|\"x\"|3\n"},
	        {STR("id: 1\nevent: e\ndata: x\n\ndata: y\n\nid\ndata: z\n\n"),
	         "e|\"x\"|1\nmessage|\"y\"|1\nmessage|\"z\"|\n"},
	        {STR("id: a\0b\ndata: x\n\n"), "message|\"x\"|\n"},
	        {STR("event: e\n\n"), "e|\"\"|\n"},
	        {STR("data: not ended\n"), ""},
	        {STR("data : x\n\n"), ""},
	        {STR("\n\n\r\r\n"), ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_every_chunking(cases[i].in, cases[i].out);
}

/* The file holds the bytes as characters U+0000 to U+00FF. */
static void add_latin1(struct buf *b, const char *utf8)
{
	const unsigned char *p = (const unsigned char *)utf8;

	for (; *p; p++)
		if (*p < 0x80)
			buf_add_char(b, (char)*p);
		else if (p[1])
			buf_add_char(b, (char)((p[0] & 3) << 6 | (p[1] & 0x3f))), p++;
}

struct expectation {
	struct json_object *events;
	size_t n;
};

static struct err *compare(void *arg, const struct sse_event *e)
{
	struct expectation *x = arg;
	struct json_object *want = json_object_array_get_idx(x->events, x->n++), *got;
	const char *name = json_get_str(want, "event"), *data = json_get_str(want, "data");

	assert_non_null(want);
	assert_str(e->event, name ? name : "message");
	if (data)
		assert_str(e->data, data);
	if (json_get(want, "data_as_json")) {
		assert_null(json_read(a, e->data, JSON_DEPTH, &got));
		assert_true(json_object_equal(got, json_get(want, "data_as_json")));
	}
	return NULL;
}

static void check_case(struct json_object *c, enum chunking how)
{
	struct json_object *chunks = json_get_array(c, "chunks_latin1");
	struct expectation x = {json_get_array(c, "expected_events"), 0};
	struct buf text = buf_init(a, BUF_LINE);
	struct sse_parser *p = sse_parser_create(a, BUF_LINE, compare, &x);
	unsigned seed = 1;
	size_t i, n;

	for (i = 0; i < json_object_array_length(chunks); i++)
		add_latin1(&text, json_object_get_string(json_object_array_get_idx(chunks, i)));
	for (i = 0; i < text.n; i += n) {
		n = chunk_length(how, text.p + i, text.n - i, &seed);
		assert_null(sse_feed(p, text.p + i, n));
	}
	assert_int_equal(x.n, json_object_array_length(x.events));
}

/* Cases that raise are about what a client makes of an error event, which is not the parser's business. */
static void test_lib__sse_decodes_as_the_providers_clients_do(void **state)
{
	struct arena *own = arena_create();
	char *path = arena_strdup(a, unit_shared(own, "streams/sse_decoder_cases.json"));
	struct json_object *cases;
	size_t i, how;

	(void)state;
	arena_free(own);
	assert_null(json_read(a, unit_file(a, path), JSON_DEPTH, &cases));
	assert_true(json_object_array_length(cases) > 0);
	for (i = 0; i < json_object_array_length(cases); i++)
		for (how = 0; how < CHUNKINGS; how++)
			if (!json_get_bool(json_object_array_get_idx(cases, i), "raises", false))
				check_case(json_object_array_get_idx(cases, i), (enum chunking)how);
}

static void test_lib__sse_refuses_what_is_too_large(void **state)
{
	struct buf out = buf_init(a, BUF_LINE);
	struct sse_parser *line = sse_parser_create(a, 16, record, &out),
	                  *event = sse_parser_create(a, 16, record, &out);
	struct err *e = NULL;
	int i;

	(void)state;
	for (i = 0; i < 17 && !e; i++)
		e = sse_feed(line, "x", 1);
	assert_int_equal(i, 17);
	assert_int_equal(e->kind, ERR_TOO_LARGE);
	assert_null(sse_feed(event, "data: 12345678\n", 15));
	assert_int_equal(sse_feed(event, "data: 12345678\n", 15)->kind, ERR_TOO_LARGE);
}

static struct err *refuse(void *arg, const struct sse_event *e)
{
	(void)e;
	++*(int *)arg;
	return err_new(a, ERR_CANCELLED, "enough");
}

static void test_lib__sse_stops_when_the_callback_fails(void **state)
{
	int calls = 0;
	struct sse_parser *p = sse_parser_create(a, 100, refuse, &calls);

	(void)state;
	assert_int_equal(sse_feed(p, "data: 1\n\ndata: 2\n\n", 18)->kind, ERR_CANCELLED);
	assert_int_equal(calls, 1);
}

static void test_lib__sse_reads_what_it_writes(void **state)
{
	struct buf b = buf_init(a, BUF_LINE), data = buf_init(a, BUF_LINE);

	(void)state;
	buf_add_json(&data, STR("a\r\nevent: x\n\n\xe2\x80\xa8"));
	sse_add(&b, 7, "delta", buf_str(&data));
	sse_add(&b, 0, "done", STR("{\r\n\r\n\"a\":\nevent: x\r1}"));
	assert_true(str_starts(buf_str(&b), STR("id: 7\nevent: delta\ndata: \"")));
	check_every_chunking(buf_str(&b),
	                     "delta|\"\\\"a\\\\r\\\\nevent: x\\\\n\\\\n\\\\u2028\\\"\"|7\n"
	                     "done|\"{    \\\"a\\\": event: x 1}\"|7\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest lib_sse_tests[] = {
        TEST(test_lib__sse_follows_the_standard),
        TEST(test_lib__sse_decodes_as_the_providers_clients_do),
        TEST(test_lib__sse_refuses_what_is_too_large),
        TEST(test_lib__sse_stops_when_the_callback_fails),
        TEST(test_lib__sse_reads_what_it_writes),
};
UNIT_SUITE(lib_sse_tests);
