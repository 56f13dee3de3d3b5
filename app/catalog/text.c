/*
 * The dictionary as text for the model and the terminal: a table is a paragraph, a column a line.
 * Comments and values come from the database: they are kept to one line and cut, so that they cannot pass
 * for another part of the text.
 */
#include <string.h>

#include "catalog/catalog_priv.h"

enum { COMMENT = 300, LIST_COMMENT = 100, PROMPT_VALUES = 20, PROMPT_SAMPLES = 3 };

/* White space and control characters as single spaces. */
static void put_text(struct buf *b, struct str s, size_t most)
{
	struct str shown = str_utf8_cut(s, most);
	bool space = false;

	for (size_t i = 0; i < shown.n; i++) {
		bool blank = (unsigned char)shown.p[i] <= ' ' || shown.p[i] == 0x7f;

		if (!blank || !space)
			buf_add_char(b, blank ? ' ' : shown.p[i]);
		space = blank;
	}
	if (shown.n < s.n)
		buf_add_cstr(b, "…");
}

static void put_line(struct buf *b, const char *text, size_t most)
{
	put_text(b, str_trim(str_of(text)), most);
}

/* As SQL writes it, for a model that copies it into a condition. */
static void put_literal(struct buf *b, const char *value)
{
	struct str rest = str_of(value);

	buf_add_char(b, '\'');
	for (bool first = true; rest.p; first = false) {
		struct str part = str_chop(&rest, '\'');

		buf_add_cstr(b, first ? "" : "''");
		put_text(b, part, LIST_COMMENT);
	}
	buf_add_char(b, '\'');
}

static void put_values(struct buf *b, const char *before, const char *const *values, size_t n, size_t most)
{
	for (size_t i = 0; i < n && i < most; i++) {
		buf_add_cstr(b, i ? ", " : before);
		put_literal(b, values[i]);
	}
	if (n > most)
		buf_printf(b, " and %zu more", n - most);
}

static const char *key_text(const struct catalog_table *t, const struct catalog_column *c)
{
	if (c->primary)
		return t->nprimary_key > 1 ? ", in the primary key" : ", primary key";
	return c->not_null ? ", not null" : "";
}

static void put_column(struct buf *b, const struct catalog_table *t, const struct catalog_column *c, bool all)
{
	buf_add_cstr(b, "  ");
	put_line(b, c->ident, COMMENT);
	buf_add_char(b, ' ');
	put_line(b, c->type, COMMENT);
	buf_add_cstr(b, key_text(t, c));
	if (c->unique)
		buf_add_cstr(b, ", unique");
	if (c->references) {
		buf_add_cstr(b, ", references ");
		put_line(b, c->references, COMMENT);
	}
	if (all && c->dflt) {
		buf_add_cstr(b, str_starts(str_of(c->dflt), STR("GENERATED ")) ? ", " : ", default ");
		put_line(b, c->dflt, COMMENT);
	}
	put_values(b, ", one of ", c->enum_values, c->nenum_values, all ? SIZE_MAX : PROMPT_VALUES);
	size_t shown = all || c->nsamples < PROMPT_SAMPLES ? c->nsamples : PROMPT_SAMPLES;
	if (!c->nenum_values)
		put_values(b, ", for example ", c->samples, shown, shown);
	if (c->mask)
		buf_printf(b, ", values masked for this person (%s)", c->mask);
	if (c->comment) {
		buf_add_cstr(b, " -- ");
		put_line(b, c->comment, COMMENT);
	}
	buf_add_char(b, '\n');
}

/* "orders (table, about 1200 rows): what the comment says" */
static void put_head(struct buf *b, const struct catalog_table *t, size_t comment)
{
	put_line(b, t->ident, COMMENT);
	buf_printf(b, " (%s", t->kind);
	if (t->rows >= 0)
		buf_printf(b, ", about %lld row%s", (long long)t->rows, t->rows == 1 ? "" : "s");
	buf_add_cstr(b, t->filtered ? ", this person sees only some rows)" : ")");
	if (t->comment) {
		buf_add_cstr(b, ": ");
		put_line(b, t->comment, comment);
	}
	buf_add_char(b, '\n');
}

static void put_lines(struct buf *b, const char *label, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "  %s ", label);
		put_line(b, texts[i], COMMENT);
		buf_add_char(b, '\n');
	}
}

static const char *ident_of(const struct catalog_table *t, const char *column)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (!strcmp(t->columns[i].name, column))
			return t->columns[i].ident;
	return column;
}

/* A key of several columns says something that its columns' lines do not. */
static void put_primary_key(struct buf *b, const struct catalog_table *t)
{
	if (t->nprimary_key < 2)
		return;
	buf_add_cstr(b, "  key: PRIMARY KEY (");
	for (size_t i = 0; i < t->nprimary_key; i++) {
		buf_add_cstr(b, i ? ", " : "");
		put_line(b, ident_of(t, t->primary_key[i]), COMMENT);
	}
	buf_add_cstr(b, ")\n");
}

static void put_table(struct buf *b, const struct catalog_table *t, bool all)
{
	put_head(b, t, COMMENT);
	for (size_t i = 0; i < t->ncolumns; i++)
		put_column(b, t, &t->columns[i], all);
	put_primary_key(b, t);
	put_lines(b, "key:", t->constraints, t->nconstraints);
	if (all)
		put_lines(b, "index:", t->indexes, t->nindexes);
}

void catalog_describe(const struct catalog_table *t, struct buf *out)
{
	put_table(out, t, true);
}

/* Without comments and values: "orders (table): what was bought" and a line with the columns. */
static void put_short_column(struct buf *b, const struct catalog_column *c, bool first)
{
	buf_add_cstr(b, first ? "  " : ", ");
	put_line(b, c->ident, COMMENT);
	buf_add_char(b, ' ');
	put_line(b, c->type, COMMENT);
	if (c->primary)
		buf_add_cstr(b, " primary key");
	if (c->references) {
		buf_add_cstr(b, " -> ");
		put_line(b, c->references, COMMENT);
	}
	if (c->mask)
		buf_add_cstr(b, " (masked for this person)");
}

static void put_short(struct buf *b, const struct catalog *c)
{
	buf_add_cstr(b, "Comments and values of columns are left out here: describe_table has them, for several tables at"
	                " once.\n\n");
	for (size_t i = 0; i < c->ntables; i++) {
		const struct catalog_table *t = &c->tables[i];

		put_head(b, t, LIST_COMMENT);
		for (size_t k = 0; k < t->ncolumns; k++)
			put_short_column(b, &t->columns[k], k == 0);
		buf_add_cstr(b, t->ncolumns ? "\n" : "");
	}
}

static void put_all(struct buf *b, const struct catalog *c)
{
	for (size_t i = 0; i < c->ntables; i++) {
		buf_add_char(b, '\n');
		put_table(b, &c->tables[i], false);
	}
}

static void put_list(struct buf *b, const struct catalog *c, size_t budget)
{
	size_t i;

	buf_add_cstr(b, "Only the tables are listed here. Before you write SQL, call search_schema with words of the question,"
	                " or describe_table for the tables that you need: they give the columns.\n\n");
	for (i = 0; i < c->ntables && b->n < budget; i++) {
		buf_add_cstr(b, "- ");
		put_head(b, &c->tables[i], LIST_COMMENT);
	}
	if (i < c->ntables)
		buf_printf(b, "- and %zu more; search_schema finds them\n", c->ntables - i);
}

/* Whether it fitted. */
static bool put_within(struct buf *out, const struct catalog *c, size_t budget,
                       void (*put)(struct buf *b, const struct catalog *c))
{
	struct buf b = buf_init(out->a, budget);

	put(&b, c);
	if (!b.full)
		buf_add_str(out, buf_str(&b));
	return !b.full;
}

void catalog_prompt(const struct catalog *c, size_t budget, struct buf *out)
{
	buf_add_cstr(out, "Schema ");
	put_line(out, c->schema, COMMENT);
	buf_printf(out, " has %zu table%s with %zu columns.\n", c->ntables, c->ntables == 1 ? "" : "s",
	           c->ncolumns);
	if (c->nhidden)
		buf_printf(out, "%zu more table%s that this person may not see.\n", c->nhidden,
		           c->nhidden == 1 ? " exists" : "s exist");
	if (!put_within(out, c, budget, put_all) && !put_within(out, c, budget, put_short))
		put_list(out, c, out->n + budget);
}
