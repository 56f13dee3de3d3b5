/* Between a project's settings and their forms. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "web/form_priv.h"

const struct view web_project_form_view =
        VIEW(struct web_project_form, VIEW_STR(struct web_project_form, slug),
             VIEW_STR(struct web_project_form, name), VIEW_STR(struct web_project_form, description),
             VIEW_STR(struct web_project_form, prompt), VIEW_STR(struct web_project_form, suggestions));

static const struct view option_view =
        VIEW(struct web_option, VIEW_STR(struct web_option, value), VIEW_STR(struct web_option, label),
             VIEW_BOOL(struct web_option, selected));
const struct view web_source_form_view =
        VIEW(struct web_source_form, VIEW_STR(struct web_source_form, host),
             VIEW_STR(struct web_source_form, port), VIEW_STR(struct web_source_form, database),
             VIEW_STR(struct web_source_form, username), VIEW_BOOL(struct web_source_form, has_password),
             VIEW_LIST(struct web_source_form, sslmodes, nsslmodes, &option_view),
             VIEW_STR(struct web_source_form, schema), VIEW_STR(struct web_source_form, allowed),
             VIEW_STR(struct web_source_form, excluded));

static const struct view warning_view =
        VIEW(struct web_warning, VIEW_STR(struct web_warning, text), VIEW_STR(struct web_warning, mend),
             VIEW_BOOL(struct web_warning, sql));
const struct view web_probe_view = VIEW(
        struct web_probe, VIEW_BOOL(struct web_probe, ok), VIEW_STR(struct web_probe, message),
        VIEW_STR(struct web_probe, hint), VIEW_LIST(struct web_probe, grave, ngrave, &warning_view),
        VIEW_BOOL(struct web_probe, any_grave),
        VIEW_LIST(struct web_probe, warnings, nwarnings, &warning_view), VIEW_STR(struct web_probe, when));

static const char *joined(struct arena *a, struct db_texts t)
{
	struct buf b = buf_init(a, BUF_PAGE);

	for (size_t i = 0; i < t.n; i++)
		buf_printf(&b, "%s\n", t.p[i]);
	return buf_cstr(&b);
}

struct web_project_form *web_project_form(struct ctx *ctx, const struct project *p)
{
	struct web_project_form *f = ARENA_NEW(ctx->a, struct web_project_form);

	f->slug = p->slug;
	f->name = p->name;
	f->description = p->description;
	f->prompt = p->prompt;
	f->suggestions = joined(ctx->a, p->suggestions);
	return f;
}

static void add_sslmodes(struct arena *a, struct web_source_form *f, const char *selected)
{
	static const char *const modes[][2] = {
	        {"disable", "no TLS"},
	        {"prefer", "TLS if the server offers it"},
	        {"require", "TLS, any certificate"},
	        {"verify-ca", "TLS, certificate from a known authority"},
	        {"verify-full", "TLS, certificate of exactly this host"},
	};
	f->nsslmodes = sizeof(modes) / sizeof(*modes);
	f->sslmodes = ARENA_ARRAY(a, struct web_option, f->nsslmodes);
	for (size_t i = 0; i < f->nsslmodes; i++)
		f->sslmodes[i] =
		        (struct web_option){modes[i][0], modes[i][1], !strcmp(modes[i][0], selected)};
}

struct web_source_form *web_source_form(struct ctx *ctx, const struct project_source *s)
{
	struct web_source_form *f = ARENA_NEW(ctx->a, struct web_source_form);

	f->host = s->host;
	f->port = arena_printf(ctx->a, "%lld", (long long)s->port);
	f->database = s->database;
	f->username = s->username;
	f->has_password = s->password != NULL;
	f->schema = s->schema;
	f->allowed = s->allowed.p ? joined(ctx->a, s->allowed) : "";
	f->excluded = joined(ctx->a, s->excluded);
	add_sslmodes(ctx->a, f, s->sslmode);
	return f;
}

bool web_only_test(const struct http_request *req)
{
	return str_is(http_field(req, "action"), "test");
}

int64_t web_number(const struct http_request *req, const char *name)
{
	int64_t n;

	return str_to_i64(str_trim(http_field(req, name)), &n) ? n : -1;
}

/* Lines of a text area; a suggestion may hold commas. */
static struct db_texts lines(struct ctx *ctx, const struct http_request *req, const char *name)
{
	struct str rest = http_field(req, name);
	struct db_texts t = {ARENA_ARRAY(ctx->a, const char *, rest.n / 2 + 1), 0};

	while (rest.p) {
		struct str one = str_trim(str_chop(&rest, '\n'));
		if (one.n)
			t.p[t.n++] = str_dup(ctx->a, one);
	}
	return t;
}

void web_project_sent(struct ctx *ctx, const struct http_request *req, struct project *p)
{
	p->slug = web_field(ctx, req, "slug");
	p->name = web_field(ctx, req, "name");
	p->description = web_field(ctx, req, "description");
	p->prompt = web_field(ctx, req, "prompt");
	p->suggestions = lines(ctx, req, "suggestions");
}

void web_source_sent(struct ctx *ctx, const struct http_request *req, struct project_source *s)
{
	struct db_texts allowed = web_field_names(ctx, req, "allowed");

	s->host = web_field(ctx, req, "host");
	s->port = web_number(req, "port");
	s->database = web_field(ctx, req, "database");
	s->username = web_field(ctx, req, "username");
	s->password = http_field(req, "password").n ? str_dup(ctx->a, http_field(req, "password")) : NULL;
	if (http_has_field(req, "no_password"))
		s->password = "";
	s->sslmode = web_field(ctx, req, "sslmode");
	s->schema = web_field(ctx, req, "schema");
	s->allowed = allowed.n ? allowed : (struct db_texts){0};
	s->excluded = web_field_names(ctx, req, "excluded");
}

struct web_probe *web_probe(struct ctx *ctx, const struct query_probe *found)
{
	struct web_probe *p = ARENA_NEW(ctx->a, struct web_probe);

	p->ok = found->ok;
	p->message = found->message;
	p->hint = found->hint;
	p->when = web_time(ctx->a, found->at);
	p->grave = ARENA_ARRAY(ctx->a, struct web_warning, found->nwarnings);
	p->warnings = ARENA_ARRAY(ctx->a, struct web_warning, found->nwarnings);
	for (size_t i = 0; i < found->nwarnings; i++) {
		const struct query_warning *w = &found->warnings[i];
		struct web_warning shown = {w->text, w->mend, w->sql};

		if (w->grave)
			p->grave[p->ngrave++] = shown;
		else
			p->warnings[p->nwarnings++] = shown;
	}
	p->any_grave = p->ngrave > 0;
	return p;
}
