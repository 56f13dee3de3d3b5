/* String views. Nothing here allocates but the functions that take an arena. */
#include "lib/str.h"

#include <string.h>

#include "lib/arena.h"

struct str str_of(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}

char *str_dup(struct arena *a, struct str s)
{
	return arena_strndup(a, s.p, s.n);
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	size_t i;

	if (a.n != b.n)
		return false;
	for (i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool str_is(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq((struct str){s.p, prefix.n}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	if (suffix.n == 0)
		return true;
	return s.n >= suffix.n && str_eq((struct str){s.p + (s.n - suffix.n), suffix.n}, suffix);
}

bool str_has_nul(struct str s)
{
	return s.n && memchr(s.p, '\0', s.n);
}

ptrdiff_t str_find(struct str s, struct str needle)
{
	const char *at;

	if (needle.n == 0)
		return 0;
	if (s.n < needle.n)
		return -1;
	at = memmem(s.p, s.n, needle.p, needle.n);
	return at ? at - s.p : -1;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.n && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_chop(struct str *rest, char sep)
{
	struct str head = *rest;
	const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;

	if (!at) {
		*rest = (struct str){NULL, 0};
		return head;
	}
	head.n = (size_t)(at - head.p);
	rest->p += head.n + 1;
	rest->n -= head.n + 1;
	return head;
}

/* Counts downwards, where there is room for INT64_MIN. */
bool str_to_i64(struct str s, int64_t *out)
{
	bool minus = s.n && s.p[0] == '-';
	int64_t v = 0;
	size_t i;

	if (s.n == (size_t)minus)
		return false;
	for (i = minus; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s.p[i] - '0', &v))
			return false;
	}
	if (!minus && v == INT64_MIN)
		return false;
	*out = minus ? v : -v;
	return true;
}

int str_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The rows of table 3-7: first bytes, number of bytes, range of the second byte. */
static const struct {
	unsigned char first, last, len, low, high;
} utf8_rows[] = {
        {0x00, 0x7f, 1, 0, 0},       {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
        {0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
        {0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

size_t str_utf8_step(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t row, i;

	if (s.n == 0)
		return 0;
	for (row = 0; row < sizeof(utf8_rows) / sizeof(*utf8_rows); row++)
		if (p[0] >= utf8_rows[row].first && p[0] <= utf8_rows[row].last)
			break;
	if (row == sizeof(utf8_rows) / sizeof(*utf8_rows) || s.n < utf8_rows[row].len)
		return 0;
	if (utf8_rows[row].len > 1 && (p[1] < utf8_rows[row].low || p[1] > utf8_rows[row].high))
		return 0;
	for (i = 2; i < utf8_rows[row].len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return utf8_rows[row].len;
}

/* Bytes of ASCII at the start of s, eight at a time where that many are left. */
static size_t ascii_run(struct str s)
{
	size_t i = 0;
	uint64_t word;

	for (; i + sizeof(word) <= s.n; i += sizeof(word)) {
		memcpy(&word, s.p + i, sizeof(word));
		if (word & 0x8080808080808080u)
			break;
	}
	while (i < s.n && !((unsigned char)s.p[i] & 0x80))
		i++;
	return i;
}

bool str_utf8_valid(struct str s)
{
	while (s.n) {
		size_t step = ascii_run(s);

		if (!step)
			step = str_utf8_step(s);

		if (!step)
			return false;
		s.p += step;
		s.n -= step;
	}
	return true;
}

/* Goes back over at most three continuation bytes: more of them are not UTF-8 anyway. */
struct str str_utf8_cut(struct str s, size_t max)
{
	size_t n = max;

	if (s.n <= max)
		return s;
	while (n && max - n < 3 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return (struct str){s.p, n};
}

size_t str_utf8_count(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

char *str_utf8_clean(struct arena *a, struct str s)
{
	char *copy = str_dup(a, s);

	for (size_t i = str_utf8_valid(s) ? s.n : 0; i < s.n;) {
		size_t step = str_utf8_step((struct str){copy + i, s.n - i});

		if (!step)
			copy[i] = '?';
		i += step ? step : 1;
	}
	return copy;
}

char *str_lower(struct arena *a, struct str s)
{
	char *copy = str_dup(a, s);
	size_t i;

	for (i = 0; i < s.n; i++)
		copy[i] = lower(copy[i]);
	return copy;
}
