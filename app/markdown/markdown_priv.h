/* Inside markdown/: what is text and what is an address that may be linked. */
#ifndef MARKDOWN_MARKDOWN_PRIV_H
#define MARKDOWN_MARKDOWN_PRIV_H

#include <stdbool.h>

#include "markdown/markdown.h"

/* entity.c: appends the character of an entity ("&#60;", "&lt;") as UTF-8; false if it is not one that we
 * know. */
bool entity_decode(struct str entity, struct buf *out);

/* source.c. A copy with NUL bytes behind it: md4c looks past the end of a text that ends in the address of a link. */
struct str source_padded(struct arena *a, struct str s);
/* Parsing flags: what we render of Markdown, and bare addresses where that does not take long. */
unsigned source_flags(struct str s);
struct err *source_too_large(struct arena *a, const char *why);

/* mark.c: text of the source with spans around what is marked. */
struct marks {
	struct str source;
	const struct markdown_mark *p;
	size_t n;
};
/* marks may be NULL: none. */
void mark_add_text(struct buf *out, const struct marks *marks, struct str text);

/* link.c: whether an address (entities decoded) may be the target of a link: http and https with a host,
 * mailto, or relative to this host; also when it is read with its percent signs decoded. */
bool link_allowed(struct arena *a, struct str address);

/* link.c: appends the address for a quoted attribute: percent-encoded where it must be, then escaped. */
void link_add(struct buf *out, struct str address);

#endif
