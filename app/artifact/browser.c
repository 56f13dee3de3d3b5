/*
 * Chromium for one page: it opens a file that only it sees, inside of the process sandbox, and is told over a pipe (the DevTools
 * protocol) how large the window is, to wait until the page is painted, and to hand over a picture or sheets.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "artifact/artifact_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "runner/runner.h"

enum { MESSAGE_BYTES = 96 << 20, DISK = 512 << 20, THREADS = 600, PIECE = 64 << 10, TALL = 8000, PROBLEM = 300 };
enum { IDLE_MESSAGES = 2000, IDLE_BYTES = 8 << 20 }; /* that answer nothing: what runs in there may be the page's */

struct browser {
	struct ctx *ctx;
	struct runner *r;
	struct buf in;   /* what was read and not looked at */
	size_t looked;   /* of it, without the end of a message */
	size_t idle_messages, idle_bytes;
	int64_t id;      /* of the last command */
	const char *tab; /* NULL: commands are for the browser itself */
};

/* Speaking ------------------------------------------------------------------------------------------------ */

/* The next message, there until forget(). */
static struct err *hear(struct browser *b, struct str *out)
{
	for (;;) {
		char *end = b->in.n > b->looked ? memchr(b->in.p + b->looked, '\0', b->in.n - b->looked) : NULL;
		char piece[PIECE];
		size_t n;

		if (end) {
			*out = (struct str){b->in.p, (size_t)(end - b->in.p)};
			return NULL;
		}
		b->looked = b->in.n;
		TRY(runner_read(b->r, piece, sizeof(piece), &n));
		if (!n)
			return err_detail(err_new(b->ctx->a, ERR_UNAVAILABLE, "the browser ended"), "%s",
			                  runner_said(b->r));
		buf_add(&b->in, piece, n);
		if (b->in.full)
			return err_new(b->ctx->a, ERR_TOO_LARGE, "the file would be too large");
	}
}

/* What was read beyond the message stays. */
static void forget(struct browser *b, size_t message)
{
	b->in.n -= message + 1;
	memmove(b->in.p, b->in.p + message + 1, b->in.n);
	b->looked = 0;
}

static struct err *count_idle(struct browser *b, size_t message)
{
	b->idle_bytes += message;
	if (++b->idle_messages <= IDLE_MESSAGES && b->idle_bytes <= IDLE_BYTES)
		return NULL;
	return err_new(b->ctx->a, ERR_TOO_LARGE, "the page keeps the browser too busy");
}

/* One message. *result stays NULL when it is not the answer to the last command; of those only that the page is no more is for us. */
static struct err *understand(struct browser *b, const char *method, struct json_object *o, struct json_object **result)
{
	const char *event = json_get_str(o, "method");

	if (event && strcmp(event, "Inspector.targetCrashed") == 0)
		return err_new(b->ctx->a, ERR_TOO_LARGE, "the page crashed, as it does when it takes too much memory");
	if (json_get_i64(o, "id", 0) != b->id)
		return NULL;
	if (!json_get(o, "result"))
		return err_new(b->ctx->a, ERR_INTERNAL, "the browser refused %s: %s", method,
		               json_get_str(json_get(o, "error"), "message"));
	*result = json_get(o, "result");
	return NULL;
}

static void free_arena(void *arg)
{
	arena_free(arg);
}

/* Each message has an arena of its own, which only that of the answer outlives. */
static struct err *answer(struct browser *b, const char *method, struct json_object **result)
{
	for (*result = NULL;;) {
		struct arena *a = arena_create();
		struct json_object *o;
		struct str text;
		struct err *e;

		e = hear(b, &text);
		if (!e && (e = json_read(a, text, JSON_DEPTH_TREE, &o)) != NULL)
			e = err_copy(b->ctx->a, e);
		if (!e)
			e = understand(b, method, o, result);
		if (!e && *result) {
			forget(b, text.n);
			arena_cleanup(b->ctx->a, free_arena, a);
			return NULL;
		}
		arena_free(a);
		TRY(e);
		forget(b, text.n);
		TRY(count_idle(b, text.n));
	}
}

static struct err *tell(struct browser *b, const char *method, const char *params, struct json_object **result)
{
	struct buf out = buf_init(b->ctx->a, BUF_LINE);
	struct json_writer w = {.b = &out};
	struct json_object *none;

	json_object_open(&w, NULL);
	json_put_i64(&w, "id", ++b->id);
	json_put_cstr(&w, "method", method);
	json_put_raw(&w, "params", str_of(params));
	if (b->tab)
		json_put_cstr(&w, "sessionId", b->tab);
	json_object_close(&w);
	TRY(runner_write(b->r, (struct str){buf_cstr(&out), out.n + 1}));
	return answer(b, method, result ? result : &none);
}

/* Its start ----------------------------------------------------------------------------------------------- */

static struct err *launch(struct browser *b, struct str page)
{
	const struct settings *s = b->ctx->settings;
	char program[PATH_MAX]; /* without links: these may lie where it does not see them */
	const char *const argv[] = {realpath(s->chromium, program) ? program : s->chromium,
	                            "--headless=new",
	                            "--no-sandbox", /* this one is around it */
	                            "--disable-gpu",
	                            "--disable-breakpad",
	                            "--disable-crash-reporter",
	                            "--disable-extensions",
	                            "--disable-background-networking",
	                            "--disable-component-update",
	                            "--disable-sync",
	                            "--disable-default-apps",
	                            "--no-first-run",
	                            "--no-zygote",
	                            "--mute-audio",
	                            "--hide-scrollbars",
	                            "--force-color-profile=srgb",
	                            "--user-data-dir=/tmp/profile",
	                            "--remote-debugging-pipe",
	                            "about:blank",
	                            NULL};
	static const char *const binds[] = {"/etc/fonts", "/var/cache/fontconfig", NULL};
	const struct runner_file file = {"/tmp/page.html", page};
	const struct runner_job job = {.argv = argv,
	                               .binds = binds,
	                               .files = &file,
	                               .nfiles = 1,
	                               .seconds = s->export_seconds,
	                               .memory = s->export_mb << 20,
	                               .disk = DISK,
	                               .processes = THREADS};

	return runner_start(b->ctx, &job, &b->r);
}

static struct err *open_tab(struct browser *b, int64_t width)
{
	struct arena *a = b->ctx->a;
	struct json_object *o;

	TRY(tell(b, "Target.createTarget", "{\"url\":\"about:blank\"}", &o));
	TRY(tell(b, "Target.attachToTarget",
	         arena_printf(a, "{\"targetId\":\"%s\",\"flatten\":true}", json_get_str(o, "targetId")), &o));
	b->tab = arena_strdup(a, json_get_str(o, "sessionId"));
	TRY(tell(b, "Emulation.setDeviceMetricsOverride",
	         arena_printf(a, "{\"width\":%lld,\"height\":800,\"deviceScaleFactor\":2,\"mobile\":false}",
	                      (long long)width),
	         NULL));
	TRY(tell(b, "Emulation.setEmulatedMedia",
	         "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"light\"},"
	         "{\"name\":\"prefers-reduced-motion\",\"value\":\"reduce\"}]}",
	         NULL));
	/* Of events it is told this one alone: the page decides how many others there are. */
	TRY(tell(b, "Inspector.enable", "{}", NULL));
	return tell(b, "Page.navigate", "{\"url\":\"file:///tmp/page.html\"}", NULL);
}

/* Painted, and nothing moves into its place any more: {"height", "error"}. What is drawn on a canvas moves unseen. */
#define PAINTED \
	"(async () => { const rest = (ms) => new Promise((r) => setTimeout(r, ms));" \
	" const still = async () => { let last = performance.now(); const end = last + 3000;" \
	" new MutationObserver(() => { last = performance.now(); }).observe(document, {subtree: true, childList: true, attributes: true});" \
	" const quiet = document.querySelector('canvas') ? 1800 : 600;" \
	" while (performance.now() < Math.min(end, last + quiet)) await rest(50); };" \
	" while (document.readyState !== 'complete') await rest(20);" \
	" const done = await (self.quernDone ?? {errors: []}); await document.fonts.ready;" \
	" if (self.quernDone) await still();" \
	" const root = document.documentElement, tall = root.scrollHeight;" \
	" return JSON.stringify({height: Math.ceil(tall > innerHeight ? tall : root.getBoundingClientRect().height)," \
	" error: String(done.errors?.[0]?.message ?? '').slice(0, 300)}); })()"

/* The page may have cut it, and may have not. */
static const char *cut(struct arena *a, const char *text)
{
	struct str clean = str_of(str_utf8_clean(a, str_of(text))), rest = clean;

	for (size_t i = 0; i < PROBLEM && rest.n; i++) {
		size_t step = str_utf8_step(rest);

		rest = (struct str){rest.p + step, rest.n - step};
	}
	return str_dup(a, (struct str){clean.p, clean.n - rest.n});
}

static struct err *wait_painted(struct browser *b, int64_t *height)
{
	struct arena *a = b->ctx->a;
	struct json_object *o;
	const char *text, *problem;

	TRY(tell(b, "Runtime.evaluate", "{\"expression\":\"" PAINTED "\",\"awaitPromise\":true,\"returnByValue\":true}", &o));
	text = json_get_str(json_get(o, "result"), "value");
	TRY(json_read(a, str_of(text ? text : "{}"), JSON_DEPTH, &o));
	*height = json_get_i64(o, "height", 0);
	problem = json_get_str(o, "error");
	if (problem && *problem)
		return err_new(a, ERR_INVALID, "the artifact failed: %s", cut(a, problem));
	return *height > 0 ? NULL : err_new(a, ERR_INTERNAL, "the page was not painted");
}

/* Files ---------------------------------------------------------------------------------------------------- */

struct sheet {
	int64_t width; /* of the window, and of what is printed */
	const char *paper;
};
#define MARGINS "\"marginTop\":0.5,\"marginBottom\":0.5,\"marginLeft\":0.45,\"marginRight\":0.45,\"printBackground\":true"
static const struct sheet picture = {1200, NULL},
                          upright = {708, "{\"paperWidth\":8.27,\"paperHeight\":11.69," MARGINS "}"},
                          lying = {1036, "{\"paperWidth\":11.69,\"paperHeight\":8.27," MARGINS "}"};

static struct err *take(struct browser *b, const struct sheet *sheet, int64_t height, struct json_object **result)
{
	struct arena *a = b->ctx->a;

	if (sheet->paper)
		return tell(b, "Page.printToPDF", sheet->paper, result);
	if (height > TALL)
		return err_new(a, ERR_TOO_LARGE, "the picture would be too tall: take PDF, which goes over sheets");
	return tell(b, "Page.captureScreenshot",
	            arena_printf(a,
	                         "{\"format\":\"png\",\"captureBeyondViewport\":true,\"clip\":{\"x\":0,\"y\":0,\"width\":%lld,"
	                         "\"height\":%lld,\"scale\":1}}",
	                         (long long)sheet->width, (long long)height),
	            result);
}

static struct err *draw(struct browser *b, struct str page, const struct sheet *sheet, struct str *out)
{
	struct arena *a = b->ctx->a;
	struct json_object *o = NULL;
	const char *data;
	int64_t height = 0;

	TRY(launch(b, page));
	TRY(open_tab(b, sheet->width));
	TRY(wait_painted(b, &height));
	TRY(take(b, sheet, height, &o));
	data = json_get_str(o, "data");
	TRY(crypto_base64_decode(a, str_of(data ? data : ""), out));
	if (out->n > ARTIFACT_FILE_BYTES)
		return err_new(a, ERR_TOO_LARGE, "the file would be too large");
	return out->n ? NULL : err_new(a, ERR_INTERNAL, "the browser handed over no file");
}

/* It is over before the row says that it is done: that lets the next one begin. */
struct err *artifact_browser(struct ctx *ctx, struct str page, const char *format, bool wide, struct str *out)
{
	const struct sheet *sheet = strcmp(format, "png") == 0 ? &picture : wide ? &lying : &upright;
	struct browser b = {.ctx = ctx, .in = buf_init(ctx->a, MESSAGE_BYTES)};
	struct err *e = draw(&b, page, sheet, out);

	if (b.r)
		runner_kill(b.r);
	return e;
}

struct err *artifact_export_check(struct ctx *ctx)
{
	const char *chromium = ctx->settings->chromium;

	if (!*chromium || access(chromium, X_OK) != 0)
		return err_new(ctx->a, ERR_UNAVAILABLE, "Chromium is not installed here");
	return runner_check(ctx);
}
