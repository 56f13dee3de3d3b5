/* A tiny real call, for whoever sets up a model. */
#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"

enum { TRY_MS = 15000, TRY_TOKENS = 64 };

struct err *agent_model_try(struct ctx *ctx, const struct project_model *model, struct agent_tried *out)
{
	struct llm_block say = {.kind = LLM_TEXT, .text = STR("Answer with the one word: ready")};
	struct llm_message message = {LLM_USER, &say, 1};
	struct llm_request req = {.system = "This call tests a connection.",
	                          .messages = &message,
	                          .nmessages = 1,
	                          .max_tokens = TRY_TOKENS,
	                          .timeout_ms = TRY_MS,
	                          .once = true};
	int64_t began = clock_mono_us();
	struct llm_reply *reply;

	if (!agent_provider_of(ctx->settings, model, &req.provider))
		return err_hint(err_new(ctx->a, ERR_CONFIG, "this instance has no model provider"),
		                "Choose a provider, or have QUERN_LLM_KEY set on the server.");
	out->url = req.provider.url;
	out->asked = req.provider.model;
	TRY(llm_complete(ctx, &req, &(struct llm_sink){0}, &reply));
	out->model = reply->model && *reply->model ? reply->model : req.provider.model;
	out->ms = (clock_mono_us() - began) / 1000;
	return NULL;
}
