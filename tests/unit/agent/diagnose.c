/* What is said of statements that fail: real ones, held against the guard and a real database. */
#include <string.h>

#include "agent/diagnose_priv.h"
#include "agent/scene.h"
#include "catalog/catalog.h"
#include "lib/arena.h"
#include "policy/policy.h"
#include "query/query.h"
#include "support/pg.h"
#include "unit.h"

struct mart {
	struct scene *scene;
	struct catalog *catalog;
	struct query_scope scope;
};

static struct mart open_mart(void)
{
	struct mart m = {.scene = scene_make(NULL)};
	struct arena *a = m.scene->ctx.a;
	struct project_source *source = ARENA_NEW(a, struct project_source);
	struct policy *policy;

	pg_exec(unit_file(a, "tests/unit/agent/mart.sql").p);
	assert_ok(project_source_parse(a, pg_url(), source));
	source->username = "agent_reader";
	source->project_id = m.scene->project.id;
	source->schema = "mart";
	assert_ok(policy_for(&m.scene->ctx, &m.scene->project, source, PROJECT_ADMIN, &policy));
	policy->a_minute = policy->at_once = policy->a_day = 0;
	assert_ok(catalog_introspect(&m.scene->ctx, source, &m.catalog));
	m.scope = (struct query_scope){.source = source, .policy = policy};
	catalog_scope(a, m.catalog, &m.scope);
	return m;
}

static const char *first_name(struct arena *a, const struct agent_diagnosis *d)
{
	const struct agent_fit *f = d ? &d->right[0] : NULL;

	if (!d || !d->nright)
		return "none";
	return f->column ? arena_printf(a, "%s.%s", f->table->name, f->column->name) : f->table->name;
}

static bool diagnosed(struct mart *m, const char *sql, const char *holds, const char *name)
{
	struct arena *a = m->scene->ctx.a;
	struct query_result *result;
	struct err *e = query_run(&m->scene->ctx, &m->scope, sql, &result);
	struct agent_diagnosis *d = e ? agent_diagnose(a, m->catalog, sql, e) : NULL;
	const char *text = e ? agent_diagnosis_text(a, e, d) : "it ran";
	bool good = e && d && d->people && strstr(text, holds) && (!name || !strcmp(first_name(a, d), name));

	if (!good)
		print_message("%s\n  wanted: %s, first %s\n  code %s, first %s\n%s\n", sql, holds,
		              name ? name : "any", e && e->code ? e->code : "", first_name(a, d), text);
	return good;
}

static void test_agent__typical_mistakes_are_told_in_terms_of_the_data(void **state)
{
	static const struct {
		const char *sql;
		const char *holds;
		const char *name;
	} mistakes[] = {
#define MISTAKE(sql, holds, name) {sql, holds, name},
#include "agent/mistakes.def"
#undef MISTAKE
	};
	struct mart m = open_mart();
	size_t n = sizeof(mistakes) / sizeof(*mistakes), good = 0;

	(void)state;
	for (size_t i = 0; i < n; i++)
		good += diagnosed(&m, mistakes[i].sql, mistakes[i].holds, mistakes[i].name);
	assert_int_equal(good, n);
}

static void test_agent__values_that_were_perhaps_meant(void **state)
{
	static const struct {
		const char *sql;
		const char *told; /* NULL: nothing */
	} cases[] = {
	        {"SELECT 1 FROM customers WHERE country_code = 'czech'", "Values of customers.country_code near 'czech': 'CZE'."},
	        {"SELECT 1 FROM products p WHERE p.title LIKE '%Prodct 3%'", "Values of products.title near 'Prodct 3': 'Product 3'"},
	        {"SELECT 1 FROM orders WHERE state IN ('open', 'shiped')", "Values of orders.state near 'shiped': 'shipped'."},
	        {"SELECT 1 FROM products WHERE category = 'Prague'", "'Prague' is a value of products.\"madeIn\"."},
	        {"SELECT 1 FROM countries WHERE lower(name) = 'germani'", "Values of countries.name near 'germani': 'Germany'."},
	        {"SELECT 1 FROM customers WHERE full_name = 'zzzz'", NULL},
	        {"SELECT 1 FROM customers WHERE email = '1@example.com'", NULL},
	        {"SELECT 'x'", NULL},
	};
	struct mart m = open_mart();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *told = agent_near_values(m.scene->ctx.a, m.catalog, cases[i].sql);

		if (!told != !cases[i].told || (told && !strstr(told, cases[i].told)))
			fail_msg("%s: %s", cases[i].sql, told ? told : "nothing");
	}
}

/* Whatever stands in a statement, looking at it ends, and in time: cut anywhere, and with a byte changed anywhere. */
static void test_agent__nothing_in_a_statement_breaks_the_diagnosis(void **state)
{
	static const char sql[] =
	        "WITH x AS (SELECT o.id, \"Weight (kg)\" FROM orders o, (SELECT 1) y) SELECT `a b`, 'it''s'"
	        " FROM x JOIN mart.customers AS c USING (id) WHERE EXTRACT(year FROM c.birth_date) = 2 /* */"
	        " UNION SELECT c.nme, $1 FROM LATERAL (VALUES (1)) v -- end";
	static const char bytes[] = "'\"`().,;\\/*-\xff\n[=";
	static const char *const codes[] = {
	        "column_not_known", "table_not_allowed", "syntax_error",  "undefined_function",
	        "grouping",         "ambiguous_column",  "invalid_value", "function_not_allowed",
	        "division_by_zero"};
	struct mart m = open_mart();
	struct arena *a = m.scene->ctx.a;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(sql); i++) {
		struct arena_mark mark = arena_mark(a);
		struct err *e = err_at(err_code(err_new(a, ERR_QUERY, "column \"c.nme\" of %zu \"", i),
		                                codes[i % (sizeof(codes) / sizeof(*codes))]),
		                       (int)i);
		char *changed = arena_strdup(a, sql);

		changed[i] = bytes[i % (sizeof(bytes) - 1)];
		agent_diagnose(a, m.catalog, arena_strndup(a, sql, i), e);
		agent_diagnose(a, m.catalog, changed, e);
		agent_diagnose(a, m.catalog, sql + i, e);
		arena_reset(a, mark);
	}
}

static struct catalog *wide_catalog(struct arena *a, size_t n)
{
	struct catalog *c = ARENA_NEW(a, struct catalog);

	*c = (struct catalog){
	        .schema = "wide", .tables = ARENA_ARRAY(a, struct catalog_table, n), .ntables = n};
	for (size_t i = 0; i < n; i++) {
		struct catalog_table *t = &c->tables[i];

		t->name = t->ident = arena_printf(a, "table_%05zu", i);
		t->columns = ARENA_ARRAY(a, struct catalog_column, 20);
		t->ncolumns = 20;
		for (size_t k = 0; k < 20; k++) {
			struct catalog_column *column = &t->columns[k];

			column->name = column->ident = arena_printf(a, "some_name_%zu", k + i % 7);
			column->type = "text";
			column->comment = "Words that say what the column is for, as people write them.";
		}
		t->columns[1].references_table = i ? c->tables[i / 2].name : NULL;
		t->columns[1].references =
		        i ? arena_printf(a, "%s.some_name_0", c->tables[i / 2].name) : NULL;
	}
	return c;
}

/* As many tables as a dictionary may have cost no more than people wait for gladly. */
static void test_agent__wide_dictionaries_are_held_against_a_name(void **state)
{
	struct scene *s = scene_make(NULL);
	struct catalog *c = wide_catalog(s->ctx.a, 2000);
	const char *sql = "SELECT t.some_nam_3 FROM table_00014 t JOIN table_00003 u ON true";
	struct err *e = err_at(err_code(err_new(s->ctx.a, ERR_REFUSED, "there is no column some_nam_3 in t"),
	                                "column_not_known"),
	                       8);
	struct agent_diagnosis *d;

	(void)state;
	d = agent_diagnose(s->ctx.a, c, sql, e);
	assert_non_null(d);
	assert_string_equal(first_name(s->ctx.a, d), "table_00014.some_name_3");
	assert_true(arena_used(s->ctx.a) < 64 << 20);
}

static const struct CMUnitTest agent_diagnose_tests[] = {
        cmocka_unit_test(test_agent__typical_mistakes_are_told_in_terms_of_the_data),
        cmocka_unit_test(test_agent__values_that_were_perhaps_meant),
        cmocka_unit_test(test_agent__nothing_in_a_statement_breaks_the_diagnosis),
        cmocka_unit_test(test_agent__wide_dictionaries_are_held_against_a_name),
};
UNIT_SUITE(agent_diagnose_tests);
