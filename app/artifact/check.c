/* What an artifact may say, and its parts as they are stored. */
#include <string.h>

#include "artifact/artifact_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum { TITLE_BYTES = 200, NOTE_BYTES = 500, SQL_BYTES = 32 << 10, NAME_BYTES = 40 };

static const struct artifact_type types[] = {
#define TYPE(name, label, ending, framed) {#name, label, ending, framed},
#include "artifact/types.def"
#undef TYPE
};

const struct artifact_type *artifact_type(const char *name)
{
	for (size_t i = 0; name && i < sizeof(types) / sizeof(*types); i++)
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
	return NULL;
}

static const char *type_names(struct arena *a)
{
	struct buf b = buf_init(a, BUF_LINE);

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		buf_printf(&b, "%s%s", i ? ", " : "", types[i].name);
	return buf_cstr(&b);
}

static bool is_text(const char *text)
{
	return text && str_utf8_valid(str_of(text));
}

static struct err *wrong(struct arena *a, const char *code, const char *what)
{
	return err_code(err_new(a, ERR_INVALID, "%s", what), code);
}

/* A name that code can write as data.<name>. */
static bool is_name(const char *name)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	size_t n = name ? strlen(name) : 0;

	return n && n <= NAME_BYTES && strspn(name, chars) == n && !(name[0] >= '0' && name[0] <= '9');
}

static struct err *check_sources(struct arena *a, const struct artifact_draft *d)
{
	if (d->nsources > ARTIFACT_SOURCES)
		return wrong(a, "sources", "an artifact has at most 8 queries");
	for (size_t i = 0; i < d->nsources; i++) {
		const struct artifact_source *s = &d->sources[i];

		if (!is_name(s->name))
			return wrong(a, "sources",
			             "a query's name is 1 to 40 letters, digits and _, and begins with a letter");
		for (size_t j = 0; j < i; j++)
			if (strcmp(d->sources[j].name, s->name) == 0)
				return wrong(a, "sources", "two queries have the same name");
		if (!is_text(s->sql) || !*s->sql || strlen(s->sql) > SQL_BYTES)
			return wrong(a, "sources", "a query is empty, too long or no valid text");
	}
	return NULL;
}

/* Its members stand beside the queries, under names of their own. */
static struct err *check_data(struct arena *a, const struct artifact_draft *d)
{
	struct json_object *o;

	if (!d->data)
		return NULL;
	if (strlen(d->data) > ARTIFACT_DATA_BYTES)
		return err_code(err_hint(err_new(a, ERR_TOO_LARGE, "the data of an artifact is larger than 1 MB"),
		                         "Name the queries that it comes from instead."),
		                "data");
	if (json_read(a, str_of(d->data), JSON_DEPTH, &o) || !json_object_is_type(o, json_type_object))
		return wrong(a, "data", "the data of an artifact is not a JSON object");
	for (size_t i = 0; i < d->nsources; i++)
		if (json_object_object_get_ex(o, d->sources[i].name, NULL))
			return wrong(a, "data", "the data of an artifact has the name of one of its queries");
	return NULL;
}

static struct err *check_figure(struct arena *a, const char *type, const char *code)
{
	struct json_object *o;

	if (strcmp(type, "plotly") != 0 && strcmp(type, "echarts") != 0)
		return NULL;
	if (json_read(a, str_of(code), JSON_DEPTH_TREE, &o) || !json_object_is_type(o, json_type_object))
		return wrong(a, "code", "the code of a chart is a JSON object");
	return NULL;
}

struct err *artifact_check_title(struct arena *a, const char *title)
{
	if (!is_text(title) || str_trim(str_of(title)).n == 0 || strlen(title) > TITLE_BYTES)
		return wrong(a, "title", "an artifact needs a title of at most 200 bytes");
	return NULL;
}

struct err *artifact_check(struct arena *a, const struct artifact_draft *d, const char *type, const char *title)
{
	if (!artifact_type(type))
		return err_hint(wrong(a, "type", "there is no such type of artifact"), "The types are: %s.",
		                type_names(a));
	TRY(artifact_check_title(a, title));
	if (!is_text(d->code) || !*d->code)
		return wrong(a, "code", "an artifact needs code");
	if (strlen(d->code) > ARTIFACT_CODE_BYTES)
		return err_code(err_new(a, ERR_TOO_LARGE, "the code of an artifact is larger than 512 KB"), "code");
	if (d->note && (!is_text(d->note) || strlen(d->note) > NOTE_BYTES))
		return wrong(a, "note", "the note on a version is longer than 500 bytes or no valid text");
	TRY(check_sources(a, d));
	TRY(check_data(a, d));
	return check_figure(a, type, d->code);
}

const char *artifact_sources_json(struct arena *a, const struct artifact_source *sources, size_t n)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_array_open(&w, NULL);
	for (size_t i = 0; i < n; i++) {
		json_object_open(&w, NULL);
		json_put_cstr(&w, "name", sources[i].name);
		json_put_cstr(&w, "sql", sources[i].sql);
		json_put_i64(&w, "run_id", sources[i].run_id);
		json_object_close(&w);
	}
	json_array_close(&w);
	return buf_cstr(&b);
}

struct err *artifact_sources_read(struct arena *a, const char *json, struct artifact_version *v)
{
	struct json_object *list;

	if (!json)
		return NULL;
	TRY(json_read(a, str_of(json), JSON_DEPTH, &list));
	v->nsources = json_length(list);
	v->sources = ARENA_ARRAY(a, struct artifact_source, v->nsources);
	for (size_t i = 0; i < v->nsources; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		v->sources[i] = (struct artifact_source){json_get_str(o, "name"), json_get_str(o, "sql"),
		                                         json_get_i64(o, "run_id", 0)};
	}
	return NULL;
}
