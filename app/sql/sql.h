/*
 * The guard: decides whether a statement may run and rewrites it so that it can only do what it may.
 * Pure: no database, no I/O. Parses with libpg_query (PostgreSQL's own grammar), walks the whole tree, denies
 * what it does not know, and returns the statement deparsed from the rewritten tree, having parsed it again
 * and found the same tree. Rules G1 to G9 are in docs/security.md.
 */
#ifndef SQL_SQL_H
#define SQL_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/str.h"

struct arena;
struct buf;

enum {
	SQL_BYTES = 32 << 10, /* longest statement */
	SQL_TOKENS = 3000,    /* most tokens in it */
	SQL_ROWS = 500,       /* row cap when the policy names none */
};

enum sql_mask_kind {
	SQL_MASK_FULL,  /* '***' */
	SQL_MASK_EMAIL, /* u***@example.com */
	SQL_MASK_LAST4, /* ***1234 */
	SQL_MASK_HASH,  /* stable, keyed with mask_key */
	SQL_MASK_YEAR,  /* a date cut to its year */
	SQL_MASK_NULL,  /* NULL */
	SQL_MASK__MAX
};

/* "full", "email", ...; SQL_MASK__MAX when there is none of that name. */
enum sql_mask_kind sql_mask_kind_of(const char *name);

struct sql_mask {
	const char *column;
	enum sql_mask_kind kind;
};

/* What is known and ruled about one table or view. */
struct sql_table {
	const char *name;
	const char **columns; /* in order; NULL when unknown: the server is made to prove them */
	size_t ncolumns;
	const char *filter; /* SQL expression that rows must meet, or NULL */
	const struct sql_mask *masks;
	size_t nmasks;
};

enum sql_dialect { SQL_POSTGRES, SQL_DUCKDB };

struct sql_policy {
	enum sql_dialect dialect;
	const char *schema;   /* the only schema whose tables may be read */
	const char **allowed; /* table names; NULL: every table that is not excluded */
	size_t nallowed;
	const char **excluded;
	size_t nexcluded;
	const struct sql_table *tables; /* what the dictionary knows of the tables */
	size_t ntables;
	int64_t max_rows;     /* 0: SQL_ROWS */
	const char *mask_key; /* secret for SQL_MASK_HASH; NULL: such columns show '***' */
	/* What {user.email} and {user.groups} in a filter stand for; NULL: nobody, and no groups. */
	const char *user_email;
	const char **user_groups;
	size_t nuser_groups;
	bool tells_hidden; /* a refusal may say that a table exists which may not be read */
};

/* An accepted statement. It must run with search_path = pg_catalog: tables are qualified in it, functions,
 * operators and types are not, and with a project's schema in the path a function or operator there could
 * take their place. */
struct sql_statement {
	const char *sql;     /* to send: canonical text, names qualified, LIMIT added or capped */
	const char **tables; /* "shop.orders", sorted, each once */
	size_t ntables;
	const char **columns; /* "orders.total" as far as known, sorted, each once */
	size_t ncolumns;
	const char **functions;
	size_t nfunctions;
	const char *fingerprint; /* of what was asked, literals aside */
	int64_t max_rows;        /* cap in force */
	/* Values of $1, $2, ... in sql, as text ('{"a","b"}' for text[]), NULL for SQL's NULL: a filter's user, a
	 * mask's key. The key is a secret: params are never shown or logged. */
	const char **params;
	size_t nparams;
	size_t secret_param; /* number of the one that is the mask's key; 0: none */
	bool repeatable;     /* the same rows again over the same data: no random(), no clock */
	/* What the policy kept back: tables with a row filter, masked columns that it uses. "customers",
	 * "customers.email"; sorted, each once. */
	const char **filtered;
	size_t nfiltered;
	const char **masked;
	size_t nmasked;
	const struct sql_facts *facts;
};

/* How one query level puts its rows together, as far as the tree tells; for checks of the result. What is not
 * sure is not in it. The first is the outermost level; next are those of WITH and of subqueries in FROM. */
struct sql_column {
	size_t table; /* which of facts->tables */
	const char *name;
};
struct sql_join { /* an equality that holds in every joined row */
	struct sql_column left;
	struct sql_column right;
};
struct sql_aggregate {
	const char *function;       /* "sum" */
	struct sql_column *columns; /* what it is computed from; none: rows, or not sure */
	size_t ncolumns;
	bool plain; /* of one column alone */
	bool distinct;
};
struct sql_condition { /* column = 'value' */
	struct sql_column column;
	const char *value; /* of a text or a number */
	bool text;
	bool only; /* not one of several that it may be */
};
struct sql_facts {
	const char **tables; /* base tables, as often as they stand in FROM; bare names */
	bool *picked;        /* of each: a condition may leave but one of several rows that join */
	size_t ntables;
	struct sql_join *joins;
	size_t njoins;
	struct sql_column *fixed; /* that have one value in a group */
	size_t nfixed;
	struct sql_aggregate *aggregates;
	size_t naggregates;
	struct sql_condition *conditions;
	size_t nconditions;
	bool grouped;  /* GROUP BY or an aggregate */
	bool distinct; /* DISTINCT, UNION */
	bool limited;  /* people wrote a LIMIT of their own */
	bool star;     /* all columns of something are shown */
	const struct sql_facts *next;
};

/* Checks and rewrites one statement. A refusal is REFUSED with code, message, hint and position (1-based
 * character in the text that was given). Threads may call it at once; it parses on a stack of its own. */
MUST_CHECK struct err *sql_guard(struct arena *a, const struct sql_policy *policy, struct str sql,
                                 struct sql_statement **out);

/* The refusal of a table that is not there, in the words of one that may not be read: for a server's answer that
 * would otherwise tell the two apart. schema "": the policy's. */
struct err *sql_no_table(struct arena *a, const struct sql_policy *policy, const char *schema,
                         const char *table) __attribute__((returns_nonnull));

/* A policy from its JSON form (docs/security.md; the file of `quern guard --policy`). Errors: INVALID. */
MUST_CHECK struct err *sql_policy_read(struct arena *a, struct str json, struct sql_policy **out);

/* An SQL text as HTML: span elements of class k (keyword), s (string), n (number), c (comment), everything
 * escaped. Uses the flat lexer; text that it does not take is written escaped and plain. */
void sql_highlight(struct arena *a, struct str sql, struct buf *out);

/* Placeholders of a text that is kept: {{name}}, {{name:number}}, {{name:date}}. Inside quotes and comments there are
 * none. */
enum sql_value_type { SQL_VALUE_TEXT, SQL_VALUE_NUMBER, SQL_VALUE_DATE, SQL_VALUE__MAX };
struct sql_placeholder {
	const char *name;
	enum sql_value_type type;
};
enum { SQL_PLACEHOLDERS = 20 }; /* most in a text */
const char *sql_value_type_name(enum sql_value_type type);
/* Each name once, in the order of the text. Errors: INVALID, code "placeholder", with position. */
MUST_CHECK struct err *sql_placeholders(struct arena *a, struct str sql, struct sql_placeholder **out, size_t *n);
/* The text with a quoted literal for each; values in the order of sql_placeholders(), NULL for a missing one.
 * Errors as there; INVALID with the name as its code for a value that is not of its type. */
struct sql_bound_place {
	int asked, asked_end; /* 1-based characters of the text that was given */
	int start, end;       /* of the bound one */
};
struct sql_bound {
	const char *sql;
	struct sql_bound_place *places;
	size_t n;
};
MUST_CHECK struct err *sql_bind(struct arena *a, struct str sql, const char *const *values, struct sql_bound *out);
/* The character of the text that was given for one of the bound text; 0 stays 0. */
int sql_bound_position(const struct sql_bound *b, int position);

/* An identifier quoted where PostgreSQL needs it, and a string literal; both in the arena. */
char *sql_quote_ident(struct arena *a, const char *name);
char *sql_quote_literal(struct arena *a, const char *text);

#endif
