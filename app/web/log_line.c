/* Entries of the audit log as sentences. What objects are called is asked of the database once for a page. */
#include "web/log_priv.h"

#include <inttypes.h>
#include <json-c/linkhash.h>
#include <string.h>
#include <time.h>

#include "db/db.h"
#include "lib/arena.h"
#include "lib/json.h"

/* What the trail is about and has a page; what is gone has none, and keeps its key. */
DB_STMT(web_log_objects,
        "SELECT 'project:' || id, name, '/p/' || slug || '/settings' FROM projects WHERE 'project:' || id = ANY($1)"
        " UNION ALL"
        " SELECT 'user:' || id, email, '/admin/users#user-' || id FROM users WHERE 'user:' || id = ANY($1)",
        DB_TEXTS);

struct object {
	const char *key;
	const char *name;
	const char *href;
};

struct objects {
	struct object *list;
	size_t n;
};

static const struct db_row object_row =
        DB_ROW(struct object, DB_COL_TEXT(struct object, key), DB_COL_TEXT(struct object, name),
               DB_COL_TEXT(struct object, href));

static const struct view fact_view =
        VIEW(struct log_fact, VIEW_STR(struct log_fact, name), VIEW_STR(struct log_fact, value));
const struct view web_log_line_view = VIEW(
        struct log_line, VIEW_STR(struct log_line, at), VIEW_STR(struct log_line, exact),
        VIEW_STR(struct log_line, who), VIEW_STR(struct log_line, did), VIEW_STR(struct log_line, object),
        VIEW_STR(struct log_line, href), VIEW_STR(struct log_line, key), VIEW_STR(struct log_line, summary),
        VIEW_LIST(struct log_line, facts, nfacts, &fact_view));

enum { SUMMARY_BYTES = 90, FACTS_BESIDE_DETAIL = 2 };

const char *web_log_words(const char *action)
{
	static const char *const words[][2] = {
#define ACTION(name, text) {name, text},
#include "web/actions.def"
#undef ACTION
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i][0], action) == 0)
			return words[i][1];
	return action;
}

const char *web_log_time(struct arena *a, int64_t wall_us)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	return arena_strdup(a, text);
}

static const char *exact_time(struct arena *a, int64_t wall_us)
{
	const char *text = web_log_time(a, wall_us);

	return arena_printf(a, "%.19s.%06d UTC", text, (int)(wall_us % 1000000));
}

/* Names -------------------------------------------------------------------------------------------------- */

static const char *user_key(struct arena *a, int64_t id)
{
	return arena_printf(a, "user:%" PRId64, id);
}

static const struct object *named(const struct objects *o, const char *key)
{
	for (size_t i = 0; i < o->n; i++)
		if (strcmp(o->list[i].key, key) == 0)
			return &o->list[i];
	return NULL;
}

/* Objects of the entries, and people of whom their details tell the number. */
static struct err *find_objects(struct ctx *ctx, const struct audit_entry *entries,
                                struct json_object **details, size_t n, struct objects *out)
{
	const char **keys = ARENA_ARRAY(ctx->a, const char *, 2 * n + 1);
	size_t nkeys = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t user_id = json_get_i64(details[i], "user_id", 0);

		keys[nkeys++] = entries[i].object;
		if (user_id)
			keys[nkeys++] = user_key(ctx->a, user_id);
	}
	return db_all(ctx, &web_log_objects, DB_ARGS(db_texts(keys, nkeys)), &object_row, &out->list,
	              &out->n);
}

/* Details ------------------------------------------------------------------------------------------------ */

static const char *plain(struct arena *a, struct json_object *v)
{
	if (!v)
		return "none";
	if (json_object_is_type(v, json_type_string))
		return arena_strndup(a, json_object_get_string(v), (size_t)json_object_get_string_len(v));
	if (json_object_is_type(v, json_type_boolean))
		return json_object_get_boolean(v) ? "yes" : "no";
	return arena_strdup(a, json_object_to_json_string_ext(v, JSON_C_TO_STRING_NOSLASHESCAPE));
}

static const char *joined(struct arena *a, struct json_object *array)
{
	struct buf b = buf_init(a, BUF_PAGE);
	size_t n = json_object_array_length(array);

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? ", " : "", plain(a, json_object_array_get_idx(array, i)));
	return n ? buf_cstr(&b) : "none";
}

static struct log_fact fact(struct arena *a, const char *key, struct json_object *v,
                            const struct objects *objects)
{
	struct log_fact f = {arena_strdup(a, key), NULL};
	const struct object *user = NULL;

	for (char *c = (char *)f.name; *c; c++)
		if (*c == '_')
			*c = ' ';
	if (strcmp(key, "user_id") == 0 && (user = named(objects, user_key(a, json_object_get_int64(v)))))
		return (struct log_fact){"person", user->name};
	f.value = json_object_is_type(v, json_type_array) ? joined(a, v) : plain(a, v);
	return f;
}

/* "role viewer, person ann@example.com", cut; NULL for no facts. */
static const char *summary(struct arena *a, const struct log_fact *facts, size_t n)
{
	struct buf b = buf_init(a, BUF_PAGE);
	struct str cut;

	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s %s", i ? ", " : "", facts[i].name, facts[i].value);
	if (!b.n)
		return NULL;
	cut = str_utf8_cut(buf_str(&b), SUMMARY_BYTES);
	return arena_printf(a, "%.*s%s", STR_ARG(cut), cut.n < b.n ? "…" : "");
}

static void fill_facts(struct arena *a, const struct audit_entry *e, struct json_object *detail,
                       const struct objects *objects, struct log_line *line)
{
	size_t most = detail && json_object_is_type(detail, json_type_object)
	                      ? (size_t)json_object_object_length(detail)
	                      : 0;

	line->facts = ARENA_ARRAY(a, struct log_fact, most + FACTS_BESIDE_DETAIL);
	if (most) {
		json_object_object_foreach(detail, key, value)
			line->facts[line->nfacts++] = fact(a, key, value, objects);
	}
	line->summary = summary(a, line->facts, line->nfacts);
	if (e->address[0])
		line->facts[line->nfacts++] = (struct log_fact){"from", e->address};
	if (e->request_id[0])
		line->facts[line->nfacts++] = (struct log_fact){"request", e->request_id};
}

/* Sentences ---------------------------------------------------------------------------------------------- */

static const char *who(const struct audit_entry *e)
{
	if (e->email[0])
		return e->email;
	return e->address[0] ? "Somebody" : "The command line";
}

static void fill(struct ctx *ctx, const struct audit_entry *e, struct json_object *detail,
                 const struct objects *objects, struct log_line *line)
{
	const struct object *object = named(objects, e->object);
	bool self = e->user_id && strcmp(e->object, user_key(ctx->a, e->user_id)) == 0;

	*line = (struct log_line){
	        .at = web_log_time(ctx->a, e->at),
	        .exact = exact_time(ctx->a, e->at),
	        .who = who(e),
	        .did = web_log_words(e->action),
	        .key = e->object[0] ? e->object : NULL,
	};
	if (!self && e->object[0])
		line->object = object ? object->name : e->object;
	if (!self && object)
		line->href = object->href;
	fill_facts(ctx->a, e, detail, objects, line);
}

struct err *web_log_lines(struct ctx *ctx, const struct audit_entry *entries, size_t n,
                          struct log_line **lines)
{
	struct json_object **details = ARENA_ARRAY(ctx->a, struct json_object *, n);
	struct objects objects;

	for (size_t i = 0; i < n; i++)
		TRY(json_read(ctx->a, str_of(entries[i].detail), JSON_DEPTH_TREE, &details[i]));
	TRY(find_objects(ctx, entries, details, n, &objects));
	*lines = ARENA_ARRAY(ctx->a, struct log_line, n);
	for (size_t i = 0; i < n; i++)
		fill(ctx, &entries[i], details[i], &objects, &(*lines)[i]);
	return NULL;
}
