/* Inside agent/: one turn while it is worked on, and what its parts do for each other. */
#ifndef AGENT_AGENT_PRIV_H
#define AGENT_AGENT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/agent.h"
#include "catalog/catalog.h"
#include "lib/buf.h"
#include "lib/json.h"
#include "llm/llm.h"
#include "policy/policy.h"

struct settings;

enum {
	AGENT_QUESTION_BYTES = 16000,
	AGENT_TEXT_BYTES = 1 << 20, /* longest answer */
	AGENT_FAILURES = 4,         /* rounds of tools in a row that all failed end a turn: the first and three more tries */
};

struct tool_env;
struct tool_call;

/* Where the project's data is and what this member may read of it, loaded for one step. */
struct agent_scene {
	struct project_source source;
	struct policy *policy;
	struct catalog *catalog;
	struct query_scope scope;
};

/* A turn that this process works on; live.c lists them. */
struct agent_live {
	int64_t turn_id;
	int64_t fence;   /* every write of the turn carries it */
	atomic_bool stop; /* end the work: somebody asked for it, or the turn is to be given away */
	atomic_bool give; /* to another worker, which begins the step under way anew */
	const atomic_bool *outer; /* the caller's own stop flag, or NULL */
	struct agent_live *next;
	struct agent_run *run;
};

/* A query as the turn's record keeps it. */
struct agent_asked {
	const char *sql;
	const char *sql_run;
	const char *error; /* in words, of one that failed; and what kind of error it was */
	const char *code;
	const char *wrong; /* the name in it that means nothing, and what was told instead: "orders.amount|orders" */
	const char *right;
	const char *lesson; /* what that tells of the data beyond the statement, or NULL */
	int64_t run_id;
	int64_t rows;
	int64_t ms;
	bool ok;
	bool truncated;
	const char *cut;
	int64_t at;
	bool cached;
	struct query_caveat *caveats;
	size_t ncaveats;
	struct str preview; /* JSON, empty when not ok */
};

struct agent_list {
	void *p;
	size_t n;
	size_t room;
};

enum { AGENT_PRICED_TOKENS = 1000000 };

/* In millionths of the project's currency for that many tokens. */
struct agent_price {
	int64_t in, cached, out;
};

/* The models of a project in the order in which they are asked; none when n is 0. */
struct agent_models {
	struct agent_model {
		struct llm_provider provider;
		struct agent_price price;
	} at[PROJECT_MODELS];
	size_t n;
};

/* An event that is not a row yet. */
struct agent_event {
	const char *kind;
	const char *json;
};

/* Something that the turn has done and that need not be done again: a row of turn_steps that is none yet. */
struct agent_done {
	const char *kind;
	const char *call_id;
	const char *json;
};

enum agent_outcome {
	AGENT_OVER,  /* done, failed or stopped: to be closed */
	AGENT_WAITS, /* for a person or a query */
	AGENT_GIVEN, /* another worker goes on with it, or has begun to */
};

struct agent_run {
	struct ctx ctx; /* its arena lives as long as the turn; its stop flag is live.stop */
	struct agent_live live;
	const struct project *project;
	enum project_role role;
	const char *time_zone;
	const struct agent_sink *sink;
	int64_t conversation_id;
	const char *question;
	int64_t started_us; /* monotonic, less what workers before this one took */
	int64_t deadline_us;
	int64_t seq;                /* of the newest event that is a row */
	int64_t steps_done;         /* rows of turn_steps */
	struct agent_list pending;  /* struct agent_event: not yet rows */
	struct agent_list undone;   /* struct agent_done: likewise */
	struct arena *pending_arena; /* what both live in */
	struct agent_list steps;    /* struct agent_step */
	struct agent_list queries;  /* struct agent_asked */
	struct agent_list tables;   /* const char * */
	struct agent_list columns;  /* const char *, with agent_prove() */
	struct str numbers;         /* JSON (numbers_record.c), likewise; empty: none were looked for */
	struct agent_list messages; /* struct llm_message */
	struct agent_list results;  /* struct llm_block: of the calls of the last reply, as far as they are there */
	struct arena *scene_arena;  /* what scene lives in; NULL once it is given back */
	struct agent_scene *scene;
	const char *system;
	struct buf
	        text; /* of the model since its last message, in an arena of its own; checkpoint.c changes it */
	pthread_mutex_t text_lock; /* for text, seq and checkpoint_bytes */
	size_t checkpoint_bytes;   /* of text, stored */
	int64_t checkpoint_us;
	const struct llm_message *reply; /* the model's last one */
	enum llm_stop reply_stop;
	int64_t model_calls;
	int failures; /* of tools, in a row */
	_Atomic unsigned checked; /* what the model was told to look at again: bits of check.c */
	const char *doubt; /* the latest of it, in words for people, until its step */
	bool from_catalog;
	struct llm_usage usage;
	const char *model;
	const char *instead_of; /* the model that did not answer when this one did, or NULL */
	struct agent_models models;
	int64_t cost; /* so far, in millionths of the project's currency */
	const char *answer;
	const struct agent_wait *wait;         /* what the turn is to wait for */
	const struct agent_wait *answered;     /* what it has waited for */
	bool lost;                             /* the turn is another worker's by now */
	enum agent_outcome outcome;
	struct err *error;
};

/* What a turn waits for in one of its calls. */
struct agent_wait {
	const char *kind;    /* "clarification", "approval", "run" */
	const char *call_id;
	int64_t n;           /* the step's number */
	const char *json;    /* what people are shown: members of the event, without n and id */
	int64_t run_id;      /* of "run" */
	const char *answer;  /* once it is there: words, "yes" or "no", "" for a run that is over */
};

/* A zeroed item at the end of a list of items of that size, in the arena. */
void *agent_list_add(struct arena *a, struct agent_list *list, size_t size);
#define AGENT_ADD(run, list, type) ((type *)agent_list_add((run)->ctx.a, &(run)->list, sizeof(type)))

/* scene.c: loads the scene into ctx's arena; generates the dictionary when there is none yet. */
MUST_CHECK struct err *agent_scene_load(struct ctx *ctx, const struct project *project,
                                        enum project_role role, struct agent_scene **out);
/* Whether the policy excludes the table and that may be told. */
bool agent_is_hidden(const struct agent_scene *scene, const char *table);
/* A statement in the record of a call, with what came of it. */
void agent_asked_add(struct tool_env *env, const char *sql, const struct query_result *result);
void agent_asked_failed(struct tool_env *env, const char *sql, const struct err *e);
/* Runs a statement and keeps it in the call's record, failed or not. One that was cut by the database's end is run
 * again, it only reads. */
MUST_CHECK struct err *agent_ask(struct tool_env *env, const struct agent_scene *scene, const char *sql,
                                 struct query_result **out);

/* events.c. What a turn tells is put down first and becomes rows with agent_flush(), all of it in one statement; then
 * it is sent to whoever listens. */
void agent_emit(struct agent_run *r, const char *kind, struct str json);
/* A row of turn_steps, with the next flush. call_id may be NULL. */
void agent_keep(struct agent_run *r, const char *kind, const char *call_id, struct str json);
/* Until it is done: a database that is away is waited for. CANCELLED when the turn is to be given away meanwhile;
 * CONFLICT when it is not this worker's any more (r->lost). */
MUST_CHECK struct err *agent_flush(struct agent_run *r);
void agent_delta(struct agent_run *r, struct str text);
void agent_thinking(struct agent_run *r, struct str text);
/* The whole text of the model since the last message, as an event; nothing when there is none. */
void agent_message(struct agent_run *r);
/* Records the outcome and sends what closes a turn: provenance, usage, error, done. */
MUST_CHECK struct err *agent_close(struct agent_run *r);
/* Records that the turn waits (r->wait) and tells for what; nobody holds it then. */
MUST_CHECK struct err *agent_wait(struct agent_run *r);

/* A step as events: open gives its number, close its outcome (detail may be NULL). */
/* One that a worker before this one began and did not end is begun once more: *again, which may be NULL. */
int64_t agent_step_open(struct agent_run *r, const char *name, const char *label, bool *again);
/* What a step of the model said so far is void: it begins anew. */
void agent_step_anew(struct agent_run *r, int64_t n);
void agent_step_close(struct agent_run *r, int64_t n, bool ok, const char *detail);

/* step.c: what the turn has done, as JSON, and applied to the run: by the worker that did it and, read from the rows, by
 * one that takes the turn up.
 *   reply   {"blocks":[{"type":"text|tool|thinking","text","id","name","input","signature"}],"stop":0,"model","instead_of",
 *            "ms":812,"usage":{"input","output","cached"}}
 *   result  {"n":2,"id":"toolu_1","text","error":false,"queries":[...],"tables":[...],"checked":0,"doubt","ms":833}
 * ms is the time that the turn has taken so far, waiting left out. */
void agent_reply_put(struct buf *b, const struct agent_run *r, const struct llm_reply *reply);
void agent_result_put(struct buf *b, const struct agent_run *r, const struct tool_call *call);
MUST_CHECK struct err *agent_apply(struct agent_run *r, const char *kind, const char *json);
/* The result of a call of the last reply, NULL while there is none. */
const struct llm_block *agent_result_of(const struct agent_run *r, const char *id);
/* A table's name, once. */
void agent_table_add(struct arena *a, struct agent_list *list, const char *name);
/* Reads what was done before and applies it. */
MUST_CHECK struct err *agent_resume(struct agent_run *r);

/* record.c: what a page shows of a finished turn, as JSON and back. */
void agent_record_put(struct buf *b, const struct agent_run *r);
void agent_asked_put(struct json_writer *w, const struct agent_asked *q);
void agent_asked_read(struct arena *a, struct json_object *o, struct agent_asked *q);
void agent_provenance_put(struct buf *b, const struct agent_run *r);
MUST_CHECK struct err *agent_record_read(struct arena *a, const char *json, struct agent_turn *turn);
/* Steps from the "step" events of a running turn: a JSON array of their bodies. */
MUST_CHECK struct err *agent_steps_read(struct arena *a, const char *json, struct agent_turn *turn);

struct agent_text {
	int64_t turn_id;
	int64_t fence;
	int64_t after; /* the number of the event behind which it stands */
	const char *text;
};

/* prove.c: where the numbers of the answer come from, and what was read for it, for record and provenance. */
void agent_prove(struct agent_run *r);
/* numbers_record.c: the numbers, as JSON and back. */
void agent_numbers_read(struct arena *a, struct json_object *o, struct agent_numbers *out);

/* checkpoint.c. Text of the model: appended, and taken back to nothing once it is a message. */
void agent_text_add(struct agent_run *r, struct str text);
void agent_text_clear(struct agent_run *r);
/* Copies it when it is time. */
bool agent_text_due(struct arena *a, struct agent_run *r, struct agent_text *out);
/* Stores the text of all turns of this process for which it is time. */
MUST_CHECK struct err *agent_checkpoint(struct ctx *ctx);

/* live.c */
/* The texts of turns that are to be stored, at most `most`. */
size_t agent_live_texts(struct arena *a, struct agent_text *texts, size_t most);
void agent_live_add(struct agent_live *live);
void agent_live_remove(struct agent_live *live);
void agent_live_stop(int64_t turn_id);
/* Wakes those of this process who watch the turn. */
void agent_wake(int64_t turn_id);
int64_t agent_live_count(void);
/* The text of a turn that this process works on, behind `from`, if it stands behind event `after`; in the arena. False
 * when the turn is not worked on here. */
bool agent_live_text(struct arena *a, int64_t turn_id, int64_t after, size_t from, struct str *out);
/* Something is due before the next second is over. */
void agent_live_due(void);
/* This process takes up no more turns. */
bool agent_ending(void);
void agent_live_start(const struct settings *settings);
/* Where turns are worked on this process is a worker before it begins one: UNAVAILABLE while it cannot be. */
MUST_CHECK struct err *agent_live_ready(struct ctx *ctx);

struct agent_claim {
	int64_t turn_id;
	int64_t fence;
	int64_t tries; /* how often it was taken up since its last step */
};

/* lease.c. A worker is a row of `workers` that is renewed every two seconds and holds eight; a turn whose worker is gone
 * is taken up by another within ten seconds. */
/* This process's number, 0 while it is none. */
int64_t agent_worker(void);
MUST_CHECK struct err *agent_lease_renew(struct ctx *ctx);
/* Whether it takes up turns of others: a command does not. */
void agent_lease_serve(bool serves);
/* That, and it is a worker that does not end. */
bool agent_lease_serves(void);
/* Takes up turns that nobody holds, each in a thread of its own. */
MUST_CHECK struct err *agent_lease_claim(struct ctx *ctx);
/* exports.c: makes the files of artifacts that are due. */
MUST_CHECK struct err *agent_exports_look(struct ctx *ctx);
/* Their parts, for tests, too. Takes away the rows of workers that died, and of those that are late if that says
 * something. Takes turns of workers without a row for worker `worker`: those that were taken up often, or the others. */
MUST_CHECK struct err *agent_lease_bury_dead(struct ctx *ctx, bool late);
MUST_CHECK struct err *agent_lease_take(struct ctx *ctx, int64_t worker, int64_t most, bool doubtful,
                                        struct agent_claim **out, size_t *n);
/* One turn, whatever its tries; not found when somebody works on it. */
MUST_CHECK struct err *agent_lease_take_one(struct ctx *ctx, int64_t turn_id, struct agent_claim *out, bool *found);
/* Works on a turn that was taken, for its person as they are now. sink may be NULL. */
MUST_CHECK struct err *agent_turn_resume(struct ctx *ctx, struct agent_claim claim, const struct agent_sink *sink);
/* Gives a turn back, for others to take at once. */
MUST_CHECK struct err *agent_lease_give(struct ctx *ctx, int64_t turn_id, int64_t fence);
/* No more turns are taken up. */
void agent_lease_end(struct ctx *ctx);

/* background.c: runs a statement in a thread of its own. The tool then waits for the run, and is called again when it is
 * over. Errors as query_begin(). */
MUST_CHECK struct err *agent_background(struct tool_env *env, const char *sql, int64_t *run_id);

/* wait.c: turns whose query in the background is over go on. */
MUST_CHECK struct err *agent_wait_look(struct ctx *ctx);

/* prompt.c: budget is that of the dictionary in bytes; learnings are lines, or empty. */
const char *agent_prompt(struct arena *a, const struct project *project, const struct catalog *catalog, size_t budget,
                         struct str learnings);
/* Sets r->system for the scene that is loaded. */
MUST_CHECK struct err *agent_prompt_make(struct agent_run *r);

/* context.c: earlier turns of the branch and the question, as messages. */
MUST_CHECK struct err *agent_history(struct agent_run *r);
/* The messages as the model gets them: results of tools from long ago are left out where all do not fit. */
const struct llm_message *agent_fitting(struct arena *a, const struct agent_run *r);

/* intent.c: what a question asks of the dictionary; pure. */
enum agent_intent_kind {
	AGENT_INTENT_NONE,
	AGENT_INTENT_TABLES,
	AGENT_INTENT_DESCRIBE,
	AGENT_INTENT_SAMPLE,
	AGENT_INTENT_COUNT,
	AGENT_INTENT_FIND_COLUMN,
	AGENT_INTENT_UNKNOWN_TABLE,
};
struct agent_intent {
	enum agent_intent_kind kind;
	const struct catalog_table *table; /* DESCRIBE, SAMPLE, COUNT; UNKNOWN_TABLE: the nearest, or NULL */
	const char *word;                  /* FIND_COLUMN, UNKNOWN_TABLE: what was asked for */
	int64_t rows;                      /* SAMPLE: how many, 0 when not said */
};
struct agent_intent agent_intent_of(struct arena *a, const struct catalog *c, struct str question);

/* catalog_answer.c: answers such a question; queries it needs are run and recorded. */
MUST_CHECK struct err *agent_catalog_answer(struct agent_run *r, struct tool_call *call,
                                            const struct agent_intent *intent, struct buf *out);
/* What can be asked without a model. */
void agent_no_model_answer(const struct agent_run *r, struct buf *out);

/* check.c: what the model is to look at again before it answers, the first time that a turn meets it; or NULL. *doubt is
 * set with it, for people. */
const char *agent_check(struct tool_env *env, const struct query_result *q, const char **doubt);
/* "caveats": [{"code","text"}], unless there are none. */
void agent_caveats_put(struct json_writer *w, const struct query_caveat *caveats, size_t n);

/* tool.c ------------------------------------------------------------------------------------------------- */

/* Where a tool works. Tools of one reply that only read run side by side, each with a ctx and arena of its own, in a
 * thread of its own: they see nothing of the turn but this. */
struct tool_env {
	struct ctx *ctx;
	const struct project *project;
	enum project_role role;
	const char *time_zone;
	const char *question;
	int64_t conversation_id;
	int64_t turn_id;
	int64_t fence;
	int failures;                     /* rounds of tools in a row before this one that all failed */
	const char *call_id;
	int64_t n;                        /* the step's number */
	int64_t deadline_us;              /* of the turn, monotonic: no query takes longer */
	_Atomic unsigned *checked;        /* of the turn */
	const struct agent_list *asked;   /* struct agent_asked: the turn's queries until this reply; read only */
	const struct agent_wait *answered; /* what the turn waited for in this very call, or NULL */
	struct agent_list queries;        /* struct agent_asked, of this call */
	struct agent_list tables;         /* const char * */
};

struct tool_result {
	struct str text; /* for the model */
	bool ok;
	int64_t run_id; /* 0: none */
	int64_t rows;   /* -1: none */
	bool truncated;
	const char *detail;      /* "12 rows", for people, or NULL */
	const char *doubt;       /* why the model is to look again, for people, or NULL */
	const struct query_caveat *caveats;
	size_t ncaveats;
	struct agent_wait *wait; /* of a tool that waits: kind, json, run_id; the tool is called again with the answer */
	const struct err *error; /* when not ok */
	const char *artifact;    /* {"id","version","title","type"} of a new version, or NULL */
};

/* A call of a tool while it is worked on. */
struct tool_call {
	const struct llm_block *block;
	const struct tool *tool; /* NULL: there is none of that name */
	struct ctx ctx;
	struct tool_env env;
	struct tool_result out;
	struct err *fatal; /* ends the turn */
	int64_t ms;
};

enum tool_effect {
	TOOL_READS,  /* may run beside others, and again */
	TOOL_WRITES, /* what it changes goes through agent_effect() */
	TOOL_WAITS,  /* may wait; alone, and last of its reply */
};

/* One tool of the model: a row of tools.def, defined at the end of its file. */
struct tool {
	const char *name;
	const char *label;   /* what a person reads while it runs */
	const char *summary; /* for the model */
	const char *schema;  /* of its arguments, JSON Schema: properties with type, required */
	enum tool_effect effect;
	/* Arguments have been checked against the schema. Errors that the model may see go back to it. */
	struct err *(*run)(struct tool_env *env, struct json_object *args, struct tool_result *out);
};

/* For tools that write: runs fn once for each call of a turn, however often the call is made, in a transaction that the
 * fence guards; *result is the JSON that fn gave then. CONFLICT when the turn is another worker's. */
MUST_CHECK struct err *agent_effect(struct tool_env *env,
                                    struct err *(*fn)(struct ctx *ctx, void *arg, const char **result), void *arg,
                                    const char **result);

#define TOOL(symbol) extern const struct tool symbol;
#include "agent/tools.def"
#undef TOOL

/* All tools, as the model sees them. */
const struct llm_tool *agent_tools(struct arena *a, size_t *n);
/* Runs the calls of the last reply that have no result yet: steps, events, checks. Returned errors end the turn. With a
 * tool that waits r->wait is set. */
MUST_CHECK struct err *agent_calls(struct agent_run *r);
/* The events of a call and of what came of it. */
void agent_emit_call(struct agent_run *r, const struct tool_call *c);
void agent_emit_result(struct agent_run *r, const struct tool_call *c);
/* What a tool needs to know of the turn; the ctx's arena is one of its own, to be freed with it. */
void agent_call_open(struct agent_run *r, struct tool_call *c);
/* An error in words for the model, without a provider's or server's inside. */
const char *agent_err_text(struct arena *a, const struct err *e);

/* provider.c: the project's models, or the instance's where it has none; keys opened, in ctx's arena. CONFIG when a key
 * cannot be opened. */
MUST_CHECK struct err *agent_models(struct ctx *ctx, int64_t project_id, struct agent_models *out);
/* As the instance is set, with what the project wants otherwise; false when neither names a provider. */
bool agent_provider_of(const struct settings *settings, const struct project_model *m, struct llm_provider *out);
/* Where another model than the first gave the last reply: which one, for people; or NULL. */
const char *agent_answered_by(const struct agent_run *r);
/* What a call cost, in millionths of the currency. */
int64_t agent_cost(const struct agent_price *price, const struct llm_usage *usage);

/* limits.c: the error that ends the turn when one of those limits is reached, or it was stopped; NULL while it may go
 * on. The message names the limit, its code is the project's field. */
enum {
	AGENT_LIMIT_STEPS = 1,
	AGENT_LIMIT_SECONDS = 2,
	AGENT_LIMIT_TOKENS = 4,
	AGENT_LIMIT_COST = 8,
	AGENT_LIMIT_SPENT = AGENT_LIMIT_TOKENS | AGENT_LIMIT_COST,
	AGENT_LIMIT_ALL = 15,
};
MUST_CHECK struct err *agent_limits(struct agent_run *r, unsigned which);
/* How long a turn of the project may take. */
int64_t agent_turn_seconds(const struct settings *settings, const struct project *project);
/* Why the call under way should be the last one, for people; NULL when it need not. */
const char *agent_near_limit(struct arena *a, const struct agent_run *r);
/* The messages, with a word to the model that it has to answer now where that is so. */
const struct llm_message *agent_hurried(struct arena *a, const struct agent_run *r,
                                        const struct llm_message *messages, size_t n);
/* The most tokens that the next reply may have. */
int64_t agent_max_tokens(const struct agent_run *r);

/* again.c: whether what failed with e may work in a moment, after a pause; false when the work is stopped meanwhile.
 * Begins zeroed for each thing that is tried; deadline_us is the turn's. */
struct agent_patience {
	int64_t since_us;
	int64_t pause_ms;
};
bool agent_again(const struct ctx *ctx, const struct err *e, int64_t deadline_us, struct agent_patience *p);

/* loop.c */
void agent_work(struct agent_run *r);

/* FORBIDDEN once the person was removed from the project or disabled: a running turn asks before it uses a tool. */
MUST_CHECK struct err *agent_turn_permitted(struct ctx *ctx, const struct project *project);

#endif
