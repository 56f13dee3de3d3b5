#include <string.h>

#include "http/http_priv.h"
#include "lib/arena.h"
#include "unit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TOKEN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ_-01234"

static struct err *nothing(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	(void)ctx;
	(void)req;
	(void)res;
	return NULL;
}

#define ROUTE(method, pattern, name) \
	{ \
		HTTP_##method, pattern, name, nothing, HTTP_POOL_WEB, 1, false, 0 \
	}

static const struct http_route table[] = {
        ROUTE(GET, "/", "home"),
        ROUTE(GET, "/projects", "projects"),
        ROUTE(POST, "/projects", "project_create"),
        ROUTE(GET, "/p/{project:slug}", "project"),
        ROUTE(GET, "/p/new", "project_new"),
        ROUTE(GET, "/p/{project:slug}/chat/{id:int}", "chat"),
        ROUTE(DELETE, "/p/{project:slug}/chat/{id:int}", "chat_delete"),
        ROUTE(GET, "/p/{project:slug}/table/{table:name}", "table"),
        ROUTE(GET, "/shared/{token:token}", "shared"),
        ROUTE(GET, "/artifacts/{id:int}/export.html", "export"),
        {HTTP_GET, "/turns/{id:int}/events", "events", nothing, HTTP_POOL_AGENT, 1, false, 0},
        ROUTE(GET, "/{any:name}/about", "about"),
};

static const char *find(struct arena *a, enum http_pool_kind pool, enum http_method method, const char *path,
                        struct http_request *req)
{
	struct err *e;

	*req = (struct http_request){.method = method, .path = str_of(path)};
	e = http_router_find(a, http_router_create(a, table, COUNT(table)), pool, req);
	return e ? err_name(e->kind) : req->route->name;
}

static void test_http__paths_find_their_route(void **state)
{
	static const struct {
		enum http_method method;
		const char *path, *found;
	} cases[] = {
	        {HTTP_GET, "/", "home"},
	        {HTTP_GET, "/projects", "projects"},
	        {HTTP_POST, "/projects", "project_create"},
	        {HTTP_PUT, "/projects", "method"},
	        {HTTP__MAX, "/projects", "method"},
	        {HTTP_PUT, "/project", "not_found"},
	        {HTTP_GET, "/projects/", "not_found"},
	        {HTTP_GET, "/Projects", "not_found"},
	        {HTTP_GET, "/p/new", "project_new"},
	        {HTTP_GET, "/p/newer", "project"},
	        {HTTP_POST, "/p/new", "method"},
	        {HTTP_GET, "/p/-a", "not_found"},
	        {HTTP_GET, "/p/Shop", "not_found"},
	        {HTTP_GET, "/p/a_b", "not_found"},
	        {HTTP_GET, "/p/123456789012345678901234567890123456789012345678901234567890123", "project"},
	        {HTTP_GET, "/p/1234567890123456789012345678901234567890123456789012345678901234",
	         "not_found"},
	        {HTTP_GET, "/p/shop/chat/1", "chat"},
	        {HTTP_DELETE, "/p/shop/chat/1", "chat_delete"},
	        {HTTP_GET, "/p/shop/chat/0", "not_found"},
	        {HTTP_GET, "/p/shop/chat/01", "not_found"},
	        {HTTP_GET, "/p/shop/chat/-1", "not_found"},
	        {HTTP_GET, "/p/shop/chat/1x", "not_found"},
	        {HTTP_GET, "/p/shop/chat/999999999999999999", "chat"},
	        {HTTP_GET, "/p/shop/chat/1000000000000000000", "not_found"},
	        {HTTP_GET,
	         "/p/shop/table/Gr\xc3\xb6\xc3\x9f"
	         "en tabelle",
	         "table"},
	        {HTTP_GET, "/p/shop/table/", "not_found"},
	        {HTTP_GET, "/shared/" TOKEN, "shared"},
	        {HTTP_GET, "/shared/" TOKEN "a", "not_found"},
	        {HTTP_GET, "/artifacts/7/export.html", "export"},
	        {HTTP_GET, "/artifacts/7/exportxhtml", "not_found"},
	        {HTTP_GET, "/turns/7/events", "not_found"},
	        {HTTP_GET, "/p/about", "project"},
	        {HTTP_GET, "/x/about", "about"},
	        {HTTP_GET, "/a/b/c/d/e/f/g/h/i/j/k/l", "not_found"},
	};
	struct arena *a = arena_create();
	struct http_request req;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		const char *found = find(a, HTTP_POOL_WEB, cases[i].method, cases[i].path, &req);

		if (strcmp(found, cases[i].found) != 0)
			fail_msg("%s: %s instead of %s", cases[i].path, found, cases[i].found);
	}
	assert_string_equal(find(a, HTTP_POOL_AGENT, HTTP_GET, "/turns/7/events", &req), "events");
	assert_string_equal(find(a, HTTP_POOL_AGENT, HTTP_GET, "/projects", &req), "not_found");
	arena_free(a);
}

static void test_http__parameters_are_captured(void **state)
{
	struct arena *a = arena_create();
	struct http_request req;

	(void)state;
	find(a, HTTP_POOL_WEB, HTTP_GET, "/p/shop/chat/42", &req);
	assert_str(http_param(&req, "project"), "shop");
	assert_int_equal(http_param_i64(&req, "id"), 42);
	arena_free(a);
}

static void test_http__the_other_methods_of_a_path_are_known(void **state)
{
	struct arena *a = arena_create();
	struct http_request req;

	(void)state;
	find(a, HTTP_POOL_WEB, HTTP_PUT, "/projects", &req);
	assert_int_equal(req.allowed, 1u << HTTP_GET | 1u << HTTP_POST);
	arena_free(a);
}

static void test_http__a_wrong_table_is_refused(void **state)
{
	static const struct {
		struct http_route rows[2];
		const char *says;
	} cases[] = {
	        {{ROUTE(GET, "/a", "x"), ROUTE(GET, "/a", "y")}, "match the same"},
	        {{ROUTE(GET, "/{a:int}", "x"), ROUTE(GET, "/{b:int}", "y")}, "match the same"},
	        {{ROUTE(GET, "/a", "x"), ROUTE(GET, "a", "y")}, "malformed"},
	        {{ROUTE(GET, "/a", "x"), ROUTE(GET, "/a/", "y")}, "malformed"},
	        {{ROUTE(GET, "/a", "x"), ROUTE(GET, "/{a}", "y")}, "malformed"},
	        {{ROUTE(GET, "/a", "x"), ROUTE(GET, "/{a:text}", "y")}, "malformed"},
	        {{ROUTE(GET, "/a", "x"), ROUTE(GET, "/{:int}", "y")}, "malformed"},
	        {{ROUTE(GET, "/a", "x"), ROUTE(GET, "/{a:}", "y")}, "malformed"},
	        {{ROUTE(GET, "/a", "x"), ROUTE(GET, "/b c", "y")}, "malformed"},
	        {{ROUTE(GET, "/a", "x"), ROUTE(GET, "/1/2/3/4/5/6/7/8/9/10/11", "y")}, "malformed"},
	        {{ROUTE(GET, "/a", "x"), {HTTP_GET, "/b", "y", nothing, HTTP_POOL_WEB, 0, false, 0}},
	         "who may call"},
	        {{ROUTE(GET, "/a", "x"), {HTTP_GET, "/b", "y", NULL, HTTP_POOL_WEB, 1, false, 0}}, "handler"},
	};
	struct arena *a = arena_create();
	size_t i;

	(void)state;
	assert_null(http_routes_check(a, table, COUNT(table)));
	for (i = 0; i < COUNT(cases); i++) {
		struct err *e = http_routes_check(a, cases[i].rows, 2);

		assert_non_null(e);
		assert_non_null(strstr(e->message, cases[i].says));
		assert_non_null(strstr(e->message, "y"));
	}
	arena_free(a);
}

static const struct CMUnitTest http_router_tests[] = {
        cmocka_unit_test(test_http__paths_find_their_route),
        cmocka_unit_test(test_http__parameters_are_captured),
        cmocka_unit_test(test_http__the_other_methods_of_a_path_are_known),
        cmocka_unit_test(test_http__a_wrong_table_is_refused),
};
UNIT_SUITE(http_router_tests);
