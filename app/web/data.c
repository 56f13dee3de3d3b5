/* The data dictionary for the members of a project. */
#include "catalog/catalog.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "web/web_priv.h"

struct data_item {
	const char *name;
	const char *url_name;
	const char *kind;
	const char *comment;
	const char *rows;
	int64_t columns;
};

struct data_list_view {
	struct web_layout *layout;
	const char *slug;
	const char *schema;
	const char *summary;
	const char *read; /* when */
	struct data_item *tables;
	size_t ntables;
	const char *hidden; /* "2 more tables": that rules keep from this person */
	bool none;          /* no dictionary yet */
};

static const struct view item_view =
        VIEW(struct data_item, VIEW_STR(struct data_item, name), VIEW_STR(struct data_item, url_name),
             VIEW_STR(struct data_item, kind), VIEW_STR(struct data_item, comment),
             VIEW_STR(struct data_item, rows), VIEW_I64(struct data_item, columns));
static const struct view data_list_view =
        VIEW(struct data_list_view, VIEW_ONE(struct data_list_view, layout, &web_layout_view),
             VIEW_STR(struct data_list_view, slug), VIEW_STR(struct data_list_view, schema),
             VIEW_STR(struct data_list_view, summary), VIEW_STR(struct data_list_view, read),
             VIEW_LIST(struct data_list_view, tables, ntables, &item_view),
             VIEW_STR(struct data_list_view, hidden), VIEW_BOOL(struct data_list_view, none));
WEB_PAGE(data_list_page, "data/list", data_list_view);

struct data_column {
	const char *name;
	const char *type;
	const char *comment;
	const char *dflt;
	const char *references;
	bool not_null;
	bool primary;
	bool unique;
	const char *values; /* of an enum, or samples; comma-separated */
	bool is_enum;
	const char *mask; /* "u***@example.com": what stands in place of its values, or NULL */
};

struct data_line {
	const char *text;
};

struct data_table_view {
	struct web_layout *layout;
	const char *slug;
	const char *name;
	const char *url_name;
	const char *kind;
	const char *comment;
	const char *rows;
	struct data_column *columns;
	size_t ncolumns;
	struct data_line *constraints;
	size_t nconstraints;
	struct data_line *indexes;
	size_t nindexes;
	bool filtered;
	const char *masked; /* names of the masked columns, or NULL */
	struct web_table *sample;
	struct web_problem *problem; /* of the sample */
	bool offer; /* of a sample */
};

static const struct view column_view =
        VIEW(struct data_column, VIEW_STR(struct data_column, name), VIEW_STR(struct data_column, type),
             VIEW_STR(struct data_column, comment), VIEW_STR(struct data_column, dflt),
             VIEW_STR(struct data_column, references), VIEW_BOOL(struct data_column, not_null),
             VIEW_BOOL(struct data_column, primary), VIEW_BOOL(struct data_column, unique),
             VIEW_STR(struct data_column, values), VIEW_BOOL(struct data_column, is_enum),
             VIEW_STR(struct data_column, mask));
static const struct view line_view = VIEW(struct data_line, VIEW_STR(struct data_line, text));
static const struct view data_table_view =
        VIEW(struct data_table_view, VIEW_ONE(struct data_table_view, layout, &web_layout_view),
             VIEW_STR(struct data_table_view, slug), VIEW_STR(struct data_table_view, name),
             VIEW_STR(struct data_table_view, url_name),
             VIEW_STR(struct data_table_view, kind), VIEW_STR(struct data_table_view, comment),
             VIEW_STR(struct data_table_view, rows),
             VIEW_LIST(struct data_table_view, columns, ncolumns, &column_view),
             VIEW_LIST(struct data_table_view, constraints, nconstraints, &line_view),
             VIEW_LIST(struct data_table_view, indexes, nindexes, &line_view),
             VIEW_BOOL(struct data_table_view, filtered), VIEW_STR(struct data_table_view, masked),
             VIEW_ONE(struct data_table_view, sample, &web_table_view),
             VIEW_ONE(struct data_table_view, problem, &web_problem_view),
             VIEW_BOOL(struct data_table_view, offer));
WEB_PAGE(data_table_page, "data/table", data_table_view);

static const char *row_label(struct arena *a, int64_t rows)
{
	return rows < 0 ? NULL : arena_printf(a, "about %s", web_count(a, rows, "row", "rows"));
}

static const char *url_encoded(struct arena *a, const char *name)
{
	struct buf b = buf_init(a, BUF_LINE);

	buf_add_url(&b, str_of(name));
	return buf_cstr(&b);
}

struct err *web_data_list(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project *project = &auth_person(req)->project;
	struct web_sight sight;
	struct data_list_view v = {.layout = web_layout(ctx, req, "Data", "data"), .slug = project->slug};

	TRY(web_sight(ctx, project, auth_person(req)->role, &sight));
	const struct catalog *c = sight.catalog;
	if (!c) {
		v.none = true;
		return web_render(ctx, res, &data_list_page, &v);
	}
	if (c->nhidden)
		v.hidden = web_count(ctx->a, (int64_t)c->nhidden, "more table", "more tables");
	v.schema = c->schema;
	v.summary = arena_printf(ctx->a, "%s with %s in schema %s, as read",
	                         web_count(ctx->a, (int64_t)c->ntables, "table", "tables"),
	                         web_count(ctx->a, (int64_t)c->ncolumns, "column", "columns"), c->schema);
	v.read = web_time(ctx->a, c->generated_at);
	v.tables = ARENA_ARRAY(ctx->a, struct data_item, c->ntables);
	v.ntables = c->ntables;
	for (size_t i = 0; i < c->ntables; i++) {
		const struct catalog_table *t = &c->tables[i];
		v.tables[i] =
		        (struct data_item){t->name,    url_encoded(ctx->a, t->name), t->kind,
		                           t->comment, row_label(ctx->a, t->rows),   (int64_t)t->ncolumns};
	}
	return web_render(ctx, res, &data_list_page, &v);
}

static const char *joined(struct arena *a, const char **texts, size_t n)
{
	return n ? web_joined(a, (struct db_texts){texts, n}) : NULL;
}

static struct data_line *lines(struct arena *a, const char **texts, size_t n)
{
	struct data_line *l = ARENA_ARRAY(a, struct data_line, n);

	for (size_t i = 0; i < n; i++)
		l[i].text = texts[i];
	return l;
}

static struct data_column make_column(struct arena *a, const struct catalog_column *c)
{
	bool is_enum = c->nenum_values > 0;

	return (struct data_column){
	        .name = c->name,
	        .type = c->type,
	        .comment = c->comment,
	        .dflt = c->dflt,
	        .references = c->references,
	        .not_null = c->not_null,
	        .primary = c->primary,
	        .unique = c->unique,
	        .values = is_enum ? joined(a, c->enum_values, c->nenum_values)
	                          : joined(a, c->samples, c->nsamples),
	        .is_enum = is_enum,
	        .mask = c->mask ? web_mask_example(c->mask) : NULL,
	};
}

static const char *masked_names(struct arena *a, const struct catalog_table *t)
{
	const char **names = ARENA_ARRAY(a, const char *, t->ncolumns);
	size_t n = 0;

	for (size_t i = 0; i < t->ncolumns; i++)
		if (t->columns[i].mask)
			names[n++] = t->columns[i].name;
	return joined(a, names, n);
}

/* Some rows, for who asks for them: the page itself queries nothing. */
static struct err *add_sample(struct ctx *ctx, const struct http_request *req, const struct web_sight *sight,
                              const struct catalog_table *t, struct data_table_view *v)
{
	struct err *e;

	v->offer = !http_query(req, "rows").n;
	if (v->offer)
		return NULL;
	e = web_preview(ctx, sight, t, auth_person(req)->time_zone, &v->sample);
	if (e && !web_mendable(e) && e->kind != ERR_REFUSED)
		return e;
	v->problem = web_problem(ctx, e);
	return NULL;
}

struct err *web_data_table(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project *project = &auth_person(req)->project;
	const char *name = str_dup(ctx->a, http_param(req, "table"));
	struct web_sight sight;

	TRY(web_sight(ctx, project, auth_person(req)->role, &sight));
	const struct catalog_table *t = sight.catalog ? catalog_find(sight.catalog, name) : NULL;
	if (!t)
		return err_hint(
		        err_new(ctx->a, ERR_NOT_FOUND, "there is no table \"%s\" in this project", name),
		        "the list of tables shows what there is");
	struct data_table_view v = {
	        .layout = web_layout(ctx, req, t->name, "data"),
	        .slug = project->slug,
	        .name = t->name,
	        .url_name = url_encoded(ctx->a, t->name),
	        .kind = t->kind,
	        .comment = t->comment,
	        .rows = row_label(ctx->a, t->rows),
	        .columns = ARENA_ARRAY(ctx->a, struct data_column, t->ncolumns),
	        .ncolumns = t->ncolumns,
	        .constraints = lines(ctx->a, t->constraints, t->nconstraints),
	        .nconstraints = t->nconstraints,
	        .indexes = lines(ctx->a, t->indexes, t->nindexes),
	        .nindexes = t->nindexes,
	        .filtered = t->filtered,
	        .masked = masked_names(ctx->a, t),
	};
	for (size_t i = 0; i < t->ncolumns; i++)
		v.columns[i] = make_column(ctx->a, &t->columns[i]);
	TRY(add_sample(ctx, req, &sight, t, &v));
	return web_render(ctx, res, &data_table_page, &v);
}
