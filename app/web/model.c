/* The models of a project as forms, what a test of one said, and what was used this month. */
#include <string.h>

#include "lib/arena.h"
#include "lib/settings.h"
#include "llm/llm.h"
#include "web/form_priv.h"

enum { MILLION = 1000000, DECIMALS = 6 };

static const struct view option_view =
        VIEW(struct web_option, VIEW_STR(struct web_option, value), VIEW_STR(struct web_option, label),
             VIEW_BOOL(struct web_option, selected));
static const struct view tried_view =
        VIEW(struct web_tried, VIEW_BOOL(struct web_tried, ok), VIEW_STR(struct web_tried, message),
             VIEW_STR(struct web_tried, detail), VIEW_STR(struct web_tried, hint));
static const struct view price_view =
        VIEW(struct web_price, VIEW_STR(struct web_price, name), VIEW_STR(struct web_price, label),
             VIEW_STR(struct web_price, value), VIEW_STR(struct web_price, wrong));
const struct view web_model_form_view = VIEW(
        struct web_model_form, VIEW_I64(struct web_model_form, place), VIEW_BOOL(struct web_model_form, first),
        VIEW_BOOL(struct web_model_form, stored), VIEW_BOOL(struct web_model_form, open),
        VIEW_STR(struct web_model_form, summary),
        VIEW_LIST(struct web_model_form, formats, nformats, &option_view),
        VIEW_STR(struct web_model_form, url), VIEW_STR(struct web_model_form, model),
        VIEW_STR(struct web_model_form, default_model), VIEW_BOOL(struct web_model_form, has_key),
        VIEW_LIST(struct web_model_form, prices, nprices, &price_view),
        VIEW_STR(struct web_model_form, currency), VIEW_BOOL(struct web_model_form, in_clear),
        VIEW_STR(struct web_model_form, format_wrong), VIEW_STR(struct web_model_form, url_wrong),
        VIEW_STR(struct web_model_form, model_wrong), VIEW_STR(struct web_model_form, key_wrong),
        VIEW_STR(struct web_model_form, currency_wrong),
        VIEW_ONE(struct web_model_form, problem, &web_problem_view),
        VIEW_ONE(struct web_model_form, tried, &tried_view));

static const struct view used_view =
        VIEW(struct web_used, VIEW_STR(struct web_used, person), VIEW_STR(struct web_used, model),
             VIEW_STR(struct web_used, turns), VIEW_STR(struct web_used, tokens_in),
             VIEW_STR(struct web_used, tokens_cached), VIEW_STR(struct web_used, tokens_out),
             VIEW_STR(struct web_used, cost));
const struct view web_usage_view =
        VIEW(struct web_usage, VIEW_LIST(struct web_usage, lines, nlines, &used_view),
             VIEW_ONE(struct web_usage, total, &used_view), VIEW_BOOL(struct web_usage, none),
             VIEW_BOOL(struct web_usage, more));

/* Amounts ------------------------------------------------------------------------------------------------ */

int64_t web_amount(const struct http_request *req, const char *name)
{
	struct str rest = str_trim(http_field(req, name)), whole = str_chop(&rest, '.');
	int64_t units = 0, part = 0;

	if (!str_to_i64(whole, &units) || units < 0 || units > INT64_MAX / MILLION - 1 || rest.n > DECIMALS)
		return -1;
	if (rest.p && (!str_to_i64(rest, &part) || part < 0 || rest.p[0] == '-'))
		return -1;
	for (size_t i = rest.n; i < DECIMALS; i++)
		part *= 10;
	return units * MILLION + part;
}

const char *web_amount_text(struct arena *a, int64_t millionths)
{
	struct str s = str_of(arena_printf(a, "%lld.%06lld", (long long)(millionths / MILLION),
	                                   (long long)(millionths % MILLION)));

	while (str_ends(s, STR("0")))
		s.n--;
	return str_dup(a, str_ends(s, STR(".")) ? (struct str){s.p, s.n - 1} : s);
}

static const char *count(struct arena *a, int64_t n)
{
	return str_dup(a, str_trim(str_of(web_count(a, n, "", ""))));
}

/* Forms -------------------------------------------------------------------------------------------------- */

static const char *instance_label(struct ctx *ctx)
{
	struct llm_provider p = llm_provider_of(ctx->settings, "");

	if (!llm_configured(ctx->settings))
		return "This instance's (none is set up)";
	return arena_printf(ctx->a, "This instance's: %s at %s", p.model, p.url);
}

static void add_formats(struct ctx *ctx, struct web_model_form *f, const char *selected)
{
	const char *const formats[][2] = {
	        {"", instance_label(ctx)},
	        {"anthropic", "Anthropic Messages"},
	        {"openai", "OpenAI-compatible Chat Completions (vLLM, Ollama, Azure, DeepSeek and the like)"},
	};

	f->nformats = sizeof(formats) / sizeof(*formats);
	f->formats = ARENA_ARRAY(ctx->a, struct web_option, f->nformats);
	for (size_t i = 0; i < f->nformats; i++)
		f->formats[i] = (struct web_option){formats[i][0], formats[i][1], !strcmp(formats[i][0], selected)};
}

/* The prices, with their fields' names. */
static const struct price {
	const char *name;
	const char *label;
	size_t offset;
} prices[] = {
        {"price_in", "Price of input", offsetof(struct project_model, price_in)},
        {"price_cached", "Price of cached input", offsetof(struct project_model, price_cached)},
        {"price_out", "Price of output", offsetof(struct project_model, price_out)},
};
enum { PRICES = sizeof(prices) / sizeof(*prices) };

static int64_t *price_of(struct project_model *m, size_t i)
{
	return (int64_t *)((char *)m + prices[i].offset);
}

struct web_model_form *web_model_form(struct ctx *ctx, const struct project *p, const struct project_model *m,
                                      bool stored)
{
	struct web_model_form *f = ARENA_NEW(ctx->a, struct web_model_form);
	struct project_model copy = *m;

	f->place = m->place;
	f->first = m->place == 1;
	f->stored = stored;
	f->url = m->url;
	f->model = m->model;
	f->default_model = ctx->settings->llm_model;
	f->has_key = stored && m->key;
	f->currency = p->currency;
	f->in_clear = project_model_in_clear(m->url);
	add_formats(ctx, f, m->format);
	f->nprices = PRICES;
	f->prices = ARENA_ARRAY(ctx->a, struct web_price, PRICES);
	for (size_t i = 0; i < PRICES; i++)
		f->prices[i] = (struct web_price){prices[i].name, prices[i].label,
		                                  web_amount_text(ctx->a, *price_of(&copy, i)), NULL};
	return f;
}

struct err *web_model_forms(struct ctx *ctx, const struct project *p, struct web_model_form *out[PROJECT_MODELS])
{
	struct project_model *stored;
	struct err *e;
	size_t n;

	/* A key that cannot be opened is set again on this page. */
	e = project_models(ctx, p->id, &stored, &n);
	if (e && e->kind != ERR_CONFIG)
		return e;
	for (int64_t place = 1; place <= PROJECT_MODELS; place++) {
		struct project_model m = {.place = place, .format = "", .url = "", .model = ""};
		bool found = false;

		for (size_t i = 0; i < n; i++)
			if (stored[i].place == place) {
				m = stored[i];
				found = true;
			}
		out[place - 1] = web_model_form(ctx, p, &m, found);
	}
	out[0]->problem = web_problem(ctx, e);
	return NULL;
}

void web_model_sent(struct ctx *ctx, const struct http_request *req, struct project_model *m)
{
	m->format = web_field(ctx, req, "format");
	m->url = *m->format ? web_field(ctx, req, "url") : "";
	m->model = web_field(ctx, req, "model");
	m->key = *web_field(ctx, req, "key") ? web_field(ctx, req, "key") : NULL;
	if (http_has_field(req, "no_key"))
		m->key = "";
	for (size_t i = 0; i < PRICES; i++)
		*price_of(m, i) = web_amount(req, prices[i].name);
}

/* The sentence stands beside the field that it is about. */
static void tell_wrong(struct web_model_form *f, const struct err *e)
{
	const struct {
		const char *code;
		const char **wrong;
	} fields[] = {{"format", &f->format_wrong}, {"url", &f->url_wrong},           {"model", &f->model_wrong},
	              {"key", &f->key_wrong},       {"currency", &f->currency_wrong}};
	const char *sentence = e->detail ? e->detail : e->hint;

	for (size_t i = 0; e->code && i < sizeof(fields) / sizeof(*fields); i++)
		if (!strcmp(e->code, fields[i].code))
			*fields[i].wrong = sentence;
	for (size_t i = 0; e->code && i < f->nprices; i++)
		if (!strcmp(e->code, f->prices[i].name))
			f->prices[i].wrong = sentence;
}

void web_model_again(struct ctx *ctx, const struct http_request *req, struct web_model_form *f,
                     const struct err *e)
{
	f->open = true;
	f->url = web_field(ctx, req, "url");
	if (f->first)
		f->currency = web_field(ctx, req, "currency");
	for (size_t i = 0; i < f->nprices; i++)
		f->prices[i].value = web_field(ctx, req, f->prices[i].name);
	if (!e)
		return;
	f->problem = web_problem(ctx, e);
	tell_wrong(f, e);
	if (e->code)
		f->problem->detail = NULL;
}

struct web_tried *web_model_tried(struct ctx *ctx, const struct agent_tried *tried, bool typed,
                                  const struct err *e)
{
	struct web_tried *t = ARENA_NEW(ctx->a, struct web_tried);

	t->ok = !e;
	t->message = e ? e->message
	               : arena_printf(ctx->a, "the model %s answered in %s", tried->model, web_duration(ctx->a, tried->ms));
	t->hint = e ? e->hint : typed ? "A test keeps no key: type it again to save it." : NULL;
	if (tried->url)
		t->detail = arena_printf(ctx->a, "%s%sAsked %s at %s.", e && e->detail ? e->detail : "",
		                         e && e->detail ? ". " : "", tried->asked, tried->url);
	return t;
}

/* Answers ------------------------------------------------------------------------------------------------ */

const char *web_answered_by(struct arena *a, const struct agent_turn *t)
{
	return t->instead_of ? arena_printf(a, "%s, because %s did not answer", t->model, t->instead_of) : t->model;
}

const char *web_spent(struct arena *a, const struct agent_turn *t)
{
	const char *cached = "", *cost = "";

	if (!t->input_tokens && !t->output_tokens)
		return NULL;
	if (t->cached_tokens)
		cached = arena_printf(a, " (%s of them cached)", count(a, t->cached_tokens));
	if (t->cost)
		cost = arena_printf(a, " · %s", project_money(a, t->cost, t->currency ? t->currency : ""));
	return arena_printf(a, "%s in%s, %s out%s", web_count(a, t->input_tokens, "token", "tokens"), cached,
	                    web_count(a, t->output_tokens, "token", "tokens"), cost);
}

/* Usage -------------------------------------------------------------------------------------------------- */

enum { USED_SHOWN = 50 };

static struct web_used used(struct arena *a, const struct project *p, const struct agent_usage *u)
{
	return (struct web_used){
	        .person = u->email,
	        .model = u->model && *u->model ? u->model : "none: from the data dictionary",
	        .turns = count(a, u->turns),
	        .tokens_in = count(a, u->input_tokens),
	        .tokens_cached = count(a, u->cached_tokens),
	        .tokens_out = count(a, u->output_tokens),
	        .cost = project_money(a, u->cost, p->currency),
	};
}

struct err *web_usage(struct ctx *ctx, const struct project *p, struct web_usage **out)
{
	struct web_usage *v = *out = ARENA_NEW(ctx->a, struct web_usage);
	struct agent_usage *lines, sum = {0};
	size_t n;

	TRY(agent_usage(ctx, p->id, &lines, &n));
	v->none = n == 0;
	v->more = n > USED_SHOWN;
	v->nlines = v->more ? USED_SHOWN : n;
	v->lines = ARENA_ARRAY(ctx->a, struct web_used, v->nlines);
	for (size_t i = 0; i < n; i++) {
		if (i < v->nlines)
			v->lines[i] = used(ctx->a, p, &lines[i]);
		sum.turns += lines[i].turns;
		sum.input_tokens += lines[i].input_tokens;
		sum.cached_tokens += lines[i].cached_tokens;
		sum.output_tokens += lines[i].output_tokens;
		sum.cost += lines[i].cost;
	}
	if (n > 1) {
		v->total = ARENA_NEW(ctx->a, struct web_used);
		*v->total = used(ctx->a, p, &sum);
	}
	return NULL;
}
