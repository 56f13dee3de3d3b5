/*
 * What a piece of work knows about itself. A function that takes a ctx may allocate, query and audit;
 * one that takes an arena only allocates; one that takes neither is pure. There is no global state but
 * settings and the pools that lock for themselves.
 */
#ifndef LIB_CTX_H
#define LIB_CTX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct arena;
struct settings;

struct ctx {
	struct arena *a; /* lives as long as this work */
	const struct settings *settings;
	const char *request_id;  /* 16 characters of [a-z0-9], in every log line and error page */
	const char *address;     /* the client's address, "" for commands */
	int64_t user_id;         /* who acts, 0 for nobody yet and for the system */
	const atomic_bool *stop; /* set to end the work early, or NULL */
	struct db_conn *tx;      /* the open platform transaction, managed by db/, or NULL */
};

/* True once somebody asked this work to stop. */
static inline bool ctx_stopped(const struct ctx *ctx)
{
	return ctx->stop && atomic_load(ctx->stop);
}

#endif
