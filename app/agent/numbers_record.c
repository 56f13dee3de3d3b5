/* What was found of the numbers of an answer, as the turn's record keeps it and in words for people. */
#include <string.h>

#include "agent/numbers_priv.h"
#include "lib/buf.h"

enum { VALUE_BYTES = 60 };

static const char *const kinds[AGENT_NUMBER_KIND__MAX] = {
        [AGENT_NUMBER_NONE] = "none",           [AGENT_NUMBER_CELL] = "cell",
        [AGENT_NUMBER_COMPUTED] = "computed",   [AGENT_NUMBER_ROWS] = "rows",
        [AGENT_NUMBER_CONDITION] = "condition", [AGENT_NUMBER_QUESTION] = "question",
        [AGENT_NUMBER_NOTES] = "notes",
};

/* Words --------------------------------------------------------------------------------------------------- */

static void add_query(struct buf *b, const struct agent_number_source *s, bool begins)
{
	if (s->query)
		buf_printf(b, "%s %lld", begins ? "Query" : "query", (long long)s->query);
	else
		buf_add_cstr(b, begins ? "An earlier answer" : "an earlier answer");
}

static void add_value(struct buf *b, const struct agent_number_source *s)
{
	struct str value = str_of(s->value), cut = str_utf8_cut(value, VALUE_BYTES);

	buf_add_str(b, cut);
	buf_add_cstr(b, cut.n < value.n ? "…" : "");
}

/* "12345.67 (query 1, row 2, column revenue)", "all of column revenue of query 1". */
static void add_operand(struct buf *b, const struct agent_number_source *s)
{
	if (s->row < 0 || !s->value) {
		buf_printf(b, "all of column %s of ", s->name);
		add_query(b, s, false);
		return;
	}
	add_value(b, s);
	buf_add_cstr(b, " (");
	add_query(b, s, false);
	buf_printf(b, ", row %lld, column %s)", (long long)s->row + 1, s->name);
}

/* Each with the words between its two operands, or behind the only one. */
static const struct {
	const char *how, *words, *between;
} calculations[] = {
        {"difference", "The difference of ", " and "},
        {"sum", "The sum of ", " and "},
        {"ratio", "The ratio of ", " and "},
        {"share", "The share of ", " in "},
        {"change", "The change from ", " to "},
        {"sum of several", "The sum of numbers around it, with ", ""},
        {"average of several", "The average of numbers around it, with ", ""},
        {"sum of a column", "The sum of ", ""},
        {"average of a column", "The average of ", ""},
        {"range of a column", "The highest less the lowest of ", ""},
        {"share of a column", "The share of ", " in "},
        {"rest of a column", "", " without "},
        {"share of the rest", "The share of ", " without "},
        {"share of several", "The share of rows around it, with ", ""},
        {"sum of rows", "The sum of the rows from ", " to "},
        {"sum of the first rows", "The sum of the rows down to ", ""},
        {"share of the first rows", "The share of the rows down to ", ""},
};

static void add_calculation(struct buf *b, const struct agent_number *n)
{
	for (size_t i = 0; i < sizeof(calculations) / sizeof(*calculations); i++) {
		if (!n->how || strcmp(calculations[i].how, n->how) != 0)
			continue;
		buf_add_cstr(b, "Computed. ");
		buf_add_cstr(b, calculations[i].words);
		add_operand(b, &n->of[0]);
		if (n->nof > 1) {
			buf_add_cstr(b, calculations[i].between);
			add_operand(b, &n->of[1]);
		}
		return;
	}
	buf_add_cstr(b, "Computed from results");
}

const char *numbers_words(struct arena *a, const struct agent_number *n)
{
	const struct agent_number_source *s = &n->of[0];
	struct buf b = buf_init(a, BUF_LINE);

	switch (n->kind) {
	case AGENT_NUMBER_CELL:
		add_query(&b, s, true);
		buf_printf(&b, ", row %lld, column %s: ", (long long)s->row + 1, s->name);
		add_value(&b, s);
		break;
	case AGENT_NUMBER_COMPUTED: add_calculation(&b, n); break;
	case AGENT_NUMBER_ROWS:
		add_query(&b, s, true);
		buf_add_cstr(&b, ": how many rows it has");
		break;
	case AGENT_NUMBER_CONDITION:
		buf_add_cstr(&b, "From the text of ");
		add_query(&b, s, false);
		break;
	case AGENT_NUMBER_QUESTION: buf_add_cstr(&b, "From the question"); break;
	case AGENT_NUMBER_NOTES:
		buf_add_cstr(&b, "From the data dictionary or the notes of this project");
		break;
	default: buf_add_cstr(&b, "Not from a query");
	}
	return buf_cstr(&b);
}

/* JSON ---------------------------------------------------------------------------------------------------- */

static void put_source(struct json_writer *w, const struct agent_number_source *s)
{
	struct str cut = str_utf8_cut(str_of(s->value), VALUE_BYTES);

	json_object_open(w, NULL);
	json_put_i64(w, "query", s->query);
	json_put_i64(w, "run_id", s->run_id);
	if (s->column >= 0) {
		json_put_i64(w, "row", s->row);
		json_put_i64(w, "col", s->column);
		json_put_cstr(w, "column", s->name);
	}
	if (s->value)
		json_put_str(w, "value", cut);
	json_object_close(w);
}

void agent_numbers_put(struct json_writer *w, const char *key, const struct agent_numbers *numbers)
{
	json_object_open(w, key);
	json_array_open(w, "list");
	for (size_t i = 0; i < numbers->n; i++) {
		const struct agent_number *n = &numbers->p[i];

		json_object_open(w, NULL);
		json_put_i64(w, "at", (int64_t)n->at);
		json_put_i64(w, "n", (int64_t)n->n);
		json_put_cstr(w, "kind", kinds[n->kind]);
		if (n->how)
			json_put_cstr(w, "how", n->how);
		json_array_open(w, "of");
		for (size_t k = 0; k < n->nof; k++)
			put_source(w, &n->of[k]);
		json_array_close(w);
		json_object_close(w);
	}
	json_array_close(w);
	json_put_i64(w, "unproven", numbers->unproven);
	if (numbers->cut)
		json_put_bool(w, "cut", true);
	json_object_close(w);
}

static void read_source(struct json_object *o, struct agent_number_source *s)
{
	const char *name = json_get_str(o, "column");

	*s = (struct agent_number_source){json_get_i64(o, "query", 0),
	                                  json_get_i64(o, "run_id", 0),
	                                  json_get_i64(o, "row", -1),
	                                  json_get_i64(o, "col", -1),
	                                  name ? name : "",
	                                  json_get_str(o, "value")};
}

static void read_number(struct arena *a, struct json_object *o, struct agent_number *n)
{
	struct json_object *of = json_get_array(o, "of");
	const char *kind = json_get_str(o, "kind");

	*n = (struct agent_number){.how = json_get_str(o, "how")};
	n->at = (size_t)json_get_i64(o, "at", 0);
	n->n = (size_t)json_get_i64(o, "n", 0);
	for (int i = 0; kind && i < AGENT_NUMBER_KIND__MAX; i++)
		if (!strcmp(kinds[i], kind))
			n->kind = (enum agent_number_kind)i;
	for (; n->nof < json_length(of) && n->nof < 2; n->nof++)
		read_source(json_object_array_get_idx(of, n->nof), &n->of[n->nof]);
	if (!n->nof)
		read_source(NULL, &n->of[0]);
	n->says = numbers_words(a, n);
}

void agent_numbers_read(struct arena *a, struct json_object *o, struct agent_numbers *out)
{
	struct json_object *list = json_get_array(o, "list");

	*out = (struct agent_numbers){.cut = json_get_bool(o, "cut", false)};
	out->p = ARENA_ARRAY(a, struct agent_number, json_length(list));
	for (; out->n < json_length(list); out->n++) {
		read_number(a, json_object_array_get_idx(list, out->n), &out->p[out->n]);
		out->unproven += out->p[out->n].kind == AGENT_NUMBER_NONE;
	}
}
