/*
 * What a process and all its descendants hold, from /proc: memory of their own and memory that they share among each other; what
 * comes from files is not counted, the kernel can drop it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/runner_priv.h"

enum { PROCESSES = 4096 };

struct process {
	pid_t pid, parent;
	int64_t memory, threads;
	bool ours;
};

/* The number behind a name in /proc/PID/status. */
static int64_t field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

static bool read_process(const char *number, struct process *p)
{
	char path[64], text[4096];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/status", number);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	*p = (struct process){.pid = (pid_t)strtol(number, NULL, 10),
	                      .parent = (pid_t)field(text, "\nPPid:"),
	                      .memory = (field(text, "\nRssAnon:") + field(text, "\nRssShmem:")) << 10,
	                      .threads = field(text, "\nThreads:")};
	return true;
}

/* Marks who descends from the one with pid; true when another one was found. */
static bool mark(struct process *all, size_t n, pid_t pid)
{
	bool found = false;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; !all[i].ours && j < n; j++)
			if (all[i].pid == pid || (all[j].ours && all[j].pid == all[i].parent))
				found = all[i].ours = true;
	return found;
}

/* Of more processes than there is room for, its own may be among those that were not read. What the first one has does not count: that is
 * bubblewrap, and until it is, a copy of ourselves. */
struct runner_usage runner_usage(pid_t pid)
{
	struct process *all = calloc(PROCESSES, sizeof(*all));
	struct runner_usage usage = {0};
	struct dirent *entry;
	size_t n = 0;
	DIR *proc;

	if (!all)
		return (struct runner_usage){.unknown = true};
	proc = opendir("/proc");
	while (proc && n < PROCESSES && (entry = readdir(proc)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && read_process(entry->d_name, &all[n]))
			n++;
	while (mark(all, n, pid))
		;
	usage.unknown = !proc || n == PROCESSES;
	for (size_t i = 0; i < n; i++) {
		usage.memory += all[i].ours && all[i].pid != pid ? all[i].memory : 0;
		usage.processes += all[i].ours ? all[i].threads : 0;
	}
	if (proc)
		closedir(proc);
	free(all);
	return usage;
}
