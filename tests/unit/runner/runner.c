/* The process sandbox: what is not there for a program inside, and how it ends. */
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/ctx.h"
#include "runner/runner.h"
#include "unit.h"

struct fixture {
	struct ctx ctx;
	struct runner *r;
	struct buf out;
	int status;
	bool slow; /* to read: there is always more */
};

static void begin(struct fixture *f)
{
	struct err *e;

	*f = (struct fixture){.ctx = {.a = arena_create(), .request_id = "test", .address = ""}};
	f->out = buf_init(f->ctx.a, BUF_PAGE);
	e = runner_check(&f->ctx);
	if (e) {
		print_message("%s\n", e->message);
		arena_free(f->ctx.a);
		unit_skip("no process sandbox here");
	}
}

/* Runs a line of shell to its end; what it writes to 4 is in out. */
static struct err *run_job(struct fixture *f, const char *line, struct runner_job job)
{
	const char *const argv[] = {"/bin/sh", "-c", line, NULL};
	char piece[4096];
	size_t n = 1;

	job.argv = argv;
	job.seconds = job.seconds ? job.seconds : 20;
	job.memory = job.memory ? job.memory : 256 << 20;
	job.disk = job.disk ? job.disk : 8 << 20;
	job.processes = job.processes ? job.processes : 64;
	TRY(runner_start(&f->ctx, &job, &f->r));
	while (n) {
		TRY(runner_read(f->r, piece, sizeof(piece), &n));
		buf_add(&f->out, piece, n);
		if (f->slow)
			usleep(2000);
	}
	f->status = runner_end(f->r);
	return NULL;
}

static const char *shell(struct fixture *f, const char *line)
{
	f->out.n = 0;
	assert_ok(run_job(f, line, (struct runner_job){0}));
	return buf_cstr(&f->out);
}

static void test_runner__a_program_reads_its_files_and_answers(void **state)
{
	struct fixture f;
	const struct runner_file file = {"/tmp/in", STR("hello")};

	(void)state;
	begin(&f);
	assert_ok(run_job(&f, "cat /tmp/in >&4; exit 3", (struct runner_job){.files = &file, .nfiles = 1}));
	assert_string_equal(buf_cstr(&f.out), "hello");
	assert_int_equal(f.status, 3);
	arena_free(f.ctx.a);
}

static void test_runner__what_is_written_reaches_it(void **state)
{
	static const char *const argv[] = {"/bin/sh", "-c", "read line <&3; echo \"got $line\" >&4", NULL};
	const struct runner_job job = {.argv = argv, .seconds = 10, .memory = 64 << 20, .disk = 1 << 20, .processes = 16};
	struct fixture f;
	char piece[100] = "";
	size_t n;

	(void)state;
	begin(&f);
	assert_ok(runner_start(&f.ctx, &job, &f.r));
	assert_ok(runner_write(f.r, STR("a word\n")));
	assert_ok(runner_read(f.r, piece, sizeof(piece) - 1, &n));
	assert_string_equal(piece, "got a word\n");
	arena_free(f.ctx.a);
}

/* Is there anybody who listens, so that not being heard says something? */
static int listener(int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static void test_runner__there_is_no_network(void **state)
{
	struct fixture f;
	int port, fd = listener(&port);
	char line[200];

	(void)state;
	begin(&f);
	(void)snprintf(line, sizeof(line), "bash -c 'echo x >/dev/tcp/127.0.0.1/%d' 2>&4; ls /sys/class/net 2>/dev/null >&4", port);
	assert_non_null(strstr(shell(&f, line), "not supported"));
	assert_int_equal(accept(fd, NULL, NULL), -1);
	close(fd);
	assert_string_equal(shell(&f, "sed 1,2d /proc/net/dev | grep -v lo: >&4"), "");
	arena_free(f.ctx.a);
}

static void test_runner__nothing_of_the_machine_is_there_but_usr(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_string_equal(shell(&f, "ls / | tr '\\n' ' ' >&4"), "bin dev lib lib64 proc sbin tmp usr ");
	assert_string_equal(shell(&f, "ls -A /tmp /dev/shm /etc /root /home /work 2>/dev/null | grep -v : | tr -d '\\n' >&4"), "");
	assert_string_equal(shell(&f, "cat /etc/passwd >&4; echo $? >&4"), "1\n");
	/* Only what it started itself. */
	assert_true(atoi(shell(&f, "ls /proc | grep -c '^[0-9]' >&4")) < 8);
	arena_free(f.ctx.a);
}

static void test_runner__it_is_nobody_and_can_write_only_to_its_own_place(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_string_equal(shell(&f, "id -u >&4; grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t' >&4"),
	                    "65534\nCapEff:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n");
	assert_string_equal(shell(&f, "for d in / /usr /dev /proc /tmp /dev/shm; do touch $d/x 2>/dev/null && echo $d >&4; done"),
	                    "/tmp\n/dev/shm\n");
	arena_free(f.ctx.a);
}

static void test_runner__no_environment_and_no_descriptors_come_along(void **state)
{
	struct fixture f;
	int fd = open("/etc/passwd", O_RDONLY);

	(void)state;
	begin(&f);
	setenv("QUERN_TEST_SECRET", "secret", 1);
	assert_string_equal(shell(&f, "env | sort | grep -v ^_= | tr '\\n' ' ' >&4"), "HOME=/tmp LANG=C.UTF-8 PWD=/tmp ");
	assert_string_equal(shell(&f, "ls /proc/self/fd | tr '\\n' ' ' >&4"), "0 1 2 3 4 5 ");
	unsetenv("QUERN_TEST_SECRET");
	close(fd);
	arena_free(f.ctx.a);
}

static void test_runner__calls_that_it_does_not_need_are_refused(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_non_null(strstr(shell(&f, "unshare -r true 2>&4"), "Operation not permitted"));
	assert_non_null(strstr(shell(&f, "ipcmk -M 4096 2>&4"), "Operation not permitted"));
	assert_string_equal(shell(&f, "cat /proc/self/oom_score_adj >&4"), "1000\n");
	assert_string_equal(shell(&f, "mount -t tmpfs x /tmp 2>/dev/null || echo refused >&4"), "refused\n");
	arena_free(f.ctx.a);
}

static void test_runner__it_ends_at_its_time(void **state)
{
	struct fixture f;
	int64_t began;

	(void)state;
	begin(&f);
	began = clock_mono_us();
	assert_err(run_job(&f, "while :; do :; done", (struct runner_job){.seconds = 1}), ERR_TIMEOUT);
	assert_true(clock_mono_us() - began >= 1000000);
	arena_free(f.ctx.a);
}

/* There is always something to be read. Were that all that is looked at, it would go on until timeout ends it. */
static void test_runner__what_writes_without_pause_ends_at_its_limits(void **state)
{
	atomic_bool stop = true;
	struct fixture f;

	(void)state;
	begin(&f);
	f.slow = true;
	assert_err(run_job(&f, "timeout 15 yes >&4", (struct runner_job){.seconds = 1}), ERR_TIMEOUT);
	assert_err(run_job(&f,
	                   "timeout 15 yes >&4 & for i in 1 2 3 4 5 6; do head -c 20000000 /dev/zero | tail -c 20000000 | sleep 9 & done; wait",
	                   (struct runner_job){.memory = 64 << 20}),
	           ERR_TOO_LARGE);
	f.ctx.stop = &stop;
	assert_err(run_job(&f, "timeout 15 yes >&4", (struct runner_job){0}), ERR_CANCELLED);
	arena_free(f.ctx.a);
}

static void test_runner__it_ends_when_nobody_wants_it(void **state)
{
	atomic_bool stop = true;
	struct fixture f;

	(void)state;
	begin(&f);
	f.ctx.stop = &stop;
	assert_err(run_job(&f, "sleep 60", (struct runner_job){0}), ERR_CANCELLED);
	arena_free(f.ctx.a);
}

static void test_runner__memory_has_an_end_also_shared_among_many(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_err(run_job(&f, "for i in 1 2 3 4 5 6; do head -c 20000000 /dev/zero | tail -c 20000000 | sleep 20 & done; wait",
	                   (struct runner_job){.memory = 64 << 20}),
	           ERR_TOO_LARGE);
	arena_free(f.ctx.a);
	begin(&f);
	struct err *e = run_job(&f, "tail -c 1000000000 /dev/zero 2>&4", (struct runner_job){.memory = 32 << 20});
	assert_true(e ? e->kind == ERR_TOO_LARGE : f.status != 0);
	arena_free(f.ctx.a);
}

static void test_runner__what_we_have_ourselves_does_not_count(void **state)
{
	enum { BYTES = 200 << 20 };
	struct fixture f;
	char *ours = malloc(BYTES);

	(void)state;
	memset(ours, 1, BYTES);
	for (int i = 0; i < 5; i++) {
		begin(&f);
		assert_ok(run_job(&f, "true", (struct runner_job){.memory = 64 << 20}));
		arena_free(f.ctx.a);
	}
	free(ours);
}

static void test_runner__a_bomb_of_processes_and_a_full_disk_stay_inside(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	/* Either the kernel refuses the next one, or all are ended. */
	struct err *e = run_job(&f, "b() { b | b & }; b; sleep 2", (struct runner_job){.processes = 20, .seconds = 5});
	assert_true(!e || e->kind == ERR_TOO_LARGE || e->kind == ERR_TIMEOUT);
	arena_free(f.ctx.a);
	begin(&f);
	shell(&f, "head -c 50000000 /dev/zero >/tmp/a 2>/dev/null; stat -c %s /tmp/a >&4");
	assert_true(atoi(buf_cstr(&f.out)) <= 8 << 20);
	arena_free(f.ctx.a);
}

/* How many processes have that word in their command line. */
static int with_word(const char *word)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	int found = 0;

	while ((d = readdir(proc))) {
		char path[300], text[4096];
		ssize_t n;
		int fd;

		(void)snprintf(path, sizeof(path), "/proc/%s/cmdline", d->d_name);
		if (d->d_name[0] < '1' || d->d_name[0] > '9' || atoi(d->d_name) == getpid() || (fd = open(path, O_RDONLY)) < 0)
			continue;
		n = read(fd, text, sizeof(text));
		close(fd);
		found += n > 0 && memmem(text, (size_t)n, word, strlen(word)) ? 1 : 0;
	}
	closedir(proc);
	return found;
}

static void test_runner__no_orphan_stays(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_err(run_job(&f, "setsid sh -c 'sleep 7777001' & setsid nohup sleep 7777001 & sleep 7777001",
	                   (struct runner_job){.seconds = 1}),
	           ERR_TIMEOUT);
	for (int i = 0; i < 100 && with_word("7777001"); i++)
		usleep(50000);
	assert_int_equal(with_word("7777001"), 0);
	arena_free(f.ctx.a);
}

static void test_runner__it_ends_with_the_work_that_started_it(void **state)
{
	static const char *const argv[] = {"/bin/sleep", "7777002", NULL};
	const struct runner_job job = {.argv = argv, .seconds = 100, .memory = 64 << 20, .disk = 1 << 20, .processes = 16};
	struct fixture f;

	(void)state;
	begin(&f);
	assert_ok(runner_start(&f.ctx, &job, &f.r));
	for (int i = 0; i < 100 && !with_word("7777002"); i++)
		usleep(20000);
	assert_true(with_word("7777002") > 0);
	arena_free(f.ctx.a);
	for (int i = 0; i < 100 && with_word("7777002"); i++)
		usleep(50000);
	assert_int_equal(with_word("7777002"), 0);
}

/* Killed while it sets itself up, at other moments each time. */
static void test_runner__it_leaves_nothing_however_early_it_is_ended(void **state)
{
	static const char *const argv[] = {"/bin/sleep", "7777003", NULL};
	const struct runner_job job = {.argv = argv, .seconds = 100, .memory = 64 << 20, .disk = 1 << 20, .processes = 16};
	struct fixture f;

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		begin(&f);
		assert_ok(runner_start(&f.ctx, &job, &f.r));
		usleep(i * 500);
		arena_free(f.ctx.a);
	}
	for (int i = 0; i < 40 && with_word("7777003"); i++)
		usleep(50000);
	assert_int_equal(with_word("7777003"), 0);
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runner__a_program_reads_its_files_and_answers),
        cmocka_unit_test(test_runner__what_is_written_reaches_it),
        cmocka_unit_test(test_runner__there_is_no_network),
        cmocka_unit_test(test_runner__nothing_of_the_machine_is_there_but_usr),
        cmocka_unit_test(test_runner__it_is_nobody_and_can_write_only_to_its_own_place),
        cmocka_unit_test(test_runner__no_environment_and_no_descriptors_come_along),
        cmocka_unit_test(test_runner__calls_that_it_does_not_need_are_refused),
        cmocka_unit_test(test_runner__it_ends_at_its_time),
        cmocka_unit_test(test_runner__what_writes_without_pause_ends_at_its_limits),
        cmocka_unit_test(test_runner__it_ends_when_nobody_wants_it),
        cmocka_unit_test(test_runner__memory_has_an_end_also_shared_among_many),
        cmocka_unit_test(test_runner__what_we_have_ourselves_does_not_count),
        cmocka_unit_test(test_runner__a_bomb_of_processes_and_a_full_disk_stay_inside),
        cmocka_unit_test(test_runner__no_orphan_stays),
        cmocka_unit_test(test_runner__it_ends_with_the_work_that_started_it),
        cmocka_unit_test(test_runner__it_leaves_nothing_however_early_it_is_ended),
};
UNIT_SUITE(tests);
