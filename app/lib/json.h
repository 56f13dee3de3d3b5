/*
 * JSON: a strict reader over json-c, and a writer that appends to a buf.
 * Reading refuses what json-c would let pass: invalid UTF-8, trailing text, comments, single quotes,
 * NaN, NUL inside strings, duplicate keys, nesting deeper than asked for.
 */
#ifndef LIB_JSON_H
#define LIB_JSON_H

#include <json-c/json_object.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/str.h"

struct arena;
struct buf;

enum { JSON_DEPTH = 32, JSON_DEPTH_TREE = 1024 };

/* Parses the whole text; *out is released with the arena. *out is NULL for the text "null".
 * Errors: INVALID, with position. */
MUST_CHECK struct err *json_read(struct arena *a, struct str text, int depth, struct json_object **out);

/* Members of an object by key. Absent, null or of another type: the fallback (NULL, NULL, dflt, dflt).
 * Strings live as long as the object. o may be NULL. */
struct json_object *json_get(struct json_object *o, const char *key);
const char *json_get_str(struct json_object *o, const char *key);
int64_t json_get_i64(struct json_object *o, const char *key, int64_t dflt);
bool json_get_bool(struct json_object *o, const char *key, bool dflt);
/* The array under key, or NULL; use json_object_array_length/_get_idx on it. */
struct json_object *json_get_array(struct json_object *o, const char *key);
/* Items of an array; 0 for NULL. */
size_t json_length(struct json_object *array);

/* For small objects of a known shape that come by the thousand: their members without a tree, as written. */
struct json_pull {
	const char *key;
	struct str raw;
};
/* True when the text is one object with exactly these members, each once, in any order; then all are filled.
 * False for everything else, which json_read() may still be able to read. */
bool json_pull(struct str text, struct json_pull *members, size_t n);
/* The text of a string as json_pull() gives it; false when it is no string. A copy only where it has escapes. */
bool json_pull_str(struct arena *a, struct str raw, struct str *out);

/* A writer. Every function takes the key, or NULL inside arrays and at the top. */
struct json_writer {
	struct buf *b;
	bool comma;
};
void json_object_open(struct json_writer *w, const char *key);
void json_object_close(struct json_writer *w);
void json_array_open(struct json_writer *w, const char *key);
void json_array_close(struct json_writer *w);
void json_put_str(struct json_writer *w, const char *key, struct str value);
void json_put_cstr(struct json_writer *w, const char *key, const char *value); /* NULL writes null */
void json_put_i64(struct json_writer *w, const char *key, int64_t value);
void json_put_bool(struct json_writer *w, const char *key, bool value);
void json_put_null(struct json_writer *w, const char *key);
void json_put_raw(struct json_writer *w, const char *key, struct str json); /* already JSON */

/* What an error says as members of the object that is open: kind, code, message, detail, hint. */
void json_put_err_facts(struct json_writer *w, const struct err *e);

/* Writes an error as {"error":{"kind","code","message","detail","hint","position","request_id"}}. */
void json_put_err(struct json_writer *w, const struct err *e, const char *request_id);

#endif
