/*
 * What does not give the same rows again over the same data: chance and clocks. Clocks are also in literals:
 * date 'today'. Such a word anywhere in a literal counts, for a cast may be far from it.
 */
#include <ctype.h>
#include <string.h>

#include "sql/sql_priv.h"

static const char *const calls[] = {
        "clock_timestamp", "gen_random_uuid", "now", "random", "statement_timestamp", "transaction_timestamp",
};

void vary_call(struct guard *g, const char *name, size_t nargs)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		g->varies |= !strcmp(calls[i], name);
	/* age(x) counts from today. */
	g->varies |= nargs == 1 && !strcmp(name, "age");
}

static bool is_clock(const char *word, size_t n)
{
	static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i]) == n && !strncasecmp(words[i], word, n))
			return true;
	return false;
}

void vary_constant(struct guard *g, const PgQuery__AConst *c)
{
	if (c->val_case != PG_QUERY__A__CONST__VAL_SVAL)
		return;
	for (const char *p = c->sval->sval; *p;) {
		size_t n = 0;
		while (isalpha((unsigned char)p[n]))
			n++;
		g->varies |= is_clock(p, n);
		p += n ? n : 1;
	}
}
