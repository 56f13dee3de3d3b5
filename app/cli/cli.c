/*
 * Dispatch: the table of commands, their settings, their options. A command runs with one arena that ends
 * with it.
 */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "query/query.h"

struct command {
	const char *name;
	cli_command *run;
	unsigned needs;
	const char *usage;
	const char *summary;
};

static const struct command commands[] = {
#define COMMAND(name, function, needs, usage, summary) {name, function, needs, usage, summary},
#include "cli/commands.def"
#undef COMMAND
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static struct http_app *served_app;

struct http_app *cli_app(void)
{
	return served_app;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void print_help(FILE *out)
{
	fputs("quern: ask your own databases, and see how each answer was computed\n\n", out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
	fputs("\n\"quern COMMAND --help\" says more about one. Settings come from the environment and .env:\n\n",
	      out);
	struct arena *a = arena_create();
	struct buf b = buf_init(a, BUF_PAGE);
	settings_describe(&b, false);
	fputs(buf_cstr(&b), out);
	arena_free(a);
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

/* The service logs its work; a command has results, and logs only what went wrong. */
static void set_log_level(const struct settings *settings, unsigned needs)
{
	enum log_level least = needs & SETTINGS_NEED_SERVE ? LOG_DEBUG : LOG_WARNING;
	int level = log_level_of(str_of(settings->log_level));

	log_set_level(level < (int)least ? least : (enum log_level)level);
}

static int run(const struct command *command, int argc, char **argv)
{
	char id[17];
	struct ctx ctx = {.a = arena_create(), .request_id = id, .address = ""};

	crypto_init();
	crypto_id(id, sizeof(id) - 1);
	int code;
	struct err *e = settings_load(ctx.a, ".env", command->needs, &ctx.settings);
	if (e) {
		code = cli_fail(e);
	} else {
		set_log_level(ctx.settings, command->needs);
		if (command->needs & SETTINGS_NEED_DB)
			db_open(ctx.settings->database_url, (int)ctx.settings->db_connections);
		code = command->run(&ctx, argc, argv);
	}
	if (fflush(stdout) || ferror(stdout))
		code = CLI_FAILED;
	arena_free(ctx.a);
	query_close();
	db_close();
	return code;
}

int cli_main(int argc, char **argv, struct http_app *app)
{
	served_app = app;
	if (argc < 2) {
		print_help(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "help") || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help(stdout);
		return CLI_OK;
	}
	const struct command *command = find(argv[1]);
	if (!command) {
		fprintf(stderr, "quern: there is no command \"%s\"; \"quern --help\" lists them\n", argv[1]);
		return CLI_USAGE;
	}
	if (wants_help(argc - 1, argv + 1)) {
		printf("usage: quern %s\n\n%s\n", command->usage, command->summary);
		return CLI_OK;
	}
	return run(command, argc - 1, argv + 1);
}

static const struct cli_option *match(const char *arg, const struct cli_option *options, size_t n,
                                      const char **inline_value)
{
	const char *equals = strchr(arg, '=');
	size_t len = equals ? (size_t)(equals - arg) : strlen(arg);

	*inline_value = equals ? equals + 1 : NULL;
	for (size_t i = 0; i < n; i++)
		if (strlen(options[i].name) == len && !memcmp(options[i].name, arg, len))
			return &options[i];
	return NULL;
}

/* Takes one option at argv[*i]; moves *i to its last word. */
static bool take(int argc, char **argv, int *i, const struct cli_option *options, size_t n)
{
	const char *value;
	const struct cli_option *o = match(argv[*i], options, n, &value);

	if (!o || (o->flag && value)) {
		fprintf(stderr, "quern %s: unknown option %s\n", argv[0], argv[*i]);
		return false;
	}
	if (o->flag) {
		*o->flag = true;
		return true;
	}
	if (!value && *i + 1 >= argc) {
		fprintf(stderr, "quern %s: %s needs a value\n", argv[0], o->name);
		return false;
	}
	*o->value = value ? value : argv[++*i];
	return true;
}

bool cli_options(int *argc, char **argv, const struct cli_option *options, size_t n)
{
	int kept = 1;
	bool operands_only = false;

	for (int i = 1; i < *argc; i++) {
		if (!operands_only && !strcmp(argv[i], "--"))
			operands_only = true;
		else if (operands_only || argv[i][0] != '-' || !argv[i][1])
			argv[kept++] = argv[i];
		else if (!take(*argc, argv, &i, options, n))
			return false;
	}
	*argc = kept;
	argv[kept] = NULL;
	return true;
}

int cli_fail(const struct err *e)
{
	fprintf(stderr, "quern: %s\n", e->message);
	if (e->detail)
		fprintf(stderr, "%s\n", e->detail);
	if (e->hint)
		fprintf(stderr, "hint: %s\n", e->hint);
	else if (db_is_away(e))
		fputs("hint: Check that PostgreSQL runs, and that QUERN_DATABASE_URL leads there.\n", stderr);
	return CLI_FAILED;
}

void cli_warning(const char *project, const struct query_warning *warning)
{
	printf("%s  %s: %s\n", warning->grave ? "WARN" : "warn", project, warning->text);
	if (warning->mend)
		printf("      %s\n", warning->mend);
}

int cli_usage(const char *command)
{
	const struct command *c = find(command);

	fprintf(stderr, "usage: quern %s\n", c ? c->usage : command);
	return CLI_USAGE;
}
