/*
 * A statement as tokens, and what stands in its FROM clauses. Statements that failed often have no syntax tree, so this
 * looks at signs and keywords alone. It never fails: what it cannot make out, it leaves out.
 */
#include <ctype.h>
#include <string.h>

#include "agent/diagnose_priv.h"
#include "lib/arena.h"
#include "sql/sql.h"

enum { TOKENS = 4000, LEVELS = 200, RELS = 100 };

/* Tokens ------------------------------------------------------------------------------------------------ */

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

/* Behind the quote that closes the one at `from`, or 0 when there is none. Doubled quotes are part of the text. */
static size_t quoted_end(struct str s, size_t from)
{
	char quote = s.p[from];

	for (size_t i = from + 1; i < s.n; i++) {
		if (s.p[i] != quote)
			continue;
		if (i + 1 == s.n || s.p[i + 1] != quote)
			return i + 1;
		i++;
	}
	return 0;
}

static size_t comment_end(struct str s, size_t from)
{
	bool line = s.p[from] == '-';

	for (size_t i = from + 2; i < s.n; i++) {
		if (line && s.p[i] == '\n')
			return i + 1;
		if (!line && s.p[i] == '/' && s.p[i - 1] == '*' && i > from + 2)
			return i + 1;
	}
	return s.n;
}

static size_t word_end(struct str s, size_t from)
{
	bool number = isdigit((unsigned char)s.p[from]);
	size_t i = from;

	while (i < s.n && (in_word(s.p[i]) || (number && s.p[i] == '.')))
		i++;
	return i;
}

static enum agent_token_kind kind_at(char c)
{
	static const char quotes[] = "'\"`";
	static const enum agent_token_kind quoted[] = {AGENT_T_STRING, AGENT_T_QUOTED, AGENT_T_TICKED};
	const char *q = c ? strchr(quotes, c) : NULL;

	if (q)
		return quoted[q - quotes];
	if (isdigit((unsigned char)c))
		return AGENT_T_NUMBER;
	return in_word(c) ? AGENT_T_WORD : AGENT_T_SIGN;
}

/* The token at `from`, which is no blank and no comment. */
static struct agent_token next_token(struct str s, size_t from)
{
	struct agent_token t = {.kind = kind_at(s.p[from]), .at = from};
	size_t end = from + 1;

	if (t.kind == AGENT_T_WORD || t.kind == AGENT_T_NUMBER)
		end = word_end(s, from);
	else if (t.kind != AGENT_T_SIGN && (end = quoted_end(s, from)) == 0)
		t.kind = t.kind == AGENT_T_STRING ? AGENT_T_OPEN_STRING : AGENT_T_SIGN;
	if (t.kind == AGENT_T_OPEN_STRING)
		end = s.n;
	t.text = (struct str){s.p + from, (end ? end : from + 1) - from};
	return t;
}

static void tokenize(struct arena *a, struct agent_statement *t)
{
	struct str s = t->sql;

	t->tokens = ARENA_ARRAY(a, struct agent_token, (s.n < TOKENS ? s.n : TOKENS) + 1);
	for (size_t i = 0; i < s.n && t->n < TOKENS;) {
		bool comment = i + 1 < s.n &&
		               ((s.p[i] == '-' && s.p[i + 1] == '-') || (s.p[i] == '/' && s.p[i + 1] == '*'));

		if (comment) {
			i = comment_end(s, i);
		} else if ((unsigned char)s.p[i] <= ' ') {
			i++;
		} else {
			t->tokens[t->n] = next_token(s, i);
			i += t->tokens[t->n++].text.n;
		}
	}
}

bool agent_is_word(const struct agent_statement *t, size_t i, const char *word)
{
	return i < t->n && t->tokens[i].kind == AGENT_T_WORD &&
	       str_eq_nocase(t->tokens[i].text, str_of(word));
}

bool agent_is_sign(const struct agent_statement *t, size_t i, char sign)
{
	return i < t->n && t->tokens[i].kind == AGENT_T_SIGN && *t->tokens[i].text.p == sign;
}

bool agent_is_name(const struct agent_statement *t, size_t i)
{
	return i < t->n && t->tokens[i].kind <= AGENT_T_TICKED;
}

static bool is_one_of(const struct agent_statement *t, size_t i, const char *const *words)
{
	for (; *words; words++)
		if (agent_is_word(t, i, *words))
			return true;
	return false;
}

const char *agent_token_name(struct arena *a, const struct agent_token *t)
{
	bool quoted = t->kind == AGENT_T_QUOTED || t->kind == AGENT_T_TICKED || t->kind == AGENT_T_STRING;

	if (!quoted)
		return str_lower(a, t->text);
	return arena_strndup(a, t->text.p + 1, t->text.n - 2);
}

size_t agent_token_at(const struct agent_statement *t, int position)
{
	size_t byte = 0;

	if (position < 1)
		return t->n;
	for (int i = 1; i < position && byte < t->sql.n; i++) {
		byte++;
		while (byte < t->sql.n && ((unsigned char)t->sql.p[byte] & 0xc0) == 0x80)
			byte++;
	}
	for (size_t i = 0; i < t->n; i++)
		if (byte < t->tokens[i].at + t->tokens[i].text.n)
			return i;
	return t->n;
}

/* Levels ------------------------------------------------------------------------------------------------ */

static size_t new_level(struct agent_statement *t, size_t outer)
{
	if (t->nlevels == LEVELS)
		return outer;
	t->outer[t->nlevels] = outer;
	return t->nlevels++;
}

/* A level for each pair of parentheses and for each arm of a set operation; nothing is in level 0. */
static void find_levels(struct arena *a, struct agent_statement *t)
{
	static const char *const arms[] = {"union", "intersect", "except", NULL};
	size_t *around = ARENA_ARRAY(a, size_t, LEVELS + 1), depth = 0, level;

	t->outer = ARENA_ARRAY(a, size_t, LEVELS);
	t->nlevels = 1;
	level = new_level(t, 0);
	for (size_t i = 0; i < t->n; i++) {
		if (is_one_of(t, i, arms))
			level = new_level(t, depth ? around[depth - 1] : 0);
		t->tokens[i].level = level;
		if (agent_is_sign(t, i, '(') && depth < LEVELS) {
			around[depth++] = level;
			level = new_level(t, level);
		} else if (agent_is_sign(t, i, ')') && depth) {
			level = around[--depth];
			t->tokens[i].level = level;
		}
	}
}

bool agent_sees(const struct agent_statement *t, size_t level, const struct agent_rel *rel)
{
	for (;; level = t->outer[level]) {
		if (level == rel->level)
			return true;
		if (t->outer[level] == level)
			return false;
	}
}

/* FROM -------------------------------------------------------------------------------------------------- */

static const char *const ends[] = {
        "where",  "group", "having",    "order",  "limit",   "offset", "fetch",   "window",
        "for",    "union", "intersect", "except", "on",      "using",  "join",    "inner",
        "left",   "right", "full",      "cross",  "natural", "as",     "lateral", "tablesample",
        "select", "from",  "set",       "with",   NULL,
};

/* FROM of a clause, not that of extract(year FROM x) or IS DISTINCT FROM. */
static bool begins_from(const struct agent_statement *t, size_t i)
{
	static const char *const functions[] = {"extract", "substring", "trim", "overlay", "position", NULL};
	size_t open = i;

	if (!agent_is_word(t, i, "from") || (i && agent_is_word(t, i - 1, "distinct")))
		return false;
	while (open > 0 && t->tokens[open].level >= t->tokens[i].level)
		open--;
	return !open || !agent_is_sign(t, open, '(') || !is_one_of(t, open - 1, functions);
}

static bool is_rel_name(const struct agent_statement *t, size_t i)
{
	return i < t->n && (t->tokens[i].kind == AGENT_T_QUOTED || t->tokens[i].kind == AGENT_T_TICKED ||
	                    (t->tokens[i].kind == AGENT_T_WORD && !is_one_of(t, i, ends)));
}

static size_t closing(const struct agent_statement *t, size_t open)
{
	for (size_t i = open + 1, depth = 1; i < t->n; i++) {
		depth += agent_is_sign(t, i, '(');
		if (agent_is_sign(t, i, ')') && --depth == 0)
			return i;
	}
	return t->n;
}

static bool is_with_query(const struct agent_statement *t, const char *name, struct arena *a)
{
	for (size_t i = 1; i + 1 < t->n; i++) {
		bool opens = agent_is_word(t, i + 1, "as") &&
		             (agent_is_sign(t, i + 2, '(') || agent_is_word(t, i + 2, "materialized") ||
		              agent_is_word(t, i + 2, "not"));
		bool follows = agent_is_word(t, i - 1, "with") || agent_is_word(t, i - 1, "recursive") ||
		               agent_is_sign(t, i - 1, ',');

		if (opens && follows && !strcmp(agent_token_name(a, &t->tokens[i]), name))
			return true;
	}
	return false;
}

/* Its alias at i, if one stands there; the token behind it. */
static size_t take_alias(struct arena *a, const struct agent_statement *t, size_t i, struct agent_rel *rel)
{
	size_t at = i + agent_is_word(t, i, "as");

	if (!is_rel_name(t, at))
		return i;
	rel->alias = agent_token_name(a, &t->tokens[at]);
	rel->aliased = true;
	return at + 1;
}

static size_t take_table(struct arena *a, const struct agent_statement *t, const struct catalog *c, size_t i,
                         struct agent_rel *rel)
{
	for (; agent_is_sign(t, i + 1, '.') && is_rel_name(t, i + 2); i += 2)
		rel->schema = agent_token_name(a, &t->tokens[i]);
	if (rel->schema && !strcmp(rel->schema, c->schema))
		rel->schema = NULL;
	rel->name = rel->alias = agent_token_name(a, &t->tokens[i]);
	rel->known = is_with_query(t, rel->name, a);
	if (!rel->known && !rel->schema)
		rel->table = catalog_find(c, rel->name);
	rel->known = rel->known || rel->table;
	if (agent_is_sign(t, i + 1, '(')) {
		rel->table = NULL; /* a function */
		rel->known = true;
		i = closing(t, i + 1);
	}
	return take_alias(a, t, i + 1, rel);
}

static bool begins_query(const struct agent_statement *t, size_t i)
{
	static const char *const words[] = {"select", "with", "values", NULL};

	return is_one_of(t, i, words);
}

/* One thing of FROM at token i; the token behind it. */
static size_t take_rel(struct arena *a, struct agent_statement *t, const struct catalog *c, size_t i)
{
	struct agent_rel rel = {.alias = "", .token = i};

	if (i >= t->n || t->nrels == RELS)
		return i;
	rel.level = t->tokens[i].level;
	while (agent_is_sign(t, i, '(') && !begins_query(t, i + 1)) /* (a JOIN b ...) */
		i++;
	i += agent_is_word(t, i, "lateral") || agent_is_word(t, i, "only");
	if (agent_is_sign(t, i, '(')) {
		rel.known = true;
		i = take_alias(a, t, closing(t, i) + 1, &rel);
	} else if (is_rel_name(t, i)) {
		i = take_table(a, t, c, i, &rel);
	} else {
		return i;
	}
	t->rels[t->nrels++] = rel;
	return i;
}

static void find_rels(struct arena *a, struct agent_statement *t, const struct catalog *c)
{
	t->rels = ARENA_ARRAY(a, struct agent_rel, RELS);
	for (size_t i = 0; i < t->n; i++) {
		size_t at = i;

		if (!begins_from(t, i) && !agent_is_word(t, i, "join"))
			continue;
		do
			at = take_rel(a, t, c, at + 1);
		while (agent_is_sign(t, at, ','));
	}
}

struct agent_statement *agent_statement(struct arena *a, const struct catalog *c, struct str sql)
{
	struct agent_statement *t = ARENA_NEW(a, struct agent_statement);

	t->sql = (struct str){sql.p, sql.n < SQL_BYTES ? sql.n : SQL_BYTES};
	tokenize(a, t);
	find_levels(a, t);
	find_rels(a, t, c);
	return t;
}

static size_t without_end(const struct agent_statement *t)
{
	size_t n = t->n;

	while (n && agent_is_sign(t, n - 1, ';'))
		n--;
	return n;
}

static bool same_token(const struct agent_token *x, const struct agent_token *y)
{
	bool plain = x->kind == AGENT_T_WORD || x->kind == AGENT_T_NUMBER;

	return x->kind == y->kind && (plain ? str_eq_nocase(x->text, y->text) : str_eq(x->text, y->text));
}

bool agent_same_statement(struct arena *a, const char *x, const char *y)
{
	struct agent_statement s = {.sql = str_of(x)}, t = {.sql = str_of(y)};
	struct arena_mark mark = arena_mark(a);
	bool same;

	tokenize(a, &s);
	tokenize(a, &t);
	same = without_end(&s) == without_end(&t);
	for (size_t i = 0; same && i < without_end(&s); i++)
		same = same_token(&s.tokens[i], &t.tokens[i]);
	arena_reset(a, mark);
	return same;
}
