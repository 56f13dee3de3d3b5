/* What is allowed: which tables of a source a member may read, and within which limits. */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "db/db.h"
#include "lib/ctx.h"
#include "lib/err.h"
#include "project/project.h"

struct policy {
	const char *schema;
	struct db_texts allowed; /* p NULL: every table that is not excluded */
	struct db_texts excluded;
	int64_t max_rows;
	int64_t max_bytes;      /* of a result */
	int64_t max_cell_bytes; /* longer cells are cut and marked */
	int64_t timeout_ms;
	int64_t version; /* a digest of all of this; part of every cache key */
};

enum { POLICY_MAX_BYTES = 16 << 20, POLICY_MAX_CELL_BYTES = 64 << 10 };

/* The policy of a member in a project. Pure but for the arena. */
struct policy *policy_for(struct arena *a, const struct project *project, const struct project_source *source,
                          enum project_role role);

/* Whether the policy lets a table of its schema be read; table is the bare name. An exclusion counts in
 * any case of letters. */
bool policy_allows_table(const struct policy *policy, const char *table);

#endif
