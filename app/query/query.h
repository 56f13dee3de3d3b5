/*
 * Runs guarded SQL. Only this module reaches people's data, and it sends only what the guard returned, over
 * the extended protocol, in a read-only transaction of a session that is set up anew for each query, through
 * a cursor fetched one row past the cap. Every run and every refusal is a row of query_runs.
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ctx.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/str.h"
#include "policy/policy.h"
#include "project/project.h"

/* What the dictionary knows of a table, for the guard's name resolution. */
struct query_table {
	const char *name;
	const char **columns;
	size_t ncolumns;
	const struct db_texts *keys; /* sets of columns that no two rows share */
	size_t nkeys;
	const struct db_texts *values; /* some of each column's, as far as they may be shown; or NULL */
};

/* Where a query comes from, as query_runs records it. */
enum query_origin {
	QUERY_FROM_CHAT,
	QUERY_FROM_SQL,    /* the SQL page */
	QUERY_FROM_SAVED,  /* a saved query */
	QUERY_FROM_EXPORT, /* the rows of a run again, for a file */
	QUERY_FROM_CLI,
	QUERY_FROM_DATA, /* a preview on the data pages */
	QUERY_FROM_ARTIFACT, /* the data of one */
	QUERY_ORIGIN__MAX
};

/* Where and for whom a query runs. ctx->user_id is who. */
struct query_scope {
	const struct project_source *source;
	const struct policy *policy;
	const struct query_table *tables;
	size_t ntables;
	enum query_origin origin;
	int64_t conversation_id; /* 0: none */
	int64_t turn_id;         /* 0: none */
	int64_t saved_query_id;  /* 0: none */
	const char *time_zone;   /* IANA name for the session; NULL or "": UTC */
	bool fresh;              /* do not answer from another run's rows */
};

/* What a column's values are, for alignment and formatting. */
enum query_kind {
	QUERY_TEXT,
	QUERY_NUMBER,
	QUERY_DATE,
	QUERY_TIME,
	QUERY_BOOL,
	QUERY_JSON,
	QUERY_BYTES,
	QUERY_KIND__MAX
};

/* "text", "number" and so on. */
const char *query_kind_name(enum query_kind kind);

struct query_column {
	const char *name;
	const char *type; /* PostgreSQL's name: "numeric", "timestamp with time zone" */
	enum query_kind kind;
};

struct query_result {
	int64_t run_id;
	const char *sql_asked;
	const char *sql_run; /* NULL where the project does not tell what it keeps back: filters stand in it */
	const char **tables; /* "shop.orders" */
	size_t ntables;
	struct query_column *columns;
	size_t ncolumns;
	const char **cells; /* nrows * ncolumns in row order; NULL is null */
	size_t nrows;
	bool truncated;  /* a cap cut it */
	const char *cut; /* which, in words: "only the first 500 rows were fetched"; or NULL */
	int64_t bytes;
	int64_t took_us;
	int64_t at;            /* wall clock, when the rows were read */
	int64_t cached_from;   /* the run whose rows these are, or 0: read for this one */
	const char *time_zone; /* of times in it */
	double plan_cost;      /* the planner's estimate; 0: not asked */
	/* What to know before trusting it, a sentence each with its reason: what the policy kept back, what was cut,
	 * rows that a join repeats, nothing but nulls. */
	struct query_caveat *caveats;
	size_t ncaveats;
};

struct query_caveat {
	const char *
	        code; /* "no_rows", "all_null", "fan_out", "duplicates", "cut", "magnitude", "filtered", "masked" */
	const char *text;
};

/* Guards, runs and records one statement. Errors: REFUSED (guard), QUERY (the database's words, position
 * in sql), TIMEOUT, CANCELLED (ctx->stop), UNAVAILABLE (connection). */
MUST_CHECK struct err *query_run(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                                 struct query_result **out);

/* As query_run(), but gives each row as it comes and keeps none, with the caps given; the result has all but
 * cells. A sink's error ends the query and is returned. Never from the cache. */
struct query_sink {
	struct err *(*columns)(void *arg, const struct query_column *columns,
	                       size_t n); /* once, before the rows */
	struct err *(*row)(void *arg,
	                   const char *const *cells); /* as many as columns; NULL is null; until it returns */
	void *arg;
};
struct query_caps {
	int64_t rows;
	int64_t bytes;
	int64_t cell_bytes;
};
MUST_CHECK struct err *query_stream(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                                    const struct query_caps *caps, const struct query_sink *sink,
                                    struct query_result **out);

/* The database's plan of the guarded statement, in words: the nodes in reading order, depth telling the tree.
 * Where the policy filters or masks what it reads, figures and conditions are left out: they tell of what is
 * hidden. Recorded as a run; nothing is executed. */
struct query_plan_node {
	int64_t depth;
	const char *what;   /* "Reads all of orders", "Joins by hash" */
	const char *detail; /* condition or index, or NULL */
	double cost;        /* of the node and what is below it; 0: not told */
	double rows;
	bool costly; /* where most of the cost arises */
};
struct query_plan {
	struct query_plan_node *nodes;
	size_t nnodes;
	double cost;   /* 0: not told */
	bool withheld; /* figures and conditions are left out, and the project says so */
	const char *sql_run;
	const char **tables; /* "shop.orders" */
	size_t ntables;
};
MUST_CHECK struct err *query_explain(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                                     struct query_plan **out);

/* A query that may take longer than somebody waits: QUERN_BACKGROUND_SECONDS. query_begin() guards and records it
 * as running and gives its id at once; query_finish() runs it, in the thread that calls it, and fills the
 * record; who watches loads the run. ctx->a and what the scope points to must live from the one to the other,
 * and query_finish() must be called: it gives back the place among the person's queries. ctx->stop of
 * query_finish() ends it too. query_cancel() asks for the end of a run of ctx->user_id, in whatever process;
 * one that is over stays as it is. Errors as query_run(); NOT_FOUND. */
struct query_background;
MUST_CHECK struct err *query_begin(struct ctx *ctx, const struct query_scope *scope, const char *sql,
                                   struct query_background **out, int64_t *run_id);
MUST_CHECK struct err *query_finish(struct ctx *ctx, struct query_background *query);
MUST_CHECK struct err *query_cancel(struct ctx *ctx, int64_t run_id);

/* A recorded run of the caller (ctx->user_id) with its stored rows; without any (running, refused, failed, an
 * export, a plan) *out is an empty result. NOT_FOUND when it is somebody else's, or belongs to a project that
 * the caller may not see any more. A running one that nobody works on any more counts as failed. */
struct query_run_record {
	int64_t id;
	int64_t project_id;
	int64_t user_id;
	int64_t conversation_id;
	const char *outcome; /* "running", "done", "refused", "failed", "cancelled" */
	const char *origin; /* "chat", "sql", "saved", "export", "cli", "data", "artifact" */
	const char *error;  /* {"error":{"kind","code","message","detail","hint","position"}}, or NULL */
};
MUST_CHECK struct err *query_load(struct ctx *ctx, int64_t run_id, struct query_run_record *run,
                                  struct query_result **out);

/* The caller's last runs on the SQL page of a project, newest first; and the text of any of their runs. */
struct query_past {
	int64_t id;
	const char *sql;
	const char *outcome;
	int64_t rows;
	int64_t took_us;
	int64_t at;
	bool plan; /* only that was asked for */
};
MUST_CHECK struct err *query_history(struct ctx *ctx, int64_t project_id, int64_t most, struct query_past **out,
                                     size_t *n);
MUST_CHECK struct err *query_history_text(struct ctx *ctx, int64_t project_id, int64_t run_id, const char **sql);

/* Saved queries ----------------------------------------------------------------------------------------- */

/* A text that somebody keeps. It may hold placeholders (sql_placeholders()); parameters are those with the
 * values that they had last. ctx->user_id sees their own and what was shared with the project. */
struct query_parameter {
	const char *name;
	const char *type;
	const char *value; /* or NULL */
};
struct query_saved {
	int64_t id; /* 0: a new one */
	int64_t project_id;
	int64_t user_id;   /* whose it is, 0 for nobody any more */
	const char *owner; /* their name, or NULL */
	const char *name;
	const char *description;
	const char *sql;
	struct query_parameter *parameters;
	size_t nparameters;
	bool shared;
	bool mine;
	int64_t updated_at;
};
/* Those that hold the words (NULL or "": all), last changed first. */
MUST_CHECK struct err *query_saved_list(struct ctx *ctx, int64_t project_id, const char *search,
                                        struct query_saved **out, size_t *n);
MUST_CHECK struct err *query_saved_get(struct ctx *ctx, int64_t project_id, int64_t id, struct query_saved *out);
/* Adds it, or changes the one with that id if it is as it was at updated_at; fills id and updated_at. manages:
 * the caller may also change what others shared. Audited. Errors: INVALID, its code the field; NOT_FOUND;
 * CONFLICT, code "changed", when somebody changed or deleted it meanwhile. */
MUST_CHECK struct err *query_saved_put(struct ctx *ctx, struct query_saved *saved, bool manages);
MUST_CHECK struct err *query_saved_delete(struct ctx *ctx, int64_t project_id, int64_t id, bool manages);
MUST_CHECK struct err *query_saved_restore(struct ctx *ctx, int64_t project_id, int64_t id, bool manages);
/* Keeps the values of its parameters for the next time; nothing for somebody who may not change it. */
MUST_CHECK struct err *query_saved_ran(struct ctx *ctx, const struct query_saved *saved, bool manages);

/* What .cut begins with when rows are missing, and whether it does: long values may be cut, too. */
#define QUERY_FIRST_ROWS "only the first "
bool query_cuts_rows(const char *cut);

/* Result <-> JSON: {"columns":[{"name","type","kind"}],"rows":[[...]],"truncated":b,"cut":"..."}; numbers
 * that fit a double exactly are numbers, all else strings; null is null. rows: at most max_rows. */
void query_put_json(struct json_writer *w, const char *key, const struct query_result *r, size_t max_rows);
/* One of its rows: [...]. */
void query_put_row(struct json_writer *w, const struct query_result *r, size_t row);
MUST_CHECK struct err *query_read_json(struct arena *a, struct json_object *o, struct query_result **out);

/* Files ------------------------------------------------------------------------------------------------- */

/* A way to write a result down. CSV: RFC 4180 with CRLF and a header, UTF-8; null is nothing and an empty text
 * "", texts that a spreadsheet would run are disarmed (buf_add_csv()). TSV: for pasting, tabs between and line feeds
 * after; null and an empty text are nothing. JSON: as query_put_json(). XLSX: numbers
 * that a double holds exactly, dates and times as such, all else text; a second sheet says what it is. */
struct query_format {
	const char *name; /* "csv": also the ending of file names */
	const char *media_type;
	int64_t max_rows; /* that it can hold */
};
/* NULL for a name that is none. */
const struct query_format *query_format(struct str name);

/* Takes the bytes of a file in order, in pieces of some 64 KB. Its error ends the writing. */
struct query_output {
	struct err *(*write)(void *arg, struct str bytes);
	void *arg;
};

/* A file under way; belongs to ctx->a. What it keeps on disk has no name and goes with the arena. The sink
 * writes nothing before the first rows fill a piece, XLSX nothing before its end. Errors: those of the output,
 * TOO_LARGE (a row), UNAVAILABLE (no room for temporary files). */
struct query_file;
MUST_CHECK struct err *query_file_open(struct ctx *ctx, const struct query_format *format,
                                       const struct query_output *out, struct query_file **file);
const struct query_sink *query_file_sink(struct query_file *file);
/* After the last row: the end of the file, which says what was cut. r is what query_stream() gave. */
MUST_CHECK struct err *query_file_close(struct query_file *file, const struct query_result *r);

/* Our own statements about a database (introspection, health), not people's. A session belongs to the arena. */
struct query_session;
MUST_CHECK struct err *query_session_open(struct ctx *ctx, const struct project_source *source,
                                          int64_t timeout_ms, struct query_session **out);
/* sql is ours (a literal, or built with sql_quote_ident); params are text or NULL. */
MUST_CHECK struct err *query_session_rows(struct ctx *ctx, struct query_session *s, const char *sql,
                                          const char *const *params, size_t nparams,
                                          struct query_result **out);

/* "Test connection": tries, and says in words what is wrong (host, port, password, database, TLS, schema,
 * rights) or what was found. ok false means that queries would fail; warnings do not (a role that can
 * write, an old server), the gravest first. */
struct query_warning {
	const char *text; /* "the role may change data: shop.orders" */
	const char *mend; /* what to do, or NULL */
	bool sql;         /* mend is a statement */
	bool grave;       /* the role can do more than read */
};
struct query_probe {
	bool ok;
	const char *message; /* one sentence */
	const char *hint;    /* or NULL */
	const char *server;  /* "PostgreSQL 15.18", or NULL */
	int64_t tables;      /* readable in the schema under the source's lists */
	struct query_warning *warnings;
	size_t nwarnings;
	int64_t at; /* wall clock, of a kept one */
};
MUST_CHECK struct err *query_probe(struct ctx *ctx, const struct project_source *source,
                                   struct query_probe *out);

/* The last result is kept with the source as project_source_get() gave it; what changed meanwhile keeps none. */
MUST_CHECK struct err *query_probe_keep(struct ctx *ctx, const struct project_source *source,
                                        const struct query_probe *probe);
/* Probes a stored source and keeps the result. */
MUST_CHECK struct err *query_probe_anew(struct ctx *ctx, const struct project_source *source,
                                        struct query_probe *out);
/* The kept result; at is 0 when there is none. */
MUST_CHECK struct err *query_probe_kept(struct ctx *ctx, int64_t project_id, struct query_probe *out);

/* The last queries of a project whose cost the planner told, at most 200 of them. */
struct query_costs {
	int64_t n;
	double median;
	double highest;
};
MUST_CHECK struct err *query_costs(struct ctx *ctx, int64_t project_id, struct query_costs *out);

/* Makes the read-only role of a source, or brings it up to what is asked: only what is missing is done,
 * all of it in one transaction, and nothing but that role's own rights is touched. */
struct query_setup {
	const char *role;
	const char *password; /* set it to this, or NULL: an existing one stays, a new role gets none */
	const char *schema;
	struct db_texts excluded; /* tables of the schema that the role must not read */
	int64_t connections;      /* CONNECTION LIMIT */
	bool dry_run;             /* find out what would be done, and do not */
};
struct query_setup_step {
	const char *what; /* "may read customers, orders" */
	const char *sql;  /* holds no clear password */
};
struct query_setup_report {
	struct query_setup_step *steps;
	size_t nsteps;
	const char **notes; /* what others than the role's own rights still let it do, a sentence each */
	size_t nnotes;
	bool existed; /* the role was there before */
};
/* admin is a source whose user may create roles and owns the tables, or a superuser. Errors: UNAVAILABLE
 * in words for admins, NOT_FOUND (schema), QUERY when the admin may not do a step. */
MUST_CHECK struct err *query_setup_role(struct ctx *ctx, const struct project_source *admin,
                                        const struct query_setup *setup, struct query_setup_report *out);

/* Closes the connections at rest of this process; before fork and for commands that end. */
void query_close(void);

#endif
