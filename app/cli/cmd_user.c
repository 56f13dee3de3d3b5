/* quern user: local accounts. A password comes from standard input, never from the command line, where
 * others see it. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "auth/auth.h"
#include "cli/cli.h"
#include "cli/input_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

enum { PASSWORD_BYTES = 4096 };

/* One line from the terminal, which does not show it. */
static struct err *ask(struct ctx *ctx, const char *prompt, const char **out)
{
	struct termios shown, hidden;
	char line[PASSWORD_BYTES];
	bool read_ok;

	if (tcgetattr(STDIN_FILENO, &shown) != 0)
		return err_new(ctx->a, ERR_INVALID, "could not use the terminal");
	hidden = shown;
	hidden.c_lflag &= (tcflag_t)~ECHO;
	fputs(prompt, stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	read_ok = fgets(line, sizeof(line), stdin) != NULL;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	fputc('\n', stderr);
	if (!read_ok)
		return err_new(ctx->a, ERR_INVALID, "no password was given");
	line[strcspn(line, "\r\n")] = '\0';
	*out = arena_strdup(ctx->a, line);
	return NULL;
}

static struct err *ask_twice(struct ctx *ctx, const char **out)
{
	const char *again = "";

	TRY(ask(ctx, "Password: ", out));
	TRY(ask(ctx, "Again: ", &again));
	if (strcmp(*out, again) != 0)
		return err_new(ctx->a, ERR_INVALID, "the two passwords differ");
	return NULL;
}

static struct err *read_password(struct ctx *ctx, const char **out)
{
	if (isatty(STDIN_FILENO))
		return ask_twice(ctx, out);
	return input_line(ctx->a, PASSWORD_BYTES, out);
}

static int add(struct ctx *ctx, const char *email, const struct auth_account *account)
{
	const char *password = "";
	int64_t id;
	struct err *e = read_password(ctx, &password);

	if (!e)
		e = auth_user_add(ctx, email, password, account, &id);
	if (e)
		return cli_fail(e);
	printf("added %s%s\n", email, account->is_admin ? " as admin" : "");
	return CLI_OK;
}

static int passwd(struct ctx *ctx, const char *email)
{
	const char *password = "";
	struct err *e = read_password(ctx, &password);

	if (!e)
		e = auth_user_passwd(ctx, email, password);
	if (e)
		return cli_fail(e);
	printf("changed the password of %s; all sessions have ended\n", email);
	return CLI_OK;
}

static int list(struct ctx *ctx)
{
	struct auth_user *users;
	int width = 6;
	size_t n;
	struct err *e = auth_users(ctx, &users, &n);

	if (e)
		return cli_fail(e);
	for (size_t i = 0; i < n; i++)
		if ((int)strlen(users[i].email) > width)
			width = (int)strlen(users[i].email);
	printf("%-*s  %-6s  %-5s  %-8s  %-20s  %s\n", width, "E-MAIL", "ORIGIN", "ADMIN", "STATE",
	       "LAST SEEN", "NAME");
	for (size_t i = 0; i < n; i++)
		printf("%-*s  %-6s  %-5s  %-8s  %-20s  %s\n", width, users[i].email, users[i].origin,
		       users[i].is_admin ? "yes" : "no", users[i].disabled ? "disabled" : "active",
		       users[i].last_seen_at ? clock_rfc3339(ctx->a, users[i].last_seen_at) : "never",
		       users[i].name);
	return CLI_OK;
}

int cmd_user(struct ctx *ctx, int argc, char **argv)
{
	struct auth_account account = {0};
	const struct cli_option options[] = {{"--name", &account.name, NULL},
	                                     {"--groups", &account.groups, NULL},
	                                     {"--admin", NULL, &account.is_admin}};

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)) || argc < 2)
		return cli_usage("user");
	if (strcmp(argv[1], "add") == 0 && argc == 3)
		return add(ctx, argv[2], &account);
	if (account.name || account.groups || account.is_admin)
		return cli_usage("user");
	if (strcmp(argv[1], "passwd") == 0 && argc == 3)
		return passwd(ctx, argv[2]);
	if (strcmp(argv[1], "list") == 0 && argc == 2)
		return list(ctx);
	return cli_usage("user");
}
