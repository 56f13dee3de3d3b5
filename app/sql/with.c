/*
 * WITH: which names stand for queries. A later name is visible only under RECURSIVE, and the query itself
 * too; then a query is walked when it is first needed, in the scope of its WITH.
 */
#include "sql/sql_priv.h"

enum { CTE_ALIASES = FIELD(2), CTE_QUERY = FIELD(4) };

static void add_generated(struct guard *g, struct cte *cte)
{
	const PgQuery__CTESearchClause *search = cte->node->search_clause;
	const PgQuery__CTECycleClause *cycle = cte->node->cycle_clause;
	if (search)
		cols_add(g->a, &cte->cols, search->search_seq_column);
	if (cycle) {
		cols_add(g->a, &cte->cols, cycle->cycle_mark_column);
		cols_add(g->a, &cte->cols, cycle->cycle_path_column);
	}
}

static struct err *cte_walk(struct guard *g, struct cte *cte, bool recursive)
{
	struct scope *from = g->scope;
	struct cols out = {0};
	cte->state = CTE_BUSY;
	g->scope = cte->scope;
	g->making = recursive ? cte : NULL;
	struct err *e = query_walk(g, cte->node->ctequery, &out);
	g->making = NULL;
	g->scope = from;
	TRY(e);
	cte->cols = cols_renamed(g->a, &out, cte->node->aliascolnames, cte->node->n_aliascolnames);
	add_generated(g, cte);
	cte->state = CTE_DONE;
	return walk_fields(g, cte->node, CTE_ALIASES | CTE_QUERY);
}

static struct err *cte_ok(struct guard *g, const PgQuery__Node *node)
{
	if (node->node_case != PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR)
		return refuse(g, "statement_not_allowed", -1, "this form of WITH is not allowed");
	const PgQuery__CommonTableExpr *x = node->common_table_expr;
	if (!strncmp(x->ctename, REWRITE_PREFIX, sizeof(REWRITE_PREFIX) - 1))
		return refuse(g, "statement_not_allowed", x->location, "name %s is reserved", x->ctename);
	return NULL;
}

static struct cte *cte_new(struct guard *g, PgQuery__Node *node)
{
	struct cte *cte = ARENA_NEW(g->a, struct cte);
	cte->node = node->common_table_expr;
	cte->scope = g->scope;
	cte->cols.vague = true;
	return cte;
}

static void cte_push(struct guard *g, struct cte *cte)
{
	cte->next = g->scope->ctes;
	g->scope->ctes = cte;
}

static struct err *with_recursive(struct guard *g, PgQuery__WithClause *with)
{
	for (size_t i = 0; i < with->n_ctes; i++) {
		TRY(cte_ok(g, with->ctes[i]));
		cte_push(g, cte_new(g, with->ctes[i]));
	}
	for (struct cte *cte = g->scope->ctes; cte; cte = cte->next)
		if (cte->state == CTE_NEW)
			TRY(cte_walk(g, cte, true));
	return NULL;
}

struct err *with_walk(struct guard *g, PgQuery__WithClause *with)
{
	if (with->recursive)
		return with_recursive(g, with);
	for (size_t i = 0; i < with->n_ctes; i++) {
		TRY(cte_ok(g, with->ctes[i]));
		struct cte *cte = cte_new(g, with->ctes[i]);
		TRY(cte_walk(g, cte, false));
		cte_push(g, cte);
	}
	return NULL;
}

struct err *cte_find(struct guard *g, const char *name, struct cte **out)
{
	*out = NULL;
	for (struct scope *s = g->scope; s; s = s->outer)
		for (struct cte *cte = s->ctes; cte; cte = cte->next)
			if (!strcmp(cte->node->ctename, name)) {
				*out = cte;
				return cte->state == CTE_NEW ? cte_walk(g, cte, true) : NULL;
			}
	return NULL;
}
