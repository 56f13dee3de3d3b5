/* Between the pages of artifacts. */
#ifndef WEB_ARTIFACT_PRIV_H
#define WEB_ARTIFACT_PRIV_H

#include "artifact/artifact.h"
#include "web/web_priv.h"

/* An artifact as somebody looks at it, and the project that it is in. */
struct artifact_seen {
	struct artifact a;
	struct project project;
	enum project_role role;
	bool mine;
};

/* The one of the address, in the version that ?version= (or the form's field) names, else the newest. NOT_FOUND as
 * artifact_get(). */
MUST_CHECK struct err *artifact_seen_load(struct ctx *ctx, struct http_request *req, struct artifact_seen *out);
/* What its statements run on, for the person of the request. */
MUST_CHECK struct err *artifact_scope(struct ctx *ctx, const struct http_request *req, const struct artifact_seen *seen,
                                      struct query_scope *out);

#endif
