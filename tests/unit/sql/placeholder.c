/* Parameters of kept texts: where they stand, and that a value is never more than a value. */
#include "unit.h"

#include <string.h>

#include "sql/sql.h"

/* All placeholders take the same value. */
static struct err *bind(struct arena *a, const char *sql, const char *value, struct sql_bound *out)
{
	const char *values[SQL_PLACEHOLDERS];

	for (size_t i = 0; i < SQL_PLACEHOLDERS; i++)
		values[i] = value;
	return sql_bind(a, str_of(sql), values, out);
}

static void test_sql__placeholders_stand_outside_of_quotes_and_comments(void **state)
{
	static const struct {
		const char *sql, *names;
	} cases[] = {
	        {"SELECT 1", ""},
	        {"SELECT {{a}}", "a text "},
	        {"SELECT {{ a }}, {{b : number}}, {{c:date}}, {{a}}", "a text b number c date "},
	        {"SELECT {{date}}, {{from:date}}, {{Select}}", "date text from date Select text "},
	        {"SELECT '{{a}}', \"{{b}}\", E'\\'{{c}}', $$ {{d}} $$, $x${{e}}$x$", ""},
	        {"SELECT 1 -- {{a}}\n, 2 /* {{b}} /* {{c}} */ {{d}} */", ""},
	        {"SELECT 'it''s {{a}}' || {{b}} || 'x'", "b text "},
	        {"SELECT { {a} }", ""},
	        {"SELECT 'open {{a}}", ""},
	        {"SELECT U&'{{a}}', B'{{b}}', X'{{c}}'", ""},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sql_placeholder *p;
		const char *names = "";
		size_t n;

		assert_ok(sql_placeholders(a, str_of(cases[i].sql), &p, &n));
		for (size_t k = 0; k < n; k++)
			names = arena_printf(a, "%s%s %s ", names, p[k].name, sql_value_type_name(p[k].type));
		assert_string_equal(names, cases[i].names);
	}
	arena_free(a);
}

static void test_sql__malformed_placeholders_are_named_with_their_place(void **state)
{
	static const struct {
		const char *sql;
		int position;
	} cases[] = {
	        {"SELECT {{}}", 8},
	        {"SELECT {{a", 8},
	        {"SELECT 'é', {{a b}}", 13},
	        {"SELECT {{{a}}}", 8},
	        {"SELECT {{a:money}}", 12},
	        {"SELECT {{a}, 1", 8},
	        {"SELECT {{'a'}}", 8},
	        {"SELECT {{\"a\"}}", 8},
	        {"SELECT {{a:date}}, {{a:number}}", 20},
	        {"SELECT {{a /* x */}}", 8},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sql_placeholder *p;
		size_t n;
		struct err *e = sql_placeholders(a, str_of(cases[i].sql), &p, &n);

		assert_err(e, ERR_INVALID);
		assert_string_equal(e->code, "placeholder");
		assert_int_equal(e->position, cases[i].position);
	}
	arena_free(a);
}

static void test_sql__values_become_literals(void **state)
{
	static const struct {
		const char *sql, *value, *bound;
	} cases[] = {
	        {"SELECT {{a}}", "x", "SELECT  'x' "},
	        {"SELECT {{a}}", "", "SELECT  '' "},
	        {"SELECT {{a}}", "it's", "SELECT  'it''s' "},
	        {"SELECT {{a}}", "a\\'b", "SELECT  E'a\\\\''b' "},
	        {"SELECT {{a}}", "$$ x $$ -- /* {{b}}", "SELECT  '$$ x $$ -- /* {{b}}' "},
	        {"SELECT {{a:number}}", "12", "SELECT  12 "},
	        {"SELECT {{a:number}}", " -1.5 ", "SELECT  (- 1.5) "},
	        {"SELECT 1-{{a:number}}", "-1", "SELECT 1- (- 1) "},
	        {"SELECT {{a:number}}", "+.5e-3", "SELECT  .5e-3 "},
	        {"SELECT {{a:date}}", "2024-02-29", "SELECT  date '2024-02-29' "},
	        {"LIMIT {{n:number}} -- {{a}}", "5", "LIMIT  5  -- {{a}}"},
	        {"SELECT E{{a}}", "\\", "SELECT E E'\\\\' "},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sql_bound b;

		assert_ok(bind(a, cases[i].sql, cases[i].value, &b));
		assert_string_equal(b.sql, cases[i].bound);
	}
	arena_free(a);
}

static void test_sql__values_of_another_type_are_refused(void **state)
{
	static const struct {
		const char *sql, *value;
	} cases[] = {
	        {"{{a:number}}", "1 OR 1=1"},
	        {"{{a:number}}", "1,000"},
	        {"{{a:number}}", ""},
	        {"{{a:number}}", "1e"},
	        {"{{a:number}}", "0x10"},
	        {"{{a:number}}", "--1"},
	        {"{{a:number}}", "1;"},
	        {"{{a:number}}", "NaN"},
	        {"{{a:number}}", "."},
	        {"{{a:date}}", "2025-02-29"},
	        {"{{a:date}}", "31.12.2025"},
	        {"{{a:date}}", "2025-12-31'"},
	        {"{{a:date}}", "now"},
	        {"{{a:date}}", ""},
	        {"{{a:date}}", "0000-01-01"},
	        {"{{a}}", NULL},
	        {"{{a}}", "\xff"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct sql_bound b;
		struct err *e = bind(a, cases[i].sql, cases[i].value, &b);

		assert_err(e, ERR_INVALID);
		assert_string_equal(e->code, "a");
		assert_non_null(e->hint);
	}
	arena_free(a);
}

/* Next to a string, a value would grow together with it: 'a' <line break> 'b' is one string, and within E'' its
 * backslashes would count. */
static void test_sql__a_value_never_joins_its_neighbours(void **state)
{
	static const char *const refused[] = {
	        "SELECT E'a'\n{{v}}", "SELECT 'a'\n {{v}}",  "SELECT {{v}}\n{{v}}",
	        "SELECT {{v}}\n'b'",  "SELECT U&'a'\n{{v}}",
	};
	static const char *const values[] = {
	        "x",     "'",  "''", "\\", "\\'", "\\' OR 1=1 --", "$$", "*/", "--", "\n", "'; SELECT 1; --",
	        "{{v}}", "\"", "E'",
	};
	static const char *const places[] = {
	        "SELECT {{v}}",
	        "SELECT E{{v}}",
	        "SELECT 'a'{{v}}",
	        "SELECT U&{{v}}",
	        "SELECT ${{v}}",
	        "SELECT $a${{v}}",
	        "SELECT N{{v}}, B{{v}}, X{{v}}",
	        "SELECT a{{v}}b",
	        "SELECT 1{{v}}2",
	        "SELECT ({{v}})::text, -{{v}}",
	        "SELECT {{v}}{{v}}",
	        "SELECT {{v}} UESCAPE '!'",
	        "SELECT /{{v}}*",
	        "SELECT -{{v}}-",
	        "SELECT :{{v}}",
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		struct sql_bound b;

		struct err *e = bind(a, refused[i], "x", &b);
		if (!e)
			fail_msg("%s: %s", refused[i], b.sql);
	}
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
		for (size_t k = 0; k < sizeof(values) / sizeof(*values); k++) {
			struct sql_bound b;
			struct err *e = bind(a, places[i], values[k], &b);

			/* Refused, or the literal stands in the text as one piece; an open $a$ has none. */
			if (e)
				assert_string_equal(e->code, "placeholder");
			else if (!b.n)
				assert_string_equal(b.sql, places[i]);
			else
				assert_non_null(strstr(b.sql, sql_quote_literal(a, values[k])));
		}
	arena_free(a);
}

static void test_sql__positions_are_those_of_the_text_that_people_wrote(void **state)
{
	struct arena *a = arena_create();
	struct sql_bound b;

	(void)state;
	assert_ok(bind(a, "SELECT {{a}}, é, {{a}} FROM x", "longer", &b));
	assert_string_equal(b.sql, "SELECT  'longer' , é,  'longer'  FROM x");
	assert_int_equal(sql_bound_position(&b, 0), 0);
	assert_int_equal(sql_bound_position(&b, 1), 1);
	assert_int_equal(sql_bound_position(&b, 9), 8);
	assert_int_equal(sql_bound_position(&b, 20), 15);
	assert_int_equal(sql_bound_position(&b, 34), 24);
	arena_free(a);
}

static const struct CMUnitTest sql_placeholder_tests[] = {
        cmocka_unit_test(test_sql__placeholders_stand_outside_of_quotes_and_comments),
        cmocka_unit_test(test_sql__malformed_placeholders_are_named_with_their_place),
        cmocka_unit_test(test_sql__values_become_literals),
        cmocka_unit_test(test_sql__values_of_another_type_are_refused),
        cmocka_unit_test(test_sql__a_value_never_joins_its_neighbours),
        cmocka_unit_test(test_sql__positions_are_those_of_the_text_that_people_wrote),
};
UNIT_SUITE(sql_placeholder_tests);
