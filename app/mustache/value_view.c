/*
 * Values that are C structs described by a table. Two types of value: a struct (meta is its view) and a
 * field in a struct (meta is the field). Text is escaped here whatever the template says: only a field that
 * is declared as HTML can be written raw.
 */
#include <assert.h>

#include "lib/buf.h"
#include "mustache/mustache_priv.h"

static const struct value_type field_value_type;

const struct view_field *view_field_find(const struct view *view, const struct segment *segment)
{
	for (size_t i = 0; i < view->n; i++)
		if (str_is(segment->name, view->fields[i].name))
			return &view->fields[i];
	return NULL;
}

/* Segments live as long as their templates, so a hit is the same view and the same place in a template. */
static const struct view_field *field_cached(struct view_cache *cache, const struct view *view,
                                             const struct segment *segment)
{
	size_t slot = (segment->hash ^ ((uintptr_t)view >> 4)) % VIEW_CACHE;

	if (cache->slots[slot].view != view || (cache->slots[slot].segment != segment &&
	                                        !str_eq(cache->slots[slot].segment->name, segment->name))) {
		cache->slots[slot].view = view;
		cache->slots[slot].field = view_field_find(view, segment);
	}
	cache->slots[slot].segment = segment;
	return cache->slots[slot].field;
}

static const void *field_at(struct value v)
{
	const struct view_field *field = v.meta;

	return (const char *)v.p + field->offset;
}

static const char *field_text(struct value v)
{
	return *(const char *const *)field_at(v);
}

static size_t field_items(struct value v)
{
	const struct view_field *field = v.meta;

	return *(const size_t *)(const void *)((const char *)v.p + field->count_offset);
}

static bool struct_find(struct view_cache *cache, struct value of, const struct segment *segment,
                        struct value *out)
{
	const struct view_field *field = field_cached(cache, of.meta, segment);

	if (!field)
		return false;
	*out = (struct value){&field_value_type, of.p, field};
	if (field->kind == VIEW_KIND_ONE) {
		const void *one = *(const void *const *)field_at(*out);

		*out = one ? value_of_view(field->view, one) : (struct value){NULL, NULL, NULL};
	}
	return true;
}

static bool struct_is_true(struct value v)
{
	return v.p;
}

static ptrdiff_t struct_count(struct value v)
{
	(void)v;
	return NOT_A_LIST;
}

static struct value struct_item(struct value v, size_t i)
{
	(void)i;
	return v;
}

static void struct_write(struct value v, struct buf *b, bool raw)
{
	(void)v;
	(void)b;
	(void)raw;
}

static const struct value_type struct_value_type = {
        struct_find, struct_is_true, struct_count, struct_item, struct_write,
};

static bool field_find(struct view_cache *cache, struct value of, const struct segment *segment,
                       struct value *out)
{
	(void)cache;
	(void)of;
	(void)segment;
	(void)out;
	return false;
}

static bool field_is_true(struct value v)
{
	const struct view_field *field = v.meta;

	switch (field->kind) {
	case VIEW_KIND_STR:
	case VIEW_KIND_HTML: return field_text(v) && *field_text(v);
	case VIEW_KIND_I64: return *(const int64_t *)field_at(v) != 0;
	case VIEW_KIND_BOOL: return *(const bool *)field_at(v);
	case VIEW_KIND_LIST: return field_items(v) > 0;
	case VIEW_KIND_ONE: break;
	}
	assert(!"struct_find() follows the pointer");
	return false;
}

static ptrdiff_t field_count(struct value v)
{
	const struct view_field *field = v.meta;

	return field->kind == VIEW_KIND_LIST ? (ptrdiff_t)field_items(v) : NOT_A_LIST;
}

static struct value field_item(struct value v, size_t i)
{
	const struct view_field *field = v.meta;
	const char *items = *(const char *const *)field_at(v);

	return value_of_view(field->view, items + i * field->view->size);
}

static void field_write(struct value v, struct buf *b, bool raw)
{
	const struct view_field *field = v.meta;

	switch (field->kind) {
	case VIEW_KIND_STR:
	case VIEW_KIND_HTML:
		if (raw && field->kind == VIEW_KIND_HTML)
			buf_add_cstr(b, field_text(v));
		else
			buf_add_html(b, str_of(field_text(v)));
		break;
	case VIEW_KIND_I64: buf_add_i64(b, *(const int64_t *)field_at(v)); break;
	case VIEW_KIND_BOOL: buf_add_cstr(b, *(const bool *)field_at(v) ? "true" : "false"); break;
	case VIEW_KIND_ONE:
	case VIEW_KIND_LIST: break;
	}
}

static const struct value_type field_value_type = {
        field_find, field_is_true, field_count, field_item, field_write,
};

struct value value_of_view(const struct view *view, const void *data)
{
	return (struct value){&struct_value_type, data, view};
}
