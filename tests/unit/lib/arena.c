#include "lib/arena.h"

#include <string.h>

#include "unit.h"

static void count(void *arg)
{
	++*(int *)arg;
}

static void test_lib__arena_memory_is_zeroed_and_aligned(void **state)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 4000, 5000, 16383, 16384, 70000, 1 << 20};
	struct arena *a = arena_create();
	size_t i, round, j;

	(void)state;
	for (round = 0; round < 20; round++) {
		for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			unsigned char *p = arena_alloc(a, sizes[i]);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
			for (j = 0; j < sizes[i]; j++)
				assert_int_equal(p[j], 0);
			memset(p, 0xa5, sizes[i]);
		}
	}
	arena_free(a);
}

static void test_lib__arena_cleanups_run_last_first(void **state)
{
	struct arena *a = arena_create();
	int calls = 0;

	(void)state;
	arena_cleanup(a, count, &calls);
	arena_cleanup(a, count, &calls);
	arena_free(a);
	assert_int_equal(calls, 2);
	arena_free(NULL);
}

struct order {
	char text[8];
	size_t n;
};

static struct order order;

static void note(void *arg)
{
	order.text[order.n++] = *(const char *)arg;
}

static void test_lib__arena_reset_gives_back_what_came_after_the_mark(void **state)
{
	struct arena *a = arena_create();
	char *kept = arena_strdup(a, "kept");
	size_t used, i;
	struct arena_mark mark;

	(void)state;
	memset(&order, 0, sizeof(order));
	arena_cleanup(a, note, "a");
	mark = arena_mark(a);
	used = arena_used(a);
	for (i = 0; i < 3; i++) {
		arena_cleanup(a, note, "b");
		arena_alloc(a, 100);
		arena_alloc(a, 100000);
		arena_alloc(a, 9000);
		arena_cleanup(a, note, "c");
		arena_reset(a, mark);
		assert_int_equal(arena_used(a), used);
		assert_string_equal(kept, "kept");
	}
	assert_string_equal(order.text, "cbcbcb");
	arena_free(a);
	assert_string_equal(order.text, "cbcbcba");
}

static void test_lib__arena_grow_keeps_the_content(void **state)
{
	struct arena *a = arena_create();
	size_t n = 3, i;
	char *p = memcpy(arena_alloc(a, n), "abc", 3);
	struct arena_mark mark;

	(void)state;
	for (i = 0; i < 20; i++) {
		p = arena_grow(a, p, n, n * 2);
		assert_memory_equal(p, "abc", 3);
		assert_int_equal(p[n], 0);
		assert_int_equal(p[n * 2 - 1], 0);
		n *= 2;
		if (i % 3 == 0)
			arena_alloc(a, 1);
	}
	mark = arena_mark(a);
	p = arena_grow(a, NULL, 0, 10);
	assert_int_equal(p[9], 0);
	arena_reset(a, mark);
	arena_free(a);
}

#ifndef ARENA_DEBUG
static void test_lib__arena_grows_its_last_allocation_in_place(void **state)
{
	struct arena *a = arena_create();
	char *p = arena_alloc(a, 100);
	size_t used = arena_used(a);

	(void)state;
	assert_ptr_equal(arena_grow(a, p, 100, 1000), p);
	assert_int_equal(arena_used(a), used + 900);
	arena_alloc(a, 1);
	assert_ptr_not_equal(arena_grow(a, p, 1000, 1001), p);
	arena_free(a);
}
#endif

static void test_lib__arena_texts_are_terminated(void **state)
{
	struct arena *a = arena_create();

	(void)state;
	assert_string_equal(arena_strndup(a, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(a, NULL, 0), "");
	assert_null(arena_strdup(a, NULL));
	assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
	assert_int_equal(strlen(arena_printf(a, "%50000s", "")), 50000);
	arena_free(a);
}

static const struct CMUnitTest lib_arena_tests[] = {
        cmocka_unit_test(test_lib__arena_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_lib__arena_cleanups_run_last_first),
        cmocka_unit_test(test_lib__arena_reset_gives_back_what_came_after_the_mark),
        cmocka_unit_test(test_lib__arena_grow_keeps_the_content),
#ifndef ARENA_DEBUG
        cmocka_unit_test(test_lib__arena_grows_its_last_allocation_in_place),
#endif
        cmocka_unit_test(test_lib__arena_texts_are_terminated),
};
UNIT_SUITE(lib_arena_tests);
