/*
 * What the browser says of an artifact that fails, given back to the model: a question of its own in the conversation, once
 * for each version and not for what a repair made. The words come from the artifact's code, so they are cut and quoted.
 */
#include "db/db.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "web/artifact_priv.h"

enum { MESSAGE_BYTES = 500 };

struct repair {
	const struct artifact_seen *seen;
	struct agent_place place;
	struct str question;
	int64_t turn;
};

static int64_t number_of(const struct http_request *req, const char *name)
{
	int64_t n;

	return str_to_i64(http_query(req, name), &n) && n > 0 ? n : 0;
}

static struct str question_of(struct arena *a, const struct http_request *req, const struct artifact *x)
{
	struct buf b = buf_init(a, BUF_LINE);
	int64_t line = number_of(req, "line"), column = number_of(req, "column");

	buf_printf(&b, "The artifact “%s” (number %lld, version %lld) does not work in my browser: ", x->title, (long long)x->id,
	           (long long)x->n);
	buf_add_json(&b, str_utf8_cut(http_query(req, "message"), MESSAGE_BYTES));
	if (line)
		buf_printf(&b, " (line %lld, column %lld)", (long long)line, (long long)column);
	buf_add_cstr(&b, ". Please repair it.");
	return buf_str(&b);
}

static struct err *begin(struct ctx *ctx, void *arg)
{
	struct repair *r = arg;
	const struct artifact *a = &r->seen->a;

	TRY(agent_turn_start_at(ctx, &r->seen->project, a->conversation_id, r->place, r->question, &r->turn));
	return artifact_repair(ctx, a->id, a->n, r->turn);
}

struct err *web_artifact_error(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct agent_conversation chat;
	struct artifact_seen seen;
	struct repair r = {.seen = &seen};

	TRY(http_form(ctx, req));
	TRY(artifact_seen_load(ctx, req, &seen));
	if (!seen.mine || !seen.a.conversation_id)
		return err_new(ctx->a, ERR_NOT_FOUND, "this artifact has no conversation of yours");
	if (number_of(req, "version") != seen.a.n)
		return err_new(ctx->a, ERR_CONFLICT, "there is a newer version by now");
	if (!http_query(req, "message").n)
		return err_new(ctx->a, ERR_INVALID, "what went wrong is not said");
	TRY(agent_conversation_get(ctx, seen.project.id, seen.a.conversation_id, &chat));
	if (!str_to_i64(http_field(req, "after"), &r.place.after))
		r.place.after = 0;
	r.question = question_of(ctx->a, req, &seen.a);
	TRY(db_transact(ctx, begin, &r));
	return web_turn_follow(ctx, req, res, &(struct web_reader){&seen.project, seen.role}, chat.id, r.turn);
}
