/* The events are the same, whole or byte by byte. */
#include <assert.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct err *record(void *arg, const struct sse_event *e)
{
	buf_add_json(arg, e->event);
	buf_add_json(arg, e->data);
	buf_add_json(arg, e->id);
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_create();
	struct buf whole = buf_init(a, BUF_PAGE), bytes = buf_init(a, BUF_PAGE);
	struct sse_parser *p = sse_parser_create(a, 64, record, &whole),
	                  *q = sse_parser_create(a, 64, record, &bytes);
	struct err *failed = sse_feed(p, (const char *)data, n), *late = NULL;
	size_t i;

	for (i = 0; i < n && !late; i++)
		late = sse_feed(q, (const char *)data + i, 1);
	assert(!failed == !late && str_eq(buf_str(&whole), buf_str(&bytes)));
	arena_free(a);
	return 0;
}
