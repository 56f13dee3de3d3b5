/* The models of a project: what is stored and read back, where its key may go, which addresses are taken. */
#include <string.h>

#include "lib/arena.h"
#include "lib/ctx.h"
#include "made.h"
#include "project/project.h"
#include "support/pg.h"
#include "unit.h"

static struct project_model made_model(int64_t project_id, int64_t place)
{
	return (struct project_model){.project_id = project_id,
	                              .place = place,
	                              .format = "openai",
	                              .url = "https://models.example/v1",
	                              .model = "large",
	                              .key = "sk-secret",
	                              .price_in = 3000000,
	                              .price_cached = 300000,
	                              .price_out = 15000000};
}

static struct project_model at(struct ctx *ctx, int64_t project_id, int64_t place)
{
	struct project_model *m;
	size_t n;

	assert_ok(project_models(ctx, project_id, &m, &n));
	for (size_t i = 0; i < n; i++)
		if (m[i].place == place)
			return m[i];
	fail_msg("no model at place %lld", (long long)place);
	return m[0];
}

static void test_project__what_is_saved_is_read_back(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t id = made_saved(ctx, "shop");
	struct project_model first = made_model(id, 1), second = {.project_id = id,
	                                                          .place = 2,
	                                                          .format = "",
	                                                          .url = "ignored",
	                                                          .model = "",
	                                                          .key = "ignored"},
	                     got, *none;
	size_t n;

	(void)state;
	assert_ok(project_models(ctx, id, &none, &n));
	assert_int_equal(n, 0);
	assert_ok(project_model_save(ctx, &second));
	assert_ok(project_model_save(ctx, &first));
	got = at(ctx, id, 1);
	assert_string_equal(got.format, "openai");
	assert_string_equal(got.url, "https://models.example/v1");
	assert_string_equal(got.model, "large");
	assert_string_equal(got.key, "sk-secret");
	assert_int_equal(got.price_in, 3000000);
	assert_int_equal(got.price_cached, 300000);
	assert_int_equal(got.price_out, 15000000);
	got = at(ctx, id, 2);
	assert_string_equal(got.format, "");
	assert_string_equal(got.url, "");
	assert_null(got.key);
	assert_ok(project_model_remove(ctx, id, 1));
	assert_ok(project_model_remove(ctx, id, 1));
	assert_ok(project_models(ctx, id, &none, &n));
	assert_int_equal(n, 1);
	assert_string_equal(pg_value("SELECT string_agg(action || ' ' || (detail->>'place'), ', ' ORDER BY id)"
	                             " FROM audit_log WHERE action LIKE 'project.model%'"),
	                    "project.model.set 2, project.model.set 1, project.model.remove 1");
	assert_string_equal(pg_value("SELECT count(*) FROM audit_log WHERE detail::text LIKE '%secret%'"), "0");
	assert_string_equal(pg_value("SELECT count(*) FROM project_models WHERE key_sealed::text LIKE"
	                             " '%' || encode('sk-secret', 'hex') || '%'"),
	                    "0");
}

static void test_project__a_key_is_kept_replaced_and_removed(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t id = made_saved(ctx, "shop");
	struct project_model m = made_model(id, 1);

	(void)state;
	assert_ok(project_model_save(ctx, &m));
	m.key = NULL;
	m.model = "small";
	assert_ok(project_model_save(ctx, &m));
	assert_string_equal(at(ctx, id, 1).key, "sk-secret");
	assert_string_equal(at(ctx, id, 1).model, "small");
	m.key = "sk-other";
	assert_ok(project_model_save(ctx, &m));
	assert_string_equal(at(ctx, id, 1).key, "sk-other");
	m.key = "";
	assert_ok(project_model_save(ctx, &m));
	assert_null(at(ctx, id, 1).key);
	m.key = NULL;
	m.url = "http://elsewhere.example";
	assert_ok(project_model_save(ctx, &m));
}

static void test_project__a_stored_key_stays_with_its_server(void **state)
{
	static const char *const elsewhere[] = {
	        "https://evil.example/v1",           "http://models.example/v1",  "https://models.example:8443/v1",
	        "https://models.example.evil.de/v1", "https://sub.models.example"};
	static const char *const same[] = {"https://models.example/other", "https://MODELS.example:443/v1"};
	struct ctx *ctx = made_ctx();
	int64_t id = made_saved(ctx, "shop");
	struct project_model m = made_model(id, 1);

	(void)state;
	assert_ok(project_model_save(ctx, &m));
	m.key = NULL;
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++) {
		m.url = elsewhere[i];
		assert_err_code(project_model_save(ctx, &m), ERR_INVALID, "key");
	}
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		m.url = same[i];
		assert_ok(project_model_save(ctx, &m));
		assert_string_equal(at(ctx, id, 1).key, "sk-secret");
	}
	/* By way of the instance's provider it does not get there either. */
	m.format = m.url = "";
	assert_ok(project_model_save(ctx, &m));
	m.format = "openai";
	m.url = elsewhere[0];
	assert_ok(project_model_save(ctx, &m));
	assert_null(at(ctx, id, 1).key);
}

static void test_project__a_sealed_key_is_bound_to_project_and_place(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t id = made_saved(ctx, "shop"), other = made_saved(ctx, "bank");
	struct project_model m = made_model(id, 1), *got;
	size_t n;

	(void)state;
	assert_ok(project_model_save(ctx, &m));
	m.place = 2;
	assert_ok(project_model_save(ctx, &m));
	m.project_id = other;
	m.place = 1;
	assert_ok(project_model_save(ctx, &m));
	pg_exec("UPDATE project_models a SET key_sealed = (SELECT key_sealed FROM project_models b"
	        " WHERE b.project_id < a.project_id AND b.place = 1) WHERE project_id ="
	        " (SELECT max(project_id) FROM project_models)");
	assert_err_code(project_models(ctx, other, &got, &n), ERR_CONFIG, NULL);
	assert_int_equal(n, 1);
	assert_null(got[0].key);
	assert_string_equal(got[0].model, "large");
	pg_exec("UPDATE project_models a SET key_sealed = (SELECT key_sealed FROM project_models b"
	        " WHERE b.project_id = a.project_id AND b.place = 1) WHERE place = 2");
	assert_err_code(project_models(ctx, id, &got, &n), ERR_CONFIG, NULL);
	assert_string_equal(got[0].key, "sk-secret");
	assert_null(got[1].key);
}

static void test_project__a_key_of_another_time_can_be_set_again(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t id = made_saved(ctx, "shop");
	struct project_model m = made_model(id, 1), *got;
	size_t n;

	(void)state;
	assert_ok(project_model_save(ctx, &m));
	made_other_key(ctx);
	assert_err_code(project_models(ctx, id, &got, &n), ERR_CONFIG, NULL);
	assert_string_equal(got[0].url, "https://models.example/v1");
	assert_ok(project_model_save(ctx, &m));
	assert_string_equal(at(ctx, id, 1).key, "sk-secret");
}

static void test_project__only_plain_addresses_are_taken(void **state)
{
	static const char *const good[] = {"https://api.example",         "http://localhost:11434/v1",
	                                   "http://127.0.0.1:8080",       "https://[2001:db8::1]:8443/v1",
	                                   "http://ollama_1:11434",       "https://x.example/openai/deployments/a%20b",
	                                   "https://api.example.com/v1/",
	                                   "https://x.example/openai?api-version=2024-10-21",
	                                   "https://x.example?a=/@b"};
	static const char *const bad[] = {"",
	                                  "api.example",
	                                  "ftp://api.example",
	                                  "file:///etc/passwd",
	                                  "gopher://x/",
	                                  "https://",
	                                  "https:///v1",
	                                  "https://user@host",
	                                  "https://user:pass@host/v1",
	                                  "https://host@evil/v1",
	                                  "https://host#@evil",
	                                  "https://host/v1#x",
	                                  "https://?x",
	                                  "https://a?b@c:d/#",
	                                  "https://host\\@evil",
	                                  "https://ho st/v1",
	                                  "https://host/\r\nX: y",
	                                  "https://host:0/",
	                                  "https://host:65536/",
	                                  "https://host:+1/",
	                                  "https://host:08/",
	                                  "https://host:/v1",
	                                  "https://h%6fst/",
	                                  "https://[::1/",
	                                  "https://[::1]x/",
	                                  "https://[]/",
	                                  "https://h\xc3\xb6st/",
	                                  NULL};
	struct ctx *ctx = made_ctx();
	int64_t id = made_saved(ctx, "shop");
	struct project_model m = made_model(id, 1);

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		m.url = good[i];
		assert_ok(project_model_save(ctx, &m));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		m.url = bad[i];
		assert_err_code(project_model_save(ctx, &m), ERR_INVALID, "url");
	}
	m.url = str_dup(ctx->a, str_of(arena_printf(ctx->a, "https://host/%0500d", 1)));
	assert_err_code(project_model_save(ctx, &m), ERR_INVALID, "url");
}

#define WRONG(field, value, code_) \
	do { \
		struct project_model wrong_ = made_model(id, 1); \
		wrong_.field = value; \
		assert_err_code(project_model_save(ctx, &wrong_), ERR_INVALID, code_); \
	} while (0)

static void test_project__a_wrong_field_is_named(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t id = made_saved(ctx, "shop");

	(void)state;
	WRONG(place, 0, "place");
	WRONG(place, 3, "place");
	WRONG(format, "gemini", "format");
	WRONG(format, NULL, "format");
	WRONG(model, "", "model");
	WRONG(model, NULL, "model");
	WRONG(model, "a b", "model");
	WRONG(key, "sk\nX-Evil: 1", "key");
	WRONG(key, "sk 1", "key");
	WRONG(price_in, -1, "price_in");
	WRONG(price_cached, 10000000001, "price_cached");
	WRONG(price_out, INT64_MIN, "price_out");
	assert_string_equal(pg_value("SELECT count(*) FROM project_models"), "0");
}

static void test_project__what_goes_in_clear_is_known(void **state)
{
	(void)state;
	assert_true(project_model_in_clear("http://models.example"));
	assert_true(project_model_in_clear("http://10.0.0.7:8000/v1"));
	assert_true(project_model_in_clear("http://127.evil.example"));
	assert_true(project_model_in_clear("http://localhost.evil.example"));
	assert_false(project_model_in_clear("https://models.example"));
	assert_false(project_model_in_clear("http://localhost:11434"));
	assert_false(project_model_in_clear("http://127.0.0.1:8000"));
	assert_false(project_model_in_clear("http://[::1]:8000"));
	assert_false(project_model_in_clear(""));
}

static void test_project__money_has_the_decimals_that_tell_something(void **state)
{
	static const struct {
		int64_t millionths;
		const char *words;
	} cases[] = {{0, "0.00 EUR"},           {1, "0.000001 EUR"},    {4200, "0.0042 EUR"},
	             {12345, "0.0123 EUR"},     {50000, "0.05 EUR"},    {1000000, "1.00 EUR"},
	             {1234567890, "1234.57 EUR"}};
	struct ctx *ctx = made_ctx();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(project_money(ctx->a, cases[i].millionths, "EUR"), cases[i].words);
}

static const struct CMUnitTest project_model_tests[] = {
        cmocka_unit_test(test_project__what_is_saved_is_read_back),
        cmocka_unit_test(test_project__a_key_is_kept_replaced_and_removed),
        cmocka_unit_test(test_project__a_stored_key_stays_with_its_server),
        cmocka_unit_test(test_project__a_sealed_key_is_bound_to_project_and_place),
        cmocka_unit_test(test_project__a_key_of_another_time_can_be_set_again),
        cmocka_unit_test(test_project__only_plain_addresses_are_taken),
        cmocka_unit_test(test_project__a_wrong_field_is_named),
        cmocka_unit_test(test_project__what_goes_in_clear_is_known),
        cmocka_unit_test(test_project__money_has_the_decimals_that_tell_something),
};
UNIT_SUITE(project_model_tests);
