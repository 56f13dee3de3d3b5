/*
 * Which values are nobody's business, told from the name of their column and from what they look like.
 * The names are in sensitive.def. A wrong guess costs a few examples in a prompt; a missed one costs
 * somebody's privacy.
 */
#include <string.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"

enum kind { PART, WORD, PERSON };

static const struct {
	enum kind kind;
	const char *text;
} names[] = {
#define PART(text) {PART, text},
#define WORD(text) {WORD, text},
#define PERSON(text) {PERSON, text},
#include "catalog/sensitive.def"
#undef PART
#undef WORD
#undef PERSON
};

enum { NAMES = sizeof(names) / sizeof(*names), DIGITS = 9 };

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_letter(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80;
}

/* "eMail-Address" as "_e_mail_address_" and, joined, "emailaddress". */
static const char *words_of(struct arena *a, const char *name, const char **joined)
{
	size_t n = strlen(name), out = 0, all = 0;
	char *words = arena_alloc(a, 2 * n + 3), *letters = arena_alloc(a, n + 1);

	words[out++] = '_';
	for (size_t i = 0; i < n; i++) {
		char c = is_upper(name[i]) ? (char)(name[i] | 0x20) : name[i];
		bool letter = is_letter(c);

		if (is_upper(name[i]) && i && !is_upper(name[i - 1]) && words[out - 1] != '_')
			words[out++] = '_';
		if (letter)
			letters[all++] = c;
		if (letter || words[out - 1] != '_')
			words[out++] = letter ? c : '_';
	}
	if (words[out - 1] != '_')
		words[out] = '_';
	*joined = letters;
	return words;
}

bool catalog_name_is_sensitive(struct arena *a, const char *table, const char *column)
{
	const char *letters, *table_letters, *words = words_of(a, column, &letters);
	bool is_name = !strcmp(letters, "name");

	words_of(a, table, &table_letters);
	for (size_t i = 0; i < NAMES; i++) {
		const char *word = names[i].text;

		if (names[i].kind == PART && strstr(letters, word))
			return true;
		if (names[i].kind == WORD && strstr(words, arena_printf(a, "_%s_", word)))
			return true;
		if (names[i].kind == PERSON && is_name && strstr(table_letters, word))
			return true;
	}
	return false;
}

bool catalog_value_is_sensitive(const char *value, bool number)
{
	size_t digits = 0;

	for (const char *p = value; *p; p++)
		digits += *p >= '0' && *p <= '9';
	/* An e-mail address, or digits enough for a telephone or an account. A time has them between
	 * colons, an amount behind its point. */
	return strchr(value, '@') ||
	       (digits >= DIGITS && !strchr(value, ':') && !(number && strchr(value, '.')));
}
