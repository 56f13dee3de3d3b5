/*
 * The guard's way through a statement: text, tokens, tree, walk, limit, text again, tree again.
 */
#include "sql/sql_priv.h"

struct guard_job {
	struct guard *g;
	struct sql_statement *out;
	struct err *err;
};

static struct err *one_select(struct guard *g, const PgQuery__ParseResult *tree)
{
	if (!tree->n_stmts)
		return err_hint(refuse(g, "syntax_error", 0, "there is no statement"), "Write one SELECT.");
	if (tree->n_stmts > 1)
		return err_hint(refuse(g, "multiple_statements", tree->stmts[1]->stmt_location,
		                       "there is more than one statement"),
		                "Send one statement at a time.");
	const PgQuery__Node *stmt = tree->stmts[0]->stmt;
	if (!stmt || stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
		TRY(walk(g, tree->stmts[0]->stmt));
		return refuse(g, "statement_not_allowed", 0, "only SELECT is allowed");
	}
	const PgQuery__SelectStmt *s = stmt->select_stmt;
	if (!s->n_target_list && !s->n_values_lists && !s->larg)
		return err_hint(refuse(g, "statement_not_allowed", 0, "SELECT without columns"),
		                "Name columns, or use *.");
	return NULL;
}

/* A deparser that wrote something else than was checked would be a hole: it is found by reading it again. */
static struct err *same_again(struct guard *g, PgQuery__ParseResult *tree, const char *sql)
{
	PgQuery__ParseResult *again = NULL;
	struct err *e = parse_tree(g->a, sql, &again);
	if (!e && again->n_stmts == 1 && tree_equal(&tree->base, &again->base))
		return NULL;
	return err_hint(
	        refuse(g, "deparse_mismatch", 0, "the statement cannot be written back as it was read"),
	        "Write the statement in another way.");
}

static struct err *guard_statement(struct guard *g, struct sql_statement *out)
{
	PgQuery__ParseResult *tree = NULL;
	struct cols unused = {0};
	TRY(parse_text_ok(g->a, g->text));
	const char *text = str_dup(g->a, g->text);
	TRY(parse_tree(g->a, text, &tree));
	TRY(one_select(g, tree));
	PgQuery__RawStmt *raw = tree->stmts[0];
	out->facts = facts_of(g, raw->stmt->select_stmt);
	TRY(query_walk(g, raw->stmt, &unused));
	TRY(limit_rows(g, raw));
	TRY(rewrite_sources(g, raw->stmt->select_stmt));
	TRY(parse_deparse(g->a, tree, &out->sql));
	TRY(same_again(g, tree, out->sql));
	out->fingerprint = parse_fingerprint(g->a, text);
	return param_values(g, out);
}

/* As the table has it, if it is known. */
static const char *mask_column(const struct sql_table *t, size_t mask)
{
	for (size_t i = 0; i < t->ncolumns; i++)
		if (str_eq_nocase(str_of(t->columns[i]), str_of(t->masks[mask].column)))
			return t->columns[i];
	return t->masks[mask].column;
}

/* Masked columns among those that the statement uses. */
static struct names masked(struct guard *g)
{
	const struct sql_policy *p = g->policy;
	struct names out = {0}, used = g->columns;
	for (size_t i = 0; i < p->ntables; i++)
		for (size_t k = 0; k < p->tables[i].nmasks; k++) {
			const char *table = p->tables[i].name;
			const char *name = arena_printf(g->a, "%s.%s", table, mask_column(&p->tables[i], k));
			if (names_has(&used, name) || names_has(&used, arena_printf(g->a, "%s.*", table)))
				names_add(g->a, &out, name);
		}
	return out;
}

static void guard_run(void *arg)
{
	struct guard_job *job = arg;
	job->err = guard_statement(job->g, job->out);
}

struct err *sql_guard(struct arena *a, const struct sql_policy *policy, struct str sql,
                      struct sql_statement **out)
{
	struct sql_statement *s = ARENA_NEW(a, struct sql_statement);
	struct names hidden;
	struct guard g = {.a = a, .policy = policy, .text = sql, .chain = 1, .growth = 1};
	if (policy->dialect != SQL_POSTGRES)
		return err_code(err_new(a, ERR_REFUSED, "statements in this dialect cannot be checked"),
		                "policy_invalid");
	g.max_rows = policy->max_rows > 0 ? policy->max_rows : SQL_ROWS;
	struct guard_job job = {.g = &g, .out = s};
	TRY(stack_run(a, guard_run, &job));
	TRY(job.err);
	names_sort(&g.tables);
	names_sort(&g.columns);
	names_sort(&g.functions);
	s->tables = g.tables.name;
	s->ntables = g.tables.n;
	s->columns = g.columns.name;
	s->ncolumns = g.columns.n;
	s->functions = g.functions.name;
	s->nfunctions = g.functions.n;
	names_sort(&g.filtered);
	s->filtered = g.filtered.name;
	s->nfiltered = g.filtered.n;
	hidden = masked(&g);
	names_sort(&hidden);
	s->masked = hidden.name;
	s->nmasked = hidden.n;
	s->repeatable = !g.varies;
	s->max_rows = g.max_rows;
	*out = s;
	return NULL;
}
