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
	int64_t key; /* 0: empty */
	struct str html;
	struct arena *a; /* of this slot's HTML alone */
};

static struct slot slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t key_of(int64_t turn_id, bool exports)
{
	return turn_id * 2 + exports;
}

const char *web_turn_cache_get(struct arena *a, int64_t turn_id, bool exports)
{
	int64_t key = key_of(turn_id, exports);
	const struct slot *s = &slots[key % SLOTS];
	const char *html = NULL;

	pthread_mutex_lock(&lock);
	if (s->key == key)
		html = str_dup(a, s->html);
	pthread_mutex_unlock(&lock);
	return html;
}

void web_turn_cache_put(int64_t turn_id, bool exports, struct str html)
{
	int64_t key = key_of(turn_id, exports);

	if (html.n > LARGEST)
		return;
	struct arena *a = arena_create();
	struct slot fresh = {key, {str_dup(a, html), html.n}, a};

	pthread_mutex_lock(&lock);
	struct arena *old = slots[key % SLOTS].a;
	slots[key % SLOTS] = fresh;
	pthread_mutex_unlock(&lock);
	arena_free(old);
}
