/*
 * What a role may do besides reading. The database lists each right with who holds it: a right counts when it was
 * granted to everybody, to the role, or to a role that it can become. A table says what each kind of right means
 * and how it is taken away.
 */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

/* Rows (kind, object, right, holder), sorted. A superuser has everything, so nothing else is listed for one. */
static const char rights_sql[] =
        "WITH me AS (SELECT * FROM pg_roles WHERE rolname = current_user),"
        " holder AS (SELECT 0::oid AS oid, 'PUBLIC' AS name FROM me WHERE NOT rolsuper UNION ALL"
        "  SELECT r.oid, quote_ident(r.rolname) FROM pg_roles r, me WHERE NOT me.rolsuper"
        "  AND pg_has_role(r.oid, 'MEMBER')),"
        " db AS (SELECT quote_ident(datname) AS path, COALESCE(datacl, acldefault('d', datdba)) AS acl, datdba AS owner"
        "  FROM pg_database WHERE datname = current_database()),"
        " ns AS (SELECT oid, quote_ident(nspname) AS path, COALESCE(nspacl, acldefault('n', nspowner)) AS acl,"
        "  nspowner AS owner FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),"
        " rel AS (SELECT c.oid, format('%s.%I', ns.path, relname) AS path, relkind = 'S' AS sequence, relacl,"
        "  relowner AS owner FROM pg_class c JOIN ns ON ns.oid = relnamespace"
        "  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')),"
        " relation_right AS ("
        "  SELECT path, sequence, owner, a.* FROM rel, aclexplode(relacl) a UNION"
        "  SELECT path, sequence, owner, a.* FROM rel JOIN pg_attribute ON attrelid = rel.oid, aclexplode(attacl) a),"
        " proc AS (SELECT p.oid::regprocedure::text AS path, proname, pronamespace = 'pg_catalog'::regnamespace AS"
        "  own, prosecdef, NOT lanpltrusted AND lanname NOT IN ('internal', 'c', 'sql') AS untrusted, proowner AS owner,"
        "  COALESCE(proacl, acldefault('f', proowner)) AS acl FROM pg_proc p JOIN pg_language l ON l.oid = prolang"
        "  WHERE pronamespace = 'pg_catalog'::regnamespace OR pronamespace IN (SELECT oid FROM ns)"
        "   OR proname ~ '^dblink')"
        " SELECT kind, object, what, holder.name FROM ("
        " SELECT 'superuser' AS kind, '' AS object, '' AS what, 0::oid AS grantee FROM me WHERE rolsuper"
        " UNION ALL SELECT 'attribute', v.object, v.what, 0 FROM me,"
        "  (VALUES ('create roles', 'NOCREATEROLE', 1), ('create databases', 'NOCREATEDB', 2),"
        "   ('replicate', 'NOREPLICATION', 3), ('bypass row security', 'NOBYPASSRLS', 4)) v (object, what, n)"
        "  WHERE (ARRAY[rolcreaterole, rolcreatedb, rolreplication, rolbypassrls])[n]"
        " UNION ALL SELECT CASE WHEN rolname = 'pg_read_all_data' THEN 'reads all' ELSE 'member' END, rolname, '', oid"
        "  FROM pg_roles WHERE rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files',"
        "   'pg_write_server_files', 'pg_execute_server_program', 'pg_signal_backend', 'pg_maintain',"
        "   'pg_create_subscription', 'pg_checkpoint')"
        " UNION ALL SELECT 'database', path, privilege_type, grantee FROM db, aclexplode(acl)"
        "  WHERE privilege_type = 'CREATE'"
        " UNION ALL SELECT 'schema', path, privilege_type, grantee FROM ns, aclexplode(acl)"
        "  WHERE privilege_type = 'CREATE'"
        " UNION ALL SELECT 'table', path, privilege_type, grantee FROM relation_right WHERE NOT sequence"
        "  AND grantee <> owner AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'MAINTAIN')"
        " UNION ALL SELECT 'sequence', path, privilege_type, grantee FROM relation_right WHERE sequence"
        "  AND grantee <> owner AND privilege_type IN ('USAGE', 'UPDATE')"
        " UNION ALL SELECT 'owner', path, '', owner FROM rel UNION ALL SELECT 'owner', 'schema ' || path, '', owner FROM ns"
        " UNION ALL SELECT 'owner', 'database ' || path, '', owner FROM db"
        " UNION ALL SELECT 'owner', 'routine ' || path, '', owner FROM proc WHERE NOT own"
        " UNION ALL SELECT CASE WHEN own OR NOT prosecdef OR untrusted THEN 'outside' ELSE 'definer' END, path,"
        "   privilege_type, grantee FROM proc, aclexplode(acl)"
        "  WHERE CASE WHEN own THEN proname IN ('pg_read_file', 'pg_read_binary_file', 'pg_stat_file', 'pg_ls_dir',"
        "    'lo_import', 'lo_export', 'pg_reload_conf', 'pg_rotate_logfile', 'pg_promote', 'pg_switch_wal',"
        "    'pg_create_restore_point', 'pg_start_backup', 'pg_backup_start', 'pg_stop_backup', 'pg_backup_stop')"
        "   ELSE grantee <> owner AND (prosecdef OR untrusted OR proname ~ '^(dblink|pg_file_|pg_logdir_ls)') END"
        " UNION ALL SELECT 'temporary', path, privilege_type, grantee FROM db, aclexplode(acl)"
        "  WHERE privilege_type = 'TEMPORARY' AND grantee <> owner"
        ") AS rights LEFT JOIN holder ON holder.oid = grantee"
        " WHERE kind IN ('superuser', 'attribute') OR holder.oid IS NOT NULL ORDER BY kind, object, what, holder.name";

#define OTHER_ROLE "Use another role: quern setup-db makes one that only reads."

enum { TAKE_REVOKE, TAKE_MEMBERSHIP, TAKE_ATTRIBUTE, TAKE_ROLE };

/* Gravest first. The objects stand between the two parts of the sentence. */
static const struct kind {
	const char *name;
	bool grave;
	const char *before, *behind;
	int take;
	const char *on; /* before the objects of a REVOKE */
} kinds[] = {
        {"superuser", true, "the role is a superuser: nothing in the database limits it", "", TAKE_ROLE, ""},
        {"attribute", true, "the role may ", "", TAKE_ATTRIBUTE, ""},
        {"member", true, "the role is a member of ", "", TAKE_MEMBERSHIP, ""},
        {"owner", true, "the role owns ", "", TAKE_ROLE, ""},
        {"table", true, "the role may change data: ", "", TAKE_REVOKE, ""},
        {"sequence", true, "the role may advance sequences: ", "", TAKE_REVOKE, "SEQUENCE "},
        {"database", true, "the role may create schemas in database ", "", TAKE_REVOKE, "DATABASE "},
        {"schema", true, "the role may create objects in the schema ", "", TAKE_REVOKE, "SCHEMA "},
        {"outside", true, "the role may run functions that reach outside of the database: ", "", TAKE_REVOKE,
         "ROUTINE "},
        {"reads all", false, "the role is a member of ", ", so the project's excluded tables are open to it",
         TAKE_MEMBERSHIP, ""},
        {"definer", false, "the role may run functions that have their owner's rights: ", "", TAKE_REVOKE,
         "ROUTINE "},
        {"temporary", false, "the role may create temporary tables in database ", "", TAKE_REVOKE,
         "DATABASE "},
};

enum { KINDS = sizeof(kinds) / sizeof(*kinds), NAMED = 5, MENDED = 200 };

/* Different texts in the order of their arrival. */
struct set {
	const char **p;
	size_t n;
};

static void add(struct set *s, const char *text)
{
	for (size_t i = s->n; i-- > 0;)
		if (!strcmp(s->p[i], text))
			return;
	s->p[s->n++] = text;
}

static const char *joined(struct arena *a, const struct set *s, size_t most)
{
	struct buf b = buf_init(a, BUF_PAGE);

	for (size_t i = 0; i < s->n && i < most; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", s->p[i]);
	return buf_cstr(&b);
}

struct found {
	struct set objects, rights, holders;
};

/* Objects come sorted, so only the last can be the same. */
static struct found collect(struct arena *a, const PGresult *res, const char *kind)
{
	size_t rows = (size_t)PQntuples(res);
	struct found f = {{ARENA_ARRAY(a, const char *, rows), 0},
	                  {ARENA_ARRAY(a, const char *, rows), 0},
	                  {ARENA_ARRAY(a, const char *, rows), 0}};

	for (int i = 0; i < PQntuples(res); i++) {
		if (strcmp(PQgetvalue(res, i, 0), kind) != 0)
			continue;
		const char *object = arena_strdup(a, PQgetvalue(res, i, 1));
		if (!f.objects.n || strcmp(f.objects.p[f.objects.n - 1], object) != 0)
			f.objects.p[f.objects.n++] = object;
		add(&f.rights, arena_strdup(a, PQgetvalue(res, i, 2)));
		add(&f.holders, arena_strdup(a, PQgetvalue(res, i, 3)));
	}
	return f;
}

static const char *mend(struct arena *a, const struct kind *kind, const struct found *f, const char *role)
{
	const char *objects = joined(a, &f->objects, MENDED);

	switch (kind->take) {
	case TAKE_ROLE: return OTHER_ROLE;
	case TAKE_MEMBERSHIP: return arena_printf(a, "REVOKE %s FROM %s;", objects, role);
	case TAKE_ATTRIBUTE: {
		struct buf b = buf_init(a, BUF_LINE);
		for (size_t i = 0; i < f->rights.n; i++)
			buf_printf(&b, " %s", f->rights.p[i]);
		return arena_printf(a, "ALTER ROLE %s%s;", role, buf_cstr(&b));
	}
	default: break;
	}
	return arena_printf(a, "REVOKE %s ON %s%s FROM %s;%s", joined(a, &f->rights, f->rights.n), kind->on,
	                    objects, joined(a, &f->holders, f->holders.n),
	                    f->objects.n > MENDED ? " -- and so on" : "");
}

static const char *named(struct arena *a, const struct set *objects)
{
	const char *names = joined(a, objects, NAMED);

	return objects->n > NAMED ? arena_printf(a, "%s and %zu more", names, objects->n - NAMED) : names;
}

struct err *query_risks(const struct query_wait *w, struct query_conn *conn, const char *role,
                        struct query_warning *out, size_t *n)
{
	const struct query_step step = {.sql = rights_sql};
	const char *quoted = sql_quote_ident(w->a, role);
	PGresult *res;

	TRY(query_conn_trip(w, conn, &step, 1, &res));
	*n = 0;
	for (size_t i = 0; i < KINDS; i++) {
		struct found f = collect(w->a, res, kinds[i].name);

		if (f.objects.n)
			out[(*n)++] = (struct query_warning){
			        .text = arena_printf(w->a, "%s%s%s", kinds[i].before, named(w->a, &f.objects),
			                             kinds[i].behind),
			        .mend = mend(w->a, &kinds[i], &f, quoted),
			        .sql = kinds[i].take != TAKE_ROLE,
			        .grave = kinds[i].grave,
			};
	}
	PQclear(res);
	return NULL;
}
