/*
 * quern ask: one question from the terminal, as a person of the instance. The answer streams to standard
 * output, the steps to standard error; Ctrl-C stops the turn, not the program.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "auth/auth.h"
#include "cli/cli.h"
#include "cli/table_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "lib/log.h"
#include "llm/llm.h"

enum { TABLE_ROWS = 50 };

/* The first admin, for whoever asks from the machine itself. */
static struct err *first_admin(struct ctx *ctx, struct auth_user *out)
{
	struct auth_user *users;
	size_t n;

	TRY(auth_users(ctx, &users, &n));
	*out = (struct auth_user){0};
	for (size_t i = 0; i < n; i++)
		if (users[i].is_admin && !users[i].disabled && (!out->id || users[i].id < out->id))
			*out = users[i];
	if (out->id)
		return NULL;
	return err_hint(err_new(ctx->a, ERR_NOT_FOUND, "there is no instance admin to ask as"),
	                "Make one with `quern user add EMAIL --admin`, or name a person with --user.");
}

static struct err *person_get(struct ctx *ctx, const char *email, struct auth_user *out)
{
	if (!email)
		return first_admin(ctx, out);
	TRY(auth_user_by_email(ctx, email, out));
	return out->disabled ? err_new(ctx->a, ERR_FORBIDDEN, "the account %s is disabled", email) : NULL;
}

/* What arrives. ----------------------------------------------------------------------------------------- */

struct screen {
	bool dim;
	bool in_text;  /* a line of text is open */
	bool streamed; /* the message under way came in pieces */
};

/* Text of data and model goes to a terminal without its control characters. */
static void put_plain(FILE *f, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= ' ' || s.p[i] == '\n' || s.p[i] == '\t')
			fputc(s.p[i] == 127 ? '?' : s.p[i], f);
}

static void end_text(struct screen *s)
{
	if (s->in_text)
		putchar('\n');
	s->in_text = false;
	fflush(stdout);
}

static void show_step(struct screen *s, struct json_object *o)
{
	const char *state = json_get_str(o, "state"), *detail = json_get_str(o, "detail"),
	           *label = json_get_str(o, "label");

	end_text(s);
	fputs(s->dim ? "\033[2m" : "", stderr);
	put_plain(stderr, str_of(label));
	if (state && strcmp(state, "running") == 0)
		fputs("…", stderr);
	else
		fprintf(stderr, ": %s in %lld ms", state ? state : "", (long long)json_get_i64(o, "ms", 0));
	if (detail) {
		fputs(", ", stderr);
		put_plain(stderr, str_of(detail));
	}
	fputs(s->dim ? "\033[0m\n" : "\n", stderr);
}

/* Text that did not come in pieces. */
static void show_message(struct screen *s, struct json_object *o)
{
	if (!s->streamed) {
		put_plain(stdout, str_of(json_get_str(o, "text")));
		s->in_text = true;
	}
	s->streamed = false;
	end_text(s);
}

static void on_event(void *arg, int64_t id, const char *kind, struct str json)
{
	struct screen *s = arg;
	struct arena *a;
	struct json_object *o;

	(void)id;
	a = arena_create();
	if (json_read(a, json, JSON_DEPTH, &o))
		o = NULL;
	if (strcmp(kind, "step") == 0)
		show_step(s, o);
	else if (strcmp(kind, "message") == 0)
		show_message(s, o);
	arena_free(a);
}

static void on_delta(void *arg, struct str text)
{
	struct screen *s = arg;

	s->in_text = s->streamed = true;
	put_plain(stdout, text);
	fflush(stdout);
}

/* The result table. ------------------------------------------------------------------------------------- */

static void put_table(struct arena *a, const struct query_result *q)
{
	size_t rows = q->nrows < TABLE_ROWS ? q->nrows : TABLE_ROWS;
	struct buf b = buf_init(a, BUF_PAGE);

	table_put(a, q, rows, &b);
	fputs(buf_cstr(&b), stdout);
	if (rows < q->nrows)
		printf("(%zu of %zu rows)\n", rows, q->nrows);
}

/* The rows as stored with the run; the preview when they are not there. */
static struct query_result *result_of(struct ctx *ctx, const struct agent_query *q)
{
	struct query_run_record record;
	struct query_result *result = NULL;

	if (q->run_id && !query_load(ctx, q->run_id, &record, &result))
		return result;
	return q->preview;
}

static const struct agent_query *last_good(const struct agent_turn *t)
{
	for (size_t i = t->nqueries; i-- > 0;)
		if (t->queries[i].ok)
			return &t->queries[i];
	return NULL;
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
		put_plain(stdout, (struct str){t->answer + n->at, n->n});
		any = true;
	}
	if (any)
		putchar('\n');
}

static void show_proof(struct ctx *ctx, const struct agent_turn *t)
{
	const struct agent_query *q = last_good(t);
	struct query_result *result = q ? result_of(ctx, q) : NULL;

	if (q && result) {
		putchar('\n');
		put_table(ctx->a, result);
		fputs("\nSQL: ", stdout);
		put_plain(stdout, str_of(q->sql));
		printf("\nRun %lld, %lld row%s in %lld ms%s%s", (long long)q->run_id, (long long)q->rows,
		       q->rows == 1 ? "" : "s", (long long)q->ms, q->cut ? ", " : "", q->cut ? q->cut : "");
		for (size_t i = 0; i < t->ntables; i++)
			printf("%s%s", i ? ", " : "; tables: ", t->tables[i]);
		putchar('\n');
	} else if (t->from_catalog) {
		puts("\nFrom the data dictionary.");
	}
	show_doubts(t);
	if (t->error && *t->error)
		fprintf(stderr, "quern: %s%s%s\n", t->error, t->hint ? ". " : "", t->hint ? t->hint : "");
	if (strcmp(t->status, "stopped") == 0)
		fputs("quern: stopped\n", stderr);
}

/* JSON. ------------------------------------------------------------------------------------------------- */

static void put_query(struct ctx *ctx, struct json_writer *w, const struct agent_query *q)
{
	struct query_result *result = q->ok ? result_of(ctx, q) : NULL;

	json_object_open(w, NULL);
	json_put_cstr(w, "sql", q->sql);
	json_put_i64(w, "run_id", q->run_id);
	json_put_i64(w, "rows", q->rows);
	json_array_open(w, "columns");
	for (size_t i = 0; result && i < result->ncolumns; i++)
		json_put_cstr(w, NULL, result->columns[i].name);
	json_array_close(w);
	json_array_open(w, "data");
	for (size_t r = 0; result && r < result->nrows; r++)
		query_put_row(w, result, r);
	json_array_close(w);
	if (q->error)
		json_put_cstr(w, "error", q->error);
	json_object_close(w);
}

static void show_json(struct ctx *ctx, const struct agent_turn *t)
{
	struct buf b = buf_init(ctx->a, BUF_RESULT);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "status", t->status);
	json_put_cstr(&w, "answer", t->answer);
	json_array_open(&w, "queries");
	for (size_t i = 0; i < t->nqueries; i++)
		put_query(ctx, &w, &t->queries[i]);
	json_array_close(&w);
	json_array_open(&w, "tables");
	for (size_t i = 0; i < t->ntables; i++)
		json_put_cstr(&w, NULL, t->tables[i]);
	json_array_close(&w);
	json_put_i64(&w, "unproven", t->numbers.unproven);
	json_put_cstr(&w, "model", *t->model ? t->model : NULL);
	json_put_i64(&w, "input_tokens", t->input_tokens);
	json_put_i64(&w, "output_tokens", t->output_tokens);
	json_put_i64(&w, "cost", t->cost);
	json_put_cstr(&w, "currency", t->currency);
	json_put_i64(&w, "ms", t->took_ms);
	json_put_cstr(&w, "error", t->error);
	json_object_close(&w);
	puts(b.full ? "{\"status\":\"failed\",\"error\":\"the result is too large to print\"}"
	            : buf_cstr(&b));
}

/* The turn. --------------------------------------------------------------------------------------------- */

static void *stop_on_interrupt(void *arg)
{
	int sig;

	while (sigwait(arg, &sig) == 0)
		agent_stop_all();
	return NULL;
}

/* Before any other thread starts, so that only this one gets the signal. */
static void catch_interrupt(void)
{
	static sigset_t set;
	pthread_t thread;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, stop_on_interrupt, &set) == 0)
		pthread_detach(thread);
}

struct options {
	const char *slug, *email, *time_zone;
};

static struct err *ask(struct ctx *ctx, const struct options *o, const char *question,
                       const struct agent_sink *sink, struct agent_turn *turn)
{
	struct project *project = ARENA_NEW(ctx->a, struct project);
	enum project_role role;
	struct auth_user person;
	int64_t conversation_id, turn_id;

	TRY(person_get(ctx, o->email, &person));
	ctx->user_id = person.id;
	TRY(project_access(ctx, o->slug, person.id, person.is_admin, project, &role));
	if (str_trim(str_of(question)).n == 0)
		return err_new(ctx->a, ERR_INVALID, "the question is empty");
	TRY(agent_conversation_create(ctx, project->id, question, &conversation_id));
	TRY(agent_turn_start(ctx, project, conversation_id, str_of(question), &turn_id));
	TRY(agent_turn_run(ctx, project, role, o->time_zone, turn_id, sink));
	return agent_turn_get(ctx, turn_id, turn);
}

int cmd_ask(struct ctx *ctx, int argc, char **argv)
{
	struct options o = {.time_zone = "UTC"};
	bool json = false;
	const struct cli_option options[] = {{"--project", &o.slug, NULL},
	                                     {"--user", &o.email, NULL},
	                                     {"--time-zone", &o.time_zone, NULL},
	                                     {"--json", NULL, &json}};
	struct screen screen = {.dim = isatty(STDERR_FILENO)};
	struct agent_sink sink = {.event = on_event, .delta = on_delta, .arg = &screen};
	struct agent_turn turn = {.status = "", .answer = "", .model = ""};
	struct err *e;

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)) || argc != 2 || !o.slug ||
	    !auth_time_zone_form(o.time_zone))
		return cli_usage("ask");
	/* The steps are told in words; the log would only repeat them. */
	log_set_level(LOG_ERROR);
	catch_interrupt();
	llm_init();
	agent_start(ctx->settings);
	e = ask(ctx, &o, argv[1], json ? NULL : &sink, &turn);
	if (e)
		return cli_fail(e);
	end_text(&screen);
	if (json)
		show_json(ctx, &turn);
	else
		show_proof(ctx, &turn);
	return strcmp(turn.status, "done") == 0 ? CLI_OK : CLI_FAILED;
}
