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
	AGENT_FAILURES = 3,         /* failed tool calls in a row that end a turn */
	AGENT_STALE_S = 60,         /* a running turn without a heartbeat for so long has lost its worker */
};

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
	atomic_bool stop;
	const atomic_bool *outer; /* the caller's own stop flag, or NULL */
	struct agent_live *next;
	struct agent_run *run;
	pthread_mutex_t row; /* held while the answer in the turn's row is written */
};

/* A query as the turn's record keeps it. */
struct agent_asked {
	const char *sql;
	const char *sql_run;
	const char *error;
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

struct agent_run {
	struct ctx ctx; /* its arena lives as long as the turn; its stop flag is live.stop */
	struct agent_live live;
	const struct project *project;
	enum project_role role;
	const char *time_zone;
	const struct agent_sink *sink;
	int64_t conversation_id;
	const char *question;
	int64_t started_us; /* monotonic */
	int64_t deadline_us;
	int64_t seq;                /* of the newest event */
	struct agent_list steps;    /* struct agent_step */
	struct agent_list queries;  /* struct agent_asked */
	struct agent_list tables;   /* const char * */
	struct agent_list messages; /* struct llm_message */
	struct arena *scene_arena;  /* what scene lives in; NULL once it is given back */
	struct agent_scene *scene;
	const char *system;
	struct buf
	        text; /* of the model since its last message, in an arena of its own; checkpoint.c changes it */
	pthread_mutex_t text_lock; /* for text and checkpoint_bytes */
	size_t checkpoint_bytes;   /* of text, stored */
	int64_t checkpoint_us;
	const struct llm_message *reply; /* the model's last one */
	enum llm_stop reply_stop;
	int64_t model_calls;
	int failures; /* of tools, in a row */
	unsigned checked;  /* what the model was told to look at again: bits of check.c */
	const char *doubt; /* the latest of it, in words for people, until its step */
	bool from_catalog;
	struct llm_usage usage;
	const char *model;
	struct agent_models models;
	int64_t cost; /* so far, in millionths of the project's currency */
	const char *answer;
	struct err *error;
};

/* A zeroed item at the end of a list of items of that size, in the arena. */
void *agent_list_add(struct arena *a, struct agent_list *list, size_t size);
#define AGENT_ADD(run, list, type) ((type *)agent_list_add((run)->ctx.a, &(run)->list, sizeof(type)))

/* scene.c: loads the scene into ctx's arena; generates the dictionary when there is none yet. */
MUST_CHECK struct err *agent_scene_load(struct ctx *ctx, const struct project *project,
                                        enum project_role role, struct agent_scene **out);
/* Whether the policy excludes the table and that may be told. */
bool agent_is_hidden(const struct agent_scene *scene, const char *table);
/* Runs a statement and keeps it in the record, failed or not. */
MUST_CHECK struct err *agent_ask(struct agent_run *r, struct ctx *ctx, const struct agent_scene *scene,
                                 const char *sql, struct query_result **out);

/* events.c. agent_emit() records a durable event and sends it; CONFLICT when the turn is no longer
 * running. */
MUST_CHECK struct err *agent_emit(struct agent_run *r, const char *kind, struct str json);
void agent_delta(struct agent_run *r, struct str text);
/* The whole text of the model since the last message, as an event; nothing when there is none. */
MUST_CHECK struct err *agent_message(struct agent_run *r);
/* Records the outcome and sends what closes a turn: provenance, usage, error, done. */
MUST_CHECK struct err *agent_close(struct agent_run *r);

/* A step as events: open gives its number, close its outcome (detail may be NULL). */
MUST_CHECK struct err *agent_step_open(struct agent_run *r, const char *name, const char *label, int64_t *n);
MUST_CHECK struct err *agent_step_close(struct agent_run *r, int64_t n, bool ok, const char *detail);

/* record.c: what a page shows of a finished turn, as JSON and back. */
void agent_record_put(struct buf *b, const struct agent_run *r);
void agent_provenance_put(struct buf *b, const struct agent_run *r);
MUST_CHECK struct err *agent_record_read(struct arena *a, const char *json, struct agent_turn *turn);
/* Steps from the "step" events of a running turn: a JSON array of their bodies. */
MUST_CHECK struct err *agent_steps_read(struct arena *a, const char *json, struct agent_turn *turn);

/* checkpoint.c. Text of the model: appended, and taken back to nothing once it is a message. */
void agent_text_add(struct agent_run *r, struct str text);
void agent_text_clear(struct agent_run *r);
/* An event has taken it out of the row. */
void agent_text_unstored(struct agent_run *r);
/* Whether enough of it is new; reads only. */
bool agent_checkpoint_due(struct agent_run *r);
/* Stores the text of all turns of this process for which it is time. */
MUST_CHECK struct err *agent_checkpoint(struct ctx *ctx);

/* live.c */
/* Up to `most` turns whose text is to be stored, each with its row locked: agent_live_release() them. */
size_t agent_live_due(struct agent_run **runs, size_t most);
void agent_live_release(struct agent_run *const *runs, size_t n);
void agent_live_add(struct agent_live *live);
void agent_live_remove(struct agent_live *live);
void agent_live_stop(int64_t turn_id); /* 0: all */
int64_t agent_live_count(void);
/* Marks turns failed whose worker is gone. */
MUST_CHECK struct err *agent_sweep(struct ctx *ctx);
void agent_live_start(const struct settings *settings);

/* prompt.c */
const char *agent_prompt(struct arena *a, const struct project *project, const struct catalog *catalog);
/* Earlier turns of the conversation and the question, as messages. */
MUST_CHECK struct err *agent_history(struct agent_run *r);

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
MUST_CHECK struct err *agent_catalog_answer(struct agent_run *r, struct ctx *ctx,
                                            const struct agent_intent *intent, struct buf *out);
/* What can be asked without a model. */
void agent_no_model_answer(const struct agent_run *r, struct buf *out);

/* check.c: what the model is to look at again before it answers, the first time that a turn meets it; or NULL. */
const char *agent_check(struct agent_run *r, struct arena *a, const struct query_result *q);
/* "caveats": [{"code","text"}], unless there are none. */
void agent_caveats_put(struct json_writer *w, const struct query_caveat *caveats, size_t n);

/* tool.c ------------------------------------------------------------------------------------------------- */

struct tool_result {
	struct str text; /* for the model */
	bool ok;
	int64_t run_id; /* 0: none */
	int64_t rows;   /* -1: none */
	bool truncated;
	const char *detail;      /* "12 rows", for people, or NULL */
	const struct query_caveat *caveats;
	size_t ncaveats;
	const struct err *error; /* when not ok */
};

/* One tool of the model: a row of tools.def, defined at the end of its file. */
struct tool {
	const char *name;
	const char *label;   /* what a person reads while it runs */
	const char *summary; /* for the model */
	const char *schema;  /* of its arguments, JSON Schema: properties with type, required */
	/* Arguments have been checked against the schema. Errors that the model may see go back to it. */
	struct err *(*run)(struct agent_run *r, struct ctx *ctx, struct json_object *args,
	                   struct tool_result *out);
};

#define TOOL(symbol) extern const struct tool symbol;
#include "agent/tools.def"
#undef TOOL

/* All tools, as the model sees them. */
const struct llm_tool *agent_tools(struct arena *a, size_t *n);
/* Runs the call of a block: events, step, checks, errors. Returned errors end the turn. */
MUST_CHECK struct err *agent_call(struct agent_run *r, const struct llm_block *call,
                                  struct llm_block *result);
/* The events of a call and of what came of it; n is the step's number. */
MUST_CHECK struct err *agent_emit_call(struct agent_run *r, struct arena *a, int64_t n,
                                       const struct llm_block *call);
MUST_CHECK struct err *agent_emit_result(struct agent_run *r, struct arena *a, int64_t n,
                                         const struct llm_block *call, const struct tool_result *t,
                                         int64_t ms);
/* An error in words for the model, without a provider's or server's inside. */
const char *agent_err_text(struct arena *a, const struct err *e);

/* provider.c: the project's models, or the instance's where it has none; keys opened, in ctx's arena. CONFIG when a key
 * cannot be opened. */
MUST_CHECK struct err *agent_models(struct ctx *ctx, int64_t project_id, struct agent_models *out);
/* As the instance is set, with what the project wants otherwise; false when neither names a provider. */
bool agent_provider_of(const struct settings *settings, const struct project_model *m, struct llm_provider *out);
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
/* The most tokens that the next reply may have. */
int64_t agent_max_tokens(const struct agent_run *r);

/* loop.c */
void agent_work(struct agent_run *r);

/* FORBIDDEN once the person was removed from the project or disabled: a running turn asks before it uses a tool. */
MUST_CHECK struct err *agent_turn_permitted(struct ctx *ctx, const struct project *project);

#endif
