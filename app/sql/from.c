/*
 * FROM: tables by policy, subqueries, functions, joins. Each item pushes what columns can be qualified with
 * and tells the columns that `*` shows of it, in the server's order.
 */
#include "sql/sql_priv.h"

static struct err *push_alias(struct guard *g, const PgQuery__Alias *alias, const char *name,
                              struct cols *cols)
{
	if (alias && *alias->aliasname)
		name = alias->aliasname;
	if (alias)
		*cols = cols_renamed(g->a, cols, alias->colnames, alias->n_colnames);
	return name ? rel_push(g, name, cols) : NULL;
}

static struct err *from_table(struct guard *g, PgQuery__Node *item, struct cols *out)
{
	PgQuery__RangeVar *v = item->range_var;
	struct cte *cte = NULL;
	if (!*v->schemaname && !*v->catalogname)
		TRY(cte_find(g, v->relname, &cte));
	if (cte) {
		*out = cte->cols;
		out->size = out->n;
		return push_alias(g, v->alias, v->relname, out);
	}
	TRY(policy_allows(g, v));
	v->schemaname = arena_strdup(g->a, g->policy->schema);
	names_add(g->a, &g->tables, arena_printf(g->a, "%s.%s", v->schemaname, v->relname));
	const struct sql_table *t = table_known(g->policy, v->relname);
	if (t && t->columns)
		for (size_t i = 0; i < t->ncolumns; i++)
			cols_add(g->a, out, t->columns[i]);
	else
		out->open = source_get(g, v->relname);
	TRY(push_alias(g, v->alias, v->relname, out));
	g->scope->rels->table = v->relname;
	g->scope->rels->aliased = v->alias;
	const struct sql_table *ruled =
	        t && (t->filter || t->nmasks) ? t : table_ruled(g->policy, v->relname);
	if (ruled && ruled != t)
		return refuse(g, "policy_invalid", v->location,
		              "table %s cannot be shown: its rules name it in other letters", v->relname);
	if (ruled)
		return mask_table(g, item, t);
	g->scope->rels->item = item;
	return NULL;
}

static struct err *from_subquery(struct guard *g, PgQuery__RangeSubselect *s, struct cols *out)
{
	bool hidden = g->scope->hidden;
	g->scope->hidden = !s->lateral;
	struct err *e = query_walk(g, s->subquery, out);
	g->scope->hidden = hidden;
	TRY(e);
	return push_alias(g, s->alias, NULL, out);
}

/* The array may be one of rows: then the columns are those of the row and the alias names none of them.
 * With a name for the first column it is that column in either case. */
static void name_unnested(struct guard *g, PgQuery__RangeFunction *f, const char *name)
{
	if (!f->alias) {
		f->alias = tree_new(g->a, &pg_query__alias__descriptor);
		f->alias->aliasname = arena_strdup(g->a, name);
	}
	if (f->alias->n_colnames)
		return;
	f->alias->colnames = ARENA_ARRAY(g->a, PgQuery__Node *, 1);
	f->alias->colnames[0] = tree_string(g->a, f->alias->aliasname);
	f->alias->n_colnames = 1;
}

static void add_defined(struct guard *g, struct cols *out, PgQuery__Node *const *defs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (defs[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
			cols_add(g->a, out, defs[i]->column_def->colname);
}

/* The columns of one function of a ROWS FROM list; item is (function, column definitions or nothing). */
static struct err *function_columns(struct guard *g, PgQuery__RangeFunction *f, const PgQuery__List *item,
                                    struct cols *out)
{
	const PgQuery__Node *fn = item->n_items ? item->items[0] : NULL;
	const PgQuery__Node *defs = item->n_items > 1 ? item->items[1] : NULL;
	if (!fn || (fn->node_case != PG_QUERY__NODE__NODE_FUNC_CALL &&
	            fn->node_case != PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION))
		return refuse(g, "function_not_allowed", -1,
		              "this form of a function in FROM is not allowed");
	size_t before = out->n;
	add_defined(g, out, f->coldeflist, f->n_coldeflist);
	if (defs && defs->node_case == PG_QUERY__NODE__NODE_LIST)
		add_defined(g, out, defs->list->items, defs->list->n_items);
	size_t n = 0;
	const char *const *names =
	        fn->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? func_columns(fn->func_call, &n) : NULL;
	if (out->n != before)
		n = 0; /* the statement defines the columns */
	for (size_t i = 0; i < n; i++)
		cols_add(g->a, out, names[i]);
	const char *name = output_name(fn);
	if (!strcmp(name, "unnest")) {
		if (f->n_functions == 1 && fn->func_call->n_args == 1) {
			name_unnested(g, f, name);
			cols_add(g->a, out, name);
		} else {
			out->vague = true;
		}
	} else if (out->n == before) {
		cols_add(g->a, out, f->n_functions == 1 && f->alias ? f->alias->aliasname : name);
	}
	return NULL;
}

static struct err *from_function(struct guard *g, PgQuery__RangeFunction *f, struct cols *out)
{
	for (size_t i = 0; i < f->n_functions; i++) {
		if (f->functions[i]->node_case != PG_QUERY__NODE__NODE_LIST ||
		    !f->functions[i]->list->n_items)
			return refuse(g, "function_not_allowed", -1,
			              "this form of a function in FROM is not allowed");
		TRY(function_columns(g, f, f->functions[i]->list, out));
	}
	TRY(walk_fields(g, f, FIELD(5)));
	const char *name = f->n_functions ? output_name(f->functions[0]->list->items[0]) : NULL;
	if (f->ordinality)
		cols_add(g->a, out, "ordinality");
	return push_alias(g, f->alias, name, out);
}

static struct err *from_sample(struct guard *g, PgQuery__Node *item, struct cols *out)
{
	PgQuery__RangeTableSample *s = item->range_table_sample;
	const char *method;
	TRY(func_name(g, s->method, s->n_method, "sampling method", "function_not_allowed", s->location,
	              &method));
	if (strcmp(method, "bernoulli") != 0 && strcmp(method, "system") != 0)
		return refuse(g, "function_not_allowed", s->location, "sampling method %s is not allowed",
		              method);
	if (!s->relation || s->relation->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
		return refuse(g, "statement_not_allowed", s->location,
		              "TABLESAMPLE is allowed on a table only");
	double number;
	for (size_t i = 0; i < s->n_args; i++)
		if (!bound_number(s->args[i], &number))
			return refuse(g, "statement_not_allowed", s->location,
			              "TABLESAMPLE takes a number here");
	if (s->repeatable && !bound_number(s->repeatable, &number))
		return refuse(g, "statement_not_allowed", s->location, "REPEATABLE takes a number here");
	g->varies |= !s->repeatable;
	TRY(from_table(g, s->relation, out));
	if (s->relation->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
		return refuse(g, "statement_not_allowed", s->location,
		              "TABLESAMPLE is not allowed on a filtered table");
	if (g->scope->rels->item)
		g->scope->rels->item = item;
	return walk_fields(g, s, FIELD(1) | FIELD(2));
}

/* What `*` shows of a join: the columns joined on once and first, then the rest of each side. */
static struct cols merged(struct guard *g, const struct cols *on, const struct cols *l, const struct cols *r)
{
	const struct cols *side[2] = {l, r};
	struct cols out = {0};
	cols_add_all(g->a, &out, on);
	for (int k = 0; k < 2; k++) {
		struct cols rest = {.open = side[k]->open, .vague = side[k]->vague};
		for (size_t i = 0; i < side[k]->n; i++)
			if (!cols_has(on, side[k]->name[i]))
				cols_add(g->a, &rest, side[k]->name[i]);
		cols_add_all(g->a, &out, &rest);
	}
	return out;
}

/* A column that both sides are joined on: it is read of every table among them that has it. */
static void join_column(struct guard *g, const struct rel *before, struct cols *on, const char *name)
{
	if (!name)
		return;
	cols_add(g->a, on, name);
	for (const struct rel *r = g->scope->rels; r != before; r = r->next)
		column_note(g, r, name);
}

static struct cols joined_on(struct guard *g, const PgQuery__JoinExpr *j, const struct rel *before,
                             const struct cols *l, const struct cols *r)
{
	struct cols on = {0};
	for (size_t i = 0; i < j->n_using_clause; i++)
		join_column(g, before, &on, tree_str(j->using_clause[i]));
	for (size_t i = 0; j->is_natural && i < l->n; i++)
		if (cols_has(r, l->name[i]))
			join_column(g, before, &on, l->name[i]);
	return on;
}

static struct err *from_join(struct guard *g, PgQuery__JoinExpr *j, struct cols *out)
{
	struct rel *before = g->scope->rels;
	struct rel *stop = g->scope->stop;
	struct cols l = {0}, r = {0};
	TRY(from_walk(g, j->larg, &l));
	TRY(from_walk(g, j->rarg, &r));
	g->scope->stop = before; /* ON sees the two sides only */
	struct err *e = walk(g, j->quals);
	g->scope->stop = stop;
	TRY(e);
	struct cols on = joined_on(g, j, before, &l, &r);
	*out = merged(g, &on, &l, &r);
	if (j->alias) {
		g->scope->rels = before; /* an alias hides what is joined */
		TRY(push_alias(g, j->alias, NULL, out));
	} else if (j->join_using_alias) {
		TRY(rel_push(g, j->join_using_alias->aliasname, &on));
	}
	return walk_fields(g, j, FIELD(3) | FIELD(4) | FIELD(5) | FIELD(6) | FIELD(7) | FIELD(8));
}

struct err *from_walk(struct guard *g, PgQuery__Node *item, struct cols *out)
{
	switch (item ? item->node_case : PG_QUERY__NODE__NODE__NOT_SET) {
	case PG_QUERY__NODE__NODE_RANGE_VAR: return from_table(g, item, out);
	case PG_QUERY__NODE__NODE_RANGE_SUBSELECT: return from_subquery(g, item->range_subselect, out);
	case PG_QUERY__NODE__NODE_RANGE_FUNCTION: return from_function(g, item->range_function, out);
	case PG_QUERY__NODE__NODE_JOIN_EXPR: return from_join(g, item->join_expr, out);
	case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE: return from_sample(g, item, out);
	default:
		TRY(walk(g, item));
		return refuse(g, "statement_not_allowed", -1, "this form of FROM is not allowed");
	}
}
