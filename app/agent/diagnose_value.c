/*
 * Values that nothing fits: a query without rows mostly asks for a value that is written in another way, or stands in
 * another column. What the dictionary has as samples and may show is held against the texts of the statement.
 */
#include <string.h>

#include "agent/diagnose_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum { TEXTS = 6, NEAREST = 3, NEAR_VALUE = 55, VALUE_WORDS = 6, VALUE_BYTES = 80 };

struct values {
	const char **at;
	size_t n;
};

static struct values values_of(const struct catalog_table *t, const struct catalog_column *c)
{
	if (c->mask || t->filtered)
		return (struct values){NULL, 0};
	return c->nenum_values ? (struct values){c->enum_values, c->nenum_values}
	                       : (struct values){c->samples, c->nsamples};
}

/* The text of a pattern without its signs. */
static const char *plain(struct arena *a, const char *value)
{
	char *s = arena_strdup(a, value);
	size_t n = 0;

	for (size_t i = 0; s[i]; i++)
		if (s[i] != '%')
			s[n++] = s[i];
	s[n] = '\0';
	return s;
}

/* How near two values are: their letters, or the best of their words. */
static int value_like(struct arena *a, const char *asked, const char *value)
{
	struct agent_words x = agent_words(a, str_of(asked), VALUE_WORDS), y = agent_words(a, str_of(value), VALUE_WORDS);
	int like = agent_name_like(a, asked, value), sum = 0;

	for (size_t i = 0; i < x.n; i++) {
		int best = 0;

		for (size_t k = 0; k < y.n; k++) {
			int word = agent_word_like(&x.at[i], &y.at[k]);

			best = word > best ? word : best;
		}
		sum += best;
	}
	sum = x.n ? sum / (int)x.n : 0;
	return like > sum ? like : sum;
}

static size_t near_values(struct arena *a, struct values values, const char *asked, const char *best[static NEAREST])
{
	int scores[NEAREST];
	size_t n = 0;

	for (size_t i = 0; i < values.n; i++) {
		int score = value_like(a, asked, values.at[i]);
		size_t at = n;

		while (at > 0 && scores[at - 1] < score)
			at--;
		if (score < NEAR_VALUE || at == NEAREST)
			continue;
		n = n < NEAREST ? n + 1 : n;
		memmove(best + at + 1, best + at, (n - 1 - at) * sizeof(*best));
		memmove(scores + at + 1, scores + at, (n - 1 - at) * sizeof(*scores));
		best[at] = values.at[i];
		scores[at] = score;
	}
	return n;
}

static bool among(struct values values, const char *value)
{
	for (size_t i = 0; i < values.n; i++)
		if (str_eq_nocase(str_of(values.at[i]), str_of(value)))
			return true;
	return false;
}

static void put_value(struct buf *b, const char *value)
{
	buf_printf(b, "'%.*s'", STR_ARG(str_utf8_cut(str_of(value), VALUE_BYTES)));
}

/* "'Prague' stands in products.madeIn." */
static void put_elsewhere(struct buf *b, const struct agent_look *l, const struct catalog_column *except, const char *value)
{
	for (size_t i = 0; i < l->c->ntables; i++)
		for (size_t k = 0; k < l->c->tables[i].ncolumns; k++) {
			const struct catalog_table *t = &l->c->tables[i];
			const struct catalog_column *c = &t->columns[k];

			if (c == except || !among(values_of(t, c), value))
				continue;
			put_value(b, value);
			buf_printf(b, " is a value of %s.%s. ", t->ident, c->ident);
			return;
		}
}

static void put_text(struct buf *b, const struct agent_look *l, const struct agent_fit *f, const char *value)
{
	const char *best[NEAREST];
	struct values values = values_of(f->table, f->column);
	size_t n = among(values, value) ? 0 : near_values(l->a, values, value, best);

	for (size_t i = 0; i < n; i++) {
		if (i == 0)
			buf_printf(b, "Values of %s.%s near ", f->table->ident, f->column->ident);
		if (i == 0)
			put_value(b, value);
		buf_add_cstr(b, i ? ", " : ": ");
		put_value(b, best[i]);
	}
	buf_add_cstr(b, n ? ". " : "");
	if (!n && !among(values, value))
		put_elsewhere(b, l, f->column, value);
}

/* The column that a text is compared with: the nearest before it, in the same condition. */
static bool compared(const struct agent_look *l, size_t token, struct agent_fit *out)
{
	static const char *const words[] = {"where", "and", "or", "on", "having", "select", "when"};
	const struct agent_rel *rel;
	struct agent_name name;

	for (size_t i = token; i-- > 0 && token - i < 40;) {
		for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++)
			if (agent_is_word(l->t, i, words[k]))
				return false;
		if (agent_name_at(l, i, &name) && agent_resolve(l, &name, out, &rel))
			return true;
	}
	return false;
}

const char *agent_near_values(struct arena *a, const struct catalog *c, const char *sql)
{
	struct agent_statement *t = agent_statement(a, c, str_of(sql));
	struct agent_look l = {.a = a, .c = c, .t = t};
	struct buf b = buf_init(a, BUF_LINE);
	size_t n = 0;

	for (size_t i = 0; i < t->n && n < TEXTS; i++) {
		struct agent_fit fit;

		if (t->tokens[i].kind != AGENT_T_STRING || !compared(&l, i, &fit))
			continue;
		put_text(&b, &l, &fit, plain(a, agent_token_name(a, &t->tokens[i])));
		n++;
	}
	return b.n && !b.full ? str_dup(a, str_trim(buf_str(&b))) : NULL;
}
