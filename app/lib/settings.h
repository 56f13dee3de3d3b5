/*
 * Configuration: settings.def is the one list; from it come parsing, `--help`, the table in docs and
 * the struct below. Values come from the environment, then from a .env file, then from the default.
 */
#ifndef LIB_SETTINGS_H
#define LIB_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

struct arena;
struct buf;

/* What a command needs; a bit mask in commands.def. */
enum settings_need {
	SETTINGS_NEED_NONE = 0,
	SETTINGS_NEED_DB = 1,
	SETTINGS_NEED_KEY = 2,
	SETTINGS_NEED_SERVE = 4,
};

#define SETTINGS_TYPE_TEXT const char *
#define SETTINGS_TYPE_SECRET const char *
#define SETTINGS_TYPE_CHOICE const char *
#define SETTINGS_TYPE_INT int64_t
#define SETTINGS_TYPE_KEY const unsigned char *

struct settings {
#define SETTING(field, name, type, dflt, min, max, need, unit, text) SETTINGS_TYPE_##type field;
#include "lib/settings.def"
#undef SETTING
};

/* Reads all settings; env_file is the path of a .env file that may be absent, or NULL for none. Every wrong
 * value and every setting missing for `needs` is named in one error: CONFIG. Values live in the arena. */
MUST_CHECK struct err *settings_load(struct arena *a, const char *env_file, unsigned needs,
                                     const struct settings **out);

/* The list as a table for people: name, default, unit, text. markdown for docs, else for a terminal. */
void settings_describe(struct buf *b, bool markdown);

#endif
