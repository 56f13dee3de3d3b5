/* quern routes: the route table as JSON lines, for people and for the test that walks it as every kind of
 * caller. */
#include <stdio.h>

#include "cli/cli.h"
#include "http/http.h"
#include "lib/buf.h"
#include "lib/json.h"

static const char *const method_names[HTTP__MAX] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
static const char *const pool_names[HTTP_POOL__MAX] = {"web", "agent"};

int cmd_routes(struct ctx *ctx, int argc, char **argv)
{
	if (!cli_options(&argc, argv, NULL, 0) || argc != 1)
		return cli_usage("routes");

	const struct http_app *app = cli_app();
	for (size_t i = 0; i < app->nroutes; i++) {
		const struct http_route *r = &app->routes[i];
		struct buf b = buf_init(ctx->a, BUF_LINE);
		struct json_writer w = {.b = &b};
		json_object_open(&w, NULL);
		json_put_cstr(&w, "method", method_names[r->method]);
		json_put_cstr(&w, "pattern", r->pattern);
		json_put_cstr(&w, "name", r->name);
		json_put_cstr(&w, "pool", pool_names[r->pool]);
		json_put_i64(&w, "access", r->access);
		json_put_bool(&w, "changes", r->changes);
		json_object_close(&w);
		puts(buf_cstr(&b));
	}
	return CLI_OK;
}
