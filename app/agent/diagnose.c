/*
 * Why a statement failed: which part of it, what that part meant where it means nothing, and what there is instead. The
 * error says what the database or the guard saw; this holds it against the dictionary.
 */
#include "agent/diagnose_priv.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"

enum { PART_BYTES = 120 };

static const struct {
	const char *code;
	void (*explain)(struct agent_look *l);
} kinds[] = {
        {"column_not_known", agent_unknown_column},
        {"column_not_allowed", agent_unknown_column},
        {"undefined_column", agent_unknown_column},
        {"table_not_allowed", agent_unknown_table},
        {"undefined_table", agent_unknown_table},
        {"ambiguous_column", agent_ambiguous_column},
        {"undefined_function", agent_wrong_type},
        {"ambiguous_function", agent_wrong_type},
        {"datatype_mismatch", agent_wrong_type},
        {"invalid_value", agent_wrong_value},
        {"out_of_range", agent_wrong_value},
        {"function_not_allowed", agent_wrong_function},
        {"type_not_allowed", agent_wrong_cast},
        {"grouping", agent_grouping},
        {"syntax_error", agent_syntax},
        {"syntax", agent_syntax},
        {"operator_not_allowed", agent_syntax},
        {"division_by_zero", agent_division},
};

/* What is in doubt, as a line of its own would show it. */
static const char *part_of(const struct agent_look *l)
{
	struct agent_name name;
	size_t from, to;

	if (l->at >= l->t->n)
		return NULL;
	from = to = l->at;
	if (agent_name_at(l, l->at, &name)) {
		from = name.first;
		to = name.last;
	}
	from = l->t->tokens[from].at;
	to = l->t->tokens[to].at + l->t->tokens[to].text.n;
	return str_dup(l->a, str_utf8_cut((struct str){l->t->sql.p + from, to - from}, PART_BYTES));
}

static void explain(struct agent_look *l)
{
	const char *code = l->e->code ? l->e->code : "";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].code, code)) {
			kinds[i].explain(l);
			return;
		}
	agent_other(l);
}

struct agent_diagnosis *agent_diagnose(struct arena *a, const struct catalog *c, const char *sql,
                                       const struct err *e)
{
	struct buf lines = buf_init(a, BUF_LINE);
	struct agent_diagnosis *d = ARENA_NEW(a, struct agent_diagnosis);
	struct agent_look l = {
	        .a = a, .c = c, .t = agent_statement(a, c, str_of(sql)), .e = e, .d = d, .lines = &lines};

	l.at = agent_token_at(l.t, e->position);
	d->part = part_of(&l);
	explain(&l);
	if (!lines.n || lines.full)
		return NULL;
	d->model = buf_cstr(&lines);
	if (!d->people)
		d->people = e->message;
	return d;
}

/* "line 3" of a text of several lines, for people who count. */
static void put_place(struct buf *b, const char *part)
{
	buf_printf(b, "FAILING PART: %s\n", part);
}

const char *agent_diagnosis_text(struct arena *a, const struct err *e, const struct agent_diagnosis *d)
{
	struct buf b = buf_init(a, BUF_LINE);

	buf_printf(&b, "ERROR: %s\n", e->message);
	if (e->detail)
		buf_printf(&b, "DETAIL: %s\n", e->detail);
	if (e->hint)
		buf_printf(&b, "HINT: %s\n", e->hint);
	if (e->position)
		buf_printf(&b, "POSITION: character %d of the statement\n", e->position);
	if (d && d->part)
		put_place(&b, d->part);
	if (d)
		buf_printf(&b, "DIAGNOSIS: %s", d->model);
	return b.full ? e->message : buf_cstr(&b);
}
