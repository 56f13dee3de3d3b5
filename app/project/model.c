/*
 * The models that a project's questions go to. A key is stored sealed under QUERN_KEY and bound to its project
 * and place; what leaves this file opened is for the call alone.
 */
#include <string.h>

#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/crypto.h"
#include "lib/json.h"
#include "lib/settings.h"
#include "project/project.h"
#include "project/project_priv.h"

#define MODEL_COLUMNS "project_id, place, format, url, model, key_sealed, price_in, price_cached, price_out"

DB_STMT(model_select,
        "SELECT " MODEL_COLUMNS " FROM project_models WHERE project_id = $1 ORDER BY place", DB_I64);
DB_STMT(model_select_locked,
        "SELECT " MODEL_COLUMNS " FROM project_models WHERE project_id = $1 AND place = $2 FOR UPDATE", DB_I64,
        DB_I64);
DB_STMT(model_upsert,
        "INSERT INTO project_models (" MODEL_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (project_id, place) DO UPDATE SET format = excluded.format, url = excluded.url,"
        " model = excluded.model, key_sealed = excluded.key_sealed, price_in = excluded.price_in,"
        " price_cached = excluded.price_cached, price_out = excluded.price_out, updated_at = now()",
        DB_I64, DB_I64, DB_TEXT, DB_TEXT, DB_TEXT, DB_BYTES, DB_I64, DB_I64, DB_I64);
DB_STMT(model_delete, "DELETE FROM project_models WHERE project_id = $1 AND place = $2", DB_I64, DB_I64);

struct stored {
	struct project_model model;
	struct str sealed;
};

static const struct db_row stored_row = DB_ROW(
        struct stored, DB_COL_I64(struct stored, model.project_id), DB_COL_I64(struct stored, model.place),
        DB_COL_TEXT(struct stored, model.format), DB_COL_TEXT(struct stored, model.url),
        DB_COL_TEXT(struct stored, model.model), DB_COL_BYTES(struct stored, sealed),
        DB_COL_I64(struct stored, model.price_in), DB_COL_I64(struct stored, model.price_cached),
        DB_COL_I64(struct stored, model.price_out));

/* What a sealed key is bound to. */
static struct str bound_to(struct ctx *ctx, const struct project_model *m)
{
	return str_of(arena_printf(ctx->a, "model:%lld:%lld:key", (long long)m->project_id,
	                           (long long)m->place));
}

static struct err *open_key(struct ctx *ctx, const struct stored *s, struct project_model *m)
{
	struct str key;
	struct err *e;

	if (!s->sealed.p)
		return NULL;
	e = crypto_open(ctx->a, ctx->settings->key, bound_to(ctx, m), s->sealed, &key);
	if (!e) {
		m->key = str_dup(ctx->a, key);
		return NULL;
	}
	return err_hint(err_cause(err_new(ctx->a, ERR_CONFIG,
	                                  "the stored key of the project's model cannot be opened"),
	                          e),
	                "QUERN_KEY is not the one it was stored with: restore that key, or set"
	                " the key of the model again.");
}

struct err *project_models(struct ctx *ctx, int64_t project_id, struct project_model **out, size_t *n)
{
	struct stored *found;
	struct err *first = NULL;

	TRY(db_all(ctx, &model_select, DB_ARGS(db_i64(project_id)), &stored_row, &found, n));
	*out = ARENA_ARRAY(ctx->a, struct project_model, *n);
	for (size_t i = 0; i < *n; i++) {
		struct err *e;

		(*out)[i] = found[i].model;
		e = open_key(ctx, &found[i], &(*out)[i]);
		first = first ? first : e;
	}
	return first;
}

/* The entry says where questions go from now on, and nothing of the key. */
static struct err *log_model(struct ctx *ctx, const char *action, const struct project_model *m)
{
	struct buf b = buf_init(ctx->a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_i64(&w, "place", m->place);
	json_put_cstr(&w, "format", m->format);
	json_put_cstr(&w, "url", m->url);
	json_put_cstr(&w, "model", m->model);
	json_object_close(&w);
	return audit_log(ctx, action, project_object(ctx->a, m->project_id), buf_cstr(&b));
}

/* The key as it is stored from now on: the new one, the old one, or none. The old one stays with its server: who may
 * edit a model could otherwise have it sent to one of their own. */
static struct err *key_to_keep(struct ctx *ctx, const struct project_model *m, const struct stored *old,
                               struct str *sealed)
{
	*sealed = (struct str){NULL, 0};
	if (!*m->format)
		return NULL;
	if (m->key && *m->key)
		*sealed = crypto_seal(ctx->a, ctx->settings->key, bound_to(ctx, m), str_of(m->key));
	if (m->key || !old->sealed.p)
		return NULL;
	*sealed = old->sealed;
	if (project_model_same_server(old->model.url, m->url))
		return NULL;
	return err_hint(
	        err_code(err_new(ctx->a, ERR_INVALID, "the stored key is not sent to another server"), "key"),
	        "Type the key for the new address, or remove the stored one.");
}

static struct err *save(struct ctx *ctx, void *arg)
{
	const struct project_model *m = arg;
	struct stored old = {0};
	struct str sealed;
	bool found;

	TRY(db_find(ctx, &model_select_locked, DB_ARGS(db_i64(m->project_id), db_i64(m->place)), &stored_row,
	            &old, &found));
	TRY(key_to_keep(ctx, m, &old, &sealed));
	TRY(db_run(ctx, &model_upsert,
	           DB_ARGS(db_i64(m->project_id), db_i64(m->place), db_text(m->format), db_text(m->url),
	                   db_text(m->model), db_bytes(sealed), db_i64(m->price_in), db_i64(m->price_cached),
	                   db_i64(m->price_out)),
	           NULL));
	return log_model(ctx, "project.model.set", m);
}

struct err *project_model_check(struct arena *a, const struct project_model *model)
{
	struct project_check c = {.detail = buf_init(a, BUF_LINE)};

	project_check_model(&c, model);
	return project_check_end(a, &c, "model");
}

struct err *project_model_save(struct ctx *ctx, const struct project_model *model)
{
	struct project_model saved = *model;

	if (saved.format && !*saved.format)
		saved.url = "";
	TRY(project_model_check(ctx->a, &saved));
	return db_transact(ctx, save, &saved);
}

static struct err *remove_model(struct ctx *ctx, void *arg)
{
	const struct project_model *m = arg;
	int64_t removed;

	TRY(db_run(ctx, &model_delete, DB_ARGS(db_i64(m->project_id), db_i64(m->place)), &removed));
	return removed ? log_model(ctx, "project.model.remove", m) : NULL;
}

const char *project_money(struct arena *a, int64_t millionths, const char *currency)
{
	int digits = millionths >= 1000000 ? 2 : millionths >= 10000 ? 4 : 6;
	struct str amount = str_of(arena_printf(a, "%.*f", digits, (double)millionths / 1e6));

	while (digits-- > 2 && amount.p[amount.n - 1] == '0')
		amount.n--;
	return arena_printf(a, "%.*s %s", STR_ARG(amount), currency);
}

struct err *project_model_remove(struct ctx *ctx, int64_t project_id, int64_t place)
{
	struct project_model m = {.project_id = project_id, .place = place};

	return db_transact(ctx, remove_model, &m);
}
