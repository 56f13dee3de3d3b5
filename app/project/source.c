/*
 * Where a project's data is. The password is stored sealed under QUERN_KEY and bound to its row, so that a
 * sealed password copied to another row cannot be opened; what leaves this file opened is for the connection
 * alone.
 */
#include "project/project.h"

#include <string.h>

#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/settings.h"
#include "project/project_priv.h"

DB_STMT(source_select,
        "SELECT id, project_id, host, port, database, username, password_sealed, sslmode, schema,"
        " allowed_tables, excluded_tables, version FROM sources WHERE project_id = $1",
        DB_I64);
DB_STMT(source_select_locked,
        "SELECT id, project_id, host, port, database, username, password_sealed, sslmode, schema,"
        " allowed_tables, excluded_tables, version FROM sources WHERE project_id = $1 FOR UPDATE",
        DB_I64);
DB_STMT(source_insert,
        "INSERT INTO sources (project_id, host, port, database, username, sslmode, schema,"
        " allowed_tables, excluded_tables) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
        DB_I64, DB_TEXT, DB_I64, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXTS, DB_TEXTS);
DB_STMT(source_update,
        "UPDATE sources SET host = $2, port = $3, database = $4, username = $5, sslmode = $6, schema = $7,"
        " allowed_tables = $8, excluded_tables = $9, version = version + 1, updated_at = now(),"
        " probe = NULL, probed_at = NULL WHERE id = $1",
        DB_I64, DB_TEXT, DB_I64, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXTS, DB_TEXTS);
DB_STMT(source_update_password, "UPDATE sources SET password_sealed = $2 WHERE id = $1", DB_I64, DB_BYTES);

struct stored {
	struct project_source source;
	struct str sealed;
};

static const struct db_row stored_row = DB_ROW(
        struct stored, DB_COL_I64(struct stored, source.id), DB_COL_I64(struct stored, source.project_id),
        DB_COL_TEXT(struct stored, source.host), DB_COL_I64(struct stored, source.port),
        DB_COL_TEXT(struct stored, source.database), DB_COL_TEXT(struct stored, source.username),
        DB_COL_BYTES(struct stored, sealed), DB_COL_TEXT(struct stored, source.sslmode),
        DB_COL_TEXT(struct stored, source.schema), DB_COL_TEXTS(struct stored, source.allowed),
        DB_COL_TEXTS(struct stored, source.excluded), DB_COL_I64(struct stored, source.version));

/* What a sealed password is bound to. */
static struct str place(struct ctx *ctx, int64_t source_id)
{
	return str_of(arena_printf(ctx->a, "source:%lld:password", (long long)source_id));
}

static struct err *save_password(struct ctx *ctx, int64_t source_id, const char *password)
{
	struct str sealed = {NULL, 0};

	if (*password)
		sealed = crypto_seal(ctx->a, ctx->settings->key, place(ctx, source_id), str_of(password));
	return db_run(ctx, &source_update_password, DB_ARGS(db_i64(source_id), db_bytes(sealed)), NULL);
}

static struct db_arg excluded_arg(const struct project_source *s)
{
	static const char *none[1];

	return s->excluded.p ? db_texts(s->excluded.p, s->excluded.n) : db_texts(none, 0);
}

struct err *project_source_insert(struct ctx *ctx, struct project_source *s)
{
	TRY(db_one(ctx, &source_insert,
	           DB_ARGS(db_i64(s->project_id), db_text(s->host), db_i64(s->port), db_text(s->database),
	                   db_text(s->username), db_text(s->sslmode), db_text(s->schema),
	                   db_texts(s->allowed.p, s->allowed.n), excluded_arg(s)),
	           &db_id_row, "source", &s->id));
	s->version = 1;
	return s->password ? save_password(ctx, s->id, s->password) : NULL;
}

struct err *project_source_get(struct ctx *ctx, int64_t project_id, struct project_source *out)
{
	struct stored found;
	struct str password;
	struct err *e;

	TRY(db_one(ctx, &source_select, DB_ARGS(db_i64(project_id)), &stored_row, "source", &found));
	*out = found.source;
	if (!found.sealed.p)
		return NULL;
	e = crypto_open(ctx->a, ctx->settings->key, place(ctx, out->id), found.sealed, &password);
	if (e)
		return err_hint(
		        err_cause(err_new(ctx->a, ERR_CONFIG,
		                          "the stored password of the project's database cannot be opened"),
		                  e),
		        "QUERN_KEY is not the one it was stored with: restore that key, or set"
		        " the password again.");
	out->password = str_dup(ctx->a, password);
	return NULL;
}

/* Whether the stored password would go where it was not meant to go: who may edit a source could otherwise
 * send it to a server of their own. */
static bool leads_elsewhere(const struct project_source *old, const struct project_source *s)
{
	return strcmp(old->host, s->host) != 0 || old->port != s->port ||
	       project_sslmode_rank(s->sslmode) < project_sslmode_rank(old->sslmode);
}

static struct err *password_again(struct ctx *ctx)
{
	return err_hint(
	        err_code(err_new(ctx->a, ERR_INVALID,
	                         "the stored password is not sent to another server or with weaker TLS"),
	                 "password"),
	        "Type the password again together with the new host, port or TLS mode.");
}

static struct err *update(struct ctx *ctx, void *arg)
{
	const struct project_source *s = arg;
	struct stored old;

	TRY(db_one(ctx, &source_select_locked, DB_ARGS(db_i64(s->project_id)), &stored_row, "source", &old));
	if (!s->password && old.sealed.p && leads_elsewhere(&old.source, s))
		return password_again(ctx);
	TRY(db_run(ctx, &source_update,
	           DB_ARGS(db_i64(old.source.id), db_text(s->host), db_i64(s->port), db_text(s->database),
	                   db_text(s->username), db_text(s->sslmode), db_text(s->schema),
	                   db_texts(s->allowed.p, s->allowed.n), excluded_arg(s)),
	           NULL));
	if (s->password)
		TRY(save_password(ctx, old.source.id, s->password));
	return audit_log(ctx, "project.source.update", project_object(ctx->a, s->project_id), NULL);
}

struct err *project_source_update(struct ctx *ctx, const struct project_source *source)
{
	struct project_check c = {.detail = buf_init(ctx->a, BUF_LINE)};
	struct project_source saved = *source;

	project_check_source(&c, &saved);
	TRY(project_check_end(ctx->a, &c, "source"));
	return db_transact(ctx, update, &saved);
}
