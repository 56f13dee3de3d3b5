/* A result as a card: where its rows come from, what to know before trusting them, the first rows, the SQL; and the same
 * again with rows that are read anew. */
#include <string.h>
#include <time.h>

#include "catalog/catalog.h"
#include "lib/arena.h"
#include "web/chart_priv.h"
#include "web/web_priv.h"

enum { SINGLE_BYTES = 40 };

static const struct view caveat_view =
        VIEW(struct web_caveat, VIEW_STR(struct web_caveat, label), VIEW_STR(struct web_caveat, text),
             VIEW_BOOL(struct web_caveat, open));
const struct view web_meta_view =
        VIEW(struct web_meta, VIEW_I64(struct web_meta, run_id), VIEW_STR(struct web_meta, rows),
             VIEW_STR(struct web_meta, took), VIEW_STR(struct web_meta, at), VIEW_STR(struct web_meta, when),
             VIEW_BOOL(struct web_meta, cached), VIEW_LIST(struct web_meta, caveats, ncaveats, &caveat_view),
             VIEW_BOOL(struct web_meta, told));
const struct view web_card_view = VIEW(
        struct web_card, VIEW_I64(struct web_card, run_id), VIEW_I64(struct web_card, n), VIEW_STR(struct web_card, sql),
        VIEW_HTML(struct web_card, sql_html), VIEW_HTML(struct web_card, sql_run_html),
        VIEW_BOOL(struct web_card, failed), VIEW_STR(struct web_card, error), VIEW_STR(struct web_card, rows),
        VIEW_I64(struct web_card, total), VIEW_STR(struct web_card, took), VIEW_STR(struct web_card, cut),
        VIEW_ONE(struct web_card, meta, &web_meta_view), VIEW_ONE(struct web_card, table, &web_table_view),
        VIEW_BOOL(struct web_card, exports), VIEW_STR(struct web_card, more), VIEW_STR(struct web_card, chart),
        VIEW_BOOL(struct web_card, single));

/* Where the rows come from ---------------------------------------------------------------------------------- */

static const char *label_of(const char *code)
{
	static const char *const labels[][2] = {
	        {"fan_out", "counted twice?"}, {"no_rows", "no rows"},
	        {"all_null", "no values"},     {"duplicates", "repeated rows"},
	        {"cut", "not all of it"},      {"magnitude", "unusual value"},
	        {"masked", "masked values"},   {"filtered", "some rows kept back"},
	};

	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++)
		if (!strcmp(labels[i][0], code))
			return labels[i][1];
	return "note";
}

static const char *iso_time(struct arena *a, int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	char text[32];
	struct tm tm;

	if (!wall_us || !gmtime_r(&seconds, &tm))
		return NULL;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_strdup(a, text);
}

struct web_meta *web_meta(struct arena *a, const struct query_result *r, int64_t rows)
{
	struct web_meta *m = ARENA_NEW(a, struct web_meta);

	*m = (struct web_meta){
	        .run_id = r->run_id,
	        .rows = arena_printf(a, "%s%s", query_cuts_rows(r->cut) ? "first " : "",
	                             web_count(a, rows, "row", "rows")),
	        .took = web_duration(a, (r->took_us + 500) / 1000),
	        .at = iso_time(a, r->at),
	        .when = web_time(a, r->at),
	        .cached = r->cached_from != 0,
	        .caveats = ARENA_ARRAY(a, struct web_caveat, r->ncaveats),
	        .ncaveats = r->ncaveats,
	        .told = r->ncaveats > 0,
	};
	for (size_t i = 0; i < r->ncaveats; i++)
		m->caveats[i] = (struct web_caveat){label_of(r->caveats[i].code), r->caveats[i].text,
		                                    !strcmp(r->caveats[i].code, "no_rows")};
	return m;
}

/* The card -------------------------------------------------------------------------------------------------- */

bool web_tells_cut(const struct query_caveat *caveats, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(caveats[i].code, "cut"))
			return true;
	return false;
}

static bool has_cut_cell(const struct query_result *preview)
{
	for (size_t i = 0; i < preview->nrows * preview->ncolumns; i++)
		if (str_ends(str_of(preview->cells[i]), STR(AGENT_CELL_CUT)))
			return true;
	return false;
}

/* One value, that can be shown large. */
static bool is_single(const struct query_result *r, int64_t rows)
{
	return rows == 1 && r->ncolumns == 1 && r->nrows == 1 && r->cells[0] && strlen(r->cells[0]) <= SINGLE_BYTES;
}

static void show_rows(struct arena *a, const struct agent_query *q, struct web_card *c)
{
	c->chart = web_chart_class(web_chart(a, q->preview, (size_t)q->rows), (size_t)q->rows);
	c->single = is_single(q->preview, q->rows);
	c->table = web_table(a, q->preview, 0, AGENT_PREVIEW_ROWS);
	if (q->rows > (int64_t)c->table->nrows)
		c->more = arena_printf(a, "%s %s", q->rows > WEB_ROWS_A_PAGE ? "Page through" : "Show all",
		                       c->rows);
	else if (has_cut_cell(q->preview))
		c->more = "Show the long values whole";
}

struct web_card web_card(struct arena *a, const struct agent_query *q, bool exports)
{
	const struct query_result known = {.run_id = q->run_id,
	                                   .took_us = q->ms * 1000,
	                                   .at = q->at,
	                                   .cached_from = q->cached,
	                                   .cut = q->cut,
	                                   .caveats = q->caveats,
	                                   .ncaveats = q->ncaveats};
	struct web_card c = {
	        .run_id = q->run_id,
	        .sql = q->sql,
	        .sql_html = web_sql_html(a, q->sql),
	        .failed = !q->ok,
	        .error = q->error,
	        .took = web_duration(a, q->ms),
	        .rows = web_count(a, q->rows, "row", "rows"),
	        .total = q->rows,
	        .cut = web_tells_cut(q->caveats, q->ncaveats) ? NULL : q->cut,
	        .meta = web_meta(a, &known, q->rows),
	        .exports = exports,
	};

	if (q->sql_run && strcmp(q->sql_run, q->sql) != 0)
		c.sql_run_html = web_sql_html(a, q->sql_run);
	if (q->preview)
		show_rows(a, q, &c);
	return c;
}

/* Rows read anew -------------------------------------------------------------------------------------------- */

WEB_PAGE(card_page, "chat/card", web_card_view);

/* For the person and with the policy of this moment. */
static struct err *run_again(struct ctx *ctx, const struct http_request *req,
                             const struct query_run_record *run, const char *sql, struct query_result **out)
{
	const struct auth_person *person = auth_person(req);
	struct project project;
	enum project_role role;
	struct query_scope scope;

	TRY(project_access_by_id(ctx, run->project_id, person->id, person->is_admin, &project, &role));
	TRY(catalog_scope_for(ctx, &project, role, &scope));
	scope.origin = run->conversation_id ? QUERY_FROM_CHAT : QUERY_FROM_SQL;
	scope.conversation_id = run->conversation_id;
	scope.time_zone = person->time_zone;
	scope.fresh = true;
	return query_run(ctx, &scope, sql, out);
}

struct err *web_run_refresh(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct query_run_record run;
	struct query_result *r;
	bool exports;

	TRY(query_load(ctx, http_param_i64(req, "run"), &run, &r));
	TRY(run_again(ctx, req, &run, r->sql_asked, &r));
	if (str_find(http_header(req, "accept"), STR("text/html")) >= 0) {
		http_redirect(res, arena_printf(ctx->a, "/runs/%lld", (long long)r->run_id));
		return NULL;
	}
	TRY(web_exports(ctx, req, run.project_id, &exports));
	const struct agent_query q = {.run_id = r->run_id,
	                              .sql = r->sql_asked,
	                              .sql_run = r->sql_run,
	                              .ok = true,
	                              .rows = (int64_t)r->nrows,
	                              .ms = (r->took_us + 500) / 1000,
	                              .cut = r->cut,
	                              .at = r->at,
	                              .caveats = r->caveats,
	                              .ncaveats = r->ncaveats,
	                              .preview = r};
	struct web_card card = web_card(ctx->a, &q, exports);
	return web_render(ctx, res, &card_page, &card);
}
