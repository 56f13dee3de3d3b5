/*
 * What proves an answer, from the rows of its queries as they are kept: where its numbers come from, and which columns were
 * read. Never from what the model says.
 */
#include <string.h>

#include "agent/numbers_priv.h"
#include "lib/log.h"
#include "lib/settings.h"

enum {
	EARLIER_TURNS = 20,
	EARLIER_RUNS = 20,
	RUNS_MOST = 200,
	ROWS_BYTES = 8 << 20, /* of results that are read for an answer, and as much again of earlier ones */
	NOTES_BYTES = 1 << 20,
};

DB_STMT(agent_prove_runs,
        "SELECT id, bytes, columns FROM query_runs WHERE turn_id = $1 AND outcome = 'done' ORDER BY id LIMIT $2",
        DB_I64, DB_I64);

/* The turns that this one follows, the last one first. */
#define BEFORE \
	"WITH RECURSIVE before AS (SELECT parent_id AS id, 1 AS n FROM turns WHERE id = $1 UNION ALL" \
	" SELECT t.parent_id, b.n + 1 FROM before b JOIN turns t ON t.id = b.id WHERE b.n < $2) "
DB_STMT(agent_prove_questions,
        BEFORE "SELECT t.question FROM before b JOIN turns t ON t.id = b.id ORDER BY b.n", DB_I64, DB_I64);
DB_STMT(agent_prove_earlier,
        BEFORE "SELECT r.id, r.bytes, '{}'::text[] FROM before b JOIN query_runs r ON r.turn_id = b.id"
               " WHERE r.outcome = 'done' ORDER BY b.n, r.id DESC LIMIT $3",
        DB_I64, DB_I64, DB_I64);

struct run_row {
	int64_t id;
	int64_t bytes;
	struct db_texts columns;
};
static const struct db_row run_row =
        DB_ROW(struct run_row, DB_COL_I64(struct run_row, id), DB_COL_I64(struct run_row, bytes),
               DB_COL_TEXTS(struct run_row, columns));
static const struct db_row question_row = DB_ROW(const char *, {DB_TEXT, 0});

/* While an answer is proven; ctx and its arena end with it. */
struct proving {
	struct agent_run *r;
	struct ctx ctx;
	struct run_row *rows;
	size_t nrows;
	int64_t bytes; /* of results, still to be read */
	bool partial;  /* not all rows could be read */
};

/* Loading ------------------------------------------------------------------------------------------------- */

/* The rows of a run; NULL when they cannot be had. */
static const struct query_result *load(struct proving *p, int64_t id, int64_t bytes)
{
	struct query_run_record record;
	struct query_result *result;
	struct err *e;

	if (bytes > p->bytes)
		return NULL;
	p->bytes -= bytes;
	e = query_load(&p->ctx, id, &record, &result);
	if (e)
		log_err(LOG_WARNING, p->ctx.request_id, "reading the rows behind an answer", e);
	return e ? NULL : result;
}

static const struct run_row *row_of(const struct proving *p, int64_t id)
{
	for (size_t i = 0; i < p->nrows; i++)
		if (p->rows[i].id == id)
			return &p->rows[i];
	return NULL;
}

/* The results of the turn's queries, as they are numbered on its page. */
static size_t load_runs(struct proving *p, struct numbers_run **out)
{
	const struct agent_asked *asked = p->r->queries.p;
	struct numbers_run *runs = *out = ARENA_ARRAY(p->ctx.a, struct numbers_run, p->r->queries.n);
	size_t n = 0;

	for (size_t i = 0, query = 0; i < p->r->queries.n; i++) {
		const struct run_row *row = asked[i].ok ? row_of(p, asked[i].run_id) : NULL;
		const struct query_result *result = row ? load(p, row->id, row->bytes) : NULL;

		query += asked[i].ok;
		if (result)
			runs[n++] = (struct numbers_run){(int64_t)query, result};
		p->partial =
		        p->partial || (asked[i].ok && (!result || (int64_t)result->nrows < asked[i].rows));
	}
	return n;
}

static void load_earlier(struct proving *p, struct numbers_more *more)
{
	struct run_row *rows = NULL;
	size_t n = 0;
	struct numbers_run *runs;
	struct err *e =
	        db_all(&p->ctx, &agent_prove_earlier,
	               DB_ARGS(db_i64(p->r->live.turn_id), db_i64(EARLIER_TURNS), db_i64(EARLIER_RUNS)),
	               &run_row, &rows, &n);

	p->partial = p->partial || e;
	p->bytes = ROWS_BYTES;
	runs = ARENA_ARRAY(p->ctx.a, struct numbers_run, n);
	for (size_t i = 0; !e && i < n; i++) {
		const struct query_result *result = load(p, rows[i].id, rows[i].bytes);

		if (result)
			runs[more->nruns++] = (struct numbers_run){0, result};
	}
	more->runs = runs;
}

static void load_questions(struct proving *p, struct numbers_more *more)
{
	const char **rows = NULL;
	struct str *questions;
	size_t n = 0;
	struct err *e =
	        db_all(&p->ctx, &agent_prove_questions,
	               DB_ARGS(db_i64(p->r->live.turn_id), db_i64(EARLIER_TURNS)), &question_row, &rows, &n);

	questions = ARENA_ARRAY(p->ctx.a, struct str, n);
	for (size_t i = 0; !e && i < n; i++)
		questions[more->nquestions++] = str_of(rows[i]);
	more->questions = questions;
}

/* What the model was told besides rows: dictionary and instructions, results of tools. */
static void add_notes(struct proving *p, struct numbers_more *more)
{
	const struct llm_message *m = p->r->messages.p;
	struct str *notes;
	size_t n = 2;

	for (size_t i = 0; i < p->r->messages.n; i++)
		n += m[i].nblocks;
	notes = ARENA_ARRAY(p->ctx.a, struct str, n);
	notes[more->nnotes++] = str_utf8_cut(str_of(p->r->system), NOTES_BYTES);
	notes[more->nnotes++] = str_of(arena_printf(
	        p->ctx.a, "%lld", (long long)(p->ctx.settings ? p->ctx.settings->llm_max_tokens : 0)));
	for (size_t i = 0; i < p->r->messages.n; i++)
		for (size_t k = 0; k < m[i].nblocks; k++)
			if (m[i].blocks[k].kind == LLM_TOOL_RESULT && !m[i].blocks[k].is_error)
				notes[more->nnotes++] = str_utf8_cut(m[i].blocks[k].text, NOTES_BYTES);
	more->notes = notes;
}

static void load_more(void *arg, struct numbers_more *more)
{
	struct proving *p = arg;

	load_earlier(p, more);
	load_questions(p, more);
	add_notes(p, more);
	more->partial = p->partial;
}

/* Keeping ------------------------------------------------------------------------------------------------- */

static struct str numbers_json(struct proving *p, const char *answer)
{
	struct numbers_input in = {.answer = str_of(answer),
	                           .question = str_of(p->r->question),
	                           .dictionary = p->r->from_catalog || !p->r->model_calls,
	                           .more = load_more,
	                           .arg = p};
	struct buf b = buf_init(p->r->ctx.a, BUF_PAGE);
	struct json_writer w = {.b = &b};
	struct agent_numbers numbers;
	struct numbers_run *runs;

	in.nruns = load_runs(p, &runs);
	in.runs = runs;
	numbers = agent_numbers_of(p->ctx.a, &in);
	agent_numbers_put(&w, NULL, &numbers);
	return b.full ? STR("") : buf_str(&b);
}

static void keep_columns(struct proving *p)
{
	struct agent_run *r = p->r;

	for (size_t i = 0; i < p->nrows; i++)
		for (size_t k = 0; k < p->rows[i].columns.n; k++)
			agent_table_add(r->ctx.a, &r->columns, p->rows[i].columns.p[k]);
}

void agent_prove(struct agent_run *r)
{
	struct proving p = {.r = r, .ctx = r->ctx, .bytes = ROWS_BYTES};
	const char *answer = r->answer ? r->answer : "";
	struct err *e = NULL;

	p.ctx.a = arena_create();
	p.ctx.stop = NULL;
	if (r->queries.n)
		e = db_all(&p.ctx, &agent_prove_runs, DB_ARGS(db_i64(r->live.turn_id), db_i64(RUNS_MOST)),
		           &run_row, &p.rows, &p.nrows);
	if (e)
		log_err(LOG_WARNING, p.ctx.request_id, "reading the queries of an answer", e);
	keep_columns(&p);
	if (!e && strpbrk(answer, "0123456789"))
		r->numbers = numbers_json(&p, answer);
	arena_free(p.ctx.a);
}
