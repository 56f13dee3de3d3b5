/* Inside cli/: what a command is given, as a file, on standard input, or among its arguments. */
#ifndef CLI_INPUT_PRIV_H
#define CLI_INPUT_PRIV_H

#include <stddef.h>

#include "db/db.h"
#include "lib/err.h"
#include "lib/str.h"

struct arena;

/* All of a file, or of standard input when path is NULL; NUL-terminated, in the arena.
 * Errors: NOT_FOUND (cannot be read), TOO_LARGE (above cap bytes). */
MUST_CHECK struct err *input_read(struct arena *a, const char *path, size_t cap, struct str *out);

/* The first line of standard input, without its end. Errors: also INVALID (a NUL in it). */
MUST_CHECK struct err *input_line(struct arena *a, size_t cap, const char **out);

/* An option's value, or for "-" the first line of standard input: for what others should not see among the
 * arguments of a process. */
MUST_CHECK struct err *input_secret(struct arena *a, const char *value, const char **out);

/* "a, b" as a list; p is NULL for NULL. */
struct db_texts input_list(struct arena *a, const char *text);

#endif
