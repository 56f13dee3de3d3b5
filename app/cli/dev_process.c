/*
 * Starting and ending the programs that `quern dev` is made of. Each runs in a process group of its own, so that Ctrl-C in the
 * terminal reaches only us and we end them in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/dev_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

enum { EXIT_NO_ACCOUNT = 126, EXIT_NO_PROGRAM = 127, TAIL_BYTES = 2000 };

static bool become(const char *user)
{
	if (!user || geteuid() != 0)
		return true;
	const struct passwd *pw = getpwnam(user);
	return pw && !initgroups(user, pw->pw_gid) && !setgid(pw->pw_gid) && !setuid(pw->pw_uid);
}

/* The settings hold keys and passwords, which only our own program needs. */
static void forget_settings(void)
{
	static const char prefix[] = "QUERN_";
	size_t kept = 0;

	for (char **v = environ; *v; v++)
		if (strncmp(*v, prefix, sizeof(prefix) - 1) != 0)
			environ[kept++] = *v;
	environ[kept] = NULL;
}

/* In the child: never returns. */
static _Noreturn void exec_child(const struct dev *d, const char *user, const char *const *argv, int in, int out,
				 int death_signal)
{
	if (argv[0] != d->self)
		forget_settings();
	setpgid(0, 0);
	if (in >= 0)
		dup2(in, STDIN_FILENO);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
	}
	if (!become(user))
		_exit(EXIT_NO_ACCOUNT);
	prctl(PR_SET_PDEATHSIG, death_signal);
	signal(SIGINT, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], (char *const *)argv);
	_exit(EXIT_NO_PROGRAM);
}

static struct err *open_log(struct dev *d, const char *name, int *fd)
{
	const char *path = arena_printf(d->ctx->a, "%s/log/%s", d->var, name);

	*fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (*fd < 0)
		return err_new(d->ctx->a, ERR_INTERNAL, "could not open %s: %s", path, strerror(errno));
	return NULL;
}

struct err *dev_start(struct dev *d, struct dev_service *s)
{
	int log = -1;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (s->log)
		TRY(open_log(d, s->log, &log));
	pid_t pid = fork();
	if (pid == 0) {
		if (s->ready_fd >= 0) {
			char number[16];
			snprintf(number, sizeof(number), "%d", s->ready_fd);
			setenv("QUERN_READY_FD", number, 1);
			fcntl(s->ready_fd, F_SETFD, 0);
		}
		exec_child(d, s->user, s->argv, null, log, s->stop_signal);
	}
	if (log >= 0)
		close(log);
	if (null >= 0)
		close(null);
	if (pid < 0)
		return err_new(d->ctx->a, ERR_INTERNAL, "could not start %s: %s", s->name, strerror(errno));
	s->pid = pid;
	return NULL;
}

void dev_stop(struct dev_service *s, int seconds)
{
	if (!s->pid)
		return;
	kill(s->pid, s->stop_signal);
	int64_t deadline = clock_mono_us() + (int64_t)seconds * 1000000;
	while (waitpid(s->pid, NULL, WNOHANG) == 0) {
		if (clock_mono_us() > deadline) {
			kill(s->pid, SIGKILL);
			waitpid(s->pid, NULL, 0);
			break;
		}
		usleep(5000);
	}
	s->pid = 0;
}

/* Where the output of commands goes, and what it said since `from`. */
static const char *log_tail(struct dev *d, int fd, off_t from)
{
	off_t end = lseek(fd, 0, SEEK_END);
	size_t n = end - from > TAIL_BYTES ? TAIL_BYTES : (size_t)(end - from);
	char *text = arena_alloc(d->ctx->a, n + 1);
	ssize_t got = pread(fd, text, n, end - (off_t)n);

	text[got > 0 ? got : 0] = '\0';
	return text;
}

static int input_pipe(const char *input)
{
	int fds[2];

	if (!input)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (pipe2(fds, O_CLOEXEC))
		return -1;
	size_t n = strlen(input);    /* a password or a statement: fits the pipe */
	bool written = write(fds[1], input, n) == (ssize_t)n;
	close(fds[1]);
	return written ? fds[0] : -1;
}

struct err *dev_command(struct dev *d, const char *user, const char *input, const char *const *argv)
{
	const char *path = arena_printf(d->ctx->a, "%s/log/setup.log", d->var);
	int log = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int in = input_pipe(input);
	int status = -1;

	if (log < 0 || in < 0)
		return err_new(d->ctx->a, ERR_INTERNAL, "could not open %s: %s", path, strerror(errno));
	off_t from = lseek(log, 0, SEEK_END);
	pid_t pid = fork();
	if (pid == 0)
		exec_child(d, user, argv, in, log, SIGTERM);
	close(in);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	struct err *e = NULL;
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		e = err_detail(err_new(d->ctx->a, ERR_INTERNAL, "%s failed", argv[0]), "%s",
			       pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_PROGRAM
				       ? "The program is not installed; \"make deps\" installs it."
				       : log_tail(d, log, from));
	close(log);
	return e;
}

bool dev_reachable(const char *user, const char *directory)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(become(user) && access(directory, X_OK) == 0 ? 0 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
