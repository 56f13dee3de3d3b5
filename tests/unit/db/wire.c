/* Every type goes to the server and comes back as it was. */
#include <float.h>
#include <math.h>

#include "db/db.h"
#include "lib/arena.h"
#include "support/pg.h"
#include "unit.h"

struct all {
	int64_t i;
	double f;
	const char *t;
	bool b;
	struct str y;
	const char *j;
	int64_t at;
	struct db_texts ts;
};

static const struct db_row all_row =
        DB_ROW(struct all, DB_COL_I64(struct all, i), DB_COL_F64(struct all, f), DB_COL_TEXT(struct all, t),
               DB_COL_BOOL(struct all, b), DB_COL_BYTES(struct all, y), DB_COL_JSON(struct all, j),
               DB_COL_TIME(struct all, at), DB_COL_TEXTS(struct all, ts));

DB_STMT(test_echo,
        "SELECT $1::bigint, $2::float8, $3::text, $4::boolean, $5::bytea, $6::jsonb, $7::timestamptz,"
        " $8::text[]",
        DB_I64, DB_F64, DB_TEXT, DB_BOOL, DB_BYTES, DB_JSON, DB_TIME, DB_TEXTS);
DB_STMT0(test_small_types, "SELECT (-7)::int2, 1.5::float8, 'n'::name, false, ''::bytea, '[1, 2]'::json,"
                           " 'infinity'::timestamptz, '{}'::varchar[]::text[]");
DB_STMT(test_time_text, "SELECT to_char($1, 'YYYY-MM-DD HH24:MI:SS.US TZ')", DB_TIME);
DB_STMT(test_texts_text, "SELECT array_to_string($1, '|', '<null>')", DB_TEXTS);
DB_STMT(test_text_echo, "SELECT $1", DB_TEXT);
DB_STMT(test_json_text, "SELECT $1 ->> 'a'", DB_JSON);
DB_STMT(test_bytes_length, "SELECT length($1)", DB_BYTES);
DB_STMT0(test_numeric, "SELECT 1.5");

static const struct db_row text_row = DB_ROW(const char *, {DB_TEXT, 0});
static const struct db_row i64_row = DB_ROW(int64_t, {DB_I64, 0});

static struct all echo(struct ctx *ctx, struct all v)
{
	struct all out;

	assert_null(db_one(ctx, &test_echo,
	                   DB_ARGS(db_i64(v.i), db_f64(v.f), db_text(v.t), db_bool(v.b), db_bytes(v.y),
	                           db_json(v.j), db_time(v.at), db_texts(v.ts.p, v.ts.n)),
	                   &all_row, "row", &out));
	return out;
}

static void test_db__every_type_comes_back_as_it_went(void **state)
{
	static const char *texts[] = {
	        "", "a", NULL, "NULL", "a,b", "{\"x\"}", "back\\slash", "it's \"q\"", "\xf0\x9f\x8c\xbe"};
	static const char bytes[] = "\0\1\xff\\x'";
	static const struct {
		int64_t i, at;
		double f;
		bool b;
	} cases[] = {
	        {0, 1, 0.0, false},
	        {-1, -1, -0.5, true},
	        {INT64_MAX, 1772357400123456, DBL_MAX, true},
	        {INT64_MIN, 946684800000000, DBL_TRUE_MIN, false},
	        {4294967296, -2208988800000000, INFINITY, true},
	};
	struct ctx *ctx = pg_ctx();

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct all out = echo(ctx, (struct all){cases[c].i,
		                                        cases[c].f,
		                                        "na\xc3\xafve \\ 'x'",
		                                        cases[c].b,
		                                        {bytes, sizeof(bytes)},
		                                        "{\"k\": [1, null]}",
		                                        cases[c].at,
		                                        {texts, 9}});

		assert_true(out.i == cases[c].i);
		assert_true(out.f == cases[c].f);
		assert_string_equal(out.t, "na\xc3\xafve \\ 'x'");
		assert_int_equal(out.b, cases[c].b);
		assert_int_equal(out.y.n, sizeof(bytes));
		assert_memory_equal(out.y.p, bytes, sizeof(bytes));
		assert_string_equal(out.j, "{\"k\": [1, null]}");
		assert_true(out.at == cases[c].at);
		assert_int_equal(out.ts.n, 9);
		for (size_t i = 0; i < 9; i++) {
			if (texts[i])
				assert_string_equal(out.ts.p[i], texts[i]);
			else
				assert_null(out.ts.p[i]);
		}
	}
}

static void test_db__null_of_every_type(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct all out;

	(void)state;
	assert_null(
	        db_one(ctx, &test_echo,
	               DB_ARGS(db_id(0), db_f64(1), db_text(NULL), db_bool(true),
	                       db_bytes((struct str){NULL, 0}), db_json(NULL), db_time(0), db_texts(NULL, 0)),
	               &all_row, "row", &out));
	assert_int_equal(out.i, 0);
	assert_null(out.t);
	assert_null(out.y.p);
	assert_null(out.j);
	assert_int_equal(out.at, 0);
	assert_null(out.ts.p);
}

static void test_db__empty_is_not_null(void **state)
{
	static const char *none[1];
	struct all out = echo(pg_ctx(), (struct all){.t = "", .y = STR(""), .j = "\"\"", .ts = {none, 0}});

	(void)state;
	assert_string_equal(out.t, "");
	assert_non_null(out.y.p);
	assert_int_equal(out.y.n, 0);
	assert_string_equal(out.j, "\"\"");
	assert_non_null(out.ts.p);
	assert_int_equal(out.ts.n, 0);
}

static void test_db__smaller_types_are_read_too(void **state)
{
	struct all out;

	(void)state;
	assert_null(db_one(pg_ctx(), &test_small_types, DB_NO_ARGS, &all_row, "row", &out));
	assert_int_equal(out.i, -7);
	assert_string_equal(out.t, "n");
	assert_string_equal(out.j, "[1, 2]");
	assert_true(out.at == INT64_MAX);
	assert_int_equal(out.ts.n, 0);
}

static void test_db__server_understands_what_is_sent(void **state)
{
	static const char *texts[] = {"a", NULL, "", "b|c"};
	struct ctx *ctx = pg_ctx();
	const char *text;

	(void)state;
	assert_null(
	        db_one(ctx, &test_time_text, DB_ARGS(db_time(1772357400123456)), &text_row, "row", &text));
	assert_string_equal(text, "2026-03-01 09:30:00.123456 UTC");
	assert_null(db_one(ctx, &test_texts_text, DB_ARGS(db_texts(texts, 4)), &text_row, "row", &text));
	assert_string_equal(text, "a|<null>||b|c");
	assert_null(db_one(ctx, &test_json_text, DB_ARGS(db_json("{\"a\":\"b\"}")), &text_row, "row", &text));
	assert_string_equal(text, "b");
}

static void test_db__views_need_no_nul(void **state)
{
	const char *text;

	(void)state;
	assert_null(db_one(pg_ctx(), &test_text_echo, DB_ARGS(db_str((struct str){"abcdef", 3})), &text_row,
	                   "row", &text));
	assert_string_equal(text, "abc");
}

static void test_db__large_bytes(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct str big = {arena_alloc(ctx->a, 20 << 20), 20 << 20};
	int64_t n;

	(void)state;
	assert_null(db_one(ctx, &test_bytes_length, DB_ARGS(db_bytes(big)), &i64_row, "row", &n));
	assert_int_equal(n, 20 << 20);
}

static void test_db__text_that_postgresql_cannot_hold_is_invalid(void **state)
{
	static const char *bad_item[] = {"ok", "\xc3("};
	struct ctx *ctx = pg_ctx();
	const struct {
		const struct db_stmt *stmt;
		struct db_arg arg;
	} cases[] = {
	        {&test_text_echo, db_str((struct str){"a\0b", 3})},
	        {&test_text_echo, db_text("\xff")},
	        {&test_text_echo, db_text("\xed\xa0\x80")},
	        {&test_texts_text, db_texts(bad_item, 2)},
	        {&test_json_text, db_json("{\"a\":\"\xff\"}")},
	        {&test_json_text, db_json("{\"a\":\"\\u0000\"}")},
	        {&test_json_text, db_json("{a}")},
	        {&test_json_text, db_json("")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text;
		struct err *e = db_one(ctx, cases[i].stmt, ((struct db_args){&cases[i].arg, 1}), &text_row,
		                       "row", &text);

		assert_non_null(e);
		assert_int_equal(e->kind, ERR_INVALID);
	}
}

static void test_db__undeclared_columns_are_an_error(void **state)
{
	struct ctx *ctx = pg_ctx();
	struct all all;
	struct err *e;
	int64_t i;

	(void)state;
	e = db_one(ctx, &test_numeric, DB_NO_ARGS, &i64_row, "row", &i);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_INTERNAL);
	e = db_one(ctx, &test_numeric, DB_NO_ARGS, &all_row, "row", &all);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_INTERNAL);
}

static const struct CMUnitTest db_wire_tests[] = {
        cmocka_unit_test(test_db__every_type_comes_back_as_it_went),
        cmocka_unit_test(test_db__null_of_every_type),
        cmocka_unit_test(test_db__empty_is_not_null),
        cmocka_unit_test(test_db__smaller_types_are_read_too),
        cmocka_unit_test(test_db__server_understands_what_is_sent),
        cmocka_unit_test(test_db__views_need_no_nul),
        cmocka_unit_test(test_db__large_bytes),
        cmocka_unit_test(test_db__text_that_postgresql_cannot_hold_is_invalid),
        cmocka_unit_test(test_db__undeclared_columns_are_an_error),
};
UNIT_SUITE(db_wire_tests);
