/* What a policy allows, what rules take away from it, and that its version tells policies apart. */
#include "policy/policy.h"

#include <string.h>

#include "lib/arena.h"
#include "rules_place.h"
#include "support/pg.h"
#include "unit.h"

static const char *orders[] = {"orders", "customers"}, *salaries[] = {"salaries"};

static struct project_source source(bool allow, bool exclude)
{
	struct project_source s = {.id = 1, .schema = "shop", .version = 1};

	if (allow)
		s.allowed = (struct db_texts){orders, 2};
	if (exclude)
		s.excluded = (struct db_texts){salaries, 1};
	return s;
}

struct allow_case {
	bool allow, exclude;
	enum project_role role;
	const char *table;
	bool expected;
};

static const struct allow_case cases[] = {
        {false, false, PROJECT_VIEWER, "orders", true},   {false, true, PROJECT_VIEWER, "orders", true},
        {false, true, PROJECT_ADMIN, "salaries", false},  {false, true, PROJECT_VIEWER, "Salaries", false},
        {true, false, PROJECT_VIEWER, "orders", true},    {true, false, PROJECT_VIEWER, "salaries", false},
        {true, false, PROJECT_VIEWER, "Orders", false},   {true, true, PROJECT_ANALYST, "customers", true},
        {true, true, PROJECT_ANALYST, "salaries", false}, {false, false, PROJECT_NONE, "orders", false},
        {true, false, PROJECT_NONE, "orders", false},
};

static const struct policy *made(struct rules_place *at, const struct project_source *source, enum project_role role)
{
	struct policy *p;

	assert_ok(policy_for(&at->ctx, &at->project, source, role, &p));
	return p;
}

static void test_policy__tables_are_allowed_by_list(void **state)
{
	struct rules_place *at = rules_make();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct project_source s = source(cases[i].allow, cases[i].exclude);

		if (policy_allows_table(made(at, &s, cases[i].role), cases[i].table) != cases[i].expected)
			fail_msg("case %zu: %s", i, cases[i].table);
	}
}

static void test_policy__an_empty_list_allows_nothing(void **state)
{
	struct rules_place *at = rules_make();
	struct project_source s = source(false, false);

	(void)state;
	s.allowed = (struct db_texts){orders, 0};
	assert_false(policy_allows_table(made(at, &s, PROJECT_ADMIN), "orders"));
}

static void test_policy__limits_come_from_the_project(void **state)
{
	struct rules_place *at = rules_make();
	struct project_source s = source(true, true);
	const struct policy *p;

	(void)state;
	at->project = (struct project){.id = at->project.id,
	                               .row_cap = 7,
	                               .timeout_ms = 1234,
	                               .max_cost = 1,
	                               .cache_seconds = 2,
	                               .queries_a_minute = 3,
	                               .queries_at_once = 4,
	                               .queries_a_day = 5};
	p = made(at, &s, PROJECT_VIEWER);
	assert_string_equal(p->schema, "shop");
	assert_int_equal(p->max_rows, 7);
	assert_int_equal(p->timeout_ms, 1234);
	assert_int_equal(p->max_bytes, POLICY_MAX_BYTES);
	assert_int_equal(p->max_cell_bytes, POLICY_MAX_CELL_BYTES);
	assert_int_equal(p->max_cost, 1);
	assert_int_equal(p->cache_seconds, 2);
	assert_int_equal(p->a_minute, 3);
	assert_int_equal(p->at_once, 4);
	assert_int_equal(p->a_day, 5);
	assert_false(p->tells_hidden);
	at->project.tells_hidden = true;
	assert_true(made(at, &s, PROJECT_VIEWER)->tells_hidden);
}

static void test_policy__without_rules_nothing_is_kept_back(void **state)
{
	struct rules_place *at = rules_make();
	struct project_source s = source(false, true);
	const struct policy *p = made(at, &s, PROJECT_ANALYST);

	(void)state;
	assert_int_equal(p->ntables, 0);
	assert_int_equal(p->excluded.n, 1);
	assert_null(policy_table(p, "orders"));
	assert_string_equal(p->user_email, "ann@example.com");
	assert_int_equal(p->user_groups.n, 0);
}

static void test_policy__rules_of_the_role_count(void **state)
{
	struct rules_place *at = rules_make();
	struct project_source s = source(false, true);
	const struct policy *p;
	const struct policy_table *t;

	(void)state;
	rules_add(at, "analyst", "customers", "filter", "", "region = ANY({user.groups})");
	rules_add(at, "analyst", "customers", "mask", "email", "email");
	rules_add(at, "analyst", "customers", "mask", "phone", "last4");
	rules_add(at, "analyst", "refunds", "hide", "", "");
	rules_add(at, "analyst", "orders", "mask", "note", "full");
	rules_add(at, "viewer", "orders", "hide", "", "");
	p = made(at, &s, PROJECT_ANALYST);
	assert_int_equal(p->ntables, 2);
	t = policy_table(p, "customers");
	assert_string_equal(t->filter, "region = ANY({user.groups})");
	assert_int_equal(t->nmasks, 2);
	assert_string_equal(t->masks[0].column, "email");
	assert_string_equal(t->masks[1].kind, "last4");
	t = policy_table(p, "orders");
	assert_null(t->filter);
	assert_int_equal(t->nmasks, 1);
	assert_false(policy_allows_table(p, "refunds"));
	assert_false(policy_allows_table(p, "salaries"));
	assert_true(policy_allows_table(p, "orders"));
	assert_false(policy_allows_table(made(at, &s, PROJECT_VIEWER), "orders"));
	p = made(at, &s, PROJECT_ADMIN);
	assert_int_equal(p->ntables, 0);
	assert_int_equal(p->excluded.n, 1);
}

static void test_policy__rules_of_another_project_do_not(void **state)
{
	struct rules_place *at = rules_make();
	struct project_source s = source(false, false);

	(void)state;
	rules_add(at, "analyst", "orders", "hide", "", "");
	at->project.id++;
	assert_true(policy_allows_table(made(at, &s, PROJECT_ANALYST), "orders"));
}

static void test_policy__groups_are_taken_as_they_are(void **state)
{
	static const char *const groups[] = {"EU", "a,b", "say \"hi\"", "{x}", "it's", "back\\slash", "ünï", "NULL", ""};
	struct rules_place *at = rules_make();
	struct project_source s = source(false, false);
	const struct policy *p;

	(void)state;
	pg_exec("UPDATE users SET groups = ARRAY['EU', 'a,b', 'say \"hi\"', '{x}', 'it''s', 'back\\slash', 'ünï',"
	        " 'NULL', ''] WHERE email = 'ann@example.com'");
	p = made(at, &s, PROJECT_VIEWER);
	assert_int_equal(p->user_groups.n, sizeof(groups) / sizeof(*groups));
	for (size_t i = 0; i < p->user_groups.n; i++)
		assert_string_equal(p->user_groups.p[i], groups[i]);
}

static void test_policy__nobody_has_no_address_and_no_groups(void **state)
{
	struct rules_place *at = rules_make();
	struct project_source s = source(false, false);
	const struct policy *p;

	(void)state;
	rules_add(at, "viewer", "orders", "filter", "", "false");
	at->ctx.user_id = 0;
	p = made(at, &s, PROJECT_VIEWER);
	assert_string_equal(p->user_email, "");
	assert_non_null(p->user_groups.p);
	assert_int_equal(p->user_groups.n, 0);
	assert_string_equal(policy_table(p, "orders")->filter, "false");
}

static void test_policy__each_project_has_its_own_key(void **state)
{
	struct rules_place *at = rules_make();
	struct project_source s = source(false, false);
	const char *key = made(at, &s, PROJECT_VIEWER)->mask_key;

	(void)state;
	assert_int_equal(strlen(key), 64);
	assert_string_equal(key, made(at, &s, PROJECT_ADMIN)->mask_key);
	at->project.id++;
	assert_string_not_equal(key, made(at, &s, PROJECT_VIEWER)->mask_key);
	at->project.id--;
	rules_key(at, "another key");
	assert_string_not_equal(key, made(at, &s, PROJECT_VIEWER)->mask_key);
	rules_key(at, NULL);
	assert_null(made(at, &s, PROJECT_VIEWER)->mask_key);
}

/* Versions seen so far, each another one. */
struct seen {
	int64_t p[32];
	size_t n;
};

static void add(struct seen *seen, struct rules_place *at, const struct project_source *s, enum project_role role)
{
	int64_t version = made(at, s, role)->version;

	assert_true(version > 0);
	assert_int_equal(version, made(at, s, role)->version);
	for (size_t i = 0; i < seen->n; i++)
		if (seen->p[i] == version)
			fail_msg("%zu and %zu are alike", i, seen->n);
	seen->p[seen->n++] = version;
}

static void test_policy__the_version_differs_with_every_field(void **state)
{
	struct rules_place *at = rules_make();
	struct project_source sources[6] = {source(false, false), source(true, false),  source(false, true),
	                                    source(false, false), source(false, false), source(false, false)};
	struct seen seen = {.n = 0};

	(void)state;
	sources[3].version = 2;
	sources[4].id = 2;
	sources[5].schema = "bank";
	for (size_t i = 0; i < 6; i++)
		add(&seen, at, &sources[i], PROJECT_VIEWER);
	add(&seen, at, &sources[0], PROJECT_ADMIN);
	at->project.row_cap++;
	add(&seen, at, &sources[0], PROJECT_VIEWER);
	at->project.timeout_ms++;
	add(&seen, at, &sources[0], PROJECT_VIEWER);
	rules_key(at, "another key");
	add(&seen, at, &sources[0], PROJECT_VIEWER);
}

static void test_policy__the_version_differs_with_every_rule(void **state)
{
	struct rules_place *at = rules_make();
	struct project_source s = source(false, false);
	struct seen seen = {.n = 0};
	int64_t before;

	(void)state;
	add(&seen, at, &s, PROJECT_VIEWER);
	rules_add(at, "viewer", "orders", "mask", "note", "full");
	add(&seen, at, &s, PROJECT_VIEWER);
	pg_exec("UPDATE policy_rules SET value = 'null'");
	add(&seen, at, &s, PROJECT_VIEWER);
	pg_exec("UPDATE policy_rules SET column_name = 'status'");
	add(&seen, at, &s, PROJECT_VIEWER);
	pg_exec("UPDATE policy_rules SET table_name = 'refunds'");
	add(&seen, at, &s, PROJECT_VIEWER);
	rules_add(at, "viewer", "orders", "filter", "", "id = 1");
	add(&seen, at, &s, PROJECT_VIEWER);
	pg_exec("UPDATE policy_rules SET value = 'id = 2' WHERE kind = 'filter'");
	add(&seen, at, &s, PROJECT_VIEWER);
	pg_exec("UPDATE policy_rules SET table_name = 'refunds'");
	add(&seen, at, &s, PROJECT_VIEWER);
	rules_add(at, "viewer", "orders", "hide", "", "");
	add(&seen, at, &s, PROJECT_VIEWER);
	before = made(at, &s, PROJECT_VIEWER)->version;
	pg_exec("UPDATE users SET groups = '{EU}'");
	rules_add(at, "analyst", "orders", "hide", "", "");
	assert_int_equal(made(at, &s, PROJECT_VIEWER)->version, before);
}

static const struct CMUnitTest policy_policy_tests[] = {
        cmocka_unit_test(test_policy__tables_are_allowed_by_list),
        cmocka_unit_test(test_policy__an_empty_list_allows_nothing),
        cmocka_unit_test(test_policy__limits_come_from_the_project),
        cmocka_unit_test(test_policy__without_rules_nothing_is_kept_back),
        cmocka_unit_test(test_policy__rules_of_the_role_count),
        cmocka_unit_test(test_policy__rules_of_another_project_do_not),
        cmocka_unit_test(test_policy__groups_are_taken_as_they_are),
        cmocka_unit_test(test_policy__nobody_has_no_address_and_no_groups),
        cmocka_unit_test(test_policy__each_project_has_its_own_key),
        cmocka_unit_test(test_policy__the_version_differs_with_every_field),
        cmocka_unit_test(test_policy__the_version_differs_with_every_rule),
};
UNIT_SUITE(policy_policy_tests);
