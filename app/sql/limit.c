/*
 * LIMIT and OFFSET: at most the policy's rows, whatever the statement asks for.
 */
#include "sql/sql_priv.h"

enum { MAX_OFFSET = 1000000 };

struct err *limit_offset(struct guard *g, PgQuery__SelectStmt *s)
{
	double n;
	if (s->limit_offset && bound_number(s->limit_offset, &n) && !(n <= MAX_OFFSET))
		return err_hint(refuse(g, "too_large", tree_location(tree_inner(s->limit_offset)),
		                       "OFFSET is above %d", MAX_OFFSET),
		                "Narrow the question with WHERE.");
	return NULL;
}

static bool is_null(const PgQuery__Node *node)
{
	return node->node_case == PG_QUERY__NODE__NODE_A_CONST && node->a_const->isnull;
}

/* LEAST(value, rows)::int8: the cast is what the deparser takes in LIMIT. */
static PgQuery__Node *capped(struct guard *g, PgQuery__Node *value)
{
	PgQuery__TypeCast *cast = tree_new(g->a, &pg_query__type_cast__descriptor);
	PgQuery__TypeName *type = tree_new(g->a, &pg_query__type_name__descriptor);
	type->names = ARENA_ARRAY(g->a, PgQuery__Node *, 2);
	type->names[0] = tree_string(g->a, "pg_catalog");
	type->names[1] = tree_string(g->a, "int8");
	type->n_names = 2;
	type->typemod = -1;
	cast->arg = tree_least(g->a, value, g->max_rows);
	cast->type_name = type;
	return tree_node(g->a, PG_QUERY__NODE__NODE_TYPE_CAST, cast);
}

static void cap(struct guard *g, PgQuery__SelectStmt *s)
{
	double n = 0;
	s->limit_option = PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_COUNT;
	bool constant = !s->limit_count || is_null(s->limit_count);
	if (!constant && !bound_number(s->limit_count, &n))
		s->limit_count = capped(g, s->limit_count);
	else if (constant || !(n <= (double)g->max_rows))
		s->limit_count = tree_int(g->a, g->max_rows);
}

/* FETCH FIRST n ROWS WITH TIES may give any number of rows: SELECT * FROM (statement) LIMIT n bounds it. */
static PgQuery__SelectStmt *around(struct guard *g, PgQuery__SelectStmt *inner)
{
	PgQuery__Node *item = tree_new(g->a, &pg_query__node__descriptor);
	PgQuery__Alias *alias = tree_new(g->a, &pg_query__alias__descriptor);
	alias->aliasname = arena_strdup(g->a, "result");
	rewrite_as_subquery(g, item, inner, alias);
	return rewrite_all_of(g, item);
}

struct err *limit_rows(struct guard *g, PgQuery__RawStmt *raw)
{
	PgQuery__SelectStmt *s = raw->stmt->select_stmt;
	double n;
	if (s->limit_count && bound_number(s->limit_count, &n) && n < 0)
		return refuse(g, "too_large", tree_location(tree_inner(s->limit_count)), "LIMIT is negative");
	if (s->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES) {
		s = around(g, s);
		raw->stmt = tree_node(g->a, PG_QUERY__NODE__NODE_SELECT_STMT, s);
	}
	cap(g, s);
	return NULL;
}
