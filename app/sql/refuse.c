/*
 * Refusals: one sentence, a code, where it is, and what to do instead; the nearest name that does exist.
 */
#include "sql/sql_priv.h"

/* 1-based character at a byte offset. */
static int character_at(struct str text, int offset)
{
	if (offset < 0 || (size_t)offset > text.n)
		return 0;
	int n = 1;
	for (int i = 0; i < offset; i++)
		n += ((unsigned char)text.p[i] & 0xC0) != 0x80;
	return n;
}

/* Positions in a filter's text would be read as positions in the statement. */
int refuse_position(const struct guard *g, int location)
{
	return g->filter_of ? 0 : character_at(g->text, location);
}

struct err *refuse(struct guard *g, const char *code, int location, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *message = arena_vprintf(g->a, fmt, ap);
	va_end(ap);
	struct err *e = err_code(err_new(g->a, ERR_REFUSED, "%s", message), code);
	return err_at(e, refuse_position(g, location));
}

enum { NEAR_LENGTH = 48, NEAR_MOST = 2000 };

/* Edits (Levenshtein) from x to y, both short. */
static size_t distance(const char *x, size_t nx, const char *y, size_t ny)
{
	size_t row[NEAR_LENGTH + 1];
	for (size_t j = 0; j <= ny; j++)
		row[j] = j;
	for (size_t i = 1; i <= nx; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= ny; j++) {
			size_t up = row[j];
			size_t best = diagonal + (x[i - 1] != y[j - 1]);
			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = up;
		}
	}
	return row[ny];
}

const char *nearest(struct arena *a, const char *name, const char *const *candidates, size_t n)
{
	const char *best = NULL;
	size_t nn = strlen(name);
	if (nn > NEAR_LENGTH)
		return NULL;
	size_t limit = nn / 3 + 2;
	const char *low = str_lower(a, str_of(name));
	for (size_t i = 0; i < n && i < NEAR_MOST; i++) {
		size_t nc = strlen(candidates[i]);
		if (nc > NEAR_LENGTH)
			continue;
		size_t d = distance(low, nn, str_lower(a, str_of(candidates[i])), nc);
		if (d < limit) {
			limit = d;
			best = candidates[i];
		}
	}
	return best;
}

bool names_has(const struct names *set, const char *name)
{
	for (size_t i = 0; i < set->n; i++)
		if (!strcmp(set->name[i], name))
			return true;
	return false;
}

void names_add(struct arena *a, struct names *set, const char *name)
{
	if (names_has(set, name))
		return;
	if (set->n == set->size) {
		size_t size = set->size ? 2 * set->size : 8;
		const char **grown = ARENA_ARRAY(a, const char *, size);
		for (size_t i = 0; i < set->n; i++)
			grown[i] = set->name[i];
		set->name = grown;
		set->size = size;
	}
	set->name[set->n++] = arena_strdup(a, name);
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

void names_sort(struct names *set)
{
	if (set->n)
		qsort(set->name, set->n, sizeof(*set->name), by_name);
}
