/*
 * Markdown made safe: CommonMark with tables, strikethrough, task lists and bare web addresses through
 * md4c, with raw HTML shown as text. Pure. Links keep only http, https and mailto (and relative ones to
 * this host), and get rel="noopener noreferrer nofollow"; images are never loaded: they become a link that
 * shows their full address. Tags are always balanced. Of the examples of CommonMark 0.31 all but those with
 * raw HTML, images or other schemes render as there (tests/unit/markdown/spec.c).
 */
#ifndef MARKDOWN_MARKDOWN_H
#define MARKDOWN_MARKDOWN_H

#include "lib/err.h"
#include "lib/str.h"

struct arena;
struct buf;

enum { MARKDOWN_BYTES = 1 << 20 };

/* Appends the HTML of the text; bytes that are not UTF-8 become U+FFFD. Time grows with the length,
 * whatever the text. Errors: TOO_LARGE (text above MARKDOWN_BYTES, out full, or long addresses referred to
 * too often); then what was appended is not whole. */
MUST_CHECK struct err *markdown_html(struct arena *a, struct str text, struct buf *out);

#endif
