/*
 * Signals of `quern ask`. One thread waits for them and does nothing that could hold it up, so that a second Ctrl-C always
 * ends the program; the stop of a turn goes to the database in a thread of its own.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli/ask_priv.h"
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/log.h"

/* What passes signals on to its children (make, sudo, timeout) makes two of one Ctrl-C. */
enum { EXIT_SIGNAL = 128, SAME_US = 250000 };

static struct {
	struct ctx ctx;
	sigset_t set;
	int wake_fd;
	bool watches;
	atomic_int came;
	int64_t came_us;
	_Atomic int64_t turn_id, user_id;
	pthread_t stopper;
	bool stops;
} state = {.wake_fd = -1};

/* The row says so, whoever works on the turn. */
static void *stop_turn(void *arg)
{
	struct ctx ctx = state.ctx;
	struct err *e;

	(void)arg;
	ctx.a = arena_create();
	ctx.user_id = atomic_load(&state.user_id);
	e = agent_turn_stop(&ctx, atomic_load(&state.turn_id));
	if (e)
		log_err(LOG_ERROR, ctx.request_id, "stopping the turn", e);
	arena_free(ctx.a);
	return NULL;
}

static _Noreturn void leave_at_once(int sig)
{
	static const char text[] = "\nquern: left at once; the turn may go on in the service\n";

	_exit(write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ? EXIT_FAILURE : EXIT_SIGNAL + sig);
}

static void react(int sig)
{
	int64_t now = clock_mono_us();

	if (state.came == sig && now - state.came_us < SAME_US)
		return;
	if (atomic_exchange(&state.came, sig))
		leave_at_once(sig);
	state.came_us = now;
	eventfd_write(state.wake_fd, 1);
	if (sig != SIGINT || state.watches) {
		agent_drain(0);
		return;
	}
	agent_stop_all();
	if (atomic_load(&state.turn_id))
		state.stops = pthread_create(&state.stopper, NULL, stop_turn, NULL) == 0;
}

static void *wait_for_signals(void *arg)
{
	int sig;

	(void)arg;
	while (sigwait(&state.set, &sig) == 0)
		react(sig);
	return NULL;
}

int ask_signals_catch(struct ctx *ctx, bool watches)
{
	pthread_t thread;

	state.ctx = *ctx;
	state.watches = watches;
	state.wake_fd = eventfd(0, EFD_CLOEXEC);
	sigemptyset(&state.set);
	sigaddset(&state.set, SIGINT);
	sigaddset(&state.set, SIGTERM);
	sigaddset(&state.set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &state.set, NULL);
	if (pthread_create(&thread, NULL, wait_for_signals, NULL) == 0)
		pthread_detach(thread);
	return state.wake_fd;
}

int ask_signal(void)
{
	return atomic_load(&state.came);
}

void ask_signals_turn(int64_t turn_id, int64_t user_id)
{
	atomic_store(&state.user_id, user_id);
	atomic_store(&state.turn_id, turn_id);
}

void ask_signals_end(void)
{
	ask_signals_turn(0, 0);
	if (state.stops)
		pthread_join(state.stopper, NULL);
	state.stops = false;
}
