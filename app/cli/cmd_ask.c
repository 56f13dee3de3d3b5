/*
 * quern ask: one question from the terminal, as a person of the instance. The turn is worked on here for as long as this
 * lives; should it end before, the service goes on with it, and should the service have taken it, this follows it there.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/agent.h"
#include "auth/auth.h"
#include "cli/ask_priv.h"
#include "cli/cli.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "llm/llm.h"

enum { QUIET_US = 3000000, LOOK_MS = 1000, EXIT_SIGNAL = 128 };

struct options {
	const char *slug, *email, *time_zone, *conversation, *watch;
	bool json;
	int64_t conversation_id, turn_id; /* as numbers */
	const char *question;
};

/* One turn as it is followed. */
struct ask {
	struct ctx *ctx;
	const struct options *o;
	const struct ask_view *view;
	struct agent_sink sink;
	int64_t conversation_id, turn_id;
	int64_t last;    /* newest event that was shown */
	int64_t seen_us; /* when something last came */
	size_t text;     /* bytes of the message under way that were shown */
	size_t known;    /* bytes of what comes that were shown before: a stream begins with the text so far */
	int wake_fd;
};

/* Who asks ------------------------------------------------------------------------------------------------- */

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
	struct err *e = auth_user_by_email(ctx, email, out);

	if (e && e->kind == ERR_NOT_FOUND)
		return err_hint(err_new(ctx->a, ERR_NOT_FOUND, "there is no account %s", email),
		                "`quern user list` shows those that there are.");
	TRY(e);
	return out->disabled ? err_new(ctx->a, ERR_FORBIDDEN, "the account %s is disabled", email) : NULL;
}

struct query_result *ask_rows(struct ctx *ctx, const struct agent_query *q)
{
	struct query_run_record record;
	struct query_result *result = NULL;

	if (q->run_id && !query_load(ctx, q->run_id, &record, &result))
		return result;
	return q->preview;
}

/* What comes ----------------------------------------------------------------------------------------------- */

/* The text under way is whole, or void. */
static bool ends_text(const char *kind, struct str json)
{
	struct arena *a;
	struct json_object *o;
	const char *name, *status;
	bool ends = strcmp(kind, "message") == 0;

	if (strcmp(kind, "step") != 0)
		return ends;
	a = arena_create();
	if (!json_read(a, json, JSON_DEPTH, &o)) {
		name = json_get_str(o, "name");
		status = json_get_str(o, "state");
		ends = name && status && !strcmp(name, "model") && !strcmp(status, "running");
	}
	arena_free(a);
	return ends;
}

static void on_event(void *arg, int64_t id, const char *kind, struct str json)
{
	struct ask *k = arg;

	k->last = id;
	k->seen_us = clock_mono_us();
	if (ends_text(kind, json))
		k->text = k->known = 0;
	k->view->sink->event(NULL, id, kind, json);
}

static void on_delta(void *arg, struct str text)
{
	struct ask *k = arg;
	size_t known = k->known < text.n ? k->known : text.n;

	k->seen_us = clock_mono_us();
	k->known -= known;
	k->text += text.n - known;
	if (text.n > known)
		k->view->sink->delta(NULL, (struct str){text.p + known, text.n - known});
}

static void on_thinking(void *arg, struct str text)
{
	struct ask *k = arg;

	k->view->sink->thinking(NULL, text);
}


/* Following ------------------------------------------------------------------------------------------------ */

static bool is(const struct agent_turn *t, const char *status)
{
	return strcmp(t->status, status) == 0;
}

/* Ctrl-C waits for the end of the turn that it stops; only who watches another's work leaves at once. */
static bool leaves(const struct ask *k)
{
	return ask_signal() && (ask_signal() != SIGINT || k->o->watch);
}

/* Nothing came for a while: perhaps nobody works on it. */
static bool gone(void *arg)
{
	const struct ask *k = arg;

	return leaves(k) || clock_mono_us() - k->seen_us > QUIET_US;
}

static struct err *see(struct ask *k)
{
	k->seen_us = clock_mono_us();
	k->known = k->text;
	return agent_turn_watch(k->ctx, k->turn_id, k->last, &k->sink, gone, NULL);
}

static struct err *go_on(struct ask *k)
{
	bool taken;

	TRY(agent_turn_take(k->ctx, k->turn_id, &k->sink, &taken));
	return taken ? NULL : see(k);
}

static void rest(void)
{
	nanosleep(&(struct timespec){LOOK_MS / 1000, LOOK_MS % 1000 * 1000000L}, NULL);
}

/* A person is asked; the end of a query in the background is waited for. */
static struct err *wait(struct ask *k, const struct agent_turn *t, bool *goes_on)
{
	struct err *e;

	*goes_on = true;
	if (ask_signal() || (t->waits_for && strcmp(t->waits_for, "run") == 0)) {
		rest();
		return NULL;
	}
	if (k->o->json) {
		*goes_on = false;
		return NULL;
	}
	e = ask_person(k->ctx, t, k->wake_fd, goes_on);
	if (ask_signal())
		*goes_on = true; /* to its end */
	if (e && e->kind == ERR_CONFLICT) /* somebody else was quicker */
		return NULL;
	return e;
}

static void tell_of_outage(bool *told)
{
	if (!*told)
		fputs("\nquern: the platform database is away; waiting for it\n", stderr);
	*told = true;
}

/* Until the turn is over, is left, or waits for somebody who is not here. */
static struct err *follow(struct ask *k, struct agent_turn *t)
{
	for (bool told = false;;) {
		struct err *e = agent_turn_get(k->ctx, k->turn_id, t);
		bool goes_on = !leaves(k);

		if (!e && (!goes_on || !(is(t, "running") || is(t, "waiting"))))
			return NULL;
		if (!e)
			e = is(t, "waiting") ? wait(k, t, &goes_on) : go_on(k);
		if (!e && !goes_on)
			return NULL;
		if (e && (!db_is_away(e) || leaves(k)))
			return e;
		if (e) {
			tell_of_outage(&told);
			rest();
		}
	}
}

/* Beginning ------------------------------------------------------------------------------------------------ */

static struct err *find_project(struct ask *k, const struct auth_user *person, struct project *project,
                                enum project_role *role)
{
	struct err *e = project_access(k->ctx, k->o->slug, person->id, person->is_admin, project, role);

	if (!e || e->kind != ERR_NOT_FOUND)
		return e;
	return err_hint(err_new(k->ctx->a, ERR_NOT_FOUND, "%s sees no project \"%s\"", person->email, k->o->slug),
	                "`quern project list` shows those that there are; --user says who asks.");
}

/* As in the service, which may have to go on with it: the person's own, unless told. */
static const char *zone_of(const struct options *o, const struct auth_user *person)
{
	if (o->time_zone)
		return o->time_zone;
	return person->time_zone && *person->time_zone ? person->time_zone : "UTC";
}

static struct err *ask(struct ask *k, const struct auth_user *person)
{
	struct project *project = ARENA_NEW(k->ctx->a, struct project);
	const struct options *o = k->o;
	enum project_role role;
	struct err *e;

	if (str_trim(str_of(o->question)).n == 0)
		return err_new(k->ctx->a, ERR_INVALID, "the question is empty");
	if (o->time_zone)
		TRY(auth_time_zone_check(k->ctx, o->time_zone));
	TRY(find_project(k, person, project, &role));
	k->conversation_id = o->conversation_id;
	if (!k->conversation_id)
		TRY(agent_conversation_create(k->ctx, project->id, o->question, &k->conversation_id));
	TRY(agent_turn_start(k->ctx, project, k->conversation_id, str_of(o->question), &k->turn_id));
	ask_signals_turn(k->turn_id, person->id);
	if (ask_signal() == SIGINT)
		TRY(agent_turn_stop(k->ctx, k->turn_id));
	k->view->begun(k->conversation_id, k->turn_id);
	e = agent_turn_run(k->ctx, project, role, zone_of(o, person), k->turn_id, &k->sink);
	/* Somebody else may have taken it already. */
	return e && e->kind != ERR_NOT_FOUND && !db_is_away(e) ? e : NULL;
}

static struct err *watch(struct ask *k, struct agent_turn *t)
{
	k->turn_id = k->o->turn_id;
	TRY(agent_turn_get(k->ctx, k->turn_id, t));
	k->conversation_id = t->conversation_id;
	k->view->begun(k->conversation_id, k->turn_id);
	return see(k);
}

static struct err *begin(struct ask *k, struct agent_turn *t)
{
	struct auth_user person;

	TRY(person_get(k->ctx, k->o->email, &person));
	k->ctx->user_id = person.id;
	TRY(k->o->watch ? watch(k, t) : ask(k, &person));
	return follow(k, t);
}

/* The end -------------------------------------------------------------------------------------------------- */

static void tell_how_to_answer(const struct ask *k, const struct agent_turn *t)
{
	struct project project;
	enum project_role role;
	const char *page = "";

	if (!project_access_by_id(k->ctx, t->project_id, t->user_id, true, &project, &role))
		page = arena_printf(k->ctx->a, " at %s/p/%s/chat/%lld, or", k->ctx->settings->url, project.slug,
		                    (long long)t->conversation_id);
	fprintf(stderr, "quern: the turn waits for %s\nhint: Answer it%s on a terminal with `quern ask --watch %lld`.\n",
	        ask_waits_for(k->ctx->a, t), page, (long long)t->id);
}

static int finish(const struct ask *k, const struct agent_turn *t)
{
	int sig = ask_signal();

	if (leaves(k)) {
		if (is(t, "running"))
			fprintf(stderr, "\nquern: turn %lld goes on in the service; see it with `quern ask --watch %lld`\n",
			        (long long)t->id, (long long)t->id);
		return EXIT_SIGNAL + sig;
	}
	k->view->over(k->ctx, t);
	if (is(t, "waiting"))
		tell_how_to_answer(k, t);
	if (sig && is(t, "stopped"))
		return EXIT_SIGNAL + sig;
	return is(t, "done") ? CLI_OK : CLI_FAILED;
}

static int run(struct ctx *ctx, const struct options *o)
{
	struct ask k = {.ctx = ctx, .o = o, .view = o->json ? ask_json() : ask_terminal()};
	struct agent_turn turn = {.status = "", .answer = "", .model = ""};
	struct err *e;

	k.sink = (struct agent_sink){.event = on_event, .delta = on_delta, .thinking = on_thinking, .arg = &k};
	/* The steps are told in words; the log would only repeat them. */
	log_set_level(LOG_ERROR);
	k.wake_fd = ask_signals_catch(ctx, o->watch);
	llm_init();
	agent_start(ctx->settings, false);
	e = begin(&k, &turn);
	ask_signals_end();
	agent_drain(0);
	agent_end(ctx->settings);
	if (e)
		return ask_signal() ? EXIT_SIGNAL + ask_signal() : cli_fail(e);
	return finish(&k, &turn);
}

static bool number(const char *text, int64_t *out)
{
	return !text || (str_to_i64(str_of(text), out) && *out > 0);
}

/* What is wrong with the words of the command, or NULL. */
static const char *misuse(struct options *o, int argc)
{
	if (!number(o->conversation, &o->conversation_id))
		return "--conversation needs the number of a conversation";
	if (!number(o->watch, &o->turn_id))
		return "--watch needs the number of a turn";
	if (o->watch)
		return argc == 1 ? NULL : "--watch takes no question";
	if (!o->slug)
		return "--project is missing: it says which data the question is about";
	if (argc != 2)
		return argc < 2 ? "there is no question" : "a question of several words needs quotes around it";
	return NULL;
}

int cmd_ask(struct ctx *ctx, int argc, char **argv)
{
	struct options o = {0};
	const struct cli_option options[] = {
	        {"--project", &o.slug, NULL},           {"--user", &o.email, NULL},
	        {"--time-zone", &o.time_zone, NULL},    {"--conversation", &o.conversation, NULL},
	        {"--watch", &o.watch, NULL},            {"--json", NULL, &o.json}};

	const char *wrong;

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)))
		return cli_usage("ask");
	wrong = misuse(&o, argc);
	if (wrong) {
		fprintf(stderr, "quern ask: %s\n", wrong);
		return cli_usage("ask");
	}
	o.question = argv[1];
	return run(ctx, &o);
}
