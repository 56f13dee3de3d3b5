/* What people do with an answer: other versions of its question, a verdict, a query kept. */
#include <string.h>

#include "lib/arena.h"
#include "web/web_priv.h"

enum { NEXT = 3 };

struct question {
	const char *text;
};

struct web_talk {
	bool versions; /* there are several */
	int64_t place;
	int64_t siblings;
	int64_t previous;
	int64_t next;
	bool good;
	bool bad;
	const char *reason;
	bool over;
	struct question *ask; /* next */
	size_t nask;
	struct web_learning *learnings; /* offered with it */
	size_t nlearnings;
	struct web_artifact *artifacts; /* made with it */
	size_t nartifacts;
};

static const struct view question_view = VIEW(struct question, VIEW_STR(struct question, text));
const struct view web_talk_view =
        VIEW(struct web_talk, VIEW_BOOL(struct web_talk, versions), VIEW_I64(struct web_talk, place),
             VIEW_I64(struct web_talk, siblings), VIEW_I64(struct web_talk, previous),
             VIEW_I64(struct web_talk, next), VIEW_BOOL(struct web_talk, good), VIEW_BOOL(struct web_talk, bad),
             VIEW_STR(struct web_talk, reason), VIEW_BOOL(struct web_talk, over),
             VIEW_LIST(struct web_talk, ask, nask, &question_view),
             VIEW_LIST(struct web_talk, learnings, nlearnings, &web_learning_view),
             VIEW_LIST(struct web_talk, artifacts, nartifacts, &web_artifact_view));

struct web_talk *web_talk(struct arena *a, const struct agent_turn_head *h)
{
	struct web_talk *v = ARENA_NEW(a, struct web_talk);

	*v = (struct web_talk){.versions = h->siblings > 1,
	                       .place = h->place,
	                       .siblings = h->siblings,
	                       .previous = h->previous,
	                       .next = h->next,
	                       .good = h->voted && h->good,
	                       .bad = h->voted && !h->good,
	                       .reason = h->reason,
	                       .over = h->over};
	return v;
}

bool web_talk_is_plain(const struct agent_turn_head *h)
{
	return h->over && h->siblings < 2 && !h->voted && !h->learnt && !h->made;
}

struct err *web_talk_learnt(struct ctx *ctx, int64_t turn_id, struct web_talk *talk)
{
	return web_learnings_of_turn(ctx, turn_id, &talk->learnings, &talk->nlearnings);
}

struct err *web_talk_made(struct ctx *ctx, int64_t turn_id, struct web_talk *talk)
{
	return web_artifacts_of_turn(ctx, turn_id, &talk->artifacts, &talk->nartifacts);
}

struct err *web_talk_next(struct ctx *ctx, const struct web_reader *who, const struct agent_turn *t,
                          struct web_talk *talk)
{
	const char *questions[NEXT];
	struct web_sight sight;
	bool has_model;

	if (!t->nqueries || t->from_catalog)
		return NULL;
	TRY(agent_has_model(ctx, who->project->id, &has_model));
	if (!has_model)
		return NULL;
	TRY(web_sight(ctx, who->project, who->role, &sight));
	talk->nask = agent_questions_next(ctx->a, sight.catalog, t, questions, NEXT);
	talk->ask = ARENA_ARRAY(ctx->a, struct question, talk->nask);
	for (size_t i = 0; i < talk->nask; i++)
		talk->ask[i].text = questions[i];
	return NULL;
}

/* The caller's turn, and the project that it is in with their role there. */
struct own {
	struct agent_turn turn;
	struct project project;
	enum project_role role;
};

static struct err *own_turn(struct ctx *ctx, struct http_request *req, struct own *out)
{
	const struct auth_person *person = auth_person(req);

	TRY(http_form(ctx, req));
	TRY(agent_turn_get(ctx, http_param_i64(req, "turn"), &out->turn));
	return project_access_by_id(ctx, out->turn.project_id, person->id, person->is_admin, &out->project,
	                            &out->role);
}

static void show_turn(struct ctx *ctx, struct http_response *res, const struct own *o)
{
	http_redirect(res, arena_printf(ctx->a, "/p/%s/chat/%lld?turn=%lld#turn-%lld", o->project.slug,
	                                (long long)o->turn.conversation_id, (long long)o->turn.id,
	                                (long long)o->turn.id));
}

/* The branch that the turn is on becomes the one that its conversation shows. */
struct err *web_turn_choose(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct own o;

	TRY(own_turn(ctx, req, &o));
	TRY(agent_branch_show(ctx, o.project.id, o.turn.conversation_id, o.turn.id));
	show_turn(ctx, res, &o);
	return NULL;
}

/* verdict: "good", "bad", or nothing to take it back. */
struct err *web_turn_feedback(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct own o;

	TRY(own_turn(ctx, req, &o));
	struct str verdict = http_field(req, "verdict");
	if (!str_is(verdict, "good") && !str_is(verdict, "bad") && verdict.n)
		return err_new(ctx->a, ERR_INVALID, "the verdict is neither good nor bad");
	if (verdict.n)
		TRY(agent_feedback_give(ctx, o.turn.id, str_is(verdict, "good"), http_field(req, "reason")));
	else
		TRY(agent_feedback_withdraw(ctx, o.turn.id));
	if (http_wants_json(req))
		http_status(res, 204);
	else
		show_turn(ctx, res, &o);
	return NULL;
}

/* The SQL of a run as a saved query, named after the question that it answered; the name can be changed there. */
struct err *web_run_save(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct auth_person *person = auth_person(req);
	struct query_run_record run;
	struct query_result *r;
	struct project project;
	enum project_role role;
	const char *title;

	TRY(http_form(ctx, req));
	TRY(query_load(ctx, http_param_i64(req, "run"), &run, &r));
	TRY(project_access_by_id(ctx, run.project_id, person->id, person->is_admin, &project, &role));
	if (role < PROJECT_ANALYST)
		return err_new(ctx->a, ERR_FORBIDDEN, "viewers of %s cannot save queries", project.name);
	TRY(agent_run_title(ctx, run.id, &title));
	struct query_saved saved = {.project_id = project.id,
	                            .name = title,
	                            .description = "",
	                            .sql = r->sql_asked};
	TRY(query_saved_put(ctx, &saved, role >= PROJECT_ADMIN));
	http_redirect(res, arena_printf(ctx->a, "/p/%s/queries/%lld", project.slug, (long long)saved.id));
	return NULL;
}
