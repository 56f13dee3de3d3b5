/*
 * The numbers of a text. What stands before and behind the digits tells what a number is: money, a
 * percentage, a year, the name of a thing. Words that hold digits (table_2, Q3, v1.2) are passed over.
 */
#include <string.h>

#include "agent/numbers_priv.h"

enum { KEY_DIGITS = 11 };

static const struct {
	const char *word;
	enum number_word kind;
	int value;
} words[] = {
#define NUMBER_WORD(word, kind, value) {word, NUMBER_WORD_##kind, value},
#include "agent/number_words.def"
#undef NUMBER_WORD
};

bool number_word(struct str word, enum number_word kind, int *value)
{
	for (size_t i = 0; word.n && i < sizeof(words) / sizeof(*words); i++) {
		if (words[i].kind != kind || (words[i].word[0] | 0x20) != (*word.p | 0x20) ||
		    !str_eq_nocase(word, str_of(words[i].word)))
			continue;
		if (value)
			*value = words[i].value;
		return true;
	}
	return false;
}

/* Characters --------------------------------------------------------------------------------------------- */

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Signs of more than one byte that are no letters: blanks, dashes, quotes, bullets, currencies, « » ° ± × and the like. */
static bool is_sign(struct str s)
{
	unsigned char first = (unsigned char)s.p[0], second = s.n > 1 ? (unsigned char)s.p[1] : 0;

	if (first == 0xc2)
		return true;
	if (first == 0xc3)
		return second == 0x97 || second == 0xb7;
	/* U+2000 to U+2BFF, U+3000 to U+303F and what is written without blanks between words: U+3040 and above. */
	return first == 0xe2 || (first >= 0xe3 && first <= 0xed) || first == 0xef;
}

size_t number_word_length(struct str s, bool digits)
{
	size_t i = 0;

	while (i < s.n) {
		struct str rest = number_from(s, i);

		if (letter(*rest.p) || (digits && number_digit(rest, 0)))
			i++;
		else if (((unsigned char)*rest.p & 0x80) && !is_sign(rest))
			i += str_utf8_step(rest) ? str_utf8_step(rest) : 1;
		else
			break;
	}
	return i;
}

static bool starts_any(struct str s, const struct str *signs, size_t n, size_t *length)
{
	for (size_t i = 0; i < n; i++)
		if (str_starts(s, signs[i])) {
			*length = signs[i].n;
			return true;
		}
	return false;
}
static bool ends_any(struct str s, const struct str *signs, size_t n, size_t *length)
{
	for (size_t i = 0; i < n; i++)
		if (str_ends(s, signs[i])) {
			*length = signs[i].n;
			return true;
		}
	return false;
}

static const struct str money_signs[] = {
        {"$", 1}, {"\xe2\x82\xac", 3}, {"\xc2\xa3", 2}, {"\xc2\xa5", 2}, {"\xe2\x82\xb9", 3}};
static const struct str minus_signs[] = {{"-", 1}, {"\xe2\x88\x92", 3}, {"\xe2\x80\x93", 3}};
static const struct str dashes[] = {{"-", 1}, {"\xe2\x80\x93", 3}, {"\xe2\x80\x94", 3}};
static const struct str about_signs[] = {{"~", 1}, {"\xe2\x89\x88", 3}, {"\xc2\xb1", 2}};
static const struct str over_signs[] = {{">", 1}, {"\xe2\x89\xa5", 3}};
static const struct str under_signs[] = {{"<", 1}, {"\xe2\x89\xa4", 3}};
#define SIGN_STARTS(s, signs, length) starts_any(s, signs, sizeof(signs) / sizeof(*(signs)), length)
#define SIGN_ENDS(s, signs, length) ends_any(s, signs, sizeof(signs) / sizeof(*(signs)), length)

bool number_money(struct str s, size_t *length)
{
	return SIGN_STARTS(s, money_signs, length);
}

bool number_dash(struct str s, size_t *length)
{
	return SIGN_STARTS(s, dashes, length);
}

static struct str without_blanks(struct str s)
{
	while (s.n && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

/* What stands before ------------------------------------------------------------------------------------- */

static void see_before(struct number_scan *scan, struct number_token *t, size_t end)
{
	struct str before = without_blanks((struct str){scan->text.p, t->at});
	bool beside = scan->word.n && (size_t)(scan->word.p + scan->word.n - scan->text.p) + 2 >= before.n;
	struct str word = scan->word;
	size_t n;

	if (SIGN_ENDS(before, about_signs, &n))
		t->is |= NUMBER_ABOUT;
	if (SIGN_ENDS(before, over_signs, &n))
		t->is |= NUMBER_OVER;
	if (SIGN_ENDS(before, under_signs, &n))
		t->is |= NUMBER_UNDER;
	if (before.n && before.p[before.n - 1] == '#')
		t->is |= NUMBER_NAMES;
	/* "24/7", "3/4" */
	if ((t->at > 1 && scan->text.p[t->at - 1] == '/' && number_digit(scan->text, t->at - 2)) ||
	    (number_digit(scan->text, end + 1) && scan->text.p[end] == '/'))
		t->is |= NUMBER_NAMES;
	if (!beside)
		return;
	t->is |= number_word(word, NUMBER_WORD_ABOUT, NULL) ? NUMBER_ABOUT : 0U;
	t->is |= number_word(word, NUMBER_WORD_OVER, NULL) ? NUMBER_OVER : 0U;
	t->is |= number_word(word, NUMBER_WORD_UNDER, NULL) ? NUMBER_UNDER : 0U;
	if (number_word(word, NUMBER_WORD_BOUND, NULL))
		t->is |= number_word(scan->word_before, NUMBER_WORD_LESS, NULL) ? NUMBER_UNDER : NUMBER_OVER;
	t->is |= number_word(word, NUMBER_WORD_NAMES, NULL) ? NUMBER_NAMES : 0U;
	t->is |= number_word(word, NUMBER_WORD_VERSION, NULL) ? NUMBER_NAMES | NUMBER_USUAL : 0U;
	t->is |= number_word(word, NUMBER_WORD_CURRENCY, NULL) ? NUMBER_MONEY : 0U;
}

/* Currency and minus right before the digits become part of it. */
static void take_before(struct number_scan *scan, struct number_token *t, size_t at)
{
	struct str before = {scan->text.p + scan->end, at - scan->end};
	size_t n;

	t->at = at;
	for (int i = 0; i < 2; i++) {
		size_t blank = i == 0 && before.n && before.p[before.n - 1] == ' ';
		struct str tight = {before.p, before.n - blank};

		if (!(t->is & NUMBER_MONEY) && SIGN_ENDS(tight, money_signs, &n)) {
			t->is |= NUMBER_MONEY;
			before = (struct str){tight.p, tight.n - n};
			t->at = scan->end + before.n;
		}
		if (!(t->is & NUMBER_MINUS) && SIGN_ENDS(before, minus_signs, &n) &&
		    (scan->end + before.n == n ||
		     (before.n > n && strchr(" $(\t\n|:=/~,\x01", before.p[before.n - n - 1])))) {
			t->is |= NUMBER_MINUS;
			before.n -= n;
			t->at = scan->end + before.n;
		}
	}
}

/* One number --------------------------------------------------------------------------------------------- */

static void see_year(struct number_token *t, struct str digits)
{
	double value = t->readings[0].value;

	/* Nobody writes a figure like that: a key, a telephone, nanoseconds. */
	if (digits.n >= KEY_DIGITS && t->is == 0)
		t->is |= NUMBER_NAMES;
	if (digits.n == 4 && t->nreadings == 1 &&
	    !(t->is & (NUMBER_MONEY | NUMBER_MINUS | NUMBER_DECIMALS)) && value >= 1900 && value <= 2100)
		t->is |= NUMBER_YEAR;
}

/* What begins with a digit at `at`. False when it is no number; the scan is behind it either way. */
static bool take_number(struct number_scan *scan, struct number_token *t, size_t at)
{
	struct str s = number_from(scan->text, at);
	size_t n = number_read_date(s, t), skip;

	*t = n ? *t : (struct number_token){0};
	t->at = at;
	if (n) {
		t->n = n;
		scan->at = at + n;
		return true;
	}
	n = number_read(s, scan->apart, t, &skip);
	scan->at = at + (n ? n : skip ? skip : 1);
	if (!n)
		return false;
	take_before(scan, t, at);
	see_year(t, (struct str){s.p, n});
	see_before(scan, t, at + n);
	if (!number_behind(scan, t, at + n)) {
		/* "4k1", "3rd": a word. */
		scan->at = at + n + number_word_length(number_from(s, n), true);
		return false;
	}
	scan->at = t->at + t->n;
	return true;
}

/* ".5", and not "a.5". */
static bool bare_fraction(const struct number_scan *scan)
{
	return scan->text.p[scan->at] == '.' && number_digit(scan->text, scan->at + 1) &&
	       (scan->at == 0 || strchr(" (\t\n", scan->text.p[scan->at - 1]));
}

/* "COVID-19", "Q3-2024" and "v1.2" are words. */
static size_t word_length(const struct number_scan *scan)
{
	struct str s = number_from(scan->text, scan->at);
	size_t n = number_word_length(s, true);

	if (n && n < s.n && s.p[n] == '-' && number_digit(s, n + 1) &&
	    !number_word((struct str){s.p, n}, NUMBER_WORD_CURRENCY, NULL)) {
		n++;
		while (number_digit(s, n))
			n++;
	}
	while (n && number_digit(s, n - 1) && n + 1 < s.n && s.p[n] == '.' && number_digit(s, n + 1))
		for (n++; number_digit(s, n);)
			n++;
	return n;
}

/* "EUR12": the letters of a currency right before digits are a word of their own. */
static size_t currency_length(struct str s)
{
	size_t n = number_word_length(s, false);

	return n && number_digit(s, n) && number_word((struct str){s.p, n}, NUMBER_WORD_CURRENCY, NULL) ? n
	                                                                                                : 0;
}

bool number_next(struct number_scan *scan, struct number_token *t)
{
	while (scan->at < scan->text.n) {
		struct str s = number_from(scan->text, scan->at);
		size_t n;

		*t = (struct number_token){0};
		if (number_digit(s, 0) || bare_fraction(scan)) {
			bool found = take_number(scan, t, scan->at);
			scan->apart = false;
			if (found) {
				scan->end = scan->at;
				return true;
			}
			continue;
		}
		n = currency_length(s);
		if (!n)
			n = word_length(scan);
		if (n) {
			scan->word_before = scan->word;
			scan->word = (struct str){s.p, n};
			scan->at += n;
		} else if (*s.p == '\'' && number_digit(s, 1) && number_digit(s, 2) && !number_digit(s, 3)) {
			scan->at += 3;
		} else {
			scan->at += str_utf8_step(s) ? str_utf8_step(s) : 1;
		}
	}
	return false;
}
