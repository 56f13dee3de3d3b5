/*
 * What the guard returns, on the real server: the functions on its list, masks over every type, casts that are traps, and
 * the same rows as the statements that people wrote.
 */
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "query/place.h"
#include "sql/sql.h"
#include "support/pg.h"
#include "unit.h"

/* As a run has it. */
static PGconn *session(void)
{
	PGconn *pg = PQconnectdb(pg_url());

	assert_int_equal(PQstatus(pg), CONNECTION_OK);
	PQclear(PQexec(pg, "SET search_path = pg_catalog; SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC';"
	                   "SET client_min_messages = error; SET statement_timeout = '20s'"));
	return pg;
}

static PGresult *send(PGconn *pg, const struct sql_statement *s)
{
	return PQexecParams(pg, s->sql, (int)s->nparams, NULL, s->params, NULL, NULL, 0);
}

/* Functions on the list that do not give the same value for the same arguments, and why they may. */
static const struct {
	const char *name;
	const char *reason;
} volatile_functions[] = {
        {"clock_timestamp", "tells the time, changes nothing"},
        {"gen_random_uuid", "chance, changes nothing"},
        {"random", "chance; only setseed, which is not on the list, changes its state"},
};

/* Those with an argument that looks something up by name, and why they may. */
static const struct {
	const char *name;
	const char *reason;
} looking_functions[] = {
        {"phraseto_tsquery", "the configuration is a literal without schema"},
        {"plainto_tsquery", "the configuration is a literal without schema"},
        {"to_tsquery", "the configuration is a literal without schema"},
        {"to_tsvector", "the configuration is a literal without schema"},
        {"websearch_to_tsquery", "the configuration is a literal without schema"},
};

static const struct {
	const char *name;
	int since;
} newer[] = {
        {"bit_count", 14},    {"bit_xor", 14},      {"date_bin", 14},        {"range_agg", 14},
        {"trim_array", 14},   {"unistr", 14},       {"string_to_table", 14}, {"range_intersect_agg", 14},
        {"regexp_count", 15}, {"regexp_instr", 15}, {"regexp_like", 15},     {"regexp_substr", 15},
};

static const char *const listed[] = {
#define FUNC(name, bound) #name,
#define ROWS(name, ...) #name,
#include "sql/functions.def"
#undef FUNC
#undef ROWS
};

enum { LISTED = sizeof(listed) / sizeof(*listed) };

static bool excepted(const char *name, bool looking)
{
	size_t n = looking ? sizeof(looking_functions) / sizeof(*looking_functions)
	                   : sizeof(volatile_functions) / sizeof(*volatile_functions);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(looking ? looking_functions[i].name : volatile_functions[i].name, name))
			return true;
	return false;
}

static bool in_this_version(const char *name)
{
	for (size_t i = 0; i < sizeof(newer) / sizeof(*newer); i++)
		if (!strcmp(newer[i].name, name))
			return atoi(pg_value("SHOW server_version_num")) / 10000 >= newer[i].since;
	return true;
}

/* overloads | volatile ones | SECURITY DEFINER ones or not pg_catalog's owner's | ones with a reg* argument | procedures */
static const char facts[] =
        "SELECT format('%%s|%%s|%%s|%%s|%%s', count(*), count(*) FILTER (WHERE provolatile = 'v'),"
        " count(*) FILTER (WHERE prosecdef OR proowner <> 10),"
        " count(*) FILTER (WHERE EXISTS (SELECT FROM unnest(proargtypes) t WHERE t::regtype::text LIKE 'reg%%')),"
        " count(*) FILTER (WHERE prokind = 'p' OR prolang = (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')))"
        " FROM pg_proc WHERE proname = '%s' AND pronamespace = 'pg_catalog'::regnamespace";

static void test_query__functions_on_the_list_are_harmless(void **state)
{
	struct arena *a = arena_create();
	size_t wrong = 0;

	(void)state;
	pg_ctx_empty();
	for (size_t i = 0; i < LISTED; i++) {
		int overloads, vary, definers, looks, procedures;
		const char *row = pg_value(arena_printf(a, facts, listed[i]));

		assert_int_equal(
		        sscanf(row, "%d|%d|%d|%d|%d", &overloads, &vary, &definers, &looks, &procedures), 5);
		bool good = (overloads > 0 || !in_this_version(listed[i])) && !definers && !procedures &&
		            (!vary || excepted(listed[i], false)) && (!looks || excepted(listed[i], true));
		if (!good) {
			printf("# %s: %s\n", listed[i], row);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
	arena_free(a);
}

/* Names that run SQL, or name objects, in strings: no pattern finds them all, so they are named. */
static void test_query__functions_that_read_sql_are_not_on_the_list(void **state)
{
	static const char *const parts[] = {"_to_xml", "xpath",      "xml",     "ts_stat", "ts_rewrite",
	                                    "dblink",  "crosstab",   "pg_",     "lo_",     "txid",
	                                    "current", "set_config", "nextval", "setval"};

	(void)state;
	for (size_t i = 0; i < LISTED; i++)
		for (size_t k = 0; k < sizeof(parts) / sizeof(*parts); k++)
			assert_null(strstr(listed[i], parts[k]));
}

static void test_query__the_list_covers_what_analysts_use(void **state)
{
	struct arena *a = arena_create();
	struct str rest = unit_file(a, unit_shared(a, "attacks/functions.txt"));
	size_t n = 0;

	(void)state;
	while (rest.p) {
		struct str line = str_trim(str_chop(&rest, '\n'));
		bool found = !line.n || line.p[0] == '#' || str_find(line, STR(":")) >= 0;

		for (size_t i = 0; !found && i < LISTED; i++)
			found = str_is(line, listed[i]);
		if (!found)
			fail_msg("%.*s is not on the list", STR_ARG(line));
		n++;
	}
	assert_true(n > 200);
	arena_free(a);
}

/* A column of each kind of type, with the values that are hard: no row may raise an error under any mask. */
static const char odd_values[] =
        "CREATE SCHEMA shop;"
        "CREATE COLLATION shop.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        "CREATE TYPE shop.state AS ENUM ('new', 'paid'); CREATE DOMAIN shop.mail AS text;"
        "CREATE TABLE shop.odd (a date, b timestamptz, c timestamp, d text, e text COLLATE shop.nocase, f int, g numeric,"
        " h interval, i time, j jsonb, k bytea, l shop.state, m text[], n uuid, o shop.mail, p float8, q boolean,"
        " r varchar(9), s name, t inet, u int4range, v xml, w point);"
        "INSERT INTO shop.odd VALUES"
        " ('infinity', '-infinity', 'infinity', '', '', -1, 'NaN', '-1 year', '24:00', 'null', '', 'new', '{}',"
        " '00000000-0000-0000-0000-000000000000', '', 'NaN', NULL, '', '', '::1', 'empty', '<a/>', '(1,2)'),"
        " ('0044-03-15 BC', '0001-01-01 BC', '4714-11-24 BC', 'a@b@c', 'a@b', 2147483647, 1e300, '178000000 years', '0:0',"
        " '{\"a\": \"x@y.z\"}', '\\xff00', 'paid', '{a@b.c,NULL}', '00000000-0000-0000-0000-000000000000', 'x@y.z',"
        " 'infinity', true, 'x@y.z', 'n@n', '10.0.0.0/8', '[1,5)', '<a>x@y</a>', '(0,0)'),"
        " ('5874897-12-31', '294276-12-31', '294276-12-31', '0000-01-01', '99999-99-99', 0, 0, '0', '1:1', '[]', 'a@b',"
        " 'new', '{{1,2},{3,4}}', '00000000-0000-0000-0000-000000000000', '2024-13-45', 0, false, E'\\n@\\n', '@', '1.1.1.1',"
        " '(,)', 'x', '(0,0)'),"
        " ('2024-05-06', '2024-05-06 07:08', '2024-05-06', 'ann@example.com', 'ann@example.com', 1, 1.5, '1 day', '7:00',"
        " '1', '\\x00', 'new', '{x}', '00000000-0000-0000-0000-000000000000', 'ann@example.com', 1, true, 'é@ü.de', 'x',"
        " '::1', '[1,1]', '', '(0,0)');"
        "INSERT INTO shop.odd DEFAULT VALUES";

static const char *const mask_names[] = {"full", "email", "last4", "hash", "year", "null"};

static const char *policy_masking_all(struct arena *a, const char *mask)
{
	struct buf columns = buf_init(a, BUF_PAGE), masks = buf_init(a, BUF_PAGE);

	for (char c = 'a'; c <= 'w'; c++) {
		buf_printf(&columns, "%s\"%c\"", c == 'a' ? "" : ",", c);
		buf_printf(&masks, "%s\"%c\":\"%s\"", c == 'a' ? "" : ",", c, mask);
	}
	return arena_printf(
	        a,
	        "{\"schema\":\"shop\",\"mask_key\":\"k\",\"columns\":{\"odd\":[%s]},\"masks\":{\"odd\":{%s}}}",
	        buf_cstr(&columns), buf_cstr(&masks));
}

static PGresult *run_under(struct arena *a, PGconn *pg, const char *policy, const char *sql)
{
	struct sql_policy *p;
	struct sql_statement *s;

	assert_ok(sql_policy_read(a, str_of(policy), &p));
	assert_ok(sql_guard(a, p, str_of(sql), &s));
	PGresult *res = send(pg, s);
	if (PQresultStatus(res) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", PQresultErrorMessage(res), s->sql);
	return res;
}

static void test_query__no_value_breaks_a_mask(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	pg_ctx_empty();
	pg_exec(odd_values);
	PGconn *pg = session();
	for (size_t i = 0; i < sizeof(mask_names) / sizeof(*mask_names); i++) {
		PGresult *res = run_under(a, pg, policy_masking_all(a, mask_names[i]), "SELECT * FROM odd");

		assert_int_equal(PQntuples(res), 5);
		for (int r = 0; r < 5; r++)
			for (int c = 0; c < PQnfields(res); c++)
				if (strstr(PQgetvalue(res, r, c), "ann") ||
				    strstr(PQgetvalue(res, r, c), "05-06"))
					fail_msg("%s shows %s", mask_names[i], PQgetvalue(res, r, c));
		PQclear(res);
	}
	PQfinish(pg);
	arena_free(a);
}

static void test_query__masks_show_what_they_promise(void **state)
{
	static const struct {
		const char *mask;
		const char *sql;
		const char *shown;
	} cases[] = {
	        {"email", "SELECT d FROM odd WHERE f IS NOT NULL ORDER BY length(d), d LIMIT 1 OFFSET 3",
	         "a***@example.com"},
	        {"email", "SELECT count(*) FROM odd WHERE d = '***'", "3"},
	        {"last4", "SELECT d FROM odd WHERE d LIKE '%.com'", "***.com"},
	        {"last4", "SELECT max(f) FROM odd", "***3647"},
	        {"year", "SELECT max(a) FROM odd WHERE a < '3000-01-01'", "2024-01-01"},
	        {"year", "SELECT min(a) FROM odd", "2024-01-01"},
	        {"year", "SELECT count(a) FROM odd", "1"},
	        {"year", "SELECT count(f) FROM odd", "0"},
	        {"year", "SELECT extract(year FROM b) FROM odd WHERE b > '1000-01-01' AND b < '3000-01-01'",
	         "2024"},
	        {"null", "SELECT count(d) FROM odd", "0"},
	        {"full", "SELECT count(d) FROM odd WHERE d = '***'", "4"},
	        {"hash", "SELECT count(DISTINCT n) FROM odd", "1"},
	        {"hash", "SELECT d FROM odd WHERE d = left(encode(sha256('kann@example.com'), 'hex'), 16)",
	         "e4fd"},
	};
	struct arena *a = arena_create();

	(void)state;
	pg_ctx_empty();
	pg_exec(odd_values);
	PGconn *pg = session();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		PGresult *res = run_under(a, pg, policy_masking_all(a, cases[i].mask), cases[i].sql);
		bool prefix =
		        !strcmp(cases[i].mask, "hash") && PQntuples(res) == 1 && strlen(cases[i].shown) == 4;

		if (PQntuples(res) != 1 || (!prefix && strcmp(PQgetvalue(res, 0, 0), cases[i].shown) != 0))
			fail_msg("%s: %s: %s", cases[i].mask, cases[i].sql,
			         PQntuples(res) ? PQgetvalue(res, 0, 0) : "no row");
		PQclear(res);
	}
	PQfinish(pg);
	arena_free(a);
}

/* Casts belong to no schema: they are found whatever the search path is. */
static void test_query__casts_of_rows_run_nobodys_function(void **state)
{
	static const char *const statements[] = {
	        "SELECT c::int FROM t c",
	        "SELECT c::text FROM t c",
	        "SELECT CAST(t.* AS text) FROM t",
	        "SELECT c || 'x' FROM t c",
	        "SELECT abs(c) FROM t c",
	        "SELECT length(t) FROM t",
	        "SELECT coalesce(c, 1) FROM t c",
	        "SELECT 1 AS c FROM t c ORDER BY c::int",
	        "SELECT (SELECT c::int) FROM t c",
	        "SELECT u.x::int FROM (SELECT c AS x FROM t c) u",
	        "WITH u AS (SELECT t AS x FROM t) SELECT x + 1 FROM u",
	        "SELECT max(c::int) FROM t c GROUP BY c::text",
	        "SELECT c::int FROM t c TABLESAMPLE system (100)",
	        "SELECT to_json(c), row_to_json(t) FROM t c, t",
	        "SELECT x::int FROM unnest((SELECT array_agg(c) FROM t c)) x",
	        "SELECT 1 FROM t a JOIN t b ON a = b AND a::int = 1",
	};
	static const char *const policies[] = {
	        "{\"schema\":\"shop\"}",
	        "{\"schema\":\"shop\",\"columns\":{\"t\":[\"a\",\"b\"]}}",
	        "{\"schema\":\"shop\",\"columns\":{\"t\":[\"a\",\"b\"]},\"row_filters\":{\"t\":\"true\"}}",
	};
	struct arena *a = arena_create();

	(void)state;
	pg_ctx_empty();
	pg_exec("CREATE SCHEMA shop; CREATE SEQUENCE shop.hits; CREATE TABLE shop.t (a int, b text);"
	        "INSERT INTO shop.t VALUES (1, 'x');"
	        "CREATE FUNCTION shop.to_int(shop.t) RETURNS int LANGUAGE sql AS $$ SELECT nextval('shop.hits')::int $$;"
	        "CREATE FUNCTION shop.to_text(shop.t) RETURNS text LANGUAGE sql AS $$ SELECT nextval('shop.hits')::text $$;"
	        "CREATE FUNCTION shop.to_js(shop.t) RETURNS json LANGUAGE sql AS"
	        " $$ SELECT to_json(nextval('shop.hits')) $$;"
	        "CREATE CAST (shop.t AS int) WITH FUNCTION shop.to_int(shop.t) AS IMPLICIT;"
	        "CREATE CAST (shop.t AS text) WITH FUNCTION shop.to_text(shop.t) AS IMPLICIT;"
	        "CREATE CAST (shop.t AS json) WITH FUNCTION shop.to_js(shop.t) AS IMPLICIT");
	PGconn *pg = session();
	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++)
		for (size_t k = 0; k < sizeof(policies) / sizeof(*policies); k++) {
			struct sql_policy *p;
			struct sql_statement *s;

			assert_ok(sql_policy_read(a, str_of(policies[k]), &p));
			if (!sql_guard(a, p, str_of(statements[i]), &s))
				PQclear(send(pg, s));
			if (strcmp(pg_value("SELECT is_called FROM shop.hits"), "f") != 0)
				fail_msg("%s", statements[i]);
		}
	PQclear(PQexec(pg, "SELECT c::int FROM shop.t c"));
	assert_string_equal(pg_value("SELECT is_called FROM shop.hits"), "t");
	PQfinish(pg);
	arena_free(a);
}

/* Word for word, with the name put in; the server's own answer would tell them apart. */
static void test_query__a_hidden_table_is_as_if_it_were_not_there(void **state)
{
	static const char *const statements[] = {"SELECT * FROM %s", "SELECT 1 FROM shop.%s",
	                                         "SELECT 'ä' FROM orders, %s"};
	struct place p = place_make();

	(void)state;
	p.policy.tells_hidden = false;
	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++) {
		struct err *hidden = place_fail(&p, arena_printf(p.ctx->a, statements[i], "salaries"));
		struct err *none = place_fail(&p, arena_printf(p.ctx->a, statements[i], "xalaries"));

		assert_string_equal(hidden->code, none->code);
		assert_int_equal(hidden->kind, none->kind);
		assert_int_equal(hidden->position, none->position);
		assert_string_equal(strstr(hidden->message, " does"), strstr(none->message, " does"));
		assert_string_equal(hidden->hint, none->hint);
	}
}

static const struct CMUnitTest query_guarded_tests[] = {
        cmocka_unit_test(test_query__functions_on_the_list_are_harmless),
        cmocka_unit_test(test_query__functions_that_read_sql_are_not_on_the_list),
        cmocka_unit_test(test_query__the_list_covers_what_analysts_use),
        cmocka_unit_test(test_query__no_value_breaks_a_mask),
        cmocka_unit_test(test_query__masks_show_what_they_promise),
        cmocka_unit_test(test_query__casts_of_rows_run_nobodys_function),
        cmocka_unit_test(test_query__a_hidden_table_is_as_if_it_were_not_there),
};
UNIT_SUITE(query_guarded_tests);
