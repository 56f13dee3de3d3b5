/* The two clocks of the system. */
#include "lib/clock.h"

#include <assert.h>
#include <time.h>

#include "lib/arena.h"

static int64_t read_us(clockid_t id)
{
	struct timespec ts;
	int failed = clock_gettime(id, &ts);

	assert(!failed);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_coarse_us(void)
{
	return read_us(CLOCK_MONOTONIC_COARSE);
}

char *clock_rfc3339(struct arena *a, int64_t wall_us)
{
	/* Rounds down also before 1970. */
	time_t seconds = (time_t)(wall_us / 1000000 - (wall_us % 1000000 < 0));
	struct tm tm;
	struct tm *ok = gmtime_r(&seconds, &tm);

	assert(ok);
	return arena_printf(a, "%04lld-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900LL, tm.tm_mon + 1,
	                    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
