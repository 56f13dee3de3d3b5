/* The application: its routes, its templates, its error page, and what a worker does when it starts. */
#include "web/web.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/audit.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "llm/llm.h"
#include "query/query.h"
#include "web/web_priv.h"

static const struct http_route routes[] = {
#define ROUTE(method, pattern, handler, pool, access, changes, max_body) \
	{HTTP_##method, pattern, #handler, handler, HTTP_POOL_##pool, AUTH_##access, changes, max_body},
#include "web/routes.def"
#undef ROUTE
};

enum { VERSION_CHARS = 12, HURRY_S = 5 };

extern const struct web_page *const __start_web_pages[];
extern const struct web_page *const __stop_web_pages[];

/* Of this process: made when it starts, then only read. */
static struct mustache_set *templates;
static const char *static_version;
static const struct settings *settings;

static int is_file(const struct dirent *d)
{
	return *d->d_name != '.';
}

/* The hash of a file, in place of the file: some are large. */
static void add_file(struct arena *a, const char *path, struct buf *all)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	size_t size = fstat(fd, &st) || st.st_size < 0 ? 0 : (size_t)st.st_size;
	void *bytes = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	if (bytes != MAP_FAILED) {
		buf_add_cstr(all, crypto_sha256_hex(a, (struct str){bytes, size}));
		munmap(bytes, size);
	}
	close(fd);
}

/* The static files' names do not change, so their addresses carry a hash of what is in them. */
static const char *hash_static(struct arena *a, const char *dir)
{
	struct arena *scratch = arena_create();
	struct buf all = buf_init(scratch, BUF_LINE);
	struct dirent **files = NULL;
	int n = scandir(dir, &files, is_file, alphasort);

	for (int i = 0; i < n; i++) {
		buf_add_cstr(&all, files[i]->d_name);
		add_file(scratch, arena_printf(scratch, "%s/%s", dir, files[i]->d_name), &all);
		free(files[i]); /* of scandir() */
	}
	free(files);
	char *hash = arena_strndup(a, crypto_sha256_hex(scratch, buf_str(&all)), VERSION_CHARS);
	arena_free(scratch);
	return hash;
}

static struct err *load_templates(struct ctx *ctx)
{
	struct arena *process = arena_create();

	templates = mustache_set_create(process);
	static_version = hash_static(process, ctx->settings->static_dir);
	TRY(mustache_load(templates, ctx->settings->templates));
	for (const struct web_page *const *p = __start_web_pages; p < __stop_web_pages; p++)
		TRY(mustache_check(ctx->a, templates, (*p)->name, (*p)->view, false));
	return NULL;
}

static struct err *worker_start(struct ctx *ctx, enum http_pool_kind pool)
{
	TRY(auth_check_settings(ctx));
	settings = ctx->settings;
	db_open(ctx->settings->database_url, (int)ctx->settings->db_connections);
	llm_init();
	TRY(load_templates(ctx));
	if (pool == HTTP_POOL_WEB)
		audit_heads_start(ctx->settings);
	if (pool == HTTP_POOL_AGENT)
		agent_start(ctx->settings, true);
	return NULL;
}

/* Turns go to the worker that took this one's place, at the end of the step that they are in as far as there is time; where
 * nobody did, they wait for the service to come back. */
static void worker_drain(bool replaced)
{
	const struct settings *s = settings;

	agent_drain(replaced && s->grace > HURRY_S ? s->grace - HURRY_S : 0);
}

static void worker_end(void)
{
	agent_end(settings);
}

struct err *web_render_into(struct ctx *ctx, const struct web_page *page, const void *data, struct buf *out)
{
	return mustache_render(ctx->a, templates, page->name, page->view, data, out);
}

struct err *web_render(struct ctx *ctx, struct http_response *res, const struct web_page *page,
                       const void *data)
{
	return web_render_into(ctx, page, data, http_out(res));
}

/* The error page -------------------------------------------------------------------------------------- */

struct error_view {
	struct web_layout *layout;
	int64_t status;
	const char *title;
	const char *message;
	const char *detail;
	const char *hint;
	const char *request_id;
};

static const struct view error_view =
        VIEW(struct error_view, VIEW_ONE(struct error_view, layout, &web_layout_view),
             VIEW_I64(struct error_view, status), VIEW_STR(struct error_view, title),
             VIEW_STR(struct error_view, message), VIEW_STR(struct error_view, detail),
             VIEW_STR(struct error_view, hint), VIEW_STR(struct error_view, request_id));
WEB_PAGE(error_page, "error", error_view);

/* Somebody who is not signed in and opens a page is sent to sign in, and then back. */
static bool send_to_sign_in(struct ctx *ctx, struct http_request *req, struct http_response *res,
                            const struct err *e)
{
	struct str path = http_path(req);

	if (e->kind != ERR_UNAUTHENTICATED || http_method_of(req) != HTTP_GET ||
	    str_starts(path, STR("/sign-in")))
		return false;
	struct buf to = buf_init(ctx->a, BUF_LINE);
	buf_add_cstr(&to, "/sign-in");
	if (path.n > 1) {
		buf_add_cstr(&to, "?next=");
		buf_add_url(&to, path);
	}
	http_redirect(res, buf_cstr(&to));
	return true;
}

static void show_error(struct ctx *ctx, struct http_request *req, struct http_response *res,
                       const struct err *e)
{
	if (send_to_sign_in(ctx, req, res, e))
		return;
	bool ours = e->kind == ERR_INTERNAL || e->kind == ERR_CONFIG;
	struct error_view v = {
	        .layout = web_layout(ctx, req, err_title(e->kind), "error"),
	        .status = err_status(e->kind),
	        .title = err_title(e->kind),
	        .message = ours ? "this page could not be made; what happened is in the log" : e->message,
	        .detail = ours ? NULL : e->detail,
	        .hint = e->hint,
	        .request_id = ctx->request_id,
	};
	if (str_starts(http_path(req), STR("/shared/")))
		http_set_header(res, "Referrer-Policy", "no-referrer");
	size_t before = http_out(res)->n;
	struct err *failed = web_render(ctx, res, &error_page, &v);
	if (!failed)
		return;
	log_err(LOG_ERROR, ctx->request_id, "error page", failed);
	http_out(res)->n = before;
	http_type(res, "text/plain; charset=utf-8");
	buf_printf(http_out(res), "%s (request %s)\n", err_title(e->kind), ctx->request_id);
}

/* Layout ---------------------------------------------------------------------------------------------- */

const struct view web_layout_view =
        VIEW(struct web_layout, VIEW_STR(struct web_layout, title), VIEW_STR(struct web_layout, section),
             VIEW_STR(struct web_layout, version), VIEW_BOOL(struct web_layout, signed_in),
             VIEW_STR(struct web_layout, email), VIEW_STR(struct web_layout, name),
             VIEW_STR(struct web_layout, initial), VIEW_BOOL(struct web_layout, is_admin),
             VIEW_BOOL(struct web_layout, local), VIEW_STR(struct web_layout, csrf),
             VIEW_STR(struct web_layout, time_zone), VIEW_STR(struct web_layout, slug),
             VIEW_STR(struct web_layout, project), VIEW_BOOL(struct web_layout, can_write),
             VIEW_BOOL(struct web_layout, manages), VIEW_BOOL(struct web_layout, writes_sql),
             VIEW_STR(struct web_layout, notice));

/* What ?done=... says on the page that follows a change. */
static const char *notice_of(const struct http_request *req)
{
	static const char *const notices[][2] = {
	        {"saved", "Saved."},
	        {"project", "The project was saved."},
	        {"limits", "The limits were saved; they hold for the next query and the next answer."},
	        {"model", "The model was saved; it is asked from the next question on."},
	        {"source", "The database was saved and tested."},
	        {"created", "Created."},
	        {"removed", "Removed."},
	        {"version", "A new version was saved."},
	        {"restored", "The older version is the newest again."},
	        {"shown", "Everybody in the project finds it among the artifacts now, with the data that they may see."},
	        {"unshown", "Only you see it now."},
	        {"linked", "Nobody else finds it among the artifacts now. Its links still hold: take them back under Share."},
	        {"revoked", "The link was taken back; it shows nothing any more."},
	        {"generated", "The data dictionary was read anew."},
	        {"password", "The password was changed; all other sessions have ended."},
	};
	struct str done = http_query(req, "done");

	for (size_t i = 0; i < sizeof(notices) / sizeof(*notices); i++)
		if (str_is(done, notices[i][0]))
			return notices[i][1];
	return NULL;
}

static const char *first_letter(struct arena *a, const char *name)
{
	size_t n = *name ? 1 : 0;

	while (n && (name[n] & 0xC0) == 0x80)
		n++;
	return arena_strndup(a, name, n);
}

struct web_layout *web_layout(struct ctx *ctx, struct http_request *req, const char *title,
                              const char *section)
{
	static const struct auth_person nobody = {
	        .email = "", .name = "", .csrf = "", .origin = "", .time_zone = ""};
	const struct auth_person *person = auth_person(req);
	struct web_layout *l = ARENA_NEW(ctx->a, struct web_layout);

	if (!person)
		person = &nobody;
	l->title = title;
	l->section = section;
	l->version = static_version;
	l->signed_in = person->id != 0;
	l->email = person->email;
	l->name = person->name && *person->name ? person->name : person->email;
	l->initial = first_letter(ctx->a, l->name);
	l->is_admin = person->is_admin;
	l->local = person->origin && !strcmp(person->origin, "local");
	l->csrf = person->csrf;
	l->time_zone = person->time_zone;
	l->slug = person->project.id ? person->project.slug : "";
	l->project = person->project.id ? person->project.name : "";
	l->manages = person->role >= PROJECT_ADMIN;
	l->can_write = l->manages && person->project.can_write && strcmp(section, "settings") != 0;
	l->writes_sql = person->role >= PROJECT_ANALYST;
	l->notice = notice_of(req);
	return l;
}

struct web_layout *web_layout_in(struct ctx *ctx, struct http_request *req, const struct project *project,
                                 enum project_role role, const char *title, const char *section)
{
	struct web_layout *l = web_layout(ctx, req, title, section);

	l->slug = project->slug;
	l->project = project->name;
	l->manages = role >= PROJECT_ADMIN;
	l->can_write = l->manages && project->can_write;
	l->writes_sql = role >= PROJECT_ANALYST;
	return l;
}

struct http_app *web_app(void)
{
	static struct http_app app = {
	        .routes = routes,
	        .nroutes = sizeof(routes) / sizeof(*routes),
	        .gate = auth_gate,
	        .error_page = show_error,
	        .worker_start = worker_start,
	        .worker_drain = worker_drain,
	        .worker_end = worker_end,
	};
	return &app;
}
