/*
 * Addresses. A browser drops control characters and white space from an address before it reads the scheme,
 * and takes a backslash for a slash; so an address is judged with and without the former, and the latter
 * may not begin one. It is judged again with percent signs decoded, for whoever decodes it once too often
 * behind us.
 */
#include <ctype.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "markdown/markdown_priv.h"

enum { DECODE_ROUNDS = 3 };

/* Without ASCII control characters and white space. */
static struct str squeezed(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > ' ' && s.p[i] != 0x7f)
			p[n++] = s.p[i];
	return (struct str){p, n};
}

static struct str percent_decoded(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		int high = i + 2 < s.n ? str_hex_digit(s.p[i + 1]) : -1;
		int low = i + 2 < s.n ? str_hex_digit(s.p[i + 2]) : -1;
		bool coded = s.p[i] == '%' && high >= 0 && low >= 0;

		p[n++] = coded ? (char)(high << 4 | low) : s.p[i];
		i += coded ? 2 : 0;
	}
	return (struct str){p, n};
}

static bool has_host(struct str rest)
{
	return rest.n > 2 && rest.p[0] == '/' && rest.p[1] == '/' && rest.p[2] != '/' && rest.p[2] != '\\';
}

static bool scheme_allowed(struct str address)
{
	size_t n = 0;
	struct str scheme, rest;

	while (n < address.n && !strchr(":/?#", address.p[n]))
		n++;
	if (n == address.n || address.p[n] != ':')
		return !(address.n && address.p[0] == '\\') &&
		       !(address.n > 1 && address.p[0] == '/' &&
		         (address.p[1] == '/' || address.p[1] == '\\'));
	scheme = (struct str){address.p, n};
	rest = (struct str){address.p + n + 1, address.n - n - 1};
	if (str_eq_nocase(scheme, STR("mailto")))
		return true;
	return (str_eq_nocase(scheme, STR("http")) || str_eq_nocase(scheme, STR("https"))) && has_host(rest);
}

bool link_allowed(struct arena *a, struct str address)
{
	struct str s = squeezed(a, address);
	bool allowed = scheme_allowed(address) && scheme_allowed(s);

	for (int round = 0; round < DECODE_ROUNDS && allowed; round++) {
		struct str decoded = percent_decoded(a, s);

		if (decoded.n == s.n)
			break;
		s = squeezed(a, decoded);
		allowed = scheme_allowed(s);
	}
	return allowed;
}

void link_add(struct buf *out, struct str address)
{
	static const char plain[] = "-_.+!*'(),%#@?=;:/&$~";

	for (size_t i = 0; i < address.n; i++) {
		unsigned char c = (unsigned char)address.p[i];

		if (isalnum(c) || (c && strchr(plain, c)))
			buf_add_html(out, (struct str){&address.p[i], 1});
		else
			buf_printf(out, "%%%02X", c);
	}
}
