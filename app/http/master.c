/*
 * The master: one thread that owns the sockets and the worker processes and touches no request. It learns
 * everything through one poll(): signals, and a pipe into which workers write once they accept.
 *
 * A reload starts a whole new generation; when all of it accepts, the older ones are told to finish. Both
 * wait at the same sockets, so no connection is lost between them.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/settings.h"

enum {
	GENERATIONS = 4, /* that may be alive at the same time */
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MOST_MS = 10000,
	STEADY_MS = 10000, /* a worker that lived so long is started again at once */
	LOST_NAMED = 20,   /* requests named in the line about a dead worker */
};

static const char *const pool_names[HTTP_POOL__MAX] = {[HTTP_POOL_WEB] = "web", [HTTP_POOL_AGENT] = "agent"};

/* A place for a worker. It keeps its place when it is started again. */
struct place {
	bool used;
	enum http_pool_kind pool;
	unsigned generation;
	pid_t pid; /* 0 while there is none */
	bool ready, draining;
	int64_t started, due, deadline; /* monotonic microseconds; deadline 0: none */
	int64_t backoff_ms;
	struct http_slot *slots;
};

struct master {
	struct http_server server;
	const struct settings *settings;
	const char *paths[HTTP_POOL__MAX];
	int listen_fd[HTTP_POOL__MAX];
	size_t processes[HTTP_POOL__MAX];
	int signal_fd, ready_read, ready_write;
	struct place *places;
	size_t nplaces;
	unsigned generation;
	bool announced, stopping;
	pid_t pid;
};

#define EACH_PLACE(m, p) \
	for (struct place *p = (m)->places; p < (m)->places + (m)->nplaces; p++) \
		if (!p->used) \
			continue; \
		else

/* Starting workers --------------------------------------------------------------------------------------- */

/* In the child: keeps what a worker needs, and dies with the master. */
static _Noreturn void become_worker(struct master *m, struct place *p)
{
	struct http_worker_plan plan = {
	        .a = arena_create(),
	        .server = &m->server,
	        .pool = p->pool,
	        .threads = http_worker_threads(m->settings, p->pool),
	        .slots = p->slots,
	        .listen_fd = m->listen_fd[p->pool],
	        .ready_fd = m->ready_write,
	};

	sigset_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != m->pid)
		_exit(1);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_SETMASK, &set, NULL);
	close(m->signal_fd);
	close(m->ready_read);
	close(m->listen_fd[p->pool == HTTP_POOL_WEB ? HTTP_POOL_AGENT : HTTP_POOL_WEB]);
	exit(http_worker_run(&plan));
}

static void start_worker(struct master *m, struct place *p)
{
	size_t bytes = http_worker_threads(m->settings, p->pool) * sizeof(*p->slots);

	if (!p->slots)
		p->slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(p->slots != MAP_FAILED);
	memset(p->slots, 0, bytes);
	p->started = clock_mono_us();
	p->ready = false;
	p->pid = fork();
	if (p->pid == 0)
		become_worker(m, p);
	if (p->pid > 0)
		return;
	LOG(LOG_ERROR, NULL, "could not fork", LOG_STR("cause", strerror(errno)));
	p->pid = 0;
	p->due = p->started + BACKOFF_MOST_MS * INT64_C(1000);
}

static struct place *free_place(struct master *m)
{
	size_t i;

	for (i = 0; i < m->nplaces; i++)
		if (!m->places[i].used)
			return &m->places[i];
	return NULL;
}

static void free_slots(struct master *m, struct place *p)
{
	if (p->slots)
		munmap(p->slots, http_worker_threads(m->settings, p->pool) * sizeof(*p->slots));
	*p = (struct place){0};
}

static size_t free_places(const struct master *m)
{
	size_t i, n = 0;

	for (i = 0; i < m->nplaces; i++)
		n += !m->places[i].used;
	return n;
}

static void start_generation(struct master *m)
{
	enum http_pool_kind pool;
	size_t i;

	if (free_places(m) < m->processes[HTTP_POOL_WEB] + m->processes[HTTP_POOL_AGENT]) {
		LOG(LOG_WARNING, NULL, "cannot reload: workers of earlier reloads are still draining");
		return;
	}
	m->generation++;
	m->announced = false;
	for (pool = 0; pool < HTTP_POOL__MAX; pool++)
		for (i = 0; i < m->processes[pool]; i++)
			*free_place(m) =
			        (struct place){.used = true, .pool = pool, .generation = m->generation};
}

/* Ending workers ----------------------------------------------------------------------------------------- */

static void drain_worker(struct master *m, struct place *p, int sig)
{
	if (p->draining)
		return;
	p->draining = true;
	if (p->pid == 0) {
		free_slots(m, p);
		return;
	}
	kill(p->pid, sig);
	p->deadline = clock_mono_us() + m->settings->grace * INT64_C(1000000);
}

static void stop(struct master *m)
{
	enum http_pool_kind pool;

	if (m->stopping)
		return;
	m->stopping = true;
	LOG(LOG_INFO, NULL, "stopping");
	for (pool = 0; pool < HTTP_POOL__MAX; pool++)
		unlink(m->paths[pool]);
	EACH_PLACE(m, p)
		drain_worker(m, p, SIGTERM);
}

/* "k3j9... POST /p/{project:slug}/chat, ...": what the worker was at. Slots are read as they lie; the process
 * that wrote them is gone. */
static const char *lost_requests(struct arena *a, const struct place *p, size_t threads, size_t *count)
{
	struct buf b = buf_init(a, BUF_LINE);
	size_t i;

	*count = 0;
	for (i = 0; i < threads; i++) {
		const struct http_slot *s = &p->slots[i];

		if (atomic_load(&s->busy) && ++*count <= LOST_NAMED)
			buf_printf(&b, "%s%.16s %.*s", *count > 1 ? ", " : "", s->request_id,
			           (int)sizeof(s->route) - 1, s->route);
	}
	return b.n ? buf_cstr(&b) : "";
}

static void log_death(struct master *m, const struct place *p, int status)
{
	struct arena *a = arena_create();
	size_t count;
	const char *lost = lost_requests(a, p, http_worker_threads(m->settings, p->pool), &count);
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	LOG(LOG_ERROR, NULL, "worker died", LOG_STR("pool", pool_names[p->pool]), LOG_I64("pid", p->pid),
	    LOG_STR("signal", sig ? sigabbrev_np(sig) : ""), LOG_I64("status", sig ? 0 : WEXITSTATUS(status)),
	    LOG_I64("lost", (int64_t)count), LOG_STR("requests", lost));
	arena_free(a);
}

static void worker_ended(struct master *m, struct place *p, int status)
{
	int64_t now = clock_mono_us();

	if (!p->draining || status != 0)
		log_death(m, p, status);
	if (p->draining) {
		free_slots(m, p);
		return;
	}
	if (now - p->started > STEADY_MS * INT64_C(1000))
		p->backoff_ms = 0;
	p->due = now + p->backoff_ms * 1000;
	p->backoff_ms = p->backoff_ms ? 2 * p->backoff_ms : BACKOFF_FIRST_MS;
	if (p->backoff_ms > BACKOFF_MOST_MS)
		p->backoff_ms = BACKOFF_MOST_MS;
	p->pid = 0;
	p->ready = false;
}

static void reap(struct master *m)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		EACH_PLACE(m, p) {
			if (p->pid == pid) {
				worker_ended(m, p, status);
				break;
			}
		}
	}
}

/* Readiness ---------------------------------------------------------------------------------------------- */

/* For whoever started us and waits: the number of a descriptor in the environment. */
static void tell_ready(void)
{
	const char *text = getenv("QUERN_READY_FD");
	int64_t fd;

	if (!text || !str_to_i64(str_of(text), &fd) || fd < 3 || fd > INT32_MAX)
		return;
	if (write((int)fd, "ready\n", 6) == 6)
		close((int)fd);
	unsetenv("QUERN_READY_FD");
}

static void read_ready(struct master *m)
{
	pid_t pid;

	while (read(m->ready_read, &pid, sizeof(pid)) == sizeof(pid))
		EACH_PLACE(m, p)
			if (p->pid == pid)
				p->ready = true;
}

/* Once the newest generation accepts as a whole: say so, and let the older ones go. */
static void check_ready(struct master *m)
{
	if (m->announced || m->stopping)
		return;
	EACH_PLACE(m, p)
		if (p->generation == m->generation && !p->ready)
			return;
	m->announced = true;
	LOG(LOG_INFO, NULL, "ready", LOG_I64("generation", m->generation));
	tell_ready();
	EACH_PLACE(m, p)
		if (p->generation != m->generation)
			drain_worker(m, p, SIGHUP);
}

/* The loop ----------------------------------------------------------------------------------------------- */

static void read_signals(struct master *m)
{
	struct signalfd_siginfo info;

	while (read(m->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGHUP:
			if (!m->stopping)
				start_generation(m);
			break;
		case SIGTERM:
		case SIGINT: stop(m); break;
		default: reap(m);
		}
	}
}

static void earliest(int64_t *next, int64_t candidate)
{
	if (*next == 0 || candidate < *next)
		*next = candidate;
}

/* Starts and kills what is due; returns when to look again, 0 for not by the clock. */
static int64_t run_clock(struct master *m)
{
	int64_t now = clock_mono_us(), next = 0;

	EACH_PLACE(m, p) {
		if (p->pid == 0 && p->due <= now)
			start_worker(m, p);
		if (p->pid == 0)
			earliest(&next, p->due);
		if (p->deadline == 0)
			continue;
		if (p->deadline > now) {
			earliest(&next, p->deadline);
		} else {
			LOG(LOG_WARNING, NULL, "worker did not finish in time", LOG_I64("pid", p->pid));
			kill(p->pid, SIGKILL);
			p->deadline = 0;
		}
	}
	return next;
}

static int timeout_ms(int64_t next)
{
	int64_t left = next - clock_mono_us();

	if (next == 0)
		return -1;
	return left > 0 ? (int)(left / 1000) + 1 : 0;
}

static void loop(struct master *m)
{
	struct pollfd fds[] = {{m->signal_fd, POLLIN, 0}, {m->ready_read, POLLIN, 0}};

	for (;;) {
		int64_t next = run_clock(m);

		if (m->stopping && free_places(m) == m->nplaces)
			return;
		poll(fds, sizeof(fds) / sizeof(fds[0]), timeout_ms(next));
		read_ready(m);
		read_signals(m);
		check_ready(m);
	}
}

static struct err *open_signals(struct arena *a, struct master *m)
{
	static const int signals[] = {SIGCHLD, SIGHUP, SIGTERM, SIGINT};
	sigset_t set;
	int ready[2];
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signal_fd < 0 || pipe2(ready, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_new(a, ERR_UNAVAILABLE, "could not open descriptors: %s", strerror(errno));
	m->ready_read = ready[0];
	m->ready_write = ready[1];
	return NULL;
}

/* As many files as we may, and no core files: they would hold keys. */
static void set_limits(void)
{
	struct rlimit files, none = {0, 0};

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setrlimit(RLIMIT_CORE, &none);
}

static struct err *prepare(struct arena *a, struct master *m, const struct http_app *app)
{
	const struct settings *s = app->settings;
	enum http_pool_kind pool;

	TRY(http_routes_check(a, app->routes, app->nroutes));
	*m = (struct master){
	        .server = {app, http_router_create(a, app->routes, app->nroutes)},
	        .settings = s,
	        .paths = {[HTTP_POOL_WEB] = s->web_socket, [HTTP_POOL_AGENT] = s->agent_socket},
	        .processes = {[HTTP_POOL_WEB] = (size_t)s->web_processes,
	                      [HTTP_POOL_AGENT] = (size_t)s->agent_processes},
	        .nplaces = (size_t)(s->web_processes + s->agent_processes) * GENERATIONS,
	        .pid = getpid(),
	};
	m->places = ARENA_ARRAY(a, struct place, m->nplaces);
	set_limits();
	for (pool = 0; pool < HTTP_POOL__MAX; pool++)
		TRY(http_listen(a, m->paths[pool], &m->listen_fd[pool]));
	return open_signals(a, m);
}

int http_serve(const struct http_app *app)
{
	struct arena *a = arena_create();
	struct master m;
	struct err *e = prepare(a, &m, app);

	if (e) {
		log_err(LOG_ERROR, NULL, "cannot serve", e);
		arena_free(a);
		return 1;
	}
	start_generation(&m);
	loop(&m);
	LOG(LOG_INFO, NULL, "stopped");
	arena_free(a);
	return 0;
}
