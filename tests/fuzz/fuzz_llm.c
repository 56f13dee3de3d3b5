/* An answer of a model's provider, in either format: the same whole or byte by byte, and what is passed on is text. The
 * first byte tells the format. */
#include <assert.h>

#include "lib/arena.h"
#include "llm/llm_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct heard {
	struct buf text, thinking;
};

static void on_text(void *arg, struct str delta)
{
	buf_add_str(&((struct heard *)arg)->text, delta);
}

static void on_thinking(void *arg, struct str delta)
{
	buf_add_str(&((struct heard *)arg)->thinking, delta);
}

struct run {
	struct heard heard;
	struct llm_reply *reply;
	struct err *e;
};

static struct run run(struct arena *a, const struct llm_format *format, struct str bytes, size_t step)
{
	static const struct llm_request req = {.provider = {"", "", "key", "m"}};
	struct run r = {.heard = {buf_init(a, BUF_PAGE), buf_init(a, BUF_PAGE)}};
	struct llm_sink sink = {.text = on_text, .arg = &r.heard, .thinking = on_thinking};
	struct llm_stream s = {
	        .a = a, .scratch = arena_create(), .req = &req, .sink = &sink, .format = format};
	struct llm_body *body = llm_body_create(&s);

	for (size_t i = 0; i < bytes.n && !r.e; i += step)
		r.e = llm_body_feed(body, bytes.p + i, step < bytes.n - i ? step : bytes.n - i);
	if (!r.e)
		r.e = llm_body_end(body);
	assert(!r.e || (*r.e->message && s.theirs));
	arena_free(s.scratch);
	r.reply = llm_reply_of(&s);
	return r;
}

static void is_text(struct str s)
{
	assert(str_utf8_valid(s) && !str_has_nul(s));
}

static void same_block(const struct llm_block *x, const struct llm_block *y)
{
	assert(x->kind == y->kind && str_eq(x->text, y->text) && str_eq(x->input, y->input));
	assert(str_eq(x->signature, y->signature) && str_eq(str_of(x->id), str_of(y->id)));
	is_text(x->text);
	is_text(x->input);
	is_text(x->signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_create();
	const struct llm_format *format = n && *data % 2 ? &llm_openai : &llm_anthropic;
	struct str bytes = n ? (struct str){(const char *)data + 1, n - 1} : STR("");
	struct run x = run(a, format, bytes, bytes.n + 1), y = run(a, format, bytes, 1);

	assert(!x.e == !y.e && x.reply->nblocks == y.reply->nblocks && x.reply->stop == y.reply->stop);
	assert(str_eq(buf_str(&x.heard.text), buf_str(&y.heard.text)));
	assert(str_eq(buf_str(&x.heard.thinking), buf_str(&y.heard.thinking)));
	is_text(buf_str(&x.heard.text));
	is_text(buf_str(&x.heard.thinking));
	for (size_t i = 0; i < x.reply->nblocks; i++)
		same_block(&x.reply->blocks[i], &y.reply->blocks[i]);
	arena_free(a);
	return 0;
}
