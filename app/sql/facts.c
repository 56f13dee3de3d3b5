/*
 * What a statement's tree tells of how its rows come about: which columns join, what is added up. Gathered from
 * the statement as written, for checks of the result; it decides nothing and refuses nothing. Where a name or a
 * form is not understood the facts say less, never something else.
 */
#include "sql/facts_priv.h"

enum { LEVELS = 16, TABLES = 32, RELS = 64 };

void *facts_room(struct arena *a, void *list, size_t n, size_t size)
{
	if (n && (n & (n - 1)))
		return list; /* full only at powers of two */
	return arena_grow(a, list, n * size, (n ? 2 * n : 1) * size);
}

/* The tree, any kind of node -------------------------------------------------------------------------------- */

static void each_field(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, facts_fn *fn, void *arg)
{
	const char *at = (const char *)m + f->offset;
	const char *count = (const char *)m + f->quantifier_offset;

	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		ProtobufCMessage *const *items = *(ProtobufCMessage *const *const *)(const void *)at;
		for (size_t i = 0; i < *(const size_t *)(const void *)count; i++)
			facts_each(items[i], fn, arg);
		return;
	}
	if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF && *(const uint32_t *)(const void *)count != f->id)
		return;
	facts_each(*(const ProtobufCMessage *const *)(const void *)at, fn, arg);
}

void facts_each(const ProtobufCMessage *m, facts_fn *fn, void *arg)
{
	/* A node has one of its 238 fields. */
	while (m && m->descriptor == &pg_query__node__descriptor)
		m = tree_inner((PgQuery__Node *)m);
	if (!m || !fn(arg, m))
		return;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		if (m->descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			each_field(m, &m->descriptor->fields[i], fn, arg);
}

const PgQuery__ResTarget *facts_target(const PgQuery__SelectStmt *s, size_t i)
{
	bool is = i < s->n_target_list && s->target_list[i]->node_case == PG_QUERY__NODE__NODE_RES_TARGET;

	return is ? s->target_list[i]->res_target : NULL;
}

/* Names ----------------------------------------------------------------------------------------------------- */

int facts_shows(const struct facts_rel *r, const char *name, const char **column)
{
	for (size_t i = 0; i < r->nshown; i++)
		if (!strcmp(r->shown[i].name, name)) {
			*column = r->shown[i].column;
			return true;
		}
	if (r->table < 0 || r->renamed)
		return r->table < 0 && !r->renamed ? -1 : false;
	*column = name;
	if (!r->known || !r->known->columns)
		return -1;
	for (size_t i = 0; i < r->known->ncolumns; i++)
		if (!strcmp(r->known->columns[i], name))
			return true;
	return false;
}

static struct facts_rel *rel_named(struct facts_level *l, const char *name)
{
	struct facts_rel *r = l->rels;

	while (r && strcmp(r->name, name) != 0)
		r = r->next;
	return r;
}

/* A name alone: the one rel that surely has it, or the only one that may. */
static enum facts_found plain_name(struct facts_level *l, const char *name, struct facts_rel **rel,
                                   const char **column)
{
	struct facts_rel *maybe = NULL;
	size_t nmaybe = 0;

	for (struct facts_rel *r = l->rels; r; r = r->next) {
		const char *c = name;
		int shows = facts_shows(r, name, &c);
		if (shows > 0) {
			*rel = r;
			*column = c;
			return r->table < 0 ? FACTS_OTHER : FACTS_BASE;
		}
		nmaybe += shows < 0;
		if (shows < 0 && (!maybe || r->table >= 0))
			maybe = r;
	}
	if (!maybe || maybe->table < 0)
		return FACTS_OTHER;
	*rel = maybe;
	*column = name;
	return nmaybe == 1 && !l->rels->next ? FACTS_BASE : FACTS_UNKNOWN;
}

static enum facts_found find(struct facts_level *l, const PgQuery__Node *node, struct facts_rel **rel,
                             const char **column)
{
	const PgQuery__ColumnRef *ref;
	const char *name;

	*rel = NULL;
	if (!node || node->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
		return FACTS_OTHER;
	ref = node->column_ref;
	name = ref->n_fields ? tree_str(ref->fields[ref->n_fields - 1]) : NULL;
	if (!name)
		return FACTS_OTHER;
	if (ref->n_fields == 1)
		return plain_name(l, name, rel, column);
	const char *qualifier = tree_str(ref->fields[ref->n_fields - 2]);
	*rel = qualifier ? rel_named(l, qualifier) : NULL;
	if (!*rel || (*rel)->table < 0)
		return FACTS_OTHER;
	return facts_shows(*rel, name, column) ? FACTS_BASE : FACTS_OTHER;
}

enum facts_found facts_column(struct facts_level *l, const PgQuery__Node *node, struct sql_column *out)
{
	struct facts_rel *r;
	enum facts_found found = find(l, node, &r, &out->name);

	if (found == FACTS_BASE)
		out->table = (size_t)r->table;
	return found;
}

struct facts_rel *facts_rel_of(struct facts_level *l, const PgQuery__Node *node)
{
	struct facts_rel *r;
	const char *column;

	return find(l, node, &r, &column) == FACTS_UNKNOWN ? NULL : r;
}

/* FROM ------------------------------------------------------------------------------------------------------ */

static void level_of(struct facts_walk *w, const PgQuery__SelectStmt *s, const struct facts_cte *ctes);
static void add_from(struct facts_level *l, const PgQuery__Node *item);

static struct facts_rel *add_rel(struct facts_level *l, const char *name, const PgQuery__Alias *alias)
{
	struct facts_rel *r = ARENA_NEW(l->w->a, struct facts_rel);

	l->unsure |= ++l->nrels > RELS;
	*r = (struct facts_rel){.name = alias ? alias->aliasname : name, .table = -1, .next = l->rels};
	l->rels = r;
	return r;
}

static void add_table(struct facts_level *l, struct facts_rel *r, const char *table)
{
	struct sql_facts *f = l->f;
	size_t n = f->ntables;

	if (n == TABLES) {
		l->unsure = true;
		return;
	}
	r->known = table_known(l->w->policy, table);
	r->table = (ptrdiff_t)n;
	FACTS_ADD(l->w->a, f->picked, n) = false;
	FACTS_ADD(l->w->a, f->tables, f->ntables) = table;
}

static const struct facts_cte *cte_named(const struct facts_cte *c, const char *name)
{
	while (c && strcmp(c->node->ctename, name) != 0)
		c = c->next;
	return c;
}

/* A table, or NULL: a name of WITH, or a table with new names for its columns. */
static const char *base_table(const PgQuery__Node *item, const struct facts_cte *ctes)
{
	if (!item || item->node_case != PG_QUERY__NODE__NODE_RANGE_VAR)
		return NULL;
	const PgQuery__RangeVar *v = item->range_var;
	bool renamed = v->alias && v->alias->n_colnames;

	return renamed || (!*v->schemaname && cte_named(ctes, v->relname)) ? NULL : v->relname;
}

/* A select that shows rows of one table, each at most once. */
static const char *passes_on(const PgQuery__SelectStmt *s, const struct facts_cte *ctes)
{
	if (s->larg || s->with_clause || s->n_values_lists || s->n_distinct_clause || s->n_group_clause ||
	    s->having_clause || s->limit_count || s->limit_offset || s->n_from_clause != 1 ||
	    facts_computes(s))
		return NULL;
	return base_table(s->from_clause[0], ctes);
}

/* Names of the columns that such a select shows; its conditions hold in the level around it. */
static void pass_on(struct facts_level *l, struct facts_rel *r, const PgQuery__SelectStmt *s,
                    const char *table)
{
	struct facts_level inner = {.w = l->w, .f = l->f};
	struct facts_rel *base = add_rel(&inner, table, s->from_clause[0]->range_var->alias);

	add_table(&inner, base, table);
	l->unsure |= inner.unsure;
	r->table = base->table;
	r->known = base->known;
	r->renamed = true;
	for (size_t i = 0; i < s->n_target_list; i++) {
		const PgQuery__ResTarget *t = facts_target(s, i);
		const PgQuery__Node *v = t ? t->val : NULL;
		struct sql_column c;
		if (v && facts_column(&inner, v, &c) == FACTS_BASE)
			FACTS_ADD(l->w->a, r->shown, r->nshown) =
			        (struct shown){*t->name ? t->name : c.name, c.name};
		else if (v && v->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
			r->renamed = false; /* a star */
	}
	facts_conditions(&inner, s->where_clause);
	l->unsure |= inner.unsure;
}

static void add_query(struct facts_level *l, const char *name, const PgQuery__Alias *alias,
                      const PgQuery__SelectStmt *s, const struct facts_cte *ctes)
{
	const char *table = alias && alias->n_colnames ? NULL : passes_on(s, ctes);
	struct facts_rel *r = add_rel(l, name, alias);

	if (table)
		pass_on(l, r, s, table);
}

static const PgQuery__SelectStmt *as_select(const PgQuery__Node *node)
{
	return node && node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ? node->select_stmt : NULL;
}

static void add_range(struct facts_level *l, const PgQuery__Node *item)
{
	const PgQuery__RangeVar *v = item->range_var;
	const struct facts_cte *cte = *v->schemaname ? NULL : cte_named(l->ctes, v->relname);
	const PgQuery__SelectStmt *s = cte ? as_select(cte->node->ctequery) : NULL;
	const char *table = base_table(item, l->ctes);

	if (table)
		add_table(l, add_rel(l, table, v->alias), table);
	else if (s && !cte->recursive && !cte->node->n_aliascolnames)
		add_query(l, v->relname, v->alias, s, cte->next);
	else
		add_rel(l, v->relname, v->alias);
}

/* The column of that name on one side of a join: in the rels from `from` up to `to`. */
static enum facts_found side_column(struct facts_level *l, struct facts_rel *from, struct facts_rel *to,
                                    const char *name, struct sql_column *out)
{
	for (struct facts_rel *r = from; r != to; r = r->next) {
		int shows = facts_shows(r, name, &out->name);
		if (shows < 0 && (r != from || r->next != to))
			l->unsure = true; /* one of several, which is not known */
		if (shows && r->table >= 0) {
			out->table = (size_t)r->table;
			return FACTS_BASE;
		}
		if (shows)
			return FACTS_OTHER;
	}
	return FACTS_OTHER;
}

static void join_using(struct facts_level *l, struct facts_rel *right, struct facts_rel *left,
                       struct facts_rel *before, const char *name)
{
	struct sql_column a, b;
	enum facts_found x = side_column(l, left, before, name, &a);
	enum facts_found y = side_column(l, right, left, name, &b);

	if (x == FACTS_BASE && y == FACTS_BASE)
		facts_join(l, a, b);
	else if (x == FACTS_BASE)
		l->f->picked[a.table] = true;
	else if (y == FACTS_BASE)
		l->f->picked[b.table] = true;
}

static void add_join(struct facts_level *l, const PgQuery__JoinExpr *j)
{
	struct facts_rel *before = l->rels;

	add_from(l, j->larg);
	struct facts_rel *left = l->rels;
	add_from(l, j->rarg);
	for (size_t i = 0; i < j->n_using_clause; i++)
		if (tree_str(j->using_clause[i]))
			join_using(l, l->rels, left, before, tree_str(j->using_clause[i]));
	facts_conditions(l, j->quals);
	/* Which columns NATURAL joins, and what a name for the whole join stands for, is left open. */
	l->unsure |= j->is_natural || j->alias || j->join_using_alias;
}

static void add_from(struct facts_level *l, const PgQuery__Node *item)
{
	if (l->nrels > RELS)
		return;
	switch (item ? item->node_case : PG_QUERY__NODE__NODE__NOT_SET) {
	case PG_QUERY__NODE__NODE_RANGE_VAR: add_range(l, item); break;
	case PG_QUERY__NODE__NODE_JOIN_EXPR: add_join(l, item->join_expr); break;
	case PG_QUERY__NODE__NODE_RANGE_SUBSELECT: {
		const PgQuery__RangeSubselect *s = item->range_subselect;
		if (as_select(s->subquery))
			add_query(l, "", s->alias, s->subquery->select_stmt, l->ctes);
		break;
	}
	case PG_QUERY__NODE__NODE_RANGE_FUNCTION: add_rel(l, "", item->range_function->alias); break;
	default: l->unsure = true;
	}
}

/* Levels ---------------------------------------------------------------------------------------------------- */

static const struct facts_cte *with_names(struct facts_walk *w, const PgQuery__WithClause *with,
                                          const struct facts_cte *ctes)
{
	for (size_t i = 0; with && i < with->n_ctes; i++) {
		if (with->ctes[i]->node_case != PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR)
			continue;
		struct facts_cte *c = ARENA_NEW(w->a, struct facts_cte);
		*c = (struct facts_cte){with->ctes[i]->common_table_expr, with->recursive, ctes};
		ctes = c;
	}
	return ctes;
}

/* Subqueries in FROM of this level; those of expressions answer other questions. */
struct below {
	struct facts_walk *w;
	const struct facts_cte *ctes;
};

static bool visit_from(void *arg, const ProtobufCMessage *m)
{
	const struct below *b = arg;

	if (m->descriptor == &pg_query__select_stmt__descriptor)
		level_of(b->w, (const PgQuery__SelectStmt *)m, b->ctes);
	return m->descriptor == &pg_query__range_subselect__descriptor ||
	       m->descriptor == &pg_query__join_expr__descriptor;
}

static void levels_below(struct facts_walk *w, const PgQuery__SelectStmt *s, const struct facts_cte *ctes,
                         const struct facts_cte *outer)
{
	struct below b = {w, ctes};

	for (const struct facts_cte *c = ctes; c != outer; c = c->next)
		if (as_select(c->node->ctequery))
			level_of(w, as_select(c->node->ctequery), c->recursive ? ctes : c->next);
	for (size_t i = 0; i < s->n_from_clause; i++)
		facts_each((const ProtobufCMessage *)s->from_clause[i], visit_from, &b);
	if (s->larg && s->rarg) {
		level_of(w, s->larg, ctes);
		level_of(w, s->rarg, ctes);
	}
}

static bool is_star(const PgQuery__ResTarget *t)
{
	const PgQuery__Node *v = t ? t->val : NULL;

	if (!v || v->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || !v->column_ref->n_fields)
		return false;
	return v->column_ref->fields[v->column_ref->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

static void shape(struct sql_facts *f, const PgQuery__SelectStmt *s)
{
	const PgQuery__Node *limit = s->limit_count;

	f->distinct = s->n_distinct_clause || (s->larg && !s->all);
	f->grouped = s->n_group_clause || s->having_clause;
	f->limited = limit && !(limit->node_case == PG_QUERY__NODE__NODE_A_CONST && limit->a_const->isnull);
	for (size_t i = 0; i < s->n_target_list; i++)
		f->star |= is_star(facts_target(s, i));
}

static void level_of(struct facts_walk *w, const PgQuery__SelectStmt *s, const struct facts_cte *outer)
{
	const struct facts_cte *ctes = with_names(w, s->with_clause, outer);
	struct facts_level l = {.w = w, .ctes = ctes};

	if (w->levels >= LEVELS)
		return;
	w->levels++;
	l.f = ARENA_NEW(w->a, struct sql_facts);
	*w->last = l.f;
	w->last = (struct sql_facts **)(uintptr_t)&l.f->next;
	shape(l.f, s);
	for (size_t i = 0; i < s->n_from_clause; i++)
		add_from(&l, s->from_clause[i]);
	facts_conditions(&l, s->where_clause);
	facts_groups(&l, s);
	facts_aggregates(&l, s);
	if (l.unsure)
		l.f->njoins = l.f->naggregates = 0;
	levels_below(w, s, ctes, outer);
}

const struct sql_facts *facts_of(struct guard *g, const PgQuery__SelectStmt *s)
{
	struct facts_walk w = {.a = g->a, .policy = g->policy};

	w.last = &w.first;
	level_of(&w, s, NULL);
	return w.first;
}
