/*
 * How well columns and tables fit words: by their names, by the names around them, and by their comments. The model's
 * "customer_name" is name in customers, and "avg_salary" is a11 where its comment says "average salary".
 */
#include <string.h>

#include "agent/diagnose_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum { NAME_WORDS = 8, COMMENT_WORDS = 40, SURE = 80 };

static int best_of(const struct agent_word *w, const struct agent_words *words)
{
	int best = 0;

	for (size_t i = 0; i < words->n; i++) {
		int like = agent_word_like(w, &words->at[i]);

		best = like > best ? like : best;
	}
	return best;
}

/* A comment is long: only what is surely the same counts. */
static int in_comment(const struct agent_word *w, const struct agent_words *comment)
{
	int like = best_of(w, comment);

	return like >= SURE ? like : 0;
}

static int larger(int x, int y)
{
	return x > y ? x : y;
}

/* "dob" of "date of birth". */
static bool initials(const struct agent_words *shorter, const struct agent_words *longer)
{
	struct str s = shorter->at[0].text;

	if (shorter->n != 1 || longer->n < 2 || s.n != longer->n)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != *longer->at[i].text.p)
			return false;
	return true;
}

/* What a thing is called, what stands around it, and what is said of it. */
struct about {
	struct agent_words own;
	struct agent_words around;
	struct agent_words comment;
};

static int fit(const struct agent_words *asked, const struct about *x)
{
	int named = 0, told = 0, answered = 0, n = 0, most = 0;

	for (size_t i = 0; i < asked->n; i++) {
		const struct agent_word *w = &asked->at[i];
		int own = best_of(w, &x->own), around = best_of(w, &x->around) * 85 / 100;
		int comment = in_comment(w, &x->comment);

		if (w->light)
			continue;
		n++;
		most = larger(most, larger(own, comment));
		named += larger(larger(own, around), comment * 70 / 100);
		told += comment;
	}
	for (size_t i = 0; i < x->own.n; i++)
		answered +=
		        larger(best_of(&x->own.at[i], asked), best_of(&x->own.at[i], &x->around) * 90 / 100);
	if (!n || !x->own.n || most < 60)
		return 0;
	if (initials(&x->own, asked) || initials(asked, &x->own))
		return 90;
	return larger((2 * named / n + answered / (int)x->own.n) / 3, told * 8 / 10 / n);
}

/* The letters of several words may run together in the one name and not in the other. */
static const char *joined(struct arena *a, const struct agent_words *words)
{
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < words->n; i++)
		buf_add_str(&b, words->at[i].text);
	return b.n ? buf_cstr(&b) : "";
}

/* "patientid" is the id of patient, and of what refers to one. */
static int with_table(struct arena *a, const char *asked, const char *table, const char *column)
{
	struct str head = table ? agent_stem(str_of(str_lower(a, str_of(table)))) : (struct str){NULL, 0};

	if (head.n < 3 || !str_starts(str_of(asked), head))
		return 0;
	return agent_name_like(a, asked, arena_printf(a, "%s%s", table, column)) == 100 ||
	                       agent_name_like(a, asked, arena_printf(a, "%.*s%s", STR_ARG(head), column)) ==
	                               100
	               ? 95
	               : 0;
}

int agent_fit_column(struct arena *a, const struct agent_words *asked, const struct catalog_table *t,
                     const struct catalog_column *c)
{
	struct about x = {agent_words(a, str_of(c->name), NAME_WORDS),
	                  agent_words(a,
	                              str_of(arena_printf(a, "%s %s", t->name,
	                                                  c->references_table ? c->references_table : "")),
	                              NAME_WORDS),
	                  agent_words(a, str_of(c->comment), COMMENT_WORDS)};

	const char *name = joined(a, asked);
	int score = larger(fit(asked, &x), agent_name_like(a, name, c->name));

	score = larger(score, with_table(a, name, t->name, c->name));
	return larger(score, with_table(a, name, c->references_table, c->name));
}

int agent_fit_table(struct arena *a, const struct agent_words *asked, const struct catalog_table *t)
{
	struct about x = {agent_words(a, str_of(t->name), NAME_WORDS),
	                  {NULL, 0},
	                  agent_words(a, str_of(t->comment), COMMENT_WORDS)};

	return larger(fit(asked, &x), agent_name_like(a, joined(a, asked), t->name));
}

size_t agent_fit_add(struct agent_fit *best, size_t n, size_t most, struct agent_fit fit_)
{
	size_t at = n;

	while (at > 0 && best[at - 1].score < fit_.score)
		at--;
	if (at == most)
		return n;
	n = n < most ? n + 1 : n;
	memmove(best + at + 1, best + at, (n - 1 - at) * sizeof(*best));
	best[at] = fit_;
	return n;
}
