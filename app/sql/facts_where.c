/* Of one query level: what its conditions say of joins, what its aggregates add up, what its groups are. */
#include "sql/facts_priv.h"

enum { CONDITIONS = 20 };

static const char *last_name(PgQuery__Node *const *names, size_t n)
{
	const char *name = n ? tree_str(names[n - 1]) : NULL;

	return name ? name : "";
}

static bool listed(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}
#define LISTED(names, name) listed((names), sizeof(names) / sizeof(*(names)), (name))

/* Conditions ------------------------------------------------------------------------------------------------ */

void facts_join(struct facts_level *l, struct sql_column left, struct sql_column right)
{
	if (left.table != right.table)
		FACTS_ADD(l->w->a, l->f->joins, l->f->njoins) = (struct sql_join){left, right};
}

/* What an expression refers to. */
struct refers {
	struct facts_level *l;
	uint64_t tables; /* bit for each base table */
	struct facts_rel *one;
	bool many; /* more than one thing in FROM */
	bool query;
};

static bool visit_reference(void *arg, const ProtobufCMessage *m)
{
	struct refers *r = arg;
	PgQuery__Node node = {.node_case = PG_QUERY__NODE__NODE_COLUMN_REF};
	struct sql_column c;

	r->query |= m->descriptor == &pg_query__sub_link__descriptor;
	if (m->descriptor != &pg_query__column_ref__descriptor)
		return true;
	node.column_ref = (PgQuery__ColumnRef *)(uintptr_t)m;
	r->l->unsure |= facts_column(r->l, &node, &c) == FACTS_UNKNOWN;
	struct facts_rel *rel = facts_rel_of(r->l, &node);
	if (!rel)
		return false;
	r->many |= r->one && r->one != rel;
	r->one = rel;
	if (rel->table >= 0)
		r->tables |= UINT64_C(1) << rel->table;
	return false;
}

static struct refers refers_to(struct facts_level *l, const PgQuery__Node *node)
{
	struct refers r = {.l = l};

	facts_each((const ProtobufCMessage *)node, visit_reference, &r);
	return r;
}

static void pick(struct facts_level *l, uint64_t tables)
{
	for (size_t i = 0; i < l->f->ntables; i++)
		if (tables >> i & 1)
			l->f->picked[i] = true;
}

/* A condition over several tables, or with a query in it, may choose one row of many: "the last payment". */
static void other_condition(struct facts_level *l, const PgQuery__Node *node)
{
	struct refers r = refers_to(l, node);

	if (r.many || r.query)
		pick(l, r.tables);
}

static const PgQuery__AConst *literal(const PgQuery__Node *node)
{
	if (node && node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		node = node->type_cast->arg;
	return node && node->node_case == PG_QUERY__NODE__NODE_A_CONST ? node->a_const : NULL;
}

static void add_condition(struct facts_level *l, struct sql_column c, const PgQuery__Node *value, bool only)
{
	const PgQuery__AConst *x = literal(value);
	struct sql_condition *to;

	if (!x || x->isnull || l->f->nconditions == CONDITIONS ||
	    (x->val_case != PG_QUERY__A__CONST__VAL_SVAL && x->val_case != PG_QUERY__A__CONST__VAL_IVAL))
		return;
	to = &FACTS_ADD(l->w->a, l->f->conditions, l->f->nconditions);
	to->column = c;
	to->only = only;
	to->text = x->val_case == PG_QUERY__A__CONST__VAL_SVAL;
	to->value = to->text ? x->sval->sval : arena_printf(l->w->a, "%d", x->ival->ival);
}

/* A column equal to something that is no column of a base table. */
static void equals(struct facts_level *l, struct sql_column c, const PgQuery__Node *value)
{
	add_condition(l, c, value, true);
	l->f->picked[c.table] = true;
	pick(l, refers_to(l, value).tables);
}

static void equality(struct facts_level *l, const PgQuery__Node *node)
{
	const PgQuery__AExpr *x = node->a_expr;
	struct sql_column a, b;
	enum facts_found left = facts_column(l, x->lexpr, &a), right = facts_column(l, x->rexpr, &b);

	l->unsure |= left == FACTS_UNKNOWN || right == FACTS_UNKNOWN;
	if (left == FACTS_BASE && right == FACTS_BASE)
		facts_join(l, a, b);
	else if (left == FACTS_BASE)
		equals(l, a, x->rexpr);
	else if (right == FACTS_BASE)
		equals(l, b, x->lexpr);
	else
		other_condition(l, node);
}

static void one_of(struct facts_level *l, const PgQuery__Node *node)
{
	const PgQuery__AExpr *x = node->a_expr;
	struct sql_column c;

	other_condition(l, node);
	if (facts_column(l, x->lexpr, &c) != FACTS_BASE || x->rexpr->node_case != PG_QUERY__NODE__NODE_LIST)
		return;
	for (size_t i = 0; i < x->rexpr->list->n_items; i++)
		add_condition(l, c, x->rexpr->list->items[i], x->rexpr->list->n_items == 1);
	l->f->picked[c.table] |= x->rexpr->list->n_items == 1;
}

static bool is_equals(const PgQuery__AExpr *x)
{
	return !strcmp(last_name(x->name, x->n_name), "=");
}

void facts_conditions(struct facts_level *l, const PgQuery__Node *where)
{
	switch (where ? where->node_case : PG_QUERY__NODE__NODE__NOT_SET) {
	case PG_QUERY__NODE__NODE__NOT_SET: return;
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		if (where->bool_expr->boolop != PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR)
			break;
		for (size_t i = 0; i < where->bool_expr->n_args; i++)
			facts_conditions(l, where->bool_expr->args[i]);
		return;
	case PG_QUERY__NODE__NODE_A_EXPR:
		if (where->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP && is_equals(where->a_expr)) {
			equality(l, where);
			return;
		}
		if (where->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_IN && is_equals(where->a_expr)) {
			one_of(l, where);
			return;
		}
		break;
	case PG_QUERY__NODE__NODE_NULL_TEST: /* "valid_to IS NULL" is the present one */
		if (where->null_test->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL)
			pick(l, refers_to(l, where).tables);
		return;
	case PG_QUERY__NODE__NODE_COLUMN_REF: /* "is_default" */
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST: pick(l, refers_to(l, where).tables); return;
	default: break;
	}
	other_condition(l, where);
}

/* Aggregates ------------------------------------------------------------------------------------------------ */

static const char *const aggregates[] = {
        "sum",
        "avg",
        "count",
        "min",
        "max",
        "bool_and",
        "bool_or",
        "every",
        "array_agg",
        "string_agg",
        "json_agg",
        "jsonb_agg",
        "stddev",
        "stddev_pop",
        "stddev_samp",
        "variance",
        "var_pop",
        "var_samp",
        "percentile_cont",
        "percentile_disc",
        "mode",
        "corr",
        "covar_pop",
        "covar_samp",
        "json_object_agg",
        "jsonb_object_agg",
        "bit_and",
        "bit_or",
        "regr_slope",
        "regr_intercept",
        "regr_r2",
        "range_agg",
};

static bool is_aggregate(const PgQuery__FuncCall *call)
{
	return !call->over &&
	       (call->agg_star || call->agg_distinct || call->agg_filter || call->n_agg_order ||
	        call->agg_within_group || LISTED(aggregates, last_name(call->funcname, call->n_funcname)));
}

static bool is_query(const ProtobufCMessage *m)
{
	return m->descriptor == &pg_query__select_stmt__descriptor;
}

static bool visit_computed(void *arg, const ProtobufCMessage *m)
{
	if (m->descriptor == &pg_query__func_call__descriptor) {
		const PgQuery__FuncCall *call = (const PgQuery__FuncCall *)m;
		*(bool *)arg |= call->over || is_aggregate(call);
	}
	return !is_query(m);
}

bool facts_computes(const PgQuery__SelectStmt *s)
{
	bool computes = false;

	for (size_t i = 0; i < s->n_target_list; i++)
		facts_each((const ProtobufCMessage *)s->target_list[i], visit_computed, &computes);
	return computes;
}

/* The columns of an expression whose value grows with them: no CASE, which may count instead. */
static bool summed(struct facts_level *l, struct sql_aggregate *agg, const PgQuery__Node *node)
{
	static const char *const operators[] = {"+", "-", "*", "/"}, *const functions[] = {"round", "abs"};
	PgQuery__Node *const *args = NULL;
	struct sql_column c;
	size_t n = 0;

	switch (node ? node->node_case : PG_QUERY__NODE__NODE__NOT_SET) {
	case PG_QUERY__NODE__NODE__NOT_SET:
	case PG_QUERY__NODE__NODE_A_CONST: return true;
	case PG_QUERY__NODE__NODE_TYPE_CAST: return summed(l, agg, node->type_cast->arg);
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		if (facts_column(l, node, &c) != FACTS_BASE)
			return false;
		FACTS_ADD(l->w->a, agg->columns, agg->ncolumns) = c;
		return true;
	case PG_QUERY__NODE__NODE_A_EXPR:
		return node->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP &&
		       LISTED(operators, last_name(node->a_expr->name, node->a_expr->n_name)) &&
		       summed(l, agg, node->a_expr->lexpr) && summed(l, agg, node->a_expr->rexpr);
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
		args = node->coalesce_expr->args;
		n = node->coalesce_expr->n_args;
		break;
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		if (!LISTED(functions, last_name(node->func_call->funcname, node->func_call->n_funcname)))
			return false;
		args = node->func_call->args;
		n = node->func_call->n_args;
		break;
	default: return false;
	}
	for (size_t i = 0; i < n; i++)
		if (!summed(l, agg, args[i]))
			return false;
	return true;
}

static void add_aggregate(struct facts_level *l, const PgQuery__FuncCall *call)
{
	struct sql_aggregate agg = {.function = last_name(call->funcname, call->n_funcname),
	                            .distinct = call->agg_distinct};
	struct refers filter = refers_to(l, call->agg_filter);

	if (call->n_args != 1 || !summed(l, &agg, call->args[0]))
		agg.ncolumns = 0;
	agg.plain = agg.ncolumns == 1 && call->args[0]->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
	/* What a FILTER asks for chooses rows as the column itself does. */
	for (size_t i = 0; agg.ncolumns && i < l->f->ntables; i++)
		if (filter.tables >> i & 1)
			FACTS_ADD(l->w->a, agg.columns, agg.ncolumns) = (struct sql_column){i, NULL};
	FACTS_ADD(l->w->a, l->f->aggregates, l->f->naggregates) = agg;
	l->f->grouped = true;
}

static bool visit_aggregate(void *arg, const ProtobufCMessage *m)
{
	const PgQuery__FuncCall *call = (const PgQuery__FuncCall *)m;

	if (m->descriptor == &pg_query__func_call__descriptor && is_aggregate(call)) {
		add_aggregate(arg, call);
		return false;
	}
	return !is_query(m);
}

void facts_aggregates(struct facts_level *l, const PgQuery__SelectStmt *s)
{
	for (size_t i = 0; i < s->n_target_list; i++)
		facts_each((const ProtobufCMessage *)s->target_list[i], visit_aggregate, l);
	facts_each((const ProtobufCMessage *)s->having_clause, visit_aggregate, l);
	for (size_t i = 0; i < s->n_sort_clause; i++)
		facts_each((const ProtobufCMessage *)s->sort_clause[i], visit_aggregate, l);
}

/* GROUP BY -------------------------------------------------------------------------------------------------- */

/* What a number or the name of an output column in GROUP BY stands for. */
static const PgQuery__Node *output(const PgQuery__SelectStmt *s, const PgQuery__Node *by)
{
	const PgQuery__ResTarget *t;
	const char *name = NULL;

	if (by->node_case == PG_QUERY__NODE__NODE_A_CONST &&
	    by->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL) {
		t = facts_target(s, (size_t)by->a_const->ival->ival - 1);
		return t ? t->val : NULL;
	}
	if (by->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && by->column_ref->n_fields == 1)
		name = tree_str(by->column_ref->fields[0]);
	for (size_t i = 0; name && (t = facts_target(s, i)); i++)
		if (!strcmp(t->name, name))
			return t->val;
	return NULL;
}

void facts_groups(struct facts_level *l, const PgQuery__SelectStmt *s)
{
	struct sql_column c;

	for (size_t i = 0; i < s->n_group_clause; i++) {
		enum facts_found found = facts_column(l, s->group_clause[i], &c);
		if (found == FACTS_OTHER)
			found = facts_column(l, output(s, s->group_clause[i]), &c);
		l->unsure |= found == FACTS_UNKNOWN;
		if (found == FACTS_BASE)
			FACTS_ADD(l->w->a, l->f->fixed, l->f->nfixed) = c;
	}
}
