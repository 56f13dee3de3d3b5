/*
 * The data dictionary: what tables, columns and relations a source has, generated from the database in a
 * fixed number of queries plus bounded sampling, stored as JSON in the platform database.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ctx.h"
#include "lib/err.h"
#include "project/project.h"
#include "query/query.h"

struct buf;

struct catalog_column {
	const char *name;
	const char *ident; /* the name as SQL writes it, quoted where that is needed */
	const char *type;
	const char *dflt;    /* default expression, or NULL */
	const char *comment; /* or NULL */
	bool not_null;
	bool primary;
	bool unique;                  /* alone */
	const char *references;       /* "customers.id" as SQL writes it, or NULL */
	const char *references_table; /* the name of that table, or NULL */
	const char **enum_values;     /* of an enum type */
	size_t nenum_values;
	const char **samples; /* a few distinct values; none for sensitive names, binary and JSON */
	size_t nsamples;
	const char *low;  /* of dates and times: about the first and the last one; NULL where they are not known or */
	const char *high; /* not to be seen */
	const char *mask; /* how its values are masked for the reader, where that may be told; or NULL */
};

struct catalog_table {
	const char *name;
	const char *ident;   /* the name as SQL writes it, quoted where that is needed */
	const char *kind;    /* "table", "view", "materialized view", "partitioned table", "foreign table" */
	const char *comment; /* or NULL */
	int64_t rows;        /* approximate, -1 unknown */
	struct catalog_column *columns;
	size_t ncolumns;
	const char **primary_key;
	size_t nprimary_key;
	struct db_texts *unique_keys; /* of several columns that no two rows share, but for the primary key */
	size_t nunique_keys;
	const char **constraints; /* unique and foreign keys of several columns, as PostgreSQL writes them */
	const char **constraint_tables; /* the table that each refers to, or NULL */
	size_t nconstraints;
	const char **indexes; /* as PostgreSQL writes them, but for the primary key's */
	size_t nindexes;
	bool filtered; /* the reader sees only some of its rows, and that may be told */
};

struct catalog {
	const char *database;
	const char *schema;
	struct catalog_table *tables; /* by name */
	size_t ntables;
	size_t ncolumns;
	size_t nhidden; /* tables that rules hide from the reader, where that may be told */
	int64_t generated_at;
	int64_t took_ms;
};

/* Introspects the source under its allowed and excluded tables: what its role may read, nothing else.
 * Does not store. Errors: INVALID, code "schema" (missing, or no right to use it) or "no_tables";
 * TOO_LARGE; those of query_session_rows(). */
MUST_CHECK struct err *catalog_introspect(struct ctx *ctx, const struct project_source *source,
                                          struct catalog **out);

/* Introspects and stores; audited. */
MUST_CHECK struct err *catalog_generate(struct ctx *ctx, const struct project *project,
                                        const struct project_source *source, struct catalog **out);

/* The stored dictionary as a policy lets it be seen: without hidden tables and what speaks of them, without
 * samples of masked columns, without samples and sizes of tables of which only some rows may be seen. policy
 * NULL: all that the source's lists permit, for what no member sees. NOT_FOUND with a hint when none was generated
 * for this database and schema. What comes back is shared between threads and lives as long as ctx->a: nobody
 * changes it. One small statement when it was loaded before. */
MUST_CHECK struct err *catalog_load(struct ctx *ctx, const struct project *project,
                                    const struct project_source *source, const struct policy *policy,
                                    struct catalog **out);

/* Tables and views of the schema that hold data of another one: a view over it, a partition of it; sorted by name.
 * Asks the database. */
struct catalog_derived {
	const char *name;
	const char *of;
};
MUST_CHECK struct err *catalog_derived(struct ctx *ctx, const struct project_source *source,
                                       struct catalog_derived **out, size_t *n);

/* Whether a text names a table that the policy excludes, as a word in any case. */
bool catalog_names_hidden(const struct policy *policy, const char *text);

/* By name, also quoted or as schema.name; in the same case if there is one such, else in any. NULL when
 * there is none. */
const struct catalog_table *catalog_find(const struct catalog *c, const char *name);

/* The dictionary for the guard. */
void catalog_scope(struct arena *a, const struct catalog *c, struct query_scope *scope);

/* What somebody with that role may query in a project now: its source, the policy, and the dictionary. */
MUST_CHECK struct err *catalog_scope_for(struct ctx *ctx, const struct project *project,
                                         enum project_role role, struct query_scope *out);

/* As text for the model, in about that many bytes: in full, else with the names and types of the columns alone, else the
 * tables' names, comments and sizes, as far as they go. */
void catalog_prompt(const struct catalog *c, size_t budget, struct buf *out);
/* One table in full, as text for the model and the terminal. */
void catalog_describe(const struct catalog_table *t, struct buf *out);

#endif
