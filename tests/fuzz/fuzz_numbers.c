/* Whatever the answer, what is found of its numbers lies in it, in order, and can be marked in its HTML. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/numbers_priv.h"
#include "lib/buf.h"
#include "markdown/markdown.h"
#include "markdown/safe_html.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct query_column columns[] = {{"category", "text", QUERY_TEXT},
                                        {"month", "date", QUERY_DATE},
                                        {"revenue", "numeric", QUERY_NUMBER}};
static const char *cells[] = {"Kitchen",   "2025-07-01", "48213.75",   "Garden 12", "2025-08-01",
                              "-31990.00", NULL,         "2025-09-01", "0.374"};
static const char *tables[] = {"shop.orders"};

static void check(struct str answer, const struct agent_numbers *numbers)
{
	size_t last = 0;

	for (size_t i = 0; i < numbers->n; i++) {
		const struct agent_number *n = &numbers->p[i];

		if (n->at < last || !n->n || n->at + n->n > answer.n || !n->says)
			abort();
		last = n->at + n->n;
	}
}

static void check_html(struct arena *a, struct str answer, const struct agent_numbers *numbers)
{
	struct markdown_mark *marks = ARENA_ARRAY(a, struct markdown_mark, numbers->n);
	struct buf out = buf_init(a, BUF_PAGE);
	size_t at = 0;

	for (size_t i = 0; i < numbers->n; i++)
		marks[i] = (struct markdown_mark){.at = numbers->p[i].at,
		                                  .n = numbers->p[i].n,
		                                  .class = "num",
		                                  .title = numbers->p[i].says};
	if (!markdown_html_marked(a, answer, marks, numbers->n, &out) &&
	    safe_html_check(buf_str(&out), &at)) {
		fprintf(stderr, "at %zu of\n%s\n", at, buf_cstr(&out));
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	const struct query_result result = {.run_id = 1,
	                                    .sql_asked = "SELECT 1 WHERE at > '2025-01-01' LIMIT 10",
	                                    .tables = tables,
	                                    .ntables = 1,
	                                    .columns = columns,
	                                    .ncolumns = 3,
	                                    .cells = cells,
	                                    .nrows = 3};
	const struct numbers_run run = {1, &result};
	struct numbers_input in = {.answer = {(const char *)data, size},
	                           .question = STR("Above 500?"),
	                           .runs = &run,
	                           .nruns = 1};
	struct agent_numbers numbers = agent_numbers_of(a, &in);

	check(in.answer, &numbers);
	check_html(a, in.answer, &numbers);
	arena_free(a);
	return 0;
}
