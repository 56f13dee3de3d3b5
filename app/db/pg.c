/*
 * The one file that talks to a server through libpq. Every result is binary; BEGIN and its like, and whole
 * migration files, are sent as plain text, everything else as a prepared statement.
 */
#include "db/db_priv.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/arena.h"

/* What the address does not say. Keepalives find a server that went away without a word. */
static const char *const connect_keys[] = {
        "application_name",
        "connect_timeout",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        "dbname",
        "client_encoding",
        NULL,
};

static const char session_settings[] =
        "SET statement_timeout = '30s'; SET idle_in_transaction_session_timeout = '60s'; SET timezone ="
        " 'UTC'; SET client_min_messages = warning; SET default_transaction_isolation = 'read committed'";

static void ignore_notice(void *arg, const PGresult *res)
{
	(void)arg;
	(void)res;
}

static void finish(void *pg)
{
	PQfinish(pg);
}

static struct db_conn *conn_create(const char *url)
{
	const char *values[] = {"quern", "5", "30", "10", "3", "30000", url, "UTF8", NULL};
	const struct db_stmt *const *all;
	struct arena *a = arena_create();
	struct db_conn *conn = ARENA_NEW(a, struct db_conn);

	conn->a = a;
	conn->prepared = ARENA_ARRAY(a, const struct db_stmt *, db_statements(&all));
	conn->pg = PQconnectdbParams(connect_keys, values, 1);
	assert(conn->pg);
	arena_cleanup(a, finish, conn->pg);
	PQsetNoticeReceiver(conn->pg, ignore_notice, NULL);
	return conn;
}

/* What libpq says of an address that it misread may repeat a part of the password, so the address is looked
 * over first, and the error does not quote it. */
static bool well_formed(const char *url)
{
	PQconninfoOption *options = PQconninfoParse(url, NULL);
	bool ok = options != NULL;

	for (const PQconninfoOption *o = options; ok && o->keyword; o++) {
		if (o->val && strcmp(o->keyword, "host") == 0)
			ok = !strchr(o->val, '@');
		else if (o->val && strcmp(o->keyword, "port") == 0)
			ok = o->val[strspn(o->val, "0123456789,")] == '\0';
	}
	PQconninfoFree(options);
	return ok;
}

static struct err *misread(struct arena *a)
{
	struct err *e = err_new(a, ERR_CONFIG, "cannot read the address of the platform database");

	return err_hint(e,
	                "write QUERN_DATABASE_URL as postgresql://user:password@host:port/name, with special"
	                " characters of the password as %%XX");
}

struct err *db_pg_connect(struct arena *a, const char *url, struct db_conn **out)
{
	struct db_conn *conn;
	struct err *e;

	if (!well_formed(url))
		return misread(a);
	conn = conn_create(url);
	if (PQstatus(conn->pg) == CONNECTION_OK)
		e = db_pg_command(a, conn, "session settings", session_settings);
	else
		e = db_unavailable(a, PQerrorMessage(conn->pg));
	if (e) {
		db_pg_close(conn);
		return e;
	}
	*out = conn;
	return NULL;
}

void db_pg_close(struct db_conn *conn)
{
	arena_free(conn->a);
}

bool db_pg_alive(struct db_conn *conn)
{
	struct pollfd p = {.fd = PQsocket(conn->pg), .events = POLLIN};

	/* Nothing was asked, so whatever an idle connection says is its end. */
	return PQstatus(conn->pg) == CONNECTION_OK && poll(&p, 1, 0) == 0;
}

/* Gives res to the caller, or clears it and gives an error. */
static struct err *check(struct arena *a, struct db_conn *conn, const char *what, PGresult *res,
                         PGresult **out)
{
	ExecStatusType status = PQresultStatus(res);
	struct err *e;

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) {
		*out = res;
		return NULL;
	}
	e = db_fail(a, conn, res, what);
	PQclear(res);
	return e;
}

struct err *db_pg_command(struct arena *a, struct db_conn *conn, const char *what, const char *sql)
{
	PGresult *res = NULL;

	TRY(check(a, conn, what, PQexec(conn->pg, sql), &res));
	PQclear(res);
	return NULL;
}

struct err *db_pg_commit(struct arena *a, struct db_conn *conn)
{
	PGresult *res = NULL;
	bool committed;

	TRY(check(a, conn, "commit", PQexec(conn->pg, "COMMIT"), &res));
	committed = strcmp(PQcmdStatus(res), "COMMIT") == 0;
	PQclear(res);
	if (!committed)
		return err_new(a, ERR_INTERNAL, "cannot commit after a statement failed");
	return NULL;
}

/* The number under which the connection knows the statement; prepares it the first time. */
static struct err *prepare(struct arena *a, struct db_conn *conn, const struct db_stmt *stmt,
                           const struct db_wire *w, char name[24])
{
	const struct db_stmt *const *all;
	PGresult *res = NULL;
	size_t i = 0;

	while (i < conn->nprepared && conn->prepared[i] != stmt)
		i++;
	snprintf(name, 24, "q%zu", i);
	if (i < conn->nprepared)
		return NULL;
	assert(i < db_statements(&all));
	TRY(check(a, conn, stmt->name, PQprepare(conn->pg, name, stmt->sql, (int)w->n, w->types), &res));
	PQclear(res);
	conn->prepared[conn->nprepared++] = stmt;
	return NULL;
}

struct err *db_pg_run(struct arena *a, struct db_conn *conn, const struct db_stmt *stmt,
                      const struct db_wire *w, PGresult **out)
{
	char name[24];

	TRY(prepare(a, conn, stmt, w, name));
	return check(a, conn, stmt->name,
	             PQexecPrepared(conn->pg, name, (int)w->n, w->values, w->lengths, w->formats, 1), out);
}

struct err *db_pg_describe(struct arena *a, struct db_conn *conn, const struct db_stmt *stmt, size_t *nparams)
{
	Oid *types = ARENA_ARRAY(a, Oid, stmt->nparams);
	PGresult *res = NULL;

	for (size_t i = 0; i < stmt->nparams; i++)
		types[i] = db_wire_oid(stmt->params[i]);
	TRY(check(a, conn, stmt->name, PQprepare(conn->pg, "", stmt->sql, (int)stmt->nparams, types), &res));
	PQclear(res);
	TRY(check(a, conn, stmt->name, PQdescribePrepared(conn->pg, ""), &res));
	*nparams = (size_t)PQnparams(res);
	PQclear(res);
	return NULL;
}

struct err *db_pg_listen(struct arena *a, struct db_conn *conn, const char *channel)
{
	/* Channels are constants of the program, without quotes in them. */
	return db_pg_command(a, conn, "listen", arena_printf(a, "LISTEN \"%s\"", channel));
}

bool db_pg_notifications(struct db_conn *conn, void (*fn)(const char *channel, const char *payload))
{
	bool ok = PQconsumeInput(conn->pg) == 1;
	PGnotify *n;

	while ((n = PQnotifies(conn->pg)) != NULL) {
		fn(n->relname, n->extra);
		PQfreemem(n);
	}
	return ok && PQstatus(conn->pg) == CONNECTION_OK;
}
