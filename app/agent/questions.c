/*
 * Questions to click, made of a dictionary or of the last result: always the same ones for the same data. Which column
 * measures something, which one tells kinds apart and which one is a name is read from types, keys and names; columns
 * without values that may be shown (sensitive, masked, filtered, empty) are left alone.
 */
#include <ctype.h>
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"

enum { NAME_CHARS = 40, CATEGORIES = 50, CATEGORY_CHARS = 24, LONG_RESULT = 10 };

/* Names -------------------------------------------------------------------------------------------------------- */

/* Whether the name has that word, in any case: parts are separated by whatever is no letter. */
static bool has_word(const char *name, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = name; *p; p++)
		if ((p == name || !isalpha((unsigned char)p[-1])) && !isalpha((unsigned char)p[strnlen(p, n)]) &&
		    str_eq_nocase((struct str){p, strnlen(p, n)}, (struct str){word, n}))
			return true;
	return false;
}

/* The place of the first of the words that the name has, counted from the end; 0 for none. */
static int rank_in(const char *name, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (has_word(name, words[i]))
			return (int)(n - i);
	return 0;
}
#define RANK(name, words) rank_in(name, words, sizeof(words) / sizeof(*(words)))

/* A name that reads as one: what a database is called by others could be a sentence, and a question is sent as it is. */
static bool is_plain(const char *name)
{
	size_t blanks = 0;

	if (!*name || str_utf8_count(str_of(name)) > NAME_CHARS)
		return false;
	for (const char *p = name; *p; p++) {
		blanks += *p == ' ';
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != ' ' && (unsigned char)*p < 0x80)
			return false;
	}
	return blanks < 4;
}

/* "order_items" as people say it. */
static const char *said(struct arena *a, const char *name)
{
	char *text = arena_strdup(a, name);

	for (char *p = text; *p; p++)
		if (*p == '_')
			*p = ' ';
	return text;
}

/* Columns ------------------------------------------------------------------------------------------------------- */

static bool is_date(const struct catalog_column *c)
{
	return str_starts(str_of(c->type), STR("date")) || str_starts(str_of(c->type), STR("timestamp"));
}

static bool is_number(const struct catalog_column *c)
{
	static const char *const types[] = {"smallint", "integer", "bigint", "numeric", "real", "double", "money"};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (str_starts(str_of(c->type), str_of(types[i])))
			return true;
	return false;
}

static bool is_text(const struct catalog_column *c)
{
	return !strcmp(c->type, "text") || !strcmp(c->type, "citext") || str_starts(str_of(c->type), STR("character"));
}

static bool is_shown(const struct catalog_column *c)
{
	return !c->mask && (c->nsamples || c->nenum_values) && is_plain(c->name);
}

static int measures(const struct catalog_column *c)
{
	static const char *const best[] = {"revenue", "sales", "turnover", "total", "amount", "net", "gross", "value",
	                                   "price", "cost", "quantity", "qty", "duration", "pieces", "count"};
	static const char *const none[] = {"id", "no", "nr", "number", "code", "year", "month", "day", "week", "hour",
	                                   "zip", "version", "position", "rank", "lat", "lon", "percent", "sort"};

	if (!is_number(c) || !is_shown(c) || c->primary || c->unique || c->references_table || RANK(c->name, none))
		return 0;
	return 2 * RANK(c->name, best) + (str_starts(str_of(c->type), STR("numeric")) ? 2 : 1);
}

static int tells_kinds(const struct catalog_column *c)
{
	static const char *const best[] = {"status", "category", "type",    "region", "channel", "country", "segment",
	                                   "kind",   "source",   "state",   "method", "device",  "topic",   "priority",
	                                   "reason", "department", "group", "class",  "brand",   "city"};
	static const char *const none[] = {"name", "title", "label", "description", "comment", "subject", "note", "text",
	                                   "url", "id"};

	if (!is_shown(c) || c->primary || c->unique || RANK(c->name, none))
		return 0;
	if (c->nenum_values)
		return c->nenum_values <= CATEGORIES ? 2 + RANK(c->name, best) : 0;
	if (!is_text(c) || c->nsamples < 2)
		return 0;
	for (size_t i = 0; i < c->nsamples; i++)
		if (str_utf8_count(str_of(c->samples[i])) > CATEGORY_CHARS)
			return 0;
	return 1 + RANK(c->name, best);
}

static int names(const struct catalog_column *c)
{
	static const char *const best[] = {"name", "title", "label"};

	return is_text(c) && is_shown(c) ? RANK(c->name, best) : 0;
}

static int dates(const struct catalog_column *c)
{
	return is_date(c) && is_shown(c) ? 1 + c->not_null + (c->low != NULL) : 0;
}

/* The first of the columns that are best at it, or NULL. */
static const struct catalog_column *best_column(const struct catalog_table *t,
                                                int (*rank)(const struct catalog_column *))
{
	const struct catalog_column *best = NULL;

	for (size_t i = 0; t && i < t->ncolumns; i++)
		if (rank(&t->columns[i]) > (best ? rank(best) : 0))
			best = &t->columns[i];
	return best;
}

const struct catalog_column *agent_main_date(const struct catalog_table *t)
{
	return best_column(t, dates);
}

/* Of a dictionary ------------------------------------------------------------------------------------------------ */

/* What a table has to ask about. */
struct topic {
	const struct catalog_table *table;
	const struct catalog_column *date, *measure, *kind, *name;
	int weight;
};

static int digits(int64_t rows)
{
	int n = 0;

	for (; rows > 0; rows /= 10)
		n++;
	return n;
}

static struct topic topic_of(const struct catalog_table *t)
{
	struct topic p = {t, best_column(t, dates), best_column(t, measures), best_column(t, tells_kinds),
	                  best_column(t, names), 0};

	if (!is_plain(t->name))
		return (struct topic){.table = t};
	p.weight = 8 * (p.date && p.measure) + 2 * (p.date || p.measure) + (p.kind != NULL) + digits(t->rows) +
	           (p.measure ? measures(p.measure) / 8 : 0);
	return p;
}

struct offer {
	struct arena *a;
	struct topic *topics; /* the weightiest first */
	size_t ntopics;
	const char **out;
	size_t n;
	size_t most;
	const struct catalog_table *used; /* by the last question */
};

/* Twice the same question is one. */
static void say(struct offer *o, const struct catalog_table *about, const char *question)
{
	if (o->n == o->most)
		return;
	for (size_t i = 0; i < o->n; i++)
		if (!strcmp(o->out[i], question))
			return;
	o->out[o->n++] = question;
	o->used = about;
}

static void by_month(struct offer *o)
{
	for (size_t i = 0; i < o->ntopics; i++) {
		const struct topic *t = &o->topics[i];
		const char *table = said(o->a, t->table->name);

		if (!t->date || t->table == o->used)
			continue;
		say(o, t->table,
		    t->measure ? arena_printf(o->a, "How did the %s of %s develop by month?",
		                              said(o->a, t->measure->name), table)
		               : arena_printf(o->a, "How many %s were there in each month?", table));
		return;
	}
}

static const struct topic *topic_named(const struct offer *o, const char *table)
{
	for (size_t i = 0; table && i < o->ntopics; i++)
		if (!strcmp(o->topics[i].table->name, table))
			return &o->topics[i];
	return NULL;
}

/* Names are mostly in a table of their own, which others refer to. */
static void top(struct offer *o)
{
	for (size_t i = 0; i < o->ntopics; i++) {
		const struct topic *t = &o->topics[i];

		for (size_t k = 0; t->measure && k < t->table->ncolumns; k++) {
			const struct topic *other = topic_named(o, t->table->columns[k].references_table);

			if (!other || !other->name || other == t)
				continue;
			say(o, t->table,
			    arena_printf(o->a, "Which 10 %s have the highest %s in %s?", said(o->a, other->table->name),
			                 said(o->a, t->measure->name), said(o->a, t->table->name)));
			return;
		}
	}
	for (size_t i = 0; i < o->ntopics; i++)
		if (o->topics[i].name && o->topics[i].measure) {
			say(o, o->topics[i].table,
			    arena_printf(o->a, "Which 10 %s have the highest %s?",
			                 said(o->a, o->topics[i].table->name), said(o->a, o->topics[i].measure->name)));
			return;
		}
}

static void by_kind(struct offer *o)
{
	for (size_t i = 0; i < o->ntopics; i++)
		if (o->topics[i].kind && o->topics[i].table != o->used) {
			say(o, o->topics[i].table,
			    arena_printf(o->a, "How many %s are there for each %s?", said(o->a, o->topics[i].table->name),
			                 said(o->a, o->topics[i].kind->name)));
			return;
		}
}

static void average(struct offer *o)
{
	for (size_t i = 0; i < o->ntopics; i++) {
		const struct topic *t = &o->topics[i];

		if (!t->kind || !t->measure || t->table == o->used)
			continue;
		say(o, t->table,
		    arena_printf(o->a, "What is the average %s of %s for each %s?", said(o->a, t->measure->name),
		                 said(o->a, t->table->name), said(o->a, t->kind->name)));
		return;
	}
}

/* What the dictionary answers by itself. */
static void about_tables(struct offer *o, const struct catalog *c)
{
	const struct catalog_table *t = NULL;

	for (size_t i = 0; i < c->ntables; i++)
		if (is_plain(c->tables[i].name) && (!t || c->tables[i].rows > t->rows))
			t = &c->tables[i];
	if (t)
		say(o, t, arena_printf(o->a, "How many rows are in %s?", t->name));
	say(o, t, "What tables are there?");
	if (!t)
		return;
	say(o, t, arena_printf(o->a, "Describe %s", t->name));
	say(o, t, arena_printf(o->a, "Show sample rows of %s", t->name));
	for (size_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].references_table && is_plain(t->columns[i].name))
			say(o, t, arena_printf(o->a, "Which tables have a column %s?", t->columns[i].name));
}

static void sort_topics(struct offer *o)
{
	for (size_t i = 1; i < o->ntopics; i++)
		for (size_t k = i; k > 0 && o->topics[k].weight > o->topics[k - 1].weight; k--) {
			struct topic t = o->topics[k];
			o->topics[k] = o->topics[k - 1];
			o->topics[k - 1] = t;
		}
}

enum { TOPICS = 200 };

size_t agent_questions(struct arena *a, const struct catalog *c, bool model, const char **out, size_t most)
{
	struct offer o = {.a = a, .out = out, .most = most};

	o.ntopics = model ? c->ntables < TOPICS ? c->ntables : TOPICS : 0;
	o.topics = ARENA_ARRAY(a, struct topic, o.ntopics);
	for (size_t i = 0; i < o.ntopics; i++)
		o.topics[i] = topic_of(&c->tables[i]);
	sort_topics(&o);
	while (o.ntopics && !o.topics[o.ntopics - 1].weight)
		o.ntopics--;
	by_month(&o);
	top(&o);
	by_kind(&o);
	average(&o);
	about_tables(&o, c);
	return o.n;
}

/* Of an answer ---------------------------------------------------------------------------------------------------- */

static const struct agent_query *last_result(const struct agent_turn *t)
{
	for (size_t i = t->nqueries; i-- > 0;)
		if (t->queries[i].ok && t->queries[i].preview)
			return &t->queries[i];
	return NULL;
}

static const struct query_column *first_of(const struct query_result *r, enum query_kind kind, bool first)
{
	const struct query_column *found = NULL;

	for (size_t i = 0; i < r->ncolumns && !(first && found); i++)
		if (r->columns[i].kind == kind && is_plain(r->columns[i].name))
			found = &r->columns[i];
	return found;
}

static bool has_column(const struct query_result *r, const char *name)
{
	for (size_t i = 0; i < r->ncolumns; i++)
		if (!strcmp(r->columns[i].name, name))
			return true;
	return false;
}

/* A column of the tables used that is good for something and not in the result yet. */
static const struct catalog_column *other_column(const struct catalog *c, const struct agent_turn *t,
                                                 const struct query_result *r,
                                                 int (*rank)(const struct catalog_column *))
{
	for (size_t i = 0; c && i < t->ntables; i++) {
		const struct catalog_column *best = best_column(catalog_find(c, t->tables[i]), rank);

		if (best && !has_column(r, best->name))
			return best;
	}
	return NULL;
}

size_t agent_questions_next(struct arena *a, const struct catalog *c, const struct agent_turn *t, const char **out,
                          size_t most)
{
	const struct agent_query *q = last_result(t);
	struct offer o = {.a = a, .out = out, .most = most};

	if (!q || t->from_catalog)
		return 0;
	const struct query_result *r = q->preview;
	const struct query_column *number = first_of(r, QUERY_NUMBER, false), *text = first_of(r, QUERY_TEXT, true);
	bool dated = first_of(r, QUERY_DATE, true) || first_of(r, QUERY_TIME, true);
	const struct catalog_column *date = other_column(c, t, r, dates), *kind = other_column(c, t, r, tells_kinds);

	if (number && dated)
		say(&o, NULL, "Compare that with the year before");
	else if (number && date)
		say(&o, NULL, arena_printf(a, "Show that by month of %s", said(a, date->name)));
	if (number && kind)
		say(&o, NULL, arena_printf(a, "Break that down by %s", said(a, kind->name)));
	if (number && dated && q->rows > 1)
		say(&o, NULL, arena_printf(a, "When was %s highest, and when lowest?", said(a, number->name)));
	if (number && text && q->rows > LONG_RESULT)
		say(&o, NULL, arena_printf(a, "Show only the top 10 by %s", said(a, number->name)));
	if (number && text && q->rows > 1)
		say(&o, NULL, arena_printf(a, "What share of the whole has each %s?", said(a, text->name)));
	if (number && q->rows > 0)
		say(&o, NULL, "Show the rows behind that");
	else if (!number && q->rows > 1)
		say(&o, NULL, "How many are there in all?");
	return o.n;
}
