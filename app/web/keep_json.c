/* The form of a kept chart as it is stored with its version, so that it can be opened again. */
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "web/keep_priv.h"

static void put_texts(struct json_writer *w, const char *key, struct db_texts texts)
{
	json_array_open(w, key);
	for (size_t i = 0; i < texts.n; i++)
		json_put_cstr(w, NULL, texts.p[i]);
	json_array_close(w);
}

const char *keep_json(struct arena *a, const struct keep_form *f)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "sql", f->sql);
	json_array_open(&w, "columns");
	for (size_t i = 0; i < f->ncolumns; i++) {
		json_object_open(&w, NULL);
		json_put_cstr(&w, "name", f->columns[i].name);
		json_put_cstr(&w, "kind", query_kind_name(f->columns[i].kind));
		json_object_close(&w);
	}
	json_array_close(&w);
	json_put_cstr(&w, "kind", f->kind);
	json_put_cstr(&w, "x", f->x);
	put_texts(&w, "y", f->y);
	json_put_cstr(&w, "series", f->series);
	json_put_cstr(&w, "aggregate", f->aggregate);
	json_put_cstr(&w, "format", f->format);
	json_put_bool(&w, "stacked", f->stacked);
	json_object_close(&w);
	return buf_cstr(&b);
}

static enum query_kind kind_of(const char *name)
{
	for (int k = 0; name && k < QUERY_KIND__MAX; k++)
		if (!strcmp(query_kind_name(k), name))
			return (enum query_kind)k;
	return QUERY_TEXT;
}

static struct db_texts texts_of(struct arena *a, struct json_object *list)
{
	struct db_texts t = {ARENA_ARRAY(a, const char *, json_length(list)), 0};

	for (size_t i = 0; i < json_length(list); i++)
		t.p[t.n++] = json_object_get_string(json_object_array_get_idx(list, i));
	return t;
}

static const char *text_of(struct json_object *o, const char *key)
{
	const char *text = json_get_str(o, key);

	return text ? text : "";
}

struct err *keep_read(struct arena *a, const char *json, struct keep_form *out)
{
	struct json_object *o, *columns;

	TRY(json_read(a, str_of(json), JSON_DEPTH, &o));
	columns = json_get_array(o, "columns");
	*out = (struct keep_form){.sql = text_of(o, "sql"),
	                          .columns = ARENA_ARRAY(a, struct query_column, json_length(columns)),
	                          .ncolumns = json_length(columns),
	                          .kind = text_of(o, "kind"),
	                          .x = text_of(o, "x"),
	                          .y = texts_of(a, json_get_array(o, "y")),
	                          .series = text_of(o, "series"),
	                          .aggregate = text_of(o, "aggregate"),
	                          .format = text_of(o, "format"),
	                          .stacked = json_get_bool(o, "stacked", false)};
	for (size_t i = 0; i < out->ncolumns; i++) {
		struct json_object *c = json_object_array_get_idx(columns, i);

		out->columns[i] = (struct query_column){text_of(c, "name"), "", kind_of(json_get_str(c, "kind"))};
	}
	return NULL;
}
