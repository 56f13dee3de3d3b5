/*
 * Joins that repeat rows. A table stands fixed beside a row of another when the columns that the two are joined
 * by hold a key of it: then there is at most one. What is not fixed beside the rows that an aggregate adds up
 * repeats them.
 */
#include <string.h>

#include "query/caveat_priv.h"

enum { TOLD = 3 };

/* Whether the column has one value: a group's, a literal, or that of a table that is fixed already. */
static bool has_one(const struct sql_facts *f, size_t table, const char *column, const bool *fixed)
{
	for (size_t i = 0; i < f->nfixed; i++)
		if (f->fixed[i].table == table && !strcmp(f->fixed[i].name, column))
			return true;
	for (size_t i = 0; i < f->nconditions; i++)
		if (f->conditions[i].only && f->conditions[i].column.table == table &&
		    !strcmp(f->conditions[i].column.name, column))
			return true;
	for (size_t i = 0; i < f->njoins; i++) {
		const struct sql_column *x = &f->joins[i].left, *y = &f->joins[i].right;

		if (x->table == table && !strcmp(x->name, column) && fixed[y->table])
			return true;
		if (y->table == table && !strcmp(y->name, column) && fixed[x->table])
			return true;
	}
	return false;
}

/* What a row is called by: people take it for the row. */
static bool is_name(const char *column)
{
	static const char *const names[] = {"name", "title", "email", "label"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_ends(str_of(column), str_of(names[i])))
			return true;
	return false;
}

static bool is_named(const struct sql_facts *f, size_t table, const bool *fixed)
{
	for (size_t i = 0; i < f->nfixed; i++)
		if (f->fixed[i].table == table && is_name(f->fixed[i].name))
			return true;
	for (size_t i = 0; i < f->nconditions; i++)
		if (f->conditions[i].column.table == table && is_name(f->conditions[i].column.name) &&
		    has_one(f, table, f->conditions[i].column.name, fixed))
			return true;
	return false;
}

/* Whether beside what is fixed there is at most one row of the table, or nobody knows. */
static bool is_one(const struct caveats *c, const struct sql_facts *f, size_t table, const bool *fixed)
{
	const struct query_table *t = caveat_table(c, f->tables[table]);

	if (!t || !t->nkeys || is_named(f, table, fixed))
		return true;
	for (size_t k = 0; k < t->nkeys; k++) {
		size_t i = 0;

		while (i < t->keys[k].n && has_one(f, table, t->keys[k].p[i], fixed))
			i++;
		if (i && i == t->keys[k].n)
			return true;
	}
	return false;
}

/* Adds what is fixed beside what already is, step by step. */
static void spread(const struct caveats *c, const struct sql_facts *f, bool *fixed)
{
	for (bool more = true; more;) {
		more = false;
		for (size_t t = 0; t < f->ntables; t++)
			if (!fixed[t] && is_one(c, f, t, fixed))
				more = fixed[t] = true;
	}
}

static bool joins_fixed(const struct sql_facts *f, size_t table, const bool *fixed)
{
	for (size_t i = 0; i < f->njoins; i++) {
		size_t x = f->joins[i].left.table, y = f->joins[i].right.table;

		if ((x == table && fixed[y]) || (y == table && fixed[x]))
			return true;
	}
	return false;
}

/* The table that repeats what is added up, or -1. */
static ptrdiff_t repeats(const struct caveats *c, const struct sql_facts *f, const struct sql_aggregate *agg)
{
	bool *fixed = ARENA_ARRAY(c->a, bool, f->ntables);

	for (size_t i = 0; i < agg->ncolumns; i++)
		fixed[agg->columns[i].table] = true;
	spread(c, f, fixed);
	for (size_t t = 0; t < f->ntables; t++)
		if (!fixed[t] && !f->picked[t] && joins_fixed(f, t, fixed))
			return (ptrdiff_t)t;
	return -1;
}

static const struct {
	const char *function;
	const char *text; /* column, table that repeats, table of the column */
} words[] = {
        {"sum",
         "%1$s is added up once for each row of %2$s that joins, not once for each row of %3$s: the sum is"
         " too high unless that is meant."},
        {"avg",
         "%1$s is averaged over each row of %2$s that joins, not over each row of %3$s: rows of %3$s with"
         " more of them weigh more, unless that is meant."},
        {"count",
         "%1$s is counted once for each row of %2$s that joins, not once for each row of %3$s: count it"
         " with DISTINCT unless that is meant."},
};

static const char *text_for(const struct sql_aggregate *agg)
{
	if (agg->distinct || !agg->ncolumns)
		return NULL;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(words[i].function, agg->function))
			return strcmp(agg->function, "count") != 0 || agg->plain ? words[i].text : NULL;
	return NULL;
}

static bool told(const struct caveats *c, const char *text)
{
	for (size_t i = 0; i < c->r->ncaveats; i++)
		if (!strcmp(c->r->caveats[i].text, text))
			return true;
	return false;
}

static void check_aggregate(struct caveats *c, const struct sql_facts *f, const struct sql_aggregate *agg)
{
	const char *fmt = text_for(agg), *table, *text;
	ptrdiff_t by = fmt ? repeats(c, f, agg) : -1;

	if (by < 0)
		return;
	table = f->tables[agg->columns[0].table];
	text = arena_printf(c->a, fmt, arena_printf(c->a, "%s.%s", table, agg->columns[0].name),
	                    f->tables[by], table);
	if (!told(c, text))
		caveat_add(c, "fan_out", "%s", text);
}

void caveat_fan_out(struct caveats *c)
{
	for (const struct sql_facts *f = c->s->facts; f; f = f->next)
		for (size_t i = 0; f->njoins && i < f->naggregates && c->r->ncaveats < TOLD; i++)
			check_aggregate(c, f, &f->aggregates[i]);
}

/* Rows given twice ------------------------------------------------------------------------------------------ */

static uint64_t row_hash(const struct query_result *r, size_t row)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < r->ncolumns; i++) {
		const char *cell = r->cells[row * r->ncolumns + i];

		h = (h ^ (cell ? 1 : 2)) * UINT64_C(1099511628211);
		for (; cell && *cell; cell++)
			h = (h ^ (unsigned char)*cell) * UINT64_C(1099511628211);
	}
	return h;
}

static bool same_row(const struct query_result *r, size_t x, size_t y)
{
	for (size_t i = 0; i < r->ncolumns; i++) {
		const char *a = r->cells[x * r->ncolumns + i], *b = r->cells[y * r->ncolumns + i];

		if (!a || !b ? a != b : strcmp(a, b) != 0)
			return false;
	}
	return true;
}

/* How many rows equal one before them. */
static size_t repeated(struct arena *a, const struct query_result *r)
{
	size_t size = 16, n = 0;

	while (size < 2 * r->nrows)
		size *= 2;
	uint32_t *slots = ARENA_ARRAY(a, uint32_t, size); /* row + 1 */
	for (size_t row = 0; row < r->nrows; row++) {
		size_t at = row_hash(r, row) & (size - 1);

		while (slots[at] && !same_row(r, slots[at] - 1, row))
			at = (at + 1) & (size - 1);
		n += slots[at] != 0;
		if (!slots[at])
			slots[at] = (uint32_t)row + 1;
	}
	return n;
}

void caveat_duplicates(struct caveats *c)
{
	const struct sql_facts *f = c->s->facts;
	const struct query_result *r = c->r;
	struct arena *scratch;
	size_t n;

	if (!f->njoins || f->grouped || f->distinct || r->nrows < 2 || !r->cells || r->nrows > UINT32_MAX / 4)
		return;
	scratch = arena_create();
	n = repeated(scratch, r);
	arena_free(scratch);
	if (n)
		caveat_add(c, "duplicates",
		           "%zu of %zu rows %s another row: the join gives the same row more than"
		           " once.",
		           n, r->nrows, n == 1 ? "repeats" : "repeat");
}
