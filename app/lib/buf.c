/*
 * The builder grows by doubling, in place while nothing else was allocated after it. An append is all or
 * nothing, so that a full buffer never ends inside an escape.
 */
#include "lib/buf.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"

enum { FIRST_SIZE = 128 };

struct buf buf_init(struct arena *a, size_t cap)
{
	return (struct buf){.cap = cap, .a = a};
}

struct buf buf_on(void *memory, size_t size)
{
	return (struct buf){.p = memory, .size = size, .cap = size - 1};
}

/* Makes room for n bytes and the NUL behind them; false, and full from then on, above the cap. */
static bool reserve(struct buf *b, size_t n)
{
	size_t need, size;

	if (b->full || n > b->cap - b->n) {
		b->full = true;
		return false;
	}
	need = b->n + n + 1;
	if (need <= b->size)
		return true;
	size = b->size ? b->size * 2 : FIRST_SIZE;
	if (size > b->cap + 1)
		size = b->cap + 1;
	if (size < need)
		size = need;
	b->p = arena_grow(b->a, b->p, b->size, size);
	b->size = size;
	return true;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	assert(p || !n);
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_add_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void buf_add_cstr(struct buf *b, const char *s)
{
	if (s)
		buf_add(b, s, strlen(s));
}

void buf_add_char(struct buf *b, char c)
{
	if (b->n + 1 >= b->size || b->full) {
		buf_add(b, &c, 1);
		return;
	}
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

void buf_add_i64(struct buf *b, int64_t v)
{
	buf_printf(b, "%lld", (long long)v);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	size_t room = b->size - b->n;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, again);
	va_end(again);
	assert(n >= 0);
	if (!reserve(b, (size_t)n)) {
		if (room)
			b->p[b->n] = '\0';
		return;
	}
	if ((size_t)n >= room)
		vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	b->n += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

static const char *html_entity(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

void buf_add_html(struct buf *b, struct str s)
{
	size_t i, from = 0;

	for (i = 0; i < s.n; i++) {
		const char *entity = html_entity(s.p[i]);

		if (!entity)
			continue;
		buf_add(b, s.p + from, i - from);
		buf_add_cstr(b, entity);
		from = i + 1;
	}
	if (i > from)
		buf_add(b, s.p + from, i - from);
}

static bool url_unreserved(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~';
}

void buf_add_url(struct buf *b, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (url_unreserved(c))
			buf_add_char(b, (char)c);
		else
			buf_add(b, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
	}
}

/* The escape for the character of `step` bytes at p (0: a byte that is not UTF-8); its length, 0 for none. */
static size_t json_escape(char out[8], const char *p, size_t step)
{
	static const char special[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *at;

	if (step == 0)
		return (size_t)snprintf(out, 8, "\xef\xbf\xbd");
	if (step == 3 && memcmp(p, "\xe2\x80", 2) == 0 && (p[2] == '\xa8' || p[2] == '\xa9'))
		return (size_t)snprintf(out, 8, "\\u202%c", p[2] == '\xa8' ? '8' : '9');
	if (step > 1)
		return 0;
	at = memchr(special, *p, sizeof(special) - 1);
	if (at)
		return (size_t)snprintf(out, 8, "\\%c", letter[at - special]);
	if ((unsigned char)*p >= 0x20 && *p != '<' && *p != '>' && *p != '&')
		return 0;
	return (size_t)snprintf(out, 8, "\\u%04x", (unsigned)(unsigned char)*p);
}

/* Bytes that stand in a JSON string as they are: printable ASCII without what has to be escaped. */
static bool json_plain(unsigned char c)
{
	static const bool special[128] = {
	        ['"'] = true, ['\\'] = true, ['<'] = true, ['>'] = true, ['&'] = true};

	return c >= 0x20 && c < 0x80 && !special[c];
}

void buf_add_json(struct buf *b, struct str s)
{
	size_t i = 0, from = 0;

	buf_add_char(b, '"');
	while (i < s.n) {
		char escape[8];
		size_t step, n;

		if (json_plain((unsigned char)s.p[i])) {
			i++;
			continue;
		}
		step = str_utf8_step((struct str){s.p + i, s.n - i});
		n = json_escape(escape, s.p + i, step);
		if (n) {
			buf_add(b, s.p + from, i - from);
			buf_add(b, escape, n);
			from = i + (step ? step : 1);
		}
		i += step ? step : 1;
	}
	if (i > from)
		buf_add(b, s.p + from, i - from);
	buf_add_char(b, '"');
}

/* Beginnings that spreadsheets pass over, and beginnings of formulas. Excel and Google Sheets strip blanks; what
 * starts with a quote is treated as a formula in some import dialogs; East Asian editions read full-width forms. */
static const char *const csv_passed[] = {" ",        "\v",       "\f",          "'",
                                         "\"",       "\xc2\x85", "\xc2\xa0",    "\xe3\x80\x80",
                                         "\xe2\x80", "\xe2\x81", "\xef\xbb\xbf"};
static const char *const csv_triggers[] = {"=",
                                           "+",
                                           "-",
                                           "@",
                                           "\xef\xbc\x9d",
                                           "\xef\xbc\x8b",
                                           "\xef\xbc\x8d",
                                           "\xef\xbc\xa0",
                                           "\xef\xb9\xa6",
                                           "\xef\xb9\xa2",
                                           "\xef\xb9\xa3",
                                           "\xef\xb9\xab"};

/* The length of the one that s starts with, 0 if it is none of them. */
static size_t starts_with_any(struct str s, const char *const *texts, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (str_starts(s, str_of(texts[i])))
			return strlen(texts[i]);
	return 0;
}

#define STARTS_WITH_ANY(s, texts) starts_with_any(s, texts, sizeof(texts) / sizeof(*(texts)))

static bool csv_is_formula(struct str s)
{
	size_t n;

	if (s.n && isalnum((unsigned char)s.p[0]))
		return false;
	/* The last byte of a general punctuation mark (U+2000 to U+207F) is passed over with its first two. */
	while ((n = STARTS_WITH_ANY(s, csv_passed)) > 0) {
		n += n == 2 && s.p[0] == '\xe2' && s.n > 2;
		s.p += n;
		s.n -= n;
	}
	return s.n && (memchr("\t\r\n", s.p[0], 3) || STARTS_WITH_ANY(s, csv_triggers));
}

/* What a reader that splits at something else than commas would split at is quoted, too; and outer blanks, which
 * many trim. */
static bool csv_needs_quotes(struct str s)
{
	static const bool special[256] = {
	        ['"'] = true, [','] = true, ['\r'] = true, ['\n'] = true, [';'] = true, ['\t'] = true};
	size_t i;

	for (i = 0; i < s.n; i++)
		if (special[(unsigned char)s.p[i]])
			return true;
	return s.n == 0 || s.p[0] == ' ' || s.p[s.n - 1] == ' ';
}

void buf_add_csv(struct buf *b, struct str s, bool is_number)
{
	bool formula = !is_number && csv_is_formula(s), quote = s.p && csv_needs_quotes(s);
	size_t i, from = 0;

	if (!formula && !quote) {
		buf_add(b, s.p, s.n);
		return;
	}
	buf_add_cstr(b, quote ? formula ? "\"'" : "\"" : "'");
	for (i = 0; quote && i < s.n; i++) {
		if (s.p[i] != '"')
			continue;
		buf_add(b, s.p + from, i - from + 1);
		from = i;
	}
	buf_add(b, s.p + from, s.n - from);
	if (quote)
		buf_add_char(b, '"');
}

void buf_add_tsv(struct buf *b, struct str s, bool is_number)
{
	if (!is_number && csv_is_formula(s))
		buf_add_char(b, '\'');
	for (size_t i = 0; i < s.n; i++)
		buf_add_char(b, s.p[i] == '\t' || s.p[i] == '\r' || s.p[i] == '\n' ? ' ' : s.p[i]);
}

struct str buf_str(const struct buf *b)
{
	return (struct str){b->p ? b->p : "", b->n};
}

const char *buf_cstr(const struct buf *b)
{
	return b->p ? b->p : "";
}
