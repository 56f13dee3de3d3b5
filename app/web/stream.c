/* Turns as event streams: starting one, watching one, stopping one. */
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "web/relay_priv.h"
#include "web/web_priv.h"

/* Tells the browser which conversation and turn this is, before anything else. */
static void announce(struct ctx *ctx, struct web_relay *relay, int64_t chat, int64_t turn)
{
	struct buf b = buf_init(ctx->a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "conversation_id", chat);
	json_put_i64(&w, "turn_id", turn);
	json_object_close(&w);
	web_relay_send(relay, "turn", buf_str(&b));
}

/* A page without script waits for the whole answer, and is then shown the conversation. */
static bool without_script(const struct http_request *req)
{
	return str_find(http_header(req, "accept"), STR("text/html")) >= 0;
}

struct err *web_turn_follow(struct ctx *ctx, struct http_request *req, struct http_response *res,
                            const struct web_reader *who, int64_t chat, int64_t turn)
{
	const char *zone = auth_person(req)->time_zone;
	const struct project *project = who->project;

	if (without_script(req)) {
		http_redirect(res, arena_printf(ctx->a, "/p/%s/chat/%lld#turn-%lld", project->slug,
		                                (long long)chat, (long long)turn));
		TRY(agent_turn_run(ctx, project, who->role, zone, turn, NULL));
		return agent_conversation_seen(ctx, project->id, chat);
	}
	struct web_relay *relay = web_relay_open(ctx, req, res, http_has_field(req, "html"));
	announce(ctx, relay, chat, turn);
	struct err *e = agent_turn_run(ctx, project, who->role, zone, turn, web_relay_sink(relay));
	web_relay_close(relay);
	return e;
}

/* Asks, and sends what happens; the project and the role in it are the caller's to check. */
static struct err *run_turn(struct ctx *ctx, struct http_request *req, struct http_response *res,
                            const struct project *project, enum project_role role, int64_t chat,
                            struct agent_place place, struct str question)
{
	int64_t turn;

	TRY(agent_turn_start_at(ctx, project, chat, place, question, &turn));
	return web_turn_follow(ctx, req, res, &(struct web_reader){project, role}, chat, turn);
}

struct err *web_turn_first(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct auth_person *person = auth_person(req);
	int64_t chat;

	TRY(http_form(ctx, req));
	const char *question = web_field(ctx, req, "question");
	if (!*question)
		return err_new(ctx->a, ERR_INVALID, "the question is empty");
	TRY(agent_conversation_create(ctx, person->project.id, question, &chat));
	return run_turn(ctx, req, res, &person->project, person->role, chat, (struct agent_place){0},
	                http_field(req, "question"));
}

struct err *web_turn_next(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct auth_person *person = auth_person(req);
	struct agent_place place = {0};
	struct agent_conversation chat;

	TRY(http_form(ctx, req));
	TRY(agent_conversation_get(ctx, person->project.id, http_param_i64(req, "chat"), &chat));
	if (!str_to_i64(http_field(req, "after"), &place.after))
		place.after = 0;
	return run_turn(ctx, req, res, &person->project, person->role, chat.id, place, http_field(req, "question"));
}

/* The question of a turn once more, or another one in its place: a new branch of the conversation. */
struct err *web_turn_again(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct auth_person *person = auth_person(req);
	struct agent_turn turn;
	struct project project;
	enum project_role role;

	TRY(http_form(ctx, req));
	TRY(agent_turn_get(ctx, http_param_i64(req, "turn"), &turn));
	TRY(project_access_by_id(ctx, turn.project_id, person->id, person->is_admin, &project, &role));
	return run_turn(ctx, req, res, &project, role, turn.conversation_id, (struct agent_place){.beside = turn.id},
	                http_has_field(req, "question") ? http_field(req, "question") : str_of(turn.question));
}

struct err *web_turn_events(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct agent_turn turn;
	int64_t after = 0;
	struct str last = http_header(req, "last-event-id");

	if (!last.n)
		last = http_query(req, "after");
	if (!str_to_i64(last, &after) || after < 0)
		after = 0;
	TRY(agent_turn_get(ctx, http_param_i64(req, "turn"), &turn));
	struct web_relay *relay = web_relay_open(ctx, req, res, http_query(req, "html").n > 0);
	web_relay_be_patient(relay);
	announce(ctx, relay, turn.conversation_id, turn.id);
	struct err *e = agent_turn_watch(ctx, turn.id, after, web_relay_sink(relay), web_relay_gone, NULL);
	web_relay_close(relay);
	return e;
}

struct err *web_turn_stop(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct agent_turn turn;

	TRY(agent_turn_get(ctx, http_param_i64(req, "turn"), &turn));
	TRY(agent_turn_stop(ctx, turn.id));
	http_status(res, 204);
	return NULL;
}

/* What a turn waits for: words, or whether it may go on with exactly what was shown. */
struct err *web_turn_answer(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct agent_turn turn;

	TRY(http_form(ctx, req));
	TRY(agent_turn_get(ctx, http_param_i64(req, "turn"), &turn));
	struct str approve = http_field(req, "approve");
	if (approve.n && !str_is(approve, "yes") && !str_is(approve, "no"))
		return err_new(ctx->a, ERR_INVALID, "an approval is yes or no");
	TRY(agent_turn_answer(ctx, turn.id, web_field(ctx, req, "id"), approve.n ? approve : http_field(req, "answer"),
	                      web_field(ctx, req, "hash")));
	http_status(res, 204);
	return NULL;
}
