/* "Test connection": one connection of its own, a few questions to the catalogs, the answer in sentences. */
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

enum { TIMEOUT_MS = 10000, WARNINGS = QUERY_RISKS + 3, NAMED = 5 };

struct probe {
	struct ctx *ctx;
	const struct project_source *source;
	struct query_conn *conn;
	struct query_wait w;
	struct query_probe *out;
};

static const char facts_sql[] =
        "SELECT pg_catalog.current_setting('server_version'),"
        " pg_catalog.current_setting('server_version_num'),"
        " n.oid IS NOT NULL, COALESCE(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false)"
        " FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1"
        " WHERE r.rolname = current_user";

static const char tables_sql[] =
        "SELECT c.relname, pg_catalog.has_any_column_privilege(c.oid, 'SELECT')"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY c.relname";

static const char schemas_sql[] = "SELECT pg_catalog.string_agg(nspname, ', ' ORDER BY nspname)"
                                  " FROM (SELECT nspname FROM pg_catalog.pg_namespace"
                                  " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
                                  " AND pg_catalog.has_schema_privilege(oid, 'USAGE')"
                                  " ORDER BY nspname LIMIT 20) AS s";

/* Of each major release that Quern was tried with, the first minor one without holes that a query can reach;
 * -1: it gets no more of them. */
static const struct {
	int major, minor;
} releases[] = {{13, -1}, {14, 25}, {15, 20}, {16, 16}, {17, 12}, {18, 6}};

static void warn(struct probe *p, const char *text, const char *mend)
{
	p->out->warnings[p->out->nwarnings++] = (struct query_warning){.text = text, .mend = mend};
}

static void answer(struct probe *p, bool ok, const char *message, const char *hint)
{
	p->out->ok = ok;
	p->out->message = message;
	p->out->hint = hint;
}

static struct err *ask(struct probe *p, const char *sql, const char *param, PGresult **out)
{
	const struct query_step step = {.sql = sql, .params = &param, .nparams = param ? 1 : 0};

	return query_conn_trip(&p->w, p->conn, &step, 1, out);
}

static bool yes(const PGresult *res, int row, int column)
{
	return *PQgetvalue(res, row, column) == 't';
}

const char *query_release_warning(struct arena *a, const char *server, int number, const char **mend)
{
	int major = number / 10000, minor = number % 10000;
	size_t i = 0, n = sizeof(releases) / sizeof(*releases);

	*mend = NULL;
	while (i < n && releases[i].major != major)
		i++;
	if (i == n)
		return arena_printf(a, "%s is untried: Quern was tested with PostgreSQL %d to %d", server,
		                    releases[0].major, releases[n - 1].major);
	if (releases[i].minor < 0) {
		*mend = "Move the data to a newer major release.";
		return arena_printf(a, "%s gets no more security fixes", server);
	}
	if (minor >= releases[i].minor)
		return NULL;
	*mend = arena_printf(a, "Update the server to %d.%d or later.", major, releases[i].minor);
	return arena_printf(a, "%s has known holes that queries can reach; %d.%d mends them", server, major,
	                    releases[i].minor);
}

static void check_version(struct probe *p, const char *version, int number)
{
	struct str text = str_of(version), word = str_chop(&text, ' ');
	const char *mend, *warning;

	p->out->server = arena_printf(p->ctx->a, "PostgreSQL %.*s", STR_ARG(word));
	warning = query_release_warning(p->ctx->a, p->out->server, number, &mend);
	if (warning)
		warn(p, warning, mend);
}

static struct err *missing_schema(struct probe *p)
{
	PGresult *res;

	TRY(ask(p, schemas_sql, NULL, &res));
	answer(p, false,
	       arena_printf(p->ctx->a, "there is no schema \"%s\" in the database", p->source->schema),
	       PQgetisnull(res, 0, 0)
	               ? "The role may use no schema at all."
	               : arena_printf(p->ctx->a, "The role may use: %s.", PQgetvalue(res, 0, 0)));
	PQclear(res);
	return NULL;
}

static struct err *check_facts(struct probe *p)
{
	struct arena *a = p->ctx->a;
	PGresult *res;
	bool exists, usable;

	TRY(ask(p, facts_sql, p->source->schema, &res));
	if (PQntuples(res) != 1) {
		PQclear(res);
		return err_new(a, ERR_UNAVAILABLE,
		               "the server does not describe its roles as PostgreSQL does");
	}
	check_version(p, PQgetvalue(res, 0, 0), (int)strtol(PQgetvalue(res, 0, 1), NULL, 10));
	exists = yes(res, 0, 2);
	usable = yes(res, 0, 3);
	PQclear(res);
	if (!exists)
		return missing_schema(p);
	if (!usable)
		answer(p, false,
		       arena_printf(a, "role \"%s\" may not use schema \"%s\"", p->source->username,
		                    p->source->schema),
		       "GRANT USAGE ON SCHEMA to it; \"quern setup-db\" does so.");
	return NULL;
}

/* A short list: "a, b, c and 4 more". */
struct names {
	struct buf b;
	int n;
};

static void add_name(struct names *names, const char *name)
{
	names->n++;
	if (names->n <= NAMED)
		buf_printf(&names->b, "%s%s", names->n > 1 ? ", " : "", name);
}

static const char *list(struct names *names)
{
	if (names->n > NAMED)
		buf_printf(&names->b, " and %d more", names->n - NAMED);
	return buf_cstr(&names->b);
}

static void judge_tables(struct probe *p, int found)
{
	struct arena *a = p->ctx->a;
	const char *schema = p->source->schema;

	if (p->out->tables)
		answer(p, true,
		       arena_printf(a, "connected to %s: %lld table%s can be read in schema \"%s\"",
		                    p->out->server, (long long)p->out->tables, p->out->tables == 1 ? "" : "s",
		                    schema),
		       NULL);
	else if (!found)
		answer(p, false, arena_printf(a, "schema \"%s\" has no tables", schema),
		       "Choose the schema that holds the data.");
	else
		answer(p, false,
		       arena_printf(a, "role \"%s\" may read no table of schema \"%s\"", p->source->username,
		                    schema),
		       "GRANT SELECT on the tables to it (\"quern setup-db\" does so), and check the"
		       " project's table lists.");
}

static struct err *check_tables(struct probe *p)
{
	struct arena *a = p->ctx->a;
	const struct policy lists = {
	        .schema = p->source->schema, .allowed = p->source->allowed, .excluded = p->source->excluded};
	struct names hidden = {buf_init(a, BUF_LINE), 0}, unreadable = {buf_init(a, BUF_LINE), 0};
	PGresult *res;

	TRY(ask(p, tables_sql, p->source->schema, &res));
	for (int i = 0; i < PQntuples(res); i++) {
		const char *name = arena_strdup(a, PQgetvalue(res, i, 0));
		bool allowed = policy_allows_table(&lists, name), readable = yes(res, i, 1);

		p->out->tables += allowed && readable;
		if (allowed && !readable)
			add_name(&unreadable, name);
		if (!allowed && readable)
			add_name(&hidden, name);
	}
	judge_tables(p, PQntuples(res));
	PQclear(res);
	if (unreadable.n && p->out->tables)
		warn(p, arena_printf(a, "the role may not read %s", list(&unreadable)),
		     "GRANT SELECT on them to it (\"quern setup-db\" does so), or leave them out of the project.");
	if (hidden.n)
		warn(p,
		     arena_printf(a, "the role may also read tables that the project leaves out: %s",
		                  list(&hidden)),
		     "Run \"quern setup-db\" with --exclude, or REVOKE SELECT on them from it.");
	return NULL;
}

static struct err *look(struct probe *p)
{
	struct query_opening opening = {.timeout_ms = TIMEOUT_MS};

	TRY(query_transaction_begin_on(&p->w, p->conn, &opening));
	TRY(query_risks(&p->w, p->conn, p->source->username, p->out->warnings, &p->out->nwarnings));
	TRY(check_facts(p));
	return p->out->message ? NULL : check_tables(p);
}

struct err *query_probe(struct ctx *ctx, const struct project_source *source, struct query_probe *out)
{
	struct project_source own = *source;
	struct probe p = {.ctx = ctx, .source = &own, .w = query_wait_ms(ctx, TIMEOUT_MS), .out = out};
	struct err *e;

	own.id = 0;
	*out = (struct query_probe){.warnings = ARENA_ARRAY(ctx->a, struct query_warning, WARNINGS)};
	e = query_conn_open(&p.w, &own, &p.conn);
	if (!e) {
		e = look(&p);
		query_conn_close(p.conn);
	}
	if (!e || e->kind == ERR_CANCELLED)
		return e;
	answer(&p, false, e->message, e->hint);
	return NULL;
}
