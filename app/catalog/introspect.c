/*
 * Reads a dictionary: a fixed number of queries over the system catalogs in one transaction, then
 * samples. Raw results and connections are let go of before the dictionary is handed out: the caller may
 * keep it for long.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

/* Samples come last and from a session of their own, so that their time-outs hold up nothing. */
static struct err *(*const parts[])(struct catalog_read *) = {
        catalog_read_tables,  catalog_read_columns, catalog_read_enums,   catalog_read_constraints,
        catalog_read_indexes, catalog_read_stats,   catalog_read_samples,
};

static struct err *read_parts(struct catalog_read *r)
{
	TRY(query_session_open(r->ctx, r->source, CATALOG_TIMEOUT_MS, &r->session));
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		TRY(parts[i](r));
	return NULL;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(((const struct catalog_table *)x)->name, ((const struct catalog_table *)y)->name);
}

struct err *catalog_introspect(struct ctx *ctx, const struct project_source *source, struct catalog **out)
{
	int64_t started = clock_mono_us();
	struct ctx own = *ctx;
	struct catalog *c = ARENA_NEW(ctx->a, struct catalog);
	struct catalog_read r = {.ctx = &own, .a = ctx->a, .source = source, .c = c};
	struct err *e;

	own.a = arena_create();
	e = err_copy(ctx->a, read_parts(&r));
	arena_free(own.a);
	if (e)
		return err_at(e, 0); /* a position would be one in our own SQL */
	c->database = arena_strdup(ctx->a, source->database);
	c->schema = arena_strdup(ctx->a, source->schema);
	catalog_permit(ctx->a, c, source, NULL);
	qsort(c->tables, c->ntables, sizeof(*c->tables), by_name);
	c->generated_at = clock_wall_us();
	c->took_ms = (clock_mono_us() - started) / 1000;
	*out = c;
	return NULL;
}
