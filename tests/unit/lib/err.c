#include "lib/err.h"

#include "lib/arena.h"
#include "lib/clock.h"
#include "unit.h"

static void test_lib__err_carries_its_parts(void **state)
{
	struct arena *a = arena_create();
	struct err *cause = err_new(a, ERR_TIMEOUT, "took %d s", 3);
	struct err *e = err_new(a, ERR_NOT_FOUND, "no table \"%s\"", "x");

	(void)state;
	assert_string_equal(err_text(e), "no table \"x\"");
	e = err_cause(
	        err_at(err_hint(err_detail(err_code(e, "no_table"), "It was\nnot %s.", "there"), "Look."), 7),
	        cause);
	assert_string_equal(e->code, "no_table");
	assert_int_equal(e->position, 7);
	assert_ptr_equal(e->cause, cause);
	assert_string_equal(err_text(e), "no table \"x\": It was not there. (Look.)");
	arena_free(a);
}

static void test_lib__err_copy_outlives_the_arena(void **state)
{
	struct arena *a = arena_create(), *own = arena_create();
	struct err *e = err_new(own, ERR_TIMEOUT, "took %d s", 3), *copy;

	(void)state;
	e->retry_after = 2;
	e = err_cause(err_at(err_hint(err_code(e, "slow"), "Wait."), 7), err_new(own, ERR_QUERY, "why"));
	copy = err_copy(a, e);
	arena_free(own);
	assert_int_equal(copy->kind, ERR_TIMEOUT);
	assert_string_equal(copy->code, "slow");
	assert_string_equal(err_text(copy), "took 3 s (Wait.)");
	assert_null(copy->detail);
	assert_int_equal(copy->position, 7);
	assert_int_equal(copy->retry_after, 2);
	assert_string_equal(err_text(copy->cause), "why");
	assert_null(copy->cause->cause);
	assert_null(err_copy(a, NULL));
	arena_free(a);
}

static void test_lib__err_kinds_have_their_columns(void **state)
{
	(void)state;
	assert_string_equal(err_name(ERR_NOT_FOUND), "not_found");
	assert_string_equal(err_name(ERR_TIMEOUT), "timeout");
	assert_int_equal(err_status(ERR_TOO_LARGE), 413);
	assert_true(err_model_may_see(ERR_REFUSED));
	assert_false(err_model_may_see(ERR_INTERNAL));
	assert_string_equal(err_title(ERR_CANCELLED), "Stopped");
}

static void test_lib__clock_writes_rfc3339(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
	        {0, "1970-01-01T00:00:00Z"},
	        {-1, "1969-12-31T23:59:59Z"},
	        {1772357400999999, "2026-03-01T09:30:00Z"},
	        {951782400000000, "2000-02-29T00:00:00Z"},
	};
	struct arena *a = arena_create();
	int64_t before = clock_mono_us();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(clock_rfc3339(a, cases[i].us), cases[i].text);
	assert_true(clock_mono_us() >= before);
	assert_true(clock_wall_us() > 1700000000000000);
	arena_free(a);
}

static const struct CMUnitTest lib_err_tests[] = {
        cmocka_unit_test(test_lib__err_carries_its_parts),
        cmocka_unit_test(test_lib__err_copy_outlives_the_arena),
        cmocka_unit_test(test_lib__err_kinds_have_their_columns),
        cmocka_unit_test(test_lib__clock_writes_rfc3339),
};
UNIT_SUITE(lib_err_tests);
