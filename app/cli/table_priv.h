/* Inside cli/: results as tables for a terminal. */
#ifndef CLI_TABLE_PRIV_H
#define CLI_TABLE_PRIV_H

#include "query/query.h"

struct buf;

/* Appends the names and the first `rows` rows of the result. Long texts are cut; no text of the data moves
 * the cursor. Where standard output is a terminal, null is "-", and lines are as short as it needs. */
void table_put(struct arena *a, const struct query_result *r, size_t rows, struct buf *b);

#endif
