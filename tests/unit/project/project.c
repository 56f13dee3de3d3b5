/* Projects in the database: fields, who sees them, members, sealed passwords. */
#include "project/project.h"

#include <string.h>

#include "lib/arena.h"
#include "lib/ctx.h"
#include "made.h"
#include "support/pg.h"
#include "unit.h"

static void test_project__role_names_go_both_ways(void **state)
{
	(void)state;
	for (enum project_role r = PROJECT_VIEWER; r < PROJECT_ROLE__MAX; r++)
		assert_int_equal(project_role_of(project_role_name(r)), r);
	assert_int_equal(project_role_of("none"), PROJECT_NONE);
	assert_int_equal(project_role_of("Admin"), PROJECT_NONE);
	assert_int_equal(project_role_of(NULL), PROJECT_NONE);
}

static void test_project__what_is_created_is_read_back(void **state)
{
	struct ctx *ctx = made_ctx();
	const char *suggestions[] = {"How many orders?", "Who buys most?"}, *excluded[] = {"salaries"};
	struct project p = made_project("shop"), got;
	struct project_source s = made_source(), source;

	(void)state;
	p.description = "All sales\nof 2025";
	p.prompt = "Amounts are in cents.";
	p.suggestions = (struct db_texts){suggestions, 2};
	s.excluded = (struct db_texts){excluded, 1};
	assert_ok(project_create(ctx, &p, &s));
	assert_int_equal(s.project_id, p.id);
	assert_ok(project_by_slug(ctx, "shop", &got));
	assert_int_equal(got.id, p.id);
	assert_string_equal(got.description, p.description);
	assert_string_equal(got.prompt, p.prompt);
	assert_int_equal(got.suggestions.n, 2);
	assert_string_equal(got.suggestions.p[1], suggestions[1]);
	assert_int_equal(got.row_cap, 500);
	assert_string_equal(got.currency, "USD");
	assert_ok(project_source_get(ctx, p.id, &source));
	assert_int_equal(source.id, s.id);
	assert_string_equal(source.host, "db.example");
	assert_string_equal(source.password, "sesame");
	assert_null(source.allowed.p);
	assert_string_equal(source.excluded.p[0], "salaries");
	assert_string_equal(pg_value("SELECT action || ' ' || (detail->>'slug') FROM audit_log"),
	                    "project.create shop");
}

struct wrong {
	const char *field;
	void (*spoil)(struct project *p, struct project_source *s);
};

static char long_text[40000];
static const char *many[21] = {"q", "q", "q", "q", "q", "q", "q", "q", "q", "q", "q",
                               "q", "q", "q", "q", "q", "q", "q", "q", "q", "q"};
static const char *empty[] = {""};

#define SPOIL(name, change) \
	static void spoil_##name(struct project *p, struct project_source *s) \
	{ \
		(void)p; \
		(void)s; \
		change; \
	}
SPOIL(slug_empty, p->slug = "")
SPOIL(slug_null, p->slug = NULL)
SPOIL(slug_upper, p->slug = "Shop")
SPOIL(slug_hyphen, p->slug = "-shop")
SPOIL(slug_path, p->slug = "a/b")
SPOIL(slug_long, p->slug = long_text + sizeof(long_text) - 65)
SPOIL(name_empty, p->name = "")
SPOIL(name_control, p->name = "a\tb")
SPOIL(name_utf8, p->name = "a\xff")
SPOIL(name_long, p->name = long_text + sizeof(long_text) - 202)
SPOIL(description, p->description = long_text + sizeof(long_text) - 4002)
SPOIL(prompt, p->prompt = long_text)
SPOIL(currency, p->currency = "usd")
SPOIL(currency_long, p->currency = "USDT")
SPOIL(turn_steps, p->turn_steps = 101)
SPOIL(turn_seconds, p->turn_seconds = -1)
SPOIL(turn_tokens, p->turn_tokens = 100000001)
SPOIL(turn_cost, p->turn_cost = -1)
SPOIL(suggestions_many, p->suggestions = ((struct db_texts){many, 21}))
SPOIL(suggestions_empty, p->suggestions = ((struct db_texts){empty, 1}))
SPOIL(row_cap_low, p->row_cap = 0)
SPOIL(row_cap_high, p->row_cap = 100001)
SPOIL(timeout_low, p->timeout_ms = 99)
SPOIL(timeout_high, p->timeout_ms = 600001)
SPOIL(max_cost, p->max_cost = -1)
SPOIL(a_minute, p->queries_a_minute = 100001)
SPOIL(at_once, p->queries_at_once = -1)
SPOIL(a_day, p->queries_a_day = 100000001)
SPOIL(cache_seconds, p->cache_seconds = 604801)
SPOIL(export_rows, p->export_rows = 0)
SPOIL(host_empty, s->host = "")
SPOIL(host_list, s->host = "a,b")
SPOIL(host_abstract, s->host = "@x")
SPOIL(host_space, s->host = "a b")
SPOIL(port_low, s->port = 0)
SPOIL(port_high, s->port = 65536)
SPOIL(database_conninfo, s->database = "dbname=x host=evil")
SPOIL(database_url, s->database = "postgresql://evil/x")
SPOIL(username, s->username = "")
SPOIL(password, s->password = "a\nb")
SPOIL(sslmode, s->sslmode = "allow")
SPOIL(sslmode_null, s->sslmode = NULL)
SPOIL(schema, s->schema = NULL)
SPOIL(allowed, s->allowed = ((struct db_texts){empty, 1}))
SPOIL(excluded, s->excluded = ((struct db_texts){empty, 1}))

static const struct wrong wrongs[] = {
        {"slug", spoil_slug_empty},
        {"slug", spoil_slug_null},
        {"slug", spoil_slug_upper},
        {"slug", spoil_slug_hyphen},
        {"slug", spoil_slug_path},
        {"slug", spoil_slug_long},
        {"name", spoil_name_empty},
        {"name", spoil_name_control},
        {"name", spoil_name_utf8},
        {"name", spoil_name_long},
        {"description", spoil_description},
        {"prompt", spoil_prompt},
        {"currency", spoil_currency},
        {"currency", spoil_currency_long},
        {"turn_steps", spoil_turn_steps},
        {"turn_seconds", spoil_turn_seconds},
        {"turn_tokens", spoil_turn_tokens},
        {"turn_cost", spoil_turn_cost},
        {"suggestions", spoil_suggestions_many},
        {"suggestions", spoil_suggestions_empty},
        {"row_cap", spoil_row_cap_low},
        {"row_cap", spoil_row_cap_high},
        {"timeout_ms", spoil_timeout_low},
        {"timeout_ms", spoil_timeout_high},
        {"max_cost", spoil_max_cost},
        {"queries_a_minute", spoil_a_minute},
        {"queries_at_once", spoil_at_once},
        {"queries_a_day", spoil_a_day},
        {"cache_seconds", spoil_cache_seconds},
        {"export_rows", spoil_export_rows},
        {"host", spoil_host_empty},
        {"host", spoil_host_list},
        {"host", spoil_host_abstract},
        {"host", spoil_host_space},
        {"port", spoil_port_low},
        {"port", spoil_port_high},
        {"database", spoil_database_conninfo},
        {"database", spoil_database_url},
        {"username", spoil_username},
        {"password", spoil_password},
        {"sslmode", spoil_sslmode},
        {"sslmode", spoil_sslmode_null},
        {"schema", spoil_schema},
        {"allowed", spoil_allowed},
        {"excluded", spoil_excluded},
};

static void test_project__a_wrong_field_is_named(void **state)
{
	struct ctx *ctx = made_ctx();
	size_t i;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	for (i = 0; i < sizeof(wrongs) / sizeof(*wrongs); i++) {
		struct project p = made_project("shop");
		struct project_source s = made_source();

		wrongs[i].spoil(&p, &s);
		assert_err_code(project_create(ctx, &p, &s), ERR_INVALID, wrongs[i].field);
	}
	assert_string_equal(pg_value("SELECT count(*) FROM projects"), "0");
}

static void test_project__all_wrong_fields_are_named_at_once(void **state)
{
	struct ctx *ctx = made_ctx();
	struct project p = made_project("Shop");
	struct project_source s = made_source();
	struct err *e;

	(void)state;
	p.row_cap = 0;
	s.port = 0;
	e = project_create(ctx, &p, &s);
	assert_non_null(e);
	assert_string_equal(e->code, "slug");
	assert_non_null(strstr(e->detail, "short name"));
	assert_non_null(strstr(e->detail, "row limit"));
	assert_non_null(strstr(e->detail, "port"));
}

static void test_project__a_taken_slug_is_a_conflict(void **state)
{
	struct ctx *ctx = made_ctx();
	struct project p = made_project("shop"), other;
	struct project_source s = made_source();

	(void)state;
	made_saved(ctx, "shop");
	assert_err_code(project_create(ctx, &p, &s), ERR_CONFLICT, "slug");
	made_saved(ctx, "other");
	assert_ok(project_by_slug(ctx, "other", &other));
	other.slug = "shop";
	assert_err_code(project_update(ctx, &other), ERR_CONFLICT, "slug");
	assert_string_equal(pg_value("SELECT count(*) FROM sources"), "2");
}

static void test_project__a_new_one_has_the_databases_defaults(void **state)
{
	struct ctx *ctx = made_ctx();
	struct project p = project_new(), got;

	(void)state;
	pg_exec("INSERT INTO projects (slug, name) VALUES ('shop', 'Shop')");
	assert_ok(project_by_slug(ctx, "shop", &got));
	assert_int_equal(p.row_cap, got.row_cap);
	assert_int_equal(p.timeout_ms, got.timeout_ms);
	assert_int_equal(p.max_cost, got.max_cost);
	assert_int_equal(p.queries_a_minute, got.queries_a_minute);
	assert_int_equal(p.queries_at_once, got.queries_at_once);
	assert_int_equal(p.queries_a_day, got.queries_a_day);
	assert_int_equal(p.cache_seconds, got.cache_seconds);
	assert_int_equal(p.export_rows, got.export_rows);
	assert_int_equal(p.turn_steps, got.turn_steps);
	assert_int_equal(p.turn_seconds, got.turn_seconds);
	assert_int_equal(p.turn_tokens, got.turn_tokens);
	assert_int_equal(p.turn_cost, got.turn_cost);
	assert_string_equal(p.currency, got.currency);
	assert_int_equal(p.tells_hidden, got.tells_hidden);
}

static void test_project__update_and_delete(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t id = made_saved(ctx, "shop");
	struct project p, got;

	(void)state;
	assert_ok(project_by_slug(ctx, "shop", &p));
	p.name = "Store";
	p.row_cap = 7;
	p.max_cost = 100001;
	p.queries_a_minute = 2;
	p.queries_at_once = 3;
	p.queries_a_day = 4;
	p.cache_seconds = 0;
	p.export_rows = 6;
	p.turn_steps = 8;
	p.turn_seconds = 9;
	p.turn_tokens = 10;
	p.turn_cost = 11;
	p.currency = "EUR";
	p.tells_hidden = false;
	assert_ok(project_update(ctx, &p));
	assert_ok(project_by_slug(ctx, "shop", &got));
	assert_string_equal(got.name, "Store");
	assert_int_equal(got.row_cap, 7);
	assert_int_equal(got.max_cost, 100001);
	assert_int_equal(got.queries_a_minute, 2);
	assert_int_equal(got.queries_at_once, 3);
	assert_int_equal(got.queries_a_day, 4);
	assert_int_equal(got.cache_seconds, 0);
	assert_int_equal(got.export_rows, 6);
	assert_int_equal(got.turn_steps, 8);
	assert_int_equal(got.turn_seconds, 9);
	assert_int_equal(got.turn_tokens, 10);
	assert_int_equal(got.turn_cost, 11);
	assert_string_equal(got.currency, "EUR");
	assert_false(got.tells_hidden);
	p.id = id + 1000;
	p.slug = "free";
	assert_err_code(project_update(ctx, &p), ERR_NOT_FOUND, NULL);
	assert_ok(project_delete(ctx, id));
	assert_err_code(project_delete(ctx, id), ERR_NOT_FOUND, NULL);
	assert_err_code(project_by_slug(ctx, "shop", &got), ERR_NOT_FOUND, NULL);
	assert_string_equal(pg_value("SELECT string_agg(action, ' ' ORDER BY id) FROM audit_log"),
	                    "project.create project.update project.delete");
}

static void test_project__outsiders_see_nothing(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t shop = made_saved(ctx, "shop"), ann = made_person("ann@example.com", false),
	        bob = made_person("bob@example.com", false);
	enum project_role role;
	struct project p;
	struct project_listed *list;
	struct err *hidden, *absent;
	size_t n;

	(void)state;
	made_saved(ctx, "bank");
	assert_ok(project_member_set(ctx, shop, " Ann@Example.com ", PROJECT_ANALYST));
	assert_ok(project_access(ctx, "shop", ann, false, &p, &role));
	assert_int_equal(role, PROJECT_ANALYST);
	hidden = project_access(ctx, "shop", bob, false, &p, &role);
	absent = project_access(ctx, "nothing", bob, false, &p, &role);
	assert_non_null(hidden);
	assert_non_null(absent);
	assert_int_equal(hidden->kind, ERR_NOT_FOUND);
	assert_string_equal(err_text(hidden), err_text(absent));
	assert_ok(project_access(ctx, "shop", bob, true, &p, &role));
	assert_int_equal(role, PROJECT_ADMIN);
	assert_ok(project_list(ctx, ann, false, &list, &n));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].project.slug, "shop");
	assert_string_equal(list[0].role, "analyst");
	assert_ok(project_list(ctx, bob, false, &list, &n));
	assert_int_equal(n, 0);
	assert_ok(project_list(ctx, bob, true, &list, &n));
	assert_int_equal(n, 2);
	assert_string_equal(list[1].role, "admin");
}

static void test_project__members_come_change_and_go(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t shop = made_saved(ctx, "shop"), ann = made_person("ann@example.com", false);
	struct project_member *members;
	size_t n;

	(void)state;
	assert_err_code(project_member_set(ctx, shop, "nobody@example.com", PROJECT_VIEWER), ERR_NOT_FOUND,
	                "email");
	assert_err_code(project_member_set(ctx, shop, "ann@example.com", PROJECT_NONE), ERR_INVALID, "role");
	assert_ok(project_member_set(ctx, shop, "ann@example.com", PROJECT_VIEWER));
	assert_ok(project_member_set(ctx, shop, "ann@example.com", PROJECT_ADMIN));
	assert_ok(project_members(ctx, shop, &members, &n));
	assert_int_equal(n, 1);
	assert_int_equal(members[0].user_id, ann);
	assert_string_equal(members[0].role, "admin");
	assert_ok(project_member_remove(ctx, shop, ann));
	assert_err_code(project_member_remove(ctx, shop, ann), ERR_NOT_FOUND, NULL);
	assert_string_equal(pg_value("SELECT string_agg(detail->>'role', ' ' ORDER BY id) FROM audit_log"
	                             " WHERE action = 'project.member.set'"),
	                    "viewer admin");
}

static void test_project__the_password_is_sealed_and_bound_to_its_row(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t shop = made_saved(ctx, "shop"), bank = made_saved(ctx, "bank");
	struct project_source s;

	(void)state;
	assert_string_equal(pg_value("SELECT count(*) FROM sources WHERE position('sesame' IN"
	                             " encode(password_sealed, 'escape')) > 0"),
	                    "0");
	assert_string_equal(pg_value("SELECT count(*) FROM audit_log WHERE detail::text LIKE '%sesame%'"),
	                    "0");
	pg_exec("UPDATE sources SET password_sealed = (SELECT password_sealed FROM sources"
	        " ORDER BY id LIMIT 1)");
	assert_ok(project_source_get(ctx, shop, &s));
	assert_err_code(project_source_get(ctx, bank, &s), ERR_CONFIG, NULL);
	assert_string_equal(s.host, "db.example");
	assert_null(s.password);
	made_other_key(ctx);
	assert_err_code(project_source_get(ctx, shop, &s), ERR_CONFIG, NULL);
	s.password = "again";
	assert_ok(project_source_update(ctx, &s));
	assert_ok(project_source_get(ctx, shop, &s));
	assert_string_equal(s.password, "again");
}

static void test_project__a_password_is_kept_replaced_or_removed(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t shop = made_saved(ctx, "shop");
	struct project_source s, got;

	(void)state;
	assert_ok(project_source_get(ctx, shop, &s));
	s.password = NULL;
	s.database = "shop2";
	assert_ok(project_source_update(ctx, &s));
	assert_ok(project_source_get(ctx, shop, &got));
	assert_string_equal(got.database, "shop2");
	assert_string_equal(got.password, "sesame");
	assert_int_equal(got.version, s.version + 1);
	s.password = "";
	assert_ok(project_source_update(ctx, &s));
	assert_ok(project_source_get(ctx, shop, &got));
	assert_null(got.password);
	s.project_id = shop + 1000;
	assert_err_code(project_source_update(ctx, &s), ERR_NOT_FOUND, NULL);
}

static void test_project__a_stored_password_goes_to_no_other_server(void **state)
{
	struct ctx *ctx = made_ctx();
	int64_t shop = made_saved(ctx, "shop");
	struct project_source s, elsewhere;

	(void)state;
	assert_ok(project_source_get(ctx, shop, &s));
	s.password = NULL;
	elsewhere = s;
	elsewhere.host = "evil.example";
	assert_err_code(project_source_update(ctx, &elsewhere), ERR_INVALID, "password");
	elsewhere = s;
	elsewhere.port = 5433;
	assert_err_code(project_source_update(ctx, &elsewhere), ERR_INVALID, "password");
	elsewhere = s;
	elsewhere.sslmode = "disable";
	assert_err_code(project_source_update(ctx, &elsewhere), ERR_INVALID, "password");
	elsewhere.sslmode = "verify-full";
	assert_ok(project_source_update(ctx, &elsewhere));
	elsewhere.host = "db2.example";
	elsewhere.password = "typed again";
	assert_ok(project_source_update(ctx, &elsewhere));
}

static const struct CMUnitTest project_project_tests[] = {
        cmocka_unit_test(test_project__role_names_go_both_ways),
        cmocka_unit_test(test_project__what_is_created_is_read_back),
        cmocka_unit_test(test_project__a_wrong_field_is_named),
        cmocka_unit_test(test_project__all_wrong_fields_are_named_at_once),
        cmocka_unit_test(test_project__a_taken_slug_is_a_conflict),
        cmocka_unit_test(test_project__a_new_one_has_the_databases_defaults),
        cmocka_unit_test(test_project__update_and_delete),
        cmocka_unit_test(test_project__outsiders_see_nothing),
        cmocka_unit_test(test_project__members_come_change_and_go),
        cmocka_unit_test(test_project__the_password_is_sealed_and_bound_to_its_row),
        cmocka_unit_test(test_project__a_password_is_kept_replaced_or_removed),
        cmocka_unit_test(test_project__a_stored_password_goes_to_no_other_server),
};
UNIT_SUITE(project_project_tests);
