/*
 * A result of 10,000 rows and 10 columns as CSV and as JSON: query_stream() with the file writers, in the way an export
 * does it (admission, guard, transaction, record and all), against psql that writes the same from the same server into a
 * file. Both run by turns and over a session that is there already, so that starting psql does not count against it.
 * psql writes CSV as `psql --csv` does, from the SELECT, and JSON with json_agg() over json_build_array(), which gives
 * the same rows. COPY ... TO STDOUT is measured beside them: there the server makes the CSV, and psql passes it on.
 * Arguments: a project, psql's connection string, a scratch directory, the statement as Quern takes it, as psql takes
 * it, and the list of its columns. Writes one JSON object with the median microseconds of each, and of the processor's
 * time that it took in this process or in psql (none of the server's).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "catalog/catalog.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/settings.h"
#include "project/project.h"
#include "query/query.h"

enum { ROUNDS = 41, WARM = 2 };
enum way { CSV, JSON, PSQL_CSV, PSQL_JSON, PSQL_COPY, WAYS };
static const char *const names[WAYS] = {"csv", "json", "psql_csv", "psql_json", "psql_copy"};

static int64_t wall[WAYS][ROUNDS], cpu[WAYS][ROUNDS];

/* psql that waits for commands. */
struct psql {
	FILE *to, *from;
	pid_t pid;
};

static void must(struct err *e)
{
	if (!e)
		return;
	fprintf(stderr, "bench-run: %s\n", err_text(e));
	exit(1);
}

static struct psql psql_start(const char *conninfo)
{
	int in[2], out[2];
	struct psql p;

	if (pipe(in) || pipe(out))
		exit(1);
	p.pid = fork();
	if (p.pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[1]);
		close(out[0]);
		execlp("psql", "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", conninfo, (char *)NULL);
		_exit(1);
	}
	close(in[0]);
	close(out[1]);
	p.to = fdopen(in[1], "w");
	p.from = fdopen(out[0], "r");
	return p;
}

/* Runs the commands and waits until all of it is done. */
static void psql_run(struct psql *p, const char *commands)
{
	char line[64] = "";

	fprintf(p->to, "%s\n\\echo done\n", commands);
	fflush(p->to);
	if (!fgets(line, sizeof(line), p->from) || strcmp(line, "done\n") != 0) {
		fputs("bench-run: psql failed\n", stderr);
		exit(1);
	}
}

static struct err *write_part(void *arg, struct str bytes)
{
	if (write(*(int *)arg, bytes.p, bytes.n) != (ssize_t)bytes.n)
		exit(1);
	return NULL;
}

static void stream(const struct settings *settings, const struct query_scope *scope, const char *sql, const char *format,
		   const char *path)
{
	struct ctx ctx = {.a = arena_create(), .settings = settings, .request_id = "bench", .address = ""};
	const struct query_caps caps = {100000, 256 << 20, 1 << 20};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const struct query_output out = {write_part, &fd};
	struct query_result *r;
	struct query_file *file;

	must(query_file_open(&ctx, query_format(str_of(format)), &out, &file));
	must(query_stream(&ctx, scope, sql, &caps, query_file_sink(file), &r));
	must(query_file_close(file, r));
	close(fd);
	if (r->nrows != 10000)
		exit(1);
	arena_free(ctx.a);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t median(int64_t *took)
{
	qsort(took, ROUNDS, sizeof(*took), by_size);
	return took[ROUNDS / 2];
}

static int64_t cpu_us(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		exit(1);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static const struct settings *load_settings(struct arena *a)
{
	const struct settings *s;

	must(settings_load(a, NULL, SETTINGS_NEED_DB | SETTINGS_NEED_KEY, &s));
	crypto_init();
	log_set_level(LOG_ERROR);
	db_open(s->database_url, 4);
	return s;
}

/* What psql is to do for each of its ways. */
static void psql_commands(struct arena *a, char **argv, const char **commands)
{
	commands[PSQL_CSV] = arena_printf(a, "\\pset format csv\n\\pset tuples_only off\n\\o %s/psql.csv\n%s;\n\\o\n"
					  "\\pset format unaligned\n\\pset tuples_only on", argv[3], argv[5]);
	commands[PSQL_JSON] = arena_printf(a, "\\o %s/psql.json\nSELECT json_agg(json_build_array(%s)) FROM (%s) t;\n\\o",
					   argv[3], argv[6], argv[5]);
	commands[PSQL_COPY] = arena_printf(a, "\\o %s/copy.csv\nCOPY (%s) TO STDOUT (FORMAT csv, HEADER);\n\\o", argv[3],
					   argv[5]);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_create();
	const char *commands[WAYS] = {NULL};
	clockid_t of_psql;
	struct query_scope scope;
	struct project project;
	struct psql psql;

	if (argc != 7) {
		fputs("usage: bench-run PROJECT CONNINFO DIRECTORY SQL SQL-FOR-PSQL COLUMNS\n", stderr);
		return 2;
	}
	struct ctx ctx = {.a = a, .settings = load_settings(a), .request_id = "bench", .address = ""};
	must(project_by_slug(&ctx, argv[1], &project));
	must(catalog_scope_for(&ctx, &project, PROJECT_ADMIN, &scope));
	scope.origin = QUERY_FROM_EXPORT;
	psql = psql_start(argv[2]);
	if (clock_getcpuclockid(psql.pid, &of_psql))
		exit(1);
	psql_commands(a, argv, commands);
	for (int i = -WARM; i < ROUNDS; i++)
		for (int w = 0; w < WAYS; w++) {
			clockid_t clock = commands[w] ? of_psql : CLOCK_PROCESS_CPUTIME_ID;
			int64_t from = clock_mono_us(), used = cpu_us(clock);

			if (commands[w])
				psql_run(&psql, commands[w]);
			else
				stream(ctx.settings, &scope, argv[4], names[w], arena_printf(a, "%s/quern.%s", argv[3], names[w]));
			wall[w][i < 0 ? 0 : i] = clock_mono_us() - from;
			cpu[w][i < 0 ? 0 : i] = cpu_us(clock) - used;
		}
	fclose(psql.to);
	waitpid(psql.pid, NULL, 0);
	for (int w = 0; w < WAYS; w++)
		printf("%s\"%s_us\":%lld,\"%s_cpu_us\":%lld", w ? "," : "{", names[w], (long long)median(wall[w]), names[w],
		       (long long)median(cpu[w]));
	puts("}");
	query_close();
	return 0;
}
