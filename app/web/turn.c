/* A turn as a page shows it: question, one line of steps that unfolds, the answer, result cards, the proof. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "markdown/markdown.h"
#include "web/web_priv.h"

/* Views -------------------------------------------------------------------------------------------------- */

struct step_line {
	int64_t n;
	const char *label;
	const char *state;
	const char *detail;
	const char *took;
};

static const struct view step_view =
        VIEW(struct step_line, VIEW_I64(struct step_line, n), VIEW_STR(struct step_line, label), VIEW_STR(struct step_line, state),
             VIEW_STR(struct step_line, detail), VIEW_STR(struct step_line, took));

struct name {
	const char *name;
};
static const struct view name_view = VIEW(struct name, VIEW_STR(struct name, name));

struct web_turn {
	int64_t id;
	const char *question;
	bool running; /* or waiting */
	struct web_wait *wait;
	bool stopped;
	bool failed;
	int64_t last_event;
	const char *status;  /* of a running turn, in words */
	const char *partial; /* text that could not be rendered */
	const char *answer_html;
	const char *answer; /* Markdown, for copying */
	const char *error;
	const char *hint;
	struct step_line *steps;
	size_t nsteps;
	const char *summary; /* "looked at 2 tables, ran 1 query, 0.21 s" */
	struct web_card *cards;  /* queries that worked */
	size_t ncards;
	struct web_card *earlier; /* of those, the ones that are folded away */
	size_t nearlier;
	bool folded; /* there are some */
	const char *earlier_label;
	struct web_card *latest; /* and the ones that are shown */
	size_t nlatest;
	struct web_card *attempts; /* queries that failed or were refused */
	size_t nattempts;
	const char *attempts_label;
	struct name *tables;
	size_t ntables;
	bool from_catalog;
	bool unreadable;
	struct web_proof *proof;
	const char *model;
	const char *tokens;
	const char *when;
	const char *took;
	struct web_talk *talk;
};

const struct view web_turn_view = VIEW(
        struct web_turn, VIEW_I64(struct web_turn, id), VIEW_STR(struct web_turn, question),
        VIEW_BOOL(struct web_turn, running), VIEW_ONE(struct web_turn, wait, &web_wait_view),
        VIEW_BOOL(struct web_turn, stopped),
        VIEW_BOOL(struct web_turn, failed), VIEW_I64(struct web_turn, last_event),
        VIEW_STR(struct web_turn, status), VIEW_STR(struct web_turn, partial), VIEW_HTML(struct web_turn, answer_html),
        VIEW_STR(struct web_turn, answer), VIEW_STR(struct web_turn, error), VIEW_STR(struct web_turn, hint),
        VIEW_LIST(struct web_turn, steps, nsteps, &step_view), VIEW_STR(struct web_turn, summary),
        VIEW_LIST(struct web_turn, cards, ncards, &web_card_view),
        VIEW_LIST(struct web_turn, earlier, nearlier, &web_card_view), VIEW_BOOL(struct web_turn, folded),
        VIEW_STR(struct web_turn, earlier_label), VIEW_LIST(struct web_turn, latest, nlatest, &web_card_view),
        VIEW_LIST(struct web_turn, attempts, nattempts, &web_card_view),
        VIEW_STR(struct web_turn, attempts_label), VIEW_LIST(struct web_turn, tables, ntables, &name_view),
        VIEW_BOOL(struct web_turn, from_catalog), VIEW_BOOL(struct web_turn, unreadable),
        VIEW_ONE(struct web_turn, proof, &web_proof_view),
        VIEW_STR(struct web_turn, model), VIEW_STR(struct web_turn, tokens), VIEW_STR(struct web_turn, when),
        VIEW_STR(struct web_turn, took), VIEW_ONE(struct web_turn, talk, &web_talk_view));

/* Filling them ---------------------------------------------------------------------------------------- */

enum { CARDS_SHOWN = 3 };

/* Queries that worked are the result, the last ones most of all; those that did not are folded away. */
static void sort_queries(struct arena *a, const struct agent_turn *t, bool exports, struct web_turn *v)
{
	v->cards = ARENA_ARRAY(a, struct web_card, t->nqueries);
	v->attempts = ARENA_ARRAY(a, struct web_card, t->nqueries);
	for (size_t i = 0; i < t->nqueries; i++) {
		struct web_card c = web_card(a, &t->queries[i], exports);
		if (c.failed) {
			v->attempts[v->nattempts++] = c;
			continue;
		}
		c.n = (int64_t)v->ncards + 1;
		v->cards[v->ncards++] = c;
	}
	v->nlatest = v->ncards < CARDS_SHOWN ? v->ncards : CARDS_SHOWN;
	v->nearlier = v->ncards - v->nlatest;
	v->folded = v->nearlier > 0;
	v->earlier = v->cards;
	v->latest = v->cards + v->nearlier;
	v->earlier_label = web_count(a, (int64_t)v->nearlier, "earlier query", "earlier queries");
	v->attempts_label =
	        web_count(a, (int64_t)v->nattempts, "attempt did not work", "attempts did not work");
}

static const char *summarise(struct arena *a, const struct agent_turn *t, const struct web_turn *v)
{
	struct buf b = buf_init(a, BUF_LINE);

	if (t->from_catalog)
		buf_add_cstr(&b, "read the data dictionary, ");
	if (t->ntables)
		buf_printf(&b, "looked at %s, ", web_count(a, (int64_t)t->ntables, "table", "tables"));
	if (v->ncards)
		buf_printf(&b, "ran %s, ", web_count(a, (int64_t)v->ncards, "query", "queries"));
	if (v->nattempts)
		buf_printf(&b, "%s, ", v->attempts_label);
	buf_printf(&b, "%s%s", b.n ? "" : "worked for ", web_duration(a, t->took_ms));
	return buf_cstr(&b);
}

static void fill_steps(struct arena *a, const struct agent_turn *t, struct web_turn *v)
{
	v->nsteps = t->nsteps;
	v->steps = ARENA_ARRAY(a, struct step_line, t->nsteps);
	v->status = web_wait_words(t);
	bool waits = v->status != NULL;
	if (!waits)
		v->status = "Working";
	for (size_t i = 0; i < t->nsteps; i++) {
		const struct agent_step *s = &t->steps[i];
		bool running = !strcmp(s->state, "running");
		if (running && !waits)
			v->status = s->label;
		v->steps[i] = (struct step_line){s->n, s->label, s->state, s->detail,
		                                 running ? NULL : web_duration(a, s->ms)};
	}
}

/* NULL when it cannot be rendered. */
static const char *text_html(struct arena *a, const struct agent_turn *t, bool grows)
{
	struct buf html = buf_init(a, BUF_PAGE);
	struct err *e = grows ? markdown_html(a, markdown_calm(a, str_of(t->answer)), &html) : web_answer_html(a, t, &html);

	return e ? NULL : str_dup(a, web_code_html(a, buf_str(&html)));
}

struct err *web_turn_fill(struct ctx *ctx, const struct agent_turn *t, bool exports, struct web_turn **out)
{
	struct arena *a = ctx->a;
	struct web_turn *v = *out = ARENA_NEW(a, struct web_turn);

	v->id = t->id;
	v->question = t->question;
	v->running = !strcmp(t->status, "running") || t->waits_for;
	v->wait = web_wait(a, t);
	v->stopped = !strcmp(t->status, "stopped");
	v->failed = !strcmp(t->status, "failed");
	v->last_event = t->last_event;
	v->answer = t->answer;
	v->error = t->error;
	v->unreadable = t->unreadable;
	v->hint = t->hint;
	v->answer_html = text_html(a, t, v->running);
	if (!v->answer_html)
		v->partial = t->answer; /* as it is: better than no page */
	fill_steps(a, t, v);
	sort_queries(a, t, exports, v);
	v->ntables = t->ntables;
	v->tables = ARENA_ARRAY(a, struct name, t->ntables);
	for (size_t i = 0; i < t->ntables; i++)
		v->tables[i].name = t->tables[i];
	v->from_catalog = t->from_catalog;
	v->summary = summarise(a, t, v);
	v->model = web_answered_by(a, t);
	v->tokens = web_spent(a, t);
	v->proof = web_proof(a, t);
	v->when = web_time(a, t->started_at);
	v->took = web_duration(a, t->took_ms);
	return NULL;
}

WEB_PAGE(turn_page, "chat/turn", web_turn_view);

struct err *web_turn_render(struct ctx *ctx, const struct agent_turn *t, struct web_talk *talk, bool exports,
                            struct buf *out)
{
	struct web_turn *v;

	TRY(web_turn_fill(ctx, t, exports, &v));
	v->talk = talk;
	return web_render_into(ctx, &turn_page, v, out);
}
