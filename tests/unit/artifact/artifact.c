/* Artifacts as rows: versions that stay, who sees and changes which, undo, the trail. */
#include <string.h>

#include "artifact/artifact.h"
#include "lib/arena.h"
#include "lib/ctx.h"
#include "support/pg.h"
#include "unit.h"

enum { ANN = 1, BEN, OUT, ADMIN };

static struct ctx *people(void)
{
	struct ctx *ctx = pg_ctx();

	pg_exec("INSERT INTO projects (slug, name) VALUES ('shop', 'Shop'), ('bank', 'Bank');"
	        "INSERT INTO users (email, origin, is_admin) VALUES ('ann@example.com', 'header', false),"
	        " ('ben@example.com', 'header', false), ('out@example.com', 'header', false),"
	        " ('admin@example.com', 'header', true);"
	        "INSERT INTO members (project_id, user_id, role) VALUES (1, 1, 'viewer'), (1, 2, 'admin')");
	ctx->user_id = ANN;
	return ctx;
}

static struct artifact made(struct ctx *ctx, const char *title)
{
	struct artifact a;
	struct artifact_source sources[] = {{"sales", "SELECT 1 AS one", 0}};

	assert_ok(artifact_save(ctx,
	                        &(struct artifact_draft){.project_id = 1,
	                                                 .title = title,
	                                                 .type = "html",
	                                                 .code = "<p>one</p>",
	                                                 .sources = sources,
	                                                 .nsources = 1,
	                                                 .data = "{\"more\": [1, null]}"},
	                        &a));
	assert_int_equal(a.n, 1);
	return a;
}

static struct artifact changed(struct ctx *ctx, int64_t id, const char *code)
{
	struct artifact a;

	assert_ok(artifact_save(ctx, &(struct artifact_draft){.artifact_id = id, .code = code, .note = "other"}, &a));
	return a;
}

static size_t listed(struct ctx *ctx, int64_t project, const char *words)
{
	struct artifact *list;
	size_t n;

	assert_ok(artifact_list(ctx, project, words, 0, 100, &list, &n));
	return n;
}

static void test_artifact__a_change_is_a_new_version_and_the_old_one_stays(void **state)
{
	struct ctx *ctx = people();
	struct artifact a = made(ctx, "Sales"), got;
	struct artifact_version *versions;
	size_t n;

	(void)state;
	got = changed(ctx, a.id, "<p>two</p>");
	assert_int_equal(got.n, 2);
	assert_string_equal(got.title, "Sales");
	assert_string_equal(got.type, "html");
	assert_string_equal(got.version.code, "<p>two</p>");
	assert_int_equal(got.version.nsources, 0);
	assert_ok(artifact_get(ctx, a.id, 1, &got));
	assert_string_equal(got.version.code, "<p>one</p>");
	assert_string_equal(got.version.sources[0].name, "sales");
	assert_string_equal(got.version.sources[0].sql, "SELECT 1 AS one");
	assert_string_equal(got.version.data, "{\"more\": [1, null]}");
	assert_string_equal(got.version.by, "ann@example.com");
	assert_int_equal(got.n, 2);
	assert_ok(artifact_versions(ctx, a.id, &versions, &n));
	assert_int_equal(n, 2);
	assert_int_equal(versions[0].n, 2);
	assert_string_equal(versions[0].note, "other");
	assert_err(artifact_get(ctx, a.id, 3, &got), ERR_NOT_FOUND);
}

static void test_artifact__an_old_version_comes_back_as_the_newest(void **state)
{
	struct ctx *ctx = people();
	struct artifact a = made(ctx, "Sales"), got;

	(void)state;
	changed(ctx, a.id, "<p>two</p>");
	assert_ok(artifact_restore(ctx, a.id, 1, &got));
	assert_int_equal(got.n, 3);
	assert_int_equal(got.version.n, 3);
	assert_string_equal(got.version.code, "<p>one</p>");
	assert_string_equal(got.version.sources[0].name, "sales");
	assert_string_equal(got.version.note, "Version 1 again");
	assert_err(artifact_restore(ctx, a.id, 9, &got), ERR_NOT_FOUND);
}

static void test_artifact__it_is_its_owners_until_it_is_shown(void **state)
{
	struct ctx *ctx = people();
	struct artifact a = made(ctx, "Sales"), got;
	struct artifact_version *versions;
	size_t n;

	(void)state;
	for (int64_t who = BEN; who <= ADMIN; who++) {
		ctx->user_id = who;
		assert_err(artifact_get(ctx, a.id, 0, &got), ERR_NOT_FOUND);
		assert_err(artifact_versions(ctx, a.id, &versions, &n), ERR_NOT_FOUND);
		assert_int_equal(listed(ctx, 1, ""), 0);
		assert_err(artifact_show_to(ctx, a.id, "project"), ERR_NOT_FOUND);
	}
	ctx->user_id = ANN;
	assert_ok(artifact_show_to(ctx, a.id, "project"));
	assert_err(artifact_show_to(ctx, a.id, "public"), ERR_INVALID);
	ctx->user_id = BEN;
	assert_ok(artifact_get(ctx, a.id, 0, &got));
	assert_string_equal(got.owner, "ann@example.com");
	assert_int_equal(listed(ctx, 1, ""), 1);
	ctx->user_id = ADMIN;
	assert_ok(artifact_get(ctx, a.id, 0, &got));
	ctx->user_id = OUT;
	assert_err(artifact_get(ctx, a.id, 0, &got), ERR_NOT_FOUND);
	assert_int_equal(listed(ctx, 1, ""), 0);
}

static void test_artifact__only_its_owner_changes_it(void **state)
{
	struct ctx *ctx = people();
	struct artifact a = made(ctx, "Sales"), got;

	(void)state;
	assert_ok(artifact_show_to(ctx, a.id, "project"));
	ctx->user_id = BEN;
	assert_err(artifact_save(ctx, &(struct artifact_draft){.artifact_id = a.id, .code = "x"}, &got), ERR_NOT_FOUND);
	assert_err(artifact_restore(ctx, a.id, 1, &got), ERR_NOT_FOUND);
	assert_err(artifact_rename(ctx, a.id, "Mine"), ERR_NOT_FOUND);
	assert_err(artifact_delete(ctx, a.id, true), ERR_NOT_FOUND);
	/* Nor the owner, once they are no member any more. */
	pg_exec("DELETE FROM members WHERE user_id = 1");
	ctx->user_id = ANN;
	assert_err(artifact_get(ctx, a.id, 0, &got), ERR_NOT_FOUND);
	assert_err(artifact_rename(ctx, a.id, "Mine"), ERR_NOT_FOUND);
	assert_err(artifact_delete(ctx, a.id, true), ERR_NOT_FOUND);
	assert_err(artifact_save(ctx,
	                         &(struct artifact_draft){
	                                 .project_id = 1, .title = "New", .type = "html", .code = "x"},
	                         &got),
	           ERR_NOT_FOUND);
	assert_string_equal(pg_value("SELECT title || n FROM artifacts"), "Sales1");
}

static void test_artifact__deleted_ones_come_back(void **state)
{
	struct ctx *ctx = people();
	struct artifact a = made(ctx, "Sales"), got;

	(void)state;
	assert_err(artifact_delete(ctx, a.id, false), ERR_NOT_FOUND);
	assert_ok(artifact_delete(ctx, a.id, true));
	assert_err(artifact_delete(ctx, a.id, true), ERR_NOT_FOUND);
	assert_err(artifact_get(ctx, a.id, 0, &got), ERR_NOT_FOUND);
	assert_err(artifact_save(ctx, &(struct artifact_draft){.artifact_id = a.id, .code = "x"}, &got), ERR_NOT_FOUND);
	assert_int_equal(listed(ctx, 1, ""), 0);
	assert_ok(artifact_delete(ctx, a.id, false));
	assert_ok(artifact_get(ctx, a.id, 0, &got));
}

static void test_artifact__the_gallery_is_searched_and_paged(void **state)
{
	struct ctx *ctx = people();
	struct artifact first = made(ctx, "Sales of 100%"), *list;
	size_t n;

	(void)state;
	made(ctx, "Returns");
	made(ctx, "Sales by month");
	assert_int_equal(listed(ctx, 1, "SALES"), 2);
	assert_int_equal(listed(ctx, 1, "100%"), 1);
	assert_int_equal(listed(ctx, 1, "%"), 1);
	assert_int_equal(listed(ctx, 2, ""), 0);
	assert_ok(artifact_rename(ctx, first.id, "  Sales, all  "));
	assert_int_equal(listed(ctx, 1, "Sales, all"), 1);
	assert_ok(artifact_list(ctx, 1, NULL, 0, 2, &list, &n));
	assert_int_equal(n, 2);
	assert_string_equal(list[0].title, "Sales by month");
	assert_ok(artifact_list(ctx, 1, NULL, list[1].id, 2, &list, &n));
	assert_int_equal(n, 1);
	assert_string_equal(list[0].title, "Sales, all");
}

static void test_artifact__each_change_is_in_the_trail(void **state)
{
	struct ctx *ctx = people();
	struct artifact a = made(ctx, "Sales"), got;

	(void)state;
	changed(ctx, a.id, "two");
	assert_ok(artifact_restore(ctx, a.id, 1, &got));
	assert_ok(artifact_rename(ctx, a.id, "Other"));
	assert_ok(artifact_show_to(ctx, a.id, "project"));
	assert_ok(artifact_delete(ctx, a.id, true));
	assert_ok(artifact_delete(ctx, a.id, false));
	assert_string_equal(pg_value("SELECT string_agg(action, ' ' ORDER BY seq) FROM audit_log"),
	                    "artifact.create artifact.change artifact.change artifact.rename artifact.show"
	                    " artifact.delete artifact.restore");
	assert_string_equal(pg_value("SELECT DISTINCT object FROM audit_log"), "artifact:1");
}

/* A version of somebody's, as the model makes them. */
static struct artifact by_turn(struct ctx *ctx, int64_t id, int64_t turn_id, const char *type, const char *code)
{
	struct artifact a;

	assert_ok(artifact_save(ctx,
	                        &(struct artifact_draft){.artifact_id = id,
	                                                 .project_id = 1,
	                                                 .conversation_id = 1,
	                                                 .turn_id = turn_id,
	                                                 .title = type,
	                                                 .type = type,
	                                                 .code = code},
	                        &a));
	return a;
}

static struct ctx *with_turns(void)
{
	struct ctx *ctx = people();

	pg_exec("INSERT INTO conversations (project_id, user_id, title) VALUES (1, 1, 'One');"
	        "INSERT INTO turns (conversation_id, question, status) SELECT 1, 'q', 'done' FROM generate_series(1, 3)");
	return ctx;
}

static void test_artifact__a_turn_shows_the_last_version_of_each_that_it_made(void **state)
{
	struct ctx *ctx = with_turns();
	struct artifact text = by_turn(ctx, 0, 1, "markdown", "# One"), *list;
	size_t n;

	(void)state;
	by_turn(ctx, 0, 1, "html", "<p>");
	by_turn(ctx, text.id, 1, "markdown", "# Two");
	by_turn(ctx, text.id, 2, "markdown", "# Three");
	assert_ok(artifact_of_turn(ctx, 1, &list, &n));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].version.n, 2);
	assert_int_equal(list[0].n, 3);
	assert_string_equal(list[0].version.code, "# Two");
	assert_string_equal(list[1].version.code, "");
	assert_ok(artifact_of_turn(ctx, 3, &list, &n));
	assert_int_equal(n, 0);
	assert_ok(artifact_of_conversation(ctx, 1, 1, &list, &n));
	assert_int_equal(n, 1);
	assert_int_equal(list[0].id, text.id);
	assert_ok(artifact_delete(ctx, text.id, true));
	assert_ok(artifact_of_turn(ctx, 2, &list, &n));
	assert_int_equal(n, 0);
	ctx->user_id = BEN;
	assert_ok(artifact_of_turn(ctx, 1, &list, &n));
	assert_int_equal(n, 0);
}

static void test_artifact__a_version_is_given_back_once(void **state)
{
	struct ctx *ctx = with_turns();
	struct artifact mine = made(ctx, "Mine"), a = by_turn(ctx, 0, 1, "html", "<p>");

	(void)state;
	assert_err(artifact_repair(ctx, mine.id, 1, 2), ERR_CONFLICT);
	assert_err(artifact_repair(ctx, a.id, 2, 2), ERR_CONFLICT);
	ctx->user_id = BEN;
	assert_err(artifact_repair(ctx, a.id, 1, 2), ERR_CONFLICT);
	ctx->user_id = ANN;
	assert_ok(artifact_repair(ctx, a.id, 1, 2));
	assert_err(artifact_repair(ctx, a.id, 1, 3), ERR_CONFLICT);
	/* What the repair made is none that is repaired; what comes later is. */
	by_turn(ctx, a.id, 2, "html", "<b>");
	assert_err(artifact_repair(ctx, a.id, 1, 3), ERR_CONFLICT);
	assert_err(artifact_repair(ctx, a.id, 2, 3), ERR_CONFLICT);
	by_turn(ctx, a.id, 1, "html", "<i>");
	assert_ok(artifact_repair(ctx, a.id, 3, 3));
}

static const struct CMUnitTest artifact_artifact_tests[] = {
        cmocka_unit_test(test_artifact__a_turn_shows_the_last_version_of_each_that_it_made),
        cmocka_unit_test(test_artifact__a_version_is_given_back_once),
        cmocka_unit_test(test_artifact__a_change_is_a_new_version_and_the_old_one_stays),
        cmocka_unit_test(test_artifact__an_old_version_comes_back_as_the_newest),
        cmocka_unit_test(test_artifact__it_is_its_owners_until_it_is_shown),
        cmocka_unit_test(test_artifact__only_its_owner_changes_it),
        cmocka_unit_test(test_artifact__deleted_ones_come_back),
        cmocka_unit_test(test_artifact__the_gallery_is_searched_and_paged),
        cmocka_unit_test(test_artifact__each_change_is_in_the_trail),
};
UNIT_SUITE(artifact_artifact_tests);
