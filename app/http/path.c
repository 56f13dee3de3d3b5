/*
 * The request path. nginx chooses the pool by its own reading of the path and the router the handler by
 * this one; whatever they could read differently is refused instead of repaired.
 */
#include "http/http_priv.h"
#include "lib/arena.h"

enum { PATH_BYTES = 2048 };

int http_percent_byte(struct str s, size_t i)
{
	int high = i + 2 < s.n ? str_hex_digit(s.p[i + 1]) : -1,
	    low = i + 2 < s.n ? str_hex_digit(s.p[i + 2]) : -1;

	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool is_refused(unsigned char c)
{
	return c < 0x20 || c == 0x7f || c == '\\' || c == ';' || c == '#' || c == '?';
}

/* Decodes into out, which has room; returns the length or -1. */
static ptrdiff_t decode(struct str raw, char *out)
{
	size_t i, n = 0;

	for (i = 0; i < raw.n; i++) {
		int c = (unsigned char)raw.p[i];

		if (c == '%') {
			c = http_percent_byte(raw, i);
			i += 2;
			if (c < 0 || c == '/')
				return -1;
		}
		if (is_refused((unsigned char)c))
			return -1;
		out[n++] = (char)c;
	}
	return (ptrdiff_t)n;
}

/* Empty and dot segments; one slash at the end is only a path that no route has. */
static bool has_odd_segment(struct str path)
{
	struct str rest = {path.p + 1, path.n - 1};

	while (rest.p) {
		struct str segment = str_chop(&rest, '/');

		if (str_is(segment, ".") || str_is(segment, "..") || (segment.n == 0 && rest.p))
			return true;
	}
	return false;
}

struct err *http_path_parse(struct arena *a, struct str target, struct str *out)
{
	struct str raw = str_chop(&target, '?');
	ptrdiff_t n;
	char *path;

	if (raw.n > PATH_BYTES)
		return err_new(a, ERR_INVALID, "the path is too long");
	path = arena_alloc(a, raw.n + 1);
	n = decode(raw, path);
	*out = (struct str){path, n > 0 ? (size_t)n : 0};
	if (n < 1 || path[0] != '/' || !str_utf8_valid(*out) || has_odd_segment(*out))
		return err_new(a, ERR_INVALID, "malformed path");
	return NULL;
}
