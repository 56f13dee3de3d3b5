/* Inside audit/: what limits share, and the chain. */
#ifndef AUDIT_AUDIT_PRIV_H
#define AUDIT_AUDIT_PRIV_H

#include <stdint.h>

#include "audit/audit.h"
#include "lib/crypto.h"
#include "lib/str.h"

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

/* An entry as it is stored; NULL is a null. */
struct audit_row {
	int64_t id;
	int64_t at;
	const char *user; /* the number in digits: null and 0 differ */
	const char *email;
	const char *action;
	const char *object;
	const char *detail; /* as the database writes it: jsonb keeps no other form */
	const char *address;
	const char *request_id;
	int64_t seq; /* 0: from before the chain */
	struct str hash;
};

/* The chain: where it stands, and the key. */
struct audit_chain {
	unsigned char key[CRYPTO_KEY_BYTES];
	unsigned char hash[CRYPTO_HASH_BYTES]; /* of the last entry */
	int64_t seq;                           /* of the last entry, 0: none yet */
	int64_t last_id;
};

/* An empty chain. Errors: CONFIG without QUERN_KEY. */
MUST_CHECK struct err *audit_chain_begin(struct ctx *ctx, struct audit_chain *c);
/* Goes on to row: c->hash is then the hash that it should have. Uses ctx->a for a moment only. */
void audit_chain_add(struct ctx *ctx, struct audit_chain *c, const struct audit_row *row);
/* Adds, in place of a first hash, all that was written before the chain; *n tells how many that were. */
MUST_CHECK struct err *audit_chain_seal(struct ctx *ctx, struct audit_chain *c, int64_t *n);
/* Calls fn for all rows of the chain in order, or for those from before it; pages live in an arena of their own,
 * which is the ctx's that fn gets. Ends when fn says true. */
MUST_CHECK struct err *audit_chain_walk(struct ctx *ctx, bool chained,
                                        bool (*fn)(struct ctx *ctx, void *arg, const struct audit_row *row),
                                        void *arg);

/* A file of heads, read from its start. Lines that come later than the opening are left alone. */
struct audit_head {
	int64_t seq; /* 0: the file is over */
	const char *time;
	const char *hash; /* 64 hex digits */
};
struct audit_heads_file;
MUST_CHECK struct err *audit_heads_open(struct arena *a, const char *path, struct audit_heads_file **out);
/* The next line, valid until the one after it. INVALID for one that is none. */
MUST_CHECK struct err *audit_heads_next(struct arena *a, struct audit_heads_file *f, struct audit_head *out);
int audit_heads_line(const struct audit_heads_file *f);

#endif
