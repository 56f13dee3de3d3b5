/* quern project: projects and their databases. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/input_priv.h"
#include "lib/arena.h"
#include "project/project.h"
#include "query/query.h"

struct options {
	const char *slug, *name, *dsn, *schema, *exclude, *allow, *project;
};

static int add(struct ctx *ctx, const struct options *o)
{
	struct project project = project_new();
	struct project_source source = {.schema = o->schema,
	                                .allowed = input_list(ctx->a, o->allow),
	                                .excluded = input_list(ctx->a, o->exclude)};
	const char *dsn;
	struct err *e;

	if (!o->slug || !o->name || !o->dsn || !o->schema || o->project)
		return cli_usage("project");
	project.slug = o->slug;
	project.name = o->name;
	e = input_secret(ctx->a, o->dsn, &dsn);
	if (!e)
		e = project_source_parse(ctx->a, dsn, &source);
	if (!e)
		e = project_create(ctx, &project, &source);
	if (e)
		return cli_fail(e);
	printf("added project %s\n", o->slug);
	fprintf(stderr, "Next: quern project check --project %s, quern dictionary generate --project %s\n",
	        o->slug, o->slug);
	return CLI_OK;
}

static int list(struct ctx *ctx)
{
	struct project_listed *projects;
	int width = 4;
	size_t n;
	struct err *e = project_list(ctx, 0, true, &projects, &n);

	if (e)
		return cli_fail(e);
	for (size_t i = 0; i < n; i++)
		if ((int)strlen(projects[i].project.slug) > width)
			width = (int)strlen(projects[i].project.slug);
	printf("%-*s  %s\n", width, "SLUG", "NAME");
	for (size_t i = 0; i < n; i++)
		printf("%-*s  %s\n", width, projects[i].project.slug, projects[i].project.name);
	return CLI_OK;
}

/* Says what was found in the project's database; false when queries would fail. */
static bool check_one(struct ctx *ctx, const struct project *project)
{
	struct project_source source;
	struct query_probe probe = {0};
	struct err *e = project_source_get(ctx, project->id, &source);

	if (!e)
		e = query_probe_anew(ctx, &source, &probe);
	if (e) {
		printf("FAIL  %s: %s\n", project->slug, err_text(e));
		return false;
	}
	printf("%-4s  %s: %s\n", probe.ok ? "ok" : "FAIL", project->slug, probe.message);
	if (probe.hint)
		printf("      %s\n", probe.hint);
	for (size_t i = 0; i < probe.nwarnings; i++)
		cli_warning(project->slug, &probe.warnings[i]);
	return probe.ok;
}

static int check(struct ctx *ctx, const char *slug)
{
	struct project_listed *projects, one;
	size_t n = 1, failed = 0;
	struct err *e;

	if (slug) {
		projects = &one;
		e = project_by_slug(ctx, slug, &one.project);
	} else {
		e = project_list(ctx, 0, true, &projects, &n);
	}
	if (e)
		return cli_fail(e);
	for (size_t i = 0; i < n; i++)
		failed += !check_one(ctx, &projects[i].project);
	return failed ? CLI_FAILED : CLI_OK;
}

int cmd_project(struct ctx *ctx, int argc, char **argv)
{
	struct options o = {0};
	const struct cli_option options[] = {
	        {"--slug", &o.slug, NULL},       {"--name", &o.name, NULL},       {"--dsn", &o.dsn, NULL},
	        {"--schema", &o.schema, NULL},   {"--exclude", &o.exclude, NULL}, {"--allow", &o.allow, NULL},
	        {"--project", &o.project, NULL},
	};

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)) || argc != 2)
		return cli_usage("project");
	if (strcmp(argv[1], "add") == 0)
		return add(ctx, &o);
	if (o.slug || o.name || o.dsn || o.schema || o.exclude || o.allow)
		return cli_usage("project");
	if (strcmp(argv[1], "check") == 0)
		return check(ctx, o.project);
	if (strcmp(argv[1], "list") == 0 && !o.project)
		return list(ctx);
	return cli_usage("project");
}
