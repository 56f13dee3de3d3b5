/*
 * The stored form of a dictionary. What a table or column does not have is not written: most columns are
 * a name and a type.
 */
#include "catalog/catalog_priv.h"
#include "lib/arena.h"
#include "lib/json.h"

enum { VERSION = 1 };

static void put_text(struct json_writer *w, const char *key, const char *text)
{
	if (text)
		json_put_cstr(w, key, text);
}

static void put_flag(struct json_writer *w, const char *key, bool set)
{
	if (set)
		json_put_bool(w, key, true);
}

static void put_texts(struct json_writer *w, const char *key, const char *const *texts, size_t n)
{
	if (!n)
		return;
	json_array_open(w, key);
	for (size_t i = 0; i < n; i++)
		json_put_cstr(w, NULL, texts[i]);
	json_array_close(w);
}

static void put_column(struct json_writer *w, const struct catalog_column *c)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "name", c->name);
	if (!str_is(str_of(c->name), c->ident))
		json_put_cstr(w, "ident", c->ident);
	json_put_cstr(w, "type", c->type);
	put_text(w, "default", c->dflt);
	put_text(w, "comment", c->comment);
	put_flag(w, "not_null", c->not_null);
	put_flag(w, "primary", c->primary);
	put_flag(w, "unique", c->unique);
	put_text(w, "references", c->references);
	put_text(w, "references_table", c->references_table);
	put_texts(w, "enum", c->enum_values, c->nenum_values);
	put_texts(w, "samples", c->samples, c->nsamples);
	put_text(w, "low", c->low);
	put_text(w, "high", c->high);
	json_object_close(w);
}

static void put_constraints(struct json_writer *w, const struct catalog_table *t)
{
	if (!t->nconstraints)
		return;
	json_array_open(w, "constraints");
	for (size_t i = 0; i < t->nconstraints; i++) {
		json_object_open(w, NULL);
		json_put_cstr(w, "text", t->constraints[i]);
		put_text(w, "table", t->constraint_tables[i]);
		json_object_close(w);
	}
	json_array_close(w);
}

static void put_keys(struct json_writer *w, const struct catalog_table *t)
{
	if (!t->nunique_keys)
		return;
	json_array_open(w, "unique_keys");
	for (size_t i = 0; i < t->nunique_keys; i++)
		put_texts(w, NULL, t->unique_keys[i].p, t->unique_keys[i].n);
	json_array_close(w);
}

static void put_table(struct json_writer *w, const struct catalog_table *t)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "name", t->name);
	if (!str_is(str_of(t->name), t->ident))
		json_put_cstr(w, "ident", t->ident);
	json_put_cstr(w, "kind", t->kind);
	put_text(w, "comment", t->comment);
	json_put_i64(w, "rows", t->rows);
	json_array_open(w, "columns");
	for (size_t i = 0; i < t->ncolumns; i++)
		put_column(w, &t->columns[i]);
	json_array_close(w);
	put_texts(w, "primary_key", t->primary_key, t->nprimary_key);
	put_keys(w, t);
	put_constraints(w, t);
	put_texts(w, "indexes", t->indexes, t->nindexes);
	json_object_close(w);
}

void catalog_put_json(struct buf *b, const struct catalog *c)
{
	struct json_writer w = {.b = b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "version", VERSION);
	json_put_cstr(&w, "database", c->database);
	json_put_cstr(&w, "schema", c->schema);
	json_array_open(&w, "tables");
	for (size_t i = 0; i < c->ntables; i++)
		put_table(&w, &c->tables[i]);
	json_array_close(&w);
	json_object_close(&w);
}

static const char *get_text(struct arena *a, struct json_object *o, const char *key)
{
	return arena_strdup(a, json_get_str(o, key));
}

/* A text that is always there; "" if the stored form was tampered with. */
static const char *need_text(struct arena *a, struct json_object *o, const char *key)
{
	const char *text = get_text(a, o, key);

	return text ? text : "";
}

static const char **read_texts(struct arena *a, struct json_object *list, size_t *n)
{
	const char **texts;

	*n = json_length(list);
	if (!*n)
		return NULL;
	texts = ARENA_ARRAY(a, const char *, *n);
	for (size_t i = 0; i < *n; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(list, i));

		texts[i] = arena_strdup(a, text ? text : "");
	}
	return texts;
}

static const char **get_texts(struct arena *a, struct json_object *o, const char *key, size_t *n)
{
	return read_texts(a, json_get_array(o, key), n);
}

static void get_column(struct arena *a, struct json_object *o, struct catalog_column *c)
{
	*c = (struct catalog_column){
	        .name = need_text(a, o, "name"),
	        .ident = get_text(a, o, "ident"),
	        .type = need_text(a, o, "type"),
	        .dflt = get_text(a, o, "default"),
	        .comment = get_text(a, o, "comment"),
	        .not_null = json_get_bool(o, "not_null", false),
	        .primary = json_get_bool(o, "primary", false),
	        .unique = json_get_bool(o, "unique", false),
	        .references = get_text(a, o, "references"),
	        .references_table = get_text(a, o, "references_table"),
	};
	if (!c->ident)
		c->ident = c->name;
	c->enum_values = get_texts(a, o, "enum", &c->nenum_values);
	c->samples = get_texts(a, o, "samples", &c->nsamples);
	c->low = get_text(a, o, "low");
	c->high = get_text(a, o, "high");
}

static void get_constraints(struct arena *a, struct json_object *o, struct catalog_table *t)
{
	struct json_object *list = json_get_array(o, "constraints");

	t->nconstraints = json_length(list);
	t->constraints = ARENA_ARRAY(a, const char *, t->nconstraints);
	t->constraint_tables = ARENA_ARRAY(a, const char *, t->nconstraints);
	for (size_t i = 0; i < t->nconstraints; i++) {
		struct json_object *k = json_object_array_get_idx(list, i);

		t->constraints[i] = need_text(a, k, "text");
		t->constraint_tables[i] = get_text(a, k, "table");
	}
}

static void get_keys(struct arena *a, struct json_object *o, struct catalog_table *t)
{
	struct json_object *list = json_get_array(o, "unique_keys");

	t->nunique_keys = json_length(list);
	t->unique_keys = ARENA_ARRAY(a, struct db_texts, t->nunique_keys);
	for (size_t i = 0; i < t->nunique_keys; i++) {
		struct json_object *key = json_object_array_get_idx(list, i);

		t->unique_keys[i].p = json_object_is_type(key, json_type_array)
		                              ? read_texts(a, key, &t->unique_keys[i].n)
		                              : NULL;
	}
}

static void get_table(struct arena *a, struct json_object *o, struct catalog_table *t)
{
	struct json_object *columns = json_get_array(o, "columns");

	*t = (struct catalog_table){
	        .name = need_text(a, o, "name"),
	        .ident = get_text(a, o, "ident"),
	        .kind = need_text(a, o, "kind"),
	        .comment = get_text(a, o, "comment"),
	        .rows = json_get_i64(o, "rows", -1),
	        .ncolumns = json_length(columns),
	};
	if (!t->ident)
		t->ident = t->name;
	t->columns = ARENA_ARRAY(a, struct catalog_column, t->ncolumns);
	for (size_t i = 0; i < t->ncolumns; i++)
		get_column(a, json_object_array_get_idx(columns, i), &t->columns[i]);
	t->primary_key = get_texts(a, o, "primary_key", &t->nprimary_key);
	get_keys(a, o, t);
	get_constraints(a, o, t);
	t->indexes = get_texts(a, o, "indexes", &t->nindexes);
}

struct err *catalog_read_json(struct arena *a, struct str text, struct catalog **out)
{
	struct arena *own = arena_create();
	struct json_object *o = NULL, *tables = NULL;
	struct err *e = json_read(own, text, JSON_DEPTH, &o);

	if (!e)
		tables = json_get_array(o, "tables");
	if (e || !tables || json_get_i64(o, "version", 0) != VERSION) {
		arena_free(own);
		return err_new(a, ERR_INVALID, "the stored dictionary cannot be read");
	}
	struct catalog *c = ARENA_NEW(a, struct catalog);
	c->database = need_text(a, o, "database");
	c->schema = need_text(a, o, "schema");
	c->ntables = json_length(tables);
	c->tables = ARENA_ARRAY(a, struct catalog_table, c->ntables);
	for (size_t i = 0; i < c->ntables; i++) {
		get_table(a, json_object_array_get_idx(tables, i), &c->tables[i]);
		c->ncolumns += c->tables[i].ncolumns;
	}
	arena_free(own);
	*out = c;
	return NULL;
}
