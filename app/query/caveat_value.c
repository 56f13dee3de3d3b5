/* Values that are not there, and values that are hard to believe: told by the column's name and by the others in it. */
#include <stdlib.h>
#include <string.h>

#include "query/caveat_priv.h"

enum { TOLD = 3, NAMED = 5, MANY = 10, OLD_YEAR = 1800, AHEAD_YEARS = 50 };
#define FAR 1000.0 /* times the median */
#define ALONE 20.0 /* times the second largest */
#define YEAR_S 31556952

struct column {
	size_t nulls;
	const char *odd; /* a date far off, or what is no number */
	double *numbers;
	size_t n;
};

static const char *cell_of(const struct query_result *r, size_t row, size_t column)
{
	return r->cells[row * r->ncolumns + column];
}

/* Whether a word of the name, between underscores, is in the list "|a|b|". */
static bool has_word(const char *name, const char *list)
{
	struct str rest = str_of(name);

	while (rest.p) {
		struct str word = str_chop(&rest, '_'), words = str_of(list);

		while (word.n && words.p)
			if (str_eq_nocase(str_chop(&words, '|'), word))
				return true;
	}
	return false;
}

static bool is_change(const char *name)
{
	return has_word(name,
	                "change|changed|growth|diff|difference|delta|increase|decrease|net|yoy|mom|vs|uplift|"
	                "markup|return|roi|gain|loss|variance|deviation|balance|of");
}

/* "9999-12-31" */
static bool is_far(const char *date, int64_t at)
{
	char *end;
	long year = strtol(date, &end, 10), now = (long)(at / 1000000 / YEAR_S) + 1970;

	return end != date && *end == '-' &&
	       (year < OLD_YEAR || year > now + AHEAD_YEARS || strstr(date, " BC"));
}

static void look_at(const struct query_result *r, size_t i, const char *cell, struct column *c)
{
	enum query_kind kind = r->columns[i].kind;

	if (!cell) {
		c->nulls++;
	} else if (kind == QUERY_NUMBER) {
		if (!strcmp(cell, "NaN") || strstr(cell, "Infinity"))
			c->odd = cell;
		else
			c->numbers[c->n++] = strtod(cell, NULL);
	} else if ((kind == QUERY_DATE || kind == QUERY_TIME) && !c->odd && is_far(cell, r->at)) {
		c->odd = cell;
	}
}

/* Nothing but nulls ----------------------------------------------------------------------------------------- */

static bool is_hidden(const struct caveats *c, const char *name)
{
	for (size_t i = 0; i < c->s->nmasked; i++) {
		const char *dot = strchr(c->s->masked[i], '.');

		if (dot && !strcmp(dot + 1, name))
			return true;
	}
	return false;
}

static void all_null(struct caveats *c, const struct column *columns)
{
	const struct query_result *r = c->r;
	struct buf b = buf_init(c->a, BUF_PAGE);
	size_t n = 0;

	for (size_t i = 0; i < r->ncolumns; i++) {
		if (columns[i].nulls < r->nrows || is_hidden(c, r->columns[i].name))
			continue;
		if (n++ < NAMED)
			buf_printf(&b, "%s%s", n > 1 ? ", " : "", r->columns[i].name);
	}
	/* With all columns of a table there are often some that nobody uses. */
	if (!n || (c->s->facts->star && n < r->ncolumns))
		return;
	if (n > NAMED)
		buf_printf(&b, " and %zu more", n - NAMED);
	if (r->nrows == 1 && c->s->facts->grouped)
		caveat_add(c, "all_null",
		           "%s: no value. There was no row to compute %s from, or none with a value.",
		           buf_cstr(&b), n == 1 ? "it" : "them");
	else
		caveat_add(c, "all_null", "%s: no value in any row.", buf_cstr(&b));
}

/* Hard to believe ------------------------------------------------------------------------------------------- */

static int by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static void number_column(struct caveats *c, const char *name, struct column *x)
{
	if (!x->n)
		return;
	qsort(x->numbers, x->n, sizeof(*x->numbers), by_size);
	double least = x->numbers[0], most = x->numbers[x->n - 1], median = x->numbers[x->n / 2];

	if (most > 100.5 && has_word(name, "percent|percentage|pct") && !is_change(name))
		caveat_add(c, "magnitude", "%s reaches %.15g: more than 100 percent.", name, most);
	else if (least < 0 && has_word(name, "count|quantity|qty|units|pieces") && !is_change(name))
		caveat_add(c, "magnitude", "%s goes down to %.15g: there cannot be less than none.", name,
		           least);
	else if (x->n >= MANY && least >= 0 && median > 0 && most >= FAR * median &&
	         most >= ALONE * x->numbers[x->n - 2] && !has_word(name, "id|number|no|code|zip|key|year"))
		caveat_add(c, "magnitude",
		           "%s has one value of %.15g, more than %.0f times what is usual in it.", name, most,
		           FAR);
}

static void odd_values(struct caveats *c, struct column *columns)
{
	const struct query_result *r = c->r;
	size_t before = r->ncaveats;

	for (size_t i = 0; i < r->ncolumns && r->ncaveats < before + TOLD; i++) {
		const char *name = r->columns[i].name;

		if (columns[i].odd && r->columns[i].kind == QUERY_NUMBER)
			caveat_add(c, "magnitude", "%s holds %s, which is not a number.", name,
			           columns[i].odd);
		else if (columns[i].odd)
			caveat_add(c, "magnitude",
			           "%s holds %s: perhaps it stands for a date that is not known.", name,
			           columns[i].odd);
		else
			number_column(c, name, &columns[i]);
	}
}

void caveat_values(struct caveats *c)
{
	const struct query_result *r = c->r;
	struct arena *scratch;
	struct column *columns;

	if (!r->nrows || !r->cells)
		return;
	scratch = arena_create();
	columns = ARENA_ARRAY(scratch, struct column, r->ncolumns);
	for (size_t i = 0; i < r->ncolumns; i++)
		if (r->columns[i].kind == QUERY_NUMBER)
			columns[i].numbers = ARENA_ARRAY(scratch, double, r->nrows);
	for (size_t row = 0; row < r->nrows; row++)
		for (size_t i = 0; i < r->ncolumns; i++)
			look_at(r, i, cell_of(r, row, i), &columns[i]);
	all_null(c, columns);
	odd_values(c, columns);
	arena_free(scratch);
}
