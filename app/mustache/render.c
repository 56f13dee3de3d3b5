/*
 * Rendering: a walk over the nodes that writes. All state of a place in the walk is a scope, which lives on
 * the C stack and is never changed by what is below it; MUSTACHE_DEPTH bounds that stack and MUSTACHE_STEPS
 * the time.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "mustache/mustache_priv.h"

/* A value that names are looked up in, inner before outer. */
struct context {
	const struct context *up;
	struct value value;
};

/* Spaces before each line, outer before inner. */
struct indent {
	const struct indent *up;
	struct str text;
};

struct scope {
	const struct template *template;
	const struct context *context;
	const struct frame *frame;
	const struct indent *indent;
};

struct render {
	struct arena *a;
	const struct mustache_set *set;
	struct buf *out;
	struct buf name;     /* of a dynamic partial */
	struct err *missing; /* the first partial or parent that the set lacks */
	unsigned depth;
	unsigned steps;
	bool in_line; /* the next line of a block's argument continues a line that has begun */
	struct view_cache cache;
};

typedef struct err *node_renderer(struct render *r, const struct scope *s, uint32_t at);

static node_renderer render_text, render_var, render_section, render_inverted, render_partial, render_parent,
        render_block;

static node_renderer *const renderers[] = {
        [NODE_TEXT] = render_text,       [NODE_VAR] = render_var,           [NODE_RAW] = render_var,
        [NODE_SECTION] = render_section, [NODE_INVERTED] = render_inverted, [NODE_PARTIAL] = render_partial,
        [NODE_PARENT] = render_parent,   [NODE_BLOCK] = render_block,
};

static struct err *too_large(const struct render *r, const struct scope *s, uint32_t at, const char *why)
{
	return err_detail(
	        err_new(r->a, ERR_TOO_LARGE, "template \"%s\" cannot be rendered", s->template->name),
	        "Line %u: %s.", (unsigned)s->template->nodes[at].line, why);
}

static struct err *render_nodes(struct render *r, const struct scope *s, uint32_t from, uint32_t end)
{
	for (uint32_t i = from; i < end; i = s->template->nodes[i].end) {
		if (++r->steps > MUSTACHE_STEPS)
			return too_large(r, s, i, "it takes too many steps");
		if (r->out->full)
			return too_large(r, s, i, "the output is too large");
		TRY(renderers[s->template->nodes[i].kind](r, s, i));
	}
	return NULL;
}

/* The nodes of s from..end, one level further down than the node at `at` of the scope `outer`. */
static struct err *descend(struct render *r, const struct scope *outer, uint32_t at, const struct scope *s,
                           uint32_t from, uint32_t end)
{
	struct err *e;

	if (r->depth == MUSTACHE_DEPTH)
		return too_large(r, outer, at, "sections, partials and parents are nested too deeply");
	r->depth++;
	e = render_nodes(r, s, from, end);
	r->depth--;
	return e;
}

/* The value of a name; type NULL if the data lacks it. */
static struct value resolve(struct render *r, const struct context *context, const struct path *path)
{
	struct value v = {NULL, NULL, NULL};
	bool found = false;

	if (path->n == 0)
		return context->value;
	for (; context && !found; context = context->up) {
		r->steps++;
		found = context->value.type &&
		        context->value.type->find(&r->cache, context->value, &path->segments[0], &v);
	}
	for (size_t i = 1; i < path->n && v.type; i++)
		if (!v.type->find(&r->cache, v, &path->segments[i], &v))
			return (struct value){NULL, NULL, NULL};
	return v;
}

static void write_indent(struct buf *out, const struct indent *indent)
{
	if (!indent)
		return;
	write_indent(out, indent->up);
	buf_add_str(out, indent->text);
}

static struct err *render_text(struct render *r, const struct scope *s, uint32_t at)
{
	const struct node *node = &s->template->nodes[at];
	struct str rest = node->text;
	bool indented = node->begins_line && !r->in_line;

	if (node->begins_line)
		r->in_line = false;
	if (!s->indent) {
		buf_add_str(r->out, rest);
		return NULL;
	}
	if (indented)
		write_indent(r->out, s->indent);
	while (rest.n) {
		const char *newline = memchr(rest.p, '\n', rest.n);
		size_t n = newline ? (size_t)(newline - rest.p) + 1 : rest.n;

		buf_add(r->out, rest.p, n);
		rest = (struct str){rest.p + n, rest.n - n};
		if (rest.n)
			write_indent(r->out, s->indent);
	}
	return NULL;
}

static struct err *render_var(struct render *r, const struct scope *s, uint32_t at)
{
	const struct node *node = &s->template->nodes[at];
	struct value v = resolve(r, s->context, &node->path);

	if (v.type)
		v.type->write(v, r->out, node->kind == NODE_RAW);
	return NULL;
}

static struct err *render_with(struct render *r, const struct scope *s, uint32_t at, struct value v)
{
	struct context context = {s->context, v};
	struct scope inner = *s;

	inner.context = &context;
	return descend(r, s, at, &inner, at + 1, s->template->nodes[at].end);
}

static struct err *render_section(struct render *r, const struct scope *s, uint32_t at)
{
	struct value v = resolve(r, s->context, &s->template->nodes[at].path);
	ptrdiff_t n;

	if (!v.type || !v.type->is_true(v))
		return NULL;
	n = v.type->count(v);
	if (n == NOT_A_LIST)
		return render_with(r, s, at, v);
	for (ptrdiff_t i = 0; i < n; i++) {
		if (++r->steps > MUSTACHE_STEPS)
			return too_large(r, s, at, "it takes too many steps");
		TRY(render_with(r, s, at, v.type->item(v, (size_t)i)));
	}
	return NULL;
}

static struct err *render_inverted(struct render *r, const struct scope *s, uint32_t at)
{
	struct value v = resolve(r, s->context, &s->template->nodes[at].path);

	if (v.type && v.type->is_true(v))
		return NULL;
	return descend(r, s, at, s, at + 1, s->template->nodes[at].end);
}

/* The template that a partial or parent names. The first that is missing is reported when all else is
 * written. */
static const struct template *target(struct render *r, const struct scope *s, uint32_t at)
{
	const struct node *node = &s->template->nodes[at];
	struct str name = node->text;
	const struct template *t;

	if (node->dynamic) {
		struct value v = resolve(r, s->context, &node->path);

		if (!v.type)
			return NULL;
		r->name.n = 0;
		r->name.full = false;
		v.type->write(v, &r->name, true);
		name = buf_str(&r->name);
		if (!name.n)
			return NULL;
	}
	t = template_find(r->set, name);
	if (!t && !r->missing)
		r->missing = err_detail(
		        err_new(r->a, ERR_NOT_FOUND, "template \"%.*s\" does not exist", STR_ARG(name)),
		        "Template \"%s\" includes it in line %u.", s->template->name, (unsigned)node->line);
	return t;
}

/* Another template in the place of the node. One inside a line is not indented, not even by what surrounds
 * it. */
static struct err *include(struct render *r, const struct scope *s, uint32_t at, const struct frame *frame)
{
	const struct node *node = &s->template->nodes[at];
	struct indent indent = {s->indent, node->indent};
	struct scope inner = {target(r, s, at), s->context, frame, NULL};

	if (!inner.template)
		return NULL;
	if (node->alone)
		inner.indent = node->indent.n ? &indent : s->indent;
	return descend(r, s, at, &inner, 0, inner.template->n);
}

static struct err *render_partial(struct render *r, const struct scope *s, uint32_t at)
{
	return include(r, s, at, s->frame);
}

static struct err *render_parent(struct render *r, const struct scope *s, uint32_t at)
{
	struct frame frame = {s->frame, s->template, at};

	return include(r, s, at, &frame);
}

/* Where site and argument disagree on whether the block begins a line, the site decides for the first
 * line. */
static void begin_argument(struct render *r, const struct node *site, const struct node *argument, bool empty,
                           const struct indent *indent)
{
	r->in_line = !site->alone && argument->alone;
	if (site->alone && !argument->alone && !empty)
		write_indent(r->out, indent);
}

static struct err *render_block(struct render *r, const struct scope *s, uint32_t at)
{
	const struct node *site = &s->template->nodes[at];
	struct indent indent = {s->indent, site->indent};
	const struct frame *from;
	const struct node *argument = argument_find(s->frame, site->text, &from);
	struct scope inner = *s;
	uint32_t first;

	if (!argument)
		return descend(r, s, at, s, at + 1, site->end);
	first = (uint32_t)(argument - from->template->nodes) + 1;
	inner.template = from->template;
	inner.frame = from->up; /* blocks in the argument are parameters of the template it stands in */
	inner.indent = site->indent.n ? &indent : s->indent;
	begin_argument(r, site, argument, first == argument->end, inner.indent);
	TRY(descend(r, s, at, &inner, first, argument->end));
	r->in_line = false;
	return NULL;
}

static struct err *render(struct arena *a, const struct mustache_set *set, const char *name,
                          struct value data, struct buf *out)
{
	struct context root = {NULL, data};
	struct scope s = {template_find(set, str_of(name)), &root, NULL, NULL};
	struct render *r;

	if (!s.template)
		return err_new(a, ERR_NOT_FOUND, "template \"%s\" does not exist", name);
	r = ARENA_NEW(a, struct render);
	r->a = a;
	r->set = set;
	r->out = out;
	r->name = buf_init(a, BUF_LINE);
	TRY(render_nodes(r, &s, 0, s.template->n));
	if (out->full)
		return err_detail(err_new(a, ERR_TOO_LARGE, "template \"%s\" cannot be rendered", name),
		                  "The output is too large.");
	return r->missing;
}

struct err *mustache_render(struct arena *a, const struct mustache_set *set, const char *name,
                            const struct view *view, const void *data, struct buf *out)
{
	return render(a, set, name, value_of_view(view, data), out);
}

struct err *mustache_render_json(struct arena *a, const struct mustache_set *set, const char *name,
                                 struct json_object *data, struct buf *out)
{
	return render(a, set, name, value_of_json(data), out);
}
