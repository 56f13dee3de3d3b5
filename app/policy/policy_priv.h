/* Inside policy/: the digest of a policy. */
#ifndef POLICY_POLICY_PRIV_H
#define POLICY_POLICY_PRIV_H

#include <stdint.h>

#include "policy/policy.h"

struct arena;

/* version.c: positive, and another one whenever any field differs that decides which rows and values are seen. */
int64_t policy_version(struct arena *a, const struct policy *p, const struct project_source *source,
                       enum project_role role);

#endif
