/*
 * The tree that the turns of a conversation are: a question that is asked again, or changed, stands beside the first
 * one, under the same parent. What is shown is one branch: the path from its end, the leaf, upward.
 */
#include "agent/agent_priv.h"
#include "lib/arena.h"

/* The newest turn, where none is known as the leaf. */
#define LEAF "coalesce(c.leaf_id, (SELECT max(id) FROM turns WHERE conversation_id = c.id))"

/* The path from turn $2 (0: the leaf) upward, $3 turns of it, oldest first; each with what stands beside it, and what person $4
 * thinks of it. */
DB_STMT(agent_branch_path,
        "SELECT t.id, coalesce(t.parent_id, 0), t.status NOT IN ('running', 'waiting'), s.place, s.n, s.previous,"
        " s.next, f.good IS NOT NULL, coalesce(f.good, false), coalesce(f.reason, ''),"
        " EXISTS (SELECT FROM learnings l WHERE l.turn_id = t.id AND l.state = 'offered'),"
        " EXISTS (SELECT FROM artifact_versions v WHERE v.turn_id = t.id)"
        " FROM (WITH RECURSIVE path (id, parent_id, n) AS ("
        "SELECT id, parent_id, 1 FROM turns WHERE conversation_id = $1 AND id = CASE $2 WHEN 0 THEN (SELECT "
        LEAF " FROM conversations c WHERE c.id = $1) ELSE $2 END"
        " UNION ALL SELECT t.id, t.parent_id, n + 1 FROM path JOIN turns t ON t.id = path.parent_id WHERE n < $3)"
        " SELECT id FROM path) p JOIN turns t ON t.id = p.id LEFT JOIN turn_feedback f ON f.turn_id = t.id"
        " AND f.user_id = $4, LATERAL (SELECT count(*) n, count(*) FILTER (WHERE s.id <= t.id) place,"
        " max(s.id) FILTER (WHERE s.id < t.id) previous, min(s.id) FILTER (WHERE s.id > t.id) AS next"
        " FROM turns s WHERE s.conversation_id = $1 AND coalesce(s.parent_id, 0) = coalesce(t.parent_id, 0)) s"
        " ORDER BY t.id",
        DB_I64, DB_I64, DB_I64, DB_I64);

DB_STMT(agent_branch_leaf, "SELECT coalesce(" LEAF ", 0) FROM conversations c WHERE c.id = $1", DB_I64);

/* How far above the leaf a turn stands; no row when it is on another branch. */
DB_STMT(agent_branch_height,
        "SELECT n FROM (WITH RECURSIVE path (id, parent_id, n) AS ("
        "SELECT id, parent_id, 0::bigint FROM turns WHERE id = $2 AND conversation_id = $1"
        " UNION ALL SELECT t.id, t.parent_id, n + 1 FROM path JOIN turns t ON t.id = path.parent_id"
        " WHERE path.id <> $3) SELECT id, n FROM path) p WHERE id = $3",
        DB_I64, DB_I64, DB_I64);

/* The turn that stands $3 above turn $2. */
DB_STMT(agent_branch_above,
        "SELECT id FROM (WITH RECURSIVE path (id, parent_id, n) AS ("
        "SELECT id, parent_id, 0::bigint FROM turns WHERE id = $2 AND conversation_id = $1"
        " UNION ALL SELECT t.id, t.parent_id, n + 1 FROM path JOIN turns t ON t.id = path.parent_id"
        " WHERE n < $3) SELECT id, n FROM path) p WHERE n = $3",
        DB_I64, DB_I64, DB_I64);

DB_STMT(agent_branch_newest,
        "SELECT max(id) FROM (WITH RECURSIVE below (id) AS ("
        "SELECT id FROM turns WHERE id = $2 AND conversation_id = $1"
        " UNION ALL SELECT t.id FROM below JOIN turns t ON t.parent_id = below.id) SELECT id FROM below) b"
        " HAVING count(*) > 0",
        DB_I64, DB_I64);

DB_STMT(agent_branch_choose, "UPDATE conversations SET leaf_id = $2 WHERE id = $1", DB_I64, DB_I64);

static const struct db_row head_row =
        DB_ROW(struct agent_turn_head, DB_COL_I64(struct agent_turn_head, id),
               DB_COL_I64(struct agent_turn_head, parent_id), DB_COL_BOOL(struct agent_turn_head, over),
               DB_COL_I64(struct agent_turn_head, place), DB_COL_I64(struct agent_turn_head, siblings),
               DB_COL_I64(struct agent_turn_head, previous), DB_COL_I64(struct agent_turn_head, next),
               DB_COL_BOOL(struct agent_turn_head, voted), DB_COL_BOOL(struct agent_turn_head, good),
               DB_COL_TEXT(struct agent_turn_head, reason), DB_COL_BOOL(struct agent_turn_head, learnt),
               DB_COL_BOOL(struct agent_turn_head, made));

struct err *agent_turn_heads(struct ctx *ctx, int64_t conversation_id, int64_t end, int64_t limit,
                             struct agent_turn_head **out, size_t *n)
{
	return db_all(ctx, &agent_branch_path,
	              DB_ARGS(db_i64(conversation_id), db_i64(end), db_i64(limit), db_i64(ctx->user_id)),
	              &head_row, out, n);
}

struct err *agent_branch_end(struct ctx *ctx, int64_t conversation_id, int64_t through, int64_t *leaf)
{
	int64_t height;
	bool found;

	TRY(db_one(ctx, &agent_branch_leaf, DB_ARGS(db_i64(conversation_id)), &db_id_row, "conversation", leaf));
	if (!through)
		return NULL;
	TRY(db_find(ctx, &agent_branch_height,
	            DB_ARGS(db_i64(conversation_id), db_i64(*leaf), db_i64(through)), &db_id_row, &height,
	            &found));
	if (found)
		return NULL;
	return db_one(ctx, &agent_branch_newest, DB_ARGS(db_i64(conversation_id), db_i64(through)), &db_id_row,
	              "turn", leaf);
}

struct err *agent_branch_window(struct ctx *ctx, int64_t conversation_id, int64_t leaf, int64_t turn_id,
                                int64_t below, int64_t *end)
{
	int64_t height;

	TRY(db_one(ctx, &agent_branch_height, DB_ARGS(db_i64(conversation_id), db_i64(leaf), db_i64(turn_id)),
	           &db_id_row, "turn", &height));
	*end = leaf;
	if (height <= below)
		return NULL;
	return db_one(ctx, &agent_branch_above,
	              DB_ARGS(db_i64(conversation_id), db_i64(leaf), db_i64(height - below)), &db_id_row, "turn",
	              end);
}

struct err *agent_branch_show(struct ctx *ctx, int64_t project_id, int64_t conversation_id, int64_t turn_id)
{
	struct agent_conversation conversation;
	int64_t leaf;

	TRY(agent_conversation_get(ctx, project_id, conversation_id, &conversation));
	TRY(db_one(ctx, &agent_branch_newest, DB_ARGS(db_i64(conversation_id), db_i64(turn_id)), &db_id_row,
	           "turn", &leaf));
	return db_run(ctx, &agent_branch_choose, DB_ARGS(db_i64(conversation_id), db_i64(leaf)), NULL);
}
