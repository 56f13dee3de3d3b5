/*
 * Passwords. A hash costs 64 MB and a good part of a second of one core, so that only a few are worked out at
 * once in a process: a burst of sign-ins waits in line instead of taking the machine.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#include "auth/auth_priv.h"
#include "lib/crypto.h"

enum { AT_ONCE = 2, WAIT_SECONDS = 5, PASSWORD_MIN = 10, PASSWORD_MAX = 200 };

static sem_t places;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_places(void)
{
	sem_init(&places, 0, AT_ONCE);
}

static struct err *take_place(struct ctx *ctx)
{
	struct timespec until;
	struct err *e;

	pthread_once(&once, make_places);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_SECONDS;
	while (sem_timedwait(&places, &until) != 0) {
		if (errno == EINTR)
			continue;
		e = err_new(ctx->a, ERR_UNAVAILABLE, "too many people are signing in at this moment");
		e->retry_after = WAIT_SECONDS;
		return e;
	}
	return NULL;
}

struct err *auth_password_hash(struct ctx *ctx, struct str password, const char **hash)
{
	TRY(take_place(ctx));
	*hash = crypto_password_hash(ctx->a, password);
	sem_post(&places);
	return NULL;
}

struct err *auth_password_verify(struct ctx *ctx, const char *hash, struct str password, bool *ok)
{
	TRY(take_place(ctx));
	*ok = crypto_password_ok(hash, password);
	sem_post(&places);
	return NULL;
}

struct err *auth_password_check(struct arena *a, struct str password)
{
	if (password.n >= PASSWORD_MIN && password.n <= PASSWORD_MAX && !str_has_nul(password) &&
	    str_utf8_valid(password))
		return NULL;
	return err_code(
	        err_new(a, ERR_INVALID, "a password has %d to %d characters", PASSWORD_MIN, PASSWORD_MAX),
	        "password");
}
