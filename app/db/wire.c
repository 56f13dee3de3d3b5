/*
 * Values in PostgreSQL's binary form, both ways: big-endian numbers, times as microseconds since 2000, text
 * as it is, arrays with a length before each element. Nothing is quoted, and bytea costs no more than text.
 */
#include "db/db_priv.h"

#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/str.h"

enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_CHAR = 18,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_JSON = 114,
	OID_FLOAT8 = 701,
	OID_TEXTS = 1009,
	OID_BPCHAR = 1042,
	OID_VARCHAR = 1043,
	OID_TIMESTAMPTZ = 1184,
	OID_JSONB = 3802,
};

/* 2000-01-01 in microseconds since 1970. */
static const int64_t epoch_2000 = 946684800LL * 1000000;

/* The type of parameters, and the types of columns that are read as it. */
static const struct {
	Oid param;
	Oid columns[5];
} types[] = {
        [DB_I64] = {OID_INT8, {OID_INT8, OID_INT4, OID_INT2}},
        [DB_F64] = {OID_FLOAT8, {OID_FLOAT8}},
        [DB_TEXT] = {OID_TEXT, {OID_TEXT, OID_VARCHAR, OID_BPCHAR, OID_NAME, OID_CHAR}},
        [DB_BOOL] = {OID_BOOL, {OID_BOOL}},
        [DB_BYTES] = {OID_BYTEA, {OID_BYTEA}},
        [DB_JSON] = {OID_JSONB, {OID_JSONB, OID_JSON}},
        [DB_TIME] = {OID_TIMESTAMPTZ, {OID_TIMESTAMPTZ}},
        [DB_TEXTS] = {OID_TEXTS, {OID_TEXTS}},
};

Oid db_wire_oid(enum db_type type)
{
	return types[type].param;
}

static void put_be(char *p, uint64_t v, size_t n)
{
	for (size_t i = n; i-- > 0; v >>= 8)
		p[i] = (char)(v & 0xff);
}

static uint64_t get_be(const char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return v;
}

static struct str number(struct arena *a, uint64_t v)
{
	char *p = arena_alloc(a, sizeof(v));

	put_be(p, v, sizeof(v));
	return (struct str){p, sizeof(v)};
}

static struct err *check_text(struct arena *a, struct str s)
{
	if (str_has_nul(s))
		return err_new(a, ERR_INVALID, "text cannot contain a NUL character");
	if (!str_utf8_valid(s))
		return err_new(a, ERR_INVALID, "text is not valid UTF-8");
	return NULL;
}

/* One dimension, counted from 1; an empty array has none. */
static struct err *encode_texts(struct arena *a, struct db_texts t, struct str *out)
{
	size_t size = 20;
	char *p;

	for (size_t i = 0; i < t.n; i++) {
		TRY(check_text(a, str_of(t.p[i])));
		size += 4 + str_of(t.p[i]).n;
	}
	*out = (struct str){p = arena_alloc(a, size), t.n ? size : 12};
	put_be(p, t.n ? 1 : 0, 4);
	put_be(p + 4, 1, 4);
	put_be(p + 8, OID_TEXT, 4);
	put_be(p + 12, t.n, 4);
	put_be(p + 16, 1, 4);
	p += 20;
	for (size_t i = 0; i < t.n; i++) {
		struct str s = str_of(t.p[i]);

		put_be(p, t.p[i] ? s.n : UINT32_MAX, 4);
		memcpy(p + 4, s.n ? s.p : "", s.n);
		p += 4 + s.n;
	}
	return NULL;
}

static struct str encode_f64(struct arena *a, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	return number(a, bits);
}

static struct str encode_bool(bool v)
{
	return v ? (struct str){"\1", 1} : (struct str){"\0", 1};
}

static struct err *encode(struct arena *a, const struct db_arg *arg, struct str *out)
{
	switch (arg->type) {
	case DB_I64: *out = number(a, (uint64_t)arg->i); return NULL;
	case DB_F64: *out = encode_f64(a, arg->f); return NULL;
	case DB_BOOL: *out = encode_bool(arg->i != 0); return NULL;
	case DB_TIME: *out = number(a, (uint64_t)(arg->i - epoch_2000)); return NULL;
	case DB_TEXTS: return encode_texts(a, arg->texts, out);
	case DB_TEXT:
	case DB_JSON:
		TRY(check_text(a, arg->s));
		*out = arg->s;
		return NULL;
	case DB_BYTES: *out = arg->s; return NULL;
	}
	assert(!"a type of db_type");
	return NULL;
}

struct err *db_wire_encode(struct arena *a, struct db_args args, struct db_wire *w)
{
	w->n = args.n;
	w->types = ARENA_ARRAY(a, Oid, args.n);
	w->values = ARENA_ARRAY(a, const char *, args.n);
	w->lengths = ARENA_ARRAY(a, int, args.n);
	w->formats = ARENA_ARRAY(a, int, args.n);
	for (size_t i = 0; i < args.n; i++) {
		struct str s = {NULL, 0};

		w->types[i] = db_wire_oid(args.p[i].type);
		if (args.p[i].null)
			continue;
		TRY(encode(a, &args.p[i], &s));
		if (s.n > INT32_MAX / 2)
			return err_new(a, ERR_TOO_LARGE, "a value of %zu bytes cannot be stored", s.n);
		w->values[i] = s.n ? s.p : "";
		w->lengths[i] = (int)s.n;
		/* Binary jsonb is a version byte before the same text: text spares the copy. */
		w->formats[i] = args.p[i].type != DB_JSON;
	}
	return NULL;
}

static bool readable(enum db_type type, Oid oid)
{
	for (size_t i = 0; i < sizeof(types[type].columns) / sizeof(Oid); i++)
		if (types[type].columns[i] == oid)
			return true;
	return false;
}

struct err *db_wire_columns(struct arena *a, const char *what, const PGresult *res, const struct db_row *row)
{
	if ((size_t)PQnfields(res) != row->n)
		return err_new(a, ERR_INTERNAL, "statement %s gives %d columns, not %zu", what,
		               PQnfields(res), row->n);
	for (size_t i = 0; i < row->n; i++)
		if (!readable(row->cols[i].type, PQftype(res, (int)i)))
			return err_new(a, ERR_INTERNAL,
			               "column %s of statement %s is not of the declared type",
			               PQfname(res, (int)i), what);
	return NULL;
}

static int64_t get_i64(struct str s)
{
	uint64_t v = get_be(s.p, s.n);
	unsigned spare = 64 - 8 * (unsigned)s.n;

	return (int64_t)(v << spare) >> spare;
}

static double get_f64(struct str s)
{
	uint64_t bits = get_be(s.p, sizeof(bits));
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

/* 'infinity' stays the largest time. */
static int64_t get_time(struct str s)
{
	int64_t v;

	if (__builtin_add_overflow((int64_t)get_be(s.p, 8), epoch_2000, &v))
		return INT64_MAX;
	return v;
}

static struct db_texts get_texts(struct arena *a, struct str s)
{
	struct db_texts t = {ARENA_ARRAY(a, const char *, 1), 0};
	const char *p = s.p + 20;

	if (get_be(s.p, 4) == 0)
		return t;
	t.n = get_be(s.p + 12, 4);
	t.p = ARENA_ARRAY(a, const char *, t.n);
	for (size_t i = 0; i < t.n; i++) {
		uint32_t n = (uint32_t)get_be(p, 4);

		p += 4;
		if (n == UINT32_MAX)
			continue;
		t.p[i] = arena_strndup(a, p, n);
		p += n;
	}
	assert(p == s.p + s.n);
	return t;
}

static void decode(struct arena *a, enum db_type type, Oid oid, struct str s, void *out)
{
	switch (type) {
	case DB_I64: *(int64_t *)out = get_i64(s); return;
	case DB_F64: *(double *)out = get_f64(s); return;
	case DB_BOOL: *(bool *)out = s.p[0] != 0; return;
	case DB_TIME: *(int64_t *)out = get_time(s); return;
	case DB_TEXT: *(const char **)out = arena_strndup(a, s.p, s.n); return;
	case DB_JSON:
		*(const char **)out =
		        oid == OID_JSONB ? arena_strndup(a, s.p + 1, s.n - 1) : arena_strndup(a, s.p, s.n);
		return;
	case DB_BYTES: *(struct str *)out = (struct str){arena_strndup(a, s.p, s.n), s.n}; return;
	case DB_TEXTS: *(struct db_texts *)out = get_texts(a, s); return;
	}
	assert(!"a type of db_type");
}

void db_wire_decode(struct arena *a, const PGresult *res, int line, const struct db_row *row, void *out)
{
	memset(out, 0, row->size);
	for (int i = 0; i < (int)row->n; i++) {
		const struct db_col *c = &row->cols[i];
		struct str s = {PQgetvalue(res, line, i), (size_t)PQgetlength(res, line, i)};

		if (!PQgetisnull(res, line, i))
			decode(a, c->type, PQftype(res, i), s, (char *)out + c->offset);
	}
}
