/*
 * Compiling: from the text of a template to its nodes, in one pass.
 *
 * Most of it is about white space. A tag that stands alone in its line takes the line with it. A parent is
 * alone when nothing but spaces stands before its opening and after its closing tag. An argument, a block
 * directly in a parent, loses the indentation of its first line; a block elsewhere is where such an
 * argument goes and gives it the indentation of its own content, or of its line.
 */
#include <assert.h>

#include <string.h>

#include "lib/arena.h"
#include "mustache/mustache_priv.h"

/* A tag that is not closed yet. */
struct open_tag {
	uint32_t node;
	size_t dedent; /* to return to */
	bool argument; /* a block directly in a parent */
	bool clean;    /* PARENT: only spaces before it in its line; they are the node before */
};

struct parser {
	struct arena *a;
	struct template *t;
	struct str text;
	size_t size;            /* of t->nodes */
	size_t pos;             /* behind the last tag */
	struct str open, close; /* delimiters */
	size_t line_start;      /* of the line that pos is in; == pos: nothing of the line has been passed */
	bool clean;             /* only spaces between line_start and the tag at hand */
	size_t dedent;          /* spaces that lines lose at their start */
	size_t counted;         /* lines are counted up to here */
	uint32_t line;
	unsigned depth;
	struct open_tag stack[MUSTACHE_DEPTH];
};

struct tag {
	char kind; /* one of "#^/><$&!={", or 'v' */
	struct str name;
	size_t start, end;
	bool last;   /* nothing but spaces follows in the line, */
	size_t next; /* and this is where the next begins */
};

static struct err *invalid(const struct parser *p, const char *what, struct str name)
{
	struct err *e = err_new(p->a, ERR_INVALID, "template \"%s\" is malformed", p->t->name);

	if (!name.p)
		return err_detail(e, "Line %u: %s.", (unsigned)p->line, what);
	return err_detail(e, "Line %u: %s: \"%.*s\".", (unsigned)p->line, what,
	                  STR_ARG(str_utf8_cut(name, 80)));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
	return is_blank(c) || c == '\n' || c == '\r';
}

static struct str slice(const struct parser *p, size_t from, size_t to)
{
	return (struct str){p->text.p + from, to - from};
}

/* The end of the spaces that begin at pos. */
static size_t skip_blanks(const struct parser *p, size_t pos)
{
	while (pos < p->text.n && is_blank(p->text.p[pos]))
		pos++;
	return pos;
}

static struct node *node_add(struct parser *p, enum node_kind kind)
{
	struct template *t = p->t;

	if (t->n == p->size) {
		struct node *nodes = ARENA_ARRAY(p->a, struct node, p->size * 2);

		memcpy(nodes, t->nodes, t->n * sizeof(*nodes));
		t->nodes = nodes;
		p->size *= 2;
	}
	t->nodes[t->n] = (struct node){.kind = kind, .line = p->line, .end = t->n + 1};
	return &t->nodes[t->n++];
}

static void text_add(struct parser *p, struct str text, bool begins_line)
{
	struct node *node = node_add(p, NODE_TEXT);

	node->text = text;
	node->begins_line = begins_line;
}

/* Spaces at the start of a line without those that it loses. */
static struct str dedented(const struct parser *p, struct str s)
{
	size_t n = 0;

	while (n < s.n && n < p->dedent && is_blank(s.p[n]))
		n++;
	return (struct str){s.p + n, s.n - n};
}

static bool in_parent(const struct parser *p)
{
	return p->depth && p->t->nodes[p->stack[p->depth - 1].node].kind == NODE_PARENT;
}

/* The text from pos up to `to` as nodes: one, or one a line where lines lose spaces. Text in a parent is
 * ignored. */
static void emit_text(struct parser *p, bool begins_line, size_t to)
{
	size_t from = p->pos;

	if (in_parent(p))
		return;
	while (p->dedent && from < to) {
		const char *newline = memchr(p->text.p + from, '\n', to - from);
		size_t end = newline ? (size_t)(newline - p->text.p) + 1 : to;
		struct str line = slice(p, from, end);

		text_add(p, begins_line ? dedented(p, line) : line, begins_line);
		begins_line = true;
		from = end;
	}
	if (from < to)
		text_add(p, slice(p, from, to), begins_line);
}

/* Moves over a tag and its line. */
static void pass_line(struct parser *p, const struct tag *tag)
{
	p->pos = p->line_start = tag->next;
	p->clean = true;
}

static void pass_tag(struct parser *p, const struct tag *tag)
{
	p->pos = tag->end;
	p->clean = false;
}

/* The text before a tag that is alone in its line, but for its line; then passes the line. */
static void emit_and_pass_line(struct parser *p, const struct tag *tag, bool begins_line)
{
	if (p->line_start > p->pos)
		emit_text(p, begins_line, p->line_start);
	pass_line(p, tag);
}

/* The text before a tag, to the last space. A tag that begins a line gets an empty text that stands for
 * that. */
static void emit_and_pass_tag(struct parser *p, const struct tag *tag, bool begins_line)
{
	emit_text(p, begins_line, tag->start);
	if (tag->start == p->line_start && !in_parent(p))
		text_add(p, slice(p, tag->start, tag->start), true);
	pass_tag(p, tag);
}

static struct err *parse_path(struct parser *p, struct str name, struct path *path)
{
	struct str rest = name;

	if (str_is(name, "."))
		return NULL;
	for (size_t i = 0; i < name.n; i++)
		path->n += name.p[i] == '.';
	path->segments = ARENA_ARRAY(p->a, struct segment, ++path->n);
	for (size_t i = 0; i < path->n; i++) {
		struct str part = str_chop(&rest, '.');

		if (!part.n)
			return invalid(p, "a name has an empty part", name);
		path->segments[i] = (struct segment){{str_dup(p->a, part), part.n}, 2166136261u};
		for (size_t c = 0; c < part.n; c++)
			path->segments[i].hash =
			        (path->segments[i].hash ^ (unsigned char)part.p[c]) * 16777619u;
	}
	return NULL;
}

static struct err *check_name(const struct parser *p, struct str name)
{
	if (!name.n)
		return invalid(p, "a tag has no name", (struct str){NULL, 0});
	for (size_t i = 0; i < name.n; i++)
		if (is_space(name.p[i]) || !name.p[i])
			return invalid(p, "a name has white space", name);
	return NULL;
}

/* Adds the node of a tag with what its name says. */
static struct err *tag_node(struct parser *p, const struct tag *tag, enum node_kind kind)
{
	struct node *node = node_add(p, kind);
	struct str name = tag->name;

	node->text = tag->name;
	node->dynamic = (kind == NODE_PARTIAL || kind == NODE_PARENT) && str_starts(name, STR("*"));
	if (node->dynamic)
		name = str_trim((struct str){name.p + 1, name.n - 1});
	TRY(check_name(p, name));
	if (node->dynamic || kind == NODE_VAR || kind == NODE_RAW || kind == NODE_SECTION ||
	    kind == NODE_INVERTED)
		return parse_path(p, name, &node->path);
	return NULL;
}

static struct err *push(struct parser *p, const struct tag *tag, enum node_kind kind, struct open_tag open)
{
	if (p->depth == MUSTACHE_DEPTH)
		return invalid(p, "sections are nested too deeply", tag->name);
	TRY(tag_node(p, tag, kind));
	open.node = p->t->n - 1;
	open.dedent = p->dedent;
	p->stack[p->depth++] = open;
	return NULL;
}

static void emit_ordinary(struct parser *p, const struct tag *tag, bool begins_line)
{
	if (p->clean && tag->last)
		emit_and_pass_line(p, tag, begins_line);
	else
		emit_and_pass_tag(p, tag, begins_line);
}

static struct err *parse_section(struct parser *p, const struct tag *tag, bool begins_line)
{
	emit_ordinary(p, tag, begins_line);
	return push(p, tag, tag->kind == '#' ? NODE_SECTION : NODE_INVERTED, (struct open_tag){0});
}

static struct err *parse_variable(struct parser *p, const struct tag *tag, bool begins_line)
{
	emit_and_pass_tag(p, tag, begins_line);
	return tag_node(p, tag, tag->kind == 'v' ? NODE_VAR : NODE_RAW);
}

static struct err *parse_comment(struct parser *p, const struct tag *tag, bool begins_line)
{
	emit_ordinary(p, tag, begins_line);
	return NULL;
}

static struct err *parse_partial(struct parser *p, const struct tag *tag, bool begins_line)
{
	bool alone = p->clean && tag->last;
	struct str indent = dedented(p, slice(p, p->line_start, tag->start));
	struct node *node;

	emit_ordinary(p, tag, begins_line);
	TRY(tag_node(p, tag, NODE_PARTIAL));
	node = &p->t->nodes[p->t->n - 1];
	node->alone = alone;
	if (alone)
		node->indent = indent;
	return NULL;
}

/* Whether a parent is alone shows at its closing tag; until then the spaces before it are a node of their
 * own. */
static struct err *parse_parent(struct parser *p, const struct tag *tag, bool begins_line)
{
	struct open_tag open = {.clean = p->clean && !in_parent(p)};
	struct str indent = dedented(p, slice(p, p->line_start, tag->start));

	if (open.clean) {
		if (p->line_start > p->pos)
			emit_text(p, begins_line, p->line_start);
		text_add(p, indent, true);
		pass_tag(p, tag);
	} else {
		emit_and_pass_tag(p, tag, begins_line);
	}
	return push(p, tag, NODE_PARENT, open);
}

/* The spaces before the first line with content at or after pos. */
static struct str next_indent(const struct parser *p, size_t pos)
{
	size_t start = pos;

	for (; pos < p->text.n && is_space(p->text.p[pos]); pos++)
		if (p->text.p[pos] == '\n')
			start = pos + 1;
	return slice(p, start, skip_blanks(p, start));
}

static struct err *parse_argument(struct parser *p, const struct tag *tag)
{
	if (tag->last)
		pass_line(p, tag);
	else
		pass_tag(p, tag);
	TRY(push(p, tag, NODE_BLOCK, (struct open_tag){.argument = true}));
	p->t->nodes[p->t->n - 1].alone = tag->last;
	if (tag->last)
		p->dedent = next_indent(p, tag->next).n;
	return NULL;
}

static struct err *parse_block(struct parser *p, const struct tag *tag, bool begins_line)
{
	bool alone = p->clean && tag->last;
	struct str indent = {"", 0};

	if (in_parent(p))
		return parse_argument(p, tag);
	if (alone)
		indent = dedented(p, next_indent(p, tag->next));
	else if (p->clean)
		indent = dedented(p, slice(p, p->line_start, tag->start));
	emit_ordinary(p, tag, begins_line);
	TRY(push(p, tag, NODE_BLOCK, (struct open_tag){0}));
	p->t->nodes[p->t->n - 1].alone = alone;
	p->t->nodes[p->t->n - 1].indent = indent;
	return NULL;
}

static void close_parent(struct parser *p, const struct tag *tag, const struct open_tag *open)
{
	struct node *parent = &p->t->nodes[open->node];

	if (!open->clean || !tag->last) {
		pass_tag(p, tag);
		return;
	}
	parent->alone = true;
	parent->indent = parent[-1].text;
	parent[-1].text.n = 0;
	parent[-1].begins_line = false;
	pass_line(p, tag);
}

static void close_argument(struct parser *p, const struct tag *tag, bool begins_line)
{
	size_t to = p->clean ? p->line_start : tag->start;

	if (to > p->pos)
		emit_text(p, begins_line, to);
	pass_tag(p, tag);
}

static struct err *parse_close(struct parser *p, const struct tag *tag, bool begins_line)
{
	const struct open_tag *open;

	TRY(check_name(p, tag->name));
	if (!p->depth)
		return invalid(p, "a tag closes what is not open", tag->name);
	open = &p->stack[p->depth - 1];
	if (!str_eq(p->t->nodes[open->node].text, tag->name))
		return invalid(p, "another tag is still open here", p->t->nodes[open->node].text);
	if (in_parent(p))
		close_parent(p, tag, open);
	else if (open->argument)
		close_argument(p, tag, begins_line);
	else
		emit_ordinary(p, tag, begins_line);
	p->dedent = open->dedent;
	p->t->nodes[open->node].end = p->t->n;
	p->depth--;
	return NULL;
}

static struct err *parse_delimiters(struct parser *p, const struct tag *tag, bool begins_line)
{
	struct str rest = tag->name;
	size_t n = 0;

	while (n < rest.n && !is_space(rest.p[n]))
		n++;
	p->open = (struct str){rest.p, n};
	p->close = str_trim((struct str){rest.p + n, rest.n - n});
	for (size_t i = 0; i < p->close.n; i++)
		n = is_space(p->close.p[i]) ? 0 : n;
	if (!n || !p->close.n || memchr(rest.p, '=', rest.n))
		return invalid(p, "delimiters must be two words without =", tag->name);
	emit_ordinary(p, tag, begins_line);
	return NULL;
}

typedef struct err *tag_parser(struct parser *p, const struct tag *tag, bool begins_line);

static const struct {
	char kind;
	tag_parser *parse;
} tag_parsers[] = {
        {'v', parse_variable}, {'&', parse_variable}, {'{', parse_variable},   {'#', parse_section},
        {'^', parse_section},  {'/', parse_close},    {'>', parse_partial},    {'<', parse_parent},
        {'$', parse_block},    {'!', parse_comment},  {'=', parse_delimiters},
};

/* Notes which line the tag that starts at `to` is in, and whether something stands before it there. */
static void track_line(struct parser *p, size_t to)
{
	size_t i = to;

	while (i > p->pos && p->text.p[i - 1] != '\n')
		i--;
	if (i > p->pos) {
		p->line_start = i;
		p->clean = true;
	}
	p->clean = p->clean && skip_blanks(p, i) >= to;
	for (; p->counted < to; p->counted++)
		p->line += p->text.p[p->counted] == '\n';
}

static void look_behind_tag(const struct parser *p, struct tag *tag)
{
	size_t pos = skip_blanks(p, tag->end);

	if (pos + 1 < p->text.n && p->text.p[pos] == '\r' && p->text.p[pos + 1] == '\n')
		pos++;
	tag->last = pos == p->text.n || p->text.p[pos] == '\n';
	tag->next = pos < p->text.n ? pos + 1 : pos;
}

/* Reads the tag that starts at tag->start. */
static struct err *read_tag(const struct parser *p, struct tag *tag)
{
	size_t pos = tag->start + p->open.n;
	char before_close = 0;
	struct str rest;
	ptrdiff_t n;

	while (pos < p->text.n && is_space(p->text.p[pos]))
		pos++;
	tag->kind = 'v';
	if (pos < p->text.n && p->text.p[pos] && strchr("#^/><$&!={", p->text.p[pos]))
		tag->kind = p->text.p[pos++];
	if (tag->kind == '{' || tag->kind == '=')
		before_close = tag->kind == '{' ? '}' : '=';
	rest = slice(p, pos, p->text.n);
	n = str_find(rest, before_close
	                           ? str_of(arena_printf(p->a, "%c%.*s", before_close, STR_ARG(p->close)))
	                           : p->close);
	if (n < 0)
		return invalid(p, "a tag is not closed", (struct str){NULL, 0});
	tag->name = str_trim((struct str){rest.p, (size_t)n});
	tag->end = pos + (size_t)n + (before_close != 0) + p->close.n;
	look_behind_tag(p, tag);
	return NULL;
}

static tag_parser *parser_of(char kind)
{
	for (size_t i = 0; i < sizeof(tag_parsers) / sizeof(*tag_parsers); i++)
		if (tag_parsers[i].kind == kind)
			return tag_parsers[i].parse;
	assert(!"read_tag() knows another kind");
	return NULL;
}

static struct err *parse_tag(struct parser *p, size_t start)
{
	bool begins_line = p->pos == p->line_start;
	struct tag tag = {.start = start};

	track_line(p, start);
	TRY(read_tag(p, &tag));
	TRY(parser_of(tag.kind)(p, &tag, begins_line));
	return NULL;
}

struct err *template_compile(struct arena *a, struct template *t, struct str text)
{
	struct parser p = {.a = a,
	                   .t = t,
	                   .text = text,
	                   .size = 16,
	                   .open = STR("{{"),
	                   .close = STR("}}"),
	                   .clean = true,
	                   .line = 1};
	ptrdiff_t n;

	t->nodes = ARENA_ARRAY(a, struct node, p.size);
	while ((n = str_find(slice(&p, p.pos, text.n), p.open)) >= 0)
		TRY(parse_tag(&p, p.pos + (size_t)n));
	if (p.depth) {
		const struct node *open = &t->nodes[p.stack[p.depth - 1].node];

		p.line = open->line;
		return invalid(&p, "a tag is not closed", open->text);
	}
	emit_text(&p, p.pos == p.line_start, text.n);
	return NULL;
}
