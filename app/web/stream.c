/* Turns as event streams: starting one, watching one, stopping one. */
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "web/web_priv.h"

/* The turn's events go to the browser as they are; text deltas become {"text": ...}. */
struct relay {
	const struct http_request *req;
	struct http_stream *stream;
	struct arena *a; /* given back after each delta */
};

static void free_arena(void *a)
{
	arena_free(a);
}

static struct relay open_relay(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct relay r = {req, http_stream_start(ctx, req, res), arena_create()};

	arena_cleanup(ctx->a, free_arena, r.a);
	return r;
}

static void relay_event(void *arg, int64_t id, const char *kind, struct str json)
{
	http_stream_event(((struct relay *)arg)->stream, id, kind, json);
}

static void relay_delta(void *arg, struct str text)
{
	struct relay *d = arg;
	struct arena_mark mark = arena_mark(d->a);
	struct buf b = buf_init(d->a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_str(&w, "text", text);
	json_object_close(&w);
	http_stream_event(d->stream, 0, "delta", buf_str(&b));
	arena_reset(d->a, mark);
}

/* A worker that drains lets its watchers go, too: they come back to another. */
static bool client_gone(void *arg)
{
	const struct relay *r = arg;

	return http_stream_gone(r->stream) || http_draining(r->req);
}

static void beat(void *arg)
{
	http_stream_heartbeat(((struct relay *)arg)->stream);
}

/* Tells the browser which conversation and turn this is, before anything else. */
static void announce(struct ctx *ctx, struct http_stream *s, int64_t chat, int64_t turn)
{
	struct buf b = buf_init(ctx->a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "conversation_id", chat);
	json_put_i64(&w, "turn_id", turn);
	json_object_close(&w);
	http_stream_event(s, 0, "turn", buf_str(&b));
}

/* A page without script waits for the whole answer, and is then shown the conversation. */
static bool without_script(const struct http_request *req)
{
	return str_find(http_header(req, "accept"), STR("text/html")) >= 0;
}

/* Asks, and sends what happens; the project and the role in it are the caller's to check. */
static struct err *run_turn(struct ctx *ctx, struct http_request *req, struct http_response *res,
                            const struct project *project, enum project_role role, int64_t chat,
                            struct agent_place place, struct str question)
{
	const char *zone = auth_person(req)->time_zone;
	int64_t turn;

	TRY(agent_turn_start_at(ctx, project, chat, place, question, &turn));
	if (without_script(req)) {
		http_redirect(res, arena_printf(ctx->a, "/p/%s/chat/%lld#turn-%lld", project->slug,
		                                (long long)chat, (long long)turn));
		TRY(agent_turn_run(ctx, project, role, zone, turn, NULL));
		return agent_conversation_seen(ctx, project->id, chat);
	}
	struct relay d = open_relay(ctx, req, res);
	announce(ctx, d.stream, chat, turn);
	const struct agent_sink sink = {relay_event, relay_delta, &d};
	return agent_turn_run(ctx, project, role, zone, turn, &sink);
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
	struct relay d = open_relay(ctx, req, res);
	announce(ctx, d.stream, turn.conversation_id, turn.id);
	const struct agent_sink sink = {relay_event, relay_delta, &d};
	return agent_turn_watch(ctx, turn.id, after, &sink, client_gone, beat);
}

struct err *web_turn_stop(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	struct agent_turn turn;

	TRY(agent_turn_get(ctx, http_param_i64(req, "turn"), &turn));
	TRY(agent_turn_stop(ctx, turn.id));
	http_status(res, 204);
	return NULL;
}
