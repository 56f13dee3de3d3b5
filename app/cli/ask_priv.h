/* Inside cli/: the parts of `quern ask`. */
#ifndef CLI_ASK_PRIV_H
#define CLI_ASK_PRIV_H

#include <signal.h>

#include "agent/agent.h"

/* How a turn is shown. begun() comes first; sink gets each event and each piece of text once; over() comes last, with the
 * whole turn, which may also wait. */
struct ask_view {
	const struct agent_sink *sink;
	void (*begun)(int64_t conversation_id, int64_t turn_id);
	void (*over)(struct ctx *ctx, const struct agent_turn *t);
};

/* Answer and results to standard output, steps and thoughts to standard error. One at a time in a process. */
const struct ask_view *ask_terminal(void);
/* A JSON object a line: {"id","event","data"}, id null where an event has none; last {"event":"result",...}. */
const struct ask_view *ask_json(void);

/* The rows as they are stored with a query's run; its preview when they are not there; NULL without any. */
struct query_result *ask_rows(struct ctx *ctx, const struct agent_query *q);

/* Asks the person at the terminal what the turn waits for, and hands the answer on. *answered is false when they left, or
 * nobody is at a terminal, or wake_fd became readable meanwhile. */
MUST_CHECK struct err *ask_person(struct ctx *ctx, const struct agent_turn *t, int wake_fd, bool *answered);
/* What it waits for, in a line. */
const char *ask_waits_for(struct arena *a, const struct agent_turn *t);

/* Ctrl-C stops the turn, here or wherever it is worked on; a second one ends the program. SIGTERM and SIGHUP give the
 * turn to the service, as does Ctrl-C of somebody who only watches. Before any other thread starts. ask_signal() is the one
 * that came, or 0; the descriptor becomes readable then. */
int ask_signals_catch(struct ctx *ctx, bool watches);
int ask_signal(void);
/* From now on it is this turn that is to be stopped, by its person; 0: none. */
void ask_signals_turn(int64_t turn_id, int64_t user_id);
/* After the last use of the turn: what a signal has begun is over then. */
void ask_signals_end(void);

#endif
