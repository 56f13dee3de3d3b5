/*
 * Runs a program that is not trusted inside a process sandbox: bubblewrap with namespaces of its own, so that there is no
 * network, no other process and no file of this machine but /usr and what is named; a list of system calls that are
 * refused; limits of time, memory, processes and disk; no environment, no descriptor but its own. When this process
 * ends, so does all of that.
 *
 * The program speaks over its descriptors 3 (it reads) and 4 (it writes). What goes wrong is an error here and nowhere else.
 */
#ifndef RUNNER_RUNNER_H
#define RUNNER_RUNNER_H

#include <stddef.h>
#include <stdint.h>

#include "lib/ctx.h"
#include "lib/err.h"
#include "lib/str.h"

enum { RUNNER_FILES = 8, RUNNER_BINDS = 16 };

struct runner_file {
	const char *path; /* inside, under /tmp */
	struct str bytes;
};

struct runner_job {
	const char *const *argv;  /* ends with NULL; the first is an absolute path */
	const char *const *binds; /* ends with NULL: what of this machine it may read besides /usr; missing ones are left out */
	const struct runner_file *files; /* that it finds there, at most RUNNER_FILES */
	size_t nfiles;
	int64_t seconds;   /* wall time for all of it */
	int64_t memory;    /* bytes, of all its processes together */
	int64_t disk;      /* bytes of /tmp, which is memory, and of one file */
	int64_t processes; /* threads count */
};

struct runner;

/* Starts it. It ends with ctx->a at the latest, and everything that it started. Errors: UNAVAILABLE, when the sandbox cannot be
 * had. From one thread: the program ends with the thread that started it. */
MUST_CHECK struct err *runner_start(struct ctx *ctx, const struct runner_job *job, struct runner **out);

/* All of the bytes, to its descriptor 3. Errors as runner_read(), INTERNAL when it does not read any more. */
MUST_CHECK struct err *runner_write(struct runner *r, struct str bytes);

/* What it writes to its descriptor 4, as soon as there is some; 0 bytes when it ended. Errors: TIMEOUT, TOO_LARGE (memory or
 * processes), CANCELLED (ctx->stop); it is killed then. */
MUST_CHECK struct err *runner_read(struct runner *r, char *p, size_t size, size_t *n);

/* Waits for its end, killing what is left after descriptor 4 was closed or an error came. *status: exit code, 128 + signal. */
int runner_end(struct runner *r);

/* Ends it now, with all that it started. */
void runner_kill(struct runner *r);

/* The last that it wrote to its standard error, for logs. */
const char *runner_said(struct runner *r);

/* NULL when the sandbox works on this machine, asked at most once a minute; else UNAVAILABLE, which says why not. */
MUST_CHECK struct err *runner_check(struct ctx *ctx);

#endif
