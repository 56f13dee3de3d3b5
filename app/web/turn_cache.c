/*
 * The HTML of turns that are over, which never changes again while the templates do not, and those only
 * change with the process. One slot for each remainder of the id: a newer turn in the same slot takes its
 * place, so the memory is bounded, and nothing has to be searched or aged.
 */
#include <pthread.h>

#include "lib/arena.h"
#include "lib/str.h"
#include "web/web_priv.h"

enum { SLOTS = 2048, LARGEST = 32 << 10 };

struct slot {
	int64_t id; /* 0: empty */
	struct str html;
	struct arena *a; /* of this slot's HTML alone */
};

static struct slot slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

const char *web_turn_cache_get(struct arena *a, int64_t turn_id)
{
	const struct slot *s = &slots[turn_id % SLOTS];
	const char *html = NULL;

	pthread_mutex_lock(&lock);
	if (s->id == turn_id)
		html = str_dup(a, s->html);
	pthread_mutex_unlock(&lock);
	return html;
}

void web_turn_cache_put(int64_t turn_id, struct str html)
{
	if (html.n > LARGEST)
		return;
	struct arena *a = arena_create();
	struct slot fresh = {turn_id, {str_dup(a, html), html.n}, a};

	pthread_mutex_lock(&lock);
	struct arena *old = slots[turn_id % SLOTS].a;
	slots[turn_id % SLOTS] = fresh;
	pthread_mutex_unlock(&lock);
	arena_free(old);
}
