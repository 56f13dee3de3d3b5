/* quern sql: runs one guarded statement of a project, or shows what would run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "cli/cli.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "policy/policy.h"
#include "project/project.h"
#include "query/query.h"

enum { WIDEST = 60 }; /* characters of a column in a table */

/* Characters of the cell, as far as a table shows them. Line breaks would break the table. */
static size_t width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n < WIDEST ? n : WIDEST;
}

static void add_padding(struct buf *b, size_t n)
{
	while (n--)
		buf_add_char(b, ' ');
}

/* The first WIDEST characters, control characters as spaces: no cell moves the cursor of the terminal. */
static void add_text(struct buf *b, const char *text)
{
	size_t n = 0, total = 0;

	for (const char *p = text; *p; p++)
		total += ((unsigned char)*p & 0xc0) != 0x80;
	for (; *text; text++) {
		n += ((unsigned char)*text & 0xc0) != 0x80;
		if (total > WIDEST && n == WIDEST) {
			buf_add_cstr(b, "…");
			return;
		}
		buf_add_char(b, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
	}
}

static void add_cell(struct buf *b, const struct query_column *c, const char *cell, size_t wide, bool tty,
                     bool last)
{
	const char *text = cell ? cell : tty ? "-" : "";
	size_t pad = wide - width(text);

	if (c->kind == QUERY_NUMBER)
		add_padding(b, pad);
	buf_add_cstr(b, !cell && tty ? "\033[2m" : "");
	add_text(b, text);
	buf_add_cstr(b, !cell && tty ? "\033[0m" : "");
	if (c->kind != QUERY_NUMBER && !last)
		add_padding(b, pad);
}

static void add_row(struct buf *b, const struct query_result *r, const char *const *cells,
                    const size_t *widths, bool tty)
{
	for (size_t i = 0; i < r->ncolumns; i++) {
		buf_add_cstr(b, i ? "  " : "");
		add_cell(b, &r->columns[i], cells[i], widths[i], tty, i + 1 == r->ncolumns);
	}
	buf_add_char(b, '\n');
}

static void put_table(struct ctx *ctx, const struct query_result *r, struct buf *b)
{
	size_t *widths = ARENA_ARRAY(ctx->a, size_t, r->ncolumns);
	const char **names = ARENA_ARRAY(ctx->a, const char *, r->ncolumns);
	bool tty = isatty(STDOUT_FILENO);

	for (size_t i = 0; i < r->ncolumns; i++) {
		names[i] = r->columns[i].name;
		widths[i] = width(names[i]) ? width(names[i]) : 1;
		for (size_t row = 0; row < r->nrows; row++) {
			const char *cell = r->cells[row * r->ncolumns + i];

			if (cell && width(cell) > widths[i])
				widths[i] = width(cell);
		}
	}
	add_row(b, r, names, widths, tty);
	for (size_t i = 0; i < r->ncolumns; i++) {
		buf_add_cstr(b, i ? "  " : "");
		for (size_t n = 0; n < widths[i]; n++)
			buf_add_char(b, '-');
	}
	buf_add_char(b, '\n');
	for (size_t row = 0; row < r->nrows; row++)
		add_row(b, r, r->cells + row * r->ncolumns, widths, tty);
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

static void print_explained(const struct query_result *plan)
{
	printf("%s\n\ntables:", plan->sql_run);
	for (size_t i = 0; i < plan->ntables; i++)
		printf(" %s", plan->tables[i]);
	puts(plan->ntables ? "\n" : " none\n");
	for (size_t i = 0; i < plan->nrows; i++)
		puts(plan->cells[i]);
}

static struct err *scope_for(struct ctx *ctx, const char *slug, struct query_scope *scope)
{
	struct project *project = ARENA_NEW(ctx->a, struct project);
	struct project_source *source = ARENA_NEW(ctx->a, struct project_source);
	struct catalog *catalog;

	TRY(project_by_slug(ctx, slug, project));
	TRY(project_source_get(ctx, project->id, source));
	TRY(catalog_load(ctx, project, source, &catalog));
	*scope = (struct query_scope){.source = source,
	                              .policy = policy_for(ctx->a, project, source, PROJECT_ADMIN)};
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
	const char *slug = NULL, *name = "table";
	bool explain = false;
	const struct cli_option options[] = {
	        {"--project", &slug, NULL}, {"--format", &name, NULL}, {"--explain", NULL, &explain}};
	struct query_scope scope;
	struct query_result *r;
	size_t format = 0;

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)) || argc != 2 || !slug)
		return cli_usage("sql");
	while (format < FORMATS && strcmp(formats[format].name, name) != 0)
		format++;
	if (format == FORMATS)
		return cli_usage("sql");
	struct err *e = scope_for(ctx, slug, &scope);
	if (!e)
		e = explain ? query_explain(ctx, &scope, argv[1], &r) : query_run(ctx, &scope, argv[1], &r);
	if (e)
		return fail(e);
	if (!explain)
		return show(ctx, format, r);
	print_explained(r);
	return CLI_OK;
}
