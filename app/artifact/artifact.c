/* Artifacts and their versions as rows: who may see one, who may change it, and that no version ever changes. */
#include <inttypes.h>
#include <string.h>

#include "artifact/artifact_priv.h"
#include "audit/audit.h"
#include "lib/arena.h"

/* Of person $1: their own, and what is shown to a project that they see. */
#define SEEN \
	" a.deleted_at IS NULL AND (a.user_id = $1 OR a.visible = 'project') AND" PROJECT_SEEN("a.project_id", "$1")
#define COLUMNS \
	"a.id, a.project_id, a.user_id, coalesce(a.conversation_id, 0), a.title, a.type, a.visible, u.email, a.n," \
	" a.updated_at"
#define VERSION "v.n, coalesce(w.email, ''), v.note, v.created_at, coalesce(v.turn_id, 0)"

DB_STMT(artifact_find,
        "SELECT " COLUMNS ", " VERSION ", v.code, v.sources, v.data, v.form FROM artifacts a JOIN users u ON u.id = a.user_id"
        " JOIN artifact_versions v ON v.artifact_id = a.id AND v.n = CASE $3 WHEN 0 THEN a.n ELSE $3 END"
        " LEFT JOIN users w ON w.id = v.user_id WHERE a.id = $2 AND" SEEN,
        DB_I64, DB_I64, DB_I64);
DB_STMT(artifact_gallery,
        "SELECT " COLUMNS " FROM artifacts a JOIN users u ON u.id = a.user_id WHERE a.project_id = $2"
        " AND strpos(lower(a.title), lower($3)) > 0 AND ($4 = 0 OR a.updated_at < (SELECT updated_at FROM artifacts"
        " WHERE id = $4)) AND" SEEN " ORDER BY a.updated_at DESC, a.id DESC LIMIT $5",
        DB_I64, DB_I64, DB_TEXT, DB_I64, DB_I64);
DB_STMT(artifact_conversation,
        "SELECT " COLUMNS " FROM artifacts a JOIN users u ON u.id = a.user_id WHERE a.conversation_id = $2"
        " AND a.user_id = $1 AND" SEEN " ORDER BY a.updated_at DESC, a.id DESC LIMIT $3",
        DB_I64, DB_I64, DB_I64);
DB_STMT(artifact_turn,
        "SELECT " COLUMNS ", v.n, CASE a.type WHEN 'markdown' THEN v.code ELSE '' END FROM artifacts a"
        " JOIN users u ON u.id = a.user_id JOIN artifact_versions v ON v.artifact_id = a.id AND v.n ="
        " (SELECT max(n) FROM artifact_versions WHERE artifact_id = a.id AND turn_id = $2)"
        " WHERE a.id IN (SELECT artifact_id FROM artifact_versions WHERE turn_id = $2) AND" SEEN " ORDER BY a.id",
        DB_I64, DB_I64);
DB_STMT(artifact_history,
        "SELECT " VERSION " FROM artifacts a JOIN artifact_versions v ON v.artifact_id = a.id"
        " LEFT JOIN users w ON w.id = v.user_id WHERE a.id = $2 AND" SEEN " ORDER BY v.n DESC",
        DB_I64, DB_I64);
DB_STMT(artifact_insert,
        "INSERT INTO artifacts (project_id, user_id, conversation_id, turn_id, title, type)"
        " SELECT $2, $1, nullif($3, 0), nullif($4, 0), $5, $6 WHERE" PROJECT_SEEN("$2", "$1") " RETURNING id",
        DB_I64, DB_I64, DB_I64, DB_I64, DB_TEXT, DB_TEXT);
/* Locked until the new version is there. */
DB_STMT(artifact_advance,
        "UPDATE artifacts a SET n = n + 1, title = coalesce($3, title), type = coalesce($4, type), updated_at = now()"
        " WHERE a.id = $2 AND a.user_id = $1 AND a.deleted_at IS NULL AND ($5 = 0 OR a.n = $5) AND" PROJECT_SEEN("a.project_id", "$1")
        " RETURNING n",
        DB_I64, DB_I64, DB_TEXT, DB_TEXT, DB_I64);
DB_STMT(artifact_version_insert,
        "INSERT INTO artifact_versions (artifact_id, n, user_id, turn_id, code, sources, data, form, note)"
        " VALUES ($1, $2, nullif($3, 0), nullif($4, 0), $5, $6, $7, $8, $9)",
        DB_I64, DB_I64, DB_I64, DB_I64, DB_TEXT, DB_JSON, DB_JSON, DB_JSON, DB_TEXT);
#define OWN " WHERE a.id = $1 AND a.user_id = $2 AND" PROJECT_SEEN("a.project_id", "$2")
#define THERE " AND a.deleted_at IS NULL"
DB_STMT(artifact_title, "UPDATE artifacts a SET title = $3" OWN THERE, DB_I64, DB_I64, DB_TEXT);
DB_STMT(artifact_visibility, "UPDATE artifacts a SET visible = $3" OWN THERE, DB_I64, DB_I64, DB_TEXT);
DB_STMT(artifact_hide, "UPDATE artifacts a SET deleted_at = now()" OWN THERE, DB_I64, DB_I64);
DB_STMT(artifact_unhide, "UPDATE artifacts a SET deleted_at = NULL" OWN " AND a.deleted_at IS NOT NULL", DB_I64, DB_I64);

/* Once for each version, and not for what a repair made. */
DB_STMT(artifact_repair_insert,
        "INSERT INTO artifact_repairs (artifact_id, n, turn_id) SELECT v.artifact_id, v.n, $4 FROM artifact_versions v"
        " JOIN artifacts a ON a.id = v.artifact_id AND a.n = v.n WHERE v.artifact_id = $1 AND v.n = $3 AND a.user_id = $2"
        " AND a.deleted_at IS NULL AND v.turn_id IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM artifact_repairs r WHERE r.turn_id = v.turn_id) ON CONFLICT DO NOTHING",
        DB_I64, DB_I64, DB_I64, DB_I64);

struct artifact_row {
	struct artifact a;
	const char *sources;
};

#define HEAD_COLS(row) \
	DB_COL_I64(row, a.id), DB_COL_I64(row, a.project_id), DB_COL_I64(row, a.user_id), \
	        DB_COL_I64(row, a.conversation_id), DB_COL_TEXT(row, a.title), DB_COL_TEXT(row, a.type), \
	        DB_COL_TEXT(row, a.visible), DB_COL_TEXT(row, a.owner), DB_COL_I64(row, a.n), \
	        DB_COL_TIME(row, a.updated_at)

static const struct db_row head_row = DB_ROW(struct artifact_row, HEAD_COLS(struct artifact_row));
static const struct db_row artifact_row =
        DB_ROW(struct artifact_row, HEAD_COLS(struct artifact_row), DB_COL_I64(struct artifact_row, a.version.n),
               DB_COL_TEXT(struct artifact_row, a.version.by), DB_COL_TEXT(struct artifact_row, a.version.note),
               DB_COL_TIME(struct artifact_row, a.version.at), DB_COL_I64(struct artifact_row, a.version.turn_id),
               DB_COL_TEXT(struct artifact_row, a.version.code),
               DB_COL_JSON(struct artifact_row, sources), DB_COL_JSON(struct artifact_row, a.version.data),
               DB_COL_JSON(struct artifact_row, a.version.form));
static const struct db_row version_row =
        DB_ROW(struct artifact_version, DB_COL_I64(struct artifact_version, n),
               DB_COL_TEXT(struct artifact_version, by), DB_COL_TEXT(struct artifact_version, note),
               DB_COL_TIME(struct artifact_version, at), DB_COL_I64(struct artifact_version, turn_id));
static const struct db_row made_row =
        DB_ROW(struct artifact_row, HEAD_COLS(struct artifact_row), DB_COL_I64(struct artifact_row, a.version.n),
               DB_COL_TEXT(struct artifact_row, a.version.code));

/* Reading ------------------------------------------------------------------------------------------------ */

struct err *artifact_get(struct ctx *ctx, int64_t id, int64_t n, struct artifact *out)
{
	struct artifact_row row;

	TRY(db_one(ctx, &artifact_find, DB_ARGS(db_i64(ctx->user_id), db_i64(id), db_i64(n)), &artifact_row, "artifact",
	           &row));
	*out = row.a;
	return artifact_sources_read(ctx->a, row.sources, &out->version);
}

static struct err *all(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args, const struct db_row *row,
                       struct artifact **out, size_t *n)
{
	struct artifact_row *rows;

	TRY(db_all(ctx, stmt, args, row, &rows, n));
	*out = ARENA_ARRAY(ctx->a, struct artifact, *n);
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = rows[i].a;
	return NULL;
}

struct err *artifact_list(struct ctx *ctx, int64_t project_id, const char *words, int64_t before, int64_t most,
                          struct artifact **out, size_t *n)
{
	return all(ctx, &artifact_gallery,
	           DB_ARGS(db_i64(ctx->user_id), db_i64(project_id), db_text(words ? words : ""), db_i64(before),
	                   db_i64(most)),
	           &head_row, out, n);
}

struct err *artifact_of_conversation(struct ctx *ctx, int64_t conversation_id, int64_t most, struct artifact **out,
                                     size_t *n)
{
	return all(ctx, &artifact_conversation, DB_ARGS(db_i64(ctx->user_id), db_i64(conversation_id), db_i64(most)),
	           &head_row, out, n);
}

struct err *artifact_of_turn(struct ctx *ctx, int64_t turn_id, struct artifact **out, size_t *n)
{
	return all(ctx, &artifact_turn, DB_ARGS(db_i64(ctx->user_id), db_i64(turn_id)), &made_row, out, n);
}

struct err *artifact_versions(struct ctx *ctx, int64_t id, struct artifact_version **out, size_t *n)
{
	TRY(db_all(ctx, &artifact_history, DB_ARGS(db_i64(ctx->user_id), db_i64(id)), &version_row, out, n));
	return *n ? NULL : err_new(ctx->a, ERR_NOT_FOUND, "artifact not found");
}

/* Saving ------------------------------------------------------------------------------------------------- */

struct saving {
	const struct artifact_draft *draft;
	const char *title, *type;
	struct artifact *out;
};

static const char *object(struct arena *a, int64_t id)
{
	return arena_printf(a, "artifact:%" PRId64, id);
}

static struct err *insert(struct ctx *ctx, const struct saving *s, int64_t *id)
{
	const struct artifact_draft *d = s->draft;

	return db_one(ctx, &artifact_insert,
	              DB_ARGS(db_i64(ctx->user_id), db_i64(d->project_id), db_i64(d->conversation_id),
	                      db_i64(d->turn_id), db_text(s->title), db_text(s->type)),
	              &db_id_row, "project", id);
}

static struct err *advance(struct ctx *ctx, const struct artifact_draft *d, int64_t *n)
{
	struct err *e = db_one(ctx, &artifact_advance,
	                       DB_ARGS(db_i64(ctx->user_id), db_i64(d->artifact_id), db_text(d->title), db_text(d->type),
	                               db_i64(d->after)),
	                       &db_id_row, "artifact", n);

	if (!e || e->kind != ERR_NOT_FOUND || !d->after)
		return e;
	return err_hint(err_code(err_new(ctx->a, ERR_CONFLICT, "the artifact has a newer version by now"), "changed"),
	                "Open the newest version, and change that one.");
}

static struct err *save(struct ctx *ctx, void *arg)
{
	const struct saving *s = arg;
	const struct artifact_draft *d = s->draft;
	int64_t id = d->artifact_id, n = 1;

	if (id)
		TRY(advance(ctx, d, &n));
	else
		TRY(insert(ctx, s, &id));
	TRY(db_run(ctx, &artifact_version_insert,
	           DB_ARGS(db_i64(id), db_i64(n), db_i64(ctx->user_id), db_i64(d->turn_id), db_text(d->code),
	                   db_json(artifact_sources_json(ctx->a, d->sources, d->nsources)), db_json(d->data),
	                   db_json(d->form), db_text(d->note ? d->note : "")),
	           NULL));
	TRY(audit_log(ctx, n == 1 ? "artifact.create" : "artifact.change", object(ctx->a, id),
	              arena_printf(ctx->a, "{\"version\":%" PRId64 "}", n)));
	return artifact_get(ctx, id, n, s->out);
}

struct err *artifact_save(struct ctx *ctx, const struct artifact_draft *draft, struct artifact *out)
{
	struct saving s = {draft, draft->title, draft->type, out};
	struct artifact old;

	if (draft->artifact_id) {
		TRY(artifact_get(ctx, draft->artifact_id, 0, &old));
		s.title = draft->title ? draft->title : old.title;
		s.type = draft->type ? draft->type : old.type;
	}
	TRY(artifact_check(ctx->a, draft, s.type, s.title));
	return db_transact(ctx, save, &s);
}

struct err *artifact_restore(struct ctx *ctx, int64_t id, int64_t n, struct artifact *out)
{
	struct artifact old;

	TRY(artifact_get(ctx, id, n, &old));
	return artifact_save(ctx,
	                     &(struct artifact_draft){.artifact_id = id,
	                                              .code = old.version.code,
	                                              .sources = old.version.sources,
	                                              .nsources = old.version.nsources,
	                                              .data = old.version.data,
	                                              .form = old.version.form,
	                                              .note = arena_printf(ctx->a, "Version %" PRId64 " again", n)},
	                     out);
}

struct err *artifact_repair(struct ctx *ctx, int64_t id, int64_t n, int64_t turn_id)
{
	int64_t marked;

	TRY(db_run(ctx, &artifact_repair_insert, DB_ARGS(db_i64(id), db_i64(ctx->user_id), db_i64(n), db_i64(turn_id)),
	           &marked));
	if (marked)
		return NULL;
	return err_hint(err_new(ctx->a, ERR_CONFLICT, "this version is not given back for repair, or was before"),
	                "Say in the conversation what is wrong with it.");
}

/* Changes of the whole ----------------------------------------------------------------------------------- */

static struct err *changed(struct ctx *ctx, const char *action, int64_t id, const struct db_stmt *stmt, struct db_args args)
{
	return audit_change(ctx, &(struct audit_change){stmt, args, "artifact", action, object(ctx->a, id)});
}

struct err *artifact_rename(struct ctx *ctx, int64_t id, const char *title)
{
	const char *text = str_dup(ctx->a, str_trim(str_of(title)));

	TRY(artifact_check_title(ctx->a, text));
	return changed(ctx, "artifact.rename", id, &artifact_title,
	               DB_ARGS(db_i64(id), db_i64(ctx->user_id), db_text(text)));
}

struct err *artifact_show_to(struct ctx *ctx, int64_t id, const char *visible)
{
	if (strcmp(visible, "own") != 0 && strcmp(visible, "project") != 0)
		return err_new(ctx->a, ERR_INVALID, "an artifact is shown to \"own\" or \"project\"");
	return changed(ctx, "artifact.show", id, &artifact_visibility,
	               DB_ARGS(db_i64(id), db_i64(ctx->user_id), db_text(visible)));
}

struct err *artifact_delete(struct ctx *ctx, int64_t id, bool deleted)
{
	return changed(ctx, deleted ? "artifact.delete" : "artifact.restore", id, deleted ? &artifact_hide : &artifact_unhide,
	               DB_ARGS(db_i64(id), db_i64(ctx->user_id)));
}
