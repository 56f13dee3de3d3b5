/* What the model reads, how tables are found, and what the guard gets. */
#include "catalog/catalog.h"

#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "unit.h"

static const char *states[] = {"new", "paid 'n' sent"};
static const char *cities[] = {"Berlin", "Par\nis"};
static const char *keys[] = {"UNIQUE (state, city)"};
static const char *key_tables[] = {NULL};
static const char *indexes[] = {"CREATE INDEX orders_city ON orders USING btree (city)"};
static const char *both[] = {"id", "state"};
static struct catalog_column columns[] = {
        {.name = "id",
         .ident = "id",
         .type = "bigint",
         .dflt = "GENERATED ALWAYS AS IDENTITY",
         .primary = true,
         .not_null = true},
        {.name = "Unit Price",
         .ident = "\"Unit Price\"",
         .type = "numeric(10,2)",
         .dflt = "0",
         .not_null = true},
        {.name = "customer_id", .ident = "customer_id", .type = "integer", .references = "customers.id"},
        {.name = "state",
         .ident = "state",
         .type = "status",
         .unique = true,
         .enum_values = states,
         .nenum_values = 2},
        {.name = "city",
         .ident = "city",
         .type = "text",
         .comment = "where\n\n## it goes",
         .samples = cities,
         .nsamples = 2},
};
static struct catalog_table tables[] = {
        {.name = "Orders", .ident = "\"Orders\"", .kind = "view", .rows = -1},
        {.name = "orders",
         .ident = "orders",
         .kind = "table",
         .comment = "what was\nbought",
         .rows = 1200,
         .columns = columns,
         .ncolumns = 5,
         .primary_key = both,
         .nprimary_key = 2,
         .constraints = keys,
         .constraint_tables = key_tables,
         .nconstraints = 1,
         .indexes = indexes,
         .nindexes = 1},
        {.name = "with space", .ident = "\"with space\"", .kind = "table", .rows = 1},
};
static const struct catalog catalog = {.schema = "shop", .tables = tables, .ntables = 3, .ncolumns = 5};

static void test_catalog__few_tables_are_in_the_prompt_in_full(void **state)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, BUF_PAGE);

	(void)state;
	catalog_prompt(&catalog, 64000, &b);
	assert_string_equal(buf_cstr(&b), "Schema shop has 3 tables with 5 columns.\n"
	                                  "\n\"Orders\" (view)\n"
	                                  "\norders (table, about 1200 rows): what was bought\n"
	                                  "  id bigint, in the primary key\n"
	                                  "  \"Unit Price\" numeric(10,2), not null\n"
	                                  "  customer_id integer, references customers.id\n"
	                                  "  state status, unique, one of 'new', 'paid ''n'' sent'\n"
	                                  "  city text, for example 'Berlin', 'Par is' -- where ## it goes\n"
	                                  "  key: PRIMARY KEY (id, state)\n"
	                                  "  key: UNIQUE (state, city)\n"
	                                  "\n\"with space\" (table, about 1 row)\n");
	arena_free(a);
}

static void test_catalog__a_described_table_has_defaults_and_indexes(void **state)
{
	struct arena *a = arena_create();
	struct buf b = buf_init(a, BUF_PAGE);

	(void)state;
	catalog_describe(&tables[1], &b);
	assert_non_null(
	        strstr(buf_cstr(&b), "  id bigint, in the primary key, GENERATED ALWAYS AS IDENTITY\n"));
	assert_non_null(strstr(buf_cstr(&b), "  \"Unit Price\" numeric(10,2), not null, default 0\n"));
	assert_non_null(
	        strstr(buf_cstr(&b), "  index: CREATE INDEX orders_city ON orders USING btree (city)\n"));
	arena_free(a);
}

static struct catalog many(struct arena *a, size_t n)
{
	struct catalog c = {.schema = "big", .ntables = n, .ncolumns = 9};

	c.tables = ARENA_ARRAY(a, struct catalog_table, n);
	for (size_t i = 0; i < n; i++) {
		c.tables[i] = tables[1];
		c.tables[i].ident = arena_printf(a, "t%04zu", i);
	}
	return c;
}

static void test_catalog__as_much_is_told_as_fits(void **state)
{
	struct arena *a = arena_create();
	struct catalog c = many(a, 100);
	struct buf b = buf_init(a, BUF_PAGE);

	(void)state;
	catalog_prompt(&c, 24000, &b);
	assert_non_null(strstr(buf_cstr(&b), "describe_table has them"));
	assert_non_null(strstr(buf_cstr(&b), "\nt0099 (table, about 1200 rows): what was bought\n"
	                                     "  id bigint primary key, \"Unit Price\" numeric(10,2), customer_id"
	                                     " integer -> customers.id, state status, city text\n"));
	assert_null(strstr(buf_cstr(&b), "where ##"));
	assert_true(b.n < 24200);
	c = many(a, 2000);
	b = buf_init(a, BUF_PAGE);
	catalog_prompt(&c, 64000, &b);
	assert_non_null(strstr(buf_cstr(&b), "call search_schema"));
	assert_non_null(strstr(buf_cstr(&b), "\n- t0000 (table, about 1200 rows): what was bought\n"));
	assert_non_null(strstr(buf_cstr(&b), " more; search_schema finds them\n"));
	assert_null(strstr(buf_cstr(&b), "customer_id"));
	assert_true(b.n < 64500);
	arena_free(a);
}

static void test_catalog__a_table_is_found_by_what_it_is_called(void **state)
{
	static const struct {
		const char *asked;
		int found;
	} cases[] = {
	        {"orders", 1},          {"Orders", 0},
	        {"ORDERS", 0},          {"shop.orders", 1},
	        {"SHOP.orders", 1},     {"\"Orders\"", 0},
	        {"\"orders\"", 0},      {"\"shop\".\"with space\"", 2},
	        {"with space", 2},      {"\"with space\"", 2},
	        {"shop.WITH SPACE", 2}, {"other.orders", -1},
	        {"order", -1},          {"", -1},
	        {"shop.", -1},          {"\"", -1},
	        {"\"shop", -1},         {"\"shop\"", -1},
	        {"\"shop\".", -1},      {"shop.\"\"", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct catalog_table *t = catalog_find(&catalog, cases[i].asked);

		if (t != (cases[i].found < 0 ? NULL : &tables[cases[i].found]))
			fail_msg("%s gives %s", cases[i].asked, t ? t->name : "nothing");
	}
	assert_null(catalog_find(&(struct catalog){.schema = "s"}, "orders"));
}

static void test_catalog__the_guard_gets_tables_and_columns(void **state)
{
	struct arena *a = arena_create();
	struct query_scope scope = {.turn_id = 7};

	(void)state;
	catalog_scope(a, &catalog, &scope);
	assert_int_equal(scope.ntables, 3);
	assert_string_equal(scope.tables[1].name, "orders");
	assert_int_equal(scope.tables[1].ncolumns, 5);
	assert_string_equal(scope.tables[1].columns[1], "Unit Price");
	assert_int_equal(scope.turn_id, 7);
	arena_free(a);
}

static const struct CMUnitTest catalog_text_tests[] = {
        cmocka_unit_test(test_catalog__few_tables_are_in_the_prompt_in_full),
        cmocka_unit_test(test_catalog__a_described_table_has_defaults_and_indexes),
        cmocka_unit_test(test_catalog__as_much_is_told_as_fits),
        cmocka_unit_test(test_catalog__a_table_is_found_by_what_it_is_called),
        cmocka_unit_test(test_catalog__the_guard_gets_tables_and_columns),
};
UNIT_SUITE(catalog_text_tests);
