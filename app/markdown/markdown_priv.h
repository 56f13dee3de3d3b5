/* Inside markdown/: what is text and what is an address that may be linked. */
#ifndef MARKDOWN_MARKDOWN_PRIV_H
#define MARKDOWN_MARKDOWN_PRIV_H

#include <stdbool.h>

#include "markdown/markdown.h"

/* entity.c: appends the character of an entity ("&#60;", "&lt;") as UTF-8; false if it is not one that we
 * know. */
bool entity_decode(struct str entity, struct buf *out);

/* link.c: whether an address (entities decoded) may be the target of a link: http and https with a host,
 * mailto, or relative to this host; also when it is read with its percent signs decoded. */
bool link_allowed(struct arena *a, struct str address);

/* link.c: appends the address for a quoted attribute: percent-encoded where it must be, then escaped. */
void link_add(struct buf *out, struct str address);

#endif
