/*
 * A template, which is its own partial and parent "t", then a NUL and JSON. It must be refused or rendered
 * within the limits; what is compiled twice must render to the same.
 */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "mustache/mustache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct item {
	const char *name;
	const struct item *items;
	size_t n;
};

static const struct view item_view =
        VIEW(struct item, VIEW_STR(struct item, name), VIEW_LIST(struct item, items, n, &item_view));

static void render(struct arena *a, struct str text, struct json_object *json)
{
	static const struct item items[] = {{"<a>", NULL, 0}, {NULL, items, 1}, {"b\nc", items, 2}};
	struct mustache_set *set = mustache_set_create(a);
	struct buf out[3] = {buf_init(a, BUF_LINE), buf_init(a, BUF_LINE), buf_init(a, BUF_LINE)};
	struct err *e[3];

	if (mustache_add(set, "t", text))
		return;
	e[0] = mustache_render_json(a, set, "t", json, &out[0]);
	e[1] = mustache_render_json(a, set, "t", json, &out[1]);
	assert(!e[0] == !e[1] && str_eq(buf_str(&out[0]), buf_str(&out[1])));
	e[2] = mustache_render(a, set, "t", &item_view, &items[2], &out[2]);
	assert(!mustache_check(a, set, "t", &item_view, false) ? !e[2] || e[2]->kind == ERR_TOO_LARGE : 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_create();
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	size_t n = nul ? (size_t)(nul - data) : size;
	struct json_object *json = NULL;

	if (!nul || !json_read(a, (struct str){(const char *)nul + 1, size - n - 1}, JSON_DEPTH, &json))
		render(a, (struct str){(const char *)data, n}, json);
	arena_free(a);
	return 0;
}
