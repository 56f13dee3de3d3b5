/* Reading what a command is given whole. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stddef.h>

#include "lib/err.h"
#include "lib/str.h"

struct arena;

/* All of a file, or of standard input when path is NULL; NUL-terminated, in the arena.
 * Errors: NOT_FOUND (cannot be read), TOO_LARGE (above cap bytes). */
MUST_CHECK struct err *input_read(struct arena *a, const char *path, size_t cap, struct str *out);

#endif
