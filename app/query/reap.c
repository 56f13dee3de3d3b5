/*
 * The end of statements that nobody waits for any more. Asking a server to stop, and waiting for it, can take
 * seconds; a thread of its own does that, while whoever wanted the rows goes on. First the statement is
 * cancelled. A server that is held up by what it sends does not hear that, so then its session is ended from another
 * connection of the same role, which every role may do.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "query/query_priv.h"

enum { DRAIN_BYTES = 1 << 20 }; /* of one message; a longer one is not worth waiting for */

void query_conn_terminate(const struct project_source *source, int pid)
{
	struct arena *a = arena_create();
	struct query_wait w = {a, NULL, clock_mono_us() + (int64_t)QUERY_GRACE_MS * 1000, 0};
	const char *params[] = {arena_printf(a, "%d", pid)};
	const struct query_step step = {
	        .sql = "SELECT pg_catalog.pg_terminate_backend($1)", .params = params, .nparams = 1};
	struct query_conn *conn;
	PGresult *res;

	/* What fails here leaves only the closing of our end. */
	if (!query_conn_open(&w, source, &conn)) {
		if (!query_conn_trip(&w, conn, &step, 1, &res))
			PQclear(res);
		query_conn_close(conn);
	}
	arena_free(a);
}

/* Reads what still comes until the statement is over. */
static bool drain(struct query_conn *conn, struct arena *a)
{
	struct query_wait w = {a, NULL, clock_mono_us() + (int64_t)QUERY_GRACE_MS * 1000, DRAIN_BYTES};
	PGresult *res;

	while (!query_conn_read(&w, conn, &res)) {
		bool last = PQresultStatus(res) == PGRES_PIPELINE_SYNC;

		PQclear(res);
		if (last)
			return true;
	}
	return PQstatus(conn->pg) == CONNECTION_BAD;
}

static void *reap(void *arg)
{
	struct query_conn *conn = arg;
	struct arena *a = arena_create();
	PGcancel *cancel = PQgetCancel(conn->pg);
	char why[256];

	if (cancel)
		PQcancel(cancel, why, sizeof(why));
	PQfreeCancel(cancel);
	if (!drain(conn, a))
		query_conn_terminate(&conn->source, PQbackendPID(conn->pg));
	arena_free(a);
	query_pool_closed(conn);
	return NULL;
}

bool query_reap(struct query_conn *conn)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, reap, conn) != 0)
		return false;
	pthread_detach(thread);
	return true;
}

/* Readers that stall ----------------------------------------------------------------------------------------- */

struct query_stall {
	struct project_source source;
	int pid, fd;
	atomic_llong since; /* monotonic: the sink has a row since then; 0: it has none */
	bool cut;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool over;
	pthread_t thread;
	bool watched;
};

static bool stalled(struct query_stall *s)
{
	int64_t since = atomic_load(&s->since);

	return since && clock_mono_us() - since > (int64_t)QUERY_STALL_MS * 1000;
}

/* A server that sends and is not read holds its snapshot and its locks, and none of its time limits counts. */
static void *watch(void *arg)
{
	struct query_stall *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->over && !s->cut) {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec++;
		pthread_cond_timedwait(&s->changed, &s->lock, &t);
		s->cut = !s->over && stalled(s);
	}
	if (s->cut) {
		query_conn_terminate(&s->source, s->pid);
		shutdown(s->fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct query_stall *query_stall_watch(struct arena *a, struct query_conn *conn)
{
	struct query_stall *s = ARENA_NEW(a, struct query_stall);

	s->source = conn->source;
	s->pid = PQbackendPID(conn->pg);
	s->fd = PQsocket(conn->pg);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->watched = pthread_create(&s->thread, NULL, watch, s) == 0;
	return s;
}

/* For each row: the sum of many coarse times is right although one is not. */
void query_stall_enter(struct query_stall *s)
{
	atomic_store_explicit(&s->since, clock_coarse_us(), memory_order_relaxed);
}

int64_t query_stall_leave(struct query_stall *s)
{
	int64_t since = atomic_load_explicit(&s->since, memory_order_relaxed);

	atomic_store_explicit(&s->since, 0, memory_order_relaxed);
	return clock_coarse_us() - since;
}

bool query_stall_end(struct query_stall *s)
{
	pthread_mutex_lock(&s->lock);
	s->over = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (s->watched)
		pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	return s->cut;
}
