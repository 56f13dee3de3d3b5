/*
 * Simple calculations that an answer may state without a query: differences, sums, ratios, changes and
 * shares of cells that it speaks of, and what a column comes to. Any number is some calculation over
 * enough cells, so the sets are small and near, and one that a random number would hit too often proves
 * nothing.
 */
#include <math.h>
#include <stdlib.h>

#include "agent/numbers_priv.h"

enum {
	MENTIONS = 12, /* cells of the answer taken as operands */
	MENTIONS_ALL = 20,
	ROWS_NAMED = 6, /* rows whose words stand around the number */
	ROWS_SEARCHED = 500,
	FIRST_ROWS = 20, /* "the first five make up 60 %" */
	SMALL_ROWS = 40, /* in a result with no more, neighbours are compared */
	SPAN_ROWS = 60,    /* and in one with no more, rows that follow each other are added up */
	COLUMNS = 12,
	TRY_WORK = 32,
};

/* Up to which chance of a coincidence a set of calculations proves something: the nearer it is, the more. */
static const double NEAR = 0.35, FAR = 0.15;

struct operand {
	double value;
	struct agent_number_source source;
};

/* One number against one set of calculations. */
struct trial {
	struct numbers_work *w;
	const struct number_token *t;
	struct numbers_range ranges[NUMBER_READINGS];
	size_t nranges;
	size_t near; /* results of about that size */
	bool hit;
	double value;
	const char *how;
	struct operand of[2];
	size_t nof;
};

static void begin(struct trial *r, struct numbers_work *w, const struct number_token *t)
{
	/* The fractions of a percentage stand behind the figures that people wrote. */
	size_t n = t->is & NUMBER_PERCENT ? (t->nreadings + 1) / 2 : t->nreadings;

	*r = (struct trial){.w = w, .t = t, .nranges = n};
	for (size_t i = 0; i < n; i++)
		r->ranges[i] = numbers_range_of(t, i);
}

static void try(struct trial *r, double value, const char *how, const struct operand *a,
                const struct operand *b)
{
	double size = fabs(value);

	r->w->work -= TRY_WORK;
	if (!isfinite(value) || ((r->t->is & NUMBER_MINUS) && value > 0))
		return;
	for (size_t i = 0; i < r->nranges; i++) {
		const struct numbers_range *range = &r->ranges[i];

		r->near += i == 0 && size >= range->value / 2 && size <= range->value * 2;
		if (r->hit || size < range->low || size > range->high)
			continue;
		r->hit = true;
		r->value = value;
		r->how = how;
		r->of[0] = *a;
		r->nof = 1;
		if (b)
			r->of[r->nof++] = *b;
	}
}

/* Two operands, in every way that the kind of number allows. */
static void try_pair(struct trial *r, const struct operand *a, const struct operand *b)
{
	double x = a->value, y = b->value;

	if (r->t->is & NUMBER_PERCENT) {
		try(r, (x - y) / y * 100, "change", b, a);
		try(r, (y - x) / x * 100, "change", a, b);
		try(r, x / y * 100, "share", a, b);
		try(r, y / x * 100, "share", b, a);
	} else if (r->t->is & NUMBER_POINTS) {
		try(r, x - y, "difference", a, b);
		try(r, (x - y) * 100, "difference", a, b);
	} else {
		try(r, x / y, "ratio", a, b);
		try(r, y / x, "ratio", b, a);
	}
	if (r->t->is & (NUMBER_PERCENT | NUMBER_POINTS | NUMBER_TIMES))
		return;
	try(r, x - y, "difference", x < y ? b : a, x < y ? a : b);
	try(r, x + y, "sum", a, b);
}

static bool accept(struct numbers_found *f, const struct trial *r, double most)
{
	if (!r->hit || numbers_chance(r->near, &r->ranges[0]) > most)
		return false;
	f->number.kind = AGENT_NUMBER_COMPUTED;
	f->number.how = r->how;
	f->value = r->value;
	f->number.nof = r->nof;
	for (size_t i = 0; i < r->nof; i++)
		f->number.of[i] = r->of[i].source;
	return true;
}

/* Cells that the answer has ------------------------------------------------------------------------------- */

/* A cell, or what a column comes to. */
static bool is_operand(const struct numbers_found *f)
{
	const struct agent_number_source *s = &f->number.of[0];

	if (f->number.nof != 1 || (f->t.is & NUMBER_DATE) || s->column < 0)
		return false;
	return f->number.kind == AGENT_NUMBER_CELL || (f->number.kind == AGENT_NUMBER_COMPUTED && s->row < 0);
}

/* The nearest ones, of its block or of all. */
static size_t mentions(const struct numbers_work *w, const struct numbers_found *f, bool block,
                       struct operand *out, size_t most)
{
	const struct numbers_found *all = w->found.p, *end = all + w->found.n, *down = f, *up = f + 1;
	size_t n = 0;

	while (n < most && (down > all || up < end)) {
		const struct numbers_found *next = NULL;

		if (down > all && (up >= end || f - down <= up - f))
			next = --down;
		else if (up < end)
			next = up++;
		if (next && is_operand(next) && (!block || next->block == f->block))
			out[n++] = (struct operand){next->value, next->number.of[0]};
	}
	return n;
}

static bool with_mentions(struct numbers_work *w, struct numbers_found *f, bool block, double most)
{
	struct operand ops[MENTIONS_ALL];
	size_t n = mentions(w, f, block, ops, block ? MENTIONS : MENTIONS_ALL);
	struct trial r;
	double sum = 0;

	begin(&r, w, &f->t);
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			try_pair(&r, &ops[i], &ops[k]);
	for (size_t i = 0; i < n; i++)
		sum += ops[i].value;
	if (n > 2 && !(f->t.is & NUMBER_PERCENT)) {
		try(&r, sum, "sum of several", &ops[0], NULL);
		try(&r, sum / (double)n, "average of several", &ops[0], NULL);
	}
	return accept(f, &r, most);
}

/* Columns ------------------------------------------------------------------------------------------------- */

struct column {
	const struct numbers_run *run;
	size_t i;
	double sum, least, most;
	size_t n; /* values in it */
};

/* Keys and years are not added up. */
static bool is_measure(const struct query_column *c)
{
	struct str name = str_of(c->name);

	return c->kind == QUERY_NUMBER && !str_eq_nocase(name, STR("id")) && !str_ends(name, STR("_id")) &&
	       !str_eq_nocase(name, STR("year")) && !str_ends(name, STR("_year"));
}

static bool cell_value(const struct query_result *r, size_t row, size_t column, double *value)
{
	const char *cell = r->cells[row * r->ncolumns + column];
	char *end;

	if (!cell || !is_measure(&r->columns[column]))
		return false;
	*value = strtod(cell, &end);
	return end != cell && !*end && isfinite(*value);
}

static struct operand column_operand(const struct column *c, double value)
{
	const struct query_result *r = c->run->result;

	return (struct operand){value,
	                        {c->run->query, r->run_id, -1, (int64_t)c->i, r->columns[c->i].name, NULL}};
}

static struct operand cell_operand(const struct numbers_run *run, size_t row, size_t column, double value)
{
	const struct query_result *r = run->result;

	return (struct operand){value,
	                        {run->query, r->run_id, (int64_t)row, (int64_t)column,
	                         r->columns[column].name, r->cells[row * r->ncolumns + column]}};
}

static void sum_column(struct column *c)
{
	double value;

	for (size_t row = 0; row < c->run->result->nrows; row++) {
		if (!cell_value(c->run->result, row, c->i, &value))
			continue;
		c->least = c->n && c->least < value ? c->least : value;
		c->most = c->n && c->most > value ? c->most : value;
		c->sum += value;
		c->n++;
	}
}

/* Each column is added up once. */
static const struct column *column_of(struct numbers_work *w, const struct numbers_run *run, size_t i)
{
	struct column *all = w->columns.p, *c;

	for (size_t k = 0; k < w->columns.n; k++)
		if (all[k].run == run && all[k].i == i)
			return &all[k];
	c = agent_list_add(w->a, &w->columns, sizeof(*c));
	*c = (struct column){.run = run, .i = i};
	sum_column(c);
	return c;
}

/* What the columns of a result come to. */
static void try_columns(struct trial *r, const struct numbers_run *run)
{
	for (size_t i = 0; i < run->result->ncolumns && i < COLUMNS; i++) {
		const struct column *c = column_of(r->w, run, i);
		struct operand all = column_operand(c, c->sum);

		if (c->n < 2)
			continue;
		try(r, c->sum / (double)c->n, "average of a column", &all, NULL);
		if (r->t->is & NUMBER_PERCENT)
			continue;
		try(r, c->sum, "sum of a column", &all, NULL);
		try(r, c->most - c->least, "range of a column", &all, NULL);
	}
}

/* The sums of two columns: revenue and orders give the worth of an order. */
static void try_sums(struct trial *r, const struct numbers_run *run)
{
	for (size_t i = 0; i < run->result->ncolumns && i < COLUMNS; i++)
		for (size_t k = i + 1; k < run->result->ncolumns && k < COLUMNS; k++) {
			const struct column one = *column_of(r->w, run, i), other = *column_of(r->w, run, k);
			struct operand a = column_operand(&one, one.sum),
			               b = column_operand(&other, other.sum);

			if (one.n > 1 && other.n > 1)
				try_pair(r, &a, &b);
		}
}

/* Rows that follow each other, added up: a quarter of months. */
static void try_spans(struct trial *r, const struct numbers_run *run)
{
	const struct query_result *q = run->result;
	double sum, value;

	if (q->nrows > SPAN_ROWS || (r->t->is & (NUMBER_PERCENT | NUMBER_POINTS | NUMBER_TIMES)))
		return;
	for (size_t i = 0; i < q->ncolumns && i < COLUMNS; i++)
		for (size_t from = 1; from + 1 < q->nrows && r->w->work > 0; from++) {
			if (!cell_value(q, from, i, &sum))
				continue;
			struct operand first = cell_operand(run, from, i, sum);

			for (size_t row = from + 1; row < q->nrows && cell_value(q, row, i, &value); row++) {
				struct operand last = cell_operand(run, row, i, value);

				sum += value;
				try(r, sum, "sum of rows", &first, &last);
			}
		}
}

/* The first rows together, and their share of all. */
static void try_first_rows(struct trial *r, const struct numbers_run *run)
{
	const struct query_result *q = run->result;

	for (size_t i = 0; i < q->ncolumns && i < COLUMNS; i++) {
		const struct column *c = column_of(r->w, run, i);
		double sum = 0, value;

		for (size_t row = 0; c->n > 2 && row < q->nrows && row < FIRST_ROWS; row++) {
			if (!cell_value(q, row, i, &value))
				continue;
			struct operand last = cell_operand(run, row, i, value);
			sum += value;
			if (r->t->is & NUMBER_PERCENT)
				try(r, sum / c->sum * 100, "share of the first rows", &last, NULL);
			else if (row > 0)
				try(r, sum, "sum of the first rows", &last, NULL);
		}
	}
}

static bool with_columns(struct numbers_work *w, struct numbers_found *f)
{
	struct trial r;

	begin(&r, w, &f->t);
	for (size_t i = 0; i < w->in->nruns; i++)
		try_columns(&r, &w->in->runs[i]);
	if (accept(f, &r, FAR))
		return true;
	begin(&r, w, &f->t);
	for (size_t i = 0; i < w->in->nruns; i++) {
		try_first_rows(&r, &w->in->runs[i]);
		try_sums(&r, &w->in->runs[i]);
	}
	if (accept(f, &r, FAR))
		return true;
	begin(&r, w, &f->t);
	for (size_t i = 0; i < w->in->nruns; i++)
		try_spans(&r, &w->in->runs[i]);
	return accept(f, &r, FAR);
}

/* Rows ---------------------------------------------------------------------------------------------------- */

/* The rows whose words stand around the number, the nearest ones. */
static size_t named_rows(struct numbers_work *w, const struct numbers_place *p, const struct query_result *q,
                         size_t *rows)
{
	int scores[ROWS_NAMED];
	size_t n = 0;

	for (size_t row = 0; row < q->nrows && row < ROWS_SEARCHED && w->work > 0; row++) {
		int score = numbers_place_row(w, p, q, row, q->ncolumns);
		size_t i;

		if (score < NUMBERS_LABELLED)
			continue;
		if (n == ROWS_NAMED && score <= scores[n - 1])
			continue;
		i = n < ROWS_NAMED ? n++ : n - 1;
		for (; i > 0 && scores[i - 1] < score; i--) {
			scores[i] = scores[i - 1];
			rows[i] = rows[i - 1];
		}
		scores[i] = score;
		rows[i] = row;
	}
	return n;
}

/* The cells of one row with each other. */
static void try_within(struct trial *r, const struct numbers_run *run, size_t row)
{
	const struct query_result *q = run->result;
	double x, y;

	for (size_t i = 0; i < q->ncolumns && i < COLUMNS; i++)
		for (size_t k = i + 1; k < q->ncolumns && k < COLUMNS; k++) {
			if (!cell_value(q, row, i, &x) || !cell_value(q, row, k, &y))
				continue;
			struct operand a = cell_operand(run, row, i, x), b = cell_operand(run, row, k, y);
			try_pair(r, &a, &b);
		}
}

/* Two rows, column by column. */
static void try_rows(struct trial *r, const struct numbers_run *run, size_t row, size_t other)
{
	const struct query_result *q = run->result;
	double x, y;

	for (size_t i = 0; i < q->ncolumns && i < COLUMNS; i++) {
		if (!cell_value(q, row, i, &x) || !cell_value(q, other, i, &y))
			continue;
		struct operand a = cell_operand(run, row, i, x), b = cell_operand(run, other, i, y);
		try_pair(r, &a, &b);
	}
}

static void try_shares(struct trial *r, double percent, const struct operand *a, const struct operand *all)
{
	try(r, percent, "share of a column", a, all);
	try(r, 100 - percent, "share of the rest", all, a);
}

/* A row against the whole of its columns. */
static void try_share(struct trial *r, const struct numbers_run *run, size_t row)
{
	const struct query_result *q = run->result;
	double x;

	for (size_t i = 0; i < q->ncolumns && i < COLUMNS; i++) {
		if (!cell_value(q, row, i, &x))
			continue;
		const struct column *c = column_of(r->w, run, i);
		struct operand a = cell_operand(run, row, i, x), all = column_operand(c, c->sum);

		if (r->t->is & NUMBER_PERCENT)
			try_shares(r, x / c->sum * 100, &a, &all);
		else if (!(r->t->is & (NUMBER_POINTS | NUMBER_TIMES)))
			try(r, c->sum - x, "rest of a column", &all, &a);
	}
}

/* A row against the ones beside it, as in a list of months. */
static void try_neighbours(struct trial *r, const struct numbers_run *run, size_t row)
{
	if (row > 0)
		try_rows(r, run, row, row - 1);
	if (row + 1 < run->result->nrows)
		try_rows(r, run, row, row + 1);
}

/* All rows that are spoken of, added up. */
static void try_together(struct trial *r, const struct numbers_run *run, const size_t *rows, size_t n)
{
	const struct query_result *q = run->result;
	double sum, x;

	for (size_t i = 0; n > 2 && i < q->ncolumns && i < COLUMNS; i++) {
		if (!cell_value(q, rows[0], i, &sum))
			continue;
		const struct column c = *column_of(r->w, run, i);
		struct operand a = cell_operand(run, rows[0], i, sum);

		for (size_t k = 1; k < n; k++)
			sum += cell_value(q, rows[k], i, &x) ? x : 0;
		if (r->t->is & NUMBER_PERCENT)
			try(r, sum / c.sum * 100, "share of several", &a, NULL);
		else
			try(r, sum, "sum of several", &a, NULL);
	}
}

static bool with_named_rows(struct numbers_work *w, struct numbers_found *f)
{
	struct numbers_place p;
	struct trial r;

	numbers_place_of(w, f->block, f->t.at, f->t.n, &p);
	begin(&r, w, &f->t);
	for (size_t i = 0; i < w->in->nruns; i++) {
		const struct numbers_run *run = &w->in->runs[i];
		size_t rows[ROWS_NAMED], n = named_rows(w, &p, run->result, rows);

		for (size_t k = 0; k < n; k++) {
			try_within(&r, run, rows[k]);
			try_share(&r, run, rows[k]);
			try_neighbours(&r, run, rows[k]);
			for (size_t l = k + 1; l < n; l++)
				try_rows(&r, run, rows[k], rows[l]);
		}
		try_together(&r, run, rows, n);
	}
	return accept(f, &r, NEAR);
}

/* In a small result: each row within, against the one before, the last against the first, and its share. */
static bool with_small_results(struct numbers_work *w, struct numbers_found *f)
{
	struct trial r;

	begin(&r, w, &f->t);
	for (size_t i = 0; i < w->in->nruns; i++) {
		const struct numbers_run *run = &w->in->runs[i];
		size_t n = run->result->nrows;

		for (size_t row = 0; n <= SMALL_ROWS && row < n && w->work > 0; row++) {
			try_within(&r, run, row);
			try_share(&r, run, row);
			if (row)
				try_rows(&r, run, row, row - 1);
		}
		if (n > 2 && n <= SMALL_ROWS)
			try_rows(&r, run, n - 1, 0);
	}
	return accept(f, &r, FAR);
}

bool numbers_calculate(struct numbers_work *w, struct numbers_found *f)
{
	return with_mentions(w, f, true, NEAR) || with_named_rows(w, f) || with_columns(w, f) ||
	       with_small_results(w, f) || with_mentions(w, f, false, FAR);
}
