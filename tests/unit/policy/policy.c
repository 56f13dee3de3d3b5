/* What a policy allows, and that its version tells policies apart. */
#include "policy/policy.h"

#include "lib/arena.h"
#include "lib/crypto.h"
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

static const struct policy *made(struct arena *a, const struct project *project, const struct project_source *source,
                                 enum project_role role)
{
	struct ctx ctx = {.a = a};
	struct policy *p;

	assert_null(policy_for(&ctx, project, source, role, &p));
	return p;
}

static void test_policy__tables_are_allowed_by_list(void **state)
{
	struct arena *a = arena_create();
	struct project project = {.row_cap = 500, .timeout_ms = 15000};
	size_t i;

	(void)state;
	crypto_init();
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct project_source s = source(cases[i].allow, cases[i].exclude);

		if (policy_allows_table(made(a, &project, &s, cases[i].role), cases[i].table) !=
		    cases[i].expected)
			fail_msg("case %zu: %s", i, cases[i].table);
	}
	arena_free(a);
}

static void test_policy__an_empty_list_allows_nothing(void **state)
{
	struct arena *a = arena_create();
	struct project project = {.row_cap = 500, .timeout_ms = 15000};
	struct project_source s = source(false, false);

	(void)state;
	crypto_init();
	s.allowed = (struct db_texts){orders, 0};
	assert_false(policy_allows_table(made(a, &project, &s, PROJECT_ADMIN), "orders"));
	arena_free(a);
}

static void test_policy__limits_come_from_the_project(void **state)
{
	struct arena *a = arena_create();
	struct project project = {.row_cap = 7, .timeout_ms = 1234};
	struct project_source s = source(true, true);
	const struct policy *p;

	(void)state;
	crypto_init();
	p = made(a, &project, &s, PROJECT_VIEWER);
	assert_string_equal(p->schema, "shop");
	assert_int_equal(p->max_rows, 7);
	assert_int_equal(p->timeout_ms, 1234);
	assert_int_equal(p->max_bytes, POLICY_MAX_BYTES);
	assert_int_equal(p->max_cell_bytes, POLICY_MAX_CELL_BYTES);
	arena_free(a);
}

static void test_policy__the_version_differs_with_every_field(void **state)
{
	struct arena *a = arena_create();
	struct project projects[] = {{.row_cap = 500, .timeout_ms = 15000},
	                             {.row_cap = 501, .timeout_ms = 15000},
	                             {.row_cap = 500, .timeout_ms = 15001}};
	struct project_source sources[6] = {source(false, false), source(true, false),  source(false, true),
	                                    source(false, false), source(false, false), source(false, false)};
	int64_t seen[10];
	size_t n = 0, i, k;

	(void)state;
	crypto_init();
	sources[3].version = 2;
	sources[4].id = 2;
	sources[5].schema = "bank";
	for (i = 0; i < 3; i++)
		seen[n++] = made(a, &projects[i], &sources[0], PROJECT_VIEWER)->version;
	for (i = 1; i < 6; i++)
		seen[n++] = made(a, &projects[0], &sources[i], PROJECT_VIEWER)->version;
	seen[n++] = made(a, &projects[0], &sources[0], PROJECT_ADMIN)->version;
	assert_int_equal(seen[0], made(a, &projects[0], &sources[0], PROJECT_VIEWER)->version);
	for (i = 0; i < n; i++) {
		assert_true(seen[i] > 0);
		for (k = 0; k < i; k++)
			if (seen[i] == seen[k])
				fail_msg("%zu and %zu are alike", i, k);
	}
	arena_free(a);
}

static const struct CMUnitTest policy_policy_tests[] = {
        cmocka_unit_test(test_policy__tables_are_allowed_by_list),
        cmocka_unit_test(test_policy__an_empty_list_allows_nothing),
        cmocka_unit_test(test_policy__limits_come_from_the_project),
        cmocka_unit_test(test_policy__the_version_differs_with_every_field),
};
UNIT_SUITE(policy_policy_tests);
