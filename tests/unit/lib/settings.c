#include "lib/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "unit.h"

static const char key[] = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
static const char *const names[] = {
#define SETTING(field, name, type, dflt, min, max, need, unit, text) name,
#include "lib/settings.def"
#undef SETTING
};

static struct arena *a;
static char path[] = "/tmp/quern-unit-env-XXXXXX";

static int setup(void **state)
{
	int fd;
	size_t i;

	(void)state;
	a = arena_create();
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
	memcpy(path + strlen(path) - 6, "XXXXXX", 6);
	fd = mkstemp(path);
	return fd < 0 || close(fd);
}

static int teardown(void **state)
{
	(void)state;
	arena_free(a);
	return unlink(path);
}

static void write_env(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_lib__settings_have_defaults(void **state)
{
	const struct settings *s;

	(void)state;
	assert_null(settings_load(a, NULL, SETTINGS_NEED_NONE, &s));
	assert_null(s->database_url);
	assert_null(s->key);
	assert_int_equal(s->web_threads, 16);
	assert_string_equal(s->auth, "local");
	assert_null(settings_load(a, "/nonexistent/.env", SETTINGS_NEED_NONE, &s));
}

static void test_lib__settings_come_from_environment_then_file(void **state)
{
	const struct settings *s;

	(void)state;
	write_env("# comment\n\nexport QUERN_WEB_THREADS = 3\nQUERN_LLM_MODEL='a b'\r\nQUERN_GRACE=\"5\"\n"
	          "OTHER=x=y\nQUERN_URL=https://x/?a=b\nQUERN_AUTH=\nQUERN_AGENT_THREADS=9");
	setenv("QUERN_GRACE", "7", 1);
	setenv("QUERN_WEB_THREADS", "", 1);
	setenv("QUERN_KEY", key, 1);
	assert_null(settings_load(a, path, SETTINGS_NEED_KEY, &s));
	assert_int_equal(s->web_threads, 3);
	assert_int_equal(s->agent_threads, 9);
	assert_int_equal(s->grace, 7);
	assert_string_equal(s->llm_model, "a b");
	assert_string_equal(s->url, "https://x/?a=b");
	assert_string_equal(s->auth, "local");
	assert_int_equal(s->key[0], 1);
	assert_int_equal(s->key[31], 32);
}

static void test_lib__settings_name_all_that_is_wrong_at_once(void **state)
{
	static const char *const named[] = {"QUERN_DATABASE_URL is missing",
	                                    "QUERN_KEY must",
	                                    "QUERN_FASTCGI_SECRET must",
	                                    "QUERN_WEB_THREADS must",
	                                    "QUERN_AUTH must be one of local|header|both",
	                                    "QUERN_GRACE must",
	                                    "line 2 of"};
	const struct settings *s;
	struct err *e;
	size_t i;

	(void)state;
	write_env(
	        "QUERN_WEB_THREADS=257\nnonsense\nQUERN_GRACE=5s\nQUERN_AUTH=ldap\nQUERN_KEY=c2VjcmV0LXZhbHVl\n"
	        "QUERN_FASTCGI_SECRET=tooshort\n");
	e = settings_load(a, path, SETTINGS_NEED_DB | SETTINGS_NEED_KEY | SETTINGS_NEED_SERVE, &s);
	assert_non_null(e);
	assert_int_equal(e->kind, ERR_CONFIG);
	for (i = 0; i < sizeof(named) / sizeof(*named); i++)
		if (!strstr(e->detail, named[i]))
			fail_msg("\"%s\" is not in: %s", named[i], e->detail);
	assert_null(strstr(err_text(e), "tooshort"));
	assert_null(strstr(err_text(e), "c2VjcmV0"));
	assert_null(strstr(err_text(e), "QUERN_LLM"));
}

static void test_lib__settings_describe_lists_all(void **state)
{
	struct buf plain = buf_init(a, BUF_LINE), table = buf_init(a, BUF_LINE);
	size_t i;

	(void)state;
	settings_describe(&plain, false);
	settings_describe(&table, true);
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_non_null(strstr(buf_cstr(&plain), names[i]));
		assert_non_null(strstr(buf_cstr(&table), arena_printf(a, "\n| `%s` | ", names[i])));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest lib_settings_tests[] = {
        TEST(test_lib__settings_have_defaults),
        TEST(test_lib__settings_come_from_environment_then_file),
        TEST(test_lib__settings_name_all_that_is_wrong_at_once),
        TEST(test_lib__settings_describe_lists_all),
};
UNIT_SUITE(lib_settings_tests);
