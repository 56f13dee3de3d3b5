#include "query/place.h"

#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "support/pg.h"
#include "unit.h"

static const char shop[] =
        "CREATE SCHEMA shop;"
        "CREATE TYPE shop.state AS ENUM ('new', 'paid');"
        "CREATE TABLE shop.orders (id integer PRIMARY KEY, total numeric(10,2) NOT NULL, state shop.state,"
        " note text);"
        "INSERT INTO shop.orders SELECT n, n * 1.5, CASE WHEN n % 2 = 0 THEN 'paid'"
        " ELSE 'new' END::shop.state, NULL FROM generate_series(1, 1000) AS n;"
        "CREATE TABLE shop.kinds (i integer, b bigint, n numeric, f double precision, t text, d date, z"
        " timestamptz, y boolean, j jsonb, x bytea, s shop.state, l text[], u uuid, w interval);"
        "INSERT INTO shop.kinds VALUES (7, 9007199254740993, 12.50, 0.1, 'a', '2025-12-31', '2025-12-31"
        " 23:00+01', true, '{\"a\": 1}',"
        " '\\x00ff', 'paid', '{a,b}', '00000000-0000-0000-0000-000000000001', '1 day');"
        "CREATE TABLE shop.salaries (amount integer);"
        "GRANT USAGE ON SCHEMA shop TO reader; GRANT SELECT ON shop.orders, shop.kinds TO reader;"
        "INSERT INTO projects (slug, name) VALUES ('shop', 'Shop')";

static const char *order_columns[] = {"id", "total", "state", "note", "gone"};
static const char *kind_columns[] = {"i", "b", "n", "f", "t", "d", "z", "y", "j", "x", "s", "l", "u", "w"};
static const char *salary_columns[] = {"amount"};
static const struct query_table tables[] = {
        {.name = "orders", .columns = order_columns, .ncolumns = 5},
        {.name = "kinds", .columns = kind_columns, .ncolumns = 14},
        {.name = "salaries", .columns = salary_columns, .ncolumns = 1},
        {.name = "vanished", .columns = salary_columns, .ncolumns = 1},
};
static const char *excluded[] = {"salaries"};

/* Once a cluster: reader has to give a password, everybody else is trusted. */
static void prepare_cluster(struct ctx *ctx)
{
	static bool done;

	if (done)
		return;
	done = true;
	pg_exec("CREATE ROLE reader LOGIN NOINHERIT PASSWORD 'secret'");
	pg_exec(arena_printf(
	        ctx->a, "COPY (VALUES ('local all reader scram-sha-256'), ('local all all trust')) TO '%s'",
	        pg_value("SHOW hba_file")));
	pg_stop();
	pg_start();
}

struct place place_make(void)
{
	static int64_t ids;
	struct place p = {.ctx = pg_ctx()};

	prepare_cluster(p.ctx);
	p.ctx = pg_ctx();
	pg_exec(shop);
	assert_null(project_source_parse(p.ctx->a, pg_url(), &p.source));
	p.source.id = ++ids;
	p.source.project_id = 1;
	p.source.version = 1;
	p.source.username = "reader";
	p.source.password = "secret";
	p.source.schema = "shop";
	p.source.excluded = (struct db_texts){excluded, 1};
	p.policy = (struct policy){.schema = "shop",
	                           .excluded = {excluded, 1},
	                           .max_rows = 500,
	                           .timeout_ms = 20000,
	                           .max_bytes = POLICY_MAX_BYTES,
	                           .max_cell_bytes = POLICY_MAX_CELL_BYTES,
	                           .tells_hidden = true};
	return p;
}

/* The place is passed around by value, so the scope's pointers are set when it is used. */
void place_aim(struct place *p)
{
	p->scope.source = &p->source;
	p->scope.policy = &p->policy;
	if (p->scope.tables)
		return;
	p->scope.tables = tables;
	p->scope.ntables = sizeof(tables) / sizeof(*tables);
}

struct query_result *place_run(struct place *p, const char *sql)
{
	struct query_result *r;
	struct err *e;

	place_aim(p);
	e = query_run(p->ctx, &p->scope, sql, &r);
	if (e)
		fail_msg("%s: %s", sql, err_text(e));
	return r;
}

struct err *place_fail(struct place *p, const char *sql)
{
	struct query_result *r;
	struct err *e;

	place_aim(p);
	e = query_run(p->ctx, &p->scope, sql, &r);
	if (!e)
		fail_msg("%s: did not fail", sql);
	return e;
}

void place_await(const char *sql, const char *value)
{
	for (int i = 0; i < 600; i++) {
		if (!strcmp(pg_value(sql), value))
			return;
		usleep(50000);
	}
	fail_msg("%s: not %s", sql, value);
}
