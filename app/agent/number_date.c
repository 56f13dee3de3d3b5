/* Dates and times in figures: 2025-07-14, 2025-07, 14.07.2025, 7/14/2025, 2024/25, 10:30. */
#include "agent/numbers_priv.h"

enum { PARTS = 3, YEAR_FIRST = 1900, YEAR_LAST = 2100 };

struct parts {
	int value[PARTS];
	size_t digits[PARTS];
	size_t n;
	size_t length;
};

static struct parts parts_of(struct str s, char separator)
{
	struct parts p = {.n = 0};
	size_t at = 0;

	while (p.n < PARTS && number_digit(s, at)) {
		size_t from = at;

		for (; number_digit(s, at) && at - from < 5; at++)
			p.value[p.n] = p.value[p.n] * 10 + (s.p[at] - '0');
		p.digits[p.n++] = at - from;
		p.length = at;
		if (at >= s.n || s.p[at] != separator)
			break;
		at++;
	}
	if (number_digit(s, p.length))
		p.n = 0;
	return p;
}

static bool is_year(const struct parts *p, size_t i)
{
	return p->digits[i] == 4 && p->value[i] >= YEAR_FIRST && p->value[i] <= YEAR_LAST;
}

static bool is_month(const struct parts *p, size_t i)
{
	return p->digits[i] <= 2 && p->value[i] >= 1 && p->value[i] <= 12;
}

static bool is_day(const struct parts *p, size_t i)
{
	return p->digits[i] <= 2 && p->value[i] >= 1 && p->value[i] <= 31;
}

static size_t dated(struct number_token *t, const struct parts *p, int year, int month, int day)
{
	t->is |= NUMBER_DATE;
	t->year = year;
	t->month = month;
	t->day = day;
	return p->length;
}

/* hh:mm or hh:mm:ss, with what may follow it. */
static size_t time_of(struct str s)
{
	struct parts p = parts_of(s, ':');
	size_t n = p.length;

	if (p.n < 2 || p.digits[0] > 2 || p.digits[1] != 2 || p.value[0] > 24 || p.value[1] > 59)
		return 0;
	if (n + 1 < s.n && s.p[n] == '.' && number_digit(s, n + 1))
		for (n++; number_digit(s, n);)
			n++;
	if (n < s.n && s.p[n] == 'Z')
		return n + 1;
	if (n + 2 < s.n && (s.p[n] == '+' || s.p[n] == '-') && number_digit(s, n + 1) &&
	    number_digit(s, n + 2)) {
		n += 3;
		if (n + 2 < s.n && s.p[n] == ':' && number_digit(s, n + 1) && number_digit(s, n + 2))
			n += 3;
	}
	return n;
}

static size_t with_time(struct str s, size_t n)
{
	size_t more = n + 1 < s.n && (s.p[n] == 'T' || s.p[n] == ' ') ? time_of(number_from(s, n + 1)) : 0;

	return more ? n + 1 + more : n;
}

static size_t dashed(struct str s, struct number_token *t)
{
	struct parts p = parts_of(s, '-');

	if (p.n == 3 && is_year(&p, 0) && is_month(&p, 1) && is_day(&p, 2))
		return with_time(s, dated(t, &p, p.value[0], p.value[1], p.value[2]));
	if (p.n == 2 && is_year(&p, 0) && p.digits[1] == 2)
		return dated(t, &p, p.value[0], is_month(&p, 1) ? p.value[1] : 0, 0);
	return 0;
}

static bool goes_on_behind_dot(struct str s)
{
	if (s.n < 2 || s.p[0] != '.')
		return false;
	return s.p[1] == ',' || s.p[1] == ')' || (s.n > 2 && s.p[1] == ' ' && s.p[2] >= 'a' && s.p[2] <= 'z');
}

static size_t dotted(struct str s, struct number_token *t)
{
	struct parts p = parts_of(s, '.');
	size_t behind = p.length;

	if (p.n < 2 || !is_day(&p, 0) || !is_month(&p, 1))
		return 0;
	if (p.n == 3 && (is_year(&p, 2) || p.digits[2] == 2))
		return with_time(
		        s, dated(t, &p, p.value[2] + (p.digits[2] == 2 ? 2000 : 0), p.value[1], p.value[0]));
	/* "am 14.07. kam", but not a figure that ends a sentence. */
	if (p.n == 2 && p.digits[1] == 2 && goes_on_behind_dot(number_from(s, behind))) {
		p.length++;
		return dated(t, &p, 0, p.value[1], p.value[0]);
	}
	return 0;
}

static size_t slashed(struct str s, struct number_token *t)
{
	struct parts p = parts_of(s, '/');

	if (p.n == 3 && is_year(&p, 0) && is_month(&p, 1) && is_day(&p, 2))
		return dated(t, &p, p.value[0], p.value[1], p.value[2]);
	if (p.n == 3 && is_month(&p, 0) && is_day(&p, 1) && (is_year(&p, 2) || p.digits[2] == 2))
		return dated(t, &p, p.value[2] + (p.digits[2] == 2 ? 2000 : 0), p.value[0], p.value[1]);
	if (p.n == 3 && is_day(&p, 0) && is_month(&p, 1) && is_year(&p, 2))
		return dated(t, &p, p.value[2], p.value[1], p.value[0]);
	if (p.n == 2 && is_year(&p, 0) && (p.digits[1] == 2 || is_year(&p, 1)))
		return dated(t, &p, p.value[0], 0, 0);
	if (p.n == 2 && is_month(&p, 0) && is_year(&p, 1))
		return dated(t, &p, p.value[1], p.value[0], 0);
	return 0;
}

size_t number_read_date(struct str s, struct number_token *t)
{
	size_t n = dashed(s, t);

	if (!n)
		n = dotted(s, t);
	if (!n)
		n = slashed(s, t);
	if (!n && (n = time_of(s)) != 0)
		t->is |= NUMBER_DATE;
	return n;
}
