/* quern doctor: checks what a running service depends on, one line each. */
#include <stdio.h>

#include "agent/agent.h"
#include "auth/auth.h"
#include "catalog/catalog.h"
#include "cli/cli.h"
#include "db/db.h"
#include "lib/arena.h"
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

/* A tiny real call. */
static void report_tried(struct ctx *ctx, const char *what, const struct project_model *model)
{
	struct agent_tried tried = {0};
	struct err *e = agent_model_try(ctx, model, &tried);

	if (e)
		report_err(what, e);
	else
		report(true, what, arena_printf(ctx->a, "%s answered in %lld ms", tried.model, (long long)tried.ms));
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

/* Each model of its own that a project has; the instance's is one for all and told once. */
static struct err *try_models(struct ctx *ctx, const struct project *project)
{
	struct project_model *models;
	size_t n;

	TRY(project_models(ctx, project->id, &models, &n));
	for (size_t i = 0; i < n; i++) {
		const char *what = arena_printf(ctx->a, "%s, model %lld (%s)", project->name,
		                                (long long)models[i].place,
		                                *models[i].model ? models[i].model : "the instance's");

		report_tried(ctx, what, &models[i]);
	}
	return NULL;
}

static struct err *check_models(struct ctx *ctx, const struct project *project)
{
	struct project_model *models;
	size_t n;

	return project_models(ctx, project->id, &models, &n);
}

int cmd_doctor(struct ctx *ctx, int argc, char **argv)
{
	static const struct project_model instance = {.place = 1, .format = "", .url = "", .model = ""};
	bool models = false;
	const struct cli_option options[] = {{"--models", NULL, &models}};

	if (!cli_options(&argc, argv, options, 1) || argc != 1)
		return cli_usage("doctor");

	llm_init();
	report_err("settings", auth_check_settings(ctx));
	struct err *e = db_ping(ctx);
	report_err("platform database", e);
	if (e)
		return CLI_FAILED;
	report_err("migrations", db_migrated(ctx, ctx->settings->migrations));
	report_err("statements", check_statements(ctx));
	if (!llm_configured(ctx->settings))
		puts("warn  no model provider: projects without a model of their own answer only questions about tables"
		     " and columns (set QUERN_LLM_KEY)");
	else if (models)
		report_tried(ctx, "model provider", &instance);
	else
		report(true, "model provider", llm_provider_of(ctx->settings, "").url);

	struct project_listed *projects = NULL;
	size_t n = 0;
	report_err("projects", project_list(ctx, 0, true, &projects, &n));
	for (size_t i = 0; i < n; i++) {
		const struct project *project = &projects[i].project;
		e = check_project(ctx, project);
		report(!e, project->name, e ? err_text(e) : NULL);
		e = models ? try_models(ctx, project) : check_models(ctx, project);
		if (e)
			report_err(arena_printf(ctx->a, "models of %s", project->name), e);
	}
	return failures ? CLI_FAILED : CLI_OK;
}
