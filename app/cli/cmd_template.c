/*
 * quern template: renders a Mustache file with JSON from standard input. A missing partial is an error, but
 * what could be rendered is printed all the same.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/input_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "mustache/mustache.h"

/* A name that no partial can have: names in a set have no leading dot or slash. */
static const char *main_name(struct arena *a, const char *file)
{
	return file[0] == '.' || file[0] == '/' ? file : arena_printf(a, "./%s", file);
}

static struct err *render(struct arena *a, const char *file, const char *partials, struct buf *out)
{
	struct mustache_set *set = mustache_set_create(a);
	const char *name = main_name(a, file);
	struct json_object *data;
	struct str text;

	if (partials)
		TRY(mustache_load(set, partials));
	TRY(input_read(a, file, MUSTACHE_TEMPLATE_BYTES, &text));
	TRY(mustache_add(set, name, text));
	TRY(input_read(a, NULL, BUF_RESULT, &text));
	TRY(json_read(a, text, JSON_DEPTH_TREE, &data));
	return mustache_render_json(a, set, name, data, out);
}

int cmd_template(struct ctx *ctx, int argc, char **argv)
{
	const char *partials = NULL;
	const struct cli_option options[] = {{"--partials", &partials, NULL}};
	struct buf out = buf_init(ctx->a, BUF_RESULT);
	struct err *e;

	if (!cli_options(&argc, argv, options, 1) || argc != 2)
		return cli_usage("template");
	e = render(ctx->a, argv[1], partials, &out);
	if (!e || e->kind == ERR_NOT_FOUND)
		fwrite(out.p, 1, out.n, stdout);
	return e ? cli_fail(e) : CLI_OK;
}
