/*
 * The one file that talks to people's databases through libpq. Nothing blocks without an end: every wait is a
 * poll of at most 50 ms, then deadline and stop flag are looked at. Statements go over the extended
 * protocol, in pipeline mode.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "query/query_priv.h"

enum { SLICE_MS = 50, RATION_BYTES = 1 << 20 };

struct query_wait query_wait_ms(struct ctx *ctx, int64_t ms)
{
	return (struct query_wait){ctx->a, ctx->stop, clock_mono_us() + ms * 1000, 0};
}

static struct err *waited_too_long(const struct query_wait *w)
{
	return err_hint(
	        err_code(err_new(w->a, ERR_TIMEOUT, "the query took too long and was stopped"), "timeout"),
	        "Ask for less: a shorter period, fewer rows, or an aggregate.");
}

static struct err *connection_lost(const struct query_wait *w, struct query_conn *conn)
{
	struct err *e =
	        err_code(err_new(w->a, ERR_UNAVAILABLE, "the connection to the project's database was lost"),
	                 "connection_lost");

	conn->lost = true;
	e->retry_after = 2;
	return e;
}

static struct err *over(const struct query_wait *w)
{
	if (w->stop && atomic_load(w->stop))
		return err_code(err_new(w->a, ERR_CANCELLED, "the query was stopped"), "stopped");
	return clock_coarse_us() >= w->until ? waited_too_long(w) : NULL;
}

static struct err *wait_for(const struct query_wait *w, int fd, short events)
{
	for (;;) {
		/* By the clock that over() goes by: less than none would be without an end. */
		int64_t left = (w->until - clock_coarse_us()) / 1000;
		struct pollfd p = {.fd = fd, .events = events};

		TRY(over(w));
		if (poll(&p, 1, left < SLICE_MS ? (int)left + 1 : SLICE_MS) > 0)
			return NULL;
	}
}

static void ignore_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static void finish(void *pg)
{
	PQfinish(pg);
}

/* Every keyword that matters is set here, so that no file or variable of the environment is read for it.
 * Without a stored password a dummy is given: libpq would else take one that is meant for another server. */
static PGconn *start(struct arena *a, const struct project_source *source)
{
	const char *port = arena_printf(a, "%lld", (long long)source->port);
	const char *const given[][2] = {
	        {"host", source->host},
	        {"port", port},
	        {"dbname", source->database},
	        {"user", source->username},
	        {"password", source->password && *source->password ? source->password : "none"},
	        {"sslmode", source->sslmode},
	        {"passfile", "/dev/null"},
	        {"gssencmode", "disable"},
	        {"target_session_attrs", "any"},
	        {"replication", "false"},
	        {"options", "-c default_transaction_read_only=on"},
	        {"application_name", "quern"},
	        {"client_encoding", "UTF8"},
	        {"connect_timeout", "5"},
	        {"keepalives", "1"},
	        {"keepalives_idle", "30"},
	        {"keepalives_interval", "10"},
	        {"keepalives_count", "3"},
	        {"tcp_user_timeout", "30000"},
	};
	enum { GIVEN = sizeof(given) / sizeof(*given) };
	const char *keys[GIVEN + 1] = {0}, *values[GIVEN + 1] = {0};

	for (size_t i = 0; i < GIVEN; i++) {
		keys[i] = given[i][0];
		values[i] = given[i][1];
	}
	return PQconnectStartParams(keys, values, 0);
}

static struct err *connect_all(const struct query_wait *w, const struct project_source *source, PGconn *pg)
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	/* Verbose messages hold the SQLSTATE, whatever language the server speaks. */
	PQsetErrorVerbosity(pg, PQERRORS_VERBOSE);
	while (state != PGRES_POLLING_OK) {
		struct err *e;

		if (PQstatus(pg) == CONNECTION_BAD || state == PGRES_POLLING_FAILED)
			return query_fail_connect(w->a, source, PQerrorMessage(pg));
		e = wait_for(w, PQsocket(pg), state == PGRES_POLLING_READING ? POLLIN : POLLOUT);
		if (e && e->kind == ERR_TIMEOUT)
			return query_fail_connect(w->a, source, "timeout expired");
		if (e)
			return e;
		state = PQconnectPoll(pg);
	}
	return NULL;
}

/* A server that knows us by our account lets in whoever set up the project, and perhaps to our own database. */
static bool admitted_as_us(const struct project_source *source, PGconn *pg)
{
	char text[4096];
	struct passwd entry, *own = NULL;

	if (source->host[0] != '/' || PQconnectionUsedPassword(pg))
		return false;
	return getpwuid_r(geteuid(), &entry, text, sizeof(text), &own) == 0 && own &&
	       strcmp(own->pw_name, source->username) == 0;
}

/* What it takes to get there again. */
static struct project_source copy_of(struct arena *a, const struct project_source *s)
{
	return (struct project_source){.id = s->id,
	                               .project_id = s->project_id,
	                               .version = s->version,
	                               .host = arena_strdup(a, s->host),
	                               .port = s->port,
	                               .database = arena_strdup(a, s->database),
	                               .username = arena_strdup(a, s->username),
	                               .password = arena_strdup(a, s->password),
	                               .sslmode = arena_strdup(a, s->sslmode)};
}

struct err *query_conn_open(const struct query_wait *w, const struct project_source *source,
                            struct query_conn **out)
{
	struct query_wait own = *w;
	int64_t until = clock_mono_us() + (int64_t)QUERY_CONNECT_MS * 1000;
	struct arena *a = arena_create();
	struct query_conn *conn = ARENA_NEW(a, struct query_conn);
	struct err *e;

	if (until < own.until)
		own.until = until;
	*conn = (struct query_conn){.pg = start(a, source), .a = a, .source = copy_of(a, source)};
	assert(conn->pg);
	arena_cleanup(a, finish, conn->pg);
	PQsetNoticeReceiver(conn->pg, ignore_notice, NULL);
	e = connect_all(&own, source, conn->pg);
	if (!e && admitted_as_us(source, conn->pg))
		e = query_fail_connect(w->a, source, "the server asked for no password");
	if (!e && (PQsetnonblocking(conn->pg, 1) != 0 || !PQenterPipelineMode(conn->pg)))
		e = connection_lost(w, conn);
	if (e) {
		query_conn_close(conn);
		return e;
	}
	*out = conn;
	return NULL;
}

void query_conn_close(struct query_conn *conn)
{
	arena_free(conn->a);
}

bool query_conn_alive(struct query_conn *conn)
{
	struct pollfd p = {.fd = PQsocket(conn->pg), .events = POLLIN};

	/* Nothing was asked, so whatever a connection at rest says is its end. */
	return PQstatus(conn->pg) == CONNECTION_OK && poll(&p, 1, 0) == 0;
}

static struct err *too_much(const struct query_wait *w)
{
	return err_hint(err_code(err_new(w->a, ERR_QUERY, "the database sent more at once than can be taken"),
	                         "too_big"),
	                "Ask for less: shorter values, fewer columns.");
}

/*
 * libpq reads on for as long as more has come, and a message of any length counts as one: an error that repeats
 * a value of 300 MB would cost 1.4 GB before anybody is asked. Its only way to the network is recv(). That is
 * defined here, for the whole program, so that a thread can say how much one call of libpq may take.
 */
static _Thread_local bool rationed;
static _Thread_local size_t ration;

ssize_t recv(int fd, void *bytes, size_t n, int flags)
{
	ssize_t got;

	if (rationed && !ration) {
		errno = EWOULDBLOCK;
		return -1;
	}
	got = recvfrom(fd, bytes, rationed && ration < n ? ration : n, flags, NULL, NULL);
	if (rationed && got > 0)
		ration -= (size_t)got;
	return got;
}

/* False when the connection is lost. *taken grows by what was read. */
static bool consume(struct query_conn *conn, int64_t *taken)
{
	bool ok;

	rationed = true;
	ration = RATION_BYTES;
	ok = PQconsumeInput(conn->pg);
	rationed = false;
	*taken += (int64_t)(RATION_BYTES - ration);
	return ok;
}

/* A server that sends faster than we read never makes us wait, so the end is looked at here too. */
static struct err *ready(const struct query_wait *w, struct query_conn *conn)
{
	int64_t taken = 0;

	TRY(over(w));
	for (;;) {
		int unsent = PQflush(conn->pg);

		if (unsent < 0)
			return connection_lost(w, conn);
		if (!PQisBusy(conn->pg))
			return NULL;
		/* libpq keeps a message until all of it is there. */
		if (w->most && taken > w->most)
			return too_much(w);
		TRY(wait_for(w, PQsocket(conn->pg), unsent ? POLLIN | POLLOUT : POLLIN));
		if (!consume(conn, &taken))
			return connection_lost(w, conn);
	}
}

struct err *query_conn_read(const struct query_wait *w, struct query_conn *conn, PGresult **out)
{
	*out = NULL;
	TRY(ready(w, conn));
	*out = PQgetResult(conn->pg);
	return NULL;
}

struct err *query_conn_next(const struct query_wait *w, struct query_conn *conn, PGresult **out)
{
	struct err *e = query_conn_read(w, conn, out);

	if (e && !conn->lost)
		query_conn_abandon(conn);
	return e;
}

void query_conn_abandon(struct query_conn *conn)
{
	conn->lost = conn->unfinished = true;
}

struct err *query_conn_send(const struct query_wait *w, struct query_conn *conn,
                            const struct query_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct query_step *s = &steps[i];
		bool sent = s->describe ? PQsendPrepare(conn->pg, "", s->sql, 0, NULL) &&
		                                  PQsendDescribePrepared(conn->pg, "")
		                        : PQsendQueryParams(conn->pg, s->sql, (int)s->nparams, NULL,
		                                            s->params, NULL, NULL, 0);

		if (!sent)
			return connection_lost(w, conn);
		if ((s->sync || i + 1 == n) && !PQpipelineSync(conn->pg))
			return connection_lost(w, conn);
	}
	return NULL;
}

/* One result and the NULL behind it. *failed keeps the first failure. */
static struct err *take_one(const struct query_wait *w, struct query_conn *conn, PGresult **out,
                            struct err **failed)
{
	ExecStatusType status;
	PGresult *rest;

	TRY(query_conn_next(w, conn, out));
	status = PQresultStatus(*out);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_PIPELINE_ABORTED &&
	    !*failed)
		*failed = query_fail(w->a, conn, *out);
	if (conn->lost)
		return *failed;
	TRY(query_conn_next(w, conn, &rest));
	assert(!rest);
	return NULL;
}

/* What a step gives: with a description there is that of the preparing before it; after a sync its mark. */
static struct err *take(const struct query_wait *w, struct query_conn *conn, const struct query_step *step,
                        bool last, PGresult **out, struct err **failed)
{
	PGresult *rest;

	TRY(take_one(w, conn, out, failed));
	if (step->describe) {
		PQclear(*out);
		*out = NULL;
		TRY(take_one(w, conn, out, failed));
	}
	if (last || step->sync) {
		TRY(query_conn_next(w, conn, &rest));
		PQclear(rest);
	}
	return NULL;
}

struct err *query_conn_trip(const struct query_wait *w, struct query_conn *conn,
                            const struct query_step *steps, size_t n, PGresult **results)
{
	struct err *e, *failed = NULL;

	for (size_t i = 0; i < n; i++)
		results[i] = NULL;
	e = query_conn_send(w, conn, steps, n);
	for (size_t i = 0; !e && i < n; i++)
		e = take(w, conn, &steps[i], i + 1 == n, &results[i], &failed);
	if (!e)
		e = failed;
	for (size_t i = 0; e && i < n; i++) {
		PQclear(results[i]);
		results[i] = NULL;
	}
	return e;
}
