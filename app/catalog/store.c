/* The stored dictionary of a project: written whole, read through the cache. */
#include "catalog/catalog_priv.h"

#include "audit/audit.h"
#include "db/db.h"
#include "lib/arena.h"
#include "lib/buf.h"

DB_STMT(dictionary_write,
        "INSERT INTO dictionaries AS d (project_id, body, tables, columns, took_ms)"
        " VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (project_id) DO UPDATE SET body = excluded.body, tables = excluded.tables,"
        " columns = excluded.columns,"
        " took_ms = excluded.took_ms, generated_at = clock_timestamp() RETURNING d.generated_at",
        DB_I64, DB_JSON, DB_I64, DB_I64, DB_I64);
DB_STMT(dictionary_time, "SELECT generated_at FROM dictionaries WHERE project_id = $1", DB_I64);
DB_STMT(dictionary_read, "SELECT body, generated_at, took_ms FROM dictionaries WHERE project_id = $1",
        DB_I64);

struct stored {
	const char *body;
	int64_t generated_at;
	int64_t took_ms;
};

static const struct db_row time_row = DB_ROW(int64_t, {DB_TIME, 0});
static const struct db_row stored_row =
        DB_ROW(struct stored, DB_COL_JSON(struct stored, body), DB_COL_TIME(struct stored, generated_at),
               DB_COL_I64(struct stored, took_ms));

struct writing {
	const struct project *project;
	struct catalog *c;
	const char *body;
};

static struct err *write_dictionary(struct ctx *ctx, void *arg)
{
	const struct writing *w = arg;
	const struct catalog *c = w->c;
	const char *detail = arena_printf(ctx->a, "{\"tables\":%zu,\"columns\":%zu,\"took_ms\":%lld}",
	                                  c->ntables, c->ncolumns, (long long)c->took_ms);

	TRY(db_one(ctx, &dictionary_write,
	           DB_ARGS(db_i64(w->project->id), db_json(w->body), db_i64((int64_t)c->ntables),
	                   db_i64((int64_t)c->ncolumns), db_i64(c->took_ms)),
	           &time_row, "dictionary", &w->c->generated_at));
	return audit_log(ctx, "dictionary.generate", project_object(ctx->a, w->project->id), detail);
}

struct err *catalog_generate(struct ctx *ctx, const struct project *project,
                             const struct project_source *source, struct catalog **out)
{
	struct buf body = buf_init(ctx->a, BUF_RESULT);
	struct writing w = {.project = project};
	struct query_probe found;

	/* What its role may do is looked at again with the tables. */
	TRY(query_probe_anew(ctx, source, &found));
	TRY(catalog_introspect(ctx, source, &w.c));
	catalog_put_json(&body, w.c);
	if (body.full)
		return catalog_too_large(ctx->a, source);
	w.body = buf_cstr(&body);
	TRY(db_transact(ctx, write_dictionary, &w));
	*out = w.c;
	return NULL;
}

static struct err *none(struct ctx *ctx, const struct project *project, const char *why)
{
	return err_hint(err_code(err_new(ctx->a, ERR_NOT_FOUND, "project \"%s\" has no dictionary%s",
	                                 project->slug, why),
	                         "no_dictionary"),
	                "Generate it on the project's settings page or with \"quern dictionary generate"
	                " --project %s\".",
	                project->slug);
}

/* Reads the body into an arena of its own, as the policy lets it be seen. */
static struct err *read_stored(struct ctx *ctx, const struct project *project,
                               const struct project_source *source, const struct policy *policy, struct arena *own,
                               struct catalog_key *key, struct catalog **out)
{
	struct stored s;
	bool found;

	TRY(db_find(ctx, &dictionary_read, DB_ARGS(db_i64(project->id)), &stored_row, &s, &found));
	if (!found)
		return none(ctx, project, "");
	key->generated_at = s.generated_at;
	if (catalog_read_json(own, str_of(s.body), out))
		return none(ctx, project, " that this version can read");
	if (!str_is(str_of((*out)->schema), source->schema) ||
	    !str_is(str_of((*out)->database), source->database))
		return none(ctx, project, " of its present database and schema");
	(*out)->generated_at = s.generated_at;
	(*out)->took_ms = s.took_ms;
	catalog_permit(own, *out, source, policy);
	return NULL;
}

struct err *catalog_load(struct ctx *ctx, const struct project *project, const struct project_source *source,
                         const struct policy *policy, struct catalog **out)
{
	struct catalog_key key = {project->id, 0, source->id, source->version, policy ? policy->version : 0};
	struct arena *own;
	struct err *e;
	bool found;

	TRY(db_find(ctx, &dictionary_time, DB_ARGS(db_i64(project->id)), &time_row, &key.generated_at,
	            &found));
	if (!found)
		return none(ctx, project, "");
	*out = catalog_cache_get(ctx, &key);
	if (*out)
		return NULL;
	own = arena_create();
	e = read_stored(ctx, project, source, policy, own, &key, out);
	if (e) {
		arena_free(own);
		return e;
	}
	*out = catalog_cache_put(ctx, &key, own, *out);
	return NULL;
}
