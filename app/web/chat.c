/* The chat page: conversations, the turns of one of them, and the question box. */
#include <string.h>

#include "lib/arena.h"
#include "web/sandbox_priv.h"
#include "web/web_priv.h"

enum { TURNS = 50 };

struct chat_view {
	struct web_layout *layout;
	const char *slug;
	const char *project;
	const char *description;
	struct web_chats *list;
	int64_t chat; /* 0: a new conversation */
	const char *title;
	struct web_turn_html *turns;
	size_t nturns;
	int64_t leaf;  /* the turn that the next question follows */
	int64_t older; /* the turn before those shown, or 0 */
	int64_t later; /* the last one shown when more follow, else 0 */
	bool running;
	bool pinned;
	int64_t edit;         /* the turn whose question is changed in the box, or 0 */
	const char *question; /* what stands there */
	bool fresh;           /* nothing asked yet */
	struct web_welcome *welcome;
	bool no_model;
};

static const struct view turn_html_view = VIEW(struct web_turn_html, VIEW_HTML(struct web_turn_html, html));
static const struct view chat_view = VIEW(
        struct chat_view, VIEW_ONE(struct chat_view, layout, &web_layout_view),
        VIEW_STR(struct chat_view, slug), VIEW_STR(struct chat_view, project),
        VIEW_STR(struct chat_view, description), VIEW_ONE(struct chat_view, list, &web_chats_view),
        VIEW_I64(struct chat_view, chat), VIEW_STR(struct chat_view, title),
        VIEW_LIST(struct chat_view, turns, nturns, &turn_html_view), VIEW_I64(struct chat_view, leaf), VIEW_I64(struct chat_view, older), VIEW_I64(struct chat_view, later),
        VIEW_BOOL(struct chat_view, running), VIEW_BOOL(struct chat_view, pinned),
        VIEW_I64(struct chat_view, edit), VIEW_STR(struct chat_view, question), VIEW_BOOL(struct chat_view, fresh),
        VIEW_ONE(struct chat_view, welcome, &web_welcome_view),
        VIEW_BOOL(struct chat_view, no_model));
WEB_PAGE(chat_page, "chat/show", chat_view);

/* Pages -------------------------------------------------------------------------------------------------- */

static struct err *new_view(struct ctx *ctx, struct http_request *req, const char *title,
                            struct chat_view **out)
{
	const struct auth_person *person = auth_person(req);
	struct chat_view *v = ARENA_NEW(ctx->a, struct chat_view);
	bool has_model;

	v->layout = web_layout(ctx, req, title, "chat");
	v->slug = person->project.slug;
	v->project = person->project.name;
	v->description = person->project.description;
	v->title = title;
	*out = v;
	TRY(agent_has_model(ctx, person->project.id, &has_model));
	v->no_model = !has_model;
	return NULL;
}

static struct web_reader reader(const struct http_request *req)
{
	return (struct web_reader){&auth_person(req)->project, auth_person(req)->role};
}

struct err *web_chat_new(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct web_reader who = reader(req);
	struct chat_view *v;

	TRY(new_view(ctx, req, who.project->name, &v));
	v->fresh = true;
	TRY(web_welcome_fill(ctx, &who, !v->no_model, &v->welcome));
	TRY(web_chats_fill(ctx, req, v->chat, &v->list));
	web_sandbox_allow(res);
	return web_render(ctx, res, &chat_page, v);
}

/* A turn's id in the address; 0 for none. */
static int64_t turn_of(const struct http_request *req, const char *name)
{
	int64_t id = 0;

	return str_to_i64(http_query(req, name), &id) && id > 0 ? id : 0;
}

/* A page without script has the question of a turn in its box, to be changed and asked again. */
static struct err *edit(struct ctx *ctx, struct http_request *req, struct chat_view *v)
{
	struct agent_turn turn;

	v->edit = turn_of(req, "edit");
	if (!v->edit)
		return NULL;
	TRY(agent_turn_get(ctx, v->edit, &turn));
	v->question = turn.question;
	return NULL;
}

/* Which turns are shown: those around `turn`, those up to `until`, or the last ones of the branch; and where that ends. */
static struct err *window(struct ctx *ctx, struct http_request *req, struct chat_view *v,
                          struct agent_turn_head **heads, size_t *n)
{
	int64_t turn = turn_of(req, "turn"), end = turn_of(req, "until");

	TRY(agent_branch_end(ctx, v->chat, turn ? turn : end, &v->leaf));
	if (turn)
		TRY(agent_branch_window(ctx, v->chat, v->leaf, turn, TURNS / 2, &end));
	TRY(agent_turn_heads(ctx, v->chat, end ? end : v->leaf, TURNS, heads, n));
	if (!*n)
		return NULL;
	v->older = (*heads)[0].parent_id;
	v->later = (*heads)[*n - 1].id == v->leaf ? 0 : (*heads)[*n - 1].id;
	return NULL;
}

struct err *web_chat_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct web_reader who = reader(req);
	struct agent_conversation chat;
	struct agent_turn_head *heads;

	TRY(agent_conversation_get(ctx, who.project->id, http_param_i64(req, "chat"), &chat));
	struct chat_view *v;
	TRY(new_view(ctx, req, chat.title, &v));
	v->chat = chat.id;
	v->running = chat.running;
	v->pinned = chat.pinned;
	TRY(edit(ctx, req, v));
	TRY(window(ctx, req, v, &heads, &v->nturns));
	TRY(web_turns(ctx, &who, chat.id, heads, v->nturns, &v->turns));
	TRY(web_chats_fill(ctx, req, v->chat, &v->list));
	web_sandbox_allow(res);
	return web_render(ctx, res, &chat_page, v);
}

/* Changes to a conversation ------------------------------------------------------------------------------ */

static void done(struct http_response *res)
{
	http_status(res, 204);
}

struct err *web_chat_rename(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(http_form(ctx, req));
	TRY(agent_conversation_rename(ctx, auth_person(req)->project.id, http_param_i64(req, "chat"),
	                              web_field(ctx, req, "title")));
	done(res);
	return NULL;
}

struct err *web_chat_pin(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(http_form(ctx, req));
	TRY(agent_conversation_pin(ctx, auth_person(req)->project.id, http_param_i64(req, "chat"),
	                           http_field(req, "pinned").n > 0));
	done(res);
	return NULL;
}

struct err *web_chat_seen(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(agent_conversation_seen(ctx, auth_person(req)->project.id, http_param_i64(req, "chat")));
	done(res);
	return NULL;
}

struct err *web_chat_delete(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(agent_conversation_delete(ctx, auth_person(req)->project.id, http_param_i64(req, "chat")));
	done(res);
	return NULL;
}

struct err *web_chat_restore(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(agent_conversation_restore(ctx, auth_person(req)->project.id, http_param_i64(req, "chat")));
	done(res);
	return NULL;
}
