/* Rules are checked, kept once for each place, listed and removed; each change is in the trail. */
#include <string.h>

#include "lib/arena.h"
#include "policy/policy.h"
#include "rules_place.h"
#include "support/pg.h"
#include "unit.h"

#define FILTER(condition) {0, "analyst", "customers", "filter", "", condition}

static void test_policy__rules_are_set_changed_and_removed(void **state)
{
	struct rules_place *at = rules_make();
	struct policy_rule hide = {.role = "viewer", .table = "refunds", .kind = "hide", .column = "", .value = ""};
	struct policy_rule filter = FILTER("region = ANY({user.groups}) AND owner = {user.email}"), *list;
	struct policy_rule mask = {0, "analyst", "customers", "mask", "email", "email"};
	size_t n;

	(void)state;
	assert_ok(policy_rule_set(&at->ctx, at->project.id, &hide));
	assert_ok(policy_rule_set(&at->ctx, at->project.id, &filter));
	assert_ok(policy_rule_set(&at->ctx, at->project.id, &mask));
	mask.value = "hash";
	assert_ok(policy_rule_set(&at->ctx, at->project.id, &mask));
	mask.role = "viewer";
	assert_ok(policy_rule_set(&at->ctx, at->project.id, &mask));
	assert_ok(policy_rules(&at->ctx, at->project.id, &list, &n));
	assert_int_equal(n, 4);
	assert_string_equal(list[0].kind, "filter");
	assert_string_equal(list[0].value, filter.value);
	assert_string_equal(list[1].role, "viewer");
	assert_string_equal(list[2].role, "analyst");
	assert_string_equal(list[2].value, "hash");
	assert_string_equal(list[3].table, "refunds");
	assert_ok(policy_rule_remove(&at->ctx, at->project.id, list[3].id));
	assert_err(policy_rule_remove(&at->ctx, at->project.id, list[3].id), ERR_NOT_FOUND);
	assert_err(policy_rule_remove(&at->ctx, at->project.id + 1, list[0].id), ERR_NOT_FOUND);
	assert_string_equal(pg_value("SELECT count(*) FROM audit_log WHERE action = 'policy.rule.set'"), "5");
	assert_string_equal(pg_value("SELECT detail->>'table' || ' ' || (detail->>'kind') || ' ' || (detail->>'role')"
	                             " FROM audit_log WHERE action = 'policy.rule.remove'"),
	                    "refunds hide viewer");
}

struct wrong_case {
	const char *code;
	struct policy_rule rule;
};

static const struct wrong_case wrongs[] = {
        {"role", {0, "owner", "orders", "hide", "", ""}},
        {"role", {0, "none", "orders", "hide", "", ""}},
        {"table", {0, "viewer", "", "hide", "", ""}},
        {"table", {0, "viewer", "a\nb", "hide", "", ""}},
        {"table", {0, "viewer", "a\xff", "hide", "", ""}},
        {"table",
         {0, "viewer", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "hide", "", ""}},
        {"kind", {0, "viewer", "orders", "drop", "", ""}},
        {"column", {0, "viewer", "orders", "hide", "id", ""}},
        {"column", {0, "viewer", "orders", "filter", "id", "true"}},
        {"value", {0, "viewer", "orders", "hide", "", "true"}},
        {"column", {0, "viewer", "orders", "mask", "", "full"}},
        {"value", {0, "viewer", "orders", "mask", "id", ""}},
        {"value", {0, "viewer", "orders", "mask", "id", "Full"}},
        {"value", FILTER("")},
        {"value", FILTER("   ")},
        {"value", FILTER("region =")},
        {"value", FILTER("region = 'EU'; DROP TABLE customers")},
        {"value", FILTER("true) OR (true")},
        {"value", FILTER("pg_sleep(1) IS NULL")},
        {"value", FILTER("id IN (SELECT 1)")},
        {"value", FILTER("orders.id = 1")},
        {"value", FILTER("region = '{user.email}'")},
        {"value", FILTER("region = {user.name}")},
        {"value", FILTER("region = $1")},
};

static void test_policy__a_wrong_rule_is_refused_by_its_field(void **state)
{
	struct rules_place *at = rules_make();

	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(*wrongs); i++) {
		struct err *e = policy_rule_set(&at->ctx, at->project.id, &wrongs[i].rule);

		if (!e || e->kind != ERR_INVALID || !e->code || strcmp(e->code, wrongs[i].code) != 0)
			fail_msg("case %zu: %s", i, e ? err_text(e) : "no error");
	}
	assert_string_equal(pg_value("SELECT count(*) FROM policy_rules"), "0");
}

static void test_policy__a_refused_filter_says_why(void **state)
{
	struct rules_place *at = rules_make();
	const struct policy_rule rule = FILTER("pg_sleep(1) IS NULL");
	struct err *e = policy_rule_set(&at->ctx, at->project.id, &rule);

	(void)state;
	assert_non_null(e);
	assert_non_null(strstr(e->message, "pg_sleep"));
	assert_non_null(strstr(e->hint, "{user.groups}"));
}

static void test_policy__filters_of_all_forms_are_taken(void **state)
{
	static const char *const filters[] = {
	        "region = 'EU'",
	        "\"Unit Price\" > 5 OR {user.email} = 'boss@example.com'",
	        "region = ANY({user.groups})",
	        "customers.region IN ('EU', 'US') AND created_at >= date '2025-01-01'",
	        "lower(email) = lower({user.email})",
	        "false",
	};
	struct rules_place *at = rules_make();

	(void)state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		const struct policy_rule rule = FILTER(filters[i]);

		assert_ok(policy_rule_set(&at->ctx, at->project.id, &rule));
	}
	assert_string_equal(pg_value("SELECT count(*) FROM policy_rules"), "1");
}

static void test_policy__there_is_a_most_of_rules(void **state)
{
	struct rules_place *at = rules_make();
	const struct policy_rule rule = FILTER("true");

	(void)state;
	pg_exec("INSERT INTO policy_rules (project_id, role, table_name, kind)"
	        " SELECT p.id, 'viewer', 't' || g, 'hide' FROM projects p, generate_series(1, 2000) g");
	assert_err(policy_rule_set(&at->ctx, at->project.id, &rule), ERR_INVALID);
}

static const struct CMUnitTest policy_rules_tests[] = {
        cmocka_unit_test(test_policy__rules_are_set_changed_and_removed),
        cmocka_unit_test(test_policy__a_wrong_rule_is_refused_by_its_field),
        cmocka_unit_test(test_policy__a_refused_filter_says_why),
        cmocka_unit_test(test_policy__filters_of_all_forms_are_taken),
        cmocka_unit_test(test_policy__there_is_a_most_of_rules),
};
UNIT_SUITE(policy_rules_tests);
