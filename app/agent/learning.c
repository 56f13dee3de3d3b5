/*
 * What was learnt about a project's data. A model or a correction that worked offers it; nothing that is only offered is
 * used. Once somebody who may has kept it, prompts have it, as data: its words come from a model or a person, never from the
 * program.
 */
#include <string.h>

#include "agent/tool_priv.h"
#include "audit/audit.h"
#include "lib/arena.h"

enum { OFFERED_MOST = 500, TEXT_CHARS = 500, KEPT_READ = 500 };

#define DECIDES(user) \
	" EXISTS (SELECT FROM users u LEFT JOIN members m ON m.user_id = u.id AND m.project_id = l.project_id WHERE u.id = " user \
	" AND u.disabled_at IS NULL AND (u.is_admin OR m.role IN ('analyst', 'admin')))"
#define ASKED(user) \
	" EXISTS (SELECT FROM turns t JOIN conversations c ON c.id = t.conversation_id WHERE t.id = l.turn_id AND c.user_id = " user \
	")"
#define MAY_SEE(user) DECIDES(user) " OR" ASKED(user)
#define NAME(user) "coalesce(nullif(" user ".name, ''), " user ".email, '')"
#define LEARNINGS(user) \
	"SELECT l.id, l.project_id, coalesce(l.turn_id, 0), l.origin, l.state, l.tables, l.text, " NAME("u") ", l.created_at, " \
	NAME("d") ", coalesce(l.decided_at, l.created_at)," DECIDES(user) " FROM learnings l" \
	" LEFT JOIN users u ON u.id = l.user_id LEFT JOIN users d ON d.id = l.decided_by"

/* A text is offered once: what was kept or dismissed is not offered again. */
DB_STMT(agent_learning_offer,
        "INSERT INTO learnings (project_id, turn_id, user_id, origin, tables, text) SELECT $1, $2, $3, $4, $5, $6"
        " WHERE NOT EXISTS (SELECT FROM learnings WHERE project_id = $1 AND lower(text) = lower($6))"
        " AND (SELECT count(*) FROM learnings WHERE project_id = $1 AND state = 'offered') < $7",
        DB_I64, DB_I64, DB_I64, DB_TEXT, DB_TEXTS, DB_TEXT, DB_I64);
DB_STMT(agent_learning_decided,
        "UPDATE learnings l SET state = CASE WHEN $3 THEN 'kept' ELSE 'dismissed' END, decided_by = $2, decided_at = now()"
        " WHERE l.id = $1 AND l.state = 'offered' AND (" DECIDES("$2") " OR (NOT $3 AND" ASKED("$2") "))",
        DB_I64, DB_I64, DB_BOOL);
DB_STMT(agent_learning_one, LEARNINGS("$2") " WHERE l.id = $1 AND (" MAY_SEE("$2") ")", DB_I64, DB_I64);
DB_STMT(agent_learning_change,
        "UPDATE learnings l SET text = $4, state = 'kept', decided_by = $3, decided_at = now() WHERE l.id = $1 AND"
        " l.project_id = $2 AND" DECIDES("$3"),
        DB_I64, DB_I64, DB_I64, DB_TEXT);
DB_STMT(agent_learning_remove,
        "DELETE FROM learnings l WHERE l.id = $1 AND l.project_id = $2 AND" DECIDES("$3"), DB_I64, DB_I64,
        DB_I64);
DB_STMT(agent_learning_of_turns,
        LEARNINGS("$2") " WHERE l.turn_id = ANY ($1::bigint[]) AND l.state = 'offered' AND (" MAY_SEE("$2") ")"
        " ORDER BY l.turn_id, l.id",
        DB_TEXTS, DB_I64);
DB_STMT(agent_learning_list,
        LEARNINGS("$4") " WHERE l.project_id = $1 AND l.state = $2 ORDER BY l.id DESC LIMIT $3", DB_I64,
        DB_TEXT, DB_I64, DB_I64);

static const struct db_row learning_row =
        DB_ROW(struct agent_learning, DB_COL_I64(struct agent_learning, id),
               DB_COL_I64(struct agent_learning, project_id), DB_COL_I64(struct agent_learning, turn_id),
               DB_COL_TEXT(struct agent_learning, origin), DB_COL_TEXT(struct agent_learning, state),
               DB_COL_TEXTS(struct agent_learning, tables), DB_COL_TEXT(struct agent_learning, text),
               DB_COL_TEXT(struct agent_learning, by), DB_COL_TIME(struct agent_learning, at),
               DB_COL_TEXT(struct agent_learning, decided_by), DB_COL_TIME(struct agent_learning, decided_at),
               DB_COL_BOOL(struct agent_learning, may_keep));

/* Offering --------------------------------------------------------------------------------------------- */

struct offer {
	const struct tool_env *env;
	const char *origin;
	struct db_texts tables;
	const char *text;
};

static struct err *insert(struct ctx *ctx, void *arg, const char **result)
{
	const struct offer *o = arg;
	int64_t n;

	TRY(db_run(ctx, &agent_learning_offer,
	           DB_ARGS(db_i64(o->env->project->id), db_i64(o->env->turn_id), db_i64(ctx->user_id),
	                   db_text(o->origin), db_texts(o->tables.p, o->tables.n), db_text(o->text),
	                   db_i64(OFFERED_MOST)),
	           &n));
	*result = n ? "{\"offered\":true}" : "{\"offered\":false}";
	return NULL;
}

struct err *tool_learning(struct tool_env *env, const char *origin, struct db_texts tables, const char *text,
                          bool *offered)
{
	struct offer o = {env, origin, tables, text};
	const char *result;

	TRY(agent_effect(env, insert, &o, &result));
	*offered = strstr(result, "true") != NULL;
	return NULL;
}

/* Deciding --------------------------------------------------------------------------------------------- */

struct decision {
	int64_t id;
	bool keep;
	struct agent_learning *out;
};

/* Found, but not to be decided: why not. */
static struct err *cannot(struct ctx *ctx, const struct decision *d)
{
	if (strcmp(d->out->state, "offered") != 0)
		return err_hint(err_new(ctx->a, ERR_CONFLICT, "it was kept or dismissed meanwhile"),
		                "Reload the page to see how it stands.");
	return err_new(ctx->a, ERR_FORBIDDEN, "only analysts and admins of the project keep what was learnt");
}

static struct err *record_decision(struct ctx *ctx, void *arg)
{
	struct decision *d = arg;
	int64_t n;

	TRY(db_one(ctx, &agent_learning_one, DB_ARGS(db_i64(d->id), db_i64(ctx->user_id)), &learning_row,
	           "learning", d->out));
	TRY(db_run(ctx, &agent_learning_decided,
	           DB_ARGS(db_i64(d->id), db_i64(ctx->user_id), db_bool(d->keep)), &n));
	if (!n)
		return cannot(ctx, d);
	return audit_log(ctx, d->keep ? "learning.keep" : "learning.dismiss",
	                 arena_printf(ctx->a, "learning:%lld", (long long)d->id), NULL);
}

struct err *agent_learning_decide(struct ctx *ctx, int64_t id, bool keep, struct agent_learning *out)
{
	struct decision d = {.id = id, .keep = keep, .out = out};

	return db_transact(ctx, record_decision, &d);
}

struct change {
	int64_t project_id;
	int64_t id;
	struct str text; /* empty: remove */
};

static struct err *record_change(struct ctx *ctx, void *arg)
{
	const struct change *c = arg;
	int64_t n;

	if (c->text.n)
		TRY(db_run(
		        ctx, &agent_learning_change,
		        DB_ARGS(db_i64(c->id), db_i64(c->project_id), db_i64(ctx->user_id), db_str(c->text)),
		        &n));
	else
		TRY(db_run(ctx, &agent_learning_remove,
		           DB_ARGS(db_i64(c->id), db_i64(c->project_id), db_i64(ctx->user_id)), &n));
	if (!n)
		return err_new(ctx->a, ERR_NOT_FOUND, "learning not found");
	return audit_log(ctx, c->text.n ? "learning.change" : "learning.remove",
	                 arena_printf(ctx->a, "learning:%lld", (long long)c->id), NULL);
}

struct err *agent_learning_write(struct ctx *ctx, int64_t project_id, int64_t id, struct str text)
{
	struct change c = {project_id, id, str_trim(text)};

	if (!c.text.n)
		return err_new(ctx->a, ERR_INVALID, "the learning is empty");
	if (str_utf8_count(c.text) > TEXT_CHARS)
		return err_new(ctx->a, ERR_INVALID, "the learning is longer than %d characters", TEXT_CHARS);
	return db_transact(ctx, record_change, &c);
}

struct err *agent_learning_delete(struct ctx *ctx, int64_t project_id, int64_t id)
{
	struct change c = {project_id, id, {NULL, 0}};

	return db_transact(ctx, record_change, &c);
}

/* Reading ---------------------------------------------------------------------------------------------- */

struct err *agent_learnings_of_turns(struct ctx *ctx, struct db_texts ids, struct agent_learning **out,
                                     size_t *n)
{
	return db_all(ctx, &agent_learning_of_turns, DB_ARGS(db_texts(ids.p, ids.n), db_i64(ctx->user_id)),
	              &learning_row, out, n);
}

struct err *agent_learnings(struct ctx *ctx, int64_t project_id, const char *state,
                            struct agent_learning **out, size_t *n)
{
	return db_all(ctx, &agent_learning_list,
	              DB_ARGS(db_i64(project_id), db_text(state), db_i64(KEPT_READ), db_i64(ctx->user_id)),
	              &learning_row, out, n);
}

/* In prompts ------------------------------------------------------------------------------------------- */

/* What speaks of a table that this person does not see is not for them. */
static bool may_see(const struct agent_scene *scene, const struct agent_learning *l)
{
	for (size_t i = 0; i < l->tables.n; i++)
		if (!catalog_find(scene->catalog, l->tables.p[i]))
			return false;
	return !catalog_names_hidden(scene->policy, l->text);
}

static bool is_about(const struct agent_learning *l, const char *table)
{
	for (size_t i = 0; i < l->tables.n; i++)
		if (!strcmp(l->tables.p[i], table))
			return true;
	return false;
}

static int worth(struct arena *a, const struct agent_learning *l, const struct agent_words *asked)
{
	struct agent_words words = agent_words(a, str_of(l->text), 60);
	int n = 0;

	for (size_t i = 0; i < words.n; i++)
		for (size_t k = 0; !words.at[i].light && k < asked->n; k++)
			n += !asked->at[k].light && agent_word_like(&words.at[i], &asked->at[k]) >= 80;
	return n;
}

struct ranked {
	const struct agent_learning *l;
	int worth;
};

static int by_worth(const void *x, const void *y)
{
	const struct ranked *l = x, *r = y;

	if (l->worth != r->worth)
		return r->worth - l->worth;
	return (l->l->id < r->l->id) - (l->l->id > r->l->id);
}

static int by_id(const void *x, const void *y)
{
	const struct ranked *l = x, *r = y;

	return (l->l->id > r->l->id) - (l->l->id < r->l->id);
}

/* Those that a question needs most, in the room that there is: all of them, in the order in which they came, where they
 * fit, so that the prompt stays the same from question to question. */
static size_t choose(struct arena *a, struct ranked *r, size_t n, const char *question, size_t budget)
{
	struct agent_words asked = agent_words(a, str_of(question), 40);
	size_t bytes = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		r[i].worth = worth(a, r[i].l, &asked);
	qsort(r, n, sizeof(*r), by_worth);
	while (kept < n && (bytes += strlen(r[kept].l->text) + 3) <= budget)
		kept++;
	qsort(r, kept, sizeof(*r), by_id);
	return kept;
}

struct err *agent_learnings_put(struct ctx *ctx, const struct agent_scene *scene, int64_t project_id,
                                const char *question, const char *table, size_t budget, struct buf *out)
{
	struct agent_learning *all;
	struct ranked *fit;
	size_t n, m = 0;

	TRY(agent_learnings(ctx, project_id, "kept", &all, &n));
	fit = ARENA_ARRAY(ctx->a, struct ranked, n);
	for (size_t i = 0; i < n; i++)
		if (may_see(scene, &all[i]) && (!table || is_about(&all[i], table)))
			fit[m++].l = &all[i];
	m = choose(ctx->a, fit, m, question, budget);
	for (size_t i = 0; i < m; i++) {
		buf_add_cstr(out, "- ");
		agent_put_line(out, fit[i].l->text);
		buf_add_char(out, '\n');
	}
	return NULL;
}
