/*
 * Functions by list. A name alone or under pg_catalog means PostgreSQL's own: the session that runs the
 * statement has only pg_catalog in its search path.
 */
#include "sql/sql_priv.h"

struct func {
	const char *name;
	enum bound bound;
	const char *columns[3]; /* what it is made of as a row, where the server fixes the names */
};

static const struct func funcs[] = {
#define FUNC(name, bound) {#name, BOUND_##bound, {NULL}},
#define ROWS(name, ...) {#name, BOUND_NONE, {__VA_ARGS__}},
#include "sql/functions.def"
#undef FUNC
#undef ROWS
};

enum { FUNCS = sizeof(funcs) / sizeof(*funcs) };

static const struct func *func_find(const char *name)
{
	for (size_t i = 0; i < FUNCS; i++)
		if (funcs[i].name[0] == name[0] && !strcmp(funcs[i].name, name))
			return &funcs[i];
	return NULL;
}

struct err *func_name(struct guard *g, PgQuery__Node **names, size_t n, const char *what, const char *code,
                      int location, const char **out)
{
	*out = n ? tree_str(names[n - 1]) : NULL;
	const char *schema = n == 2 ? tree_str(names[0]) : NULL;
	if (*out && (n == 1 || (schema && !strcmp(schema, "pg_catalog"))))
		return NULL;
	return err_hint(refuse(g, code, location, "%s with a schema is not allowed", what),
	                "Only PostgreSQL's own are; write the name without a schema.");
}

/* What people and models bring along from other databases. */
static const struct {
	const char *name;
	const char *instead;
} foreign[] = {
        {"year", "extract(year FROM x)"},
        {"month", "extract(month FROM x)"},
        {"day", "extract(day FROM x)"},
        {"quarter", "extract(quarter FROM x)"},
        {"strftime", "to_char(x, 'YYYY-MM') or extract"},
        {"date_format", "to_char(x, 'YYYY-MM')"},
        {"datediff", "a subtraction of dates"},
        {"date_add", "x + interval '1 day'"},
        {"date_sub", "x - interval '1 day'"},
        {"dateadd", "x + interval '1 day'"},
        {"julianday", "a subtraction of dates"},
        {"getdate", "now()"},
        {"group_concat", "string_agg(x, ',')"},
        {"ifnull", "coalesce(x, y)"},
        {"isnull", "x IS NULL or coalesce(x, y)"},
        {"nvl", "coalesce(x, y)"},
        {"iif", "CASE WHEN ... THEN ... END"},
        {"if", "CASE WHEN ... THEN ... END"},
        {"len", "length(x)"},
        {"instr", "strpos(x, y)"},
        {"divide", "x / nullif(y, 0)"},
        {"subtract", "x - y"},
        {"multiply", "x * y"},
        {"median", "percentile_cont(0.5) WITHIN GROUP (ORDER BY x)"},
        {"countif", "count(*) FILTER (WHERE ...)"},
};

static struct err *unknown_function(struct guard *g, const char *name, int location)
{
	const char *known[FUNCS];
	for (size_t i = 0; i < FUNCS; i++)
		known[i] = funcs[i].name;
	struct err *e = refuse(g, "function_not_allowed", location,
	                       "function %s is not on the list of allowed functions", name);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		if (!strcmp(foreign[i].name, name))
			return err_hint(e, "In PostgreSQL write %s.", foreign[i].instead);
	const char *near = nearest(g->a, name, known, FUNCS);
	if (near)
		return err_hint(e, "Did you mean %s?", near);
	return err_hint(e,
	                "Use PostgreSQL's functions for text, numbers, dates, JSON, arrays and aggregates.");
}

struct err *func_call(struct guard *g, PgQuery__FuncCall *call)
{
	const char *name;
	TRY(func_name(g, call->funcname, call->n_funcname, "function", "function_not_allowed", call->location,
	              &name));
	const struct func *f = func_find(name);
	if (!f)
		return unknown_function(g, name, call->location);
	names_add(g->a, &g->functions, f->name);
	vary_call(g, f->name, call->n_args);
	double chain = g->chain;
	if (f->bound)
		TRY(bound_call(g, f->bound, call));
	struct err *e = walk_fields(g, call, FIELD(1));
	g->chain = chain;
	return e;
}

const char *const *func_columns(const PgQuery__FuncCall *call, size_t *n)
{
	const char *name = call->n_funcname ? tree_str(call->funcname[call->n_funcname - 1]) : NULL;
	const struct func *f = name ? func_find(name) : NULL;
	*n = 0;
	while (f && *n < 3 && f->columns[*n])
		++*n;
	return f ? f->columns : NULL;
}
