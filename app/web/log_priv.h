/* The audit log as sentences: who did what with which object. */
#ifndef WEB_LOG_PRIV_H
#define WEB_LOG_PRIV_H

#include "audit/audit.h"
#include "web/web_priv.h"

struct log_fact {
	const char *name;
	const char *value;
};

struct log_line {
	const char *at;    /* to the second, UTC */
	const char *exact; /* to the microsecond */
	const char *who;
	const char *did;
	const char *object;  /* its name, NULL when the person is meant or there is none */
	const char *href;    /* of its page, or NULL */
	const char *key;     /* of the object: "project:7"; NULL: none */
	const char *summary; /* the details in a line, or NULL */
	struct log_fact *facts;
	size_t nfacts;
};
extern const struct view web_log_line_view;

/* "created the project"; the action itself where there are no words for it. */
const char *web_log_words(const char *action);

/* The entries in words, in the same order. */
MUST_CHECK struct err *web_log_lines(struct ctx *ctx, const struct audit_entry *entries, size_t n,
                                     struct log_line **lines);

/* "2026-03-01 09:30:12 UTC" */
const char *web_log_time(struct arena *a, int64_t wall_us);

#endif
