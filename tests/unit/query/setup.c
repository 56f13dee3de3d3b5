/* The read-only role: made once, whatever the names; a second run changes nothing; it cannot write. */
#include <string.h>

#include "lib/arena.h"
#include "lib/ctx.h"
#include "query/place.h"
#include "query/query_priv.h"
#include "support/pg.h"
#include "unit.h"

#define ROLE "we\"ird ro'le"
#define SCHEMA "my sch\"ema; --"
#define PASSWORD "p'a\"s\\s w\xc3\xb6rd"

static const char *excluded[] = {"pay, \"roll\\"};

struct setting {
	struct place p;
	struct project_source admin;
	struct query_setup setup;
	struct query_setup_report report;
};

static void make(struct setting *s)
{
	s->p = place_make();
	s->admin = s->p.source;
	s->admin.username = "postgres";
	s->setup = (struct query_setup){.role = ROLE,
	                                .password = PASSWORD,
	                                .schema = SCHEMA,
	                                .excluded = {excluded, 1},
	                                .connections = 5};
	pg_exec("DROP ROLE IF EXISTS \"we\"\"ird ro'le\"");
	pg_exec("CREATE SCHEMA \"my sch\"\"ema; --\"; SET search_path = \"my sch\"\"ema; --\"; CREATE TABLE "
	        "\"Or ders\" (id integer);"
	        "CREATE VIEW seen AS SELECT * FROM \"Or ders\"; CREATE TABLE \"pay, \"\"roll\\\" (amount"
	        " integer);"
	        "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'");
}

/* Roles outlive databases: without this the next test could not drop it. */
static void unmake(void)
{
	pg_exec("DROP OWNED BY \"we\"\"ird ro'le\"; DROP ROLE \"we\"\"ird ro'le\"");
}

static void run(struct setting *s)
{
	struct err *e = query_setup_role(s->p.ctx, &s->admin, &s->setup, &s->report);

	if (e)
		fail_msg("%s", err_text(e));
}

static void test_query__a_second_run_changes_nothing(void **state)
{
	struct setting s;

	(void)state;
	make(&s);
	run(&s);
	assert_false(s.report.existed);
	assert_true(s.report.nsteps >= 7);
	s.setup.password = NULL;
	run(&s);
	assert_true(s.report.existed);
	assert_int_equal(s.report.nsteps, 0);
	assert_true(s.report.nnotes > 0);
	unmake();
}

static void test_query__a_dry_run_changes_nothing(void **state)
{
	struct setting s;
	size_t steps;

	(void)state;
	make(&s);
	s.setup.dry_run = true;
	run(&s);
	steps = s.report.nsteps;
	assert_string_equal(pg_value("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'we%'"), "0");
	for (size_t i = 0; i < steps; i++)
		assert_null(strstr(s.report.steps[i].sql, "w\xc3\xb6rd"));
	assert_non_null(strstr(s.report.steps[0].sql, "SCRAM-SHA-256$"));
	/* What is shown is what works. */
	for (size_t i = 0; i < steps; i++)
		pg_exec(s.report.steps[i].sql);
	s.setup.password = NULL;
	run(&s);
	assert_int_equal(s.report.nsteps, 0);
	unmake();
}

static const char *attempt(struct setting *s, struct query_conn *conn, const char *sql)
{
	const struct query_step step = {.sql = sql};
	struct query_wait w = query_wait_ms(s->p.ctx, 10000);
	PGresult *res;
	struct err *e = query_conn_trip(&w, conn, &step, 1, &res);

	if (e)
		return e->message;
	PQclear(res);
	return "done";
}

static void test_query__the_role_reads_and_nothing_else(void **state)
{
	static const struct {
		const char *sql, *answer;
	} cases[] = {
	        {"SELECT * FROM \"my sch\"\"ema; --\".\"Or ders\"", "done"},
	        {"SELECT * FROM \"my sch\"\"ema; --\".seen", "done"},
	        {"SELECT * FROM \"my sch\"\"ema; --\".\"pay, \"\"roll\\\"",
	         "permission denied for table pay, \"roll\\"},
	        {"SELECT * FROM shop.orders", "permission denied for schema shop"},
	        {"CREATE SCHEMA mine", "cannot execute CREATE SCHEMA in a read-only transaction"},
	        {"SET default_transaction_read_only = off", "done"},
	        {"INSERT INTO \"my sch\"\"ema; --\".\"Or ders\" VALUES (1)",
	         "permission denied for table Or ders"},
	        {"DELETE FROM \"my sch\"\"ema; --\".\"Or ders\"", "permission denied for table Or ders"},
	        {"CREATE TABLE \"my sch\"\"ema; --\".t (x integer)",
	         "permission denied for schema my sch\"ema; --"},
	        {"CREATE ROLE other", "permission denied to create role"},
	        {"SET ROLE postgres", "permission denied to set role \"postgres\""},
	};
	struct setting s;
	struct query_conn *conn;

	(void)state;
	make(&s);
	run(&s);
	s.p.source.username = ROLE;
	s.p.source.password = PASSWORD;
	s.p.source.id = 0;
	struct query_wait w = query_wait_ms(s.p.ctx, 10000);
	assert_null(query_conn_open(&w, &s.p.source, &conn));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(attempt(&s, conn, cases[i].sql), cases[i].answer);
	query_conn_close(conn);
	unmake();
}

static void test_query__a_role_that_strayed_is_brought_back(void **state)
{
	struct setting s;

	(void)state;
	make(&s);
	run(&s);
	s.setup.password = NULL;
	pg_exec("SET search_path = \"my sch\"\"ema; --\"; ALTER ROLE \"we\"\"ird ro'le\" CREATEDB INHERIT"
	        " CONNECTION LIMIT 99;"
	        "GRANT INSERT, UPDATE ON \"Or ders\" TO \"we\"\"ird ro'le\"; GRANT SELECT ON \"pay, "
	        "\"\"roll\\\" TO \"we\"\"ird ro'le\";"
	        "GRANT CREATE ON SCHEMA \"my sch\"\"ema; --\" TO \"we\"\"ird ro'le\"; CREATE TABLE late (x"
	        " integer)");
	run(&s);
	assert_int_equal(s.report.nsteps, 5);
	assert_string_equal(s.report.steps[0].what,
	                    "attributes set: NOINHERIT NOCREATEDB CONNECTION LIMIT 5");
	run(&s);
	assert_int_equal(s.report.nsteps, 0);
	unmake();
}

static void test_query__a_missing_schema_and_a_weak_admin_are_told(void **state)
{
	struct setting s;
	struct err *e;

	(void)state;
	make(&s);
	s.setup.schema = "none";
	e = query_setup_role(s.p.ctx, &s.admin, &s.setup, &s.report);
	assert_int_equal(e->kind, ERR_NOT_FOUND);
	s.setup.schema = SCHEMA;
	e = query_setup_role(s.p.ctx, &s.p.source, &s.setup, &s.report);
	assert_int_equal(e->kind, ERR_QUERY);
	assert_true(str_starts(str_of(e->hint), STR("Nothing was changed.")));
	assert_null(strstr(err_text(e), "w\xc3\xb6rd"));
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__a_second_run_changes_nothing),
        cmocka_unit_test(test_query__a_dry_run_changes_nothing),
        cmocka_unit_test(test_query__the_role_reads_and_nothing_else),
        cmocka_unit_test(test_query__a_role_that_strayed_is_brought_back),
        cmocka_unit_test(test_query__a_missing_schema_and_a_weak_admin_are_told),
};
UNIT_SUITE(tests);
