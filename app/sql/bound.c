/*
 * Limits on literals: what would make the server build huge values or series from a few characters of SQL.
 * What is not a constant is left to the server's own limits, or capped in place where that is possible.
 */
#include <math.h>

#include "sql/sql_priv.h"

enum {
	MAX_GROW = 10000,       /* one call */
	MAX_CHAIN = 1000000,    /* calls inside one another */
	MAX_GROWTH = 100000000, /* calls on levels of a query that may read each other */
	SHORT_PAD = 100,
	MAX_REPLACEMENT = 1000,
	MAX_EXPONENT = 1000,
	MAX_PATTERN = 1000,
	MAX_REPEAT = 1000,
	MAX_WIDTH = 999
};

static bool text_number(const char *text, double *out)
{
	char *end;
	*out = strtod(text, &end);
	return end != text && !*end;
}

static bool constant_number(const PgQuery__AConst *c, double *out)
{
	switch (c->val_case) {
	case PG_QUERY__A__CONST__VAL_IVAL: *out = c->ival->ival; return true;
	case PG_QUERY__A__CONST__VAL_FVAL: return text_number(c->fval->fval, out);
	case PG_QUERY__A__CONST__VAL_SVAL: return text_number(c->sval->sval, out);
	default: return false;
	}
}

static bool apply(char op, double l, double r, double *out)
{
	switch (op) {
	case '+': *out = l + r; return true;
	case '-': *out = l - r; return true;
	case '*': *out = l * r; return true;
	case '/': *out = l / r; return r != 0;
	case '^': *out = pow(l, r); return true;
	default: return false;
	}
}

bool bound_number(const PgQuery__Node *node, double *out)
{
	double l = 0, r;
	if (!node)
		return false;
	if (node->node_case == PG_QUERY__NODE__NODE_A_CONST)
		return constant_number(node->a_const, out);
	if (node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		return bound_number(node->type_cast->arg, out);
	if (node->node_case != PG_QUERY__NODE__NODE_A_EXPR)
		return false;
	const PgQuery__AExpr *x = node->a_expr;
	const char *op = x->n_name == 1 ? tree_str(x->name[0]) : NULL;
	if (x->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP || !op || strlen(op) != 1)
		return false;
	return (!x->lexpr || bound_number(x->lexpr, &l)) && bound_number(x->rexpr, &r) &&
	       apply(*op, l, r, out);
}

static const char *literal_text(const PgQuery__Node *node)
{
	while (node && node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		node = node->type_cast->arg;
	if (!node || node->node_case != PG_QUERY__NODE__NODE_A_CONST)
		return NULL;
	return node->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL ? node->a_const->sval->sval : NULL;
}

const char *bound_text(struct guard *g, const PgQuery__Node *node)
{
	while (node && node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		node = node->type_cast->arg;
	const PgQuery__AExpr *x =
	        node && node->node_case == PG_QUERY__NODE__NODE_A_EXPR ? node->a_expr : NULL;
	const char *op = x && x->n_name == 1 ? tree_str(x->name[0]) : NULL;
	if (!op || strcmp(op, "||") != 0)
		return literal_text(node);
	const char *l = bound_text(g, x->lexpr);
	const char *r = l ? bound_text(g, x->rexpr) : NULL;
	return r ? arena_printf(g->a, "%s%s", l, r) : NULL;
}

struct err *bound_refused(struct guard *g, int location, const char *what, int most)
{
	return err_hint(refuse(g, "too_large", location, "%s is above %d", what, most),
	                "Use a smaller value.");
}

/* Notes that a call makes text of n times the length. Values of one level can be read by the next one, so the
 * levels' factors multiply; calls side by side do not. */
static struct err *grows(struct guard *g, int location, double n)
{
	if (n > g->scope->growth) {
		g->growth *= n / g->scope->growth;
		g->scope->growth = n;
	}
	if (g->chain * n <= MAX_CHAIN && g->growth <= MAX_GROWTH)
		return NULL;
	return err_hint(refuse(g, "too_complex", location, "repeat and pad inside one another"),
	                "Use one of them at a time, with small numbers.");
}

/* The length asked for; one that is not a literal is capped in place. */
static struct err *length_asked(struct guard *g, PgQuery__FuncCall *call, double *n)
{
	*n = 1;
	if (call->n_args < 2)
		return NULL;
	if (!bound_number(call->args[1], n)) {
		call->args[1] = tree_least(g->a, call->args[1], MAX_GROW);
		*n = MAX_GROW;
	} else if (!(*n <= MAX_GROW)) {
		return bound_refused(g, call->location, "length", MAX_GROW);
	}
	*n = fmax(*n, 1);
	return NULL;
}

static struct err *bound_repeat(struct guard *g, PgQuery__FuncCall *call)
{
	double n;
	TRY(length_asked(g, call, &n));
	TRY(grows(g, call->location, n));
	g->chain *= n;
	return NULL;
}

/* lpad and rpad give a length, whatever is in them. */
static struct err *bound_pad(struct guard *g, PgQuery__FuncCall *call)
{
	double n;
	TRY(length_asked(g, call, &n));
	return grows(g, call->location, n > SHORT_PAD || g->chain > 1 ? n : 1);
}

static struct err *bound_replace(struct guard *g, PgQuery__FuncCall *call)
{
	const char *from = call->n_args > 1 ? bound_text(g, call->args[1]) : NULL;
	const char *to = call->n_args > 2 ? bound_text(g, call->args[2]) : NULL;
	if (!to)
		return NULL;
	if (strlen(to) > MAX_REPLACEMENT)
		return bound_refused(g, call->location, "length of a replacement", MAX_REPLACEMENT);
	double n = (double)strlen(to) / (from && *from ? (double)strlen(from) : 1);
	if (n > 10) {
		TRY(grows(g, call->location, n));
		g->chain *= n;
	}
	return NULL;
}

static struct err *bound_format(struct guard *g, const PgQuery__FuncCall *call)
{
	const char *f = call->n_args ? bound_text(g, call->args[0]) : NULL;
	if (!f)
		return err_hint(refuse(g, "too_large", call->location, "format of format() is not a literal"),
		                "Use concat or || for text from columns.");
	while ((f = strchr(f, '%'))) {
		size_t n = strcspn(++f, "sIL%");
		for (size_t i = 0, digits = 0; i < n; i++) {
			digits = f[i] >= '0' && f[i] <= '9' ? digits + 1 : 0;
			if (digits > 3 || f[i] == '*')
				return bound_refused(g, call->location, "width in format()", MAX_WIDTH);
		}
		f += n + (f[n] != 0);
	}
	return NULL;
}

/* Repeat counts multiply when they nest, so their product is bounded. */
static struct err *text_pattern_ok(struct guard *g, const char *p, int location)
{
	double product = 1;
	if (strlen(p) > MAX_PATTERN)
		return bound_refused(g, location, "length of a pattern", MAX_PATTERN);
	for (; (p = strchr(p, '{')); p++) {
		long low = strtol(p + 1, NULL, 10);
		const char *comma = p + 1 + strspn(p + 1, "0123456789");
		long high = *comma == ',' ? strtol(comma + 1, NULL, 10) : low;
		product *= fmax(1, (double)(high > low ? high : low));
		if (product > MAX_REPEAT)
			return bound_refused(g, location, "product of repeat counts of a pattern",
			                     MAX_REPEAT);
	}
	return NULL;
}

/* A pattern, or an array of them (~ ANY); SIMILAR TO has it in a call. */
static struct err *pattern_ok(struct guard *g, const PgQuery__Node *node, int location)
{
	const char *p = bound_text(g, node);
	if (p)
		return text_pattern_ok(g, p, location);
	while (node && node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		node = node->type_cast->arg;
	if (node && node->node_case == PG_QUERY__NODE__NODE_FUNC_CALL && node->func_call->n_args)
		return bound_text(g, node->func_call->args[0])
		               ? pattern_ok(g, node->func_call->args[0], location)
		               : NULL;
	for (size_t i = 0; node && node->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR &&
	                   i < node->a_array_expr->n_elements;
	     i++)
		TRY(pattern_ok(g, node->a_array_expr->elements[i], location));
	return NULL;
}

/* The second argument of to_char and its like. */
static struct err *bound_template(struct guard *g, const PgQuery__FuncCall *call)
{
	const char *p = call->n_args > 1 ? bound_text(g, call->args[1]) : NULL;
	if (p && strlen(p) > MAX_PATTERN)
		return bound_refused(g, call->location, "length of a pattern", MAX_PATTERN);
	return NULL;
}

static struct err *bound_regex(struct guard *g, const PgQuery__FuncCall *call)
{
	return call->n_args > 1 ? pattern_ok(g, call->args[1], call->location) : NULL;
}

/* The text search configuration is looked up by name: only those of PostgreSQL, so no schema in it. */
static struct err *bound_config(struct guard *g, const PgQuery__FuncCall *call)
{
	const char *name = call->n_args > 1 ? bound_text(g, call->args[0]) : NULL;
	if (call->n_args < 2 || (name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")]))
		return NULL;
	return err_hint(refuse(g, "function_not_allowed", call->location,
	                       "a text search configuration must be a plain name"),
	                "Write it as a literal: 'english', 'simple'.");
}

static struct err *bound_power(struct guard *g, const PgQuery__Node *exponent, int location)
{
	double n;
	if (bound_number(exponent, &n) && !(fabs(n) <= MAX_EXPONENT))
		return bound_refused(g, location, "exponent", MAX_EXPONENT);
	return NULL;
}

struct err *bound_call(struct guard *g, enum bound bound, PgQuery__FuncCall *call)
{
	for (size_t i = 0; i < call->n_args; i++)
		if (call->args[i]->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR || call->func_variadic)
			return refuse(g, "function_not_allowed", call->location,
			              "named and variadic arguments are not allowed here");
	switch (bound) {
	case BOUND_REPEAT: return bound_repeat(g, call);
	case BOUND_PAD: return bound_pad(g, call);
	case BOUND_REPLACE: return bound_replace(g, call);
	case BOUND_CONFIG: return bound_config(g, call);
	case BOUND_TEMPLATE: return bound_template(g, call);
	case BOUND_SERIES: return series_bound(g, call);
	case BOUND_FORMAT: return bound_format(g, call);
	case BOUND_REGEX: return bound_regex(g, call);
	case BOUND_REGEX_REPLACE: TRY(bound_regex(g, call)); return bound_replace(g, call);
	case BOUND_POWER:
		return call->n_args ? bound_power(g, call->args[call->n_args - 1], call->location) : NULL;
	default: return NULL;
	}
}

struct err *bound_operator(struct guard *g, const char *name, PgQuery__AExpr *x)
{
	if (!strcmp(name, "^"))
		return bound_power(g, x->rexpr, x->location);
	if (!strcmp(name, "~") || !strcmp(name, "!~") || !strcmp(name, "~*") || !strcmp(name, "!~*"))
		return pattern_ok(g, x->rexpr, x->location);
	return NULL;
}

/* '1e131000'::numeric has 131,000 digits. */
struct err *bound_cast(struct guard *g, const PgQuery__TypeCast *c)
{
	/* Not put together: casts nest, and each would do so again. */
	const char *text = literal_text(c->arg);
	const PgQuery__TypeName *t = c->type_name;
	const char *type = t && t->n_names ? tree_str(t->names[t->n_names - 1]) : NULL;
	double n;
	if (!text || !type || strcmp(type, "numeric") != 0 || strpbrk(text, "iInN"))
		return NULL;
	if (text_number(text, &n) && isinf(n))
		return bound_refused(g, c->location, "exponent of a number", 308);
	return NULL;
}

struct err *bound_constant(struct guard *g, PgQuery__AConst *c)
{
	if (c->val_case == PG_QUERY__A__CONST__VAL_FVAL && isinf(strtod(c->fval->fval, NULL)))
		return bound_refused(g, c->location, "exponent of a number", 308);
	return NULL;
}
