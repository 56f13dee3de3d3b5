/* The list of a person's conversations: by day, with what is pinned on top, and by words; as a part of the chat page and alone. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "web/web_priv.h"

enum { CONVERSATIONS = 100, ALL_CONVERSATIONS = 2000, FOUND = 30, DIGEST_CHARS = 16 };

struct item {
	int64_t id;
	const char *title;
	bool current;
	const char *mark;  /* "running", "waiting", "unread", or NULL */
	const char *means; /* in words */
	bool pinned;
};

struct group {
	const char *label;
	struct item *items;
	size_t nitems;
};

struct found {
	int64_t id;
	int64_t turn; /* 0: only the title */
	bool current;
	struct agent_piece *title;
	size_t ntitle;
	struct agent_piece *text;
	size_t ntext;
};

struct web_chats {
	const char *slug;
	const char *words; /* "": all of them */
	struct group *groups;
	size_t ngroups;
	bool more; /* there are older ones */
	struct found *found;
	size_t nfound;
	bool nothing; /* holds the words */
};

static const struct view item_view =
        VIEW(struct item, VIEW_I64(struct item, id), VIEW_STR(struct item, title),
             VIEW_BOOL(struct item, current), VIEW_STR(struct item, mark), VIEW_STR(struct item, means),
             VIEW_BOOL(struct item, pinned));
static const struct view group_view = VIEW(struct group, VIEW_STR(struct group, label),
                                           VIEW_LIST(struct group, items, nitems, &item_view));
static const struct view piece_view = VIEW(struct agent_piece, VIEW_STR(struct agent_piece, text),
                                           VIEW_BOOL(struct agent_piece, match));
static const struct view found_view =
        VIEW(struct found, VIEW_I64(struct found, id), VIEW_I64(struct found, turn),
             VIEW_BOOL(struct found, current), VIEW_LIST(struct found, title, ntitle, &piece_view),
             VIEW_LIST(struct found, text, ntext, &piece_view));
const struct view web_chats_view =
        VIEW(struct web_chats, VIEW_STR(struct web_chats, slug), VIEW_STR(struct web_chats, words),
             VIEW_LIST(struct web_chats, groups, ngroups, &group_view), VIEW_BOOL(struct web_chats, more),
             VIEW_LIST(struct web_chats, found, nfound, &found_view), VIEW_BOOL(struct web_chats, nothing));
WEB_PAGE(list_page, "chat/list", web_chats_view);

static const char *label_of(const struct agent_conversation *c)
{
	return c->pinned      ? "Pinned"
	       : c->days <= 0 ? "Today"
	       : c->days == 1 ? "Yesterday"
	       : c->days < 7  ? "This week"
	       : c->days < 31 ? "This month"
	                      : "Earlier";
}

/* Of several marks the one that asks most of the person. */
static struct item item_of(const struct agent_conversation *c, int64_t current)
{
	struct item item = {.id = c->id, .title = c->title, .current = c->id == current, .pinned = c->pinned};

	if (c->waiting)
		item.mark = "waiting", item.means = "waits for you";
	else if (c->running)
		item.mark = "running", item.means = "is being answered";
	else if (c->unread && !item.current)
		item.mark = "unread", item.means = "has a new answer";
	return item;
}

static struct err *fill(struct ctx *ctx, int64_t project_id, int64_t current, size_t most, struct web_chats *v)
{
	struct agent_conversation *list;
	struct item *items;
	size_t n;

	TRY(agent_conversations(ctx, project_id, (int64_t)most + 1, &list, &n));
	v->more = n > most;
	n = v->more ? most : n;
	items = ARENA_ARRAY(ctx->a, struct item, n);
	v->groups = ARENA_ARRAY(ctx->a, struct group, n);
	for (size_t i = 0; i < n; i++) {
		const char *label = label_of(&list[i]);
		if (!v->ngroups || strcmp(v->groups[v->ngroups - 1].label, label) != 0)
			v->groups[v->ngroups++] = (struct group){label, &items[i], 0};
		items[i] = item_of(&list[i], current);
		v->groups[v->ngroups - 1].nitems++;
	}
	return NULL;
}

static struct err *search(struct ctx *ctx, int64_t project_id, int64_t current, struct web_chats *v)
{
	struct agent_found *list;

	TRY(agent_conversation_search(ctx, project_id, str_of(v->words), FOUND, &list, &v->nfound));
	v->found = ARENA_ARRAY(ctx->a, struct found, v->nfound);
	for (size_t i = 0; i < v->nfound; i++)
		v->found[i] = (struct found){list[i].id,     list[i].turn_id, list[i].id == current,
		                             list[i].title,  list[i].ntitle,  list[i].text,
		                             list[i].ntext};
	v->nothing = !v->nfound;
	return NULL;
}

struct err *web_chats_fill(struct ctx *ctx, struct http_request *req, int64_t current, struct web_chats **out)
{
	const struct project *project = &auth_person(req)->project;
	struct web_chats *v = *out = ARENA_NEW(ctx->a, struct web_chats);
	bool all = http_query(req, "all").n > 0;

	v->slug = project->slug;
	v->words = str_dup(ctx->a, str_trim(http_query(req, "q")));
	if (*v->words)
		return search(ctx, project->id, current, v);
	return fill(ctx, project->id, current, all ? ALL_CONVERSATIONS : CONVERSATIONS, v);
}

/* Pages ask for it again and again: whoever has it already is told so, and nothing is sent. */
struct err *web_chats_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct buf html = buf_init(ctx->a, BUF_PAGE);
	struct web_chats *v;
	int64_t current = 0;

	if (!str_to_i64(http_query(req, "chat"), &current))
		current = 0;
	TRY(web_chats_fill(ctx, req, current, &v));
	TRY(web_render_into(ctx, &list_page, v, &html));
	const char *digest = crypto_sha256_hex(ctx->a, buf_str(&html));
	digest = arena_strndup(ctx->a, digest, DIGEST_CHARS);
	http_set_header(res, "X-Digest", digest);
	if (str_is(http_query(req, "have"), digest))
		http_status(res, 204);
	else
		buf_add_str(http_out(res), buf_str(&html));
	return NULL;
}
