/* "Test connection": each thing that can be wrong has its sentence. */
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/ctx.h"
#include "query/place.h"
#include "query/query_priv.h"
#include "support/pg.h"
#include "unit.h"

static struct query_probe probe(struct place *p, const struct project_source *source)
{
	struct query_probe out;

	assert_null(query_probe(p->ctx, source, &out));
	assert_non_null(out.message);
	return out;
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
	for (size_t i = 0; i < out.nwarnings; i++)
		assert_false(out.warnings[i].grave);
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

/* The warning with the text, or NULL. */
static const struct query_warning *warning(const struct query_probe *out, const char *part)
{
	for (size_t i = 0; i < out->nwarnings; i++)
		if (strstr(out->warnings[i].text, part))
			return &out->warnings[i];
	return NULL;
}

static const struct excess {
	const char *grant, *warning;
	const char *revoke; /* NULL: what the probe says mends it */
	bool grave;
} excesses[] = {
        {"GRANT INSERT, TRUNCATE ON shop.orders TO reader", "may change data: shop.orders", NULL, true},
        {"GRANT UPDATE (note) ON shop.orders TO PUBLIC", "may change data: shop.orders", NULL, true},
        {"CREATE SCHEMA other; CREATE TABLE other.\"T 1\" (x int); GRANT DELETE ON other.\"T 1\" TO reader",
         "may change data: other.\"T 1\"", NULL, true},
        {"CREATE ROLE writers; GRANT INSERT ON shop.kinds TO writers; GRANT writers TO reader",
         "may change data: shop.kinds", NULL, true},
        {"CREATE SEQUENCE shop.numbers; GRANT USAGE ON shop.numbers TO reader",
         "may advance sequences: shop.numbers", NULL, true},
        {"GRANT CREATE ON SCHEMA shop TO reader", "may create objects in the schema shop", NULL, true},
        {"GRANT CREATE ON SCHEMA public TO PUBLIC", "may create objects in the schema public", NULL, true},
        {"DO $$BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO reader', current_database()); END$$",
         "may create schemas in database", NULL, true},
        {"ALTER ROLE reader SUPERUSER", "is a superuser", "ALTER ROLE reader NOSUPERUSER", true},
        {"ALTER ROLE reader CREATEDB BYPASSRLS", "may bypass row security, create databases", NULL, true},
        {"GRANT pg_read_server_files, pg_write_all_data TO reader",
         "member of pg_read_server_files, pg_write_all_data", NULL, true},
        {"GRANT pg_read_all_data TO reader", "member of pg_read_all_data", NULL, false},
        {"ALTER TABLE shop.kinds OWNER TO reader", "owns shop.kinds",
         "ALTER TABLE shop.kinds OWNER TO CURRENT_USER", true},
        {"GRANT EXECUTE ON FUNCTION pg_read_file(text), lo_export(oid, text) TO reader",
         "reach outside of the database: lo_export(oid,text), pg_read_file(text)", NULL, true},
        {"CREATE FUNCTION shop.dblink_exec(text) RETURNS text LANGUAGE sql AS 'SELECT $1'",
         "reach outside of the database: shop.dblink_exec(text)", NULL, true},
        {"CREATE FUNCTION shop.pay() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
         "have their owner's rights: shop.pay()", NULL, false},
        {"GRANT SELECT ON shop.salaries TO reader",
         "may also read tables that the project leaves out: salaries",
         "REVOKE SELECT ON shop.salaries FROM reader", false},
        {"REVOKE SELECT ON shop.kinds FROM reader", "may not read kinds",
         "GRANT SELECT ON shop.kinds TO reader", false},
};

static void test_query__a_role_that_may_too_much_is_warned_of(void **state)
{
	struct place p = place_make();

	(void)state;
	for (size_t i = 0; i < sizeof(excesses) / sizeof(*excesses); i++) {
		const struct excess *x = &excesses[i];
		const struct query_warning *w;

		pg_exec(x->grant);
		struct query_probe out = probe(&p, &p.source);
		w = warning(&out, x->warning);
		if (!w || w->grave != x->grave || !w->mend)
			fail_msg("case %zu: %s", i, out.nwarnings ? out.warnings[0].text : "no warning");
		assert_int_equal(w->sql, x->revoke == NULL);
		pg_exec(x->revoke ? x->revoke : w->mend);
		out = probe(&p, &p.source);
		if (warning(&out, x->warning))
			fail_msg("case %zu is not mended by: %s", i, w->mend);
	}
	pg_exec("DROP OWNED BY writers; DROP ROLE writers");
}

static void test_query__temporary_tables_are_a_small_warning(void **state)
{
	struct place p = place_make();
	struct query_probe out = probe(&p, &p.source);
	const struct query_warning *w = warning(&out, "may create temporary tables");

	(void)state;
	assert_non_null(w);
	assert_false(w->grave);
	assert_non_null(strstr(w->mend, " FROM PUBLIC;"));
	pg_exec(w->mend);
	out = probe(&p, &p.source);
	assert_null(warning(&out, "temporary"));
	for (size_t i = 0; i < out.nwarnings; i++)
		assert_false(out.warnings[i].grave);
}

static void test_query__many_tables_are_named_in_short_and_mended_whole(void **state)
{
	struct place p = place_make();
	struct query_probe out;
	const struct query_warning *w;

	(void)state;
	pg_exec("DO $$BEGIN FOR i IN 10..21 LOOP EXECUTE format('CREATE TABLE shop.t%s (); GRANT INSERT ON shop.t%s TO"
	        " reader, PUBLIC', i, i); END LOOP; END$$");
	out = probe(&p, &p.source);
	w = warning(&out, "may change data");
	assert_non_null(w);
	assert_string_equal(w->text,
	                    "the role may change data: shop.t10, shop.t11, shop.t12, shop.t13, shop.t14"
	                    " and 7 more");
	assert_non_null(strstr(w->mend, "shop.t20, shop.t21 FROM PUBLIC, reader;"));
}

/* Majors and minors on both sides of what is known. */
static void test_query__releases_with_known_holes_are_told(void **state)
{
	static const struct {
		int number;
		const char *warning, *mend;
	} cases[] = {
	        {150018, "PostgreSQL X has known holes that queries can reach; 15.20 mends them",
	         "Update the server to 15.20 or later."},
	        {150020, NULL, NULL},
	        {150021, NULL, NULL},
	        {140024, "PostgreSQL X has known holes that queries can reach; 14.25 mends them",
	         "Update the server to 14.25 or later."},
	        {160016, NULL, NULL},
	        {170012, NULL, NULL},
	        {170011, "PostgreSQL X has known holes that queries can reach; 17.12 mends them",
	         "Update the server to 17.12 or later."},
	        {180006, NULL, NULL},
	        {130023, "PostgreSQL X gets no more security fixes",
	         "Move the data to a newer major release."},
	        {120022, "PostgreSQL X is untried: Quern was tested with PostgreSQL 13 to 18", NULL},
	        {90624, "PostgreSQL X is untried: Quern was tested with PostgreSQL 13 to 18", NULL},
	        {190001, "PostgreSQL X is untried: Quern was tested with PostgreSQL 13 to 18", NULL},
	};
	struct ctx *ctx = pg_ctx();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *mend,
		        *warning = query_release_warning(ctx->a, "PostgreSQL X", cases[i].number, &mend);

		assert_int_equal(!warning, !cases[i].warning);
		assert_int_equal(!mend, !cases[i].mend);
		if (warning)
			assert_string_equal(warning, cases[i].warning);
		if (mend)
			assert_string_equal(mend, cases[i].mend);
	}
}

static void test_query__the_last_probe_is_kept_until_the_source_changes(void **state)
{
	struct place p = place_make();
	struct project project;
	struct query_probe made, kept;

	(void)state;
	pg_exec("INSERT INTO sources (project_id, host, database, username) VALUES (1, 'h', 'd', 'reader')");
	assert_ok(query_probe_kept(p.ctx, 1, &kept));
	assert_int_equal(kept.at, 0);
	p.source.id = strtoll(pg_value("SELECT id FROM sources"), NULL, 10);
	pg_exec("GRANT INSERT ON shop.orders TO reader");
	assert_ok(query_probe_anew(p.ctx, &p.source, &made));
	assert_ok(query_probe_kept(p.ctx, 1, &kept));
	assert_true(kept.at > 0);
	assert_true(kept.ok);
	assert_string_equal(kept.message, made.message);
	assert_string_equal(kept.server, made.server);
	assert_int_equal(kept.tables, 2);
	assert_int_equal(kept.nwarnings, made.nwarnings);
	for (size_t i = 0; i < kept.nwarnings; i++) {
		assert_string_equal(kept.warnings[i].text, made.warnings[i].text);
		assert_string_equal(kept.warnings[i].mend, made.warnings[i].mend);
		assert_int_equal(kept.warnings[i].grave, made.warnings[i].grave);
		assert_int_equal(kept.warnings[i].sql, made.warnings[i].sql);
	}
	assert_ok(project_by_slug(p.ctx, "shop", &project));
	assert_true(project.can_write);
	/* What was found of an older version of the source says nothing of this one. */
	pg_exec("UPDATE sources SET probe = NULL, probed_at = NULL, version = 2");
	assert_ok(query_probe_keep(p.ctx, &p.source, &made));
	assert_ok(query_probe_kept(p.ctx, 1, &kept));
	assert_int_equal(kept.at, 0);
	assert_ok(project_by_slug(p.ctx, "shop", &project));
	assert_false(project.can_write);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__a_good_connection_is_described),
        cmocka_unit_test(test_query__what_is_wrong_is_said),
        cmocka_unit_test(test_query__schemas_that_exist_are_named),
        cmocka_unit_test(test_query__a_role_that_may_too_much_is_warned_of),
        cmocka_unit_test(test_query__temporary_tables_are_a_small_warning),
        cmocka_unit_test(test_query__many_tables_are_named_in_short_and_mended_whole),
        cmocka_unit_test(test_query__releases_with_known_holes_are_told),
        cmocka_unit_test(test_query__the_last_probe_is_kept_until_the_source_changes),
};
UNIT_SUITE(tests);
