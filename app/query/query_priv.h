/*
 * Inside query/: connections to people's databases, the pool they rest in, transactions that are set up anew,
 * results. libpq's calls that reach a server stand in conn.c only.
 */
#ifndef QUERY_QUERY_PRIV_H
#define QUERY_QUERY_PRIV_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "query/query.h"
#include "sql/sql.h"

enum {
	QUERY_CONNECT_MS = 5000,
	QUERY_SLACK_MS = 1000,          /* the server's deadline comes first */
	QUERY_STALL_MS = 8000,          /* for a sink to take a row */
	QUERY_GRACE_MS = 2000,          /* for a cancelled statement to end, and for tidying up */
	QUERY_CONNECTIONS = 8,          /* most to one source in one process */
	QUERY_IDLE = 4,                 /* most of them at rest */
	QUERY_SLOW = 4,                 /* most of them for queries in the background */
	QUERY_IDLE_MS = 60000,          /* at rest for longer: closed */
	QUERY_STORED_BYTES = 2 << 20,   /* of a result in query_runs */
	QUERY_MESSAGE_BYTES = 16 << 20, /* from the server; a row is never as large, an error may be */
};

/* One connection. It belongs to the thread that took it from the pool; always in libpq's pipeline mode. */
struct query_conn {
	PGconn *pg;
	struct arena *a;              /* holds this struct, ends the connection when it is freed */
	struct project_source source; /* where to; id 0: not of the pool */
	bool reused;                  /* came from rest: may have died meanwhile */
	bool lost;                    /* must not be used again */
	bool unfinished;              /* and the server may still be at work for it */
	bool slow;                    /* counts among those */
	int64_t idle_since;           /* monotonic */
	struct query_conn *next;      /* in the list of those at rest */
};

/* How long to wait, and who may end it early. Errors are made in a. */
struct query_wait {
	struct arena *a;
	const atomic_bool *stop; /* or NULL */
	int64_t until;           /* monotonic */
	int64_t most;            /* bytes of one message (a row, an error); 0: any */
};
struct query_wait query_wait_ms(struct ctx *ctx, int64_t ms);

/* One statement of a round trip. sync ends an (implicit) transaction there; the last step always syncs.
 * describe: it is not run, its result tells names and types of its columns. */
struct query_step {
	const char *sql;
	const char *const *params;
	size_t nparams;
	bool sync;
	bool describe;
};

/* conn.c. Connecting fails with UNAVAILABLE in words for admins (fail.c), or CANCELLED. */
MUST_CHECK struct err *query_conn_open(const struct query_wait *w, const struct project_source *source,
                                       struct query_conn **out);
void query_conn_close(struct query_conn *conn);
/* False when the server has ended a connection at rest. */
bool query_conn_alive(struct query_conn *conn);
/* Sends n steps at once and takes their results, to be PQclear()ed by the caller. With an error there are
 * none. */
MUST_CHECK struct err *query_conn_trip(const struct query_wait *w, struct query_conn *conn,
                                       const struct query_step *steps, size_t n, PGresult **results);
/* The same in parts. query_conn_next() gives the next PGresult or NULL, as PQgetResult() does. */
MUST_CHECK struct err *query_conn_send(const struct query_wait *w, struct query_conn *conn,
                                       const struct query_step *steps, size_t n);
MUST_CHECK struct err *query_conn_next(const struct query_wait *w, struct query_conn *conn, PGresult **out);
/* As query_conn_next(), but an error leaves the connection as it is. */
MUST_CHECK struct err *query_conn_read(const struct query_wait *w, struct query_conn *conn, PGresult **out);
/* What runs is not wanted any more: the connection is lost, and the server is asked to stop once it is given
 * back to the pool. */
void query_conn_abandon(struct query_conn *conn);

/* reap.c: stops at the server what runs on a connection that is unfinished, in a thread of its own that closes
 * it; false when there is no thread for it. */
bool query_reap(struct query_conn *conn);
/* Ends a session from another connection. */
void query_conn_terminate(const struct project_source *source, int pid);

/* Notices when a sink does not return for QUERY_STALL_MS, and then ends the session. query_stall_leave() gives
 * the microseconds that it took, query_stall_end() whether it was ended. */
struct query_stall;
struct query_stall *query_stall_watch(struct arena *a, struct query_conn *conn);
void query_stall_enter(struct query_stall *s);
int64_t query_stall_leave(struct query_stall *s);
bool query_stall_end(struct query_stall *s);

/* What a transaction is opened with. */
struct query_opening {
	int64_t timeout_ms;
	const char *time_zone; /* NULL: UTC; becomes NULL when the server does not know it */
	bool slow;             /* it may take long: only some of the connections are for those */
	const char *sql;       /* to be described in the same round trip, or NULL */
	PGresult *shape;       /* its columns, to be PQclear()ed by the caller */
};

/* pool.c. A slow one waits for its place as long as it may run. Errors: UNAVAILABLE, CANCELLED. */
MUST_CHECK struct err *query_pool_get(struct ctx *ctx, const struct project_source *source,
                                      const struct query_opening *opening, struct query_conn **out);
/* Closes a lost one. */
void query_pool_put(struct query_conn *conn);
/* Closes one that was reaped. */
void query_pool_closed(struct query_conn *conn);
/* Closes those of a source that are at rest. */
void query_pool_drop(int64_t source_id);

/* transaction.c: takes a connection and begins a read-only transaction with settings that were read back.
 * A connection that died at rest is replaced once. query_transaction_end() rolls back, discards what the
 * session holds, and gives the connection back. Errors: those of the pool, of connecting, and QUERY with a
 * position in opening->sql. */
MUST_CHECK struct err *query_transaction_begin(struct ctx *ctx, const struct project_source *source,
                                               struct query_opening *opening, struct query_conn **out);
MUST_CHECK struct err *query_transaction_begin_on(const struct query_wait *w, struct query_conn *conn,
                                                  struct query_opening *opening);
void query_transaction_end(struct query_conn *conn);

/* fail.c. The error for a failed statement; its position is the server's, in the text that was sent. Marks
 * a connection lost that is of no more use. */
struct err *query_fail(struct arena *a, struct query_conn *conn, const PGresult *res);
/* The error for a connection that did not come about, from libpq's verbose text; names role, host and
 * database. */
struct err *query_fail_connect(struct arena *a, const struct project_source *source, const char *text);

/* position.c: the 1-based character in `asked` for that of the same word in `sent`, or 0 when that is not
 * certain. */
int query_position(struct str asked, struct str sent, int position);

/* probe.c: what there is to say of a release ("PostgreSQL 15.18", 150018), or NULL. */
const char *query_release_warning(struct arena *a, const char *server, int number, const char **mend);

/* risk.c: what a role may do besides reading, at most QUERY_RISKS of them. */
enum { QUERY_RISKS = 12 };
MUST_CHECK struct err *query_risks(const struct query_wait *w, struct query_conn *conn, const char *role,
                                   struct query_warning *out, size_t *n);

/* result.c */
/* A result under way: add PGresults row by row; false when a cap is reached, or a sink failed, and no more is
 * wanted. */
struct query_builder {
	struct arena *a;
	struct query_result *r;
	struct query_caps caps;
	const struct query_sink *sink; /* takes the rows; NULL: they are kept in r */
	struct arena *row;             /* with a sink: its cells, until the next one */
	struct err *failed;            /* of the sink */
	struct crypto_hash *hash;      /* with a sink: of the rows that it got */
	struct query_stall *stall;     /* with a sink */
	int64_t elsewhere_us;          /* that it took */
	size_t room;                   /* cells allocated */
	size_t cut_cells;
};
void query_builder_columns(struct query_builder *b, const PGresult *shape);
bool query_builder_row(struct query_builder *b, const PGresult *res, int row);
void query_builder_finish(struct query_builder *b);
enum query_kind query_kind_of(const char *name);
/* The names of types that are not PostgreSQL's own, asked from the database. */
MUST_CHECK struct err *query_result_types(const struct query_wait *w, struct query_conn *conn,
                                          const PGresult *shape, struct query_result *r);
/* A text[] literal. */
const char *query_text_array(struct arena *a, struct db_texts texts);

/* One run under way. */
struct query_work {
	struct ctx *ctx;
	const struct query_scope *scope;
	struct query_caps caps;
	const struct query_sink *sink; /* takes the rows; NULL: they are kept in r */
	struct query_plan *plan;       /* to be filled, and nothing is run; or NULL */
	int64_t timeout_ms;
	bool background;
	bool running;                    /* to be recorded as such */
	struct sql_statement *statement; /* NULL until the guard accepted */
	struct query_result *r;
	int64_t at;           /* wall clock, when it began */
	int64_t started;      /* the same, monotonic */
	struct str hash;      /* of the rows; p NULL: none */
	struct str cache_key; /* p NULL: its rows stand for no other run */
};

/* run.c: the parts of a run. query_work_prepare() guards and asks for admission; what fails there is recorded.
 * For a background run it also records that it runs. */
struct query_work query_work_for(struct ctx *ctx, const struct query_scope *scope);
MUST_CHECK struct err *query_work_prepare(struct query_work *work, const char *sql, int64_t *place);
/* Runs and records. */
MUST_CHECK struct err *query_work_finish(struct query_work *work, int64_t place);
/* The time zone that is asked for: a name that could be one, or "UTC". */
const char *query_zone(const struct query_scope *scope);

/* guard.c: the statement as the policy lets it run. LIMIT is one more than the rows that are wanted, so that a
 * cut can be told from an end. */
MUST_CHECK struct err *query_guard(struct query_work *work, const char *sql);
/* The server says that a table is not there: in the words for one that may not be read. Else e. */
struct err *query_no_table(const struct query_work *work, struct err *e);

/* fetch.c: runs the guarded statement in a transaction that is open and reads its rows. shape is what the
 * server said of its columns. */
MUST_CHECK struct err *query_fetch(struct query_work *work, struct query_conn *conn, const PGresult *shape);

/* wrap.c: the guarded statement so that no row is larger than what caps->cell_bytes (lowered when there are many
 * columns) allows, whatever the database holds. */
const char *query_wrap(struct arena *a, const char *sql, const PGresult *shape, struct query_caps *caps);

/* plan.c: what the server would do for the statement. REFUSED (too_dear) when it would cost more than the
 * policy lets it, unless the plan is all that is asked for. */
MUST_CHECK struct err *query_plan_ask(const struct query_wait *w, struct query_conn *conn,
                                      struct query_work *work, struct query_plan *plan);

/* file.c, and a writer for each format. Each appends to `b`; what is in it goes out when it is enough. */
struct query_file {
	struct ctx *ctx; /* for errors */
	struct arena *a; /* of its own: rows come while others use ctx->a as scratch */
	const struct query_writer *writer;
	struct query_output out;
	struct query_sink sink;
	struct buf b;
	const struct query_column *columns;
	size_t ncolumns;
	int64_t rows; /* written */
	void *own;    /* of the writer */
};
struct query_writer {
	struct query_format format;
	struct err *(*open)(struct query_file *f); /* or NULL */
	struct err *(*columns)(struct query_file *f);
	struct err *(*row)(struct query_file *f, const char *const *cells);
	struct err *(*close)(struct query_file *f, const struct query_result *r); /* or NULL */
};
extern const struct query_writer query_csv, query_tsv, query_json, query_xlsx;
/* Sends what is in b. */
MUST_CHECK struct err *query_file_flush(struct query_file *f);
/* Decimal digits of a cell from the first that is not 0, when it is a number by JSON's grammar without an
 * exponent; else 0. *length is the cell's. */
size_t query_digits(const char *cell, size_t *length);
/* "real" and "double precision": what they say is what a double says. */
bool query_is_float(const struct query_column *c);

/* caveat.c: what to know of a whole result, into r->caveats: for each run, also one whose rows were another's. */
void query_caveats(struct arena *a, const struct query_scope *scope, const struct sql_statement *s,
                   struct query_result *r);

/* cache.c: fills r from an earlier run if that may be; else sets the key under which this one may serve. */
MUST_CHECK struct err *query_cache_find(struct query_work *work, bool *found);

/* hash.c */
struct crypto_hash;
struct crypto_hash *query_hash_start(struct arena *a, const struct query_result *r);
void query_hash_row(struct crypto_hash *h, const char *const *cells, size_t n);
struct str query_hash_end(struct arena *a, struct crypto_hash *h);
struct str query_hash_of(struct arena *a, const struct query_result *r);

/* record.c: writes the row of query_runs and sets r->run_id; fills the row of a run that has one. failed is
 * NULL for a done one. */
MUST_CHECK struct err *query_record(struct query_work *work, const struct err *failed);
const char *query_error_json(struct ctx *ctx, const struct err *failed);

/* load.c: the rows of the newest run of that key within the time, or NULL. */
MUST_CHECK struct err *query_load_cached(struct ctx *ctx, struct str key, int64_t seconds,
                                         struct query_result **out);

#endif
