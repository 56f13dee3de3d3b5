/* A growing array in the turn's arena. */
#include <string.h>

#include "agent/agent_priv.h"
#include "lib/arena.h"

void *agent_list_add(struct arena *a, struct agent_list *list, size_t size)
{
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 4;

		list->p = arena_grow(a, list->p, list->room * size, room * size);
		list->room = room;
	}
	return (char *)list->p + list->n++ * size;
}
