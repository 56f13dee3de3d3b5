/* Whatever is accepted can be written by json-c and read again as the same value. */
#include <assert.h>
#include <json-c/json.h>

#include "lib/arena.h"
#include "lib/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_create();
	struct json_object *first, *second;
	struct err *e = json_read(a, (struct str){(const char *)data, n}, JSON_DEPTH, &first);

	if (!e) {
		e = json_read(a, str_of(json_object_to_json_string(first)), JSON_DEPTH, &second);
		assert(!e && json_object_equal(first, second));
	}
	arena_free(a);
	return 0;
}
