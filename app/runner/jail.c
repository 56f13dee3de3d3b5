/*
 * The sandbox: bubblewrap's command line, and the last steps before it. As root, which is for trying things out only, it
 * becomes nobody first. The limits are set inside, where they count for the sandbox alone.
 *
 * bubblewrap ends with its parent only once it has set itself up; killed before, it leaves a half behind that runs on. So it is the
 * first process of a PID namespace of its own already, with which the kernel ends all that is in it, at whatever moment.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/arena.h"
#include "runner/runner_priv.h"

enum { ARGS = 160, NOBODY = 65534, HIGH = 64, FILES_OPEN = 1024 };

struct command {
	struct arena *a;
	const char **argv;
	size_t n;
};

static void add(struct command *c, const char *const *words)
{
	while (*words && c->n < ARGS - 1)
		c->argv[c->n++] = *words++;
}
#define ADD(c, ...) add((c), (const char *const[]){__VA_ARGS__, NULL})

static const char *number(struct arena *a, const char *before, int64_t n)
{
	return arena_printf(a, "%s%lld", before, (long long)n);
}

static void add_files(struct command *c, const struct runner_job *job)
{
	const char *size = number(c->a, "", job->disk);

	ADD(c, "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin", "--symlink",
	    "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs",
	    "/dev/shm", "--size", size, "--tmpfs", "/tmp");
	for (size_t i = 0; job->binds && job->binds[i] && i < RUNNER_BINDS; i++)
		ADD(c, "--ro-bind-try", job->binds[i], job->binds[i]);
	for (size_t i = 0; i < job->nfiles && i < RUNNER_FILES; i++)
		ADD(c, "--file", number(c->a, "", (int64_t)(JAIL_FILES + i)), job->files[i].path);
	ADD(c, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--setenv", "HOME", "/tmp", "--setenv", "LANG",
	    "C.UTF-8");
}

const char **runner_jail(struct arena *a, const struct runner_job *job)
{
	struct command c = {a, ARENA_ARRAY(a, const char *, ARGS), 0};

	ADD(&c, "/usr/bin/bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
	    "--cap-drop", "ALL", "--hostname", "sandbox", "--uid", "65534", "--gid", "65534", "--seccomp",
	    number(a, "", JAIL_CALLS));
	add_files(&c, job);
	/* Data is what a process has of its own; whole addresses cannot be limited for who reserves them without use. */
	ADD(&c, "--", "/usr/bin/prlimit", "--core=0", number(a, "--nofile=", FILES_OPEN), number(a, "--fsize=", job->disk),
	    number(a, "--nproc=", job->processes), number(a, "--data=", job->memory),
	    number(a, "--cpu=", job->seconds * 4), "--");
	add(&c, job->argv);
	return c.argv;
}

int runner_memory_file(struct str bytes)
{
	int fd = memfd_create("sandbox", MFD_CLOEXEC);

	while (fd >= 0 && bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n <= 0) {
			close(fd);
			return -1;
		}
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	if (fd >= 0)
		(void)lseek(fd, 0, SEEK_SET);
	return fd;
}

struct jail_ids runner_ids(struct arena *a)
{
	bool root = geteuid() == 0;

	return (struct jail_ids){
	        .root = root,
	        .users = arena_printf(a, "%u %u 1\n", geteuid(), geteuid()),
	        .groups = arena_printf(a, "%u %u 1\n", getegid(), getegid()),
	};
}

pid_t runner_fork(const struct jail_ids *ids)
{
	unsigned long flags = CLONE_NEWPID | SIGCHLD | (ids->root ? 0 : CLONE_NEWUSER);

	return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);
	bool done = fd >= 0 && write(fd, text, n) == (ssize_t)n;

	if (fd >= 0)
		close(fd);
	return done;
}

/* The C library's own calls would have all threads of the parent do the same, and wait for them. */
static bool become(const struct jail_ids *ids)
{
	if (!ids->root)
		return put("/proc/self/setgroups", "deny") && put("/proc/self/uid_map", ids->users) &&
		       put("/proc/self/gid_map", ids->groups);
	return syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) == 0 &&
	       syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) == 0;
}

/* From here on this ends with the thread that started it; false when that was over before. */
static bool bind_to_parent(void)
{
	struct pollfd other_end = {JAIL_SPEAK, POLLIN, 0};

	return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && poll(&other_end, 1, 0) >= 0 &&
	       !(other_end.revents & (POLLHUP | POLLERR));
}

_Noreturn void runner_enter(const char *const *argv, const int *fds, size_t nfds, const struct jail_ids *ids)
{
	static char *const none[] = {NULL};
	int high[JAIL_FILES + RUNNER_FILES];
	sigset_t all;

	for (size_t i = 0; i < nfds; i++)
		high[i] = fcntl(fds[i], F_DUPFD, HIGH);
	for (size_t i = 0; i < nfds; i++)
		if (high[i] < 0 || dup2(high[i], (int)i) < 0)
			_exit(125);
	if (close_range((unsigned)nfds, ~0U, 0) != 0)
		_exit(125);
	/* When the machine has no memory left, this goes first. */
	(void)put("/proc/self/oom_score_adj", "1000");
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	if (!become(ids) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !bind_to_parent())
		_exit(125);
	execve(argv[0], (char *const *)argv, none);
	_exit(127);
}
