/* What the tests of the guard share: a shop, and a statement as text. */
#ifndef UNIT_SQL_SUPPORT_H
#define UNIT_SQL_SUPPORT_H

#include <stdio.h>
#include <string.h>

#include "lib/arena.h"
#include "lib/err.h"
#include "sql/sql.h"

#define SHOP_COLUMNS \
	"\"columns\":{\"customers\":[\"id\",\"name\",\"email\",\"region\"]," \
	"\"orders\":[\"id\",\"customer_id\",\"total\",\"tags\",\"data\"]}"
#define SHOP \
	"{\"schema\":\"shop\",\"allowed_tables\":[\"customers\",\"orders\"],\"max_rows\":500," SHOP_COLUMNS \
	"}"

/* The code of the refusal, or NULL if the statement is accepted; the statement in *out. */
static inline const char *shop_guard(struct arena *a, const char *policy, const char *sql,
                                     struct sql_statement **out)
{
	struct sql_policy *p;
	struct err *e = sql_policy_read(a, str_of(policy), &p);
	if (e)
		return "policy cannot be read";
	e = sql_guard(a, p, str_of(sql), out);
	return e ? e->code : NULL;
}

struct shop_case {
	const char *sql;
	const char *expected; /* the statement as rewritten, or the code of the refusal */
};

static inline void shop_check(const char *policy, const struct shop_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_create();
		struct sql_statement *s = NULL;
		const char *code = shop_guard(a, policy, cases[i].sql, &s);
		assert_string_equal(code ? code : s->sql, cases[i].expected);
		arena_free(a);
	}
}

#define SHOP_CHECK(policy, cases) shop_check((policy), (cases), sizeof(cases) / sizeof((cases)[0]))

#endif
