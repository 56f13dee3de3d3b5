/* No statement ends the process; what is accepted has a LIMIT and reads no table that is not allowed. */
#include <assert.h>
#include <string.h>

#include "lib/arena.h"
#include "sql/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const policies[] = {
        "{\"schema\":\"shop\",\"excluded_tables\":[\"salaries\"]}",
        "{\"schema\":\"shop\",\"allowed_tables\":[\"customers\",\"orders\"],\"columns\":{\"customers\":["
        "\"id\",\"name\",\"email\","
        "\"region\"],\"orders\":[\"id\",\"customer_id\",\"total\",\"tags\",\"metadata\"]},"
        "\"row_filters\":{\"customers\":\"region = 'EU'\"},\"masks\":{\"customers\":{\"email\":\"email\"}}}",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_create();
	struct str sql = {(const char *)data, n};
	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		struct sql_policy *p;
		struct sql_statement *s;
		struct err *e = sql_policy_read(a, str_of(policies[i]), &p);
		assert(!e);
		e = sql_guard(a, p, sql, &s);
		assert(e || (strstr(s->sql, "LIMIT ") && str_utf8_valid(str_of(s->sql))));
		for (size_t k = 0; !e && k < s->ntables; k++)
			assert(strcmp(s->tables[k], "shop.salaries"));
	}
	arena_free(a);
	return 0;
}
