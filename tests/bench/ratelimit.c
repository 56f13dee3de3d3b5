/*
 * Admission of queries on the database that QUERN_DATABASE_URL names: what one admission with its leaving costs beside
 * a trivial statement, by turns in the same run; and how many a second 16 people get through together in one project,
 * beside as many who have a project each. A row that all of them needed would show as the difference.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "audit/audit.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/clock.h"

enum { ROUNDS = 2000, WARM = 100, THREADS = 16, SECONDS = 3, PROJECT = 900000000, MANY = 1000000000 };

static const char request_id[] = "bench";

static void must(struct err *e)
{
	if (!e)
		return;
	fprintf(stderr, "bench-ratelimit: %s\n", err_text(e));
	exit(1);
}

static void admit_and_leave(struct ctx *ctx, int64_t project)
{
	struct audit_quota quota = {
	        .project_id = project, .a_minute = MANY, .at_once = 4, .a_day = MANY, .hold_ms = 60000};
	int64_t place;

	must(audit_admit(ctx, &quota, &place));
	audit_leave(ctx, place);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median(int64_t *values)
{
	qsort(values, ROUNDS, sizeof(*values), by_size);
	return values[ROUNDS / 2];
}

static int64_t timed(bool admission)
{
	struct ctx ctx = {.a = arena_create(), .user_id = 1, .request_id = request_id};
	int64_t from = clock_mono_us(), took;

	if (admission)
		admit_and_leave(&ctx, PROJECT);
	else
		must(db_ping(&ctx));
	took = clock_mono_us() - from;
	arena_free(ctx.a);
	return took;
}

struct crowd {
	bool one_project;
	atomic_bool over;
	atomic_int people, done;
};

static void *ask_often(void *arg)
{
	struct crowd *c = arg;
	int64_t me = 1 + atomic_fetch_add(&c->people, 1);

	while (!atomic_load(&c->over)) {
		struct ctx ctx = {.a = arena_create(), .user_id = me, .request_id = request_id};

		admit_and_leave(&ctx, c->one_project ? PROJECT : PROJECT + me);
		atomic_fetch_add(&c->done, 1);
		arena_free(ctx.a);
	}
	return NULL;
}

static double per_second(bool one_project)
{
	struct crowd c = {.one_project = one_project};
	pthread_t threads[THREADS];
	int64_t from = clock_mono_us();

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, ask_often, &c))
			exit(1);
	while (clock_mono_us() - from < SECONDS * 1000000)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	atomic_store(&c.over, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return (double)c.done * 1e6 / (double)(clock_mono_us() - from);
}

int main(void)
{
	static int64_t trivial[ROUNDS], admission[ROUNDS];
	const char *url = getenv("QUERN_DATABASE_URL");
	double own, one;

	if (!url)
		return 1;
	db_open(url, THREADS);
	for (int i = -WARM; i < ROUNDS; i++) {
		trivial[i < 0 ? 0 : i] = timed(false);
		admission[i < 0 ? 0 : i] = timed(true);
	}
	own = per_second(false);
	one = per_second(true);
	printf("{\"us\":%lld,\"select_us\":%lld,\"own_project\":%.0f,\"one_project\":%.0f}\n",
	       (long long)median(admission), (long long)median(trivial), own, one);
	db_close();
	return 0;
}
