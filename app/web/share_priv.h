/* Between the pages of links. */
#ifndef WEB_SHARE_PRIV_H
#define WEB_SHARE_PRIV_H

#include "artifact/artifact.h"
#include "http/http.h"

/* share_visitor.c: whether nobody looks at the answer: a robot, or a browser that fetches ahead. */
bool share_is_robot(const struct http_request *req);
bool share_is_prefetch(const struct http_request *req);

/* share.c: where to go after signing in: for "/shared/", the link that led there (a cookie remembers it), else next. */
#define SHARE_NEXT "/shared/"
const char *share_next(struct ctx *ctx, const struct http_request *req, const char *next);

#endif
