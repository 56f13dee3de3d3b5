/* What is shown of a text, for whoever looks for something in it: the same parse as the HTML, without any. */
#include <md4c.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "markdown/markdown_priv.h"

struct reader {
	struct arena *a; /* scratch, given back after each piece */
	struct str source;
	void (*piece)(void *arg, const struct markdown_piece *piece);
	void *arg;
	unsigned block; /* MARKDOWN_IN_... of the block */
	unsigned items; /* list items around it */
	unsigned links; /* links and images that we are in */
	unsigned codes;
};

static unsigned where(const struct reader *r)
{
	return r->block | (r->items ? MARKDOWN_IN_ITEM : 0U) | (r->links ? MARKDOWN_IN_LINK : 0U) |
	       (r->codes ? MARKDOWN_IN_CODE : 0U);
}

static int begin(struct reader *r, enum markdown_start start)
{
	r->links = r->codes = 0;
	r->piece(r->arg, &(struct markdown_piece){start, where(r), STR(""), -1});
	return 0;
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct reader *r = arg;

	(void)detail;
	switch (type) {
	case MD_BLOCK_LI: r->items++; return begin(r, MARKDOWN_BLOCK);
	case MD_BLOCK_H: r->block |= MARKDOWN_IN_HEADING; return begin(r, MARKDOWN_BLOCK);
	case MD_BLOCK_CODE: r->block |= MARKDOWN_IN_CODE; return begin(r, MARKDOWN_BLOCK);
	case MD_BLOCK_THEAD: r->block |= MARKDOWN_IN_TABLE_HEAD; return 0;
	case MD_BLOCK_P:
	case MD_BLOCK_TABLE: return begin(r, MARKDOWN_BLOCK);
	case MD_BLOCK_TR: return begin(r, MARKDOWN_ROW);
	case MD_BLOCK_TH:
	case MD_BLOCK_TD: return begin(r, MARKDOWN_CELL);
	default: return 0;
	}
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct reader *r = arg;

	(void)detail;
	if (type == MD_BLOCK_LI && r->items)
		r->items--;
	else if (type == MD_BLOCK_H || type == MD_BLOCK_CODE || type == MD_BLOCK_THEAD)
		r->block = 0;
	/* Text of an item behind a list or a paragraph of its own. */
	return type == MD_BLOCK_UL || type == MD_BLOCK_OL ? begin(r, MARKDOWN_BLOCK) : 0;
}

static int enter_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct reader *r = arg;

	(void)detail;
	r->links += type == MD_SPAN_A || type == MD_SPAN_IMG;
	r->codes += type == MD_SPAN_CODE;
	return 0;
}

static int leave_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct reader *r = arg;

	(void)detail;
	r->links -= r->links && (type == MD_SPAN_A || type == MD_SPAN_IMG);
	r->codes -= r->codes && type == MD_SPAN_CODE;
	return 0;
}

static int text(MD_TEXTTYPE type, const MD_CHAR *p, MD_SIZE n, void *arg)
{
	struct reader *r = arg;
	struct markdown_piece piece = {MARKDOWN_GOES_ON, where(r), {p, n}, -1};
	struct arena_mark mark = arena_mark(r->a);
	struct buf decoded = buf_init(r->a, 16);

	if (type == MD_TEXT_BR || type == MD_TEXT_SOFTBR)
		piece.text = STR(" ");
	else if (type == MD_TEXT_ENTITY && entity_decode(piece.text, &decoded))
		piece.text = buf_str(&decoded);
	else if (p >= r->source.p && p + n <= r->source.p + r->source.n)
		piece.at = p - r->source.p;
	r->piece(r->arg, &piece);
	arena_reset(r->a, mark);
	return 0;
}

struct err *markdown_pieces(struct arena *a, struct str source,
                            void (*piece)(void *arg, const struct markdown_piece *piece), void *arg)
{
	MD_PARSER parser = {0, 0, enter_block, leave_block, enter_span, leave_span, text, NULL, NULL};
	struct arena *own;
	int stopped;

	if (source.n > MARKDOWN_BYTES)
		return source_too_large(a, "It is longer than one megabyte.");
	if (!str_utf8_valid(source))
		return NULL;
	own = arena_create();
	struct reader r = {.a = own, .source = source_padded(own, source), .piece = piece, .arg = arg};
	parser.flags = source_flags(source);
	stopped = md_parse(r.source.p, (MD_SIZE)r.source.n, &parser, &r);
	arena_free(own);
	return stopped ? source_too_large(a, "It cannot be parsed.") : NULL;
}
