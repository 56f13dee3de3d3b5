/*
 * Migrations: the files of a directory against the table that records them. Everything is compared before
 * anything is applied, so a refusal changes nothing; each file is one transaction with its record.
 */
#include "db/db_priv.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/str.h"

enum { FILES_MOST = 9999 };

struct file {
	int64_t version;
	const char *name; /* "0001_foundation.sql" */
	const char *sha256;
	const char *text;
};

struct files {
	struct file *p;
	size_t n;
};

struct applied {
	int64_t version;
	const char *name;
	const char *sha256;
};

static const char set_directory[] = "set QUERN_MIGRATIONS to the directory with the .sql files";

static const char create_table[] =
        "CREATE TABLE IF NOT EXISTS migrations (version bigint PRIMARY KEY, name text NOT NULL,"
        " sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())";

/* Any number that nothing else in the database locks. */
static const char take_lock[] = "SET statement_timeout = 0; SELECT pg_advisory_lock(7384962015)";

DB_STMT0(migrations_exist, "SELECT to_regclass('migrations') IS NOT NULL");
DB_STMT0(migrations_applied, "SELECT version, name, sha256 FROM migrations ORDER BY version");
DB_STMT(migrations_add, "INSERT INTO migrations (version, name, sha256) VALUES ($1, $2, $3)", DB_I64, DB_TEXT,
        DB_TEXT);

static const struct db_row flag_row = DB_ROW(bool, {DB_BOOL, 0});
static const struct db_row applied_row =
        DB_ROW(struct applied, DB_COL_I64(struct applied, version), DB_COL_TEXT(struct applied, name),
               DB_COL_TEXT(struct applied, sha256));

static struct err *read_file(struct arena *a, const char *path, const char **text)
{
	FILE *f = fopen(path, "rbe");
	struct stat st;
	size_t size, n;
	char *p;

	if (!f)
		return err_new(a, ERR_CONFIG, "could not open migration %s: %s", path, strerror(errno));
	size = fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
	p = arena_alloc(a, size + 1);
	n = fread(p, 1, size, f);
	fclose(f);
	if (n == 0 || n != size || str_has_nul((struct str){p, n}))
		return err_new(a, ERR_CONFIG, "migration %s is not a file of SQL", path);
	*text = p;
	return NULL;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* The .sql files of the directory in order; *n starts as 0. */
static struct err *list_files(struct arena *a, const char *dir, const char ***names, size_t *n)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	if (!d)
		return err_hint(err_new(a, ERR_CONFIG, "could not read the migrations in %s: %s", dir,
		                        strerror(errno)),
		                "%s", set_directory);
	*names = ARENA_ARRAY(a, const char *, FILES_MOST);
	while (*n < FILES_MOST && (entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.' && str_ends(str_of(entry->d_name), STR(".sql")))
			(*names)[(*n)++] = arena_strdup(a, entry->d_name);
	closedir(d);
	qsort(*names, *n, sizeof(**names), by_name);
	return NULL;
}

/* The file must be NNNN_name.sql with the number that its place demands. */
static struct err *load_file(struct arena *a, const char *dir, const char *name, size_t version,
                             struct file *out)
{
	const char *start = arena_printf(a, "%04zu_", version);

	if (!str_starts(str_of(name), str_of(start)))
		return err_hint(
		        err_new(a, ERR_CONFIG, "migration %s/%s is not %sNAME.sql", dir, name, start),
		        "a file is missing or misnamed: they are numbered 0001, 0002 and so on without gaps");
	out->version = (int64_t)version;
	out->name = name;
	TRY(read_file(a, arena_printf(a, "%s/%s", dir, name), &out->text));
	out->sha256 = crypto_sha256_hex(a, str_of(out->text));
	return NULL;
}

static struct err *load_files(struct arena *a, const char *dir, struct files *files)
{
	const char **names = NULL;

	files->n = 0;
	TRY(list_files(a, dir, &names, &files->n));
	if (files->n == 0)
		return err_hint(err_new(a, ERR_CONFIG, "no migrations in %s", dir), "%s", set_directory);
	files->p = ARENA_ARRAY(a, struct file, files->n);
	for (size_t i = 0; i < files->n; i++)
		TRY(load_file(a, dir, names[i], i + 1, &files->p[i]));
	return NULL;
}

/* What is recorded must be the files from the first on, unchanged. */
static struct err *compare(struct arena *a, const struct files *files, const struct applied *done, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i >= files->n || done[i].version != files->p[i].version)
			return err_hint(
			        err_new(a, ERR_CONFIG,
			                "the database has migration %s, which is not among the files",
			                done[i].name),
			        "install the version of Quern that the database belongs to, or a newer one");
		if (strcmp(done[i].sha256, files->p[i].sha256) != 0)
			return err_hint(err_new(a, ERR_CONFIG,
			                        "migration %s was edited after it had been applied",
			                        files->p[i].name),
			                "restore the file and put the change into a new migration");
	}
	return NULL;
}

/* How many of the files are applied. ctx->tx may be set. */
static struct err *count_applied(struct ctx *ctx, const struct files *files, size_t *n)
{
	struct applied *done = NULL;
	bool exists;

	*n = 0;
	TRY(db_one(ctx, &migrations_exist, DB_NO_ARGS, &flag_row, "answer", &exists));
	if (!exists)
		return NULL;
	TRY(db_all(ctx, &migrations_applied, DB_NO_ARGS, &applied_row, &done, n));
	return compare(ctx->a, files, done, *n);
}

static struct err *apply_file(struct ctx *ctx, const struct file *f)
{
	struct db_conn *conn = ctx->tx;

	TRY(db_pg_command(ctx->a, conn, "begin", "BEGIN"));
	TRY(db_pg_command(ctx->a, conn, f->name, f->text));
	if (PQtransactionStatus(conn->pg) != PQTRANS_INTRANS)
		return err_hint(err_new(ctx->a, ERR_CONFIG, "migration %s ends its transaction", f->name),
		                "leave BEGIN, COMMIT and ROLLBACK out of migrations; check what it left in"
		                " the database");
	TRY(db_run(ctx, &migrations_add, DB_ARGS(db_i64(f->version), db_text(f->name), db_text(f->sha256)),
	           NULL));
	return db_pg_commit(ctx->a, conn);
}

static struct err *apply(struct ctx *ctx, const struct file *f)
{
	struct err *e = apply_file(ctx, f);

	if (!e) {
		LOG(LOG_INFO, ctx->request_id, "migration applied", LOG_STR("name", f->name));
		return NULL;
	}
	if (e->kind == ERR_UNAVAILABLE || e->kind == ERR_CONFIG)
		return e;
	e = err_cause(err_new(ctx->a, ERR_CONFIG, "could not apply migration %s: %s", f->name,
	                      e->cause ? e->cause->message : e->message),
	              e);
	return err_hint(e, "nothing of it was applied; correct the file or the database and migrate again");
}

/* With the connection in ctx->tx; it is closed afterwards, which ends an open transaction and the lock. */
static struct err *migrate(struct ctx *ctx, const struct files *files, int *applied)
{
	size_t done;

	TRY(db_pg_command(ctx->a, ctx->tx, "migration lock", take_lock));
	TRY(db_pg_command(ctx->a, ctx->tx, "migrations table", create_table));
	TRY(count_applied(ctx, files, &done));
	for (; done < files->n; done++, ++*applied)
		TRY(apply(ctx, &files->p[done]));
	return NULL;
}

struct err *db_migrate(struct ctx *ctx, const char *dir, int *applied)
{
	struct files files;
	struct db_conn *conn;
	struct err *e;

	assert(!ctx->tx);
	*applied = 0;
	TRY(load_files(ctx->a, dir, &files));
	TRY(db_pool_get(ctx, &conn));
	ctx->tx = conn;
	e = migrate(ctx, &files, applied);
	ctx->tx = NULL;
	conn->lost = true;
	db_pool_put(conn);
	return e;
}

struct err *db_migrated(struct ctx *ctx, const char *dir)
{
	struct files files;
	size_t done;

	TRY(load_files(ctx->a, dir, &files));
	TRY(count_applied(ctx, &files, &done));
	if (done < files.n)
		return err_hint(
		        err_new(ctx->a, ERR_CONFIG, "the database lacks migration %s", files.p[done].name),
		        "run quern migrate");
	return NULL;
}
