/* Values of each type on a real server: their kind, and that the text is the server's own to the last character. */
#include <string.h>

#include "lib/arena.h"
#include "query/place.h"
#include "support/pg.h"
#include "unit.h"

static const struct {
	const char *value, *text;
	enum query_kind kind;
} values[] = {
        {"(-32768)::smallint", "-32768", QUERY_NUMBER},
        {"2147483647", "2147483647", QUERY_NUMBER},
        {"(-9223372036854775808)::bigint", "-9223372036854775808", QUERY_NUMBER},
        {"1.10::numeric", "1.10", QUERY_NUMBER},
        {"5::numeric(12,4)", "5.0000", QUERY_NUMBER},
        {"0.00000000000000000001::numeric", "0.00000000000000000001", QUERY_NUMBER},
        {"'NaN'::numeric", "NaN", QUERY_NUMBER},
        {"'-Infinity'::numeric", "-Infinity", QUERY_NUMBER},
        {"1e20::numeric", "100000000000000000000", QUERY_NUMBER},
        {"1e300::float8", "1e+300", QUERY_NUMBER},
        {"5e-324::float8", "5e-324", QUERY_NUMBER},
        {"(0.1::float8 + 0.2)", "0.30000000000000004", QUERY_NUMBER},
        {"'-0'::float8", "-0", QUERY_NUMBER},
        {"'NaN'::float8", "NaN", QUERY_NUMBER},
        {"'Infinity'::real", "Infinity", QUERY_NUMBER},
        {"3.4028235e38::real", "3.4028235e+38", QUERY_NUMBER},
        {"(-1234.5)::numeric::money", "-$1,234.50", QUERY_NUMBER},
        {"4294967295::oid", "4294967295", QUERY_NUMBER},
        {"interval '-1 year 2 days -03:04:05.6'", "-1 years +2 days -03:04:05.6", QUERY_TEXT},
        {"date '2024-02-29'", "2024-02-29", QUERY_DATE},
        {"date '0044-03-15 BC'", "0044-03-15 BC", QUERY_DATE},
        {"date '10000-01-01'", "10000-01-01", QUERY_DATE},
        {"'-infinity'::date", "-infinity", QUERY_DATE},
        {"time '24:00'", "24:00:00", QUERY_TEXT},
        {"timetz '01:02:03.004+05:30'", "01:02:03.004+05:30", QUERY_TEXT},
        {"timestamp '2025-03-30 02:30:00.000001'", "2025-03-30 02:30:00.000001", QUERY_TIME},
        {"timestamp '0044-03-15 12:00 BC'", "0044-03-15 12:00:00 BC", QUERY_TIME},
        {"timestamptz '2025-07-01 12:00+00'", "2025-07-01 17:30:00+05:30", QUERY_TIME},
        {"'infinity'::timestamptz", "infinity", QUERY_TIME},
        {"true", "true", QUERY_BOOL},
        {"false", "false", QUERY_BOOL},
        {"NULL::boolean", NULL, QUERY_BOOL},
        {"NULL::text", NULL, QUERY_TEXT},
        {"''::text", "", QUERY_TEXT},
        {"' a '::char(5)", " a   ", QUERY_TEXT},
        {"'x'::\"char\"", "x", QUERY_TEXT},
        {"E'a\\tb\\r\\n\"c\\\\'::varchar", "a\tb\r\n\"c\\", QUERY_TEXT},
        {"ARRAY[1, NULL, 3]", "{1,NULL,3}", QUERY_TEXT},
        {"ARRAY[ARRAY['a b', ''], ARRAY['\"', 'NULL']]", "{{\"a b\",\"\"},{\"\\\"\",\"NULL\"}}", QUERY_TEXT},
        {"'[2:3]={1,2}'::int[]", "[2:3]={1,2}", QUERY_TEXT},
        {"int4range(1, 5)", "[1,5)", QUERY_TEXT},
        {"'empty'::daterange", "empty", QUERY_TEXT},
        {"'{[1,2),[5,7)}'::int4multirange", "{[1,2),[5,7)}", QUERY_TEXT},
        {"'{\"b\":1,  \"a\":[1.10]}'::json", "{\"b\":1,  \"a\":[1.10]}", QUERY_JSON},
        {"'{\"b\":1, \"a\":[1.10]}'::jsonb", "{\"a\": [1.10], \"b\": 1}", QUERY_JSON},
        {"'null'::jsonb", "null", QUERY_JSON},
        {"'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", QUERY_TEXT},
        {"'\\x00ff'::bytea", "\\x00ff", QUERY_BYTES},
        {"B'0101'", "0101", QUERY_TEXT},
        {"'10.0.0.1/8'::inet", "10.0.0.1/8", QUERY_TEXT},
        {"'::1/128'::cidr", "::1/128", QUERY_TEXT},
        {"'08:00:2B:01:02:03'::macaddr", "08:00:2b:01:02:03", QUERY_TEXT},
        {"point(1, 2.5)", "(1,2.5)", QUERY_TEXT},
        {"box '((0,0),(1,1))'", "(1,1),(0,0)", QUERY_TEXT},
        {"'<a>&amp;</a>'::xml", "<a>&amp;</a>", QUERY_TEXT},
        {"to_tsvector('simple', 'b a b')", "'a':2 'b':1,3", QUERY_TEXT},
        {"'paid'::shop.state", "paid", QUERY_TEXT},
        {"7::shop.small", "7", QUERY_NUMBER},
        {"ROW('a b', 2)::shop.pair", "(\"a b\",2)", QUERY_TEXT},
};

static void test_query__values_of_every_type_are_exact(void **state)
{
	static const char *columns[] = {"v"};
	static const struct query_table tables[] = {{.name = "types", .columns = columns, .ncolumns = 1}};
	struct place p = place_make();

	(void)state;
	pg_exec("CREATE DOMAIN shop.small AS integer CHECK (VALUE < 10);"
	        "CREATE TYPE shop.pair AS (name text, n integer);"
	        "GRANT USAGE ON SCHEMA shop TO reader");
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		struct query_result *r;

		pg_exec(arena_printf(
		        p.ctx->a,
		        "DROP TABLE IF EXISTS shop.types; CREATE TABLE shop.types AS SELECT %s AS v;"
		        " GRANT SELECT ON shop.types TO reader",
		        values[i].value));
		place_aim(&p);
		p.scope.tables = tables;
		p.scope.ntables = 1;
		p.scope.time_zone = "Asia/Kolkata";
		p.scope.fresh = true;
		struct err *e = query_run(p.ctx, &p.scope, "SELECT v FROM types", &r);
		if (e)
			fail_msg("%s: %s", values[i].value, err_text(e));
		if (!values[i].text ? r->cells[0] != NULL
		                    : !r->cells[0] || strcmp(r->cells[0], values[i].text))
			fail_msg("%s: \"%s\"", values[i].value, r->cells[0] ? r->cells[0] : "null");
		if (r->columns[0].kind != values[i].kind)
			fail_msg("%s: kind %d", values[i].value, (int)r->columns[0].kind);
		assert_non_null(r->columns[0].type);
	}
}

static const struct CMUnitTest query_types_tests[] = {
        cmocka_unit_test(test_query__values_of_every_type_are_exact),
};
UNIT_SUITE(query_types_tests);
