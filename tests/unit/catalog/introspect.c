/* A dictionary holds what the role may read and the lists permit, and nothing that tells of more. */
#include "catalog/catalog.h"

#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "shop.h"
#include "support/pg.h"
#include "unit.h"

static struct catalog *introspect(struct ctx *ctx, const struct project_source *source)
{
	struct catalog *c = NULL;
	struct err *e = catalog_introspect(ctx, source, &c);

	if (e)
		fail_msg("%s", err_text(e));
	return c;
}

static void test_catalog__tables_of_every_kind_are_read(void **state)
{
	static const struct {
		const char *name;
		const char *kind;
		int64_t rows;
	} cases[] = {
	        {"Order \"x\"; DROP", "table", 1},
	        {"cities", "materialized view", 2},
	        {"costs", "view", -1},
	        {"customers", "table", 40},
	        {"events", "partitioned table", 60},
	        {"lines", "table", 0},
	        {"orders", "table", 30},
	        {"paid", "view", -1},
	        {"partly", "table", -1},
	        {"returns", "table", -1},
	        {"salaries", "table", -1},
	};
	struct project_source source;
	struct ctx *ctx = shop_ctx(&source);
	struct catalog *c = introspect(ctx, &source);

	(void)state;
	assert_int_equal(c->ntables, sizeof(cases) / sizeof(*cases));
	for (size_t i = 0; i < c->ntables; i++) {
		assert_string_equal(c->tables[i].name, cases[i].name);
		assert_string_equal(c->tables[i].kind, cases[i].kind);
		if (c->tables[i].rows != cases[i].rows)
			fail_msg("%s: %lld rows", cases[i].name, (long long)c->tables[i].rows);
	}
	assert_string_equal(c->schema, "shop");
	assert_string_equal(catalog_find(c, "paid")->comment, "what was paid");
	assert_string_equal(c->tables[0].ident, "\"Order \"\"x\"\"; DROP\"");
	assert_string_equal(c->tables[0].columns[0].ident, "\"select\"");
}

static void test_catalog__columns_are_described(void **state)
{
	struct project_source source;
	struct ctx *ctx = shop_ctx(&source);
	struct catalog *c = introspect(ctx, &source);
	const struct catalog_column *k;

	(void)state;
	k = shop_column(c, "customers", "id");
	assert_true(k->primary && k->not_null);
	assert_string_equal(k->type, "integer");
	assert_string_equal(k->dflt, "GENERATED ALWAYS AS IDENTITY");
	assert_true(shop_column(c, "customers", "email")->unique);
	assert_string_equal(shop_column(c, "customers", "city")->comment, "where they live");
	k = shop_column(c, "orders", "state");
	assert_string_equal(k->type, "shop.status");
	assert_int_equal(k->nenum_values, 3);
	assert_string_equal(k->enum_values[0], "new");
	assert_string_equal(k->enum_values[2], "sent");
	assert_int_equal(shop_column(c, "orders", "history")->nenum_values, 3);
	assert_string_equal(k->dflt, "'new'::shop.status");
	assert_string_equal(shop_column(c, "orders", "customer_id")->references, "customers.id");
	k = shop_column(c, "orders", "total");
	assert_string_equal(k->type, "shop.amount");
	assert_true(k->not_null);
	assert_non_null(strstr(shop_column(c, "orders", "gross")->dflt, "GENERATED ALWAYS AS (("));
	assert_null(shop_column(c, "paid", "id")->references);
}

static void test_catalog__keys_of_several_columns_and_indexes_are_read(void **state)
{
	struct project_source source;
	struct ctx *ctx = shop_ctx(&source);
	struct catalog *c = introspect(ctx, &source);
	const struct catalog_table *t = catalog_find(c, "lines");

	(void)state;
	assert_int_equal(t->nprimary_key, 2);
	assert_string_equal(t->primary_key[0], "order_id");
	assert_string_equal(t->primary_key[1], "no");
	assert_int_equal(t->nconstraints, 1);
	assert_string_equal(t->constraints[0], "UNIQUE (order_id, item)");
	t = catalog_find(c, "returns");
	assert_int_equal(t->nconstraints, 1);
	assert_string_equal(t->constraints[0],
	                    "FOREIGN KEY (order_id, no) REFERENCES shop.lines(order_id, no)");
	assert_string_equal(t->constraint_tables[0], "lines");
	t = catalog_find(c, "orders");
	assert_int_equal(t->nindexes, 1);
	assert_non_null(strstr(t->indexes[0], "orders_late"));
}

static void test_catalog__samples_are_few_and_short(void **state)
{
	struct project_source source;
	struct ctx *ctx = shop_ctx(&source);
	struct catalog *c = introspect(ctx, &source);
	const struct catalog_column *k = shop_column(c, "customers", "city");

	(void)state;
	assert_int_equal(k->nsamples, 2);
	assert_true(!strcmp(k->samples[0], "Berlin") || !strcmp(k->samples[0], "Paris"));
	assert_int_equal(shop_column(c, "customers", "joined")->nsamples, 5);
	assert_string_equal(shop_column(c, "customers", "joined")->low, "2024-01-02");
	assert_string_equal(shop_column(c, "customers", "joined")->high, "2024-02-10");
	assert_string_equal(shop_column(c, "events", "at")->high, "2025-01-30");
	assert_null(shop_column(c, "customers", "city")->low);
	/* Never analysed, so these are read from the table, the view and the parent of partitions. */
	assert_int_equal(shop_column(c, "orders", "total")->nsamples, 5);
	assert_int_equal(shop_column(c, "paid", "city")->nsamples, 2);
	assert_int_equal(shop_column(c, "events", "kind")->nsamples, 3);
	assert_string_equal(shop_column(c, "Order \"x\"; DROP", "a b")->samples[0], "it's");
}

static void test_catalog__what_is_sensitive_or_long_has_no_samples(void **state)
{
	static const char *const none[][2] = {
	        {"customers", "email"},       {"customers", "name"},  {"customers", "notes"},
	        {"customers", "extra"},       {"customers", "photo"}, {"customers", "doc"},
	        {"customers", "secret_code"}, {"customers", "tags"},  {"customers", "id"},
	        {"orders", "customer_id"},
	};
	struct project_source source;
	struct ctx *ctx = shop_ctx(&source);
	struct catalog *c = introspect(ctx, &source);

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		if (shop_column(c, none[i][0], none[i][1])->nsamples)
			fail_msg("%s.%s has samples", none[i][0], none[i][1]);
	assert_null(strstr(shop_json(ctx, c), "example.org"));
	assert_null(strstr(shop_json(ctx, c), "long long"));
}

static void test_catalog__columns_that_the_role_cannot_read_are_left_out(void **state)
{
	struct project_source source;
	struct ctx *ctx = shop_ctx(&source);
	struct catalog *c = introspect(ctx, &source);
	const struct catalog_table *t = catalog_find(c, "partly");

	(void)state;
	assert_int_equal(t->ncolumns, 3);
	assert_null(shop_column(c, "partly", "hidden"));
	assert_int_equal(t->nindexes, 0);
	assert_null(shop_column(c, "partly", "forbidden_id")->references);
	assert_null(catalog_find(c, "forbidden"));
	assert_null(strstr(shop_json(ctx, c), "hidden"));
}

static void test_catalog__an_excluded_table_is_named_nowhere(void **state)
{
	struct project_source source;
	struct ctx *ctx = shop_ctx(&source);
	struct buf text = buf_init(ctx->a, BUF_PAGE);

	(void)state;
	pg_exec("ALTER TABLE shop.orders ADD x int DEFAULT nextval(pg_get_serial_sequence('shop.orders',"
	        " 'id'));"
	        "CREATE SEQUENCE shop.salaries_id_seq OWNED BY shop.salaries.id; GRANT SELECT"
	        " ON shop.salaries_id_seq TO catalog_reader;"
	        "ALTER TABLE shop.orders ADD y int DEFAULT nextval('shop.salaries_id_seq')");
	source.excluded = shop_list(ctx, "SALARIES");
	struct catalog *c = introspect(ctx, &source);
	assert_null(catalog_find(c, "salaries"));
	assert_null(shop_column(c, "customers", "salary_id")->references);
	assert_null(shop_column(c, "orders", "y")->dflt);
	assert_non_null(catalog_find(c, "customers")->comment);
	assert_null(strstr(shop_json(ctx, c), "salaries"));
	catalog_prompt(c, 64000, &text);
	assert_null(strstr(buf_cstr(&text), "salaries"));
}

static void test_catalog__only_allowed_tables_are_read(void **state)
{
	struct project_source source;
	struct ctx *ctx = shop_ctx(&source);

	(void)state;
	source.allowed = shop_list(ctx, "orders");
	struct catalog *c = introspect(ctx, &source);
	assert_int_equal(c->ntables, 1);
	assert_string_equal(c->tables[0].name, "orders");
	assert_null(shop_column(c, "orders", "customer_id")->references);
	assert_null(strstr(shop_json(ctx, c), "customers"));
}

static void test_catalog__nothing_to_read_is_said_clearly(void **state)
{
	static const struct {
		const char *schema, *user, *allowed, *code, *message, *hint;
	} cases[] = {
	        {"nowhere", "catalog_reader", NULL, "schema", "schema \"nowhere\" of database",
	         "Correct the schema"},
	        {"locked", "catalog_reader", NULL, "schema", "may not be used", "Correct the schema"},
	        {"empty", "postgres", NULL, "no_tables", "has no tables to show", "Correct the schema"},
	        {"unreadable", "catalog_reader", NULL, "no_tables", "has no tables to show",
	         "right to read them"},
	        {"shop", "catalog_reader", "nothing", "no_tables", "has no tables to show",
	         "lists of allowed"},
	};
	struct project_source source;
	struct ctx *ctx = shop_ctx(&source);

	(void)state;
	pg_exec("CREATE SCHEMA locked; CREATE SCHEMA empty; CREATE SCHEMA unreadable; GRANT USAGE"
	        " ON SCHEMA unreadable TO catalog_reader;"
	        "CREATE TABLE unreadable.t (id int)");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct catalog *c;

		shop_source(ctx, &source, cases[i].schema, cases[i].user);
		if (cases[i].allowed)
			source.allowed = shop_list(ctx, cases[i].allowed);
		struct err *e = catalog_introspect(ctx, &source, &c);
		assert_non_null(e);
		assert_int_equal(e->kind, ERR_INVALID);
		assert_string_equal(e->code, cases[i].code);
		assert_non_null(strstr(e->message, cases[i].message));
		assert_non_null(strstr(e->hint, cases[i].hint));
	}
}

static void test_catalog__a_thousand_tables_are_read_and_stored(void **state)
{
	struct project_source source;
	struct ctx *ctx = pg_ctx();
	struct project project;
	struct catalog *c;
	struct buf text = buf_init(ctx->a, BUF_PAGE);

	(void)state;
	pg_exec("CREATE SCHEMA big");
	pg_exec("DO $$ BEGIN FOR i IN 1..1000 LOOP"
	        " EXECUTE format('CREATE TABLE big.t%s (id int PRIMARY KEY, %s)', i, (SELECT"
	        " string_agg(format('c%s %s', k,"
	        "  (ARRAY['text', 'int', 'numeric', 'date'])[k % 4 + 1]), ', ')"
	        " FROM generate_series(1, 19) k));"
	        " EXECUTE format('INSERT INTO big.t%s (id, c1, c4) SELECT k, k, ''v'' || k"
	        " FROM generate_series(1, 3) k', i); IF i % 100 = 0 THEN COMMIT; END IF; END LOOP; END $$");
	shop_source(ctx, &source, "big", "postgres");
	shop_project(ctx, &project, &source);
	struct err *e = catalog_generate(ctx, &project, &source, &c);
	if (e)
		fail_msg("%s", err_text(e));
	printf("# 1,000 tables with 20,000 columns read in %lld ms\n", (long long)c->took_ms);
	assert_int_equal(c->ntables, 1000);
	assert_int_equal(c->ncolumns, 20000);
	assert_string_equal(pg_value("SELECT columns FROM dictionaries"), "20000");
	catalog_prompt(c, 64000, &text);
	assert_non_null(strstr(buf_cstr(&text), "describe_table"));
	assert_non_null(strstr(buf_cstr(&text), "\n- t1000 (table, about 3 rows)\n"));
}

static const struct CMUnitTest catalog_introspect_tests[] = {
        cmocka_unit_test(test_catalog__tables_of_every_kind_are_read),
        cmocka_unit_test(test_catalog__columns_are_described),
        cmocka_unit_test(test_catalog__keys_of_several_columns_and_indexes_are_read),
        cmocka_unit_test(test_catalog__samples_are_few_and_short),
        cmocka_unit_test(test_catalog__what_is_sensitive_or_long_has_no_samples),
        cmocka_unit_test(test_catalog__columns_that_the_role_cannot_read_are_left_out),
        cmocka_unit_test(test_catalog__an_excluded_table_is_named_nowhere),
        cmocka_unit_test(test_catalog__only_allowed_tables_are_read),
        cmocka_unit_test(test_catalog__nothing_to_read_is_said_clearly),
        cmocka_unit_test(test_catalog__a_thousand_tables_are_read_and_stored),
};
UNIT_SUITE(catalog_introspect_tests);
