/*
 * What stands around a number: its sentence, the row of its table, the heading above. Of the cells that a
 * number may be from, the one counts whose row and column are spoken of beside it.
 */
#include <string.h>

#include "agent/numbers_priv.h"
#include "markdown/markdown.h"

enum {
	AROUND = 300,     /* bytes looked at before and behind */
	LABEL_BYTES = 80, /* longest cell that is looked for as a name */
	LABEL = 60,       /* score of a name right beside the number */
	LABEL_AT_LEAST = 32,
	LABEL_ELSEWHERE = 14, /* in the heading, in the lines before */
	COLUMN_HEAD = 20,
	COLUMN_WORD = 10,
	DAYS_MOST = 500,
	NOUNS_MOST = 400,
};

/* Words -------------------------------------------------------------------------------------------------- */

static char low(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool in_word(struct str s, size_t i)
{
	return i < s.n && (number_digit(s, i) || number_word_length((struct str){s.p + i, 1}, true) == 1);
}

static bool same(struct str text, size_t at, struct str words)
{
	for (size_t i = 0; i < words.n; i++)
		if (low(text.p[at + i]) != low(words.p[i]))
			return false;
	return !(at && in_word(text, at) && in_word(text, at - 1)) &&
	       !(in_word(text, at + words.n - 1) && in_word(text, at + words.n));
}

static size_t apart(size_t a, size_t b)
{
	return a > b ? a - b : b - a;
}

bool numbers_has_words(struct numbers_work *w, struct str text, struct str words, size_t near, size_t *at)
{
	bool found = false;

	if (words.n < 2 || words.n > text.n || w->work <= 0)
		return false;
	w->work -= (int64_t)text.n;
	for (size_t i = 0; i + words.n <= text.n; i++) {
		if (low(text.p[i]) != low(*words.p) || !same(text, i, words))
			continue;
		if (!found || apart(i, near) < apart(*at, near))
			*at = i;
		found = true;
	}
	return found;
}

/* The word without the ending of a plural. */
static struct str stem(struct str word)
{
	static const struct str endings[] = {{"ies", 3}, {"es", 2}, {"en", 2}, {"s", 1},
	                                     {"n", 1},   {"e", 1},  {"y", 1}};

	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (word.n >= endings[i].n + 3 &&
		    str_eq_nocase((struct str){word.p + word.n - endings[i].n, endings[i].n}, endings[i]))
			return (struct str){word.p, word.n - endings[i].n};
	return word;
}

/* Calls `take` for each word of a name: "order_items" has two. */
static bool each_word(struct str name, bool (*take)(void *arg, struct str word), void *arg)
{
	for (size_t i = 0; i < name.n;) {
		size_t n = 0;

		while (i + n < name.n && name.p[i + n] != '_' && name.p[i + n] != '.' && name.p[i + n] != ' ')
			n++;
		if (n >= 3 && take(arg, (struct str){name.p + i, n}))
			return true;
		i += n + 1;
	}
	return false;
}

static bool is_noun(const struct numbers_work *w, struct str word)
{
	const struct str *nouns = w->nouns.p;
	struct str s = stem(word);

	for (size_t i = 0; i < w->nouns.n; i++)
		if (str_eq_nocase(nouns[i], s))
			return true;
	return false;
}

static bool add_noun(void *arg, struct str word)
{
	struct numbers_work *w = arg;

	if (w->nouns.n < NOUNS_MOST && !is_noun(w, word))
		*(struct str *)agent_list_add(w->a, &w->nouns, sizeof(struct str)) = stem(word);
	return false;
}

void numbers_nouns(struct numbers_work *w)
{
	static const char *const always[] = {"rows",   "results",    "records",          "entries",
	                                     "Zeilen", "Ergebnisse", "Datens\xc3\xa4tze"};

	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		add_noun(w, str_of(always[i]));
	for (size_t i = 0; i < w->in->nruns; i++) {
		const struct query_result *r = w->in->runs[i].result;

		for (size_t k = 0; k < r->ntables; k++) {
			struct str table = str_of(r->tables[k]);
			ptrdiff_t dot = str_find(table, STR("."));

			each_word(number_from(table, (size_t)(dot + 1)), add_noun, w);
		}
		for (size_t k = 0; k < r->ncolumns; k++)
			each_word(str_of(r->columns[k].name), add_noun, w);
	}
}

bool numbers_place_counts(struct numbers_work *w, const struct numbers_place *p)
{
	struct str behind = number_from(w->text.flat, p->at + p->n);
	size_t blank = number_blank(behind), n = number_word_length(number_from(behind, blank), false);

	return blank && n && is_noun(w, (struct str){behind.p + blank, n});
}

/* Days --------------------------------------------------------------------------------------------------- */

static void add_day(struct numbers_work *w, size_t at, int year, int month, int day)
{
	if (w->days.n < DAYS_MOST)
		*(struct numbers_day *)agent_list_add(w->a, &w->days, sizeof(struct numbers_day)) =
		        (struct numbers_day){at, year, month, day};
}

/* Months that stand alone: "in July". */
static void add_months(struct numbers_work *w, struct str text, size_t at)
{
	for (size_t i = 0; i < text.n;) {
		size_t n = number_word_length(number_from(text, i), true);
		int month;

		if (n && number_word((struct str){text.p + i, n}, NUMBER_WORD_MONTH, &month))
			add_day(w, at + i, 0, month, 0);
		i += n ? n : 1;
	}
}

static void read_days(struct numbers_work *w, size_t block, struct str text, size_t at)
{
	struct number_scan scan = {.text = text};
	struct number_token t;

	w->days.n = 0;
	w->days_block = block;
	while (w->days.n < DAYS_MOST && number_next(&scan, &t)) {
		if (t.is & NUMBER_DATE)
			add_day(w, at + t.at, t.year, t.month, t.day);
		else if (t.is & NUMBER_YEAR)
			add_day(w, at + t.at, (int)t.readings[0].value, 0, 0);
	}
	add_months(w, text, at);
}

static int nearness(size_t distance)
{
	int score = LABEL - (int)(distance < 1000 ? distance / 4 : 250);

	return score > LABEL_AT_LEAST ? score : LABEL_AT_LEAST;
}

/* Where the block speaks of that day, month or year. */
static int day_score(struct numbers_work *w, const struct numbers_place *p, int year, int month, int day)
{
	const struct numbers_day *d = w->days.p;
	int best = 0;

	for (size_t i = 0; i < w->days.n; i++) {
		bool fits = (!d[i].year || !year || d[i].year == year) &&
		            (!d[i].month || !month || d[i].month == month) &&
		            (!d[i].day || !day || d[i].day == day);
		/* A year alone says little of a month, a month little of a day. */
		bool vague = (month && !d[i].month) || (day && !d[i].day);
		int score = nearness(apart(d[i].at, p->at)) - (vague ? LABEL_AT_LEAST : 0);

		if (fits && score > best)
			best = score;
	}
	return best;
}

/* Places ------------------------------------------------------------------------------------------------- */

static void find_sentence(const struct numbers_work *w, struct numbers_place *p)
{
	struct str s = w->text.flat;
	size_t end = p->window_at + p->window.n;

	p->sentence = p->at;
	while (p->sentence > p->window_at + 1 &&
	       !(s.p[p->sentence - 1] == ' ' && strchr(".!?", s.p[p->sentence - 2])))
		p->sentence--;
	p->sentence_end = p->at + p->n;
	while (p->sentence_end + 1 < end &&
	       !(s.p[p->sentence_end + 1] == ' ' && strchr(".!?", s.p[p->sentence_end])))
		p->sentence_end++;
	if (p->sentence <= p->window_at + 1)
		p->sentence = p->window_at;
	if (p->sentence_end + 1 >= end)
		p->sentence_end = end;
}

/* The cell of the head that stands above the place of a row. */
static struct str head_cell(const struct numbers_work *w, const struct numbers_block *block, size_t at)
{
	const struct numbers_block *head = (const struct numbers_block *)w->text.blocks.p + block->head;
	struct str rest = {w->text.flat.p + head->at, head->n}, cell = str_chop(&rest, '\t');

	for (size_t i = block->at; i < at; i++)
		if (w->text.flat.p[i] == '\t')
			cell = str_chop(&rest, '\t');
	return cell;
}

void numbers_place_of(struct numbers_work *w, size_t i, size_t at, size_t n, struct numbers_place *p)
{
	const struct numbers_block *blocks = w->text.blocks.p, *b = &blocks[i];
	size_t from = at > b->at + AROUND ? at - AROUND : b->at, end = b->at + b->n;
	size_t before = b->at > AROUND ? b->at - AROUND : 0;

	if (w->days_block != i)
		read_days(w, i, (struct str){w->text.flat.p + b->at, b->n}, b->at);
	if (end > at + n + AROUND)
		end = at + n + AROUND;
	*p = (struct numbers_place){.block = b,
	                            .at = at,
	                            .n = n,
	                            .window = {w->text.flat.p + from, end - from},
	                            .window_at = from,
	                            .before = {w->text.flat.p + before, b->at - before}};
	find_sentence(w, p);
	if (b->row) {
		p->sentence = p->window_at;
		p->sentence_end = end;
	}
	if (b->head >= 0)
		p->head = head_cell(w, b, at);
	if (b->above >= 0)
		p->above = (struct str){w->text.flat.p + blocks[b->above].at, blocks[b->above].n};
}

/* Scores ------------------------------------------------------------------------------------------------- */

static int label_score(struct numbers_work *w, const struct numbers_place *p, struct str label)
{
	size_t near = p->at - p->window_at, at;

	if (numbers_has_words(w, p->window, label, near, &at)) {
		size_t where = p->window_at + at;
		bool within = where >= p->sentence && where < p->sentence_end;
		/* What stands behind a number more often belongs to the next one. */
		size_t distance = apart(at, near) + (at > near ? 20 : 0);

		return within ? nearness(distance) : LABEL_ELSEWHERE;
	}
	if (numbers_has_words(w, p->above, label, 0, &at) ||
	    numbers_has_words(w, p->before, label, p->before.n, &at))
		return LABEL_ELSEWHERE;
	return 0;
}

static int cell_label_score(struct numbers_work *w, const struct numbers_place *p, enum query_kind kind,
                            struct str cell)
{
	struct number_token t = {0};

	if (cell.n < 2 || cell.n > LABEL_BYTES)
		return 0;
	if (number_digit(cell, 3) && number_read_date(cell, &t) && t.month)
		return day_score(w, p, t.year, t.month, t.day > 1 ? t.day : 0);
	if (kind == QUERY_NUMBER) {
		struct number_scan scan = {.text = cell};

		/* A year names a row; other numbers do not. */
		if (cell.n != 4 || !number_next(&scan, &t) || !(t.is & NUMBER_YEAR))
			return 0;
		return day_score(w, p, (int)t.readings[0].value, 0, 0);
	}
	return kind == QUERY_TEXT ? label_score(w, p, cell) : 0;
}

int numbers_place_row(struct numbers_work *w, const struct numbers_place *p, const struct query_result *r,
                      size_t row, size_t but)
{
	int best = 0, sum = 0;

	for (size_t i = 0; i < r->ncolumns && w->work > 0; i++) {
		const char *cell = r->cells[row * r->ncolumns + i];
		int score = cell && i != but ? cell_label_score(w, p, r->columns[i].kind, str_of(cell)) : 0;

		if (score > best)
			best = score;
		sum += score;
	}
	/* A row with two names is the one where both are spoken of. */
	return best + (sum - best) / 2;
}

struct column_words {
	struct numbers_work *w;
	struct str text;
	bool found;
};

static bool see_word(void *arg, struct str word)
{
	struct column_words *c = arg;
	struct str s = stem(word);
	size_t i = 0;

	c->w->work -= (int64_t)c->text.n;
	while (i < c->text.n && !c->found) {
		size_t n = number_word_length(number_from(c->text, i), false);

		c->found = n && str_eq_nocase(stem((struct str){c->text.p + i, n}), s);
		i += n ? n : 1;
	}
	return c->found;
}

static int column_score(struct numbers_work *w, const struct numbers_place *p, const char *name)
{
	struct column_words head = {w, p->head, false};
	struct column_words sentence = {
	        w, {w->text.flat.p + p->sentence, p->sentence_end - p->sentence}, false};

	if (w->work > 0 && p->head.n && each_word(str_of(name), see_word, &head))
		return COLUMN_HEAD;
	return w->work > 0 && each_word(str_of(name), see_word, &sentence) ? COLUMN_WORD : 0;
}

int numbers_place_score(struct numbers_work *w, const struct numbers_place *p, const struct query_result *r,
                        size_t cell)
{
	size_t column = cell % r->ncolumns;

	return numbers_place_row(w, p, r, cell / r->ncolumns, column) +
	       column_score(w, p, r->columns[column].name);
}
