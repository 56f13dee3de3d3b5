/*
 * An artifact as one file: its page holds the libraries that it uses, its code and its data, and forbids itself all network.
 * All of that stands in one piece of JSON, in which nothing can end the element around it; the only script that is written
 * as such is our own.
 */
#include "web/alone_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/settings.h"

enum { FILE_BYTES = 32 << 20, LIBRARIES = 32 };

/* Files ------------------------------------------------------------------------------------------------ */

/* A file of the directory that nginx serves. */
static struct err *read_static(struct ctx *ctx, const char *name, struct str *out)
{
	const char *path = arena_printf(ctx->a, "%s/%s", ctx->settings->static_dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buf b = buf_init(ctx->a, FILE_BYTES);
	char piece[16384];
	ssize_t n;

	if (fd < 0)
		return err_detail(err_new(ctx->a, ERR_CONFIG, "could not read \"%s\"", path), "%s.", strerror(errno));
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_add(&b, piece, (size_t)n);
	close(fd);
	if (n < 0 || b.full)
		return err_new(ctx->a, ERR_CONFIG, "could not read \"%s\"", path);
	*out = buf_str(&b);
	return NULL;
}

static bool has(struct json_object *list, const char *text)
{
	for (size_t i = 0; i < json_length(list); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), text) == 0)
			return true;
	return false;
}

static bool has_word_of(struct json_object *list, const char *code)
{
	for (size_t i = 0; i < json_length(list); i++)
		if (strstr(code, json_object_get_string(json_object_array_get_idx(list, i))))
			return true;
	return false;
}

/* As static/sandbox/libraries.js says which it will ask for. */
static bool wants(struct json_object *lib, const char *type, const char *code)
{
	struct json_object *in = json_get_array(lib, "in");
	bool program = in ? has(in, type) : strcmp(type, "react") == 0 || strcmp(type, "html") == 0;

	return has(json_get_array(lib, "types"), type) || (program && has_word_of(json_get_array(lib, "words"), code));
}

/* What one that is wanted needs is wanted, too. */
static void add_needs(struct json_object *libs, bool *wanted)
{
	for (size_t i = 0; i < json_length(libs) && i < LIBRARIES; i++) {
		struct json_object *needs = json_get_array(json_object_array_get_idx(libs, i), "needs");

		for (size_t j = 0; wanted[i] && needs && j < json_length(libs) && j < LIBRARIES; j++)
			wanted[j] |= has(needs, json_get_str(json_object_array_get_idx(libs, j), "name"));
	}
}

/* Whether a figure does with the small Plotly: says no more often than static/sandbox/libraries.js does, which is then given the large
 * one in its place. */
static bool is_basic(struct arena *a, const char *code)
{
	static const char *const large[] = {"\"polar", "\"ternary", "\"smith", "\"geo", "\"scene", "\"map"};
	struct json_object *o, *traces;

	for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++)
		if (strstr(code, large[i]))
			return false;
	if (json_read(a, str_of(code), JSON_DEPTH, &o) || !(traces = json_get_array(o, "data")))
		return false;
	for (size_t i = 0; i < json_length(traces); i++) {
		const char *type = json_get_str(json_object_array_get_idx(traces, i), "type");

		if (type && strcmp(type, "scatter") != 0 && strcmp(type, "bar") != 0 && strcmp(type, "pie") != 0)
			return false;
	}
	return true;
}

static void choose_plotly(struct arena *a, struct json_object *libs, const struct artifact *artifact, bool *wanted)
{
	if (strcmp(artifact->type, "plotly") != 0 || !is_basic(a, artifact->version.code))
		return;
	for (size_t i = 0; i < json_length(libs) && i < LIBRARIES; i++) {
		const char *name = json_get_str(json_object_array_get_idx(libs, i), "name");

		if (strcmp(name, "plotly") == 0)
			wanted[i] = false;
		else if (strcmp(name, "plotly-basic") == 0)
			wanted[i] = true;
	}
}

static struct err *put_file(struct ctx *ctx, struct json_writer *w, const char *name)
{
	struct str text = {NULL, 0};

	TRY(read_static(ctx, name, &text));
	json_put_str(w, name, text);
	return NULL;
}

static struct err *put_files(struct ctx *ctx, const struct artifact *artifact, struct json_writer *w)
{
	bool wanted[LIBRARIES] = {false};
	struct json_object *libs;
	struct str table = {NULL, 0};

	TRY(read_static(ctx, "libs.json", &table));
	TRY(json_read(ctx->a, table, JSON_DEPTH, &libs));
	for (size_t i = 0; i < json_length(libs) && i < LIBRARIES; i++)
		wanted[i] = wants(json_object_array_get_idx(libs, i), artifact->type, artifact->version.code);
	add_needs(libs, wanted);
	choose_plotly(ctx->a, libs, artifact, wanted);
	json_object_open(w, "files");
	TRY(put_file(ctx, w, "sandbox.js"));
	for (size_t i = 0; i < json_length(libs) && i < LIBRARIES; i++)
		if (wanted[i])
			TRY(put_file(ctx, w,
			             arena_printf(ctx->a, "libs/%s",
			                          json_get_str(json_object_array_get_idx(libs, i), "file"))));
	json_object_close(w);
	return NULL;
}

/* The page ------------------------------------------------------------------------------------------------ */

struct frame_view {
	const char *title;
};
static const struct view frame_view = VIEW(struct frame_view, VIEW_STR(struct frame_view, title));
WEB_PAGE(frame_page, "sandbox", frame_view);

struct refused_view {
	const char *name;
	const char *message;
};
static const struct view refused_view = VIEW(struct refused_view, VIEW_STR(struct refused_view, name),
                                             VIEW_STR(struct refused_view, message));

struct alone_view {
	const char *title;
	const char *as;
	const char *facts; /* from when the data is, or NULL */
	struct refused_view *refused;
	size_t nrefused;
	const char *html;    /* of a text */
	const char *content; /* of everything else, as JSON */
	const char *script;
};
static const struct view alone_view =
        VIEW(struct alone_view, VIEW_STR(struct alone_view, title), VIEW_STR(struct alone_view, as),
             VIEW_STR(struct alone_view, facts), VIEW_LIST(struct alone_view, refused, nrefused, &refused_view),
             VIEW_HTML(struct alone_view, html), VIEW_HTML(struct alone_view, content),
             VIEW_HTML(struct alone_view, script));
WEB_PAGE(alone_page, "artifact/alone", alone_view);

/* Statements that this person may not run. */
static void fill_refused(struct arena *a, const struct artifact_version *v, struct err *const *failed, struct alone_view *out)
{
	out->refused = ARENA_ARRAY(a, struct refused_view, v->nsources);
	for (size_t i = 0; i < v->nsources; i++)
		if (failed[i])
			out->refused[out->nrefused++] = (struct refused_view){v->sources[i].name, failed[i]->message};
}

/* What means something to a page or a script stands in a string of the JSON: there it can be an escape. */
static struct str harmless(struct arena *a, struct str json)
{
	static const struct {
		struct str text;
		const char *escape;
	} marks[] = {{STR("<"), "\\u003c"}, {STR("\xe2\x80\xa8"), "\\u2028"}, {STR("\xe2\x80\xa9"), "\\u2029"}};
	struct buf b = buf_init(a, (size_t)BUF_RESULT * 2);

	for (size_t i = 0; i < json.n;) {
		struct str rest = {json.p + i, json.n - i};
		size_t m = 0;

		while (m < 3 && !str_starts(rest, marks[m].text))
			m++;
		if (m < 3)
			buf_add_cstr(&b, marks[m].escape);
		else
			buf_add_char(&b, json.p[i]);
		i += m < 3 ? marks[m].text.n : 1;
	}
	return b.full ? STR("null") : buf_str(&b);
}

static struct err *put_content(struct ctx *ctx, const struct artifact *artifact, struct str data, bool framed,
                               struct buf *out)
{
	struct json_writer w = {.b = out};
	struct buf document = buf_init(ctx->a, BUF_PAGE);

	json_object_open(&w, NULL);
	json_put_cstr(&w, "type", artifact->type);
	json_put_cstr(&w, "code", artifact->version.code);
	json_put_bool(&w, "framed", framed);
	json_put_raw(&w, "data", harmless(ctx->a, data));
	if (framed) {
		TRY(web_render_into(ctx, &frame_page, &(struct frame_view){artifact->title}, &document));
		json_put_str(&w, "document", buf_str(&document));
	}
	TRY(put_files(ctx, artifact, &w));
	json_object_close(&w);
	return out->full ? err_new(ctx->a, ERR_TOO_LARGE, "the artifact is too large for one file") : NULL;
}

/* Ours, and small: it holds none, and a new one that did would be seen. */
static struct err *fill_script(struct ctx *ctx, struct alone_view *v)
{
	struct str script = {NULL, 0};

	TRY(read_static(ctx, "alone.js", &script));
	if (str_find(script, STR("</")) >= 0 || str_find(script, STR("<!--")) >= 0)
		return err_new(ctx->a, ERR_INTERNAL, "the script of a page cannot stand in a page");
	v->script = script.p;
	return NULL;
}

/* Statements are run as this person. */
static struct err *fill_program(struct ctx *ctx, const struct http_request *req, const struct artifact_seen *seen,
                                struct alone_view *v)
{
	struct buf data = buf_init(ctx->a, BUF_RESULT), content = buf_init(ctx->a, WEB_ALONE_BYTES);
	struct err **failed = ARENA_ARRAY(ctx->a, struct err *, seen->a.version.nsources);
	struct query_scope scope = {0};
	int64_t at;

	if (seen->a.version.nsources)
		TRY(artifact_scope(ctx, req, seen, &scope));
	TRY(artifact_data(ctx, &scope, &seen->a.version, &data, &at, failed));
	fill_refused(ctx->a, &seen->a.version, failed, v);
	TRY(put_content(ctx, &seen->a, buf_str(&data), strcmp(v->as, "html") == 0, &content));
	v->content = buf_cstr(&content);
	if (at)
		v->facts = arena_printf(ctx->a, "Data of %s", web_time(ctx->a, at));
	return fill_script(ctx, v);
}

struct err *web_alone(struct ctx *ctx, const struct http_request *req, const struct artifact_seen *seen, const char *as,
                      struct buf *out)
{
	struct alone_view v = {.title = seen->a.title, .as = as};

	if (artifact_type(seen->a.type)->framed)
		TRY(fill_program(ctx, req, seen, &v));
	else
		v.html = artifact_html(ctx->a, seen->a.version.code);
	TRY(web_render_into(ctx, &alone_page, &v, out));
	return out->full ? err_new(ctx->a, ERR_TOO_LARGE, "the artifact is too large for one file") : NULL;
}
