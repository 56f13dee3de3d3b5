/* The text as md4c gets it. */
#include <md4c.h>
#include <string.h>

#include "lib/arena.h"
#include "markdown/markdown_priv.h"

enum {
	FLAGS = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS,
	FLAGS_BARE_LINKS = MD_FLAG_PERMISSIVEURLAUTOLINKS | MD_FLAG_PERMISSIVEWWWAUTOLINKS,
	PADDING = 16,
	BARE_LINKS_COST = 1 << 29,
};

struct str source_padded(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + PADDING);

	if (s.n)
		memcpy(p, s.p, s.n);
	return (struct str){p, s.n};
}

/* md4c looks at the rest of a paragraph for each address that stands bare in it. Where that would take
 * long, such addresses are left as text. */
unsigned source_flags(struct str s)
{
	static const struct str marks[] = {{"://", 3}, {"www.", 4}};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		struct str rest = s;
		ptrdiff_t at;

		for (; (at = str_find(rest, marks[i])) >= 0; n++)
			rest = (struct str){rest.p + at + marks[i].n, rest.n - (size_t)at - marks[i].n};
	}
	return n * s.n > BARE_LINKS_COST ? FLAGS : FLAGS | FLAGS_BARE_LINKS;
}

struct err *source_too_large(struct arena *a, const char *why)
{
	return err_detail(err_new(a, ERR_TOO_LARGE, "the text cannot be shown as Markdown"), "%s", why);
}
