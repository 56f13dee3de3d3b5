/* An artifact as one page that needs nothing but itself. */
#ifndef WEB_ALONE_PRIV_H
#define WEB_ALONE_PRIV_H

#include "web/artifact_priv.h"

enum { WEB_ALONE_BYTES = 96 << 20 };

/* Its data is read as the person of the request. as: "html" for people to open; "png", "pdf": laid out for that, to be
 * opened by a browser that reaches nothing, because its code then runs in the page itself. Errors: those of
 * artifact_data(); TOO_LARGE. */
MUST_CHECK struct err *web_alone(struct ctx *ctx, const struct http_request *req, const struct artifact_seen *seen,
                                 const char *as, struct buf *out);

#endif
