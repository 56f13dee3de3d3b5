/*
 * A few values of columns that have short ones. Where the statistics have none, a table that was never
 * analysed or a view, it is read a little, within a budget of time: the tables that hold most come first,
 * views last.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

enum { ROWS = 200, BATCH = 64 };

void catalog_samples_add(struct catalog_samples *s, const char *value)
{
	size_t length = str_utf8_count(str_of(value));

	if (!length || s->none)
		return;
	if (length > CATALOG_LONG_CHARS || catalog_value_is_sensitive(value, s->number))
		s->none = true;
	if (length > CATALOG_SAMPLE_CHARS || s->n == CATALOG_SAMPLES)
		return;
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->p[i], value))
			return;
	if (!s->p)
		s->p = ARENA_ARRAY(s->a, const char *, CATALOG_SAMPLES);
	s->p[s->n++] = arena_strdup(s->a, value);
}

void catalog_samples_keep(struct catalog_column *c, struct catalog_raw_column *raw,
                          const struct catalog_samples *s)
{
	raw->samples = false;
	if (s->none || !s->n)
		return;
	c->samples = s->p;
	c->nsamples = s->n;
}

/* One query for the table; values are cut on the server just behind what tells a long one. */
static const char *sample_sql(struct catalog_read *r, size_t table)
{
	const struct catalog_table *t = &r->c->tables[table];
	struct buf b = buf_init(r->ctx->a, BUF_PAGE), inner = buf_init(r->ctx->a, BUF_PAGE);

	for (size_t i = 0; i < t->ncolumns; i++) {
		if (!r->raw[table].columns[i].samples)
			continue;
		buf_printf(&b, "%s pg_catalog.left(s.%s::pg_catalog.text, %d)", b.n ? "," : "SELECT",
		           t->columns[i].ident, CATALOG_LONG_CHARS + 1);
		buf_printf(&inner, "%s%s", inner.n ? ", " : "", t->columns[i].ident);
	}
	buf_printf(&b, " FROM (SELECT %s FROM %s.%s LIMIT %d) AS s", buf_cstr(&inner), r->schema_ident,
	           t->ident, ROWS);
	return buf_cstr(&b);
}

static struct err *sample_table(struct catalog_read *r, struct query_session *session, size_t table)
{
	struct catalog_table *t = &r->c->tables[table];
	struct query_result *rows;
	size_t column = 0;

	TRY(query_session_rows(r->ctx, session, sample_sql(r, table), NULL, 0, &rows));
	for (size_t i = 0; i < t->ncolumns; i++) {
		struct catalog_raw_column *raw = &r->raw[table].columns[i];
		struct catalog_samples s = {.a = r->a, .number = raw->number};

		if (!raw->samples || column == rows->ncolumns)
			continue;
		for (size_t row = 0; row < rows->nrows; row++)
			catalog_samples_add(&s, catalog_cell(rows, row, column));
		catalog_samples_keep(&t->columns[i], raw, &s);
		column++;
	}
	return NULL;
}

struct place {
	size_t table;
	int rank; /* 0: stored here; 1: may be slow to read */
	int64_t rows;
};

static int by_use(const void *x, const void *y)
{
	const struct place *a = x, *b = y;

	if (a->rank != b->rank)
		return a->rank - b->rank;
	return (a->rows < b->rows) - (a->rows > b->rows);
}

static struct place *order(const struct catalog_read *r, size_t *n)
{
	struct place *places = ARENA_ARRAY(r->ctx->a, struct place, r->c->ntables);

	*n = 0;
	for (size_t t = 0; t < r->c->ntables; t++) {
		bool any = false;

		for (size_t i = 0; i < r->c->tables[t].ncolumns; i++)
			any = any || r->raw[t].columns[i].samples;
		if (any)
			places[(*n)++] = (struct place){t, strchr("vf", *r->raw[t].kind) != NULL,
			                                r->c->tables[t].rows};
	}
	qsort(places, *n, sizeof(*places), by_use);
	return places;
}

/* Reads the next tables in a session of their own: a transaction holds a lock on each table that it has
 * read, and the server has room for so many. Gives how many were done; all of them when the database is
 * gone. */
static size_t sample_some(struct catalog_read *r, const struct place *places, size_t n, int64_t until)
{
	struct ctx own = *r->ctx;
	struct catalog_read part = *r;
	struct query_session *session;
	size_t i = 0;

	own.a = arena_create();
	part.ctx = &own;
	bool gone = query_session_open(&own, r->source, CATALOG_SAMPLE_TIMEOUT_MS, &session) != NULL;
	for (size_t most = n < BATCH ? n : BATCH;
	     !gone && i < most && clock_mono_us() < until && !ctx_stopped(r->ctx); i++) {
		const struct err *e = sample_table(&part, session, places[i].table);

		gone = e && e->kind == ERR_UNAVAILABLE;
	}
	arena_free(own.a);
	return gone ? n : i;
}

/* A table that cannot be read, or takes too long, has no samples: the dictionary is of use without. */
struct err *catalog_read_samples(struct catalog_read *r)
{
	int64_t until = clock_mono_us() + (int64_t)CATALOG_SAMPLE_BUDGET_MS * 1000;
	size_t n, done = 0;
	const struct place *places = order(r, &n);

	while (done < n && clock_mono_us() < until && !ctx_stopped(r->ctx))
		done += sample_some(r, places + done, n - done, until);
	if (ctx_stopped(r->ctx))
		return err_code(err_new(r->ctx->a, ERR_CANCELLED, "reading the dictionary was stopped"),
		                "stopped");
	return NULL;
}
