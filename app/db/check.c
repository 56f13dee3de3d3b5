/*
 * All statements of the program against the database: the server prepares each with the declared types, which
 * fails on a wrong table, column, operator or type; and each declared parameter must be in use.
 */
#include "db/db_priv.h"

#include <ctype.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"

extern const struct db_stmt *const __start_db_stmts[];
extern const struct db_stmt *const __stop_db_stmts[];

size_t db_statements(const struct db_stmt *const **first)
{
	*first = __start_db_stmts;
	return ((uintptr_t)__stop_db_stmts - (uintptr_t)__start_db_stmts) / sizeof(const struct db_stmt *);
}

/* Whether $n stands in the text. */
static bool uses(struct arena *a, const char *sql, size_t n)
{
	const char *mark = arena_printf(a, "$%zu", n);
	const char *p = sql;

	while ((p = strstr(p, mark)) != NULL) {
		p += strlen(mark);
		if (!isdigit((unsigned char)*p))
			return true;
	}
	return false;
}

static const char *complaint(struct arena *a, struct db_conn *conn, const struct db_stmt *stmt)
{
	size_t nparams = 0;
	struct err *e = db_pg_describe(a, conn, stmt, &nparams);

	if (e)
		return e->cause ? e->cause->message : e->message;
	if (nparams != stmt->nparams)
		return arena_printf(a, "it has %zu parameters, %zu are declared", nparams, stmt->nparams);
	for (size_t i = 1; i <= stmt->nparams; i++)
		if (!uses(a, stmt->sql, i))
			return arena_printf(a, "parameter $%zu is declared and not used", i);
	return NULL;
}

struct err *db_check_statements(struct ctx *ctx, struct buf *b, int *failed)
{
	const struct db_stmt *const *all;
	size_t n = db_statements(&all);
	struct db_conn *conn;

	*failed = 0;
	TRY(db_pool_get(ctx, &conn));
	for (size_t i = 0; i < n && !conn->lost; i++) {
		const char *why = complaint(ctx->a, conn, all[i]);

		if (!why)
			continue;
		buf_printf(b, "statement %s: %s\n", all[i]->name, why);
		++*failed;
	}
	db_pool_put(conn);
	return NULL;
}
