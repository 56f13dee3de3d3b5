/* The corpora: our own in tests/guard, and the shared ones where they are. */
#include <json-c/json.h>

#include "unit.h"

#include "lib/json.h"
#include "sql/support.h"

struct corpus {
	struct arena *a;
	struct sql_policy *policy;
	size_t lines;
	size_t wrong;
};

static void read_policy(struct corpus *c, const char *path)
{
	assert_null(sql_policy_read(c->a, unit_file(c->a, path), &c->policy));
}

/* Does the decision on one line meet its "expect" (or the expectation for the whole file)? */
static bool as_expected(const struct err *e, const char *expect, const char *code)
{
	if (!strcmp(expect, "either"))
		return true;
	if (!strcmp(expect, "accept"))
		return !e;
	return e && (!code || (e->code && !strcmp(e->code, code)));
}

static void check_line(struct corpus *c, struct str line, const char *expect_all)
{
	struct arena *a = arena_create();
	struct json_object *o;
	struct sql_statement *s;
	/* A NUL cannot be read from JSON here; see the test of its own. */
	if (str_find(line, STR("\\u0000")) < 0) {
		assert_null(json_read(a, line, JSON_DEPTH, &o));
		const char *expect = expect_all ? expect_all : json_get_str(o, "expect");
		struct err *e = sql_guard(a, c->policy, str_of(json_get_str(o, "sql")), &s);
		c->lines++;
		if (!as_expected(e, expect, json_get_str(o, "code"))) {
			printf("# %s, but %s: %s\n", expect, e ? err_text(e) : "accepted",
			       json_get_str(o, "sql"));
			c->wrong++;
		}
	}
	arena_free(a);
}

static void check_corpus(const char *policy, const char *lines, const char *expect_all, size_t least)
{
	struct corpus c = {.a = arena_create()};
	read_policy(&c, policy);
	struct str rest = unit_file(c.a, lines);
	while (rest.p) {
		struct str line = str_trim(str_chop(&rest, '\n'));
		if (line.n)
			check_line(&c, line, expect_all);
	}
	assert_int_equal(c.wrong, 0);
	assert_true(c.lines >= least);
	arena_free(c.a);
}

static void test_sql__own_corpus_is_accepted(void **state)
{
	(void)state;
	check_corpus("tests/guard/policy.json", "tests/guard/accept.jsonl", "accept", 180);
}

static void test_sql__own_corpus_is_refused_for_its_reason(void **state)
{
	(void)state;
	check_corpus("tests/guard/policy.json", "tests/guard/reject.jsonl", "reject", 260);
}

static void test_sql__shared_attacks_are_refused(void **state)
{
	struct arena *a = arena_create();
	(void)state;
	check_corpus(unit_shared(a, "attacks/policy.json"), unit_shared(a, "attacks/attacks.jsonl"), NULL,
	             390);
	arena_free(a);
}

static void test_sql__shared_bypasses_are_rewritten(void **state)
{
	struct arena *a = arena_create();
	(void)state;
	check_corpus(unit_shared(a, "attacks/policy-masked.json"), unit_shared(a, "attacks/masking.jsonl"),
	             "either", 30);
	arena_free(a);
}

static const char *without(struct arena *a, const char *text, const char *part)
{
	const char *at;
	while ((at = strstr(text, part)))
		text = arena_printf(a, "%.*s%s", (int)(at - text), text, at + strlen(part));
	return text;
}

/* The subquery that stands for a table whose rows and values are kept back. */
static const char *shown_of(struct arena *a, const struct sql_policy *policy, const char *table)
{
	struct sql_statement *s;
	const char *sql = arena_printf(a, "SELECT 1 FROM %s", table);
	assert_null(sql_guard(a, policy, str_of(sql), &s));
	const char *from = strstr(s->sql, "FROM (") + strlen("FROM ");
	const char *to = strstr(from, " OFFSET 0)") + strlen(" OFFSET 0)");
	return arena_strndup(a, from, (size_t)(to - from));
}

static void check_kept_back(struct arena *a, struct corpus *c, const char *sql)
{
	struct sql_statement *s;
	if (sql_guard(a, c->policy, str_of(sql), &s))
		return;
	c->lines++;
	const char *rest = without(a, s->sql, shown_of(a, c->policy, "members"));
	rest = without(a, rest, shown_of(a, c->policy, "ONLY members"));
	rest = without(a, rest, shown_of(a, c->policy, "loans"));
	if (strstr(rest, "library.members") || strstr(rest, "library.loans") || strstr(rest, "'k'")) {
		printf("# not kept back: %s\n", s->sql);
		c->wrong++;
	}
}

static void test_sql__own_bypasses_see_only_what_is_shown(void **state)
{
	struct corpus c = {.a = arena_create()};
	(void)state;
	read_policy(&c, "tests/guard/masked-policy.json");
	struct str rest = unit_file(c.a, "tests/guard/masking.jsonl");
	while (rest.p) {
		struct str line = str_trim(str_chop(&rest, '\n'));
		struct json_object *o;
		if (!line.n)
			continue;
		assert_null(json_read(c.a, line, JSON_DEPTH, &o));
		check_kept_back(c.a, &c, json_get_str(o, "sql"));
	}
	assert_int_equal(c.wrong, 0);
	assert_true(c.lines >= 60);
	arena_free(c.a);
}

/* Queries of benchmarks, under a policy that knows no columns. A few of them are not PostgreSQL. */
static void check_queries(const char *path, size_t least)
{
	struct arena *a = arena_create();
	struct sql_policy policy = {.schema = "public", .max_rows = 100};
	struct json_object *list;
	size_t accepted = 0;
	assert_null(json_read(a, unit_file(a, path), JSON_DEPTH, &list));
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct sql_statement *s;
		const char *sql = json_get_str(json_object_array_get_idx(list, i), "sql");
		struct err *e = sql_guard(a, &policy, str_of(sql), &s);
		accepted += !e;
	}
	assert_true(accepted >= least);
	arena_free(a);
}

static void test_sql__benchmark_queries_are_accepted(void **state)
{
	struct arena *a = arena_create();
	(void)state;
	check_queries(unit_shared(a, "tpc/tpch_queries.json"), 21);
	check_queries(unit_shared(a, "tpc/tpcds_queries.json"), 96);
	arena_free(a);
}

static const struct CMUnitTest sql_guard_tests[] = {
        cmocka_unit_test(test_sql__own_corpus_is_accepted),
        cmocka_unit_test(test_sql__own_corpus_is_refused_for_its_reason),
        cmocka_unit_test(test_sql__own_bypasses_see_only_what_is_shown),
        cmocka_unit_test(test_sql__shared_attacks_are_refused),
        cmocka_unit_test(test_sql__shared_bypasses_are_rewritten),
        cmocka_unit_test(test_sql__benchmark_queries_are_accepted),
};
UNIT_SUITE(sql_guard_tests);
