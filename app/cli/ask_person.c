/* What a turn waits for, asked at the terminal: a line of words, a number of what is offered, or yes and no. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask_priv.h"
#include "cli/plain_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"

enum { LINE_BYTES = 4096 };

struct asked {
	const char *call_id, *question, *sql, *hash;
	struct json_object *options;
	bool approval;
};

static const char *word(struct json_object *o, const char *key)
{
	const char *text = json_get_str(o, key);

	return text ? text : "";
}

static struct asked read_asked(struct arena *a, const struct agent_turn *t)
{
	struct asked q = {.call_id = "", .question = "", .sql = "", .hash = ""};
	struct json_object *o;

	q.approval = t->waits_for && strcmp(t->waits_for, "approval") == 0;
	if (!t->wait || json_read(a, str_of(t->wait), JSON_DEPTH, &o))
		return q;
	q.call_id = word(o, "id");
	q.question = word(o, q.approval ? "summary" : "question");
	q.sql = word(o, "sql");
	q.hash = word(o, "hash");
	q.options = json_get_array(o, "options");
	return q;
}

static const char *option(const struct asked *q, size_t i)
{
	const char *text = json_object_get_string(json_object_array_get_idx(q->options, i));

	return text ? text : "";
}

const char *ask_waits_for(struct arena *a, const struct agent_turn *t)
{
	struct asked q = read_asked(a, t);
	struct buf b = buf_init(a, BUF_LINE);

	buf_printf(&b, "%s: %s", q.approval ? "an approval" : "an answer", q.question);
	for (size_t i = 0; i < json_length(q.options); i++)
		buf_printf(&b, "%s%s", i ? " / " : " ", option(&q, i));
	return buf_cstr(&b);
}

static void show(const struct asked *q)
{
	fputc('\n', stderr);
	plain_put(stderr, str_of(q->question));
	fputc('\n', stderr);
	plain_put(stderr, str_of(q->sql));
	fputs(*q->sql ? "\n" : "", stderr);
	for (size_t i = 0; i < json_length(q->options); i++) {
		fprintf(stderr, "  %zu. ", i + 1);
		plain_put(stderr, str_of(option(q, i)));
		fputc('\n', stderr);
	}
	fputs(q->approval ? "Run it? [yes/no] " : "> ", stderr);
}

/* A terminal gives a line at once. False at its end, or when something else is to be seen to. */
static bool read_line(char *line, int wake_fd)
{
	struct pollfd p[] = {{STDIN_FILENO, POLLIN, 0}, {wake_fd, POLLIN, 0}};
	ssize_t n;

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	if (p[1].revents)
		return false;
	n = read(STDIN_FILENO, line, LINE_BYTES - 1);
	line[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* "2" is the second of what is offered. */
static struct str meant(const struct asked *q, struct str line)
{
	int64_t n;

	if (q->approval)
		return str_eq_nocase(line, STR("y")) || str_eq_nocase(line, STR("yes")) ? STR("yes") : STR("no");
	if (str_to_i64(line, &n) && n >= 1 && n <= (int64_t)json_length(q->options))
		return str_of(option(q, (size_t)n - 1));
	return line;
}

struct err *ask_person(struct ctx *ctx, const struct agent_turn *t, int wake_fd, bool *answered)
{
	struct asked q = read_asked(ctx->a, t);
	char line[LINE_BYTES];
	struct str said;

	*answered = false;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return NULL;
	do {
		show(&q);
		if (!read_line(line, wake_fd)) {
			fputc('\n', stderr);
			return NULL;
		}
		said = str_trim(str_of(line));
	} while (said.n == 0);
	*answered = true;
	return agent_turn_answer(ctx, t->id, q.call_id, meant(&q, said), q.hash);
}
