/*
 * SELECT: its parts in the order in which the server resolves names: WITH, FROM, then all the rest.
 */
#include "sql/sql_priv.h"

/* Field numbers of SelectStmt in the protocol. */
enum {
	SELECT_FROM = FIELD(4),
	SELECT_WITH = FIELD(16),
	SELECT_LEFT = FIELD(19),
	SELECT_RIGHT = FIELD(20),
	/* DISTINCT ON, GROUP BY, ORDER BY: may name an output column */
	SELECT_BY_OUTPUT = FIELD(1) | FIELD(6) | FIELD(11),
};

static bool is_star(const PgQuery__Node *node)
{
	return node && node->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

/* Adds the columns that alias.* or (alias).* shows; of another row they are not known. */
static void add_row(struct guard *g, struct cols *out, const PgQuery__Node *row)
{
	const char *name = tree_str(row);
	struct rel *r = name ? rel_find(g, name) : NULL;
	if (!r) {
		out->vague = true;
		return;
	}
	if (r->table)
		names_add(g->a, &g->columns, arena_printf(g->a, "%s.*", r->table));
	cols_add_all(g->a, out, &r->cols);
}

static void add_star(struct guard *g, struct cols *out, const struct cols *shown)
{
	for (const struct rel *r = g->scope->rels; r; r = r->next)
		if (r->table)
			names_add(g->a, &g->columns, arena_printf(g->a, "%s.*", r->table));
	cols_add_all(g->a, out, shown);
}

static bool is_star_target(const PgQuery__ResTarget *t)
{
	const PgQuery__Node *v = t->val;
	if (v && v->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && v->column_ref->n_fields)
		return is_star(v->column_ref->fields[v->column_ref->n_fields - 1]);
	if (v && v->node_case == PG_QUERY__NODE__NODE_A_INDIRECTION && v->a_indirection->n_indirection)
		return is_star(v->a_indirection->indirection[v->a_indirection->n_indirection - 1]);
	return false;
}

static void add_target(struct guard *g, const PgQuery__ResTarget *t, const struct cols *shown,
                       struct cols *out)
{
	const PgQuery__Node *v = t->val;
	if (!is_star_target(t))
		cols_add(g->a, out, *t->name ? t->name : output_name(v));
	else if (v->node_case == PG_QUERY__NODE__NODE_A_INDIRECTION)
		out->vague = true;
	else if (v->column_ref->n_fields == 1)
		add_star(g, out, shown);
	else
		add_row(g, out, v->column_ref->fields[v->column_ref->n_fields - 2]);
}

static struct err *plain_select(struct guard *g, PgQuery__SelectStmt *s, struct cols *out)
{
	struct cols shown = {0};
	for (size_t i = 0; i < s->n_from_clause; i++) {
		struct cols item = {0};
		TRY(from_walk(g, s->from_clause[i], &item));
		cols_add_all(g->a, &shown, &item);
	}
	for (size_t i = 0; i < s->n_target_list; i++)
		if (s->target_list[i]->node_case == PG_QUERY__NODE__NODE_RES_TARGET)
			add_target(g, s->target_list[i]->res_target, &shown, out);
	return NULL;
}

static struct err *set_operation(struct guard *g, PgQuery__SelectStmt *s, struct cols *out)
{
	struct cols right = {0};
	double before = g->growth;
	TRY(select_walk(g, s->larg, out));
	double left = g->growth;
	g->growth = before; /* the two do not read each other */
	struct cte *making = g->scope->making;
	if (making)
		making->cols =
		        cols_renamed(g->a, out, making->node->aliascolnames, making->node->n_aliascolnames);
	TRY(select_walk(g, s->rarg, &right));
	g->growth = left > g->growth ? left : g->growth;
	return NULL;
}

static void values_columns(struct guard *g, const PgQuery__SelectStmt *s, struct cols *out)
{
	const PgQuery__Node *first = s->values_lists[0];
	size_t n = first->node_case == PG_QUERY__NODE__NODE_LIST ? first->list->n_items : 0;
	for (size_t i = 1; i <= n; i++)
		cols_add(g->a, out, arena_printf(g->a, "column%zu", i));
}

static struct err *select_parts(struct guard *g, PgQuery__SelectStmt *s, struct cols *out)
{
	if (s->with_clause)
		TRY(with_walk(g, s->with_clause));
	if (s->larg && s->rarg)
		TRY(set_operation(g, s, out));
	else if (s->n_values_lists)
		values_columns(g, s, out);
	else
		TRY(plain_select(g, s, out));
	TRY(limit_offset(g, s));
	TRY(walk_fields(g, s, SELECT_FROM | SELECT_WITH | SELECT_LEFT | SELECT_RIGHT | SELECT_BY_OUTPUT));
	g->scope->outputs = *out;
	return walk_fields(g, s, ~(unsigned)SELECT_BY_OUTPUT);
}

struct err *select_walk(struct guard *g, PgQuery__SelectStmt *s, struct cols *out)
{
	struct scope scope = {.outer = g->scope, .making = g->making, .growth = 1};
	g->making = NULL;
	g->scope = &scope;
	struct err *e = select_parts(g, s, out);
	g->scope = scope.outer;
	return e;
}

struct err *query_walk(struct guard *g, PgQuery__Node *node, struct cols *out)
{
	if (node && node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT)
		return select_walk(g, node->select_stmt, out);
	TRY(walk(g, node));
	return refuse(g, "statement_not_allowed", -1, "only SELECT is allowed here");
}

static const char *last_name(PgQuery__Node *const *names, size_t n)
{
	for (; n; n--)
		if (tree_str(names[n - 1]))
			return tree_str(names[n - 1]);
	return NULL;
}

enum strength { NAME_NONE, NAME_WEAK, NAME_STRONG };

static enum strength figure(const PgQuery__Node *v, const char **out);

static enum strength strong(const char *name, const char **out)
{
	if (!name)
		return NAME_NONE;
	*out = name;
	return NAME_STRONG;
}

static enum strength weak(enum strength s, const char *name, const char **out)
{
	if (s == NAME_STRONG || !name)
		return s;
	*out = name;
	return NAME_WEAK;
}

static enum strength figure_sublink(const PgQuery__SubLink *s, const char **out)
{
	const PgQuery__SelectStmt *q;
	switch (s->sub_link_type) {
	case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK: return strong("exists", out);
	case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK: return strong("array", out);
	case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK:
		q = s->subselect && s->subselect->node_case == PG_QUERY__NODE__NODE_SELECT_STMT
		            ? s->subselect->select_stmt
		            : NULL;
		for (; q && q->larg; q = q->larg)
			;
		if (!q || !q->n_target_list ||
		    q->target_list[0]->node_case != PG_QUERY__NODE__NODE_RES_TARGET)
			return q && q->n_values_lists ? strong("column1", out) : NAME_NONE;
		const PgQuery__ResTarget *t = q->target_list[0]->res_target;
		if (is_star_target(t))
			return strong("?column?", out); /* the name of a column that may not be known */
		return strong(*t->name ? t->name : output_name(t->val), out);
	default: return NAME_NONE;
	}
}

static const char *value_function_name(const PgQuery__SQLValueFunction *f)
{
	static const char *const names[] = {
	        NULL,
	        "current_date",
	        "current_time",
	        "current_time",
	        "current_timestamp",
	        "current_timestamp",
	        "localtime",
	        "localtime",
	        "localtimestamp",
	        "localtimestamp",
	};
	return (size_t)f->op < sizeof(names) / sizeof(*names) ? names[f->op] : NULL;
}

/* FigureColnameInternal of the server's parse_target.c. */
static enum strength figure(const PgQuery__Node *v, const char **out)
{
	if (!v)
		return NAME_NONE;
	switch (v->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		return strong(last_name(v->column_ref->fields, v->column_ref->n_fields), out);
	case PG_QUERY__NODE__NODE_A_INDIRECTION: {
		const PgQuery__AIndirection *x = v->a_indirection;
		const char *name = last_name(x->indirection, x->n_indirection);
		return name ? strong(name, out) : figure(x->arg, out);
	}
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		return strong(last_name(v->func_call->funcname, v->func_call->n_funcname), out);
	case PG_QUERY__NODE__NODE_A_EXPR:
		return strong(v->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF ? "nullif" : NULL,
		              out);
	case PG_QUERY__NODE__NODE_TYPE_CAST: {
		const PgQuery__TypeName *t = v->type_cast->type_name;
		return weak(figure(v->type_cast->arg, out), t ? last_name(t->names, t->n_names) : NULL, out);
	}
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return figure(v->collate_clause->arg, out);
	case PG_QUERY__NODE__NODE_GROUPING_FUNC: return strong("grouping", out);
	case PG_QUERY__NODE__NODE_SUB_LINK: return figure_sublink(v->sub_link, out);
	case PG_QUERY__NODE__NODE_CASE_EXPR: return weak(figure(v->case_expr->defresult, out), "case", out);
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: return strong("array", out);
	case PG_QUERY__NODE__NODE_ROW_EXPR: return strong("row", out);
	case PG_QUERY__NODE__NODE_COALESCE_EXPR: return strong("coalesce", out);
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
		return strong(v->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? "greatest" : "least",
		              out);
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
		return strong(value_function_name(v->sqlvalue_function), out);
	default: return NAME_NONE;
	}
}

const char *output_name(const PgQuery__Node *value)
{
	const char *name = "?column?";
	figure(value, &name);
	return name;
}
