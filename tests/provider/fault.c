/* The ways in which providers fail, by the words of the scenario. */
#include <string.h>

#include "lib/arena.h"
#include "provider.h"

enum { LONG_LINE = 100 << 20, PIECE = 64 << 10, BOMB_MATCHES = 600 * 1000 };

#define STREAM "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n"

static void hang(struct arena *a, struct json_object *reply, struct plan *out)
{
	(void)reply;
	plan_act(a, out, (struct act){ACT_HANG, 0, {NULL, 0}, 0});
}

static void shut(struct arena *a, struct json_object *reply, struct plan *out)
{
	(void)reply;
	plan_act(a, out, (struct act){ACT_CLOSE, 0, {NULL, 0}, 0});
}

static void half_headers(struct arena *a, struct json_object *reply, struct plan *out)
{
	plan_text(a, out, 0, "HTTP/1.1 200 OK\r\ncontent-type: text/e");
	hang(a, reply, out);
}

static void redirect(struct arena *a, struct json_object *reply, struct plan *out)
{
	const char *to = json_get_str(reply, "location");

	plan_text(a, out, 0,
	          arena_printf(a, "HTTP/1.1 302 Found\r\nlocation: %s\r\ncontent-length: 0\r\n\r\n",
	                       to ? to : "http://127.0.0.1:1/"));
	shut(a, reply, out);
}

static void page(struct arena *a, struct json_object *reply, struct plan *out)
{
	plan_text(a, out, 0,
	          "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<p>Hello.</p>");
	shut(a, reply, out);
}

static void garbage(struct arena *a, struct json_object *reply, struct plan *out)
{
	plan_text(a, out, 0, "\x16\x03\x01 this is not HTTP\r\n\r\n");
	shut(a, reply, out);
}

static void wrong_json(struct arena *a, struct json_object *reply, struct plan *out)
{
	plan_text(a, out, 0,
	          "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 22\r\n\r\n"
	          "{\"id\":\"msg_1\",\"type\":}}");
	shut(a, reply, out);
}

static void no_newline(struct arena *a, struct json_object *reply, struct plan *out)
{
	plan_text(a, out, 0,
	          STREAM "\r\ndata: {\"type\":\"message_start\"} data: {\"type\":\"ping\"} data: ");
	shut(a, reply, out);
}

static void long_line(struct arena *a, struct json_object *reply, struct plan *out)
{
	int64_t bytes = json_get_i64(reply, "bytes", LONG_LINE);
	char *piece = arena_alloc(a, PIECE);

	memset(piece, 'x', PIECE);
	plan_text(a, out, 0, STREAM "\r\ndata: \"");
	plan_act(a, out, (struct act){ACT_SEND, 0, {piece, PIECE}, bytes / PIECE});
	shut(a, reply, out);
}

/* Deflate's bits go from the lowest up, those of a code from its highest down. */
struct bits {
	unsigned char *p;
	size_t n; /* bits */
};

static void put_bits(struct bits *b, unsigned value, int count)
{
	for (int i = count - 1; i >= 0; i--, b->n++)
		if (value >> i & 1)
			b->p[b->n / 8] |= (unsigned char)(1 << b->n % 8);
}

/* One block with fixed codes: a letter, and again and again the longest match one back. About 1 MB that says 150. */
static struct str bomb(struct arena *a)
{
	static const unsigned char head[10] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
	size_t size = sizeof(head) + BOMB_MATCHES * 13 / 8 + 16;
	struct bits b = {arena_alloc(a, size), sizeof(head) * 8};

	memcpy(b.p, head, sizeof(head));
	put_bits(&b, 1, 1);          /* the last block */
	put_bits(&b, 2, 2);          /* fixed codes */
	put_bits(&b, 0x30 + 'd', 8); /* the letter */
	for (int i = 0; i < BOMB_MATCHES; i++) {
		put_bits(&b, 0xc5, 8); /* length 258 */
		put_bits(&b, 0, 5);    /* distance 1 */
	}
	put_bits(&b, 0, 7);
	return (struct str){(char *)b.p, b.n / 8 + 9};
}

static void gzip_bomb(struct arena *a, struct json_object *reply, struct plan *out)
{
	plan_text(a, out, 0, STREAM "content-encoding: gzip\r\n\r\n");
	plan_act(a, out, (struct act){ACT_SEND, 0, bomb(a), 0});
	shut(a, reply, out);
}

static const struct {
	const char *word;
	void (*plan)(struct arena *a, struct json_object *reply, struct plan *out);
} instead[] = {
        {"hang", hang},
        {"close", shut},
        {"half_headers", half_headers},
        {"redirect", redirect},
        {"page", page},
        {"garbage", garbage},
        {"wrong_json", wrong_json},
        {"no_newline", no_newline},
        {"long_line", long_line},
        {"gzip_bomb", gzip_bomb},
};

void fault_instead(struct arena *a, struct json_object *reply, const char *fail, struct plan *out)
{
	for (size_t i = 0; i < sizeof(instead) / sizeof(*instead); i++)
		if (strcmp(instead[i].word, fail) == 0)
			instead[i].plan(a, reply, out);
}

/* Behind the text. -------------------------------------------------------------------------------------- */

static void after_error(struct out *o)
{
	o->q->format->failure(o);
	plan_text(o->a, o->plan, 0, "0\r\n\r\n");
}

static void after_hang(struct out *o)
{
	hang(o->a, o->reply, o->plan);
}

static void after_cut(struct out *o)
{
	shut(o->a, o->reply, o->plan);
}

static void after_garbage(struct out *o)
{
	plan_chunk(o->a, o->plan, 0, STR("\x01\x02 no event \xff\n\n"));
	shut(o->a, o->reply, o->plan);
}

static void after_wrong_json(struct out *o)
{
	const char *half = o->q->format->half;

	plan_chunk(o->a, o->plan, 0, str_of(arena_printf(o->a, "%s\n\n", half)));
	shut(o->a, o->reply, o->plan);
}

/* In the middle of a character. */
static void after_half_character(struct out *o)
{
	plan_text(o->a, o->plan, 0, arena_printf(o->a, "400\r\n%s", o->q->format->half));
	shut(o->a, o->reply, o->plan);
}

static const struct {
	const char *word;
	void (*plan)(struct out *o);
} after[] = {
        {"error", after_error},
        {"hang", after_hang},
        {"cut", after_cut},
        {"garbage", after_garbage},
        {"wrong_json", after_wrong_json},
        {"cut_utf8", after_half_character},
};

void fault_after(struct out *o, const char *then)
{
	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++)
		if (strcmp(after[i].word, then) == 0)
			after[i].plan(o);
}

bool fault_is_known(const char *fail, const char *then)
{
	bool known_fail = !fail, known_then = !then;

	for (size_t i = 0; fail && i < sizeof(instead) / sizeof(*instead); i++)
		known_fail |= strcmp(instead[i].word, fail) == 0;
	for (size_t i = 0; then && i < sizeof(after) / sizeof(*after); i++)
		known_then |= strcmp(after[i].word, then) == 0;
	return known_fail && known_then;
}
