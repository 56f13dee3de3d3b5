/*
 * Questions that the dictionary answers. Each wording is a pattern over words; a question must fit one from
 * its first word to its last, so that "columns of orders" is taken and "columns of orders with revenue by
 * month" is not.
 *
 * Patterns: words; (a|b c) one of these; [a|b] one of these or nothing; $T a table of the dictionary,
 * spelling mistakes allowed; $E a table, exactly or in singular or plural; $U any one word; $C a column; $N
 * a number.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/agent_priv.h"
#include "agent/diagnose_priv.h"
#include "lib/arena.h"

enum { WORDS = 24, QUESTION_BYTES = 200, NAME_WORDS = 4, SAMPLE_MOST = 100 };

static const struct {
	enum agent_intent_kind kind;
	const char *pattern;
} patterns[] = {
#define INTENT(kind, pattern) {AGENT_INTENT_##kind, pattern},
#include "agent/intents.def"
#undef INTENT
};

/* Said before and behind a question without changing it. */
static const char *const openings[] = {
        "please",  "hi",        "hello",           "hey",       "ok",        "okay",
        "so",      "now",       "can you",         "could you", "would you", "will you",
        "can i",   "i want to", "i would like to", "i need to", "let me",    "just",
        "quickly", "tell me",   "do you know",     "kindly",
};
static const char *const closings[] = {"please", "thanks", "thank you", "for me", "pls", "again", "now"};

struct words {
	struct str at[WORDS];
	size_t n;
};

/* A match under way: what the variables took. */
struct match {
	struct arena *a;
	const struct catalog *c;
	const struct words *w;
	struct agent_intent found;
};

/* Names ------------------------------------------------------------------------------------------------- */

static size_t least(size_t x, size_t y)
{
	return x < y ? x : y;
}

/* The words from..to as a name: joined with _, lower case, the schema taken off. */
static struct str name_of(const struct match *m, size_t from, size_t to)
{
	struct buf b = buf_init(m->a, QUESTION_BYTES);
	const char *schema = str_lower(m->a, str_of(m->c->schema));
	struct str s;

	for (size_t i = from; i < to; i++) {
		if (i > from)
			buf_add_char(&b, '_');
		buf_add_str(&b, m->w->at[i]);
	}
	s = buf_str(&b);
	if (str_starts(s, str_of(schema)) && s.n > strlen(schema) && s.p[strlen(schema)] == '.')
		s = (struct str){s.p + strlen(schema) + 1, s.n - strlen(schema) - 1};
	return s;
}

static const struct catalog_table *table_exact(const struct match *m, struct str name)
{
	const struct catalog_table *found = catalog_find(m->c, str_dup(m->a, name));

	for (size_t i = 0; !found && i < m->c->ntables; i++)
		if (str_eq(agent_stem(str_of(str_lower(m->a, str_of(m->c->tables[i].name)))), agent_stem(name)))
			found = &m->c->tables[i];
	return found;
}

/* The one table that is nearest; none when two are equally near or none is near. */
static const struct catalog_table *table_near(const struct match *m, struct str name)
{
	size_t most = name.n >= 8 ? 3 : name.n >= 4 ? 2 : 1, best = most;
	const struct catalog_table *found = NULL;

	for (size_t i = 0; i < m->c->ntables; i++) {
		size_t d = agent_distance(agent_stem(name), agent_stem(str_of(str_lower(m->a, str_of(m->c->tables[i].name)))),
		                    most);

		if (d < best || (d == best && d < most))
			found = d < best ? &m->c->tables[i] : NULL;
		if (d < best)
			best = d;
	}
	return found;
}

static bool has_column(const struct match *m, struct str name)
{
	for (size_t i = 0; i < m->c->ntables; i++)
		for (size_t j = 0; j < m->c->tables[i].ncolumns; j++)
			if (str_eq_nocase(str_of(m->c->tables[i].columns[j].name), name))
				return true;
	return false;
}

/* Patterns ---------------------------------------------------------------------------------------------- */

static bool sequence(struct match *m, struct str p, size_t at);

/* Where the group that p begins with ends: the index of its bracket. */
static size_t group_end(struct str p)
{
	size_t depth = 0, i = 0;

	for (;; i++) {
		if (p.p[i] == '(' || p.p[i] == '[')
			depth++;
		if ((p.p[i] == ')' || p.p[i] == ']') && --depth == 0)
			return i;
	}
}

/* The length of the first alternative of s. */
static size_t alternative(struct str s)
{
	size_t depth = 0, i;

	for (i = 0; i < s.n && (depth || s.p[i] != '|'); i++)
		depth += (s.p[i] == '(' || s.p[i] == '[') - (s.p[i] == ')' || s.p[i] == ']');
	return i;
}

static bool group(struct match *m, struct str p, size_t at)
{
	size_t end = group_end(p);
	struct str inner = {p.p + 1, end - 1}, rest = {p.p + end + 1, p.n - end - 1};

	for (;;) {
		size_t n = alternative(inner);

		if (sequence(m, str_of(arena_printf(m->a, "%.*s %.*s", (int)n, inner.p, STR_ARG(rest))), at))
			return true;
		if (n == inner.n)
			break;
		inner = (struct str){inner.p + n + 1, inner.n - n - 1};
	}
	return *p.p == '[' && sequence(m, rest, at);
}

static bool take_table(struct match *m, bool near, size_t at, size_t to)
{
	struct str name = name_of(m, at, to);
	const struct catalog_table *t = table_exact(m, name);

	if (!t && near && to == at + 1)
		t = table_near(m, name);
	m->found.table = t;
	return t != NULL;
}

static bool take_number(struct match *m, size_t at)
{
	static const char *const words[] = {"one", "two",   "three", "four", "five",
	                                    "six", "seven", "eight", "nine", "ten"};
	int64_t n = 0;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_is(m->w->at[at], words[i]))
			n = (int64_t)i + 1;
	if (!n && !str_to_i64(m->w->at[at], &n))
		return false;
	m->found.rows = n;
	return n > 0;
}

static bool take(struct match *m, char kind, size_t at, size_t to)
{
	struct str name;

	if (kind == 'T' || kind == 'E')
		return take_table(m, kind == 'T', at, to);
	if (kind == 'N')
		return to == at + 1 && take_number(m, at);
	name = name_of(m, at, to);
	if (kind == 'C' ? !has_column(m, name) : to != at + 1)
		return false;
	m->found.word = str_dup(m->a, name);
	return true;
}

static bool variable(struct match *m, struct str p, size_t at)
{
	struct str rest = {p.p + 2, p.n - 2};

	for (size_t to = least(m->w->n, at + NAME_WORDS); to > at; to--) {
		struct agent_intent before = m->found;

		if (take(m, p.p[1], at, to) && sequence(m, rest, to))
			return true;
		m->found = before;
	}
	return false;
}

/* Whether the words from `at` on fit the pattern to its end. */
static bool sequence(struct match *m, struct str p, size_t at)
{
	size_t n;

	p = str_trim(p);
	if (p.n == 0)
		return at == m->w->n;
	if (*p.p == '(' || *p.p == '[')
		return group(m, p, at);
	if (*p.p == '$')
		return variable(m, p, at);
	for (n = 0; n < p.n && p.p[n] != ' '; n++)
		;
	return at < m->w->n && str_eq(m->w->at[at], (struct str){p.p, n}) &&
	       sequence(m, (struct str){p.p + n, p.n - n}, at + 1);
}

/* The question ------------------------------------------------------------------------------------------ */

static bool word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '*' ||
	       (c & 0x80);
}

static bool add_word(struct words *w, struct str s)
{
	while (s.n && s.p[s.n - 1] == '.')
		s.n--;
	if (s.n == 0)
		return true;
	if (w->n + 2 > WORDS)
		return false;
	if (str_is(s, "whats") || str_is(s, "what's")) {
		w->at[w->n++] = STR("what");
		s = STR("is");
	}
	w->at[w->n++] = s;
	return true;
}

/* Lower-case words; 's falls away. False for a question too long to be meant. */
static bool split(struct arena *a, struct str question, struct words *w)
{
	char *s;
	size_t from = 0, n = question.n;

	if (n > QUESTION_BYTES)
		return false;
	s = str_lower(a, question);
	for (size_t i = 0; i <= n; i++) {
		struct str word = {s + from, i - from};

		if (i < n && word_byte(s[i]))
			continue;
		if (i < n && s[i] == '\'' && str_is(word, "what") && s[i + 1] == 's') {
			i++;
			word = STR("whats");
		} else if (i < n && s[i] == '\'' && s[i + 1] == 's') {
			i++;
		}
		if (!add_word(w, word))
			return false;
		from = i + 1;
	}
	return true;
}

static bool phrase_at(const struct words *w, size_t at, const char *phrase, size_t *n)
{
	struct str rest = str_of(phrase);

	for (*n = 0; rest.p; ++*n)
		if (at + *n >= w->n || !str_eq(w->at[at + *n], str_chop(&rest, ' ')))
			return false;
	return true;
}

static bool strip_opening(struct words *w)
{
	size_t n;

	for (size_t i = 0; i < sizeof(openings) / sizeof(*openings); i++) {
		if (!phrase_at(w, 0, openings[i], &n) || n == w->n)
			continue;
		memmove(w->at, w->at + n, (w->n - n) * sizeof(*w->at));
		w->n -= n;
		return true;
	}
	return false;
}

static bool strip_closing(struct words *w)
{
	size_t n, len;

	for (size_t i = 0; i < sizeof(closings) / sizeof(*closings); i++) {
		len = strchr(closings[i], ' ') ? 2 : 1;
		if (w->n <= len || !phrase_at(w, w->n - len, closings[i], &n))
			continue;
		w->n -= len;
		return true;
	}
	return false;
}

static bool fits(struct match *m)
{
	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		m->found = (struct agent_intent){.kind = patterns[i].kind};
		if (sequence(m, str_of(patterns[i].pattern), 0))
			return true;
	}
	m->found = (struct agent_intent){.kind = AGENT_INTENT_NONE};
	return false;
}

struct agent_intent agent_intent_of(struct arena *a, const struct catalog *c, struct str question)
{
	struct words w = {.n = 0};
	struct match m = {.a = a, .c = c, .w = &w};
	bool found;

	if (!split(a, question, &w))
		return m.found;
	while (strip_closing(&w))
		;
	for (found = fits(&m); !found && strip_opening(&w);)
		found = fits(&m);
	if (m.found.kind == AGENT_INTENT_UNKNOWN_TABLE)
		m.found.table = table_near(&m, str_of(m.found.word));
	if (m.found.rows > SAMPLE_MOST)
		m.found.rows = SAMPLE_MOST;
	return m.found;
}
