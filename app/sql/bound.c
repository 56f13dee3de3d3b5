/*
 * Limits on literals: what would make the server build huge values or series from a few characters of SQL.
 * What is not a constant is left to the server's own limits, or capped in place where that is possible.
 */
#include <math.h>

#include "sql/sql_priv.h"

enum {
	MAX_GROW = 10000,
	MAX_STEPS = 1000000,
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

static const char *constant_text(const PgQuery__Node *node)
{
	while (node && node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		node = node->type_cast->arg;
	if (!node || node->node_case != PG_QUERY__NODE__NODE_A_CONST)
		return NULL;
	return node->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL ? node->a_const->sval->sval : NULL;
}

static struct err *too_large(struct guard *g, int location, const char *what, int most)
{
	return err_hint(refuse(g, "too_large", location, "%s is above %d", what, most),
	                "Use a smaller value.");
}

/* repeat, lpad, rpad: a length that is not a literal is capped in place. */
static struct err *bound_grow(struct guard *g, PgQuery__FuncCall *call)
{
	double n;
	if (g->growing)
		return err_hint(refuse(g, "too_complex", call->location, "repeat and pad inside one another"),
		                "Use one of them at a time.");
	if (call->n_args < 2)
		return NULL;
	if (!bound_number(call->args[1], &n))
		call->args[1] = tree_least(g->a, call->args[1], MAX_GROW);
	else if (!(n <= MAX_GROW))
		return too_large(g, call->location, "length", MAX_GROW);
	return NULL;
}

/* Days from the civil calendar, close enough to bound a series. */
static bool text_days(const char *text, double *out)
{
	int y, m = 1, d = 1;
	if (sscanf(text, "%4d-%2d-%2d", &y, &m, &d) < 2)
		return false;
	*out = y * 365.25 + m * 30.5 + d;
	return true;
}

/* "1 day", "15 minutes", "2 hours": in days. Other forms are not read. */
static bool interval_days(const PgQuery__Node *node, double *out)
{
	static const struct {
		const char *unit;
		double days;
	} units[] = {
	        {"sec", 1 / 86400.0}, {"min", 1 / 1440.0}, {"hour", 1 / 24.0}, {"day", 1},
	        {"week", 7},          {"mon", 30},         {"quarter", 90},    {"year", 365},
	        {"decade", 3650},     {"cent", 36500},
	};
	const char *text = constant_text(node);
	char *end;
	double n = text ? strtod(text, &end) : 0;
	if (!text || end == text)
		return false;
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strncasecmp(end, units[i].unit, strlen(units[i].unit))) {
			*out = n * units[i].days;
			return !strpbrk(end, "0123456789");
		}
	return false;
}

static struct err *steps_ok(struct guard *g, const PgQuery__FuncCall *call, double from, double to,
                            double step)
{
	if (step != 0 && (to - from) / step <= MAX_STEPS)
		return NULL;
	return too_large(g, call->location, "number of steps of generate_series", MAX_STEPS);
}

static struct err *bound_times(struct guard *g, PgQuery__FuncCall *call)
{
	const char *from = constant_text(call->args[0]), *to = constant_text(call->args[1]);
	double start, end, step;
	if (call->n_args < 3 || !constant_text(call->args[2]))
		return NULL;
	if (!interval_days(call->args[2], &step))
		return err_hint(
		        refuse(g, "too_large", call->location, "step of generate_series is not understood"),
		        "Write the step as a number and one unit from second to year, like '1 day'.");
	if (step == 0 || (fabs(step) < 1 / 86401.0))
		return too_large(g, call->location, "number of steps of generate_series", MAX_STEPS);
	if (from && to && text_days(from, &start) && text_days(to, &end))
		return steps_ok(g, call, start, end, step);
	return NULL;
}

static struct err *bound_series(struct guard *g, PgQuery__FuncCall *call)
{
	double from, to, step = 1;
	if (call->n_args < 2)
		return NULL;
	bool constant_step = call->n_args < 3 || bound_number(call->args[2], &step);
	if (!constant_step || !bound_number(call->args[0], &from))
		return bound_times(g, call);
	if (bound_number(call->args[1], &to))
		return steps_ok(g, call, from, to, step);
	if (step > 0 && fabs(from) < 1e9 && step < 1e6)
		call->args[1] = tree_least(g->a, call->args[1], (int64_t)(from + step * MAX_STEPS));
	return NULL;
}

static struct err *bound_format(struct guard *g, const PgQuery__FuncCall *call)
{
	const char *f = call->n_args ? constant_text(call->args[0]) : NULL;
	if (!f)
		return err_hint(refuse(g, "too_large", call->location, "format of format() is not a literal"),
		                "Use concat or || for text from columns.");
	while ((f = strchr(f, '%'))) {
		size_t n = strcspn(++f, "sIL%");
		for (size_t i = 0, digits = 0; i < n; i++) {
			digits = f[i] >= '0' && f[i] <= '9' ? digits + 1 : 0;
			if (digits > 3 || f[i] == '*')
				return too_large(g, call->location, "width in format()", MAX_WIDTH);
		}
		f += n + (f[n] != 0);
	}
	return NULL;
}

/* Repeat counts multiply when they nest, so their product is bounded. */
static struct err *pattern_ok(struct guard *g, const PgQuery__Node *node, int location)
{
	const char *p = constant_text(node);
	double product = 1;
	if (!p)
		return NULL;
	if (strlen(p) > MAX_PATTERN)
		return too_large(g, location, "length of a pattern", MAX_PATTERN);
	for (; (p = strchr(p, '{')); p++) {
		long low = strtol(p + 1, NULL, 10);
		const char *comma = p + 1 + strspn(p + 1, "0123456789");
		long high = *comma == ',' ? strtol(comma + 1, NULL, 10) : low;
		product *= fmax(1, (double)(high > low ? high : low));
		if (product > MAX_REPEAT)
			return too_large(g, location, "product of repeat counts of a pattern", MAX_REPEAT);
	}
	return NULL;
}

static struct err *bound_power(struct guard *g, const PgQuery__Node *exponent, int location)
{
	double n;
	if (bound_number(exponent, &n) && !(fabs(n) <= MAX_EXPONENT))
		return too_large(g, location, "exponent", MAX_EXPONENT);
	return NULL;
}

struct err *bound_call(struct guard *g, enum bound bound, PgQuery__FuncCall *call)
{
	for (size_t i = 0; i < call->n_args; i++)
		if (call->args[i]->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR || call->func_variadic)
			return refuse(g, "function_not_allowed", call->location,
			              "named and variadic arguments are not allowed here");
	switch (bound) {
	case BOUND_GROW: return bound_grow(g, call);
	case BOUND_SERIES: return bound_series(g, call);
	case BOUND_FORMAT: return bound_format(g, call);
	case BOUND_REGEX: return call->n_args > 1 ? pattern_ok(g, call->args[1], call->location) : NULL;
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

struct err *bound_constant(struct guard *g, PgQuery__AConst *c)
{
	if (c->val_case == PG_QUERY__A__CONST__VAL_FVAL && isinf(strtod(c->fval->fval, NULL)))
		return too_large(g, c->location, "exponent of a number", 308);
	return NULL;
}
