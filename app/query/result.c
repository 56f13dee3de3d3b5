/* Results: kinds and names of types, rows under caps. Cells keep PostgreSQL's text, truth values spelled out. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

static const struct {
	Oid oid;
	const char *name;
	enum query_kind kind;
} types[] = {
        {16, "boolean", QUERY_BOOL},
        {17, "bytea", QUERY_BYTES},
        {20, "bigint", QUERY_NUMBER},
        {21, "smallint", QUERY_NUMBER},
        {23, "integer", QUERY_NUMBER},
        {25, "text", QUERY_TEXT},
        {26, "oid", QUERY_NUMBER},
        {114, "json", QUERY_JSON},
        {700, "real", QUERY_NUMBER},
        {701, "double precision", QUERY_NUMBER},
        {790, "money", QUERY_NUMBER},
        {1042, "character", QUERY_TEXT},
        {1043, "character varying", QUERY_TEXT},
        {1082, "date", QUERY_DATE},
        {1083, "time without time zone", QUERY_TEXT},
        {1114, "timestamp without time zone", QUERY_TIME},
        {1184, "timestamp with time zone", QUERY_TIME},
        {1186, "interval", QUERY_TEXT},
        {1266, "time with time zone", QUERY_TEXT},
        {1700, "numeric", QUERY_NUMBER},
        {2950, "uuid", QUERY_TEXT},
        {3802, "jsonb", QUERY_JSON},
};

enum { TYPES = sizeof(types) / sizeof(*types) };

static const char *const kind_names[QUERY_KIND__MAX] = {
        [QUERY_TEXT] = "text",    [QUERY_NUMBER] = "number", [QUERY_DATE] = "date",   [QUERY_TIME] = "time",
        [QUERY_BOOL] = "boolean", [QUERY_JSON] = "json",     [QUERY_BYTES] = "bytes",
};

const char *query_kind_name(enum query_kind kind)
{
	return kind_names[kind];
}

enum query_kind query_kind_of(const char *name)
{
	for (int i = 0; name && i < QUERY_KIND__MAX; i++)
		if (!strcmp(kind_names[i], name))
			return (enum query_kind)i;
	return QUERY_TEXT;
}

void query_builder_columns(struct query_builder *b, const PGresult *shape)
{
	struct query_result *r = b->r;

	r->ncolumns = (size_t)PQnfields(shape);
	r->columns = ARENA_ARRAY(b->a, struct query_column, r->ncolumns);
	for (size_t i = 0; i < r->ncolumns; i++) {
		size_t t = 0;

		while (t < TYPES && types[t].oid != PQftype(shape, (int)i))
			t++;
		r->columns[i] = (struct query_column){
		        .name = str_utf8_clean(b->a, str_of(PQfname(shape, (int)i))),
		        .type = t < TYPES ? types[t].name : NULL,
		        .kind = t < TYPES ? types[t].kind : QUERY_TEXT,
		};
	}
}

/* A database in SQL_ASCII hands out any bytes, so text is cleaned. */
static const char *clean(struct query_builder *b, struct arena *a, struct str s)
{
	/* A sink takes it while the row is there. */
	if (b->sink && str_utf8_valid(s))
		return s.p;
	return str_utf8_clean(a, s);
}

static const char *cell(struct query_builder *b, struct arena *a, const PGresult *res, int row, int column)
{
	struct str s = {PQgetvalue(res, row, column), (size_t)PQgetlength(res, row, column)};

	if (!s.n && PQgetisnull(res, row, column))
		return NULL;
	if (b->r->columns[column].kind == QUERY_BOOL)
		return str_is(s, "t") ? "true" : "false";
	if (s.n <= (size_t)b->caps.cell_bytes)
		return clean(b, a, s);
	b->cut_cells++;
	s = str_utf8_cut(s, (size_t)b->caps.cell_bytes);
	return arena_printf(a, "%s…", str_utf8_clean(a, s));
}

static void make_room(struct query_builder *b)
{
	size_t used = b->r->nrows * b->r->ncolumns, room = b->room ? b->room * 2 : b->r->ncolumns * 64;

	if (used + b->r->ncolumns <= b->room)
		return;
	b->r->cells = arena_grow(b->a, b->r->cells, b->room * sizeof(char *), room * sizeof(char *));
	b->room = room;
}

bool query_cuts_rows(const char *cut)
{
	return cut && str_starts(str_of(cut), STR(QUERY_FIRST_ROWS));
}

static void cut(struct query_builder *b, const char *why)
{
	struct query_result *r = b->r;

	r->truncated = true;
	r->cut = r->cut ? arena_printf(b->a, "%s; %s", r->cut, why) : why;
}

static bool keep(struct query_builder *b, const PGresult *res, int row)
{
	struct query_result *r = b->r;
	size_t at = r->nrows * r->ncolumns;

	make_room(b);
	for (size_t i = 0; i < r->ncolumns; i++)
		r->cells[at + i] = cell(b, b->a, res, row, (int)i);
	r->nrows++;
	return true;
}

static bool pass_on(struct query_builder *b, const PGresult *res, int row)
{
	struct arena_mark mark = arena_mark(b->row);
	const char **cells = ARENA_ARRAY(b->row, const char *, b->r->ncolumns);

	for (size_t i = 0; i < b->r->ncolumns; i++)
		cells[i] = cell(b, b->row, res, row, (int)i);
	query_stall_enter(b->stall);
	b->failed = b->sink->row(b->sink->arg, cells);
	b->elsewhere_us += query_stall_leave(b->stall);
	if (b->failed)
		return false;
	query_hash_row(b->hash, cells, b->r->ncolumns);
	arena_reset(b->row, mark);
	b->r->nrows++;
	return true;
}

bool query_builder_row(struct query_builder *b, const PGresult *res, int row)
{
	struct query_result *r = b->r;
	int64_t bytes = 0;

	if ((int64_t)r->nrows >= b->caps.rows) {
		cut(b, arena_printf(b->a, QUERY_FIRST_ROWS "%zu rows were fetched", r->nrows));
		return false;
	}
	for (int i = 0; i < (int)r->ncolumns; i++) {
		int64_t n = PQgetlength(res, row, i);

		bytes += n < b->caps.cell_bytes ? n : b->caps.cell_bytes;
	}
	if (r->bytes + bytes > b->caps.bytes) {
		cut(b, arena_printf(b->a,
		                    QUERY_FIRST_ROWS
		                    "%zu rows were fetched, all of them would be more than %lld MB",
		                    r->nrows, (long long)(b->caps.bytes >> 20)));
		return false;
	}
	r->bytes += bytes;
	return b->sink ? pass_on(b, res, row) : keep(b, res, row);
}

void query_builder_finish(struct query_builder *b)
{
	if (b->cut_cells)
		cut(b, arena_printf(b->a, "%zu long value%s cut to %lld KB", b->cut_cells,
		                    b->cut_cells == 1 ? " was" : "s were",
		                    (long long)(b->caps.cell_bytes >> 10)));
}

const char *query_text_array(struct arena *a, struct db_texts texts)
{
	struct buf b = buf_init(a, BUF_PAGE);

	buf_add_char(&b, '{');
	for (size_t i = 0; i < texts.n; i++) {
		buf_add_cstr(&b, i ? ",\"" : "\"");
		for (const char *p = texts.p[i]; *p; p++) {
			if (*p == '"' || *p == '\\')
				buf_add_char(&b, '\\');
			buf_add_char(&b, *p);
		}
		buf_add_char(&b, '"');
	}
	buf_add_char(&b, '}');
	return buf_cstr(&b);
}

struct err *query_result_types(const struct query_wait *w, struct query_conn *conn, const PGresult *shape,
                               struct query_result *r)
{
	const char **oids = ARENA_ARRAY(w->a, const char *, r->ncolumns);
	const char *params[1];
	size_t unknown = 0;
	PGresult *names;

	for (size_t i = 0; i < r->ncolumns; i++) {
		oids[i] = arena_printf(w->a, "%u", PQftype(shape, (int)i));
		unknown += !r->columns[i].type;
	}
	if (!unknown)
		return NULL;
	params[0] = query_text_array(w->a, (struct db_texts){oids, r->ncolumns});
	const struct query_step step = {
	        .sql = "SELECT pg_catalog.format_type(t.oid, NULL) FROM"
	               " pg_catalog.unnest($1::pg_catalog.oid[]) WITH ORDINALITY AS t(oid, i) ORDER BY t.i",
	        .params = params,
	        .nparams = 1,
	};
	TRY(query_conn_trip(w, conn, &step, 1, &names));
	for (size_t i = 0; i < r->ncolumns && (int)i < PQntuples(names); i++)
		if (!r->columns[i].type)
			r->columns[i].type = str_utf8_clean(w->a, str_of(PQgetvalue(names, (int)i, 0)));
	PQclear(names);
	return NULL;
}
