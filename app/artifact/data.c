/*
 * The data of an artifact: its statements, run as whoever looks, under their rules. Rows go from the query into the JSON
 * as they come. What this person may not run is an error in its place; nobody is ever shown somebody else's rows.
 */
#include <json-c/linkhash.h>
#include <string.h>

#include "artifact/artifact_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"

enum { RESULT_BYTES = 16 << 20, CELL_BYTES = 32 << 10 };

struct rows {
	struct json_writer *w;
	const struct query_column *columns;
	size_t ncolumns;
	struct arena *scratch;
};

static struct err *on_columns(void *arg, const struct query_column *columns, size_t n)
{
	struct rows *r = arg;

	r->columns = columns;
	r->ncolumns = n;
	json_array_open(r->w, "columns");
	for (size_t i = 0; i < n; i++) {
		json_object_open(r->w, NULL);
		json_put_cstr(r->w, "name", columns[i].name);
		json_put_cstr(r->w, "type", columns[i].type);
		json_put_cstr(r->w, "kind", query_kind_name(columns[i].kind));
		json_object_close(r->w);
	}
	json_array_close(r->w);
	json_array_open(r->w, "rows");
	return NULL;
}

static struct err *on_row(void *arg, const char *const *cells)
{
	struct rows *r = arg;
	struct query_result one = {.columns = (struct query_column *)r->columns,
	                           .ncolumns = r->ncolumns,
	                           .cells = (const char **)cells,
	                           .nrows = 1};

	query_put_row(r->w, &one, 0);
	return r->w->b->full ? err_new(r->scratch, ERR_TOO_LARGE, "the data of the artifact is too large") : NULL;
}

static void put_caveats(struct json_writer *w, const struct query_result *q)
{
	json_array_open(w, "caveats");
	for (size_t i = 0; i < q->ncaveats; i++)
		json_put_cstr(w, NULL, q->caveats[i].text);
	json_array_close(w);
}

static void put_failure(struct json_writer *w, const struct err *e)
{
	json_object_open(w, "error");
	json_put_err_facts(w, e);
	json_object_close(w);
}

static struct err *read_all(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                            const struct query_sink *sink, struct query_result **q)
{
	static const struct query_caps caps = {ARTIFACT_ROWS, RESULT_BYTES, CELL_BYTES};

	return query_stream(ctx, scope, sql, &caps, sink, q);
}

/* Rows kept under the same rules do, so that the database is seldom asked. */
static struct err *read_first(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                              const struct query_sink *sink, struct query_result **out)
{
	const struct query_result *q;

	TRY(query_run(ctx, scope, sql, out));
	q = *out;
	TRY(sink->columns(sink->arg, q->columns, q->ncolumns));
	for (size_t i = 0; i < q->nrows; i++)
		TRY(sink->row(sink->arg, q->cells + i * q->ncolumns));
	return NULL;
}

typedef struct err *read_fn(struct ctx *, const struct query_scope *, const char *, const struct query_sink *,
                            struct query_result **);

/* Written apart first: a statement that fails in the middle leaves no half of an object. The error is there already. */
static struct err *put_source(struct ctx *ctx, const struct query_scope *scope, read_fn *read,
                       const struct artifact_source *s, struct json_writer *out, int64_t *at)
{
	struct buf b = buf_init(ctx->a, (size_t)RESULT_BYTES * 2);
	struct json_writer w = {.b = &b};
	struct rows rows = {.w = &w, .scratch = ctx->a};
	const struct query_sink sink = {on_columns, on_row, &rows};
	struct query_result *q;
	struct err *e;

	json_object_open(&w, NULL);
	e = read(ctx, scope, s->sql, &sink, &q);
	json_object_open(out, s->name);
	if (e) {
		put_failure(out, e);
	} else {
		if (rows.columns)
			json_array_close(&w);
		json_put_i64(&w, "row_count", (int64_t)q->nrows);
		json_put_bool(&w, "truncated", q->truncated);
		json_put_cstr(&w, "at", clock_rfc3339(ctx->a, q->at));
		json_put_i64(&w, "run_id", q->run_id);
		put_caveats(&w, q);
		/* The members of one object become those of the other. */
		buf_add(out->b, b.p + 1, b.n - 1);
		*at = q->at > *at ? q->at : *at;
	}
	json_object_close(out);
	return e;
}

static void put_own(struct arena *a, struct json_writer *w, const char *data)
{
	struct json_object *o;

	if (!data || json_read(a, str_of(data), JSON_DEPTH, &o))
		return;
	json_object_object_foreach(o, key, value)
		json_put_raw(w, key, str_of(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN)));
}

static struct err *put_data(struct ctx *ctx, const struct query_scope *scope, read_fn *read,
                            const struct artifact_version *version, struct buf *out, int64_t *at, struct err **failed)
{
	struct json_writer w = {.b = out};

	*at = 0;
	json_object_open(&w, NULL);
	for (size_t i = 0; i < version->nsources; i++) {
		struct err *e = put_source(ctx, scope, read, &version->sources[i], &w, at);

		if (failed)
			failed[i] = e;
	}
	put_own(ctx->a, &w, version->data);
	json_object_close(&w);
	return out->full ? err_new(ctx->a, ERR_TOO_LARGE, "the data of the artifact is too large") : NULL;
}

struct err *artifact_data(struct ctx *ctx, const struct query_scope *scope, const struct artifact_version *version,
                          struct buf *out, int64_t *at, struct err **failed)
{
	return put_data(ctx, scope, read_all, version, out, at, failed);
}

struct err *artifact_glance(struct ctx *ctx, const struct query_scope *scope, const struct artifact_version *version,
                            struct buf *out, int64_t *at, struct err **failed)
{
	return put_data(ctx, scope, read_first, version, out, at, failed);
}
