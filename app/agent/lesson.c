/*
 * What a statement that works teaches after one that did not. The program makes the text, from names of the dictionary
 * alone, and only where the new statement uses what the diagnosis told.
 */
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"

/* Whether the statement uses a column ("orders.amount") or reads a table ("orders"). */
static bool uses(struct agent_look *l, struct str name)
{
	struct str rest = name, table = str_chop(&rest, '.');
	const struct agent_rel *rel;
	struct agent_name at;
	struct agent_fit fit;

	for (size_t i = 0; !rest.p && i < l->t->nrels; i++)
		if (l->t->rels[i].table && str_is(table, l->t->rels[i].table->name))
			return true;
	for (size_t i = 0; rest.p && i < l->t->n; i++)
		if (agent_name_at(l, i, &at) && at.last == i && agent_resolve(l, &at, &fit, &rel) &&
		    str_is(table, fit.table->name) && str_is(rest, fit.column->name))
			return true;
	return false;
}

/* The first of the names that were told which the statement uses. */
static struct str used_of(struct agent_look *l, const char *right)
{
	for (struct str rest = str_of(right); rest.p;) {
		struct str name = str_chop(&rest, '|');

		if (uses(l, name))
			return name;
	}
	return (struct str){NULL, 0};
}

static struct str last_part(struct str name)
{
	struct str rest = name;

	str_chop(&rest, '.');
	return rest.p ? rest : name;
}

/* "orders has no column total: it is amount." "There is no column country in races: it is circuits.country." */
static const char *name_lesson(struct arena *a, const char *wrong, struct str right)
{
	struct str rest = str_of(wrong), table = str_chop(&rest, '.');
	bool same = rest.p && str_starts(right, table) && right.n > table.n && right.p[table.n] == '.';

	if (same)
		return arena_printf(a, "%.*s has no column %.*s: use %.*s.", STR_ARG(table), STR_ARG(rest),
		                    STR_ARG(last_part(right)));
	if (rest.p)
		return arena_printf(a, "%.*s has no column %.*s: it is %.*s.", STR_ARG(table), STR_ARG(rest),
		                    STR_ARG(right));
	return arena_printf(a, "For \"%s\" use %.*s.", wrong, STR_ARG(right));
}

const char *tool_lesson(struct arena *a, const struct catalog *c, const struct agent_asked *failed,
                        const char *sql)
{
	struct agent_statement *t = agent_statement(a, c, str_of(sql));
	struct agent_look l = {.a = a, .c = c, .t = t};
	struct str right;

	if (!failed->right)
		return NULL;
	right = used_of(&l, failed->right);
	if (!right.n)
		return NULL;
	if (failed->wrong)
		return name_lesson(a, failed->wrong, right);
	return failed->lesson;
}
