/*
 * The audit log page: what is asked for stands in the address, so that a page of the log can be kept. Pages go by the
 * number of an entry, so that new entries do not shift them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/json.h"
#include "lib/settings.h"
#include "web/form_priv.h"
#include "web/log_priv.h"

enum { PAGE_ENTRIES = 50 };

/* What was asked for, as it was typed. */
struct asked {
	const char *person;
	const char *action;
	const char *object;
	const char *from;
	const char *to;
};

struct log_view {
	struct web_layout *layout;
	struct web_problem *problem;
	struct asked *asked;
	struct web_option *actions;
	size_t nactions;
	struct log_line *entries;
	size_t nentries;
	const char *newer; /* addresses of the pages beside this one, or NULL */
	const char *older;
	bool filtered;
	bool none;
	const char *verified;         /* when the chain was verified last; NULL: never */
	const char *entries_verified; /* how much of it was then as it was written */
	const char *wrong;            /* what was wrong then, or NULL */
};

static const struct view option_view =
        VIEW(struct web_option, VIEW_STR(struct web_option, value), VIEW_STR(struct web_option, label),
             VIEW_BOOL(struct web_option, selected));
static const struct view asked_view =
        VIEW(struct asked, VIEW_STR(struct asked, person), VIEW_STR(struct asked, object),
             VIEW_STR(struct asked, from), VIEW_STR(struct asked, to));
static const struct view log_view = VIEW(
        struct log_view, VIEW_ONE(struct log_view, layout, &web_layout_view),
        VIEW_ONE(struct log_view, problem, &web_problem_view), VIEW_ONE(struct log_view, asked, &asked_view),
        VIEW_LIST(struct log_view, actions, nactions, &option_view),
        VIEW_LIST(struct log_view, entries, nentries, &web_log_line_view), VIEW_STR(struct log_view, newer),
        VIEW_STR(struct log_view, older), VIEW_BOOL(struct log_view, filtered),
        VIEW_BOOL(struct log_view, none), VIEW_STR(struct log_view, verified),
        VIEW_STR(struct log_view, entries_verified), VIEW_STR(struct log_view, wrong));
WEB_PAGE(log_page, "admin/log", log_view);

/* What is asked for -------------------------------------------------------------------------------------- */

static const char *query(struct ctx *ctx, const struct http_request *req, const char *name)
{
	return str_dup(ctx->a, str_trim(http_query(req, name)));
}

static struct asked *read_asked(struct ctx *ctx, const struct http_request *req)
{
	struct asked *q = ARENA_NEW(ctx->a, struct asked);

	*q = (struct asked){query(ctx, req, "person"), query(ctx, req, "action"), query(ctx, req, "object"),
	                    query(ctx, req, "from"), query(ctx, req, "to")};
	return q;
}

/* Midnight UTC of a day, some days later; 0 for no day. */
static struct err *day(struct arena *a, const char *text, int later, int64_t *out)
{
	struct tm tm = {.tm_isdst = 0};
	const char *end;

	*out = 0;
	if (!text[0])
		return NULL;
	end = strptime(text, "%Y-%m-%d", &tm);
	if (!end || *end)
		return err_hint(err_new(a, ERR_INVALID, "\"%s\" is not a day", text),
		                "Write it as 2026-03-01.");
	tm.tm_mday += later;
	*out = (int64_t)timegm(&tm) * 1000000;
	return NULL;
}

static struct err *filter_of(struct ctx *ctx, const struct http_request *req, const struct asked *q,
                             struct audit_filter *f)
{
	*f = (struct audit_filter){
	        .person = q->person, .action = q->action, .object = q->object, .most = PAGE_ENTRIES + 1};
	if (!str_to_i64(http_query(req, "before"), &f->before) || f->before < 0)
		f->before = 0;
	if (!str_to_i64(http_query(req, "after"), &f->after) || f->after < 0)
		f->after = 0;
	TRY(day(ctx->a, q->from, 0, &f->from));
	return day(ctx->a, q->to, 1, &f->to);
}

/* The address of the page beside an entry, with the same questions. */
static const char *address(struct arena *a, const struct asked *q, const char *which, int64_t id)
{
	const char *const fields[][2] = {{"person", q->person},
	                                 {"action", q->action},
	                                 {"object", q->object},
	                                 {"from", q->from},
	                                 {"to", q->to}};
	struct buf b = buf_init(a, BUF_PAGE);

	buf_printf(&b, "/admin/log?%s=%" PRId64, which, id);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!fields[i][1][0])
			continue;
		buf_printf(&b, "&%s=", fields[i][0]);
		buf_add_url(&b, str_of(fields[i][1]));
	}
	return buf_cstr(&b);
}

/* The actions that occur, and before the first of a kind all of that kind. */
static struct err *fill_actions(struct ctx *ctx, struct log_view *v)
{
	const char **names, *kind = "";
	size_t n;

	TRY(audit_actions(ctx, &names, &n));
	v->actions = ARENA_ARRAY(ctx->a, struct web_option, 2 * n);
	for (size_t i = 0; i < n; i++) {
		const char *first = arena_strndup(ctx->a, names[i], strcspn(names[i], "."));

		if (strcmp(first, kind) != 0)
			v->actions[v->nactions++] =
			        (struct web_option){first, arena_printf(ctx->a, "%s: all", first),
			                            !strcmp(first, v->asked->action)};
		kind = first;
		v->actions[v->nactions++] = (struct web_option){
		        names[i], arena_printf(ctx->a, "%s: %s", first, web_log_words(names[i])),
		        !strcmp(names[i], v->asked->action)};
	}
	return NULL;
}

/* The page ----------------------------------------------------------------------------------------------- */

static struct err *fill_entries(struct ctx *ctx, struct audit_filter *f, struct log_view *v)
{
	struct audit_entry *list;
	bool more;
	size_t n;

	TRY(audit_search(ctx, f, &list, &n));
	/* Fewer than a page that are newer: it is the first page. */
	if (f->after && n <= PAGE_ENTRIES) {
		f->after = 0;
		TRY(audit_search(ctx, f, &list, &n));
	}
	more = n > PAGE_ENTRIES;
	if (more && f->after)
		list++;
	n -= more;
	if (n && (f->before || (f->after && more)))
		v->newer = address(ctx->a, v->asked, "after", list[0].id);
	if (n && (f->after || more))
		v->older = address(ctx->a, v->asked, "before", list[n - 1].id);
	v->nentries = n;
	v->none = n == 0;
	return web_log_lines(ctx, list, n, &v->entries);
}

/* What the last verification said: it is an entry itself. */
static struct err *fill_verified(struct ctx *ctx, struct log_view *v)
{
	struct audit_filter last = {.action = "audit.verify", .most = 1};
	struct json_object *detail;
	struct audit_entry *e;
	size_t n;

	TRY(audit_search(ctx, &last, &e, &n));
	if (!n)
		return NULL;
	TRY(json_read(ctx->a, str_of(e->detail), JSON_DEPTH, &detail));
	v->verified = web_log_time(ctx->a, e->at);
	v->entries_verified = web_count(ctx->a, json_get_i64(detail, "entries", 0), "entry", "entries");
	v->wrong = json_get_str(detail, "wrong");
	return NULL;
}

static struct err *show(struct ctx *ctx, struct http_request *req, struct http_response *res,
                        const struct err *problem)
{
	struct asked *q = read_asked(ctx, req);
	struct audit_filter f;
	struct log_view v = {
	        .layout = web_layout(ctx, req, "Audit log", "log"),
	        .asked = q,
	        .filtered = q->person[0] || q->action[0] || q->object[0] || q->from[0] || q->to[0],
	};

	if (!problem)
		problem = filter_of(ctx, req, q, &f);
	v.problem = web_problem(ctx, problem);
	if (!problem)
		TRY(fill_entries(ctx, &f, &v));
	TRY(fill_actions(ctx, &v));
	TRY(fill_verified(ctx, &v));
	web_problem_status(ctx, res, problem);
	return web_render(ctx, res, &log_page, &v);
}

struct err *web_log_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	return show(ctx, req, res, NULL);
}

/* What it found is an entry, too: the page shows the last one. */
static struct err *verify(struct ctx *ctx)
{
	const char *heads = ctx->settings->audit_heads;
	struct audit_report report;
	struct buf b = buf_init(ctx->a, BUF_LINE);
	struct json_writer w = {.b = &b};

	TRY(audit_verify(ctx, heads[0] ? heads : NULL, &report));
	json_object_open(&w, NULL);
	json_put_bool(&w, "ok", report.ok);
	json_put_i64(&w, "entries", report.entries);
	if (report.wrong)
		json_put_cstr(&w, "wrong", report.wrong);
	json_object_close(&w);
	return audit_log(ctx, "audit.verify", "", buf_cstr(&b));
}

struct err *web_log_verify(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct err *e;

	TRY(http_form(ctx, req));
	e = verify(ctx);
	if (e)
		return web_mendable(e) ? show(ctx, req, res, e) : e;
	http_redirect(res, "/admin/log");
	return NULL;
}
