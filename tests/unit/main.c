/*
 * Runs the suites that test files registered, in the order of their file names. Arguments select suites by a
 * part of their file name. Ends with the line that tests/check sums up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "unit.h"

extern const struct unit_suite *const __start_unit_suites[];
extern const struct unit_suite *const __stop_unit_suites[];

static size_t skipped;
static struct arena *scratch;

void unit_note_skip(const char *why)
{
	printf("# skip: %s\n", why);
	skipped++;
}

char *unit_shared_path(struct arena *a, const char *path)
{
	const char *dir = getenv("QUERN_SHARED");

	return arena_printf(a, "%s/%s", dir ? dir : "../shared", path);
}

int unit_has_shared(struct arena *a, const char *path)
{
	return access(unit_shared_path(a, path), R_OK) == 0;
}

struct str unit_file(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text;
	long n;

	if (!f)
		fail_msg("cannot read %s", path);
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	text = arena_alloc(a, (size_t)n + 1);
	if (fread(text, 1, (size_t)n, f) != (size_t)n)
		fail_msg("cannot read %s", path);
	fclose(f);
	return (struct str){text, (size_t)n};
}

const char *unit_cstr(struct str s)
{
	return str_dup(scratch, s);
}

static int by_file(const void *x, const void *y)
{
	return strcmp((*(const struct unit_suite *const *)x)->file,
	              (*(const struct unit_suite *const *)y)->file);
}

static int selected(const char *file, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strstr(file, argv[i]))
			return 1;
	return argc == 1;
}

int main(int argc, char **argv)
{
	size_t n = (size_t)(__stop_unit_suites - __start_unit_suites), i, total = 0, failed = 0;
	int64_t begun;
	const struct unit_suite **suites;

	scratch = arena_create();
	suites = ARENA_ARRAY(scratch, const struct unit_suite *, n);
	memcpy(suites, __start_unit_suites, n * sizeof(*suites));
	qsort(suites, n, sizeof(*suites), by_file);
	setvbuf(stdout, NULL, _IOLBF, 0);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	for (i = 0; i < n; i++) {
		if (!selected(suites[i]->file, argc, argv))
			continue;
		printf("# %s\n", suites[i]->file);
		begun = clock_mono_us();
		failed += (size_t)_cmocka_run_group_tests(suites[i]->file, suites[i]->tests, suites[i]->n,
		                                          NULL, NULL);
		printf("# %.1f s\n", (double)(clock_mono_us() - begun) / 1e6);
		total += suites[i]->n;
	}
	arena_free(scratch);
	printf("# passed %zu failed %zu skipped %zu\n", total - failed - skipped, failed, skipped);
	return failed > 0;
}
