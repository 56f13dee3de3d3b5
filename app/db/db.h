/*
 * The platform database: a pool of connections, typed statements, transactions, migrations, notifications.
 *
 * A statement is a named literal beside its only user. Its parameter types are part of it, so that a test can
 * prepare every statement of the program on a freshly migrated database (a linker section lists them):
 *
 *     DB_STMT(user_by_email, "SELECT id, name FROM users WHERE email = $1", DB_TEXT);
 *     struct row { int64_t id; const char *name; };
 *     static const struct db_row user_row =
 *             DB_ROW(struct row, DB_COL_I64(struct row, id), DB_COL_TEXT(struct row, name));
 *     TRY(db_one(ctx, &user_by_email, DB_ARGS(db_text(email)), &user_row, &row));
 *
 * A connection is checked out for one statement or one transaction and never held while anything else waits.
 * Statements are prepared once a connection. A read outside a transaction that finds its connection dead is
 * tried once more on a new one; anything else becomes UNAVAILABLE, with nothing half written.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ctx.h"
#include "lib/err.h"
#include "lib/str.h"

struct buf;

/* Types of parameters and columns. */
enum db_type {
	DB_I64,   /* bigint, integer <-> int64_t */
	DB_F64,   /* double precision <-> double */
	DB_TEXT,  /* text <-> const char *, NULL is null */
	DB_BOOL,  /* boolean <-> bool */
	DB_BYTES, /* bytea <-> struct str, p NULL is null */
	DB_JSON,  /* jsonb <-> const char * holding JSON text */
	DB_TIME,  /* timestamptz <-> int64_t microseconds since 1970 UTC, 0 is null */
	DB_TEXTS, /* text[] <-> struct db_texts, p NULL is null */
};

struct db_texts {
	const char **p;
	size_t n;
};

struct db_stmt {
	const char *name;
	const char *sql;
	bool reads; /* begins with SELECT: may be retried */
	size_t nparams;
	const enum db_type *params;
};

/* Declares a statement, at file scope; "" text "" refuses anything but a literal. DB_STMT0: no parameters. */
#define DB_STMT(ident, text, ...) \
	static const enum db_type ident##_types[] = {__VA_ARGS__}; \
	DB_STMT_(ident, text, ident##_types, sizeof(ident##_types) / sizeof(enum db_type))
#define DB_STMT0(ident, text) DB_STMT_(ident, text, NULL, 0)
#define DB_STMT_(ident, text, types, count) \
	static const struct db_stmt ident = {#ident, "" text "", sizeof(text) > 7 && ("" text "")[0] == 'S', \
	                                     count, types}; \
	static const struct db_stmt *const ident##_listed __attribute__((used, section("db_stmts"))) = &ident

/* One argument; made by the functions below. */
struct db_arg {
	enum db_type type;
	bool null;
	int64_t i;
	double f;
	struct str s;
	struct db_texts texts;
};
struct db_arg db_i64(int64_t v);
struct db_arg db_id(int64_t v); /* as db_i64, but 0 is null: optional references */
struct db_arg db_f64(double v);
struct db_arg db_bool(bool v);
struct db_arg db_text(const char *v);
struct db_arg db_str(struct str v); /* DB_TEXT from a view */
struct db_arg db_bytes(struct str v);
struct db_arg db_json(const char *v);
struct db_arg db_time(int64_t wall_us);
struct db_arg db_texts(const char **p, size_t n);

struct db_args {
	const struct db_arg *p;
	size_t n;
};
#define DB_ARGS(...) \
	((struct db_args){(const struct db_arg[]){__VA_ARGS__}, \
	                  sizeof((const struct db_arg[]){__VA_ARGS__}) / sizeof(struct db_arg)})
#define DB_NO_ARGS ((struct db_args){NULL, 0})

/* How a result row fills a struct: columns in order. NULL is 0, 0.0, false or a NULL pointer. DB_ROW
 * initializes a static const struct db_row at file scope. A single value: DB_ROW(int64_t, {DB_I64, 0}). */
struct db_col {
	enum db_type type;
	size_t offset;
};
struct db_row {
	size_t size;
	const struct db_col *cols;
	size_t n;
};
/* clang-format off */
#define DB_ROW(type, ...) \
	{sizeof(type), (const struct db_col[]){__VA_ARGS__}, \
	 sizeof((const struct db_col[]){__VA_ARGS__}) / sizeof(struct db_col)}
#define DB_COL_I64(type, f) {DB_I64, offsetof(type, f)}
#define DB_COL_F64(type, f) {DB_F64, offsetof(type, f)}
#define DB_COL_TEXT(type, f) {DB_TEXT, offsetof(type, f)}
#define DB_COL_BOOL(type, f) {DB_BOOL, offsetof(type, f)}
#define DB_COL_BYTES(type, f) {DB_BYTES, offsetof(type, f)}
#define DB_COL_JSON(type, f) {DB_JSON, offsetof(type, f)}
#define DB_COL_TIME(type, f) {DB_TIME, offsetof(type, f)}
#define DB_COL_TEXTS(type, f) {DB_TEXTS, offsetof(type, f)}
/* clang-format on */

/* One bigint, into an int64_t: what INSERT ... RETURNING id gives. */
extern const struct db_row db_id_row;

/* Opens the pool of this process: at most `connections`, opened when first needed. Call once after fork. */
void db_open(const char *url, int connections);
/* Stops the listener, forgets its watches, closes idle connections and forgets the pool; for commands that
 * end and before fork. Does nothing when closed already. */
void db_close(void);

/* Whether the error says that this database cannot be had for the moment. Another one's UNAVAILABLE is none of that. */
bool db_is_away(const struct err *e);

/* All rows, as an array in the arena. */
MUST_CHECK struct err *db_all(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args,
                              const struct db_row *row, void *rows, size_t *n);

/* The first row into *out; *found tells whether there was one. */
MUST_CHECK struct err *db_find(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args,
                               const struct db_row *row, void *out, bool *found);

/* As db_find, but no row is NOT_FOUND ("<what> not found"). */
MUST_CHECK struct err *db_one(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args,
                              const struct db_row *row, const char *what, void *out);

/* Runs a statement without result rows; *affected may be NULL. Errors besides UNAVAILABLE: CONFLICT with code
 * set to the name of the violated unique or foreign key constraint; INVALID (code too) for a check constraint
 * and for values that cannot be stored; TIMEOUT after 30 s. The cause tells what the server said. */
MUST_CHECK struct err *db_run(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args,
                              int64_t *affected);

/* Runs fn inside a transaction (ctx->tx is set for its statements); rolls back when fn fails. A serialization
 * failure or deadlock runs it once more. Transactions do not nest: inside one, fn simply runs. */
MUST_CHECK struct err *db_transact(struct ctx *ctx, struct err *(*fn)(struct ctx *ctx, void *arg), void *arg);

/* Right before the open transaction commits, fn(ctx, arg) runs inside it, with the ctx that db_transact() was
 * called with: for what takes a lock that everybody needs. In the order of the calls; its error rolls back, and a
 * transaction that is run once more begins without any. Inside a transaction only; arg lives until its end. */
void db_before_commit(struct ctx *ctx, struct err *(*fn)(struct ctx *ctx, void *arg), void *arg);

/* Notifications. db_notify() is delivered when its transaction commits. One listener thread a process serves
 * all: it is started by the first db_watch_start() and reconnects by itself. */
MUST_CHECK struct err *db_notify(struct ctx *ctx, const char *channel, int64_t id);

/* Calls fn(arg, id) from the listener thread for each notification on the channel, and with id 0 after every
 * (re)connect: something may have been missed before. fn is quick, it holds up the others. Channels are
 * program constants; at most 8, all before the first db_watch_start(). */
void db_watch(const char *channel, void (*fn)(void *arg, int64_t id), void *arg);
void db_watch_start(void);

/* Migrations: sql/NNNN_name.sql in order, each in a transaction, recorded with its SHA-256, under an advisory
 * lock. Refuses (CONFIG) when an applied file was edited or is missing, or the database is newer than the
 * files. *applied is how many were applied now. */
MUST_CHECK struct err *db_migrate(struct ctx *ctx, const char *dir, int *applied);

/* CONFIG unless the database is exactly at the version of the files. */
MUST_CHECK struct err *db_migrated(struct ctx *ctx, const char *dir);

/* Prepares every statement of the program with its declared parameter types; the report in b names each that
 * the server refuses or whose parameters differ in number. Used by tests and `quern doctor`. */
MUST_CHECK struct err *db_check_statements(struct ctx *ctx, struct buf *b, int *failed);

/* UNAVAILABLE unless the database answers a trivial query. */
MUST_CHECK struct err *db_ping(struct ctx *ctx);

#endif
