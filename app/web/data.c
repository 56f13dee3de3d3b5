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
	bool none; /* no dictionary yet */
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
             VIEW_BOOL(struct data_list_view, none));
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
};

struct data_line {
	const char *text;
};

struct data_table_view {
	struct web_layout *layout;
	const char *slug;
	const char *name;
	const char *kind;
	const char *comment;
	const char *rows;
	struct data_column *columns;
	size_t ncolumns;
	struct data_line *constraints;
	size_t nconstraints;
	struct data_line *indexes;
	size_t nindexes;
};

static const struct view column_view =
        VIEW(struct data_column, VIEW_STR(struct data_column, name), VIEW_STR(struct data_column, type),
             VIEW_STR(struct data_column, comment), VIEW_STR(struct data_column, dflt),
             VIEW_STR(struct data_column, references), VIEW_BOOL(struct data_column, not_null),
             VIEW_BOOL(struct data_column, primary), VIEW_BOOL(struct data_column, unique),
             VIEW_STR(struct data_column, values), VIEW_BOOL(struct data_column, is_enum));
static const struct view line_view = VIEW(struct data_line, VIEW_STR(struct data_line, text));
static const struct view data_table_view =
        VIEW(struct data_table_view, VIEW_ONE(struct data_table_view, layout, &web_layout_view),
             VIEW_STR(struct data_table_view, slug), VIEW_STR(struct data_table_view, name),
             VIEW_STR(struct data_table_view, kind), VIEW_STR(struct data_table_view, comment),
             VIEW_STR(struct data_table_view, rows),
             VIEW_LIST(struct data_table_view, columns, ncolumns, &column_view),
             VIEW_LIST(struct data_table_view, constraints, nconstraints, &line_view),
             VIEW_LIST(struct data_table_view, indexes, nindexes, &line_view));
WEB_PAGE(data_table_page, "data/table", data_table_view);

static const char *row_label(struct arena *a, int64_t rows)
{
	return rows < 0 ? NULL : arena_printf(a, "about %s", web_count(a, rows, "row", "rows"));
}

static struct err *load(struct ctx *ctx, const struct project *project, struct catalog **out)
{
	struct project_source source;

	TRY(project_source_get(ctx, project->id, &source));
	return catalog_load(ctx, project, &source, out);
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
	struct catalog *c;
	struct data_list_view v = {.layout = web_layout(ctx, req, "Data", "data"), .slug = project->slug};

	struct err *e = load(ctx, project, &c);
	if (e && e->kind != ERR_NOT_FOUND)
		return e;
	if (e) {
		v.none = true;
		return web_render(ctx, res, &data_list_page, &v);
	}
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
	};
}

struct err *web_data_table(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project *project = &auth_person(req)->project;
	const char *name = str_dup(ctx->a, http_param(req, "table"));
	struct catalog *c;

	TRY(load(ctx, project, &c));
	const struct catalog_table *t = catalog_find(c, name);
	if (!t)
		return err_hint(
		        err_new(ctx->a, ERR_NOT_FOUND, "there is no table \"%s\" in this project", name),
		        "the list of tables shows what there is");
	struct data_table_view v = {
	        .layout = web_layout(ctx, req, t->name, "data"),
	        .slug = project->slug,
	        .name = t->name,
	        .kind = t->kind,
	        .comment = t->comment,
	        .rows = row_label(ctx->a, t->rows),
	        .columns = ARENA_ARRAY(ctx->a, struct data_column, t->ncolumns),
	        .ncolumns = t->ncolumns,
	        .constraints = lines(ctx->a, t->constraints, t->nconstraints),
	        .nconstraints = t->nconstraints,
	        .indexes = lines(ctx->a, t->indexes, t->nindexes),
	        .nindexes = t->nindexes,
	};
	for (size_t i = 0; i < t->ncolumns; i++)
		v.columns[i] = make_column(ctx->a, &t->columns[i]);
	return web_render(ctx, res, &data_table_page, &v);
}
