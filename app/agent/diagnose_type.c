/*
 * Operators and functions on the wrong types, and values of the wrong form: which column has which type, and the cast
 * or the function that fits. PostgreSQL tells types, not columns; the columns are those beside the operator or inside
 * the call.
 */
#include <ctype.h>
#include <string.h>

#include "agent/diagnose_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum { LOOK = 40 };

enum shape { OTHER, TEXT, NUMBER, WHOLE, DATE, BOOL };

static enum shape shape_of(const char *type)
{
	static const struct {
		const char *start;
		enum shape shape;
	} shapes[] = {{"text", TEXT},     {"character", TEXT}, {"varchar", TEXT},   {"citext", TEXT},
	              {"integer", WHOLE}, {"bigint", WHOLE},   {"smallint", WHOLE}, {"numeric", NUMBER},
	              {"double", NUMBER}, {"real", NUMBER},    {"date", DATE},      {"timestamp", DATE},
	              {"boolean", BOOL}};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++)
		if (!strncmp(type, shapes[i].start, strlen(shapes[i].start)))
			return shapes[i].shape;
	return OTHER;
}

/* A column at a token, with its place. */
struct operand {
	struct agent_fit fit;
	const struct agent_rel *rel;
	struct agent_name name;
	const char *text; /* as it may be written */
};

static bool operand_at(const struct agent_look *l, size_t token, struct operand *o)
{
	if (!agent_name_at(l, token, &o->name) || !agent_resolve(l, &o->name, &o->fit, &o->rel))
		return false;
	o->text = arena_printf(l->a, "%s.%s", o->rel->alias, o->fit.column->ident);
	return true;
}

/* The nearest column before and behind an operator, on its level and not past a comma or a keyword of the clause. */
static bool operand_near(const struct agent_look *l, size_t op, int step, struct operand *o)
{
	size_t i = op;

	for (int n = 0; n < LOOK; n++) {
		i += (size_t)step;
		if (i >= l->t->n || agent_is_sign(l->t, i, ',') || agent_is_word(l->t, i, "where") ||
		    agent_is_word(l->t, i, "and") || agent_is_word(l->t, i, "or") ||
		    agent_is_word(l->t, i, "on") || agent_is_word(l->t, i, "select") ||
		    agent_is_word(l->t, i, "from"))
			return false;
		if (operand_at(l, i, o))
			return true;
	}
	return false;
}

/* "integer = text": the two types and the operator of a message. False when it is not of that form. */
struct operation {
	struct str left;
	struct str op;
	struct str right;
};

static bool read_operation(const char *message, struct operation *o)
{
	static const char start[] = "operator does not exist: ";
	const char *p = message + sizeof(start) - 1;
	size_t i = 0, n;

	if (strncmp(message, start, sizeof(start) - 1) != 0)
		return false;
	n = strlen(p);
	while (i < n && !(p[i] == ' ' && i + 1 < n && strchr("+-*/<>=~!@#%^&|?", p[i + 1])))
		i++;
	o->left = (struct str){p, i};
	p += i + (i < n);
	o->op = (struct str){p, strcspn(p, " ")};
	p += o->op.n;
	o->right = str_trim(str_of(p));
	return o->op.n > 0;
}

static bool is_operator(const struct agent_look *l, size_t i, struct str op)
{
	if (str_starts(op, STR("~~")) || str_starts(op, STR("!~~")))
		return agent_is_word(l->t, i, "like") || agent_is_word(l->t, i, "ilike");
	for (size_t k = 0; k < op.n; k++)
		if (!agent_is_sign(l->t, i + k, op.p[k]))
			return false;
	return i == 0 || !agent_is_sign(l->t, i + op.n, '=');
}

static bool has_type(const struct operand *o, struct str type)
{
	return shape_of(o->fit.column->type) == shape_of(type.p) || str_is(type, o->fit.column->type);
}

static bool is_unknown(struct str type)
{
	return str_is(type, "unknown");
}

/* A place of the operator where the columns beside it have the types of the message. */
static bool find_operation(const struct agent_look *l, const struct operation *x, struct operand *left,
                           struct operand *right, bool *has_left, bool *has_right)
{
	for (size_t i = 0; i < l->t->n; i++) {
		if (!is_operator(l, i, x->op))
			continue;
		*has_left = operand_near(l, i, -1, left) && has_type(left, x->left);
		*has_right = operand_near(l, i + x->op.n - 1, 1, right) && has_type(right, x->right);
		if ((*has_left && (*has_right || is_unknown(x->right) || shape_of(x->right.p) == WHOLE)) ||
		    (*has_right && !*has_left))
			return true;
		if (*has_left)
			return true;
	}
	return false;
}

static void note_type(struct agent_look *l, const struct operand *o)
{
	const struct catalog_column *c = o->fit.column;

	buf_printf(l->lines, "%s is %s", o->text, c->type);
	if (c->nsamples && shape_of(c->type) == TEXT)
		buf_printf(l->lines, " (for example '%.*s')",
		           STR_ARG(str_utf8_cut(str_of(c->samples[0]), 40)));
	agent_suggest(l, o->fit);
	l->d->lesson = arena_printf(l->a, "%s.%s is %s", o->fit.table->ident, c->ident, c->type);
}

/* Keys of different types are most often the wrong keys. */
static bool put_right_keys(struct agent_look *l, const struct operand *left, const struct operand *right)
{
	struct agent_link path[AGENT_PATH];

	if (agent_way(agent_ways(l->a, l->c, &left->fit.table, 1), right->fit.table, path) != 1)
		return false;
	buf_printf(l->lines, "%s and %s join on %s.%s = %s.%s.\n", left->fit.table->ident,
	           right->fit.table->ident, left->rel->alias, path[0].left_column->ident, right->rel->alias,
	           path[0].right_column->ident);
	agent_suggest(l, (struct agent_fit){path[0].left, path[0].left_column, 100});
	agent_suggest(l, (struct agent_fit){path[0].right, path[0].right_column, 100});
	return true;
}

static void put_both(struct agent_look *l, const struct operation *x, const struct operand *left,
                     const struct operand *right)
{
	note_type(l, left);
	buf_add_cstr(l->lines, ", ");
	note_type(l, right);
	buf_add_cstr(l->lines, ". ");
	if (left->fit.table != right->fit.table && put_right_keys(l, left, right))
		return;
	if (strchr("+-*/%", *x->op.p) && shape_of(left->fit.column->type) == TEXT) {
		buf_printf(
		        l->lines,
		        "To calculate with text cast it: NULLIF(%s, '')::numeric, or %s::date for dates.\n",
		        left->text, left->text);
		return;
	}
	if (shape_of(left->fit.column->type) == TEXT)
		buf_printf(l->lines, "Cast one side, for example %s = %s::text.\n", left->text, right->text);
	else
		buf_printf(l->lines, "Cast one side, for example %s::text = %s.\n", left->text, right->text);
}

static void put_date_like(struct agent_look *l, const struct operand *o)
{
	note_type(l, o);
	buf_printf(
	        l->lines,
	        ": LIKE is for text. Compare dates, as in %s >= DATE '2012-08-01' AND %s < DATE '2012-09-01', or"
	        " extract(year FROM %s) = 2012, or to_char(%s, 'YYYY-MM') = '2012-08'.\n",
	        o->text, o->text, o->text, o->text);
}

static void put_one(struct agent_look *l, const struct operand *o, const struct operation *x)
{
	enum shape shape = shape_of(o->fit.column->type);

	if (shape == DATE && strchr(x->op.p, '~') && x->op.p[0] == '~') {
		put_date_like(l, o);
		return;
	}
	note_type(l, o);
	if (shape == TEXT)
		buf_printf(
		        l->lines,
		        ". To calculate with it cast it: NULLIF(%s, '')::numeric, or %s::date for dates; compare it"
		        " with text in single quotes.\n",
		        o->text, o->text);
	else if (shape == BOOL)
		buf_printf(l->lines, ": write %s or NOT %s.\n", o->text, o->text);
	else if (strchr(x->op.p, '~'))
		buf_printf(l->lines, ": LIKE is for text; compare numbers, or cast it: %s::text.\n", o->text);
	else
		buf_printf(l->lines,
		           ": compare it with a value of that type, or cast the other side to %s.\n",
		           o->fit.column->type);
}

static bool wrong_operator(struct agent_look *l)
{
	struct operand left, right;
	bool has_left = false, has_right = false;
	struct operation x;

	if (!read_operation(l->e->message, &x))
		return false;
	l->d->people = arena_printf(l->a, "values of type %.*s and %.*s cannot be put together by \"%.*s\"",
	                            STR_ARG(x.left), STR_ARG(x.right), STR_ARG(x.op));
	if (str_is(x.left, "interval") && str_is(x.right, "interval")) {
		buf_add_cstr(
		        l->lines,
		        "Spans of time cannot be divided by each other: take extract(epoch FROM ...) of both.\n");
		return true;
	}
	if (!find_operation(l, &x, &left, &right, &has_left, &has_right)) {
		buf_printf(
		        l->lines,
		        "Cast one side so that both have the same type, for example (...)::numeric or ::text.\n");
		return true;
	}
	if (has_left && has_right && left.fit.column != right.fit.column)
		put_both(l, &x, &left, &right);
	else
		put_one(l, has_left ? &left : &right, &x);
	return true;
}

/* Functions --------------------------------------------------------------------------------------------- */

/* "avg(text)": what was called with which types. */
static bool read_call(const char *message, struct str *name, struct str *types)
{
	static const char start[] = "function ";
	struct str rest = str_of(message + sizeof(start) - 1);

	if (strncmp(message, start, sizeof(start) - 1) != 0 || !strchr(message, '('))
		return false;
	*name = str_chop(&rest, '(');
	if (str_starts(*name, STR("pg_catalog.")))
		*name = (struct str){name->p + 11, name->n - 11};
	*types = str_chop(&rest, ')');
	return rest.p != NULL;
}

/* The first column inside a call of that name that has one of the types. */
static bool find_argument(const struct agent_look *l, struct str name, struct str types, struct operand *o)
{
	for (size_t i = 0; i + 1 < l->t->n; i++) {
		size_t depth = 0;

		if (!str_eq_nocase(l->t->tokens[i].text, name) || !agent_is_sign(l->t, i + 1, '('))
			continue;
		for (size_t k = i + 1; k < l->t->n; k++) {
			depth += agent_is_sign(l->t, k, '(');
			depth -= agent_is_sign(l->t, k, ')');
			if (depth == 0)
				break;
			if (operand_at(l, k, o) && str_find(types, str_of(o->fit.column->type)) >= 0)
				return true;
		}
	}
	return false;
}

static bool is_one_of(struct str name, const char *const *names)
{
	for (; *names; names++)
		if (str_is(name, *names))
			return true;
	return false;
}

static void put_as_date(struct agent_look *l, const struct operand *o)
{
	bool digits = o->fit.column->nsamples && strspn(o->fit.column->samples[0], "0123456789") >= 6 &&
	              strlen(o->fit.column->samples[0]) <= 8;

	if (digits)
		buf_printf(
		        l->lines,
		        ". It is written like '%s': take to_date(%s, 'YYYYMM'), or left(%s, 4) for the year.\n",
		        o->fit.column->samples[0], o->text, o->text);
	else
		buf_printf(
		        l->lines,
		        ", no date. Cast it: %s::date or %s::timestamp; where it is not of that form, take its parts"
		        " with left() or substr().\n",
		        o->text, o->text);
}

static void put_argument(struct agent_look *l, struct str name, const struct operand *o)
{
	static const char *const dates[] = {"extract", "date_part", "date_trunc", "to_char", "age", NULL};
	static const char *const sums[] = {"sum", "avg", "round", "stddev", "abs", "ceil", "floor", NULL};

	note_type(l, o);
	if (is_one_of(name, dates))
		put_as_date(l, o);
	else if (is_one_of(name, sums))
		buf_printf(
		        l->lines,
		        ". %.*s is for numbers: cast it, %.*s(NULLIF(%s, '')::numeric), or use a column that holds"
		        " numbers.\n",
		        STR_ARG(name), STR_ARG(name), o->text);
	else
		buf_printf(l->lines, ". Cast it to the type that %.*s takes.\n", STR_ARG(name));
}

static bool wrong_call(struct agent_look *l)
{
	struct str name, types;
	struct operand o;

	if (!read_call(l->e->message, &name, &types))
		return false;
	l->d->people =
	        arena_printf(l->a, "the function %.*s does not take values of this type", STR_ARG(name));
	if (str_is(name, "round") && str_starts(types, STR("double"))) {
		buf_add_cstr(l->lines, "round with digits takes numeric: write round((...)::numeric, 2).\n");
		return true;
	}
	if (find_argument(l, name, types, &o)) {
		put_argument(l, name, &o);
		return true;
	}
	buf_printf(l->lines, "%.*s was called with (%.*s): cast the arguments to the types that it takes.\n",
	           STR_ARG(name), STR_ARG(types));
	return true;
}

void agent_wrong_type(struct agent_look *l)
{
	if (!wrong_operator(l) && !wrong_call(l))
		agent_other(l);
}

/* Values ------------------------------------------------------------------------------------------------ */

/* The column on the other side of an operator from a text constant. */
static bool column_of_value(const struct agent_look *l, const char *value, struct operand *o)
{
	for (size_t i = 0; i < l->t->n; i++) {
		if (l->t->tokens[i].kind != AGENT_T_STRING ||
		    strcmp(agent_token_name(l->a, &l->t->tokens[i]), value) != 0)
			continue;
		if (operand_near(l, i, -1, o) || operand_near(l, i, 1, o))
			return true;
	}
	return false;
}

/* A column's name that stood in single quotes. */
static bool put_quoted_name(struct agent_look *l, const char *value)
{
	for (size_t i = 0; i < l->t->nrels; i++) {
		const struct agent_rel *r = &l->t->rels[i];

		for (size_t k = 0; r->table && k < r->table->ncolumns; k++) {
			const struct catalog_column *c = &r->table->columns[k];

			if (!str_eq_nocase(str_of(c->name), str_of(value)))
				continue;
			buf_printf(l->lines, "'%s' is a text. The column is written %s.%s.\n", value,
			           r->alias, c->ident);
			agent_suggest(l, (struct agent_fit){r->table, c, 100});
			return true;
		}
	}
	return false;
}

static void put_enum(struct agent_look *l, const struct catalog_column *c)
{
	buf_add_cstr(l->lines, ". Its values are: ");
	for (size_t i = 0; i < c->nenum_values && i < LOOK; i++)
		buf_printf(l->lines, "%s'%s'", i ? ", " : "", c->enum_values[i]);
	buf_add_cstr(l->lines, ".\n");
}

void agent_wrong_value(struct agent_look *l)
{
	const char *value = strrchr(l->e->message, ':');
	struct operand o;

	value = value ? agent_quoted(l->a, value, 0) : NULL;
	if (!value) {
		agent_other(l);
		return;
	}
	if (put_quoted_name(l, value))
		return;
	if (!column_of_value(l, value, &o)) {
		buf_printf(l->lines,
		           "'%s' is not of the form that is needed there; dates are written '2025-12-31'.\n",
		           value);
		return;
	}
	note_type(l, &o);
	l->d->people = arena_printf(l->a, "\"%s\" is no value of %s", value, o.text);
	if (o.fit.column->nenum_values)
		put_enum(l, o.fit.column);
	else if (shape_of(o.fit.column->type) == DATE)
		buf_printf(
		        l->lines,
		        ". Dates are written '2013-06-01'; for a month write %s >= DATE '2013-06-01' AND %s < DATE"
		        " '2013-07-01'.\n",
		        o.text, o.text);
	else
		buf_printf(l->lines, ": '%s' cannot be read as that.\n", value);
}
