/*
 * The read-only role. The database itself says what is missing: each part of the statement below looks at one
 * thing in the catalogs and, where that is not as asked, gives a sentence and the SQL that mends it, quoted
 * by format(). So a second run finds nothing to do, and names may be of any kind.
 */
#include <string.h>

#include "lib/arena.h"
#include "query/query_priv.h"

enum { TIMEOUT_MS = 30000 };

/* $1 role, $2 schema, $3 excluded tables, $4 connection limit, $5 password verifier or null.
 * Privileges count only where they were granted to the role itself. */
static const char find_steps[] =
        "WITH me AS (SELECT r.* FROM (SELECT 1) one LEFT JOIN pg_roles r ON r.rolname = $1::text),"
        " db AS (SELECT * FROM pg_database WHERE datname = current_database()),"
        " ns AS (SELECT * FROM pg_namespace WHERE nspname = $2::text),"
        " rel AS ("
        "  SELECT relname, format('%I.%I', $2::text, relname) AS path, relname = ANY ($3::text[]) AS hidden,"
        "   ARRAY(SELECT privilege_type::text FROM aclexplode(relacl), me WHERE grantee = me.oid) AS has"
        "  FROM pg_class JOIN ns ON ns.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'f')),"
        " wanted (setting) AS (VALUES ('default_transaction_read_only=on'), ('statement_timeout=10min')),"
        " wrong AS ("
        "  SELECT concat_ws(' ', CASE WHEN NOT rolcanlogin THEN 'LOGIN' END,"
        "   CASE WHEN rolinherit THEN 'NOINHERIT' END, CASE WHEN rolsuper THEN 'NOSUPERUSER' END,"
        "   CASE WHEN rolcreatedb THEN 'NOCREATEDB' END, CASE WHEN rolcreaterole THEN 'NOCREATEROLE' END,"
        "   CASE WHEN rolreplication THEN 'NOREPLICATION' END, CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END,"
        "   CASE WHEN rolconnlimit <> $4::int THEN 'CONNECTION LIMIT ' || $4::int END) AS attributes"
        "  FROM me WHERE oid IS NOT NULL)"
        " SELECT what, sql FROM ("
        /* The role itself. */
        " SELECT 1, format('role %I made: may log in, at most %s connections', $1::text, $4::int),"
        "  format('CREATE ROLE %I LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
        " CONNECTION LIMIT %s PASSWORD %L', $1::text, $4::int, $5::text)"
        "  FROM me WHERE oid IS NULL"
        " UNION ALL SELECT 2, 'attributes set: ' || attributes, format('ALTER ROLE %I %s', $1::text,"
        " attributes)"
        "  FROM wrong WHERE attributes <> ''"
        " UNION ALL SELECT 3, 'password set', format('ALTER ROLE %I PASSWORD %L', $1::text, $5::text)"
        "  FROM me WHERE oid IS NOT NULL AND $5::text IS NOT NULL"
        " UNION ALL SELECT 4, 'setting ' || setting, format('ALTER ROLE %I SET %I = %L', $1::text,"
        "   split_part(setting, '=', 1), split_part(setting, '=', 2))"
        "  FROM wanted, me WHERE NOT EXISTS (SELECT FROM pg_db_role_setting"
        "   WHERE setrole = me.oid AND setdatabase = 0 AND setting = ANY (setconfig))"
        /* Database and schema. */
        " UNION ALL SELECT 5, format('may connect to database %I', datname),"
        "   format('GRANT CONNECT ON DATABASE %I TO %I', datname, $1::text)"
        "  FROM db, me WHERE NOT EXISTS (SELECT FROM aclexplode(datacl)"
        "   WHERE grantee = me.oid AND privilege_type = 'CONNECT')"
        " UNION ALL SELECT 6, format('may no longer %s in database %I', lower(privilege_type), datname),"
        "   format('REVOKE %s ON DATABASE %I FROM %I', privilege_type, datname, $1::text)"
        "  FROM db, me, aclexplode(datacl) WHERE grantee = me.oid AND privilege_type <> 'CONNECT'"
        " UNION ALL SELECT 7, format('may use schema %I', $2::text),"
        "   format('GRANT USAGE ON SCHEMA %I TO %I', $2::text, $1::text)"
        "  FROM ns, me WHERE NOT EXISTS (SELECT FROM aclexplode(nspacl)"
        "   WHERE grantee = me.oid AND privilege_type = 'USAGE')"
        " UNION ALL SELECT 8, format('may no longer create in schema %I', $2::text),"
        "   format('REVOKE CREATE ON SCHEMA %I FROM %I', $2::text, $1::text)"
        "  FROM ns, me, aclexplode(nspacl) WHERE grantee = me.oid AND privilege_type = 'CREATE'"
        /* Tables and views, now and later. */
        " UNION ALL SELECT 9, 'may read ' || string_agg(relname, ', ' ORDER BY relname),"
        "   format('GRANT SELECT ON %s TO %I', string_agg(path, ', ' ORDER BY relname), $1::text)"
        "  FROM rel WHERE NOT hidden AND NOT 'SELECT' = ANY (has) HAVING count(*) > 0"
        " UNION ALL SELECT 10, format('may no longer %s %s', lower(privilege), relname),"
        "   format('REVOKE %s ON %s FROM %I', privilege, path, $1::text)"
        "  FROM rel, unnest(has) AS privilege WHERE hidden OR privilege <> 'SELECT'"
        " UNION ALL SELECT 11, format('may read what %I creates in schema %I later', current_user, $2::text),"
        "   format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO %I', $2::text, $1::text)"
        "  FROM ns, me WHERE NOT EXISTS (SELECT FROM pg_default_acl d, aclexplode(defaclacl) a"
        "   WHERE defaclnamespace = ns.oid AND defaclrole = current_user::regrole AND defaclobjtype = 'r'"
        "   AND a.grantee = me.oid AND a.privilege_type = 'SELECT')"
        ") AS steps (n, what, sql) ORDER BY n, what";

/* $1 role, $2 schema, $3 excluded tables: what the role may do although nothing grants it to the role itself. */
static const char find_notes[] =
        "WITH me AS (SELECT r.oid FROM (SELECT 1) one LEFT JOIN pg_roles r ON r.rolname = $1::text),"
        " rel AS (SELECT c.*, nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        "  WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname NOT IN ('pg_catalog',"
        " 'information_schema')) SELECT note FROM ("
        " SELECT 1, format('everybody (PUBLIC) may create temporary tables in database %I', datname)"
        "  FROM pg_database, aclexplode(COALESCE(datacl, acldefault('d', datdba)))"
        "  WHERE datname = current_database() AND grantee = 0 AND privilege_type = 'TEMPORARY'"
        " UNION ALL SELECT 2, format('everybody (PUBLIC) may create objects in schema %I', nspname)"
        "  FROM pg_namespace, aclexplode(nspacl) WHERE grantee = 0 AND privilege_type = 'CREATE'"
        " UNION ALL SELECT 3, format('everybody (PUBLIC) may run the functions of schema %I: %s', $2::text,"
        "   string_agg(DISTINCT proname, ', ' ORDER BY proname))"
        "  FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace,"
        "   aclexplode(COALESCE(proacl, acldefault('f', proowner)))"
        "  WHERE nspname = $2::text AND grantee = 0 HAVING count(*) > 0"
        " UNION ALL SELECT 4, format('everybody (PUBLIC) may %s %I.%I', lower(privilege_type), nspname,"
        " relname)"
        "  FROM rel, aclexplode(relacl) WHERE grantee = 0"
        "   AND (nspname <> $2::text OR privilege_type <> 'SELECT' OR relname = ANY ($3::text[]))"
        " UNION ALL SELECT 5, format('the role is a member of %I', rolname)"
        "  FROM me JOIN pg_auth_members m ON member = me.oid JOIN pg_roles g ON g.oid = roleid"
        " UNION ALL SELECT 6, format('the role owns %I.%I', nspname, relname)"
        "  FROM me JOIN rel ON relowner = me.oid"
        " UNION ALL SELECT 7, format('there is no table %I in schema %I to exclude', name, $2::text)"
        "  FROM unnest($3::text[]) AS name"
        "  WHERE NOT EXISTS (SELECT FROM rel WHERE nspname = $2::text AND relname = name)"
        ") AS notes (n, note) ORDER BY n, note";

static const char find_facts[] = "SELECT (SELECT count(*) FROM pg_roles WHERE rolname = $1::text),"
                                 " (SELECT count(*) FROM pg_namespace WHERE nspname = $2::text)";

static struct err *check_facts(const struct query_wait *w, struct query_conn *conn,
                               const struct query_setup *setup, struct query_setup_report *out)
{
	const char *params[] = {setup->role, setup->schema};
	const struct query_step step = {.sql = find_facts, .params = params, .nparams = 2};
	PGresult *res;
	bool schema;

	TRY(query_conn_trip(w, conn, &step, 1, &res));
	out->existed = *PQgetvalue(res, 0, 0) != '0';
	schema = *PQgetvalue(res, 0, 1) != '0';
	PQclear(res);
	if (schema)
		return NULL;
	return err_hint(
	        err_new(w->a, ERR_NOT_FOUND, "there is no schema \"%s\" in this database", setup->schema),
	        "Name the schema that holds the tables, exactly as it is written.");
}

/* The server gets SCRAM's verifier: the password itself would stand in its log and its statistics. */
static struct err *verifier(const struct query_wait *w, struct query_conn *conn,
                            const struct query_setup *setup, const char **out)
{
	char *text;

	*out = NULL;
	if (!setup->password)
		return NULL;
	text = PQencryptPasswordConn(conn->pg, setup->password, setup->role, "scram-sha-256");
	if (!text)
		return err_new(w->a, ERR_QUERY, "the password cannot be prepared for the server");
	*out = arena_strdup(w->a, text);
	PQfreemem(text);
	return NULL;
}

static struct err *find(const struct query_wait *w, struct query_conn *conn, const struct query_setup *setup,
                        struct query_setup_report *out)
{
	const char *password;

	TRY(check_facts(w, conn, setup, out));
	TRY(verifier(w, conn, setup, &password));
	const char *params[] = {setup->role, setup->schema, query_text_array(w->a, setup->excluded),
	                        arena_printf(w->a, "%lld", (long long)setup->connections), password};
	const struct query_step steps[] = {
	        {.sql = find_steps, .params = params, .nparams = 5},
	        {.sql = find_notes, .params = params, .nparams = 3},
	};
	PGresult *res[2];
	TRY(query_conn_trip(w, conn, steps, 2, res));
	out->nsteps = (size_t)PQntuples(res[0]);
	out->steps = ARENA_ARRAY(w->a, struct query_setup_step, out->nsteps);
	for (size_t i = 0; i < out->nsteps; i++)
		out->steps[i] = (struct query_setup_step){arena_strdup(w->a, PQgetvalue(res[0], (int)i, 0)),
		                                          arena_strdup(w->a, PQgetvalue(res[0], (int)i, 1))};
	out->nnotes = (size_t)PQntuples(res[1]);
	out->notes = ARENA_ARRAY(w->a, const char *, out->nnotes);
	for (size_t i = 0; i < out->nnotes; i++)
		out->notes[i] = arena_strdup(w->a, PQgetvalue(res[1], (int)i, 0));
	PQclear(res[0]);
	PQclear(res[1]);
	return NULL;
}

static struct err *apply(const struct query_wait *w, struct query_conn *conn,
                         const struct query_setup_report *report)
{
	for (size_t i = 0; i < report->nsteps; i++) {
		const struct query_step step = {.sql = report->steps[i].sql};
		PGresult *res;
		struct err *e = query_conn_trip(w, conn, &step, 1, &res);

		if (e) {
			e->position = 0;
			e->hint = "Nothing was changed. Use the owner of the tables with CREATEROLE, or a"
			          " superuser.";
			return err_detail(e, "The step was: %s.", report->steps[i].what);
		}
		PQclear(res);
	}
	return NULL;
}

static struct err *command(const struct query_wait *w, struct query_conn *conn, const char *sql)
{
	const struct query_step step = {.sql = sql};
	PGresult *res;

	TRY(query_conn_trip(w, conn, &step, 1, &res));
	PQclear(res);
	return NULL;
}

struct err *query_setup_role(struct ctx *ctx, const struct project_source *admin,
                             const struct query_setup *setup, struct query_setup_report *out)
{
	struct project_source source = *admin;
	struct query_wait w = query_wait_ms(ctx, TIMEOUT_MS);
	struct query_conn *conn;
	struct err *e;

	*out = (struct query_setup_report){0};
	source.id = 0;
	TRY(query_conn_open(&w, &source, &conn));
	e = command(&w, conn, "BEGIN TRANSACTION READ WRITE");
	if (!e)
		e = command(&w, conn, "SET LOCAL search_path = pg_catalog, pg_temp");
	if (!e)
		e = find(&w, conn, setup, out);
	if (!e && !setup->dry_run)
		e = apply(&w, conn, out);
	if (!e)
		e = command(&w, conn, setup->dry_run ? "ROLLBACK" : "COMMIT");
	query_conn_close(conn);
	return e;
}
