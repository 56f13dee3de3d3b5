/* Between the pages of artifacts. */
#ifndef WEB_ARTIFACT_PRIV_H
#define WEB_ARTIFACT_PRIV_H

#include "artifact/artifact.h"
#include "lib/json.h"
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
/* Markdown as HTML; NULL when it cannot be rendered: then its code is there to be read. */
const char *artifact_html(struct arena *a, const char *code);
/* artifact_card.c: a version as an answer shows it. */
MUST_CHECK struct err *artifact_card_render(struct ctx *ctx, struct http_response *res, const struct artifact *artifact);

/* {"id","type","title","version","code","at","data":{...}}: what the frame is given. at: when the rows were read, 0 for none. */
void artifact_put(struct arena *a, struct json_writer *w, const struct artifact *artifact, int64_t at, struct str data);

#endif
