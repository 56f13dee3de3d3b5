/* Queries that people keep: their own and those that were shared with the project. */
#include <string.h>

#include "audit/audit.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "query/query_priv.h"

enum { NAME_CHARS = 200, DESCRIPTION_CHARS = 4000, LISTED = 500 };

#define COLUMNS \
	"s.id, s.project_id, s.user_id, coalesce(nullif(u.name, ''), u.email), s.name, s.description, s.sql," \
	" s.parameters, s.shared, s.user_id IS NOT DISTINCT FROM $2, s.updated_at" \
	" FROM saved_queries s LEFT JOIN users u ON u.id = s.user_id"
#define SEEN " s.project_id = $1 AND s.deleted_at IS NULL AND (s.user_id = $2 OR s.shared)"

DB_STMT(saved_query_list,
        "SELECT " COLUMNS " WHERE" SEEN
        " AND strpos(lower(s.name || ' ' || s.description || ' ' || s.sql), lower($3)) > 0"
        " ORDER BY s.updated_at DESC LIMIT $4",
        DB_I64, DB_I64, DB_TEXT, DB_I64);
DB_STMT(saved_query_get, "SELECT " COLUMNS " WHERE" SEEN " AND s.id = $3", DB_I64, DB_I64, DB_I64);
DB_STMT(saved_query_add,
        "INSERT INTO saved_queries (project_id, user_id, name, description, sql, parameters, shared)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id, updated_at",
        DB_I64, DB_I64, DB_TEXT, DB_TEXT, DB_TEXT, DB_JSON, DB_BOOL);
/* $3: the caller manages the project, and so may change what others shared. */
#define OWNED " project_id = $1 AND id = $4 AND (user_id = $2 OR (shared AND $3))"
DB_STMT(saved_query_lock,
        "SELECT name, shared, updated_at, deleted_at IS NOT NULL FROM saved_queries WHERE" OWNED
        " FOR UPDATE",
        DB_I64, DB_I64, DB_BOOL, DB_I64);
DB_STMT(saved_query_update,
        "UPDATE saved_queries SET name = $2, description = $3, sql = $4, parameters = $5, shared = $6,"
        " updated_at = greatest(clock_timestamp(), updated_at + interval '1 microsecond') WHERE id = $1"
        " RETURNING id, updated_at",
        DB_I64, DB_TEXT, DB_TEXT, DB_TEXT, DB_JSON, DB_BOOL);
DB_STMT(saved_query_bin, "UPDATE saved_queries SET deleted_at = CASE WHEN $2 THEN now() END WHERE id = $1",
        DB_I64, DB_BOOL);
DB_STMT(saved_query_values,
        "UPDATE saved_queries SET parameters = $5 WHERE" OWNED " AND deleted_at IS NULL AND parameters <> $5",
        DB_I64, DB_I64, DB_BOOL, DB_I64, DB_JSON);

struct saved_row {
	struct query_saved s;
	const char *parameters;
};
static const struct db_row saved_row =
        DB_ROW(struct saved_row, DB_COL_I64(struct saved_row, s.id),
               DB_COL_I64(struct saved_row, s.project_id), DB_COL_I64(struct saved_row, s.user_id),
               DB_COL_TEXT(struct saved_row, s.owner), DB_COL_TEXT(struct saved_row, s.name),
               DB_COL_TEXT(struct saved_row, s.description), DB_COL_TEXT(struct saved_row, s.sql),
               DB_COL_JSON(struct saved_row, parameters), DB_COL_BOOL(struct saved_row, s.shared),
               DB_COL_BOOL(struct saved_row, s.mine), DB_COL_TIME(struct saved_row, s.updated_at));

struct stamp {
	int64_t id;
	int64_t updated_at;
};
static const struct db_row stamp_row =
        DB_ROW(struct stamp, DB_COL_I64(struct stamp, id), DB_COL_TIME(struct stamp, updated_at));

struct locked {
	const char *name;
	bool shared;
	int64_t updated_at;
	bool deleted;
};
static const struct db_row locked_row =
        DB_ROW(struct locked, DB_COL_TEXT(struct locked, name), DB_COL_BOOL(struct locked, shared),
               DB_COL_TIME(struct locked, updated_at), DB_COL_BOOL(struct locked, deleted));

/* Parameters as they are stored -------------------------------------------------------------------------- */

static const char *parameters_json(struct arena *a, const struct query_saved *s)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &b};

	json_array_open(&w, NULL);
	for (size_t i = 0; i < s->nparameters; i++) {
		json_object_open(&w, NULL);
		json_put_cstr(&w, "name", s->parameters[i].name);
		json_put_cstr(&w, "type", s->parameters[i].type);
		json_put_cstr(&w, "value", s->parameters[i].value);
		json_object_close(&w);
	}
	json_array_close(&w);
	return buf_cstr(&b);
}

static struct err *read_parameters(struct arena *a, const struct saved_row *row, struct query_saved *s)
{
	struct json_object *list;

	TRY(json_read(a, str_of(row->parameters), JSON_DEPTH, &list));
	*s = row->s;
	s->nparameters = json_length(list);
	s->parameters = ARENA_ARRAY(a, struct query_parameter, s->nparameters);
	for (size_t i = 0; i < s->nparameters; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		s->parameters[i] = (struct query_parameter){json_get_str(o, "name"), json_get_str(o, "type"),
		                                            json_get_str(o, "value")};
	}
	return NULL;
}

/* Reading ------------------------------------------------------------------------------------------------ */

struct err *query_saved_list(struct ctx *ctx, int64_t project_id, const char *search,
                             struct query_saved **out, size_t *n)
{
	struct saved_row *rows;

	TRY(db_all(ctx, &saved_query_list,
	           DB_ARGS(db_i64(project_id), db_i64(ctx->user_id), db_text(search ? search : ""),
	                   db_i64(LISTED)),
	           &saved_row, &rows, n));
	*out = ARENA_ARRAY(ctx->a, struct query_saved, *n);
	for (size_t i = 0; i < *n; i++)
		TRY(read_parameters(ctx->a, &rows[i], &(*out)[i]));
	return NULL;
}

struct err *query_saved_get(struct ctx *ctx, int64_t project_id, int64_t id, struct query_saved *out)
{
	struct saved_row row;

	TRY(db_one(ctx, &saved_query_get, DB_ARGS(db_i64(project_id), db_i64(ctx->user_id), db_i64(id)),
	           &saved_row, "saved query", &row));
	return read_parameters(ctx->a, &row, out);
}

/* Changing ----------------------------------------------------------------------------------------------- */

static struct err *check(struct ctx *ctx, const struct query_saved *s)
{
	size_t name = str_utf8_count(str_of(s->name));

	if (!name || name > NAME_CHARS)
		return err_code(
		        err_new(ctx->a, ERR_INVALID, "the name must have 1 to %d characters", NAME_CHARS),
		        "name");
	if (str_utf8_count(str_of(s->description)) > DESCRIPTION_CHARS)
		return err_code(err_new(ctx->a, ERR_INVALID, "the description may have at most %d characters",
		                        DESCRIPTION_CHARS),
		                "description");
	if (!*s->sql || strlen(s->sql) > SQL_BYTES)
		return err_code(
		        err_new(ctx->a, ERR_INVALID, "a saved query has 1 to %d bytes of SQL", SQL_BYTES),
		        "sql");
	return NULL;
}

static struct err *note(struct ctx *ctx, const char *action, int64_t id, const char *name, bool shared)
{
	struct buf b = buf_init(ctx->a, BUF_LINE);
	struct json_writer w = {.b = &b};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "name", name);
	json_put_bool(&w, "shared", shared);
	json_object_close(&w);
	return audit_log(ctx, action, arena_printf(ctx->a, "query:%lld", (long long)id), buf_cstr(&b));
}

struct change {
	struct query_saved *s;
	bool manages;
	bool delete;
};

/* The row while it is changed. Somebody else's that is not shared is as good as none. */
static struct err *lock(struct ctx *ctx, const struct change *c, struct locked *out)
{
	return db_one(ctx, &saved_query_lock,
	              DB_ARGS(db_i64(c->s->project_id), db_i64(ctx->user_id), db_bool(c->manages),
	                      db_i64(c->s->id)),
	              &locked_row, "saved query", out);
}

static struct err *store(struct ctx *ctx, struct query_saved *s)
{
	struct db_arg parameters = db_json(parameters_json(ctx->a, s));
	struct stamp stamp;

	if (s->id)
		TRY(db_one(ctx, &saved_query_update,
		           DB_ARGS(db_i64(s->id), db_text(s->name), db_text(s->description), db_text(s->sql),
		                   parameters, db_bool(s->shared)),
		           &stamp_row, "saved query", &stamp));
	else
		TRY(db_one(ctx, &saved_query_add,
		           DB_ARGS(db_i64(s->project_id), db_i64(ctx->user_id), db_text(s->name),
		                   db_text(s->description), db_text(s->sql), parameters, db_bool(s->shared)),
		           &stamp_row, "saved query", &stamp));
	s->id = stamp.id;
	s->updated_at = stamp.updated_at;
	return NULL;
}

static struct err *save(struct ctx *ctx, void *arg)
{
	struct change *c = arg;
	struct query_saved s = *c->s; /* a transaction may run twice */
	struct locked was = {0};

	if (s.id) {
		TRY(lock(ctx, c, &was));
		if (was.deleted || was.updated_at != s.updated_at)
			return err_hint(
			        err_code(err_new(ctx->a, ERR_CONFLICT,
			                         "somebody %s the query \"%s\" meanwhile",
			                         was.deleted ? "deleted" : "changed", was.name),
			                 "changed"),
			        was.deleted ? "Save yours as a new query."
			                    : "Save again to replace that, or save yours as a new query.");
	}
	TRY(store(ctx, &s));
	TRY(note(ctx, "query.save", s.id, s.name, s.shared));
	if (was.shared != s.shared)
		TRY(note(ctx, "query.share", s.id, s.name, s.shared));
	*c->s = s;
	return NULL;
}

struct err *query_saved_put(struct ctx *ctx, struct query_saved *saved, bool manages)
{
	struct change c = {.s = saved, .manages = manages};

	TRY(check(ctx, saved));
	return db_transact(ctx, save, &c);
}

static struct err *bin(struct ctx *ctx, void *arg)
{
	const struct change *c = arg;
	struct locked was;

	TRY(lock(ctx, c, &was));
	if (was.deleted == c->delete)
		return err_new(ctx->a, ERR_NOT_FOUND, "saved query not found");
	TRY(db_run(ctx, &saved_query_bin, DB_ARGS(db_i64(c->s->id), db_bool(c->delete)), NULL));
	return note(ctx, c->delete ? "query.delete" : "query.restore", c->s->id, was.name, was.shared);
}

struct err *query_saved_delete(struct ctx *ctx, int64_t project_id, int64_t id, bool manages)
{
	struct query_saved s = {.id = id, .project_id = project_id};
	struct change c = {&s, manages, true};

	return db_transact(ctx, bin, &c);
}

struct err *query_saved_restore(struct ctx *ctx, int64_t project_id, int64_t id, bool manages)
{
	struct query_saved s = {.id = id, .project_id = project_id};
	struct change c = {&s, manages, false};

	return db_transact(ctx, bin, &c);
}

struct err *query_saved_ran(struct ctx *ctx, const struct query_saved *s, bool manages)
{
	return db_run(ctx, &saved_query_values,
	              DB_ARGS(db_i64(s->project_id), db_i64(ctx->user_id), db_bool(manages), db_i64(s->id),
	                      db_json(parameters_json(ctx->a, s))),
	              NULL);
}
