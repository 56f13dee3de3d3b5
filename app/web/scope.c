/* What a statement of the request's person runs on. */
#include "catalog/catalog.h"
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "web/sql_priv.h"

struct err *web_scope(struct ctx *ctx, struct http_request *req, enum query_origin origin,
                      struct query_scope *out)
{
	const struct auth_person *person = auth_person(req);

	TRY(catalog_scope_for(ctx, &person->project, person->role, out));
	out->origin = origin;
	out->time_zone = person->time_zone;
	return NULL;
}

/* The dictionary for the editor's completion ---------------------------------------------------------------- */

static void put_table(struct json_writer *w, const struct catalog_table *t)
{
	json_array_open(w, t->name);
	for (size_t i = 0; i < t->ncolumns; i++) {
		json_array_open(w, NULL);
		json_put_cstr(w, NULL, t->columns[i].name);
		json_put_cstr(w, NULL, t->columns[i].type);
		json_array_close(w);
	}
	json_array_close(w);
}

static void put_schema(struct buf *b, const struct catalog *c)
{
	struct json_writer w = {.b = b};

	json_object_open(&w, NULL);
	json_put_cstr(&w, "schema", c->schema);
	json_object_open(&w, "tables");
	for (size_t i = 0; i < c->ntables; i++)
		put_table(&w, &c->tables[i]);
	json_object_close(&w);
	json_object_close(&w);
}

/* {"schema":"shop","tables":{"orders":[["id","integer"],...]}}: what this person may read. */
struct err *web_sql_schema(struct ctx *ctx, struct http_request *req, struct http_response *res)
{
	const struct auth_person *person = auth_person(req);
	struct web_sight sight;
	struct buf b = buf_init(ctx->a, BUF_PAGE);

	TRY(web_sight(ctx, &person->project, person->role, &sight));
	if (!sight.catalog)
		return err_new(ctx->a, ERR_NOT_FOUND, "the data dictionary was not read yet");
	put_schema(&b, sight.catalog);
	const char *tag = arena_printf(ctx->a, "\"%.32s\"", crypto_sha256_hex(ctx->a, buf_str(&b)));
	http_type(res, "application/json");
	http_set_header(res, "Cache-Control", "private, no-cache");
	http_set_header(res, "ETag", tag);
	/* nginx makes the tag weak when it compresses. */
	if (str_find(http_header(req, "if-none-match"), str_of(tag)) >= 0)
		http_status(res, 304);
	else
		buf_add_str(http_out(res), buf_str(&b));
	return NULL;
}
