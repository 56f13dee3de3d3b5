/*
 * Making links, and the lists of them: the owner's of one artifact, a project's for its admins, and the admin's of all. The link itself is shown once,
 * on the answer that made it. Frozen data is read here, as the person who makes the link and under their rules; to hand
 * such rows on takes the right to export.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/settings.h"
#include "web/artifact_export_priv.h"

enum { PAGE = 200 };

#define DAY_US (INT64_C(86400) * 1000000)

struct link_line {
	int64_t id;
	const char *title, *project, *by;
	const char *audience;
	const char *people, *origins; /* "a, b", NULL for none */
	const char *version;
	const char *data;
	bool password;
	const char *views;
	const char *viewed; /* NULL: never */
	const char *made;
	const char *ends; /* NULL: never */
	bool expired;
	bool revoked;
};
static const struct view link_view =
        VIEW(struct link_line, VIEW_I64(struct link_line, id), VIEW_STR(struct link_line, title),
             VIEW_STR(struct link_line, project), VIEW_STR(struct link_line, by), VIEW_STR(struct link_line, audience),
             VIEW_STR(struct link_line, people), VIEW_STR(struct link_line, origins),
             VIEW_STR(struct link_line, version), VIEW_STR(struct link_line, data), VIEW_BOOL(struct link_line, password),
             VIEW_STR(struct link_line, views), VIEW_STR(struct link_line, viewed), VIEW_STR(struct link_line, made),
             VIEW_STR(struct link_line, ends), VIEW_BOOL(struct link_line, expired), VIEW_BOOL(struct link_line, revoked));

struct days_option {
	int64_t n;
	const char *text;
	bool chosen;
};
static const struct view days_view = VIEW(struct days_option, VIEW_I64(struct days_option, n),
                                          VIEW_STR(struct days_option, text), VIEW_BOOL(struct days_option, chosen));
static const struct days_option days_offered[] = {
        {1, "after a day", false},      {7, "after a week", false}, {30, "after 30 days", true},
        {90, "after 90 days", false},   {365, "after a year", false}, {0, "never", false},
};
enum { DAYS_OFFERED = sizeof(days_offered) / sizeof(*days_offered) };

struct links_view {
	struct web_layout *layout;
	struct web_problem *problem;
	int64_t id;
	int64_t version;
	const char *title;
	const char *made; /* the address of a new link */
	const char *back; /* the list that a form leads back to: "admin", "project", NULL: the artifact's */
	bool all;         /* links of all projects */
	bool public_links;
	bool exports; /* may share with everybody */
	bool freezes; /* may share data as they see it */
	bool to_public, to_project, to_people;
	bool frozen, latest;
	const char *people, *origins;
	struct days_option *days;
	size_t ndays;
	struct link_line *links;
	size_t nlinks;
	bool none;
	const char *here; /* the address of the list */
	int64_t next;     /* how many stand before those that did not fit; 0: all did */
	bool later;       /* some stand before these */
};
static const struct view links_view =
        VIEW(struct links_view, VIEW_ONE(struct links_view, layout, &web_layout_view),
             VIEW_ONE(struct links_view, problem, &web_problem_view), VIEW_I64(struct links_view, id),
             VIEW_I64(struct links_view, version), VIEW_STR(struct links_view, title),
             VIEW_STR(struct links_view, made), VIEW_STR(struct links_view, back), VIEW_BOOL(struct links_view, all),
             VIEW_BOOL(struct links_view, public_links), VIEW_BOOL(struct links_view, exports), VIEW_BOOL(struct links_view, freezes),
             VIEW_BOOL(struct links_view, to_public), VIEW_BOOL(struct links_view, to_project),
             VIEW_BOOL(struct links_view, to_people), VIEW_BOOL(struct links_view, frozen),
             VIEW_BOOL(struct links_view, latest), VIEW_STR(struct links_view, people),
             VIEW_STR(struct links_view, origins), VIEW_LIST(struct links_view, days, ndays, &days_view),
             VIEW_LIST(struct links_view, links, nlinks, &link_view), VIEW_BOOL(struct links_view, none),
             VIEW_STR(struct links_view, here), VIEW_I64(struct links_view, next), VIEW_BOOL(struct links_view, later));
WEB_PAGE(share_page, "share/form", links_view);
WEB_PAGE(links_page, "admin/links", links_view);

/* Lists -------------------------------------------------------------------------------------------------- */

static const char *audience_words(const char *audience)
{
	static const char *const words[][2] = {
	        {"public", "everybody"}, {"project", "members of the project"}, {"people", "certain people"}};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(audience, words[i][0]))
			return words[i][1];
	return audience;
}

static const char *some(const char *text)
{
	return *text ? text : NULL;
}

static struct link_line line_of(struct arena *a, const struct artifact_link *l)
{
	return (struct link_line){
	        .id = l->id,
	        .title = l->title,
	        .project = l->project,
	        .by = l->by,
	        .audience = audience_words(l->audience),
	        .people = some(web_joined(a, l->people)),
	        .origins = some(web_joined(a, l->embed_origins)),
	        .version = l->version ? arena_printf(a, "version %" PRId64, l->version) : "the newest version",
	        .data = !l->sourced ? "no query behind it" : l->is_frozen ? "data of when it was made" : "live data",
	        .password = l->password_hash,
	        .views = web_grouped(a, l->views),
	        .viewed = l->viewed_at ? web_time(a, l->viewed_at) : NULL,
	        .made = web_time(a, l->created_at),
	        .ends = l->expires_at ? web_time(a, l->expires_at) : NULL,
	        .expired = l->expires_at && l->expires_at <= clock_wall_us(),
	        .revoked = l->revoked_at,
	};
}

static struct err *fill_lines(struct ctx *ctx, const struct http_request *req, int64_t project_id, int64_t artifact_id,
                              struct links_view *v)
{
	struct artifact_link *list;
	int64_t from;

	if (!str_to_i64(http_query(req, "from"), &from) || from < 0)
		from = 0;
	TRY(artifact_links(ctx, project_id, artifact_id, from, PAGE + 1, &list, &v->nlinks));
	v->later = from > 0;
	if (v->nlinks > PAGE) {
		v->nlinks = PAGE;
		v->next = from + PAGE;
	}
	v->links = ARENA_ARRAY(ctx->a, struct link_line, v->nlinks);
	for (size_t i = 0; i < v->nlinks; i++)
		v->links[i] = line_of(ctx->a, &list[i]);
	v->none = v->nlinks == 0 && !v->later;
	v->public_links = strcmp(ctx->settings->public_links, "on") == 0;
	return NULL;
}

struct err *web_links_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct links_view v = {.layout = web_layout(ctx, req, "Links", "links"),
	                       .here = "/admin/links",
	                       .back = "admin",
	                       .all = true};

	TRY(fill_lines(ctx, req, 0, 0, &v));
	return web_render(ctx, res, &links_page, &v);
}

/* For the admins of a project. */
struct err *web_project_links(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project *project = &auth_person(req)->project;
	struct links_view v = {.layout = web_layout(ctx, req, "Links", "links"),
	                       .here = arena_printf(ctx->a, "/p/%s/links", project->slug),
	                       .back = "project"};

	TRY(fill_lines(ctx, req, project->id, 0, &v));
	return web_render(ctx, res, &links_page, &v);
}

/* The list where somebody took a link back. */
static const char *list_of(struct arena *a, struct str back, const struct artifact_link *link)
{
	if (str_is(back, "admin"))
		return "/admin/links";
	if (str_is(back, "project"))
		return arena_printf(a, "/p/%s/links", link->slug);
	return arena_printf(a, "/artifacts/%" PRId64 "/share", link->artifact_id);
}

struct err *web_share_revoke(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact_link link;

	TRY(http_form(ctx, req));
	TRY(artifact_link_revoke(ctx, http_param_i64(req, "link"), &link));
	http_redirect(res, arena_printf(ctx->a, "%s?done=revoked", list_of(ctx->a, http_field(req, "back"), &link)));
	return NULL;
}

/* The form ----------------------------------------------------------------------------------------------- */

static struct err *load(struct ctx *ctx, struct http_request *req, struct artifact_seen *seen)
{
	TRY(artifact_seen_load(ctx, req, seen));
	return seen->mine ? NULL : err_new(ctx->a, ERR_NOT_FOUND, "artifact not found");
}

static void fill_days(struct arena *a, const char *chosen, struct links_view *v)
{
	v->ndays = DAYS_OFFERED;
	v->days = ARENA_ARRAY(a, struct days_option, v->ndays);
	memcpy(v->days, days_offered, sizeof(days_offered));
	for (size_t i = 0; *chosen && i < v->ndays; i++)
		v->days[i].chosen = !strcmp(chosen, arena_printf(a, "%" PRId64, v->days[i].n));
}

/* The form as it was sent, else as it begins. */
static struct err *show(struct ctx *ctx, struct http_request *req, struct http_response *res,
                        const struct artifact_seen *seen, const char *made, const struct err *problem)
{
	const char *to = problem ? web_field(ctx, req, "audience") : "project";
	struct links_view v = {
	        .layout = web_layout_in(ctx, req, &seen->project, seen->role, "Share", "artifacts"),
	        .problem = web_problem(ctx, problem),
	        .id = seen->a.id,
	        .here = arena_printf(ctx->a, "/artifacts/%" PRId64 "/share", seen->a.id),
	        .version = seen->a.version.n,
	        .title = seen->a.title,
	        .made = made,
	        .exports = web_may_export(seen->role),
	        .freezes = !seen->a.version.nsources || web_may_export(seen->role),
	        .to_public = !strcmp(to, "public"),
	        .to_project = !strcmp(to, "project"),
	        .to_people = !strcmp(to, "people"),
	        .frozen = problem && str_is(http_field(req, "data"), "frozen"),
	        .latest = problem && http_has_field(req, "latest"),
	        .people = problem ? web_field(ctx, req, "people") : "",
	        .origins = problem ? web_field(ctx, req, "origins") : "",
	};

	fill_days(ctx->a, problem ? web_field(ctx, req, "days") : "", &v);
	TRY(fill_lines(ctx, req, 0, seen->a.id, &v));
	web_problem_status(ctx, res, problem);
	return web_render(ctx, res, &share_page, &v);
}

struct err *web_share_form(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact_seen seen;

	TRY(load(ctx, req, &seen));
	return show(ctx, req, res, &seen, NULL, NULL);
}

/* Making ------------------------------------------------------------------------------------------------- */

/* What was refused is told now, and not kept for those who follow the link. */
static struct err *check_whole(struct ctx *ctx, const struct artifact_version *version, struct err *const *failed)
{
	for (size_t i = 0; i < version->nsources; i++)
		if (failed[i])
			return err_hint(err_new(ctx->a, ERR_INVALID, "the data \"%s\" cannot be read: %s",
			                        version->sources[i].name, failed[i]->message),
			                "Mend the artifact first, or share live data.");
	return NULL;
}

/* Rows may also stand in the code: what everybody sees takes the right to export, whatever it is. */
static struct err *may_hand_on(struct ctx *ctx, const struct artifact_seen *seen, const struct artifact_link *link)
{
	if (!strcmp(link->audience, "public"))
		return web_check_export(ctx, &seen->project, seen->role);
	return web_artifact_may_export(ctx, seen);
}

static struct err *freeze(struct ctx *ctx, struct http_request *req, const struct artifact_seen *seen,
                          struct artifact_link *link)
{
	struct buf data = buf_init(ctx->a, BUF_RESULT);
	struct err **failed = ARENA_ARRAY(ctx->a, struct err *, seen->a.version.nsources);
	struct query_scope scope = {0};

	TRY(may_hand_on(ctx, seen, link));
	if (seen->a.version.nsources)
		TRY(artifact_scope(ctx, req, seen, &scope));
	TRY(artifact_data(ctx, &scope, &seen->a.version, &data, &link->frozen_at, failed));
	link->frozen = buf_cstr(&data);
	link->frozen_version = seen->a.version.n;
	return check_whole(ctx, &seen->a.version, failed);
}

static struct err *read_password(struct ctx *ctx, const struct http_request *req, struct artifact_link *link)
{
	struct str password = http_field(req, "password");

	if (!password.n)
		return NULL;
	TRY(auth_password_check(ctx->a, password));
	return auth_password_hash(ctx, password, &link->password_hash);
}

/* Addresses, in lower case, with commas, spaces or lines between them. */
static struct db_texts addresses(struct ctx *ctx, const struct http_request *req, const char *field)
{
	char *text = str_lower(ctx->a, http_field(req, field));
	struct db_texts out = {ARENA_ARRAY(ctx->a, const char *, strlen(text) / 2 + 1), 0};

	for (char *save = NULL, *one = strtok_r(text, ", \t\r\n", &save); one; one = strtok_r(NULL, ", \t\r\n", &save))
		out.p[out.n++] = one;
	return out;
}

static struct err *read_form(struct ctx *ctx, struct http_request *req, const struct artifact_seen *seen,
                             struct artifact_link *link)
{
	int64_t days = 0;

	if (!str_to_i64(http_field(req, "days"), &days) || days < 0 || days > 3650)
		return err_new(ctx->a, ERR_INVALID, "choose when the link ends");
	*link = (struct artifact_link){
	        .artifact_id = seen->a.id,
	        .audience = web_field(ctx, req, "audience"),
	        .people = addresses(ctx, req, "people"),
	        .version = http_has_field(req, "latest") ? 0 : seen->a.version.n,
	        .embed_origins = addresses(ctx, req, "origins"),
	        .expires_at = days ? clock_wall_us() + days * DAY_US : 0,
	};
	TRY(read_password(ctx, req, link));
	if (str_is(http_field(req, "data"), "frozen") || !strcmp(link->audience, "public"))
		return freeze(ctx, req, seen, link);
	return NULL;
}

/* Our own address and the token. */
static const char *address(struct ctx *ctx, const char *token)
{
	struct str base = str_of(ctx->settings->url);

	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	return arena_printf(ctx->a, "%.*s/shared/%s", STR_ARG(base), token);
}

struct err *web_share_create(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct artifact_seen seen;
	struct artifact_link link;
	const char *token;

	TRY(http_form(ctx, req));
	TRY(load(ctx, req, &seen));
	struct err *e = read_form(ctx, req, &seen, &link);
	if (!e)
		e = artifact_link_create(ctx, &link, &token);
	if (e)
		return web_mendable(e) && !http_wants_json(req) ? show(ctx, req, res, &seen, NULL, e) : e;
	if (!http_wants_json(req))
		return show(ctx, req, res, &seen, address(ctx, token), NULL);
	struct json_writer w = {.b = http_out(res)};
	http_type(res, "application/json");
	json_object_open(&w, NULL);
	json_put_i64(&w, "id", link.id);
	json_put_cstr(&w, "url", address(ctx, token));
	json_object_close(&w);
	return NULL;
}
