/*
 * Where the numbers of an answer come from. A number is looked for in the cells of the turn's results, in
 * the question and in the texts of the queries; then in what the conversation had before; then as a
 * simple calculation over cells that the answer speaks of. What is nowhere is "not from a query". Numbers
 * that claim nothing (a small count of what is listed, a year, the name of a thing) are left alone unless
 * they are found.
 */
#include "agent/numbers_priv.h"

/* One number --------------------------------------------------------------------------------------------- */

/* In this turn: cells whose row is spoken of, the question, the queries' texts, then any cell. */
static bool find_now(struct numbers_work *w, struct numbers_found *f)
{
	const struct numbers_run *runs = w->in->runs;
	struct agent_number found;
	struct numbers_place p;
	bool cell;

	numbers_place_of(w, f->block, f->t.at, f->t.n, &p);
	numbers_read_head(&p, &f->t);
	f->data = numbers_is_data(w, &f->t, &p);
	if (f->t.is & NUMBER_DATE)
		return numbers_from_text(f, &w->question, AGENT_NUMBER_QUESTION, NULL) ||
		       numbers_from_day(w, f) || numbers_from_text(f, &w->sql, AGENT_NUMBER_CONDITION, runs);
	cell = numbers_from_cell(w, &w->cells, runs, &p, f);
	if (cell && numbers_is_sure(f, w, &p, runs))
		return true;
	if (!f->data && !(f->t.is & NUMBER_YEAR))
		return cell;
	found = f->number;
	f->number = (struct agent_number){.at = found.at, .n = found.n};
	if (numbers_from_text(f, &w->question, AGENT_NUMBER_QUESTION, NULL) ||
	    numbers_from_text(f, &w->sql, AGENT_NUMBER_CONDITION, runs) || numbers_from_rows(w, f))
		return true;
	f->number = found;
	return cell;
}

static struct numbers_found *add_found(struct numbers_work *w, const struct number_token *t, size_t block)
{
	struct numbers_found *f = agent_list_add(w->a, &w->found, sizeof(*f));

	*f = (struct numbers_found){.t = *t, .block = block};
	return f;
}

/* Those that claim nothing and are nowhere are forgotten. True when it was found. */
static bool take(struct numbers_work *w, const struct number_token *t, size_t block)
{
	struct numbers_found *f;
	size_t at, n;

	if (!numbers_text_source(&w->text, t->at, t->n, &at, &n))
		return false;
	f = add_found(w, t, block);
	f->number.at = at;
	f->number.n = n;
	if (find_now(w, f))
		return true;
	if (!f->data)
		w->found.n--;
	return false;
}

/* "12 345" may be two numbers: if one of them is found alone, they are. */
static bool take_apart(struct numbers_work *w, const struct number_token *t, size_t block)
{
	struct number_scan scan = {
	        .text = {w->text.flat.p, t->at + t->n}, .at = t->at, .end = t->at, .apart = true};
	struct number_token one;
	size_t before = w->found.n;
	bool any = false;

	while (number_next(&scan, &one)) {
		any = take(w, &one, block) || any;
		scan.apart = true;
	}
	if (!any)
		w->found.n = before;
	return any;
}

static void take_block(struct numbers_work *w, size_t i)
{
	const struct numbers_block *b = (const struct numbers_block *)w->text.blocks.p + i;
	struct number_scan scan = {.text = {w->text.flat.p, b->at + b->n}, .at = b->at, .end = b->at};
	struct number_token t;

	while (!w->cut && number_next(&scan, &t)) {
		size_t before = w->found.n;

		if (t.at < b->at)
			continue;
		if (!take(w, &t, i) && t.joined) {
			bool kept = w->found.n > before;

			w->found.n = before;
			if (!take_apart(w, &t, i) && kept)
				take(w, &t, i);
		}
		w->cut = ++w->seen > NUMBERS_SEEN || w->found.n >= NUMBERS_MOST;
	}
}

/* What is left -------------------------------------------------------------------------------------------- */

static bool is_open(const struct numbers_found *f)
{
	return f->data && f->number.kind == AGENT_NUMBER_NONE;
}

static bool any_open(const struct numbers_work *w)
{
	const struct numbers_found *f = w->found.p;

	for (size_t i = 0; i < w->found.n; i++)
		if (is_open(&f[i]))
			return true;
	return false;
}

/* What the model was told of the data: only what is said as it was told. */
static bool from_notes(struct numbers_found *f, const struct numbers_index *x)
{
	const struct numbers_value *v;
	double value = f->t.readings[0].value, exact = 1e-9 * (value > 1 ? value : 1);
	size_t n = numbers_between(&x->values, value - exact, value + exact, &v);

	for (size_t i = 0; i < n; i++) {
		if (v[i].percent != !!(f->t.is & NUMBER_PERCENT))
			continue;
		f->number.kind = AGENT_NUMBER_NOTES;
		return true;
	}
	return false;
}

static void look_further(struct numbers_work *w)
{
	struct numbers_index cells = {0}, questions = {0}, notes = {0};
	struct numbers_found *f = w->found.p;

	if (w->in->more)
		w->in->more(w->in->arg, &w->more);
	for (size_t i = 0; i < w->more.nruns && i < UINT16_MAX; i++)
		numbers_index_result(w->a, &cells, w->more.runs[i].result, (uint16_t)i);
	for (size_t i = 0; i < w->more.nquestions; i++)
		numbers_index_text(w->a, &questions, w->more.questions[i], 0);
	for (size_t i = 0; i < w->more.nnotes; i++)
		numbers_index_text(w->a, &notes, w->more.notes[i], 0);
	numbers_index_close(w->a, &cells);
	numbers_index_close(w->a, &questions);
	numbers_index_close(w->a, &notes);
	for (size_t i = 0; i < w->found.n; i++) {
		struct numbers_place p;

		if (!is_open(&f[i]))
			continue;
		numbers_place_of(w, f[i].block, f[i].t.at, f[i].t.n, &p);
		if (!numbers_from_cell(w, &cells, w->more.runs, &p, &f[i]) &&
		    !numbers_from_text(&f[i], &questions, AGENT_NUMBER_QUESTION, NULL))
			from_notes(&f[i], &notes);
	}
}

/* The whole ----------------------------------------------------------------------------------------------- */

static void open_indexes(struct numbers_work *w)
{
	const struct numbers_input *in = w->in;

	for (size_t i = 0; i < in->nruns && i < UINT16_MAX; i++) {
		numbers_index_result(w->a, &w->cells, in->runs[i].result, (uint16_t)i);
		numbers_index_text(w->a, &w->sql, str_of(in->runs[i].result->sql_asked), (uint16_t)i);
	}
	numbers_index_text(w->a, &w->question, in->question, 0);
	numbers_index_close(w->a, &w->cells);
	numbers_index_close(w->a, &w->sql);
	numbers_index_close(w->a, &w->question);
	numbers_nouns(w);
}

static struct agent_numbers gathered(struct arena *a, const struct numbers_work *w)
{
	const struct numbers_found *f = w->found.p;
	struct agent_numbers out = {.p = ARENA_ARRAY(a, struct agent_number, w->found.n), .cut = w->cut};

	for (size_t i = 0; i < w->found.n; i++) {
		struct agent_number *n = &out.p[out.n];

		if (f[i].number.kind == AGENT_NUMBER_NONE && !f[i].data)
			continue;
		*n = f[i].number;
		if (n->kind == AGENT_NUMBER_NONE && w->in->dictionary)
			n->kind = AGENT_NUMBER_NOTES;
		n->says = numbers_words(a, n);
		/* Marks do not overlap. */
		if (out.n && n->at < out.p[out.n - 1].at + out.p[out.n - 1].n)
			continue;
		out.unproven += n->kind == AGENT_NUMBER_NONE;
		out.n++;
	}
	return out;
}

/* What there was no time for is not said to be of no query. */
static void calculate(struct numbers_work *w, struct numbers_found *f)
{
	if (w->work > 0 && (numbers_calculate(w, f) || (w->work > 0 && !w->more.partial)))
		return;
	f->data = false;
	w->cut = true;
}

struct agent_numbers agent_numbers_of(struct arena *a, const struct numbers_input *in)
{
	struct numbers_work w = {.a = a, .in = in, .work = NUMBERS_WORK, .days_block = SIZE_MAX};
	struct numbers_found *f;

	if (numbers_text_of(a, in->answer, &w.text))
		return (struct agent_numbers){0};
	open_indexes(&w);
	for (size_t i = 0; i < w.text.blocks.n && !w.cut; i++)
		take_block(&w, i);
	if (!in->dictionary && any_open(&w)) {
		look_further(&w);
		f = w.found.p;
		for (size_t i = 0; i < w.found.n; i++)
			if (is_open(&f[i]))
				calculate(&w, &f[i]);
	}
	return gathered(a, &w);
}
