/*
 * A real PostgreSQL for tests: one private, throw-away cluster for each test process, on a Unix socket below
 * /tmp, started when first asked for and removed when the process ends. Anything that goes wrong with it ends
 * the process.
 */
#ifndef SUPPORT_PG_H
#define SUPPORT_PG_H

struct ctx;

/* A fresh database with all migrations applied, and a context whose pool (4 connections) is open on it.
 * Whatever an earlier call returned is gone, its database and memory too. No user exists; user_id is 0. */
struct ctx *pg_ctx(void);

/* As pg_ctx(), but the database is empty. */
struct ctx *pg_ctx_empty(void);

/* The address of the database of the last pg_ctx(); makes one if there is none. */
const char *pg_url(void);

/* Runs SQL as the superuser in that database, over a connection of its own. */
void pg_exec(const char *sql);

/* The same; returns the first column of the first row as text, "" if there is none. Valid until the next
 * call. */
const char *pg_value(const char *sql);

/* Stops the server as a crash would; starts it again. */
void pg_stop(void);
void pg_start(void);

#endif
