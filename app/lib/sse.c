/*
 * The parser collects a line, then acts on its field; a blank line ends an event. One thing differs from the
 * standard: an event that has a name but no data is reported too, because providers send such pings.
 */
#include "lib/sse.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"

struct sse_parser {
	struct arena *a;
	struct err *(*on_event)(void *arg, const struct sse_event *);
	void *arg;
	struct buf line, event, data, id;
	bool after_cr; /* the next LF belongs to the CR before it */
	bool started;  /* the first line, where a byte order mark may stand, is over */
	bool has_data;
	unsigned long long signs;
};

struct sse_parser *sse_parser_create(struct arena *a, size_t cap,
                                     struct err *(*on_event)(void *arg, const struct sse_event *), void *arg)
{
	struct sse_parser *p = ARENA_NEW(a, struct sse_parser);
	struct buf empty = buf_init(a, cap);

	*p = (struct sse_parser){.a = a,
	                         .on_event = on_event,
	                         .arg = arg,
	                         .line = empty,
	                         .event = empty,
	                         .data = empty,
	                         .id = empty};
	return p;
}

static void set(struct buf *b, struct str s)
{
	b->n = 0;
	buf_add_str(b, s);
}

static struct err *dispatch(struct sse_parser *p)
{
	struct sse_event e = {.event = buf_str(&p->event), .data = buf_str(&p->data), .id = buf_str(&p->id)};
	bool complete = p->has_data || e.event.n;

	if (e.event.n == 0)
		e.event = STR("message");
	p->has_data = false;
	p->event.n = p->data.n = 0;
	p->signs += complete;
	return complete ? p->on_event(p->arg, &e) : NULL;
}

/* Comments (an empty name), retry and unknown fields have no effect. */
static void take_field(struct sse_parser *p, struct str name, struct str value)
{
	if (str_is(name, "data")) {
		if (p->has_data)
			buf_add_char(&p->data, '\n');
		buf_add_str(&p->data, value);
		p->has_data = true;
	} else if (str_is(name, "event")) {
		set(&p->event, value);
	} else if (str_is(name, "id") && !str_has_nul(value)) {
		set(&p->id, value);
	}
}

static struct err *too_large(struct sse_parser *p)
{
	return err_new(p->a, ERR_TOO_LARGE,
	               "cannot read an event stream with more than %zu bytes in an event", p->line.cap);
}

static struct err *take_line(struct sse_parser *p, struct str value)
{
	struct str name;

	if (!p->started && str_starts(value, STR("\xef\xbb\xbf"))) {
		value.p += 3;
		value.n -= 3;
	}
	p->started = true;
	if (value.n == 0)
		return dispatch(p);
	name = str_chop(&value, ':');
	p->signs += name.n == 0;
	if (value.n && value.p[0] == ' ') {
		value.p++;
		value.n--;
	}
	take_field(p, name, value);
	return p->data.full ? too_large(p) : NULL;
}

static size_t line_length(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n && p[i] != '\n' && p[i] != '\r'; i++)
		;
	return i;
}

/* The line that ends here: what was kept of it, or where it stands when none was. */
static struct err *end_line(struct sse_parser *p, struct str last)
{
	struct str whole = last;

	if (p->line.n) {
		buf_add_str(&p->line, last);
		whole = buf_str(&p->line);
	}
	if (p->line.full || last.n > p->line.cap)
		return too_large(p);
	p->line.n = 0;
	return take_line(p, whole);
}

struct err *sse_feed(struct sse_parser *p, const char *bytes, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t len;

		if (p->after_cr && bytes[i] == '\n')
			i++;
		p->after_cr = false;
		len = line_length(bytes + i, n - i);
		if (i + len == n) {
			buf_add(&p->line, bytes + i, len);
			return p->line.full ? too_large(p) : NULL;
		}
		p->after_cr = bytes[i + len] == '\r';
		TRY(end_line(p, (struct str){bytes + i, len}));
		i += len + 1;
	}
	return NULL;
}

unsigned long long sse_signs(const struct sse_parser *p)
{
	return p->signs;
}

static bool ends_line(char c)
{
	return c == '\n' || c == '\r' || c == '\0';
}

/* JSON that came from elsewhere may be spread over lines. Outside of its strings a line's end means as much as a blank,
 * and inside it cannot stand. */
static void add_on_one_line(struct buf *b, struct str data)
{
	size_t from = b->n;

	buf_add_str(b, data);
	for (size_t i = from; i < b->n; i++)
		if (ends_line(b->p[i]))
			b->p[i] = ' ';
}

void sse_add(struct buf *b, long long id, const char *event, struct str data)
{
	assert(!strpbrk(event, "\r\n"));
	if (id)
		buf_printf(b, "id: %lld\n", id);
	buf_add_cstr(b, "event: ");
	buf_add_cstr(b, event);
	buf_add_cstr(b, "\ndata: ");
	add_on_one_line(b, data);
	buf_add_cstr(b, "\n\n");
}
