/*
 * Columns. On the server c.x calls the function x(c) when c has no column x, and so does (c).x; the tree
 * shows only a column. So every qualified name must be shown to be a column here.
 */
#include "sql/sql_priv.h"

static const char *const system_columns[] = {"tableoid", "xmin", "xmax", "cmin", "cmax", "ctid"};

static struct err *system_column(struct guard *g, const char *name, int location)
{
	for (size_t i = 0; i < sizeof(system_columns) / sizeof(*system_columns); i++)
		if (!strcmp(name, system_columns[i]))
			return err_hint(refuse(g, "column_not_allowed", location,
			                       "system column %s is not allowed", name),
			                "Use the table's own columns.");
	return NULL;
}

/* The table's own name for a column that an alias list may have renamed. */
static const char *own_name(struct guard *g, const struct rel *r, const char *name)
{
	const struct sql_table *t = table_known(g->policy, r->table);
	for (size_t i = 0; t && i < t->ncolumns && i < r->cols.n; i++)
		if (!strcmp(r->cols.name[i], name))
			return t->columns[i];
	return name;
}

static void record(struct guard *g, const struct rel *r, const char *name)
{
	if (r->table)
		names_add(g->a, &g->columns, arena_printf(g->a, "%s.%s", r->table, own_name(g, r, name)));
}

void column_note(struct guard *g, const struct rel *r, const char *name)
{
	if (cols_has(&r->cols, name))
		record(g, r, name);
}

static struct err *unknown_column(struct guard *g, const struct rel *r, const char *name, int location)
{
	struct err *e = refuse(g, "column_not_known", location, "there is no column %s in %s", name,
	                       r->name);
	const char *near = nearest(g->a, name, r->cols.name, r->cols.n);
	if (near)
		return err_hint(e, "Did you mean %s.%s?", r->name, near);
	return err_hint(e, "The data dictionary lists the columns of each table.");
}

/* A column of r, known now or to be proved by the server (see struct source). */
static struct err *column_of(struct guard *g, const struct rel *r, const char *name, int location)
{
	record(g, r, name);
	if (cols_has(&r->cols, name))
		return NULL;
	TRY(system_column(g, name, location));
	/* A name like that of the table in the proof would be taken for its row. */
	bool reserved = !strncmp(name, REWRITE_PREFIX, sizeof(REWRITE_PREFIX) - 1);
	if (!r->cols.open || r->cols.vague || reserved)
		return unknown_column(g, r, name, location);
	if (!cols_has(&r->cols.open->needed, name))
		cols_add(g->a, &r->cols.open->needed, name);
	return NULL;
}

static struct err *rel_get(struct guard *g, const char *name, int location, struct rel **out)
{
	*out = rel_find(g, name);
	if (*out)
		return NULL;
	return err_hint(refuse(g, "column_not_known", location, "nothing in FROM is called %s", name),
	                "Qualify columns with the name or alias of a table in FROM.");
}

/* shop.orders.total: the server takes it for the table orders if that stands in FROM without alias. */
static struct err *drop_schema(struct guard *g, PgQuery__ColumnRef *ref)
{
	const char *schema = tree_str(ref->fields[0]);
	const char *name = tree_str(ref->fields[1]);
	struct rel *r = name ? rel_find(g, name) : NULL;
	if (!schema || !r || !r->table || r->aliased || strcmp(schema, g->policy->schema) != 0 ||
	    strcmp(r->table, name) != 0)
		return err_hint(refuse(g, "column_not_known", ref->location,
		                       "column name of three parts is not known"),
		                "Write alias.column.");
	ref->fields++;
	ref->n_fields--;
	return NULL;
}

enum found { FOUND_NO, FOUND_MAYBE, FOUND_YES };

static enum found plain_in(struct guard *g, const struct scope *s, const char *name)
{
	enum found found = FOUND_NO;
	for (const struct rel *r = s->rels; r && r != s->stop; r = r->next) {
		if (cols_has(&r->cols, name)) {
			record(g, r, name);
			found = FOUND_YES;
		} else if (found == FOUND_NO && (r->cols.open || r->cols.vague)) {
			if (r->cols.open && !r->cols.vague)
				record(g, r, name);
			found = FOUND_MAYBE;
		}
	}
	return found;
}

static enum found plain_find(struct guard *g, const char *name)
{
	enum found found = FOUND_NO;
	for (const struct scope *s = g->scope; s; s = s->outer) {
		enum found here = s->hidden ? FOUND_NO : plain_in(g, s, name);
		if (here == FOUND_YES)
			return here;
		if (here == FOUND_MAYBE)
			found = here;
	}
	return found;
}

static const char *nearest_plain(struct guard *g, const char *name)
{
	struct cols all = {0};
	for (const struct scope *s = g->scope; s; s = s->outer)
		for (const struct rel *r = s->hidden ? NULL : s->rels; r; r = r->next)
			for (size_t i = 0; i < r->cols.n; i++)
				cols_add(g->a, &all, r->cols.name[i]);
	return nearest(g->a, name, all.name, all.n);
}

static void use_row(struct guard *g, struct rel *r)
{
	record(g, r, "*");
	rewrite_row(g, r);
}

/* A name alone never calls a function: it is a column, a whole row, or an output column in ORDER BY and
 * GROUP BY. */
static struct err *plain(struct guard *g, const char *name, int location)
{
	TRY(system_column(g, name, location));
	enum found found = plain_find(g, name);
	struct rel *row = found == FOUND_YES ? NULL : rel_find(g, name);
	if (row)
		use_row(g, row);
	if (row || found != FOUND_NO || cols_has(&g->scope->outputs, name))
		return NULL;
	struct err *e = refuse(g, "column_not_known", location, "column %s is not known", name);
	const char *near = nearest_plain(g, name);
	if (near)
		return err_hint(e, "Did you mean %s?", near);
	return err_hint(e, "The data dictionary lists the columns of each table.");
}

/* In a row filter every column is qualified, so that none can be captured by the query around it. */
static struct err *filter_column(struct guard *g, PgQuery__ColumnRef *ref)
{
	const char *name = tree_str(ref->fields[ref->n_fields - 1]);
	const char *table = ref->n_fields == 2 ? tree_str(ref->fields[0]) : g->filter_of->name;
	if (ref->n_fields > 2 || !name || !table || strcmp(table, g->filter_of->name) != 0)
		return refuse(g, "policy_invalid", -1,
		              "the row filter of %s names something else than its columns",
		              g->filter_of->name);
	TRY(column_of(g, g->scope->rels, name, -1));
	ref->n_fields = 2;
	ref->fields = ARENA_ARRAY(g->a, PgQuery__Node *, 2);
	ref->fields[0] = tree_string(g->a, table);
	ref->fields[1] = tree_string(g->a, name);
	return NULL;
}

/* With `columns`, alias.* stands for the columns; else for the row as one value. */
static struct err *reference(struct guard *g, PgQuery__ColumnRef *ref, bool columns)
{
	if (g->filter_of)
		return filter_column(g, ref);
	if (ref->n_fields == 3)
		TRY(drop_schema(g, ref));
	if (ref->n_fields == 0 || ref->n_fields > 2)
		return refuse(g, "column_not_known", ref->location, "column name has too many parts");
	const PgQuery__Node *last = ref->fields[ref->n_fields - 1];
	const char *name = tree_str(last);
	if (!name && last->node_case != PG_QUERY__NODE__NODE_A_STAR)
		return refuse(g, "column_not_known", ref->location, "this form of a column is not known");
	if (ref->n_fields == 1)
		return name ? plain(g, name, ref->location) : NULL;
	const char *qualifier = tree_str(ref->fields[0]);
	if (!qualifier)
		return refuse(g, "column_not_known", ref->location, "this form of a column is not known");
	struct rel *r;
	TRY(rel_get(g, qualifier, ref->location, &r));
	if (name)
		return column_of(g, r, name, ref->location);
	if (!columns)
		use_row(g, r);
	return NULL;
}

struct err *column_ref(struct guard *g, PgQuery__ColumnRef *ref)
{
	return reference(g, ref, false);
}

struct err *column_target(struct guard *g, PgQuery__ColumnRef *ref)
{
	return reference(g, ref, true);
}

/* The thing in FROM whose whole row the expression is, or NULL. A column of that name would come first. */
static struct rel *whole_row(struct guard *g, const PgQuery__Node *arg)
{
	if (!arg || arg->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || arg->column_ref->n_fields != 1)
		return NULL;
	const char *name = tree_str(arg->column_ref->fields[0]);
	return name && plain_find(g, name) == FOUND_NO ? rel_find(g, name) : NULL;
}

static struct err *field(struct guard *g, PgQuery__AIndirection *x, const PgQuery__Node *sel, struct rel *row)
{
	const char *name = tree_str(sel);
	int location = x->arg ? tree_location(tree_inner(x->arg)) : -1;
	if (sel->node_case == PG_QUERY__NODE__NODE_A_STAR) {
		if (row)
			record(g, row, "*");
		return NULL; /* expands a row; calls nothing */
	}
	if (name && row)
		return column_of(g, row, name, location);
	size_t n = 0;
	const char *const *columns = NULL;
	if (name && x->n_indirection == 1 && x->arg && x->arg->node_case == PG_QUERY__NODE__NODE_FUNC_CALL)
		columns = func_columns(x->arg->func_call, &n);
	for (size_t i = 0; n > 1 && i < n; i++)
		if (!strcmp(columns[i], name))
			return NULL;
	return err_hint(refuse(g, "field_not_allowed", location, "a field of an expression is not allowed"),
	                "Put the expression into FROM, as a subquery or function with an alias, and write"
	                " alias.column.");
}

/* libpg_query's deparser forgets the parentheses of these before a subscript. */
static bool loses_parentheses(const PgQuery__Node *arg)
{
	switch (arg->node_case) {
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
	case PG_QUERY__NODE__NODE_CASE_EXPR:
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: return true;
	case PG_QUERY__NODE__NODE_SUB_LINK:
		return arg->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK;
	default: return false;
	}
}

/* trim_array(array, 0) is the array, in a form that keeps its parentheses. */
static PgQuery__Node *same_array(struct guard *g, PgQuery__Node *array)
{
	PgQuery__FuncCall *call = tree_new(g->a, &pg_query__func_call__descriptor);
	PgQuery__Node **nodes = ARENA_ARRAY(g->a, PgQuery__Node *, 3);
	nodes[0] = tree_string(g->a, "trim_array");
	nodes[1] = array;
	nodes[2] = tree_int(g->a, 0);
	call->funcname = &nodes[0];
	call->n_funcname = 1;
	call->args = &nodes[1];
	call->n_args = 2;
	call->funcformat = PG_QUERY__COERCION_FORM__COERCE_EXPLICIT_CALL;
	return tree_node(g->a, PG_QUERY__NODE__NODE_FUNC_CALL, call);
}

struct err *column_indirection(struct guard *g, PgQuery__AIndirection *x)
{
	if (!x->arg)
		return refuse(g, "field_not_allowed", -1, "a field of nothing is not allowed");
	struct rel *row = x->n_indirection == 1 ? whole_row(g, x->arg) : NULL;
	for (size_t i = 0; i < x->n_indirection; i++) {
		PgQuery__Node *sel = x->indirection[i];
		if (sel->node_case == PG_QUERY__NODE__NODE_A_INDICES)
			TRY(walk(g, sel));
		else
			TRY(field(g, x, sel, row));
	}
	if (!row)
		TRY(walk(g, x->arg));
	if (x->n_indirection && x->indirection[0]->node_case == PG_QUERY__NODE__NODE_A_INDICES &&
	    loses_parentheses(x->arg))
		x->arg = same_array(g, x->arg);
	return NULL;
}
