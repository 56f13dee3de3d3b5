/* Log lines. Each is built in an arena of its own, so that logging works wherever an error is met. */
#include "lib/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/json.h"

/* So many fields of this length fit a line even when every byte is escaped. */
enum { TEXT_BYTES = 1024, FIELDS_MOST = 8 };

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static atomic_int least = LOG_INFO;

void log_set_level(enum log_level level)
{
	atomic_store(&least, (int)level);
}

int log_level_of(struct str name)
{
	size_t i;

	for (i = 0; i < sizeof(level_names) / sizeof(*level_names); i++)
		if (str_is(name, level_names[i]))
			return (int)i;
	return -1;
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
	json_put_str(w, key, str_utf8_cut(str_of(text), TEXT_BYTES));
}

static void write_line(const char *p, size_t n)
{
	ssize_t done;

	do
		done = write(STDERR_FILENO, p, n);
	while (done < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *request_id, const char *message,
               const struct log_field *fields)
{
	int saved = errno;
	struct arena *a;
	struct buf b;
	struct json_writer w = {&b, false};
	size_t i;

	if ((int)level < atomic_load(&least))
		return;
	a = arena_create();
	b = buf_init(a, BUF_LINE);
	json_object_open(&w, NULL);
	json_put_cstr(&w, "time", clock_rfc3339(a, clock_wall_us()));
	json_put_cstr(&w, "level", level_names[level]);
	if (request_id)
		put_text(&w, "request_id", request_id);
	put_text(&w, "message", message);
	for (i = 0; i < FIELDS_MOST && fields[i].key; i++)
		if (fields[i].text)
			put_text(&w, fields[i].key, fields[i].text);
		else
			json_put_i64(&w, fields[i].key, fields[i].number);
	json_object_close(&w);
	buf_add_char(&b, '\n');
	write_line(b.p, b.n);
	arena_free(a);
	errno = saved;
}

void log_err(enum log_level level, const char *request_id, const char *what, const struct err *e)
{
	struct arena *a = arena_create();
	struct buf causes = buf_init(a, BUF_LINE);
	const struct err *c;

	for (c = e->cause; c; c = c->cause)
		buf_printf(&causes, "%s%s", causes.n ? "; " : "", err_text(c));
	LOG(level, request_id, what, LOG_STR("kind", err_name(e->kind)), LOG_STR("code", e->code),
	    LOG_STR("error", e->message), LOG_STR("detail", e->detail), LOG_STR("cause", buf_cstr(&causes)));
	arena_free(a);
}
