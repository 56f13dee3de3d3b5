/*
 * The listener: one thread with one connection of its own, outside the pool. It listens on every watched
 * channel and calls the watchers; when the connection breaks it comes back after a growing, jittered pause.
 */
#include "db/db_priv.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"

enum { WATCHES_MOST = 8, PAUSE_FIRST_MS = 200, PAUSE_MOST_MS = 2000 };

struct watch {
	const char *channel;
	void (*fn)(void *arg, int64_t id);
	void *arg;
};

/* The watches are written before the thread starts and only read afterwards. */
static struct watch watches[WATCHES_MOST];
static size_t nwatches;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;
static pthread_t thread;
static int stop_fd = -1;

void db_watch(const char *channel, void (*fn)(void *arg, int64_t id), void *arg)
{
	assert(!started && nwatches < WATCHES_MOST);
	watches[nwatches++] = (struct watch){channel, fn, arg};
}

/* A payload that is no number counts as "look at everything". */
static void dispatch(const char *channel, const char *payload)
{
	int64_t id;

	if (!str_to_i64(str_of(payload), &id))
		id = 0;
	for (size_t i = 0; i < nwatches; i++)
		if (strcmp(watches[i].channel, channel) == 0)
			watches[i].fn(watches[i].arg, id);
}

/* Waits until fd (or -1) has something to read; false when the thread is to end. */
static bool wait_for(int fd, int timeout_ms)
{
	struct pollfd p[2] = {{.fd = stop_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};

	poll(p, 2, timeout_ms);
	return p[0].revents == 0;
}

static struct err *listen_all(struct arena *a, struct db_conn *conn)
{
	for (size_t i = 0; i < nwatches; i++)
		TRY(db_pg_listen(a, conn, watches[i].channel));
	return NULL;
}

/* Serves one connection until it breaks; false when the thread is to end. */
static bool serve(struct db_conn *conn)
{
	for (size_t i = 0; i < nwatches; i++)
		watches[i].fn(watches[i].arg, 0);
	while (db_pg_notifications(conn, dispatch))
		if (!wait_for(PQsocket(conn->pg), -1))
			return false;
	LOG(LOG_WARNING, NULL, "the listener lost its connection to the platform database");
	return true;
}

/* Connects and serves; *served tells whether it came to that. False when the thread is to end. */
static bool session(bool *served)
{
	struct arena *a = arena_create();
	struct db_conn *conn = NULL;
	struct err *e = db_pg_connect(a, db_pool_url(a), &conn);
	bool go_on = true;

	if (!e)
		e = listen_all(a, conn);
	*served = !e;
	if (e)
		log_err(LOG_WARNING, NULL, "listening to the platform database", e);
	else
		go_on = serve(conn);
	if (conn)
		db_pg_close(conn);
	arena_free(a);
	return go_on;
}

static void *listener(void *arg)
{
	int pause_ms = PAUSE_FIRST_MS;
	bool served;

	(void)arg;
	while (session(&served)) {
		pause_ms = served ? PAUSE_FIRST_MS : pause_ms * 2;
		if (pause_ms > PAUSE_MOST_MS)
			pause_ms = PAUSE_MOST_MS;
		/* The pool's processes must not all come back in the same moment. */
		if (!wait_for(-1, pause_ms + (int)((clock_mono_us() ^ getpid()) % pause_ms)))
			break;
	}
	return NULL;
}

void db_watch_start(void)
{
	sigset_t all, before;

	pthread_mutex_lock(&lock);
	if (!started) {
		started = true;
		stop_fd = eventfd(0, EFD_CLOEXEC);
		assert(stop_fd >= 0);
		/* Signals are for the threads that expect them. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		if (pthread_create(&thread, NULL, listener, NULL) != 0)
			abort();
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_mutex_unlock(&lock);
}

void db_watch_stop(void)
{
	pthread_mutex_lock(&lock);
	if (started) {
		eventfd_write(stop_fd, 1);
		pthread_join(thread, NULL);
		close(stop_fd);
		started = false;
	}
	nwatches = 0;
	pthread_mutex_unlock(&lock);
}
