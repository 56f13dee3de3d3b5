/* Inside project/: the checks of fields, which gather every wrong one before they fail. */
#ifndef PROJECT_PROJECT_PRIV_H
#define PROJECT_PROJECT_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/str.h"
#include "project/project.h"

struct project_check {
	struct buf detail; /* one sentence for each wrong field */
	const char *first; /* code of the first wrong field, or NULL */
};

void project_check_project(struct project_check *c, const struct project *p);
void project_check_source(struct project_check *c, const struct project_source *s);
void project_check_model(struct project_check *c, const struct project_model *m);
/* NULL when no field was wrong; else INVALID "<what> cannot be saved". */
MUST_CHECK struct err *project_check_end(struct arena *a, const struct project_check *c, const char *what);

/* One of the accepted sslmodes, weakest first; -1 for anything else. */
int project_sslmode_rank(const char *sslmode);

/* address.c: why the base address of a model provider cannot be used, in a sentence; NULL when it can. */
const char *project_address_wrong(const char *url);

/* source.c: adds the source of a new project, inside a transaction. */
MUST_CHECK struct err *project_source_insert(struct ctx *ctx, struct project_source *source);

#endif
