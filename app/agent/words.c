/*
 * Names as words: "customerName", "customer_name" and "Customers' names" mean nearly the same. How near two words are is
 * told by their letters and by synonyms.def; how near whole names are, by their letters.
 */
#include <ctype.h>
#include <string.h>

#include "agent/diagnose_priv.h"
#include "lib/arena.h"

enum { WORD_BYTES = 40, NAME_BYTES = 64, SAME = 100 };

static const char *const synonyms[] = {
#define SYNONYMS(words) words,
#include "agent/synonyms.def"
#undef SYNONYMS
};

enum { GROUPS = sizeof(synonyms) / sizeof(*synonyms) };
_Static_assert(GROUPS <= 128, "struct agent_word has as many bits");

static size_t least(size_t x, size_t y)
{
	return x < y ? x : y;
}

size_t agent_distance(struct str x, struct str y, size_t most)
{
	size_t d[3][NAME_BYTES + 1], i, j;

	if (x.n > NAME_BYTES || y.n > NAME_BYTES || x.n > y.n + most || y.n > x.n + most)
		return most;
	for (j = 0; j <= y.n; j++)
		d[0][j] = j;
	for (i = 1; i <= x.n; i++) {
		size_t *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];

		row[0] = i;
		for (j = 1; j <= y.n; j++) {
			row[j] = least(least(up[j], row[j - 1]) + 1, up[j - 1] + (x.p[i - 1] != y.p[j - 1]));
			if (i > 1 && j > 1 && x.p[i - 1] == y.p[j - 2] && x.p[i - 2] == y.p[j - 1])
				row[j] = least(row[j], up2[j - 2] + 1);
		}
	}
	return least(d[x.n % 3][y.n], most);
}

struct str agent_stem(struct str s)
{
	static const char *const endings[] = {"ies", "sses", "ches", "shes", "xes", "s", "y"};
	static const size_t keep[] = {0, 2, 2, 2, 1, 0, 0};

	if (str_ends(s, STR("ss")))
		return s;
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (s.n > strlen(endings[i]) + 1 && str_ends(s, str_of(endings[i])))
			return (struct str){s.p, s.n - strlen(endings[i]) + keep[i]};
	return s;
}

static bool listed(const char *words, struct str word)
{
	for (struct str rest = str_of(words); rest.p;)
		if (str_eq(str_chop(&rest, ' '), word))
			return true;
	return false;
}

/* "countries" as the table of synonyms has it; nothing for what is no plural. */
static struct str singular(struct arena *a, struct str s)
{
	if (s.n < 4 || s.p[s.n - 1] != 's')
		return (struct str){NULL, 0};
	if (str_ends(s, STR("ies")))
		return str_of(arena_printf(a, "%.*sy", (int)s.n - 3, s.p));
	return (struct str){s.p, s.n - 1};
}

static void find_meaning(struct arena *a, struct agent_word *w)
{
	static const char light[] =
	        "of the a an in on at by per and or is are for to with what which how many much all each"
	        " every our my me show list give tell from do does did was were has have had there";

	struct str single = singular(a, w->text);

	w->light = listed(light, w->text);

	for (size_t i = 0; i < GROUPS; i++)
		if (listed(synonyms[i], w->text) || (single.n && listed(synonyms[i], single)))
			w->meaning[i / 64] |= (uint64_t)1 << i % 64;
}

/* Where a word ends that begins at `from`: at a sign, before a capital, between letters and digits. "FName1" is F, Name
 * and 1, "A2" stays whole, and so does "1k". */
static size_t word_end(struct str s, size_t from)
{
	size_t i = from + 1;

	for (; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i], before = (unsigned char)s.p[i - 1];
		bool next_low = i + 1 < s.n && islower((unsigned char)s.p[i + 1]);

		if (!isalnum(c) && c < 0x80)
			break;
		if (isupper(c) && (islower(before) || (isupper(before) && next_low)))
			break;
		if (isdigit(c) && !isdigit(before) && i > from + 1)
			break;
		if (isalpha(c) && isdigit(before) && i > from + 1 && isalpha((unsigned char)s.p[from]))
			break;
	}
	return i;
}

struct agent_words agent_words(struct arena *a, struct str text, size_t most)
{
	struct agent_words words = {ARENA_ARRAY(a, struct agent_word, most), 0};

	for (size_t i = 0; i < text.n && words.n < most;) {
		unsigned char c = (unsigned char)text.p[i];
		size_t end;

		if (!isalnum(c) && c < 0x80) {
			i++;
			continue;
		}
		end = word_end(text, i);
		if (end - i <= WORD_BYTES) {
			struct agent_word *w = &words.at[words.n++];

			w->text = str_of(str_lower(a, (struct str){text.p + i, end - i}));
			w->stem = agent_stem(w->text);
			find_meaning(a, w);
		}
		i = end;
	}
	return words;
}

/* "qty" of "quantity": its letters in order, from the first one on. */
static bool abbreviates(struct str s, struct str l)
{
	size_t at = 1;

	if (s.n < 3 || s.n * 2 > l.n + 2 || *s.p != *l.p)
		return false;
	for (size_t i = 1; i < s.n; i++, at++) {
		while (at < l.n && l.p[at] != s.p[i])
			at++;
		if (at == l.n)
			return false;
	}
	return true;
}

/* PostgreSQL folds "customerId" to "customerid": a word at the end or the beginning of a longer one. */
static int contained(struct str s, struct str l)
{
	bool enough = s.n >= 3 || str_is(s, "id");

	if (!enough || s.n >= l.n || (!str_ends(l, s) && (s.n < 3 || !str_starts(l, s))))
		return 0;
	return 50 + (int)(35 * s.n / l.n);
}

int agent_word_like(const struct agent_word *x, const struct agent_word *y)
{
	struct str s = x->text.n < y->text.n ? x->text : y->text,
	           l = x->text.n < y->text.n ? y->text : x->text;
	size_t d;
	int part;

	if (str_eq(s, l))
		return SAME;
	if (str_eq(x->stem, y->stem))
		return 95;
	if ((x->meaning[0] & y->meaning[0]) | (x->meaning[1] & y->meaning[1]))
		return 80;
	if (isdigit((unsigned char)*s.p) || isdigit((unsigned char)*l.p))
		return 0;
	d = agent_distance(s, l, 3);
	if ((d == 1 && s.n >= 4) || (d == 2 && s.n >= 7))
		return d == 1 ? 82 : 72;
	part = contained(s, l);
	return part ? part : abbreviates(s, l) ? 65 : 0;
}

/* Letters and digits alone, in lower case. */
static struct str letters(struct arena *a, const char *name)
{
	size_t n = 0, length = strlen(name);
	char *s = str_lower(a, str_of(name));

	for (size_t i = 0; i < length; i++)
		if (isalnum((unsigned char)s[i]) || (s[i] & 0x80))
			s[n++] = s[i];
	return (struct str){s, n};
}

int agent_name_like(struct arena *a, const char *x, const char *y)
{
	struct str s = letters(a, x), l = letters(a, y);
	size_t longer = s.n > l.n ? s.n : l.n, most = longer / 3 + 2, d;

	if (!s.n || !l.n)
		return 0;
	if (str_eq(s, l))
		return SAME;
	d = agent_distance(s, l, most);
	return d >= most || d >= least(s.n, l.n) ? 0 : SAME - (int)(SAME * d / longer);
}
