/* Which numbers a text has, what they may stand for, and what is none. */
#include <string.h>

#include "agent/numbers_priv.h"
#include "lib/buf.h"
#include "unit.h"

/* "12.5k:12500 p" for each: the text of it, its readings, a letter for each thing that it is. */
static const char *scanned(struct arena *a, const char *text)
{
	static const char letters[] = "$%ptdgsmuNDYaouU";
	struct buf b = buf_init(a, BUF_LINE);
	struct number_scan scan = {.text = str_of(text)};
	struct number_token t;

	while (number_next(&scan, &t)) {
		buf_printf(&b, "%s%.*s:", b.n ? " | " : "", (int)t.n, text + t.at);
		for (size_t i = 0; i < t.nreadings && !(t.is & NUMBER_DATE); i++)
			buf_printf(&b, "%s%.12g", i ? "/" : "", t.readings[i].value);
		if (t.is & NUMBER_DATE)
			buf_printf(&b, "%d-%d-%d", t.year, t.month, t.day);
		for (unsigned i = 0; letters[i]; i++)
			if (t.is >> i & 1 && !(t.is & NUMBER_DATE))
				buf_printf(&b, "%s%c", t.is & ((1U << i) - 1) ? "" : " ", letters[i]);
	}
	return b.n ? buf_cstr(&b) : "";
}

static void test_agent__numbers_of_a_text_are_found(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	        {"12,345.67", "12,345.67:12345.67 dg"},
	        {"12.345,67", "12.345,67:12345.67 dg"},
	        {"12 345,67 and 12\u00a0345,67 and 12\u202f345",
	         "12 345,67:12345.67 dg | 12\u00a0345,67:12345.67 dg | 12\u202f345:12345 g"},
	        {"12'345.67 and 12\u2019345", "12'345.67:12345.67 dg | 12\u2019345:12345 g"},
	        {"12,34,567.5", "12,34,567.5:1234567.5 dg"},
	        {"1,234 and 1.234", "1,234:1234/1.234 g | 1.234:1234/1.234 g"},
	        {"0.123 and 12.3456 and 3,5 and .5",
	         "0.123:0.123 d | 12.3456:12.3456 d | 3,5:3.5 d | .5:0.5 d"},
	        {"1.234.567", "1.234.567:1234567 g"},
	        {"in 2024 120 orders", "2024:2024 Y | 120:120"},
	        {"10,000, 20,000.", "10,000:10000/10 g | 20,000:20000/20 g"},
	        {"37%, 37 %, 37 percent, 3,7 Prozent",
	         "37%:37/0.37 % | 37 %:37/0.37 % | 37 percent:37/0.37 % | 3,7 Prozent:3.7/0.037 %d"},
	        {"2.5 percentage points, 2,5 Prozentpunkte, 3pp",
	         "2.5 percentage points:2.5 pd | 2,5 Prozentpunkte:2.5 pd | 3pp:3 p"},
	        {"$12.3 million, \u20ac12k, 12k\u20ac, 12,3 Mio. EUR",
	         "$12.3 million:12300000 $ds | \u20ac12k:12000 $s | 12k\u20ac:12000 $s | 12,3 Mio. EUR:12300000 $ds"},
	        {"$1.2M, $3 bn, 1,2 Mrd. \u20ac",
	         "$1.2M:1200000 $ds | $3 bn:3000000000 $s | 1,2 Mrd. \u20ac:1200000000 $ds"},
	        {"CHF 1'200 and EUR12 and 12 USD", "1'200:1200 $g | 12:12 $ | 12 USD:12 $"},
	        {"-5 and \u22125 and $-5 and -$5 and (-5)",
	         "-5:5 m | \u22125:5 m | $-5:5 $m | -$5:5 $m | -5:5 m"},
	        {"5-10 and 5\u201310% and 1.2\u20131.5 million and 3 to 5 %",
	         "5:5 | 10:10 | 5:5/0.05 % | 10%:10/0.1 % | 1.2:1.2/1200000 ds | 1.5 million:1500000 ds | 3:3/0.03 % | 5 %:5/0.05 %"},
	        {"3x, 2.5-fold, 4 times, 5 mal", "3x:3 t | 2.5:2.5 td | 4:4 t | 5:5 t"},
	        {"25kg in 30 min for 5m", "25kg:25 u | 30:30 | 5m:5/5000000 s"},
	        {"1.2e6 and 3E-2", "1.2e6:1200000 d | 3E-2:0.03"},
	        {"about 12,000, over 500, less than 7, nearly 90, ca. 40, ~3",
	         "12,000:12000/12 ga | 500:500 o | 7:7 u | 90:90 u | 40:40 a | 3:3 a"},
	        {"top 10, week 12, #7, 30-day, last 90 days",
	         "10:10 N | 12:12 N | 7:7 N | 30:30 N | 90:90 NU"},
	        {"49301234567 and 12,345,678,901", "49301234567:49301234567 N | 12,345,678,901:12345678901 g"},
	        {"24 hours, 100%, 23 hours", "24:24 U | 100%:100/1 %U | 23:23"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(scanned(a, cases[i].text), cases[i].expected);
	arena_free(a);
}

static void test_agent__dates_are_no_numbers(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
	        {"2025-07-14", "2025-07-14:2025-7-14"},
	        {"2025-07-14 00:00:00+00", "2025-07-14 00:00:00+00:2025-7-14"},
	        {"2025-07-14T10:30Z, 10:30", "2025-07-14T10:30Z:2025-7-14 | 10:30:0-0-0"},
	        {"2025-07", "2025-07:2025-7-0"},
	        {"14.07.2025 und 14.7.25", "14.07.2025:2025-7-14 | 14.7.25:2025-7-14"},
	        {"am 14.07. kam; im Mittel 14.07. Das", "14.07.:0-7-14 | 14.07:14.07 d"},
	        {"7/14/2025, 2025/07/14, 2024/25",
	         "7/14/2025:2025-7-14 | 2025/07/14:2025-7-14 | 2024/25:2024-0-0"},
	        {"July 14, 2025 and July 2025 and 14 July",
	         "14, 2025:2025-7-14 | 2025:2025-7-0 | 14 July:0-7-14"},
	        {"14. Juli 2025, 14th of July", "14. Juli 2025:2025-7-14"},
	        {"im 3. Quartal, in May 300 orders", "3:3 N | 300:300"},
	        {"1987 and 2024 but $2024 and 2,024",
	         "1987:1987 Y | 2024:2024 Y | $2024:2024 $ | 2,024:2024/2.024 g"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(scanned(a, cases[i].text), cases[i].expected);
	arena_free(a);
}

static void test_agent__words_with_digits_are_no_numbers(void **state)
{
	static const char *const texts[] = {
	        "table_2",       "Q3",      "v1.2",     "1.2.3",  "192.168.1.10", "3rd 1st 22nd 5th",
	        "COVID-19",      "Q3-2024", "4K1",      "H1/x2",  "utf8",         "a1b2c3",
	        "1990s",         "'24",     "3f2a77bc", "top_10", "order_id2",    "10er",
	        "\u00e4\u00f61", "FY2024",
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_string_equal(scanned(a, texts[i]), "");
	arena_free(a);
}

static void test_agent__any_text_is_scanned_to_its_end(void **state)
{
	static const char *const parts[] = {"1",        "1 234 ",     "1,",    "1.",  "-",      "$",
	                                    "\u20ac",   "1e",         "%",     "'",   "\u2019", "\xff",
	                                    "\xe2\x80", "9999999999", "Juli ", "14 ", "12:",    "2025-",
	                                    "#",        "1-",         "k",     "0.",  "Mio. ",  "\xc2"};
	struct arena *a = arena_create();
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		struct arena_mark mark = arena_mark(a);
		struct buf b = buf_init(a, BUF_LINE);
		size_t last = 0;
		struct number_token t;

		for (int k = 0; k < 8; k++) {
			seed = seed * 1664525 + 1013904223;
			buf_add_cstr(&b, parts[(seed >> 16) % (sizeof(parts) / sizeof(*parts))]);
		}
		/* Without the NUL behind it, so that a look beyond the end is found. */
		struct str text = {arena_alloc(a, b.n), b.n};
		memcpy((char *)text.p, b.p, b.n);
		struct number_scan scan = {.text = text};
		while (number_next(&scan, &t)) {
			assert_true(t.at >= last && t.n > 0 && t.at + t.n <= text.n);
			assert_true(scan.at >= t.at + t.n);
			last = t.at + t.n;
		}
		arena_reset(a, mark);
	}
	arena_free(a);
}

static const struct CMUnitTest agent_number_scan_tests[] = {
        cmocka_unit_test(test_agent__numbers_of_a_text_are_found),
        cmocka_unit_test(test_agent__dates_are_no_numbers),
        cmocka_unit_test(test_agent__words_with_digits_are_no_numbers),
        cmocka_unit_test(test_agent__any_text_is_scanned_to_its_end),
};
UNIT_SUITE(agent_number_scan_tests);
