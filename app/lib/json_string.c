/* The text of a JSON string, for whoever reads it without a tree. The scanner in json_read.c has seen it before. */
#include <string.h>

#include "lib/arena.h"
#include "lib/json.h"

/* The four digits behind \u at p. */
static unsigned hex4(const char *p)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++)
		value = value * 16 + (unsigned)str_hex_digit(p[i]);
	return value;
}

static bool is_high(unsigned c)
{
	return c >= 0xd800 && c < 0xdc00;
}

static bool is_low(unsigned c)
{
	return c >= 0xdc00 && c < 0xe000;
}

static size_t put_utf8(char *to, unsigned c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (char)(0xe0 | c >> 12);
		to[1] = (char)(0x80 | (c >> 6 & 63));
		to[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	to[0] = (char)(0xf0 | c >> 18);
	to[1] = (char)(0x80 | (c >> 12 & 63));
	to[2] = (char)(0x80 | (c >> 6 & 63));
	to[3] = (char)(0x80 | (c & 63));
	return 4;
}

/* The escape at the start of s, which was scanned, to at most its own length; half a surrogate pair becomes
 * U+FFFD. Returns the bytes it took and moves *to behind those it gave. */
static size_t unescape(struct str s, char **to)
{
	static const char letter[] = "bfnrt", plain[] = "\b\f\n\r\t";
	const char *at = strchr(letter, s.p[1]);
	unsigned c, low;

	if (s.p[1] != 'u') {
		*(*to)++ = at ? plain[at - letter] : s.p[1];
		return 2;
	}
	c = hex4(s.p + 2);
	low = is_high(c) && s.n >= 12 && s.p[6] == '\\' && s.p[7] == 'u' ? hex4(s.p + 8) : 0;
	if (is_low(low)) {
		*to += put_utf8(*to, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
		return 12;
	}
	*to += put_utf8(*to, is_high(c) || is_low(c) ? 0xfffd : c);
	return 6;
}

bool json_pull_str(struct arena *a, struct str raw, struct str *out)
{
	struct str rest;
	char *to, *start;

	if (raw.n < 2 || raw.p[0] != '"')
		return false;
	rest = *out = (struct str){raw.p + 1, raw.n - 2};
	if (!memchr(rest.p, '\\', rest.n))
		return true;
	start = to = arena_alloc(a, rest.n + 1);
	while (rest.n > 0) {
		size_t step = 1;

		if (*rest.p == '\\')
			step = unescape(rest, &to);
		else
			*to++ = *rest.p;
		rest = (struct str){rest.p + step, rest.n - step};
	}
	*out = (struct str){start, (size_t)(to - start)};
	return true;
}
