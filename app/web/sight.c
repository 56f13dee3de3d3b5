/* What a person sees of a project's data: for the pages that show the dictionary or rows of it. */
#include <string.h>

#include "lib/arena.h"
#include "policy/policy.h"
#include "sql/sql.h"
#include "web/web_priv.h"

enum { PREVIEW_ROWS = 20 };

struct err *web_sight(struct ctx *ctx, const struct project *project, enum project_role role,
                      struct web_sight *out)
{
	*out = (struct web_sight){0};
	TRY(project_source_get(ctx, project->id, &out->source));
	TRY(policy_for(ctx, project, &out->source, role, &out->policy));
	struct err *e = catalog_load(ctx, project, &out->source, out->policy, &out->catalog);
	if (!e || e->kind != ERR_NOT_FOUND)
		return e;
	out->catalog = NULL;
	return NULL;
}

struct err *web_preview(struct ctx *ctx, const struct web_sight *sight, const struct catalog_table *t,
                        const char *time_zone, struct web_table **out)
{
	struct query_scope scope = {.source = &sight->source,
	                            .policy = sight->policy,
	                            .origin = QUERY_FROM_DATA,
	                            .time_zone = time_zone};
	const char *sql = arena_printf(ctx->a, "SELECT * FROM %s.%s LIMIT %d",
	                               sql_quote_ident(ctx->a, sight->source.schema),
	                               sql_quote_ident(ctx->a, t->name), PREVIEW_ROWS);
	struct query_result *result;

	catalog_scope(ctx->a, sight->catalog, &scope);
	TRY(query_run(ctx, &scope, sql, &result));
	*out = web_table(ctx->a, result, 0, PREVIEW_ROWS);
	return NULL;
}

const char *web_mask_example(const char *kind)
{
	static const char *const examples[][2] = {
	        {"full", "***"},        {"email", "u***@example.com"},         {"last4", "***1234"},
	        {"year", "2025-01-01"}, {"hash", "a code, the same for equal values"}, {"null", "nothing"},
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples); i++)
		if (!strcmp(examples[i][0], kind))
			return examples[i][1];
	return "***";
}
