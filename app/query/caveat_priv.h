/* Inside caveat*.c: the caveats of a result under way. */
#ifndef QUERY_CAVEAT_PRIV_H
#define QUERY_CAVEAT_PRIV_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

struct caveats {
	struct arena *a;
	const struct query_scope *scope;
	const struct sql_statement *s;
	struct query_result *r;
};

void caveat_add(struct caveats *c, const char *code, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

/* What the dictionary knows of a table, or NULL. */
const struct query_table *caveat_table(const struct caveats *c, const char *name);

/* caveat_join.c: sums and counts over rows that a join repeats; rows that it gives twice. */
void caveat_fan_out(struct caveats *c);
void caveat_duplicates(struct caveats *c);

/* caveat_value.c: columns without a value, values that are hard to believe. */
void caveat_values(struct caveats *c);

#endif
