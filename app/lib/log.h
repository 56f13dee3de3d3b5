/*
 * The log: one JSON object a line on standard error with time, level, request id and message. A
 * line is one write(2), so lines of many processes do not mix. Fields are named where they are logged;
 * nothing logs a whole request, statement parameter, connection string or header.
 */
#ifndef LIB_LOG_H
#define LIB_LOG_H

#include <stdint.h>

#include "lib/str.h"

struct err;

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct log_field {
	const char *key;
	const char *text; /* NULL: the number counts */
	int64_t number;
};

/* clang-format off */
#define LOG_STR(key, value) {(key), (value) ? (value) : "", 0}
#define LOG_I64(key, value) {(key), NULL, (value)}
/* clang-format on */

/* LOG(LOG_INFO, ctx->request_id, "query run", LOG_I64("rows", n)); request_id may be NULL. The element in
 * front is skipped: it is there for calls without fields. */
#define LOG(level, request_id, message, ...) \
	log_write((level), (request_id), (message), \
	          (const struct log_field[]){{NULL, NULL, 0}, ##__VA_ARGS__, {NULL, NULL, 0}} + 1)

/* Writes the line if level is at least the one set; fields end with a NULL key. At most 8 fields; a text
 * is cut at 1 KB. */
void log_write(enum log_level level, const char *request_id, const char *message,
               const struct log_field *fields);

/* Logs an error with kind, code, error (its message), detail and its causes. */
void log_err(enum log_level level, const char *request_id, const char *what, const struct err *e);

/* The least level that is written; LOG_INFO at start. */
void log_set_level(enum log_level level);

/* Parses "debug", "info", "warning", "error"; -1 if it is none. */
int log_level_of(struct str name);

#endif
