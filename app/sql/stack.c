/*
 * A large stack for the parser. libpg_query recurses a few kilobytes a level and dies of a small stack where
 * PostgreSQL would raise an error. Switching to another stack of the same thread costs below a microsecond,
 * a thread of its own ten times the parse; and the parser's thread-local memory stays in use.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "sql/sql_priv.h"

#if defined(__SANITIZE_ADDRESS__)
#define STACK_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STACK_ASAN 1
#endif
#endif
#ifdef STACK_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum { STACK_BYTES = 64 << 20, STACK_GUARD = 64 << 10, STACK_KEEP = 1 << 20 };

struct stack_job {
	void (*fn)(void *);
	void *arg;
	ucontext_t caller;
	const void *caller_stack;
	size_t caller_bytes;
};

static pthread_key_t stack_key;
static pthread_once_t stack_once = PTHREAD_ONCE_INIT;
static _Thread_local struct stack_job *stack_current;

static void stack_unmap(void *base)
{
	munmap(base, STACK_BYTES);
}

static void stack_setup(void)
{
	if (pthread_key_create(&stack_key, stack_unmap))
		abort();
}

/* This thread's stack, mapped on first use and unmapped when the thread ends; NULL without memory. */
static char *stack_get(void)
{
	pthread_once(&stack_once, stack_setup);
	char *base = pthread_getspecific(stack_key);
	if (base)
		return base;
	base = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	            -1, 0);
	if (base == MAP_FAILED)
		return NULL;
	if (mprotect(base, STACK_GUARD, PROT_NONE) || pthread_setspecific(stack_key, base)) {
		stack_unmap(base);
		return NULL;
	}
	return base;
}

static void stack_main(void)
{
	struct stack_job *job = stack_current;

#ifdef STACK_ASAN
	__sanitizer_finish_switch_fiber(NULL, &job->caller_stack, &job->caller_bytes);
#endif
	job->fn(job->arg);
#ifdef STACK_ASAN
	__sanitizer_start_switch_fiber(NULL, job->caller_stack, job->caller_bytes);
#endif
}

static void stack_switch(struct stack_job *job, ucontext_t *run, char *base)
{
#ifdef STACK_ASAN
	void *fake = NULL;
	__sanitizer_start_switch_fiber(&fake, base, STACK_BYTES);
#else
	(void)base;
#endif
	/* cppcheck-suppress swapcontextCalled */
	swapcontext(&job->caller, run);
#ifdef STACK_ASAN
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
}

struct err *stack_run(struct arena *a, void (*fn)(void *), void *arg)
{
	char *base = stack_get();
	if (!base)
		return err_new(a, ERR_UNAVAILABLE, "could not get memory for the parser's stack");
	struct stack_job job = {.fn = fn, .arg = arg};
	ucontext_t run;
	/* cppcheck-suppress getcontextCalled */
	getcontext(&run);
	run.uc_stack.ss_sp = base;
	run.uc_stack.ss_size = STACK_BYTES;
	run.uc_link = &job.caller;
	/* cppcheck-suppress makecontextCalled */
	makecontext(&run, stack_main, 0);
	stack_current = &job;
	stack_switch(&job, &run, base);
	stack_current = NULL;
	/* What a deep statement touched is given back. */
	madvise(base + STACK_GUARD, STACK_BYTES - STACK_GUARD - STACK_KEEP, MADV_DONTNEED);
	return NULL;
}
