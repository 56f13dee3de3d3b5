/* What an answer rests on: its numbers with where they come from, and "How was this computed?", all of it from records. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "markdown/markdown.h"
#include "web/web_priv.h"

enum { DOUBTS_SHOWN = 12 };

/* Numbers in the text ------------------------------------------------------------------------------------- */

static const struct markdown_datum *data_of(struct arena *a, const struct agent_number *n, size_t *count)
{
	const struct agent_number_source *s = &n->of[0];
	struct markdown_datum *data = ARENA_ARRAY(a, struct markdown_datum, 3);

	*count = 0;
	if (!n->nof || !s->run_id)
		return data;
	data[(*count)++] = (struct markdown_datum){"run", arena_printf(a, "%lld", (long long)s->run_id)};
	if (s->row >= 0)
		data[(*count)++] = (struct markdown_datum){"row", arena_printf(a, "%lld", (long long)s->row)};
	if (s->column >= 0)
		data[(*count)++] =
		        (struct markdown_datum){"col", arena_printf(a, "%lld", (long long)s->column)};
	return data;
}

static struct markdown_mark mark_of(struct arena *a, const struct agent_number *n, bool first)
{
	bool unproven = n->kind == AGENT_NUMBER_NONE;
	struct markdown_mark m = {.at = n->at,
	                          .n = n->n,
	                          .class = unproven ? "num unproven" : "num",
	                          .stop = first ? MARKDOWN_STOP : MARKDOWN_FOCUS,
	                          .title = n->says,
	                          .aside = unproven ? "(not from a query)" : NULL};

	m.data = data_of(a, n, &m.ndata);
	return m;
}

struct err *web_answer_html(struct arena *a, const struct agent_turn *t, struct buf *out)
{
	struct markdown_mark *marks = ARENA_ARRAY(a, struct markdown_mark, t->numbers.n);

	/* The keyboard stops at the first one, arrows go on from there. */
	for (size_t i = 0; i < t->numbers.n; i++)
		marks[i] = mark_of(a, &t->numbers.p[i], i == 0);
	return markdown_html_marked(a, str_of(t->answer), marks, t->numbers.n, out);
}

/* The panel ----------------------------------------------------------------------------------------------- */

struct line {
	const char *text;
};
static const struct view line_view = VIEW(struct line, VIEW_STR(struct line, text));

struct used_table {
	const char *name;
	const char *columns; /* "id, total"; NULL: none in particular */
};
static const struct view used_table_view =
        VIEW(struct used_table, VIEW_STR(struct used_table, name), VIEW_STR(struct used_table, columns));

struct earlier_run {
	int64_t run_id;
	const char *numbers; /* "2 numbers" */
};
static const struct view earlier_run_view =
        VIEW(struct earlier_run, VIEW_I64(struct earlier_run, run_id), VIEW_STR(struct earlier_run, numbers));

struct web_proof {
	const char *doubt; /* "1 number is not from a query", or NULL */
	struct used_table *used;
	size_t nused;
	bool uses;
	struct line *rules; /* what a policy kept back */
	size_t nrules;
	struct earlier_run *earlier;
	size_t nearlier;
	const char *numbers; /* "5 from rows, 2 computed from them, 1 not from a query" */
	struct line *doubts; /* those that are not, as they are written */
	size_t ndoubts;
	bool cut; /* not all of them were looked at */
};
const struct view web_proof_view =
        VIEW(struct web_proof, VIEW_STR(struct web_proof, doubt),
             VIEW_LIST(struct web_proof, used, nused, &used_table_view), VIEW_BOOL(struct web_proof, uses),
             VIEW_LIST(struct web_proof, rules, nrules, &line_view),
             VIEW_LIST(struct web_proof, earlier, nearlier, &earlier_run_view),
             VIEW_STR(struct web_proof, numbers), VIEW_LIST(struct web_proof, doubts, ndoubts, &line_view),
             VIEW_BOOL(struct web_proof, cut));

/* "shop.orders" is the table of "orders.total". */
static const char *columns_of(struct arena *a, const struct agent_turn *t, const char *table)
{
	const char *dot = strrchr(table, '.'), *bare = dot ? dot + 1 : table;
	struct str prefix = str_of(arena_printf(a, "%s.", bare));
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < t->ncolumns; i++)
		if (str_starts(str_of(t->columns[i]), prefix))
			buf_printf(&b, "%s%s", b.n ? ", " : "", t->columns[i] + prefix.n);
	return b.n ? buf_cstr(&b) : NULL;
}

static void fill_tables(struct arena *a, const struct agent_turn *t, struct web_proof *v)
{
	v->used = ARENA_ARRAY(a, struct used_table, t->ntables);
	for (; v->nused < t->ntables; v->nused++)
		v->used[v->nused] =
		        (struct used_table){t->tables[v->nused], columns_of(a, t, t->tables[v->nused])};
	v->uses = v->nused > 0;
}

static bool told_already(const struct web_proof *v, const char *text)
{
	for (size_t i = 0; i < v->nrules; i++)
		if (!strcmp(v->rules[i].text, text))
			return true;
	return false;
}

/* Each rule that kept something back from one of the queries, once. */
static void fill_rules(struct arena *a, const struct agent_turn *t, struct web_proof *v)
{
	size_t most = 0;

	for (size_t i = 0; i < t->nqueries; i++)
		most += t->queries[i].ncaveats;
	v->rules = ARENA_ARRAY(a, struct line, most);
	for (size_t i = 0; i < t->nqueries; i++)
		for (size_t k = 0; k < t->queries[i].ncaveats; k++) {
			const struct query_caveat *c = &t->queries[i].caveats[k];

			if ((!strcmp(c->code, "filtered") || !strcmp(c->code, "masked")) &&
			    !told_already(v, c->text))
				v->rules[v->nrules++].text = c->text;
		}
}

/* The runs of earlier answers that numbers come from. */
static void fill_earlier(struct arena *a, const struct agent_turn *t, struct web_proof *v)
{
	int64_t *counts = ARENA_ARRAY(a, int64_t, t->numbers.n);

	v->earlier = ARENA_ARRAY(a, struct earlier_run, t->numbers.n);
	for (size_t i = 0; i < t->numbers.n; i++) {
		const struct agent_number *n = &t->numbers.p[i];
		size_t k = 0;

		if (n->kind != AGENT_NUMBER_CELL || n->of[0].query || !n->of[0].run_id)
			continue;
		while (k < v->nearlier && v->earlier[k].run_id != n->of[0].run_id)
			k++;
		v->nearlier += k == v->nearlier;
		v->earlier[k].run_id = n->of[0].run_id;
		v->earlier[k].numbers = web_count(a, ++counts[k], "number", "numbers");
	}
}

static const char *counted(struct arena *a, const struct agent_numbers *numbers)
{
	static const char *const words[AGENT_NUMBER_KIND__MAX] = {
	        [AGENT_NUMBER_CELL] = "from rows",
	        [AGENT_NUMBER_COMPUTED] = "computed from them",
	        [AGENT_NUMBER_ROWS] = "counting rows",
	        [AGENT_NUMBER_CONDITION] = "from the text of a query",
	        [AGENT_NUMBER_QUESTION] = "from the question",
	        [AGENT_NUMBER_NOTES] = "from the data dictionary or the notes of this project",
	        [AGENT_NUMBER_NONE] = "not from a query",
	};
	static const enum agent_number_kind order[] = {
	        AGENT_NUMBER_CELL,     AGENT_NUMBER_COMPUTED, AGENT_NUMBER_ROWS, AGENT_NUMBER_CONDITION,
	        AGENT_NUMBER_QUESTION, AGENT_NUMBER_NOTES,    AGENT_NUMBER_NONE};
	size_t counts[AGENT_NUMBER_KIND__MAX] = {0};
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < numbers->n; i++)
		counts[numbers->p[i].kind]++;
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		if (counts[order[i]])
			buf_printf(&b, "%s%zu %s", b.n ? ", " : "", counts[order[i]], words[order[i]]);
	return b.n ? buf_cstr(&b) : NULL;
}

static void fill_numbers(struct arena *a, const struct agent_turn *t, struct web_proof *v)
{
	size_t length = strlen(t->answer);

	v->numbers = counted(a, &t->numbers);
	v->cut = t->numbers.cut;
	v->doubts = ARENA_ARRAY(a, struct line, DOUBTS_SHOWN);
	for (size_t i = 0; i < t->numbers.n && v->ndoubts < DOUBTS_SHOWN; i++) {
		const struct agent_number *n = &t->numbers.p[i];

		if (n->kind == AGENT_NUMBER_NONE && n->at < length && n->n <= length - n->at)
			v->doubts[v->ndoubts++].text = arena_strndup(a, t->answer + n->at, n->n);
	}
	if (t->numbers.unproven)
		v->doubt = arena_printf(a, "%s not from a query",
		                        web_count(a, t->numbers.unproven, "number is", "numbers are"));
}

struct web_proof *web_proof(struct arena *a, const struct agent_turn *t)
{
	struct web_proof *v = ARENA_NEW(a, struct web_proof);

	if (!strcmp(t->status, "running") || !strcmp(t->status, "waiting") ||
	    !(t->nqueries || t->from_catalog || *t->model))
		return NULL;
	fill_tables(a, t, v);
	fill_rules(a, t, v);
	fill_earlier(a, t, v);
	fill_numbers(a, t, v);
	return v;
}
