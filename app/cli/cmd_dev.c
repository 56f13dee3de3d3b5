/* quern dev: everything on one machine, under one directory, with one command; Ctrl-C ends all of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/dev_priv.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/settings.h"
#include "lib/str.h"

enum { PORT = 8443, READY_SECONDS = 30, STOP_SECONDS = 60, RESTART_PAUSE_US = 500000 };
enum { POSTGRES, PROVIDER, SERVE, NGINX, SERVICES };

/* Paths ------------------------------------------------------------------------------------------------ */

static struct err *make_dirs(struct dev *d, const char *var)
{
	static const char *const parts[] = {"", "/log", "/run", "/nginx"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		const char *path = arena_printf(d->ctx->a, "%s%s", var, parts[i]);
		if (mkdir(path, 0755) && errno != EEXIST)
			return err_new(d->ctx->a, ERR_CONFIG, "could not make %s: %s", path, strerror(errno));
	}
	char *real = realpath(var, NULL);
	d->var = arena_strdup(d->ctx->a, real);
	free(real);
	return NULL;
}

/* The program lies in ROOT/build or in PREFIX/bin with its files in PREFIX/share/quern. */
static struct err *find_root(struct dev *d)
{
	struct arena *a = d->ctx->a;
	char *self = realpath("/proc/self/exe", NULL);

	d->self = arena_strdup(a, self);
	free(self);
	const char *dir = arena_strndup(a, d->self, (size_t)(strrchr(d->self, '/') - d->self));
	static const char *const places[] = {"..", "../share/quern", "../.."};
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		char *root = realpath(arena_printf(a, "%s/%s", dir, places[i]), NULL);
		if (root && !access(arena_printf(a, "%s/templates", root), X_OK))
			d->root = arena_strdup(a, root);
		free(root);
		if (d->root)
			return NULL;
	}
	return err_new(a, ERR_CONFIG, "could not find the templates that belong to %s", d->self);
}

/* Only one run in a directory: the lock also tells `dev stop` whether one is there. */
static struct err *lock(struct dev *d, int *fd)
{
	const char *path = arena_printf(d->ctx->a, "%s/dev.pid", d->var);

	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (*fd < 0)
		return err_new(d->ctx->a, ERR_CONFIG, "could not open %s: %s", path, strerror(errno));
	if (flock(*fd, LOCK_EX | LOCK_NB))
		return err_hint(err_new(d->ctx->a, ERR_CONFLICT, "quern dev is already running in %s", d->var),
				"\"quern dev stop --var %s\" ends it", d->var);
	const char *pid = arena_printf(d->ctx->a, "%d\n", (int)getpid());
	if (ftruncate(*fd, 0) || write(*fd, pid, strlen(pid)) < 0)
		return err_new(d->ctx->a, ERR_CONFIG, "could not write %s: %s", path, strerror(errno));
	return NULL;
}

static struct sockaddr_in loopback(const struct dev *d)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)d->port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static struct err *port_free(struct dev *d)
{
	struct sockaddr_in address = loopback(d);
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	bool ok = !bind(fd, (struct sockaddr *)&address, sizeof(address)) && !listen(fd, 1);
	int why = errno;
	close(fd);
	if (ok)
		return NULL;
	return err_hint(err_new(d->ctx->a, ERR_CONFLICT, "port %lld is not free: %s", (long long)d->port, strerror(why)),
			"choose another: make run PORT=9443");
}

/* Services --------------------------------------------------------------------------------------------- */

/* Starts a service that writes a line to its ready descriptor when it serves; the line goes into word. */
static struct err *start_ready(struct dev *d, struct dev_service *s, int ready[2], char *word, size_t size)
{
	struct pollfd p = {.fd = ready[0], .events = POLLIN};

	s->ready_fd = ready[1];
	struct err *e = dev_start(d, s);
	close(ready[1]);
	s->ready_fd = -1;
	ssize_t n = !e && poll(&p, 1, READY_SECONDS * 1000) == 1 ? read(ready[0], word, size - 1) : 0;
	close(ready[0]);
	word[n > 0 ? n : 0] = '\0';
	if (!e && n <= 0)
		e = err_new(d->ctx->a, ERR_INTERNAL, "%s did not start; its log is %s/log/%s", s->name, d->var, s->log);
	return e;
}

static struct err *ready_pipe(struct dev *d, int ready[2])
{
	if (pipe2(ready, O_CLOEXEC))
		return err_new(d->ctx->a, ERR_INTERNAL, "could not make a pipe: %s", strerror(errno));
	return NULL;
}

/* The scripted provider says on which port it listens. */
static struct err *start_provider(struct dev *d, struct dev_service *s)
{
	struct arena *a = d->ctx->a;
	const char *dir = arena_strndup(a, d->self, (size_t)(strrchr(d->self, '/') - d->self));
	const char **argv = ARENA_ARRAY(a, const char *, 8);
	int ready[2];
	char port[16];

	TRY(ready_pipe(d, ready));
	const char *const words[] = {arena_printf(a, "%s/scripted-provider", dir), "--port", "0", "--scenario",
				     arena_printf(a, "%s/tests/provider/scenarios/shop.json", d->root), "--ready-fd",
				     arena_printf(a, "%d", ready[1]), NULL};
	memcpy(argv, words, sizeof(words));
	*s = (struct dev_service){.name = "the scripted model", .argv = argv, .stop_signal = SIGTERM, .log = "provider.log"};
	TRY(start_ready(d, s, ready, port, sizeof(port)));
	argv[2] = str_dup(a, str_trim(str_of(port)));    /* where it starts again, should it end */
	setenv("QUERN_LLM_URL", arena_printf(a, "http://127.0.0.1:%s", argv[2]), 1);
	setenv("QUERN_LLM_KEY", "scripted", 1);
	setenv("QUERN_LLM_MODEL", "scripted", 1);
	return NULL;
}

static struct err *start_serve(struct dev *d, struct dev_service *s)
{
	const char **argv = ARENA_ARRAY(d->ctx->a, const char *, 3);
	int ready[2];
	char word[16];

	argv[0] = d->self;
	argv[1] = "serve";
	*s = (struct dev_service){.name = "quern serve", .argv = argv, .stop_signal = SIGTERM, .log = "quern.log"};
	TRY(ready_pipe(d, ready));
	return start_ready(d, s, ready, word, sizeof(word));
}

/* nginx says nothing when it listens, so it is tried. */
static struct err *wait_for_port(struct dev *d, struct dev_service *s)
{
	struct sockaddr_in address = loopback(d);
	int64_t deadline = clock_mono_us() + READY_SECONDS * 1000000LL;

	while (clock_mono_us() < deadline && waitpid(s->pid, NULL, WNOHANG) == 0) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool open = !connect(fd, (struct sockaddr *)&address, sizeof(address));
		close(fd);
		if (open)
			return NULL;
		usleep(10000);
	}
	return err_new(d->ctx->a, ERR_INTERNAL, "nginx did not start; its log is %s/log/nginx.log", d->var);
}

static struct err *start_nginx(struct dev *d, struct dev_service *s)
{
	struct arena *a = d->ctx->a;
	const char **argv = ARENA_ARRAY(a, const char *, 10);
	const char *const words[] = {"nginx", "-p", d->var, "-c", arena_printf(a, "%s/nginx.conf", d->var), "-e",
				     arena_printf(a, "%s/log/nginx-error.log", d->var), "-g", "daemon off;", NULL};

	memcpy(argv, words, sizeof(words));
	TRY(dev_certificate(d));
	TRY(dev_nginx_conf(d));
	*s = (struct dev_service){.name = "nginx", .argv = argv, .stop_signal = SIGQUIT, .log = "nginx.log", .ready_fd = -1};
	TRY(dev_start(d, s));
	return wait_for_port(d, s);
}

static struct err *run_self(struct dev *d, const char *command)
{
	const char *const argv[] = {d->self, command, NULL};

	return dev_command(d, NULL, NULL, argv);
}

static struct err *start_all(struct dev *d, struct dev_service *services)
{
	TRY(port_free(d));
	TRY(dev_postgres_place(d));
	if (d->llm)
		TRY(start_provider(d, &services[PROVIDER]));
	TRY(dev_env(d));
	TRY(dev_postgres_start(d, &services[POSTGRES]));
	TRY(dev_postgres_wait(d));
	TRY(dev_postgres_prepare(d));
	TRY(run_self(d, "migrate"));

	/* From here on we can use the platform database ourselves. */
	TRY(settings_load(d->ctx->a, NULL, SETTINGS_NEED_DB | SETTINGS_NEED_KEY, &d->ctx->settings));
	db_open(d->ctx->settings->database_url, 1);
	if (d->demo)
		TRY(dev_demo(d));
	db_close();
	TRY(start_serve(d, &services[SERVE]));
	return start_nginx(d, &services[NGINX]);
}

static void print_address(struct dev *d)
{
	printf("\nQuern is at https://127.0.0.1:%lld (its certificate is self-signed: tell the browser to go on)\n\n",
	       (long long)d->port);
	if (d->demo) {
		for (size_t i = 0; i < DEV_ACCOUNTS; i++)
			printf("  %-22s %s   %s\n", dev_accounts[i][0], d->demo_password, dev_accounts[i][1]);
		puts("");
	}
	printf("In another shell: . %s/env; %s %s\n", d->var, d->self,
	       d->demo ? "ask --project shop \"what tables are there?\"" : "user add you@example.com --admin");
	puts("Ctrl-C stops everything; the data stays.");
	fflush(stdout);
}

/* Watching --------------------------------------------------------------------------------------------- */

/* A service that ended by itself is started again, after a pause. */
static void restart_dead(struct dev *d, struct dev_service *services)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < SERVICES; i++) {
			if (services[i].pid != pid)
				continue;
			fprintf(stderr, "quern dev: %s ended unexpectedly and is started again\n", services[i].name);
			usleep(RESTART_PAUSE_US);
			services[i].pid = 0;
			struct err *e = dev_start(d, &services[i]);
			if (e)
				cli_fail(e);
		}
}

static void wait_for_end(struct dev *d, struct dev_service *services, int signals)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			return;
		restart_dead(d, services);
	}
}

static void stop_all(struct dev_service *services)
{
	dev_stop(&services[NGINX], 5);
	dev_stop(&services[SERVE], 30);
	dev_stop(&services[PROVIDER], 5);
	dev_stop(&services[POSTGRES], 30);
}

static int run(struct dev *d, const char *var)
{
	struct dev_service services[SERVICES] = {0};
	sigset_t mask;
	int lock_fd;

	struct err *e = make_dirs(d, var);
	if (!e)
		e = find_root(d);
	if (!e)
		e = lock(d, &lock_fd);
	if (e)
		return cli_fail(e);
	sigemptyset(&mask);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	int signals = signalfd(-1, &mask, SFD_CLOEXEC);

	e = start_all(d, services);
	if (!e) {
		print_address(d);
		wait_for_end(d, services, signals);
		fputs("\nstopping\n", stderr);
	}
	stop_all(services);
	return e ? cli_fail(e) : CLI_OK;
}

static int stop(struct dev *d, const char *var)
{
	char text[32] = "";
	int64_t pid = 0;
	int fd = open(arena_printf(d->ctx->a, "%s/dev.pid", var), O_RDWR | O_CLOEXEC);

	if (fd < 0 || !flock(fd, LOCK_SH | LOCK_NB)) {
		printf("quern dev is not running in %s\n", var);
		return CLI_OK;
	}
	ssize_t n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	if (!str_to_i64(str_trim(str_of(text)), &pid) || kill((pid_t)pid, SIGTERM))
		return cli_fail(err_new(d->ctx->a, ERR_INTERNAL, "could not stop process %lld", (long long)pid));
	int64_t deadline = clock_mono_us() + STOP_SECONDS * 1000000LL;
	while (flock(fd, LOCK_SH | LOCK_NB)) {
		if (clock_mono_us() > deadline)
			return cli_fail(err_new(d->ctx->a, ERR_TIMEOUT, "process %lld does not end", (long long)pid));
		usleep(20000);
	}
	puts("stopped");
	return CLI_OK;
}

int cmd_dev(struct ctx *ctx, int argc, char **argv)
{
	const char *var = "var", *port = NULL, *llm = NULL;
	bool no_demo = false;
	const struct cli_option options[] = {
		{"--var", &var, NULL}, {"--port", &port, NULL}, {"--llm", &llm, NULL}, {"--no-demo", NULL, &no_demo}};
	struct dev d = {.ctx = ctx, .port = PORT};

	if (!cli_options(&argc, argv, options, sizeof(options) / sizeof(*options)))
		return cli_usage("dev");
	if (argc == 2 && !strcmp(argv[1], "stop"))
		return stop(&d, var);
	if (argc != 1 || (port && (!str_to_i64(str_of(port), &d.port) || d.port < 1 || d.port > 65535)) ||
	    (llm && strcmp(llm, "scripted") != 0))
		return cli_usage("dev");
	d.demo = !no_demo;
	d.llm = llm;
	return run(&d, var);
}
