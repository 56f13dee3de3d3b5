/*
 * Columns of tables that the policy does not describe. That c.x is a column, not a call of x(c), can only be
 * known by the server; so the statement gets a WITH query that names x alone, which never calls a function,
 * over that table alone. The server refuses the statement when there is no such column, before it runs
 * anything; the query itself is used nowhere and never runs.
 */
#include "lib/buf.h"
#include "sql/sql_priv.h"

static PgQuery__Node *condition(struct guard *g, const struct source *s, size_t number)
{
	struct buf b = buf_init(g->a, BUF_PAGE);
	buf_printf(&b, "WITH " REWRITE_PREFIX "_%zu AS (SELECT ", number);
	for (size_t i = 0; i < s->needed.n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", sql_quote_ident(g->a, s->needed.name[i]));
	buf_printf(&b, " FROM %s.%s AS " REWRITE_PREFIX ") SELECT 1",
	           sql_quote_ident(g->a, g->policy->schema), sql_quote_ident(g->a, s->table));
	PgQuery__ParseResult *tree = NULL;
	if (b.full || parse_tree(g->a, buf_cstr(&b), &tree))
		return NULL;
	return tree->stmts[0]->stmt->select_stmt->with_clause->ctes[0];
}

static void prepend(struct guard *g, PgQuery__SelectStmt *root, PgQuery__Node *cte)
{
	if (!root->with_clause)
		root->with_clause = tree_new(g->a, &pg_query__with_clause__descriptor);
	PgQuery__WithClause *with = root->with_clause;
	PgQuery__Node **ctes = ARENA_ARRAY(g->a, PgQuery__Node *, with->n_ctes + 1);
	ctes[0] = cte;
	for (size_t i = 0; i < with->n_ctes; i++)
		ctes[i + 1] = with->ctes[i];
	with->ctes = ctes;
	with->n_ctes++;
}

struct err *rewrite_sources(struct guard *g, PgQuery__SelectStmt *root)
{
	size_t number = 0;
	for (const struct source *s = g->sources; s; s = s->next) {
		if (!s->needed.n)
			continue;
		PgQuery__Node *cte = condition(g, s, ++number);
		if (!cte)
			return refuse(g, "column_not_known", -1, "the columns of %s are not known", s->table);
		prepend(g, root, cte);
	}
	return NULL;
}
