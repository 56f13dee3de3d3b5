/* Inside audit/: what limits share. */
#ifndef AUDIT_AUDIT_PRIV_H
#define AUDIT_AUDIT_PRIV_H

#include <stdint.h>

#include "audit/audit.h"

/* What a sliding window is worked out from: events in the fixed window that it is now, in the one before, and
 * the seconds that are left of this one. */
struct audit_counts {
	int64_t now;
	int64_t before;
	double left_s;
};

/* Seconds until one more fits; none or less when it fits now. */
double audit_wait_seconds(const struct audit_counts *c, double limit, double window);

/* audit_rate_sweep(), about once an hour in a process; what goes wrong is logged. */
void audit_sweep_sometimes(struct ctx *ctx);

#endif
