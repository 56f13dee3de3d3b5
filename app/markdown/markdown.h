/*
 * Markdown made safe: CommonMark with tables, strikethrough, task lists and bare web addresses through
 * md4c, with raw HTML shown as text. Pure. Links keep only http, https and mailto (and relative ones to
 * this host), and get rel="noopener noreferrer nofollow"; images are never loaded: they become a link that
 * shows their full address. Tags are always balanced. Of the examples of CommonMark 0.31 all but those with
 * raw HTML, images or other schemes render as there (tests/unit/markdown/spec.c).
 */
#ifndef MARKDOWN_MARKDOWN_H
#define MARKDOWN_MARKDOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/str.h"

struct arena;
struct buf;

enum { MARKDOWN_BYTES = 1 << 20 };

/* Appends the HTML of the text; bytes that are not UTF-8 become U+FFFD. Time grows with the length,
 * whatever the text. Errors: TOO_LARGE (text above MARKDOWN_BYTES, out full, or long addresses referred to
 * too often); then what was appended is not whole. */
MUST_CHECK struct err *markdown_html(struct arena *a, struct str text, struct buf *out);

/* A stretch of the text (bytes) that gets a span around it wherever it is shown as plain text: not in code, links and images.
 * The class and the names of the data-attributes are ours (a-z and blanks); all else is escaped. */
struct markdown_datum {
	const char *name; /* "run" becomes data-run */
	const char *value;
};
enum markdown_stop { MARKDOWN_NO_FOCUS, MARKDOWN_STOP, MARKDOWN_FOCUS }; /* the keyboard stops there; it can get there */
struct markdown_mark {
	size_t at;
	size_t n;
	const char *class;
	enum markdown_stop stop;
	const char *title; /* on hover, or NULL */
	const char *aside; /* behind it, for those who do not see how it looks, or NULL */
	const struct markdown_datum *data;
	size_t ndata;
};
/* As markdown_html(), with marks, which are in order and do not overlap. A text that is not UTF-8 is shown without. */
MUST_CHECK struct err *markdown_html_marked(struct arena *a, struct str text,
                                            const struct markdown_mark *marks, size_t nmarks,
                                            struct buf *out);

/* What is shown of a text, without markup, piece by piece in order. A piece is a stretch of the source, or a blank for the
 * end of a line; the first one of each block is empty and says what begins. */
enum markdown_start { MARKDOWN_GOES_ON, MARKDOWN_BLOCK, MARKDOWN_ROW, MARKDOWN_CELL };
enum {
	MARKDOWN_IN_CODE = 1,
	MARKDOWN_IN_LINK = 2,
	MARKDOWN_IN_HEADING = 4,
	MARKDOWN_IN_TABLE_HEAD = 8,
	MARKDOWN_IN_ITEM = 16
};
struct markdown_piece {
	enum markdown_start start;
	unsigned in; /* MARKDOWN_IN_... */
	struct str text;
	ptrdiff_t at; /* in the source, -1 for what does not stand there */
};
/* Errors: TOO_LARGE. Nothing comes of a text that is not UTF-8. */
MUST_CHECK struct err *markdown_pieces(struct arena *a, struct str text,
                                       void (*piece)(void *arg, const struct markdown_piece *piece),
                                       void *arg);

/* A text that still grows, block by block: how far it was looked at. Zeroed for the beginning. */
struct markdown_scan {
	size_t at;
	bool begun;        /* the block has a line that is not blank */
	bool blank;        /* the last line was */
	bool code;         /* the last line but blank ones is indented like code */
	bool alone;        /* whatever comes next begins another block */
	size_t list;       /* columns before the text of the list's last item; 0: no list */
	size_t fence_n;    /* of the fence that is open; 0: none */
	size_t fence_list; /* list of the item that it is in; 0: it is in none */
	char fence;
};

/* Bytes of the first block at the top level once that is whole: what follows it does not change how it is rendered, but for
 * addresses that are defined later. 0: not yet. text begins with the block, and only grows between the calls;
 * after a block the scan is zeroed for what is behind it. Looks at each line once. */
size_t markdown_block(struct markdown_scan *s, struct str text);

/* A block under way as it is shown meanwhile, in the arena: what has begun and is not at its end (emphasis, code, a link) is
 * ended, and a last line that may still become something else (a list, a table, a heading) is left out. */
struct str markdown_calm(struct arena *a, struct str block);

#endif
