/* Inside catalog/: an introspection under way, what may be shown, the stored form. */
#ifndef CATALOG_CATALOG_PRIV_H
#define CATALOG_CATALOG_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "catalog/catalog.h"
#include "lib/buf.h"
#include "lib/err.h"

enum {
	CATALOG_TIMEOUT_MS = 20000,      /* of a query on the system catalogs */
	CATALOG_SAMPLES = 5,             /* most of a column */
	CATALOG_SAMPLE_CHARS = 40,       /* a longer value is not shown */
	CATALOG_LONG_CHARS = 80,         /* a column with such a value holds long text: none is shown */
	CATALOG_SAMPLE_TIMEOUT_MS = 400, /* of the query that samples one table */
	CATALOG_SAMPLE_BUDGET_MS = 2500, /* for all of them */
};

/* What the system catalogs say beyond the dictionary; parallel to the tables and columns of read->c. */
struct catalog_raw_column {
	int64_t attnum;
	int64_t enum_oid; /* of the type or of its elements; may be no enum */
	bool samples;     /* samples are wanted */
	bool number;
	bool key; /* primary or foreign */
};
struct catalog_raw_table {
	int64_t oid;
	const char *kind; /* relkind */
	bool all;         /* the role may read every column */
	struct catalog_raw_column *columns;
};

/* While it is read, c->tables is in the order of raw->oid. Raw results live in ctx->a, which ends with
 * the reading; the dictionary lives in a. */
struct catalog_read {
	struct ctx *ctx;
	struct arena *a;
	const struct project_source *source;
	struct query_session *session;
	const char *schema_ident;
	const char *oids; /* "{1,2,3}" */
	struct catalog *c;
	struct catalog_raw_table *raw;
};

/* rows.c: runs one of our queries, whose rows have ncolumns; TOO_LARGE when a cap cut it. Cells by place;
 * a word is "" for null. */
MUST_CHECK struct err *catalog_rows(struct catalog_read *r, const char *sql, const char *const *params,
                                    size_t nparams, size_t ncolumns, struct query_result **out);
struct err *catalog_too_large(struct arena *a, const struct project_source *source)
        __attribute__((returns_nonnull));
const char *catalog_cell(const struct query_result *rows, size_t row, size_t column);
const char *catalog_word(const struct query_result *rows, size_t row, size_t column);
int64_t catalog_cell_i64(const struct query_result *rows, size_t row, size_t column);
bool catalog_cell_bool(const struct query_result *rows, size_t row, size_t column);
/* Index into raw and c->tables, or -1. */
ptrdiff_t catalog_table_by_oid(const struct catalog_read *r, int64_t oid);
/* The columns of attribute numbers in "{1,2}" or "1 2", as indexes in the arena; false when one may not
 * be read. */
bool catalog_columns_by_attnums(const struct catalog_read *r, size_t table, const char *attnums,
                                size_t **columns, size_t *n);

/* relation.c, key.c, stats.c, sample.c: the parts of an introspection, in this order. */
MUST_CHECK struct err *catalog_read_tables(struct catalog_read *r);
MUST_CHECK struct err *catalog_read_columns(struct catalog_read *r);
MUST_CHECK struct err *catalog_read_enums(struct catalog_read *r);
MUST_CHECK struct err *catalog_read_constraints(struct catalog_read *r);
MUST_CHECK struct err *catalog_read_indexes(struct catalog_read *r);
MUST_CHECK struct err *catalog_read_stats(struct catalog_read *r);
MUST_CHECK struct err *catalog_read_samples(struct catalog_read *r);

/* sample.c: the samples of one column under way. none: a value showed that it must not have any. */
struct catalog_samples {
	struct arena *a;
	const char **p;
	size_t n;
	bool number;
	bool none;
};
void catalog_samples_add(struct catalog_samples *s, const char *value);
/* Whatever was found, the column is done with. */
void catalog_samples_keep(struct catalog_column *c, struct catalog_raw_column *raw,
                          const struct catalog_samples *s);

/* sensitive.c: whether the name tells that the values are about a person, or a secret; whether a value
 * looks so. */
bool catalog_name_is_sensitive(struct arena *a, const char *table, const char *column);
bool catalog_value_is_sensitive(const char *value, bool number);

/* permit.c: leaves out, in place, the tables that the policy does not permit and what speaks of them, and what
 * tells of rows and values that it keeps back. policy NULL: only the source's lists count. */
void catalog_permit(struct arena *a, struct catalog *c, const struct project_source *source,
                    const struct policy *policy);

/* json.c: the stored form. Reading copies into a. Errors: INVALID for text that is not a stored
 * dictionary. */
void catalog_put_json(struct buf *b, const struct catalog *c);
MUST_CHECK struct err *catalog_read_json(struct arena *a, struct str text, struct catalog **out);

/* cache.c: dictionaries as loaded, for all threads of this process. A dictionary that was got or put is
 * kept until ctx->a ends. It lives in its own arena, which catalog_cache_put() takes over. */
struct catalog_key {
	int64_t project_id;
	int64_t generated_at;
	int64_t source_id;
	int64_t version;
	int64_t policy; /* its version, 0: none */
};
struct catalog *catalog_cache_get(struct ctx *ctx, const struct catalog_key *key);
struct catalog *catalog_cache_put(struct ctx *ctx, const struct catalog_key *key, struct arena *own,
                                  struct catalog *c);

#endif
