/*
 * generate_series: at most a million steps, as far as its arguments tell. An end that is not a literal is capped
 * in place where the rest is; what remains is left to the server's limits.
 */
#include <math.h>

#include "sql/sql_priv.h"

enum { MAX_STEPS = 1000000 };

/* Days from the civil calendar, close enough to bound a series. */
static bool text_days(const char *text, double *out)
{
	int y, m = 1, d = 1;
	if (sscanf(text, "%4d-%2d-%2d", &y, &m, &d) < 2)
		return false;
	*out = y * 365.25 + m * 30.5 + d;
	return true;
}

/* The days of the unit in interval '1' HOUR, which the grammar writes as a mask; 0 for other forms. */
static double unit_days(const PgQuery__Node *node)
{
	static const struct {
		double mask;
		double days;
	} units[] = {{1 << 2, 365},       {1 << 1, 30},          {1 << 3, 1},
	             {1 << 10, 1 / 24.0}, {1 << 11, 1 / 1440.0}, {1 << 12, 1 / 86400.0}};
	const PgQuery__TypeName *t =
	        node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST ? node->type_cast->type_name : NULL;
	double mask;
	if (!t || t->n_typmods != 1 || !bound_number(t->typmods[0], &mask))
		return 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (units[i].mask == mask)
			return units[i].days;
	return 0;
}

/* "1 day", "15 minutes", "2 hours": in days. Other forms are not read. */
static bool interval_days(struct guard *g, const PgQuery__Node *node, double *out)
{
	static const struct {
		const char *unit;
		double days;
	} units[] = {
	        {"sec", 1 / 86400.0}, {"min", 1 / 1440.0}, {"hour", 1 / 24.0}, {"day", 1},
	        {"week", 7},          {"mon", 30},         {"quarter", 90},    {"year", 365},
	        {"decade", 3650},     {"cent", 36500},
	};
	const char *text = bound_text(g, node);
	char *end;
	double n = text ? strtod(text, &end) : 0;
	if (!text || end == text)
		return false;
	while (*end == ' ')
		end++;
	*out = n * unit_days(node);
	if (!*end)
		return *out != 0;
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
	return bound_refused(g, call->location, "number of steps of generate_series", MAX_STEPS);
}

static struct err *bound_times(struct guard *g, PgQuery__FuncCall *call)
{
	const char *from = bound_text(g, call->args[0]), *to = bound_text(g, call->args[1]);
	double start, end, step;
	if (call->n_args < 3 || !bound_text(g, call->args[2]))
		return NULL;
	if (!interval_days(g, call->args[2], &step))
		return err_hint(
		        refuse(g, "too_large", call->location, "step of generate_series is not understood"),
		        "Write the step as a number and one unit from second to year, like '1 day'.");
	if (step == 0 || (fabs(step) < 1 / 86401.0))
		return bound_refused(g, call->location, "number of steps of generate_series", MAX_STEPS);
	if (from && to && text_days(from, &start) && text_days(to, &end))
		return steps_ok(g, call, start, end, step);
	return NULL;
}

struct err *series_bound(struct guard *g, PgQuery__FuncCall *call)
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
