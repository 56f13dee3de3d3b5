/* The address of a call, from what people write as a provider's address. */
#include <ctype.h>
#include <string.h>

#include "lib/arena.h"
#include "llm/llm_priv.h"

/* Where the path begins: behind "https://host". */
static size_t path_at(struct str base)
{
	ptrdiff_t scheme = str_find(base, STR("://"));
	size_t i = scheme < 0 ? 0 : (size_t)scheme + 3;

	while (i < base.n && base.p[i] != '/')
		i++;
	return i;
}

/* "/v1", "/v1beta" at the end. */
static bool ends_in_version(struct str base)
{
	size_t i = base.n;

	while (i > 0 && base.p[i - 1] != '/')
		i--;
	return base.n - i >= 2 && i > path_at(base) && base.p[i] == 'v' &&
	       isdigit((unsigned char)base.p[i + 1]);
}

char *llm_address(struct arena *a, const char *base, const char *path, bool versioned)
{
	struct str query = str_trim(str_of(base)), head;
	const char *version = "";

	head = str_chop(&query, '?');
	while (str_ends(head, STR("/")))
		head.n--;
	if (str_ends(head, str_of(path)))
		path = "";
	else if ((versioned || path_at(head) == head.n) && !ends_in_version(head))
		version = "/v1";
	return arena_printf(a, "%.*s%s%s%s%.*s", STR_ARG(head), version, path, query.p ? "?" : "",
	                    STR_ARG(query));
}

bool llm_host_is(const char *address, const char *domain)
{
	struct str s = str_of(address), host, want = str_of(domain);
	ptrdiff_t scheme = str_find(s, STR("://"));
	char before;

	if (scheme < 0)
		return false;
	host = (struct str){s.p + scheme + 3, path_at(s) - (size_t)scheme - 3};
	host = str_chop(&host, '?');
	host = str_chop(&host, ':');
	if (host.n < want.n || !str_eq_nocase((struct str){host.p + host.n - want.n, want.n}, want))
		return false;
	before = host.n > want.n ? host.p[host.n - want.n - 1] : '.';
	return before == '.';
}
