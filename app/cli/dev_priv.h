/*
 * `quern dev`: a private PostgreSQL, nginx and the worker pools under one directory, started and ended together.
 * dev_process.c starts and watches programs, dev_postgres.c owns the cluster, dev_files.c the settings, certificate and
 * nginx configuration, dev_demo.c the demo project; cmd_dev.c joins them.
 */
#ifndef CLI_DEV_PRIV_H
#define CLI_DEV_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/ctx.h"
#include "lib/err.h"

/* One run of `quern dev`. All paths are absolute. */
struct dev {
	struct ctx *ctx;
	const char *root;            /* the checkout, or where templates and static files were installed */
	const char *var;
	const char *run;             /* sockets: short enough for sun_path and reachable for postgres */
	const char *self;            /* this program */
	const char *postgres_bin;    /* directory of initdb, postgres, psql */
	const char *postgres_user;   /* account that runs it when we are root, or NULL */
	int64_t port;
	bool demo;
	const char *llm;             /* "scripted" or NULL */
	/* Kept in DIR/env from one run to the next: */
	const char *key;
	const char *fastcgi_secret;
	const char *superuser_password;
	const char *platform_password;
	const char *reader_password;
	const char *demo_password;
};

/* A program that dev keeps running. */
struct dev_service {
	const char *name;
	const char *const *argv;
	const char *user;            /* account to run it as when we are root, or NULL */
	int stop_signal;
	const char *log;             /* file for its output, or NULL for ours */
	int ready_fd;                /* passed on as QUERN_READY_FD, or -1 */
	pid_t pid;                   /* 0: not running */
};

/* Starts the service. It gets its stop signal when this process dies, so that nothing is left behind. */
MUST_CHECK struct err *dev_start(struct dev *d, struct dev_service *s);
/* Sends its stop signal and waits, at most seconds; then kills it. */
void dev_stop(struct dev_service *s, int seconds);
/* Runs a program to its end. input goes to its standard input (NULL: none); its output to DIR/log/setup.log. Errors: INTERNAL with the
 * last lines of what it said. */
MUST_CHECK struct err *dev_command(struct dev *d, const char *user, const char *input, const char *const *argv);
/* True when the account could enter the directory. */
bool dev_reachable(const char *user, const char *directory);

/* Finds the server's programs and account, and makes the directories of cluster and sockets. */
MUST_CHECK struct err *dev_postgres_place(struct dev *d);
/* Creates the cluster when there is none, and starts it. */
MUST_CHECK struct err *dev_postgres_start(struct dev *d, struct dev_service *s);
/* Creates the platform role and database when they are missing. */
MUST_CHECK struct err *dev_postgres_prepare(struct dev *d);
/* Waits until the server answers. */
MUST_CHECK struct err *dev_postgres_wait(struct dev *d);
/* postgresql://user:password@socket/database, in the arena. */
const char *dev_dsn(struct dev *d, const char *user, const char *password, const char *database);
/* One SQL text (psql's \\gexec included) as the cluster's superuser. */
MUST_CHECK struct err *dev_sql(struct dev *d, const char *database, const char *sql);
/* postgresql://... of the superuser, for one database. */
const char *dev_admin_dsn(struct dev *d, const char *database);

/* Reads what DIR/env holds, makes what is missing, writes it and puts it into this process's environment. */
MUST_CHECK struct err *dev_env(struct dev *d);
MUST_CHECK struct err *dev_certificate(struct dev *d);
MUST_CHECK struct err *dev_nginx_conf(struct dev *d);

/* Demo database, role, project, accounts; only what is missing. */
MUST_CHECK struct err *dev_demo(struct dev *d);

enum { DEV_ACCOUNTS = 3 };
extern const char *const dev_accounts[DEV_ACCOUNTS][2];      /* e-mail, what it may do */

#endif
