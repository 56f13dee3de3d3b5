/*
 * What stands behind the digits of a number: percent signs, currencies, words like million, units, the
 * month of a day; and what the other end of a range tells.
 */
#include <string.h>

#include "agent/numbers_priv.h"

static size_t blanks_behind(struct str s)
{
	size_t n = number_blank(s), more = number_blank(number_from(s, n));

	return n + more;
}

/* The next word behind blanks; *at moves behind the word and the full stop of an abbreviation. */
static struct str word_behind(struct str s, size_t *at)
{
	size_t from = *at + blanks_behind(number_from(s, *at));
	size_t n = number_word_length(number_from(s, from), false);

	*at = from + n;
	return (struct str){s.p + from, n};
}

/* Readings ----------------------------------------------------------------------------------------------- */

void number_scale(struct number_token *t, double by, bool also)
{
	size_t n = t->nreadings;

	for (size_t i = 0; i < n; i++) {
		struct number_reading r = {t->readings[i].value * by, t->readings[i].unit * by};

		if (!also)
			t->readings[i] = r;
		else if (t->nreadings < NUMBER_READINGS)
			t->readings[t->nreadings++] = r;
	}
}

static double power(int zeros)
{
	double by = 1;

	while (zeros-- > 0)
		by *= 10;
	return by;
}

/* What stands behind ------------------------------------------------------------------------------------- */

/* Takes what is known into the token; at is behind it then. */
struct behind {
	struct str s;
	size_t at;
	struct number_token *t;
};

static bool take_exponent(struct behind *b)
{
	struct str s = number_from(b->s, b->at);
	size_t n = 1 + (s.n > 1 && (s.p[1] == '+' || s.p[1] == '-')), digits = n;
	int exponent = 0;

	if (!s.n || (*s.p | 0x20) != 'e' || !number_digit(s, n))
		return false;
	for (; number_digit(s, digits) && digits < n + 3; digits++)
		exponent = exponent * 10 + (s.p[digits] - '0');
	if (number_word_length(number_from(s, digits), true))
		return false;
	number_scale(b->t, n == 2 && s.p[1] == '-' ? 1 / power(exponent) : power(exponent), false);
	b->at += digits;
	return true;
}

static bool take_percent_sign(struct behind *b)
{
	size_t at = b->at + number_blank(number_from(b->s, b->at));

	if (at >= b->s.n || b->s.p[at] != '%')
		return false;
	b->at = at + 1;
	/* "2,5 %-Punkte" */
	bool points = str_starts(number_from(b->s, b->at), STR("-Punkt")) ||
	              str_starts(number_from(b->s, b->at), STR("-point"));
	b->t->is |= points ? NUMBER_POINTS : NUMBER_PERCENT;
	return true;
}

static bool take_money_sign(struct behind *b)
{
	size_t at = b->at + number_blank(number_from(b->s, b->at)), n;

	if (!number_money(number_from(b->s, at), &n))
		return false;
	b->t->is |= NUMBER_MONEY;
	b->at = at + n;
	return true;
}

/* "$12 M", "12 k\u20ac", "12 T\u20ac": a letter is a scale where it is money. */
static bool money_scale(const struct behind *b, struct str word, size_t at, int *zeros)
{
	size_t n;

	if (word.n != 1 || !((b->t->is & NUMBER_MONEY) || number_money(number_from(b->s, at), &n)))
		return false;
	if (*word.p == 'T') {
		*zeros = 3;
		return true;
	}
	return number_word(word, NUMBER_WORD_GLUED_SCALE, zeros);
}

/* "12k", "12k\u20ac", "3x": letters right behind the digits. False when they make something else of it. */
static bool take_glued(struct behind *b)
{
	size_t n = number_word_length(number_from(b->s, b->at), true);
	struct str word = {b->s.p + b->at, n};
	int zeros;

	if (!n)
		return true;
	if (number_word(word, NUMBER_WORD_SCALE, &zeros) ||
	    number_word(word, NUMBER_WORD_GLUED_SCALE, &zeros) || money_scale(b, word, b->at + n, &zeros)) {
		/* A small m is a metre as well. */
		number_scale(b->t, power(zeros),
		             !(b->t->is & NUMBER_MONEY) && *word.p >= 'a' && word.n <= 2 && zeros != 3);
		b->t->is |= NUMBER_SCALED;
	} else if (number_word(word, NUMBER_WORD_TIMES, NULL) ||
	           number_word(word, NUMBER_WORD_GLUED_TIMES, NULL)) {
		b->t->is |= NUMBER_TIMES;
	} else if (number_word(word, NUMBER_WORD_CURRENCY, NULL)) {
		b->t->is |= NUMBER_MONEY;
	} else if (number_word(word, NUMBER_WORD_POINTS, NULL)) {
		b->t->is |= NUMBER_POINTS;
	} else if (!number_word(word, NUMBER_WORD_UNIT, NULL) || (b->t->is & NUMBER_YEAR)) {
		return false;
	} else {
		b->t->is |= NUMBER_UNIT;
	}
	b->at += n;
	return true;
}

static bool take_scale_word(struct behind *b)
{
	size_t at = b->at;
	struct str word = word_behind(b->s, &at);
	int zeros;

	/* A letter M alone is most often a million. */
	bool doubtful = str_is(word, "M");

	if (b->t->is & NUMBER_SCALED)
		return false;
	if (!number_word(word, NUMBER_WORD_SCALE, &zeros) && !money_scale(b, word, at, &zeros) &&
	    !(doubtful && number_word(word, NUMBER_WORD_GLUED_SCALE, &zeros)))
		return false;
	number_scale(b->t, power(zeros), doubtful);
	/* A German Billion is a thousand of the others. */
	if (str_eq_nocase(word, STR("billion")))
		number_scale(b->t, 1000, true);
	b->t->is |= NUMBER_SCALED;
	b->at = at + (at < b->s.n && b->s.p[at] == '.' && word.n == 3);
	return true;
}

/* "percentage points". */
static void take_points(struct behind *b, size_t at)
{
	size_t next = at;
	struct str word = word_behind(b->s, &next);

	b->at = str_eq_nocase(word, STR("points")) || str_eq_nocase(word, STR("point")) ? next : at;
}

static void take_word(struct behind *b)
{
	size_t at = b->at;
	struct str word = word_behind(b->s, &at);

	if (str_eq_nocase(word, STR("per"))) {
		size_t next = at;
		struct str cent = word_behind(b->s, &next);

		if (!str_eq_nocase(cent, STR("cent")))
			return;
		b->t->is |= NUMBER_PERCENT;
		b->at = next;
	} else if (number_word(word, NUMBER_WORD_PERCENT, NULL)) {
		b->t->is |= NUMBER_PERCENT;
		b->at = at;
	} else if (number_word(word, NUMBER_WORD_POINTS, NULL)) {
		b->t->is |= NUMBER_POINTS;
		take_points(b, at);
	} else if (number_word(word, NUMBER_WORD_CURRENCY, NULL)) {
		b->t->is |= NUMBER_MONEY;
		b->at = at;
	} else if (number_word(word, NUMBER_WORD_TIMES, NULL)) {
		b->t->is |= NUMBER_TIMES;
	} else if (str_starts(word, STR("Prozentpunkt")) || str_starts(word, STR("Prozentp"))) {
		b->t->is |= NUMBER_POINTS;
		b->at = at;
	}
}

static bool take_all(struct behind *b)
{
	if (!take_exponent(b) && !take_glued(b))
		return false;
	take_money_sign(b);
	if (take_percent_sign(b))
		return true;
	take_scale_word(b);
	if (!take_money_sign(b) && !take_percent_sign(b))
		take_word(b);
	return true;
}

/* "30-day", "12-Monats-": the number is part of a word. "3-fold" is a factor. */
static void see_hyphen(struct behind *b)
{
	struct str s = number_from(b->s, b->at);
	size_t n = s.n && *s.p == '-' ? number_word_length(number_from(s, 1), false) : 0;

	if (!n)
		return;
	if (number_word((struct str){s.p + 1, n}, NUMBER_WORD_GLUED_TIMES, NULL))
		b->t->is |= NUMBER_TIMES;
	else if (!number_word((struct str){s.p + 1, n}, NUMBER_WORD_SCALE, NULL))
		b->t->is |= NUMBER_NAMES;
}

static void see_usual(struct number_token *t, struct str s, size_t at)
{
	static const struct {
		int count, days;
	} usual[] = {{24, 0}, {48, 0}, {72, 0},  {14, 1},  {28, 1},  {30, 1}, {31, 1},
	             {60, 1}, {90, 1}, {180, 1}, {365, 1}, {366, 1}, {52, 7}, {53, 7}};
	double value = t->readings[0].value;
	int days;

	if ((t->is & NUMBER_PERCENT) && (value == 100 || value == 0))
		t->is |= NUMBER_USUAL;
	if (!number_word(word_behind(s, &at), NUMBER_WORD_DAYS, &days))
		return;
	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (usual[i].days == days && usual[i].count == value)
			t->is |= NUMBER_USUAL;
}

/* "3. Quartal", "14. Juli", "14th of July": of small numbers. True when a date came of it. */
static bool take_month_behind(struct behind *b)
{
	size_t at = b->at;
	bool dot = at < b->s.n && b->s.p[at] == '.',
	     day = b->t->readings[0].value >= 1 && b->t->readings[0].value <= 31;
	struct str word, year;
	int month;

	at += dot;
	word = word_behind(b->s, &at);
	if (str_eq_nocase(word, STR("of")))
		word = word_behind(b->s, &at);
	if (dot && number_word(word, NUMBER_WORD_RANK, NULL))
		b->t->is |= NUMBER_NAMES;
	if (!day || !number_word(word, NUMBER_WORD_MONTH, &month) || b->t->is)
		return false;
	b->t->day = (int)b->t->readings[0].value;
	b->t->month = month;
	b->t->is |= NUMBER_DATE;
	b->at = at;
	at += at < b->s.n && (b->s.p[at] == ',' || b->s.p[at] == '.');
	at += blanks_behind(number_from(b->s, at));
	year = number_from(b->s, at);
	for (size_t i = 0; i < 4 && number_digit(year, i); i++)
		b->t->year = b->t->year * 10 + (year.p[i] - '0');
	if (number_digit(year, 3) && !number_digit(year, 4))
		b->at = at + 4;
	else
		b->t->year = 0;
	return true;
}

/* "July 14, 2025", "July 2025". */
static bool take_month_before(struct number_scan *scan, struct behind *b)
{
	double value = b->t->readings[0].value;
	struct str s = b->s;
	size_t at = b->at;
	int month;

	if (!number_word(scan->word, NUMBER_WORD_MONTH, &month) || (b->t->is & ~(unsigned)NUMBER_YEAR))
		return false;
	if (!(b->t->is & NUMBER_YEAR) && !(value >= 1 && value <= 31))
		return false;
	b->t->month = month;
	if (b->t->is & NUMBER_YEAR) {
		b->t->year = (int)value;
	} else {
		b->t->day = (int)value;
		at += at < s.n && s.p[at] == ',';
		at += blanks_behind(number_from(s, at));
		if (number_digit(s, at + 3) && !number_digit(s, at + 4) &&
		    (s.p[at] == '1' || s.p[at] == '2')) {
			for (size_t i = 0; i < 4 && number_digit(s, at + i); i++)
				b->t->year = b->t->year * 10 + (s.p[at + i] - '0');
			b->at = at + 4;
		}
	}
	b->t->is |= NUMBER_DATE;
	return true;
}

/* "5-10 %", "1.2 to 1.5 million": what stands behind the second one holds for the first one. */
static void see_range(struct behind *first)
{
	size_t at = first->at, n, digits, skip;
	struct number_token second = {0};
	struct str word = word_behind(first->s, &at);

	if (number_dash(number_from(first->s, first->at), &n))
		at = first->at + n;
	else if (!str_eq_nocase(word, STR("to")) && !str_eq_nocase(word, STR("bis")) &&
	         !str_eq_nocase(word, STR("and")) && !str_eq_nocase(word, STR("und")))
		return;
	at += blanks_behind(number_from(first->s, at));
	digits = number_read(number_from(first->s, at), false, &second, &skip);
	if (!digits)
		return;
	struct behind b = {first->s, at + digits, &second};
	double value = second.readings[0].value;
	if (take_month_behind(&b)) {
		first->t->is |= NUMBER_DATE;
		first->t->day = (int)first->t->readings[0].value;
		first->t->month = second.month;
		first->t->year = second.year;
	}
	if ((second.is & NUMBER_DATE) || !take_all(&b))
		return;
	if ((second.is & NUMBER_SCALED) && !(first->t->is & NUMBER_SCALED) && value > 0)
		number_scale(first->t, second.readings[0].value / value, true);
	first->t->is |= second.is & (NUMBER_PERCENT | NUMBER_POINTS | NUMBER_SCALED);
}

bool number_behind(struct number_scan *scan, struct number_token *t, size_t at)
{
	struct behind b = {scan->text, at, t};

	if (take_month_before(scan, &b) || take_month_behind(&b)) {
		t->n = b.at - t->at;
		return true;
	}
	if (!take_all(&b))
		return false;
	see_range(&b);
	see_hyphen(&b);
	see_usual(t, scan->text, b.at);
	if (t->is & NUMBER_PERCENT)
		number_scale(t, 0.01, true);
	t->n = b.at - t->at;
	return true;
}
