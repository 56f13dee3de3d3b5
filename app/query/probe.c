/* "Test connection": one connection of its own, a few questions to the catalogs, the answer in sentences. */
#include <stdlib.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

enum { TIMEOUT_MS = 10000, WARNINGS = 16, NAMED = 5 };

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
        " r.rolsuper, r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls,"
        " pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'), n.oid IS NOT NULL,"
        " COALESCE(pg_catalog.has_schema_privilege(n.oid, 'USAGE'), false),"
        " COALESCE(pg_catalog.has_schema_privilege(n.oid, 'CREATE'), false),"
        " (SELECT pg_catalog.string_agg(g.rolname, ', ' ORDER BY g.rolname) FROM pg_catalog.pg_roles g"
        "  WHERE g.rolname = ANY ('{pg_read_all_data,pg_write_all_data,pg_read_server_files,"
        "pg_write_server_files,pg_execute_server_program,pg_signal_backend}')"
        "  AND NOT r.rolsuper AND pg_catalog.pg_has_role(g.oid, 'MEMBER'))"
        " FROM pg_catalog.pg_roles r LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = $1"
        " WHERE r.rolname = current_user";

static const char tables_sql[] =
        "SELECT c.relname, pg_catalog.has_any_column_privilege(c.oid, 'SELECT'),"
        " pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')"
        " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY c.relname";

static const char schemas_sql[] = "SELECT pg_catalog.string_agg(nspname, ', ' ORDER BY nspname)"
                                  " FROM (SELECT nspname FROM pg_catalog.pg_namespace"
                                  " WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
                                  " AND pg_catalog.has_schema_privilege(oid, 'USAGE')"
                                  " ORDER BY nspname LIMIT 20) AS s";

/* The releases that mended what a reader of data could use against the server. */
static const int least_minor[][2] = {{14, 20}, {15, 15}, {16, 11}, {17, 7}, {18, 1}};
enum { OLDEST_MAJOR = 14 };

static void warn(struct probe *p, const char *text)
{
	if (p->out->nwarnings < WARNINGS)
		p->out->warnings[p->out->nwarnings++] = text;
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

static void check_version(struct probe *p, const char *version, int number)
{
	int major = number / 10000, minor = number % 10000;
	struct str text = str_of(version), word = str_chop(&text, ' ');

	p->out->server = arena_printf(p->ctx->a, "PostgreSQL %.*s", STR_ARG(word));
	if (major < OLDEST_MAJOR)
		warn(p, arena_printf(p->ctx->a, "%s gets no more security fixes", p->out->server));
	for (size_t i = 0; i < sizeof(least_minor) / sizeof(*least_minor); i++)
		if (least_minor[i][0] == major && minor < least_minor[i][1])
			warn(p,
			     arena_printf(p->ctx->a, "%s lacks security fixes, update it to %d.%d or later",
			                  p->out->server, major, least_minor[i][1]));
}

static void check_role(struct probe *p, const PGresult *res)
{
	static const struct {
		int column;
		const char *text;
	} rights[] = {
	        {2, "the role is a superuser: nothing in the database limits it"},
	        {3, "the role may create roles or databases, replicate or bypass row security"},
	        {4, "the role may create schemas in the database"},
	        {7, "the role may create objects in the schema"},
	};

	for (size_t i = 0; i < sizeof(rights) / sizeof(*rights); i++)
		if (yes(res, 0, rights[i].column))
			warn(p, rights[i].text);
	if (!PQgetisnull(res, 0, 8))
		warn(p, arena_printf(p->ctx->a, "the role is a member of %s", PQgetvalue(res, 0, 8)));
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
	check_role(p, res);
	exists = yes(res, 0, 5);
	usable = yes(res, 0, 6);
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
	struct names writable = {buf_init(a, BUF_LINE), 0}, hidden = {buf_init(a, BUF_LINE), 0},
	             unreadable = {buf_init(a, BUF_LINE), 0};
	PGresult *res;

	TRY(ask(p, tables_sql, p->source->schema, &res));
	for (int i = 0; i < PQntuples(res); i++) {
		const char *name = arena_strdup(a, PQgetvalue(res, i, 0));
		bool allowed = policy_allows_table(&lists, name), readable = yes(res, i, 1);

		p->out->tables += allowed && readable;
		if (yes(res, i, 2))
			add_name(&writable, name);
		if (allowed && !readable)
			add_name(&unreadable, name);
		if (!allowed && readable)
			add_name(&hidden, name);
	}
	judge_tables(p, PQntuples(res));
	PQclear(res);
	if (writable.n)
		warn(p, arena_printf(a, "the role may change data: %s", list(&writable)));
	if (unreadable.n && p->out->tables)
		warn(p, arena_printf(a, "the role may not read %s", list(&unreadable)));
	if (hidden.n)
		warn(p, arena_printf(a, "the role may also read tables that the project leaves out: %s",
		                     list(&hidden)));
	return NULL;
}

static struct err *look(struct probe *p)
{
	struct query_opening opening = {.timeout_ms = TIMEOUT_MS};

	TRY(query_transaction_begin_on(&p->w, p->conn, &opening));
	TRY(check_facts(p));
	return p->out->message ? NULL : check_tables(p);
}

struct err *query_probe(struct ctx *ctx, const struct project_source *source, struct query_probe *out)
{
	struct project_source own = *source;
	struct probe p = {.ctx = ctx, .source = &own, .w = query_wait_ms(ctx, TIMEOUT_MS), .out = out};
	struct err *e;

	own.id = 0;
	*out = (struct query_probe){.warnings = ARENA_ARRAY(ctx->a, const char *, WARNINGS)};
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
