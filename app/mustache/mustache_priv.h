/*
 * Inside mustache/: the compiled form of a template and the values that one renders from.
 *
 * A template is a flat array of nodes in the order of the text; a node that has content is followed by it,
 * and `end` is the index behind. Indentation is decided while compiling: a text node knows whether it
 * begins a line, and a partial, a parent or a block knows what stands before it, so that rendering only
 * writes.
 */
#ifndef MUSTACHE_MUSTACHE_PRIV_H
#define MUSTACHE_MUSTACHE_PRIV_H

#include <stdint.h>

#include "mustache/mustache.h"

/* What rendering and checking may cost: nodes passed and contexts searched. Sections nested over one list
 * multiply. */
enum { MUSTACHE_STEPS = 4 << 20 };

enum node_kind {
	NODE_TEXT,
	NODE_VAR,
	NODE_RAW,
	NODE_SECTION,
	NODE_INVERTED,
	NODE_PARTIAL,
	NODE_PARENT,
	NODE_BLOCK
};

/* One part of a dotted name; the hash serves the cache of view fields. name.p is NUL-terminated. */
struct segment {
	struct str name;
	uint32_t hash;
};

/* A dotted name; n == 0 is ".", the implicit iterator. */
struct path {
	size_t n;
	struct segment *segments;
};

struct node {
	enum node_kind kind;
	bool begins_line; /* TEXT: the first byte begins a line of the template */
	bool alone;       /* BLOCK: the line of the opening tag is not part of the output.
	                         * PARTIAL, PARENT: standalone, `indent` goes before each line */
	bool dynamic;     /* PARTIAL, PARENT: the name is looked up in the data, by path */
	uint32_t line;    /* of the tag, from 1 */
	uint32_t end;
	struct str text;   /* TEXT: what to write; others: the name as written */
	struct str indent; /* PARTIAL, PARENT, BLOCK */
	struct path path;  /* VAR, RAW, SECTION, INVERTED, dynamic ones */
};

struct template
{
	const char *name;
	struct node *nodes;
	uint32_t n;
};

struct mustache_set {
	struct arena *a;
	struct template **templates; /* sorted by name */
	size_t n;
	size_t size;
};

/* compile.c: fills in nodes and n. text is kept, so it lives as long as the set. */
MUST_CHECK struct err *template_compile(struct arena *a, struct template *t, struct str text);

/* mustache.c: NULL when the set lacks it. */
const struct template *template_find(const struct mustache_set *set, struct str name);

/* The arguments of a parent tag that is under way, inner before outer. */
struct frame {
	const struct frame *up;
	const struct template *template;
	uint32_t parent;
};

/* The block of that name among the arguments, and the frame it is from; NULL when there is none. Blocks of an
 * outer parent win over those of an inner one. */
const struct node *argument_find(const struct frame *frame, struct str name, const struct frame **from);

/* Values ------------------------------------------------------------------------------------------ */

struct value_type;

/* type NULL: no value. p and meta are the business of the type. */
struct value {
	const struct value_type *type;
	const void *p;
	const void *meta;
};

enum { VIEW_CACHE = 256, NOT_A_LIST = -1 };

/* Remembers during one rendering where a name is in a view; the fields of a view are otherwise searched in
 * turn. */
struct view_cache {
	struct {
		const struct view *view;
		const struct segment *segment;
		const struct view_field *field;
	} slots[VIEW_CACHE];
};

struct value_type {
	bool (*find)(struct view_cache *cache, struct value of, const struct segment *segment,
	             struct value *out);
	bool (*is_true)(struct value v);
	ptrdiff_t (*count)(struct value v); /* NOT_A_LIST for anything else */
	struct value (*item)(struct value v, size_t i);
	void (*write)(struct value v, struct buf *b, bool raw);
};

struct value value_of_json(struct json_object *o);
struct value value_of_view(const struct view *view, const void *data);

/* value_view.c: the field of that name, or NULL. */
const struct view_field *view_field_find(const struct view *view, const struct segment *segment);

#endif
