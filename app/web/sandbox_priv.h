/* The frame that artifacts run in, for the pages that show one. */
#ifndef WEB_SANDBOX_PRIV_H
#define WEB_SANDBOX_PRIV_H

#include "http/http.h"
#include "lib/ctx.h"
#include "lib/err.h"

/* The frame's document, the same for all artifacts: it holds neither code nor data, which the page around it hands over.
 * ancestors are the sources of the pages that may stand around it, "'self'" or more. */
MUST_CHECK struct err *web_sandbox_send(struct ctx *ctx, struct http_response *res, const char *ancestors);
/* Lets the page show frames of this site, and so no others: also a frame cannot lead itself elsewhere. */
void web_sandbox_allow(struct http_response *res);

#endif
