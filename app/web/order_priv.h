/* Inside web/: the rows of a result in another order. */
#ifndef WEB_ORDER_PRIV_H
#define WEB_ORDER_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "query/query.h"

/* By a column that it has; falling: the largest first. NULL is last either way, "not a number" before it. Gives which row each
 * was before. Pure. */
size_t *web_order(struct arena *a, struct query_result *r, size_t column, bool falling);

#endif
