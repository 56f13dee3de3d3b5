/*
 * The official specification, all of it but lambdas. Where a partial cannot be found, the specification
 * asks for an empty output; that is what is written, and the error comes behind it.
 */
#include <json-c/json.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "mustache/mustache.h"
#include "unit.h"

static struct json_object *read_spec(struct arena *a, const char *file)
{
	struct json_object *o;
	struct str text = unit_file(a, arena_printf(a, "%s/%s", unit_shared(a, "mustache-spec"), file));

	assert_ok(json_read(a, text, JSON_DEPTH_TREE, &o));
	return o;
}

static void add_partials(struct mustache_set *set, struct json_object *test)
{
	struct json_object *partials = json_get(test, "partials");

	if (!partials)
		return;
	json_object_object_foreach(partials, name, text)
		assert_ok(mustache_add(set, name, str_of(json_object_get_string(text))));
}

/* What one case renders to; 1 if it is as expected. */
static size_t run_case(const char *file, struct json_object *test)
{
	struct arena *a = arena_create();
	struct mustache_set *set = mustache_set_create(a);
	struct buf out = buf_init(a, BUF_PAGE);
	const char *name = json_get_str(test, "name");
	const char *expected = json_get_str(test, "expected");
	struct err *e;
	int failed_lookup = !strncmp(name, "Failed Lookup", 13);
	size_t good;

	add_partials(set, test);
	assert_ok(mustache_add(set, "/main", str_of(json_get_str(test, "template"))));
	e = mustache_render_json(a, set, "/main", json_get(test, "data"), &out);
	good = (failed_lookup ? e && e->kind == ERR_NOT_FOUND : !e) && !strcmp(buf_cstr(&out), expected);
	if (!good)
		print_message("%s, %s: %s\nexpected:\n%s\ngot:\n%s\n", file, name,
		              e ? err_text(e) : "no error", expected, buf_cstr(&out));
	arena_free(a);
	return good;
}

static void test_mustache__the_official_specification_passes(void **state)
{
	static const struct {
		const char *file;
		size_t cases;
	} files[] = {
	        {"comments.json", 12},       {"delimiters.json", 14},   {"interpolation.json", 42},
	        {"inverted.json", 22},       {"partials.json", 12},     {"sections.json", 34},
	        {"~dynamic-names.json", 21}, {"~inheritance.json", 27},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct json_object *tests = json_get_array(read_spec(a, files[i].file), "tests");
		size_t n = json_object_array_length(tests), good = 0;

		for (size_t t = 0; t < n; t++)
			good += run_case(files[i].file, json_object_array_get_idx(tests, t));
		assert_int_equal(good, n);
		assert_true(n >= files[i].cases);
	}
	arena_free(a);
}

static const struct CMUnitTest mustache_spec_tests[] = {
        cmocka_unit_test(test_mustache__the_official_specification_passes),
};
UNIT_SUITE(mustache_spec_tests);
