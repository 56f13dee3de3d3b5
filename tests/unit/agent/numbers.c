/*
 * Answers as models write them (numbers_corpus.def), held against the results that they are made of:
 * which numbers are told to be of which cell, computed, or of no query, and which are left alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/numbers_priv.h"
#include "lib/buf.h"
#include "unit.h"

/* Results: name:kind of each column, then rows; ~ is null. */
static const struct {
	char name;
	const char *sql, *tables, *text;
} results[] = {
        {'S',
         "SELECT p.category, sum(i.line_total) AS revenue, count(DISTINCT o.id) AS orders, sum(i.quantity) AS items FROM orders o"
         " GROUP BY 1 ORDER BY 2 DESC",
         "shop.orders",
         "category:t revenue:n orders:n items:n\nKitchen|48213.75|412|1033\nGarden|31990.00|288|640\nOffice|27455.10|301|702\n"
         "Toys|12008.45|97|188\nBooks|9120.50|203|311"},
        {'M',
         "SELECT date_trunc('month', placed_at)::date AS month, sum(total) AS revenue, count(*) AS orders FROM orders GROUP BY 1",
         "shop.orders",
         "month:d revenue:n orders:n\n2025-01-01|84210.40|702\n2025-02-01|79655.20|668\n2025-03-01|91034.90|745\n"
         "2025-04-01|88120.00|731\n2025-05-01|93402.75|780\n2025-06-01|95218.30|799\n2025-07-01|61377.15|512\n"
         "2025-08-01|90011.60|752\n2025-09-01|96250.05|803\n2025-10-01|99874.45|829\n2025-11-01|141230.80|1187\n"
         "2025-12-01|158904.35|1320"},
        {'C', "SELECT count(*) FROM customers", "shop.customers", "count:n\n1847"},
        {'B', "SELECT sum(total) AS revenue, count(DISTINCT user_id) AS users FROM orders", "shop.orders",
         "revenue:n users:n\n12345678.90|2345678"},
        {'F', "SELECT segment, conversion, customers FROM segments", "shop.segments",
         "segment:t conversion:n customers:n\nnew|0.1234|5120\nreturning|0.4567|2210"},
        {'P',
         "SELECT attempted_at::date AS day, count(*) AS attempts, failed, failed_percent FROM payments GROUP BY 1",
         "shop.payments",
         "day:d attempts:n failed:n failed_percent:n\n2025-07-13|104|3|2.9\n2025-07-14|98|61|62.2\n2025-07-15|101|88|87.1\n"
         "2025-07-16|97|90|92.8\n2025-07-17|99|70|70.7\n2025-07-18|103|4|3.9"},
        {'N', "SELECT quarter, profit FROM profits", "shop.profits",
         "quarter:t profit:n\nQ1|12500.50\nQ2|-3400.25\nQ3|880.00\nQ4|-120.75"},
        {'R', "SELECT sku, name, price, stock FROM products", "shop.products",
         "sku:t name:t price:n stock:n\nKI-104|Pan 28 cm|39.90|120\nKI-221|Knife set 5 pieces|89.00|34\nGA-310|Hose 25 m|24.50|0\n"
         "OF-007|Chair Model 300|149.00|17"},
        {'D', "SELECT day, tickets FROM t", "shop.tickets",
         "day:d tickets:n\n2025-03-01|7\n2025-03-02|3\n2025-03-03|11"},
        {'T', "SELECT count(*) AS open_tickets FROM tickets", "shop.tickets", "open_tickets:n\n7"},
        {'W', "SELECT count(*) AS n FROM orders WHERE total * (1 - 0.19) > 250 AND placed_at >= '2024-01-01'",
         "shop.orders", "n:n\n1204"},
        {'E', "SELECT * FROM orders WHERE placed_at = current_date - 1", "shop.orders", "id:n total:n"},
};

static struct query_result *result_of(struct arena *a, const char *sql, const char *table, const char *text,
                                      int64_t run_id)
{
	struct query_result *r = ARENA_NEW(a, struct query_result);
	struct str rest = str_of(text), head = str_chop(&rest, '\n');

	*r = (struct query_result){
	        .run_id = run_id, .sql_asked = sql, .tables = ARENA_ARRAY(a, const char *, 1), .ntables = 1};
	r->tables[0] = table;
	r->columns = ARENA_ARRAY(a, struct query_column, 16);
	while (head.p) {
		struct str kind = str_chop(&head, ' '), name = str_chop(&kind, ':');

		r->columns[r->ncolumns++] = (struct query_column){str_dup(a, name), "",
		                                                  *kind.p == 'n'   ? QUERY_NUMBER
		                                                  : *kind.p == 'd' ? QUERY_DATE
		                                                                   : QUERY_TEXT};
	}
	r->cells = ARENA_ARRAY(a, const char *, strlen(text) + 1);
	while (rest.p) {
		struct str row = str_chop(&rest, '\n');

		for (size_t i = 0; i < r->ncolumns; i++) {
			struct str cell = str_chop(&row, '|');
			r->cells[r->nrows * r->ncolumns + i] = str_is(cell, "~") ? NULL : str_dup(a, cell);
		}
		r->nrows++;
	}
	return r;
}

/* 500 customers, the best first. */
static struct query_result *customers(struct arena *a, int64_t run_id)
{
	static const char *const first[] = {"Amber",  "Birch",  "Cedar",  "Delta", "Ember", "Flint", "Grove",
	                                    "Heron",  "Iris",   "Jade",   "Kelp",  "Lark",  "Maple", "North",
	                                    "Otter",  "Pearl",  "Quartz", "Raven", "Slate", "Tulip", "Umber",
	                                    "Violet", "Willow", "Yarrow", "Zephyr"};
	static const char *const second[] = {"Alpine",  "Basin",  "Canyon",  "Dunes",   "Estuary",
	                                     "Fjord",   "Glade",  "Harbour", "Island",  "Juniper",
	                                     "Knoll",   "Lagoon", "Meadow",  "Narrows", "Oasis",
	                                     "Prairie", "Quarry", "Ridge",   "Summit",  "Tundra"};
	struct buf b = buf_init(a, BUF_PAGE);

	buf_add_cstr(&b, "id:n name:t total:n orders:n");
	for (int i = 0; i < 500; i++)
		buf_printf(&b, "\n%d|%s %s|%.2f|%d", 100001 + i, first[i / 20], second[i % 20],
		           25000 - 49.37 * i, 500 - i);
	return result_of(a, "SELECT id, name, total, orders FROM customers ORDER BY 3 DESC", "shop.customers",
	                 buf_cstr(&b), run_id);
}

static size_t runs_of(struct arena *a, const char *names, struct numbers_run *runs)
{
	size_t n = 0;

	for (; *names; names++) {
		struct query_result *r = *names == 'L' ? customers(a, (int64_t)n + 11) : NULL;

		for (size_t i = 0; i < sizeof(results) / sizeof(*results) && !r; i++)
			if (results[i].name == *names)
				r = result_of(a, results[i].sql, results[i].tables, results[i].text,
				              (int64_t)n + 11);
		assert_non_null(r);
		runs[n] = (struct numbers_run){(int64_t)n + 1, r};
		n++;
	}
	return n;
}

static const char kind_letters[] = {
        [AGENT_NUMBER_NONE] = 'x',  [AGENT_NUMBER_CELL] = 'c',      [AGENT_NUMBER_COMPUTED] = 'm',
        [AGENT_NUMBER_ROWS] = 'r',  [AGENT_NUMBER_CONDITION] = 'w', [AGENT_NUMBER_QUESTION] = 'q',
        [AGENT_NUMBER_NOTES] = 'n',
};

/* The answer with braces around what was found, as in the corpus; places of cells only where `places` says so. */
static const char *braced(struct arena *a, const char *answer, const struct agent_numbers *numbers,
                          bool places)
{
	struct buf b = buf_init(a, BUF_PAGE);
	size_t at = 0;

	for (size_t i = 0; i < numbers->n; i++) {
		const struct agent_number *n = &numbers->p[i];

		buf_printf(&b, "%.*s{%.*s %c", (int)(n->at - at), answer + at, (int)n->n, answer + n->at,
		           kind_letters[n->kind]);
		if (places && n->kind == AGENT_NUMBER_CELL)
			buf_printf(&b, "%lld.%lld", (long long)n->of[0].row, (long long)n->of[0].column);
		buf_add_char(&b, '}');
		at = n->at + n->n;
	}
	buf_add_cstr(&b, answer + at);
	return buf_cstr(&b);
}

/* Without the braces and what stands behind the last blank in them; the expectation in the form of braced(). */
static const char *plain(struct arena *a, const char *marked, const char **expected, bool *places)
{
	struct buf text = buf_init(a, BUF_PAGE), b = buf_init(a, BUF_PAGE);

	*places = false;
	for (const char *p = marked; *p; p++) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL,
		           *blank = end ? memrchr(p, ' ', (size_t)(end - p)) : NULL;
		struct str number;

		if (!end) {
			buf_add_char(&text, *p);
			buf_add_char(&b, *p);
			continue;
		}
		number = (struct str){p + 1, (size_t)(blank - p - 1)};
		/* A range is two numbers. */
		*places = *places || (blank[1] == 'c' && blank[2] != '}');
		buf_add_str(&text, number);
		buf_add_str(&b, (struct str){p, (size_t)(end + 1 - p)});
		p = end;
	}
	*expected = buf_cstr(&b);
	return buf_cstr(&text);
}

static const struct {
	const char *results, *question, *answer;
	int line;
} corpus[] = {
#define ANSWER(results, question, answer) {results, question, answer, __LINE__},
#include "numbers_corpus.def"
#undef ANSWER
};

static void test_agent__numbers_of_answers_are_told_right(void **state)
{
	size_t n = sizeof(corpus) / sizeof(*corpus), wrong = 0;

	(void)state;
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_create();
		struct numbers_run runs[4];
		struct numbers_input in = {.question = str_of(corpus[i].question), .runs = runs};
		const char *expected, *answer, *got;
		struct agent_numbers numbers;
		bool places;

		in.nruns = runs_of(a, corpus[i].results, runs);
		answer = plain(a, corpus[i].answer, &expected, &places);
		in.answer = str_of(answer);
		numbers = agent_numbers_of(a, &in);
		got = braced(a, answer, &numbers, places);
		if (strcmp(got, expected) != 0) {
			fprintf(stderr, "# line %d:\n#   %s\n# should be\n#   %s\n", corpus[i].line, got,
			        expected);
			wrong++;
		}
		arena_free(a);
	}
	if (wrong)
		fail_msg("%zu of %zu answers", wrong, n);
	assert_true(n >= 150);
}

/* A value as people write it, in one of eight ways. */
static const char *written(struct arena *a, double value, unsigned way)
{
	double size = value < 0 ? -value : value;
	const char *digits = arena_printf(a, "%.2f", value);
	struct buf b = buf_init(a, BUF_LINE);
	const char *point = strchr(digits, '.');

	switch (way % 8) {
	case 0: return digits;
	case 1: return arena_printf(a, "$%.0f", value);
	case 2:
		return size >= 1e6   ? arena_printf(a, "%.2f million", value / 1e6)
		       : size >= 1e4 ? arena_printf(a, "%.1fk", value / 1e3)
		                     : digits;
	case 3: return size >= 1e4 ? arena_printf(a, "%.1f thousand", value / 1e3) : digits;
	case 4: return arena_printf(a, "%.1f", value);
	}
	/* Grouped: English, German, French. */
	for (const char *p = digits; p < point; p++) {
		buf_add_char(&b, *p);
		if ((point - p - 1) % 3 == 0 && p + 1 < point && *p != '-')
			buf_add_cstr(&b, way % 8 == 5 ? "," : way % 8 == 6 ? "." : "\u202f");
	}
	buf_printf(&b, "%s%s", way % 8 == 5 ? "." : ",", point + 1);
	return buf_cstr(&b);
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static enum agent_number_kind kind_in(struct arena *a, const struct numbers_run *runs, size_t nruns,
                                      const char *answer)
{
	struct numbers_input in = {
	        .question = STR("Tell me"), .runs = runs, .nruns = nruns, .answer = str_of(answer)};
	struct agent_numbers numbers = agent_numbers_of(a, &in);

	return numbers.n ? numbers.p[numbers.n - 1].kind : AGENT_NUMBER_KIND__MAX;
}

/* Figures of a result in any writing are found; figures that somebody made up are found to be in it as seldom as chance has it. */
static void test_agent__true_figures_are_found_and_random_ones_are_not(void **state)
{
	static const char *const sets[] = {"S", "M", "P", "L", "SMP"};
	size_t missed = 0, believed = 0, n = 0;
	unsigned seed = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++) {
		struct arena *a = arena_create();
		struct numbers_run runs[4];
		size_t nruns = runs_of(a, sets[i], runs);

		for (int k = 0; k < 400; k++) {
			struct arena_mark mark = arena_mark(a);
			const struct query_result *r = runs[next_random(&seed) % nruns].result;
			size_t row = next_random(&seed) % r->nrows,
			       column = 1 + next_random(&seed) % (r->ncolumns - 1);
			double value = strtod(r->cells[row * r->ncolumns + column], NULL);
			double other = 1000 + (next_random(&seed) % 30000000) / 100.0;
			unsigned way = next_random(&seed);

			if (r->columns[column].kind == QUERY_NUMBER) {
				const char *text = written(a, value, way);
				if (kind_in(a, runs, nruns, arena_printf(a, "The figure is %s.", text)) ==
				    AGENT_NUMBER_NONE) {
					missed++;
					fprintf(stderr, "# not found: %s for %s\n", text,
					        r->cells[row * r->ncolumns + column]);
				}
			}
			believed += kind_in(a, runs, nruns,
			                    arena_printf(a, "The figure is %s.", written(a, other, way))) !=
			            AGENT_NUMBER_NONE;
			n++;
			arena_reset(a, mark);
		}
		fprintf(stderr, "# %s: of %zu, not found %zu, believed though made up %zu\n", sets[i], n,
		        missed, believed);
		arena_free(a);
	}
	assert_int_equal(missed, 0);
	assert_true(believed * 100 < n * 3);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Bounded, whatever the size; the time is told, not asserted. */
static void test_agent__large_answers_and_results_end_soon(void **state)
{
	static const char *const parts[] = {"12,345.67 ",  "1 234 ",  "7 % of 8, ",
	                                    "| 5 | 6 |\n", "- 42k\n", "**99** and 2025-01-01. ",
	                                    "4711 "};
	struct arena *a = arena_create();
	struct buf text = buf_init(a, BUF_PAGE);
	struct numbers_run run = {1, NULL};

	(void)state;
	buf_add_cstr(&text, "id:n name:t total:n rate:n");
	for (int i = 0; i < 25000; i++)
		buf_printf(&text, "\n%d|name %d|%d.%02d|%.3f", i, i % 977, i * 37 % 100003, i % 100,
		           i % 997 / 1000.0);
	run.result = result_of(a, "SELECT 1", "shop.t", buf_cstr(&text), 1);
	for (size_t i = 0; i <= sizeof(parts) / sizeof(*parts); i++) {
		struct arena_mark mark = arena_mark(a);
		struct buf answer = buf_init(a, BUF_PAGE);
		struct numbers_input in = {.runs = &run, .nruns = 1};
		struct agent_numbers numbers;
		double began = cpu_seconds();

		buf_add_cstr(&answer, i ? "" : "One figure: 12,345.67.");
		while (i && answer.n < 1000000)
			buf_add_cstr(&answer, parts[i - 1]);
		in.answer = buf_str(&answer);
		numbers = agent_numbers_of(a, &in);
		fprintf(stderr, "# %s: %zu numbers, %lld from no query%s, %.0f ms\n",
		        i ? parts[i - 1] : "one", numbers.n, (long long)numbers.unproven,
		        numbers.cut ? ", cut" : "", (cpu_seconds() - began) * 1000);
		assert_true(numbers.n <= NUMBERS_MOST + 1);
		arena_reset(a, mark);
	}
	arena_free(a);
}

static const struct CMUnitTest agent_numbers_tests[] = {
        cmocka_unit_test(test_agent__numbers_of_answers_are_told_right),
        cmocka_unit_test(test_agent__true_figures_are_found_and_random_ones_are_not),
        cmocka_unit_test(test_agent__large_answers_and_results_end_soon),
};
UNIT_SUITE(agent_numbers_tests);
