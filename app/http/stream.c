/*
 * Event streams. Each event is one record to nginx and leaves at once. What an event needs is given back
 * after it was sent, so that a stream of hours stays as small as it began.
 */
#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/sse.h"

struct http_stream {
	struct http_fcgi *f;
	struct arena *a;
};

enum { EVENT_BYTES = 16 << 20 };

struct http_stream *http_stream_start(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct http_stream *s = ARENA_NEW(ctx->a, struct http_stream);

	*s = (struct http_stream){req->f, ctx->a};
	http_type(res, "text/event-stream");
	http_set_header(res, "X-Accel-Buffering", "no");
	res->streams = true;
	(void)http_fcgi_write(s->f, http_response_head(res, ctx->request_id, -1), STR(""), req->head);
	if (req->head)
		s->f->gone = true;
	return s;
}

bool http_stream_event(struct http_stream *s, int64_t id, const char *event, struct str json)
{
	struct arena_mark mark = arena_mark(s->a);
	struct buf b = buf_init(s->a, EVENT_BYTES);
	bool ok = false;

	if (!s->f->gone) {
		sse_add(&b, id, event, json);
		if (b.full)
			s->f->gone = true;
		ok = !b.full && http_fcgi_write(s->f, buf_str(&b), STR(""), false);
	}
	arena_reset(s->a, mark);
	return ok;
}

bool http_stream_heartbeat(struct http_stream *s)
{
	return http_fcgi_write(s->f, STR(":\n\n"), STR(""), false);
}

bool http_stream_gone(const struct http_stream *s)
{
	return http_fcgi_hung_up(s->f);
}
