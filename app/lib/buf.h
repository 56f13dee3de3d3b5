/*
 * A string builder in an arena. It is created with its largest size; an append that would pass it
 * appends nothing, sets `full`, and so does every later append: check once, at the end. Appenders that
 * escape carry the output context in their name; nothing else may put foreign text into that context.
 */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/str.h"

struct arena;

/* The caps in use, in bytes. */
enum {
	BUF_LINE = 64 << 10,   /* a log line, a header, an event */
	BUF_PAGE = 8 << 20,    /* a page, a prompt, a request body to a provider */
	BUF_RESULT = 64 << 20, /* an export */
};

struct buf {
	char *p;     /* always NUL-terminated once something was added */
	size_t n;    /* bytes in use, without the NUL */
	size_t size; /* bytes allocated */
	size_t cap;  /* n never passes it */
	bool full;   /* an append was refused: the content is not whole */
	struct arena *a;
};

/* An empty builder; allocates nothing until the first append. */
struct buf buf_init(struct arena *a, size_t cap);

/* The same in memory of the caller's, which is all it ever has: for small things that are made often. */
struct buf buf_on(void *memory, size_t size);

void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_cstr(struct buf *b, const char *s); /* NULL adds nothing */
void buf_add_char(struct buf *b, char c);
void buf_add_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Text into HTML, in element content and in quoted attributes: & < > " ' as entities. */
void buf_add_html(struct buf *b, struct str s);

/* Percent-encodes all but RFC 3986 unreserved bytes. */
void buf_add_url(struct buf *b, struct str s);

/* A JSON string with its quotes (RFC 8259). Bytes that are not UTF-8 become U+FFFD; < > & U+2028 U+2029
 * are written as \uXXXX, so that the text is also safe inside a script element and an event stream. */
void buf_add_json(struct buf *b, struct str s);

/* A CSV field (RFC 4180), quoted where a reader could need it; null (s.p NULL) is nothing, an empty text "". Text
 * that a spreadsheet would run as a formula gets a ' in front unless is_number: = + - @ or their full-width
 * forms behind any blanks and quotes, and TAB CR LF. Taking one ' off where that leaves such a text restores it. */
void buf_add_csv(struct buf *b, struct str s, bool is_number);
/* A field between tabs, as spreadsheets paste it: tabs and line ends become blanks, formulas are disarmed as above. */
void buf_add_tsv(struct buf *b, struct str s, bool is_number);

/* What has been built, as a view and as a C string; both live as long as the arena and are invalid
 * after the next append. */
struct str buf_str(const struct buf *b);
const char *buf_cstr(const struct buf *b);

#endif
