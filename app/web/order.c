/* Rows of a kept result in the order of one column: numbers by value, dates by time, texts without regard to case; what is
 * no value comes last, whichever way. Rows that are alike stay as they were. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "web/order_priv.h"

struct key {
	const char *text;
	long double number; /* or seconds */
	size_t row;
	int rank; /* 0: a value, 1: not a number, 2: NULL */
};

/* Numbers ------------------------------------------------------------------------------------------------ */

/* "-$1,234.50" is -1234.50. */
static long double number_of(struct arena *a, const char *text, int *rank)
{
	char *clean = arena_strdup(a, text), *to = clean, *end;

	for (const char *p = text; *p; p++)
		if (*p != '$' && *p != ',' && *p != ' ')
			*to++ = *p;
	*to = 0;
	long double v = strtold(clean, &end);
	*rank = *end || end == clean || isnan(v);
	return *rank ? 0 : v;
}

/* Digits that a long double does not hold any more: of two plain numbers that look the same to it. */
static int by_digits(const char *a, const char *b)
{
	bool negative = *a == '-';
	const char *pa = a + negative, *pb = b + (*b == '-');
	size_t na = strcspn(pa, "."), nb = strcspn(pb, ".");

	if (strpbrk(a, "eEIN$,") || strpbrk(b, "eEIN$,"))
		return 0;
	int order = na != nb ? (na < nb ? -1 : 1) : strcmp(pa, pb);
	return negative ? -order : order;
}

/* Dates -------------------------------------------------------------------------------------------------- */

static long take(const char **p)
{
	long v = 0;

	for (int i = 0; i < 9 && isdigit((unsigned char)**p); i++)
		v = v * 10 + (*(*p)++ - '0');
	return v;
}

/* Days since 1970-01-01, also before it. */
static long days_of(long year, long month, long day)
{
	year -= month <= 2;
	long era = (year >= 0 ? year : year - 399) / 400, y = year - era * 400;
	long d = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + y * 365 + y / 4 - y / 100 + d - 719468;
}

/* ":mm:ss" and less, in seconds. */
static long double clock_of(const char **p)
{
	long double seconds = take(p) * 3600.0L;

	if (**p == ':' && (*p)++)
		seconds += take(p) * 60.0L;
	if (**p == ':' && (*p)++)
		seconds += take(p);
	if (**p == '.') {
		char *end;
		seconds += strtold(*p, &end);
		*p = end;
	}
	return seconds;
}

/* "2025-03-30 01:59:59.5+01", "0044-03-15 BC", "infinity". */
static long double time_of(const char *text, int *rank)
{
	const char *p = text;

	*rank = 0;
	if (str_ends(str_of(text), STR("infinity")))
		return *text == '-' ? -HUGE_VALL : HUGE_VALL;
	long year = take(&p), month = *p == '-' && p++ ? take(&p) : 1, day = *p == '-' && p++ ? take(&p) : 1;
	if (p == text) {
		*rank = 1;
		return 0;
	}
	if (str_ends(str_of(text), STR(" BC")))
		year = 1 - year;
	long double seconds = days_of(year, month, day) * 86400.0L;
	if (*p == ' ' && isdigit((unsigned char)p[1])) {
		p++;
		seconds += clock_of(&p);
	}
	if (*p == '+' || *p == '-') {
		bool east = *p++ == '+';
		seconds += east ? -clock_of(&p) : clock_of(&p);
	}
	return seconds;
}

/* Order -------------------------------------------------------------------------------------------------- */

static struct key key_of(struct arena *a, enum query_kind kind, const char *text, size_t row)
{
	struct key k = {.text = text, .row = row, .rank = text ? 0 : 2};

	if (text && kind == QUERY_NUMBER)
		k.number = number_of(a, text, &k.rank);
	else if (text && (kind == QUERY_DATE || kind == QUERY_TIME))
		k.number = time_of(text, &k.rank);
	return k;
}

static int by_value(const struct key *a, const struct key *b)
{
	if (a->number != b->number)
		return a->number < b->number ? -1 : 1;
	return 0;
}

static int numbers(const struct key *a, const struct key *b)
{
	int order = by_value(a, b);

	return order ? order : by_digits(a->text, b->text);
}

static int texts(const struct key *a, const struct key *b)
{
	int order = strcasecmp(a->text, b->text);

	return order ? order : strcmp(a->text, b->text);
}

typedef int compare(const struct key *a, const struct key *b);

struct order {
	compare *compare;
	bool falling;
};

static int by_key(const void *one, const void *two, void *arg)
{
	const struct key *a = one, *b = two;
	const struct order *o = arg;
	int order = a->rank || b->rank ? 0 : o->compare(a, b);

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (order)
		return o->falling ? -order : order;
	return a->row < b->row ? -1 : 1;
}

size_t *web_order(struct arena *a, struct query_result *r, size_t column, bool falling)
{
	static compare *const compares[QUERY_KIND__MAX] = {
	        [QUERY_TEXT] = texts,    [QUERY_NUMBER] = numbers, [QUERY_DATE] = by_value,
	        [QUERY_TIME] = by_value, [QUERY_BOOL] = texts,     [QUERY_JSON] = texts,
	        [QUERY_BYTES] = texts,
	};
	enum query_kind kind = r->columns[column].kind;
	struct order order = {compares[kind], falling};
	struct key *keys = ARENA_ARRAY(a, struct key, r->nrows);
	const char **cells = ARENA_ARRAY(a, const char *, r->nrows * r->ncolumns);
	size_t *before = ARENA_ARRAY(a, size_t, r->nrows);

	for (size_t i = 0; i < r->nrows; i++)
		keys[i] = key_of(a, kind, r->cells[i * r->ncolumns + column], i);
	qsort_r(keys, r->nrows, sizeof(*keys), by_key, &order);
	for (size_t i = 0; i < r->nrows; i++) {
		before[i] = keys[i].row;
		memcpy(cells + i * r->ncolumns, r->cells + keys[i].row * r->ncolumns,
		       r->ncolumns * sizeof(*cells));
	}
	r->cells = cells;
	return before;
}
