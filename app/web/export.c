/*
 * The rows of a run as a file. They are read anew, for the person and with the policy of this moment: a file
 * holds what its reader may see now, and more rows than a page does. What goes wrong before the first bytes is
 * an error page; afterwards the download fails as a whole.
 */
#include <ctype.h>
#include <time.h>

#include "audit/audit.h"
#include "catalog/catalog.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "web/web_priv.h"

enum { STEM_BYTES = 80, EXPORT_BYTES = 256 << 20, EXPORT_CELL_BYTES = 1 << 20 };

/* One export under way. */
struct export
{
	struct ctx *ctx;
	struct http_request *req;
	struct http_response *res;
	const struct query_format *format;
	struct query_run_record run;
	struct query_result *asked;
	struct project project;
	struct query_scope scope;
};

struct err *web_download_part(void *arg, struct str bytes)
{
	struct web_download *d = arg;

	if (http_download(d->ctx, d->req, d->res, bytes))
		return NULL;
	return err_new(d->ctx->a, ERR_CANCELLED, "the download was given up");
}

bool web_may_export(enum project_role role)
{
	return role >= PROJECT_ANALYST;
}

struct err *web_check_export(struct ctx *ctx, const struct project *project, enum project_role role)
{
	if (web_may_export(role))
		return NULL;
	return err_hint(err_new(ctx->a, ERR_FORBIDDEN, "viewers of %s cannot export", project->name),
	                "An admin of the project can make you an analyst.");
}

struct query_caps web_export_caps(const struct project *project, const struct query_format *format)
{
	int64_t most = format->max_rows;

	return (struct query_caps){project->export_rows < most ? project->export_rows : most, EXPORT_BYTES,
	                           EXPORT_CELL_BYTES};
}

struct err *web_exports(struct ctx *ctx, const struct http_request *req, int64_t project_id, bool *out)
{
	const struct auth_person *person = auth_person(req);
	struct project project;
	enum project_role role;

	TRY(project_access_by_id(ctx, project_id, person->id, person->is_admin, &project, &role));
	*out = web_may_export(role);
	return NULL;
}

/* Whose run it is, query_load() knows; what role they have is asked again. */
static struct err *admit(struct export *x)
{
	const struct auth_person *person = auth_person(x->req);
	enum project_role role;

	TRY(query_load(x->ctx, http_param_i64(x->req, "run"), &x->run, &x->asked));
	TRY(project_access_by_id(x->ctx, x->run.project_id, person->id, person->is_admin, &x->project,
	                         &role));
	TRY(web_check_export(x->ctx, &x->project, role));
	TRY(catalog_scope_for(x->ctx, &x->project, role, &x->scope));
	x->scope.origin = QUERY_FROM_EXPORT;
	x->scope.conversation_id = x->run.conversation_id;
	x->scope.time_zone = person->time_zone;
	return NULL;
}

/* Names -------------------------------------------------------------------------------------------------- */

/* "Revenue by month?" becomes "revenue-by-month". Letters of other scripts stay; invisible marks, which could make
 * one ending look like another, do not. */
const char *web_file_stem(struct arena *a, const char *text, const char *otherwise)
{
	const struct str title = str_of(text);
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0, step; i < title.n; i += step) {
		struct str c = {title.p + i, title.n - i};

		step = str_utf8_step(c);
		c.n = step ? step : 1;
		if (isalnum((unsigned char)*c.p))
			buf_add_char(&b, (char)tolower((unsigned char)*c.p));
		else if (c.n > 1 && !str_starts(c, STR("\xe2\x80")) && !str_starts(c, STR("\xe2\x81")) &&
		         !str_starts(c, STR("\xc2")))
			buf_add_str(&b, c);
		else if (b.n && b.p[b.n - 1] != '-')
			buf_add_char(&b, '-');
		step = c.n;
	}
	struct str stem = str_utf8_cut(buf_str(&b), STEM_BYTES);
	while (stem.n && stem.p[stem.n - 1] == '-')
		stem.n--;
	return stem.n ? str_dup(a, stem) : otherwise;
}

void web_attach(struct ctx *ctx, struct http_response *res, const char *title, const char *otherwise, const char *ending,
                const char *media_type)
{
	struct arena *a = ctx->a;
	const char *stem = web_file_stem(a, title, otherwise);
	time_t now = (time_t)(clock_wall_us() / 1000000);
	char day[16];
	struct tm tm;

	strftime(day, sizeof(day), "%Y-%m-%d", gmtime_r(&now, &tm));
	http_type(res, media_type);
	http_set_attachment(res, str_of(arena_printf(a, "%s-%s.%s", stem, day, ending)));
}

/* After the conversation, else after a table that it reads. */
static const char *title_of(struct export *x)
{
	struct agent_conversation chat;

	if (x->run.conversation_id &&
	    !agent_conversation_get(x->ctx, x->project.id, x->run.conversation_id, &chat))
		return chat.title;
	return x->asked->ntables ? x->asked->tables[0] : "";
}

static void name_file(struct export *x)
{
	web_attach(x->ctx, x->res, title_of(x), "result", x->format->name, x->format->media_type);
}

/* Rows --------------------------------------------------------------------------------------------------- */

static struct err *audit(struct export *x, int64_t run_id, size_t rows)
{
	struct buf b = buf_init(x->ctx->a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "of", x->run.id);
	json_put_i64(&w, "run", run_id);
	json_put_cstr(&w, "format", x->format->name);
	json_put_i64(&w, "rows", (int64_t)rows);
	json_object_close(&w);
	return audit_log(x->ctx, "query.export", project_object(x->ctx->a, x->project.id), buf_cstr(&b));
}

/* The trail has the export also when it broke off: rows have left by then. */
static struct err *stream(struct export *x, struct query_file *file, struct query_result **r)
{
	const struct query_caps caps = web_export_caps(&x->project, x->format);
	struct err *e = query_stream(x->ctx, &x->scope, x->asked->sql_asked, &caps, query_file_sink(file), r);

	if (e && !(*r)->nrows)
		return e;
	struct err *unwritten = audit(x, (*r)->run_id, (*r)->nrows);
	return e ? e : unwritten;
}

struct err *web_run_export(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct str ending = http_path(req);
	struct export x = {.ctx = ctx, .req = req, .res = res};
	struct web_download download = {ctx, req, res};
	const struct query_output out = {web_download_part, &download};
	struct query_result *r;
	struct query_file *file;

	(void)str_chop(&ending, '.');
	x.format = query_format(ending);
	TRY(admit(&x));
	name_file(&x);
	TRY(query_file_open(ctx, x.format, &out, &file));
	TRY(stream(&x, file, &r));
	return query_file_close(file, r);
}

/* The kept rows, as they are, for pasting. */
static struct err *put_kept(void *out, struct str bytes)
{
	buf_add_str(out, bytes);
	return NULL;
}

struct err *web_run_rows(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct export x = {.ctx = ctx, .req = req, .res = res, .format = query_format(STR("tsv"))};
	const struct query_output out = {put_kept, http_out(res)};
	struct query_file *file;

	TRY(admit(&x));
	name_file(&x);
	TRY(query_file_open(ctx, x.format, &out, &file));
	const struct query_sink *sink = query_file_sink(file);
	TRY(sink->columns(sink->arg, x.asked->columns, x.asked->ncolumns));
	for (size_t i = 0; i < x.asked->nrows; i++)
		TRY(sink->row(sink->arg, x.asked->cells + i * x.asked->ncolumns));
	TRY(audit(&x, x.run.id, x.asked->nrows));
	return query_file_close(file, x.asked);
}
