/* Conversations: one person's questions in one project, in order. Nobody but that person sees them. */
#include <inttypes.h>

#include "agent/agent_priv.h"
#include "audit/audit.h"
#include "lib/arena.h"

enum { TITLE_BYTES = 80, TITLE_MOST = 200 };

DB_STMT(agent_conversation_insert,
        "INSERT INTO conversations (project_id, user_id, title) VALUES ($1, $2, $3) RETURNING id", DB_I64,
        DB_I64, DB_TEXT);
#define COLUMNS \
	"c.id, c.project_id, c.user_id, c.title, c.updated_at," \
	" ((now() AT TIME ZONE zone)::date - (c.updated_at AT TIME ZONE zone)::date)::bigint," \
	" EXISTS (SELECT FROM turns t WHERE t.conversation_id = c.id AND t.status = 'running')" \
	" FROM conversations c JOIN users u ON u.id = c.user_id," \
	" coalesce(nullif(u.time_zone, ''), 'UTC') zone"

DB_STMT(agent_conversation_list,
        "SELECT " COLUMNS " WHERE c.project_id = $1 AND c.user_id = $2 AND c.deleted_at IS NULL"
        " ORDER BY c.updated_at DESC, c.id DESC LIMIT $3",
        DB_I64, DB_I64, DB_I64);
DB_STMT(agent_conversation_find,
        "SELECT " COLUMNS " WHERE c.id = $1 AND c.project_id = $2 AND c.user_id = $3"
        " AND c.deleted_at IS NULL",
        DB_I64, DB_I64, DB_I64);
DB_STMT(agent_conversation_title,
        "UPDATE conversations SET title = $4 WHERE id = $1 AND project_id = $2 AND user_id = $3"
        " AND deleted_at IS NULL",
        DB_I64, DB_I64, DB_I64, DB_TEXT);
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
        DB_COL_I64(struct agent_conversation, days), DB_COL_BOOL(struct agent_conversation, running));

/* The question on one line, cut at a word. */
static const char *title_of(struct arena *a, const char *question)
{
	struct str cut = str_utf8_cut(str_trim(str_of(question)), TITLE_BYTES);
	char *title = str_dup(a, cut);
	size_t n = cut.n;

	for (size_t i = 0; i < cut.n; i++)
		if ((unsigned char)title[i] < ' ')
			title[i] = ' ';
	if (cut.n == str_trim(str_of(question)).n)
		return title;
	while (n > TITLE_BYTES / 2 && title[n] != ' ')
		n--;
	return arena_printf(a, "%.*s…", (int)(title[n] == ' ' ? n : cut.n), title);
}

struct err *agent_conversation_create(struct ctx *ctx, int64_t project_id, const char *question, int64_t *id)
{
	const char *title = title_of(ctx->a, question);

	return db_one(ctx, &agent_conversation_insert,
	              DB_ARGS(db_i64(project_id), db_i64(ctx->user_id),
	                      db_text(*title ? title : "New conversation")),
	              &db_id_row, "conversation", id);
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

/* A change of one conversation, and the entry that tells of it. */
struct change {
	const struct db_stmt *stmt;
	struct db_args args;
	const char *action;
	int64_t id;
};

static struct err *change(struct ctx *ctx, void *arg)
{
	const struct change *c = arg;
	int64_t n = 0;

	TRY(db_run(ctx, c->stmt, c->args, &n));
	if (!n)
		return err_new(ctx->a, ERR_NOT_FOUND, "conversation not found");
	return audit_log(ctx, c->action, arena_printf(ctx->a, "chat:%" PRId64, c->id), NULL);
}

static struct err *changed(struct ctx *ctx, const char *action, int64_t id, const struct db_stmt *stmt,
                           struct db_args args)
{
	return db_transact(ctx, change, &(struct change){stmt, args, action, id});
}

struct err *agent_conversation_rename(struct ctx *ctx, int64_t project_id, int64_t id, const char *title)
{
	struct str cut = str_utf8_cut(str_trim(str_of(title)), TITLE_MOST);

	if (cut.n == 0)
		return err_new(ctx->a, ERR_INVALID, "a conversation needs a title");
	return changed(ctx, "chat.rename", id, &agent_conversation_title,
	               DB_ARGS(db_i64(id), db_i64(project_id), db_i64(ctx->user_id), db_str(cut)));
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
