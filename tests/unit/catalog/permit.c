/* The dictionary as rules let it be seen: nothing in it tells of hidden tables, hidden rows or masked values. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "policy/policy.h"
#include "shop.h"
#include "support/pg.h"
#include "unit.h"

struct seen {
	struct ctx *ctx;
	struct project project;
	struct project_source source;
};

static struct seen make(void)
{
	struct seen s;
	struct catalog *c;

	s.ctx = shop_ctx(&s.source);
	shop_project(s.ctx, &s.project, &s.source);
	assert_ok(catalog_generate(s.ctx, &s.project, &s.source, &c));
	return s;
}

static void add_rule(const char *role, const char *table, const char *kind, const char *column, const char *value)
{
	char sql[500];

	snprintf(sql, sizeof(sql),
	         "INSERT INTO policy_rules (project_id, role, table_name, kind, column_name, value)"
	         " SELECT id, '%s', '%s', '%s', '%s', '%s' FROM projects",
	         role, table, kind, column, value);
	pg_exec(sql);
}

static const struct catalog *as(struct seen *s, enum project_role role)
{
	struct policy *p;
	struct catalog *c;

	assert_ok(policy_for(s->ctx, &s->project, &s->source, role, &p));
	assert_ok(catalog_load(s->ctx, &s->project, &s->source, p, &c));
	return c;
}

/* All that is said of it, as stored and as the model reads it. */
static const char *said(struct seen *s, const struct catalog *c)
{
	struct buf b = buf_init(s->ctx->a, BUF_PAGE);

	buf_add_cstr(&b, shop_json(s->ctx, c));
	catalog_prompt(c, 64000, &b);
	for (size_t i = 0; i < c->ntables; i++)
		catalog_describe(&c->tables[i], &b);
	return buf_cstr(&b);
}

static void test_catalog__a_hidden_table_is_nowhere(void **state)
{
	struct seen s = make();
	const struct catalog *c;

	(void)state;
	add_rule("analyst", "customers", "hide", "", "");
	add_rule("analyst", "lines", "hide", "", "");
	c = as(&s, PROJECT_ANALYST);
	assert_null(catalog_find(c, "customers"));
	assert_null(strstr(said(&s, c), "customers"));
	assert_null(strstr(said(&s, c), "lines"));
	assert_null(shop_column(c, "orders", "customer_id")->references);
	assert_int_equal(catalog_find(c, "returns")->nconstraints, 0);
	assert_int_equal(c->nhidden, 2);
	c = as(&s, PROJECT_VIEWER);
	assert_non_null(catalog_find(c, "customers"));
	assert_int_equal(c->nhidden, 0);
	s.project.tells_hidden = false;
	assert_int_equal(as(&s, PROJECT_ANALYST)->nhidden, 0);
}

static void test_catalog__a_masked_column_has_no_values(void **state)
{
	struct seen s = make();
	const struct catalog_column *city, *all;
	const struct catalog *c;

	(void)state;
	add_rule("analyst", "customers", "mask", "city", "full");
	add_rule("analyst", "customers", "mask", "joined", "year");
	add_rule("analyst", "orders", "mask", "state", "hash");
	c = as(&s, PROJECT_ANALYST);
	city = shop_column(c, "customers", "city");
	assert_int_equal(city->nsamples, 0);
	assert_null(shop_column(c, "customers", "joined")->low);
	assert_null(shop_column(c, "customers", "joined")->high);
	assert_string_equal(city->mask, "full");
	assert_int_equal(shop_column(c, "orders", "state")->nenum_values, 0);
	assert_null(shop_column(c, "orders", "state")->dflt);
	assert_null(strstr(said(&s, c), "orders_late"));
	assert_non_null(strstr(said(&s, c), "values masked for this person"));
	assert_true(catalog_find(c, "customers")->rows > 0);
	assert_string_equal(shop_column(as(&s, PROJECT_ADMIN), "customers", "joined")->low, "2024-01-02");
	all = shop_column(as(&s, PROJECT_ADMIN), "customers", "city");
	assert_true(all->nsamples > 0);
	assert_null(all->mask);
}

static void test_catalog__a_table_with_a_filter_has_no_size_and_no_samples(void **state)
{
	struct seen s = make();
	const struct catalog_table *t;

	(void)state;
	add_rule("viewer", "customers", "filter", "", "city = ANY({user.groups})");
	t = catalog_find(as(&s, PROJECT_VIEWER), "customers");
	assert_int_equal(t->rows, -1);
	assert_true(t->filtered);
	for (size_t i = 0; i < t->ncolumns; i++)
		assert_true(!t->columns[i].nsamples && !t->columns[i].low && !t->columns[i].high);
	assert_null(strstr(said(&s, as(&s, PROJECT_VIEWER)), "40 rows"));
	assert_non_null(strstr(said(&s, as(&s, PROJECT_VIEWER)), "sees only some rows"));
	assert_int_equal(catalog_find(as(&s, PROJECT_ANALYST), "customers")->rows, 40);
}

static void test_catalog__what_may_not_be_told_is_kept_back_silently(void **state)
{
	struct seen s = make();
	const struct catalog *c;

	(void)state;
	add_rule("viewer", "customers", "filter", "", "city = ANY({user.groups})");
	add_rule("viewer", "customers", "mask", "name", "null");
	s.project.tells_hidden = false;
	c = as(&s, PROJECT_VIEWER);
	assert_int_equal(catalog_find(c, "customers")->rows, -1);
	assert_false(catalog_find(c, "customers")->filtered);
	assert_int_equal(shop_column(c, "customers", "name")->nsamples, 0);
	assert_null(shop_column(c, "customers", "name")->mask);
	assert_null(strstr(said(&s, c), "masked"));
	assert_null(strstr(said(&s, c), "sees only some rows"));
}

/* As in a statement: a rule in other letters keeps the table from being asked, and its samples from being read. */
static void test_catalog__rules_count_in_any_case_of_letters(void **state)
{
	struct seen s = make();
	const struct catalog *c;

	(void)state;
	add_rule("analyst", "customers", "mask", "City", "full");
	add_rule("viewer", "CUSTOMERS", "mask", "city", "full");
	add_rule("viewer", "Customers", "filter", "", "id > 5");
	assert_int_equal(shop_column(as(&s, PROJECT_ANALYST), "customers", "city")->nsamples, 0);
	c = as(&s, PROJECT_VIEWER);
	assert_string_equal(shop_column(c, "customers", "city")->mask, "full");
	assert_int_equal(shop_column(c, "customers", "joined")->nsamples, 0);
	assert_int_equal(catalog_find(c, "customers")->rows, -1);
}

static void test_catalog__a_changed_rule_counts_at_once(void **state)
{
	struct seen s = make();

	(void)state;
	assert_non_null(catalog_find(as(&s, PROJECT_VIEWER), "orders"));
	add_rule("viewer", "orders", "hide", "", "");
	assert_null(catalog_find(as(&s, PROJECT_VIEWER), "orders"));
	assert_non_null(catalog_find(as(&s, PROJECT_ANALYST), "orders"));
	pg_exec("DELETE FROM policy_rules");
	assert_non_null(catalog_find(as(&s, PROJECT_VIEWER), "orders"));
	assert_ptr_equal(as(&s, PROJECT_VIEWER), as(&s, PROJECT_VIEWER));
}

/* "cities<customers costs<salaries ..." of what the reader may read. */
static const char *derived_text(struct seen *s)
{
	struct buf b = buf_init(s->ctx->a, BUF_PAGE);
	struct catalog_derived *d;
	size_t n;

	assert_ok(catalog_derived(s->ctx, &s->source, &d, &n));
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s<%s", i ? " " : "", d[i].name, d[i].of);
	return buf_cstr(&b);
}

static void test_catalog__views_and_partitions_are_known_to_hold_data_of_others(void **state)
{
	struct seen s = make();

	(void)state;
	assert_string_equal(derived_text(&s), "cities<customers costs<salaries events_2024<events events_2025<events"
	                                      " paid<customers paid<orders");
	pg_exec("CREATE VIEW shop.towns AS SELECT city FROM shop.paid; GRANT SELECT ON shop.towns TO catalog_reader;"
	        "CREATE VIEW shop.unseen AS SELECT * FROM shop.orders; REVOKE SELECT ON shop.paid FROM catalog_reader");
	assert_string_equal(derived_text(&s), "cities<customers costs<salaries events_2024<events events_2025<events"
	                                      " towns<customers towns<orders towns<paid");
}

static void test_catalog__a_text_names_a_hidden_table_as_a_word(void **state)
{
	const char *names[] = {"salaries"};
	const struct policy p = {.excluded = {names, 1}};

	(void)state;
	assert_true(catalog_names_hidden(&p, "What are the SALARIES of 2025?"));
	assert_true(catalog_names_hidden(&p, "salaries_id_seq"));
	assert_false(catalog_names_hidden(&p, "How many presalaries are there?"));
	assert_false(catalog_names_hidden(&p, ""));
}

static const struct CMUnitTest catalog_permit_tests[] = {
        cmocka_unit_test(test_catalog__a_hidden_table_is_nowhere),
        cmocka_unit_test(test_catalog__a_masked_column_has_no_values),
        cmocka_unit_test(test_catalog__a_table_with_a_filter_has_no_size_and_no_samples),
        cmocka_unit_test(test_catalog__what_may_not_be_told_is_kept_back_silently),
        cmocka_unit_test(test_catalog__rules_count_in_any_case_of_letters),
        cmocka_unit_test(test_catalog__a_changed_rule_counts_at_once),
        cmocka_unit_test(test_catalog__views_and_partitions_are_known_to_hold_data_of_others),
        cmocka_unit_test(test_catalog__a_text_names_a_hidden_table_as_a_word),
};
UNIT_SUITE(catalog_permit_tests);
