/* quern sql: runs one guarded statement of a project, or shows what would run. */
#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "catalog/catalog.h"
#include "cli/cli.h"
#include "cli/table_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "policy/policy.h"
#include "project/project.h"
#include "query/query.h"

static void put_table(struct ctx *ctx, const struct query_result *r, struct buf *b)
{
	table_put(ctx->a, r, r->nrows, b);
}

static void put_csv(struct ctx *ctx, const struct query_result *r, struct buf *b)
{
	(void)ctx;
	for (size_t i = 0; i < r->ncolumns; i++) {
		buf_add_cstr(b, i ? "," : "");
		buf_add_csv(b, str_of(r->columns[i].name), false);
	}
	buf_add_cstr(b, "\r\n");
	for (size_t n = 0; n < r->nrows * r->ncolumns; n++) {
		size_t i = n % r->ncolumns;

		buf_add_cstr(b, i ? "," : "");
		buf_add_csv(b, str_of(r->cells[n]), r->columns[i].kind == QUERY_NUMBER);
		buf_add_cstr(b, i + 1 == r->ncolumns ? "\r\n" : "");
	}
}

static void put_json(struct ctx *ctx, const struct query_result *r, struct buf *b)
{
	struct json_writer w = {.b = b};

	(void)ctx;
	query_put_json(&w, NULL, r, r->nrows);
	buf_add_char(b, '\n');
}

static const struct {
	const char *name;
	void (*put)(struct ctx *ctx, const struct query_result *r, struct buf *b);
} formats[] = {{"table", put_table}, {"csv", put_csv}, {"json", put_json}};

enum { FORMATS = sizeof(formats) / sizeof(*formats) };

static void print_explained(const struct query_plan *plan)
{
	printf("%s\n\ntables:", plan->sql_run);
	for (size_t i = 0; i < plan->ntables; i++)
		printf(" %s", plan->tables[i]);
	puts(plan->ntables ? "\n" : " none\n");
	for (size_t i = 0; i < plan->nnodes; i++) {
		const struct query_plan_node *n = &plan->nodes[i];

		printf("%*s%s", (int)n->depth * 2, "", n->what);
		if (n->detail)
			printf(" (%s)", n->detail);
		if (n->cost > 0)
			printf(": cost %.0f, about %.0f row%s%s", n->cost, n->rows, n->rows == 1 ? "" : "s",
			       n->costly ? ", most of the cost" : "");
		putchar('\n');
	}
	if (plan->withheld)
		puts("\nestimates and conditions are not shown: they would tell of hidden rows and values");
}

static struct err *scope_for(struct ctx *ctx, const char *slug, struct query_scope *scope)
{
	struct project *project = ARENA_NEW(ctx->a, struct project);
	struct project_source *source = ARENA_NEW(ctx->a, struct project_source);
	struct catalog *catalog;
	struct policy *policy;

	TRY(project_by_slug(ctx, slug, project));
	TRY(project_source_get(ctx, project->id, source));
	TRY(catalog_load(ctx, project, source, &catalog));
	TRY(policy_for(ctx, project, source, PROJECT_ADMIN, &policy));
	*scope = (struct query_scope){.source = source, .policy = policy};
	catalog_scope(ctx->a, catalog, scope);
	return NULL;
}

static int fail(struct err *e)
{
	if (e->position)
		err_detail(e, "%s%sAt character %d.", e->detail ? e->detail : "", e->detail ? " " : "",
		           e->position);
	return cli_fail(e);
}

static int show(struct ctx *ctx, size_t format, const struct query_result *r)
{
	struct buf b = buf_init(ctx->a, BUF_RESULT);

	formats[format].put(ctx, r, &b);
	if (b.full)
		return cli_fail(err_new(ctx->a, ERR_TOO_LARGE, "the result is too large to be written"));
	fwrite(b.p, 1, b.n, stdout);
	fflush(stdout);
	if (formats[format].put == put_table)
		fprintf(stderr, "%zu row%s\n", r->nrows, r->nrows == 1 ? "" : "s");
	if (r->cut)
		fprintf(stderr, "%s\n", r->cut);
	return CLI_OK;
}

int cmd_sql(struct ctx *ctx, int argc, char **argv)
{
	const char *slug = NULL, *name = "table", *time_zone = "UTC";
	bool explain = false;
	const struct cli_option options[] = {{"--project", &slug, NULL},
	                                     {"--format", &name, NULL},
	                                     {"--time-zone", &time_zone, NULL},
	                                     {"--explain", NULL, &explain}};
	struct query_scope scope;
	struct query_result *r;
	struct query_plan *plan;
	size_t format = 0;

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)) || argc != 2 || !slug ||
	    !auth_time_zone_form(time_zone))
		return cli_usage("sql");
	while (format < FORMATS && strcmp(formats[format].name, name) != 0)
		format++;
	if (format == FORMATS)
		return cli_usage("sql");
	struct err *e = scope_for(ctx, slug, &scope);
	scope.time_zone = time_zone;
	if (!e)
		e = explain ? query_explain(ctx, &scope, argv[1], &plan) : query_run(ctx, &scope, argv[1], &r);
	if (e)
		return fail(e);
	if (!explain)
		return show(ctx, format, r);
	print_explained(plan);
	return CLI_OK;
}
