/*
 * Spans around marked stretches of text. A mark that markup cuts in two becomes two spans, so that tags
 * stay balanced.
 */
#include "lib/buf.h"
#include "markdown/markdown_priv.h"

/* The first mark that ends behind the place. */
static size_t first_behind(const struct marks *m, size_t at)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (m->p[middle].at + m->p[middle].n <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add_attribute(struct buf *out, const char *prefix, const char *name, const char *value)
{
	buf_printf(out, " %s%s=\"", prefix, name);
	buf_add_html(out, str_of(value));
	buf_add_char(out, '"');
}

static void add_span(struct buf *out, const struct markdown_mark *m, struct str text, bool last)
{
	buf_printf(out, "<span class=\"%s\"", m->class);
	for (size_t i = 0; i < m->ndata; i++)
		add_attribute(out, "data-", m->data[i].name, m->data[i].value);
	if (m->stop)
		buf_printf(out, " tabindex=\"%d\"", m->stop == MARKDOWN_STOP ? 0 : -1);
	if (m->title)
		add_attribute(out, "", "title", m->title);
	buf_add_char(out, '>');
	buf_add_html(out, text);
	if (m->aside && last) {
		buf_add_cstr(out, "<span class=\"visually-hidden\"> ");
		buf_add_html(out, str_of(m->aside));
		buf_add_cstr(out, "</span>");
	}
	buf_add_cstr(out, "</span>");
}

static bool within(struct str text, struct str source)
{
	return text.p >= source.p && text.p + text.n <= source.p + source.n;
}

void mark_add_text(struct buf *out, const struct marks *marks, struct str text)
{
	if (!marks || !marks->n || !within(text, marks->source)) {
		buf_add_html(out, text);
		return;
	}
	size_t at = (size_t)(text.p - marks->source.p), end = at + text.n;
	const char *source = marks->source.p;

	for (size_t i = first_behind(marks, at); i < marks->n && marks->p[i].at < end; i++) {
		const struct markdown_mark *m = &marks->p[i];
		size_t begin = m->at > at ? m->at : at, stop = m->at + m->n < end ? m->at + m->n : end;

		buf_add_html(out, (struct str){source + at, begin - at});
		add_span(out, m, (struct str){source + begin, stop - begin}, stop == m->at + m->n);
		at = stop;
	}
	buf_add_html(out, (struct str){source + at, end - at});
}
