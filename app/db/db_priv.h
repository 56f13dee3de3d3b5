/*
 * Inside db/: connections, the pool they rest in, and the binary form of values. libpq's calls that reach a
 * server stand in pg.c only.
 */
#ifndef DB_DB_PRIV_H
#define DB_DB_PRIV_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "db/db.h"

/* What db_before_commit() was told. */
struct db_hook {
	struct err *(*fn)(struct ctx *ctx, void *arg);
	void *arg;
	struct db_hook *next;
};

/* One connection. It belongs to the thread that took it from the pool. */
struct db_conn {
	PGconn *pg;
	struct arena *a;                 /* holds this struct, ends the connection when it is freed */
	const struct db_stmt **prepared; /* statement i is prepared as "q<i>" */
	size_t nprepared;
	unsigned generation;  /* of the pool that opened it */
	bool lost;            /* must not be used again */
	bool clash;           /* a serialization failure or deadlock ended the transaction */
	struct db_hook *hooks; /* of the open transaction, in its arena */
	struct db_conn *next; /* in the list of idle ones */
};

/* Parameters as libpq wants them; they live in the arena that they were made in. */
struct db_wire {
	size_t n;
	Oid *types;
	const char **values;
	int *lengths;
	int *formats;
};

/* check.c. All statements of the program, which the linker has put side by side, and their number. */
size_t db_statements(const struct db_stmt *const **first);

/* pg.c. Errors are in arena a; db_pg_connect() gives CONFIG for an address that makes no sense. Results are
 * released with PQclear() by the caller. */
MUST_CHECK struct err *db_pg_connect(struct arena *a, const char *url, struct db_conn **out);
void db_pg_close(struct db_conn *conn);
/* False when the server has ended an idle connection. */
bool db_pg_alive(struct db_conn *conn);
MUST_CHECK struct err *db_pg_run(struct arena *a, struct db_conn *conn, const struct db_stmt *stmt,
                                 const struct db_wire *w, PGresult **out);
/* Runs text without parameters, many statements if need be; what names it in errors. */
MUST_CHECK struct err *db_pg_command(struct arena *a, struct db_conn *conn, const char *what,
                                     const char *sql);
/* COMMIT; INTERNAL when the server rolled back because an earlier statement had failed. */
MUST_CHECK struct err *db_pg_commit(struct arena *a, struct db_conn *conn);
/* Prepares the statement under no name and tells how many parameters the server sees. */
MUST_CHECK struct err *db_pg_describe(struct arena *a, struct db_conn *conn, const struct db_stmt *stmt,
                                      size_t *nparams);
MUST_CHECK struct err *db_pg_listen(struct arena *a, struct db_conn *conn, const char *channel);
/* Hands what has arrived to fn; false when the connection is gone. */
bool db_pg_notifications(struct db_conn *conn, void (*fn)(const char *channel, const char *payload));

/* fail.c: the error for a result (NULL: the connection's own message); marks conn lost or clash. */
struct err *db_fail(struct arena *a, struct db_conn *conn, const PGresult *res, const char *what)
        __attribute__((returns_nonnull));
struct err *db_unavailable(struct arena *a, const char *cause);

/* pool.c. db_pool_put() closes a lost connection, and with it all idle ones: they are suspect too. */
MUST_CHECK struct err *db_pool_get(struct ctx *ctx, struct db_conn **out);
void db_pool_put(struct db_conn *conn);
/* The pool's address, a copy in the arena. */
const char *db_pool_url(struct arena *a);

/* listen.c */
void db_watch_stop(void);

/* wire.c. Encoding errors: INVALID for text that PostgreSQL cannot hold. Decoding errors: INTERNAL for
 * columns that are not as declared. */
Oid db_wire_oid(enum db_type type);
MUST_CHECK struct err *db_wire_encode(struct arena *a, struct db_args args, struct db_wire *w);
MUST_CHECK struct err *db_wire_columns(struct arena *a, const char *what, const PGresult *res,
                                       const struct db_row *row);
void db_wire_decode(struct arena *a, const PGresult *res, int line, const struct db_row *row, void *out);

#endif
