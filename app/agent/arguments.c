/*
 * The arguments of a tool's call held against its JSON Schema, before it runs. What is wrong goes back to the model as one
 * precise sentence. Of JSON Schema this knows what tools.def needs: type, properties, required, additionalProperties,
 * items, enum, minimum, maximum, minLength, maxLength, minItems, maxItems; a test sees that no tool says more.
 */
#include <json-c/linkhash.h>
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"
#include "lib/buf.h"

enum { VALUE_BYTES = 60, CHOICES = 20, NAME_WORDS = 6 };

struct check {
	struct arena *a;
	const char *tool;
	const char *schema; /* as text, for the hint */
};

static const struct {
	const char *name;
	enum json_type type;
	const char *article;
} types[] = {
        {"string", json_type_string, "a string"}, {"integer", json_type_int, "an integer"},
        {"number", json_type_double, "a number"}, {"boolean", json_type_boolean, "a boolean"},
        {"array", json_type_array, "an array"},   {"object", json_type_object, "an object"},
        {"null", json_type_null, "null"},
};
enum { TYPES = sizeof(types) / sizeof(*types) };

static struct err *wrong(const struct check *c, const char *path, const char *what)
{
	const char *where = *path ? arena_printf(c->a, "argument \"%s\" ", path) : "the arguments ";

	return err_hint(err_code(err_new(c->a, ERR_INVALID, "%s: %s%s", c->tool, where, what), "arguments"),
	                "The arguments of %s are: %s", c->tool, c->schema);
}

static const char *article_of(struct json_object *v)
{
	enum json_type type = json_object_get_type(v);

	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return type == json_type_int ? "a number" : types[i].article;
	return "something else";
}

static bool is_of(struct json_object *v, const char *type)
{
	enum json_type is = json_object_get_type(v);

	for (size_t i = 0; i < TYPES; i++)
		if (!strcmp(types[i].name, type))
			return is == types[i].type ||
			       (is == json_type_int && types[i].type == json_type_double);
	return false;
}

static struct err *check_type(const struct check *c, const char *path, struct json_object *schema,
                              struct json_object *v)
{
	const char *type = json_get_str(schema, "type");

	if (!type || is_of(v, type))
		return NULL;
	for (size_t i = 0; i < TYPES; i++)
		if (!strcmp(types[i].name, type))
			type = types[i].article;
	return wrong(c, path, arena_printf(c->a, "must be %s, got %s", type, article_of(v)));
}

/* A value as JSON, cut. */
static const char *shown(const struct check *c, struct json_object *v)
{
	return str_dup(c->a, str_utf8_cut(str_of(json_object_to_json_string_ext(v, JSON_C_TO_STRING_PLAIN)),
	                                  VALUE_BYTES));
}

static struct err *check_enum(const struct check *c, const char *path, struct json_object *schema,
                              struct json_object *v)
{
	struct json_object *choices = json_get_array(schema, "enum");
	struct buf b = buf_init(c->a, BUF_LINE);

	if (!choices)
		return NULL;
	for (size_t i = 0; i < json_length(choices); i++) {
		struct json_object *choice = json_object_array_get_idx(choices, i);

		if (json_object_equal(choice, v))
			return NULL;
		if (i < CHOICES)
			buf_printf(&b, "%s%s", i ? ", " : "", shown(c, choice));
	}
	return wrong(c, path, arena_printf(c->a, "must be one of %s, got %s", buf_cstr(&b), shown(c, v)));
}

static struct err *check_between(const struct check *c, const char *path, struct json_object *schema,
                                 const char *low, const char *high, int64_t n, const char *what)
{
	int64_t least = json_get_i64(schema, low, INT64_MIN), most = json_get_i64(schema, high, INT64_MAX);

	if (n < least)
		return wrong(c, path,
		             arena_printf(c->a, "must %s at least %lld%s, got %lld", what[0] ? "have" : "be",
		                          (long long)least, what, (long long)n));
	if (n > most)
		return wrong(c, path,
		             arena_printf(c->a, "must %s at most %lld%s, got %lld", what[0] ? "have" : "be",
		                          (long long)most, what, (long long)n));
	return NULL;
}

static struct err *check_size(const struct check *c, const char *path, struct json_object *schema,
                              struct json_object *v)
{
	switch (json_object_get_type(v)) {
	case json_type_string:
		return check_between(c, path, schema, "minLength", "maxLength",
		                     (int64_t)str_utf8_count(str_of(json_object_get_string(v))),
		                     " characters");
	case json_type_int:
	case json_type_double:
		return check_between(c, path, schema, "minimum", "maximum", json_object_get_int64(v), "");
	case json_type_array:
		return check_between(c, path, schema, "minItems", "maxItems", (int64_t)json_length(v),
		                     " items");
	default: return NULL;
	}
}

static struct err *check_value(const struct check *c, const char *path, struct json_object *schema,
                               struct json_object *v);

static struct err *check_items(const struct check *c, const char *path, struct json_object *schema,
                               struct json_object *v)
{
	struct json_object *items = json_get(schema, "items");

	for (size_t i = 0; items && i < json_length(v); i++)
		TRY(check_value(c, arena_printf(c->a, "%s[%zu]", path, i), items,
		                json_object_array_get_idx(v, i)));
	return NULL;
}

static const char *below(const struct check *c, const char *path, const char *name)
{
	return *path ? arena_printf(c->a, "%s.%s", path, name) : name;
}

static struct err *check_members(const struct check *c, const char *path, struct json_object *schema,
                                 struct json_object *v)
{
	struct json_object *properties = json_get(schema, "properties"),
	                   *required = json_get_array(schema, "required");

	for (size_t i = 0; i < json_length(required); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(required, i));

		if (!json_object_object_get_ex(v, name, NULL))
			return wrong(c, below(c, path, name), "is missing");
	}
	json_object_object_foreach(v, key, value) {
		struct json_object *property = json_get(properties, key);

		if (property)
			TRY(check_value(c, below(c, path, key), property, value));
		else if (!json_get_bool(schema, "additionalProperties", false))
			return wrong(c, below(c, path, key), "is unknown");
	}
	return NULL;
}

static struct err *check_value(const struct check *c, const char *path, struct json_object *schema,
                               struct json_object *v)
{
	TRY(check_type(c, path, schema, v));
	TRY(check_enum(c, path, schema, v));
	TRY(check_size(c, path, schema, v));
	if (json_object_is_type(v, json_type_array))
		return check_items(c, path, schema, v);
	return json_object_is_type(v, json_type_object) ? check_members(c, path, schema, v) : NULL;
}

struct err *tool_arguments(struct arena *a, const char *tool, const char *schema, struct str input,
                           struct json_object **out)
{
	struct check c = {a, tool, schema};
	struct json_object *parsed;
	struct err *e = json_read(a, input.n ? input : STR("{}"), JSON_DEPTH, out);

	if (e)
		return err_hint(err_code(err_new(a, ERR_INVALID, "%s: the arguments are not whole JSON: %s",
		                                 tool, e->message),
		                         "arguments"),
		                "Send one JSON object; inside strings, quotes and line breaks are escaped.");
	TRY(json_read(a, str_of(schema), JSON_DEPTH, &parsed));
	return check_value(&c, "", parsed, *out);
}

static bool is_near(struct arena *a, const char *name, const char *tool)
{
	struct agent_words asked = agent_words(a, str_of(name), NAME_WORDS),
	                   own = agent_words(a, str_of(tool), NAME_WORDS);

	for (size_t i = 0; i < asked.n; i++)
		for (size_t k = 0; k < own.n; k++)
			if (agent_word_like(&asked.at[i], &own.at[k]) >= 95)
				return true;
	return agent_name_like(a, name, tool) >= 60;
}

struct err *tool_unknown(struct arena *a, const char *name, const char *const *tools, size_t n)
{
	struct buf near = buf_init(a, BUF_LINE), all = buf_init(a, BUF_LINE);
	struct err *e = err_code(err_new(a, ERR_INVALID, "there is no tool \"%.*s\"",
	                                 STR_ARG(str_utf8_cut(str_of(name), VALUE_BYTES))),
	                         "unknown_tool");

	for (size_t i = 0; i < n; i++) {
		buf_printf(&all, "%s%s", i ? ", " : "", tools[i]);
		if (*name && is_near(a, name, tools[i]))
			buf_printf(&near, "%s%s", near.n ? " or " : "", tools[i]);
	}
	if (near.n)
		return err_hint(e, "Did you mean %s? The tools are: %s.", buf_cstr(&near), buf_cstr(&all));
	return err_hint(e, "The tools are: %s.", buf_cstr(&all));
}
