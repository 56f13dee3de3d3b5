/* What an address may say, and that no refusal repeats it. */
#include <string.h>

#include "lib/arena.h"
#include "project/project.h"
#include "unit.h"

struct good {
	const char *dsn, *host;
	int64_t port;
	const char *database, *username, *password, *sslmode;
};

static const struct good goods[] = {
        {"postgresql://ann:secret@db.example:5433/shop", "db.example", 5433, "shop", "ann", "secret",
         "prefer"},
        {"postgres://ann@db.example/shop", "db.example", 5432, "shop", "ann", NULL, "prefer"},
        {"postgresql://ann:@db.example/shop", "db.example", 5432, "shop", "ann", NULL, "prefer"},
        {"postgresql://a%40b:p%2Fw%3A%25@h/d%20b", "h", 5432, "d b", "a@b", "p/w:%", "prefer"},
        {"postgresql://ann:a:b@h/d", "h", 5432, "d", "ann", "a:b", "prefer"},
        {"postgresql://ann@[::1]:5433/d?sslmode=verify-full", "::1", 5433, "d", "ann", NULL, "verify-full"},
        {"postgresql://ann@[2001:db8::7]/d", "2001:db8::7", 5432, "d", "ann", NULL, "prefer"},
        {"postgresql://ann@%2Fvar%2Frun%2Fpg/d", "/var/run/pg", 5432, "d", "ann", NULL, "prefer"},
        {"postgresql://ann@/d?host=/var/run/pg&port=5433", "/var/run/pg", 5433, "d", "ann", NULL, "prefer"},
        {"postgresql://ann@h/d?sslmode=disable", "h", 5432, "d", "ann", NULL, "disable"},
        {"postgresql://\xc3\xa4nn:p\xc3\xa4ss@h/d", "h", 5432, "d", "\xc3\xa4nn", "p\xc3\xa4ss", "prefer"},
};

static const char *const bad[] = {
        "",
        "postgresql:",
        "postgresql://",
        "postgresql:///",
        "mysql://ann:SECRET@h/d",
        "POSTGRESQL://ann:SECRET@h/d",
        " postgresql://ann:SECRET@h/d",
        "host=h user=ann password=SECRET dbname=d",
        "postgresql://h/d",
        "postgresql://@h/SECRET",
        "postgresql://:SECRET@h/d",
        "postgresql://ann:SECRET@h",
        "postgresql://ann:SECRET@h/",
        "postgresql://ann:SECRET@/d",
        "postgresql://ann:SECRET@h1,h2/d",
        "postgresql://ann:SECRET@h%2Ch2/d",
        "postgresql://ann:SECRET@h:1,h2:2/d",
        "postgresql://ann:SECRET@h:0/d",
        "postgresql://ann:SECRET@h:65536/d",
        "postgresql://ann:SECRET@h:-1/d",
        "postgresql://ann:SECRET@h:x/d",
        "postgresql://ann:SECRET@h:99999999999999999999/d",
        "postgresql://ann:SECRET@[::1/d",
        "postgresql://ann:SECRET@[::1]x/d",
        "postgresql://ann:SECRET@h/d/e",
        "postgresql://ann:SECRET@h/d#x",
        "postgresql://ann:SECRET@h/d?",
        "postgresql://ann:SECRET@h/d?sslmode",
        "postgresql://ann:SECRET@h/d?sslmode=",
        "postgresql://ann:SECRET@h/d?sslmode=allow",
        "postgresql://ann:SECRET@h/d?sslmode=require&sslmode=disable",
        "postgresql://ann:SECRET@h/d?SSLMODE=require",
        "postgresql://ann:SECRET@h/d?service=prod",
        "postgresql://ann:SECRET@h/d?passfile=/etc/passwd",
        "postgresql://ann:SECRET@h/d?sslkey=/etc/key",
        "postgresql://ann:SECRET@h/d?sslrootcert=/etc/x",
        "postgresql://ann:SECRET@h/d?options=-csearch_path=x",
        "postgresql://ann:SECRET@h/d?hostaddr=10.0.0.1",
        "postgresql://ann:SECRET@h/d?sslmode=require&options=-cx",
        "postgresql://ann:SECRET@h/d?host=h2",
        "postgresql://ann:SECRET@h:1/d?port=2",
        "postgresql://ann:SECRET@h/d?user=root",
        "postgresql://ann:SECRET@h/d?&",
        "postgresql://ann:SECRET@h/d?s%73lmode=require",
        "postgresql://ann:SECRET@h/d?=x",
        "postgresql://ann:SECRET%@h/d",
        "postgresql://ann:SECRET%0@h/d",
        "postgresql://ann:SECRET%zz@h/d",
        "postgresql://ann:SECRET%00@h/d",
        "postgresql://ann:SECRET%0A@h/d",
        "postgresql://ann:SECRET\n@h/d",
        "postgresql://ann:SECRET@h%00x/d",
        "postgresql://ann:SECRET%FF@h/d",
        "postgresql://ann:SEC@RET@h/d",
        "postgresql://ann:SECRET@h/host%3Dx",
        "postgresql://ann:SECRET@h/postgresql:%2F%2Fx",
        "postgresql://ann:SEC/RET@h/d",
        "postgresql://ann:SECRET@h%2Fetc/d",
        "postgresql://ann:SECRET@@abstract/d",
        "postgresql://ann:SECRET@%40abstract/d",
        "postgresql://ann:SECRET@h h/d",
        "postgresql://ann:SECRET@h%20h/d",
};

static void test_project__addresses_are_taken_apart(void **state)
{
	struct arena *a = arena_create();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(goods) / sizeof(*goods); i++) {
		struct project_source s = {.id = 7, .schema = "kept"};
		struct err *e = project_source_parse(a, goods[i].dsn, &s);

		if (e)
			fail_msg("%s: %s", goods[i].dsn, err_text(e));
		assert_string_equal(s.host, goods[i].host);
		assert_int_equal(s.port, goods[i].port);
		assert_string_equal(s.database, goods[i].database);
		assert_string_equal(s.username, goods[i].username);
		assert_string_equal(s.sslmode, goods[i].sslmode);
		assert_string_equal(s.schema, "kept");
		assert_int_equal(s.id, 7);
		assert_int_equal(!s.password, !goods[i].password);
		if (s.password)
			assert_string_equal(s.password, goods[i].password);
	}
	arena_free(a);
}

static void test_project__hostile_addresses_are_refused_without_repeating_them(void **state)
{
	struct arena *a = arena_create();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct project_source s = {0};
		struct err *e = project_source_parse(a, bad[i], &s);

		if (!e)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(e->kind, ERR_INVALID);
		assert_string_equal(e->code, "dsn");
		if (strstr(err_text(e), "SEC") || strstr(err_text(e), "passwd"))
			fail_msg("%s repeats %s", err_text(e), bad[i]);
	}
	arena_free(a);
}

static void test_project__an_endless_address_is_refused(void **state)
{
	struct arena *a = arena_create();
	struct project_source s = {0};
	char *dsn = arena_alloc(a, 200001);
	struct err *e;

	(void)state;
	memset(dsn, 'x', 200000);
	memcpy(dsn, "postgresql://", 13);
	e = project_source_parse(a, dsn, &s);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_INVALID);
	arena_free(a);
}

static const struct CMUnitTest project_dsn_tests[] = {
        cmocka_unit_test(test_project__addresses_are_taken_apart),
        cmocka_unit_test(test_project__hostile_addresses_are_refused_without_repeating_them),
        cmocka_unit_test(test_project__an_endless_address_is_refused),
};
UNIT_SUITE(project_dsn_tests);
