/*
 * Inside numbers*.c and number_*.c: where the numbers of an answer come from. Pure.
 *   number_read   the digits of a number and what they may stand for
 *   number_scan   the numbers of a text, with what stands beside them
 *   numbers_text  the answer as blocks, without markup
 *   numbers_index the values of results, to be looked up
 *   numbers_calc  simple calculations over cells
 *   numbers_place what stands around a number
 *   numbers_data  whether it claims anything
 *   numbers_cell  the cell or text that it is from
 *   numbers       all of it
 */
#ifndef AGENT_NUMBERS_PRIV_H
#define AGENT_NUMBERS_PRIV_H

#include "agent/agent_priv.h"
#include "lib/arena.h"

/* Words (number_words.def) ------------------------------------------------------------------------------- */

enum number_word {
	NUMBER_WORD_SCALE,
	NUMBER_WORD_GLUED_SCALE,
	NUMBER_WORD_PERCENT,
	NUMBER_WORD_POINTS,
	NUMBER_WORD_TIMES,
	NUMBER_WORD_GLUED_TIMES,
	NUMBER_WORD_CURRENCY,
	NUMBER_WORD_UNIT,
	NUMBER_WORD_NAMES,
	NUMBER_WORD_VERSION,
	NUMBER_WORD_RANK,
	NUMBER_WORD_ABOUT,
	NUMBER_WORD_OVER,
	NUMBER_WORD_UNDER,
	NUMBER_WORD_BOUND,
	NUMBER_WORD_LESS,
	NUMBER_WORD_MONTH,
	NUMBER_WORD_DAYS,
};
/* Whether the word, in whatever case, is one of that kind. value may be NULL. */
bool number_word(struct str word, enum number_word kind, int *value);

/* Numbers of a text -------------------------------------------------------------------------------------- */

enum {
	NUMBER_MONEY = 1 << 0,
	NUMBER_PERCENT = 1 << 1,
	NUMBER_POINTS = 1 << 2, /* percentage points */
	NUMBER_TIMES = 1 << 3,  /* "3.2x" */
	NUMBER_DECIMALS = 1 << 4,
	NUMBER_GROUPED = 1 << 5, /* with separators of thousands */
	NUMBER_SCALED = 1 << 6,  /* "12 million" */
	NUMBER_MINUS = 1 << 7,
	NUMBER_UNIT = 1 << 8,  /* "25kg" */
	NUMBER_NAMES = 1 << 9, /* names a thing or bounds a list: "week 12", "#7", "30-day" */
	NUMBER_DATE = 1 << 10,
	NUMBER_YEAR = 1 << 11, /* may be one: 1900 to 2100 */
	NUMBER_ABOUT = 1 << 12,
	NUMBER_OVER = 1 << 13,
	NUMBER_UNDER = 1 << 14,
	NUMBER_USUAL = 1 << 15, /* a usual length of time, a hundred percent, a version */

	NUMBER_READINGS = 8,
};

/* One thing that the digits may stand for. */
struct number_reading {
	double value;
	double unit; /* what the last digit shown is worth */
};

struct number_token {
	size_t at; /* with currency sign and what stands behind it */
	size_t n;
	unsigned is;
	struct number_reading readings[NUMBER_READINGS]; /* the likeliest first */
	size_t nreadings;                                /* 0: only a date */
	int year, month, day;                            /* of a date; 0: not said */
	bool joined;                                     /* by blanks, "12 345": it may be several numbers */
};

struct number_scan {
	struct str text;
	size_t at;
	size_t end;      /* of the last number */
	bool apart;      /* blanks join nothing, for the next number only */
	struct str word; /* the last one before it */
	struct str word_before; /* and the one before that */
};
/* The next number at or behind scan->at; false at the end. Identifiers, versions, addresses and ordinals are none. */
bool number_next(struct number_scan *scan, struct number_token *t);

/* number_read.c: digits with their separators at the beginning of the text. Fills readings, DECIMALS, GROUPED and joined;
 * returns how long they are. 0: no number, and *skip bytes are to be left out. */
size_t number_read(struct str text, bool apart, struct number_token *t, size_t *skip);
/* number_date.c: a date or a time in figures at the beginning of the text; how long it is, 0 for none. */
size_t number_read_date(struct str text, struct number_token *t);

/* number_behind.c: takes what stands behind the digits, which end at `at`. False when it makes a word of them. */
bool number_behind(struct number_scan *scan, struct number_token *t, size_t at);
/* Its readings times `by`, in their place or also. */
void number_scale(struct number_token *t, double by, bool also);
/* A currency sign, a dash at the beginning. */
bool number_money(struct str s, size_t *length);
bool number_dash(struct str s, size_t *length);

/* Bytes of a blank that may stand in or behind a number, 0 for none. */
size_t number_blank(struct str text);
static inline bool number_digit(struct str s, size_t i)
{
	return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}
static inline struct str number_from(struct str s, size_t i)
{
	return i < s.n ? (struct str){s.p + i, s.n - i} : (struct str){s.p, 0};
}
/* Letters, digits and underscores of any script at the beginning. */
size_t number_word_length(struct str s, bool digits);

/* The answer as blocks ------------------------------------------------------------------------------------ */

enum { NUMBERS_NONE = -1 };

/* A paragraph, an item, a heading, a row of a table: its cells each begin with a tab. */
struct numbers_block {
	size_t at; /* in the flat text */
	size_t n;
	unsigned in;     /* MARKDOWN_IN_... */
	bool row;        /* of a table */
	ptrdiff_t head;  /* the block that is the head of its table */
	ptrdiff_t above; /* the heading that it stands under */
};
struct numbers_span {
	size_t at;
	size_t n;
	ptrdiff_t source; /* -1: not a stretch of the source */
	unsigned in;
};
struct numbers_text {
	struct str flat;
	struct agent_list blocks; /* struct numbers_block */
	struct agent_list spans;  /* struct numbers_span, in order */
};
MUST_CHECK struct err *numbers_text_of(struct arena *a, struct str markdown, struct numbers_text *out);
/* Where a stretch of the flat text stands in the source; false when it is code or a link, or stands nowhere. */
bool numbers_text_source(const struct numbers_text *t, size_t at, size_t n, size_t *source, size_t *source_n);

/* Values, to be looked up ---------------------------------------------------------------------------------- */

enum {
	NUMBERS_VALUES = 200000, /* kept of all results, the others are not found */
	NUMBERS_LOOKED = 128,    /* at for one number */
};

struct numbers_value {
	double key;      /* without its sign; of a date yyyymmdd */
	uint32_t cell;   /* of a result: row * columns + column */
	uint16_t source; /* run or text */
	bool minus;
	bool percent;
	bool inside; /* one of several things in a text */
};
struct numbers_index {
	struct agent_list values; /* struct numbers_value, by key once it is closed */
	struct agent_list dates;
	struct agent_list keys; /* double: each once */
};
void numbers_index_result(struct arena *a, struct numbers_index *x, const struct query_result *r,
                          uint16_t source);
void numbers_index_text(struct arena *a, struct numbers_index *x, struct str text, uint16_t source);
/* Sorts it: before it is looked into. */
void numbers_index_close(struct arena *a, struct numbers_index *x);
/* The values from low to high, at most NUMBERS_LOOKED: how many, and the first one. */
size_t numbers_between(const struct agent_list *values, double low, double high,
                       const struct numbers_value **first);
/* How many different keys lie there. */
size_t numbers_keys_between(const struct numbers_index *x, double low, double high);

/* What a number as shown can be a rounding of. */
struct numbers_range {
	double value;
	double low;
	double high;
};
struct numbers_range numbers_range_of(const struct number_token *t, size_t reading);
/* The chance that values spread like these fall into it. */
double numbers_chance(size_t near, const struct numbers_range *range);

/* What is looked into -------------------------------------------------------------------------------------- */

/* A run's rows. query is its place among the queries of the turn, from 1; 0 in an earlier one. */
struct numbers_run {
	int64_t query;
	const struct query_result *result;
};
/* What else there is besides the queries of the turn. */
struct numbers_more {
	const struct numbers_run *runs; /* of earlier turns, the last one first */
	size_t nruns;
	const struct str *questions; /* likewise */
	size_t nquestions;
	const struct str *notes; /* dictionary, instructions, limits: what the model was told */
	size_t nnotes;
	bool partial; /* not all rows could be had: nothing is said to be of no query */
};
struct numbers_input {
	struct str answer;
	struct str question;
	const struct numbers_run *runs;
	size_t nruns;
	bool dictionary; /* the answer is the program's own, from the dictionary: so is what is of no query */
	/* Called at most once, before a number is said to come from nowhere. May be NULL. */
	void (*more)(void *arg, struct numbers_more *out);
	void *arg;
};

/* numbers.c */
struct agent_numbers agent_numbers_of(struct arena *a, const struct numbers_input *in);

/* While it is looked for ----------------------------------------------------------------------------------- */

enum {
	NUMBERS_MOST = 500,       /* numbers of an answer that are told */
	NUMBERS_SEEN = 20000,     /* and looked at */
	NUMBERS_WORK = 100000000, /* bytes of text that are compared for an answer */
	NUMBERS_LABELLED = 30,    /* score of a place where the row's own words stand */
	NUMBERS_SMALL = 12,       /* up to here a bare number counts what is listed */
};

struct numbers_found {
	struct number_token t; /* its place is that in the flat text */
	size_t block;
	bool data;    /* it is to be proven */
	double value; /* of the cell */
	struct agent_number number;
};

/* A date or a month that a block speaks of. */
struct numbers_day {
	size_t at;
	int year, month, day;
};

struct numbers_work {
	struct arena *a;
	const struct numbers_input *in;
	struct numbers_more more;
	struct numbers_text text;
	struct numbers_index cells, sql, question; /* sources are runs of in */
	struct agent_list nouns; /* struct str: words of tables and columns, without their endings */
	struct agent_list days;  /* of days_block */
	size_t days_block;
	struct agent_list columns; /* of numbers_calc.c */
	int64_t work;              /* left of NUMBERS_WORK */
	struct agent_list found;
	size_t seen;
	bool cut;
};

/* numbers_place.c: what stands around a number. */
struct numbers_place {
	const struct numbers_block *block;
	size_t at; /* in the flat text */
	size_t n;
	struct str window; /* of its block */
	size_t window_at;
	size_t sentence; /* in the flat text */
	size_t sentence_end;
	struct str head;   /* cell of the table's head above it */
	struct str above;  /* heading */
	struct str before; /* the blocks before its own */
};
void numbers_place_of(struct numbers_work *w, size_t block, size_t at, size_t n, struct numbers_place *p);
/* How much of what stands around it speaks of the cell's row and column; from NUMBERS_LABELLED on of its row. */
int numbers_place_score(struct numbers_work *w, const struct numbers_place *p, const struct query_result *r,
                        size_t cell);
/* The nearest place of the row's words in the window, as a score. */
int numbers_place_row(struct numbers_work *w, const struct numbers_place *p, const struct query_result *r,
                      size_t row, size_t but);
/* Whether the number counts what tables and columns are called after. */
bool numbers_place_counts(struct numbers_work *w, const struct numbers_place *p);
/* Collects w->nouns. */
void numbers_nouns(struct numbers_work *w);
/* Whether the text has the words, in whatever case and not as a part of others. *at: where nearest to `near`. */
bool numbers_has_words(struct numbers_work *w, struct str text, struct str words, size_t near, size_t *at);

/* numbers_data.c: what the head of its column says of a number, "Revenue (k€)", "Share in %", becomes part of it. */
void numbers_read_head(const struct numbers_place *p, struct number_token *t);
/* Whether it is to be proven; whether its looks say that it is a figure. */
bool numbers_is_data(struct numbers_work *w, const struct number_token *t, const struct numbers_place *p);
bool numbers_is_figure(const struct number_token *t);

/* numbers_cell.c: each fills f->number when that is where it is from. runs are those of the index's sources. What may be
 * a cell or a coincidence is no more to be proven. */
bool numbers_from_cell(struct numbers_work *w, struct numbers_index *x, const struct numbers_run *runs,
                       const struct numbers_place *p, struct numbers_found *f);
bool numbers_from_day(struct numbers_work *w, struct numbers_found *f);
bool numbers_from_rows(struct numbers_work *w, struct numbers_found *f);
bool numbers_from_text(struct numbers_found *f, const struct numbers_index *x, enum agent_number_kind kind,
                       const struct numbers_run *runs);
/* Whether few other numbers would be found in the cell that was. */
bool numbers_is_sure(const struct numbers_found *f, struct numbers_work *w, const struct numbers_place *p,
                     const struct numbers_run *runs);

/* numbers_calc.c: fills f->number when a calculation over cells that stand near gives it. */
bool numbers_calculate(struct numbers_work *w, struct numbers_found *f);

/* {"list":[{"at","n","kind","how","of":[{"query","run_id","row","col","column","value"}]}],"unproven":1,
 * "cut":true} and back, with words. */
void agent_numbers_put(struct json_writer *w, const char *key, const struct agent_numbers *numbers);
/* numbers_record.c: the words for what was found. */
const char *numbers_words(struct arena *a, const struct agent_number *n);

#endif
