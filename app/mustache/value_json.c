/*
 * Values that are JSON. Null, false, 0, "" and [] are false. Numbers are written as they stood in the text;
 * objects and lists write nothing.
 */
#include <json-c/json_object.h>
#include <string.h>

#include "lib/buf.h"
#include "mustache/mustache_priv.h"

/* json-c has no const in its interface; nothing here changes an object. */
static struct json_object *object_of(struct value v)
{
	return (struct json_object *)(uintptr_t)v.p;
}

static bool json_value_find(struct view_cache *cache, struct value of, const struct segment *segment,
                            struct value *out)
{
	struct json_object *found;

	(void)cache;
	if (!json_object_is_type(object_of(of), json_type_object) ||
	    !json_object_object_get_ex(object_of(of), segment->name.p, &found))
		return false;
	*out = value_of_json(found);
	return true;
}

static bool json_value_is_true(struct value v)
{
	struct json_object *o = object_of(v);

	switch (json_object_get_type(o)) {
	case json_type_null: return false;
	case json_type_array: return json_object_array_length(o) > 0;
	case json_type_string: return json_object_get_string_len(o) > 0;
	case json_type_object: return true;
	default: return json_object_get_boolean(o);
	}
}

static ptrdiff_t json_value_count(struct value v)
{
	if (!json_object_is_type(object_of(v), json_type_array))
		return NOT_A_LIST;
	return (ptrdiff_t)json_object_array_length(object_of(v));
}

static struct value json_value_item(struct value v, size_t i)
{
	return value_of_json(json_object_array_get_idx(object_of(v), i));
}

static void json_value_write(struct value v, struct buf *b, bool raw)
{
	struct json_object *o = object_of(v);
	struct str text;

	if (!o || json_object_is_type(o, json_type_object) || json_object_is_type(o, json_type_array))
		return;
	text.p = json_object_get_string(o);
	text.n = json_object_is_type(o, json_type_string) ? (size_t)json_object_get_string_len(o)
	                                                  : strlen(text.p);
	if (raw)
		buf_add_str(b, text);
	else
		buf_add_html(b, text);
}

static const struct value_type json_value_type = {
        json_value_find, json_value_is_true, json_value_count, json_value_item, json_value_write,
};

struct value value_of_json(struct json_object *o)
{
	return (struct value){&json_value_type, o, NULL};
}
