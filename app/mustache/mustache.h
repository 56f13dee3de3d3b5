/*
 * Mustache: templates compiled once, rendered into a buf. Passes the official specification (comments,
 * delimiters, interpolation, inverted, partials, sections, inheritance, dynamic names) but lambdas.
 * Empty text, 0, false, null, empty lists and absent names are false in sections; anything else is true.
 * Pure: loading reads a directory, nothing else does I/O. Compiled sets are immutable and shared by threads.
 *
 * Data comes in two forms: JSON (specification tests, `quern template`) and typed views: a C struct and a
 * table that names its fields. A template bound to a view is checked against it by mustache_check(), so that
 * a page cannot name a field that its view lacks.
 */
#ifndef MUSTACHE_MUSTACHE_H
#define MUSTACHE_MUSTACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"
#include "lib/str.h"

struct arena;
struct buf;
struct json_object;
struct mustache_set;

enum {
	MUSTACHE_DEPTH = 64, /* most nested sections, partials and parents while rendering */
	MUSTACHE_TEMPLATE_BYTES = 1 << 20,
};

/* Typed views ------------------------------------------------------------------------------------- */

enum view_kind {
	VIEW_KIND_STR,  /* const char *, NULL is empty and false; written escaped */
	VIEW_KIND_HTML, /* const char *, safe HTML made by our own code; written with {{{ }}} only */
	VIEW_KIND_I64,  /* int64_t; 0 is false in a section */
	VIEW_KIND_BOOL, /* bool */
	VIEW_KIND_ONE,  /* pointer to a struct, NULL is false; opens a section on its view */
	VIEW_KIND_LIST, /* pointer to an array of structs, and a size_t count; section once an item */
};

struct view;

struct view_field {
	const char *name;
	enum view_kind kind;
	size_t offset;
	size_t count_offset;     /* LIST */
	const struct view *view; /* ONE, LIST */
};

struct view {
	size_t size; /* of the struct */
	const struct view_field *fields;
	size_t n;
};

/* clang-format off */
/* struct page { const char *title; struct row *rows; size_t nrows; };
 * static const struct view page_view = VIEW(struct page,
 *         VIEW_STR(struct page, title), VIEW_LIST(struct page, rows, nrows, &row_view)); */
#define VIEW(type, ...) \
	{sizeof(type), (const struct view_field[]){__VA_ARGS__}, \
	 sizeof((const struct view_field[]){__VA_ARGS__}) / sizeof(struct view_field)}
#define VIEW_STR(type, f) {#f, VIEW_KIND_STR, offsetof(type, f), 0, NULL}
#define VIEW_HTML(type, f) {#f, VIEW_KIND_HTML, offsetof(type, f), 0, NULL}
#define VIEW_I64(type, f) {#f, VIEW_KIND_I64, offsetof(type, f), 0, NULL}
#define VIEW_BOOL(type, f) {#f, VIEW_KIND_BOOL, offsetof(type, f), 0, NULL}
#define VIEW_ONE(type, f, view) {#f, VIEW_KIND_ONE, offsetof(type, f), 0, (view)}
#define VIEW_LIST(type, f, count, view) {#f, VIEW_KIND_LIST, offsetof(type, f), offsetof(type, count), (view)}
/* clang-format on */

/* Sets of templates --------------------------------------------------------------------------------- */

/* An empty set in the arena. */
struct mustache_set *mustache_set_create(struct arena *a);

/* Compiles a template into the set under a name (replacing one of that name). Partials and parents are
 * looked up in the set when rendering, so order does not matter. Errors: INVALID (malformed, or larger than
 * MUSTACHE_TEMPLATE_BYTES) naming the template in the message and the line in the detail. */
MUST_CHECK struct err *mustache_add(struct mustache_set *set, const char *name, struct str text);

/* Compiles every FILE.mustache below dir; the name is the path without suffix ("project/show").
 * Errors: NOT_FOUND, INVALID. */
MUST_CHECK struct err *mustache_load(struct mustache_set *set, const char *dir);

/* Renders. Errors: NOT_FOUND (the template is not in the set, or a partial or parent that it includes;
 * such a one writes nothing, as the specification says, and the error comes when all else is written, so
 * that `out` is whole), TOO_LARGE (nested too deeply, too many steps, or `out` is full; then `out` is not
 * whole). A name that the data lacks renders as nothing. A field of a view is written raw only if it is
 * HTML, whatever the template says. */
MUST_CHECK struct err *mustache_render(struct arena *a, const struct mustache_set *set, const char *name,
                                       const struct view *view, const void *data, struct buf *out);
MUST_CHECK struct err *mustache_render_json(struct arena *a, const struct mustache_set *set, const char *name,
                                            struct json_object *data, struct buf *out);

/* Checks that the template, with its partials and parents, names only fields that the view has (looked up
 * from inner to outer views), of a kind that fits, and writes HTML fields raw and others escaped. In strict
 * mode a field of the view that the template does not use is an error too. Dynamic names cannot be checked
 * and are refused. Errors: INVALID, naming template, line, field. */
MUST_CHECK struct err *mustache_check(struct arena *a, const struct mustache_set *set, const char *name,
                                      const struct view *view, bool strict);

#endif
