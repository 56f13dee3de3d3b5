/*
 * Who is visible where: columns, the things in FROM, query levels. The rules are those of the server's parse
 * analysis (parse_relation.c, parse_clause.c): a name that resolves to something else there than here would
 * be a hole.
 */
#include "sql/sql_priv.h"

/* The server takes 1,664 columns; `SELECT *, *` over itself would double them without end. */
enum { COLS_MAX = 1664, RELS_MAX = 100 };

void cols_add(struct arena *a, struct cols *c, const char *name)
{
	if (c->n >= COLS_MAX) {
		c->vague = true;
		return;
	}
	if (c->n == c->size) {
		size_t size = c->size ? 2 * c->size : 8;
		const char **grown = ARENA_ARRAY(a, const char *, size);
		for (size_t i = 0; i < c->n; i++)
			grown[i] = c->name[i];
		c->name = grown;
		c->size = size;
	}
	c->name[c->n++] = name;
}

void cols_add_all(struct arena *a, struct cols *c, const struct cols *more)
{
	for (size_t i = 0; i < more->n; i++)
		cols_add(a, c, more->name[i]);
	if (c->open && more->open && c->open != more->open)
		c->vague = true;
	if (!c->open)
		c->open = more->open;
	c->vague |= more->vague;
}

bool cols_has(const struct cols *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->name[i], name))
			return true;
	return false;
}

struct cols cols_renamed(struct arena *a, const struct cols *c, PgQuery__Node **names, size_t n)
{
	struct cols out = {0};
	for (size_t i = 0; i < n; i++)
		cols_add(a, &out, tree_str(names[i]) ? tree_str(names[i]) : "");
	if (!n) {
		out = *c;
		out.size = c->n; /* an append to the copy must not write into the original */
	} else if (c->open || c->vague) {
		out.vague = true; /* which columns the names hide is not known */
	} else {
		for (size_t i = n; i < c->n; i++)
			cols_add(a, &out, c->name[i]);
	}
	return out;
}

struct err *rel_push(struct guard *g, const char *name, const struct cols *cols)
{
	if (++g->nrels > RELS_MAX)
		return err_hint(refuse(g, "too_complex", -1, "more than %d tables and subqueries", RELS_MAX),
		                "Ask for less in one statement.");
	struct rel *r = ARENA_NEW(g->a, struct rel);
	r->name = name;
	r->cols = *cols;
	r->next = g->scope->rels;
	g->scope->rels = r;
	return NULL;
}

struct rel *rel_find(struct guard *g, const char *name)
{
	for (struct scope *s = g->scope; s; s = s->outer) {
		if (s->hidden)
			continue;
		for (struct rel *r = s->rels; r && r != s->stop; r = r->next)
			if (!strcmp(r->name, name))
				return r;
	}
	return NULL;
}

struct source *source_get(struct guard *g, const char *table)
{
	for (struct source *s = g->sources; s; s = s->next)
		if (!strcmp(s->table, table))
			return s;
	struct source *s = ARENA_NEW(g->a, struct source);
	s->table = table;
	s->next = g->sources;
	g->sources = s;
	return s;
}
