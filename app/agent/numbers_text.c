/* An answer as it is read: its text without markup, block by block, and the way back to the source. */
#include "agent/numbers_priv.h"
#include "lib/buf.h"
#include "markdown/markdown.h"

struct builder {
	struct arena *a;
	struct numbers_text *t;
	struct buf flat;
	ptrdiff_t head;
	ptrdiff_t above;
};

static struct numbers_block *last_block(const struct builder *b)
{
	return b->t->blocks.n ? (struct numbers_block *)b->t->blocks.p + b->t->blocks.n - 1 : NULL;
}

static void begin(struct builder *b, const struct markdown_piece *piece)
{
	struct numbers_block *block;
	ptrdiff_t i = (ptrdiff_t)b->t->blocks.n;

	buf_add_char(&b->flat, '\n');
	block = agent_list_add(b->a, &b->t->blocks, sizeof(*block));
	*block = (struct numbers_block){.at = b->flat.n,
	                                .in = piece->in,
	                                .row = piece->start == MARKDOWN_ROW,
	                                .head = NUMBERS_NONE,
	                                .above = b->above};
	if (piece->in & MARKDOWN_IN_HEADING)
		b->above = i;
	if (!block->row)
		b->head = NUMBERS_NONE;
	else if (piece->in & MARKDOWN_IN_TABLE_HEAD)
		b->head = i;
	else
		block->head = b->head;
}

static void take(void *arg, const struct markdown_piece *piece)
{
	struct builder *b = arg;
	struct numbers_block *block;

	if (piece->start == MARKDOWN_BLOCK || piece->start == MARKDOWN_ROW) {
		begin(b, piece);
		return;
	}
	block = last_block(b);
	if (!block || (block->in & MARKDOWN_IN_CODE))
		return;
	if (piece->start == MARKDOWN_CELL)
		buf_add_char(&b->flat, '\t');
	if (piece->text.n)
		*(struct numbers_span *)agent_list_add(b->a, &b->t->spans, sizeof(struct numbers_span)) =
		        (struct numbers_span){b->flat.n, piece->text.n, piece->at, piece->in};
	buf_add_str(&b->flat, piece->text);
	block->n = b->flat.n - block->at;
}

struct err *numbers_text_of(struct arena *a, struct str markdown, struct numbers_text *out)
{
	struct builder b = {
	        .a = a, .t = out, .flat = buf_init(a, BUF_PAGE), .head = NUMBERS_NONE, .above = NUMBERS_NONE};

	*out = (struct numbers_text){0};
	TRY(markdown_pieces(a, markdown, take, &b));
	out->flat = buf_str(&b.flat);
	if (b.flat.full)
		out->blocks.n = 0;
	return NULL;
}

/* The first span that ends behind the place. */
static size_t span_at(const struct numbers_text *t, size_t at)
{
	const struct numbers_span *spans = t->spans.p;
	size_t low = 0, high = t->spans.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (spans[middle].at + spans[middle].n <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool numbers_text_source(const struct numbers_text *t, size_t at, size_t n, size_t *source, size_t *source_n)
{
	const struct numbers_span *spans = t->spans.p;
	size_t begin = 0, end = 0;
	bool any = false;

	for (size_t i = span_at(t, at); i < t->spans.n && spans[i].at < at + n; i++) {
		const struct numbers_span *s = &spans[i];
		size_t from = at > s->at ? at - s->at : 0, to = at + n < s->at + s->n ? at + n - s->at : s->n;

		if (s->in & (MARKDOWN_IN_CODE | MARKDOWN_IN_LINK))
			return false;
		if (s->source < 0)
			continue;
		if (!any)
			begin = (size_t)s->source + from;
		end = (size_t)s->source + to;
		any = true;
	}
	*source = begin;
	*source_n = end - begin;
	return any && end > begin;
}
