/* Arguments of tools held against their schemas. */
#include <json-c/linkhash.h>
#include <stdio.h>
#include <string.h>

#include "agent/tool_priv.h"
#include "lib/arena.h"
#include "unit.h"

static const char schema[] =
        "{\"type\":\"object\",\"properties\":{"
        "\"sql\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":5},"
        "\"n\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":20},"
        "\"ratio\":{\"type\":\"number\"},\"deep\":{\"type\":\"boolean\"},"
        "\"kind\":{\"type\":\"string\",\"enum\":[\"bar\",\"line\"]},"
        "\"names\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":2,\"items\":{\"type\":\"string\"}},"
        "\"at\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}},\"required\":[\"x\"]},"
        "\"any\":{\"type\":\"object\",\"additionalProperties\":true}},"
        "\"required\":[\"sql\"],\"additionalProperties\":false}";

static void test_agent__arguments_are_held_against_the_schema(void **state)
{
	static const struct {
		const char *input;
		const char *error; /* NULL: good */
	} cases[] = {
	        {"{\"sql\":\"ab\"}", NULL},
	        {"{\"sql\":\"äöüßx\",\"n\":20,\"ratio\":1,\"deep\":false,\"kind\":\"bar\",\"names\":[\"a\"],"
	         "\"at\":{\"x\":1},\"any\":{\"y\":[1]}}",
	         NULL},
	        {"{\"sql\":7}", "tool: argument \"sql\" must be a string, got a number"},
	        {"{\"sql\":null}", "tool: argument \"sql\" must be a string, got null"},
	        {"{\"sql\":[\"ab\"]}", "tool: argument \"sql\" must be a string, got an array"},
	        {"{\"query\":\"ab\"}", "tool: argument \"sql\" is missing"},
	        {"{}", "tool: argument \"sql\" is missing"},
	        {"", "tool: argument \"sql\" is missing"},
	        {"{\"sql\":\"ab\",\"more\":1}", "tool: argument \"more\" is unknown"},
	        {"{\"sql\":\"a\"}", "tool: argument \"sql\" must have at least 2 characters, got 1"},
	        {"{\"sql\":\"abcdef\"}", "tool: argument \"sql\" must have at most 5 characters, got 6"},
	        {"{\"sql\":\"ab\",\"n\":0}", "tool: argument \"n\" must be at least 1, got 0"},
	        {"{\"sql\":\"ab\",\"n\":21}", "tool: argument \"n\" must be at most 20, got 21"},
	        {"{\"sql\":\"ab\",\"n\":1.5}", "tool: argument \"n\" must be an integer, got a number"},
	        {"{\"sql\":\"ab\",\"n\":\"5\"}", "tool: argument \"n\" must be an integer, got a string"},
	        {"{\"sql\":\"ab\",\"kind\":\"pie\"}",
	         "tool: argument \"kind\" must be one of \"bar\", \"line\", got \"pie\""},
	        {"{\"sql\":\"ab\",\"names\":[]}",
	         "tool: argument \"names\" must have at least 1 items, got 0"},
	        {"{\"sql\":\"ab\",\"names\":[\"a\",\"b\",\"c\"]}",
	         "tool: argument \"names\" must have at most 2 items, got 3"},
	        {"{\"sql\":\"ab\",\"names\":[\"a\",{}]}",
	         "tool: argument \"names[1]\" must be a string, got an object"},
	        {"{\"sql\":\"ab\",\"at\":{}}", "tool: argument \"at.x\" is missing"},
	        {"{\"sql\":\"ab\",\"at\":{\"x\":true}}",
	         "tool: argument \"at.x\" must be an integer, got a boolean"},
	        {"{\"sql\":\"ab\",\"at\":{\"x\":1,\"y\":2}}", "tool: argument \"at.y\" is unknown"},
	        {"[]", "tool: the arguments must be an object, got an array"},
	        {"null", "tool: the arguments must be an object, got null"},
	        {"{\"sql\":", "tool: the arguments are not whole JSON"},
	};
	struct arena *a = arena_create();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct json_object *args;
		struct err *e = tool_arguments(a, "tool", schema, str_of(cases[i].input), &args);

		if (!e != !cases[i].error ||
		    (e && strncmp(e->message, cases[i].error, strlen(cases[i].error)) != 0))
			fail_msg("%s: %s", cases[i].input, e ? e->message : "taken");
	}
	arena_free(a);
}

static void test_agent__unknown_tools_have_near_ones(void **state)
{
	static const char *const names[] = {"execute_sql", "describe_table", "search_schema"};
	struct arena *a = arena_create();

	(void)state;
	assert_string_equal(
	        tool_unknown(a, "describe_tables", names, 3)->hint,
	        "Did you mean describe_table? The tools are: execute_sql, describe_table, search_schema.");
	assert_string_equal(
	        tool_unknown(a, "sql", names, 3)->hint,
	        "Did you mean execute_sql? The tools are: execute_sql, describe_table, search_schema.");
	assert_string_equal(tool_unknown(a, "rm", names, 3)->hint,
	                    "The tools are: execute_sql, describe_table, search_schema.");
	assert_string_equal(tool_unknown(a, "", names, 3)->message, "there is no tool \"\"");
	arena_free(a);
}

static void known_words_alone(struct json_object *schema_)
{
	static const char known[] =
	        " type description properties required additionalProperties items enum minimum maximum"
	        " minLength maxLength minItems maxItems ";

	json_object_object_foreach(schema_, key, value) {
		char word[40];

		snprintf(word, sizeof(word), " %s ", key);
		if (!strstr(known, word))
			fail_msg("%s is not checked", key);
		if (!strcmp(key, "items"))
			known_words_alone(value);
		if (!strcmp(key, "properties")) {
			json_object_object_foreach(value, name, property) {
				(void)name;
				known_words_alone(property);
			}
		}
	}
}

/* A schema cannot promise what is not looked at. */
static void test_agent__schemas_say_what_is_checked(void **state)
{
	struct arena *a = arena_create();
	const struct llm_tool *tools;
	struct json_object *o;
	size_t n;

	(void)state;
	tools = agent_tools(a, &n);
	for (size_t i = 0; i < n; i++) {
		assert_ok(json_read(a, str_of(tools[i].schema), JSON_DEPTH, &o));
		known_words_alone(o);
		assert_false(json_get_bool(o, "additionalProperties", true));
	}
	arena_free(a);
}

static const struct CMUnitTest agent_arguments_tests[] = {
        cmocka_unit_test(test_agent__arguments_are_held_against_the_schema),
        cmocka_unit_test(test_agent__unknown_tools_have_near_ones),
        cmocka_unit_test(test_agent__schemas_say_what_is_checked),
};
UNIT_SUITE(agent_arguments_tests);
