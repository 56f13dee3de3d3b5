/*
 * Dictionaries as loaded, shared by the threads of a process: each turn and each page needs one, and a
 * large one takes long to read. An entry is never changed. It is let go of by counting: the list holds
 * one count, each user another, so that an entry which left the list lives on until its last user ends.
 */
#include <assert.h>
#include <pthread.h>

#include "catalog/catalog_priv.h"
#include "lib/arena.h"

enum { ENTRIES = 24 };

struct entry {
	struct arena *own; /* holds the entry and its dictionary */
	struct catalog_key key;
	struct catalog *c;
	int users;
	struct entry *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *newest; /* used last first */

static void release(void *arg)
{
	struct entry *e = arg;
	int left;

	pthread_mutex_lock(&lock);
	left = --e->users;
	pthread_mutex_unlock(&lock);
	assert(left >= 0);
	if (!left)
		arena_free(e->own);
}

static bool same(const struct catalog_key *x, const struct catalog_key *y)
{
	return x->project_id == y->project_id && x->generated_at == y->generated_at &&
	       x->source_id == y->source_id && x->version == y->version && x->policy == y->policy;
}

/* The same project's, but of an older dictionary or source. */
static bool replaces(const struct catalog_key *new, const struct catalog_key *old)
{
	struct catalog_key alike = *old;

	alike.policy = new->policy;
	return new->project_id == old->project_id && (same(new, old) || !same(new, &alike));
}

static struct catalog *use(struct ctx *ctx, struct entry *e)
{
	arena_cleanup(ctx->a, release, e);
	return e->c;
}

struct catalog *catalog_cache_get(struct ctx *ctx, const struct catalog_key *key)
{
	struct entry **at = &newest, *e;

	pthread_mutex_lock(&lock);
	while (*at && !same(&(*at)->key, key))
		at = &(*at)->next;
	e = *at;
	if (e) {
		*at = e->next;
		e->next = newest;
		newest = e;
		e->users++;
	}
	pthread_mutex_unlock(&lock);
	return e ? use(ctx, e) : NULL;
}

/* Takes out what the new entry replaces and what is one too many; the caller releases it without the lock. */
static struct entry *take_out(const struct catalog_key *key)
{
	struct entry **at = &newest, *out = NULL;
	int kept = 0;

	while (*at) {
		struct entry *e = *at;

		if (!replaces(key, &e->key) && ++kept < ENTRIES) {
			at = &e->next;
			continue;
		}
		*at = e->next;
		e->next = out;
		out = e;
	}
	return out;
}

struct catalog *catalog_cache_put(struct ctx *ctx, const struct catalog_key *key, struct arena *own,
                                  struct catalog *c)
{
	struct entry *e = ARENA_NEW(own, struct entry), *out;

	*e = (struct entry){.own = own, .key = *key, .c = c, .users = 2};
	pthread_mutex_lock(&lock);
	out = take_out(key);
	e->next = newest;
	newest = e;
	pthread_mutex_unlock(&lock);
	while (out) {
		struct entry *next = out->next;

		release(out);
		out = next;
	}
	return use(ctx, e);
}
