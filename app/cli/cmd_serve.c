/* quern serve: the master of the worker pools. */
#include "cli/cli.h"
#include "db/db.h"
#include "http/http.h"
#include "lib/settings.h"

int cmd_serve(struct ctx *ctx, int argc, char **argv)
{
	if (!cli_options(&argc, argv, NULL, 0) || argc != 1)
		return cli_usage("serve");

	struct err *e = db_migrated(ctx, ctx->settings->migrations);
	if (e)
		return cli_fail(e);
	db_close();

	struct http_app *app = cli_app();
	app->settings = ctx->settings;
	return http_serve(app);
}
