/* A result as a file: rows become bytes in a buffer that goes out when it is well filled, whatever the format. */
#include "lib/arena.h"
#include "query/query_priv.h"

enum { PIECE = 64 << 10 };

static const struct query_writer *const writers[] = {&query_csv, &query_tsv, &query_json, &query_xlsx};
enum { WRITERS = sizeof(writers) / sizeof(const struct query_writer *) }; /* NOLINT(bugprone-sizeof-expression) */

const struct query_format *query_format(struct str name)
{
	for (size_t i = 0; i < WRITERS; i++)
		if (str_is(name, writers[i]->format.name))
			return &writers[i]->format;
	return NULL;
}

struct err *query_file_flush(struct query_file *f)
{
	if (f->b.full)
		return err_new(f->ctx->a, ERR_TOO_LARGE, "a row of the result is larger than %d MB",
		               BUF_RESULT >> 20);
	if (f->b.n)
		TRY(f->out.write(f->out.arg, buf_str(&f->b)));
	f->b.n = 0;
	return NULL;
}

static struct err *on_columns(void *arg, const struct query_column *columns, size_t n)
{
	struct query_file *f = arg;

	f->columns = columns;
	f->ncolumns = n;
	return f->writer->columns(f);
}

static struct err *on_row(void *arg, const char *const *cells)
{
	struct query_file *f = arg;

	TRY(f->writer->row(f, cells));
	f->rows++;
	return f->b.n < PIECE && !f->b.full ? NULL : query_file_flush(f);
}

static void end(void *a)
{
	arena_free(a);
}

struct err *query_file_open(struct ctx *ctx, const struct query_format *format,
                            const struct query_output *out, struct query_file **file)
{
	struct arena *a = arena_create();
	struct query_file *f = *file = ARENA_NEW(a, struct query_file);

	arena_cleanup(ctx->a, end, a);
	*f = (struct query_file){.ctx = ctx,
	                         .a = a,
	                         .writer = (const struct query_writer *)format,
	                         .out = *out,
	                         .sink = {on_columns, on_row, f},
	                         .b = buf_init(a, BUF_RESULT)};
	return f->writer->open ? f->writer->open(f) : NULL;
}

const struct query_sink *query_file_sink(struct query_file *file)
{
	return &file->sink;
}

struct err *query_file_close(struct query_file *f, const struct query_result *r)
{
	if (f->writer->close)
		TRY(f->writer->close(f, r));
	return query_file_flush(f);
}
