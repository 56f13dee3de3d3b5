/*
 * Rendering: md4c parses and calls back, this writes. Every byte of the text goes through an escaping
 * appender; tags come from the tables below and from link_write(), so that no others can appear.
 *
 * An image becomes its description with its address behind it, linked where a link may be. Inside the
 * description there are no tags.
 */
#include "markdown/markdown.h"

#include <md4c.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "markdown/markdown_priv.h"

enum {
	ADDRESS_BYTES = 8 << 10,    /* the longest address that is linked or shown */
	ATTRIBUTES_BYTES = 8 << 20, /* all attributes: a reference can be used many times */
};

struct writer {
	struct arena *a; /* scratch, given back after each callback */
	struct arena_mark start;
	struct buf *out;
	struct marks marks;
	size_t begin;        /* of what we write, in out */
	unsigned images;     /* nested images that we are in; their descriptions have no tags */
	bool linked;         /* in a link */
	bool image_linked;   /* and the outermost image opened it */
	unsigned char *open; /* the spans whose tags are open, outer first */
	size_t nopen;
	size_t most_open;  /* as many as the text has bytes; a span has one that opens it */
	size_t attributes; /* bytes of attributes so far */
};

static const struct {
	const char *open, *close;
} blocks[] = {
        [MD_BLOCK_DOC] = {"", ""},
        [MD_BLOCK_QUOTE] = {"<blockquote>\n", "</blockquote>\n"},
        [MD_BLOCK_UL] = {"<ul>\n", "</ul>\n"},
        [MD_BLOCK_OL] = {"<ol", "</ol>\n"},
        [MD_BLOCK_LI] = {"<li", "</li>\n"},
        [MD_BLOCK_HR] = {"<hr />\n", ""},
        [MD_BLOCK_H] = {"<h", "</h"},
        [MD_BLOCK_CODE] = {"<pre><code", "</code></pre>\n"},
        [MD_BLOCK_HTML] = {"", ""},
        [MD_BLOCK_P] = {"<p>", "</p>\n"},
        [MD_BLOCK_TABLE] = {"<table>\n", "</table>\n"},
        [MD_BLOCK_THEAD] = {"<thead>\n", "</thead>\n"},
        [MD_BLOCK_TBODY] = {"<tbody>\n", "</tbody>\n"},
        [MD_BLOCK_TR] = {"<tr>\n", "</tr>\n"},
        [MD_BLOCK_TH] = {"<th", "</th>\n"},
        [MD_BLOCK_TD] = {"<td", "</td>\n"},
};

static const struct {
	const char *open, *close;
} spans[] = {
        [MD_SPAN_EM] = {"<em>", "</em>"},
        [MD_SPAN_STRONG] = {"<strong>", "</strong>"},
        [MD_SPAN_CODE] = {"<code>", "</code>"},
        [MD_SPAN_DEL] = {"<del>", "</del>"},
        [MD_SPAN_A] = {"", "</a>"},
        [MD_SPAN_U] = {"", ""},
};

static void write_entity(struct writer *w, struct str entity)
{
	struct buf decoded = buf_init(w->a, 16);

	if (entity_decode(entity, &decoded)) {
		buf_add_html(w->out, buf_str(&decoded));
		return;
	}
	for (size_t i = 1; i + 1 < entity.n; i++) {
		char c = entity.p[i];

		if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))) {
			buf_add_html(w->out, entity);
			return;
		}
	}
	buf_add_str(w->out, entity);
}

static void write_text(struct writer *w, MD_TEXTTYPE type, struct str text)
{
	switch (type) {
	case MD_TEXT_NULLCHAR: buf_add_cstr(w->out, "\ufffd"); break;
	case MD_TEXT_BR: buf_add_cstr(w->out, w->images ? " " : "<br />\n"); break;
	case MD_TEXT_SOFTBR: buf_add_cstr(w->out, w->images ? " " : "\n"); break;
	case MD_TEXT_ENTITY: write_entity(w, text); break;
	case MD_TEXT_NORMAL: mark_add_text(w->out, w->images || w->linked ? NULL : &w->marks, text); break;
	default: buf_add_html(w->out, text);
	}
}

/* An attribute with its entities decoded; *whole is false if it is larger than we accept. */
static struct str attribute(struct writer *w, const MD_ATTRIBUTE *attr, bool *whole)
{
	struct buf b = buf_init(w->a, ADDRESS_BYTES);

	w->attributes += attr->size;
	for (size_t i = 0; attr->text && attr->substr_offsets[i] < attr->size; i++) {
		MD_OFFSET from = attr->substr_offsets[i];
		struct str part = {attr->text + from, attr->substr_offsets[i + 1] - from};

		if (attr->substr_types[i] == MD_TEXT_NULLCHAR)
			buf_add_cstr(&b, "\ufffd");
		else if (attr->substr_types[i] != MD_TEXT_ENTITY || !entity_decode(part, &b))
			buf_add_str(&b, part);
	}
	*whole = !b.full;
	return buf_str(&b);
}

/* False, and nothing written, when the address is not one to link to. */
static bool link_write(struct writer *w, const MD_ATTRIBUTE *href, const MD_ATTRIBUTE *title)
{
	bool whole;
	struct str address = str_trim(attribute(w, href, &whole));

	if (!whole || !link_allowed(w->a, address))
		return false;
	buf_add_cstr(w->out, "<a href=\"");
	link_add(w->out, address);
	buf_add_cstr(w->out, "\"");
	if (title->text) {
		buf_add_cstr(w->out, " title=\"");
		buf_add_html(w->out, attribute(w, title, &whole));
		buf_add_cstr(w->out, "\"");
	}
	buf_add_cstr(w->out, " rel=\"noopener noreferrer nofollow\">");
	return true;
}

static void span_open(struct writer *w, MD_SPANTYPE type)
{
	if (w->nopen == w->most_open)
		return;
	w->open[w->nopen++] = (unsigned char)type;
	buf_add_cstr(w->out, spans[type].open);
}

static void spans_close(struct writer *w, size_t down_to)
{
	while (w->nopen > down_to)
		buf_add_cstr(w->out, spans[w->open[--w->nopen]].close);
}

/* md4c sometimes ends spans in another order than they began, or not at all; what we write is balanced. */
static void span_close(struct writer *w, MD_SPANTYPE type)
{
	size_t i = w->nopen;

	while (i > 0 && w->open[i - 1] != type)
		i--;
	if (i > 0)
		spans_close(w, i - 1);
	w->linked = w->linked && memchr(w->open, MD_SPAN_A, w->nopen);
}

static void link_enter(struct writer *w, const MD_ATTRIBUTE *href, const MD_ATTRIBUTE *title)
{
	if (w->linked || !link_write(w, href, title))
		return;
	span_open(w, MD_SPAN_A);
	w->linked = true;
}

static void image_enter(struct writer *w, const MD_SPAN_IMG_DETAIL *image)
{
	bool linked = w->linked;

	if (w->images++)
		return;
	link_enter(w, &image->src, &image->title);
	w->image_linked = w->linked && !linked;
}

static void image_leave(struct writer *w, const MD_SPAN_IMG_DETAIL *image)
{
	bool whole;
	struct str address;

	if (!w->images || --w->images)
		return;
	address = attribute(w, &image->src, &whole);
	buf_add_cstr(w->out, " (");
	buf_add_html(w->out, whole ? address : STR("its address is too long to show"));
	buf_add_cstr(w->out, ")");
	if (w->image_linked)
		span_close(w, MD_SPAN_A);
}

/* The language of a code block as a class that highlighters know: only a-z 0-9 _ + - of it. */
static void write_language(struct writer *w, const MD_ATTRIBUTE *lang)
{
	bool whole;
	struct str name = attribute(w, lang, &whole);
	bool any = false;

	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] | 0x20) : name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '+' && c != '-')
			continue;
		buf_add_cstr(w->out, any ? "" : " class=\"language-");
		buf_add_char(w->out, c);
		any = true;
	}
	buf_add_cstr(w->out, any ? "\">" : ">");
}

static void write_item(struct writer *w, const MD_BLOCK_LI_DETAIL *item)
{
	if (!item->is_task)
		buf_add_cstr(w->out, ">");
	else if (item->task_mark == ' ')
		buf_add_cstr(w->out, " class=\"task\"><input type=\"checkbox\" disabled />");
	else
		buf_add_cstr(w->out, " class=\"task\"><input type=\"checkbox\" disabled checked />");
}

/* Spans do not go from block to block. */
static void end_spans(struct writer *w)
{
	spans_close(w, 0);
	w->images = 0;
	w->linked = false;
}

/* Ends each callback; md4c stops when it is not 0. */
static int done(struct writer *w)
{
	arena_reset(w->a, w->start);
	return w->out->full || w->attributes > ATTRIBUTES_BYTES;
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	static const char *const align[] = {">", " align=\"left\">", " align=\"center\">",
	                                    " align=\"right\">"};
	struct writer *w = arg;

	end_spans(w);
	if (w->out->n > w->begin && w->out->p[w->out->n - 1] != '\n')
		buf_add_char(w->out, '\n');
	buf_add_cstr(w->out, blocks[type].open);
	if (type == MD_BLOCK_OL) {
		unsigned start = ((const MD_BLOCK_OL_DETAIL *)detail)->start;

		if (start != 1)
			buf_printf(w->out, " start=\"%u\"", start);
		buf_add_cstr(w->out, ">\n");
	} else if (type == MD_BLOCK_LI) {
		write_item(w, detail);
	} else if (type == MD_BLOCK_H) {
		buf_printf(w->out, "%u>", ((const MD_BLOCK_H_DETAIL *)detail)->level);
	} else if (type == MD_BLOCK_CODE) {
		write_language(w, &((const MD_BLOCK_CODE_DETAIL *)detail)->lang);
	} else if (type == MD_BLOCK_TH || type == MD_BLOCK_TD) {
		buf_add_cstr(w->out, align[((const MD_BLOCK_TD_DETAIL *)detail)->align]);
	}
	return done(w);
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct writer *w = arg;

	end_spans(w);
	buf_add_cstr(w->out, blocks[type].close);
	if (type == MD_BLOCK_H)
		buf_printf(w->out, "%u>\n", ((const MD_BLOCK_H_DETAIL *)detail)->level);
	return done(w);
}

static int enter_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct writer *w = arg;

	if (type == MD_SPAN_IMG) {
		image_enter(w, detail);
	} else if (w->images) {
		return 0;
	} else if (type == MD_SPAN_A) {
		const MD_SPAN_A_DETAIL *link = detail;

		link_enter(w, &link->href, &link->title);
	} else {
		span_open(w, type);
	}
	return done(w);
}

static int leave_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct writer *w = arg;

	if (type == MD_SPAN_IMG)
		image_leave(w, detail);
	else if (!w->images)
		span_close(w, type);
	return done(w);
}

static int text(MD_TEXTTYPE type, const MD_CHAR *p, MD_SIZE n, void *arg)
{
	struct writer *w = arg;

	write_text(w, type, (struct str){p, n});
	return done(w);
}

/* The text with U+FFFD for each byte that is not UTF-8. */
static struct str repaired(struct arena *a, struct str s)
{
	struct buf b = buf_init(a, 3 * (size_t)MARKDOWN_BYTES);
	size_t n;

	if (str_utf8_valid(s))
		return s;
	for (size_t i = 0; i < s.n; i += n) {
		for (n = 1; n < 4 && i + n < s.n && ((unsigned char)s.p[i + n] & 0xc0) == 0x80; n++)
			continue;
		if (str_utf8_valid((struct str){s.p + i, n})) {
			buf_add(&b, s.p + i, n);
			continue;
		}
		buf_add_cstr(&b, "\ufffd");
		n = 1;
	}
	return buf_str(&b);
}

struct err *markdown_html_marked(struct arena *a, struct str source, const struct markdown_mark *marks,
                                 size_t nmarks, struct buf *out)
{
	MD_PARSER parser = {0, 0, enter_block, leave_block, enter_span, leave_span, text, NULL, NULL};
	struct writer w = {.out = out, .begin = out->n};
	bool valid = str_utf8_valid(source);
	int stopped;

	if (source.n > MARKDOWN_BYTES)
		return source_too_large(a, "It is longer than one megabyte.");
	w.a = arena_create();
	source = source_padded(w.a, repaired(w.a, source));
	w.marks = (struct marks){source, marks, valid ? nmarks : 0};
	parser.flags = source_flags(source);
	w.most_open = source.n + 1;
	w.open = arena_alloc(w.a, w.most_open);
	w.start = arena_mark(w.a);
	stopped = md_parse(source.p, (MD_SIZE)source.n, &parser, &w);
	arena_free(w.a);
	if (stopped || out->full)
		return source_too_large(a, "The result would be too long.");
	return NULL;
}

struct err *markdown_html(struct arena *a, struct str source, struct buf *out)
{
	return markdown_html_marked(a, source, NULL, 0, out);
}
