/*
 * search_schema: words to tables and columns, for dictionaries that are too large to stand in a prompt. Each word counts
 * once for a table, by the best place where it stands: its name, a column, a comment, a value.
 */
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"

enum {
	WORDS = 12,
	TABLES = 8,
	COLUMNS = 8,
	NAME_WORDS = 8,
	COMMENT_WORDS = 40,
	WORTH = 60,
	LINE_BYTES = 200
};

struct found {
	struct agent_fit table;
	struct agent_fit columns[COLUMNS];
	size_t ncolumns;
};

struct search {
	struct arena *a;
	const struct catalog *c;
	struct agent_words asked;
	struct found best[TABLES];
	size_t n;
};

static int best_of(const struct agent_word *w, const struct agent_words *words)
{
	int best = 0;

	for (size_t i = 0; i < words->n; i++) {
		int like = agent_word_like(w, &words->at[i]);

		best = like > best ? like : best;
	}
	return best;
}

/* A word of a name counts in full, of a comment or a value less. */
static int in_name(struct search *s, const struct agent_word *w, const char *name, const char *comment)
{
	struct agent_words own = agent_words(s->a, str_of(name), NAME_WORDS);
	struct agent_words told = agent_words(s->a, str_of(comment), COMMENT_WORDS);
	int like = best_of(w, &own), said = best_of(w, &told);

	said = said >= 80 ? said * 7 / 10 : 0;
	return like > said ? like : said;
}

static bool among(const char **values, size_t n, struct str word)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(str_of(values[i]), word))
			return true;
	return false;
}

static int in_column(struct search *s, const struct agent_word *w, const struct catalog_column *c)
{
	int like = in_name(s, w, c->name, c->comment);

	if (like < 75 && !c->mask &&
	    (among(c->samples, c->nsamples, w->text) || among(c->enum_values, c->nenum_values, w->text)))
		return 75;
	return like;
}

static void look_at(struct search *s, const struct catalog_table *t, struct found *f)
{
	int *columns = ARENA_ARRAY(s->a, int, t->ncolumns);

	for (size_t i = 0; i < s->asked.n; i++) {
		const struct agent_word *w = &s->asked.at[i];
		int best = w->light ? 0 : in_name(s, w, t->name, t->comment) * 13 / 10;

		for (size_t k = 0; !w->light && k < t->ncolumns; k++) {
			int like = in_column(s, w, &t->columns[k]);

			columns[k] += like >= WORTH ? like : 0;
			best = like > best ? like : best;
		}
		f->table.score += best >= WORTH ? best : 0;
	}
	for (size_t k = 0; k < t->ncolumns; k++)
		if (columns[k])
			f->ncolumns = agent_fit_add(f->columns, f->ncolumns, COLUMNS,
			                            (struct agent_fit){t, &t->columns[k], columns[k]});
}

static void add(struct search *s, const struct found *f)
{
	size_t at = s->n;

	while (at > 0 && s->best[at - 1].table.score < f->table.score)
		at--;
	if (at == TABLES)
		return;
	s->n = s->n < TABLES ? s->n + 1 : s->n;
	memmove(s->best + at + 1, s->best + at, (s->n - 1 - at) * sizeof(*s->best));
	s->best[at] = *f;
}

static void search(struct search *s)
{
	for (size_t i = 0; i < s->c->ntables; i++) {
		struct arena_mark mark = arena_mark(s->a);
		struct found f = {.table = {.table = &s->c->tables[i]}};

		look_at(s, &s->c->tables[i], &f);
		arena_reset(s->a, mark);
		if (f.table.score)
			add(s, &f);
	}
}

static void put_cut(struct buf *b, struct arena *a, const char *text)
{
	agent_put_line(b, str_dup(a, str_utf8_cut(str_of(text), LINE_BYTES)));
}

static void put_found(struct buf *b, struct arena *a, const struct found *f)
{
	const struct catalog_table *t = f->table.table;

	buf_printf(b, "%s (%s, %zu columns)", t->ident, t->kind, t->ncolumns);
	if (t->comment) {
		buf_add_cstr(b, ": ");
		put_cut(b, a, t->comment);
	}
	buf_add_char(b, '\n');
	for (size_t i = 0; i < f->ncolumns; i++) {
		const struct catalog_column *c = f->columns[i].column;

		buf_printf(b, "  %s %s", c->ident, c->type);
		if (c->references)
			buf_printf(b, ", references %s", c->references);
		if (c->comment) {
			buf_add_cstr(b, " -- ");
			put_cut(b, a, c->comment);
		}
		buf_add_char(b, '\n');
	}
}

static struct err *run(struct tool_env *env, struct json_object *args, struct tool_result *out)
{
	struct arena *a = env->ctx->a;
	struct buf b = buf_init(a, BUF_PAGE), text = buf_init(a, BUF_PAGE);
	struct search s = {.a = a};
	struct agent_scene *scene;

	TRY(agent_scene_load(env->ctx, env->project, env->role, &scene));
	s.c = scene->catalog;
	s.asked = agent_words(a, str_of(json_get_str(args, "words")), WORDS);
	search(&s);
	for (size_t i = 0; i < s.n; i++)
		put_found(&b, a, &s.best[i]);
	if (s.n)
		agent_put_within(&text, "found", buf_str(&b));
	else
		buf_add_cstr(
		        &text,
		        "Nothing in the dictionary fits these words. Try others: the thing itself, its plural, a word"
		        " that a column may have.");
	out->text = buf_str(&text);
	out->detail = s.n ? arena_printf(a, s.n == 1 ? "1 table" : "%zu tables", s.n) : "nothing found";
	return NULL;
}

const struct tool tool_search_schema = {
        "search_schema",
        "Searching the dictionary",
        "Finds tables and columns by words: in their names, comments and sample values, also by words that mean the"
        " same. For dictionaries that do not list all columns.",
        "{\"type\":\"object\",\"properties\":{\"words\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200,"
        "\"description\":\"What is looked for, for example: customer country revenue\"}},"
        "\"required\":[\"words\"],\"additionalProperties\":false}",
        TOOL_READS,
        run,
};
