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
	int64_t created_at;
	int64_t max_cost; /* of a query in the planner's units; 0: no limit, as in the next three */
	int64_t queries_a_minute; /* of a person */
	int64_t queries_at_once;  /* of a person */
	int64_t queries_a_day;    /* of all */
	int64_t cache_seconds;    /* 0: results are not used again */
	int64_t export_rows;
	int64_t turn_steps;   /* limits of one turn; 0: the instance's, as in the next */
	int64_t turn_seconds;
	int64_t turn_tokens; /* 0: no limit, as in the next */
	int64_t turn_cost;   /* in millionths of the currency */
	const char *currency; /* "USD": of prices and costs */
	bool can_write;    /* by the last test of its source the role can do more than read; not set here */
	bool tells_hidden; /* people are told that there is something that they may not see */
};

/* The columns of a project "p" in a statement, and the fields they fill: for statements of other modules that
 * need the project beside their own rows. */
#define PROJECT_COLUMNS \
	"p.id, p.slug, p.name, p.description, p.prompt, p.suggestions, p.row_cap, p.timeout_ms," \
	" p.created_at, p.max_cost, p.queries_a_minute, p.queries_at_once, p.queries_a_day, p.cache_seconds," \
	" p.export_rows, p.turn_steps, p.turn_seconds, p.turn_tokens, p.turn_cost, p.currency, p.tells_hidden," \
	" (SELECT (w.probe->>'grave')::boolean FROM sources w WHERE w.project_id = p.id)"
#define PROJECT_COLS(type, f) \
	DB_COL_I64(type, f.id), DB_COL_TEXT(type, f.slug), DB_COL_TEXT(type, f.name), \
	        DB_COL_TEXT(type, f.description), DB_COL_TEXT(type, f.prompt), \
	        DB_COL_TEXTS(type, f.suggestions), DB_COL_I64(type, f.row_cap), \
	        DB_COL_I64(type, f.timeout_ms), DB_COL_TIME(type, f.created_at), \
	        DB_COL_I64(type, f.max_cost), DB_COL_I64(type, f.queries_a_minute), \
	        DB_COL_I64(type, f.queries_at_once), DB_COL_I64(type, f.queries_a_day), \
	        DB_COL_I64(type, f.cache_seconds), DB_COL_I64(type, f.export_rows), \
	        DB_COL_I64(type, f.turn_steps), DB_COL_I64(type, f.turn_seconds), \
	        DB_COL_I64(type, f.turn_tokens), DB_COL_I64(type, f.turn_cost), \
	        DB_COL_TEXT(type, f.currency), DB_COL_BOOL(type, f.tells_hidden), DB_COL_BOOL(type, f.can_write)

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

/* A model that a project's questions go to: in place 1 the first one, in place 2 the one asked when that fails. */
enum { PROJECT_MODELS = 2 };

struct project_model {
	int64_t project_id;
	int64_t place;
	const char *format; /* "anthropic", "openai"; "": the instance's provider, with url "" and no key */
	const char *url;    /* base address */
	const char *model;  /* "": the instance's, where format is "" */
	const char *key;    /* opened; NULL when there is none. Never render, log or export. */
	int64_t price_in;   /* prices are in millionths of the project's currency for a million tokens */
	int64_t price_cached;
	int64_t price_out;
};

/* "0.0123 USD": as many decimals as tell something. */
const char *project_money(struct arena *a, int64_t millionths, const char *currency);

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

/* The models of a project by place, as far as it has its own, with their keys opened. CONFIG when a key cannot be
 * opened (another QUERN_KEY); *out is filled all the same, without that key, so that it can be set again. */
MUST_CHECK struct err *project_models(struct ctx *ctx, int64_t project_id, struct project_model **out,
                                      size_t *n);
/* Saves the model at its project and place; key NULL keeps the stored one, "" removes it; audited. A stored key is
 * not carried to another server (INVALID, code "key"). INVALID names each wrong field in its detail and the first
 * one in its code. */
MUST_CHECK struct err *project_model_save(struct ctx *ctx, const struct project_model *model);
/* Back to none at that place; no error when there is none; audited. */
MUST_CHECK struct err *project_model_remove(struct ctx *ctx, int64_t project_id, int64_t place);
/* The check that saving makes, alone: for a model that is only to be tried. */
MUST_CHECK struct err *project_model_check(struct arena *a, const struct project_model *model);
/* Whether what is meant for one address may go to the other: same scheme, host and port. */
bool project_model_same_server(const char *url, const char *other);
/* Whether what goes there can be read on the way: http to another machine. */
bool project_model_in_clear(const char *url);

MUST_CHECK struct err *project_members(struct ctx *ctx, int64_t project_id, struct project_member **out,
                                       size_t *n);
/* Adds or changes a member; NOT_FOUND when no account has that e-mail; audited. */
MUST_CHECK struct err *project_member_set(struct ctx *ctx, int64_t project_id, const char *email,
                                          enum project_role role);
MUST_CHECK struct err *project_member_remove(struct ctx *ctx, int64_t project_id, int64_t user_id);

#endif
