/* Shared by the page handlers: the route table's prototypes, rendering, the layout that every page has. */
#ifndef WEB_WEB_PRIV_H
#define WEB_WEB_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "agent/agent.h"
#include "artifact/artifact.h"
#include "catalog/catalog.h"
#include "auth/auth.h"
#include "http/http.h"
#include "lib/ctx.h"
#include "lib/err.h"
#include "mustache/mustache.h"
#include "query/query.h"

#define ROUTE(method, pattern, handler, pool, access, changes, max_body) http_handler handler;
#include "web/routes.def"
#undef ROUTE

enum {
	WEB_SQL_FORM_BYTES = 256 << 10,       /* a statement in percent-encoding, and what else a form holds */
	WEB_ARTIFACT_FORM_BYTES = 1 << 20,    /* the same for code; nginx takes no more */
};

/* Pages ------------------------------------------------------------------------------------------------ */

/* A template with the view that it is bound to; all of them are checked when a worker starts. */
struct web_page {
	const char *name;
	const struct view *view;
};

#define WEB_PAGE(ident, template, page_view) \
	static const struct web_page ident = {template, &(page_view)}; \
	static const struct web_page *const ident##_listed __attribute__((used, section("web_pages"))) = \
	        &ident

/* Renders the page into a buffer, and into the response. */
MUST_CHECK struct err *web_render_into(struct ctx *ctx, const struct web_page *page, const void *data,
                                       struct buf *out);
MUST_CHECK struct err *web_render(struct ctx *ctx, struct http_response *res, const struct web_page *page,
                                  const void *data);

/* What every page shows around its content. */
struct web_layout {
	const char *title;
	const char *section; /* "chat", "data", "settings", "users", ...: for the navigation */
	const char *version; /* of the static files */
	bool signed_in;
	const char *email;
	const char *name;    /* or the e-mail when there is none */
	const char *initial; /* first letter of it */
	bool is_admin;
	bool local; /* the account has a password here */
	const char *csrf;
	const char *time_zone; /* "": the browser tells its own */
	const char *slug;    /* of the project, "" outside of one */
	const char *project; /* its name */
	bool can_write;      /* the project's role can do more than read, and the person may mend it */
	bool manages;        /* may change the project's settings */
	bool writes_sql;
	const char *notice;  /* "Saved." and the like, or NULL */
};
extern const struct view web_layout_view;

/* The layout for this request; section as above. */
struct web_layout *web_layout(struct ctx *ctx, struct http_request *req, const char *title,
                              const char *section);

/* The same for an address that names no project, in that of its object. */
struct web_layout *web_layout_in(struct ctx *ctx, struct http_request *req, const struct project *project,
                                 enum project_role role, const char *title, const char *section);

/* What went wrong with a form: shown above it; what was typed stays. */
struct web_problem {
	const char *message;
	const char *detail;
	const char *hint;
};
extern const struct view web_problem_view;

/* The problem of a failed form, NULL for none. Only errors that a person can mend become a problem
 * (INVALID, CONFLICT, NOT_FOUND, UNAUTHENTICATED, RATE_LIMITED, UNAVAILABLE, QUERY): web_mendable() tells. */
struct web_problem *web_problem(struct ctx *ctx, const struct err *e);
bool web_mendable(const struct err *e);
/* Status and Retry-After of a page that shows the problem; nothing for NULL. */
void web_problem_status(struct ctx *ctx, struct http_response *res, const struct err *e);

/* A form field as a NUL-terminated copy, trimmed; "" when absent. */
const char *web_field(struct ctx *ctx, const struct http_request *req, const char *name);
/* A list typed with commas, spaces or lines between the names. */
struct db_texts web_field_names(struct ctx *ctx, const struct http_request *req, const char *name);

/* "a, b", in the arena; "" for none. */
const char *web_joined(struct arena *a, struct db_texts texts);

/* Text for people ------------------------------------------------------------------------------------- */

/* "1,234 rows", "1 row"; "0.21 s", "12 ms", "2 min"; "2026-03-01 09:30 UTC"; in the arena. A time stands in a
 * <time> element: page.js shows it in the person's zone, and this one on hover. */
const char *web_count(struct arena *a, int64_t n, const char *singular, const char *plural);
const char *web_grouped(struct arena *a, int64_t n); /* "1,234" */
const char *web_duration(struct arena *a, int64_t ms);
const char *web_time(struct arena *a, int64_t wall_us);

/* SQL in colours; and the HTML of markdown_html() with its SQL so. */
const char *web_sql_html(struct arena *a, const char *sql);
struct str web_code_html(struct arena *a, struct str html);

/* Data ------------------------------------------------------------------------------------------------ */

/* Where a project's data is, and what somebody with a role sees of it. */
struct web_sight {
	struct project_source source;
	struct policy *policy;
	struct catalog *catalog; /* NULL: none was read yet */
};
MUST_CHECK struct err *web_sight(struct ctx *ctx, const struct project *project, enum project_role role,
                                 struct web_sight *out);

/* What stands in place of a value under a mask of that kind: "u***@example.com". */
const char *web_mask_example(const char *kind);

/* Result tables --------------------------------------------------------------------------------------- */

struct web_cell {
	const char *text;
	const char *kind;  /* CSS class of the column's kind: "number", "date", ... */
	const char *exact; /* the full value when text is shortened, or NULL */
	bool null;
};

struct web_row {
	int64_t n; /* of the whole result, from 0 */
	struct web_cell *cells;
	size_t ncells;
};

struct web_column {
	const char *name;
	const char *type;
	const char *kind;
	const char *sorted; /* "ascending", "descending", or NULL */
};

struct web_table {
	struct web_column *columns;
	size_t ncolumns;
	struct web_row *rows;
	size_t nrows;
	bool empty;
};
extern const struct view web_table_view;

enum { WEB_ROWS_A_PAGE = 100 }; /* of a result that is shown in full */

/* Rows first .. first+count of a result as a table; what lies outside is left out. */
struct web_table *web_table(struct arena *a, const struct query_result *r, size_t first, size_t count);

/* The first rows of a table, as the policy lets them be seen; a recorded run. */
MUST_CHECK struct err *web_preview(struct ctx *ctx, const struct web_sight *sight,
                                   const struct catalog_table *t, const char *time_zone,
                                   struct web_table **out);

/* A title as the name of a file: "Revenue by month?" is "revenue-by-month"; `otherwise` where nothing of it is left. */
const char *web_file_stem(struct arena *a, const char *title, const char *otherwise);

/* Whether the role may export results: the links for it are there only then. */
bool web_may_export(enum project_role role);
/* The error for a role that may not. */
MUST_CHECK struct err *web_check_export(struct ctx *ctx, const struct project *project, enum project_role role);
/* What a file may hold at most. */
struct query_caps web_export_caps(const struct project *project, const struct query_format *format);
/* The response becomes the download "TITLE-2026-03-01.ENDING"; otherwise: see web_file_stem(). */
void web_attach(struct ctx *ctx, struct http_response *res, const char *title, const char *otherwise, const char *ending,
                const char *media_type);
/* The write function of a query_output whose bytes are the response. */
struct web_download {
	struct ctx *ctx;
	struct http_request *req;
	struct http_response *res;
};
MUST_CHECK struct err *web_download_part(void *download, struct str bytes);
/* The same for the caller in the project of a row that was found without its slug. */
MUST_CHECK struct err *web_exports(struct ctx *ctx, const struct http_request *req, int64_t project_id,
                                   bool *out);

/* Where the rows of a result come from, and what to know before trusting them: templates result/meta and
 * result/caveats. A page with result/meta on it holds result/refresh once. */
struct web_caveat {
	const char *label; /* in two words */
	const char *text;
	bool open; /* told at once: nothing else is there to see */
};
struct web_meta {
	int64_t run_id;
	const char *rows; /* "12 rows", "first 500 rows" */
	const char *took;
	const char *at; /* "2026-03-01T09:30:00Z", NULL: not known */
	const char *when;
	bool cached; /* of an earlier run */
	struct web_caveat *caveats;
	size_t ncaveats;
	bool told; /* there are some */
};
extern const struct view web_meta_view;
/* rows: of the whole result, which r may hold a part of. */
struct web_meta *web_meta(struct arena *a, const struct query_result *r, int64_t rows);
/* Whether a caveat says what was cut. */
bool web_tells_cut(const struct query_caveat *caveats, size_t n);

/* A query of a turn and its rows (chat/card). */
struct web_card {
	int64_t run_id;
	int64_t n; /* its place among the queries of the turn that worked, from 1 */
	const char *sql; /* as plain text, for copying */
	const char *sql_html;
	const char *sql_run_html; /* NULL when it is what was asked */
	bool failed;
	const char *error;
	const char *rows; /* "12 rows" */
	int64_t total;    /* the same as a number */
	const char *took;
	const char *cut; /* NULL when a caveat says it */
	struct web_meta *meta;
	struct web_table *table;
	bool exports;
	const char *more;  /* "Show all 50 rows", NULL when the preview holds them all */
	const char *chart; /* web_chart_class(); NULL where the rows call for none */
	bool single;       /* one short value */
};
extern const struct view web_card_view;
struct web_card web_card(struct arena *a, const struct agent_query *q, bool exports);

/* Turns ------------------------------------------------------------------------------------------------ */

/* What a turn waits for (chat/wait), NULL for nothing; and in words, NULL likewise. */
struct web_wait;
extern const struct view web_wait_view;
struct web_wait *web_wait(struct arena *a, const struct agent_turn *t);
const char *web_wait_words(const struct agent_turn *t);

/* Who looks, and in which project. */
struct web_reader {
	const struct project *project;
	enum project_role role;
};

/* stream.c: works on a turn that was started, and sends what happens; a page without script is shown it when it is over. */
MUST_CHECK struct err *web_turn_follow(struct ctx *ctx, struct http_request *req, struct http_response *res,
                                       const struct web_reader *who, int64_t chat, int64_t turn);

/* talk.c: what a person does with a turn (chat/actions, chat/version, chat/next). A plain one has nothing that changes once
 * it is over: its HTML can be kept. _next adds what to ask after its answer, _learnt what is offered with it. */
struct web_talk;
extern const struct view web_talk_view;
struct web_talk *web_talk(struct arena *a, const struct agent_turn_head *head);
bool web_talk_is_plain(const struct agent_turn_head *head);
MUST_CHECK struct err *web_talk_next(struct ctx *ctx, const struct web_reader *who, const struct agent_turn *t,
                                     struct web_talk *talk);
MUST_CHECK struct err *web_talk_learnt(struct ctx *ctx, int64_t turn_id, struct web_talk *talk);
MUST_CHECK struct err *web_talk_made(struct ctx *ctx, int64_t turn_id, struct web_talk *talk);

/* turn.c: what the template chat/turn shows of a turn, and its HTML. */
struct web_turn;
extern const struct view web_turn_view;
MUST_CHECK struct err *web_turn_fill(struct ctx *ctx, const struct agent_turn *t, bool exports,
                                     struct web_turn **out);
MUST_CHECK struct err *web_turn_render(struct ctx *ctx, const struct agent_turn *t, struct web_talk *talk,
                                       bool exports, struct buf *out);

/* knowledge.c: what was learnt, as the page of an answer offers it (chat/learning). */
struct web_learning;
extern const struct view web_learning_view;
MUST_CHECK struct err *web_learnings_of_turn(struct ctx *ctx, int64_t turn_id, struct web_learning **out, size_t *n);

/* artifact_card.c: what an answer made, beside it (chat/artifact). */
struct web_artifact;
extern const struct view web_artifact_view;
MUST_CHECK struct err *web_artifacts_of_turn(struct ctx *ctx, int64_t turn_id, struct web_artifact **out, size_t *n);

/* chats.c: the person's conversations in the project of the request, or those that hold its words "q" (chat/list). */
struct web_chats;
extern const struct view web_chats_view;
MUST_CHECK struct err *web_chats_fill(struct ctx *ctx, struct http_request *req, int64_t current,
                                      struct web_chats **out);

/* proof.c: what an answer rests on (chat/proof), NULL while it is worked on or when there is nothing to say; and the answer as
 * HTML, its numbers marked with where they come from. */
struct web_proof;
extern const struct view web_proof_view;
struct web_proof *web_proof(struct arena *a, const struct agent_turn *t);
MUST_CHECK struct err *web_answer_html(struct arena *a, const struct agent_turn *t, struct buf *out);

/* "gpt-x, because claude-y did not answer"; and "1,200 tokens in, 34 tokens out · 0.0123 USD", NULL for nothing. */
const char *web_answered_by(struct arena *a, const struct agent_turn *t);
const char *web_spent(struct arena *a, const struct agent_turn *t);

/* welcome.c: an empty chat (chat/welcome). */
struct web_welcome;
extern const struct view web_welcome_view;
MUST_CHECK struct err *web_welcome_fill(struct ctx *ctx, const struct web_reader *who, bool model,
                                        struct web_welcome **out);

/* Turns of a conversation as HTML (chat/turn), one for each head. What is over is kept from one page to the next. */
struct web_turn_html {
	const char *html;
};
MUST_CHECK struct err *web_turns(struct ctx *ctx, const struct web_reader *who, int64_t conversation_id,
                                 const struct agent_turn_head *heads, size_t n, struct web_turn_html **out);

/* turn_cache.c: the HTML of turns that are over, by id and with or without links to export; for this process, bounded. _get copies into the
 * arena, NULL when it is not there. Access is the caller's to check. */
const char *web_turn_cache_get(struct arena *a, int64_t turn_id, bool exports);
void web_turn_cache_put(int64_t turn_id, bool exports, struct str html);

#endif
