/* The scripted model provider as a process of its own, for tests: dies with the test. */
#ifndef SUPPORT_PROVIDER_H
#define SUPPORT_PROVIDER_H

#include <stdbool.h>

/* Whether the program is there: build/scripted-provider beside the test program. */
bool provider_exists(void);

/* Starts it with a scenario file, after stopping the one before; its base address, valid until the next call. */
const char *provider_start(const char *scenario);

void provider_stop(void);

#endif
