/*
 * Private to app/sql. The tree is libpg_query's protobuf-c tree, unpacked into the arena and changed in
 * place; everything that a walk learns is in struct guard.
 */
#ifndef SQL_SQL_PRIV_H
#define SQL_SQL_PRIV_H

#include <pg_query/pg_query.pb-c.h>

#include "lib/arena.h"
#include "sql/sql.h"

/* Names of columns, in order. With `open`, every column of that table too, though they are not known. */
struct cols {
	const char **name;
	size_t n;
	size_t size;
	struct source *open;
	bool vague; /* more columns that nothing is known of */
};

/* A base table whose columns the policy does not name. A qualified column of it is accepted on the
 * condition that the server finds it to be a column; rewrite.c states that condition in the statement. */
struct source {
	const char *table;
	struct cols needed;
	struct source *next;
};

/* Something in FROM that a column can be qualified with. */
struct rel {
	const char *name;
	struct cols cols;
	const char *table; /* the base table it shows, or NULL */
	bool aliased;
	PgQuery__Node *item; /* of that table in FROM, while it stands there by itself; else NULL */
	struct rel *next;    /* what stands to its left */
};

enum cte_state { CTE_NEW, CTE_BUSY, CTE_DONE };

struct cte {
	PgQuery__CommonTableExpr *node;
	struct cols cols;
	struct scope *scope; /* of the WITH clause */
	enum cte_state state;
	struct cte *next;
};

/* One query level. */
struct scope {
	struct scope *outer;
	struct rel *rels; /* the rightmost first */
	struct rel *stop; /* rels from here on are not visible now (in ON) */
	bool hidden;      /* no rel is: a subquery in FROM that is not LATERAL is being walked */
	struct cte *ctes;
	double growth;       /* the most that a call of this level multiplies a length by */
	struct cols outputs; /* names that GROUP BY and ORDER BY may use */
	struct cte *making;  /* the recursive CTE whose query this is */
};

/* A set of names, for the facts. */
struct names {
	const char **name;
	size_t n;
	size_t size;
};

/* Values that are bound, not written: see param.c. */
enum param { PARAM_EMAIL, PARAM_GROUPS, PARAM_KEY, PARAM__MAX };

/* Where parameters stand in a row filter, as byte offsets in the text that is parsed. */
struct param_slots {
	int *at;
	size_t n;
	size_t met; /* how many of them the walk came to */
};

struct guard {
	struct arena *a;
	const struct sql_policy *policy;
	struct str text; /* as given, for positions */
	struct scope *scope;
	struct cte *making; /* set for the next select_walk(): see struct scope */
	struct source *sources;
	struct names tables;
	struct names columns;
	struct names functions;
	const struct sql_table *filter_of; /* the table whose row filter is walked, or NULL */
	struct param_slots *slots;         /* of that filter */
	int params[PARAM__MAX];            /* the number of each parameter; 0: not used */
	int nparams;
	struct names filtered;
	bool varies; /* reads a clock, or chance */
	int nrels;
	double chain;  /* how often calls around this place repeat what is in them */
	double growth; /* the same over all query levels: one may read what another made */
	int64_t max_rows;
};

/* stack.c: runs fn(arg) on this thread with a stack of 64 MB. Errors: UNAVAILABLE. */
MUST_CHECK struct err *stack_run(struct arena *a, void (*fn)(void *), void *arg);

/* parse.c */
MUST_CHECK struct err *parse_text_ok(struct arena *a, struct str text);
MUST_CHECK struct err *parse_tree(struct arena *a, const char *text, PgQuery__ParseResult **out);
/* The text is parsed behind "SELECT ", which the locations in the tree count in. */
enum { EXPRESSION_OFFSET = 7 };
MUST_CHECK struct err *parse_expression(struct arena *a, const char *text, PgQuery__Node **out);
MUST_CHECK struct err *parse_deparse(struct arena *a, PgQuery__ParseResult *tree, const char **out);
const char *parse_fingerprint(struct arena *a, const char *text);

/* tree.c: nodes in the arena */
void *tree_new(struct arena *a, const ProtobufCMessageDescriptor *type);
PgQuery__Node *tree_node(struct arena *a, PgQuery__Node__NodeCase kind, void *message);
PgQuery__Node *tree_string(struct arena *a, const char *text);
PgQuery__Node *tree_int(struct arena *a, int64_t value);
PgQuery__Node *tree_least(struct arena *a, PgQuery__Node *value, int64_t cap);
bool tree_equal(const ProtobufCMessage *x, const ProtobufCMessage *y);
int tree_location(const ProtobufCMessage *m); /* byte offset, or -1 */
ProtobufCMessage *tree_inner(PgQuery__Node *node);
const char *tree_str(const PgQuery__Node *node); /* of a String node, else NULL */

/* walk.c */
#define FIELD(id) (1u << (id))
MUST_CHECK struct err *walk(struct guard *g, void *message);
/* Walks every message in the fields of m but those in the mask. */
MUST_CHECK struct err *walk_fields(struct guard *g, void *m, unsigned skip);

/* refuse.c. location is a byte offset in the text, -1 if unknown. */
struct err *refuse(struct guard *g, const char *code, int location, const char *fmt, ...)
        __attribute__((format(printf, 4, 5), returns_nonnull));
/* That location as people count, 0 if unknown. */
int refuse_position(const struct guard *g, int location);
/* The candidate nearest to the name, or NULL if none is near. */
const char *nearest(struct arena *a, const char *name, const char *const *candidates, size_t n);
bool names_has(const struct names *set, const char *name);
void names_add(struct arena *a, struct names *set, const char *name);
void names_sort(struct names *set);

/* select.c */
MUST_CHECK struct err *select_walk(struct guard *g, PgQuery__SelectStmt *s, struct cols *out);
MUST_CHECK struct err *query_walk(struct guard *g, PgQuery__Node *node, struct cols *out);
/* The name that the server gives an output column without one. */
const char *output_name(const PgQuery__Node *value);

/* with.c */
MUST_CHECK struct err *with_walk(struct guard *g, PgQuery__WithClause *with);
MUST_CHECK struct err *cte_find(struct guard *g, const char *name, struct cte **out);

/* from.c: pushes what the item names and tells the columns that `*` shows of it. */
MUST_CHECK struct err *from_walk(struct guard *g, PgQuery__Node *item, struct cols *out);

/* scope.c */
void cols_add(struct arena *a, struct cols *c, const char *name);
void cols_add_all(struct arena *a, struct cols *c, const struct cols *more);
bool cols_has(const struct cols *c, const char *name);
/* The columns after a column list of an alias: the first ones are renamed. */
struct cols cols_renamed(struct arena *a, const struct cols *c, PgQuery__Node **names, size_t n);
MUST_CHECK struct err *rel_push(struct guard *g, const char *name, const struct cols *cols);
struct rel *rel_find(struct guard *g, const char *name);
struct source *source_get(struct guard *g, const char *table);

/* column.c */
/* Notes that the statement uses the column, if r has it. */
void column_note(struct guard *g, const struct rel *r, const char *name);
MUST_CHECK struct err *column_ref(struct guard *g, PgQuery__ColumnRef *ref);
/* The same where alias.* is written as an output: it stands for the columns there. */
MUST_CHECK struct err *column_target(struct guard *g, PgQuery__ColumnRef *ref);
MUST_CHECK struct err *column_indirection(struct guard *g, PgQuery__AIndirection *x);

/* func.c: calls; the output columns of functions in FROM. */
MUST_CHECK struct err *func_call(struct guard *g, PgQuery__FuncCall *call);
const char *const *func_columns(const PgQuery__FuncCall *call, size_t *n);
MUST_CHECK struct err *func_name(struct guard *g, PgQuery__Node **names, size_t n, const char *what,
                                 const char *code, int location, const char **out);

/* bound.c: limits on literals */
enum bound {
	BOUND_NONE,
	BOUND_REPEAT,
	BOUND_PAD,
	BOUND_REPLACE,
	BOUND_SERIES,
	BOUND_FORMAT,
	BOUND_REGEX,
	BOUND_REGEX_REPLACE,
	BOUND_TEMPLATE,
	BOUND_POWER,
	BOUND_CONFIG
};
MUST_CHECK struct err *bound_call(struct guard *g, enum bound bound, PgQuery__FuncCall *call);
MUST_CHECK struct err *bound_operator(struct guard *g, const char *name, PgQuery__AExpr *x);
MUST_CHECK struct err *bound_cast(struct guard *g, const PgQuery__TypeCast *c);
MUST_CHECK struct err *bound_constant(struct guard *g, PgQuery__AConst *c);
/* The value of an expression made of constants only. */
bool bound_number(const PgQuery__Node *node, double *out);

/* A text made of literals only, else NULL. */
const char *bound_text(struct guard *g, const PgQuery__Node *node);
struct err *bound_refused(struct guard *g, int location, const char *what, int most)
        __attribute__((returns_nonnull));

/* series.c */
MUST_CHECK struct err *series_bound(struct guard *g, PgQuery__FuncCall *call);

/* limit.c */
MUST_CHECK struct err *limit_offset(struct guard *g, PgQuery__SelectStmt *s);
MUST_CHECK struct err *limit_rows(struct guard *g, PgQuery__RawStmt *raw);

/* mask.c: replaces a table that has a filter or masks by a subquery. */
MUST_CHECK struct err *mask_table(struct guard *g, PgQuery__Node *item, const struct sql_table *t);

/* What the names of CTEs made by the guard start with. */
#define REWRITE_PREFIX "_quern"

/* quote.c: the same statement with names quoted that are keywords to later servers; NULL if it cannot be. */
const char *quote_later(struct arena *a, const char *sql);

/* param.c: writes "($1::text)". */
void param_put(struct guard *g, enum param kind, struct buf *b);
/* A filter's text with parameters in place of {user.email} and {user.groups}; NULL if it gets too long. */
const char *param_expand(struct guard *g, const char *text, struct param_slots *slots);
MUST_CHECK struct err *param_ref(struct guard *g, const PgQuery__ParamRef *p);
MUST_CHECK struct err *param_values(struct guard *g, struct sql_statement *out);

/* vary.c: notes what does not give the same rows again. */
void vary_call(struct guard *g, const char *name, size_t nargs);
void vary_constant(struct guard *g, const PgQuery__AConst *c);

/* rewrite.c: the condition on columns that are not known; whole rows. */
/* SELECT * FROM item, which must have an alias or be a table. */
PgQuery__SelectStmt *rewrite_all_of(struct guard *g, PgQuery__Node *item);
/* A subquery in FROM, with that alias. */
void rewrite_as_subquery(struct guard *g, PgQuery__Node *item, PgQuery__SelectStmt *s, PgQuery__Alias *alias);
/* Puts a subquery in place of a table whose whole row is used. */
void rewrite_row(struct guard *g, struct rel *r);
MUST_CHECK struct err *rewrite_sources(struct guard *g, PgQuery__SelectStmt *root);

/* facts.c: of a statement as written, before the walk changes it. */
const struct sql_facts *facts_of(struct guard *g, const PgQuery__SelectStmt *s);

/* policy.c */
const struct sql_table *table_known(const struct sql_policy *p, const char *name);
/* The table that has a row filter or masks under that name in any case of letters, or NULL. */
const struct sql_table *table_ruled(const struct sql_policy *p, const char *name);
MUST_CHECK struct err *policy_allows(struct guard *g, const PgQuery__RangeVar *t);

#endif
