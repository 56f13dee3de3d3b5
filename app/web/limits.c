/* The limits of a project as a form: each with its unit, what it is for, and what is typical. */
#include <string.h>

#include "lib/arena.h"
#include "lib/settings.h"
#include "web/form_priv.h"

enum group { QUERIES, ANSWERS };
static const char *const groups[] = {[QUERIES] = "Queries", [ANSWERS] = "Answers"};

static const struct limit {
	const char *name;
	const char *code; /* what the project module calls it when it refuses */
	const char *label;
	const char *unit; /* NULL: money, with decimals */
	const char *help;
	size_t offset;
	int64_t scale; /* a unit of the form in those of the project */
	int64_t min, max;
	enum group group;
} limits[] = {
        {"row_cap", "row_cap", "Most rows of a result", "rows", "What is beyond is cut, and said so.",
         offsetof(struct project, row_cap), 1, 1, 100000, QUERIES},
        {"timeout", "timeout_ms", "Longest query", "seconds", "It is ended after this time.",
         offsetof(struct project, timeout_ms), 1000, 1, 600, QUERIES},
        {"max_cost", "max_cost", "Highest cost of a query", "units",
         "A query that PostgreSQL expects to cost more is refused before it starts. 0: no limit.",
         offsetof(struct project, max_cost), 1, 0, 1000000000000000, QUERIES},
        {"queries_a_minute", "queries_a_minute", "Queries a minute of a person", "queries", "0: no limit.",
         offsetof(struct project, queries_a_minute), 1, 0, 100000, QUERIES},
        {"queries_at_once", "queries_at_once", "Queries of a person at once", "queries", "0: no limit.",
         offsetof(struct project, queries_at_once), 1, 0, 1000, QUERIES},
        {"queries_a_day", "queries_a_day", "Queries a day of all people", "queries", "0: no limit.",
         offsetof(struct project, queries_a_day), 1, 0, 100000000, QUERIES},
        {"cache_seconds", "cache_seconds", "Use results again for", "seconds",
         "The same query of somebody with the same rights gets the same rows. 0: always read anew.",
         offsetof(struct project, cache_seconds), 1, 0, 604800, QUERIES},
        {"export_rows", "export_rows", "Most rows of an export", "rows", "For files that people download.",
         offsetof(struct project, export_rows), 1, 1, 1000000, QUERIES},
        {"turn_steps", "turn_steps", "Most steps of an answer", "steps", "A step is one call of the model.",
         offsetof(struct project, turn_steps), 1, 0, 100, ANSWERS},
        {"turn_seconds", "turn_seconds", "Longest answer", "seconds", "It is ended with what it has by then.",
         offsetof(struct project, turn_seconds), 1, 0, 3600, ANSWERS},
        {"turn_tokens", "turn_tokens", "Most tokens of an answer", "tokens",
         "In and out, cached ones too. 0: no limit.", offsetof(struct project, turn_tokens), 1, 0, 100000000, ANSWERS},
        {"turn_cost", "turn_cost", "Highest cost of an answer", NULL,
         "By the prices of the model. 0: no limit.", offsetof(struct project, turn_cost), 1, 0, 1000000, ANSWERS},
};

/* What the instance's settings have where a project has 0. */
static const struct {
	const char *name;
	size_t offset;
} otherwise[] = {
        {"turn_steps", offsetof(struct settings, turn_steps)},
        {"turn_seconds", offsetof(struct settings, turn_seconds)},
};

enum { LIMITS = sizeof(limits) / sizeof(*limits) };

static const struct view limit_view = VIEW(
        struct web_limit, VIEW_STR(struct web_limit, name), VIEW_STR(struct web_limit, label),
        VIEW_STR(struct web_limit, unit), VIEW_STR(struct web_limit, help), VIEW_STR(struct web_limit, value),
        VIEW_I64(struct web_limit, min), VIEW_I64(struct web_limit, max), VIEW_BOOL(struct web_limit, wrong),
        VIEW_BOOL(struct web_limit, amount), VIEW_STR(struct web_limit, heading));
const struct view web_limits_view =
        VIEW(struct web_limits, VIEW_LIST(struct web_limits, fields, nfields, &limit_view),
             VIEW_STR(struct web_limits, costs));

static int64_t *value_of(const struct limit *l, struct project *p)
{
	return (int64_t *)((char *)p + l->offset);
}

void web_limits_sent(const struct http_request *req, struct project *p)
{
	for (size_t i = 0; i < LIMITS; i++) {
		int64_t n = !limits[i].unit ? web_amount(req, limits[i].name) : web_number(req, limits[i].name);

		*value_of(&limits[i], p) = !limits[i].unit      ? n
		                           : n > limits[i].max ? limits[i].max * limits[i].scale + 1
		                                               : n * limits[i].scale;
	}
}

static const char *value_text(struct arena *a, const struct limit *l, struct project *p)
{
	if (!l->unit)
		return web_amount_text(a, *value_of(l, p));
	return arena_printf(a, "%lld", (long long)(*value_of(l, p) / l->scale));
}

static const char *help_text(struct ctx *ctx, const struct limit *l)
{
	for (size_t i = 0; i < sizeof(otherwise) / sizeof(*otherwise); i++)
		if (!strcmp(l->name, otherwise[i].name))
			return arena_printf(
			        ctx->a, "%s 0: as this instance is set, %lld.", l->help,
			        (long long)*(const int64_t *)((const char *)ctx->settings + otherwise[i].offset));
	return l->help;
}

/* "1,234", "120". */
static const char *cost(struct arena *a, double units)
{
	return str_dup(a, str_trim(str_of(web_count(a, (int64_t)(units + 0.5), "", ""))));
}

static const char *typical(struct arena *a, const struct query_costs *c)
{
	if (!c->n)
		return NULL;
	return arena_printf(a, "Of the last %s here half cost less than %s units, and the costliest %s.",
	                    web_count(a, c->n, "query", "queries"), cost(a, c->median), cost(a, c->highest));
}

struct err *web_limits(struct ctx *ctx, const struct project *p, struct web_limits **out)
{
	struct web_limits *f = ARENA_NEW(ctx->a, struct web_limits);
	struct project copy = *p;
	struct query_costs costs;

	TRY(query_costs(ctx, p->id, &costs));
	f->costs = typical(ctx->a, &costs);
	f->nfields = LIMITS;
	f->fields = ARENA_ARRAY(ctx->a, struct web_limit, LIMITS);
	for (size_t i = 0; i < LIMITS; i++)
		f->fields[i] = (struct web_limit){
		        .name = limits[i].name,
		        .label = limits[i].label,
		        .unit = limits[i].unit ? limits[i].unit : p->currency,
		        .help = help_text(ctx, &limits[i]),
		        .value = value_text(ctx->a, &limits[i], &copy),
		        .amount = !limits[i].unit,
		        .heading = i && limits[i].group == limits[i - 1].group ? NULL : groups[limits[i].group],
		        .min = limits[i].min,
		        .max = limits[i].max,
		};
	*out = f;
	return NULL;
}

void web_limits_refused(struct ctx *ctx, const struct http_request *req, struct web_limits *f,
                        const struct err *e)
{
	for (size_t i = 0; i < LIMITS; i++) {
		f->fields[i].value = web_field(ctx, req, limits[i].name);
		f->fields[i].wrong = e->code && !strcmp(e->code, limits[i].code);
	}
}
