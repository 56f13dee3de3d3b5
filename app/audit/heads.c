/*
 * The ends that the chain had, in a file: "time seq hash" a line. Who cuts entries off the end of the log, or makes
 * a new chain with the key, must change this file as well, and it can lie where the database's owner cannot reach.
 * Many processes may write it: each takes the file's lock and looks at its last line.
 */
#include "audit/audit_priv.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/settings.h"

DB_STMT0(chain_end,
         "SELECT seq, encode(hash, 'hex') FROM audit_log WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1");

struct end {
	int64_t seq;
	const char *hash;
};

static const struct db_row end_row =
        DB_ROW(struct end, DB_COL_I64(struct end, seq), DB_COL_TEXT(struct end, hash));

enum { LINE_BYTES = 256 };

struct audit_heads_file {
	FILE *file;
	const char *path;
	off_t left; /* of what was there when it was opened */
	int line;
	char text[LINE_BYTES];
};

/* Takes a line, without its end, apart. */
static bool parse(char *text, struct audit_head *out)
{
	char *seq = strchr(text, ' ');
	char *hash = seq ? strchr(seq + 1, ' ') : NULL;

	if (!hash || strlen(hash + 1) != (size_t)CRYPTO_HASH_BYTES * 2)
		return false;
	/* The time is repeated in what verify says, on somebody's terminal. */
	for (const char *p = text; p < seq; p++)
		if (!isalnum((unsigned char)*p) && !strchr(":.+-", *p))
			return false;
	*seq++ = *hash++ = '\0';
	*out = (struct audit_head){.time = text, .hash = hash};
	return str_to_i64(str_of(seq), &out->seq) && out->seq > 0;
}

static struct err *failed(struct arena *a, const char *what, const char *path)
{
	return err_new(a, ERR_UNAVAILABLE, "could not %s \"%s\": %s", what, path, strerror(errno));
}

/* Reading ------------------------------------------------------------------------------------------------ */

static void close_file(void *file)
{
	fclose(file);
}

struct err *audit_heads_open(struct arena *a, const char *path, struct audit_heads_file **out)
{
	struct audit_heads_file *f = ARENA_NEW(a, struct audit_heads_file);
	struct stat st;

	f->path = path;
	f->file = fopen(path, "re");
	if (!f->file)
		return failed(a, "open", path);
	arena_cleanup(a, close_file, f->file);
	if (fstat(fileno(f->file), &st) != 0)
		return failed(a, "read", path);
	f->left = st.st_size;
	*out = f;
	return NULL;
}

int audit_heads_line(const struct audit_heads_file *f)
{
	return f->line;
}

struct err *audit_heads_next(struct arena *a, struct audit_heads_file *f, struct audit_head *out)
{
	size_t n;

	out->seq = 0;
	if (f->left <= 0)
		return NULL;
	f->line++;
	if (!fgets(f->text, sizeof(f->text), f->file))
		return failed(a, "read", f->path);
	n = strlen(f->text);
	f->left -= (off_t)n;
	if (n && f->text[n - 1] == '\n' && (f->text[n - 1] = '\0', parse(f->text, out)))
		return NULL;
	return err_new(a, ERR_INVALID, "line %d of \"%s\" is not \"time seq hash\"", f->line, f->path);
}

/* Writing ------------------------------------------------------------------------------------------------ */

/* The last line, without its end; whole tells whether it has one. "" for an empty file. */
static struct err *last_line(struct arena *a, int fd, const char *path, char **out, bool *whole)
{
	char *text = arena_alloc(a, LINE_BYTES + 1), *before;
	off_t size = lseek(fd, 0, SEEK_END), from = size > LINE_BYTES ? size - LINE_BYTES : 0;
	ssize_t n = size < 0 ? -1 : pread(fd, text, LINE_BYTES, from);

	if (n < 0)
		return failed(a, "read", path);
	text[n] = '\0';
	*whole = n == 0 || text[n - 1] == '\n';
	if (n && *whole)
		text[n - 1] = '\0';
	before = strrchr(text, '\n');
	*out = before ? before + 1 : text;
	return NULL;
}

static struct err *append(struct arena *a, int fd, const char *path, const char *text)
{
	size_t n = strlen(text);

	errno = ENOSPC; /* what a short write means */
	if (write(fd, text, n) != (ssize_t)n || fdatasync(fd) != 0)
		return failed(a, "write", path);
	return NULL;
}

/* Under the file's lock, so that who writes later has read later. */
static struct err *note(struct ctx *ctx, int fd, const char *path)
{
	struct audit_head last = {.seq = 0};
	struct end now;
	bool found, whole = false;
	char *line = NULL;

	TRY(last_line(ctx->a, fd, path, &line, &whole));
	if (whole && *line && !parse(line, &last))
		return err_new(ctx->a, ERR_CONFLICT, "the last line of \"%s\" is not \"time seq hash\"",
		               path);
	TRY(db_find(ctx, &chain_end, DB_NO_ARGS, &end_row, &now, &found));
	if (!found)
		now = (struct end){0, ""};
	if (now.seq == last.seq && (!last.seq || strcmp(now.hash, last.hash) == 0))
		return NULL;
	if (now.seq <= last.seq)
		return err_hint(
		        err_new(ctx->a, ERR_CONFLICT,
		                "the audit log ends with entry %" PRId64 ", but \"%s\" has entry %" PRId64
		                " of %s",
		                now.seq, path, last.seq, last.time),
		        "run quern audit verify; if the database was restored from a backup, begin a new "
		        "file");
	return append(ctx->a, fd, path,
	              arena_printf(ctx->a, "%s%s %" PRId64 " %s\n", whole ? "" : "\n",
	                           clock_rfc3339(ctx->a, clock_wall_us()), now.seq, now.hash));
}

struct err *audit_heads(struct ctx *ctx, const char *path)
{
	int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	struct err *e;

	if (fd < 0)
		return failed(ctx->a, "open", path);
	e = flock(fd, LOCK_EX) == 0 ? note(ctx, fd, path) : failed(ctx->a, "lock", path);
	close(fd);
	return e;
}

/* Every minute ------------------------------------------------------------------------------------------- */

enum { EVERY_SECONDS = 60, STACK_BYTES = 256 << 10 };

static void *note_every_minute(void *arg)
{
	const struct settings *settings = arg;

	for (;; sleep(EVERY_SECONDS)) {
		struct ctx ctx = {
		        .a = arena_create(), .settings = settings, .request_id = "audit", .address = ""};
		struct err *e = audit_heads(&ctx, settings->audit_heads);

		if (e)
			log_err(LOG_ERROR, ctx.request_id, "noting the end of the audit log", e);
		arena_free(ctx.a);
	}
	return NULL;
}

void audit_heads_start(const struct settings *settings)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (!settings->audit_heads[0])
		return;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (pthread_create(&thread, &attr, note_every_minute, (void *)settings))
		LOG(LOG_ERROR, NULL, "could not start the thread that notes the end of the audit log");
	pthread_attr_destroy(&attr);
}
