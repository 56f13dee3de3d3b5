/*
 * Digits with separators, as people write them: 12,345.67 and 12.345,67 and 12 345,67 and 12'345.67 and
 * 1,23,456. Where a text does not tell which is meant (1.234), it gets both readings.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agent/numbers_priv.h"

enum { GROUPS = 12, DIGITS = 40 };

static const struct str no_break = {"\xc2\xa0", 2}, narrow = {"\xe2\x80\xaf", 3}, thin = {"\xe2\x80\x89", 3},
                        apostrophe = {"\xe2\x80\x99", 3};

size_t number_blank(struct str s)
{
	if (s.n && *s.p == ' ')
		return 1;
	if (str_starts(s, no_break))
		return no_break.n;
	return str_starts(s, narrow) || str_starts(s, thin) ? narrow.n : 0;
}

/* Groups of digits with one separator between two: , . ' or ' ' for a blank. */
struct groups {
	struct str group[GROUPS];
	char before[GROUPS]; /* the separator; none before the first one */
	bool plain;          /* a blank that may as well end a word */
	size_t n;
};

static char separator(struct str s, bool apart, size_t *length)
{
	*length = 1;
	if (s.n && strchr(",.'", *s.p) && *s.p)
		return *s.p;
	if (str_starts(s, apostrophe)) {
		*length = apostrophe.n;
		return '\'';
	}
	*length = number_blank(s);
	return *length && !(apart && *s.p == ' ') ? ' ' : '\0';
}

static size_t digits_at(struct str s, size_t i)
{
	size_t n = 0;

	while (number_digit(s, i + n))
		n++;
	return n;
}

static void read_groups(struct str s, bool apart, struct groups *g)
{
	size_t at = 0, length = 0;
	char before = '\0';

	while (g->n < GROUPS) {
		size_t n = digits_at(s, at + length);

		/* Behind a blank only three digits go on. */
		if (!n || (before == ' ' && n != 3))
			return;
		g->plain = g->plain || (before == ' ' && s.p[at] == ' ');
		g->before[g->n] = before;
		g->group[g->n++] = (struct str){s.p + at + length, n};
		at += length + n;
		before = separator(number_from(s, at), apart, &length);
		if (!before)
			return;
	}
}

/* Whether the groups from the second to the one before `end` are those of thousands, or of lakhs. */
static bool grouped(const struct groups *g, size_t end)
{
	bool threes = true, twos = g->before[1] == ',' && g->group[0].n <= 2;

	if (end < 2 || g->group[0].n > 3 || *g->group[0].p == '0')
		return false;
	for (size_t i = 1; i < end; i++) {
		if (g->before[i] != g->before[1])
			return false;
		threes = threes && g->group[i].n == 3;
		twos = twos && g->group[i].n == (i + 1 == end ? 3 : 2);
	}
	return threes || twos;
}

/* Whole groups, then the last one as decimals if asked. */
static struct number_reading reading(const struct groups *g, size_t whole, bool decimals)
{
	char text[DIGITS + 2];
	size_t n = 0, shown = 0;

	for (size_t i = 0; i < whole + decimals; i++) {
		if (i == whole && n < DIGITS)
			text[n++] = '.';
		for (size_t k = 0; k < g->group[i].n && n < DIGITS; k++) {
			text[n++] = g->group[i].p[k];
			shown += i == whole;
		}
	}
	text[n] = '\0';
	return (struct number_reading){strtod(text, NULL), pow(10, -(double)shown)};
}

static size_t length_of(struct str s, const struct groups *g, size_t n)
{
	return (size_t)(g->group[n - 1].p - s.p) + g->group[n - 1].n;
}

static size_t whole_only(struct str s, const struct groups *g, size_t n, struct number_token *t)
{
	t->readings[t->nreadings++] = reading(g, n, false);
	t->is |= n > 1 ? NUMBER_GROUPED : 0U;
	t->joined = n > 1 && g->before[1] == ' ' && g->plain;
	return length_of(s, g, n);
}

static size_t with_decimals(struct str s, const struct groups *g, struct number_token *t)
{
	t->readings[t->nreadings++] = reading(g, g->n - 1, true);
	t->is |= NUMBER_DECIMALS | (g->n > 2 ? NUMBER_GROUPED : 0U);
	t->joined = g->n > 2 && g->before[1] == ' ' && g->plain;
	return length_of(s, g, g->n);
}

/* Two groups of which the second may be thousands or decimals. */
static size_t doubtful(struct str s, const struct groups *g, struct number_token *t)
{
	whole_only(s, g, 2, t);
	t->readings[t->nreadings++] = reading(g, 1, true);
	return length_of(s, g, 2);
}

/* ".5" */
static size_t fraction(struct str s, struct number_token *t)
{
	size_t n = digits_at(s, 1);
	struct groups g = {.group = {STR("0"), {s.p + 1, n}}, .n = 2};

	return n ? with_decimals(s, &g, t) : 0;
}

size_t number_read(struct str s, bool apart, struct number_token *t, size_t *skip)
{
	struct groups g = {.n = 0};

	*skip = 0;
	if (s.n > 1 && *s.p == '.')
		return fraction(s, t);
	read_groups(s, apart, &g);
	while (g.n) {
		char last = g.before[g.n - 1];
		bool point = last == ',' || last == '.';

		if (g.n == 1)
			return whole_only(s, &g, 1, t);
		if (g.n == 2 && point)
			return grouped(&g, 2) ? doubtful(s, &g, t) : with_decimals(s, &g, t);
		if (grouped(&g, g.n))
			return whole_only(s, &g, g.n, t);
		if (point && last != g.before[1] && grouped(&g, g.n - 1))
			return with_decimals(s, &g, t);
		if (last == '.' && g.before[1] == '.') {
			*skip = length_of(s, &g, g.n); /* a version, an address */
			return 0;
		}
		g.n--;
	}
	return 0;
}
