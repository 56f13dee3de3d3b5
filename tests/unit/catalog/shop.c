#include "shop.h"

#include <string.h>
#include <unistd.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"
#include "support/pg.h"
#include "unit.h"

static const char schema_sql[] =
        "DO $$ BEGIN CREATE ROLE catalog_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        "CREATE SCHEMA shop; SET search_path = shop;"
        "CREATE TYPE status AS ENUM ('new', 'paid', 'sent');"
        "CREATE DOMAIN amount AS numeric(10,2) NOT NULL CHECK (value >= 0);"
        "CREATE TABLE salaries (id int PRIMARY KEY, cents bigint);"
        "CREATE TABLE customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, email"
        " text UNIQUE,"
        " city text, salary_id int REFERENCES salaries, joined date, notes text, extra jsonb, photo bytea,"
        " tags text[], doc xml, secret_code text DEFAULT 'x');"
        "COMMENT ON TABLE customers IS E'People who buy.\\nSee salaries and salaries_id too.';"
        "COMMENT ON COLUMN customers.city IS 'where they live';"
        "CREATE TABLE orders (id bigserial PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, state"
        " status NOT NULL"
        " DEFAULT 'new', history status[], total amount, gross numeric GENERATED ALWAYS AS (total * 1.2)"
        " STORED, pay_no int DEFAULT nextval('shop.orders_id_seq'));"
        "CREATE INDEX orders_late ON orders (state) WHERE total > 5;"
        "CREATE TABLE lines (order_id bigint REFERENCES orders, no int, \"Unit Price\" numeric, item text,"
        " PRIMARY KEY (order_id, no), UNIQUE (order_id, item));"
        "CREATE TABLE returns (id int PRIMARY KEY, order_id bigint, no int, FOREIGN KEY (order_id, no)"
        " REFERENCES lines);"
        "CREATE TABLE events (at date NOT NULL, kind text) PARTITION BY RANGE (at);"
        "CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');"
        "CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');"
        "CREATE VIEW paid AS SELECT o.id, c.city FROM orders o JOIN customers c ON c.id = o.customer_id;"
        "COMMENT ON VIEW paid IS 'what was paid';"
        "CREATE VIEW costs AS SELECT cents FROM salaries;"
        "CREATE MATERIALIZED VIEW cities AS SELECT city, count(*) AS n FROM customers GROUP BY city;"
        "CREATE TABLE \"Order \"\"x\"\"; DROP\" (\"select\" int, \"a b\" text);"
        "CREATE TABLE forbidden (id int PRIMARY KEY);"
        "CREATE TABLE partly (id int PRIMARY KEY, seen text, hidden text, forbidden_id int REFERENCES"
        " forbidden);"
        "CREATE INDEX partly_hidden ON partly (hidden); CREATE INDEX partly_low ON partly (lower(hidden));"
        "INSERT INTO customers (name, email, city, joined, notes)"
        " SELECT 'Ann ' || i, 'a' || i || '@example.org',"
        " (ARRAY['Berlin', 'Paris'])[i % 2 + 1], DATE '2024-01-01' + i, repeat('long ', 30)"
        " FROM generate_series(1, 40) i;"
        "INSERT INTO orders (customer_id, total) SELECT i, i FROM generate_series(1, 30) i;"
        "INSERT INTO events SELECT DATE '2024-12-01' + i, 'k' || i % 3 FROM generate_series(1, 60) i;"
        "INSERT INTO \"Order \"\"x\"\"; DROP\" VALUES (1, 'it''s');"
        "REFRESH MATERIALIZED VIEW cities;"
        "GRANT USAGE ON SCHEMA shop TO catalog_reader; GRANT SELECT"
        " ON ALL TABLES IN SCHEMA shop TO catalog_reader;"
        "REVOKE SELECT ON forbidden, partly FROM catalog_reader; GRANT SELECT (id, seen, forbidden_id)"
        " ON partly TO catalog_reader;"
        "ANALYZE customers; ANALYZE events; ANALYZE lines";

void shop_source(struct ctx *ctx, struct project_source *source, const char *schema, const char *username)
{
	*source = (struct project_source){.schema = schema};
	assert_null(project_source_parse(ctx->a, pg_url(), source));
	source->username = username;
}

struct ctx *shop_ctx(struct project_source *source)
{
	struct ctx *ctx = pg_ctx();

	pg_exec(schema_sql);
	/* The server counts the rows of a session a moment after it ended. */
	for (int i = 0;
	     i < 1000 && strcmp(pg_value("SELECT pg_stat_get_live_tuples('shop.orders'::regclass)"), "30");
	     i++)
		usleep(10000);
	shop_source(ctx, source, "shop", "catalog_reader");
	return ctx;
}

struct db_texts shop_list(struct ctx *ctx, const char *name)
{
	struct db_texts list = {ARENA_ARRAY(ctx->a, const char *, 1), 1};

	list.p[0] = name;
	return list;
}

void shop_project(struct ctx *ctx, struct project *project, struct project_source *source)
{
	struct err *e;

	*project = project_new();
	project->slug = "shop";
	project->name = "Shop";
	project->timeout_ms = 5000;
	e = project_create(ctx, project, source);
	if (e)
		fail_msg("%s", err_text(e));
}

const struct catalog_column *shop_column(const struct catalog *c, const char *table, const char *column)
{
	const struct catalog_table *t = catalog_find(c, table);

	for (size_t i = 0; t && i < t->ncolumns; i++)
		if (!strcmp(t->columns[i].name, column))
			return &t->columns[i];
	return NULL;
}

const char *shop_json(struct ctx *ctx, const struct catalog *c)
{
	struct buf b = buf_init(ctx->a, BUF_PAGE);

	catalog_put_json(&b, c);
	return buf_cstr(&b);
}
