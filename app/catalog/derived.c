/*
 * What holds the data of other tables: views over them, at any depth, and partitions and children of theirs. A
 * rule on a table says nothing of these, so who keeps rules has to see them.
 */
#include "catalog/catalog_priv.h"
#include "lib/arena.h"

static const char derived_sql[] =
        "WITH RECURSIVE direct AS ("
        " SELECT r.ev_class AS oid, d.refobjid AS source FROM pg_rewrite r"
        " JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid"
        "  AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class"
        " UNION SELECT inhrelid, inhparent FROM pg_inherits"
        "), derived AS ("
        " SELECT oid, source FROM direct"
        " UNION SELECT d.oid, s.source FROM direct d JOIN derived s ON s.oid = d.source"
        ") SELECT c.relname, s.relname FROM derived d JOIN pg_class c ON c.oid = d.oid"
        " JOIN pg_class s ON s.oid = d.source"
        " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.oid = s.relnamespace"
        " WHERE n.nspname = $1 AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND has_table_privilege(c.oid, 'SELECT')"
        " ORDER BY 1, 2";

struct err *catalog_derived(struct ctx *ctx, const struct project_source *source, struct catalog_derived **out,
                            size_t *n)
{
	const char *params[] = {source->schema};
	struct query_session *session;
	struct query_result *rows;

	TRY(query_session_open(ctx, source, CATALOG_TIMEOUT_MS, &session));
	TRY(query_session_rows(ctx, session, derived_sql, params, 1, &rows));
	*n = rows->nrows;
	*out = ARENA_ARRAY(ctx->a, struct catalog_derived, *n);
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = (struct catalog_derived){catalog_word(rows, i, 0), catalog_word(rows, i, 1)};
	return NULL;
}
