/*
 * Columns that mean nothing or too much: those that were probably meant, wherever they are; and columns of something that
 * is not in FROM.
 */
#include <string.h>

#include "agent/diagnose_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum {
	NAME_WORDS = 8,
	WIDE = 16,     /* candidates before the way to them counts */
	IN_SCOPE = 15, /* more for a column of what is in FROM */
	STEP = 5,      /* less for each join that leads to it */
	NO_WAY = 25,
};

/* The best of the whole dictionary, before it counts how far away they are. */
static size_t gather(const struct agent_look *l, const struct agent_words *asked, size_t level,
                     const struct agent_rel *rel, struct agent_fit best[static WIDE])
{
	size_t n = 0;

	for (size_t i = 0; i < l->c->ntables; i++) {
		const struct catalog_table *t = &l->c->tables[i];
		struct arena_mark mark = arena_mark(l->a);
		bool in = rel ? rel->table == t : agent_rel_of(l, level, t) != NULL;

		for (size_t k = 0; k < t->ncolumns; k++) { /* NOLINT(clang-analyzer-core.NullDereference): there are tables */
			int score = agent_fit_column(l->a, asked, t, &t->columns[k]);

			if (score >= AGENT_NEAR)
				n = agent_fit_add(
				        best, n, WIDE,
				        (struct agent_fit){t, &t->columns[k], score + (in ? IN_SCOPE : 0)});
		}
		arena_reset(l->a, mark);
	}
	return n;
}

/* Suggests the best, those in other tables by how many joins they are away. */
static void suggest_columns(struct agent_look *l, const struct agent_words *asked, size_t level,
                           const struct agent_rel *rel)
{
	struct agent_fit wide[WIDE], best[AGENT_SUGGESTIONS];
	struct agent_link path[AGENT_PATH];
	size_t n = gather(l, asked, level, rel, wide), kept = 0;

	for (size_t i = 0; i < n; i++) {
		size_t steps = agent_rel_of(l, level, wide[i].table)
		                       ? 0
		                       : agent_way_to(l, level, wide[i].table, path);
		bool away = !steps && !agent_rel_of(l, level, wide[i].table);

		wide[i].score -= away ? NO_WAY : STEP * (int)steps;
		if (wide[i].score >= AGENT_NEAR)
			kept = agent_fit_add(best, kept, AGENT_SUGGESTIONS, wide[i]);
	}
	for (size_t i = 0; i < kept; i++)
		if (i == 0 || best[i].score + 20 >= best[0].score)
			agent_suggest(l, best[i]);
}

/* SELECT ... AS name: that name is not there yet in WHERE. */
static bool is_output(const struct agent_look *l, const char *name)
{
	for (size_t i = 0; i + 1 < l->t->n; i++)
		if (agent_is_word(l->t, i, "as") && agent_is_name(l->t, i + 1) &&
		    !strcmp(agent_token_name(l->a, &l->t->tokens[i + 1]), name))
			return true;
	return false;
}

/* = "CZE" */
static bool is_text_constant(const struct agent_look *l, const struct agent_name *name)
{
	static const char *const before[] = {"like", "ilike", "in", "then", "else", "between", "and"};
	const struct agent_statement *t = l->t;

	if (name->qualifier || t->tokens[name->first].kind != AGENT_T_QUOTED || !name->first)
		return false;
	if (l->d->nright && l->d->right[0].score >= AGENT_CLEAR)
		return false;
	for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++)
		if (agent_is_word(t, name->first - 1, before[i]))
			return true;
	return strchr("=<>(,", *t->tokens[name->first - 1].text.p) != NULL;
}

/* The other side of "x = y", where y is what failed; true when it is a column. */
static bool other_side(const struct agent_look *l, const struct agent_name *name, struct agent_fit *out,
                       const struct agent_rel **rel)
{
	struct agent_name other;

	if (agent_is_sign(l->t, name->last + 1, '=') && agent_name_at(l, name->last + 2, &other))
		return agent_resolve(l, &other, out, rel) ||
		       (other.qualifier && (*rel = agent_rel_called(l, l->t->tokens[name->first].level,
		                                                    other.qualifier)) != NULL);
	if (name->first >= 2 && agent_is_sign(l->t, name->first - 1, '=') &&
	    agent_name_at(l, name->first - 2, &other))
		return agent_resolve(l, &other, out, rel) ||
		       (other.qualifier && (*rel = agent_rel_called(l, l->t->tokens[name->first].level,
		                                                    other.qualifier)) != NULL);
	return false;
}

/* A join on a column that is not there: what the two tables do join on. */
static bool put_join(struct agent_look *l, const struct agent_name *name, const struct agent_rel *rel)
{
	struct agent_link path[AGENT_PATH];
	const struct agent_rel *other = NULL;
	struct agent_fit fit = {0};
	size_t n;

	if (!rel || !rel->table || !other_side(l, name, &fit, &other) || !other->table ||
	    other->table == rel->table)
		return false;
	n = agent_way(agent_ways(l->a, l->c, &rel->table, 1), other->table, path);
	if (!n)
		return false;
	buf_printf(l->lines, "%s and %s join ", rel->table->ident, other->table->ident);
	for (size_t i = 0; i < n; i++) {
		bool first = path[i].left == rel->table, last = path[i].right == other->table;

		buf_printf(l->lines, "%s%s.%s = %s.%s", i ? " AND " : "on ",
		           first ? rel->alias : path[i].left->ident, path[i].left_column->ident,
		           last ? other->alias : path[i].right->ident, path[i].right_column->ident);
		agent_suggest(l, (struct agent_fit){path[i].left, path[i].left_column, 100});
	}
	if (n > 1)
		buf_printf(l->lines, ", through %s", path[0].right->ident);
	buf_add_cstr(l->lines, ".\n");
	return true;
}

static void say_unknown(struct agent_look *l, const struct agent_name *name, const struct agent_rel *rel)
{
	const char *where = rel && rel->table ? rel->table->ident : NULL;

	l->d->wrong = where ? arena_printf(l->a, "%s.%s", where, name->name) : name->name;
	if (where)
		buf_printf(l->lines, "%s has no column %s. ", where, name->name);
	else
		buf_printf(l->lines, "No table in FROM has a column %s. ", name->name);
	l->d->people = where ? arena_printf(l->a, "%s has no column \"%s\"", where, name->name)
	                     : arena_printf(l->a, "no table of the query has a column \"%s\"", name->name);
}

/* A column of a subquery or a WITH query that it does not give. */
static bool put_derived(struct agent_look *l, const struct agent_name *name, const struct agent_rel *rel)
{
	if (!rel || rel->table || !rel->known)
		return false;
	buf_printf(
	        l->lines,
	        "%s is a query of this statement: it has only the columns that its SELECT names, and %s is not"
	        " among them. Add it there",
	        rel->alias, name->name);
	return true;
}

static void missing_rel(struct agent_look *l, const struct agent_name *name);

static const struct agent_rel *first_table(const struct agent_look *l, size_t level)
{
	for (size_t i = 0; i < l->t->nrels; i++)
		if (l->t->rels[i].table && agent_sees(l->t, level, &l->t->rels[i]))
			return &l->t->rels[i];
	return NULL;
}

/* The one thing that FROM has, where it has but one. */
static const struct agent_rel *only_rel(const struct agent_look *l, size_t level)
{
	const struct agent_rel *only = NULL;

	for (size_t i = 0; i < l->t->nrels; i++) {
		if (!agent_sees(l->t, level, &l->t->rels[i]))
			continue;
		if (only)
			return NULL;
		only = &l->t->rels[i];
	}
	return only && only->table ? only : NULL;
}

void agent_unknown_column(struct agent_look *l)
{
	struct agent_name name;
	const struct agent_rel *rel = NULL;
	struct agent_words asked;
	size_t level;

	if (!agent_subject(l, &name))
		return;
	level = l->t->tokens[name.first].level;
	if (name.qualifier)
		rel = agent_rel_called(l, level, name.qualifier);
	if (name.qualifier && !rel) {
		missing_rel(l, &name);
		return;
	}
	rel = rel ? rel : only_rel(l, level);
	asked = agent_words(l->a, str_of(name.name), NAME_WORDS);
	suggest_columns(l, &asked, level, rel);
	if (is_text_constant(l, &name)) {
		buf_printf(l->lines, "Text stands in single quotes: '%s'. Double quotes are for names.\n",
		           name.name);
		l->d->people = "a text stood in double quotes, which are for names";
		l->d->nright = 0;
		return;
	}
	if (put_derived(l, &name, rel)) {
		agent_put_suggestions(l, ", for example ", level);
		if (!l->d->nright)
			buf_add_cstr(l->lines, ".\n");
		return;
	}
	say_unknown(l, &name, rel);
	if (is_output(l, name.name))
		buf_printf(
		        l->lines,
		        "%s is a name that a SELECT gives: WHERE, GROUP BY and expressions of the same SELECT"
		        " come before it. Repeat the expression, or put that SELECT into FROM or WITH. ",
		        name.name);
	agent_put_suggestions(l, "There is ", level);
	bool joined = put_join(l, &name, rel);
	if (!joined && (!l->d->nright || l->d->right[0].score < AGENT_CLEAR)) {
		rel = rel ? rel : first_table(l, level);
		if (rel)
			agent_put_columns(l, rel->table);
	}
	l->d->table = rel ? rel->table : NULL;
}

/* Something in FROM that is not there ------------------------------------------------------------------- */

static const struct agent_rel *hidden_by_alias(const struct agent_look *l, size_t level, const char *name)
{
	for (size_t i = 0; i < l->t->nrels; i++) {
		const struct agent_rel *r = &l->t->rels[i];

		if (r->aliased && r->name && !strcmp(r->name, name) && agent_sees(l->t, level, r))
			return r;
	}
	return NULL;
}

static const struct catalog_table *nearest_table(const struct agent_look *l, const char *name)
{
	struct agent_words asked = agent_words(l->a, str_of(name), NAME_WORDS);
	struct agent_fit best = {0};

	for (size_t i = 0; i < l->c->ntables; i++) {
		struct arena_mark mark = arena_mark(l->a);
		int score = agent_fit_table(l->a, &asked, &l->c->tables[i]);

		arena_reset(l->a, mark);
		if (score > best.score)
			best = (struct agent_fit){&l->c->tables[i], NULL, score};
	}
	return best.score >= AGENT_NEAR ? best.table : NULL;
}

/* The alias that most likely was meant: of a table that has the column. */
static bool put_alias_with(struct agent_look *l, const struct agent_name *name, size_t level)
{
	for (size_t i = 0; i < l->t->nrels; i++) {
		const struct agent_rel *r = &l->t->rels[i];
		const struct catalog_column *c = r->table ? agent_column_of(r->table, name->name) : NULL;

		if (!c || !agent_sees(l->t, level, r))
			continue;
		buf_printf(l->lines, "%s has it: write %s.%s.\n", r->table->ident, r->alias, c->ident);
		agent_suggest(l, (struct agent_fit){r->table, c, 100});
		return true;
	}
	return false;
}

static void missing_rel(struct agent_look *l, const struct agent_name *name)
{
	size_t level = l->t->tokens[name->first].level;
	const struct agent_rel *r = hidden_by_alias(l, level, name->qualifier);
	const struct catalog_table *t = catalog_find(l->c, name->qualifier);
	const struct catalog_column *c;
	const char *join;

	l->d->people = arena_printf(l->a, "nothing in FROM is called \"%s\"", name->qualifier);
	if (r) {
		buf_printf(l->lines, "%s is called %s here: write %s.%s.\n", name->qualifier, r->alias,
		           r->alias, name->name);
		if (r->table)
			agent_suggest(
			        l, (struct agent_fit){r->table, agent_column_of(r->table, name->name), 100});
		return;
	}
	buf_printf(l->lines, "FROM has nothing called %s. ", name->qualifier);
	if (put_alias_with(l, name, level))
		return;
	t = t ? t : nearest_table(l, name->qualifier);
	if (!t) {
		struct agent_words asked = agent_words(l->a, str_of(name->name), NAME_WORDS);

		suggest_columns(l, &asked, level, NULL);
		agent_put_suggestions(l, "There is ", level);
		return;
	}
	c = agent_column_of(t, name->name);
	agent_suggest(l, (struct agent_fit){t, c, 100});
	join = agent_join_text(l, level, t);
	if (join)
		buf_printf(l->lines, "Add the table: %s.\n", join);
	else
		buf_printf(l->lines, "The table %s is not in this FROM: add it.\n", t->ident);
	if (!c)
		agent_put_columns(l, t);
}

void agent_ambiguous_column(struct agent_look *l)
{
	struct agent_name name;
	size_t level, n = 0;

	if (!agent_subject(l, &name))
		return;
	level = l->t->tokens[name.first].level;
	for (size_t i = 0; i < l->t->nrels; i++) {
		const struct agent_rel *r = &l->t->rels[i];
		const struct catalog_column *c = r->table ? agent_column_of(r->table, name.name) : NULL;

		if (!c || !agent_sees(l->t, level, r))
			continue;
		buf_printf(l->lines, "%s%s.%s (%s)", n++ ? " or " : "Write ", r->alias, c->ident,
		           r->table->ident);
		agent_suggest(l, (struct agent_fit){r->table, c, 100});
	}
	if (n)
		buf_printf(l->lines, ": %s is in %zu things of FROM.\n", name.name, n);
	l->d->people = arena_printf(l->a, "several tables of the query have a column \"%s\"", name.name);
}
