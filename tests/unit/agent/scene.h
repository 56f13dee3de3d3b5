/* A project with a small shop to ask about, on a fresh database, and a person to ask as. */
#ifndef AGENT_SCENE_H
#define AGENT_SCENE_H

#include "agent/agent.h"
#include "lib/settings.h"

struct scene {
	struct ctx ctx;           /* acts as the person */
	struct settings settings; /* of ctx; may be changed */
	struct project project;
	int64_t conversation_id;
};

/* orders (10 rows), customers and the excluded salaries. provider: its address, or NULL for none. */
struct scene *scene_make(const char *provider);

/* Events and text that a sink got, one line each: "1 step", "delta Hello". */
struct scene_heard {
	struct buf *lines;
	int64_t last; /* id of the newest event */
};
struct agent_sink scene_sink(struct scene *s, struct scene_heard *heard);

/* Asks in the scene's conversation and reads the turn back; heard may be NULL. */
struct agent_turn scene_ask(struct scene *s, enum project_role role, const char *question,
                            struct scene_heard *heard);

#endif
