/* Downloads: bodies that go out as they come about, and that nobody takes for whole when they are not. */
#include <ctype.h>

#include "http/http_priv.h"
#include "lib/arena.h"

void http_set_attachment(struct http_response *res, struct str name)
{
	struct buf b = buf_init(res->a, BUF_LINE);
	struct buf plain = buf_init(res->a, BUF_LINE), whole = buf_init(res->a, BUF_LINE);

	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		bool safe = isalnum(c) || c == '-' || c == '.' || c == '_';

		if ((c & 0xc0) != 0x80)
			buf_add_char(&plain, safe ? (char)c : '_');
		if (safe || c >= 0x80)
			buf_add_url(&whole, (struct str){name.p + i, 1});
		else
			buf_add_char(&whole, '_');
	}
	buf_printf(&b, "attachment; filename=\"%s\"", buf_cstr(&plain));
	if (!str_eq(buf_str(&plain), buf_str(&whole)))
		buf_printf(&b, "; filename*=UTF-8''%s", buf_cstr(&whole));
	http_set_header(res, "Content-Disposition", buf_cstr(&b));
}

bool http_download(struct ctx *ctx, struct http_request *req, struct http_response *res, struct str part)
{
	struct str head = {NULL, 0};

	if (!res->streams) {
		res->streams = res->must_be_whole = true;
		head = http_response_head(res, ctx->request_id, -1);
	}
	if (req->head) {
		(void)http_fcgi_write(req->f, head, STR(""), true);
		req->f->gone = true;
	}
	return http_fcgi_write(req->f, head, part, false);
}
