/* What an artifact may say, and what it is told otherwise. */
#include <string.h>

#include "artifact/artifact_priv.h"
#include "lib/arena.h"
#include "unit.h"

static char *filled(struct arena *a, char c, size_t n)
{
	char *text = ARENA_ARRAY(a, char, n + 1);

	memset(text, c, n);
	return text;
}

static void test_artifact__what_is_wrong_is_named(void **state)
{
	struct arena *a = arena_create();
	struct artifact_source two[] = {{"a", "SELECT 1", 0}, {"a", "SELECT 2", 0}}, none[] = {{"b", "", 0}};
	struct artifact_source odd[] = {{"1st", "SELECT 1", 0}}, dotted[] = {{"a.b", "SELECT 1", 0}};
	struct artifact_source many[ARTIFACT_SOURCES + 1] = {{0}};
	const struct {
		struct artifact_draft d;
		const char *type, *title, *code, *part;
	} cases[] = {
	        {{.code = "x"}, "flash", "T", "type", "no such type"},
	        {{.code = "x"}, NULL, "T", "type", "no such type"},
	        {{.code = "x"}, "html", "  ", "title", "needs a title"},
	        {{.code = "x"}, "html", NULL, "title", "needs a title"},
	        {{.code = "x"}, "html", filled(a, 't', 201), "title", "needs a title"},
	        {{.code = "x"}, "html", "\xff", "title", "needs a title"},
	        {{.code = ""}, "html", "T", "code", "needs code"},
	        {{.code = NULL}, "html", "T", "code", "needs code"},
	        {{.code = filled(a, 'x', ARTIFACT_CODE_BYTES + 1)}, "html", "T", "code", "larger than 512 KB"},
	        {{.code = "not json"}, "plotly", "T", "code", "JSON object"},
	        {{.code = "[1]"}, "echarts", "T", "code", "JSON object"},
	        {{.code = "x", .data = "[1]"}, "html", "T", "data", "not a JSON object"},
	        {{.code = "x", .data = "{"}, "html", "T", "data", "not a JSON object"},
	        {{.code = "x", .data = filled(a, ' ', ARTIFACT_DATA_BYTES + 1)}, "html", "T", "data", "larger than 1 MB"},
	        {{.code = "x", .data = "{\"a\":1}", .sources = two, .nsources = 1}, "html", "T", "data", "the name of one"},
	        {{.code = "x", .note = filled(a, 'n', 501)}, "html", "T", "note", "longer than 500"},
	        {{.code = "x", .sources = two, .nsources = 2}, "html", "T", "sources", "same name"},
	        {{.code = "x", .sources = none, .nsources = 1}, "html", "T", "sources", "empty"},
	        {{.code = "x", .sources = odd, .nsources = 1}, "html", "T", "sources", "begins with a letter"},
	        {{.code = "x", .sources = dotted, .nsources = 1}, "html", "T", "sources", "begins with a letter"},
	        {{.code = "x", .sources = many, .nsources = ARTIFACT_SOURCES + 1}, "html", "T", "sources", "at most 8"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct err *e = artifact_check(a, &cases[i].d, cases[i].type, cases[i].title);

		if (!e)
			fail_msg("case %zu is no error", i);
		assert_string_equal(e->code, cases[i].code);
		if (!strstr(e->message, cases[i].part))
			fail_msg("case %zu: %s", i, e->message);
	}
	arena_free(a);
}

static void test_artifact__every_type_takes_what_it_is_for(void **state)
{
	static const char *const types[] = {"react", "html", "markdown", "svg", "plotly", "echarts"};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		assert_non_null(artifact_type(types[i]));
		assert_ok(artifact_check(a, &(struct artifact_draft){.code = "{\"data\": [{}]}", .data = "{}"}, types[i],
		                         "Ümsatz"));
	}
	assert_false(artifact_type("markdown")->framed);
	assert_true(artifact_type("react")->framed);
	assert_null(artifact_type(""));
	arena_free(a);
}

static void test_artifact__sources_come_back_as_they_went(void **state)
{
	struct arena *a = arena_create();
	struct artifact_source sources[] = {{"sales", "SELECT '</script>\"' AS x", 7}, {"b", "SELECT 2", 0}};
	struct artifact_version v = {0};

	(void)state;
	assert_ok(artifact_sources_read(a, artifact_sources_json(a, sources, 2), &v));
	assert_int_equal(v.nsources, 2);
	assert_string_equal(v.sources[0].sql, sources[0].sql);
	assert_int_equal(v.sources[0].run_id, 7);
	assert_string_equal(v.sources[1].name, "b");
	assert_ok(artifact_sources_read(a, artifact_sources_json(a, NULL, 0), &v));
	assert_int_equal(v.nsources, 0);
	arena_free(a);
}

static const struct CMUnitTest artifact_check_tests[] = {
        cmocka_unit_test(test_artifact__what_is_wrong_is_named),
        cmocka_unit_test(test_artifact__every_type_takes_what_it_is_for),
        cmocka_unit_test(test_artifact__sources_come_back_as_they_went),
};
UNIT_SUITE(artifact_check_tests);
