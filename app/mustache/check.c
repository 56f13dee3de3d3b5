/*
 * Checking a template against a view without data: the same walk as rendering, but every section is entered
 * once and a name is looked up in views instead of values.
 */
#include "lib/arena.h"
#include "mustache/mustache_priv.h"

/* What a name may be looked up in: a struct, or a field that is neither struct nor list (view NULL). */
struct context {
	const struct context *up;
	const struct view *view;
	const struct view_field *field;
};

struct scope {
	const struct scope *up; /* the template that includes this one */
	const struct template *template;
	const struct context *context;
	const struct frame *frame;
};

struct check {
	struct arena *a;
	const struct mustache_set *set;
	const struct view *root;
	bool *used; /* a field of root each */
	unsigned depth;
	unsigned steps;
};

typedef struct err *node_checker(struct check *c, const struct scope *s, uint32_t at);

static node_checker check_text, check_var, check_section, check_inverted, check_partial, check_parent,
        check_block;

static node_checker *const checkers[] = {
        [NODE_TEXT] = check_text,       [NODE_VAR] = check_var,           [NODE_RAW] = check_var,
        [NODE_SECTION] = check_section, [NODE_INVERTED] = check_inverted, [NODE_PARTIAL] = check_partial,
        [NODE_PARENT] = check_parent,   [NODE_BLOCK] = check_block,
};

static struct err *wrong(const struct check *c, const struct scope *s, uint32_t at, const char *why)
{
	const struct node *node = &s->template->nodes[at];

	return err_detail(
	        err_new(c->a, ERR_INVALID, "template \"%s\" does not fit its view", s->template->name),
	        "Line %u: \"%.*s\" %s.", (unsigned)node->line, STR_ARG(node->text), why);
}

static struct err *check_nodes(struct check *c, const struct scope *s, uint32_t from, uint32_t end)
{
	for (uint32_t i = from; i < end; i = s->template->nodes[i].end) {
		if (++c->steps > MUSTACHE_STEPS)
			return wrong(c, s, i, "takes too many steps");
		TRY(checkers[s->template->nodes[i].kind](c, s, i));
	}
	return NULL;
}

static struct err *descend(struct check *c, const struct scope *outer, uint32_t at, const struct scope *s,
                           uint32_t from, uint32_t end)
{
	struct err *e;

	if (c->depth == MUSTACHE_DEPTH)
		return wrong(c, outer, at, "is nested too deeply");
	c->depth++;
	e = check_nodes(c, s, from, end);
	c->depth--;
	return e;
}

static const struct view_field *field_find(struct check *c, const struct view *view,
                                           const struct segment *segment)
{
	const struct view_field *field = view ? view_field_find(view, segment) : NULL;

	if (field && view == c->root)
		c->used[field - view->fields] = true;
	return field;
}

/* The field that a name means; *field NULL for "." that is a struct. */
static struct err *resolve(struct check *c, const struct scope *s, uint32_t at,
                           const struct view_field **field)
{
	const struct path *path = &s->template->nodes[at].path;
	const struct context *context = s->context;

	*field = context->field;
	if (path->n == 0)
		return NULL;
	for (*field = NULL; context && !*field; context = context->up)
		*field = field_find(c, context->view, &path->segments[0]);
	for (size_t i = 1; i < path->n && *field; i++) {
		if ((*field)->kind != VIEW_KIND_ONE)
			return wrong(c, s, at, "goes into a field that is not one struct");
		*field = field_find(c, (*field)->view, &path->segments[i]);
	}
	return *field ? NULL : wrong(c, s, at, "is not a field of the view");
}

static struct err *check_text(struct check *c, const struct scope *s, uint32_t at)
{
	(void)c;
	(void)s;
	(void)at;
	return NULL;
}

static struct err *check_var(struct check *c, const struct scope *s, uint32_t at)
{
	bool raw = s->template->nodes[at].kind == NODE_RAW;
	const struct view_field *field;

	TRY(resolve(c, s, at, &field));
	if (!field || field->kind == VIEW_KIND_ONE || field->kind == VIEW_KIND_LIST)
		return wrong(c, s, at, "has no text; it opens a section");
	if (raw && field->kind != VIEW_KIND_HTML)
		return wrong(c, s, at, "is not HTML and must be written escaped");
	if (!raw && field->kind == VIEW_KIND_HTML)
		return wrong(c, s, at, "is HTML and must be written with three braces");
	return NULL;
}

static struct err *check_section(struct check *c, const struct scope *s, uint32_t at)
{
	const struct view_field *field;
	struct context context = *s->context;
	struct scope inner = *s;

	TRY(resolve(c, s, at, &field));
	context.up = s->context;
	if (field) {
		context.field = field->view ? NULL : field;
		context.view = field->view;
	}
	inner.context = &context;
	return descend(c, s, at, &inner, at + 1, s->template->nodes[at].end);
}

static struct err *check_inverted(struct check *c, const struct scope *s, uint32_t at)
{
	const struct view_field *field;

	TRY(resolve(c, s, at, &field));
	return descend(c, s, at, s, at + 1, s->template->nodes[at].end);
}

/* A template that includes itself is checked once for each view and each set of arguments it is included
 * with. */
static bool is_under_way(const struct scope *s, const struct template *t, const struct frame *frame)
{
	const struct context *context = s->context;

	for (; s; s = s->up)
		if (s->template == t && s->context->view == context->view &&
		    s->context->field == context->field && s->frame == frame)
			return true;
	return false;
}

static struct err *include(struct check *c, const struct scope *s, uint32_t at, const struct frame *frame)
{
	const struct node *node = &s->template->nodes[at];
	struct scope inner = {s, NULL, s->context, frame};

	if (node->dynamic)
		return wrong(c, s, at, "is a dynamic name, which cannot be checked");
	inner.template = template_find(c->set, node->text);
	if (!inner.template)
		return wrong(c, s, at, "is not a template");
	if (is_under_way(s, inner.template, frame))
		return NULL;
	return descend(c, s, at, &inner, 0, inner.template->n);
}

static struct err *check_partial(struct check *c, const struct scope *s, uint32_t at)
{
	return include(c, s, at, s->frame);
}

static struct err *check_parent(struct check *c, const struct scope *s, uint32_t at)
{
	struct frame frame = {s->frame, s->template, at};

	return include(c, s, at, &frame);
}

static struct err *check_block(struct check *c, const struct scope *s, uint32_t at)
{
	const struct frame *from;
	const struct node *argument = argument_find(s->frame, s->template->nodes[at].text, &from);
	struct scope inner = *s;

	if (!argument)
		return descend(c, s, at, s, at + 1, s->template->nodes[at].end);
	inner.template = from->template;
	inner.frame = from->up;
	return descend(c, s, at, &inner, (uint32_t)(argument - inner.template->nodes) + 1, argument->end);
}

struct err *mustache_check(struct arena *a, const struct mustache_set *set, const char *name,
                           const struct view *view, bool strict)
{
	struct context context = {NULL, view, NULL};
	struct scope s = {NULL, template_find(set, str_of(name)), &context, NULL};
	struct check c = {a, set, view, ARENA_ARRAY(a, bool, view->n), 0, 0};

	if (!s.template)
		return err_new(a, ERR_INVALID, "template \"%s\" does not exist", name);
	TRY(check_nodes(&c, &s, 0, s.template->n));
	for (size_t i = 0; strict && i < view->n; i++)
		if (!c.used[i])
			return err_detail(
			        err_new(a, ERR_INVALID, "template \"%s\" does not fit its view", name),
			        "It does not use the field \"%s\".", view->fields[i].name);
	return NULL;
}
