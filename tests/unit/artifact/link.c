/* Links: what a new one may say, who may open which, that a proof holds for one link alone, and what is counted. */
#include <stdlib.h>
#include <string.h>

#include "artifact/artifact.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/ctx.h"
#include "lib/settings.h"
#include "support/pg.h"
#include "unit.h"

enum { NOBODY, ANN, BEN, OUT, ADMIN };

#define DAY_US (INT64_C(86400) * 1000000)

static struct settings settings;
static unsigned char key[32];

/* Ann owns artifact 1 in project 1, Ben is a member, Out is in another project. */
static struct ctx *people(void)
{
	struct ctx *ctx = pg_ctx();
	struct artifact a;

	settings = *ctx->settings;
	memset(key, 7, sizeof(key));
	settings.key = key;
	settings.public_links = "on";
	ctx->settings = &settings;
	pg_exec("INSERT INTO projects (slug, name) VALUES ('shop', 'Shop'), ('bank', 'Bank');"
	        "INSERT INTO users (email, name, origin, is_admin) VALUES ('ann@example.com', 'Ann', 'header', false),"
	        " ('ben@example.com', '', 'header', false), ('out@example.com', '', 'header', false),"
	        " ('admin@example.com', '', 'header', true);"
	        "INSERT INTO members (project_id, user_id, role) VALUES (1, 1, 'analyst'), (1, 2, 'viewer'), (2, 3, 'admin')");
	ctx->user_id = ANN;
	assert_ok(artifact_save(
	        ctx, &(struct artifact_draft){.project_id = 1, .title = "Sales", .type = "html", .code = "<p>one</p>"}, &a));
	assert_int_equal(a.id, 1);
	return ctx;
}

static struct artifact_link link_for(const char *audience)
{
	return (struct artifact_link){.artifact_id = 1,
	                              .audience = audience,
	                              .frozen = "{\"sales\": 1}",
	                              .frozen_at = clock_wall_us(),
	                              .frozen_version = 1,
	                              .expires_at = clock_wall_us() + DAY_US};
}

static const char *made(struct ctx *ctx, struct artifact_link *link)
{
	const char *token;

	ctx->user_id = ANN;
	assert_ok(artifact_link_create(ctx, link, &token));
	assert_int_equal(strlen(token), 43);
	return token;
}

static struct err *opened(struct ctx *ctx, int64_t who, const char *token)
{
	struct artifact_link link;
	struct artifact a;

	ctx->user_id = who;
	return artifact_link_open(ctx, str_of(token), &link, &a);
}

static void test_link__a_token_leads_to_its_artifact_and_is_kept_nowhere(void **state)
{
	struct ctx *ctx = people();
	struct artifact_link link = link_for("public"), got;
	const char *token = made(ctx, &link);
	struct artifact a;

	(void)state;
	ctx->user_id = NOBODY;
	assert_ok(artifact_link_open(ctx, str_of(token), &got, &a));
	assert_int_equal(got.id, link.id);
	assert_string_equal(got.by, "Ann");
	assert_string_equal(got.title, "Sales");
	assert_true(got.is_frozen && !got.frozen && !got.password_hash);
	assert_null(a.version.code);
	assert_ok(artifact_link_content(ctx, &got, &a));
	assert_string_equal(a.version.code, "<p>one</p>");
	assert_string_equal(got.frozen, "{\"sales\": 1}");
	pg_exec(arena_printf(ctx->a,
	                     "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM artifact_links l WHERE strpos(l::text, '%s') > 0"
	                     " OR l.token_hash = sha256('%s')) AND NOT EXISTS (SELECT FROM audit_log x"
	                     " WHERE strpos(x::text, '%s') > 0); END $$",
	                     token, token, token));
	assert_string_equal(pg_value("SELECT action || object || (detail->>'link') FROM audit_log ORDER BY id DESC LIMIT 1"),
	                    "artifact.link.createartifact:11");
}

static void test_link__each_audience_and_nobody_else(void **state)
{
	static const struct {
		const char *audience;
		bool may[ADMIN + 1];
	} cases[] = {{"public", {true, true, true, true, true}},
	             {"project", {false, true, true, false, true}},
	             {"people", {false, false, false, true, false}}};
	static const char *named[] = {"out@example.com", "ben2@example.com"};
	struct ctx *ctx = people();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct artifact_link link = link_for(cases[i].audience);

		if (!strcmp(link.audience, "people"))
			link.people = (struct db_texts){named, 2};
		const char *token = made(ctx, &link);
		for (int64_t who = NOBODY; who <= ADMIN; who++)
			if (cases[i].may[who])
				assert_ok(opened(ctx, who, token));
			else
				assert_err(opened(ctx, who, token), ERR_NOT_FOUND);
	}
}

static void test_link__whatever_stands_against_it_is_not_found(void **state)
{
	static const char *const turns[][2] = {
	        {"UPDATE artifact_links SET expires_at = now()", "UPDATE artifact_links SET expires_at = NULL"},
	        {"UPDATE artifact_links SET revoked_at = now()", "UPDATE artifact_links SET revoked_at = NULL"},
	        {"UPDATE artifacts SET deleted_at = now()", "UPDATE artifacts SET deleted_at = NULL"},
	        {"UPDATE users SET disabled_at = now() WHERE id = 1", "UPDATE users SET disabled_at = NULL"},
	        {"DELETE FROM members WHERE user_id = 1",
	         "INSERT INTO members (project_id, user_id, role) VALUES (1, 1, 'analyst')"},
	        {"UPDATE members SET role = 'viewer' WHERE user_id = 1", "UPDATE members SET role = 'analyst' WHERE user_id = 1"},
	};
	struct ctx *ctx = people();
	struct artifact_link link = link_for("public");
	const char *token = made(ctx, &link);

	(void)state;
	for (size_t i = 0; i < sizeof(turns) / sizeof(*turns); i++) {
		pg_exec(turns[i][0]);
		assert_err(opened(ctx, NOBODY, token), ERR_NOT_FOUND);
		pg_exec(turns[i][1]);
		assert_ok(opened(ctx, NOBODY, token));
	}
	settings.public_links = "off";
	assert_err(opened(ctx, NOBODY, token), ERR_NOT_FOUND);
	settings.public_links = "on";
	for (const char *const *wrong = (const char *const[]){"", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL}; *wrong; wrong++)
		assert_err(opened(ctx, ADMIN, *wrong), ERR_NOT_FOUND);
	memset(key, 8, sizeof(key));
	assert_err(opened(ctx, NOBODY, token), ERR_NOT_FOUND);
}

static void test_link__a_proof_holds_for_one_link_and_says_of_the_password(void **state)
{
	struct ctx *ctx = people();
	struct artifact_link plain = link_for("public"), locked = link_for("public"), got;
	struct artifact a;
	bool password;

	(void)state;
	locked.password_hash = "$argon2id$x";
	made(ctx, &plain);
	made(ctx, &locked);
	ctx->user_id = NOBODY;
	const char *proof = artifact_link_grant(ctx, &locked, false), *whole = artifact_link_grant(ctx, &locked, true);
	assert_ok(artifact_link_use(ctx, locked.id, str_of(proof), &got, &a, &password));
	assert_false(password);
	assert_ok(artifact_link_use(ctx, locked.id, str_of(whole), &got, &a, &password));
	assert_true(password);
	assert_ok(artifact_link_use(ctx, plain.id, str_of(artifact_link_grant(ctx, &plain, false)), &got, &a, &password));
	assert_true(password);
	assert_err(artifact_link_use(ctx, plain.id, str_of(proof), &got, &a, &password), ERR_NOT_FOUND);
	for (size_t i = 0; i < strlen(proof); i++) {
		char *lie = arena_strdup(ctx->a, proof);
		lie[i] = lie[i] == '0' ? '1' : '0';
		assert_err(artifact_link_use(ctx, locked.id, str_of(lie), &got, &a, &password), ERR_NOT_FOUND);
	}
	for (const char *const *wrong = (const char *const[]){"", ".", "..", "0.0.", "-1.1.x", "9.9", NULL}; *wrong; wrong++)
		assert_err(artifact_link_use(ctx, locked.id, str_of(*wrong), &got, &a, &password), ERR_NOT_FOUND);
	pg_exec("UPDATE artifact_links SET revoked_at = now()");
	assert_err(artifact_link_use(ctx, locked.id, str_of(whole), &got, &a, &password), ERR_NOT_FOUND);
}

static void refused(struct ctx *ctx, struct artifact_link link, enum err_kind kind)
{
	const char *token;

	ctx->user_id = ANN;
	assert_err(artifact_link_create(ctx, &link, &token), kind);
}

static void test_link__what_a_new_one_cannot_say(void **state)
{
	static const char *not_emails[] = {"", "ann", "@", "a@", "@b", "a b@c.d", "a@b@c", "a,b@c.d"};
	static const char *not_origins[] = {"",
	                                    "https://",
	                                    "http://a.example",
	                                    "https://a.example/",
	                                    "https://a.example/path",
	                                    "https://*.example",
	                                    "https://a.example:",
	                                    "https://a.example:0",
	                                    "https://a.example:65536",
	                                    "https://a.example;x",
	                                    "https://A.example",
	                                    "https://u@a.example",
	                                    "'self'",
	                                    "*",
	                                    "data:"};
	struct ctx *ctx = people();
	struct artifact_link link = link_for("public");

	(void)state;
	link.frozen = NULL;
	refused(ctx, link, ERR_INVALID);
	refused(ctx, link_for("world"), ERR_INVALID);
	refused(ctx, link_for("people"), ERR_INVALID);
	for (size_t i = 0; i < sizeof(not_emails) / sizeof(*not_emails); i++) {
		link = link_for("people");
		link.people = (struct db_texts){&not_emails[i], 1};
		refused(ctx, link, ERR_INVALID);
	}
	for (size_t i = 0; i < sizeof(not_origins) / sizeof(*not_origins); i++) {
		link = link_for("public");
		link.embed_origins = (struct db_texts){&not_origins[i], 1};
		refused(ctx, link, ERR_INVALID);
	}
	link = link_for("project");
	link.embed_origins = (struct db_texts){(const char *[]){"https://a.example"}, 1};
	refused(ctx, link, ERR_INVALID);
	link = link_for("public");
	link.expires_at = clock_wall_us() - 1;
	refused(ctx, link, ERR_INVALID);
	link = link_for("public");
	link.version = 2;
	refused(ctx, link, ERR_NOT_FOUND);
	link = link_for("public");
	link.artifact_id = 2;
	refused(ctx, link, ERR_NOT_FOUND);
	settings.public_links = "off";
	refused(ctx, link_for("public"), ERR_FORBIDDEN);
	assert_string_equal(pg_value("SELECT count(*) FROM artifact_links"), "0");
}

static void test_link__only_its_maker_and_admins_take_it_back(void **state)
{
	struct ctx *ctx = people();
	struct artifact_link link = link_for("public"), out, *list;
	const char *token = made(ctx, &link);
	size_t n;

	(void)state;
	for (const int64_t *who = (const int64_t[]){BEN, OUT, NOBODY, -1}; *who >= 0; who++) {
		ctx->user_id = *who;
		assert_err(artifact_link_revoke(ctx, link.id, &out), ERR_NOT_FOUND);
	}
	assert_ok(opened(ctx, NOBODY, token));
	ctx->user_id = ADMIN;
	assert_ok(artifact_link_revoke(ctx, link.id, &out));
	assert_true(out.revoked_at > 0);
	assert_err(artifact_link_revoke(ctx, link.id, &out), ERR_NOT_FOUND);
	assert_err(opened(ctx, NOBODY, token), ERR_NOT_FOUND);
	made(ctx, &link);
	assert_ok(artifact_link_revoke(ctx, link.id, &out));
	assert_ok(artifact_links(ctx, 0, 0, 0, 10, &list, &n));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].id, link.id);
	assert_string_equal(list[0].project, "Shop");
	assert_ok(artifact_links(ctx, 2, 0, 0, 10, &list, &n));
	assert_int_equal(n, 0);
	assert_ok(artifact_links(ctx, 1, 1, 0, 1, &list, &n));
	assert_int_equal(n, 1);
	/* An admin of the project, and of another one. */
	made(ctx, &link);
	ctx->user_id = OUT;
	assert_err(artifact_link_revoke(ctx, link.id, &out), ERR_NOT_FOUND);
	pg_exec("UPDATE members SET role = 'admin' WHERE user_id = 2");
	ctx->user_id = BEN;
	assert_ok(artifact_link_revoke(ctx, link.id, &out));
	assert_string_equal(out.slug, "shop");
}

static void test_link__rows_of_a_maker_who_may_not_export_any_more_are_not_shown(void **state)
{
	static const struct {
		const char *audience, *sources, *role;
		bool frozen, shown;
	} cases[] = {
	        {"public", "[]", "viewer", true, false},
	        {"project", "[]", "viewer", true, true},
	        {"project", "[{\"name\": \"a\", \"sql\": \"SELECT 1\"}]", "viewer", true, false},
	        {"project", "[{\"name\": \"a\", \"sql\": \"SELECT 1\"}]", "admin", true, true},
	        {"project", "[{\"name\": \"a\", \"sql\": \"SELECT 1\"}]", "viewer", false, true},
	};
	struct ctx *ctx = people();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct artifact_link link = link_for(cases[i].audience);

		if (!cases[i].frozen)
			link.frozen = NULL;
		pg_exec(arena_printf(ctx->a, "UPDATE artifact_versions SET sources = '%s'", cases[i].sources));
		pg_exec("UPDATE members SET role = 'analyst' WHERE user_id = 1");
		const char *token = made(ctx, &link);
		assert_ok(opened(ctx, BEN, token));
		pg_exec(arena_printf(ctx->a, "UPDATE members SET role = '%s' WHERE user_id = 1", cases[i].role));
		if (cases[i].shown)
			assert_ok(opened(ctx, BEN, token));
		else
			assert_err(opened(ctx, BEN, token), ERR_NOT_FOUND);
	}
}

static const char *kept(void)
{
	return pg_value("SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM artifact_links WHERE frozen <> '{}'");
}

static void test_link__what_was_frozen_goes_when_it_ends(void **state)
{
	struct ctx *ctx = people();
	struct artifact_link link = link_for("public"), out;

	(void)state;
	for (int i = 0; i < 3; i++)
		made(ctx, &link);
	assert_ok(artifact_link_revoke(ctx, 1, &out));
	assert_string_equal(kept(), "2 3");
	pg_exec("UPDATE artifact_links SET expires_at = now() WHERE id = 2");
	assert_ok(artifact_links_sweep(ctx));
	assert_string_equal(kept(), "3");
	pg_exec("UPDATE artifacts SET deleted_at = now()");
	assert_ok(artifact_links_sweep(ctx));
	assert_string_equal(kept(), "3");
	pg_exec("UPDATE artifacts SET deleted_at = now() - interval '8 days'");
	assert_ok(artifact_links_sweep(ctx));
	assert_string_equal(kept(), "");
	assert_string_equal(pg_value("SELECT string_agg(id || (revoked_at IS NULL)::text, ' ' ORDER BY id) FROM artifact_links"),
	                    "1false 2true 3false");
}

static void test_link__only_so_many_are_open_and_they_come_first(void **state)
{
	struct ctx *ctx = people();
	struct artifact_link link = link_for("project"), out, *list;
	size_t n;

	(void)state;
	for (int i = 0; i < ARTIFACT_LINKS; i++)
		made(ctx, &link);
	refused(ctx, link, ERR_CONFLICT);
	assert_ok(artifact_link_revoke(ctx, ARTIFACT_LINKS, &out));
	made(ctx, &link);
	refused(ctx, link, ERR_CONFLICT);
	assert_ok(artifact_links(ctx, 0, 1, ARTIFACT_LINKS - 1, 10, &list, &n));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].id, 1);
	assert_int_equal(list[1].id, ARTIFACT_LINKS);
}

static void view(struct ctx *ctx, const struct artifact_link *link, int64_t who, const char *address, const char *agent)
{
	ctx->user_id = who;
	ctx->address = address;
	assert_ok(artifact_link_viewed(ctx, link, str_of(agent)));
}

static void test_link__a_view_counts_once_a_day_for_each_visitor(void **state)
{
	struct ctx *ctx = people();
	struct artifact_link link = link_for("public"), other = link_for("public");

	(void)state;
	made(ctx, &link);
	made(ctx, &other);
	link.user_id = other.user_id = ANN;
	view(ctx, &link, NOBODY, "192.0.2.1", "Firefox");
	view(ctx, &link, NOBODY, "192.0.2.1", "Firefox");
	view(ctx, &link, ANN, "192.0.2.9", "Firefox");
	assert_string_equal(pg_value("SELECT views FROM artifact_links WHERE id = 1"), "1");
	view(ctx, &link, NOBODY, "192.0.2.2", "Firefox");
	view(ctx, &link, BEN, "192.0.2.1", "Chrome");
	view(ctx, &other, NOBODY, "192.0.2.1", "Firefox");
	assert_string_equal(pg_value("SELECT string_agg(views || (viewed_at IS NOT NULL)::text, ' ' ORDER BY id)"
	                             " FROM artifact_links"),
	                    "3true 1true");
	for (int i = 0; i < 3000; i++)
		view(ctx, &other, NOBODY, "192.0.2.7", arena_printf(ctx->a, "Firefox %d", i));
	assert_true(strtol(pg_value("SELECT count(*) FROM artifact_views"), NULL, 10) <= 4 + 1024);
	pg_exec("UPDATE artifact_views SET at = now() - interval '3 days'");
	assert_ok(artifact_links_sweep(ctx));
	assert_string_equal(pg_value("SELECT count(*) FROM artifact_views"), "0");
}

static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link__a_token_leads_to_its_artifact_and_is_kept_nowhere),
        cmocka_unit_test(test_link__each_audience_and_nobody_else),
        cmocka_unit_test(test_link__whatever_stands_against_it_is_not_found),
        cmocka_unit_test(test_link__a_proof_holds_for_one_link_and_says_of_the_password),
        cmocka_unit_test(test_link__what_a_new_one_cannot_say),
        cmocka_unit_test(test_link__rows_of_a_maker_who_may_not_export_any_more_are_not_shown),
        cmocka_unit_test(test_link__what_was_frozen_goes_when_it_ends),
        cmocka_unit_test(test_link__only_so_many_are_open_and_they_come_first),
        cmocka_unit_test(test_link__only_its_maker_and_admins_take_it_back),
        cmocka_unit_test(test_link__a_view_counts_once_a_day_for_each_visitor),
};
UNIT_SUITE(tests);
