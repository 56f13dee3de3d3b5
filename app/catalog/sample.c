/*
 * A few values of columns that have short ones. The server's statistics give them for all tables at once; a table that was
 * never analysed, or a view, is read a little, within a budget of time: the tables that hold most come first, views last.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"

enum { ROWS = 200, BATCH = 64 };

/* The most common values, else some from the whole range. The view shows columns that the role may read, of tables whose
 * rows are not hidden from it. */
static const char stats_sql[] =
	"SELECT w.rel::pg_catalog.int8, w.att::pg_catalog.int8, pg_catalog.to_json(v.list)::pg_catalog.text"
	" FROM ROWS FROM (pg_catalog.unnest($2::pg_catalog.oid[]), pg_catalog.unnest($3::pg_catalog.int2[])) AS w(rel, att)"
	" JOIN pg_catalog.pg_class c ON c.oid = w.rel"
	" JOIN pg_catalog.pg_attribute a ON a.attrelid = w.rel AND a.attnum = w.att"
	" JOIN pg_catalog.pg_stats s ON s.schemaname = $1 AND s.tablename = c.relname AND s.attname = a.attname"
	" CROSS JOIN LATERAL (SELECT s.most_common_vals::pg_catalog.text::pg_catalog.text[] AS m,"
	"   s.histogram_bounds::pg_catalog.text::pg_catalog.text[] AS h) AS l"
	" CROSS JOIN LATERAL (SELECT CASE WHEN l.m IS NOT NULL THEN l.m[1:8] ELSE ARRAY[l.h[1],"
	"   l.h[pg_catalog.cardinality(l.h) / 4 + 1], l.h[pg_catalog.cardinality(l.h) / 2 + 1],"
	"   l.h[pg_catalog.cardinality(l.h) * 3 / 4 + 1], l.h[pg_catalog.cardinality(l.h)]] END AS list) AS v"
	" WHERE s.avg_width <= 64 AND (l.m IS NOT NULL OR l.h IS NOT NULL)"
	" ORDER BY s.inherited";

/* The samples of one column under way. none: a value showed that it must not have any. */
struct samples {
	struct arena *a;
	const char **p;
	size_t n;
	bool number;
	bool none;
};

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void add_sample(struct samples *s, const char *value)
{
	size_t length = value ? characters(value) : 0;

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

/* Whatever was found, the column is done with. */
static void keep_samples(struct catalog_column *c, struct catalog_raw_column *raw, const struct samples *s)
{
	raw->samples = false;
	if (s->none || !s->n)
		return;
	c->samples = s->p;
	c->nsamples = s->n;
}

/* The columns that samples are wanted of, as two arrays. Keys that are numbers say nothing. */
static bool wanted(struct catalog_read *r, const char **oids, const char **attnums)
{
	struct buf rel = buf_init(r->ctx->a, BUF_PAGE), att = buf_init(r->ctx->a, BUF_PAGE);

	for (size_t t = 0; t < r->c->ntables; t++)
		for (size_t i = 0; i < r->c->tables[t].ncolumns; i++) {
			struct catalog_raw_column *c = &r->raw[t].columns[i];

			c->samples = c->samples && !(c->number && c->key);
			if (!c->samples)
				continue;
			buf_printf(&rel, "%c%lld", rel.n ? ',' : '{', (long long)r->raw[t].oid);
			buf_printf(&att, "%c%lld", att.n ? ',' : '{', (long long)c->attnum);
		}
	buf_add_char(&rel, '}');
	buf_add_char(&att, '}');
	*oids = buf_cstr(&rel);
	*attnums = buf_cstr(&att);
	return rel.n > 1;
}

static struct err *take_stats(struct catalog_read *r, const struct query_result *rows, size_t row)
{
	ptrdiff_t table = catalog_table_by_oid(r, catalog_cell_i64(rows, row, 0));
	struct json_object *list = NULL;
	size_t *columns, n;

	if (table < 0 ||
	    !catalog_columns_by_attnums(r, (size_t)table, catalog_cell(rows, row, 1), &columns, &n))
		return NULL;
	struct catalog_raw_column *raw = &r->raw[table].columns[columns[0]];
	struct samples s = {.a = r->a, .number = raw->number};
	TRY(json_read(r->ctx->a, str_of(catalog_cell(rows, row, 2)), JSON_DEPTH, &list));
	for (size_t i = 0; json_object_is_type(list, json_type_array) && i < json_object_array_length(list); i++)
		add_sample(&s, json_object_get_string(json_object_array_get_idx(list, i)));
	keep_samples(&r->c->tables[table].columns[columns[0]], raw, &s);
	return NULL;
}

struct err *catalog_read_stats(struct catalog_read *r)
{
	const char *params[] = {r->source->schema, NULL, NULL};
	struct query_result *rows;

	if (!wanted(r, &params[1], &params[2]))
		return NULL;
	TRY(catalog_rows(r, stats_sql, params, 3, &rows));
	for (size_t i = 0; i < rows->nrows; i++)
		TRY(take_stats(r, rows, i));
	return NULL;
}

/* One query for the table; values are cut on the server just behind what tells a long one. */
static const char *sample_sql(struct catalog_read *r, size_t table)
{
	const struct catalog_table *t = &r->c->tables[table];
	struct buf b = buf_init(r->ctx->a, BUF_PAGE), inner = buf_init(r->ctx->a, BUF_PAGE);

	for (size_t i = 0; i < t->ncolumns; i++) {
		if (!r->raw[table].columns[i].samples)
			continue;
		buf_printf(&b, "%s pg_catalog.left(s.%s::pg_catalog.text, %d)", b.n ? "," : "SELECT", t->columns[i].ident,
			   CATALOG_LONG_CHARS + 1);
		buf_printf(&inner, "%s%s", inner.n ? ", " : "", t->columns[i].ident);
	}
	buf_printf(&b, " FROM (SELECT %s FROM %s.%s LIMIT %d) AS s", buf_cstr(&inner), r->schema_ident, t->ident, ROWS);
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
		struct samples s = {.a = r->a, .number = raw->number};

		if (!raw->samples)
			continue;
		for (size_t row = 0; row < rows->nrows; row++)
			add_sample(&s, catalog_cell(rows, row, column));
		keep_samples(&t->columns[i], raw, &s);
		column++;
	}
	return NULL;
}

struct place {
	size_t table;
	int rank;
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
	static const char kinds[] = "rpmvf";      /* what is cheapest to read first */
	struct place *places = ARENA_ARRAY(r->ctx->a, struct place, r->c->ntables);

	*n = 0;
	for (size_t t = 0; t < r->c->ntables; t++) {
		bool any = false;

		for (size_t i = 0; i < r->c->tables[t].ncolumns; i++)
			any = any || r->raw[t].columns[i].samples;
		if (any)
			places[(*n)++] = (struct place){t, (int)(strchr(kinds, *r->raw[t].kind) - kinds) > 2 ? 1 : 0,
							r->c->tables[t].rows};
	}
	qsort(places, *n, sizeof(*places), by_use);
	return places;
}

/* Reads the next tables in a session of their own: a transaction holds a lock on each table that it has read, and the server
 * has room for so many. Gives how many were done; all of them when the database is gone. */
static size_t sample_some(struct catalog_read *r, const struct place *places, size_t n, int64_t until)
{
	struct ctx own = *r->ctx;
	struct catalog_read part = *r;
	struct query_session *session;
	size_t i = 0;

	own.a = arena_create();
	part.ctx = &own;
	bool gone = query_session_open(&own, r->source, CATALOG_SAMPLE_TIMEOUT_MS, &session) != NULL;
	for (size_t most = n < BATCH ? n : BATCH; !gone && i < most && clock_mono_us() < until && !ctx_stopped(r->ctx); i++) {
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
		return err_code(err_new(r->ctx->a, ERR_CANCELLED, "reading the dictionary was stopped"), "stopped");
	return NULL;
}
