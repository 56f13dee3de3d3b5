/*
 * Statements that are not PostgreSQL's: grammar, grouping, and the idioms that models bring along from SQLite and MySQL.
 */
#include <ctype.h>
#include <string.h>

#include "agent/diagnose_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum { NAME_WORDS = 12, TOLD = 4, NEAR = 60 };

/* Names in the wrong quotes, or in none ------------------------------------------------------------------ */

static void put_name(struct agent_look *l, const struct agent_rel *r, const struct catalog_column *c,
                     size_t n)
{
	buf_printf(l->lines, "%s%s.%s", n ? ", " : "", r->alias, c->ident);
	agent_suggest(l, (struct agent_fit){r->table, c, 100});
}

static const struct agent_rel *rel_before(const struct agent_look *l, size_t token)
{
	const char *name;

	if (token < 2 || !agent_is_sign(l->t, token - 1, '.'))
		return NULL;
	name = agent_token_name(l->a, &l->t->tokens[token - 2]);
	for (size_t i = 0; i < l->t->nrels; i++)
		if (!strcmp(l->t->rels[i].alias, name))
			return &l->t->rels[i];
	return NULL;
}

/* The column of FROM, or of one thing in it, that a name is nearest to. */
static bool nearest(const struct agent_look *l, const char *name, const struct agent_rel *only,
                    const struct agent_rel **rel, const struct catalog_column **column)
{
	struct agent_words asked = agent_words(l->a, str_of(name), NAME_WORDS);
	int best = NEAR - 1;

	for (size_t i = 0; i < l->t->nrels; i++) {
		const struct agent_rel *r = &l->t->rels[i];

		for (size_t k = 0; r->table && (!only || r == only) && k < r->table->ncolumns; k++) {
			int score = agent_fit_column(l->a, &asked, r->table, &r->table->columns[k]);

			if (score <= best)
				continue;
			best = score;
			*rel = r;
			*column = &r->table->columns[k];
		}
	}
	return best >= NEAR;
}

static bool backticks(struct agent_look *l)
{
	const struct agent_rel *rel;
	const struct catalog_column *column;
	size_t n = 0, ticked = 0;

	for (size_t i = 0; i < l->t->n; i++) {
		bool found;

		if (l->t->tokens[i].kind != AGENT_T_TICKED)
			continue;
		if (!ticked++)
			buf_add_cstr(
			        l->lines,
			        "PostgreSQL has no backticks: a name stands in double quotes, or in none. ");
		found = nearest(l, agent_token_name(l->a, &l->t->tokens[i]), rel_before(l, i), &rel,
		                &column) ||
		        nearest(l, agent_token_name(l->a, &l->t->tokens[i]), NULL, &rel, &column);
		if (!found || n == TOLD)
			continue;
		buf_add_cstr(l->lines, n ? "" : "Write ");
		put_name(l, rel, column, n++);
	}
	if (ticked) {
		buf_add_cstr(l->lines, n ? ".\n" : "\n");
		l->d->people = "names stood in backticks, which PostgreSQL does not know";
	}
	return ticked > 0;
}

/* Whether a column's name, which needs quotes, stands in the text without them. */
static bool stands_bare(struct str sql, const char *name)
{
	struct str s = str_of(name);

	for (size_t i = 1; i + s.n <= sql.n; i++)
		if (str_eq_nocase((struct str){sql.p + i, s.n}, s) && !strchr("\"'`", sql.p[i - 1]))
			return true;
	return false;
}

static bool bare_names(struct agent_look *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->t->nrels; i++) {
		const struct agent_rel *r = &l->t->rels[i];

		for (size_t k = 0; r->table && k < r->table->ncolumns; k++) {
			const struct catalog_column *c = &r->table->columns[k];

			if (*c->ident != '"' || !stands_bare(l->t->sql, c->name) || n == TOLD)
				continue;
			buf_add_cstr(
			        l->lines,
			        n ? ""
			          : "Names with blanks, signs or capitals stand in double quotes: write ");
			put_name(l, r, c, n++);
		}
	}
	if (n) {
		buf_add_cstr(l->lines, ".\n");
		l->d->people = "a name that needs double quotes stood without them";
	}
	return n > 0;
}

/* near "Meal": words before and behind it that together are nearly a column's name */
static bool torn_name(struct agent_look *l)
{
	const struct agent_rel *rel;
	const struct catalog_column *column;
	struct buf b = buf_init(l->a, BUF_LINE);
	size_t from = l->at;

	if (l->at >= l->t->n || l->t->tokens[l->at].kind == AGENT_T_STRING)
		return false;
	while (from > 0 && l->at - from < 3 && l->t->tokens[from - 1].kind == AGENT_T_WORD)
		from--;
	for (size_t i = from; i < l->t->n && i < l->at + 4; i++)
		if (l->t->tokens[i].kind == AGENT_T_WORD || l->t->tokens[i].kind == AGENT_T_NUMBER)
			buf_printf(&b, "%.*s ", STR_ARG(l->t->tokens[i].text));
	if (!b.n || !nearest(l, buf_cstr(&b), rel_before(l, from), &rel, &column) || *column->ident != '"')
		return false;
	buf_add_cstr(l->lines, "Names with blanks or signs stand in double quotes: write ");
	put_name(l, rel, column, 0);
	buf_add_cstr(l->lines, ".\n");
	return true;
}

/* A name that is a word of SQL. */
static bool reserved_name(struct agent_look *l)
{
	const char *name;
	bool found = false;

	if (l->at >= l->t->n || l->t->tokens[l->at].kind != AGENT_T_WORD)
		return false;
	name = agent_token_name(l->a, &l->t->tokens[l->at]);
	for (size_t i = 0; i < l->c->ntables && !found; i++) {
		const struct catalog_table *t = &l->c->tables[i];

		found = *t->ident == '"' && !strcmp(t->name, name);
		if (found)
			agent_suggest(l, (struct agent_fit){t, NULL, 100});
		for (size_t k = 0; k < t->ncolumns && !found; k++) {
			found = *t->columns[k].ident == '"' && !strcmp(t->columns[k].name, name);
			if (found)
				agent_suggest(l, (struct agent_fit){t, &t->columns[k], 100});
		}
	}
	if (found)
		buf_printf(l->lines, "%s is a word of SQL: as a name it is written \"%s\".\n", name, name);
	return found;
}

/* Texts ------------------------------------------------------------------------------------------------- */

/* 'Women's Soccer' */
static bool apostrophe(struct agent_look *l)
{
	for (size_t i = 1; i < l->t->n; i++) {
		const struct agent_token *s = &l->t->tokens[i - 1], *t = &l->t->tokens[i];
		bool touches = s->at + s->text.n == t->at;

		if (s->kind != AGENT_T_STRING || t->kind != AGENT_T_WORD || !touches)
			continue;
		buf_printf(l->lines, "An apostrophe inside a text is doubled: %.*s'%.*s ...'.\n",
		           STR_ARG(s->text), STR_ARG(t->text));
		l->d->people = "an apostrophe inside a text ended it too early";
		return true;
	}
	return false;
}

static bool open_text(struct agent_look *l)
{
	const struct agent_token *t = l->t->n ? &l->t->tokens[l->t->n - 1] : NULL;

	if (!t || t->kind != AGENT_T_OPEN_STRING)
		return false;
	if (t->text.n <= 2)
		buf_add_cstr(
		        l->lines,
		        "The statement ends in the middle of a text: it is not whole. Write all of it again.\n");
	else
		buf_printf(
		        l->lines,
		        "The text that begins with %.*s has no closing quote; an apostrophe inside a text is doubled.\n",
		        STR_ARG(str_utf8_cut(t->text, 40)));
	l->d->people = "a text in the query has no end";
	return true;
}

static bool no_statement(struct agent_look *l)
{
	static const char *const starts[] = {"select", "with", "values", "table"};

	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++)
		if (!l->t->n || agent_is_word(l->t, 0, starts[i]) || agent_is_sign(l->t, 0, '('))
			return false;
	buf_add_cstr(
	        l->lines,
	        "Send the statement alone, beginning with SELECT or WITH: no words around it, no fences.\n");
	return true;
}

/* Idioms of others -------------------------------------------------------------------------------------- */

static bool comma_limit(struct agent_look *l)
{
	for (size_t i = 0; i + 3 < l->t->n; i++)
		if (agent_is_word(l->t, i, "limit") && agent_is_sign(l->t, i + 2, ',')) {
			buf_printf(l->lines, "Write LIMIT %.*s OFFSET %.*s.\n",
			           STR_ARG(l->t->tokens[i + 3].text), STR_ARG(l->t->tokens[i + 1].text));
			return true;
		}
	return false;
}

/* COUNT(x WHERE ...), SUM(x) WHERE ... before FROM. */
static bool where_in_select(struct agent_look *l)
{
	if (!agent_is_word(l->t, l->at, "where") && !agent_is_word(l->t, l->at, "from"))
		return false;
	for (size_t i = 0; i < l->at; i++)
		if (agent_is_word(l->t, i, "from") && l->t->tokens[i].level == l->t->tokens[l->at].level)
			return false;
	if (!agent_is_word(l->t, l->at, "where"))
		return false;
	buf_add_cstr(
	        l->lines,
	        "A condition on one aggregate is written count(*) FILTER (WHERE ...) or sum(x) FILTER (WHERE ...);"
	        " WHERE itself stands once, behind FROM.\n");
	return true;
}

/* SELECT a, b, FROM */
static bool stray_comma(struct agent_look *l)
{
	if (l->at >= l->t->n || l->at == 0 || !agent_is_sign(l->t, l->at - 1, ','))
		return false;
	buf_printf(l->lines, "There is a comma too much before %.*s.\n", STR_ARG(l->t->tokens[l->at].text));
	return true;
}

static bool late_join(struct agent_look *l)
{
	if (!agent_is_word(l->t, l->at, "join") && !agent_is_word(l->t, l->at, "left") &&
	    !agent_is_word(l->t, l->at, "inner"))
		return false;
	buf_add_cstr(l->lines, "All joins stand in FROM, before WHERE.\n");
	return true;
}

static bool open_bracket(struct agent_look *l)
{
	int depth = 0;

	for (size_t i = 0; i < l->t->n; i++)
		depth += agent_is_sign(l->t, i, '(') - agent_is_sign(l->t, i, ')');
	if (!depth)
		return false;
	buf_printf(l->lines, "There %s %d %s parenthes%s too %s.\n", depth == 1 || depth == -1 ? "is" : "are",
	           depth < 0 ? -depth : depth, depth > 0 ? "opening" : "closing",
	           depth == 1 || depth == -1 ? "is" : "es", "many");
	return true;
}

static const struct {
	const char *words[2]; /* one behind the other; the second may be NULL */
	const char *instead;
} idioms[] = {
        {{"top", NULL}, "TOP n is written LIMIT n, at the end."},
        {{"regexp", NULL}, "REGEXP is written ~ (or ~* for any case)."},
        {{"rlike", NULL}, "RLIKE is written ~ (or ~* for any case)."},
        {{"glob", NULL}, "GLOB is written LIKE with % and _, or ~."},
        {{"as", "unsigned"}, "CAST(x AS UNSIGNED) is written x::bigint."},
        {{"as", "signed"}, "CAST(x AS SIGNED) is written x::bigint."},
        {{"interval", NULL}, "An interval is written interval '1 day', with quotes."},
        {{"qualify", NULL},
         "QUALIFY is not there: put the window function into a subquery and filter outside."},
        {{"pivot", NULL}, "PIVOT is not there: use aggregates with FILTER (WHERE ...), one for each column."},
        {{"minus", NULL}, "MINUS is written EXCEPT."},
        {{"div", NULL}, "DIV is written /, of integers."},
};

static bool foreign_idiom(struct agent_look *l)
{
	for (size_t i = 0; i < l->t->n; i++)
		for (size_t k = 0; k < sizeof(idioms) / sizeof(*idioms); k++) {
			bool fits = agent_is_word(l->t, i, idioms[k].words[0]) &&
			            (!idioms[k].words[1] || agent_is_word(l->t, i + 1, idioms[k].words[1]));
			bool number = i + 1 < l->t->n && l->t->tokens[i + 1].kind == AGENT_T_NUMBER;

			if (!fits || (!strcmp(idioms[k].words[0], "interval") && !number) ||
			    (!strcmp(idioms[k].words[0], "top") && !number))
				continue;
			buf_printf(l->lines, "%s\n", idioms[k].instead);
			return true;
		}
	return false;
}

static bool foreign_signs(struct agent_look *l)
{
	static const struct {
		char first, second;
		const char *instead;
	} signs[] = {{'=', '=', "== is written =."},
	             {'&', '&', "&& is written AND."},
	             {'[', 0, "Names stand in double quotes, not in brackets."}};

	for (size_t i = 0; i < l->t->n; i++)
		for (size_t k = 0; k < sizeof(signs) / sizeof(*signs); k++)
			if (agent_is_sign(l->t, i, signs[k].first) &&
			    (signs[k].second ? agent_is_sign(l->t, i + 1, signs[k].second)
			                     : l->t->tokens[l->at < l->t->n ? l->at : i].text.p ==
			                               l->t->tokens[i].text.p)) {
				buf_printf(l->lines, "%s\n", signs[k].instead);
				return true;
			}
	return false;
}

void agent_syntax(struct agent_look *l)
{
	static bool (*const looks[])(struct agent_look * l) = {
	        no_statement, apostrophe,    open_text,     backticks,   comma_limit,
	        bare_names,   foreign_idiom, foreign_signs, stray_comma, where_in_select,
	        torn_name,    reserved_name, open_bracket,  late_join,
	};

	l->d->people = "the query is not written as PostgreSQL needs it";
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++)
		if (looks[i](l))
			return;
	if (l->at < l->t->n)
		buf_printf(l->lines, "It cannot be read from %.*s on.\n",
		           STR_ARG(str_utf8_cut(str_of(l->t->sql.p + l->t->tokens[l->at].at), 60)));
}

/* Grouping ---------------------------------------------------------------------------------------------- */

static bool is_function_call(const struct agent_look *l, size_t i)
{
	return i + 1 < l->t->n && l->t->tokens[i].kind == AGENT_T_WORD && agent_is_sign(l->t, i + 1, '(');
}

static void put_nested(struct agent_look *l)
{
	buf_add_cstr(
	        l->lines,
	        "An aggregate of an aggregate needs two SELECTs: aggregate by group in a subquery in FROM, and"
	        " aggregate that outside. For the largest group use ORDER BY count(*) DESC LIMIT 1.\n");
	l->d->people = "an aggregate stood inside another one";
}

static void put_in_where(struct agent_look *l)
{
	buf_add_cstr(
	        l->lines,
	        "Conditions on aggregates stand in HAVING, behind GROUP BY; or compare with a subquery, as in x ="
	        " (SELECT max(x) FROM ...).\n");
	l->d->people = "an aggregate stood in a condition on single rows";
}

void agent_grouping(struct agent_look *l)
{
	const char *message = l->e->message, *quoted = agent_quoted(l->a, message, 0);
	struct agent_name name = {0};
	const struct agent_rel *rel;
	struct agent_fit fit;

	if (strstr(message, "nested")) {
		put_nested(l);
		return;
	}
	if (strstr(message, "not allowed in")) {
		put_in_where(l);
		return;
	}
	if (!quoted)
		return;
	for (size_t i = 0; i < l->t->n; i++) {
		const char *bare = strrchr(quoted, '.') ? strrchr(quoted, '.') + 1 : quoted;

		if (!agent_name_at(l, i, &name) || is_function_call(l, i) || strcmp(name.name, bare) != 0 ||
		    !agent_resolve(l, &name, &fit, &rel))
			continue;
		buf_printf(l->lines, "Add %s.%s to GROUP BY, or aggregate it: max(%s.%s).\n", rel->alias,
		           fit.column->ident, rel->alias, fit.column->ident);
		agent_suggest(l, fit);
		l->d->people = arena_printf(l->a, "%s.%s was neither grouped nor aggregated",
		                            fit.table->ident, fit.column->ident);
		return;
	}
	buf_printf(l->lines, "Add %s to GROUP BY, or aggregate it: max(%s).\n", quoted, quoted);
}

/* Functions --------------------------------------------------------------------------------------------- */

void agent_wrong_function(struct agent_look *l)
{
	const struct agent_rel *rel;
	const struct catalog_column *column;
	const char *name;

	if (l->at >= l->t->n)
		return;
	name = agent_token_name(l->a, &l->t->tokens[l->at]);
	l->d->people = arena_printf(l->a, "there is no function \"%s\" to use here", name);
	if (nearest(l, name, NULL, &rel, &column) && agent_name_like(l->a, name, column->name) >= 90) {
		buf_printf(
		        l->lines,
		        "%s.%s is a column, not a function: write it without parentheses, and put conditions into"
		        " WHERE or FILTER.\n",
		        rel->alias, column->ident);
		agent_suggest(l, (struct agent_fit){rel->table, column, 100});
	} else if (l->e->hint) {
		buf_printf(l->lines, "%s is not one of PostgreSQL's functions that may be used here.\n",
		           name);
	}
}

void agent_wrong_cast(struct agent_look *l)
{
	foreign_idiom(l);
}

void agent_division(struct agent_look *l)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < l->t->n && n < TOLD; i++) {
		struct agent_name name;

		if (!agent_is_sign(l->t, i, '/'))
			continue;
		if (agent_name_at(l, i + 1, &name) && !agent_is_sign(l->t, name.last + 1, '('))
			buf_printf(l->lines, "%s/ NULLIF(%s%s%s, 0)", n++ ? ", " : "Write ",
			           name.qualifier ? name.qualifier : "", name.qualifier ? "." : "",
			           name.name);
		else
			buf_printf(l->lines, "%s/ NULLIF(%.*s..., 0)", n++ ? ", " : "Write ",
			           STR_ARG(l->t->tokens[i + 1].text));
	}
	buf_add_cstr(l->lines,
	             n ? ".\n"
	               : "Divide by NULLIF(x, 0): it gives null where there is nothing to divide by.\n");
	l->d->people = "something was divided by zero";
}

/* What is told apart by words of the message alone. */
static const struct {
	const char *code;
	const char *part; /* of the message; NULL: any */
	const char *model;
	const char *people;
} others[] = {
        {"multiple_statements", NULL, "Send one statement a call: call the tool once for each of them.",
         "several statements came at once"},
        {"statement_not_allowed", "without columns",
         "The statement has no columns: it is not whole. Write all of it.", "the query was not whole"},
        {"query", "specified more than once",
         "Give each use of the table an alias of its own: JOIN colour c1 ... JOIN"
         " colour c2.",
         "a table was used twice under one name"},
        {"cardinality", NULL,
         "The subquery gives several rows where one is needed: add LIMIT 1 with an ORDER BY, take max(),"
         " or write IN.",
         "a subquery gave several rows where one was needed"},
        {"timeout", NULL, "Read less: a condition on dates or keys, an aggregate, or fewer joins. If it cannot be made cheaper, call run_long_query.",
         "the query took too long"},
        {"too_long", NULL, "Write it shorter.", "the query was too long"},
};

void agent_other(struct agent_look *l)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (!l->e->code || strcmp(others[i].code, l->e->code) != 0 ||
		    (others[i].part && !strstr(l->e->message, others[i].part)))
			continue;
		buf_printf(l->lines, "%s\n", others[i].model);
		l->d->people = others[i].people;
		return;
	}
}
