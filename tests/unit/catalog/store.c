/* A stored dictionary comes back whole, under the lists of the day, and is read from the database once. */
#include "catalog/catalog.h"

#include <pthread.h>
#include <string.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "shop.h"
#include "support/pg.h"
#include "unit.h"

static struct catalog *generate(struct ctx *ctx, const struct project *project,
                                const struct project_source *source)
{
	struct catalog *c = NULL;
	struct err *e = catalog_generate(ctx, project, source, &c);

	if (e)
		fail_msg("%s", err_text(e));
	return c;
}

static struct catalog *load(struct ctx *ctx, const struct project *project,
                            const struct project_source *source)
{
	struct catalog *c = NULL;
	struct err *e = catalog_load(ctx, project, source, NULL, &c);

	if (e)
		fail_msg("%s", err_text(e));
	return c;
}

static void test_catalog__what_was_stored_is_loaded(void **state)
{
	struct project_source source;
	struct project project;
	struct ctx *ctx = shop_ctx(&source);
	struct catalog *made, *read;

	(void)state;
	shop_project(ctx, &project, &source);
	made = generate(ctx, &project, &source);
	read = load(ctx, &project, &source);
	assert_string_equal(shop_json(ctx, made), shop_json(ctx, read));
	assert_int_equal(made->generated_at, read->generated_at);
	assert_int_equal(made->took_ms, read->took_ms);
	assert_int_equal(made->ncolumns, read->ncolumns);
	assert_string_equal(
	        pg_value("SELECT action || ' ' || object FROM audit_log ORDER BY id DESC LIMIT 1"),
	        "dictionary.generate project:1");
}

static void test_catalog__a_dictionary_is_parsed_once_until_it_changes(void **state)
{
	struct project_source source;
	struct project project;
	struct ctx *ctx = shop_ctx(&source);

	(void)state;
	shop_project(ctx, &project, &source);
	generate(ctx, &project, &source);
	struct catalog *first = load(ctx, &project, &source);
	assert_ptr_equal(first, load(ctx, &project, &source));
	pg_exec("CREATE TABLE shop.later (id int); GRANT SELECT ON shop.later TO catalog_reader");
	generate(ctx, &project, &source);
	struct catalog *second = load(ctx, &project, &source);
	assert_non_null(catalog_find(second, "later"));
	/* Whoever still holds the first one is not disturbed. */
	assert_null(catalog_find(first, "later"));
}

static void test_catalog__a_table_excluded_since_is_left_out(void **state)
{
	struct project_source source;
	struct project project;
	struct ctx *ctx = shop_ctx(&source);
	struct catalog *c;

	(void)state;
	shop_project(ctx, &project, &source);
	generate(ctx, &project, &source);
	assert_non_null(strstr(shop_json(ctx, load(ctx, &project, &source)), "salaries"));
	source.excluded = shop_list(ctx, "salaries");
	assert_null(project_source_update(ctx, &source));
	assert_null(project_source_get(ctx, project.id, &source));
	c = load(ctx, &project, &source);
	assert_null(strstr(shop_json(ctx, c), "salaries"));
	assert_null(shop_column(c, "customers", "salary_id")->references);
	source.excluded = shop_list(ctx, "lines");
	source.version++;
	c = load(ctx, &project, &source);
	assert_int_equal(catalog_find(c, "returns")->nconstraints, 0);
}

static void test_catalog__a_missing_dictionary_is_not_found(void **state)
{
	struct project_source source;
	struct project project;
	struct ctx *ctx = shop_ctx(&source);
	struct catalog *c;

	(void)state;
	shop_project(ctx, &project, &source);
	struct err *e = catalog_load(ctx, &project, &source, NULL, &c);
	assert_int_equal(e->kind, ERR_NOT_FOUND);
	assert_non_null(strstr(e->hint, "quern dictionary generate --project shop"));
	generate(ctx, &project, &source);
	source.schema = "elsewhere";
	source.version++;
	e = catalog_load(ctx, &project, &source, NULL, &c);
	assert_int_equal(e->kind, ERR_NOT_FOUND);
	pg_exec("UPDATE dictionaries SET body = '{\"version\": 0}', generated_at = now()");
	e = catalog_load(ctx, &project, &source, NULL, &c);
	assert_int_equal(e->kind, ERR_NOT_FOUND);
}

static void test_catalog__a_failed_generation_keeps_the_old_dictionary(void **state)
{
	struct project_source source;
	struct project project;
	struct ctx *ctx = shop_ctx(&source);
	struct catalog *c;

	(void)state;
	shop_project(ctx, &project, &source);
	generate(ctx, &project, &source);
	pg_exec("REVOKE USAGE ON SCHEMA shop FROM catalog_reader");
	assert_non_null(catalog_generate(ctx, &project, &source, &c));
	assert_non_null(catalog_find(load(ctx, &project, &source), "orders"));
}

struct loader {
	struct ctx ctx;
	const struct project *project;
	const struct project_source *source;
	size_t wrong;
};

static void *load_often(void *arg)
{
	struct loader *l = arg;

	for (int i = 0; i < 200; i++) {
		struct catalog *c;
		struct ctx ctx = l->ctx;
		struct project_source source = *l->source;

		ctx.a = arena_create();
		source.version += i % 3;
		if (catalog_load(&ctx, l->project, &source, NULL, &c) || !catalog_find(c, "orders"))
			l->wrong++;
		arena_free(ctx.a);
	}
	return NULL;
}

static void test_catalog__threads_share_what_is_loaded(void **state)
{
	struct project_source source;
	struct project project;
	struct ctx *ctx = shop_ctx(&source);
	struct loader loaders[4];
	pthread_t threads[4];

	(void)state;
	shop_project(ctx, &project, &source);
	generate(ctx, &project, &source);
	for (int i = 0; i < 4; i++) {
		loaders[i] = (struct loader){*ctx, &project, &source, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, load_often, &loaders[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(loaders[i].wrong, 0);
	}
}

static void test_catalog__text_that_is_no_dictionary_is_invalid(void **state)
{
	static const char *const cases[] = {
	        "", "{", "[]", "null", "{}", "{\"version\":2,\"tables\":[]}", "{\"tables\":[]}"};
	struct arena *a = arena_create();
	struct catalog *c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err *e = catalog_read_json(a, str_of(cases[i]), &c);

		assert_non_null(e);
		assert_int_equal(e->kind, ERR_INVALID);
	}
	/* Parts of the wrong type are as if they were absent. */
	assert_null(
	        catalog_read_json(a,
	                          STR("{\"version\":1,\"schema\":7,\"tables\":[5,{\"name\":1,\"columns\":{}},"
	                              "{\"columns\":[null,{\"samples\":[null,[1]]}],\"constraints\":[1]}]}"),
	                          &c));
	assert_int_equal(c->ntables, 3);
	arena_free(a);
}

static const struct CMUnitTest catalog_store_tests[] = {
        cmocka_unit_test(test_catalog__what_was_stored_is_loaded),
        cmocka_unit_test(test_catalog__a_dictionary_is_parsed_once_until_it_changes),
        cmocka_unit_test(test_catalog__a_table_excluded_since_is_left_out),
        cmocka_unit_test(test_catalog__a_missing_dictionary_is_not_found),
        cmocka_unit_test(test_catalog__a_failed_generation_keeps_the_old_dictionary),
        cmocka_unit_test(test_catalog__threads_share_what_is_loaded),
        cmocka_unit_test(test_catalog__text_that_is_no_dictionary_is_invalid),
};
UNIT_SUITE(catalog_store_tests);
