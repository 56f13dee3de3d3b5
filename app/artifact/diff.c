/* What changed between two texts: what both begin and end with is set aside, the rest is compared line by line. */
#include <string.h>

#include "artifact/artifact.h"
#include "lib/arena.h"

enum {
	AROUND = 3,              /* lines that stay are shown around a change */
	MOST_CELLS = 4 << 20, /* of the table of the comparison; beyond it all is old and all is new */
};

struct lines {
	const char **p;
	size_t n;
};

static struct lines lines_of(struct arena *a, const char *text)
{
	struct str rest = str_of(text);
	size_t n = 1;

	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		n++;
	struct lines l = {ARENA_ARRAY(a, const char *, n), 0};
	if (rest.n && rest.p[rest.n - 1] == '\n')
		rest.n--;
	while (rest.p)
		l.p[l.n++] = str_dup(a, str_chop(&rest, '\n'));
	return l;
}

struct diff {
	struct arena *a;
	struct artifact_line *p;
	size_t n;
};

static void add(struct diff *d, enum artifact_change change, const char *text)
{
	d->p[d->n++] = (struct artifact_line){change, text, 0};
}

static void add_all(struct diff *d, enum artifact_change change, const char *const *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(d, change, p[i]);
}

/* longest[i * (m + 1) + j]: the most lines that a from i and b from j have in common. */
static unsigned *common(struct arena *a, const struct lines *x, const struct lines *y)
{
	size_t w = y->n + 1;
	unsigned *longest = ARENA_ARRAY(a, unsigned, (x->n + 1) * w);

	for (size_t i = x->n; i-- > 0;)
		for (size_t j = y->n; j-- > 0;) {
			unsigned down = longest[(i + 1) * w + j], right = longest[i * w + j + 1];

			longest[i * w + j] = strcmp(x->p[i], y->p[j]) == 0 ? longest[(i + 1) * w + j + 1] + 1
			                     : down > right                 ? down
			                                                    : right;
		}
	return longest;
}

static void compare(struct arena *a, const struct lines *x, const struct lines *y, struct diff *d)
{
	size_t i = 0, j = 0, w = y->n + 1;

	if (x->n && y->n <= MOST_CELLS / x->n) {
		const unsigned *longest = common(a, x, y);

		while (i < x->n && j < y->n) {
			if (strcmp(x->p[i], y->p[j]) == 0) {
				add(d, ARTIFACT_SAME, x->p[i++]);
				j++;
			} else if (longest[(i + 1) * w + j] >= longest[i * w + j + 1]) {
				add(d, ARTIFACT_OLD, x->p[i++]);
			} else {
				add(d, ARTIFACT_NEW, y->p[j++]);
			}
		}
	}
	add_all(d, ARTIFACT_OLD, x->p + i, x->n - i);
	add_all(d, ARTIFACT_NEW, y->p + j, y->n - j);
}

static bool near_change(const struct diff *d, size_t i)
{
	size_t from = i > AROUND ? i - AROUND : 0, to = i + AROUND < d->n ? i + AROUND : d->n - 1;

	for (size_t k = from; k <= to; k++)
		if (d->p[k].change != ARTIFACT_SAME)
			return true;
	return false;
}

/* In place: what is far from any change becomes a line that counts it. */
static size_t fold(struct diff *d)
{
	bool *near = ARENA_ARRAY(d->a, bool, d->n);
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		near[i] = near_change(d, i);
	for (size_t i = 0; i < d->n; i++) {
		if (near[i])
			d->p[n++] = d->p[i];
		else if (n && d->p[n - 1].change == ARTIFACT_SKIPPED)
			d->p[n - 1].lines++;
		else
			d->p[n++] = (struct artifact_line){ARTIFACT_SKIPPED, NULL, 1};
	}
	return n;
}

size_t artifact_diff(struct arena *a, const char *before, const char *after, struct artifact_line **out)
{
	struct lines x = lines_of(a, before), y = lines_of(a, after);
	struct diff d = {a, ARENA_ARRAY(a, struct artifact_line, x.n + y.n), 0};
	size_t head = 0, tail = 0;

	*out = d.p;
	while (head < x.n && head < y.n && strcmp(x.p[head], y.p[head]) == 0)
		head++;
	if (head == x.n && head == y.n)
		return 0;
	while (tail < x.n - head && tail < y.n - head && strcmp(x.p[x.n - 1 - tail], y.p[y.n - 1 - tail]) == 0)
		tail++;
	add_all(&d, ARTIFACT_SAME, x.p, head);
	compare(a, &(struct lines){x.p + head, x.n - head - tail}, &(struct lines){y.p + head, y.n - head - tail}, &d);
	add_all(&d, ARTIFACT_SAME, x.p + x.n - tail, tail);
	return fold(&d);
}
