/*
 * A person's conversations by words of their titles, questions and answers. The database finds them; what is shown of
 * each, with the words marked, is cut here.
 */
#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <wctype.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"

enum { WORDS = 12, SNIPPET_BEFORE = 40, SNIPPET_BYTES = 180, TEXT_BYTES = 100000 };

/* The newest turn of each conversation that holds all words, then those that only have them in their title. */
DB_STMT(agent_search_list,
        "SELECT c.id, c.title, coalesce(t.id, 0), t.question, left(t.answer, 100000) FROM (SELECT conversation_id id,"
        " max(turn) turn FROM (SELECT t.conversation_id, t.id turn FROM turns t JOIN conversations c"
        " ON c.id = t.conversation_id WHERE c.project_id = $1 AND c.user_id = $2 AND c.deleted_at IS NULL"
        " AND search_words(t.question || ' ' || t.answer) @@ to_tsquery('simple', $3)"
        " UNION ALL SELECT id, NULL FROM conversations WHERE project_id = $1 AND user_id = $2"
        " AND deleted_at IS NULL AND search_words(title) @@ to_tsquery('simple', $3)) hits GROUP BY conversation_id) hit"
        " JOIN conversations c ON c.id = hit.id LEFT JOIN turns t ON t.id = hit.turn"
        " ORDER BY c.updated_at DESC, c.id DESC LIMIT $4",
        DB_I64, DB_I64, DB_TEXT, DB_I64);

struct hit {
	int64_t id;
	const char *title;
	int64_t turn_id;
	const char *question;
	const char *answer;
};

static const struct db_row hit_row =
        DB_ROW(struct hit, DB_COL_I64(struct hit, id), DB_COL_TEXT(struct hit, title),
               DB_COL_I64(struct hit, turn_id), DB_COL_TEXT(struct hit, question),
               DB_COL_TEXT(struct hit, answer));

/* Words ---------------------------------------------------------------------------------------------------- */

struct words {
	struct str w[WORDS];
	size_t n;
};

/* As search_words() in the database takes a text apart: at white space and ASCII punctuation. */
static bool in_word(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z' ? true : (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

static struct words words_of(struct str text)
{
	struct words words = {.n = 0};

	for (size_t i = 0; i < text.n && words.n < WORDS;) {
		size_t from = i;

		while (i < text.n && in_word(text.p[i]))
			i++;
		if (i > from)
			words.w[words.n++] = (struct str){text.p + from, i - from};
		else
			i++;
	}
	return words;
}

/* All of them, the last one as the beginning of a word: it may still be under way. */
static const char *query_of(struct arena *a, const struct words *words)
{
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < words->n; i++)
		buf_printf(&b, "%s'%.*s'%s", i ? " & " : "", STR_ARG(words->w[i]), i + 1 == words->n ? ":*" : "");
	return buf_cstr(&b);
}

/* Marking -------------------------------------------------------------------------------------------------- */

static locale_t letters;

static void know_letters(void)
{
	letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* The first character without its case, and how many bytes it has. */
static wint_t folded(struct str s, size_t *step)
{
	static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	wint_t c;

	pthread_once(&once, know_letters);
	*step = str_utf8_step(s);
	if (!*step)
		*step = 1;
	c = (unsigned char)s.p[0] & lead[*step];
	for (size_t i = 1; i < *step; i++)
		c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
	return letters ? towlower_l(c, letters) : c;
}

/* How many bytes of the text its beginning that equals the word has; 0 when it does not begin with it. */
static size_t begins(struct str text, struct str word)
{
	size_t n = 0, step, wstep;

	for (size_t i = 0; i < word.n; i += wstep, n += step) {
		if (n >= text.n)
			return 0;
		if (folded((struct str){word.p + i, word.n - i}, &wstep) !=
		    folded((struct str){text.p + n, text.n - n}, &step))
			return 0;
	}
	return n;
}

/* The length of the word that the text begins with if it is one of those, else 0. */
static size_t match(struct str text, const struct words *words)
{
	for (size_t i = 0; i < words->n; i++) {
		size_t n = begins(text, words->w[i]);

		if (n && (i + 1 == words->n || n == text.n || !in_word(text.p[n])))
			return n;
	}
	return 0;
}

/* Where the first of the words stands, or -1. */
static ptrdiff_t first_match(struct str text, const struct words *words)
{
	for (size_t i = 0; i < text.n; i++)
		if (in_word(text.p[i]) && (i == 0 || !in_word(text.p[i - 1])) &&
		    match((struct str){text.p + i, text.n - i}, words))
			return (ptrdiff_t)i;
	return -1;
}

static void add_piece(struct arena *a, struct agent_list *list, struct str text, bool match)
{
	struct agent_piece *p;

	if (!text.n)
		return;
	p = agent_list_add(a, list, sizeof(*p));
	*p = (struct agent_piece){str_dup(a, text), match};
}

static void mark(struct arena *a, struct str text, const struct words *words, struct agent_list *out)
{
	size_t plain = 0;

	for (size_t i = 0; i < text.n;) {
		bool starts = in_word(text.p[i]) && (i == 0 || !in_word(text.p[i - 1]));
		size_t n = starts ? match((struct str){text.p + i, text.n - i}, words) : 0;

		if (n) {
			add_piece(a, out, (struct str){text.p + plain, i - plain}, false);
			add_piece(a, out, (struct str){text.p + i, n}, true);
			plain = i + n;
		}
		i += n ? n : 1;
	}
	add_piece(a, out, (struct str){text.p + plain, text.n - plain}, false);
}

/* White space, marks of Markdown, and the rule under the head of a table. */
static bool is_markup(struct str s, size_t i)
{
	char before = i ? s.p[i - 1] : ' ', behind = i + 1 < s.n ? s.p[i + 1] : ' ';

	if (s.p[i] == '-' || s.p[i] == ':')
		return (before == '-' || before == '|' || behind == '-' || behind == '|') && !in_word(before) &&
		       !in_word(behind);
	return (unsigned char)s.p[i] <= ' ' || strchr("|#", s.p[i]);
}

/* Markdown on one line: what only marks text up becomes a space. */
static struct str plain(struct arena *a, const char *text)
{
	struct str s = str_utf8_cut(str_of(text), TEXT_BYTES);
	char *out = str_dup(a, s);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '`' || s.p[i] == '*')
			continue;
		if (!is_markup(s, i))
			out[n++] = s.p[i];
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	return str_trim((struct str){out, n});
}

/* Some of the text around the first of the words. */
static struct str cut_around(struct arena *a, struct str text, ptrdiff_t at)
{
	size_t from = at > SNIPPET_BEFORE ? (size_t)at - SNIPPET_BEFORE : 0;

	while (from > 0 && from < (size_t)at && text.p[from - 1] != ' ')
		from++;
	if (from == (size_t)at)
		from = at > SNIPPET_BEFORE ? (size_t)at : 0;
	struct str rest = {text.p + from, text.n - from};
	struct str cut = str_utf8_cut(rest, SNIPPET_BYTES);

	return str_of(arena_printf(a, "%s%.*s%s", from ? "…" : "", STR_ARG(cut), cut.n < rest.n ? "…" : ""));
}

/* Of the answer where it has one of the words, else of the question. */
static void snippet(struct arena *a, const struct hit *hit, const struct words *words, struct agent_list *out)
{
	const char *const texts[] = {hit->answer, hit->question};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct str text = plain(a, texts[i]);
		ptrdiff_t at = first_match(text, words);

		if (at < 0)
			continue;
		mark(a, cut_around(a, text, at), words, out);
		return;
	}
}

static void show(struct arena *a, const struct hit *hit, const struct words *words, struct agent_found *f)
{
	struct agent_list title = {0}, text = {0};

	mark(a, str_of(hit->title), words, &title);
	if (hit->turn_id)
		snippet(a, hit, words, &text);
	*f = (struct agent_found){hit->id, hit->turn_id, title.p, title.n, text.p, text.n};
}

struct err *agent_conversation_search(struct ctx *ctx, int64_t project_id, struct str text, int64_t limit,
                                      struct agent_found **out, size_t *n)
{
	struct words words = words_of(str_utf8_cut(text, 200));
	struct hit *hits;

	*n = 0;
	if (!words.n)
		return NULL;
	TRY(db_all(ctx, &agent_search_list,
	           DB_ARGS(db_i64(project_id), db_i64(ctx->user_id), db_text(query_of(ctx->a, &words)),
	                   db_i64(limit)),
	           &hit_row, &hits, n));
	*out = ARENA_ARRAY(ctx->a, struct agent_found, *n);
	for (size_t i = 0; i < *n; i++)
		show(ctx->a, &hits[i], &words, &(*out)[i]);
	return NULL;
}
