/* Inside agent/: what tools do for each other, beside what agent_priv.h has. */
#ifndef AGENT_TOOL_PRIV_H
#define AGENT_TOOL_PRIV_H

#include "agent/agent_priv.h"
#include "agent/diagnose_priv.h"
#include "artifact/artifact.h"
#include "lib/json.h"

/* arguments.c: parses the arguments of a call and holds them against the tool's JSON Schema. An empty input is {}. Errors:
 * INVALID, code "arguments": what is wrong with which argument, with the schema as hint. */
MUST_CHECK struct err *tool_arguments(struct arena *a, const char *tool, const char *schema, struct str input,
                                      struct json_object **out);
/* The error of a tool that is not there: names those that are near, and all. */
struct err *tool_unknown(struct arena *a, const char *name, const char *const *tools, size_t n)
        __attribute__((returns_nonnull));

/* attempt.c: one statement for the model. The same statement is not run twice in a turn: one that failed is refused with
 * what was wrong with it, one that worked is answered with its rows. What fails now is diagnosed (out->ok false); what works
 * after something failed may offer a learning. Returned errors are not the model's business. */
MUST_CHECK struct err *tool_query(struct tool_env *env, const struct agent_scene *scene, const char *sql,
                                  struct tool_result *out);

/* rows.c: a result as the model reads it: columns once, rows as arrays, cut with a count. said: a note to begin with, or
 * NULL; scene may be NULL, then no values are told that a query without rows perhaps meant. */
struct str tool_rows(struct tool_env *env, const struct agent_scene *scene, const struct query_result *q,
                     const char *said, struct tool_result *out);

/* lesson.c: what a statement that works teaches after one that did not: "orders has no column total: use amount". NULL when it does
 * not use what was told. Pure. */
const char *tool_lesson(struct arena *a, const struct catalog *c, const struct agent_asked *failed,
                        const char *sql);

/* learning.c: offers one to people, once for each call and text; *offered is false when it was there before. */
MUST_CHECK struct err *tool_learning(struct tool_env *env, const char *origin, struct db_texts tables,
                                     const char *text, bool *offered);
/* Those that were kept, a line each: that the person may know of, about that table (NULL: about any), those that the
 * question needs most first where not all fit into the bytes. */
MUST_CHECK struct err *agent_learnings_put(struct ctx *ctx, const struct agent_scene *scene,
                                           int64_t project_id, const char *question, const char *table,
                                           size_t budget, struct buf *out);

/* artifact.c: the queries behind an artifact with the results that they had, as far as those are there. */
struct tool_sources {
	struct artifact_source *p;
	size_t n;
	struct query_result **of;
};
/* From the argument "sources": {"name", and "run" or "sql"}. A statement that does not work is told in out (ok false). */
MUST_CHECK struct err *tool_artifact_sources(struct tool_env *env, struct json_object *list, struct tool_result *out,
                                             struct tool_sources *s);
/* Those of a version that is there. */
void tool_artifact_kept(struct tool_env *env, const struct artifact_version *old, struct tool_sources *s);
/* One of the person's own, in this project. */
MUST_CHECK struct err *tool_artifact_get(struct tool_env *env, int64_t id, struct artifact *out);
/* Once for each call. INVALID also where a figure refers to what its data does not have. */
MUST_CHECK struct err *tool_artifact_save(struct tool_env *env, const char *type, struct artifact_draft *d,
                                          const struct tool_sources *s, struct tool_result *out);
/* Id, title, type, version, sources and code as one object. */
void agent_artifact_put(struct json_writer *w, const struct artifact *x);
/* Those of a conversation as JSON, the newest one with its code where that is short; NULL for none. */
MUST_CHECK struct err *agent_artifacts_of(struct ctx *ctx, int64_t conversation_id, const char **out);

/* Two properties that both tools have. */
#define TOOL_ARTIFACT_DATA \
	"\"sources\":{\"type\":\"array\",\"maxItems\":8,\"items\":{\"type\":\"object\",\"properties\":{\"name\":{" \
	"\"type\":\"string\",\"minLength\":1,\"maxLength\":40,\"description\":\"As the code finds it: data.<name>.\"}," \
	"\"run\":{\"type\":\"integer\",\"minimum\":1,\"description\":\"The number of a query that you ran.\"},\"sql\":{" \
	"\"type\":\"string\",\"minLength\":1,\"maxLength\":32000,\"description\":\"Or a statement.\"}},\"required\":[" \
	"\"name\"],\"additionalProperties\":false}},\"data\":{\"type\":\"object\",\"properties\":{}," \
	"\"additionalProperties\":true,\"description\":\"Small data that is no query's, such as targets and labels.\"}"

/* within.c: foreign text in what the model reads. */
/* On one line, white space and control characters as single blanks. */
void agent_put_line(struct buf *b, const char *text);
/* Between tags that it cannot close, whatever it holds. */
void agent_put_within(struct buf *b, const char *tag, struct str text);

#endif
