/* Small things that pages share: forms, numbers and times for people. */
#include <string.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "web/web_priv.h"

const struct view web_problem_view =
        VIEW(struct web_problem, VIEW_STR(struct web_problem, message), VIEW_STR(struct web_problem, detail),
             VIEW_STR(struct web_problem, hint));

bool web_mendable(const struct err *e)
{
	static const bool mendable[ERR__MAX] = {
	        [ERR_INVALID] = true,         [ERR_CONFLICT] = true,     [ERR_NOT_FOUND] = true,
	        [ERR_UNAUTHENTICATED] = true, [ERR_RATE_LIMITED] = true, [ERR_UNAVAILABLE] = true,
	        [ERR_QUERY] = true,           [ERR_TIMEOUT] = true,
	};
	return mendable[e->kind];
}

struct web_problem *web_problem(struct ctx *ctx, const struct err *e)
{
	if (!e)
		return NULL;
	struct web_problem *p = ARENA_NEW(ctx->a, struct web_problem);
	*p = (struct web_problem){e->message, e->detail, e->hint};
	return p;
}

void web_problem_status(struct ctx *ctx, struct http_response *res, const struct err *e)
{
	if (!e)
		return;
	http_status(res, err_status(e->kind));
	if (e->retry_after)
		http_set_header(res, "Retry-After", arena_printf(ctx->a, "%d", e->retry_after));
}

const char *web_field(struct ctx *ctx, const struct http_request *req, const char *name)
{
	return str_dup(ctx->a, str_trim(http_field(req, name)));
}

struct db_texts web_field_names(struct ctx *ctx, const struct http_request *req, const char *name)
{
	char *text = str_dup(ctx->a, http_field(req, name));
	struct db_texts names = {ARENA_ARRAY(ctx->a, const char *, strlen(text) / 2 + 1), 0};

	/* A comma or a line ends a name; a space may be part of one. */
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ',';
	struct str rest = str_of(text);
	while (rest.p) {
		struct str one = str_trim(str_chop(&rest, ','));
		if (one.n)
			names.p[names.n++] = str_dup(ctx->a, one);
	}
	return names;
}

const char *web_joined(struct arena *a, struct db_texts texts)
{
	struct buf b = buf_init(a, BUF_PAGE);

	for (size_t i = 0; i < texts.n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", texts.p[i]);
	return buf_cstr(&b);
}

const char *web_grouped(struct arena *a, int64_t n)
{
	char digits[32];
	struct buf b = buf_init(a, 64);
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
			buf_add_char(&b, ',');
		buf_add_char(&b, digits[i]);
	}
	return buf_cstr(&b);
}

const char *web_count(struct arena *a, int64_t n, const char *singular, const char *plural)
{
	return arena_printf(a, "%s %s", web_grouped(a, n), n == 1 ? singular : plural);
}

const char *web_duration(struct arena *a, int64_t ms)
{
	if (ms < 100)
		return arena_printf(a, "%lld ms", (long long)ms);
	if (ms < 60000)
		return arena_printf(a, "%.*f s", ms < 10000 ? 2 : 1, (double)ms / 1000);
	return arena_printf(a, "%lld min %lld s", (long long)(ms / 60000), (long long)(ms / 1000 % 60));
}

const char *web_time(struct arena *a, int64_t wall_us)
{
	char text[32];
	struct tm tm;
	time_t seconds = (time_t)(wall_us / 1000000);

	if (!wall_us || !gmtime_r(&seconds, &tm))
		return "never";
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm);
	return arena_strdup(a, text);
}
