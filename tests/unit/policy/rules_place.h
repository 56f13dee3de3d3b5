/* A project in the database, a person, and rules. */
#ifndef POLICY_RULES_PLACE_H
#define POLICY_RULES_PLACE_H

#include <stdint.h>

#include "lib/ctx.h"
#include "lib/settings.h"
#include "policy/policy.h"

struct rules_place {
	struct ctx ctx; /* of ann@example.com */
	struct settings settings;
	struct project project;
};

struct rules_place *rules_make(void);

/* Another QUERN_KEY, or none. */
void rules_key(struct rules_place *at, const char *key);

/* A rule as it stands in the database, whatever policy_rule_set() would say of it. */
void rules_add(struct rules_place *at, const char *role, const char *table, const char *kind, const char *column,
                const char *value);

#endif
