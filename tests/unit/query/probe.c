/* "Test connection": each thing that can be wrong has its sentence. */
#include <string.h>

#include "lib/arena.h"
#include "lib/ctx.h"
#include "query/place.h"
#include "support/pg.h"
#include "unit.h"

static struct query_probe probe(struct place *p, const struct project_source *source)
{
	struct query_probe out;

	assert_null(query_probe(p->ctx, source, &out));
	assert_non_null(out.message);
	return out;
}

static bool warned(const struct query_probe *out, const char *part)
{
	for (size_t i = 0; i < out->nwarnings; i++)
		if (strstr(out->warnings[i], part))
			return true;
	return false;
}

static void test_query__a_good_connection_is_described(void **state)
{
	struct place p = place_make();
	struct query_probe out = probe(&p, &p.source);

	(void)state;
	assert_true(out.ok);
	assert_int_equal(out.tables, 2);
	assert_non_null(strstr(out.message, ": 2 tables can be read in schema \"shop\""));
	assert_true(str_starts(str_of(out.server), STR("PostgreSQL ")));
	assert_false(warned(&out, "change data"));
}

static void test_query__what_is_wrong_is_said(void **state)
{
	static const struct {
		const char *host, *database, *user, *password, *schema, *message;
		int64_t port;
	} cases[] = {
	        {.host = "no-such-host.invalid",
	         .message = "the host of no-such-host.invalid, port 5432 is not known"},
	        {.host = "127.0.0.1", .port = 1, .message = "nothing answers at 127.0.0.1, port 1"},
	        {.host = "/nonexistent",
	         .message = "there is no PostgreSQL socket at /nonexistent, port 5432"},
	        {.database = "nowhere", .message = "there is no database \"nowhere\" on the server"},
	        {.password = "wrong", .message = "the server refused the password of role \"reader\""},
	        {.password = "", .message = "the server refused the password of role \"reader\""},
	        {.user = "nobody at all", .message = "the server does not admit role \"nobody at all\""},
	        {.schema = "Shop", .message = "there is no schema \"Shop\" in the database"},
	        {.schema = "closed", .message = "role \"reader\" may not use schema \"closed\""},
	        {.schema = "empty", .message = "schema \"empty\" has no tables"},
	        {.schema = "bare", .message = "role \"reader\" may read no table of schema \"bare\""},
	};
	struct place p = place_make();

	(void)state;
	pg_exec("CREATE SCHEMA closed; CREATE SCHEMA empty; CREATE SCHEMA bare; CREATE TABLE bare.t (x"
	        " integer);"
	        "GRANT USAGE ON SCHEMA empty, bare TO reader");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct project_source s = p.source;

		s.host = cases[i].host ? cases[i].host : s.host;
		s.port = cases[i].port ? cases[i].port : s.port;
		s.database = cases[i].database ? cases[i].database : s.database;
		s.username = cases[i].user ? cases[i].user : s.username;
		s.password = cases[i].password ? cases[i].password : s.password;
		s.schema = cases[i].schema ? cases[i].schema : s.schema;
		struct query_probe out = probe(&p, &s);
		assert_false(out.ok);
		assert_string_equal(out.message, cases[i].message);
		assert_non_null(out.hint);
	}
}

static void test_query__schemas_that_exist_are_named(void **state)
{
	struct place p = place_make();
	struct project_source s = p.source;

	(void)state;
	s.schema = "sales";
	assert_string_equal(probe(&p, &s).hint, "The role may use: public, shop.");
}

static void test_query__a_role_that_may_too_much_is_warned_of(void **state)
{
	static const struct {
		const char *grant, *revoke, *warning;
	} cases[] = {
	        {"GRANT INSERT ON shop.orders TO reader", "REVOKE INSERT ON shop.orders FROM reader",
	         "may change data: orders"},
	        {"GRANT CREATE ON SCHEMA shop TO reader", "REVOKE CREATE ON SCHEMA shop FROM reader",
	         "create objects in the schema"},
	        {"ALTER ROLE reader SUPERUSER", "ALTER ROLE reader NOSUPERUSER", "is a superuser"},
	        {"ALTER ROLE reader CREATEDB", "ALTER ROLE reader NOCREATEDB",
	         "may create roles or databases"},
	        {"GRANT pg_read_server_files TO reader", "REVOKE pg_read_server_files FROM reader",
	         "member of pg_read_server_files"},
	        {"GRANT SELECT ON shop.salaries TO reader", "REVOKE SELECT ON shop.salaries FROM reader",
	         "may also read tables that the project leaves out: salaries"},
	        {"REVOKE SELECT ON shop.kinds FROM reader", "GRANT SELECT ON shop.kinds TO reader",
	         "may not read kinds"},
	};
	struct place p = place_make();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		pg_exec(cases[i].grant);
		struct query_probe out = probe(&p, &p.source);
		pg_exec(cases[i].revoke);
		assert_true(out.ok);
		assert_true(warned(&out, cases[i].warning));
		out = probe(&p, &p.source);
		assert_false(warned(&out, cases[i].warning));
	}
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__a_good_connection_is_described),
        cmocka_unit_test(test_query__what_is_wrong_is_said),
        cmocka_unit_test(test_query__schemas_that_exist_are_named),
        cmocka_unit_test(test_query__a_role_that_may_too_much_is_warned_of),
};
UNIT_SUITE(tests);
