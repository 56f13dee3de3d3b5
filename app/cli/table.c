/* Results as tables for a terminal: one line a row, whatever is in it. */
#include "cli/table_priv.h"

#include <unistd.h>

#include "cli/plain_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum { WIDEST = 60 }; /* characters of a column in a table */

/* Characters of the cell, as far as a table shows them. Line breaks would break the table. */
static size_t width(const char *text)
{
	size_t n = str_utf8_count(str_of(text));

	return n < WIDEST ? n : WIDEST;
}

static void add_padding(struct buf *b, size_t n)
{
	while (n--)
		buf_add_char(b, ' ');
}

/* The first WIDEST characters, control characters as spaces: no cell moves the cursor of the terminal. */
static void add_text(struct buf *b, const char *text)
{
	struct str s = str_of(text);
	size_t n = 0, total = str_utf8_count(s);

	for (size_t i = 0, skip; i < s.n; i += skip ? skip : 1) {
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
		if (total > WIDEST && n == WIDEST) {
			buf_add_cstr(b, "…");
			return;
		}
		skip = plain_control(s, i);
		buf_add_char(b, skip || s.p[i] == '\n' || s.p[i] == '\t' ? ' ' : s.p[i]);
	}
}

static void add_cell(struct buf *b, const struct query_column *c, const char *cell, size_t wide, bool colours,
                     bool last)
{
	const char *text = cell ? cell : isatty(STDOUT_FILENO) ? "-" : "";
	size_t pad = wide - width(text);

	if (c->kind == QUERY_NUMBER)
		add_padding(b, pad);
	buf_add_cstr(b, !cell && colours ? "\033[2m" : "");
	add_text(b, text);
	buf_add_cstr(b, !cell && colours ? "\033[0m" : "");
	if (c->kind != QUERY_NUMBER && !last)
		add_padding(b, pad);
}

static void add_row(struct buf *b, const struct query_result *r, const char *const *cells,
                    const size_t *widths, bool colours)
{
	for (size_t i = 0; i < r->ncolumns; i++) {
		buf_add_cstr(b, i ? "  " : "");
		add_cell(b, &r->columns[i], cells[i], widths[i], colours, i + 1 == r->ncolumns);
	}
	buf_add_char(b, '\n');
}

void table_put(struct arena *a, const struct query_result *r, size_t rows, struct buf *b)
{
	size_t *widths = ARENA_ARRAY(a, size_t, r->ncolumns);
	const char **names = ARENA_ARRAY(a, const char *, r->ncolumns);
	bool colours = plain_colours(STDOUT_FILENO);

	for (size_t i = 0; i < r->ncolumns; i++) {
		names[i] = r->columns[i].name;
		widths[i] = width(names[i]) ? width(names[i]) : 1;
		for (size_t row = 0; row < rows; row++) {
			const char *cell = r->cells[row * r->ncolumns + i];

			if (cell && width(cell) > widths[i])
				widths[i] = width(cell);
		}
	}
	add_row(b, r, names, widths, colours);
	for (size_t i = 0; i < r->ncolumns; i++) {
		buf_add_cstr(b, i ? "  " : "");
		for (size_t n = 0; n < widths[i]; n++)
			buf_add_char(b, '-');
	}
	buf_add_char(b, '\n');
	for (size_t row = 0; row < rows; row++)
		add_row(b, r, r->cells + row * r->ncolumns, widths, colours);
}
