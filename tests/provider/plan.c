/* What goes over the wire, and when: a list of acts. */
#include <stdio.h>

#include "lib/arena.h"
#include "provider.h"

void plan_act(struct arena *a, struct plan *p, struct act step)
{
	if (p->n == p->room) {
		p->acts = arena_grow(a, p->acts, p->room * sizeof(*p->acts),
		                     (p->room * 2 + 8) * sizeof(*p->acts));
		p->room = p->room * 2 + 8;
	}
	p->acts[p->n++] = step;
}

void plan_text(struct arena *a, struct plan *p, int64_t delay_ns, const char *text)
{
	plan_act(a, p, (struct act){ACT_SEND, delay_ns, str_of(text), 0});
}

void plan_chunk(struct arena *a, struct plan *p, int64_t delay_ns, struct str data)
{
	plan_text(a, p, delay_ns, arena_printf(a, "%zx\r\n%.*s\r\n", data.n, STR_ARG(data)));
}

void plan_json(struct arena *a, struct plan *p, int status, const char *headers, const struct buf *body)
{
	plan_text(a, p, 0,
	          arena_printf(a,
	                       "HTTP/1.1 %d %s\r\ncontent-type: application/json\r\n"
	                       "content-length: %zu\r\nrequest-id: req_scripted\r\n%s\r\n%s",
	                       status, status == 200 ? "OK" : "Error", body->n, headers, buf_cstr(body)));
}

void plan_refusal(struct arena *a, const struct format *format, const struct refused *r, const char *headers,
                  struct plan *out)
{
	struct buf b = format->error(a, r);

	plan_json(a, out, r->status, headers, &b);
}

size_t plan_bench_delta(const struct format *format, char *out, size_t size, int64_t now_ns)
{
	char event[400];
	int n = snprintf(event, sizeof(event), "%s%lld%s", format->bench[0], (long long)now_ns,
	                 format->bench[1]);

	return (size_t)snprintf(out, size, "%x\r\n%s\r\n", (unsigned)n, event);
}
