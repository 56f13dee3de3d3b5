/* quern doctor: checks what a running service depends on, one line each. */
#include <stdio.h>

#include "auth/auth.h"
#include "catalog/catalog.h"
#include "cli/cli.h"
#include "db/db.h"
#include "lib/buf.h"
#include "lib/settings.h"
#include "llm/llm.h"
#include "project/project.h"
#include "query/query.h"

static int failures;

static void report(bool ok, const char *what, const char *detail)
{
	failures += !ok;
	printf("%-4s  %s%s%s\n", ok ? "ok" : "FAIL", what, detail ? ": " : "", detail ? detail : "");
}

static void report_err(const char *what, const struct err *e)
{
	report(!e, what, e ? err_text(e) : NULL);
}

static struct err *check_statements(struct ctx *ctx)
{
	struct buf b = buf_init(ctx->a, BUF_PAGE);
	int failed = 0;

	TRY(db_check_statements(ctx, &b, &failed));
	if (failed)
		return err_new(ctx->a, ERR_INTERNAL, "%d statements do not fit the database:\n%s", failed,
		               buf_cstr(&b));
	return NULL;
}

static struct err *check_project(struct ctx *ctx, const struct project *project)
{
	struct project_source source;
	struct query_probe probe = {0};

	TRY(project_source_get(ctx, project->id, &source));
	TRY(query_probe_anew(ctx, &source, &probe));
	if (!probe.ok)
		return err_hint(err_new(ctx->a, ERR_UNAVAILABLE, "%s", probe.message), "%s",
		                probe.hint ? probe.hint : "try \"quern project check\"");
	for (size_t i = 0; i < probe.nwarnings; i++)
		cli_warning(project->slug, &probe.warnings[i]);
	struct catalog *catalog;
	return catalog_load(ctx, project, &source, NULL, &catalog);
}

int cmd_doctor(struct ctx *ctx, int argc, char **argv)
{
	if (!cli_options(&argc, argv, NULL, 0) || argc != 1)
		return cli_usage("doctor");

	report_err("settings", auth_check_settings(ctx));
	struct err *e = db_ping(ctx);
	report_err("platform database", e);
	if (e)
		return CLI_FAILED;
	report_err("migrations", db_migrated(ctx, ctx->settings->migrations));
	report_err("statements", check_statements(ctx));
	if (llm_configured(ctx->settings))
		report(true, "model provider", llm_provider_of(ctx->settings, "").url);
	else
		puts("warn  no model provider: only questions about tables and columns are answered (set QUERN_LLM_KEY)");

	struct project_listed *projects = NULL;
	size_t n = 0;
	report_err("projects", project_list(ctx, 0, true, &projects, &n));
	for (size_t i = 0; i < n; i++) {
		const struct project *project = &projects[i].project;
		e = check_project(ctx, project);
		report(!e, project->name, e ? err_text(e) : NULL);
	}
	return failures ? CLI_FAILED : CLI_OK;
}
