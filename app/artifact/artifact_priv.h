/* Inside artifact/. */
#ifndef ARTIFACT_ARTIFACT_PRIV_H
#define ARTIFACT_ARTIFACT_PRIV_H

#include "artifact/artifact.h"
#include "lib/json.h"

/* [{"name","sql","run_id"}] and back. */
const char *artifact_sources_json(struct arena *a, const struct artifact_source *sources, size_t n);
MUST_CHECK struct err *artifact_sources_read(struct arena *a, const char *json, struct artifact_version *v);
/* INVALID, naming the part. */
MUST_CHECK struct err *artifact_check(struct arena *a, const struct artifact_draft *d, const char *type,
                                      const char *title);
MUST_CHECK struct err *artifact_check_title(struct arena *a, const char *title);

/* What a new link says; INVALID, TOO_LARGE. */
MUST_CHECK struct err *artifact_link_check(struct arena *a, const struct artifact_link *link);

/* browser.c: the page as a picture or a PDF file, by Chromium in the sandbox. wide: sheets lie on their side. Errors: INVALID when the
 * page says that it failed, UNAVAILABLE, TIMEOUT, TOO_LARGE. */
MUST_CHECK struct err *artifact_browser(struct ctx *ctx, struct str page, const char *format, bool wide, struct str *out);

#endif
