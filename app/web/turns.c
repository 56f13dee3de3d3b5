/* The turns of a conversation as HTML: what never changes again is kept from one page to the next. */
#include "lib/arena.h"
#include "lib/buf.h"
#include "web/web_priv.h"

/* Whether the HTML of a turn can be kept: the last one also shows what to ask next. */
static bool is_kept(const struct agent_turn_head *heads, size_t i, size_t n)
{
	return i + 1 < n && web_talk_is_plain(&heads[i]);
}

/* Takes what is kept; the ids of the others are still to be read. */
static struct db_texts take_kept(struct arena *a, const struct agent_turn_head *heads, size_t n, bool exports,
                                 struct web_turn_html *out)
{
	struct db_texts missing = {ARENA_ARRAY(a, const char *, n), 0};

	for (size_t i = 0; i < n; i++) {
		out[i].html = is_kept(heads, i, n) ? web_turn_cache_get(a, heads[i].id, exports) : NULL;
		if (!out[i].html)
			missing.p[missing.n++] = arena_printf(a, "%lld", (long long)heads[i].id);
	}
	return missing;
}

static struct err *render(struct ctx *ctx, const struct web_reader *who, const struct agent_turn *t,
                          const struct agent_turn_head *head, bool last, struct buf *out)
{
	struct web_talk *talk = web_talk(ctx->a, head);

	if (head->learnt)
		TRY(web_talk_learnt(ctx, t->id, talk));
	if (head->made)
		TRY(web_talk_made(ctx, t->id, talk));
	if (last && head->over)
		TRY(web_talk_next(ctx, who, t, talk));
	return web_turn_render(ctx, t, talk, web_may_export(who->role), out);
}

static struct err *render_missing(struct ctx *ctx, const struct web_reader *who, const struct agent_turn *turns,
                                  size_t nturns, const struct agent_turn_head *heads, size_t n,
                                  struct web_turn_html *out)
{
	for (size_t i = 0, t = 0; i < n && t < nturns; i++) {
		if (heads[i].id != turns[t].id)
			continue;
		struct buf b = buf_init(ctx->a, BUF_PAGE);
		TRY(render(ctx, who, &turns[t++], &heads[i], i + 1 == n, &b));
		out[i].html = buf_cstr(&b);
		if (is_kept(heads, i, n))
			web_turn_cache_put(heads[i].id, web_may_export(who->role), buf_str(&b));
	}
	return NULL;
}

struct err *web_turns(struct ctx *ctx, const struct web_reader *who, int64_t conversation_id,
                      const struct agent_turn_head *heads, size_t n, struct web_turn_html **out)
{
	struct agent_turn *turns = NULL;
	size_t nturns = 0;

	*out = ARENA_ARRAY(ctx->a, struct web_turn_html, n);
	struct db_texts missing = take_kept(ctx->a, heads, n, web_may_export(who->role), *out);
	if (missing.n)
		TRY(agent_turns(ctx, conversation_id, missing, &turns, &nturns));
	return render_missing(ctx, who, turns, nturns, heads, n, *out);
}

/* One turn as a fragment: the page puts it in the place of the live one when that is over. */
struct err *web_turn_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct auth_person *person = auth_person(req);
	struct agent_turn turn;
	struct agent_turn_head *head;
	struct project project;
	struct web_reader who = {.project = &project};
	size_t n;

	TRY(agent_turn_get(ctx, http_param_i64(req, "turn"), &turn));
	TRY(agent_turn_heads(ctx, turn.conversation_id, turn.id, 1, &head, &n));
	TRY(project_access_by_id(ctx, turn.project_id, person->id, person->is_admin, &project, &who.role));
	return render(ctx, &who, &turn, head, true, http_out(res));
}
