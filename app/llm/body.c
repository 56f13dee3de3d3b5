/*
 * Some gateways answer a request for a stream with the whole reply, and not all name their streams as such: the first
 * byte tells which it is.
 */
#include <string.h>

#include "lib/arena.h"
#include "llm/llm_priv.h"

struct llm_body {
	struct llm_stream *s;
	struct sse_parser *events; /* once it is known to be a stream */
	struct buf whole;
	bool is_whole;
};

struct llm_body *llm_body_create(struct llm_stream *s)
{
	struct llm_body *b = ARENA_NEW(s->scratch, struct llm_body);

	*b = (struct llm_body){.s = s, .whole = buf_init(s->scratch, LLM_REPLY_BYTES)};
	return b;
}

static struct err *broken(struct llm_body *b)
{
	b->s->retry = true;
	return llm_refused(b->s, ERR_PROVIDER, "stream_broken", "the model provider's reply broke off", NULL);
}

static struct err *no_stream(struct llm_body *b)
{
	b->s->retry = true;
	return llm_refused(b->s, ERR_PROVIDER, "stream_broken",
	                   "the model provider's reply is not an event stream", NULL);
}

/* By the first byte that is neither white space nor part of a byte order mark. */
static struct err *tell(struct llm_body *b, char first)
{
	if (first == '<')
		return no_stream(b);
	b->is_whole = first == '{' || first == '[';
	if (!b->is_whole)
		b->events = sse_parser_create(b->s->scratch, LLM_EVENT_BYTES, b->s->format->on_event, b->s);
	return NULL;
}

static struct err *too_large(struct llm_body *b)
{
	return llm_refused(b->s, ERR_TOO_LARGE, "reply_too_large", "the reply of the model is too large",
	                   NULL);
}

/* Errors of the parser itself live in scratch and know nothing of providers. */
static struct err *feed_events(struct llm_body *b, const char *bytes, size_t n)
{
	struct err *e = sse_feed(b->events, bytes, n);

	return e && !b->s->theirs ? too_large(b) : e;
}

struct err *llm_body_feed(struct llm_body *b, const char *bytes, size_t n)
{
	size_t i = 0;

	while (!b->events && !b->is_whole && i < n) {
		if (memchr(" \t\r\n\xef\xbb\xbf", bytes[i], 7))
			i++;
		else
			TRY(tell(b, bytes[i]));
	}
	if (b->events)
		return feed_events(b, bytes + i, n - i);
	buf_add(&b->whole, bytes + i, n - i);
	return b->whole.full ? too_large(b) : NULL;
}

unsigned long long llm_body_signs(const struct llm_body *b)
{
	return b->events ? sse_signs(b->events) : 0;
}

static struct err *whole_end(struct llm_body *b)
{
	struct json_object *o = NULL;

	if (llm_json_read(b->s, buf_str(&b->whole), &o))
		return broken(b);
	return b->s->format->whole(b->s, o);
}

/* What was sent of a last event is taken as one if it is: some do not end their last line. */
static struct err *events_end(struct llm_body *b)
{
	if (!b->s->stopped && !b->s->ended && (sse_feed(b->events, "\n\n", 2) || !b->s->stopped))
		return broken(b);
	return NULL;
}

struct err *llm_body_end(struct llm_body *b)
{
	if (b->is_whole)
		return whole_end(b);
	return b->events ? events_end(b) : broken(b);
}
