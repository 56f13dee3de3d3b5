/* Changes to the access rules of a project: a rule for some roles at once, removals, what people are told. */
#include <string.h>

#include "db/db.h"
#include "lib/arena.h"
#include "sql/sql.h"
#include "web/rules_priv.h"

struct rules_form rules_form_read(struct ctx *ctx, const struct http_request *req, rules_get *get)
{
	struct rules_form f = {
	        .table = str_dup(ctx->a, str_trim(get(req, "table"))),
	        .kind = str_dup(ctx->a, get(req, "kind")),
	        .column = str_dup(ctx->a, get(req, "column")),
	        .condition = str_dup(ctx->a, str_trim(get(req, "condition"))),
	        .mask = str_dup(ctx->a, get(req, "mask")),
	};

	for (enum project_role role = PROJECT_VIEWER; role < PROJECT_ROLE__MAX; role++)
		f.roles[role] = get(req, project_role_name(role)).n > 0;
	return f;
}

struct policy_rule rules_form_rule(const struct rules_form *form, enum project_role role)
{
	bool mask = strcmp(form->kind, "mask") == 0, filter = strcmp(form->kind, "filter") == 0;

	return (struct policy_rule){.role = project_role_name(role),
	                            .table = form->table,
	                            .kind = form->kind,
	                            .column = mask ? form->column : "",
	                            .value = mask ? form->mask : filter ? form->condition : ""};
}

static struct err *invalid(struct ctx *ctx, const char *message)
{
	return err_new(ctx->a, ERR_INVALID, "%s", message);
}

/* The policy module knows no dictionary: a rule about something that is not there would protect nothing. */
static struct err *check_names(struct ctx *ctx, const struct rules_form *form, const struct catalog *c)
{
	const struct catalog_table *t = catalog_find(c, form->table);

	if (!*form->table || !t || strcmp(t->name, form->table) != 0)
		return invalid(ctx, "choose a table of the dictionary");
	for (size_t i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i].name, form->column) == 0)
			return NULL;
	return strcmp(form->kind, "mask") == 0 ? invalid(ctx, "choose a column of the table") : NULL;
}

/* Whether the database can do with the rule; one that cannot be reached does not hold it up. */
static struct err *try_rule(struct ctx *ctx, struct web_sight *sight, const struct policy_rule *rule)
{
	struct policy_mask mask = {rule->column, rule->value};
	bool masks = strcmp(rule->kind, "mask") == 0;
	struct policy_table table = {.name = rule->table,
	                             .filter = masks ? NULL : rule->value,
	                             .masks = &mask,
	                             .nmasks = masks};
	struct policy policy = *sight->policy;
	struct web_sight tried = {.source = sight->source, .policy = &policy, .catalog = sight->catalog};
	struct web_table *rows;

	if (strcmp(rule->kind, "hide") == 0)
		return NULL;
	policy.excluded = sight->source.excluded;
	policy.tables = &table;
	policy.ntables = 1;
	policy.cache_seconds = 0;
	struct err *e = web_preview(ctx, &tried, catalog_find(sight->catalog, rule->table), NULL, &rows);
	if (!e || (e->kind != ERR_QUERY && e->kind != ERR_REFUSED))
		return NULL;
	return err_hint(err_new(ctx->a, ERR_INVALID, "the database does not take the rule: %s", e->message), "%s",
	                "Correct the condition, or choose another mask.");
}

struct change {
	int64_t project_id;
	const struct rules_form *form;
	struct str ids;
};

static struct err *set_all(struct ctx *ctx, void *arg)
{
	const struct change *c = arg;

	for (enum project_role role = PROJECT_VIEWER; role < PROJECT_ROLE__MAX; role++) {
		struct policy_rule rule = rules_form_rule(c->form, role);

		if (c->form->roles[role])
			TRY(policy_rule_set(ctx, c->project_id, &rule));
	}
	return NULL;
}

static struct err *add(struct ctx *ctx, const struct project *project, const struct rules_form *form)
{
	struct change c = {.project_id = project->id, .form = form};
	struct policy_rule rule = rules_form_rule(form, PROJECT_VIEWER);
	struct web_sight sight;
	bool any = false;

	for (enum project_role role = PROJECT_VIEWER; role < PROJECT_ROLE__MAX; role++)
		any = any || form->roles[role];
	if (!any)
		return invalid(ctx, "choose whom the rule is for");
	TRY(rules_sight(ctx, project, &sight));
	if (sight.catalog)
		TRY(check_names(ctx, form, sight.catalog));
	TRY(policy_rule_check(ctx->a, &rule));
	if (sight.catalog)
		TRY(try_rule(ctx, &sight, &rule));
	return db_transact(ctx, set_all, &c);
}

/* done is what the page says, and where on it. */
static void back(struct ctx *ctx, struct http_request *req, struct http_response *res, const char *done)
{
	http_redirect(res, arena_printf(ctx->a, "/p/%s/settings/rules?done=%s", auth_person(req)->project.slug, done));
}

struct err *web_rules_add(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct rules_form form;
	struct err *e;

	TRY(http_form(ctx, req));
	form = rules_form_read(ctx, req, http_field);
	e = add(ctx, &auth_person(req)->project, &form);
	if (e && !web_mendable(e))
		return e;
	if (e)
		return rules_show(ctx, req, res, &form, e);
	back(ctx, req, res, "saved#main");
	return NULL;
}

static struct err *remove_all(struct ctx *ctx, void *arg)
{
	const struct change *c = arg;
	struct str rest = c->ids;
	int64_t id;

	while (rest.p) {
		if (!str_to_i64(str_chop(&rest, ','), &id))
			return err_new(ctx->a, ERR_NOT_FOUND, "rule not found");
		TRY(policy_rule_remove(ctx, c->project_id, id));
	}
	return NULL;
}

struct err *web_rules_remove(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct change c = {.project_id = auth_person(req)->project.id};
	struct rules_form none;

	TRY(http_form(ctx, req));
	c.ids = http_field(req, "rules");
	none = rules_form_read(ctx, req, http_query);
	struct err *e = c.ids.n ? db_transact(ctx, remove_all, &c) : err_new(ctx->a, ERR_NOT_FOUND, "rule not found");
	if (e && !web_mendable(e))
		return e;
	if (e)
		return rules_show(ctx, req, res, &none, e);
	back(ctx, req, res, "removed#main");
	return NULL;
}

struct err *web_rules_telling(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct project p = auth_person(req)->project;

	TRY(http_form(ctx, req));
	p.tells_hidden = http_has_field(req, "tells");
	TRY(project_update(ctx, &p));
	back(ctx, req, res, "saved#telling");
	return NULL;
}
