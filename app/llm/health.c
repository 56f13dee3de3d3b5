/*
 * The circuit breaker: a provider that failed several times in a row is left alone for a while, so that nobody waits
 * for what does not come. Then one caller is let through, and its call decides. In the same place stands what
 * providers turned out to want. Few providers are in use at once; of more than there is room for, the one
 * that was not asked for longest is forgotten.
 */
#include <pthread.h>
#include <string.h>

#include "lib/crypto.h"
#include "llm/llm_priv.h"

enum { PROVIDERS = 128, FAILURES_IN_A_ROW = 5, REST_US = 30 * 1000 * 1000 };

static struct health {
	unsigned char name[2][CRYPTO_HASH_BYTES]; /* of address and model */
	int64_t used_us;
	int64_t rests_until_us;
	int failures;
	bool is_probed; /* somebody asks whether it is back */
	unsigned quirks;
} all[PROVIDERS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Under the lock. */
static struct health *find(const struct llm_provider *p)
{
	unsigned char name[2][CRYPTO_HASH_BYTES];
	struct health *oldest = all;

	crypto_sha256(name[0], str_of(p->url));
	crypto_sha256(name[1], str_of(p->model));
	for (size_t i = 0; i < PROVIDERS; i++) {
		if (memcmp(all[i].name, name, sizeof(name)) == 0)
			return &all[i];
		if (all[i].used_us < oldest->used_us)
			oldest = &all[i];
	}
	*oldest = (struct health){0};
	memcpy(oldest->name, name, sizeof(name));
	return oldest;
}

int64_t llm_health_rest_us(const struct llm_provider *p, int64_t now_us)
{
	struct health *h;
	int64_t rest = 0;

	pthread_mutex_lock(&lock);
	h = find(p);
	h->used_us = now_us;
	if (h->failures >= FAILURES_IN_A_ROW) {
		if (now_us < h->rests_until_us)
			rest = h->rests_until_us - now_us;
		else if (h->is_probed)
			rest = REST_US;
		else
			h->is_probed = true;
	}
	pthread_mutex_unlock(&lock);
	return rest;
}

void llm_health_report(const struct llm_provider *p, enum llm_outcome outcome, int64_t now_us)
{
	struct health *h;

	pthread_mutex_lock(&lock);
	h = find(p);
	h->is_probed = false;
	if (outcome == LLM_WELL)
		h->failures = 0;
	if (outcome == LLM_FAULT && ++h->failures >= FAILURES_IN_A_ROW)
		h->rests_until_us = now_us + REST_US;
	pthread_mutex_unlock(&lock);
}

unsigned llm_health_quirks(const struct llm_provider *p)
{
	unsigned quirks;

	pthread_mutex_lock(&lock);
	quirks = find(p)->quirks;
	pthread_mutex_unlock(&lock);
	return quirks;
}

void llm_health_learn(const struct llm_provider *p, unsigned quirks)
{
	pthread_mutex_lock(&lock);
	find(p)->quirks |= quirks & LLM_LASTING;
	pthread_mutex_unlock(&lock);
}
