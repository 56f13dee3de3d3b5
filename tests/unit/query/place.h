/* A project with a shop to query: schema "shop" in the test database, read by role "reader" with a SCRAM
 * password. */
#ifndef QUERY_PLACE_H
#define QUERY_PLACE_H

#include "query/query.h"

struct place {
	struct ctx *ctx;
	struct project_source source;
	struct policy policy;
	struct query_scope scope;
};

/* A fresh database with orders (1000 rows), kinds (one row, a column of each kind) and the excluded salaries. */
struct place place_make(void);

/* Sets the pointers of the scope, for calls of query.h on it. */
void place_aim(struct place *p);

/* Runs and expects it to succeed, or to fail. */
struct query_result *place_run(struct place *p, const char *sql);
struct err *place_fail(struct place *p, const char *sql);

/* Waits until the query gives the value; fails the test when it does not within 30 s. */
void place_await(const char *sql, const char *value);

#endif
