#include "play.h"

#include <string.h>

#include "lib/arena.h"
#include "unit.h"

static void on_text(void *arg, struct str delta)
{
	struct llm_play *p = arg;

	p->deltas++;
	buf_add_str(&p->text, delta);
}

static void on_thinking(void *arg, struct str delta)
{
	struct llm_play *p = arg;

	buf_add_str(&p->thinking, delta);
}

/* Where the piece that begins at i ends. */
static size_t piece_end(struct str bytes, size_t i, enum llm_chunking chunking, uint32_t *seed)
{
	const char *line;
	size_t n;

	switch (chunking) {
	case LLM_PLAY_LINES:
		line = memchr(bytes.p + i, '\n', bytes.n - i);
		return line ? (size_t)(line - bytes.p) + 1 : bytes.n;
	case LLM_PLAY_BYTES: return i + 1;
	case LLM_PLAY_RANDOM:
		*seed = *seed * 1664525 + 1013904223;
		n = 1 + (*seed >> 16) % ((*seed >> 8) % 4 ? 40 : 3000);
		return n < bytes.n - i ? i + n : bytes.n;
	default: return bytes.n;
	}
}

static struct err *feed(struct llm_body *b, struct str bytes, enum llm_chunking chunking)
{
	uint32_t seed = (uint32_t)bytes.n;
	struct err *e = NULL;

	for (size_t i = 0, end; i < bytes.n && !e; i = end) {
		/* A copy of just this piece: whoever reads past it is caught. */
		char *piece;

		end = piece_end(bytes, i, chunking, &seed);
		piece = test_malloc(end - i);
		memcpy(piece, bytes.p + i, end - i);
		e = llm_body_feed(b, piece, end - i);
		test_free(piece);
	}
	return e ? e : llm_body_end(b);
}

struct llm_play *llm_play(struct arena *a, const char *format, struct str bytes, enum llm_chunking chunking)
{
	static const struct llm_request req = {.provider = {"", "http://x", "sk-secret", "m"}};
	struct llm_play *p = ARENA_NEW(a, struct llm_play);
	struct llm_sink *sink = ARENA_NEW(a, struct llm_sink);

	p->text = p->thinking = buf_init(a, 2 * LLM_REPLY_BYTES);
	p->s = ARENA_NEW(a, struct llm_stream);
	*sink = (struct llm_sink){.text = on_text, .arg = p, .thinking = on_thinking};
	*p->s = (struct llm_stream){.a = a,
	                            .scratch = arena_create(),
	                            .req = &req,
	                            .sink = sink,
	                            .format = strcmp(format, "openai") == 0 ? &llm_openai : &llm_anthropic,
	                            .stop = LLM_STOP_OTHER};
	p->e = feed(llm_body_create(p->s), bytes, chunking);
	arena_free(p->s->scratch);
	p->s->scratch = NULL;
	p->reply = llm_reply_of(p->s);
	return p;
}

struct str llm_lines(struct arena *a, const char *lines)
{
	struct str rest = str_of(lines);
	struct buf b = buf_init(a, 64 << 20);

	while (rest.n) {
		struct str line = str_chop(&rest, '\n');

		buf_add_cstr(&b, "data: ");
		for (size_t i = 0; i < line.n; i++)
			buf_add_char(&b, line.p[i] == '\'' ? '"' : line.p[i]);
		buf_add_cstr(&b, "\n\n");
	}
	return buf_str(&b);
}

static const struct llm_dress dresses[] = {
        {"as it is", "\n", "", ""},
        {"CRLF", "\r\n", "", ""},
        {"CR", "\r", "", ""},
        {"byte order mark", "\n", "\xef\xbb\xbf", ""},
        {"comments", "\n", ": hello\n\n", ": still here\n\n"},
        {"pings", "\n", "", "event: ping\ndata: {\"type\": \"ping\"}\n\nevent: ping\n\n"},
        {"unknown events", "\n", "",
         "event: brand_new\ndata: {\"type\":\"brand_new\",\"x\":[1,{\"y\":null}]}\n\n"},
        {"ids", "\n", "retry: 10\n\n", "id: 7\nretry: 99\n\n"},
};

const struct llm_dress *llm_dress(size_t i)
{
	return i < sizeof(dresses) / sizeof(*dresses) ? &dresses[i] : NULL;
}

struct str llm_dressed(struct arena *a, struct str bytes, const struct llm_dress *dress)
{
	struct buf b = buf_init(a, 64 << 20), ended = buf_init(a, 64 << 20);

	buf_add_cstr(&b, dress->first);
	for (size_t i = 0; i < bytes.n; i++) {
		if (bytes.p[i] == '\r' && i + 1 < bytes.n && bytes.p[i + 1] == '\n')
			continue;
		buf_add_char(&b, bytes.p[i]);
		if (bytes.p[i] == '\n' && str_ends(buf_str(&b), STR("\n\n")))
			buf_add_cstr(&b, dress->between);
	}
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] == '\n')
			buf_add_cstr(&ended, dress->line_end);
		else
			buf_add_char(&ended, b.p[i]);
	}
	return buf_str(&ended);
}
