/* quern sql: runs one guarded statement of a project, or shows what would run. */
#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "catalog/catalog.h"
#include "cli/cli.h"
#include "cli/table_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "policy/policy.h"
#include "project/project.h"
#include "query/query.h"

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

	TRY(project_by_slug(ctx, slug, project));
	TRY(catalog_scope_for(ctx, project, PROJECT_ADMIN, scope));
	scope->origin = QUERY_FROM_CLI;
	return NULL;
}

static int fail(struct err *e)
{
	if (e->position)
		err_detail(e, "%s%sAt character %d.", e->detail ? e->detail : "", e->detail ? " " : "",
		           e->position);
	return cli_fail(e);
}

static int show(struct ctx *ctx, const struct query_result *r)
{
	struct buf b = buf_init(ctx->a, BUF_RESULT);

	table_put(ctx->a, r, r->nrows, &b);
	if (b.full)
		return cli_fail(err_new(ctx->a, ERR_TOO_LARGE, "the result is too large to be written"));
	fwrite(b.p, 1, b.n, stdout);
	fflush(stdout);
	fprintf(stderr, "%zu row%s\n", r->nrows, r->nrows == 1 ? "" : "s");
	return CLI_OK;
}

static struct err *to_stdout(void *arg, struct str bytes)
{
	struct ctx *ctx = arg;

	if (fwrite(bytes.p, 1, bytes.n, stdout) == bytes.n && !fflush(stdout))
		return NULL;
	return err_new(ctx->a, ERR_CANCELLED, "the output was closed");
}

static struct err *write_file(struct ctx *ctx, const struct query_format *format,
                              const struct query_scope *scope, const char *sql, struct query_result **out)
{
	const struct query_output output = {to_stdout, ctx};
	const struct policy *p = scope->policy;
	const struct query_caps caps = {p->max_rows < format->max_rows ? p->max_rows : format->max_rows,
	                                p->max_bytes, p->max_cell_bytes};
	struct query_file *file;

	TRY(query_file_open(ctx, format, &output, &file));
	TRY(query_stream(ctx, scope, sql, &caps, query_file_sink(file), out));
	return query_file_close(file, *out);
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
	const struct query_format *format;
	bool table;

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)) || argc != 2 || !slug ||
	    !auth_time_zone_form(time_zone))
		return cli_usage("sql");
	table = !strcmp(name, "table");
	format = query_format(str_of(name));
	if (!table && !format)
		return cli_usage("sql");
	struct err *e = scope_for(ctx, slug, &scope);
	scope.time_zone = time_zone;
	if (!e && explain)
		e = query_explain(ctx, &scope, argv[1], &plan);
	else if (!e)
		e = table ? query_run(ctx, &scope, argv[1], &r)
		          : write_file(ctx, format, &scope, argv[1], &r);
	if (e)
		return fail(e);
	if (explain) {
		print_explained(plan);
		return CLI_OK;
	}
	if (r->cut)
		fprintf(stderr, "%s\n", r->cut);
	return table ? show(ctx, r) : CLI_OK;
}
