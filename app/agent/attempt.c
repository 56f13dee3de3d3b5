/*
 * One statement for the model, as an attempt among others: what was tried in the turn before is not tried again, what fails
 * is diagnosed, and what works after that has taught something.
 */
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"
#include "lib/log.h"

enum { TOLD_BYTES = 300 };

/* Trouble of the moment: the same statement may work now. */
static bool may_pass(const struct agent_asked *q)
{
	static const char *const codes[] = {"locked", "connection_lost", "conflict", "too_many_connections",
	                                    "system"};

	for (size_t i = 0; q->code && i < sizeof(codes) / sizeof(*codes); i++)
		if (!strcmp(q->code, codes[i]))
			return true;
	return false;
}

/* The same statement, tried earlier in this turn; the latest one counts. */
static const struct agent_asked *tried(const struct tool_env *env, const char *sql)
{
	const struct agent_asked *asked = env->asked->p;

	for (size_t i = env->asked->n; i-- > 0;)
		if (agent_same_statement(env->ctx->a, asked[i].sql, sql))
			return may_pass(&asked[i]) ? NULL : &asked[i];
	return NULL;
}

static void refuse_again(struct tool_env *env, const struct agent_asked *before, struct tool_result *out)
{
	struct arena *a = env->ctx->a;

	out->ok = false;
	out->error = err_code(err_new(a, ERR_INVALID, "this very statement was tried before and failed: %s",
	                              before->error ? before->error : "it did not work"),
	                      "tried_before");
	out->text =
	        str_of(arena_printf(a,
	                            "ERROR: %s\nIt was not run again. Change what was wrong with it, as the"
	                            " diagnosis of that attempt says, or take another way.\n",
	                            out->error->message));
	out->detail = "the same query as before, not run again";
}

static const char *count_of_rows(struct arena *a, const struct query_result *q)
{
	return arena_printf(a, q->nrows == 1 ? "1 row" : "%zu rows", q->nrows);
}

/* The rows that it had. False when they are not there any more: then it is run. */
static bool answer_again(struct tool_env *env, const struct agent_scene *scene, const struct agent_asked *before,
                         struct tool_result *out)
{
	struct query_run_record record;
	struct query_result *q;

	if (query_load(env->ctx, before->run_id, &record, &q) || !q->ncolumns)
		return false;
	out->text = tool_rows(env, scene, q, "This query ran before in this answer; these are the rows that it had.",
	                      out);
	out->detail = arena_printf(env->ctx->a, "%s, from before", count_of_rows(env->ctx->a, q));
	return true;
}

/* What fails ------------------------------------------------------------------------------------------- */

static const char *names_told(struct arena *a, const struct agent_diagnosis *d)
{
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < d->nright; i++) {
		const struct agent_fit *f = &d->right[i];

		buf_printf(&b, "%s%s%s%s", i ? "|" : "", f->table->name, f->column ? "." : "",
		           f->column ? f->column->name : "");
	}
	return b.n ? buf_cstr(&b) : NULL;
}

static void put_earlier(struct buf *b, const struct tool_env *env)
{
	const struct agent_asked *asked = env->asked->p;

	for (size_t i = 0; i < env->asked->n; i++)
		if (!asked[i].ok && asked[i].error)
			buf_printf(b, "TRIED BEFORE: %.*s -- %s\n",
			           STR_ARG(str_utf8_cut(str_of(asked[i].sql), TOLD_BYTES)), asked[i].error);
}

static void diagnose(struct tool_env *env, const struct agent_scene *scene, const char *sql,
                     const struct err *e, struct tool_result *out)
{
	struct arena *a = env->ctx->a;
	struct agent_diagnosis *d = agent_diagnose(a, scene->catalog, sql, e);
	struct agent_asked *q = (struct agent_asked *)env->queries.p + env->queries.n - 1;
	struct buf b = buf_init(a, BUF_LINE);

	q->code = e->code ? e->code : err_name(e->kind);
	if (d) {
		q->error = d->people;
		q->wrong = d->wrong;
		q->right = names_told(a, d);
		q->lesson = d->lesson;
	}
	buf_add_cstr(&b, agent_diagnosis_text(a, e, d));
	put_earlier(&b, env);
	buf_printf(&b, "Attempt %d of %d.\n", env->failures + 1, AGENT_FAILURES);
	out->ok = false;
	out->error = e;
	out->text = buf_str(&b);
	out->detail = q->error;
}

/* What works ------------------------------------------------------------------------------------------- */

static struct db_texts tables_of(struct arena *a, const struct query_result *q)
{
	struct db_texts tables = {ARENA_ARRAY(a, const char *, q->ntables), 0};

	for (size_t i = 0; i < q->ntables; i++) {
		const char *dot = strchr(q->tables[i], '.');

		tables.p[tables.n++] = dot ? dot + 1 : q->tables[i];
	}
	return tables;
}

/* The failures since the last query that worked. A learning that cannot be kept is no reason to give up the answer. */
static struct err *learn(struct tool_env *env, const struct agent_scene *scene, const struct query_result *q,
                         const char *sql)
{
	const struct agent_asked *asked = env->asked->p;
	struct err *e = NULL;
	bool offered;

	for (size_t i = env->asked->n; !e && i-- > 0 && !asked[i].ok;) {
		const char *text = tool_lesson(env->ctx->a, scene->catalog, &asked[i], sql);

		if (text) {
			e = tool_learning(env, "correction", tables_of(env->ctx->a, q), text, &offered);
			break;
		}
	}
	if (e && e->kind != ERR_CONFLICT && e->kind != ERR_CANCELLED) {
		log_err(LOG_WARNING, env->ctx->request_id, "offering a learning", e);
		return NULL;
	}
	return e;
}

struct err *tool_query(struct tool_env *env, const struct agent_scene *scene, const char *sql,
                       struct tool_result *out)
{
	const struct agent_asked *before = tried(env, sql);
	struct query_result *q;
	struct err *e;

	if (before && !before->ok) {
		refuse_again(env, before, out);
		return NULL;
	}
	if (before && answer_again(env, scene, before, out))
		return NULL;
	e = agent_ask(env, scene, sql, &q);
	if (e && !err_model_may_see(e->kind))
		return e;
	if (e) {
		diagnose(env, scene, sql, e, out);
		return NULL;
	}
	out->text = tool_rows(env, scene, q, NULL, out);
	out->detail = count_of_rows(env->ctx->a, q);
	return learn(env, scene, q, sql);
}
