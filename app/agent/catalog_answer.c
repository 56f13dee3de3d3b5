/* Answers from the dictionary, in Markdown. Where rows are asked for, a guarded query is run, so that they
 * have proof. */
#include <stdio.h>
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"
#include "sql/sql.h"

enum { SAMPLE_ROWS = 10, LISTED = 200, CELL_BYTES = 160 };

/* Text of the database in a Markdown table: one line, nothing that formats. */
static void add_cell(struct buf *b, const char *text)
{
	struct str s = str_utf8_cut(str_of(text), CELL_BYTES);

	for (size_t i = 0; i < s.n; i++) {
		if (strchr("\\`*_{}[]<>()#+!|~&$", s.p[i]) && s.p[i])
			buf_add_char(b, '\\');
		buf_add_char(b, (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
	}
	if (text && s.n < strlen(text))
		buf_add_cstr(b, "…");
}

/* A name as code; one with a backtick or a bar in it is written plain. */
static void add_name(struct buf *b, const char *name)
{
	if (strpbrk(name, "`|\n\r"))
		add_cell(b, name);
	else
		buf_printf(b, "`%s`", name);
}

static void add_count(struct buf *b, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);

	for (int i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
			buf_add_char(b, ',');
		buf_add_char(b, digits[i]);
	}
}

static void answer_tables(const struct catalog *c, struct buf *b)
{
	buf_printf(b, "The schema ");
	add_name(b, c->schema);
	buf_printf(b, c->ntables == 1 ? " has 1 table.\n\n" : " has %zu tables and views.\n\n", c->ntables);
	if (c->ntables == 0)
		return;
	buf_add_cstr(b, "| Table | Rows (about) | Columns | What it holds |\n|---|--:|--:|---|\n");
	for (size_t i = 0; i < c->ntables && i < LISTED; i++) {
		const struct catalog_table *t = &c->tables[i];

		buf_add_cstr(b, "| ");
		add_name(b, t->name);
		buf_add_cstr(b, " | ");
		if (t->rows >= 0)
			add_count(b, t->rows);
		buf_printf(b, " | %zu | ", t->ncolumns);
		add_cell(b, t->comment ? t->comment : strcmp(t->kind, "table") == 0 ? "" : t->kind);
		buf_add_cstr(b, " |\n");
	}
	if (c->ntables > LISTED)
		buf_printf(b, "\n%zu more are not listed.\n", c->ntables - LISTED);
	if (c->nhidden)
		buf_printf(b, "\nThe schema has %zu more that you may not see.\n", c->nhidden);
}

static void add_role(struct buf *b, const struct catalog_column *col)
{
	const char *sep = "";

	if (col->primary) {
		buf_add_cstr(b, "primary key");
		sep = ", ";
	}
	if (col->references) {
		buf_printf(b, "%sto ", sep);
		add_name(b, col->references);
		sep = ", ";
	}
	if (col->unique && !col->primary) {
		buf_printf(b, "%sunique", sep);
		sep = ", ";
	}
	if (col->not_null && !col->primary)
		buf_printf(b, "%srequired", sep);
}

static void add_meaning(struct buf *b, const struct catalog_column *col)
{
	if (col->mask)
		buf_add_cstr(b, "Masked for you. ");
	if (col->comment)
		add_cell(b, col->comment);
	if (col->nenum_values == 0)
		return;
	buf_add_cstr(b, col->comment ? " One of: " : "One of: ");
	for (size_t i = 0; i < col->nenum_values && i < 30; i++) {
		buf_add_cstr(b, i ? ", " : "");
		add_cell(b, col->enum_values[i]);
	}
}

static void answer_describe(const struct catalog_table *t, struct buf *b)
{
	add_name(b, t->name);
	buf_printf(b, " is a %s with %zu column%s", t->kind, t->ncolumns, t->ncolumns == 1 ? "" : "s");
	if (t->rows >= 0) {
		buf_add_cstr(b, " and about ");
		add_count(b, t->rows);
		buf_add_cstr(b, " rows");
	}
	buf_add_cstr(b, t->filtered ? ". You see only some of its rows." : ".");
	if (t->comment) {
		buf_add_char(b, ' ');
		add_cell(b, t->comment);
	}
	buf_add_cstr(b, "\n\n| Column | Type | Role | Meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < t->ncolumns; i++) {
		buf_add_cstr(b, "| ");
		add_name(b, t->columns[i].name);
		buf_add_cstr(b, " | ");
		add_cell(b, t->columns[i].type);
		buf_add_cstr(b, " | ");
		add_role(b, &t->columns[i]);
		buf_add_cstr(b, " | ");
		add_meaning(b, &t->columns[i]);
		buf_add_cstr(b, " |\n");
	}
}

/* Shown like a call that the model made: the same events, the same proof. */
static struct err *ask(struct agent_run *r, struct tool_call *c, const char *sql, struct query_result **q)
{
	struct arena *a = c->ctx.a;
	struct llm_block *block = ARENA_NEW(a, struct llm_block);
	struct buf input = buf_init(a, BUF_LINE), json = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &input};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "sql", sql);
	json_object_close(&w);
	*block = (struct llm_block){.id = "catalog_1", .name = "execute_sql", .input = buf_str(&input)};
	c->block = block;
	agent_emit_call(r, c);
	TRY(agent_flush(r));
	TRY(agent_ask(&c->env, r->scene, sql, q));
	c->out.run_id = (*q)->run_id;
	c->out.rows = (int64_t)(*q)->nrows;
	c->out.truncated = (*q)->truncated;
	c->out.caveats = (*q)->caveats;
	c->out.ncaveats = (*q)->ncaveats;
	c->ms = (*q)->took_us / 1000;
	agent_emit_result(r, c);
	agent_result_put(&json, r, c);
	return agent_apply(r, "result", buf_cstr(&json));
}

static const char *qualified(struct arena *a, const struct agent_run *r, const struct catalog_table *t)
{
	return arena_printf(a, "%s.%s", sql_quote_ident(a, r->scene->catalog->schema), sql_quote_ident(a, t->name));
}

static struct err *answer_sample(struct agent_run *r, struct tool_call *c, const struct agent_intent *intent,
                                 struct buf *b)
{
	const struct catalog_table *t = intent->table;
	struct query_result *q;

	TRY(ask(r, c,
	        arena_printf(c->ctx.a, "SELECT * FROM %s LIMIT %lld", qualified(c->ctx.a, r, t),
	                     (long long)(intent->rows ? intent->rows : SAMPLE_ROWS)),
	        &q));
	if (q->nrows == 0) {
		add_name(b, t->name);
		buf_add_cstr(b, t->filtered ? " has no rows that you may see." : " has no rows.");
		return NULL;
	}
	buf_printf(b, q->nrows == 1 ? "Here is 1 row of " : "Here are %zu rows of ", q->nrows);
	add_name(b, t->name);
	buf_add_cstr(b, t->filtered ? " that you may see, in no particular order." : ", in no particular order.");
	return NULL;
}

static struct err *answer_count(struct agent_run *r, struct tool_call *c, const struct agent_intent *intent,
                                struct buf *b)
{
	struct query_result *q;
	int64_t n = 0;

	TRY(ask(r, c,
	        arena_printf(c->ctx.a, "SELECT count(*) AS row_count FROM %s",
	                     qualified(c->ctx.a, r, intent->table)),
	        &q));
	if (q->nrows != 1 || !str_to_i64(str_of(q->cells[0]), &n))
		return err_new(c->ctx.a, ERR_INTERNAL, "the row count is not a number");
	add_name(b, intent->table->name);
	buf_add_cstr(b, " has ");
	add_count(b, n);
	buf_add_cstr(b, n == 1 ? " row" : " rows");
	buf_add_cstr(b, intent->table->filtered ? " that you may see." : ".");
	return NULL;
}

static void answer_find_column(const struct catalog *c, const char *name, struct buf *b)
{
	buf_add_cstr(b, "Tables with a column ");
	add_name(b, name);
	buf_add_cstr(b, ":\n\n");
	for (size_t i = 0; i < c->ntables; i++) {
		for (size_t j = 0; j < c->tables[i].ncolumns; j++) {
			if (!str_eq_nocase(str_of(c->tables[i].columns[j].name), str_of(name)))
				continue;
			buf_add_cstr(b, "- ");
			add_name(b, c->tables[i].name);
			buf_add_cstr(b, " (");
			add_cell(b, c->tables[i].columns[j].type);
			buf_add_cstr(b, ")\n");
		}
	}
}

static void answer_unknown(const struct agent_scene *scene, const struct agent_intent *intent, struct buf *b)
{
	const struct catalog *c = scene->catalog;

	if (agent_is_hidden(scene, intent->word)) {
		buf_add_cstr(b, "You may not read the table ");
		add_name(b, intent->word);
		buf_add_cstr(b, ". An admin of this project decides who may.");
		return;
	}
	buf_add_cstr(b, "There is no table ");
	add_name(b, intent->word);
	buf_add_cstr(b, " that you can read here.");
	if (intent->table) {
		buf_add_cstr(b, " Did you mean ");
		add_name(b, intent->table->name);
		buf_add_cstr(b, "?");
	}
	buf_add_cstr(b, " The tables are: ");
	for (size_t i = 0; i < c->ntables && i < LISTED; i++) {
		buf_add_cstr(b, i ? ", " : "");
		add_name(b, c->tables[i].name);
	}
	buf_add_cstr(b, ".");
}

struct err *agent_catalog_answer(struct agent_run *r, struct tool_call *c, const struct agent_intent *intent,
                                 struct buf *out)
{
	switch (intent->kind) {
	case AGENT_INTENT_TABLES: answer_tables(r->scene->catalog, out); return NULL;
	case AGENT_INTENT_DESCRIBE: answer_describe(intent->table, out); return NULL;
	case AGENT_INTENT_SAMPLE: return answer_sample(r, c, intent, out);
	case AGENT_INTENT_COUNT: return answer_count(r, c, intent, out);
	case AGENT_INTENT_FIND_COLUMN: answer_find_column(r->scene->catalog, intent->word, out); return NULL;
	case AGENT_INTENT_UNKNOWN_TABLE: answer_unknown(r->scene, intent, out); return NULL;
	case AGENT_INTENT_NONE: break;
	}
	return err_new(c->ctx.a, ERR_INTERNAL, "not a question for the dictionary");
}

void agent_no_model_answer(const struct agent_run *r, struct buf *out)
{
	const struct catalog *c = r->scene->catalog;
	const char *example = c->ntables ? c->tables[0].name : NULL;

	buf_add_cstr(out, "This question needs a language model, and none is set up here yet. Without one I"
	                  " can tell you about the data itself:\n\n- \"Which tables are there?\"\n");
	if (example) {
		buf_printf(out, "- \"Describe ");
		add_cell(out, example);
		buf_printf(out, "\"\n- \"Show me some rows of ");
		add_cell(out, example);
		buf_printf(out, "\"\n- \"How many rows are in ");
		add_cell(out, example);
		buf_add_cstr(out, "?\"\n");
	}
	if (r->role == PROJECT_ADMIN)
		buf_printf(out,
		           "\nConnect one in [the settings of this project](/p/%s/settings#model), or for all"
		           " projects with `QUERN_LLM_KEY` on the server.\n",
		           r->project->slug);
}
