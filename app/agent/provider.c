/* Which models a project's questions go to, and what their tokens cost. */
#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "lib/settings.h"

bool agent_provider_of(const struct settings *settings, const struct project_model *m, struct llm_provider *out)
{
	if (*m->format)
		*out = (struct llm_provider){m->format, m->url, m->key ? m->key : "", m->model};
	else
		*out = llm_provider_of(settings, m->model);
	return *m->format || llm_configured(settings);
}

static void add(const struct settings *settings, const struct project_model *m, struct agent_models *out)
{
	struct agent_model *to = &out->at[out->n];

	to->price = (struct agent_price){m->price_in, m->price_cached, m->price_out};
	out->n += agent_provider_of(settings, m, &to->provider);
}

struct err *agent_models(struct ctx *ctx, int64_t project_id, struct agent_models *out)
{
	static const struct project_model instance = {.format = "", .url = "", .model = ""};
	struct project_model *own;
	size_t n;

	/* Both places, or the instance in the first. */
	*out = (struct agent_models){0};
	TRY(project_models(ctx, project_id, &own, &n));
	if (!n || own[0].place != 1)
		add(ctx->settings, &instance, out);
	for (size_t i = 0; i < n && i < PROJECT_MODELS; i++)
		add(ctx->settings, &own[i], out);
	return NULL;
}

struct err *agent_has_model(struct ctx *ctx, int64_t project_id, bool *has)
{
	struct agent_models models;
	struct err *e = agent_models(ctx, project_id, &models);

	/* There is one; that its key cannot be opened is said when it is asked. */
	*has = e || models.n;
	return e && e->kind != ERR_CONFIG ? e : NULL;
}

const char *agent_answered_by(const struct agent_run *r)
{
	if (!r->instead_of)
		return NULL;
	return arena_printf(r->ctx.a, "%s, because %s did not answer", r->model, r->instead_of);
}

/* Rounded up; at least as much as fits when it is absurd. */
static int64_t cost_of(int64_t tokens, int64_t price)
{
	int64_t product;

	if (tokens <= 0)
		return 0;
	if (__builtin_mul_overflow(tokens, price, &product))
		return INT64_MAX / AGENT_PRICED_TOKENS;
	return product / AGENT_PRICED_TOKENS + (product % AGENT_PRICED_TOKENS != 0);
}

int64_t agent_cost(const struct agent_price *price, const struct llm_usage *usage)
{
	int64_t cached = usage->cached_tokens < usage->input_tokens ? usage->cached_tokens : usage->input_tokens;

	return cost_of(usage->input_tokens - cached, price->in) + cost_of(cached, price->cached) +
	       cost_of(usage->output_tokens, price->out);
}
