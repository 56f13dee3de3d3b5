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

PgQuery__SelectStmt *rewrite_all_of(struct guard *g, PgQuery__Node *item)
{
	PgQuery__SelectStmt *s = tree_new(g->a, &pg_query__select_stmt__descriptor);
	PgQuery__ResTarget *t = tree_new(g->a, &pg_query__res_target__descriptor);
	PgQuery__ColumnRef *ref = tree_new(g->a, &pg_query__column_ref__descriptor);
	PgQuery__Node **nodes = ARENA_ARRAY(g->a, PgQuery__Node *, 3);
	ref->fields = &nodes[0];
	ref->n_fields = 1;
	nodes[0] =
	        tree_node(g->a, PG_QUERY__NODE__NODE_A_STAR, tree_new(g->a, &pg_query__a__star__descriptor));
	t->val = tree_node(g->a, PG_QUERY__NODE__NODE_COLUMN_REF, ref);
	s->target_list = &nodes[1];
	s->n_target_list = 1;
	nodes[1] = tree_node(g->a, PG_QUERY__NODE__NODE_RES_TARGET, t);
	s->from_clause = &nodes[2];
	s->n_from_clause = 1;
	nodes[2] = item;
	s->limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_DEFAULT;
	s->op = PG_QUERY__SET_OPERATION__SETOP_NONE;
	return s;
}

void rewrite_as_subquery(struct guard *g, PgQuery__Node *item, PgQuery__SelectStmt *s, PgQuery__Alias *alias)
{
	PgQuery__RangeSubselect *sub = tree_new(g->a, &pg_query__range_subselect__descriptor);
	sub->subquery = tree_node(g->a, PG_QUERY__NODE__NODE_SELECT_STMT, s);
	sub->alias = alias;
	item->node_case = PG_QUERY__NODE__NODE_RANGE_SUBSELECT;
	item->range_subselect = sub;
}

/* The row of a table has a type of the table's name, for which casts may exist that run somebody's function;
 * and casts belong to no schema. The row of a subquery is a plain record, which has none. */
void rewrite_row(struct guard *g, struct rel *r)
{
	PgQuery__Node *item = r->item;
	if (!item)
		return;
	r->item = NULL;
	PgQuery__Node *inner = tree_node(g->a, item->node_case, item->alias);
	PgQuery__Node *table = item->node_case == PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE
	                               ? item->range_table_sample->relation
	                               : inner;
	PgQuery__Alias *alias = table->range_var->alias;
	if (!alias) {
		alias = tree_new(g->a, &pg_query__alias__descriptor);
		alias->aliasname = table->range_var->relname;
	}
	table->range_var->alias = NULL;
	rewrite_as_subquery(g, item, rewrite_all_of(g, inner), alias);
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
