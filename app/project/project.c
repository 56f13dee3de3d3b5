/* Projects: who sees which, and their own fields. */
#include "project/project.h"

#include <string.h>

#include "audit/audit.h"
#include "lib/arena.h"
#include "project/project_priv.h"

/* The fields of a project that people set, as the first parameters of a statement. */
#define FIELD_TYPES \
	DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXT, DB_TEXTS, DB_I64, DB_I64, DB_I64, DB_I64, DB_I64, DB_I64, DB_I64, \
	        DB_I64, DB_I64, DB_I64, DB_I64, DB_I64, DB_TEXT, DB_BOOL
#define FIELD_ARGS(p) \
	db_text((p)->slug), db_text((p)->name), db_text((p)->description), db_text((p)->prompt), \
	        db_texts((p)->suggestions.p, (p)->suggestions.n), db_i64((p)->row_cap), \
	        db_i64((p)->timeout_ms), db_i64((p)->max_cost), \
	        db_i64((p)->queries_a_minute), db_i64((p)->queries_at_once), db_i64((p)->queries_a_day), \
	        db_i64((p)->cache_seconds), db_i64((p)->export_rows), db_i64((p)->turn_steps), \
	        db_i64((p)->turn_seconds), db_i64((p)->turn_tokens), db_i64((p)->turn_cost), \
	        db_text((p)->currency), db_bool((p)->tells_hidden)

#define ACCESS(which) \
	"SELECT " PROJECT_COLUMNS ", CASE WHEN $3 THEN 'admin' ELSE m.role END" \
	" FROM projects p LEFT JOIN members m ON m.project_id = p.id AND m.user_id = $2" \
	" WHERE " which " = $1 AND ($3 OR m.user_id IS NOT NULL)"

DB_STMT(project_select_access, ACCESS("p.slug"), DB_TEXT, DB_I64, DB_BOOL);
DB_STMT(project_select_access_by_id, ACCESS("p.id"), DB_I64, DB_I64, DB_BOOL);
DB_STMT(project_select_by_slug, "SELECT " PROJECT_COLUMNS " FROM projects p WHERE p.slug = $1", DB_TEXT);
DB_STMT(project_select_list,
        "SELECT " PROJECT_COLUMNS ", CASE WHEN $2 THEN 'admin' ELSE m.role END"
        " FROM projects p LEFT JOIN members m ON m.project_id = p.id AND m.user_id = $1"
        " WHERE $2 OR m.user_id IS NOT NULL ORDER BY lower(p.name), p.id",
        DB_I64, DB_BOOL);
DB_STMT(project_insert,
        "INSERT INTO projects (slug, name, description, prompt, suggestions, row_cap, timeout_ms, max_cost,"
        " queries_a_minute, queries_at_once, queries_a_day, cache_seconds, export_rows,"
        " turn_steps, turn_seconds, turn_tokens, turn_cost, currency, tells_hidden)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
        " RETURNING id",
        FIELD_TYPES);
DB_STMT(project_update_fields,
        "UPDATE projects SET slug = $1, name = $2, description = $3, prompt = $4, suggestions = $5,"
        " row_cap = $6, timeout_ms = $7, max_cost = $8, queries_a_minute = $9,"
        " queries_at_once = $10, queries_a_day = $11, cache_seconds = $12, export_rows = $13,"
        " turn_steps = $14, turn_seconds = $15, turn_tokens = $16, turn_cost = $17, currency = $18,"
        " tells_hidden = $19 WHERE id = $20",
        FIELD_TYPES, DB_I64);
DB_STMT(project_delete_by_id, "DELETE FROM projects p WHERE id = $1 RETURNING " PROJECT_COLUMNS, DB_I64);

/* PROJECT_COLS wants the project as a member: here it is the only one. */
struct only {
	struct project project;
};
static const struct db_row project_row = DB_ROW(struct only, PROJECT_COLS(struct only, project));
static const struct db_row listed_row =
        DB_ROW(struct project_listed, PROJECT_COLS(struct project_listed, project),
               DB_COL_TEXT(struct project_listed, role));

static const char *const role_names[PROJECT_ROLE__MAX] = {
        [PROJECT_NONE] = "none",
        [PROJECT_VIEWER] = "viewer",
        [PROJECT_ANALYST] = "analyst",
        [PROJECT_ADMIN] = "admin",
};

struct project project_new(void)
{
	return (struct project){.slug = "",
	                        .name = "",
	                        .description = "",
	                        .prompt = "",
	                        .currency = "USD",
	                        .row_cap = 500,
	                        .timeout_ms = 15000,
	                        .queries_a_minute = 60,
	                        .queries_at_once = 4,
	                        .cache_seconds = 300,
	                        .export_rows = 100000,
	                        .tells_hidden = true};
}

const char *project_role_name(enum project_role role)
{
	return role_names[role];
}

enum project_role project_role_of(const char *name)
{
	enum project_role role;

	for (role = PROJECT_ADMIN; role > PROJECT_NONE; role--)
		if (name && strcmp(name, role_names[role]) == 0)
			return role;
	return PROJECT_NONE;
}

const char *project_object(struct arena *a, int64_t id)
{
	return arena_printf(a, "project:%lld", (long long)id);
}

static struct err *access(struct ctx *ctx, const struct db_stmt *stmt, struct db_args args,
                          struct project *out, enum project_role *role)
{
	struct project_listed found;

	TRY(db_one(ctx, stmt, args, &listed_row, "project", &found));
	*out = found.project;
	*role = project_role_of(found.role);
	return NULL;
}

struct err *project_access(struct ctx *ctx, const char *slug, int64_t user_id, bool is_admin,
                           struct project *out, enum project_role *role)
{
	return access(ctx, &project_select_access, DB_ARGS(db_text(slug), db_i64(user_id), db_bool(is_admin)),
	              out, role);
}

struct err *project_access_by_id(struct ctx *ctx, int64_t id, int64_t user_id, bool is_admin,
                                 struct project *out, enum project_role *role)
{
	return access(ctx, &project_select_access_by_id,
	              DB_ARGS(db_i64(id), db_i64(user_id), db_bool(is_admin)), out, role);
}

struct err *project_by_slug(struct ctx *ctx, const char *slug, struct project *out)
{
	return db_one(ctx, &project_select_by_slug, DB_ARGS(db_text(slug)), &project_row, "project", out);
}

struct err *project_list(struct ctx *ctx, int64_t user_id, bool is_admin, struct project_listed **out,
                         size_t *n)
{
	return db_all(ctx, &project_select_list, DB_ARGS(db_i64(user_id), db_bool(is_admin)), &listed_row,
	              out, n);
}

/* A taken slug in words; other errors as they are. */
static struct err *slug_taken(struct ctx *ctx, struct err *e, const char *slug)
{
	if (!e || !e->code || strcmp(e->code, "projects_slug_key") != 0)
		return e;
	return err_hint(err_code(err_new(ctx->a, ERR_CONFLICT,
	                                 "a project with the short name \"%s\" exists already", slug),
	                         "slug"),
	                "Choose another short name.");
}

/* The entry keeps the slug: a number says little once the project is gone. A slug has nothing to escape. */
static struct err *log_project(struct ctx *ctx, const char *action, const struct project *p)
{
	return audit_log(ctx, action, project_object(ctx->a, p->id),
	                 arena_printf(ctx->a, "{\"slug\":\"%s\"}", p->slug));
}

struct creation {
	struct project *project;
	struct project_source *source;
};

static struct err *create(struct ctx *ctx, void *arg)
{
	struct creation *c = arg;
	struct project *p = c->project;

	TRY(slug_taken(ctx,
	               db_one(ctx, &project_insert, DB_ARGS(FIELD_ARGS(p)), &db_id_row, "project", &p->id),
	               p->slug));
	c->source->project_id = p->id;
	TRY(project_source_insert(ctx, c->source));
	return log_project(ctx, "project.create", p);
}

/* The database wants '{}' where a caller has no list. */
static void complete(struct project *p)
{
	static const char *none[1];

	if (!p->suggestions.p)
		p->suggestions = (struct db_texts){none, 0};
	p->description = p->description ? p->description : "";
	p->prompt = p->prompt ? p->prompt : "";
	p->currency = p->currency ? p->currency : "USD";
}

struct err *project_create(struct ctx *ctx, struct project *project, struct project_source *source)
{
	struct project_check c = {.detail = buf_init(ctx->a, BUF_LINE)};
	struct creation both = {project, source};

	complete(project);
	project_check_project(&c, project);
	project_check_source(&c, source);
	TRY(project_check_end(ctx->a, &c, "project"));
	return db_transact(ctx, create, &both);
}

static struct err *update(struct ctx *ctx, void *arg)
{
	const struct project *p = arg;
	int64_t affected;

	TRY(slug_taken(
	        ctx, db_run(ctx, &project_update_fields, DB_ARGS(FIELD_ARGS(p), db_i64(p->id)), &affected),
	        p->slug));
	if (!affected)
		return err_new(ctx->a, ERR_NOT_FOUND, "project not found");
	return log_project(ctx, "project.update", p);
}

struct err *project_update(struct ctx *ctx, const struct project *project)
{
	struct project_check c = {.detail = buf_init(ctx->a, BUF_LINE)};
	struct project saved = *project;

	complete(&saved);
	project_check_project(&c, &saved);
	TRY(project_check_end(ctx->a, &c, "project"));
	return db_transact(ctx, update, &saved);
}

static struct err *remove_project(struct ctx *ctx, void *arg)
{
	const int64_t *id = arg;
	struct project gone;

	TRY(db_one(ctx, &project_delete_by_id, DB_ARGS(db_i64(*id)), &project_row, "project", &gone));
	return log_project(ctx, "project.delete", &gone);
}

struct err *project_delete(struct ctx *ctx, int64_t id)
{
	return db_transact(ctx, remove_project, &id);
}
