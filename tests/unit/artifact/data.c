/* The data of an artifact, as it is for whoever looks. */
#include <string.h>

#include "artifact/artifact.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/ctx.h"
#include "lib/json.h"
#include "lib/log.h"
#include "policy/policy.h"
#include "support/pg.h"
#include "unit.h"

static const char shop[] =
        "CREATE SCHEMA shop;"
        "CREATE TABLE shop.orders (id integer, country text, total numeric);"
        "INSERT INTO shop.orders SELECT n, CASE n % 2 WHEN 0 THEN 'DE' ELSE 'FR' END, n * 1.5 FROM generate_series(1, 60000) n;"
        "CREATE TABLE shop.salaries (amount integer); INSERT INTO shop.salaries VALUES (99999);"
        "DO $$ BEGIN CREATE ROLE artifact_reader LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
        "GRANT USAGE ON SCHEMA shop TO artifact_reader;"
        "GRANT SELECT ON shop.orders, shop.salaries TO artifact_reader;"
        "INSERT INTO projects (slug, name) VALUES ('shop', 'Shop');"
        "INSERT INTO users (email, origin) VALUES ('ann@example.com', 'header')";

static const char *columns[] = {"id", "country", "total"}, *salary[] = {"amount"}, *hidden[] = {"salaries"};
static const struct query_table tables[] = {{.name = "orders", .columns = columns, .ncolumns = 3},
                                            {.name = "salaries", .columns = salary, .ncolumns = 1}};

struct shop {
	struct ctx *ctx;
	struct project_source source;
	struct policy policy;
	struct policy_table filtered;
	struct query_scope scope;
};

static void open_shop(struct shop *s)
{
	static int64_t ids;

	*s = (struct shop){.ctx = pg_ctx()};
	log_set_level(LOG_ERROR);
	query_close();
	pg_exec(shop);
	s->ctx->user_id = 1;
	assert_ok(project_source_parse(s->ctx->a, pg_url(), &s->source));
	s->source.id = ++ids;
	s->source.project_id = s->source.version = 1;
	s->source.username = "artifact_reader";
	s->source.schema = "shop";
	s->policy = (struct policy){.schema = "shop",
	                            .max_rows = 500,
	                            .timeout_ms = 20000,
	                            .max_bytes = POLICY_MAX_BYTES,
	                            .max_cell_bytes = POLICY_MAX_CELL_BYTES,
	                            .tells_hidden = true};
	s->scope = (struct query_scope){.source = &s->source,
	                                .policy = &s->policy,
	                                .tables = tables,
	                                .ntables = 2,
	                                .origin = QUERY_FROM_ARTIFACT};
}

static struct json_object *data(struct shop *s, const struct artifact_version *v, int64_t *at)
{
	struct buf b = buf_init(s->ctx->a, BUF_RESULT);
	struct json_object *o;

	assert_ok(artifact_data(s->ctx, &s->scope, v, &b, at, NULL));
	assert_ok(json_read(s->ctx->a, buf_str(&b), JSON_DEPTH, &o));
	return o;
}

static struct json_object *glance(struct shop *s, const struct artifact_version *v)
{
	struct buf b = buf_init(s->ctx->a, BUF_RESULT);
	struct json_object *o;
	int64_t at;

	assert_ok(artifact_glance(s->ctx, &s->scope, v, &b, &at, NULL));
	assert_true(at > 0);
	assert_ok(json_read(s->ctx->a, buf_str(&b), JSON_DEPTH, &o));
	return o;
}

static struct artifact_version version_of(struct artifact_source *sources, size_t n)
{
	return (struct artifact_version){.n = 1, .sources = sources, .nsources = n};
}

static void test_artifact__rows_stand_under_the_names_of_their_queries(void **state)
{
	struct shop s;
	struct artifact_source sources[] = {
	        {"sales", "SELECT country, sum(total) AS revenue FROM orders GROUP BY 1 ORDER BY 1", 0},
	        {"none", "SELECT id FROM orders WHERE id < 0", 0}};
	struct artifact_version v = version_of(sources, 2);
	int64_t at;

	(void)state;
	open_shop(&s);
	v.data = "{\"target\":{\"a\":[1,null,\"x\"]}}";
	struct json_object *o = data(&s, &v, &at), *sales = json_get(o, "sales");
	assert_string_equal(json_object_to_json_string_ext(json_get_array(sales, "rows"), JSON_C_TO_STRING_PLAIN),
	                    "[[\"DE\",1350045000.0],[\"FR\",1350000000.0]]");
	assert_string_equal(json_object_to_json_string_ext(json_get_array(sales, "columns"), JSON_C_TO_STRING_PLAIN),
	                    "[{\"name\":\"country\",\"type\":\"text\",\"kind\":\"text\"},"
	                    "{\"name\":\"revenue\",\"type\":\"numeric\",\"kind\":\"number\"}]");
	assert_int_equal(json_get_i64(sales, "row_count", -1), 2);
	assert_false(json_get_bool(sales, "truncated", true));
	assert_non_null(json_get_str(sales, "at"));
	assert_true(at > 0);
	assert_int_equal(json_get_i64(json_get(o, "none"), "row_count", -1), 0);
	assert_non_null(json_get_array(json_get(o, "none"), "rows"));
	assert_string_equal(json_object_to_json_string_ext(json_get(o, "target"), JSON_C_TO_STRING_PLAIN),
	                    "{\"a\":[1,null,\"x\"]}");
	assert_string_equal(pg_value("SELECT string_agg(DISTINCT origin, ' ') FROM query_runs"), "artifact");
}

static void test_artifact__more_rows_than_a_page_has_and_no_more_than_the_cap(void **state)
{
	struct shop s;
	struct artifact_source sources[] = {{"all", "SELECT id FROM orders", 0}};
	struct artifact_version v = version_of(sources, 1);
	int64_t at;

	(void)state;
	open_shop(&s);
	struct json_object *all = json_get(data(&s, &v, &at), "all");
	assert_int_equal(json_length(json_get_array(all, "rows")), ARTIFACT_ROWS);
	assert_true(json_get_bool(all, "truncated", false));
}

static void test_artifact__who_may_see_less_gets_less(void **state)
{
	struct shop s;
	struct artifact_source sources[] = {{"sales", "SELECT count(*) AS n FROM orders", 0},
	                                    {"pay", "SELECT amount FROM salaries", 0}};
	struct artifact_version v = version_of(sources, 2);
	int64_t at;

	(void)state;
	open_shop(&s);
	assert_string_equal(json_object_to_json_string_ext(json_get_array(json_get(data(&s, &v, &at), "pay"), "rows"),
	                                                   JSON_C_TO_STRING_PLAIN),
	                    "[[99999]]");
	s.filtered = (struct policy_table){.name = "orders", .filter = "country = 'DE'"};
	s.policy.tables = &s.filtered;
	s.policy.ntables = 1;
	s.policy.excluded = (struct db_texts){hidden, 1};
	s.policy.version = 2;
	struct json_object *o = data(&s, &v, &at), *pay = json_get(o, "pay");
	assert_string_equal(json_object_to_json_string_ext(json_get_array(json_get(o, "sales"), "rows"),
	                                                   JSON_C_TO_STRING_PLAIN),
	                    "[[30000]]");
	assert_null(json_get(pay, "rows"));
	assert_non_null(json_get_str(json_get(pay, "error"), "message"));
	assert_null(strstr(json_object_to_json_string(o), "99999"));
}

static void test_artifact__a_query_that_breaks_off_leaves_no_half_of_an_object(void **state)
{
	struct shop s;
	struct artifact_source sources[] = {{"bad", "SELECT 1 / (id - 300) AS x FROM orders", 0},
	                                    {"good", "SELECT 1 AS one", 0}};
	struct artifact_version v = version_of(sources, 2);
	int64_t at;

	(void)state;
	open_shop(&s);
	struct json_object *o = data(&s, &v, &at);
	assert_non_null(strstr(json_get_str(json_get(json_get(o, "bad"), "error"), "message"), "zero"));
	assert_int_equal(json_get_i64(json_get(o, "good"), "row_count", 0), 1);
	struct buf b = buf_init(s.ctx->a, BUF_RESULT);
	struct err *failed[2];
	assert_ok(artifact_data(s.ctx, &s.scope, &v, &b, &at, failed));
	assert_string_equal(failed[0]->message, json_get_str(json_get(json_get(o, "bad"), "error"), "message"));
	assert_null(failed[1]);
}

static void test_artifact__a_glance_takes_kept_rows_of_the_same_rules(void **state)
{
	struct shop s;
	struct artifact_source sources[] = {{"all", "SELECT id FROM orders", 0}};
	struct artifact_version v = version_of(sources, 1);

	(void)state;
	open_shop(&s);
	s.policy.cache_seconds = 60;
	s.policy.version = 1;
	assert_int_equal(json_length(json_get_array(json_get(glance(&s, &v), "all"), "rows")), 500);
	pg_exec("DELETE FROM shop.orders WHERE id > 10");
	assert_int_equal(json_length(json_get_array(json_get(glance(&s, &v), "all"), "rows")), 500);
	s.policy.version = 2;
	assert_int_equal(json_length(json_get_array(json_get(glance(&s, &v), "all"), "rows")), 10);
}

static const struct CMUnitTest artifact_data_tests[] = {
        cmocka_unit_test(test_artifact__rows_stand_under_the_names_of_their_queries),
        cmocka_unit_test(test_artifact__more_rows_than_a_page_has_and_no_more_than_the_cap),
        cmocka_unit_test(test_artifact__who_may_see_less_gets_less),
        cmocka_unit_test(test_artifact__a_glance_takes_kept_rows_of_the_same_rules),
        cmocka_unit_test(test_artifact__a_query_that_breaks_off_leaves_no_half_of_an_object),
};
UNIT_SUITE(artifact_data_tests);
