/* Projects, their members, and where their data is. */
#ifndef PROJECT_PROJECT_H
#define PROJECT_PROJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db.h"
#include "lib/ctx.h"
#include "lib/err.h"

/* What a member may do; each includes the ones before. */
enum project_role { PROJECT_NONE, PROJECT_VIEWER, PROJECT_ANALYST, PROJECT_ADMIN, PROJECT_ROLE__MAX };

struct project {
	int64_t id;
	const char *slug;
	const char *name;
	const char *description;
	const char *prompt;          /* what the admin tells the model about this data */
	struct db_texts suggestions; /* questions offered on an empty chat */
	int64_t row_cap;
	int64_t timeout_ms;
	const char *model; /* "": the instance's */
	int64_t created_at;
	int64_t max_cost; /* of a query in the planner's units; 0: no limit, as in the next three */
	int64_t queries_a_minute; /* of a person */
	int64_t queries_at_once;  /* of a person */
	int64_t queries_a_day;    /* of all */
	int64_t cache_seconds;    /* 0: results are not used again */
	int64_t export_rows;
	bool can_write;    /* by the last test of its source the role can do more than read; not set here */
	bool tells_hidden; /* people are told that there is something that they may not see */
};

/* The columns of a project "p" in a statement, and the fields they fill: for statements of other modules that
 * need the project beside their own rows. */
#define PROJECT_COLUMNS \
	"p.id, p.slug, p.name, p.description, p.prompt, p.suggestions, p.row_cap, p.timeout_ms, p.model," \
	" p.created_at, p.max_cost, p.queries_a_minute, p.queries_at_once, p.queries_a_day, p.cache_seconds," \
	" p.export_rows, p.tells_hidden," \
	" (SELECT (w.probe->>'grave')::boolean FROM sources w WHERE w.project_id = p.id)"
#define PROJECT_COLS(type, f) \
	DB_COL_I64(type, f.id), DB_COL_TEXT(type, f.slug), DB_COL_TEXT(type, f.name), \
	        DB_COL_TEXT(type, f.description), DB_COL_TEXT(type, f.prompt), \
	        DB_COL_TEXTS(type, f.suggestions), DB_COL_I64(type, f.row_cap), \
	        DB_COL_I64(type, f.timeout_ms), DB_COL_TEXT(type, f.model), DB_COL_TIME(type, f.created_at), \
	        DB_COL_I64(type, f.max_cost), DB_COL_I64(type, f.queries_a_minute), \
	        DB_COL_I64(type, f.queries_at_once), DB_COL_I64(type, f.queries_a_day), \
	        DB_COL_I64(type, f.cache_seconds), DB_COL_I64(type, f.export_rows), \
	        DB_COL_BOOL(type, f.tells_hidden), DB_COL_BOOL(type, f.can_write)

/* In a statement: whether a person may see a project now, as a member of it or as an instance admin. For rows
 * that belong to one person in one project and are found without the project's slug. */
#define PROJECT_SEEN(project_id, user_id) \
	" EXISTS (SELECT FROM users seer LEFT JOIN members seen ON seen.user_id = seer.id AND seen.project_id = " project_id \
	" WHERE seer.id = " user_id " AND seer.disabled_at IS NULL AND (seer.is_admin OR seen.user_id IS NOT NULL))"

/* A PostgreSQL database, as its read-only role. */
struct project_source {
	int64_t id;
	int64_t project_id;
	const char *host; /* a name, an address, or the directory of a Unix socket */
	int64_t port;
	const char *database;
	const char *username;
	const char *password; /* opened; NULL when there is none. Never render, log or export. */
	const char *sslmode;
	const char *schema;
	struct db_texts allowed; /* p NULL: every table that is not excluded */
	struct db_texts excluded;
	int64_t version; /* grows with each change: pools and caches compare it */
};

struct project_member {
	int64_t user_id;
	const char *email;
	const char *name;
	const char *role;
	const char *origin;
};

struct project_listed {
	struct project project;
	const char *role;
};

/* A project as it begins, before anybody says anything of it: empty texts, and the limits that the database has
 * as defaults. */
struct project project_new(void);

/* "viewer" and so on; project_role_of("nonsense") is PROJECT_NONE. */
const char *project_role_name(enum project_role role);
enum project_role project_role_of(const char *name);

/* "project:7", in the arena: the object of an audit row. */
const char *project_object(struct arena *a, int64_t id);

/* The project a person sees under a slug, and their role there (instance admins: PROJECT_ADMIN). Outsiders
 * get the same NOT_FOUND as for a slug that does not exist. One statement. */
MUST_CHECK struct err *project_access(struct ctx *ctx, const char *slug, int64_t user_id, bool is_admin,
                                      struct project *out, enum project_role *role);
/* The same by the project's number. */
MUST_CHECK struct err *project_access_by_id(struct ctx *ctx, int64_t id, int64_t user_id, bool is_admin,
                                            struct project *out, enum project_role *role);
MUST_CHECK struct err *project_by_slug(struct ctx *ctx, const char *slug, struct project *out);

/* Projects a person may see (all of them for is_admin), by name. */
MUST_CHECK struct err *project_list(struct ctx *ctx, int64_t user_id, bool is_admin,
                                    struct project_listed **out, size_t *n);

/* Creates project and source in one transaction, sets both ids; audited. INVALID names each wrong field in
 * its detail and the first one in its code ("row_cap"), CONFLICT a taken slug. source->password is sealed. */
MUST_CHECK struct err *project_create(struct ctx *ctx, struct project *project,
                                      struct project_source *source);
/* Saves all fields of the project but its id: load it first, and change what is to change; audited. */
MUST_CHECK struct err *project_update(struct ctx *ctx, const struct project *project);
MUST_CHECK struct err *project_delete(struct ctx *ctx, int64_t id);

/* The source with its password opened. CONFIG when it cannot be opened (another QUERN_KEY); *out is filled
 * all the same, without the password, so that it can be set again. */
MUST_CHECK struct err *project_source_get(struct ctx *ctx, int64_t project_id, struct project_source *out);
/* Saves the source of source->project_id; password NULL keeps the stored one, "" removes it; audited. A
 * stored password is not carried to another host or port, nor to a weaker sslmode: it has to be given
 * again (INVALID, code "password"). */
MUST_CHECK struct err *project_source_update(struct ctx *ctx, const struct project_source *source);
/* Fills host, port, database, username, password, sslmode from
 * postgresql://user:password@host:port/db?sslmode=... (percent-decoded; host may be an encoded directory
 * or ?host=). Only sslmode, host and port are accepted as options. Other fields of *out stay. No error
 * repeats any part of the address. Errors: INVALID, code "dsn". */
MUST_CHECK struct err *project_source_parse(struct arena *a, const char *dsn, struct project_source *out);

MUST_CHECK struct err *project_members(struct ctx *ctx, int64_t project_id, struct project_member **out,
                                       size_t *n);
/* Adds or changes a member; NOT_FOUND when no account has that e-mail; audited. */
MUST_CHECK struct err *project_member_set(struct ctx *ctx, int64_t project_id, const char *email,
                                          enum project_role role);
MUST_CHECK struct err *project_member_remove(struct ctx *ctx, int64_t project_id, int64_t user_id);

#endif
