/* HTTP/1.1 with a Content-Length, as far as a model's clients speak it. */
#include "provider.h"

enum { HEAD_BYTES = 32 << 10, BODY_BYTES = 16 << 20 };

static const struct {
	struct str name;
	size_t offset;
} headers[] = {
        {STR("x-api-key"), offsetof(struct http_in, key)},
        {STR("api-key"), offsetof(struct http_in, key)},
        {STR("authorization"), offsetof(struct http_in, bearer)},
        {STR("anthropic-version"), offsetof(struct http_in, version)},
        {STR("content-type"), offsetof(struct http_in, type)},
};

static bool header_read(struct str line, struct http_in *out, int64_t *length)
{
	struct str name = str_chop(&line, ':'), value = str_trim(line);

	if (str_eq_nocase(name, STR("content-length")))
		return str_to_i64(value, length) && *length >= 0 && *length <= BODY_BYTES;
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
		if (str_eq_nocase(name, headers[i].name))
			*(struct str *)((char *)out + headers[i].offset) = value;
	return true;
}

int http_parse(struct str bytes, struct http_in *out)
{
	ptrdiff_t end = str_find(bytes, STR("\r\n\r\n"));
	struct str head, line;
	int64_t length = 0;

	*out = (struct http_in){0};
	if (bytes.n && (*bytes.p < 'A' || *bytes.p > 'Z'))
		return -1;
	if (end < 0)
		return bytes.n > HEAD_BYTES ? -1 : 0;
	head = (struct str){bytes.p, (size_t)end};
	line = str_chop(&head, '\n');
	out->method = str_chop(&line, ' ');
	out->path = str_chop(&line, ' ');
	if (!str_starts(line, STR("HTTP/1.")))
		return -1;
	while (head.p)
		if (!header_read(str_trim(str_chop(&head, '\n')), out, &length))
			return -1;
	if (str_starts(out->bearer, STR("Bearer ")))
		out->bearer = (struct str){out->bearer.p + 7, out->bearer.n - 7};
	out->total = (size_t)end + 4 + (size_t)length;
	out->body = (struct str){bytes.p + end + 4, (size_t)length};
	return bytes.n >= out->total;
}
