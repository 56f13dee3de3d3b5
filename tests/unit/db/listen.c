/* Notifications: delivered at commit, and a hint to look again after every reconnect. */
#include <pthread.h>
#include <string.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "lib/log.h"
#include "support/pg.h"
#include "unit.h"

/* What the watchers were told, oldest first. */
struct heard {
	pthread_mutex_t lock;
	pthread_cond_t more;
	int64_t ids[64];
	size_t n;
};

static struct heard heard[2] = {
        {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {0}, 0},
        {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {0}, 0},
};

static void hear(void *arg, int64_t id)
{
	struct heard *h = arg;

	pthread_mutex_lock(&h->lock);
	if (h->n < 64)
		h->ids[h->n++] = id;
	pthread_cond_broadcast(&h->more);
	pthread_mutex_unlock(&h->lock);
}

/* The n-th thing heard; fails when it does not come. */
static int64_t nth(struct heard *h, size_t n)
{
	struct timespec until;
	int64_t id = -1;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 30;
	pthread_mutex_lock(&h->lock);
	while (h->n <= n && pthread_cond_timedwait(&h->more, &h->lock, &until) == 0)
		;
	if (h->n > n)
		id = h->ids[n];
	pthread_mutex_unlock(&h->lock);
	return id;
}

static void start(void)
{
	heard[0].n = heard[1].n = 0;
	db_watch("test_a", hear, &heard[0]);
	db_watch("test_b", hear, &heard[1]);
	db_watch_start();
	db_watch_start();
	assert_int_equal(nth(&heard[0], 0), 0);
	assert_int_equal(nth(&heard[1], 0), 0);
}

static void test_db__watchers_hear_their_channel(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	start();
	assert_null(db_notify(ctx, "test_a", 7));
	assert_null(db_notify(ctx, "test_b", INT64_MAX));
	assert_null(db_notify(ctx, "test_a", 9));
	assert_int_equal(nth(&heard[0], 1), 7);
	assert_int_equal(nth(&heard[0], 2), 9);
	assert_true(nth(&heard[1], 1) == INT64_MAX);
	pg_exec("NOTIFY test_b, 'nonsense'");
	assert_int_equal(nth(&heard[1], 2), 0);
}

static struct err *notify_and_fail(struct ctx *ctx, void *arg)
{
	(void)arg;
	TRY(db_notify(ctx, "test_a", 1));
	return err_new(ctx->a, ERR_CONFLICT, "made to fail");
}

static struct err *notify_twice(struct ctx *ctx, void *arg)
{
	(void)arg;
	TRY(db_notify(ctx, "test_a", 2));
	return db_notify(ctx, "test_a", 3);
}

static void test_db__notifications_belong_to_their_transaction(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	start();
	assert_non_null(db_transact(ctx, notify_and_fail, NULL));
	assert_null(db_transact(ctx, notify_twice, NULL));
	assert_int_equal(nth(&heard[0], 1), 2);
	assert_int_equal(nth(&heard[0], 2), 3);
}

static void test_db__listener_comes_back_after_a_restart(void **state)
{
	struct ctx *ctx = pg_ctx();

	(void)state;
	log_set_level(LOG_ERROR);
	start();
	pg_stop();
	pg_start();
	assert_int_equal(nth(&heard[0], 1), 0);
	for (int i = 0; i < 200 && db_ping(ctx); i++)
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	assert_null(db_notify(ctx, "test_a", 5));
	assert_int_equal(nth(&heard[0], 2), 5);
	log_set_level(LOG_INFO);
	db_close();
}

static const struct CMUnitTest db_listen_tests[] = {
        cmocka_unit_test(test_db__watchers_hear_their_channel),
        cmocka_unit_test(test_db__notifications_belong_to_their_transaction),
        cmocka_unit_test(test_db__listener_comes_back_after_a_restart),
};
UNIT_SUITE(db_listen_tests);
