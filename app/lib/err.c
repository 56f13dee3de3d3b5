/* Errors as values; the columns of err.def become one table. */
#include "lib/err.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>

#include "lib/arena.h"
#include "lib/buf.h"

static const struct {
	int status;
	bool model;
	const char *title;
	const char *upper;
} kinds[ERR__MAX] = {
#define ERR(kind, status, model, title) {status, model, title, #kind},
#include "lib/err.def"
#undef ERR
};

static char names[ERR__MAX][32];

static void make_names(void)
{
	size_t kind, i;

	for (kind = 0; kind < ERR__MAX; kind++)
		for (i = 0; i + 1 < sizeof(names[kind]) && kinds[kind].upper[i]; i++)
			names[kind][i] =
			        kinds[kind].upper[i] == '_' ? '_' : (char)(kinds[kind].upper[i] | 0x20);
}

struct err *err_new(struct arena *a, enum err_kind kind, const char *fmt, ...)
{
	struct err *e = ARENA_NEW(a, struct err);
	va_list ap;

	va_start(ap, fmt);
	*e = (struct err){.kind = kind, .message = arena_vprintf(a, fmt, ap), .a = a};
	va_end(ap);
	return e;
}

struct err *err_code(struct err *e, const char *code)
{
	e->code = arena_strdup(e->a, code);
	return e;
}

struct err *err_detail(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	e->detail = arena_vprintf(e->a, fmt, ap);
	va_end(ap);
	return e;
}

struct err *err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	e->hint = arena_vprintf(e->a, fmt, ap);
	va_end(ap);
	return e;
}

struct err *err_at(struct err *e, int position)
{
	e->position = position;
	return e;
}

struct err *err_cause(struct err *e, const struct err *cause)
{
	e->cause = cause;
	return e;
}

struct err *err_copy(struct arena *a, const struct err *e)
{
	struct err *copy;

	if (!e)
		return NULL;
	copy = ARENA_NEW(a, struct err);
	*copy = *e;
	copy->code = arena_strdup(a, e->code);
	copy->message = arena_strdup(a, e->message);
	copy->detail = arena_strdup(a, e->detail);
	copy->hint = arena_strdup(a, e->hint);
	copy->cause = err_copy(a, e->cause);
	copy->a = a;
	return copy;
}

int err_status(enum err_kind kind)
{
	return kinds[kind].status;
}

bool err_model_may_see(enum err_kind kind)
{
	return kinds[kind].model;
}

const char *err_title(enum err_kind kind)
{
	return kinds[kind].title;
}

const char *err_name(enum err_kind kind)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_names);
	return names[kind];
}

const char *err_text(const struct err *e)
{
	struct buf b = buf_init(e->a, BUF_LINE);
	size_t i;

	buf_add_cstr(&b, e->message);
	if (e->detail)
		buf_printf(&b, ": %s", e->detail);
	if (e->hint)
		buf_printf(&b, " (%s)", e->hint);
	for (i = 0; i < b.n; i++)
		if (b.p[i] == '\n' || b.p[i] == '\r')
			b.p[i] = ' ';
	return buf_cstr(&b);
}
