/*
 * The values of results and texts, sorted: what a number as it is shown may be a rounding of lies between
 * two of them. Texts in cells are searched for numbers as well ("12 months", "Product 42").
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/numbers_priv.h"

enum { CELL_BYTES = 400, TEXT_NUMBERS = 50000 };

static const double EXACT = 1e-9;

static void add(struct arena *a, struct agent_list *list, struct numbers_value v)
{
	if (list->n < NUMBERS_VALUES)
		*(struct numbers_value *)agent_list_add(a, list, sizeof(v)) = v;
}

static void add_date(struct arena *a, struct numbers_index *x, const struct number_token *t,
                     struct numbers_value v)
{
	v.key = t->year * 10000 + t->month * 100 + t->day;
	if (t->month)
		add(a, &x->dates, v);
}

static size_t add_text(struct arena *a, struct numbers_index *x, struct str text, struct numbers_value v,
                       size_t most)
{
	struct number_scan scan = {.text = text};
	struct number_token t;
	size_t n = 0;

	for (; n < most && number_next(&scan, &t); n++) {
		if (t.is & NUMBER_DATE)
			add_date(a, x, &t, v);
		v.minus = t.is & NUMBER_MINUS;
		v.percent = t.is & NUMBER_PERCENT;
		/* Of a percentage the fraction, too; of a doubtful one both readings. */
		for (size_t i = 0; i < t.nreadings && !(t.is & NUMBER_DATE); i++) {
			v.key = t.readings[i].value;
			add(a, &x->values, v);
		}
	}
	return n;
}

static void add_cell(struct arena *a, struct numbers_index *x, const struct query_column *c, const char *cell,
                     struct numbers_value v)
{
	char *end;
	double value;

	if (c->kind == QUERY_NUMBER) {
		value = strtod(cell, &end);
		if (end != cell && !*end && isfinite(value)) {
			v.key = fabs(value);
			v.minus = value < 0;
			add(a, &x->values, v);
			return;
		}
	}
	if (c->kind == QUERY_BOOL || c->kind == QUERY_BYTES || !strpbrk(cell, "0123456789"))
		return;
	v.inside = c->kind == QUERY_TEXT || c->kind == QUERY_JSON;
	add_text(a, x, str_utf8_cut(str_of(cell), CELL_BYTES), v, CELL_BYTES);
}

void numbers_index_result(struct arena *a, struct numbers_index *x, const struct query_result *r,
                          uint16_t source)
{
	size_t cells = r->nrows * r->ncolumns;

	for (size_t i = 0; i < cells && x->values.n < NUMBERS_VALUES; i++)
		if (r->cells[i])
			add_cell(a, x, &r->columns[i % r->ncolumns], r->cells[i],
			         (struct numbers_value){.cell = (uint32_t)i, .source = source});
}

void numbers_index_text(struct arena *a, struct numbers_index *x, struct str text, uint16_t source)
{
	add_text(a, x, text, (struct numbers_value){.source = source}, TEXT_NUMBERS);
}

static int by_key(const void *a, const void *b)
{
	const struct numbers_value *v = a, *w = b;

	if (v->key != w->key)
		return v->key < w->key ? -1 : 1;
	if (v->source != w->source)
		return v->source < w->source ? -1 : 1;
	return v->cell < w->cell ? -1 : v->cell > w->cell;
}

void numbers_index_close(struct arena *a, struct numbers_index *x)
{
	const struct numbers_value *v = x->values.p;

	if (x->values.n)
		qsort(x->values.p, x->values.n, sizeof(*v), by_key);
	if (x->dates.n)
		qsort(x->dates.p, x->dates.n, sizeof(*v), by_key);
	for (size_t i = 0; i < x->values.n; i++)
		if (i == 0 || v[i].key != v[i - 1].key)
			*(double *)agent_list_add(a, &x->keys, sizeof(double)) = v[i].key;
}

static size_t first_value(const struct agent_list *list, double low)
{
	const struct numbers_value *v = list->p;
	size_t from = 0, to = list->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (v[middle].key < low)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

size_t numbers_between(const struct agent_list *list, double low, double high,
                       const struct numbers_value **first)
{
	size_t from = first_value(list, low), n = 0;
	const struct numbers_value *v = list->p;

	*first = list->n ? v + from : NULL;
	while (n < NUMBERS_LOOKED && from + n < list->n && v[from + n].key <= high)
		n++;
	return n;
}

static size_t keys_below(const struct numbers_index *x, double limit)
{
	const double *keys = x->keys.p;
	size_t from = 0, to = x->keys.n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (keys[middle] < limit)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

size_t numbers_keys_between(const struct numbers_index *x, double low, double high)
{
	size_t from = keys_below(x, low), to = keys_below(x, high);

	return to > from ? to - from : 0;
}

/* Ranges ------------------------------------------------------------------------------------------------- */

/* What the zeros at the end may stand for when a text says "about": a tenth at most. */
static double rounding(const struct number_reading *r)
{
	double unit = r->unit;

	while (unit < r->value && fabs(fmod(r->value + r->unit / 4, unit * 10)) < r->unit / 2)
		unit *= 10;
	return unit < r->value / 10 ? unit : r->value / 10;
}

struct numbers_range numbers_range_of(const struct number_token *t, size_t i)
{
	const struct number_reading *r = &t->readings[i];
	double half = r->unit / 2, exact = EXACT * (r->value > r->unit ? r->value : r->unit),
	       wide = rounding(r);
	struct numbers_range range = {r->value, r->value - half, r->value + half};

	/* Four digits and more are also cut, not only rounded. */
	if (r->value >= 1000 * r->unit)
		range.high = r->value + r->unit;
	if ((t->is & NUMBER_ABOUT) && wide / 2 > half) {
		range.low = r->value - wide / 2;
		range.high = r->value + wide / 2;
	}
	if ((t->is & NUMBER_OVER) && wide > half)
		range.high = r->value + wide;
	if ((t->is & NUMBER_UNDER) && wide > half)
		range.low = r->value - wide;
	if (r->value == 0)
		range.low = range.high = 0;
	range.low -= exact;
	range.high += exact;
	return range;
}

double numbers_chance(size_t near, const struct numbers_range *range)
{
	double width = range->high - range->low;

	return range->value > 0 ? (double)near * width / (1.5 * range->value) : 1;
}
