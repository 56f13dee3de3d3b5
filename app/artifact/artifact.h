/*
 * Artifacts: code and data that somebody keeps, in versions that are never changed, and the links by which others see
 * them. Code and data are only data here: what runs them is a frame without origin (web/sandbox.c).
 */
#ifndef ARTIFACT_ARTIFACT_H
#define ARTIFACT_ARTIFACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db.h"
#include "lib/ctx.h"
#include "lib/err.h"
#include "lib/str.h"
#include "project/project.h"
#include "query/query.h"

struct buf;

enum { ARTIFACT_CODE_BYTES = 512 << 10, ARTIFACT_DATA_BYTES = 1 << 20, ARTIFACT_SOURCES = 8, ARTIFACT_ROWS = 50000 };

/* One row of types.def; NULL for a name that is none. */
struct artifact_type {
	const char *name;
	const char *label;
	const char *ending; /* of a file with the code */
	bool framed;        /* runs in the frame; others are rendered by the server */
};
const struct artifact_type *artifact_type(const char *name);

/* A statement behind an artifact's data. */
struct artifact_source {
	const char *name; /* as the code finds it: data.<name> */
	const char *sql;
	int64_t run_id; /* of the query that it was taken from; 0: none */
};

struct artifact_version {
	int64_t n;
	const char *code;
	struct artifact_source *sources;
	size_t nsources;
	const char *data; /* JSON, or NULL */
	const char *form; /* JSON of the chart form, or NULL */
	const char *note;
	const char *by; /* e-mail, "" when gone */
	int64_t at;
	int64_t turn_id; /* that made it, 0: a person */
};

struct artifact {
	int64_t id;
	int64_t project_id;
	int64_t user_id;
	int64_t conversation_id; /* 0: none */
	const char *title;
	const char *type; /* a row of types.def */
	const char *visible;
	const char *owner; /* e-mail */
	int64_t n;         /* the newest version */
	int64_t updated_at;
	struct artifact_version version; /* the one that was asked for; of a list: without code, sources, data */
};

/* What a new version says; with artifact_id 0 a new artifact. */
struct artifact_draft {
	int64_t artifact_id;
	int64_t after; /* the version that must still be the newest, or 0 */
	int64_t project_id;
	int64_t conversation_id;
	int64_t turn_id;
	const char *title; /* NULL: as before */
	const char *type;  /* NULL: as before */
	const char *code;
	struct artifact_source *sources;
	size_t nsources;
	const char *data;
	const char *form;
	const char *note;
};

/* A new artifact, or a new version of one of ctx->user_id's own. Errors: INVALID (which part, in words), NOT_FOUND,
 * TOO_LARGE, CONFLICT (code "changed": another version came meanwhile). Audited. Inside a transaction when there is one. */
MUST_CHECK struct err *artifact_save(struct ctx *ctx, const struct artifact_draft *draft, struct artifact *out);
/* One artifact with version n (0: the newest). NOT_FOUND unless it is ctx->user_id's own, or shown to a project that they
 * may see. */
MUST_CHECK struct err *artifact_get(struct ctx *ctx, int64_t id, int64_t n, struct artifact *out);
/* The gallery of a project for ctx->user_id: own ones and those that are shown to all, newest first; words in titles. */
MUST_CHECK struct err *artifact_list(struct ctx *ctx, int64_t project_id, const char *words, int64_t before, int64_t most,
                                     struct artifact **out, size_t *n);
/* ctx->user_id's own of a conversation, last changed first. */
MUST_CHECK struct err *artifact_of_conversation(struct ctx *ctx, int64_t conversation_id, int64_t most,
                                                struct artifact **out, size_t *n);
/* What a turn made: the last version of each, with its code where that is Markdown. */
MUST_CHECK struct err *artifact_of_turn(struct ctx *ctx, int64_t turn_id, struct artifact **out, size_t *n);
MUST_CHECK struct err *artifact_versions(struct ctx *ctx, int64_t id, struct artifact_version **out, size_t *n);
/* Marks version n, made by the model and the newest of one of ctx->user_id's own, as given back for repair, by turn_id. CONFLICT
 * when that was done before, the version is a repair itself, or it is none of that. */
MUST_CHECK struct err *artifact_repair(struct ctx *ctx, int64_t id, int64_t n, int64_t turn_id);
/* Version n once more, as the newest. */
MUST_CHECK struct err *artifact_restore(struct ctx *ctx, int64_t id, int64_t n, struct artifact *out);
MUST_CHECK struct err *artifact_rename(struct ctx *ctx, int64_t id, const char *title);
MUST_CHECK struct err *artifact_show_to(struct ctx *ctx, int64_t id, const char *visible);
MUST_CHECK struct err *artifact_delete(struct ctx *ctx, int64_t id, bool deleted); /* false: back again */

/* Runs the statements behind a version as ctx->user_id, under their rules in that project, never from kept rows, and writes
 * {"sales":{"columns":[{"name","type","kind"}],"rows":[[...]],"row_count":n,"truncated":false,"at":"...","caveats":[...]}, ...
 *  the members of the version's own data} as JSON, at most ARTIFACT_ROWS rows each. A statement that this person may not
 * run is {"error":{"message","hint"}} in its place: never somebody else's rows. at: when the newest rows were read, 0
 * where there are none. failed, unless NULL: for each statement why it failed, or NULL. */
MUST_CHECK struct err *artifact_data(struct ctx *ctx, const struct query_scope *scope,
                                     const struct artifact_version *version, struct buf *out, int64_t *at,
                                     struct err **failed);
/* The same for a small picture: the rows that a result shows, and rows kept under the same rules do. */
MUST_CHECK struct err *artifact_glance(struct ctx *ctx, const struct query_scope *scope,
                                       const struct artifact_version *version, struct buf *out, int64_t *at,
                                       struct err **failed);

/* What changed from one text to another, line by line; what stays far from any change is one line that counts it. */
enum artifact_change { ARTIFACT_SAME, ARTIFACT_OLD, ARTIFACT_NEW, ARTIFACT_SKIPPED };
struct artifact_line {
	enum artifact_change change;
	const char *text;
	int64_t lines; /* of ARTIFACT_SKIPPED */
};
/* Nothing where the texts are the same. Pure. */
size_t artifact_diff(struct arena *a, const char *before, const char *after, struct artifact_line **out);

/* Links ------------------------------------------------------------------------------------------------- */

enum { ARTIFACT_PEOPLE = 50, ARTIFACT_ORIGINS = 10, ARTIFACT_FROZEN_BYTES = 8 << 20, ARTIFACT_LINKS = 50 };

struct artifact_link {
	int64_t id;
	int64_t artifact_id;
	int64_t project_id;
	int64_t user_id;  /* who made it */
	const char *by;   /* name or e-mail of them */
	const char *title;
	const char *project;  /* its name */
	const char *slug;     /* of the project */
	const char *audience; /* "public", "project", "people" */
	struct db_texts people; /* e-mails, of "people" */
	int64_t version;        /* 0: the newest; with frozen data the newest that asks for no other data */
	const char *frozen;     /* data as JSON; of links that were found: NULL, see is_frozen and artifact_link_content() */
	bool is_frozen;         /* else live: read as whoever looks */
	int64_t frozen_at; /* 0: no query was behind it */
	bool sourced;      /* queries are behind what it shows */
	int64_t frozen_version; /* whose data it is; of links that were found: 0 */
	const char *password_hash; /* NULL: none */
	struct db_texts embed_origins;
	int64_t expires_at; /* 0: never */
	int64_t revoked_at; /* 0: not */
	int64_t views;
	int64_t viewed_at;
	int64_t created_at;
};

/* Makes a link to an artifact of ctx->user_id's own from artifact_id, audience, people, version, frozen, frozen_at,
 * frozen_version, password_hash, embed_origins and expires_at; fills id, project_id, title. token is 43 characters (256 bits) that are told
 * this once. Errors: INVALID (which part, in words), FORBIDDEN (public links are forbidden here), NOT_FOUND, TOO_LARGE,
 * CONFLICT (ARTIFACT_LINKS are open).
 * Audited, without the token. */
MUST_CHECK struct err *artifact_link_create(struct ctx *ctx, struct artifact_link *link, const char **token);
/* The links of an artifact, of a project (artifact_id 0), or of all projects (both 0): open ones first, then the newest, but
 * for the first `from`. Whose they are to see is the caller's to know. */
MUST_CHECK struct err *artifact_links(struct ctx *ctx, int64_t project_id, int64_t artifact_id, int64_t from, int64_t most,
                                      struct artifact_link **out, size_t *n);
/* How many are open. */
MUST_CHECK struct err *artifact_links_open(struct ctx *ctx, int64_t artifact_id, int64_t *n);
/* Empties what was frozen of links that ended, or whose artifact was deleted a week ago: those end with it. Forgets visitors of two days ago. */
MUST_CHECK struct err *artifact_links_sweep(struct ctx *ctx);
/* By who made it, who owns the artifact, an admin of the project, or an instance admin; NOT_FOUND for others, and once it is
 * revoked. Frozen data goes. Audited. */
MUST_CHECK struct err *artifact_link_revoke(struct ctx *ctx, int64_t link_id, struct artifact_link *out);

/* What a token leads to for ctx->user_id (0: nobody): the artifact without code, sources and data. Every reason not to show
 * it (wrong, expired, revoked, deleted, forbidden here, not for this person, its maker has left) is the same NOT_FOUND after
 * the same work. A password is not asked for here. */
MUST_CHECK struct err *artifact_link_open(struct ctx *ctx, struct str token, struct artifact_link *link,
                                          struct artifact *artifact);
/* A proof that the token was known, and the password if there is one and it was given: for a cookie, in place of the token.
 * Letters, digits and "." alone; holds for ARTIFACT_GRANT_SECONDS. */
enum { ARTIFACT_GRANT_SECONDS = 7 * 86400 };
const char *artifact_link_grant(struct ctx *ctx, const struct artifact_link *link, bool password);
/* As artifact_link_open() by a proof: everything is asked anew. NOT_FOUND likewise for a proof that is wrong or too old.
 * *password tells whether the password was given, or none is needed. */
MUST_CHECK struct err *artifact_link_use(struct ctx *ctx, int64_t link_id, struct str grant, struct artifact_link *link,
                                         struct artifact *artifact, bool *password);
/* Adds the code, sources and own data of the version, and the link's frozen data. */
MUST_CHECK struct err *artifact_link_content(struct ctx *ctx, struct artifact_link *link, struct artifact *artifact);
/* Counts a view once a day for each visitor (address and browser, of which it tells 1024 apart); nothing for who made the link. */
MUST_CHECK struct err *artifact_link_viewed(struct ctx *ctx, const struct artifact_link *link, struct str user_agent);
/* An entry of what happened with a link's password: "artifact.link.open" or "artifact.link.refused". */
MUST_CHECK struct err *artifact_link_log(struct ctx *ctx, const char *action, const struct artifact_link *link);

/* Pictures and PDF files ---------------------------------------------------------------------------------- */

enum { ARTIFACT_FILE_BYTES = 64 << 20 };

/* One that ctx->user_id asked for. Those that are over go after an hour, and all but the newest ten of each person before. */
struct artifact_export {
	int64_t id;
	int64_t artifact_id;
	int64_t version;
	const char *format; /* "png", "pdf" */
	const char *state;  /* "queued", "running", "done", "failed" */
	const char *error;  /* of a failed one */
	int64_t before;     /* that will be made first */
};

/* NULL where they can be made, else UNAVAILABLE, which says why not. */
MUST_CHECK struct err *artifact_export_check(struct ctx *ctx);
/* Asks for one, or finds the same that is under way. page is the artifact as a page of its own (web_alone()). Errors:
 * RATE_LIMITED. */
MUST_CHECK struct err *artifact_export_ask(struct ctx *ctx, const struct artifact *artifact, const char *format,
                                           struct str page, int64_t *id);
MUST_CHECK struct err *artifact_export_get(struct ctx *ctx, int64_t artifact_id, int64_t id, struct artifact_export *out);
/* NOT_FOUND until it is done. */
MUST_CHECK struct err *artifact_export_file(struct ctx *ctx, int64_t artifact_id, int64_t id, struct str *out);

/* Deletes those whose hour is over, and those that nobody made in an hour. */
MUST_CHECK struct err *artifact_export_sweep_old(struct ctx *ctx);

/* How many wait for a worker. */
MUST_CHECK struct err *artifact_export_waiting(struct ctx *ctx, int64_t *n);
/* What workers do: one that is due becomes this worker's, if the whole service makes less than ctx->settings->exports of them;
 * it is made, which takes a while, and its row says how that went. */
struct artifact_export_work {
	int64_t id;
	int64_t worker_id;
	int64_t tries;
	const char *format;
	const char *type; /* of the artifact */
	struct str page;
};
MUST_CHECK struct err *artifact_export_take(struct ctx *ctx, int64_t worker_id, struct artifact_export_work *out, bool *found);
MUST_CHECK struct err *artifact_export_make(struct ctx *ctx, const struct artifact_export_work *work);

#endif
