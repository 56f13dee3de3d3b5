/* Statements that the guard lets pass and that would take all a machine has, twenty at once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/ctx.h"
#include "lib/json.h"
#include "lib/log.h"
#include "query/place.h"
#include "query/query_priv.h"
#include "support/pg.h"
#include "unit.h"

#ifdef __SANITIZE_ADDRESS__
enum { MOST_KB = 512 << 10 }; /* what was freed is kept for a while */
#else
enum { MOST_KB = 64 << 10 };
#endif
enum { AT_ONCE = 20, TIMEOUT_MS = 1500 };

static const char *customer_columns[] = {"id", "name"};
static const char *item_columns[] = {"id", "order_id"};
static const struct query_table tables[] = {
        {.name = "customers", .columns = customer_columns, .ncolumns = 2},
        {.name = "order_items", .columns = item_columns, .ncolumns = 2},
};

static struct place strained_place(void)
{
	struct place p = place_make();

	pg_exec("CREATE TABLE shop.customers AS SELECT n AS id, 'name of customer ' || n AS name"
	        " FROM generate_series(1, 2000) n;"
	        "CREATE TABLE shop.order_items AS SELECT n AS id, n % 500 AS order_id"
	        " FROM generate_series(1, 20000) n;"
	        "GRANT SELECT ON shop.customers, shop.order_items TO reader;"
	        "ALTER ROLE reader SET temp_file_limit = '32MB'");
	p.scope.tables = tables;
	p.scope.ntables = 2;
	p.policy.timeout_ms = TIMEOUT_MS;
	return p;
}

/* How one of them ended. */
struct attack {
	struct place p;
	const char *sql;
	struct err *e;
	int64_t took_us;
	struct arena *a;
	pthread_t thread;
};

static void *attack(void *arg)
{
	struct attack *t = arg;
	struct ctx ctx = *t->p.ctx;
	int64_t started = clock_mono_us();
	struct query_result *r;

	ctx.a = t->a = arena_create();
	t->p.ctx = &ctx;
	place_aim(&t->p);
	t->e = query_run(&ctx, &t->p.scope, t->sql, &r);
	t->took_us = clock_mono_us() - started;
	return NULL;
}

static long memory_kb(const char *key)
{
	char line[256];
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kb = strtol(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

/* Each ends by its time, by the room that the database gives it, or found the pool busy with the others. */
static void all_at_once(struct place *p, const char *id, const char *sql)
{
	static struct attack attacks[AT_ONCE];
	size_t timeouts = 0, refused = 0, busy = 0;
	int64_t longest = 0;

	for (int i = 0; i < AT_ONCE; i++) {
		attacks[i] = (struct attack){.p = *p, .sql = sql};
		assert_int_equal(pthread_create(&attacks[i].thread, NULL, attack, &attacks[i]), 0);
	}
	for (int i = 0; i < AT_ONCE; i++) {
		pthread_join(attacks[i].thread, NULL);
		assert_non_null(attacks[i].e);
		timeouts += attacks[i].e->kind == ERR_TIMEOUT;
		refused += attacks[i].e->kind == ERR_QUERY || attacks[i].e->kind == ERR_REFUSED;
		busy += attacks[i].e->kind == ERR_UNAVAILABLE;
		if (attacks[i].took_us > longest)
			longest = attacks[i].took_us;
		arena_free(attacks[i].a);
	}
	printf("# %s: %zu by time, %zu by size, %zu found no place; the longest took %lld ms\n", id, timeouts,
	       refused, busy, (long long)longest / 1000);
	assert_int_equal(timeouts + refused + busy, AT_ONCE);
}

static void test_query__statements_that_want_it_all_end(void **state)
{
	struct arena *a = arena_create();
	struct str text = unit_file(a, unit_shared(a, "attacks/attacks-runtime.jsonl")), line;
	struct place p = strained_place();
	long before = memory_kb("VmRSS:");

	(void)state;
	log_set_level(LOG_ERROR);
	while (text.p) {
		struct json_object *o;

		line = str_trim(str_chop(&text, '\n'));
		if (!line.n)
			continue;
		assert_ok(json_read(a, line, JSON_DEPTH, &o));
		all_at_once(&p, json_get_str(o, "id"), json_get_str(o, "sql"));
		assert_int_equal(place_run(&p, "SELECT count(*) FROM customers")->nrows, 1);
	}
	log_set_level(LOG_INFO);
	printf("# %ld KB more than before, %ld KB at most\n", memory_kb("VmRSS:") - before,
	       memory_kb("VmHWM:"));
	assert_true(memory_kb("VmRSS:") - before < MOST_KB);
	place_await("SELECT count(*) FROM pg_stat_activity WHERE usename = 'reader' AND state = 'active'",
	            "0");
	pg_exec("ALTER ROLE reader RESET temp_file_limit");
	arena_free(a);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query__statements_that_want_it_all_end),
};
UNIT_SUITE(tests);
