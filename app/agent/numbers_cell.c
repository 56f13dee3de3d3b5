/*
 * The cell, or the text, that a number is from: of all that may be rounded to what is shown, the one
 * whose row and column are spoken of beside it.
 */
#include <math.h>
#include <string.h>

#include "agent/numbers_priv.h"

enum { SURE = 1000 };

/* What a candidate gains and loses, besides what stands around the number. */
enum { EXACT = 40, OTHER_READING = 5, INSIDE = 8, NO_RATE = 45 };

static const double LIKELY = 0.25;     /* the chance above which a rounding may as well be a coincidence */
static const double LIKELY_RATE = 0.9; /* and of a percentage in a column of them */

/* Cells -------------------------------------------------------------------------------------------------- */

struct candidate {
	const struct numbers_value *v;
	int score;
	bool exact;
	bool named; /* its row is spoken of */
	bool rate;  /* a percentage of a column of them */
	double chance;
};

/* A column that holds percentages by its name. */
static bool is_rate(const struct query_column *c)
{
	static const char *const words[] = {"percent", "pct",    "rate",  "share",      "ratio",
	                                    "prozent", "anteil", "quote", "growth",     "change",
	                                    "margin",  "marge",  "%",     "conversion", "discount"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasestr(c->name, words[i]))
			return true;
	return false;
}

/* A fraction, or a figure with decimals, may be a percentage, too. */
static bool is_percentage(const struct query_column *c, const char *cell, double value)
{
	return is_rate(c) || value <= 1 || strchr(cell, '.') || strchr(cell, '%');
}

static void weigh(struct numbers_work *w, const struct numbers_run *runs, const struct number_token *t,
                  size_t reading, const struct numbers_place *p, const struct numbers_range *range,
                  struct candidate *c)
{
	const struct query_result *r = runs[c->v->source].result;
	const struct query_column *column = &r->columns[c->v->cell % r->ncolumns];
	int place = numbers_place_score(w, p, r, c->v->cell);

	c->exact = fabs(c->v->key - range->value) <= 1e-9 * (range->value > 1 ? range->value : 1);
	c->named = place >= NUMBERS_LABELLED;
	c->rate = (t->is & NUMBER_PERCENT) && is_rate(column);
	c->score = place + (c->exact ? EXACT : 0) - (int)reading * OTHER_READING -
	           (c->v->inside ? INSIDE : 0) + (r->nrows * r->ncolumns == 1 ? NUMBERS_LABELLED : 0) +
	           (c->v->cell < r->ncolumns);
	if ((t->is & NUMBER_PERCENT) && !is_percentage(column, r->cells[c->v->cell], c->v->key))
		c->score = place ? c->score - NO_RATE : -1;
}

/* The best cell for one reading, if it is better than what was found. */
static void look(struct numbers_work *w, struct numbers_index *x, const struct numbers_run *runs,
                 const struct number_token *t, size_t reading, const struct numbers_place *p,
                 struct candidate *best)
{
	struct numbers_range range = numbers_range_of(t, reading);
	const struct numbers_value *v;
	size_t n = numbers_between(&x->values, range.low, range.high, &v);
	double chance =
	        n ? numbers_chance(numbers_keys_between(x, range.value / 2, range.value * 2), &range) : 0;

	for (size_t i = 0; i < n; i++) {
		struct candidate c = {.v = &v[i], .chance = chance};

		if ((t->is & NUMBER_MINUS) && !v[i].minus)
			continue;
		weigh(w, runs, t, reading, p, &range, &c);
		if (c.score >= 0 && (!best->v || c.score > best->score ||
		                     (c.score == best->score && v[i].source > best->v->source)))
			*best = c;
	}
}

static struct agent_number_source source_of(const struct numbers_run *run, size_t cell)
{
	const struct query_result *r = run->result;
	size_t column = cell % r->ncolumns;

	return (struct agent_number_source){run->query,
	                                    r->run_id,
	                                    (int64_t)(cell / r->ncolumns),
	                                    (int64_t)column,
	                                    r->columns[column].name,
	                                    r->cells[cell]};
}

bool numbers_from_cell(struct numbers_work *w, struct numbers_index *x, const struct numbers_run *runs,
                       const struct numbers_place *p, struct numbers_found *f)
{
	struct candidate best = {0};
	const struct query_result *r;

	for (size_t i = 0; i < f->t.nreadings; i++)
		look(w, x, runs, &f->t, i, p, &best);
	if (!best.v)
		return false;
	r = runs[best.v->source].result;
	if (!f->data && !(best.exact && (best.named || r->nrows * r->ncolumns == 1)))
		return false;
	if (!best.exact && !best.named && best.chance > (best.rate ? LIKELY_RATE : LIKELY) &&
	    r->nrows * r->ncolumns > 1) {
		/* It may be this one or a coincidence: nothing can be said. */
		f->data = false;
		return false;
	}
	f->number.kind = AGENT_NUMBER_CELL;
	f->number.of[0] = source_of(&runs[best.v->source], best.v->cell);
	f->number.nof = 1;
	f->value = best.v->minus ? -best.v->key : best.v->key;
	return true;
}

/* Whether the cell that was found would be found by few other numbers, too. */
bool numbers_is_sure(const struct numbers_found *f, struct numbers_work *w, const struct numbers_place *p,
                     const struct numbers_run *runs)
{
	const struct query_result *r = NULL;
	const struct agent_number_source *s = &f->number.of[0];

	for (size_t i = 0; i < w->in->nruns; i++)
		if (runs[i].result->run_id == s->run_id)
			r = runs[i].result;
	if (!r || r->nrows == 1 || f->t.readings[0].value >= SURE * f->t.readings[0].unit)
		return true;
	return numbers_place_row(w, p, r, (size_t)s->row, (size_t)s->column) >= NUMBERS_LABELLED;
}

/* Texts -------------------------------------------------------------------------------------------------- */

/* A value of the text that is exactly the number, or the same day or year. */
static const struct numbers_value *in_text(const struct numbers_index *x, const struct number_token *t)
{
	const struct numbers_value *v;

	if (t->is & NUMBER_DATE) {
		double day = t->year * 10000 + t->month * 100 + t->day;
		double last = t->day ? day : t->month ? day + 99 : day + 9999;

		return t->year && numbers_between(&x->dates, day, last, &v) ? v : NULL;
	}
	if ((t->is & NUMBER_YEAR) &&
	    numbers_between(&x->dates, t->readings[0].value * 10000, t->readings[0].value * 10000 + 9999, &v))
		return v;
	for (size_t i = 0; i < t->nreadings; i++) {
		double value = t->readings[i].value, exact = 1e-9 * (value > 1 ? value : 1);

		if (numbers_between(&x->values, value - exact, value + exact, &v))
			return v;
	}
	return NULL;
}

bool numbers_from_text(struct numbers_found *f, const struct numbers_index *x, enum agent_number_kind kind,
                       const struct numbers_run *runs)
{
	const struct numbers_value *v = in_text(x, &f->t);

	if (!v)
		return false;
	f->number.kind = kind;
	if (runs) {
		f->number.of[0] = (struct agent_number_source){
		        runs[v->source].query, runs[v->source].result->run_id, -1, -1, NULL, NULL};
		f->number.nof = 1;
	}
	return true;
}

bool numbers_from_rows(struct numbers_work *w, struct numbers_found *f)
{
	for (size_t i = w->in->nruns; i-- > 0;) {
		const struct numbers_run *run = &w->in->runs[i];

		if (f->t.readings[0].value != (double)run->result->nrows ||
		    numbers_is_figure(&(struct number_token){.is = f->t.is & ~(unsigned)NUMBER_GROUPED}))
			continue;
		f->number.kind = AGENT_NUMBER_ROWS;
		f->number.of[0] =
		        (struct agent_number_source){run->query, run->result->run_id, -1, -1, NULL, NULL};
		f->number.nof = 1;
		return true;
	}
	return false;
}

/* A date that is a cell's. */
bool numbers_from_day(struct numbers_work *w, struct numbers_found *f)
{
	const struct number_token *t = &f->t;
	double day = t->year * 10000 + t->month * 100 + t->day;
	const struct numbers_value *v;

	if (!(t->is & NUMBER_DATE) || !t->year || !t->month ||
	    !numbers_between(&w->cells.dates, day, t->day ? day : day + 1, &v))
		return false;
	f->number.kind = AGENT_NUMBER_CELL;
	f->number.of[0] = source_of(&w->in->runs[v->source], v->cell);
	f->number.nof = 1;
	return true;
}
