/* What was learnt about a project's data: offered under answers, kept, changed and deleted by analysts. */
#include <string.h>

#include "lib/arena.h"
#include "web/web_priv.h"

struct web_learning {
	int64_t id;
	const char *text;
	const char *origin;
	const char *tables;
	const char *by;
	const char *at;
	const char *decided_by;
	const char *decided_at;
	bool may_keep;
	bool editing;
};

const struct view web_learning_view =
        VIEW(struct web_learning, VIEW_I64(struct web_learning, id), VIEW_STR(struct web_learning, text),
             VIEW_STR(struct web_learning, origin), VIEW_STR(struct web_learning, tables),
             VIEW_STR(struct web_learning, by), VIEW_STR(struct web_learning, at),
             VIEW_STR(struct web_learning, decided_by), VIEW_STR(struct web_learning, decided_at),
             VIEW_BOOL(struct web_learning, may_keep), VIEW_BOOL(struct web_learning, editing));

struct knowledge_view {
	struct web_layout *layout;
	struct web_problem *problem;
	bool none;
	bool offers;
	bool keeps;
	struct web_learning *offered;
	size_t noffered;
	struct web_learning *kept;
	size_t nkept;
};
static const struct view knowledge_view = VIEW(
        struct knowledge_view, VIEW_ONE(struct knowledge_view, layout, &web_layout_view),
        VIEW_ONE(struct knowledge_view, problem, &web_problem_view), VIEW_BOOL(struct knowledge_view, none),
        VIEW_BOOL(struct knowledge_view, offers), VIEW_BOOL(struct knowledge_view, keeps),
        VIEW_LIST(struct knowledge_view, offered, noffered, &web_learning_view),
        VIEW_LIST(struct knowledge_view, kept, nkept, &web_learning_view));
WEB_PAGE(knowledge_page, "knowledge", knowledge_view);

static struct web_learning *shown(struct arena *a, const struct agent_learning *l, size_t n)
{
	struct web_learning *v = ARENA_ARRAY(a, struct web_learning, n);

	for (size_t i = 0; i < n; i++)
		v[i] = (struct web_learning){
		        .id = l[i].id,
		        .text = l[i].text,
		        .origin = strcmp(l[i].origin, "model") ? "From a correction" : "Noted by the model",
		        .tables = web_joined(a, l[i].tables),
		        .by = l[i].by,
		        .at = web_time(a, l[i].at),
		        .decided_by = l[i].decided_by,
		        .decided_at = web_time(a, l[i].decided_at),
		        .may_keep = l[i].may_keep,
		};
	return v;
}

struct err *web_learnings_of_turn(struct ctx *ctx, int64_t turn_id, struct web_learning **out, size_t *n)
{
	const char *id = arena_printf(ctx->a, "%lld", (long long)turn_id);
	struct agent_learning *learnings;

	TRY(agent_learnings_of_turns(ctx, (struct db_texts){&id, 1}, &learnings, n));
	*out = shown(ctx->a, learnings, *n);
	return NULL;
}

/* The page ----------------------------------------------------------------------------------------------- */

static struct err *show(struct ctx *ctx, struct http_request *req, struct http_response *res,
                        const struct err *problem)
{
	struct knowledge_view v = {.layout = web_layout(ctx, req, "Knowledge", "knowledge"),
	                           .problem = web_problem(ctx, problem)};
	int64_t project_id = auth_person(req)->project.id, edit = 0;
	struct agent_learning *offered, *kept;

	TRY(agent_learnings(ctx, project_id, "offered", &offered, &v.noffered));
	TRY(agent_learnings(ctx, project_id, "kept", &kept, &v.nkept));
	v.offered = shown(ctx->a, offered, v.noffered);
	v.kept = shown(ctx->a, kept, v.nkept);
	if (!str_to_i64(http_query(req, "edit"), &edit))
		edit = problem ? http_param_i64(req, "learning") : 0;
	for (size_t i = 0; i < v.nkept; i++)
		v.kept[i].editing = v.kept[i].id == edit;
	v.offers = v.noffered > 0;
	v.keeps = v.nkept > 0;
	v.none = !v.offers && !v.keeps;
	web_problem_status(ctx, res, problem);
	return web_render(ctx, res, &knowledge_page, &v);
}

struct err *web_knowledge_show(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	return show(ctx, req, res, NULL);
}

static void to_list(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	http_redirect(res, arena_printf(ctx->a, "/p/%s/knowledge#kept", auth_person(req)->project.slug));
}

struct err *web_knowledge_save(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct err *e;

	TRY(http_form(ctx, req));
	e = agent_learning_write(ctx, auth_person(req)->project.id, http_param_i64(req, "learning"),
	                         http_field(req, "text"));
	if (e && e->kind == ERR_INVALID)
		return show(ctx, req, res, e);
	TRY(e);
	to_list(ctx, req, res);
	return NULL;
}

struct err *web_knowledge_delete(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	TRY(http_form(ctx, req));
	TRY(agent_learning_delete(ctx, auth_person(req)->project.id, http_param_i64(req, "learning")));
	to_list(ctx, req, res);
	return NULL;
}

/* Offers ------------------------------------------------------------------------------------------------- */

/* Back to where it was decided: the list, or the answer that offered it. */
static struct err *go_back(struct ctx *ctx, struct http_request *req, struct http_response *res,
                           const struct agent_learning *l)
{
	const struct auth_person *person = auth_person(req);
	struct agent_turn turn;
	struct project project;
	enum project_role role;

	TRY(project_access_by_id(ctx, l->project_id, person->id, person->is_admin, &project, &role));
	if (str_is(http_field(req, "from"), "knowledge") || !l->turn_id ||
	    agent_turn_get(ctx, l->turn_id, &turn))
		http_redirect(res, arena_printf(ctx->a, "/p/%s/knowledge", project.slug));
	else
		http_redirect(res, arena_printf(ctx->a, "/p/%s/chat/%lld?turn=%lld#turn-%lld", project.slug,
		                                (long long)turn.conversation_id, (long long)turn.id,
		                                (long long)turn.id));
	return NULL;
}

static struct err *decide(struct ctx *ctx, struct http_request *req, struct http_response *res, bool keep)
{
	struct agent_learning l;

	TRY(http_form(ctx, req));
	TRY(agent_learning_decide(ctx, http_param_i64(req, "learning"), keep, &l));
	if (http_wants_json(req)) {
		http_status(res, 204);
		return NULL;
	}
	return go_back(ctx, req, res, &l);
}

struct err *web_learning_keep(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	return decide(ctx, req, res, true);
}

struct err *web_learning_dismiss(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	return decide(ctx, req, res, false);
}
