/* quern dictionary generate: reads the tables and columns of projects' databases. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cli/cli.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "project/project.h"

static void print_text(struct arena *a, const struct catalog *c)
{
	struct buf b = buf_init(a, BUF_RESULT);

	for (size_t i = 0; i < c->ntables; i++) {
		buf_add_cstr(&b, i ? "\n" : "");
		catalog_describe(&c->tables[i], &b);
	}
	puts(buf_cstr(&b));
}

/* Prints what was read; a dry run stores nothing and prints the dictionary too. */
static bool generate(struct ctx *ctx, const struct project *project, bool dry_run)
{
	struct project_source source;
	struct catalog *c;
	struct err *e = project_source_get(ctx, project->id, &source);

	if (!e)
		e = dry_run ? catalog_introspect(ctx, &source, &c)
		            : catalog_generate(ctx, project, &source, &c);
	if (e) {
		e->message = arena_printf(ctx->a, "%s: %s", project->slug, e->message);
		cli_fail(e);
		return false;
	}
	if (dry_run)
		print_text(ctx->a, c);
	fprintf(dry_run ? stderr : stdout, "%s: %zu tables, %zu columns, read in %.1f s%s\n", project->slug,
	        c->ntables, c->ncolumns, (double)c->took_ms / 1000, dry_run ? ", not stored" : "");
	return true;
}

static struct err *select_projects(struct ctx *ctx, const char *slug, struct project_listed **out, size_t *n)
{
	if (!slug)
		return project_list(ctx, 0, true, out, n);
	*out = ARENA_NEW(ctx->a, struct project_listed);
	*n = 1;
	return project_by_slug(ctx, slug, &(*out)->project);
}

int cmd_dictionary(struct ctx *ctx, int argc, char **argv)
{
	const char *slug = NULL;
	bool all = false, dry_run = false;
	const struct cli_option options[] = {
	        {"--project", &slug, NULL}, {"--all", NULL, &all}, {"--dry-run", NULL, &dry_run}};
	struct project_listed *projects;
	size_t n, failed = 0;

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)) || argc != 2 ||
	    strcmp(argv[1], "generate") != 0 || all == (slug != NULL))
		return cli_usage("dictionary");
	struct err *e = select_projects(ctx, slug, &projects, &n);
	if (e)
		return cli_fail(e);
	for (size_t i = 0; i < n; i++) {
		struct arena_mark mark = arena_mark(ctx->a);

		failed += !generate(ctx, &projects[i].project, dry_run);
		arena_reset(ctx->a, mark);
	}
	return failed ? CLI_FAILED : CLI_OK;
}
