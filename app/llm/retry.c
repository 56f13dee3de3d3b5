/* When to try again: as the provider asks for, or with pauses that double and are not all alike. */
#include <curl/curl.h>
#include <stdlib.h>

#include "lib/arena.h"
#include "lib/clock.h"
#include "llm/llm_priv.h"

enum { FIRST_PAUSE_US = 500 * 1000, DAY_MS = 86400 * 1000 };

static int64_t at_most_a_day(int64_t ms)
{
	return ms < 0 ? 0 : ms > DAY_MS ? DAY_MS : ms;
}

/* Seconds, with decimals from some, or the date in one of HTTP's forms. */
static int64_t retry_after(const char *value)
{
	char *end;
	double seconds = strtod(value, &end);
	time_t date;

	if (end != value && !*end && seconds >= 0)
		return seconds < 86400 ? (int64_t)(seconds * 1000) : DAY_MS;
	date = curl_getdate(value, NULL);
	return date < 0 ? 0 : at_most_a_day((int64_t)date * 1000 - clock_wall_us() / 1000);
}

void llm_header(struct llm_stream *s, struct str name, struct str value)
{
	int64_t ms;

	if (value.n == 0 || value.n > 64)
		return;
	if (str_eq_nocase(name, STR("retry-after-ms")) && str_to_i64(value, &ms))
		s->retry_after_ms = at_most_a_day(ms);
	else if (str_eq_nocase(name, STR("retry-after")) && !s->retry_after_ms)
		s->retry_after_ms = retry_after(str_dup(s->scratch, value));
}

/* Up to half of a pause is by chance, so that those who failed together do not come back together. */
int64_t llm_pause_us(const struct llm_stream *s, int tries)
{
	int64_t us = (int64_t)FIRST_PAUSE_US << (tries - 1);

	if (s->lesson)
		return 0;
	if (s->retry_after_ms)
		return s->retry_after_ms * 1000;
	return us / 2 + us / 2 * (clock_mono_us() % 1000) / 1000;
}
