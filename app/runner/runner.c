/* One program in the sandbox, from its start to its end: every wait looks at the clock, at what it holds and whether it is wanted. */
#include "runner/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "runner/runner_priv.h"

enum { TICK_MS = 100, SAID = 600, LEFT_US = 2000000, CHECK_US = 60000000 };

struct runner {
	struct ctx *ctx;
	pid_t pid; /* of the sandbox; 0: it was waited for */
	int fd;    /* our end of what it speaks and hears at, -1: closed */
	int said;  /* what it writes to its standard error */
	int64_t end_us, looked_us;
	int64_t memory, processes;
	int status;
	char last[SAID + 1];
};

/* Life ------------------------------------------------------------------------------------------------- */

/* It is the first process of its namespace: the kernel ends all the others with it. */
static void kill_all(struct runner *r)
{
	int status = 0;

	if (!r->pid)
		return;
	kill(r->pid, SIGKILL);
	while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
		;
	r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	r->pid = 0;
}

static void forget(void *arg)
{
	struct runner *r = arg;

	kill_all(r);
	if (r->fd >= 0)
		close(r->fd);
	if (r->said >= 0)
		close(r->said);
}

static struct err *no_start(struct ctx *ctx, const char *what)
{
	return err_detail(err_new(ctx->a, ERR_UNAVAILABLE, "the process sandbox could not be started"), "%s: %s.", what,
	                  strerror(errno));
}

/* fds: as runner_enter() wants them. */
static struct err *open_files(struct ctx *ctx, const struct runner_job *job, struct runner *r, int *fds)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return no_start(ctx, "socketpair");
	r->fd = pair[0];
	fds[JAIL_SPEAK] = fds[JAIL_HEAR] = pair[1];
	(void)fcntl(r->fd, F_SETFL, O_NONBLOCK);
	fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[1] = fds[2] = r->said = runner_memory_file(STR(""));
	fds[JAIL_CALLS] = runner_calls();
	for (size_t i = 0; i < job->nfiles; i++)
		fds[JAIL_FILES + i] = runner_memory_file(job->files[i].bytes);
	for (size_t i = 0; i < JAIL_FILES + job->nfiles; i++)
		if (fds[i] < 0)
			return no_start(ctx, "its files");
	return NULL;
}

static void close_files(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0 && i != 1 && i != 2 && i != JAIL_HEAR)
			close(fds[i]);
}

struct err *runner_start(struct ctx *ctx, const struct runner_job *job, struct runner **out)
{
	struct runner *r = *out = ARENA_NEW(ctx->a, struct runner);
	size_t nfds = JAIL_FILES + job->nfiles;
	const char **argv = runner_jail(ctx->a, job);
	struct jail_ids ids = runner_ids(ctx->a);
	int fds[JAIL_FILES + RUNNER_FILES];
	struct err *e;

	*r = (struct runner){.ctx = ctx,
	                     .fd = -1,
	                     .said = -1,
	                     .end_us = clock_mono_us() + job->seconds * 1000000,
	                     .memory = job->memory,
	                     .processes = job->processes};
	memset(fds, -1, sizeof(fds));
	arena_cleanup(ctx->a, forget, r);
	e = open_files(ctx, job, r, fds);
	if (!e) {
		r->pid = runner_fork(&ids);
		if (r->pid == 0)
			runner_enter(argv, fds, nfds, &ids);
		if (r->pid < 0) {
			r->pid = 0;
			e = no_start(ctx, "clone");
		}
	}
	close_files(fds, nfds);
	return e;
}

/* Speaking ------------------------------------------------------------------------------------------------- */

static struct err *end_with(struct runner *r, struct err *e)
{
	kill_all(r);
	return e;
}

/* The clock and whether it is wanted each time, what it holds once in a while. Before anything is moved: what never waits ends, too. */
static struct err *look(struct runner *r)
{
	struct arena *a = r->ctx->a;
	int64_t now = clock_mono_us();
	struct runner_usage usage;

	if (ctx_stopped(r->ctx))
		return end_with(r, err_new(a, ERR_CANCELLED, "stopped"));
	if (now >= r->end_us)
		return end_with(r, err_new(a, ERR_TIMEOUT, "the program took too long and was ended"));
	if (now - r->looked_us < TICK_MS * INT64_C(1000))
		return NULL;
	usage = runner_usage(r->pid);
	r->looked_us = clock_mono_us();
	if (usage.unknown)
		return end_with(r, err_new(a, ERR_UNAVAILABLE, "what the program uses cannot be told here, and it was ended"));
	if (usage.memory > r->memory)
		return end_with(r, err_new(a, ERR_TOO_LARGE, "the program used more than %" PRId64 " MB and was ended",
		                           r->memory >> 20));
	if (usage.processes > r->processes)
		return end_with(r, err_new(a, ERR_TOO_LARGE, "the program started too many processes and was ended"));
	return NULL;
}

/* Until the descriptor is ready for that, or it is time to look again. */
static void await(const struct runner *r, short events)
{
	struct pollfd p = {r->fd, events, 0};

	(void)poll(&p, 1, TICK_MS);
}

struct err *runner_write(struct runner *r, struct str bytes)
{
	while (bytes.n) {
		ssize_t n;

		TRY(look(r));
		n = send(r->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return err_new(r->ctx->a, ERR_INTERNAL, "the program in the sandbox ended");
		if (n < 0)
			await(r, POLLOUT);
		bytes.p += n > 0 ? n : 0;
		bytes.n -= n > 0 ? (size_t)n : 0;
	}
	return NULL;
}

struct err *runner_read(struct runner *r, char *p, size_t size, size_t *n)
{
	for (;;) {
		ssize_t got;

		TRY(look(r));
		got = recv(r->fd, p, size, 0);
		if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
			await(r, POLLIN);
			continue;
		}
		*n = got > 0 ? (size_t)got : 0;
		return NULL;
	}
}

void runner_kill(struct runner *r)
{
	kill_all(r);
}

/* It has a moment to end by itself. */
int runner_end(struct runner *r)
{
	int64_t end = clock_mono_us() + LEFT_US;
	int status = 0;

	while (r->pid && clock_mono_us() < end) {
		if (waitpid(r->pid, &status, WNOHANG) == r->pid) {
			r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			r->pid = 0;
		} else {
			(void)poll(NULL, 0, 10);
		}
	}
	kill_all(r);
	return r->status;
}

const char *runner_said(struct runner *r)
{
	off_t size = lseek(r->said, 0, SEEK_END);
	ssize_t n = pread(r->said, r->last, SAID, size > SAID ? size - SAID : 0);

	r->last[n > 0 ? n : 0] = '\0';
	return str_utf8_clean(r->ctx->a, str_trim(str_of(r->last)));
}

/* Whether there is one ------------------------------------------------------------------------------------ */

static struct err *try_it(struct ctx *ctx)
{
	static const char *const argv[] = {"/usr/bin/true", NULL};
	const struct runner_job job = {.argv = argv, .seconds = 10, .memory = 64 << 20, .disk = 1 << 20, .processes = 16};
	struct runner *r;
	char byte;
	size_t n;

	if (access("/usr/bin/bwrap", X_OK) != 0)
		return err_new(ctx->a, ERR_UNAVAILABLE, "the sandbox is not available here: bubblewrap is not installed");
	TRY(runner_start(ctx, &job, &r));
	TRY(runner_read(r, &byte, 1, &n));
	if (runner_end(r) == 0)
		return NULL;
	/* Its first sentence; what follows are addresses. */
	const char *said = *runner_said(r) ? runner_said(r) : "it ended at once", *end = strstr(said, ". ");

	return err_new(ctx->a, ERR_UNAVAILABLE, "the sandbox is not available here: %.*s",
	               (int)(end ? end - said : (long)strlen(said)), said);
}

struct err *runner_check(struct ctx *ctx)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static int64_t asked_us;
	static struct err *last;
	static struct arena *kept;
	struct err *e;

	pthread_mutex_lock(&lock);
	if (!asked_us || clock_mono_us() - asked_us > CHECK_US) {
		e = try_it(ctx);
		arena_free(kept);
		kept = arena_create();
		last = e ? err_copy(kept, e) : NULL;
		asked_us = clock_mono_us();
	}
	e = last ? err_copy(ctx->a, last) : NULL;
	pthread_mutex_unlock(&lock);
	return e;
}
