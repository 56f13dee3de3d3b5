/*
 * A block that is not whole yet, made fit to be looked at: nothing flips from markup to text and back while it is being
 * written. This is about looks alone; whatever comes out is rendered as safely as everything else.
 */
#include <ctype.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "markdown/markdown.h"

enum { OPEN_MOST = 32, FENCE = 3 };

/* An emphasis, or a bracket, that has begun. */
struct open {
	char c;
	size_t n;  /* characters that end it */
	size_t at; /* of what begins it */
};

/* The last lines of inline text. */
struct tail {
	struct str s;
	size_t i;   /* looked at so far */
	size_t end; /* what is behind is left out */
	struct open open[OPEN_MOST];
	size_t n;
	size_t ticks; /* of the code span that is open */
	size_t link;  /* behind the bracket that ends the text of a link whose address is not whole; 0: none */
};

static struct str line_of(struct str *rest)
{
	return str_chop(rest, '\n');
}

static bool only(struct str s, const char *chars)
{
	for (size_t i = 0; i < s.n; i++)
		if (!memchr(chars, s.p[i], strlen(chars)))
			return false;
	return true;
}

static size_t run_at(struct str s, size_t i)
{
	size_t n = i;

	while (n < s.n && s.p[n] == s.p[i])
		n++;
	return n - i;
}

/* Lines -------------------------------------------------------------------------------------------------- */

/* Whether the text ends in an open fence. */
static bool ends_in_fence(struct str text)
{
	char fence = 0;
	size_t length = 0;

	for (struct str rest = text; rest.p;) {
		struct str l = str_trim(line_of(&rest));
		size_t n = l.n && (*l.p == '`' || *l.p == '~') ? run_at(l, 0) : 0;

		if (fence && n >= length && *l.p == fence && n == l.n)
			fence = 0;
		else if (!fence && n >= FENCE && rest.p && !(*l.p == '`' && memchr(l.p + n, '`', l.n - n)))
			fence = *l.p, length = n;
	}
	return fence != 0;
}

static bool begins_fence(struct str line)
{
	line = str_trim(line);
	return line.n >= FENCE && (*line.p == '`' || *line.p == '~') && run_at(line, 0) >= FENCE;
}

/* The last line that has characters but no end, empty when there is none. */
static struct str last_line(struct str text)
{
	const char *end = text.n ? memrchr(text.p, '\n', text.n) : NULL;
	size_t from = end ? (size_t)(end + 1 - text.p) : 0;

	return (struct str){text.p + from, text.n - from};
}

static struct str without_last_line(struct str text)
{
	return (struct str){text.p, text.n - last_line(text).n};
}

/* The lines behind the last blank one. */
static size_t group_start(struct str text)
{
	size_t start = 0;

	for (struct str rest = text; rest.p;) {
		struct str l = line_of(&rest);

		if (!str_trim(l).n && rest.p && str_trim(rest).n)
			start = (size_t)(rest.p - text.p);
	}
	return start;
}

/* A table shows itself with the line below its head. */
static struct str without_table_head(struct str text)
{
	size_t start = group_start(text), lines = 0;
	struct str rest = {text.p + start, text.n - start};

	if (!rest.n || *str_trim(rest).p != '|')
		return text;
	for (size_t i = 0; i < rest.n; i++)
		lines += rest.p[i] == '\n';
	return lines < 2 ? (struct str){text.p, start} : text;
}

/* Where the inline text of the last line, or of the paragraph that it belongs to, begins. */
static size_t tail_start(struct str text)
{
	size_t start = group_start(text);

	for (struct str rest = {text.p + start, text.n - start}; rest.p;) {
		struct str l = str_trim(line_of(&rest));
		size_t mark = 0;

		while (mark < l.n && isdigit((unsigned char)l.p[mark]))
			mark++;
		if (l.n && (*l.p == '#' || *l.p == '>' || *l.p == '|' ||
		            (mark < l.n && mark + 1 < l.n && l.p[mark + 1] == ' ' && strchr(mark ? ".)" : "-+*", l.p[mark]))))
			start = (size_t)(l.p - text.p) + (*l.p == '#' || *l.p == '>' || *l.p == '|' ? 1 : mark + 2);
	}
	if (!start || text.p[start - 1] != '|')
		return start;
	/* The last cell of a table. */
	size_t i = text.n;
	while (text.p[text.n - 1] != '\n' && text.p[i - 1] != '|')
		i--;
	return i;
}

/* Inline text -------------------------------------------------------------------------------------------- */

static void push(struct tail *t, char c, size_t n)
{
	if (t->n < OPEN_MOST)
		t->open[t->n++] = (struct open){c, n, t->i};
}

static void see_code(struct tail *t)
{
	size_t n = run_at(t->s, t->i), i = t->i + n;

	while (i < t->s.n) {
		size_t run = t->s.p[i] == '`' ? run_at(t->s, i) : 0;
		if (run == n) {
			t->i = i + n;
			return;
		}
		i += run ? run : 1;
	}
	/* The end may have begun. */
	while (i > t->i + n && t->s.p[i - 1] == '`')
		i--;
	t->ticks = n;
	t->end = i;
	if (!str_trim((struct str){t->s.p + t->i + n, i - t->i - n}).n) {
		t->ticks = 0;
		t->end = t->i;
	}
	t->i = t->s.n;
}

static bool word_at(struct str s, size_t i)
{
	return i < s.n && (isalnum((unsigned char)s.p[i]) || (s.p[i] & 0x80));
}

static void see_emphasis(struct tail *t)
{
	size_t n = run_at(t->s, t->i), at = t->i, behind = at + n;
	char c = t->s.p[at];
	bool last = behind == t->s.n;
	bool begins = !last && !isspace((unsigned char)t->s.p[behind]) && !(at && word_at(t->s, at - 1));
	bool ends = at && !isspace((unsigned char)t->s.p[at - 1]) && !(c == '_' && word_at(t->s, behind));

	while (ends && n && t->n && t->open[t->n - 1].c == c) {
		struct open *o = &t->open[t->n - 1];
		size_t most = o->n < n ? o->n : n;

		o->n -= most;
		n -= most;
		if (!o->n)
			t->n--;
	}
	if (n && last && t->end > at)
		t->end = behind - n;
	else if (n && begins)
		push(t, c, n);
	t->i = behind;
}

/* The bracket that is open innermost. */
static struct open *bracket(struct tail *t)
{
	for (size_t i = t->n; i; i--)
		if (t->open[i - 1].c == '[')
			return &t->open[i - 1];
	return NULL;
}

static void see_bracket_end(struct tail *t)
{
	struct open *o = bracket(t);
	size_t behind = t->i + 1;
	bool address = behind < t->s.n && t->s.p[behind] == '(';
	const char *end = address ? memchr(t->s.p + behind, ')', t->s.n - behind) : NULL;

	t->i = behind;
	if (!o || (behind < t->s.n && !address) || end) {
		if (o)
			t->n = (size_t)(o - t->open);
		t->i = end ? (size_t)(end + 1 - t->s.p) : behind;
		return;
	}
	t->end = behind - 1;
	t->i = t->s.n;
}

static void see(struct tail *t)
{
	char c = t->s.p[t->i]; /* NOLINT(clang-analyzer-core.NullDereference): i is within it */

	if (c == '\\') {
		if (t->i + 1 == t->s.n)
			t->end = t->i;
		t->i += 2;
	} else if (c == '`') {
		see_code(t);
	} else if (c == '~' && run_at(t->s, t->i) != 2) {
		t->i += run_at(t->s, t->i);
	} else if (c == '*' || c == '_' || c == '~') {
		see_emphasis(t);
	} else if (c == '[' && !(t->i && word_at(t->s, t->i - 1))) {
		push(t, c, 0);
		t->i++;
	} else if (c == ']') {
		see_bracket_end(t);
	} else {
		t->i++;
	}
}

/* Without the brackets of links that are not whole. */
static void put_text(struct buf *b, const struct tail *t)
{
	size_t from = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->open[i].c != '[' || t->open[i].at >= t->end)
			continue;
		size_t at = t->open[i].at, image = at > from && t->s.p[at - 1] == '!';
		buf_add(b, t->s.p + from, at - image - from);
		from = at + 1;
	}
	if (from < t->end)
		buf_add_str(b, (struct str){t->s.p + from, t->end - from});
}

static void put_ends(struct buf *b, const struct tail *t)
{
	bool any = false;

	for (size_t i = 0; i < t->n; i++)
		any = any || t->open[i].n;
	while (any && b->n && !t->ticks && isspace((unsigned char)b->p[b->n - 1]))
		b->n--;
	for (size_t i = 0; i < t->ticks; i++)
		buf_add_char(b, '`');
	for (size_t i = t->n; i; i--)
		for (size_t k = 0; k < t->open[i - 1].n; k++)
			buf_add_char(b, t->open[i - 1].c);
}

struct str markdown_calm(struct arena *a, struct str text)
{
	struct str last = last_line(text);
	struct tail t = {0};

	if (ends_in_fence(text))
		return only(str_trim(last), "`~") ? without_last_line(text) : text;
	if (only(last, "#>-+*_=~`|:0123456789.)[! \t\r") || begins_fence(last))
		text = without_last_line(text);
	text = without_table_head(text);
	if (!text.n)
		return text;
	size_t start = tail_start(text);
	t.s = (struct str){text.p + start, text.n - start};
	t.end = t.s.n;
	while (t.i < t.s.n)
		see(&t);
	struct buf b = buf_init(a, 2 * text.n + (size_t)OPEN_MOST * 8 + 64);
	buf_add(&b, text.p, start);
	put_text(&b, &t);
	put_ends(&b, &t);
	return buf_str(&b);
}
