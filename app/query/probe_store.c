/* The last probe of a source, kept as JSON beside it, so that pages can warn without asking the database. */
#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "query/query_priv.h"

DB_STMT(query_probe_write, "UPDATE sources SET probe = $3, probed_at = now() WHERE id = $1 AND version = $2",
        DB_I64, DB_I64, DB_JSON);
DB_STMT(query_probe_read, "SELECT probe, probed_at FROM sources WHERE project_id = $1", DB_I64);

struct kept {
	const char *body;
	int64_t at;
};

static const struct db_row kept_row =
        DB_ROW(struct kept, DB_COL_JSON(struct kept, body), DB_COL_TIME(struct kept, at));

static void put_warning(struct json_writer *w, const struct query_warning *warning)
{
	json_object_open(w, NULL);
	json_put_cstr(w, "text", warning->text);
	json_put_cstr(w, "mend", warning->mend);
	json_put_bool(w, "sql", warning->sql);
	json_put_bool(w, "grave", warning->grave);
	json_object_close(w);
}

static const char *body_of(struct arena *a, const struct query_probe *p)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct json_writer w = {.b = &b};
	bool grave = false;

	json_object_open(&w, NULL);
	json_put_bool(&w, "ok", p->ok);
	json_put_cstr(&w, "message", p->message);
	json_put_cstr(&w, "hint", p->hint);
	json_put_cstr(&w, "server", p->server);
	json_put_i64(&w, "tables", p->tables);
	json_array_open(&w, "warnings");
	for (size_t i = 0; i < p->nwarnings; i++) {
		put_warning(&w, &p->warnings[i]);
		grave = grave || p->warnings[i].grave;
	}
	json_array_close(&w);
	json_put_bool(&w, "grave", grave);
	json_object_close(&w);
	return buf_cstr(&b);
}

struct err *query_probe_keep(struct ctx *ctx, const struct project_source *source,
                             const struct query_probe *probe)
{
	return db_run(ctx, &query_probe_write,
	              DB_ARGS(db_i64(source->id), db_i64(source->version), db_json(body_of(ctx->a, probe))),
	              NULL);
}

struct err *query_probe_anew(struct ctx *ctx, const struct project_source *source, struct query_probe *out)
{
	TRY(query_probe(ctx, source, out));
	out->at = clock_wall_us();
	return query_probe_keep(ctx, source, out);
}

static void read_warnings(struct arena *a, struct json_object *list, struct query_probe *out)
{
	out->nwarnings = json_length(list);
	out->warnings = ARENA_ARRAY(a, struct query_warning, out->nwarnings);
	for (size_t i = 0; i < out->nwarnings; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		out->warnings[i] = (struct query_warning){
		        .text = json_get_str(o, "text"),
		        .mend = json_get_str(o, "mend"),
		        .sql = json_get_bool(o, "sql", false),
		        .grave = json_get_bool(o, "grave", false),
		};
	}
}

struct err *query_probe_kept(struct ctx *ctx, int64_t project_id, struct query_probe *out)
{
	struct json_object *o;
	struct kept kept;

	*out = (struct query_probe){.message = ""};
	TRY(db_one(ctx, &query_probe_read, DB_ARGS(db_i64(project_id)), &kept_row, "source", &kept));
	if (!kept.body)
		return NULL;
	TRY(json_read(ctx->a, str_of(kept.body), JSON_DEPTH, &o));
	out->ok = json_get_bool(o, "ok", false);
	out->message = json_get_str(o, "message");
	out->hint = json_get_str(o, "hint");
	out->server = json_get_str(o, "server");
	out->tables = json_get_i64(o, "tables", 0);
	read_warnings(ctx->a, json_get_array(o, "warnings"), out);
	out->at = kept.at;
	return NULL;
}
