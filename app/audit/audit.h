/*
 * What people did, and how often they may. The trail is append-only and reads as sentences: who, what, to
 * which object. Rate limits are counted in the database, so they hold across processes, hosts and restarts.
 */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db.h"
#include "lib/ctx.h"
#include "lib/err.h"

struct settings;

struct audit_entry {
	int64_t id;
	int64_t at;         /* wall clock, microseconds */
	int64_t user_id;    /* 0: nobody */
	const char *email;  /* at that time; "" for nobody */
	const char *action; /* "project.create" */
	const char *object; /* "project:7" or "" */
	const char *detail; /* JSON text */
	const char *address;
	const char *request_id;
};

/* Appends an entry with the user, address and request of ctx. detail is JSON text without secrets, or NULL.
 * Inside a transaction the entry is kept if the action is, and is written at its end, for the chain is held
 * from then on. Outside of one it has its own. What fails, at
 * the end too, fails the action: UNAVAILABLE; CONFIG without QUERN_KEY; INVALID for a detail that is not JSON. */
MUST_CHECK struct err *audit_log(struct ctx *ctx, const char *action, const char *object, const char *detail);

/* A statement that changes rows, and the entry that tells of it: both or neither. NOT_FOUND, "<what> not found", where it
 * changes none. */
struct audit_change {
	const struct db_stmt *stmt;
	struct db_args args;
	const char *what;
	const char *action;
	const char *object;
};
MUST_CHECK struct err *audit_change(struct ctx *ctx, const struct audit_change *change);

/* Entries that meet all that is given (NULL, "" or 0: not asked), newest first, at most `most` of them. With
 * `after` those that follow that one most closely. */
struct audit_filter {
	const char *person; /* part of the e-mail */
	const char *action; /* an action, or its first part: "project" */
	const char *object;
	int64_t from;   /* wall clock */
	int64_t to;     /* and before this */
	int64_t before; /* id: for the next page */
	int64_t after;  /* id: for the page before */
	int64_t most;
};
MUST_CHECK struct err *audit_search(struct ctx *ctx, const struct audit_filter *filter,
                                    struct audit_entry **entries, size_t *n);

/* The actions that occur, in order of the alphabet. */
MUST_CHECK struct err *audit_actions(struct ctx *ctx, const char ***actions, size_t *n);

/* Checks the chain from its first row, in one pass with memory that does not grow. With heads (a file that
 * audit_heads() wrote) also that no end was cut off. ok false: `wrong` says what is wrong with which entry, the
 * first one that is. Errors: UNAVAILABLE, also for a file that cannot be read; CONFIG without QUERN_KEY. */
struct audit_report {
	bool ok;
	int64_t entries;   /* in the chain, and as they should be */
	int64_t unchained; /* written before there was one; its first entry stands on them */
	int64_t heads;     /* lines of the file that fit */
	int64_t until;     /* time of the last of the entries */
	const char *wrong;
};
MUST_CHECK struct err *audit_verify(struct ctx *ctx, const char *heads, struct audit_report *out);

/* Appends the present end of the chain to the file when it moved: a copy outside of the database's reach. Any
 * number of processes may do so. Errors: UNAVAILABLE; CONFLICT when the file is ahead of the log. */
MUST_CHECK struct err *audit_heads(struct ctx *ctx, const char *path);
/* Does so now and every minute in a thread of this process, with the file that the settings name, if any. */
void audit_heads_start(const struct settings *settings);

/* May a person run one more query now? Counts it against all limits (0: none) in one statement, and gives a
 * place (0: none is needed) that is held until audit_leave() or for hold_ms, so that a process that dies holds
 * none for long. The limits of a person do not bind user_id 0; the day is one of UTC. What is refused counts
 * nowhere. Call it outside of transactions. Errors: RATE_LIMITED with retry_after and the limit in words;
 * UNAVAILABLE. */
struct audit_quota {
	int64_t project_id;
	int64_t a_minute; /* of ctx->user_id in the project */
	int64_t at_once;  /* of ctx->user_id in the project */
	int64_t a_day;    /* of the project */
	int64_t hold_ms;
};
MUST_CHECK struct err *audit_admit(struct ctx *ctx, const struct audit_quota *quota, int64_t *place);
/* Gives the place back, whatever happened to the query. What goes wrong with it is logged. */
void audit_leave(struct ctx *ctx, int64_t place);

enum { AUDIT_WINDOW_MOST = 86400 };

/* Counts one event in the bucket ("sign-in:address:203.0.113.7", at most 400 bytes) unless that would make
 * more than `limit` in the last window_seconds (1 to AUDIT_WINDOW_MOST); then it is not counted and the error
 * is RATE_LIMITED with retry_after. The last window is the current one and the part of the one before that it
 * overlaps, taken as evenly spread. A bucket is always used with the same window. Call it outside of
 * transactions. Other errors: UNAVAILABLE; INVALID for a bucket that is too long.
 *
 * To limit failures only (sign-in): count before the attempt, undo after success. That holds against
 * many attempts at the same moment; looking first and counting afterwards would not. */
MUST_CHECK struct err *audit_rate(struct ctx *ctx, const char *bucket, int64_t limit, int64_t window_seconds);

/* Takes the newest counted event back. */
MUST_CHECK struct err *audit_rate_undo(struct ctx *ctx, const char *bucket);

/* Removes counters that no window can reach any more. audit_rate() does so about once an hour. */
MUST_CHECK struct err *audit_rate_sweep(struct ctx *ctx);

#endif
