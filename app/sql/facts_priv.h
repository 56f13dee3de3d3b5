/* Inside facts*.c: one query level while its facts are gathered. */
#ifndef SQL_FACTS_PRIV_H
#define SQL_FACTS_PRIV_H

#include "sql/sql_priv.h"

/* An array in the arena that grows by one. */
#define FACTS_ADD(a, list, n) (*((list) = facts_room((a), (list), (n), sizeof(*(list))), &(list)[(n)++]))
void *facts_room(struct arena *a, void *list, size_t n, size_t size);

/* An output column of a subquery that is a column of its one base table. */
struct shown {
	const char *name;
	const char *column;
};

/* Something in FROM: a base table, a subquery that shows one as it is, or something else. */
struct facts_rel {
	const char *name;
	ptrdiff_t table;               /* which of facts->tables; -1: something else */
	const struct sql_table *known; /* its columns; NULL: not known */
	struct shown *shown;           /* of a subquery: columns under their names there */
	size_t nshown;
	bool renamed; /* only what is in shown can be named */
	struct facts_rel *next;
};

struct facts_cte {
	const PgQuery__CommonTableExpr *node;
	bool recursive;
	const struct facts_cte *next;
};

/* All levels of a statement. */
struct facts_walk {
	struct arena *a;
	const struct sql_policy *policy;
	struct sql_facts *first;
	struct sql_facts **last; /* where the next level goes */
	int levels;
};

struct facts_level {
	struct facts_walk *w;
	struct sql_facts *f;
	struct facts_rel *rels;
	int nrels;
	const struct facts_cte *ctes;
	bool unsure; /* a name could not be told: joins would mislead */
};

/* What a column reference is: a column of a base table, or not. */
enum facts_found { FACTS_OTHER, FACTS_BASE, FACTS_UNKNOWN };
enum facts_found facts_column(struct facts_level *l, const PgQuery__Node *node, struct sql_column *out);
/* The rel that the node, a reference, belongs to; NULL: none of this level, or not sure. */
struct facts_rel *facts_rel_of(struct facts_level *l, const PgQuery__Node *node);
/* Whether the rel shows a column of that name; *column is its name in the base table. -1: not known. */
int facts_shows(const struct facts_rel *r, const char *name, const char **column);

/* An output column of the select, or NULL. */
const PgQuery__ResTarget *facts_target(const PgQuery__SelectStmt *s, size_t i);

/* Calls fn for every node below m, m first; fn tells whether to go into it. */
typedef bool facts_fn(void *arg, const ProtobufCMessage *m);
void facts_each(const ProtobufCMessage *m, facts_fn *fn, void *arg);

/* facts_where.c: conditions that hold in every row; aggregates; GROUP BY. */
void facts_conditions(struct facts_level *l, const PgQuery__Node *where);
void facts_join(struct facts_level *l, struct sql_column left, struct sql_column right);
void facts_aggregates(struct facts_level *l, const PgQuery__SelectStmt *s);
void facts_groups(struct facts_level *l, const PgQuery__SelectStmt *s);
/* Whether an aggregate or a window stands in the select itself, not below it. */
bool facts_computes(const PgQuery__SelectStmt *s);

#endif
