/*
 * A conversation as a Markdown file: the branch that it shows, its questions, answers, statements and small tables. What
 * people and databases wrote is text in it and stays text: whatever could mark it up is escaped. Answers are Markdown of
 * the model, and keep what shapes text; HTML, images and links in them become text.
 */
#include <string.h>

#include "agent/agent.h"
#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "web/web_priv.h"

enum { MOST_TURNS = 100000, BATCH = 20, BATCH_BYTES = 64 << 20, FENCE = 3 };

/* Text ----------------------------------------------------------------------------------------------------------- */

/* On one line. What opens a list or a heading does so only at the start of one. */
static void add_text(struct buf *b, struct str text)
{
	bool start = true;

	text = str_trim(text);
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if ((unsigned char)c < ' ')
			c = ' ';
		if (strchr("\\`*_{}[]<>|~&$", c) || (start && strchr("#+-=.)", c)))
			buf_add_char(b, '\\');
		buf_add_char(b, c);
		start = start && ((c >= '0' && c <= '9') || c == ' ');
	}
}

/* Each line as a quotation. */
static void add_quoted(struct buf *b, struct str text)
{
	for (struct str rest = str_trim(text); rest.p;) {
		buf_add_cstr(b, "> ");
		add_text(b, str_chop(&rest, '\n'));
		buf_add_cstr(b, "  \n");
	}
}

/* How many of c the line begins with. */
static size_t run(struct str line, char c)
{
	size_t n = 0;

	while (n < line.n && line.p[n] == c)
		n++;
	return n;
}

/* The code block under way in an answer. Only marks at the very start of a line open one: indented ones can belong to a
 * list, and end with it. */
struct fence {
	char mark; /* 0: none */
	size_t n;
};

static bool is_fence(struct str line, struct fence *f)
{
	size_t blank = run(line, ' ');
	struct str at = {line.p + (blank < 4 ? blank : 0), line.n - (blank < 4 ? blank : 0)};

	if (f->mark) {
		size_t n = run(at, f->mark);
		bool ends = n >= f->n && str_trim((struct str){at.p + n, at.n - n}).n == 0;

		if (ends)
			f->mark = 0;
		return ends;
	}
	for (const char *mark = "`~"; *mark; mark++) {
		size_t n = run(line, *mark);

		if (n < FENCE || (*mark == '`' && str_find((struct str){line.p + n, line.n - n}, STR("`")) >= 0))
			continue;
		*f = (struct fence){*mark, n};
		return true;
	}
	return false;
}

/* A line outside of code: no HTML, no images, no links. */
static void add_marked_up(struct buf *b, struct str line)
{
	for (size_t i = 0; i < line.n; i++) {
		char behind = i + 1 < line.n ? line.p[i + 1] : '\n';
		bool tag = line.p[i] == '<' && ((behind | 32) >= 'a' && (behind | 32) <= 'z' ? true : strchr("/!?", behind) != NULL);

		if (tag)
			buf_add_cstr(b, "&lt;");
		else if (line.p[i] == '[')
			buf_add_cstr(b, "\\[");
		else
			buf_add_char(b, line.p[i]);
	}
}

static void add_answer(struct buf *b, struct str text)
{
	struct fence fence = {0};

	for (struct str rest = str_trim(text); rest.p;) {
		struct str line = str_chop(&rest, '\n');

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (is_fence(line, &fence) || fence.mark)
			buf_add_str(b, line);
		else
			add_marked_up(b, line);
		buf_add_char(b, '\n');
	}
	for (size_t i = 0; fence.mark && i < fence.n; i++)
		buf_add_char(b, fence.mark);
	buf_add_char(b, '\n');
}

/* Between marks that the text does not have. */
static void add_code(struct buf *b, const char *language, const char *text)
{
	size_t longest = FENCE - 1;

	for (const char *p = text; *p; p++) {
		size_t n = run(str_of(p), '`');

		if (n) {
			longest = n > longest ? n : longest;
			p += n - 1;
		}
	}
	for (size_t i = 0; i <= longest; i++)
		buf_add_char(b, '`');
	buf_printf(b, "%s\n%s\n", language, text);
	for (size_t i = 0; i <= longest; i++)
		buf_add_char(b, '`');
	buf_add_cstr(b, "\n\n");
}

/* Turns ---------------------------------------------------------------------------------------------------------- */

static void add_rows(struct buf *b, const struct query_result *r)
{
	for (size_t i = 0; i < r->ncolumns; i++) {
		buf_add_cstr(b, "| ");
		add_text(b, str_of(r->columns[i].name));
		buf_add_char(b, ' ');
	}
	buf_add_cstr(b, "|\n");
	for (size_t i = 0; i < r->ncolumns; i++)
		buf_add_cstr(b, r->columns[i].kind == QUERY_NUMBER ? "|--:" : "|---");
	buf_add_cstr(b, "|\n");
	for (size_t row = 0; row < r->nrows; row++) {
		for (size_t i = 0; i < r->ncolumns; i++) {
			const char *cell = r->cells[row * r->ncolumns + i];

			buf_add_cstr(b, "| ");
			add_text(b, str_of(cell ? cell : ""));
			buf_add_char(b, ' ');
		}
		buf_add_cstr(b, "|\n");
	}
	buf_add_char(b, '\n');
}

static void add_query(struct buf *b, const struct agent_query *q, bool rows)
{
	struct arena *a = b->a;

	if (!q->ok)
		return;
	add_code(b, "sql", q->sql);
	if (rows && q->preview && q->preview->ncolumns)
		add_rows(b, q->preview);
	buf_printf(b, "*%s", web_count(a, q->rows, "row", "rows"));
	if (rows && q->preview && q->rows > (int64_t)q->preview->nrows)
		buf_printf(b, ", the first %zu of them here", q->preview->nrows);
	if (q->at)
		buf_printf(b, ", read %s", web_time(a, q->at));
	buf_add_cstr(b, "*\n\n");
}

static void add_turn(struct buf *b, const struct agent_turn *t, bool rows)
{
	struct str rest = str_trim(str_of(t->question));
	struct str line = str_chop(&rest, '\n');

	buf_add_cstr(b, "## ");
	add_text(b, line);
	buf_printf(b, "\n\n*Asked %s*\n\n", web_time(b->a, t->started_at));
	if (rest.p) {
		add_quoted(b, str_of(t->question));
		buf_add_char(b, '\n');
	}
	if (*t->answer)
		add_answer(b, str_of(t->answer));
	if (t->error) {
		buf_add_cstr(b, "*Not answered:* ");
		add_text(b, str_of(t->error));
		buf_add_cstr(b, "\n\n");
	}
	for (size_t i = 0; i < t->nqueries; i++)
		add_query(b, &t->queries[i], rows);
}

/* The file ------------------------------------------------------------------------------------------------------- */

struct out {
	struct ctx *ctx;
	struct http_request *req;
	struct http_response *res;
	const struct agent_conversation *chat;
	bool rows;
};

/* Some of the turns, in an arena of their own: a conversation may be long. False when nobody takes the file. */
static struct err *send_turns(const struct out *o, const struct agent_turn_head *heads, size_t n, bool *taken)
{
	struct ctx ctx = *o->ctx;
	struct agent_turn *turns;

	ctx.a = arena_create();
	struct db_texts ids = {ARENA_ARRAY(ctx.a, const char *, n), n};
	for (size_t i = 0; i < n; i++)
		ids.p[i] = arena_printf(ctx.a, "%lld", (long long)heads[i].id);
	struct err *e = agent_turns(&ctx, o->chat->id, ids, &turns, &n);
	struct buf b = buf_init(ctx.a, BATCH_BYTES);
	for (size_t i = 0; !e && i < n; i++)
		add_turn(&b, &turns[i], o->rows);
	*taken = !e && http_download(o->ctx, o->req, o->res, buf_str(&b));
	e = err_copy(o->ctx->a, e);
	arena_free(ctx.a);
	return e;
}

static struct err *send_head(const struct out *o, const struct project *project)
{
	struct buf b = buf_init(o->ctx->a, BUF_PAGE);

	buf_add_cstr(&b, "# ");
	add_text(&b, str_of(o->chat->title));
	buf_add_cstr(&b, "\n\n*A conversation about ");
	add_text(&b, str_of(project->name));
	buf_add_cstr(&b, o->rows ? "*\n\n" : ", without rows of results: viewers do not take them out*\n\n");
	http_type(o->res, "text/markdown; charset=utf-8");
	http_set_attachment(o->res, str_of(arena_printf(o->ctx->a, "%s.md", web_file_stem(o->ctx->a, o->chat->title, "conversation"))));
	http_download(o->ctx, o->req, o->res, buf_str(&b));
	return NULL;
}

struct err *web_chat_export(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct auth_person *person = auth_person(req);
	struct agent_conversation chat;
	struct agent_turn_head *heads;
	const struct out o = {ctx, req, res, &chat, web_may_export(person->role)};
	bool taken = true;
	size_t n;

	TRY(agent_conversation_get(ctx, person->project.id, http_param_i64(req, "chat"), &chat));
	TRY(agent_turn_heads(ctx, chat.id, 0, MOST_TURNS, &heads, &n));
	TRY(audit_log(ctx, "chat.export", arena_printf(ctx->a, "chat:%lld", (long long)chat.id), NULL));
	TRY(send_head(&o, &person->project));
	for (size_t i = 0; i < n && taken; i += BATCH)
		TRY(send_turns(&o, heads + i, n - i < BATCH ? n - i : BATCH, &taken));
	return NULL;
}
