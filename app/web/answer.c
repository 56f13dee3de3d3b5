/* What came of a statement, for people: rows, plan, or what was wrong with it and where. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "web/chart_priv.h"
#include "web/sql_priv.h"

static const struct view problem_view =
        VIEW(struct web_sql_problem, VIEW_STR(struct web_sql_problem, message),
             VIEW_STR(struct web_sql_problem, detail), VIEW_STR(struct web_sql_problem, hint),
             VIEW_I64(struct web_sql_problem, position), VIEW_STR(struct web_sql_problem, line),
             VIEW_STR(struct web_sql_problem, before), VIEW_STR(struct web_sql_problem, at),
             VIEW_STR(struct web_sql_problem, behind), VIEW_BOOL(struct web_sql_problem, slow));
const struct view web_result_view =
        VIEW(struct web_result, VIEW_STR(struct web_result, chart), VIEW_I64(struct web_result, run_id),
             VIEW_ONE(struct web_result, meta, &web_meta_view), VIEW_I64(struct web_result, total),
             VIEW_STR(struct web_result, cut), VIEW_ONE(struct web_result, table, &web_table_view),
             VIEW_STR(struct web_result, range), VIEW_BOOL(struct web_result, has_previous),
             VIEW_BOOL(struct web_result, has_next), VIEW_I64(struct web_result, previous),
             VIEW_I64(struct web_result, next), VIEW_HTML(struct web_result, sql_run_html));
static const struct view node_view = VIEW(
        struct web_plan_node, VIEW_I64(struct web_plan_node, depth), VIEW_STR(struct web_plan_node, what),
        VIEW_STR(struct web_plan_node, detail), VIEW_STR(struct web_plan_node, rows),
        VIEW_STR(struct web_plan_node, cost), VIEW_BOOL(struct web_plan_node, costly));
static const struct view plan_view =
        VIEW(struct web_plan, VIEW_LIST(struct web_plan, nodes, nnodes, &node_view),
             VIEW_STR(struct web_plan, cost), VIEW_BOOL(struct web_plan, withheld));
const struct view web_answer_view =
        VIEW(struct web_answer, VIEW_ONE(struct web_answer, problem, &problem_view),
             VIEW_ONE(struct web_answer, result, &web_result_view),
             VIEW_ONE(struct web_answer, plan, &plan_view), VIEW_BOOL(struct web_answer, refreshable),
             VIEW_BOOL(struct web_answer, background), VIEW_BOOL(struct web_answer, exports));

/* Rows --------------------------------------------------------------------------------------------------- */

static void fill_pager(struct arena *a, struct web_result *v, size_t first, size_t total)
{
	size_t last = first + v->table->nrows;

	if (!first && last == total)
		return;
	v->range = arena_printf(a, "%s to %s of %s", web_grouped(a, (int64_t)first + !v->table->empty),
	                        web_grouped(a, (int64_t)last), web_grouped(a, (int64_t)total));
	v->has_previous = first > 0;
	v->previous = first > WEB_ROWS_A_PAGE ? (int64_t)first - WEB_ROWS_A_PAGE : 0;
	v->has_next = last < total;
	v->next = (int64_t)last;
}

struct web_result *web_result(struct arena *a, const struct query_result *r, size_t first)
{
	struct web_result *v = ARENA_NEW(a, struct web_result);

	v->run_id = r->run_id;
	v->total = (int64_t)r->nrows;
	v->meta = web_meta(a, r, v->total);
	v->cut = web_tells_cut(r->caveats, r->ncaveats) ? NULL : r->cut;
	v->table = web_table(a, r, first, WEB_ROWS_A_PAGE);
	v->chart = web_chart_class(web_chart(a, r, r->nrows), r->nrows);
	fill_pager(a, v, first, r->nrows);
	if (r->sql_run)
		v->sql_run_html = web_sql_html(a, r->sql_run);
	return v;
}

/* Plans -------------------------------------------------------------------------------------------------- */

enum { DEEPEST = 12 }; /* that the style sheet indents */

struct web_plan *web_plan(struct arena *a, const struct query_plan *p)
{
	struct web_plan *v = ARENA_NEW(a, struct web_plan);

	v->nnodes = p->nnodes;
	v->nodes = ARENA_ARRAY(a, struct web_plan_node, p->nnodes);
	v->withheld = p->withheld;
	if (p->cost > 0)
		v->cost = web_count(a, (int64_t)p->cost, "unit of work", "units of work");
	for (size_t i = 0; i < p->nnodes; i++) {
		const struct query_plan_node *n = &p->nodes[i];

		v->nodes[i] = (struct web_plan_node){
		        .depth = n->depth < DEEPEST ? n->depth : DEEPEST,
		        .what = n->what,
		        .detail = n->detail,
		        .rows = n->cost > 0 ? web_count(a, (int64_t)n->rows, "row", "rows") : NULL,
		        .cost = n->cost > 0 ? web_count(a, (int64_t)n->cost, "unit", "units") : NULL,
		        .costly = n->costly,
		};
	}
	return v;
}

/* Problems ----------------------------------------------------------------------------------------------- */

static bool mendable(const struct err *e)
{
	return e->kind == ERR_REFUSED || e->kind == ERR_CANCELLED || e->kind == ERR_TOO_LARGE ||
	       web_mendable(e);
}

static bool in_word(char c)
{
	return c == '_' || (c & 0x80) || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* The line that the position is in, its word apart from the rest. */
static void locate(struct arena *a, struct str sql, struct web_sql_problem *p)
{
	int64_t line = 1, column = 1, at = 1;
	size_t i = 0, start = 0, end;

	for (; i < sql.n && at < p->position; at++, column++) {
		if (sql.p[i] == '\n') {
			line++;
			column = 0;
			start = i + 1;
		}
		size_t step = str_utf8_step((struct str){sql.p + i, sql.n - i});
		i += step ? step : 1;
	}
	p->line = arena_printf(a, "Line %lld, column %lld", (long long)line, (long long)column);
	for (end = i; end < sql.n && in_word(sql.p[end]);)
		end++;
	if (end == i && end < sql.n && sql.p[end] != '\n')
		end++;
	size_t rest = end;
	while (rest < sql.n && sql.p[rest] != '\n')
		rest++;
	p->before = arena_strndup(a, sql.p + start, i - start);
	p->at = arena_strndup(a, sql.p + i, end - i);
	p->behind = arena_strndup(a, sql.p + end, rest - end);
}

struct web_sql_problem *web_sql_problem(struct arena *a, const char *sql, const struct sql_bound *bound,
                                        const struct err *e)
{
	if (!mendable(e))
		return NULL;
	struct web_sql_problem *p = ARENA_NEW(a, struct web_sql_problem);
	p->message = e->message;
	p->detail = e->detail;
	p->hint = e->hint;
	p->slow = e->kind == ERR_TIMEOUT;
	p->position = bound ? sql_bound_position(bound, e->position) : e->position;
	if (p->position > 0)
		locate(a, str_of(sql), p);
	return p;
}

/* Running ------------------------------------------------------------------------------------------------ */

static struct err *run_bound(struct ctx *ctx, struct http_request *req, const struct web_sql_run *run,
                             const struct sql_bound *bound, struct web_answer *answer)
{
	struct query_scope scope;
	struct query_result *r;
	struct query_plan *plan;

	TRY(web_scope(ctx, req, run->origin, &scope));
	scope.saved_query_id = run->saved ? run->saved->id : 0;
	scope.fresh = http_has_field(req, "fresh");
	if (run->explain) {
		TRY(query_explain(ctx, &scope, bound->sql, &plan));
		answer->plan = web_plan(ctx->a, plan);
		return NULL;
	}
	http_stop_when_gone(ctx, req);
	TRY(query_run(ctx, &scope, bound->sql, &r));
	answer->result = web_result(ctx->a, r, 0);
	return NULL;
}

/* The values that worked are offered the next time. */
static struct err *keep_values(struct ctx *ctx, struct http_request *req, struct query_saved *saved,
                               const struct web_params *params)
{
	if (!saved || !params->nlist)
		return NULL;
	web_params_keep(ctx->a, params, saved);
	return query_saved_ran(ctx, saved, auth_person(req)->role >= PROJECT_ADMIN);
}

static struct err *answer_or_fail(struct ctx *ctx, struct http_request *req, const struct web_sql_run *run,
                                  struct web_params **params, struct sql_bound *bound,
                                  struct web_answer *answer)
{
	const struct query_saved *s = run->saved;

	TRY(web_params_read(ctx, req, run->sql, s ? s->parameters : NULL, s ? s->nparameters : 0, params));
	if (!*str_dup(ctx->a, str_trim(str_of(run->sql))))
		return err_new(ctx->a, ERR_INVALID, "there is nothing to run");
	if ((*params)->asked)
		return NULL;
	TRY(web_params_bind(ctx, *params, run->sql, bound));
	TRY(run_bound(ctx, req, run, bound, answer));
	return keep_values(ctx, req, run->saved, *params);
}

struct err *web_sql_answer(struct ctx *ctx, struct http_request *req, struct http_response *res,
                           const struct web_sql_run *run, struct web_params **params,
                           struct web_answer *answer)
{
	struct sql_bound bound = {0};

	*params = ARENA_NEW(ctx->a, struct web_params);
	answer->refreshable = true;
	answer->exports = web_may_export(auth_person(req)->role);
	struct err *e = answer_or_fail(ctx, req, run, params, &bound, answer);
	if (!e)
		return NULL;
	answer->problem = web_sql_problem(ctx->a, run->sql, &bound, e);
	if (!answer->problem)
		return e;
	web_problem_status(ctx, res, e);
	return NULL;
}

bool web_partial(const struct http_request *req)
{
	return str_is(http_header(req, "x-partial"), "1");
}
