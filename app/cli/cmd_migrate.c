/* quern migrate: brings the platform database up to date. */
#include <stdio.h>

#include "cli/cli.h"
#include "db/db.h"
#include "lib/settings.h"

int cmd_migrate(struct ctx *ctx, int argc, char **argv)
{
	if (!cli_options(&argc, argv, NULL, 0) || argc != 1)
		return cli_usage("migrate");

	int applied = 0;
	struct err *e = db_migrate(ctx, ctx->settings->migrations, &applied);
	if (e)
		return cli_fail(e);
	if (applied)
		printf("%d migration%s applied\n", applied, applied == 1 ? "" : "s");
	else
		puts("the platform database is up to date");
	return CLI_OK;
}
