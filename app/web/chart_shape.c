/* What the columns of a result are to a chart: what orders its rows, what names them, what is measured. */
#include "web/chart_shape_priv.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"

/* Numbers ------------------------------------------------------------------------------------------------ */

enum web_number web_number_kind(const char *column)
{
	static const struct {
		const char *word;
		enum web_number kind;
	} words[] = {
	        {"id", WEB_KEY},           {"code", WEB_KEY},      {"number", WEB_KEY},
	        {"zip", WEB_KEY},          {"key", WEB_KEY},       {"phone", WEB_KEY},
	        {"year", WEB_ORDINAL},     {"month", WEB_ORDINAL}, {"week", WEB_ORDINAL},
	        {"day", WEB_ORDINAL},      {"hour", WEB_ORDINAL},  {"quarter", WEB_ORDINAL},
	        {"weekday", WEB_ORDINAL},  {"dow", WEB_ORDINAL},   {"bucket", WEB_ORDINAL},
	        {"decile", WEB_ORDINAL},   {"rank", WEB_KEY},      {"position", WEB_KEY},
	};
	struct str name = str_of(column);

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		struct str w = str_of(words[i].word);
		size_t before = name.n - w.n;

		if (name.n < w.n || !str_eq_nocase((struct str){name.p + before, w.n}, w))
			continue;
		if (before && !strchr("_ ", name.p[before - 1]))
			continue;
		/* "orders_per_day" */
		return before >= 4 && str_eq_nocase((struct str){name.p + before - 4, 3}, STR("per")) ? WEB_MEASURE : words[i].kind;
	}
	return WEB_MEASURE;
}

bool chart_number(const char *text, double *value)
{
	char *end;

	if (!text || !*text)
		return false;
	*value = strtod(text, &end);
	return !*end && isfinite(*value);
}

double chart_largest(const struct chart_shape *s, size_t column)
{
	double largest = 0, v;

	for (size_t i = 0; i < s->r->nrows; i++)
		if (chart_number(chart_cell(s, i, column), &v) && fabs(v) > largest)
			largest = fabs(v);
	return largest;
}

/* Texts that are dates ----------------------------------------------------------------------------------- */

/* 9 stands for a digit. */
static bool fits(const char *text, const char *pattern)
{
	for (; *text && *pattern; text++, pattern++)
		if (*pattern == '9' ? !isdigit((unsigned char)*text) : *text != *pattern)
			return false;
	return !*text && !*pattern;
}

static bool is_period(const char *text)
{
	static const char *const patterns[] = {"9999",    "9999-99",  "9999-99-99", "9999-Q9",
	                                       "9999 Q9", "9999-W99", "9999Q9"};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
		if (fits(text, patterns[i]))
			return true;
	return false;
}

static bool all_periods(const struct chart_shape *s, size_t column)
{
	bool any = false;

	for (size_t i = 0; i < s->r->nrows; i++) {
		const char *text = chart_cell(s, i, column);
		if (text && !is_period(text))
			return false;
		any = any || text;
	}
	return any;
}

/* Columns ------------------------------------------------------------------------------------------------ */

const char *chart_cell(const struct chart_shape *s, size_t row, size_t column)
{
	return s->r->cells[row * s->r->ncolumns + column];
}

static void add(struct chart_columns *list, size_t column)
{
	list->p[list->n++] = column;
}

/* With at least one value, and nothing that is none ("$12.00"). */
static bool measures(const struct chart_shape *s, size_t column)
{
	bool any = false;
	double v;

	for (size_t i = 0; i < s->r->nrows; i++) {
		const char *text = chart_cell(s, i, column);
		bool number = chart_number(text, &v);
		if (text && !number && !strchr("NI-", *text))
			return false;
		any = any || number;
	}
	return any;
}

static void add_number(struct chart_shape *s, size_t i)
{
	const struct query_column *c = &s->r->columns[i];
	enum web_number kind = web_number_kind(c->name);

	if (kind == WEB_KEY || (c->type && !strcmp(c->type, "oid")))
		s->listing = s->listing || str_eq_nocase(str_of(c->name), STR("id"));
	else if (measures(s, i))
		add(kind == WEB_ORDINAL ? &s->ordered : &s->measures, i);
}

static void add_text(struct chart_shape *s, size_t i)
{
	const struct query_column *c = &s->r->columns[i];
	struct str name = str_of(c->name);
	bool key = (c->type && !strcmp(c->type, "uuid")) || str_ends(name, STR("_id")) || str_is(name, "id");

	if (key)
		s->listing = s->listing || str_is(name, "id");
	else
		add(all_periods(s, i) ? &s->ordered : &s->names, i);
}

void chart_shape_read(struct arena *a, const struct query_result *r, size_t total, struct chart_shape *s)
{
	*s = (struct chart_shape){.a = a, .r = r, .total = total};
	s->ordered.p = ARENA_ARRAY(a, size_t, r->ncolumns);
	s->names.p = ARENA_ARRAY(a, size_t, r->ncolumns);
	s->measures.p = ARENA_ARRAY(a, size_t, r->ncolumns);
	for (size_t i = 0; i < r->ncolumns; i++) {
		switch (r->columns[i].kind) {
		case QUERY_DATE:
		case QUERY_TIME: add(&s->ordered, i); break;
		case QUERY_NUMBER: add_number(s, i); break;
		case QUERY_TEXT: add_text(s, i); break;
		case QUERY_BOOL: add(&s->names, i); break;
		default: break;
		}
	}
}

/* Different texts ---------------------------------------------------------------------------------------- */

struct chart_index chart_index(struct arena *a, size_t most)
{
	size_t nslots = 16;

	while (nslots < 2 * most)
		nslots *= 2;
	return (struct chart_index){a, ARENA_ARRAY(a, const char *, most), 0, ARENA_ARRAY(a, size_t, nslots), nslots};
}

size_t chart_index_of(struct chart_index *x, const char *key)
{
	uint64_t hash = 14695981039346656037ULL;

	for (const char *p = key; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211ULL;
	size_t at = hash & (x->nslots - 1);
	for (; x->slots[at]; at = (at + 1) & (x->nslots - 1))
		if (!strcmp(x->keys[x->slots[at] - 1], key))
			return x->slots[at] - 1;
	x->keys[x->n++] = key;
	x->slots[at] = x->n;
	return x->n - 1;
}

static const char *text_of(const struct chart_shape *s, size_t row, size_t column)
{
	const char *text = chart_cell(s, row, column);

	return text ? text : "\x01";
}

size_t chart_distinct(const struct chart_shape *s, size_t column)
{
	struct chart_index x = chart_index(s->a, s->r->nrows);

	for (size_t i = 0; i < s->r->nrows; i++)
		chart_index_of(&x, text_of(s, i, column));
	return x.n;
}

size_t chart_distinct_pairs(const struct chart_shape *s, size_t one, size_t two)
{
	struct chart_index x = chart_index(s->a, s->r->nrows);

	for (size_t i = 0; i < s->r->nrows; i++)
		chart_index_of(&x, arena_printf(s->a, "%s\x02%s", text_of(s, i, one), text_of(s, i, two)));
	return x.n;
}
