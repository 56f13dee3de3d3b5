/* Inside runner/. */
#ifndef RUNNER_RUNNER_PRIV_H
#define RUNNER_RUNNER_PRIV_H

#include <stdbool.h>
#include <sys/types.h>

#include "runner/runner.h"

/* jail.c: the command line of the sandbox and what is at its descriptors. */
enum { JAIL_SPEAK = 3, JAIL_HEAR, JAIL_CALLS, JAIL_FILES };
const char **runner_jail(struct arena *a, const struct runner_job *job);
/* Who it runs as, written down before there is a child. */
struct jail_ids {
	bool root;
	const char *users, *groups; /* maps of the namespace */
};
struct jail_ids runner_ids(struct arena *a);
/* As fork(), but the child is the first process of a PID namespace, and only system calls work in it. */
pid_t runner_fork(const struct jail_ids *ids);
/* In the child: fds[i] becomes descriptor i, nothing else stays open. Does not return. */
_Noreturn void runner_enter(const char *const *argv, const int *fds, size_t nfds, const struct jail_ids *ids);

/* calls.c: the system calls that are refused, as a program for the kernel in a file without a name; -1 on failure. */
int runner_calls(void);

/* usage.c: what all below the process hold. */
struct runner_usage {
	int64_t memory;
	int64_t processes;
	bool unknown; /* /proc does not tell */
};
struct runner_usage runner_usage(pid_t pid);

/* A file without a name that holds the bytes, at its start; -1 on failure. */
int runner_memory_file(struct str bytes);

#endif
