/*
 * What the policy says of tables, and its JSON form.
 */
#include <json-c/linkhash.h>

#include "lib/json.h"
#include "sql/sql_priv.h"

static const char *const mask_names[SQL_MASK__MAX] = {
        [SQL_MASK_FULL] = "full", [SQL_MASK_EMAIL] = "email", [SQL_MASK_LAST4] = "last4",
        [SQL_MASK_HASH] = "hash", [SQL_MASK_YEAR] = "year",   [SQL_MASK_NULL] = "null",
};

/* A permission has to be exact. */
static bool listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

/* An exclusion counts in any case of letters, quoted or not: which case the table really has is not known. */
static bool excluded(const struct sql_policy *p, const char *name)
{
	for (size_t i = 0; i < p->nexcluded; i++)
		if (str_eq_nocase(str_of(p->excluded[i]), str_of(name)))
			return true;
	return false;
}

const struct sql_table *table_known(const struct sql_policy *p, const char *name)
{
	for (size_t i = 0; i < p->ntables; i++)
		if (!strcmp(p->tables[i].name, name))
			return &p->tables[i];
	return NULL;
}

const struct sql_table *table_ruled(const struct sql_policy *p, const char *name)
{
	for (size_t i = 0; i < p->ntables; i++)
		if ((p->tables[i].filter || p->tables[i].nmasks) &&
		    str_eq_nocase(str_of(p->tables[i].name), str_of(name)))
			return &p->tables[i];
	return NULL;
}

/* Only of what may be read. */
static const char *nearest_table(struct arena *a, const struct sql_policy *p, const char *name)
{
	const char **known = ARENA_ARRAY(a, const char *, p->nallowed + p->ntables + 1);
	size_t n = 0;
	for (size_t i = 0; i < p->nallowed; i++)
		known[n++] = p->allowed[i];
	for (size_t i = 0; !p->allowed && i < p->ntables; i++)
		known[n++] = p->tables[i].name;
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (!excluded(p, known[i]))
			known[kept++] = known[i];
	return nearest(a, name, known, kept);
}

#define LOOK \
	"describe_table and search_schema, and the Data page, tell the tables and columns of this project."

static struct err *refused(struct arena *a, const char *message)
{
	return err_code(err_new(a, ERR_REFUSED, "%s", message), "table_not_allowed");
}

/* The same words whether the table is excluded or is not there at all. */
struct err *sql_no_table(struct arena *a, const struct sql_policy *p, const char *schema, const char *table)
{
	const char *name = arena_printf(a, "%s.%s", *schema ? schema : p->schema, table);
	struct err *e = refused(a, arena_printf(a, "table %s does not exist or may not be read", name));
	const char *near = nearest_table(a, p, table);
	if (near && (strcmp(near, table) != 0 || (*schema && strcmp(schema, p->schema) != 0)))
		return err_hint(e, "Did you mean %s.%s?", p->schema, near);
	return err_hint(e, LOOK);
}

static struct err *hidden_table(struct arena *a, const struct sql_policy *p, const char *table)
{
	return err_hint(refused(a, arena_printf(a, "table %s.%s exists, but may not be read with this role",
	                                        p->schema, table)),
	                "Somebody who administers this project can give access to it.");
}

static bool is_catalog(const char *schema, const char *table)
{
	return !strcmp(schema, "information_schema") || !strncmp(schema, "pg_", 3) ||
	       !strncmp(table, "pg_", 3);
}

static struct err *table_allowed(struct arena *a, const struct sql_policy *p, const PgQuery__RangeVar *t)
{
	const char *schema = t->schemaname, *table = t->relname;
	if (*t->catalogname)
		return err_hint(refused(a, "a table with a database name is not allowed"),
		                "Write schema.table or the table's name alone.");
	bool ours = !*schema || !strcmp(schema, p->schema);
	if (ours && excluded(p, table))
		return p->tells_hidden ? hidden_table(a, p, table) : sql_no_table(a, p, schema, table);
	bool catalog = is_catalog(p->schema, "");
	if (ours && !catalog && p->allowed && listed(p->allowed, p->nallowed, table))
		return NULL;
	if (catalog || is_catalog(schema, table))
		return err_hint(refused(a, "system catalogs may not be read"), LOOK);
	return ours && !p->allowed ? NULL : sql_no_table(a, p, schema, table);
}

struct err *policy_allows(struct guard *g, const PgQuery__RangeVar *t)
{
	struct err *e = table_allowed(g->a, g->policy, t);
	return e ? err_at(e, refuse_position(g, t->location)) : NULL;
}

static struct err *bad(struct arena *a, const char *key, const char *what)
{
	return err_new(a, ERR_INVALID, "policy: %s must be %s", key, what);
}

static struct err *read_names(struct arena *a, struct json_object *o, const char *key, const char ***out,
                              size_t *n)
{
	if (!json_object_is_type(o, json_type_array))
		return bad(a, key, "an array of names");
	*n = json_object_array_length(o);
	*out = ARENA_ARRAY(a, const char *, *n + 1);
	for (size_t i = 0; i < *n; i++) {
		struct json_object *name = json_object_array_get_idx(o, i);
		if (!json_object_is_type(name, json_type_string))
			return bad(a, key, "an array of names");
		(*out)[i] = arena_strdup(a, json_object_get_string(name));
	}
	return NULL;
}

static struct err *read_list(struct arena *a, struct json_object *o, const char *key, const char ***out,
                             size_t *n)
{
	struct json_object *list = json_get(o, key);
	return list ? read_names(a, list, key, out, n) : NULL;
}

typedef struct err *member_fn(struct arena *a, struct sql_table *t, struct json_object *value);

/* Calls read for each table named in the object under key. */
static struct err *read_tables(struct arena *a, struct json_object *o, const char *key, struct sql_policy *p,
                               struct sql_table *tables, member_fn *read)
{
	struct json_object *by_table = json_get(o, key);
	if (!by_table)
		return NULL;
	if (!json_object_is_type(by_table, json_type_object))
		return bad(a, key, "an object of tables");
	json_object_object_foreach(by_table, name, value) {
		struct sql_table *t = tables;
		while (t < tables + p->ntables && strcmp(t->name, name) != 0)
			t++;
		if (t == tables + p->ntables) {
			t->name = arena_strdup(a, name);
			p->ntables++;
		}
		TRY(read(a, t, value));
	}
	return NULL;
}

static struct err *read_columns(struct arena *a, struct sql_table *t, struct json_object *value)
{
	return read_names(a, value, "columns", &t->columns, &t->ncolumns);
}

static struct err *read_filter(struct arena *a, struct sql_table *t, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return bad(a, "row_filters", "SQL expressions by table");
	t->filter = arena_strdup(a, json_object_get_string(value));
	return NULL;
}

enum sql_mask_kind sql_mask_kind_of(const char *name)
{
	int k = 0;

	while (k < SQL_MASK__MAX && strcmp(mask_names[k], name) != 0)
		k++;
	return (enum sql_mask_kind)k;
}

static struct err *read_mask(struct arena *a, struct sql_mask *m, const char *column,
                             struct json_object *value)
{
	const char *name = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
	m->column = arena_strdup(a, column);
	m->kind = sql_mask_kind_of(name);
	if (m->kind != SQL_MASK__MAX)
		return NULL;
	return bad(a, "masks", "full, email, last4, hash, year or null by table and column");
}

static struct err *read_masks(struct arena *a, struct sql_table *t, struct json_object *value)
{
	if (!json_object_is_type(value, json_type_object))
		return bad(a, "masks", "objects of columns by table");
	struct sql_mask *masks =
	        ARENA_ARRAY(a, struct sql_mask, (size_t)json_object_object_length(value) + 1);
	t->masks = masks;
	json_object_object_foreach(value, column, kind)
		TRY(read_mask(a, &masks[t->nmasks++], column, kind));
	return NULL;
}

static size_t members(struct json_object *o, const char *key)
{
	struct json_object *m = json_get(o, key);
	return json_object_is_type(m, json_type_object) ? (size_t)json_object_object_length(m) : 0;
}

static struct err *read_dialect(struct arena *a, struct json_object *o, struct sql_policy *p)
{
	static const char *const names[] = {[SQL_POSTGRES] = "postgres", [SQL_DUCKDB] = "duckdb"};
	struct json_object *value = json_get(o, "dialect");
	if (!value)
		return NULL;
	const char *name = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], name)) {
			p->dialect = (enum sql_dialect)i;
			return NULL;
		}
	return bad(a, "dialect", "postgres or duckdb");
}

/* "user": {"email": "ann@example.com", "groups": ["sales"]} */
static struct err *read_user(struct arena *a, struct json_object *o, struct sql_policy *p)
{
	struct json_object *user = json_get(o, "user");
	if (!user)
		return NULL;
	if (!json_object_is_type(user, json_type_object))
		return bad(a, "user", "an object with email and groups");
	struct json_object *email = json_get(user, "email");
	if (email && !json_object_is_type(email, json_type_string))
		return bad(a, "user", "an object with email and groups");
	p->user_email = arena_strdup(a, json_get_str(user, "email"));
	return read_list(a, user, "groups", &p->user_groups, &p->nuser_groups);
}

struct err *sql_policy_read(struct arena *a, struct str json, struct sql_policy **out)
{
	struct json_object *o;
	struct sql_policy *p = ARENA_NEW(a, struct sql_policy);
	TRY(json_read(a, json, JSON_DEPTH, &o));
	p->schema = arena_strdup(a, json_get_str(o, "schema"));
	if (!p->schema || !*p->schema)
		return bad(a, "schema", "the name of a schema");
	TRY(read_list(a, o, "allowed_tables", &p->allowed, &p->nallowed));
	TRY(read_list(a, o, "excluded_tables", &p->excluded, &p->nexcluded));
	p->max_rows = json_get_i64(o, "max_rows", SQL_ROWS);
	if (p->max_rows < 1)
		return bad(a, "max_rows", "a number above 0");
	p->mask_key = arena_strdup(a, json_get_str(o, "mask_key"));
	p->tells_hidden = json_get_bool(o, "tells_hidden", false);
	TRY(read_dialect(a, o, p));
	TRY(read_user(a, o, p));
	size_t n = members(o, "columns") + members(o, "row_filters") + members(o, "masks");
	struct sql_table *tables = ARENA_ARRAY(a, struct sql_table, n + 1);
	p->tables = tables;
	TRY(read_tables(a, o, "columns", p, tables, read_columns));
	TRY(read_tables(a, o, "row_filters", p, tables, read_filter));
	TRY(read_tables(a, o, "masks", p, tables, read_masks));
	*out = p;
	return NULL;
}
