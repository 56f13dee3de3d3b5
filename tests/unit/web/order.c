/* Rows in the order of a column: by what the values are, not by how they are written. */
#include "web/order_priv.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "unit.h"

/* The values, "a|b|-" with - for NULL, in order. */
static const char *ordered(struct arena *a, enum query_kind kind, const char *values, bool falling)
{
	struct query_column c = {"x", NULL, kind};
	struct query_result r = {.columns = &c, .ncolumns = 1, .cells = ARENA_ARRAY(a, const char *, 32)};
	struct buf b = buf_init(a, BUF_LINE);
	struct str rest = str_of(values);

	while (rest.p) {
		const char *value = str_dup(a, str_chop(&rest, '|'));
		r.cells[r.nrows++] = strcmp(value, "-") ? value : NULL;
	}
	(void)web_order(a, &r, 0, falling);
	for (size_t i = 0; i < r.nrows; i++)
		buf_printf(&b, "%s%s", i ? "|" : "", r.cells[i] ? r.cells[i] : "-");
	return buf_cstr(&b);
}

static void test_order__values_decide(void **state)
{
	static const struct {
		enum query_kind kind;
		const char *values, *rising, *falling;
	} cases[] = {
	        {QUERY_NUMBER, "10|9|-|-2|1e3|NaN|0.5", "-2|0.5|9|10|1e3|NaN|-", "1e3|10|9|0.5|-2|NaN|-"},
	        {QUERY_NUMBER, "Infinity|1|-Infinity", "-Infinity|1|Infinity", "Infinity|1|-Infinity"},
	        {QUERY_NUMBER, "123456789012345678901234567891|123456789012345678901234567890|-123456789012345678901234567891",
	         "-123456789012345678901234567891|123456789012345678901234567890|123456789012345678901234567891",
	         "123456789012345678901234567891|123456789012345678901234567890|-123456789012345678901234567891"},
	        {QUERY_NUMBER, "$1,200.00|-$3.00|$90.00", "-$3.00|$90.00|$1,200.00", "$1,200.00|$90.00|-$3.00"},
	        {QUERY_DATE, "2025-02-01|0044-03-15 BC|10000-01-01|-|infinity|-infinity",
	         "-infinity|0044-03-15 BC|2025-02-01|10000-01-01|infinity|-",
	         "infinity|10000-01-01|2025-02-01|0044-03-15 BC|-infinity|-"},
	        {QUERY_TIME, "2025-10-26 02:30:00+01|2025-10-26 02:45:00+02|2025-10-26 02:30:00.5+01",
	         "2025-10-26 02:45:00+02|2025-10-26 02:30:00+01|2025-10-26 02:30:00.5+01",
	         "2025-10-26 02:30:00.5+01|2025-10-26 02:30:00+01|2025-10-26 02:45:00+02"},
	        {QUERY_TEXT, "b|A|-|a|B|", "|A|a|B|b|-", "b|B|a|A||-"},
	        {QUERY_BOOL, "t|f|-", "f|t|-", "t|f|-"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_string_equal(ordered(a, cases[i].kind, cases[i].values, false), cases[i].rising);
		assert_string_equal(ordered(a, cases[i].kind, cases[i].values, true), cases[i].falling);
	}
	arena_free(a);
}

/* Whole rows move, and rows that are alike keep their order. */
static void test_order__rows_stay_whole(void **state)
{
	struct query_column c[] = {{"a", NULL, QUERY_NUMBER}, {"b", NULL, QUERY_TEXT}};
	const char *cells[] = {"2", "first", "1", "second", "2", "third", "1", "fourth"};
	struct query_result r = {.columns = c, .ncolumns = 2, .cells = cells, .nrows = 4};
	struct arena *a = arena_create();

	(void)state;
	size_t *before = web_order(a, &r, 0, true);
	assert_int_equal(before[0], 0);
	assert_int_equal(before[1], 2);
	assert_string_equal(r.cells[1], "first");
	assert_string_equal(r.cells[3], "third");
	assert_string_equal(r.cells[5], "second");
	assert_string_equal(r.cells[7], "fourth");
	arena_free(a);
}

static const struct CMUnitTest order_tests[] = {
        cmocka_unit_test(test_order__values_decide),
        cmocka_unit_test(test_order__rows_stay_whole),
};
UNIT_SUITE(order_tests);
