/*
 * What to know of a result before trusting it. Each check is sure of what it says, or silent: people stop
 * reading warnings that are often wrong. One pass over the cells.
 */
#include <stdarg.h>
#include <string.h>

#include "query/caveat_priv.h"

enum { MOST = 12, LISTED = 5, VALUE_BYTES = 60 };

void caveat_add(struct caveats *c, const char *code, const char *fmt, ...)
{
	struct query_result *r = c->r;
	va_list args;

	if (r->ncaveats == MOST)
		return;
	if (!r->caveats)
		r->caveats = ARENA_ARRAY(c->a, struct query_caveat, MOST);
	va_start(args, fmt);
	r->caveats[r->ncaveats++] = (struct query_caveat){code, arena_vprintf(c->a, fmt, args)};
	va_end(args);
}

const struct query_table *caveat_table(const struct caveats *c, const char *name)
{
	for (size_t i = 0; i < c->scope->ntables; i++)
		if (!strcmp(c->scope->tables[i].name, name))
			return &c->scope->tables[i];
	return NULL;
}

/* "a", "a and b", "a, b and c" */
static const char *listing(struct arena *a, const char *const *names, size_t n)
{
	struct buf b = buf_init(a, BUF_PAGE);

	for (size_t i = 0; i < n && i < LISTED; i++)
		buf_printf(&b, "%s%s", !i ? "" : i + 1 == n ? " and " : ", ", names[i]);
	if (n > LISTED)
		buf_printf(&b, " and %zu more", n - LISTED);
	return buf_cstr(&b);
}

/* No rows --------------------------------------------------------------------------------------------------- */

static bool is_masked(const struct caveats *c, const char *table, const char *column)
{
	const struct policy_table *t = policy_table(c->scope->policy, table);

	for (size_t i = 0; t && i < t->nmasks; i++)
		if (!strcmp(t->masks[i].column, column))
			return true;
	return t && t->filter; /* its values may be of rows that are kept back */
}

/* Values that the dictionary knows of a column and this person may know of. */
static struct db_texts known_values(const struct caveats *c, const struct sql_facts *f,
                                    struct sql_column column)
{
	const struct query_table *t = caveat_table(c, f->tables[column.table]);

	for (size_t i = 0; t && t->values && i < t->ncolumns; i++)
		if (!strcmp(t->columns[i], column.name) && !is_masked(c, t->name, column.name))
			return t->values[i];
	return (struct db_texts){NULL, 0};
}

static void put_value(struct buf *b, const char *value)
{
	struct str s = str_utf8_cut(str_of(value), VALUE_BYTES);

	buf_printf(b, "'%.*s%s'", STR_ARG(s), s.n < strlen(value) ? "…" : "");
}

static bool among(struct db_texts values, const char *value)
{
	for (size_t i = 0; i < values.n; i++)
		if (!strcmp(values.p[i], value))
			return true;
	return false;
}

/* " orders.status is written 'shipped', not 'Shipped'." when only the case differs. */
static bool put_spelling(struct buf *b, const struct caveats *c, const struct sql_facts *f,
                         const struct sql_condition *x)
{
	struct db_texts values = known_values(c, f, x->column);

	if (among(values, x->value))
		return false;
	for (size_t i = 0; i < values.n; i++)
		if (str_eq_nocase(str_of(values.p[i]), str_of(x->value))) {
			buf_printf(b, " %s.%s is written ", f->tables[x->column.table], x->column.name);
			put_value(b, values.p[i]);
			buf_add_cstr(b, ", not ");
			put_value(b, x->value);
			buf_add_char(b, '.');
			return true;
		}
	return false;
}

static void put_known(struct buf *b, const struct caveats *c, const struct sql_facts *f,
                      const struct sql_condition *x)
{
	struct db_texts values = known_values(c, f, x->column);

	if (!x->text || !values.n || among(values, x->value))
		return;
	buf_printf(b, " Values of %s.%s are for example", f->tables[x->column.table], x->column.name);
	for (size_t i = 0; i < values.n && i < LISTED; i++) {
		buf_add_cstr(b, i ? ", " : " ");
		put_value(b, values.p[i]);
	}
	buf_add_char(b, '.');
}

/* What is known of the values that the statement asks for; true when one is spelled in another way. */
static bool put_hints(struct buf *b, const struct caveats *c)
{
	bool spelled = false;

	for (const struct sql_facts *f = c->s->facts; f; f = f->next)
		for (size_t i = 0; i < f->nconditions; i++) {
			bool other = put_spelling(b, c, f, &f->conditions[i]);
			spelled |= other;
			if (!other && b->n < 1000)
				put_known(b, c, f, &f->conditions[i]);
		}
	return spelled;
}

static void put_conditions(struct buf *b, const struct caveats *c)
{
	size_t n = 0;

	for (const struct sql_facts *f = c->s->facts; f; f = f->next)
		for (size_t i = 0; i < f->nconditions && n < LISTED; i++, n++) {
			const struct sql_condition *x = &f->conditions[i];
			buf_printf(b, "%s%s.%s = ", n ? ", " : " It asks for ", f->tables[x->column.table],
			           x->column.name);
			put_value(b, x->value);
		}
	if (n)
		buf_add_char(b, '.');
}

/* One row of zeros and nulls: a count of nothing. */
static bool counted_nothing(const struct query_result *r)
{
	bool nothing = r->nrows == 1 && r->cells && r->ncolumns;

	for (size_t i = 0; nothing && i < r->ncolumns; i++)
		nothing = !r->cells[i] || !strcmp(r->cells[i], "0");
	return nothing;
}

static void no_rows(struct caveats *c)
{
	struct buf b = buf_init(c->a, BUF_PAGE);
	bool spelled;

	if (c->r->nrows && !counted_nothing(c->r))
		return;
	buf_add_cstr(&b,
	             c->r->nrows ? "Nothing was found to count." : "No row fits what the query asks for.");
	put_conditions(&b, c);
	spelled = put_hints(&b, c);
	if (c->r->nrows && !spelled)
		return; /* nothing is an answer, too */
	if (c->s->nfiltered && c->scope->policy->tells_hidden)
		buf_printf(&b, " There may be rows that you may not see: a rule of this project limits %s.",
		           listing(c->a, c->s->filtered, c->s->nfiltered));
	caveat_add(c, "no_rows", "%s", buf_cstr(&b));
}

/* What was kept back, what was cut -------------------------------------------------------------------------- */

static void cut(struct caveats *c)
{
	const char *why = c->r->cut;

	if (why)
		caveat_add(c, "cut", "%c%s.", *why >= 'a' && *why <= 'z' ? *why - 'a' + 'A' : *why, why + 1);
}

static void kept_back(struct caveats *c)
{
	const struct sql_statement *s = c->s;

	if (!c->scope->policy->tells_hidden)
		return;
	if (s->nfiltered)
		caveat_add(c, "filtered", "You see only some rows of %s: a rule of this project limits them.",
		           listing(c->a, s->filtered, s->nfiltered));
	if (s->nmasked)
		caveat_add(c, "masked", "%s %s masked for you.", listing(c->a, s->masked, s->nmasked),
		           s->nmasked == 1 ? "is" : "are");
}

void query_caveats(struct arena *a, const struct query_scope *scope, const struct sql_statement *s,
                   struct query_result *r)
{
	struct caveats c = {a, scope, s, r};

	r->caveats = NULL;
	r->ncaveats = 0;
	if (s->facts) {
		caveat_fan_out(&c);
		no_rows(&c);
		caveat_values(&c);
		caveat_duplicates(&c);
	}
	cut(&c);
	kept_back(&c);
}
