/* The page of a run, and further rows of one for a page that shows it. A run in the background is watched here. */
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "web/chart_priv.h"
#include "web/order_priv.h"
#include "web/sql_priv.h"

WEB_PAGE(rows_page, "sql/rows", web_result_view);

enum { YOUNG_US = 5 * 1000000 };

struct run_view {
	struct web_layout *layout;
	int64_t id;
	const char *title;
	bool running;
	bool young;    /* for seconds yet: it may be done in a moment */
	bool stopping; /* it was told to stop and has not yet */
	bool cancelled;
	bool plan; /* no rows: only the plan was asked for */
	const char *at;
	const char *so_far; /* how long it has been running */
	const char *sql;
	const char *sql_html;
	bool editable; /* the SQL page takes it */
	int64_t chat;  /* conversation that it belongs to, or 0 */
	struct web_answer *answer;
};
static const struct view run_view = VIEW(
        struct run_view, VIEW_ONE(struct run_view, layout, &web_layout_view), VIEW_I64(struct run_view, id),
        VIEW_STR(struct run_view, title), VIEW_BOOL(struct run_view, running),
        VIEW_BOOL(struct run_view, young), VIEW_BOOL(struct run_view, stopping),
        VIEW_BOOL(struct run_view, cancelled), VIEW_BOOL(struct run_view, plan),
        VIEW_STR(struct run_view, at), VIEW_STR(struct run_view, so_far), VIEW_STR(struct run_view, sql),
        VIEW_HTML(struct run_view, sql_html), VIEW_BOOL(struct run_view, editable),
        VIEW_I64(struct run_view, chat), VIEW_ONE(struct run_view, answer, &web_answer_view));
WEB_PAGE(run_page, "sql/run", run_view);

/* The address names no project; the page stands in that of its run all the same. */
static struct err *layout_for(struct ctx *ctx, struct http_request *req, int64_t project_id,
                              struct web_layout **out, bool *exports)
{
	const struct auth_person *person = auth_person(req);
	struct project project;
	enum project_role role;

	TRY(project_access_by_id(ctx, project_id, person->id, person->is_admin, &project, &role));
	*out = web_layout_in(ctx, req, &project, role, "Query", "sql");
	*exports = web_may_export(role);
	return NULL;
}

/* What went wrong, from the record. */
static struct err *problem_of(struct ctx *ctx, const struct query_run_record *run, const char *sql,
                              struct web_sql_problem **out)
{
	struct json_object *o = NULL;

	if (run->error)
		TRY(json_read(ctx->a, str_of(run->error), JSON_DEPTH, &o));
	o = json_get(o, "error");
	const char *message = json_get_str(o, "message"), *detail = json_get_str(o, "detail");
	struct err *e = err_new(ctx->a, ERR_QUERY, "%s", message ? message : "the query did not work");
	const char *hint = json_get_str(o, "hint");
	if (detail)
		e = err_detail(e, "%s", detail);
	if (hint)
		e = err_hint(e, "%s", hint);
	*out = web_sql_problem(ctx->a, sql, NULL, err_at(e, (int)json_get_i64(o, "position", 0)));
	return NULL;
}

static const char *title_of(const char *outcome)
{
	static const char *const titles[][2] = {
	        {"running", "Query under way"},   {"done", "Query result"},
	        {"refused", "Refused query"},     {"failed", "Failed query"},
	        {"cancelled", "Cancelled query"},
	};

	for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
		if (!strcmp(outcome, titles[i][0]))
			return titles[i][1];
	return "Query";
}

static struct err *show_page(struct ctx *ctx, struct http_request *req, struct http_response *res,
                             const struct query_run_record *run, const struct query_result *r)
{
	bool exports;
	int64_t from = 0;
	struct run_view v = {.id = run->id,
	                     .title = title_of(run->outcome),
	                     .running = !strcmp(run->outcome, "running"),
	                     .young = clock_wall_us() -
	                              r->at<YOUNG_US, .stopping = http_query(req, "stopping").n> 0,
	                     .cancelled = !strcmp(run->outcome, "cancelled"),
	                     .at = web_time(ctx->a, r->at),
	                     .so_far = web_duration(ctx->a, (clock_wall_us() - r->at) / 1000),
	                     .sql = r->sql_asked,
	                     .sql_html = web_sql_html(ctx->a, r->sql_asked),
	                     .chat = run->conversation_id,
	                     .answer = ARENA_NEW(ctx->a, struct web_answer)};

	if (!str_to_i64(http_query(req, "from"), &from) || from < 0)
		from = 0;
	TRY(layout_for(ctx, req, run->project_id, &v.layout, &exports));
	v.layout->title = v.title;
	v.editable = v.layout->writes_sql;
	v.answer->exports = exports;
	v.plan = !strcmp(run->outcome, "done") && !r->ncolumns && !r->truncated;
	if (!strcmp(run->outcome, "done") && !v.plan)
		v.answer->result = web_result(ctx->a, r, (size_t)from);
	else if (!v.running && !v.cancelled && !v.plan)
		TRY(problem_of(ctx, run, r->sql_asked, &v.answer->problem));
	return web_render(ctx, res, &run_page, &v);
}

/* The rows from there, with &sort=C&falling=1 by the column of that number; each row says which one it is. */
static struct web_result *some_rows(struct arena *a, const struct http_request *req, struct query_result *r,
                                    size_t first)
{
	bool falling = http_query(req, "falling").n > 0;
	size_t *before = NULL;
	int64_t column;

	if (str_to_i64(http_query(req, "sort"), &column) && column >= 0 && column < (int64_t)r->ncolumns)
		before = web_order(a, r, (size_t)column, falling);
	struct web_result *v = web_result(a, r, first);
	if (before)
		v->table->columns[column].sorted = falling ? "descending" : "ascending";
	for (size_t i = 0; before && i < v->table->nrows; i++)
		v->table->rows[i].n = (int64_t)before[first + i];
	return v;
}

/* ?first=N asks for rows alone. */
struct err *web_run_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct query_run_record run;
	struct query_result *r;
	int64_t first;

	TRY(query_load(ctx, http_param_i64(req, "run"), &run, &r));
	if (!str_to_i64(http_query(req, "first"), &first))
		return show_page(ctx, req, res, &run, r);
	return web_render(ctx, res, &rows_page, some_rows(ctx->a, req, r, first > 0 ? (size_t)first : 0));
}

/* The points of a chart, {} where all the rows call for none. */
struct err *web_run_chart(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct query_run_record run;
	struct query_result *r;
	struct json_writer w = {.b = http_out(res)};

	TRY(query_load(ctx, http_param_i64(req, "run"), &run, &r));
	struct web_chart *chart = web_chart(ctx->a, r, r->nrows);
	http_type(res, "application/json");
	json_object_open(&w, NULL);
	if (chart)
		web_chart_put(&w, chart);
	json_object_close(&w);
	return NULL;
}

struct err *web_run_cancel(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	int64_t id = http_param_i64(req, "run");

	TRY(query_cancel(ctx, id));
	http_redirect(res, arena_printf(ctx->a, "/runs/%lld?stopping=1", (long long)id));
	return NULL;
}
