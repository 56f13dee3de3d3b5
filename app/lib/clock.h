/* Time: wall clock for people and records, monotonic clock for durations and limits. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdint.h>

struct arena;

int64_t clock_wall_us(void); /* microseconds since 1970-01-01 UTC */
int64_t clock_mono_us(void); /* microseconds since some fixed point; never jumps */
int64_t clock_coarse_us(void); /* the same, some milliseconds behind at most; costs next to nothing to ask */

/* "2026-03-01T09:30:00Z" (RFC 3339), in the arena. */
char *clock_rfc3339(struct arena *a, int64_t wall_us);

#endif
