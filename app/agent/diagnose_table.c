/* Tables that are not there: those of a like name or meaning, those that have what was asked of it, and columns of that name. */
#include <string.h>

#include "agent/diagnose_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum {
	NAME_WORDS = 8,
	TABLES_TOLD = 40,
	ASKED = 20, /* columns of a table that is not there */
};

/* The columns that the statement asks of an alias, and how many of them a table has. */
static struct db_texts columns_asked(const struct agent_look *l, const char *alias)
{
	struct db_texts asked = {ARENA_ARRAY(l->a, const char *, ASKED), 0};
	struct agent_name name;

	for (size_t i = 0; i < l->t->n && asked.n < ASKED; i++)
		if (agent_is_sign(l->t, i, '.') && agent_name_at(l, i + 1, &name) && name.qualifier &&
		    !strcmp(name.qualifier, alias))
			asked.p[asked.n++] = name.name;
	return asked;
}

static int columns_there(const struct catalog_table *t, struct db_texts asked)
{
	int n = 0;

	for (size_t i = 0; i < asked.n; i++)
		n += agent_column_of(t, asked.p[i]) != NULL;
	return n;
}

static const struct agent_rel *unknown_rel(const struct agent_look *l)
{
	for (size_t i = 0; i < l->t->nrels; i++) {
		const struct agent_rel *r = &l->t->rels[i];

		if (!r->known && (l->at >= l->t->n || r->token <= l->at))
			return r;
	}
	return NULL;
}

/* "link_to_major" is no table, but a column that leads to one. */
static void suggest_by_columns(struct agent_look *l, const struct agent_words *asked)
{
	for (size_t i = 0; i < l->c->ntables && l->d->nright < AGENT_SUGGESTIONS; i++)
		for (size_t k = 0; k < l->c->tables[i].ncolumns; k++) {
			const struct catalog_table *t = &l->c->tables[i];
			const struct catalog_column *c = &t->columns[k];
			struct arena_mark mark = arena_mark(l->a);
			int score = agent_fit_column(l->a, asked, t, c);

			arena_reset(l->a, mark);
			if (score < AGENT_CLEAR)
				continue;
			if (c->references_table && catalog_find(l->c, c->references_table))
				agent_suggest(l, (struct agent_fit){catalog_find(l->c, c->references_table),
				                                    NULL, AGENT_CLEAR});
			agent_suggest(l, (struct agent_fit){t, c, AGENT_CLEAR});
		}
}

static void suggest_tables(struct agent_look *l, const struct agent_words *asked, const struct agent_rel *rel)
{
	struct db_texts columns = columns_asked(l, rel->alias);
	struct agent_fit best[AGENT_SUGGESTIONS];
	size_t n = 0;

	for (size_t i = 0; i < l->c->ntables; i++) {
		const struct catalog_table *t = &l->c->tables[i];
		struct arena_mark mark = arena_mark(l->a);
		int score = agent_fit_table(l->a, asked, t);

		arena_reset(l->a, mark);
		score += score ? 6 * columns_there(t, columns) : 0;
		if (score >= AGENT_NEAR)
			n = agent_fit_add(best, n, AGENT_SUGGESTIONS, (struct agent_fit){t, NULL, score});
	}
	for (size_t i = 0; i < n; i++)
		if (best[i].score + 20 >= best[0].score)
			agent_suggest(l, best[i]);
}

static void put_table_names(struct agent_look *l)
{
	buf_add_cstr(l->lines, "The tables are: ");
	for (size_t i = 0; i < l->c->ntables && i < TABLES_TOLD; i++)
		buf_printf(l->lines, "%s%s", i ? ", " : "", l->c->tables[i].ident);
	if (l->c->ntables > TABLES_TOLD)
		buf_printf(l->lines, " and %zu more; search_schema finds them", l->c->ntables - TABLES_TOLD);
	buf_add_cstr(l->lines, ".\n");
}

void agent_unknown_table(struct agent_look *l)
{
	const struct agent_rel *rel = unknown_rel(l);
	struct agent_words asked;

	if (!rel || !rel->name)
		return;
	l->d->wrong = rel->schema ? arena_printf(l->a, "%s.%s", rel->schema, rel->name) : rel->name;
	l->d->people = arena_printf(l->a, "there is no table \"%s\" that may be read here", l->d->wrong);
	asked = agent_words(l->a, str_of(rel->name), NAME_WORDS);
	suggest_tables(l, &asked, rel);
	if (!l->d->nright || l->d->right[0].score < AGENT_CLEAR)
		suggest_by_columns(l, &asked);
	buf_printf(l->lines, "There is no table %s here. ", l->d->wrong);
	for (size_t i = 0; i < l->d->nright; i++) {
		const struct agent_fit *f = &l->d->right[i];

		buf_printf(l->lines, "%s%s %s%s%s", i ? "; or " : "There is ",
		           f->column ? "the column" : "the table", f->table->ident, f->column ? "." : "",
		           f->column ? f->column->ident : "");
	}
	buf_add_cstr(l->lines, l->d->nright ? ".\n" : "");
	if (!l->d->nright || l->d->right[0].score < AGENT_CLEAR)
		put_table_names(l);
}
