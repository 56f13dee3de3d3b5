/*
 * No statement ends the process; what is accepted has a LIMIT, reads no table that is not allowed, and is accepted
 * again as it is sent. Statements are mutated by words: a word or a piece in parentheses is replaced, dropped, doubled
 * or put elsewhere, from the statement itself, from another one, or from the words below; now and then by bytes.
 */
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "lib/arena.h"
#include "sql/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
size_t LLVMFuzzerMutate(uint8_t *data, size_t n, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *x, size_t nx, const uint8_t *y, size_t ny, uint8_t *out,
                                 size_t most, unsigned seed);

#define COLUMNS \
	"\"columns\":{\"customers\":[\"id\",\"name\",\"email\",\"region\"]," \
	"\"orders\":[\"id\",\"customer_id\",\"total\",\"tags\",\"metadata\"]}"

static const char *const policies[] = {
        "{\"schema\":\"shop\",\"excluded_tables\":[\"salaries\"]}",
        "{\"schema\":\"shop\",\"allowed_tables\":[\"customers\",\"orders\"]," COLUMNS "}",
        "{\"schema\":\"shop\",\"allowed_tables\":[\"customers\",\"orders\"]," COLUMNS
        ",\"row_filters\":{\"customers\":\"region = 'EU' OR email = {user.email}\"},\"masks\":{\"customers\":"
        "{\"email\":\"email\",\"name\":\"hash\"}},\"mask_key\":\"k\",\"user\":{\"email\":\"a@b\"}}",
};

enum { PLAIN = 1, POLICIES = 3 };

/* The statement as sent is one that may be sent; only what is bounded may now be beyond its bound. */
static void check_again(struct arena *a, const struct sql_policy *p, const struct sql_statement *s)
{
	struct sql_statement *again;
	struct err *e = sql_guard(a, p, str_of(s->sql), &again);
	if (e) {
		assert(!strncmp(e->code, "too_", 4));
		return;
	}
	assert(again->ntables == s->ntables);
	for (size_t i = 0; i < s->ntables; i++)
		assert(!strcmp(again->tables[i], s->tables[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_create();
	struct str sql = {(const char *)data, n};
	for (size_t i = 0; i < POLICIES; i++) {
		struct sql_policy *p;
		struct sql_statement *s;
		struct err *e = sql_policy_read(a, str_of(policies[i]), &p);
		assert(!e);
		e = sql_guard(a, p, sql, &s);
		assert(!e || (e->code && *e->message));
		if (e)
			continue;
		assert(strstr(s->sql, "LIMIT ") && str_utf8_valid(str_of(s->sql)));
		for (size_t k = 0; k < s->ntables; k++)
			assert(i ? !strcmp(s->tables[k], "shop.customers") ||
			                       !strcmp(s->tables[k], "shop.orders")
			         : strcmp(s->tables[k], "shop.salaries"));
		if (i == PLAIN)
			check_again(a, p, s);
	}
	arena_free(a);
	return 0;
}

/* What statements are made of, and what they should not be. */
static const char *const words[] = {
#define WORD(text) text,
#include "guard_words.def"
#undef WORD
};

enum { WORDS = sizeof(words) / sizeof(*words), PIECES = 4000 };

static unsigned draw(unsigned *seed, size_t below)
{
	*seed = *seed * 1103515245u + 12345u;
	return below ? (unsigned)((*seed >> 8) % below) : 0;
}

/* The end of the word that begins at i: a name or number, a quoted text, or one sign. */
static size_t word_end(const uint8_t *p, size_t n, size_t i)
{
	uint8_t c = p[i++];
	if (isalnum(c) || c == '_' || c >= 0x80) {
		while (i < n && (isalnum(p[i]) || p[i] == '_' || p[i] >= 0x80))
			i++;
	} else if (c == '\'' || c == '"') {
		while (i < n && p[i] != c)
			i++;
		i += i < n;
	}
	return i;
}

/* Where words begin; at[count] is the end. */
static size_t cut(const uint8_t *p, size_t n, size_t *at)
{
	size_t count = 0;
	for (size_t i = 0; i < n && count + 1 < PIECES; i = word_end(p, n, i))
		at[count++] = i;
	at[count] = n;
	return count;
}

/* A word, a few of them, or what a parenthesis holds. */
static struct str piece(const uint8_t *p, const size_t *at, size_t count, unsigned *seed)
{
	size_t from = draw(seed, count), to = from + 1;
	if (p[at[from]] == '(')
		for (int depth = 1; to < count && depth; to++)
			depth += (p[at[to]] == '(') - (p[at[to]] == ')');
	else if (!draw(seed, 3))
		to += draw(seed, 12);
	to = to < count ? to : count;
	return (struct str){(const char *)p + at[from], at[to] - at[from]};
}

/* Puts `in` in place of `out`, with spaces around. */
static size_t put(uint8_t *data, size_t n, size_t most, struct str out, struct str in)
{
	size_t from = (size_t)(out.p - (const char *)data), rest = n - from - out.n;
	if (from + in.n + 2 + rest > most)
		return n;
	memmove(data + from + in.n + 2, data + from + out.n, rest);
	data[from] = ' ';
	memcpy(data + from + 1, in.p, in.n);
	data[from + 1 + in.n] = ' ';
	return from + in.n + 2 + rest;
}

enum { MOST = 4096 };

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t n, size_t most, unsigned seed)
{
	static size_t at[PIECES];
	static uint8_t copy[MOST];
	size_t count = n <= MOST ? cut(data, n, at) : 0;
	unsigned way = draw(&seed, 16);
	if (!count || way == 0)
		return LLVMFuzzerMutate(data, n, most);
	memcpy(copy, data, n);
	struct str where = piece(data, at, count, &seed);
	struct str other = piece(copy, at, count, &seed);
	struct str word = str_of(words[draw(&seed, WORDS)]);
	if (way < 7)
		return put(data, n, most, where, word);
	if (way < 10)
		return put(data, n, most, where, other);
	if (way < 12)
		return put(data, n, most, (struct str){where.p, 0}, word);
	if (way < 14)
		return put(data, n, most, (struct str){where.p, 0}, other);
	return put(data, n, most, where, STR(""));
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *x, size_t nx, const uint8_t *y, size_t ny, uint8_t *out,
                                 size_t most, unsigned seed)
{
	static size_t at[PIECES];
	if (nx > most)
		return 0;
	memcpy(out, x, nx);
	size_t count = cut(y, ny, at);
	if (!count)
		return nx;
	struct str from = piece(y, at, count, &seed);
	count = cut(out, nx, at);
	return count ? put(out, nx, most, piece(out, at, count, &seed), from) : nx;
}
