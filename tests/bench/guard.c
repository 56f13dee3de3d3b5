/*
 * The guard without a database: the median time of a decision over the statements of corpora that are accepted, the time of all
 * TPC-DS queries, and what memory grows by over very many statements.
 *   bench-guard CALLS TPCDS.json|- POLICY.json CORPUS.jsonl [POLICY CORPUS]...
 * Writes one JSON object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/json.h"
#include "sql/sql.h"

enum { ROUNDS = 41, WARM = 20000, MOST = 2000, FILE_BYTES = 16 << 20 };

struct query {
	const struct sql_policy *policy;
	struct str sql;
};

struct queries {
	struct query q[MOST];
	size_t n;
};

static struct str file(struct arena *a, const char *path)
{
	char *text = arena_alloc(a, FILE_BYTES);
	FILE *f = fopen(path, "r");

	if (!f) {
		perror(path);
		exit(1);
	}
	size_t n = fread(text, 1, FILE_BYTES, f);
	fclose(f);
	return (struct str){text, n};
}

static void must(struct err *e)
{
	if (!e)
		return;
	fprintf(stderr, "%s\n", err_text(e));
	exit(1);
}

static int64_t once(const struct query *q)
{
	struct arena *a = arena_create();
	struct sql_statement *s;
	int64_t from = clock_mono_us();
	struct err *e = sql_guard(a, q->policy, q->sql, &s);
	int64_t took = clock_mono_us() - from;

	arena_free(a);
	return e ? -1 : took;
}

static void add(struct queries *qs, struct arena *a, const struct sql_policy *policy, const char *sql)
{
	if (qs->n < MOST)
		qs->q[qs->n++] = (struct query){policy, {arena_strdup(a, sql), strlen(sql)}};
}

static void add_corpus(struct queries *qs, struct arena *a, const char *policy_path, const char *path)
{
	struct str rest = file(a, path);
	struct sql_policy *policy;

	must(sql_policy_read(a, file(a, policy_path), &policy));
	while (rest.p) {
		struct str line = str_trim(str_chop(&rest, '\n'));
		struct json_object *o;

		if (!line.n || str_find(line, STR("\\u0000")) >= 0)
			continue;
		must(json_read(a, line, JSON_DEPTH, &o));
		struct query q = {policy, str_of(json_get_str(o, "sql"))};
		if (once(&q) >= 0)
			add(qs, a, policy, q.sql.p);
	}
}

static int by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_size);
	return n ? values[n / 2] : 0;
}

static double median_of(const struct query *q)
{
	double took[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++)
		took[i] = (double)once(q);
	return median(took, ROUNDS);
}

static long rss_kb(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		exit(1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static long growth(const struct queries *qs, long calls)
{
	long before = 0;

	for (long i = 0; i < WARM + calls; i++) {
		if (i == WARM)
			before = rss_kb();
		once(&qs->q[(size_t)i % qs->n]);
	}
	return rss_kb() - before;
}

static double all_ms(struct arena *a, const char *path, size_t *n)
{
	static const struct sql_policy policy = {.schema = "public", .max_rows = 1000};
	struct json_object *list;
	double sum = 0;

	must(json_read(a, file(a, path), JSON_DEPTH, &list));
	*n = json_object_array_length(list);
	for (size_t i = 0; i < *n; i++) {
		struct query q = {&policy, str_of(json_get_str(json_object_array_get_idx(list, i), "sql"))};
		double ms = median_of(&q) / 1000;
		sum += ms > 0 ? ms : 0;
	}
	return sum;
}

int main(int argc, char **argv)
{
	static struct queries qs;
	static double took[MOST];
	struct arena *a = arena_create();
	size_t tpcds = 0;

	if (argc < 5) {
		fputs("usage: bench-guard CALLS TPCDS.json|- POLICY.json CORPUS.jsonl [POLICY CORPUS]...\n",
		      stderr);
		return 2;
	}
	for (int i = 3; i + 1 < argc; i += 2)
		add_corpus(&qs, a, argv[i], argv[i + 1]);
	for (size_t i = 0; i < qs.n; i++)
		took[i] = median_of(&qs.q[i]);
	printf("{\"statements\":%zu,\"median_us\":%.1f,\"p99_us\":%.1f", qs.n, median(took, qs.n),
	       took[qs.n * 99 / 100]);
	if (strcmp(argv[2], "-") != 0) {
		double ms = all_ms(a, argv[2], &tpcds);
		printf(",\"tpcds\":%zu,\"tpcds_ms\":%.2f", tpcds, ms);
	}
	printf(",\"growth_kb\":%ld}\n", growth(&qs, atol(argv[1])));
	arena_free(a);
	return 0;
}
