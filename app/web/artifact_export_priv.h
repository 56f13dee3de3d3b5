/* Between the files that artifacts become. */
#ifndef WEB_ARTIFACT_EXPORT_PRIV_H
#define WEB_ARTIFACT_EXPORT_PRIV_H

#include "mustache/mustache.h"
#include "web/artifact_priv.h"

/* What of an artifact can be taken away as a file (artifact/exports); NULL for who may not. */
struct web_artifact_files;
extern const struct view web_artifact_files_view;
struct web_artifact_files *web_artifact_files(struct ctx *ctx, const struct artifact_seen *seen);

/* FORBIDDEN for who may not export results, where there are some. */
MUST_CHECK struct err *web_artifact_may_export(struct ctx *ctx, const struct artifact_seen *seen);
/* rows: -1 for a file that is none of rows. */
MUST_CHECK struct err *web_artifact_export_audit(struct ctx *ctx, const struct artifact_seen *seen, const char *as,
                                                 int64_t rows);

/* A picture or PDF file ("png", "pdf") as the answer, once it was made. */
MUST_CHECK struct err *web_artifact_picture_wait(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                                 const struct artifact_seen *seen, const char *format);

#endif
