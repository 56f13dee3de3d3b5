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

/* %1$s is the column, of any type; %2$s the key. No value may raise an error: it would tell of the value, and
 * one row would close the table. What does not look as the mask expects, or is too short to be cut, is hidden
 * whole. The "C" collation is one that every pattern works with. */
static const char *const masks[SQL_MASK__MAX] = {
        [SQL_MASK_FULL] = "CASE WHEN %1$s IS NULL THEN NULL ELSE '***' END",
        [SQL_MASK_EMAIL] =
                "CASE WHEN %1$s IS NULL THEN NULL"
                " WHEN %1$s::text COLLATE \"C\" ~ '^[^@[:space:]]+@[^@[:space:]]+$'"
                " THEN left(%1$s::text, 1) || '***@' || split_part(%1$s::text COLLATE \"C\", '@', 2) ELSE '***' END",
        [SQL_MASK_LAST4] = "CASE WHEN %1$s IS NULL THEN NULL WHEN length(%1$s::text) >= 8"
                           " THEN '***' || right(%1$s::text, 4) ELSE '***' END",
        [SQL_MASK_HASH] = "left(encode(sha256(convert_to(%2$s || %1$s::text, 'UTF8')), 'hex'), 16)",
        [SQL_MASK_YEAR] = "CASE WHEN %1$s::text COLLATE \"C\" ~"
                          " '^(?!0+-|.* BC$)[0-9]{4,6}-[0-9]{2}-[0-9]{2}'"
                          " THEN (split_part(%1$s::text COLLATE \"C\", '-', 1) || '-01-01')::date END",
        [SQL_MASK_NULL] = "NULL::text",
};

/* A mask counts in any case of letters, as an exclusion does. */
static const struct sql_mask *mask_of(const struct sql_table *t, const char *column)
{
	for (size_t i = 0; i < t->nmasks; i++)
		if (str_eq_nocase(str_of(t->masks[i].column), str_of(column)))
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
		if (p[1] == '1')
			buf_add_cstr(b, column);
		else
			param_put(g, PARAM_KEY, b);
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
	struct scope scope = {.growth = 1};
	struct param_slots slots;
	if (!t->filter)
		return NULL;
	names_add(g->a, &g->filtered, t->name);
	const char *text = param_expand(g, t->filter, &slots);
	if (!text || parse_text_ok(g->a, str_of(text)) || parse_expression(g->a, text, out))
		return invalid(g, t, "its row filter is not an SQL expression");
	g->scope = &scope;
	g->filter_of = t;
	g->slots = &slots;
	struct err *e = rel_push(g, t->name, cols);
	if (!e)
		e = walk(g, *out);
	g->slots = NULL;
	g->filter_of = NULL;
	g->scope = outer;
	if (!e && slots.met != slots.n)
		return invalid(g, t, "{user.email} or {user.groups} stands in quotes or a comment");
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

	PgQuery__Alias *alias = v->alias;
	if (!alias) {
		alias = tree_new(g->a, &pg_query__alias__descriptor);
		alias->aliasname = v->relname;
	}
	rewrite_as_subquery(g, item, s, alias);
	return NULL;
}
