/*
 * Names in a statement that failed: what stands at a place of it, which column that is, how a column of the dictionary is
 * written there, and how to get to its table from what is in FROM.
 */
#include <string.h>

#include "agent/diagnose_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum { COLUMNS_TOLD = 40 }; /* of a table, where nothing is near */

/* Names in the statement -------------------------------------------------------------------------------- */

bool agent_name_at(const struct agent_look *l, size_t token, struct agent_name *out)
{
	const struct agent_statement *t = l->t;
	size_t last = token, first = token;

	if (!agent_is_name(t, token))
		return false;
	while (agent_is_sign(t, last + 1, '.') && agent_is_name(t, last + 2))
		last += 2;
	while (first >= 2 && agent_is_sign(t, first - 1, '.') && agent_is_name(t, first - 2))
		first -= 2;
	*out = (struct agent_name){NULL, agent_token_name(l->a, &t->tokens[last]), first, last};
	if (last > first)
		out->qualifier = agent_token_name(l->a, &t->tokens[last - 2]);
	return true;
}

const char *agent_quoted(struct arena *a, const char *message, size_t nth)
{
	struct str rest = str_of(message);

	for (size_t i = 0; rest.p && i <= 2 * nth; i++)
		str_chop(&rest, '"');
	struct str inner = rest.p ? str_chop(&rest, '"') : (struct str){NULL, 0};

	return inner.p && rest.p ? str_dup(a, inner) : NULL;
}

/* The first place of a name of a message in the statement, with that qualifier where one is given. */
static bool find_name(const struct agent_look *l, const char *qualifier, const char *name,
                      struct agent_name *out)
{
	for (size_t i = 0; i < l->t->n; i++) {
		if (!agent_name_at(l, i, out) || out->last != i || strcmp(out->name, name) != 0)
			continue;
		if (!qualifier || (out->qualifier && !strcmp(out->qualifier, qualifier)))
			return true;
	}
	return false;
}

/* What the error is about: by its position, else by what its message quotes. */
bool agent_subject(const struct agent_look *l, struct agent_name *out)
{
	struct str rest, head;
	const char *text;

	if (agent_name_at(l, l->at, out))
		return true;
	text = agent_quoted(l->a, l->e->message, 0);
	if (!text && strncmp(l->e->message, "column ", 7) == 0) { /* column o.totl does not exist */
		rest = str_of(l->e->message + 7);
		text = str_dup(l->a, str_chop(&rest, ' '));
	}
	if (!text)
		return false;
	rest = str_of(text);
	head = str_chop(&rest, '.');
	if (rest.p && find_name(l, str_dup(l->a, head), str_dup(l->a, rest), out))
		return true;
	return find_name(l, NULL, rest.p ? str_dup(l->a, rest) : text, out);
}

const struct agent_rel *agent_rel_called(const struct agent_look *l, size_t level, const char *name)
{
	for (size_t i = 0; i < l->t->nrels; i++)
		if (agent_sees(l->t, level, &l->t->rels[i]) && !strcmp(l->t->rels[i].alias, name))
			return &l->t->rels[i];
	return NULL;
}

const struct agent_rel *agent_rel_of(const struct agent_look *l, size_t level,
                                     const struct catalog_table *table)
{
	for (size_t i = 0; i < l->t->nrels; i++)
		if (l->t->rels[i].table == table && agent_sees(l->t, level, &l->t->rels[i]))
			return &l->t->rels[i];
	return NULL;
}

const struct catalog_column *agent_column_of(const struct catalog_table *t, const char *name)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (!strcmp(t->columns[i].name, name))
			return &t->columns[i];
	return NULL;
}

bool agent_resolve(const struct agent_look *l, const struct agent_name *name, struct agent_fit *out,
                   const struct agent_rel **rel)
{
	size_t level = l->t->tokens[name->first].level;

	for (size_t i = 0; i < l->t->nrels; i++) {
		const struct agent_rel *r = &l->t->rels[i];

		if (!r->table || !agent_sees(l->t, level, r) ||
		    (name->qualifier && strcmp(name->qualifier, r->alias) != 0))
			continue;
		*out = (struct agent_fit){r->table, agent_column_of(r->table, name->name), 100};
		*rel = r;
		if (out->column)
			return true;
	}
	return false;
}

/* What is told ------------------------------------------------------------------------------------------ */

void agent_suggest(struct agent_look *l, struct agent_fit fit)
{
	struct agent_diagnosis *d = l->d;

	for (size_t i = 0; i < d->nright; i++)
		if (d->right[i].table == fit.table && d->right[i].column == fit.column)
			return;
	if (d->nright < AGENT_SUGGESTIONS)
		d->right[d->nright++] = fit;
}

const char *agent_write(struct agent_look *l, const struct agent_fit *fit, size_t level)
{
	const struct agent_rel *rel = agent_rel_of(l, level, fit->table);
	const char *table = rel ? rel->alias : fit->table->ident;

	return fit->column ? arena_printf(l->a, "%s.%s", table, fit->column->ident) : table;
}

/* The way from the nearest table in FROM. */
size_t agent_way_to(struct agent_look *l, size_t level, const struct catalog_table *to,
                    struct agent_link path[static AGENT_PATH])
{
	const struct catalog_table **from = ARENA_ARRAY(l->a, const struct catalog_table *, l->t->nrels + 1);
	size_t n = 0;

	if (l->ways && l->ways_level == level)
		return agent_way(l->ways, to, path);
	for (size_t i = 0; i < l->t->nrels; i++)
		if (l->t->rels[i].table && agent_sees(l->t, level, &l->t->rels[i]))
			from[n++] = l->t->rels[i].table;
	l->ways = agent_ways(l->a, l->c, from, n);
	l->ways_level = level;
	return agent_way(l->ways, to, path);
}

static const char *called(const struct agent_look *l, size_t level, const struct catalog_table *t)
{
	const struct agent_rel *rel = agent_rel_of(l, level, t);

	return rel ? rel->alias : t->ident;
}

const char *agent_join_text(struct agent_look *l, size_t level, const struct catalog_table *to)
{
	struct agent_link path[AGENT_PATH];
	size_t n = agent_rel_of(l, level, to) ? 0 : agent_way_to(l, level, to, path);
	struct buf b = buf_init(l->a, BUF_LINE);

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%sJOIN %s ON %s.%s = %s.%s", i ? " " : "", path[i].right->ident,
		           called(l, level, path[i].left), path[i].left_column->ident, path[i].right->ident,
		           path[i].right_column->ident);
	return n ? buf_cstr(&b) : NULL;
}

static void put_fit(struct agent_look *l, const struct agent_fit *fit, size_t level)
{
	const char *join = agent_join_text(l, level, fit->table);
	const struct catalog_column *c = fit->column;

	buf_add_cstr(l->lines, agent_write(l, fit, level));
	if (c)
		buf_printf(l->lines, " (%s%s%s%s%s)", c->type, c->references ? ", references " : "",
		           c->references ? c->references : "",
		           agent_rel_of(l, level, fit->table) ? ", of " : "",
		           agent_rel_of(l, level, fit->table) ? fit->table->name : "");
	if (join)
		buf_printf(l->lines, " by %s", join);
}

void agent_put_suggestions(struct agent_look *l, const char *before, size_t level)
{
	for (size_t i = 0; i < l->d->nright; i++) {
		buf_add_cstr(l->lines, i ? "; or " : before);
		put_fit(l, &l->d->right[i], level);
	}
	if (l->d->nright)
		buf_add_cstr(l->lines, ".\n");
}

void agent_put_columns(struct agent_look *l, const struct catalog_table *t)
{
	buf_printf(l->lines, "Columns of %s: ", t->ident);
	for (size_t i = 0; i < t->ncolumns && i < COLUMNS_TOLD; i++)
		buf_printf(l->lines, "%s%s", i ? ", " : "", t->columns[i].ident);
	if (t->ncolumns > COLUMNS_TOLD)
		buf_printf(l->lines, " and %zu more; describe_table lists them", t->ncolumns - COLUMNS_TOLD);
	buf_add_cstr(l->lines, ".\n");
}
