/* The private cluster of `quern dev`: never run as root, reachable only over its Unix socket, with passwords. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/dev_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "sql/sql.h"

enum { START_SECONDS = 60 };

#define SUPERUSER "quern_dev"

static struct err *postgres_user(struct dev *d)
{
	static const char *const accounts[] = {"postgres", "nobody"};

	if (geteuid() != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(accounts) / sizeof(*accounts); i++)
		if (getpwnam(accounts[i])) {
			d->postgres_user = accounts[i];
			return NULL;
		}
	return err_new(d->ctx->a, ERR_CONFIG, "PostgreSQL cannot run as root, and there is no account \"postgres\"");
}

/* The newest server that Debian installed. */
static struct err *find_server(struct dev *d)
{
	glob_t g = {0};

	if (!glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &g) && g.gl_pathc) {
		const char *path = g.gl_pathv[g.gl_pathc - 1];
		d->postgres_bin = arena_strndup(d->ctx->a, path, strlen(path) - strlen("/initdb"));
	}
	globfree(&g);
	if (!d->postgres_bin)
		return err_hint(err_new(d->ctx->a, ERR_CONFIG, "no PostgreSQL server is installed"),
				"\"make deps\" installs it");
	return NULL;
}

static const char *server_program(struct dev *d, const char *name)
{
	return arena_printf(d->ctx->a, "%s/%s", d->postgres_bin, name);
}

/* Where the cluster lies: under DIR, or, when its account cannot get there, beside other state of this machine with a
 * link from DIR. */
static struct err *cluster_home(struct dev *d, const char *user)
{
	const char *link_path = arena_printf(d->ctx->a, "%s/pg", d->var);
	const char *home = link_path;
	struct stat st;

	if (!lstat(link_path, &st))
		return NULL;
	if (user && !dev_reachable(user, d->var)) {
		char *hash = crypto_sha256_hex(d->ctx->a, str_of(d->var));
		home = arena_printf(d->ctx->a, "/var/lib/quern-dev-%.12s", hash);
		if (symlink(home, link_path))
			return err_new(d->ctx->a, ERR_INTERNAL, "could not make %s: %s", link_path, strerror(errno));
	}
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	if ((mkdir(home, 0700) && errno != EEXIST) || (pw && chown(home, pw->pw_uid, pw->pw_gid)))
		return err_new(d->ctx->a, ERR_INTERNAL, "could not make %s: %s", home, strerror(errno));
	return NULL;
}

/* The account of the server must be able to put its socket there, and everybody to reach it. */
static struct err *socket_home(struct dev *d, const char *user)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;

	d->run = arena_printf(d->ctx->a, "%s/run", d->var);
	if (strlen(d->run) > 80 || (user && !dev_reachable(user, d->var)))
		d->run = arena_printf(d->ctx->a, "/tmp/quern-%.12s", crypto_sha256_hex(d->ctx->a, str_of(d->var)));
	struct stat st;
	if (mkdir(d->run, 0755) && errno != EEXIST)
		return err_new(d->ctx->a, ERR_INTERNAL, "could not make %s: %s", d->run, strerror(errno));
	if (lstat(d->run, &st) || !S_ISDIR(st.st_mode) || (st.st_uid != geteuid() && !(pw && st.st_uid == pw->pw_uid)))
		return err_new(d->ctx->a, ERR_CONFIG, "%s belongs to somebody else", d->run);
	if (pw && chown(d->run, pw->pw_uid, pw->pw_gid))
		return err_new(d->ctx->a, ERR_INTERNAL, "could not give %s to %s", d->run, user);
	return NULL;
}

/* A file that only the account can read. */
static struct err *write_for(struct dev *d, const char *user, const char *path, const char *text)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;

	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
		  (!pw || !fchown(fd, pw->pw_uid, pw->pw_gid));
	if (fd >= 0)
		close(fd);
	return ok ? NULL : err_new(d->ctx->a, ERR_INTERNAL, "could not write %s: %s", path, strerror(errno));
}

static struct err *init_cluster(struct dev *d, const char *user, const char *data)
{
	struct stat st;

	if (!stat(arena_printf(d->ctx->a, "%s/PG_VERSION", data), &st))
		return NULL;
	/* initdb opens the file itself, as its own account. */
	const char *pwfile = arena_printf(d->ctx->a, "%s/initdb-password", d->run);
	TRY(write_for(d, user, pwfile, d->superuser_password));
	const char *const argv[] = {server_program(d, "initdb"), "-D", data, "-U", SUPERUSER, "--auth=scram-sha-256",
				    arena_printf(d->ctx->a, "--pwfile=%s", pwfile), "--encoding=UTF8",
				    "--locale=C.UTF-8", "--no-instructions", NULL};
	struct err *e = dev_command(d, user, NULL, argv);
	unlink(pwfile);
	return e;
}

struct err *dev_postgres_place(struct dev *d)
{
	TRY(find_server(d));
	TRY(postgres_user(d));
	TRY(cluster_home(d, d->postgres_user));
	return socket_home(d, d->postgres_user);
}

struct err *dev_postgres_start(struct dev *d, struct dev_service *s)
{
	struct arena *a = d->ctx->a;
	const char *user = d->postgres_user;

	const char *data = arena_printf(a, "%s/pg/data", d->var);
	/* A link into /var/lib is resolved here, where root may look. */
	char *home = realpath(arena_printf(a, "%s/pg", d->var), NULL);
	if (home) {
		data = arena_printf(a, "%s/data", home);
		free(home);
	}
	TRY(init_cluster(d, user, data));

	const char **argv = ARENA_ARRAY(a, const char *, 16);
	const char *const words[] = {server_program(d, "postgres"), "-D", data, "-k", d->run, "-c", "listen_addresses=",
				     "-c", "max_connections=200", "-c", "log_destination=stderr", "-c",
				     "logging_collector=off", NULL};
	memcpy(argv, words, sizeof(words));
	*s = (struct dev_service){.name = "PostgreSQL", .argv = argv, .user = user, .stop_signal = SIGINT,
				  .log = "postgres.log", .ready_fd = -1};
	return dev_start(d, s);
}

const char *dev_dsn(struct dev *d, const char *user, const char *password, const char *database)
{
	struct buf b = buf_init(d->ctx->a, BUF_LINE);

	buf_add_cstr(&b, "postgresql://");
	buf_add_url(&b, str_of(user));
	buf_add_char(&b, ':');
	buf_add_url(&b, str_of(password));
	buf_add_char(&b, '@');
	buf_add_url(&b, str_of(d->run));
	buf_add_char(&b, '/');
	buf_add_url(&b, str_of(database));
	return buf_cstr(&b);
}

struct err *dev_sql(struct dev *d, const char *database, const char *sql)
{
	/* The statement goes to standard input and the password through the environment: both may be secret. */
	const char *const argv[] = {server_program(d, "psql"), "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-h", d->run,
				    "-U", SUPERUSER, "-d", database, NULL};
	setenv("PGPASSWORD", d->superuser_password, 1);
	struct err *e = dev_command(d, NULL, sql, argv);
	unsetenv("PGPASSWORD");
	return e;
}

struct err *dev_postgres_wait(struct dev *d)
{
	const char *const argv[] = {server_program(d, "pg_isready"), "-q", "-h", d->run, "-d", "postgres", NULL};
	int64_t deadline = clock_mono_us() + START_SECONDS * 1000000LL;
	struct err *e;

	while ((e = dev_command(d, NULL, NULL, argv)) && clock_mono_us() < deadline)
		usleep(50000);
	if (e)
		return err_detail(err_new(d->ctx->a, ERR_UNAVAILABLE, "PostgreSQL did not start"), "Its log is %s/log/postgres.log.",
				  d->var);
	return NULL;
}

struct err *dev_postgres_prepare(struct dev *d)
{
	const char *password = sql_quote_literal(d->ctx->a, d->platform_password);

	/* \gexec runs what the query says: CREATE DATABASE cannot be conditional otherwise. */
	return dev_sql(d, "postgres",
		       arena_printf(d->ctx->a,
				    "SELECT 'CREATE ROLE quern LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'quern') \\gexec\n"
				    "ALTER ROLE quern PASSWORD %s;\n"
				    "SELECT 'CREATE DATABASE quern OWNER quern' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'quern') \\gexec\n"
				    "REVOKE ALL ON DATABASE quern FROM PUBLIC;\n",
				    password));
}

const char *dev_admin_dsn(struct dev *d, const char *database)
{
	return dev_dsn(d, SUPERUSER, d->superuser_password, database);
}
