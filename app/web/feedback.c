/* What people think of answers, for the admins of a project: question, verdict, reason, and the answer itself. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "markdown/markdown.h"
#include "web/web_priv.h"

enum { PAGE = 50 };

struct item {
	int64_t turn;
	const char *question;
	const char *answer_html;
	const char *answer; /* as text, where it cannot be rendered */
	bool good;
	const char *reason;
	const char *person;
	const char *at;
	int64_t chat; /* the reader's own conversation, else 0 */
};

struct feedback_view {
	struct web_layout *layout;
	const char *slug;
	bool only_good;
	bool only_bad;
	bool all;
	struct item *items;
	size_t nitems;
	bool none;
	const char *verdict;
	int64_t before; /* the last one shown when there are more */
};

static const struct view item_view =
        VIEW(struct item, VIEW_I64(struct item, turn), VIEW_STR(struct item, question),
             VIEW_HTML(struct item, answer_html), VIEW_STR(struct item, answer), VIEW_BOOL(struct item, good),
             VIEW_STR(struct item, reason), VIEW_STR(struct item, person), VIEW_STR(struct item, at),
             VIEW_I64(struct item, chat));
static const struct view feedback_view =
        VIEW(struct feedback_view, VIEW_ONE(struct feedback_view, layout, &web_layout_view),
             VIEW_STR(struct feedback_view, slug), VIEW_BOOL(struct feedback_view, only_good),
             VIEW_BOOL(struct feedback_view, only_bad), VIEW_BOOL(struct feedback_view, all),
             VIEW_LIST(struct feedback_view, items, nitems, &item_view), VIEW_BOOL(struct feedback_view, none),
             VIEW_STR(struct feedback_view, verdict), VIEW_I64(struct feedback_view, before));
WEB_PAGE(feedback_page, "settings/feedback", feedback_view);

static struct item item_of(struct ctx *ctx, const struct agent_feedback *f)
{
	struct buf html = buf_init(ctx->a, BUF_PAGE);
	struct item item = {.turn = f->turn_id,
	                    .question = f->question,
	                    .good = f->good,
	                    .reason = f->reason,
	                    .person = *f->name ? f->name : f->email,
	                    .at = web_time(ctx->a, f->at),
	                    .chat = f->user_id == ctx->user_id ? f->conversation_id : 0};

	if (markdown_html(ctx->a, str_of(f->answer), &html))
		item.answer = f->answer;
	else
		item.answer_html = buf_cstr(&html);
	return item;
}

struct err *web_feedback_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct project *project = &auth_person(req)->project;
	struct str verdict = http_query(req, "verdict");
	struct feedback_view v = {.layout = web_layout(ctx, req, "Feedback", "feedback"),
	                          .slug = project->slug,
	                          .only_good = str_is(verdict, "good"),
	                          .only_bad = str_is(verdict, "bad")};
	struct agent_feedback *list;
	int64_t before;

	v.all = !v.only_good && !v.only_bad;
	v.verdict = v.only_good ? "good" : v.only_bad ? "bad" : "";
	if (!str_to_i64(http_query(req, "before"), &before) || before < 0)
		before = 0;
	TRY(agent_feedback_list(ctx, project->id, v.verdict, before, PAGE + 1, &list, &v.nitems));
	if (v.nitems > PAGE) {
		v.nitems = PAGE;
		v.before = list[PAGE - 1].turn_id;
	}
	v.none = !v.nitems;
	v.items = ARENA_ARRAY(ctx->a, struct item, v.nitems);
	for (size_t i = 0; i < v.nitems; i++)
		v.items[i] = item_of(ctx, &list[i]);
	return web_render(ctx, res, &feedback_page, &v);
}
