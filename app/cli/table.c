/*
 * Results as tables for a terminal: one line a row, whatever is in it. Where the terminal is too narrow, cells are cut
 * with a mark, then the last columns are left out; numbers and dates are never cut.
 */
#include "cli/table_priv.h"

#include <unistd.h>

#include "cli/plain_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum { WIDEST = 60, GAP = 2 }; /* characters of a column, and between two */

/* Characters that a cell keeps; 0: all of them. A time keeps its minutes. */
static const size_t least[QUERY_KIND__MAX] = {
        [QUERY_TEXT] = 8, [QUERY_TIME] = 17, [QUERY_BOOL] = 5, [QUERY_JSON] = 8, [QUERY_BYTES] = 8,
};

struct table {
	const struct query_result *r;
	size_t *widths;
	size_t columns; /* that are shown */
	bool tty, colours;
};

static size_t width(const char *text)
{
	return str_utf8_count(str_of(text));
}

static void add_many(struct buf *b, char c, size_t n)
{
	while (n--)
		buf_add_char(b, c);
}

/* The first `most` characters, control characters as spaces: no cell moves the cursor of the terminal. */
static void add_text(struct buf *b, const char *text, size_t most)
{
	struct str s = str_of(text);
	size_t n = 0, total = width(text);

	for (size_t i = 0, skip; i < s.n; i += skip ? skip : 1) {
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
		if (total > most && n == most) {
			buf_add_cstr(b, "…");
			return;
		}
		skip = plain_control(s, i);
		buf_add_char(b, skip || s.p[i] == '\n' || s.p[i] == '\t' ? ' ' : s.p[i]);
	}
}

static void add_cell(struct buf *b, const struct table *t, size_t i, const char *cell)
{
	const char *text = cell ? cell : t->tty ? "-" : "";
	size_t pad = width(text) < t->widths[i] ? t->widths[i] - width(text) : 0;
	bool number = t->r->columns[i].kind == QUERY_NUMBER;

	if (number)
		add_many(b, ' ', pad);
	buf_add_cstr(b, !cell && t->colours ? "\033[2m" : "");
	add_text(b, text, t->widths[i]);
	buf_add_cstr(b, !cell && t->colours ? "\033[0m" : "");
	if (!number && i + 1 < t->columns)
		add_many(b, ' ', pad);
}

static void add_row(struct buf *b, const struct table *t, const char *const *cells)
{
	for (size_t i = 0; i < t->columns; i++) {
		add_many(b, ' ', i ? GAP : 0);
		add_cell(b, t, i, cells[i]);
	}
	buf_add_char(b, '\n');
}

/* Room ----------------------------------------------------------------------------------------------------- */

static size_t widest_cell(const struct query_result *r, size_t rows, size_t column)
{
	size_t most = width(r->columns[column].name);

	for (size_t row = 0; row < rows; row++) {
		const char *cell = r->cells[row * r->ncolumns + column];

		if (cell && width(cell) > most)
			most = width(cell);
	}
	return most < 1 ? 1 : most;
}

static size_t total(const struct table *t)
{
	size_t n = (t->columns - 1) * GAP;

	for (size_t i = 0; i < t->columns; i++)
		n += t->widths[i];
	return n;
}

/* The widest column that can do with less; NULL when there is none. */
static size_t *widest(const struct table *t)
{
	size_t *found = NULL;

	for (size_t i = 0; i < t->columns; i++) {
		size_t keeps = least[t->r->columns[i].kind];

		if (keeps && t->widths[i] > keeps && (!found || t->widths[i] > *found))
			found = &t->widths[i];
	}
	return found;
}

static void fit(struct table *t, size_t room)
{
	size_t *column;

	while (total(t) > room && (column = widest(t)) != NULL)
		--*column;
	while (total(t) > room && t->columns > 1)
		t->columns--;
}

static void lay_out(struct arena *a, struct table *t, size_t rows)
{
	size_t room = plain_width(STDOUT_FILENO);

	t->columns = t->r->ncolumns;
	t->widths = ARENA_ARRAY(a, size_t, t->columns);
	for (size_t i = 0; i < t->columns; i++) {
		t->widths[i] = widest_cell(t->r, rows, i);
		if (least[t->r->columns[i].kind] && t->widths[i] > WIDEST)
			t->widths[i] = WIDEST;
	}
	if (room && t->columns)
		fit(t, room);
}

static void add_left_out(struct buf *b, const struct table *t)
{
	for (size_t i = t->columns; i < t->r->ncolumns; i++) {
		buf_add_cstr(b, i == t->columns ? "(too narrow for: " : ", ");
		add_text(b, t->r->columns[i].name, WIDEST);
		buf_add_cstr(b, i + 1 == t->r->ncolumns ? ")\n" : "");
	}
}

void table_put(struct arena *a, const struct query_result *r, size_t rows, struct buf *b)
{
	struct table t = {.r = r, .tty = isatty(STDOUT_FILENO), .colours = plain_colours(STDOUT_FILENO)};
	const char **names = ARENA_ARRAY(a, const char *, r->ncolumns);

	lay_out(a, &t, rows);
	for (size_t i = 0; i < r->ncolumns; i++)
		names[i] = r->columns[i].name;
	add_row(b, &t, names);
	for (size_t i = 0; i < t.columns; i++) {
		add_many(b, ' ', i ? GAP : 0);
		add_many(b, '-', t.widths[i]);
	}
	buf_add_char(b, '\n');
	for (size_t row = 0; row < rows; row++)
		add_row(b, &t, r->cells + row * r->ncolumns);
	add_left_out(b, &t);
}
