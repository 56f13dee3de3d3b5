/*
 * Row filters and masks. The table is replaced, where it stands in FROM, by a subquery that shows the
 * permitted rows and the masked values: whatever is built on top of it cannot see more. OFFSET 0 keeps the
 * planner from moving conditions of the statement below the filter, where a failing one could tell of hidden
 * rows.
 */
#include "lib/buf.h"
#include "sql/sql_priv.h"

static struct err *invalid(struct guard *g, const struct sql_table *t, const char *why)
{
	return err_hint(refuse(g, "policy_invalid", -1, "table %s cannot be shown: %s", t->name, why),
	                "Somebody who administers this project must correct its policy.");
}

/* Values become text: %1$s is the column. A value too short to be cut is hidden whole. */
static const char *const masks[SQL_MASK__MAX] = {
        [SQL_MASK_FULL] = "CASE WHEN %1$s IS NULL THEN NULL ELSE '***' END",
        [SQL_MASK_EMAIL] =
                "CASE WHEN %1$s IS NULL THEN NULL WHEN strpos(%1$s::text, '@') > 1"
                " THEN left(%1$s::text, 1) || '***@' || split_part(%1$s::text, '@', 2) ELSE '***' END",
        [SQL_MASK_LAST4] = "CASE WHEN %1$s IS NULL THEN NULL WHEN length(%1$s::text) > 4"
                           " THEN '***' || right(%1$s::text, 4) ELSE '***' END",
        [SQL_MASK_HASH] = "left(encode(sha256(convert_to(%2$s || %1$s::text, 'UTF8')), 'hex'), 16)",
        [SQL_MASK_YEAR] = "make_date(extract(year FROM %1$s)::int, 1, 1)",
        [SQL_MASK_NULL] = "NULL::text",
};

static const struct sql_mask *mask_of(const struct sql_table *t, const char *column)
{
	for (size_t i = 0; i < t->nmasks; i++)
		if (!strcmp(t->masks[i].column, column))
			return &t->masks[i];
	return NULL;
}

/* Appends one of our templates with the column and the key put in. */
static void add_masked(struct guard *g, struct buf *b, enum sql_mask_kind kind, const char *column)
{
	/* Without a key a hash could be found by guessing. */
	if (kind == SQL_MASK_HASH && !g->policy->mask_key)
		kind = SQL_MASK_FULL;
	for (const char *p = masks[kind]; *p; p++) {
		if (*p != '%') {
			buf_add_char(b, *p);
			continue;
		}
		buf_add_cstr(b, p[1] == '1' ? column : sql_quote_literal(g->a, g->policy->mask_key));
		p += 3;
	}
}

static void add_column(struct guard *g, struct buf *b, const struct sql_table *t, const char *column)
{
	const struct sql_mask *mask = mask_of(t, column);
	const char *name = sql_quote_ident(g->a, column);
	const char *full = arena_printf(g->a, "%s.%s", sql_quote_ident(g->a, t->name), name);
	if (!mask) {
		buf_add_cstr(b, full);
		return;
	}
	add_masked(g, b, mask->kind, full);
	buf_printf(b, " AS %s", name);
}

static const char *subquery_text(struct guard *g, const struct sql_table *t)
{
	struct buf b = buf_init(g->a, BUF_PAGE);
	buf_add_cstr(&b, "SELECT ");
	for (size_t i = 0; i < t->ncolumns; i++) {
		buf_add_cstr(&b, i ? ", " : "");
		add_column(g, &b, t, t->columns[i]);
	}
	if (!t->columns)
		buf_add_cstr(&b, "*");
	buf_printf(&b, " FROM %s.%s OFFSET 0", sql_quote_ident(g->a, g->policy->schema),
	           sql_quote_ident(g->a, t->name));
	return b.full ? NULL : buf_cstr(&b);
}

/* The filter is walked like any expression, in a scope that has only the table. */
static struct err *filter(struct guard *g, const struct sql_table *t, const struct cols *cols,
                          PgQuery__Node **out)
{
	struct scope *outer = g->scope;
	struct scope scope = {0};
	if (!t->filter)
		return NULL;
	if (parse_expression(g->a, t->filter, out))
		return invalid(g, t, "its row filter is not an SQL expression");
	g->scope = &scope;
	g->filter_of = t;
	struct err *e = rel_push(g, t->name, cols);
	if (!e)
		e = walk(g, *out);
	g->filter_of = NULL;
	g->scope = outer;
	return e;
}

struct err *mask_table(struct guard *g, PgQuery__Node *item, const struct sql_table *t)
{
	PgQuery__RangeVar *v = item->range_var;
	struct cols cols = {0};
	PgQuery__Node *where = NULL;
	if (t->nmasks && !t->columns)
		return invalid(g, t, "it has masks and its columns are not known");
	for (size_t i = 0; i < t->ncolumns; i++)
		cols_add(g->a, &cols, t->columns[i]);
	if (!t->columns)
		cols.open = source_get(g, t->name);
	TRY(filter(g, t, &cols, &where));

	PgQuery__ParseResult *tree = NULL;
	const char *text = subquery_text(g, t);
	if (!text || parse_tree(g->a, text, &tree) || tree->n_stmts != 1)
		return invalid(g, t, "its columns cannot be written as SQL");
	PgQuery__SelectStmt *s = tree->stmts[0]->stmt->select_stmt;
	s->from_clause[0]->range_var->inh = v->inh;
	s->where_clause = where;

	PgQuery__RangeSubselect *sub = tree_new(g->a, &pg_query__range_subselect__descriptor);
	sub->subquery = tree->stmts[0]->stmt;
	sub->alias = v->alias;
	if (!sub->alias) {
		sub->alias = tree_new(g->a, &pg_query__alias__descriptor);
		sub->alias->aliasname = v->relname;
	}
	item->node_case = PG_QUERY__NODE__NODE_RANGE_SUBSELECT;
	item->range_subselect = sub;
	return NULL;
}
