/*
 * Whether a number claims something that is to be proven. Small counts of what is listed, years, names of
 * things and usual lengths of time do not.
 */
#include "agent/numbers_priv.h"
#include "markdown/markdown.h"

bool numbers_is_figure(const struct number_token *t)
{
	return t->is & (NUMBER_MONEY | NUMBER_PERCENT | NUMBER_POINTS | NUMBER_TIMES | NUMBER_DECIMALS |
	                NUMBER_GROUPED | NUMBER_SCALED | NUMBER_MINUS | NUMBER_UNIT);
}

/* "#", "Rank", "Nr.": a column that only counts its rows. */
static bool counts_rows(struct str head)
{
	static const char *const heads[] = {"",   "#",   "rank",  "rang", "nr",   "nr.",
	                                    "no", "no.", "platz", "pos",  "pos.", "position"};

	head = str_trim(head);
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++)
		if (str_eq_nocase(head, str_of(heads[i])))
			return true;
	return false;
}

void numbers_read_head(const struct numbers_place *p, struct number_token *t)
{
	bool percent = false;
	double by = 1;

	if (!p->head.n || (t->is & (NUMBER_DATE | NUMBER_PERCENT)))
		return;
	for (size_t i = 0; i < p->head.n;) {
		size_t n = number_word_length(number_from(p->head, i), false), money;
		struct str word = {p->head.p + i, n};
		bool signs = number_money(number_from(p->head, i + n), &money);
		int zeros;

		if (n &&
		    (number_word(word, NUMBER_WORD_SCALE, &zeros) ||
		     ((n == 1 || signs) && n <= 2 && number_word(word, NUMBER_WORD_GLUED_SCALE, &zeros))))
			for (by = 1; zeros > 0; zeros--)
				by *= 10;
		percent = percent || p->head.p[i] == '%' || number_word(word, NUMBER_WORD_PERCENT, NULL);
		i += n ? n : 1;
	}
	if (percent)
		t->is |= NUMBER_PERCENT;
	if (percent)
		number_scale(t, 0.01, true);
	else if (by > 1 && !(t->is & NUMBER_SCALED))
		number_scale(t, by, true);
}

/* A cell of a table, or "Orders: 7": nothing else stands there. */
static bool stands_alone(const struct numbers_work *w, const struct numbers_place *p)
{
	struct str s = w->text.flat;
	size_t end = p->block->at + p->block->n, i = p->at, k = p->at + p->n;

	while (i > p->block->at && s.p[i - 1] == ' ')
		i--;
	while (k < end && (s.p[k] == ' ' || s.p[k] == '.'))
		k++;
	if (k < end && s.p[k] != '\t')
		return false;
	return i > p->block->at && (s.p[i - 1] == ':' || (p->block->row && s.p[i - 1] == '\t'));
}

static bool listed(const struct numbers_work *w, const struct numbers_place *p)
{
	static const char *const words[] = {"the", "these", "those", "all", "both", "of",
	                                    "die", "diese", "alle",  "den", "der",  "drei"};
	struct str before = str_trim((struct str){w->text.flat.p + p->sentence, p->at - p->sentence});

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct str word = str_of(words[i]);

		if (before.n >= word.n &&
		    str_eq_nocase((struct str){before.p + before.n - word.n, word.n}, word) &&
		    (before.n == word.n || before.p[before.n - word.n - 1] == ' '))
			return true;
	}
	return false;
}

bool numbers_is_data(struct numbers_work *w, const struct number_token *t, const struct numbers_place *p)
{
	unsigned strong = NUMBER_MONEY | NUMBER_DECIMALS | NUMBER_GROUPED | NUMBER_SCALED;

	if (t->is & (NUMBER_DATE | NUMBER_USUAL))
		return false;
	if (t->is & NUMBER_NAMES)
		return t->is & strong;
	if (p->block->in & MARKDOWN_IN_HEADING)
		return t->is & (strong | NUMBER_PERCENT);
	if (t->is & NUMBER_YEAR)
		return numbers_place_counts(w, p);
	if (numbers_is_figure(t))
		return true;
	if (p->block->row && counts_rows(p->head))
		return false;
	if (t->readings[0].value > NUMBERS_SMALL || stands_alone(w, p))
		return true;
	return numbers_place_counts(w, p) && !listed(w, p);
}
