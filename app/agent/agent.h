/*
 * Conversations and turns. A turn is the agent's work on one question; its events are rows, and every stream is
 * a view of them. Events (kind: JSON):
 *   step        {"n":1,"name":"catalog|model|tool|check","label":"...","state":"running|done|failed","ms":12,
 *                "detail":"12 rows"}    running again for an n: another worker begins it anew, its text so far is void
 *   delta       {"text":"..."}                    not durable, no id
 *   thinking    {"text":"..."}                    likewise, only to who asked
 *   message     {"text":"..."}                    a whole text of the model; replaces the deltas since the last
 *   tool_call   {"n":2,"id":"toolu_1","tool":"execute_sql","input":{...}}
 *   tool_result {"n":2,"id":"toolu_1","ok":true,"run_id":7,"rows":12,"truncated":false,"ms":21,
 *                "caveats":[{"code","text"}],"error":{...},"artifact":{"id","version","title","type"}}
 *   clarification {"n","id","question","options":[...]}    the turn waits for agent_turn_answer()
 *   approval    {"n","id","tool","sql","summary","hash"}   likewise
 *   run         {"n","id","run_id"}                        it waits for a query in the background
 *   provenance  {"tables":[...],"columns":[...],"queries":[{"run_id","sql","rows","ms","caveats"}],"model":"...",
 *                "catalog":true,"numbers":{"list":[{"at","n","kind":"none|cell|...","how","of":[{"query","run_id",
 *                "row","col","column","value"}]}],"unproven":1}}    at and n: bytes of the answer
 *   usage       {"model":"...","currency":"USD","input_tokens":1,"output_tokens":2}
 *   error       {"kind","code","message","detail","hint"}
 *   done        {"turn_id":9,"status":"done|failed|stopped"}
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ctx.h"
#include "lib/err.h"
#include "lib/str.h"
#include "project/project.h"
#include "query/query.h"

/* Conversations ----------------------------------------------------------------------------------------- */

struct agent_conversation {
	int64_t id;
	int64_t project_id;
	int64_t user_id;
	const char *title;
	int64_t updated_at;
	int64_t days; /* since then, as the person's calendar counts them */
	bool running; /* a turn is under way */
	bool waiting; /* for an answer of the person */
	bool unread;  /* something was finished since the person last looked */
	bool pinned;
};

MUST_CHECK struct err *agent_conversation_create(struct ctx *ctx, int64_t project_id, const char *question,
                                                 int64_t *id); /* titled after the question */
/* Pinned ones, then newest first; ctx->user_id's own. */
MUST_CHECK struct err *agent_conversations(struct ctx *ctx, int64_t project_id, int64_t limit,
                                           struct agent_conversation **out, size_t *n);
/* NOT_FOUND unless it is in that project and ctx->user_id's own. */
MUST_CHECK struct err *agent_conversation_get(struct ctx *ctx, int64_t project_id, int64_t id,
                                              struct agent_conversation *out);
MUST_CHECK struct err *agent_conversation_rename(struct ctx *ctx, int64_t project_id, int64_t id,
                                                 const char *title);
/* The question that a run of ctx->user_id helped to answer, as a title; "Query" for one that no turn asked for. */
MUST_CHECK struct err *agent_run_title(struct ctx *ctx, int64_t run_id, const char **title);
MUST_CHECK struct err *agent_conversation_pin(struct ctx *ctx, int64_t project_id, int64_t id, bool pinned);
/* The person has looked at it. */
MUST_CHECK struct err *agent_conversation_seen(struct ctx *ctx, int64_t project_id, int64_t id);
/* Hides it; agent_conversation_restore() undoes that. */
MUST_CHECK struct err *agent_conversation_delete(struct ctx *ctx, int64_t project_id, int64_t id);
MUST_CHECK struct err *agent_conversation_restore(struct ctx *ctx, int64_t project_id, int64_t id);

/* Conversations of ctx->user_id that hold all words, the last of them as the beginning of one, in their title or in a turn;
 * newest first. turn_id: the newest such turn, 0: only the title. Nothing for a text without words. */
struct agent_piece {
	const char *text;
	bool match; /* one of the words */
};
struct agent_found {
	int64_t id;
	int64_t turn_id;
	struct agent_piece *title;
	size_t ntitle;
	struct agent_piece *text; /* of the turn, around the first of the words */
	size_t ntext;
};
MUST_CHECK struct err *agent_conversation_search(struct ctx *ctx, int64_t project_id, struct str text,
                                                 int64_t limit, struct agent_found **out, size_t *n);

/* What people think of answers. One's own finished turns only: NOT_FOUND else; INVALID when the reason is longer than 2,000
 * characters. */
MUST_CHECK struct err *agent_feedback_give(struct ctx *ctx, int64_t turn_id, bool good, struct str reason);
MUST_CHECK struct err *agent_feedback_withdraw(struct ctx *ctx, int64_t turn_id);
/* That of everybody in a project, for its admins: newest turns first, below turn id `before` (0: no bound). verdict:
 * "good", "bad", or "" for both. */
struct agent_feedback {
	int64_t turn_id;
	int64_t conversation_id;
	int64_t user_id;
	const char *name;
	const char *email;
	const char *question;
	const char *answer;
	bool good;
	const char *reason;
	int64_t at;
};
MUST_CHECK struct err *agent_feedback_list(struct ctx *ctx, int64_t project_id, const char *verdict,
                                           int64_t before, int64_t limit, struct agent_feedback **out,
                                           size_t *n);

/* Turns, as a page shows them --------------------------------------------------------------------------- */

struct agent_step {
	int64_t n;
	const char *name;
	const char *label;
	const char *state;
	const char *detail; /* "12 rows", or NULL */
	int64_t ms;
};

/* One query of a turn with a preview of its rows. */
struct agent_query {
	int64_t run_id;
	const char *sql;     /* as asked */
	const char *sql_run; /* as sent; NULL when refused */
	bool ok;
	const char *error; /* in words when not ok */
	int64_t rows;
	int64_t ms;
	bool truncated;
	const char *cut;
	int64_t at;                   /* when its rows were read; 0: not known */
	bool cached;                  /* for an earlier run */
	struct query_caveat *caveats; /* what to know before trusting them */
	size_t ncaveats;
	struct query_result *preview; /* the first AGENT_PREVIEW_ROWS rows; NULL when not ok */
};

enum {
	AGENT_PREVIEW_ROWS = 10,
	AGENT_PREVIEW_CELL_BYTES = 1000, /* longer cells of a preview are cut there, and say so */
};
#define AGENT_CELL_CUT " characters in all]" /* what such a cell ends with */

/* A number in an answer, and where it comes from, as the program found it. */
enum agent_number_kind {
	AGENT_NUMBER_NONE, /* in no result: "not from a query" */
	AGENT_NUMBER_CELL,
	AGENT_NUMBER_COMPUTED,  /* from cells */
	AGENT_NUMBER_ROWS,      /* how many rows a result has */
	AGENT_NUMBER_CONDITION, /* stands in the text of a query */
	AGENT_NUMBER_QUESTION,
	AGENT_NUMBER_NOTES, /* dictionary, instructions, limits */
	AGENT_NUMBER_KIND__MAX
};
struct agent_number_source {
	int64_t query; /* its place among the queries of the turn that worked, from 1; 0: of an earlier turn */
	int64_t run_id;
	int64_t row;    /* from 0; -1: all of the column */
	int64_t column; /* from 0; -1: the query itself */
	const char *name; /* of the column */
	const char *value;
};
struct agent_number {
	size_t at; /* bytes of the answer */
	size_t n;
	enum agent_number_kind kind;
	const char *how; /* of COMPUTED: "difference", ...; else NULL */
	struct agent_number_source of[2];
	size_t nof;
	const char *says; /* in words */
};
struct agent_numbers {
	struct agent_number *p;
	size_t n;
	int64_t unproven; /* of them from no query */
	bool cut;         /* there were more, not looked at */
};

struct agent_turn {
	int64_t id;
	int64_t conversation_id;
	int64_t project_id;
	int64_t user_id;
	const char *question;
	const char *status; /* running, waiting, done, failed, stopped */
	const char *answer; /* Markdown; so far, while running */
	struct agent_step *steps;
	size_t nsteps;
	struct agent_query *queries;
	size_t nqueries;
	const char **tables;
	size_t ntables;
	const char **columns; /* that were read: "orders.total" */
	size_t ncolumns;
	struct agent_numbers numbers; /* of the answer */
	bool from_catalog; /* answered from the data dictionary, without a model */
	const char *waits_for; /* "clarification", "approval", "run", or NULL */
	const char *wait;      /* the event that says for what, JSON; or NULL */
	bool unreadable;   /* what was recorded of its steps and queries cannot be read */
	const char *error; /* in words, when failed */
	const char *hint;
	const char *model;
	const char *instead_of; /* the model that did not answer, where another one did; or NULL */
	int64_t input_tokens;   /* cached ones included */
	int64_t cached_tokens;
	int64_t output_tokens;
	int64_t cost;         /* in millionths of the currency */
	const char *currency; /* at that time; NULL when it was not told */
	int64_t started_at;
	int64_t took_ms;    /* of a finished one */
	int64_t last_event; /* seq of the newest event */
};

/* A conversation branches: a question that was asked again or changed stands beside the first one. What is shown is the
 * path from one turn upward. A turn of that path, what stands beside it, and what ctx->user_id thinks of it. */
struct agent_turn_head {
	int64_t id;
	int64_t parent_id; /* 0: the first question */
	bool over;         /* done, failed or stopped: it never changes again */
	int64_t place;     /* among its siblings, from 1 */
	int64_t siblings;  /* itself among them */
	int64_t previous;  /* sibling, 0: none */
	int64_t next;
	bool voted;
	bool good;
	const char *reason;
	bool learnt; /* something is offered with it */
	bool made;   /* artifacts */
};
/* The path that ends with turn `end` (0: with the conversation's leaf), its newest `limit` turns, oldest first. */
MUST_CHECK struct err *agent_turn_heads(struct ctx *ctx, int64_t conversation_id, int64_t end, int64_t limit,
                                        struct agent_turn_head **out, size_t *n);
/* The end of the branch that turn `through` is on: the conversation's leaf if it is on that path or 0, else its newest
 * descendant; 0 for a conversation without turns. NOT_FOUND when the turn is not in the conversation. */
MUST_CHECK struct err *agent_branch_end(struct ctx *ctx, int64_t conversation_id, int64_t through,
                                        int64_t *leaf);
/* The turn that stands `below` places under a turn on the path that ends with leaf, or the leaf. */
MUST_CHECK struct err *agent_branch_window(struct ctx *ctx, int64_t conversation_id, int64_t leaf,
                                           int64_t turn_id, int64_t below, int64_t *end);
/* From now on the conversation shows the branch that ends with the turn's newest descendant. NOT_FOUND. */
MUST_CHECK struct err *agent_branch_show(struct ctx *ctx, int64_t project_id, int64_t conversation_id,
                                         int64_t turn_id);

/* Those of a conversation's turns whose ids are given as decimal text, oldest first. One statement. */
MUST_CHECK struct err *agent_turns(struct ctx *ctx, int64_t conversation_id, struct db_texts ids,
                                   struct agent_turn **out, size_t *n);
/* One turn; NOT_FOUND unless it is ctx->user_id's own. */
MUST_CHECK struct err *agent_turn_get(struct ctx *ctx, int64_t turn_id, struct agent_turn *out);

/* Whether questions about a project's data have a model to go to. */
MUST_CHECK struct err *agent_has_model(struct ctx *ctx, int64_t project_id, bool *has);

/* A tiny real call of a model as it is given. The error of one that failed is in the provider's words; then only url
 * and asked are set. Errors as llm_complete(); CONFIG when the instance has no provider. */
struct agent_tried {
	const char *url;
	const char *asked; /* the model that was named */
	const char *model; /* and the one that answered */
	int64_t ms;
};
MUST_CHECK struct err *agent_model_try(struct ctx *ctx, const struct project_model *model,
                                       struct agent_tried *out);

/* What the turns of a project took since the month began (UTC), by person and model, dearest first. */
struct agent_usage {
	const char *email;
	const char *model; /* "": answered without one */
	int64_t turns;
	int64_t input_tokens;
	int64_t cached_tokens;
	int64_t output_tokens;
	int64_t cost; /* in millionths of the project's currency */
};
MUST_CHECK struct err *agent_usage(struct ctx *ctx, int64_t project_id, struct agent_usage **out, size_t *n);

/* Questions to click -------------------------------------------------------------------------------------- */

struct catalog;
struct catalog_table;
struct catalog_column;

/* Up to `most` questions about a project's data, made of its dictionary as the person may see it; without a model only what
 * the dictionary answers by itself. Gives how many; texts live in a. */
size_t agent_questions(struct arena *a, const struct catalog *c, bool model, const char **out, size_t most);
/* What to ask next, from the last result of a turn and the tables that it used; c may be NULL. */
size_t agent_questions_next(struct arena *a, const struct catalog *c, const struct agent_turn *t, const char **out,
                          size_t most);
/* The column that tells when the rows of a table were made, or NULL. */
const struct catalog_column *agent_main_date(const struct catalog_table *t);

/* What was learnt about a project's data -------------------------------------------------------------- */

struct agent_learning {
	int64_t id;
	int64_t project_id;
	int64_t turn_id; /* 0: it is gone */
	const char *origin; /* "model", "correction" */
	const char *state;  /* "offered", "kept", "dismissed" */
	struct db_texts tables;
	const char *text;
	const char *by; /* in whose conversation, "" for nobody any more */
	int64_t at;
	const char *decided_by;
	int64_t decided_at;
	bool may_keep; /* ctx->user_id is an analyst or admin there */
};
/* What is offered with those turns (ids as decimal text) to ctx->user_id: in their own conversations, and to analysts and admins in all. */
MUST_CHECK struct err *agent_learnings_of_turns(struct ctx *ctx, struct db_texts ids, struct agent_learning **out, size_t *n);
/* Of a project by state, newest first. */
MUST_CHECK struct err *agent_learnings(struct ctx *ctx, int64_t project_id, const char *state, struct agent_learning **out,
                                       size_t *n);
/* Keeping is for analysts and admins, dismissing for whoever asked, too. Audited. Errors: NOT_FOUND, FORBIDDEN, CONFLICT. */
MUST_CHECK struct err *agent_learning_decide(struct ctx *ctx, int64_t id, bool keep, struct agent_learning *out);
/* By analysts and admins: other words, which are kept with that; gone. Audited. Errors: INVALID, NOT_FOUND. */
MUST_CHECK struct err *agent_learning_write(struct ctx *ctx, int64_t project_id, int64_t id, struct str text);
MUST_CHECK struct err *agent_learning_delete(struct ctx *ctx, int64_t project_id, int64_t id);

/* Running ----------------------------------------------------------------------------------------------- */

/* Receives a turn's events. event: durable ones with their id; delta: text as it arrives, while the turn's own thread
 * waits, from the one that carries all replies of the process: it must be quick and may not block. */
struct agent_sink {
	void (*event)(void *arg, int64_t id, const char *kind, struct str json);
	void (*delta)(void *arg, struct str text);
	void (*thinking)(void *arg, struct str text); /* of the model, as it comes; never kept. May be NULL */
	void *arg;
};

/* Where a question stands: behind a turn of the conversation; beside one, as another version of it; both 0: at the
 * conversation's leaf. It becomes the leaf. */
struct agent_place {
	int64_t after;
	int64_t beside;
};
/* Records question and turn. Errors: INVALID (empty or over 16,000 bytes), CONFLICT (a turn is running
 * there), NOT_FOUND (the place is not in the conversation). */
MUST_CHECK struct err *agent_turn_start_at(struct ctx *ctx, const struct project *project,
                                           int64_t conversation_id, struct agent_place place,
                                           struct str question, int64_t *turn_id);
/* The same, at the leaf. */
MUST_CHECK struct err *agent_turn_start(struct ctx *ctx, const struct project *project,
                                        int64_t conversation_id, struct str question, int64_t *turn_id);
/* Does the turn's work in the calling thread until it is done, failed or stopped, waits, or goes to another worker; its
 * outcome is recorded and sent as events. time_zone is that of its queries, "" for UTC. An error when not even that was
 * possible; then another worker goes on with it. sink may be NULL. */
MUST_CHECK struct err *agent_turn_run(struct ctx *ctx, const struct project *project, enum project_role role,
                                      const char *time_zone, int64_t turn_id, const struct agent_sink *sink);
/* Asks the turn to stop, wherever it runs; no error when it is over. */
MUST_CHECK struct err *agent_turn_stop(struct ctx *ctx, int64_t turn_id);
/* Answers what the turn waits for in its call call_id ("": whichever it is): words, or "yes" and "no" with the hash of what was shown. Errors:
 * CONFLICT when it does not wait for that any more, INVALID. ctx->user_id's own turns only. */
MUST_CHECK struct err *agent_turn_answer(struct ctx *ctx, int64_t turn_id, const char *call_id, struct str answer,
                                         const char *hash);
/* Sends the events after `after`, the text so far, and what follows until the turn is over or waits, until
 * `gone(arg)` says true, or the ctx is stopped. `idle(arg)` is called about every 10 s without events. */
MUST_CHECK struct err *agent_turn_watch(struct ctx *ctx, int64_t turn_id, int64_t after,
                                        const struct agent_sink *sink, bool (*gone)(void *arg),
                                        void (*idle)(void *arg));

/* Goes on with a turn as agent_turn_run(), if nobody works on it: *taken. Its person is the one who asked. */
MUST_CHECK struct err *agent_turn_take(struct ctx *ctx, int64_t turn_id, const struct agent_sink *sink, bool *taken);

/* Once in each process that works on turns; one that serves takes up those that nobody works on. */
void agent_start(const struct settings *settings, bool serves);
/* The turns of this process go to others, each at the end of its step, and within that time whatever it is at. */
void agent_drain(int64_t within_s);
/* And once they have: this process is none that others count on, and what looked after turns is over. */
void agent_end(const struct settings *settings);
/* Stops all turns of this process, for a command that is interrupted. */
void agent_stop_all(void);

#endif
