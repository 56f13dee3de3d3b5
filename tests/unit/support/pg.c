/* The throw-away cluster: initdb, postgres and the way back, by fork and exec; never as root. */
#include "support/pg.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "lib/settings.h"

static char dir[] = "/tmp/qtXXXXXX";
static char data[64], bin[300];
static char url[200];
static pid_t owner, server;
static int databases;
static struct ctx ctx;
static PGresult *value;

__attribute__((noreturn)) static void die(const char *what)
{
	fprintf(stderr, "test database: %s\n", what);
	exit(1);
}

static void to_plain_user(void)
{
	const struct passwd *pw;

	if (geteuid() != 0)
		return;
	pw = getpwnam("postgres");
	if (!pw || initgroups(pw->pw_name, pw->pw_gid) || setgid(pw->pw_gid) || setuid(pw->pw_uid))
		_exit(126);
}

enum { WORDS = 40 };

/* Starts bin/name; it dies with this process, and writes to the log below dir. */
static pid_t run(const char *name, const char *const argv[])
{
	/* By its whole path also as argv[0]: there PostgreSQL's programs look for each other. */
	char path[400], log[64];
	const char *words[WORDS] = {path};
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	snprintf(path, sizeof(path), "%s/%s", bin, name);
	snprintf(log, sizeof(log), "%s/log", dir);
	to_plain_user();
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(dir))
		_exit(126);
	for (size_t i = 1; argv[i] && i + 1 < WORDS; i++)
		words[i] = argv[i];
	execv(path, (char *const *)words);
	_exit(127);
}

/* The newest installed server: the largest /usr/lib/postgresql/N/bin. */
static void find_bin(void)
{
	const struct dirent *e;
	long best = 0;
	DIR *d = opendir("/usr/lib/postgresql");

	while (d && (e = readdir(d)) != NULL) {
		long n = strtol(e->d_name, NULL, 10);

		if (n > best)
			best = n;
	}
	if (d)
		closedir(d);
	if (!best)
		die("PostgreSQL is not installed");
	snprintf(bin, sizeof(bin), "/usr/lib/postgresql/%ld/bin", best);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void end(void)
{
	if (getpid() != owner)
		return;
	PQclear(value);
	db_close();
	arena_free(ctx.a);
	pg_stop();
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void pg_stop(void)
{
	if (server > 0) {
		kill(server, SIGQUIT);
		waitpid(server, NULL, 0);
	}
	server = 0;
}

void pg_start(void)
{
	const char *const argv[] = {
	        "postgres",
	        "-D",
	        data,
	        "-k",
	        dir,
	        "-c",
	        "listen_addresses=",
	        "-c",
	        "fsync=off",
	        "-c",
	        "full_page_writes=off",
	        "-c",
	        "shared_buffers=16MB",
	        "-c",
	        "max_connections=40",
	        "-c",
	        "autovacuum=off",
	        "-c",
	        "jit=off",
	        "-c",
	        "restart_after_crash=on",
	        NULL,
	};
	char admin[100];

	snprintf(admin, sizeof(admin), "host=%s user=postgres dbname=postgres", dir);
	server = run("postgres", argv);
	for (int i = 0; i < 600; i++) {
		if (PQping(admin) == PQPING_OK)
			return;
		if (waitpid(server, NULL, WNOHANG) == server)
			die("postgres did not start");
		usleep(50000);
	}
	die("postgres did not answer");
}

static void create_cluster(void)
{
	const char *const argv[] = {
	        "initdb",    "-D",
	        data,        "-U",
	        "postgres",  "-A",
	        "trust",     "-E",
	        "UTF8",      "--locale=C.UTF-8",
	        "--no-sync", "--no-instructions",
	        NULL,
	};
	const struct passwd *pw = getpwnam("postgres");
	int status;

	owner = getpid();
	find_bin();
	if (!mkdtemp(dir) || (geteuid() == 0 && (!pw || chown(dir, pw->pw_uid, pw->pw_gid))))
		die("no directory below /tmp");
	snprintf(data, sizeof(data), "%s/data", dir);
	atexit(end);
	if (waitpid(run("initdb", argv), &status, 0) < 0 || status != 0)
		die("initdb failed");
	pg_start();
}

static PGresult *query(const char *database, const char *sql)
{
	char conninfo[200];
	PGconn *conn;
	PGresult *res;

	snprintf(conninfo, sizeof(conninfo),
	         "host=%s user=postgres dbname=%s options='-c client_min_messages=warning'", dir, database);
	conn = PQconnectdb(conninfo);
	res = PQexec(conn, sql);
	if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
		fprintf(stderr, "%s: %s", sql, PQerrorMessage(conn));
		die("a statement failed");
	}
	PQfinish(conn);
	return res;
}

static void set_url(const char *database)
{
	snprintf(url, sizeof(url), "postgresql://postgres@/%s?host=%s", database, dir);
}

static void new_ctx(void)
{
	struct arena *a;
	struct err *e;

	db_close();
	arena_free(ctx.a);
	a = arena_create();
	ctx = (struct ctx){.a = a, .request_id = "testtesttesttest", .address = "203.0.113.7"};
	setenv("QUERN_KEY", "dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q=", 0);
	e = settings_load(a, NULL, SETTINGS_NEED_NONE, &ctx.settings);
	if (e)
		die(err_text(e));
	db_open(url, 4);
}

/* The database that all others are copied from. */
static void create_template(void)
{
	struct err *e;
	int applied;

	create_cluster();
	PQclear(query("postgres", "CREATE DATABASE migrated"));
	set_url("migrated");
	new_ctx();
	e = db_migrate(&ctx, "sql", &applied);
	if (e)
		die(err_text(e));
}

static struct ctx *new_database(const char *template)
{
	char sql[100], name[20];

	if (!owner)
		create_template();
	db_close();
	if (databases) {
		snprintf(sql, sizeof(sql), "DROP DATABASE t%d WITH (FORCE)", databases);
		PQclear(query("postgres", sql));
	}
	snprintf(name, sizeof(name), "t%d", ++databases);
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE %s", name, template);
	PQclear(query("postgres", sql));
	set_url(name);
	new_ctx();
	return &ctx;
}

struct ctx *pg_ctx(void)
{
	return new_database("migrated");
}

struct ctx *pg_ctx_empty(void)
{
	return new_database("template0");
}

const char *pg_url(void)
{
	if (!databases)
		pg_ctx();
	return url;
}

const char *pg_value(const char *sql)
{
	char name[20];

	pg_url();
	snprintf(name, sizeof(name), "t%d", databases);
	PQclear(value);
	value = query(name, sql);
	return PQntuples(value) > 0 ? PQgetvalue(value, 0, 0) : "";
}

void pg_exec(const char *sql)
{
	pg_value(sql);
}
