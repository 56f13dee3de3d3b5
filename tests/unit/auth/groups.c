/* The mapping of groups to roles: pure, so all of it as tables. */
#include <string.h>

#include "auth/auth_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "unit.h"

struct grant_case {
	const char *mapping, *groups, *expected;
};

static const struct grant_case grant_cases[] = {
        {"", "a", ""},
        {"a=shop:viewer", "", ""},
        {"a=shop:viewer", "a", "shop:viewer"},
        {"a=shop:viewer", "b,a,c", "shop:viewer"},
        {"a=shop:viewer", " a ", "shop:viewer"},
        {"a=shop:viewer", "A", ""},
        {"a=shop:viewer", "aa,ab", ""},
        {" a = shop : viewer , b=bank:admin", "a,b", "shop:viewer bank:admin"},
        {"a=shop:viewer,b=shop:admin,c=shop:analyst", "a,b,c", "shop:admin"},
        {"b=shop:admin,a=shop:viewer", "a,b", "shop:admin"},
        {"a=shop:viewer,a=bank:analyst", "a", "shop:viewer bank:analyst"},
        {"/org/a=shop:viewer", "/org/a", "shop:viewer"},
        {"role:x=y=shop:viewer", "role:x=y", "shop:viewer"},
        {"=shop:viewer", "", ""},
        {"=shop:viewer", ",", ""},
        {"a=shop:root,b=shop:viewer", "a,b", "shop:viewer"},
        {"a=shop:none", "a", ""},
        {"a=Shop:viewer", "a", ""},
        {"a=:viewer", "a", ""},
        {"a=shop", "a", ""},
        {"a", "a", ""},
        {"a=shop:viewer,,", "a", "shop:viewer"},
};

static void test_auth__groups_give_roles(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(grant_cases) / sizeof(*grant_cases); i++) {
		struct auth_grants g =
		        auth_grants_of(a, str_of(grant_cases[i].mapping), str_of(grant_cases[i].groups));
		struct buf b = buf_init(a, BUF_LINE);

		buf_add_cstr(&b, "");
		assert_non_null(g.slugs.p);
		assert_non_null(g.roles.p);
		assert_int_equal(g.slugs.n, g.roles.n);
		for (size_t k = 0; k < g.slugs.n; k++)
			buf_printf(&b, "%s%s:%s", k ? " " : "", g.slugs.p[k], g.roles.p[k]);
		assert_string_equal(buf_cstr(&b), grant_cases[i].expected);
	}
	arena_free(a);
}

static void test_auth__an_empty_group_is_nobodys(void **state)
{
	(void)state;
	assert_false(auth_has_group(STR("a,,b"), STR("")));
	assert_false(auth_has_group(STR(""), STR("")));
	assert_false(auth_has_group((struct str){NULL, 0}, STR("a")));
	assert_true(auth_has_group(STR("a,b"), STR("b")));
}

struct mapping_case {
	const char *mapping;
	bool good;
};

static const struct mapping_case mapping_cases[] = {
        {"", true},
        {"a=shop:viewer", true},
        {"a=shop:viewer, b=bank:admin,", true},
        {"a=shop:owner", false},
        {"a=shop", false},
        {"shop:viewer", false},
        {"a=b c:viewer", false},
        {"=shop:viewer", false},
        {"a=-shop:viewer", false},
};

static void test_auth__malformed_mappings_are_named(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(mapping_cases) / sizeof(*mapping_cases); i++) {
		struct err *e = auth_mapping_check(a, str_of(mapping_cases[i].mapping));

		if (!e != mapping_cases[i].good)
			fail_msg("%s", mapping_cases[i].mapping);
		if (e)
			assert_int_equal(e->kind, ERR_CONFIG);
	}
	arena_free(a);
}

struct email_case {
	const char *text, *expected;
};

static const struct email_case email_cases[] = {
        {"ann@example.com", "ann@example.com"},
        {" Ann.B+x@Example.COM ", "ann.b+x@example.com"},
        {"a@b", "a@b"},
        {"", NULL},
        {"@", NULL},
        {"a@", NULL},
        {"@b", NULL},
        {"ann", NULL},
        {"a@b@c", NULL},
        {"a b@c", NULL},
        {"a@b\nc", NULL},
        {"a@b,c@d", NULL},
        {"<a@b>", NULL},
        {"a@b;c", NULL},
        {"\xc3\xa4@b", NULL},
        {"a\x7f@b", NULL},
};

static void test_auth__addresses_are_checked_and_lowered(void **state)
{
	struct arena *a = arena_create();
	char *long_one = arena_alloc(a, 300);

	(void)state;
	for (size_t i = 0; i < sizeof(email_cases) / sizeof(*email_cases); i++) {
		const char *got = auth_email(a, str_of(email_cases[i].text));

		if (!got != !email_cases[i].expected)
			fail_msg("%s", email_cases[i].text);
		if (got)
			assert_string_equal(got, email_cases[i].expected);
	}
	memset(long_one, 'a', 255);
	long_one[1] = '@';
	assert_null(auth_email(a, str_of(long_one)));
	long_one[254] = '\0';
	assert_non_null(auth_email(a, str_of(long_one)));
	assert_null(auth_email(a, (struct str){"a@b\0c", 5}));
	arena_free(a);
}

static const struct CMUnitTest auth_groups_tests[] = {
        cmocka_unit_test(test_auth__groups_give_roles),
        cmocka_unit_test(test_auth__an_empty_group_is_nobodys),
        cmocka_unit_test(test_auth__malformed_mappings_are_named),
        cmocka_unit_test(test_auth__addresses_are_checked_and_lowered),
};
UNIT_SUITE(auth_groups_tests);
