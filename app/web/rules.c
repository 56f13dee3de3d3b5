/*
 * The access rules of a project: what each role sees less of, as sentences; a form for one more; what a table looks
 * like under a role's rules.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "web/form_priv.h"
#include "web/rules_priv.h"

struct rule_note {
	const char *text;
};

/* One sentence: rules that differ in nothing but the role. */
struct rule_line {
	const char *ids; /* "3,4" */
	const char *roles; /* "viewers and analysts" */
	const char *table;
	const char *column;
	const char *value;
	const char *shows; /* of a mask: "u***@example.com" */
	const char *change; /* query of the address that fills the form with it */
	bool hide;
	bool filter;
	bool mask;
	struct rule_note *notes;
	size_t nnotes;
};

struct rules_view {
	struct web_layout *layout;
	struct web_problem *problem;
	const char *slug;
	struct rule_line *rules;
	size_t nrules;
	bool none;
	bool dictionary; /* there is one */
	struct web_option *tables;
	size_t ntables;
	const char *table; /* chosen, "" for none */
	struct web_option *columns;
	size_t ncolumns;
	struct web_option *roles;
	size_t nroles;
	struct web_option *kinds;
	size_t nkinds;
	struct web_option *masks;
	size_t nmasks;
	const char *condition;
	const char *email;
	const char *groups;
	struct web_option *as; /* roles for the preview */
	size_t nas;
	struct web_option *of; /* tables for it */
	size_t nof;
	const char *shown; /* whose eyes, which table; NULL: no preview asked for */
	struct web_table *sample;
	struct web_problem *sample_problem;
	bool tells;
};

static const struct view note_view = VIEW(struct rule_note, VIEW_STR(struct rule_note, text));
static const struct view option_view =
        VIEW(struct web_option, VIEW_STR(struct web_option, value), VIEW_STR(struct web_option, label),
             VIEW_BOOL(struct web_option, selected));
static const struct view rule_view =
        VIEW(struct rule_line, VIEW_STR(struct rule_line, ids), VIEW_STR(struct rule_line, roles),
             VIEW_STR(struct rule_line, table), VIEW_STR(struct rule_line, column),
             VIEW_STR(struct rule_line, value), VIEW_STR(struct rule_line, shows),
             VIEW_STR(struct rule_line, change), VIEW_BOOL(struct rule_line, hide),
             VIEW_BOOL(struct rule_line, filter), VIEW_BOOL(struct rule_line, mask),
             VIEW_LIST(struct rule_line, notes, nnotes, &note_view));
static const struct view rules_view = VIEW(
        struct rules_view, VIEW_ONE(struct rules_view, layout, &web_layout_view),
        VIEW_ONE(struct rules_view, problem, &web_problem_view), VIEW_STR(struct rules_view, slug),
        VIEW_LIST(struct rules_view, rules, nrules, &rule_view), VIEW_BOOL(struct rules_view, none),
        VIEW_BOOL(struct rules_view, dictionary), VIEW_LIST(struct rules_view, tables, ntables, &option_view),
        VIEW_STR(struct rules_view, table), VIEW_LIST(struct rules_view, columns, ncolumns, &option_view),
        VIEW_LIST(struct rules_view, roles, nroles, &option_view),
        VIEW_LIST(struct rules_view, kinds, nkinds, &option_view),
        VIEW_LIST(struct rules_view, masks, nmasks, &option_view), VIEW_STR(struct rules_view, condition),
        VIEW_STR(struct rules_view, email), VIEW_STR(struct rules_view, groups),
        VIEW_LIST(struct rules_view, as, nas, &option_view), VIEW_LIST(struct rules_view, of, nof, &option_view),
        VIEW_STR(struct rules_view, shown), VIEW_ONE(struct rules_view, sample, &web_table_view),
        VIEW_ONE(struct rules_view, sample_problem, &web_problem_view), VIEW_BOOL(struct rules_view, tells));
WEB_PAGE(rules_page, "settings/rules", rules_view);

struct err *rules_sight(struct ctx *ctx, const struct project *project, struct web_sight *out)
{
	TRY(web_sight(ctx, project, PROJECT_ADMIN, out));
	if (out->catalog)
		TRY(catalog_load(ctx, project, &out->source, NULL, &out->catalog));
	return NULL;
}

/* Sentences ---------------------------------------------------------------------------------------------- */

/* "viewers", "viewers and analysts", "viewers, analysts and admins" */
static const char *role_words(struct arena *a, const struct policy_rule *rules, size_t n)
{
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%ss", !i ? "" : i + 1 < n ? ", " : " and ", rules[i].role);
	return buf_cstr(&b);
}

static const char *id_list(struct arena *a, const struct policy_rule *rules, size_t n)
{
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%lld", i ? "," : "", (long long)rules[i].id);
	return buf_cstr(&b);
}

static void add_pair(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "&%s=", name);
	buf_add_url(b, str_of(value));
}

static const char *change_query(struct arena *a, const struct policy_rule *rules, size_t n)
{
	struct buf b = buf_init(a, BUF_LINE);

	buf_add_cstr(&b, "table=");
	buf_add_url(&b, str_of(rules->table));
	add_pair(&b, "kind", rules->kind);
	add_pair(&b, "column", rules->column);
	add_pair(&b, strcmp(rules->kind, "mask") == 0 ? "mask" : "condition", rules->value);
	for (size_t i = 0; i < n; i++)
		add_pair(&b, rules[i].role, "1");
	return buf_cstr(&b);
}

static bool alike(const struct policy_rule *x, const struct policy_rule *y)
{
	return strcmp(x->table, y->table) == 0 && strcmp(x->kind, y->kind) == 0 &&
	       strcmp(x->column, y->column) == 0 && strcmp(x->value, y->value) == 0;
}

/* What is known when the sentences are made. */
struct known {
	struct arena *a;
	const struct catalog *c; /* NULL: no dictionary */
	const struct policy_rule *rules;
	size_t nrules;
	struct catalog_derived *derived;
	size_t nderived;
};

static bool has_rule(const struct known *k, const char *table, const char *role)
{
	for (size_t i = 0; i < k->nrules; i++)
		if (strcmp(k->rules[i].table, table) == 0 && strcmp(k->rules[i].role, role) == 0)
			return true;
	return false;
}

static bool ruled_for_all(const struct known *k, const char *table, const struct policy_rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!has_rule(k, table, rules[i].role))
			return false;
	return true;
}

/* Views and partitions of the table that no rule of one of the roles is about: they show what it keeps back. */
static void note_derived(const struct known *k, struct rule_line *line, const struct policy_rule *rules, size_t n)
{
	struct db_texts open = {ARENA_ARRAY(k->a, const char *, k->nderived), 0};

	for (size_t i = 0; i < k->nderived; i++) {
		const struct catalog_derived *d = &k->derived[i];

		if (strcmp(d->of, line->table) == 0 && k->c && catalog_find(k->c, d->name) &&
		    !ruled_for_all(k, d->name, rules, n))
			open.p[open.n++] = d->name;
	}
	if (open.n)
		line->notes[line->nnotes++].text = arena_printf(
		        k->a, "This does not hold for what shows data of %s under another name: %s. Add a rule there, too.",
		        line->table, web_joined(k->a, open));
}

static bool has_column(const struct catalog_table *t, const char *name)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i].name, name) == 0)
			return true;
	return false;
}

static void note_missing(const struct known *k, struct rule_line *line)
{
	const struct catalog_table *t = k->c ? catalog_find(k->c, line->table) : NULL;

	if (k->c && !t)
		line->notes[line->nnotes++].text = "The dictionary has no such table any more.";
	else if (t && line->mask && !has_column(t, line->column))
		line->notes[line->nnotes++].text = "The table has no such column any more.";
}

static struct rule_line make_line(const struct known *k, const struct policy_rule *rules, size_t n)
{
	struct rule_line line = {
	        .ids = id_list(k->a, rules, n),
	        .roles = role_words(k->a, rules, n),
	        .table = rules->table,
	        .column = rules->column,
	        .value = rules->value,
	        .change = change_query(k->a, rules, n),
	        .hide = strcmp(rules->kind, "hide") == 0,
	        .filter = strcmp(rules->kind, "filter") == 0,
	        .mask = strcmp(rules->kind, "mask") == 0,
	        .notes = ARENA_ARRAY(k->a, struct rule_note, 2),
	};

	line.shows = line.mask ? web_mask_example(rules->value) : NULL;
	note_missing(k, &line);
	note_derived(k, &line, rules, n);
	return line;
}

static void add_lines(const struct known *k, struct rules_view *v)
{
	v->rules = ARENA_ARRAY(k->a, struct rule_line, k->nrules);
	for (size_t i = 0, n; i < k->nrules; i += n) {
		for (n = 1; i + n < k->nrules && alike(&k->rules[i], &k->rules[i + n]); n++)
			;
		v->rules[v->nrules++] = make_line(k, &k->rules[i], n);
	}
	v->none = v->nrules == 0;
}

/* The form ----------------------------------------------------------------------------------------------- */

static struct web_option *options(struct arena *a, const char *const (*list)[2], size_t n, const char *selected)
{
	struct web_option *o = ARENA_ARRAY(a, struct web_option, n);

	for (size_t i = 0; i < n; i++)
		o[i] = (struct web_option){list[i][0], list[i][1], strcmp(list[i][0], selected) == 0};
	return o;
}

static struct web_option *table_options(struct arena *a, const struct catalog *c, const char *selected, size_t *n)
{
	struct web_option *o = ARENA_ARRAY(a, struct web_option, c ? c->ntables : 0);

	for (size_t i = 0; c && i < c->ntables; i++)
		o[(*n)++] = (struct web_option){c->tables[i].name, c->tables[i].name,
		                                strcmp(c->tables[i].name, selected) == 0};
	return o;
}

static struct web_option *column_options(struct arena *a, const struct catalog_table *t, const char *selected,
                                         size_t *n)
{
	struct web_option *o = ARENA_ARRAY(a, struct web_option, t->ncolumns);

	for (size_t i = 0; i < t->ncolumns; i++)
		o[(*n)++] = (struct web_option){t->columns[i].name,
		                                arena_printf(a, "%s (%s)", t->columns[i].name, t->columns[i].type),
		                                strcmp(t->columns[i].name, selected) == 0};
	return o;
}

static const char *const roles[][2] = {{"viewer", "Viewers"}, {"analyst", "Analysts"}, {"admin", "Admins"}};
static const char *const kinds[][2] = {{"mask", "The values of a column are masked"},
                                       {"filter", "Only some rows are shown"},
                                       {"hide", "The table is hidden"}};
static const char *const masks[][2] = {
        {"full", "*** in place of every value"},      {"email", "u***@example.com: the first letter and the host"},
        {"last4", "***1234: the last four characters"}, {"hash", "a code, the same for equal values"},
        {"year", "2025-01-01: the year of a date"},   {"null", "nothing at all"},
};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void add_form(struct arena *a, const struct catalog *c, const struct rules_form *form, struct rules_view *v)
{
	const struct catalog_table *t = c && *form->table ? catalog_find(c, form->table) : NULL;

	v->tables = table_options(a, c, form->table, &v->ntables);
	v->table = t ? t->name : "";
	if (t)
		v->columns = column_options(a, t, form->column, &v->ncolumns);
	v->nroles = COUNT(roles);
	v->roles = options(a, roles, v->nroles, "");
	for (size_t i = 0; i < v->nroles; i++)
		v->roles[i].selected = form->roles[project_role_of(roles[i][0])];
	v->nkinds = COUNT(kinds);
	v->kinds = options(a, kinds, v->nkinds, *form->kind ? form->kind : kinds[0][0]);
	v->nmasks = COUNT(masks);
	v->masks = options(a, masks, v->nmasks, form->mask);
	v->condition = form->condition;
}

/* The preview -------------------------------------------------------------------------------------------- */

static struct err *add_preview(struct ctx *ctx, struct http_request *req, const struct catalog *all,
                               struct rules_view *v)
{
	const char *as = str_dup(ctx->a, http_query(req, "as")), *of = str_dup(ctx->a, http_query(req, "of"));
	enum project_role role = project_role_of(as);
	const struct auth_person *person = auth_person(req);
	const struct catalog_table *t;
	struct web_sight sight;
	struct err *e;

	v->nas = COUNT(roles);
	v->as = options(ctx->a, roles, v->nas, role == PROJECT_NONE ? "analyst" : as);
	v->of = table_options(ctx->a, all, *of ? of : v->table, &v->nof);
	if (role == PROJECT_NONE || !all || !catalog_find(all, of))
		return NULL;
	v->shown = arena_printf(ctx->a, "%s as a person with your e-mail address and groups sees it in the role %s", of,
	                        as);
	TRY(web_sight(ctx, &person->project, role, &sight));
	t = sight.catalog ? catalog_find(sight.catalog, of) : NULL;
	e = t ? web_preview(ctx, &sight, t, person->time_zone, &v->sample)
	      : err_new(ctx->a, ERR_REFUSED, "the table is hidden from %ss", as);
	if (e && !web_mendable(e) && e->kind != ERR_REFUSED)
		return e;
	v->sample_problem = web_problem(ctx, e);
	return NULL;
}

/* A database that cannot be reached says nothing of views; the rules count all the same. */
static struct err *add_derived(struct ctx *ctx, const struct web_sight *sight, struct known *k)
{
	struct err *e = k->nrules ? catalog_derived(ctx, &sight->source, &k->derived, &k->nderived) : NULL;

	if (!e)
		return NULL;
	k->nderived = 0;
	return web_mendable(e) ? NULL : e;
}

struct err *rules_show(struct ctx *ctx, struct http_request *req, struct http_response *res,
                       const struct rules_form *form, const struct err *problem)
{
	const struct auth_person *person = auth_person(req);
	struct known k = {.a = ctx->a};
	struct policy_rule *rules;
	struct web_sight sight;
	struct rules_view v = {
	        .layout = web_layout(ctx, req, "Access rules", "settings"),
	        .problem = web_problem(ctx, problem),
	        .slug = person->project.slug,
	        .email = person->email,
	        .groups = person->groups.n ? web_joined(ctx->a, person->groups) : NULL,
	        .tells = person->project.tells_hidden,
	};

	TRY(rules_sight(ctx, &person->project, &sight));
	TRY(policy_rules(ctx, person->project.id, &rules, &k.nrules));
	k.rules = rules;
	k.c = sight.catalog;
	v.dictionary = sight.catalog != NULL;
	TRY(add_derived(ctx, &sight, &k));
	add_lines(&k, &v);
	add_form(ctx->a, sight.catalog, form, &v);
	TRY(add_preview(ctx, req, sight.catalog, &v));
	web_problem_status(ctx, res, problem);
	return web_render(ctx, res, &rules_page, &v);
}

struct err *web_rules_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct rules_form form = rules_form_read(ctx, req, http_query);

	return rules_show(ctx, req, res, &form, NULL);
}
