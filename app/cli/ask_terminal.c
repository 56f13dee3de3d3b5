/*
 * A turn on a terminal: the answer as it is written, the steps beside it, at the end the tables behind it. What was
 * written once cannot be taken back, so a text that is begun again stands there twice, and says so.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask_priv.h"
#include "cli/plain_priv.h"
#include "cli/table_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"

enum { TABLE_ROWS = 50, TABLES = 3 };

static struct {
	bool dim;
	bool in_text, in_thought; /* a line of it is open */
	bool in_step;             /* of a step under way: its end takes the place */
	bool at_start;            /* the last of the text was the end of a line */
	size_t shown;             /* bytes of the message under way that stand there */
} screen;

static void dim(bool on)
{
	if (screen.dim)
		fputs(on ? "\033[2m" : "\033[0m", stderr);
}

static void end_line(void)
{
	if (screen.in_text && !screen.at_start)
		putchar('\n');
	fflush(stdout);
	if (screen.in_thought)
		dim(false);
	if (screen.in_thought || screen.in_step)
		fputc('\n', stderr);
	screen.in_text = screen.in_thought = screen.in_step = false;
}

static void put_text(struct str text)
{
	if (text.n == 0)
		return;
	if (!screen.in_text)
		end_line();
	screen.in_text = true;
	screen.at_start = text.p[text.n - 1] == '\n';
	screen.shown += text.n;
	plain_put(stdout, text);
	fflush(stdout);
}

static void note(const char *text)
{
	end_line();
	dim(true);
	plain_put(stderr, str_of(text));
	dim(false);
	fputc('\n', stderr);
}

/* A step under way, and in its place, where a terminal can do that, what came of it. */
static void note_step(const char *text, bool running)
{
	if (screen.in_step && !running) {
		fputs("\r\033[K", stderr);
		screen.in_step = false;
	}
	if (!running || !screen.dim) {
		note(text);
		return;
	}
	end_line();
	dim(true);
	plain_put(stderr, str_of(text));
	dim(false);
	screen.in_step = true;
}

/* Events ------------------------------------------------------------------------------------------------- */

static const char *word(struct json_object *o, const char *key)
{
	const char *text = json_get_str(o, key);

	return text ? text : "";
}

static void show_step(struct arena *a, struct json_object *o)
{
	bool running = strcmp(word(o, "state"), "running") == 0;
	const char *detail = json_get_str(o, "detail");

	if (running && strcmp(word(o, "name"), "model") == 0) {
		if (screen.shown)
			note("That broke off; once more:");
		screen.shown = 0;
	}
	note_step(running ? arena_printf(a, "%s…", word(o, "label"))
	                  : arena_printf(a, "%s: %s in %lld ms%s%s", word(o, "label"), word(o, "state"),
	                                 (long long)json_get_i64(o, "ms", 0), detail ? ", " : "", detail ? detail : ""),
	          running);
}

/* What did not come in pieces. */
static void show_message(struct json_object *o)
{
	struct str text = str_of(word(o, "text"));

	if (text.n > screen.shown)
		put_text((struct str){text.p + screen.shown, text.n - screen.shown});
	end_line();
	screen.shown = 0;
}

static void on_event(void *arg, int64_t id, const char *kind, struct str json)
{
	struct arena *a = arena_create();
	struct json_object *o;

	(void)arg;
	(void)id;
	if (json_read(a, json, JSON_DEPTH, &o))
		o = NULL;
	if (strcmp(kind, "step") == 0)
		show_step(a, o);
	else if (strcmp(kind, "message") == 0)
		show_message(o);
	arena_free(a);
}

static void on_delta(void *arg, struct str text)
{
	(void)arg;
	put_text(text);
}

/* Thoughts are for whoever looks on. */
static void on_thinking(void *arg, struct str text)
{
	(void)arg;
	if (!isatty(STDERR_FILENO))
		return;
	if (!screen.in_thought) {
		end_line();
		dim(true);
	}
	screen.in_thought = true;
	plain_put(stderr, text);
}

static void begun(int64_t conversation_id, int64_t turn_id)
{
	(void)conversation_id;
	(void)turn_id;
	screen.dim = plain_colours(STDERR_FILENO);
}

/* The end ------------------------------------------------------------------------------------------------- */

static void put_table(struct arena *a, const struct query_result *q)
{
	size_t rows = q->nrows < TABLE_ROWS ? q->nrows : TABLE_ROWS;
	struct buf b = buf_init(a, BUF_RESULT);

	table_put(a, q, rows, &b);
	putchar('\n');
	fputs(b.full ? "(the table is too large to be shown)\n" : buf_cstr(&b), stdout);
	if (rows < q->nrows)
		printf("(%zu of %zu rows)\n", rows, q->nrows);
}

static void show_query(struct ctx *ctx, const struct agent_query *q)
{
	struct query_result *rows = ask_rows(ctx, q);

	if (rows)
		put_table(ctx->a, rows);
	fputs("\nSQL: ", stdout);
	plain_put(stdout, str_of(q->sql));
	printf("\nRun %lld, %lld row%s in %lld ms%s%s\n", (long long)q->run_id, (long long)q->rows, q->rows == 1 ? "" : "s",
	       (long long)q->ms, q->cut ? ", " : "", q->cut ? q->cut : "");
	for (size_t i = 0; i < q->ncaveats; i++) {
		fputs("Note: ", stdout);
		plain_put(stdout, str_of(q->caveats[i].text));
		putchar('\n');
	}
}

/* The last few that worked: what came before them led there. */
static size_t first_shown(const struct agent_turn *t)
{
	size_t i = t->nqueries;

	for (size_t good = 0; i > 0 && good < TABLES; i--)
		good += t->queries[i - 1].ok;
	return i;
}

/* "Not from a query: 55,000 EUR, 12 %". */
static void show_doubts(const struct agent_turn *t)
{
	size_t length = strlen(t->answer);
	bool any = false;

	for (size_t i = 0; i < t->numbers.n; i++) {
		const struct agent_number *n = &t->numbers.p[i];

		if (n->kind != AGENT_NUMBER_NONE || n->at > length || n->n > length - n->at)
			continue;
		fputs(any ? ", " : "\nNot from a query: ", stdout);
		plain_put(stdout, (struct str){t->answer + n->at, n->n});
		any = true;
	}
	if (any)
		putchar('\n');
}

static void show_proof(struct ctx *ctx, const struct agent_turn *t)
{
	for (size_t i = first_shown(t); i < t->nqueries; i++)
		if (t->queries[i].ok)
			show_query(ctx, &t->queries[i]);
	if (t->from_catalog && !t->nqueries)
		puts("\nFrom the data dictionary.");
	for (size_t i = 0; i < t->ntables; i++)
		printf("%s%s%s", i ? ", " : "Tables: ", t->tables[i], i + 1 == t->ntables ? "\n" : "");
	show_doubts(t);
	fflush(stdout);
}

static void over(struct ctx *ctx, const struct agent_turn *t)
{
	end_line();
	if (strcmp(t->status, "waiting") != 0)
		show_proof(ctx, t);
	if (t->error && *t->error)
		fprintf(stderr, "quern: %s%s%s\n", t->error, t->hint ? ". " : "", t->hint ? t->hint : "");
	if (strcmp(t->status, "stopped") == 0)
		fputs("quern: stopped\n", stderr);
}

static const struct agent_sink sink = {.event = on_event, .delta = on_delta, .thinking = on_thinking};

const struct ask_view *ask_terminal(void)
{
	static const struct ask_view view = {&sink, begun, over};

	return &view;
}
