/* A strict reader of the HTML that markdown_html() may write: what it does not know, it refuses. */
#ifndef SAFE_HTML_H
#define SAFE_HTML_H

#include "lib/str.h"

/* NULL if every tag and attribute is of the closed list, tags are balanced, all text is escaped and every
 * link is http, https, mailto or relative; else what is wrong, with the place in the text at *at. */
const char *safe_html_check(struct str html, size_t *at);

#endif
