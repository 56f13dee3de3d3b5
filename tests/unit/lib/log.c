#include "lib/log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "lib/json.h"
#include "unit.h"

static struct arena *a;
static int saved, ends[2];

/* Standard error is a pipe in packet mode for the time of a test: one read gives what one write wrote. */
static int setup(void **state)
{
	(void)state;
	a = arena_create();
	saved = dup(STDERR_FILENO);
	return saved < 0 || pipe2(ends, O_DIRECT | O_NONBLOCK) || dup2(ends[1], STDERR_FILENO) < 0;
}

static int teardown(void **state)
{
	(void)state;
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	log_set_level(LOG_INFO);
	arena_free(a);
	return 0;
}

static struct str read_line(void)
{
	enum { SIZE = 64 << 10 };
	char *text = arena_alloc(a, SIZE);
	ssize_t n = read(ends[0], text, SIZE);

	return n < 0 ? (struct str){NULL, 0} : (struct str){text, (size_t)n};
}

static void test_lib__log_line_is_one_object_and_one_write(void **state)
{
	struct str line;
	struct json_object *o;

	(void)state;
	LOG(LOG_WARNING, "abc", "two\nlines", LOG_STR("user", "a\"b"), LOG_STR("none", NULL),
	    LOG_I64("rows", 42));
	line = read_line();
	assert_true(str_ends(line, STR("}\n")));
	assert_int_equal(str_find(line, STR("\n")), line.n - 1);
	assert_null(json_read(a, line, JSON_DEPTH, &o));
	assert_string_equal(json_get_str(o, "level"), "warning");
	assert_string_equal(json_get_str(o, "request_id"), "abc");
	assert_string_equal(json_get_str(o, "message"), "two\nlines");
	assert_string_equal(json_get_str(o, "user"), "a\"b");
	assert_string_equal(json_get_str(o, "none"), "");
	assert_int_equal(json_get_i64(o, "rows", 0), 42);
	assert_non_null(json_get_str(o, "time"));
}

static void test_lib__log_is_quiet_below_its_level(void **state)
{
	(void)state;
	LOG(LOG_DEBUG, NULL, "no");
	assert_null(read_line().p);
	log_set_level(LOG_ERROR);
	LOG(LOG_WARNING, NULL, "no");
	assert_null(read_line().p);
	LOG(LOG_ERROR, NULL, "yes");
	assert_non_null(read_line().p);
	assert_int_equal(log_level_of(STR("warning")), LOG_WARNING);
	assert_int_equal(log_level_of(STR("loud")), -1);
}

static void test_lib__log_cuts_long_texts(void **state)
{
	char *text = memset(arena_alloc(a, 100001), 'x', 100000);
	struct json_object *o;

	(void)state;
	memcpy(text + 1023, "\xc3\xa9", 2);
	LOG(LOG_INFO, NULL, "x", LOG_STR("t", text));
	assert_null(json_read(a, read_line(), JSON_DEPTH, &o));
	assert_int_equal(strlen(json_get_str(o, "t")), 1023);
}

static void test_lib__log_err_names_the_causes(void **state)
{
	struct err *e =
	        err_cause(err_new(a, ERR_UNAVAILABLE, "could not connect"),
	                  err_cause(err_new(a, ERR_TIMEOUT, "too slow"), err_new(a, ERR_INTERNAL, "root")));
	struct json_object *o;

	(void)state;
	log_err(LOG_ERROR, NULL, "request failed", e);
	assert_null(json_read(a, read_line(), JSON_DEPTH, &o));
	assert_string_equal(json_get_str(o, "kind"), "unavailable");
	assert_string_equal(json_get_str(o, "error"), "could not connect");
	assert_string_equal(json_get_str(o, "cause"), "too slow; root");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const struct CMUnitTest lib_log_tests[] = {
        TEST(test_lib__log_line_is_one_object_and_one_write),
        TEST(test_lib__log_is_quiet_below_its_level),
        TEST(test_lib__log_cuts_long_texts),
        TEST(test_lib__log_err_names_the_causes),
};
UNIT_SUITE(lib_log_tests);
