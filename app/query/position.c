/*
 * From a position in the statement that was sent to the same word in the one that a person wrote. The guard
 * rewrites statements, so this is certain only where both are equal up to there, or where the word stands
 * once in each.
 */
#include <ctype.h>

#include "query/query_priv.h"

static bool in_word(char c)
{
	return c == '_' || isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* The byte of the 1-based character, and back. */
static size_t byte_of(struct str s, int position)
{
	size_t i = 0;

	while (i < s.n && position > 1) {
		i++;
		while (i < s.n && ((unsigned char)s.p[i] & 0xc0) == 0x80)
			i++;
		position--;
	}
	return i;
}

static int character_of(struct str s, size_t byte)
{
	int position = 1;

	for (size_t i = 1; i <= byte && i < s.n; i++)
		position += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return position;
}

/* The word that begins there. */
static struct str word_at(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && in_word(s.p[at + n]))
		n++;
	return (struct str){s.p + at, n};
}

/* Of "shop.orders" the last part: people need not write the first. */
static struct str last_word(struct str s, size_t at)
{
	struct str word = word_at(s, at);

	while (word.n && at + word.n + 1 < s.n && s.p[at + word.n] == '.') {
		at += word.n + 1;
		word = word_at(s, at);
	}
	return word;
}

/* Where the word stands as a whole word; false unless exactly once. */
static bool only_place(struct str s, struct str word, size_t *place)
{
	size_t found = 0;

	for (size_t i = 0; i + word.n <= s.n; i++) {
		if ((i && in_word(s.p[i - 1])) || !str_eq_nocase(word_at(s, i), word))
			continue;
		*place = i;
		found++;
	}
	return found == 1;
}

int query_position(struct str asked, struct str sent, int position)
{
	size_t at = byte_of(sent, position), same = 0, place;
	struct str word;

	if (position < 1 || at >= sent.n)
		return 0;
	word = last_word(sent, at);
	while (same < asked.n && same < sent.n && asked.p[same] == sent.p[same])
		same++;
	if (same > at && same >= at + word_at(sent, at).n)
		return position;
	if (word.n < 2 || !only_place(sent, word, &place) || !only_place(asked, word, &place))
		return 0;
	return character_of(asked, place);
}
