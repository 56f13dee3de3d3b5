/*
 * Ways from table to table, for a column that was looked for in the wrong one. Foreign keys tell them; a dictionary that
 * knows of none at all (views, old databases) is read by its names: orders.customer_id is customers.id.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/diagnose_priv.h"
#include "lib/arena.h"

enum { BY_NAME_TABLES = 200 }; /* more than that are not held against each other */

/* Keys -------------------------------------------------------------------------------------------------- */

static const struct catalog_column *written(const struct catalog_table *t, const char *ident)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (!strcmp(t->columns[i].ident, ident))
			return &t->columns[i];
	return NULL;
}

/* What a column refers to: "customers.id", as SQL writes it. */
static bool referenced(const struct catalog *c, const struct catalog_column *column, struct agent_link *out)
{
	const struct catalog_table *t =
	        column->references_table ? catalog_find(c, column->references_table) : NULL;
	size_t n = t ? strlen(t->ident) : 0;

	if (!t || strncmp(column->references, t->ident, n) != 0 || column->references[n] != '.')
		return false;
	out->right = t;
	out->right_column = written(t, column->references + n + 1);
	return out->right_column != NULL;
}

static bool is_key(const struct catalog_table *t, const struct catalog_column *c)
{
	return c->unique || (c->primary && t->nprimary_key == 1);
}

/* "customer_id" is the id of customers. */
static bool names_key(const char *column, const struct catalog_table *t, const char *key)
{
	size_t n = strlen(column), k = strlen(key);

	if (n < k + 2 || strcmp(column + n - k, key) != 0 || column[n - k - 1] != '_')
		return false;
	return str_eq(agent_stem((struct str){column, n - k - 1}), agent_stem(str_of(t->name)));
}

static bool same_key(const struct catalog_column *c, const struct catalog_table *t,
                     const struct catalog_column *key)
{
	bool own = strcmp(key->name, "id") != 0 && (is_key(t, key) || str_ends(str_of(key->name), STR("id")));

	return (own && !strcmp(c->name, key->name)) || names_key(c->name, t, key->name);
}

/* Edges ------------------------------------------------------------------------------------------------- */

struct edges {
	struct agent_link *at;
	size_t n;
	size_t room;
};

static void add_edge(struct arena *a, struct edges *e, struct agent_link link)
{
	if (e->n == e->room) {
		size_t room = e->room ? 2 * e->room : 64;

		e->at = arena_grow(a, e->at, e->room * sizeof(*e->at), room * sizeof(*e->at));
		e->room = room;
	}
	e->at[e->n++] = link;
}

static void by_keys(struct arena *a, const struct catalog *c, struct edges *e)
{
	for (size_t i = 0; i < c->ntables; i++)
		for (size_t k = 0; k < c->tables[i].ncolumns; k++) {
			struct agent_link link = {.left = &c->tables[i],
			                          .left_column = &c->tables[i].columns[k]};

			if (referenced(c, link.left_column, &link) && link.left != link.right)
				add_edge(a, e, link);
		}
}

static void by_names(struct arena *a, const struct catalog *c, const struct catalog_table *t, struct edges *e)
{
	for (size_t k = 0; k < t->ncolumns; k++) {
		const struct catalog_column *key = &t->columns[k];

		if (!is_key(t, key) && !str_ends(str_of(key->name), STR("id")))
			continue;
		for (size_t i = 0; i < c->ntables; i++)
			for (size_t m = 0; &c->tables[i] != t && m < c->tables[i].ncolumns; m++)
				if (same_key(&c->tables[i].columns[m], t, key))
					add_edge(a, e,
					         (struct agent_link){&c->tables[i], t,
					                             &c->tables[i].columns[m], key});
	}
}

/* Of several ways between two tables the one to a primary key first, then the one with the shortest name. */
static int by_worth(const void *x, const void *y)
{
	const struct agent_link *l = x, *r = y;

	if (l->right_column->primary != r->right_column->primary)
		return l->right_column->primary ? -1 : 1;
	size_t m = strlen(l->left_column->ident), n = strlen(r->left_column->ident);

	return (m > n) - (m < n);
}

static struct edges edges_of(struct arena *a, const struct catalog *c)
{
	struct edges e = {NULL, 0, 0};

	by_keys(a, c, &e);
	for (size_t i = 0; !e.n && c->ntables <= BY_NAME_TABLES && i < c->ntables; i++)
		by_names(a, c, &c->tables[i], &e);
	if (e.n)
		qsort(e.at, e.n, sizeof(*e.at), by_worth);
	return e;
}

/* Ways -------------------------------------------------------------------------------------------------- */

static void step(struct agent_ways *w, struct agent_link link, size_t steps)
{
	size_t from = (size_t)(link.left - w->c->tables), to = (size_t)(link.right - w->c->tables);

	if (w->steps[from] != steps || w->steps[to])
		return;
	w->steps[to] = steps + 1;
	w->links[to] = link;
}

static struct agent_link turned(struct agent_link l)
{
	return (struct agent_link){l.right, l.left, l.right_column, l.left_column};
}

struct agent_ways *agent_ways(struct arena *a, const struct catalog *c,
                              const struct catalog_table *const *from, size_t n)
{
	struct agent_ways *w = ARENA_NEW(a, struct agent_ways);
	struct edges e = edges_of(a, c);

	*w = (struct agent_ways){c, ARENA_ARRAY(a, struct agent_link, c->ntables),
	                         ARENA_ARRAY(a, size_t, c->ntables)};
	for (size_t i = 0; i < n; i++)
		w->steps[from[i] - c->tables] = 1;
	for (size_t steps = 1; steps <= AGENT_PATH; steps++)
		for (size_t i = 0; i < e.n; i++) {
			step(w, e.at[i], steps);
			step(w, turned(e.at[i]), steps);
		}
	return w;
}

size_t agent_way(const struct agent_ways *w, const struct catalog_table *to,
                 struct agent_link path[static AGENT_PATH])
{
	size_t at = (size_t)(to - w->c->tables), n = w->steps[at] ? w->steps[at] - 1 : 0;

	for (size_t i = n; i-- > 0;) {
		path[i] = w->links[at];
		at = (size_t)(path[i].left - w->c->tables);
	}
	return n;
}
