/*
 * Where the first block of a text that still grows ends. The lines are looked at once each; a line that has begun decides as
 * soon as its first characters do. In doubt nothing is cut: two blocks in one are rendered right, a block in
 * two is not.
 */
#include <string.h>

#include "markdown/markdown.h"

enum { TAB = 4, CODE_INDENT = 4, FENCE = 3, MARKER_DIGITS = 9 };

/* A line without its end; whole: the end has come. */
struct line {
	struct str text;
	size_t indent; /* in columns */
	bool blank;
	bool whole;
};

static struct line line_at(struct str text, size_t at)
{
	struct str rest = {text.p + at, text.n - at};
	const char *end = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
	struct line l = {.text = {rest.p, end ? (size_t)(end - rest.p) : rest.n}, .whole = end != NULL};
	size_t i = 0;

	for (; i < l.text.n && (l.text.p[i] == ' ' || l.text.p[i] == '\t'); i++)
		l.indent += l.text.p[i] == '\t' ? TAB - l.indent % TAB : 1;
	l.blank = i == l.text.n || l.text.p[i] == '\r';
	l.text = (struct str){l.text.p + i, l.text.n - i};
	return l;
}

static size_t run_of(struct str s, char c)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == c)
		n++;
	return n;
}

/* The length of the fence that the line opens, 0 for none. */
static size_t fence_opened(const struct line *l)
{
	char c = l->text.n ? *l->text.p : 0;
	size_t n = c == '`' || c == '~' ? run_of(l->text, c) : 0;

	if (n < FENCE || (c == '`' && memchr(l->text.p + n, '`', l->text.n - n)))
		return 0;
	return n;
}

static bool fence_closed(const struct markdown_scan *s, const struct line *l)
{
	size_t n = run_of(l->text, s->fence);

	return l->indent < s->fence_list + CODE_INDENT && n >= s->fence_n &&
	       !str_trim((struct str){l->text.p + n, l->text.n - n}).n;
}

/* Columns of a list item's marker with the blanks behind it, 0 if the line begins none. *open: it may become one. */
static size_t marker(const struct line *l, bool *open)
{
	size_t n = 0;

	while (n < l->text.n && n < MARKER_DIGITS && l->text.p[n] >= '0' && l->text.p[n] <= '9')
		n++;
	*open = !l->whole && n == l->text.n;
	if (*open || !memchr(n ? ".)" : "-+*", l->text.p[n], n ? 2 : 3))
		return 0;
	n++;
	*open = !l->whole && n == l->text.n;
	if (*open || (n < l->text.n && !strchr(" \t\r", l->text.p[n])))
		return 0;
	size_t blanks = run_of((struct str){l->text.p + n, l->text.n - n}, ' ');
	return n + (blanks >= 1 && blanks <= TAB && n + blanks < l->text.n ? blanks : 1);
}

static bool heading(const struct line *l)
{
	size_t n = run_of(l->text, '#');

	return n >= 1 && n <= 6 && (n == l->text.n || l->text.p[n] == ' ' || l->text.p[n] == '\t');
}

enum verdict { GOES_ON, BEGINS, LATER };

/* A line behind a blank one. */
static enum verdict after_blank(struct markdown_scan *s, const struct line *l)
{
	bool open;

	if (!s->list)
		return s->code && l->indent >= CODE_INDENT ? GOES_ON : BEGINS;
	if (l->indent >= s->list)
		return GOES_ON;
	size_t n = l->indent < CODE_INDENT ? marker(l, &open) : 0;
	if (n)
		s->list = l->indent + n;
	else if (l->indent < CODE_INDENT && open)
		return LATER;
	return n ? GOES_ON : BEGINS;
}

/* A whole line right behind another one: only what interrupts a paragraph begins a block. A list may begin in this one. */
static enum verdict after_line(struct markdown_scan *s, const struct line *l)
{
	bool open;

	if (l->indent >= (s->list ? s->list : CODE_INDENT))
		return GOES_ON;
	size_t n = l->indent < CODE_INDENT ? marker(l, &open) : 0;
	if (n) {
		s->list = l->indent + n;
		return GOES_ON;
	}
	return l->indent < CODE_INDENT && (fence_opened(l) || heading(l)) ? BEGINS : GOES_ON;
}

/* The first line says what the block is. */
static void begin(struct markdown_scan *s, const struct line *l)
{
	bool open;
	size_t n = l->indent < CODE_INDENT ? marker(l, &open) : 0;

	s->begun = true;
	s->list = n ? l->indent + n : 0;
	s->alone = l->indent < CODE_INDENT && heading(l);
}

static void open_fence(struct markdown_scan *s, const struct line *l)
{
	if (!l->blank && (l->indent < CODE_INDENT || s->list))
		s->fence_n = fence_opened(l);
	s->fence = s->fence_n ? *l->text.p : 0;
	s->fence_list = s->fence_n && s->list && l->indent >= s->list ? s->list : 0;
}

/* In a fence. False when the line is no more of it: a list item has ended, and the fence with it. */
static bool in_fence(struct markdown_scan *s, const struct line *l)
{
	if (s->fence_n && !l->blank && l->indent < s->fence_list)
		s->fence_n = 0;
	if (!s->fence_n)
		return false;
	if (!l->whole)
		return true;
	s->blank = l->blank;
	if (fence_closed(s, l)) {
		s->fence_n = 0;
		s->alone = !s->list;
	}
	return true;
}

/* One line: GOES_ON takes it into the block. */
static enum verdict look(struct markdown_scan *s, const struct line *l)
{
	enum verdict v = GOES_ON;

	if (in_fence(s, l))
		return l->whole ? GOES_ON : LATER;
	if (l->blank && !l->whole)
		return LATER;
	if (l->blank) {
		s->blank = s->begun;
		return GOES_ON;
	}
	if (s->begun && s->alone)
		return BEGINS;
	if (s->begun && (s->blank || l->whole))
		v = s->blank ? after_blank(s, l) : after_line(s, l);
	if (v != GOES_ON)
		return v;
	if (!l->whole)
		return LATER;
	if (!s->begun)
		begin(s, l);
	s->blank = false;
	s->code = l->indent >= CODE_INDENT;
	open_fence(s, l);
	return GOES_ON;
}

size_t markdown_block(struct markdown_scan *s, struct str text)
{
	while (s->at < text.n) {
		struct line l = line_at(text, s->at);
		enum verdict v = look(s, &l);

		if (v == BEGINS) {
			size_t end = s->at;
			*s = (struct markdown_scan){0};
			return end;
		}
		if (v == LATER)
			return 0;
		s->at = (size_t)(l.text.p - text.p) + l.text.n + 1;
	}
	return 0;
}
