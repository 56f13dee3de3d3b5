/*
 * libpq holds a whole row in memory, more than once, before anybody can count it. So the server is asked for
 * no more of a value than will be shown: the guard's text stands, untouched, in FROM, and around it each column
 * of a type without a bound is cut. What is added is fixed text and numbers; it calls functions of pg_catalog
 * only, and no cast that somebody could have defined. The guard's LIMIT keeps its text a subquery of its own, so
 * its order stays.
 */
#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

enum {
	ROW_CHARACTERS = 2 << 20, /* of all columns that can be long */
	SHORT_BYTES = 4096,       /* a type that bounds its values to this needs no cutting */
	VARHDR = 4,               /* what a type modifier counts above its length */
	UTF8_MOST = 4,            /* bytes of a character */
};

/* How a column is cut: # is its number, @ how many characters (or bytes). */
enum way { WHOLE, TEXT, CAST, BYTES, FORMAT };

static const char *const ways[] = {
        [WHOLE] = "q.c#",
        [TEXT] = "CASE WHEN pg_catalog.octet_length(q.c#) > @ THEN pg_catalog.left(q.c#, @) ELSE q.c# END",
        [CAST] = "pg_catalog.left(q.c#::pg_catalog.text, @)",
        [BYTES] = "pg_catalog.substring(q.c#, 1, @)",
        /* The type's own output, as it would be sent. */
        [FORMAT] = "CASE WHEN q.c# IS DISTINCT FROM NULL THEN pg_catalog.left(pg_catalog.format('%s', q.c#), @) END",
};

/* What is not here is of another's making, or may be long in ways that only its output tells. */
static const struct {
	Oid oid;
	enum way way;
} types[] = {
        {16, WHOLE},   {17, BYTES},   {18, WHOLE},   {19, WHOLE},   {20, WHOLE},   {21, WHOLE},
        {23, WHOLE},   {25, TEXT},    {26, WHOLE},   {114, CAST},   {650, WHOLE},  {700, WHOLE},
        {701, WHOLE},  {790, WHOLE},  {829, WHOLE},  {869, WHOLE},  {1043, TEXT},  {1082, WHOLE},
        {1083, WHOLE}, {1114, WHOLE}, {1184, WHOLE}, {1186, WHOLE}, {1266, WHOLE}, {1700, CAST},
        {2950, WHOLE}, {3802, CAST},
};

enum { TYPES = sizeof(types) / sizeof(*types), BPCHAR = 1042, VARCHAR = 1043, NUMERIC = 1700 };

/* Most bytes that the type modifier allows; 0: it tells of none. */
static int64_t bytes_of(Oid oid, int modifier)
{
	if (modifier < VARHDR)
		return 0;
	if (oid == BPCHAR || oid == VARCHAR)
		return (int64_t)(modifier - VARHDR) * UTF8_MOST;
	/* Digits before and after the point, both below 1000, and the point and the sign. */
	return oid == NUMERIC ? 2048 : 0;
}

static enum way way_of(const PGresult *shape, int column)
{
	Oid oid = PQftype(shape, column);
	int64_t bytes = bytes_of(oid, PQfmod(shape, column));
	size_t t = 0;

	if (bytes && bytes <= SHORT_BYTES)
		return WHOLE;
	while (t < TYPES && types[t].oid != oid)
		t++;
	return t < TYPES ? types[t].way : FORMAT;
}

static size_t count_long(const PGresult *shape)
{
	size_t n = 0;

	for (int i = 0; i < PQnfields(shape); i++)
		n += way_of(shape, i) != WHOLE;
	return n;
}

static void put_column(struct buf *b, enum way way, size_t number, int64_t most)
{
	for (const char *p = ways[way]; *p; p++) {
		if (*p == '#')
			buf_add_i64(b, (int64_t)number);
		else if (*p == '@')
			/* bytea is sent as two digits a byte. */
			buf_add_i64(b, way == BYTES ? most / 2 + 1 : most);
		else
			buf_add_char(b, *p);
	}
}

const char *query_wrap(struct arena *a, const char *sql, const PGresult *shape, struct query_caps *caps)
{
	struct buf b = buf_init(a, BUF_PAGE);
	size_t ncut = count_long(shape), n = (size_t)PQnfields(shape);

	if (!ncut)
		return sql;
	if (caps->cell_bytes > ROW_CHARACTERS / (int64_t)ncut)
		caps->cell_bytes = ROW_CHARACTERS / (int64_t)ncut;
	for (size_t i = 0; i < n; i++) {
		buf_add_cstr(&b, i ? ", " : "SELECT ");
		/* One more than is shown, so that a cut can be told. */
		put_column(&b, way_of(shape, (int)i), i + 1, caps->cell_bytes + 1);
	}
	buf_printf(&b, " FROM (%s\n) AS q(", sql);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, i ? ", c%zu" : "c%zu", i + 1);
	buf_add_char(&b, ')');
	return buf_cstr(&b);
}
