/* Row filters and masks: the table is replaced where it stands. */
#include "unit.h"

#include "lib/buf.h"
#include "sql/support.h"

#define FILTERED "(SELECT orders.id, orders.total FROM shop.orders WHERE orders.total > 5 OFFSET 0)"
#define SIMPLE \
	"{\"schema\":\"shop\",\"columns\":{\"orders\":[\"id\",\"total\"]},\"row_filters\":{\"orders\":" \
	"\"total > 5\"}}"

static void test_sql__a_filtered_table_is_a_subquery(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT id FROM orders", "SELECT id FROM " FILTERED " orders LIMIT 500"},
	        {"SELECT o.id FROM shop.orders o", "SELECT o.id FROM " FILTERED " o LIMIT 500"},
	        {"SELECT shop.orders.id FROM orders", "SELECT orders.id FROM " FILTERED " orders LIMIT 500"},
	        {"SELECT o.a FROM orders o(a)", "SELECT o.a FROM " FILTERED " o(a) LIMIT 500"},
	        {"SELECT 1 FROM orders TABLESAMPLE system (1)", "statement_not_allowed"},
	        {"SELECT 1 FROM ONLY orders",
	         "SELECT 1 FROM (SELECT orders.id, orders.total FROM ONLY shop.orders"
	         " WHERE orders.total > 5 OFFSET 0) orders LIMIT 500"},
	};
	(void)state;
	SHOP_CHECK(SIMPLE, cases);
}

#define POLICY(rest) "{\"schema\":\"shop\"," rest "}"
#define WITH_FILTER(text) \
	POLICY("\"columns\":{\"orders\":[\"id\"]},\"row_filters\":{\"orders\":\"" text "\"}")

static void test_sql__a_bad_policy_shows_nothing(void **state)
{
	static const char *const policies[] = {
	        WITH_FILTER("id > 5) OR (true"),
	        WITH_FILTER("1 FROM hr.employees"),
	        WITH_FILTER("nope > 5"),
	        WITH_FILTER("pg_sleep(5) IS NULL"),
	        WITH_FILTER("id IN (SELECT 1)"),
	        WITH_FILTER("c.id = 5"),
	        WITH_FILTER(""),
	        POLICY("\"masks\":{\"orders\":{\"id\":\"full\"}}"),
	};
	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;
		assert_non_null(shop_guard(a, policies[i], "SELECT id FROM orders", &s));
		arena_free(a);
	}
}

/* Rules that were written in another case of letters count, or show nothing. */
static void test_sql__rules_count_in_any_case(void **state)
{
	static const struct shop_case masked[] = {
	        {"SELECT id FROM orders",
	         "SELECT id FROM (SELECT NULL::text AS id FROM shop.orders OFFSET 0) orders LIMIT 500"},
	};
	static const struct shop_case other[] = {
	        {"SELECT id FROM orders", "policy_invalid"},
	        {"SELECT 1 FROM \"ORDERS\"", "policy_invalid"},
	};
	(void)state;
	SHOP_CHECK(POLICY("\"columns\":{\"orders\":[\"id\"]},\"masks\":{\"orders\":{\"ID\":\"null\"}}"),
	           masked);
	SHOP_CHECK(POLICY("\"columns\":{\"orders\":[\"id\"]},\"row_filters\":{\"Orders\":\"id = 1\"}"),
	           other);
}

static void test_sql__a_filter_works_without_known_columns(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT id FROM orders",
	         "WITH _quern_1 AS (SELECT region FROM shop.orders _quern) SELECT id FROM (SELECT *"
	         " FROM shop.orders WHERE orders.region = 'US' OFFSET 0) orders LIMIT 500"},
	};
	(void)state;
	SHOP_CHECK(POLICY("\"row_filters\":{\"orders\":\"region = 'US'\"}"), cases);
}

static void test_sql__masks_replace_their_column(void **state)
{
	static const struct {
		const char *kind;
		const char *shown;
	} cases[] = {
	        {"full", "CASE WHEN orders.id IS NULL THEN NULL ELSE '***' END AS id"},
	        {"email", "ELSE '***' END AS id"},
	        {"last4", "WHEN length(orders.id::text) >= 8 THEN '***' || \"right\"(orders.id::text, 4)"},
	        {"hash", "CASE WHEN orders.id IS NULL THEN NULL ELSE '***' END AS id"},
	        {"hash\"}},\"mask_key\":\"k\",\"x\":{\"x\":{\"x\":\"x",
	         "sha256(convert_to($1::text || orders.id::text, 'UTF8'))"},
	        {"year", "|| '-01-01' AS date"},
	        {"null", "NULL::text AS id"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;
		const char *policy = arena_printf(
		        a, POLICY("\"columns\":{\"orders\":[\"id\"]},\"masks\":{\"orders\":{\"id\":\"%s\"}}"),
		        cases[i].kind);
		assert_null(shop_guard(a, policy, "SELECT * FROM orders", &s));
		if (!strstr(s->sql, cases[i].shown))
			fail_msg("%s: %s", cases[i].kind, s->sql);
		assert_null(strstr(s->sql, "SELECT orders.id,"));
		arena_free(a);
	}
}

#define MINE \
	"{\"schema\":\"shop\",\"columns\":{\"orders\":[\"id\",\"owner\"],\"customers\":[\"id\",\"team\"," \
	"\"email\"]},\"row_filters\":{\"orders\":\"owner = {user.email}\",\"customers\":" \
	"\"team = ANY({user.groups}) OR email = {user.email}\"}," \
	"\"masks\":{\"customers\":{\"email\":\"hash\"}},\"mask_key\":\"k'1\",\"user\":"

static void test_sql__a_filter_may_ask_who_asks(void **state)
{
	static const struct {
		const char *user;
		const char *params[3]; /* of the statement below: e-mail, groups, key */
	} cases[] = {
	        {"{\"email\":\"o'hara@x.org\",\"groups\":[\"a\",\"b\\\"\\\\,c\",\"NULL\",\"\"]}}",
	         {"o'hara@x.org", "{\"a\",\"b\\\"\\\\,c\",\"NULL\",\"\"}", "k'1"}},
	        {"{\"email\":\"\"}}", {NULL, "{}", "k'1"}},
	        {"{}}", {NULL, "{}", "k'1"}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;
		assert_null(shop_guard(a, arena_printf(a, MINE "%s", cases[i].user),
		                       "SELECT o.id FROM orders o JOIN customers c USING (id) JOIN orders p"
		                       " USING (id)",
		                       &s));
		assert_string_equal(
		        s->sql,
		        "SELECT o.id FROM (SELECT orders.id, orders.owner FROM shop.orders"
		        " WHERE orders.owner = $1::text OFFSET 0) o JOIN (SELECT customers.id, customers.team,"
		        " \"left\"(encode(sha256(convert_to($3::text || customers.email::text, 'UTF8')),"
		        " 'hex'), 16) AS email FROM shop.customers WHERE customers.team = ANY($2::text[])"
		        " OR customers.email = $1::text OFFSET 0) c USING (id) JOIN (SELECT orders.id,"
		        " orders.owner FROM shop.orders WHERE orders.owner = $1::text OFFSET 0) p USING (id)"
		        " LIMIT 500");
		assert_int_equal(s->nparams, 3);
		assert_int_equal(s->secret_param, 3);
		for (size_t k = 0; k < 3; k++) {
			assert_true(!cases[i].params[k] == !s->params[k]);
			if (s->params[k])
				assert_string_equal(s->params[k], cases[i].params[k]);
		}
		arena_free(a);
	}
}

static void test_sql__only_filters_have_parameters(void **state)
{
	static const struct shop_case cases[] = {
	        {"SELECT id FROM orders WHERE owner = $1", "parameter_not_allowed"},
	        {"SELECT id FROM orders WHERE owner = {user.email}", "syntax_error"},
	        {"SELECT '{user.email}'", "SELECT '{user.email}' LIMIT 500"},
	};
	static const char *const filters[] = {
	        "owner = $1",
	        "owner = $1 AND owner = {user.email}",
	        "owner = '{user.email}'",
	        "owner = $${user.email}$$",
	        "owner = {user.email} -- {user.groups}",
	        "owner{user.email} = 1",
	        "owner = {user.name}",
	        "owner = {user.email",
	        "$1::text = {user.email}",
	};
	(void)state;
	SHOP_CHECK(MINE "{\"email\":\"a\"}}", cases);
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;
		struct sql_table table = {.name = "orders",
		                          .columns = (const char *[]){"id", "owner"},
		                          .ncolumns = 2,
		                          .filter = filters[i]};
		struct sql_policy p = {.schema = "shop", .tables = &table, .ntables = 1, .user_email = "a"};
		struct err *e = sql_guard(a, &p, STR("SELECT id FROM orders"), &s);
		if (!e)
			fail_msg("%s: %s", filters[i], s->sql);
		arena_free(a);
	}
}

static void test_sql__what_was_kept_back_is_told(void **state)
{
	static const struct {
		const char *sql;
		size_t nfiltered, nmasked;
	} cases[] = {
	        {"SELECT id FROM orders", 1, 0},
	        {"SELECT o.id, c.id FROM orders o JOIN customers c USING (id)", 2, 0},
	        {"SELECT * FROM customers", 1, 1},
	        {"SELECT x.c FROM customers x(a, b, c)", 1, 1},
	        {"SELECT x.b FROM customers x(a, b, c)", 1, 0},
	        {"SELECT count(x) FROM customers x", 1, 1},
	        {"SELECT 1 FROM customers x JOIN customers y USING (email)", 1, 1},
	        {"SELECT 1 FROM customers x NATURAL JOIN customers y", 1, 1},
	        {"SELECT 1", 0, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct arena *a = arena_create();
		struct sql_statement *s;
		assert_null(shop_guard(a, MINE "{}}", cases[i].sql, &s));
		if (s->nfiltered != cases[i].nfiltered || s->nmasked != cases[i].nmasked)
			fail_msg("%s: %zu %zu", cases[i].sql, s->nfiltered, s->nmasked);
		arena_free(a);
	}
}

static const struct CMUnitTest sql_mask_tests[] = {
        cmocka_unit_test(test_sql__a_filtered_table_is_a_subquery),
        cmocka_unit_test(test_sql__a_bad_policy_shows_nothing),
        cmocka_unit_test(test_sql__rules_count_in_any_case),
        cmocka_unit_test(test_sql__a_filter_works_without_known_columns),
        cmocka_unit_test(test_sql__masks_replace_their_column),
        cmocka_unit_test(test_sql__a_filter_may_ask_who_asks),
        cmocka_unit_test(test_sql__only_filters_have_parameters),
        cmocka_unit_test(test_sql__what_was_kept_back_is_told),
};
UNIT_SUITE(sql_mask_tests);
