/* Conversations: one person's questions in one project, in order. Nobody but that person sees them. */
#include <inttypes.h>
#include <string.h>

#include "agent/agent_priv.h"
#include "audit/audit.h"
#include "lib/arena.h"

enum { TITLE_BYTES = 80, TITLE_MOST = 200 };

DB_STMT(agent_conversation_insert,
        "INSERT INTO conversations (project_id, user_id, title) VALUES ($1, $2, $3) RETURNING id", DB_I64,
        DB_I64, DB_TEXT);
/* Only its newest turn can be under way, and only the two newest can have ended since somebody looked: one turn runs at
 * a time. */
#define COLUMNS(from) \
	"c.id, c.project_id, c.user_id, c.title, c.updated_at," \
	" ((now() AT TIME ZONE zone)::date - (c.updated_at AT TIME ZONE zone)::date)::bigint," \
	" coalesce(t.running, false), coalesce(t.waiting, false), coalesce(t.finished_at > c.seen_at, false)," \
	" c.pinned_at IS NOT NULL FROM " from " c JOIN users u ON u.id = c.user_id," \
	" coalesce(nullif(u.time_zone, ''), 'UTC') zone, LATERAL (SELECT" \
	" bool_or(status = 'running' OR waits_for = 'run') running," \
	" bool_or(waits_for <> 'run') waiting, max(finished_at) finished_at FROM (SELECT status, waits_for," \
	" finished_at FROM turns WHERE conversation_id = c.id ORDER BY id DESC LIMIT 2) newest) t"

DB_STMT(agent_conversation_list,
        "SELECT " COLUMNS("(SELECT * FROM conversations WHERE project_id = $1 AND user_id = $2"
                          " AND deleted_at IS NULL ORDER BY pinned_at IS NULL, updated_at DESC, id DESC LIMIT $3)")
        " ORDER BY c.pinned_at IS NULL, c.updated_at DESC, c.id DESC",
        DB_I64, DB_I64, DB_I64);
DB_STMT(agent_conversation_find,
        "SELECT " COLUMNS("conversations")
        " WHERE c.id = $1 AND c.project_id = $2 AND c.user_id = $3 AND c.deleted_at IS NULL",
        DB_I64, DB_I64, DB_I64);
DB_STMT(agent_conversation_title,
        "UPDATE conversations SET title = $4 WHERE id = $1 AND project_id = $2 AND user_id = $3"
        " AND deleted_at IS NULL",
        DB_I64, DB_I64, DB_I64, DB_TEXT);
DB_STMT(agent_conversation_pinning,
        "UPDATE conversations SET pinned_at = CASE WHEN $4 THEN coalesce(pinned_at, now()) END"
        " WHERE id = $1 AND project_id = $2 AND user_id = $3 AND deleted_at IS NULL",
        DB_I64, DB_I64, DB_I64, DB_BOOL);
DB_STMT(agent_conversation_look,
        "UPDATE conversations SET seen_at = now() WHERE id = $1 AND project_id = $2 AND user_id = $3"
        " AND deleted_at IS NULL",
        DB_I64, DB_I64, DB_I64);
DB_STMT(agent_conversation_of_run,
        "SELECT t.question FROM query_runs r JOIN turns t ON t.id = r.turn_id WHERE r.id = $1 AND r.user_id = $2",
        DB_I64, DB_I64);
DB_STMT(agent_conversation_hide,
        "UPDATE conversations SET deleted_at = now() WHERE id = $1 AND project_id = $2 AND user_id = $3"
        " AND deleted_at IS NULL",
        DB_I64, DB_I64, DB_I64);
DB_STMT(agent_conversation_show,
        "UPDATE conversations SET deleted_at = NULL WHERE id = $1 AND project_id = $2 AND user_id = $3",
        DB_I64, DB_I64, DB_I64);

static const struct db_row conversation_row = DB_ROW(
        struct agent_conversation, DB_COL_I64(struct agent_conversation, id),
        DB_COL_I64(struct agent_conversation, project_id), DB_COL_I64(struct agent_conversation, user_id),
        DB_COL_TEXT(struct agent_conversation, title), DB_COL_TIME(struct agent_conversation, updated_at),
        DB_COL_I64(struct agent_conversation, days), DB_COL_BOOL(struct agent_conversation, running),
        DB_COL_BOOL(struct agent_conversation, waiting), DB_COL_BOOL(struct agent_conversation, unread),
        DB_COL_BOOL(struct agent_conversation, pinned));

/* Where a title may end: not in white space or punctuation that expects more, or that a title does without. */
static bool ends_title(char c)
{
	return (unsigned char)c > ' ' && !strchr(".,;:!?-", c);
}

/* The first line of the question that says something, cut at a word; without the punctuation at its end. */
static const char *title_of(struct arena *a, const char *question)
{
	struct str rest = str_trim(str_of(question)), line = str_trim(str_chop(&rest, '\n'));
	struct str cut = str_utf8_cut(line, TITLE_BYTES);
	char *title = str_dup(a, cut);
	size_t n = cut.n;

	for (size_t i = 0; i < cut.n; i++)
		if ((unsigned char)title[i] < ' ')
			title[i] = ' ';
	while (cut.n < line.n && n > TITLE_BYTES / 2 && title[n] != ' ')
		n--;
	if (cut.n < line.n && title[n] != ' ')
		n = cut.n; /* one long word */
	while (n > 0 && !ends_title(title[n - 1]))
		n--;
	return n ? arena_printf(a, "%.*s%s", (int)n, title, cut.n < line.n ? "…" : "") : title;
}

struct err *agent_conversation_create(struct ctx *ctx, int64_t project_id, const char *question, int64_t *id)
{
	const char *title = title_of(ctx->a, question);

	return db_one(ctx, &agent_conversation_insert,
	              DB_ARGS(db_i64(project_id), db_i64(ctx->user_id),
	                      db_text(*title ? title : "New conversation")),
	              &db_id_row, "conversation", id);
}

static const struct db_row question_row = DB_ROW(const char *, {DB_TEXT, 0});

struct err *agent_run_title(struct ctx *ctx, int64_t run_id, const char **title)
{
	const char *question;
	bool found;

	TRY(db_find(ctx, &agent_conversation_of_run, DB_ARGS(db_i64(run_id), db_i64(ctx->user_id)),
	            &question_row, &question, &found));
	*title = found ? title_of(ctx->a, question) : "Query";
	return NULL;
}

struct err *agent_conversations(struct ctx *ctx, int64_t project_id, int64_t limit,
                                struct agent_conversation **out, size_t *n)
{
	return db_all(ctx, &agent_conversation_list,
	              DB_ARGS(db_i64(project_id), db_i64(ctx->user_id), db_i64(limit)), &conversation_row,
	              out, n);
}

struct err *agent_conversation_get(struct ctx *ctx, int64_t project_id, int64_t id,
                                   struct agent_conversation *out)
{
	return db_one(ctx, &agent_conversation_find,
	              DB_ARGS(db_i64(id), db_i64(project_id), db_i64(ctx->user_id)), &conversation_row,
	              "conversation", out);
}

static struct err *changed(struct ctx *ctx, const char *action, int64_t id, const struct db_stmt *stmt,
                           struct db_args args)
{
	return audit_change(ctx, &(struct audit_change){stmt, args, "conversation", action, arena_printf(ctx->a, "chat:%" PRId64, id)});
}

/* What only arranges a person's own list is not in the audit log. */
static struct err *marked(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args)
{
	int64_t n = 0;

	TRY(db_run(ctx, stmt, args, &n));
	return n ? NULL : err_new(ctx->a, ERR_NOT_FOUND, "conversation not found");
}

struct err *agent_conversation_rename(struct ctx *ctx, int64_t project_id, int64_t id, const char *title)
{
	struct str cut = str_utf8_cut(str_trim(str_of(title)), TITLE_MOST);

	if (cut.n == 0)
		return err_new(ctx->a, ERR_INVALID, "a conversation needs a title");
	return changed(ctx, "chat.rename", id, &agent_conversation_title,
	               DB_ARGS(db_i64(id), db_i64(project_id), db_i64(ctx->user_id), db_str(cut)));
}

struct err *agent_conversation_pin(struct ctx *ctx, int64_t project_id, int64_t id, bool pinned)
{
	return marked(ctx, &agent_conversation_pinning,
	              DB_ARGS(db_i64(id), db_i64(project_id), db_i64(ctx->user_id), db_bool(pinned)));
}

struct err *agent_conversation_seen(struct ctx *ctx, int64_t project_id, int64_t id)
{
	return marked(ctx, &agent_conversation_look,
	              DB_ARGS(db_i64(id), db_i64(project_id), db_i64(ctx->user_id)));
}

struct err *agent_conversation_delete(struct ctx *ctx, int64_t project_id, int64_t id)
{
	return changed(ctx, "chat.delete", id, &agent_conversation_hide,
	               DB_ARGS(db_i64(id), db_i64(project_id), db_i64(ctx->user_id)));
}

struct err *agent_conversation_restore(struct ctx *ctx, int64_t project_id, int64_t id)
{
	return changed(ctx, "chat.restore", id, &agent_conversation_show,
	               DB_ARGS(db_i64(id), db_i64(project_id), db_i64(ctx->user_id)));
}
