/*
 * The Cookie header (RFC 6265, section 4.2). A browser never sends one name twice for the prefixes that
 * bind a cookie to this host, so a second one was planted and the request is refused rather than guessed
 * at.
 */
#include "http/http_priv.h"

static struct str next_cookie(struct str *header, struct str *name)
{
	struct str value = str_trim(str_chop(header, ';'));

	*name = str_chop(&value, '=');
	return value;
}

struct str http_cookie_find(struct str header, struct str name)
{
	while (header.p) {
		struct str found, value = next_cookie(&header, &found);

		if (str_eq(found, name))
			return value;
	}
	return (struct str){NULL, 0};
}

static bool is_bound(struct str name)
{
	return str_starts(name, STR("__Host-")) || str_starts(name, STR("__Secure-"));
}

struct err *http_cookie_check(struct arena *a, struct str header)
{
	while (header.p) {
		struct str name, again;

		next_cookie(&header, &name);
		if (!is_bound(name))
			continue;
		for (struct str rest = header; rest.p;) {
			next_cookie(&rest, &again);
			if (str_eq(name, again))
				return err_hint(err_new(a, ERR_INVALID, "a cookie was sent twice"),
				                "Remove the cookies of this site and sign in again.");
		}
	}
	return NULL;
}
