/* The command line: commands.def is the one list; each command is one file cmd_<name>.c. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/ctx.h"
#include "lib/err.h"

struct http_app;
struct query_warning;

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* A command. argv[0] is its name. ctx->settings is loaded with what the row needs; the platform database
 * pool is open when it needs SETTINGS_NEED_DB. Results to standard output, messages to standard error. */
typedef int cli_command(struct ctx *ctx, int argc, char **argv);

#define COMMAND(name, function, needs, usage, summary) cli_command function;
#include "cli/commands.def"
#undef COMMAND

/* Finds, prepares and runs the command of argv[1]. app is what `serve` serves. */
int cli_main(int argc, char **argv, struct http_app *app);

/* What was given to cli_main(), for `serve` and `routes`. */
struct http_app *cli_app(void);

/* One option of a command: "--name VALUE", "--name=VALUE", or a flag when value is NULL. */
struct cli_option {
	const char *name;   /* "--policy" */
	const char **value; /* where the value goes; NULL for a flag */
	bool *flag;         /* where a flag goes */
};

/* Takes the options out of argv; *argc and argv keep argv[0] and the operands. False, with a message on
 * standard error, for an unknown option or a missing value: return CLI_USAGE. "--" ends the options. */
bool cli_options(int *argc, char **argv, const struct cli_option *options, size_t n);

/* Prints the error with detail and hint to standard error and returns CLI_FAILED. */
int cli_fail(const struct err *e);

/* Prints what a test of a project's database warns of, and how to mend it. */
void cli_warning(const char *project, const struct query_warning *warning);

/* Prints "usage: quern ..." of the command to standard error and returns CLI_USAGE. */
int cli_usage(const char *command);

#endif
