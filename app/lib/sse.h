/*
 * Server-sent events (WHATWG HTML, section 9.2), both ways. The parser takes bytes in any chunking and
 * calls back once an event; it knows CR, LF and CRLF, comments, a byte order mark, and lines up to its cap.
 */
#ifndef LIB_SSE_H
#define LIB_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/str.h"

struct arena;
struct buf;

struct sse_event {
	struct str event; /* "message" when the stream named none */
	struct str data;  /* lines joined by LF */
	struct str id;    /* last event id */
};

struct sse_parser;

/* A parser in the arena; on_event is called for each whole event; views are valid during the call only. A
 * line or event above cap bytes makes sse_feed() fail. */
struct sse_parser *sse_parser_create(struct arena *a, size_t cap,
                                     struct err *(*on_event)(void *arg, const struct sse_event *), void *arg);

/* Feeds bytes. Errors: TOO_LARGE, or what on_event returned (then feeding stops there). */
MUST_CHECK struct err *sse_feed(struct sse_parser *p, const char *bytes, size_t n);

/* How many whole events and comments there were: signs of life, which single bytes are not. */
unsigned long long sse_signs(const struct sse_parser *p);

/* Appends one event. event and id come from our own enums and counters; id 0 writes none; data is JSON,
 * and goes out on one line however it is written. */
void sse_add(struct buf *b, long long id, const char *event, struct str data);

#endif
